/* SPDX-License-Identifier: GPL-2.0-only OR LGPL-2.1-or-later */
/* Shared by bpf/lock.bpf.c and the daemon. None of it is pinned or outlives the daemon that made it. */
#pragma once

#ifndef __VMLINUX_H__
#include <linux/types.h>
#endif

/* The operations that the lock denies to other processes, by which denials are counted. */
enum mseald_lock_op {
	MSEALD_LOCK_OP_MAP,	/* getting a descriptor of a map */
	MSEALD_LOCK_OP_PROGRAM, /* getting a descriptor of a program */
	MSEALD_LOCK_OP_LINK,	/* getting a descriptor of a link, by its id */
	MSEALD_LOCK_OP_LOAD,	/* loading a program that could undo the lock */
	MSEALD_LOCK_OP_SWITCH,	/* turning off the mechanism that programs are attached by */
	MSEALD_LOCK_OP_PIN,	/* changing the folder of pins */
	MSEALD_LOCK_OP_MOUNT,	/* unmounting or covering the mounts up to it */
	MSEALD_LOCK_OP_TRACE,	/* tracing a task of mseald */
	MSEALD_LOCK_OP_LIMIT,	/* changing resource limits of mseald */
	MSEALD_LOCK_OP_SIGNAL,	/* sending mseald a signal */
	MSEALD_LOCK_OP_COUNT,
};

#define MSEALD_LOCK_MAX_TASKS 8192u /* threads of the daemon and its children */
#define MSEALD_LOCK_MAX_LINKS 1024u

struct mseald_lock {
	__u64 on; /* the other fields are valid; written last */
	/* Kernel addresses of objects that cannot go away while the lock holds. */
	__u64 mount;	      /* struct mount of bpffs in the mount namespace of pid 1 */
	__u64 super;	      /* struct super_block of that mount */
	__u64 folder;	      /* dentry of the folder of pins */
	__u32 signals;	      /* deny signals too */
	__u32 keeper;	      /* tgid of the daemon */
	__u64 maps, programs; /* guarded now */
	__u64 denied[MSEALD_LOCK_OP_COUNT];
	__u64 lost; /* denials not reported: the buffer was full */
};

/* A denied operation: a record in the lock's own buffer (lock_denials). */
struct mseald_lock_denial {
	__u32 op;	 /* enum mseald_lock_op */
	__u32 pid, tgid; /* of the caller, in the initial namespace; 0: not known */
	__u32 uid, gid;
	__u32 pad;
	__u64 time;	  /* nanoseconds, CLOCK_BOOTTIME */
	__u64 cgroup;	  /* id of the caller's cgroup (v2) */
	__u64 start_time; /* of the caller's thread group leader, boot-time ns */
	char comm[16];
};

enum mseald_lock_why {
	MSEALD_LOCK_OK,
	MSEALD_LOCK_TRACED,    /* the daemon is being traced */
	MSEALD_LOCK_NOT_BPFFS, /* its working directory is not on bpffs */
	MSEALD_LOCK_NAMESPACE, /* that mount is in a namespace that may end */
	MSEALD_LOCK_DEPTH,     /* too many nested mounts */
	MSEALD_LOCK_NO_ROOM,
};

/* Argument and result of lock_engage. */
struct mseald_lock_engage {
	__u32 signals;
	__u32 why; /* result: enum mseald_lock_why */
};

/* A guarded map, as lock_maps writes it. */
struct mseald_lock_map {
	__u32 id;
	__u32 pad;
	__s64 users; /* open descriptions and pins */
	char name[16];
};

/* An unguarded program that refers to a guarded map, as lock_programs writes it. */
struct mseald_lock_program {
	__u32 id;
	__u32 map;
};
