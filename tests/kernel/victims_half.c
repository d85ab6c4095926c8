/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Victims in the middle of a call: a stop would be visible in its result. They get the next gate. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

#include "tap.h"
#include "victims.h"

#define MUCH (1 << 20)

static char much[MUCH];

/* Reads all of it from the other end, when half has been written. */
static void drain(int fd)
{
	char buffer[4096];
	long all = 0;

	while (all < MUCH) {
		ssize_t n = read(fd, buffer, sizeof(buffer));

		if (n <= 0)
			break;
		all += n;
		if (poll(&(struct pollfd){ fd, POLLIN, 0 }, 1, 5000) <= 0)
			break;
	}
	atomic_store(&scene.shared->numbers[1], (uint64_t)all);
}

static void drain_pipe(void)
{
	drain(scene.pipe[0]);
}

static void drain_stream(void)
{
	drain(scene.stream[1]);
}

static long in_write(const long arguments[6])
{
	long n = RAW(SYS_write, scene.pipe[1], much, MUCH);

	(void)arguments;
	MUST(n == MUCH, n);
	return 0;
}

static long in_writev(const long arguments[6])
{
	struct iovec parts[2] = { { much, MUCH / 2 }, { much + MUCH / 2, MUCH / 2 } };
	long n = RAW(SYS_writev, scene.pipe[1], parts, 2);

	(void)arguments;
	MUST(n == MUCH, n);
	return 0;
}

static long in_send(const long arguments[6])
{
	long n = RAW(SYS_sendto, scene.stream[0], much, MUCH, 0, NULL, 0);

	(void)arguments;
	MUST(n == MUCH, n);
	return 0;
}

static long in_sendfile(const long arguments[6])
{
	long n;

	(void)arguments;
	MUST(ftruncate(scene.file, MUCH) == 0, errno);
	n = RAW(SYS_sendfile, scene.stream[0], scene.file, NULL, MUCH);
	MUST(n == MUCH, n);
	return 0;
}

static long in_recv_all(const long arguments[6])
{
	char buffer[10];
	long n;

	(void)arguments;
	MUST(write(scene.stream[1], "hello", 5) == 5, errno);
	n = RAW(SYS_recvfrom, scene.stream[0], buffer, 10, MSG_WAITALL, NULL, NULL);
	MUST(n == 10 && !memcmp(buffer, "hellohello", 10), n);
	return 0;
}

static void send_rest(void)
{
	if (write(scene.stream[1], "hello", 5) != 5)
		bail("write: %s", strerror(errno));
}

/* The listener's queue is full. */
static struct sockaddr_un address = { .sun_family = AF_UNIX, .sun_path = "\0mseald-full" };
static int listener, queued;

static void fill_queue(void)
{
	listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	(void)bind(listener, (struct sockaddr *)&address, sizeof(address));
	(void)listen(listener, 0);
	queued = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (connect(queued, (struct sockaddr *)&address, sizeof(address)))
		bail("connect: %s", strerror(errno));
}

static long in_connect(const long arguments[6])
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	long r = RAW(SYS_connect, fd, &address, sizeof(address));

	(void)arguments;
	MUST(r == 0, r);
	return 0;
}

static void accept_two(void)
{
	close(accept(listener, NULL, NULL));
	close(accept(listener, NULL, NULL));
	close(queued);
	close(listener);
}

/* Waits for its child uninterruptibly, all but SIGKILL. */
static long in_vfork(const long arguments[6])
{
	static char byte; /* the child has our stack */
	pid_t pid = vfork();

	(void)arguments;
	if (pid == 0) {
		atomic_store(&scene.shared->progress, 1);
		_exit(RAW(SYS_read, scene.pipe[0], &byte, 1) == 1 ? 0 : 1);
	}
	MUST(pid > 0 && byte == 'h', byte);
	return 0;
}

const struct victim half_victims[] = {
	{ "write, half done", in_write, SYS_write, drain_pipe, NEXT },
	{ "writev, half done", in_writev, SYS_writev, drain_pipe, NEXT },
	{ "sendto, half done", in_send, SYS_sendto, drain_stream, NEXT },
	{ "sendfile, half done", in_sendfile, SYS_sendfile, drain_stream, NEXT },
	{ "recvfrom with MSG_WAITALL, half done", in_recv_all, SYS_recvfrom, send_rest, NEXT },
	{ "connect", in_connect, SYS_connect, accept_two, NEXT, .set_up = fill_queue },
	{ "vfork", in_vfork, SAYS_SO, wake_pipe, NEXT },
	{ .name = NULL },
};
