/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Rows 11 and 12 of docs/design/model.md: writes that bypass the mapping, by any process, and pages that
 * userfaultfd puts or moves. Every attack first succeeds on an unsealed process, while another one is sealed.
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
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "attack.h"
#include "daemon.h"
#include "ring.h"
#include "strike_uffd.h"
#include "running.h"
#include "tap.h"

#define THREAD (CLONE_VM | CLONE_THREAD | CLONE_SIGHAND | CLONE_FS | CLONE_FILES)
#define USER 1000
#define VALUE 0x5ea1edL

/* --- inside a puppet: pid, tid, address; writes VALUE there, returns 0 on success --- */

static long write_path(const char *path, long address)
{
	long value = VALUE, fd = RAW(SYS_openat, AT_FDCWD, path, O_RDWR), result;

	if (fd < 0)
		return fd;
	result = RAW(SYS_pwrite64, fd, &value, sizeof(value), address);
	RAW(SYS_close, fd);
	return result == sizeof(value) ? 0 : result < 0 ? result : -EIO;
}

static long mem_self(const long arguments[6])
{
	return write_path("/proc/self/mem", arguments[2]);
}

static long mem_thread_self(const long arguments[6])
{
	return write_path("/proc/thread-self/mem", arguments[2]);
}

static long mem_pid(const long arguments[6])
{
	char path[48];

	snprintf(path, sizeof(path), "/proc/%ld/mem", arguments[0]);
	return write_path(path, arguments[2]);
}

static long mem_task(const long arguments[6])
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%ld/task/%ld/mem", arguments[0], arguments[1]);
	return write_path(path, arguments[2]);
}

static long vm_write(const long arguments[6])
{
	long value = VALUE, result;
	struct iovec from = { &value, sizeof(value) }, to = { (void *)arguments[2], sizeof(value) };

	result = RAW(SYS_process_vm_writev, arguments[0], &from, 1, &to, 1, 0);
	return result == sizeof(value) ? 0 : result < 0 ? result : -EIO;
}

static long poke_stopped(const long arguments[6])
{
	int status = 0;
	long result;

	RAW(SYS_wait4, arguments[0], &status, __WALL, 0);
	result = RAW(SYS_ptrace, PTRACE_POKEDATA, arguments[0], arguments[2], VALUE);
	RAW(SYS_ptrace, PTRACE_DETACH, arguments[0], 0, 0);
	return result;
}

static long attach_poke(const long arguments[6])
{
	long result = RAW(SYS_ptrace, PTRACE_ATTACH, arguments[0], 0, 0);

	return result ? result : poke_stopped(arguments);
}

static long seize_poke(const long arguments[6])
{
	long result = RAW(SYS_ptrace, PTRACE_SEIZE, arguments[0], 0, 0);

	if (result)
		return result;
	RAW(SYS_ptrace, PTRACE_INTERRUPT, arguments[0], 0, 0);
	return poke_stopped(arguments);
}

/* pid, descriptor of the victim: takes it over, and writes with it. */
static long take_descriptor(const long arguments[6])
{
	long pidfd = RAW(SYS_pidfd_open, arguments[0], 0), fd, value = VALUE, result;

	if (pidfd < 0)
		return pidfd;
	fd = RAW(SYS_pidfd_getfd, pidfd, arguments[3], 0);
	RAW(SYS_close, pidfd);
	if (fd < 0)
		return fd;
	result = RAW(SYS_pwrite64, fd, &value, sizeof(value), arguments[2]);
	RAW(SYS_close, fd);
	return result == sizeof(value) ? 0 : result < 0 ? result : -EIO;
}

/* fd, how, address: writes with an existing descriptor. */
enum { BY_PWRITE, BY_WRITE, BY_WRITEV, BY_PWRITEV, BY_RING, BY_RING_WORKER, WAYS };
static const char *const way_names[] = { "pwrite",  "write",	"writev",
					 "pwritev", "io_uring", "an io_uring worker" };

static long write_by(const long arguments[6])
{
	long fd = arguments[0], address = arguments[2], value = VALUE, result;
	struct iovec from = { &value, sizeof(value) };

	switch (arguments[1]) {
	case BY_PWRITE: result = RAW(SYS_pwrite64, fd, &value, sizeof(value), address); break;
	case BY_WRITE:
		RAW(SYS_lseek, fd, address, SEEK_SET);
		result = RAW(SYS_write, fd, &value, sizeof(value));
		break;
	case BY_WRITEV:
		RAW(SYS_lseek, fd, address, SEEK_SET);
		result = RAW(SYS_writev, fd, &from, 1);
		break;
	case BY_PWRITEV: result = RAW(SYS_pwritev, fd, &from, 1, address, 0); break;
	default:
		result = ring_submit(
			&(struct io_uring_sqe){ .opcode = IORING_OP_WRITE,
						.fd = (int)fd,
						.flags = arguments[1] == BY_RING ? 0 : IOSQE_ASYNC,
						.off = (uint64_t)address,
						.addr = (uint64_t)&value,
						.len = sizeof(value) });
	}
	return result == sizeof(value) ? 0 : result < 0 ? result : -EIO;
}

static long open_mem(const long arguments[6])
{
	char path[48];

	snprintf(path, sizeof(path), "/proc/%ld/mem", arguments[0]);
	return RAW(SYS_openat, AT_FDCWD, path, O_RDWR);
}

/* --- the victim --- */

struct victim {
	struct puppet *puppet;
	/* a page each: read-only, writable, read-only and never sealed */
	uint64_t still, writable, beside;
	int eyes; /* its memory, opened for reading before it was sealed */
};

static void become_user(struct puppet *puppet)
{
	if (puppet_call(puppet, SYS_setresgid, USER, USER, USER) ||
	    puppet_call(puppet, SYS_setresuid, USER, USER, USER) ||
	    puppet_call(puppet, SYS_prctl, PR_SET_DUMPABLE, 1))
		bail("a puppet cannot become another user");
}

static struct victim victim_new(bool user)
{
	struct victim victim = { .puppet = puppet_new() };
	char path[48];

	victim.still = puppet_pages(victim.puppet, 1, PROT_READ);
	victim.writable = puppet_pages(victim.puppet, 1, PROT_READ | PROT_WRITE);
	victim.beside = puppet_pages(victim.puppet, 1, PROT_READ);
	if (user)
		become_user(victim.puppet);
	snprintf(path, sizeof(path), "/proc/%d/mem", victim.puppet->pid);
	victim.eyes = open(path, O_RDWR | O_CLOEXEC);
	if (victim.eyes < 0)
		bail("%s: %s", path, strerror(errno));
	return victim;
}

static void victim_end(struct victim *victim)
{
	puppet_end(victim->puppet);
	close(victim->eyes);
}

static long peek(const struct victim *victim, uint64_t address)
{
	long value = -1;

	if (pread(victim->eyes, &value, sizeof(value), (off_t)address) != sizeof(value))
		return -1;
	return value;
}

static const char *seal_foreign(const struct victim *victim, const char *deny, const char *action,
				bool revocable)
{
	const struct range ranges[] = { { victim->still, victim->still + PAGE },
					{ victim->writable, victim->writable + PAGE } };

	return daemon_seal(&(struct seal_order){ .pid = victim->puppet->pid,
						 .ranges = ranges,
						 .count = 2,
						 .deny = deny,
						 .action = action,
						 .revocable = revocable },
			   NULL);
}

static void must_seal_foreign(const struct victim *victim, const char *action)
{
	const char *error = seal_foreign(victim, "foreign-write", action, false);

	if (error)
		bail("sealing %d against foreign writes: %s %s", victim->puppet->pid, error,
		     daemon_error_message());
}

/* --- the attacks --- */

enum who { SELF, THREAD_OF_IT, SHARER, SAME_USER, ROOT };
static const char *const who_names[] = { "itself", "a thread of it", "a process that shares its memory",
					 "the same user", "root" };

static const struct strike {
	const char *name;
	puppet_function function;
	enum who who;
	bool writable;	       /* works on writable memory only */
	int error;	       /* when sealed; 0: depends on the gate, -1: SIGKILL */
	const char *operation; /* of its event */
} strikes[] = {
	{ "/proc/self/mem", mem_self, SELF, false, EPERM, "proc-mem" },
	{ "/proc/thread-self/mem", mem_thread_self, SELF, false, EPERM, "proc-mem" },
	{ "/proc/PID/mem", mem_pid, SELF, false, EPERM, "proc-mem" },
	{ "/proc/PID/task/TID/mem", mem_task, SELF, false, EPERM, "proc-mem" },
	{ "/proc/self/mem, writable memory", mem_self, SELF, true, EPERM, "proc-mem" },
	{ "/proc/PID/mem", mem_pid, THREAD_OF_IT, false, EPERM, "proc-mem" },
	{ "/proc/thread-self/mem", mem_thread_self, THREAD_OF_IT, false, EPERM, "proc-mem" },
	{ "/proc/PID/mem", mem_pid, SHARER, false, EPERM, "proc-mem" },
	{ "/proc/PID/mem", mem_pid, SAME_USER, false, EACCES, "ptrace" },
	{ "/proc/PID/task/TID/mem", mem_task, SAME_USER, false, EACCES, "ptrace" },
	{ "/proc/PID/mem", mem_pid, ROOT, false, EACCES, "ptrace" },
	{ "PTRACE_ATTACH and POKEDATA", attach_poke, SHARER, false, EPERM, "ptrace" },
	{ "PTRACE_ATTACH and POKEDATA", attach_poke, SAME_USER, false, EPERM, "ptrace" },
	{ "PTRACE_ATTACH and POKEDATA", attach_poke, ROOT, false, EPERM, "ptrace" },
	{ "PTRACE_SEIZE and POKEDATA", seize_poke, SAME_USER, false, EPERM, "ptrace" },
	{ "PTRACE_SEIZE and POKEDATA", seize_poke, ROOT, false, EPERM, "ptrace" },
	{ "process_vm_writev", vm_write, SAME_USER, true, EPERM, "process_vm_writev" },
	{ "process_vm_writev", vm_write, ROOT, true, EPERM, "process_vm_writev" },
	{ "process_vm_writev", vm_write, SELF, true, 0, "process_vm_writev" },
	{ "process_vm_writev", vm_write, THREAD_OF_IT, true, 0, "process_vm_writev" },
	{ "process_vm_writev", vm_write, SHARER, true, -1, "process_vm_writev" },
	{ "pidfd_getfd of its /proc/self/mem", take_descriptor, ROOT, false, EPERM, "ptrace" },
	{ .name = NULL },
};

static struct puppet *attacker_of(const struct victim *victim, enum who who)
{
	struct puppet *attacker;

	switch (who) {
	case SELF: return victim->puppet;
	case THREAD_OF_IT: return puppet_clone(victim->puppet, THREAD, NULL);
	case SHARER: return puppet_clone(victim->puppet, CLONE_VM, NULL);
	default:
		attacker = puppet_new();
		if (who == SAME_USER)
			become_user(attacker);
		return attacker;
	}
}

static long strike(const struct strike *attack, const struct victim *victim, struct puppet *attacker, long fd)
{
	return puppet_run(attacker, attack->function, victim->puppet->pid, victim->puppet->tid,
			  (long)(attack->writable ? victim->writable : victim->still), fd);
}

/* The descriptor that pidfd_getfd tries to get. */
static long own_mem(const struct strike *attack, const struct victim *victim)
{
	return attack->function == take_descriptor ?
		       puppet_run(victim->puppet, open_mem, victim->puppet->pid) :
		       -1;
}

static bool is_as_meant(const struct strike *attack, const struct puppet *attacker, long result)
{
	bool killed = result == PUPPET_DEAD && WIFSIGNALED(attacker->status) &&
		      WTERMSIG(attacker->status) == SIGKILL;

	if (attack->error > 0)
		return result == -attack->error;
	if (attack->error == 0 && gate_is_override())
		return result == -EPERM;
	return killed;
}

static bool works_unsealed(const struct strike *attack)
{
	struct victim victim = victim_new(attack->who == SAME_USER);
	struct puppet *attacker = attacker_of(&victim, attack->who);
	long fd = own_mem(attack, &victim);
	uint64_t at = attack->writable ? victim.writable : victim.still;
	long result = strike(attack, &victim, attacker, fd);
	bool done = result == 0 && peek(&victim, at) == VALUE;

	if (!attack->writable && result == -EIO)
		skip("this kernel does not write to read-only memory by it",
		     "row 11: %s by %s: not sealed, it succeeds", attack->name, who_names[attack->who]);
	else if (!ok(done, "row 11: %s by %s: not sealed, it succeeds", attack->name, who_names[attack->who]))
		diag("it ended: %s", puppet_text(attacker, result));
	if (attacker != victim.puppet)
		puppet_end(attacker);
	victim_end(&victim);
	return done;
}

static void fails_sealed(const struct strike *attack)
{
	struct victim victim = victim_new(attack->who == SAME_USER);
	struct puppet *attacker = attacker_of(&victim, attack->who);
	long fd = own_mem(attack, &victim), before, result;
	uint64_t at = attack->writable ? victim.writable : victim.still, hit;
	struct monitor monitor;
	json_t *event;

	must_seal_foreign(&victim, NULL);
	before = peek(&victim, at);
	monitor_open(&monitor, 0);
	result = strike(attack, &victim, attacker, fd);
	if (!ok(is_as_meant(attack, attacker, result), "row 11: %s by %s: sealed, %s", attack->name,
		who_names[attack->who],
		attack->error > 0 ? strerrorname_np(attack->error) :
		attack->error	  ? "SIGKILL" :
				    gate_text()))
		diag("it ended: %s", puppet_text(attacker, result));
	event = monitor_next(&monitor, 10000);
	hit = (uint64_t)json_number(json_object_get(event, "seal"), "start");
	if (!ok(event && !strcmp(json_text(event, "operation"), attack->operation) &&
			json_number(event, "pid") == attacker->pid &&
			(hit == victim.still || hit == victim.writable),
		"row 11: %s by %s: it is reported", attack->name, who_names[attack->who]))
		diag("operation \"%s\", pid %" PRId64, event ? json_text(event, "operation") : "no event",
		     event ? json_number(event, "pid") : 0);
	json_decref(event);
	monitor_close(&monitor);
	/* With a kill gate the pages were written, and are gone with the process. */
	if (!victim.puppet->dead && attack->error > 0)
		ok(peek(&victim, at) == before, "row 11: %s by %s: sealed, nothing has changed", attack->name,
		   who_names[attack->who]);
	if (attacker != victim.puppet)
		puppet_end(attacker);
	victim_end(&victim);
}

static void all_strikes(void)
{
	for (const struct strike *attack = strikes; attack->name; attack++)
		if (works_unsealed(attack))
			fails_sealed(attack);
}

/* --- actions --- */

static const struct strike *strike_named(const char *name, enum who who)
{
	for (const struct strike *attack = strikes; attack->name; attack++)
		if (attack->who == who && !strcmp(attack->name, name))
			return attack;
	bail("no strike %s", name);
}

static void audited(const struct strike *attack)
{
	struct victim victim = victim_new(attack->who == SAME_USER);
	struct puppet *attacker = attacker_of(&victim, attack->who);
	struct monitor monitor;
	json_t *event;
	long result;

	must_seal_foreign(&victim, "audit");
	monitor_open(&monitor, 0);
	result = strike(attack, &victim, attacker, -1);
	if (!ok(result == 0, "audit: %s by %s succeeds", attack->name, who_names[attack->who]))
		diag("it ended: %s", puppet_text(attacker, result));
	event = monitor_next(&monitor, 10000);
	ok(event && !strcmp(json_text(event, "verdict"), "audited") &&
		   !strcmp(json_text(event, "operation"), attack->operation),
	   "audit: %s by %s is reported", attack->name, who_names[attack->who]);
	json_decref(event);
	monitor_close(&monitor);
	if (attacker != victim.puppet)
		puppet_end(attacker);
	victim_end(&victim);
}

/* An attacker from outside is refused; only the sealed process itself is killed for its own attack. */
static void killed(const struct strike *outside, const struct strike *inside)
{
	struct victim victim = victim_new(false);
	struct puppet *attacker = attacker_of(&victim, outside->who);
	long result;

	must_seal_foreign(&victim, "kill");
	result = strike(outside, &victim, attacker, -1);
	if (!ok(result == -outside->error, "kill: %s by %s is refused", outside->name,
		who_names[outside->who]))
		diag("it ended: %s", puppet_text(attacker, result));
	ok(!puppet_died(victim.puppet, 200), "kill: nobody dies of it");
	result = strike(inside, &victim, victim.puppet, -1);
	if (!ok(result == PUPPET_DEAD, "kill: %s by itself is the end of it", inside->name))
		diag("it ended: %s", puppet_text(victim.puppet, result));
	puppet_end(attacker);
	victim_end(&victim);
}

/* --- opened before the seal --- */

static void old_descriptors(void)
{
	struct victim victim = victim_new(false);
	struct puppet *other = puppet_new();
	long own = puppet_run(victim.puppet, open_mem, victim.puppet->pid);
	long others = puppet_run(other, open_mem, victim.puppet->pid), result, before;
	bool worker = puppet_run(victim.puppet, ring_setup) == 0 && puppet_run(other, ring_setup) == 0;

	for (int sealed = 0; sealed < 2; sealed++) {
		if (sealed)
			must_seal_foreign(&victim, NULL);
		before = peek(&victim, victim.writable + 8);
		for (int how = 0; how < WAYS; how++) {
			for (int i = 0; i < 2; i++) {
				struct puppet *who = i ? other : victim.puppet;

				if (how >= BY_RING && !worker) {
					skip("no io_uring here", "a descriptor opened before, %s",
					     way_names[how]);
					continue;
				}
				result = puppet_run(who, write_by, i ? others : own, how,
						    (long)victim.writable + (sealed ? 8 : 0));
				if (!ok(result == (sealed ? -EPERM : 0),
					"%s: its memory by a descriptor opened before, %s, of %s",
					sealed ? "sealed, EPERM" : "not sealed, it succeeds", way_names[how],
					i ? "another" : "itself"))
					diag("it ended: %s", puppet_text(who, result));
			}
		}
		if (sealed)
			ok(peek(&victim, victim.writable + 8) == before,
			   "sealed, nothing has changed; and it can still be read");
	}
	/*
	 * No memory of the process can be written this way, sealed or not: the hook does not get the range.
	 */
	ok(puppet_run(other, write_by, others, BY_PWRITE, (long)victim.beside) == -EPERM,
	   "memory beside the seal is denied too");
	puppet_end(other);
	victim_end(&victim);
}

/* --- traced before the seal --- */

static long traceme(const long arguments[6])
{
	(void)arguments;
	return RAW(SYS_ptrace, PTRACE_TRACEME, 0, 0, 0);
}

static long seize(const long arguments[6])
{
	return RAW(SYS_ptrace, PTRACE_SEIZE, arguments[0], 0, 0);
}

static void refused_traced(const struct victim *victim, pid_t tracer, const char *what)
{
	const char *error = seal_foreign(victim, NULL, NULL, false);
	char pid[32];

	ok(!error, "%s: a seal that lets foreign writes be is made (%s)", what, error ?: "sealed");
	error = seal_foreign(victim, "foreign-write", NULL, false);
	snprintf(pid, sizeof(pid), "by pid %d ", tracer);
	if (!ok(error && !strcmp(error, "Traced") && strstr(daemon_error_message(), pid),
		"%s: foreign-write is refused, and the tracer is named", what))
		diag("%s: %s", error ?: "sealed", daemon_error_message());
	else
		diag("%s", daemon_error_message());
}

/* Is nothing of it sealed? Then another process may trace it. */
static bool still_open(const struct victim *victim)
{
	json_t *seals = daemon_seals(victim->puppet->pid), *seal, *bit;
	bool open = true;
	size_t i, j;

	json_array_foreach(seals, i, seal)
		json_array_foreach(json_object_get(seal, "deny"), j, bit)
			open &= strcmp(json_string_value(bit), "foreign-write") != 0;
	json_decref(seals);
	return open;
}

static void traced_before(void)
{
	struct victim victim = victim_new(false);
	struct puppet *tracer = puppet_new(), *thread = puppet_clone(victim.puppet, THREAD, NULL), *sharer;

	if (puppet_run(tracer, seize, victim.puppet->pid))
		bail("cannot trace a puppet");
	refused_traced(&victim, tracer->pid, "traced");
	ok(still_open(&victim), "and nothing is sealed against foreign writes");
	puppet_end(tracer);
	ok(!seal_foreign(&victim, "foreign-write", NULL, false), "without the tracer it is sealed");
	victim_end(&victim);
	puppet_end(thread);

	victim = victim_new(false);
	tracer = puppet_new();
	thread = puppet_clone(victim.puppet, THREAD, NULL);
	if (puppet_run(tracer, seize, thread->tid))
		bail("cannot trace a thread");
	refused_traced(&victim, tracer->pid, "a thread is traced");
	puppet_end(tracer);
	victim_end(&victim);
	puppet_end(thread);

	victim = victim_new(false);
	tracer = puppet_new();
	sharer = puppet_clone(victim.puppet, CLONE_VM, NULL);
	if (puppet_run(tracer, seize, sharer->pid))
		bail("cannot trace a sharer");
	refused_traced(&victim, tracer->pid, "a process that shares its memory is traced");
	puppet_end(tracer);
	puppet_end(sharer);
	victim_end(&victim);

	victim = victim_new(false);
	ok(puppet_run(victim.puppet, traceme) == 0, "not sealed, PTRACE_TRACEME succeeds");
	refused_traced(&victim, getpid(), "PTRACE_TRACEME before");
	victim_end(&victim);

	victim = victim_new(false);
	must_seal_foreign(&victim, NULL);
	ok(puppet_run(victim.puppet, traceme) == -EPERM, "sealed, PTRACE_TRACEME: EPERM");
	victim_end(&victim);
}

/* A process attaches and detaches all the time: either the seal exists without a tracer, or not at all. */
static long attach_often(const long arguments[6])
{
	int status;

	for (long i = 0; i < arguments[1]; i++) {
		if (RAW(SYS_ptrace, PTRACE_ATTACH, arguments[0], 0, 0))
			return i;
		RAW(SYS_wait4, arguments[0], &status, __WALL, 0);
		RAW(SYS_ptrace, PTRACE_DETACH, arguments[0], 0, 0);
	}
	return arguments[1];
}

static void attached_meanwhile(void)
{
	const int times = (int)brief(12, 4);
	int sealed = 0, refused = 0, wrong = 0;

	for (int i = 0; i < times; i++) {
		struct victim victim = victim_new(false);
		struct puppet *tracer = puppet_new();
		const char *error;

		puppet_start(tracer, attach_often, victim.puppet->pid, 100000);
		nap(5 + i);
		error = seal_foreign(&victim, "foreign-write", NULL, false);
		sealed += !error;
		refused += error && !strcmp(error, "Traced");
		/* It tries once more, and gets the error. */
		if (!error && puppet_result(tracer) == 100000)
			wrong++;
		if (!error && tracer_of(victim.puppet->pid))
			wrong++;
		/* The tracer first: the parent cannot wait for a traced child. */
		puppet_end(tracer);
		victim_end(&victim);
	}
	if (!ok(wrong == 0 && sealed + refused == times,
		"attached and detached meanwhile: sealed and untraced, or refused"))
		diag("wrong: %d", wrong);
	diag("%d sealed, %d refused", sealed, refused);
}

/* --- operations that still work --- */

static bool reads(struct puppet *puppet, pid_t pid, const char *file)
{
	char *path = puppet_data(puppet), *buffer = path + 512;
	long fd, n;

	snprintf(path, 64, "/proc/%d/%s", pid, file);
	fd = puppet_call(puppet, SYS_openat, AT_FDCWD, (long)path, O_RDONLY);
	if (fd < 0)
		return false;
	n = puppet_call(puppet, SYS_read, fd, (long)buffer, 512);
	puppet_call(puppet, SYS_close, fd);
	return n > 0;
}

static bool state_becomes(pid_t pid, char wanted)
{
	char path[48], text[256];

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	for (int i = 0; i < 400; i++) {
		FILE *stat = fopen(path, "re");
		const char *at = stat && fgets(text, sizeof(text), stat) ? strrchr(text, ')') : NULL;
		char state = at ? at[2] : 0;

		if (stat)
			fclose(stat);
		if (state == wanted)
			return true;
		nap(5);
	}
	return false;
}

static void still_works(void)
{
	static const char *const files[] = {
		"maps", "smaps", "status", "stat", "cmdline", "environ", "limits"
	};
	struct victim victim = victim_new(true);
	struct puppet *readers[] = { victim.puppet, puppet_new(), puppet_new() };
	struct puppet *child;

	become_user(readers[1]);
	must_seal_foreign(&victim, NULL);
	for (int i = 0; i < 3; i++)
		for (size_t j = 0; j < sizeof(files) / sizeof(*files); j++)
			ok(reads(readers[i], victim.puppet->pid, files[j]), "sealed, %s can be read by %s",
			   files[j],
			   who_names[i == 0 ? SELF :
				     i == 1 ? SAME_USER :
					      ROOT]);
	ok(puppet_run(victim.puppet, fill_pages, (long)victim.writable, PAGE, 9) == 0,
	   "it writes to writable memory as before");
	child = puppet_clone(victim.puppet, 0, NULL);
	ok(puppet_run(readers[2], mem_pid, child->pid, 0, (long)victim.still) == -EACCES,
	   "a child made by fork is sealed against foreign writes too");
	puppet_end(child);
	ok(kill(victim.puppet->pid, SIGSTOP) == 0 && state_becomes(victim.puppet->pid, 'T'),
	   "it can be stopped");
	ok(kill(victim.puppet->pid, SIGCONT) == 0 && state_becomes(victim.puppet->pid, 'S'), "and goes on");
	ok(puppet_call(readers[1], SYS_kill, victim.puppet->pid, SIGKILL) == 0 &&
		   puppet_died(victim.puppet, 5000),
	   "and can be killed by the same user");
	puppet_end(readers[1]);
	puppet_end(readers[2]);
	victim_end(&victim);
}

/* The gate goes by the caller's own numbers: memory of another process is not its concern. */
static void writes_to_others(void)
{
	struct victim victim = victim_new(false), other = victim_new(false);
	long result;

	must_seal_foreign(&victim, NULL);
	result = puppet_run(victim.puppet, vm_write, other.puppet->pid, 0, (long)other.writable);
	ok(result == 0 && peek(&other, other.writable) == VALUE,
	   "a sealed process may write to another by process_vm_writev (%s)",
	   puppet_text(victim.puppet, result));
	result = puppet_run(victim.puppet, mem_pid, other.puppet->pid, 0, (long)other.writable + 8);
	ok(result == 0, "and by /proc/PID/mem (%s)", puppet_text(victim.puppet, result));
	victim_end(&victim);
	victim_end(&other);
}

/* --- the daemon stops and starts --- */

static bool pinned(const char *program)
{
	char path[128];

	for (unsigned generation = 1; generation < 64; generation++) {
		snprintf(path, sizeof(path), "/sys/fs/bpf/mseald/links/%u/%s", generation, program);
		if (access(path, F_OK) == 0)
			return true;
	}
	return false;
}

static bool unpinned_within(const char *program, int seconds)
{
	for (int i = 0; i < seconds * 20 && pinned(program); i++)
		nap(50);
	return !pinned(program);
}

static void attached_as_needed(void)
{
	struct victim victim = victim_new(false);

	ok(!pinned("mseald_file_permission") && !pinned("mseald_ptrace_access_check"),
	   "while no seal denies foreign writes, no program is in their way");
	must_seal_foreign(&victim, NULL);
	ok(pinned("mseald_file_permission"), "the first such seal attaches them");
	victim_end(&victim);
	ok(unpinned_within("mseald_file_permission", 20), "they go with the last one");
	ok(pinned("mseald_file_mprotect"), "and the others stay");
}

static void daemon_gone(void)
{
	struct victim victim = victim_new(false);
	struct puppet *other = puppet_new();

	must_seal_foreign(&victim, NULL);
	daemon_stop(SIGKILL);
	ok(puppet_run(other, mem_pid, victim.puppet->pid, 0, (long)victim.still) == -EACCES,
	   "the daemon killed: denied");
	daemon_start();
	nap(1000); /* the kernel frees older programs with a delay */
	ok(puppet_run(other, mem_pid, victim.puppet->pid, 0, (long)victim.still) == -EACCES,
	   "a new one: denied");
	ok(pwrite(victim.eyes, "x", 1, (off_t)victim.still) == -1 && errno == EPERM,
	   "and by the descriptor opened before");
	ok(pinned("mseald_file_permission"), "it has attached its own programs");
	puppet_end(other);
	victim_end(&victim);
	ok(unpinned_within("mseald_file_permission", 20), "it detaches them with the last such seal");
}

static void taken_back(void)
{
	struct victim victim = victim_new(false);
	struct puppet *other = puppet_new();

	ok(!seal_foreign(&victim, "foreign-write", NULL, true), "sealed with --revocable");
	ok(puppet_run(other, attach_poke, victim.puppet->pid, 0, (long)victim.still) == -EPERM,
	   "it cannot be traced");
	ok(!daemon_unseal(victim.puppet->pid, NULL, 0), "taken back");
	ok(puppet_run(other, attach_poke, victim.puppet->pid, 0, (long)victim.still) == 0,
	   "it can be traced again");
	puppet_end(other);
	victim_end(&victim);
}

static void allow_tracing(void)
{
	int fd = open("/proc/sys/kernel/yama/ptrace_scope", O_WRONLY | O_CLOEXEC);

	/* Otherwise a user may only trace their children; the attacks need more. */
	if (fd >= 0 && write(fd, "0", 1) != 1)
		diag("Yama may be in the way: %s", strerror(errno));
	if (fd >= 0)
		close(fd);
}

int main(int argc, char **argv)
{
	struct puppet *keeper;
	struct victim watched;
	uint64_t kept;

	puppet_main(argc, argv);
	(void)gate_is_override();
	allow_tracing();
	daemon_start();
	/* On a file system without userfaultfd: no program is attached for it. */
	keeper = puppet_new();
	kept = uffd_file_page(keeper);
	must_seal(keeper->pid, kept, PAGE);
	attached_as_needed();
	ok(!pinned("mseald_file_ioctl"),
	   "while userfaultfd reaches nothing sealed, no program is in its way");

	/* One process is sealed all the time: the programs stay attached while unsealed ones act. */
	watched = victim_new(false);
	must_seal_foreign(&watched, NULL);
	all_strikes();
	audited(strike_named("/proc/self/mem, writable memory", SELF));
	audited(strike_named("process_vm_writev", SAME_USER));
	audited(strike_named("process_vm_writev", SELF));
	audited(strike_named("PTRACE_ATTACH and POKEDATA", ROOT));
	killed(strike_named("PTRACE_ATTACH and POKEDATA", ROOT), strike_named("/proc/self/mem", SELF));
	killed(strike_named("/proc/PID/mem", ROOT), strike_named("process_vm_writev", SELF));
	old_descriptors();
	traced_before();
	attached_meanwhile();
	still_works();
	writes_to_others();
	taken_back();
	victim_end(&watched);
	daemon_gone();
	uffd_all(pinned);
	puppet_end(keeper);
	daemon_stop(SIGTERM);
	return tap_end();
}
