/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The fuzzer's processes, seen from the test: they take a batch of calls, and return the turn or die. */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "fuzz_runner.h"

struct fuzz_victim {
	unsigned slot;
	pid_t pid; /* 0: none */
	int pidfd;
	bool dead;
	int status; /* of waitpid(), once dead */
};

enum fuzz_turn { FUZZ_DONE, FUZZ_DIED, FUZZ_HUNG };

/* Maps the board; bails out on failure. */
void board_open(void);
struct fuzz_slot *victim_slot(const struct fuzz_victim *victim);

/* A new process of this program, or of fuzz32; bails out if it does not get ready. */
struct fuzz_victim victim_new(unsigned slot, bool is_32);
/* Call these before and after another process forks a child into the slot; false: no child. */
void victim_expect(unsigned slot);
bool victim_made(unsigned slot, int milliseconds, struct fuzz_victim *ret);

/* Hands the turn to it and waits. The batch is in its slot. */
enum fuzz_turn victim_step(struct fuzz_victim *victim, int milliseconds);
/* Has it died, or does it within that time? */
bool victim_dies(struct fuzz_victim *victim, int milliseconds);
bool victim_is_killed(const struct fuzz_victim *victim); /* by SIGKILL */
/* Kills it and waits for its end, in any state. */
void victim_end(struct fuzz_victim *victim);

int64_t now_milliseconds(void);
