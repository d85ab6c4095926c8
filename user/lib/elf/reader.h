/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The source of an ELF file's bytes, for elf/object.c and elf/dynamic.c. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define ELF_READER_HEAD 1024 /* bytes: most often all headers and notes */

/* A file, or memory when fd is negative. */
struct elf_reader {
	int fd;
	const unsigned char *memory;
	uint64_t size;
	size_t head_size;
	unsigned char head[ELF_READER_HEAD]; /* the beginning of the file */
};

/* -ENOEXEC: fd is not a regular file; or the error of fstat(). */
int elf_reader_open(int fd, struct elf_reader *ret);
/* Reads all bytes requested. -EBADMSG: the file ends before; or the error of reading. */
int elf_reader_fetch(const struct elf_reader *source, uint64_t offset, void *buffer, size_t length);
