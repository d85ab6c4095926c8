/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Victims that run, restrict themselves, or are unusual in another way. */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/rseq.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lib/proc/maps.h"
#include "lib/base/util.h"
#include "victims.h"

#ifndef SYS_mseal
#define SYS_mseal 462
#endif

static bool stopped(void)
{
	return atomic_load_explicit(&scene.shared->stop, memory_order_relaxed);
}

static void wake_stop(void)
{
	atomic_store(&scene.shared->stop, 1);
}

/* Sums of integers and floating-point numbers with a known formula. */
static long busy(const long arguments[6])
{
	uint64_t n = 0, sum = 0;
	double count = 0, sum_of_ones[4] = { 0 };

	(void)arguments;
	while (!stopped()) {
		sum += n++;
		count += 1.0;
		for (int i = 0; i < 4; i++)
			sum_of_ones[i] += i + 1;
		if (n % 4096 == 0)
			atomic_store(&scene.shared->progress, (uint32_t)(n >> 12));
	}
	MUST(sum == n * (n - 1) / 2, n);
	MUST(count == (double)n && sum_of_ones[3] == 4.0 * (double)n, n);
	return 0;
}

static long busy_without_sigtrap(const long arguments[6])
{
	uint64_t mask = 1ull << (SIGTRAP - 1), pending = 0, none = 0;
	long r;

	RAW(SYS_rt_sigprocmask, SIG_SETMASK, &mask, NULL, sizeof(mask));
	r = busy(arguments);
	RAW(SYS_rt_sigpending, &pending, sizeof(pending));
	RAW(SYS_rt_sigprocmask, SIG_SETMASK, &none, NULL, sizeof(none));
	MUST(!pending, pending);
	return r;
}

/* Never asleep, nearly always in the kernel; checks each result. */
static long busy_with_calls(const long arguments[6])
{
	char buffer[64];
	long pid = RAW(SYS_getpid), r;

	(void)arguments;
	do {
		r = RAW(SYS_getpid);
		MUST(r == pid, r);
		r = RAW(SYS_write, scene.pipe[1], "hello, world", 12);
		MUST(r == 12, r);
		r = RAW(SYS_read, scene.pipe[0], buffer, sizeof(buffer));
		MUST(r == 12, r);
		atomic_fetch_add(&scene.shared->progress, 1);
	} while (!stopped());
	return 0;
}

#ifdef __x86_64__
/*
 * Mostly in a restartable sequence. The kernel clears rseq_cs of a sequence that it has aborted. So a thread
 * still in the sequence must find rseq_cs as it was set at the beginning; otherwise it is counted in broken.
 */
static long in_sequence(const long arguments[6])
{
	struct rseq *area = (struct rseq *)((char *)__builtin_thread_pointer() + __rseq_offset);
	uint64_t done = 0, aborted = 0, broken = 0;

	(void)arguments;
	if (!__rseq_size)
		return 0;
	while (!stopped()) {
		uint64_t spin = 20000;

		__asm__ volatile(".pushsection __rseq_cs, \"aw\"\n"
				 ".balign 32\n"
				 "3: .long 0, 0\n"
				 ".quad 1f, 2f - 1f, 4f\n"
				 ".popsection\n"
				 "leaq 3b(%%rip), %%rax\n"
				 "movq %%rax, %[cs]\n"
				 "1:\n"
				 "decq %[spin]\n"
				 "jnz 1b\n"
				 "cmpq %%rax, %[cs]\n"
				 "je 5f\n"
				 "incq %[broken]\n"
				 "5: incq %[done]\n"
				 "2:\n"
				 "jmp 6f\n"
				 ".long %c[signature]\n"
				 "4: incq %[aborted]\n"
				 "6:\n"
				 "movq $0, %[cs]\n"
				 : [spin] "+r"(spin), [broken] "+r"(broken), [done] "+r"(done),
				   [aborted] "+r"(aborted), [cs] "+m"(area->rseq_cs)
				 : [signature] "i"(RSEQ_SIG)
				 : "rax", "cc", "memory");
		atomic_fetch_add_explicit(&scene.shared->progress, 1, memory_order_relaxed);
	}
	atomic_store(&scene.shared->numbers[1], aborted);
	MUST(!broken && done, broken);
	return 0;
}
#endif

/* --- seccomp --- */

#define ALLOW(number) \
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (number), 0, 1), BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)
#define LOAD_NUMBER BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr))

static bool install(struct sock_filter *filter, unsigned short length)
{
	struct sock_fprog program = { length, filter };

	return !prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) &&
	       !prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
}

/*
 * Permits only calls that it makes itself, also as a puppet (munmap is what the test tries at the end): not
 * restart_syscall(2), by which the kernel continues a sleep that was interrupted.
 */
static bool only_a_few(void)
{
	struct sock_filter filter[] = {
		LOAD_NUMBER,
		ALLOW(SYS_read),
		ALLOW(SYS_futex),
		ALLOW(SYS_munmap),
		ALLOW(SYS_nanosleep),
		ALLOW(SYS_clock_nanosleep),
		ALLOW(SYS_clock_gettime),
#ifdef SYS_poll
		ALLOW(SYS_poll),
#endif
		ALLOW(SYS_exit_group),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
	};

	return install(filter, sizeof(filter) / sizeof(*filter));
}

bool forbid(unsigned number)
{
	struct sock_filter filter[] = {
		LOAD_NUMBER,
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};

	return install(filter, sizeof(filter) / sizeof(*filter));
}

static long read_pipe(void)
{
	char buffer[64];

	return RAW(SYS_read, scene.pipe[0], buffer, sizeof(buffer));
}

static long killing_filter(const long arguments[6])
{
	long n;

	(void)arguments;
	MUST(only_a_few(), errno);
	n = read_pipe();
	MUST(n == 5, n);
	return 0;
}

static long busy_under_filter(const long arguments[6])
{
	MUST(only_a_few(), errno);
	return busy(arguments);
}

/* Sealed in sleeps that the kernel continues by restart_syscall(2). */
long nanosleep_under_filter(const long arguments[6])
{
	MUST(only_a_few(), errno);
	return in_nanosleep(arguments);
}

static long clock_nanosleep_under_filter(const long arguments[6])
{
	MUST(only_a_few(), errno);
	return in_clock_nanosleep(arguments);
}

static long futex_under_filter(const long arguments[6])
{
	MUST(only_a_few(), errno);
	return in_futex_timeout(arguments);
}

#ifdef SYS_poll
static long poll_under_filter(const long arguments[6])
{
	MUST(only_a_few(), errno);
	return in_poll_timeout(arguments);
}
#endif

static long no_mseal(const long arguments[6])
{
	long n;

	(void)arguments;
	MUST(forbid(SYS_mseal), errno);
	n = read_pipe();
	MUST(n == 5, n);
	n = RAW(SYS_mseal, 0, 0, 0);
	MUST(n == -EPERM, n);
	return 0;
}

#ifdef __x86_64__
/*
 * When its sleep is to continue there is other code, with a call that its filter forbids: the filter must not
 * be suspended for that.
 */
static long rewritten_in_sleep(const long arguments[6])
{
	const struct timespec time = { .tv_sec = SLEEP_MS / 1000 };
	long n = SYS_nanosleep;

	(void)arguments;
	memcpy(scene.shared->code, "\x0f\x05\xc3" /* syscall; ret */, 3);
	MUST(!mprotect(scene.shared, PAGE, PROT_READ | PROT_WRITE | PROT_EXEC), errno);
	MUST(forbid(SYS_getppid), errno);
	__asm__ volatile("call *%1"
			 : "+a"(n)
			 : "r"(scene.shared->code), "D"(&time), "S"(0)
			 : "rcx", "r11", "memory");
	MUST(n == -EPERM, n);
	return 0;
}

static void rewrite(void)
{
	/* mov $SYS_getppid, %eax; syscall; ret */
	memcpy(scene.shared->code, "\xb8\x6e\0\0\0\x0f\x05\xc3", 8);
}
#endif

static long strict(const long arguments[6])
{
	long n;

	(void)arguments;
	MUST(!prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT), errno);
	n = read_pipe();
	RAW(SYS_exit, n == 5 ? VICTIM_ENDS : 1);
	return 0;
}

/* --- others --- */

#ifdef __x86_64__
static long dispatches(const long arguments[6])
{
	static char selector; /* 0: allow */
	long n;

	(void)arguments;
	MUST(!prctl(59 /* PR_SET_SYSCALL_USER_DISPATCH */, 1, 0, 0, &selector), errno);
	n = read_pipe();
	MUST(n == 5, n);
	return 0;
}
#endif

static long without_vdso(const long arguments[6])
{
	_cleanup_(proc_maps_free) struct proc_maps maps = {};
	const struct mapping *vdso;
	long n;

	(void)arguments;
	MUST(proc_maps_read(getpid(), &maps) >= 0, 0);
	vdso = proc_maps_find(&maps, getauxval(AT_SYSINFO_EHDR));
	MUST(vdso, 0);
	n = RAW(SYS_munmap, vdso->start, vdso->end - vdso->start);
	MUST(n == 0, n);
	n = read_pipe();
	MUST(n == 5, n);
	return 0;
}

static long busy_without_vdso(const long arguments[6])
{
	_cleanup_(proc_maps_free) struct proc_maps maps = {};
	const struct mapping *vdso;

	MUST(proc_maps_read(getpid(), &maps) >= 0, 0);
	vdso = proc_maps_find(&maps, getauxval(AT_SYSINFO_EHDR));
	MUST(vdso && RAW(SYS_munmap, vdso->start, vdso->end - vdso->start) == 0, 0);
	return busy(arguments);
}

const struct victim state_victims[] = {
	{ "busy in its own code", busy, RUNS, wake_stop, .seals = 20 },
	{ "busy, SIGTRAP blocked", busy_without_sigtrap, RUNS, wake_stop, .gate = NEXT },
	{ "busy with system calls", busy_with_calls, RUNS, wake_stop, .seals = 20 },
#ifdef __x86_64__
	{ "in a restartable sequence", in_sequence, RUNS, wake_stop, .seals = 30 },
#endif
	{ "under a filter that kills", killing_filter, SYS_read, wake_pipe },
	{ "busy under a filter that kills", busy_under_filter, RUNS, wake_stop },
	{ "nanosleep under a filter that kills", nanosleep_under_filter, SYS_nanosleep, NULL },
	{ "clock_nanosleep under a filter that kills", clock_nanosleep_under_filter, SYS_clock_nanosleep,
	  NULL, .like_another = true },
	{ "futex under a filter that kills", futex_under_filter, SYS_futex, NULL, .like_another = true },
#ifdef SYS_poll
	{ "poll under a filter that kills", poll_under_filter, SYS_poll, NULL },
#endif
	{ "under a filter without mseal", no_mseal, SYS_read, wake_pipe },
#ifdef __x86_64__
	{ "other code under a filter", rewritten_in_sleep, SYS_nanosleep, NULL, .meanwhile = rewrite },
#endif
	{ "in strict seccomp mode", strict, SYS_read, wake_pipe, .dies = true },
#ifdef __x86_64__
	{ "dispatches its calls itself", dispatches, SYS_read, wake_pipe, .gate = NEXT },
#endif
	{ "without vdso", without_vdso, SYS_read, wake_pipe, .gate = NEXT },
	{ "busy without vdso", busy_without_vdso, RUNS, wake_stop, .gate = NEXT },
	{ .name = NULL },
};
