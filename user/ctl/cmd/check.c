// SPDX-License-Identifier: LGPL-2.1-or-later
/* msealctl check: requirements that this machine lacks, and how to meet them. */
#include <sys/utsname.h>

#include "ctl/base/client.h"
#include "ctl/base/error.h"
#include "ctl/base/options.h"
#include "ctl/base/reply.h"
#include "ctl/base/terminal.h"
#include "ctl/base/text.h"
#include "ctl/cmd/commands.h"
#include "ctl/view/host_check.h"
#include "lib/base/util.h"

static bool can_run(const struct finding findings[HOST_CHECK_FINDINGS])
{
	for (size_t i = 0; i < HOST_CHECK_FINDINGS; i++)
		if (findings[i].required && findings[i].state == FINDING_MISSING)
			return false;
	return true;
}

static int print_json(const struct finding findings[HOST_CHECK_FINDINGS])
{
	_cleanup_json_ json_t *document = NULL;
	json_t *list = json_array();

	for (size_t i = 0; i < HOST_CHECK_FINDINGS; i++) {
		const struct finding *finding = &findings[i];

		(void)json_array_append_new(
			list, json_pack("{s:s, s:s, s:b, s:o, s:o}", "name", finding->name, "state",
					host_check_state_name(finding->state), "required", finding->required,
					"detail", text_json(finding->detail), "remedy",
					finding->remedy ? text_json(finding->remedy) : json_null()));
	}
	document = json_pack("{s:b, s:o}", "can_run", can_run(findings), "findings", list);
	return document ? client_print_json(document) : error_out_of_memory();
}

static int print_text(const struct finding findings[HOST_CHECK_FINDINGS])
{
	struct terminal terminal = terminal_detect();

	for (size_t i = 0; i < HOST_CHECK_FINDINGS; i++) {
		const struct finding *finding = &findings[i];
		enum colour colour = finding->state == FINDING_OK			    ? COLOUR_GREEN :
				     finding->state == FINDING_MISSING && finding->required ? COLOUR_RED :
											      COLOUR_YELLOW;
		_cleanup_free_ char *detail = text_escape(finding->detail, terminal.utf8);
		_cleanup_free_ char *remedy = text_escape(finding->remedy ? finding->remedy : "",
							  terminal.utf8);

		if (!detail || !remedy)
			return error_out_of_memory();
		(void)printf("%s%-8s%s %-11s %s\n", terminal_on(&terminal, colour),
			     host_check_state_name(finding->state), terminal_off(&terminal, colour),
			     finding->name, detail);
		if (*remedy)
			(void)printf("%*s-> %s\n", 21, "", remedy);
	}
	(void)puts(can_run(findings) ?
			   "\nmseald can run here." :
			   "\nmseald cannot run here before the requirements marked above are met.");
	return CTL_OK;
}

int command_check(struct ctl *ctl, int argc, char **argv)
{
	struct varlink_client *client = NULL;
	struct finding findings[HOST_CHECK_FINDINGS];
	struct machine machine = { .root = "", .is_root = geteuid() == 0 };
	struct utsname name = {};
	bool able;
	int r;

	if (options_none(ctl, argc, argv) == CTL_STOP)
		return ctl->status;
	if (optind < argc)
		return error_usage(ctl, "unexpected argument '%s'", argv[optind]);
	(void)uname(&name);
	machine.release = name.release;
	machine.socket = ctl->socket;
	machine.daemon = varlink_connect(ctl->socket, &client);
	varlink_client_free(client);

	if (host_check_look(&machine, findings) < 0)
		return error_out_of_memory();
	r = ctl->json ? print_json(findings) : print_text(findings);
	able = can_run(findings);
	host_check_free(findings);
	return r ? r : able ? CTL_OK : CTL_FAILURE;
}
