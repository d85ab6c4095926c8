/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Where the packaged configuration is. A header of its own: a change of PREFIX rebuilds what includes it. */
#ifndef MSEALD_CONF_FOLDERS_H
#define MSEALD_CONF_FOLDERS_H

#if __has_include("paths.h")
/* Made by the Makefile: both below PREFIX. */
#include "paths.h"
#else
#define CONFIG_FOLDER_VENDOR "/usr/lib/mseald"
#define POLICY_FOLDER_VENDOR "/usr/lib/mseald/policy.d"
#endif

#endif
