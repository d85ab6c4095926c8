// SPDX-License-Identifier: GPL-2.0-only
/*
 * Row 12: userfaultfd puts pages into memory that its process may not write, or moves them out of it. LSM
 * hooks, attached only while a sealed range is in reach of userfaultfd (MSEALD_SEAL_UFFD).
 *
 *   lsm/file_ioctl, file_ioctl_compat   before the command (fs/ioctl.c of 6.1, 6.12, 7.3; kernels without
 *                                       file_ioctl_compat call file_ioctl for both)
 *
 * The range is in user memory, which may change until the kernel reads it, so any such seal denies the
 * command. The verdict depends on the address space behind the file, not on the caller: a monitor works on
 * the memory of another process.
 */
#include "verdict_space.h"

/* The deny bits for this command; 0: it is harmless, or not for userfaultfd. */
static __always_inline u32 command_deny(u32 cmd)
{
	if (likely((cmd >> 8 & 0xff) != UFFDIO))
		return 0;
	switch (cmd & 0xff) {
	case _UFFDIO_COPY:
	case _UFFDIO_ZEROPAGE:
	case _UFFDIO_CONTINUE:
	case _UFFDIO_POISON:
		/* These only fill memory without a page, so they do nothing that a write could not do. */
		return MSEALD_DENY_DISCARD;
	case _UFFDIO_MOVE:
		/* Only between writable mappings (mm/userfaultfd.c); takes the pages away, as mremap does. */
		return MSEALD_DENY_UNMAP | MSEALD_DENY_DISCARD;
	default: return 0;
	}
}

/* Only the kernel names these files (fs/userfaultfd.c: "[userfaultfd]" in 6.1, 6.12, 7.3). */
static __always_inline bool is_userfaultfd(const struct file *file)
{
	static const char wanted[16] = "[userfaultfd]";
	char name[16] = {};

	if (BPF_CORE_READ(file, f_inode, i_sb, s_magic) != ANON_INODE_FS_MAGIC)
		return false;
	bpf_probe_read_kernel_str(name, sizeof(name), BPF_CORE_READ(file, f_path.dentry, d_name.name));
	return *(u64 *)name == *(const u64 *)wanted && *(u64 *)(name + 8) == *(const u64 *)(wanted + 8);
}

static __always_inline int judge_command(const struct file *file, u32 cmd)
{
	u32 deny = command_deny(cmd);
	const struct userfaultfd_ctx *context;
	const struct mm_struct *mm;
	u64 key;

	if (likely(!deny) || !is_userfaultfd(file))
		return 0;
	context = file->private_data;
	mm = BPF_CORE_READ(context, mm);
	key = mm_key_read(mm);
	if (space_unsealed(key))
		return 0;
	/* A monitor writes where only the stores of the process itself may. */
	if (key != own_key())
		deny |= MSEALD_DENY_FOREIGN_WRITE;
	return verdict_on_all(key, mm_owner(mm),
			      ATTEMPT(MSEALD_OP_USERFAULTFD, deny, REACTION_DENY) | ATTEMPT_UFFD) ?
		       -EPERM :
		       0;
}

SEC("lsm/file_ioctl")
int BPF_PROG(mseald_file_ioctl, struct file *file, unsigned int cmd)
{
	return judge_command(file, cmd) ? -EPERM : 0;
}

SEC("lsm/file_ioctl_compat")
int BPF_PROG(mseald_file_ioctl_compat, struct file *file, unsigned int cmd)
{
	return judge_command(file, cmd) ? -EPERM : 0;
}
