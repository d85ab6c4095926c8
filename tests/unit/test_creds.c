// SPDX-License-Identifier: LGPL-2.1-or-later
/* The credentials of a process in /proc; and the quota of users on the daemon. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "api/quota.h"
#include "process/creds.h"
#include "lib/base/util.h"

#define SECOND UINT64_C(1000000)

/* --- credentials --- */

#define STATUS(uid, gid, nspid, permitted, effective) \
	"Name:\tnginx\nUmask:\t0022\nState:\tS (sleeping)\nTgid:\t812\nPid:\t812\nUid:\t" uid "\nGid:\t" gid \
	"\nGroups:\t0 4 24\nNStgid:\t812\t5\nNSpid:\t" nspid \
	"\nVmRSS:\t 1 kB\nCapInh:\t0000000000000000\nCapPrm:\t" permitted "\nCapEff:\t" effective \
	"\nCapBnd:\t000001ffffffffff\n"

static void a_status_is_read(void **state)
{
	struct creds creds;

	(void)state;
	assert_int_equal(creds_parse(STATUS("1000\t1001\t1002\t1003", "4\t5\t6\t4294967295", "812\t37\t5",
					    "00000000a80425fb", "0000000000200000"),
				     &creds),
			 0);
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(creds.uids[i], 1000 + i);
	assert_int_equal(creds.gids[3], UINT32_MAX);
	assert_int_equal(creds.permitted, 0xa80425fb);
	assert_int_equal(creds.effective, 1 << 21);
	assert_int_equal(creds.levels, 3);
	assert_int_equal(creds.pids[1], 37);
	assert_int_equal(creds_own_pid(&creds), 5);
}

static void a_name_is_no_line(void **state)
{
	struct creds creds;

	(void)state;
	/* Line feeds in a process name are escaped (fs/proc/array.c, proc_task_name). */
	assert_int_equal(
		creds_parse("Name:\ta\\nUid:\t0 0 0 0\nUid:\t7\t7\t7\t7\nGid:\t7\t7\t7\t7\nNSpid:\t1\n"
			    "CapPrm:\t0\nCapEff:\t0\n",
			    &creds),
		0);
	assert_true(creds_is_all(&creds, 7, 7));
}

static void half_a_status_is_none(void **state)
{
	static const char whole[] = STATUS("0\t0\t0\t0", "0\t0\t0\t0", "1", "0", "0");
	const char *const needed[] = { "\nUid", "\nGid", "\nNSpid", "\nCapPrm", "\nCapEff" };
	struct creds creds = { .levels = 77 };

	(void)state;
	for (size_t i = 0; i < ELEMENTS(needed); i++) {
		char text[sizeof(whole)];

		(void)strcpy(text, whole);
		strstr(text, needed[i])[2] = 'x';
		assert_int_equal(creds_parse(text, &creds), -EBADMSG);
	}
	assert_int_equal(creds_parse("", &creds), -EBADMSG);
	assert_int_equal(creds_parse(STATUS("0\t0\t0", "0\t0\t0\t0", "1", "0", "0"), &creds), -EBADMSG);
	assert_int_equal(creds_parse(STATUS("0\t0\t0\t0", "0\t0\t0\t0", "", "0", "0"), &creds), -EBADMSG);
	assert_int_equal(creds_parse(STATUS("0\t0\t0\t0", "0\t0\t0\t0", "-1", "0", "0"), &creds), -EBADMSG);
	assert_int_equal(creds.levels, 77);
}

static void all_ids_count(void **state)
{
	struct creds creds;

	(void)state;
	for (int i = 0; i < 4; i++) {
		(void)creds_parse(STATUS("9\t9\t9\t9", "8\t8\t8\t8", "1", "0", "0"), &creds);
		assert_true(creds_is_all(&creds, 9, 8));
		creds.uids[i] = 0;
		assert_false(creds_is_all(&creds, 9, 8));
		creds.uids[i] = 9;
		creds.gids[i] = 0;
		assert_false(creds_is_all(&creds, 9, 8));
	}
}

static void capabilities_are_compared(void **state)
{
	const struct creds none = {}, some = { .permitted = 0x30 }, more = { .permitted = 0x70 },
			   other = { .permitted = 0x80 };

	(void)state;
	assert_true(creds_covers(&none, &none));
	assert_true(creds_covers(&more, &some));
	assert_false(creds_covers(&some, &more));
	assert_false(creds_covers(&some, &other));
	assert_false(creds_covers(&none, &some));
}

/* --- users --- */

static void connections_are_counted(void **state)
{
	struct quota the_quota = QUOTA_NEW, *quota = &the_quota;
	struct quota_user *all[QUOTA_CONNECTIONS_ALL], *one;
	unsigned count = 0;

	(void)state;
	for (; count < QUOTA_CONNECTIONS_EACH; count++)
		assert_int_equal(quota_enter(quota, 1000, SECOND, &all[count]), 0);
	assert_ptr_equal(all[0], all[QUOTA_CONNECTIONS_EACH - 1]);
	assert_int_equal(quota_enter(quota, 1000, SECOND, &one), -EDQUOT);
	for (uid_t uid = 2000; count < QUOTA_CONNECTIONS_ALL; count++)
		assert_int_equal(
			quota_enter(quota, uid + count / QUOTA_CONNECTIONS_EACH, SECOND, &all[count]), 0);
	assert_int_equal(quota_enter(quota, 1000, SECOND, &one), -EDQUOT);
	assert_int_equal(quota_enter(quota, 5, SECOND, &one), -EUSERS);
	quota_leave(quota, all[0]);
	assert_int_equal(quota_enter(quota, 5, SECOND, &one), 0);
	quota_leave(quota, one);
	assert_int_equal(quota_enter(quota, 1000, SECOND, &all[0]), 0);
	while (count > 0)
		quota_leave(quota, all[--count]);
	quota_leave(quota, NULL);
	quota_free(quota);
}

static void time_is_paid_back(void **state)
{
	struct quota the_quota = QUOTA_NEW, *quota = &the_quota;
	struct quota_user *user, *other;
	uint64_t now = 100 * SECOND, wait;

	(void)state;
	assert_int_equal(quota_enter(quota, 1000, now, &user), 0);
	assert_int_equal(quota_enter(quota, 1001, now, &other), 0);
	assert_int_equal(quota_wait(quota, user, now), 0);
	quota_spend(quota, user, now, QUOTA_AT_ONCE_US);
	assert_int_equal(quota_wait(quota, user, now), 0);
	quota_spend(quota, user, now, 1000);
	wait = quota_wait(quota, user, now);
	assert_int_equal(wait, 1000 * QUOTA_SHARE_EACH);
	/* All users together are in debt too, but less. */
	assert_int_equal(quota_wait(quota, other, now), 1000 * QUOTA_SHARE_ALL);
	assert_int_equal(quota_wait(quota, user, now + wait), 0);
	/* Saved time is limited to the burst. */
	now += 1000 * SECOND;
	quota_spend(quota, user, now, QUOTA_AT_ONCE_US + 7);
	assert_int_equal(quota_wait(quota, user, now), 7 * QUOTA_SHARE_EACH);
	/* A clock that goes back gives and takes nothing. */
	assert_int_equal(quota_wait(quota, user, now - 500 * SECOND), 7 * QUOTA_SHARE_EACH);
	quota_leave(quota, user);
	quota_leave(quota, other);
	quota_free(quota);
}

static void a_share_is_a_share(void **state)
{
	struct quota the_quota = QUOTA_NEW, *quota = &the_quota;
	struct quota_user *user;
	uint64_t now = 100 * SECOND, spent = 0;

	(void)state;
	assert_int_equal(quota_enter(quota, 1000, now, &user), 0);
	/* A user who always calls as soon as the bucket allows, with calls of 3 ms, for a minute. */
	while (now < 160 * SECOND) {
		uint64_t wait = quota_wait(quota, user, now);

		now += wait;
		if (wait)
			continue;
		now += 3000;
		spent += 3000;
		quota_spend(quota, user, now, 3000);
	}
	assert_in_range(spent, 60 * SECOND / QUOTA_SHARE_EACH,
			60 * SECOND / QUOTA_SHARE_EACH + QUOTA_AT_ONCE_US + SECOND);
	quota_leave(quota, user);
	quota_free(quota);
}

static void debt_outlives_the_connection(void **state)
{
	struct quota the_quota = QUOTA_NEW, *quota = &the_quota;
	struct quota_user *user;
	uint64_t now = 100 * SECOND;

	(void)state;
	assert_int_equal(quota_enter(quota, 1000, now, &user), 0);
	quota_spend(quota, user, now, 10 * SECOND);
	quota_leave(quota, user);
	assert_int_equal(quota_enter(quota, 1000, now + SECOND, &user), 0);
	assert_int_equal(quota_wait(quota, user, now + SECOND), QUOTA_DEBT_US * QUOTA_SHARE_EACH - SECOND);
	quota_leave(quota, user);
	/* Paid and gone: the user is forgotten, which only ASan sees. */
	assert_int_equal(quota_enter(quota, 1001, now + 100 * SECOND, &user), 0);
	assert_int_equal(quota_wait(quota, user, now + 100 * SECOND), 0);
	/* Time spent for a user without a connection. */
	quota_spend_for(quota, 1002, now + 100 * SECOND, 10 * SECOND);
	assert_int_equal(quota_enter(quota, 1002, now + 100 * SECOND, &user), 0);
	assert_int_equal(quota_wait(quota, user, now + 100 * SECOND), QUOTA_DEBT_US * QUOTA_SHARE_EACH);
	assert_int_equal(quota_uid(user), 1002);
	quota_free(quota);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_status_is_read),
		cmocka_unit_test(a_name_is_no_line),
		cmocka_unit_test(half_a_status_is_none),
		cmocka_unit_test(all_ids_count),
		cmocka_unit_test(capabilities_are_compared),
		cmocka_unit_test(connections_are_counted),
		cmocka_unit_test(time_is_paid_back),
		cmocka_unit_test(a_share_is_a_share),
		cmocka_unit_test(debt_outlives_the_connection),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
