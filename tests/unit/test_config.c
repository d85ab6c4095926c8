/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * mseald.conf(5): which files are read, in which order, and the messages for mistakes
 * (user/daemon/base/config.c).
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "base/config.h"
#include "lib/base/util.h"
#include "lib/conf/folders.h"

static struct {
	char root[64];
	struct config config;
	struct diagnostics faults;
} test;

static int setup(void **state)
{
	(void)state;
	(void)umask(022);
	(void)snprintf(test.root, sizeof(test.root), "/tmp/test_config.XXXXXX");
	return mkdtemp(test.root) ? 0 : -1;
}

static int teardown(void **state)
{
	char command[128];

	(void)state;
	diagnostics_free(&test.faults);
	(void)snprintf(command, sizeof(command), "rm -rf %s", test.root);
	return system(command);
}

/* Makes a file below the root, with its folders. */
static void put(const char *path, const char *text)
{
	char whole[512];
	FILE *file;

	(void)snprintf(whole, sizeof(whole), "%s%s", test.root, path);
	for (char *slash = strchr(whole + strlen(test.root) + 1, '/'); slash;
	     slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		(void)mkdir(whole, 0755);
		*slash = '/';
	}
	file = fopen(whole, "w");
	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

static int read_settings(void)
{
	struct config config = CONFIG_DEFAULT;
	int r;

	diagnostics_free(&test.faults);
	r = config_read(test.root, &config, &test.faults);
	test.config = config;
	return r;
}

static void assert_settings(bool lock, bool signals, enum gate_mode gate)
{
	assert_int_equal(read_settings(), 0);
	assert_int_equal(test.faults.count, 0);
	assert_int_equal(test.config.lock, lock);
	assert_int_equal(test.config.lock_signals, signals);
	assert_int_equal(test.config.gate, gate);
}

/* With this text as the only file: one fault, at this line, with these words; nothing is set. */
static void assert_fault(const char *text, unsigned line, const char *words)
{
	put("/etc/mseald/mseald.conf", text);
	assert_int_equal(read_settings(), -EINVAL);
	assert_int_equal(test.faults.count, 1);
	assert_int_equal(test.faults.list[0].line, line);
	if (!strstr(test.faults.list[0].message, words))
		fail_msg("\"%s\" has no \"%s\"", test.faults.list[0].message, words);
	assert_false(test.config.lock);
}

static void without_files(void **state)
{
	(void)state;
	assert_settings(false, true, GATE_AUTO);
}

static void main_file(void **state)
{
	(void)state;
	put(CONFIG_FOLDER_VENDOR "/mseald.conf", "[Mseald]\nGate=kill\n");
	assert_settings(false, true, GATE_KILL);
	put("/run/mseald/mseald.conf", "[Mseald]\nGate=bpf\n");
	assert_settings(false, true, GATE_BPF);
	/* Only the first that exists. */
	put("/etc/mseald/mseald.conf", "# a comment\n\n[Mseald]\nLock=yes\nLockSignals = no\n");
	assert_settings(true, false, GATE_AUTO);
	put("/etc/mseald/mseald.conf", "[Mseald]\nUserSpaces=65536\n");
	assert_settings(false, true, GATE_AUTO);
	assert_int_equal(test.config.user_spaces, 65536);
	put("/etc/mseald/mseald.conf", "[Mseald]\nUserSpaces=\"20000\"\n");
	assert_settings(false, true, GATE_AUTO);
	assert_int_equal(test.config.user_spaces, 20000);
	put("/etc/mseald/mseald.conf", "");
	assert_settings(false, true, GATE_AUTO);
	assert_int_equal(test.config.user_spaces, MSEALD_QUOTA_EACH);
	/* U+FEFF, which some editors write first. */
	put("/etc/mseald/mseald.conf", "\xef\xbb\xbf[Mseald]\nGate=kill\n");
	assert_settings(false, true, GATE_KILL);
}

static void drop_ins(void **state)
{
	char link[256];

	(void)state;
	put("/etc/mseald/mseald.conf", "[Mseald]\nLock=no\nGate=deny\n");
	put(CONFIG_FOLDER_VENDOR "/mseald.conf.d/50-x.conf", "[Mseald]\nLock=yes\n");
	assert_settings(true, true, GATE_DENY);
	/* Files are read in the order of their names, whatever the folder. */
	put("/etc/mseald/mseald.conf.d/10-y.conf", "[Mseald]\nLock=no\nGate=bpf\n");
	assert_settings(true, true, GATE_BPF);
	put("/run/mseald/mseald.conf.d/60-z.conf", "[Mseald]\nLock=\nGate=\n");
	assert_settings(false, true, GATE_AUTO);
	/* /etc before /run before /usr/lib. */
	put("/run/mseald/mseald.conf.d/50-x.conf", "[Mseald]\nLockSignals=no\n");
	assert_settings(false, false, GATE_AUTO);
	put("/etc/mseald/mseald.conf.d/50-x.conf", "");
	assert_settings(false, true, GATE_AUTO);
	(void)snprintf(link, sizeof(link), "%s/etc/mseald/mseald.conf.d/60-z.conf", test.root);
	assert_int_equal(symlink("/dev/null", link), 0);
	assert_settings(false, true, GATE_BPF);
	/* Names that are not drop-ins. */
	put("/etc/mseald/mseald.conf.d/99.conf.dpkg-old", "nonsense");
	put("/etc/mseald/mseald.conf.d/.hidden.conf", "nonsense");
	assert_settings(false, true, GATE_BPF);
}

static void times(void **state)
{
	static const struct {
		const char *text;
		uint64_t native_after, settle;
	} cases[] = {
		{ "", 2000000, 10000000 },
		{ "NativeAfter=0\nSettle=1", 0, 1000000 },
		{ "NativeAfter=1500ms\nSettle=30s", 1500000, 30000000 },
		{ "NativeAfter=2min\nSettle=1000ms", 120000000, 1000000 },
		{ "NativeAfter=24h\nSettle=24h", 86400000000, 86400000000 },
		{ "NativeAfter=\"infinity\"", CONFIG_NEVER, 10000000 },
		{ "NativeAfter=5\nNativeAfter=\nSettle=5\nSettle=", 2000000, 10000000 },
	};

	(void)state;
	for (size_t i = 0; i < ELEMENTS(cases); i++) {
		char text[128];

		(void)snprintf(text, sizeof(text), "[Mseald]\n%s\n", cases[i].text);
		put("/etc/mseald/mseald.conf", text);
		assert_settings(false, true, GATE_AUTO);
		assert_int_equal(test.config.native_after, cases[i].native_after);
		assert_int_equal(test.config.settle, cases[i].settle);
	}
}

static void mistakes(void **state)
{
	static const char *const no_times[] = { "-1",
						"x",
						"1.5",
						"2sec",
						"ms",
						"infinit",
						"86401",
						"25h",
						"1441min",
						"1000000000",
						"99999999999999999999" };

	(void)state;
	assert_fault("[Mseald]\nLock=yess\n", 2, "Lock= does not know 'yess'; it takes yes or no");
	assert_fault("[Mseald]\nLock=yes\nLockSignal=yes\n", 3, "did you mean LockSignals=?");
	assert_fault("[Mseald]\nLock=yes\nColour=red\n", 3,
		     "keys: Debug, Gate, Lock, LockSignals, NativeAfter, Settle, UserSpaces");
	assert_fault("[Mseald]\nUserSpaces=0\n", 2, "must be 1 to 65536");
	assert_fault("[Mseald]\nUserSpaces=65537\n", 2, "must be 1 to 65536");
	assert_fault("[Mseald]\nUserSpaces=many\n", 2, "must be 1 to 65536");
	for (size_t i = 0; i < ELEMENTS(no_times); i++) {
		char text[128];

		(void)snprintf(text, sizeof(text), "[Mseald]\nNativeAfter=%s\n", no_times[i]);
		assert_fault(text, 2, "must be 0s to 24h, or infinity; units are ms, s (default), min and h");
	}
	assert_fault("[Mseald]\nSettle=0\n", 2, "Settle=0: must be 1s to 24h");
	assert_fault("[Mseald]\nSettle=999ms\n", 2, "must be 1s to 24h");
	assert_fault("[Mseald]\nSettle=infinity\n", 2, "must be 1s to 24h");
	assert_fault("[Mseald]\nNativeAfter=1 s\n", 2, "takes one value");
	assert_fault("[Mseald]\nLock=yes\nGate=maybe\n", 3, "auto, bpf, deny or kill");
	assert_fault("Lock=yes\n", 1, "write [Mseald] above it");
	assert_fault("[Match]\nLock=yes\n", 1, "there is [Mseald]");
	assert_fault("[Mseald]\nLock=yes no\n", 2, "takes one value");
	assert_fault("[Mseald]\nLock\n", 2, "not understood");
}

static void all_mistakes_are_reported(void **state)
{
	(void)state;
	put("/etc/mseald/mseald.conf", "[Mseald]\nLock=1 2\nNo=1\n");
	put("/run/mseald/mseald.conf.d/a.conf", "Lock=yes\n");
	assert_int_equal(read_settings(), -EINVAL);
	assert_int_equal(test.faults.count, 3);
	assert_non_null(strstr(test.faults.list[2].path, "/run/mseald/mseald.conf.d/a.conf"));
}

/* With very many faults the first ones are kept, and the number of the others. */
static void very_many_mistakes(void **state)
{
	char text[512] = "[Mseald]\n";

	(void)state;
	for (int i = 0; i < 23; i++)
		strcat(text, "Colour=red\n");
	put("/etc/mseald/mseald.conf", text);
	assert_int_equal(read_settings(), -EINVAL);
	assert_int_equal(test.faults.count, 21);
	assert_string_equal(test.faults.list[20].message, "3 more faults");
	assert_int_equal(test.faults.list[20].line, 0);
}

static void no_plain_file(void **state)
{
	char path[256];

	(void)state;
	put("/etc/mseald/mseald.conf", "");
	(void)snprintf(path, sizeof(path), "%s/etc/mseald/mseald.conf", test.root);
	assert_int_equal(truncate(path, 65537), 0);
	assert_int_equal(read_settings(), -EINVAL);
	assert_string_equal(test.faults.list[0].message, "the file has 65537 bytes; at most 65536 are read");
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkdir(path, 0755), 0);
	assert_int_equal(read_settings(), -EINVAL);
	assert_string_equal(test.faults.list[0].message, "a plain file is expected, not a folder");
}

static void writable_by_others(void **state)
{
	char path[256];

	(void)state;
	put("/etc/mseald/mseald.conf", "[Mseald]\nLock=no\n");
	(void)snprintf(path, sizeof(path), "%s/etc/mseald/mseald.conf", test.root);
	assert_int_equal(chmod(path, 0666), 0);
	assert_int_equal(read_settings(), -EINVAL);
	assert_non_null(strstr(test.faults.list[0].message, "chmod go-w"));
	assert_int_equal(chmod(path, 0644), 0);
	put("/etc/mseald/mseald.conf.d/a.conf", "[Mseald]\nLock=yes\n");
	(void)snprintf(path, sizeof(path), "%s/etc/mseald/mseald.conf.d", test.root);
	assert_int_equal(chmod(path, 0777), 0);
	assert_int_equal(read_settings(), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(without_files, setup, teardown),
		cmocka_unit_test_setup_teardown(main_file, setup, teardown),
		cmocka_unit_test_setup_teardown(drop_ins, setup, teardown),
		cmocka_unit_test_setup_teardown(times, setup, teardown),
		cmocka_unit_test_setup_teardown(mistakes, setup, teardown),
		cmocka_unit_test_setup_teardown(all_mistakes_are_reported, setup, teardown),
		cmocka_unit_test_setup_teardown(very_many_mistakes, setup, teardown),
		cmocka_unit_test_setup_teardown(no_plain_file, setup, teardown),
		cmocka_unit_test_setup_teardown(writable_by_others, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
