/* SPDX-License-Identifier: GPL-2.0-only */
/* The file behind a mapping. */
#pragma once

#include "maps.h"

struct atomic___int {
	int counter;
} __attribute__((preserve_access_index));

struct rb_root___mapped {
	struct rb_node *rb_node;
} __attribute__((preserve_access_index));

struct rb_root_cached___mapped {
	struct rb_root___mapped rb_root;
} __attribute__((preserve_access_index));

struct atomic___long {
	s64 counter;
} __attribute__((preserve_access_index));

struct rw_semaphore___mapped {
	struct atomic___long count;
} __attribute__((preserve_access_index));

struct address_space___writable {
	struct atomic___int i_mmap_writable;
	struct rb_root_cached___mapped i_mmap;
	struct rw_semaphore___mapped i_mmap_rwsem;
} __attribute__((preserve_access_index));

/* Fields of an inode that only these files read. */
struct inode___file {
	u16 i_mode;
	u32 i_nlink, i_generation;
	kuid_t i_uid;
	struct atomic___int i_writecount;
	struct address_space___writable *i_mapping;
} __attribute__((preserve_access_index));

/* The open file of a mapping. Read once: for the verifier of 7.3, and each read costs that of 6.12 time. */
static __always_inline struct file *mapped_file(const struct vm_area_struct *vma)
{
	struct file *mapped = vma->vm_file;

	asm volatile("" : "+r"(mapped));
	return mapped;
}

/* The mapped regular file, or NULL. On overlayfs it is the file below (fs/overlayfs/file.c, ovl_mmap). */
static __always_inline struct inode___file *regular_file(const struct file *mapped, struct mseald_inode *ret)
{
	struct inode *inode = mapped ? mapped->f_inode : NULL;
	struct inode___file *file = (void *)inode;

	if (!inode || (file->i_mode & S_IFMT) != S_IFREG)
		return NULL;
	ret->address = (u64)inode;
	ret->number = inode->i_ino;
	return file;
}

/* 1 or 0: is it negative? Free of branches, which the verifier would follow. */
static __always_inline u64 is_negative(s64 number)
{
	asm volatile("%0 s>>= 63; %0 &= 1" : "+r"(number));
	return number;
}

/* The same: is it zero? */
static __always_inline u64 is_zero(u32 number)
{
	return is_negative((s64)number - 1);
}

/* 1 or 0: are mappings of the file, also private ones, in reach of userfaultfd (see can_userfault())? */
static __always_inline u64 file_is_memory(struct inode___file *file)
{
	u32 magic = ((struct inode *)file)->i_sb->s_magic;

	return is_zero(magic ^ TMPFS_MAGIC) | is_zero(magic ^ HUGETLBFS_MAGIC);
}

/*
 * 1 or 0; memory: file_is_memory(). A file without a name on tmpfs or hugetlbfs may be a memfd. The kernel
 * opens the descriptor of a memfd without counting a writer (fs/file_table.c, alloc_file).
 */
static __always_inline u64 file_may_be_written(struct inode___file *file, u64 memory)
{
	return is_negative(-(s64)file->i_writecount.counter) | (memory & is_zero(file->i_nlink));
}
