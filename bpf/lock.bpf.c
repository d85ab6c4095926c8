// SPDX-License-Identifier: GPL-2.0-only
/*
 * The lock (Lock=yes): only the daemon that took it reaches its maps, programs, links and pins, until the
 * next boot; other processes do not, root included. It is a BPF object of its own, loaded and attached before
 * the maps of mseald are made, and only with Lock=yes. LSM hooks, which cannot be raced. bpf/lock_pins.bpf.c
 * guards the pins and their mounts.
 *
 *   lsm/task_alloc, task_free, bprm_committing_creds   track the tasks of mseald: the task that took the
 *                       lock, and its forks until they exec
 *   lsm/bpf_map, bpf_prog   every descriptor of a map or program is made there (kernel/bpf/syscall.c,
 *                       bpf_map_new_fd, bpf_prog_new_fd). A map or program that mseald gets a descriptor of
 *                       is guarded from then on, and refused to others
 *   lsm/bpf_map_free    a guarded map has ended (before 6.9: bpf_map_free_security)
 *   lsm/bpf             a descriptor of a link by its id. A descriptor by the link's pin is allowed: it
 *                       permits no change of a link of these kinds (no detach, no update)
 *   lsm/locked_down     bpf_probe_write_user, which could write to mseald's memory
 *   lsm/file_open       writes to the sysctl that turns ftrace off, and with it all attached programs
 *                       (kernel/trace/ftrace.c)
 *   lsm/ptrace_access_check, task_setrlimit   protect mseald itself
 *   lsm/task_kill, file_send_sigiotask        the same, with LockSignals=yes
 *   syscall: lock_engage   the daemon takes the lock
 *   iter/bpf_map, bpf_prog   list the guarded maps that are open, and programs of others that refer to
 *                       them: another process may have reached them before the lock
 */
#include "lock.h"

#define ANCESTORS 64

struct mseald_lock lock;

/* Seal sets, and spare maps for new sets, are most of the entries. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 2 * MSEALD_MAX_SETS);
	__type(key, u64); /* struct bpf_map: removed before the map is freed */
	__type(value, u32);
} lock_guarded SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, u32); /* id of a program: reused after 2^31 others */
	__type(value, u32);
} lock_ids SEC(".maps");

/* Ids of links. The daemon enters each link when it makes it. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, MSEALD_LOCK_MAX_LINKS);
	__type(key, u32);
	__type(value, u32);
} lock_links SEC(".maps");

struct lock_tasks_map lock_tasks SEC(".maps");
struct lock_denials_map lock_denials SEC(".maps");

struct kernel_siginfo;
union bpf_attr;

char LICENSE[] SEC("license") = "GPL";

/* --- the tasks of mseald --- */

SEC("lsm/task_alloc")
int BPF_PROG(lock_task_alloc, struct task_struct *child)
{
	u64 name = (u64)child;
	u32 one = 1;

	if (!by_us())
		return 0;
	return bpf_map_update_elem(&lock_tasks, &name, &one, BPF_ANY) ? -EAGAIN : 0;
}

SEC("lsm/task_free")
int BPF_PROG(lock_task_free, struct task_struct *task)
{
	u64 name = (u64)task;

	bpf_map_delete_elem(&lock_tasks, &name);
	return 0;
}

SEC("lsm/bprm_committing_creds")
int BPF_PROG(lock_exec)
{
	u64 name = bpf_get_current_task();

	bpf_map_delete_elem(&lock_tasks, &name);
	return 0;
}

/* --- descriptors --- */

SEC("lsm/bpf_map")
int BPF_PROG(lock_bpf_map, struct bpf_map *map)
{
	u64 name = (u64)map;
	u32 one = 1;
	int err;

	if (!lock.on)
		return 0;
	if (!by_us())
		return bpf_map_lookup_elem(&lock_guarded, &name) ? deny(MSEALD_LOCK_OP_MAP) : 0;
	if (bpf_map_lookup_elem(&lock_guarded, &name))
		return 0;
	err = bpf_map_update_elem(&lock_guarded, &name, &one, BPF_ANY);
	if (err)
		return -EPERM;
	__sync_fetch_and_add(&lock.maps, 1);
	return 0;
}

static __always_inline void map_ended(struct bpf_map *map)
{
	u64 name = (u64)map;

	if (bpf_map_delete_elem(&lock_guarded, &name) == 0)
		__sync_fetch_and_add(&lock.maps, -1);
}

SEC("lsm/bpf_map_free")
int BPF_PROG(lock_map_free, struct bpf_map *map)
{
	map_ended(map);
	return 0;
}

SEC("lsm/bpf_map_free_security")
int BPF_PROG(lock_map_free_security, struct bpf_map *map)
{
	map_ended(map);
	return 0;
}

/* In 6.18 and later a uprobe may change the registers of its process. */
struct bpf_prog_aux___write_ctx {
	bool kprobe_write_ctx;
} __attribute__((preserve_access_index));

/* It has a call of bpf_override_return. */
struct bpf_prog___override {
	u16 kprobe_override : 1;
} __attribute__((preserve_access_index));

/*
 * Could the program undo the lock? kernel/bpf/syscall.c tests the result of security_bpf_map() for less than
 * 0, so a number above 0 means "allowed". fmod_ret on the function may return one; so may LSM programs of
 * cgroups, by bpf_set_retval. Where the kernel has error injection, fmod_ret and bpf_override_return replace
 * results of whole system calls: mseald's bpf(2) could claim a commit that was not made.
 */
static __always_inline bool is_harmful(struct bpf_prog *prog)
{
	struct bpf_prog_aux___write_ctx *write = (void *)prog->aux;
	struct bpf_prog___override *override = (void *)prog;

	if (bpf_core_field_exists(write->kprobe_write_ctx) && BPF_CORE_READ(write, kprobe_write_ctx))
		return true;
	return BPF_CORE_READ_BITFIELD_PROBED(override, kprobe_override) ||
	       prog->expected_attach_type == BPF_LSM_CGROUP ||
	       prog->expected_attach_type == BPF_MODIFY_RETURN;
}

SEC("lsm/bpf_prog")
int BPF_PROG(lock_bpf_prog, struct bpf_prog *prog)
{
	u32 id = BPF_CORE_READ(prog, aux, id), one = 1;

	if (!lock.on)
		return 0;
	if (!by_us()) {
		if (bpf_map_lookup_elem(&lock_ids, &id))
			return deny(MSEALD_LOCK_OP_PROGRAM);
		return is_harmful(prog) ? deny(MSEALD_LOCK_OP_LOAD) : 0;
	}
	if (bpf_map_lookup_elem(&lock_ids, &id))
		return 0;
	if (bpf_map_update_elem(&lock_ids, &id, &one, BPF_ANY))
		return -EPERM;
	__sync_fetch_and_add(&lock.programs, 1);
	return 0;
}

SEC("lsm/bpf")
int BPF_PROG(lock_bpf, int cmd, union bpf_attr *attr)
{
	u32 id = 0;

	if (cmd != BPF_LINK_GET_FD_BY_ID || !lock.on)
		return 0;
	/* The kernel's own copy; the id comes first. */
	bpf_probe_read_kernel(&id, sizeof(id), attr);
	if (!bpf_map_lookup_elem(&lock_links, &id) || by_us())
		return 0;
	return deny(MSEALD_LOCK_OP_LINK);
}

SEC("lsm/locked_down")
int BPF_PROG(lock_locked_down, enum lockdown_reason what)
{
	if (!lock.on || what != bpf_core_enum_value(enum lockdown_reason, LOCKDOWN_BPF_WRITE_USER))
		return 0;
	return deny(MSEALD_LOCK_OP_LOAD);
}

/* In procfs only the kernel names files. */
SEC("lsm/file_open")
int BPF_PROG(lock_file_open, struct file *file)
{
	static const char wanted[16] = "ftrace_enabled";
	char name[16] = {};

	if (!((u32)file->f_mode & FMODE_WRITE) || !lock.on ||
	    file->f_inode->i_sb->s_magic != PROC_SUPER_MAGIC)
		return 0;
	bpf_probe_read_kernel_str(name, sizeof(name), BPF_CORE_READ(file, f_path.dentry, d_name.name));
	if (*(u64 *)name != *(const u64 *)wanted || *(u64 *)(name + 8) != *(const u64 *)(wanted + 8))
		return 0;
	return deny(MSEALD_LOCK_OP_SWITCH);
}

/* --- mseald itself --- */

SEC("lsm/ptrace_access_check")
int BPF_PROG(lock_ptrace_access_check, struct task_struct *child, unsigned int mode)
{
	if (!(mode & PTRACE_MODE_ATTACH) || !is_ours((u64)child) || by_us())
		return 0;
	return deny(MSEALD_LOCK_OP_TRACE);
}

SEC("lsm/task_setrlimit")
int BPF_PROG(lock_task_setrlimit, struct task_struct *task)
{
	return is_ours((u64)task) && !by_us() ? deny(MSEALD_LOCK_OP_LIMIT) : 0;
}

/* pid 1 while it shuts the machine down: it has this comm. */
static __always_inline bool by_shutdown(void)
{
	static const char wanted[16] = "systemd-shutdow";
	char name[16] = {};

	if (bpf_get_current_pid_tgid() >> 32 != 1)
		return false;
	bpf_get_current_comm(name, sizeof(name));
	return *(u64 *)name == *(const u64 *)wanted && *(u64 *)(name + 8) == *(const u64 *)(wanted + 8);
}

/*
 * SIGHUP comes with a reload, and SIGCONT is harmless. So is SIGTERM to the daemon: it blocks the signal and
 * checks itself whether any process is left (user/daemon/shutdown.c). A process that passes for pid 1 gains
 * nothing.
 */
SEC("lsm/task_kill")
int BPF_PROG(lock_task_kill, struct task_struct *task, struct kernel_siginfo *info, int sig)
{
	if (!lock.signals || !sig || sig == SIGHUP || sig == SIGCONT || !is_ours((u64)task) || by_us())
		return 0;
	if (sig == SIGTERM && (u32)BPF_CORE_READ(task, tgid) == lock.keeper && by_shutdown())
		return 0;
	return deny(MSEALD_LOCK_OP_SIGNAL);
}

/*
 * F_SETSIG turns SIGIO into any signal, and the current task is not the one that set it. mseald asks for
 * none.
 */
SEC("lsm/file_send_sigiotask")
int BPF_PROG(lock_file_send_sigiotask, struct task_struct *task)
{
	return lock.signals && is_ours((u64)task) ? deny_caller(MSEALD_LOCK_OP_SIGNAL, false) : 0;
}

/* --- run by the daemon --- */

/* The first mount namespace, that of the first task. It lasts as long as kernel threads do. */
static __always_inline struct mnt_namespace *first_namespace(struct task_struct *task)
{
	for (int i = 0; i < ANCESTORS; i++) {
		if (!BPF_CORE_READ(task, pid))
			return BPF_CORE_READ(task, nsproxy, mnt_ns);
		task = BPF_CORE_READ(task, real_parent);
	}
	return NULL;
}

/* Can the programs of lock_pins.bpf.c follow the path from a mount up to the root? */
static __always_inline bool is_near(struct mount *at)
{
	for (int i = 0; i < MOUNTS_DEEP - 2; i++) {
		struct mount *up = BPF_CORE_READ(at, mnt_parent);

		if (up == at)
			return true;
		at = up;
	}
	return false;
}

/* Takes the lock for the calling task. Its working directory is the folder of pins, in the mount to guard. */
SEC("syscall")
int lock_engage(struct mseald_lock_engage *request)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct vfsmount *mnt = BPF_CORE_READ(task, fs, pwd.mnt);
	struct mnt_namespace *first = first_namespace(task);
	u64 name = bpf_get_current_task();
	u32 one = 1;

	request->why = MSEALD_LOCK_OK;
	if (BPF_CORE_READ(task, ptrace))
		request->why = MSEALD_LOCK_TRACED;
	else if (BPF_CORE_READ(mnt, mnt_sb, s_magic) != BPF_FS_MAGIC)
		request->why = MSEALD_LOCK_NOT_BPFFS;
	else if (!first || BPF_CORE_READ(mount_of(mnt), mnt_ns) != first)
		request->why = MSEALD_LOCK_NAMESPACE;
	else if (!is_near(mount_of(mnt)))
		request->why = MSEALD_LOCK_DEPTH;
	else if (bpf_map_update_elem(&lock_tasks, &name, &one, BPF_ANY))
		request->why = MSEALD_LOCK_NO_ROOM;
	if (request->why)
		return 0;
	lock.mount = (u64)mount_of(mnt);
	lock.super = (u64)BPF_CORE_READ(mnt, mnt_sb);
	lock.folder = (u64)BPF_CORE_READ(task, fs, pwd.dentry);
	lock.signals = request->signals;
	lock.keeper = (u32)BPF_CORE_READ(task, tgid);
	lock.on = 1;
	return 0;
}

/* --- objects that other processes hold --- */

SEC("iter/bpf_map")
int lock_maps(struct bpf_iter__bpf_map *ctx)
{
	struct bpf_map *map = ctx->map;
	struct mseald_lock_map out = {};
	u64 name = (u64)map;

	if (!map || !bpf_map_lookup_elem(&lock_guarded, &name))
		return 0;
	out.id = map->id;
	out.users = map->usercnt.counter;
	if (!out.users)
		return 0; /* a seal set that is not open */
	bpf_probe_read_kernel_str(out.name, sizeof(out.name), map->name);
	bpf_seq_write(ctx->meta->seq, &out, sizeof(out));
	return 0;
}

SEC("iter/bpf_prog")
int lock_programs(struct bpf_iter__bpf_prog *ctx)
{
	struct bpf_prog *prog = ctx->prog;
	struct mseald_lock_program out = {};
	struct bpf_map **used, *map;
	u32 count;

	if (!prog)
		return 0;
	out.id = BPF_CORE_READ(prog, aux, id);
	if (bpf_map_lookup_elem(&lock_ids, &out.id))
		return 0;
	used = BPF_CORE_READ(prog, aux, used_maps);
	count = BPF_CORE_READ(prog, aux, used_map_cnt);
	for (u32 i = 0; i < 64 && i < count; i++) {
		u64 name = 0;

		bpf_probe_read_kernel(&name, sizeof(name), used + i);
		if (!bpf_map_lookup_elem(&lock_guarded, &name))
			continue;
		map = (void *)name;
		out.map = BPF_CORE_READ(map, id);
		bpf_seq_write(ctx->meta->seq, &out, sizeof(out));
		return 0;
	}
	return 0;
}
