// SPDX-License-Identifier: LGPL-2.1-or-later
/* Policies and their faults, as text and as JSON. */
#include "ctl/base/reply.h"
#include "ctl/base/terminal.h"
#include "ctl/base/text.h"
#include "ctl/view/policy_text.h"
#include "lib/base/names_json.h"
#include "lib/base/util.h"
#include "lib/policy/policy.h"

/* A value in the syntax of a file: quoted if it contains a blank. Malloc'ed, or NULL. */
static char *quote(const char *value)
{
	char *copy, *out;

	if (*value && *value != '"' && *value != '#' && *value != ';' && !strpbrk(value, " \t\""))
		return strdup(value);
	out = copy = malloc(2 * strlen(value) + 3);
	if (!copy)
		return NULL;
	*out++ = '"';
	for (; *value; value++) {
		if (*value == '"' || *value == '\\')
			*out++ = '\\';
		*out++ = *value;
	}
	(void)strcpy(out, "\"");
	return copy;
}

static bool put_value(FILE *out, bool first, const char *key, const char *value)
{
	_cleanup_free_ char *quoted = quote(value);

	if (!quoted)
		return false;
	return fprintf(out, first ? "%s=%s" : "%.0s %s", key, quoted) >= 0;
}

/* Prints the keys of [Match], one line each. */
static bool put_match(FILE *out, const struct policy *policy)
{
	bool good = true;

#define PUT(key, count, value) \
	do { \
		for (size_t i = 0; i < (count); i++) \
			good &= put_value(out, i == 0, key, value); \
		if (count) \
			(void)fputc('\n', out); \
	} while (0)
	PUT("Exe", policy->exe_count, policy->exe[i].given);
	PUT("Unit", policy->unit_count, policy->unit[i]);
	PUT("Cgroup", policy->cgroup_count, policy->cgroup[i]);
#undef PUT
	for (size_t i = 0; i < policy->user_count; i++)
		(void)fprintf(out, i == 0 ? "User=%u" : " %u", policy->user[i]);
	if (policy->user_count)
		(void)fputc('\n', out);
	if (policy->marked)
		(void)fputs("Marked=yes\n", out);
	return good;
}

/* Turns a list with commas of names.h into "text rodata". */
static const char *with_blanks(char *list)
{
	for (char *comma = list; (comma = strchr(comma, ','));)
		*comma = ' ';
	return list;
}

static void put_seal(FILE *out, const struct policy *policy)
{
	char segments[64], deny[64];
	unsigned own = policy->seal.deny & ~(unsigned)(MSEALD_DENY_FOREIGN_WRITE | MSEALD_DENY_FILE_WRITE);

	(void)names_format_segments(policy->seal.segments, segments, sizeof(segments));
	(void)names_format_deny(own, deny, sizeof(deny));
	if (policy->seal.segments == 0) {
		(void)fprintf(out, "Segments=none\n");
		return;
	}
	if (!own)
		(void)names_format_deny(policy->seal.deny, deny, sizeof(deny));
	(void)fprintf(out,
		      "Segments=%s\nDeny=%s\nForeignWrite=%s\nFileWrite=%s\nAction=%s\nDlopen=%s\nGate=%s\n",
		      with_blanks(segments), with_blanks(deny),
		      policy->seal.deny & MSEALD_DENY_FOREIGN_WRITE ? "deny" : "allow",
		      policy->seal.deny & MSEALD_DENY_FILE_WRITE ? "deny" : "allow",
		      names_action(policy->seal.action), policy->seal.dlopen ? "yes" : "no",
		      policy_gate_name(policy->seal.gate));
}

bool policy_text_print(const struct policy *policy, bool utf8)
{
	_cleanup_free_ char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);
	bool good;

	if (!out)
		return false;
	(void)fprintf(out, "%s[Match]\n", policy->last ? "[Policy]\nLast=yes\n\n" : "");
	good = put_match(out, policy);
	(void)fputs("\n[Seal]\n", out);
	put_seal(out, policy);
	if (fclose(out) != 0 || !good)
		return false;
	for (char *line = text, *end; *line; line = end + 1) {
		_cleanup_free_ char *escaped = NULL;

		end = strchr(line, '\n');
		*end = '\0';
		escaped = text_escape(line, utf8);
		if (!escaped)
			return false;
		(void)puts(escaped);
	}
	return true;
}

/* --- JSON: functions that add return false if memory is exhausted --- */

static bool add_exe(json_t *list, const struct policy_exe *exe)
{
	static const char *const kinds[] = {
		[POLICY_EXE_FILE] = "file",
		[POLICY_EXE_FOLDER] = "folder",
		[POLICY_EXE_GLOB] = "glob",
	};

	return json_array_append_new(list, json_pack("{s:o, s:o, s:s, s:i}", "given", text_json(exe->given),
						     "path", text_json(exe->path), "kind", kinds[exe->kind],
						     "line", (int)exe->line)) == 0;
}

static json_t *names_json(char *const *list, size_t count)
{
	json_t *array = json_array();

	for (size_t i = 0; i < count; i++)
		(void)json_array_append_new(array, text_json(list[i]));
	return array;
}

static json_t *match_json(const struct policy *policy)
{
	_cleanup_json_ json_t *exe = json_array(), *user = json_array();
	bool good = true;

	for (size_t i = 0; i < policy->exe_count; i++)
		good &= add_exe(exe, &policy->exe[i]);
	for (size_t i = 0; i < policy->user_count; i++)
		good &= json_array_append_new(user, json_integer(policy->user[i])) == 0;
	if (!good)
		return NULL;
	return json_pack("{s:O, s:o, s:o, s:O, s:b}", "exe", exe, "unit",
			 names_json(policy->unit, policy->unit_count), "cgroup",
			 names_json(policy->cgroup, policy->cgroup_count), "user", user, "marked",
			 policy->marked);
}

static json_t *seal_json(const struct policy *policy)
{
	return json_pack("{s:o, s:o, s:s, s:b, s:s}", "segments", names_json_segments(policy->seal.segments),
			 "deny", names_json_deny(policy->seal.deny), "action",
			 names_action(policy->seal.action), "dlopen", policy->seal.dlopen, "gate",
			 policy_gate_name(policy->seal.gate));
}

json_t *policy_text_to_json(const struct policy *policy)
{
	return json_pack("{s:o, s:o, s:o, s:b, s:b, s:o, s:o}", "name", text_json(policy->name), "path",
			 text_json(policy->path), "description",
			 policy->description ? text_json(policy->description) : json_null(), "enabled",
			 policy->enabled, "last", policy->last, "match", match_json(policy), "seal",
			 seal_json(policy));
}

json_t *policy_text_diagnostics_to_json(const struct diagnostics *faults)
{
	_cleanup_json_ json_t *list = json_array();

	for (size_t i = 0; i < faults->count; i++) {
		const struct diagnostic *fault = &faults->list[i];

		if (json_array_append_new(list, json_pack("{s:o, s:i, s:o}", "path", text_json(fault->path),
							  "line", (int)fault->line, "message",
							  text_json(fault->message))) < 0)
			return NULL;
	}
	return TAKE_PTR(list);
}

bool policy_text_print_diagnostics(const struct diagnostics *faults, const char *prefix, FILE *out)
{
	struct terminal terminal = terminal_detect();

	for (size_t i = 0; i < faults->count; i++) {
		const struct diagnostic *fault = &faults->list[i];
		_cleanup_free_ char *path = text_escape(fault->path, terminal.utf8);
		_cleanup_free_ char *message = text_escape(fault->message, terminal.utf8);
		char line[16] = "";

		if (!path || !message)
			return false;
		if (fault->line)
			(void)snprintf(line, sizeof(line), "%u:", fault->line);
		(void)fprintf(out, "%s:%s %s%s\n", path, line, prefix, message);
	}
	return true;
}
