// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * msealctl policy (MSEALCTL, else build/msealctl) on folders below its own root, and its handling of a
 * daemon's replies.
 */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "ctl/base/command.h"
#include "ctl/view/policy_common.h"
#include "ctl/view/policy_cover.h"
#include "ctl/view/report_advice.h"

#define READY "[Policy]\nDescription=A thing\nEnabled=no\n[Match]\nExe=/usr/bin/thing\n"

static struct {
	char root[64];
	const char *program;
	char *vendor;	   /* without the root, as this msealctl was built */
	char out[1 << 16]; /* of the last run, both streams, with the root removed */
	int status;
} test;

/* Removes the root from the output, for comparison. */
static void forget_root(void)
{
	size_t length = strlen(test.root);

	for (char *found = test.out; (found = strstr(found, test.root));)
		memmove(found, found + length, strlen(found + length) + 1);
}

static void run(const char *format, ...) _printf_(1, 2);

/* Runs "msealctl policy --root=ROOT ..." by a shell. */
static void run(const char *format, ...)
{
	char words[512], command[1024];
	va_list arguments;
	FILE *pipe;
	size_t got;

	va_start(arguments, format);
	(void)vsnprintf(words, sizeof(words), format, arguments);
	va_end(arguments);
	(void)snprintf(command, sizeof(command), "%s --socket=/nonexistent policy --root=%s %s 2>&1",
		       test.program, test.root, words);
	pipe = popen(command, "re");
	assert_non_null(pipe);
	got = fread(test.out, 1, sizeof(test.out) - 1, pipe);
	test.out[got] = '\0';
	test.status = pclose(pipe);
	assert_true(WIFEXITED(test.status));
	test.status = WEXITSTATUS(test.status);
	forget_root();
}

static void assert_result(int status, const char *format, ...) _printf_(2, 3);

static void assert_result(int status, const char *format, ...)
{
	char expected[2048];
	va_list arguments;

	va_start(arguments, format);
	(void)vsnprintf(expected, sizeof(expected), format, arguments);
	va_end(arguments);
	assert_string_equal(test.out, expected);
	assert_int_equal(test.status, status);
}

static void assert_says(int status, const char *words)
{
	if (!strstr(test.out, words))
		fail_msg("'%s' is not in: %s", words, test.out);
	assert_int_equal(test.status, status);
}

static const char *below_root(const char *folder, const char *name)
{
	static char path[512];

	(void)snprintf(path, sizeof(path), "%s%s/%s", test.root, folder, name);
	return path;
}

static void write_file(const char *folder, const char *name, const char *text)
{
	FILE *file = fopen(below_root(folder, name), "w");

	assert_non_null(file);
	(void)fputs(text, file);
	(void)fclose(file);
}

/* The target of a link in the administrator's folder; "" for none. */
static const char *link_of(const char *name)
{
	static char target[512];
	ssize_t length = readlink(below_root(POLICY_FOLDER_ETC, name), target, sizeof(target) - 1);

	target[length < 0 ? 0 : length] = '\0';
	return target;
}

static void in_root(const char *command, const char *folder)
{
	char whole[512];

	(void)snprintf(whole, sizeof(whole), "%s %s%s", command, test.root, folder);
	assert_int_equal(system(whole), 0);
}

static int before_each(void **state)
{
	json_t *document;

	(void)state;
	(void)umask(022);
	(void)strcpy(test.root, "/tmp/test_ctl_policy.XXXXXX");
	if (!mkdtemp(test.root))
		return -1;
	run("--json list-files");
	document = json_loads(test.out, 0, NULL);
	test.vendor = strdup(json_string_value(json_array_get(json_object_get(document, "folders"), 1)));
	json_decref(document);
	in_root("mkdir -p", test.vendor);
	in_root("mkdir -p", "/usr/bin");
	write_file("/usr/bin", "thing",
		   "\x7f"
		   "ELF");
	(void)chmod(below_root("/usr/bin", "thing"), 0755);
	write_file(test.vendor, "thing.conf", READY);
	return 0;
}

static int after_each(void **state)
{
	(void)state;
	in_root("rm -rf", "");
	free(TAKE_PTR(test.vendor));
	return 0;
}

static void usage(void **state)
{
	(void)state;
	run("%s", "");
	assert_says(0, "Usage: msealctl policy ");
	run("frob");
	assert_result(2, "msealctl: there is no command 'policy frob'; see msealctl policy --help\n");
	run("--frob");
	assert_result(2, "msealctl: there is no option --frob; see msealctl policy --help\n");
	run("check --frob");
	assert_result(2, "msealctl: there is no option --frob; see msealctl policy check --help\n");
	run("--root=/nonexistent check");
	assert_result(1, "msealctl: --root=/nonexistent is not a folder\n");
	run("check --root=/nonexistent");
	assert_result(1, "msealctl: --root=/nonexistent is not a folder\n");
	run("show");
	assert_result(2, "msealctl: no NAME or FILE given; see msealctl policy show --help\n");
	run("show a b");
	assert_says(2, "unexpected argument 'b' after NAME or FILE");
	run("enable");
	assert_says(2, "no NAME given; see msealctl policy enable --help");
	run("list-files x");
	assert_says(2, "unexpected argument 'x'");
	run("enable a/b");
	assert_says(2, "'a/b' is a path");
}

static void help(void **state)
{
	static const char *const commands[] = { "check", "show", "list-files", "enable", "disable" };
	char words[64];

	(void)state;
	run("--help");
	for (size_t i = 0; i < ELEMENTS(commands); i++) {
		(void)snprintf(words, sizeof(words), "\n  policy %s ", commands[i]);
		assert_says(0, words);
	}
	for (size_t i = 0; i < ELEMENTS(commands); i++) {
		run("%s --help", commands[i]);
		(void)snprintf(words, sizeof(words), "Usage: msealctl policy %s ", commands[i]);
		assert_ptr_equal(strstr(test.out, words), test.out);
		assert_int_equal(test.status, 0);
		for (const char *line = test.out; *line; line += strcspn(line, "\n") + 1)
			assert_true(strcspn(line, "\n") <= 80);
	}
}

static void checking(void **state)
{
	json_t *document;

	(void)state;
	run("check");
	assert_result(0, "1 policy, no fault\n");
	run("enable thing");
	write_file(POLICY_FOLDER_ETC, "bad.conf", "[Match]\nexe=/x\n[Seal]\nDeny=x\n");
	run("check");
	assert_result(1, POLICY_FOLDER_ETC
		      "/bad.conf:2: unknown key exe=; did you mean Exe=?\n" POLICY_FOLDER_ETC
		      "/bad.conf:4: Deny= does not know 'x'; it takes mprotect unmap discard foreign-write "
		      "file-write, or all\n");
	run("check %s", below_root(POLICY_FOLDER_ETC, "thing.conf"));
	assert_says(1, "a symbolic link to a missing file"); /* of this machine, not of the root */
	run("check %s", below_root(test.vendor, "thing.conf"));
	assert_result(0, "1 policy, no fault\n");
	run("check - <%s", below_root(POLICY_FOLDER_ETC, "bad.conf"));
	assert_says(1, "-:2: unknown key exe=");
	run("check - </");
	assert_result(1, "-: cannot be read: Is a directory\n");
	run("check /nonexistent");
	assert_result(1, "/nonexistent: the file does not exist, or is a symbolic link to a missing file\n");
	run("--json check");
	document = json_loads(test.out, 0, NULL);
	assert_int_equal(json_array_size(json_object_get(document, "faults")), 2);
	assert_int_equal(json_integer_value(json_object_get(
				 json_array_get(json_object_get(document, "faults"), 0), "line")),
			 2);
	assert_int_equal(json_integer_value(json_object_get(document, "files")), 2);
	assert_int_equal(test.status, 1);
	json_decref(document);
}

static void warnings(void **state)
{
	(void)state;
	in_root("mkdir -p", POLICY_FOLDER_ETC);
	in_root("mkdir -p", "/opt/folder");
	write_file("/usr/bin", "script", "#! /usr/bin/env -S python3 -u\n");
	write_file("/usr/bin", "other", "#!/bin/sh\n");
	write_file("/usr/bin", "data", "x");
	(void)chmod(below_root("/usr/bin", "script"), 0755);
	(void)chmod(below_root("/usr/bin", "other"), 0755);
	(void)symlink("/usr/bin/gone", below_root("/usr/bin", "link"));
	write_file(POLICY_FOLDER_ETC, "a.conf",
		   "[Match]\nExe=/usr/bin/thing /usr/bin/gone\nExe=/usr/bin/script\nExe=/usr/bin/other\n"
		   "Exe=/usr/bin/data\nExe=/opt/folder\nExe=/opt/folder/ /opt/gone/\nExe=/usr/*/x?\n"
		   "Exe=/usr/*/th*\nExe=/usr/bin/link\n"
		   "Unit=nginx\nUnit=nginx.service nginx*\n");
	run("check");
#define W POLICY_FOLDER_ETC "/a.conf:"
	assert_result(
		0,
		W "2: warning: Exe=/usr/bin/gone does not exist here\n" W
		  "3: warning: Exe=/usr/bin/script is a script; name its interpreter python3 (/usr/bin/env), "
		  "and Unit= or User=\n" W
		  "4: warning: Exe=/usr/bin/other is a script; name its interpreter /bin/sh, and Unit= or "
		  "User=\n" W "5: warning: Exe=/usr/bin/data cannot be executed\n" W
		  "6: warning: Exe=/opt/folder is a folder; append / to match the programs in it\n" W
		  "7: warning: Exe=/opt/gone/ does not exist here\n" W
		  "8: warning: Exe=/usr/*/x? matches no file here\n" W
		  "10: warning: Exe=/usr/bin/link does not exist here (it leads to /usr/bin/gone)\n" W
		  "11: warning: Unit=nginx has no suffix and matches no unit; did you mean nginx.service?\n"
		  "2 policies, no fault\n");

	/* The first policy in order decides. */
	write_file(POLICY_FOLDER_ETC, "a.conf", "[Match]\nExe=/usr/bin/\n");
	run("enable thing");
	run("check");
	assert_result(0, POLICY_FOLDER_ETC "/thing.conf: warning: policy is never used: " POLICY_FOLDER_ETC
					   "/a.conf comes "
					   "first and matches all its processes\n"
					   "2 policies, no fault\n");
	/* For a ready policy, only a warning that its program is not installed. */
	write_file(POLICY_FOLDER_ETC, "a.conf", "");
	write_file(test.vendor, "thing.conf", READY "Exe=/usr/sbin/thing\n");
	run("check");
	assert_result(0, "2 policies, no fault\n");
	(void)unlink(below_root("/usr/bin", "thing"));
	run("check");
	assert_result(0, POLICY_FOLDER_ETC "/thing.conf: warning: none of the named programs exists here\n"
					   "2 policies, no fault\n");
	/* Enabled=no does not turn off a policy of the administrator. */
	write_file(POLICY_FOLDER_ETC, "b.conf", "[Policy]\nEnabled=no\n[Match]\nUser=1\n");
	run("check");
	assert_says(0, "/b.conf: warning: policy is on despite Enabled=no");
}

static void showing(void **state)
{
	json_t *document;

	(void)state;
	run("enable thing");
	run("show thing");
	assert_result(0,
		      "thing: on, " POLICY_FOLDER_ETC
		      "/thing.conf -> %s/thing.conf\nthing: replaced, %s/thing.conf\n\n"
		      "# " POLICY_FOLDER_ETC "/thing.conf\n" READY
		      "\n# The active policy:\n[Match]\nExe=/usr/bin/thing\n\n"
		      "[Seal]\nSegments=text rodata relro data vdso stack\nDeny=mprotect unmap discard\n"
		      "ForeignWrite=allow\nFileWrite=allow\n"
		      "Action=deny\nDlopen=no\nGate=auto\n",
		      test.vendor, test.vendor);
	write_file(POLICY_FOLDER_ETC, "x.conf",
		   "[Match]\nExe=\"/a b\" /c\nUnit=x.service\nUser=7\nMarked=yes\n# \xc3\xa4\n[Seal]\n"
		   "Segments=none\n");
	run("show x.conf");
	assert_says(0, "\n# \\xc3\\xa4\n");
	assert_says(0, "# The active policy:\n[Match]\nExe=\"/a b\" /c\nUnit=x.service\nUser=7\nMarked=yes\n"
		       "\n[Seal]\nSegments=none\n");
	run("show %s", below_root(POLICY_FOLDER_ETC, "x.conf"));
	assert_says(0, "# The active policy:\n");
	run("--json show x");
	document = json_loads(test.out, 0, NULL);
	assert_string_equal(
		json_string_value(json_array_get(
			json_object_get(json_object_get(json_object_get(document, "policy"), "match"),
					"unit"),
			0)),
		"x.service");
	assert_string_equal(json_string_value(json_object_get(
				    json_array_get(json_object_get(document, "files"), 0), "state")),
			    "on");
	json_decref(document);

	write_file(POLICY_FOLDER_ETC, "x.conf", "[Match]\nexe=1\n");
	run("show x");
	assert_says(1, "x: fault, " POLICY_FOLDER_ETC "/x.conf\n");
	assert_says(1, "/x.conf:2: unknown key exe=");
	run("show tihng");
	assert_result(1, "msealctl: there is no policy 'tihng'; did you mean thing?\n");
	run("show something-else");
	assert_result(1, "msealctl: there is no policy 'something-else' (see msealctl policy list-files)\n");
}

static void enabling(void **state)
{
	struct stat st;
	char target[256];

	(void)state;
	(void)snprintf(target, sizeof(target), "%s/thing.conf", test.vendor);
	run("enable thing.conf");
	assert_result(0, "thing is on: linked " POLICY_FOLDER_ETC "/thing.conf to %s\n", target);
	assert_string_equal(link_of("thing.conf"), target);
	run("list-files");
	assert_says(0, "thing  on     A thing      " POLICY_FOLDER_ETC "/thing.conf\n");
	run("enable thing");
	assert_result(0, "thing is on already: " POLICY_FOLDER_ETC "/thing.conf is linked to %s\n", target);
	run("disable thing");
	assert_result(0, "thing is off: removed the link " POLICY_FOLDER_ETC "/thing.conf\n");
	assert_int_equal(lstat(below_root(POLICY_FOLDER_ETC, "thing.conf"), &st), -1);
	run("disable thing");
	assert_result(0, "thing is off already: nothing links to %s\n", target);
	run("enable nothing thing");
	assert_says(1, "there is no policy 'nothing' (see msealctl policy list-files)\n");
	assert_says(1, "thing is on: ");
	run("--json disable thing");
	assert_says(0, "\"on\": false");

	/* If its package is gone, a dangling link is left. */
	run("enable thing");
	(void)unlink(below_root(test.vendor, "thing.conf"));
	run("disable thing");
	assert_result(0, "thing is off: removed the link " POLICY_FOLDER_ETC "/thing.conf\n");

	write_file(test.vendor, "thing.conf", "[Match]\nexe=1\n");
	run("enable thing");
	assert_says(1, "/thing.conf:2: unknown key exe=");
	assert_says(1, "/thing.conf has faults and is not turned on");
	assert_string_equal(link_of("thing.conf"), "");
}

#define AUDIT "[Policy]\nEnabled=no\nLast=yes\n[Match]\nExe=/\n[Seal]\nAction="

/* A ready policy with audit, which also exists with deny. */
static void enabling_an_action(void **state)
{
	char deny[256];

	(void)state;
	(void)snprintf(deny, sizeof(deny), "%s/deny", test.vendor);
	in_root("mkdir -p", deny);
	write_file(test.vendor, "all.conf", AUDIT "audit\n");
	write_file(deny, "all.conf", AUDIT "deny\n");
	run("enable all");
	assert_result(0,
		      "all is on: linked " POLICY_FOLDER_ETC
		      "/all.conf to %s/all.conf, Action=audit: it denies nothing yet\n",
		      test.vendor);
	run("enable --action=audit all");
	assert_says(0, "all is on already: ");
	run("enable --action=deny all");
	assert_result(0, "all is on: linked " POLICY_FOLDER_ETC "/all.conf to %s/all.conf\n", deny);
	run("show all");
	assert_says(0, "Action=deny\n");
	assert_says(0, "# The active policy:\n[Policy]\nLast=yes\n\n[Match]\nExe=/\n");
	/* Without --action it is not weakened. */
	run("enable all");
	assert_result(0, "all is on already: " POLICY_FOLDER_ETC "/all.conf is linked to %s/all.conf\n",
		      deny);
	run("list-files");
	assert_says(0, "all    on     -            " POLICY_FOLDER_ETC "/all.conf\n");
	run("enable --action=audit all");
	assert_says(0, "Action=audit: it denies nothing yet\n");
	run("enable --action=deny all");
	run("disable all");
	assert_result(0, "all is off: removed the link " POLICY_FOLDER_ETC "/all.conf\n");
	/* A mask in /etc gives way, too. */
	(void)symlink("/dev/null", below_root(POLICY_FOLDER_ETC, "all.conf"));
	run("enable --action=deny all");
	assert_says(0, "all is on: linked ");
	run("check");
	assert_result(0, "2 policies, no fault\n");

	/* A ready policy with one action only. */
	run("enable --action=deny thing");
	assert_result(0, "thing is on: linked " POLICY_FOLDER_ETC "/thing.conf to %s/thing.conf\n",
		      test.vendor);
	run("enable --action=audit thing");
	assert_says(1, "policy thing has another action; copy ");
	assert_non_null(strstr(link_of("thing.conf"), "/thing.conf"));
	run("enable --action=frob thing");
	assert_says(2, "--action does not know 'frob'; it takes deny or audit");
	run("enable --action=kill thing");
	assert_says(2, "--action does not know 'kill'; it takes deny or audit");
	run("disable --action=deny thing");
	assert_says(2, "there is no option --action");
	write_file(POLICY_FOLDER_ETC, "own.conf", AUDIT "audit\n");
	run("enable --action=deny own");
	assert_says(1, "is your own policy with Action=audit; write Action=deny there");
	run("enable --action=audit own");
	assert_says(0, "own is on already");
	/* A fault in the policy to be linked. */
	write_file(deny, "all.conf", "[Match]\nExe=/*\n");
	run("enable --action=audit all");
	run("enable --action=deny all");
	assert_says(1, "deny/all.conf:2: Exe=/* does not match all programs");
	assert_says(1, "has faults and is not turned on");
	assert_null(strstr(link_of("all.conf"), "/deny/"));
}

/* Each misleading spelling of "all programs" gives a fault, or a warning, with the correct one. */
static void all_programs(void **state)
{
	static const char *const faults[] = { "Exe=/*", "Exe=/**", "Exe=*", "Unit=*", "User=*", "Cgroup=/*" };
	char text[64];

	(void)state;
	in_root("mkdir -p", POLICY_FOLDER_ETC);
	for (size_t i = 0; i < ELEMENTS(faults); i++) {
		(void)snprintf(text, sizeof(text), "[Match]\n%s\n", faults[i]);
		write_file(POLICY_FOLDER_ETC, "a.conf", text);
		run("check");
		assert_says(1, "/a.conf:2: ");
		assert_says(1, "; write Exe=/\n");
		run("enable a");
		assert_says(1, "/a.conf has faults, see msealctl policy check");
	}
	write_file(POLICY_FOLDER_ETC, "a.conf", "[Match]\n[Seal]\n");
	run("check");
	assert_says(1, "matches nothing; [Match] needs");
	assert_says(1, "; all programs: Exe=/\n");
	write_file(POLICY_FOLDER_ETC, "a.conf", "[Match]\nCgroup=/\n");
	run("check");
	assert_says(0, "warning: Cgroup=/ matches every cgroup, and so all programs; for all programs write "
		       "Exe=/\n");
	write_file(POLICY_FOLDER_ETC, "a.conf", "[Match]\nExe=/\n");
	run("enable thing");
	run("check");
	assert_says(0, "policy is never used: " POLICY_FOLDER_ETC "/a.conf comes first and matches all "
		       "its processes; set Last=yes there\n");
	write_file(POLICY_FOLDER_ETC, "a.conf", "[Match]\nExe=/\n[Policy]\nLast=yes\n");
	run("check");
	assert_result(0, "2 policies, no fault\n");
}

static void on_by_default(void **state)
{
	(void)state;
	write_file(test.vendor, "thing.conf", "[Match]\nExe=/usr/bin/thing\n");
	run("enable thing");
	assert_result(0, "thing is on already: %s/thing.conf is on without a link\n", test.vendor);
	run("disable thing");
	assert_result(0, "thing is off: linked " POLICY_FOLDER_ETC "/thing.conf to /dev/null\n");
	assert_string_equal(link_of("thing.conf"), "/dev/null");
	run("disable thing");
	assert_result(0, "thing is off already: " POLICY_FOLDER_ETC "/thing.conf is linked to /dev/null\n");
	run("list-files");
	assert_says(0, "thing  masked ");
	run("enable thing");
	assert_result(0, "thing is on: removed the link " POLICY_FOLDER_ETC "/thing.conf to /dev/null\n");
	/* A mask of a policy that is off gives way to the link. */
	(void)symlink("/dev/null", below_root(POLICY_FOLDER_ETC, "thing.conf"));
	write_file(test.vendor, "thing.conf", READY);
	run("enable thing");
	assert_says(0, "thing is on: linked ");
	assert_non_null(strstr(link_of("thing.conf"), "/thing.conf"));
	/* And the link of a policy that is now on by default gives way to a mask. */
	write_file(test.vendor, "thing.conf", "[Match]\nExe=/usr/bin/thing\n");
	run("disable thing");
	assert_string_equal(link_of("thing.conf"), "/dev/null");
}

static void own_files_are_left_alone(void **state)
{
	struct stat st;

	(void)state;
	in_root("mkdir -p", POLICY_FOLDER_ETC);
	write_file(POLICY_FOLDER_ETC, "thing.conf", "[Match]\nExe=/usr/bin/thing\n");
	run("disable thing");
	assert_result(1, "msealctl: " POLICY_FOLDER_ETC "/thing.conf is your own file, not a link; "
			 "rename or remove it to turn thing off\n");
	run("enable thing");
	assert_result(0, "thing is on already: " POLICY_FOLDER_ETC "/thing.conf is your own policy\n");
	assert_int_equal(lstat(below_root(POLICY_FOLDER_ETC, "thing.conf"), &st), 0);
	write_file(POLICY_FOLDER_ETC, "thing.conf", "");
	run("disable thing");
	assert_result(0, "thing is off already: " POLICY_FOLDER_ETC "/thing.conf is empty\n");
	run("enable thing");
	assert_says(1, "is your own file, not a link; rename or remove it to turn thing on");
	assert_int_equal(unlink(below_root(POLICY_FOLDER_ETC, "thing.conf")), 0);
	(void)symlink("/elsewhere.conf", below_root(POLICY_FOLDER_ETC, "thing.conf"));
	run("disable thing");
	assert_says(1, "is a foreign link to /elsewhere.conf; remove the link");
	assert_string_equal(link_of("thing.conf"), "/elsewhere.conf");
}

static void folders_of_others(void **state)
{
	(void)state;
	in_root("mkdir -p", POLICY_FOLDER_ETC);
	in_root("chmod 777", POLICY_FOLDER_ETC);
	run("enable thing");
	assert_result(1, "msealctl: " POLICY_FOLDER_ETC ": write permission for group or others; "
			 "chmod go-w; until then none of its policies is used\n");
	assert_string_equal(link_of("thing.conf"), "");
	run("check");
	assert_says(1, POLICY_FOLDER_ETC ": write permission for group or others");
}

/* --- the daemon --- */

/* Asks a daemon that answers so; NULL: no daemon. Returns the result. */
static int ask(const char *answer, const char **ret_said)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct ctl ctl = { .socket = address.sun_path, .root = "" };
	int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), r;
	pid_t server = 0;

	*ret_said = NULL;
	(void)snprintf(address.sun_path, sizeof(address.sun_path), "%s/socket", test.root);
	(void)unlink(address.sun_path);
	assert_int_equal(bind(listener, (struct sockaddr *)&address, sizeof(address)), 0);
	if (answer) {
		assert_int_equal(listen(listener, 1), 0);
		server = fork();
		if (server == 0) {
			char request[256] = "";
			int fd = accept(listener, NULL, NULL);

			(void)alarm(20);
			if (read(fd, request, sizeof(request)) > 0 &&
			    strstr(request, "\"io.mseald.ReloadPolicy\""))
				(void)!write(fd, answer, strlen(answer) + 1);
			_exit(0);
		}
	}
	(void)close(listener);
	r = policy_common_reload(&ctl, ret_said);
	if (server)
		(void)waitpid(server, NULL, 0);
	return r;
}

static void asking_the_daemon(void **state)
{
	const char *said;

	(void)state;
	assert_int_equal(ask(NULL, &said), 0);
	assert_ptr_equal(said, policy_common_daemon_absent);
	assert_int_equal(ask("{\"parameters\":{}}", &said), 0);
	assert_string_equal(said, "mseald has read its policies again");
	/* An older daemon. */
	assert_int_equal(
		ask("{\"error\":\"org.varlink.service.MethodNotFound\",\"parameters\":{\"method\":\"x\"}}",
		    &said),
		0);
	assert_non_null(strstr(said, "msealctl policy reload"));
	assert_int_equal(ask("{\"error\":\"io.mseald.PermissionDenied\",\"parameters\":{}}", &said),
			 CTL_REFUSED);
	assert_int_equal(ask("nonsense", &said), CTL_FAILURE);
}

/* --- what a policy covers --- */

#define MATCH(pid, policy, state, more) \
	"{\"pid\":" #pid ",\"policy\":\"" policy "\",\"exe\":\"/usr/sbin/p" #pid "\",\"state\":\"" state \
	"\"" more "}"
#define MISSING ",\"missing\":[\"unmap\",\"discard\"]"

static void assert_covers(const char *matches, const char *expected)
{
	char text[2048];
	json_t *reply;
	char *said;

	(void)snprintf(text, sizeof(text), "{\"matches\":[%s]}", matches);
	reply = json_loads(text, 0, NULL);
	assert_non_null(reply);
	said = policy_cover_text(reply, "system");
	assert_string_equal(said, expected);
	free(said);
	json_decref(reply);
}

static void covering(void **state)
{
	(void)state;
	assert_covers("", "0 processes");
	assert_covers(MATCH(7, "x", "sealed", "") "," MATCH(8, "system", "sealed", ""),
		      "1 process: 1 sealed, 0 being sealed");
	assert_covers(
		MATCH(1, "system", "pending", MISSING) "," MATCH(7, "system", "sealed", MISSING) "," MATCH(
			8, "system", "unsealed", "") "," MATCH(9, "system", "pending", ""),
		"4 processes: 1 sealed, 2 being sealed; not p8[8] (msealctl policy list); pid 1 without "
		"unmap, discard: this kernel can only kill for these, and pid 1 cannot be killed");
	assert_covers(MATCH(2, "system", "unsealed", "") "," MATCH(3, "system", "unsealed", "") "," MATCH(
			      4, "system", "unsealed", "") "," MATCH(5, "system", "unsealed", ""),
		      "4 processes: 0 sealed, 0 being sealed; not p2[2], p3[3], p4[4] and 1 more (msealctl "
		      "policy list)");
	assert_covers(MATCH(2, "system", "exempt", ""), "1 process, exempt from later policies");
}

/* --- advice on a report --- */

#define POLICY(action, sealed, dlopen) \
	"{\"name\":\"web\",\"path\":\"/etc/web.conf\",\"action\":\"" action \
	"\",\"deny\":[\"mprotect\",\"unmap\"," \
	"\"discard\",\"foreign-write\"],\"segments\":[\"text\",\"rodata\"],\"dlopen\":" #dlopen \
	",\"since\":0," \
	"\"sealed\":" #sealed "}"
#define ATTEMPTS(policy, operation, segment, verdict, attempts, outcome) \
	"{\"policy\":\"" policy "\",\"operation\":\"" operation "\",\"segment\":\"" segment \
	"\",\"verdict\":\"" verdict "\",\"attempts\":" #attempts ",\"outcome\":\"" outcome "\"}"
#define HOUR 3600000000000ull

static void assert_advice(const char *policy, const char *rows, uint64_t lost, const char *expected)
{
	json_t *policy_json = json_loads(policy, 0, NULL), *rows_json = json_loads(rows, 0, NULL);
	char *text;

	assert_non_null(policy_json);
	assert_non_null(rows_json);
	text = report_advice(policy_json, rows_json, lost, 26 * HOUR);
	assert_string_equal(text, expected);
	free(text);
	json_decref(policy_json);
	json_decref(rows_json);
}

static void advice(void **state)
{
	(void)state;
	assert_advice(
		POLICY("audit", 2, false), "[]", 0,
		"no call would have been denied in 26 hours; change Action=audit to deny in /etc/web.conf");
	assert_advice(POLICY("audit", 0, false), "[]", 0,
		      "no running process is sealed by this policy; start a program that matches "
		      "(msealctl policy list)");
	assert_advice(POLICY("audit", 2, false), "[]", 1,
		      "no attempt listed would be denied in 26 hours, but 1 attempt is missing; "
		      "--reset and wait");
	/* Rows of another policy, and earlier denials, do not count. */
	assert_advice(
		POLICY("audit", 2, false),
		"[" ATTEMPTS("x", "munmap", "text", "audited", 5,
			     "EPERM") "," ATTEMPTS("web", "munmap", "text", "denied", 5, "EPERM") "]",
		0,
		"no call would have been denied in 26 hours; change Action=audit to deny in /etc/web.conf");
	assert_advice(POLICY("audit", 2, true),
		      "[" ATTEMPTS("web", "munmap", "text", "audited", 5, "SIGKILL") "]", 0,
		      "5 attempts would not have succeeded with Action=deny, 5 of them by SIGKILL; to "
		      "allow them: "
		      "Dlopen=no, if it is dlclose(3) of a library loaded later; Deny=mprotect,discard; "
		      "Segments=rodata");
	assert_advice(POLICY("audit", 2, true),
		      "[" ATTEMPTS("web", "mprotect", "text", "audited", 1, "EPERM") "]", 0,
		      "1 attempt would not have succeeded with Action=deny; to allow them: Deny=unmap,"
		      "discard; Segments=rodata");
	assert_advice(POLICY("audit", 2, false),
		      "[" ATTEMPTS("web", "ptrace", "text", "audited", 2, "EPERM") "]", 0,
		      "2 attempts would not have succeeded with Action=deny; to allow them: "
		      "ForeignWrite=allow");
	assert_advice(POLICY("audit", 2, false),
		      "[" ATTEMPTS("web", "ptrace", "text", "audited", 2,
				   "EPERM") "," ATTEMPTS("web", "mmap", "text", "audited", 1, "EPERM") "]",
		      0,
		      "3 attempts would not have succeeded with Action=deny; to allow them: "
		      "Deny=mprotect,discard with ForeignWrite=allow");
	assert_advice(POLICY("audit", 2, false),
		      "[" ATTEMPTS("web", "mprotect", "text", "audited", 1, "EPERM") "," ATTEMPTS(
			      "web", "munmap", "rodata", "audited", 1,
			      "EPERM") "," ATTEMPTS("web", "madvise", "rodata", "audited", 1, "EPERM") "]",
		      0,
		      "3 attempts would not have succeeded with Action=deny; to allow them: Segments=none");
	assert_advice(POLICY("deny", 2, false), "[]", 3, "no call was denied in 26 hours");
	assert_advice(POLICY("deny", 2, false),
		      "[" ATTEMPTS("web", "munmap", "text", "denied", 1,
				   "EPERM") "," ATTEMPTS("web", "munmap", "text", "killed", 2, "SIGKILL") "]",
		      0,
		      "1 attempt was denied, 2 killed for; if the calls are legitimate, to allow them: "
		      "Deny=mprotect,discard; Segments=rodata");
}

#define ROW(program, operation, segment, more) \
	"{\"policy\":\"web\",\"program\":\"" program "\",\"operation\":\"" operation \
	"\",\"segment\":\"" segment "\",\"verdict\":\"audited\",\"attempts\":1,\"outcome\":\"EPERM\"," more \
	"}"
#define ALL_SEGMENTS "\"segments\":[\"text\",\"rodata\",\"relro\",\"data\",\"vdso\",\"stack\"],"
#define WHOLE(action, more) \
	"{\"name\":\"web\",\"path\":\"/etc/web.conf\",\"action\":\"" action \
	"\",\"deny\":[\"mprotect\",\"unmap\",\"discard\"]," ALL_SEGMENTS \
	"\"dlopen\":true,\"since\":0,\"sealed\":2" more "}"
#define UNMAP "\"deny\":[\"unmap\"]"
#define MPROTECT "\"deny\":[\"mprotect\"]"
#define OBJECT ",\"segments\":[\"text\",\"rodata\",\"relro\",\"data\"]"
#define ONE "1 attempt would not have succeeded with Action=deny"

/* Advice that is sufficient for everything that an attempt meets. */
static void advice_on_ranges(void **state)
{
	(void)state;
	/* All segments of the call, not only the first that it met. */
	assert_advice(WHOLE("audit", ""),
		      "[" ROW("/p", "mprotect", "text",
			      MPROTECT ",\"segments\":[\"text\",\"rodata\",\"data\"]") "]",
		      0, ONE "; to allow them: Deny=unmap,discard; Segments=relro,vdso,stack");
	/* One seal may cover several segments. */
	assert_advice(WHOLE("audit", ""),
		      "[" ROW("/p", "mprotect", "text", MPROTECT ",\"segments\":[\"none\",\"data\"]") "]", 0,
		      ONE "; to allow them: Deny=unmap,discard; Segments=vdso,stack");
	/* Unloading a library meets all its seals. */
	assert_advice(
		WHOLE("audit", ""),
		"[" ROW("/p", "munmap", "text", UNMAP OBJECT) "," ROW("/p", "map_hole", "text", UNMAP) "]", 0,
		"2 attempts would not have succeeded with Action=deny; to allow them: Dlopen=no, if it is "
		"dlclose(3) of a library loaded later; Deny=mprotect,discard; Segments=vdso,stack");
	/* Deny bits beyond discard that deny an madvise. */
	assert_advice(WHOLE("audit", ""),
		      "[" ROW("/p", "madvise", "data", "\"deny\":[\"unmap\",\"discard\"]") "]", 0,
		      ONE "; to allow them: Deny=mprotect; Segments=text,rodata,relro,vdso,stack");
	/* A call on the whole memory meets any segment that is left, */
	assert_advice(WHOLE("audit", ""),
		      "[" ROW("/p", "munmap", "text",
			      UNMAP ",\"segments\":[\"text\"],\"kinds\":[\"all-memory\"]") "]",
		      0,
		      ONE
		      " (all of its memory at once); to allow them: Deny=mprotect,discard; Segments=none");
	/* and so does a call with an unknown range. */
	assert_advice(WHOLE("audit", ""),
		      "[" ROW("/p", "prctl", "text", UNMAP ",\"segments\":[\"text\"]") "]", 0,
		      ONE "; to allow them: Deny=mprotect,discard; Segments=none");
	assert_advice(WHOLE("audit", ""),
		      "[" ROW("/p", "mmap", "text",
			      UNMAP ",\"segments\":[\"text\"],\"kinds\":[\"grows-down\"]") "]",
		      0,
		      ONE " (a mapping that grows down, by MAP_GROWSDOWN); to allow them: "
			  "Deny=mprotect,discard; Segments=none");
	assert_advice(WHOLE("audit", ""),
		      "[" ROW("/p", "mprotect", "stack",
			      MPROTECT ",\"segments\":[\"stack\"],\"kinds\":[\"exec-stack\"]") "]",
		      0,
		      ONE " (an executable stack); to allow them: Deny=unmap,discard; "
			  "Segments=text,rodata,relro,data,vdso");
	assert_advice(WHOLE("audit", ""),
		      "[" ROW("/p", "mmap", "text",
			      UNMAP ",\"segments\":[\"text\"],\"kinds\":[\"huge-text\"]") "]",
		      0,
		      ONE " (text on huge pages); to allow them: Deny=mprotect,discard; "
			  "Segments=rodata,relro,data,vdso,stack");
	/* With kill, the other seals have not been judged. */
	assert_advice(WHOLE("kill", ""),
		      "[{\"policy\":\"web\",\"program\":\"/p\",\"operation\":\"munmap\",\"segment\":\"text\","
		      "\"verdict\":\"killed\",\"attempts\":1,\"deny\":[\"unmap\"],\"segments\":[\"text\"]}]",
		      0,
		      "0 attempts were denied, 1 killed for; if the calls are legitimate, to allow "
		      "them: Dlopen=no, if it is dlclose(3) of a library loaded later; "
		      "Deny=mprotect,discard; Segments=none");
}

static void advice_for_programs(void **state)
{
	static const char rows[] =
		"[" ROW("/a", "mprotect", "stack", MPROTECT ",\"kinds\":[\"exec-stack\"]") "," ROW(
			"/b", "munmap", "data", UNMAP) "," ROW("/a", "mprotect", "text", MPROTECT) "]";
	json_t *policy = json_loads(WHOLE("audit", ",\"ready\":false"), 0, NULL),
	       *rows_json = json_loads(rows, 0, NULL), *ways = report_advice_ways(policy, rows_json);

	(void)state;
	/* Each program has its own. */
	assert_advice(
		WHOLE("audit", ""), rows, 0,
		"3 attempts would not have succeeded with Action=deny; to allow them, give each program "
		"a policy of its own with one of these:\n"
		"/a: 2 attempts (an executable stack): Deny=unmap,discard; "
		"Segments=rodata,relro,data,vdso\n"
		"/b: 1 attempt: Dlopen=no, if it is dlclose(3) of a library loaded later; "
		"Deny=mprotect,discard; Segments=text,rodata,relro,vdso,stack");
	/* A ready policy is never edited. */
	assert_advice(WHOLE("audit", ",\"ready\":true"), "[" ROW("/b", "mmap", "data", UNMAP) "]", 0,
		      ONE "; to allow them, give each program a policy of its own with one of these:\n"
			  "/b: 1 attempt: Deny=mprotect,discard; Segments=text,rodata,relro,vdso,stack");
	assert_advice(WHOLE("audit", ",\"ready\":true"), "[]", 0,
		      "no call would have been denied in 26 hours; msealctl policy enable --action=deny web");
	assert_int_equal(json_array_size(ways), 2);
	assert_string_equal(
		json_string_value(json_array_get(json_object_get(json_array_get(ways, 0), "ways"), 1)),
		"Segments=rodata,relro,data,vdso");
	assert_string_equal(
		json_string_value(json_array_get(json_object_get(json_array_get(ways, 0), "kinds"), 0)),
		"exec-stack");
	json_decref(policy);
	json_decref(rows_json);
	json_decref(ways);
}

/* The limits of deny, before switching to it; not afterwards. */
static void advice_on_limits(void **state)
{
#define LIMITS \
	",\"pid1\":[\"unmap\",\"discard\"],\"kills\":[\"madvise\"],\"kills_at_first\":[\"munmap\",\"brk\"]"
	(void)state;
	assert_advice(
		WHOLE("audit", LIMITS), "[]", 0,
		"no call would have been denied in 26 hours; change Action=audit to deny in /etc/web.conf\n"
		"pid 1 would not be sealed against unmap, discard: this kernel can only kill for these, "
		"and pid 1 cannot be killed\n"
		"with Action=deny this kernel kills the program for: madvise\n"
		"with Action=deny this kernel kills the program, until mseal(2) holds (NativeAfter=), for: "
		"munmap, brk");
	assert_advice(WHOLE("audit", ",\"kills\":[],\"kills_at_first\":[]"), "[]", 0,
		      "no call would have been denied in 26 hours; change Action=audit to deny in "
		      "/etc/web.conf");
	assert_advice(WHOLE("deny", LIMITS), "[]", 0, "no call was denied in 26 hours");
}

static void durations(void **state)
{
	char buf[REPORT_ADVICE_DURATION_MAX];

	(void)state;
	assert_string_equal(report_advice_duration(0, buf), "0 minutes");
	assert_string_equal(report_advice_duration(HOUR / 60, buf), "1 minute");
	assert_string_equal(report_advice_duration(HOUR, buf), "1 hour");
	assert_string_equal(report_advice_duration(71 * HOUR, buf), "71 hours");
	assert_string_equal(report_advice_duration(72 * HOUR, buf), "3 days");
}

#define each(function) cmocka_unit_test_setup_teardown(function, before_each, after_each)

int main(void)
{
	const struct CMUnitTest tests[] = {
		each(usage),
		each(help),
		each(checking),
		each(warnings),
		each(showing),
		each(enabling),
		each(enabling_an_action),
		each(all_programs),
		each(on_by_default),
		each(own_files_are_left_alone),
		each(asking_the_daemon),
		each(folders_of_others),
		cmocka_unit_test(covering),
		cmocka_unit_test(advice),
		cmocka_unit_test(advice_on_ranges),
		cmocka_unit_test(advice_for_programs),
		cmocka_unit_test(advice_on_limits),
		cmocka_unit_test(durations),
	};

	test.program = getenv("MSEALCTL") ? getenv("MSEALCTL") : "build/msealctl";
	(void)setenv("LC_ALL", "C", 1);
	(void)unsetenv("COLUMNS");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
