/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Every map and the global state, as all BPF files see them; bpf/maps.bpf.c
 * has the one definition. Linked by `bpftool gen object`.
 */
#ifndef MSEALD_BPF_MAPS_H
#define MSEALD_BPF_MAPS_H

#include "arch.h"
#include <bpf/bpf_tracing.h>

#include "mseald/shared.h"

/* Counters, the filter: everything global that is not a map of its own. */
extern struct mseald_state state;

/* Address space key -> struct mseald_space. Never deleted while a task runs in it. */
struct spaces_map {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, MSEALD_MAX_SPACES);
	__type(key, __u64);
	__type(value, struct mseald_space);
};
extern struct spaces_map spaces SEC(".maps");

/*
 * Seal set id -> array of struct mseald_node, sized to fit. Sizes, not types,
 * describe the inner map: 6.1 wants the BTF ids of the template otherwise.
 */
struct set_map {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_INNER_MAP);
	__uint(max_entries, 1);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, sizeof(struct mseald_node));
};

struct sets_map {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, MSEALD_MAX_SETS);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, sizeof(__u32));
	__array(values, struct set_map);
};
extern struct sets_map sets SEC(".maps");

/*
 * Files that no process may write; filled by the daemon. A file that only the process may not write that
 * has it sealed is in the seal set.
 */
struct files_map {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, MSEALD_MAX_FILES);
	__type(key, struct mseald_inode);
	__type(value, struct mseald_file_seals);
};
extern struct files_map files SEC(".maps");

/* Seal set id -> how many address spaces and pending forks refer to it. */
struct refs_map {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, MSEALD_MAX_SETS);
	__type(key, __u32);
	__type(value, __u64);
};
extern struct refs_map refs SEC(".maps");

/* Account -> MSEALD_USAGE(): how many address spaces it has. Removed by the daemon when it has none. */
struct accounts_map {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, MSEALD_MAX_ACCOUNTS);
	__type(key, __u32);
	__type(value, __u64);
};
extern struct accounts_map accounts SEC(".maps");

/* task_struct of a forked child whose address space has no entry yet -> its seal set and account. */
struct pending_forks_map {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, __u64);
	__type(value, struct mseald_pending_fork);
};
extern struct pending_forks_map pending_forks SEC(".maps");

/* task_struct inside shmat(), or inside mmap() with huge pages -> bytes that it takes, for mmap_addr. */
struct notes_map {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1024);
	__type(key, __u64);
	__type(value, __u64);
};
extern struct notes_map notes SEC(".maps");

/* What a starting program is compared with (bpf/exec_match.bpf.c) -> the policies that name it. */
struct triggers_map {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 2 * MSEALD_MAX_TRIGGERS);
	__type(key, struct mseald_trigger);
	__type(value, struct mseald_policy_set);
};
extern struct triggers_map triggers SEC(".maps");

/* Patterns of both generations, by the lowest bit of each. */
struct globs_map {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 2 * MSEALD_MAX_GLOBS);
	__type(key, __u32);
	__type(value, struct mseald_glob);
};
extern struct globs_map globs SEC(".maps");

/* What a policy seals, of both generations (MSEALD_POLICY_SEAL). */
struct policy_seals_map {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 2 * MSEALD_POLICY_BITS);
	__type(key, __u32);
	__type(value, struct mseald_policy_seal);
};
extern struct policy_seals_map policy_seals SEC(".maps");

/* Address space key -> the objects that its loader is loading, while the kernel is to seal them. */
struct loading_map {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, MSEALD_MAX_SPACES);
	__type(key, __u64);
	__type(value, struct mseald_loading);
};
extern struct loading_map loading SEC(".maps");

/* Address space key -> what was true at its exec. The daemon looks at these. */
struct watched_map {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, MSEALD_MAX_SPACES);
	__type(key, __u64);
	__type(value, struct mseald_watched);
};
extern struct watched_map watched SEC(".maps");

/* Is a program marked? What the daemon has found in its file. */
struct marks_map {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, struct mseald_file);
	__type(value, __u32);
};
extern struct marks_map marks SEC(".maps");

/* Label of a seal set -> what it stands for; and attempts, summed up by it. Both are the daemon's. */
struct labels_map {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, MSEALD_MAX_LABELS);
	__type(key, __u64);
	__type(value, struct mseald_label);
};
extern struct labels_map labels SEC(".maps");

struct report_map {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, MSEALD_MAX_TALLIES);
	__type(key, struct mseald_tally_key);
	__type(value, struct mseald_tally);
};
extern struct report_map report SEC(".maps");

/* struct mseald_event and struct mseald_exec_event, for the daemon. */
struct events_map {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, MSEALD_EVENTS_SIZE);
};
extern struct events_map events SEC(".maps");

/* Set between open and load by user/daemon/bpf/programs.c. */
extern const volatile __u32 possible_cpus;
extern const volatile bool madvise_overridden, madvise_32_overridden;
extern const volatile bool setattr_has_idmap;

#endif
