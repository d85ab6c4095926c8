/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Keeping the maps in step with what runs: at the start, on events, and every few seconds while
 * something is sealed.
 */
#ifndef MSEALD_SEAL_GC_H
#define MSEALD_SEAL_GC_H

#include <systemd/sd-event.h>

#include "bpf/programs.h"
#include "seal/integrity.h"
#include "seal/space_map.h"

struct gc;

int gc_open(sd_event *loop, struct programs *programs, struct space_map *space_map,
	    struct integrity *integrity, struct gc **ret);
void gc_close(struct gc *gc); /* takes NULL */

/* At the start: attaches again what an earlier daemon had attached, or removes its remains. Logs. */
int gc_take_over(struct gc *gc);

/*
 * After seals may have changed: frees seal sets that nobody refers
 * to. Programs that nothing needs any more stay attached for a few seconds.
 */
void gc_collect(struct gc *gc);
/*
 * The same in a moment. Where much comes and goes, all of it at once: each time the kernel waits
 * for every program that runs.
 */
void gc_collect_soon(struct gc *gc);
/* A process that exits while it is sealed can leave an entry that nobody will remove. */
void gc_after_failure(struct gc *gc);
/*
 * A user has asked for a seal: when nothing is sealed the programs stay attached for a minute, not
 * seconds.
 */
void gc_extend_grace(struct gc *gc);

/*
 * Every few seconds. True: programs that see processes come and go were skipped, so some may not
 * have been seen.
 */
bool gc_tick(struct gc *gc);

/* At the end: what nothing is sealed with any more is not left attached. Logs. */
void gc_finish(struct gc *gc);

#endif
