// SPDX-License-Identifier: LGPL-2.1-or-later
/* Seal and Unseal. */
#include <inttypes.h>

#include "api/method.h"
#include "base/log.h"
#include "base/text.h"
#include "lib/base/names_json.h"
#include "seal/gc.h"
#include "seal/seal.h"

/* --- the log --- */

static void request_fields(struct log_fields *fields, const struct ucred *peer, pid_t pid)
{
	log_field(fields, "OBJECT_PID=%d", pid);
	log_field(fields, "MSEALD_CLIENT_PID=%d", peer->pid);
	log_field(fields, "MSEALD_CLIENT_UID=%u", peer->uid);
}

static void log_sealed(const struct connection *connection, pid_t pid, const struct seal_result *result)
{
	const struct ucred *peer = &connection->peer;
	struct log_fields fields = {};

	request_fields(&fields, peer, pid);
	log_field(&fields, "MSEALD_SPACE=%" PRIu64, result->space);
	log_field(&fields, "MSEALD_BYTES=%" PRIu64, result->bytes);
	log_field(&fields, "MSEALD_SEALS=%zu", result->seals);
	/* Otherwise a user could fill the log. */
	log_entry(connection->root ? LOG_LEVEL_INFO : LOG_LEVEL_DEBUG, LOG_ABOUT_SEALED, &fields,
		  "sealed %" PRIu64 " bytes of pid %d%s, for pid %d of user %u; it has %zu seals now",
		  result->bytes, pid, result->native ? ", also by mseal(2)" : "", peer->pid, peer->uid,
		  result->seals);
}

static void log_unsealed(const struct connection *connection, pid_t pid, uint64_t bytes, size_t seals)
{
	const struct ucred *peer = &connection->peer;
	struct log_fields fields = {};

	request_fields(&fields, peer, pid);
	log_field(&fields, "MSEALD_BYTES=%" PRIu64, bytes);
	log_field(&fields, "MSEALD_SEALS=%zu", seals);
	log_entry(LOG_LEVEL_NOTICE, LOG_ABOUT_UNSEALED, &fields,
		  "unsealed %" PRIu64 " bytes of pid %d, for pid %d of user %u; it has %zu seals now", bytes,
		  pid, peer->pid, peer->uid, seals);
}

/* --- Seal --- */

/* Errors have mseald's pid; a client in another pid namespace gets both pids. */
static int reply_failure_for(struct connection *connection, const struct client *client, struct error *error)
{
	struct error both = *error;
	pid_t theirs = error->pid && client->rank != CLIENT_ROOT && !client->same_pids ?
			       client_pid_for(client, error->pid) :
			       0;

	if (theirs) {
		both.pid = theirs;
		FORMAT(both.message, "%.400s (pid %d is %d in the client's pid namespace)", error->message,
		       error->pid, theirs);
	}
	return reply_failure(connection, &both);
}

struct sealing {
	struct client client;
	json_t *planned; /* with a dry run */
};

static void sealing_close(struct sealing *sealing)
{
	client_close(&sealing->client);
	json_decref(sealing->planned);
}

static int authorize(void *context, const struct target *target, struct error *error)
{
	return client_may(&((struct sealing *)context)->client, target, error);
}

/* Keeps the plan, as io.mseald.PlannedRange. */
static int keep_plan(void *context, const struct plan *plan)
{
	struct sealing *sealing = context;

	sealing->planned = json_array();
	for (size_t i = 0; i < plan->count; i++) {
		const struct seal *seal = &plan->seals[i];
		const struct mapping *mapping = proc_maps_find(&plan->inspection.maps, seal->start);
		json_t *range = json_pack("{s:I,s:I,s:s,s:o,s:o,s:o,s:o*}", "start", (json_int_t)seal->start,
					  "end", (json_int_t)seal->end, "segment",
					  names_segment(seal->segment), "deny",
					  names_json_deny(seal_deny(seal, MSEALD_ACTION_DENY)), "kill",
					  names_json_deny(seal_deny(seal, MSEALD_ACTION_KILL)), "audit",
					  names_json_deny(seal_deny(seal, MSEALD_ACTION_AUDIT)), "path",
					  text_json(mapping && *mapping->path ? mapping->path : NULL));

		if (json_array_append_new(sealing->planned, range) < 0)
			return -ENOMEM;
	}
	return 0;
}

int method_seal(struct connection *connection, json_t *parameters)
{
	struct seal_request request = { .seal = SEAL_SPEC_DEFAULT };
	_cleanup_(sealing_close) struct sealing sealing = { .client = CLIENT_EMPTY };
	struct client *client = &sealing.client;
	struct daemon *daemon = connection->server->daemon;
	_cleanup_free_ struct range *ranges = NULL;
	struct error error = {};
	struct seal_result result;
	const char *bad;
	int r;

	connection_look(connection, client);
	r = client_read_pid(client, parameters, true, &request.pid, &bad, &error);
	if (r == -EBADR)
		return reply_failure(connection, &error);
	if (r >= 0)
		r = params_seal_spec(parameters, &request.seal, &bad);
	if (r >= 0)
		r = params_ranges(parameters, &ranges, &request.count, &bad);
	if (r >= 0)
		r = params_bool(parameters, "dry_run", &request.dry_run, &bad);
	if (r < 0)
		return reply_bad(connection, r, bad);
	request.authorize = authorize;
	request.planned = keep_plan;
	request.context = &sealing;
	request.limited = client->rank != CLIENT_ROOT;
	if (request.count && params_given(parameters, "segments"))
		return reply_invalid(connection, "segments");
	request.ranges = ranges;
	if (request.limited)
		gc_extend_grace(&daemon->gc);
	r = seal_process(daemon->programs, &daemon->space_map, &request, &result, &error);
	if (r < 0)
		gc_after_failure(&daemon->gc);
	gc_collect(&daemon->gc);
	if (r < 0)
		return reply_failure_for(connection, client, &error);
	if (!request.dry_run)
		log_sealed(connection, request.pid, &result);
	return connection_reply(connection,
				json_pack("{s:I,s:I,s:I,s:I,s:b,s:s*,s:O*}", "space",
					  (json_int_t)result.space, "ranges", (json_int_t)result.ranges,
					  "bytes", (json_int_t)result.bytes, "seals",
					  (json_int_t)result.seals, "native", result.native, "why_not_native",
					  result.why_not_native, "planned", sealing.planned),
				false);
}

/* --- Unseal --- */

struct unsealing {
	struct daemon *daemon;
	struct client client;
};

/* Refuses clients in that address space: a sealed program must not have its own seals removed. */
static int authorize_unsealing(void *context, const struct target *target, struct error *error)
{
	const struct unsealing *unsealing = context;
	const struct client *client = &unsealing->client;
	struct daemon *daemon = unsealing->daemon;
	_cleanup_(target_close) struct target own = TARGET_EMPTY;
	struct mseald_space theirs = {}, ours = {};
	struct error ignored;

	if (client->proc_fd < 0 || target_open(daemon->programs, client->pid, &own, &ignored) < 0 ||
	    !client_lives(client))
		return error_about(error, "PermissionDenied", target->pid,
				   ": cannot unseal: the client has exited, or is not visible to mseald");
	(void)space_map_read_space(&daemon->space_map, target->key, &theirs);
	(void)space_map_read_space(&daemon->space_map, own.key, &ours);
	if (own.key != target->key &&
	    (!MSEALD_WORD_SET(theirs.word) || MSEALD_WORD_SET(theirs.word) != MSEALD_WORD_SET(ours.word)))
		return 0;
	return error_about(error, "PermissionDenied", target->pid,
			   ": cannot unseal: the client, pid %d, has the same seals itself", client->pid);
}

int method_unseal(struct connection *connection, json_t *parameters)
{
	struct daemon *daemon = connection->server->daemon;
	struct unsealing unsealing = { .daemon = daemon, .client = CLIENT_EMPTY };
	struct seal_request request = { .authorize = authorize_unsealing, .context = &unsealing };
	_cleanup_free_ struct range *ranges = NULL;
	struct error error = {};
	size_t seals = 0;
	uint64_t bytes = 0;
	const char *bad;
	int r;

	r = params_pid(parameters, true, &request.pid, &bad);
	if (r >= 0)
		r = params_ranges(parameters, &ranges, &request.count, &bad);
	if (r >= 0)
		r = params_bool(parameters, "dry_run", &request.dry_run, &bad);
	if (r < 0)
		return reply_bad(connection, r, bad);
	request.ranges = ranges;
	connection_look(connection, &unsealing.client);
	r = seal_revoke(daemon->programs, &daemon->space_map, &request, &bytes, &seals, &error);
	client_close(&unsealing.client);
	gc_collect(&daemon->gc);
	if (r < 0)
		return reply_failure(connection, &error);
	if (!request.dry_run)
		log_unsealed(connection, request.pid, bytes, seals);
	return connection_reply(
		connection, json_pack("{s:I,s:I}", "bytes", (json_int_t)bytes, "seals", (json_int_t)seals),
		false);
}
