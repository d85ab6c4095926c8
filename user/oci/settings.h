/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* oci-runtime.conf: the runtime that makes the containers, and the hook to add. */
#pragma once

#include "lib/conf/diagnostics.h"

#define SETTINGS_RUNTIME "runc" /* default */

struct settings {
	char *runtime; /* a path, or a name to look up in $PATH */
	char *hook;    /* a path */
};

/* Adds the settings of text to *ret. -EINVAL after a complaint, -ENOMEM: *ret is unchanged. */
int settings_parse(const char *path, const char *text, size_t size, struct settings *ret,
		   struct diagnostics *faults);
/*
 * Reads the first file that exists, below root: /etc/mseald/oci-runtime.conf, /run/mseald/oci-runtime.conf,
 * then that of the package. -EINVAL after a complaint, -ENOMEM. The caller frees *ret.
 */
int settings_load(const char *root, struct settings *ret, struct diagnostics *faults);
void settings_free(struct settings *settings); /* takes zeroed, leaves it zeroed */
