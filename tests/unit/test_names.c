/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* user/lib/base/names.c: every name in both directions, and valid and invalid lists. */
#define _GNU_SOURCE
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/base/names.h"
#include "lib/base/util.h"

static void segments_there_and_back(void **state)
{
	static const char *const words[] = { "none", "text", "rodata", "relro", "data", "vdso", "stack" };

	(void)state;
	assert_int_equal(ELEMENTS(words), MSEALD_SEGMENT_COUNT);
	for (unsigned i = 0; i < MSEALD_SEGMENT_COUNT; i++) {
		assert_string_equal(names_segment((enum mseald_segment)i), words[i]);
		assert_int_equal(names_find_segment(words[i]), i);
	}
	assert_string_equal(names_segment(MSEALD_SEGMENT_COUNT), "unknown");
	assert_string_equal(names_segment((enum mseald_segment) - 1), "unknown");
	assert_int_equal(names_find_segment("Text"), -EINVAL);
	assert_int_equal(names_find_segment("tex"), -EINVAL);
	assert_int_equal(names_find_segment("texts"), -EINVAL);
	assert_int_equal(names_find_segment(""), -EINVAL);
	assert_int_equal(names_find_segment("all"), -EINVAL);
}

static void actions_there_and_back(void **state)
{
	static const char *const words[] = { "deny", "kill", "audit" };

	(void)state;
	assert_int_equal(ELEMENTS(words), MSEALD_ACTION_COUNT);
	for (unsigned i = 0; i < MSEALD_ACTION_COUNT; i++) {
		assert_string_equal(names_action((enum mseald_action)i), words[i]);
		assert_int_equal(names_find_action(words[i]), i);
	}
	assert_string_equal(names_action(MSEALD_ACTION_COUNT), "unknown");
	assert_int_equal(names_find_action("denied"), -EINVAL);
}

static void deny_there_and_back(void **state)
{
	static const struct {
		unsigned bit;
		const char *word;
	} deny[] = {
		{ MSEALD_DENY_MPROTECT, "mprotect" },	  { MSEALD_DENY_UNMAP, "unmap" },
		{ MSEALD_DENY_DISCARD, "discard" },	  { MSEALD_DENY_FOREIGN_WRITE, "foreign-write" },
		{ MSEALD_DENY_FILE_WRITE, "file-write" },
	};

	(void)state;
	for (size_t i = 0; i < ELEMENTS(deny); i++) {
		assert_string_equal(names_deny(deny[i].bit), deny[i].word);
		assert_int_equal(names_find_deny(deny[i].word), deny[i].bit);
	}
	assert_string_equal(names_deny(0), "unknown");
	assert_string_equal(names_deny(MSEALD_DENY_MPROTECT | MSEALD_DENY_UNMAP), "unknown");
	assert_string_equal(names_deny(0x20), "unknown");
	assert_int_equal(names_find_deny("foreign_write"), -EINVAL);
}

static void operations_and_verdicts(void **state)
{
	(void)state;
	for (unsigned i = 0; i < MSEALD_OP_COUNT; i++) {
		const char *name = names_op((enum mseald_op)i);

		assert_string_not_equal(name, "unknown");
		for (unsigned j = 0; j < i; j++)
			assert_string_not_equal(name, names_op((enum mseald_op)j));
		assert_int_equal(names_find_op(name), i);
		assert_true(names_deny_of_op((enum mseald_op)i) & MSEALD_DENY_ALL);
	}
	assert_int_equal(names_find_op("frob"), -EINVAL);
	assert_int_equal(names_deny_of_op(MSEALD_OP_MPROTECT), MSEALD_DENY_MPROTECT);
	assert_int_equal(names_deny_of_op(MSEALD_OP_MMAP), MSEALD_DENY_UNMAP);
	assert_int_equal(names_deny_of_op(MSEALD_OP_MADVISE), MSEALD_DENY_DISCARD);
	assert_int_equal(names_deny_of_op(MSEALD_OP_PROC_MEM), MSEALD_DENY_FOREIGN_WRITE);
	assert_int_equal(names_deny_of_op(MSEALD_OP_FILE_WRITE),
			 MSEALD_DENY_DISCARD | MSEALD_DENY_FILE_WRITE);
	assert_string_equal(names_op(MSEALD_OP_MPROTECT), "mprotect");
	assert_string_equal(names_op(MSEALD_OP_MAP_HOLE), "map-hole");
	assert_string_equal(names_op(MSEALD_OP_COUNT), "unknown");
	assert_string_equal(names_verdict(MSEALD_VERDICT_DENIED), "denied");
	assert_string_equal(names_verdict(MSEALD_VERDICT_KILLED), "killed");
	assert_string_equal(names_verdict(MSEALD_VERDICT_AUDITED), "audited");
	assert_string_equal(names_verdict(MSEALD_VERDICT_COUNT), "unknown");
}

static void good_lists(void **state)
{
	const unsigned text = 1u << MSEALD_SEGMENT_TEXT, relro = 1u << MSEALD_SEGMENT_RELRO;
	const struct {
		const char *list;
		unsigned segments;
	} lists[] = {
		{ "text", text },
		{ "text,relro", text | relro },
		{ "text relro", text | relro },
		{ "relro,text", text | relro },
		{ " text ,\trelro\n", text | relro },
		{ "text,text", text },
		{ "all", MSEALD_SEGMENTS_ALL },
		{ "text all", MSEALD_SEGMENTS_ALL },
		{ "text rodata relro data vdso stack", MSEALD_SEGMENTS_ALL },
	};
	unsigned deny = 0;

	(void)state;
	for (size_t i = 0; i < ELEMENTS(lists); i++) {
		unsigned segments = 0;
		char *bad = NULL;

		assert_int_equal(names_parse_segments(lists[i].list, &segments, &bad), 0);
		assert_int_equal(segments, lists[i].segments);
		assert_null(bad);
	}
	assert_int_equal(names_parse_deny("foreign-write,mprotect", &deny, NULL), 0);
	assert_int_equal(deny, MSEALD_DENY_FOREIGN_WRITE | MSEALD_DENY_MPROTECT);
	assert_int_equal(names_parse_deny("all", &deny, NULL), 0);
	assert_int_equal(deny, MSEALD_DENY_ALL);
}

static void bad_lists(void **state)
{
	static const struct {
		const char *list, *bad;
	} lists[] = {
		{ "", "" },
		{ "  ", "" },
		{ ",", "" },
		{ "text,", "" },
		{ ",text", "" },
		{ "text,,relro", "" },
		{ "text, ,relro", "" },
		{ "text,heap,relro", "heap" },
		{ "text heap", "heap" },
		{ "none", "none" },
		{ "text;relro", "text;relro" },
		{ "ALL", "ALL" },
	};

	(void)state;
	for (size_t i = 0; i < ELEMENTS(lists); i++) {
		_cleanup_free_ char *bad = NULL;
		unsigned segments = 0xabcd;

		assert_int_equal(names_parse_segments(lists[i].list, &segments, &bad), -EINVAL);
		assert_int_equal(segments, 0xabcd);
		assert_non_null(bad);
		assert_string_equal(bad, lists[i].bad);
		/* The bad word is optional. */
		assert_int_equal(names_parse_deny(lists[i].list, &segments, NULL), -EINVAL);
		assert_int_equal(segments, 0xabcd);
	}
}

static void lists_formatted(void **state)
{
	char buf[64];

	(void)state;
	assert_ptr_equal(names_format_deny(0, buf, sizeof(buf)), buf);
	assert_string_equal(buf, "-");
	assert_string_equal(names_format_deny(MSEALD_DENY_DEFAULT, buf, sizeof(buf)),
			    "mprotect,unmap,discard");
	assert_string_equal(names_format_deny(MSEALD_DENY_ALL, buf, sizeof(buf)),
			    "mprotect,unmap,discard,foreign-write,file-write");
	assert_string_equal(names_format_segments(MSEALD_SEGMENTS_ALL, buf, sizeof(buf)),
			    "text,rodata,relro,data,vdso,stack");
	assert_string_equal(names_format_segments(1u << MSEALD_SEGMENT_STACK, buf, sizeof(buf)), "stack");
	/* A bit without a name is left out. */
	assert_string_equal(names_format_deny(0x20, buf, sizeof(buf)), "-");
}

static void lists_cut_at_words(void **state)
{
	char buf[16];

	(void)state;
	memset(buf, 'X', sizeof(buf));
	assert_string_equal(names_format_deny(MSEALD_DENY_ALL, buf, sizeof("mprotect,unmap")),
			    "mprotect,unmap");
	assert_int_equal(buf[15], 'X');
	assert_string_equal(names_format_deny(MSEALD_DENY_ALL, buf, sizeof("mprotect,unmap") - 1),
			    "mprotect");
	assert_string_equal(names_format_deny(MSEALD_DENY_ALL, buf, 1), "");
	buf[0] = 'X';
	assert_ptr_equal(names_format_deny(MSEALD_DENY_ALL, buf, 0), buf);
	assert_int_equal(buf[0], 'X');
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(segments_there_and_back),
		cmocka_unit_test(actions_there_and_back),
		cmocka_unit_test(deny_there_and_back),
		cmocka_unit_test(operations_and_verdicts),
		cmocka_unit_test(good_lists),
		cmocka_unit_test(bad_lists),
		cmocka_unit_test(lists_formatted),
		cmocka_unit_test(lists_cut_at_words),
	};

	return cmocka_run_group_tests_name("names", tests, NULL, NULL);
}
