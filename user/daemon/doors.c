// SPDX-License-Identifier: LGPL-2.1-or-later
/* See doors.h. */
#include "doors.h"

#include <string.h>

#include "lib/base/util.h"

static const struct {
	const char *name, *phrase;
	bool ordinary;
} words[] = {
	[MSEALD_DOOR_MAP] = { "map", "a descriptor of a map", true },
	[MSEALD_DOOR_PROGRAM] = { "program", "a descriptor of a program", true },
	[MSEALD_DOOR_LINK] = { "link", "a descriptor of a link", true },
	[MSEALD_DOOR_LOAD] = { "load", "loading a program that could undo the lock", false },
	[MSEALD_DOOR_SWITCH] = { "switch", "writing to the switch of ftrace", false },
	[MSEALD_DOOR_PIN] = { "pin", "changing the pins", false },
	[MSEALD_DOOR_MOUNT] = { "mount", "unmounting or covering the pins", false },
	[MSEALD_DOOR_TRACE] = { "trace", "tracing mseald", false },
	[MSEALD_DOOR_LIMIT] = { "limit", "changing a limit of mseald", false },
	[MSEALD_DOOR_SIGNAL] = { "signal", "a signal to mseald", true },
};

_Static_assert(ELEMENTS(words) == MSEALD_DOOR_COUNT, "words for each door");

const char *door_name(enum mseald_lock_door door)
{
	return words[door].name;
}

const char *door_phrase(enum mseald_lock_door door)
{
	return words[door].phrase;
}

bool door_is_ordinary(enum mseald_lock_door door)
{
	return words[door].ordinary;
}

static struct door_caller *find(struct door *door, const struct mseald_refusal *refusal)
{
	for (uint32_t i = 0; i < door->callers; i++)
		if (door->list[i].tgid == refusal->tgid && door->list[i].start_time == refusal->start_time)
			return &door->list[i];
	return NULL;
}

bool doors_let(struct doors *doors, const struct mseald_refusal *refusal)
{
	struct door *door = &doors->list[refusal->door];
	struct door_caller *caller = find(door, refusal);

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
