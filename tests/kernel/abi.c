/* SPDX-License-Identifier: LGPL-2.1-or-later */
#define _GNU_SOURCE
#include "abi.h"

#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>

#define FIRST_OF_ALL 424 /* from here on numbers are the same in all ABIs */

#ifdef __x86_64__
#define X32_BIT 0x40000000

static const struct number {
	short of_64, of_32;
} numbers[] = { { SYS_open, 5 },
		{ SYS_openat, 295 },
		{ SYS_close, 6 },
		{ SYS_brk, 45 },
		{ SYS_munmap, 91 },
		{ SYS_ftruncate, 93 },
		{ SYS_clone, 120 },
		{ SYS_mprotect, 125 },
		{ SYS_mlock, 150 },
		{ SYS_mremap, 163 },
		{ SYS_prctl, 172 },
		{ SYS_mmap, 192 },
		{ SYS_madvise, 219 },
		{ SYS_io_setup, 245 },
		{ SYS_io_destroy, 246 },
		{ SYS_personality, 136 },
		{ SYS_msync, 144 },
		{ SYS_munlock, 151 },
		{ SYS_process_vm_writev, 348 },
		{ SYS_remap_file_pages, 257 },
		{ SYS_memfd_create, 356 },
		{ SYS_pkey_mprotect, 380 },
		{ SYS_pkey_alloc, 381 },
		{ SYS_arch_prctl, 384 },
		{ SYS_shmget, 395 },
		{ SYS_shmctl, 396 },
		{ SYS_shmat, 397 },
		{ SYS_shmdt, 398 } };
#else
/* arch/arm64/tools/syscall_32.tbl */
static const struct number {
	short of_64, of_32;
} numbers[] = { { SYS_openat, 322 },
		{ SYS_close, 6 },
		{ SYS_brk, 45 },
		{ SYS_munmap, 91 },
		{ SYS_ftruncate, 93 },
		{ SYS_clone, 120 },
		{ SYS_mprotect, 125 },
		{ SYS_mlock, 150 },
		{ SYS_mremap, 163 },
		{ SYS_prctl, 172 },
		{ SYS_mmap, 192 },
		{ SYS_madvise, 220 },
		{ SYS_io_setup, 243 },
		{ SYS_io_destroy, 244 },
		{ SYS_personality, 136 },
		{ SYS_msync, 144 },
		{ SYS_munlock, 151 },
		{ SYS_process_vm_writev, 377 },
		{ SYS_remap_file_pages, 253 },
		{ SYS_memfd_create, 385 },
		{ SYS_pkey_mprotect, 394 },
		{ SYS_pkey_alloc, 395 },
		{ SYS_shmget, 307 },
		{ SYS_shmctl, 308 },
		{ SYS_shmat, 305 },
		{ SYS_shmdt, 306 } };
#endif

const char *abi_name(enum abi abi)
{
	static const char *const names[ABI_COUNT] = { "64-bit", "int 0x80", "32-bit process", "x32" };

	return names[abi];
}

const char *abi_to_32(const long call[7], long ret[7])
{
	long number = call[0] >= FIRST_OF_ALL ? call[0] : -1;

	for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++)
		if (numbers[i].of_64 == call[0])
			number = numbers[i].of_32;
	if (number < 0)
		return "tests/kernel/abi.c knows no such 32-bit call";
	ret[0] = number;
	for (int i = 1; i < 7; i++) {
		if (call[i] != (int32_t)call[i] && call[i] != (uint32_t)call[i])
			return "an argument has more than 32 bits";
		ret[i] = (uint32_t)call[i];
	}
	/* mmap2 takes the offset in pages. */
	if (call[0] == SYS_mmap)
		ret[6] = call[6] / 4096;
	return NULL;
}

#ifdef __x86_64__
void abi_to_x32(const long call[7], long ret[7])
{
	memcpy(ret, call, 7 * sizeof(*call));
	if (call[0] == SYS_io_setup)
		ret[0] = 543;
	ret[0] |= X32_BIT;
}
#else
void abi_to_x32(const long call[7], long ret[7])
{
	(void)call;
	memset(ret, 0, 7 * sizeof(*ret));
	ret[0] = -1; /* ENOSYS: there is no x32 */
}
#endif
