/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Options and arguments of all commands. */
#ifndef MSEALCTL_OPTIONS_H
#define MSEALCTL_OPTIONS_H

#include <getopt.h>
#include <jansson.h>
#include <stdint.h>
#include <sys/types.h>

#include "ctl/base/command.h"

enum {
	CTL_END = -1,  /* no more options: optind is the first argument */
	CTL_STOP = -2, /* help was printed, or a complaint: return ctl->status */
	CTL_OPTION_HELP = 256,
	CTL_OPTION_JSON,
	CTL_OPTION_SOCKET,
	CTL_OPTION_VERSION,
	CTL_OPTION_OWN = 512, /* commands number their own options from here */
};

/* Ends every array of long options. */
#define CTL_GLOBAL_OPTIONS \
	{ "help", no_argument, NULL, CTL_OPTION_HELP }, { "json", no_argument, NULL, CTL_OPTION_JSON }, \
		{ "socket", required_argument, NULL, CTL_OPTION_SOCKET }, \
	{ \
	}

/* The next option that is not a global one, or CTL_END, or CTL_STOP. NULL: global options only. */
int options_next(struct ctl *ctl, int argc, char **argv, const struct option *options);
/* Says what getopt_long() stumbled over, which itself does so only on stderr. CTL_STOP. */
int options_refuse(struct ctl *ctl, int result, char **argv, const struct option *options);
/* For commands without options of their own: 0, or CTL_STOP. */
int options_none(struct ctl *ctl, int argc, char **argv);
/* COMMAND --help, to stdout. */
void options_print_help(const struct command *command);

/* These complain themselves: 0, or the exit status. */
int options_parse_pid(const struct ctl *ctl, const char *text, pid_t *ret_pid);
int options_parse_address(const struct ctl *ctl, const char *text, uint64_t *ret_address);
/* The value below count that has this name; -1: none. */
int options_find_word(const char *word, size_t length, const char *(*name)(int), int count);
/*
 * Adds the words of a list with commas to a bit mask, 1 << value. what: "verdict", for the complaint;
 * name: of each value below count.
 */
int options_add_words(struct ctl *ctl, unsigned *mask, const char *list, const char *what,
		      const char *(*name)(int), int count);

/*
 * [RANGE]..., from the rest of the command line, and the ranges of a file ("-": stdin) with
 * one a line and # comments, NULL: none. As the parameters of a request, which are the caller's.
 */
int options_parse_ranges(const struct ctl *ctl, int argc, char **argv, const char *file,
			 json_t **ret_parameters);

#endif
