/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Folders of policies: which file is used for a name, and files that are no policies
 * (user/lib/policy/policies.c, conf/load.c).
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <cmocka.h>

#include "lib/policy/internal.h"

#define GOOD "[Match]\nExe=/opt/x\n"

static struct {
	char root[64], etc[80], vendor[80];
	const char *folders[3];
	struct policies policies;
	struct policy_files files;
	struct diagnostics faults;
	/* The change that fstat() below makes to the file being read. */
	unsigned changes;
	char changed[160];
} test;

/*
 * Replaces that of the C library, also for the tested code. It runs between opening and reading, when another
 * process may write to the file.
 */
int fstat(int fd, struct stat *st)
{
	int r = fstatat(fd, "", st, AT_EMPTY_PATH);

	if (test.changes > 0 && S_ISREG(st->st_mode)) {
		FILE *file = fopen(test.changed, "a");

		test.changes--;
		(void)fputs("#\n", file);
		(void)fclose(file);
	}
	return r;
}

static const char *path_of(const char *folder, const char *name)
{
	static char path[512];

	(void)snprintf(path, sizeof(path), "%s/%s", folder, name);
	return path;
}

static void write_bytes(const char *folder, const char *name, const char *text, size_t size)
{
	FILE *file = fopen(path_of(folder, name), "w");

	assert_non_null(file);
	assert_int_equal(fwrite(text, 1, size, file), size);
	(void)fclose(file);
}

static void write_file(const char *folder, const char *name, const char *text)
{
	write_bytes(folder, name, text, strlen(text));
}

static void link_file(const char *target, const char *name)
{
	assert_int_equal(symlink(target, path_of(test.etc, name)), 0);
}

static void free_all(void)
{
	policies_free(&test.policies);
	policy_files_free(&test.files);
	diagnostics_free(&test.faults);
}

static void run(const char *format)
{
	char command[256];

	(void)snprintf(command, sizeof(command), format, test.root);
	assert_int_equal(system(command), 0);
}

static int before_each(void **state)
{
	(void)state;
	(void)umask(022);
	(void)strcpy(test.root, "/tmp/test_policies.XXXXXX");
	if (!mkdtemp(test.root))
		return -1;
	(void)snprintf(test.etc, sizeof(test.etc), "%s/etc", test.root);
	(void)snprintf(test.vendor, sizeof(test.vendor), "%s/vendor", test.root);
	test.folders[0] = test.etc;
	test.folders[1] = test.vendor;
	return mkdir(test.etc, 0755) < 0 || mkdir(test.vendor, 0755) < 0 ? -1 : 0;
}

static int after_each(void **state)
{
	(void)state;
	free_all();
	run("rm -rf %s");
	return 0;
}

/* Reads, and expects exactly these active policies (names, separated by blanks). */
static void assert_in_force(const char *names)
{
	char list[256] = "";

	free_all();
	assert_int_equal(policies_read(test.folders, &test.policies, &test.faults), 0);
	for (size_t i = 0; i < test.policies.count; i++) {
		(void)strcat(list, i ? " " : "");
		(void)strcat(list, test.policies.list[i].name);
	}
	assert_string_equal(list, names);
	/* The other view of the same folders. */
	assert_int_equal(policy_files_read(NULL, test.folders, &test.files, NULL), 0);
}

/* The state of one file of the folders. */
static enum policy_file_state state_of(const char *path)
{
	for (size_t i = 0; i < test.files.count; i++)
		if (strcmp(test.files.list[i].path, path) == 0)
			return test.files.list[i].state;
	fail_msg("%s is not listed", path);
	return POLICY_FILE_FAULT;
}

/* Exactly one fault, about this file, with these words; the good file beside it is used. */
static void assert_one_fault(const char *name, const char *words)
{
	write_file(test.etc, "zz-good.conf", GOOD);
	assert_in_force("zz-good");
	for (size_t i = 0; i < test.faults.count; i++)
		if (i > 0 || !strstr(test.faults.list[0].message, words))
			print_error("%s: %s\n", test.faults.list[i].path, test.faults.list[i].message);
	assert_int_equal(test.faults.count, 1);
	assert_string_equal(test.faults.list[0].path, path_of(test.etc, name));
	assert_non_null(strstr(test.faults.list[0].message, words));
	assert_int_equal(state_of(path_of(test.etc, name)), POLICY_FILE_FAULT);
}

static void no_folders(void **state)
{
	static const char *const none[] = { "/nonexistent/a", "/nonexistent/b", NULL };

	(void)state;
	assert_int_equal(policies_read(none, &test.policies, &test.faults), 0);
	assert_int_equal(test.policies.count, 0);
	assert_int_equal(test.faults.count, 0);
	assert_in_force("");
	/* faults may be NULL. */
	write_file(test.etc, "bad.conf", "x");
	free_all();
	assert_int_equal(policies_read(test.folders, &test.policies, NULL), 0);
}

static void order_and_precedence(void **state)
{
	(void)state;
	write_file(test.vendor, "10-b.conf", GOOD);
	write_file(test.etc, "20-c.conf", GOOD);
	write_file(test.vendor, "30-d.conf", GOOD);
	write_file(test.etc, "05-a.conf", GOOD);
	assert_in_force("05-a 10-b 20-c 30-d");
	assert_int_equal(test.faults.count, 0);

	write_file(test.etc, "10-b.conf", "[Match]\nExe=/opt/y\n");
	assert_in_force("05-a 10-b 20-c 30-d");
	assert_string_equal(test.policies.list[1].exe[0].path, "/opt/y");
	assert_string_equal(test.policies.list[1].path, path_of(test.etc, "10-b.conf"));
	assert_int_equal(state_of(path_of(test.vendor, "10-b.conf")), POLICY_FILE_REPLACED);

	/* A faulty file replaces as well: its author did not want the other. */
	write_file(test.etc, "10-b.conf", "[Match]\nExe=y\n");
	assert_in_force("05-a 20-c 30-d");
	assert_int_equal(test.faults.count, 1);

	/* Replaced files are not read. */
	write_file(test.vendor, "20-c.conf", "nonsense");
	write_file(test.etc, "10-b.conf", GOOD);
	assert_in_force("05-a 10-b 20-c 30-d");
	assert_int_equal(test.faults.count, 0);
}

static void those_that_are_last(void **state)
{
	struct policy_files files = {};

	(void)state;
	write_file(test.vendor, "a.conf", "[Match]\nExe=/\n[Policy]\nEnabled=no\nLast=yes\n");
	write_file(test.vendor, "b.conf", GOOD);
	write_file(test.etc, "c.conf", GOOD);
	assert_in_force("b c");
	/* The other file of its name stays beside it. */
	link_file("../vendor/a.conf", "a.conf");
	assert_in_force("b c a");
	assert_int_equal(policy_files_read(NULL, test.folders, &files, NULL), 0);
	assert_int_equal(files.count, 4);
	assert_string_equal(files.list[2].path, path_of(test.etc, "a.conf"));
	assert_int_equal(files.list[3].state, POLICY_FILE_REPLACED);
	policy_files_free(&files);
	/* Among several, the names decide. */
	write_file(test.etc, "0.conf", GOOD "[Policy]\nLast=yes\n");
	write_file(test.etc, "z.conf", GOOD);
	assert_in_force("b c z 0 a");
	write_file(test.etc, "0.conf", GOOD "[Policy]\nLast=yes\nLast=no\n");
	assert_in_force("0 b c z a");
}

static void masks(void **state)
{
	(void)state;
	write_file(test.vendor, "a.conf", GOOD);
	write_file(test.vendor, "b.conf", GOOD);
	write_file(test.vendor, "c.conf", GOOD);
	write_file(test.etc, "a.conf", "");
	link_file("/dev/null", "b.conf");
	assert_in_force("c");
	assert_int_equal(test.faults.count, 0);
	assert_int_equal(state_of(path_of(test.etc, "a.conf")), POLICY_FILE_MASK);
	assert_int_equal(state_of(path_of(test.etc, "b.conf")), POLICY_FILE_MASK);
	assert_int_equal(state_of(path_of(test.vendor, "b.conf")), POLICY_FILE_REPLACED);
}

static void ready_policies(void **state)
{
	(void)state;
	write_file(test.vendor, "on.conf", GOOD "[Policy]\nEnabled=yes\n");
	write_file(test.vendor, "off.conf", GOOD "[Policy]\nEnabled=no\n");
	assert_in_force("on");
	assert_int_equal(state_of(path_of(test.vendor, "off.conf")), POLICY_FILE_OFF);
	link_file("../vendor/off.conf", "off.conf");
	assert_in_force("off on");
	assert_string_equal(test.policies.list[0].path, path_of(test.etc, "off.conf"));
	/* In the administrator's folder the key is ignored. */
	write_file(test.etc, "own.conf", GOOD "[Policy]\nEnabled=no\n");
	assert_in_force("off on own");
}

static void below_a_root(void **state)
{
	static const char *const folders[] = { "/etc", "/lib/vendor", NULL };

	(void)state;
	write_file(test.vendor, "a.conf", GOOD);
	write_file(test.vendor, "b.conf", GOOD "[Policy]\nEnabled=no\n");
	write_file(test.vendor, "c.conf", GOOD);
	assert_int_equal(symlink("/", path_of(test.root, "lib")), 0);
	link_file("/dev/null", "a.conf");
	link_file("/lib/vendor/b.conf", "b.conf");
	assert_int_equal(policy_files_read(test.root, folders, &test.files, &test.faults), 0);
	assert_int_equal(test.faults.count, 0);
	assert_int_equal(test.files.count, 5);
	assert_string_equal(test.files.list[0].path, path_of(test.etc, "a.conf"));
	assert_string_equal(test.files.list[0].link, "/dev/null");
	assert_int_equal(test.files.list[0].state, POLICY_FILE_MASK);
	assert_int_equal(test.files.list[1].state, POLICY_FILE_REPLACED);
	assert_int_equal(test.files.list[2].state, POLICY_FILE_ON);
	assert_int_equal(test.files.list[4].state, POLICY_FILE_ON);
	assert_null(test.files.list[4].link);
}

static void names_that_are_none(void **state)
{
	(void)state;
	write_file(test.etc, ".hidden.conf", "x");
	write_file(test.etc, ".#lock.conf", "x");
	write_file(test.etc, "#auto.conf#", "x");
	write_file(test.etc, "#auto.conf", "x");
	write_file(test.etc, "a.conf~", "x");
	write_file(test.etc, "a.conf.bak", "x");
	write_file(test.etc, "a.conf.dpkg-old", "x");
	write_file(test.etc, ".a.conf.swp", "x");
	write_file(test.etc, "README", "x");
	write_file(test.etc, ".conf", "x");
	write_file(test.etc, "a.CONF", "x");
	assert_in_force("");
	assert_int_equal(test.faults.count, 0);
	assert_int_equal(test.files.count, 0);
}

static void odd_names(void **state)
{
	char *text;

	(void)state;
	write_file(test.etc, "a b\n\x1b[2J\xff.conf", "x");
	assert_one_fault("a b\n\x1b[2J\xff.conf", "not understood");
	text = diagnostic_text(&test.faults.list[0]);
	assert_non_null(strstr(text, "a b\\x0a\\x1b[2J\xff.conf:1: "));
	free(text);
}

static void no_plain_files(void **state)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	(void)state;
	alarm(20); /* opening a FIFO would wait for its other end */
	assert_int_equal(mkfifo(path_of(test.etc, "a.conf"), 0644), 0);
	assert_one_fault("a.conf", "not a FIFO");
	assert_int_equal(unlink(path_of(test.etc, "a.conf")), 0);

	assert_int_equal(mkdir(path_of(test.etc, "a.conf"), 0755), 0);
	assert_one_fault("a.conf", "not a folder");
	assert_int_equal(rmdir(path_of(test.etc, "a.conf")), 0);

	(void)strcpy(address.sun_path, path_of(test.etc, "a.conf"));
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	(void)close(fd);
	assert_one_fault("a.conf", "not a socket");
	assert_int_equal(unlink(path_of(test.etc, "a.conf")), 0);

	link_file("/dev/zero", "a.conf");
	assert_one_fault("a.conf", "not a device");
	assert_int_equal(unlink(path_of(test.etc, "a.conf")), 0);

	link_file("a.conf", "a.conf");
	assert_one_fault("a.conf", "form a loop");
	assert_int_equal(unlink(path_of(test.etc, "a.conf")), 0);

	link_file("/nonexistent/b", "a.conf");
	assert_one_fault("a.conf", "a symbolic link to a missing file");
	alarm(0);
}

static void contents_that_are_none(void **state)
{
	_cleanup_free_ char *big = malloc(LOAD_FILE_MAX + 1);

	(void)state;
	memset(big, '#', LOAD_FILE_MAX + 1);
	write_bytes(test.etc, "a.conf", big, LOAD_FILE_MAX + 1);
	assert_one_fault("a.conf", "at most 65536");
	memcpy(big, GOOD "#", strlen(GOOD) + 1);
	write_bytes(test.etc, "a.conf", big, LOAD_FILE_MAX);
	assert_in_force("a zz-good");
	/* A file with a hole of a terabyte is not read. */
	assert_int_equal(truncate(path_of(test.etc, "a.conf"), (off_t)1 << 40), 0);
	assert_one_fault("a.conf", "at most 65536");
	write_bytes(test.etc, "a.conf",
		    "\x7f"
		    "ELF\0\0\0",
		    7);
	assert_one_fault("a.conf", "NUL");
	write_file(test.etc, "a.conf", " \n# nothing\n");
	assert_one_fault("a.conf", "matches nothing");
}

static void unreadable(void **state)
{
	bool is_root = geteuid() == 0;

	(void)state;
	write_file(test.etc, "a.conf", GOOD);
	write_file(test.etc, "zz-good.conf", GOOD);
	assert_int_equal(chmod(path_of(test.etc, "a.conf"), 0), 0);
	if (is_root) {
		assert_int_equal(chmod(test.root, 0755), 0);
		assert_int_equal(seteuid(65534), 0);
	}
	assert_in_force("zz-good");
	if (is_root)
		assert_int_equal(seteuid(0), 0);
	assert_int_equal(test.faults.count, 1);
	assert_non_null(strstr(test.faults.list[0].message, "cannot be read: Permission denied"));
}

static void files_of_others(void **state)
{
	struct policy policy;

	(void)state;
	write_file(test.etc, "a.conf", GOOD);
	assert_int_equal(chmod(path_of(test.etc, "a.conf"), 0664), 0);
	assert_one_fault("a.conf", "write permission for group or others; chmod go-w");
	assert_int_equal(chmod(path_of(test.etc, "a.conf"), 0646), 0);
	assert_one_fault("a.conf", "write permission for group or others");
	/* A file named explicitly is accepted as it is. */
	assert_int_equal(policy_read_file(path_of(test.etc, "a.conf"), &policy, NULL), 0);
	policy_free(&policy);
	assert_int_equal(chmod(path_of(test.etc, "a.conf"), 0644), 0);
	assert_in_force("a zz-good");
	if (geteuid() == 0) {
		assert_int_equal(chown(path_of(test.etc, "a.conf"), 12345, 0), 0);
		assert_one_fault("a.conf", "the owner is not root");
		/* The target of a link is checked, not the link. */
		assert_int_equal(rename(path_of(test.etc, "a.conf"),
					strcpy((char[512]){}, path_of(test.vendor, "x"))),
				 0);
		link_file("../vendor/x", "a.conf");
		assert_one_fault("a.conf", "the owner is not root");
	}
}

static void folders_of_others(void **state)
{
	(void)state;
	write_file(test.etc, "a.conf", GOOD);
	write_file(test.vendor, "b.conf", GOOD);
	assert_int_equal(chmod(test.etc, 0777), 0);
	assert_in_force("b");
	assert_int_equal(test.faults.count, 1);
	assert_string_equal(test.faults.list[0].path, test.etc);
	assert_non_null(strstr(test.faults.list[0].message, "until then none of its policies is used"));
	assert_int_equal(chmod(test.etc, 0755), 0);
	assert_in_force("a b");
	run("rm -r %s/etc");
	write_file(test.root, "etc", "");
	assert_in_force("b");
	assert_int_equal(test.faults.count, 1);
	assert_non_null(strstr(test.faults.list[0].message, "Not a directory"));
}

static void changing_files(void **state)
{
	(void)state;
	write_file(test.etc, "a.conf", GOOD);
	(void)strcpy(test.changed, path_of(test.etc, "a.conf"));
	test.changes = 2;
	assert_in_force("a");
	assert_int_equal(test.changes, 0);
	assert_int_equal(test.faults.count, 0);
	/* A file that never stops changing. */
	write_file(test.etc, "zz-good.conf", GOOD);
	test.changes = 1000;
	free_all();
	assert_int_equal(policies_read(&test.folders[0], &test.policies, &test.faults), 0);
	test.changes = 0;
	assert_int_equal(test.policies.count, 1);
	assert_int_equal(test.faults.count, 1);
	assert_string_equal(test.faults.list[0].path, path_of(test.etc, "a.conf"));
	assert_non_null(strstr(test.faults.list[0].message, "keeps changing"));
}

static void too_many(void **state)
{
	(void)state;
	for (unsigned i = 0; i < POLICIES_MAX + 2; i++) {
		char name[32];

		(void)snprintf(name, sizeof(name), "%05u.conf", i);
		write_file(i % 2 ? test.etc : test.vendor, name, GOOD);
	}
	assert_int_equal(policies_read(test.folders, &test.policies, &test.faults), 0);
	assert_int_equal(test.policies.count, POLICIES_MAX);
	assert_string_equal(test.policies.list[POLICIES_MAX - 1].name, "04095");
	assert_int_equal(test.faults.count, 1);
	assert_non_null(strstr(test.faults.list[0].message, "more than 4096 policies"));
}

#define each(function) cmocka_unit_test_setup_teardown(function, before_each, after_each)

int main(void)
{
	const struct CMUnitTest tests[] = {
		each(no_folders),
		each(order_and_precedence),
		each(those_that_are_last),
		each(masks),
		each(ready_policies),
		each(below_a_root),
		each(names_that_are_none),
		each(odd_names),
		each(no_plain_files),
		each(contents_that_are_none),
		each(unreadable),
		each(files_of_others),
		each(folders_of_others),
		each(changing_files),
		each(too_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
