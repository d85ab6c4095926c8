/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * user/daemon/trace/restartable.c: parses /proc/PID/syscall, and lists the calls in which a thread can be
 * stopped unnoticed.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include <cmocka.h>

#include "trace/restartable.h"
#include "lib/base/util.h"

static void parse_a_call(void **state)
{
	struct blocked_call call;

	(void)state;
	assert_int_equal(
		restartable_parse("232 0x4 0x7ffc8 0x1 0xffffffffffffffff 0x5 0x6 0x7ffe1000 0x7f0010\n",
				  &call),
		1);
	assert_int_equal(call.number, 232);
	assert_int_equal(call.arguments[0], 4);
	assert_int_equal(call.arguments[1], 0x7ffc8);
	assert_int_equal(call.arguments[3], UINT64_MAX);
	assert_int_equal(call.arguments[5], 6);
	assert_int_equal(call.sp, 0x7ffe1000);
	assert_int_equal(call.pc, 0x7f0010);
	assert_int_equal(restartable_parse("0 0x0 0x0 0x0 0x0 0x0 0x0 0x1 0x2\n", &call), 1);
	assert_int_equal(call.number, 0);
}

static void parse_none(void **state)
{
	static const char *const none[] = { "running\n", "running", "-1 0x7ffe1000 0x7f0010\n",
					    "-1 0x0 0x0" };

	(void)state;
	for (size_t i = 0; i < ELEMENTS(none); i++) {
		struct blocked_call call = { .number = 7 };

		assert_int_equal(restartable_parse(none[i], &call), 0);
		assert_int_equal(call.number, -1);
	}
}

static void parse_wrong(void **state)
{
	static const char *const wrong[] = {
		"",
		"\n",
		"nothing",
		"0",
		"0 0x1",
		"0 0x1 0x2 0x3 0x4 0x5\n",
		"0 0x1 0x2 0x3 0x4 0x5 0x6\n",
		"0 0x1 0x2 0x3 0x4 0x5 0x6 0x7\n", /* as in no call, except for one word */
		"0 0x1 0x2 0x3 0x4 0x5 0x6 0x7 x\n",
		"-2 0x1 0x2 0x3 0x4 0x5 0x6 0x7 0x8\n",
		"x 0x1 0x2 0x3 0x4 0x5 0x6 0x7 0x8\n",
		"0 1 2 3 4 5 6 7 8\n",
		" runs\n"
	};

	(void)state;
	for (size_t i = 0; i < ELEMENTS(wrong); i++) {
		struct blocked_call call = { .number = 7 };

		if (restartable_parse(wrong[i], &call) != -EINVAL)
			fail_msg("\"%s\" is taken", wrong[i]);
		assert_int_equal(call.number, -1);
	}
}

static bool restartable(long number, uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
	return restartable_call(&(struct blocked_call){ .number = number, .arguments = { a, b, c, d } });
}

/* Every number: exactly these are restartable with all arguments 0 or 1 (futex: WAIT is 0, WAKE is 1). */
static void each_number(void **state)
{
	static const long always[] = {
		SYS_read,
		SYS_readv,
		SYS_ppoll,
		SYS_pselect6,
		SYS_epoll_pwait,
		441,
		SYS_nanosleep,
		SYS_clock_nanosleep,
		SYS_restart_syscall,
		449,
		SYS_wait4,
		SYS_waitid,
		SYS_rt_sigsuspend,
		SYS_rt_sigtimedwait,
		SYS_accept,
		SYS_accept4,
		SYS_flock,
		SYS_semop,
		SYS_semtimedop,
		SYS_msgrcv,
		SYS_msgsnd,
		SYS_mq_timedreceive,
		SYS_mq_timedsend,
		SYS_io_getevents,
		SYS_io_pgetevents,
#ifdef SYS_pause
		SYS_pause,
		SYS_poll,
		SYS_select,
		SYS_epoll_wait,
#endif
	};
	static const long not_with_ones[] = { SYS_futex, SYS_io_uring_enter };
	static const long with_either[] = { SYS_recvfrom, SYS_recvmsg };

	(void)state;
	for (long number = -1; number < 1000; number++) {
		bool zeros = false, ones = false;

		for (size_t i = 0; i < ELEMENTS(always); i++)
			zeros |= ones |= always[i] == number;
		for (size_t i = 0; i < ELEMENTS(with_either); i++)
			zeros |= ones |= with_either[i] == number;
		for (size_t i = 0; i < ELEMENTS(not_with_ones); i++)
			zeros |= not_with_ones[i] == number;
		if (restartable(number, 0, 0, 0, 0) != zeros || restartable(number, 1, 1, 1, 1) != ones)
			fail_msg("system call %ld", number);
	}
}

static void never_half_done(void **state)
{
	static const long half[] = { SYS_write,		  SYS_writev,	 SYS_pwrite64, SYS_sendto,
				     SYS_sendmsg,	  SYS_sendmmsg,	 SYS_recvmmsg, SYS_connect,
				     SYS_splice,	  SYS_sendfile,	 SYS_tee,      SYS_vmsplice,
				     SYS_copy_file_range, SYS_getrandom, SYS_close,    SYS_fsync,
				     SYS_openat,	  SYS_execve,	 SYS_clone };

	(void)state;
	for (size_t i = 0; i < ELEMENTS(half); i++)
		assert_false(restartable(half[i], 0, 0, 0, 0));
}

static void futexes(void **state)
{
	static const int waits[] = { FUTEX_WAIT, FUTEX_WAIT_BITSET, FUTEX_LOCK_PI };

	(void)state;
	for (int operation = 0; operation < 64; operation++) {
		bool waiting = false;

		for (size_t i = 0; i < ELEMENTS(waits); i++)
			waiting |= waits[i] == operation;
		assert_int_equal(restartable(SYS_futex, 0, (uint64_t)operation, 0, 0), waiting);
		assert_int_equal(restartable(SYS_futex, 0, (uint64_t)operation | FUTEX_PRIVATE_FLAG, 0, 0),
				 waiting);
		assert_int_equal(restartable(SYS_futex, 0, (uint64_t)operation | FUTEX_CLOCK_REALTIME, 0, 0),
				 waiting);
	}
}

static void by_flags(void **state)
{
	(void)state;
	assert_true(restartable(SYS_recvfrom, 3, 0, 10, MSG_PEEK | MSG_DONTWAIT));
	assert_false(restartable(SYS_recvfrom, 3, 0, 10, MSG_WAITALL));
	assert_false(restartable(SYS_recvfrom, 3, 0, 10, MSG_WAITALL | MSG_PEEK));
	assert_true(restartable(SYS_recvmsg, 3, 0, MSG_CMSG_CLOEXEC, MSG_WAITALL));
	assert_false(restartable(SYS_recvmsg, 3, 0, MSG_WAITALL, 0));
	assert_true(restartable(SYS_fcntl, 3, F_SETLKW, 0, 0));
	assert_true(restartable(SYS_fcntl, 3, F_OFD_SETLKW, 0, 0));
	assert_false(restartable(SYS_fcntl, 3, F_SETLK, 0, 0));
	assert_false(restartable(SYS_fcntl, 3, F_SETLEASE, 0, 0));
	assert_true(restartable(SYS_io_uring_enter, 3, 0, 1, 1));
	assert_false(restartable(SYS_io_uring_enter, 3, 1, 1, 1));
}

static bool replaces(long number, uint64_t c3, uint64_t c4, uint64_t c5)
{
	return restartable_replaces_mask(
		&(struct blocked_call){ .number = number, .arguments = { 1, 1, 1, c3, c4, c5 } });
}

static void masks(void **state)
{
	(void)state;
	assert_true(replaces(SYS_rt_sigsuspend, 0, 0, 0));
	assert_true(replaces(SYS_ppoll, 1, 0, 0) && !replaces(SYS_ppoll, 0, 1, 1));
	assert_true(replaces(SYS_epoll_pwait, 0, 1, 0) && !replaces(SYS_epoll_pwait, 1, 0, 1));
	assert_true(replaces(441, 0, 1, 0) && !replaces(441, 1, 0, 1));
	assert_true(replaces(SYS_pselect6, 0, 0, 1) && !replaces(SYS_pselect6, 1, 1, 0));
	assert_true(replaces(SYS_io_pgetevents, 0, 0, 1) && !replaces(SYS_io_pgetevents, 1, 1, 0));
	assert_false(replaces(SYS_read, 1, 1, 1));
	assert_false(replaces(-1, 1, 1, 1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parse_a_call),	   cmocka_unit_test(parse_none),
		cmocka_unit_test(parse_wrong),	   cmocka_unit_test(each_number),
		cmocka_unit_test(never_half_done), cmocka_unit_test(futexes),
		cmocka_unit_test(by_flags),	   cmocka_unit_test(masks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
