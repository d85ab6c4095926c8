// SPDX-License-Identifier: LGPL-2.1-or-later
/* See left.h. */
#include "policy/left.h"

#include "policy/watched.h"
#include "process/procfs.h"

const char *left_name(unsigned left)
{
	static const char *const names[] = {
		[MSEALD_LEFT_POOL] = "pool",
		[MSEALD_LEFT_FULL] = "full",
		[MSEALD_LEFT_WRITTEN] = "written",
		[MSEALD_LEFT_OBJECT] = "unknown",
		[MSEALD_LEFT_CHANGED] = "changed",
		[LEFT_RELRO] = "relro",
		[LEFT_POLICY] = "policy",
		[LEFT_TRACED] = "traced",
		[LEFT_FOUND] = "found",
		[LEFT_SETTLE] = "settle",
		[LEFT_FAILED] = "failed",
		[LEFT_LIBRARY] = "library",
		[LEFT_GATE] = "gate",
		[LEFT_PID1] = "pid1",
	};

	_Static_assert(ELEMENTS(names) == LEFT_COUNT, "a reason without a name");
	return left < LEFT_COUNT ? names[left] : NULL;
}

unsigned left_by_kernel(struct programs *programs, uint64_t key, pid_t pid,
			const struct mseald_watched *watched)
{
	uint32_t flags, why;

	if (!watched)
		return LEFT_FOUND;
	if (watched->flags & MSEALD_WATCHED_STARTED)
		return LEFT_NOTHING;
	if (!(watched->flags & MSEALD_WATCHED_KERNEL))
		return procfs_status_number(pid, "TracerPid", 10, 0) ? LEFT_TRACED : LEFT_POLICY;
	flags = watched_loading(programs, key);
	why = flags >> MSEALD_LOADING_LEFT_SHIFT & ((1u << MSEALD_LEFT_COUNT) - 1);
	if (why)
		return (unsigned)__builtin_ctz(why);
	return flags & MSEALD_LOADING_PROGRAM ? LEFT_NOTHING : LEFT_RELRO;
}
