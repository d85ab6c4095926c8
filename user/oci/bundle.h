/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * config.json of an OCI bundle (runtime-spec), with the hook of mseald in it where an annotation
 * asks for that. The text around the hook stays as it is, byte by byte: numbers that engines write,
 * such as a limit of 2^64-1, would not survive being read and written.
 */
#ifndef MSEALD_OCI_BUNDLE_H
#define MSEALD_OCI_BUNDLE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

#include "state.h"

#define BUNDLE_CONFIG_MAX (16u << 20) /* bytes of a config.json */
#define BUNDLE_HOOK_TIMEOUT_S 10      /* as in packaging/oci/mseald.json.in */

struct bundle {
	bool asked;		    /* an annotation begins with io.mseald. */
	enum on_failure on_failure; /* as it says, where that makes sense */
	char *text;		    /* malloc'ed: the file with the hook; NULL: not asked, or it is there */
	size_t size;
};

/*
 * What text, a config.json, asks for, and the text with the hook of that path. -EINVAL and why, with
 * asked and on_failure set as far as they are known; -ENOMEM.
 */
int bundle_edit(const char *text, size_t size, const char *hook, struct bundle *ret, struct fault *fault);

void bundle_free(struct bundle *bundle); /* takes zeroed, leaves it zeroed */

/* A whole file, up to BUNDLE_CONFIG_MAX bytes; malloc'ed. A negative errno and why. */
int bundle_read(const char *path, char **ret_text, size_t *ret_size, struct stat *ret_st,
		struct fault *fault);
/*
 * Replaces the file of that path, at once, by one with owner and mode of st. A negative errno and
 * why: the file is as it was.
 */
int bundle_write(const char *path, const char *text, size_t size, const struct stat *st, struct fault *fault);

#endif
