/* SPDX-License-Identifier: GPL-2.0-only */
/* The other way to forbid changes of mappings, for comparison. */
#pragma once

/*
 * Installs the filters of systemd's MemoryDenyWriteExecute= for this process. 0, or -1 with errno.
 */
int seccomp_deny_write_execute(void);
