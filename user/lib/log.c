// SPDX-License-Identifier: LGPL-2.1-or-later
/* See log.h. */
#include "log.h"

#include <stdarg.h>
#include <stdlib.h>

static enum log_level most = LOG_LEVEL_INFO;

void log_set_level(enum log_level level)
{
	most = level;
}

void log_message(enum log_level level, const char *format, ...)
{
	char line[2048];
	va_list arguments;

	if (level > most)
		return;
	va_start(arguments, format);
	(void)vsnprintf(line, sizeof(line), format, arguments);
	va_end(arguments);
	if (getenv("JOURNAL_STREAM"))
		(void)fprintf(stderr, "<%d>%s\n", level, line);
	else
		(void)fprintf(stderr, "mseald: %s\n", line);
}
