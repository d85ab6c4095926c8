/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Rows 1 to 10 of docs/design/model.md, "What is denied", by 32-bit calls: the
 * attacks of strike_*.c by int 0x80 of a 64-bit process, on memory below
 * 4 GiB (x86), and by a 32-bit process.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "attack.h"
#include "daemon.h"
#include "hole.h"
#include "tap.h"
#include "ways.h"

#ifdef __x86_64__
/* A program started with 3 GiB later extends its limit to 4 GiB, and has memory there. */
static void limit_moved(void)
{
	const long at = 0xd0000000l, flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED;
	struct puppet *puppet;
	long result;

	personality(ADDR_LIMIT_3GB);
	puppet = puppet_new_32();
	personality(PER_LINUX);
	result = puppet_call(puppet, SYS_mmap, at, 2 * PAGE, PROT_READ, flags, -1, 0);
	ok(result == -ENOMEM, "ADDR_LIMIT_3GB: nothing can be above 3 GiB (%s)", puppet_text(puppet, result));
	puppet_call_32(puppet, 136, PER_LINUX); /* personality */
	result = puppet_call(puppet, SYS_mmap, at, 2 * PAGE, PROT_READ, flags, -1, 0);
	if (!ok(result == at, "ADDR_LIMIT_3GB: taken back, it can (%s)", puppet_text(puppet, result)))
		return;
	must_seal(puppet->pid, (uint64_t)at, PAGE);
	result = puppet_call(puppet, SYS_munmap, at + (long)PAGE, PAGE);
	ok(result == 0, "ADDR_LIMIT_3GB: beside the seal, munmap works (%s)", puppet_text(puppet, result));
	result = puppet_call(puppet, SYS_munmap, at, PAGE);
	ok(gate_32_is_override() ? result == -EPERM :
				   result == PUPPET_DEAD && WTERMSIG(puppet->status) == SIGKILL,
	   "ADDR_LIMIT_3GB: sealed, munmap: %s (%s)", gate_32_is_override() ? "EPERM" : "SIGKILL",
	   puppet_text(puppet, result));
	puppet_end(puppet);
}

#endif

int main(int argc, char **argv)
{
	puppet_main(argc, argv);
	(void)gate_32_is_override();
	if (!(ABIS_HERE & ABIS_32)) {
		skip("this kernel runs no 32-bit programs", "32-bit calls");
		return tap_end();
	}
	ways_begin();
	make_attacks(lsm_attacks, ABIS_32);
	make_attacks(gate_attacks, ABIS_32);
	make_attacks(length_attacks, ABIS_32);
	make_attacks(discard_attacks, ABIS_32);
#ifdef __x86_64__
	limit_moved();
	holes(ABI_INT80);
#endif
	ways_end();
	daemon_stop(SIGTERM);
	return tap_end();
}
