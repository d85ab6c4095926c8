// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The output of msealctl: escaping, shortening, sizes, tables, events, and the drawing of an address space.
 */
#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "ctl/base/text.h"
#include "ctl/view/event.h"
#include "ctl/view/map_drawing.h"
#include "ctl/view/summary.h"
#include "ctl/view/table.h"

static const struct terminal narrow = { .width = 80, .utf8 = true };
static const struct terminal wide = { .width = 160, .utf8 = true };
static const struct terminal plain = { .width = 80 };
static const struct terminal coloured = { .width = 80, .utf8 = true, .colour = true };

/* --- text --- */

static void assert_escaped(const char *text, bool utf8, const char *expected)
{
	_cleanup_free_ char *escaped = text_escape(text, utf8);

	assert_string_equal(escaped, expected);
}

static void test_escape(void **state)
{
	(void)state;
	assert_escaped("/usr/lib/libc.so.6", true, "/usr/lib/libc.so.6");
	assert_escaped("a\033[31mb\007\n\177", true, "a\\x1b[31mb\\x07\\x0a\\x7f");
	assert_escaped("\u00e4\u4e2d", true, "\u00e4\u4e2d");
	assert_escaped("\u00e4", false, "\\xc3\\xa4");
	/* C1 controls, a mark that reverses the writing direction, a byte order mark. */
	assert_escaped("\xc2\x9b"
		       "1m",
		       true, "\\xc2\\x9b1m");
	assert_escaped("a\u202eb", true, "a\\xe2\\x80\\xaeb");
	assert_escaped("\ufeff", true, "\\xef\\xbb\\xbf");
	/* Invalid UTF-8: isolated, truncated, overlong, a surrogate, too large. */
	assert_escaped("\xff"
		       "a",
		       true, "\\xffa");
	assert_escaped("\xe4\xb8", true, "\\xe4\\xb8");
	assert_escaped("\xc0\xaf", true, "\\xc0\\xaf");
	assert_escaped("\xed\xa0\x80", true, "\\xed\\xa0\\x80");
	assert_escaped("\xf4\x90\x80\x80", true, "\\xf4\\x90\\x80\\x80");
}

static void assert_short(const char *text, size_t width, bool utf8, const char *expected)
{
	_cleanup_free_ char *brief = text_shorten(text, width, utf8);

	assert_string_equal(brief, expected);
	assert_true(text_width(brief, utf8) <= width);
}

static void test_shorten(void **state)
{
	(void)state;
	assert_short("abcdefghij", 10, true, "abcdefghij");
	assert_short("abcdefghij", 8, true, "ab\u2026fghij");
	assert_short("abcdefghij", 8, false, "ab..ghij");
	assert_short("abc", 1, true, ".");
	assert_short("abc", 0, true, "");
	assert_short("abc", 2, false, "..");
	/* Characters that are two columns wide are not cut in half. */
	assert_int_equal(text_width("\u4e2d\u6587", true), 4);
	assert_short("\u4e2d\u6587\u4e2d\u6587", 6, true, "\u4e2d\u2026\u6587");
	for (size_t width = 0; width < 12; width++) {
		_cleanup_free_ char *brief = text_shorten("\u4e2da\u6587b\u4e2dc\u6587", width, true);

		assert_true(text_width(brief, true) <= width);
	}
}

static void assert_short_path(const char *path, size_t width, const char *expected)
{
	_cleanup_free_ char *brief = text_shorten_path(path, width, true);

	assert_string_equal(brief, expected);
	assert_true(text_width(brief, true) <= width);
}

static void test_shorten_path(void **state)
{
	(void)state;
	assert_short_path("/usr/lib/x86_64-linux-gnu/libc.so.6", 40, "/usr/lib/x86_64-linux-gnu/libc.so.6");
	assert_short_path("/usr/lib/x86_64-linux-gnu/libc.so.6", 20, "/usr/lib/\u2026/libc.so.6");
	assert_short_path("/usr/lib/x86_64-linux-gnu/libc.so.6", 8, "/u\u2026.so.6");
	assert_short_path("[stack]", 8, "[stack]");
}

static void test_size(void **state)
{
	static const struct {
		uint64_t bytes;
		const char *text;
	} sizes[] = {
		{ 0, "0" },	   { 1023, "1023" },	  { 1024, "1K" },	  { 4096, "4K" },
		{ 1536, "1.5K" },  { 10239, "9.9K" },	  { 10240, "10K" },	  { 1048575, "1023K" },
		{ 1048576, "1M" }, { UINT64_MAX, "15E" }, { 1ull << 47, "128T" },
	};
	char buf[TEXT_SIZE_MAX];

	(void)state;
	for (size_t i = 0; i < ELEMENTS(sizes); i++)
		assert_string_equal(text_size(sizes[i].bytes, buf), sizes[i].text);
}

static void test_json_text(void **state)
{
	json_t *text = text_json("a\xff\u00e4");

	(void)state;
	assert_string_equal(json_string_value(text), "a\ufffd\u00e4");
	json_decref(text);
}

static void test_deny(void **state)
{
	const unsigned mixed[MSEALD_ACTION_COUNT] = {
		[MSEALD_ACTION_DENY] = MSEALD_DENY_MPROTECT | MSEALD_DENY_UNMAP,
		[MSEALD_ACTION_KILL] = MSEALD_DENY_UNMAP,
		[MSEALD_ACTION_AUDIT] = MSEALD_DENY_DISCARD | MSEALD_DENY_MPROTECT,
	};
	const unsigned none[MSEALD_ACTION_COUNT] = {};
	char buf[SPACES_DENY_TEXT_MAX];

	(void)state;
	assert_string_equal(spaces_deny_text(mixed, false, buf), "mprotect kill:unmap audit:discard");
	assert_string_equal(spaces_deny_text(mixed, true, buf), "mU~d");
	assert_string_equal(spaces_deny_text(none, false, buf), "-");
	assert_string_equal(spaces_deny_text(none, true, buf), "-");
}

/* --- table --- */

static char *table_text(const struct terminal *terminal)
{
	static const struct column columns[] = {
		{ .title = "PID", .right = true },
		{ .title = "NAME", .shorten = true },
		{ .title = "SIZE", .right = true, .least = 40 },
		{ .title = "NOTE", .wrap = true, .share = 30 },
	};
	_cleanup_(table_free) struct table table = table_new(columns, ELEMENTS(columns), terminal);
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	table_add(&table, COLOUR_NONE, "%d", 7);
	table_add(&table, COLOUR_GREEN, "%s", "a\033b");
	table_add(&table, COLOUR_NONE, "4K");
	table_add(&table, COLOUR_NONE, "%s", "");
	table_add(&table, COLOUR_NONE, "%d", 81234);
	table_add(&table, COLOUR_NONE, "%s", "verylongname");
	table_add(&table, COLOUR_NONE, "128K");
	table_add(&table, COLOUR_NONE, "%s", "some words that go on");
	assert_int_equal(table_print(&table, out), 0);
	assert_int_equal(fclose(out), 0);
	return text;
}

static void test_table(void **state)
{
	const struct terminal unlimited = { .utf8 = true }, forty = { .utf8 = true, .width = 40 };
	const struct terminal tight = { .utf8 = true, .width = 30 }, green = { .colour = true };
	_cleanup_free_ char *all = table_text(&unlimited), *less = table_text(&forty),
			    *least = table_text(&tight);
	_cleanup_free_ char *colour = table_text(&green);

	(void)state;
	assert_string_equal(all, "  PID  NAME          SIZE  NOTE\n"
				 "    7  a\\x1bb          4K\n"
				 "81234  verylongname  128K  some words that go on\n");
	assert_string_equal(less, "  PID NAME         SIZE NOTE\n"
				  "    7 a\\x1bb         4K\n"
				  "81234 verylongname 128K some words that\n"
				  "                        go on\n");
	assert_string_equal(least, "  PID NAME         NOTE\n"
				   "    7 a\\x1bb\n"
				   "81234 verylongname some words\n"
				   "                   that go on\n");
	assert_non_null(strstr(colour, "\033[32ma\\x1bb "));
}

/* --- events --- */

static void test_event(void **state)
{
	json_t *event = json_pack("{s:I,s:i,s:i,s:i,s:s,s:s,s:I,s:i,s:{s:I,s:I},s:s,s:s,s:I}", "time",
				  (json_int_t)1500000000, "pid", 812, "tid", 812, "uid", 33, "comm",
				  "ng\033nx", "operation", "munmap", "address", (json_int_t)0x7f12a000,
				  "length", 4096, "seal", "start", (json_int_t)0x7f12a000, "end",
				  (json_int_t)0x7f12b000, "segment", "relro", "verdict", "denied", "ip",
				  (json_int_t)0x7f001234);
	_cleanup_free_ char *line = event_line(event, 1795348799000000000, true), *other = NULL;
	json_t *empty = json_object();

	(void)state;
	assert_string_equal(line,
			    "2026-11-22T12:00:00.500 ng\\x1bnx[812] uid 33 denied munmap 0x7f12a000+4096 "
			    "(relro 0x7f12a000-0x7f12b000) at ip 0x7f001234");
	json_object_set_new(event, "tid", json_integer(815));
	json_object_set_new(event, "segment", json_string("none"));
	other = event_line(event, 1795348799000000000, true);
	assert_non_null(strstr(other, "[812/815] uid"));
	assert_non_null(strstr(other, "(seal 0x7f12a000-"));
	json_decref(event);
	/* No reply of the daemon causes a crash. */
	free(other);
	other = event_line(empty, 0, true);
	assert_non_null(other);
	json_decref(empty);
}

/* --- the drawing --- */

static struct mapping maps[] = {
	{ .start = 0x55d0c0a00000, .end = 0x55d0c0a02000, .read = true, .path = "/usr/sbin/ng\033inx" },
	{ .start = 0x55d0c0a02000,
	  .end = 0x55d0c0a42000,
	  .read = true,
	  .exec = true,
	  .path = "/usr/sbin/ng\033inx" },
	{ .start = 0x55d0c0a42000,
	  .end = 0x55d0c0a44000,
	  .read = true,
	  .write = true,
	  .path = "/usr/sbin/ng\033inx" },
	{ .start = 0x55d0c0a44000, .end = 0x55d0c0a45000, .read = true, .write = true, .path = "" },
	{ .start = 0x55d0c1000000, .end = 0x55d0c1021000, .read = true, .write = true, .path = "[heap]" },
	{ .start = 0x7f0000000000,
	  .end = 0x7f0000010000,
	  .read = true,
	  .write = true,
	  .exec = true,
	  .path = "" },
	{ .start = 0x7f0000010000, .end = 0x7f0040000000, .path = "" },
	{ .start = 0xffffffffff600000, .end = 0xffffffffff601000, .exec = true, .path = "[vsyscall]" },
};
static struct segment segments[] = {
	{ .start = 0x55d0c0a00000, .end = 0x55d0c0a02000, .kind = MSEALD_SEGMENT_RODATA },
	{ .start = 0x55d0c0a02000, .end = 0x55d0c0a42000, .kind = MSEALD_SEGMENT_TEXT },
	{ .start = 0x55d0c0a42000, .end = 0x55d0c0a43000, .kind = MSEALD_SEGMENT_RELRO },
	{ .start = 0x55d0c0a43000, .end = 0x55d0c0a45000, .kind = MSEALD_SEGMENT_DATA },
};
#define ALL \
	{ \
		[MSEALD_ACTION_DENY] = MSEALD_DENY_DEFAULT \
	}
static struct space_seal seals[] = {
	{ .start = 0x55d0c0a00000,
	  .end = 0x55d0c0a02000,
	  .deny = ALL,
	  .segment = MSEALD_SEGMENT_RODATA,
	  .gate = "kill" },
	/* Half of the text, twice, as with a revocable part. */
	{ .start = 0x55d0c0a02000,
	  .end = 0x55d0c0a22000,
	  .deny = ALL,
	  .segment = MSEALD_SEGMENT_TEXT,
	  .gate = "kill" },
	{ .start = 0x55d0c0a02000,
	  .end = 0x55d0c0a22000,
	  .deny = { [MSEALD_ACTION_KILL] = MSEALD_DENY_UNMAP },
	  .segment = MSEALD_SEGMENT_TEXT,
	  .gate = "kill" },
	{ .start = 0x7f0000001000,
	  .end = 0x7f0000002000,
	  .deny = { [MSEALD_ACTION_AUDIT] = MSEALD_DENY_UNMAP },
	  .gate = "none" },
};

static struct address_space example(void)
{
	struct address_space space = {
		.pid = 812,
		.comm = "ng\033inx",
		.maps = { maps, ELEMENTS(maps) },
		.segments = { segments, ELEMENTS(segments) },
		.seals = { seals, ELEMENTS(seals) },
	};

	assert_int_equal(address_space_join(&space), 0);
	return space;
}

/* Frees only what address_space_join() made: the rest is static. */
static void example_free(struct address_space *space)
{
	free(space->rows);
	free(space->covered);
}

static char *draw(const struct terminal *terminal)
{
	_cleanup_(example_free) struct address_space space = example();
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	assert_int_equal(map_drawing_print(&space, terminal, out), 0);
	assert_int_equal(fclose(out), 0);
	return text;
}

/* No line is wider than this, and nothing harmful is printed. */
static void assert_fits(const char *text, size_t width, bool utf8)
{
	while (*text) {
		size_t length = strcspn(text, "\n");
		_cleanup_free_ char *line = strndup(text, length);

		if (text_width(line, utf8) > width)
			fail_msg("%zu columns: %s", text_width(line, utf8), line);
		assert_null(strchr(line, '\033'));
		text += length + (text[length] == '\n');
	}
}

static void test_join(void **state)
{
	_cleanup_(example_free) struct address_space space = example();
	struct share all = address_space_share(&space, SHARE_ALL),
		     executable = address_space_share(&space, SHARE_EXECUTABLE);

	(void)state;
	assert_int_equal(address_space_sealed(&space, 0, UINT64_MAX), 0x2000 + 0x20000 + 0x1000);
	assert_int_equal(address_space_sealed(&space, 0x55d0c0a21000, 0x55d0c0a23000), 0x1000);
	assert_int_equal(address_space_sealed(&space, 0x55d0c0a22000, 0x55d0c0a23000), 0);
	assert_int_equal(space.rows[1].sealed, 0x20000);
	assert_int_equal(space.rows[1].deny[MSEALD_ACTION_KILL], MSEALD_DENY_UNMAP);
	assert_int_equal(space.rows[2].segments, 1 << MSEALD_SEGMENT_RELRO | 1 << MSEALD_SEGMENT_DATA);
	assert_true(space.rows[3].joined); /* .bss */
	assert_string_equal(space.rows[3].name, "/usr/sbin/ng\033inx");
	assert_false(space.rows[4].joined);
	assert_string_equal(space.rows[5].name, "[anon]");
	assert_int_equal(address_space_segment(&space, 0x55d0c0a02000), MSEALD_SEGMENT_TEXT);
	assert_int_equal(address_space_segment(&space, 0x55d0c0a42fff), MSEALD_SEGMENT_RELRO);
	assert_int_equal(address_space_segment(&space, 0x1000), MSEALD_SEGMENT_NONE);
	/* Inaccessible memory and [vsyscall] are not counted. */
	assert_int_equal(all.all, 0x45000 + 0x21000 + 0x10000);
	assert_int_equal(all.sealed, 0x23000);
	assert_int_equal(executable.all, 0x40000 + 0x10000);
	assert_int_equal(executable.sealed, 0x21000);
	assert_int_equal(address_space_share(&space, SHARE_FILE_EXECUTABLE).all, 0x40000);
	assert_int_equal(address_space_share(&space, SHARE_FILE_EXECUTABLE).sealed, 0x20000);
}

static void test_draw_narrow(void **state)
{
	_cleanup_free_ char *text = draw(&narrow);

	(void)state;
	assert_fits(text, 80, true);
	assert_string_equal(
		text, "ng\\x1binx[812]: 8 mappings, 4 seals\n"
		      "┌55d0c0a00000-55d0c0a02000 r--p    8K ██           /usr/sb…/ng\\x1binx rodata mud\n"
		      "│55d0c0a02000-55d0c0a42000 r-xp  256K ██████░░░░░░                    text   mUd\n"
		      "│55d0c0a42000-55d0c0a44000 rw-p    8K ░░                              relro+ -\n"
		      "└55d0c0a44000-55d0c0a45000 rw-p    4K ░                               data   -\n"
		      " ╌╌ 5.7M unmapped\n"
		      " 55d0c1000000-55d0c1021000 rw-p  132K ░░░░░░░░░░   [heap]             -      -\n"
		      " ╌╌ 41T unmapped\n"
		      " 7f0000000000-7f0000010000 rwxp   64K ▒░░░░░░░     [anon]             -      ~u\n"
		      " 7f0000010000-7f0040000000 ---p 1023M ░░░░░░░░░░░░ [anon]             -      -\n"
		      " ffffffffff600000+1000     --xp    4K ░            [vsyscall]         -      -\n"
		      "\n"
		      "█ sealed  ▒ partly  ░ not; the longer the larger (logarithmic)\n"
		      "denied: m mprotect  u unmap  d discard  f foreign-write  w file-write\n"
		      "        M: killed  ~m: logged\n"
		      "\n"
		      "all memory  ███████░░░░░░░░░░░░░░░░░  29 %  140K of 472K sealed\n"
		      "executable  █████████░░░░░░░░░░░░░░░  41 %  132K of 320K sealed\n");
}

static void test_draw_plain(void **state)
{
	_cleanup_free_ char *text = draw(&plain);

	(void)state;
	assert_fits(text, 80, false);
	for (const char *c = text; *c; c++)
		assert_true(*c == '\n' || (*c >= ' ' && *c < 0x7f));
	assert_non_null(strstr(text, "/55d0c0a00000-"));
	assert_non_null(strstr(text, "\\55d0c0a44000-"));
}

/* With colour, only the colour differs. */
static void test_draw_coloured(void **state)
{
	_cleanup_free_ char *text = draw(&coloured), *without = draw(&narrow);
	char *to = text;

	(void)state;
	assert_non_null(strstr(text, "\033[32m\u2588"));
	for (const char *from = text; *from;) {
		if (*from == '\033')
			from = strchr(from, 'm') + 1;
		else
			*to++ = *from++;
	}
	*to = '\0';
	/* One more line explains the colours. */
	assert_memory_equal(text, without, (size_t)(strstr(without, "denied:") - without));
}

static void test_draw_wide(void **state)
{
	_cleanup_free_ char *text = draw(&wide);

	(void)state;
	assert_fits(text, 160, true);
	assert_non_null(strstr(text, "mprotect,discard kill:unmap"));
	assert_non_null(strstr(text, "relro+data"));
	assert_non_null(strstr(text, "audit:unmap"));
}

static void test_percent(void **state)
{
	(void)state;
	assert_int_equal(address_space_percent((struct share){ 0, 0 }), 0);
	assert_int_equal(address_space_percent((struct share){ 0, 10 }), 0);
	assert_int_equal(address_space_percent((struct share){ 10, 10 }), 100);
	/* 100 only if all is sealed. */
	assert_int_equal(address_space_percent((struct share){ (1ull << 57) - 1, 1ull << 57 }), 99);
	assert_int_equal(address_space_percent((struct share){ 1ull << 57, 1ull << 57 }), 100);
}

static void assert_gate(const char *a, const char *b, const char *expected)
{
	struct space_seal list[] = { { .gate = a }, { .gate = b }, { .gate = "none" } };
	const struct space_seals some = { list, ELEMENTS(list) };
	char buf[32];

	assert_string_equal(summary_gate(&some, buf), expected);
}

static void test_gate(void **state)
{
	(void)state;
	assert_gate("native", "native", "native");
	assert_gate("kill", "native", "native+kill");
	assert_gate("override", "override", "override");
	assert_gate("", "none", "-");
}

static void test_summary(void **state)
{
	_cleanup_(example_free) struct address_space space = example();
	_cleanup_(summary_free) struct summary summary = {};
	json_t *reported = json_pack("{s:[i,i],s:s,s:i,s:i,s:i}", "pids", 812, 813, "policy", "nginx",
				     "denied", 1, "killed", 2, "audited", 3);
	char *text = NULL;
	size_t size;
	FILE *out;

	(void)state;
	assert_int_equal(summary_add(&summary, &space, reported), 0);
	/* A space without a report of the daemon. */
	assert_int_equal(summary_add(&summary, &space, NULL), 0);
	json_decref(reported);
	assert_int_equal(summary.spaces, 2);
	assert_int_equal(summary.attempts, 6);
	assert_int_equal(summary.shares[SHARE_ALL].sealed, 2 * 0x23000);
	assert_int_equal(summary.shares[SHARE_FILE_EXECUTABLE].all, 2 * 0x40000);
	out = open_memstream(&text, &size);
	assert_int_equal(summary_print(&summary, &wide, out), 0);
	assert_int_equal(fclose(out), 0);
	assert_string_equal(
		text,
		"  PID  COMM       POLICY  SEALED    OF   %  EXEC    OF  EXEC%  FILE EXEC%  GATE  ATTEMPTS\n"
		"812+1  ng\\x1binx  nginx     140K  472K  29  132K  320K     41          50  kill         6\n"
		"  812  ng\\x1binx  -         140K  472K  29  132K  320K     41          50  kill         0\n"
		"total  2                    280K  944K  29  264K  640K     41          50           "
		"    6\n");
	free(text);
	out = open_memstream(&text, &size);
	assert_int_equal(summary_print(&summary, &narrow, out), 0);
	assert_int_equal(fclose(out), 0);
	assert_fits(text, 80, true);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_escape),	     cmocka_unit_test(test_shorten),
		cmocka_unit_test(test_shorten_path), cmocka_unit_test(test_size),
		cmocka_unit_test(test_json_text),    cmocka_unit_test(test_deny),
		cmocka_unit_test(test_table),	     cmocka_unit_test(test_event),
		cmocka_unit_test(test_join),	     cmocka_unit_test(test_percent),
		cmocka_unit_test(test_gate),	     cmocka_unit_test(test_summary),
		cmocka_unit_test(test_draw_narrow),  cmocka_unit_test(test_draw_wide),
		cmocka_unit_test(test_draw_plain),   cmocka_unit_test(test_draw_coloured),
	};

	(void)setenv("TZ", "UTC", 1);
	tzset();
	if (!setlocale(LC_CTYPE, "C.UTF-8"))
		return 77;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
