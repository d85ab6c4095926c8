/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Keeps the maps consistent with the running processes: at the start, on events, and every few seconds while
 * something is sealed.
 */
#pragma once

#include <systemd/sd-event.h>

#include "base/timer.h"
#include "bpf/programs.h"
#include "seal/integrity.h"
#include "seal/space_map.h"

struct gc {
	struct programs *programs;
	struct space_map *space_map;
	struct integrity *integrity;
	struct timer soon;		  /* set when an object is unused */
	unsigned idle_looks, grace_looks; /* grace_looks: idle ones before idle_looks counts */
	/* Values at the last tick. */
	uint64_t lifecycle_seen, misses_seen, idle_entries_seen, refused_seen;
	unsigned quiet; /* ticks without another log line about forks */
	unsigned ticks; /* since the last look for stale entries */
	unsigned trim_ticks;
	size_t returned; /* bytes of free heap that the kernel has, as far as known */
};

int gc_open(struct gc *gc, sd_event *loop, struct programs *programs, struct space_map *space_map,
	    struct integrity *integrity); /* negative errno */
void gc_close(struct gc *gc);		  /* takes zeroed */

/* At the start: attaches the programs that an earlier daemon had attached, or removes its remains. Logs. */
int gc_take_over(struct gc *gc);

/* Seals may have changed: frees sets without references. Unneeded programs stay attached for some seconds. */
void gc_collect(struct gc *gc);
/* The same after a moment, once for many changes: each collection waits for every running program. */
void gc_collect_soon(struct gc *gc);
/* After a failure: removes the entry that a process can leave which exits while it is being sealed. */
void gc_after_failure(struct gc *gc);
/* A user has asked for a seal: with nothing sealed any more, the programs stay a minute, not seconds. */
void gc_extend_grace(struct gc *gc);

/* Called every few seconds. True: a program was skipped, so a process may have started or ended unseen. */
bool gc_tick(struct gc *gc);

/* At exit: detaches programs that no seal needs any more. Logs. */
void gc_finish(struct gc *gc);
