// SPDX-License-Identifier: LGPL-2.1-or-later
/* Metrics: all counters, for monitoring many machines. Every call reads all of them anew. */
#include <sys/utsname.h>

#include "api/method.h"
#include "bpf/lock.h"
#include "bpf/map.h"
#include "lib/base/names.h"
#include "policy/active.h"
#include "policy/reconcile.h"
#include "seal/set_map.h"

static json_t *attempts_json(volatile const struct mseald_state *state)
{
	json_t *list = json_array();

	for (unsigned op = 0; op < MSEALD_OP_COUNT; op++)
		for (unsigned verdict = 0; verdict < MSEALD_VERDICT_COUNT; verdict++)
			(void)json_array_append_new(list,
						    json_pack("{s:s,s:s,s:I}", "operation", names_op(op),
							      "verdict", names_verdict(verdict), "attempts",
							      (json_int_t)state->attempts[op][verdict]));
	return list;
}

static void add_map(json_t *list, const char *name, uint64_t entries, uint64_t limit)
{
	(void)json_array_append_new(list, json_pack("{s:s,s:I,s:I}", "map", name, "entries",
						    (json_int_t)entries, "limit", (json_int_t)limit));
}

/* Numbers of processes or objects, by the reason why the kernel left them to the daemon. */
static json_t *reasons_json(const char *what, volatile const __u64 *numbers, size_t count)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < count; i++)
		(void)json_array_append_new(list, json_pack("{s:s,s:I}", "reason", left_name(i), what,
							    (json_int_t)numbers[i]));
	return list;
}

/* As in an OpenMetrics histogram, each bucket includes the lower ones. */
static json_t *delays_json(const struct late *late)
{
	json_t *list = json_array();
	uint64_t sum = 0;

	for (size_t i = 0; i <= LATE_DELAYS; i++) {
		char le[32] = "+Inf";

		if (i < LATE_DELAYS)
			FORMAT(le, "%g", late_bounds[i] / 1e6);
		sum += late->delays[i];
		(void)json_array_append_new(list,
					    json_pack("{s:s,s:I}", "le", le, "processes", (json_int_t)sum));
	}
	return list;
}

static uint64_t count_keys(struct programs *programs, const char *map)
{
	return map_keys_count(programs_map_fd(programs, map));
}

static json_t *maps_json(struct daemon *daemon)
{
	volatile const struct mseald_state *state = programs_state(daemon->programs);
	json_t *list = json_array();

	add_map(list, "spaces", state->entries, MSEALD_MAX_SPACES);
	add_map(list, "sets", set_map_count(daemon->space_map.sets), MSEALD_MAX_SETS - 1);
	add_map(list, "pool", set_map_count_pooled(daemon->space_map.sets), MSEALD_POOL_SETS - 1);
	add_map(list, "files", state->files, MSEALD_MAX_FILES);
	add_map(list, "accounts", count_keys(daemon->programs, "accounts"), MSEALD_MAX_ACCOUNTS);
	add_map(list, "user_spaces", state->charged, MSEALD_QUOTA_USERS);
	add_map(list, "labels", count_keys(daemon->programs, "labels"), MSEALD_MAX_LABELS);
	add_map(list, "report", count_keys(daemon->programs, "report"), MSEALD_MAX_TALLIES);
	add_map(list, "triggers", count_keys(daemon->programs, "triggers"), MSEALD_MAX_TRIGGERS);
	return list;
}

/* Seals of all address spaces; a set that forks share is read once. */
static uint64_t count_seals(struct daemon *daemon)
{
	_cleanup_free_ size_t *seals = calloc(MSEALD_MAX_SETS, sizeof(*seals));
	_cleanup_free_ struct mseald_space *spaces = NULL;
	_cleanup_free_ uint64_t *keys = NULL;
	uint64_t sum = 0;
	size_t count;

	if (!seals || space_map_read_spaces(&daemon->space_map, &keys, &spaces, &count) < 0)
		return 0;
	for (size_t i = 0; i < count; i++) {
		uint32_t set = MSEALD_WORD_SET(spaces[i].word);

		if (set && !seals[set])
			(void)set_map_read_count(daemon->space_map.sets, set, &seals[set]);
		sum += seals[set];
	}
	return sum;
}

int method_metrics(struct connection *connection, json_t *parameters)
{
	struct daemon *daemon = connection->server->daemon;
	volatile const struct mseald_state *state = programs_state(daemon->programs);
	const struct late *late = reconcile_late(daemon->reconcile);
	struct utsname name = {};
	json_t *reply;

	(void)uname(&name);
	reply = json_pack("{s:s,s:s,s:I,s:b,s:I,s:o,s:o,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:o,"
			  "s:o,s:o,s:o,s:I,s:b,s:o}",
			  "version", MSEALD_VERSION, "kernel", name.release, "started",
			  (json_int_t)daemon->started, "attached", programs_attached(daemon->programs),
			  "generation", (json_int_t)programs_generation(daemon->programs), "attempts",
			  attempts_json(state), "maps", maps_json(daemon), "spaces",
			  (json_int_t)state->sealed, "seals", (json_int_t)count_seals(daemon), "lost",
			  (json_int_t)state->lost, "lost_unused", (json_int_t)state->lost_unused,
			  "lost_exec_events", (json_int_t)state->lost_exec_events, "misses",
			  (json_int_t)programs_misses(daemon->programs, NULL), "policies",
			  (json_int_t)active_policies(&daemon->active)->count, "policy_faults",
			  (json_int_t)daemon->active.faults, "pending",
			  (json_int_t)reconcile_count_pending(daemon->reconcile), "unsealed",
			  (json_int_t)reconcile_unsealed(daemon->reconcile), "starts",
			  (json_int_t)state->starts, "objects", (json_int_t)state->objects, "objects_left",
			  reasons_json("objects", state->left, MSEALD_LEFT_COUNT), "late",
			  reasons_json("processes", late->processes, LEFT_START_COUNT), "ended",
			  reasons_json("processes", state->ended, MSEALD_LEFT_COUNT + 1), "delays",
			  delays_json(late), "delays_us", (json_int_t)late->delays_us, "locked",
			  lock_is_complete(daemon->lock), "lock_denials",
			  lock_denials_json(daemon->lock, true));
	return reply ? connection_reply(connection, reply, false) : -ENOMEM;
}
