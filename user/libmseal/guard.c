// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * libmseal-guard.so, for LD_PRELOAD: where a gate of mseald can only kill, an honest mistake gets EPERM
 * instead, as from mseal(2). It is no protection: an attacker calls the kernel without the C library.
 *
 * munmap, mremap, madvise and syscall check a table of the ranges that this process has sealed by mseal().
 * Mappings are split where a seal begins and ends, as mseal(2) does. If the kernel has mseal(2), all calls
 * are passed on.
 *
 * The table has no lock, because signal handlers and the child of a fork use it. An entry is valid once its
 * end is written, and is never removed.
 */
#include <dlfcn.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <sys/mman.h>

#include "lib/base/util.h"
#include "libmseal/mseal.h"
#include "libmseal/mseal_ask.h"

#define PUBLIC __attribute__((visibility("default")))

/* The number that mseald allows a user in one address space. */
#define SEALED_MAX 4096

/* From linux/mman.h, which lacks some of them on Debian 12. */
enum { DONTNEED_LOCKED = 24, SOFT_OFFLINE = 101, GUARD_INSTALL = 102, GUARD_REMOVE = 103 };

struct sealed {
	uint64_t start;
	bool contents; /* was not writable: must not be discarded either */
	_Atomic uint64_t end;
};

static struct sealed table[SEALED_MAX];
static _Atomic size_t used;
static long (*_Atomic next_syscall)(long, ...);
static atomic_bool by_kernel;

/*
 * Runs before main(), as dlsym() is not async-signal-safe; constructors of other libraries may run earlier.
 */
__attribute__((constructor)) static void find_next(void)
{
	int error = errno;

	if (next_syscall)
		return;
	/* ISO C cannot convert a data pointer into a function pointer. */
	next_syscall = (__typeof__(long (*)(long, ...)))(uintptr_t)dlsym(RTLD_NEXT, "syscall");
	by_kernel = next_syscall(SYS_mseal, 0L, 0L, 0L) == 0;
	errno = error;
}

/* --- the table --- */

static size_t filled(void)
{
	return MIN_OF(atomic_load(&used), (size_t)SEALED_MAX);
}

/* If the table is full, the call is not refused here; mseald still denies or kills. */
static void add_sealed(uint64_t start, uint64_t end, bool contents)
{
	size_t i;

	for (i = 0; i < filled(); i++)
		if (table[i].start <= start && end <= table[i].end && table[i].contents == contents)
			return;
	if (used >= SEALED_MAX)
		return;
	i = atomic_fetch_add(&used, 1);
	if (i >= SEALED_MAX)
		return;
	table[i].start = start;
	table[i].contents = contents;
	table[i].end = end;
}

static bool meets(uint64_t start, uint64_t length, bool contents)
{
	uint64_t end = start + page_up(length);

	if (page_up(length) < length || end < start)
		end = UINT64_MAX;
	for (size_t i = 0; i < filled(); i++) {
		uint64_t sealed_end = table[i].end;

		if (table[i].start < end && start < sealed_end && (!contents || table[i].contents))
			return true;
	}
	return false;
}

/* --- sealed mappings: /proc/self/maps --- */

/* A line "START-END PERMISSIONS OFFSET DEVICE INODE PATH", as it is read. */
struct line {
	unsigned field;
	uint64_t start, end, inode;
	bool writable;
};

static uint64_t digit(char c)
{
	return (uint64_t)(c <= '9' ? c - '0' : c - 'a' + 10);
}

/* Returns whether the line is complete. */
static bool read_line(struct line *line, char c)
{
	if (c == ' ' || (c == '-' && line->field == 0)) {
		line->field++;
		return false;
	}
	switch (line->field) {
	case 0: line->start = line->start * 16 + digit(c); break;
	case 1: line->end = line->end * 16 + digit(c); break;
	case 2: line->writable |= c == 'w'; break;
	case 5: line->inode |= c != '0' && c != '\n'; break;
	default: break;
	}
	return c == '\n';
}

/* The kernel never reads ahead in memory without a file: MADV_RANDOM only splits the mapping there. */
static void note_mapping(const struct line *line, uint64_t start, uint64_t end)
{
	start = MAX_OF(start, line->start);
	end = MIN_OF(end, line->end);
	if (start >= end)
		return;
	add_sealed(start, end, !line->writable);
	if (!line->inode)
		(void)next_syscall(SYS_madvise, start, end - start, MADV_RANDOM);
}

static void note(uint64_t start, uint64_t end)
{
	int fd = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
	struct line line = {};
	char text[512];
	ssize_t n;

	if (fd < 0) {
		add_sealed(start, end, true);
		return;
	}
	while ((n = read(fd, text, sizeof(text))) > 0 || (n < 0 && errno == EINTR))
		for (ssize_t i = 0; i < n; i++)
			if (read_line(&line, text[i])) {
				note_mapping(&line, start, end);
				line = (struct line){};
			}
	(void)close(fd);
}

static long seal(uint64_t start, uint64_t length, uint64_t flags)
{
	int r = mseal_ask_range((const void *)(uintptr_t)start, length, flags);

	if (r < 0) {
		errno = -r;
		return -1;
	}
	note(start, start + page_up(length));
	return 0;
}

/* --- the calls --- */

static bool discards(uint64_t advice)
{
	return advice == MADV_DONTNEED || advice == MADV_FREE || advice == MADV_REMOVE ||
	       advice == MADV_WIPEONFORK || advice == DONTNEED_LOCKED;
}

/* Also denied for writable memory: this advice changes mappings, or takes the page away. */
static bool detaches(uint64_t advice)
{
	return advice == MADV_DONTFORK || advice == MADV_HWPOISON || advice == SOFT_OFFLINE ||
	       advice == GUARD_INSTALL || advice == GUARD_REMOVE;
}

static bool refuses(long number, const uint64_t *a)
{
	/* The kernel refuses unaligned addresses. With an old length of 0 mremap makes a second mapping. */
	if (by_kernel || a[0] != page_down(a[0]))
		return false;
	switch (number) {
	case SYS_munmap: return a[1] && meets(a[0], a[1], false);
	case SYS_mremap:
		return meets(a[0], MAX_OF(a[1], UINT64_C(1)), false) ||
		       (a[3] & MREMAP_FIXED && meets(a[4], a[2], false));
	case SYS_madvise:
		return (detaches(a[2]) && meets(a[0], a[1], false)) ||
		       (discards(a[2]) && meets(a[0], a[1], true));
	default: return false;
	}
}

PUBLIC long syscall(long number, ...)
{
	uint64_t a[6];
	va_list list;

	va_start(list, number);
	for (size_t i = 0; i < ELEMENTS(a); i++)
		a[i] = va_arg(list, uint64_t);
	va_end(list);
	find_next();
	if (number == SYS_mseal && !by_kernel)
		return seal(a[0], a[1], a[2]);
	if (refuses(number, a)) {
		errno = EPERM;
		return -1;
	}
	return next_syscall(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}

PUBLIC int mseal(void *addr, size_t len, unsigned long flags)
{
	return (int)syscall(SYS_mseal, addr, len, flags);
}

PUBLIC int munmap(void *addr, size_t len)
{
	return (int)syscall(SYS_munmap, addr, len);
}

PUBLIC int madvise(void *addr, size_t len, int advice)
{
	return (int)syscall(SYS_madvise, addr, len, (long)advice);
}

PUBLIC void *mremap(void *addr, size_t old_len, size_t new_len, int flags, ...)
{
	void *new_addr;
	va_list list;

	va_start(list, flags);
	new_addr = va_arg(list, void *);
	va_end(list);
	return (void *)syscall(SYS_mremap, addr, old_len, new_len, (long)flags, new_addr);
}
