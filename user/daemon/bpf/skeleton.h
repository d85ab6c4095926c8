/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The BPF object: loads its programs, and keeps the descriptors of programs and maps. No object of libbpf is
 * kept: the instructions and debug information of all programs would take megabytes.
 */
#ifndef MSEALD_BPF_SKELETON_H
#define MSEALD_BPF_SKELETON_H

#include "bpf/coverage.h"
#include "bpf/prog_table.h"

struct skeleton;

/*
 * Takes over pinned maps, makes and pins the others, and loads the tools. coverage is borrowed, and must live
 * as long. Logs; negative errno.
 */
int skeleton_open(const struct coverage *coverage, struct skeleton **ret);
/* Pinned maps stay. Takes NULL. */
void skeleton_close(struct skeleton *skeleton);

/* Loads these programs of prog_table; none may be loaded yet. Logs; negative errno. */
int skeleton_load(struct skeleton *skeleton, const bool wanted[PROG_COUNT]);

/* Borrowed descriptors; negative: not loaded, or no such map. */
int skeleton_prog_fd(const struct skeleton *skeleton, size_t i);
int skeleton_tool_fd(const struct skeleton *skeleton, enum tool tool);
int skeleton_map_fd(const struct skeleton *skeleton, const char *name);

/* Shared with the programs, which may change it at any time. */
volatile struct mseald_state *skeleton_state(const struct skeleton *skeleton);
/*
 * The same, newly mapped from the kernel's map, so that it cannot be a copy; NULL and errno. The caller
 * unmaps it.
 */
const struct mseald_state *skeleton_map_state(const struct skeleton *skeleton);
void skeleton_unmap_state(const struct skeleton *skeleton, const struct mseald_state *state);

#endif
