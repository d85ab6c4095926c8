// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * msealctl map --svg and msealctl coverage --svg: the files are equal to docs/map.svg and the files of
 * tests/unit/golden, are well-formed XML, load nothing, and have names of processes escaped.
 * `make pictures` (MSEALD_GOLDEN=write) writes these files anew: look at each.
 */
#include <errno.h>
#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/prctl.h>

#include <cmocka.h>
#include <jansson.h>

#include "ctl/base/svg.h"
#include "ctl/base/text.h"
#include "ctl/view/coverage_svg.h"
#include "ctl/view/map_svg.h"
#include "ctl/view/summary.h"
#include "fake_daemon.h"

#define GOLDEN "tests/unit/golden/"
#define README_MAX 60000 /* bytes of docs/map.svg, which README.md shows */

/* A name of a process and of a file; 15 bytes, the maximum for a process. */
#define HOSTILE "<&>\"'\033[1m\xff\xed\xa0\x80"
#define HOSTILE_SHOWN "&lt;&amp;&gt;&quot;&#39;\\x1b[1m\\xff\\xed\\xa0\\x80"

/* --- comparing --- */

static char *read_all(FILE *file)
{
	char *text = NULL;
	size_t allocated = 0;
	ssize_t length = getdelim(&text, &allocated, EOF, file);

	assert_true(length >= 0);
	assert_int_equal(strlen(text), length);
	return text;
}

/* Python has expat. */
static void assert_xml(const char *text)
{
	static int missing = -1;
	FILE *parser;

	if (missing < 0)
		missing = system("command -v python3 >/dev/null");
	if (missing) {
		print_message("# SKIP python3 is not installed: XML not parsed\n");
		return;
	}
	parser = popen("python3 -c 'import sys, xml.dom.minidom; xml.dom.minidom.parse(sys.stdin.buffer)'",
		       "we");
	assert_non_null(parser);
	assert_true(fputs(text, parser) >= 0);
	assert_int_equal(pclose(parser), 0);
}

/* No script, no reference to another file, no control character. */
static void assert_self_contained(const char *text)
{
	static const char *const excluded[] = { "<script", "href",   "url(",	      "@import",
						"onload",  "<image", "<foreignObject" };
	const char *namespace = strstr(text, "http://www.w3.org/2000/svg");

	for (size_t i = 0; i < ELEMENTS(excluded); i++)
		assert_null(strstr(text, excluded[i]));
	assert_non_null(namespace);
	assert_null(strstr(text, "https:"));
	assert_null(strstr(namespace + 1, "http:"));
	for (const char *c = text; *c; c++)
		assert_true((unsigned char)*c >= ' ' || *c == '\n');
	assert_non_null(strstr(text, " role=\"img\" "));
	assert_non_null(strstr(text, "<title id=\"title\">"));
	assert_non_null(strstr(text, "<desc id=\"description\">"));
	assert_non_null(strstr(text, "prefers-color-scheme:dark"));
}

static void compare(const char *path, const char *text)
{
	const char *mode = getenv("MSEALD_GOLDEN");
	bool writes = mode && strcmp(mode, "write") == 0;
	_cleanup_fclose_ FILE *file = fopen(path, writes ? "we" : "re");
	_cleanup_free_ char *golden = NULL;

	assert_xml(text);
	assert_self_contained(text);
	if (!file)
		fail_msg("%s: %s", path, strerror(errno));
	if (writes) {
		assert_true(fputs(text, file) >= 0);
		return;
	}
	golden = read_all(file);
	if (strcmp(text, golden) != 0)
		fail_msg("%s is not what msealctl draws now; make pictures, and look at it", path);
}

/* --- an address space of a file --- */

static json_t *load(const char *path)
{
	json_error_t error;
	json_t *document = json_load_file(path, 0, &error);

	if (!document)
		fail_msg("%s:%d: %s", path, error.line, error.text);
	return document;
}

static uint64_t integer(const json_t *object, const char *key)
{
	return (uint64_t)json_integer_value(json_object_get(object, key));
}

static const char *string(const json_t *object, const char *key)
{
	const char *value = json_string_value(json_object_get(object, key));

	assert_non_null(value);
	return value;
}

static void read_mappings(const json_t *list, struct proc_maps *maps)
{
	const json_t *one;
	size_t i;

	maps->count = json_array_size(list);
	maps->list = calloc(maps->count, sizeof(*maps->list));
	json_array_foreach(list, i, one) {
		const char *permissions = string(one, "permissions");

		maps->list[i] = (struct mapping){
			.start = integer(one, "start"),
			.end = integer(one, "end"),
			.read = permissions[0] == 'r',
			.write = permissions[1] == 'w',
			.exec = permissions[2] == 'x',
			.shared = permissions[3] == 's',
			.path = (char *)string(one, "path"),
		};
	}
}

/* Segments have the form of seals, and seals that of io.mseald.Seal. *space refers to document. */
static void read_space(const json_t *document, struct address_space *space)
{
	json_t *list = json_object_get(document, "segments"), *one;
	json_t *spaces = json_pack("{s:[O]}", "spaces", document);
	size_t i;

	*space = (struct address_space){ .pid = (pid_t)integer(document, "pid") };
	FORMAT(space->comm, "%s", string(document, "comm"));
	read_mappings(json_object_get(document, "mappings"), &space->maps);
	space->segments.count = json_array_size(list);
	space->segments.list = calloc(space->segments.count, sizeof(*space->segments.list));
	json_array_foreach(list, i, one) {
		struct space_seal segment = spaces_seal_from_json(one);

		space->segments.list[i] = (struct segment){
			.start = segment.start,
			.end = segment.end,
			.kind = segment.segment,
		};
	}
	assert_int_equal(spaces_seals_from_document(spaces, &space->seals), 0);
	json_decref(spaces);
	assert_int_equal(address_space_join(space), 0);
}

static char *draw_map(const struct address_space *space)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	assert_int_equal(map_svg_print(space, out), 0);
	assert_int_equal(fclose(out), 0);
	return text;
}

/* --- tests --- */

static void assert_escaped(const char *text, const char *expected)
{
	char *escaped = NULL;
	size_t size;
	FILE *out = open_memstream(&escaped, &size);

	svg_escape(out, text);
	assert_int_equal(fclose(out), 0);
	assert_string_equal(escaped, expected);
	free(escaped);
}

static void test_escape(void **state)
{
	(void)state;
	assert_escaped("", "");
	assert_escaped("a\n\t<b c=\"d\">&amp;'", "a\n\t&lt;b c=&quot;d&quot;&gt;&amp;amp;&#39;");
	assert_escaped("\u00e4\u4e2d\U0001f512", "\u00e4\u4e2d\U0001f512");
	/* XML excludes these characters, escaped or not. */
	assert_escaped("\001\033\177", "\ufffd\ufffd\177");
	assert_escaped("\xff", "\ufffd");
	assert_escaped("\xed\xa0\x80", "\ufffd\ufffd\ufffd");
	assert_escaped("\xef\xbf\xbe\xef\xbf\xbf", "\ufffd\ufffd");
	assert_escaped("]]>", "]]&gt;");
}

static void assert_front(const char *text, size_t width, const char *expected)
{
	_cleanup_free_ char *brief = text_shorten_front(text, width);

	assert_string_equal(brief, expected);
	assert_true(text_width(brief, true) <= width);
}

static void test_shorten_front(void **state)
{
	(void)state;
	assert_front("/usr/lib/x86_64-linux-gnu/libc.so.6", 35, "/usr/lib/x86_64-linux-gnu/libc.so.6");
	assert_front("/usr/lib/x86_64-linux-gnu/libc.so.6", 34, "\u2026/lib/x86_64-linux-gnu/libc.so.6");
	assert_front("/usr/lib/x86_64-linux-gnu/libc.so.6", 20, "\u2026/libc.so.6");
	assert_front("/usr/lib/x86_64-linux-gnu/libc.so.6", 11, "\u2026/libc.so.6");
	assert_front("/usr/lib/x86_64-linux-gnu/libc.so.6", 10, "libc.so.6");
	assert_front("/usr/lib/x86_64-linux-gnu/libc.so.6", 8, "li\u2026.so.6");
	assert_front("/usr/lib/_queue.cpython-311-x86_64-linux-gnu.so", 17, "_queue\u2026nux-gnu.so");
	assert_front("a/", 1, "");
	assert_front("/", 0, "");
	assert_front("\u4e2d\u6587\u4e2d/\u6587", 5, "\u2026/\u6587");
	assert_front("abc", 1, ".");
	assert_front("abc", 0, "");
}

/* The nginx of `make demo` on Linux 7.3. */
static void test_readme(void **state)
{
	_cleanup_(address_space_free) struct address_space space = {};
	json_t *document = load(GOLDEN "map.json");
	_cleanup_free_ char *text = NULL;

	(void)state;
	read_space(document, &space);
	text = draw_map(&space);
	compare("docs/map.svg", text);
	assert_true(strlen(text) <= README_MAX);
	json_decref(document);
}

/* Every kind of row, with hostile names. */
static void test_hostile(void **state)
{
	static struct mapping maps[] = {
		{ .start = 0x400000,
		  .end = 0x402000,
		  .read = true,
		  .path = "/tmp/" HOSTILE "/</title><script>" },
		{ .start = 0x402000,
		  .end = 0x442000,
		  .read = true,
		  .exec = true,
		  .path = "/tmp/" HOSTILE "/</title><script>" },
		{ .start = 0x443000,
		  .end = 0x445000,
		  .read = true,
		  .write = true,
		  .path = "/tmp/" HOSTILE "/</title><script>" },
		{ .start = 0x500000, .end = 0x510000, .read = true, .write = true, .exec = true, .path = "" },
		{ .start = 0x7f0000010000,
		  .end = 0x7f0040000000,
		  .path = "/a/very/long/path/that/does/not/fit/anywhere/and/its/end/says/most.so.1" },
		{ .start = 0xffffffffff600000,
		  .end = 0xffffffffff601000,
		  .exec = true,
		  .path = "[vsyscall]" },
	};
	static struct segment segments[] = {
		{ .start = 0x400000, .end = 0x402000, .kind = MSEALD_SEGMENT_RODATA },
		{ .start = 0x402000, .end = 0x442000, .kind = MSEALD_SEGMENT_TEXT },
		{ .start = 0x443000, .end = 0x444000, .kind = MSEALD_SEGMENT_RELRO },
		{ .start = 0x444000, .end = 0x445000, .kind = MSEALD_SEGMENT_DATA },
	};
	static struct space_seal seals[] = {
		{ .start = 0x400000,
		  .end = 0x402000,
		  .deny = { [MSEALD_ACTION_DENY] = MSEALD_DENY_ALL },
		  .segment = MSEALD_SEGMENT_RODATA },
		{ .start = 0x402000,
		  .end = 0x422000,
		  .deny = { [MSEALD_ACTION_DENY] = MSEALD_DENY_DEFAULT,
			    [MSEALD_ACTION_KILL] = MSEALD_DENY_UNMAP },
		  .segment = MSEALD_SEGMENT_TEXT },
		{ .start = 0x443000,
		  .end = 0x444000,
		  .deny = { [MSEALD_ACTION_AUDIT] = MSEALD_DENY_ALL },
		  .segment = MSEALD_SEGMENT_RELRO },
		{ .start = 0x501000, .end = 0x502000, .deny = { [MSEALD_ACTION_AUDIT] = MSEALD_DENY_UNMAP } },
		/* One page: less than a cell of the bar. */
		{ .start = 0x7f0010000000,
		  .end = 0x7f0010001000,
		  .deny = { [MSEALD_ACTION_DENY] = MSEALD_DENY_UNMAP } },
	};
	struct address_space space = {
		.pid = 812,
		.comm = HOSTILE,
		.maps = { maps, ELEMENTS(maps) },
		.segments = { segments, ELEMENTS(segments) },
		.seals = { seals, ELEMENTS(seals) },
	};
	_cleanup_free_ char *text = NULL, *in_c = NULL;

	(void)state;
	assert_int_equal(address_space_join(&space), 0);
	text = draw_map(&space);
	assert_non_null(
		strstr(text, "<title id=\"title\">" HOSTILE_SHOWN "[812]: 6 mappings, 5 seals</title>"));
	compare(GOLDEN "map-hostile.svg", text);
	/* The file does not depend on the locale. */
	assert_non_null(setlocale(LC_CTYPE, "C"));
	in_c = draw_map(&space);
	assert_non_null(setlocale(LC_CTYPE, "C.UTF-8"));
	assert_string_equal(in_c, text);
	free(space.rows);
	free(space.covered);
}

static void test_empty(void **state)
{
	struct address_space space = { .pid = 1, .comm = "" };
	struct coverage coverage = {};
	_cleanup_free_ char *map = NULL, *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	(void)state;
	assert_int_equal(address_space_join(&space), 0);
	map = draw_map(&space);
	assert_xml(map);
	assert_int_equal(coverage_svg_print(&coverage, ~0u, "", out), 0);
	assert_int_equal(fclose(out), 0);
	assert_xml(text);
	free(space.rows);
	free(space.covered);
}

static void test_coverage(void **state)
{
	json_t *document = load(GOLDEN "coverage.json"), *one;
	struct coverage coverage = { .processes = { 1, 2, 1, 2 }, .kernel_threads = 70, .audited = 1 };
	_cleanup_free_ char *text = NULL, *some = NULL;
	size_t size, i;
	FILE *out;

	(void)state;
	coverage.list = document;
	json_array_foreach(document, i, one)
		for (enum share_kind kind = 0; kind < SHARE_COUNT; kind++) {
			struct share share = summary_get_share(one, kind);

			coverage.shares[kind].sealed += share.sealed;
			coverage.shares[kind].all += share.all;
		}
	out = open_memstream(&text, &size);
	assert_int_equal(coverage_svg_print(&coverage, ~0u, "www1", out), 0);
	assert_int_equal(fclose(out), 0);
	compare(GOLDEN "coverage.svg", text);
	out = open_memstream(&some, &size);
	assert_int_equal(coverage_svg_print(&coverage, 1u << COVERAGE_WEAKER, "<host>", out), 0);
	assert_int_equal(fclose(out), 0);
	assert_xml(some);
	assert_non_null(strstr(some, ">postgres<"));
	assert_null(strstr(some, ">nginx<"));
	assert_non_null(strstr(some, "&lt;host&gt;"));
	json_decref(document);
}

/* --- the program --- */

static char *run(const char *arguments, int *ret_status)
{
	_cleanup_free_ char *command = FORMAT_NEW("%s %s 2>&1", getenv("MSEALCTL") ?: "build/msealctl",
						  arguments);
	FILE *file = popen(command, "re");
	char *text;

	assert_non_null(file);
	text = read_all(file);
	*ret_status = WEXITSTATUS(pclose(file));
	return text;
}

/* msealctl draws this process, which has a hostile name. */
static void test_program(void **state)
{
	static const struct reply replies[] = {
		{ "\"io.mseald.ListMatches", "{\"parameters\":{\"matches\":[]}}" },
		{ "\"io.mseald.List",
		  "{\"parameters\":{\"spaces\":[{\"id\":1,\"pids\":[1],\"seals\":[{\"start\":4096,"
		  "\"end\":8192,\"segment\":\"none\",\"deny\":[\"unmap\"],\"revocable\":false,"
		  "\"gate\":\"native\",\"attempts\":0}]}]}}" },
		{}
	};
	struct fake_daemon daemon;
	_cleanup_free_ char *arguments = NULL, *coverage = NULL;
	int status;
	pid_t server;

	(void)state;
	assert_int_equal(fake_daemon_open(&daemon), 0);
	(void)setenv("MSEALD_SOCKET", daemon.address.sun_path, 1);
	server = fake_daemon_serve(&daemon, replies);
	assert_int_equal(prctl(PR_SET_NAME, HOSTILE), 0);
	{
		_cleanup_free_ char *words = FORMAT_NEW("map --svg %d", getpid()),
				    *text = run(words, &status);

		assert_int_equal(status, 0);
		assert_xml(text);
		assert_self_contained(text);
		assert_non_null(strstr(text, HOSTILE_SHOWN));
		assert_non_null(strstr(text, "[stack]"));
	}
	arguments = FORMAT_NEW("coverage --svg %d", getpid());
	coverage = run(arguments, &status);
	assert_int_equal(status, 0);
	assert_xml(coverage);
	assert_self_contained(coverage);
	/* text_json() replaces bytes that are not UTF-8. */
	assert_non_null(strstr(coverage, "&lt;&amp;&gt;&quot;&#39;\\x1b[1m\ufffd"));
	(void)kill(server, SIGKILL);
	(void)waitpid(server, NULL, 0);
	fake_daemon_close(&daemon);
}

static void test_options(void **state)
{
	static const char *const wrong[] = { "map --svg --json 1", "map --json --svg 1", "--json map --svg 1",
					     "coverage --svg --json", "--json coverage --svg" };

	(void)state;
	for (size_t i = 0; i < ELEMENTS(wrong); i++) {
		int status;
		_cleanup_free_ char *text = run(wrong[i], &status);

		assert_int_equal(status, 2);
		assert_non_null(strstr(text, "--svg and --json exclude each other"));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_escape),	cmocka_unit_test(test_shorten_front),
		cmocka_unit_test(test_readme),	cmocka_unit_test(test_hostile),
		cmocka_unit_test(test_empty),	cmocka_unit_test(test_coverage),
		cmocka_unit_test(test_program), cmocka_unit_test(test_options),
	};

	alarm(120);
	if (!setlocale(LC_CTYPE, "C.UTF-8"))
		return 77;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
