// SPDX-License-Identifier: LGPL-2.1-or-later
/* See launch.h. */
#include "trace/launch.h"

#include <sys/socket.h>
#include <sys/uio.h>

#include "process/procfs.h"
#include "trace/remote_syscall.h"

bool launch_lives(const struct launch *launch)
{
	return procfs_lives(launch->pidfd);
}

int launch_send(int fd, const struct launch_message *message, const void *more, size_t size)
{
	struct iovec parts[] = { { (void *)(uintptr_t)message, sizeof(*message) },
				 { (void *)(uintptr_t)more, size } };
	struct msghdr header = { .msg_iov = parts, .msg_iovlen = size ? 2 : 1 };

	return sendmsg(fd, &header, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

int launch_say(int fd, enum launch_word word, uint32_t value)
{
	return launch_send(fd, &(struct launch_message){ .word = word, .value = value }, NULL, 0);
}

/* A tracer whose process is stopped can send nothing else. */
static enum remote_answer read_answer(const struct launch *launch)
{
	int n = remote_syscall_await(launch->fd);
	struct launch_message message;
	ssize_t size;

	size = n > 0 ? recv(launch->fd, &message, sizeof(message), 0) : -1;
	if (size == (ssize_t)sizeof(message) && message.word == LAUNCH_CALLED && message.value < ANSWER_COUNT)
		return (enum remote_answer)message.value;
	return n == 0 ? ANSWER_LATE : ANSWER_GONE;
}

int launch_mseal(const struct launch *launch, const struct range *ranges, size_t count, const char **ret_why)
{
	const struct launch_message message = { .word = LAUNCH_MSEAL };
	enum remote_answer answer = ANSWER_TOO_MANY;

	if (count <= REMOTE_SYSCALL_MAX_RANGES)
		answer = launch_send(launch->fd, &message, ranges, count * sizeof(*ranges)) < 0 ?
				 ANSWER_GONE :
				 read_answer(launch);
	if (answer == ANSWER_SEALED)
		return 1;
	*ret_why = remote_answer_phrase(answer);
	return 0;
}
