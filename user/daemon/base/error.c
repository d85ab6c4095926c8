// SPDX-License-Identifier: LGPL-2.1-or-later
/* See error.h. */
#include "base/error.h"

#include <stdarg.h>

int error_set(struct error *error, const char *name, pid_t pid, const char *format, ...)
{
	va_list arguments;

	error->name = name;
	error->pid = pid;
	va_start(arguments, format);
	(void)vsnprintf(error->message, sizeof(error->message), format, arguments);
	va_end(arguments);
	return -EBADR;
}

int error_set_errno(struct error *error, pid_t pid, int r, const char *what)
{
	if (r == -ESRCH || r == -ENOENT)
		return error_about(error, "NoSuchProcess", pid, ": no such process");
	if (r == -ENOSPC)
		return error_about(error, "NoRoom", pid,
				   ": %s: a map is full; `msealctl status` shows the usage", what);
	if (r == -ETIMEDOUT)
		return error_about(error, "Failed", pid,
				   ": %s: the process, or the server of a file that it maps, does not answer",
				   what);
	return error_about(error, "Failed", pid, ": %s: %s", what, strerror(-r));
}
