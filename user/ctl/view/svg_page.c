// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * See svg_page.h. Attributes have the positions on the wide page. The rules of the other sizes move
 * elements by transform, and hide elements by display.
 */
#include "ctl/view/svg_page.h"

#include "ctl/base/svg.h"
#include "ctl/base/text.h"
#include "lib/base/util.h"

#define RIGHT 16     /* the right margin */
#define BASE_LINE 13 /* of the text of a row */
#define HEAD_HEIGHT 66
#define HEADING 60 /* characters */
#define HEADING_NARROW 30
#define LINE 20	  /* of a legend */
#define SECOND 14 /* from the first line of a cell to the second */
#define MARK 14	  /* width of a sign in a legend, and the blank after it */

/* Width of a character in tenths of a pixel. Monospaced fonts have at most 0.602 em; 12 and 11 pixels. */
static const unsigned advance[SVG_SIZE_COUNT] = { 73, 73, 67 };
static const unsigned gap[SVG_SIZE_COUNT] = { 14, 12, 8 };

static unsigned pixels(size_t characters, enum svg_size size)
{
	return (unsigned)(characters * advance[size] + 9) / 10;
}

static unsigned column_width(const struct svg_column *column, enum svg_size size)
{
	return column->bar ? (unsigned)column->width[size] : pixels(column->width[size], size);
}

/* The start of the text of a column; its end if the column is aligned to the right. */
static unsigned column_x(const struct svg_column *column, enum svg_size size)
{
	return column->start[size] + (column->right ? column_width(column, size) : 0);
}

bool svg_page_open(struct svg_page *page)
{
	*page = (struct svg_page){ .body = open_memstream(&page->body_text, &page->body_size) };
	page->failed = !page->body;
	/* text_escape() depends on the locale. The file must not: other users read it. */
	page->locale = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
	if (page->locale)
		page->before = uselocale(page->locale);
	for (enum svg_size size = 0; size < SVG_SIZE_COUNT; size++) {
		page->rules[size] = open_memstream(&page->rules_text[size], &page->rules_size[size]);
		page->failed |= !page->rules[size];
	}
	return !page->failed;
}

/* --- columns --- */

static void hide_or_move(FILE *rules, unsigned number, bool hide, int by)
{
	if (hide)
		(void)fprintf(rules, ".c%u{display:none}\n", number);
	else if (by)
		(void)fprintf(rules, ".c%u{transform:translateX(%dpx)}\n", number, by);
}

static void move_column(const struct svg_page *page, const struct svg_column *column, enum svg_size size)
{
	int by = (int)column_x(column, size) - (int)column_x(column, SVG_WIDE);
	double scale = (double)column->width[size] / (double)column->width[SVG_WIDE];
	FILE *rules = page->rules[size];

	hide_or_move(rules, column->number + column->bar, !column->width[size], by);
	if (column->bar)
		(void)fprintf(rules, ".c%u{transform:translateX(%.1fpx)scaleX(%.3f)}\n", column->number,
			      column->start[size] - scale * column->start[SVG_WIDE], scale);
}

void svg_page_columns(struct svg_page *page, struct svg_column *columns, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		columns[i].number = page->numbers;
		page->numbers += columns[i].bar ? 2 : 1;
	}
	for (enum svg_size size = 0; size < SVG_SIZE_COUNT; size++) {
		unsigned x = SVG_LEFT;

		for (size_t i = 0; i < count; i++) {
			columns[i].start[size] = x;
			if (columns[i].width[size])
				x += column_width(&columns[i], size) + gap[size];
			if (size != SVG_WIDE)
				move_column(page, &columns[i], size);
		}
		page->width[size] = MAX_OF(page->width[size], x - gap[size] + RIGHT);
	}
}

void svg_page_titles(struct svg_page *page, const struct svg_column *columns, size_t count)
{
	svg_page_row(page, NULL, 1);
	for (size_t i = 0; i < count; i++)
		svg_page_cell(page, &columns[i], COLOUR_DIM, columns[i].title, NULL);
	svg_page_row_end(page);
	page->y += 2;
}

/* --- rows --- */

/* more is never shortened. */
static void print_heading(struct svg_page *page, const char *name, const char *more, size_t width,
			  unsigned sizes)
{
	_cleanup_free_ char *text = text_shorten(name, width - MIN_OF(width, strlen(more)), true);

	page->failed |= !text;
	(void)fprintf(page->body, "<text class=\"n head p%u\" x=\"%d\" y=\"34\">", sizes, SVG_LEFT);
	svg_escape(page->body, text ?: "");
	(void)fputs("<tspan class=\"dim\">", page->body);
	svg_escape(page->body, more);
	(void)fputs("</tspan></text>\n", page->body);
}

void svg_page_head(struct svg_page *page, const char *name, const char *more, const char *text)
{
	_cleanup_free_ char *escaped = text_escape(name, true);

	page->failed |= !escaped;
	print_heading(page, escaped ?: "", more, HEADING, 1u << SVG_WIDE | 1u << SVG_MEDIUM);
	print_heading(page, escaped ?: "", more, HEADING_NARROW, 1u << SVG_NARROW);
	(void)fprintf(page->body, "<text class=\"dim\" x=\"%d\" y=\"54\">", SVG_LEFT);
	svg_escape(page->body, text);
	(void)fputs("</text>\n", page->body);
	page->y = HEAD_HEIGHT;
}

void svg_page_row(struct svg_page *page, const char *tooltip, unsigned lines)
{
	(void)fprintf(page->body, "<g class=\"row\" transform=\"translate(0 %u)\">", page->y + BASE_LINE);
	if (tooltip) {
		svg_title(page->body, tooltip);
		(void)fprintf(page->body, "<rect class=\"hit%s\" y=\"-%d\"/>", lines > 1 ? " two" : "",
			      BASE_LINE);
	}
	(void)fputc('\n', page->body);
	page->lines = lines;
}

void svg_page_row_end(struct svg_page *page)
{
	(void)fputs("</g>\n", page->body);
	page->y += SVG_ROW + (page->lines - 1) * SECOND;
}

/* sizes: bits 1 << enum svg_size. Class pN shows an element on pages of these sizes only. */
static void print_cell(const struct svg_page *page, const struct svg_column *column, enum colour colour,
		       const char *text, unsigned sizes, unsigned line)
{
	(void)fprintf(page->body, "<text class=\"c%u%s %s", column->number + column->bar,
		      column->right ? " end" : "", svg_class(colour));
	if (sizes != (1u << SVG_SIZE_COUNT) - 1)
		(void)fprintf(page->body, " p%u", sizes);
	(void)fprintf(page->body, "\" x=\"%u\"", column_x(column, SVG_WIDE));
	if (line)
		(void)fprintf(page->body, " y=\"%u\"", line * SECOND);
	(void)fputc('>', page->body);
	svg_escape(page->body, text);
	(void)fputs("</text>\n", page->body);
}

/* Prints each text once for all sizes that have it, and frees the texts. NULL: the column is hidden. */
static void print_cells(struct svg_page *page, const struct svg_column *column, enum colour colour,
			char *texts[SVG_SIZE_COUNT], unsigned line)
{
	unsigned done = 0;

	for (enum svg_size size = 0; size < SVG_SIZE_COUNT; size++) {
		unsigned same = 0;

		/* A hidden column may have any text. */
		for (enum svg_size other = 0; other < SVG_SIZE_COUNT; other++)
			if (!texts[other] || (texts[size] && strcmp(texts[size], texts[other]) == 0))
				same |= 1u << other;
		if (texts[size] && *texts[size] && !(done & 1u << size))
			print_cell(page, column, colour, texts[size], same, line);
		if (texts[size])
			done |= same;
	}
	for (enum svg_size size = 0; size < SVG_SIZE_COUNT; size++)
		free(texts[size]);
}

static char *shorten(struct svg_page *page, const struct svg_column *column, const char *escaped,
		     size_t width)
{
	char *text = column->path ? text_shorten_front(escaped, width) : text_shorten(escaped, width, true);

	page->failed |= !text;
	return text;
}

void svg_page_cell(struct svg_page *page, const struct svg_column *column, enum colour colour,
		   const char *text, const char *brief)
{
	char *texts[SVG_SIZE_COUNT] = {};

	for (enum svg_size size = 0; size < SVG_SIZE_COUNT; size++) {
		_cleanup_free_ char *escaped = text_escape(size == SVG_WIDE || !brief ? text : brief, true);
		size_t width = column->bar ? column->width[size] * 10 / advance[size] : column->width[size];

		page->failed |= !escaped;
		/* A short bar has no title: the next column has the same share as a number. */
		if (escaped && width && (!column->bar || strlen(escaped) <= width))
			texts[size] = shorten(page, column, escaped, width);
		else if (escaped && width)
			texts[size] = strdup("");
	}
	print_cells(page, column, colour, texts, 0);
}

/* Bytes of the first line: the whole text, else up to a blank, else as many as fit. */
static size_t first_line(const char *escaped, size_t width)
{
	size_t most = text_prefix(escaped, width, true), length = most;

	if (!escaped[most])
		return most;
	while (length > 0 && escaped[length] != ' ')
		length--;
	return length ?: most;
}

unsigned svg_page_lines(const struct svg_column *column, const char *text)
{
	_cleanup_free_ char *escaped = text_escape(text, true);
	unsigned lines = 1;

	for (enum svg_size size = 0; escaped && size < SVG_SIZE_COUNT; size++)
		if (column->width[size] && text_width(escaped, true) > column->width[size])
			lines = 2;
	return lines;
}

void svg_page_wrapped(struct svg_page *page, const struct svg_column *column, enum colour colour,
		      const char *text)
{
	_cleanup_free_ char *escaped = text_escape(text, true);
	char *texts[2][SVG_SIZE_COUNT] = {};

	page->failed |= !escaped;
	for (enum svg_size size = 0; escaped && size < SVG_SIZE_COUNT; size++) {
		size_t width = column->width[size], length = width ? first_line(escaped, width) : 0;

		if (!width)
			continue;
		texts[0][size] = strndup(escaped, length);
		texts[1][size] = shorten(page, column, escaped + length + (escaped[length] == ' '), width);
		page->failed |= !texts[0][size];
	}
	print_cells(page, column, colour, texts[0], 0);
	print_cells(page, column, colour, texts[1], 1);
}

/* Height shows the fill as well as colour: line, low block, high block. */
static void print_fill(const struct svg_page *page, const char *class, enum share_fill fill,
		       enum colour colour, double x, double width)
{
	static const struct {
		const char *y, *height;
	} shapes[] = {
		[FILL_NONE] = { "-6", "3" },
		[FILL_PART] = { "-5", "6" },
		[FILL_FULL] = { "-9", "10" },
	};

	(void)fprintf(page->body, "<rect class=\"%s%s\" x=\"%.4g\" y=\"%s\" width=\"%.4g\" height=\"%s\"/>\n",
		      class, svg_class(colour), x, shapes[fill].y, width, shapes[fill].height);
}

void svg_page_part(struct svg_page *page, const struct svg_column *column, unsigned start, unsigned end,
		   enum share_fill fill, enum colour colour)
{
	double width = (double)column->width[SVG_WIDE];
	char class[16];

	FORMAT(class, "c%u ", column->number);
	print_fill(page, class, fill, colour, column->start[SVG_WIDE] + width * start / 1000,
		   width * (end - start) / 1000);
}

void svg_page_gap(struct svg_page *page, const char *text)
{
	svg_page_row(page, NULL, 1);
	(void)fprintf(page->body, "<path class=\"line dash\" d=\"M%d-4h20\"/><text class=\"dim\" x=\"%d\">",
		      SVG_LEFT, SVG_LEFT + 26);
	svg_escape(page->body, text);
	(void)fputs("</text>\n", page->body);
	svg_page_row_end(page);
}

void svg_page_bracket(struct svg_page *page, unsigned y)
{
	(void)fprintf(page->body, "<path class=\"line\" d=\"M%d %uh-4V%uh4\"/>\n", SVG_LEFT - 6, y + 4,
		      page->y - 4);
}

void svg_page_shares(struct svg_page *page, const char *const *what, const struct share *shares, size_t count)
{
	struct svg_column columns[] = {
		{ .width = { 11, 11, 11 } },
		{ .width = { 300, 240, 60 }, .bar = true },
		{ .width = { 5, 5, 5 }, .right = true },
		{ .width = { 24, 24, 21 } },
	};

	svg_page_columns(page, columns, ELEMENTS(columns));
	for (size_t i = 0; i < count; i++) {
		unsigned part = shares[i].all ?
					(unsigned)((double)shares[i].sealed * 1000 / (double)shares[i].all) :
					0;
		char percent[16], text[SHARE_TEXT_MAX];

		FORMAT(percent, "%u %%", address_space_percent(shares[i]));
		svg_page_row(page, NULL, 1);
		svg_page_cell(page, &columns[0], COLOUR_NONE, what[i], NULL);
		if (part)
			svg_page_part(page, &columns[1], 0, part, FILL_FULL, COLOUR_GREEN);
		if (part < 1000)
			svg_page_part(page, &columns[1], part, 1000, FILL_NONE, COLOUR_DIM);
		svg_page_cell(page, &columns[2], COLOUR_BOLD, percent, NULL);
		svg_page_cell(page, &columns[3], COLOUR_NONE, share_bar_text(shares[i], text), NULL);
		svg_page_row_end(page);
	}
	page->y += SVG_ROW;
}

/* --- legends --- */

void svg_page_item(struct svg_page *page, enum share_fill fill, enum colour colour, const char *text,
		   bool brief)
{
	enum svg_size first = brief ? SVG_MEDIUM : SVG_WIDE;
	unsigned x[SVG_SIZE_COUNT], y[SVG_SIZE_COUNT];

	for (enum svg_size size = first; size < SVG_SIZE_COUNT; size++) {
		unsigned width = (fill == FILL_COUNT ? 0 : MARK) + pixels(text_width(text, true), size);

		if (!page->flow.x[size]) {
			page->flow.x[size] = SVG_LEFT;
		} else if (page->flow.x[size] + width > page->width[size] - RIGHT) {
			page->flow.x[size] = SVG_LEFT;
			page->flow.y[size] += LINE;
		}
		x[size] = page->flow.x[size];
		y[size] = page->y + page->flow.y[size] + BASE_LINE;
		page->flow.x[size] += width + 2 * gap[size];
		if (x[size] != x[first] || y[size] != y[first])
			(void)fprintf(page->rules[size], ".c%u{transform:translate(%upx,%upx)}\n",
				      page->numbers, x[size], y[size]);
	}
	(void)fprintf(page->body, "<g class=\"c%u%s\" transform=\"translate(%u %u)\">", page->numbers++,
		      brief ? " p6" : "", x[first], y[first]);
	if (fill != FILL_COUNT)
		print_fill(page, "", fill, colour, 0, MARK - 5);
	(void)fprintf(page->body, "<text class=\"dim\" x=\"%d\">", fill == FILL_COUNT ? 0 : MARK);
	svg_escape(page->body, text);
	(void)fputs("</text></g>\n", page->body);
}

void svg_page_items_end(struct svg_page *page)
{
	for (enum svg_size size = 0; size < SVG_SIZE_COUNT; size++) {
		if (page->flow.x[size])
			page->flow.y[size] += LINE;
		page->flow.x[size] = 0;
	}
}

/* --- the file --- */

static void print_style(const struct svg_page *page, FILE *out)
{
	static const char *const hidden[] = {
		[SVG_WIDE] = ".p2,.p4,.p6",
		[SVG_MEDIUM] = ".p1,.p4,.p5",
		[SVG_NARROW] = ".p1,.p2,.p3",
	};

	(void)fputs(
		"<style>\n"
		"text{font:12px ui-monospace,Menlo,Consolas,'DejaVu Sans Mono','Liberation Mono',monospace;"
		"white-space:pre}\n"
		".head{font-size:20px;font-weight:bold}.end{text-anchor:end}\n"
		".line{fill:none;stroke:#818b98}.dash{stroke-dasharray:4 3}\n",
		out);
	(void)fprintf(out,
		      ".hit{width:%upx;height:%dpx;fill:none;pointer-events:all}\n"
		      ".two{height:%dpx}.row:hover .hit{fill:#818b9833}\n",
		      page->width[SVG_WIDE], SVG_ROW, SVG_ROW + SECOND);
	svg_style(out);
	(void)fprintf(out, "%s{display:none}\n", hidden[SVG_WIDE]);
	for (enum svg_size size = SVG_MEDIUM; size < SVG_SIZE_COUNT; size++) {
		(void)fputs("@media ", out);
		if (size + 1 < SVG_SIZE_COUNT)
			(void)fprintf(out, "(min-width:%upx) and ", page->width[size]);
		(void)fprintf(out, "(max-width:%u.9px){\n", page->width[size - 1] - 1);
		if (size == SVG_NARROW)
			(void)fputs("text{font-size:11px}.head{font-size:18px}\n", out);
		(void)fprintf(out, "%s{display:inline}%s{display:none}\n", hidden[SVG_WIDE], hidden[size]);
		(void)fputs(page->rules_text[size] ?: "", out);
		(void)fputs("}\n", out);
	}
	(void)fputs("</style>\n", out);
}

int svg_page_close(struct svg_page *page, const char *title, const char *description, FILE *out)
{
	_cleanup_free_ char *escaped = text_escape(title, true);
	bool failed = page->failed || !escaped;
	unsigned legend = 0;

	/* The file has one height for all sizes. */
	for (enum svg_size size = 0; size < SVG_SIZE_COUNT; size++)
		legend = MAX_OF(legend, page->flow.y[size]);
	failed |= page->body && (ferror(page->body) || fclose(page->body) != 0);
	for (enum svg_size size = 0; size < SVG_SIZE_COUNT; size++)
		failed |= page->rules[size] && (ferror(page->rules[size]) || fclose(page->rules[size]) != 0);
	if (!failed) {
		(void)fprintf(out,
			      "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"100%%\" height=\"%u\" "
			      "role=\"img\" aria-labelledby=\"title description\" lang=\"en\">\n"
			      "<title id=\"title\">",
			      page->y + legend + RIGHT);
		svg_escape(out, escaped);
		(void)fputs("</title>\n<desc id=\"description\">", out);
		svg_escape(out, description);
		(void)fputs("</desc>\n", out);
		print_style(page, out);
		(void)fwrite(page->body_text, 1, page->body_size, out);
		(void)fputs("</svg>\n", out);
	}
	if (page->locale) {
		(void)uselocale(page->before);
		freelocale(page->locale);
	}
	free(page->body_text);
	for (enum svg_size size = 0; size < SVG_SIZE_COUNT; size++)
		free(page->rules_text[size]);
	*page = (struct svg_page){};
	return failed ? -ENOMEM : 0;
}
