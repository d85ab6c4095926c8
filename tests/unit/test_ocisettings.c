// SPDX-License-Identifier: LGPL-2.1-or-later
/* oci-runtime.conf: its contents, and which file is used (user/oci/settings.c). */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "lib/base/util.h"
#include "lib/conf/folders.h"
#include "settings.h"

static struct {
	char root[64];
	struct settings settings;
	struct diagnostics faults;
} test;

static int setup(void **unused)
{
	(void)unused;
	(void)umask(022);
	(void)snprintf(test.root, sizeof(test.root), "/tmp/test_ocisettings.XXXXXX");
	return mkdtemp(test.root) ? 0 : -1;
}

static int teardown(void **unused)
{
	char command[128];

	(void)unused;
	diagnostics_free(&test.faults);
	settings_free(&test.settings);
	(void)snprintf(command, sizeof(command), "rm -rf %s", test.root);
	return system(command);
}

static void put(const char *where, const char *text)
{
	char command[512], path[256];
	FILE *file;

	(void)snprintf(command, sizeof(command), "mkdir -p %s%s", test.root, where);
	assert_int_equal(system(command), 0);
	(void)snprintf(path, sizeof(path), "%s%s/oci-runtime.conf", test.root, where);
	file = fopen(path, "w");
	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

static void says(const char *runtime, const char *hook)
{
	settings_free(&test.settings);
	assert_int_equal(settings_load(test.root, &test.settings, &test.faults), 0);
	assert_string_equal(test.settings.runtime, runtime);
	assert_string_equal(test.settings.hook, hook);
}

static void is_wrong(const char *text, const char *why)
{
	_cleanup_(settings_free) struct settings settings = {};

	diagnostics_free(&test.faults);
	assert_int_equal(settings_parse("f", text, strlen(text), &settings, &test.faults), -EINVAL);
	assert_true(test.faults.count > 0);
	if (!strstr(test.faults.list[0].message, why))
		fail_msg("\"%s\" has no \"%s\"", test.faults.list[0].message, why);
	assert_null(settings.runtime);
}

static void test_which_file_counts(void **unused)
{
	(void)unused;
	says(SETTINGS_RUNTIME, OCI_HOOK_PATH);
	put(CONFIG_FOLDER_VENDOR, "[Runtime]\nPath=crun\n");
	says("crun", OCI_HOOK_PATH);
	put("/run/mseald", "");
	says(SETTINGS_RUNTIME, OCI_HOOK_PATH);
	put("/etc/mseald", "# ours\n[Runtime]\nPath=/usr/bin/youki\nHook=/opt/mseald/mseald-oci-hook\n");
	says("/usr/bin/youki", "/opt/mseald/mseald-oci-hook");
	put("/etc/mseald", "[Runtime]\nPath=crun\nHook=/x\nPath=\nHook=\n");
	says(SETTINGS_RUNTIME, OCI_HOOK_PATH);
}

static void test_mistakes(void **unused)
{
	(void)unused;
	is_wrong("Path=crun\n", "before the first section");
	is_wrong("[Mseald]\nPath=crun\n", "section [Mseald]");
	is_wrong("[Runtime]\nPath=bin/crun\n", "an absolute path, or a name");
	is_wrong("[Runtime]\nPath=crun --debug\n", "takes one value");
	is_wrong("[Runtime]\nHook=mseald-oci-hook\n", "an absolute path");
	is_wrong("[Runtime]\nPaht=crun\n", "did you mean Path=?");
	is_wrong("[Runtime]\nTimeout=3\n", "keys: Hook, Path");
	is_wrong("[Runtime]\nPath\n", "");
}

/* A user who may write the file chooses a program that root starts. */
static void test_guard(void **unused)
{
	char path[128];

	(void)unused;
	put("/etc/mseald", "[Runtime]\nPath=crun\n");
	(void)snprintf(path, sizeof(path), "%s/etc/mseald/oci-runtime.conf", test.root);
	assert_int_equal(chmod(path, 0666), 0);
	diagnostics_free(&test.faults);
	settings_free(&test.settings);
	assert_int_equal(settings_load(test.root, &test.settings, &test.faults), -EINVAL);
	assert_non_null(strstr(test.faults.list[0].message, "chmod go-w"));
	assert_null(test.settings.runtime);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_which_file_counts),
		cmocka_unit_test(test_mistakes),
		cmocka_unit_test(test_guard),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
