// SPDX-License-Identifier: LGPL-2.1-or-later
/* A user without time left waits; one of their connections is read at a time; other users do not wait. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "api/throttle.h"
#include "lib/base/clock.h"

#define MANY 72

static sd_event *loop;
static struct quota the_quota, *quota = &the_quota;
static struct throttle the_throttle, *throttle = &the_throttle;
static struct throttled some[MANY], other;
static struct throttled *turns[2 * MANY];
static unsigned turns_count;
static uint64_t spent; /* by each turn, in us */

static void on_turn(struct throttled *throttled)
{
	turns[turns_count++] = throttled;
	quota_spend(quota, throttled->user, monotonic_us(), spent);
}

static int setup(void **state)
{
	(void)state;
	turns_count = 0;
	the_quota = (struct quota)QUOTA_NEW;
	assert_true(sd_event_new(&loop) >= 0 && throttle_open(throttle, loop, quota, on_turn) >= 0);
	memset(some, 0, sizeof(some));
	memset(&other, 0, sizeof(other));
	for (int i = 0; i < MANY; i++)
		assert_int_equal(quota_enter(quota, 1000, monotonic_us(), &some[i].user), 0);
	assert_int_equal(quota_enter(quota, 1001, monotonic_us(), &other.user), 0);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	for (int i = 0; i < MANY; i++)
		throttle_leave(throttle, &some[i]);
	throttle_leave(throttle, &other);
	throttle_close(throttle);
	quota_free(quota);
	loop = sd_event_unref(loop);
	return 0;
}

/* Spends all time of the bucket, and more: the user has to wait four times that long. */
static void overdraw(struct quota_user *user, uint64_t us)
{
	quota_spend(quota, user, monotonic_us(), QUOTA_AT_ONCE_US + us);
}

/* Lets the loop dispatch once; false: nothing is due. */
static bool step(uint64_t wait)
{
	return sd_event_run(loop, wait) > 0;
}

static void who_has_time_does_not_rest(void **state)
{
	struct throttled root = { .user = NULL };

	(void)state;
	assert_false(throttle_must(throttle, &some[0]));
	assert_false(throttle_must(throttle, &root));
	overdraw(some[0].user, 1000000);
	assert_true(throttle_must(throttle, &some[0]));
	assert_true(some[0].waiting);
	assert_true(throttle_must(throttle, &some[0]));
	assert_null(TAILQ_NEXT(&some[0], link));
	assert_false(throttle_must(throttle, &root));
	assert_false(step(0));
	assert_int_equal(turns_count, 0);
}

/*
 * The cost of many connections of one user: at each wakeup one connection is served, and its turn brings the
 * user into debt again.
 */
static void one_at_a_time(void **state)
{
	unsigned wakes = 0;

	(void)state;
	spent = 1000;
	overdraw(some[0].user, 1000);
	for (int i = 0; i < MANY; i++)
		assert_true(throttle_must(throttle, &some[i]));
	while (turns_count < 10 && wakes < 1000) {
		wakes += step(UINT64_MAX);
		assert_true(turns_count <= wakes);
	}
	assert_int_equal(turns_count, 10);
	assert_in_range(wakes, 10, 20);
	for (int i = 0; i < 10; i++)
		assert_ptr_equal(turns[i], &some[i]);
	assert_false(some[9].waiting);
	assert_true(some[10].waiting);
}

/* A connection that returns queues behind those that wait, even if there is time left. */
static void in_the_order_in_which_they_came(void **state)
{
	(void)state;
	spent = 0;
	overdraw(some[0].user, 1000);
	assert_true(throttle_must(throttle, &some[0]));
	assert_true(throttle_must(throttle, &some[1]));
	while (!turns_count)
		(void)step(UINT64_MAX);
	assert_ptr_equal(turns[0], &some[0]);
	assert_int_equal(quota_wait(quota, some[0].user, monotonic_us()), 0);
	assert_true(throttle_must(throttle, &some[0]));
	while (turns_count < 3)
		(void)step(UINT64_MAX);
	assert_ptr_equal(turns[1], &some[1]);
	assert_ptr_equal(turns[2], &some[0]);
	assert_false(throttle_must(throttle, &some[0]));
}

/*
 * A user deeper in debt is earlier in the queue. The other user, who only waits for all users together, still
 * has their turn first.
 */
static void who_has_time_is_not_held_up(void **state)
{
	(void)state;
	spent = 0;
	overdraw(some[0].user, 250000);
	assert_true(throttle_must(throttle, &some[0]));
	assert_true(throttle_must(throttle, &other));
	assert_false(step(0));
	while (!turns_count)
		(void)step(UINT64_MAX);
	assert_ptr_equal(turns[0], &other);
	while (turns_count < 2)
		(void)step(UINT64_MAX);
	assert_ptr_equal(turns[1], &some[0]);
}

static void leaving(void **state)
{
	(void)state;
	spent = 0;
	overdraw(some[0].user, 1000);
	for (int i = 0; i < 4; i++)
		assert_true(throttle_must(throttle, &some[i]));
	throttle_leave(throttle, &some[0]);
	throttle_leave(throttle, &some[3]);
	while (turns_count < 2)
		(void)step(UINT64_MAX);
	assert_ptr_equal(turns[0], &some[1]);
	assert_ptr_equal(turns[1], &some[2]);
	overdraw(some[0].user, 1000);
	assert_true(throttle_must(throttle, &some[3]));
	throttle_leave(throttle, &some[3]);
	while (step(20000))
		;
	assert_int_equal(turns_count, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(who_has_time_does_not_rest, setup, teardown),
		cmocka_unit_test_setup_teardown(one_at_a_time, setup, teardown),
		cmocka_unit_test_setup_teardown(in_the_order_in_which_they_came, setup, teardown),
		cmocka_unit_test_setup_teardown(who_has_time_is_not_held_up, setup, teardown),
		cmocka_unit_test_setup_teardown(leaving, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
