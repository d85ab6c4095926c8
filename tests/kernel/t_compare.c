/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Compares on the same kernel: memory that a process has sealed itself, with mseal(2) only, and memory that
 * mseald has sealed. Each attack must succeed on the first - otherwise it proves nothing - and be denied on
 * the second.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "attack.h"
#include "native.h"
#include "tap.h"

enum memory { ANON_RO, ANON_RW, COWED_FILE, SHARED_FILE };

struct comparison {
	const char *name;
	enum memory memory;
	/* 0 or more: it succeeded; -errno; PUPPET_DEAD */
	long (*strike)(struct puppet *victim, uint64_t page);
	int row; /* of docs/design/model.md: 11 and 12 may not be covered yet */
};

static uint64_t make_memory(struct puppet *victim, enum memory memory)
{
	int shared = memory == SHARED_FILE ? MAP_SHARED : MAP_PRIVATE;
	char *name = puppet_data(victim);
	long fd, at;

	if (memory == ANON_RO || memory == ANON_RW)
		return puppet_pages(victim, 1, memory == ANON_RO ? PROT_READ : PROT_READ | PROT_WRITE);
	strcpy(name, "compare");
	fd = puppet_call(victim, SYS_memfd_create, (long)name, 0);
	if (fd < 0 || puppet_call(victim, SYS_ftruncate, fd, PAGE))
		bail("memfd: %s", puppet_text(victim, fd));
	at = puppet_call(victim, SYS_mmap, 0, PAGE, PROT_READ | PROT_WRITE, shared, fd, 0);
	if (at < 0 || puppet_run(victim, fill_pages, at, PAGE, 9) ||
	    puppet_call(victim, SYS_mprotect, at, PAGE, PROT_READ))
		bail("file mapping: %s", puppet_text(victim, at));
	return (uint64_t)at;
}

static long dontneed(struct puppet *victim, uint64_t page)
{
	return puppet_call(victim, SYS_madvise, page, PAGE, MADV_DONTNEED);
}

static long remove_pages(struct puppet *victim, uint64_t page)
{
	return puppet_call(victim, SYS_madvise, page, PAGE, MADV_REMOVE);
}

static long hwpoison(struct puppet *victim, uint64_t page)
{
	return puppet_call(victim, SYS_madvise, page, PAGE, MADV_HWPOISON);
}

static long by_process_vm_writev(struct puppet *victim, uint64_t page)
{
	struct iovec local = { (char[]){ "xxxxxxxx" }, 8 }, remote = { (void *)page, 8 };

	return process_vm_writev(victim->pid, &local, 1, &remote, 1, 0) < 0 ? -errno : 0;
}

static long by_poke(struct puppet *victim, uint64_t page)
{
	long r;

	if (ptrace(PTRACE_ATTACH, victim->pid, 0, 0))
		return -errno;
	waitpid(victim->pid, NULL, __WALL);
	r = ptrace(PTRACE_POKEDATA, victim->pid, page, 0x7878787878787878) ? -errno : 0;
	ptrace(PTRACE_DETACH, victim->pid, 0, 0);
	return r;
}

static long by_proc_mem(struct puppet *victim, uint64_t page)
{
	char path[32];
	long r;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/mem", (int)victim->pid);
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	r = pwrite(fd, "xxxxxxxx", 8, (off_t)page) < 0 ? -errno : 0;
	close(fd);
	return r;
}

#ifndef UFFDIO_MOVE
struct uffdio_move {
	__u64 dst, src, len, mode;
	__s64 move;
};
#define UFFDIO_MOVE _IOWR(UFFDIO, 0x05, struct uffdio_move)
#endif

/* Moves the page elsewhere, so that its address is unmapped. Inside the victim. */
static long uffd_move(const long arguments[6])
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register area = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	long to = RAW(SYS_mmap, 0, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	long fd = RAW(SYS_userfaultfd, O_CLOEXEC), r;
	struct uffdio_move move = { .dst = (__u64)to, .src = (__u64)arguments[0], .len = PAGE };

	if (fd < 0)
		return fd;
	r = RAW(SYS_ioctl, fd, UFFDIO_API, &api);
	area.range.start = (__u64)to;
	area.range.len = PAGE;
	if (r == 0)
		r = RAW(SYS_ioctl, fd, UFFDIO_REGISTER, &area);
	if (r == 0)
		r = RAW(SYS_ioctl, fd, UFFDIO_MOVE, &move);
	return r;
}

static long by_uffd(struct puppet *victim, uint64_t page)
{
	return puppet_run(victim, uffd_move, (long)page);
}

static const struct comparison comparisons[] = {
	{ "MADV_DONTNEED of a written private file mapping", COWED_FILE, dontneed, 6 },
	{ "MADV_REMOVE of a shared file mapping", SHARED_FILE, remove_pages, 6 },
	{ "MADV_HWPOISON", ANON_RO, hwpoison, 6 },
	{ "process_vm_writev by another process", ANON_RW, by_process_vm_writev, 11 },
	{ "PTRACE_POKEDATA", ANON_RO, by_poke, 11 },
	{ "/proc/PID/mem", ANON_RO, by_proc_mem, 11 },
	{ "UFFDIO_MOVE", ANON_RW, by_uffd, 12 },
};

/* Does Status report all operations of that row as covered? If not, they are skipped. */
static bool covered(int row)
{
	json_t *status = daemon_status(), *rows = json_object_get(status, "rows"), *one;
	bool is = false, is_not = false;
	size_t i;

	json_array_foreach(rows, i, one)
		if (json_number(one, "row") == row) {
			bool none = !strcmp(json_text(one, "outcome"), "not covered");

			is |= !none;
			is_not |= none;
		}
	json_decref(status);
	return is && !is_not;
}

static void compare(const struct comparison *comparison)
{
	struct puppet *own = puppet_new(), *ours = puppet_new();
	uint64_t page = make_memory(own, comparison->memory);
	struct range range = { 0, 0 };
	const char *error;
	char native[64];
	long result;

	result = puppet_call(own, SYS_mseal, page, PAGE, 0);
	if (result)
		bail("mseal(2): %s", puppet_text(own, result));
	if (comparison->memory == ANON_RO && puppet_call(own, SYS_munmap, page, PAGE) != -EPERM)
		bail("mseal(2) does not seal");
	result = comparison->strike(own, page);
	/* Poison is reported by SIGBUS: the page is gone. */
	if (result == PUPPET_DEAD && WIFSIGNALED(own->status) && WTERMSIG(own->status) == SIGBUS)
		result = 0;
	snprintf(native, sizeof(native), "%s", result >= 0 ? "lets it through" : puppet_text(own, result));
	if (result == -EINVAL || result == -ENOSYS || result == -EIO) {
		skip(puppet_text(own, result), "%s: this kernel does not do it at all", comparison->name);
	} else if (comparison->row > 8 && !covered(comparison->row)) {
		skip("this version of mseald does not cover it", "%s: denied by mseald", comparison->name);
		diag("compare | %s | %s | not covered |", comparison->name, native);
	} else {
		if (result < 0)
			diag("%s: this kernel refuses it by itself (%s)", comparison->name, native);
		range.start = make_memory(ours, comparison->memory);
		range.end = range.start + PAGE;
		error = daemon_seal(
			&(struct seal_order){ .pid = ours->pid,
					      .ranges = &range,
					      .count = 1,
					      .deny = comparison->row == 11 ?
							      "mprotect,unmap,discard,foreign-write" :
							      NULL },
			NULL);
		if (error)
			bail("%s: sealing: %s %s", comparison->name, error, daemon_error_message());
		result = comparison->strike(ours, range.start);
		ok(result < 0 && !(result == PUPPET_DEAD && WTERMSIG(ours->status) != SIGKILL),
		   "%s: mseal(2) %s, mseald: %s", comparison->name, native, puppet_text(ours, result));
		diag("compare | %s | %s | %s |", comparison->name, native, puppet_text(ours, result));
	}
	puppet_end(own);
	puppet_end(ours);
}

int main(int argc, char **argv)
{
	puppet_main(argc, argv);
	if (!native_expected()) {
		skip("this kernel has no mseal(2)", "mseal(2) and mseald side by side");
		return tap_end();
	}
	daemon_start();
	diag("compare | attack | native mseal | mseald |");
	diag("compare | --- | --- | --- |");
	for (size_t i = 0; i < sizeof(comparisons) / sizeof(*comparisons); i++)
		compare(&comparisons[i]);
	daemon_stop(SIGTERM);
	return tap_end();
}
