/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The native gate: seals ranges with the kernel's own mseal(2). Only a process itself can call it, so
 * ptrace(2) makes one of its threads do so. It cannot be raced, costs nothing per call, and cannot be undone.
 */
#pragma once

#include "bpf/programs.h"
#include "lib/base/range.h"
#include "lib/proc/maps.h"
#include "process/target.h"

struct native_ranges {
	const struct range *list;
	size_t count;
	const struct proc_maps *maps; /* of the process, read just before: where its code is */
	/*
	 * Is the memory still the right one? For memory that no seal holds: asked in the tracer, while the
	 * thread that is to call mseal(2) is stopped. NULL: it is.
	 */
	bool (*still)(void *context);
	void *context;
};

/*
 * Seals every range in the address space of the target, which must be the same as when it was opened. 1:
 * done. 0: this process cannot be sealed by mseal(2); *ret_why is a phrase (a string constant): "is traced by
 * another program". Then some ranges may be sealed. -EAGAIN: the memory is not the right one any more.
 */
int native_seal(struct programs *programs, const struct target *target, const struct native_ranges *ranges,
		const char **ret_why);
