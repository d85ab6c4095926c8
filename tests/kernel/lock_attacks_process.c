// SPDX-License-Identifier: LGPL-2.1-or-later
/* See lock_attacks.h. Attacks on the process of mseald, and its code. */
#define _GNU_SOURCE
#include "lock_attacks.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/perf_event.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
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
#include "puppet.h"

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
	long r = lock_result(ptrace(PTRACE_SEIZE, daemon, NULL, NULL));
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
	return lock_got(open(path, O_RDWR | O_CLOEXEC));
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
	return lock_result(process_vm_writev(daemon, &here, 1, &there, 1, 0));
}

static long take_descriptor(pid_t daemon)
{
	int fd = lock_steal(daemon, 2);

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
	return lock_result(prlimit(daemon, RLIMIT_NOFILE, &old, NULL));
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

bool lock_leaves_tracing(pid_t pid)
{
	return trace(pid) == 0;
}

const struct lock_attack lock_attacks_process[] = {
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
	{ "SIGTRAP by a perf event", trap, .when_locked = -ESRCH }, /* last: it ends mseald */
	{ 0 },
};
