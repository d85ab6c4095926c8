/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Why a request was refused: an error of io.mseald and a line for people. */
#ifndef MSEALD_FAILURE_H
#define MSEALD_FAILURE_H

#include <stdint.h>
#include <sys/types.h>

#include "lib/base/util.h"

struct failure {
	const char *error;	/* without the interface: "NotMapped"; NULL: none */
	pid_t pid;		/* 0: none to name */
	uint64_t address;
	char message[512];
};

/* Fills in a refusal; returns -EBADR, so that `return fail(...)` reads well. */
int fail(struct failure *failure, const char *error, pid_t pid, const char *format, ...) _printf_(4, 5);
/* The same from a negative errno of something that should have worked. */
int fail_errno(struct failure *failure, pid_t pid, int error, const char *what);

#endif
