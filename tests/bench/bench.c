// SPDX-License-Identifier: GPL-2.0-only
/*
 * Counts the instructions of system calls, and prints them as one JSON object. It must run in a VM under
 * `-icount shift=0` (tests/vm/run --icount), where the time stamp counter counts instructions; anywhere else
 * it refuses.
 *
 * Each operation is called in short batches, and the smallest count is used: it excludes timer ticks and
 * other tasks. Of an ordinary program ("exec dynamic") it is the median.
 *
 * The process looks the same in every measured state. One read-only mapping, the arena, has room for
 * MAX_SEALS single-page seals with a page between any two; the pages that most operations work on are
 * outside.
 *
 * usage: bench [--seal=N | --native=N | --seccomp] [--budget=MILLIONS] [--hold]
 *   --seal=N     N pages of the arena are sealed first, by msealctl
 *   --native=N   by mseal(2); status 77 if the kernel has none
 *   --seccomp    a filter as made by MemoryDenyWriteExecute= is installed first
 *   --budget=M   spend about M million instructions on each operation (30)
 *   --hold       do not measure: print "ready" and wait to be killed
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "count.h"
#include "seccomp.h"

#define ELEMENTS(array) (sizeof(array) / sizeof((array)[0]))
#define PAGE 4096UL
#define MAX_SEALS 10000UL
#define MAX_PROGRAMS 1000
#define RANGES "/tmp/bench.ranges"
#define NOTHING "/usr/local/bin/nothing"   /* tests/bench/nothing.c */
#define ORDINARY "/usr/local/bin/ordinary" /* tests/bench/ordinary.c */
#define SYS_MSEAL 462
#define SKIP 77

static char *arena;   /* seal i covers its page 2 * i + 1 */
static char *between; /* a page between two seals */
static char *own;     /* a writable page outside, between two read-only ones */
static unsigned long heap_end;

static _Noreturn void fail(const char *what)
{
	fprintf(stderr, "bench: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void must(bool ok, const char *what)
{
	if (!ok)
		fail(what);
}

/* --- the operations: each called once --- */

static void do_mprotect(void)
{
	must(mprotect(own, PAGE, PROT_READ | PROT_WRITE) == 0, "mprotect");
}

static void do_mprotect_between(void)
{
	must(mprotect(between, PAGE, PROT_READ) == 0, "mprotect between seals");
}

static void do_mmap(void)
{
	char *page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	must(page != MAP_FAILED, "mmap");
	must(munmap(page, PAGE) == 0, "munmap");
}

static void do_mmap_fixed(void)
{
	must(mmap(own, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == own,
	     "mmap(MAP_FIXED)");
}

static void do_madvise(void)
{
	must(madvise(own, PAGE, MADV_DONTNEED) == 0, "madvise");
}

static void do_brk(void)
{
	must((unsigned long)syscall(SYS_brk, heap_end + PAGE) == heap_end + PAGE, "brk that grows");
	must((unsigned long)syscall(SYS_brk, heap_end) == heap_end, "brk that shrinks");
}

static void do_open(void)
{
	int fd = open("/dev/null", O_RDONLY);

	must(fd >= 0, "open");
	must(close(fd) == 0, "close");
}

static void wait_for(pid_t pid, const char *what)
{
	int status;

	must(pid > 0, what);
	must(waitpid(pid, &status, 0) == pid, "waitpid");
	if (status) {
		fprintf(stderr, "bench: %s: the child ended with wait status %#x\n", what, status);
		exit(1);
	}
}

static void do_fork(void)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(0);
	wait_for(pid, "fork");
}

static void do_vfork(void)
{
	pid_t pid = vfork();

	if (pid == 0)
		_exit(0);
	wait_for(pid, "vfork");
}

static char *const nothing_argv[] = { (char[]){ "nothing" }, NULL };
static char *const no_environment[] = { NULL };

static void run_program(const char *path)
{
	pid_t pid = fork();

	if (pid == 0) {
		execve(path, nothing_argv, no_environment);
		_exit(127);
	}
	wait_for(pid, path);
}

static void do_exec(void)
{
	run_program(NOTHING);
}

static void do_exec_dynamic(void)
{
	run_program(ORDINARY);
}

static const struct operation {
	const char *name;
	void (*call)(void);
	unsigned batch; /* calls in one batch; one, if slabs would run empty meanwhile */
} operations[] = {
	{ "mprotect", do_mprotect, 8 },
	{ "mprotect between seals", do_mprotect_between, 8 },
	{ "mmap+munmap", do_mmap, 1 },
	{ "mmap fixed", do_mmap_fixed, 8 },
	{ "madvise", do_madvise, 8 },
	{ "brk", do_brk, 1 },
	{ "open+close", do_open, 8 },
	{ "fork", do_fork, 1 },
	{ "vfork", do_vfork, 1 },
	{ "exec", do_exec, 1 },
	{ "exec dynamic", do_exec_dynamic, 1 },
};

static int compare(const void *a, const void *b)
{
	const uint64_t *left = a, *right = b;

	return (*left > *right) - (*left < *right);
}

/*
 * Instructions per call: of as many batches as the budget allows. Long calls, which vary, get more. The
 * minimum of few executions of a whole program would vary from boot to boot, so their median is used.
 */
static uint64_t measure(const struct operation *operation, uint64_t budget)
{
	static uint64_t counts[MAX_PROGRAMS];
	bool program = operation->call == do_exec_dynamic;
	uint64_t least = UINT64_MAX, spent = 0;
	unsigned counted = 0;

	if (program || operation->call == do_fork || operation->call == do_vfork ||
	    operation->call == do_exec)
		budget *= 3;
	for (unsigned batch = 0; batch < 8 || spent < budget; batch++) {
		uint64_t begin = instructions(), count;

		for (unsigned i = 0; i < operation->batch; i++)
			operation->call();
		count = instructions() - begin;
		spent += count;
		if (batch < 2) /* the first fill caches and page tables */
			continue;
		if (count < least)
			least = count;
		if (program && counted < MAX_PROGRAMS)
			counts[counted++] = count;
	}
	if (program) {
		qsort(counts, counted, sizeof(*counts), compare);
		return counts[counted / 2];
	}
	return (least + operation->batch / 2) / operation->batch;
}

/* --- the states --- */

static void check_icount(void)
{
	uint64_t begin = instructions(), first = UINT64_MAX;

	for (unsigned i = 0; i < 100; i++) {
		begin = instructions();
		begin = instructions() - begin;
		if (begin < first)
			first = begin;
	}
	if (first > 8) {
		fprintf(stderr, "bench: the clock does not count instructions here; run it by "
				"`make bench`\n");
		exit(1);
	}
}

static void prepare(unsigned long seals)
{
	const size_t size = (2 * MAX_SEALS + 1) * PAGE;
	char *top = mmap(NULL, PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), *pages;

	/*
	 * As high as possible, and not aligned to huge pages, which would leave a hole above. So the kernel
	 * places all further mappings directly below, as in a program below its libraries.
	 */
	must(top != MAP_FAILED, "mmap");
	arena = mmap(top + PAGE - size, size, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	pages = mmap(NULL, 3 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	must(arena != MAP_FAILED && pages != MAP_FAILED && pages < arena, "mmap below the arena");
	between = arena + 2 * ((seals + 1) / 2) * PAGE;
	own = pages + PAGE;
	must(mprotect(own, PAGE, PROT_READ | PROT_WRITE) == 0, "mprotect");
	*own = 1; /* makes the page table now, which stays */
	must(madvise(own, PAGE, MADV_DONTNEED) == 0, "madvise");
	heap_end = (unsigned long)syscall(SYS_brk, 0);
}

/* Without fork, which would change this process. */
static void run(char *const argv[])
{
	posix_spawn_file_actions_t quiet;
	int status;
	pid_t pid;

	posix_spawn_file_actions_init(&quiet);
	posix_spawn_file_actions_addopen(&quiet, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
	errno = posix_spawnp(&pid, argv[0], &quiet, NULL, argv, no_environment);
	must(errno == 0 && waitpid(pid, &status, 0) == pid, argv[0]);
	if (status) {
		fprintf(stderr, "bench: %s ended with wait status %#x\n", argv[0], status);
		exit(1);
	}
}

static void seal(unsigned long seals)
{
	char pid[24], *argv[] = { (char[]){ "msealctl" }, (char[]){ "seal" },
				  (char[]){ "--ranges-from=" RANGES }, pid, NULL };
	FILE *file = fopen(RANGES, "w");

	must(file, RANGES);
	for (unsigned long i = 0; i < seals; i++)
		fprintf(file, "%p+0x1000\n", (void *)(arena + (2 * i + 1) * PAGE));
	must(fclose(file) == 0, RANGES);
	snprintf(pid, sizeof(pid), "%d", getpid());
	run(argv);
	must(mprotect(arena + PAGE, PAGE, PROT_READ) == -1 && errno == EPERM, "the first seal does not hold");
	must(mprotect(arena + (2 * seals - 1) * PAGE, PAGE, PROT_READ) == -1 && errno == EPERM,
	     "the last seal does not hold");
}

static void seal_native(unsigned long seals)
{
	for (unsigned long i = 0; i < seals; i++) {
		if (syscall(SYS_MSEAL, arena + (2 * i + 1) * PAGE, PAGE, 0) == 0)
			continue;
		if (errno == ENOSYS)
			exit(SKIP);
		fail("mseal");
	}
}

static unsigned long number(const char *text, unsigned long least, unsigned long most)
{
	char *end;
	unsigned long value = strtoul(text, &end, 10);

	if (*end || end == text || value < least || value > most) {
		fprintf(stderr, "bench: %s is not a number from %lu to %lu\n", text, least, most);
		exit(2);
	}
	return value;
}

int main(int argc, char *argv[])
{
	static const struct option options[] = {
		{ "seal", required_argument, NULL, 's' }, { "native", required_argument, NULL, 'n' },
		{ "seccomp", no_argument, NULL, 'f' },	  { "budget", required_argument, NULL, 'b' },
		{ "hold", no_argument, NULL, 'h' },	  { NULL, 0, NULL, 0 },
	};
	unsigned long seals = 0, native = 0, budget = 30;
	bool filter = false, hold = false;
	uint64_t results[ELEMENTS(operations)];
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (option) {
		case 's': seals = number(optarg, 1, MAX_SEALS); break;
		case 'n': native = number(optarg, 1, MAX_SEALS); break;
		case 'f': filter = true; break;
		case 'b': budget = number(optarg, 1, 1000000); break;
		case 'h': hold = true; break;
		default: return 2;
		}
	}
	check_icount();
	prepare(seals + native);
	if (seals)
		seal(seals);
	else
		run((char *[]){ (char[]){ NOTHING }, NULL }); /* to make its changes to this process before */
	if (native)
		seal_native(native);
	if (filter)
		must(seccomp_deny_write_execute() == 0, "seccomp");
	if (hold) {
		puts("ready");
		fflush(stdout);
		for (;;)
			pause();
	}
	sleep(2); /* sealing has finished its deferred work by then */
	for (size_t i = 0; i < ELEMENTS(operations); i++)
		results[i] = measure(&operations[i], budget * 1000000);
	putchar('{');
	for (size_t i = 0; i < ELEMENTS(operations); i++)
		printf("%s\"%s\": %llu", i ? ", " : "", operations[i].name, (unsigned long long)results[i]);
	puts("}");
	return 0;
}
