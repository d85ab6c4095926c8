/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reads the dynamic section. As in elf/object.c, everything in it is checked before it is used. */
#include <elf.h>

#include "lib/elf/dynamic.h"
#include "lib/elf/object.h"
#include "lib/elf/reader.h"
#include "lib/base/util.h"

#define STRINGS_STEP 65536u
#define ENTRIES_MAX 8192u /* a file with more is no library: a big one has 60 */

struct tables {
	const struct elf_reader *source;
	struct elf_object object;
	Elf64_Dyn *entries;
	size_t count;			/* up to DT_NULL */
	uint64_t strings, strings_size; /* offset and size in the file */
	bool has_strings;
};

/* Translates an address to its offset in the file, and the number of bytes of the file that follow. */
static int find_address(const struct elf_object *object, uint64_t address, uint64_t *ret_offset,
			uint64_t *ret_left)
{
	for (size_t i = 0; i < object->loads; i++) {
		uint64_t inside = address - object->load[i].vaddr;

		if (address < object->load[i].vaddr || inside >= object->load[i].filesz)
			continue;
		*ret_offset = object->load[i].offset + inside;
		*ret_left = object->load[i].filesz - inside;
		return 0;
	}
	return -EBADMSG;
}

static int read_entries(struct tables *tables)
{
	size_t width = tables->object.is_64bit ? sizeof(Elf64_Dyn) : sizeof(Elf32_Dyn);
	uint64_t most = tables->object.dynamic_filesz / width;
	_cleanup_free_ unsigned char *raw = NULL;
	int r;

	most = MIN_OF(most, (uint64_t)ENTRIES_MAX);
	if (most == 0)
		return 0;
	raw = calloc(most, width);
	tables->entries = calloc(most, sizeof(*tables->entries));
	if (!raw || !tables->entries)
		return -ENOMEM;
	r = elf_reader_fetch(tables->source, tables->object.dynamic_offset, raw, most * width);
	if (r < 0)
		return r;
	for (size_t i = 0; i < most; i++) {
		Elf64_Dyn *entry = &tables->entries[i];

		if (tables->object.is_64bit) {
			memcpy(entry, raw + i * width, width);
		} else {
			Elf32_Dyn narrow;

			memcpy(&narrow, raw + i * width, width);
			*entry = (Elf64_Dyn){ .d_tag = narrow.d_tag, .d_un.d_val = narrow.d_un.d_val };
		}
		if (entry->d_tag == DT_NULL)
			return 0;
		tables->count = i + 1;
	}
	/* No DT_NULL: valid at the end of the segment, a fault at our limit. */
	return most == ENTRIES_MAX ? -EBADMSG : 0;
}

static int find_strings(struct tables *tables)
{
	uint64_t address = 0, size = 0, left = 0;
	int r;

	for (size_t i = 0; i < tables->count; i++) {
		if (tables->entries[i].d_tag == DT_STRTAB) {
			address = tables->entries[i].d_un.d_ptr;
			tables->has_strings = true;
		} else if (tables->entries[i].d_tag == DT_STRSZ) {
			size = tables->entries[i].d_un.d_val;
		}
	}
	if (!tables->has_strings)
		return 0;
	r = find_address(&tables->object, address, &tables->strings, &left);
	tables->strings_size = MIN_OF(size, left);
	return r;
}

/* Reads a string of the table; malloc'ed. */
static int read_name(const struct tables *tables, uint64_t offset, char **ret)
{
	char buffer[ELF_DYNAMIC_NAME_MAX];
	size_t length;
	int r;

	if (!tables->has_strings || offset >= tables->strings_size)
		return -EBADMSG;
	length = MIN_OF(tables->strings_size - offset, (uint64_t)sizeof(buffer));
	r = elf_reader_fetch(tables->source, tables->strings + offset, buffer, length);
	if (r < 0)
		return r;
	if (!memchr(buffer, '\0', length))
		return -EBADMSG;
	*ret = strdup(buffer);
	return *ret ? 0 : -ENOMEM;
}

static int add_needed(const struct tables *tables, uint64_t offset, struct elf_dynamic *dynamic)
{
	int r;

	if (dynamic->needed_count == ELF_DYNAMIC_NEEDED_MAX)
		return -EBADMSG;
	if (!dynamic->needed) {
		dynamic->needed = calloc(MIN_OF(tables->count, (size_t)ELF_DYNAMIC_NEEDED_MAX),
					 sizeof(*dynamic->needed));
		if (!dynamic->needed)
			return -ENOMEM;
	}
	r = read_name(tables, offset, &dynamic->needed[dynamic->needed_count]);
	if (r == 0)
		dynamic->needed_count++;
	return r;
}

static int add_entry(const struct tables *tables, const Elf64_Dyn *entry, struct elf_dynamic *dynamic)
{
	switch (entry->d_tag) {
	case DT_NEEDED: return add_needed(tables, entry->d_un.d_val, dynamic);
	case DT_SONAME:
		free(TAKE_PTR(dynamic->soname));
		return read_name(tables, entry->d_un.d_val, &dynamic->soname);
	default: return 0;
	}
}

static int read_dynamic(struct tables *tables, struct elf_dynamic *ret)
{
	_cleanup_(elf_dynamic_free) struct elf_dynamic dynamic = {};
	int r;

	r = read_entries(tables);
	if (r == 0)
		r = find_strings(tables);
	for (size_t i = 0; i < tables->count && r == 0; i++)
		r = add_entry(tables, &tables->entries[i], &dynamic);
	if (r < 0)
		return r;
	*ret = dynamic;
	dynamic = (struct elf_dynamic){};
	return 0;
}

/* The strings follow each other in the table, each with its NUL. */
static int find_name(struct tables *tables, const char *name)
{
	size_t length = strlen(name) + 1, kept = 0;
	_cleanup_free_ char *text = NULL;
	int r;

	r = read_entries(tables);
	if (r == 0)
		r = find_strings(tables);
	if (r < 0 || !tables->has_strings)
		return r;
	text = malloc(length + STRINGS_STEP);
	if (!text)
		return -ENOMEM;
	for (uint64_t at = 0; at < MIN_OF(tables->strings_size, (uint64_t)ELF_DYNAMIC_STRINGS_MAX);) {
		size_t step = (size_t)MIN_OF(tables->strings_size - at, (uint64_t)STRINGS_STEP);

		r = elf_reader_fetch(tables->source, tables->strings + at, text + kept, step);
		if (r < 0)
			return r;
		if (memmem(text, kept + step, name, length))
			return 1;
		at += step;
		step += kept;
		kept = MIN_OF(step, length - 1);
		memmove(text, text + step - kept, kept);
	}
	return 0;
}

static int open_object(int fd, struct elf_reader *ret_source, struct elf_object *ret_object)
{
	int r = elf_reader_open(fd, ret_source);

	return r == 0 ? elf_object_read(fd, ret_object) : r;
}

int elf_dynamic_names(int fd, const char *name)
{
	struct elf_reader source;
	struct tables tables = { .source = &source };
	int r;

	r = open_object(fd, &source, &tables.object);
	if (r == 0)
		r = find_name(&tables, name);
	free(tables.entries);
	return r;
}

int elf_dynamic_parse_names(const void *file, size_t size, const char *name)
{
	struct elf_reader source = { .fd = -1, .memory = file, .size = size };
	struct tables tables = { .source = &source };
	int r;

	r = elf_object_parse(file, size, &tables.object);
	if (r == 0)
		r = find_name(&tables, name);
	free(tables.entries);
	return r;
}

int elf_dynamic_read(int fd, struct elf_dynamic *ret)
{
	struct elf_reader source;
	struct tables tables = { .source = &source };
	int r;

	r = open_object(fd, &source, &tables.object);
	if (r == 0)
		r = read_dynamic(&tables, ret);
	free(tables.entries);
	return r;
}

int elf_dynamic_parse(const void *file, size_t size, struct elf_dynamic *ret)
{
	struct elf_reader source = { .fd = -1, .memory = file, .size = size };
	struct tables tables = { .source = &source };
	int r;

	r = elf_object_parse(file, size, &tables.object);
	if (r == 0)
		r = read_dynamic(&tables, ret);
	free(tables.entries);
	return r;
}

void elf_dynamic_free(struct elf_dynamic *dynamic)
{
	if (!dynamic)
		return;
	free(dynamic->soname);
	for (size_t i = 0; i < dynamic->needed_count; i++)
		free(dynamic->needed[i]);
	free(dynamic->needed);
	*dynamic = (struct elf_dynamic){};
}
