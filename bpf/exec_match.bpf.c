// SPDX-License-Identifier: GPL-2.0-only
/*
 * Decides which policy applies to a program as it starts (docs/design/policies.md, "Decision in the
 * kernel"), and begins to seal it. The program is watched (watch.h): in `starts`, where the kernel seals it.
 * Otherwise an event tells the daemon to look at it.
 *
 *   lsm/bprm_committed_creds  exec: the new memory, credentials and cgroup are in place, and no code of
 *                             the program has run
 *
 * If an event or an entry is lost, the daemon looks at every process.
 */
#include "bits.h"
#include "watch.h"

#define CGROUP_LEVELS 24
#define CGROUP_LEVELS_ROUND 32

struct timespec64___old {
	s64 tv_sec;
	long tv_nsec;
} __attribute__((preserve_access_index));

struct inode___6_1 {
	struct timespec64___old i_ctime;
} __attribute__((preserve_access_index));

struct inode___6_6 {
	struct timespec64___old __i_ctime;
} __attribute__((preserve_access_index));

struct inode___6_11 {
	s64 i_ctime_sec;
	u32 i_ctime_nsec;
} __attribute__((preserve_access_index));

/* The policies that may apply, and the text being compared. Too large for the stack. */
struct match {
	union {
		char bytes[MSEALD_EXE_MAX];
		u64 words[MSEALD_EXE_MAX / sizeof(u64)];
	};
	u64 hash;		       /* of the text in bytes, or of all texts so far */
	u64 path_hash;		       /* of the program's path, if it is known */
	u64 cgroup;		       /* address of the task's cgroup */
	struct mseald_policy_set left; /* policies that no key has ruled out so far */
	struct mseald_policy_set met;  /* policies that name the program, by the current key */
	u32 generation;
	u32 key;     /* the current one */
	u32 unknown; /* bits 1 << enum mseald_match_key: keys that BPF cannot read */
	u32 taken;
	enum { PATH_UNKNOWN, PATH_IN_BYTES, PATH_IN_FACTS } path;
	u32 pad;
	/* State of the current pattern: */
	u32 at, element;	   /* positions in the text and in the pattern */
	u32 back_at, back_element; /* where to retry with one byte more for the last star; 0: no star */
	enum { GLOB_UNKNOWN, GLOB_MATCHES, GLOB_DIFFERS } result;
	struct mseald_watched facts; /* about the start */
};

/*
 * Another task that starts a program may preempt a task in here. So a workspace does not belong to a CPU:
 * each task takes the first free workspace near those of its CPU.
 */
#define WORKSPACES 256
#define WORKSPACES_CPU 8

static const struct mseald_label no_label;

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, WORKSPACES);
	__type(key, u32);
	__type(value, struct match);
} workspaces SEC(".maps");

static __always_inline struct match *take_workspace(void)
{
	u32 first = bpf_get_smp_processor_id() * WORKSPACES_CPU;

	for (u32 i = 0; i < 2 * WORKSPACES_CPU; i++) {
		u32 index = (first + i) % WORKSPACES;
		struct match *match = bpf_map_lookup_elem(&workspaces, &index);

		if (match && !__sync_val_compare_and_swap(&match->taken, 0, 1))
			return match;
	}
	return NULL;
}

static __always_inline void give_workspace(struct match *match)
{
	__sync_val_compare_and_swap(&match->taken, 1, 0);
}

#define WORDS ((int)(MSEALD_POLICY_BITS / 64))

static __always_inline const struct mseald_match_table *table_of(const struct match *match)
{
	return &state.match[match->generation & 1];
}

static __always_inline void add_to(struct mseald_policy_set *set, const struct mseald_policy_set *more)
{
	for (int i = 0; i < WORDS; i++)
		set->bits[i] |= more->bits[i];
}

static __always_inline void meet(struct match *match, enum mseald_trigger_kind kind, u64 hash)
{
	struct mseald_trigger trigger = { .hash = hash, .kind = kind, .generation = match->generation };
	const struct mseald_policy_set *policies;
	u64 bit = MSEALD_TRIGGER_BIT(hash, kind);

	if (!(table_of(match)->trigger_bits[bit / 64 & (MSEALD_TRIGGER_BITS / 64 - 1)] >> (bit & 63) & 1))
		return;
	policies = bpf_map_lookup_elem(&triggers, &trigger);
	if (policies)
		add_to(&match->met, policies);
}

#define STEP sizeof(u64)

/* Hashes up to STEP bytes; returns 1 at the end of the text. Global, so that the verifier checks it once. */
__noinline int exec_hash_some(u32 index, struct match *match)
{
	u64 hash, word;
	bool exe;
	u8 byte = 0;

	if (!match)
		return 1;
	hash = match->hash;
	exe = match->key == MSEALD_MATCH_EXE;
	word = match->words[index & (MSEALD_EXE_MAX / STEP - 1)];
	for (u32 i = 0; i < STEP; i++) {
		byte = word;
		if (!byte)
			break;
		word >>= 8;
		hash = MSEALD_HASH_STEP(hash, byte);
		if (byte == '/' && exe)
			meet(match, MSEALD_TRIGGER_FOLDER, hash);
	}
	match->hash = hash;
	return !byte;
}

/*
 * Global, so that the verifier checks it once, and not at each cgroup level for each state that the levels
 * above may have left.
 */
__noinline int exec_hash_name(struct match *match)
{
	if (!match)
		return 0;
	for (u32 i = 0; i < MSEALD_EXE_MAX / STEP; i++)
		if (exec_hash_some(i, match))
			break;
	return 0;
}

/* --- patterns --- */

#define GLOB_STEPS 4096

struct glob_walk {
	struct match *match;
	const struct mseald_glob *glob;
};

static __always_inline bool element_has(const struct mseald_glob *glob, u32 element, u8 byte)
{
	if (element & MSEALD_GLOB_SET)
		return glob->set[element & (MSEALD_GLOB_SETS - 1)][byte / 64] >> (byte & 63) & 1;
	return element == MSEALD_GLOB_ANY ? byte != '/' : element == byte;
}

/*
 * The workspace holds the state of a comparison. The verifier of 6.1 checks one step only
 * (kernel/bpf/verifier.c, set_loop_callback_state). It assumes that numbers on the stack keep their values
 * from before that step, and removes code that the first step does not reach.
 */
static long glob_step(u32 step, struct glob_walk *walk)
{
	struct match *match = walk->match;
	u8 byte = match->bytes[match->at & (MSEALD_EXE_MAX - 1)];
	u32 element = walk->glob->element[match->element & (MSEALD_GLOB_ELEMENTS - 1)];

	if (element == MSEALD_GLOB_STAR) {
		match->element++;
		match->back_element = match->element;
		match->back_at = match->at;
		return 0;
	}
	if (!byte && element == MSEALD_GLOB_END) {
		match->result = GLOB_MATCHES;
		return 1;
	}
	if (byte && element_has(walk->glob, element, byte)) {
		match->at++;
		match->element++;
		return 0;
	}
	byte = match->bytes[match->back_at & (MSEALD_EXE_MAX - 1)];
	if (!match->back_element || !byte || byte == '/') {
		match->result = GLOB_DIFFERS;
		return 1;
	}
	match->back_at++;
	match->at = match->back_at;
	match->element = match->back_element;
	return 0;
}

/* Compares the text with one pattern. Returns 1 if the comparison takes too many steps. */
__noinline int exec_meet_glob(u32 index, struct match *match)
{
	struct mseald_glob *glob = bpf_map_lookup_elem(&globs, &index);
	struct glob_walk walk = { .match = match, .glob = glob };

	if (!match || !glob || glob->key != match->key)
		return 0;
	match->at = match->element = match->back_at = match->back_element = 0;
	match->result = GLOB_UNKNOWN;
	bpf_loop(GLOB_STEPS, glob_step, &walk, 0);
	if (match->result == GLOB_MATCHES)
		add_to(&match->met, &glob->policies);
	return match->result == GLOB_UNKNOWN;
}

/* Compares the text with all patterns of the current key. */
__noinline int exec_meet_globs(struct match *match)
{
	if (!match ||
	    !(match->key == MSEALD_MATCH_EXE ? table_of(match)->exe_globs : table_of(match)->unit_globs))
		return 0;
	for (u32 i = 0; i < MSEALD_MAX_GLOBS; i++) {
		/* Read in each iteration, so that the verifier does not track its possible values. */
		if (*(volatile u32 *)&table_of(match)->globs <= i)
			break;
		if (exec_meet_glob((match->generation & 1) * MSEALD_MAX_GLOBS + i, match))
			return 1;
	}
	return 0;
}

/* --- the keys; 1: BPF cannot read the key --- */

static __always_inline int meet_user(struct match *match)
{
	struct task_struct *task = bpf_get_current_task_btf();

	meet(match, MSEALD_TRIGGER_USER, task->cred->euid.val);
	return 0;
}

/* Reads and hashes the path, in the root of the process. False: it is too long. */
static __always_inline bool read_path(struct linux_binprm *bprm, struct match *match)
{
	match->hash = MSEALD_HASH_START;
	if (bpf_d_path(&bprm->file->f_path, match->bytes, sizeof(match->bytes)) < 0)
		return false;
	exec_hash_name(match);
	match->path_hash = match->hash;
	match->path = PATH_IN_BYTES;
	return true;
}

static __always_inline int meet_exe(struct linux_binprm *bprm, struct match *match)
{
	/* A path that is too long may be below a folder of a policy. */
	if (!read_path(bprm, match))
		return 1;
	meet(match, MSEALD_TRIGGER_FILE, match->hash);
	return exec_meet_globs(match);
}

/* One level of the task's hierarchy; its path continues that of the levels above. */
__noinline int exec_meet_level(u32 level, struct match *match)
{
	struct cgroup *lowest, *above;

	if (!match)
		return 1;
	lowest = (void *)match->cgroup;
	if (bpf_core_read(&above, sizeof(above), &lowest->ancestors[level & (CGROUP_LEVELS_ROUND - 1)]) ||
	    bpf_probe_read_kernel_str(match->bytes, sizeof(match->bytes), BPF_CORE_READ(above, kn, name)) < 0)
		return 1;
	/* A unit is the name of one level. */
	match->hash = match->key == MSEALD_MATCH_CGROUP ? MSEALD_HASH_STEP(match->hash, '/') :
							  MSEALD_HASH_START;
	exec_hash_name(match);
	if (match->key == MSEALD_MATCH_CGROUP) {
		meet(match, MSEALD_TRIGGER_CGROUP, match->hash);
		return 0;
	}
	meet(match, MSEALD_TRIGGER_UNIT, match->hash);
	return exec_meet_globs(match);
}

static __always_inline void keep_path(struct match *match)
{
	if (match->path != PATH_IN_BYTES)
		return;
	__builtin_memcpy(match->facts.exe, match->bytes, sizeof(match->facts.exe));
	match->path = PATH_IN_FACTS;
}

/* Walks down the hierarchy to the task's cgroup. The root has level 0 and no name. */
__noinline int exec_meet_cgroup(struct match *match)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct cgroup *lowest = task->cgroups->dfl_cgrp;
	int level = lowest->level;

	if (!match)
		return 1;
	match->cgroup = (u64)lowest;
	/* Names of cgroups are read to the same place. */
	keep_path(match);
	match->hash = MSEALD_HASH_START;
	for (int i = 1; i <= CGROUP_LEVELS; i++) {
		if (i > level)
			return 0;
		if (exec_meet_level(i, match))
			return 1;
	}
	return 1; /* deeper than policies can name */
}

static __always_inline void read_file(struct linux_binprm *bprm, struct mseald_file *ret)
{
	struct inode *inode = BPF_CORE_READ(bprm, file, f_inode);
	struct inode___6_11 *newest = (void *)inode;
	struct inode___6_6 *newer = (void *)inode;
	struct inode___6_1 *old = (void *)inode;

	ret->inode = BPF_CORE_READ(inode, i_ino);
	ret->device = BPF_CORE_READ(inode, i_sb, s_dev);
	ret->generation = BPF_CORE_READ(inode, i_generation);
	if (bpf_core_field_exists(newest->i_ctime_sec)) {
		ret->changed_sec = BPF_CORE_READ(newest, i_ctime_sec);
		ret->changed_nsec = BPF_CORE_READ(newest, i_ctime_nsec);
	} else if (bpf_core_field_exists(newer->__i_ctime)) {
		ret->changed_sec = BPF_CORE_READ(newer, __i_ctime.tv_sec);
		ret->changed_nsec = BPF_CORE_READ(newer, __i_ctime.tv_nsec);
	} else {
		ret->changed_sec = BPF_CORE_READ(old, i_ctime.tv_sec);
		ret->changed_nsec = BPF_CORE_READ(old, i_ctime.tv_nsec);
	}
}

/* The map has the files that the daemon has already inspected. */
static __always_inline int meet_marked(struct linux_binprm *bprm, struct match *match)
{
	struct mseald_file file = {};
	u32 *marked;

	read_file(bprm, &file);
	marked = bpf_map_lookup_elem(&marks, &file);
	if (!marked)
		return 1;
	if (*marked)
		add_to(&match->met, &table_of(match)->all);
	return 0;
}

/* Rules out the policies that have the current key and do not name the program. False: no policy is left. */
static __always_inline bool narrow(struct match *match, enum mseald_match_key key)
{
	const struct mseald_policy_set *without = &table_of(match)->without[key];
	u64 any = 0;

	for (int i = 0; i < WORDS; i++) {
		match->left.bits[i] &= match->met.bits[i] | without->bits[i];
		any |= match->left.bits[i];
	}
	return any;
}

static __always_inline bool has(const struct mseald_policy_set *set, u32 policy)
{
	return set->bits[policy / 64 & (WORDS - 1)] >> (policy & 63) & 1;
}

/* Global, so that the verifier takes its result for any number and follows no path for each policy. */
__noinline u32 exec_first_left(struct match *match)
{
	u64 word = 0;
	u32 at;

	if (!match)
		return 0;
	for (at = 0; at < MSEALD_POLICY_BITS; at += 64) {
		word = match->left.bits[at / 64];
		if (word)
			break;
	}
	return word ? at + lowest_bit(word) : at;
}

/* The first policy left, unless a key that could not be read decides whether it applies. */
static __always_inline u32 decide(struct match *match)
{
	const struct mseald_match_table *table = table_of(match);
	u32 policy = exec_first_left(match);

	if (policy >= MSEALD_POLICY_BITS)
		return MSEALD_POLICY_BITS;
	for (u32 key = 0; key < MSEALD_MATCH_KEYS; key++)
		if (match->unknown >> key & 1 && !has(&table->without[key], policy))
			return MSEALD_POLICY_OPEN;
	if (has(&table->open, policy))
		return MSEALD_POLICY_OPEN;
	return has(&table->sealing, policy) ? policy : MSEALD_POLICY_BITS;
}

/* Does any policy that is left have this key? */
static __always_inline bool is_asked(const struct match *match, enum mseald_match_key key)
{
	const struct mseald_policy_set *without = &table_of(match)->without[key];
	u64 any = 0;

	for (int i = 0; i < WORDS; i++)
		any |= match->left.bits[i] & ~without->bits[i];
	return any;
}

/* Rules out policies by one key. False: no policy is left. */
static __always_inline bool match_key(struct linux_binprm *bprm, struct match *match,
				      enum mseald_match_key key)
{
	int unknown;

	if (!(table_of(match)->keys & 1u << key) || !is_asked(match, key))
		return true;
	match->key = key;
	match->met = (struct mseald_policy_set){};
	unknown = key == MSEALD_MATCH_EXE    ? meet_exe(bprm, match) :
		  key == MSEALD_MATCH_USER   ? meet_user(match) :
		  key == MSEALD_MATCH_MARKED ? meet_marked(bprm, match) :
					       exec_meet_cgroup(match);
	if (!unknown)
		return narrow(match, key);
	match->unknown |= 1u << key;
	return true;
}

/*
 * Index of the policy that applies to the program that the current task starts. MSEALD_POLICY_BITS: no policy
 * applies, or one that seals nothing. MSEALD_POLICY_OPEN: the daemon must find out.
 */
static __always_inline u32 match_policies(struct linux_binprm *bprm, struct match *match, u32 generation)
{
	u32 policy = MSEALD_POLICY_BITS;

	match->generation = generation;
	match->unknown = 0;
	match->path = PATH_UNKNOWN;
	match->left = table_of(match)->all;
	if (match_key(bprm, match, MSEALD_MATCH_USER) && match_key(bprm, match, MSEALD_MATCH_EXE) &&
	    match_key(bprm, match, MSEALD_MATCH_UNIT) && match_key(bprm, match, MSEALD_MATCH_CGROUP) &&
	    match_key(bprm, match, MSEALD_MATCH_MARKED))
		policy = decide(match);
	/* The daemon removes the triggers of an inactive generation, so a look-up may have missed one. */
	return *(volatile u32 *)&state.policies == generation ? policy : MSEALD_POLICY_OPEN;
}

/* --- the start of a program that a policy may apply to --- */

_Static_assert(MSEALD_POLICY_NAME == MSEALD_LABEL_TEXT && MSEALD_EXE_MAX == MSEALD_LABEL_TEXT,
	       "names of policies and paths of programs are as long as a label has them");

/*
 * Enters the seals' label, a policy and a program, into the map `labels`. Returns the number that
 * user/daemon/seal/labels.c gives this label; 0: the map is full.
 */
__noinline u64 exec_label(struct match *match, struct mseald_policy_seal *wanted)
{
	struct mseald_label *label;
	u64 number;

	if (!match || !wanted)
		return 0;
	number = MSEALD_LABEL_NUMBER(wanted->name_hash, match->path_hash);
	if (bpf_map_lookup_elem(&labels, &number))
		return number;
	(void)bpf_map_update_elem(&labels, &number, &no_label, BPF_NOEXIST);
	label = bpf_map_lookup_elem(&labels, &number);
	if (!label)
		return 0;
	bpf_probe_read_kernel(label->policy, sizeof(label->policy), wanted->name);
	/*
	 * Copies up to the NUL: bpf_d_path() leaves bytes behind it, and to the daemon the label
	 * would differ.
	 */
	bpf_probe_read_kernel_str(label->program, sizeof(label->program), match->facts.exe);
	return number;
}

enum begun {
	BEGUN_BY_DAEMON, /* the kernel cannot seal it */
	BEGUN_BY_BOTH,	 /* the daemon must seal what the policy wants besides */
	BEGUN_BY_KERNEL,
};

/* The kernel seals the program's objects from here on, as they are loaded. */
__noinline int exec_begin_start(u64 key, struct match *match)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct mseald_policy_seal *wanted;
	struct mseald_loading *loading;
	struct mseald_start *start;
	u32 index, position;

	if (!match)
		return BEGUN_BY_DAEMON;
	index = MSEALD_POLICY_SEAL(match->generation, match->facts.policy & (MSEALD_POLICY_BITS - 1));
	wanted = bpf_map_lookup_elem(&policy_seals, &index);
	/* pid 1 cannot be killed, and a tracer writes to the memory of its program. */
	if (!wanted || !(wanted->rule | wanted->data_rule) || task->tgid == 1 || task->ptrace)
		return BEGUN_BY_DAEMON;
	position = watch_start_take(key, false);
	start = start_at(position);
	if (!start)
		return BEGUN_BY_DAEMON;
	start->facts = match->facts;
	start->facts.flags = MSEALD_WATCHED_KERNEL;
	loading = &start->loading;
	__builtin_memset(loading, 0, __builtin_offsetof(struct mseald_loading, piece));
	loading->wanted = wanted->flags;
	loading->rule = wanted->rule;
	loading->data_rule = wanted->data_rule;
	loading->segments = wanted->segments;
	loading->label = exec_label(match, wanted);
	(void)watch_start_publish(key, position);
	__sync_fetch_and_add(&state.starts, 1);
	return wanted->flags & MSEALD_POLICY_MORE ? BEGUN_BY_BOTH : BEGUN_BY_KERNEL;
}

static __always_inline void note_facts(struct linux_binprm *bprm, struct mseald_watched *facts, u32 policy,
				       u32 generation)
{
	struct task_struct *task = bpf_get_current_task_btf();

	facts->since = bpf_ktime_get_boot_ns();
	facts->pid = task->tgid;
	facts->flags = 0;
	facts->policy = policy;
	facts->cgroup = bpf_get_current_cgroup_id();
	facts->user = task->cred->euid.val;
	facts->file = (struct mseald_file){};
	if (state.match[generation & 1].keys & 1u << MSEALD_MATCH_MARKED)
		read_file(bprm, &facts->file);
	/* While the generation is 0 the decision is open: no generation has this number. */
	*(volatile u32 *)&facts->generation = generation;
}

/* A policy applies to the program, or may apply. */
static __always_inline void begin(struct linux_binprm *bprm, struct match *match, u32 policy)
{
	struct task_struct *task = bpf_get_current_task_btf();
	u64 key = space_key(task->mm);
	int begun = BEGUN_BY_DAEMON;

	/* Hooks run twice while one daemon hands over to the next. */
	if (unlikely(is_watched(key)))
		return;
	if (match->path == PATH_UNKNOWN && !read_path(bprm, match)) {
		match->path_hash = MSEALD_HASH_START;
		match->facts.exe[0] = 0;
	}
	keep_path(match);
	note_facts(bprm, &match->facts, policy, match->generation);
	if (policy != MSEALD_POLICY_OPEN)
		begun = exec_begin_start(key, match);
	if (begun == BEGUN_BY_DAEMON && !watch(key, &match->facts))
		return;
	if (begun != BEGUN_BY_KERNEL)
		watch_send_event(MSEALD_EVENT_EXEC, key, bpf_get_current_pid_tgid() >> 32, 0);
}

SEC("lsm/bprm_committed_creds")
int BPF_PROG(mseald_match_exec, struct linux_binprm *bprm)
{
	u32 generation = *(volatile u32 *)&state.policies, policy;
	struct match *match;

	if (likely(!generation))
		return 0;
	match = take_workspace();
	if (!match) {
		/* The daemon looks at every process. */
		__sync_fetch_and_add(&state.lost_exec_events, 1);
		return 0;
	}
	policy = match_policies(bprm, match, generation);
	if (unlikely(policy != MSEALD_POLICY_BITS))
		begin(bprm, match, policy);
	give_workspace(match);
	return 0;
}
