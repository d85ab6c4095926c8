/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Every map and the global state, as all BPF files see them; bpf/maps.bpf.c defines them. Linked by `bpftool
 * gen object`.
 */
#pragma once

#include "arch.h"
#include <bpf/bpf_tracing.h>

#include "mseald/shared.h"

/* Counters and filters: all global data that is not a map of its own. */
extern struct mseald_state state;

/* Address space key -> struct mseald_space. Not deleted while a task runs in it. */
struct spaces_map {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, MSEALD_MAX_SPACES);
	__type(key, __u64);
	__type(value, struct mseald_space);
};
extern struct spaces_map spaces SEC(".maps");

/*
 * Seal set id -> array of struct mseald_node, sized to fit. The inner map is described by sizes, not types:
 * with types, 6.1 requires the BTF ids of the template.
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
 * Files that no process may write; filled by the daemon. Files that only the sealed process itself may not
 * write are in its seal set.
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

/* Account -> MSEALD_USAGE(), its number of address spaces. The daemon removes an account that has none. */
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

/* task_struct inside shmat(), or inside mmap() with huge pages -> length in bytes, for mmap_addr. */
struct notes_map {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1024);
	__type(key, __u64);
	__type(value, __u64);
};
extern struct notes_map notes SEC(".maps");

/* Trigger: a fact about a starting program (bpf/exec_match.bpf.c) -> the policies that name it. */
struct triggers_map {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 2 * MSEALD_MAX_TRIGGERS);
	__type(key, struct mseald_trigger);
	__type(value, struct mseald_policy_set);
};
extern struct triggers_map triggers SEC(".maps");

/* Patterns of both generations, indexed by the generation's lowest bit. */
struct globs_map {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 2 * MSEALD_MAX_GLOBS);
	__type(key, __u32);
	__type(value, struct mseald_glob);
};
extern struct globs_map globs SEC(".maps");

/* The seals of each policy, of both generations (MSEALD_POLICY_SEAL). */
struct policy_seals_map {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 2 * MSEALD_POLICY_BITS);
	__type(key, __u32);
	__type(value, struct mseald_policy_seal);
};
extern struct policy_seals_map policy_seals SEC(".maps");

/* Programs that the kernel seals as they start; start.h finds the element of a key. */
struct starts_map {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, MSEALD_STARTS);
	__type(key, __u32);
	__type(value, struct mseald_start);
};
extern struct starts_map starts SEC(".maps");

/* Address space key -> the facts at its exec. The daemon looks at these processes. */
struct watched_map {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, MSEALD_MAX_SPACES);
	__type(key, __u64);
	__type(value, struct mseald_watched);
};
extern struct watched_map watched SEC(".maps");

/* File of a program -> whether the program is marked. Filled by the daemon, which reads the file. */
struct marks_map {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, struct mseald_file);
	__type(value, __u32);
};
extern struct marks_map marks SEC(".maps");

/*
 * Label of a seal set -> its policy and program; and attempts summed up by label. The daemon maintains both.
 */
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
