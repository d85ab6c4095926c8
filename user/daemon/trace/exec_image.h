/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The program that a process has just been given by exec: where it begins, and what it will do
 * before it is complete.
 */
#ifndef MSEALD_TRACE_EXEC_IMAGE_H
#define MSEALD_TRACE_EXEC_IMAGE_H

#include "lib/base/util.h"

struct exec_image {
	uint64_t entry; /* of the program, not of its dynamic loader */
	bool loader;	/* that runs first */
	bool secure;	/* it has privileges that its caller has not (AT_SECURE) */
	/* what it protects itself; empty: nothing. Only without a loader */
	uint64_t relro_start, relro_end;
};

/* From /proc/PID. bits_32: it runs 32-bit code. Negative errno. */
int exec_image_read(pid_t pid, bool bits_32, struct exec_image *ret);

/* The path of the program, for people: an unprintable byte is a question mark. */
void exec_image_name(pid_t pid, char *name, size_t size);

#endif
