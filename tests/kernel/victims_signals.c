/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Victims that wait for signals, have pending ones, are in handlers, or have replaced their mask. */
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "running.h"
#include "tap.h"
#include "victims.h"

#define BIT(signal) (1ull << ((signal)-1))
#define HANDLED atomic_load(&scene.shared->handled)

static uint64_t block(uint64_t mask)
{
	uint64_t old = 0;

	RAW(SYS_rt_sigprocmask, SIG_SETMASK, &mask, &old, sizeof(mask));
	return old;
}

static bool mask_is(uint64_t mask)
{
	uint64_t now = ~0ull;

	RAW(SYS_rt_sigprocmask, SIG_SETMASK, NULL, &now, sizeof(now));
	return now == mask;
}

#ifdef SYS_pause
static long in_pause(const long arguments[6])
{
	long r;

	(void)arguments;
	handle(SIGUSR1);
	r = RAW(SYS_pause);
	MUST(r == -EINTR && HANDLED == 1, r);
	return 0;
}
#endif

/* The signal is unblocked only during the sleep: one EINTR when it comes, and the old mask afterwards. */
static long in_ppoll_signal(const long arguments[6])
{
	struct pollfd wait = { scene.pipe[0], POLLIN, 0 };
	uint64_t own = BIT(SIGUSR1) | BIT(SIGHUP), during = BIT(SIGHUP);
	long r;

	(void)arguments;
	handle(SIGUSR1);
	block(own);
	r = RAW(SYS_ppoll, &wait, 1, NULL, &during, sizeof(during));
	MUST(r == -EINTR, r);
	MUST(HANDLED == 1, HANDLED);
	MUST(mask_is(own), 0);
	return 0;
}

/* The reverse: a pending signal, blocked only during the sleep. It must not come before the event. */
static long in_ppoll_pending(const long arguments[6])
{
	struct pollfd wait = { scene.pipe[0], POLLIN, 0 };
	struct timespec time = { 600, 0 };
	uint64_t during = BIT(SIGUSR1);
	long r;

	(void)arguments;
	handle(SIGUSR1);
	r = RAW(SYS_ppoll, &wait, 1, &time, &during, sizeof(during));
	MUST(r == 1, r);
	MUST(HANDLED == 1, HANDLED);
	MUST(mask_is(0), 0);
	return 0;
}

static void wake_both(void)
{
	wake_signal();
	nap(100);
	atomic_store(&scene.shared->numbers[1], HANDLED);
	wake_pipe();
}

static long in_epoll_pwait_pending(const long arguments[6])
{
	struct epoll_event event = { .events = EPOLLIN, .data.u64 = 77 };
	uint64_t during = BIT(SIGUSR1);
	int fd = epoll_create1(0);
	long r;

	(void)arguments;
	handle(SIGUSR1);
	epoll_ctl(fd, EPOLL_CTL_ADD, scene.pipe[0], &event);
	r = RAW(SYS_epoll_pwait, fd, &event, 1, -1, &during, sizeof(during));
	MUST(r == 1, r);
	MUST(HANDLED == 1, HANDLED);
	MUST(mask_is(0), 0);
	return 0;
}

static long in_sigsuspend(const long arguments[6])
{
	uint64_t during = ~BIT(SIGUSR1);
	long r;

	(void)arguments;
	handle(SIGUSR1);
	block(BIT(SIGUSR1));
	r = RAW(SYS_rt_sigsuspend, &during, sizeof(during));
	MUST(r == -EINTR && HANDLED == 1, r);
	MUST(mask_is(BIT(SIGUSR1)), 0);
	return 0;
}

static long in_sigtimedwait(const long arguments[6])
{
	uint64_t set = BIT(SIGUSR1);
	siginfo_t info = { 0 };
	struct timespec time = { 600, 0 };
	long r;

	(void)arguments;
	handle(SIGUSR1);
	block(set);
	r = RAW(SYS_rt_sigtimedwait, &set, &info, &time, sizeof(set));
	MUST(r == SIGUSR1 && HANDLED == 0 && info.si_signo == SIGUSR1, r);
	MUST(mask_is(set), 0);
	return 0;
}

/* A pending blocked signal stays pending. */
static long pending(const long arguments[6])
{
	char buffer[64];
	long n;

	(void)arguments;
	handle(SIGUSR1);
	handle(SIGUSR2);
	block(BIT(SIGUSR1) | BIT(SIGUSR2));
	kill(getpid(), SIGUSR1);
	RAW(SYS_tkill, RAW(SYS_gettid), SIGUSR2);
	n = RAW(SYS_read, scene.pipe[0], buffer, sizeof(buffer));
	MUST(n == 5 && HANDLED == 0, n);
	block(0);
	MUST(HANDLED == 2, HANDLED);
	return 0;
}

static long handler_read;

static void read_in_handler(int signal)
{
	char buffer[64];

	(void)signal;
	handler_read = RAW(SYS_read, scene.pipe[0], buffer, sizeof(buffer));
}

static long in_handler(const long arguments[6])
{
	long r;

	(void)arguments;
	sigaction(SIGUSR1, &(struct sigaction){ .sa_handler = read_in_handler, .sa_flags = SA_RESTART },
		  NULL);
	r = RAW(SYS_tkill, RAW(SYS_gettid), SIGUSR1);
	MUST(r == 0, r);
	MUST(handler_read == 5, handler_read);
	return 0;
}

static void spin_in_handler(int signal)
{
	(void)signal;
	while (!atomic_load(&scene.shared->stop))
		atomic_fetch_add(&scene.shared->progress, 1);
}

static long busy_in_handler(const long arguments[6])
{
	long r;

	(void)arguments;
	sigaction(SIGUSR1, &(struct sigaction){ .sa_handler = spin_in_handler }, NULL);
	r = RAW(SYS_tkill, RAW(SYS_gettid), SIGUSR1);
	MUST(r == 0 && mask_is(0), r);
	return 0;
}

static void wake_stop(void)
{
	atomic_store(&scene.shared->stop, 1);
}

/* Gets 2,000 queued signals while it is sealed: each once, in order. */
#define QUEUED 2000

static void next_number(int signal, siginfo_t *info, void *context)
{
	(void)signal;
	(void)context;
	if ((uint32_t)info->si_value.sival_int == HANDLED)
		atomic_fetch_add(&scene.shared->handled, 1);
	else
		atomic_store(&scene.shared->numbers[2], 1);
}

static pid_t sender;

static long many_signals(const long arguments[6])
{
	char buffer[64];
	long n;

	(void)arguments;
	sigaction(SIGRTMIN,
		  &(struct sigaction){ .sa_sigaction = next_number, .sa_flags = SA_SIGINFO | SA_RESTART },
		  NULL);
	atomic_store(&scene.shared->progress, 1);
	while (HANDLED < QUEUED && !scene.shared->numbers[2]) {
#ifdef SYS_poll
		n = RAW(SYS_poll, NULL, 0, 1);
#else
		n = RAW(SYS_ppoll, NULL, 0, &(struct timespec){ .tv_nsec = 1000000 }, NULL, 0);
#endif
		MUST(n == 0 || n == -EINTR, n);
	}
	n = RAW(SYS_read, scene.pipe[0], buffer, sizeof(buffer));
	MUST(n == 5, n);
	MUST(HANDLED == QUEUED && !scene.shared->numbers[2], HANDLED);
	return 0;
}

static void send_many(void)
{
	pid_t pid = scene.victim->pid;

	sender = fork();
	if (sender)
		return;
	for (int i = 0; i < QUEUED; i++) {
		while (sigqueue(pid, SIGRTMIN, (union sigval){ .sival_int = i }) && errno == EAGAIN)
			nap(1);
		if (i % 20 == 0)
			nap(1);
	}
	_exit(0);
}

static void wake_many(void)
{
	waitpid(sender, NULL, 0);
	wake_pipe();
}

/* Whenever it is traced, for a second and a half, it gets a signal that it ignores. */
static void send_ignored(void)
{
	long began = milliseconds();
	pid_t pid = scene.victim->pid, tracer = 0;

	sender = fork();
	if (sender)
		return;
	while (milliseconds() - began < SLEEP_MS / 2) {
		pid_t now = tracer_of(pid);

		if (now && now != tracer)
			kill(pid, SIGWINCH);
		tracer = now;
	}
	_exit(0);
}

/* Such signals wake it as soon as it is traced, but then it gets no processor for a second and a half. */
static void send_ignored_starved(void)
{
	const struct sched_param none = { 0 };
	pid_t pid = scene.victim->pid;
	long began = milliseconds();
	cpu_set_t first;

	CPU_ZERO(&first);
	CPU_SET(0, &first);
	if (sched_setaffinity(pid, sizeof(first), &first) || sched_setscheduler(pid, SCHED_IDLE, &none))
		bail("cannot take the processor from the victim");
	if (fork() == 0) {
		sched_setaffinity(0, sizeof(first), &first);
		while (milliseconds() - began < SLEEP_MS / 2)
			;
		_exit(0);
	}
	if (fork() == 0) {
		do
			kill(pid, SIGWINCH);
		while (!tracer_of(pid));
		_exit(0);
	}
}

static long nanosleep_ignoring(const long arguments[6])
{
	long r = nanosleep_under_filter(arguments);

#ifndef __x86_64__
	/* Registers do not show there that a signal has interrupted a sleep: its timeout may begin anew. */
	atomic_store(&scene.shared->numbers[0], 0);
#endif
	return r;
}

const struct victim signal_victims[] = {
#ifdef SYS_pause
	{ "pause", in_pause, SYS_pause, wake_signal },
#endif
	{ "ppoll that unblocks a signal", in_ppoll_signal, SYS_ppoll, wake_signal },
	{ "ppoll that blocks a signal", in_ppoll_pending, SYS_ppoll, wake_both },
	{ "ppoll that blocks a signal which is pending", in_ppoll_pending, SYS_ppoll, wake_pipe,
	  .pending = SIGUSR1 },
	{ "epoll_pwait that blocks a signal which is pending", in_epoll_pwait_pending, SYS_epoll_pwait,
	  wake_pipe, .pending = SIGUSR1 },
	{ "rt_sigsuspend", in_sigsuspend, SYS_rt_sigsuspend, wake_signal },
	{ "rt_sigtimedwait", in_sigtimedwait, SYS_rt_sigtimedwait, wake_signal },
	{ "with signals pending", pending, SYS_read, wake_pipe },
	{ "asleep in a signal handler", in_handler, SYS_read, wake_pipe },
	{ "busy in a signal handler", busy_in_handler, RUNS, wake_stop, .seals = 5 },
	{ "showered with signals", many_signals, SAYS_SO, wake_many, .meanwhile = send_many, .seals = 50 },
#ifdef SYS_epoll_wait
	{ "epoll_wait, signals ignored", in_epoll_wait, SYS_epoll_wait, wake_many, .meanwhile = send_ignored,
	  .seals = 20 },
#endif
	/* Not many: a signal at the very end of a tracer is a known limit (docs/design/native.md). */
	{ "nanosleep under a filter, signals ignored", nanosleep_ignoring, SYS_nanosleep, NULL,
	  .meanwhile = send_ignored, .seals = 4 },
	{ "nanosleep under a filter, signals ignored, starved", nanosleep_ignoring, SYS_nanosleep, NULL,
	  .meanwhile = send_ignored_starved },
	{ .name = NULL },
};
