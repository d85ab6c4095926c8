// SPDX-License-Identifier: GPL-2.0-only
/*
 * Counts the instructions of mseald from exec until it is ready, and then for a first policy and a first seal
 * that need all of its programs: its own and the kernel's on its behalf. Also counts those that the verifier
 * looked at in each program (verified_insns of struct bpf_prog_info). Prints one JSON object. Like bench.c,
 * it must run under `-icount shift=0`. usage: startup MSEALD [OPTION]...
 */
#define _GNU_SOURCE
#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define NOTIFY "/run/startup.notify"

static void must(bool ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "startup: %s: %s\n", what, strerror(errno));
	exit(1);
}

/* The socket on which mseald reports that it is ready: sd_notify(3). */
static int listen_for_ready(void)
{
	const struct sockaddr_un address = { .sun_family = AF_UNIX, .sun_path = NOTIFY };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	(void)unlink(NOTIFY);
	must(fd >= 0 && bind(fd, (const struct sockaddr *)&address, sizeof(address)) == 0, NOTIFY);
	return fd;
}

static void wait_until_ready(int fd)
{
	char message[4096];
	ssize_t length;

	do {
		length = recv(fd, message, sizeof(message) - 1, 0);
		must(length >= 0, "recv");
		message[length] = '\0';
	} while (!strstr(message, "READY=1"));
}

/* Under -icount shift=0 processor time is instructions. */
static uint64_t instructions_of(pid_t pid)
{
	struct timespec spent;
	clockid_t clock;

	errno = clock_getcpuclockid(pid, &clock);
	must(errno == 0 && clock_gettime(clock, &spent) == 0, "clock_gettime");
	return (uint64_t)spent.tv_sec * 1000000000 + (uint64_t)spent.tv_nsec;
}

/* bpf_prog_info has the first 15 characters of a name, BTF all of them. */
static void print_program(int fd, bool first)
{
	struct bpf_func_info function = { 0 };
	struct bpf_prog_info program = { .nr_func_info = 1,
					 .func_info_rec_size = sizeof(function),
					 .func_info = (uintptr_t)&function };
	__u32 length = sizeof(program);
	const struct btf_type *type;
	struct btf *btf;

	must(bpf_obj_get_info_by_fd(fd, &program, &length) == 0, "a program cannot be read");
	btf = btf__load_from_kernel_by_id(program.btf_id);
	type = btf ? btf__type_by_id(btf, function.type_id) : NULL;
	printf("%s\"%s\": %u", first ? "" : ", ",
	       type ? btf__name_by_offset(btf, type->name_off) : program.name, program.verified_insns);
	btf__free(btf);
}

static void print_programs(void)
{
	__u32 id = 0;
	bool first = true;

	while (bpf_prog_get_next_id(id, &id) == 0) {
		int fd = bpf_prog_get_fd_by_id(id);

		if (fd < 0)
			continue; /* gone meanwhile */
		print_program(fd, first);
		first = false;
		close(fd);
	}
	errno = ENODATA;
	must(!first, "no program is loaded");
}

static void run(char *const argv[])
{
	posix_spawn_file_actions_t actions;
	char *environment[] = { NULL };
	int status;
	pid_t pid;

	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
	errno = posix_spawnp(&pid, argv[0], &actions, NULL, argv, environment);
	must(errno == 0 && waitpid(pid, &status, 0) == pid, argv[0]);
	posix_spawn_file_actions_destroy(&actions);
	errno = ECHILD;
	must(status == 0, argv[1]);
}

static void reload_policies(void)
{
	char *reload[] = { (char[]){ "msealctl" }, (char[]){ "policy" }, (char[]){ "reload" }, NULL };
	static const char policy[] = "[Match]\nExe=/srv/elsewhere\n";
	int fd;

	(void)mkdir("/etc/mseald", 0755);
	(void)mkdir("/etc/mseald/policy.d", 0755);
	fd = open("/etc/mseald/policy.d/startup.conf", O_WRONLY | O_CREAT | O_TRUNC, 0644);
	must(fd >= 0 && write(fd, policy, sizeof(policy) - 1) == sizeof(policy) - 1, "/etc/mseald/policy.d");
	close(fd);
	run(reload);
}

/* Seals a file that is open for writing, and memory in reach of userfaultfd: this needs all programs. */
static void seal_everything(void)
{
	char range[40], pid[24], *seal[] = { (char[]){ "msealctl" },
					     (char[]){ "seal" },
					     (char[]){ "--deny=all,file-write" },
					     pid,
					     range,
					     NULL };
	int fd = open("/tmp/startup", O_RDWR | O_CREAT, 0644);
	char *area = mmap(NULL, 8192, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	must(fd >= 0 && ftruncate(fd, 4096) == 0, "/tmp/startup");
	must(area != MAP_FAILED && mmap(area, 4096, PROT_READ, MAP_PRIVATE | MAP_FIXED, fd, 0) != MAP_FAILED,
	     "mmap");
	snprintf(range, sizeof(range), "%p+0x2000", area);
	snprintf(pid, sizeof(pid), "%d", getpid());
	run(seal);
	must(mprotect(area, 4096, PROT_READ) == -1 && errno == EPERM, "the seal does not hold");
}

int main(int argc, char *argv[])
{
	int fd = listen_for_ready();
	uint64_t start, policy, seal;
	pid_t pid;

	errno = EINVAL;
	must(argc >= 2, "which program?");
	pid = fork();
	must(pid >= 0, "fork");
	if (pid == 0) {
		/* It holds the standard output open, for which guest-startup waits. */
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		setenv("NOTIFY_SOCKET", NOTIFY, 1);
		execvp(argv[1], argv + 1);
		must(false, argv[1]);
	}
	wait_until_ready(fd);
	start = instructions_of(pid);
	reload_policies();
	policy = instructions_of(pid) - start;
	seal_everything();
	seal = instructions_of(pid) - start - policy;
	printf("{\"start\": %llu, \"first policy\": %llu, \"first seal\": %llu, \"verified\": {",
	       (unsigned long long)start, (unsigned long long)policy, (unsigned long long)seal);
	print_programs();
	puts("}}");
	kill(pid, SIGTERM);
	waitpid(pid, NULL, 0);
	(void)unlink(NOTIFY);
	return 0;
}
