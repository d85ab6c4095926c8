/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The ABIs by which a system call can be made, and the translation of 64-bit calls to the others. */
#pragma once

#include <stdbool.h>
#include <sys/mman.h>

#include "page.h"

/* For int 0x80 only. */
#ifndef MAP_32BIT
#define MAP_32BIT 0
#endif

enum abi {
	ABI_64,
	ABI_INT80, /* int 0x80 of a 64-bit process */
	ABI_32,	   /* a 32-bit process */
	ABI_X32,   /* bit 30 of the number; needs a kernel built with it */
	ABI_COUNT,
};

#define ABIS_64 (1u << ABI_64 | 1u << ABI_X32)
#define ABIS_32 (1u << ABI_INT80 | 1u << ABI_32)
#define ABIS_FUNCTIONS (ABIS_64 | 1u << ABI_INT80) /* those whose puppets run functions */

/*
 *   ABIS_HERE      those that the machine has
 *   ABI_TAG(byte)  the tag of an address; 0: addresses have none, unless the process asks for tags
 *   ABI_USER_END   where user memory ends, unless a mapping at a higher address is asked for
 *   ABI_PROT       what mprotect(2) also changes there
 */
#ifdef __x86_64__
#define ABIS_HERE ~0u
#define ABI_TAG(byte) 0ul
#define ABI_USER_END 0x7ffffffff000ul
#define ABI_PROT 0
#else
/* CONFIG_COMPAT needs pages of 4 KiB. */
#define ABIS_HERE (1u << ABI_64 | (PAGE == 4096 ? 1u << ABI_32 : 0))
#define ABI_TAG(byte) ((unsigned long)(byte) << 56)
#define ABI_USER_END (1ul << 48)
#define ABI_PROT (PROT_BTI | PROT_MTE)
#endif

static inline bool abi_is_here(enum abi abi)
{
	return ABIS_HERE & 1u << abi;
}

/* "64-bit", "int 0x80"... */
const char *abi_name(enum abi abi);

/*
 * The equivalent 32-bit call, with arguments cut to 32 bits: numbers of syscall_32.tbl
 * (arch/x86/entry/syscalls, arch/arm64/tools). Returns NULL, or why there is none.
 */
const char *abi_to_32(const long call[7], long ret[7]);
/* The equivalent x32 call (syscall_64.tbl). */
void abi_to_x32(const long call[7], long ret[7]);
