/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Who was refused what by the lock within one window of time: so many callers at
 * each door have a line in the log, one each, and all else is counted. Whoever lists
 * all maps of the machine is refused at each of ours, and what is ordinary at one
 * door must not hide what is not at another. Knows neither clock nor log.
 */
#ifndef MSEALD_DOORS_H
#define MSEALD_DOORS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mseald/lock.h"

#define DOORS_WINDOW_US (600ull * 1000 * 1000)
#define DOOR_CALLERS 16u	/* that have a line, at each door */

struct door_caller {
	uint64_t start_time;
	uint32_t tgid;
	char comm[16];
	uint64_t more;			/* after the one with a line */
};

struct door {
	uint32_t callers;
	uint64_t others;		/* attempts of those who found no place */
	struct door_caller list[DOOR_CALLERS];
};

struct doors {
	bool begun;			/* the window has */
	struct door list[MSEALD_DOOR_COUNT];
};

/* Has this one a line? Counted either way. */
bool doors_let(struct doors *doors, const struct mseald_refusal *refusal);
/* A new window. */
void doors_clear(struct doors *doors);

/* One word, for machines: "pin". What was refused, for people: "changing the pins". Static. */
const char *door_name(enum mseald_lock_door door);
const char *door_phrase(enum mseald_lock_door door);
/* Is it what systemd, bpftool or a monitor does in its everyday work too? */
bool door_is_ordinary(enum mseald_lock_door door);

#endif
