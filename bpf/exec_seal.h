/* SPDX-License-Identifier: GPL-2.0-only */
/* The interface of bpf/exec_seal.bpf.c: what the hooks of lsm_mm.bpf.c see of watched processes. */
#ifndef MSEALD_BPF_EXEC_SEAL_H
#define MSEALD_BPF_EXEC_SEAL_H

#include "exec_match.h"
#include "file.h"
#include "syscall.h"

/* lsm/mmap_addr: a mapping gets this address. */
int watch_mapping(u64 key, u64 address);

/* lsm/mmap_file: one of huge pages. */
int watch_hugetlb(u64 key);

/* A mapping that loses the right to be written. */
struct relro {
	u64 start, end, flags;
	struct mseald_inode file;	/* address 0: none */
	u64 dentry;			/* its name: address */
	bool written;			/* it may be open for writing */
};

/* lsm/file_mprotect. */
int watch_relro(u64 key, const struct relro *relro);

/*
 * Of a mapping that is still writable: is this the call by which the RELRO is made read-only that is sealed
 * by now? While one daemon hands over to the next the hook runs twice in it. No later call finds it writable.
 */
bool is_relro_again(u64 key, u64 prot);

static __always_inline void watch_mprotect(u64 key, const struct vm_area_struct *vma, u64 prot)
{
	struct relro relro = { .start = vma->vm_start, .end = vma->vm_end, .flags = vma->vm_flags };
	struct inode___file *file;

	if (prot & PROT_WRITE)
		return;
	file = relro.flags & VM_WRITE ? mapped_file(vma, &relro.file) : NULL;
	relro.written = file && file_may_be_written(file);
	relro.dentry = file ? (u64)BPF_CORE_READ(vma, vm_file, f_path.dentry) : 0;
	(void)watch_relro(key, &relro);
}

#endif
