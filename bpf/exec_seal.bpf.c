// SPDX-License-Identifier: GPL-2.0-only
/*
 * Seals a program as it starts: each object when its loader makes its RELRO read-only, before any code of the
 * object runs (docs/design/sealing-at-start.md, "Sealing in the kernel"). exec_match.bpf.c recorded at the
 * exec what the policy wants; exec_objects.bpf.c knows the objects.
 *
 * No hooks: global functions, which lsm_mm.bpf.c calls.
 */
#include "exec_objects.h"
#include "set_pool.h"
#include "tracer.h"

/* Counts an object as left to the daemon (left: enum mseald_left + 1), and tells the daemon. */
__noinline int exec_leave_object(u64 key, struct mseald_loading *loading, u64 left)
{
	if (!loading)
		return 0;
	/* Not a new object, but a call on memory that is already sealed. */
	if (left == OBJECT_MEETS_SEAL)
		return 0;
	left--;
	asm volatile("" : "+r"(left));
	if (left < MSEALD_LEFT_COUNT) {
		__sync_fetch_and_add(&state.left[left], 1);
		__sync_fetch_and_or(&loading->flags, 1u << (MSEALD_LOADING_LEFT_SHIFT + left));
	}
	__sync_fetch_and_or(&loading->flags, MSEALD_LOADING_LEFT);
	return watch_send_relro(key, bpf_get_current_pid_tgid() >> 32, 0);
}

/*
 * Seals the last object of the start together with the kernel's own code in the program (vdso(7)). The vdso
 * is above the object, and most often no seal is between them.
 */
static __always_inline int seal_last(u64 key, struct mseald_loading *loading)
{
	u64 start = 0, end = 0;
	u32 pieces = loading->pieces;
	int left;

	mm_vdso(bpf_get_current_task_btf()->mm, &start, &end);
	if (start > loading->relro)
		exec_add_piece(loading, start, end, MSEALD_SEGMENT_VDSO);
	left = set_pool_seal_pieces(key, loading);
	if (left != OBJECT_MEETS_SEAL || loading->pieces == pieces)
		return left;
	loading->pieces = pieces;
	return set_pool_seal_pieces(key, loading);
}

/*
 * Must the daemon decide whether to seal the program at all? So if a tracer has come since the exec, and the
 * policy denies foreign writes.
 */
__noinline int exec_ask_daemon(struct mseald_loading *loading)
{
	struct task_struct *task = bpf_get_current_task_btf();
	u64 deny;

	if (!loading)
		return 0;
	if (loading->wanted & MSEALD_POLICY_NOT_32 && task_in_compat(task))
		return 1;
	deny = loading->rule | loading->rule >> 8 | loading->rule >> 16;
	return deny & MSEALD_DENY_FOREIGN_WRITE && tracer_of(task);
}

/*
 * Adds the pieces of the program or its loader, if the current RELRO is in one of them. Returns the flags to
 * set when it is sealed: MSEALD_LOADING_PROGRAM, MSEALD_LOADING_DONE; 0: it is in neither.
 */
__noinline int exec_own_object(struct mseald_loading *loading)
{
	if (!loading)
		return 0;
	if (exec_add_elf(loading, loading->loader, false))
		return MSEALD_LOADING_DONE;
	if (exec_add_elf(loading, loading->program, !loading->loader))
		return MSEALD_LOADING_PROGRAM | (loading->loader ? 0 : MSEALD_LOADING_DONE);
	loading->pieces = 0;
	return 0;
}

/* An object that is not of the start: is it the daemon's, or nobody's? Then tells the daemon. */
__noinline int exec_leave_late(u64 key, struct mseald_loading *loading)
{
	struct task_struct *task = bpf_get_current_task_btf();

	if (!loading)
		return 0;
	if (loading->wanted & MSEALD_POLICY_LATE &&
	    !(loading->wanted & MSEALD_POLICY_LATE_64 && task_in_compat(task)))
		return 0;
	if (loading->wanted & MSEALD_POLICY_REPORT) {
		__sync_fetch_and_or(&loading->flags, MSEALD_LOADING_LEFT);
		(void)watch_send_relro(key, task->tgid, loading->relro);
	}
	return 1;
}

/*
 * Called when the RELRO of an object is made read-only: relro to relro_end, of this file. Returns 1 if all of
 * it is sealed now.
 */
__noinline int exec_seal_object(u64 key, struct mseald_loading *loading)
{
	u32 at, flags, own = 0;
	bool late;
	int left;

	if (!loading)
		return 0;
	if (!(loading->flags & MSEALD_LOADING_KNOWN))
		exec_know_kernels(loading);
	flags = loading->flags;
	loading->pieces = 0;
	at = exec_mapping_at(loading, loading->relro);
	if (!at) {
		own = exec_own_object(loading);
		/* Data that the program makes read-only: its RELRO is done, or a static one has none. */
		if (own ? flags & (own | MSEALD_LOADING_DONE) : !loading->loader)
			return 0;
		if (!own) {
			exec_leave_object(key, loading, MSEALD_LEFT_OBJECT + 1);
			return 0;
		}
	}
	/*
	 * Order of RELRO. glibc (elf/rtld.c): libraries, program, loader; musl (ldso/dynlink.c): libraries,
	 * program. A static program has no libraries at its start.
	 */
	late = flags & MSEALD_LOADING_DONE || (flags & MSEALD_LOADING_PROGRAM && !own) ||
	       (at && !loading->loader);
	loading->flags |= own;
	if (late && exec_leave_late(key, loading))
		return 0;
	if (exec_ask_daemon(loading)) {
		(void)watch_send_relro(key, bpf_get_current_pid_tgid() >> 32, 0);
		return 0;
	}
	if (loading->written) {
		exec_leave_object(key, loading, MSEALD_LEFT_WRITTEN + 1);
		return 0;
	}
	if (at)
		exec_add_library(loading, at - 1, late);
	if (!loading->pieces)
		return 0;
	exec_begin_object(loading, at);
	left = !late && loading->flags & MSEALD_LOADING_DONE ? seal_last(key, loading) :
							       set_pool_seal_pieces(key, loading);
	if (left) {
		exec_leave_object(key, loading, left);
		return 0;
	}
	__sync_fetch_and_add(&state.objects, 1);
	exec_end_object(loading);
	return loading->segments >> MSEALD_SEGMENT_RELRO & 1;
}

/* The range of the current mprotect(). False: the task is in another call. */
static __always_inline bool call_range(u64 *ret_start, u64 *ret_end)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct call_site site = call_site_of(task);

	if (site.call != CALL_MPROTECT)
		return false;
	*ret_start = untagged(task->mm, call_arg(&site, 0));
	*ret_end = (*ret_start + call_arg(&site, 1) + MSEALD_PAGE - 1) & ~(MSEALD_PAGE - 1);
	return true;
}

/*
 * Handles an mprotect() that makes part of a mapped file read-only: it may be the loader, finishing an object
 * (PT_GNU_RELRO). The kernel calls this for each mapping of the call (mm/mprotect.c). Only the last one
 * counts, and only if the first is a private file that was writable.
 *
 * While one daemon hands over to the next all hooks run twice in one call, and the second run meets the new
 * seals. It recognises the same call by the range that was sealed last and is still writable.
 */
__noinline int exec_watch_relro(u64 key, const struct relro *relro)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct mseald_loading *entry = loading_of(key);
	const u64 writable = VM_WRITE | VM_ACCOUNT;
	u64 start, end;
	int sealed;

	if (!relro)
		return 0;
	if (!entry) {
		if (relro->file.address)
			(void)watch_send_relro(key, task->tgid, relro->start);
		return 0;
	}
	if (!call_range(&start, &end))
		return 0;
	if (relro->flags & VM_WRITE && relro->prot == PROT_READ && start == entry->relro &&
	    end == entry->relro_end)
		return 1;
	if (is_over(entry))
		return 0;
	if (entry->spans != start) {
		if (!relro->file.address || (relro->flags & (writable | VM_SHARED)) != writable)
			return 0;
		entry->file = relro->file;
		entry->written = relro->written;
		entry->rule &= ~MSEALD_RULE_UFFD;
		entry->mapped = relro->mapped;
	}
	entry->rule |= relro->memory * MSEALD_RULE_UFFD;
	entry->spans = relro->end < end ? start : 0;
	if (entry->spans)
		return 0;
	entry->relro = start;
	entry->relro_end = end;
	sealed = exec_seal_object(key, entry);
	if (!sealed)
		entry->relro_end = 0;
	return sealed;
}
