/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which programs this kernel takes: the result of each row of docs/design/model.md, "What is denied". */
#ifndef MSEALD_BPF_COVERAGE_H
#define MSEALD_BPF_COVERAGE_H

#include "base/config.h"
#include "bpf/prog_table.h"

/* How a row of docs/design/model.md, "What is denied", is decided on this kernel. */
enum mechanism {
	MECHANISM_NONE,
	MECHANISM_KERNEL, /* this kernel has no such operation */
	MECHANISM_LSM,
	MECHANISM_OVERRIDE,
	MECHANISM_KILL,
};

const char *coverage_mechanism(enum mechanism mechanism);

/*
 * What the kernel itself refuses, by any caller and in any race, where a seal was made by
 * mseal(2) too.
 */
enum native_scope {
	NATIVE_NONE,
	NATIVE_ALL,
	NATIVE_ANONYMOUS, /* in private memory without a file that is not writable */
};

const char *coverage_native_scope(enum native_scope scope);

/* One operation and what decides it here. */
struct decision {
	unsigned row;
	enum mseald_op op;
	const char *description;
	unsigned deny;		  /* MSEALD_DENY_*: a seal with any of them denies it */
	enum mechanism mechanism; /* by programs */
	enum native_scope native;
	const char *note; /* or NULL */
};

#define DECISIONS_MAX 48

struct coverage {
	bool wanted[PROG_COUNT];
	enum gate_mode mode;
	bool native; /* permanent seals are made by mseal(2) too */
	/*
	 * Row by row; where 32-bit calls are decided otherwise, that is one of its own, behind the
	 * 64-bit one.
	 */
	struct decision decisions[DECISIONS_MAX];
	size_t decisions_count;
	unsigned compat_kills;	/* MSEALD_DENY_* that 32-bit calls could only be killed for */
	bool setattr_has_idmap; /* lsm/inode_setattr has three arguments (6.12, 7.3), not two (6.1) */
};

/*
 * Asks the kernel about every attach point that not all kernels have. Logs;
 * -EOPNOTSUPP: GATE_DENY, and something could only be killed; or another negative errno.
 */
int coverage_make(enum gate_mode mode, struct coverage *ret);

/* Is the program of this name among those wanted? */
bool coverage_wants(const struct coverage *coverage, const char *program);

/*
 * Those of these MSEALD_DENY_* for which a 64-bit program that means no harm could be killed
 * here, where there is no mseal(2): for what it may do in the course of its work.
 */
unsigned coverage_kills(const struct coverage *coverage, unsigned deny_mask);

/* The NEED_* of seals on files with this deny mask, whatever becomes of them. */
unsigned coverage_needs(unsigned deny_mask);

/* What decides first about this operation, made by a 64-bit program; NULL: nothing there is. */
const struct decision *coverage_decision(const struct coverage *coverage, enum mseald_op op);

/* Those of these MSEALD_DENY_* of which something is left to a gate that can only kill. */
unsigned coverage_kill_only(const struct coverage *coverage, unsigned deny_mask);

/* The operations, 1 << MSEALD_OP_*, that coverage_kills() is about. */
unsigned coverage_kills_ops(const struct coverage *coverage, unsigned deny_mask);

/*
 * With GATE_DENY no process that means no harm is to be killed. A 64-bit one
 * makes no 32-bit calls; where those could only be killed, a 32-bit process is
 * not to be sealed. Is that so for a seal with this deny mask?
 */
bool coverage_spares_32bit(const struct coverage *coverage, unsigned deny_mask);

#endif
