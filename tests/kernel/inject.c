/* SPDX-License-Identifier: LGPL-2.1-or-later */
#define _GNU_SOURCE
#include "inject.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/proc/maps.h"

#define STOP_SYSCALL (SIGTRAP | 0x80)

/* The first syscall instruction in these bytes; NULL: none. */
static const unsigned char *find_in(const unsigned char *code, size_t size)
{
#ifdef __x86_64__
	static const unsigned char instruction[] = { 0x0f, 0x05 };
	const size_t align = 1;
#else
	static const unsigned char instruction[] = { 0x01, 0x00, 0x00, 0xd4 }; /* svc #0 */
	const size_t align = 4;
#endif

	for (size_t i = 0; i + sizeof(instruction) <= size; i += align)
		if (memcmp(code + i, instruction, sizeof(instruction)) == 0)
			return code + i;
	return NULL;
}

/* The first one in an executable mapping of the process; 0: none. */
static uint64_t find_instruction(pid_t pid)
{
	static unsigned char code[1 << 16];
	uint64_t found = 0;
	struct proc_maps maps;
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/mem", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || proc_maps_read(pid, &maps) < 0) {
		if (fd >= 0)
			close(fd);
		return 0;
	}
	for (size_t i = 0; i < maps.count && !found; i++) {
		const struct mapping *mapping = &maps.list[i];

		for (uint64_t at = mapping->start; mapping->exec && at < mapping->end && !found;
		     at += sizeof(code)) {
			size_t size = mapping->end - at < sizeof(code) ? mapping->end - at : sizeof(code);
			ssize_t got = pread(fd, code, size, (off_t)at);
			const unsigned char *hit = got > 0 ? find_in(code, (size_t)got) : NULL;

			found = hit ? at + (uint64_t)(hit - code) : 0;
		}
	}
	proc_maps_free(&maps);
	close(fd);
	return found;
}

/* Waits for the next stop; false: it has died. */
static bool wait_for_stop(pid_t pid, int *status)
{
	while (waitpid(pid, status, __WALL) < 0)
		if (errno != EINTR)
			return false;
	return WIFSTOPPED(*status);
}

/* Continues to the next border of a system call. An arriving signal is kept for later. */
static int step(pid_t pid, int *signal, int *status)
{
	for (;;) {
		if (ptrace(PTRACE_SYSCALL, pid, NULL, NULL))
			return -errno;
		if (!wait_for_stop(pid, status))
			return 1;
		if (WSTOPSIG(*status) == STOP_SYSCALL)
			return 0;
		if (*status >> 16 == 0)
			*signal = WSTOPSIG(*status);
	}
}

static int make_call(pid_t pid, uint64_t instruction, long number, const long arguments[6],
		     struct injection *ret, int *signal)
{
	struct user_regs_struct saved, registers;
	struct iovec io_saved = { &saved, sizeof(saved) }, io = { &registers, sizeof(registers) };
	int r;

	if (ptrace(PTRACE_GETREGSET, pid, NT_PRSTATUS, &io_saved))
		return -errno;
	registers = saved;
#ifdef __x86_64__
	/* Its interrupted call must not be restarted during this one. */
	registers.orig_rax = (unsigned long long)-1;
	registers.rip = instruction;
	registers.rax = (unsigned long long)number;
	registers.rdi = (unsigned long long)arguments[0];
	registers.rsi = (unsigned long long)arguments[1];
	registers.rdx = (unsigned long long)arguments[2];
	registers.r10 = (unsigned long long)arguments[3];
	registers.r8 = (unsigned long long)arguments[4];
	registers.r9 = (unsigned long long)arguments[5];
#else
	registers.pc = instruction;
	registers.regs[8] = (unsigned long long)number;
	for (int i = 0; i < 6; i++)
		registers.regs[i] = (unsigned long long)arguments[i];
#endif
	if (ptrace(PTRACE_SETREGSET, pid, NT_PRSTATUS, &io))
		return -errno;
	r = step(pid, signal, &ret->status); /* entry */
	if (r == 0)
		r = step(pid, signal, &ret->status); /* and exit */
	if (r > 0)
		ret->killed = true;
	if (r)
		return r < 0 ? r : 0;
	if (ptrace(PTRACE_GETREGSET, pid, NT_PRSTATUS, &io) ||
	    ptrace(PTRACE_SETREGSET, pid, NT_PRSTATUS, &io_saved))
		return -errno;
#ifdef __x86_64__
	ret->result = (long)registers.rax;
#else
	ret->result = (long)registers.regs[0];
#endif
	return 0;
}

int inject_call(pid_t pid, long number, const long arguments[6], struct injection *ret)
{
	uint64_t instruction = find_instruction(pid);
	int status, signal = 0, r;

	*ret = (struct injection){ 0 };
	if (!instruction)
		return -ENOEXEC;
	if (ptrace(PTRACE_SEIZE, pid, NULL, PTRACE_O_TRACESYSGOOD))
		return -errno;
	if (ptrace(PTRACE_INTERRUPT, pid, NULL, NULL) || !wait_for_stop(pid, &status))
		return -ESRCH;
	if (status >> 16 == 0)
		signal = WSTOPSIG(status);
	r = make_call(pid, instruction, number, arguments, ret, &signal);
	if (!ret->killed)
		(void)ptrace(PTRACE_DETACH, pid, NULL, (long)signal);
	return r;
}
