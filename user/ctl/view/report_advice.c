// SPDX-License-Identifier: LGPL-2.1-or-later
/* Turns attempts that a policy would have denied into keys to change in it: see report_advice.h. */
#include "ctl/view/report_advice.h"

#include <inttypes.h>

#include "ctl/base/reply.h"
#include "ctl/base/text.h"
#include "lib/base/names_json.h"
#include "lib/base/util.h"

#define NS_PER_MINUTE 60000000000ull
/* Deny bits with a key of their own. */
#define KEYED (MSEALD_DENY_FOREIGN_WRITE | MSEALD_DENY_FILE_WRITE)
/* A seal without a segment covers several (docs/design/sealing-at-start.md, "Sealing at the start"). */
#define SEVERAL (1u << MSEALD_SEGMENT_TEXT | 1u << MSEALD_SEGMENT_RODATA | 1u << MSEALD_SEGMENT_RELRO)

/* Attempts on memory sealed by a policy: by one program, or (NULL) by all. */
struct sums {
	const char *program;
	uint64_t attempts[MSEALD_VERDICT_COUNT];
	uint64_t killed_by_deny; /* of the audited attempts: those for which deny could only kill */
	unsigned deny, segments; /* of the attempts that the policy met */
	unsigned kinds;
	bool only_unload; /* only unmapping, and mapping where memory was unmapped */
	bool anywhere;	  /* some call's range is unknown: it was judged by all seals */
};

/* Alternatives: each alone is enough. */
struct ways {
	char text[3][160];
	size_t count;
};

static enum mseald_verdict verdict_of(const json_t *row)
{
	const char *verdict = reply_string(row, "verdict");

	return strcmp(verdict, "audited") == 0 ? MSEALD_VERDICT_AUDITED :
	       strcmp(verdict, "killed") == 0  ? MSEALD_VERDICT_KILLED :
						 MSEALD_VERDICT_DENIED;
}

/* The segments of a row; from an older daemon: only the first. */
static unsigned segments_of(const json_t *row)
{
	unsigned segments = names_json_read(row, "segments", names_json_segment_bit);
	int first = names_find_segment(reply_string(row, "segment"));

	if (!segments && first >= 0)
		segments = 1u << first;
	if (segments & 1u << MSEALD_SEGMENT_NONE)
		segments |= SEVERAL;
	return segments & ~(1u << MSEALD_SEGMENT_NONE);
}

/* Is the range of such a call in user memory, and so unknown to the gates? */
static bool is_anywhere(int op)
{
	return op == MSEALD_OP_PRCTL || op == MSEALD_OP_PROCESS_MADVISE || op == MSEALD_OP_USERFAULTFD;
}

static void add_row(struct sums *sums, const json_t *row, bool audit)
{
	enum mseald_verdict verdict = verdict_of(row);
	int op = names_find_op(reply_string(row, "operation"));
	uint64_t attempts = reply_integer(row, "attempts");
	unsigned deny = names_json_read(row, "deny", names_find_deny);
	unsigned kinds = names_json_read(row, "kinds", names_find_kind);

	sums->attempts[verdict] += attempts;
	if (op < 0 || (verdict == MSEALD_VERDICT_AUDITED) != audit)
		return;
	if (strcmp(reply_string(row, "outcome"), "SIGKILL") == 0)
		sums->killed_by_deny += attempts;
	sums->deny |= deny ? deny : names_deny_of_op((enum mseald_op)op);
	sums->segments |= segments_of(row);
	sums->kinds |= kinds;
	sums->only_unload &= op == MSEALD_OP_MUNMAP || op == MSEALD_OP_MAP_HOLE;
	sums->anywhere |= kinds & (MSEALD_KIND_GROWS | MSEALD_KIND_ALL) || is_anywhere(op);
}

static bool is_audit(const json_t *policy)
{
	return strcmp(reply_string(policy, "action"), "audit") == 0;
}

/* program: NULL for all programs. */
static struct sums sum_up(const json_t *rows, const json_t *policy, const char *program)
{
	struct sums sums = { .program = program, .only_unload = true };
	const json_t *row;
	size_t i;

	json_array_foreach(rows, i, row)
		if (strcmp(reply_string(row, "policy"), reply_string(policy, "name")) == 0 &&
		    (!program || strcmp(reply_string(row, "program"), program) == 0))
			add_row(&sums, row, is_audit(policy));
	return sums;
}

/* Is it the first relevant row of its program? */
static bool is_first(const json_t *rows, size_t index, const json_t *policy)
{
	const json_t *row = json_array_get(rows, index);
	bool audit = is_audit(policy);

	if (strcmp(reply_string(row, "policy"), reply_string(policy, "name")) != 0 ||
	    (verdict_of(row) == MSEALD_VERDICT_AUDITED) != audit)
		return false;
	for (size_t i = 0; i < index; i++) {
		const json_t *earlier = json_array_get(rows, i);

		if (strcmp(reply_string(earlier, "policy"), reply_string(policy, "name")) == 0 &&
		    strcmp(reply_string(earlier, "program"), reply_string(row, "program")) == 0 &&
		    (verdict_of(earlier) == MSEALD_VERDICT_AUDITED) == audit)
			return false;
	}
	return true;
}

static size_t count_programs(const json_t *rows, const json_t *policy)
{
	size_t count = 0;

	for (size_t i = 0; i < json_array_size(rows); i++)
		count += is_first(rows, i, policy);
	return count;
}

/* --- changes that would allow the attempts --- */

static void add_way(struct ways *ways, const char *format, ...) _printf_(2, 3);

static void add_way(struct ways *ways, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	(void)vsnprintf(ways->text[ways->count++], sizeof(ways->text[0]), format, arguments);
	va_end(arguments);
}

/* Each way allows all attempts: a call is denied by any of its deny bits, on any of its segments. */
static struct ways ways_out(const json_t *policy, const struct sums *sums)
{
	unsigned deny_mask = names_json_read(policy, "deny", names_find_deny);
	unsigned segment_mask = names_json_read(policy, "segments", names_json_segment_bit) & ~sums->segments;
	bool foreign = sums->deny & MSEALD_DENY_FOREIGN_WRITE, other = sums->deny & ~KEYED;
	bool file = sums->deny & deny_mask & MSEALD_DENY_FILE_WRITE;
	/* With kill, the first seal that is met ends the walk. */
	bool known = !sums->anywhere && strcmp(reply_string(policy, "action"), "kill") != 0;
	unsigned rest = deny_mask & ~(sums->deny | KEYED);
	const char *allow = foreign && file ? "ForeignWrite=allow and FileWrite=allow" :
			    foreign	    ? "ForeignWrite=allow" :
					      "FileWrite=allow";
	struct ways ways = {};
	char words[96];

	if (sums->only_unload && !sums->anywhere && reply_bool(policy, "dlopen"))
		add_way(&ways, "Dlopen=no, if it is dlclose(3) of a library loaded later");
	if (other && rest)
		add_way(&ways, "Deny=%s%s%s", names_format_deny(rest, words, sizeof(words)),
			foreign || file ? " with " : "", foreign || file ? allow : "");
	else if (foreign && !other)
		add_way(&ways, "%s", allow);
	/* A foreign write is denied for the whole memory, whatever part of it is sealed. */
	if (!foreign && known && segment_mask)
		add_way(&ways, "Segments=%s", names_format_segments(segment_mask, words, sizeof(words)));
	else if (!foreign || !ways.count)
		add_way(&ways, "Segments=none");
	return ways;
}

static void put_ways(FILE *out, const struct ways *ways)
{
	for (size_t i = 0; i < ways->count; i++)
		(void)fprintf(out, "%s%s", i ? "; " : "", ways->text[i]);
}

/* Prints " (an executable stack, all of its memory at once)". */
static void put_kinds(FILE *out, unsigned kinds)
{
	static const char *const texts[MSEALD_KIND_COUNT] = {
		[0] = "a mapping that grows down, by MAP_GROWSDOWN",
		[1] = "an executable stack",
		[2] = "text on huge pages",
		[3] = "all of its memory at once",
	};
	const char *before = " (";

	for (unsigned number = 0; number < MSEALD_KIND_COUNT; number++) {
		if (!(kinds & 1u << number))
			continue;
		(void)fprintf(out, "%s%s", before, texts[number]);
		before = ", ";
	}
	(void)fputs(kinds ? ")" : "", out);
}

/* --- the lines --- */

const char *report_advice_duration(uint64_t ns, char buf[REPORT_ADVICE_DURATION_MAX])
{
	uint64_t minutes = ns / NS_PER_MINUTE, number = minutes;
	const char *unit = "minute";

	if (minutes >= 60 * 72) {
		number = minutes / (60 * 24);
		unit = "day";
	} else if (minutes >= 60) {
		number = minutes / 60;
		unit = "hour";
	}
	(void)snprintf(buf, REPORT_ADVICE_DURATION_MAX, "%" PRIu64 " %s%s", number, unit,
		       number == 1 ? "" : "s");
	return buf;
}

static const char *plural(uint64_t count)
{
	return count == 1 ? "" : "s";
}

static uint64_t count_of(const struct sums *sums, bool audit)
{
	return audit ? sums->attempts[MSEALD_VERDICT_AUDITED] :
		       sums->attempts[MSEALD_VERDICT_DENIED] + sums->attempts[MSEALD_VERDICT_KILLED];
}

/* Prints a line for each program. */
static void put_programs(FILE *out, const json_t *policy, const json_t *rows)
{
	bool audit = is_audit(policy);

	for (size_t i = 0; i < json_array_size(rows); i++) {
		const char *program = reply_string(json_array_get(rows, i), "program");
		struct sums sums;
		struct ways ways;
		uint64_t count;

		if (!is_first(rows, i, policy))
			continue;
		sums = sum_up(rows, policy, program);
		ways = ways_out(policy, &sums);
		count = count_of(&sums, audit);
		(void)fprintf(out, "\n%s: %" PRIu64 " attempt%s", program, count, plural(count));
		put_kinds(out, sums.kinds);
		(void)fputs(": ", out);
		put_ways(out, &ways);
	}
}

/*
 * Prints the change that allows the attempts: in the policy itself, if it is the administrator's and about
 * one program only.
 */
static void put_remedy(FILE *out, const json_t *policy, const json_t *rows, const struct sums *sums,
		       const char *words)
{
	struct ways ways;

	if (reply_bool(policy, "ready") || count_programs(rows, policy) > 1) {
		(void)fprintf(out, "%s, give each program a policy of its own with one of these:", words);
		put_programs(out, policy, rows);
		return;
	}
	ways = ways_out(policy, sums);
	(void)fprintf(out, "%s: ", words);
	put_ways(out, &ways);
}

static void put_audit(FILE *out, const json_t *policy, const json_t *rows, const struct sums *sums,
		      uint64_t lost, const char *duration)
{
	uint64_t audited = sums->attempts[MSEALD_VERDICT_AUDITED];

	if (!audited && !reply_integer(policy, "sealed")) {
		(void)fputs("no running process is sealed by this policy; start a program that matches "
			    "(msealctl policy list)",
			    out);
		return;
	}
	if (!audited && lost) {
		(void)fprintf(out,
			      "no attempt listed would be denied in %s, but %" PRIu64
			      " attempt%s missing; --reset and wait",
			      duration, lost, lost == 1 ? " is" : "s are");
		return;
	}
	if (!audited) {
		(void)fprintf(out, "no call would have been denied in %s; ", duration);
		if (reply_bool(policy, "ready"))
			(void)fprintf(out, "msealctl policy enable --action=deny %s",
				      reply_string(policy, "name"));
		else
			(void)fprintf(out, "change Action=audit to deny in %s", reply_string(policy, "path"));
		return;
	}
	(void)fprintf(out, "%" PRIu64 " attempt%s would not have succeeded with Action=deny", audited,
		      plural(audited));
	put_kinds(out, count_programs(rows, policy) > 1 || reply_bool(policy, "ready") ? 0 : sums->kinds);
	if (sums->killed_by_deny)
		(void)fprintf(out, ", %" PRIu64 " of them by SIGKILL", sums->killed_by_deny);
	put_remedy(out, policy, rows, sums, "; to allow them");
}

static void put_denied(FILE *out, const json_t *policy, const json_t *rows, const struct sums *sums,
		       const char *duration)
{
	uint64_t denied = sums->attempts[MSEALD_VERDICT_DENIED];

	if (!count_of(sums, false)) {
		(void)fprintf(out, "no call was denied in %s", duration);
		return;
	}
	(void)fprintf(out, "%" PRIu64 " attempt%s denied, %" PRIu64 " killed for", denied,
		      denied == 1 ? " was" : "s were", sums->attempts[MSEALD_VERDICT_KILLED]);
	put_kinds(out, count_programs(rows, policy) > 1 || reply_bool(policy, "ready") ? 0 : sums->kinds);
	put_remedy(out, policy, rows, sums, "; if the calls are legitimate, to allow them");
}

/* Prints "munmap, brk". */
static void put_words(FILE *out, const json_t *words)
{
	const json_t *word;
	size_t i;

	json_array_foreach(words, i, word)
		(void)fprintf(out, "%s%s", i ? ", " : "", json_string_value(word) ?: "?");
}

/* Prints the limits of deny on this kernel, before a user relies on it. */
static void put_limits(FILE *out, const json_t *policy)
{
	const json_t *pid1 = json_object_get(policy, "pid1"), *kills = json_object_get(policy, "kills");
	const json_t *at_first = json_object_get(policy, "kills_at_first");

	if (json_array_size(pid1)) {
		(void)fputs("\npid 1 would not be sealed against ", out);
		put_words(out, pid1);
		(void)fputs(": this kernel can only kill for these, and pid 1 cannot be killed", out);
	}
	if (json_array_size(kills)) {
		(void)fputs("\nwith Action=deny this kernel kills the program for: ", out);
		put_words(out, kills);
	}
	if (json_array_size(at_first)) {
		(void)fputs("\nwith Action=deny this kernel kills the program, until mseal(2) holds "
			    "(NativeAfter=), for: ",
			    out);
		put_words(out, at_first);
	}
}

char *report_advice(const json_t *policy, const json_t *rows, uint64_t lost, uint64_t now)
{
	struct sums sums = sum_up(rows, policy, NULL);
	uint64_t since = reply_integer(policy, "since");
	char duration[REPORT_ADVICE_DURATION_MAX];
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return NULL;
	(void)report_advice_duration(now > since ? now - since : 0, duration);
	if (is_audit(policy)) {
		put_audit(out, policy, rows, &sums, lost, duration);
		put_limits(out, policy);
	} else {
		put_denied(out, policy, rows, &sums, duration);
	}
	if (fclose(out) != 0) {
		free(text);
		return NULL;
	}
	return text;
}

json_t *report_advice_ways(const json_t *policy, const json_t *rows)
{
	json_t *list = json_array();

	for (size_t i = 0; i < json_array_size(rows); i++) {
		const char *program = reply_string(json_array_get(rows, i), "program");
		json_t *texts = json_array();
		struct sums sums;
		struct ways ways;

		if (!is_first(rows, i, policy)) {
			json_decref(texts);
			continue;
		}
		sums = sum_up(rows, policy, program);
		ways = ways_out(policy, &sums);
		for (size_t j = 0; j < ways.count; j++)
			(void)json_array_append_new(texts, json_string(ways.text[j]));
		(void)json_array_append_new(
			list, json_pack("{s:o, s:I, s:o, s:o}", "program", text_json(program), "attempts",
					(json_int_t)count_of(&sums, is_audit(policy)), "kinds",
					names_json_bits(sums.kinds, names_kind), "ways", texts));
	}
	return list;
}
