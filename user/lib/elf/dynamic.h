/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The dynamic section of an ELF file: its name and the libraries that it needs. They distinguish objects of
 * the start from those loaded later by dlopen(3).
 */
#pragma once

#include <stddef.h>

#define ELF_DYNAMIC_NEEDED_MAX 1024	    /* libraries of one object */
#define ELF_DYNAMIC_NAME_MAX 4096	    /* bytes of a name, with its NUL */
#define ELF_DYNAMIC_STRINGS_MAX (16u << 20) /* bytes of names that elf_dynamic_names() searches */

struct elf_dynamic {
	char *soname;  /* DT_SONAME; NULL: none */
	char **needed; /* DT_NEEDED, in the order of the file */
	size_t needed_count;
};

/*
 * Reads the section from fd (pread only). A file without a dynamic section gives an empty result. -ENOEXEC
 * and -EBADMSG as elf_object_read() (a name without an end, a table beyond the file, too many); -ENOMEM; or
 * the error of reading.
 */
int elf_dynamic_read(int fd, struct elf_dynamic *ret);

/*
 * Is this among the names in the dynamic section, of libraries and of symbols that the file defines or needs?
 * 1, 0, or an error as of elf_dynamic_read().
 */
int elf_dynamic_names(int fd, const char *name);

/* The same from memory, for tests and fuzzing. */
int elf_dynamic_parse(const void *file, size_t size, struct elf_dynamic *ret);
int elf_dynamic_parse_names(const void *file, size_t size, const char *name);

void elf_dynamic_free(struct elf_dynamic *dynamic); /* takes NULL or zeroed, and leaves it zeroed */
