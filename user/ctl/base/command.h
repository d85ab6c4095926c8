/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Shared by all commands of msealctl: the entry in a table of commands, global options, exit statuses. */
#pragma once

#include <stdbool.h>

#define CTL_SOCKET "/run/mseald/io.mseald"
#define CTL_SOCKET_HELP \
	"  --socket=PATH             where mseald listens (default: MSEALD_SOCKET, else\n" \
	"                            " CTL_SOCKET ")\n"

/* Exit statuses: msealctl(1). Except for CTL_OK and CTL_BROKEN_PIPE, a line on stderr gives the reason. */
enum {
	CTL_OK = 0,
	CTL_FAILURE = 1, /* the action failed; or the command found something missing */
	CTL_USAGE = 2,	 /* invalid options or arguments */
	CTL_REFUSED = 3, /* refused by mseald; nothing has changed */
	CTL_NOT_RUNNING = 4,
	CTL_PARTLY = 5,		    /* done for some of the processes only */
	CTL_BROKEN_PIPE = 128 + 13, /* as if killed by SIGPIPE: the reader has closed the pipe */
};

struct ctl;

struct command {
	const char *name;
	/* argv[0] is the command's name; returns an exit status */
	int (*run)(struct ctl *ctl, int argc, char **argv);
	const char *synopsis;	  /* text after the name */
	const char *description;  /* first line: the summary; all of it: for COMMAND --help */
	void (*print_more)(void); /* prints more, such as its own commands; or NULL */
};

struct ctl {
	const struct command *command; /* NULL before it is known */
	const char *socket;
	bool json;
	bool in_order;	  /* options end at the first argument */
	const char *root; /* of policy --root: "" means / */
	int status;	  /* exit status after CTL_STOP */
};
