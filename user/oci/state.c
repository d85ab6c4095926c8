// SPDX-License-Identifier: LGPL-2.1-or-later
/* See state.h. */
#include "state.h"

#include <stdarg.h>

#include "lib/base/names_json.h"
#include "lib/base/util.h"

#define POLICY_NAME_MAX 200

char *state_clean(char *text)
{
	for (char *at = text; *at; at++)
		if ((unsigned char)*at < 0x20 || *at == 0x7f)
			*at = '?';
	return text;
}

static int wrong(struct fault *fault, const char *format, ...) _printf_(2, 3);

static int wrong(struct fault *fault, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	(void)vsnprintf(fault->text, sizeof(fault->text), format, arguments);
	va_end(arguments);
	(void)state_clean(fault->text);
	return -EINVAL;
}

enum on_failure state_find_on_failure(const char *name)
{
	return name && strcmp(name, "stop") == 0 ? ON_FAILURE_STOP :
	       name && strcmp(name, "run") == 0	 ? ON_FAILURE_RUN :
						   ON_FAILURE_UNSAID;
}

void state_free(struct state *state)
{
	json_decref(state->document);
	*state = (struct state){};
}

int state_parse(const char *text, size_t size, struct state *ret, struct fault *fault)
{
	struct state state = {};
	json_t *annotations, *value;
	json_error_t error;
	const char *name;

	if (size > STATE_MAX)
		return wrong(fault, "the state on standard input is longer than %u bytes", STATE_MAX);
	/* If an annotation occurs twice, another reader may take the other one. */
	state.document = json_loadb(text, size, JSON_REJECT_DUPLICATES, &error);
	if (!state.document)
		return wrong(fault, "standard input has no container state: %s (line %d)", error.text,
			     error.line);
	annotations = json_object_get(state.document, "annotations");
	if (!json_is_object(state.document) ||
	    (annotations && !json_is_object(annotations) && !json_is_null(annotations))) {
		state_free(&state);
		return wrong(fault, "standard input has no container state: %s",
			     annotations ? "the annotations are not a JSON object" : "not a JSON object");
	}
	state.annotations = json_is_object(annotations) ? annotations : NULL;
	json_object_foreach(state.annotations, name, value)
		state.asked |= strncmp(name, STATE_PREFIX, strlen(STATE_PREFIX)) == 0;
	state.on_failure = state_find_on_failure(
		json_string_value(json_object_get(state.annotations, STATE_PREFIX "on-failure")));
	*ret = state;
	return 0;
}

const char *state_id(const struct state *state)
{
	const char *id = json_string_value(json_object_get(state->document, "id"));

	return names_is_container_id(id) ? id : "?";
}

/* --- annotations --- */

/* The part of the request that one annotation sets; key is its name without io.mseald. */
struct annotation {
	const char *key;
	int (*add)(json_t *request, const char *key, const char *value, struct fault *fault);
};

static int no_memory_or(json_t *request, const char *key, json_t *value)
{
	return json_object_set_new(request, key, value) < 0 ? -ENOMEM : 0;
}

static int add_policy(json_t *request, const char *key, const char *value, struct fault *fault)
{
	size_t length = strlen(value);

	if (length == 0 || length > POLICY_NAME_MAX || strchr(value, '/'))
		return wrong(fault,
			     "io.mseald.policy=%.64s is not a policy name; see msealctl policy list-files",
			     value);
	return no_memory_or(request, key, json_string(value));
}

static int add_segments(json_t *request, const char *key, const char *value, struct fault *fault)
{
	_cleanup_free_ char *bad = NULL;
	unsigned segments;
	int r = names_parse_segments(value, &segments, &bad);

	if (r == -ENOMEM)
		return r;
	if (r < 0)
		return wrong(fault,
			     "io.mseald.segments: unknown segment '%.64s'; use text, rodata, relro, data, "
			     "vdso, stack or all",
			     bad ?: "");
	return no_memory_or(request, key, names_json_segments(segments));
}

static int add_deny(json_t *request, const char *key, const char *value, struct fault *fault)
{
	_cleanup_free_ char *bad = NULL;
	unsigned deny;
	int r = names_parse_deny(value, &deny, &bad);

	if (r == -ENOMEM)
		return r;
	if (r < 0)
		return wrong(fault,
			     "io.mseald.deny: unknown '%.64s'; use mprotect, unmap, discard, foreign-write, "
			     "file-write or all",
			     bad ?: "");
	return no_memory_or(request, key, names_json_deny(deny));
}

static int add_action(json_t *request, const char *key, const char *value, struct fault *fault)
{
	if (names_find_action(value) < 0)
		return wrong(fault, "io.mseald.action=%.64s: must be deny, kill or audit", value);
	return no_memory_or(request, key, json_string(value));
}

static int add_dlopen(json_t *request, const char *key, const char *value, struct fault *fault)
{
	bool yes = strcmp(value, "yes") == 0 || strcmp(value, "true") == 0;

	if (!yes && strcmp(value, "no") != 0 && strcmp(value, "false") != 0)
		return wrong(fault, "io.mseald.dlopen=%.64s: must be yes or no", value);
	return no_memory_or(request, key, json_boolean(yes));
}

static int check_on_failure(json_t *request, const char *key, const char *value, struct fault *fault)
{
	return state_find_on_failure(value) == ON_FAILURE_UNSAID ?
		       wrong(fault, "io.mseald.on-failure=%.64s: must be stop or run", value) :
		       0;
}

static const struct annotation known[] = {
	{ "policy", add_policy }, { "segments", add_segments }, { "deny", add_deny },
	{ "action", add_action }, { "dlopen", add_dlopen },	{ "on-failure", check_on_failure },
};

static int add_annotation(json_t *request, const char *key, json_t *value, struct fault *fault)
{
	if (!json_is_string(value))
		return wrong(fault, "the annotation io.mseald.%.64s is not a string", key);
	for (size_t i = 0; i < ELEMENTS(known); i++)
		if (strcmp(known[i].key, key) == 0)
			return known[i].add(request, key, json_string_value(value), fault);
	/* A misspelt annotation must not be taken for one that is left out. */
	return wrong(fault,
		     "unknown annotation io.mseald.%.64s; use policy, segments, deny, action, dlopen or "
		     "on-failure",
		     key);
}

/* A policy already contains all of these. */
static const char *beside_policy(const json_t *request)
{
	static const char *const others[] = { "segments", "deny", "action", "dlopen" };

	for (size_t i = 0; i < ELEMENTS(others) && json_object_get(request, "policy"); i++)
		if (json_object_get(request, others[i]))
			return others[i];
	return NULL;
}

static int add_annotations(const struct state *state, json_t *request, struct fault *fault)
{
	const char *name, *beside;
	json_t *value;
	int r = 0;

	json_object_foreach(state->annotations, name, value) {
		if (strncmp(name, STATE_PREFIX, strlen(STATE_PREFIX)) != 0)
			continue;
		r = add_annotation(request, name + strlen(STATE_PREFIX), value, fault);
		if (r < 0)
			return r;
	}
	beside = beside_policy(request);
	return beside ? wrong(fault, "io.mseald.%s and io.mseald.policy exclude each other; leave one out",
			      beside) :
			0;
}

/* --- the container --- */

static int add_container(const struct state *state, json_t *request, struct fault *fault)
{
	const char *id = json_string_value(json_object_get(state->document, "id"));
	json_t *pid = json_object_get(state->document, "pid");

	if (!names_is_container_id(id))
		return wrong(fault,
			     "the state has no valid id: 1 to %d letters, digits and _ . + : -, the first "
			     "not a dot",
			     NAMES_CONTAINER_ID_MAX);
	if (!pid || (json_is_integer(pid) && json_integer_value(pid) == 0))
		return wrong(
			fault,
			"the state has no pid; set the hook up for createRuntime, the only stage with a pid");
	if (!json_is_integer(pid) || json_integer_value(pid) < 0 || json_integer_value(pid) > INT32_MAX)
		return wrong(fault, "the state has an invalid pid");
	if (no_memory_or(request, "id", json_string(id)) < 0 ||
	    no_memory_or(request, "pid", json_incref(pid)) < 0)
		return -ENOMEM;
	return 0;
}

int state_request(const struct state *state, json_t **ret, struct fault *fault)
{
	json_t *request = json_object();
	int r;

	if (!request)
		return -ENOMEM;
	r = add_container(state, request, fault);
	if (r >= 0)
		r = add_annotations(state, request, fault);
	if (r < 0) {
		json_decref(request);
		return r;
	}
	*ret = request;
	return 0;
}
