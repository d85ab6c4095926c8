/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Any bytes as the state of a container give a safe request, or a printable message. Never both. */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/names.h"
#include "state.h"
#include "lib/base/util.h"

#define CHECK(condition) ((condition) ? (void)0 : abort())

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_fault(const struct fault *fault)
{
	size_t length = strnlen(fault->text, sizeof(fault->text));

	CHECK(length > 0 && length < sizeof(fault->text));
	for (size_t i = 0; i < length; i++)
		CHECK((unsigned char)fault->text[i] >= 0x20 && fault->text[i] != 0x7f);
}

static void check_request(const json_t *request)
{
	const char *id = json_string_value(json_object_get(request, "id"));
	const char *policy = json_string_value(json_object_get(request, "policy"));
	json_int_t pid = json_integer_value(json_object_get(request, "pid"));
	const json_t *segments = json_object_get(request, "segments");

	CHECK(id && *id && strlen(id) <= NAMES_CONTAINER_ID_MAX && !strchr(id, '/') && *id != '.');
	CHECK(pid > 0 && pid <= INT32_MAX);
	CHECK(!policy || (*policy && !strchr(policy, '/') && !segments));
	CHECK(!segments || json_array_size(segments) > 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fault fault = {};
	struct state state = {};
	json_t *request;
	int r;

	r = state_parse((const char *)data, size, &state, &fault);
	if (r < 0) {
		CHECK(r == -EINVAL);
		check_fault(&fault);
		return 0;
	}
	CHECK(*state_id(&state));
	if (state.asked) {
		r = state_request(&state, &request, &fault);
		if (r < 0) {
			CHECK(r == -EINVAL);
			check_fault(&fault);
		} else {
			check_request(request);
			json_decref(request);
		}
	}
	state_free(&state);
	return 0;
}
