/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* user/lib/elf/dynamic.c: a small library made here, valid and with one fault each, and real ones. */
#define _GNU_SOURCE
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/elf/dynamic.h"
#include "lib/base/util.h"

#define ADDRESS 0x10000u /* load address of the file: an address is an offset in it, plus this */
#define STRINGS "\0liba.so\0libb.so.1\0self.so"

enum { NAME_A = 1, NAME_B = 9, NAME_SELF = 19 };

/* The whole file is one segment. */
struct file {
	Elf64_Ehdr header;
	Elf64_Phdr phdr[2];
	Elf64_Dyn dyn[12];
	char strings[27];
};

struct file32 {
	Elf32_Ehdr header;
	Elf32_Phdr phdr[2];
	Elf32_Dyn dyn[8];
	char strings[27];
};

static struct file file;
static struct elf_dynamic dynamic;

static void add(size_t i, Elf64_Sxword tag, Elf64_Xword value)
{
	file.dyn[i] = (Elf64_Dyn){ .d_tag = tag, .d_un.d_val = value };
}

static int before_each(void **state)
{
	(void)state;
	file = (struct file){
		.header = { .e_ident = { ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB,
					 EV_CURRENT },
			    .e_type = ET_DYN,
			    .e_phoff = offsetof(struct file, phdr),
			    .e_phentsize = sizeof(Elf64_Phdr),
			    .e_phnum = 2 },
		.phdr = { { .p_type = PT_LOAD,
			    .p_vaddr = ADDRESS,
			    .p_filesz = sizeof(file),
			    .p_memsz = sizeof(file) },
			  { .p_type = PT_DYNAMIC,
			    .p_offset = offsetof(struct file, dyn),
			    .p_filesz = sizeof(file.dyn) } },
		.strings = STRINGS,
	};
	add(0, DT_NEEDED, NAME_B); /* before the table that its name is in */
	add(1, DT_SONAME, NAME_SELF);
	add(2, DT_STRTAB, ADDRESS + offsetof(struct file, strings));
	add(3, DT_STRSZ, sizeof(STRINGS));
	add(4, DT_NEEDED, NAME_A);
	return 0;
}

static int after_each(void **state)
{
	(void)state;
	elf_dynamic_free(&dynamic);
	return 0;
}

/* Parses a copy of exactly this size, so that the sanitizers see reads beyond it. */
static int parse_bytes(const void *bytes, size_t size)
{
	_cleanup_free_ unsigned char *copy = malloc(MAX_OF(size, (size_t)1));

	elf_dynamic_free(&dynamic);
	memcpy(copy, bytes, size);
	return elf_dynamic_parse(copy, size, &dynamic);
}

static int parse(void)
{
	return parse_bytes(&file, sizeof(file));
}

static void assert_bad(void)
{
	assert_int_equal(parse(), -EBADMSG);
	assert_null(dynamic.needed);
	assert_null(dynamic.soname);
}

static void usual(void **state)
{
	(void)state;
	assert_int_equal(parse(), 0);
	assert_string_equal(dynamic.soname, "self.so");
	assert_int_equal(dynamic.needed_count, 2);
	assert_string_equal(dynamic.needed[0], "libb.so.1");
	assert_string_equal(dynamic.needed[1], "liba.so");
}

static void after_the_end(void **state)
{
	(void)state;
	add(6, DT_NEEDED, NAME_A);
	add(5, DT_NULL, 0);
	assert_int_equal(parse(), 0);
	assert_int_equal(dynamic.needed_count, 2);
}

static void nothing_of_it(void **state)
{
	(void)state;
	file.header.e_phnum = 1;
	assert_int_equal(parse(), 0);
	assert_null(dynamic.soname);
	assert_int_equal(dynamic.needed_count, 0);
	file.header.e_phnum = 2;
	memset(file.dyn, 0, sizeof(file.dyn));
	assert_int_equal(parse(), 0);
	assert_int_equal(dynamic.needed_count, 0);
	/* A string table is only required if there is a name. */
	add(0, DT_DEBUG, 0);
	assert_int_equal(parse(), 0);
}

static void lies(void **state)
{
	(void)state;
	add(2, DT_STRTAB, ADDRESS - 1);
	assert_bad();
	add(2, DT_STRTAB, ADDRESS + sizeof(file));
	assert_bad();
	add(2, DT_STRTAB, UINT64_MAX);
	assert_bad();
	add(2, DT_DEBUG, 0); /* no table at all */
	assert_bad();
	(void)before_each(NULL);
	add(3, DT_STRSZ, NAME_SELF);
	assert_bad();
	(void)before_each(NULL);
	add(3, DT_STRSZ, sizeof(STRINGS) - 2); /* ends in the middle of the name */
	assert_bad();
	(void)before_each(NULL);
	add(3, DT_STRSZ, UINT64_MAX); /* as far as the segment goes */
	assert_int_equal(parse(), 0);
	add(4, DT_NEEDED, UINT64_MAX);
	assert_bad();
	(void)before_each(NULL);
	file.phdr[1].p_offset = sizeof(file);
	assert_bad();
	file.phdr[1].p_offset = UINT64_MAX - 8;
	assert_bad();
	(void)before_each(NULL);
	file.strings[sizeof(STRINGS) - 1] = 'x'; /* the last name has no end */
	assert_bad();
	assert_int_equal(parse_bytes("\x7f"
				     "ELF",
				     4),
			 -ENOEXEC);
}

static void without_an_end(void **state)
{
	(void)state;
	/* The segment ends it. */
	file.phdr[1].p_filesz = 5 * sizeof(Elf64_Dyn) + 3;
	add(5, DT_NEEDED, NAME_A);
	assert_int_equal(parse(), 0);
	assert_int_equal(dynamic.needed_count, 2);
}

static void names(void **state)
{
	(void)state;
	assert_int_equal(elf_dynamic_parse_names(&file, sizeof(file), "libb.so.1"), 1);
	assert_int_equal(elf_dynamic_parse_names(&file, sizeof(file), "self.so"), 1);
	assert_int_equal(elf_dynamic_parse_names(&file, sizeof(file), "self"), 0);
	assert_int_equal(elf_dynamic_parse_names(&file, sizeof(file), "libc.so"), 0);
	file.dyn[0].d_tag = DT_NULL;
	assert_int_equal(elf_dynamic_parse_names(&file, sizeof(file), "self.so"), 0);
	file.header.e_ident[0] = 0;
	assert_int_equal(elf_dynamic_parse_names(&file, sizeof(file), "self.so"), -ENOEXEC);
}

/* More than one read, with the name across two. */
static void many_names(void **state)
{
	size_t size = sizeof(file) + (1u << 20);
	_cleanup_free_ char *big = calloc(1, size);

	(void)state;
	assert_non_null(big);
	file.phdr[0].p_filesz = file.phdr[0].p_memsz = size;
	add(2, DT_STRTAB, ADDRESS + sizeof(file));
	add(3, DT_STRSZ, 1u << 20);
	memcpy(big, &file, sizeof(file));
	memset(big + sizeof(file), 'x', 1u << 20);
	assert_int_equal(elf_dynamic_parse_names(big, size, "a-name"), 0);
	for (size_t at = 65536 - 8; at < 65536 + 2; at++) {
		memcpy(big + sizeof(file) + at, "\0a-name", 8);
		assert_int_equal(elf_dynamic_parse_names(big, size, "a-name"), 1);
		memset(big + sizeof(file) + at, 'x', 8);
	}
}

static void too_many(void **state)
{
	size_t dyns = ELF_DYNAMIC_NEEDED_MAX + 4, size = sizeof(file) + dyns * sizeof(Elf64_Dyn);
	_cleanup_free_ unsigned char *big = calloc(1, size);
	Elf64_Dyn *dyn = (Elf64_Dyn *)(big + sizeof(file) + 8 - sizeof(file) % 8);

	(void)state;
	assert_non_null(big);
	file.phdr[0].p_filesz = file.phdr[0].p_memsz = size;
	file.phdr[1].p_offset = (size_t)((unsigned char *)dyn - big);
	file.phdr[1].p_filesz = (dyns - 1) * sizeof(Elf64_Dyn);
	memcpy(big, &file, sizeof(file));
	memcpy(dyn, &file.dyn[2], 2 * sizeof(*dyn));
	for (size_t i = 0; i < ELF_DYNAMIC_NEEDED_MAX; i++)
		dyn[2 + i] = file.dyn[4];
	assert_int_equal(parse_bytes(big, size), 0);
	assert_int_equal(dynamic.needed_count, ELF_DYNAMIC_NEEDED_MAX);
	dyn[2 + ELF_DYNAMIC_NEEDED_MAX] = file.dyn[4];
	assert_int_equal(parse_bytes(big, size), -EBADMSG);
}

static void of_32_bits(void **state)
{
	struct file32 small = {
		.header = { .e_ident = { ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS32, ELFDATA2LSB,
					 EV_CURRENT },
			    .e_type = ET_DYN,
			    .e_phoff = offsetof(struct file32, phdr),
			    .e_phentsize = sizeof(Elf32_Phdr),
			    .e_phnum = 2 },
		.phdr = { { .p_type = PT_LOAD,
			    .p_vaddr = ADDRESS,
			    .p_filesz = sizeof(small),
			    .p_memsz = sizeof(small) },
			  { .p_type = PT_DYNAMIC,
			    .p_offset = offsetof(struct file32, dyn),
			    .p_filesz = sizeof(small.dyn) } },
		.dyn = { { DT_NEEDED, { NAME_A } },
			 { DT_STRTAB, { ADDRESS + offsetof(struct file32, strings) } },
			 { DT_STRSZ, { sizeof(STRINGS) } },
			 { DT_SONAME, { NAME_SELF } } },
		.strings = STRINGS,
	};

	(void)state;
	assert_int_equal(parse_bytes(&small, sizeof(small)), 0);
	assert_string_equal(dynamic.soname, "self.so");
	assert_int_equal(dynamic.needed_count, 1);
	assert_string_equal(dynamic.needed[0], "liba.so");
}

/* The path of the C library, from the loader. */
static int find_libc(struct dl_phdr_info *info, size_t size, void *path)
{
	(void)size;
	if (strstr(info->dlpi_name, "/libc.so.6"))
		(void)snprintf(path, 256, "%s", info->dlpi_name);
	return 0;
}

static void real_files(void **state)
{
	_cleanup_close_ int self = open("/proc/self/exe", O_RDONLY | O_CLOEXEC), libc = -1, null = -1;
	bool found = false;
	char path[256] = "";

	(void)state;
	assert_int_equal(elf_dynamic_read(self, &dynamic), 0);
	assert_null(dynamic.soname);
	for (size_t i = 0; i < dynamic.needed_count; i++)
		found |= strcmp(dynamic.needed[i], "libc.so.6") == 0;
	assert_true(found);
	elf_dynamic_free(&dynamic);

	(void)dl_iterate_phdr(find_libc, path);
	libc = open(path, O_RDONLY | O_CLOEXEC);
	assert_int_equal(elf_dynamic_read(libc, &dynamic), 0);
	assert_string_equal(dynamic.soname, "libc.so.6");
	elf_dynamic_free(&dynamic);

	null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	assert_int_equal(elf_dynamic_read(null, &dynamic), -ENOEXEC);
	assert_int_equal(elf_dynamic_read(-1, &dynamic), -EBADF);
}

#define each(function) cmocka_unit_test_setup_teardown(function, before_each, after_each)

int main(void)
{
	const struct CMUnitTest tests[] = {
		each(usual),	each(after_the_end), each(nothing_of_it), each(lies),  each(without_an_end),
		each(too_many), each(of_32_bits),    each(real_files),	  each(names), each(many_names),
	};

	return cmocka_run_group_tests_name("elfdynamic", tests, NULL, NULL);
}
