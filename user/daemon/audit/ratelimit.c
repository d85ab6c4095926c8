// SPDX-License-Identifier: LGPL-2.1-or-later
/* See ratelimit.h. */
#include "audit/ratelimit.h"

#include <string.h>

/* Each process, or user, that is in it has had a line. */
_Static_assert(FLOOD_SLOTS >= 2 * FLOOD_LINES_ALL, "the hash always has free places");
_Static_assert((FLOOD_SLOTS & (FLOOD_SLOTS - 1)) == 0, "the hash wraps by a mask");

/* Where it is, or belongs. */
static struct flood_process *find(struct flood *flood, const struct mseald_event *event)
{
	uint64_t at = ((event->start_time ^ (uint64_t)event->tgid << 32) * 0x9e3779b97f4a7c15ULL) >> 40;

	for (;; at++) {
		struct flood_process *process = &flood->processes[at & (FLOOD_SLOTS - 1)];

		if (!process->lines || (process->tgid == event->tgid && process->start_time == event->start_time))
			return process;
	}
}

static struct flood_user *find_user(struct flood *flood, uint32_t uid)
{
	uint64_t at = (uid * 0x9e3779b97f4a7c15ULL) >> 40;

	for (;; at++) {
		struct flood_user *user = &flood->users[at & (FLOOD_SLOTS - 1)];

		if (!user->lines || user->uid == uid)
			return user;
	}
}

bool flood_let(struct flood *flood, const struct mseald_event *event)
{
	struct flood_process *process = find(flood, event);
	struct flood_user *user = find_user(flood, event->uid);

	if (process->lines == FLOOD_LINES_PROCESS) {
		process->suppressed++;
		return false;
	}
	if (flood->lines == FLOOD_LINES_ALL || user->lines == FLOOD_LINES_USER) {
		flood->suppressed++;
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
	flood->lines++;
	return true;
}

const struct flood_process *flood_next(const struct flood *flood, size_t *position)
{
	while (*position < FLOOD_SLOTS) {
		const struct flood_process *process = &flood->processes[(*position)++];

		if (process->suppressed)
			return process;
	}
	return NULL;
}

void flood_clear(struct flood *flood)
{
	memset(flood, 0, sizeof(*flood));
}

/* --- what the lock refuses --- */

static struct door_caller *find_caller(struct door *door, const struct mseald_refusal *refusal)
{
	for (uint32_t i = 0; i < door->callers; i++)
		if (door->list[i].tgid == refusal->tgid && door->list[i].start_time == refusal->start_time)
			return &door->list[i];
	return NULL;
}

bool doors_let(struct doors *doors, const struct mseald_refusal *refusal)
{
	struct door *door = &doors->list[refusal->door];
	struct door_caller *caller = find_caller(door, refusal);

	doors->begun = true;
	if (caller) {
		caller->more++;
		return false;
	}
	if (door->callers == DOOR_CALLERS) {
		door->others++;
		return false;
	}
	caller = &door->list[door->callers++];
	caller->tgid = refusal->tgid;
	caller->start_time = refusal->start_time;
	memcpy(caller->comm, refusal->comm, sizeof(caller->comm));
	return true;
}

void doors_clear(struct doors *doors)
{
	memset(doors, 0, sizeof(*doors));
}
