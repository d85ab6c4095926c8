/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * config.json of an OCI bundle (runtime-spec), to which an annotation can have the hook of mseald added. The
 * text around the hook stays the same, byte by byte: numbers that engines write, such as a limit of 2^64-1,
 * would not survive parsing and writing.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

#include "state.h"

#define BUNDLE_CONFIG_MAX (16u << 20) /* bytes of a config.json */
#define BUNDLE_HOOK_TIMEOUT_S 10      /* as in packaging/oci/mseald.json.in */

struct bundle {
	bool asked;		    /* an annotation begins with io.mseald. */
	enum on_failure on_failure; /* value of the annotation, if valid */
	char *text; /* malloc'ed: the file with the hook; NULL: not asked for, or already present */
	size_t size;
};

/*
 * Reads the annotations of text, a config.json, and returns the text with the hook of that path. -EINVAL and
 * the reason, with asked and on_failure set as far as they are known; -ENOMEM.
 */
int bundle_edit(const char *text, size_t size, const char *hook, struct bundle *ret, struct fault *fault);

void bundle_free(struct bundle *bundle); /* takes zeroed, leaves it zeroed */

/* Reads a whole file, up to BUNDLE_CONFIG_MAX bytes; malloc'ed. A negative errno and the reason. */
int bundle_read(const char *path, char **ret_text, size_t *ret_size, struct stat *ret_st,
		struct fault *fault);
/*
 * Replaces the file of that path atomically by one with owner and mode of st. A negative errno and the
 * reason: the file is unchanged.
 */
int bundle_write(const char *path, const char *text, size_t size, const struct stat *st, struct fault *fault);
