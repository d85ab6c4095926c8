/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The keys of [Seal], which say how matched programs are sealed, and of [Policy], about the policy itself. */
#include "lib/base/names.h"
#include "lib/policy/internal.h"

/* --- [Seal] --- */

static const char *const segment_words[] = {
	"text", "rodata", "relro", "data", "vdso", "stack", "all", "none"
};
static const char *const deny_words[] = {
	"mprotect", "unmap", "discard", "foreign-write", "file-write", "all"
};
static const char *const action_words[] = { "deny", "kill", "audit" };
static const char *const allow_words[] = { "allow", "deny" };
static const char *const gate_words[] = {
	[POLICY_GATE_AUTO] = "auto",
	[POLICY_GATE_BPF] = "bpf",
	[POLICY_GATE_DENY] = "deny",
};

void policy_set_segments(struct policy_parser *p, const char *key, char *value)
{
	_cleanup_free_ char *bad = NULL;
	unsigned segments = 0;
	int r;

	if (!*value) {
		p->segments = 0;
		p->exempt = false;
		return;
	}
	if (strcmp(value, "none") == 0) {
		p->exempt = true;
		p->exempt_line = p->base.line;
		return;
	}
	r = names_parse_segments(value, &segments, &bad);
	if (r == -ENOMEM)
		p->base.error = r;
	else if (r < 0 && bad && strcmp(bad, "none") == 0)
		parser_complain(&p->base, p->base.line,
				"%s=none stands alone; it exempts the matching programs", key);
	else if (r < 0)
		parser_complain_word(&p->base, "Segments=", bad, segment_words, ELEMENTS(segment_words),
				     "text rodata relro data vdso stack, or all, or none");
	p->segments |= segments;
}

void policy_set_deny(struct policy_parser *p, const char *key, char *value)
{
	_cleanup_free_ char *bad = NULL;
	unsigned deny = 0;
	int r;

	if (!*value) {
		p->deny = 0;
		return;
	}
	r = names_parse_deny(value, &deny, &bad);
	if (r == -ENOMEM)
		p->base.error = r;
	else if (r < 0)
		parser_complain_word(&p->base, "Deny=", bad, deny_words, ELEMENTS(deny_words),
				     "mprotect unmap discard foreign-write file-write, or all");
	p->deny |= deny;
}

/* Sets (deny) or clears (allow) one deny bit, in addition to Deny=. */
static void set_deny(struct policy_parser *p, const char *key, char *value, enum policy_word *ret)
{
	_cleanup_free_ char *plain = parser_copy(&p->base, value);
	int r;

	if (!plain)
		return;
	if (!*value) {
		*ret = WORD_UNSAID;
		return;
	}
	/* "yes" could mean allowed or denied, so it is rejected. */
	if (parser_boolean(plain) >= 0) {
		parser_complain(&p->base, p->base.line, "%s=%s is ambiguous; write deny or allow", key,
				plain);
		return;
	}
	r = parser_choice(&p->base, key, value, allow_words, ELEMENTS(allow_words), "deny or allow");
	if (r >= 0)
		*ret = r == 0 ? WORD_ALLOW : WORD_DENY;
}

void policy_set_foreign(struct policy_parser *p, const char *key, char *value)
{
	set_deny(p, key, value, &p->foreign);
}

void policy_set_file(struct policy_parser *p, const char *key, char *value)
{
	set_deny(p, key, value, &p->file);
}

void policy_set_action(struct policy_parser *p, const char *key, char *value)
{
	int r = parser_choice(&p->base, key, value, action_words, ELEMENTS(action_words),
			      "deny, kill or audit");

	if (r >= 0)
		p->policy->seal.action = (enum mseald_action)names_find_action(action_words[r]);
}

void policy_set_gate(struct policy_parser *p, const char *key, char *value)
{
	int r = parser_choice(&p->base, key, value, gate_words, ELEMENTS(gate_words), "auto, bpf or deny");

	if (r >= 0)
		p->policy->seal.gate = (enum policy_gate)r;
}

void policy_set_dlopen(struct policy_parser *p, const char *key, char *value)
{
	parser_set_boolean(&p->base, key, value, &p->policy->seal.dlopen, false);
}

/* --- [Policy] --- */

void policy_set_description(struct policy_parser *p, const char *key, char *value)
{
	free(p->policy->description);
	p->policy->description = *value ? parser_copy(&p->base, value) : NULL;
}

void policy_set_enabled(struct policy_parser *p, const char *key, char *value)
{
	parser_set_boolean(&p->base, key, value, &p->policy->enabled, true);
}

void policy_set_last(struct policy_parser *p, const char *key, char *value)
{
	parser_set_boolean(&p->base, key, value, &p->policy->last, false);
}

const char *policy_gate_name(enum policy_gate gate)
{
	return (size_t)gate < ELEMENTS(gate_words) ? gate_words[gate] : "unknown";
}

static unsigned said(unsigned deny, enum policy_word word, unsigned bit)
{
	return word == WORD_DENY ? deny | bit : word == WORD_ALLOW ? deny & ~bit : deny;
}

/* Checks that need the whole file. */
void policy_finish(struct policy_parser *p)
{
	struct policy *policy = p->policy;

	if (p->exempt && p->segments)
		parser_complain(&p->base, p->exempt_line,
				"Segments=none stands alone; other lines name segments");
	policy->seal.segments = p->exempt ? 0 : p->segments ? p->segments : MSEALD_SEGMENTS_ALL;
	policy->seal.deny = p->deny ? p->deny : MSEALD_DENY_DEFAULT;
	policy->seal.deny = said(policy->seal.deny, p->foreign, MSEALD_DENY_FOREIGN_WRITE);
	policy->seal.deny = said(policy->seal.deny, p->file, MSEALD_DENY_FILE_WRITE);
	if (policy->seal.deny == 0)
		parser_complain(
			&p->base, 0,
			"policy denies nothing: %s=allow removes all of Deny=; to exempt write Segments=none",
			p->foreign == WORD_ALLOW ? "ForeignWrite" : "FileWrite");
	if (p->base.fault_count == 0 &&
	    policy->exe_count + policy->unit_count + policy->cgroup_count + policy->user_count == 0 &&
	    !policy->marked)
		parser_complain(&p->base, 0,
				"policy matches nothing; [Match] needs Exe=, Unit=, Cgroup=, User= or "
				"Marked=yes; all programs: Exe=/");
}
