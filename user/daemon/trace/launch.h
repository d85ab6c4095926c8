/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A process that a tracer of ours holds at its entry point (launch_tracer.h), as the
 * daemon sees it: what the two say to each other, by a socketpair that keeps
 * messages apart.
 */
#ifndef MSEALD_TRACE_LAUNCH_H
#define MSEALD_TRACE_LAUNCH_H

#include "lib/base/range.h"
#include "lib/base/util.h"

enum launch_word {
	/* of the tracer */
	LAUNCH_SEIZED, /* it may exec now */
	/* and the tracer has ended; value: an errno, EALREADY where another traces it */
	LAUNCH_NOT_SEIZED,
	/* at its entry point; it makes its RELRO itself, but all else can be sealed */
	LAUNCH_FIRST,
	LAUNCH_ENTRY,  /* it is complete, and stopped */
	LAUNCH_CALLED, /* value: enum remote_answer of mseal(2) */
	/* of the daemon */
	/* the caller has closed its connection: by exec, or because it will not exec any more */
	LAUNCH_LEFT,
	LAUNCH_MSEAL, /* ranges follow */
	LAUNCH_GO,
	LAUNCH_END, /* a text follows: why it must not run */
};

struct launch_message {
	uint32_t word;
	uint32_t value;
	uint32_t secure; /* LAUNCH_FIRST, LAUNCH_ENTRY: it has privileges that its caller has not */
	uint32_t pad;
};

struct launch {
	int fd; /* to the tracer */
	int pidfd;
};

/* Is it still that process, which lives and has not been reaped? */
bool launch_lives(const struct launch *launch);

/* mseal(2) for every range, made by the process itself. As native_seal(). */
int launch_mseal(const struct launch *launch, const struct range *ranges, size_t count, const char **ret_why);

/* One message, and what follows it. Negative errno. */
int launch_send(int fd, const struct launch_message *message, const void *more, size_t size);
int launch_say(int fd, enum launch_word word, uint32_t value);

#endif
