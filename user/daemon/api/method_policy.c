// SPDX-License-Identifier: LGPL-2.1-or-later
/* ReloadPolicy and ListMatches: reading policies again, and the policy that applies to each process. */

#include "api/method.h"
#include "base/text.h"
#include "bpf/task_iter.h"
#include "policy/active.h"
#include "policy/watched.h"
#include "policy/exec_facts.h"
#include "policy/reconcile.h"
#include "lib/base/names_json.h"
#include "seal/inspection.h"
#include "seal/labels.h"

json_t *method_policy_reload(struct daemon *daemon, struct error *error)
{
	_cleanup_(diagnostics_free) struct diagnostics faults = {};
	json_t *list;
	int r;

	r = active_reload(&daemon->active, &faults);
	if (r < 0) {
		(void)error_set(error, "Failed", 0,
				"cannot activate the policies: %s; the previous ones stay active",
				strerror(-r));
		return NULL;
	}
	reconcile_look_at_all(daemon->reconcile);
	list = json_array();
	for (size_t i = 0; i < faults.count; i++)
		(void)json_array_append_new(list, json_pack("{s:s,s:i,s:s}", "path", faults.list[i].path,
							    "line", (int)faults.list[i].line, "message",
							    faults.list[i].message));
	return json_pack("{s:I,s:o}", "policies", (json_int_t)active_policies(&daemon->active)->count,
			 "faults", list);
}

static uint32_t set_of(struct daemon *daemon, uint64_t key)
{
	struct mseald_space space;

	return space_map_read_space(&daemon->space_map, key, &space) < 0 ? 0 : MSEALD_WORD_SET(space.word);
}

/* Has it loaded a library that no seal covers? */
static bool has_more(const struct mseald_task *task, const struct sealset *seals)
{
	_cleanup_(proc_maps_free) struct proc_maps maps = {};
	size_t at = 0;

	if (inspection_read_pid((pid_t)task->pid, task->account, &maps) < 0)
		return false;
	for (size_t i = 0; i < maps.count; i++) {
		const struct mapping *mapping = &maps.list[i];

		while (at < seals->count && seals->list[at].end <= mapping->start)
			at++;
		if (proc_mapping_is_code(mapping) &&
		    (at == seals->count || seals->list[at].start > mapping->start))
			return true;
	}
	return false;
}

/* The deny bits of a seal in actions at least as strong as this one. */
static unsigned deny_at_least(const struct seal *seal, enum mseald_action action)
{
	unsigned deny = seal_deny(seal, MSEALD_ACTION_KILL);

	if (action != MSEALD_ACTION_KILL)
		deny |= seal_deny(seal, MSEALD_ACTION_DENY);
	if (action == MSEALD_ACTION_AUDIT)
		deny |= seal_deny(seal, MSEALD_ACTION_AUDIT);
	/* mseal(2): mm/mseal.c */
	return deny | (seal->flags & MSEALD_SEAL_NATIVE ? MSEALD_DENY_MPROTECT | MSEALD_DENY_UNMAP : 0);
}

/*
 * The deny bits of the policy that some seal of the process lacks. Seals of data always lack discard, and
 * seals of memory without a file lack file-write.
 */
static unsigned missing_of(const struct policy *policy, const struct sealset *seals)
{
	static const unsigned constant = 1u << MSEALD_SEGMENT_TEXT | 1u << MSEALD_SEGMENT_RODATA |
					 1u << MSEALD_SEGMENT_RELRO;
	unsigned missing = 0;

	for (size_t i = 0; i < seals->count; i++)
		if (constant & policy->seal.segments & 1u << seals->list[i].segment)
			missing |= policy->seal.deny & ~deny_at_least(&seals->list[i], policy->seal.action);
	return missing & ~(unsigned)MSEALD_DENY_FILE_WRITE;
}

/* *ret_left: why part of it is not sealed; *ret_missing: deny bits that its seals lack. */
static const char *state_of(struct daemon *daemon, const struct policy *policy,
			    const struct mseald_task *task, uint32_t set,
			    const struct mseald_watched *watched, unsigned *ret_left, unsigned *ret_missing)
{
	_cleanup_(sealset_free) struct sealset seals = {};
	bool by_kernel = watched && watched->flags & MSEALD_WATCHED_KERNEL;
	unsigned left = left_by_kernel(daemon->programs, task->key, task->pid, watched);

	*ret_left = LEFT_NOTHING;
	*ret_missing = 0;
	if (!policy->seal.segments)
		return "exempt";
	*ret_left = reconcile_left(daemon->reconcile, task->key);
	/* Also sealed while the daemon completes the kernel's seals. */
	if (!(by_kernel && set && left == LEFT_NOTHING) &&
	    (reconcile_pending(daemon->reconcile, task->key) ||
	     (by_kernel && !reconcile_known(daemon->reconcile, task->key)))) {
		if (*ret_left == LEFT_NOTHING)
			*ret_left = left;
		return "pending";
	}
	if (*ret_left == LEFT_NOTHING && !set)
		*ret_left = LEFT_FAILED;
	if (!set)
		return "unsealed";
	if (set_map_read(daemon->space_map.sets, set, &seals) < 0) {
		*ret_left = MSEALD_LEFT_CHANGED;
		return "pending";
	}
	*ret_missing = missing_of(policy, &seals);
	if (*ret_left == LEFT_NOTHING && *ret_missing)
		*ret_left = task->pid == 1 ? LEFT_PID1 : LEFT_GATE;
	if (*ret_left == LEFT_NOTHING && !policy->marked &&
	    policy->seal.segments & 1u << MSEALD_SEGMENT_TEXT && has_more(task, &seals))
		*ret_left = LEFT_LIBRARY;
	return *ret_missing ? "weaker" : "sealed";
}

/* The active policy that made a set; NULL: none. */
static const struct policy *maker_of(struct daemon *daemon, uint32_t set)
{
	struct mseald_label label;
	uint64_t id;

	if (!set || set_map_read_label(daemon->space_map.sets, set, &id) < 0 ||
	    !labels_read(daemon->programs, id, &label))
		return NULL;
	return active_find(&daemon->active, label.policy);
}

static json_t *describe(struct daemon *daemon, const struct mseald_task *task)
{
	_cleanup_(exec_facts_free) struct exec_facts facts = {};
	_cleanup_free_ char *why = NULL;
	const struct policy *policy, *maker;
	struct mseald_watched watched;
	bool is_watched = watched_find(daemon->programs, task->key, &watched);
	uint32_t set = set_of(daemon, task->key);
	unsigned left, missing;
	const char *state;

	if (exec_facts_read(daemon->programs, task->pid, is_watched ? &watched : NULL,
			    active_wants_marked(&daemon->active), &facts) < 0)
		return NULL;
	policy = policies_match(active_policies(&daemon->active), &facts.policy, &why);
	/* The match at its start decides: it may have changed its cgroup or user since. */
	maker = maker_of(daemon, set);
	if (maker && maker != policy) {
		policy = maker;
		free(why);
		why = strdup("as it was when it started");
	}
	if (!policy)
		return NULL;
	state = state_of(daemon, policy, task, set, is_watched ? &watched : NULL, &left, &missing);
	return json_pack("{s:I,s:o,s:o,s:o,s:s,s:s*,s:o*,s:o*,s:o*}", "pid", (json_int_t)task->pid, "policy",
			 text_json(policy->name), "path", text_json(policy->path), "why",
			 text_json(why ?: ""), "state", state, "reason", left_name(left), "missing",
			 missing ? names_json_deny(missing) : NULL, "exe", text_json(facts.exe), "cgroup",
			 text_json(facts.cgroup));
}

/* Every process that a policy applies to; NULL and the reason. */
static json_t *list_matches(struct daemon *daemon, struct error *error)
{
	_cleanup_free_ struct mseald_task *tasks = NULL;
	json_t *list = json_array();
	size_t count;
	int r = task_iter_read(daemon->programs, 0, &tasks, &count);

	if (r < 0) {
		json_decref(list);
		(void)error_set_errno(error, 0, r, "cannot list the processes");
		return NULL;
	}
	for (size_t i = 0; i < count; i++) {
		json_t *match = NULL;

		if (task_is_process(&tasks[i]))
			match = describe(daemon, &tasks[i]);
		if (match)
			(void)json_array_append_new(list, match);
	}
	return json_pack("{s:o}", "matches", list);
}

int method_reload_policy(struct connection *connection, json_t *parameters)
{
	struct error error = {};

	return reply_or_failure(connection, method_policy_reload(connection->server->daemon, &error), &error);
}

int method_list_matches(struct connection *connection, json_t *parameters)
{
	struct error error = {};

	return reply_or_failure(connection, list_matches(connection->server->daemon, &error), &error);
}
