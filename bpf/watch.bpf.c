// SPDX-License-Identifier: GPL-2.0-only
/*
 * See watch.h.
 *
 *   syscall: mseald_watch, mseald_unwatch  the daemon watches an address space that it has found or taken
 *                                          over, and unwatches it when it is done
 *
 * tp_btf/task_newtask (lifecycle.bpf.c) calls watch_child(): the child of a watched process is watched, too.
 * lsm/file_mprotect (exec_seal.bpf.c) calls watch_send_relro() when a mapped file is made read-only. A loader
 * does this last for each object (PT_GNU_RELRO).
 */
#include "watch.h"

/* --- `starts` ---
 *
 * An element is free as soon as its key is 0, although a thread of its program may still use it. Keys count
 * up, so it is not taken again before MSEALD_STARTS / 2 more address spaces have been made.
 *
 * The functions are global: then a position is any number to the verifier, and not one path for each probe.
 */

static __always_inline u64 *key_at(u64 key, u32 probe)
{
	return &state.start_keys[MSEALD_START_AT(key, probe)];
}

__noinline u32 watch_start_find(u64 key)
{
	return start_find_inline(key);
}

/* Since 6.2, which is older than programs of fentry that are preempted, and so skipped at an exit. */
extern struct task_struct *bpf_task_from_pid(s32 pid) __ksym __weak;
extern void bpf_task_release(struct task_struct *task) __ksym __weak;

/* Is the process gone? Its last program run was skipped then, and the daemon has not seen it yet. */
static __always_inline bool is_left_behind(u64 key, u32 position)
{
	struct mseald_start *start = start_at(position);
	struct task_struct *task;
	u64 now;

	if (!start || !bpf_task_from_pid)
		return false;
	task = bpf_task_from_pid((s32)start->facts.pid);
	if (!task)
		return true;
	now = mm_key_read(BPF_CORE_READ(task, mm));
	bpf_task_release(task);
	return now && now != key;
}

/* Takes the first place of the key from an address space that is gone. Out of line, because it is rare. */
__noinline u32 watch_start_take_over(u64 key, bool child)
{
	u32 at = MSEALD_START_AT(key, child);
	u64 old;

	/* The compiler would mask the sum in bytes, which the verifier does not follow. */
	asm volatile("%0 &= 2047" : "+r"(at));
	_Static_assert(MSEALD_STARTS == 2048, "the mask is that of the number of elements");
	old = *(volatile u64 *)&state.start_keys[at];
	if (!old || old == MSEALD_START_TAKEN || !is_left_behind(old, at + 1) ||
	    __sync_val_compare_and_swap(&state.start_keys[at], old, MSEALD_START_TAKEN) != old)
		return 0;
	__sync_fetch_and_add(&space_slot(old)->watched, -1);
	return at + 1;
}

__noinline u32 watch_start_take(u64 key, bool child)
{
#pragma clang loop unroll(disable)
	for (u32 i = child; i < MSEALD_START_PROBES; i += 1 + child)
		if (!*(volatile u64 *)key_at(key, i) &&
		    !__sync_val_compare_and_swap(key_at(key, i), 0, MSEALD_START_TAKEN))
			return MSEALD_START_AT(key, i) + 1;
	return watch_start_take_over(key, child);
}

__noinline int watch_start_publish(u64 key, u32 position)
{
	__sync_fetch_and_add(&space_slot(key)->watched, 1);
	__sync_val_compare_and_swap(&state.start_keys[(position - 1) & (MSEALD_STARTS - 1)],
				    MSEALD_START_TAKEN, key);
	return 0;
}

__noinline bool watch_start_give(u64 key)
{
	u32 position = watch_start_find(key);

	if (!position || __sync_val_compare_and_swap(&state.start_keys[(position - 1) & (MSEALD_STARTS - 1)],
						     key, 0) != key)
		return false;
	__sync_fetch_and_add(&space_slot(key)->watched, -1);
	return true;
}

/* --- events --- */

__noinline int watch_send_event(u32 type, u64 key, u32 pid, u64 address)
{
	struct mseald_exec_event *event = bpf_ringbuf_reserve(&events, sizeof(*event), 0);

	if (!event) {
		__sync_fetch_and_add(&state.lost_exec_events, 1);
		return 0;
	}
	event->type = type;
	event->pid = pid;
	event->space = key;
	event->address = address;
	event->time = bpf_ktime_get_boot_ns();
	bpf_ringbuf_submit(event, 0);
	return 0;
}

__noinline int watch_send_relro(u64 key, u32 tgid, u64 address)
{
	return is_watched(key) ? watch_send_event(MSEALD_EVENT_RELRO, key, tgid, address) : 0;
}

/* --- fork --- */

static __always_inline void child_facts(struct mseald_watched *facts, u32 pid)
{
	facts->flags |= MSEALD_WATCHED_FORKED;
	facts->since = bpf_ktime_get_boot_ns();
	facts->pid = pid;
}

/* A child continues loading where its parent was; false: there is no room. */
static __always_inline bool start_child(const struct mseald_start *parent, u64 key, u32 pid)
{
	u32 position = watch_start_take(key, true);
	struct mseald_start *start = start_at(position);

	if (!start)
		return false;
	bpf_probe_read_kernel(start, sizeof(*start), parent);
	child_facts(&start->facts, pid);
	(void)watch_start_publish(key, position);
	return true;
}

__noinline int watch_child(u64 parent, u64 key, u32 pid)
{
	struct mseald_start *start = start_of(parent);
	struct mseald_watched *facts;

	/* Hooks run twice while one daemon hands over to the next. */
	if (is_watched(key) || (start && start_child(start, key, pid)))
		return 0;
	facts = start ? &start->facts : bpf_map_lookup_elem(&watched, &parent);
	if (facts)
		facts = watch(key, facts);
	if (!facts)
		return 0;
	facts->flags &= ~MSEALD_WATCHED_KERNEL;
	child_facts(facts, pid);
	return watch_send_event(MSEALD_EVENT_EXEC, key, pid, 0);
}

/* --- for the daemon --- */

/* The kernel goes on sealing what the program loads, as long as nobody but programs has made its seals. */
static __always_inline bool kernel_seals_on(u64 key)
{
	struct mseald_space *space = bpf_map_lookup_elem(&spaces, &key);

	return space && is_pooled(MSEALD_WORD_SET(*(volatile u64 *)&space->word));
}

SEC("syscall")
int mseald_watch(struct mseald_watch *request)
{
	u64 key = request->key;
	struct mseald_watched *entry;

	if (request->watched.flags & MSEALD_WATCHED_STARTED && kernel_seals_on(key))
		return 1;
	entry = watch(key, NULL);
	if (!entry)
		return 0;
	entry->cgroup = request->watched.cgroup;
	entry->user = request->watched.user;
	entry->flags = request->watched.flags;
	entry->policy = request->watched.policy;
	entry->generation = request->watched.generation;
	entry->since = request->watched.since;
	entry->pid = request->watched.pid;
	__builtin_memcpy(entry->exe, request->watched.exe, sizeof(entry->exe));
	/* The address space ended meanwhile, which freed the element of `starts` only. */
	if (request->watched.flags & MSEALD_WATCHED_STARTED && !watch_start_give(key))
		unwatch(key);
	return 1;
}

SEC("syscall")
int mseald_unwatch(struct mseald_commit *request)
{
	u64 key = request->key;

#ifdef MSEALD_KEYS_RETURN
	struct mseald_start *start = start_of(key);
	struct mseald_watched *facts = start ? &start->facts : bpf_map_lookup_elem(&watched, &key);

	/* Watched since the daemon last saw it: a later address space with the key. */
	if (facts && facts->since > request->born)
		return 0;
#endif
	unwatch(key);
	return 0;
}
