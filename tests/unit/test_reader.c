/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * user/daemon/process/reader.c: jobs in another process, what they get and give; and overdue.c: who is not
 * read for a while. That the daemon gives up a reader that waits: tests/kernel/t_stall.c.
 */
#define _GNU_SOURCE
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/wait.h>

#include "process/overdue.h"
#include "process/reader.h"

#include <cmocka.h>

#define LARGE ((size_t)32 << 20)

static int end_reader(void **state)
{
	(void)state;
	reader_close();
	return 0;
}

static int tell_pid(const void *argument, const int *fds, struct reader_reply *reply)
{
	pid_t *pid = reader_reply_room(reply, sizeof(*pid));

	*pid = getpid();
	return *(const int *)argument + (fds[0] >= 0);
}

static void works_in_another_process(void **state)
{
	struct reader_reply reply;
	pid_t pid;

	(void)state;
	assert_int_equal(reader_run(0, 1, tell_pid, &(int){ 41 }, sizeof(int), NULL, 0, &reply), 41);
	assert_int_equal(reply.size, sizeof(pid_t));
	pid = *(pid_t *)reply.data;
	assert_int_not_equal(pid, getpid());
	assert_true(reader_is(pid));
	assert_false(reader_is(getpid()));
	/* It is the same one the next time. */
	assert_int_equal(reader_run(0, 1, tell_pid, &(int){ -5 }, sizeof(int), NULL, 0, &reply), -5);
	assert_int_equal(*(pid_t *)reply.data, pid);
	reader_close();
	assert_false(reader_is(pid));
	assert_int_equal(reader_run(0, 1, tell_pid, &(int){ 1 }, sizeof(int), NULL, 0, &reply), 1);
	assert_int_not_equal(*(pid_t *)reply.data, pid);
}

/* Copies a byte from one pipe into a new one. */
static int copy_byte(const void *argument, const int *fds, struct reader_reply *reply)
{
	int ends[2];
	char byte;

	(void)argument;
	if (read(fds[1], &byte, 1) != 1 || pipe2(ends, O_CLOEXEC) < 0 || write(ends[1], &byte, 1) != 1)
		return -errno;
	(void)close(ends[1]);
	reply->fds[0] = ends[0];
	return 0;
}

/* Is this descriptor open in the reader? */
static int has(const void *argument, const int *fds, struct reader_reply *reply)
{
	(void)fds;
	(void)reply;
	return fcntl(*(const int *)argument, F_GETFD) >= 0;
}

static void lends_descriptors(void **state)
{
	struct reader_reply reply;
	int ends[2], fds[2];
	char byte = 0;

	(void)state;
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	assert_int_equal(write(ends[1], "x", 1), 1);
	fds[0] = ends[1];
	fds[1] = ends[0];
	assert_int_equal(reader_run(0, 1, copy_byte, NULL, 0, fds, 2, &reply), 0);
	assert_int_equal(read(reply.fds[0], &byte, 1), 1);
	assert_int_equal(byte, 'x');
	assert_int_equal(fcntl(reply.fds[0], F_GETFD), FD_CLOEXEC);
	assert_int_equal(reply.fds[1], -1);
	/* Neither the lent ones stay open there, nor what the daemon had open before. */
	assert_int_equal(read(reply.fds[0], &byte, 1), 0);
	(void)close(reply.fds[0]);
	(void)close(ends[1]);
	assert_int_equal(read(ends[0], &byte, 1), 0);
	reader_close();
	assert_int_equal(dup2(ends[0], 200), 200);
	assert_int_equal(reader_run(0, 1, has, &(int){ 200 }, sizeof(int), NULL, 0, &reply), 0);
	assert_int_equal(reader_run(0, 1, has, &(int){ STDERR_FILENO }, sizeof(int), NULL, 0, &reply), 1);
	(void)close(200);
	(void)close(ends[0]);
}

static int fill(const void *argument, const int *fds, struct reader_reply *reply)
{
	size_t size = *(const size_t *)argument;
	char *first = reader_reply_room(reply, 1), *all = reader_reply_room(reply, size);

	(void)fds;
	if (!all)
		return -EFBIG;
	*first = 'a';
	memset(all, 'b', size);
	return (int)(all - first);
}

static void replies_of_all_sizes(void **state)
{
	struct reader_reply reply;

	(void)state;
	assert_int_equal(reader_run(0, 1, fill, &(size_t){ 3 }, sizeof(size_t), NULL, 0, &reply),
			 _Alignof(max_align_t));
	for (int i = 0; i < 3; i++) {
		int at = reader_run(0, 1, fill, &(size_t){ LARGE }, sizeof(size_t), NULL, 0, &reply);

		assert_int_equal(at, _Alignof(max_align_t));
		assert_int_equal(reply.size, (size_t)at + LARGE);
		assert_int_equal(reply.data[0], 'a');
		assert_int_equal(reply.data[reply.size - 1], 'b');
	}
	/* What is given back reads as zeros. */
	reader_trim();
	assert_int_equal(reply.data[reply.size - 1], 0);
	assert_int_equal(reader_run(0, 1, fill, &(size_t){ SIZE_MAX - 8 }, sizeof(size_t), NULL, 0, &reply),
			 -EFBIG);
	assert_int_equal(reader_run(0, 1, fill, &(size_t){ (size_t)1 << 32 }, sizeof(size_t), NULL, 0,
				    &reply),
			 -EFBIG);
}

static int crash(const void *argument, const int *fds, struct reader_reply *reply)
{
	(void)argument;
	(void)fds;
	(void)reply;
	_exit(0);
}

static void outlives_a_crash(void **state)
{
	struct reader_reply reply;

	(void)state;
	assert_int_equal(reader_run(0, 1, crash, NULL, 0, NULL, 0, &reply), -EIO);
	assert_int_equal(reply.fds[0], -1);
	assert_int_equal(reader_run(0, 1, tell_pid, &(int){ 7 }, sizeof(int), NULL, 0, &reply), 7);
	/* Also when it ends while it has nothing to do. */
	assert_int_equal(kill(*(pid_t *)reply.data, SIGKILL), 0);
	(void)usleep(100000);
	assert_int_equal(reader_run(0, 1, tell_pid, &(int){ 8 }, sizeof(int), NULL, 0, &reply), 8);
}

/* A tracer may have stopped the reader. */
static void works_here_in_another_child(void **state)
{
	struct reader_reply reply;
	pid_t first, child;
	int status;

	(void)state;
	assert_int_equal(reader_run(0, 1, tell_pid, &(int){ 0 }, sizeof(int), NULL, 0, &reply), 0);
	first = *(pid_t *)reply.data;
	child = fork();
	if (child == 0) {
		reader_is_here();
		status = reader_run(0, 1, tell_pid, &(int){ 3 }, sizeof(int), &(int){ 0 }, 1, &reply);
		_exit(status == 4 && *(pid_t *)reply.data == getpid() ? 0 : 1);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	assert_int_equal(reader_run(0, 1, tell_pid, &(int){ 5 }, sizeof(int), NULL, 0, &reply), 5);
	assert_int_equal(*(pid_t *)reply.data, first);
}

static void who_is_overdue(void **state)
{
	struct overdue overdue = { .pause_us = 0 };
	int ends[OVERDUE_MAX + 1][2];

	(void)state;
	for (int i = 0; i <= OVERDUE_MAX; i++)
		assert_int_equal(pipe2(ends[i], O_CLOEXEC), 0);
	assert_false(overdue_is(&overdue, 1000, 5));
	overdue_note(&overdue, 1000, 5, ends[0][0]);
	overdue_note(&overdue, 0, 6, ends[1][0]);
	/* A user with all processes, root with this one. */
	assert_true(overdue_is(&overdue, 1000, 5));
	assert_true(overdue_is(&overdue, 1000, 7));
	assert_false(overdue_is(&overdue, 1001, 5));
	assert_true(overdue_is(&overdue, 0, 6));
	assert_false(overdue_is(&overdue, 0, 5));
	/* Until the helper has ended. */
	(void)close(ends[0][1]);
	assert_false(overdue_is(&overdue, 1000, 5));
	assert_int_equal(fcntl(ends[0][0], F_GETFD), -1);
	/* Users cannot have more helpers, and root is read all the same. */
	for (int i = 2; i <= OVERDUE_MAX; i++)
		overdue_note(&overdue, (uint32_t)(2000 + i), i, ends[i][0]);
	assert_true(overdue_is(&overdue, 3000, 1));
	assert_false(overdue_is(&overdue, 0, 1));
	(void)close(ends[2][1]);
	assert_false(overdue_is(&overdue, 3000, 1));
	for (int i = 1; i <= OVERDUE_MAX; i++)
		if (i != 2)
			(void)close(ends[i][1]);
	assert_false(overdue_is(&overdue, 0, 6));
}

static void waits_a_while(void **state)
{
	struct overdue overdue = { .pause_us = 3600 * UINT64_C(1000000) };
	int ends[2];

	(void)state;
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	overdue_note(&overdue, 1000, 5, ends[0]);
	(void)close(ends[1]);
	assert_true(overdue_is(&overdue, 1000, 5));
	(void)close(ends[0]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(works_in_another_process, end_reader),
		cmocka_unit_test_teardown(lends_descriptors, end_reader),
		cmocka_unit_test_teardown(replies_of_all_sizes, end_reader),
		cmocka_unit_test_teardown(outlives_a_crash, end_reader),
		cmocka_unit_test_teardown(works_here_in_another_child, end_reader),
		cmocka_unit_test(who_is_overdue),
		cmocka_unit_test(waits_a_while),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
