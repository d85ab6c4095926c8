/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Messages of msealctl on standard error. */
#pragma once

#include "ctl/base/command.h"
#include "lib/base/util.h"

/* Prints one line on stderr, "msealctl: ..."; control characters are escaped. Returns CTL_FAILURE. */
int error_failure(const char *format, ...) _printf_(1, 2);
/* The same, but returns status. */
int error_status(int status, const char *format, ...) _printf_(2, 3);
/* The same, followed by "; see msealctl COMMAND --help". Returns CTL_USAGE. */
int error_usage(const struct ctl *ctl, const char *format, ...) _printf_(2, 3);
int error_out_of_memory(void);
/*
 * Output could not be written, errno has the reason. Returns CTL_FAILURE, or CTL_BROKEN_PIPE without a line.
 */
int error_printing(void);
