// SPDX-License-Identifier: LGPL-2.1-or-later
/* See remote_syscall.h. */
#include "trace/remote_syscall.h"

#include <poll.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#include "trace/ptrace_ops.h"

#ifndef SYS_mseal
#define SYS_mseal 462
#endif

#define ANSWER_MILLISECONDS 10000
#define VDSO_MAX (64u << 10)

const char *remote_answer_phrase(enum remote_answer answer)
{
	static const char *const phrases[ANSWER_COUNT] = {
		[ANSWER_SEALED] = "is sealed",
		[ANSWER_GONE] = "has exited or become another program",
		[ANSWER_TRACED] = "is traced by another program",
		[ANSWER_NOT_ALLOWED] = "may not be traced",
		[ANSWER_OTHER_CODE] = "runs 32-bit code or dispatches its system calls itself",
		[ANSWER_NO_MOMENT] = "could not be stopped unnoticed",
		[ANSWER_NO_THREAD] = "has no thread in a call that can be stopped unnoticed",
		[ANSWER_NOT_RUNNING] = "does not run: its cgroup may be frozen",
		[ANSWER_NO_CALL] = "has no vDSO, whose system call instruction is used",
		[ANSWER_REFUSED] = "changed its mappings in the meantime",
		[ANSWER_LATE] = "did not make the call in time",
		[ANSWER_FAILED] = "could not be made to call mseal(2)",
		[ANSWER_TOO_MANY] = "has too many separate ranges to call mseal(2) for each",
	};

	return phrases[answer];
}

/* The answer for an errno of tracee.h. */
static enum remote_answer answer_of(int r)
{
	switch (r) {
	case -ESRCH: return ANSWER_GONE;
	case -EOPNOTSUPP: return ANSWER_OTHER_CODE;
	case -EPERM: return ANSWER_NOT_ALLOWED;
	case -EBUSY: return ANSWER_NOT_RUNNING;
	default: return r < 0 ? ANSWER_FAILED : ANSWER_SEALED;
	}
}

int remote_syscall_await(int fd)
{
	struct pollfd wait = { .fd = fd, .events = POLLIN };
	int n;

	do
		n = poll(&wait, 1, ANSWER_MILLISECONDS);
	while (n < 0 && errno == EINTR);
	return n;
}

/*
 * Where its vDSO has a system call instruction; 0: nowhere. Other code has one as well, but reading its file
 * could take forever, as with FUSE.
 */
static uint64_t find_instruction(const struct proc_maps *maps, pid_t tid)
{
	unsigned char code[VDSO_MAX];

	for (size_t i = maps->count; i-- > 0;) {
		const struct mapping *mapping = &maps->list[i];
		struct iovec local = { code, MIN_OF(sizeof(code), mapping->end - mapping->start) };
		struct iovec remote = { (void *)(uintptr_t)mapping->start, local.iov_len };
		const unsigned char *found;

		if (strcmp(mapping->path, "[vdso]") != 0)
			continue;
		if (process_vm_readv(tid, &local, 1, &remote, 1, 0) != (ssize_t)local.iov_len)
			return 0;
		found = memmem(code, local.iov_len, regs_instruction, sizeof(regs_instruction));
		return found ? mapping->start + (uint64_t)(found - code) : 0;
	}
	return 0;
}

enum remote_answer remote_syscall_prepare(struct tracee *tracee, const struct blocked_call *call,
					  const struct proc_maps *maps)
{
	uint64_t instruction;

	if (!maps->count)
		return ANSWER_GONE;
	if (proc_maps_is_32bit(maps))
		return ANSWER_OTHER_CODE;
	instruction = find_instruction(maps, tracee->tid);
	return instruction ? answer_of(tracee_prepare(tracee, call, instruction)) : ANSWER_NO_CALL;
}

enum remote_answer remote_syscall_mseal(struct tracee *tracee, const struct range *ranges, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const uint64_t arguments[3] = { ranges[i].start, ranges[i].end - ranges[i].start, 0 };
		long result;
		int r = tracee_call(tracee, SYS_mseal, arguments, &result);

		if (r < 0)
			return answer_of(r);
		if (result < 0)
			return ANSWER_REFUSED;
	}
	return ANSWER_SEALED;
}

/* Writes the text below its stack, which it does not use again. 0: this failed. */
static uint64_t put_text(struct tracee *tracee, const char *text, size_t length)
{
	uint64_t at = (regs_sp(&tracee->saved) - length) & ~UINT64_C(15);

	for (size_t i = 0; i < length; i += sizeof(long)) {
		long word = 0;

		memcpy(&word, text + i, MIN_OF(sizeof(word), length - i));
		if (ptrace_request(PTRACE_POKEDATA, tracee->tid, at + i, (void *)word) < 0)
			return 0;
	}
	return at;
}

int remote_syscall_exit(struct tracee *tracee, const char *text)
{
	const uint64_t status[3] = { 1, 0, 0 };
	size_t length = strlen(text);
	uint64_t at = put_text(tracee, text, length);
	const uint64_t line[3] = { STDERR_FILENO, at, length };
	long result;
	int r = at ? tracee_call(tracee, SYS_write, line, &result) : 0;

	return r == -ESRCH ? r : tracee_call(tracee, SYS_exit_group, status, &result);
}
