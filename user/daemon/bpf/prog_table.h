/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The programs of the BPF object: those that are attached, what each is attached for, and the others. */
#ifndef MSEALD_BPF_PROG_TABLE_H
#define MSEALD_BPF_PROG_TABLE_H

#include <stdbool.h>

enum prog_kind {
	PROG_LIFECYCLE, /* attached first, detached last: no child may slip by */
	PROG_LSM,
	PROG_OVERRIDE,
	PROG_KILL,
};

#define PROG_COUNT 53

/* Programs that a seal set needs beside those always attached: they cost where others do not. */
#define NEED_FOREIGN 0x1u   /* some seal denies foreign writes */
#define NEED_USERFAULT 0x2u /* something is sealed that userfaultfd can reach */
#define NEED_POLICY 0x4u    /* some policy is active */
#define NEED_FILES 0x8u	    /* some seal is on a file, which is not to be written to */
#define NEED_WRITERS 0x10u  /* and one of these may have been open for writing as it was sealed */
#define NEED_SEALS 0x1bu    /* whatever seal sets can need */

/* Every program that is attached, in the order in which that happens. */
extern const struct prog {
	const char *program;
	enum prog_kind kind;
	/* kernel function (LSM: hook), for the probe; NULL: every kernel has it */
	const char *target;
	const char *instead_of; /* KILL: not needed where this program can be had */
	bool compat;		/* for 32-bit system calls only */
	bool process_madvise;	/* only where process_madvise takes advice that discards */
	unsigned need;		/* NEED_*: attached only while there is it; 0: always */
} prog_table[PROG_COUNT];

/* Programs that are not attached to anything: the daemon runs or reads them. */
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

#endif
