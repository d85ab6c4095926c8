/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The daemon's end of a process that a tracer of mseald holds at its entry point (launch_tracer.h). Also the
 * messages between daemon and tracer, on a socketpair that preserves message boundaries.
 */
#pragma once

#include "lib/base/range.h"
#include "lib/base/util.h"

enum launch_word {
	/* from the tracer */
	LAUNCH_SEIZED, /* it may exec now */
	/* the tracer exits; value: an errno, EALREADY if another process traces it */
	LAUNCH_NOT_SEIZED,
	/* at its entry point; everything but its RELRO, which it makes itself, can be sealed */
	LAUNCH_FIRST,
	LAUNCH_ENTRY,  /* the program is complete, and stopped */
	LAUNCH_CALLED, /* value: enum remote_answer of mseal(2) */
	/* from the daemon */
	/* the caller has closed its connection: by exec, or because it will not exec */
	LAUNCH_LEFT,
	LAUNCH_MSEAL, /* followed by ranges */
	LAUNCH_GO,
	LAUNCH_END, /* followed by a text: why it must not run */
};

struct launch_message {
	uint32_t word;
	uint32_t value;
	uint32_t secure; /* LAUNCH_FIRST, LAUNCH_ENTRY: it has privileges that its caller lacks */
	uint32_t pad;
};

struct launch {
	int fd; /* to the tracer */
	int pidfd;
};

/* Does the same process still live, not reaped? */
bool launch_lives(const struct launch *launch);

/* Has the process call mseal(2) for every range. Returns as native_seal(). */
int launch_mseal(const struct launch *launch, const struct range *ranges, size_t count, const char **ret_why);

/* Sends one message, and the data that follows. Negative errno. */
int launch_send(int fd, const struct launch_message *message, const void *more, size_t size);
int launch_say(int fd, enum launch_word word, uint32_t value);
