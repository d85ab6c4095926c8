/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Who traces whom. Processes of the daemon's own that trace others: its children, which is how
 * lsm/ptrace_access_check knows them, and whom nobody waits for.
 */
#ifndef MSEALD_TRACE_TRACER_H
#define MSEALD_TRACE_TRACER_H

#include "base/error.h"
#include "bpf/programs.h"

/*
 * Once, before the first tracer: tracers may trace memory sealed against foreign
 * writes as long as this process lives, and the daemon has no zombies. No child's
 * status can be had after that.
 */
void tracer_allow(struct programs *programs);

/*
 * As fork(2), -errno for errors. In the tracer all signals are blocked: only SIGKILL ends it while
 * it holds a thread.
 */
pid_t tracer_fork(void);

/*
 * A tracer that was attached before the seal is never asked again. To be called
 * once the seal is committed, from when on no other can attach: 0 when nobody
 * traces anything that has this key. -EBADR: it is traced, and by whom; -EAGAIN:
 * somebody may be attaching and does not come to an end; or another negative errno.
 */
int tracer_check_foreign(struct programs *programs, uint64_t key, pid_t pid, struct error *error);

#endif
