// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * See summary.h. Each space is processed when it arrives: neither its seals nor its mappings are kept, and
 * the maps of a process are read once.
 */
#include "ctl/base/client.h"
#include "ctl/base/error.h"
#include "ctl/base/reply.h"
#include "ctl/base/text.h"
#include "ctl/view/summary.h"
#include "lib/base/util.h"

#include <inttypes.h>

static const struct column columns[] = {
	{ .title = "PID", .right = true },
	{ .title = "COMM", .shorten = true },
	{ .title = "POLICY", .shorten = true, .least = 100 },
	{ .title = "SEALED", .right = true },
	{ .title = "OF", .right = true, .least = 120 },
	{ .title = "%", .right = true },
	{ .title = "EXEC", .right = true, .least = 100 },
	{ .title = "OF", .right = true, .least = 120 },
	{ .title = "EXEC%", .right = true },
	{ .title = "FILE EXEC%", .right = true },
	{ .title = "GATE" },
	{ .title = "ATTEMPTS", .right = true },
};

static const struct {
	const char *sealed, *all;
} members[SHARE_COUNT] = {
	[SHARE_ALL] = { "sealed", "bytes" },
	[SHARE_EXECUTABLE] = { "executable_sealed", "executable_bytes" },
	[SHARE_FILE_EXECUTABLE] = { "file_executable_sealed", "file_executable_bytes" },
};

void summary_free(struct summary *summary)
{
	json_decref(summary->list);
	*summary = (struct summary){};
}

const char *summary_gate(const struct space_seals *seals, char buf[32])
{
	static const char *const gates[] = { "native", "override", "kill" };
	size_t length = 0;

	(void)strcpy(buf, "-");
	for (size_t gate = 0; gate < ELEMENTS(gates); gate++)
		for (size_t i = 0; i < seals->count; i++)
			if (strcmp(seals->list[i].gate, gates[gate]) == 0) {
				length += (size_t)snprintf(buf + length, 32 - length, "%s%s",
							   length ? "+" : "", gates[gate]);
				break;
			}
	return buf;
}

int summary_put_shares(json_t *object, const struct share shares[SHARE_COUNT])
{
	int r = 0;

	for (size_t i = 0; i < SHARE_COUNT; i++) {
		r |= json_object_set_new(object, members[i].all, json_integer((json_int_t)shares[i].all));
		r |= json_object_set_new(object, members[i].sealed,
					 json_integer((json_int_t)shares[i].sealed));
	}
	return r;
}

struct share summary_get_share(const json_t *object, enum share_kind kind)
{
	return (struct share){ .sealed = reply_integer(object, members[kind].sealed),
			       .all = reply_integer(object, members[kind].all) };
}

int summary_add(struct summary *summary, const struct address_space *addresses, const json_t *space)
{
	const char *policy = reply_string(space, "policy");
	uint64_t attempts = reply_integer(space, "denied") + reply_integer(space, "killed") +
			    reply_integer(space, "audited");
	json_t *pids = json_object_get(space, "pids"), *object;
	struct share shares[SHARE_COUNT];
	char gate[32];

	if (!summary->list)
		summary->list = json_array();
	object = json_pack("{s:O*,s:o,s:s*,s:s,s:I}", "pids", pids, "comm", text_json(addresses->comm),
			   "policy", *policy ? policy : NULL, "gate", summary_gate(&addresses->seals, gate),
			   "attempts", (json_int_t)attempts);
	if (!pids && object)
		(void)json_object_set_new(object, "pids", json_pack("[i]", (int)addresses->pid));
	for (enum share_kind kind = 0; kind < SHARE_COUNT; kind++) {
		shares[kind] = address_space_share(addresses, kind);
		summary->shares[kind].sealed += shares[kind].sealed;
		summary->shares[kind].all += shares[kind].all;
	}
	summary->spaces++;
	summary->attempts += attempts;
	if (!object || summary_put_shares(object, shares) < 0) {
		json_decref(object);
		return -ENOMEM;
	}
	return json_array_append_new(summary->list, object) < 0 ? -ENOMEM : 0;
}

/* --- printing --- */

static enum colour share_colour(struct share share)
{
	return !share.sealed ? COLOUR_RED : share.sealed == share.all ? COLOUR_GREEN : COLOUR_NONE;
}

static void add_shares(struct table *table, const struct share shares[SHARE_COUNT])
{
	char size[TEXT_SIZE_MAX];

	for (enum share_kind kind = 0; kind < SHARE_COUNT; kind++) {
		struct share share = shares[kind];

		if (kind != SHARE_FILE_EXECUTABLE) {
			table_add(table, COLOUR_NONE, "%s", text_size(share.sealed, size));
			table_add(table, COLOUR_NONE, "%s", text_size(share.all, size));
		}
		if (share.all)
			table_add(table, share_colour(share), "%u", address_space_percent(share));
		else
			table_add(table, COLOUR_NONE, "-");
	}
}

static void add_space(struct table *table, const json_t *object)
{
	const json_t *pids = json_object_get(object, "pids");
	size_t more = json_array_size(pids) > 1 ? json_array_size(pids) - 1 : 0;
	const char *policy = reply_string(object, "policy");
	struct share shares[SHARE_COUNT];
	char others[24] = "";

	for (enum share_kind kind = 0; kind < SHARE_COUNT; kind++)
		shares[kind] = summary_get_share(object, kind);
	if (more)
		(void)snprintf(others, sizeof(others), "+%zu", more);
	table_add(table, COLOUR_NONE, "%" JSON_INTEGER_FORMAT "%s",
		  json_integer_value(json_array_get(pids, 0)), others);
	table_add(table, COLOUR_BOLD, "%s", reply_string(object, "comm"));
	table_add(table, COLOUR_NONE, "%s", *policy ? policy : "-");
	add_shares(table, shares);
	table_add(table, COLOUR_NONE, "%s", reply_string(object, "gate"));
	table_add(table, reply_integer(object, "attempts") ? COLOUR_RED : COLOUR_NONE, "%" PRIu64,
		  reply_integer(object, "attempts"));
}

int summary_print(const struct summary *summary, const struct terminal *terminal, FILE *out)
{
	_cleanup_(table_free) struct table table = table_new(columns, ELEMENTS(columns), terminal);
	const json_t *object;
	size_t i;

	json_array_foreach(summary->list, i, object)
		add_space(&table, object);
	table_add(&table, COLOUR_BOLD, "total");
	table_add(&table, COLOUR_NONE, "%zu", summary->spaces);
	table_add(&table, COLOUR_NONE, "%s", "");
	add_shares(&table, summary->shares);
	table_add(&table, COLOUR_NONE, "%s", "");
	table_add(&table, COLOUR_NONE, "%" PRIu64, summary->attempts);
	return table_print(&table, out);
}

static int print_json(const struct summary *summary)
{
	_cleanup_json_ json_t *document = NULL;
	json_t *total = json_pack("{s:I,s:I}", "spaces", (json_int_t)summary->spaces, "attempts",
				  (json_int_t)summary->attempts);

	if (total && summary_put_shares(total, summary->shares) < 0) {
		json_decref(total);
		total = NULL;
	}
	document = json_pack("{s:O,s:o}", "spaces", summary->list, "total", total);
	return document ? client_print_json(document) : error_out_of_memory();
}

/* --- the command --- */

/* Leaves out processes that are gone. 0, or an exit status. */
static int add_process(struct summary *summary, pid_t pid, const json_t *space)
{
	_cleanup_(address_space_free) struct address_space addresses = {};
	int r = address_space_read_brief(pid, space, &addresses);

	if (r == -EACCES || r == -EPERM)
		return address_space_complain(pid, r);
	if (r >= 0 && addresses.maps.count)
		r = summary_add(summary, &addresses, space);
	return r == -ENOMEM ? error_out_of_memory() : 0;
}

static int add_space_of(const json_t *space, void *context)
{
	const json_t *pids = json_object_get(space, "pids");

	return json_array_size(pids) ?
		       add_process(context, (pid_t)json_integer_value(json_array_get(pids, 0)), space) :
		       0;
}

/* Adds each process. An unsealed process that is named by its pid has a line, too. */
static int add_targets(const struct ctl *ctl, const struct targets *targets, struct summary *summary)
{
	size_t failed = 0;
	int status = 0;

	for (size_t i = 0; i < targets->count && status != CTL_NOT_RUNNING; i++) {
		size_t before = summary->spaces;
		int r = spaces_each(ctl, targets->list[i], add_space_of, summary);

		if (r == 0 && summary->spaces == before)
			r = add_process(summary, targets->list[i], NULL);
		failed += r != 0;
		status = r ?: status;
	}
	return failed && failed < targets->count && status != CTL_NOT_RUNNING ? CTL_PARTLY : status;
}

int summary_command(const struct ctl *ctl, const struct targets *targets)
{
	_cleanup_(summary_free) struct summary summary = { .list = json_array() };
	struct terminal terminal = terminal_detect();
	int r = targets->count ? add_targets(ctl, targets, &summary) :
				 spaces_each(ctl, 0, add_space_of, &summary),
	    printed;

	if (r && r != CTL_PARTLY)
		return r;
	if (!summary.list)
		return error_out_of_memory();
	if (ctl->json) {
		printed = print_json(&summary);
		return printed ?: r;
	}
	if (!summary.spaces) {
		(void)puts("Nothing is sealed.");
		return r;
	}
	return summary_print(&summary, &terminal, stdout) < 0 ? error_out_of_memory() : r;
}
