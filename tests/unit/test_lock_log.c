// SPDX-License-Identifier: LGPL-2.1-or-later
/* Which denials by the lock have a line in the log. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "audit/ratelimit.h"
#include "bpf/lock_ops.h"

static struct ratelimit_denials denials;

static int setup(void **state)
{
	(void)state;
	memset(&denials, 0, sizeof(denials));
	return 0;
}

static unsigned let(enum mseald_lock_op op, uint32_t tgid, uint64_t start_time, unsigned times)
{
	struct mseald_lock_denial denial = {
		.op = op, .tgid = tgid, .start_time = start_time, .comm = "bpftool"
	};
	unsigned lines = 0;

	for (unsigned i = 0; i < times; i++)
		lines += ratelimit_allow_denial(&denials, &denial);
	return lines;
}

/* A program that lists everything has one line for each kind of object. */
static void one_has_a_line_for_each_operation(void **state)
{
	const struct ratelimit_op *maps = &denials.list[MSEALD_LOCK_OP_MAP];

	(void)state;
	assert_false(denials.begun);
	assert_int_equal(let(MSEALD_LOCK_OP_MAP, 100, 1, 1), 1);
	assert_true(denials.begun);
	assert_int_equal(maps->list[0].more, 0);
	assert_int_equal(let(MSEALD_LOCK_OP_MAP, 100, 1, 29), 0);
	assert_int_equal(let(MSEALD_LOCK_OP_PROGRAM, 100, 1, 60), 1);
	assert_int_equal(maps->callers, 1);
	assert_int_equal(maps->list[0].tgid, 100);
	assert_string_equal(maps->list[0].comm, "bpftool");
	assert_int_equal(maps->list[0].more, 29);
	assert_int_equal(denials.list[MSEALD_LOCK_OP_PROGRAM].list[0].more, 59);
	/* Later the same pid is another process. */
	assert_int_equal(let(MSEALD_LOCK_OP_MAP, 100, 2, 1), 1);
}

static void many_leave_room_for_other_operations(void **state)
{
	unsigned lines = 0;

	(void)state;
	for (uint32_t tgid = 1; tgid <= 1000; tgid++)
		lines += let(MSEALD_LOCK_OP_MAP, tgid, tgid * 7919ull, 2);
	assert_int_equal(lines, RATELIMIT_CALLERS);
	assert_int_equal(denials.list[MSEALD_LOCK_OP_MAP].others, 2 * (1000 - RATELIMIT_CALLERS));
	assert_int_equal(let(MSEALD_LOCK_OP_PIN, 5000, 1, 2), 1);
	/* Further denials of a process that has a line are still counted as its own. */
	assert_int_equal(let(MSEALD_LOCK_OP_MAP, 1, 7919, 1), 0);
	assert_int_equal(denials.list[MSEALD_LOCK_OP_MAP].list[0].more, 2);
	memset(&denials, 0, sizeof(denials));
	assert_int_equal(let(MSEALD_LOCK_OP_MAP, 1000, 1, 1), 1);
}

static void each_operation_has_words(void **state)
{
	unsigned ordinary = 0;

	(void)state;
	for (int i = 0; i < MSEALD_LOCK_OP_COUNT; i++) {
		assert_true(strlen(lock_ops[i].name) > 0 && strlen(lock_ops[i].phrase) > 0);
		ordinary += lock_ops[i].ordinary;
		for (int k = 0; k < i; k++)
			assert_string_not_equal(lock_ops[i].name, lock_ops[k].name);
	}
	assert_int_equal(ordinary, 4);
	assert_false(lock_ops[MSEALD_LOCK_OP_PIN].ordinary);
	assert_false(lock_ops[MSEALD_LOCK_OP_LOAD].ordinary);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(one_has_a_line_for_each_operation, setup),
		cmocka_unit_test_setup(many_leave_room_for_other_operations, setup),
		cmocka_unit_test(each_operation_has_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
