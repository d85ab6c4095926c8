// SPDX-License-Identifier: LGPL-2.1-or-later
/* The state that an OCI runtime passes to a hook, and its annotations (user/oci/state.c). */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "state.h"
#include "lib/base/util.h"

#define STATE(id, pid, annotations) \
	"{\"ociVersion\":\"1.0.2\",\"id\":\"" id "\",\"status\":\"creating\",\"pid\":" pid \
	",\"bundle\":\"/b\",\"annotations\":{" annotations "}}"

static struct fault fault;

/* The request as text; otherwise NULL, and fault; malloc'ed. */
static char *request(const char *text)
{
	struct state state = {};
	json_t *parameters = NULL;
	char *result = NULL;

	assert_int_equal(state_parse(text, strlen(text), &state, &fault), 0);
	assert_true(state.asked);
	if (state_request(&state, &parameters, &fault) == 0)
		result = json_dumps(parameters, JSON_COMPACT | JSON_SORT_KEYS);
	json_decref(parameters);
	state_free(&state);
	return result;
}

static void asks(const char *text, const char *expected)
{
	_cleanup_free_ char *got = request(text);

	assert_non_null(got);
	assert_string_equal(got, expected);
}

static void is_wrong(const char *text, const char *why)
{
	_cleanup_free_ char *got = request(text);

	assert_null(got);
	if (!strstr(fault.text, why))
		fail_msg("\"%s\" has no \"%s\"", fault.text, why);
}

static void test_requests(void **unused)
{
	(void)unused;
	asks(STATE("web-1", "77", "\"io.mseald.policy\":\"50-nginx\""),
	     "{\"id\":\"web-1\",\"pid\":77,\"policy\":\"50-nginx\"}");
	asks(STATE("a", "1",
		   "\"io.mseald.segments\":\"text, rodata\",\"io.mseald.deny\":\"mprotect\",\"x\":\"y\""),
	     "{\"deny\":[\"mprotect\"],\"id\":\"a\",\"pid\":1,\"segments\":[\"text\",\"rodata\"]}");
	asks(STATE("a", "1",
		   "\"io.mseald.segments\":\"all\",\"io.mseald.dlopen\":\"yes\","
		   "\"io.mseald.action\":\"audit\""),
	     "{\"action\":\"audit\",\"dlopen\":true,\"id\":\"a\",\"pid\":1,\"segments\":[\"text\","
	     "\"rodata\",\"relro\",\"data\","
	     "\"vdso\",\"stack\"]}");
	asks(STATE("a", "1", "\"io.mseald.on-failure\":\"run\""), "{\"id\":\"a\",\"pid\":1}");
}

static void test_annotations_that_are_wrong(void **unused)
{
	(void)unused;
	is_wrong(STATE("a", "1", "\"io.mseald.polcy\":\"x\""), "unknown annotation io.mseald.polcy");
	is_wrong(STATE("a", "1", "\"io.mseald.\":\"x\""), "unknown annotation io.mseald.;");
	is_wrong(STATE("a", "1", "\"io.mseald.policy\":\"\""), "is not a policy name");
	is_wrong(STATE("a", "1", "\"io.mseald.policy\":\"../x\""), "is not a policy name");
	is_wrong(STATE("a", "1", "\"io.mseald.policy\":7"), "is not a string");
	is_wrong(STATE("a", "1", "\"io.mseald.segments\":\"text,txet\""), "unknown segment 'txet'");
	is_wrong(STATE("a", "1", "\"io.mseald.segments\":\"\""), "unknown segment ''");
	is_wrong(STATE("a", "1", "\"io.mseald.segments\":\"none\""), "unknown segment 'none'");
	is_wrong(STATE("a", "1", "\"io.mseald.deny\":\"fork\""), "unknown 'fork'");
	is_wrong(STATE("a", "1", "\"io.mseald.action\":\"log\""), "deny, kill or audit");
	is_wrong(STATE("a", "1", "\"io.mseald.dlopen\":\"maybe\""), "yes or no");
	is_wrong(STATE("a", "1", "\"io.mseald.on-failure\":\"ignore\""), "stop or run");
	is_wrong(STATE("a", "1", "\"io.mseald.policy\":\"x\",\"io.mseald.deny\":\"all\""),
		 "io.mseald.deny and io.mseald.policy exclude");
	/* It is reported in one line. */
	is_wrong(STATE("a", "1", "\"io.mseald.action\":\"a\\n\\u001b[2J\""), "action=a??[2J:");
}

static void test_containers_that_are_none(void **unused)
{
	static const char *const ids[] = {
		STATE("", "1", "\"io.mseald.policy\":\"x\""),
		STATE("../x", "1", "\"io.mseald.policy\":\"x\""),
		STATE("a/b", "1", "\"io.mseald.policy\":\"x\""),
		STATE(".a", "1", "\"io.mseald.policy\":\"x\""),
		STATE("a\\nb", "1", "\"io.mseald.policy\":\"x\""),
		STATE("a b", "1", "\"io.mseald.policy\":\"x\""),
		"{\"pid\":1,\"annotations\":{\"io.mseald.policy\":\"x\"}}",
		"{\"id\":7,\"pid\":1,\"annotations\":{\"io.mseald.policy\":\"x\"}}",
	};
	char text[512];

	(void)unused;
	for (size_t i = 0; i < ELEMENTS(ids); i++)
		is_wrong(ids[i], "no valid id");
	(void)snprintf(text, sizeof(text), STATE("%0129d", "1", "\"io.mseald.policy\":\"x\""), 0);
	is_wrong(text, "no valid id");
	(void)snprintf(text, sizeof(text), STATE("%0128d", "1", "\"io.mseald.policy\":\"x\""), 0);
	free(request(text));
	is_wrong(STATE("a", "0", "\"io.mseald.policy\":\"x\""), "createRuntime");
	is_wrong("{\"id\":\"a\",\"annotations\":{\"io.mseald.policy\":\"x\"}}", "createRuntime");
	is_wrong(STATE("a", "-1", "\"io.mseald.policy\":\"x\""), "an invalid pid");
	is_wrong(STATE("a", "2147483648", "\"io.mseald.policy\":\"x\""), "an invalid pid");
	is_wrong(STATE("a", "1.0", "\"io.mseald.policy\":\"x\""), "an invalid pid");
	is_wrong(STATE("a", "\"1\"", "\"io.mseald.policy\":\"x\""), "an invalid pid");
}

static void test_no_state(void **unused)
{
	static const char *const texts[] = {
		"",
		"{",
		"[]",
		"7",
		"null",
		"\"x\"",
		"{\"id\":\"a\"} {}",
		"{\"id\":\"a\",\"id\":\"b\"}",
		"{\"annotations\":[]}",
		"{\"annotations\":\"io.mseald.policy\"}",
		"\xff\xfe{\0}",
		"{\"id\":\"a\\u0000b\"}",
		"{\"annotations\":{\"io.mseald.policy\":\"a\",\"io.mseald.policy\":\"b\"}}",
	};
	_cleanup_free_ char *deep = malloc(200001), *large = malloc(STATE_MAX + 2);
	struct state state = {};

	(void)unused;
	for (size_t i = 0; i < ELEMENTS(texts); i++)
		assert_int_equal(state_parse(texts[i], strlen(texts[i]), &state, &fault), -EINVAL);
	memset(deep, '[', 200000);
	assert_int_equal(state_parse(deep, 200000, &state, &fault), -EINVAL);
	memset(large, ' ', STATE_MAX + 1);
	memcpy(large, "{}", 2);
	assert_int_equal(state_parse(large, STATE_MAX + 1, &state, &fault), -EINVAL);
	assert_int_equal(state_parse(large, STATE_MAX, &state, &fault), 0);
	assert_false(state.asked);
	state_free(&state);
}

static void test_not_asked(void **unused)
{
	static const char *const texts[] = {
		"{}",
		"{\"annotations\":null}",
		STATE("a", "0", ""),
		STATE("/", "-7", "\"io.msealdx\":\"1\",\"mseald.policy\":\"x\""),
	};

	(void)unused;
	for (size_t i = 0; i < ELEMENTS(texts); i++) {
		struct state state = {};

		assert_int_equal(state_parse(texts[i], strlen(texts[i]), &state, &fault), 0);
		assert_false(state.asked);
		state_free(&state);
	}
}

/* The action on failure is known even if the rest is invalid. */
static void test_on_failure(void **unused)
{
	static const struct {
		const char *text;
		enum on_failure expected;
	} cases[] = {
		{ STATE("/", "0", ""), ON_FAILURE_UNSAID },
		{ STATE("/", "0", "\"io.mseald.on-failure\":\"run\",\"io.mseald.policy\":7"),
		  ON_FAILURE_RUN },
		{ STATE("a", "1", "\"io.mseald.on-failure\":\"stop\""), ON_FAILURE_STOP },
		{ STATE("a", "1", "\"io.mseald.on-failure\":\"Run\""), ON_FAILURE_UNSAID },
		{ STATE("a", "1", "\"io.mseald.on-failure\":true"), ON_FAILURE_UNSAID },
	};

	(void)unused;
	for (size_t i = 0; i < ELEMENTS(cases); i++) {
		struct state state = {};

		assert_int_equal(state_parse(cases[i].text, strlen(cases[i].text), &state, &fault), 0);
		assert_int_equal(state.on_failure, cases[i].expected);
		state_free(&state);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_requests),
		cmocka_unit_test(test_annotations_that_are_wrong),
		cmocka_unit_test(test_containers_that_are_none),
		cmocka_unit_test(test_no_state),
		cmocka_unit_test(test_not_asked),
		cmocka_unit_test(test_on_failure),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
