/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The BPF object: loading, attaching, pinning, and taking over what an earlier
 * daemon left pinned.
 *
 *   /sys/fs/bpf/mseald/maps/NAME            every map: the truth
 *   /sys/fs/bpf/mseald/links/GENERATION/     the links of one daemon
 *
 * A new daemon attaches its own programs before it removes an older
 * generation, so there is no moment without; all programs can bear to run twice.
 */
#ifndef MSEALD_BPF_PROGRAMS_H
#define MSEALD_BPF_PROGRAMS_H

#include "bpf/coverage.h"

struct programs;

struct lock;

/* Does this kernel have what all programs need? To be asked first. Logs; negative errno. */
int programs_possible(void);
/*
 * Opens, probes and loads; reuses pinned maps, pins new ones. lock, which stays the caller's, gets all
 * links; NULL: none. Logs the fault; negative errno.
 */
int programs_load(enum gate_mode mode, struct lock *lock, struct programs **ret);
/* Closes everything; pinned links stay attached. Takes NULL. */
void programs_free(struct programs *programs);

/*
 * Attaches the programs always needed and those of these NEED_*, as far as they are not
 * attached yet, then removes older generations. All or nothing; logs.
 */
int programs_attach(struct programs *programs, unsigned needs);
/*
 * Others than seal sets need these, or no longer do: programs_detach_unused() leaves attached what
 * they ask for. Attaches nothing.
 */
void programs_need(struct programs *programs, unsigned needs, bool on);
bool programs_needed(const struct programs *programs);
/* Detaches what only other NEED_* than these ask for. */
void programs_detach_unused(struct programs *programs, unsigned needs);
/* The NEED_* that are attached for. */
unsigned programs_needs(const struct programs *programs);
/* Detaches all generations. */
void programs_detach(struct programs *programs);
bool programs_attached(const struct programs *programs);
/* Is everything that one of these NEED_* calls for attached, by the kernel's answer? -ENOLINK: not. */
int programs_check(const struct programs *programs, unsigned needs);
/* Of the links that are attached now; each daemon has its own. 0: none. */
unsigned programs_generation(const struct programs *programs);
/* What this kernel takes, and so what decides what. Belongs to programs. */
const struct coverage *programs_coverage(const struct programs *programs);

/* Program runs that the kernel skipped (recursion guard), all and of the life cycle alone. */
uint64_t programs_misses(const struct programs *programs, uint64_t *ret_lifecycle);

/* Shared with the programs, which may change it at any moment. */
volatile struct mseald_state *programs_state(struct programs *programs);
/*
 * The same mapped anew from the kernel's map, so that no copy can answer; NULL and errno. To be
 * unmapped by the caller.
 */
const struct mseald_state *programs_map_state(const struct programs *programs);
void programs_unmap_state(const struct programs *programs, const struct mseald_state *state);
int programs_map_fd(const struct programs *programs, const char *name);
/* Runs a program of bpf/commit.bpf.c. Result in commit->old_set; negative errno of the run. */
int programs_commit(struct programs *programs, struct mseald_commit *commit);
/* The same of one that is about an address space: TOOL_KILL_PENDING, FORGET, UNWATCH. */
int programs_run(struct programs *programs, enum tool tool, uint64_t key);
int programs_forget_account(struct programs *programs, uint32_t account);
/*
 * The kernel reports the work of its loader from now on (bpf/watch.bpf.c), until TOOL_UNWATCH;
 * -ENOSPC: no room, or it is watched already. MSEALD_WATCHED_STARTED: the kernel has sealed its start.
 */
int programs_watch(struct programs *programs, uint64_t key, const struct mseald_watched *facts);
/*
 * The output of the kernel's iterators: a descriptor to read struct mseald_task from, of one process or
 * all (pid 0)...
 */
int programs_tasks_fd(struct programs *programs, uint32_t pid);
/* ...and struct mseald_vma, of the memory of one thread. */
int programs_vmas_fd(struct programs *programs, uint32_t tid);

#endif
