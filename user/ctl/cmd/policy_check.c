// SPDX-License-Identifier: LGPL-2.1-or-later
/* msealctl policy check: faults and warnings, one per line. */
#include "ctl/base/client.h"
#include "ctl/base/error.h"
#include "ctl/base/options.h"
#include "ctl/base/reply.h"
#include "ctl/cmd/commands.h"
#include "ctl/view/policy_common.h"
#include "ctl/view/policy_lint.h"
#include "ctl/view/policy_text.h"
#include "lib/base/util.h"
#include "lib/policy/policy.h"

struct findings {
	struct diagnostics faults, warnings;
	size_t files;
};

static void findings_free(struct findings *findings)
{
	diagnostics_free(&findings->faults);
	diagnostics_free(&findings->warnings);
}

/* 0, -EINVAL (reported in faults) or -ENOMEM. */
static int read_stdin(const char *root, struct policy *ret, struct diagnostics *faults)
{
	_cleanup_free_ char *text = malloc(LOAD_FILE_MAX + 1);
	ssize_t size = text ? load_bytes(STDIN_FILENO, text, LOAD_FILE_MAX + 1) : -ENOMEM;

	if (size == -ENOMEM)
		return -ENOMEM;
	if (size < 0)
		return diagnostics_add(faults, "-", 0, "cannot be read: %s", strerror((int)-size)) ?: -EINVAL;
	return policy_parse_for(root, "-", text, (size_t)size, ret, faults);
}

/* 0 or -ENOMEM. */
static int check_file(const char *root, const char *path, struct findings *findings)
{
	_cleanup_(policy_free) struct policy policy = {};
	int r;

	findings->files++;
	r = strcmp(path, "-") == 0 ? read_stdin(root, &policy, &findings->faults) :
				     policy_read_file_for(root, path, &policy, &findings->faults);
	if (r < 0)
		return r == -ENOMEM ? r : 0;
	return policy_lint(root, &policy, false, &findings->warnings);
}

/*
 * Replaced or masked files are not read. A policy that is off gives no warnings: its program may not be
 * installed.
 */
static int check_folders(const struct ctl *ctl, struct findings *findings)
{
	_cleanup_(policy_files_free) struct policy_files files = {};
	int r;

	r = policy_files_read(ctl->root, policy_common_folders, &files, &findings->faults);
	for (size_t i = 0; i < files.count && r == 0; i++) {
		if (files.list[i].state == POLICY_FILE_ON)
			r = policy_lint(ctl->root, &files.list[i].policy,
					files.list[i].folder > 0 || files.list[i].link, &findings->warnings);
		findings->files += files.list[i].state != POLICY_FILE_REPLACED;
	}
	return r < 0 ? r : policy_lint_files(&files, &findings->warnings);
}

static int print_findings(const struct ctl *ctl, const struct findings *findings)
{
	_cleanup_json_ json_t *document = NULL;

	if (ctl->json) {
		document = json_pack("{s:I, s:o, s:o}", "files", (json_int_t)findings->files, "faults",
				     policy_text_diagnostics_to_json(&findings->faults), "warnings",
				     policy_text_diagnostics_to_json(&findings->warnings));
		return document ? client_print_json(document) : error_out_of_memory();
	}
	if (!policy_text_print_diagnostics(&findings->faults, "", stdout) ||
	    !policy_text_print_diagnostics(&findings->warnings, "warning: ", stdout))
		return error_out_of_memory();
	if (findings->faults.count == 0)
		(void)printf("%zu polic%s, no fault\n", findings->files, findings->files == 1 ? "y" : "ies");
	return CTL_OK;
}

int command_policy_check(struct ctl *ctl, int argc, char **argv)
{
	_cleanup_(findings_free) struct findings findings = {};
	int r = 0;

	if (policy_common_option(ctl, argc, argv, NULL) == CTL_STOP)
		return ctl->status;
	if (optind == argc)
		r = check_folders(ctl, &findings);
	for (; optind < argc && r == 0; optind++)
		r = check_file(ctl->root, argv[optind], &findings);
	if (r < 0)
		return error_out_of_memory();
	r = print_findings(ctl, &findings);
	return r ? r : findings.faults.count ? CTL_FAILURE : CTL_OK;
}
