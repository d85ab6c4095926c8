/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * user/lib/proc/segments.c three ways: artificial processes (a folder like /proc/PID, and a maps text) for
 * every special case; this process, page by page against the loader's own view (dl_iterate_phdr); and a real
 * cat(1).
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <inttypes.h>
#include <link.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/base/names.h"
#include "lib/proc/segments.h"
#include "lib/base/util.h"

#define PAGE 4096u

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define DATA_NATIVE ELFDATA2LSB
#else
#define DATA_NATIVE ELFDATA2MSB
#endif

/* --- artificial processes --- */

static char proc_dir[] = "/tmp/mseald-segments-XXXXXX"; /* map_files/, root/ and files */

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static int proc_make(void **state)
{
	(void)state;
	strcpy(proc_dir + strlen(proc_dir) - 6, "XXXXXX");
	return mkdtemp(proc_dir) ? 0 : -1;
}

static int proc_remove(void **state)
{
	(void)state;
	return nftw(proc_dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static const char *proc_path(const char *name)
{
	static char path[256];

	(void)snprintf(path, sizeof(path), "%s/%s", proc_dir, name);
	return path;
}

/* Makes a file with this content below proc_dir; returns its inode. */
static uint64_t file_make(const char *name, const void *content, size_t size)
{
	_cleanup_close_ int fd = open(proc_path(name), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	struct stat st;

	assert_true(fd >= 0);
	assert_int_equal(write(fd, content, size), size);
	assert_int_equal(fstat(fd, &st), 0);
	return st.st_ino;
}

static void folder_make(const char *name)
{
	assert_int_equal(mkdir(proc_path(name), 0700), 0);
}

/* Makes map_files/START-END for the mapping that begins there. */
static void map_file(const char *range, const char *name)
{
	char link[64], *target = strdup(proc_path(name));

	(void)mkdir(proc_path("map_files"), 0700);
	(void)snprintf(link, sizeof(link), "map_files/%s", range);
	assert_int_equal(symlink(target, proc_path(link)), 0);
	free(target);
}

/*
 * The layout of every artificial object, in pages of vaddr:
 *   0 R | 1, 2 R X | 3 R | 4, 5 RW (RELRO: 4), bss 6, 7
 * The RW part is one page further down in the file, as linkers place it.
 */
struct elf_file {
	Elf64_Ehdr header;
	Elf64_Phdr phdr[8];
	char rest[0x6000];
};

enum { LOAD_HEADERS, LOAD_TEXT, LOAD_RODATA, LOAD_DATA, RELRO };

static struct elf_file elf_file(void)
{
	return (struct elf_file){
		.header = { .e_ident = { 0x7f, 'E', 'L', 'F', ELFCLASS64, DATA_NATIVE, EV_CURRENT },
			    .e_type = ET_DYN, .e_phoff = sizeof(Elf64_Ehdr),
			    .e_phentsize = sizeof(Elf64_Phdr), .e_phnum = 5 },
		.phdr = {
			[LOAD_HEADERS] = { .p_type = PT_LOAD, .p_flags = PF_R,
					   .p_filesz = 0x900, .p_memsz = 0x900 },
			[LOAD_TEXT] = { .p_type = PT_LOAD, .p_flags = PF_R | PF_X, .p_offset = 0x1000,
					.p_vaddr = 0x1000, .p_filesz = 0x1234, .p_memsz = 0x1234 },
			[LOAD_RODATA] = { .p_type = PT_LOAD, .p_flags = PF_R, .p_offset = 0x3000,
					  .p_vaddr = 0x3000, .p_filesz = 0x100, .p_memsz = 0x100 },
			[LOAD_DATA] = { .p_type = PT_LOAD, .p_flags = PF_R | PF_W, .p_offset = 0x3c00,
					.p_vaddr = 0x4c00, .p_filesz = 0x800, .p_memsz = 0x3100 },
			[RELRO] = { .p_type = PT_GNU_RELRO, .p_flags = PF_R, .p_offset = 0x3c00,
				    .p_vaddr = 0x4c00, .p_filesz = 0x400, .p_memsz = 0x400 },
		},
	};
}

/* A segment in the form of the tables below. */
struct expected {
	uint64_t start, end;
	enum mseald_segment kind;
};

static void resolve(const char *text, struct proc_maps *maps, struct segments *segments)
{
	_cleanup_close_ int dirfd = open(proc_dir, O_PATH | O_DIRECTORY | O_CLOEXEC);

	assert_true(dirfd >= 0);
	assert_int_equal(proc_maps_parse(text, strlen(text), maps), 0);
	assert_int_equal(segments_resolve(maps, dirfd, segments), 0);
}

/* Resolves a maps text against the folder, and compares. */
static void expect(const char *text, const struct expected *expected, size_t count)
{
	_cleanup_(proc_maps_free) struct proc_maps maps = { 0 };
	_cleanup_(segments_free) struct segments segments = { 0 };

	resolve(text, &maps, &segments);
	for (size_t i = 0; i < MAX_OF(segments.count, count); i++) {
		const struct segment *s;

		if (i >= segments.count)
			fail_msg("missing: 0x%" PRIx64 "-0x%" PRIx64, expected[i].start, expected[i].end);
		s = &segments.list[i];
		if (i >= count || s->start != expected[i].start || s->end != expected[i].end ||
		    s->kind != expected[i].kind)
			fail_msg("%zu: 0x%" PRIx64 "-0x%" PRIx64 " %s", i, s->start, s->end,
				 names_segment(s->kind));
		assert_ptr_equal(s->mapping, proc_maps_find(&maps, s->start));
		assert_true(s->end <= s->mapping->end);
	}
}

#define EXPECT(text, ...) \
	do { \
		const struct expected list_[] = { __VA_ARGS__ }; \
		expect(text, list_, ELEMENTS(list_)); \
	} while (0)

#define EXPECT_NOTHING(text) expect(text, NULL, 0)

#define TEXT MSEALD_SEGMENT_TEXT
#define RODATA MSEALD_SEGMENT_RODATA
#define RELRO_ MSEALD_SEGMENT_RELRO
#define DATA MSEALD_SEGMENT_DATA
#define VDSO MSEALD_SEGMENT_VDSO
#define STACK MSEALD_SEGMENT_STACK

/* The object at 0x10000, relocated. Pieces, so that a test can replace one. */
#define HEADERS_10000 "00010000-00011000 r--p 00000000 08:01 7 /lib/a.so\n"
#define TEXT_10000 "00011000-00013000 r-xp 00001000 08:01 7 /lib/a.so\n"
#define RODATA_10000 "00013000-00014000 r--p 00003000 08:01 7 /lib/a.so\n"
#define RELRO_10000 "00014000-00015000 r--p 00003000 08:01 7 /lib/a.so\n"
#define DATA_10000 "00015000-00016000 rw-p 00004000 08:01 7 /lib/a.so\n"
#define BSS_10000 "00016000-00018000 rw-p 00000000 00:00 0 \n"
#define FILE_10000 HEADERS_10000 TEXT_10000 RODATA_10000 RELRO_10000 DATA_10000

/* clang-format off */
#define AT_HEADERS { 0x10000, 0x11000, RODATA }
#define AT_TEXT { 0x11000, 0x13000, TEXT }
#define AT_RODATA { 0x13000, 0x14000, RODATA }
#define AT_RELRO { 0x14000, 0x15000, RELRO_ }
#define AT_DATA { 0x15000, 0x16000, DATA }
#define AT_BSS { 0x16000, 0x18000, DATA }
/* clang-format on */
#define AT_FILE AT_HEADERS, AT_TEXT, AT_RODATA, AT_RELRO, AT_DATA

static void object_make(const struct elf_file *file)
{
	(void)file_make("a.so", file, sizeof(*file));
	map_file("10000-11000", "a.so");
}

static void usual_object_make(void)
{
	struct elf_file file = elf_file();

	object_make(&file);
}

static void an_object(void **state)
{
	(void)state;
	usual_object_make();
	EXPECT(FILE_10000 BSS_10000, AT_FILE, AT_BSS);
	/* no bss mapped; a hole; only part of it */
	EXPECT(FILE_10000, AT_FILE);
	EXPECT(FILE_10000 "00017000-00018000 rw-p 00000000 00:00 0 \n", AT_FILE, { 0x17000, 0x18000, DATA });
}

static void bss_ends_where_memsz_does(void **state)
{
	(void)state;
	usual_object_make();
	/* merged with the mapping after it, and with the heap */
	EXPECT(FILE_10000 "00016000-00030000 rw-p 00000000 00:00 0 \n", AT_FILE, AT_BSS);
	EXPECT(FILE_10000 "00016000-00030000 rw-p 00000000 00:00 0 [heap]\n", AT_FILE, AT_BSS);
	EXPECT(FILE_10000 "00016000-00030000 rw-p 00000000 00:00 0 [anon:.bss]\n", AT_FILE, AT_BSS);
	/* and another mapping in its place */
	EXPECT(FILE_10000 "00016000-00030000 rw-s 00000000 00:01 9 /dev/zero (deleted)\n", AT_FILE);
	EXPECT(FILE_10000 "00016000-00030000 rw-p 00000000 08:01 9 /etc/passwd\n", AT_FILE);
	EXPECT(FILE_10000 "00016000-00030000 rw-p 00005000 08:01 7 /lib/a.so\n", AT_FILE);
	EXPECT(FILE_10000 "00016000-00030000 rw-s 00000000 00:00 0 \n", AT_FILE);
}

static void merged_and_split_mappings(void **state)
{
	struct elf_file file = elf_file();

	(void)state;
	/* The layout of lld: offset and vaddr agree, so that all r--p parts become one mapping. */
	file.phdr[LOAD_DATA].p_vaddr = file.phdr[LOAD_DATA].p_offset = 0x4000;
	file.phdr[LOAD_DATA].p_filesz = file.phdr[LOAD_DATA].p_memsz = 0x2000;
	file.phdr[RELRO].p_vaddr = 0x4000;
	file.phdr[RELRO].p_memsz = 0x1000;
	object_make(&file);
	EXPECT(HEADERS_10000 TEXT_10000 "00013000-00015000 r--p 00003000 08:01 7 /lib/a.so\n"
					"00015000-00016000 rw-p 00005000 08:01 7 /lib/a.so\n",
	       AT_HEADERS, AT_TEXT, AT_RODATA, AT_RELRO, AT_DATA);
	/* One page was changed, and another one was changed and changed back. */
	EXPECT(HEADERS_10000 "00011000-00012000 r-xp 00001000 08:01 7 /lib/a.so\n"
			     "00012000-00013000 rwxp 00002000 08:01 7 /lib/a.so\n"
			     "00013000-00015000 r--p 00003000 08:01 7 /lib/a.so\n"
			     "00015000-00016000 ---p 00005000 08:01 7 /lib/a.so\n",
	       AT_HEADERS, { 0x11000, 0x12000, TEXT }, { 0x12000, 0x13000, TEXT }, AT_RODATA, AT_RELRO,
	       { 0x15000, 0x16000, DATA });
}

static void relro_only_when_read_only(void **state)
{
	struct elf_file file = elf_file();

	(void)state;
	object_make(&file);
	EXPECT(HEADERS_10000 TEXT_10000 RODATA_10000
	       "00014000-00016000 rw-p 00003000 08:01 7 /lib/a.so\n" BSS_10000,
	       AT_HEADERS, AT_TEXT, AT_RODATA, { 0x14000, 0x16000, DATA }, AT_BSS);
}

static void relro_is_rounded_down(void **state)
{
	struct elf_file file = elf_file();

	(void)state;
	/* A page and a half: the half stays writable. */
	file.phdr[RELRO].p_memsz = 0x400 + 0x800;
	object_make(&file);
	EXPECT(FILE_10000 BSS_10000, AT_FILE, AT_BSS);
	/* If this page is also read-only, it is still not RELRO. */
	EXPECT(HEADERS_10000 TEXT_10000 RODATA_10000 "00014000-00016000 r--p 00003000 08:01 7 /lib/a.so\n",
	       AT_HEADERS, AT_TEXT, AT_RODATA, AT_RELRO, { 0x15000, 0x16000, DATA });
}

static void relro_less_than_a_page(void **state)
{
	struct elf_file file = elf_file();

	(void)state;
	file.phdr[RELRO].p_memsz = 0x3ff;
	object_make(&file);
	EXPECT(FILE_10000, AT_HEADERS, AT_TEXT, AT_RODATA, { 0x14000, 0x15000, DATA }, AT_DATA);
}

static void relro_in_the_middle(void **state)
{
	struct elf_file file = elf_file();

	(void)state;
	file.phdr[LOAD_DATA].p_filesz = 0x2400; /* 4, 5, 6 of the file */
	file.phdr[RELRO].p_vaddr = 0x5000;
	file.phdr[RELRO].p_memsz = 0x1000;
	object_make(&file);
	EXPECT(HEADERS_10000 TEXT_10000 RODATA_10000 "00014000-00015000 rw-p 00003000 08:01 7 /lib/a.so\n"
						     "00015000-00016000 r--p 00004000 08:01 7 /lib/a.so\n"
						     "00016000-00017000 rw-p 00005000 08:01 7 /lib/a.so\n",
	       AT_HEADERS, AT_TEXT, AT_RODATA, { 0x14000, 0x15000, DATA }, { 0x15000, 0x16000, RELRO_ },
	       { 0x16000, 0x17000, DATA });
}

static void relro_of_anonymous_memory(void **state)
{
	struct elf_file file = elf_file();

	(void)state;
	/* .bss.rel.ro: the whole segment, including the part beyond the file */
	file.phdr[RELRO].p_memsz = 0x7000 - 0x4c00;
	object_make(&file);
	EXPECT(HEADERS_10000 TEXT_10000 RODATA_10000
	       "00014000-00016000 r--p 00003000 08:01 7 /lib/a.so\n"
	       "00016000-00017000 r--p 00000000 00:00 0 \n00017000-00018000 rw-p 00000000 00:00 0 \n",
	       AT_HEADERS, AT_TEXT, AT_RODATA, { 0x14000, 0x16000, RELRO_ }, { 0x16000, 0x17000, RELRO_ },
	       { 0x17000, 0x18000, DATA });
}

static void relro_counts_in_data_only(void **state)
{
	struct elf_file file = elf_file();

	(void)state;
	file.phdr[RELRO].p_vaddr = 0;
	file.phdr[RELRO].p_memsz = 0x5000;
	object_make(&file);
	EXPECT(FILE_10000, AT_FILE);
}

static void loaded_twice(void **state)
{
	(void)state;
	usual_object_make();
	EXPECT(FILE_10000 BSS_10000
	       "00020000-00026000 r--p 00000000 08:01 7 /lib/a.so\n" /* all of the file, by cmp(1) */
	       "00030000-00031000 r--p 00000000 08:01 7 /lib/a.so\n"
	       "00031000-00033000 r-xp 00001000 08:01 7 /lib/a.so\n"
	       "00033000-00034000 r--p 00003000 08:01 7 /lib/a.so\n"
	       "00034000-00036000 rw-p 00003000 08:01 7 /lib/a.so\n"
	       "00036000-00038000 rw-p 00000000 00:00 0 \n"
	       "00040000-00041000 r--p 00000000 08:01 7 /lib/a.so\n",
	       AT_FILE, AT_BSS, { 0x30000, 0x31000, RODATA }, { 0x31000, 0x33000, TEXT },
	       { 0x33000, 0x34000, RODATA }, { 0x34000, 0x36000, DATA }, { 0x36000, 0x38000, DATA });
	map_file("10000-18000", "a.so");
	/* Half loaded: the loader reserves the whole range with a mapping like the first segment. */
	EXPECT_NOTHING("00010000-00018000 r--p 00000000 08:01 7 /lib/a.so\n");
}

static void mapped_to_be_read(void **state)
{
	struct elf_file file = elf_file();

	(void)state;
	/* The whole file is executable, as with READ_IMPLIES_EXEC: data is not in its place. */
	object_make(&file);
	EXPECT_NOTHING("00010000-00011000 r-xp 00000000 08:01 7 /lib/a.so\n"
		       "00011000-00017000 r-xp 00001000 08:01 7 /lib/a.so\n");
	/* Every byte as placed by a loader, but the code is not executable. */
	file.phdr[LOAD_DATA].p_vaddr = file.phdr[LOAD_DATA].p_offset;
	file.phdr[LOAD_RODATA].p_type = file.phdr[RELRO].p_type = PT_NULL;
	(void)file_make("a.so", &file, sizeof(file));
	EXPECT_NOTHING("00010000-00011000 r--p 00000000 08:01 7 /lib/a.so\n"
		       "00011000-00017000 r--p 00001000 08:01 7 /lib/a.so\n");
	/* Only its headers. */
	EXPECT_NOTHING("00010000-00011000 r--p 00000000 08:01 7 /lib/a.so\n");
}

static void fixed_address(void **state)
{
	struct elf_file file = elf_file();

	(void)state;
	file.header.e_type = ET_EXEC;
	for (size_t i = 0; i < 5; i++)
		file.phdr[i].p_vaddr += 0x10000;
	object_make(&file);
	EXPECT(FILE_10000 "00016000-00018000 rw-p 00000000 00:00 0 \n", AT_FILE, AT_BSS);
	/* It runs nowhere else. */
	map_file("20000-21000", "a.so");
	EXPECT_NOTHING("00020000-00021000 r--p 00000000 08:01 7 /lib/a.so\n"
		       "00021000-00023000 r-xp 00001000 08:01 7 /lib/a.so\n");
}

static void loaded_below_its_addresses(void **state)
{
	struct elf_file file = elf_file();

	(void)state;
	for (size_t i = 0; i < 5; i++)
		file.phdr[i].p_vaddr += 0x7000000;
	object_make(&file);
	EXPECT(FILE_10000 BSS_10000, AT_FILE, AT_BSS);
}

static void shared_page_goes_to_the_later(void **state)
{
	struct elf_file file = elf_file();

	(void)state;
	/* Packed tight: text ends and data begins in one page, which is mapped as data. */
	file.phdr[LOAD_RODATA].p_type = PT_NULL;
	file.phdr[LOAD_DATA].p_offset = file.phdr[LOAD_DATA].p_vaddr = 0x2800;
	file.phdr[LOAD_DATA].p_filesz = file.phdr[LOAD_DATA].p_memsz = 0x100;
	file.phdr[RELRO].p_type = PT_NULL;
	object_make(&file);
	EXPECT(HEADERS_10000 "00011000-00012000 r-xp 00001000 08:01 7 /lib/a.so\n"
			     "00012000-00013000 rw-p 00002000 08:01 7 /lib/a.so\n",
	       AT_HEADERS, { 0x11000, 0x12000, TEXT }, { 0x12000, 0x13000, DATA });
}

static void text_in_huge_pages(void **state)
{
	(void)state;
	usual_object_make();
	EXPECT(HEADERS_10000 "00011000-00013000 r-xp 00000000 00:00 0 \n" RODATA_10000 RELRO_10000 DATA_10000,
	       AT_HEADERS, { 0x11000, 0x13000, TEXT }, AT_RODATA, AT_RELRO, AT_DATA);
	/* Another file is mapped over it: not its text any more. */
	EXPECT(HEADERS_10000 "00011000-00013000 r-xp 00001000 08:01 8 /lib/b.so\n" RODATA_10000, AT_HEADERS,
	       { 0x11000, 0x13000, TEXT }, AT_RODATA);
	EXPECT(HEADERS_10000 "00011000-00013000 r--p 00001000 08:01 8 /lib/b.so\n" RODATA_10000, AT_HEADERS,
	       AT_RODATA);
}

static void other_bytes_of_the_file(void **state)
{
	(void)state;
	usual_object_make();
	EXPECT(HEADERS_10000 "00011000-00012000 r-xp 00001000 08:01 7 /lib/a.so\n"
			     "00012000-00013000 r-xp 00004000 08:01 7 /lib/a.so\n" RODATA_10000,
	       AT_HEADERS, { 0x11000, 0x12000, TEXT }, AT_RODATA);
}

static void not_an_object(void **state)
{
	struct elf_file file = elf_file();

	(void)state;
	file.header.e_ident[0] = 0;
	object_make(&file);
	EXPECT_NOTHING(FILE_10000);
}

static void shared_file_is_not_looked_into(void **state)
{
	(void)state;
	EXPECT_NOTHING("00010000-00011000 r-xs 00000000 08:01 7 /memfd:jit (deleted)\n");
}

static void not_opened_when_not_regular(void **state)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)state;
	/* Opening a FIFO would wait, opening a device may have effects, a socket cannot be opened. */
	assert_int_equal(mkfifo(proc_path("fifo"), 0600), 0);
	map_file("10000-11000", "fifo");
	EXPECT_NOTHING(FILE_10000);
	assert_true(strlen(proc_path("socket")) < sizeof(address.sun_path));
	strcpy(address.sun_path, proc_path("socket"));
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	map_file("20000-21000", "socket");
	EXPECT_NOTHING("00020000-00021000 r-xp 00000000 08:01 7 /lib/a.so\n");
}

static void by_permissions(void **state)
{
	struct elf_file file = elf_file();

	(void)state;
	/* no file found */
	EXPECT(FILE_10000 BSS_10000, AT_HEADERS, AT_TEXT, AT_RODATA, { 0x14000, 0x15000, RODATA }, AT_DATA);
	/* nothing executable: some data file */
	EXPECT_NOTHING(HEADERS_10000 RODATA_10000 DATA_10000);
	/* invalid headers */
	file.phdr[LOAD_TEXT].p_filesz++;
	object_make(&file);
	EXPECT(FILE_10000 "00017000-00018000 ---p 00005000 08:01 7 /lib/a.so\n"
			  "00018000-00019000 rwxp 00006000 08:01 7 /lib/a.so\n",
	       AT_HEADERS, AT_TEXT, AT_RODATA, { 0x14000, 0x15000, RODATA }, AT_DATA,
	       { 0x18000, 0x19000, DATA });
}

static void found_by_another_mapping(void **state)
{
	struct elf_file file = elf_file();

	(void)state;
	(void)file_make("a.so", &file, sizeof(file));
	map_file("13000-14000", "a.so");
	EXPECT(FILE_10000, AT_FILE);
}

static void found_by_its_path(void **state)
{
	struct elf_file file = elf_file();
	char text[1024];
	uint64_t inode;

	(void)state;
	folder_make("root");
	folder_make("root/lib");
	folder_make("root/real");
	inode = file_make("root/real/a\nb.so", &file, sizeof(file));
	/* An absolute link stays below the process's root. */
	assert_int_equal(symlink("/real/a\nb.so", proc_path("root/lib/a\nb.so")), 0);
	(void)snprintf(text, sizeof(text),
		       "00010000-00011000 r--p 00000000 08:01 %" PRIu64 " /lib/a\\012b.so\n"
		       "00011000-00013000 r-xp 00001000 08:01 %" PRIu64 " /lib/a\\012b.so\n"
		       "00014000-00015000 r--p 00003000 08:01 %" PRIu64 " /lib/a\\012b.so\n",
		       inode, inode, inode);
	EXPECT(text, AT_HEADERS, AT_TEXT, AT_RELRO);
	/* Another file has the path by now: its headers are not used. */
	(void)snprintf(text, sizeof(text),
		       "00011000-00013000 r-xp 00001000 08:01 %" PRIu64 " /lib/a\\012b.so\n"
		       "00014000-00015000 r--p 00003000 08:01 %" PRIu64 " /lib/a\\012b.so\n",
		       inode + 1, inode + 1);
	EXPECT(text, AT_TEXT, { 0x14000, 0x15000, RODATA });
}

static void mappings_of_the_kernel(void **state)
{
	(void)state;
	EXPECT("00010000-00020000 rw-p 00000000 00:00 0 [heap]\n"
	       "00030000-00040000 rw-p 00000000 00:00 0 \n"
	       "00040000-00050000 rw-p 00000000 00:00 0 [anon:stack]\n"
	       "7fff00000000-7fff00004000 r--p 00000000 00:00 0 [vvar]\n"
	       "7fff00004000-7fff00006000 r--p 00000000 00:00 0 [vvar_vclock]\n"
	       "7fff00006000-7fff00008000 r-xp 00000000 00:00 0 [vdso]\n"
	       "7fff00010000-7fff00020000 rw-p 00000000 00:00 0 [stack]\n"
	       "7fff00020000-7fff00021000 rw-p 00000000 08:01 5 /[stack]\n"
	       "ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0 [vsyscall]\n",
	       { 0x7fff00000000, 0x7fff00004000, VDSO }, { 0x7fff00004000, 0x7fff00006000, VDSO },
	       { 0x7fff00006000, 0x7fff00008000, VDSO }, { 0x7fff00010000, 0x7fff00020000, STACK });
	EXPECT_NOTHING("");
}

/* --- real processes --- */

static enum mseald_segment segment_at(const struct segments *segments, uint64_t address)
{
	for (size_t i = 0; i < segments->count; i++) {
		if (address >= segments->list[i].start && address < segments->list[i].end)
			return segments->list[i].kind;
	}
	return MSEALD_SEGMENT_NONE;
}

/* The segment of one page, directly from program headers. */
static enum mseald_segment kind_by_headers(const ElfW(Phdr) *phdr, size_t count, uint64_t page)
{
	enum mseald_segment kind = MSEALD_SEGMENT_NONE;

	for (size_t i = 0; i < count; i++) {
		if (phdr[i].p_type == PT_LOAD && page + PAGE > phdr[i].p_vaddr &&
		    page < phdr[i].p_vaddr + phdr[i].p_memsz)
			kind = phdr[i].p_flags & PF_W ? DATA : phdr[i].p_flags & PF_X ? TEXT : RODATA;
	}
	for (size_t i = 0; kind == DATA && i < count; i++) {
		if (phdr[i].p_type == PT_GNU_RELRO && page + PAGE > phdr[i].p_vaddr &&
		    page + PAGE <= phdr[i].p_vaddr + phdr[i].p_memsz)
			kind = RELRO_;
	}
	return kind;
}

/* Compares all pages of an object; counts the pages of each segment in seen[]. */
static void compare_object(const struct proc_maps *maps, const struct segments *segments, uint64_t bias,
			   const ElfW(Phdr) *phdr, size_t count, size_t seen[MSEALD_SEGMENT_COUNT])
{
	uint64_t first = UINT64_MAX, last = 0;

	for (size_t i = 0; i < count; i++) {
		if (phdr[i].p_type != PT_LOAD)
			continue;
		first = MIN_OF(first, phdr[i].p_vaddr / PAGE * PAGE);
		last = MAX_OF(last, phdr[i].p_vaddr + phdr[i].p_memsz);
	}
	for (uint64_t page = first; page < last; page += PAGE) {
		const struct mapping *m = proc_maps_find(maps, bias + page);
		enum mseald_segment expected = kind_by_headers(phdr, count, page);
		enum mseald_segment kind = segment_at(segments, bias + page);

		if (kind != expected)
			fail_msg("0x%" PRIx64 " is %s and not %s", bias + page, names_segment(kind),
				 names_segment(expected));
		if (kind == MSEALD_SEGMENT_NONE)
			continue;
		seen[kind]++;
		assert_non_null(m);
		assert_true(m->read);
		assert_int_equal(m->exec, kind == TEXT);
		assert_int_equal(m->write, kind == DATA);
	}
}

struct self {
	struct proc_maps maps;
	struct segments segments;
	size_t objects, seen[MSEALD_SEGMENT_COUNT];
};

static int compare_one(struct dl_phdr_info *info, size_t size, void *data)
{
	struct self *self = data;

	(void)size;
	/* The vdso has headers as well, but it is a segment of its own. */
	if (segment_at(&self->segments, (uintptr_t)info->dlpi_phdr) == VDSO)
		return 0;
	compare_object(&self->maps, &self->segments, info->dlpi_addr, info->dlpi_phdr, info->dlpi_phnum,
		       self->seen);
	self->objects++;
	return 0;
}

static size_t pages_of(const struct segments *segments, enum mseald_segment kind)
{
	size_t pages = 0;

	for (size_t i = 0; i < segments->count; i++) {
		if (segments->list[i].kind == kind)
			pages += (segments->list[i].end - segments->list[i].start) / PAGE;
	}
	return pages;
}

static void this_process(void **state)
{
	static const int constant = 1;
	_cleanup_close_ int dirfd = open("/proc/self", O_PATH | O_DIRECTORY | O_CLOEXEC);
	_cleanup_close_ int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	struct self self = { 0 };
	struct stat st;
	void *copy;

	(void)state;
	/* Mapped only to be read, which must not make it an object. */
	assert_int_equal(fstat(fd, &st), 0);
	copy = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	assert_ptr_not_equal(copy, MAP_FAILED);

	assert_int_equal(proc_maps_read(getpid(), &self.maps), 0);
	assert_int_equal(segments_resolve(&self.maps, dirfd, &self.segments), 0);
	assert_int_equal(dl_iterate_phdr(compare_one, &self), 0);
	assert_true(self.objects >= 3); /* the program, libc, the loader */
	assert_true(self.seen[TEXT] > 0 && self.seen[RODATA] > 0 && self.seen[RELRO_] > 0 &&
		    self.seen[DATA] > 0);
	/* No page more than the loader has. */
	for (enum mseald_segment kind = TEXT; kind <= DATA; kind++)
		assert_int_equal(pages_of(&self.segments, kind), self.seen[kind]);

	assert_int_equal(segment_at(&self.segments, (uintptr_t)this_process), TEXT);
	assert_int_equal(segment_at(&self.segments, (uintptr_t)&constant), RODATA);
	assert_int_equal(segment_at(&self.segments, (uintptr_t)proc_dir), DATA);
	assert_int_equal(segment_at(&self.segments, (uintptr_t)dlsym(RTLD_DEFAULT, "getpid")), TEXT);
	assert_int_equal(segment_at(&self.segments, (uintptr_t)__builtin_frame_address(0)), STACK);
	assert_int_equal(segment_at(&self.segments, (uintptr_t)self.segments.list), MSEALD_SEGMENT_NONE);
	assert_int_equal(segment_at(&self.segments, (uintptr_t)copy), MSEALD_SEGMENT_NONE);
	if (getauxval(AT_SYSINFO_EHDR))
		assert_int_equal(segment_at(&self.segments, getauxval(AT_SYSINFO_EHDR)), VDSO);
	for (size_t i = 1; i < self.segments.count; i++)
		assert_true(self.segments.list[i - 1].end <= self.segments.list[i].start);
	segments_free(&self.segments);
	segments_free(&self.segments);
	segments_free(NULL);
	proc_maps_free(&self.maps);
	assert_int_equal(munmap(copy, (size_t)st.st_size), 0);
}

struct child {
	pid_t pid;
	int to, from, dirfd;
};

/* Starts cat(1) and waits until it echoes. */
static void child_start(const char *program, struct child *ret)
{
	int to[2], from[2];
	char path[64], byte = 0;

	assert_int_equal(pipe2(to, O_CLOEXEC), 0);
	assert_int_equal(pipe2(from, O_CLOEXEC), 0);
	ret->pid = fork();
	assert_true(ret->pid >= 0);
	if (ret->pid == 0) {
		(void)dup2(to[0], STDIN_FILENO);
		(void)dup2(from[1], STDOUT_FILENO);
		(void)execl(program, "cat", (char *)NULL);
		_exit(127);
	}
	(void)close(to[0]);
	(void)close(from[1]);
	ret->to = to[1];
	ret->from = from[0];
	assert_int_equal(write(ret->to, "x", 1), 1);
	assert_int_equal(read(ret->from, &byte, 1), 1);
	assert_int_equal(byte, 'x');
	(void)snprintf(path, sizeof(path), "/proc/%d", (int)ret->pid);
	ret->dirfd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	assert_true(ret->dirfd >= 0);
}

static void child_stop(struct child *child)
{
	int status;

	(void)close(child->to);
	(void)close(child->from);
	(void)close(child->dirfd);
	(void)kill(child->pid, SIGKILL);
	assert_int_equal(waitpid(child->pid, &status, 0), child->pid);
}

static uint64_t child_auxv(const struct child *child, uint64_t type)
{
	_cleanup_close_ int fd = openat(child->dirfd, "auxv", O_RDONLY | O_CLOEXEC);
	ElfW(auxv_t) entry;

	while (read(fd, &entry, sizeof(entry)) == sizeof(entry)) {
		if (entry.a_type == type)
			return entry.a_un.a_val;
	}
	return 0;
}

/* The program headers of a file; count in *ret_count. Freed by the caller. */
static ElfW(Phdr) *phdrs_of(int dirfd, const char *path, size_t *ret_count)
{
	_cleanup_close_ int fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC);
	ElfW(Ehdr) header;
	ElfW(Phdr) *phdr;
	size_t bytes;

	assert_true(fd >= 0);
	assert_int_equal(pread(fd, &header, sizeof(header), 0), sizeof(header));
	bytes = header.e_phnum * sizeof(*phdr);
	phdr = malloc(bytes);
	assert_non_null(phdr);
	assert_int_equal(pread(fd, phdr, bytes, (off_t)header.e_phoff), bytes);
	*ret_count = header.e_phnum;
	return phdr;
}

/* The program and its loader, placed by the auxiliary vector. */
static void compare_child(const struct child *child, bool with_headers)
{
	_cleanup_(proc_maps_free) struct proc_maps maps = { 0 };
	_cleanup_(segments_free) struct segments segments = { 0 };
	_cleanup_free_ ElfW(Phdr) *program = NULL, *loader = NULL;
	uint64_t phdr_at = child_auxv(child, AT_PHDR), loader_at = child_auxv(child, AT_BASE), bias = 0;
	size_t program_count, loader_count, seen[MSEALD_SEGMENT_COUNT] = { 0 };
	const struct mapping *m;

	assert_int_equal(proc_maps_read(child->pid, &maps), 0);
	assert_int_equal(segments_resolve(&maps, child->dirfd, &segments), 0);
	program = phdrs_of(child->dirfd, "exe", &program_count);
	for (size_t i = 0; i < program_count; i++) {
		if (program[i].p_type == PT_PHDR)
			bias = phdr_at - program[i].p_vaddr;
	}
	if (!with_headers) {
		assert_int_equal(segment_at(&segments, child_auxv(child, AT_ENTRY)), TEXT);
		assert_int_equal(segment_at(&segments, phdr_at), RODATA);
		return;
	}
	compare_object(&maps, &segments, bias, program, program_count, seen);
	assert_true(seen[TEXT] > 0 && seen[RODATA] > 0 && seen[RELRO_] > 0 && seen[DATA] > 0);

	m = proc_maps_find(&maps, loader_at);
	assert_non_null(m);
	loader = phdrs_of(AT_FDCWD, m->path, &loader_count);
	memset(seen, 0, sizeof(seen));
	compare_object(&maps, &segments, loader_at, loader, loader_count, seen);
	assert_true(seen[TEXT] > 0 && seen[RELRO_] > 0 && seen[DATA] > 0);
	assert_true(pages_of(&segments, STACK) > 0);
	for (size_t i = 0; i < maps.count; i++) {
		if (strstr(maps.list[i].path, "/locale/") || strcmp(maps.list[i].path, "[heap]") == 0)
			assert_int_equal(segment_at(&segments, maps.list[i].start), MSEALD_SEGMENT_NONE);
	}
}

static void a_real_program(void **state)
{
	struct child child;

	(void)state;
	child_start("/bin/cat", &child);
	compare_child(&child, true);
	child_stop(&child);
}

static bool map_files_can_be_opened(void)
{
	_cleanup_(proc_maps_free) struct proc_maps maps = { 0 };
	_cleanup_close_ int fd = -1;
	char name[96];

	assert_int_equal(proc_maps_read(getpid(), &maps), 0);
	(void)snprintf(name, sizeof(name), "/proc/self/map_files/%" PRIx64 "-%" PRIx64,
		       proc_maps_find(&maps, (uintptr_t)compare_child)->start,
		       proc_maps_find(&maps, (uintptr_t)compare_child)->end);
	fd = open(name, O_PATH | O_CLOEXEC);
	return fd >= 0;
}

/* A package upgrade: the running file is gone, another one has its path. */
static void an_upgraded_program(void **state)
{
	_cleanup_free_ char *program = strdup(proc_path("cat")), *content = malloc(1 << 20);
	_cleanup_close_ int from = open("/bin/cat", O_RDONLY | O_CLOEXEC);
	struct child child;
	ssize_t size;

	(void)state;
	assert_non_null(content);
	size = read(from, content, 1 << 20);
	assert_true(size > 0 && size < 1 << 20);
	(void)file_make("cat", content, (size_t)size);
	assert_int_equal(chmod(program, 0700), 0);
	child_start(program, &child);
	assert_int_equal(unlink(program), 0);
	(void)file_make("cat", "no program any more", 19);
	/* Without the right to open map_files only permissions are left. */
	compare_child(&child, map_files_can_be_opened());
	child_stop(&child);
}

#define IN_PROC_DIR(test) cmocka_unit_test_setup_teardown(test, proc_make, proc_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_PROC_DIR(an_object),
		IN_PROC_DIR(bss_ends_where_memsz_does),
		IN_PROC_DIR(merged_and_split_mappings),
		IN_PROC_DIR(relro_only_when_read_only),
		IN_PROC_DIR(relro_is_rounded_down),
		IN_PROC_DIR(relro_less_than_a_page),
		IN_PROC_DIR(relro_in_the_middle),
		IN_PROC_DIR(relro_of_anonymous_memory),
		IN_PROC_DIR(relro_counts_in_data_only),
		IN_PROC_DIR(loaded_twice),
		IN_PROC_DIR(mapped_to_be_read),
		IN_PROC_DIR(fixed_address),
		IN_PROC_DIR(loaded_below_its_addresses),
		IN_PROC_DIR(shared_page_goes_to_the_later),
		IN_PROC_DIR(text_in_huge_pages),
		IN_PROC_DIR(other_bytes_of_the_file),
		IN_PROC_DIR(not_an_object),
		IN_PROC_DIR(shared_file_is_not_looked_into),
		IN_PROC_DIR(not_opened_when_not_regular),
		IN_PROC_DIR(by_permissions),
		IN_PROC_DIR(found_by_another_mapping),
		IN_PROC_DIR(found_by_its_path),
		IN_PROC_DIR(mappings_of_the_kernel),
		cmocka_unit_test(this_process),
		cmocka_unit_test(a_real_program),
		IN_PROC_DIR(an_upgraded_program),
	};

	(void)signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests_name("segments", tests, NULL, NULL);
}
