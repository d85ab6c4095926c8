/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Sequences of calls: made by a victim and judged, replayed, and pruned to the calls that matter. */
#ifndef MSEALD_TESTS_FUZZ_PLAY_H
#define MSEALD_TESTS_FUZZ_PLAY_H

#include "fuzz_ops.h"
#include "fuzz_oracle.h"

#define FUZZ_FAMILY 9u /* slots of a victim: its own and those of what it makes */

/* What came of a batch. */
struct fuzz_judgement {
	struct fuzz_change change; /* page NULL: sealed memory is unchanged in all survivors */
	const char *who;	   /* "the process", "a child"... */
	bool over;		   /* it has died, or is about to: it can make no further call */
	bool hung;
};

/* Makes the calls in a victim that lives, and judges. Coverage counts what came of them, if asked to. */
struct fuzz_judgement play_batch(const struct fuzz_scene *scene, struct fuzz_victim *victim,
				 const struct fuzz_call *calls, unsigned count, bool counted);
/* The end of a victim and of all that it has made. */
void play_end(struct fuzz_victim *victim);
/* A new victim of a scene, which is built anew if it has to be. */
struct fuzz_victim play_begin(struct fuzz_scene *scene, unsigned slot, bool sealed);

/*
 * Is the template as it was? A change of shared memory changes it there too; then it is
 * given up, and the next victim has a new one.
 */
bool play_check_template(struct fuzz_scene *scene);

/*
 * Replays the calls in a fresh victim, and prunes them in place as long as some sealed page is
 * changed: *count becomes 0 when that cannot be repeated. The first `harmless` calls are known to change
 * nothing by themselves. until_call: only the last one is sought, not which of the others are needed.
 */
struct fuzz_judgement play_shorten(struct fuzz_scene *scene, struct fuzz_call *calls, unsigned *count,
				   unsigned harmless, bool until_call);

#endif
