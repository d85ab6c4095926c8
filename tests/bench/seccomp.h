/* SPDX-License-Identifier: GPL-2.0-only */
/* The other way to forbid changes of mappings, to compare with. */
#ifndef BENCH_SECCOMP_H
#define BENCH_SECCOMP_H

/*
 * Puts this process under the filters that MemoryDenyWriteExecute= of systemd
 * makes on x86-64. 0, or -1 with errno.
 */
int seccomp_deny_write_execute(void);

#endif
