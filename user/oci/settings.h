/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* oci-runtime.conf: which runtime makes the containers, and which hook is added. */
#ifndef MSEALD_OCI_SETTINGS_H
#define MSEALD_OCI_SETTINGS_H

#include "lib/conf/diagnostics.h"

#define SETTINGS_RUNTIME "runc" /* where no file says otherwise */

struct settings {
	char *runtime; /* a path, or a name to look for in $PATH */
	char *hook;    /* a path */
};

/* Adds what text says to *ret. -EINVAL after a complaint, -ENOMEM: *ret is as it was. */
int settings_parse(const char *path, const char *text, size_t size, struct settings *ret,
		   struct diagnostics *faults);
/*
 * Reads the first file that is there: /etc/mseald/oci-runtime.conf, /run/mseald/oci-runtime.conf, then
 * that of the package; below root. -EINVAL after a complaint, -ENOMEM. What is returned is to be freed.
 */
int settings_load(const char *root, struct settings *ret, struct diagnostics *faults);
void settings_free(struct settings *settings); /* takes zeroed, leaves it zeroed */

#endif
