// SPDX-License-Identifier: LGPL-2.1-or-later
/* See event_filter.h. */
#include "ctl/base/options.h"
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

int event_filter_add_operations(struct ctl *ctl, struct filter *filter, const char *list)
{
	return options_add_words(ctl, &filter->operations, list, "operation", operation_name,
				 MSEALD_OP_COUNT);
}

int event_filter_add_verdicts(struct ctl *ctl, struct filter *filter, const char *list)
{
	return options_add_words(ctl, &filter->verdicts, list, "verdict", verdict_name, MSEALD_VERDICT_COUNT);
}

/* Unknown names, of a newer daemon, are shown. */
static bool lets(unsigned mask, const char *text, const char *(*name)(int), int count)
{
	int value = text ? options_find_word(text, strlen(text), name, count) : -1;

	return !mask || value < 0 || mask & 1u << value;
}

static bool lets_process(const struct filter *filter, const json_t *event)
{
	return !filter->targets ||
	       targets_had(filter->targets, (pid_t)json_integer_value(json_object_get(event, "pid")),
			   json_string_value(json_object_get(event, "comm")),
			   json_string_value(json_object_get(event, "cgroup_path")));
}

bool event_filter_lets_denial(const struct filter *filter, const json_t *denial)
{
	return !filter->operations && !filter->verdicts && lets_process(filter, denial);
}

bool event_filter_lets(const struct filter *filter, const json_t *event)
{
	return lets_process(filter, event) &&
	       lets(filter->operations, json_string_value(json_object_get(event, "operation")),
		    operation_name, MSEALD_OP_COUNT) &&
	       lets(filter->verdicts, json_string_value(json_object_get(event, "verdict")), verdict_name,
		    MSEALD_VERDICT_COUNT);
}
