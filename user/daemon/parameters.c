// SPDX-License-Identifier: LGPL-2.1-or-later
/* See parameters.h. */
#include "parameters.h"

#include <errno.h>
#include <string.h>

#include "lib/base/names.h"
#include "sealing.h"
#include "lib/base/util.h"

bool parameter_given(json_t *parameters, const char *name)
{
	json_t *value = json_object_get(parameters, name);

	return value && !json_is_null(value);
}

int parameter_pid(json_t *parameters, bool needed, pid_t *ret, const char **ret_bad)
{
	json_t *value = json_object_get(parameters, "pid");

	*ret_bad = "pid";
	if (!parameter_given(parameters, "pid"))
		return needed ? -EINVAL : 0;
	if (!json_is_integer(value) || json_integer_value(value) <= 0 || json_integer_value(value) > INT32_MAX)
		return -EINVAL;
	*ret = (pid_t)json_integer_value(value);
	return 0;
}

int parameter_bool(json_t *parameters, const char *name, bool *ret, const char **ret_bad)
{
	json_t *value = json_object_get(parameters, name);

	*ret_bad = name;
	if (!parameter_given(parameters, name))
		return 0;
	if (!json_is_boolean(value))
		return -EINVAL;
	*ret = json_is_true(value);
	return 0;
}

/* A list of words into a mask; `one` reads a single word into its bits. */
static int read_words(json_t *parameters, const char *name, int (*parse)(const char *, unsigned *, char **),
		      unsigned *ret, const char **ret_bad)
{
	json_t *list = json_object_get(parameters, name), *word;
	unsigned mask = 0, bits;
	size_t i;

	*ret_bad = name;
	if (!parameter_given(parameters, name))
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
	json_t *value = json_object_get(parameters, "action");
	int action;

	*ret_bad = "action";
	if (!parameter_given(parameters, "action"))
		return 0;
	action = json_is_string(value) ? names_find_action(json_string_value(value)) : -EINVAL;
	if (action < 0)
		return action;
	*ret = (enum mseald_action)action;
	return 0;
}

/* An address as JSON has it: never negative, so beyond 63 bits is refused here. */
static int read_address(json_t *range, const char *name, uint64_t *ret)
{
	json_t *value = json_object_get(range, name);

	if (!json_is_integer(value) || json_integer_value(value) < 0)
		return -EINVAL;
	*ret = (uint64_t)json_integer_value(value);
	return 0;
}

/* -E2BIG: more than any request may have. An empty list is refused: it would mean everything. */
int parameter_ranges(json_t *parameters, struct range **ret, size_t *ret_count, const char **ret_bad)
{
	json_t *list = json_object_get(parameters, "ranges"), *value;
	_cleanup_free_ struct range *ranges = NULL;
	size_t i;

	*ret_bad = "ranges";
	if (!parameter_given(parameters, "ranges"))
		return 0;
	if (!json_is_array(list) || json_array_size(list) == 0)
		return -EINVAL;
	if (json_array_size(list) > SEALING_MAX_RANGES)
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

int parameter_seal_options(json_t *parameters, struct seal_request *ret, const char **ret_bad)
{
	int r;

	r = read_words(parameters, "segments", names_parse_classes, &ret->classes, ret_bad);
	if (r >= 0)
		r = read_words(parameters, "deny", names_parse_stops, &ret->stops, ret_bad);
	if (r >= 0)
		r = read_action(parameters, &ret->action, ret_bad);
	if (r >= 0)
		r = parameter_bool(parameters, "revocable", &ret->revocable, ret_bad);
	return r;
}

int reply_failure(struct connection *connection, const struct failure *failure)
{
	char name[64];
	json_t *parameters = json_pack("{s:s}", "message", failure->message);

	(void)snprintf(name, sizeof(name), "io.mseald.%s", failure->error);
	if (parameters && failure->pid)
		(void)json_object_set_new(parameters, "pid", json_integer(failure->pid));
	if (parameters && failure->address)
		(void)json_object_set_new(parameters, "address", json_integer((json_int_t)failure->address));
	return connection_error(connection, name, parameters);
}

int reply_invalid(struct connection *connection, const char *parameter)
{
	return connection_error(connection, "org.varlink.service.InvalidParameter",
				json_pack("{s:s}", "parameter", parameter));
}

int reply_bad(struct connection *connection, int error, const char *bad)
{
	struct failure failure = {};

	if (error == -EINVAL)
		return reply_invalid(connection, bad);
	if (error == -E2BIG)
		(void)fail(&failure, "TooMany", 0, "too many ranges: one request can name %d",
			   SEALING_MAX_RANGES);
	else
		(void)fail(&failure, "Failed", 0, "cannot read the request: %s", strerror(-error));
	return reply_failure(connection, &failure);
}
