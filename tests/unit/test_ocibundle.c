// SPDX-License-Identifier: LGPL-2.1-or-later
/* The hook in config.json of a bundle (user/oci/bundle.c). */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "bundle.h"
#include "lib/base/util.h"

#define HOOK "/usr/libexec/mseald/mseald-oci-hook"
#define ENTRY "{\"path\":\"" HOOK "\",\"timeout\":10}"
#define OTHER "{\"path\":\"/x\",\"args\":[\"a\",\"]\"]}"
#define ASKS "\"annotations\":{\"io.mseald.segments\":\"all\"}"

static struct fault fault;
static char folder[64];

/* Adding the hook to `before` gives `after`. */
static void becomes(const char *before, const char *after)
{
	_cleanup_(bundle_free) struct bundle bundle = {};

	assert_int_equal(bundle_edit(before, strlen(before), HOOK, &bundle, &fault), 0);
	assert_true(bundle.asked);
	assert_non_null(bundle.text);
	assert_string_equal(bundle.text, after);
	assert_int_equal(bundle.size, strlen(after));
}

static void stays(const char *text, bool asked)
{
	_cleanup_(bundle_free) struct bundle bundle = {};

	assert_int_equal(bundle_edit(text, strlen(text), HOOK, &bundle, &fault), 0);
	assert_int_equal(bundle.asked, asked);
	assert_null(bundle.text);
}

static void is_wrong(const char *text, const char *why)
{
	_cleanup_(bundle_free) struct bundle bundle = {};

	assert_int_equal(bundle_edit(text, strlen(text), HOOK, &bundle, &fault), -EINVAL);
	assert_null(bundle.text);
	if (!strstr(fault.text, why))
		fail_msg("\"%s\" has no \"%s\"", fault.text, why);
}

static void test_where_the_hook_goes(void **unused)
{
	(void)unused;
	becomes("{" ASKS "}", "{\"hooks\":{\"createRuntime\":[" ENTRY "]}," ASKS "}");
	becomes(" {\n\t" ASKS " , \"hooks\" : { } }\n",
		" {\n\t" ASKS " , \"hooks\" : {\"createRuntime\":[" ENTRY "] } }\n");
	becomes("{\"hooks\":null," ASKS "}", "{\"hooks\":{\"createRuntime\":[" ENTRY "]}," ASKS "}");
	becomes("{" ASKS ",\"hooks\":{\"poststop\":[{\"path\":\"/x\"}]}}",
		"{" ASKS ",\"hooks\":{\"createRuntime\":[" ENTRY "],\"poststop\":[{\"path\":\"/x\"}]}}");
	becomes("{" ASKS ",\"hooks\":{\"createRuntime\":null}}",
		"{" ASKS ",\"hooks\":{\"createRuntime\":[" ENTRY "]}}");
	becomes("{" ASKS ",\"hooks\":{\"createRuntime\":[ ]}}",
		"{" ASKS ",\"hooks\":{\"createRuntime\":[ " ENTRY "]}}");
	/* After the hooks of others. */
	becomes("{\"hooks\":{\"prestart\":[],\"createRuntime\":[" OTHER "\n]}," ASKS "}",
		"{\"hooks\":{\"prestart\":[],\"createRuntime\":[" OTHER "\n," ENTRY "]}," ASKS "}");
}

/* Text that looks like a hook elsewhere, or in a string, is not taken for the place. */
static void test_what_is_no_place(void **unused)
{
	(void)unused;
	becomes("{\"linux\":{\"hooks\":{\"createRuntime\":[]}},\"x\":\"\\\"hooks\\\":{\"," ASKS "}",
		"{\"hooks\":{\"createRuntime\":[" ENTRY "]},\"linux\":{\"hooks\":{\"createRuntime\":[]}},"
		"\"x\":\"\\\"hooks\\\":{\"," ASKS "}");
	becomes("{\"a\":[1,{\"b\":[]},-2.5e3,true,null,\"}\"]," ASKS ",\"hooks\":{}}",
		"{\"a\":[1,{\"b\":[]},-2.5e3,true,null,\"}\"]," ASKS ",\"hooks\":{\"createRuntime\":[" ENTRY
		"]}}");
}

/* Numbers that a parser would not reproduce. */
static void test_numbers(void **unused)
{
	static const char limits[] =
		"\"process\":{\"rlimits\":[{\"hard\":18446744073709551615,\"soft\":9007199254740993}]}";
	char before[256], after[512];

	(void)unused;
	(void)snprintf(before, sizeof(before), "{%s,\"s\":\"\\u0000\\/\"," ASKS "}", limits);
	(void)snprintf(after, sizeof(after),
		       "{\"hooks\":{\"createRuntime\":[" ENTRY "]},%s,\"s\":\"\\u0000\\/\"," ASKS "}",
		       limits);
	becomes(before, after);
}

static void test_nothing_to_do(void **unused)
{
	(void)unused;
	stays("{}", false);
	stays("{\"annotations\":null}", false);
	stays("{\"annotations\":{\"io.msealdx\":\"1\"},\"hooks\":7}", false);
	stays("{\"process\":{\"rlimits\":[{\"hard\":18446744073709551615}]}}", false);
	stays("{" ASKS ",\"hooks\":{\"createRuntime\":[" ENTRY "]}}", true);
	stays("{" ASKS ",\"hooks\":{\"createRuntime\":[{\"path\":\"/x\"},{\"path\":\"/opt/mseald/"
	      "mseald-oci-hook\"}]}}",
	      true);
	/* In another stage the hook gets no pid. */
	becomes("{" ASKS ",\"hooks\":{\"poststart\":[" ENTRY "]}}",
		"{" ASKS ",\"hooks\":{\"createRuntime\":[" ENTRY "],\"poststart\":[" ENTRY "]}}");
}

static void test_files_that_are_wrong(void **unused)
{
	static const char nul[] = "{\"a\":1}\0";
	struct bundle bundle;

	(void)unused;
	is_wrong("", "not JSON");
	is_wrong("{" ASKS, "not JSON");
	is_wrong("{" ASKS "} {}", "not JSON");
	is_wrong("[]", "not a JSON object");
	is_wrong("7", "not JSON");
	is_wrong("{\"annotations\":[\"io.mseald.segments\"]}", "annotations are not a JSON object");
	is_wrong("{" ASKS "," ASKS "}", "duplicate");
	is_wrong("{" ASKS ",\"hooks\":[]}", "hooks are not a JSON object");
	is_wrong("{" ASKS ",\"hooks\":{\"createRuntime\":{}}}", "not a JSON array");
	is_wrong("{" ASKS ",\"\\u0068ooks\":{}}", "escapes");
	is_wrong("{" ASKS ",\"hooks\":{\"create\\u0052untime\":[]}}", "escapes");
	assert_int_equal(bundle_edit(nul, sizeof(nul) - 1, HOOK, &bundle, &fault), -EINVAL);
	assert_non_null(strstr(fault.text, "NUL"));
}

static void test_on_failure(void **unused)
{
	static const char text[] = "{\"annotations\":{\"io.mseald.on-failure\":\"run\"},\"hooks\":7}";
	struct bundle bundle;

	(void)unused;
	assert_int_equal(bundle_edit(text, strlen(text), HOOK, &bundle, &fault), -EINVAL);
	assert_true(bundle.asked);
	assert_int_equal(bundle.on_failure, ON_FAILURE_RUN);
}

/* --- files --- */

static int setup(void **unused)
{
	(void)unused;
	(void)snprintf(folder, sizeof(folder), "/tmp/test_ocibundle.XXXXXX");
	return mkdtemp(folder) ? 0 : -1;
}

static int teardown(void **unused)
{
	char command[128];

	(void)unused;
	(void)snprintf(command, sizeof(command), "rm -rf %s", folder);
	return system(command);
}

static size_t files(void)
{
	_cleanup_closedir_ DIR *dir = opendir(folder);
	size_t count = 0;

	assert_non_null(dir);
	while (readdir(dir))
		count++;
	return count - 2;
}

static void test_write(void **unused)
{
	_cleanup_free_ char *text = NULL;
	char path[128], link[128];
	struct stat st, now;
	size_t size;
	FILE *file;

	(void)unused;
	(void)snprintf(path, sizeof(path), "%s/config.json", folder);
	(void)snprintf(link, sizeof(link), "%s/link", folder);
	file = fopen(path, "w");
	assert_non_null(file);
	(void)fputs("before", file);
	assert_int_equal(fclose(file), 0);
	assert_int_equal(chmod(path, 0604), 0);
	if (geteuid() == 0)
		assert_int_equal(chown(path, 12, 34), 0);
	assert_int_equal(symlink(path, link), 0);
	assert_int_equal(bundle_read(link, &text, &size, &st, &fault), 0);
	assert_int_equal(size, 6);
	assert_string_equal(text, "before");
	assert_int_equal(bundle_write(path, "afterwards", 10, &st, &fault), 0);
	free(TAKE_PTR(text));
	assert_int_equal(bundle_read(path, &text, &size, &now, &fault), 0);
	assert_string_equal(text, "afterwards");
	assert_int_equal(now.st_mode, st.st_mode);
	assert_int_equal(now.st_uid, st.st_uid);
	assert_int_equal(now.st_gid, st.st_gid);
	assert_int_not_equal(now.st_ino, st.st_ino);
	assert_int_equal(files(), 2);
}

static void test_files_that_cannot_be_read(void **unused)
{
	char path[128];
	struct stat st;
	size_t size;
	char *text;

	(void)unused;
	(void)snprintf(path, sizeof(path), "%s/none", folder);
	assert_int_equal(bundle_read(path, &text, &size, &st, &fault), -ENOENT);
	assert_int_equal(bundle_read(folder, &text, &size, &st, &fault), -EINVAL);
	assert_non_null(strstr(fault.text, "plain file"));
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(bundle_read(path, &text, &size, &st, &fault), -EINVAL);
	assert_int_equal(unlink(path), 0);
	(void)snprintf(path, sizeof(path), "%s/large", folder);
	assert_int_equal(close(open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600)), 0);
	assert_int_equal(truncate(path, BUNDLE_CONFIG_MAX + 1), 0);
	assert_int_equal(bundle_read(path, &text, &size, &st, &fault), -EINVAL);
	assert_non_null(strstr(fault.text, "longer than"));
	assert_int_equal(unlink(path), 0);
}

/* If a file cannot be replaced, no other file is left beside it. */
static void test_files_that_cannot_be_written(void **unused)
{
	char path[128], below[160];
	struct stat st = { .st_mode = 0600 };

	(void)unused;
	(void)snprintf(path, sizeof(path), "%s/folder", folder);
	(void)snprintf(below, sizeof(below), "%s/none/config.json", folder);
	assert_int_equal(mkdir(path, 0700), 0);
	assert_true(bundle_write(path, "x", 1, &st, &fault) < 0);
	assert_int_equal(bundle_write(below, "x", 1, &st, &fault), -ENOENT);
	assert_int_equal(rmdir(path), 0);
	assert_int_equal(files(), 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_where_the_hook_goes),
		cmocka_unit_test(test_what_is_no_place),
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_nothing_to_do),
		cmocka_unit_test(test_files_that_are_wrong),
		cmocka_unit_test(test_on_failure),
		cmocka_unit_test(test_write),
		cmocka_unit_test(test_files_that_cannot_be_read),
		cmocka_unit_test(test_files_that_cannot_be_written),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
