// SPDX-License-Identifier: GPL-2.0-only
/* The definitions of the maps and the global state, without programs. All of them are pinned. */
#include "maps.h"

struct mseald_state state;
#ifdef MSEALD_KEYS_RETURN
__u64 key_base;
#endif

struct spaces_map spaces SEC(".maps");
struct sets_map sets SEC(".maps");
struct files_map files SEC(".maps");
struct refs_map refs SEC(".maps");
struct accounts_map accounts SEC(".maps");
struct pending_forks_map pending_forks SEC(".maps");
struct notes_map notes SEC(".maps");
struct triggers_map triggers SEC(".maps");
struct globs_map globs SEC(".maps");
struct policy_seals_map policy_seals SEC(".maps");
struct starts_map starts SEC(".maps");
struct watched_map watched SEC(".maps");
struct marks_map marks SEC(".maps");
struct labels_map labels SEC(".maps");
struct report_map report SEC(".maps");
struct events_map events SEC(".maps");

const volatile __u32 possible_cpus = 1;
const volatile bool madvise_overridden = false, madvise_32_overridden = false;
const volatile bool setattr_has_idmap = false;
const volatile __u32 page_shift = 12;

char LICENSE[] SEC("license") = "GPL";
