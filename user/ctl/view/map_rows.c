// SPDX-License-Identifier: LGPL-2.1-or-later
/* See map_rows.h. */
#include "ctl/view/map_rows.h"

#include <inttypes.h>

#include "lib/base/names.h"
#include "lib/base/util.h"

static unsigned log2_pages(uint64_t bytes)
{
	uint64_t pages = bytes / page_size();

	return pages ? 63u - (unsigned)__builtin_clzll(pages) : 0;
}

/* "text", "relro+data", or "-"; brief: "relro+" when there is more than one. */
static void name_segments(unsigned segments, enum map_form form, char buf[MAP_SEGMENTS_MAX])
{
	size_t length = 0;

	(void)strcpy(buf, "-");
	if (segments && form == MAP_BRIEF) {
		(void)snprintf(buf, MAP_SEGMENTS_MAX, "%s%s",
			       names_segment((unsigned)__builtin_ctz(segments)),
			       segments & (segments - 1) ? "+" : "");
		return;
	}
	for (unsigned segment = 1; segment < MSEALD_SEGMENT_COUNT; segment++)
		if (segments & (1u << segment))
			length += (size_t)snprintf(buf + length, MAP_SEGMENTS_MAX - length, "%s%s",
						   length ? "+" : "", names_segment(segment));
}

struct map_scale map_scale_of(const struct address_space *space)
{
	struct map_scale scale = { .digits = 8, .segments = { 1, 1 }, .deny = { 1, 1 } };

	for (size_t i = 0; i < space->maps.count; i++) {
		const struct row *row = &space->rows[i];
		int digits = (67 - __builtin_clzll(row->mapping->end | 1)) / 4;

		for (enum map_form form = 0; form < MAP_FORM_COUNT; form++) {
			char label[MAP_SEGMENTS_MAX], text[SPACES_DENY_TEXT_MAX];

			name_segments(row->segments, form, label);
			scale.segments[form] = MAX_OF(scale.segments[form], strlen(label));
			scale.deny[form] = MAX_OF(
				scale.deny[form],
				strlen(spaces_deny_text(row->deny, form == MAP_BRIEF, text)));
		}
		if (row->mapping->end > INT64_MAX)
			continue;
		scale.digits = MAX_OF(scale.digits, digits);
		/* Reserved addresses are too large for the scale: all other bars would be short. */
		if (row->mapping->read || row->mapping->write || row->mapping->exec)
			scale.largest = MAX_OF(scale.largest,
					       log2_pages(row->mapping->end - row->mapping->start));
	}
	return scale;
}

int map_range_width(const struct map_scale *scale)
{
	return 2 * scale->digits + 1;
}

/* --- rows --- */

static enum map_bracket bracket_of(const struct address_space *space, size_t i)
{
	const struct row *row = &space->rows[i];
	bool more = i + 1 < space->maps.count && row[1].joined;

	if (row->joined)
		return more ? MAP_INNER : MAP_LAST;
	return more ? MAP_FIRST : MAP_ALONE;
}

static uint64_t unmapped_before(const struct address_space *space, size_t i)
{
	const struct row *row = &space->rows[i];

	/* Nothing can be mapped between the stack and the kernel's mapping above user memory. */
	if (i == 0 || row[-1].mapping->end >= row->mapping->start || row->mapping->end > INT64_MAX)
		return 0;
	return row->mapping->start - row[-1].mapping->end;
}

void map_row(const struct address_space *space, const struct map_scale *scale, size_t i, struct map_row *ret)
{
	const struct row *row = &space->rows[i];
	const struct mapping *mapping = row->mapping;
	uint64_t bytes = mapping->end - mapping->start;

	*ret = (struct map_row){
		.unmapped = unmapped_before(space, i),
		.joined = row->joined,
		.bracket = bracket_of(space, i),
		.name = row->name,
		.name_colour = row->name[0] == '/' ? COLOUR_BOLD : COLOUR_NONE,
		/* Memory that is both writable and executable is a risk. */
		.permissions_colour = mapping->write && mapping->exec ? COLOUR_RED : COLOUR_NONE,
		.segments_colour = row->sealed ? terminal_segment_colour((enum mseald_segment)(
							 row->segments ? __builtin_ctz(row->segments) : 0)) :
						 COLOUR_DIM,
		.deny_colour = row->deny[MSEALD_ACTION_KILL] ? COLOUR_RED :
			       row->deny[MSEALD_ACTION_AUDIT] && !row->deny[MSEALD_ACTION_DENY] ?
							       COLOUR_YELLOW :
			       row->sealed ? COLOUR_NONE :
					     COLOUR_DIM,
	};
	FORMAT(ret->range, "%0*" PRIx64 "-%0*" PRIx64, scale->digits, mapping->start, scale->digits,
	       mapping->end);
	if ((int)strlen(ret->range) > map_range_width(scale))
		FORMAT(ret->range, "%" PRIx64 "+%" PRIx64, mapping->start, bytes);
	FORMAT(ret->permissions, "%c%c%c%c", mapping->read ? 'r' : '-', mapping->write ? 'w' : '-',
	       mapping->exec ? 'x' : '-', mapping->shared ? 's' : 'p');
	(void)text_size(bytes, ret->size);
	for (enum map_form form = 0; form < MAP_FORM_COUNT; form++) {
		name_segments(row->segments, form, ret->segments[form]);
		(void)spaces_deny_text(row->deny, form == MAP_BRIEF, ret->deny[form]);
	}
}

void map_bar(const struct address_space *space, const struct map_scale *scale, size_t i, unsigned longest,
	     struct map_bar *ret)
{
	const struct row *row = &space->rows[i];
	const struct mapping *mapping = row->mapping;
	uint64_t size = mapping->end - mapping->start, pages = size / page_size();

	ret->length = 1;
	if (scale->largest)
		ret->length += (longest - 1) * MIN_OF(log2_pages(size), scale->largest) / scale->largest;
	/* A cell has at least one page. */
	ret->count = (unsigned)MIN_OF((uint64_t)ret->length, MAX_OF(pages, 1));
	for (unsigned cell = 0; cell < ret->count; cell++) {
		uint64_t start = mapping->start + pages / ret->count * cell * page_size() +
				 pages % ret->count * cell / ret->count * page_size();
		uint64_t end = mapping->start + pages / ret->count * (cell + 1) * page_size() +
			       pages % ret->count * (cell + 1) / ret->count * page_size();
		uint64_t part = row->sealed ? address_space_sealed(space, start, end) : 0;

		ret->cells[cell].fill = part == 0 ? FILL_NONE : part == end - start ? FILL_FULL : FILL_PART;
		ret->cells[cell].colour =
			part ? terminal_segment_colour(address_space_segment(space, start)) : COLOUR_DIM;
	}
}

/* --- head and legend --- */

const char *map_head(const struct address_space *space, char buf[MAP_HEAD_MAX])
{
	size_t seals = space->seals.count, mappings = space->maps.count;

	(void)snprintf(buf, MAP_HEAD_MAX, "%zu mapping%s, %zu seal%s", mappings, mappings == 1 ? "" : "s",
		       seals, seals == 1 ? "" : "s");
	return buf;
}

const char *map_fill_text(enum share_fill fill)
{
	static const char *const texts[] = {
		[FILL_NONE] = "not", [FILL_PART] = "partly", [FILL_FULL] = "sealed"
	};

	return texts[fill];
}

const char *map_segment_text(enum mseald_segment segment)
{
	return segment == MSEALD_SEGMENT_NONE ? "sealed by its address" : names_segment(segment);
}

const char *const map_letters[] = { "m mprotect",      "u unmap",      "d discard",
				    "f foreign-write", "w file-write", NULL };
const char *const map_marks[] = { "M: killed", "~m: logged", NULL };
