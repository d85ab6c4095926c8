// SPDX-License-Identifier: LGPL-2.1-or-later
/* Compiled patterns match the same as fnmatch(3). */
#include <fnmatch.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "policy/globs.h"

/* A simple form of bpf/exec_match.bpf.c. */
static bool takes(const struct mseald_glob *glob, const __u16 *element, const char *text)
{
	unsigned char byte = (unsigned char)*text;

	if (*element == MSEALD_GLOB_END)
		return !byte;
	if (*element == MSEALD_GLOB_STAR)
		return takes(glob, element + 1, text) ||
		       (byte && byte != '/' && takes(glob, element, text + 1));
	if (!byte)
		return false;
	if (*element == MSEALD_GLOB_ANY ? byte == '/' :
	    *element & MSEALD_GLOB_SET	? !(glob->set[*element & 7][byte / 64] >> byte % 64 & 1) :
					  byte != *element)
		return false;
	return takes(glob, element + 1, text + 1);
}

static void each_kind(void **state)
{
	struct mseald_glob glob;

	(void)state;
	assert_true(glob_compile("/a*/?[x-z]", &glob));
	assert_int_equal(glob.element[0], '/');
	assert_int_equal(glob.element[2], MSEALD_GLOB_STAR);
	assert_int_equal(glob.element[4], MSEALD_GLOB_ANY);
	assert_int_equal(glob.element[5], MSEALD_GLOB_SET);
	assert_int_equal(glob.element[6], MSEALD_GLOB_END);
	assert_true(takes(&glob, glob.element, "/abc/_y"));
	assert_false(takes(&glob, glob.element, "/a/b/_y"));
	assert_false(takes(&glob, glob.element, "/a/_w"));
}

static void beyond(void **state)
{
	static const char *const patterns[] = { "/[[:alpha:]]", "/[]a]",
						"/[a/b]",	"/[",
						"/[a",		"/[!]a]",
						"/[]",		"/[a][b][c][d][e][f][g][h][i]" };
	char longest[MSEALD_GLOB_ELEMENTS + 1] = "";
	struct mseald_glob glob;

	(void)state;
	for (size_t i = 0; i < sizeof(patterns) / sizeof(*patterns); i++)
		assert_false(glob_compile(patterns[i], &glob));
	memset(longest, 'a', MSEALD_GLOB_ELEMENTS - 1);
	assert_true(glob_compile(longest, &glob));
	longest[MSEALD_GLOB_ELEMENTS - 1] = 'a';
	assert_false(glob_compile(longest, &glob));
}

static void as_fnmatch(void **state)
{
	static const char *const parts[] = { "a",    "b",     "/",	"*",  "?", "[ab]",
					     "[!a]", "[^/b]", "[a-c.]", "\\", "." };
	static const char letters[] = "ab/.\\";
	unsigned compared = 0, taken = 0;

	(void)state;
	srand(1);
	for (unsigned i = 0; i < 200000; i++) {
		char pattern[128] = "", text[16] = "";
		struct mseald_glob glob;
		bool expected;

		for (int n = rand() % 7; n > 0; n--)
			strcat(pattern, parts[(size_t)rand() % (sizeof(parts) / sizeof(*parts))]);
		for (int n = rand() % 8, at = 0; at < n; at++)
			text[at] = letters[(size_t)rand() % (sizeof(letters) - 1)];
		if (!glob_compile(pattern, &glob))
			continue;
		expected = fnmatch(pattern, text, FNM_NOESCAPE | FNM_PATHNAME) == 0;
		if (takes(&glob, glob.element, text) != expected)
			fail_msg("%s %s %s", pattern, expected ? "takes" : "does not take", text);
		compared++;
		taken += expected;
	}
	assert_true(compared > 100000 && taken > 5000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_kind),
		cmocka_unit_test(beyond),
		cmocka_unit_test(as_fnmatch),
	};

	return cmocka_run_group_tests_name("globs", tests, NULL, NULL);
}
