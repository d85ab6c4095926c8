// SPDX-License-Identifier: LGPL-2.1-or-later
/* msealctl policy: the table of its commands. */
#include "ctl/base/error.h"
#include "ctl/base/options.h"
#include "ctl/cmd/commands.h"
#include "ctl/view/policy_common.h"
#include "lib/base/util.h"

#define FAMILY "policy "
#define ROOT_HELP "  --root=DIR                look below DIR instead of /, as in an image"

static const struct command commands[] = {
	{ FAMILY "list", command_policy_list, "",
	  "show which policy applies to each process, and why\n"
	  "\n"
	  "The state is sealed, pending (not fully sealed yet), exempt (Segments=none),\n"
	  "weaker (the seals deny less than the policy says) or unsealed." },
	{ FAMILY "reload", command_policy_reload, "",
	  "have mseald read all policies again\n\n"
	  "A file with a fault leaves its last good version active. Sealed memory stays\n"
	  "sealed. Status 1: there is a fault." },
	{ FAMILY "report", command_policy_report, "[--reset | NAME]",
	  "show attempts, and the calls that would be denied\n"
	  "\n"
	  "Sums up attempts per policy, program, operation and segment. WITH DENY is the\n"
	  "result on this kernel if a policy with Action=audit had Action=deny. The last\n"
	  "line of a policy gives the next step.\n"
	  "NAME - stands for memory sealed by hand or by msealctl run.\n"
	  "\n"
	  "Options:\n"
	  "  --reset                   empty the report" },
	{ FAMILY "check", command_policy_check, "[--root=DIR] [FILE...]",
	  "find faults in policies\n"
	  "\n"
	  "Without FILE: checks all folders of policies. FILE - is standard input. Prints a\n"
	  "line for each fault and warning. Works without the daemon. Status 1: there is a\n"
	  "fault.\n"
	  "\n"
	  "Options:\n" ROOT_HELP },
	{ FAMILY "show", command_policy_show, "[--root=DIR] NAME|FILE",
	  "show a policy: its files, and its effect\n"
	  "\n"
	  "An argument with a / is a FILE.\n"
	  "\n"
	  "Options:\n" ROOT_HELP },
	{ FAMILY "list-files", command_policy_list_files, "[--root=DIR]",
	  "list all policy files, and whether each is on\n\n"
	  "Options:\n" ROOT_HELP },
	{ FAMILY "enable", command_policy_enable, "[--action=ACTION] [--root=DIR] NAME...",
	  "turn ready policies on\n"
	  "\n"
	  "Makes a symbolic link in " POLICY_FOLDER_ETC ". Prints how many\n"
	  "processes each policy covers, and those that are not sealed.\n"
	  "The policy system applies to all programs without another policy; it starts with\n"
	  "Action=audit.\n"
	  "\n"
	  "Options:\n"
	  "  --action=ACTION           deny or audit, for ready policies with both forms,\n"
	  "                            such as system\n" ROOT_HELP },
	{ FAMILY "disable", command_policy_disable, "[--root=DIR] NAME...",
	  "turn ready policies off\n"
	  "\n"
	  "Removes the link that enable made, or masks a policy that is on without a link.\n"
	  "Sealed memory stays sealed.\n"
	  "\n"
	  "Options:\n" ROOT_HELP },
};

static const struct command *find_command(const char *name)
{
	for (size_t i = 0; i < ELEMENTS(commands); i++)
		if (strcmp(commands[i].name + strlen(FAMILY), name) == 0)
			return &commands[i];
	return NULL;
}

void command_policy_print(void)
{
	(void)puts("\nCommands:");
	for (size_t i = 0; i < ELEMENTS(commands); i++) {
		const char *description = commands[i].description;

		(void)printf("  %-18s %.*s\n", commands[i].name, (int)strcspn(description, "\n"),
			     description);
	}
}

int command_policy(struct ctl *ctl, int argc, char **argv)
{
	const struct command *command;

	ctl->root = "";
	ctl->in_order = true;
	if (policy_common_option(ctl, argc, argv, NULL) == CTL_STOP)
		return ctl->status;
	ctl->in_order = false;
	if (optind == argc) {
		options_print_help(ctl->command);
		return CTL_OK;
	}
	command = find_command(argv[optind]);
	if (!command)
		return error_usage(ctl, "there is no command 'policy %s'", argv[optind]);
	ctl->command = command;
	argc -= optind;
	argv += optind;
	optind = 0; /* restarts getopt_long() */
	return command->run(ctl, argc, argv);
}
