/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Whether what starts in a container is seen starting. Registering one only says what is to be sealed;
 * this looks, until the first process was, and tells of one that was not.
 */
#ifndef MSEALD_WATCH_H
#define MSEALD_WATCH_H

#include "daemon.h"

struct watch {
	uint64_t newest;		/* key: address spaces up to it were there before */
	uint64_t suspect;		/* key of one that should have been seen, and was not; 0: none */
	uint64_t since;			/* microseconds, CLOCK_MONOTONIC: when it was found */
	bool done;			/* the first was seen */
};

/* What is in this cgroup now need not have been seen. */
void watch_begin(struct daemon *daemon, const char *cgroup, struct watch *ret);
/* Every few seconds; policy: the name of that of the container. */
void watch_look(struct daemon *daemon, const char *policy, const char *cgroup, struct watch *watch);

#endif
