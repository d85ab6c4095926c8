// SPDX-License-Identifier: LGPL-2.1-or-later
/* See launch.h. */
#include "trace/launch.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "process/procfs.h"
#include "trace/remote_syscall.h"

#define ANSWER_MILLISECONDS 20000

bool held_lives(const struct held *held)
{
	return procfs_lives(held->pidfd);
}

int held_send(int fd, const struct held_message *message, const void *more, size_t size)
{
	struct iovec parts[] = { { (void *)(uintptr_t)message, sizeof(*message) }, { (void *)(uintptr_t)more, size } };
	struct msghdr header = { .msg_iov = parts, .msg_iovlen = size ? 2 : 1 };

	return sendmsg(fd, &header, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

int held_say(int fd, enum held_word word, uint32_t value)
{
	return held_send(fd, &(struct held_message){ .word = word, .value = value }, NULL, 0);
}

/* Nothing else can come from a tracer whose process stands. */
static enum answer read_answer(const struct held *held)
{
	struct pollfd wait = { .fd = held->fd, .events = POLLIN };
	struct held_message message;
	ssize_t size;
	int n;

	do
		n = poll(&wait, 1, ANSWER_MILLISECONDS);
	while (n < 0 && errno == EINTR);
	size = n > 0 ? recv(held->fd, &message, sizeof(message), 0) : -1;
	if (size == (ssize_t)sizeof(message) && message.word == HELD_CALLED && message.value < ANSWER_COUNT)
		return (enum answer)message.value;
	return n == 0 ? ANSWER_LATE : ANSWER_GONE;
}

int held_mseal(const struct held *held, const struct range *ranges, size_t count, const char **ret_why)
{
	const struct held_message message = { .word = HELD_MSEAL };
	enum answer answer = ANSWER_TOO_MANY;

	if (count <= CALLING_MAX_RANGES)
		answer = held_send(held->fd, &message, ranges, count * sizeof(*ranges)) < 0 ? ANSWER_GONE :
											      read_answer(held);
	if (answer == ANSWER_SEALED)
		return 1;
	*ret_why = answer_phrase(answer);
	return 0;
}
