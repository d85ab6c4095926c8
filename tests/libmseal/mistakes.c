// SPDX-License-Identifier: GPL-2.0-only
/*
 * Honest mistakes on sealed memory, by the functions of the C library. With the guard each has the same
 * result on every kernel as on kernels with mseal(2). Prints a line "MISTAKE right|wrong NAME: RESULT" for
 * each. With an argument only the first, which kills without the guard where mseald can only kill.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "mseal.h"

static size_t page;

/* Makes four pages, the second and third sealed; each call has its own. */
static char *sealed(int protection)
{
	char *pages = mmap(NULL, 6 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (pages == MAP_FAILED || mprotect(pages + page, 4 * page, protection) < 0 ||
	    mseal(pages + 2 * page, 2 * page, 0) < 0)
		perror("mseal");
	return pages + page;
}

static void is(const char *name, bool done, int wanted)
{
	int error = done ? 0 : errno;

	printf("MISTAKE %s %s: %s\n", error == wanted ? "right" : "wrong", name, strerror(error));
	fflush(stdout);
}

static bool is_own_mapping(const char *start, const char *end)
{
	FILE *file = fopen("/proc/self/maps", "re");
	char line[512], wanted[64];
	bool found = false;

	(void)snprintf(wanted, sizeof(wanted), "%lx-%lx ", (unsigned long)start, (unsigned long)end);
	while (file && fgets(line, sizeof(line), file))
		found |= strncmp(line, wanted, strlen(wanted)) == 0;
	if (file)
		(void)fclose(file);
	return found;
}

int main(int argc, char **argv)
{
	char *p, *other;
	int status = 0;

	(void)argv;
	page = (size_t)sysconf(_SC_PAGESIZE);
	p = sealed(PROT_READ);
	is("munmap", munmap(p + page, page) == 0, EPERM);
	if (argc > 1)
		return 0;
	is("munmap of more", munmap(p, 4 * page) == 0, EPERM);
	is("munmap, one byte", munmap(p + 2 * page, 1) == 0, EPERM);
	is("munmap, unaligned", munmap(p + page + 1, page) == 0, EINVAL);
	is("munmap, length 0", munmap(p + page, 0) == 0, EINVAL);
	is("munmap beside", munmap(p, page) == 0 && munmap(p + 3 * page, page) == 0, 0);
	p = sealed(PROT_READ);
	is("mremap, growing", mremap(p + page, page, 2 * page, MREMAP_MAYMOVE) != MAP_FAILED, EPERM);
	is("mremap, shrinking", mremap(p + page, 2 * page, page, 0) != MAP_FAILED, EPERM);
	other = mmap(NULL, page, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	other = mremap(other, page, page, MREMAP_MAYMOVE | MREMAP_FIXED, p + page);
	is("mremap onto it", other != MAP_FAILED, EPERM);
	is("mremap beside", mremap(p + 3 * page, page, 2 * page, MREMAP_MAYMOVE) != MAP_FAILED, 0);
	is("madvise", madvise(p + page, page, MADV_DONTNEED) == 0, EPERM);
	is("madvise, DONTFORK", madvise(p + page, page, MADV_DONTFORK) == 0, EPERM);
	is("madvise, WILLNEED", madvise(p + page, page, MADV_WILLNEED) == 0, 0);
	is("madvise beside", madvise(p, page, MADV_DONTNEED) == 0, 0);
	is("syscall", syscall(SYS_munmap, p + page, page) == 0, EPERM);
	is("a mapping of its own", is_own_mapping(p + page, p + 3 * page), 0);
	p = sealed(PROT_READ | PROT_WRITE);
	is("madvise, writable", madvise(p + page, page, MADV_DONTNEED) == 0, 0);
	is("munmap, writable", munmap(p + page, page) == 0, EPERM);
	if (fork() == 0) {
		is("munmap in a child", munmap(p + page, page) == 0, EPERM);
		_exit(0);
	}
	(void)wait(&status);
	is("the child lives", status == 0, 0);
	return 0;
}
