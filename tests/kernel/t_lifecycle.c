/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The life of a sealed address space: processes that share it, every child, exec and exit, and reused pids.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "attack.h"
#include "daemon.h"
#include "tap.h"

#define THREAD (CLONE_VM | CLONE_THREAD | CLONE_SIGHAND | CLONE_FS | CLONE_FILES)
#define ANONYMOUS (MAP_PRIVATE | MAP_ANONYMOUS)

static bool denied(struct puppet *puppet, uint64_t at)
{
	return puppet_call(puppet, SYS_mprotect, at, PAGE, PROT_READ | PROT_WRITE) == -EPERM;
}

static bool allowed(struct puppet *puppet, uint64_t at)
{
	return puppet_call(puppet, SYS_mprotect, at, PAGE, PROT_READ | PROT_WRITE) == 0 &&
	       puppet_call(puppet, SYS_mprotect, at, PAGE, PROT_READ) == 0;
}

/* A puppet with page 1 of three sealed. */
static struct puppet *sealed_puppet(uint64_t *ret_page)
{
	struct puppet *puppet = puppet_new();
	uint64_t start = puppet_pages(puppet, 3, PROT_READ);

	*ret_page = start + PAGE;
	must_seal(puppet->pid, *ret_page, PAGE);
	return puppet;
}

/* Everything that must hold in a process with the seal. The gate comes last, as it may kill the puppet. */
static void check_sealed(struct puppet *puppet, uint64_t page, const char *who)
{
	long result;

	ok(denied(puppet, page), "%s: mprotect is denied", who);
	ok(puppet_call(puppet, SYS_mmap, page, PAGE, PROT_READ, ANONYMOUS | MAP_FIXED, -1, 0) == -EPERM,
	   "%s: mmap over it is denied", who);
	ok(allowed(puppet, page - PAGE) && allowed(puppet, page + PAGE),
	   "%s: the pages beside can be changed", who);
	ok(daemon_says_sealed(puppet->pid, page, PAGE), "%s: the seal is listed", who);
	result = puppet_call(puppet, SYS_munmap, page, PAGE);
	ok(stopped_by_gate(puppet, result), "%s: munmap: %s (%s)", who, gate_text(),
	   puppet_text(puppet, result));
}

/* --- children --- */

static void forks(void)
{
	uint64_t page;
	struct puppet *puppet = sealed_puppet(&page);
	struct puppet *child = puppet_clone(puppet, 0, NULL), *grandchild = puppet_clone(child, 0, NULL);
	struct puppet *great = puppet_clone(grandchild, 0, NULL), *orphan;

	check_sealed(great, page, "great-grandchild");
	check_sealed(child, page, "child");
	ok(puppet_died(puppet, 0) == false && puppet_died(grandchild, 0) == false,
	   "what befalls a child befalls neither its parent nor its own child");
	check_sealed(grandchild, page, "grandchild");
	orphan = puppet_clone(puppet, 0, NULL);
	puppet_end(puppet);
	check_sealed(orphan, page, "child whose parent is gone");
	puppet_end(orphan);
	puppet_end(great);
	puppet_end(grandchild);
	puppet_end(child);
}

static void sets_part(void)
{
	uint64_t page;
	struct puppet *puppet = sealed_puppet(&page);
	struct puppet *child = puppet_clone(puppet, 0, NULL), *other = puppet_clone(puppet, 0, NULL);
	int64_t sets = status_number("sets");

	ok(status_number("spaces") == 3 && sets == 1, "three of a family are three spaces and one set");
	must_seal(child->pid, page + PAGE, PAGE);
	ok(denied(child, page) && denied(child, page + PAGE), "a child that adds a seal has both");
	ok(denied(puppet, page) && allowed(puppet, page + PAGE),
	   "a child that adds a seal does not change its parent");
	ok(denied(other, page) && allowed(other, page + PAGE), "nor its sister");
	ok(status_number("sets") == 2, "it has a set of its own");
	must_seal(puppet->pid, page - PAGE, PAGE);
	ok(denied(puppet, page - PAGE) && denied(puppet, page), "a parent that adds a seal has both");
	ok(allowed(child, page - PAGE) && allowed(other, page - PAGE),
	   "a parent that adds a seal changes no child");
	must_seal(puppet->pid, page, PAGE);
	ok(status_number("sets") == 3, "sealing the same memory again makes no further set");
	puppet_end(other);
	puppet_end(child);
	ok(status_becomes("sets", 1, 10) && status_becomes("spaces", 1, 10),
	   "sets go with the last process that has them");
	puppet_end(puppet);
}

/* page: attacks from a child of vfork(); it uses its parent's stack, so it may do little. */
static long vfork_and_attack(const long arguments[6])
{
	int status = -1;
	pid_t pid = vfork();

	if (pid == 0) {
		long denied = RAW(SYS_mprotect, arguments[0], PAGE, PROT_READ | PROT_WRITE);
		long beside = RAW(SYS_mprotect, arguments[0] + (long)PAGE, PAGE, PROT_READ);

		_exit(denied != -EPERM ? 1 : beside ? 2 : 0);
	}
	if (pid < 0)
		return -errno;
	waitpid(pid, &status, 0);
	return status;
}

static long vfork_and_unmap(const long arguments[6])
{
	pid_t pid = vfork();
	int status;

	if (pid == 0)
		_exit(RAW(SYS_munmap, arguments[0], PAGE) == -EPERM ? 0 : 1);
	waitpid(pid, &status, 0);
	return status;
}

/* vfork, then exec of an unrelated program: the everyday work of shells and make. */
static long vfork_and_exec(const long arguments[6])
{
	int status = -1;
	pid_t pid = vfork();

	(void)arguments;
	if (pid == 0) {
		execl("/bin/true", "true", NULL);
		_exit(127);
	}
	waitpid(pid, &status, 0);
	return status;
}

static void vforks(void)
{
	uint64_t page;
	struct puppet *puppet = sealed_puppet(&page);
	long result = puppet_run(puppet, vfork_and_attack, (long)page);

	ok(result == 0, "child of vfork: mprotect of the sealed page is denied, of the next allowed (%s)",
	   puppet_text(puppet, result));
	result = puppet_run(puppet, vfork_and_exec);
	ok(result == 0, "child of vfork: exec (%s)", puppet_text(puppet, result));
	ok(denied(puppet, page), "the parent stays sealed after it");
	ok(daemon_says_sealed(puppet->pid, page, PAGE), "the parent's seal is listed after it");
	result = puppet_run(puppet, vfork_and_unmap, (long)page);
	if (gate_denies()) {
		ok(result == 0, "child of vfork: munmap: EPERM (%s)", puppet_text(puppet, result));
	} else {
		/* The child is killed for it, and the daemon kills all that share the memory. */
		ok(result == PUPPET_DEAD || (WIFSIGNALED(result) && WTERMSIG(result) == SIGKILL),
		   "child of vfork: munmap: SIGKILL (%s)", puppet_text(puppet, result));
		ok(puppet_died(puppet, 10000),
		   "child of vfork: its parent, which shares the memory, is killed too");
	}
	puppet_end(puppet);
}

/* --- shared memory --- */

static void shared_memory(unsigned long flags, const char *who)
{
	uint64_t page;
	struct puppet *puppet = sealed_puppet(&page), *sharer = puppet_clone(puppet, flags, NULL);

	check_sealed(sharer, page, who);
	if (gate_denies())
		ok(!puppet_died(puppet, 100) && denied(puppet, page), "%s: the first one lives on, sealed",
		   who);
	else
		ok(puppet_died(puppet, 10000), "%s: the first one, which shares the memory, is killed too",
		   who);
	puppet_end(sharer);
	puppet_end(puppet);

	/* The reverse: sealed by the sharer's pid, after it was made. */
	puppet = puppet_new();
	sharer = puppet_clone(puppet, flags, NULL);
	page = puppet_pages(puppet, 3, PROT_READ) + PAGE;
	must_seal(sharer->pid, page, PAGE);
	ok(daemon_says_sealed(puppet->pid, page, PAGE) && daemon_says_sealed(sharer->pid, page, PAGE),
	   "%s: sealed by the name of either, listed for both", who);
	ok(denied(puppet, page) && denied(sharer, page), "%s: sealed by the name of either, denied to both",
	   who);
	if (!(flags & CLONE_THREAD)) {
		json_t *spaces = daemon_list(sharer->pid);

		ok(json_array_size(json_object_get(json_array_get(spaces, 0), "pids")) == 2,
		   "%s: the space is listed with both pids", who);
		json_decref(spaces);
		kill(puppet->pid, SIGKILL);
		puppet_died(puppet, 10000);
		ok(denied(sharer, page), "%s: still sealed when the first one is gone", who);
	}
	puppet_end(sharer);
	puppet_end(puppet);
}

/* --- exec and exit --- */

static void execs(void)
{
	uint64_t page, old;
	struct puppet *puppet = sealed_puppet(&page), *child;
	json_t *seals;
	long start;

	child = puppet_clone(puppet, 0, NULL);
	ok(puppet_exec(child) == 0, "exec of a sealed process works");
	seals = daemon_seals(child->pid);
	ok(json_array_size(seals) == 0, "exec: the new image has no seals");
	json_decref(seals);
	ok(status_becomes("spaces", 1, 10), "exec: the old address space is forgotten");
	old = page & -PAGE;
	start = puppet_call(child, SYS_mmap, old, PAGE, PROT_READ, ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
	ok((start == (long)old || start == -EEXIST) && !puppet_died(child, 0),
	   "exec: the address is free for the new image (%s)", puppet_text(child, start));
	if (start == (long)old) {
		ok(allowed(child, old), "exec: memory there can be changed");
		ok(puppet_call(child, SYS_munmap, old, PAGE) == 0, "exec: and unmapped");
	}
	ok(denied(puppet, page), "exec: the parent stays sealed");
	start = puppet_call(child, SYS_mmap, 0, 2 * PAGE, PROT_READ, ANONYMOUS, -1, 0);
	must_seal(child->pid, (uint64_t)start, PAGE);
	ok(denied(child, (uint64_t)start) && allowed(child, (uint64_t)start + PAGE),
	   "exec: the new image can be sealed");
	ok(puppet_exec(child) == 0 && status_becomes("spaces", 1, 10),
	   "exec: and that seal is gone after another exec");

	/* A failed exec changes nothing. */
	strcpy(puppet_data(puppet), "/no/such/program");
	ok(puppet_call(puppet, SYS_execve, (long)puppet_data(puppet), 0, 0) == -ENOENT &&
		   denied(puppet, page),
	   "exec that fails: still sealed");
	puppet_end(child);
	puppet_end(puppet);
}

static void exits(void)
{
	uint64_t page;
	struct puppet *puppet = sealed_puppet(&page), *thread;
	pid_t pid = puppet->pid;
	json_t *seals;

	/* A zombie: dead, but its pid is not free yet. */
	kill(pid, SIGKILL);
	ok(status_becomes("spaces", 0, 10), "exit: the address space is forgotten");
	seals = daemon_seals(pid);
	ok(json_array_size(seals) == 0, "exit: nothing is listed for a zombie");
	json_decref(seals);
	puppet_died(puppet, 10000);
	puppet_end(puppet);

	/* The exit of a thread is not that of its process. */
	puppet = sealed_puppet(&page);
	thread = puppet_clone(puppet, THREAD, NULL);
	ok(thread != NULL, "a thread is made");
	ok(denied(puppet, page), "and the process is sealed");
	puppet_end(puppet);
	puppet_end(thread);
}

/* --- memory that a fork does not inherit --- */

static void forks_with_a_hole(void)
{
	struct puppet *puppet = puppet_new(), *child;
	uint64_t page = puppet_pages(puppet, 3, PROT_READ) + PAGE;
	const char *error;
	long result = 0;

	puppet_call(puppet, SYS_madvise, page, PAGE, MADV_DONTFORK);
	error = seal_range(puppet->pid, page, PAGE);
	diag("sealing memory that forks do not take along: %s %s", error ?: "fine",
	     error ? daemon_error_message() : "");
	child = puppet_clone(puppet, 0, NULL);
	ok(!protection_of(child->pid, page)[0],
	   "MADV_DONTFORK before the seal: the child does not have the page");
	for (int i = 0; i < 50 && !child->dead; i++)
		result = puppet_call(child, SYS_mmap, 0, PAGE, PROT_READ, ANONYMOUS, -1, 0);
	ok(!puppet_died(child, 0) && result > 0,
	   "MADV_DONTFORK before the seal: the child can map memory where the kernel likes (%s)",
	   puppet_text(child, result));
	puppet_end(child);
	puppet_end(puppet);
}

/* --- thousands of short lives --- */

/* page, lives, is it sealed: forks; each child tries and ends. Returns the number of wrong results. */
static long short_lives(const long arguments[6])
{
	long wrong = 0, expected = arguments[2] ? -EPERM : 0;

	for (long i = 0; i < arguments[1]; i++) {
		int status = -1;
		long pid = RAW(SYS_clone, SIGCHLD, 0, 0, 0, 0);

		if (pid == 0) {
			long result = RAW(SYS_mprotect, arguments[0], PAGE, PROT_READ);

			if (result == expected)
				result = RAW(SYS_mprotect, arguments[0] + (long)PAGE, PAGE, PROT_READ);
			else
				result = 1;
			RAW(SYS_exit_group, result ? 1 : 0);
		}
		if (pid < 0 || RAW(SYS_wait4, pid, &status, 0, 0) != pid || status)
			wrong++;
	}
	return wrong;
}

static long read_pid_max(void)
{
	FILE *file = fopen("/proc/sys/kernel/pid_max", "re");
	long value = 0;

	if (file && fscanf(file, "%ld", &value) != 1)
		value = 0;
	if (file)
		fclose(file);
	return value;
}

static bool write_pid_max(long value)
{
	FILE *file = fopen("/proc/sys/kernel/pid_max", "we");

	if (!file)
		return false;
	fprintf(file, "%ld\n", value);
	return fclose(file) == 0;
}

static void pids_used_again(void)
{
	long pid_max = read_pid_max(), lives = brief(5000, 600), wrong_sealed, wrong_unsealed;
	int64_t spaces, sets, denials;
	struct puppet *sealed, *free_one = puppet_new();
	uint64_t page, free_page = puppet_pages(free_one, 3, PROT_READ) + PAGE;

	sealed = sealed_puppet(&page);
	spaces = status_number("spaces");
	sets = status_number("sets");
	denials = status_number("denied");
	/* Few pids, so that each serves sealed and unsealed children many times. */
	ok(write_pid_max(400), "pids are made scarce, pid_max 400");
	puppet_start(sealed, short_lives, (long)page, lives, 1);
	puppet_start(free_one, short_lives, (long)free_page, lives, 0);
	wrong_sealed = puppet_result(sealed);
	wrong_unsealed = puppet_result(free_one);
	write_pid_max(pid_max);
	ok(wrong_sealed == 0, "%ld children of a sealed process: all are denied (%ld are not)", lives,
	   wrong_sealed);
	ok(wrong_unsealed == 0, "%ld children of another at the same time: none is denied (%ld are)", lives,
	   wrong_unsealed);
	ok(status_becomes("spaces", spaces, 15), "the number of spaces is back to what it was");
	ok(status_becomes("sets", sets, 15), "the number of sets is back to what it was");
	ok(status_number("denied") == denials + lives, "each denial was counted (%" PRId64 " of %ld)",
	   status_number("denied") - denials, lives);
	ok(denied(sealed, page), "the sealed process still is");
	puppet_end(sealed);
	puppet_end(free_one);
}

int main(int argc, char **argv)
{
	puppet_main(argc, argv);
	(void)gate_is_override();
	daemon_start();
	forks();
	ok(status_becomes("spaces", 0, 10) && status_becomes("sets", 0, 10), "nothing is left of the forks");
	sets_part();
	vforks();
	shared_memory(CLONE_VM, "clone(CLONE_VM)");
	shared_memory(THREAD, "thread");
	ok(status_becomes("spaces", 0, 10), "nothing is left of processes that shared memory");
	execs();
	exits();
	forks_with_a_hole();
	ok(status_becomes("spaces", 0, 10), "nothing is left before thousands of short lives");
	pids_used_again();
	ok(status_becomes("spaces", 0, 10) && status_becomes("sets", 0, 10), "nothing is left in the end");
	daemon_stop(SIGTERM);
	return tap_end();
}
