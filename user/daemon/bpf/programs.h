/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The BPF object: loading, attaching, pinning, and taking over the pins of an earlier daemon.
 *
 *   /sys/fs/bpf/mseald/maps/NAME            every map: the authoritative state
 *   /sys/fs/bpf/mseald/links/GENERATION/     the links of one daemon
 *
 * A new daemon attaches its own programs before it removes an older generation, so programs are attached at
 * every moment. All programs can safely run twice.
 */
#pragma once

#include "bpf/coverage.h"

struct programs;

struct lock;

/* Does this kernel have everything that all programs need? Call this first. Logs; negative errno. */
int programs_possible(void);
/*
 * Opens, probes and loads; reuses pinned maps, pins new ones. All links are entered in lock, which is
 * borrowed; NULL: no lock. Logs the fault; negative errno.
 */
int programs_load(enum gate_mode mode, struct lock *lock, struct programs **ret);
/* Closes everything; pinned links stay attached. Takes NULL. */
void programs_free(struct programs *programs);

/*
 * Attaches the programs always needed and those for these NEED_* that are not attached yet, then removes
 * older generations. All or nothing; logs.
 */
int programs_attach(struct programs *programs, unsigned needs);
/* Enters needs of others than seal sets, or removes them: programs_detach_unused() respects these. */
void programs_need(struct programs *programs, unsigned needs, bool on);
bool programs_needed(const struct programs *programs);
/* Detaches programs that only other NEED_* than these require. */
void programs_detach_unused(struct programs *programs, unsigned needs);
/* The NEED_* that programs are attached for. */
unsigned programs_needs(const struct programs *programs);
/* Detaches all generations. */
void programs_detach(struct programs *programs);
bool programs_attached(const struct programs *programs);
/* Does the kernel report every program attached that one of these NEED_* requires? -ENOLINK: no. */
int programs_check(const struct programs *programs, unsigned needs);
/* The generation of the attached links; each daemon has its own. 0: none. */
unsigned programs_generation(const struct programs *programs);
/* The programs that this kernel accepts, and so the mechanism of each row. Belongs to programs. */
const struct coverage *programs_coverage(const struct programs *programs);

/* Program runs that the kernel skipped (recursion guard): all, and those of the life cycle alone. */
uint64_t programs_misses(const struct programs *programs, uint64_t *ret_lifecycle);

/* Shared with the programs, which may change it at any time. */
volatile struct mseald_state *programs_state(struct programs *programs);
/* The same, newly mapped from the kernel's map: it cannot be a copy. NULL and errno. The caller unmaps it. */
const struct mseald_state *programs_map_state(const struct programs *programs);
void programs_unmap_state(const struct programs *programs, const struct mseald_state *state);
int programs_map_fd(const struct programs *programs, const char *name);
/* Runs a program of bpf/commit.bpf.c. Result in commit->old_bits; negative errno of the run. */
int programs_commit(struct programs *programs, struct mseald_commit *commit);
int programs_forget(struct programs *programs, struct mseald_commit *commit);
/*
 * The same for a program about one address space: TOOL_KILL_PENDING, UNWATCH. born says which one, if
 * keys return: MSEALD_SPACE_BORN(), 0 any; for UNWATCH none that is watched since then (CLOCK_BOOTTIME).
 */
int programs_run(struct programs *programs, enum tool tool, uint64_t key, uint64_t born);
int programs_forget_account(struct programs *programs, uint32_t account);
/*
 * From now on the kernel reports the work of its loader (bpf/watch.bpf.c), until TOOL_UNWATCH. -ENOSPC:
 * no room, or already watched. MSEALD_WATCHED_STARTED in facts: the kernel has sealed its start.
 */
int programs_watch(struct programs *programs, uint64_t key, const struct mseald_watched *facts);
/* Descriptors to read the kernel's iterators: struct mseald_task of one process, or all (pid 0)... */
int programs_tasks_fd(struct programs *programs, uint32_t pid);
/* ...and struct mseald_vma, for the memory of one thread. */
int programs_vmas_fd(struct programs *programs, uint32_t tid);
/* The two descriptors that these need. */
void programs_iterators(const struct programs *programs, int ret[2]);
