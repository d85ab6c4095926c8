/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The native gate: ranges are sealed with the kernel's own mseal(2), which
 * only a process itself can call - so a thread of it is made to, by ptrace(2).
 * Nothing can race it and nobody pays for it per call. There is no way back.
 */
#ifndef MSEALD_TRACE_NATIVE_H
#define MSEALD_TRACE_NATIVE_H

#include "bpf/programs.h"
#include "lib/base/range.h"
#include "process/target.h"

/*
 * Seals every range in the address space of the target, which must still be
 * what it was when it was opened. 1: done. 0: this process cannot be
 * sealed so; *ret_why is a phrase (a string constant) that says why: "is
 * traced by another program". It may be that some ranges then are sealed.
 */
int native_seal(struct programs *programs, const struct target *target, const struct range *ranges,
		size_t count, const char **ret_why);

#endif
