/* SPDX-License-Identifier: GPL-2.0-only */
/* The objects that a starting program loads, and their pieces: the interface of bpf/exec_objects.bpf.c. */
#ifndef MSEALD_BPF_EXEC_OBJECTS_H
#define MSEALD_BPF_EXEC_OBJECTS_H

#include "exec_seal.h"

/* Nothing more of it is to be sealed as it is loaded. */
static __always_inline bool is_over(const struct mseald_loading *loading)
{
	return loading->flags & MSEALD_LOADING_DONE &&
	       !(loading->wanted & (MSEALD_POLICY_LATE | MSEALD_POLICY_REPORT));
}

/* The newest mapping that holds this address: its place + 1; 0: none. */
int exec_mapping_at(struct mseald_loading *loading, u64 address);

/* Finds the program and its loader, once. */
int exec_know_kernels(struct mseald_loading *loading);

/* One more piece of the object in hand; those before lie below. */
int exec_add_piece(struct mseald_loading *loading, u64 start, u64 end, u32 segment);

/* The pieces of a library, whose segments lie close, by its place; none: the RELRO in hand is not its own. */
int exec_add_library(struct mseald_loading *loading, u32 at);

/* The pieces of an ELF object that begins at this page. 1: the RELRO in hand is its own. */
int exec_add_elf(struct mseald_loading *loading, u64 start);

/*
 * The object in hand, for exec_name_object() of verdict.h. Before it is sealed: its place + 1 or, if
 * the kernel has mapped it, 0; and when it is.
 */
int exec_begin_object(struct mseald_loading *loading, u32 at);
int exec_end_object(struct mseald_loading *loading);

#endif
