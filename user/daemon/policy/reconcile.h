/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Sealing by policy: keeps the processes to look at, until everything that their policy names is sealed. The
 * daemon looks at each process; exec and relro events of the kernel only say when, so a lost event delays
 * little.
 */
#pragma once

#include "bpf/events.h"
#include "policy/pending.h"

struct reconcile;

/* Negative errno. */
int reconcile_open(const struct policy_context *context, struct reconcile **ret);
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

const struct late *reconcile_late(const struct reconcile *reconcile);
/* Why part of this process is not sealed yet, at the last look: enum left. */
unsigned reconcile_left(const struct reconcile *reconcile, uint64_t key);

/* Is this process still being looked at? */
bool reconcile_pending(const struct reconcile *reconcile, uint64_t key);
/* The number of such processes. */
size_t reconcile_count_pending(const struct reconcile *reconcile);
