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

/* What the outsider reports. */
struct findings {
	int error;     /* an errno: it could not try the operations */
	char what[80]; /* the first operation that was not denied; "": all were */
};

/* The operations are harmless if they are not denied. result: as a system call returns it. */
static void expect_denial(struct findings *findings, const char *what, long result)
{
	if (!*findings->what && (result >= 0 || (errno != EPERM && errno != EACCES)))
		FORMAT(findings->what, "%s", what);
}

/* For an operation that this kernel does not have, or that is not to be denied. */
static int as_denied(void)
{
	errno = EPERM;
	return -1;
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

	/* To the verifier a forbidden helper is EINVAL (kernel/bpf/verifier.c, check_helper_call). */
	return fd < 0 && errno == EINVAL ? as_denied() : fd;
}

/* Loads a program that could override the lock's denial. */
static int load_override(void)
{
	struct btf *vmlinux = btf__load_vmlinux_btf();
	int r;

	if (!vmlinux)
		return -1;
	r = probe_attach(PROG_OVERRIDE, btf__find_by_name_kind(vmlinux, "security_bpf_map", BTF_KIND_FUNC));
	btf__free(vmlinux);
	/* 0: the kernel itself refuses the program. */
	errno = r < 0 ? -r : EPERM;
	return r > 0 ? 0 : -1;
}

static int open_switch(void)
{
	int fd = open(LOCK_SELFTEST_FTRACE, O_WRONLY | O_CLOEXEC);

	return fd < 0 && errno == ENOENT ? as_denied() : fd;
}

static int cover_pins(void)
{
	int r = mount("tmpfs", BPFFS_ROOT, "tmpfs", 0, NULL);

	if (r == 0)
		(void)umount2(BPFFS_ROOT, MNT_DETACH);
	return r;
}

static int open_memory(void)
{
	int fd = proc_open(getppid(), "mem", O_RDWR);

	errno = -fd;
	return fd;
}

static int change_limit(void)
{
	struct rlimit limit;

	return prlimit(getppid(), RLIMIT_CORE, NULL, &limit) < 0 ?
		       -1 :
		       prlimit(getppid(), RLIMIT_CORE, &limit, NULL);
}

static void try_all(const struct lock_selftest_targets *targets, struct findings *ret)
{
	expect_denial(ret, "getting a map by its id", bpf_map_get_fd_by_id(targets->map));
	expect_denial(ret, "getting a map by its pin", bpf_obj_get(BPFFS_ROOT "/maps/state"));
	expect_denial(ret, "getting a program by its id", bpf_prog_get_fd_by_id(targets->program));
	expect_denial(ret, "getting a link by its id", bpf_link_get_fd_by_id(targets->link));
	expect_denial(ret, "loading a program that writes to user memory", load_writer());
	expect_denial(ret, "loading a program that overrides security_bpf_map", load_override());
	expect_denial(ret, "opening " LOCK_SELFTEST_FTRACE " to write", open_switch());
	expect_denial(ret, "unlinking a pin", unlink(BPFFS_ROOT "/lock/lock_bpf_map"));
	expect_denial(ret, "renaming the pins", rename(BPFFS_ROOT "/lock", BPFFS_ROOT "/was_lock"));
	expect_denial(ret, "removing the pins", rmdir(BPFFS_ROOT "/lock"));
	expect_denial(ret, "making a folder among the pins", mkdir(BPFFS_ROOT "/links/0", 0700));
	expect_denial(ret, "unmounting " BPFFS, umount2(BPFFS, 0));
	expect_denial(ret, "mounting over " BPFFS_ROOT, cover_pins());
	expect_denial(ret, "tracing mseald", ptrace(PTRACE_SEIZE, getppid(), NULL, NULL));
	expect_denial(ret, "opening the memory of mseald", open_memory());
	expect_denial(ret, "taking a descriptor of mseald",
		      syscall(SYS_pidfd_getfd, syscall(SYS_pidfd_open, getppid(), 0), STDERR_FILENO, 0));
	expect_denial(ret, "changing a limit of mseald", change_limit());
	/* The receiver ignores this signal. */
	expect_denial(ret, "sending a signal to mseald",
		      targets->signals ? kill(getppid(), SIGWINCH) : as_denied());
}

/* Mounts count in the namespace of pid 1. */
static int enter_first_namespace(void)
{
	_cleanup_close_ int fd = open("/proc/1/ns/mnt", O_RDONLY | O_CLOEXEC);

	return fd < 0 || setns(fd, CLONE_NEWNS) < 0 ? errno : 0;
}

static void be_outsider(int fd)
{
	struct lock_selftest_targets targets;
	struct findings findings = {};

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (recv(fd, &targets, sizeof(targets), MSG_WAITALL) != sizeof(targets))
		_exit(1);
	findings.error = enter_first_namespace();
	if (!findings.error)
		try_all(&targets, &findings);
	(void)send(fd, &findings, sizeof(findings), MSG_NOSIGNAL);
	_exit(0);
}

int lock_selftest_begin(struct lock_selftest *ret)
{
	int pair[2], r;
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return -errno;
	pid = fork();
	r = pid < 0 ? -errno : 0;
	if (pid == 0) {
		(void)close(pair[0]);
		be_outsider(pair[1]);
	}
	(void)close(pair[1]);
	if (r < 0)
		(void)close(pair[0]);
	else
		*ret = (struct lock_selftest){ .pid = pid, .fd = pair[0] };
	return r;
}

int lock_selftest_try(struct lock_selftest *outsider, const struct lock_selftest_targets *targets,
		      const char **ret_what)
{
	static struct findings findings;

	if (send(outsider->fd, targets, sizeof(*targets), MSG_NOSIGNAL) < 0)
		return -errno;
	if (recv(outsider->fd, &findings, sizeof(findings), 0) != sizeof(findings))
		return -EIO;
	if (findings.error)
		return -findings.error;
	*ret_what = findings.what;
	return *findings.what ? -EBUSY : 0;
}

void lock_selftest_end(struct lock_selftest *outsider)
{
	if (!outsider->pid)
		return;
	(void)close(outsider->fd);
	(void)kill(outsider->pid, SIGKILL);
	(void)waitpid(outsider->pid, NULL, 0);
	*outsider = (struct lock_selftest){};
}
