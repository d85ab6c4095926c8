// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * LD_PRELOAD: asks mseald to seal the process after its loader has finished and before main() runs, and waits
 * for the answer. So every program of a build, or of a `git gc`, runs sealed. Appends the result to
 * $MSEALD_TEST_LOG: "PROGRAM native", "PROGRAM bpf" or the error.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static void say(const char *what)
{
	const char *path = getenv("MSEALD_TEST_LOG");
	int fd = path ? open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0666) : -1;
	char line[256];
	int length = snprintf(line, sizeof(line), "%s %s\n", program_invocation_short_name, what);

	if (fd < 0)
		return;
	(void)!write(fd, line, (size_t)length);
	close(fd);
}

__attribute__((constructor)) static void seal(void)
{
	const struct sockaddr_un address = { AF_UNIX, "/run/mseald/io.mseald" };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), error = errno;
	char text[4096];
	size_t length = 0;

	snprintf(text, sizeof(text), "{\"method\":\"io.mseald.Seal\",\"parameters\":{\"pid\":%d}}", getpid());
	if (fd < 0 || connect(fd, (const struct sockaddr *)&address, sizeof(address)) ||
	    write(fd, text, strlen(text) + 1) < 0) {
		say("no daemon");
		close(fd);
		errno = error;
		return;
	}
	while (length < sizeof(text)) {
		ssize_t got = read(fd, text + length, sizeof(text) - length);

		if (got <= 0)
			break;
		length += (size_t)got;
		if (!text[length - 1])
			break;
	}
	text[length < sizeof(text) ? length : sizeof(text) - 1] = '\0';
	say(strstr(text, "\"native\":true") ? "native" : strstr(text, "\"native\":false") ? "bpf" : text);
	close(fd);
	errno = error;
}
