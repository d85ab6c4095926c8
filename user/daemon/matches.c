// SPDX-License-Identifier: LGPL-2.1-or-later
/* See matches.h. */
#include "matches.h"

#include <errno.h>
#include <string.h>

#include "armed.h"
#include "facts.h"
#include "inforce.h"
#include "labels.h"
#include "starts.h"
#include "tasks.h"

#define PF_KTHREAD 0x00200000

json_t *matches_reload(struct daemon *daemon, struct failure *failure)
{
	_cleanup_(diagnostics_free) struct diagnostics faults = {};
	json_t *list;
	int r;

	r = inforce_reload(daemon->inforce, &faults);
	if (r < 0) {
		(void)fail(failure, "Failed", 0, "cannot put the policies in force: %s; those of before stay", strerror(-r));
		return NULL;
	}
	starts_look_at_all(daemon->starts);
	list = json_array();
	for (size_t i = 0; i < faults.count; i++)
		(void)json_array_append_new(list, json_pack("{s:s,s:i,s:s}", "path", faults.list[i].path, "line",
							    (int)faults.list[i].line, "message", faults.list[i].message));
	return json_pack("{s:I,s:o}", "policies", (json_int_t)inforce_policies(daemon->inforce)->count, "faults", list);
}

static uint32_t set_of(struct daemon *daemon, uint64_t key)
{
	struct mseald_space space;

	return store_read_space(daemon->store, key, &space) < 0 ? 0 : MSEALD_WORD_SET(space.word);
}

static const char *state_of(struct daemon *daemon, const struct policy *policy, uint64_t key, uint32_t set)
{
	if (!policy->classes)
		return "exempt";
	if (starts_pending(daemon->starts, key))
		return "pending";
	return set ? "sealed" : "unsealed";
}

/* The policy in force that a set was made for; NULL: none. */
static const struct policy *maker_of(struct daemon *daemon, uint32_t set)
{
	const struct policies *policies = inforce_policies(daemon->inforce);
	struct mseald_label label;
	uint64_t id;

	if (!set || sets_read_label(store_sets(daemon->store), set, &id) < 0 || !labels_read(daemon->programs, id, &label))
		return NULL;
	for (size_t i = 0; i < policies->count; i++)
		if (strcmp(policies->list[i].name, label.policy) == 0)
			return &policies->list[i];
	return NULL;
}

/* A path as a string; bytes that are no UTF-8 as "?", because JSON has no others. NULL for NULL. */
static json_t *path_string(const char *path)
{
	json_t *string = path ? json_string(path) : NULL;
	_cleanup_free_ char *plain = path && !string ? strdup(path) : NULL;

	for (char *at = plain; at && *at; at++)
		if ((unsigned char)*at >= 0x80)
			*at = '?';
	return plain ? json_string(plain) : string;
}

static json_t *describe(struct daemon *daemon, const struct mseald_task *task)
{
	_cleanup_(facts_free) struct facts facts = {};
	_cleanup_free_ char *why = NULL;
	const struct policy *policy, *maker;
	struct mseald_armed armed;
	bool is_armed = armed_find(daemon->programs, task->key, &armed);
	uint32_t set = set_of(daemon, task->key);

	if (facts_read(daemon->programs, (pid_t)task->pid, is_armed ? &armed : NULL, inforce_wants_marked(daemon->inforce),
		       &facts) < 0)
		return NULL;
	policy = policies_match(inforce_policies(daemon->inforce), &facts.policy, &why);
	/* What matched when it started counts: since then it may have got another cgroup or user. */
	maker = maker_of(daemon, set);
	if (maker && maker != policy) {
		policy = maker;
		free(why);
		why = strdup("as it was when it started");
	}
	if (!policy)
		return NULL;
	return json_pack("{s:I,s:o,s:o,s:o,s:s,s:o*,s:o*}", "pid", (json_int_t)task->pid, "policy", path_string(policy->name),
			 "path", path_string(policy->path), "why", path_string(why ?: ""), "state",
			 state_of(daemon, policy, task->key, set), "exe", path_string(facts.exe), "cgroup",
			 path_string(facts.cgroup));
}

json_t *matches_list(struct daemon *daemon, struct failure *failure)
{
	_cleanup_free_ struct mseald_task *tasks = NULL;
	json_t *list = json_array();
	size_t count;
	int r = tasks_read(daemon->programs, 0, &tasks, &count);

	if (r < 0) {
		json_decref(list);
		(void)fail_errno(failure, 0, r, "cannot read what runs");
		return NULL;
	}
	for (size_t i = 0; i < count; i++) {
		json_t *match = NULL;

		if (tasks[i].pid == tasks[i].tgid && tasks[i].key && !(tasks[i].flags & PF_KTHREAD))
			match = describe(daemon, &tasks[i]);
		if (match)
			(void)json_array_append_new(list, match);
	}
	return json_pack("{s:o}", "matches", list);
}
