/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which programs there are, which of them this kernel takes, and what that
 * makes of each row of docs/design.md, "What is denied".
 */
#ifndef MSEALD_BPF_COVERAGE_H
#define MSEALD_BPF_COVERAGE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/config.h"
#include "mseald/shared.h"

enum part_kind {
	PART_LIFECYCLE,		/* attached first, detached last: no child may slip by */
	PART_LSM,
	PART_OVERRIDE,
	PART_KILL,
};

#define PARTS_COUNT 54

/* What a seal set needs beside what is always attached: parts that cost where nothing else does. */
#define NEED_FOREIGN 0x1u	/* some seal stops foreign writes */
#define NEED_USERFAULT 0x2u	/* something is sealed that userfaultfd can reach */
#define NEED_POLICY 0x4u	/* some policy is in force */
#define NEED_FILES 0x8u		/* some seal is on a file, which is not to be written to */
#define NEED_WRITERS 0x10u	/* and one of these may have been open for writing as it was sealed */
#define NEED_SEALS 0x1bu	/* whatever seal sets can need */

/* Every program that is attached, in the order in which that happens. */
extern const struct part {
	const char *program;
	enum part_kind kind;
	const char *target;		/* kernel function (LSM: hook), for the probe; NULL: every kernel has it */
	const char *instead_of;		/* KILL: not needed where this program can be had */
	bool compat;			/* for 32-bit system calls only */
	unsigned need;			/* NEED_*: attached only while there is it; 0: always */
} parts[PARTS_COUNT];

/* How a row of docs/design.md, "What is denied", is decided on this kernel. */
enum means {
	MEANS_NONE,
	MEANS_KERNEL,	/* this kernel has no such operation */
	MEANS_LSM,
	MEANS_OVERRIDE,
	MEANS_KILL,
};

const char *means_name(enum means means);

/* What the kernel itself refuses, whoever asks and however it is raced, where a seal was made by mseal(2) too. */
enum native_scope {
	NATIVE_NONE,
	NATIVE_ALL,
	NATIVE_ANONYMOUS,	/* in private memory without a file that is not writable */
};

const char *native_scope_name(enum native_scope scope);

/* One operation and what decides it here. */
struct decision {
	unsigned row;
	const char *operation;
	enum means means;	/* by programs */
	enum native_scope native;
	const char *note;	/* or NULL */
};

#define DECISIONS_MAX 31

struct choice {
	bool wanted[PARTS_COUNT];
	enum gate_mode mode;
	bool native;			/* seals for good are made by mseal(2) too */
	/* Row by row; where 32-bit calls are decided otherwise, that is one of its own, behind the 64-bit one. */
	struct decision decisions[DECISIONS_MAX];
	size_t decisions_count;
	unsigned compat_kills;		/* MSEALD_STOP_* that 32-bit calls could only be killed for */
	bool setattr_has_idmap;		/* lsm/inode_setattr has three arguments (6.12, 7.3), not two (6.1) */
};

/*
 * Asks the kernel about every attach point that not all kernels have. Logs;
 * -EOPNOTSUPP: GATE_DENY, and something could only be killed; or another negative errno.
 */
int choice_make(enum gate_mode mode, struct choice *ret);

/* Is the program of this name among those wanted? */
bool choice_wants(const struct choice *choice, const char *program);

/*
 * Those of these MSEALD_STOP_* for which a 64-bit program that means no harm could be killed
 * here, where there is no mseal(2): for what it may do in the course of its work.
 */
unsigned choice_kills(const struct choice *choice, unsigned stops);

/* What decides about this operation, made by a 64-bit program; NULL: nothing there is. */
const struct decision *choice_decision(const struct choice *choice, enum mseald_op op);

/* Is anything that one of these MSEALD_STOP_* stops left to a gate that can only kill? */
bool choice_kill_only(const struct choice *choice, unsigned stops);

/*
 * With GATE_DENY no process that means no harm is to be killed. A 64-bit one
 * makes no 32-bit calls; where those could only be killed, a 32-bit process is
 * not to be sealed. Is that so for a seal with these stops?
 */
bool choice_spares_32bit(const struct choice *choice, unsigned stops);

#endif
