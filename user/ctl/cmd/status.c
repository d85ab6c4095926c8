// SPDX-License-Identifier: LGPL-2.1-or-later
/* msealctl status: the result of each operation on this kernel, usage, counters and warnings. */
#include <inttypes.h>

#include "ctl/base/client.h"
#include "ctl/base/error.h"
#include "ctl/base/options.h"
#include "ctl/base/reply.h"
#include "ctl/cmd/commands.h"
#include "ctl/view/table.h"
#include "lib/base/util.h"

/* On a narrower terminal the notes follow the table, each once, with a number. */
#define NOTES_FROM 160

static const struct column columns[] = {
	{ .title = "ROW", .right = true },
	{ .title = "OPERATION", .wrap = true, .share = 30 },
	{ .title = "PERMANENT" },
	{ .title = "REVOCABLE" },
	{ .title = "RACED" },
	{ .title = "NOTE", .wrap = true, .share = 20 },
};

static enum colour outcome_colour(const char *outcome)
{
	if (strcmp(outcome, "EPERM") == 0)
		return COLOUR_GREEN;
	return strcmp(outcome, "SIGKILL") == 0 ? COLOUR_YELLOW : COLOUR_RED;
}

/* "EPERM native": the outcome, and the mechanism. */
static void add_outcome(struct table *table, const char *outcome, const char *by)
{
	table_add(table, outcome_colour(outcome), "%s%s%s", outcome, strcmp(by, "none") == 0 ? "" : " ",
		  strcmp(by, "none") == 0 ? "" : by);
}

/* The number of a note, from 1; the same text gets the same number. */
static size_t number_note(json_t *notes, const char *text)
{
	const json_t *note;
	size_t i;

	json_array_foreach(notes, i, note)
		if (strcmp(json_string_value(note), text) == 0)
			return i + 1;
	(void)json_array_append_new(notes, json_string(text));
	return json_array_size(notes);
}

/* notes: NULL, or the list that numbers them. False: out of memory. */
static bool add_row(struct table *table, const json_t *row, json_t *notes)
{
	const char *outcome = reply_string(row, "outcome"), *by = reply_string(row, "by");
	const char *native = reply_string(row, "native"), *note = reply_string(row, "note");
	bool raced = reply_bool(row, "raced"), all = strcmp(native, "all") == 0;
	bool anonymous = strcmp(native, "anonymous") == 0;
	_cleanup_free_ char *text = anonymous ? FORMAT_NEW("of a file: %s %s%s%s", outcome, by,
							   *note ? "; " : "", note) :
						strdup(note);

	if (!text)
		return false;
	table_add(table, COLOUR_NONE, "%" PRIu64, reply_integer(row, "row"));
	table_add(table, COLOUR_NONE, "%s", reply_string(row, "description"));
	if (all || anonymous)
		add_outcome(table, "EPERM", "native");
	else
		add_outcome(table, outcome, by);
	add_outcome(table, outcome, by);
	table_add(table, raced ? COLOUR_YELLOW : COLOUR_NONE, "%s",
		  !raced ? "no" :
		  all	 ? "revocable" :
			   "yes");
	if (notes && *text)
		table_add(table, COLOUR_NONE, "(%zu)", number_note(notes, text));
	else
		table_add(table, COLOUR_NONE, "%s", text);
	return true;
}

static int print_rows(const struct terminal *terminal, const json_t *rows)
{
	bool narrow = terminal->width && terminal->width < NOTES_FROM;
	_cleanup_(table_free) struct table table = table_new(columns, ELEMENTS(columns), terminal);
	_cleanup_json_ json_t *notes = narrow ? json_array() : NULL;
	const json_t *row, *note;
	size_t i;

	json_array_foreach(rows, i, row)
		table.failed |= !add_row(&table, row, notes);
	if (table_print(&table, stdout) < 0)
		return error_out_of_memory();
	/* Text of the daemon, not chosen by processes. */
	json_array_foreach(notes, i, note)
		(void)printf("%s(%zu) %s\n", i ? "" : "\n", i + 1, json_string_value(note));
	return CTL_OK;
}

static void warn(const struct terminal *terminal, const char *format, ...) _printf_(2, 3);
static void warn(const struct terminal *terminal, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	(void)printf("%swarning:%s ", terminal_on(terminal, COLOUR_YELLOW),
		     terminal_off(terminal, COLOUR_YELLOW));
	(void)vprintf(format, arguments);
	(void)putchar('\n');
	va_end(arguments);
}

static void print_warnings(const struct terminal *terminal, const json_t *status)
{
	const json_t *rows = json_object_get(status, "rows"), *row;
	uint64_t lost = reply_integer(status, "lost"), misses = reply_integer(status, "misses");
	uint64_t unsealed = reply_integer(status, "unsealed");
	size_t raced = 0, uncovered = 0, i;

	json_array_foreach(rows, i, row) {
		raced += reply_bool(row, "raced");
		uncovered += strcmp(reply_string(row, "outcome"), "not covered") == 0;
	}
	if (lost)
		warn(terminal,
		     "%" PRIu64
		     " event%s lost because a buffer was full; the attempts were denied all the same",
		     lost, lost == 1 ? " was" : "s were");
	if (misses)
		warn(terminal,
		     "BPF programs were skipped %" PRIu64
		     " time%s (preempted); mseald then checks every seal against the maps",
		     misses, misses == 1 ? "" : "s");
	if (unsealed)
		warn(terminal,
		     "%" PRIu64
		     " process%s of policies or containers could not be sealed, or not in time, since "
		     "start (see log)",
		     unsealed, unsealed == 1 ? "" : "es");
	if (raced)
		warn(terminal,
		     "%zu row%s can be raced on this kernel: a call may slip past while a program is "
		     "preempted",
		     raced, raced == 1 ? "" : "s");
	if (uncovered)
		warn(terminal, "%zu row%s not covered on this kernel; see msealctl check", uncovered,
		     uncovered == 1 ? " is" : "s are");
}

/* Only root gets the state of the lock: without it and without the starts the client is not root. */
static void print_lock(const json_t *status)
{
	const json_t *lock = json_object_get(status, "lock"), *one;
	const json_t *denials = json_object_get(lock, "denials");
	uint64_t attempts = 0;
	size_t i;

	if (!lock) {
		(void)printf("lock       %s\n",
			     json_object_get(status, "starts") ? "off" : "shown to root only");
		return;
	}
	json_array_foreach(denials, i, one)
		attempts += reply_integer(one, "attempts");
	(void)printf("lock       on until reboot: %" PRIu64 " maps, %" PRIu64 " programs, %" PRIu64
		     " links, pins, mseald%s; %" PRIu64 " denied",
		     reply_integer(lock, "maps"), reply_integer(lock, "programs"),
		     reply_integer(lock, "links"), reply_bool(lock, "signals") ? ", signals" : "", attempts);
	json_array_foreach(denials, i, one)
		(void)printf("%s%s %" PRIu64, i ? ", " : " (", reply_string(one, "operation"),
			     reply_integer(one, "attempts"));
	(void)printf("%s\n", attempts ? ")" : "");
}

/* Only root gets them. */
static void print_starts(const json_t *starts)
{
	uint64_t programs = reply_integer(starts, "programs"), empty = reply_integer(starts, "pool_empty");

	if (!starts)
		return;
	(void)printf("starts     %" PRIu64 " program%s sealed by a policy as %s started, %" PRIu64
		     " sealed late, %" PRIu64 " ended unsealed",
		     programs, programs == 1 ? "" : "s", programs == 1 ? "it" : "they",
		     reply_integer(starts, "late"), reply_integer(starts, "ended"));
	if (empty)
		(void)printf("; no seal set was free %" PRIu64 " time%s", empty, empty == 1 ? "" : "s");
	(void)putchar('\n');
}

static int print_text(const json_t *status)
{
	struct terminal terminal = terminal_detect();
	uint64_t spaces = reply_integer(status, "spaces"), sets = reply_integer(status, "sets");
	/* Strings of the daemon, and the kernel's version: not chosen by processes. */
	const char *version = reply_string(status, "version"),
		   *preemption = reply_string(status, "preemption");
	int r;

	(void)printf("mseald     %s on Linux %s, preemption %s\n", version, reply_string(status, "kernel"),
		     *preemption ? preemption : "unknown");
	(void)printf("programs   %s\n",
		     reply_bool(status, "attached") ? "attached" : "not attached: nothing is sealed");
	(void)printf("sealed     %" PRIu64 " address space%s (room for %" PRIu64 "), %" PRIu64
		     " seal set%s (room for %" PRIu64 ")\n",
		     spaces, spaces == 1 ? "" : "s", reply_integer(status, "spaces_max"), sets,
		     sets == 1 ? "" : "s", reply_integer(status, "sets_max"));
	(void)printf("attempts   %" PRIu64 " denied, %" PRIu64 " killed, %" PRIu64 " audited\n",
		     reply_integer(status, "denied"), reply_integer(status, "killed"),
		     reply_integer(status, "audited"));
	print_starts(json_object_get(status, "starts"));
	print_lock(status);
	(void)putchar('\n');
	r = print_rows(&terminal, json_object_get(status, "rows"));
	if (r)
		return r;
	(void)putchar('\n');
	print_warnings(&terminal, status);
	return CTL_OK;
}

int command_status(struct ctl *ctl, int argc, char **argv)
{
	_cleanup_json_ json_t *status = NULL;
	int r;

	if (options_none(ctl, argc, argv) == CTL_STOP)
		return ctl->status;
	if (optind < argc)
		return error_usage(ctl, "unexpected argument '%s'", argv[optind]);
	r = client_call(ctl, "Status", json_object(), &status);
	if (r)
		return r;
	return ctl->json ? client_print_json(status) : print_text(status);
}
