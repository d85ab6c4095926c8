/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which seals are native, and the result of calls that try to change the memory: refused by the kernel,
 * reported and counted by mseald.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "attack.h"
#include "lib/base/util.h"
#include "lib/proc/maps.h"
#include "native.h"
#include "ring.h"
#include "tap.h"

/* --- which seals --- */

static void never(const char *name, const char *deny, const char *action, bool revocable)
{
	struct puppet *puppet = puppet_new();
	uint64_t page = puppet_pages(puppet, 3, PROT_READ) + PAGE;
	struct sealed sealed = seal_as(&(struct seal_order){ .pid = puppet->pid,
							     .ranges = &(struct range){ page, page + PAGE },
							     .count = 1,
							     .deny = deny,
							     .action = action,
							     .revocable = revocable });
	const char *gate = listed_gate(puppet->pid, page);

	ok(!sealed.error && !sealed.native && !*sealed.why && strcmp(gate, "native") &&
		   !shown_sealed(puppet->pid, page),
	   "%s: never native (%s; List says %s)", name, sealed.error ?: "sealed", gate);
	puppet_end(puppet);
}

static void which(void)
{
	struct puppet *puppet = puppet_new();
	uint64_t page = puppet_pages(puppet, 6, PROT_READ);
	struct sealed sealed;

	never("revocable", NULL, NULL, true);
	never("audit", NULL, "audit", false);
	never("deny=mprotect", "mprotect", NULL, false);
	never("deny=unmap", "unmap", NULL, false);
	never("deny=mprotect,discard", "mprotect,discard", NULL, false);
	sealed = seal_as(&(struct seal_order){ .pid = puppet->pid,
					       .ranges = &(struct range){ page, page + PAGE },
					       .count = 1,
					       .action = "kill" });
	check_gate(puppet->pid, page, &sealed, true, "action kill, permanent");
	/* First revocable, then permanent: native from then on. */
	(void)seal_as(&(struct seal_order){ .pid = puppet->pid,
					    .count = 1,
					    .revocable = true,
					    .ranges = &(struct range){ page + 2 * PAGE, page + 4 * PAGE } });
	sealed = seal_page(puppet->pid, page + 2 * PAGE);
	check_gate(puppet->pid, page + 2 * PAGE, &sealed, true, "revocable, then permanent");
	ok(strcmp(listed_gate(puppet->pid, page + 3 * PAGE), "native") &&
		   !shown_sealed(puppet->pid, page + 3 * PAGE),
	   "the page beside it, revocable only, is not native");
	/* The whole process. */
	sealed = seal_as(&(struct seal_order){ .pid = puppet->pid });
	ok(!sealed.error && sealed.native, "all segments of a process: native (%s %s)",
	   sealed.error ?: "sealed", sealed.why);
	puppet_end(puppet);
}

/* --- results --- */

/* The call is refused, and the caller lives. */
static void denied(struct puppet *puppet, const char *name, long result)
{
	ok(result == -EPERM && !puppet_died(puppet, 0), "%s: EPERM, and the caller lives (%s)", name,
	   puppet_text(puppet, result));
}

static int64_t attempts(pid_t pid)
{
	json_t *seals = daemon_seals(pid), *seal;
	int64_t sum = 0;
	size_t i;

	json_array_foreach(seals, i, seal)
		sum += json_number(seal, "attempts");
	json_decref(seals);
	return sum;
}

static void happens(void)
{
	struct puppet *puppet = puppet_new();
	uint64_t page = puppet_pages(puppet, 3, PROT_READ) + PAGE, heap, segment;
	int id = shmget(IPC_PRIVATE, PAGE, 0600);
	static const char *const operations[] = { "munmap", "mremap", "madvise", "brk", "shmdt" };
	struct monitor monitor;
	int64_t counted;
	long result;

	/* A page at the end of the heap, and a System V segment. */
	heap = (uint64_t)puppet_call(puppet, SYS_brk, 0);
	heap = (heap + PAGE - 1) & ~(PAGE - 1);
	puppet_call(puppet, SYS_brk, heap + 2 * PAGE);
	segment = (uint64_t)puppet_call(puppet, SYS_shmat, id, 0, SHM_RDONLY);
	shmctl(id, IPC_RMID, NULL);
	ok(seal_page(puppet->pid, page).native && seal_page(puppet->pid, heap + PAGE).native &&
		   seal_page(puppet->pid, segment).native,
	   "anonymous memory, heap and a System V segment: native");
	monitor_open(&monitor, puppet->pid);
	counted = attempts(puppet->pid);
	denied(puppet, "munmap", puppet_call(puppet, SYS_munmap, page, PAGE));
	denied(puppet, "mremap", puppet_call(puppet, SYS_mremap, page, PAGE, 2 * PAGE, MREMAP_MAYMOVE));
	denied(puppet, "madvise(MADV_DONTNEED)", puppet_call(puppet, SYS_madvise, page, PAGE, MADV_DONTNEED));
	/* The kernel's own brk returns the present break; an overridden brk returns EPERM. */
	result = puppet_call(puppet, SYS_brk, heap);
	ok(result == (gate_is_override() ? -EPERM : (long)(heap + 2 * PAGE)) &&
		   *protection_of(puppet->pid, heap + PAGE),
	   "brk: the break stays where it is (%s)", puppet_text(puppet, result));
	/* The kernel's own shmdt returns 0 if refused (ipc/shm.c, ksys_shmdt, 6.12), but changes nothing. */
	result = puppet_call(puppet, SYS_shmdt, segment);
	ok((result == -EPERM || (result == 0 && !gate_is_override())) && *protection_of(puppet->pid, segment),
	   "shmdt: the segment stays, and the caller lives (%s)", puppet_text(puppet, result));
	for (size_t i = 0; i < sizeof(operations) / sizeof(*operations); i++) {
		json_t *event = monitor_next(&monitor, 5000);

		ok(!strcmp(json_text(event, "operation"), operations[i]) &&
			   !strcmp(json_text(event, "verdict"), "denied"),
		   "%s: is an event, denied (%s %s)", operations[i], json_text(event, "operation"),
		   json_text(event, "verdict"));
		json_decref(event);
	}
	monitor_close(&monitor);
	counted = attempts(puppet->pid) - counted;
	ok(counted == 5, "and each is counted once (%d)", (int)counted);
	puppet_end(puppet);
}

/* Calls that mseal(2) lets through are denied by the next gate, each in its own way. */
static void beyond(void)
{
	struct puppet *puppet = puppet_new(), *child;
	uint64_t page = puppet_pages(puppet, 3, PROT_READ) + PAGE;
	long result, at;

	at = puppet_call(puppet, SYS_openat, AT_FDCWD, (long)"/proc/self/exe", O_RDONLY);
	at = puppet_call(puppet, SYS_mmap, 0, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, at, 0);
	if (at < 0 || puppet_run(puppet, fill_pages, at, PAGE, 5) ||
	    puppet_call(puppet, SYS_mprotect, at, PAGE, PROT_READ))
		bail("a private file mapping: %s", puppet_text(puppet, at));
	ok(seal_page(puppet->pid, page).native && seal_page(puppet->pid, (uint64_t)at).native,
	   "a written file mapping: native");
	child = puppet_clone(puppet, 0, NULL);
	result = puppet_call(child, SYS_madvise, page, PAGE, MADV_DONTNEED);
	ok(result == -EPERM, "a child of fork: madvise of read-only memory: EPERM (%s)",
	   puppet_text(child, result));
	result = puppet_call(child, SYS_madvise, at, PAGE, MADV_DONTNEED);
	ok(stopped_by_program(child, result), "a child of fork: madvise of a written file mapping: %s (%s)",
	   program_text(), puppet_text(child, result));
	puppet_end(child);
	result = puppet_call(puppet, SYS_madvise, at, PAGE, MADV_DONTNEED);
	ok(stopped_by_program(puppet, result), "madvise of a written file mapping: %s (%s)", program_text(),
	   puppet_text(puppet, result));
	puppet_end(puppet);
}

static long ring_madvise(const long arguments[6])
{
	return ring_setup(arguments) ?:
				       ring_submit(&(struct io_uring_sqe){ .opcode = IORING_OP_MADVISE,
									   .addr = (uint64_t)arguments[0],
									   .len = (uint32_t)arguments[1],
									   .fadvise_advice = MADV_DONTFORK });
}

/* The vdso has no file, and is no anonymous memory to every kernel: the call has to be stopped here. */
static void vdso(void)
{
	_cleanup_(proc_maps_free) struct proc_maps maps = {};
	struct puppet *puppet = puppet_new();
	struct range range = { 0, 0 };
	struct sealed sealed;
	long result;

	if (proc_maps_read(puppet->pid, &maps) < 0)
		bail("its mappings cannot be read");
	for (size_t i = 0; i < maps.count; i++)
		if (!strcmp(maps.list[i].path, "[vdso]"))
			range = (struct range){ maps.list[i].start, maps.list[i].end };
	sealed = seal_as(&(struct seal_order){ .pid = puppet->pid, .ranges = &range, .count = 1 });
	ok(sealed.native, "the vdso: native (%s)", sealed.error ?: "sealed");
	result = puppet_run(puppet, ring_madvise, range.start, range.end - range.start);
	ok(result == PUPPET_DEAD, "io_uring madvise that keeps the vdso from children: SIGKILL (%s)",
	   puppet_text(puppet, result));
	puppet_end(puppet);
}

/* --- without --- */

static void with_gate_bpf(void)
{
	static const char path[] = "/run/mseald-bpf";
	const char *real = getenv("MSEALD") ?: "/usr/sbin/mseald";
	struct puppet *puppet = puppet_new();
	uint64_t page = puppet_pages(puppet, 3, PROT_READ) + PAGE;
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0755);
	struct sealed sealed;

	dprintf(fd, "#!/bin/sh\nexec %s --gate=bpf\n", real);
	close(fd);
	setenv("MSEALD", path, 1);
	daemon_start();
	sealed = seal_page(puppet->pid, page);
	check_gate(puppet->pid, page, &sealed, false, "--gate=bpf");
	ok(!*sealed.why, "--gate=bpf: it is not even tried");
	daemon_stop(SIGTERM);
	unsetenv("MSEALD");
	/* Another daemon catches up, when requested. */
	daemon_start();
	sealed = seal_page(puppet->pid, page);
	check_gate(puppet->pid, page, &sealed, true, "sealed once more by a daemon without it");
	puppet_end(puppet);
	unlink(path);
}

int main(int argc, char **argv)
{
	puppet_main(argc, argv);
	if (!native_expected()) {
		skip("this kernel has no mseal(2)", "the native gate");
		return tap_end();
	}
	with_gate_bpf();
	which();
	happens();
	beyond();
	vdso();
	daemon_stop(SIGTERM);
	return tap_end();
}
