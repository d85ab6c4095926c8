/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The folders of the packaged configuration and of the hook of containers. A separate header, because a
 * change of PREFIX rebuilds every file that includes it.
 */
#pragma once

#if __has_include("paths.h")
/* Made by the Makefile: all paths below PREFIX. */
#include "paths.h"
#else
#define CONFIG_FOLDER_VENDOR "/usr/lib/mseald"
#define POLICY_FOLDER_VENDOR "/usr/lib/mseald/policy.d"
#define OCI_HOOK_PATH "/usr/libexec/mseald/mseald-oci-hook"
#endif
