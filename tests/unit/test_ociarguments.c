// SPDX-License-Identifier: LGPL-2.1-or-later
/* The command lines with which engines call OCI runtimes (user/oci/arguments.c). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "arguments.h"
#include "lib/base/util.h"

#define WORDS_MAX 24

/*
 * Parses a command line with blanks between its words, after the program's name; valid until the next call.
 */
static struct arguments parsed(const char *line)
{
	static char copy[512];
	static char program[] = "mseald-oci-runtime";
	char *argv[WORDS_MAX + 1] = { program };
	struct arguments arguments;
	size_t count = 1;

	(void)snprintf(copy, sizeof(copy), "%s", line);
	for (char *word = strtok(copy, " "); word; word = strtok(NULL, " ")) {
		assert_true(count < WORDS_MAX);
		argv[count++] = word;
	}
	arguments_parse(argv, &arguments);
	return arguments;
}

static void is_string(const char *got, const char *expected)
{
	if (!expected)
		assert_null(got);
	else
		assert_string_equal(got, expected);
}

static void creates(const char *line, const char *bundle, const char *id)
{
	struct arguments arguments = parsed(line);

	if (!arguments.creates)
		fail_msg("\"%s\" creates no container", line);
	is_string(arguments.bundle, bundle);
	is_string(arguments.id, id);
}

static void test_engines(void **unused)
{
	struct arguments arguments;

	(void)unused;
	/* containerd's shim, for Docker and for CRI */
	arguments = parsed("--root /run/docker/runtime-runc/moby --log /run/c/log.json --log-format json "
			   "--systemd-cgroup create --bundle /run/c/b --pid-file /run/c/init.pid abc");
	assert_true(arguments.creates);
	assert_string_equal(arguments.bundle, "/run/c/b");
	assert_string_equal(arguments.id, "abc");
	assert_string_equal(arguments.log, "/run/c/log.json");
	assert_true(arguments.log_json);
	/* conmon, for podman */
	arguments = parsed(
		"--systemd-cgroup --log=/run/oci-log --log-format=text create --bundle /b --pid-file "
		"/p --console-socket /s abc");
	assert_true(arguments.creates);
	assert_string_equal(arguments.log, "/run/oci-log");
	assert_false(arguments.log_json);
	creates("--cgroup-manager systemd run -d -b /b abc", "/b", "abc");
}

static void test_ways_to_write_options(void **unused)
{
	(void)unused;
	creates("create abc", NULL, "abc");
	creates("run --bundle=/b abc", "/b", "abc");
	creates("run --bundle /b abc", "/b", "abc");
	creates("run -bundle /b abc", "/b", "abc");
	creates("run -bundle=/b abc", "/b", "abc");
	creates("run -b /b abc", "/b", "abc");
	creates("run -b=/b abc", "/b", "abc");
	creates("run -b/b abc", "/b", "abc");
	creates("create abc --bundle /b", "/b", "abc");
	creates("create --bundle /a --bundle /b abc", "/b", "abc");
	creates("create --pid-file run --bundle /b abc", "/b", "abc");
	creates("create -- abc --bundle", NULL, "abc");
	creates("-- run abc", NULL, "abc");
	creates("create abc --bundle", NULL, "abc");
	creates("create --bundle= abc", "", "abc");
	assert_string_equal(parsed("run --config /c.json abc").config, "/c.json");
	assert_string_equal(parsed("run -f /c.json abc").config, "/c.json");
}

static void test_options_that_are_not_known(void **unused)
{
	(void)unused;
	creates("--new create --bundle /b abc", "/b", "abc");
	creates("--new value create --bundle /b abc", "/b", "abc");
	creates("--new=value create --bundle /b abc", "/b", "abc");
	creates("--sys create --new --bundle /b abc", "/b", "abc");
	creates("-force value create --bundle /b abc", "/b", "abc");
	creates("-x -y create -zb --bundle /b abc", "/b", "abc");
	creates("--log create run --bundle /b abc", "/b", "abc");
}

static void test_other_commands(void **unused)
{
	static const char *const lines[] = {
		"",
		"--version",
		"--help",
		"-",
		"--",
		"--root create",
		"--root /r state abc",
		"start create",
		"exec abc run",
		"exec --process /p abc create",
		"delete --force run",
		"kill create KILL",
		"features",
		"restore --bundle /b abc",
		"creates --bundle /b abc",
		"Create --bundle /b abc",
		"update --resources - create",
	};

	(void)unused;
	for (size_t i = 0; i < ELEMENTS(lines); i++)
		if (parsed(lines[i]).creates)
			fail_msg("\"%s\" creates a container", lines[i]);
}

static void test_no_program(void **unused)
{
	char *argv[] = { NULL };
	struct arguments arguments;

	(void)unused;
	arguments_parse(argv, &arguments);
	assert_false(arguments.creates);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_engines),
		cmocka_unit_test(test_ways_to_write_options),
		cmocka_unit_test(test_options_that_are_not_known),
		cmocka_unit_test(test_other_commands),
		cmocka_unit_test(test_no_program),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
