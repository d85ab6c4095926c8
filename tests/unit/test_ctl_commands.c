// SPDX-License-Identifier: LGPL-2.1-or-later
/* msealctl: usage, help, the check of this machine, and output or a server that is not there. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include <cmocka.h>
#include <jansson.h>

#include "ctl_run.h"
#include "lib/base/util.h"

static void test_usage(void **state)
{
	(void)state;
	RUN(NULL, "frob\033");
	assert_usage("there is no command 'frob\\x1b'", "");
	RUN(NULL, "--frob");
	assert_usage("there is no option --frob", "");
	RUN(NULL, "--json=1", "list");
	assert_usage("option --json takes no value", "");
	RUN(NULL, "list", "--frob=1");
	assert_usage("there is no option --frob", "list ");
	RUN(NULL, "list", "-x");
	assert_usage("there is no option -x", "list ");
	RUN(NULL, "list", "--socket");
	assert_usage("option --socket needs a value", "list ");
	RUN(NULL, "list", "1", "x");
	assert_usage("'x' is not a PID; a PID is a whole number from 1 to 2147483647", "list ");
	RUN(NULL, "monitor", "1", "-1");
	assert_usage("there is no option -1", "monitor ");
	RUN(NULL, "unseal", "--unit");
	assert_usage("option --unit needs a value", "unseal ");
	RUN(NULL, "seal", "1", "2", "0x1000+4K");
	assert_usage("ranges apply to one process, but 2 are given", "seal ");
	RUN(NULL, "map");
	assert_usage("no PID given", "map ");
	RUN(NULL, "explain", "1");
	assert_usage("no ADDRESS given", "explain ");
	RUN(NULL, "explain", "1", "4096");
	assert_usage("'4096' is not an address: write it in hexadecimal, as 0x7f12a000", "explain ");
	RUN(NULL, "run", "--revocable");
	assert_usage("no PROGRAM given", "run ");
	RUN(NULL, "run", "--frob", "true");
	assert_usage("there is no option --frob", "run ");
	RUN(NULL, "seal");
	assert_usage("no PID given", "seal ");
	RUN(NULL, "seal", "0");
	assert_usage("'0' is not a PID; a PID is a whole number from 1 to 2147483647", "seal ");
	RUN(NULL, "seal", "2147483648");
	assert_usage("'2147483648' is not a PID; a PID is a whole number from 1 to 2147483647", "seal ");
	RUN(NULL, "seal", "--", "-1");
	assert_usage("'-1' is not a PID; a PID is a whole number from 1 to 2147483647", "seal ");
	RUN(NULL, "seal", "1", "0x1000-0x2001");
	assert_usage("range 0x1000-0x2001 is not aligned: both ends must be multiples of 4096", "seal ");
	RUN(NULL, "seal", "1", "0x7ffffffffffff000+4K", "0x2000-0x1000");
	assert_usage("range 0x7ffffffffffff000+4K is not in user memory", "seal ");
	RUN(NULL, "seal", "1", "0x2000-0x1000");
	assert_usage("range 0x2000-0x1000 is reversed: its end comes before its start", "seal ");
	RUN(NULL, "seal", "1", "0x2000-0x2000");
	assert_usage("range 0x2000-0x2000 is empty", "seal ");
	RUN(NULL, "seal", "1", "4096-8192");
	assert_usage("range 4096-8192 is malformed: write 0xSTART-0xEND or 0xSTART+LENGTH", "seal ");
	RUN(NULL, "seal", "--deny=mprotect,frob", "1");
	assert_usage("--deny does not know 'frob'; it takes mprotect, unmap, discard, foreign-write, "
		     "file-write, all",
		     "seal ");
	RUN(NULL, "seal", "--segments=heap", "1");
	assert_usage("--segments does not know 'heap'; it takes text, rodata, relro, data, vdso, stack, all",
		     "seal ");
	RUN(NULL, "seal", "--action=log", "1");
	assert_usage("--action does not know 'log'; it takes deny, kill or audit", "seal ");
	RUN(NULL, "seal", "--segments=text", "1", "0x1000+4K");
	assert_usage("give ranges or --segments, not both", "seal ");
	RUN(NULL, "status", "1");
	assert_usage("unexpected argument '1'", "status ");
}

static void test_help(void **state)
{
	static const char *const commands[] = {
		"seal",	  "unseal", "list",   "map",	 "explain", "monitor",
		"status", "check",  "policy", "version", "help",
	};
	char usage[64], *overview;

	(void)state;
	RUN(NULL, "--help");
	assert_int_equal(test.status, 0);
	assert_string_equal(test.error, "");
	overview = strdup(test.out);
	RUN(NULL, NULL);
	assert_result(0, overview, "");
	free(overview);
	for (size_t i = 0; i < ELEMENTS(commands); i++) {
		(void)snprintf(usage, sizeof(usage), "\n  %s ", commands[i]);
		assert_non_null(strstr(test.out, usage));
	}
	for (size_t i = 0; i < ELEMENTS(commands); i++) {
		(void)snprintf(usage, sizeof(usage), "Usage: msealctl %s", commands[i]);
		RUN(NULL, commands[i], "--help");
		assert_int_equal(test.status, 0);
		assert_string_equal(test.error, "");
		assert_ptr_equal(strstr(test.out, usage), test.out);
		for (const char *line = test.out; *line; line += strcspn(line, "\n") + 1)
			assert_true(strcspn(line, "\n") <= 80);
	}
	RUN(NULL, "--version");
	assert_ptr_equal(strstr(test.out, "msealctl "), test.out);
	assert_int_equal(test.status, 0);
}

static void test_unreachable(void **state)
{
	static const char *const commands[] = { "list", "status", "monitor" };

	(void)state;
	for (size_t i = 0; i < ELEMENTS(commands); i++) {
		RUN(NULL, "--socket=/nonexistent", commands[i]);
		assert_result(
			4, "",
			"msealctl: cannot reach mseald on /nonexistent: No such file or directory; is it "
			"running? (systemctl start mseald)\n");
	}
}

static void test_full_disk(void **state)
{
	_cleanup_close_ int full = open("/dev/full", O_WRONLY | O_CLOEXEC);
	const char *program = getenv("MSEALCTL");
	int status;
	pid_t client;

	(void)state;
	client = fork();
	if (client == 0) {
		(void)dup2(full, 1);
		(void)dup2(full, 2);
		(void)execl(program ? program : "build/msealctl", "msealctl", "help", NULL);
		_exit(127);
	}
	assert_int_equal(waitpid(client, &status, 0), client);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 1);
}

/* As "msealctl help | true": no message, also if SIGPIPE is ignored. */
static void test_broken_pipe(void **state)
{
	const char *program = getenv("MSEALCTL") ?: "build/msealctl";

	(void)state;
	for (int ignored = false; ignored <= true; ignored++) {
		_cleanup_close_ int error = memfd_create("error", MFD_CLOEXEC);
		int pipes[2], status;
		pid_t client;

		assert_int_equal(pipe2(pipes, O_CLOEXEC), 0);
		client = fork();
		if (client == 0) {
			(void)signal(SIGPIPE, ignored ? SIG_IGN : SIG_DFL);
			(void)dup2(pipes[1], 1);
			(void)dup2(error, 2);
			(void)close(pipes[0]);
			(void)close(pipes[1]);
			(void)poll(NULL, 0, 100);
			(void)execl(program, "msealctl", "help", NULL);
			_exit(127);
		}
		(void)close(pipes[0]);
		(void)close(pipes[1]);
		assert_int_equal(waitpid(client, &status, 0), client);
		read_file(error, test.error);
		assert_string_equal(test.error, "");
		if (ignored)
			assert_int_equal(WEXITSTATUS(status), 128 + SIGPIPE);
		else
			assert_int_equal(WTERMSIG(status), SIGPIPE);
	}
}

static void test_check(void **state)
{
	json_t *document, *findings;

	(void)state;
	/* The findings depend on the machine, their number does not. */
	RUN(NULL, "check", "--json", "--socket=/nonexistent");
	document = json_loads(test.out, 0, NULL);
	findings = json_object_get(document, "findings");
	assert_int_equal(json_array_size(findings), 9);
	assert_int_equal(test.status, json_is_true(json_object_get(document, "can_run")) ? 0 : 1);
	json_decref(document);
	RUN(NULL, "check");
	assert_string_equal(test.error, "");
	assert_non_null(strstr(test.out, "kernel      Linux "));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_usage),	    cmocka_unit_test(test_help),
		cmocka_unit_test(test_unreachable), cmocka_unit_test(test_full_disk),
		cmocka_unit_test(test_broken_pipe), cmocka_unit_test(test_check),
	};

	return RUN_COMMANDS(tests);
}
