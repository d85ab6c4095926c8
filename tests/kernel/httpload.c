/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * httpload PORT PATH REQUESTS [CLIENTS [EACH]]: requests PATH from the web server on 127.0.0.1 this often, by
 * CLIENTS processes (default 4) with EACH requests (default 1) per connection. Prints the number of complete
 * answers with status 200. Exit status 0: all were.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

static int port, each = 1;
static const char *path;

static int open_connection(void)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
				       .sin_port = htons((uint16_t)port),
				       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct timeval patience = { .tv_sec = 30 };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0)
		return fd;
	close(fd);
	return -1;
}

/* Reads one answer; true: status 200 and the announced number of bytes. */
static bool read_answer(int fd)
{
	static char buffer[65536];
	size_t got = 0, head;
	char *end = NULL, *length;
	ssize_t n;
	long body;

	while (!end) {
		n = recv(fd, buffer + got, sizeof(buffer) - 1 - got, 0);
		if (n <= 0)
			return false;
		got += (size_t)n;
		buffer[got] = '\0';
		end = strstr(buffer, "\r\n\r\n");
		if (!end && got == sizeof(buffer) - 1)
			return false;
	}
	*end = '\0';
	head = (size_t)(end - buffer) + 4;
	length = strcasestr(buffer, "\r\nContent-Length:");
	if (strncmp(buffer, "HTTP/1.1 200 ", 13) || !length)
		return false;
	body = strtol(length + 17, NULL, 10) - (long)(got - head);
	while (body > 0) {
		n = recv(fd, buffer, (size_t)body < sizeof(buffer) ? (size_t)body : sizeof(buffer), 0);
		if (n <= 0)
			return false;
		body -= n;
	}
	return body == 0;
}

static int run_client(int requests)
{
	char text[1024];
	int good = 0, left = 0, fd = -1;

	for (int i = 0; i < requests; i++) {
		bool last;
		int size;

		if (left == 0) {
			fd = open_connection();
			left = each;
		}
		last = --left == 0 || i == requests - 1;
		size = snprintf(text, sizeof(text), "GET %s HTTP/1.1\r\nHost: x\r\nConnection: %s\r\n\r\n",
				path, last ? "close" : "keep-alive");
		if (fd >= 0 && send(fd, text, (size_t)size, MSG_NOSIGNAL) == size && read_answer(fd))
			good++;
		else
			left = 0;
		if ((last || left == 0) && fd >= 0) {
			close(fd);
			fd = -1;
		}
	}
	return good;
}

int main(int argc, char **argv)
{
	int requests, clients = argc > 4 ? atoi(argv[4]) : 4, good = 0, pipe_fds[2], one;

	if (argc < 4 || (port = atoi(argv[1])) <= 0 || (requests = atoi(argv[3])) <= 0 || clients <= 0) {
		fputs("usage: httpload PORT PATH REQUESTS [CLIENTS [EACH]]\n", stderr);
		return 2;
	}
	path = argv[2];
	each = argc > 5 ? atoi(argv[5]) : 1;
	if (pipe(pipe_fds))
		return 1;
	for (int i = 0; i < clients; i++) {
		pid_t pid = fork();

		if (pid == 0) {
			one = run_client(requests / clients + (i < requests % clients));
			_exit(write(pipe_fds[1], &one, sizeof(one)) == sizeof(one) ? 0 : 1);
		}
	}
	close(pipe_fds[1]);
	while (read(pipe_fds[0], &one, sizeof(one)) == sizeof(one))
		good += one;
	while (wait(NULL) > 0)
		;
	printf("%d requests, %d answered\n", requests, good);
	return good == requests ? 0 : 1;
}
