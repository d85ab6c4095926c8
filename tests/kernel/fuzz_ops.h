/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The fuzzer's calls: drawn at random, printed, and counted by result. */
#pragma once

#include <stddef.h>

#include "fuzz_scene.h"

struct fuzz_random {
	uint64_t state;
};

uint64_t random_next(struct fuzz_random *random);
/* A number below limit, which is not 0. */
unsigned random_below(struct fuzz_random *random, unsigned limit);

enum fuzz_outcome { FUZZ_DENIED, FUZZ_KILLED, FUZZ_MADE, FUZZ_REFUSED, FUZZ_OUTCOMES };

/*
 * "mremap,shmdt,huge": only these calls and scenes; "-file": all others. "sane": no addresses and lengths
 * beyond memory. Unknown words bail out.
 */
void ops_select(const char *only);

/* May calls take pages away from the machine? There are few huge ones. */
extern bool fuzz_takes_pages;

/* Slots for processes that the calls make; each is given out once. */
struct fuzz_slots {
	unsigned next, end;
};

/* Draws one call; two, with a vfork or a process that shares the memory. Returns the number. */
unsigned ops_draw(const struct fuzz_scene *scene, struct fuzz_random *random, struct fuzz_slots *slots,
		  struct fuzz_call calls[2]);
/* Prints the call as C, with addresses relative to places. */
void ops_print(const struct fuzz_scene *scene, const struct fuzz_call *call, char *text, size_t size);
const char *ops_name(const struct fuzz_call *call);

/* --- coverage --- */

/* The kinds that can be met in that scene. */
void ops_expect(const struct fuzz_scene *scene);
void ops_count(const struct fuzz_call *call, enum fuzz_outcome outcome);
/* Prints the matrix, and its cells that were not met. */
void ops_report(void);
