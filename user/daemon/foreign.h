/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Who could write to a process from before it was sealed against foreign writes. */
#ifndef MSEALD_FOREIGN_H
#define MSEALD_FOREIGN_H

#include <stdint.h>
#include <sys/types.h>

#include "failure.h"
#include "programs.h"

/*
 * A tracer that was attached before the seal is never asked again. To be called
 * once the seal is committed, from when on no other can attach: 0 when nobody
 * traces anything that has this key. -EBADR: it is traced, and by whom; -EAGAIN:
 * somebody may be attaching and does not come to an end; or another negative errno.
 */
int foreign_check_tracers(struct programs *programs, uint64_t key, pid_t pid, struct failure *failure);

#endif
