// SPDX-License-Identifier: LGPL-2.1-or-later
/* See coverage.h. */
#include "ctl/view/coverage.h"

#include <inttypes.h>

#include "ctl/base/reply.h"
#include "ctl/base/text.h"
#include "ctl/view/match.h"
#include "ctl/view/summary.h"
#include "lib/base/names.h"
#include "lib/base/util.h"

static const struct {
	const char *name;
	enum colour colour;
} states[] = {
	[COVERAGE_SEALED] = { "sealed", COLOUR_GREEN },
	[COVERAGE_PARTLY] = { "partly", COLOUR_YELLOW },
	[COVERAGE_WEAKER] = { "weaker", COLOUR_YELLOW },
	[COVERAGE_UNSEALED] = { "unsealed", COLOUR_RED },
};
_Static_assert(ELEMENTS(states) == COVERAGE_STATE_COUNT, "a state without a name");

const char *coverage_state_name(int state)
{
	return states[state].name;
}

void coverage_free(struct coverage *coverage)
{
	json_decref(coverage->list);
	*coverage = (struct coverage){};
}

/* --- one process --- */

/* The files with executable memory that is not sealed, each once, with the number of bytes. */
static json_t *unsealed_files(const struct address_space *addresses)
{
	json_t *files = json_array(), *last = NULL;
	const char *name = NULL;

	for (size_t i = 0; i < addresses->maps.count; i++) {
		const struct row *row = &addresses->rows[i];
		uint64_t bytes = row->mapping->end - row->mapping->start - row->sealed;

		if (!proc_mapping_is_code(row->mapping) || !bytes)
			continue;
		if (name && strcmp(name, row->name) == 0) {
			bytes += reply_integer(last, "bytes");
			(void)json_object_set_new(last, "bytes", json_integer((json_int_t)bytes));
			continue;
		}
		name = row->name;
		last = json_pack("{s:o,s:I}", "path", text_json(name), "bytes", (json_int_t)bytes);
		(void)json_array_append_new(files, last);
	}
	return files;
}

/* "deny", "audit", "deny+kill"; "-": no seal. */
static const char *action_text(const struct space_seals *seals, char buf[32])
{
	size_t length = 0;

	(void)strcpy(buf, "-");
	for (unsigned action = 0; action < MSEALD_ACTION_COUNT; action++)
		for (size_t i = 0; i < seals->count; i++)
			if (seals->list[i].deny[action]) {
				length += (size_t)snprintf(buf + length, 32 - length, "%s%s",
							   length ? "+" : "", names_action(action));
				break;
			}
	return buf;
}

static enum coverage_state state_of(const struct address_space *addresses, struct share share,
				    const char *policy_state)
{
	if (!share.all && addresses->seals.count)
		share = (struct share){ 1, 1 };
	if (!share.sealed)
		return COVERAGE_UNSEALED;
	if (share.sealed < share.all)
		return COVERAGE_PARTLY;
	return strcmp(policy_state, "weaker") == 0 ? COVERAGE_WEAKER : COVERAGE_SEALED;
}

static const char *reason_of(enum coverage_state state, const json_t *match)
{
	const char *reason = reply_string(match, "reason"), *policy_state = reply_string(match, "state");

	if (state == COVERAGE_SEALED)
		return NULL;
	if (!match)
		return state == COVERAGE_UNSEALED ? "no-policy" : "by-hand";
	if (strcmp(policy_state, "exempt") == 0)
		return "exempt";
	if (*reason)
		return reason;
	return strcmp(policy_state, "pending") == 0 ? "pending" : "library";
}

/*
 * Is only memory missing that Dlopen=no leaves out? mseald gives the other two reasons when it has done all
 * it can.
 */
static bool is_meant(const char *reason)
{
	return strcmp(reason, "library") == 0 || strcmp(reason, "gate") == 0 || strcmp(reason, "pid1") == 0;
}

/* Should a policy have sealed the process by now? */
static bool is_unexpected(enum coverage_state state, const json_t *match, const char *reason)
{
	const char *policy_state = reply_string(match, "state");

	if (!match || strcmp(policy_state, "exempt") == 0 || strcmp(policy_state, "pending") == 0)
		return false;
	return state == COVERAGE_UNSEALED || (state == COVERAGE_PARTLY && !is_meant(reason));
}

int coverage_add(struct coverage *coverage, const struct address_space *addresses, const json_t *match)
{
	const char *policy = reply_string(match, "policy"), *policy_state = reply_string(match, "state"),
		   *reason;
	struct share shares[SHARE_COUNT];
	enum coverage_state state;
	json_t *object;
	char action[32];
	bool unexpected;

	for (enum share_kind kind = 0; kind < SHARE_COUNT; kind++) {
		shares[kind] = address_space_share(addresses, kind);
		coverage->shares[kind].sealed += shares[kind].sealed;
		coverage->shares[kind].all += shares[kind].all;
	}
	state = state_of(addresses, shares[SHARE_FILE_EXECUTABLE], policy_state);
	reason = reason_of(state, match);
	unexpected = is_unexpected(state, match, reason);
	(void)action_text(&addresses->seals, action);
	object = json_pack("{s:i,s:o,s:s*,s:s,s:s*,s:s*,s:O*,s:b,s:s,s:o}", "pid", (int)addresses->pid,
			   "comm", text_json(addresses->comm), "policy", *policy ? policy : NULL, "state",
			   states[state].name, "policy_state", *policy_state ? policy_state : NULL, "reason",
			   reason, "missing", json_object_get(match, "missing"), "unexpected", unexpected,
			   "action", action, "files", unsealed_files(addresses));
	coverage->processes[state]++;
	coverage->audited += strcmp(action, "audit") == 0;
	coverage->unexpected += unexpected;
	if (!coverage->list)
		coverage->list = json_array();
	if (!object || summary_put_shares(object, shares) < 0) {
		json_decref(object);
		return -ENOMEM;
	}
	return json_array_append_new(coverage->list, object) < 0 ? -ENOMEM : 0;
}

int coverage_add_kernel_thread(struct coverage *coverage, pid_t pid, const char *comm)
{
	json_t *object = json_pack("{s:i,s:o,s:s,s:s,s:b}", "pid", (int)pid, "comm", text_json(comm), "state",
				   states[COVERAGE_UNSEALED].name, "reason", "kernel-thread", "unexpected",
				   false);

	coverage->kernel_threads++;
	if (!coverage->list)
		coverage->list = json_array();
	return !object || json_array_append_new(coverage->list, object) < 0 ? -ENOMEM : 0;
}

/* --- all processes --- */

json_t *coverage_to_json(const struct coverage *coverage)
{
	json_t *counts = json_object(),
	       *total = json_pack("{s:o,s:I,s:I,s:I}", "states", counts, "kernel_threads",
				  (json_int_t)coverage->kernel_threads, "audited",
				  (json_int_t)coverage->audited, "unexpected",
				  (json_int_t)coverage->unexpected);
	int r = total ? summary_put_shares(total, coverage->shares) : -ENOMEM;

	for (int state = 0; r >= 0 && state < COVERAGE_STATE_COUNT; state++)
		r = json_object_set_new(counts, states[state].name,
					json_integer((json_int_t)coverage->processes[state]));
	if (r < 0) {
		json_decref(total);
		return NULL;
	}
	return json_pack("{s:o,s:o}", "processes",
			 coverage->list ? json_incref(coverage->list) : json_array(), "total", total);
}

/* --- rows and totals --- */

static const char *reason_text(const char *reason)
{
	static const char *const texts[][2] = {
		{ "no-policy", "no policy applies" },
		{ "by-hand", "sealed by hand" },
		{ "pending", "being sealed" },
		{ "kernel-thread", "kernel thread" },
	};

	for (size_t i = 0; i < ELEMENTS(texts); i++)
		if (strcmp(texts[i][0], reason) == 0)
			return texts[i][1];
	return match_reason_text(reason);
}

/* Formats "exempt by NAME", "not denied: unmap,discard; ...", "a library ...: x.so and 2 more". Malloc'ed. */
static char *why_text(const json_t *process)
{
	const char *reason = reply_string(process, "reason"), *path;
	const json_t *files = json_object_get(process, "files");
	size_t more = json_array_size(files);

	if (strcmp(reason, "exempt") == 0)
		return FORMAT_NEW("exempt by %s", reply_string(process, "policy"));
	if (json_object_get(process, "missing"))
		return match_why_text(process);
	if (strcmp(reply_string(process, "state"), states[COVERAGE_PARTLY].name) != 0 || !more)
		return strdup(reason_text(reason));
	path = reply_string(json_array_get(files, 0), "path");
	path = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
	return more > 1 ? FORMAT_NEW("%s: %s and %zu more", reason_text(reason), path, more - 1) :
			  FORMAT_NEW("%s: %s", reason_text(reason), path);
}

int coverage_row(const struct coverage *coverage, size_t i, unsigned shown, struct coverage_row *ret)
{
	const json_t *process = json_array_get(coverage->list, i);
	const char *policy = reply_string(process, "policy");
	struct share share = summary_get_share(process, SHARE_FILE_EXECUTABLE);
	int state = 0;

	while (strcmp(states[state].name, reply_string(process, "state")) != 0)
		state++;
	if (!(shown & 1u << state) || strcmp(reply_string(process, "reason"), "kernel-thread") == 0)
		return 0;
	*ret = (struct coverage_row){
		.pid = reply_integer(process, "pid"),
		.comm = reply_string(process, "comm"),
		.policy = *policy ? policy : "-",
		.state = states[state].name,
		.action = reply_string(process, "action"),
		.colour = states[state].colour,
		.share = share,
		.percent = "-",
		.why = why_text(process),
	};
	if (share.all)
		FORMAT(ret->percent, "%u", address_space_percent(share));
	(void)text_size(share.sealed, ret->sealed);
	(void)text_size(share.all, ret->all);
	return ret->why ? 1 : -ENOMEM;
}

const char *coverage_share_name(enum share_kind kind)
{
	static const char *const names[] = {
		[SHARE_FILE_EXECUTABLE] = "file code",
		[SHARE_EXECUTABLE] = "executable",
		[SHARE_ALL] = "all memory",
	};

	return names[kind];
}

void coverage_totals(const struct coverage *coverage, struct coverage_totals *ret)
{
	size_t all = 0;

	*ret = (struct coverage_totals){};
	for (int state = 0; state < COVERAGE_STATE_COUNT; state++) {
		all += coverage->processes[state];
		FORMAT(ret->states[state].text, "%zu %s", coverage->processes[state], states[state].name);
		ret->states[state].colour = states[state].colour;
	}
	FORMAT(ret->processes, "%zu process%s", all, all == 1 ? "" : "es");
	if (coverage->audited)
		FORMAT(ret->audited, "the seals of %zu only log (Action=audit)", coverage->audited);
	FORMAT(ret->kernel_threads, "%zu kernel threads", coverage->kernel_threads);
}
