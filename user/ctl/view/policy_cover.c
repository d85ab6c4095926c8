// SPDX-License-Identifier: LGPL-2.1-or-later
/* See policy_cover.h. */
#include "ctl/view/policy_cover.h"

#include <inttypes.h>

#include "ctl/base/reply.h"
#include "ctl/base/terminal.h"
#include "ctl/base/text.h"
#include "lib/base/util.h"

#define NAMED_MAX 3 /* unsealed processes to name; the others are only counted */

struct cover {
	size_t processes, sealed, pending, exempt, unsealed;
	const json_t *missing; /* deny bits that pid 1's seals lack; NULL: none */
};

static bool is_of(const json_t *match, const char *policy)
{
	return strcmp(reply_string(match, "policy"), policy) == 0;
}

static struct cover count(const json_t *reply, const char *policy)
{
	const json_t *matches = json_object_get(reply, "matches"), *match;
	struct cover cover = {};
	size_t i;

	json_array_foreach(matches, i, match) {
		const char *state = reply_string(match, "state");

		if (!is_of(match, policy))
			continue;
		cover.processes++;
		cover.sealed += strcmp(state, "sealed") == 0 || strcmp(state, "weaker") == 0;
		cover.pending += strcmp(state, "pending") == 0;
		cover.exempt += strcmp(state, "exempt") == 0;
		cover.unsealed += strcmp(state, "unsealed") == 0;
		if (reply_integer(match, "pid") == 1)
			cover.missing = json_object_get(match, "missing");
	}
	return cover;
}

/* "mseald" for "/usr/sbin/mseald". */
static const char *name_of(const json_t *match)
{
	const char *exe = reply_string(match, "exe"), *slash = strrchr(exe, '/');

	return slash ? slash + 1 : *exe ? exe : "?";
}

/* Prints "; not mseald[311], init[7]": processes that could not be sealed. */
static void put_unsealed(FILE *out, const json_t *reply, const char *policy, size_t all)
{
	const json_t *matches = json_object_get(reply, "matches"), *match;
	size_t i, named = 0;

	json_array_foreach(matches, i, match) {
		if (!is_of(match, policy) || strcmp(reply_string(match, "state"), "unsealed") != 0)
			continue;
		if (named == NAMED_MAX)
			break;
		(void)fprintf(out, "%s %s[%" PRIu64 "]", named++ ? "," : "; not", name_of(match),
			      reply_integer(match, "pid"));
	}
	if (all > named)
		(void)fprintf(out, " and %zu more", all - named);
	if (all)
		(void)fputs(" (msealctl policy list)", out);
}

static void put_missing(FILE *out, const json_t *missing)
{
	const json_t *word;
	size_t i;

	json_array_foreach(missing, i, word)
		(void)fprintf(out, "%s %s", i ? "," : "; pid 1 without", json_string_value(word) ?: "?");
	if (i)
		(void)fputs(": this kernel can only kill for these, and pid 1 cannot be killed", out);
}

char *policy_cover_text(const json_t *matches, const char *policy)
{
	struct cover cover = count(matches, policy);
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return NULL;
	(void)fprintf(out, "%zu process%s", cover.processes, cover.processes == 1 ? "" : "es");
	if (cover.exempt)
		(void)fprintf(out, ", exempt from later policies");
	else if (cover.processes)
		(void)fprintf(out, ": %zu sealed, %zu being sealed", cover.sealed, cover.pending);
	put_unsealed(out, matches, policy, cover.unsealed);
	if (json_is_array(cover.missing))
		put_missing(out, cover.missing);
	if (fclose(out) != 0) {
		free(text);
		return NULL;
	}
	return text;
}

size_t policy_cover_pending(const json_t *policies, const json_t *matches)
{
	const json_t *policy;
	size_t i, pending = 0;

	json_array_foreach(policies, i, policy)
		if (reply_bool(policy, "on"))
			pending += count(matches, reply_string(policy, "name")).pending;
	return pending;
}

int policy_cover_print(const json_t *policies, const json_t *matches)
{
	bool utf8 = terminal_detect().utf8;
	const json_t *policy;
	size_t i;

	json_array_foreach(policies, i, policy) {
		const char *name = reply_string(policy, "name");
		_cleanup_free_ char *text = NULL, *escaped = NULL;

		if (!reply_bool(policy, "on"))
			continue;
		text = policy_cover_text(matches, name);
		escaped = text ? text_escape(text, utf8) : NULL;
		if (!escaped)
			return -1;
		(void)printf("%s covers %s.\n", name, escaped);
	}
	return 0;
}

void policy_cover_add(json_t *policies, const json_t *matches)
{
	json_t *policy;
	size_t i;

	json_array_foreach(policies, i, policy) {
		struct cover cover;

		if (!matches || !reply_bool(policy, "on"))
			continue;
		cover = count(matches, reply_string(policy, "name"));
		(void)json_object_set_new(
			policy, "covers",
			json_pack("{s:I, s:I, s:I, s:I, s:I}", "processes", (json_int_t)cover.processes,
				  "sealed", (json_int_t)cover.sealed, "pending", (json_int_t)cover.pending,
				  "exempt", (json_int_t)cover.exempt, "unsealed",
				  (json_int_t)cover.unsealed));
	}
}
