// SPDX-License-Identifier: LGPL-2.1-or-later
/* See lock_selftest.h. */
#include "bpf/lock_selftest.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <linux/bpf.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "bpf/bpffs.h"
#include "bpf/probe.h"
#include "lib/base/util.h"
#include "lib/proc/open.h"

#define PROBES_MAX 32

struct lock_selftest {
	pid_t pid;
	int fd;
};

static struct lock_selftest_targets child_targets; /* copy in the child */

/* All probes return the result of a call, as an errno. They are harmless if they are not denied. */

static int error_of(long result)
{
	return result < 0 ? errno : 0;
}

static int get_map(void)
{
	return error_of(bpf_map_get_fd_by_id(child_targets.map));
}

static int get_pinned_map(void)
{
	return error_of(bpf_obj_get(BPFFS_ROOT "/maps/state"));
}

static int get_program(void)
{
	return error_of(bpf_prog_get_fd_by_id(child_targets.program));
}

static int get_link(void)
{
	return error_of(bpf_link_get_fd_by_id(child_targets.link));
}

/* Loads a program that could write to the memory of mseald. */
static int load_writer(void)
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
	int fd = bpf_prog_load(BPF_PROG_TYPE_RAW_TRACEPOINT, "mseald_probe", "GPL", program,
			       ELEMENTS(program), &opts);

	/*
	 * To the verifier a helper that may not be called is EINVAL (kernel/bpf/verifier.c,
	 * check_helper_call).
	 */
	return fd < 0 && errno == EINVAL ? EPERM : error_of(fd);
}

/* Loads a program that could override the lock's denial. */
static int load_override(void)
{
	struct btf *vmlinux = btf__load_vmlinux_btf();
	int r;

	if (!vmlinux)
		return errno;
	r = probe_override(vmlinux, "security_bpf_map");
	btf__free(vmlinux);
	/* 0: the kernel itself refuses the program. */
	return r > 0 ? 0 : r == 0 ? EPERM : -r;
}

static int open_switch(void)
{
	int error = error_of(open(LOCK_SELFTEST_FTRACE, O_WRONLY | O_CLOEXEC));

	return error == ENOENT ? EPERM : error;
}

static int unlink_pin(void)
{
	return error_of(unlink(BPFFS_ROOT "/lock/lock_bpf_map"));
}

static int rename_pins(void)
{
	return error_of(rename(BPFFS_ROOT "/lock", BPFFS_ROOT "/was_lock"));
}

static int remove_pins(void)
{
	return error_of(rmdir(BPFFS_ROOT "/lock"));
}

static int make_pins(void)
{
	return error_of(mkdir(BPFFS_ROOT "/links/0", 0700));
}

static int unmount_pins(void)
{
	return error_of(umount2(BPFFS, 0));
}

static int cover_pins(void)
{
	int error = error_of(mount("tmpfs", BPFFS_ROOT, "tmpfs", 0, NULL));

	if (!error)
		(void)umount2(BPFFS_ROOT, MNT_DETACH);
	return error;
}

static int trace(void)
{
	return error_of(ptrace(PTRACE_SEIZE, getppid(), NULL, NULL));
}

static int open_memory(void)
{
	int fd = proc_open(getppid(), "mem", O_RDWR);

	return fd < 0 ? -fd : 0;
}

static int take_descriptor(void)
{
	int process = syscall(SYS_pidfd_open, getppid(), 0);

	return process < 0 ? 0 : error_of(syscall(SYS_pidfd_getfd, process, STDERR_FILENO, 0));
}

static int change_limit(void)
{
	struct rlimit limit;

	if (prlimit(getppid(), RLIMIT_CORE, NULL, &limit) < 0)
		return errno;
	return error_of(prlimit(getppid(), RLIMIT_CORE, &limit, NULL));
}

/* Sends a signal that the receiver ignores. */
static int send_signal(void)
{
	return child_targets.signals ? error_of(kill(getppid(), SIGWINCH)) : EPERM;
}

static const struct probe {
	const char *what;
	int (*try)(void);
} probes[] = {
	{ "getting a map by its id", get_map },
	{ "getting a map by its pin", get_pinned_map },
	{ "getting a program by its id", get_program },
	{ "getting a link by its id", get_link },
	{ "loading a program that writes to user memory", load_writer },
	{ "loading a program that overrides security_bpf_map", load_override },
	{ "opening " LOCK_SELFTEST_FTRACE " to write", open_switch },
	{ "unlinking a pin", unlink_pin },
	{ "renaming the pins", rename_pins },
	{ "removing the pins", remove_pins },
	{ "making a folder among the pins", make_pins },
	{ "unmounting " BPFFS, unmount_pins },
	{ "mounting over " BPFFS_ROOT, cover_pins },
	{ "tracing mseald", trace },
	{ "opening the memory of mseald", open_memory },
	{ "taking a descriptor of mseald", take_descriptor },
	{ "changing a limit of mseald", change_limit },
	{ "sending a signal to mseald", send_signal },
};

_Static_assert(ELEMENTS(probes) <= PROBES_MAX, "room for the result of each");

/* Mounts count in the namespace of pid 1. */
static int enter_first_namespace(void)
{
	_cleanup_close_ int fd = open("/proc/1/ns/mnt", O_RDONLY | O_CLOEXEC);

	return fd < 0 || setns(fd, CLONE_NEWNS) < 0 ? errno : 0;
}

static void be_outsider(int fd)
{
	int errors[PROBES_MAX + 1] = {};

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (recv(fd, &child_targets, sizeof(child_targets), MSG_WAITALL) != sizeof(child_targets))
		_exit(1);
	errors[PROBES_MAX] = enter_first_namespace();
	for (size_t i = 0; i < ELEMENTS(probes) && !errors[PROBES_MAX]; i++)
		errors[i] = probes[i].try();
	(void)send(fd, errors, sizeof(errors), MSG_NOSIGNAL);
	_exit(0);
}

int lock_selftest_begin(struct lock_selftest **ret)
{
	struct lock_selftest *outsider;
	int pair[2];
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return -errno;
	outsider = calloc(1, sizeof(*outsider));
	pid = outsider ? fork() : -1;
	if (pid < 0) {
		int r = -errno;

		free(outsider);
		(void)close(pair[0]);
		(void)close(pair[1]);
		return r;
	}
	if (pid == 0) {
		(void)close(pair[0]);
		be_outsider(pair[1]);
	}
	(void)close(pair[1]);
	*outsider = (struct lock_selftest){ .pid = pid, .fd = pair[0] };
	*ret = outsider;
	return 0;
}

int lock_selftest_try(struct lock_selftest *outsider, const struct lock_selftest_targets *targets,
		      const char **ret_what)
{
	int errors[PROBES_MAX + 1];

	if (send(outsider->fd, targets, sizeof(*targets), MSG_NOSIGNAL) < 0)
		return -errno;
	if (recv(outsider->fd, errors, sizeof(errors), 0) != sizeof(errors))
		return -EIO;
	if (errors[PROBES_MAX])
		return -errors[PROBES_MAX];
	for (size_t i = 0; i < ELEMENTS(probes); i++)
		if (errors[i] != EPERM && errors[i] != EACCES) {
			*ret_what = probes[i].what;
			return -EBUSY;
		}
	return 0;
}

struct lock_selftest *lock_selftest_end(struct lock_selftest *outsider)
{
	if (!outsider)
		return NULL;
	(void)close(outsider->fd);
	(void)kill(outsider->pid, SIGKILL);
	(void)waitpid(outsider->pid, NULL, 0);
	free(outsider);
	return NULL;
}
