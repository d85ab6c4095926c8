/* SPDX-License-Identifier: GPL-2.0-only */
/* The objects that a starting program loads, and their pieces: the interface of bpf/exec_objects.bpf.c. */
#pragma once

#include "exec_seal.h"

/* No more objects of this program are sealed or reported as they are loaded. */
static __always_inline bool is_over(const struct mseald_loading *loading)
{
	return loading->flags & MSEALD_LOADING_DONE &&
	       !(loading->wanted & (MSEALD_POLICY_LATE | MSEALD_POLICY_REPORT));
}

/* Position + 1 of the newest mapping that contains this address; 0: none. */
int exec_mapping_at(struct mseald_loading *loading, u64 address);

/* Finds the program and its loader. */
int exec_know_kernels(struct mseald_loading *loading);

/*
 * Adds a piece to the current object. Pieces are added in ascending order. MSEALD_SEGMENT_NONE: it is of
 * several segments, which are all to be sealed.
 */
int exec_add_piece(struct mseald_loading *loading, u64 start, u64 end, u32 segment);

/*
 * Adds the pieces of the library at this position, whose segments are contiguous. Adds none if the current
 * RELRO does not belong to the library. exact: as of exec_add_elf().
 */
int exec_add_library(struct mseald_loading *loading, u32 at, bool exact);

/*
 * Adds the pieces of the ELF object that begins at this page. Returns 1 if the current RELRO belongs to it.
 * exact: PT_GNU_RELRO must name it, for code of the object may have run, and can make any data read-only.
 */
int exec_add_elf(struct mseald_loading *loading, u64 start, bool exact);

/*
 * Record the current object for exec_name_object() of verdict.h: begin before it is sealed, end afterwards.
 * at: position + 1 in the ring; 0: the kernel has mapped the object.
 */
int exec_begin_object(struct mseald_loading *loading, u32 at);
int exec_end_object(struct mseald_loading *loading);
