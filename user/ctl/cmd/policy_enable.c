// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * msealctl policy enable and disable: makes and removes links in the administrator's folder, to a ready
 * policy or to /dev/null. Nothing else is ever removed there. A ready policy may also exist with another
 * Action=, in a folder of that name beside it. The link points to the ready policy, so that an upgrade
 * changes its contents.
 */
#include <sys/stat.h>

#include "ctl/base/client.h"
#include "ctl/base/error.h"
#include "ctl/base/options.h"
#include "ctl/base/reply.h"
#include "ctl/cmd/commands.h"
#include "ctl/view/policy_common.h"
#include "ctl/view/policy_cover.h"
#include "ctl/view/policy_text.h"
#include "lib/base/names.h"
#include "lib/base/util.h"
#include "lib/policy/path.h"
#include "lib/policy/policy.h"

/* Waiting for running processes to be sealed. */
#define WAITS 10
#define WAIT_US 300000u

/* The entry of this name in the administrator's folder. */
enum link_state {
	LINK_EMPTY,
	LINK_LINKED, /* a link to the ready policy, which may be missing */
	LINK_MASKED, /* a link to /dev/null */
	LINK_OTHER,  /* anything else: a file of the administrator */
};

struct switching {
	const struct ctl *ctl;
	const char *name;
	const char *action;		 /* --action=; NULL: as in the ready policy */
	char *link;			 /* path in the administrator's folder, with the root */
	char *target;			 /* path of the ready policy, without the root */
	char *linked;			 /* the same, for the existing link; NULL: none */
	enum mseald_action has;		 /* Action= of the target */
	const struct policy_file *own;	 /* in the administrator's folder; NULL: none */
	const struct policy_file *ready; /* in the vendor's; NULL: none */
	enum link_state state;
	bool by_default;	   /* the ready policy is on without a link, with this action */
	bool absent;		   /* the ready policy lacks this action */
	struct diagnostics faults; /* of the ready policy */
	json_t *results;	   /* one for each policy switched on or off */
	bool text;		   /* print at once, as text */
	bool *changed;		   /* set if a link was changed */
};

static void switching_free(struct switching *s)
{
	free(s->link);
	free(s->target);
	free(s->linked);
	diagnostics_free(&s->faults);
}

static const struct policy_file *find_in(const struct policy_files *files, const char *name, size_t folder)
{
	for (size_t i = 0; i < files->count; i++)
		if (files->list[i].folder == folder && strcmp(files->list[i].name, name) == 0)
			return &files->list[i];
	return NULL;
}

/* The target of the link, without the root; "" if unknown. Malloc'ed, or NULL. */
static char *target_of(const struct ctl *ctl, const char *link)
{
	char *followed;
	int r = policy_path_follow(ctl->root, link + strlen(ctl->root), &followed);

	return r == 0 ? followed : r == -ENOMEM ? NULL : strdup("");
}

/* The path of a ready policy, without the root: with this Action=, or (NULL) its own. NULL: no memory. */
static char *ready_path(const char *name, const char *action)
{
	return FORMAT_NEW("%s/%s%s%s" LOAD_SUFFIX, policy_common_folders[1], action ? action : "",
			  action ? "/" : "", name);
}

/* Does the link point to this one? If so, sets s->linked. 0, or the exit status after a complaint. */
static int compare_link(struct switching *s, const char *leads, const char *action)
{
	_cleanup_free_ char *path = ready_path(s->name, action), *followed = NULL;

	if (!path || policy_path_follow(s->ctl->root, path, &followed) == -ENOMEM)
		return error_out_of_memory();
	if (strcmp(s->own->link, path) == 0 || (followed && strcmp(leads, followed) == 0)) {
		s->state = LINK_LINKED;
		s->linked = TAKE_PTR(path);
	}
	return 0;
}

/* 0, or the exit status after a complaint. */
static int find_state(struct switching *s)
{
	_cleanup_free_ char *leads = NULL;
	int r = 0;

	s->state = LINK_EMPTY;
	if (!s->own)
		return 0;
	s->state = LINK_OTHER;
	if (!s->own->link)
		return 0;
	leads = target_of(s->ctl, s->link);
	if (!leads)
		return error_out_of_memory();
	if (strcmp(leads, "/dev/null") == 0) {
		s->state = LINK_MASKED;
		return 0;
	}
	r = compare_link(s, leads, NULL);
	for (unsigned i = 0; i < MSEALD_ACTION_COUNT && r == 0 && s->state == LINK_OTHER; i++)
		r = compare_link(s, leads, names_action(i));
	return r;
}

/* Reads the ready policy, as it is or with the wanted action. 0, or the exit status. */
static int read_ready(struct switching *s)
{
	_cleanup_(policy_free) struct policy policy = {}, other = {};
	_cleanup_free_ char *path = NULL;
	int r;

	r = policy_read_file_for(s->ctl->root, s->ready->path, &policy, &s->faults);
	if (r == -ENOMEM)
		return error_out_of_memory();
	s->has = policy.seal.action;
	s->by_default = r == 0 && policy.enabled;
	if (r < 0 || !s->action || strcmp(names_action(policy.seal.action), s->action) == 0)
		return 0;
	s->has = (enum mseald_action)names_find_action(s->action);
	s->by_default = false;
	free(s->target);
	s->target = ready_path(s->name, s->action);
	path = s->target ? FORMAT_NEW("%s%s", s->ctl->root, s->target) : NULL;
	if (!path)
		return error_out_of_memory();
	s->absent = access(path, F_OK) < 0;
	if (!s->absent && policy_read_file_for(s->ctl->root, path, &other, &s->faults) == -ENOMEM)
		return error_out_of_memory();
	return 0;
}

/* Finds all files and links of this name. 0, or the exit status after a complaint. */
static int look(struct switching *s, const struct policy_files *files)
{
	int r;

	s->own = find_in(files, s->name, 0);
	s->ready = find_in(files, s->name, 1);
	if (!s->own && !s->ready)
		return policy_common_complain_name(files, s->name);
	s->link = FORMAT_NEW("%s%s/%s" LOAD_SUFFIX, s->ctl->root, policy_common_folders[0], s->name);
	s->target = ready_path(s->name, NULL);
	if (!s->link || !s->target)
		return error_out_of_memory();
	r = s->ready ? read_ready(s) : 0;
	return r ? r : find_state(s);
}

/* Reports the new state. format may be "". */
static int report(const struct switching *s, bool on, bool changed, const char *format, ...) _printf_(4, 5);

static int report(const struct switching *s, bool on, bool changed, const char *format, ...)
{
	_cleanup_free_ char *how = NULL;
	va_list arguments;
	int r;

	va_start(arguments, format);
	r = vasprintf(&how, format, arguments);
	va_end(arguments);
	if (r < 0) {
		how = NULL;
		return error_out_of_memory();
	}
	*s->changed |= changed;
	if (s->text)
		(void)printf("%s is %s%s: %s\n", s->name, on ? "on" : "off", changed ? "" : " already", how);
	return json_array_append_new(s->results, json_pack("{s:s, s:b, s:b, s:s}", "name", s->name, "on", on,
							   "changed", changed, "how", how)) < 0 ?
		       error_out_of_memory() :
		       CTL_OK;
}

/* Makes the folder of the links, and those above it. 0 or a negative errno. */
static int make_folders(const char *link)
{
	_cleanup_free_ char *path = strdup(link);

	if (!path)
		return -ENOMEM;
	for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		if (mkdir(path, 0755) < 0 && errno != EEXIST)
			return -errno;
		*slash = '/';
	}
	return 0;
}

/* Makes the link; replace: replaces an existing one atomically. 0, or the exit status. */
static int make_link(const struct switching *s, const char *target, bool replace)
{
	_cleanup_free_ char *new = NULL;
	int r;

	r = make_folders(s->link);
	if (r < 0)
		return error_failure("cannot make the folder of %s: %s", s->link, strerror(-r));
	if (!replace) {
		if (symlink(target, s->link) < 0)
			return error_failure("cannot link %s: %s", s->link, strerror(errno));
		return 0;
	}
	/* Hidden, so that it is not read as a policy. */
	new = FORMAT_NEW("%s%s/.%s.%d", s->ctl->root, policy_common_folders[0], s->name, getpid());
	if (!new)
		return error_out_of_memory();
	if (symlink(target, new) < 0)
		return error_failure("cannot link %s: %s", new, strerror(errno));
	if (rename(new, s->link) < 0) {
		r = errno;
		(void)unlink(new);
		return error_failure("cannot link %s: %s", s->link, strerror(r));
	}
	return 0;
}

static int remove_link(const struct switching *s)
{
	return unlink(s->link) < 0 ? error_failure("cannot remove %s: %s", s->link, strerror(errno)) : 0;
}

static int refuse_own(const struct switching *s, const char *wanted)
{
	if (s->own->link)
		return error_failure("%s is a foreign link to %s; remove the link to turn %s %s", s->link,
				     s->own->link, s->name, wanted);
	return error_failure("%s is your own file, not a link; rename or remove it to turn %s %s", s->link,
			     s->name, wanted);
}

static int enable_own(const struct switching *s)
{
	if (s->own->state == POLICY_FILE_ON && s->action &&
	    strcmp(names_action(s->own->policy.seal.action), s->action) != 0)
		return error_failure("%s is your own policy with Action=%s; write Action=%s there", s->link,
				     names_action(s->own->policy.seal.action), s->action);
	if (s->own->state == POLICY_FILE_ON)
		return report(s, true, false, "%s is your own policy", s->link);
	if (s->own->state == POLICY_FILE_FAULT)
		return error_failure("%s has faults, see msealctl policy check", s->link);
	return refuse_own(s, "on");
}

static int enable(struct switching *s)
{
	int r;

	if (s->state == LINK_OTHER)
		return enable_own(s);
	if (!s->ready)
		return error_failure("there is no ready policy '%s' in %s%s", s->name, s->ctl->root,
				     policy_common_folders[1]);
	if (s->faults.count > 0) {
		if (!policy_text_print_diagnostics(&s->faults, "", stderr))
			return error_out_of_memory();
		return error_failure("%s has faults and is not turned on", s->ready->path);
	}
	if (s->absent)
		return error_failure("policy %s has another action; copy %s/%s" LOAD_SUFFIX " to %s, edit it",
				     s->name, policy_common_folders[1], s->name, s->link);
	if (s->state == LINK_LINKED && (!s->action || strcmp(s->linked, s->target) == 0))
		return report(s, true, false, "%s is linked to %s", s->link, s->linked);
	if (s->by_default && s->state == LINK_EMPTY)
		return report(s, true, false, "%s is on without a link", s->target);
	if (s->by_default) {
		const char *was = s->state == LINK_MASKED ? "/dev/null" : s->linked;

		r = remove_link(s);
		return r ? r : report(s, true, true, "removed the link %s to %s", s->link, was);
	}
	r = make_link(s, s->target, s->state != LINK_EMPTY);
	return r ? r :
		   report(s, true, true, "linked %s to %s%s", s->link, s->target,
			  s->has == MSEALD_ACTION_AUDIT ? ", Action=audit: it denies nothing yet" : "");
}

static int disable(struct switching *s)
{
	int r;

	switch (s->state) {
	case LINK_OTHER:
		if (!s->own->link && s->own->state == POLICY_FILE_MASK)
			return report(s, false, false, "%s is empty", s->link);
		return refuse_own(s, "off");
	case LINK_MASKED: return report(s, false, false, "%s is linked to /dev/null", s->link);
	case LINK_LINKED:
	case LINK_EMPTY: break;
	}
	if (s->by_default) {
		r = make_link(s, "/dev/null", s->state == LINK_LINKED);
		return r ? r : report(s, false, true, "linked %s to /dev/null", s->link);
	}
	if (s->state == LINK_EMPTY)
		return report(s, false, false, "nothing links to %s", s->target);
	r = remove_link(s);
	return r ? r : report(s, false, true, "removed the link %s", s->link);
}

/* --- the outcome --- */

/*
 * Waits until mseald has sealed all that it can at once, and gets the matches: earlier they would say little.
 */
static int wait_for_matches(const struct ctl *ctl, const json_t *policies, json_t **ret)
{
	int r = 0;

	for (unsigned i = 0; i < WAITS && r == 0; i++) {
		json_decref(TAKE_PTR(*ret));
		r = client_call(ctl, "ListMatches", json_object(), ret);
		if (r || !policy_cover_pending(policies, *ret))
			break;
		(void)usleep(WAIT_US);
	}
	return r;
}

static int finish(const struct ctl *ctl, bool on, bool changed, json_t *results, bool text)
{
	_cleanup_json_ json_t *document = NULL, *matches = NULL;
	const char *said = NULL;
	int r = 0;

	/* The daemon does not read files below another root. */
	if (changed && !*ctl->root)
		r = policy_common_reload(ctl, &said);
	if (said && on && r == 0 && said != policy_common_daemon_absent)
		r = wait_for_matches(ctl, results, &matches);
	if (!text) {
		policy_cover_add(results, matches);
		document = json_pack("{s:O, s:s?}", "policies", results, "daemon", said);
		return !document ? error_out_of_memory() : client_print_json(document) ? CTL_FAILURE : r;
	}
	if (said)
		(void)printf("%s.\n", said);
	if (changed && !on && !*ctl->root && said != policy_common_daemon_absent)
		(void)puts("Sealed memory stays sealed.");
	return matches && policy_cover_print(results, matches) < 0 ? error_out_of_memory() : r;
}

/* Switches one name. 0, or the exit status. */
static int switch_one(const struct switching *wanted, const struct policy_files *files, const char *argument,
		      bool on)
{
	_cleanup_(switching_free) struct switching s = *wanted;
	const struct ctl *ctl = wanted->ctl;
	_cleanup_free_ char *name = strndup(argument, load_name_length(argument));
	int r;

	if (!name)
		return error_out_of_memory();
	if (strchr(name, '/'))
		return error_usage(ctl, "'%s' is a path: give the name of a policy, as nginx", argument);
	s.name = name;
	r = look(&s, files);
	if (r)
		return r;
	return on ? enable(&s) : disable(&s);
}

/* Refuses a folder that is ignored as a whole: a link in it would do nothing. 0, or the exit status. */
static int refuse_folders(const struct diagnostics *faults)
{
	for (size_t i = 0; i < faults->count; i++) {
		const char *path = faults->list[i].path;

		if (!path[load_name_length(path)])
			return error_failure("%s: %s", path, faults->list[i].message);
	}
	return 0;
}

/* Reads --action=, for enable. CTL_END, or CTL_STOP. */
static int read_options(struct ctl *ctl, int argc, char **argv, bool on, struct switching *ret)
{
	enum { OPTION_ACTION = CTL_OPTION_OWN };
	static const struct option options[] = {
		{ "action", required_argument, NULL, OPTION_ACTION },
		POLICY_OPTIONS,
	};
	int option;

	while ((option = policy_common_option(ctl, argc, argv, on ? options : NULL)) != CTL_END) {
		if (option == CTL_STOP)
			return option;
		if (strcmp(optarg, "deny") != 0 && strcmp(optarg, "audit") != 0) {
			ctl->status = error_usage(ctl, "--action does not know '%s'; it takes deny or audit",
						  optarg);
			return CTL_STOP;
		}
		ret->action = optarg;
	}
	return option;
}

static int run(struct ctl *ctl, int argc, char **argv, bool on)
{
	_cleanup_(policy_files_free) struct policy_files files = {};
	_cleanup_(diagnostics_free) struct diagnostics faults = {};
	_cleanup_json_ json_t *results = json_array();
	bool changed = false;
	struct switching wanted = {
		.ctl = ctl,
		.results = results,
		.text = !ctl->json,
		.changed = &changed,
	};
	int r, status = CTL_OK;

	if (read_options(ctl, argc, argv, on, &wanted) == CTL_STOP)
		return ctl->status;
	wanted.text = !ctl->json;
	if (optind == argc)
		return error_usage(ctl, "no NAME given");
	r = policy_common_read(ctl, &files, &faults);
	if (r == 0)
		r = refuse_folders(&faults);
	if (r)
		return r;
	/* If one fails, the others are still switched. */
	for (; optind < argc; optind++) {
		r = switch_one(&wanted, &files, argv[optind], on);
		status = MAX_OF(status, r);
	}
	r = finish(ctl, on, changed, results, wanted.text);
	return MAX_OF(status, r);
}

int command_policy_enable(struct ctl *ctl, int argc, char **argv)
{
	return run(ctl, argc, argv, true);
}

int command_policy_disable(struct ctl *ctl, int argc, char **argv)
{
	return run(ctl, argc, argv, false);
}
