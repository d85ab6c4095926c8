/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What msealctl says on standard error. */
#ifndef MSEALCTL_ERROR_H
#define MSEALCTL_ERROR_H

#include "ctl/base/command.h"
#include "lib/base/util.h"

/* One line on stderr, "msealctl: ..."; control characters are escaped. Returns CTL_FAILURE. */
int error_failure(const char *format, ...) _printf_(1, 2);
/* The same, and returns status. */
int error_status(int status, const char *format, ...) _printf_(2, 3);
/* The same with "; see msealctl COMMAND --help" after it. Returns CTL_USAGE. */
int error_usage(const struct ctl *ctl, const char *format, ...) _printf_(2, 3);
int error_out_of_memory(void);
/* What was printed did not arrive, errno says why: CTL_FAILURE, or CTL_BROKEN_PIPE and no line. */
int error_printing(void);

#endif
