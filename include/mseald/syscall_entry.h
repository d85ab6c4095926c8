/* SPDX-License-Identifier: GPL-2.0-only OR LGPL-2.1-or-later */
/*
 * What BPF programs and user space both have to know of the architecture.
 *
 * The kernel functions by which system calls enter, as strings: the gates are attached to these. Their names
 * are in arch/ARCH/include/asm/syscall_wrapper.h.
 *
 *   SYSCALL_ENTRY(name)           64-bit calls
 *
 * SYSCALL_ENTRY_32(name_32) are 32-bit calls, where these enter by functions of their own; name_32 has its
 * "sys_" or "compat_sys_".
 *
 * MSEALD_LEAST_MAJOR, MSEALD_LEAST_MINOR: the oldest kernel; MSEALD_OLDER_LACKS: what older ones lack.
 *
 * With MSEALD_KEYS_RETURN the key of an address space (mm_key() of bpf/arch.h) may be that of another one as
 * soon as it is gone.
 */
#pragma once

#if defined(__TARGET_ARCH_x86) || defined(__x86_64__)

/* The second: int 0x80, sysenter and syscall of a 32-bit process, and int 0x80 of a 64-bit process. */
#define SYSCALL_ENTRY(name) "__x64_sys_" #name
#define SYSCALL_ENTRY_32(name_32) "__ia32_" #name_32

#define MSEALD_LEAST_MAJOR 6
#define MSEALD_LEAST_MINOR 1
#define MSEALD_OLDER_LACKS ""

#elif defined(__TARGET_ARCH_arm64) || defined(__aarch64__)

/*
 * No call that has a gate has a compat_ form (arch/arm64/kernel/sys32.c), so 32-bit calls enter by the
 * function of the 64-bit ones: entry_in_compat() of bpf/arch.h tells them apart.
 */
#define SYSCALL_ENTRY(name) "__arm64_sys_" #name

#define MSEALD_LEAST_MAJOR 6
#define MSEALD_LEAST_MINOR 4
#define MSEALD_OLDER_LACKS ": BPF programs cannot be attached to its functions"

#define MSEALD_KEYS_RETURN

#else
#error "no names of entries for this architecture"
#endif
