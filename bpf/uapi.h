/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Macros of the kernel, which BTF lacks. All of them are the same on every 64-bit architecture that mseald
 * may come to; the others are in bpf/arch/.
 */
#pragma once

/* include/linux/compiler.h */
#define likely(x) __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)

/* include/uapi/asm-generic/errno-base.h, errno.h */
#define EPERM 1
#define ENOENT 2
#define ESRCH 3
#define EAGAIN 11
#define EEXIST 17
#define ENOSPC 28
#define EDQUOT 122

/* include/uapi/asm-generic/signal.h */
#define SIGHUP 1
#define SIGKILL 9
#define SIGTERM 15
#define SIGCONT 18

/* include/uapi/asm-generic/mman-common.h, include/uapi/linux/mman.h */
#define PROT_READ 0x1
#define PROT_WRITE 0x2
#define PROT_EXEC 0x4
#define PROT_GROWSDOWN 0x01000000
#define MAP_SHARED 0x1
#define MAP_PRIVATE 0x2
#define MAP_SHARED_VALIDATE 0x3
#define MAP_TYPE 0xf
#define MAP_FIXED 0x10
#define MAP_ANONYMOUS 0x20
#define MAP_GROWSDOWN 0x100
#define MAP_HUGETLB 0x40000
#define MAP_FIXED_NOREPLACE 0x100000
#define MREMAP_FIXED 2
#define MADV_DONTNEED 4
#define MADV_FREE 8
#define MADV_REMOVE 9
#define MADV_DONTFORK 10
#define MADV_DOFORK 11
#define MADV_WIPEONFORK 18
#define MADV_DONTNEED_LOCKED 24
#define MADV_HWPOISON 100
#define MADV_SOFT_OFFLINE 101
#define MADV_GUARD_INSTALL 102
#define MADV_GUARD_REMOVE 103

/* include/linux/mm.h */
#define VM_WRITE 0x2
#define VM_SHARED 0x8
#define VM_GROWSDOWN 0x100
#define VM_ACCOUNT 0x100000

/* include/uapi/linux/sched.h; include/linux/sched.h; include/linux/pid_types.h (6.1: pid.h) */
#define CLONE_VM 0x100
#define PF_IO_WORKER 0x10
#define PIDTYPE_TGID 1

/* include/uapi/linux/capability.h */
#define CAP_SYS_PTRACE 19
#define CAP_SYS_ADMIN 21
#define CAP_SYS_RESOURCE 24

/* include/linux/ptrace.h; include/uapi/linux/prctl.h */
#define PTRACE_MODE_ATTACH 0x02
#define PR_SET_MM 35
#define PR_SET_MM_END_DATA 4
#define PR_SET_MM_START_BRK 6
#define PR_SET_MM_BRK 7
#define PR_SET_MM_MAP 14

/* include/uapi/linux/ipc.h; include/uapi/linux/shm.h */
#define SHMDT 22
#define SHM_RND 020000
#define SHM_REMAP 040000

/* include/uapi/linux/userfaultfd.h: the type of the commands, and their numbers */
#define UFFDIO 0xaa
#define _UFFDIO_COPY 3
#define _UFFDIO_ZEROPAGE 4
#define _UFFDIO_MOVE 5
#define _UFFDIO_CONTINUE 7
#define _UFFDIO_POISON 8

/* include/linux/fs.h; include/uapi/asm-generic/fcntl.h; include/uapi/linux/stat.h, mount.h */
#define MAY_WRITE 0x2
#define FMODE_WRITE 0x2
#define ATTR_SIZE 0x8
#define O_TRUNC 01000
#define S_IFMT 0170000
#define S_IFREG 0100000
#define MS_REMOUNT 0x20
#define MS_BIND 0x1000
#define MS_PROPAGATION 0x1e0000 /* MS_SHARED | MS_SLAVE | MS_PRIVATE | MS_UNBINDABLE */

/* include/uapi/linux/magic.h */
#define ANON_INODE_FS_MAGIC 0x09041934
#define BPF_FS_MAGIC 0xcafe4a11
#define HUGETLBFS_MAGIC 0x958458f6
#define OVERLAYFS_SUPER_MAGIC 0x794c7630
#define PROC_SUPER_MAGIC 0x9fa0
#define TMPFS_MAGIC 0x01021994
