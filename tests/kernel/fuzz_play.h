/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Sequences of calls: made by a victim and judged, replayed, and pruned to the calls that matter. */
#pragma once

#include "fuzz_ops.h"
#include "fuzz_oracle.h"

/* The result of a batch. */
struct fuzz_judgement {
	struct fuzz_change change; /* page NULL: sealed memory is unchanged in all survivors */
	const char *who;	   /* "the process", "a child"... */
	bool over;		   /* it has died, or is about to: it can make no further call */
	bool hung;
	bool discards;	/* a gate killed it, and the call still happened, to memory that others share */
	unsigned calls; /* made */
};

/* Makes the calls in a living victim, and judges. Coverage counts the results, if requested. */
struct fuzz_judgement play_batch(const struct fuzz_scene *scene, struct fuzz_victim *victim,
				 const struct fuzz_call *calls, unsigned count, bool counted);
/* Ends a victim and all processes that it has made. */
void play_end(struct fuzz_victim *victim);
/* A new victim of a scene, which is rebuilt if necessary. */
struct fuzz_victim play_begin(struct fuzz_scene *scene, unsigned slot, bool sealed);

/*
 * Is the template unchanged? A change of shared memory also changes it there: then it is dropped, and the
 * next victim gets a new one.
 */
bool play_check_template(struct fuzz_scene *scene);

/*
 * Replays the calls in a new victim, and prunes them in place as long as some sealed page is changed. *count
 * becomes 0 if the change cannot be repeated. The first `harmless` calls are known to change nothing by
 * themselves. until_call: only finds the last call, not which of the others are needed.
 */
struct fuzz_judgement play_shorten(struct fuzz_scene *scene, struct fuzz_call *calls, unsigned *count,
				   unsigned harmless, bool until_call);
