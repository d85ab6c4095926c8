/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The programs that this kernel accepts, and so the result of each row of docs/design/model.md. */
#pragma once

#include "base/config.h"
#include "bpf/kernel_btf.h"
#include "bpf/prog_table.h"

/* How a row of docs/design/model.md, "What is denied", is enforced on this kernel. */
enum mechanism {
	MECHANISM_NONE,
	MECHANISM_KERNEL, /* this kernel has no such operation */
	MECHANISM_LSM,
	MECHANISM_OVERRIDE,
	MECHANISM_KILL,
};

const char *coverage_mechanism(enum mechanism mechanism);

/* The operations that the kernel itself refuses on native seals, for any caller and in any race. */
enum native_scope {
	NATIVE_NONE,
	NATIVE_ALL,
	NATIVE_ANONYMOUS, /* in private memory without a file that is not writable */
};

const char *coverage_native_scope(enum native_scope scope);

/* One operation and its mechanism on this kernel. */
struct decision {
	unsigned row;
	enum mseald_op op;
	const char *description;
	unsigned deny;		  /* MSEALD_DENY_*: a seal with any of them denies the operation */
	enum mechanism mechanism; /* of the BPF programs */
	enum native_scope native;
	const char *note; /* or NULL */
};

#define DECISIONS_MAX 48

struct coverage {
	bool wanted[PROG_COUNT];
	enum gate_mode mode;
	bool native; /* permanent seals are made by mseal(2) too */
	/* Ordered by row. If 32-bit calls differ, a decision of their own follows the 64-bit one. */
	struct decision decisions[DECISIONS_MAX];
	size_t decisions_count;
	unsigned compat_kills;	/* MSEALD_DENY_* for which 32-bit calls could only be killed */
	bool setattr_has_idmap; /* lsm/inode_setattr has three arguments (6.12, 7.3), not two (6.1) */
};

/*
 * Finds what programs need of the kernel's BTF, and asks the kernel about every attach point that some
 * kernels lack. Logs; -EOPNOTSUPP: GATE_DENY, and some operation could only be killed; or another negative
 * errno.
 */
int coverage_make(enum gate_mode mode, struct kernel_btf *kernel, struct coverage *ret);

/* Is the program of this name wanted? */
bool coverage_wants(const struct coverage *coverage, const char *program);

/*
 * The subset of these MSEALD_DENY_* for which a well-behaved 64-bit program could be killed here without
 * mseal(2), for an operation of its normal work.
 */
unsigned coverage_kills(const struct coverage *coverage, unsigned deny_mask);

/* The NEED_* of seals on files with this deny mask, whatever the action. */
unsigned coverage_needs(unsigned deny_mask);

/* The first decision about this operation, made by a 64-bit program; NULL: none. */
const struct decision *coverage_decision(const struct coverage *coverage, enum mseald_op op);

/* The subset of these MSEALD_DENY_* that need, at least for some operation, a gate that can only kill. */
unsigned coverage_kill_only(const struct coverage *coverage, unsigned deny_mask);

/* The operations, 1 << MSEALD_OP_*, behind coverage_kills(). */
unsigned coverage_kills_ops(const struct coverage *coverage, unsigned deny_mask);

/*
 * With GATE_DENY no well-behaved process may be killed. A 64-bit process makes no 32-bit calls. If those
 * could only be killed, a 32-bit process must not be sealed. Is this so for a seal with this deny mask?
 */
bool coverage_spares_32bit(const struct coverage *coverage, unsigned deny_mask);
