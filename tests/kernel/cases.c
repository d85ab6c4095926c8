/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Started by t_cases: programs that do late what a policy denies, each modelled on a program that was seen to
 * fail under seals. One is compiled, selected by the defined name.
 *
 *   LEAK            lives until it is traced, or for 6 s; LeakSanitizer then traces it as it ends
 *   PACKED          after this many milliseconds unpacks code into its first segment, as UPX does, and runs
 *                   it; status 1 if this is denied
 *   REOPEN          in a constructor, its library REOPEN_LIBRARY makes its RELRO writable again, like that of
 *                   elfhack in Firefox, and aborts if this is denied
 *   SMALL_LIBRARY   in a constructor, makes its text writable, for REOPEN
 *   UNLOAD          in a constructor, its library UNLOAD_LIBRARY loads PLUGIN, after this many milliseconds,
 *                   and unloads it: status 3 if the memory is still mapped
 *   SLOW            a resolver of an indirect function takes the loader 5 s; then a constructor tries to make
 *                   constants and RELRO writable: status 1 if it can. With an argument it stays
 *   READONLY        without RELRO, makes a page of its data read-only, and writable again; READONLY_LIBRARY
 *                   in a constructor, for REOPEN
 *   STATIC          a static program loads PLUGIN, and unloads it
 *   STALE           maps and unmaps a file, loads PLUGIN with large alignment, and maps memory around it;
 *                   with STALE_CLOSED by the same descriptor number
 *   REPLACE         for 14 s loads and unloads PLUGIN, and maps memory in its place: status 3 if that
 *                   memory cannot be unmapped
 *   AGAIN           loads PLUGIN, unloads it after a tenth of a second, and then executes itself this often
 *   MANY            the same after it has loaded and unloaded PLUGIN 130 times in another place
 *   WHOLE           a child unmaps all of its memory, as gVisor and CRIU do; prints how the child ended.
 *                   Status 9 of the child: this was denied
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "bare_call.h"

#ifndef PAGE
#define PAGE 4096
#endif

#ifdef LEAK

static int is_traced(void)
{
	char text[2048] = "";
	int fd = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
	const char *tracer;

	if (fd < 0 || read(fd, text, sizeof(text) - 1) < 0)
		return 0;
	close(fd);
	tracer = strstr(text, "TracerPid:\t");
	return tracer && tracer[sizeof("TracerPid:\t") - 1] != '0';
}

int main(void)
{
	char *volatile memory = malloc(100);
	time_t end = time(NULL) + 6;

	while (!is_traced() && time(NULL) < end)
		;
	free(memory);
	return 0;
}

#elif defined PACKED

static unsigned char code[2 * PAGE] __attribute__((aligned(PAGE)));

int main(int argc, char **argv)
{
#ifdef __x86_64__
	static const unsigned char returns_42[] = { 0xb8, 42, 0, 0, 0, 0xc3 };
#else
	static const unsigned returns_42[] = { 0x52800540, 0xd65f03c0 };
#endif
	long milliseconds = argc > 1 ? atol(argv[1]) : 0;
	struct timespec pause = { milliseconds / 1000, milliseconds % 1000 * 1000000 };

	memcpy(code, returns_42, sizeof(returns_42));
	__builtin___clear_cache((char *)code, (char *)code + sizeof(code));
	(void)nanosleep(&pause, NULL);
	if (mprotect(code, sizeof(code), PROT_READ | PROT_EXEC))
		return 1;
	return ((int (*)(void))(uintptr_t)code)() == 42 ? 0 : 2;
}

#elif defined REOPEN_LIBRARY

extern int reopened;
int reopened;
static int *const table[4 * PAGE / sizeof(int *)] = { &reopened };

__attribute__((constructor)) static void reopen(void)
{
	void *page = (void *)(((uintptr_t)table + PAGE - 1) & ~(uintptr_t)(PAGE - 1));

	if (mprotect(page, PAGE, PROT_READ | PROT_WRITE))
		abort();
	*(int *volatile *)page = &reopened;
	if (mprotect(page, PAGE, PROT_READ))
		abort();
	reopened = 1;
}

#elif defined SMALL_LIBRARY

extern int reopened;
int reopened;

__attribute__((constructor)) static void reopen(void)
{
	void *page = (void *)((uintptr_t)&reopen & ~(uintptr_t)(PAGE - 1));

	reopened = mprotect(page, PAGE, PROT_READ | PROT_WRITE | PROT_EXEC) == 0;
}

#elif defined REOPEN

extern int reopened;

int main(void)
{
	return reopened ? 0 : 2;
}

#elif defined PLUGIN

extern int plugin(void);
int plugin(void)
{
	return 11;
}

#elif defined UNLOAD_LIBRARY

extern void *loaded;
void *loaded;

/* glibc passes main()'s arguments to constructors. */
__attribute__((constructor)) static void load(int argc, char **argv)
{
	long milliseconds = argc > 1 ? atol(argv[1]) : 0;
	struct timespec pause = { milliseconds / 1000, milliseconds % 1000 * 1000000 };

	(void)nanosleep(&pause, NULL);
	loaded = dlopen("/srv/cases/case-plugin.so", RTLD_NOW);
}

#elif defined UNLOAD

extern void *loaded;

int main(void)
{
	int (*plugin)(void) = loaded ? (int (*)(void))dlsym(loaded, "plugin") : NULL;
	unsigned char resident;

	if (!plugin || plugin() != 11 || dlclose(loaded))
		return 2;
	return mincore((void *)((uintptr_t)plugin & ~(uintptr_t)(PAGE - 1)), PAGE, &resident) ? 0 : 3;
}

#elif defined SLOW

static const char constants[PAGE] __attribute__((aligned(PAGE))) = { 1 };
static const char *const pointers[] __attribute__((used)) = { constants };
static int opened;

static int one(void)
{
	return 1;
}

/* Nothing is relocated yet, so it can call no function of a library. */
static int (*resolve(void))(void)
{
	struct timespec pause = { .tv_sec = 5 };

	return bare_call(SYS_nanosleep, (long)&pause, 0, 0) ? NULL : one;
}

int slow(void) __attribute__((ifunc("resolve")));

static int opens(const void *address)
{
	return mprotect((void *)((uintptr_t)address & ~(uintptr_t)(PAGE - 1)), PAGE,
			PROT_READ | PROT_WRITE) == 0;
}

/* With an argument it is no attack. */
__attribute__((constructor)) static void attack(int argc)
{
	opened = argc == 1 && (opens(constants) | opens(pointers));
}

/* With an argument it waits until its RELRO is sealed, half a minute. */
int main(int argc, char **argv)
{
	(void)argv;
	for (int i = 0; i < 300 && argc > 1; i++) {
		if (!opens(pointers))
			return 0;
		(void)mprotect((void *)((uintptr_t)pointers & ~(uintptr_t)(PAGE - 1)), PAGE, PROT_READ);
		(void)usleep(100000);
	}
	return slow() == 1 && argc == 1 ? opened : 2;
}

#elif defined SLOW_LOADER

/*
 * glibc's loader looks this function of its own up when it relocates itself: after the RELRO of the program,
 * before its own.
 */
void _dl_signal_error(void) __attribute__((ifunc("resolve")));

static void nothing(void)
{
}

__attribute__((used)) static void (*resolve(void))(void)
{
	struct timespec pause = { .tv_sec = 3 };

	(void)bare_call(SYS_nanosleep, (long)&pause, 0, 0);
	return nothing;
}

int main(void)
{
	return 0;
}

#elif defined READONLY || defined READONLY_LIBRARY

static char page[PAGE] __attribute__((aligned(PAGE))) = { 1 };

static int reopens(void)
{
	return mprotect(page, PAGE, PROT_READ) == 0 && mprotect(page, PAGE, PROT_READ | PROT_WRITE) == 0;
}

#ifdef READONLY

int main(void)
{
	return !reopens();
}

#else

extern int reopened;
int reopened;

__attribute__((constructor)) static void reopen(void)
{
	reopened = reopens();
}

#endif

#elif defined STATIC

int main(void)
{
	void *loaded = dlopen("/srv/cases/case-plugin.so", RTLD_NOW);

	return !loaded || dlclose(loaded);
}

#elif defined STALE

#define ROOM (32ul << 20)

int main(void)
{
	int fd = open("/srv/cases/case-packed", O_RDONLY | O_CLOEXEC);
	void *room = mmap(NULL, ROOM, PROT_READ, MAP_PRIVATE, fd, 0);

#ifdef STALE_CLOSED
	(void)close(fd);
#endif
	if (room == MAP_FAILED || munmap(room, ROOM) || !dlopen("/srv/cases/case-plugin-2m.so", RTLD_NOW))
		return 2;
	for (int i = 0; i < 100; i++)
		if (mmap(NULL, ROOM / 128, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED)
			return 3;
	return 0;
}

#elif defined REPLACE

#define LENGTH (5ul * PAGE) /* of the library */

static void wait_briefly(long milliseconds)
{
	struct timespec pause = { .tv_nsec = milliseconds * 1000000 };

	(void)nanosleep(&pause, NULL);
}

int main(void)
{
	time_t end = time(NULL) + 14;
	int loads = 0;

	/* At the place of a library that is gone a seal of the daemon can be, until it sees that. */
	while (time(NULL) < end) {
		void *loaded = dlopen("/srv/cases/case-plugin.so", RTLD_NOW);
		void *plugin = loaded ? dlsym(loaded, "plugin") : NULL, *memory;
		Dl_info info;

		if (!plugin || !dladdr(plugin, &info)) {
			wait_briefly(20);
			continue;
		}
		loads++;
		wait_briefly(5);
		(void)dlclose(loaded);
		memory = mmap(info.dli_fbase, LENGTH, PROT_READ,
			      MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
		/* Sealed, the library stays. */
		wait_briefly(memory == MAP_FAILED ? 200 : 20);
		for (int i = 0; memory != MAP_FAILED && munmap(memory, LENGTH); i++) {
			if (i == 100)
				return 3;
			wait_briefly(20);
		}
	}
	return loads ? 0 : 2;
}

#elif defined AGAIN || defined MANY

static void *load(void)
{
	return dlopen("/srv/cases/case-plugin.so", RTLD_NOW);
}

int main(int argc, char **argv)
{
	struct timespec pause = { .tv_nsec = 100000000 };
	long more = argc > 1 ? atol(argv[1]) : 0;
	void *loaded;
	char text[24];

#ifdef MANY
	Dl_info info;

	for (int i = 0; i < 130; i++) {
		loaded = load();
		if (!loaded || !dladdr(dlsym(loaded, "plugin"), &info) || dlclose(loaded))
			return 2;
	}
	(void)mmap(info.dli_fbase, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
#endif
	loaded = load();
	(void)nanosleep(&pause, NULL);
	if (!loaded || dlclose(loaded))
		return 2;
	if (more == 0)
		return 0;
	snprintf(text, sizeof(text), "%ld", more - 1);
	execl(argv[0], argv[0], text, NULL);
	return 3;
}

#elif defined WHOLE

#ifdef __x86_64__
#define MEMORY 0x7fffffff0000
#else
#define MEMORY 0xffffffff0000
#endif

static long call(long number, long a, long b)
{
	return bare_call(number, a, b, 0);
}

int main(void)
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		(void)call(SYS_munmap, 0, MEMORY);
		/* Reached only if that was denied. */
		for (;;)
			(void)call(SYS_exit_group, 9, 0);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return 2;
	printf("%#x\n", status & 0x7f ? status & 0x7f : status);
	return WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV ? 0 : 1;
}

#endif
