/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What every command of msealctl shares: the table entry, global options, one
 * way to complain, and calls to the daemon.
 */
#ifndef MSEALCTL_CTL_H
#define MSEALCTL_CTL_H

#include <getopt.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "lib/base/range.h"
#include "lib/base/util.h"
#include "lib/varlink/varlink.h"

#define CTL_SOCKET "/run/mseald/io.mseald"
#define CTL_SOCKET_HELP \
	"  --socket=PATH             where mseald listens (default: MSEALD_SOCKET, else\n" \
	"                            " CTL_SOCKET ")\n"
#define CTL_PAGE_SIZE 4096ull

/* Exit statuses. */
enum {
	CTL_OK = 0,
	CTL_FAILURE = 1,	/* it could not be done; one line on stderr says why */
	CTL_USAGE = 2,		/* it was not asked for in a way that makes sense */
};

struct ctl;

struct command {
	const char *name;
	int (*run)(struct ctl *ctl, int argc, char **argv);	/* argv[0] is the name; returns an exit status */
	const char *synopsis;		/* what follows the name */
	const char *description;	/* first line: the summary; the rest: for COMMAND --help */
	void (*print_more)(void);	/* NULL, or what comes after that: commands of its own */
};

struct ctl {
	const struct command *command;	/* NULL before there is one */
	const char *socket;
	bool json;
	bool in_order;			/* options end at the first argument */
	const char *root;		/* of policy --root: "" is / */
	int status;			/* what to exit with after CTL_STOP */
};

int command_seal(struct ctl *ctl, int argc, char **argv);
int command_run(struct ctl *ctl, int argc, char **argv);
int command_unseal(struct ctl *ctl, int argc, char **argv);
int command_list(struct ctl *ctl, int argc, char **argv);
int command_map(struct ctl *ctl, int argc, char **argv);
int command_explain(struct ctl *ctl, int argc, char **argv);
int command_monitor(struct ctl *ctl, int argc, char **argv);
int command_status(struct ctl *ctl, int argc, char **argv);
int command_metrics(struct ctl *ctl, int argc, char **argv);
int command_check(struct ctl *ctl, int argc, char **argv);
int command_policy(struct ctl *ctl, int argc, char **argv);
void print_policy_commands(void);

/* --- complaints (complain.c) --- */

/* One line on stderr, "msealctl: ..."; control characters are escaped. Returns CTL_FAILURE. */
int ctl_failure(const char *format, ...) _printf_(1, 2);
/* The same with "; see msealctl COMMAND --help" after it. Returns CTL_USAGE. */
int ctl_usage(const struct ctl *ctl, const char *format, ...) _printf_(2, 3);
int ctl_out_of_memory(void);

/* --- options and arguments (arguments.c) --- */

enum {
	CTL_END = -1,		/* no more options: optind is the first argument */
	CTL_STOP = -2,		/* help was printed, or a complaint: return ctl->status */
	CTL_OPTION_HELP = 256,
	CTL_OPTION_JSON,
	CTL_OPTION_SOCKET,
	CTL_OPTION_VERSION,
	CTL_OPTION_OWN = 512,	/* commands number their own options from here */
};

/* Ends every array of long options. */
#define CTL_GLOBAL_OPTIONS \
	{ "help", no_argument, NULL, CTL_OPTION_HELP }, \
	{ "json", no_argument, NULL, CTL_OPTION_JSON }, \
	{ "socket", required_argument, NULL, CTL_OPTION_SOCKET }, \
	{ }

/* The next option that is not a global one, or CTL_END, or CTL_STOP. NULL: global options only. */
int ctl_option(struct ctl *ctl, int argc, char **argv, const struct option *options);
/* Says what getopt_long() stumbled over, which itself does so only on stderr. CTL_STOP. */
int ctl_refuse_option(struct ctl *ctl, int result, char **argv, const struct option *options);
/* For commands without options of their own: 0, or CTL_STOP. */
int ctl_no_options(struct ctl *ctl, int argc, char **argv);
/* COMMAND --help, to stdout. */
void ctl_print_help(const struct command *command);

/* These complain themselves: 0, or the exit status. */
int ctl_parse_pid(const struct ctl *ctl, const char *text, pid_t *ret_pid);
int ctl_parse_address(const struct ctl *ctl, const char *text, uint64_t *ret_address);

struct ranges {
	struct range *list;
	size_t count, allocated;
};

void ranges_free(struct ranges *ranges);	/* for _cleanup_ */
/* Adds the ranges of the command line, or of a file ("-": stdin) with one a line and # comments. */
int ctl_parse_ranges(const struct ctl *ctl, char **texts, int count, struct ranges *ranges);
int ctl_read_ranges(const char *path, struct ranges *ranges);
/* [{start, end}...]; NULL when out of memory. */
json_t *ranges_to_json(const struct ranges *ranges);

/* --- the daemon (client.c) --- */

static inline void cleanup_json(json_t **json)
{
	json_decref(*json);
}

static inline void cleanup_varlink_client(struct varlink_client **client)
{
	(void)varlink_client_free(*client);
}

#define _cleanup_json_ _cleanup_(cleanup_json)
#define _cleanup_client_ _cleanup_(cleanup_varlink_client)

/* All of these complain themselves and return 0, or the exit status. */
int ctl_connect(const struct ctl *ctl, struct varlink_client **ret);
/* Calls METHOD of io.mseald; parameters is taken over, NULL is out of memory. */
int ctl_call(const struct ctl *ctl, const char *method, json_t *parameters, json_t **ret_reply);
/* The same on a connection there is; parameters stays the caller's. */
int ctl_call_on(const struct ctl *ctl, struct varlink_client *client, const char *method, json_t *parameters,
		json_t **ret_reply);
/* What to say about an error reply, or about a negative errno r of the connection. */
int ctl_complain_reply(const char *error, const json_t *parameters);
int ctl_complain_connection(const struct ctl *ctl, int r);

/* One JSON document and a new line on stdout, flushed. */
int ctl_print_json(const json_t *document);

/* Members of replies; 0, false, "" and NULL when absent or of another type. */
uint64_t reply_integer(const json_t *object, const char *key);
bool reply_bool(const json_t *object, const char *key);
const char *reply_string(const json_t *object, const char *key);

#endif
