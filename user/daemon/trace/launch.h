/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A process that a tracer of ours holds at its entry point (launch_tracer.h), as the
 * daemon sees it: what the two say to each other, by a socketpair that keeps
 * messages apart.
 */
#ifndef MSEALD_TRACE_LAUNCH_H
#define MSEALD_TRACE_LAUNCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "lib/base/range.h"

enum held_word {
	/* of the tracer */
	HELD_SEIZED,		/* it may exec now */
	HELD_NOT_SEIZED,	/* and the tracer has ended; value: an errno, EALREADY where another traces it */
	HELD_FIRST,		/* at its entry point; it makes its RELRO itself, but all else can be sealed */
	HELD_ENTRY,		/* it is complete, and stands */
	HELD_CALLED,		/* value: enum answer of mseal(2) */
	/* of the daemon */
	HELD_LEFT,		/* the caller has closed its connection: by exec, or because it will not exec any more */
	HELD_MSEAL,		/* ranges follow */
	HELD_GO,
	HELD_END,		/* a text follows: why it must not run */
};

struct held_message {
	uint32_t word;
	uint32_t value;
	uint32_t secure;	/* HELD_FIRST, HELD_ENTRY: it has privileges that its caller has not */
	uint32_t pad;
};

struct held {
	int fd;			/* to the tracer */
	int pidfd;
};

/* Is it still that process, which lives and has not been reaped? */
bool held_lives(const struct held *held);

/* mseal(2) for every range, made by the process itself. As native_seal(). */
int held_mseal(const struct held *held, const struct range *ranges, size_t count, const char **ret_why);

/* One message, and what follows it. Negative errno. */
int held_send(int fd, const struct held_message *message, const void *more, size_t size);
int held_say(int fd, enum held_word word, uint32_t value);

#endif
