/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The BPF object: loads its programs, and keeps the descriptors of programs and maps. No object of libbpf is
 * kept: the instructions and debug information of all programs would take megabytes.
 */
#pragma once

#include <linux/bpf.h>

#include "bpf/coverage.h"
#include "bpf/prog_table.h"

struct skeleton {
	const struct coverage *coverage; /* borrowed; NULL: not open */
	const struct kernel_btf *kernel; /* likewise */
	/* descriptors; negative: not loaded */
	int tools[TOOL_COUNT], progs[PROG_COUNT];
	struct {
		char name[BPF_OBJ_NAME_LEN];
		int fd;
	} maps[24];
	size_t maps_count; /* 0: not loaded yet */
	void *globals;	   /* the map of global data, mapped */
	size_t globals_size;
};

/* Notes what the programs need of the kernel's BTF. Negative errno. */
int skeleton_add_names(struct kernel_btf *kernel);

/*
 * Takes over pinned maps, makes and pins the others, and loads the tools. coverage and kernel are borrowed,
 * and must live as long. Logs; negative errno.
 */
int skeleton_open(struct skeleton *skeleton, const struct coverage *coverage,
		  const struct kernel_btf *kernel);
void skeleton_close(struct skeleton *skeleton); /* pinned maps stay; takes zeroed */

/*
 * Loads these programs of prog_table; none may be loaded yet. wanted: for each; NULL: the first load, of maps
 * and tools. Logs; negative errno.
 */
int skeleton_load(struct skeleton *skeleton, const bool *wanted);

/* A borrowed descriptor; negative: no such map. */
int skeleton_map_fd(const struct skeleton *skeleton, const char *name);

/* Shared with the programs, which may change it at any time. */
volatile struct mseald_state *skeleton_state(const struct skeleton *skeleton);
/* The same, newly mapped from the kernel's map: it cannot be a copy. NULL and errno. The caller unmaps it. */
const struct mseald_state *skeleton_map_state(const struct skeleton *skeleton);
void skeleton_unmap_state(const struct skeleton *skeleton, const struct mseald_state *state);
