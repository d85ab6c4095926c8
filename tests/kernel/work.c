/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* See work.h. Threads work in pairs; each pair has its own descriptors. */
#define _GNU_SOURCE
#include "work.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "puppet.h"
#include "tap.h"

#define LARGE 200000 /* more than a pipe or socket holds, and not a round number */
#define PIECE 7001

struct pair {
	int pipe[2], other_pipe[2], stream[2], packets[2], event[2], epoll[2], listener, sem, msg;
	struct sockaddr_un address;
	_Atomic uint32_t turn;
	_Atomic int handled;
	pthread_t threads[2];
};

struct worker {
	struct pair *pair;
	struct work_result *result;
	int side;
	unsigned rounds;
	char *buffer; /* LARGE */
};

#define CHECK(condition, found) \
	do { \
		if (!(condition)) { \
			worker->result->bad_line = __LINE__; \
			worker->result->bad_found = (int32_t)(found); \
			return; \
		} \
	} while (0)
/* A call that must return exactly this. */
#define GIVES(wanted, call) \
	do { \
		long got_ = (call); \
		CHECK(got_ == (long)(wanted), got_ < 0 ? -errno : got_); \
		fold(worker, (uint64_t)got_); \
	} while (0)

static struct work *shared;

static void fold(struct worker *worker, uint64_t number)
{
	worker->result->sum = (worker->result->sum ^ number) * 0x100000001b3 + 1;
}

static void fold_bytes(struct worker *worker, const char *bytes, long length)
{
	uint64_t sum = 0;

	for (long i = 0; i < length; i++)
		sum = sum * 31 + (unsigned char)bytes[i];
	fold(worker, sum);
}

static void fill(struct worker *worker, unsigned round)
{
	for (int i = 0; i < LARGE; i++)
		worker->buffer[i] = (char)(i * 7 + (int)round);
}

/* Large writes, each completed by a reader that takes small pieces. */
static void large_write(struct worker *worker)
{
	for (unsigned round = 0; round < worker->rounds / 4; round++) {
		if (worker->side == 0) {
			fill(worker, round);
			GIVES(LARGE, write(worker->pair->pipe[1], worker->buffer, LARGE));
			continue;
		}
		for (long all = 0, n; all < LARGE; all += n) {
			n = read(worker->pair->pipe[0], worker->buffer + all,
				 LARGE - all < PIECE ? LARGE - all : PIECE);
			CHECK(n > 0, n < 0 ? -errno : n);
			if (all % 3 == 0)
				sched_yield();
		}
		fold_bytes(worker, worker->buffer, LARGE);
	}
}

static void large_send(struct worker *worker)
{
	int fd = worker->pair->stream[worker->side];

	for (unsigned round = 0; round < worker->rounds / 4; round++) {
		if (worker->side == 0) {
			fill(worker, round);
			GIVES(LARGE, send(fd, worker->buffer, LARGE, 0));
			GIVES(1, recv(fd, worker->buffer, 1, 0));
		} else {
			GIVES(LARGE, recv(fd, worker->buffer, LARGE, MSG_WAITALL));
			fold_bytes(worker, worker->buffer, LARGE);
			GIVES(1, send(fd, "a", 1, 0));
		}
	}
}

static void futex_turns(struct worker *worker)
{
	struct pair *pair = worker->pair;

	for (uint32_t round = 0; round < worker->rounds * 8; round++) {
		uint32_t mine = 2 * round + (uint32_t)worker->side, now;

		while ((now = atomic_load(&pair->turn)) != mine) {
			long r = syscall(SYS_futex, &pair->turn, FUTEX_WAIT, now, NULL, NULL, 0);

			CHECK(r == 0 || errno == EAGAIN, -errno);
		}
		fold(worker, now);
		atomic_store(&pair->turn, mine + 1);
		CHECK(syscall(SYS_futex, &pair->turn, FUTEX_WAKE, 1, NULL, NULL, 0) >= 0, -errno);
	}
}

/* Each waits with epoll for its own eventfd, and then signals that of the other. */
static void epoll_turns(struct worker *worker)
{
	struct pair *pair = worker->pair;
	int side = worker->side;
	sigset_t none;

	sigemptyset(&none);
	for (unsigned round = 0; round < worker->rounds * 4; round++) {
		struct epoll_event event = { 0 };
		uint64_t count = 0, add = round + 1;

		if (side == 0)
			GIVES(8, write(pair->event[1], &add, 8));
		GIVES(1, round % 2 ? epoll_wait(pair->epoll[side], &event, 1, -1) :
				     epoll_pwait(pair->epoll[side], &event, 1, 600000, &none));
		GIVES(8, read(pair->event[side], &count, 8));
		CHECK(count == add && event.data.u32 == (uint32_t)side, count);
		if (side == 1)
			GIVES(8, write(pair->event[0], &add, 8));
		fold(worker, count);
	}
}

static void packets(struct worker *worker)
{
	int fd = worker->pair->packets[worker->side];

	for (unsigned round = 0; round < worker->rounds * 4; round++) {
		struct pollfd wait = { fd, POLLIN, 0 };
		unsigned number = round;

		if (worker->side == 0)
			GIVES(sizeof(number), send(fd, &number, sizeof(number), 0));
		GIVES(1, round % 2 ? poll(&wait, 1, -1) : ppoll(&wait, 1, NULL, NULL));
		GIVES(sizeof(number), recv(fd, &number, sizeof(number), 0));
		CHECK(number == round && wait.revents == POLLIN, number);
		if (worker->side == 1)
			GIVES(sizeof(number), send(fd, &number, sizeof(number), 0));
	}
}

struct message {
	long type;
	unsigned number;
};

static void queues(struct worker *worker)
{
	struct sembuf down = { (unsigned short)worker->side, -1, 0 },
		      up = { (unsigned short)!worker->side, 1, 0 };

	for (unsigned round = 0; round < worker->rounds * 4; round++) {
		struct message message = { 1 + worker->side, round };

		if (worker->side == 0)
			GIVES(0, semop(worker->pair->sem, &up, 1));
		else
			GIVES(0, semop(worker->pair->sem, &down, 1));
		GIVES(0, msgsnd(worker->pair->msg, &message, sizeof(message.number), 0));
		GIVES(sizeof(message.number),
		      msgrcv(worker->pair->msg, &message, sizeof(message.number), 2 - worker->side, 0));
		CHECK(message.number == round, message.number);
		GIVES(0, semop(worker->pair->sem, worker->side == 0 ? &down : &up, 1));
	}
}

static void sleeps(struct worker *worker)
{
	struct itimerspec timer = { .it_value = { 0, 2000000 } };
	struct timespec nap = { 0, 1500000 };
	int fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC), status;
	uint64_t count;

	for (unsigned round = 0; round < worker->rounds * 2; round++) {
		GIVES(0, nanosleep(&nap, NULL));
		GIVES(0, clock_nanosleep(CLOCK_MONOTONIC, 0, &nap, NULL));
		GIVES(0, timerfd_settime(fd, 0, &timer, NULL));
		GIVES(8, read(fd, &count, 8));
		GIVES(1, count);
		GIVES(0, poll(NULL, 0, 2));
		if (round % 16 == 0) {
			pid_t pid = fork();

			if (pid == 0) {
				nanosleep(&nap, NULL);
				_exit((int)(round / 16 % 100));
			}
			GIVES(1, waitpid(pid, &status, 0) == pid);
			GIVES(round / 16 % 100, WEXITSTATUS(status));
		}
	}
	close(fd);
}

static _Thread_local int *handled;

static void on_signal(int signal)
{
	(void)signal;
	++*handled;
}

/* One sends signals; the other waits alternately with sigwaitinfo and, unblocked, with sigsuspend. */
static void signals(struct worker *worker)
{
	struct pair *pair = worker->pair;
	sigset_t user, none;
	int count = 0;
	char byte = 0;

	handled = &count;
	sigemptyset(&none);
	sigemptyset(&user);
	sigaddset(&user, SIGUSR1);
	pthread_sigmask(SIG_BLOCK, &user, NULL);
	for (unsigned round = 0; round < worker->rounds * 4; round++) {
		if (worker->side == 0) {
			GIVES(1, read(pair->pipe[0], &byte, 1));
			GIVES(0, pthread_kill(pair->threads[1], SIGUSR1));
			continue;
		}
		GIVES(1, write(pair->pipe[1], &byte, 1));
		if (round % 2) {
			GIVES(SIGUSR1, sigwaitinfo(&user, NULL));
		} else {
			GIVES(-1, sigsuspend(&none));
			GIVES(EINTR, errno);
		}
		GIVES((round / 2) + 1, count);
	}
}

static void connections(struct worker *worker)
{
	struct pair *pair = worker->pair;
	char text[16] = { 0 };

	for (unsigned round = 0; round < worker->rounds * 2; round++) {
		int fd;

		if (worker->side == 0) {
			fd = accept4(pair->listener, NULL, NULL, SOCK_CLOEXEC);
			CHECK(fd >= 0, -errno);
			GIVES(6, read(fd, text, sizeof(text)));
			fold_bytes(worker, text, 6);
		} else {
			fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
			GIVES(0, connect(fd, (struct sockaddr *)&pair->address, sizeof(pair->address)));
			snprintf(text, sizeof(text), "%06u", round);
			GIVES(6, write(fd, text, 6));
		}
		GIVES(0, close(fd));
	}
}

/* Writes a file, sends it through two pipes, and checks it. */
static void files(struct worker *worker)
{
	struct pair *pair = worker->pair;
	int file = memfd_create("work", MFD_CLOEXEC);

	for (unsigned round = 0; round < worker->rounds / 4; round++) {
		if (worker->side == 0) {
			off_t at = 0;

			/* always the same: the pipe has the file's pages, not copies */
			fill(worker, 0);
			GIVES(LARGE, pwrite(file, worker->buffer, LARGE, 0));
			GIVES(LARGE, pread(file, worker->buffer, LARGE, 0));
			fold_bytes(worker, worker->buffer, LARGE);
			while (at < LARGE) {
				long n = sendfile(pair->pipe[1], file, &at, (size_t)(LARGE - at));

				CHECK(n > 0, n < 0 ? -errno : n);
			}
			continue;
		}
		for (long all = 0, n; all < LARGE; all += n) {
			n = splice(pair->pipe[0], NULL, pair->other_pipe[1], NULL,
				   LARGE - all < PIECE ? LARGE - all : PIECE, 0);
			CHECK(n > 0, n < 0 ? -errno : n);
			CHECK(read(pair->other_pipe[0], worker->buffer + all, (size_t)n) == n, n);
		}
		fold_bytes(worker, worker->buffer, LARGE);
	}
	close(file);
}

static void computes(struct worker *worker)
{
	double x = 0.5;

	for (unsigned round = 0; round < worker->rounds * 200; round++) {
		for (int i = 0; i < 100; i++)
			x = 3.9 * x * (1 - x);
		fold(worker, (uint64_t)(x * 1e15));
		GIVES(1, getppid() > 0);
	}
}

static const struct {
	const char *name;
	void (*run)(struct worker *);
} kinds[] = {
	{ "large writes", large_write },
	{ "large sends", large_send },
	{ "futex", futex_turns },
	{ "epoll", epoll_turns },
	{ "packets", packets },
	{ "queues", queues },
	{ "sleeps", sleeps },
	{ "signals", signals },
	{ "connections", connections },
	{ "files", files },
	{ "computes", computes },
};
#define KINDS (sizeof(kinds) / sizeof(*kinds))

static void *run(void *argument)
{
	struct worker *worker = argument;
	size_t kind = (size_t)(worker->result - shared->results) / 2 % KINDS;

	worker->buffer = malloc(LARGE);
	worker->result->name = kinds[kind].name;
	atomic_fetch_add(&shared->ready, 1);
	while (!atomic_load(&shared->go))
		nap(2);
	kinds[kind].run(worker);
	atomic_store(&worker->result->done, 1);
	free(worker->buffer);
	return NULL;
}

static bool pair_open(struct pair *pair, int number)
{
	struct epoll_event event = { .events = EPOLLIN };

	*pair = (struct pair){ .sem = semget(IPC_PRIVATE, 2, 0600),
			       .msg = msgget(IPC_PRIVATE, 0600),
			       .listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0),
			       .address = { .sun_family = AF_UNIX } };
	snprintf(pair->address.sun_path + 1, 32, "mseald-work-%d-%d", getpid(), number);
	if (pipe(pair->pipe) || pipe(pair->other_pipe) || socketpair(AF_UNIX, SOCK_STREAM, 0, pair->stream) ||
	    socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair->packets) || pair->sem < 0 || pair->msg < 0 ||
	    bind(pair->listener, (struct sockaddr *)&pair->address, sizeof(pair->address)) ||
	    listen(pair->listener, 3))
		return false;
	for (unsigned side = 0; side < 2; side++) {
		pair->event[side] = eventfd(0, 0);
		pair->epoll[side] = epoll_create1(0);
		event.data.u32 = side;
		if (epoll_ctl(pair->epoll[side], EPOLL_CTL_ADD, pair->event[side], &event))
			return false;
	}
	return true;
}

static void work(unsigned rounds, unsigned long pages)
{
	static struct pair pairs[WORK_THREADS / 2];
	static struct worker workers[WORK_THREADS];
	char *memory = mmap(NULL, pages * PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	sigaction(SIGUSR1, &(struct sigaction){ .sa_handler = on_signal }, NULL);
	for (int i = 0; i < WORK_THREADS; i++) {
		struct pair *pair = &pairs[i / 2];

		if (i % 2 == 0 && !pair_open(pair, i))
			_exit(2);
		workers[i] = (struct worker){
			.pair = pair, .result = &shared->results[i], .side = i % 2, .rounds = rounds
		};
		if (pthread_create(&pair->threads[i % 2], NULL, run, &workers[i]))
			_exit(3);
	}
	atomic_store(&shared->pages, (uint64_t)memory);
	while (atomic_load(&shared->go) != 2)
		nap(5);
	for (int i = 0; i < WORK_THREADS / 2; i++) {
		semctl(pairs[i].sem, 0, IPC_RMID);
		msgctl(pairs[i].msg, IPC_RMID, NULL);
	}
	_exit(memory == MAP_FAILED);
}

pid_t work_start(struct work *of, unsigned rounds, unsigned long pages)
{
	pid_t pid;

	memset(of, 0, sizeof(*of));
	shared = of;
	fflush(NULL);
	pid = fork();
	if (pid < 0)
		bail("fork: %s", strerror(errno));
	if (pid == 0)
		work(rounds, pages);
	while (atomic_load(&of->ready) < WORK_THREADS || !atomic_load(&of->pages)) {
		if (waitpid(pid, NULL, WNOHANG) == pid)
			bail("the process with %d threads did not begin", WORK_THREADS);
		nap(5);
	}
	return pid;
}

unsigned work_done(const struct work *of)
{
	unsigned done = 0;

	for (int i = 0; i < WORK_THREADS; i++)
		done += atomic_load(&of->results[i].done) || of->results[i].bad_line;
	return done;
}
