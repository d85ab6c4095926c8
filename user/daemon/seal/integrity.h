/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Detects calls that slipped past a gate, and follows up on kills. Gates that are not LSM programs can be
 * raced where the kernel preempts (docs/design/gates.md, "Races"); the kernel counts the skipped runs. If
 * sealed memory of a process is gone, its address space gets a kill pending. Then no fork leaves it
 * (bpf/lifecycle.bpf.c), until no process is left in it.
 */
#pragma once

#include <systemd/sd-event.h>

#include "base/timer.h"
#include "bpf/programs.h"
#include "seal/space_map.h"

struct integrity {
	struct programs *programs;
	struct space_map *space_map;
	struct timer again;
};

int integrity_open(struct integrity *integrity, sd_event *loop, struct programs *programs,
		   struct space_map *space_map);   /* negative errno */
void integrity_close(struct integrity *integrity); /* takes zeroed */

/* Compares seals that deny unmapping with the mappings: a hole makes a kill of the space pending. Logs. */
void integrity_check(struct integrity *integrity);

/* Kills every process in an address space with a kill pending; checks again soon, until none is left. */
void integrity_end_kill_pending(struct integrity *integrity);
