// SPDX-License-Identifier: LGPL-2.1-or-later
/* See lock_attacks.h. Attacks by bpf(2): on maps, links, and by programs. */
#define _GNU_SOURCE
#include "lock_attacks.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "mseald/syscall_entry.h"

#define ELEMENTS(array) (sizeof(array) / sizeof((array)[0]))

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

static int find_map(pid_t daemon, const char *name, bool stolen)
{
	int last = -ENOENT;

	for (unsigned skip = 0;; skip++) {
		unsigned id;
		int fd = find_descriptor(daemon, "map_id:", skip, &id);

		if (fd < 0)
			return last;
		fd = stolen ? lock_steal(daemon, fd) : bpf_map_get_fd_by_id(id);
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
		mine += lock_got(bpf_link_get_fd_by_id(id)) == 0;
	return mine ? 0 : -EPERM;
}

static long map_by_pin(pid_t daemon)
{
	(void)daemon;
	return lock_got(bpf_obj_get(PINS "/maps/spaces"));
}

static long map_by_pin_read_only(pid_t daemon)
{
	union bpf_attr attr = { .pathname = (uintptr_t)PINS "/maps/state", .file_flags = BPF_F_RDONLY };

	(void)daemon;
	return lock_got((int)syscall(SYS_bpf, BPF_OBJ_GET, &attr, sizeof(attr)));
}

static int pinned_link(void)
{
	char path[PATH_MAX];

	return lock_find_pin(PINS "/{lock,links/*}/*", path) ? bpf_obj_get(path) : -ENOENT;
}

/* A descriptor can be obtained, but permits nothing. */
static long detach_pinned_link(pid_t daemon)
{
	int fd = pinned_link();
	long r;

	(void)daemon;
	if (fd < 0)
		return fd;
	r = lock_result(bpf_link_detach(fd));
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
	r = lock_result(bpf_link_update(fd, other, NULL));
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
	long r = lock_result(bpf_map_update_elem(fd, &key, value, BPF_ANY));

	(void)bpf_map_delete_elem(fd, &key);
	return r;
}

static long act_delete(int fd)
{
	__u64 key = 0x7fffffffffff, value[8] = { 0 };

	(void)bpf_map_update_elem(fd, &key, value, BPF_ANY);
	return lock_result(bpf_map_delete_elem(fd, &key));
}

static long act_look_up(int fd)
{
	__u64 key;

	return bpf_map_get_next_key(fd, NULL, &key) == 0 || errno == ENOENT ? 0 : -errno;
}

static long act_freeze(int fd)
{
	return lock_result(bpf_map_freeze(fd));
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

	return lock_got(
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
	r = lock_got(bpf_link_create(program, 0, BPF_TRACE_ITER, &opts));
	close(program);
	return r;
}

static long act_pin(int fd)
{
	long r = lock_result(bpf_obj_pin(fd, BPFFS "/stolen"));

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
	return lock_got(open(path, O_RDWR | O_CLOEXEC));
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
	return lock_got(
		bpf_prog_load(BPF_PROG_TYPE_KPROBE, "test", "GPL", program, ELEMENTS(program), &opts));
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
	return lock_got(bpf_prog_load(BPF_PROG_TYPE_RAW_TRACEPOINT, "test", "GPL", program, ELEMENTS(program),
				      &opts));
}

/* Turns ftrace off, and with it all attached BPF programs. */
static long switch_off(pid_t daemon)
{
	int fd = open("/proc/sys/kernel/ftrace_enabled", O_WRONLY | O_CLOEXEC);
	long r = fd < 0 ? -errno : lock_result(write(fd, "0", 1));

	(void)daemon;
	if (fd >= 0) {
		(void)!pwrite(fd, "1", 1, 0);
		close(fd);
	}
	return r;
}

const struct lock_attack lock_attacks_bpf[] = {
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
	{ 0 },
};
