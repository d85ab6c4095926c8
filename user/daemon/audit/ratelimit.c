// SPDX-License-Identifier: LGPL-2.1-or-later
/* See ratelimit.h. */
#include "audit/ratelimit.h"

/* Each process or user in the hash has had a line. */
_Static_assert(RATELIMIT_SLOTS >= 2 * RATELIMIT_LINES_ALL, "the hash always has free slots");
_Static_assert((RATELIMIT_SLOTS & (RATELIMIT_SLOTS - 1)) == 0, "the hash wraps by a mask");

/* The slot of the process, or the free slot for it. */
static struct ratelimit_process *find(struct ratelimit *ratelimit, const struct mseald_event *event)
{
	uint64_t at = ((event->start_time ^ (uint64_t)event->tgid << 32) * 0x9e3779b97f4a7c15ULL) >> 40;

	for (;; at++) {
		struct ratelimit_process *process = &ratelimit->processes[at & (RATELIMIT_SLOTS - 1)];

		if (!process->lines ||
		    (process->tgid == event->tgid && process->start_time == event->start_time))
			return process;
	}
}

static struct ratelimit_user *find_user(struct ratelimit *ratelimit, uint32_t uid)
{
	uint64_t at = (uid * 0x9e3779b97f4a7c15ULL) >> 40;

	for (;; at++) {
		struct ratelimit_user *user = &ratelimit->users[at & (RATELIMIT_SLOTS - 1)];

		if (!user->lines || user->uid == uid)
			return user;
	}
}

bool ratelimit_allow(struct ratelimit *ratelimit, const struct mseald_event *event)
{
	struct ratelimit_process *process = find(ratelimit, event);
	struct ratelimit_user *user = find_user(ratelimit, event->uid);

	if (process->lines == RATELIMIT_LINES_PROCESS) {
		process->suppressed++;
		return false;
	}
	if (ratelimit->lines == RATELIMIT_LINES_ALL || user->lines == RATELIMIT_LINES_USER) {
		ratelimit->suppressed++;
		return false;
	}
	if (!process->lines) {
		process->tgid = event->tgid;
		process->start_time = event->start_time;
		memcpy(process->comm, event->comm, sizeof(process->comm));
	}
	process->lines++;
	user->uid = event->uid;
	user->lines++;
	ratelimit->lines++;
	return true;
}

const struct ratelimit_process *ratelimit_next(const struct ratelimit *ratelimit, size_t *position)
{
	while (*position < RATELIMIT_SLOTS) {
		const struct ratelimit_process *process = &ratelimit->processes[(*position)++];

		if (process->suppressed)
			return process;
	}
	return NULL;
}

/* --- denials by the lock --- */

static struct ratelimit_caller *find_caller(struct ratelimit_op *op, const struct mseald_lock_denial *denial)
{
	for (uint32_t i = 0; i < op->callers; i++)
		if (op->list[i].tgid == denial->tgid && op->list[i].start_time == denial->start_time)
			return &op->list[i];
	return NULL;
}

bool ratelimit_allow_denial(struct ratelimit_denials *denials, const struct mseald_lock_denial *denial)
{
	struct ratelimit_op *op = &denials->list[denial->op];
	struct ratelimit_caller *caller = find_caller(op, denial);

	denials->begun = true;
	if (caller) {
		caller->more++;
		return false;
	}
	if (op->callers == RATELIMIT_CALLERS) {
		op->others++;
		return false;
	}
	caller = &op->list[op->callers++];
	caller->tgid = denial->tgid;
	caller->start_time = denial->start_time;
	memcpy(caller->comm, denial->comm, sizeof(caller->comm));
	return true;
}
