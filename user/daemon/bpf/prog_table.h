/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The programs of the BPF object: the attached ones, with the reason for each, and the others. */
#pragma once

#include <stdbool.h>

#include "mseald/syscall_entry.h"

enum prog_kind {
	PROG_LIFECYCLE, /* attached first, detached last, so that no child is missed */
	PROG_LSM,
	PROG_OVERRIDE,
	PROG_KILL,
};

/* PROG_32(): the program for 32-bit calls: one of its own, if these enter by functions of their own. */
#ifdef SYSCALL_ENTRY_32
#define PROG_COUNT 53
#define PROG_32(program) program "_32"
#else
#define PROG_COUNT 41
#define PROG_32(program) program
#endif

/* What a seal set needs besides the programs always attached: these cost time in other processes' calls. */
#define NEED_FOREIGN 0x1u   /* some seal denies foreign writes */
#define NEED_USERFAULT 0x2u /* some sealed memory is in reach of userfaultfd */
#define NEED_POLICY 0x4u    /* some policy is active */
#define NEED_FILES 0x8u	    /* some seal is on a file, which must not be written */
#define NEED_WRITERS 0x10u  /* one of these files may have been open for writing when sealed */
#define NEED_SEALS 0x1bu    /* all that seal sets can need */

/* Every program to attach, in the order of attaching. */
extern const struct prog {
	const char *program;
	enum prog_kind kind;
	/* kernel function (LSM: hook), for the probe; NULL: every kernel has it */
	const char *target;
	const char *instead_of; /* KILL: not needed if this program is available */
	bool compat;		/* for 32-bit system calls only */
	bool process_madvise;	/* only if process_madvise accepts advice that discards */
	unsigned need;		/* NEED_*: attached only while needed; 0: always */
} prog_table[PROG_COUNT];

/* Programs that are not attached: the daemon runs or reads them. */
enum tool {
	TOOL_COMMIT,
	TOOL_KILL_PENDING,
	TOOL_FORGET,
	TOOL_FORGET_ACCOUNT,
	TOOL_WATCH,
	TOOL_UNWATCH,
	TOOL_TASKS,
	TOOL_VMAS,
	TOOL_COUNT,
};
extern const char *const prog_tools[TOOL_COUNT];
