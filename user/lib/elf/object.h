/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The program headers of an ELF file that sealing needs: elf(5). */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ELF_OBJECT_MAX_LOADS 64

struct elf_object {
	struct {
		uint64_t vaddr, filesz, memsz, offset; /* bytes, not rounded */
		bool read, write, exec;
	} load[ELF_OBJECT_MAX_LOADS];
	size_t loads;
	uint64_t relro_vaddr, relro_memsz; /* memsz 0: no PT_GNU_RELRO */
	/* in the file, not checked; filesz 0: no PT_DYNAMIC */
	uint64_t dynamic_offset, dynamic_filesz;
	uint64_t entry;
	bool is_64bit, is_dyn; /* ELFCLASS64; ET_DYN */
	bool memory_seal;      /* GNU_PROPERTY_MEMORY_SEAL: the file asks to be sealed */
};

/*
 * Reads the headers from fd (pread only; 32- and 64-bit, this machine's byte order). PT_LOADs of memsz 0 are
 * left out.
 *
 *   -ENOEXEC         not an ELF file, or not executable (an object file, a core dump)
 *   -EBADMSG         invalid headers: overflow, beyond the file, too many, PT_LOADs out of order or not
 *                    mappable
 *   -ENOMEM, or the error of reading
 */
int elf_object_read(int fd, struct elf_object *ret);

/* The same from memory, for tests and fuzzing. */
int elf_object_parse(const void *file, size_t size, struct elf_object *ret);
