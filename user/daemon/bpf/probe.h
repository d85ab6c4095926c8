/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Features of this kernel, probed by loading a real, tiny program for each. */
#pragma once

#include <stdbool.h>

#include "bpf/prog_table.h"

struct btf;

/* 1: "bpf" is among the active LSMs; 0: not; negative errno: securityfs cannot be read. */
int probe_bpf_lsm(void);
/* Can BPF programs be attached to its functions, and are its pages of a size that the programs know? Logs. */
bool probe_kernel(void);
bool probe_page_size(void);

/*
 * Can a program of this kind be attached to the function with this BTF id? 1, 0 (the kernel refuses it),
 * -ENOENT (the id is negative: no such function), or a negative errno of the load (-EPERM: not root).
 */
int probe_attach(enum prog_kind kind, int id);
/* The number of arguments of a function; -ENOENT: the id is negative. */
int probe_arguments(const struct btf *vmlinux, int id);

/* Does process_madvise() accept advice that discards, on the caller itself? 7.x does; before, EINVAL. */
bool probe_process_madvise_discards(void);

/* Has this kernel guard pages (MADV_GUARD_INSTALL, since 6.13)? */
bool probe_guard_pages(void);

/*
 * Does the kernel accept 32-bit system calls from a 64-bit process? Then it also runs 32-bit programs. Tried
 * in a child; true if a 64-bit process cannot make such a call.
 */
bool probe_32bit_calls(void);

/* Has this kernel mseal(2)? Since 6.10, on 64-bit machines. */
bool probe_mseal(void);

/* The preemption model, as a word of /sys/kernel/debug/sched/preempt; otherwise "unknown". */
const char *probe_preemption(void);
