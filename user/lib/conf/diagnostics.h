/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Messages about the faults of a configuration file, and the word that was probably meant. */
#pragma once

#include "lib/base/util.h"

/* One message of one line each: the file, the line (unless 0), the fault and the remedy. */
struct diagnostic {
	char *path;
	unsigned line; /* 0: about the whole file */
	char *message; /* fault and remedy; without control characters */
};

struct diagnostics {
	struct diagnostic *list;
	size_t count, allocated;
};

/* Adds a fault; faults may be NULL. 0 or -ENOMEM. */
int diagnostics_add(struct diagnostics *faults, const char *path, unsigned line, const char *format, ...)
	_printf_(4, 5);
/* The known word that was probably meant, or NULL. */
const char *diagnostics_nearest(const char *word, const char *const *known, size_t count);

/* "PATH:LINE: MESSAGE" without control characters; malloc'ed, or NULL. */
char *diagnostic_text(const struct diagnostic *fault);
void diagnostics_free(struct diagnostics *faults); /* takes NULL or zeroed, and leaves it zeroed */
