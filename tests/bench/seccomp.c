// SPDX-License-Identifier: GPL-2.0-only
/*
 * See seccomp.h. systemd's seccomp_memory_deny_write_execute() (src/shared/seccomp-util.c) loads one filter
 * for each ABI: x86, x32 and x86-64, or arm and arm64. A call passes all of them. Each denies mmap with both
 * PROT_EXEC and PROT_WRITE, mprotect and pkey_mprotect with PROT_EXEC, and shmat with SHM_EXEC. These filters
 * have the order of libseccomp: the ABI first, then the number, then the low half of the one argument.
 */
#include "seccomp.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/shm.h>
#include <sys/syscall.h>

#define ELEMENTS(array) (sizeof(array) / sizeof((array)[0]))
#define X32 0x40000000u

#define LOAD(field) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
#define IF(test, value, yes, no) BPF_JUMP(BPF_JMP | BPF_##test | BPF_K, value, yes, no)
#define RETURN(what) BPF_STMT(BPF_RET | BPF_K, what)
#define ALLOW RETURN(SECCOMP_RET_ALLOW)

/* The number has been loaded, and stays loaded if it does not match. */
#define DENY_BITS(number, argument, bits) \
	IF(JEQ, number, 0, 5), LOAD(args[argument]), BPF_STMT(BPF_ALU | BPF_AND | BPF_K, bits), \
		IF(JEQ, bits, 0, 1), RETURN(SECCOMP_RET_ERRNO | EPERM), ALLOW

#define DENY_WRITE_EXECUTE(mmap, mprotect, pkey_mprotect, shmat) \
	DENY_BITS(shmat, 2, SHM_EXEC), DENY_BITS(pkey_mprotect, 2, PROT_EXEC), \
		DENY_BITS(mprotect, 2, PROT_EXEC), DENY_BITS(mmap, 2, PROT_EXEC | PROT_WRITE), ALLOW

#ifdef __x86_64__
static struct sock_filter x86[] = {
	LOAD(arch), IF(JEQ, AUDIT_ARCH_I386, 1, 0), ALLOW, LOAD(nr), DENY_WRITE_EXECUTE(192, 125, 380, 397),
};

static struct sock_filter x32[] = {
	LOAD(arch),
	IF(JEQ, AUDIT_ARCH_X86_64, 1, 0),
	ALLOW,
	LOAD(nr),
	IF(JGE, X32, 1, 0),
	ALLOW,
	DENY_WRITE_EXECUTE(X32 | SYS_mmap, X32 | SYS_mprotect, X32 | SYS_pkey_mprotect, X32 | SYS_shmat),
};

static struct sock_filter x86_64[] = {
	LOAD(arch),
	IF(JEQ, AUDIT_ARCH_X86_64, 1, 0),
	ALLOW,
	LOAD(nr),
	IF(JGE, X32, 0, 1),
	ALLOW,
	DENY_WRITE_EXECUTE(SYS_mmap, SYS_mprotect, SYS_pkey_mprotect, SYS_shmat),
};

static const struct sock_fprog filters[] = {
	{ ELEMENTS(x86), x86 },
	{ ELEMENTS(x32), x32 },
	{ ELEMENTS(x86_64), x86_64 },
};
#else
static struct sock_filter arm[] = {
	LOAD(arch), IF(JEQ, AUDIT_ARCH_ARM, 1, 0), ALLOW, LOAD(nr), DENY_WRITE_EXECUTE(192, 125, 394, 305),
};

static struct sock_filter arm64[] = {
	LOAD(arch),
	IF(JEQ, AUDIT_ARCH_AARCH64, 1, 0),
	ALLOW,
	LOAD(nr),
	DENY_WRITE_EXECUTE(SYS_mmap, SYS_mprotect, SYS_pkey_mprotect, SYS_shmat),
};

static const struct sock_fprog filters[] = {
	{ ELEMENTS(arm), arm },
	{ ELEMENTS(arm64), arm64 },
};
#endif

int seccomp_deny_write_execute(void)
{
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -1;
	for (size_t i = 0; i < ELEMENTS(filters); i++)
		if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filters[i]) < 0)
			return -1;
	return 0;
}
