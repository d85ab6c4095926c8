/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The native gate and special processes: stopped, traced, zombies, many threads, shared memory, 32-bit,
 * frozen - and a daemon that dies during sealing.
 */
#define _GNU_SOURCE
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
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
#include <sys/wait.h>
#include <unistd.h>

#include "attack.h"
#include "lib/base/util.h"
#include "lib/proc/maps.h"
#include "native.h"
#include "tap.h"
#include "victims.h"

#define THREAD (CLONE_VM | CLONE_THREAD | CLONE_SIGHAND | CLONE_FS | CLONE_FILES)

static long count_up(const long arguments[6])
{
	(void)arguments;
	while (!atomic_load(&scene.shared->stop))
		atomic_fetch_add(&scene.shared->progress, 1);
	return 0;
}

static long read_pipe(const long arguments[6])
{
	char buffer[64];

	(void)arguments;
	return RAW(SYS_read, scene.pipe[0], buffer, sizeof(buffer));
}

static bool becomes(pid_t pid, char state)
{
	long call;

	for (int i = 0; i < 2000; i++, nap(5))
		if (state_of(pid, &call) == state)
			return true;
	return false;
}

static bool comes_to(pid_t pid, long number)
{
	long call;

	for (int i = 0; i < 2000; i++, nap(5))
		if (state_of(pid, &call) == 'S' && call == number)
			return true;
	return false;
}

static bool runs(void)
{
	uint32_t before = atomic_load(&scene.shared->progress);

	for (int i = 0; i < 2000; i++, nap(5))
		if (atomic_load(&scene.shared->progress) != before)
			return true;
	return false;
}

static struct puppet *victim(uint64_t *ret_page, unsigned pages)
{
	struct puppet *puppet;

	scene_open();
	puppet = scene.victim = puppet_new();
	*ret_page = puppet_pages(puppet, pages + 2, PROT_READ) + PAGE;
	return puppet;
}

static void end(struct puppet *puppet)
{
	puppet_end(puppet);
	scene_close();
}

/* --- stopped --- */

static void stopped(bool asleep)
{
	const char *name = asleep ? "stopped in a call" : "stopped";
	uint64_t page;
	struct puppet *puppet = victim(&page, 1);
	struct sealed sealed;
	uint32_t progress;
	long call, result;

	if (asleep)
		puppet_start(puppet, read_pipe, 0, 0, 0, 0, 0, 0);
	else
		puppet_start(puppet, count_up, 0, 0, 0, 0, 0, 0);
	if (asleep ? !comes_to(puppet->pid, SYS_read) : !runs())
		bail("%s: does not begin", name);
	kill(puppet->pid, SIGSTOP);
	waitpid(puppet->pid, NULL, WUNTRACED);
	progress = atomic_load(&scene.shared->progress);
	sealed = seal_page(puppet->pid, page);
	check_gate(puppet->pid, page, &sealed, true, name);
	nap(300);
	ok(state_of(puppet->pid, &call) == 'T', "%s: stays so (state %c)", name,
	   state_of(puppet->pid, &call));
	ok(atomic_load(&scene.shared->progress) == progress, "%s: and did not run meanwhile", name);
	ok(waitpid(puppet->pid, NULL, WUNTRACED | WCONTINUED | WNOHANG) == 0,
	   "%s: wait(2) reports nothing to its parent", name);
	kill(puppet->pid, SIGCONT);
	ok(asleep ? comes_to(puppet->pid, SYS_read) : runs(), "%s: goes on with SIGCONT", name);
	if (asleep)
		wake_pipe();
	else
		atomic_store(&scene.shared->stop, 1);
	result = puppet_result(puppet);
	ok(result == (asleep ? 5 : 0), "%s: notices nothing (%s)", name, puppet_text(puppet, result));
	result = puppet_call(puppet, SYS_munmap, page, PAGE);
	ok(result == -EPERM, "%s: munmap then: EPERM (%s)", name, puppet_text(puppet, result));
	end(puppet);
}

/* Another process stops and continues it all the time: it ends in the state of the last signal. */
static void stopped_and_continued(bool stopped_last)
{
	const char *name = stopped_last ? "stopped and continued, stopped last" : "stopped and continued";
	uint64_t page;
	struct puppet *puppet = victim(&page, 200);
	pid_t pid = puppet->pid, other;
	unsigned sealed = 0;

	puppet_start(puppet, count_up, 0, 0, 0, 0, 0, 0);
	if (!runs())
		bail("%s: does not begin", name);
	other = fork();
	if (other == 0) {
		for (unsigned i = 0; i < brief(1500, 150); i++) {
			kill(pid, SIGSTOP);
			if (i % 3 == 0)
				usleep(500);
			kill(pid, SIGCONT);
			if (i % 5 == 0)
				usleep(1000);
		}
		if (stopped_last)
			kill(pid, SIGSTOP);
		_exit(0);
	}
	for (unsigned i = 0; i < brief(100, 10); i++)
		sealed += !seal_page(pid, page + 2ul * i * PAGE).error;
	waitpid(other, NULL, 0);
	ok(sealed == brief(100, 10), "%s: sealed %u times", name, sealed);
	if (stopped_last) {
		ok(becomes(pid, 'T'), "%s: is stopped", name);
		kill(pid, SIGCONT);
	}
	ok(runs(), "%s: runs", name);
	atomic_store(&scene.shared->stop, 1);
	ok(puppet_result(puppet) == 0, "%s: notices nothing", name);
	end(puppet);
}

/* --- traced --- */

/* Makes another tracer of that thread, until it is killed. */
static pid_t traced_by_another(pid_t tid)
{
	int ready[2];
	char byte = 0;
	pid_t pid;

	if (pipe(ready))
		bail("pipe");
	pid = fork();
	if (pid == 0) {
		byte = ptrace(PTRACE_SEIZE, tid, 0, 0) == 0;
		if (write(ready[1], &byte, 1) != 1)
			_exit(1);
		for (;;)
			waitpid(tid, NULL, __WALL);
	}
	if (read(ready[0], &byte, 1) != 1 || !byte)
		bail("cannot trace %d", tid);
	close(ready[0]);
	close(ready[1]);
	return pid;
}

static void traced(void)
{
	uint64_t page;
	struct puppet *puppet = victim(&page, 5), *thread;
	struct sealed sealed = seal_page(puppet->pid, page);
	pid_t tracer = traced_by_another(puppet->pid);
	long result;

	check_gate(puppet->pid, page, &sealed, true, "before it is traced");
	sealed = seal_page(puppet->pid, page);
	check_gate(puppet->pid, page, &sealed, true,
		   "sealed again while traced by another, for nothing is to do");
	sealed = seal_page(puppet->pid, page + 2 * PAGE);
	check_gate(puppet->pid, page + 2 * PAGE, &sealed, false, "traced by another");
	ok(!strcmp(sealed.why, "is traced by another program"), "traced by another: the reply says why (%s)",
	   sealed.why);
	kill(tracer, SIGKILL);
	waitpid(tracer, NULL, 0);
	thread = puppet_clone(puppet, THREAD, NULL);
	tracer = traced_by_another(puppet->pid);
	sealed = seal_page(puppet->pid, page + 4 * PAGE);
	check_gate(puppet->pid, page + 4 * PAGE, &sealed, true, "one of two threads traced by another");
	kill(tracer, SIGKILL);
	waitpid(tracer, NULL, 0);
	sealed = seal_page(puppet->pid, page + 2 * PAGE);
	check_gate(puppet->pid, page + 2 * PAGE, &sealed, true, "sealed again when the other tracer is gone");
	result = puppet_call(puppet, SYS_munmap, page + 2 * PAGE, PAGE);
	ok(result == -EPERM, "munmap then: EPERM (%s)", puppet_text(puppet, result));
	puppet_end(thread);
	end(puppet);
}

/* --- threads and sharers --- */

static void zombie(void)
{
	struct puppet *puppet = puppet_new();
	struct range range = { 0x10000, 0x11000 };
	struct sealed sealed;

	kill(puppet->pid, SIGKILL);
	becomes(puppet->pid, 'Z');
	sealed = seal_as(&(struct seal_order){ .pid = puppet->pid, .ranges = &range, .count = 1 });
	ok(sealed.error && !strcmp(sealed.error, "NoSuchProcess"), "zombie: NoSuchProcess (%s)",
	   sealed.error ?: "sealed");
	puppet_end(puppet);
}

static long end_thread(const long arguments[6])
{
	(void)arguments;
	return RAW(SYS_exit, 0);
}

static void leader_gone(void)
{
	uint64_t page;
	struct puppet *puppet = victim(&page, 1), *thread = puppet_clone(puppet, THREAD, NULL);
	struct sealed sealed;
	long result;

	puppet_start(puppet, end_thread, 0, 0, 0, 0, 0, 0);
	becomes(puppet->pid, 'Z');
	sealed = seal_page(puppet->pid, page);
	/* /proc/PID/smaps of the first thread is empty. */
	ok(!sealed.error && sealed.native && !strcmp(listed_gate(puppet->pid, page), "native") &&
		   (!sealing_is_shown() || shown_sealed(thread->tid, page)),
	   "its first thread has ended: native (%s %s)", sealed.error ?: "sealed", sealed.why);
	result = puppet_call(thread, SYS_munmap, page, PAGE);
	ok(result == -EPERM, "its first thread has ended: munmap: EPERM (%s)", puppet_text(thread, result));
	puppet_end(thread);
	end(puppet);
}

static void shared_memory(void)
{
	uint64_t page;
	struct puppet *puppet = victim(&page, 1), *sharer = puppet_clone(puppet, CLONE_VM, NULL), *child;
	struct sealed sealed = seal_page(puppet->pid, page);
	long result;

	check_gate(puppet->pid, page, &sealed, true, "memory shared with another process");
	result = puppet_call(sharer, SYS_munmap, page, PAGE);
	ok(result == -EPERM, "the other process that shares the memory: munmap: EPERM (%s)",
	   puppet_text(sharer, result));
	child = puppet_clone(puppet, 0, NULL);
	ok(!strcmp(listed_gate(child->pid, page), "native"), "a child of fork: native");
	ok(!sealing_is_shown() || shown_sealed(child->pid, page), "a child of fork: smaps shows it");
	result = puppet_call(child, SYS_munmap, page, PAGE);
	ok(result == -EPERM, "a child of fork: munmap: EPERM (%s)", puppet_text(child, result));
	puppet_end(child);
	puppet_end(sharer);
	end(puppet);
}

/* --- 32-bit --- */

/* read(0, stack, 16), write(1, stack, bytes read), exit(7), by int 0x80. */
static const unsigned char code_32[] = {
	0x83, 0xec, 0x10,			  /* sub esp, 16 */
	0x31, 0xdb, 0x89, 0xe1,			  /* xor ebx, ebx; mov ecx, esp */
	0xba, 0x10, 0x00, 0x00, 0x00,		  /* mov edx, 16 */
	0xb8, 0x03, 0x00, 0x00, 0x00, 0xcd, 0x80, /* mov eax, 3; int 0x80 */
	0x89, 0xc2,				  /* mov edx, eax */
	0xbb, 0x01, 0x00, 0x00, 0x00, 0x89, 0xe1, /* mov ebx, 1; mov ecx, esp */
	0xb8, 0x04, 0x00, 0x00, 0x00, 0xcd, 0x80, /* mov eax, 4; int 0x80 */
	0xbb, 0x07, 0x00, 0x00, 0x00,		  /* mov ebx, 7 */
	0xb8, 0x01, 0x00, 0x00, 0x00, 0xcd, 0x80, /* mov eax, 1; int 0x80 */
};

static void run_32bit(int in, int out)
{
	struct {
		Elf32_Ehdr header;
		Elf32_Phdr segment;
		unsigned char code[sizeof(code_32)];
	} image = {
		.header = { .e_ident = { 0x7f, 'E', 'L', 'F', ELFCLASS32, ELFDATA2LSB, EV_CURRENT },
			    .e_type = ET_EXEC,
			    .e_machine = EM_386,
			    .e_version = EV_CURRENT,
			    .e_entry = 0x8048000 + 84,
			    .e_phoff = 52,
			    .e_ehsize = 52,
			    .e_phentsize = 32,
			    .e_phnum = 1 },
		.segment = { .p_type = PT_LOAD,
			     .p_vaddr = 0x8048000,
			     .p_filesz = sizeof(image),
			     .p_memsz = sizeof(image),
			     .p_flags = PF_R | PF_X,
			     .p_align = 4096 },
	};
	char *const none[] = { NULL };
	int fd = memfd_create("32", MFD_CLOEXEC);

	memcpy(image.code, code_32, sizeof(code_32));
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (write(fd, &image, sizeof(image)) != sizeof(image) || dup2(in, 0) < 0 || dup2(out, 1) < 0)
		_exit(1);
	fexecve(fd, none, none);
	_exit(2);
}

static void bits_32(void)
{
	struct range range = { 0x8048000, 0x8049000 };
	struct sealed sealed;
	char buffer[16];
	int in[2], out[2], status = 0;
	pid_t pid;

	if (pipe(in) || pipe(out))
		bail("pipe");
	fflush(NULL);
	pid = fork();
	if (pid == 0)
		run_32bit(in[0], out[1]);
	if (!comes_to(pid, 3)) {
		skip("this kernel runs no programs for i386", "32-bit");
		(void)waitpid(pid, &status, 0);
	} else {
		sealed = seal_as(&(struct seal_order){ .pid = pid, .ranges = &range, .count = 1 });
		check_gate(pid, range.start, &sealed, false, "32-bit");
		ok(strstr(sealed.why, "32-bit"), "32-bit: the reply says why (%s)", sealed.why);
		ok(comes_to(pid, 3), "32-bit: is still in its call");
		ok(write(in[1], "hello", 5) == 5 && waitpid(pid, &status, 0) == pid &&
			   WEXITSTATUS(status) == 7 && read(out[0], buffer, sizeof(buffer)) == 5,
		   "32-bit: notices nothing (wait status %#x)", status);
	}
	for (int i = 0; i < 2; i++) {
		close(in[i]);
		close(out[i]);
	}
}

/* --- frozen --- */

#define GROUP "/run/mseald-test-cgroup"

static bool put(const char *file, const char *text)
{
	int fd = open(file, O_WRONLY | O_CLOEXEC);
	bool done = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);

	if (fd >= 0)
		close(fd);
	return done;
}

static void frozen(void)
{
	uint64_t page;
	struct puppet *puppet = victim(&page, 1);
	struct sealed sealed;
	char text[16];
	long result;

	snprintf(text, sizeof(text), "%d", puppet->pid);
	(void)mkdir(GROUP, 0700);
	puppet_start(puppet, read_pipe, 0, 0, 0, 0, 0, 0);
	if (!comes_to(puppet->pid, SYS_read) || mount("none", GROUP, "cgroup2", 0, NULL) ||
	    mkdir(GROUP "/it", 0700) || !put(GROUP "/it/cgroup.procs", text) ||
	    !put(GROUP "/it/cgroup.freeze", "1")) {
		skip(strerror(errno), "a frozen process");
	} else {
		nap(200);
		sealed = seal_page(puppet->pid, page);
		check_gate(puppet->pid, page, &sealed, false, "frozen");
		put(GROUP "/it/cgroup.freeze", "0");
		ok(comes_to(puppet->pid, SYS_read), "frozen: is in its call when it thaws");
	}
	wake_pipe();
	result = puppet_result(puppet);
	ok(result == 5, "frozen: notices nothing (%s)", puppet_text(puppet, result));
	end(puppet);
	rmdir(GROUP "/it");
	umount(GROUP);
}

/* --- the daemon dies --- */

static void daemon_dies(void)
{
	uint64_t page;
	struct puppet *puppet = victim(&page, 600), *thread = puppet_clone(puppet, THREAD, NULL);
	pid_t sealer;
	long result;

	puppet_start(puppet, count_up, 0, 0, 0, 0, 0, 0);
	puppet_start(thread, read_pipe, 0, 0, 0, 0, 0, 0);
	for (unsigned round = 0; round < brief(6, 1); round++) {
		sealer = fork();
		for (unsigned i = round * 50; sealer == 0; i++) {
			if (i == 300)
				_exit(0);
			seal_page(puppet->pid, page + 2ul * i * PAGE);
		}
		usleep(20000 + brief(round, turn() % 6) * 23456);
		daemon_stop(SIGKILL);
		kill(sealer, SIGKILL);
		waitpid(sealer, NULL, 0);
		daemon_start();
	}
	ok(!puppet_died(puppet, 0) && runs(), "the daemon killed while it seals: the victim lives");
	ok(comes_to(thread->tid, SYS_read), "and its other thread is still in its call");
	wake_pipe();
	result = puppet_result(thread);
	ok(result == 5, "which ends as it would (%s)", puppet_text(thread, result));
	atomic_store(&scene.shared->stop, 1);
	ok(puppet_result(puppet) == 0, "and so does the first one");
	puppet_end(thread);
	end(puppet);
}

/* --- other code where the call is to be made --- */

#ifdef __x86_64__
typedef uint16_t instruction;
#define CALL_64 0x050f /* syscall */
#define CALL_32 0x80cd /* int $0x80 */
/* mov $077, %edi; mov $SYS_umask, %eax; syscall */
#define FORBIDDEN "\xbf\x3f\0\0\0\xb8\x5f\0\0\0\x0f\x05"
#else
typedef uint32_t instruction;
#define CALL_64 0xd4000001 /* svc #0 */
/* mov x0, #077; mov x8, #SYS_umask; svc #0 */
#define FORBIDDEN "\xe0\x07\x80\xd2\xc8\x14\x80\xd2\x01\0\0\xd4"
#endif

/*
 * Has the code in the highest executable memory, where it is found first, and counts. What would be the
 * arguments of a 32-bit mseal(2) are 0, which makes the call succeed.
 */
static long count_with_code(const long arguments[6])
{
	_cleanup_(proc_maps_free) struct proc_maps maps = {};
	const struct mapping *last;
	void *code;

	MUST(proc_maps_read(getpid(), &maps) >= 0, 0);
	last = &maps.list[maps.count - 1];
	while ((int64_t)last->start < 0) /* [vsyscall] */
		last--;
	code = mremap(scene.shared, 0, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, (void *)(last->end + 16 * PAGE));
	MUST(code != MAP_FAILED, errno);
	MUST(!mprotect(code, PAGE, PROT_READ | PROT_WRITE | PROT_EXEC), errno);
	MUST(!arguments[0] || forbid((unsigned)arguments[0]), errno);
#ifdef __x86_64__
	__asm__ volatile("xor %%ebx, %%ebx; xor %%ecx, %%ecx; 1: incl %0; cmpl $0, %1; je 1b"
			 : "+m"(scene.shared->progress)
			 : "m"(scene.shared->stop)
			 : "rbx", "rcx", "memory", "cc");
	return 0;
#else
	return count_up(arguments);
#endif
}

/* Exchanges an instruction without pause. */
static pid_t exchange(instruction other)
{
	_Atomic instruction *code = (void *)scene.shared->code;
	pid_t pid = fork();

	for (unsigned i = 0; pid == 0; i++) {
		struct timespec start, now;
		long ns = random() % 1000000;

		atomic_store(code, i & 1 ? other : CALL_64);
		__builtin___clear_cache((char *)code, (char *)(code + 1));
		clock_gettime(CLOCK_MONOTONIC, &start);
		do
			clock_gettime(CLOCK_MONOTONIC, &now);
		while ((now.tv_sec - start.tv_sec) * 1000000000 + now.tv_nsec - start.tv_nsec < ns);
	}
	return pid;
}

static unsigned long umask_of(pid_t pid)
{
	char path[32], line[128];
	unsigned long mask = 0;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	file = fopen(path, "re");
	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "Umask: %lo", &mask) == 1)
			break;
	if (file)
		fclose(file);
	return mask;
}

/*
 * Other code comes there between the daemon's look at it and the call. Its call must neither be taken for
 * mseal(2), nor be made while the filters of the thread are suspended.
 */
static void rewritten(const char *name, instruction other, unsigned forbidden)
{
	enum { SEALS = 60 };
	unsigned seals = brief(SEALS, SEALS / 2), natives = 0, only_in_name = 0;
	bool native[SEALS] = { false };
	unsigned long mask;
	uint64_t page;
	struct puppet *puppet = victim(&page, 2 * SEALS);
	pid_t pid;

	memcpy(scene.shared->code, FORBIDDEN, sizeof(FORBIDDEN) - 1);
	puppet_start(puppet, count_with_code, forbidden, 0, 0, 0, 0, 0);
	if (!runs())
		bail("%s: does not begin", name);
	mask = umask_of(puppet->pid);
	pid = exchange(other);
	for (unsigned i = 0; i < seals; i++)
		native[i] = seal_page(puppet->pid, page + 2ul * i * PAGE).native;
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	ok(umask_of(puppet->pid) == mask, "%s: makes no call that its filter forbids (umask %#lo)", name,
	   umask_of(puppet->pid));
	atomic_store(&scene.shared->stop, 1);
	ok(puppet_result(puppet) == 0, "%s: notices nothing", name);
	for (unsigned i = 0; i < seals; i++) {
		natives += native[i];
		only_in_name += native[i] &&
				puppet_call(puppet, SYS_munmap, page + 2ul * i * PAGE, PAGE) != -EPERM;
	}
	ok(!only_in_name, "%s: %u of %u seals are native, %u only in name", name, natives, seals,
	   only_in_name);
	end(puppet);
}

int main(int argc, char **argv)
{
	struct puppet *other;

	puppet_main(argc, argv);
	if (!native_expected()) {
		skip("this kernel has no mseal(2)", "the native gate");
		return tap_end();
	}
	daemon_start();
	other = puppet_new();
	must_seal(other->pid, puppet_pages(other, 1, PROT_READ), PAGE);
	stopped(false);
	stopped(true);
	stopped_and_continued(false);
	stopped_and_continued(true);
	traced();
	zombie();
	leader_gone();
	shared_memory();
	bits_32();
	frozen();
#ifdef CALL_32
	rewritten("a 32-bit call in place of mseal(2)", CALL_32, 0);
#endif
	rewritten("a forbidden call in place of mseal(2)", *(const instruction *)FORBIDDEN, SYS_umask);
	daemon_dies();
	puppet_end(other);
	daemon_stop(SIGTERM);
	return tap_end();
}
