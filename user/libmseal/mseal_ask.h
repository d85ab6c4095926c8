/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How libmseal asks mseald: async-signal-safe, without malloc, stateless. */
#pragma once

#include <stddef.h>
#include <sys/syscall.h>

#ifndef SYS_mseal
#define SYS_mseal 462
#endif

/* Seals a range of the calling process. Negative errnos of mseal(2); -ENOSYS: no mseald answers. */
int mseal_ask_range(const void *addr, size_t len, unsigned long flags);

/* Seals all segments of the calling process by mseald. Errors as above. */
int mseal_ask_all(void);
