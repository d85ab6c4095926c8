/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Races against the gates: threads and processes that share their memory hammer sealed pages with all calls
 * that a gate or an LSM program denies, several on one CPU and others spread. Meanwhile they fork and exec,
 * the daemon seals more of their pages, and is killed and restarted.
 *
 * At the end the sealed bytes are unchanged, or the process is dead; the attacker's bytes never appear; no
 * child is ever unsealed. Calls that slip past the gates are counted. Not part of the plain run: tests/race
 * boots each kernel with each preemption model and runs it for $MSEALD_RACE_SECONDS.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "attack.h"
#include "daemon.h"
#include "tap.h"

#define TARGETS 24 /* pages to be sealed one after the other, with a free one between */
/* Tries of one kind on one page in a row: a race needs others doing the same. */
#define BURST 200
#define ROUND_MS 4000 /* or a fourth of the whole, for there are four kinds of rounds */
#define KINDS 4
/* Time until a process that lost sealed memory must be dead: several looks of the daemon. */
#define DEADLINE_MS 30000
#define EVIL 0x4c4956454c495645ull
/* Exit status of a new image that cannot map where its predecessor was sealed. */
#define STILL_SEALED 77

enum strike { MUNMAP, MREMAP_AWAY, MREMAP_ONTO, DISCARD, MPROTECT, MAP_OVER, MAP_BESIDE, MAP_HINT, STRIKES };

static const char *const strike_names[STRIKES] = {
	"munmap", "mremap", "mremap-onto", "madvise", "mprotect", "mmap-over", "mmap-noreplace", "mmap-hint",
};

/* Calls denied by an LSM program: no seal ever lets them pass. */
#define BY_LSM_ONLY (1u << MPROTECT | 1u << MAP_OVER | 1u << MAP_BESIDE | 1u << MAP_HINT)
#define ALL_STRIKES ((1u << STRIKES) - 1)

/* Shared by all processes, at the same address: orders and results. */
struct board {
	_Atomic uint32_t fire, stop, sealed;
	uint32_t strikes; /* bits of enum strike to make in this round */
	uint64_t page[TARGETS];
	bool native[TARGETS];
	pid_t sharers[2];
	_Atomic uint64_t tries[STRIKES], passed[STRIKES], reads, children, images;
	_Atomic uint32_t gone[TARGETS], zero[TARGETS];
	/* Violations of the promise. */
	_Atomic uint32_t evil, wrong, native_passed, child_unsealed, image_sealed;
};

static struct board *board;
static int evil_fd; /* a file of the attacker's bytes */
static unsigned cpus;

static int64_t now_ms(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * 1000LL + time.tv_nsec / 1000000;
}

static uint64_t pattern(unsigned target)
{
	return 0x5ea1ed0000000000ull + target + 1;
}

/* --- the attackers: no errno here, which processes with shared memory share too --- */

static void pin(int cpu)
{
	unsigned long mask = 1ul << cpu;

	(void)RAW(SYS_sched_setaffinity, 0, sizeof(mask), &mask);
}

/* By a call, not a store: another may have unmapped the page by now, and a fault would end the attack. */
static void put_evil(uint64_t at)
{
	(void)RAW(SYS_pread64, evil_fd, at, PAGE, 0);
}

/* A page of the attacker's bytes, at any address. */
static uint64_t evil_page(void)
{
	long at = RAW(SYS_mmap, 0, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (at < 0)
		return 0;
	put_evil((uint64_t)at);
	return (uint64_t)at;
}

static bool any_target(uint64_t at)
{
	for (unsigned i = 0; i < board->sealed; i++)
		if (board->page[i] == at)
			return true;
	return false;
}

/*
 * One try; true: the call did something forbidden to the sealed page. *ret_writable is where it is writable
 * now.
 */
static bool try(enum strike strike, uint64_t target, uint64_t *own, uint64_t *ret_writable)
{
	const long flags = MAP_PRIVATE | MAP_ANONYMOUS;
	long got;

	switch (strike) {
	case MUNMAP: return RAW(SYS_munmap, target, PAGE) == 0;
	case MREMAP_AWAY:
		return RAW(SYS_mremap, target, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, *own) >= 0;
	case MREMAP_ONTO:
		got = RAW(SYS_mremap, *own, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, target);
		if (got >= 0)
			*own = evil_page();
		return got >= 0;
	case DISCARD: return RAW(SYS_madvise, target, PAGE, MADV_DONTNEED) == 0;
	case MPROTECT:
		if (RAW(SYS_mprotect, target, PAGE, PROT_READ | PROT_WRITE) != 0)
			return false;
		*ret_writable = target;
		return true;
	case MAP_OVER:
	case MAP_BESIDE:
	case MAP_HINT:
		got = RAW(SYS_mmap, target, PAGE, PROT_READ | PROT_WRITE,
			  flags | (strike == MAP_OVER	? MAP_FIXED :
				   strike == MAP_BESIDE ? MAP_FIXED_NOREPLACE :
							  0),
			  -1, 0);
		if (got < 0)
			return false;
		if ((uint64_t)got == target || any_target((uint64_t)got)) {
			*ret_writable = (uint64_t)got;
			return true;
		}
		(void)RAW(SYS_munmap, got, PAGE);
		return false;
	default: return false;
	}
}

static void hammer(uint32_t seed)
{
	uint64_t own = evil_page();
	uint64_t writable = 0;

	while (!board->fire)
		(void)RAW(SYS_sched_yield);
	while (!board->stop) {
		unsigned target;
		enum strike strike;

		seed = seed * 1664525u + 1013904223u;
		/* Time chooses the strike, not chance, so that all make the same strike and race. */
		strike = (seed >> 16) % 4 ? board->reads / 64 % STRIKES : (seed >> 20) % STRIKES;
		target = (seed >> 8) % board->sealed;
		if (!(board->strikes & 1u << strike))
			continue;
		for (unsigned i = 0; i < BURST && !board->stop; i++) {
			board->tries[strike]++;
			if (!try(strike, board->page[target], &own, &writable))
				continue;
			/* Unmapped memory can be unmapped again without end. */
			if (strike <= MREMAP_ONTO && atomic_exchange(&board->gone[target], 1))
				continue;
			board->passed[strike]++;
			if (board->native[target])
				board->native_passed++;
			if (writable)
				put_evil(writable);
			writable = 0;
		}
	}
}

/* Reads all sealed memory again and again, and must never see an attacker's byte. */
static void look(uint64_t pid)
{
	uint64_t words[2];

	while (!board->stop) {
		for (unsigned i = 0; i < board->sealed; i++) {
			struct iovec local = { words, sizeof(words) };
			struct iovec remote[2] = { { (void *)board->page[i], 8 },
						   { (void *)(board->page[i] + PAGE - 8), 8 } };

			if (RAW(SYS_process_vm_readv, pid, &local, 1, remote, 2, 0) != sizeof(words)) {
				board->gone[i] = 1;
				continue;
			}
			for (unsigned k = 0; k < 2; k++) {
				board->evil += words[k] == EVIL;
				board->zero[i] |= words[k] == 0;
				board->wrong += words[k] != EVIL && words[k] != 0 && words[k] != pattern(i);
			}
			board->reads++;
		}
		if (!board->fire)
			(void)RAW(SYS_sched_yield);
	}
}

/* Makes children that check immediately that they are sealed, and try to be attackers. */
static void bear(uint32_t seed)
{
	while (!board->fire)
		(void)RAW(SYS_sched_yield);
	while (!board->stop) {
		uint64_t target;
		long pid;

		seed = seed * 1664525u + 1013904223u;
		target = board->page[(seed >> 8) % board->sealed];
		pid = RAW(SYS_clone, SIGCHLD, 0, 0, 0, 0);
		if (pid == 0) {
			if (RAW(SYS_mprotect, target, PAGE, PROT_READ | PROT_WRITE) == 0 ||
			    RAW(SYS_mmap, target, PAGE, PROT_READ | PROT_WRITE,
				MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) >= 0 ||
			    RAW(SYS_mprotect, target, PAGE, PROT_READ | PROT_WRITE) == 0)
				board->child_unsealed++;
			(void)RAW(SYS_exit_group, 0);
		}
		if (pid < 0)
			continue;
		(void)RAW(SYS_wait4, pid, 0, 0, 0);
		board->children++;
	}
}

/* Starts new images, which are unsealed: each maps where its predecessor must not. */
static void become(uint32_t seed)
{
	while (!board->fire)
		(void)RAW(SYS_sched_yield);
	while (!board->stop) {
		char address[32], *arguments[] = { "r_race", "--image", address, NULL },
				  *environment[] = { NULL };
		int status = 0;
		long pid;

		seed = seed * 1664525u + 1013904223u;
		(void)snprintf(address, sizeof(address), "%" PRIu64,
			       board->page[(seed >> 8) % board->sealed]);
		pid = RAW(SYS_clone, SIGCHLD, 0, 0, 0, 0);
		if (pid == 0) {
			(void)RAW(SYS_execve, "/proc/self/exe", arguments, environment);
			(void)RAW(SYS_exit_group, 1);
		}
		if (pid < 0 || RAW(SYS_wait4, pid, &status, 0, 0) != pid)
			continue;
		board->images++;
		board->image_sealed += WIFEXITED(status) && WEXITSTATUS(status) == STILL_SEALED;
	}
}

static int image_main(const char *address)
{
	void *at = (void *)strtoull(address, NULL, 10);

	/* The new image may have a mapping there. */
	if (mmap(at, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0) ==
		    MAP_FAILED &&
	    errno == EPERM)
		return STILL_SEALED;
	return 0;
}

/* --- the victim, which becomes an attacker --- */

struct role {
	void (*act)(uint32_t seed);
	int cpu; /* -1: any */
	uint32_t seed;
};

static void *act(void *context)
{
	const struct role *role = context;

	if (role->cpu >= 0)
		pin(role->cpu);
	role->act(role->seed);
	for (;;)
		pause();
	return NULL;
}

static int act_as_looker(void *context)
{
	(void)context;
	look((uint64_t)RAW(SYS_getpid));
	for (;;)
		pause();
	return 0;
}

static int act_as_process(void *context)
{
	(void)act(context);
	return 0;
}

/* Makes a process that shares the memory, as a child of the test. */
static pid_t share(int (*function)(void *), void *context)
{
	char *stack = mmap(NULL, 16 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return stack == MAP_FAILED ?
		       -1 :
		       clone(function, stack + 16 * PAGE, CLONE_VM | CLONE_PARENT | SIGCHLD, context);
}

static void victim(int ready)
{
	static struct role roles[32];
	unsigned count = 0;
	char *pages = mmap(NULL, (2 * TARGETS + 1) * PAGE, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	(void)nice(10); /* lets test and daemon run, which also preempts more */
	if (pages == MAP_FAILED)
		_exit(1);
	for (unsigned i = 0; i < TARGETS; i++) {
		uint64_t *page = (uint64_t *)(pages + (2 * i + 1) * PAGE);

		for (unsigned k = 0; k < PAGE / 8; k++)
			page[k] = pattern(i);
		board->page[i] = (uint64_t)page;
	}
	if (mprotect(pages, (2 * TARGETS + 1) * PAGE, PROT_READ) < 0)
		_exit(1);
	/* Three on one CPU, two on each other CPU used alone, the rest anywhere. */
	for (unsigned cpu = 0; cpu < cpus / 2; cpu++)
		for (unsigned i = 0; i < (cpu ? 2 : 3); i++)
			roles[count++] = (struct role){ hammer, (int)cpu, 0 };
	for (unsigned i = 0; i < cpus; i++)
		roles[count++] = (struct role){ hammer, -1, 0 };
	roles[count++] = (struct role){ bear, -1, 0 };
	roles[count++] = (struct role){ become, -1, 0 };
	for (unsigned i = 0; i < count; i++) {
		pthread_t thread;

		roles[i].seed = (uint32_t)getpid() * 977u + i * 7919u;
		if (pthread_create(&thread, NULL, act, &roles[i]) != 0)
			_exit(1);
	}
	roles[count] = (struct role){ hammer, 0, (uint32_t)getpid() * 31u };
	board->sharers[0] = share(act_as_looker, NULL);
	board->sharers[1] = share(act_as_process, &roles[count]);
	if (board->sharers[0] < 0 || board->sharers[1] < 0 || write(ready, "", 1) != 1)
		_exit(1);
	for (;;)
		pause();
}

/* --- the test --- */

struct total {
	uint64_t rounds, died, pages, refused, restarts, misses, gone, zero;
	/* Violations, in addition to those of the board. */
	uint64_t outlived, other_death, needless_death, unexpected_gone, unexpected_zero, never_sealed;
};

static bool kills, preempted; /* does this kernel's gate kill, and can it be raced? */
static int64_t misses_seen;

static void note_misses(struct total *total)
{
	misses_seen = status_number("misses");
	if (misses_seen > 0)
		total->misses += (uint64_t)misses_seen;
}

static void restart(struct total *total)
{
	note_misses(total);
	daemon_stop(SIGKILL);
	nap(100);
	daemon_start();
	total->restarts++;
}

/* The daemon is also a child: it must stay for daemon_stop() to wait for. */
static bool ended(pid_t pid, int *status)
{
	return waitpid(pid, status, WNOHANG) == pid;
}

static bool ends_in_time(pid_t pid, int *status)
{
	int64_t end = now_ms() + DEADLINE_MS;

	while (!ended(pid, status)) {
		if (now_ms() > end)
			return false;
		nap(20);
	}
	return true;
}

/* Checks each page, also from outside, when all attackers have stopped. */
static void look_from_outside(pid_t pid)
{
	for (unsigned i = 0; i < board->sealed; i++) {
		uint64_t words[PAGE / 8];
		struct iovec local = { words, sizeof(words) },
			     remote = { (void *)board->page[i], sizeof(words) };

		if (process_vm_readv(pid, &local, 1, &remote, 1, 0) != (ssize_t)sizeof(words)) {
			if (errno != ESRCH)
				board->gone[i] = 1;
			continue;
		}
		for (unsigned k = 0; k < PAGE / 8; k++) {
			board->evil += words[k] == EVIL;
			board->zero[i] |= words[k] == 0;
			board->wrong += words[k] != EVIL && words[k] != 0 && words[k] != pattern(i);
		}
	}
}

static bool seal_next(pid_t pid, bool revocable, struct total *total)
{
	uint32_t next = board->sealed;
	struct range range = { board->page[next], board->page[next] + PAGE };
	json_t *reply = NULL;
	const char *error = daemon_seal(
		&(struct seal_order){ .pid = pid, .ranges = &range, .count = 1, .revocable = revocable },
		&reply);

	if (error) {
		total->refused++;
		return false;
	}
	board->native[next] = json_number(reply, "native") == 1;
	json_decref(reply);
	board->sealed = next + 1;
	total->pages++;
	return true;
}

/* Judges the round, when all attackers have stopped. */
static void judge(pid_t pid, bool dead, int status, struct total *total)
{
	bool harmed = false, may_die = kills && board->strikes != BY_LSM_ONLY;
	int other;

	for (unsigned i = 0; i < board->sealed; i++) {
		bool may_be_gone = !board->native[i] && board->strikes != BY_LSM_ONLY && (kills || preempted);

		harmed |= board->gone[i];
		total->gone += board->gone[i];
		total->zero += board->zero[i];
		total->unexpected_gone += board->gone[i] && !may_be_gone;
		total->unexpected_zero += board->zero[i] && !may_be_gone;
	}
	if (!dead && harmed) {
		dead = ends_in_time(pid, &status);
		total->outlived += !dead;
		if (!dead)
			diag("pid %d lives on without a sealed page", pid);
	}
	if (dead) {
		total->died++;
		if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL)
			diag("pid %d ended with wait status %#x", pid, (unsigned)status);
		total->other_death += !WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL;
		total->needless_death += !harmed && !may_die && !preempted;
	} else {
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
	}
	for (unsigned i = 0; i < 2; i++) {
		if (dead && !ends_in_time(board->sharers[i], &other)) {
			diag("pid %d lives on, with which the dead pid %d shared its memory",
			     board->sharers[i], pid);
			total->outlived++;
		}
		kill(board->sharers[i], SIGKILL);
		waitpid(board->sharers[i], NULL, 0);
	}
}

/* Reaps children that outlived the process that should have waited for them. */
static void reap(void)
{
	siginfo_t info = { 0 };

	while (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid &&
	       info.si_pid != daemon_pid()) {
		waitpid(info.si_pid, NULL, 0);
		info.si_pid = 0;
	}
}

static void one_round(struct total *total, int64_t milliseconds)
{
	/*
	 * Permanent and revocable seals; all strikes, or only those that do not kill, so that the process
	 * lives on.
	 */
	bool revocable = total->rounds % 2, gentle = kills && total->rounds % KINDS >= 2,
	     restarts = total->rounds % 3 == 2;
	int pipes[2], status = 0;
	int64_t until;
	bool dead = false;
	pid_t pid;
	char byte;

	board->fire = board->stop = board->sealed = 0;
	board->strikes = gentle ? BY_LSM_ONLY : ALL_STRIKES;
	memset((void *)board->gone, 0, sizeof(board->gone));
	memset((void *)board->zero, 0, sizeof(board->zero));
	if (pipe2(pipes, O_CLOEXEC) < 0)
		bail("pipe2: %s", strerror(errno));
	pid = fork();
	if (pid < 0)
		bail("fork: %s", strerror(errno));
	if (pid == 0)
		victim(pipes[1]);
	close(pipes[1]);
	if (read(pipes[0], &byte, 1) != 1)
		bail("the victim did not get ready");
	close(pipes[0]);
	total->rounds++;
	if (!seal_next(pid, revocable, total)) {
		total->never_sealed++;
		diag("the first seal of pid %d: %s", pid, daemon_error_message());
	} else {
		board->fire = 1;
	}
	until = now_ms() + (gentle ? milliseconds / 2 : milliseconds);
	while (board->fire && now_ms() < until && !(dead = ended(pid, &status))) {
		if (restarts && board->sealed >= 3) {
			restart(total);
			restarts = false;
			/* Starting takes long: only the time after it counts. */
			until = now_ms() + milliseconds / 4;
		}
		if (board->sealed < TARGETS)
			(void)seal_next(pid, revocable, total);
		nap(30);
	}
	board->stop = 1;
	nap(50);
	if (!dead)
		look_from_outside(pid);
	dead = dead || ended(pid, &status);
	judge(pid, dead, status, total);
	reap();
}

static void say_counts(const struct total *total, int64_t seconds)
{
	char text[1024];
	size_t length = 0;

	for (unsigned i = 0; i < STRIKES; i++)
		length += (size_t)snprintf(text + length, sizeof(text) - length, " %s %" PRIu64 "/%" PRIu64,
					   strike_names[i], (uint64_t)board->passed[i],
					   (uint64_t)board->tries[i]);
	diag("race: %" PRId64 " s, %" PRIu64 " rounds, %" PRIu64 " died, %" PRIu64 " restarts, %" PRIu64
	     " seals (%" PRIu64 " refused), %" PRIu64 " misses, %" PRIu64 " pages gone, %" PRIu64
	     " discarded, %" PRIu64 " children, %" PRIu64 " images, %" PRIu64 " reads; let by/tried:%s",
	     seconds, total->rounds, total->died, total->restarts, total->pages, total->refused,
	     total->misses, total->gone, total->zero, (uint64_t)board->children, (uint64_t)board->images,
	     (uint64_t)board->reads, text);
}

int main(int argc, char **argv)
{
	const char *text = getenv("MSEALD_RACE_SECONDS");
	int64_t seconds = text ? strtol(text, NULL, 10) : 10, start, end;
	struct total total = { 0 };
	json_t *status;

	if (argc == 3 && strcmp(argv[1], "--image") == 0)
		return image_main(argv[2]);
	cpus = (unsigned)sysconf(_SC_NPROCESSORS_ONLN);
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	board = mmap(NULL, sizeof(*board), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (board == MAP_FAILED)
		bail("mmap: %s", strerror(errno));
	evil_fd = memfd_create("evil", 0);
	for (uint64_t i = 0, word = EVIL; i < PAGE / 8; i++)
		if (evil_fd < 0 || write(evil_fd, &word, sizeof(word)) != sizeof(word))
			bail("memfd_create or write: %s", strerror(errno));
	kills = !gate_is_override();
	daemon_start();
	status = daemon_status();
	text = json_text(status, "preemption");
	preempted = strcmp(text, "none") && strcmp(text, "voluntary");
	diag("%u processors, preemption %s, gates %s", cpus, text, kills ? "kill" : "override");
	json_decref(status);

	start = now_ms();
	end = start + seconds * 1000;
	while (now_ms() < end || total.rounds < KINDS)
		one_round(&total, seconds * 1000 / KINDS < ROUND_MS ? seconds * 1000 / KINDS : ROUND_MS);
	note_misses(&total);
	say_counts(&total, (now_ms() - start) / 1000);

	ok(total.never_sealed == 0, "each process can be sealed (%" PRIu64 " not)", total.never_sealed);
	ok(board->evil == 0, "the attacker's bytes are never there (%u times)", board->evil);
	ok(board->wrong == 0, "nor any other bytes (%u times)", board->wrong);
	ok(board->passed[MPROTECT] + board->passed[MAP_OVER] + board->passed[MAP_BESIDE] +
			   board->passed[MAP_HINT] ==
		   0,
	   "calls that LSM programs deny are never let through");
	ok(board->native_passed == 0, "where the kernel's own mseal() denies it, nothing is let through (%u)",
	   board->native_passed);
	ok(total.unexpected_gone == 0 && total.unexpected_zero == 0,
	   "pages are gone or discarded only where a gate can be raced, or lets the call happen (%" PRIu64
	   ", %" PRIu64 " not)",
	   total.unexpected_gone, total.unexpected_zero);
	ok(total.outlived == 0,
	   "a process without a sealed page dies, with all that share the memory (%" PRIu64 " not)",
	   total.outlived);
	ok(total.other_death == 0 && total.needless_death == 0,
	   "nobody dies of anything else (%" PRIu64 ", %" PRIu64 ")", total.other_death,
	   total.needless_death);
	ok(board->child_unsealed == 0, "no child is ever unsealed (%u of %" PRIu64 ")", board->child_unsealed,
	   (uint64_t)board->children);
	ok(board->image_sealed == 0, "no new image is sealed (%u of %" PRIu64 ")", board->image_sealed,
	   (uint64_t)board->images);
	ok(status_becomes("spaces", 0, 30), "no address space is left in the end");
	daemon_stop(SIGTERM);
	return tap_end();
}
