/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The daemon's own tracers, and foreign tracers of sealed memory. Tracers are children of the daemon, by
 * which lsm/ptrace_access_check recognises them; the daemon does not wait for their exit.
 */
#pragma once

#include "base/error.h"
#include "bpf/programs.h"

/*
 * Call once, before the first tracer. Tracers may then trace memory sealed against foreign writes as long as
 * this process lives. The daemon gets no zombies, and cannot read the status of any child after that.
 */
void tracer_allow(struct programs *programs);

/* As fork(2), but -errno. The tracer blocks all signals: while it holds a thread only SIGKILL ends it. */
pid_t tracer_fork(void);

/*
 * No hook checks a tracer that attached before the seal. Call this once the seal is committed, when no other
 * can attach. 0: no process traces a task with this key. -EBADR: it is traced, and by which process; -EAGAIN:
 * a process may be attaching, and does not finish; or another negative errno.
 */
int tracer_check_foreign(struct programs *programs, uint64_t key, pid_t pid, struct error *error);
