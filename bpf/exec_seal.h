/* SPDX-License-Identifier: GPL-2.0-only */
/* The interface of bpf/exec_seal.bpf.c: what the hooks of lsm_mm.bpf.c report about watched processes. */
#pragma once

#include "watch.h"
#include "file.h"
#include "syscall.h"

/* Called by lsm/mmap_addr: mmap() maps a file at this address. */
int exec_watch_mapping(u64 key, u64 address);

/* Called by lsm/mmap_file: mmap() maps huge pages. */
int exec_watch_hugetlb(u64 key);

/* A mapping that becomes read-only. */
struct relro {
	u64 start, end, flags, prot;
	struct mseald_inode file; /* address 0: none */
	u64 mapped;		  /* address of the open file */
	bool written;		  /* whether the file may be open for writing */
	bool memory;		  /* whether it is in reach of userfaultfd */
};

/* Called by lsm/file_mprotect. Returns 1 if the call is not to be judged: its range had no seal before it. */
int exec_watch_relro(u64 key, const struct relro *relro);

/*
 * wanted: the protection that the caller asked for. The kernel adds PROT_EXEC for some 32-bit programs
 * (personality(2)).
 */
static __always_inline int watch_mprotect(u64 key, const struct vm_area_struct *vma, u64 wanted, u64 prot)
{
	struct relro relro = {
		.start = vma->vm_start, .end = vma->vm_end, .flags = vma->vm_flags, .prot = prot
	};
	struct inode___file *file;
	struct file *mapped;

	if (wanted != PROT_READ)
		return 0;
	mapped = mapped_file(vma);
	file = relro.flags & VM_WRITE ? regular_file(mapped, &relro.file) : NULL;
	relro.memory = file ? file_is_memory(file) : !mapped;
	relro.written = file && file_may_be_written(file, relro.memory);
	relro.mapped = file ? (u64)mapped : 0;
	return exec_watch_relro(key, &relro);
}
