/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The base of the daemon: user/daemon/base, and files of /proc/PID. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/file.h"
#include "lib/base/list.h"
#include "base/namespaces.h"
#include "base/text.h"
#include "base/timer.h"
#include "lib/base/util.h"
#include "process/procfs.h"

#include <cmocka.h>

/* --- text --- */

static void names_are_made_harmless(void **state)
{
	const char full[16] = "0123456789abcdef";
	char out[TEXT_COMM_MAX];

	(void)state;
	assert_string_equal(text_comm("a b\x01\xc3\xa4", out), "a b\x01??");
	assert_string_equal(text_comm_line("a b\x01\xc3\xa4\x7f", out), "a?b????");
	/* It need not end with a NUL. */
	assert_string_equal(text_comm(full, out), "0123456789abcdef");
	assert_string_equal(text_comm_line("", out), "");
}

static void texts_are_made_harmless(void **state)
{
	char printable[] = "/a b\n\xc3\xa4\x7f", utf8[] = "/\xc3\xa4\n\x7f", other[] = "/\xc3\xa4\xff\x1b";
	json_t *json;

	(void)state;
	text_make_printable(printable);
	assert_string_equal(printable, "/a b????");
	text_clean(utf8);
	assert_string_equal(utf8, "/\xc3\xa4??");
	text_clean(other);
	assert_string_equal(other, "/????");
	assert_null(text_json(NULL));
	json = text_json("/\xc3\xa4\n");
	assert_string_equal(json_string_value(json), "/\xc3\xa4\n");
	json_decref(json);
	json = text_json("/\xc3\xa4\xff\n");
	assert_string_equal(json_string_value(json), "/???\n");
	json_decref(json);
}

/* --- files --- */

static int write_nothing(FILE *file, const void *context)
{
	(void)context;
	(void)fputs("half", file);
	errno = EILSEQ;
	return -1;
}

static void a_file_is_replaced_whole_or_not(void **state)
{
	char folder[] = "/tmp/test_base.XXXXXX", path[64], aside[80], text[32];
	struct stat st;

	(void)state;
	assert_non_null(mkdtemp(folder));
	(void)snprintf(path, sizeof(path), "%s/file", folder);
	(void)snprintf(aside, sizeof(aside), "%s.new", path);
	assert_int_equal(file_read(AT_FDCWD, path, text, sizeof(text)), -ENOENT);
	assert_int_equal(file_replace(path, 0600, file_write_text, "one"), 0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(file_read(AT_FDCWD, path, text, sizeof(text)), 3);
	assert_string_equal(text, "one");
	assert_int_equal(file_replace(path, 0600, write_nothing, NULL), -EILSEQ);
	assert_int_equal(file_read(AT_FDCWD, path, text, sizeof(text)), 3);
	assert_int_equal(access(aside, F_OK), -1);
	assert_int_equal(file_replace(path, 0600, file_write_text, "two and more"), 0);
	assert_int_equal(file_read(AT_FDCWD, path, text, 4), 3);
	assert_string_equal(text, "two");
	/* A symbolic link at the new file's path is not followed. */
	assert_int_equal(symlink(path, aside), 0);
	assert_int_equal(file_replace(path, 0600, file_write_text, "three"), -ELOOP);
	assert_int_equal(unlink(aside), 0);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(rmdir(folder), 0);
}

/* --- lists --- */

static void lists_grow(void **state)
{
	size_t allocated = 0, count = 0;
	uint32_t *list = NULL;

	(void)state;
	for (; count < 1000; count++) {
		assert_int_equal(list_grow(&list, count, 1, &allocated, sizeof(*list)), 0);
		assert_true(allocated > count);
		list[count] = (uint32_t)count;
	}
	assert_int_equal(list_grow(&list, count, 5000, &allocated, sizeof(*list)), 0);
	assert_true(allocated >= count + 5000);
	for (size_t i = 0; i < count; i++)
		assert_int_equal(list[i], i);
	free(list);
}

/* --- timers --- */

static void count(void *context)
{
	++*(int *)context;
}

static void a_timer_goes_off_once(void **state)
{
	struct timer timer = {};
	sd_event *loop = NULL;
	int fired = 0;

	(void)state;
	timer_close(&timer);
	assert_true(sd_event_new(&loop) >= 0);
	assert_true(timer_open(&timer, loop, 1, count, &fired) >= 0);
	assert_int_equal(sd_event_run(loop, 2000), 0);
	assert_int_equal(fired, 0);
	assert_true(timer_set(&timer, 1000) >= 0);
	timer_set_if_off(&timer, 3600ull * 1000 * 1000);
	assert_true(sd_event_run(loop, 5000000) > 0);
	assert_int_equal(fired, 1);
	assert_int_equal(sd_event_run(loop, 2000), 0);
	timer_set_if_off(&timer, 0);
	assert_true(sd_event_run(loop, 5000000) > 0);
	assert_int_equal(fired, 2);
	timer_close(&timer);
	loop = sd_event_unref(loop);
}

/* --- processes --- */

static void proc_is_read(void **state)
{
	char text[512], value[PROCFS_VALUE_MAX], name[16];
	_cleanup_close_ int self = procfs_open(getpid());
	_cleanup_free_ char *exe = NULL;

	(void)state;
	assert_true(self >= 0);
	assert_true(procfs_lives(self));
	assert_int_equal(procfs_status_number(getpid(), "Tgid", 10, 0), getpid());
	assert_int_equal(procfs_status_number(getpid(), "PPid", 10, 0), getppid());
	assert_int_equal(procfs_status_number(getpid(), "NoSuchLine", 10, 77), 77);
	assert_int_equal(procfs_status_number(INT32_MAX, "Tgid", 10, 78), 78);
	assert_int_equal(procfs_read_status(self, "status", "Uid", value), 0);
	assert_int_equal(procfs_read_status(self, "nothing", "Uid", value), -ESRCH);
	assert_int_equal(procfs_read_status(self, "status", "Ui", value), -ENODATA);
	assert_int_equal(file_read(self, "nothing", text, sizeof(text)), -ENOENT);
	/* A process name may look like further fields. */
	assert_int_equal(prctl(PR_GET_NAME, name), 0);
	assert_int_equal(prctl(PR_SET_NAME, ") Z 1 (x"), 0);
	assert_true(file_read(self, "stat", text, sizeof(text)) > 0);
	assert_int_equal(*procfs_stat_field(text, 3), 'R');
	assert_int_equal(atoi(procfs_stat_field(text, 4)), getppid());
	assert_null(procfs_stat_field("1 (x) R 2", 9));
	assert_null(procfs_stat_field("nothing", 3));
	assert_int_equal(prctl(PR_SET_NAME, name), 0);
	exe = procfs_exe(self);
	assert_non_null(strstr(exe, "/test_base"));
	assert_int_equal(namespaces_same(self, self, "pid"), 1);
	assert_int_equal(namespaces_same(self, self, "nothing"), -ENOENT);
}

static void a_folder_stays_that_of_its_process(void **state)
{
	pid_t pid = fork();
	int fd;

	(void)state;
	if (pid == 0)
		for (;;)
			(void)pause();
	assert_true(pid > 0);
	fd = procfs_open(pid);
	assert_true(fd >= 0);
	assert_true(procfs_lives(fd));
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	assert_false(procfs_lives(fd));
	(void)close(fd);
	assert_int_equal(procfs_open(pid), -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_are_made_harmless),
		cmocka_unit_test(texts_are_made_harmless),
		cmocka_unit_test(a_file_is_replaced_whole_or_not),
		cmocka_unit_test(lists_grow),
		cmocka_unit_test(a_timer_goes_off_once),
		cmocka_unit_test(proc_is_read),
		cmocka_unit_test(a_folder_stays_that_of_its_process),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
