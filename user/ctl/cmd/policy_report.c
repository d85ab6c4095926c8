// SPDX-License-Identifier: LGPL-2.1-or-later
/* msealctl policy report: attempts, summed up, and advice. */
#include <inttypes.h>

#include "ctl/base/client.h"
#include "ctl/base/error.h"
#include "ctl/base/options.h"
#include "ctl/base/reply.h"
#include "ctl/base/text.h"
#include "ctl/cmd/commands.h"
#include "ctl/view/policy_common.h"
#include "ctl/view/report_advice.h"
#include "ctl/view/table.h"
#include "lib/base/clock.h"
#include "lib/base/names.h"
#include "lib/base/util.h"

#define PROCESSES_MORE 32 /* there may be more */
#define BY_HAND "-"

static const struct column columns[] = {
	{ .title = "PROGRAM", .shorten = true, .share = 20 },
	{ .title = "OPERATION" },
	{ .title = "SEGMENT" },
	{ .title = "VERDICT" },
	{ .title = "ATTEMPTS", .right = true },
	{ .title = "PROCESSES", .right = true, .least = 100 },
	{ .title = "FIRST", .least = 200 },
	{ .title = "LAST", .least = 120 },
	{ .title = "WITH DENY" },
	{ .title = "EXAMPLE", .wrap = true, .share = 20, .least = 170 },
};

#define TIME_MAX 32
static const char *time_text(uint64_t ns, char buf[TIME_MAX])
{
	time_t seconds = (time_t)(ns / NS_PER_SECOND);
	struct tm local = {};

	if (!localtime_r(&seconds, &local) || !strftime(buf, TIME_MAX, "%Y-%m-%d %H:%M:%S", &local))
		(void)strcpy(buf, "?");
	return buf;
}

/* The kind of a call whose range says little: a kind of io.mseald.Report. NULL: the range is enough. */
static const char *kind_text(const json_t *example)
{
	static const char *const texts[MSEALD_KIND_COUNT] = {
		[0] = "a mapping that grows down (MAP_GROWSDOWN)",
		[1] = "the stack made executable",
		[2] = "text on huge pages",
		[3] = "all of the memory",
	};
	const json_t *word = json_array_get(json_object_get(example, "kinds"), 0);
	int kind = json_is_string(word) ? names_find_kind(json_string_value(word)) : -1;

	if (kind > 0)
		return texts[__builtin_ctz((unsigned)kind)];
	/* The ranges are in user memory, and unknown to the gates. */
	return reply_integer(example, "length") > UINT64_C(1) << 60 ? "any of the memory" : NULL;
}

/* "text+4K by nginx[812] at libc.so.6+0x1": addresses if their file is unknown. */
static char *example_text(const json_t *example)
{
	const char *kind = kind_text(example);
	const char *symbol = reply_string(example, "symbol"), *caller = reply_string(example, "caller");
	char symbol_number[24], caller_number[24], size[TEXT_SIZE_MAX];

	(void)snprintf(symbol_number, sizeof(symbol_number), "0x%" PRIx64, reply_integer(example, "address"));
	(void)snprintf(caller_number, sizeof(caller_number), "0x%" PRIx64, reply_integer(example, "ip"));
	(void)text_size(reply_integer(example, "length"), size);
	return FORMAT_NEW("%s%s%s by %s[%" PRIu64 "] at %s", kind ? kind : size, kind ? "" : " of ",
			  kind	  ? "" :
			  *symbol ? symbol :
				    symbol_number,
			  reply_string(example, "comm"), reply_integer(example, "pid"),
			  *caller ? caller : caller_number);
}

static enum colour verdict_colour(const char *verdict)
{
	return strcmp(verdict, "killed") == 0  ? COLOUR_RED :
	       strcmp(verdict, "audited") == 0 ? COLOUR_YELLOW :
						 COLOUR_NONE;
}

static int add_row(struct table *table, const json_t *row)
{
	_cleanup_free_ char *example = example_text(json_object_get(row, "example"));
	const char *verdict = reply_string(row, "verdict"), *outcome = reply_string(row, "outcome");
	const char *segment = reply_string(row, "segment"), *by = reply_string(row, "by");
	uint64_t processes = reply_integer(row, "processes");
	bool native = strcmp(by, "native") == 0;
	char first[TIME_MAX], last[TIME_MAX];

	if (!example)
		return -1;
	table_add(table, COLOUR_BOLD, "%s", reply_string(row, "program"));
	table_add(table, COLOUR_NONE, "%s", reply_string(row, "operation"));
	table_add(table, COLOUR_NONE, "%s", strcmp(segment, "none") == 0 ? "-" : segment);
	table_add(table, verdict_colour(verdict), "%s", verdict);
	table_add(table, COLOUR_NONE, "%" PRIu64, reply_integer(row, "attempts"));
	table_add(table, COLOUR_NONE, "%" PRIu64 "%s", processes, processes >= PROCESSES_MORE ? "+" : "");
	table_add(table, COLOUR_NONE, "%s", time_text(reply_integer(row, "first"), first));
	table_add(table, COLOUR_NONE, "%s", time_text(reply_integer(row, "last"), last));
	table_add(table, strcmp(outcome, "SIGKILL") == 0 ? COLOUR_RED : COLOUR_NONE, "%s%s", outcome,
		  native ? " (native)" : "");
	table_add(table, COLOUR_NONE, "%s", example);
	return 0;
}

/* --- one policy --- */

static int compare_attempts(const void *a, const void *b)
{
	uint64_t x = reply_integer(*(const json_t *const *)a, "attempts");
	uint64_t y = reply_integer(*(const json_t *const *)b, "attempts");

	return x > y ? -1 : x < y;
}

/* Prints the rows of one policy, the most frequent first; returns their number, or -1: out of memory. */
static int print_rows(const struct terminal *terminal, const json_t *rows, const char *policy)
{
	_cleanup_(table_free) struct table table = table_new(columns, ELEMENTS(columns), terminal);
	_cleanup_free_ const json_t **sorted = calloc(json_array_size(rows) + 1, sizeof(*sorted));
	const json_t *row;
	size_t i, count = 0;

	if (!sorted)
		return -1;
	json_array_foreach(rows, i, row)
		if (strcmp(reply_string(row, "policy"), policy) == 0)
			sorted[count++] = row;
	qsort(sorted, count, sizeof(*sorted), compare_attempts);
	for (i = 0; i < count; i++)
		if (add_row(&table, sorted[i]) < 0)
			return -1;
	return count && table_print(&table, stdout) < 0 ? -1 : (int)count;
}

static int print_head(const struct terminal *terminal, const char *name, const char *what)
{
	_cleanup_free_ char *escaped = text_escape(name, terminal->utf8);

	if (!escaped)
		return -1;
	(void)printf("%s%s%s: %s\n", terminal_on(terminal, COLOUR_BOLD), escaped,
		     terminal_off(terminal, COLOUR_BOLD), what);
	return 0;
}

/* Prints its lines, the first with an arrow. Modifies it. */
static int print_advice(const struct terminal *terminal, char *advice)
{
	const char *before = "=> ";

	for (char *line; (line = strsep(&advice, "\n")); before = "   ") {
		_cleanup_free_ char *escaped = text_escape(line, terminal->utf8);

		if (!escaped)
			return -1;
		(void)printf("%s%s\n", before, escaped);
	}
	return 0;
}

static int print_policy(const struct terminal *terminal, const json_t *policy, const json_t *reply,
			uint64_t now)
{
	const json_t *rows = json_object_get(reply, "rows");
	const char *name = reply_string(policy, "name");
	_cleanup_free_ char *advice = report_advice(policy, rows, reply_integer(reply, "lost"), now);
	uint64_t sealed = reply_integer(policy, "sealed");
	char what[160];

	(void)snprintf(what, sizeof(what), "Action=%s, %" PRIu64 " address space%s sealed",
		       reply_string(policy, "action"), sealed, sealed == 1 ? "" : "s");
	if (!advice || print_head(terminal, name, what) < 0 || print_rows(terminal, rows, name) < 0 ||
	    print_advice(terminal, advice) < 0)
		return -1;
	(void)putchar('\n');
	return 0;
}

/* Is its policy active, or was it printed already with an earlier row? */
static bool is_printed(const json_t *reply, size_t row)
{
	const json_t *rows = json_object_get(reply, "rows"), *policies = json_object_get(reply, "policies"),
		     *policy;
	const char *name = reply_string(json_array_get(rows, row), "policy");
	size_t i;

	json_array_foreach(policies, i, policy)
		if (strcmp(reply_string(policy, "name"), name) == 0)
			return true;
	for (i = 0; i < row; i++)
		if (strcmp(reply_string(json_array_get(rows, i), "policy"), name) == 0)
			return true;
	return false;
}

/* Prints the rows that belong to no active policy. */
static int print_others(const struct terminal *terminal, const json_t *reply)
{
	const json_t *rows = json_object_get(reply, "rows"), *row;
	size_t i;

	json_array_foreach(rows, i, row) {
		const char *name = reply_string(row, "policy");
		bool hand = strcmp(name, BY_HAND) == 0;

		if (is_printed(reply, i))
			continue;
		if (print_head(terminal, hand ? "no policy" : name,
			       hand ? "sealed by hand, or by msealctl run" : "no longer active") < 0 ||
		    print_rows(terminal, rows, name) < 0)
			return -1;
		(void)putchar('\n');
	}
	return 0;
}

static void print_foot(const json_t *reply)
{
	uint64_t lost = reply_integer(reply, "lost"), full = reply_integer(reply, "full");
	char since[TIME_MAX];

	(void)printf("since %s\n", time_text(reply_integer(reply, "since"), since));
	if (lost)
		(void)printf("%" PRIu64 " attempt%s missing: %s was full (they were denied all the same)\n",
			     lost, lost == 1 ? " is" : "s are",
			     full >= lost ? "the table" :
			     full	  ? "the event buffer, or the table," :
					    "the event buffer");
}

static int print_report(const json_t *reply)
{
	const json_t *policies = json_object_get(reply, "policies"), *policy;
	struct terminal terminal = terminal_detect();
	uint64_t now = clock_ns(CLOCK_REALTIME);
	size_t i;

	json_array_foreach(policies, i, policy)
		if (print_policy(&terminal, policy, reply, now) < 0)
			return error_out_of_memory();
	if (print_others(&terminal, reply) < 0)
		return error_out_of_memory();
	if (!json_array_size(policies) && !json_array_size(json_object_get(reply, "rows")))
		(void)puts("No policy is active, and nothing was attempted.");
	print_foot(reply);
	return CTL_OK;
}

/* Adds the advice for each policy. */
static int print_json(json_t *reply)
{
	json_t *policies = json_object_get(reply, "policies"), *policy;
	uint64_t now = clock_ns(CLOCK_REALTIME);
	size_t i;

	json_array_foreach(policies, i, policy) {
		_cleanup_free_ char *advice = report_advice(policy, json_object_get(reply, "rows"),
							    reply_integer(reply, "lost"), now);

		if (!advice || json_object_set_new(policy, "advice", text_json(advice)) < 0 ||
		    json_object_set_new(policy, "ways",
					report_advice_ways(policy, json_object_get(reply, "rows"))) < 0)
			return error_out_of_memory();
	}
	return client_print_json(reply);
}

int command_policy_report(struct ctl *ctl, int argc, char **argv)
{
	enum { OPTION_RESET = CTL_OPTION_OWN };
	static const struct option options[] = {
		{ "reset", no_argument, NULL, OPTION_RESET },
		CTL_GLOBAL_OPTIONS,
	};
	_cleanup_json_ json_t *reply = NULL;
	_cleanup_free_ char *name = NULL;
	bool reset = false;
	int option, r;

	while ((option = options_next(ctl, argc, argv, options)) != CTL_END) {
		if (option == CTL_STOP)
			return ctl->status;
		reset = true;
	}
	if (optind + 1 < argc)
		return error_usage(ctl, "unexpected argument '%s' after NAME", argv[optind + 1]);
	if (reset && optind < argc)
		return error_usage(ctl, "--reset empties the whole report, and takes no NAME");
	if (optind < argc) {
		name = strndup(argv[optind], load_name_length(argv[optind]));
		if (!name)
			return error_out_of_memory();
	}
	r = client_call(ctl, "Report", json_pack("{s:s*,s:b}", "policy", name, "reset", reset), &reply);
	if (r)
		return r;
	if (name && !json_array_size(json_object_get(reply, "policies")) &&
	    !json_array_size(json_object_get(reply, "rows")))
		return error_failure(
			"policy '%s' is not active or seals nothing, and no attempts are recorded for it",
			name);
	if (ctl->json)
		return print_json(reply);
	if (!reset)
		return print_report(reply);
	(void)puts("The report is empty now.");
	return CTL_OK;
}
