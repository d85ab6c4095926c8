// SPDX-License-Identifier: LGPL-2.1-or-later
/* msealctl policy show and list-files: the files of policies, and their meaning. */
#include "ctl/base/client.h"
#include "ctl/base/error.h"
#include "ctl/base/options.h"
#include "ctl/base/reply.h"
#include "ctl/base/terminal.h"
#include "ctl/base/text.h"
#include "ctl/cmd/commands.h"
#include "ctl/view/policy_common.h"
#include "ctl/view/policy_text.h"
#include "ctl/view/table.h"
#include "lib/base/util.h"
#include "lib/policy/policy.h"

/* --- show --- */

struct shown {
	struct policy_files files;	 /* all of this name, if a name was given */
	const struct policy_file *first; /* NULL: a FILE was given */
	struct policy read;		 /* the contents of FILE */
	const struct policy *policy;	 /* in its active form, also if it is off; NULL: faults, or masked */
	struct diagnostics faults;
};

static void shown_free(struct shown *shown)
{
	policy_files_free(&shown->files);
	policy_free(&shown->read);
	diagnostics_free(&shown->faults);
}

/* 0, or the exit status after a complaint. */
static int look(const struct ctl *ctl, const char *what, struct shown *shown)
{
	_cleanup_(diagnostics_free) struct diagnostics all = {};
	int r;

	if (strchr(what, '/')) {
		r = policy_read_file_for(ctl->root, what, &shown->read, &shown->faults);
		shown->policy = r == 0 ? &shown->read : NULL;
		return r == -ENOMEM ? error_out_of_memory() : 0;
	}
	r = policy_common_read(ctl, &shown->files, &all);
	if (r)
		return r;
	shown->first = policy_common_find(&shown->files, what);
	if (!shown->first)
		return policy_common_complain_name(&shown->files, what);
	if (shown->first->state == POLICY_FILE_ON || shown->first->state == POLICY_FILE_OFF)
		shown->policy = &shown->first->policy;
	/* Keep only the faults of this file. */
	for (size_t i = 0; i < all.count; i++)
		if (strcmp(all.list[i].path, shown->first->path) == 0 &&
		    diagnostics_add(&shown->faults, all.list[i].path, all.list[i].line, "%s",
				    all.list[i].message) < 0)
			return error_out_of_memory();
	return 0;
}

/* Has the file the name of the shown policy? */
static bool is_of(const struct shown *shown, size_t i)
{
	return shown->first && strcmp(shown->files.list[i].name, shown->first->name) == 0;
}

static bool print_contents(const char *path, const char *shown, bool utf8)
{
	_cleanup_free_ char *text = NULL, *copy = NULL, *name = text_escape(shown, utf8);
	size_t size = 0;

	if (!name)
		return false;
	(void)printf("# %s\n", name);
	if (load_file(path, shown, false, &text, &size, NULL) < 0)
		return true; /* a fault is shown below */
	copy = strndup(text, size);
	if (!copy)
		return false;
	for (char *line = copy, *next; *line; line = next) {
		_cleanup_free_ char *escaped = NULL;

		next = strchrnul(line, '\n');
		next = *next ? (*next = '\0', next + 1) : next;
		line[strcspn(line, "\r")] = '\0';
		for (char *tab = line; (tab = strchr(tab, '\t'));)
			*tab = ' ';
		escaped = text_escape(line, utf8);
		if (!escaped)
			return false;
		(void)puts(escaped);
	}
	return true;
}

static bool print_state(const struct policy_file *file, bool utf8)
{
	_cleanup_free_ char *name = text_escape(file->name, utf8), *path = text_escape(file->path, utf8);
	_cleanup_free_ char *link = file->link ? text_escape(file->link, utf8) : NULL;

	if (!name || !path || (file->link && !link))
		return false;
	(void)printf("%s: %s, %s%s%s\n", name, policy_common_state_name(file->state), path,
		     link ? " -> " : "", link ? link : "");
	return true;
}

static bool print_shown(const struct ctl *ctl, const struct shown *shown, const char *file)
{
	_cleanup_free_ char *real = shown->first ? policy_common_real_path(ctl, shown->first->path) : NULL;
	bool utf8 = terminal_detect().utf8, good = !shown->first || real;

	if (!shown->first)
		good = print_contents(file, file, utf8);
	for (size_t i = 0; i < shown->files.count; i++)
		if (is_of(shown, i))
			good &= print_state(&shown->files.list[i], utf8);
	(void)fputs(shown->first ? "\n" : "", stdout);
	if (real && shown->first->state != POLICY_FILE_MASK)
		good &= print_contents(real, shown->first->path, utf8);
	if (shown->policy) {
		(void)puts("\n# The active policy:");
		good &= policy_text_print(shown->policy, utf8);
	}
	return good;
}

static json_t *files_json(const struct shown *shown)
{
	json_t *list = json_array();

	for (size_t i = 0; i < shown->files.count; i++) {
		const struct policy_file *file = &shown->files.list[i];

		if (is_of(shown, i))
			(void)json_array_append_new(
				list, json_pack("{s:o, s:o, s:s}", "path", text_json(file->path), "link",
						file->link ? text_json(file->link) : json_null(), "state",
						policy_common_state_name(file->state)));
	}
	return list;
}

int command_policy_show(struct ctl *ctl, int argc, char **argv)
{
	_cleanup_(shown_free) struct shown shown = {};
	_cleanup_json_ json_t *document = NULL;
	int r;

	if (policy_common_option(ctl, argc, argv, NULL) == CTL_STOP)
		return ctl->status;
	if (optind + 1 != argc)
		return optind == argc ? error_usage(ctl, "no NAME or FILE given") :
					error_usage(ctl, "unexpected argument '%s' after NAME or FILE",
						    argv[optind + 1]);
	r = look(ctl, argv[optind], &shown);
	if (r)
		return r;
	if (ctl->json) {
		document = json_pack("{s:o, s:o, s:o}", "files", files_json(&shown), "policy",
				     shown.policy ? policy_text_to_json(shown.policy) : json_null(), "faults",
				     policy_text_diagnostics_to_json(&shown.faults));
		r = document ? client_print_json(document) : error_out_of_memory();
	} else {
		if (!print_shown(ctl, &shown, argv[optind]))
			return error_out_of_memory();
		(void)fflush(stdout);
		if (!policy_text_print_diagnostics(&shown.faults, "", stderr))
			return error_out_of_memory();
	}
	return r ? r : shown.faults.count ? CTL_FAILURE : CTL_OK;
}

/* --- list-files --- */

static const struct column columns[] = {
	{ .title = "NAME" },
	{ .title = "STATE" },
	{ .title = "DESCRIPTION", .wrap = true, .share = 30 },
	{ .title = "FILE", .shorten = true, .share = 40 },
};

static const enum colour state_colours[] = {
	[POLICY_FILE_ON] = COLOUR_GREEN,
	[POLICY_FILE_FAULT] = COLOUR_RED,
	[POLICY_FILE_MASK] = COLOUR_YELLOW,
	[POLICY_FILE_REPLACED] = COLOUR_DIM,
};

static int print_table(const struct policy_files *files)
{
	struct terminal terminal = terminal_detect();
	_cleanup_(table_free) struct table table = table_new(columns, ELEMENTS(columns), &terminal);

	for (size_t i = 0; i < files->count; i++) {
		const struct policy_file *file = &files->list[i];

		if (file->state == POLICY_FILE_REPLACED)
			continue;
		table_add(&table, COLOUR_BOLD, "%s", file->name);
		table_add(&table, state_colours[file->state], "%s", policy_common_state_name(file->state));
		table_add(&table, COLOUR_NONE, "%s",
			  file->policy.description ? file->policy.description : "-");
		table_add(&table, COLOUR_NONE, "%s", file->path);
	}
	if (table.cells == 0 && !table.failed) {
		(void)printf("There are no policies in %s and %s.\n", policy_common_folders[0],
			     policy_common_folders[1]);
		return CTL_OK;
	}
	return table_print(&table, stdout) < 0 ? error_out_of_memory() : CTL_OK;
}

static int print_json(const struct policy_files *files, const struct diagnostics *faults)
{
	_cleanup_json_ json_t *document = NULL, *list = json_array(), *folders = json_array();

	for (size_t i = 0; policy_common_folders[i]; i++)
		(void)json_array_append_new(folders, json_string(policy_common_folders[i]));
	for (size_t i = 0; i < files->count; i++) {
		const struct policy_file *file = &files->list[i];
		const char *description = file->policy.description;

		(void)json_array_append_new(
			list, json_pack("{s:o, s:s, s:o, s:o, s:o}", "name", text_json(file->name), "state",
					policy_common_state_name(file->state), "path", text_json(file->path),
					"link", file->link ? text_json(file->link) : json_null(),
					"description", description ? text_json(description) : json_null()));
	}
	document = json_pack("{s:O, s:O, s:o}", "folders", folders, "files", list, "faults",
			     policy_text_diagnostics_to_json(faults));
	return document ? client_print_json(document) : error_out_of_memory();
}

int command_policy_list_files(struct ctl *ctl, int argc, char **argv)
{
	_cleanup_(policy_files_free) struct policy_files files = {};
	_cleanup_(diagnostics_free) struct diagnostics faults = {};
	int r;

	if (policy_common_option(ctl, argc, argv, NULL) == CTL_STOP)
		return ctl->status;
	if (optind < argc)
		return error_usage(ctl, "unexpected argument '%s'", argv[optind]);
	r = policy_common_read(ctl, &files, &faults);
	if (r)
		return r;
	if (ctl->json)
		return print_json(&files, &faults);
	r = print_table(&files);
	(void)fflush(stdout);
	if (!policy_text_print_diagnostics(&faults, "", stderr))
		return error_out_of_memory();
	return r;
}
