// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * See entry.h. From the moment the caller is seized until its program is sealed,
 * nothing but PTRACE_DETACH lets it go: should this process be killed, the
 * program dies with it (PTRACE_O_EXITKILL); should the daemon die, it is ended.
 *
 * It stops at the entry point by a perf event (trap.h): no text is written to, and nothing of
 * it is left behind - debug registers set by PTRACE_POKEUSER stay allocated, and slow every
 * task switch of the machine, until the program ends. The event's SIGTRAP must not be blocked
 * then, or the program would run past. So while the loader runs, SIGTRAP is unblocked
 * whenever it is in its own code, and as it was when it makes a system call.
 */
#include "entry.h"

#include <errno.h>
#include <linux/audit.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "holding.h"
#include "ptracing.h"
#include "lib/base/util.h"

#define OPTIONS (PTRACE_O_TRACEEXEC | PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL)
#define RELRO_CALLS 200		/* system calls that a static program has to get its RELRO done, */
#define RELRO_MILLISECONDS 10000	/* and time, while it is not stopped: to seal RELRO too early breaks it */
#define MPROTECT_32 125

static const uint64_t sigtrap = UINT64_C(1) << (SIGTRAP - 1);

/* --- before exec --- */

static bool is_theirs(const struct entry_order *order)
{
	struct stat file;
	char path[32];

	if (syscall(SYS_pidfd_send_signal, order->pidfd, 0, NULL, 0) < 0)
		return false;
	/* Root's when the process has, or had, privileges that are not its user's (fs/proc/base.c, task_dump_owner). */
	(void)snprintf(path, sizeof(path), "/proc/%d/auxv", (int)order->pid);
	return !order->uid || (stat(path, &file) == 0 && file.st_uid == order->uid);
}

/* Without having changed anything about it. */
static void let_go(struct entry *entry) __attribute__((noreturn));
static void let_go(struct entry *entry)
{
	must(entry, request(PTRACE_DETACH, entry->tracee.tid, 0, NULL) < 0 ? -errno : 0);
	_exit(0);
}

/* The caller goes on as it likes until it execs; if it says that it will not, it is free. */
static void await_exec(struct entry *entry)
{
	bool left = false;
	int status;

	for (;;) {
		if (next(entry, FOREVER, &status) == TOLD) {
			/* Has it had an exec, that is the next stop, even so. */
			left = true;
			must(entry, interrupt(&entry->tracee));
			continue;
		}
		if (status >> 16 == PTRACE_EVENT_EXEC)
			return;
		if (left && PTRACE_STOPPED(status))
			let_go(entry);
		if (left)
			must(entry, interrupt(&entry->tracee));	/* this stop has taken that back */
		must(entry, pass_on(entry, status, PTRACE_CONT));
	}
}

/* --- from exec to the entry point --- */

static bool bits_32(pid_t tid)
{
	struct registers registers;
	size_t size;

	return tracee_registers(tid, &registers, &size) == 0 && !registers_64bit(&registers, size);
}

/* SIGTRAP is blocked again, as it means it to be. */
static void show(struct entry *entry)
{
	uint64_t mask = 0;

	if (!entry->hidden)
		return;
	must(entry, get_mask(entry->tracee.tid, &mask));
	must(entry, set_mask(entry->tracee.tid, mask | sigtrap));
	if (entry->owed)
		(void)syscall(SYS_tgkill, entry->order->pid, entry->tracee.tid, SIGTRAP);
	entry->hidden = entry->owed = false;
}

/* At the end of a call its own code follows, where our trap may lie; at the beginning it may look at its mask. */
static void at_call(struct entry *entry)
{
	struct tracee *tracee = &entry->tracee;
	struct __ptrace_syscall_info info = { 0 };
	uint64_t mask = 0;

	must(entry, request(PTRACE_GET_SYSCALL_INFO, tracee->tid, sizeof(info), &info) < 0 ? -errno : 0);
	if (info.op == PTRACE_SYSCALL_INFO_ENTRY) {
		uint64_t start = info.entry.args[0], end = start + info.entry.args[1];

		entry->protecting = info.entry.nr == (info.arch == AUDIT_ARCH_I386 ? MPROTECT_32 : SYS_mprotect) &&
				    !(info.entry.args[2] & PROT_WRITE) && start < entry->image.relro_end &&
				    end > entry->image.relro_start;
		show(entry);
		return;
	}
	entry->protecting &= info.exit.rval == 0;
	must(entry, get_mask(tracee->tid, &mask));
	if (mask & sigtrap && tracee->trap.fd >= 0) {
		entry->hidden = true;
		must(entry, set_mask(tracee->tid, mask & ~sigtrap));
	}
}

/* At the stop of an exec. False: it has had another exec. */
static bool load(struct entry *entry)
{
	struct tracee *tracee = &entry->tracee;
	int status, r;

	tracee->trapped = false;
	entry->hidden = entry->owed = entry->protecting = false;
	r = image_read(tracee->tid, bits_32(tracee->tid), &entry->image);
	if (r < 0)
		end_unsealed(entry, "its entry point cannot be found");
	if (!entry->image.loader) {
		/* It is at its entry point, and has not run yet. */
		must(entry, interrupt(tracee));
		must(entry, go_on(tracee, PTRACE_CONT, 0));
		must(entry, wait_standing(tracee));
		return true;
	}
	r = trap_at(tracee->tid, entry->image.entry, &tracee->trap);
	if (r < 0)
		end_unsealed(entry, "it cannot be stopped at its entry point: "
				    "all breakpoints of the machine may be in use");
	for (r = go_on(tracee, PTRACE_SYSCALL, 0); r == 0; r = pass_on(entry, status, PTRACE_SYSCALL)) {
		while (next(entry, FOREVER, &status) == TOLD)
			;	/* it has left, as was to be expected */
		if (status >> 16 == 0 && WSTOPSIG(status) == STOP_AT_CALL)
			at_call(entry);
		if (status >> 16 == PTRACE_EVENT_EXEC) {
			(void)trap_disarm(&tracee->trap);
			return false;
		}
	}
	must(entry, r);
	(void)trap_disarm(&tracee->trap);
	show(entry);
	return true;
}

/*
 * It stands, and runs on until its RELRO is in force; or, should it take no care
 * of that, for a while. False: it has had an exec.
 */
static bool make_relro(struct entry *entry)
{
	struct tracee *tracee = &entry->tracee;
	uint64_t deadline = now_ns() + RELRO_MILLISECONDS * UINT64_C(1000000);
	bool halted = false;
	unsigned calls = 0;
	int status = 0;

	must(entry, go_on(tracee, PTRACE_SYSCALL, 0));
	for (;;) {
		int64_t left = (int64_t)(deadline - now_ns()) / 1000000;
		enum happening happening = next(entry, halted ? FOREVER : left > 0 ? (int)left : 0, &status);

		if (happening == TOLD)
			continue;
		if (halted)
			deadline = now_ns() + RELRO_MILLISECONDS * UINT64_C(1000000);
		halted = happening == STOPPED && is_group_stop(status);
		if (happening == STOPPED && status >> 16 == 0 && WSTOPSIG(status) == STOP_AT_CALL) {
			bool was = entry->protecting;

			at_call(entry);
			if ((was && entry->protecting) || ++calls >= 2 * RELRO_CALLS)
				happening = NOTHING;
		}
		if (happening == NOTHING)
			break;
		if (status >> 16 == PTRACE_EVENT_EXEC)
			return false;
		must(entry, pass_on(entry, status, PTRACE_SYSCALL));
	}
	return stand_somewhere(entry, FOREVER);
}

/* --- at the entry point --- */

static enum answer call_mseal(struct entry *entry)
{
	struct tracee *tracee = &entry->tracee;
	_cleanup_(proc_maps_free) struct proc_maps maps = {};

	if (!tracee->changed && proc_maps_read(tracee->tid, &maps) < 0)
		return ANSWER_FAILED;
	if (!tracee->changed)
		entry->unable = calling_prepare(tracee, &(struct blocked_call){ .number = -1 }, &maps);
	if (entry->unable != ANSWER_SEALED)
		return entry->unable;
	return calling_mseal(tracee, entry->ranges, entry->more_size / sizeof(struct range));
}

/* Says where it is, and does what the daemon wants until that is: on. */
static void obey(struct entry *entry, enum held_word where)
{
	const struct held_message report = { .word = where, .secure = entry->image.secure };
	int status;

	if (held_send(entry->order->fd, &report, NULL, 0) < 0)
		end_unsealed(entry, "mseald has ended");
	for (;;) {
		if (next(entry, FOREVER, &status) != TOLD)
			ended(entry);	/* it stands, and cannot stop */
		switch (entry->message.word) {
		case HELD_MSEAL:
			(void)held_say(entry->order->fd, HELD_CALLED, call_mseal(entry));
			break;
		case HELD_GO:
			return;
		case HELD_END:
			entry->more[MIN_OF(entry->more_size, sizeof(entry->more) - 1)] = '\0';
			end_unsealed(entry, entry->more);
		}
	}
}

/* Connections of clients, and the socket itself, must not live as long as this process. */
static void leave_open(int one, int other)
{
	unsigned low = (unsigned)MIN_OF(one, other), high = (unsigned)MAX_OF(one, other);

	if (low > 3)
		(void)close_range(3, low - 1, 0);
	if (high > low + 1)
		(void)close_range(low + 1, high - 1, 0);
	(void)close_range(high + 1, ~0u, 0);
}

void entry_hold(const struct entry_order *order)
{
	static struct entry entry;
	sigset_t child;
	int r;

	entry.order = order;
	leave_open(order->fd, order->pidfd);
	(void)sigemptyset(&child);
	(void)sigaddset(&child, SIGCHLD);
	entry.changes = signalfd(-1, &child, SFD_CLOEXEC);
	r = entry.changes < 0 ? -errno : !is_theirs(order) ? -EACCES : tracee_seize(&entry.tracee, order->pid, OPTIONS);
	if (r < 0) {
		(void)held_say(order->fd, HELD_NOT_SEIZED,
			       r == -EPERM && status_bits(order->pid, "TracerPid") ? EALREADY : (uint32_t)-r);
		_exit(1);
	}
	/* Now it can become nothing else that we would not see. */
	if (!is_theirs(order)) {
		(void)held_say(order->fd, HELD_NOT_SEIZED, EACCES);
		(void)stand_somewhere(&entry, FOREVER);
		let_go(&entry);		/* at the stop of an exec as well */
	}
	if (held_say(order->fd, HELD_SEIZED, 0) < 0)
		end_unsealed(&entry, "mseald has ended");
	await_exec(&entry);
	do {
		while (!load(&entry))
			;
		if (!entry.image.relro_end)
			break;
		obey(&entry, HELD_FIRST);
		must(&entry, tracee_restore(&entry.tracee));
	} while (!make_relro(&entry));
	obey(&entry, HELD_ENTRY);
	_exit(tracee_release(&entry.tracee) < 0);
}
