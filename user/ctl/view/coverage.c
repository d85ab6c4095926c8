// SPDX-License-Identifier: LGPL-2.1-or-later
/* See coverage.h. */
#include "ctl/view/coverage.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "ctl/base/reply.h"
#include "ctl/base/text.h"
#include "ctl/view/match.h"
#include "ctl/view/share_bar.h"
#include "ctl/view/summary.h"
#include "ctl/view/table.h"
#include "lib/base/names.h"
#include "lib/base/util.h"

static const struct column columns[] = {
	{ .title = "PID", .right = true },
	{ .title = "COMM", .shorten = true },
	{ .title = "POLICY", .shorten = true, .least = 70 },
	{ .title = "STATE" },
	{ .title = "%", .right = true },
	{ .title = "SEALED", .right = true, .least = 100 },
	{ .title = "OF", .right = true, .least = 100 },
	{ .title = "ACTION", .least = 90 },
	{ .title = "WHY", .wrap = true, .share = 30 },
};

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

/* --- printing --- */

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

static void add_row(struct table *table, const json_t *process, enum coverage_state state)
{
	struct share share = summary_get_share(process, SHARE_FILE_EXECUTABLE);
	const char *policy = reply_string(process, "policy");
	_cleanup_free_ char *why = why_text(process);
	char size[TEXT_SIZE_MAX];

	table_add(table, COLOUR_NONE, "%" PRIu64, reply_integer(process, "pid"));
	table_add(table, COLOUR_BOLD, "%s", reply_string(process, "comm"));
	table_add(table, COLOUR_NONE, "%s", *policy ? policy : "-");
	table_add(table, states[state].colour, "%s", states[state].name);
	if (share.all)
		table_add(table, COLOUR_NONE, "%u", address_space_percent(share));
	else
		table_add(table, COLOUR_NONE, "-");
	table_add(table, COLOUR_NONE, "%s", text_size(share.sealed, size));
	table_add(table, COLOUR_NONE, "%s", text_size(share.all, size));
	table_add(table, COLOUR_NONE, "%s", reply_string(process, "action"));
	table_add(table, COLOUR_NONE, "%s", why ?: "");
	table->failed |= !why;
}

static void print_totals(const struct coverage *coverage, const struct terminal *terminal, FILE *out)
{
	size_t all = 0;

	for (int state = 0; state < COVERAGE_STATE_COUNT; state++)
		all += coverage->processes[state];
	share_bar_print(terminal, "file code", coverage->shares[SHARE_FILE_EXECUTABLE], out);
	share_bar_print(terminal, "executable", coverage->shares[SHARE_EXECUTABLE], out);
	share_bar_print(terminal, "all memory", coverage->shares[SHARE_ALL], out);
	(void)fprintf(out, "%zu process%s", all, all == 1 ? "" : "es");
	for (int state = 0; state < COVERAGE_STATE_COUNT; state++)
		(void)fprintf(out, "%s %zu %s", state ? "," : ":", coverage->processes[state],
			      states[state].name);
	if (coverage->audited)
		(void)fprintf(out, "; the seals of %zu only log (Action=audit)", coverage->audited);
	(void)fprintf(out, "; %zu kernel threads\n", coverage->kernel_threads);
}

int coverage_print(const struct coverage *coverage, unsigned shown, const struct terminal *terminal,
		   FILE *out)
{
	_cleanup_(table_free) struct table table = table_new(columns, ELEMENTS(columns), terminal);
	const json_t *process;
	size_t i;

	json_array_foreach(coverage->list, i, process) {
		int state = 0;

		while (strcmp(states[state].name, reply_string(process, "state")) != 0)
			state++;
		if (shown & 1u << state && strcmp(reply_string(process, "reason"), "kernel-thread") != 0)
			add_row(&table, process, (enum coverage_state)state);
	}
	if (table.cells) {
		int r = table_print(&table, out);

		if (r < 0)
			return r;
		(void)fputc('\n', out);
	}
	print_totals(coverage, terminal, out);
	return 0;
}
