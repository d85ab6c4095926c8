/* SPDX-License-Identifier: LGPL-2.1-or-later */
#define _GNU_SOURCE
#include "gaps.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "attack.h"
#include "daemon.h"
#include "ring.h"
#include "tap.h"

#define NATIVELY ", sealed by mseal(2) alone"

const char *gap;
bool natively;
int pipes[2];

void gap_ok(bool good, const char *what, ...)
{
	char text[256];
	va_list list;

	va_start(list, what);
	vsnprintf(text, sizeof(text), what, list);
	va_end(list);
	ok(good, "gap: %s: %s%s", gap, text, natively ? NATIVELY : "");
}

void gap_skip(const char *why, const char *what)
{
	skip(why, "gap: %s: %s%s", gap, what, natively ? NATIVELY : "");
}

void must_seal_against(const struct puppet *puppet, long at, unsigned long length, const char *deny,
		       const char *action)
{
	const struct range range = { (uint64_t)at, (uint64_t)at + length };
	const char *error = daemon_seal(
		&(struct seal_order){
			.pid = puppet->pid, .ranges = &range, .count = 1, .deny = deny, .action = action },
		NULL);

	if (error)
		bail("%s: cannot seal: %s %s", gap, error, daemon_error_message());
}

long new_pages(struct puppet *puppet, long pages, int flags)
{
	long at = puppet_call(puppet, SYS_mmap, 0, pages * PAGE_, READ_WRITE, flags, -1, 0);

	if (at > 0 && puppet_run(puppet, fill_pages, at, pages * PAGE_, 5))
		bail("%s: no memory", gap);
	return at;
}

void put_into_pipe(void)
{
	if (write(pipes[1], "X", 1) != 1)
		bail("no pipe: %s", strerror(errno));
}

/* descriptor, address: reads a byte into pinned pages. */
static long read_pinned(const long arguments[6])
{
	return ring_submit(&(struct io_uring_sqe){ .opcode = IORING_OP_READ_FIXED,
						   .fd = (int)arguments[0],
						   .addr = (uint64_t)arguments[1],
						   .len = 1 });
}

long write_pinned(struct puppet *puppet, long at)
{
	put_into_pipe();
	return puppet_run(puppet, read_pinned, pipes[0], at);
}

long write_x(const long arguments[6])
{
	return RAW(SYS_pwrite64, arguments[0], "X", 1, arguments[1]);
}
