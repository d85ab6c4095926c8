/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Options and arguments of all commands. */
#pragma once

#include <getopt.h>
#include <jansson.h>
#include <stdint.h>
#include <sys/types.h>

#include "ctl/base/command.h"

enum {
	CTL_END = -1,  /* no more options: optind is the first argument */
	CTL_STOP = -2, /* help or a complaint was printed: return ctl->status */
	CTL_OPTION_HELP = 256,
	CTL_OPTION_JSON,
	CTL_OPTION_SOCKET,
	CTL_OPTION_VERSION,
	CTL_OPTION_OWN = 512, /* first number for a command's own options */
};

/* Ends every array of long options. */
#define CTL_GLOBAL_OPTIONS \
	{ "help", no_argument, NULL, CTL_OPTION_HELP }, { "json", no_argument, NULL, CTL_OPTION_JSON }, \
		{ "socket", required_argument, NULL, CTL_OPTION_SOCKET }, \
	{ \
	}

/* The next option that is not global, or CTL_END, or CTL_STOP. NULL: global options only. */
int options_next(struct ctl *ctl, int argc, char **argv, const struct option *options);
/* Prints a message for getopt_long()'s error. CTL_STOP. */
int options_refuse(struct ctl *ctl, int result, char **argv, const struct option *options);
/* For commands without options of their own: 0, or CTL_STOP. */
int options_none(struct ctl *ctl, int argc, char **argv);
/* Prints COMMAND --help on stdout. */
void options_print_help(const struct command *command);

/* These print their own complaint. 0, or the exit status. */
int options_parse_pid(const struct ctl *ctl, const char *text, pid_t *ret_pid);
int options_parse_address(const struct ctl *ctl, const char *text, uint64_t *ret_address);
/* The value below count with this name; -1: none. */
int options_find_word(const char *word, size_t length, const char *(*name)(int), int count);
/*
 * Adds the words of a list with commas to a bit mask, 1 << value. what: "verdict", for the complaint; name:
 * gives the name of each value below count.
 */
int options_add_words(struct ctl *ctl, unsigned *mask, const char *list, const char *what,
		      const char *(*name)(int), int count);

/*
 * Reads [RANGE]... from the rest of the command line, and the ranges of a file: one a line, # comments; "-":
 * stdin; NULL: no file. Adds them as parameters of a request; the caller frees.
 */
int options_parse_ranges(const struct ctl *ctl, int argc, char **argv, const char *file,
			 json_t **ret_parameters);
