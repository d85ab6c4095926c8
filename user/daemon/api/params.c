// SPDX-License-Identifier: LGPL-2.1-or-later
/* See params.h. */
#include "api/params.h"

#include "lib/base/names.h"
#include "seal/seal.h"

/* The parameter, whose name *ret_bad becomes; NULL: missing, or null. */
static json_t *get(json_t *parameters, const char *name, const char **ret_bad)
{
	json_t *value = json_object_get(parameters, name);

	*ret_bad = name;
	return json_is_null(value) ? NULL : value;
}

bool params_given(json_t *parameters, const char *name)
{
	return get(parameters, name, &name);
}

int params_pid(json_t *parameters, bool needed, pid_t *ret, const char **ret_bad)
{
	json_t *value = get(parameters, "pid", ret_bad);

	if (!value)
		return needed ? -EINVAL : 0;
	if (!json_is_integer(value) || json_integer_value(value) <= 0 ||
	    json_integer_value(value) > INT32_MAX)
		return -EINVAL;
	*ret = json_integer_value(value);
	return 0;
}

int params_bool(json_t *parameters, const char *name, bool *ret, const char **ret_bad)
{
	json_t *value = get(parameters, name, ret_bad);

	if (value && !json_is_boolean(value))
		return -EINVAL;
	if (value)
		*ret = json_is_true(value);
	return 0;
}

/* Reads a list of words into a mask; parse reads a single word into its bits. */
static int read_words(json_t *parameters, const char *name, int (*parse)(const char *, unsigned *, char **),
		      unsigned *ret, const char **ret_bad)
{
	json_t *list = get(parameters, name, ret_bad), *word;
	unsigned mask = 0, bits;
	size_t i;

	if (!list)
		return 0;
	if (!json_is_array(list) || json_array_size(list) == 0 || json_array_size(list) > 64)
		return -EINVAL;
	json_array_foreach(list, i, word) {
		_cleanup_free_ char *bad = NULL;

		if (!json_is_string(word) || parse(json_string_value(word), &bits, &bad) < 0)
			return -EINVAL;
		mask |= bits;
	}
	*ret = mask;
	return 0;
}

static int read_action(json_t *parameters, enum mseald_action *ret, const char **ret_bad)
{
	json_t *value = get(parameters, "action", ret_bad);
	int action;

	if (!value)
		return 0;
	action = json_is_string(value) ? names_find_action(json_string_value(value)) : -EINVAL;
	if (action < 0)
		return action;
	*ret = (enum mseald_action)action;
	return 0;
}

/* Addresses in JSON are never negative, so those beyond 63 bits are refused here. */
static int read_address(json_t *range, const char *name, uint64_t *ret)
{
	json_t *value = json_object_get(range, name);

	if (!json_is_integer(value) || json_integer_value(value) < 0)
		return -EINVAL;
	*ret = (uint64_t)json_integer_value(value);
	return 0;
}

/* -E2BIG: more than a request may have. An empty list is refused, because it would mean everything. */
int params_ranges(json_t *parameters, struct range **ret, size_t *ret_count, const char **ret_bad)
{
	json_t *list = get(parameters, "ranges", ret_bad), *value;
	_cleanup_free_ struct range *ranges = NULL;
	size_t i;

	if (!list)
		return 0;
	if (!json_is_array(list) || json_array_size(list) == 0)
		return -EINVAL;
	if (json_array_size(list) > SEAL_MAX_RANGES)
		return -E2BIG;
	ranges = calloc(json_array_size(list), sizeof(*ranges));
	if (!ranges)
		return -ENOMEM;
	json_array_foreach(list, i, value)
		if (!json_is_object(value) || read_address(value, "start", &ranges[i].start) < 0 ||
		    read_address(value, "end", &ranges[i].end) < 0)
			return -EINVAL;
	*ret_count = json_array_size(list);
	*ret = TAKE_PTR(ranges);
	return 0;
}

int params_seal_spec(json_t *parameters, struct seal_spec *ret, const char **ret_bad)
{
	int r;

	r = read_words(parameters, "segments", names_parse_segments, &ret->segments, ret_bad);
	if (r >= 0)
		r = read_words(parameters, "deny", names_parse_deny, &ret->deny, ret_bad);
	if (r >= 0)
		r = read_action(parameters, &ret->action, ret_bad);
	if (r >= 0)
		r = params_bool(parameters, "dlopen", &ret->dlopen, ret_bad);
	if (r >= 0)
		r = params_bool(parameters, "revocable", &ret->revocable, ret_bad);
	return r;
}
