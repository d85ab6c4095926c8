/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The program that a process has just been given by exec: its entry point, and the steps until it is
 * complete.
 */
#pragma once

#include "lib/base/util.h"

struct exec_image {
	uint64_t entry; /* of the program, not of its dynamic loader */
	bool loader;	/* a dynamic loader runs first */
	bool secure;	/* it has privileges that its caller lacks (AT_SECURE) */
	/* range that it makes read-only itself; empty: none. Only without a loader */
	uint64_t relro_start, relro_end;
};

/* Reads /proc/PID. bits_32: it runs 32-bit code. Negative errno. */
int exec_image_read(pid_t pid, bool bits_32, struct exec_image *ret);

/* The path of the program, for messages: an unprintable byte becomes a question mark. */
void exec_image_name(pid_t pid, char *name, size_t size);
