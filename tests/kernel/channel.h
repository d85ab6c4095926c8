/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Shared by test and puppet: each has one channel, all in one piece of memory. The layout is the same for a
 * 32-bit puppet (puppet32.c).
 */
#pragma once

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#define CHANNELS 256
#define PUPPET_DATA_SIZE 2048

enum { TURN_TEST, TURN_PUPPET };
enum { OP_CALL, OP_CALL_32, OP_RUN, OP_CLONE, OP_EXEC };

/* Test and puppet pass the turn to each other; the side with the turn owns the other fields. */
struct channel {
	_Atomic uint32_t turn;
	uint32_t used, op;
	int32_t tid;
	_Alignas(8) int64_t call[7];
	_Alignas(8) uint64_t function;
	_Alignas(8) int64_t result;
	_Alignas(64) char data[PUPPET_DATA_SIZE];
};

_Static_assert(offsetof(struct channel, result) == 80 && sizeof(struct channel) == 128 + PUPPET_DATA_SIZE,
	       "the same in 32 bits");

/* A result of a 32-bit call: a negative errno, or an unsigned number of 32 bits. */
static inline int64_t result_32(uint32_t eax)
{
	return eax > -4096u ? (int32_t)eax : (int64_t)eax;
}
