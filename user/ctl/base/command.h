/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What every command of msealctl shares: the entry in a table of commands, global options, exit statuses. */
#ifndef MSEALCTL_COMMAND_H
#define MSEALCTL_COMMAND_H

#include <stdbool.h>

#define CTL_SOCKET "/run/mseald/io.mseald"
#define CTL_SOCKET_HELP \
	"  --socket=PATH             where mseald listens (default: MSEALD_SOCKET, else\n" \
	"                            " CTL_SOCKET ")\n"

/* Exit statuses: msealctl(1). But for CTL_OK and CTL_BROKEN_PIPE a line on stderr says why. */
enum {
	CTL_OK = 0,
	CTL_FAILURE = 1, /* it could not be done; or what a command looks for is missing */
	CTL_USAGE = 2,	 /* it was not asked for in a way that makes sense */
	CTL_REFUSED = 3, /* by mseald, which has changed nothing */
	CTL_NOT_RUNNING = 4,
	CTL_PARTLY = 5,		    /* it was done for some of the processes */
	CTL_BROKEN_PIPE = 128 + 13, /* as if SIGPIPE had ended it: the reader has seen enough */
};

struct ctl;

struct command {
	const char *name;
	/* argv[0] is the name; returns an exit status */
	int (*run)(struct ctl *ctl, int argc, char **argv);
	const char *synopsis;	  /* what follows the name */
	const char *description;  /* first line: the summary; the rest: for COMMAND --help */
	void (*print_more)(void); /* NULL, or what comes after that: commands of its own */
};

struct ctl {
	const struct command *command; /* NULL before there is one */
	const char *socket;
	bool json;
	bool in_order;	  /* options end at the first argument */
	const char *root; /* of policy --root: "" is / */
	int status;	  /* what to exit with after CTL_STOP */
};

#endif
