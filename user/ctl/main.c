// SPDX-License-Identifier: LGPL-2.1-or-later
/* msealctl: the table of commands, and the choice of a command. */
#include <locale.h>

#include "ctl/base/client.h"
#include "ctl/base/error.h"
#include "ctl/base/options.h"
#include "ctl/base/reply.h"
#include "ctl/base/seal_options.h"
#include "ctl/base/targets.h"
#include "ctl/cmd/commands.h"
#include "lib/base/util.h"

#ifndef MSEALD_VERSION
#define MSEALD_VERSION "unknown"
#endif

static int command_help(struct ctl *ctl, int argc, char **argv);
static int command_version(struct ctl *ctl, int argc, char **argv);

#define RANGES_HELP \
	"RANGE is 0xSTART-0xEND or 0xSTART+LENGTH, in whole pages; LENGTH may end in K,\n" \
	"M or G.\n"
#define RANGES_FROM_HELP \
	"  --ranges-from=FILE        read more ranges from FILE (-: standard input), one\n" \
	"                            on each line; # starts a comment"

static const struct command commands[] = {
	{ "seal", command_seal, "[SEAL OPTIONS] [--dry-run] PID... [RANGE...]",
	  "seal memory of processes\n"
	  "\n"
	  "Without ranges and --segments: seals all segments of the program and its\n"
	  "libraries. All processes are sealed, or none: each is tried first, and an error\n"
	  "ends the command before any is sealed. Ranges apply to one process.\n" RANGES_HELP "\n"
	  "SEAL OPTIONS:\n" SEAL_OPTIONS_HELP "\n"
	  "Other options:\n" TARGETS_HELP
	  "  --dry-run                 seal nothing; show the ranges that would be "
	  "sealed\n" RANGES_FROM_HELP },
	{ "run", command_run, "[SEAL OPTIONS] [--] PROGRAM [ARGUMENT...]",
	  "run a program that is sealed before it begins\n"
	  "\n"
	  "PROGRAM replaces msealctl: it has its PID, its terminal, and an exit status of\n"
	  "its own. It does not run unless it is sealed. All users may run their own\n"
	  "programs this way.\n"
	  "\n"
	  "SEAL OPTIONS:\n" SEAL_OPTIONS_HELP "\n"
	  "Status: the status of PROGRAM; 1: it could not be sealed; 126: it cannot be run;\n"
	  "127: it was not found." },
	{ "unseal", command_unseal, "[--dry-run] PID... [RANGE...]",
	  "remove revocable seals\n"
	  "\n"
	  "Without ranges: removes all revocable seals. Only root may remove seals, and\n"
	  "only those made with --revocable.\n" RANGES_HELP "\n"
	  "Options:\n" TARGETS_HELP
	  "  --dry-run                 change nothing; show the seals that would be "
	  "removed\n" RANGES_FROM_HELP },
	{ "list", command_list, "[--summary] [PID...]",
	  "list every seal, or those of some processes\n"
	  "\n"
	  "Users see their own processes, root all. On a narrow terminal DENIES has\n"
	  "letters (m mprotect, u unmap, d discard, f foreign-write, w file-write), and\n"
	  "SIZE and GATE may be left out.\n"
	  "\n"
	  "Options:\n"
	  "  --summary                 a line for each sealed address space instead: how\n"
	  "                            much of all and of executable memory is sealed; the\n"
	  "                            total\n" TARGETS_HELP },
	{ "coverage", command_coverage, "[--require=PERCENT] [--state=LIST] [--svg] [PID...]",
	  "show how much of every process is sealed, and why the rest is not\n"
	  "\n"
	  "% is the sealed share of executable memory mapped from files. For root.\n"
	  "\n"
	  "Options:\n"
	  "  --require=PERCENT         status 1 if less than this share of all is sealed\n"
	  "  --state=LIST              show only these: sealed, partly, weaker, unsealed\n"
	  "  --svg                     print a picture, an SVG file for a browser\n" TARGETS_HELP
	  "\nStatus 1, too: a policy should have sealed a process by now, and has not." },
	{ "map", command_map, "[--svg] PID",
	  "draw the address space of a process and its seals\n\n"
	  "A row for each mapping; its bar is filled where it is sealed.\n\n"
	  "Options:\n"
	  "  --svg                     print a picture, an SVG file for a browser" },
	{ "explain", command_explain, "PID ADDRESS",
	  "show the result of each operation on an address, and the reason\n"
	  "\n"
	  "ADDRESS is hexadecimal, as 0x7f12a000." },
	{ "monitor", command_monitor, "[--operation=LIST] [--verdict=LIST] [PID...]",
	  "show attempts on sealed memory as they happen, until interrupted\n"
	  "\n"
	  "With --json: one object on each line.\n"
	  "\n"
	  "Options:\n"
	  "  --operation=LIST          only these operations: mprotect, mmap, munmap, ...\n"
	  "  --verdict=LIST            only these verdicts: denied, killed, audited\n" TARGETS_HELP },
	{ "status", command_status, "", "show the operations that mseald denies on this kernel" },
	{ "metrics", command_metrics, "[--textfile=FILE]",
	  "print all counters as OpenMetrics text, for Prometheus\n"
	  "\n"
	  "Options:\n"
	  "  --textfile=FILE           write FILE instead, for the textfile collector of\n"
	  "                            node_exporter; FILE is replaced as a whole. It has\n"
	  "                            mseald_up 0 while mseald does not run" },
	{ "check", command_check, "",
	  "show the requirements that this machine lacks, and how to meet them\n"
	  "\n"
	  "Works without the daemon. Status 0: mseald can run here; 1: it cannot." },
	{ "policy", command_policy, "[--root=DIR] COMMAND [ARGUMENT...]",
	  "work with policies: which programs are sealed at their start, how\n"
	  "\n"
	  "mseald.policy(5) describes the files.",
	  command_policy_print },
	{ "version", command_version, "", "print the version of msealctl" },
	{ "help", command_help, "[COMMAND]", "print this, or the help of a command" },
};

static const struct command *find_command(const char *name)
{
	for (size_t i = 0; i < ELEMENTS(commands); i++)
		if (strcmp(commands[i].name, name) == 0)
			return &commands[i];
	return NULL;
}

static void print_overview(void)
{
	(void)puts("Usage: msealctl [--json] [--socket=PATH] COMMAND [ARGUMENT...]\n\n"
		   "Seals memory of running processes: sealed memory cannot be unmapped, replaced or\n"
		   "given other permissions.\n\n"
		   "Commands:");
	for (size_t i = 0; i < ELEMENTS(commands); i++) {
		const char *description = commands[i].description;

		(void)printf("  %-10s %.*s\n", commands[i].name, (int)strcspn(description, "\n"),
			     description);
	}
	(void)puts("\nOptions, before or after the command:\n"
		   "  --json                    print JSON\n" CTL_SOCKET_HELP
		   "  --help                    print this, or the help of the command\n"
		   "\nOption, before the command only:\n"
		   "  --version                 print the version of msealctl");
}

static int command_help(struct ctl *ctl, int argc, char **argv)
{
	const struct command *command;

	if (options_none(ctl, argc, argv) == CTL_STOP)
		return ctl->status;
	if (optind == argc) {
		print_overview();
		return CTL_OK;
	}
	command = find_command(argv[optind]);
	if (!command || optind + 1 < argc) {
		ctl->command = NULL;
		return command ? error_usage(ctl, "help takes one command") :
				 error_usage(ctl, "there is no command '%s'", argv[optind]);
	}
	options_print_help(command);
	return CTL_OK;
}

static int print_version(const struct ctl *ctl)
{
	_cleanup_json_ json_t *document = NULL;

	if (!ctl->json) {
		(void)puts("msealctl " MSEALD_VERSION);
		return CTL_OK;
	}
	document = json_pack("{s:s}", "version", MSEALD_VERSION);
	return document ? client_print_json(document) : error_out_of_memory();
}

static int command_version(struct ctl *ctl, int argc, char **argv)
{
	if (options_none(ctl, argc, argv) == CTL_STOP)
		return ctl->status;
	if (optind < argc)
		return error_usage(ctl, "unexpected argument '%s'", argv[optind]);
	return print_version(ctl);
}

/*
 * Parses options before the command. 0: argv[optind] is the command; otherwise *ret_status is the exit
 * status.
 */
static int global_options(struct ctl *ctl, int argc, char **argv, int *ret_status)
{
	static const struct option options[] = {
		{ "version", no_argument, NULL, CTL_OPTION_VERSION },
		CTL_GLOBAL_OPTIONS,
	};
	bool version = false;
	int option;

	opterr = 0;
	while ((option = getopt_long(argc, argv, "+:h", options, NULL)) != -1) {
		switch (option) {
		case 'h':
		case CTL_OPTION_HELP:
			print_overview();
			*ret_status = CTL_OK;
			return 1;
		case CTL_OPTION_VERSION: version = true; break;
		case CTL_OPTION_JSON: ctl->json = true; break;
		case CTL_OPTION_SOCKET: ctl->socket = optarg; break;
		default:
			(void)options_refuse(ctl, option, argv, options);
			*ret_status = ctl->status;
			return 1;
		}
	}
	if (version) {
		*ret_status = print_version(ctl);
		return 1;
	}
	return 0;
}

static int run(int argc, char **argv)
{
	const char *socket = getenv("MSEALD_SOCKET");
	struct ctl ctl = { .socket = socket && *socket ? socket : CTL_SOCKET };
	int status;

	if (global_options(&ctl, argc, argv, &status))
		return status;
	if (optind == argc) {
		print_overview();
		return CTL_OK;
	}
	ctl.command = find_command(argv[optind]);
	if (!ctl.command)
		return error_usage(&ctl, "there is no command '%s'", argv[optind]);
	argc -= optind;
	argv += optind;
	optind = 0; /* restarts getopt_long() */
	return ctl.command->run(&ctl, argc, argv);
}

int main(int argc, char **argv)
{
	int status;

	(void)setlocale(LC_CTYPE, "");
	status = run(argc, argv);
	/* Output that could not be written must not look like success. */
	if (fflush(stdout) != 0 || ferror(stdout))
		return status == CTL_OK ? error_printing() : status;
	return status;
}
