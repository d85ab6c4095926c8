/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * user/daemon/seal/loader_deps.c: the objects that a program was started with, in a made-up /proc/PID; and
 * files that are made to use up the memory and the time of the daemon.
 */
#define _GNU_SOURCE
#include <elf.h>
#include <fcntl.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "seal/loader_deps.h"
#include "lib/base/util.h"
#include "lib/elf/dynamic.h"

#define ADDRESS 0x10000u /* load address of each file: an address is an offset in it, plus this */
#define OBJECTS_MAX 16384u
#define STEP 0x10000u /* between the addresses of two objects */

static struct {
	char folder[64]; /* as /proc/PID */
	int fd;
	struct mapping *mappings;
	struct objects objects;
	bool *late;
	size_t files; /* of the first objects: the others cannot be opened */
} test;

static int before_each(void **state)
{
	(void)state;
	(void)strcpy(test.folder, "/tmp/test_loader_deps.XXXXXX");
	if (!mkdtemp(test.folder))
		return -1;
	test.fd = open(test.folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
	test.mappings = calloc(OBJECTS_MAX, sizeof(*test.mappings));
	test.objects.list = calloc(OBJECTS_MAX, sizeof(*test.objects.list));
	test.late = calloc(OBJECTS_MAX, sizeof(*test.late));
	return test.mappings && test.objects.list && test.late ? mkdirat(test.fd, "map_files", 0700) : -1;
}

static void name_of_file(size_t i, char name[64])
{
	(void)snprintf(name, 64, "map_files/%" PRIx64 "-%" PRIx64, test.mappings[i].start,
		       test.mappings[i].end);
}

static int after_each(void **state)
{
	char name[64];

	(void)state;
	for (size_t i = 0; i < test.files; i++) {
		name_of_file(i, name);
		(void)unlinkat(test.fd, name, 0);
	}
	(void)unlinkat(test.fd, "environ", 0);
	(void)unlinkat(test.fd, "map_files", AT_REMOVEDIR);
	(void)close(test.fd);
	(void)rmdir(test.folder);
	free(test.mappings);
	free(test.objects.list);
	free(test.late);
	memset(&test, 0, sizeof(test));
	return 0;
}

static size_t add_mapping(const char *path)
{
	size_t i = test.objects.count++;

	test.mappings[i] =
		(struct mapping){ .start = (i + 1) * STEP, .end = (i + 2) * STEP, .path = (char *)path };
	test.objects.list[i] = (struct object){ .file = &test.mappings[i],
						.start = test.mappings[i].start,
						.end = test.mappings[i].end };
	return i;
}

/* A library of this path and DT_SONAME, unless NULL, that needs another `count` times. */
static size_t add_object(const char *path, const char *soname, const char *needed, size_t count)
{
	struct {
		Elf64_Ehdr header;
		Elf64_Phdr phdr[2];
		Elf64_Dyn dyn[ELF_DYNAMIC_NEEDED_MAX + 4];
		char strings[2 * ELF_DYNAMIC_NAME_MAX];
	} *file = calloc(1, sizeof(*file));
	size_t i = add_mapping(path), at = 0;
	_cleanup_close_ int fd = -1;
	char name[64];

	assert_non_null(file);
	file->header = (Elf64_Ehdr){ .e_ident = { ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB,
						  EV_CURRENT },
				     .e_type = ET_DYN,
				     .e_phoff = sizeof(file->header),
				     .e_phentsize = sizeof(Elf64_Phdr),
				     .e_phnum = 2 };
	file->phdr[0] = (Elf64_Phdr){
		.p_type = PT_LOAD, .p_vaddr = ADDRESS, .p_filesz = sizeof(*file), .p_memsz = sizeof(*file)
	};
	file->phdr[1] = (Elf64_Phdr){ .p_type = PT_DYNAMIC,
				      .p_offset = (uintptr_t)file->dyn - (uintptr_t)file,
				      .p_filesz = sizeof(file->dyn) };
	file->dyn[at++] = (Elf64_Dyn){ .d_tag = DT_STRTAB,
				       .d_un.d_ptr = ADDRESS + ((uintptr_t)file->strings - (uintptr_t)file) };
	file->dyn[at++] = (Elf64_Dyn){ .d_tag = DT_STRSZ, .d_un.d_val = sizeof(file->strings) };
	(void)strcpy(file->strings + 1, needed);
	for (size_t n = 0; n < count; n++)
		file->dyn[at++] = (Elf64_Dyn){ .d_tag = DT_NEEDED, .d_un.d_val = 1 };
	if (soname) {
		(void)strcpy(file->strings + ELF_DYNAMIC_NAME_MAX, soname);
		file->dyn[at] = (Elf64_Dyn){ .d_tag = DT_SONAME, .d_un.d_val = ELF_DYNAMIC_NAME_MAX };
	}
	name_of_file(i, name);
	fd = openat(test.fd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	assert_int_equal(write(fd, file, sizeof(*file)), sizeof(*file));
	test.files = i + 1;
	free(file);
	return i;
}

static void find(size_t program)
{
	assert_int_equal(loader_deps_find_late(&test.objects, program, test.fd, test.late), 0);
}

static void needed_and_preloaded(void **state)
{
	static const char environment[] = "A=b\0LD_PRELOAD=libx.so:/opt/libp.so\0C=d";
	_cleanup_close_ int fd = openat(test.fd, "environ", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	size_t program, a, b, later, of_later, preloaded;

	(void)state;
	assert_int_equal(write(fd, environment, sizeof(environment)), sizeof(environment));
	later = add_object("/usr/lib/plugin.so", "plugin.so", "libof.so", 1);
	a = add_object("/usr/lib/liba-1.2.so", "liba.so.1", "libb.so", 1);
	b = add_object("/usr/lib/libb.so", NULL, "libc.so", 1);
	program = add_object("/usr/bin/program", NULL, "liba.so.1", 1);
	of_later = add_object("/usr/lib/libof.so", "libof.so", "libb.so", 1);
	preloaded = add_object("/opt/libp.so", "another", "liba.so.1", 1);
	find(program);
	assert_false(test.late[program]);
	assert_false(test.late[a]); /* by its DT_SONAME */
	assert_false(test.late[b]); /* by its file name */
	assert_false(test.late[preloaded]);
	assert_true(test.late[later]);
	assert_true(test.late[of_later]);
}

/* It counts as present from the start; of a program that cannot be read, everything does. */
static void unreadable(void **state)
{
	size_t program, later, missing;

	(void)state;
	program = add_object("/usr/bin/program", NULL, "liba.so", 1);
	later = add_object("/usr/lib/plugin.so", NULL, "libb.so", 1);
	missing = add_mapping("/usr/lib/missing.so");
	find(program);
	assert_true(test.late[later]);
	assert_false(test.late[missing]);
	find(missing);
	assert_false(test.late[later]);
}

static long memory_used(void) /* the most so far: KiB */
{
	struct rusage usage;

	assert_int_equal(getrusage(RUSAGE_SELF, &usage), 0);
	return usage.ru_maxrss;
}

/* The names of all objects together are limited: each has 4 MB of them, in a file of 28 KB. */
static void bytes_of_names(void **state)
{
	char needed[ELF_DYNAMIC_NAME_MAX];
	size_t program, small, big[60];
	long before;

	(void)state;
	memset(needed, 'n', sizeof(needed));
	needed[sizeof(needed) - 1] = '\0';
	program = add_object("/usr/bin/program", NULL, "liba.so", 1);
	small = add_object("/usr/lib/plugin.so", NULL, "libb.so", 1);
	for (size_t i = 0; i < ELEMENTS(big); i++)
		big[i] = add_object("/usr/lib/big.so", NULL, needed, ELF_DYNAMIC_NEEDED_MAX);
	before = memory_used();
	find(program);
	assert_true(test.late[small]);
	assert_true(test.late[big[0]]); /* just within the limit */
	for (size_t i = 1; i < ELEMENTS(big); i++)
		assert_false(test.late[big[i]]);
#ifndef __SANITIZE_ADDRESS__ /* it keeps freed memory */
	assert_in_range(memory_used() - before, 0, 32 << 10);
#else
	(void)before;
#endif
}

/* Names times objects: so many comparisons could be made. */
static void count_of_names(void **state)
{
	size_t program, within, beyond;

	(void)state;
	program = add_object("/usr/bin/program", NULL, "liba.so", 1023);
	within = add_object("/usr/lib/within.so", NULL, "libb.so", 1);
	beyond = add_object("/usr/lib/beyond.so", NULL, "libb.so", 1);
	while (test.objects.count < OBJECTS_MAX)
		(void)add_mapping("/usr/lib/missing.so");
	find(program);
	assert_true(test.late[within]);
	assert_false(test.late[beyond]);
	/* With fewer objects, as many names are nothing special. */
	test.objects.count /= 2;
	find(program);
	assert_true(test.late[beyond]);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, before_each, after_each)
	const struct CMUnitTest tests[] = {
		TEST(needed_and_preloaded),
		TEST(unreadable),
		TEST(bytes_of_names),
		TEST(count_of_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
