/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* user/lib/proc/maps.c: lines of the kernel, other lines, and this process. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/proc/maps.h"
#include "lib/base/util.h"

#define PAGE 4096u

static const char sample[] =
	"00400000-00452000 r-xp 00001000 08:02 173521                             /usr/bin/a b (deleted)\n"
	"00652000-00653000 rw-s 7fffffffffff000 fe:10001 18446744073709551615     /x\\012y\n"
	"00653000-00655000 ---p 00000000 00:00 0 \n"
	"00e03000-00e24000 rw-p 00000000 00:00 0                                  [heap]\n"
	"7ffd9ab05000-7ffd9ab26000 rw-p 00000000 00:00 0                          [stack]\n"
	"ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0                  [vsyscall]\n";

static void sample_to_the_byte(void **state)
{
	_cleanup_(proc_maps_free) struct proc_maps maps = { 0 };
	_cleanup_free_ char *text = malloc(sizeof(sample) - 1);
	const struct mapping *m;

	(void)state;
	/* A copy of the exact size, so that the sanitizers see reads beyond it. */
	assert_non_null(text);
	memcpy(text, sample, sizeof(sample) - 1);
	assert_int_equal(proc_maps_parse(text, sizeof(sample) - 1, &maps), 0);
	assert_int_equal(maps.count, 6);

	m = &maps.list[0];
	assert_int_equal(m->start, 0x400000);
	assert_int_equal(m->end, 0x452000);
	assert_int_equal(m->offset, 0x1000);
	assert_int_equal(m->dev_major, 8);
	assert_int_equal(m->dev_minor, 2);
	assert_int_equal(m->inode, 173521);
	assert_true(m->read && !m->write && m->exec && !m->shared);
	assert_string_equal(m->path, "/usr/bin/a b (deleted)");

	m = &maps.list[1];
	assert_int_equal(m->offset, 0x7fffffffffff000);
	assert_int_equal(m->dev_major, 0xfe);
	assert_int_equal(m->dev_minor, 0x10001);
	assert_int_equal(m->inode, UINT64_MAX);
	assert_true(m->read && m->write && !m->exec && m->shared);
	assert_string_equal(m->path, "/x\\012y");

	m = &maps.list[2];
	assert_true(!m->read && !m->write && !m->exec && !m->shared);
	assert_int_equal(m->inode, 0);
	assert_string_equal(m->path, "");
	assert_string_equal(maps.list[3].path, "[heap]");
	assert_string_equal(maps.list[4].path, "[stack]");
	assert_int_equal(maps.list[5].end, 0xffffffffff601000);
	assert_string_equal(maps.list[5].path, "[vsyscall]");
}

static void nothing_mapped(void **state)
{
	struct proc_maps maps = { (void *)1, 7 };

	(void)state;
	assert_int_equal(proc_maps_parse("", 0, &maps), 0);
	assert_int_equal(maps.count, 0);
	assert_null(proc_maps_find(&maps, 0));
	assert_true(proc_maps_covers(&maps, 0x1000, 0x1000, NULL));
	assert_false(proc_maps_covers(&maps, 0x1000, 0x2000, NULL));
	proc_maps_free(&maps);
	proc_maps_free(&maps);
	proc_maps_free(NULL);
}

#define BAD(text) \
	{ \
		text, sizeof(text) - 1 \
	}

static void lines_refused(void **state)
{
	static const struct {
		const char *text;
		size_t length;
	} bad[] = {
		BAD("\n"),
		BAD("00400000-00452000 r-xp 00000000 08:02 1 /a"), /* no end of line */
		BAD("00400000-00452000 r-xp 00000000 08:02 1 /a\n\n"),
		BAD("00400000-00452000 r-xp 00000000 08:02\n"),
		BAD("00400000-00452000 r-xp 00000000 08:02 \n"),
		BAD("00400000-00452000 r-xp 00000000 0802 1 /a\n"),
		BAD("00400000-00452000 r-xp 00000000 08:02 1/a\n"),
		BAD("00400000-00452000 r-xp 00000000 08:02 0x1 /a\n"),
		BAD("00400000-00452000 r-xp 00000000 08:02 18446744073709551616 /a\n"),
		BAD("00400000-00452000 r-xp 00000000 100000000:02 1 /a\n"),
		BAD("00400000-00452000 r-xp 10000000000000000 08:02 1 /a\n"),
		BAD("00400000-00452000 rwx 00000000 08:02 1 /a\n"),
		BAD("00400000-00452000 rwxq 00000000 08:02 1 /a\n"),
		BAD("00400000-00452000 wr-p 00000000 08:02 1 /a\n"),
		BAD("00400000-00452000  r-xp 00000000 08:02 1 /a\n"),
		BAD("00400000 00452000 r-xp 00000000 08:02 1 /a\n"),
		BAD("0040000G-00452000 r-xp 00000000 08:02 1 /a\n"),
		BAD("0x400000-00452000 r-xp 00000000 08:02 1 /a\n"),
		BAD("10000000000000000-20000000000000000 r-xp 00000000 08:02 1 /a\n"),
		BAD(" 00400000-00452000 r-xp 00000000 08:02 1 /a\n"),
		BAD("00400000-00400000 r-xp 00000000 08:02 1 /a\n"), /* empty */
		BAD("00452000-00400000 r-xp 00000000 08:02 1 /a\n"), /* reversed */
		BAD("00400000-00452000 r-xp 00000000 08:02 1 /a\0b\n"),
		BAD("00400000-00452000 r-xp 00000000 08:02 1 /a\n" /* overlap */
		    "00451000-00453000 r-xp 00000000 08:02 1 /a\n"),
		BAD("00400000-00452000 r-xp 00000000 08:02 1 /a\n" /* not in order */
		    "00300000-00301000 r-xp 00000000 08:02 1 /a\n"),
	};

	(void)state;
	for (size_t i = 0; i < ELEMENTS(bad); i++) {
		struct proc_maps maps = { (void *)1, 7 };

		if (proc_maps_parse(bad[i].text, bad[i].length, &maps) != -EINVAL)
			fail_msg("taken, or refused with another error: %s", bad[i].text);
		assert_ptr_equal(maps.list, (void *)1);
		assert_int_equal(maps.count, 7);
	}
}

static void found_and_covered(void **state)
{
	_cleanup_(proc_maps_free) struct proc_maps maps = { 0 };
	uint64_t hole = 1;

	(void)state;
	assert_int_equal(proc_maps_parse(sample, sizeof(sample) - 1, &maps), 0);
	assert_null(proc_maps_find(&maps, 0x3fffff));
	assert_ptr_equal(proc_maps_find(&maps, 0x400000), &maps.list[0]);
	assert_ptr_equal(proc_maps_find(&maps, 0x451fff), &maps.list[0]);
	assert_null(proc_maps_find(&maps, 0x452000));
	assert_ptr_equal(proc_maps_find(&maps, 0x653000), &maps.list[2]);
	assert_ptr_equal(proc_maps_find(&maps, 0xffffffffff600fff), &maps.list[5]);
	assert_null(proc_maps_find(&maps, UINT64_MAX));

	assert_true(proc_maps_covers(&maps, 0x400000, 0x452000, &hole));
	assert_true(proc_maps_covers(&maps, 0x652000, 0x655000, &hole)); /* two that touch */
	assert_int_equal(hole, 1);
	assert_false(proc_maps_covers(&maps, 0x400000, 0x452001, &hole));
	assert_int_equal(hole, 0x452000);
	assert_false(proc_maps_covers(&maps, 0x3ff000, 0x452000, &hole));
	assert_int_equal(hole, 0x3ff000);
	assert_false(proc_maps_covers(&maps, 0x451000, 0x655000, &hole));
	assert_int_equal(hole, 0x452000);
	assert_false(proc_maps_covers(&maps, 0x654000, UINT64_MAX, &hole));
	assert_int_equal(hole, 0x655000);
	assert_false(proc_maps_covers(&maps, UINT64_MAX - 1, UINT64_MAX, NULL));
}

static void code_of_files(void **state)
{
	static const struct {
		const char *path;
		bool exec, code;
	} cases[] = {
		{ "/usr/lib/libc.so.6", true, true },
		{ "/usr/lib/libc.so.6", false, false },
		{ "/dev/zero (deleted)", true, false },
		{ "/memfd:jit (deleted)", true, false },
		{ "/SYSV00000000 (deleted)", true, false },
		{ "[vdso]", true, false },
		{ "", true, false },
	};

	(void)state;
	for (size_t i = 0; i < ELEMENTS(cases); i++) {
		struct mapping mapping = { .path = (char *)cases[i].path, .exec = cases[i].exec };

		assert_int_equal(proc_mapping_is_code(&mapping), cases[i].code);
	}
}

static void this_process(void **state)
{
	_cleanup_(proc_maps_free) struct proc_maps before = { 0 }, after = { 0 };
	_cleanup_close_ int fd = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
	const struct mapping *m;
	char *pages;

	(void)state;
	assert_true(fd >= 0);
	pages = mmap(NULL, 3 * PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal(pages, MAP_FAILED);
	assert_int_equal(mprotect(pages + PAGE, PAGE, PROT_READ | PROT_WRITE), 0);
	assert_int_equal(proc_maps_read_fd(fd, &before), 0);
	m = proc_maps_find(&before, (uintptr_t)pages + PAGE);
	assert_non_null(m);
	assert_int_equal(m->start, (uintptr_t)pages + PAGE);
	assert_int_equal(m->end, (uintptr_t)pages + 2 * PAGE);
	assert_true(m->read && m->write && !m->exec && !m->shared);
	assert_string_equal(m->path, "");
	assert_true(proc_maps_covers(&before, (uintptr_t)pages, (uintptr_t)pages + 3 * PAGE, NULL));
	m = proc_maps_find(&before, (uintptr_t)this_process);
	assert_non_null(m);
	assert_true(m->exec && !m->write && m->inode != 0 && m->path[0] == '/');
	assert_string_equal(proc_maps_find(&before, (uintptr_t)__builtin_frame_address(0))->path, "[stack]");

	/* The same descriptor again, and by pid. */
	assert_int_equal(munmap(pages + PAGE, PAGE), 0);
	assert_int_equal(proc_maps_read_fd(fd, &after), 0);
	assert_null(proc_maps_find(&after, (uintptr_t)pages + PAGE));
	proc_maps_free(&after);
	assert_int_equal(proc_maps_read(getpid(), &after), 0);
	assert_null(proc_maps_find(&after, (uintptr_t)pages + PAGE));
	assert_non_null(proc_maps_find(&after, (uintptr_t)pages));
	assert_int_equal(munmap(pages, 3 * PAGE), 0);
}

static void many_mappings(void **state)
{
	const size_t count = 3000;
	_cleanup_(proc_maps_free) struct proc_maps maps = { 0 };
	char *pages = mmap(NULL, count * PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	(void)state;
	/* More text than the first buffer holds. */
	assert_ptr_not_equal(pages, MAP_FAILED);
	for (size_t i = 0; i < count; i += 2)
		assert_int_equal(mprotect(pages + i * PAGE, PAGE, PROT_NONE), 0);
	assert_int_equal(proc_maps_read(getpid(), &maps), 0);
	for (size_t i = 0; i < count; i++) {
		const struct mapping *m = proc_maps_find(&maps, (uintptr_t)pages + i * PAGE);

		assert_non_null(m);
		assert_int_equal(m->read, i % 2);
	}
	assert_int_equal(munmap(pages, count * PAGE), 0);
}

static void not_to_be_read(void **state)
{
	_cleanup_close_ int directory = open("/", O_RDONLY | O_CLOEXEC);
	struct proc_maps maps = { (void *)1, 7 };
	int ends[2];

	(void)state;
	assert_int_equal(pipe(ends), 0);
	assert_int_equal(proc_maps_read_fd(ends[0], &maps), -ESPIPE);
	assert_int_equal(proc_maps_read_fd(directory, &maps), -EISDIR);
	assert_int_equal(proc_maps_read_fd(-1, &maps), -EBADF);
	assert_int_equal(proc_maps_read(0, &maps), -ENOENT);
	assert_int_equal(proc_maps_read(-1, &maps), -ENOENT);
	assert_ptr_equal(maps.list, (void *)1);
	assert_int_equal(maps.count, 7);
	(void)close(ends[0]);
	(void)close(ends[1]);
}

static void too_long(void **state)
{
	_cleanup_close_ int file = memfd_create("maps", MFD_CLOEXEC);
	struct proc_maps maps;

	(void)state;
	assert_int_equal(ftruncate(file, PROC_MAPS_TEXT_MAX + 1), 0);
	assert_int_equal(proc_maps_read_fd(file, &maps), -EFBIG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sample_to_the_byte), cmocka_unit_test(nothing_mapped),
		cmocka_unit_test(lines_refused),      cmocka_unit_test(found_and_covered),
		cmocka_unit_test(this_process),	      cmocka_unit_test(many_mappings),
		cmocka_unit_test(code_of_files),      cmocka_unit_test(not_to_be_read),
		cmocka_unit_test(too_long),
	};

	return cmocka_run_group_tests_name("procmaps", tests, NULL, NULL);
}
