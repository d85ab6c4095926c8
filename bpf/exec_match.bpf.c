// SPDX-License-Identifier: GPL-2.0-only
/*
 * Compares programs with the policies as they start (docs/design.md, Policies). Nothing is decided
 * here: a program that a trigger hits is watched, and an event tells the daemon to look at it.
 *
 *   lsm/bprm_committed_creds  exec: the new memory, credentials and cgroup are there, and nothing of
 *                             the program has run
 *   tp_btf/task_newtask       fork of an watched process: its child is watched, too
 *   syscall: mseald_watch, mseald_unwatch   the daemon watches an address space that it has found itself,
 *                             and unwatches one that it is done with
 *
 * send_relro_event() is called by lsm/file_mprotect (lsm_mm.bpf.c): a mapped file is made read-only,
 * which is how a loader ends its work on an object (PT_GNU_RELRO).
 *
 * After a loss - an event, an entry, a run of the second program - the daemon looks at every process.
 */
#include "exec_match.h"

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

/* A text that is hashed piece by piece; on the stack of the program that does it. */
struct text {
	char bytes[MSEALD_EXE_MAX];
	u64 hash;			/* of all of it so far */
	u64 name;			/* of the string in bytes */
	u32 kind;			/* the trigger to look for at each "/" or "@" */
	u32 hit;
};

static __always_inline bool wanted(enum mseald_trigger_kind kind)
{
	return state.triggers & 1u << kind;
}

static __always_inline bool hits(enum mseald_trigger_kind kind, u64 hash)
{
	struct mseald_trigger trigger = { .hash = hash, .kind = kind };
	u64 bit = MSEALD_TRIGGER_BIT(hash, kind);

	return state.trigger_bits[bit / 64 & (MSEALD_TRIGGER_BITS / 64 - 1)] >> (bit & 63) & 1 &&
	       bpf_map_lookup_elem(&triggers, &trigger);
}

#define STEP 8

/* Some bytes; 1 at the end. Global: the verifier looks at it once. */
__noinline int hash_some(u32 index, struct text *text)
{
	if (!text)
		return 1;
	for (u32 i = 0; i < STEP; i++) {
		u8 byte = text->bytes[(index * STEP + i) & (MSEALD_EXE_MAX - 1)];

		if (!byte)
			return 1;
		text->hash = MSEALD_HASH_STEP(text->hash, byte);
		text->name = MSEALD_HASH_STEP(text->name, byte);
		if (byte == '/' && text->kind == MSEALD_TRIGGER_FOLDER)
			text->hit |= hits(MSEALD_TRIGGER_FOLDER, text->hash);
		if (byte == '@' && text->kind == MSEALD_TRIGGER_TEMPLATE)
			text->hit |= hits(MSEALD_TRIGGER_TEMPLATE, text->name);
	}
	return 0;
}

/*
 * Global, so that the verifier looks at it once, and not at each level for each state that the levels
 * above may have left.
 */
__noinline int hash_name(struct text *text)
{
	if (!text)
		return 0;
	text->name = MSEALD_HASH_START;
	for (u32 i = 0; i < MSEALD_EXE_MAX / STEP; i++)
		if (hash_some(i, text))
			break;
	return 0;
}

/* A path that is too long to be read may be any. */
static __always_inline bool path_hits(struct linux_binprm *bprm, struct text *text)
{
	if (bpf_d_path(&bprm->file->f_path, text->bytes, sizeof(text->bytes)) < 0)
		return true;
	text->hash = MSEALD_HASH_START;
	text->kind = wanted(MSEALD_TRIGGER_FOLDER) ? MSEALD_TRIGGER_FOLDER : MSEALD_TRIGGER_FILE;
	hash_name(text);
	return text->hit || (wanted(MSEALD_TRIGGER_FILE) && hits(MSEALD_TRIGGER_FILE, text->hash));
}

/* One level of a hierarchy, whose name goes on from those above it in text; cgroup: address of the lowest. */
__noinline int level_hits(u64 cgroup, u32 level, struct text *text)
{
	struct cgroup *lowest = (void *)cgroup, *above;

	if (!text)
		return 1;
	if (bpf_core_read(&above, sizeof(above), &lowest->ancestors[level & (CGROUP_LEVELS_ROUND - 1)]) ||
	    bpf_probe_read_kernel_str(text->bytes, sizeof(text->bytes), BPF_CORE_READ(above, kn, name)) < 0)
		return 1;
	text->hash = MSEALD_HASH_STEP(text->hash, '/');
	hash_name(text);
	return text->hit || (wanted(MSEALD_TRIGGER_UNIT) && hits(MSEALD_TRIGGER_UNIT, text->name)) ||
	       (wanted(MSEALD_TRIGGER_CGROUP) && hits(MSEALD_TRIGGER_CGROUP, text->hash));
}

/* From the root of the hierarchy, which has level 0 and no name, down. */
static __always_inline bool cgroup_hits(struct task_struct *task, struct text *text)
{
	struct cgroup *cgroup = BPF_CORE_READ(task, cgroups, dfl_cgrp);
	int level = BPF_CORE_READ(cgroup, level);

	text->hash = MSEALD_HASH_START;
	text->kind = MSEALD_TRIGGER_TEMPLATE;
	if (level == 0)
		return wanted(MSEALD_TRIGGER_CGROUP) &&
		       hits(MSEALD_TRIGGER_CGROUP, MSEALD_HASH_STEP(text->hash, '/'));
	for (int i = 1; i <= CGROUP_LEVELS; i++) {
		if (i > level)
			return false;
		if (level_hits((u64)cgroup, i, text))
			return true;
	}
	return true;		/* deeper than policies can name */
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

/* Marked, or the daemon has not looked into it yet. */
static __always_inline bool may_be_marked(struct linux_binprm *bprm)
{
	struct mseald_file file = {};
	u32 *marked;

	read_file(bprm, &file);
	marked = bpf_map_lookup_elem(&marks, &file);
	return !marked || *marked;
}

static __always_inline bool any_hits(struct task_struct *task, struct linux_binprm *bprm)
{
	struct text text = {};

	if (wanted(MSEALD_TRIGGER_ALL))
		return true;
	if (wanted(MSEALD_TRIGGER_USER) && hits(MSEALD_TRIGGER_USER, BPF_CORE_READ(task, cred, euid.val)))
		return true;
	if (wanted(MSEALD_TRIGGER_MARKED) && may_be_marked(bprm))
		return true;
	if (state.triggers & (1u << MSEALD_TRIGGER_FILE | 1u << MSEALD_TRIGGER_FOLDER) &&
	    path_hits(bprm, &text))
		return true;
	return state.triggers & (1u << MSEALD_TRIGGER_UNIT | 1u << MSEALD_TRIGGER_TEMPLATE |
				 1u << MSEALD_TRIGGER_CGROUP) &&
	       cgroup_hits(task, &text);
}

static __always_inline void send_exec_event(enum mseald_event_type type, u64 key, u32 pid, u64 address)
{
	struct mseald_exec_event *event = bpf_ringbuf_reserve(&events, sizeof(*event), 0);

	if (!event) {
		__sync_fetch_and_add(&state.lost_exec_events, 1);
		return;
	}
	event->type = type;
	event->pid = pid;
	event->space = key;
	event->address = address;
	event->time = bpf_ktime_get_boot_ns();
	bpf_ringbuf_submit(event, 0);
}

SEC("lsm/bprm_committed_creds")
int BPF_PROG(mseald_match_exec, struct linux_binprm *bprm)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct mseald_watched *entry;
	u64 key;

	if (likely(!state.triggers) || likely(!any_hits(task, bprm)))
		return 0;
	key = space_key(task->mm);
	entry = watch(key, NULL);
	if (!entry)
		return 0;
	entry->cgroup = bpf_get_current_cgroup_id();
	entry->user = BPF_CORE_READ(task, cred, euid.val);
	if (wanted(MSEALD_TRIGGER_MARKED))
		read_file(bprm, &entry->file);
	if (bpf_d_path(&bprm->file->f_path, entry->exe, sizeof(entry->exe)) < 0)
		entry->exe[0] = 0;
	send_exec_event(MSEALD_EVENT_EXEC, key, task->tgid, 0);
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(mseald_match_fork, struct task_struct *child, unsigned long clone_flags)
{
	struct mseald_watched *entry;
	u64 key;

	if (clone_flags & CLONE_VM)
		return 0;
	key = space_key(bpf_get_current_task_btf()->mm);
	if (likely(!space_slot(key)->watched))
		return 0;
	entry = bpf_map_lookup_elem(&watched, &key);
	if (!entry)
		return 0;
	key = space_key(child->mm);
	entry = watch(key, entry);
	if (!entry)
		return 0;
	entry->flags |= MSEALD_WATCHED_FORKED;
	send_exec_event(MSEALD_EVENT_EXEC, key, child->tgid, 0);
	return 0;
}

/* An mprotect in a process whose slot says that some address space is watched; for lsm/file_mprotect. */
__noinline int send_relro_event(u64 key, u32 tgid, u64 start)
{
	if (bpf_map_lookup_elem(&watched, &key))
		send_exec_event(MSEALD_EVENT_RELRO, key, tgid, start);
	return 0;
}

SEC("syscall")
int mseald_watch(struct mseald_watch *request)
{
	u64 key = request->key;
	struct mseald_watched *entry = watch(key, NULL);

	if (!entry)
		return 0;
	entry->cgroup = request->watched.cgroup;
	entry->user = request->watched.user;
	entry->flags = request->watched.flags;
	__builtin_memcpy(entry->exe, request->watched.exe, sizeof(entry->exe));
	return 1;
}

SEC("syscall")
int mseald_unwatch(struct mseald_commit *request)
{
	u64 key = request->key;

	unwatch(key);
	return 0;
}
