// SPDX-License-Identifier: LGPL-2.1-or-later
/* msealctl explain: the outcome of each operation on one page, and the reason. */
#include <inttypes.h>

#include "ctl/base/client.h"
#include "ctl/base/error.h"
#include "ctl/base/options.h"
#include "ctl/base/reply.h"
#include "ctl/base/text.h"
#include "ctl/cmd/commands.h"
#include "ctl/view/address_space.h"
#include "ctl/view/table.h"
#include "lib/base/names_json.h"
#include "lib/base/util.h"

/* The facts about the page. */
struct page {
	uint64_t address;	       /* of its first byte */
	const struct mapping *mapping; /* NULL: not mapped */
	enum mseald_segment segment;
	bool sealed;
	bool native; /* sealed by mseal(2) too */
	unsigned deny[MSEALD_ACTION_COUNT];
};

struct answer {
	json_t *row; /* number of the row; NULL: the daemon does not report the operation */
	const char *operation, *description, *outcome, *by;
	char why[256];
	bool raced;
};

static bool covers(const struct space_seal *seal, uint64_t address)
{
	return seal->start <= address && address < seal->end;
}

static struct page look_at(const struct address_space *space, uint64_t address)
{
	struct page page = {
		.address = page_down(address),
		.mapping = proc_maps_find(&space->maps, address),
		.segment = address_space_segment(space, address),
	};

	for (size_t i = 0; i < space->seals.count; i++) {
		const struct space_seal *seal = &space->seals.list[i];

		if (!covers(seal, address))
			continue;
		page.sealed = true;
		page.native |= strcmp(seal->gate, "native") == 0;
		for (unsigned action = 0; action < MSEALD_ACTION_COUNT; action++)
			page.deny[action] |= seal->deny[action];
	}
	return page;
}

/* Does the kernel itself refuse the operation, because mseal(2) has sealed the page? */
static bool refused_natively(const struct page *page, const json_t *row)
{
	const char *scope = reply_string(row, "native");

	if (!page->native || !page->mapping)
		return false;
	return strcmp(scope, "all") == 0 ||
	       (strcmp(scope, "anonymous") == 0 && !page->mapping->shared && !page->mapping->inode);
}

static unsigned lowest(unsigned deny)
{
	return deny & -deny;
}

/* Has the page the contents of a file that its seal could protect from writes? */
static bool has_file(const struct page *page)
{
	return page->mapping && page->mapping->inode && !page->mapping->shared;
}

/* The outcome of a row that can be denied on this kernel, for a seal with this action. */
static void judge_covered(struct answer *answer, const struct page *page, const json_t *row, unsigned bit)
{
	const char *outcome = reply_string(row, "outcome"), *name;
	unsigned found = 0;

	for (unsigned action = 0; action < MSEALD_ACTION_COUNT; action++)
		found |= page->deny[action] & bit;
	name = names_deny(lowest(found));
	if (refused_natively(page, row)) {
		answer->by = "native";
		outcome = "EPERM";
	} else {
		answer->raced = reply_bool(row, "raced");
	}
	if (page->deny[MSEALD_ACTION_KILL] & bit) {
		answer->outcome = "SIGKILL";
		(void)snprintf(answer->why, sizeof(answer->why), "the seal kills for %s%s", name,
			       bit & (MSEALD_DENY_FOREIGN_WRITE | MSEALD_DENY_FILE_WRITE) ?
				       "; another process gets an error" :
				       "");
	} else if (page->deny[MSEALD_ACTION_DENY] & bit) {
		answer->outcome = outcome;
		(void)snprintf(answer->why, sizeof(answer->why),
			       strcmp(outcome, "SIGKILL") == 0 ?
				       "the seal denies %s, on this kernel by SIGKILL" :
				       "the seal denies %s",
			       name);
	} else {
		answer->outcome = "logged";
		(void)snprintf(answer->why, sizeof(answer->why), "the seal only logs %s", name);
	}
	if (answer->raced)
		(void)strncat(answer->why, "; a race can bypass it",
			      sizeof(answer->why) - strlen(answer->why) - 1);
}

/* Judges an operation by the daemon's row for it; NULL: none. */
static struct answer judge(const struct page *page, const char *operation, unsigned bit, const json_t *row)
{
	struct answer answer = {
		.row = json_object_get(row, "row"),
		.operation = operation,
		.description = row ? reply_string(row, "description") : operation,
		.outcome = "allowed",
		.by = "-",
	};
	const char *by = reply_string(row, "by"), *note = reply_string(row, "note");
	unsigned any = 0;

	for (unsigned action = 0; action < MSEALD_ACTION_COUNT; action++)
		any |= page->deny[action];

	if (!page->sealed) {
		(void)snprintf(answer.why, sizeof(answer.why), "not sealed");
	} else if (bit & MSEALD_DENY_FILE_WRITE && !has_file(page)) {
		(void)snprintf(answer.why, sizeof(answer.why), "not a private mapping of a file");
	} else if (!(any & bit)) {
		bool writable = bit & MSEALD_DENY_FILE && page->mapping && page->mapping->write;

		(void)snprintf(answer.why, sizeof(answer.why), "the seal does not deny %s%s",
			       names_deny(lowest(bit)), writable ? ": the memory is writable" : "");
	} else if (!row) {
		(void)snprintf(answer.why, sizeof(answer.why), "not known to this version of mseald");
	} else if (strcmp(reply_string(row, "outcome"), "not covered") == 0 || strcmp(by, "none") == 0) {
		(void)snprintf(answer.why, sizeof(answer.why), "not covered on this kernel%s%s%s",
			       *note ? " (" : "", note, *note ? ")" : "");
	} else {
		answer.by = by;
		judge_covered(&answer, page, row, bit);
	}
	return answer;
}

static bool has_row(const json_t *rows, const char *operation)
{
	const json_t *row;
	size_t i;

	json_array_foreach(rows, i, row)
		if (strcmp(reply_string(row, "operation"), operation) == 0)
			return true;
	return false;
}

/* Calls add for every row of the daemon, then for the operations without a row. */
static void judge_all(const struct page *page, const json_t *rows,
		      void (*add)(const struct answer *answer, void *to), void *to)
{
	const json_t *row;
	struct answer answer;
	size_t i;

	json_array_foreach(rows, i, row) {
		answer = judge(page, reply_string(row, "operation"),
			       names_json_read(row, "deny", names_find_deny), row);
		add(&answer, to);
	}
	for (unsigned op = 0; op < MSEALD_OP_COUNT; op++) {
		if (has_row(rows, names_op(op)))
			continue;
		answer = judge(page, names_op(op), names_deny_of_op(op), NULL);
		add(&answer, to);
	}
}

/* --- output as JSON --- */

static void add_json(const struct answer *answer, void *to)
{
	(void)json_array_append_new(to, json_pack("{s:O*, s:s, s:s, s:s, s:s, s:b, s:s}", "row", answer->row,
						  "operation", answer->operation, "description",
						  answer->description, "outcome", answer->outcome, "by",
						  answer->by, "raced", answer->raced, "why", answer->why));
}

static json_t *mapping_to_json(const struct page *page)
{
	const struct mapping *mapping = page->mapping;
	char permissions[5] = "";

	if (!mapping)
		return json_null();
	(void)snprintf(permissions, sizeof(permissions), "%c%c%c%c", mapping->read ? 'r' : '-',
		       mapping->write ? 'w' : '-', mapping->exec ? 'x' : '-', mapping->shared ? 's' : 'p');
	return json_pack("{s:I, s:I, s:s, s:o}", "start", (json_int_t)mapping->start, "end",
			 (json_int_t)mapping->end, "permissions", permissions, "path",
			 text_json(mapping->path));
}

static json_t *matching_seals(const json_t *document, uint64_t address)
{
	const json_t *spaces = json_object_get(document, "spaces"), *space;
	json_t *matching = json_array();
	size_t i, j;

	json_array_foreach(spaces, i, space) {
		const json_t *seals = json_object_get(space, "seals");
		json_t *seal;

		json_array_foreach(seals, j, seal) {
			struct space_seal one = spaces_seal_from_json(seal);

			if (covers(&one, address))
				(void)json_array_append(matching, seal);
		}
	}
	return matching;
}

static int print_json(const struct address_space *space, const struct page *page, const json_t *document,
		      const json_t *rows)
{
	_cleanup_json_ json_t *answer = NULL;
	json_t *list = json_array();

	judge_all(page, rows, add_json, list);
	answer = json_pack("{s:i, s:o, s:I, s:s, s:b, s:o, s:o, s:o}", "pid", space->pid, "comm",
			   text_json(space->comm), "address", (json_int_t)page->address, "segment",
			   names_segment(page->segment), "sealed", page->sealed, "mapping",
			   mapping_to_json(page), "seals", matching_seals(document, page->address),
			   "operations", list);
	return answer ? client_print_json(answer) : error_out_of_memory();
}

/* --- output as text --- */

struct sheet {
	struct table *table;
	bool sealed;
};

static void add_row(const struct answer *answer, void *to)
{
	const struct sheet *sheet = to;
	enum colour colour = COLOUR_GREEN;

	if (strcmp(answer->outcome, "allowed") == 0)
		colour = sheet->sealed ? COLOUR_RED : COLOUR_NONE;
	else if (strcmp(answer->outcome, "logged") == 0 || answer->raced)
		colour = COLOUR_YELLOW;
	table_add(sheet->table, COLOUR_NONE, "%s", answer->description);
	table_add(sheet->table, colour, "%s", answer->outcome);
	table_add(sheet->table, COLOUR_NONE, "%s", answer->by);
	table_add(sheet->table, COLOUR_NONE, "%s", answer->why);
}

static int print_head(const struct address_space *space, const struct page *page,
		      const struct terminal *terminal)
{
	const struct mapping *mapping = page->mapping;
	const char *name = mapping && *mapping->path ? mapping->path : "anonymous";
	_cleanup_free_ char *comm = text_escape(space->comm, terminal->utf8);
	_cleanup_free_ char *path = text_escape(name, terminal->utf8);
	char size[TEXT_SIZE_MAX], deny[SPACES_DENY_TEXT_MAX];

	if (!comm || !path)
		return -1;
	(void)printf("page     0x%" PRIx64 " of %s%s%s[%d]\n", page->address,
		     terminal_on(terminal, COLOUR_BOLD), comm, terminal_off(terminal, COLOUR_BOLD),
		     space->pid);
	if (mapping)
		(void)printf("mapping  0x%" PRIx64 "-0x%" PRIx64 " %c%c%c%c %s %s\n", mapping->start,
			     mapping->end, mapping->read ? 'r' : '-', mapping->write ? 'w' : '-',
			     mapping->exec ? 'x' : '-', mapping->shared ? 's' : 'p',
			     text_size(mapping->end - mapping->start, size), path);
	else
		(void)puts("mapping  none: nothing is mapped here");
	(void)printf("segment  %s%s%s\n", terminal_on(terminal, terminal_segment_colour(page->segment)),
		     names_segment(page->segment),
		     terminal_off(terminal, terminal_segment_colour(page->segment)));
	if (!page->sealed)
		(void)puts("seal     none");
	for (size_t i = 0; i < space->seals.count; i++) {
		const struct space_seal *seal = &space->seals.list[i];

		if (covers(seal, page->address))
			(void)printf("seal     0x%" PRIx64 "-0x%" PRIx64 " %s, %s, gate %s, %" PRIu64
				     " attempt%s\n",
				     seal->start, seal->end, spaces_deny_text(seal->deny, false, deny),
				     seal->revocable ? "revocable" : "permanent",
				     *seal->gate ? seal->gate : "-", seal->attempts,
				     seal->attempts == 1 ? "" : "s");
	}
	(void)putchar('\n');
	return 0;
}

static int print_text(const struct address_space *space, const struct page *page, const json_t *rows)
{
	static const struct column columns[] = {
		{ .title = "OPERATION", .wrap = true, .share = 30 },
		{ .title = "OUTCOME" },
		{ .title = "BY" },
		{ .title = "WHY", .wrap = true, .share = 30 },
	};
	struct terminal terminal = terminal_detect();
	_cleanup_(table_free) struct table table = table_new(columns, ELEMENTS(columns), &terminal);
	struct sheet sheet = { &table, page->sealed };

	if (print_head(space, page, &terminal) < 0)
		return error_out_of_memory();
	judge_all(page, rows, add_row, &sheet);
	return table_print(&table, stdout) < 0 ? error_out_of_memory() : CTL_OK;
}

int command_explain(struct ctl *ctl, int argc, char **argv)
{
	_cleanup_(address_space_free) struct address_space space = {};
	_cleanup_json_ json_t *document = NULL, *status = NULL;
	const json_t *rows;
	uint64_t address;
	struct page page;
	pid_t pid;
	int r;

	if (options_none(ctl, argc, argv) == CTL_STOP)
		return ctl->status;
	if (argc - optind != 2)
		return error_usage(ctl, argc == optind	   ? "no PID given" :
					argc - optind == 1 ? "no ADDRESS given" :
							     "one PID and one ADDRESS only");
	r = options_parse_pid(ctl, argv[optind], &pid);
	if (r)
		return r;
	r = options_parse_address(ctl, argv[optind + 1], &address);
	if (r)
		return r;
	r = spaces_fetch(ctl, pid, &document);
	if (r)
		return r;
	r = client_call(ctl, "Status", json_object(), &status);
	if (r)
		return r;
	r = address_space_read(pid, document, &space);
	if (r)
		return r;

	page = look_at(&space, address);
	if (!page.mapping && !page.sealed)
		return error_failure("pid %d: nothing is mapped at 0x%" PRIx64 " (see msealctl map %d)", pid,
				     address, pid);
	rows = json_object_get(status, "rows");
	return ctl->json ? print_json(&space, &page, document, rows) : print_text(&space, &page, rows);
}
