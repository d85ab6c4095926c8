/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* user/lib/elf/object.c: files made here, valid and with one fault each, and this program. */
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
#include <sys/auxv.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/elf/object.h"
#include "lib/base/util.h"

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define DATA_NATIVE ELFDATA2LSB
#define DATA_OTHER ELFDATA2MSB
#else
#define DATA_NATIVE ELFDATA2MSB
#define DATA_OTHER ELFDATA2LSB
#endif

#define FILE_SIZE 0x3000u
#define MOST_PHDRS 1100u

/* The relevant pieces of a library linked by lld. */
struct file64 {
	Elf64_Ehdr header;
	Elf64_Phdr phdr[MOST_PHDRS];
};

static const Elf64_Phdr usual[] = {
	{ .p_type = PT_PHDR, .p_flags = PF_R, .p_offset = 64, .p_vaddr = 64, .p_filesz = 56, .p_memsz = 56 },
	{ .p_type = PT_INTERP,
	  .p_flags = PF_R,
	  .p_offset = 512,
	  .p_vaddr = 512,
	  .p_filesz = 8,
	  .p_memsz = 8 },
	{ .p_type = PT_LOAD,
	  .p_flags = PF_R,
	  .p_offset = 0,
	  .p_vaddr = 0,
	  .p_filesz = 0x800,
	  .p_memsz = 0x800 },
	{ .p_type = PT_LOAD,
	  .p_flags = PF_R | PF_X,
	  .p_offset = 0x1000,
	  .p_vaddr = 0x1000,
	  .p_filesz = 0x123,
	  .p_memsz = 0x123 },
	{ .p_type = PT_LOAD,
	  .p_flags = PF_R | PF_W,
	  .p_offset = 0x1e00,
	  .p_vaddr = 0x2e00,
	  .p_filesz = 0x300,
	  .p_memsz = 0x5000 },
	{ .p_type = PT_GNU_RELRO,
	  .p_flags = PF_R,
	  .p_offset = 0x1e00,
	  .p_vaddr = 0x2e00,
	  .p_filesz = 0x200,
	  .p_memsz = 0x200 },
};

enum { INTERP = 1, LOAD_R = 2, LOAD_X = 3, LOAD_W = 4, RELRO = 5 };

static void file64_init(struct file64 *file)
{
	memset(file, 0, sizeof(*file));
	memcpy(file->header.e_ident, ELFMAG, SELFMAG);
	file->header.e_ident[EI_CLASS] = ELFCLASS64;
	file->header.e_ident[EI_DATA] = DATA_NATIVE;
	file->header.e_ident[EI_VERSION] = EV_CURRENT;
	file->header.e_type = ET_DYN;
	file->header.e_entry = 0x1010;
	file->header.e_phoff = sizeof(file->header);
	file->header.e_phentsize = sizeof(Elf64_Phdr);
	file->header.e_phnum = ELEMENTS(usual);
	memcpy(file->phdr, usual, sizeof(usual));
}

/* Parses a copy of exactly size bytes, so that the sanitizers see reads beyond it. */
static int parse(const void *file, size_t size, struct elf_object *ret)
{
	_cleanup_free_ unsigned char *copy = calloc(1, size ? size : 1);

	assert_non_null(copy);
	memcpy(copy, file, size);
	return elf_object_parse(copy, size, ret);
}

static int parse64(const struct file64 *file, struct elf_object *ret)
{
	return parse(file, sizeof(*file), ret);
}

static void usual_headers(void **state)
{
	struct elf_object object;
	struct file64 file;

	(void)state;
	file64_init(&file);
	assert_int_equal(parse64(&file, &object), 0);
	assert_true(object.is_64bit && object.is_dyn);
	assert_int_equal(object.entry, 0x1010);
	assert_int_equal(object.loads, 3);
	assert_int_equal(object.relro_vaddr, 0x2e00);
	assert_int_equal(object.relro_memsz, 0x200);
	assert_true(object.load[0].read && !object.load[0].write && !object.load[0].exec);
	assert_true(object.load[1].read && !object.load[1].write && object.load[1].exec);
	assert_true(object.load[2].read && object.load[2].write && !object.load[2].exec);
	assert_int_equal(object.load[2].vaddr, 0x2e00);
	assert_int_equal(object.load[2].offset, 0x1e00);
	assert_int_equal(object.load[2].filesz, 0x300);
	assert_int_equal(object.load[2].memsz, 0x5000);

	file.header.e_type = ET_EXEC;
	file.phdr[INTERP].p_type = PT_NULL;
	file.phdr[RELRO].p_type = PT_NULL;
	assert_int_equal(parse64(&file, &object), 0);
	assert_true(!object.is_dyn);
	assert_int_equal(object.relro_memsz, 0);
}

static void headers_of_32_bits(void **state)
{
	struct {
		Elf32_Ehdr header;
		Elf32_Phdr phdr[2];
		char rest[0x1000];
	} file = {
		.header = { .e_ident = { 0x7f, 'E', 'L', 'F', ELFCLASS32, DATA_NATIVE, EV_CURRENT },
			    .e_type = ET_EXEC,
			    .e_entry = 0x8048010,
			    .e_phoff = sizeof(Elf32_Ehdr),
			    .e_phentsize = sizeof(Elf32_Phdr),
			    .e_phnum = 2 },
		.phdr = { { .p_type = PT_LOAD,
			    .p_flags = PF_R | PF_X,
			    .p_offset = 0,
			    .p_vaddr = 0x8048000,
			    .p_filesz = 0x100,
			    .p_memsz = 0x100 },
			  { .p_type = PT_LOAD,
			    .p_flags = PF_R | PF_W,
			    .p_offset = 0x100,
			    .p_vaddr = 0xfffff100,
			    .p_filesz = 0x10,
			    .p_memsz = 0xf00 } },
	};
	struct elf_object object;

	(void)state;
	assert_int_equal(parse(&file, sizeof(file), &object), 0);
	assert_true(!object.is_64bit && !object.is_dyn);
	assert_int_equal(object.entry, 0x8048010);
	assert_int_equal(object.loads, 2);
	assert_int_equal(object.load[0].vaddr, 0x8048000);
	assert_true(object.load[0].exec && !object.load[0].write);
	assert_int_equal(object.load[1].vaddr + object.load[1].memsz, 1ull << 32);
	assert_true(object.load[1].write && !object.load[1].exec);

	file.header.e_phentsize = sizeof(Elf64_Phdr);
	assert_int_equal(parse(&file, sizeof(file), &object), -EBADMSG);
}

/* Each case spoils one field of a good file. */
static void headers_that_lie(void **state)
{
	struct file64 file;
	struct elf_object object, before;

	(void)state;
	memset(&before, 0x5a, sizeof(before));
	object = before;

#define REFUSED(error, ...) \
	do { \
		file64_init(&file); \
		__VA_ARGS__; \
		assert_int_equal(parse64(&file, &object), error); \
		assert_memory_equal(&object, &before, sizeof(before)); \
	} while (0)

	REFUSED(-ENOEXEC, file.header.e_ident[0] = 0);
	REFUSED(-ENOEXEC, file.header.e_ident[3] = 'f');
	REFUSED(-ENOEXEC, file.header.e_ident[EI_CLASS] = 3);
	REFUSED(-ENOEXEC, file.header.e_ident[EI_DATA] = DATA_OTHER);
	REFUSED(-ENOEXEC, file.header.e_type = ET_REL);
	REFUSED(-ENOEXEC, file.header.e_type = ET_CORE);
	REFUSED(-ENOEXEC, file.header.e_type = ET_NONE);

	REFUSED(-EBADMSG, file.header.e_phnum = 0);
	REFUSED(-EBADMSG, file.header.e_phnum = 1025);
	REFUSED(-EBADMSG, file.header.e_phnum = PN_XNUM);
	REFUSED(-EBADMSG, file.header.e_phentsize = 55);
	REFUSED(-EBADMSG, file.header.e_phentsize = 0);
	REFUSED(-EBADMSG, file.header.e_phoff = sizeof(file));
	REFUSED(-EBADMSG, file.header.e_phoff = sizeof(file) - 56 * ELEMENTS(usual) + 1);
	REFUSED(-EBADMSG, file.header.e_phoff = UINT64_MAX);
	REFUSED(-EBADMSG, file.header.e_phoff = UINT64_MAX - 100);

	/* more in the file than in memory; beyond the file; beyond the address space */
	REFUSED(-EBADMSG, file.phdr[LOAD_X].p_memsz--);
	REFUSED(-EBADMSG, file.phdr[LOAD_X].p_filesz = file.phdr[LOAD_X].p_memsz = sizeof(file) - 0xfff,
		file.phdr[LOAD_W].p_vaddr += 0x100000);
	REFUSED(-EBADMSG, file.phdr[LOAD_X].p_offset = UINT64_MAX - 0xfff);
	REFUSED(-EBADMSG, file.phdr[LOAD_X].p_offset = UINT64_MAX - 0x2fff);
	REFUSED(-EBADMSG, file.phdr[LOAD_W].p_memsz = UINT64_MAX);
	REFUSED(-EBADMSG, file.phdr[LOAD_W].p_memsz = UINT64_MAX - 0x2e00 + 1);
	/* not mappable: another offset in the page; out of order; overlapping */
	REFUSED(-EBADMSG, file.phdr[LOAD_X].p_offset++);
	REFUSED(-EBADMSG, file.phdr[LOAD_X].p_vaddr += 0x5000);
	REFUSED(-EBADMSG, file.phdr[LOAD_R].p_memsz = 0x1001);
	REFUSED(-EBADMSG, file.phdr[RELRO].p_memsz = UINT64_MAX - 0x2e00 + 1);
#undef REFUSED
}

/* The same fields, one step before they are wrong. */
static void headers_just_good(void **state)
{
	struct elf_object object;
	struct file64 file;

	(void)state;
#define TAKEN(...) \
	do { \
		file64_init(&file); \
		__VA_ARGS__; \
		assert_int_equal(parse64(&file, &object), 0); \
	} while (0)

	TAKEN(file.header.e_phnum = 1024);
	TAKEN(file.phdr[LOAD_X].p_filesz = file.phdr[LOAD_X].p_memsz = sizeof(file) - 0x1000,
	      file.phdr[LOAD_W].p_vaddr += 0x100000);
	TAKEN(file.phdr[LOAD_W].p_memsz = UINT64_MAX - 0x2e00);
	TAKEN(file.phdr[LOAD_R].p_memsz = 0x1000);
	TAKEN(file.phdr[RELRO].p_memsz = UINT64_MAX - 0x2e00);
	/* nothing from the file, so its offset does not matter */
	TAKEN(file.phdr[LOAD_W].p_filesz = 0, file.phdr[LOAD_W].p_offset = 0x123456);
	/* empty */
	TAKEN(file.phdr[LOAD_X].p_filesz = file.phdr[LOAD_X].p_memsz = 0);
	assert_int_equal(object.loads, 2);
	assert_true(object.load[1].write);
	/* the last PT_GNU_RELRO counts */
	TAKEN(file.phdr[INTERP] = (Elf64_Phdr){ .p_type = PT_GNU_RELRO, .p_vaddr = 1, .p_memsz = 2 });
	assert_int_equal(object.relro_vaddr, 0x2e00);
#undef TAKEN
}

static void as_many_loads_as_fit(void **state)
{
	struct elf_object object;
	struct file64 file;

	(void)state;
	file64_init(&file);
	for (unsigned i = 0; i < ELF_OBJECT_MAX_LOADS + 1; i++)
		file.phdr[i] = (Elf64_Phdr){ .p_type = PT_LOAD,
					     .p_flags = PF_R,
					     .p_vaddr = i * 0x1000,
					     .p_filesz = 0x1000,
					     .p_memsz = 0x1000 };
	file.header.e_phnum = ELF_OBJECT_MAX_LOADS;
	assert_int_equal(parse64(&file, &object), 0);
	assert_int_equal(object.loads, ELF_OBJECT_MAX_LOADS);
	assert_int_equal(object.load[ELF_OBJECT_MAX_LOADS - 1].vaddr, (ELF_OBJECT_MAX_LOADS - 1) * 0x1000);
	file.header.e_phnum++;
	assert_int_equal(parse64(&file, &object), -EBADMSG);
}

static void cut_short(void **state)
{
	const size_t whole = 0x2100; /* where the last PT_LOAD ends in the file */
	struct elf_object object;
	struct file64 file;

	(void)state;
	file64_init(&file);
	for (size_t size = 0; size <= whole; size++) {
		int expected = size < EI_NIDENT ? -ENOEXEC : size < whole ? -EBADMSG : 0;

		if (parse(&file, size, &object) != expected)
			fail_msg("with the first %zu bytes", size);
	}
}

static void from_a_descriptor(void **state)
{
	struct elf_object object, from_memory;
	_cleanup_close_ int fd = memfd_create("elf", MFD_CLOEXEC), directory = -1;
	struct file64 file;

	(void)state;
	file64_init(&file);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, &file, sizeof(file)), sizeof(file));
	memset(&object, 0, sizeof(object));
	memset(&from_memory, 0, sizeof(from_memory));
	assert_int_equal(elf_object_read(fd, &object), 0);
	assert_int_equal(lseek(fd, 0, SEEK_CUR), sizeof(file));
	assert_int_equal(parse64(&file, &from_memory), 0);
	assert_memory_equal(&object, &from_memory, sizeof(object));
	assert_int_equal(ftruncate(fd, 100), 0);
	assert_int_equal(elf_object_read(fd, &object), -EBADMSG);
	assert_int_equal(ftruncate(fd, 0), 0);
	assert_int_equal(elf_object_read(fd, &object), -ENOEXEC);
	assert_memory_equal(&object, &from_memory, sizeof(object));

	directory = open("/", O_RDONLY | O_CLOEXEC);
	assert_int_equal(elf_object_read(directory, &object), -ENOEXEC);
	assert_int_equal(elf_object_read(-1, &object), -EBADF);
}

/* The kernel's view of this program's headers, compared with the file. */
static void this_program(void **state)
{
	_cleanup_close_ int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	const ElfW(Phdr) *phdr = (const void *)getauxval(AT_PHDR);
	size_t count = getauxval(AT_PHNUM), loads = 0;
	struct elf_object object;
	uint64_t bias = 0;

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(elf_object_read(fd, &object), 0);
	assert_int_equal(object.is_64bit, sizeof(void *) == 8);
	for (size_t i = 0; i < count; i++) {
		if (phdr[i].p_type == PT_PHDR)
			bias = (uintptr_t)phdr - phdr[i].p_vaddr;
		if (phdr[i].p_type == PT_GNU_RELRO) {
			assert_int_equal(object.relro_vaddr, phdr[i].p_vaddr);
			assert_int_equal(object.relro_memsz, phdr[i].p_memsz);
		}
		if (phdr[i].p_type != PT_LOAD)
			continue;
		assert_true(loads < object.loads);
		assert_int_equal(object.load[loads].vaddr, phdr[i].p_vaddr);
		assert_int_equal(object.load[loads].filesz, phdr[i].p_filesz);
		assert_int_equal(object.load[loads].memsz, phdr[i].p_memsz);
		assert_int_equal(object.load[loads].offset, phdr[i].p_offset);
		assert_int_equal(object.load[loads].exec, !!(phdr[i].p_flags & PF_X));
		assert_int_equal(object.load[loads].write, !!(phdr[i].p_flags & PF_W));
		loads++;
	}
	assert_int_equal(object.loads, loads);
	assert_int_equal(object.is_dyn, bias != 0);
	assert_int_equal(bias + object.entry, getauxval(AT_ENTRY));
}

/* --- GNU_PROPERTY_MEMORY_SEAL --- */

#define SEAL 3u

/* A file with one segment of notes, of either class. */
static bool asks_to_be_sealed(bool is_64bit, uint32_t type, uint64_t align, const uint32_t *words,
			      size_t count)
{
	struct file64 file;
	struct elf_object object;
	size_t place = offsetof(struct file64, phdr[8]);
	_cleanup_free_ unsigned char *small = NULL;
	Elf32_Phdr phdr32 = {
		.p_type = type, .p_offset = 512, .p_filesz = count * 4, .p_memsz = count * 4, .p_align = align
	};
	Elf32_Ehdr header32 = {
		.e_type = ET_DYN, .e_phoff = sizeof(header32), .e_phentsize = sizeof(phdr32), .e_phnum = 1
	};

	file64_init(&file);
	if (is_64bit) {
		file.phdr[0] = (Elf64_Phdr){ .p_type = type,
					     .p_offset = place,
					     .p_filesz = count * 4,
					     .p_memsz = count * 4,
					     .p_align = align };
		memcpy((char *)&file + place, words, count * 4);
		assert_int_equal(parse64(&file, &object), 0);
		return object.memory_seal;
	}
	memcpy(header32.e_ident, file.header.e_ident, EI_NIDENT);
	header32.e_ident[EI_CLASS] = ELFCLASS32;
	small = calloc(1, 512 + count * 4);
	memcpy(small, &header32, sizeof(header32));
	memcpy(small + sizeof(header32), &phdr32, sizeof(phdr32));
	memcpy(small + 512, words, count * 4);
	assert_int_equal(parse(small, 512 + count * 4, &object), 0);
	return object.memory_seal;
}

#define GNU 0x554e47u /* "GNU" and a NUL */
#define NOTES(...) ((const uint32_t[]){ __VA_ARGS__ }), sizeof((const uint32_t[]){ __VA_ARGS__ }) / 4

static void marked(void **state)
{
	(void)state;
	/* name size, content size, type, name; then properties: type, size, data */
	assert_true(asks_to_be_sealed(true, PT_GNU_PROPERTY, 8, NOTES(4, 8, 5, GNU, SEAL, 0)));
	assert_true(asks_to_be_sealed(true, PT_NOTE, 8, NOTES(4, 8, 5, GNU, SEAL, 0)));
	assert_true(asks_to_be_sealed(false, PT_GNU_PROPERTY, 4, NOTES(4, 8, 5, GNU, SEAL, 0)));
	assert_true(asks_to_be_sealed(false, PT_NOTE, 4, NOTES(4, 8, 5, GNU, SEAL, 0)));
	/* After another property, whose data is padded to 8 bytes in one class and to 4 in the other. */
	assert_true(asks_to_be_sealed(true, PT_NOTE, 8, NOTES(4, 24, 5, GNU, 1, 4, 7, 0, SEAL, 0)));
	assert_false(asks_to_be_sealed(true, PT_NOTE, 8, NOTES(4, 20, 5, GNU, 1, 4, 7, SEAL, 0)));
	assert_true(asks_to_be_sealed(false, PT_NOTE, 4, NOTES(4, 20, 5, GNU, 1, 4, 7, SEAL, 0)));
	/* After another note, with a name of 5 bytes and a content of 4. */
	assert_true(asks_to_be_sealed(true, PT_NOTE, 8,
				      NOTES(5, 4, 1, 0x41414141, 0, 0, 9, 0, 4, 8, 5, GNU, SEAL, 0)));
	assert_true(asks_to_be_sealed(false, PT_NOTE, 4,
				      NOTES(5, 4, 1, 0x41414141, 0, 9, 4, 8, 5, GNU, SEAL, 0)));
}

static void not_marked(void **state)
{
	(void)state;
	assert_false(asks_to_be_sealed(true, PT_NOTE, 8, NOTES(4, 16, 5, GNU, 0xc0000002u, 4, 3, 0)));
	assert_false(
		asks_to_be_sealed(true, PT_NOTE, 4, NOTES(4, 8, 5, GNU, SEAL, 0))); /* another alignment */
	assert_false(asks_to_be_sealed(false, PT_NOTE, 8, NOTES(4, 8, 5, GNU, SEAL, 0)));
	assert_false(
		asks_to_be_sealed(true, PT_NOTE, 8, NOTES(4, 8, 4, GNU, SEAL, 0))); /* another type of note */
	assert_false(
		asks_to_be_sealed(true, PT_NOTE, 8, NOTES(4, 8, 5, GNU + 1, SEAL, 0))); /* another name */
	assert_false(
		asks_to_be_sealed(true, PT_NOTE, 8, NOTES(4, 16, 5, GNU, SEAL, 4, 1, 0))); /* with data */
	assert_false(asks_to_be_sealed(true, PT_LOAD + 0x60000000, 8, NOTES(4, 8, 5, GNU, SEAL, 0)));
	/* Wrong sizes are no error of the file, and no mark. */
	assert_false(asks_to_be_sealed(true, PT_NOTE, 8, NOTES(4, 16, 5, GNU, SEAL, 0)));
	assert_false(asks_to_be_sealed(true, PT_NOTE, 8, NOTES(4, ~0u, 5, GNU, SEAL, 0)));
	assert_false(asks_to_be_sealed(true, PT_NOTE, 8, NOTES(~0u, 8, 5, GNU, SEAL, 0)));
	assert_false(asks_to_be_sealed(true, PT_NOTE, 8, NOTES(4, 8, 5, GNU, 1, ~0u)));
	assert_false(asks_to_be_sealed(true, PT_NOTE, 8, NOTES(4, 4, 5, GNU, SEAL)));
	assert_false(asks_to_be_sealed(true, PT_NOTE, 8, NOTES(4, 8, 5)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(usual_headers),
		cmocka_unit_test(headers_of_32_bits),
		cmocka_unit_test(headers_that_lie),
		cmocka_unit_test(headers_just_good),
		cmocka_unit_test(as_many_loads_as_fit),
		cmocka_unit_test(cut_short),
		cmocka_unit_test(from_a_descriptor),
		cmocka_unit_test(this_program),
		cmocka_unit_test(marked),
		cmocka_unit_test(not_marked),
	};

	return cmocka_run_group_tests_name("elfobject", tests, NULL, NULL);
}
