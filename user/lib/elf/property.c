/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reads .note.gnu.property: see elf/property.h. */
#include "lib/elf/property.h"
#include "lib/base/util.h"

#ifndef NT_GNU_PROPERTY_TYPE_0
#define NT_GNU_PROPERTY_TYPE_0 5
#endif
/* "GNU_PROPERTY_MEMORY_SEAL: the loader is to seal this object"; no elf.h defines it yet. */
#define PROPERTY_MEMORY_SEAL 3

#define NOTES_MAX (64u << 10) /* bytes; real ones have under a hundred */

/* Rounds up to a multiple. Sizes are at most NOTES_MAX here, so this cannot overflow. */
static size_t padded(size_t size, size_t alignment)
{
	return (size + alignment - 1) / alignment * alignment;
}

/* The properties of one note: type, size, data up to the alignment of the class. */
static bool properties_ask(const unsigned char *data, size_t size, size_t alignment)
{
	while (size >= 2 * sizeof(uint32_t)) {
		uint32_t header[2];

		memcpy(header, data, sizeof(header));
		data += sizeof(header);
		size -= sizeof(header);
		if (header[1] > size)
			return false;
		/* This property has no data; with data it means something else. */
		if (header[0] == PROPERTY_MEMORY_SEAL)
			return header[1] == 0;
		if (padded(header[1], alignment) > size)
			return false;
		data += padded(header[1], alignment);
		size -= padded(header[1], alignment);
	}
	return false;
}

static bool notes_ask(const unsigned char *data, size_t size, size_t alignment)
{
	while (size >= sizeof(Elf64_Nhdr)) {
		size_t name, content;
		Elf64_Nhdr note; /* the same in both classes */

		memcpy(&note, data, sizeof(note));
		data += sizeof(note);
		size -= sizeof(note);
		if (note.n_namesz > size || note.n_descsz > size)
			return false;
		/* The gABI aligns the content, counted from the beginning of the note. */
		name = padded(sizeof(note) + note.n_namesz, alignment) - sizeof(note);
		if (name > size || note.n_descsz > size - name)
			return false;
		if (note.n_type == NT_GNU_PROPERTY_TYPE_0 && note.n_namesz == 4 &&
		    memcmp(data, "GNU", 4) == 0 && properties_ask(data + name, note.n_descsz, alignment))
			return true;
		content = padded(note.n_descsz, alignment);
		if (content > size - name)
			return false;
		data += name + content;
		size -= name + content;
	}
	return false;
}

int elf_property_memory_seal(const struct elf_reader *source, const Elf64_Phdr *phdr, bool is_64bit)
{
	_cleanup_free_ unsigned char *notes = NULL;
	size_t alignment = is_64bit ? 8 : 4;
	int r;

	/* Notes with another alignment come from an old, wrong linker: glibc ignores them too. */
	if (phdr->p_align != alignment || phdr->p_filesz == 0 || phdr->p_filesz > NOTES_MAX)
		return 0;
	notes = malloc(phdr->p_filesz);
	if (!notes)
		return -ENOMEM;
	r = elf_reader_fetch(source, phdr->p_offset, notes, phdr->p_filesz);
	if (r < 0)
		return r == -EBADMSG ? 0 : r;
	return notes_ask(notes, phdr->p_filesz, alignment);
}
