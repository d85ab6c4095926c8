/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The rows of a drawing of an address space: text, colours and bars. map_drawing draws them on a
 * terminal, map_svg as SVG.
 */
#pragma once

#include "ctl/base/terminal.h"
#include "ctl/base/text.h"
#include "ctl/view/address_space.h"
#include "ctl/view/share_bar.h"

/* Segments and deny masks have two forms: whole words, and letters. */
enum map_form { MAP_LONG, MAP_BRIEF, MAP_FORM_COUNT };

#define MAP_SEGMENTS_MAX 64

/* Common to all rows. */
struct map_scale {
	int digits;					       /* of an address */
	size_t segments[MAP_FORM_COUNT], deny[MAP_FORM_COUNT]; /* columns of the longest text */
	unsigned largest; /* log2 of the pages of the largest mapping that can be accessed */
};

struct map_scale map_scale_of(const struct address_space *space);
/* Columns of an address range. */
int map_range_width(const struct map_scale *scale);

/* A bracket at the left joins the mappings of an object. */
enum map_bracket { MAP_ALONE, MAP_FIRST, MAP_INNER, MAP_LAST };

struct map_row {
	uint64_t unmapped; /* bytes between the row above and this one; 0: none to show */
	bool joined;	   /* belongs to the object of the row above */
	enum map_bracket bracket;
	const char *name; /* not escaped */
	enum colour name_colour, permissions_colour, segments_colour, deny_colour;
	char range[64], permissions[5], size[TEXT_SIZE_MAX];
	char segments[MAP_FORM_COUNT][MAP_SEGMENTS_MAX]; /* "relro+data", "relro+"; "-": none */
	char deny[MAP_FORM_COUNT][SPACES_DENY_TEXT_MAX];
};

void map_row(const struct address_space *space, const struct map_scale *scale, size_t i, struct map_row *ret);

#define MAP_BAR_MAX 64

struct map_bar {
	unsigned length; /* of the bar: logarithm of the size of the mapping */
	unsigned count;	 /* cells; at most one for each page */
	struct {
		enum share_fill fill;
		enum colour colour;
	} cells[MAP_BAR_MAX];
};

/* The bar of row i. longest: length of the bar of the largest mapping, at most MAP_BAR_MAX. */
void map_bar(const struct address_space *space, const struct map_scale *scale, size_t i, unsigned longest,
	     struct map_bar *ret);

/* --- head and legend --- */

#define MAP_HEAD_MAX 64
/* "54 mappings, 46 seals". Returns buf. */
const char *map_head(const struct address_space *space, char buf[MAP_HEAD_MAX]);

/* Legend of the bars: each fill, and the length. */
const char *map_fill_text(enum share_fill fill);
#define MAP_LENGTH_TEXT "the longer the larger (logarithmic)"
/* Legend of the colours: the segment. */
const char *map_segment_text(enum mseald_segment segment);
/* Legend of the brief deny mask: its letters, and its marks. Each array ends in NULL. */
extern const char *const map_letters[], *const map_marks[];
