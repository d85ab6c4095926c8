/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* msealctl and user/lib with other page sizes than 4 KiB. */
#define _GNU_SOURCE
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "ctl/base/options.h"
#include "lib/elf/object.h"
#include "lib/proc/segments.h"
#include "page_sizes.h"

#define PAGE page_size()
#define PAGE_MAX 65536u

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define DATA_NATIVE ELFDATA2LSB
#else
#define DATA_NATIVE ELFDATA2MSB
#endif

/* --- objects --- */

enum { LOAD_TEXT, LOAD_DATA, RELRO, PHDRS };

struct elf_file {
	Elf64_Ehdr header;
	Elf64_Phdr phdr[PHDRS];
	char rest[2 * PAGE_MAX];
};

/*
 * In pages: 0 R X | 2, 3 RW, with 2 from the file, and RELRO up to its last 1 KiB. The RW part is one page
 * further down in the file, as linkers place it.
 */
static struct elf_file *elf_file(void)
{
	static struct elf_file file;

	file = (struct elf_file){
		.header = { .e_ident = { 0x7f, 'E', 'L', 'F', ELFCLASS64, DATA_NATIVE, EV_CURRENT },
			    .e_type = ET_DYN, .e_phoff = sizeof(Elf64_Ehdr),
			    .e_phentsize = sizeof(Elf64_Phdr), .e_phnum = PHDRS },
		.phdr = {
			[LOAD_TEXT] = { .p_type = PT_LOAD, .p_flags = PF_R | PF_X, .p_filesz = 0x900,
					.p_memsz = 0x900 },
			[LOAD_DATA] = { .p_type = PT_LOAD, .p_flags = PF_R | PF_W, .p_offset = PAGE,
					.p_vaddr = 2 * PAGE, .p_filesz = PAGE, .p_memsz = PAGE + 0x100 },
			[RELRO] = { .p_type = PT_GNU_RELRO, .p_flags = PF_R, .p_offset = PAGE,
				    .p_vaddr = 2 * PAGE, .p_filesz = PAGE, .p_memsz = PAGE },
		},
	};
	return &file;
}

/* Offset and address must agree modulo the page size of the machine. */
static void place_in_a_page(void **state)
{
	struct elf_file *file = elf_file();
	struct elf_object object;

	(void)state;
	assert_int_equal(elf_object_parse(file, sizeof(*file), &object), 0);
	file->phdr[LOAD_DATA].p_offset = PAGE / 2;
	assert_int_equal(elf_object_parse(file, sizeof(*file), &object), -EBADMSG);
	/* Linked for pages of 4 KiB: mappable only there. */
	file = elf_file();
	file->phdr[LOAD_DATA].p_vaddr += 4096;
	assert_int_equal(elf_object_parse(file, sizeof(*file), &object), PAGE == 4096 ? 0 : -EBADMSG);
}

/* --- segments --- */

#define BASE (16 * (uint64_t)PAGE_MAX)

static int add_mapping(char *text, uint64_t first, uint64_t after, const char *how, uint64_t page,
		       const char *file)
{
	return sprintf(text, "%08" PRIx64 "-%08" PRIx64 " %s %08" PRIx64 " %s\n", BASE + first * PAGE,
		       BASE + after * PAGE, how, page * PAGE, file);
}

static void assert_segment(const struct segment *segment, enum mseald_segment kind, uint64_t first,
			   uint64_t after)
{
	assert_int_equal(segment->kind, kind);
	assert_int_equal(segment->start, BASE + first * PAGE);
	assert_int_equal(segment->end, BASE + after * PAGE);
}

/* Resolves segments of the file, mapped with these permissions of page 2. */
static void resolve(const struct elf_file *file, const char *relro, struct segments *segments)
{
	static struct proc_maps maps;
	char folder[] = "/tmp/test_page_size.XXXXXX", path[128], link[256], text[512];
	int at = 0, fd, dir;

	assert_non_null(mkdtemp(folder));
	(void)snprintf(path, sizeof(path), "%s/a.so", folder);
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_int_equal(write(fd, file, sizeof(*file)), sizeof(*file));
	(void)close(fd);
	(void)snprintf(link, sizeof(link), "%s/map_files", folder);
	assert_int_equal(mkdir(link, 0700), 0);
	(void)snprintf(link, sizeof(link), "%s/map_files/%" PRIx64 "-%" PRIx64, folder, BASE, BASE + PAGE);
	assert_int_equal(symlink(path, link), 0);

	at += add_mapping(text + at, 0, 1, "r-xp", 0, "08:01 7 /lib/a.so");
	at += add_mapping(text + at, 2, 3, relro, 1, "08:01 7 /lib/a.so");
	at += add_mapping(text + at, 3, 4, "rw-p", 0, "00:00 0 ");
	proc_maps_free(&maps);
	assert_int_equal(proc_maps_parse(text, (size_t)at, &maps), 0);
	dir = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(segments_resolve(&maps, dir, segments), 0);
	(void)close(dir);

	(void)unlink(link);
	(void)unlink(path);
	*strrchr(link, '/') = '\0';
	(void)rmdir(link);
	(void)rmdir(folder);
}

/* Whole pages of this machine: RELRO is rounded down to them, as in the loader, .bss up. */
static void segments_are_whole_pages(void **state)
{
	struct elf_file *file = elf_file();
	_cleanup_(segments_free) struct segments segments = {}, rounded = {};

	(void)state;
	resolve(file, "r--p", &segments);
	assert_int_equal(segments.count, 3);
	assert_segment(&segments.list[0], MSEALD_SEGMENT_TEXT, 0, 1);
	assert_segment(&segments.list[1], MSEALD_SEGMENT_RELRO, 2, 3);
	assert_segment(&segments.list[2], MSEALD_SEGMENT_DATA, 3, 4);

	/* It ends at 4 KiB: with larger pages it has no whole page. */
	file->phdr[RELRO].p_memsz = 4096;
	resolve(file, "r--p", &rounded);
	assert_int_equal(rounded.count, 3);
	assert_segment(&rounded.list[1], PAGE == 4096 ? MSEALD_SEGMENT_RELRO : MSEALD_SEGMENT_DATA, 2, 3);
}

/* --- ranges of the command line --- */

/* Returns the exit status; said: the text on standard error. */
static int ask_for(const char *range, char said[256])
{
	static struct ctl ctl;
	char *argv[] = { (char *)range };
	_cleanup_close_ int out = memfd_create("stderr", MFD_CLOEXEC), before = dup(2);
	json_t *parameters = NULL;
	ssize_t length;
	int r;

	optind = 0;
	(void)dup2(out, 2);
	r = options_parse_ranges(&ctl, 1, argv, NULL, &parameters);
	(void)dup2(before, 2);
	json_decref(parameters);
	length = pread(out, said, 255, 0);
	said[MAX_OF(length, 0)] = '\0';
	return r;
}

static void ranges_are_whole_pages(void **state)
{
	char range[64], wanted[256], said[256];

	(void)state;
	(void)snprintf(range, sizeof(range), "0x%" PRIx64 "-0x%" PRIx64, PAGE, 3 * PAGE);
	assert_int_equal(ask_for(range, said), 0);
	assert_string_equal(said, "");
	(void)snprintf(range, sizeof(range), "0x%" PRIx64 "-0x%" PRIx64, PAGE, 2 * PAGE + PAGE / 4);
	(void)snprintf(wanted, sizeof(wanted),
		       "msealctl: range %s is not aligned: both ends must be multiples of %" PRIu64
		       "; see msealctl --help\n",
		       range, PAGE);
	assert_int_equal(ask_for(range, said), CTL_USAGE);
	assert_string_equal(said, wanted);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(place_in_a_page),
		cmocka_unit_test(segments_are_whole_pages),
		cmocka_unit_test(ranges_are_whole_pages),
	};

	return RUN_ON_PAGE_SIZES("page_size", tests);
}
