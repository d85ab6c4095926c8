// SPDX-License-Identifier: LGPL-2.1-or-later
/* msealctl monitor: attempts as they happen, until interrupted. */
#include <inttypes.h>
#include <signal.h>

#include "ctl/base/client.h"
#include "ctl/base/error.h"
#include "ctl/base/options.h"
#include "ctl/base/reply.h"
#include "ctl/base/terminal.h"
#include "ctl/cmd/commands.h"
#include "ctl/view/event.h"
#include "ctl/view/event_filter.h"
#include "lib/base/clock.h"
#include "lib/base/util.h"

/*
 * Every line is written whole immediately, so nothing needs to be finished: the handler can safely exit at
 * any point.
 */
static void on_signal(int signal)
{
	_exit(CTL_OK);
}

static int print_line(const struct terminal *terminal, enum colour colour, const char *line)
{
	if (printf("%s%s%s\n", terminal_on(terminal, colour), line, terminal_off(terminal, colour)) < 0 ||
	    fflush(stdout) != 0)
		return error_printing();
	return 0;
}

static int print_event(const struct terminal *terminal, const json_t *event)
{
	_cleanup_free_ char *line = event_line(event, event_clock_offset(), terminal->utf8);
	const char *verdict = reply_string(event, "verdict");

	if (!line)
		return error_out_of_memory();
	return print_line(terminal,
			  strcmp(verdict, "killed") == 0  ? COLOUR_RED :
			  strcmp(verdict, "audited") == 0 ? COLOUR_YELLOW :
							    COLOUR_NONE,
			  line);
}

static int print_denial(const struct terminal *terminal, const json_t *denial)
{
	_cleanup_free_ char *line = event_denial_line(denial, event_clock_offset(), terminal->utf8);

	return line ? print_line(terminal, COLOUR_RED, line) : error_out_of_memory();
}

static int print_lost(const struct terminal *terminal, uint64_t lost)
{
	char line[160], time[EVENT_TIME_MAX];

	(void)snprintf(line, sizeof(line),
		       "%s %" PRIu64 " event%s lost: a buffer was full (the attempts were denied all "
		       "the same)",
		       event_time((int64_t)clock_ns(CLOCK_REALTIME), time), lost, lost == 1 ? "" : "s");
	return print_line(terminal, COLOUR_YELLOW, line);
}

/* Prints one object per line, with the time of day added to the event. */
static int print_json(json_t *reply)
{
	json_t *event = json_object_get(reply, "event") ?: json_object_get(reply, "denial");
	_cleanup_free_ char *text = NULL;

	if (json_is_object(event)) {
		char time[EVENT_TIME_MAX];
		int64_t realtime = (int64_t)reply_integer(event, "time") + event_clock_offset();

		(void)json_object_set_new(event, "local_time", json_string(event_time(realtime, time)));
	}
	text = json_dumps(reply, JSON_COMPACT);
	if (!text)
		return error_out_of_memory();
	if (puts(text) < 0 || fflush(stdout) != 0)
		return error_printing();
	return 0;
}

static int print_reply(const struct ctl *ctl, const struct terminal *terminal, const struct filter *filter,
		       json_t *reply)
{
	const json_t *event = json_object_get(reply, "event"), *denial = json_object_get(reply, "denial");
	uint64_t lost = reply_integer(reply, "lost");
	int r = 0;

	if (json_is_object(event) && !event_filter_lets(filter, event)) {
		event = NULL;
		(void)json_object_del(reply, "event");
	}

	if (json_is_object(denial) && !event_filter_lets_denial(filter, denial)) {
		denial = NULL;
		(void)json_object_del(reply, "denial");
	}
	if (!json_is_object(event) && !json_is_object(denial) && lost == 0)
		return 0;
	if (ctl->json)
		return print_json(reply);
	if (lost)
		r = print_lost(terminal, lost);
	if (r == 0 && json_is_object(event))
		r = print_event(terminal, event);
	if (r == 0 && json_is_object(denial))
		r = print_denial(terminal, denial);
	return r;
}

static int receive_all(const struct ctl *ctl, const struct filter *filter, struct varlink_client *client)
{
	struct terminal terminal = terminal_detect();
	bool continues = true;

	while (continues) {
		_cleanup_json_ json_t *reply = NULL;
		_cleanup_free_ char *error = NULL;
		int r;

		r = varlink_receive(client, &reply, &error, &continues);
		if (r < 0)
			return client_complain_connection(ctl, r);
		if (r > 0)
			return client_complain_reply(error, reply);
		r = print_reply(ctl, &terminal, filter, reply);
		if (r)
			return r;
	}
	return CTL_OK;
}

int command_monitor(struct ctl *ctl, int argc, char **argv)
{
	enum { OPTION_OPERATION = CTL_OPTION_OWN, OPTION_VERDICT };
	static const struct option options[] = {
		{ "operation", required_argument, NULL, OPTION_OPERATION },
		{ "verdict", required_argument, NULL, OPTION_VERDICT },
		TARGETS_OPTIONS_LONG,
		CTL_GLOBAL_OPTIONS,
	};
	const struct sigaction action = { .sa_handler = on_signal };
	_cleanup_client_ struct varlink_client *client = NULL;
	_cleanup_json_ json_t *parameters = NULL;
	_cleanup_(targets_free) struct targets targets = {};
	struct filter filter = {};
	int option, r = 0;

	while ((option = options_next(ctl, argc, argv, options)) != CTL_END) {
		if (option == CTL_STOP)
			return ctl->status;
		if (!targets_take(&targets, option, optarg, &r))
			r = option == OPTION_OPERATION ? event_filter_add_operations(ctl, &filter, optarg) :
							 event_filter_add_verdicts(ctl, &filter, optarg);
		if (r)
			return r;
	}
	r = targets_parse_all(ctl, &targets, argc, argv);
	if (r)
		return r;
	/* The daemon filters by a single pid; names are looked up at each attempt. */
	filter.targets = targets.count > 1 || targets.name_count ? &targets : NULL;
	parameters = targets.count && !filter.targets ? json_pack("{s:i}", "pid", targets.list[0]) :
							json_object();
	if (!parameters)
		return error_out_of_memory();
	/* Full buffering, so that each line is written by one write. */
	(void)setvbuf(stdout, NULL, _IOFBF, 1 << 16);
	(void)sigaction(SIGINT, &action, NULL);
	(void)sigaction(SIGTERM, &action, NULL);

	r = client_connect(ctl, &client);
	if (r)
		return r;
	r = varlink_send_more(client, "io.mseald.Monitor", parameters);
	if (r < 0)
		return client_complain_connection(ctl, r);
	return receive_all(ctl, &filter, client);
}
