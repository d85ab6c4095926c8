// SPDX-License-Identifier: LGPL-2.1-or-later
/* Status: how this kernel enforces each row, and the counts of all users or of the client's user. */
#include <sys/utsname.h>

#include "api/method.h"
#include "base/text.h"
#include "bpf/events.h"
#include "bpf/lock.h"
#include "bpf/probe.h"
#include "lib/base/names_json.h"
#include "policy/reconcile.h"
#include "process/target.h"
#include "seal/set_map.h"

/* Numbers of seals and attempts, and their limits. */
struct counts {
	uint64_t spaces, spaces_max, sets, sets_max;
	uint64_t verdicts[MSEALD_VERDICT_COUNT];
};

static void count_all(struct daemon *daemon, struct counts *ret)
{
	volatile const struct mseald_state *state = programs_state(daemon->programs);

	*ret = (struct counts){ .spaces = state->sealed,
				.spaces_max = MSEALD_MAX_SPACES,
				.sets = set_map_count(daemon->space_map.sets),
				.sets_max = MSEALD_MAX_SETS - 1 };
	for (unsigned op = 0; op < MSEALD_OP_COUNT; op++)
		for (unsigned verdict = 0; verdict < MSEALD_VERDICT_COUNT; verdict++)
			ret->verdicts[verdict] += state->attempts[op][verdict];
}

/* Counts the address spaces of this account, and the attempts in those that exist now. */
static int count_account(struct daemon *daemon, uid_t account, struct counts *ret)
{
	size_t spaces, sets, seals;
	int r = space_map_count_account(&daemon->space_map, account, &spaces, &sets, &seals, ret->verdicts);

	if (r < 0)
		return r;
	ret->spaces = spaces;
	ret->sets = sets;
	return 0;
}

/* Counts one process. */
static void count_process(struct daemon *daemon, pid_t pid, struct counts *ret)
{
	_cleanup_(target_close) struct target target = TARGET_EMPTY;
	struct error ignored;
	struct mseald_space space;

	if (target_open(daemon->programs, pid, &target, &ignored) < 0 ||
	    space_map_read_space(&daemon->space_map, target.key, &space) < 0)
		return;
	ret->spaces = ret->sets = MSEALD_WORD_SET(space.word) != 0;
	memcpy(ret->verdicts, space.verdicts, sizeof(ret->verdicts));
}

/* Many containers may share one uid, especially 0: inside a container only the client itself is counted. */
static int count_own(struct connection *connection, struct counts *ret)
{
	struct daemon *daemon = connection->server->daemon;
	_cleanup_(client_close) struct client client = CLIENT_EMPTY;

	*ret = (struct counts){ .spaces_max = daemon->config.user_spaces,
				.sets_max = daemon->config.user_spaces };
	connection_look(connection, &client);
	if (client.same_pids && client.uid != 0)
		return count_account(daemon, client.account, ret);
	if (client_lives(&client))
		count_process(daemon, client.pid, ret);
	return 0;
}

static json_t *status_rows(struct daemon *daemon, const char *preemption)
{
	bool preempts = strcmp(preemption, "none") != 0 && strcmp(preemption, "voluntary") != 0;
	const struct coverage *coverage = programs_coverage(daemon->programs);
	const struct decision *decisions = coverage->decisions;
	json_t *rows = json_array();

	for (size_t i = 0; i < coverage->decisions_count; i++) {
		enum mechanism mechanism = decisions[i].mechanism;
		json_t *row = json_pack(
			"{s:i,s:s,s:s,s:o,s:s,s:s,s:b,s:s}", "row", decisions[i].row, "operation",
			names_op(decisions[i].op), "description", decisions[i].description, "deny",
			names_json_deny(decisions[i].deny), "outcome",
			mechanism == MECHANISM_NONE   ? "not covered" :
			mechanism == MECHANISM_KERNEL ? "EINVAL" :
			mechanism == MECHANISM_KILL   ? "SIGKILL" :
							"EPERM",
			"by", coverage_mechanism(mechanism), "raced",
			(mechanism == MECHANISM_KILL || mechanism == MECHANISM_OVERRIDE) && preempts,
			"native", coverage_native_scope(decisions[i].native));

		if (row && decisions[i].note)
			(void)json_object_set_new(row, "note", json_string(decisions[i].note));
		(void)json_array_append_new(rows, row);
	}
	return rows;
}

/* Starts of programs that a policy applies to; NULL unless root. */
static json_t *starts_json(struct connection *connection)
{
	struct daemon *daemon = connection->server->daemon;
	volatile const struct mseald_state *state = programs_state(daemon->programs);
	const struct late *late = reconcile_late(daemon->reconcile);
	uint64_t sealed_late = 0, ended = 0;

	if (!connection->root)
		return NULL;
	for (size_t i = 0; i < ELEMENTS(late->processes); i++)
		sealed_late += late->processes[i];
	for (size_t i = 0; i < ELEMENTS(state->ended); i++)
		ended += state->ended[i];
	return json_pack("{s:I,s:I,s:I,s:I}", "programs", (json_int_t)state->starts, "late",
			 (json_int_t)sealed_late, "ended", (json_int_t)ended, "pool_empty",
			 (json_int_t)state->left[MSEALD_LEFT_POOL]);
}

int method_status(struct connection *connection, json_t *parameters)
{
	struct daemon *daemon = connection->server->daemon;
	const char *preemption = probe_preemption();
	struct counts counts = {};
	struct utsname name = {};
	int r = 0;

	(void)uname(&name);
	if (connection->root)
		count_all(daemon, &counts);
	else
		r = count_own(connection, &counts);
	if (r < 0)
		return r;
	return connection_reply(
		connection,
		json_pack("{s:s,s:s,s:b,s:s,s:o,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:o*,s:o*}",
			  "version", MSEALD_VERSION, "kernel", name.release, "attached",
			  programs_attached(daemon->programs), "preemption", preemption, "rows",
			  status_rows(daemon, preemption), "spaces", (json_int_t)counts.spaces, "sets",
			  (json_int_t)counts.sets, "spaces_max", (json_int_t)counts.spaces_max, "sets_max",
			  (json_int_t)counts.sets_max, "lost", (json_int_t)events_lost(&daemon->events),
			  "misses", (json_int_t)programs_misses(daemon->programs, NULL), "denied",
			  (json_int_t)counts.verdicts[MSEALD_VERDICT_DENIED], "killed",
			  (json_int_t)counts.verdicts[MSEALD_VERDICT_KILLED], "audited",
			  (json_int_t)counts.verdicts[MSEALD_VERDICT_AUDITED], "unsealed",
			  (json_int_t)reconcile_unsealed(daemon->reconcile), "starts",
			  starts_json(connection), "lock", connection->root ? lock_json(daemon->lock) : NULL),
		false);
}
