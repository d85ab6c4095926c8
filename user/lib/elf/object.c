/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Reads the program headers of an ELF file. The file may come from anyone, so everything in it is checked
 * before it is used: every sum for overflow, every offset against the size of the file.
 */
#define _GNU_SOURCE
#include <elf.h>

#include "lib/elf/object.h"
#include "lib/elf/property.h"
#include "lib/elf/reader.h"
#include "lib/base/util.h"

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define ELFDATA_NATIVE ELFDATA2LSB
#else
#define ELFDATA_NATIVE ELFDATA2MSB
#endif

#define MAX_HEADERS 1024 /* program headers; the kernel accepts 64 KiB of them */

/* The fields needed of the file header, of either class. */
struct header {
	uint64_t entry, phoff;
	unsigned type, phentsize, phnum;
	bool is_64bit;
};

#define HEADER_FROM(raw, bits64) \
	((struct header){ .entry = (raw).e_entry, \
			  .phoff = (raw).e_phoff, \
			  .type = (raw).e_type, \
			  .phentsize = (raw).e_phentsize, \
			  .phnum = (raw).e_phnum, \
			  .is_64bit = (bits64) })

static int read_header(const struct elf_reader *source, struct header *ret)
{
	unsigned char ident[EI_NIDENT];
	Elf64_Ehdr raw64;
	Elf32_Ehdr raw32;
	struct header header;
	int r;

	if (source->size < sizeof(ident))
		return -ENOEXEC;
	r = elf_reader_fetch(source, 0, ident, sizeof(ident));
	if (r < 0)
		return r;
	if (memcmp(ident, ELFMAG, SELFMAG) != 0 || ident[EI_DATA] != ELFDATA_NATIVE)
		return -ENOEXEC;
	if (ident[EI_CLASS] == ELFCLASS64) {
		r = elf_reader_fetch(source, 0, &raw64, sizeof(raw64));
		if (r < 0)
			return r;
		header = HEADER_FROM(raw64, true);
	} else if (ident[EI_CLASS] == ELFCLASS32) {
		r = elf_reader_fetch(source, 0, &raw32, sizeof(raw32));
		if (r < 0)
			return r;
		header = HEADER_FROM(raw32, false);
	} else {
		return -ENOEXEC;
	}
	/* Object files and core dumps are never run. */
	if (header.type != ET_EXEC && header.type != ET_DYN)
		return -ENOEXEC;
	if (header.phentsize != (header.is_64bit ? sizeof(Elf64_Phdr) : sizeof(Elf32_Phdr)) ||
	    header.phnum == 0 || header.phnum > MAX_HEADERS)
		return -EBADMSG;
	*ret = header;
	return 0;
}

static Elf64_Phdr widen(const Elf32_Phdr *narrow)
{
	return (Elf64_Phdr){
		.p_type = narrow->p_type,
		.p_flags = narrow->p_flags,
		.p_offset = narrow->p_offset,
		.p_vaddr = narrow->p_vaddr,
		.p_filesz = narrow->p_filesz,
		.p_memsz = narrow->p_memsz,
		.p_align = narrow->p_align,
	};
}

static int add_load(struct elf_object *object, const Elf64_Phdr *phdr, uint64_t file_size)
{
	uint64_t end;

	if (phdr->p_memsz == 0)
		return 0;
	if (object->loads == ELF_OBJECT_MAX_LOADS || phdr->p_filesz > phdr->p_memsz)
		return -EBADMSG;
	if (__builtin_add_overflow(phdr->p_vaddr, phdr->p_memsz, &end))
		return -EBADMSG;
	if (__builtin_add_overflow(phdr->p_offset, phdr->p_filesz, &end) ||
	    (phdr->p_filesz > 0 && end > file_size))
		return -EBADMSG;
	/* Both are mapped by pages, so their offsets in the page must agree. */
	if (phdr->p_filesz > 0 && (phdr->p_vaddr - phdr->p_offset) % page_size() != 0)
		return -EBADMSG;
	/* The specification requires ascending order, and loaders rely on it. */
	if (object->loads > 0 &&
	    phdr->p_vaddr < object->load[object->loads - 1].vaddr + object->load[object->loads - 1].memsz)
		return -EBADMSG;

	object->load[object->loads].vaddr = phdr->p_vaddr;
	object->load[object->loads].filesz = phdr->p_filesz;
	object->load[object->loads].memsz = phdr->p_memsz;
	object->load[object->loads].offset = phdr->p_offset;
	object->load[object->loads].read = phdr->p_flags & PF_R;
	object->load[object->loads].write = phdr->p_flags & PF_W;
	object->load[object->loads].exec = phdr->p_flags & PF_X;
	object->loads++;
	return 0;
}

static int add_phdr(struct elf_object *object, const Elf64_Phdr *phdr, const struct elf_reader *source)
{
	uint64_t end;
	int r;

	switch (phdr->p_type) {
	case PT_LOAD: return add_load(object, phdr, source->size);
	case PT_GNU_RELRO:
		if (__builtin_add_overflow(phdr->p_vaddr, phdr->p_memsz, &end))
			return -EBADMSG;
		/* As in the loader, the last header wins. */
		object->relro_vaddr = phdr->p_vaddr;
		object->relro_memsz = phdr->p_memsz;
		return 0;
	case PT_DYNAMIC:
		/* Not checked here: sealing does not need it (elf/dynamic.c does). */
		object->dynamic_offset = phdr->p_offset;
		object->dynamic_filesz = phdr->p_filesz;
		return 0;
	case PT_NOTE:
	case PT_GNU_PROPERTY:
		r = elf_property_memory_seal(source, phdr, object->is_64bit);
		object->memory_seal |= r > 0;
		return MIN_OF(r, 0);
	default: return 0;
	}
}

static int read_object(const struct elf_reader *source, struct elf_object *ret)
{
	struct elf_object object = { 0 };
	struct header header;
	int r;

	r = read_header(source, &header);
	if (r < 0)
		return r;
	object.entry = header.entry;
	object.is_64bit = header.is_64bit;
	object.is_dyn = header.type == ET_DYN;

	for (unsigned i = 0; i < header.phnum; i++) {
		Elf32_Phdr narrow;
		Elf64_Phdr phdr;
		uint64_t at;

		if (__builtin_add_overflow(header.phoff, (uint64_t)i * header.phentsize, &at))
			return -EBADMSG;
		if (header.is_64bit) {
			r = elf_reader_fetch(source, at, &phdr, sizeof(phdr));
		} else {
			r = elf_reader_fetch(source, at, &narrow, sizeof(narrow));
			if (r == 0)
				phdr = widen(&narrow);
		}
		if (r == 0)
			r = add_phdr(&object, &phdr, source);
		if (r < 0)
			return r;
	}
	*ret = object;
	return 0;
}

int elf_object_read(int fd, struct elf_object *ret)
{
	struct elf_reader source;
	int r;

	r = elf_reader_open(fd, &source);
	return r < 0 ? r : read_object(&source, ret);
}

int elf_object_parse(const void *file, size_t size, struct elf_object *ret)
{
	return read_object(&(struct elf_reader){ .fd = -1, .memory = file, .size = size }, ret);
}
