/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Why a request was refused: an error of io.mseald, with a message of one line. */
#pragma once

#include "lib/base/util.h"

struct error {
	const char *name; /* without the interface, such as "NotMapped"; NULL: no error */
	pid_t pid;	  /* 0: no pid */
	uint64_t address;
	char message[512];
};

/* Sets the error; returns -EBADR, so that `return error_set(...)` works. */
int error_set(struct error *error, const char *name, pid_t pid, const char *format, ...) _printf_(4, 5);
/* The same; the message begins with the pid, and the format continues it: ": ..." or " is ...". */
#define error_about(error, name, pid, format, ...) \
	error_set(error, name, pid, "pid %d" format, pid, ##__VA_ARGS__)
/* The same for a negative errno of a call that should have succeeded. */
int error_set_errno(struct error *error, pid_t pid, int r, const char *what);
