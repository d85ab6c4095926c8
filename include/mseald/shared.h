/* SPDX-License-Identifier: GPL-2.0-only OR LGPL-2.1-or-later */
/*
 * The layout of every map value and event, shared by BPF programs and user space. Fixed-width types only. A
 * change of any layout must raise MSEALD_LAYOUT, because maps outlive the daemon that made them.
 *
 * The daemon writes a seal set once (struct mseald_node), and an address space refers to it (struct
 * mseald_space). Programs read both to reach a verdict, and report it (struct mseald_event).
 */
#pragma once

#ifndef __VMLINUX_H__
#include <linux/types.h>
#endif

#include "mseald/syscall_entry.h"

#define MSEALD_LAYOUT 15

/* The deny mask: the operations that a seal denies, --deny= of msealctl(1); bits of a rule. */
enum mseald_deny {
	MSEALD_DENY_MPROTECT = 1 << 0,	    /* row 1 of docs/design/model.md, "What is denied" */
	MSEALD_DENY_UNMAP = 1 << 1,	    /* rows 2-5, 8-10, 13: unmap, move, replace */
	MSEALD_DENY_DISCARD = 1 << 2,	    /* rows 6, 7, 12, 14: contents thrown away */
	MSEALD_DENY_FOREIGN_WRITE = 1 << 3, /* row 11: writes that bypass the mapping */
	MSEALD_DENY_FILE_WRITE = 1 << 4,    /* row 14, for any process: writes to the file */
};
#define MSEALD_DENY_ALL 0x1f
#define MSEALD_DENY_DEFAULT (MSEALD_DENY_MPROTECT | MSEALD_DENY_UNMAP | MSEALD_DENY_DISCARD)
/* A seal with one of these bits prevents writes to the file that it names (struct mseald_inode). */
#define MSEALD_DENY_FILE (MSEALD_DENY_DISCARD | MSEALD_DENY_FILE_WRITE)

/* The action on an attempt: --action=. The strongest of all seals hit wins. */
enum mseald_action {
	MSEALD_ACTION_DENY,
	MSEALD_ACTION_KILL,
	MSEALD_ACTION_AUDIT,
	MSEALD_ACTION_COUNT,
};

/* Segment of a sealed range: --segments=. */
enum mseald_segment {
	MSEALD_SEGMENT_NONE, /* named by its address only, or several as one */
	MSEALD_SEGMENT_TEXT,
	MSEALD_SEGMENT_RODATA,
	MSEALD_SEGMENT_RELRO,
	MSEALD_SEGMENT_DATA,
	MSEALD_SEGMENT_VDSO,
	MSEALD_SEGMENT_STACK,
	MSEALD_SEGMENT_COUNT,
};

/* The operation attempted, as events and statistics name it. */
enum mseald_op {
	MSEALD_OP_MPROTECT,
	MSEALD_OP_MMAP, /* MAP_FIXED onto a seal */
	MSEALD_OP_MUNMAP,
	MSEALD_OP_MREMAP, /* from or onto a seal */
	MSEALD_OP_MADVISE,
	MSEALD_OP_PROCESS_MADVISE,
	MSEALD_OP_BRK,
	MSEALD_OP_SHMDT,
	MSEALD_OP_SHMAT,
	MSEALD_OP_REMAP_FILE_PAGES,
	MSEALD_OP_IO_DESTROY,
	MSEALD_OP_PRCTL,    /* PR_SET_MM: moves the break that brk() shrinks from */
	MSEALD_OP_MAP_HOLE, /* a new mapping where a sealed range was */
	MSEALD_OP_PTRACE,   /* the right to trace: attach, opening /proc/PID/mem */
	MSEALD_OP_PROC_MEM, /* write to /proc/PID/mem */
	MSEALD_OP_PROCESS_VM_WRITEV,
	MSEALD_OP_USERFAULTFD, /* UFFDIO_MOVE, and commands that put pages */
	MSEALD_OP_FILE_WRITE,  /* write, truncate or punch the file of a private mapping */
	MSEALD_OP_COUNT,
};

/* The outcome of an attempt. */
enum mseald_verdict {
	MSEALD_VERDICT_DENIED,	/* the call failed with EPERM */
	MSEALD_VERDICT_KILLED,	/* the process got SIGKILL */
	MSEALD_VERDICT_AUDITED, /* logged and allowed */
	MSEALD_VERDICT_COUNT,
};

/*
 * The rule of one seal, packed so that a program reads it at once: three bytes of permanent deny bits (deny,
 * kill, audit), the segment, the same three bytes for revocable deny bits, and the flags.
 */
#define MSEALD_RULE_SHIFT(action) (8 * (action))
#define MSEALD_RULE_SEGMENT_SHIFT 24
#define MSEALD_RULE_REVOCABLE_SHIFT 32
#define MSEALD_RULE_FLAGS_SHIFT 56
#define MSEALD_RULE_DENY_MASK 0xffffffULL

#define MSEALD_SEAL_SHM 0x01u	   /* a System V segment, which shmdt() would detach */
#define MSEALD_SEAL_DONTFORK 0x02u /* VM_DONTCOPY: a child of fork does not have this memory */
#define MSEALD_SEAL_NATIVE 0x04u   /* made by mseal(2) too: the kernel refuses to change the mapping */
#define MSEALD_SEAL_ANON 0x08u	   /* private, no file: mseal(2) refuses to discard it unless writable */
#define MSEALD_SEAL_UFFD 0x10u	   /* userfaultfd can put pages into this memory, or move them out */
#define MSEALD_SEAL_WRITTEN 0x20u  /* its file may have been open for writing when it was sealed */
#define MSEALD_SEAL_FLAGS 0x3fu
#define MSEALD_RULE_UFFD ((__u64)MSEALD_SEAL_UFFD << MSEALD_RULE_FLAGS_SHIFT)

/*
 * Identity of a file in the kernel, as long as it is mapped: its inode stays at this address. Address 0:
 * none. Its number distinguishes it from most later inodes there. The generation would not: its owner can
 * change it (FS_IOC_SETVERSION on ext4 without metadata_csum).
 */
struct mseald_inode {
	__u64 address, number;
};

/* Kernel addresses without their highest bits, which are all the same: below MSEALD_NO_START. */
#define MSEALD_INODE_ORDER(address) ((address) & (MSEALD_NO_START - 1))
#define MSEALD_INODE_ADDRESS(order) ((order) | ~(MSEALD_NO_START - 1))

/*
 * A seal set is an array map of nodes: a static tree of fan-out 32 over the seals. They are sorted by start,
 * and none overlaps another. Level l begins at the fixed element MSEALD_LEVEL_l; in an inner node, start[i]
 * is the first start below child i. Unused slots hold MSEALD_NO_START, which is above every user address and
 * below 2^63, so that programs may compare by subtracting.
 */
#define MSEALD_FANOUT 32
#define MSEALD_LEVEL_0 0u
#define MSEALD_LEVEL_1 1u
#define MSEALD_LEVEL_2 (1u + MSEALD_FANOUT)
#define MSEALD_MAX_SEALS (MSEALD_FANOUT * MSEALD_FANOUT * MSEALD_FANOUT) /* per set */
#define MSEALD_NO_START 0x4000000000000000ULL

struct mseald_node {
	/* In the root only: about the whole set. */
	__u64 gap_start, gap_end; /* the gap between seals where most new mappings go */
	__u32 count;		  /* seals in the set */
	__u8 depth;		  /* 0: the root is the leaf; at most 2 */
	__u8 deny;		  /* union of all deny bits, any action */
	__u8 flags;		  /* union of all MSEALD_SEAL_* */
	__u8 pooled;		  /* set of the pool, filled by a program: see MSEALD_POOL_FIRST */
	__u64 label;		  /* policy and program: key of the map `labels`; 0: unknown */
	__u32 files;		  /* number of different files of the seals */
	__u32 pad1;
	/* In leaves: one seal a slot. In inner nodes: start only. */
	__u64 start[MSEALD_FANOUT];
	__u64 end[MSEALD_FANOUT];
	__u64 rule[MSEALD_FANOUT];
	__u32 hits[MSEALD_FANOUT]; /* attempts that met the seal, counted by the programs */
	/*
	 * MSEALD_SEAL_SHM: pages from the attach address; in the pool: position of the object
	 * (mseald_loading)
	 */
	__u32 pgoff[MSEALD_FANOUT];
	__u16 file[MSEALD_FANOUT]; /* number of the seal's file, from 1; 0: none */
};

/*
 * The files of a set, in nodes of the same size directly after those of its seals, 32 in each, sorted by
 * MSEALD_INODE_ORDER. No seal begins there, so every search in the seals ends there too.
 */
struct mseald_file_node {
	__u64 header[5];	    /* as in struct mseald_node: 0 */
	__u64 none[MSEALD_FANOUT];  /* MSEALD_NO_START */
	__u64 order[MSEALD_FANOUT]; /* MSEALD_INODE_ORDER of the address; unused: MSEALD_NO_START */
	__u64 number[MSEALD_FANOUT];
	__u32 seal[MSEALD_FANOUT]; /* index in the set of the seal that judges a write */
	__u32 unused[MSEALD_FANOUT];
	__u16 unused2[MSEALD_FANOUT];
};

/*
 * Value of the map `files`: a file that no process may write, because of seals with MSEALD_DENY_FILE_WRITE.
 * Counts the sets with a seal that denies or kills, and those with one that only audits. The other fields are
 * data of the last attempt.
 */
struct mseald_file_seals {
	__u32 denying, auditing;
	__u64 space, label; /* key of the address space it was made for; label of its set */
	__u64 start, end;   /* of the seal */
	__u32 segment;	    /* enum mseald_segment */
	__u32 pad;
};

#define MSEALD_MAX_FILES 65536u

#define MSEALD_MAX_SETS 65536u /* set 0 is never used: "no seals" */

/*
 * Programs cannot make a seal set. The sets that they fill as a program starts (bpf/exec_seal.bpf.c) come
 * from a pool made by the daemon, and have the last ids. A set of the pool is one leaf and one node of files,
 * in which slot i is about seal i. When it has no references, it is reused at once. So a program holds a
 * reference while it reads such a set (bpf/space.bpf.c, space_set_of).
 */
#define MSEALD_POOL_SETS 1024u
#define MSEALD_POOL_FIRST (MSEALD_MAX_SETS - MSEALD_POOL_SETS)
/* The gap below the libraries is at least this wide; a smaller gap lies between two of them. */
#define MSEALD_WIDE_GAP (1ULL << 40)
#define MSEALD_MAX_SPACES 65536u

/*
 * The account that an address space is charged to (bpf/quota.h): a user id, or none. One user may have
 * state.quota_each entries of the map `spaces`. All users together may not have all of them, so that root has
 * room.
 */
#define MSEALD_ACCOUNT_NONE 0xffffffffu
#define MSEALD_MAX_ACCOUNTS 16384u
#define MSEALD_QUOTA_USERS (MSEALD_MAX_SPACES / 4 * 3)
#define MSEALD_QUOTA_EACH 8192u /* default of mseald --user-spaces= */

/* Value of the map `accounts`: the account and its number of address spaces; 0: it is being removed. */
#define MSEALD_USAGE(account, spaces) (((__u64)(account) + 1) << 32 | (spaces))
#define MSEALD_USAGE_IS(usage, account) ((usage) >> 32 == (__u64)(account) + 1)
#define MSEALD_USAGE_SPACES(usage) ((__u32)(usage))

#define MSEALD_SPACE_KILL_PENDING 0x01u /* all processes that share it will be killed, and may not fork */
#define MSEALD_SPACE_HUGETLB 0x02u	/* may have mappings of huge pages, which round lengths up */
#define MSEALD_SPACE_CLONE 0x100u	/* added for each task that begins to share it */
#define MSEALD_SPACE_CLONES(flags) ((flags) / MSEALD_SPACE_CLONE)

/*
 * One sealed address space; the key of the map is mm_key() of bpf/arch.h.
 *
 * The word holds the seal set and the owner, and changes by compare-and-swap only. Elements of the map are
 * reused at once: a program with a pointer to a reused element finds another owner, and cannot change it. The
 * program that swaps a set out owns its reference and its count, so nothing is given back twice. After GONE,
 * only the removal follows.
 */
struct mseald_space {
	__u64 word;    /* MSEALD_WORD() */
	__u32 flags;   /* MSEALD_SPACE_*: set by atomic operations, and not cleared while it lives */
	__u32 account; /* the account it is charged to */
	__u64 verdicts[MSEALD_VERDICT_COUNT];
	__u64 reported; /* last MSEALD_EVENTS_PERIOD with an event while the buffer was filling */
#ifdef MSEALD_KEYS_RETURN
	__u64 born; /* nanoseconds, CLOCK_BOOTTIME: it is of no address space made later */
#endif
};

/*
 * MSEALD_SPACE_BORN() tells an entry from an earlier or later one of its key; 0: its key is never used again.
 * MSEALD_OWNER() does so in a word.
 */
#ifdef MSEALD_KEYS_RETURN
#define MSEALD_SPACE_BORN(space) ((space)->born)
#define MSEALD_OWNER(key, born) (((key) ^ (born)) & ((1ULL << 46) - 1))
#else
#define MSEALD_SPACE_BORN(space) ((__u64)0 * (space)->word)
#define MSEALD_OWNER(key, born) ((__u64)(key))
#endif

#define MSEALD_WORD_GONE 0x10000u   /* the address space is gone; set 0 */
#define MSEALD_WORD_FORKED 0x20000u /* set of the parent: seals with MSEALD_SEAL_DONTFORK do not hold */
#define MSEALD_WORD(owner, bits) ((owner) << 18 | (bits))
#define MSEALD_WORD_OWNER(word) ((word) >> 18)
#define MSEALD_WORD_SET(word) ((__u32)(word)&0xffffu)

/*
 * A fork whose child has no entry in `spaces` yet: value of the map `pending_forks`. The program that sets
 * MSEALD_FORK_TAKEN owns the reference to the set and the charge to the account. It either hands both to an
 * entry or gives both back.
 */
struct mseald_pending_fork {
	__u64 number; /* unique to this fork, even; | MSEALD_FORK_TAKEN */
	__u64 parent; /* key of the parent's address space */
	__u32 set, account;
};

#define MSEALD_FORK_TAKEN 1u

#define MSEALD_COMM_LEN 16

/* Types of records in the ring buffer. */
enum mseald_event_type {
	MSEALD_EVENT_ATTEMPT, /* an attempt: all fields are valid */
	MSEALD_EVENT_UNUSED,  /* a seal set or the last space is gone: to be removed */
	MSEALD_EVENT_EXEC,    /* exec or fork of a watched process: struct mseald_exec_event */
	MSEALD_EVENT_RELRO,   /* a watched process makes part of a file read-only: the same */
};

#define MSEALD_EVENT_FILE 40 /* bytes, with the NUL */

struct mseald_event {
	__u32 type;		    /* enum mseald_event_type, always first */
	__u32 op;		    /* enum mseald_op */
	__u32 verdict;		    /* enum mseald_verdict */
	__u32 segment;		    /* enum mseald_segment of the seal hit */
	__u64 time;		    /* nanoseconds, CLOCK_BOOTTIME */
	__u64 space;		    /* key of the address space */
	__u64 label;		    /* label of its seal set */
	__u64 cgroup;		    /* id of the caller's cgroup (v2) */
	__u64 address, length;	    /* of the call, bytes */
	__u64 seal_start, seal_end; /* range of the seal hit */
	__u64 ip;		    /* address of the call in the caller */
	__u64 start_time;	    /* of the caller's thread group leader, boot-time ns */
	__u32 pid, tgid;	    /* of the caller, in the initial namespace */
	__u32 uid, gid;
	__u32 flags;   /* MSEALD_EVENT_* */
	__u8 deny;     /* MSEALD_DENY_*: a seal with any of them denies the call; 0: older program, unknown */
	__u8 segments; /* 1 << enum mseald_segment, of all seals that deny the call; 0: unknown */
	__u16 pad;
	char comm[MSEALD_COMM_LEN];
	__u64 object;		      /* start of the object, if the kernel sealed it at the start; else 0 */
	char file[MSEALD_EVENT_FILE]; /* its file name, without the folder; "": unknown */
};

#define MSEALD_EVENT_PRIVILEGED 0x1u /* the caller has, or can regain, rights beyond uid and gid */
#define MSEALD_EVENT_GROWS 0x2u	     /* mmap with MAP_GROWSDOWN: a stack, whose address is unknown */
#define MSEALD_EVENT_EXEC 0x4u	     /* mprotect with PROT_EXEC */

/*
 * The purpose of the seals of a set: the policy and the program it applies to. Forks share the set and so the
 * label. Events carry the label, so that an attempt can be reported when the process is long gone.
 */
#define MSEALD_MAX_LABELS 8192u
#define MSEALD_LABEL_TEXT 256 /* bytes, with the NUL */

struct mseald_label {
	char policy[MSEALD_LABEL_TEXT];	 /* name; "": sealed by a request */
	char program[MSEALD_LABEL_TEXT]; /* path, as the process sees it; "": unknown */
};

/*
 * Attempts summed up, in the map `report`. The daemon writes it as it reads events, so that no attempt is
 * lost when the daemon is killed. The programs do not use it.
 */
#define MSEALD_MAX_TALLIES 4096u
#define MSEALD_TALLY_PROCESSES 32 /* at most so many processes are counted individually */
#define MSEALD_SYMBOL_MAX 112	  /* bytes of "OBJECT+0xOFFSET", with the NUL */

struct mseald_tally_key {
	__u64 label;
	__u32 op;      /* enum mseald_op */
	__u16 segment; /* enum mseald_segment */
	__u16 verdict; /* enum mseald_verdict */
};

struct mseald_tally {
	__u64 attempts;
	__u64 first, last; /* ns since 1970 */
	/* The example, one of the attempts: the first, or the first with a known symbol. */
	__u64 address, length, ip;
	__u32 pid, uid;
	char comm[MSEALD_COMM_LEN];
	char symbol[MSEALD_SYMBOL_MAX];	    /* symbol of address; "": unknown */
	char caller[MSEALD_SYMBOL_MAX];	    /* symbol of ip */
	__u32 processes;		    /* at MSEALD_TALLY_PROCESSES there may be more */
	__u32 seen[MSEALD_TALLY_PROCESSES]; /* a hash of each */
	/* Like those of an event, but of all attempts: their deny bits, and their segments. */
	__u8 deny, segments;
	__u8 kinds, example_kinds; /* MSEALD_KIND_* of all attempts; of the example */
};

/* The kind of an attempt, if its operation and range do not tell. */
#define MSEALD_KIND_GROWS 0x1u	    /* a mapping that grows down */
#define MSEALD_KIND_EXEC_STACK 0x2u /* a stack is made executable */
#define MSEALD_KIND_HUGE_TEXT 0x4u  /* text is replaced by huge pages, or moved to huge pages */
#define MSEALD_KIND_ALL 0x8u	    /* may cover several objects, such as the whole memory */
#define MSEALD_KIND_COUNT 4

/*
 * One process that tries without end must not fill the buffer. When half of it is full, each address space
 * may report one attempt in a period; the last quarter is for exec events and kills.
 */
#define MSEALD_EVENTS_SIZE (256u * 1024)
#define MSEALD_EVENTS_BUSY (MSEALD_EVENTS_SIZE / 2)
#define MSEALD_EVENTS_FULL (MSEALD_EVENTS_SIZE / 4 * 3)
#define MSEALD_EVENTS_PERIOD(ns) ((ns) >> 27) /* 134 ms */

/* Tells the daemon to look at a process that a policy may apply to. */
struct mseald_exec_event {
	__u32 type; /* enum mseald_event_type, always first */
	__u32 pid;  /* its thread group, in the initial namespace */
	__u64 space;
	__u64 address; /* of RELRO */
	__u64 time;    /* nanoseconds, CLOCK_BOOTTIME */
};

/*
 * Which policy applies to a starting program: bpf/exec_match.bpf.c decides by these tables, with the result
 * of policies_match() of user/lib. Each policy is a bit, in the order of names. A key of a program, for
 * example its path, rules out the policies that have this key and do not name the program. The first policy
 * left applies.
 */
#define MSEALD_POLICY_BITS 256u
/* The last bits stand for all further policies, one bit for the most selective key of each; all are open. */
#define MSEALD_POLICY_EXACT (MSEALD_POLICY_BITS - MSEALD_MATCH_KEYS)

struct mseald_policy_set {
	__u64 bits[MSEALD_POLICY_BITS / 64];
};

enum mseald_match_key {
	MSEALD_MATCH_EXE,
	MSEALD_MATCH_UNIT,
	MSEALD_MATCH_CGROUP,
	MSEALD_MATCH_USER,
	MSEALD_MATCH_MARKED,
	MSEALD_MATCH_KEYS,
};

/* Keys of the map `triggers`: texts, compared by their FNV-1a hash. */
enum mseald_trigger_kind {
	MSEALD_TRIGGER_FILE,   /* path of the program */
	MSEALD_TRIGGER_FOLDER, /* path of a folder above the program, with "/" at the end */
	MSEALD_TRIGGER_UNIT,   /* name of a cgroup of the program, or of one above */
	MSEALD_TRIGGER_CGROUP, /* path of a cgroup of the program, or of one above */
	MSEALD_TRIGGER_USER,   /* effective user id; not a hash */
	MSEALD_TRIGGER_COUNT,
};

struct mseald_trigger {
	__u64 hash;
	__u32 kind;
	__u32 generation; /* generation of its policies */
};

#define MSEALD_MAX_TRIGGERS 16384u /* of one generation; the map has room for two */
#define MSEALD_HASH_START 0xcbf29ce484222325ULL
#define MSEALD_HASH_STEP(hash, byte) (((hash) ^ (__u8)(byte)) * 0x100000001b3ULL)

/* The number of a label (map `labels`), by the hashes of its policy and of its program, without their NUL. */
#define MSEALD_LABEL_NUMBER(policy, program) (((policy)*0x9e3779b97f4a7c15ULL) ^ (program))

/* One bit for each trigger: where it is not set, the map is not read. */
#define MSEALD_TRIGGER_BITS 4096u
#define MSEALD_TRIGGER_BIT(hash, kind) ((((hash) ^ (kind)) * 0x9e3779b97f4a7c15ULL) >> 52)

/*
 * A glob(7) pattern, compared element by element: a byte stands for itself, or one of these. Only a literal
 * "/" matches "/". A set has a bit for each byte in it.
 */
#define MSEALD_GLOB_END 0u
#define MSEALD_GLOB_ANY 0x100u
#define MSEALD_GLOB_STAR 0x101u
#define MSEALD_GLOB_SET 0x200u /* | its number */
#define MSEALD_GLOB_ELEMENTS 256u
#define MSEALD_GLOB_SETS 8u
#define MSEALD_MAX_GLOBS 64u /* of one generation */

struct mseald_glob {
	__u32 key; /* MSEALD_MATCH_EXE or MSEALD_MATCH_UNIT */
	__u32 pad;
	struct mseald_policy_set policies;
	__u16 element[MSEALD_GLOB_ELEMENTS];
	__u64 set[MSEALD_GLOB_SETS][256 / 64];
};

struct mseald_match_table {
	__u32 keys;			    /* bits 1 << enum mseald_match_key that any policy has */
	__u32 globs, exe_globs, unit_globs; /* number of patterns: all, of Exe=, of Unit= */
	struct mseald_policy_set all;
	struct mseald_policy_set open;			     /* the daemon must find out whether they apply */
	struct mseald_policy_set sealing;		     /* policies with segments to seal */
	struct mseald_policy_set without[MSEALD_MATCH_KEYS]; /* policies without this key */
	__u64 trigger_bits[MSEALD_TRIGGER_BITS / 64];
};

/*
 * How the programs seal by a policy: value of the map `policy_seals`, at MSEALD_POLICY_SEAL(). The daemon
 * later seals what the rule or the segments leave out.
 */
#define MSEALD_POLICY_NAME 256 /* bytes, with the NUL */
#define MSEALD_POLICY_SEAL(generation, policy) (((generation)&1) * MSEALD_POLICY_BITS + (policy))

struct mseald_policy_seal {
	__u64 rule;	 /* for memory that is not writable, without a segment; 0: the daemon seals it */
	__u64 data_rule; /* for writable memory; 0: none */
	__u32 segments;	 /* bits 1 << enum mseald_segment */
	__u32 flags;	 /* MSEALD_POLICY_* */
	__u64 name_hash; /* for MSEALD_LABEL_NUMBER() */
	char name[MSEALD_POLICY_NAME];
};

#define MSEALD_POLICY_LATE 0x1u	    /* objects loaded after the start are sealed, too */
#define MSEALD_POLICY_REPORT 0x2u   /* ... by the daemon, which gets an event of each */
#define MSEALD_POLICY_NOT_32 0x4u   /* 32-bit programs are not sealed */
#define MSEALD_POLICY_MORE 0x8u	    /* the daemon has to seal more, immediately */
#define MSEALD_POLICY_LATE_64 0x10u /* MSEALD_POLICY_LATE holds for 64-bit programs only */

/* A starting program: where its loader maps objects, until their RELRO is made read-only. */
#define MSEALD_LOADING_MAPPINGS 32u /* the last ones are remembered */
#define MSEALD_LOADING_PIECES 7u    /* of one object */
#define MSEALD_LOADING_ELF 512u	    /* bytes */

/* A mapping of a file; an object if it has an executable segment. Pages are counted from its start. */
struct mseald_mapping {
	__u64 start;
	__u64 file; /* address of the open file, and the low half of its inode's address: an identity */
	__u32 inode;
	__u32 pages;
	__u32 text, text_end; /* the executable segment; both 0: none */
	__u32 data;	      /* begin of the first writable segment and its RELRO; 0: none */
	__u32 relro_end;      /* 0: not sealed by the kernel */
};

struct mseald_loading {
	__u32 wanted; /* MSEALD_POLICY_* */
	__u32 flags;  /* MSEALD_LOADING_* */
	__u64 label;
	__u64 rule, data_rule; /* as of struct mseald_policy_seal */
	__u32 segments;
	__u32 next;	       /* number of mappings so far: the ring's next position */
	__u64 spans;	       /* start of an mprotect() over several mappings, whose first may be RELRO */
	__u64 program, loader; /* start of the mappings that the kernel made; 0: none */
	/* The current object. */
	__u64 relro, relro_end;	  /* the range made read-only */
	__u64 bias;		  /* number to add to the addresses of its program headers */
	__u64 text, text_end;	  /* the executable segment */
	struct mseald_inode file; /* file of the pieces that are not data */
	__u64 mapped;		  /* address of the open file */
	__u32 width;		  /* bytes of a program header */
	__u32 pieces;
	__u32 written, biased; /* whether the file may be open for writing; whether bias is complete */
	__u32 place;	       /* ring position of the current object */
	__u32 found;	       /* in its program headers: of bpf/exec_objects.bpf.c */
	__u32 exact, pad;      /* whether PT_GNU_RELRO must name the range */
	__u64 inode;	       /* address of that of the file that is being mapped */
	/* Only the first ones are valid, and zero at the start is only what stands above. */
	__u64 piece[MSEALD_LOADING_PIECES + 1];
	__u64 piece_end[MSEALD_LOADING_PIECES + 1];
	__u64 piece_rule[MSEALD_LOADING_PIECES + 1];
	struct mseald_mapping mapping[MSEALD_LOADING_MAPPINGS];
	__u8 elf[MSEALD_LOADING_ELF + 56]; /* its ELF header and program headers, read at once */
};

#define MSEALD_LOADING_KNOWN 0x1u   /* program and loader are known */
#define MSEALD_LOADING_PROGRAM 0x2u /* the program's own RELRO is done: only that of the loader follows */
#define MSEALD_LOADING_DONE 0x4u    /* the start is finished */
#define MSEALD_LOADING_HUGETLB 0x8u /* it may have mapped huge pages */
#define MSEALD_LOADING_LEFT 0x10u   /* some object was left to the daemon */
#define MSEALD_LOADING_LEFT_SHIFT 8 /* from here on a bit for each enum mseald_left: the reasons */

/* Why an object of a matched program was left to the daemon: index of state.left. */
enum mseald_left {
	MSEALD_LEFT_POOL,    /* no free set in the pool */
	MSEALD_LEFT_FULL,    /* more seals than fit in one leaf, or no room for the address space */
	MSEALD_LEFT_WRITTEN, /* its file may be open for writing */
	MSEALD_LEFT_OBJECT,  /* its start address is unknown */
	MSEALD_LEFT_CHANGED, /* the daemon has changed the seals meanwhile, or they overlap */
	MSEALD_LEFT_COUNT,
};

/* The file of a program in its present state: facts about its contents hold for this key. */
struct mseald_file {
	__u64 inode, changed_sec, changed_nsec;
	__u32 device, generation;
};

#define MSEALD_EXE_MAX 256	       /* bytes of a path, with its NUL */
#define MSEALD_POLICY_OPEN 0xffffffffu /* the daemon must find out */
#define MSEALD_WATCHED_FORKED 0x1u     /* a child: the facts are those of its parent's exec */
#define MSEALD_WATCHED_KERNEL 0x2u     /* sealed by the kernel, in `starts`: the daemon gets no event of it */
#define MSEALD_WATCHED_STARTED 0x4u    /* the same until the daemon took it over */

/* A watched address space: the facts at its exec. Only the daemon changes them. */
struct mseald_watched {
	__u64 cgroup;		 /* id */
	struct mseald_file file; /* zero unless a trigger for marked programs exists */
	__u32 user;		 /* effective user id */
	__u32 flags;
	__u32 policy; /* index of the policy that applies, in its generation; or open */
	__u32 generation;
	__u64 since;		  /* nanoseconds, CLOCK_BOOTTIME: time of its exec, or fork */
	__u32 pid, pad;		  /* of its first process, in the initial namespace */
	char exe[MSEALD_EXE_MAX]; /* in the root of the process; empty: the path is longer */
};

/*
 * A program that the kernel seals as it starts, until the daemon takes it over or it ends. The map `starts`
 * is an array: a look-up costs no call, and no start allocates. state.start_keys has the address space of
 * each element. The position of a key is one of the first few from its low bits on. If all of these are
 * taken, the daemon seals the program. Children of fork get odd positions only: half of the map is for starts
 * alone, however many children there are. Keys count up, so each has a pair of its own.
 */
#define MSEALD_STARTS 2048u
#define MSEALD_START_PROBES 8u
#define MSEALD_START_AT(key, probe) ((2 * (key) + (probe)) & (MSEALD_STARTS - 1))
#define MSEALD_START_TAKEN (1ULL << 62) /* an element that is being filled: no key is that high */

struct mseald_start {
	struct mseald_watched facts;
	struct mseald_loading loading;
};

/*
 * Facts about the keys that share their low bits, readable without any helper: whether any of them is sealed
 * at all, and for one of them the seal set and its gap. The tag is the key and the set. It is written last
 * and read first and last, so a slot is never read while half written.
 */
#define MSEALD_SLOTS 16384u
#define MSEALD_TAG(key, set) ((key) << 16 | (set))
#define MSEALD_TAG_KEY(tag) ((tag) >> 16)
#define MSEALD_TAG_SET(tag) ((tag)&0xffff)
#define MSEALD_TAG_BUSY 1u    /* being filled; no address space has key 0 */
#define MSEALD_TAG_SPOILED 2u /* the same, from a set that has been replaced */

struct mseald_slot {
	__u64 tag;		  /* 0: slot is free */
	__u64 gap_start, gap_end; /* as in the root of the set */
	union {
		struct {
			__u32 count;   /* entries whose key has these low bits */
			__u32 watched; /* the same for the maps `watched` and `starts` */
		};
		__u64 used; /* both: in the low and in the high half */
	};
};

/* Everything global, kept in one place so that it can be pinned and read as one. */

struct mseald_state {
	__u64 layout;		/* MSEALD_LAYOUT of the daemon that made the maps */
	__u64 entries;		/* in the map `spaces`, and reserved there by forks */
	__u64 sealed;		/* entries that have a seal set */
	__u64 pending_forks;	/* forks whose child has no entry yet */
	__u64 last_fork;	/* last fork number, even */
	__u64 kill_pending;	/* entries with MSEALD_SPACE_KILL_PENDING */
	__u64 lost;		/* attempts whose event found no room in the ring buffer */
	__u64 lost_unused;	/* the same of MSEALD_EVENT_UNUSED */
	__u64 lost_exec_events; /* the same of struct mseald_exec_event; or no room in `watched` */
	/* The daemon, whose children may trace in spite of a foreign-write seal; 0: none. */
	__u64 injector_start; /* start time of its thread group leader, boot-time ns: written before its id */
	__u32 injector_tgid;  /* in the initial pid namespace */
	__u32 policies;	      /* generation of the active policies; its lowest bit selects the table */
	__u32 last_policies;  /* last generation that the daemon made */
	__u32 pad;
	/* About the map `report`; only the daemon writes these. */
	__u64 report_since;	       /* ns since 1970; 0: the file on disk has not been read yet */
	__u64 report_base;	       /* attempts less this number: in the map, or missing there; wraps */
	__u64 report_full;	       /* missing for want of room in the map */
	__u64 charged;		       /* number of `entries` charged to an account */
	__u64 forks_refused;	       /* forks of sealed processes, for want of room or quota */
	__u64 starts;		       /* starts of programs that the kernel seals */
	__u64 objects;		       /* objects sealed by the kernel */
	__u64 left[MSEALD_LEFT_COUNT]; /* objects left to the daemon, by reason */
	/* Starts that ended before all was sealed, by reason; the last: before the program's own RELRO */
	__u64 ended[MSEALD_LEFT_COUNT + 1];
	__u64 pool_free[MSEALD_POOL_SETS / 64]; /* a bit for each free set of the pool */
	__u32 pool_made; /* number of sets in the pool, from the first on; written by the daemon */
	__u32 pad2;
	__u64 other_files; /* address of the operations of some file that is not on hugetlbfs */
	__u32 quota_each;  /* limit of one account; set by the daemon */
	__u32 files;	   /* the map `files` may have entries; set by the daemon */
	__u64 attempts[MSEALD_OP_COUNT][MSEALD_VERDICT_COUNT];
	struct mseald_match_table match[2];
	__u64 start_keys[MSEALD_STARTS]; /* of the map `starts`: address space key; 0: free */
	struct mseald_slot slots[MSEALD_SLOTS];
};

/* Argument and result of the programs the daemon runs (bpf/commit.bpf.c). */
struct mseald_commit {
	__u64 key;
	__u32 bits;	/* new set, 0: none; and MSEALD_WORD_FORKED */
	__u32 old_bits; /* result: the same before the change */
	__s32 error;	/* result: 0, or a negative errno: nothing has changed */
	__u32 account;	/* account of an address space without an entry */
	__u32 limited;	/* may be refused with -EDQUOT if the account is at its limit */
	__u32 flags;	/* MSEALD_SPACE_* to set */
	__u32 expected; /* the set it must have, else -EEXIST; MSEALD_ANY_SET: any */
	__u32 pad;
	__u64 born; /* MSEALD_SPACE_BORN() it must have, else -ESRCH; 0: any. Result: the one it has */
};

#define MSEALD_ANY_SET 0xffffffffu

/* Argument of mseald_watch. */
struct mseald_watch {
	__u64 key;
	struct mseald_watched watched;
};

#define MSEALD_TRACER_COMING 0xffffffffu /* an attach may be under way */

/* A task, as written by bpf/iter_task.bpf.c. */
struct mseald_task {
	__u32 pid, tgid;
	__u64 key;	  /* 0: no address space (kernel thread, zombie) */
	__u64 exec_id;	  /* changes with every exec */
	__u64 start_time; /* of the thread group leader, boot-time ns */
	__u32 flags;	  /* PF_* of the task */
	__u32 tracer;	  /* process that traces the task; 0: none; or MSEALD_TRACER_COMING */
	__u32 account;	  /* account that its address space would be charged to */
	__u32 pad;
	char comm[MSEALD_COMM_LEN]; /* of the thread group leader */
};

/* One mapping of a process, as written by bpf/iter_task.bpf.c. */
struct mseald_vma {
	__u64 start, end;
	__u64 flags;		   /* VM_* */
	__u64 userfault;	   /* nonzero: userfaultfd can put pages into it */
	struct mseald_inode inode; /* address 0: no regular file */
	__u32 written;		   /* nonzero: the file may be open for writing */
	__u32 shared;		   /* nonzero: mapped shared and writable */
	__u32 owner;		   /* user id */
	__u32 generation;	   /* of the inode */
};
