// SPDX-License-Identifier: LGPL-2.1-or-later
/* Parses SEAL OPTIONS: see seal_options.h. */
#include "ctl/base/error.h"
#include "ctl/base/seal_options.h"
#include "lib/base/names_json.h"
#include "lib/base/util.h"

static int parse_list(const struct ctl *ctl, const char *option, const char *value, const char *words,
		      int (*parse)(const char *list, unsigned *ret, char **ret_bad), unsigned *mask)
{
	_cleanup_free_ char *bad = NULL;
	unsigned parsed = 0;
	int r;

	r = parse(value, &parsed, &bad);
	if (r == -ENOMEM)
		return error_out_of_memory();
	if (r < 0 || parsed == 0)
		return error_usage(ctl, "--%s does not know '%s'; it takes %s", option, bad ? bad : value,
				   words);
	*mask |= parsed;
	return 0;
}

int seal_options_take(const struct ctl *ctl, struct seal_options *opts, int option, const char *value)
{
	switch (option) {
	case SEAL_OPTION_SEGMENTS:
		return parse_list(ctl, "segments", value, "text, rodata, relro, data, vdso, stack, all",
				  names_parse_segments, &opts->segments);
	case SEAL_OPTION_DENY:
		return parse_list(ctl, "deny", value,
				  "mprotect, unmap, discard, foreign-write, file-write, all",
				  names_parse_deny, &opts->deny);
	case SEAL_OPTION_ACTION:
		if (names_find_action(value) < 0)
			return error_usage(ctl, "--action does not know '%s'; it takes deny, kill or audit",
					   value);
		opts->action = value;
		return 0;
	case SEAL_OPTION_REVOCABLE: opts->revocable = true; return 0;
	default: return error_usage(ctl, "unknown option");
	}
}

int seal_options_to_json(const struct seal_options *opts, json_t *parameters)
{
	if (opts->segments &&
	    json_object_set_new(parameters, "segments", names_json_segments(opts->segments)) < 0)
		return -ENOMEM;
	if (opts->deny && json_object_set_new(parameters, "deny", names_json_deny(opts->deny)) < 0)
		return -ENOMEM;
	if (opts->action && json_object_set_new(parameters, "action", json_string(opts->action)) < 0)
		return -ENOMEM;
	if (opts->revocable && json_object_set_new(parameters, "revocable", json_true()) < 0)
		return -ENOMEM;
	return 0;
}
