/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A forked server in place of mseald, which answers msealctl by a script. */
#pragma once

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/util.h"

#define FAKE_DAEMON_REQUEST_MAX (1 << 20)

struct reply {
	const char *method;
	const char *json; /* objects, one on each line */
};

struct fake_daemon {
	char folder[64];
	struct sockaddr_un address;
	int listener;
	char *request;	/* last request, shared with the server */
	char *requests; /* all requests of this run, one per line */
};

/* Sends every line with a NUL instead of its new line. */
static inline void fake_daemon_answer(int fd, const char *json)
{
	for (;;) {
		size_t length = strcspn(json, "\n");

		if (write(fd, json, length) < 0 || write(fd, "", 1) < 0 || !json[length])
			return;
		json += length + 1;
	}
}

/* Handles one request, and answers it. */
static inline void fake_daemon_talk(struct fake_daemon *daemon, int fd, const struct reply *replies)
{
	static char request[FAKE_DAEMON_REQUEST_MAX];
	size_t got = 0;
	ssize_t r;

	while ((r = read(fd, request + got, sizeof(request) - got)) > 0) {
		got += (size_t)r;
		if (request[got - 1] == '\0')
			break;
	}
	if (r <= 0)
		return;
	(void)strcpy(daemon->request, request);
	if (strlen(daemon->requests) + got < FAKE_DAEMON_REQUEST_MAX)
		(void)strcat(strcat(daemon->requests, request), "\n");
	for (const struct reply *reply = replies; reply->method; reply++)
		if (strstr(request, reply->method)) {
			fake_daemon_answer(fd, reply->json);
			return;
		}
}

/* Forks the server: it sends the first reply whose method is in the request. End it with SIGKILL. */
static inline pid_t fake_daemon_serve(struct fake_daemon *daemon, const struct reply *replies)
{
	pid_t server = fork();

	if (server)
		return server;
	alarm(20);
	/* A client may be gone before everything is written. */
	(void)signal(SIGPIPE, SIG_IGN);
	for (;;) {
		_cleanup_close_ int fd = accept(daemon->listener, NULL, NULL);

		fake_daemon_talk(daemon, fd, replies);
	}
}

static inline int fake_daemon_open(struct fake_daemon *daemon)
{
	*daemon = (struct fake_daemon){ .folder = "/tmp/test_ctl.XXXXXX", .address.sun_family = AF_UNIX };
	if (!mkdtemp(daemon->folder))
		return -1;
	FORMAT(daemon->address.sun_path, "%s/socket", daemon->folder);
	daemon->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	daemon->request = mmap(NULL, 2 * FAKE_DAEMON_REQUEST_MAX, PROT_READ | PROT_WRITE,
			       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	daemon->requests = daemon->request + FAKE_DAEMON_REQUEST_MAX;
	return bind(daemon->listener, (struct sockaddr *)&daemon->address, sizeof(daemon->address)) < 0 ||
			       listen(daemon->listener, 5) < 0 ?
		       -1 :
		       0;
}

static inline void fake_daemon_close(struct fake_daemon *daemon)
{
	(void)close(daemon->listener);
	(void)unlink(daemon->address.sun_path);
	(void)rmdir(daemon->folder);
	(void)munmap(daemon->request, 2 * FAKE_DAEMON_REQUEST_MAX);
}
