// SPDX-License-Identifier: LGPL-2.1-or-later
/* See lock_attacks.h. Attacks on the pins, and on the mounts that they are in. */
#define _GNU_SOURCE
#include "lock_attacks.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/bpf.h>
#include <linux/mount.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* --- pins --- */

static long unlink_pin(pid_t daemon)
{
	(void)daemon;
	return lock_result(unlink(PINS "/maps/notes"));
}

static long unlink_link(pid_t daemon)
{
	char path[PATH_MAX];

	(void)daemon;
	if (!lock_find_pin(PINS "/{lock/lock_bpf_map,links/*/mseald_task_prctl}", path))
		return -ENOENT;
	return lock_result(unlink(path));
}

static long rename_pin(pid_t daemon)
{
	long r = lock_result(rename(PINS "/maps/marks", BPFFS "/moved"));

	(void)daemon;
	(void)rename(BPFFS "/moved", PINS "/maps/marks");
	return r;
}

static long rename_folder(pid_t daemon)
{
	long r = lock_result(rename(PINS, BPFFS "/moved"));

	(void)daemon;
	(void)rename(BPFFS "/moved", PINS);
	return r;
}

static long replace_pin(pid_t daemon)
{
	__u32 size = 4;
	int fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "test", size, size, 1, NULL);
	long r;

	(void)daemon;
	(void)bpf_obj_pin(fd, BPFFS "/mine");
	r = lock_result(rename(BPFFS "/mine", PINS "/maps/labels"));
	(void)unlink(BPFFS "/mine");
	close(fd);
	return r;
}

static long make_folder(pid_t daemon)
{
	long r = lock_result(mkdir(PINS "/links/99", 0700));

	(void)daemon;
	(void)rmdir(PINS "/links/99");
	return r;
}

static long remove_folder(pid_t daemon)
{
	/* The folder is full, so the kernel itself refuses: ENOTEMPTY means allowed. */
	long r = lock_result(rmdir(PINS "/maps"));

	(void)daemon;
	return r == -ENOTEMPTY ? 0 : r;
}

static long link_pin(pid_t daemon)
{
	long r = lock_result(link(PINS "/maps/state", BPFFS "/linked"));

	(void)daemon;
	(void)unlink(BPFFS "/linked");
	return r;
}

static long pin_there(pid_t daemon)
{
	__u32 size = 4;
	int fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "test", size, size, 1, NULL);
	long r = lock_result(bpf_obj_pin(fd, PINS "/maps/mine"));

	(void)daemon;
	(void)unlink(PINS "/maps/mine");
	close(fd);
	return r;
}

/* --- mounts --- */

void lock_mount_all(void)
{
	(void)mkdir("/sys", 0755);
	if (access("/sys/kernel", F_OK) < 0)
		(void)mount("sysfs", "/sys", "sysfs", 0, NULL);
	if (access("/sys/kernel/security/lsm", F_OK) < 0)
		(void)mount("securityfs", "/sys/kernel/security", "securityfs", 0, NULL);
	if (mount("bpf", BPFFS, "bpf", 0, "mode=0700") < 0)
		perror("mount bpf");
}

static long cover(const char *where)
{
	long r = lock_result(mount("tmpfs", where, "tmpfs", 0, NULL));

	if (r == 0)
		(void)umount2(where, MNT_DETACH);
	return r;
}

static long cover_pins(pid_t daemon)
{
	(void)daemon;
	return cover(PINS "/maps");
}

static long cover_bpffs(pid_t daemon)
{
	(void)daemon;
	return cover(BPFFS);
}

static long cover_sys(pid_t daemon)
{
	(void)daemon;
	return cover("/sys");
}

static long bind_over(pid_t daemon)
{
	long r = lock_result(mount("/tmp", BPFFS, NULL, MS_BIND, NULL));

	(void)daemon;
	if (r == 0)
		(void)umount2(BPFFS, MNT_DETACH);
	return r;
}

/* Mounts with the calls of 5.2. */
static long cover_anew(pid_t daemon)
{
	int fs = (int)syscall(SYS_fsopen, "tmpfs", 0), mnt;
	long r;

	(void)daemon;
	if (fs < 0 || syscall(SYS_fsconfig, fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return -EIO;
	mnt = (int)syscall(SYS_fsmount, fs, 0, 0);
	r = lock_result(syscall(SYS_move_mount, mnt, "", AT_FDCWD, BPFFS, MOVE_MOUNT_F_EMPTY_PATH));
	if (r == 0)
		(void)umount2(BPFFS, MNT_DETACH);
	close(mnt);
	close(fs);
	return r;
}

static long remount(pid_t daemon)
{
	long r = lock_result(mount(NULL, BPFFS, NULL, MS_REMOUNT | MS_RDONLY, NULL));

	(void)daemon;
	if (r == 0)
		(void)mount(NULL, BPFFS, NULL, MS_REMOUNT, NULL);
	return r;
}

/* Only of the mount, not of the file system. */
static long remount_bind(pid_t daemon)
{
	long r = lock_result(mount(NULL, BPFFS, NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL));

	(void)daemon;
	if (r == 0)
		(void)mount(NULL, BPFFS, NULL, MS_REMOUNT | MS_BIND, NULL);
	return r;
}

/* In a child with its own mount namespace, whose mounts propagate to this one. */
static long in_peer_namespace(long (*act)(void))
{
	int status;
	pid_t pid;

	(void)mount(NULL, "/", NULL, MS_REC | MS_SHARED, NULL);
	pid = fork();
	if (pid == 0)
		_exit(unshare(CLONE_NEWNS) < 0 ? 255 : (int)-act());
	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? -WEXITSTATUS(status) : -EIO;
}

static long act_detach_bpffs(void)
{
	return lock_result(umount2(BPFFS, MNT_DETACH));
}

static long act_detach_sys(void)
{
	return lock_result(umount2("/sys", MNT_DETACH));
}

static long act_cover_bpffs(void)
{
	return cover(BPFFS);
}

static long unmount(pid_t daemon)
{
	(void)daemon;
	return lock_result(umount2(BPFFS, 0));
}

static long detach_bpffs(pid_t daemon)
{
	(void)daemon;
	return act_detach_bpffs();
}

static long detach_sys(pid_t daemon)
{
	(void)daemon;
	return act_detach_sys();
}

static long peer_detach_bpffs(pid_t daemon)
{
	(void)daemon;
	return in_peer_namespace(act_detach_bpffs);
}

static long peer_detach_sys(pid_t daemon)
{
	(void)daemon;
	return in_peer_namespace(act_detach_sys);
}

static long peer_cover(pid_t daemon)
{
	(void)daemon;
	return in_peer_namespace(act_cover_bpffs);
}

/*
 * In a child with its own mount namespace, where nothing is mounted on /sys. When the folder goes, the kernel
 * unmounts what is mounted on it in any namespace (fs/namei.c, detach_mounts).
 */
static long without_sys(int (*act)(void))
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
			_exit(255);
		while (umount2("/sys", MNT_DETACH) == 0)
			;
		_exit(act() < 0 ? errno : 0);
	}
	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? -WEXITSTATUS(status) : -EIO;
}

static int act_remove_sys(void)
{
	return rmdir("/sys");
}

static int act_replace_sys(void)
{
	(void)mkdir("/empty", 0755);
	return rename("/empty", "/sys");
}

static long remove_sys(pid_t daemon)
{
	(void)daemon;
	return without_sys(act_remove_sys);
}

static long replace_sys(pid_t daemon)
{
	(void)daemon;
	return without_sys(act_replace_sys);
}

const struct lock_attack lock_attacks_pins[] = {
	{ "unlink of a pinned map", unlink_pin, .lasts = true },
	{ "unlink of a pinned link", unlink_link, .lasts = true },
	{ "rename of a pin", rename_pin, .lasts = true },
	{ "rename of the folder", rename_folder, .lasts = true },
	{ "rename over a pin", replace_pin, .lasts = true },
	{ "rmdir", remove_folder, .lasts = true },
	{ "mkdir where links go", make_folder, .lasts = true },
	{ "a hard link to a pin", link_pin, .lasts = true },
	{ "pinning something there", pin_there, .lasts = true },
	{ "mount over the pins", cover_pins, .lasts = true },
	{ "mount over bpffs", cover_bpffs, .lasts = true },
	{ "mount over /sys", cover_sys, .lasts = true },
	{ "bind mount over bpffs", bind_over, .lasts = true },
	{ "move_mount over bpffs", cover_anew, .lasts = true },
	{ "mount over bpffs in a namespace that shares its mounts", peer_cover, .lasts = true },
	{ "remount of bpffs, read-only", remount, .lasts = true },
	{ "remount of the mount of bpffs, read-only", remount_bind, .lasts = true },
	{ "rmdir of /sys in another mount namespace", remove_sys, .lasts = true, .ends_pins = true },
	{ "rename over /sys in another mount namespace", replace_sys, .lasts = true, .ends_pins = true },
	{ "umount of bpffs in a namespace that shares its mounts", peer_detach_bpffs, .lasts = true,
	  .ends_pins = true },
	{ "umount -l of /sys in such a namespace", peer_detach_sys, .lasts = true, .ends_pins = true },
	{ "umount of bpffs", unmount, .lasts = true, .ends_pins = true },
	{ "umount -l of bpffs", detach_bpffs, .lasts = true, .ends_pins = true },
	{ "umount -l of /sys", detach_sys, .lasts = true, .ends_pins = true },
	{ 0 },
};
