/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tap.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static unsigned checks, failures;
static void (*bail_cleanup)(void);

/* Tests examine how a process ends, so AddressSanitizer leaves signals alone in their programs. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
	return "handle_segv=0:handle_sigbus=0:handle_sigill=0:handle_sigfpe=0:handle_abort=0";
}

bool ok(bool good, const char *name, ...)
{
	va_list arguments;

	printf("%sok %u - ", good ? "" : "not ", ++checks);
	va_start(arguments, name);
	vprintf(name, arguments);
	va_end(arguments);
	putchar('\n');
	fflush(stdout);
	if (!good)
		failures++;
	return good;
}

void skip(const char *why, const char *name, ...)
{
	va_list arguments;

	printf("ok %u - ", ++checks);
	va_start(arguments, name);
	vprintf(name, arguments);
	va_end(arguments);
	printf(" # SKIP %s\n", why);
	fflush(stdout);
}

void diag(const char *text, ...)
{
	char buffer[8192], *line, *rest = buffer;
	va_list arguments;

	va_start(arguments, text);
	vsnprintf(buffer, sizeof(buffer), text, arguments);
	va_end(arguments);
	while ((line = strsep(&rest, "\n")))
		if (*line)
			printf("# %s\n", line);
	fflush(stdout);
}

void on_bail(void (*cleanup)(void))
{
	bail_cleanup = cleanup;
}

void bail(const char *why, ...)
{
	void (*cleanup)(void) = bail_cleanup;
	va_list arguments;

	printf("Bail out! ");
	va_start(arguments, why);
	vprintf(why, arguments);
	va_end(arguments);
	putchar('\n');
	fflush(stdout);
	bail_cleanup = NULL;
	if (cleanup)
		cleanup();
	exit(1);
}

unsigned brief(unsigned full, unsigned few)
{
	return getenv("MSEALD_BRIEF") ? few : full;
}

unsigned turn(void)
{
	return (unsigned)atoi(getenv("MSEALD_TURN") ?: "0");
}

int tap_end(void)
{
	printf("1..%u\n", checks);
	if (failures)
		diag("%u of %u failed", failures, checks);
	fflush(stdout);
	return failures ? 1 : 0;
}
