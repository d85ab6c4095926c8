/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* user/daemon/seal/sanitizer.c: whether an object has LeakSanitizer, and what is remembered of its file. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include "seal/sanitizer.h" /* before cmocka.h, which has a macro fail() */
#include "process/reader.h"
#include "lib/base/util.h"

#include <cmocka.h>

/* Makes this program one with LeakSanitizer: tests.mk exports it. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
	return "";
}

static struct proc_maps maps;
static struct objects objects;
static struct target target = TARGET_EMPTY;

static int setup(void **state)
{
	(void)state;
	target.pid = getpid();
	target.proc_fd = open("/proc/self", O_PATH | O_DIRECTORY | O_CLOEXEC);
	return target.proc_fd >= 0 && proc_maps_read(getpid(), &maps) >= 0 &&
			       objects_find(&maps, target.proc_fd, &objects) >= 0 ?
		       0 :
		       -1;
}

static int teardown(void **state)
{
	(void)state;
	objects_free(&objects);
	proc_maps_free(&maps);
	reader_close();
	target_close(&target);
	return 0;
}

static const struct object *object_at(const void *address)
{
	for (size_t i = 0; i < objects.count; i++)
		if ((uintptr_t)address - objects.list[i].start < objects.list[i].end - objects.list[i].start)
			return &objects.list[i];
	fail();
	return NULL;
}

static bool is_in(const void *address, uint64_t inode, uint64_t number, uint32_t generation)
{
	const struct mseald_vma vma = { .inode = { .address = inode, .number = number },
					.generation = generation };

	return sanitizer_is_in(&target, object_at(address), &vma);
}

static void remembers_each_file(void **state)
{
	const void *with = (const void *)(uintptr_t)&__lsan_default_suppressions;
	const void *without = (const void *)(uintptr_t)&getpid; /* of libc */

	(void)state;
	assert_true(is_in(with, 0, 0, 0));
	assert_false(is_in(without, 0, 0, 0));
	assert_true(is_in(with, 0x1000, 7, 1));
	assert_false(is_in(without, 0x2000, 8, 1));
	/* The same files: they are not read again. */
	assert_true(is_in(without, 0x1000, 7, 1));
	assert_false(is_in(with, 0x2000, 8, 1));
	/* The inode is another file by now, in each way, or one with the place of another. */
	assert_false(is_in(without, 0x1000, 9, 1));
	assert_true(is_in(with, 0x1000, 7, 1));
	assert_false(is_in(without, 0x1000, 7, 2));
	assert_true(is_in(with, 0x1000 + (1u << 20), 7, 2));
	assert_false(is_in(without, 0x1000, 7, 2));
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(remembers_each_file) };

	return cmocka_run_group_tests(tests, setup, teardown);
}
