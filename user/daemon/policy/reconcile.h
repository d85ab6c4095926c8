/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Sealing by policy: processes that are to be looked at, until everything of
 * them that their policy names is sealed. The daemon looks at
 * each process; exec and relro events of the kernel only say when, so a lost event delays little.
 */
#ifndef MSEALD_POLICY_RECONCILE_H
#define MSEALD_POLICY_RECONCILE_H

#include <systemd/sd-event.h>

#include "base/config.h"
#include "bpf/events.h"
#include "bpf/programs.h"
#include "policy/active.h"
#include "policy/containers.h"
#include "policy/left.h"
#include "seal/space_map.h"

struct reconcile;

/* What it works with; all of it outlives it. */
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

/* Looks at all processes: at the start, after a reload, and when an exec or relro event may be lost. */
void reconcile_look_at_all(struct reconcile *reconcile);

/*
 * Every few seconds: looks at all processes if an event was lost; forgets those that are gone.
 * lifecycle_missed: a BPF program was skipped.
 */
void reconcile_tick(struct reconcile *reconcile, bool lifecycle_missed);

/*
 * One that should have been seen starting, so many seconds ago, and was not: reported, counted, and
 * looked at from now on.
 */
void reconcile_missed(struct reconcile *reconcile, uint64_t key, pid_t pid, const char *policy,
		      uint64_t seconds);
/* Is it one that was seen, and that more is to be sealed of? */
bool reconcile_known(const struct reconcile *reconcile, uint64_t key);
/* How many could not be sealed, or not in time, since this daemon began. */
uint64_t reconcile_unsealed(const struct reconcile *reconcile);

/* Starts that were sealed late: how many by reason, and when. Since this daemon began. */
#define RECONCILE_DELAYS 11
struct reconcile_late {
	__u64 processes[LEFT_START_COUNT];
	uint64_t delays[RECONCILE_DELAYS + 1]; /* by time from exec until sealed: up to each bound; longer */
	uint64_t delays_us;		       /* of all together */
};

extern const uint32_t reconcile_bounds[RECONCILE_DELAYS]; /* microseconds */
const struct reconcile_late *reconcile_late(const struct reconcile *reconcile);
/* Why something of this one is not sealed yet, at the last look: enum left. */
unsigned reconcile_left(const struct reconcile *reconcile, uint64_t key);

/*
 * The deny bits of a policy that a process is not sealed with on this kernel: with Gate=deny those that
 * a program that means no harm could be killed for; of pid 1 those that nothing but SIGKILL answers.
 */
unsigned reconcile_spared(const struct coverage *coverage, const struct policy *policy, pid_t pid);

/* Is this one still being looked at? */
bool reconcile_pending(const struct reconcile *reconcile, uint64_t key);
/* And how many are. */
size_t reconcile_count_pending(const struct reconcile *reconcile);

#endif
