/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Where the packaged configuration and the hook of containers are. A header of its own: a change of
 * PREFIX rebuilds what includes it.
 */
#ifndef MSEALD_CONF_FOLDERS_H
#define MSEALD_CONF_FOLDERS_H

#if __has_include("paths.h")
/* Made by the Makefile: all below PREFIX. */
#include "paths.h"
#else
#define CONFIG_FOLDER_VENDOR "/usr/lib/mseald"
#define POLICY_FOLDER_VENDOR "/usr/lib/mseald/policy.d"
#define OCI_HOOK_PATH "/usr/libexec/mseald/mseald-oci-hook"
#endif

#endif
