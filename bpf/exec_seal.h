/* SPDX-License-Identifier: GPL-2.0-only */
/* The interface of bpf/exec_seal.bpf.c. */
#ifndef MSEALD_BPF_EXEC_SEAL_H
#define MSEALD_BPF_EXEC_SEAL_H

#include "exec_match.h"
#include "file.h"
#include "syscall.h"

/* A mapping of a program that is being sealed as it starts gets this address; for lsm/mmap_addr. */
int remember_mapping(u64 key, u64 address);

/* It gets huge pages; for lsm/mmap_file. */
int note_loading_hugetlb(u64 key);

/* The RELRO of an object is made read-only, its pieces are known; for lsm/file_mprotect. */
int seal_object(u64 key, struct mseald_loading *loading);

/*
 * An mprotect() that takes the right to write from part of a mapped file: that may be the loader, which is
 * done with an object (PT_GNU_RELRO). Called for each mapping of the call (mm/mprotect.c); it counts at the
 * last of them, and only if the first is a private file that was writable.
 */
static __always_inline void watch_relro(struct task_struct *task, u64 key, const struct vm_area_struct *vma,
					u64 prot)
{
	struct mseald_loading *entry;
	struct inode___file *file;
	struct call_site site;
	u64 start, end;

	if (likely(!*(volatile u32 *)&space_slot(key)->watched) || prot & PROT_WRITE)
		return;
	entry = bpf_map_lookup_elem(&loading, &key);
	if (!entry) {
		if (vma->vm_flags & VM_WRITE && BPF_CORE_READ(vma, vm_file))
			send_relro_event(key, task->tgid, vma->vm_start);
		return;
	}
	site = call_site_of(task);
	if (site.call != CALL_MPROTECT)
		return;
	start = untagged(task->mm, call_arg(&site, 0));
	end = (start + call_arg(&site, 1) + MSEALD_PAGE - 1) & ~(MSEALD_PAGE - 1);
	if (entry->spans != start) {
		if ((vma->vm_flags & (VM_WRITE | VM_SHARED | VM_ACCOUNT)) != (VM_WRITE | VM_ACCOUNT))
			return;
		entry->file.address = 0;
		file = mapped_file(vma, &entry->file);
		if (!file)
			return;
		entry->written = file_may_be_written(file);
	}
	entry->spans = vma->vm_end < end ? start : 0;
	if (entry->spans)
		return;
	entry->relro = start;
	entry->relro_end = end;
	(void)seal_object(key, entry);
}

#endif
