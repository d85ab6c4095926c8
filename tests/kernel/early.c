/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Started by t_start, linked in several ways, and with LIBRARY its library libearly.so: before main(), a
 * constructor tries to make its own text, constants and RELRO writable. The exit status has a bit for each
 * success: 1 text, 2 constants, 4 RELRO, and 8 times that for the library. 64: some RELRO could be made
 * read-only once more, by the loader's own call (mseal(2) denies that, too: it may change the protection
 * key). 128: called with other arguments than:
 *
 *   early         ends at once
 *   early stay    stays until it is killed, and first prints a line with the status
 *   early fork    a child, with its parent's memory, tries once more
 *   early data    counts instead how many of three equal calls make its data read-only
 *   early fill    tries instead to put a page into memory that nothing has touched, by userfaultfd(2): 1
 *                 constants, 2 RELRO of the library that no file is behind
 *   early unload  loads and unloads another such library; and once more, with 14 s between
 *   early crowd   runs once more, while more children live than the map `starts` has room for
 *   early renew   executes itself, and that itself with stay, when it gets SIGUSR1
 *   early zero    runs once more, with the page at address 0 mapped, without a file (personality(2)); then it
 *                 maps anonymous memory over such memory, as a loader does
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <link.h>
#include <linux/userfaultfd.h>
#include <stdint.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef PAGE
#define PAGE 4096
#endif

extern int early_library(void);
extern char *early_memory(void);
int early_library_could;

static int could;
static const char constants[PAGE] = { 1, 2, 3 };
/* Pointers to constants are relocated, then read-only. */
static const char *const pointers[2] __attribute__((used)) = { constants, constants + 1 };

static int opens(const void *address, int prot)
{
	return mprotect((void *)((uintptr_t)address & ~(uintptr_t)(PAGE - 1)), PAGE, prot) == 0;
}

static int try(void)
{
	return opens((const void *)(uintptr_t)&try, PROT_READ | PROT_WRITE | PROT_EXEC) |
	       opens(constants, PROT_READ | PROT_WRITE) << 1 | opens(pointers, PROT_READ | PROT_WRITE) << 2;
}

/* Not where a library is to be unloaded: what this opens is never sealed. */
__attribute__((constructor)) static void early(int argc, char **argv)
{
	if (argc != 2 || strcmp(argv[1], "unload") != 0)
		could = try();
}

#ifdef LIBRARY

/* Its last RELRO (tests/kernel/early.ld). */
static char memory[2 * PAGE] __attribute__((section(".bss.rel.ro"), aligned(PAGE)));

char *early_memory(void)
{
	return memory;
}

int early_library(void)
{
	return could | try();
}

#else

#ifdef STATIC

static int all(void)
{
	return could | try();
}

char *early_memory(void)
{
	return NULL;
}

static int unloads(void)
{
	return 128;
}

#else

static int again(struct dl_phdr_info *object, size_t size, void *context)
{
	int *done = context;

	(void)size;
	for (size_t i = 0; i < object->dlpi_phnum; i++) {
		const ElfW(Phdr) *header = &object->dlpi_phdr[i];
		uintptr_t start = (object->dlpi_addr + header->p_vaddr) & ~(uintptr_t)(PAGE - 1);
		uintptr_t end = (object->dlpi_addr + header->p_vaddr + header->p_memsz) &
				~(uintptr_t)(PAGE - 1);

		if (header->p_type == PT_GNU_RELRO && start < end)
			*done |= mprotect((void *)start, end - start, PROT_READ) == 0;
	}
	return 0;
}

static int all(void)
{
	int once_more = 0;

	(void)dl_iterate_phdr(again, &once_more);
	return could | try() | early_library() << 3 | once_more << 6;
}

static int unloads(void)
{
	for (unsigned seconds = 0; seconds <= 14; seconds += 14) {
		void *loaded = dlopen(sizeof(void *) == 8 ? "/srv/early/early-unload.so" :
							    "/srv/early/early-32-unload.so",
				      RTLD_NOW);

		(void)sleep(seconds);
		if (!loaded || dlclose(loaded))
			return 128;
	}
	return all();
}

#endif

static char data[3 * PAGE] __attribute__((aligned(PAGE))) = { 1 };

/* A loader makes RELRO read-only by the same call. */
static int data_closed(void)
{
	int closed = 0;

	for (int i = 0; i < 3; i++) {
		closed += mprotect(data + PAGE, PAGE, PROT_READ) == 0;
		(void)mprotect(data + PAGE, PAGE, PROT_READ | PROT_WRITE);
	}
	return closed;
}

/* A fault maps the pages around it, too: up to 64 KiB. */
static const char untouched[64 * PAGE] __attribute__((aligned(PAGE))) = { 1 };

/* tmpfs is in reach of userfaultfd, also where it is mapped privately; and memory without a file. */
static int filled(const char *volatile at)
{
	static char page[PAGE] __attribute__((aligned(PAGE))) = { 7 };
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register area = { .range = { (uintptr_t)at, PAGE },
					.mode = UFFDIO_REGISTER_MODE_MISSING };
	struct uffdio_copy copy = { .dst = (uintptr_t)at, .src = (uintptr_t)page, .len = PAGE };
	int fd = (int)syscall(SYS_userfaultfd, O_CLOEXEC);

	if (fd < 0 || ioctl(fd, UFFDIO_API, &api) < 0)
		return 128;
	return ioctl(fd, UFFDIO_REGISTER, &area) == 0 && ioctl(fd, UFFDIO_COPY, &copy) == 0 && *at == 7;
}

static int crowded(char *program)
{
	for (int i = 0; i < 2200; i++) {
		pid_t pid = fork();

		if (pid < 0)
			return 128;
		while (pid == 0 && prctl(PR_SET_PDEATHSIG, SIGKILL) == 0)
			pause();
	}
	execl(program, program, NULL);
	return 128;
}

static int renewed(char *program)
{
	sigset_t wanted;
	int number;

	sigemptyset(&wanted);
	sigaddset(&wanted, SIGUSR1);
	sigprocmask(SIG_BLOCK, &wanted, NULL);
	sigwait(&wanted, &number);
	execl(program, program, "once", NULL);
	return 128;
}

static int zero(char *program)
{
	void *memory;

	if (!(personality(0xffffffff) & MMAP_PAGE_ZERO)) {
		(void)personality(MMAP_PAGE_ZERO);
		execl(program, program, "zero", NULL);
		return 128;
	}
	memory = mmap(NULL, 2 * PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	return memory == MAP_FAILED || mmap(memory, PAGE, PROT_READ | PROT_WRITE,
					    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) != memory ?
		       128 :
		       all();
}

int main(int argc, char **argv)
{
	int status = all();

	if (argc == 1)
		return status;
	if (argc == 2 && !strcmp(argv[1], "data"))
		return data_closed();
	if (argc == 2 && !strcmp(argv[1], "fill"))
		return filled(untouched + sizeof(untouched) / 2) |
		       (early_memory() ? filled(early_memory()) << 1 : 0);
	if (argc == 2 && !strcmp(argv[1], "unload"))
		return unloads();
	if (argc == 2 && !strcmp(argv[1], "crowd"))
		return crowded(argv[0]);
	if (argc == 2 && !strcmp(argv[1], "renew"))
		return renewed(argv[0]);
	if (argc == 2 && !strcmp(argv[1], "once"))
		return execl(argv[0], argv[0], "stay", NULL);
	if (argc == 2 && !strcmp(argv[1], "zero"))
		return zero(argv[0]);
	if (argc == 2 && !strcmp(argv[1], "stay")) {
		printf("%d\n", status);
		fflush(stdout);
		for (;;)
			pause();
	}
	if (argc == 2 && !strcmp(argv[1], "fork")) {
		pid_t pid = fork();
		int ended = 0;

		if (pid == 0)
			_exit(all());
		if (pid < 0 || waitpid(pid, &ended, 0) != pid || !WIFEXITED(ended))
			return 128;
		return status | WEXITSTATUS(ended);
	}
	return 128;
}

#endif
