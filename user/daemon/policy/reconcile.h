/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Sealing by policy: processes that are to be looked at, until everything of
 * them that their policy names is sealed. Looking is what does it; hints of the
 * kernel only say when, so none that is lost is missed for long.
 */
#ifndef MSEALD_POLICY_RECONCILE_H
#define MSEALD_POLICY_RECONCILE_H

#include <systemd/sd-event.h>

#include "bpf/events.h"
#include "bpf/programs.h"
#include "policy/active.h"
#include "policy/containers.h"
#include "seal/space_map.h"

struct starts;

/* What it works with; all of it outlives it. */
struct starts_context {
	sd_event *loop;
	struct programs *programs;
	struct space_map *space_map;
	struct events *events;
	struct inforce *inforce;
	struct containers *containers;
};

/* Negative errno. */
int starts_open(const struct starts_context *context, struct starts **ret);
struct starts *starts_close(struct starts *starts);	/* takes NULL, returns NULL */

void starts_hint(struct starts *starts, const struct mseald_hint *hint);

/* Every process there is: at the start, after a reload, and when a hint may have been lost. */
void starts_look_at_all(struct starts *starts);

/* Every few seconds: whether a hint was lost; forgets those that are gone. lifecycle_missed: a program was skipped. */
void starts_sweep(struct starts *starts, bool lifecycle_missed);

/* One that should have been seen starting, so many seconds ago, and was not: told of, counted, and looked at from now on. */
void starts_missed(struct starts *starts, uint64_t key, pid_t pid, const char *policy, uint64_t seconds);
/* Is it one that was seen, and that more is to be sealed of? */
bool starts_known(const struct starts *starts, uint64_t key);
/* How many could not be sealed, or not in time, since this daemon began. */
uint64_t starts_unsealed(const struct starts *starts);

/* Is this one still being looked at? */
bool starts_pending(const struct starts *starts, uint64_t key);
/* And how many are. */
size_t starts_count_pending(const struct starts *starts);

#endif
