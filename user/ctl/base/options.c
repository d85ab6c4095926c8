// SPDX-License-Identifier: LGPL-2.1-or-later
/* Options and arguments of all commands: see options.h. */
#include <limits.h>

#include "ctl/base/error.h"
#include "ctl/base/options.h"
#include "ctl/base/reply.h"
#include "lib/base/list.h"
#include "lib/base/range.h"
#include "lib/base/util.h"
#include "mseald/shared.h"

void options_print_help(const struct command *command)
{
	(void)printf("Usage: msealctl %s%s%s\n\n%s\n\n"
		     "Options of every command:\n"
		     "  --json                    print JSON\n" CTL_SOCKET_HELP
		     "  --help                    print this\n",
		     command->name, *command->synopsis ? " " : "", command->synopsis, command->description);
	if (command->print_more)
		command->print_more();
}

static int stop(struct ctl *ctl, int status)
{
	ctl->status = status;
	return CTL_STOP;
}

int options_refuse(struct ctl *ctl, int result, char **argv, const struct option *options)
{
	const char *word = argv[optind - 1];

	if (optopt >= CTL_OPTION_HELP) {
		for (; options->name; options++)
			if (options->val == optopt)
				break;
		return stop(ctl, error_usage(ctl, "option --%s %s", options->name ? options->name : "",
					     result == ':' ? "needs a value" : "takes no value"));
	}
	if (optopt)
		return stop(ctl, error_usage(ctl, "there is no option -%c", optopt));
	return stop(ctl, error_usage(ctl, "there is no option %.*s", (int)strcspn(word, "="), word));
}

int options_next(struct ctl *ctl, int argc, char **argv, const struct option *options)
{
	static const struct option global[] = { CTL_GLOBAL_OPTIONS };

	if (!options)
		options = global;
	opterr = 0;
	for (;;) {
		int option = getopt_long(argc, argv, ctl->in_order ? "+:h" : ":h", options, NULL);

		switch (option) {
		case CTL_END: return CTL_END;
		case 'h':
		case CTL_OPTION_HELP: options_print_help(ctl->command); return stop(ctl, CTL_OK);
		case CTL_OPTION_JSON: ctl->json = true; break;
		case CTL_OPTION_SOCKET: ctl->socket = optarg; break;
		case '?':
		case ':': return options_refuse(ctl, option, argv, options);
		default: return option;
		}
	}
}

int options_none(struct ctl *ctl, int argc, char **argv)
{
	return options_next(ctl, argc, argv, NULL) == CTL_END ? 0 : CTL_STOP;
}

int options_parse_pid(const struct ctl *ctl, const char *text, pid_t *ret_pid)
{
	unsigned long value;
	char *end;

	errno = 0;
	value = strtoul(text, &end, 10);
	if (text[0] < '0' || text[0] > '9' || *end || errno || value < 1 || value > INT_MAX)
		return error_usage(ctl, "'%s' is not a PID; a PID is a whole number from 1 to %d", text,
				   INT_MAX);
	*ret_pid = (pid_t)value;
	return 0;
}

int options_parse_address(const struct ctl *ctl, const char *text, uint64_t *ret_address)
{
	unsigned long long value;
	char *end;

	errno = 0;
	value = strtoull(text, &end, 16);
	if (text[0] != '0' || (text[1] != 'x' && text[1] != 'X') || !text[2] || *end || errno)
		return error_usage(ctl, "'%s' is not an address: write it in hexadecimal, as 0x7f12a000",
				   text);
	*ret_address = value;
	return 0;
}

/* --- ranges --- */

struct ranges {
	struct range *list;
	size_t count, allocated;
};

static void free_ranges(struct ranges *ranges)
{
	free(ranges->list);
	*ranges = (struct ranges){};
}

/* The daemon's limit for one request; more would only break the connection. */
#define RANGES_MAX MSEALD_MAX_SEALS

static int ranges_append(struct ranges *ranges, struct range range)
{
	if (ranges->count == RANGES_MAX)
		return error_failure("too many ranges: one request can name %d", RANGES_MAX);
	if (list_grow(&ranges->list, ranges->count, 1, &ranges->allocated, sizeof(*ranges->list)) < 0)
		return error_out_of_memory();
	ranges->list[ranges->count++] = range;
	return 0;
}

#define WRONG_MAX 80

/* NULL if the range is valid, else the fault, in the daemon's words. */
static const char *check_range(const char *text, struct range *ret_range, char wrong[WRONG_MAX])
{
	unsigned long long start, end;
	struct range range;
	char more;
	int r;

	r = range_parse(text, &range);
	if (r == -ERANGE)
		return "is not in user memory";
	if (r < 0 && sscanf(text, "0x%llx-0x%llx%c", &start, &end, &more) == 2)
		return start == end ? "is empty" : "is reversed: its end comes before its start";
	if (r < 0)
		return "is malformed: write 0xSTART-0xEND or 0xSTART+LENGTH";
	if (range.start % page_size() || range.end % page_size()) {
		(void)snprintf(wrong, WRONG_MAX, "is not aligned: both ends must be multiples of %d",
			       (int)page_size());
		return wrong;
	}
	if (range.end > INT64_MAX)
		return "is not in user memory";
	*ret_range = range;
	return NULL;
}

/*
 * An invalid range for a message: cut, in place, to fit in a line of an error even if every byte is escaped.
 */
static const char *shorten(char *text)
{
	enum { SHOWN = 40 };

	if (strlen(text) >= SHOWN + sizeof("..."))
		(void)memcpy(text + SHOWN, "...", sizeof("..."));
	return text;
}

static int parse_ranges(const struct ctl *ctl, char **texts, int count, struct ranges *ranges)
{
	int failed;

	for (int i = 0; i < count; i++) {
		char buffer[WRONG_MAX];
		struct range range;
		const char *wrong = check_range(texts[i], &range, buffer);

		if (wrong)
			return error_usage(ctl, "range %s %s", shorten(texts[i]), wrong);
		failed = ranges_append(ranges, range);
		if (failed)
			return failed;
	}
	return 0;
}

/* Removes white space and comments, in place. */
static char *strip(char *line)
{
	static const char space[] = " \t\r\n\v\f";
	size_t length;

	line += strspn(line, space);
	line[strcspn(line, "#")] = '\0';
	length = strlen(line);
	while (length > 0 && strchr(space, line[length - 1]))
		line[--length] = '\0';
	return line;
}

static int read_ranges(const char *path, struct ranges *ranges)
{
	bool is_stdin = strcmp(path, "-") == 0;
	const char *name = is_stdin ? "standard input" : path;
	_cleanup_fclose_ FILE *opened = NULL;
	_cleanup_free_ char *line = NULL;
	size_t allocated = 0, before = ranges->count;
	FILE *file = stdin;
	ssize_t length;
	int failed;

	if (!is_stdin) {
		file = opened = fopen(path, "re");
		if (!file)
			return error_failure("cannot open %s: %s", name, strerror(errno));
	}
	errno = 0;
	for (unsigned long number = 1; (length = getline(&line, &allocated, file)) >= 0; number++) {
		char *text, buffer[WRONG_MAX];
		struct range range;
		const char *wrong;

		if (strlen(line) != (size_t)length)
			return error_failure("%s, line %lu holds a NUL byte: not a list of ranges", name,
					     number);
		text = strip(line);
		if (!*text)
			continue;
		wrong = check_range(text, &range, buffer);
		if (wrong)
			return error_failure("%s, line %lu: range %s %s", name, number, shorten(text), wrong);
		failed = ranges_append(ranges, range);
		if (failed)
			return failed;
	}
	if (ferror(file))
		return error_failure("cannot read %s: %s", name, strerror(errno));
	/* Without ranges the request would mean all segments, which the user cannot have wanted. */
	if (ranges->count == before)
		return error_failure("%s holds no range; write one on each line, as 0xSTART-0xEND", name);
	return 0;
}

static json_t *ranges_to_json(const struct ranges *ranges)
{
	json_t *array = json_array();

	for (size_t i = 0; array && i < ranges->count; i++) {
		json_t *range = json_pack("{s:I, s:I}", "start", (json_int_t)ranges->list[i].start, "end",
					  (json_int_t)ranges->list[i].end);

		if (!range || json_array_append_new(array, range) < 0) {
			json_decref(array);
			return NULL;
		}
	}
	return array;
}

int options_parse_ranges(const struct ctl *ctl, int argc, char **argv, const char *file,
			 json_t **ret_parameters)
{
	_cleanup_(free_ranges) struct ranges ranges = {};
	_cleanup_json_ json_t *parameters = NULL;
	int r = parse_ranges(ctl, argv + optind, argc - optind, &ranges);

	if (!r && file)
		r = read_ranges(file, &ranges);
	if (r)
		return r;
	parameters = json_object();
	if (!parameters ||
	    (ranges.count && json_object_set_new(parameters, "ranges", ranges_to_json(&ranges)) < 0))
		return error_out_of_memory();
	*ret_parameters = TAKE_PTR(parameters);
	return 0;
}

int options_find_word(const char *word, size_t length, const char *(*name)(int), int count)
{
	for (int i = 0; i < count; i++)
		if (strlen(name(i)) == length && memcmp(name(i), word, length) == 0)
			return i;
	return -1;
}

/* Lists all names as "a, b and c". */
static void list_names(const char *(*name)(int), int count, char *out, size_t size)
{
	size_t length = 0;

	*out = '\0';
	for (int i = 0; i < count && length < size; i++)
		length += (size_t)snprintf(out + length, size - length, "%s%s",
					   i == 0	  ? "" :
					   i == count - 1 ? " and " :
							    ", ",
					   name(i));
}

int options_add_words(struct ctl *ctl, unsigned *mask, const char *list, const char *what,
		      const char *(*name)(int), int count)
{
	unsigned added = 0;
	char known[512];

	for (const char *word = list;; word++) {
		size_t length = strcspn(word, ",");
		int value = options_find_word(word, length, name, count);

		if (value < 0) {
			list_names(name, count, known, sizeof(known));
			return error_usage(ctl, "there is no %s '%.*s'; there are %s", what, (int)length,
					   word, known);
		}
		added |= 1u << value;
		word += length;
		if (!*word)
			break;
	}
	*mask |= added;
	return 0;
}
