// SPDX-License-Identifier: LGPL-2.1-or-later
/* All messages of msealctl on standard error are printed here, one line at a time. */
#include <langinfo.h>
#include <poll.h>
#include <stdarg.h>

#include "ctl/base/error.h"
#include "ctl/base/text.h"
#include "lib/base/util.h"

/* Messages contain names of files and processes, so the whole message is escaped. */
static void complain(const char *suffix, const char *format, va_list arguments)
{
	_cleanup_free_ char *text = NULL, *escaped = NULL;

	if (vasprintf(&text, format, arguments) < 0)
		text = NULL;
	else
		escaped = text_escape(text, strcmp(nl_langinfo(CODESET), "UTF-8") == 0);
	(void)fflush(stdout);
	(void)fprintf(stderr, "msealctl: %s%s\n", escaped ? escaped : "out of memory", suffix);
}

int error_failure(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	complain("", format, arguments);
	va_end(arguments);
	return CTL_FAILURE;
}

int error_status(int status, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	complain("", format, arguments);
	va_end(arguments);
	return status;
}

int error_usage(const struct ctl *ctl, const char *format, ...)
{
	_cleanup_free_ char *suffix = FORMAT_NEW(
		"; see msealctl %s%s--help", ctl->command ? ctl->command->name : "", ctl->command ? " " : "");
	va_list arguments;

	va_start(arguments, format);
	complain(suffix ? suffix : "", format, arguments);
	va_end(arguments);
	return CTL_USAGE;
}

int error_out_of_memory(void)
{
	return error_failure("out of memory");
}

int error_printing(void)
{
	struct pollfd out = { .fd = STDOUT_FILENO };

	/* errno may come from another call. */
	if (errno == EPIPE || (poll(&out, 1, 0) > 0 && out.revents & POLLERR))
		return CTL_BROKEN_PIPE;
	return error_failure("cannot print: %s", strerror(errno));
}
