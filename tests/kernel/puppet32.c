/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A puppet that is a real 32-bit process, started by puppet_new_32() of puppet.h. It can make system calls
 * and nothing else. It uses no library, so that no 32-bit one is needed.
 *
 *   puppet32 FD SLOT ADDRESS    file of the channels, index of its own, and their address in the test
 */
#include "bare_32.h"
#include "channel.h"

#define SYS_PRCTL 172
#define SYS_MMAP2 192
#define SYS_GETTID 224
#define SYS_FUTEX 240

#ifdef __i386__
#define SYS_EXIT_GROUP 252 /* arch/x86/entry/syscalls/syscall_32.tbl */
#else
#define SYS_EXIT_GROUP 248 /* arch/arm64/tools/syscall_32.tbl */
#endif

/* All elements are set: there is no memset() for the others. */
#define CALL_(n, a, b, c, d, e, f, ...) call_32((const int64_t[7]){ (n), (a), (b), (c), (d), (e), (f) })
#define CALL(...) CALL_(__VA_ARGS__, 0, 0, 0, 0, 0, 0)

static uint32_t number(const char *text)
{
	uint32_t value = 0;

	while (*text >= '0' && *text <= '9')
		value = value * 10 + (uint32_t)(*text++ - '0');
	return value;
}

/* Called by _start with the initial stack from the kernel. */
__attribute__((noreturn, used)) void begin(const long *stack);
void begin(const long *stack)
{
	const char **argv = (const char **)(stack + 1);
	uint32_t address, size = CHANNELS * sizeof(struct channel);
	struct channel *channel;

	if (stack[0] != 4)
		CALL(SYS_EXIT_GROUP, 2);
	address = number(argv[3]);
	/* PROT_READ|PROT_WRITE, MAP_SHARED|MAP_FIXED */
	if (CALL(SYS_MMAP2, address, size, 3, 0x11, number(argv[1]), 0) != address)
		CALL(SYS_EXIT_GROUP, 3);
	CALL(SYS_PRCTL, 1, 9); /* PR_SET_PDEATHSIG, SIGKILL */
	channel = (struct channel *)address + number(argv[2]);
	channel->tid = (int32_t)CALL(SYS_GETTID);
	channel->result = 0;
	for (;;) {
		atomic_store(&channel->turn, TURN_TEST);
		CALL(SYS_FUTEX, (uint32_t)&channel->turn, 1, 1);
		while (atomic_load(&channel->turn) != TURN_PUPPET)
			CALL(SYS_FUTEX, (uint32_t)&channel->turn, 0, TURN_TEST, 0);
		channel->result = result_32(call_32(channel->call));
	}
}
