// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * See reader.h. The reader is a fork without an exec: a job is a function of the daemon, and the memory of
 * the replies, shared between the two, has the same address in both.
 */
#define _GNU_SOURCE
#include "process/reader.h"

#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#include "base/log.h"
#include "lib/base/util.h"
#include "lib/proc/maps.h"
#include "process/overdue.h"

#define REPLY_MAX ((size_t)256 << 20) /* bytes; of addresses: memory is used for what is written */
#define REPLY_KEPT ((size_t)1 << 20)
#define ARGUMENT_MAX 8192
#define ANSWER_MILLISECONDS 10000
#define PAUSE_US (300 * UINT64_C(1000000))
#define ITERATORS 2

static struct {
	int fd; /* to the reader; -1: there is none */
	pid_t pid;
	char *memory;
	size_t used;	     /* bytes of memory that a reply has written since the last trim */
	int keep[ITERATORS]; /* descriptors that jobs need */
	bool here;	     /* jobs run in this process: it is another child of the daemon */
} reader = { .fd = -1, .keep = { -1, -1 } };

static struct overdue overdue = { .pause_us = PAUSE_US };

/* --- messages --- */

struct head {
	reader_job job; /* of a question */
	int result;	/* of an answer */
	size_t size;	/* bytes of the argument, or of the reply */
};

static size_t count_fds(const int *fds)
{
	size_t count = 0;

	while (count < READER_DESCRIPTORS && fds[count] >= 0)
		count++;
	return count;
}

static ssize_t send_message(int fd, struct head *head, const void *argument, size_t size, const int *fds)
{
	struct iovec parts[] = { { head, sizeof(*head) }, { (void *)argument, size } };
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(READER_DESCRIPTORS * sizeof(int))];
	} control = {};
	size_t length = count_fds(fds) * sizeof(*fds);
	struct msghdr message = { .msg_iov = parts, .msg_iovlen = ELEMENTS(parts) };

	if (length) {
		message.msg_control = &control;
		message.msg_controllen = CMSG_SPACE(length);
		control.header.cmsg_level = SOL_SOCKET;
		control.header.cmsg_type = SCM_RIGHTS;
		control.header.cmsg_len = CMSG_LEN(length);
		memcpy(CMSG_DATA(&control.header), fds, length);
	}
	return sendmsg(fd, &message, MSG_NOSIGNAL);
}

/* 0: the other end is closed. */
static ssize_t receive_message(int fd, struct head *head, void *argument, size_t size,
			       int fds[READER_DESCRIPTORS])
{
	struct iovec parts[] = { { head, sizeof(*head) }, { argument, size } };
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(READER_DESCRIPTORS * sizeof(int))];
	} control;
	struct msghdr message = { .msg_iov = parts,
				  .msg_iovlen = ELEMENTS(parts),
				  .msg_control = &control,
				  .msg_controllen = sizeof(control) };
	const struct cmsghdr *rights;
	ssize_t n;

	do
		n = recvmsg(fd, &message, MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	memset(fds, -1, READER_DESCRIPTORS * sizeof(*fds));
	rights = n > 0 ? CMSG_FIRSTHDR(&message) : NULL;
	if (rights && rights->cmsg_type == SCM_RIGHTS)
		memcpy(fds, CMSG_DATA(rights), rights->cmsg_len - CMSG_LEN(0));
	return n;
}

/* --- in the reader --- */

void *reader_reply_room(struct reader_reply *reply, size_t size)
{
	size_t at = (reply->size + _Alignof(max_align_t) - 1) & ~(_Alignof(max_align_t) - 1);

	if (at > reply->room || size > reply->room - at)
		return NULL;
	reply->size = at + size;
	return reply->data + at;
}

static void close_all(const int *fds)
{
	for (size_t i = 0; i < READER_DESCRIPTORS; i++)
		cleanup_close(&fds[i]);
}

static void serve(int fd, char *memory) __attribute__((noreturn));
static void serve(int fd, char *memory)
{
	static char argument[ARGUMENT_MAX] __attribute__((aligned(_Alignof(max_align_t))));
	int fds[READER_DESCRIPTORS];
	struct head head;

	while (receive_message(fd, &head, argument, sizeof(argument), fds) > 0) {
		struct reader_reply reply = { .data = memory, .room = REPLY_MAX, .fds = { -1, -1, -1 } };

		head.result = head.job(argument, fds, &reply);
		head.size = reply.size;
		if (send_message(fd, &head, NULL, 0, reply.fds) < 0)
			break;
		close_all(fds);
		close_all(reply.fds);
	}
	_exit(0);
}

static int by_number(const void *left, const void *right)
{
	return *(const int *)left - *(const int *)right;
}

/* Clients must see their connections end, and the lock counts who has a map open. */
static void close_others(int fd)
{
	int keep[ITERATORS + 1] = { fd }, from = STDERR_FILENO + 1;

	memcpy(keep + 1, reader.keep, sizeof(reader.keep));
	qsort(keep, ELEMENTS(keep), sizeof(*keep), by_number);
	for (size_t i = 0; i < ELEMENTS(keep); i++) {
		if (keep[i] > from)
			(void)close_range((unsigned)from, (unsigned)keep[i] - 1, 0);
		from = MAX_OF(from, keep[i] + 1);
	}
	(void)close_range((unsigned)from, ~0u, 0);
}

/* Maps of the daemon, which a mapping keeps open as well. */
static void unmap_others(void)
{
	struct proc_maps maps = {};

	(void)proc_maps_read(getpid(), &maps);
	for (size_t i = 0; i < maps.count; i++)
		if (strncmp(maps.list[i].path, "anon_inode:", 11) == 0)
			(void)munmap((void *)(uintptr_t)maps.list[i].start,
				     maps.list[i].end - maps.list[i].start);
	proc_maps_free(&maps);
}

/* --- in the daemon --- */

void reader_allow(struct programs *programs)
{
	programs_iterators(programs, reader.keep);
}

static void forget(void)
{
	(void)munmap(reader.memory, REPLY_MAX);
	reader.memory = NULL;
	reader.fd = -1;
	reader.used = 0;
}

void reader_close(void)
{
	if (reader.fd < 0)
		return;
	(void)close(reader.fd);
	forget();
}

static int start(void)
{
	void *memory = mmap(NULL, REPLY_MAX, PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	int ends[2], r;

	if (memory == MAP_FAILED)
		return -errno;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0) {
		r = -errno;
		(void)munmap(memory, REPLY_MAX);
		return r;
	}
	reader.pid = fork();
	if (reader.pid == 0) {
		(void)prctl(PR_SET_NAME, "mseald-reader");
		close_others(ends[1]);
		unmap_others();
		serve(ends[1], memory);
	}
	r = reader.pid < 0 ? -errno : 0;
	reader.fd = ends[0];
	reader.memory = memory;
	(void)close(ends[1]);
	if (r < 0)
		reader_close();
	return r;
}

/* Starts another if there is none, or the last one has ended while it had nothing to do. */
static int ask(struct head *head, const void *argument, size_t size, const int *fds)
{
	for (int try = 0; try < 2; try++) {
		int r = reader.fd < 0 ? start() : 0;

		if (r < 0)
			return r;
		if (send_message(reader.fd, head, argument, size, fds) >= 0)
			return 0;
		reader_close();
	}
	return -EIO;
}

/* It is killed, and ends now, or when it gets its answer. */
static void give_up(uint32_t account, pid_t pid)
{
	(void)kill(reader.pid, SIGKILL);
	log_warning("pid %d: cannot read its mappings or files within %d s; %s left out for %u s", pid,
		    ANSWER_MILLISECONDS / 1000, account ? "all of its user are" : "it is",
		    (unsigned)(PAUSE_US / 1000000));
	overdue_note(&overdue, account, pid, reader.fd);
	forget();
}

void reader_is_here(void)
{
	reader_close();
	reader.here = true;
	/* Not shared: the daemon may get a reply at the same time. */
	reader.memory = mmap(NULL, REPLY_MAX, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
}

static int run_here(reader_job job, const void *argument, const int *fds, struct reader_reply *ret)
{
	if (reader.memory == MAP_FAILED)
		return -ENOMEM;
	ret->data = reader.memory;
	ret->room = REPLY_MAX;
	return job(argument, fds, ret);
}

int reader_run(uint32_t account, pid_t pid, reader_job job, const void *argument, size_t size, const int *fds,
	       size_t count, struct reader_reply *ret)
{
	struct head head = { .job = job, .size = size };
	int lent[READER_DESCRIPTORS] = { -1, -1, -1 }, n, r;
	struct pollfd answer;

	*ret = (struct reader_reply){ .fds = { -1, -1, -1 } };
	for (size_t i = 0; i < count; i++)
		lent[i] = fds[i];
	if (reader.here)
		return run_here(job, argument, lent, ret);
	if (overdue_is(&overdue, account, pid))
		return -ETIMEDOUT;
	reader_trim();
	r = ask(&head, argument, size, lent);
	if (r < 0)
		return r;
	answer = (struct pollfd){ .fd = reader.fd, .events = POLLIN };
	do
		n = poll(&answer, 1, ANSWER_MILLISECONDS);
	while (n < 0 && errno == EINTR);
	if (n == 0) {
		give_up(account, pid);
		return -ETIMEDOUT;
	}
	if (n < 0 || receive_message(reader.fd, &head, NULL, 0, ret->fds) <= 0) {
		log_error("pid %d: the process that reads its mappings and files has failed", pid);
		reader_close();
		return -EIO;
	}
	reader.used = MAX_OF(reader.used, head.size);
	ret->data = reader.memory;
	ret->size = ret->room = head.size;
	return head.result;
}

bool reader_is(pid_t pid)
{
	return reader.fd >= 0 && pid == reader.pid;
}

void reader_trim(void)
{
	if (reader.used <= REPLY_KEPT)
		return;
	(void)madvise(reader.memory + REPLY_KEPT, REPLY_MAX - REPLY_KEPT, MADV_REMOVE);
	reader.used = 0;
}
