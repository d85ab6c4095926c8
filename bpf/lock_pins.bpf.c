// SPDX-License-Identifier: GPL-2.0-only
/*
 * The lock (bpf/lock.bpf.c): the part that guards the pins.
 *
 *   lsm/inode_unlink, inode_rmdir, inode_rename, inode_create, inode_mkdir, inode_symlink, inode_link
 *                    the folder of pins; rmdir and rename also the folders that its mounts are on
 *   lsm/sb_umount    pins last as long as their file system is mounted. The lock keeps the mount in the
 *                    namespace of pid 1, with all mounts that it is mounted on
 *   lsm/sb_mount, move_mount   mounts that would hide it there; the first also a read-only mount
 *   lsm/sb_remount   a read-only file system takes no pins
 */
#include "lock.h"

#define FOLDERS_DEEP 16 /* folders from a mount point up to the root of its file system */
#define MASTERS_DEEP 8

/* --- the folder of pins --- */

static __always_inline bool in_folder(struct dentry *dentry)
{
	if (!lock.on || (u64)BPF_CORE_READ(dentry, d_sb) != lock.super)
		return false;
	/* The deepest pin is FOLDER/links/N/NAME. */
	for (int i = 0; i < 5; i++) {
		if ((u64)dentry == lock.folder)
			return true;
		dentry = BPF_CORE_READ(dentry, d_parent);
	}
	return false;
}

static __always_inline int judge_pin(struct dentry *dentry)
{
	return in_folder(dentry) && !by_us() ? deny(MSEALD_LOCK_OP_PIN) : 0;
}

SEC("lsm/inode_unlink")
int BPF_PROG(lock_inode_unlink, struct inode *dir, struct dentry *dentry)
{
	return judge_pin(dentry);
}

/* A foreign file where mseald is going to pin an object would make the pin fail. */
SEC("lsm/inode_create")
int BPF_PROG(lock_inode_create, struct inode *dir, struct dentry *dentry)
{
	return judge_pin(dentry);
}

SEC("lsm/inode_mkdir")
int BPF_PROG(lock_inode_mkdir, struct inode *dir, struct dentry *dentry)
{
	return judge_pin(dentry);
}

SEC("lsm/inode_symlink")
int BPF_PROG(lock_inode_symlink, struct inode *dir, struct dentry *dentry)
{
	return judge_pin(dentry);
}

SEC("lsm/inode_link")
int BPF_PROG(lock_inode_link, struct dentry *old, struct inode *dir, struct dentry *new)
{
	return (in_folder(old) || in_folder(new)) && !by_us() ? deny(MSEALD_LOCK_OP_PIN) : 0;
}

/* --- the mounts above the folder of pins --- */

/* The pointer as a plain number: the verifier lets no pointer be passed to a global function. */
static __always_inline u64 number_of(const void *pointer)
{
	u64 number = 0;

	bpf_probe_read_kernel(&number, sizeof(number), &pointer);
	return number;
}

/* Does an event on the mount `from` propagate to `to` (fs/pnode.c)? Yes, if nested too deep. */
__noinline int lock_reaches(u64 from_address, u64 to_address)
{
	struct mount *from = (void *)from_address, *to = (void *)to_address;
	int group = BPF_CORE_READ(from, mnt_group_id);

	if (from == to)
		return 1;
	if (!group)
		return 0;
	for (int i = 0; i < MASTERS_DEEP; i++) {
		if (!to)
			return 0;
		if (BPF_CORE_READ(to, mnt_group_id) == group)
			return 1;
		to = BPF_CORE_READ(to, mnt_master);
	}
	return 1;
}

/* Is `high` the same folder as `low`, or above it? */
__noinline int lock_above(u64 high, u64 low)
{
	for (int i = 0; i < FOLDERS_DEEP; i++) {
		struct dentry *dentry = (void *)low;
		u64 parent;

		if (low == high)
			return 1;
		parent = (u64)BPF_CORE_READ(dentry, d_parent);
		if (parent == low)
			return 0;
		low = parent;
	}
	return 1;
}

/* Would unmounting this mount, with the mounts on it, take bpffs away from the namespace of pid 1? */
__noinline int lock_takes_away(u64 address)
{
	struct mount *victim = (void *)address, *at = (void *)lock.mount;
	u64 point = (u64)BPF_CORE_READ(victim, mnt_mountpoint);
	u64 parent = (u64)BPF_CORE_READ(victim, mnt_parent);

	for (int i = 0; i < MOUNTS_DEEP; i++) {
		u64 up = (u64)BPF_CORE_READ(at, mnt_parent);

		if (at == victim)
			return 1;
		if (up == (u64)at)
			return 0;
		if ((u64)BPF_CORE_READ(at, mnt_mountpoint) == point && lock_reaches(parent, up))
			return 1;
		at = (void *)up;
	}
	return 1;
}

SEC("lsm/sb_umount")
int BPF_PROG(lock_sb_umount, struct vfsmount *mnt)
{
	if (!lock.on || by_us() || !lock_takes_away(number_of(mount_of(mnt))))
		return 0;
	return deny(MSEALD_LOCK_OP_MOUNT);
}

/*
 * Is something on the way to the pins mounted on this folder? When the folder goes, the kernel unmounts that
 * in all namespaces, without a hook (fs/namei.c, vfs_rmdir and vfs_rename: detach_mounts). Only another
 * namespace can remove it.
 */
static __always_inline bool holds_mount(const struct dentry *dentry)
{
	struct mount *at = (void *)lock.mount;

	for (int i = 0; i < MOUNTS_DEEP && lock.on; i++) {
		struct mount *up = BPF_CORE_READ(at, mnt_parent);

		if (up == at)
			break;
		if (BPF_CORE_READ(at, mnt_mountpoint) == dentry)
			return true;
		at = up;
	}
	return false;
}

SEC("lsm/inode_rmdir")
int BPF_PROG(lock_inode_rmdir, struct inode *dir, struct dentry *dentry)
{
	if (holds_mount(dentry) && !by_us())
		return deny(MSEALD_LOCK_OP_MOUNT);
	return judge_pin(dentry);
}

SEC("lsm/inode_rename")
int BPF_PROG(lock_inode_rename, struct inode *dir, struct dentry *dentry, struct inode *new_dir,
	     struct dentry *new)
{
	if (holds_mount(new) && !by_us())
		return deny(MSEALD_LOCK_OP_MOUNT);
	return (in_folder(dentry) || in_folder(new)) && !by_us() ? deny(MSEALD_LOCK_OP_PIN) : 0;
}

/* Would a mount on this dentry hide the pins from the namespace of pid 1? */
__noinline int lock_covers(u64 address, u64 dentry)
{
	struct mount *at = (void *)lock.mount;

	if ((u64)BPF_CORE_READ(at, mnt.mnt_sb) == (u64)BPF_CORE_READ((struct dentry *)dentry, d_sb) &&
	    lock_reaches(address, (u64)at) &&
	    (in_folder((void *)dentry) || (u64)BPF_CORE_READ(at, mnt.mnt_root) == dentry))
		return 1;
	for (int i = 0; i < MOUNTS_DEEP; i++) {
		u64 up = (u64)BPF_CORE_READ(at, mnt_parent);

		if (up == (u64)at)
			return 0;
		if (lock_reaches(address, up) && lock_above(dentry, (u64)BPF_CORE_READ(at, mnt_mountpoint)))
			return 1;
		at = (void *)up;
	}
	return 1;
}

static __always_inline int judge_cover(const struct path *path)
{
	if (!lock.on || by_us() || !lock_covers(number_of(mount_of(path->mnt)), number_of(path->dentry)))
		return 0;
	return deny(MSEALD_LOCK_OP_MOUNT);
}

/* A read-only mount takes no more pins. mount_setattr(2) has no hook. */
static __always_inline int judge_change(const struct path *path)
{
	return lock.on && (u64)mount_of(path->mnt) == lock.mount && !by_us() ? deny(MSEALD_LOCK_OP_MOUNT) : 0;
}

SEC("lsm/sb_mount")
int BPF_PROG(lock_sb_mount, const char *name, const struct path *path, const char *type, unsigned long flags)
{
	/* Same order as in fs/namespace.c, path_mount: changing a mount covers nothing. */
	if ((flags & (MS_REMOUNT | MS_BIND)) == (MS_REMOUNT | MS_BIND))
		return judge_change(path);
	if (flags & MS_REMOUNT || (!(flags & MS_BIND) && flags & MS_PROPAGATION))
		return 0;
	return judge_cover(path);
}

SEC("lsm/move_mount")
int BPF_PROG(lock_move_mount, const struct path *from, const struct path *to)
{
	return judge_cover(to);
}

/* A read-only file system would take no more pins. */
SEC("lsm/sb_remount")
int BPF_PROG(lock_sb_remount, struct super_block *super)
{
	return lock.on && (u64)super == lock.super && !by_us() ? deny(MSEALD_LOCK_OP_MOUNT) : 0;
}
