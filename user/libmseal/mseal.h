/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* mseal(3): mseal(2) on every kernel that mseald runs on. */
#ifndef MSEAL_H
#define MSEAL_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Seals the pages of [addr, addr + len) permanently. flags is 0. Returns 0, or -1 with errno: EINVAL, ENOMEM,
 * EPERM as mseal(2); ENOSYS: the kernel has no mseal(2) and no mseald answers.
 */
int mseal(void *addr, size_t len, unsigned long flags);

/*
 * Seals all segments of all loaded objects, as `msealctl seal` of the own pid: call it when all plug-ins are
 * loaded. Always asks mseald. flags is 0. Returns as mseal().
 */
int mseal_after_start(unsigned long flags);

#ifdef __cplusplus
}
#endif

#endif
