/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Any JSON object as the parameters of a call: each parameter is taken, or refused by its name. A missing or
 * refused parameter leaves the value unchanged.
 */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "api/params.h"
#include "api/reply.h"
#include "lib/base/names.h"
#include "seal/seal.h"
#include "lib/base/util.h"

#define CHECK(condition) ((condition) ? (void)0 : abort())

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *error_sent;

/* Replaces that of the connection: the reply must be an error with the parameter in it. */
int connection_error(struct connection *connection, const char *error, json_t *parameters)
{
	(void)connection;
	error_sent = error;
	CHECK(json_is_object(parameters) && json_object_size(parameters) > 0);
	json_decref(parameters);
	return 0;
}

static void refused(int r, const char *bad, const char *name)
{
	error_sent = NULL;
	CHECK((r == -EINVAL || r == -E2BIG) && strcmp(bad, name) == 0);
	CHECK(reply_bad(NULL, r, bad) == 0 && error_sent);
	CHECK(strcmp(error_sent,
		     r == -EINVAL ? "org.varlink.service.InvalidParameter" : "io.mseald.TooMany") == 0);
}

static void read_pid(json_t *parameters)
{
	pid_t pid = 77;
	const char *bad;
	int r = params_pid(parameters, false, &pid, &bad);

	if (r < 0)
		refused(r, bad, "pid");
	CHECK(r <= 0 && (params_given(parameters, "pid") && r == 0 ? pid > 0 : pid == 77));
	CHECK(params_pid(parameters, true, &pid, &bad) == (params_given(parameters, "pid") ? r : -EINVAL));
}

static void read_ranges(json_t *parameters)
{
	struct range *ranges = NULL;
	size_t count = 77;
	const char *bad;
	int r = params_ranges(parameters, &ranges, &count, &bad);

	if (r < 0)
		refused(r, bad, "ranges");
	if (r < 0 || !params_given(parameters, "ranges")) {
		CHECK(!ranges && count == 77);
		return;
	}
	CHECK(count == json_array_size(json_object_get(parameters, "ranges")) && count > 0 &&
	      count <= SEAL_MAX_RANGES);
	for (size_t i = 0; i < count; i++)
		CHECK(ranges[i].start <= INT64_MAX && ranges[i].end <= INT64_MAX);
	free(ranges);
}

static void read_options(json_t *parameters)
{
	struct seal_spec spec = { .action = MSEALD_ACTION_COUNT };
	const char *bad;
	int r = params_seal_spec(parameters, &spec, &bad);

	if (r < 0) {
		CHECK(strcmp(bad, "segments") == 0 || strcmp(bad, "deny") == 0 ||
		      strcmp(bad, "action") == 0 || strcmp(bad, "dlopen") == 0 ||
		      strcmp(bad, "revocable") == 0);
		refused(r, bad, bad);
		return;
	}
	CHECK(!(spec.deny & ~(unsigned)MSEALD_DENY_ALL) && !(spec.segments & ~(unsigned)MSEALD_SEGMENTS_ALL));
	CHECK((spec.segments != 0) == params_given(parameters, "segments"));
	CHECK((spec.deny != 0) == params_given(parameters, "deny"));
	CHECK((spec.action < MSEALD_ACTION_COUNT) == params_given(parameters, "action"));
	CHECK(!spec.dlopen || json_is_true(json_object_get(parameters, "dlopen")));
	CHECK(!spec.revocable || json_is_true(json_object_get(parameters, "revocable")));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	json_t *parameters = json_loadb((const char *)data, size, JSON_REJECT_DUPLICATES, NULL);

	if (json_is_object(parameters)) {
		read_pid(parameters);
		read_ranges(parameters);
		read_options(parameters);
	}
	json_decref(parameters);
	return 0;
}
