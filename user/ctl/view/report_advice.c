// SPDX-License-Identifier: LGPL-2.1-or-later
/* From attempts that a policy would have denied to the keys to change in it: see report_advice.h. */
#include <inttypes.h>
#include <string.h>

#include "ctl/base/reply.h"
#include "ctl/view/report_advice.h"
#include "lib/base/names.h"

#define NS_PER_MINUTE 60000000000ull
/* No object is as large: a call on more than that would meet the other segments, too. */
#define OBJECT_LENGTH_MAX (UINT64_C(4) << 30)

/* What was attempted on what a policy sealed, all rows together. */
struct sums {
	uint64_t attempts[MSEALD_VERDICT_COUNT];
	uint64_t killed_by_deny; /* of what was audited: what deny could only kill for */
	unsigned deny, segments; /* of those that the policy met */
	bool only_munmap;
	bool beyond; /* some call was on more than one object, such as all of the memory */
};

static enum mseald_verdict verdict_of(const json_t *row)
{
	const char *verdict = reply_string(row, "verdict");

	return strcmp(verdict, "audited") == 0 ? MSEALD_VERDICT_AUDITED :
	       strcmp(verdict, "killed") == 0  ? MSEALD_VERDICT_KILLED :
						 MSEALD_VERDICT_DENIED;
}

static struct sums sum_up(const json_t *rows, const char *policy, bool audit)
{
	struct sums sums = { .only_munmap = true };
	const json_t *row;
	size_t i;

	json_array_foreach(rows, i, row) {
		int op = names_find_op(reply_string(row, "operation")), segment;
		enum mseald_verdict verdict = verdict_of(row);
		uint64_t attempts = reply_integer(row, "attempts");

		if (strcmp(reply_string(row, "policy"), policy) != 0)
			continue;
		sums.attempts[verdict] += attempts;
		if (op < 0 || (verdict == MSEALD_VERDICT_AUDITED) != audit)
			continue;
		if (strcmp(reply_string(row, "outcome"), "SIGKILL") == 0)
			sums.killed_by_deny += attempts;
		segment = names_find_segment(reply_string(row, "segment"));
		sums.deny |= names_deny_of_op(op);
		sums.segments |= segment > 0 ? 1u << segment : 0;
		sums.only_munmap &= op == MSEALD_OP_MUNMAP;
		sums.beyond |= reply_integer(json_object_get(row, "example"), "length") > OBJECT_LENGTH_MAX;
	}
	return sums;
}

static unsigned bits_of(const json_t *words, int (*parse)(const char *), bool shift)
{
	const json_t *word;
	unsigned bits = 0;
	size_t i;

	json_array_foreach(words, i, word) {
		int value = json_is_string(word) ? parse(json_string_value(word)) : -1;

		if (value > 0)
			bits |= shift ? 1u << value : (unsigned)value;
	}
	return bits;
}

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

/* "Dlopen=no; Deny=mprotect,discard; or Segments=rodata": any of them is enough. "" where there is none. */
static void ways_out(const json_t *policy, const struct sums *sums, char *buf, size_t size)
{
	unsigned deny_mask = bits_of(json_object_get(policy, "deny"), names_find_deny, false);
	unsigned segment_mask = bits_of(json_object_get(policy, "segments"), names_find_segment, true) &
				~sums->segments;
	const unsigned keyed = MSEALD_DENY_FOREIGN_WRITE |
			       MSEALD_DENY_FILE_WRITE; /* those with a key of their own */
	bool foreign = sums->deny & MSEALD_DENY_FOREIGN_WRITE, other = sums->deny & ~keyed;
	bool file = sums->deny & deny_mask & MSEALD_DENY_FILE_WRITE;
	unsigned rest = deny_mask & ~(sums->deny | keyed);
	const char *allow = foreign && file ? "ForeignWrite=allow and FileWrite=allow" :
			    foreign	    ? "ForeignWrite=allow" :
					      "FileWrite=allow";
	char words[96], dlopen[80] = "", deny[160] = "", segments[128] = "";
	const char *first, *second;

	if (sums->only_munmap && !sums->beyond && reply_bool(policy, "dlopen"))
		(void)strcpy(dlopen, "Dlopen=no, if it is dlclose(3) of a library loaded later");
	if (other && rest)
		(void)snprintf(deny, sizeof(deny), "Deny=%s%s%s",
			       names_format_deny(rest, words, sizeof(words)), foreign || file ? " with " : "",
			       foreign || file ? allow : "");
	else if (foreign && !other)
		(void)strcpy(deny, allow);
	/* A foreign write is denied for all of the memory, whatever of it is sealed. */
	if (!foreign && !sums->beyond && segment_mask)
		(void)snprintf(segments, sizeof(segments), "Segments=%s",
			       names_format_segments(segment_mask, words, sizeof(words)));
	first = *dlopen && (*deny || *segments) ? "; " : "";
	second = *deny && *segments ? "; " : "";
	(void)snprintf(buf, size, "%s%s%s%s%s", dlopen, first, deny, second, segments);
}

static const char *plural(uint64_t count)
{
	return count == 1 ? "" : "s";
}

static int advise_audit(const json_t *policy, const struct sums *sums, uint64_t lost, const char *duration,
			const char *ways, char **ret)
{
	uint64_t audited = sums->attempts[MSEALD_VERDICT_AUDITED];
	char kills[96] = "";

	if (!audited && !reply_integer(policy, "sealed"))
		return asprintf(ret, "no running process is sealed by it: start a program that it matches "
				     "(msealctl policy list)");
	if (!audited && lost)
		return asprintf(ret,
				"nothing that is in this table would have been denied in %s; but %" PRIu64
				" attempt%s in none: empty it with --reset, and look again",
				duration, lost, lost == 1 ? " is" : "s are");
	if (!audited)
		return asprintf(ret,
				"nothing would have been denied in %s; change Action=audit to deny in %s",
				duration, reply_string(policy, "path"));
	if (sums->killed_by_deny)
		(void)snprintf(kills, sizeof(kills), ", %" PRIu64 " of them by SIGKILL",
			       sums->killed_by_deny);
	return asprintf(ret, "%" PRIu64 " attempt%s would not have succeeded with Action=deny%s; %s%s",
			audited, plural(audited), kills,
			*ways ? "to allow them: " :
				"no key allows them: exempt the program by a policy of an earlier name with "
				"Segments=none",
			ways);
}

char *report_advice(const json_t *policy, const json_t *rows, uint64_t lost, uint64_t now)
{
	bool audit = strcmp(reply_string(policy, "action"), "audit") == 0;
	struct sums sums = sum_up(rows, reply_string(policy, "name"), audit);
	uint64_t since = reply_integer(policy, "since");
	uint64_t denied_or_killed = sums.attempts[MSEALD_VERDICT_DENIED] +
				    sums.attempts[MSEALD_VERDICT_KILLED];
	char duration[REPORT_ADVICE_DURATION_MAX], ways[400];
	char *text;
	int r;

	(void)report_advice_duration(now > since ? now - since : 0, duration);
	ways_out(policy, &sums, ways, sizeof(ways));
	if (audit)
		r = advise_audit(policy, &sums, lost, duration, ways, &text);
	else if (!denied_or_killed)
		r = asprintf(&text, "nothing was denied in %s", duration);
	else
		r = asprintf(
			&text, "%" PRIu64 " attempt%s denied, %" PRIu64 " killed for; %s%s",
			sums.attempts[MSEALD_VERDICT_DENIED],
			sums.attempts[MSEALD_VERDICT_DENIED] == 1 ? " was" : "s were",
			sums.attempts[MSEALD_VERDICT_KILLED],
			*ways ? "if the program means no harm, what lets it be: " :
				"if the program means no harm, exempt it by a policy of an earlier name with "
				"Segments=none",
			ways);
	return r < 0 ? NULL : text;
}
