/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Reads a policy file. Every fault is reported, up to a limit. A file with a fault gives no policy: half of a
 * rule would seal the wrong memory.
 */
#include "lib/policy/internal.h"

static const char *const section_names[] = {
	[SECTION_POLICY] = "Policy",
	[SECTION_MATCH] = "Match",
	[SECTION_SEAL] = "Seal",
};

static const struct key {
	const char *name;
	unsigned section;
	void (*set)(struct policy_parser *p, const char *key, char *value);
} keys[] = {
	{ "Description", SECTION_POLICY, policy_set_description },
	{ "Enabled", SECTION_POLICY, policy_set_enabled },
	{ "Last", SECTION_POLICY, policy_set_last },
	{ "Exe", SECTION_MATCH, policy_set_exe },
	{ "Unit", SECTION_MATCH, policy_set_unit },
	{ "Cgroup", SECTION_MATCH, policy_set_cgroup },
	{ "User", SECTION_MATCH, policy_set_user },
	{ "Marked", SECTION_MATCH, policy_set_marked },
	{ "Segments", SECTION_SEAL, policy_set_segments },
	{ "Deny", SECTION_SEAL, policy_set_deny },
	{ "ForeignWrite", SECTION_SEAL, policy_set_foreign },
	{ "FileWrite", SECTION_SEAL, policy_set_file },
	{ "Action", SECTION_SEAL, policy_set_action },
	{ "Dlopen", SECTION_SEAL, policy_set_dlopen },
	{ "Gate", SECTION_SEAL, policy_set_gate },
};

static void begin_section(struct policy_parser *p, const char *name)
{
	const char *nearest;

	for (unsigned i = SECTION_POLICY; i <= SECTION_SEAL; i++) {
		if (strcmp(section_names[i], name) == 0) {
			p->base.section = i;
			return;
		}
	}
	/* Suppresses messages about the keys of this section. */
	p->base.section = SECTION_UNKNOWN;
	nearest = diagnostics_nearest(name, section_names + SECTION_POLICY,
				      ELEMENTS(section_names) - SECTION_POLICY);
	if (nearest)
		parser_complain(&p->base, p->base.line, "unknown section [" SHOWN "]; did you mean [%s]?",
				name, nearest);
	else
		parser_complain(&p->base, p->base.line,
				"unknown section [" SHOWN "]; there are [Policy], [Match] and "
				"[Seal]",
				name);
}

static void complain_key(struct policy_parser *p, const char *name)
{
	const char *names[ELEMENTS(keys)], *nearest;

	for (size_t i = 0; i < ELEMENTS(keys); i++)
		names[i] = keys[i].name;
	nearest = diagnostics_nearest(name, names, ELEMENTS(names));
	if (nearest)
		parser_complain(&p->base, p->base.line, "unknown key " SHOWN "=; did you mean %s=?", name,
				nearest);
	else if (p->base.section == SECTION_MATCH)
		parser_complain(&p->base, p->base.line,
				"unknown key " SHOWN "=; [Match] has Exe, Unit, Cgroup, User, Marked", name);
	else if (p->base.section == SECTION_SEAL)
		parser_complain(&p->base, p->base.line,
				"unknown key " SHOWN
				"=; [Seal] has Segments, Deny, ForeignWrite, FileWrite, Action, Dlopen, Gate",
				name);
	else
		parser_complain(&p->base, p->base.line,
				"unknown key " SHOWN "=; [Policy] has Description, Enabled, Last", name);
}

static void assign(struct policy_parser *p, const char *name, char *value)
{
	if (p->base.section == SECTION_UNKNOWN)
		return;
	for (size_t i = 0; i < ELEMENTS(keys); i++) {
		if (strcmp(keys[i].name, name) != 0)
			continue;
		if (keys[i].section == p->base.section)
			keys[i].set(p, name, value);
		else
			parser_complain(&p->base, p->base.line, "%s= belongs in [%s]%s", name,
					section_names[keys[i].section],
					p->base.section == SECTION_NONE ? "; write the section above it" :
									  "");
		return;
	}
	if (p->base.section == SECTION_NONE)
		parser_complain(&p->base, p->base.line,
				"a key before the first section; write [Match] or [Seal] above it");
	else
		complain_key(p, name);
}

static void read_all(struct policy_parser *p, char *text)
{
	struct ini ini = { .rest = text };
	enum ini_kind kind;

	while (p->base.error == 0 && (kind = ini_next(&ini)) != INI_END) {
		p->base.line = ini.line;
		if (kind == INI_SECTION)
			begin_section(p, ini.key);
		else if (kind == INI_ASSIGNMENT)
			assign(p, ini.key, ini.value);
		else
			parser_complain(&p->base, p->base.line, "%s", ini.key);
	}
	policy_finish(p);
	parser_complain_rest(&p->base);
}

/* The name of a policy: its path without folders and .conf. */
static char *name_of(const char *path)
{
	const char *last = strrchr(path, '/'), *name = last ? last + 1 : path;

	return strndup(name, load_name_length(name));
}

static unsigned line_of(const char *text, const char *at)
{
	unsigned line = 1;

	for (; text < at; text++)
		line += *text == '\n';
	return line;
}

int policy_parse_for(const char *root, const char *path, const char *text, size_t size, struct policy *ret,
		     struct diagnostics *faults)
{
	_cleanup_(policy_free) struct policy policy = { .enabled = true, .seal.action = MSEALD_ACTION_DENY };
	struct policy_parser p = {
		.base = { .path = path, .faults = faults },
		.root = root ? root : "",
		.policy = &policy,
	};
	_cleanup_free_ char *copied = malloc(size + 1);
	const char *nul = memchr(text, '\0', size);

	policy.name = name_of(path);
	policy.path = strdup(path);
	if (!copied || !policy.name || !policy.path)
		return -ENOMEM;
	memcpy(copied, text, size);
	copied[size] = '\0';
	if (nul)
		parser_complain(&p.base, line_of(text, nul),
				"the file has a NUL byte; a policy is plain text (UTF-8, not UTF-16)");
	else if (size > LOAD_FILE_MAX)
		parser_complain(&p.base, 0, "the file has %zu bytes; at most %u are read", size,
				LOAD_FILE_MAX);
	else
		read_all(&p, copied);
	if (p.base.error < 0)
		return p.base.error;
	if (p.base.fault_count > 0)
		return -EINVAL;
	*ret = policy;
	policy = (struct policy){};
	return 0;
}

int policy_parse(const char *path, const char *text, size_t size, struct policy *ret,
		 struct diagnostics *faults)
{
	return policy_parse_for("", path, text, size, ret, faults);
}

int policy_read_file_for(const char *root, const char *path, struct policy *ret, struct diagnostics *faults)
{
	_cleanup_free_ char *text = NULL;
	size_t size = 0;
	int r;

	r = load_file(path, path, false, &text, &size, faults);
	if (r < 0)
		return r;
	return policy_parse_for(root, path, text, size, ret, faults);
}

int policy_read_file(const char *path, struct policy *ret, struct diagnostics *faults)
{
	return policy_read_file_for("", path, ret, faults);
}
