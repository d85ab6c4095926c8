/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The ranges of the calls without an LSM hook, for both kinds of gate: gate_override.bpf.c (the call fails)
 * and gate_kill.bpf.c (the caller is killed). Each function takes the registers of the call, whether they are
 * 32-bit ones, and the reaction that the gate can carry out. Nonzero: the call must not succeed.
 *
 * A call that the kernel refuses before it changes anything gets the kernel's own error, so that an EINVAL
 * kills no process. This must hold in every version, for every argument; where in doubt, the call is judged.
 */
#pragma once

#include "syscall.h"
#include "hugetlb.h"
#include "verdict.h"

#define LARGEST_PAGE_MASK ((1ULL << HUGE_SHIFT_MAX) - 1)

struct task_struct___compat_brk {
	unsigned brk_randomized : 1;
} __attribute__((preserve_access_index));

/*
 * Advice that is judged, by its effect (mm/madvise.c; 7.x takes all advice in process_madvise):
 *
 *   discard            throws contents away
 *   discard and unmap  takes the page itself away, which no write does; or keeps the memory from children,
 *                      which would start with a hole
 *   guard pages        are installed and removed: both change access as mprotect does
 */
static __always_inline bool advice_matters(u32 advice)
{
	switch (advice) {
	case MADV_DONTNEED:
	case MADV_FREE:
	case MADV_REMOVE:
	case MADV_WIPEONFORK:
	case MADV_DONTNEED_LOCKED:
	case MADV_HWPOISON:
	case MADV_SOFT_OFFLINE:
	case MADV_GUARD_INSTALL:
	case MADV_GUARD_REMOVE: return true;
	case MADV_DONTFORK:
	case MADV_DOFORK: return true;
	default: return false;
	}
}

/* Has any seal of the address space one of these flags (MSEALD_SEAL_*)? */
static __always_inline bool has_flagged(u64 key, u32 flags)
{
	u32 set = current_set(key), all = set ? seals_flags(set) : 0;

	set_let_go(set);
	return all & flags;
}

/*
 * The deny bits for this advice; 0: it is harmless. MADV_DOFORK gives memory back to children. Seals on
 * memory that was MADV_DONTFORK do not hold in children.
 */
static __always_inline u32 advice_deny(u64 key, u32 advice)
{
	if (likely(advice < MADV_DONTFORK))
		return MSEALD_DENY_DISCARD;
	if (advice == MADV_DONTFORK || advice == MADV_HWPOISON || advice == MADV_SOFT_OFFLINE)
		return MSEALD_DENY_DISCARD | MSEALD_DENY_UNMAP;
	if (advice == MADV_DOFORK)
		return has_flagged(key, MSEALD_SEAL_DONTFORK) ? MSEALD_DENY_DISCARD | MSEALD_DENY_UNMAP : 0;
	if (advice == MADV_GUARD_REMOVE)
		return MSEALD_DENY_MPROTECT;
	return advice == MADV_GUARD_INSTALL ? MSEALD_DENY_DISCARD | MSEALD_DENY_MPROTECT :
					      MSEALD_DENY_DISCARD;
}

/*
 * Advice that mseal(2) refuses on anonymous memory that is not writable (is_discard of mm/madvise.c of 6.12,
 * of mm/mseal.c of 6.18).
 */
static __always_inline bool advice_refused_natively(u32 advice)
{
	return advice != MADV_DOFORK && advice != MADV_HWPOISON && advice != MADV_SOFT_OFFLINE &&
	       advice != MADV_GUARD_REMOVE;
}

/* A gate that can only kill leaves calls to the kernel that mseal(2) makes fail. */
#define OR_NATIVE(reaction) ((reaction) == REACTION_KILL ? ATTEMPT_NATIVE : 0)

static __always_inline bool unaligned(u64 address)
{
	return address & (MSEALD_PAGE - 1);
}

/*
 * munmap refuses such a range before it looks at the mappings (mm/mmap.c, do_mas_munmap, of 6.1;
 * do_vmi_munmap of 6.12, mm/vma.c of 7.3). No other call does.
 */
static __always_inline bool beyond_user(const struct mm_struct *mm, u64 start, u64 length)
{
	u64 limit = mm_user_limit(mm);

	return start > limit || length > limit - start;
}

static __always_inline int gate_munmap(const struct pt_regs *regs, bool compat, u32 reaction)
{
	const struct mm_struct *mm = bpf_get_current_task_btf()->mm;
	u64 key = space_key(mm);
	u64 start, length;

	if (likely(space_unsealed(key)))
		return 0;
	start = untagged(mm, regs_arg(regs, compat, 0));
	length = regs_arg(regs, compat, 1);
	if (likely(in_gap(key, start, length)) || unaligned(start) || beyond_user(mm, start, length))
		return 0;
	return verdict_on(key, start, length,
			  ATTEMPT(MSEALD_OP_MUNMAP, MSEALD_DENY_UNMAP, reaction) | OR_NATIVE(reaction));
}

static __always_inline int judge_mremap(const struct pt_regs *regs, bool compat, u32 reaction, u64 key,
					u32 set, u64 start)
{
	u64 old = pages_of(regs_arg(regs, compat, 1)), new = regs_arg(regs, compat, 2);
	bool fixed = regs_arg(regs, compat, 3) & MREMAP_FIXED;
	bool huge = space_flags(key) & MSEALD_SPACE_HUGETLB, from;
	u32 attempt = ATTEMPT(MSEALD_OP_MREMAP, MSEALD_DENY_UNMAP, reaction);
	struct touched touched = { .start = start, .end = range_end(start, old ? old : new) };

	if (fixed) {
		touched.target_start = regs_arg(regs, compat, 4) & ~(MSEALD_PAGE - 1);
		touched.target_end = range_end(touched.target_start, new);
	}
	if (unlikely(huge)) {
		u64 aligned = fixed ? start ^ touched.target_start : start;

		/*
		 * Without a target, huge pages only shrink (mm/mremap.c, align_hugetlb). They keep the one
		 * that the new length ends in.
		 */
		touched.end = huge_end(fixed ? start : start + new, touched.end, aligned);
		if (fixed)
			touched.target_end = huge_end(touched.target_start, touched.target_end, aligned);
	}
	from = verdict_seals_meet_called(set, start, touched.end, MSEALD_DENY_UNMAP);
	if (!from && !(fixed && verdict_seals_meet_called(set, touched.target_start, touched.target_end,
							  MSEALD_DENY_UNMAP)))
		return 0;
	/*
	 * An old length of 0, also by rounding, makes a second mapping of that memory, with the new length.
	 * mseal(2) checks the first page only, so it denies such a call only if that page is sealed.
	 */
	if (!from || (old && !(huge && old > MSEALD_ADDRESS_LIMIT)) ||
	    seals_rule(set, start) >> MSEALD_RULE_FLAGS_SHIFT & MSEALD_SEAL_NATIVE)
		attempt |= OR_NATIVE(reaction);
	return verdict_on_both(key, set, attempt, &touched);
}

/*
 * Judges two ranges together: the source, which every mremap changes, and the target of MREMAP_FIXED, which
 * is unmapped before the kernel looks at the source (mm/mremap.c, mremap_to). Every kernel refuses an
 * unaligned address before any change. It may accept other odd arguments, or check them too late.
 */
static __always_inline int gate_mremap(const struct pt_regs *regs, bool compat, u32 reaction)
{
	const struct mm_struct *mm = bpf_get_current_task_btf()->mm;
	u64 key = space_key(mm), start;
	u32 set;
	int r;

	if (likely(space_unsealed(key)))
		return 0;
	start = untagged(mm, regs_arg(regs, compat, 0));
	if (unaligned(start))
		return 0;
	set = space_current_set_kept(key);
	if (!set)
		return 0;
	r = judge_mremap(regs, compat, reaction, key, set, start);
	set_let_go(set);
	return r;
}

static __always_inline int gate_madvise_range(u64 key, u64 start, u64 length, u32 advice, u32 reaction,
					      u32 again)
{
	if (likely(space_unsealed(key)) || !advice_matters(advice) || unaligned(start))
		return 0;
	if (advice_refused_natively(advice))
		again |= OR_NATIVE(reaction);
	/* Both take the whole page, whatever its size (mm/madvise.c, madvise_inject_error). */
	if (unlikely(advice == MADV_HWPOISON || advice == MADV_SOFT_OFFLINE)) {
		u64 end = start + pages_of(length);

		if (end <= start)
			return 0; /* empty, or it wraps: EINVAL, as for all advice */
		if (end > MSEALD_ADDRESS_LIMIT)
			end = MSEALD_ADDRESS_LIMIT;
		start &= ~LARGEST_PAGE_MASK;
		length = ((end + LARGEST_PAGE_MASK) & ~LARGEST_PAGE_MASK) - start;
	}
	return verdict_on(key, start, length,
			  ATTEMPT(MSEALD_OP_MADVISE, advice_deny(key, advice), reaction) | again);
}

static __always_inline int gate_madvise(const struct pt_regs *regs, bool compat, u32 reaction)
{
	const struct mm_struct *mm = bpf_get_current_task_btf()->mm;

	return gate_madvise_range(space_key(mm), untagged(mm, regs_arg(regs, compat, 0)),
				  regs_arg(regs, compat, 1), regs_arg(regs, compat, 2), reaction, 0);
}

/*
 * The ranges are in user memory and may change until the kernel reads them, so any seal counts. Without
 * ranges no kernel changes anything (lib/iov_iter.c, import_iovec).
 */
static __always_inline int gate_process_madvise(const struct pt_regs *regs, bool compat, u32 reaction)
{
	u32 advice = regs_arg(regs, compat, 3);
	u64 key = own_key();

	if (likely(space_unsealed(key)) || !advice_matters(advice) || !regs_arg(regs, compat, 2))
		return 0;
	return verdict_on(key, 0, MSEALD_ADDRESS_LIMIT,
			  ATTEMPT(MSEALD_OP_PROCESS_MADVISE, advice_deny(key, advice), reaction) |
				  (advice_refused_natively(advice) ? OR_NATIVE(reaction) : 0));
}

/* Below this address brk() only returns the break: programs call brk(0) to read it. */
static __always_inline u64 least_break(const struct mm_struct *mm)
{
	/* With CONFIG_COMPAT_BRK the least break may be the end of data. */
	if (bpf_core_field_exists(struct task_struct___compat_brk, brk_randomized) &&
	    mm->end_data < mm->start_brk)
		return mm->end_data;
	return mm->start_brk;
}

/*
 * Judges a shrinking break, which unmaps from the new break to the old one (mm/mmap.c). PR_SET_MM cannot move
 * it meanwhile: lsm/task_prctl.
 */
static __always_inline int gate_brk(const struct pt_regs *regs, bool compat, u32 reaction)
{
	const struct mm_struct *mm = bpf_get_current_task_btf()->mm;
	u64 key = space_key(mm);
	u64 start = regs_arg(regs, compat, 0), end;

	if (likely(space_unsealed(key)) || start < least_break(mm) || start > mm->brk)
		return 0;
	start = (start + MSEALD_PAGE - 1) & ~(MSEALD_PAGE - 1);
	end = (mm->brk + MSEALD_PAGE - 1) & ~(MSEALD_PAGE - 1);
	if (start >= end)
		return 0;
	return verdict_on(key, start, end - start,
			  ATTEMPT(MSEALD_OP_BRK, MSEALD_DENY_UNMAP, reaction) | OR_NATIVE(reaction));
}

/* The number of a pid in its own namespace, as its process sees it. */
static __always_inline u32 own_number(struct pid *pid)
{
	void *last = pid->numbers;
	u32 number = 0;

	last += (u64)BPF_CORE_READ(pid, level) * bpf_core_type_size(struct upid);
	bpf_core_read(&number, sizeof(number), &((struct upid *)last)->nr);
	return number;
}

/*
 * Judges writes to the caller's own memory. The kernel calls lsm/ptrace_access_check only for the memory of
 * another process (kernel/fork.c, mm_access). The ranges are in user memory, so any seal counts.
 * fentry/mm_access handles the caller's threads by their number, and other processes that share the memory.
 */
static __always_inline int gate_process_vm_writev(const struct pt_regs *regs, bool compat, u32 reaction)
{
	struct task_struct *task = bpf_get_current_task_btf();
	u32 pid = regs_arg(regs, compat, 0);
	u64 key = own_key();
	struct signal_struct *signal;

	if (likely(space_unsealed(key)))
		return 0;
	signal = BPF_CORE_READ(task, signal);
	if (pid != own_number(BPF_CORE_READ(task, thread_pid)) &&
	    pid != own_number(BPF_CORE_READ(signal, pids[PIDTYPE_TGID])))
		return 0;
	return verdict_on(key, 0, MSEALD_ADDRESS_LIMIT,
			  ATTEMPT(MSEALD_OP_PROCESS_VM_WRITEV, MSEALD_DENY_FOREIGN_WRITE, reaction));
}

/*
 * shmdt detaches all remaining mappings of the segment attached at the address (ipc/shm.c, ksys_shmdt), so
 * all seals on these count, and no others.
 */
static __always_inline int gate_detach(u64 address, u32 reaction)
{
	u64 key = own_key();
	u32 set;
	int r = 0;

	if (likely(space_unsealed(key)))
		return 0;
	set = current_set(key);
	if (set && seals_flags(set) & MSEALD_SEAL_SHM)
		r = verdict_in(key, address, MSEALD_ADDRESS_LIMIT, set,
			       ATTEMPT(MSEALD_OP_SHMDT, MSEALD_DENY_UNMAP, reaction) | ATTEMPT_SHM |
				       OR_NATIVE(reaction));
	set_let_go(set);
	return r;
}

static __always_inline int gate_shmdt(const struct pt_regs *regs, bool compat, u32 reaction)
{
	return gate_detach(regs_arg(regs, compat, 0), reaction);
}

/* In the 32-bit ipc() the number of the call is in the lower half of the first argument (ipc/syscall.c). */
static __always_inline int gate_ipc(const struct pt_regs *regs, bool compat, u32 reaction)
{
	return (regs_arg(regs, compat, 0) & 0xffff) == SHMDT ?
		       gate_detach(regs_arg(regs, compat, 4), reaction) :
		       0;
}
