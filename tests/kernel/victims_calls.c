/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Victims asleep in system calls that are restarted, without their noticing. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/aio_abi.h>
#include <linux/futex.h>
#include <linux/io_uring.h>
#include <poll.h>
#include <stdio.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/select.h>
#include <sys/sem.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "victims.h"

static long buffer_is(const char *buffer, long n)
{
	return n == 5 && !memcmp(buffer, "hello", 5);
}

static long in_read(const long arguments[6])
{
	char buffer[64];
	long n = RAW(SYS_read, scene.pipe[0], buffer, sizeof(buffer));

	(void)arguments;
	MUST(buffer_is(buffer, n), n);
	return 0;
}

static long in_readv(const long arguments[6])
{
	char buffer[64];
	struct iovec parts[2] = { { buffer, 2 }, { buffer + 2, 60 } };
	long n = RAW(SYS_readv, scene.pipe[0], parts, 2);

	(void)arguments;
	MUST(buffer_is(buffer, n), n);
	return 0;
}

/* Reports when it ended: numbers[0], ms. */
static long slept(long result, long wanted, long began)
{
	long now = milliseconds();

	MUST(result == wanted, result);
	MUST(now - began >= SLEEP_MS, now - began);
	atomic_store(&scene.shared->numbers[0], (uint64_t)now);
	return 0;
}

static const struct timespec sleep_time = { SLEEP_MS / 1000, SLEEP_MS % 1000 * 1000000 };

long in_nanosleep(const long arguments[6])
{
	long began = milliseconds();

	(void)arguments;
	return slept(RAW(SYS_nanosleep, &sleep_time, NULL), 0, began);
}

long in_clock_nanosleep(const long arguments[6])
{
	long began = milliseconds();

	(void)arguments;
	return slept(RAW(SYS_clock_nanosleep, CLOCK_MONOTONIC, 0, &sleep_time, NULL), 0, began);
}

static long in_clock_nanosleep_until(const long arguments[6])
{
	long began = milliseconds();
	struct timespec until;

	(void)arguments;
	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += SLEEP_MS / 1000;
	return slept(RAW(SYS_clock_nanosleep, CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL), 0, began);
}

#ifdef SYS_poll
long in_poll_timeout(const long arguments[6])
{
	struct pollfd wait = { scene.pipe[0], POLLIN, 0 };
	long began = milliseconds();

	(void)arguments;
	return slept(RAW(SYS_poll, &wait, 1, SLEEP_MS), 0, began);
}

static long in_select_timeout(const long arguments[6])
{
	struct timeval time = { SLEEP_MS / 1000, SLEEP_MS % 1000 * 1000 };
	long began = milliseconds();

	(void)arguments;
	return slept(RAW(SYS_select, 0, NULL, NULL, NULL, &time), 0, began);
}
#endif

long in_futex_timeout(const long arguments[6])
{
	long began = milliseconds();

	(void)arguments;
	return slept(RAW(SYS_futex, &scene.shared->word, FUTEX_WAIT, 0, &sleep_time), -ETIMEDOUT, began);
}

#ifdef SYS_poll
static long in_poll(const long arguments[6])
{
	struct pollfd wait = { scene.pipe[0], POLLIN, 0 };
	long n = RAW(SYS_poll, &wait, 1, -1);

	(void)arguments;
	MUST(n == 1 && wait.revents == POLLIN, n);
	return 0;
}
#endif

static long in_select(const long arguments[6])
{
	fd_set set;
	long n;

	(void)arguments;
	FD_ZERO(&set);
	FD_SET(scene.pipe[0], &set);
	n = RAW(SYS_pselect6, scene.pipe[0] + 1, &set, NULL, NULL, NULL, NULL);
	MUST(n == 1 && FD_ISSET(scene.pipe[0], &set), n);
	return 0;
}

static long epoll_on_pipe(void)
{
	struct epoll_event event = { .events = EPOLLIN, .data.u64 = 77 };
	int fd = epoll_create1(0);

	return epoll_ctl(fd, EPOLL_CTL_ADD, scene.pipe[0], &event) ? -1 : fd;
}

#ifdef SYS_epoll_wait
long in_epoll_wait(const long arguments[6])
{
	struct epoll_event event = { 0 };
	long n = RAW(SYS_epoll_wait, epoll_on_pipe(), &event, 1, -1);

	(void)arguments;
	MUST(n == 1 && event.data.u64 == 77, n);
	return 0;
}

static long in_epoll_wait_timeout(const long arguments[6])
{
	struct epoll_event event = { 0 };
	long n = RAW(SYS_epoll_wait, epoll_on_pipe(), &event, 1, SLEEP_MS);

	/* It may take longer than requested: a timeout in milliseconds starts anew. */
	(void)arguments;
	MUST(n == 0, n);
	return 0;
}
#endif

static long in_epoll_pwait(const long arguments[6])
{
	struct epoll_event event = { 0 };
	uint64_t mask = 1ull << (SIGUSR1 - 1);
	long n = RAW(SYS_epoll_pwait, epoll_on_pipe(), &event, 1, -1, &mask, sizeof(mask));

	(void)arguments;
	MUST(n == 1 && event.data.u64 == 77, n);
	return 0;
}

static long in_semop(const long arguments[6])
{
	struct sembuf down = { 0, -1, 0 };
	long r = RAW(SYS_semop, scene.sem, &down, 1);

	(void)arguments;
	MUST(r == 0, r);
	return 0;
}

static long in_semtimedop(const long arguments[6])
{
	struct sembuf down = { 0, -1, 0 };
	struct timespec time = { 60, 0 };
	long r = RAW(SYS_semtimedop, scene.sem, &down, 1, &time);

	(void)arguments;
	MUST(r == 0, r);
	return 0;
}

static void wake_sem(void)
{
	semop(scene.sem, &(struct sembuf){ 0, 1, 0 }, 1);
}

struct message {
	long type;
	char text[8];
};

static long in_msgrcv(const long arguments[6])
{
	struct message message = { 0 };
	long n = RAW(SYS_msgrcv, scene.msg, &message, sizeof(message.text), 0, 0);

	(void)arguments;
	MUST(n == 6 && message.type == 3 && !strcmp(message.text, "hello"), n);
	return 0;
}

static void wake_msg(void)
{
	msgsnd(scene.msg, &(struct message){ 3, "hello" }, 6, 0);
}

static long in_futex(const long arguments[6])
{
	long r = RAW(SYS_futex, &scene.shared->word, FUTEX_WAIT, 0, NULL);

	(void)arguments;
	MUST(r == 0, r);
	return 0;
}

static void wake_futex(void)
{
	syscall(SYS_futex, &scene.shared->word, FUTEX_WAKE, 1, NULL, NULL, 0);
}

static struct sockaddr_un address = { .sun_family = AF_UNIX };
static int listener;

static void set_up_listener(void)
{
	strcpy(address.sun_path + 1, "mseald-victim"); /* abstract */
	listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	(void)bind(listener, (struct sockaddr *)&address, sizeof(address));
	(void)listen(listener, 5);
}

static long in_accept(const long arguments[6])
{
	long fd = RAW(SYS_accept4, listener, NULL, NULL, SOCK_CLOEXEC);
	char buffer[64];
	long n = fd < 0 ? fd : RAW(SYS_read, fd, buffer, sizeof(buffer));

	(void)arguments;
	MUST(buffer_is(buffer, n), n);
	return 0;
}

static void wake_listener(void)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	close(listener);
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) || write(fd, "hello", 5) != 5)
		perror("connect");
	close(fd);
}

static long wait_for_child(bool by_waitid)
{
	pid_t pid = fork();
	int status = 0;
	char byte;
	siginfo_t info = { 0 };
	long r;

	if (pid == 0)
		_exit(read(scene.pipe[0], &byte, 1) == 1 ? 7 : 1);
	if (by_waitid) {
		r = RAW(SYS_waitid, P_PID, pid, &info, WEXITED, NULL);
		MUST(r == 0 && info.si_pid == pid && info.si_status == 7, r);
		return 0;
	}
	r = RAW(SYS_wait4, pid, &status, 0, NULL);
	MUST(r == pid && WEXITSTATUS(status) == 7, r);
	return 0;
}

static long in_wait4(const long arguments[6])
{
	(void)arguments;
	return wait_for_child(false);
}

static long in_waitid(const long arguments[6])
{
	(void)arguments;
	return wait_for_child(true);
}

static int own_open(void)
{
	char path[32];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", scene.file);
	return open(path, O_RDWR | O_CLOEXEC);
}

static void set_up_flock(void)
{
	flock(scene.file, LOCK_EX);
}

static long in_flock(const long arguments[6])
{
	long r = RAW(SYS_flock, own_open(), LOCK_EX);

	(void)arguments;
	MUST(r == 0, r);
	return 0;
}

static void wake_flock(void)
{
	flock(scene.file, LOCK_UN);
}

static void set_up_lock(void)
{
	fcntl(scene.file, F_SETLK, &(struct flock){ .l_type = F_WRLCK });
}

static long in_setlkw(const long arguments[6])
{
	struct flock lock = { .l_type = F_WRLCK };
	long r = RAW(SYS_fcntl, own_open(), F_SETLKW, &lock);

	(void)arguments;
	MUST(r == 0, r);
	return 0;
}

static void wake_lock(void)
{
	fcntl(scene.file, F_SETLK, &(struct flock){ .l_type = F_UNLCK });
}

static long in_io_getevents(const long arguments[6])
{
	struct iocb order = { .aio_lio_opcode = IOCB_CMD_POLL,
			      .aio_fildes = (unsigned)scene.pipe[0],
			      .aio_buf = POLLIN,
			      .aio_data = 77 };
	struct iocb *orders[1] = { &order };
	struct io_event event = { 0 };
	unsigned long context = 0;
	long r = RAW(SYS_io_setup, 4, &context);

	(void)arguments;
	if (r == 0)
		r = RAW(SYS_io_submit, context, 1, orders);
	MUST(r == 1, r);
	r = RAW(SYS_io_getevents, context, 1, 1, &event, NULL);
	MUST(r == 1 && event.data == 77, r);
	return 0;
}

/* Asks for POLLIN on the pipe, then waits for the completion. */
static long in_io_uring_enter(const long arguments[6])
{
	struct io_uring_params params = { 0 };
	long fd = RAW(SYS_io_uring_setup, 4, &params), r;
	size_t size = params.sq_off.array + params.sq_entries * sizeof(unsigned);
	size_t cq_size = params.cq_off.cqes + params.cq_entries * sizeof(struct io_uring_cqe);
	struct io_uring_sqe *sqe;
	struct io_uring_cqe *cqe;
	char *ring;

	(void)arguments;
	MUST(fd >= 0, fd);
	ring = mmap(NULL, size > cq_size ? size : cq_size, PROT_READ | PROT_WRITE, MAP_SHARED, (int)fd,
		    IORING_OFF_SQ_RING);
	sqe = mmap(NULL, params.sq_entries * sizeof(*sqe), PROT_READ | PROT_WRITE, MAP_SHARED, (int)fd,
		   IORING_OFF_SQES);
	MUST(ring != MAP_FAILED && sqe != MAP_FAILED, errno);
	*sqe = (struct io_uring_sqe){
		.opcode = IORING_OP_POLL_ADD, .fd = scene.pipe[0], .poll32_events = POLLIN, .user_data = 77
	};
	((unsigned *)(ring + params.sq_off.array))[0] = 0;
	atomic_store((_Atomic unsigned *)(ring + params.sq_off.tail), 1);
	r = RAW(SYS_io_uring_enter, fd, 1, 0, 0, NULL, 0);
	MUST(r == 1, r);
	r = RAW(SYS_io_uring_enter, fd, 0, 1, IORING_ENTER_GETEVENTS, NULL, 0);
	MUST(r == 0, r);
	cqe = (struct io_uring_cqe *)(ring + params.cq_off.cqes);
	MUST(cqe->user_data == 77 && cqe->res == POLLIN, cqe->res);
	return 0;
}

static long in_recv(const long arguments[6])
{
	char buffer[64];
	long n = RAW(SYS_recvfrom, scene.stream[0], buffer, sizeof(buffer), 0, NULL, NULL);

	(void)arguments;
	MUST(buffer_is(buffer, n), n);
	return 0;
}

static long in_recvmsg_timeout(const long arguments[6])
{
	char buffer[64];
	struct iovec part = { buffer, sizeof(buffer) };
	struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1 };
	struct timeval time = { 60, 0 };
	long n;

	(void)arguments;
	setsockopt(scene.stream[0], SOL_SOCKET, SO_RCVTIMEO, &time, sizeof(time));
	n = RAW(SYS_recvmsg, scene.stream[0], &message, 0);
	MUST(buffer_is(buffer, n), n);
	return 0;
}

static void wake_stream(void)
{
	if (write(scene.stream[1], "hello", 5) != 5)
		perror("write");
}

static long in_timerfd(const long arguments[6])
{
	struct itimerspec time = { .it_value = { SLEEP_MS / 1000, 0 } };
	int fd = timerfd_create(CLOCK_MONOTONIC, 0);
	uint64_t count = 0;
	long n;

	(void)arguments;
	timerfd_settime(fd, 0, &time, NULL);
	n = RAW(SYS_read, fd, &count, sizeof(count));
	MUST(n == 8 && count == 1, n);
	return 0;
}

const struct victim call_victims[] = {
	{ "read of a pipe", in_read, SYS_read, wake_pipe },
	{ "readv", in_readv, SYS_readv, wake_pipe },
	{ "read of a timerfd", in_timerfd, SYS_read, NULL },
	{ "nanosleep", in_nanosleep, SYS_nanosleep, NULL },
	{ "clock_nanosleep", in_clock_nanosleep, SYS_clock_nanosleep, NULL },
	{ "clock_nanosleep until a time", in_clock_nanosleep_until, SYS_clock_nanosleep, NULL },
#ifdef SYS_poll
	{ "poll with a timeout", in_poll_timeout, SYS_poll, NULL },
	{ "select with a timeout", in_select_timeout, SYS_select, NULL },
#endif
	{ "futex with a timeout", in_futex_timeout, SYS_futex, NULL },
	{ "futex", in_futex, SYS_futex, wake_futex },
#ifdef SYS_poll
	{ "poll", in_poll, SYS_poll, wake_pipe },
#endif
	{ "pselect6", in_select, SYS_pselect6, wake_pipe },
#ifdef SYS_epoll_wait
	{ "epoll_wait", in_epoll_wait, SYS_epoll_wait, wake_pipe },
	{ "epoll_wait with a timeout", in_epoll_wait_timeout, SYS_epoll_wait, NULL },
#endif
	{ "epoll_pwait", in_epoll_pwait, SYS_epoll_pwait, wake_pipe },
	{ "semop", in_semop, SYS_semop, wake_sem },
	{ "semtimedop", in_semtimedop, SYS_semtimedop, wake_sem },
	{ "msgrcv", in_msgrcv, SYS_msgrcv, wake_msg },
	{ "accept4", in_accept, SYS_accept4, wake_listener, .set_up = set_up_listener },
	{ "wait4", in_wait4, SYS_wait4, wake_pipe },
	{ "waitid", in_waitid, SYS_waitid, wake_pipe },
	{ "flock", in_flock, SYS_flock, wake_flock, .set_up = set_up_flock },
	{ "fcntl F_SETLKW", in_setlkw, SYS_fcntl, wake_lock, .set_up = set_up_lock },
	{ "io_getevents", in_io_getevents, SYS_io_getevents, wake_pipe },
	{ "io_uring_enter", in_io_uring_enter, SYS_io_uring_enter, wake_pipe },
	{ "recvfrom", in_recv, SYS_recvfrom, wake_stream },
	{ "recvmsg with SO_RCVTIMEO", in_recvmsg_timeout, SYS_recvmsg, wake_stream },
	{ .name = NULL },
};
