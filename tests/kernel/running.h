/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tests of `msealctl run`: starts a program plainly and by `msealctl run`, and compares the results. */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#define RUNME "/tests/runme"
#define FIFO "/tmp/runpre.fifo"

struct run {
	const char *options[8]; /* of msealctl run; unused when plain */
	const char *argv[8];	/* the program */
	/* action of /tests/librunpre.so before the entry point; NULL: not loaded */
	const char *preload;
	/* text on its stdin; NULL: an empty open pipe, which is running.in */
	const char *input;
	void (*set_up)(void); /* in the child, before exec */
};

struct running {
	pid_t pid;
	int in, out, err; /* pipes */
};

struct ran {
	int status;		    /* of waitpid() */
	unsigned stops;		    /* stops that wait(2) reported to the parent */
	char out[16384], err[4096]; /* without the last new line */
};

/*
 * Sets further options of AddressSanitizer, after its own, for the program to run, if mseald and msealctl are
 * built with it.
 */
void sanitizer_options(const char *more);
/* Starts it, plainly or by msealctl run. */
struct running run_start(const struct run *run, bool sealed);
/* Waits for its end and closes its pipes. Bails out if it does not end within a minute. */
struct ran run_end(struct running *running);
struct ran run_whole(const struct run *run, bool sealed);

/* Reads from fd up to a new line; bails out if there is none within a minute. */
void read_line(int fd, char *line, size_t size);
pid_t tracer_of(pid_t pid);		  /* 0: none */
bool gone_within(pid_t pid, int seconds); /* the process is gone */
bool traced_within(pid_t pid, bool traced, int seconds);

/* Lets a "hang" continue. */
void hang_on(void);

#define EXITED(status, code) (WIFEXITED(status) && WEXITSTATUS(status) == (code))
