// SPDX-License-Identifier: LGPL-2.1-or-later
/* The number of log lines of attempts; and the fields of journal entries. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "audit/ratelimit.h"
#include "base/log.h"
#include "lib/base/util.h"

static struct ratelimit ratelimit;

static int setup(void **state)
{
	(void)state;
	memset(&ratelimit, 0, sizeof(ratelimit));
	return 0;
}

static unsigned let_user(uint32_t uid, uint32_t tgid, uint64_t start_time, unsigned times)
{
	struct mseald_event event = { .uid = uid, .tgid = tgid, .start_time = start_time, .comm = "victim" };
	unsigned lines = 0;

	for (unsigned i = 0; i < times; i++)
		lines += ratelimit_allow(&ratelimit, &event);
	return lines;
}

/* The processes belong to several users. */
static unsigned let(uint32_t tgid, uint64_t start_time, unsigned times)
{
	return let_user(tgid % 3, tgid, start_time, times);
}

static void few_have_a_line_each(void **state)
{
	size_t position = 0;

	(void)state;
	assert_int_equal(let(100, 1, RATELIMIT_LINES_PROCESS), RATELIMIT_LINES_PROCESS);
	assert_int_equal(let(101, 1, 3), 3);
	assert_null(ratelimit_next(&ratelimit, &position));
	assert_int_equal(ratelimit.suppressed, 0);
}

static void one_process_over_the_limit(void **state)
{
	const struct ratelimit_process *process;
	size_t position = 0;

	(void)state;
	assert_int_equal(let(100, 1, 1000000), RATELIMIT_LINES_PROCESS);
	assert_int_equal(let(101, 1, 10), 10);
	process = ratelimit_next(&ratelimit, &position);
	assert_non_null(process);
	assert_int_equal(process->tgid, 100);
	assert_string_equal(process->comm, "victim");
	assert_int_equal(process->suppressed, 1000000 - RATELIMIT_LINES_PROCESS);
	assert_null(ratelimit_next(&ratelimit, &position));
	/* Later the same pid is another process. */
	assert_int_equal(let(100, 2, 10), 10);
}

static void many_processes_over_the_limit(void **state)
{
	unsigned lines = 0;
	uint64_t suppressed;
	size_t position = 0;

	(void)state;
	for (uint32_t tgid = 1; tgid <= 100000; tgid++)
		lines += let(tgid, tgid * 7919ull, 2);
	assert_int_equal(lines, RATELIMIT_LINES_ALL);
	assert_null(ratelimit_next(&ratelimit, &position));
	assert_int_equal(ratelimit.suppressed, 200000 - RATELIMIT_LINES_ALL);
	suppressed = ratelimit.suppressed;
	assert_int_equal(let(1, 7919, 1), 0);
	assert_int_equal(ratelimit.suppressed, suppressed + 1);
	memset(&ratelimit, 0, sizeof(ratelimit));
	assert_int_equal(let(1, 7919, 1), 1);
}

/* However many processes the user has. */
static void a_user_over_the_limit(void **state)
{
	unsigned lines = 0;

	(void)state;
	for (uint32_t tgid = 1; tgid <= 100000; tgid++)
		lines += let_user(1000, tgid, 1, 2);
	assert_int_equal(lines, RATELIMIT_LINES_USER);
	assert_int_equal(ratelimit.suppressed, 200000 - RATELIMIT_LINES_USER);
	assert_int_equal(let_user(33, 100001, 1, 10), 10);
	for (uint32_t uid = 2000; uid < 100000; uid++)
		(void)let_user(uid, uid, 2, 1);
	assert_int_equal(ratelimit.lines, RATELIMIT_LINES_ALL);
}

static void fields_have_bounds(void **state)
{
	struct log_fields fields = {};
	char large[4096];

	(void)state;
	memset(large, 'x', sizeof(large) - 1);
	large[sizeof(large) - 1] = '\0';
	log_field(&fields, "A=%s", large);
	assert_int_equal(fields.count, 0);
	log_field(&fields, "B=%d", 1);
	for (int i = 0; i < 100; i++)
		log_field(&fields, "C=%d", i);
	assert_int_equal(fields.count, LOG_FIELDS_MAX);
	assert_string_equal(fields.list[0], "B=1");
	assert_string_equal(fields.list[LOG_FIELDS_MAX - 1], "C=18");
}

static void every_id_is_there_once(void **state)
{
	(void)state;
	assert_null(log_message_id(LOG_ABOUT_OTHER));
	for (int i = LOG_ABOUT_OTHER + 1; i < LOG_ABOUT_COUNT; i++) {
		assert_non_null(log_message_id(i));
		assert_int_equal(strlen(log_message_id(i)), 32);
		assert_int_equal(strspn(log_message_id(i), "0123456789abcdef"), 32);
		for (int k = LOG_ABOUT_OTHER + 1; k < i; k++)
			assert_string_not_equal(log_message_id(i), log_message_id(k));
	}
}

/*
 * The form of a line on this stderr, with these variables. Each in a child, since the form is determined
 * once.
 */
static void check_line(const char *invocation, const char *journal, bool file, const char *expected)
{
	char line[256] = "", path[] = "/tmp/test_ratelimit.XXXXXX";
	int fds[2] = { -1, -1 };
	ssize_t n;

	if (file) {
		fds[0] = mkstemp(path);
		fds[1] = dup(fds[0]);
		(void)unlink(path);
	} else {
		assert_int_equal(pipe(fds), 0);
	}
	if (fork() == 0) {
		(void)dup2(fds[1], STDERR_FILENO);
		invocation ? setenv("INVOCATION_ID", invocation, 1) : unsetenv("INVOCATION_ID");
		journal ? setenv("JOURNAL_STREAM", journal, 1) : unsetenv("JOURNAL_STREAM");
		log_warning("said");
		_exit(0);
	}
	(void)close(fds[1]);
	while (wait(NULL) < 0)
		;
	if (file)
		(void)lseek(fds[0], 0, SEEK_SET);
	n = read(fds[0], line, sizeof(line) - 1);
	(void)close(fds[0]);
	assert_true(n > 0);
	assert_string_equal(line, expected);
}

static void lines_are_as_their_reader_wants_them(void **state)
{
	(void)state;
	check_line(NULL, NULL, false, "mseald: said\n");
	/* Inherited by a process with another stderr. */
	check_line(NULL, "8:12", false, "mseald: said\n");
	check_line("0123456789abcdef0123456789abcdef", "8:12", false, "<4>said\n");
	check_line("0123456789abcdef0123456789abcdef", NULL, true, "mseald: said\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(few_have_a_line_each, setup),
		cmocka_unit_test_setup(one_process_over_the_limit, setup),
		cmocka_unit_test_setup(many_processes_over_the_limit, setup),
		cmocka_unit_test_setup(a_user_over_the_limit, setup),
		cmocka_unit_test(fields_have_bounds),
		cmocka_unit_test(every_id_is_there_once),
		cmocka_unit_test(lines_are_as_their_reader_wants_them),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
