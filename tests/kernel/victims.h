/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Processes that are sealed while they work, and check themselves that they notice nothing. t_native.c seals
 * them.
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "puppet.h"

/* Shared by test and victim; made anew for each victim. */
struct scene {
	int pipe[2];   /* empty */
	int stream[2]; /* a pair of connected sockets */
	int file;      /* an empty file that can be locked */
	int sem, msg;  /* System V, one semaphore at 0 */
	struct puppet *victim;
	struct shared { /* memory of both */
		_Atomic uint32_t word, stop, progress, handled;
		_Atomic uint64_t numbers[4];
		unsigned char code[16];
	} * shared;
};
extern struct scene scene;

enum victim_gate { NATIVE, NEXT, EITHER };

struct victim {
	const char *name;
	/* Runs in the victim. 0, or the fault (VICTIM_BAD). */
	long (*live)(const long arguments[6]);
	/*
	 * The system call in which it must be blocked when it is sealed; -1: none, it runs; -2: it reports
	 * itself (progress).
	 */
	long call;
	/* In the test, after the seal: lets it continue. */
	void (*wake)(void);
	enum victim_gate gate;	 /* required gate of the seal: native, or the next one */
	void (*set_up)(void);	 /* in the test, before the victim is made */
	void (*meanwhile)(void); /* in the test, before the first seal */
	unsigned seals;		 /* number of seals, of a page each; 0: one */
	int pending;		 /* a signal sent to it once it sleeps, before the seal */
	bool like_another;	 /* not in the short form */
	bool dies;		 /* it ends itself, with VICTIM_ENDS, if it finds no fault */
};

/*
 * A sleep of this length, without wake, is sealed half way. If it were restarted, it would end this long
 * after the seal.
 */
#define SLEEP_MS 3000

#define RUNS (-1)
#define SAYS_SO (-2)

#define VICTIM_ENDS 7 /* exit status of those that end themselves */

extern const struct victim call_victims[], signal_victims[], state_victims[],
	half_victims[]; /* end with a name of NULL */

/* A fault: its line, and the number found. */
#define VICTIM_BAD(found) ((long)__LINE__ << 32 | ((long)(found)&0xffffffff))
#define MUST(condition, found) \
	do { \
		if (!(condition)) \
			return VICTIM_BAD(found); \
	} while (0)

/* Some of the victims, for others: they sleep SLEEP_MS, or until wake_pipe(). */
long in_nanosleep(const long arguments[6]), in_clock_nanosleep(const long arguments[6]);
long in_futex_timeout(const long arguments[6]), in_poll_timeout(const long arguments[6]);
long nanosleep_under_filter(const long arguments[6]), in_epoll_wait(const long arguments[6]);

void scene_open(void);
void scene_close(void);

void wake_pipe(void);	/* "hello" comes out of the pipe */
void wake_signal(void); /* SIGUSR1 to the victim */

/* Installs a filter that permits all but one call, which fails with EPERM. */
bool forbid(unsigned number);

/* Counts into shared->handled; the handler of a signal, without SA_RESTART. */
void count_signal(int signal);
void handle(int signal);
long milliseconds(void);
/* State letter, and the number of the system call that it is blocked in (-1: none). */
char state_of(pid_t pid, long *ret_call);
