// SPDX-License-Identifier: LGPL-2.1-or-later
/* See event_filter.h. */
#include "ctl/base/error.h"
#include "ctl/view/event_filter.h"
#include "lib/base/names.h"

#include <string.h>

static const char *operation_name(int value)
{
	return names_op((enum mseald_op)value);
}

static const char *verdict_name(int value)
{
	return names_verdict((enum mseald_verdict)value);
}

static int find(const char *word, size_t length, const char *(*name)(int), int count)
{
	for (int i = 0; i < count; i++)
		if (strlen(name(i)) == length && memcmp(name(i), word, length) == 0)
			return i;
	return -1;
}

/* "a, b and c" of all names. */
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

static int add(struct ctl *ctl, unsigned *mask, const char *list, const char *what, const char *(*name)(int),
	       int count)
{
	unsigned added = 0;
	char known[512];

	for (const char *word = list;; word++) {
		size_t length = strcspn(word, ",");
		int value = find(word, length, name, count);

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

int event_filter_add_operations(struct ctl *ctl, struct filter *filter, const char *list)
{
	return add(ctl, &filter->operations, list, "operation", operation_name, MSEALD_OP_COUNT);
}

int event_filter_add_verdicts(struct ctl *ctl, struct filter *filter, const char *list)
{
	return add(ctl, &filter->verdicts, list, "verdict", verdict_name, MSEALD_VERDICT_COUNT);
}

/* A name that this version does not know is shown. */
static bool lets(unsigned mask, const char *text, const char *(*name)(int), int count)
{
	int value = text ? find(text, strlen(text), name, count) : -1;

	return !mask || value < 0 || mask & 1u << value;
}

bool event_filter_lets(const struct filter *filter, const json_t *event)
{
	return lets(filter->operations, json_string_value(json_object_get(event, "operation")),
		    operation_name, MSEALD_OP_COUNT) &&
	       lets(filter->verdicts, json_string_value(json_object_get(event, "verdict")), verdict_name,
		    MSEALD_VERDICT_COUNT);
}
