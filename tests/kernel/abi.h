/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The ABIs by which a system call can be made, and the translation of 64-bit calls to the others. */
#pragma once

#include <stdbool.h>
#include <sys/mman.h>

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

/* "64-bit", "int 0x80"... */
const char *abi_name(enum abi abi);

/*
 * The equivalent 32-bit call, with arguments cut to 32 bits: numbers of syscall_32.tbl
 * (arch/x86/entry/syscalls, arch/arm64/tools). Returns NULL, or why there is none.
 */
const char *abi_to_32(const long call[7], long ret[7]);
/* The equivalent x32 call (syscall_64.tbl). */
void abi_to_x32(const long call[7], long ret[7]);
