// SPDX-License-Identifier: LGPL-2.1-or-later
/* msealctl map: draws the address space of a process. */
#include "ctl/base/client.h"
#include "ctl/base/error.h"
#include "ctl/base/options.h"
#include "ctl/base/reply.h"
#include "ctl/base/text.h"
#include "ctl/cmd/commands.h"
#include "ctl/view/map_drawing.h"
#include "ctl/view/map_svg.h"
#include "lib/base/names_json.h"
#include "lib/base/util.h"

static json_t *row_to_json(const struct row *row)
{
	const struct mapping *mapping = row->mapping;
	const char permissions[] = {
		mapping->read ? 'r' : '-',
		mapping->write ? 'w' : '-',
		mapping->exec ? 'x' : '-',
		mapping->shared ? 's' : 'p',
		'\0',
	};

	return json_pack("{s:I, s:I, s:s, s:I, s:o, s:o, s:I, s:o, s:o, s:o}", "start",
			 (json_int_t)mapping->start, "end", (json_int_t)mapping->end, "permissions",
			 permissions, "offset", (json_int_t)mapping->offset, "path", text_json(mapping->path),
			 "segments", names_json_segments(row->segments & MSEALD_SEGMENTS_ALL), "sealed",
			 (json_int_t)row->sealed, "deny", names_json_deny(row->deny[MSEALD_ACTION_DENY]),
			 "kill", names_json_deny(row->deny[MSEALD_ACTION_KILL]), "audit",
			 names_json_deny(row->deny[MSEALD_ACTION_AUDIT]));
}

static int print_json(const struct address_space *space)
{
	struct share all = address_space_share(space, SHARE_ALL),
		     executable = address_space_share(space, SHARE_EXECUTABLE);
	_cleanup_json_ json_t *document = NULL;
	json_t *mappings = json_array();

	for (size_t i = 0; i < space->maps.count; i++) {
		/*
		 * Addresses of the kernel's mappings above user memory do not fit in JSON integers, and
		 * cannot be sealed.
		 */
		if (space->maps.list[i].end > INT64_MAX)
			continue;
		if (json_array_append_new(mappings, row_to_json(&space->rows[i])) < 0) {
			json_decref(mappings);
			return error_out_of_memory();
		}
	}
	document = json_pack("{s:i, s:o, s:I, s:I, s:I, s:I, s:I, s:o}", "pid", space->pid, "comm",
			     text_json(space->comm), "seals", (json_int_t)space->seals.count, "bytes",
			     (json_int_t)all.all, "sealed", (json_int_t)all.sealed, "executable_bytes",
			     (json_int_t)executable.all, "executable_sealed", (json_int_t)executable.sealed,
			     "mappings", mappings);
	return document ? client_print_json(document) : error_out_of_memory();
}

int command_map(struct ctl *ctl, int argc, char **argv)
{
	enum { OPTION_SVG = CTL_OPTION_OWN };
	static const struct option options[] = {
		{ "svg", no_argument, NULL, OPTION_SVG },
		CTL_GLOBAL_OPTIONS,
	};
	_cleanup_(address_space_free) struct address_space space = {};
	_cleanup_json_ json_t *document = NULL;
	struct terminal terminal;
	bool svg = false;
	int option, r;
	pid_t pid;

	while ((option = options_next(ctl, argc, argv, options)) != CTL_END) {
		if (option == CTL_STOP)
			return ctl->status;
		svg = true;
	}
	if (svg && ctl->json)
		return error_usage(ctl, "--svg and --json exclude each other");
	if (argc - optind != 1)
		return error_usage(ctl, optind == argc ? "no PID given" : "one PID only");
	r = options_parse_pid(ctl, argv[optind], &pid);
	if (r)
		return r;
	r = spaces_fetch(ctl, pid, &document);
	if (r)
		return r;
	r = address_space_read(pid, document, &space);
	if (r)
		return r;
	if (ctl->json)
		return print_json(&space);
	terminal = terminal_detect();
	r = svg ? map_svg_print(&space, stdout) : map_drawing_print(&space, &terminal, stdout);
	return r < 0 ? error_out_of_memory() : CTL_OK;
}
