/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Sealing by policy: keeps the processes to look at, until everything that their policy names is sealed. The
 * daemon looks at each process; exec and relro events of the kernel only say when, so a lost event delays
 * little.
 */
#pragma once

#include <systemd/sd-event.h>

#include "base/config.h"
#include "bpf/events.h"
#include "bpf/programs.h"
#include "policy/active.h"
#include "policy/containers.h"
#include "policy/left.h"
#include "seal/space_map.h"

struct reconcile;

/* Its context, which outlives it. */
struct reconcile_context {
	sd_event *loop;
	struct programs *programs;
	struct space_map *space_map;
	struct events *events;
	struct active *active;
	struct containers *containers;
	const struct config *config; /* NativeAfter=, Settle= */
};

/* Negative errno. */
int reconcile_open(const struct reconcile_context *context, struct reconcile **ret);
void reconcile_close(struct reconcile *reconcile); /* takes NULL */

void reconcile_exec_event(struct reconcile *reconcile, const struct mseald_exec_event *event);

/* Looks at all processes: at the start, after a reload, when an exec or relro event may have been lost. */
void reconcile_look_at_all(struct reconcile *reconcile);

/*
 * Called every few seconds: looks at all processes if an event was lost; forgets processes that are gone.
 * lifecycle_missed: a BPF program was skipped.
 */
void reconcile_tick(struct reconcile *reconcile, bool lifecycle_missed);

/* A process that should have been seen starting, so many seconds ago: reports, counts and looks at it. */
void reconcile_missed(struct reconcile *reconcile, uint64_t key, pid_t pid, const char *policy,
		      uint64_t seconds);
/* Has the process been seen, and does it have more to be sealed? */
bool reconcile_known(const struct reconcile *reconcile, uint64_t key);
/* The number of processes that could not be sealed, or not in time, since this daemon started. */
uint64_t reconcile_unsealed(const struct reconcile *reconcile);

/* Starts that were sealed late, by reason and by delay, since this daemon started. */
#define RECONCILE_DELAYS 11
struct reconcile_late {
	__u64 processes[LEFT_START_COUNT];
	uint64_t delays[RECONCILE_DELAYS + 1]; /* by time from exec until sealed: up to each bound; longer */
	uint64_t delays_us;		       /* sum of all delays */
};

extern const uint32_t reconcile_bounds[RECONCILE_DELAYS]; /* microseconds */
const struct reconcile_late *reconcile_late(const struct reconcile *reconcile);
/* Why part of this process is not sealed yet, at the last look: enum left. */
unsigned reconcile_left(const struct reconcile *reconcile, uint64_t key);

/*
 * The deny bits of a policy that are left out for a process on this kernel. With Gate=deny: those that could
 * kill a well-behaved program. For pid 1: those that only SIGKILL enforces.
 */
unsigned reconcile_spared(const struct coverage *coverage, const struct policy *policy, pid_t pid);

/* Is this process still being looked at? */
bool reconcile_pending(const struct reconcile *reconcile, uint64_t key);
/* The number of such processes. */
size_t reconcile_count_pending(const struct reconcile *reconcile);
