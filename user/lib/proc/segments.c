/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Splits an address space into segments. Each object (objects.h) gives spans, the ranges expected by its
 * program headers. Spans and mappings, both sorted, are walked together and give segments. The process may be
 * hostile: the work is bounded by the number of mappings.
 */
#define _GNU_SOURCE

#include "lib/proc/segments.h"
#include "lib/base/list.h"
#include "lib/base/util.h"

/* An expected range. */
struct span {
	uint64_t start, end;
	enum mseald_segment kind;
	bool relro;		    /* segment RELRO wherever it is not writable */
	bool whole;		    /* one whole mapping: nothing to check */
	const struct mapping *file; /* expected: this file at this offset; NULL: anonymous memory */
	uint64_t offset;
	int object; /* index, or -1: a mapping of the kernel */
};

struct spans {
	struct span *list;
	size_t count, allocated;
};

static void spans_free(struct spans *spans)
{
	free(spans->list);
}

static int spans_add(struct spans *spans, struct span span)
{
	if (span.start >= span.end)
		return 0;
	if (list_grow(&spans->list, spans->count, 1, &spans->allocated, sizeof(*spans->list)) < 0)
		return -ENOMEM;
	spans->list[spans->count++] = span;
	return 0;
}

static int spans_add_mapping(struct spans *spans, const struct mapping *mapping, enum mseald_segment kind,
			     int object)
{
	return spans_add(spans, (struct span){ .start = mapping->start,
					       .end = mapping->end,
					       .kind = kind,
					       .whole = true,
					       .object = object });
}

static bool is_anonymous(const struct mapping *mapping)
{
	return mapping->inode == 0 && !mapping->shared &&
	       (mapping->path[0] == '\0' || strcmp(mapping->path, "[heap]") == 0 ||
		strncmp(mapping->path, "[anon:", 6) == 0);
}

/* --- spans --- */

/* Adds a span, and marks the part of it that PT_GNU_RELRO covers. */
static int add_overlaid(struct spans *spans, struct span span, uint64_t relro_start, uint64_t relro_end)
{
	uint64_t from = MIN_OF(MAX_OF(relro_start, span.start), span.end);
	uint64_t to = MAX_OF(MIN_OF(relro_end, span.end), from);
	struct span before = span, inside = span, after = span;
	int r;

	if (span.kind != MSEALD_SEGMENT_DATA)
		return spans_add(spans, span);
	before.end = from;
	inside.start = from;
	inside.end = to;
	inside.offset += from - span.start;
	inside.relro = true;
	after.start = to;
	after.offset += to - span.start;
	r = spans_add(spans, before);
	if (r == 0)
		r = spans_add(spans, inside);
	return r < 0 ? r : spans_add(spans, after);
}

/* Adds the spans of the headers; objects_find() has checked that nothing overflows. */
static int add_known(struct spans *spans, const struct object *object, int index)
{
	const struct elf_object *elf = &object->elf;
	uint64_t bias = object->bias;
	uint64_t relro_start = bias + page_down(elf->relro_vaddr);
	/*
	 * The end is rounded down, too, as in the loader: a last page that is not all RELRO stays writable.
	 */
	uint64_t relro_end = bias + page_down(elf->relro_vaddr + elf->relro_memsz);

	for (size_t i = 0; i < elf->loads; i++) {
		uint64_t vaddr = elf->load[i].vaddr, end = UINT64_MAX;
		struct span bytes = {
			.start = bias + page_down(vaddr),
			.end = bias + page_up(vaddr + elf->load[i].filesz),
			.kind = elf->load[i].write ? MSEALD_SEGMENT_DATA :
				elf->load[i].exec  ? MSEALD_SEGMENT_TEXT :
						     MSEALD_SEGMENT_RODATA,
			.file = object->file,
			.offset = page_down(elf->load[i].offset),
			.object = index,
		};
		struct span bss = bytes;
		int r;

		bss.file = NULL;
		bss.start = bytes.end;
		bss.end = bias + page_up(vaddr + elf->load[i].memsz);
		/* If two segments share a page, the page belongs to the one mapped later. */
		if (i + 1 < elf->loads)
			end = bias + page_down(elf->load[i + 1].vaddr);
		bytes.end = MIN_OF(bytes.end, end);
		bss.end = MIN_OF(bss.end, end);
		r = add_overlaid(spans, bytes, relro_start, relro_end);
		if (r == 0)
			r = add_overlaid(spans, bss, relro_start, relro_end);
		if (r < 0)
			return r;
	}
	return 0;
}

/* Adds the spans of an object without program headers, by permissions. */
static int add_by_permissions(struct spans *spans, const struct proc_maps *maps, const struct object *object,
			      int index)
{
	for (size_t i = 0; i < maps->count; i++) {
		const struct mapping *mapping = &maps->list[i];
		enum mseald_segment kind = mapping->write ? MSEALD_SEGMENT_DATA :
					   mapping->exec  ? MSEALD_SEGMENT_TEXT :
					   mapping->read  ? MSEALD_SEGMENT_RODATA :
							    MSEALD_SEGMENT_NONE;
		int r = 0;

		if (kind != MSEALD_SEGMENT_NONE && proc_mapping_is_file(mapping) &&
		    proc_mapping_compare_files(mapping, object->file) == 0)
			r = spans_add_mapping(spans, mapping, kind, index);
		if (r < 0)
			return r;
	}
	return 0;
}

static int add_objects(struct spans *spans, const struct proc_maps *maps, const struct objects *objects)
{
	for (size_t i = 0; i < objects->count; i++) {
		const struct object *object = &objects->list[i];
		int r = object->unknown ? add_by_permissions(spans, maps, object, (int)i) :
					  add_known(spans, object, (int)i);

		if (r < 0)
			return r;
	}
	return 0;
}

/* Adds the mappings that the kernel made itself. */
static int add_kernel_mappings(struct spans *spans, const struct proc_maps *maps)
{
	static const struct {
		const char *name;
		enum mseald_segment kind;
	} kernel[] = {
		{ "[vdso]", MSEALD_SEGMENT_VDSO },
		{ "[vvar]", MSEALD_SEGMENT_VDSO },
		{ "[vvar_vclock]", MSEALD_SEGMENT_VDSO },
		{ "[stack]", MSEALD_SEGMENT_STACK },
	};

	for (size_t i = 0; i < maps->count; i++) {
		for (size_t k = 0; k < ELEMENTS(kernel); k++) {
			int r = 0;

			if (strcmp(maps->list[i].path, kernel[k].name) == 0)
				r = spans_add_mapping(spans, &maps->list[i], kernel[k].kind, -1);
			if (r < 0)
				return r;
		}
	}
	return 0;
}

/* --- segments --- */

static int by_span_start(const void *left, const void *right)
{
	const struct span *a = left, *b = right;

	return (a->start > b->start) - (a->start < b->start);
}

/* Is the expected file mapped from address on? */
static bool span_fits(const struct span *span, const struct mapping *mapping, uint64_t address)
{
	if (span->whole || is_anonymous(mapping))
		return true;
	return span->file && proc_mapping_compare_files(span->file, mapping) == 0 &&
	       mapping->offset + (address - mapping->start) == span->offset + (address - span->start);
}

static void append_segment(struct segments *segments, struct segment segment)
{
	struct segment *last = segments->count > 0 ? &segments->list[segments->count - 1] : NULL;

	if (last && last->mapping == segment.mapping && last->kind == segment.kind &&
	    last->object == segment.object && last->end == segment.start)
		last->end = segment.end;
	else
		segments->list[segments->count++] = segment;
}

int segments_resolve(const struct proc_maps *maps, int proc_dirfd, struct segments *ret)
{
	struct objects objects = { 0 };
	int r = objects_find(maps, proc_dirfd, &objects);

	return r < 0 ? r : segments_split(maps, &objects, ret);
}

int segments_split(const struct proc_maps *maps, struct objects *objects, struct segments *ret)
{
	_cleanup_(spans_free) struct spans spans = { 0 };
	_cleanup_(segments_free) struct segments segments = { .objects = *objects };
	size_t m = 0;
	int r;

	*objects = (struct objects){ 0 };
	r = add_kernel_mappings(&spans, maps);
	if (r == 0)
		r = add_objects(&spans, maps, &segments.objects);
	if (r < 0)
		return r;
	if (spans.count == 0) {
		*ret = segments;
		segments = (struct segments){ 0 };
		return 0;
	}
	qsort(spans.list, spans.count, sizeof(*spans.list), by_span_start);

	/* Each step ends a span or a mapping, so there are at most as many segments as spans and mappings. */
	segments.list = reallocarray(NULL, spans.count + maps->count, sizeof(*segments.list));
	if (!segments.list)
		return -ENOMEM;
	for (size_t s = 0; s < spans.count; s++) {
		const struct span *span = &spans.list[s];
		/* Spans overlap only if a header is wrong: then the later one wins. */
		uint64_t end = s + 1 < spans.count ? MIN_OF(span->end, span[1].start) : span->end;

		while (m < maps->count && maps->list[m].end <= span->start)
			m++;
		for (size_t i = m; i < maps->count && maps->list[i].start < end; i++) {
			const struct mapping *mapping = &maps->list[i];
			struct segment segment = {
				.start = MAX_OF(span->start, mapping->start),
				.end = MIN_OF(end, mapping->end),
				.kind = span->relro && !mapping->write ? MSEALD_SEGMENT_RELRO : span->kind,
				.object = span->object,
				.mapping = mapping,
			};

			if (segment.start >= segment.end || !span_fits(span, mapping, segment.start))
				continue;
			append_segment(&segments, segment);
			if (span->relro && mapping->write)
				segments.objects.list[span->object].relro_open = true;
		}
	}
	*ret = segments;
	segments = (struct segments){ 0 };
	return 0;
}

void segments_free(struct segments *segments)
{
	if (!segments)
		return;
	free(segments->list);
	objects_free(&segments->objects);
	*segments = (struct segments){ 0 };
}
