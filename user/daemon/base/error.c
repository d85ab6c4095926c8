// SPDX-License-Identifier: LGPL-2.1-or-later
/* See error.h. */
#include "base/error.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

int fail(struct failure *failure, const char *error, pid_t pid, const char *format, ...)
{
	va_list arguments;

	failure->error = error;
	failure->pid = pid;
	va_start(arguments, format);
	(void)vsnprintf(failure->message, sizeof(failure->message), format, arguments);
	va_end(arguments);
	return -EBADR;
}

int fail_errno(struct failure *failure, pid_t pid, int error, const char *what)
{
	if (error == -ESRCH || error == -ENOENT)
		return fail(failure, "NoSuchProcess", pid, "pid %d: no such process", (int)pid);
	if (error == -ENOSPC)
		return fail(failure, "NoRoom", pid,
			    "pid %d: %s: the maps are full; `msealctl status` says of what", (int)pid, what);
	return fail(failure, "Failed", pid, "pid %d: %s: %s", (int)pid, what, strerror(-error));
}
