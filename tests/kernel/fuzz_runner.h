/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Shared by the fuzzer (fuzz_calls.c) and the processes that make its calls: one board of memory at a fixed
 * address below 4 GiB, with a slot for each process. The layout is the same in 32 bits (fuzz32).
 */
#pragma once

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "page.h"

#define FUZZ_PAGE PAGE

#define FUZZ_BOARD 0x10000000ul /* address of the board in all processes: below everything attacked */
#define FUZZ_BOARD_FD 97
#define FUZZ_DONE_FD 98 /* a runner writes a byte when it is done */
#define FUZZ_CALLS 512	/* in one batch */
#define FUZZ_PROBES 400
#define FUZZ_SLOTS 40
#define FUZZ_FAMILY 9u /* slots of a victim: its own and those of its children */
#define FUZZ_SCENES 12
#define FUZZ_X 0x5858585858585858ull /* written by an attacker */

/* Ways to make a call. */
enum fuzz_by {
	FUZZ_CALL,  /* the ABI of the process */
	FUZZ_INT80, /* by int 0x80; number and arguments are those of the 32-bit ABI */
	FUZZ_FILL,  /* stores the pattern: address, pages */
	FUZZ_FORK,  /* a child that becomes a runner: slot */
	FUZZ_VFORK, /* a vfork child makes the next call, then a child is forked: slot */
	/* a process that shares the memory and forks as soon as the call with that index has begun: */
	FUZZ_SHARER,
	/* its slot, a slot for the child, index relative to this call */
	FUZZ_RING, /* IORING_OP_MADVISE: address, length, advice */
	/* process_madvise of itself: address, length, advice, by int 0x80? number in argument 5 */
	FUZZ_ADVISE,
	/* process_vm_writev of FUZZ_X: address, length, slot of the process, by int 0x80?, -, number */
	FUZZ_WRITE,
	FUZZ_UFFD,    /* register, command, unregister: address, command, source, mode, features */
	FUZZ_OLDMMAP, /* i386 number 90: arguments of mmap, in memory */
	FUZZ_MEMFILE, /* FUZZ_X into /proc/self/mem: address */
};

struct fuzz_call {
	_Alignas(8) uint32_t by;
	uint32_t op;	    /* private to the fuzzer: its name */
	uint32_t abi, cell; /* the same: its counter */
	_Alignas(8) int64_t number;
	_Alignas(8) uint64_t argument[6];
	_Alignas(8) int64_t result;
};

enum { FUZZ_TURN_TEST, FUZZ_TURN_RUNNER };

struct fuzz_slot {
	_Alignas(FUZZ_PAGE) _Atomic uint32_t turn;
	_Atomic uint32_t at; /* index of the current call; `count`: all are made */
	int32_t pid;
	uint32_t count, probes; /* calls to make; index of the list of probes */
	uint32_t killed;	/* a vfork child got SIGKILL: no further call was made */
	_Alignas(8) struct fuzz_call calls[FUZZ_CALLS];
	_Alignas(8) uint64_t seen[FUZZ_PROBES]; /* the bytes at the probes */
	uint8_t failed[FUZZ_PROBES];		/* unreadable */
	_Alignas(16) uint64_t vectors[2 * FUZZ_PROBES + 8];
	char text[64];					  /* an argument by pointer */
	_Alignas(FUZZ_PAGE) uint64_t page[FUZZ_PAGE / 8]; /* full of FUZZ_X */
	_Alignas(FUZZ_PAGE) char stack[16384];		  /* stack of a sharer */
};

struct fuzz_probes {
	uint32_t count;
	_Alignas(8) uint64_t at[FUZZ_PROBES];
};

struct fuzz_board {
	struct fuzz_slot slots[FUZZ_SLOTS];
	struct fuzz_probes probes[FUZZ_SCENES];
};

_Static_assert(sizeof(struct fuzz_call) == 80 && offsetof(struct fuzz_slot, calls) == 24,
	       "the same in 32 bits");

#define BOARD ((struct fuzz_board *)FUZZ_BOARD)

/* The first word of a filled page. */
static inline uint64_t fuzz_pattern(uint64_t address)
{
	return 0x5ea1000000000000ull ^ (address >> 12);
}

/* Makes the calls in its slot, until it is killed. */
void fuzz_run(struct fuzz_slot *slot) __attribute__((noreturn));
