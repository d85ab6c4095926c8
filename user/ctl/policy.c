// SPDX-License-Identifier: LGPL-2.1-or-later
/* msealctl policy: the table of its commands, and what they share. */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "policies.h"
#include "lib/policy/internal.h"

#define FAMILY "policy "
#define ROOT_HELP \
	"  --root=DIR                look below DIR instead of /, as in an image"

const char *const policy_folders[] = { POLICY_FOLDER_ETC, POLICY_FOLDER_VENDOR, NULL };

static const struct command commands[] = {
	{ FAMILY "list", policy_list, "",
	  "show which policy is about which running process, and why\n\n"
	  "The state is sealed, pending (something is not sealed yet), exempt (Segments=none)\n"
	  "or unsealed." },
	{ FAMILY "reload", policy_reload, "",
	  "have mseald read all policies again\n\n"
	  "A file with a fault leaves its last good version in force. What is sealed already\n"
	  "stays sealed. Status 1: there is a fault." },
	{ FAMILY "report", policy_report, "[--reset] [NAME]",
	  "show what was attempted, and what would be denied\n\n"
	  "Summed up per policy, program, operation and segment class. WITH DENY is what a\n"
	  "policy with Action=audit would come to on this kernel if it were deny. The last\n"
	  "line of a policy says what to do.\n"
	  "NAME may be -, for what was sealed by hand or by msealctl run.\n\n"
	  "Options:\n"
	  "  --reset                   empty the report" },
	{ FAMILY "check", policy_check, "[--root=DIR] [FILE...]",
	  "find faults in policies\n\n"
	  "Without FILE: in all folders of policies. FILE may be -, for standard input. A\n"
	  "line for each fault and warning. Works without the daemon. Status 1: there is a\n"
	  "fault.\n\n"
	  "Options:\n"
	  ROOT_HELP },
	{ FAMILY "show", policy_show, "[--root=DIR] NAME|FILE",
	  "show a policy: where it is read, and what it means\n\n"
	  "What has a / in it is a FILE.\n\n"
	  "Options:\n"
	  ROOT_HELP },
	{ FAMILY "list-files", policy_list_files, "[--root=DIR]",
	  "list all policy files, and whether each is on\n\n"
	  "Options:\n"
	  ROOT_HELP },
	{ FAMILY "enable", policy_enable, "[--root=DIR] NAME...",
	  "turn ready policies on\n\n"
	  "Makes a symbolic link in " POLICY_FOLDER_ETC ".\n\n"
	  "Options:\n"
	  ROOT_HELP },
	{ FAMILY "disable", policy_disable, "[--root=DIR] NAME...",
	  "turn ready policies off\n\n"
	  "Removes the link that enable made, or masks a policy that is on without. What is\n"
	  "sealed already stays sealed.\n\n"
	  "Options:\n"
	  ROOT_HELP },
};

static const struct command *find_command(const char *name)
{
	for (size_t i = 0; i < ELEMENTS(commands); i++)
		if (strcmp(commands[i].name + strlen(FAMILY), name) == 0)
			return &commands[i];
	return NULL;
}

void print_policy_commands(void)
{
	(void)puts("\nCommands:");
	for (size_t i = 0; i < ELEMENTS(commands); i++) {
		const char *description = commands[i].description;

		(void)printf("  %-18s %.*s\n", commands[i].name, (int)strcspn(description, "\n"), description);
	}
}

static int set_root(struct ctl *ctl, char *root)
{
	size_t length = strlen(root);
	struct stat st;

	while (length > 0 && root[length - 1] == '/')
		root[--length] = '\0';
	if (length > 0 && (stat(root, &st) < 0 || !S_ISDIR(st.st_mode)))
		return ctl_failure("--root=%s is no folder", root);
	ctl->root = root;
	return 0;
}

int policy_option(struct ctl *ctl, int argc, char **argv, const struct option *options)
{
	static const struct option own[] = { POLICY_OPTIONS };

	for (;;) {
		int option = ctl_option(ctl, argc, argv, options ? options : own);

		if (option != POLICY_OPTION_ROOT)
			return option;
		ctl->status = set_root(ctl, optarg);
		if (ctl->status)
			return CTL_STOP;
	}
}

/* Options between "policy" and its command. 0, or CTL_STOP. */
static int family_options(struct ctl *ctl, int argc, char **argv)
{
	static const struct option options[] = { POLICY_OPTIONS };
	int option;

	opterr = 0;
	while ((option = getopt_long(argc, argv, "+:h", options, NULL)) != -1) {
		switch (option) {
		case 'h':
		case CTL_OPTION_HELP:
			ctl_print_help(ctl->command);
			ctl->status = CTL_OK;
			return CTL_STOP;
		case CTL_OPTION_JSON:
			ctl->json = true;
			break;
		case CTL_OPTION_SOCKET:
			ctl->socket = optarg;
			break;
		case POLICY_OPTION_ROOT:
			ctl->status = set_root(ctl, optarg);
			if (ctl->status)
				return CTL_STOP;
			break;
		default:
			return ctl_refuse_option(ctl, option, argv, options);
		}
	}
	return 0;
}

int command_policy(struct ctl *ctl, int argc, char **argv)
{
	const struct command *command;

	ctl->root = "";
	if (family_options(ctl, argc, argv) == CTL_STOP)
		return ctl->status;
	if (optind == argc)
		return ctl_usage(ctl, "no command of policy given");
	command = find_command(argv[optind]);
	if (!command)
		return ctl_usage(ctl, "there is no command 'policy %s'", argv[optind]);
	ctl->command = command;
	argc -= optind;
	argv += optind;
	optind = 0;	/* getopt_long() starts afresh */
	return command->run(ctl, argc, argv);
}

/* --- what they share --- */

int policies_fetch(const struct ctl *ctl, struct policy_files *ret, struct policy_faults *faults)
{
	return policy_files_read(ctl->root, policy_folders, ret, faults) < 0 ? ctl_out_of_memory() : 0;
}

const struct policy_file *policies_find(const struct policy_files *files, const char *name)
{
	size_t length = strlen(name), suffix = strlen(POLICY_SUFFIX);

	if (length > suffix && strcmp(name + length - suffix, POLICY_SUFFIX) == 0)
		length -= suffix;
	for (size_t i = 0; i < files->count; i++)
		if (strlen(files->list[i].name) == length && memcmp(files->list[i].name, name, length) == 0)
			return &files->list[i];
	return NULL;
}

char *policies_real_path(const struct ctl *ctl, const char *path)
{
	_cleanup_free_ char *followed = NULL;
	char *real;

	if (!*ctl->root || policy_path_follow(ctl->root, path + strlen(ctl->root), &followed) < 0)
		return strdup(path);
	return asprintf(&real, "%s%s", ctl->root, followed) < 0 ? NULL : real;
}

int policies_complain_name(const struct policy_files *files, const char *name)
{
	_cleanup_free_ const char **names = calloc(files->count + 1, sizeof(*names));
	const char *nearest;

	if (!names)
		return ctl_out_of_memory();
	for (size_t i = 0; i < files->count; i++)
		names[i] = files->list[i].name;
	nearest = policy_nearest(name, names, files->count);
	if (nearest)
		return ctl_failure("there is no policy '%s'; did you mean %s?", name, nearest);
	return ctl_failure("there is no policy '%s' (see msealctl policy list-files)", name);
}

const char *policy_state_name(enum policy_file_state state)
{
	static const char *const names[] = {
		[POLICY_FILE_ON] = "on",
		[POLICY_FILE_OFF] = "off",
		[POLICY_FILE_FAULT] = "fault",
		[POLICY_FILE_MASK] = "masked",
		[POLICY_FILE_REPLACED] = "replaced",
	};

	return (size_t)state < ELEMENTS(names) ? names[state] : "unknown";
}
