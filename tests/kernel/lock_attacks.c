/* SPDX-License-Identifier: LGPL-2.1-or-later */
#define _GNU_SOURCE
#include "lock_attacks.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <inttypes.h>
#include <limits.h>
#include <linux/bpf.h>
#include <linux/mount.h>
#include <linux/perf_event.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "attack.h"
#include "daemon.h"
#include "mseald/syscall_entry.h"
#include "puppet.h"

#define ELEMENTS(array) (sizeof(array) / sizeof((array)[0]))

static long result_of(long result)
{
	return result < 0 ? -errno : 0;
}

/* Closes the descriptor, if it is one. */
static long got(int fd)
{
	long r = result_of(fd);

	if (fd >= 0)
		close(fd);
	return r;
}

/* --- descriptors of the daemon --- */

/* Finds a descriptor of the daemon with a line in fdinfo that begins so; its number in *ret, or -ENOENT. */
static int find_descriptor(pid_t daemon, const char *begins, unsigned skip, unsigned *ret)
{
	char path[300], line[128];
	struct dirent *entry;
	int found = -ENOENT;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/fdinfo", daemon);
	dir = opendir(path);
	while (dir && found < 0 && (entry = readdir(dir))) {
		FILE *file;

		snprintf(path, sizeof(path), "/proc/%d/fdinfo/%s", daemon, entry->d_name);
		file = fopen(path, "r");
		while (file && fgets(line, sizeof(line), file))
			if (strncmp(line, begins, strlen(begins)) == 0 && skip-- == 0) {
				*ret = (unsigned)atoi(line + strlen(begins));
				found = atoi(entry->d_name);
			}
		if (file)
			fclose(file);
	}
	if (dir)
		closedir(dir);
	return found;
}

static bool is_called(int fd, const char *name)
{
	struct bpf_map_info info = { 0 };
	__u32 size = sizeof(info);

	return bpf_obj_get_info_by_fd(fd, &info, &size) == 0 && strcmp(info.name, name) == 0;
}

static int steal(pid_t daemon, int fd)
{
	int process = (int)syscall(SYS_pidfd_open, daemon, 0), r;

	if (process < 0)
		return -errno;
	r = (int)syscall(SYS_pidfd_getfd, process, fd, 0);
	r = r < 0 ? -errno : r;
	close(process);
	return r;
}

static int find_map(pid_t daemon, const char *name, bool stolen)
{
	int last = -ENOENT;

	for (unsigned skip = 0;; skip++) {
		unsigned id;
		int fd = find_descriptor(daemon, "map_id:", skip, &id);

		if (fd < 0)
			return last;
		fd = stolen ? steal(daemon, fd) : bpf_map_get_fd_by_id(id);
		if (fd < 0) {
			last = stolen ? fd : -errno;
			continue;
		}
		if (is_called(fd, name))
			return fd;
		close(fd);
		last = -ENOENT;
	}
}

int lock_map_by_id(pid_t daemon, const char *name)
{
	return find_map(daemon, name, false);
}

int lock_set_by_id(void)
{
	__u32 id = 0;

	while (bpf_map_get_next_id(id, &id) == 0) {
		int fd = bpf_map_get_fd_by_id(id);

		if (fd >= 0 && is_called(fd, "mseald_set"))
			return fd;
		close(fd);
	}
	return -ENOENT;
}

int lock_map_stolen(pid_t daemon, const char *name)
{
	return find_map(daemon, name, true);
}

/* --- descriptors by id and by pin --- */

static long map_by_id(pid_t daemon)
{
	int fd = lock_map_by_id(daemon, "spaces");

	if (fd >= 0)
		close(fd);
	return fd < 0 ? fd : 0;
}

/* Tries all maps, including seal sets: mseald's must not be among them. */
static long any_map_by_id(pid_t daemon)
{
	static const char *const names[] = { "spaces",	   "sets",	 "refs",	 "pending_forks",
					     "notes",	   "triggers",	 "watched",	 "marks",
					     "starts",	   "labels",	 "report",	 "events",
					     "mseald_set", "mseald.bss", "lock_guarded", "lock_ids",
					     "lock_links", "lock_tasks", "lock_denials", "lock_bpf.bss" };
	unsigned mine = 0;
	__u32 id = 0;

	(void)daemon;
	while (bpf_map_get_next_id(id, &id) == 0) {
		int fd = bpf_map_get_fd_by_id(id);

		for (size_t i = 0; fd >= 0 && i < ELEMENTS(names); i++)
			mine += is_called(fd, names[i]);
		if (fd >= 0)
			close(fd);
	}
	return mine ? 0 : -EPERM;
}

/* The VM has no other programs of these names. */
static long any_program_by_id(pid_t daemon)
{
	unsigned mine = 0;
	__u32 id = 0;

	(void)daemon;
	while (bpf_prog_get_next_id(id, &id) == 0) {
		struct bpf_prog_info info = { 0 };
		__u32 size = sizeof(info);
		int fd = bpf_prog_get_fd_by_id(id);

		if (fd < 0)
			continue;
		if (bpf_obj_get_info_by_fd(fd, &info, &size) == 0)
			mine += strncmp(info.name, "mseald_", 7) == 0 ||
				strncmp(info.name, "kill_", 5) == 0 ||
				strncmp(info.name, "override_", 9) == 0 ||
				strncmp(info.name, "lock_", 5) == 0;
		close(fd);
	}
	return mine ? 0 : -EPERM;
}

static long any_link_by_id(pid_t daemon)
{
	unsigned mine = 0;
	__u32 id = 0;

	(void)daemon;
	while (bpf_link_get_next_id(id, &id) == 0)
		mine += got(bpf_link_get_fd_by_id(id)) == 0;
	return mine ? 0 : -EPERM;
}

static long map_by_pin(pid_t daemon)
{
	(void)daemon;
	return got(bpf_obj_get(PINS "/maps/spaces"));
}

static long map_by_pin_read_only(pid_t daemon)
{
	union bpf_attr attr = { .pathname = (uintptr_t)PINS "/maps/state", .file_flags = BPF_F_RDONLY };

	(void)daemon;
	return got((int)syscall(SYS_bpf, BPF_OBJ_GET, &attr, sizeof(attr)));
}

/*
 * The first pin in this place, of the lock or of any generation: which one it is depends on how often mseald
 * has been started before.
 */
static bool find_pin(const char *place, char path[PATH_MAX])
{
	glob_t pins = { 0 };
	bool found = glob(place, GLOB_BRACE, NULL, &pins) == 0;

	if (found)
		snprintf(path, PATH_MAX, "%s", pins.gl_pathv[0]);
	globfree(&pins);
	return found;
}

static int pinned_link(void)
{
	char path[PATH_MAX];

	return find_pin(PINS "/{lock,links/*}/*", path) ? bpf_obj_get(path) : -ENOENT;
}

/* A descriptor can be obtained, but permits nothing. */
static long detach_pinned_link(pid_t daemon)
{
	int fd = pinned_link();
	long r;

	(void)daemon;
	if (fd < 0)
		return fd;
	r = result_of(bpf_link_detach(fd));
	close(fd);
	return r;
}

static long update_pinned_link(pid_t daemon)
{
	const struct bpf_insn program[] = { { .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0 },
					    { .code = BPF_JMP | BPF_EXIT } };
	LIBBPF_OPTS(bpf_prog_load_opts, opts);
	int fd = pinned_link(), other = bpf_prog_load(BPF_PROG_TYPE_SOCKET_FILTER, "test", "GPL", program,
						      ELEMENTS(program), &opts);
	long r;

	(void)daemon;
	if (fd < 0 || other < 0)
		return -EIO;
	r = result_of(bpf_link_update(fd, other, NULL));
	close(fd);
	close(other);
	return r;
}

/* --- uses of a descriptor --- */

static long with_map(pid_t daemon, const char *name, bool stolen, long (*act)(int fd))
{
	int fd = find_map(daemon, name, stolen);
	long r;

	if (fd < 0)
		return fd;
	r = act(fd);
	close(fd);
	return r;
}

static long act_update(int fd)
{
	__u64 key = 0x7fffffffffff, value[8] = { 0 };
	long r = result_of(bpf_map_update_elem(fd, &key, value, BPF_ANY));

	(void)bpf_map_delete_elem(fd, &key);
	return r;
}

static long act_delete(int fd)
{
	__u64 key = 0x7fffffffffff, value[8] = { 0 };

	(void)bpf_map_update_elem(fd, &key, value, BPF_ANY);
	return result_of(bpf_map_delete_elem(fd, &key));
}

static long act_look_up(int fd)
{
	__u64 key;

	return bpf_map_get_next_key(fd, NULL, &key) == 0 || errno == ENOENT ? 0 : -errno;
}

static long act_freeze(int fd)
{
	return result_of(bpf_map_freeze(fd));
}

/* A foreign program that uses the map. */
static long act_refer(int fd)
{
	const struct bpf_insn program[] = {
		{ .code = BPF_LD | BPF_DW | BPF_IMM,
		  .dst_reg = BPF_REG_1,
		  .src_reg = BPF_PSEUDO_MAP_FD,
		  .imm = fd },
		{ 0 },
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	LIBBPF_OPTS(bpf_prog_load_opts, opts);

	return got(
		bpf_prog_load(BPF_PROG_TYPE_SOCKET_FILTER, "test", "GPL", program, ELEMENTS(program), &opts));
}

static int load_traced(enum bpf_prog_type type, enum bpf_attach_type attach, const char *target, int value);

/* An iterator over the elements of the map. */
static long act_iterate(int fd)
{
	int program = load_traced(BPF_PROG_TYPE_TRACING, BPF_TRACE_ITER, "bpf_map_elem", 0);
	union bpf_iter_link_info info = { .map = { .map_fd = (__u32)fd } };
	LIBBPF_OPTS(bpf_link_create_opts, opts, .iter_info = &info, .iter_info_len = sizeof(info));
	long r;

	if (program < 0)
		return program;
	r = got(bpf_link_create(program, 0, BPF_TRACE_ITER, &opts));
	close(program);
	return r;
}

static long act_pin(int fd)
{
	long r = result_of(bpf_obj_pin(fd, BPFFS "/stolen"));

	(void)unlink(BPFFS "/stolen");
	return r;
}

#define WITH_MAP(function, map, stolen, act) \
	static long function(pid_t daemon) \
	{ \
		return with_map(daemon, map, stolen, act); \
	}
WITH_MAP(stolen_update, "spaces", true, act_update)
WITH_MAP(stolen_delete, "spaces", true, act_delete)
WITH_MAP(stolen_look_up, "spaces", true, act_look_up)
WITH_MAP(stolen_freeze, "marks", true, act_freeze)
WITH_MAP(stolen_refer, "spaces", true, act_refer)
WITH_MAP(refer, "spaces", false, act_refer)
WITH_MAP(iterate, "spaces", false, act_iterate)
WITH_MAP(pin_elsewhere, "spaces", false, act_pin)

/* Not possible at all: an object that is no file cannot be opened there. */
static long open_proc_fd(pid_t daemon)
{
	char path[64];
	unsigned id;
	int fd = find_descriptor(daemon, "map_id:", 0, &id);

	snprintf(path, sizeof(path), "/proc/%d/fd/%d", daemon, fd);
	return got(open(path, O_RDWR | O_CLOEXEC));
}

/* --- programs --- */

/* Loads "return value", on this target; name: for libbpf. */
static int load_traced(enum bpf_prog_type type, enum bpf_attach_type attach, const char *target, int value)
{
	const struct bpf_insn program[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = value },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	LIBBPF_OPTS(bpf_prog_load_opts, opts, .expected_attach_type = attach);
	int id = libbpf_find_vmlinux_btf_id(target, attach), fd;

	if (id <= 0)
		return -ENOENT;
	opts.attach_btf_id = (__u32)id;
	fd = bpf_prog_load(type, "test", "GPL", program, ELEMENTS(program), &opts);
	return fd < 0 ? -errno : fd;
}

static long got_traced(int fd)
{
	if (fd >= 0)
		close(fd);
	return fd < 0 ? fd : 0;
}

static long override_check(pid_t daemon)
{
	(void)daemon;
	return got_traced(load_traced(BPF_PROG_TYPE_TRACING, BPF_MODIFY_RETURN, "security_bpf_map", 1));
}

int lock_override_check(void)
{
	int fd = load_traced(BPF_PROG_TYPE_TRACING, BPF_MODIFY_RETURN, "security_bpf_map", 1), link;

	if (fd < 0)
		return fd;
	link = bpf_link_create(fd, 0, BPF_MODIFY_RETURN, NULL);
	close(fd);
	return link < 0 ? -errno : link;
}

/* Could tell mseald that a commit of seals, which the kernel has not made, has been made. */
static long override_call(pid_t daemon)
{
	(void)daemon;
	return got_traced(load_traced(BPF_PROG_TYPE_TRACING, BPF_MODIFY_RETURN, SYSCALL_ENTRY(bpf), 1));
}

/* The same by a kprobe. */
static long override_call_by_kprobe(pid_t daemon)
{
	const struct bpf_insn program[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_2 },
		{ .code = BPF_JMP | BPF_CALL, .imm = BPF_FUNC_override_return },
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	LIBBPF_OPTS(bpf_prog_load_opts, opts);

	(void)daemon;
	return got(bpf_prog_load(BPF_PROG_TYPE_KPROBE, "test", "GPL", program, ELEMENTS(program), &opts));
}

static long cgroup_check(pid_t daemon)
{
	(void)daemon;
	return got_traced(load_traced(BPF_PROG_TYPE_LSM, BPF_LSM_CGROUP, "bpf_map", 1));
}

static long write_user(pid_t daemon)
{
	const struct bpf_insn program[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_X, .dst_reg = BPF_REG_2, .src_reg = BPF_REG_10 },
		{ .code = BPF_ALU64 | BPF_ADD | BPF_K, .dst_reg = BPF_REG_2, .imm = -8 },
		{ .code = BPF_ST | BPF_MEM | BPF_DW, .dst_reg = BPF_REG_2 },
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_1 },
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_3, .imm = 8 },
		{ .code = BPF_JMP | BPF_CALL, .imm = BPF_FUNC_probe_write_user },
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	LIBBPF_OPTS(bpf_prog_load_opts, opts);

	(void)daemon;
	return got(bpf_prog_load(BPF_PROG_TYPE_RAW_TRACEPOINT, "test", "GPL", program, ELEMENTS(program),
				 &opts));
}

/* Turns ftrace off, and with it all attached BPF programs. */
static long switch_off(pid_t daemon)
{
	int fd = open("/proc/sys/kernel/ftrace_enabled", O_WRONLY | O_CLOEXEC);
	long r = fd < 0 ? -errno : result_of(write(fd, "0", 1));

	(void)daemon;
	if (fd >= 0) {
		(void)!pwrite(fd, "1", 1, 0);
		close(fd);
	}
	return r;
}

/* --- pins --- */

static long unlink_pin(pid_t daemon)
{
	(void)daemon;
	return result_of(unlink(PINS "/maps/notes"));
}

static long unlink_link(pid_t daemon)
{
	char path[PATH_MAX];

	(void)daemon;
	if (!find_pin(PINS "/{lock/lock_bpf_map,links/*/mseald_task_prctl}", path))
		return -ENOENT;
	return result_of(unlink(path));
}

static long rename_pin(pid_t daemon)
{
	long r = result_of(rename(PINS "/maps/marks", BPFFS "/moved"));

	(void)daemon;
	(void)rename(BPFFS "/moved", PINS "/maps/marks");
	return r;
}

static long rename_folder(pid_t daemon)
{
	long r = result_of(rename(PINS, BPFFS "/moved"));

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
	r = result_of(rename(BPFFS "/mine", PINS "/maps/labels"));
	(void)unlink(BPFFS "/mine");
	close(fd);
	return r;
}

static long make_folder(pid_t daemon)
{
	long r = result_of(mkdir(PINS "/links/99", 0700));

	(void)daemon;
	(void)rmdir(PINS "/links/99");
	return r;
}

static long remove_folder(pid_t daemon)
{
	/* The folder is full, so the kernel itself refuses: ENOTEMPTY means allowed. */
	long r = result_of(rmdir(PINS "/maps"));

	(void)daemon;
	return r == -ENOTEMPTY ? 0 : r;
}

static long link_pin(pid_t daemon)
{
	long r = result_of(link(PINS "/maps/state", BPFFS "/linked"));

	(void)daemon;
	(void)unlink(BPFFS "/linked");
	return r;
}

static long pin_there(pid_t daemon)
{
	__u32 size = 4;
	int fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "test", size, size, 1, NULL);
	long r = result_of(bpf_obj_pin(fd, PINS "/maps/mine"));

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
	long r = result_of(mount("tmpfs", where, "tmpfs", 0, NULL));

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
	long r = result_of(mount("/tmp", BPFFS, NULL, MS_BIND, NULL));

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
	r = result_of(syscall(SYS_move_mount, mnt, "", AT_FDCWD, BPFFS, MOVE_MOUNT_F_EMPTY_PATH));
	if (r == 0)
		(void)umount2(BPFFS, MNT_DETACH);
	close(mnt);
	close(fs);
	return r;
}

static long remount(pid_t daemon)
{
	long r = result_of(mount(NULL, BPFFS, NULL, MS_REMOUNT | MS_RDONLY, NULL));

	(void)daemon;
	if (r == 0)
		(void)mount(NULL, BPFFS, NULL, MS_REMOUNT, NULL);
	return r;
}

/* Only of the mount, not of the file system. */
static long remount_bind(pid_t daemon)
{
	long r = result_of(mount(NULL, BPFFS, NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL));

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
	return result_of(umount2(BPFFS, MNT_DETACH));
}

static long act_detach_sys(void)
{
	return result_of(umount2("/sys", MNT_DETACH));
}

static long act_cover_bpffs(void)
{
	return cover(BPFFS);
}

static long unmount(pid_t daemon)
{
	(void)daemon;
	return result_of(umount2(BPFFS, 0));
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

/* --- the code of mseald --- */

/* The file that has this function of a library, and the place in it; -1: none. */
static int open_code(const void *function, int flags, char path[256], uint64_t *ret_offset)
{
	uint64_t at = (uintptr_t)function, start, end, offset;
	FILE *maps = fopen("/proc/self/maps", "re");
	char line[512];
	int fd = -1;

	while (maps && fd < 0 && fgets(line, sizeof(line), maps))
		if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %*s %" SCNx64 " %*s %*s %255s", &start, &end,
			   &offset, path) == 4 &&
		    start <= at && at < end) {
			*ret_offset = at - start + offset;
			fd = open(path, flags | O_CLOEXEC);
		}
	if (maps)
		fclose(maps);
	return fd;
}

static __attribute__((noinline, aligned(64))) int failing(void)
{
	return -1;
}

/*
 * Writes other code into the file of libbpf. Does mseald run it? Then it fails to seal. This test does not
 * call the function.
 */
static long overwrite_library(pid_t daemon)
{
	struct puppet *puppet = puppet_new();
	uint64_t page = puppet_pages(puppet, 1, PROT_READ), offset;
	struct range range = { page, page + PAGE };
	char path[256], old[16];
	int fd = open_code(bpf_prog_test_run_opts, O_RDWR, path, &offset);
	const char *error;

	(void)daemon;
	if (fd < 0 || pread(fd, old, sizeof(old), (off_t)offset) != sizeof(old) ||
	    pwrite(fd, (const void *)failing, sizeof(old), (off_t)offset) != sizeof(old))
		return -EIO;
	error = daemon_seal(&(struct seal_order){ .pid = puppet->pid, .ranges = &range, .count = 1 }, NULL);
	if (pwrite(fd, old, sizeof(old), (off_t)offset) != sizeof(old))
		return -EIO;
	close(fd);
	puppet_end(puppet);
	return error ? 0 : -EPERM;
}

/* A breakpoint in the code of mseald, which Status reaches. -ESRCH: it is not reached. */
static long uprobe(pid_t daemon)
{
	FILE *file = fopen("/sys/bus/event_source/devices/uprobe/type", "re");
	struct perf_event_attr attr = { .size = sizeof(attr) };
	uint64_t offset, hits = 0;
	char path[256];
	int fd;

	if (!file || fscanf(file, "%u", &attr.type) != 1)
		return -EIO;
	fclose(file);
	fd = open_code(bpf_obj_get_info_by_fd, O_RDONLY, path, &offset);
	close(fd);
	attr.config1 = (uintptr_t)path;
	attr.config2 = offset;
	fd = (int)syscall(SYS_perf_event_open, &attr, daemon, -1, -1, PERF_FLAG_FD_CLOEXEC);
	if (fd < 0)
		return -errno;
	for (int i = 0; i < 10; i++)
		(void)daemon_call("Status", NULL, NULL);
	if (read(fd, &hits, sizeof(hits)) != sizeof(hits))
		return -EIO;
	close(fd);
	return hits ? 0 : -ESRCH;
}

/* --- mseald itself --- */

static long trace(pid_t daemon)
{
	long r = result_of(ptrace(PTRACE_SEIZE, daemon, NULL, NULL));
	int status;

	if (r == 0) {
		(void)ptrace(PTRACE_INTERRUPT, daemon, NULL, NULL);
		(void)waitpid(daemon, &status, 0);
		(void)ptrace(PTRACE_DETACH, daemon, NULL, NULL);
	}
	return r;
}

static long open_memory(pid_t daemon)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/mem", daemon);
	return got(open(path, O_RDWR | O_CLOEXEC));
}

/* At a writable address; nothing is changed. */
static long write_memory(pid_t daemon)
{
	char path[64], line[256], byte;
	unsigned long at = 0;
	struct iovec here = { &byte, 1 }, there;
	FILE *maps;

	snprintf(path, sizeof(path), "/proc/%d/maps", daemon);
	maps = fopen(path, "r");
	while (maps && fgets(line, sizeof(line), maps))
		if (strstr(line, "[stack]") && sscanf(line, "%*x-%lx", &at) == 1)
			at -= 64;
	if (maps)
		fclose(maps);
	there = (struct iovec){ (void *)at, 1 };
	if (process_vm_readv(daemon, &here, 1, &there, 1, 0) < 0)
		return -errno;
	return result_of(process_vm_writev(daemon, &here, 1, &there, 1, 0));
}

static long take_descriptor(pid_t daemon)
{
	int fd = steal(daemon, 2);

	if (fd >= 0)
		close(fd);
	return fd < 0 ? fd : 0;
}

static long limit(pid_t daemon)
{
	struct rlimit old, none = { 3, 0 };

	if (prlimit(daemon, RLIMIT_NOFILE, NULL, &old) < 0)
		return -errno;
	none.rlim_max = old.rlim_max;
	if (prlimit(daemon, RLIMIT_NOFILE, &none, NULL) < 0)
		return -errno;
	return result_of(prlimit(daemon, RLIMIT_NOFILE, &old, NULL));
}

/* --- signals --- */

/* Within three seconds. */
static bool is_stopped(pid_t daemon)
{
	char path[64], state = 0;

	snprintf(path, sizeof(path), "/proc/%d/stat", daemon);
	for (int i = 0; i < 30 && state != 'T'; i++) {
		FILE *file = fopen(path, "r");

		if (file && fscanf(file, "%*d (%*[^)]) %c", &state) != 1)
			state = 0;
		if (file)
			fclose(file);
		nap(100);
	}
	return state == 'T';
}

static long stop_by(pid_t daemon, long result)
{
	if (result < 0)
		return -errno;
	if (!is_stopped(daemon))
		return -ESRCH;
	(void)kill(daemon, SIGCONT);
	return 0;
}

static long stop_by_kill(pid_t daemon)
{
	return stop_by(daemon, kill(daemon, SIGSTOP));
}

static long stop_by_tgkill(pid_t daemon)
{
	return stop_by(daemon, syscall(SYS_tgkill, daemon, daemon, SIGSTOP));
}

static long stop_by_sigqueue(pid_t daemon)
{
	return stop_by(daemon, sigqueue(daemon, SIGSTOP, (union sigval){ 0 }));
}

static long stop_by_pidfd(pid_t daemon)
{
	int process = (int)syscall(SYS_pidfd_open, daemon, 0);
	long r = stop_by(daemon, syscall(SYS_pidfd_send_signal, process, SIGSTOP, NULL, 0));

	close(process);
	return r;
}

/* A socket that signals input to its owner, by this signal. */
static long stop_by_owner(pid_t daemon)
{
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return -errno;
	if (fcntl(pair[0], F_SETOWN, daemon) < 0 || fcntl(pair[0], F_SETSIG, SIGSTOP) < 0 ||
	    fcntl(pair[0], F_SETFL, O_ASYNC) < 0)
		return -EIO;
	(void)!write(pair[1], "x", 1);
	close(pair[1]);
	close(pair[0]);
	return stop_by(daemon, 0);
}

/* A perf event that sends SIGTRAP, for which the kernel calls no hook. -ESRCH: mseald goes on. */
static long trap(pid_t daemon)
{
	struct perf_event_attr attr = { .size = sizeof(attr),
					.type = PERF_TYPE_SOFTWARE,
					.config = PERF_COUNT_SW_CONTEXT_SWITCHES,
					.sample_period = 1,
					.sigtrap = 1,
					.remove_on_exec = 1 };
	int fd = (int)syscall(SYS_perf_event_open, &attr, daemon, -1, -1, PERF_FLAG_FD_CLOEXEC);
	bool alive = true;

	if (fd < 0)
		return -errno;
	for (int i = 0; i < 10 && alive; i++) {
		alive = daemon_alive();
		nap(100);
	}
	close(fd);
	return alive ? -ESRCH : 0;
}

bool lock_leaves_others(void)
{
	int fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "spaces", 4, 4, 1, NULL), other = -1;
	struct bpf_map_info info = { 0 };
	__u32 size = sizeof(info);
	bool good;

	if (fd >= 0 && bpf_obj_get_info_by_fd(fd, &info, &size) == 0)
		other = bpf_map_get_fd_by_id(info.id);
	good = other >= 0;
	close(other);
	close(fd);
	return good;
}

bool lock_leaves_tracing(pid_t pid)
{
	return trace(pid) == 0;
}

const struct lock_attack lock_attacks[] = {
	{ "BPF_MAP_GET_FD_BY_ID", map_by_id },
	{ "BPF_MAP_GET_FD_BY_ID of every map, seal sets too", any_map_by_id, .lasts = true },
	{ "BPF_PROG_GET_FD_BY_ID of every program", any_program_by_id, .lasts = true },
	{ "BPF_LINK_GET_FD_BY_ID of every link", any_link_by_id, .lasts = true },
	{ "BPF_OBJ_GET of a map", map_by_pin, .lasts = true },
	{ "BPF_OBJ_GET of a map, only to read", map_by_pin_read_only, .lasts = true },
	{ "BPF_LINK_DETACH of a pinned link", detach_pinned_link, .when_locked = -EOPNOTSUPP,
	  .by_kernel = true },
	{ "BPF_LINK_UPDATE of a pinned link", update_pinned_link, .when_locked = -EINVAL, .by_kernel = true },
	{ "a map's descriptor by pidfd_getfd, and update", stolen_update },
	{ "the same, delete", stolen_delete },
	{ "the same, look up", stolen_look_up },
	{ "the same, a program that refers to the map", stolen_refer },
	{ "the same, BPF_MAP_FREEZE", stolen_freeze },
	{ "a map's descriptor by /proc/PID/fd", open_proc_fd, .when_locked = -ENXIO, .by_kernel = true },
	{ "a program that refers to a map got by id", refer },
	{ "an iterator over the elements of a map", iterate },
	{ "pinning a map once more", pin_elsewhere },
	{ "loading fmod_ret on security_bpf_map", override_check, .lasts = true },
	{ "loading fmod_ret on bpf(2)", override_call, .lasts = true, .not_here = -EINVAL },
	{ "loading a program with bpf_override_return", override_call_by_kprobe, .lasts = true,
	  .not_here = -EINVAL },
	{ "loading an LSM program of cgroups on bpf_map", cgroup_check, .lasts = true },
	{ "loading a program with bpf_probe_write_user", write_user, .lasts = true, .when_locked = -EINVAL },
	{ "turning ftrace off", switch_off, .lasts = true, .not_here = -EOPNOTSUPP },
	{ "unlink of a pinned map", unlink_pin, .lasts = true },
	{ "unlink of a pinned link", unlink_link, .lasts = true },
	{ "rename of a pin", rename_pin, .lasts = true },
	{ "rename of the folder", rename_folder, .lasts = true },
	{ "rename over a pin", replace_pin, .lasts = true },
	{ "rmdir", remove_folder, .lasts = true },
	{ "mkdir where links go", make_folder, .lasts = true },
	{ "a hard link to a pin", link_pin, .lasts = true },
	{ "pinning something there", pin_there, .lasts = true },
	{ "overwriting a library that mseald has mapped", overwrite_library },
	{ "a uprobe in a library of mseald", uprobe, .when_locked = -ESRCH },
	{ "ptrace", trace },
	{ "process_vm_readv, process_vm_writev", write_memory },
	{ "/proc/PID/mem", open_memory, .when_locked = -EACCES },
	{ "pidfd_getfd", take_descriptor },
	{ "prlimit", limit },
	{ "SIGSTOP by kill", stop_by_kill },
	{ "SIGSTOP by tgkill", stop_by_tgkill },
	{ "SIGSTOP by rt_sigqueueinfo", stop_by_sigqueue },
	{ "SIGSTOP by pidfd_send_signal", stop_by_pidfd },
	{ "SIGSTOP by F_SETSIG", stop_by_owner, .when_locked = -ESRCH },
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
	{ "SIGTRAP by a perf event", trap, .when_locked = -ESRCH }, /* last: it ends mseald */
};
const size_t lock_attacks_count = ELEMENTS(lock_attacks);
