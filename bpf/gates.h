/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What each call that has no LSM hook would touch. Used by both kinds of gate:
 * override.bpf.c (the call fails) and kill.bpf.c (the caller dies). Each takes
 * the registers of the call, whether they are 32-bit ones, and the means of
 * the gate; nonzero: the call must not succeed.
 *
 * Where the kernel itself would refuse a call (unaligned, over the end) the
 * gate lets it: nobody is killed for an EINVAL.
 */
#ifndef MSEALD_BPF_GATES_H
#define MSEALD_BPF_GATES_H

#include "abi.h"
#include "verdict.h"

#define MREMAP_FIXED 2
#define IPC_SHMDT 22		/* include/uapi/linux/ipc.h */
#define LEAST_TASK_SIZE (1ULL << 32)

struct task_struct___compat_brk {
	unsigned brk_randomized : 1;
} __attribute__((preserve_access_index));

/* Advice that throws contents away or detaches them, or may (mm/madvise.c; 7.x takes all in process_madvise). */
static __always_inline bool advice_matters(u32 advice)
{
	switch (advice) {
	case 4:		/* MADV_DONTNEED */
	case 8:		/* MADV_FREE */
	case 9:		/* MADV_REMOVE */
	case 18:	/* MADV_WIPEONFORK */
	case 24:	/* MADV_DONTNEED_LOCKED */
	case 100:	/* MADV_HWPOISON */
	case 101:	/* MADV_SOFT_OFFLINE */
	case 102:	/* MADV_GUARD_INSTALL */
		return true;
	case 10:	/* MADV_DONTFORK */
	case 11:	/* MADV_DOFORK */
		return true;
	default:
		return false;
	}
}

/*
 * What a seal must stop for this advice to be denied; 0: it is harmless.
 * MADV_DONTFORK keeps the memory from children, writable or not: they would be
 * born with a hole. MADV_DOFORK gives it to them again, where the seals do not
 * hold because it was sealed as what they do not have. MADV_HWPOISON and
 * MADV_SOFT_OFFLINE take the page itself away, which no write does.
 */
static __always_inline u32 advice_stops(u64 key, u32 advice)
{
	if (likely(advice < 10))
		return MSEALD_STOP_DISCARD;
	if (advice == 10 || advice == 100 || advice == 101)
		return MSEALD_STOP_DISCARD | MSEALD_STOP_UNMAP;
	if (advice == 11)
		return seals_flags(current_set(key)) & MSEALD_SEAL_DONTFORK ? MSEALD_STOP_DISCARD | MSEALD_STOP_UNMAP : 0;
	return MSEALD_STOP_DISCARD;
}

/* What mseal(2) refuses to do to anonymous memory that is not writable (is_discard of mm/madvise.c). */
static __always_inline bool advice_refused_natively(u32 advice)
{
	return advice != 11 && advice != 100 && advice != 101;
}

/*
 * Of a gate that can only kill: does the kernel refuse the whole call for any
 * sealed mapping in it, or mapping by mapping?
 */
#define OR_NATIVE_ANY(means) ((means) == MEANS_KILL ? ATTEMPT_NATIVE_ANY : 0)
#define OR_NATIVE_ALL(means) ((means) == MEANS_KILL ? ATTEMPT_NATIVE_ALL : 0)

static __always_inline bool unaligned(u64 address)
{
	return address & (MSEALD_PAGE - 1);
}

/*
 * munmap and mremap refuse such a range before they look at it; mprotect and
 * madvise do not. A 32-bit process moves its own limit, up to 4 GiB, by
 * personality(ADDR_LIMIT_3GB) (arch/x86/include/asm/page_64_types.h,
 * IA32_PAGE_OFFSET); task_size is what it was at exec.
 */
static __always_inline bool beyond_user(const struct mm_struct *mm, u64 start, u64 length)
{
	u64 limit = mm->task_size;

	if (unlikely(limit < LEAST_TASK_SIZE))
		limit = LEAST_TASK_SIZE;
	return start > limit || length > limit - start;
}

static __always_inline int gate_munmap(const struct pt_regs *regs, bool compat, u32 means)
{
	struct task_struct *task = bpf_get_current_task_btf();
	u64 key = space_key(task->mm);
	u64 start, length;

	if (likely(space_unsealed(key)))
		return 0;
	start = untagged(task->mm, regs_arg(regs, compat, 0));
	length = regs_arg(regs, compat, 1);
	if (likely(in_gap(key, start, length)) || unaligned(start) || beyond_user(task->mm, start, length))
		return 0;
	return verdict_on(key, start, length,
			  ATTEMPT(MSEALD_OP_MUNMAP, MSEALD_STOP_UNMAP, means) | OR_NATIVE_ANY(means));
}

/*
 * The bytes that mremap takes for this length if the source is on hugetlb,
 * which it may be whenever both ends are aligned to a huge page: mm/mremap.c
 * rounds up to it. Not asked of the VMA, which may change until it is taken.
 */
static __always_inline u64 huge_length(u64 source, u64 target, u64 length)
{
	u64 both = source | target;

	if (!(both & ((1ULL << 30) - 1)))
		return (length ? length + (1ULL << 30) - 1 : 1ULL << 30) & ~((1ULL << 30) - 1);
	if (!(both & ((1ULL << 21) - 1)))
		return (length ? length + (1ULL << 21) - 1 : 1ULL << 21) & ~((1ULL << 21) - 1);
	return length ? length : MSEALD_PAGE;
}

/* The source, whatever is done to it, and the target of MREMAP_FIXED, which is unmapped first. */
static __always_inline int gate_mremap(const struct pt_regs *regs, bool compat, u32 means)
{
	const u32 attempt = ATTEMPT(MSEALD_OP_MREMAP, MSEALD_STOP_UNMAP, means) | OR_NATIVE_ANY(means);
	struct task_struct *task = bpf_get_current_task_btf();
	u64 key = space_key(task->mm);
	u64 start, target, length;

	if (likely(space_unsealed(key)))
		return 0;
	start = untagged(task->mm, regs_arg(regs, compat, 0));
	length = regs_arg(regs, compat, 1);
	if (unaligned(start) || beyond_user(task->mm, start, length))
		return 0;
	/* Old length 0 makes a second mapping of the pages there. */
	if (seals_flags(current_set(key)) & MSEALD_SEAL_HUGETLB)
		length = huge_length(start, start, length);
	if (verdict_on(key, start, length ? length : MSEALD_PAGE, attempt))
		return 1;
	if (!(regs_arg(regs, compat, 3) & MREMAP_FIXED))
		return 0;
	target = regs_arg(regs, compat, 4);
	length = regs_arg(regs, compat, 2);
	if (unaligned(target) || beyond_user(task->mm, target, length))
		return 0;
	return verdict_on(key, target, huge_length(start, target, length), attempt);
}

static __always_inline int gate_madvise_range(u64 key, u64 start, u64 length, u32 advice, u32 means, u32 again)
{
	if (likely(space_unsealed(key)) || !advice_matters(advice) || unaligned(start))
		return 0;
	if (advice_refused_natively(advice))
		again |= OR_NATIVE_ALL(means);
	return verdict_on(key, start, length,
			  ATTEMPT(MSEALD_OP_MADVISE, advice_stops(key, advice), means) | again);
}

static __always_inline int gate_madvise(const struct pt_regs *regs, bool compat, u32 means)
{
	struct task_struct *task = bpf_get_current_task_btf();

	return gate_madvise_range(space_key(task->mm), untagged(task->mm, regs_arg(regs, compat, 0)),
				  regs_arg(regs, compat, 1), regs_arg(regs, compat, 2), means, 0);
}

/* The ranges are in user memory and may change until the kernel reads them: any seal counts. */
static __always_inline int gate_process_madvise(const struct pt_regs *regs, bool compat, u32 means)
{
	struct task_struct *task = bpf_get_current_task_btf();
	u32 advice = regs_arg(regs, compat, 3);
	u64 key = space_key(task->mm);

	if (likely(space_unsealed(key)) || !advice_matters(advice))
		return 0;
	return verdict_on(key, 0, MSEALD_ADDRESS_LIMIT,
			  ATTEMPT(MSEALD_OP_PROCESS_MADVISE, advice_stops(key, advice), means) |
			  (advice_refused_natively(advice) ? OR_NATIVE_ALL(means) : 0));
}

/* Below this brk() does nothing but tell the break: brk(0) is how that is asked for. */
static __always_inline u64 least_break(const struct mm_struct *mm)
{
	/* With CONFIG_COMPAT_BRK it may be the end of data. */
	if (bpf_core_field_exists(struct task_struct___compat_brk, brk_randomized) && mm->end_data < mm->start_brk)
		return mm->end_data;
	return mm->start_brk;
}

/* Shrinks: unmaps from the new break to the old one (mm/mmap.c). PR_SET_MM cannot move it meanwhile: lsm/task_prctl. */
static __always_inline int gate_brk(const struct pt_regs *regs, bool compat, u32 means)
{
	struct task_struct *task = bpf_get_current_task_btf();
	u64 key = space_key(task->mm);
	u64 start = regs_arg(regs, compat, 0), end;

	if (likely(space_unsealed(key)) || start < least_break(task->mm))
		return 0;
	start = (start + MSEALD_PAGE - 1) & ~(MSEALD_PAGE - 1);
	end = (task->mm->brk + MSEALD_PAGE - 1) & ~(MSEALD_PAGE - 1);
	if (start >= end)
		return 0;
	return verdict_on(key, start, end - start,
			  ATTEMPT(MSEALD_OP_BRK, MSEALD_STOP_UNMAP, means) | OR_NATIVE_ANY(means));
}

/* The number of a pid in its own namespace: what its process calls itself. */
static __always_inline u32 own_number(struct pid *pid)
{
	void *last = pid->numbers;
	u32 number = 0;

	last += (u64)BPF_CORE_READ(pid, level) * bpf_core_type_size(struct upid);
	bpf_core_read(&number, sizeof(number), &((struct upid *)last)->nr);
	return number;
}

/*
 * Writing to oneself: for another's memory lsm/ptrace_access_check is asked,
 * not for one's own (kernel/fork.c, mm_access). The ranges are in user memory,
 * so any seal counts. Own threads by their number, and whoever else shares the
 * memory, are left to fentry/mm_access.
 */
static __always_inline int gate_process_vm_writev(const struct pt_regs *regs, bool compat, u32 means)
{
	struct task_struct *task = bpf_get_current_task_btf();
	u32 pid = regs_arg(regs, compat, 0);
	u64 key = space_key(task->mm);
	struct signal_struct *signal;

	if (likely(space_unsealed(key)))
		return 0;
	signal = BPF_CORE_READ(task, signal);
	if (pid != own_number(BPF_CORE_READ(task, thread_pid)) &&
	    pid != own_number(BPF_CORE_READ(signal, pids[1])))
		return 0;
	return verdict_on(key, 0, MSEALD_ADDRESS_LIMIT,
			  ATTEMPT(MSEALD_OP_PROCESS_VM_WRITEV, MSEALD_STOP_FOREIGN_WRITE, means));
}

struct shm_search {
	u64 address, start, end;
	u32 set;
	bool unreadable;
};

static long shm_seal(u32 index, struct shm_search *search)
{
	u32 at = index / MSEALD_FANOUT, slot = index % MSEALD_FANOUT, zero = 0;
	struct mseald_node *node;
	void *seals;

	seals = bpf_map_lookup_elem(&sets, &search->set);
	node = seals ? bpf_map_lookup_elem(seals, &zero) : NULL;
	if (!node) {
		search->unreadable = true;
		return 1;
	}
	at += node->depth == 0 ? MSEALD_LEVEL_0 : node->depth == 1 ? MSEALD_LEVEL_1 : MSEALD_LEVEL_2;
	node = bpf_map_lookup_elem(seals, &at);
	if (!node || node->start[slot] == MSEALD_NO_START)
		return 1;
	if (node->rule[slot] >> MSEALD_RULE_FLAGS_SHIFT & MSEALD_SEAL_SHM &&
	    node->start[slot] - (u64)node->pgoff[slot] * MSEALD_PAGE == search->address) {
		search->start = node->start[slot];
		search->end = node->end[slot];
		return 1;
	}
	return 0;
}

/* Detaches the segment attached at the address, so only seals on segments matter (ipc/shm.c, ksys_shmdt). */
static __always_inline int gate_detach(u64 address, u32 means)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct shm_search search = {};
	u64 key = space_key(task->mm);
	struct mseald_node *root;
	void *seals;
	u32 zero = 0;

	if (likely(space_unsealed(key)))
		return 0;
	search.set = current_set(key);
	if (!search.set)
		return 0;
	seals = bpf_map_lookup_elem(&sets, &search.set);
	root = seals ? bpf_map_lookup_elem(seals, &zero) : NULL;
	if (root && !(root->flags & MSEALD_SEAL_SHM))
		return 0;
	search.address = address;
	bpf_loop(MSEALD_MAX_SEALS, shm_seal, &search, 0);
	if (unlikely(search.unreadable))
		return verdict_in(key, 0, MSEALD_ADDRESS_LIMIT, search.set,
				  ATTEMPT(MSEALD_OP_SHMDT, MSEALD_STOP_UNMAP, means));
	return verdict_on(key, search.start, search.end - search.start,
			  ATTEMPT(MSEALD_OP_SHMDT, MSEALD_STOP_UNMAP, means) | OR_NATIVE_ALL(means));
}

static __always_inline int gate_shmdt(const struct pt_regs *regs, bool compat, u32 means)
{
	return gate_detach(regs_arg(regs, compat, 0), means);
}

/* i386: the number of the call is in the lower half of the first argument (ipc/syscall.c). */
static __always_inline int gate_ipc(const struct pt_regs *regs, bool compat, u32 means)
{
	return (regs_arg(regs, compat, 0) & 0xffff) == IPC_SHMDT ? gate_detach(regs_arg(regs, compat, 4), means) : 0;
}

#endif
