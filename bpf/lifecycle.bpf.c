// SPDX-License-Identifier: GPL-2.0-only
/*
 * The life of a sealed address space.
 *
 *   lsm/task_alloc             fork: marks the child with its parent's seal set. Over quota (quota.h) the
 *                              fork fails with EAGAIN, with a kill pending with EPERM. A task whose own
 *                              fork is pending cannot share its memory: EAGAIN
 *   fentry/alloc_pid           kills a fork that was under way as the kill became pending: it may have
 *                              copied the changed memory
 *   fexit/kernel_clone         kills the parent of a vfork with a kill pending
 *   tp_btf/task_newtask        the child has its mm and has not run: its entry replaces the mark
 *   lsm/bprm_committing_creds  exec: drops the mark of a child whose fork is still pending
 *   lsm/bprm_creds_for_exec    exec, with MSEALD_KEYS_RETURN: removes what an earlier address space with the
 *                              key of the new one, which nobody runs in yet, has left
 *   lsm/task_free              drops the mark of a child that never ran, or ended without an entry
 *   fentry/exit_mmap           the address space is gone: exit, and exec
 *
 * Programs that are not LSM hooks can be raced (docs/design/gates.md, "Races"). Then a child keeps its mark,
 * an entry stays until the daemon collects it, and the kill is pending in the child as well.
 */
#include "bits.h"
#include "watch.h"
#include "verdict.h"

/* Has a gate killed for a call in this address space that happened all the same? */
static __always_inline bool is_kill_pending(u64 key)
{
	return unlikely(*(volatile u64 *)&state.kill_pending) && space_flags(key) & MSEALD_SPACE_KILL_PENDING;
}

/* The same in the current task's. */
static __always_inline bool is_own_kill_pending(void)
{
	return unlikely(*(volatile u64 *)&state.kill_pending) && is_kill_pending(own_key());
}

/* Marks a child with this set. Returns 0, or the error of the fork. */
static __always_inline int mark_child(struct task_struct *child, struct mseald_pending_fork fork)
{
	struct mseald_pending_fork *mark;
	u64 name = (u64)child;
	bool referred;

	/*
	 * While one daemon hands over to the next this program runs twice. A mark that was taken is of an
	 * earlier task: the kernel can fail to delete it (rqspinlock, since 6.15).
	 */
	mark = bpf_map_lookup_elem(&pending_forks, &name);
	if (mark && !(*(volatile u64 *)&mark->number & MSEALD_FORK_TAKEN))
		return 0;
	fork.number = __sync_fetch_and_add(&state.last_fork, 2) + 2;
	fork.account = account_of(bpf_get_current_task_btf());
	if (!space_reserve(&fork.account, true)) {
		__sync_fetch_and_add(&state.forks_refused, 1);
		return -EAGAIN;
	}
	referred = set_get(fork.set);
	if (!referred) {
		/* The set was replaced just now: the entry has the new one already. */
		fork.set = current_set(fork.parent);
		referred = fork.set && fork.set < MSEALD_MAX_SETS &&
			   (is_pooled(fork.set) || set_get(fork.set));
	}
	if (!referred) {
		space_unreserve(fork.account);
		return -EAGAIN;
	}
	__sync_fetch_and_add(&state.pending_forks, 1);
	if (bpf_map_update_elem(&pending_forks, &name, &fork, BPF_ANY)) {
		__sync_fetch_and_add(&state.pending_forks, -1);
		__sync_fetch_and_add(&state.forks_refused, 1);
		set_put(fork.set);
		space_unreserve(fork.account);
		return -EAGAIN;
	}
	return 0;
}

SEC("lsm/task_alloc")
int BPF_PROG(mseald_task_alloc, struct task_struct *child, unsigned long clone_flags)
{
	u64 key = space_key(bpf_get_current_task_btf()->mm), self = bpf_get_current_task();
	u32 set = current_set_finished(key);
	int r = 0;

	if (likely(!set))
		return 0;
	if (unlikely(is_kill_pending(key)))
		r = -EPERM;
	else if (!(clone_flags & CLONE_VM))
		r = mark_child(child, (struct mseald_pending_fork){ .parent = key, .set = set });
	else if (unlikely(space_fork_is_pending(&self)))
		r = -EAGAIN;
	set_let_go(set);
	return r;
}

/*
 * Runs between the copy of the memory and the last check for a fatal signal, after which the fork succeeds
 * (kernel/fork.c, copy_process). The kill becomes pending before the change that a copy may contain.
 */
SEC("fentry/alloc_pid")
int BPF_PROG(mseald_kill_fork)
{
	if (is_own_kill_pending())
		bpf_send_signal(SIGKILL);
	return 0;
}

SEC("fexit/kernel_clone")
int BPF_PROG(mseald_kill_vfork)
{
	if (is_own_kill_pending())
		bpf_send_signal(SIGKILL);
	return 0;
}

#ifdef MSEALD_KEYS_RETURN
/* Removes what is left of an earlier address space with the key of one that is made at this time. */
static __always_inline void forget_earlier(u64 key, u64 time)
{
	if (unlikely(*(volatile u32 *)&space_slot(key)->count))
		space_remove_older(key, time);
	if (unlikely(space_watched(key)))
		unwatch(key);
}

SEC("lsm/bprm_creds_for_exec")
int BPF_PROG(mseald_exec_begin, struct linux_binprm *bprm)
{
	forget_earlier(space_key(bprm->mm), bpf_ktime_get_boot_ns());
	return 0;
}
#endif

static __always_inline void space_count_clone(u64 key)
{
	struct mseald_space *space = bpf_map_lookup_elem(&spaces, &key);

	if (space)
		__sync_fetch_and_add(&space->flags, MSEALD_SPACE_CLONE);
}

SEC("tp_btf/task_newtask")
int BPF_PROG(mseald_task_newtask, struct task_struct *child, unsigned long clone_flags)
{
	u64 name = (u64)child, key = space_key(child->mm), parent;

	/* By now a look at all tasks finds it. Before, its parent, which has not left this call yet. */
	if (clone_flags & CLONE_VM) {
		if (unlikely(*(volatile u32 *)&space_slot(key)->count))
			space_count_clone(key);
		return 0;
	}
	parent = space_key(bpf_get_current_task_btf()->mm);
#ifdef MSEALD_KEYS_RETURN
	forget_earlier(key, child->start_boottime);
#endif
	if (unlikely(*(volatile u64 *)&state.pending_forks))
		(void)space_fork_finish(&name, key);
	if (unlikely(space_watched(parent)))
		(void)watch_child(parent, key, child->tgid);
	return 0;
}

SEC("lsm/bprm_committing_creds")
int BPF_PROG(mseald_exec, struct linux_binprm *bprm)
{
	u64 name;

	if (likely(!*(volatile u64 *)&state.pending_forks))
		return 0;
	name = bpf_get_current_task();
	space_fork_abandon(&name);
	return 0;
}

SEC("lsm/task_free")
int BPF_PROG(mseald_task_free, struct task_struct *task)
{
	u64 name = (u64)task;

	if (unlikely(*(volatile u64 *)&state.pending_forks))
		space_fork_abandon(&name);
	return 0;
}

/*
 * Counts a program that the kernel seals and that ended before the kernel or the daemon had sealed all of it.
 */
__noinline int lifecycle_count_ended(u64 key)
{
	struct mseald_start *start = start_of(key);
	struct mseald_space *space;
	u64 why;
	u32 set;

	if (!start)
		return 0;
	why = start->loading.flags >> MSEALD_LOADING_LEFT_SHIFT & ((1u << MSEALD_LEFT_COUNT) - 1);
	if (likely(!why && start->loading.flags & MSEALD_LOADING_PROGRAM))
		return 0;
	space = bpf_map_lookup_elem(&spaces, &key);
	set = space ? MSEALD_WORD_SET(space->word) : 0;
	/* A set outside of the pool is made by the daemon, which adds all missing seals. */
	if (start->facts.flags & MSEALD_WATCHED_FORKED || (set && !is_pooled(set)))
		return 0;
	why = why ? lowest_bit(why) : MSEALD_LEFT_COUNT;
	asm volatile("" : "+r"(why));
	if (why <= MSEALD_LEFT_COUNT)
		__sync_fetch_and_add(&state.ended[why], 1);
	return 0;
}

SEC("fentry/exit_mmap")
int BPF_PROG(mseald_exit_mmap, struct mm_struct *mm)
{
	u64 key = space_key(mm);
	bool is_watched = space_watched(key);

	if (unlikely(is_watched))
		(void)lifecycle_count_ended(key);
	if (unlikely(*(volatile u32 *)&space_slot(key)->count))
		space_remove(key, 0);
	if (unlikely(is_watched))
		unwatch(key);
	return 0;
}
