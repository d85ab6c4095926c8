// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * See mseal_ask.h. Each request has its own connection, so threads and the child of a fork share nothing.
 * Only the error is read from the reply, byte by byte: the small stack of a signal handler is enough.
 */
#include "libmseal/mseal_ask.h"

#include <poll.h>
#include <pthread.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

#include "lib/base/util.h"

#ifndef MSEAL_SOCKET
#define MSEAL_SOCKET "/run/mseald/io.mseald"
#endif
/*
 * Limit of the whole request. At the first seal of a machine mseald loads all its programs, in about a
 * second.
 */
#ifndef MSEAL_TIMEOUT_MS
#define MSEAL_TIMEOUT_MS 30000
#endif

/* --- the call --- */

struct call {
	char text[256];
	size_t length;
};

static void add_text(struct call *call, const char *text)
{
	while (*text)
		call->text[call->length++] = *text++;
}

static void add_number(struct call *call, uint64_t number)
{
	char digits[24], *first = digits + sizeof(digits) - 1;

	*first = '\0';
	do
		*--first = (char)('0' + number % 10);
	while (number /= 10);
	add_text(call, first);
}

static void begin_call(struct call *call)
{
	call->length = 0;
	add_text(call, "{\"method\":\"io.mseald.Seal\",\"parameters\":{\"pid\":");
	add_number(call, (uint64_t)getpid());
}

/* --- the reply --- */

/* The state of the JSON reader. word: the last string of the outermost object. */
struct reply {
	unsigned depth;
	bool in_string, escaped, in_error, complete, failed;
	size_t length;
	char word[64];
};

static void read_string(struct reply *reply, char c)
{
	if (!reply->escaped && c == '"') {
		reply->in_string = false;
		reply->word[reply->length] = '\0';
		reply->failed |= reply->depth == 1 && reply->in_error;
		return;
	}
	reply->escaped = !reply->escaped && c == '\\';
	if (reply->depth == 1 && !reply->failed && reply->length < sizeof(reply->word) - 1)
		reply->word[reply->length++] = c;
}

static void read_byte(struct reply *reply, char c)
{
	if (reply->in_string) {
		read_string(reply, c);
		return;
	}
	switch (c) {
	case '"':
		reply->in_string = true;
		if (!reply->failed)
			reply->length = 0;
		break;
	case '{':
	case '[': reply->depth++; break;
	case '}':
	case ']':
		reply->depth--;
		reply->complete |= !reply->depth;
		break;
	case ':':
		if (reply->depth == 1)
			reply->in_error = strcmp(reply->word, "error") == 0;
		break;
	case ',':
		if (reply->depth == 1)
			reply->in_error = false;
		break;
	default: break;
	}
}

/* A denial is EPERM; ENOMEM if memory is not mapped, or at a limit. */
static int error_of(const struct reply *reply)
{
	static const char *const no_memory[] = { "NotMapped", "InvalidRange", "TooMany", "NoRoom",
						 "NothingToSeal" };
	const char *name = strrchr(reply->word, '.');

	if (!reply->failed)
		return 0;
	for (size_t i = 0; name && i < ELEMENTS(no_memory); i++)
		if (strcmp(name + 1, no_memory[i]) == 0)
			return -ENOMEM;
	return -EPERM;
}

/* --- the connection --- */

static int64_t now_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* With a full backlog connect(2) waits: until the deadline, not forever. */
static bool connect_until(int fd, int64_t deadline)
{
	static const struct sockaddr_un address = { .sun_family = AF_UNIX, .sun_path = MSEAL_SOCKET };
	int64_t left;

	while ((left = deadline - now_ms()) > 0) {
		struct timeval time = { .tv_sec = left / 1000, .tv_usec = left % 1000 * 1000 + 1 };

		(void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &time, sizeof(time));
		if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0)
			return true;
		if (errno != EINTR)
			return false;
	}
	return false;
}

/* Waits in poll(2): the native gate picks only threads in calls that can be restarted. */
static bool read_reply(int fd, int64_t deadline, struct reply *reply)
{
	int64_t left;

	while ((left = deadline - now_ms()) > 0) {
		struct pollfd one = { .fd = fd, .events = POLLIN };
		char bytes[128];
		int ready = poll(&one, 1, (int)left);
		ssize_t n;

		if (ready == 0 || (ready < 0 && errno == EINTR))
			continue;
		n = recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT);
		if (ready < 0 || n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
			return false;
		for (ssize_t i = 0; i < n; i++) {
			if (!bytes[i])
				return reply->complete;
			read_byte(reply, bytes[i]);
		}
	}
	return false;
}

static int exchange(const struct call *call)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int64_t deadline = now_ms() + MSEAL_TIMEOUT_MS;
	struct reply reply = {};
	bool answered;

	if (fd < 0)
		return errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM ? -ENOMEM :
												   -ENOSYS;
	answered = connect_until(fd, deadline) &&
		   send(fd, call->text, call->length, MSG_NOSIGNAL) == (ssize_t)call->length &&
		   read_reply(fd, deadline, &reply);
	(void)close(fd);
	return answered ? error_of(&reply) : -ENOSYS;
}

/* mseal(2) is not a cancellation point, and a thread cancelled here would leak its descriptor. */
static int ask(struct call *call)
{
	int state, r;

	add_text(call, "}}");
	call->text[call->length++] = '\0';
	(void)pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
	r = exchange(call);
	(void)pthread_setcancelstate(state, NULL);
	return r;
}

int mseal_ask_range(const void *addr, size_t len, unsigned long flags)
{
	uint64_t start = (uintptr_t)addr, length = page_up(len), end = start + length;
	struct call call;

	/* The checks of mm/mseal.c, do_mseal(). */
	if (flags || start != page_down(start) || length < len || end < start)
		return -EINVAL;
	if (!length)
		return 0;
	/* No process has memory above, and mseald's numbers have 63 bits. */
	if (end > INT64_MAX)
		return -ENOMEM;
	begin_call(&call);
	add_text(&call, ",\"ranges\":[{\"start\":");
	add_number(&call, start);
	add_text(&call, ",\"end\":");
	add_number(&call, end);
	add_text(&call, "}]");
	return ask(&call);
}

int mseal_ask_all(void)
{
	struct call call;

	begin_call(&call);
	return ask(&call);
}
