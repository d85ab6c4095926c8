// SPDX-License-Identifier: LGPL-2.1-or-later
/* See telling.h. */
#include "telling.h"

#include <errno.h>
#include <inttypes.h>
#include <time.h>

#include "cgroup.h"
#include "containers.h"
#include "flood.h"
#include "labels.h"
#include "log.h"
#include "lib/base/names.h"

struct telling {
	struct daemon *daemon;
	sd_event_source *timer;		/* the end of the window */
	struct flood flood;
};

_Static_assert(LOG_COMM_MAX == MSEALD_COMM_LEN + 1, "room for a name");

/* --- attempts --- */

static void whose_fields(const struct telling *telling, const struct mseald_event *event, const char *container,
			 struct log_fields *fields)
{
	_cleanup_free_ char *cgroup = cgroup_path(event->cgroup);
	struct mseald_label label = {};

	if (labels_read(telling->daemon->programs, event->label, &label) && *label.policy)
		log_field(fields, "MSEALD_POLICY=%s", label.policy);
	if (*label.program)
		log_field(fields, "MSEALD_PROGRAM=%s", label.program);
	if (cgroup)
		log_field(fields, "MSEALD_CGROUP=%s", cgroup);
	if (container)
		log_field(fields, "MSEALD_CONTAINER=%s", container);
}

static void attempt_fields(const struct telling *telling, const struct mseald_event *event, const char *comm,
			   const char *container, struct log_fields *fields)
{
	log_field(fields, "MSEALD_OPERATION=%s", names_op(event->op));
	log_field(fields, "MSEALD_VERDICT=%s", names_verdict(event->verdict));
	log_field(fields, "MSEALD_CLASS=%s", names_class(event->rule_class));
	log_field(fields, "MSEALD_ADDRESS=0x%" PRIx64, (uint64_t)event->address);
	log_field(fields, "MSEALD_LENGTH=%" PRIu64, (uint64_t)event->length);
	log_field(fields, "MSEALD_SEAL=0x%" PRIx64 "-0x%" PRIx64, (uint64_t)event->seal_start, (uint64_t)event->seal_end);
	log_field(fields, "MSEALD_IP=0x%" PRIx64, (uint64_t)event->ip);
	log_field(fields, "MSEALD_SPACE=%" PRIu64, (uint64_t)event->space);
	log_field(fields, "OBJECT_PID=%u", event->tgid);
	log_field(fields, "MSEALD_TID=%u", event->pid);
	log_field(fields, "MSEALD_UID=%u", event->uid);
	log_field(fields, "MSEALD_GID=%u", event->gid);
	log_field(fields, "MSEALD_COMM=%s", comm);
	whose_fields(telling, event, container, fields);
}

static enum log_about about_verdict(uint32_t verdict)
{
	return verdict == MSEALD_VERDICT_KILLED ? LOG_ABOUT_KILLED :
	       verdict == MSEALD_VERDICT_AUDITED ? LOG_ABOUT_AUDITED : LOG_ABOUT_DENIED;
}

static void begin_window(struct telling *telling)
{
	uint64_t now;

	if (sd_event_now(telling->daemon->loop, CLOCK_MONOTONIC, &now) < 0)
		return;
	(void)sd_event_source_set_time(telling->timer, now + FLOOD_WINDOW_US);
	(void)sd_event_source_set_enabled(telling->timer, SD_EVENT_ONESHOT);
}

void tell_attempt(struct telling *telling, const struct mseald_event *event)
{
	const char *container;
	struct log_fields fields = {};
	char comm[LOG_COMM_MAX];

	if (!telling->flood.lines)
		begin_window(telling);
	if (!flood_let(&telling->flood, event))
		return;
	container = containers_find(telling->daemon->containers, event->cgroup);
	attempt_fields(telling, event, log_comm(event->comm, MSEALD_COMM_LEN, comm), container, &fields);
	log_entry(LOG_LEVEL_NOTICE, about_verdict(event->verdict), &fields,
		  "%s %s of 0x%" PRIx64 "+0x%" PRIx64 " by %s[%u] uid %u at ip 0x%" PRIx64
		  ": %s sealed 0x%" PRIx64 "-0x%" PRIx64 "%s%s",
		  names_verdict(event->verdict), names_op(event->op), (uint64_t)event->address,
		  (uint64_t)event->length, comm, event->tgid, event->uid, (uint64_t)event->ip,
		  names_class(event->rule_class), (uint64_t)event->seal_start, (uint64_t)event->seal_end,
		  container ? ", container " : "", container ?: "");
}

/* --- those without a line --- */

static void tell_process(const struct flood_process *process)
{
	struct log_fields fields = {};
	char comm[LOG_COMM_MAX];

	(void)log_comm(process->comm, MSEALD_COMM_LEN, comm);
	log_field(&fields, "MSEALD_SUPPRESSED=%" PRIu64, process->suppressed);
	log_field(&fields, "OBJECT_PID=%u", process->tgid);
	log_field(&fields, "MSEALD_COMM=%s", comm);
	log_entry(LOG_LEVEL_WARNING, LOG_ABOUT_SUPPRESSED, &fields,
		  "%" PRIu64 " more attempts by %s[%u] have no line here: it made more than %u within a minute",
		  process->suppressed, comm, process->tgid, FLOOD_LINES_PROCESS);
}

static void end_window(struct telling *telling)
{
	const struct flood_process *process;
	struct log_fields fields = {};
	size_t position = 0;

	while ((process = flood_next(&telling->flood, &position)))
		tell_process(process);
	if (telling->flood.suppressed) {
		log_field(&fields, "MSEALD_SUPPRESSED=%" PRIu64, telling->flood.suppressed);
		log_entry(LOG_LEVEL_WARNING, LOG_ABOUT_SUPPRESSED, &fields,
			  "%" PRIu64 " more attempts by several processes have no line here: there were more than %u within a minute, or "
			  "more than %u of one user", telling->flood.suppressed, FLOOD_LINES_ALL, FLOOD_LINES_USER);
	}
	flood_clear(&telling->flood);
}

static int on_timer(sd_event_source *source, uint64_t now, void *context)
{
	(void)source;
	(void)now;
	end_window(context);
	return 0;
}

void tell_lost(uint64_t count)
{
	struct log_fields fields = {};

	log_field(&fields, "MSEALD_LOST=%" PRIu64, count);
	log_entry(LOG_LEVEL_WARNING, LOG_ABOUT_LOST, &fields,
		  "%" PRIu64 " attempts were answered but not logged: the event buffer was full", count);
}

/* --- sealing --- */

static void request_fields(struct log_fields *fields, const struct ucred *peer, pid_t pid)
{
	log_field(fields, "OBJECT_PID=%d", (int)pid);
	log_field(fields, "MSEALD_CLIENT_PID=%d", (int)peer->pid);
	log_field(fields, "MSEALD_CLIENT_UID=%u", (unsigned)peer->uid);
}

void tell_sealed(const struct connection *connection, pid_t pid, const struct seal_result *result)
{
	const struct ucred *peer = connection_peer(connection);
	struct log_fields fields = {};

	request_fields(&fields, peer, pid);
	log_field(&fields, "MSEALD_SPACE=%" PRIu64, result->space);
	log_field(&fields, "MSEALD_BYTES=%" PRIu64, result->bytes);
	log_field(&fields, "MSEALD_SEALS=%zu", result->seals);
	/* A user could fill the log. */
	log_entry(connection_is_root(connection) ? LOG_LEVEL_INFO : LOG_LEVEL_DEBUG, LOG_ABOUT_SEALED, &fields,
		  "sealed %" PRIu64 " bytes of pid %d%s, at the request of pid %d of user %u; it has %zu seals now", result->bytes,
		  (int)pid, result->native ? ", natively" : "", (int)peer->pid, (unsigned)peer->uid, result->seals);
}

void tell_unsealed(const struct connection *connection, pid_t pid, uint64_t bytes, size_t seals)
{
	const struct ucred *peer = connection_peer(connection);
	struct log_fields fields = {};

	request_fields(&fields, peer, pid);
	log_field(&fields, "MSEALD_BYTES=%" PRIu64, bytes);
	log_field(&fields, "MSEALD_SEALS=%zu", seals);
	log_entry(LOG_LEVEL_NOTICE, LOG_ABOUT_UNSEALED, &fields,
		  "unsealed %" PRIu64 " bytes of pid %d, at the request of pid %d of user %u; it has %zu seals now", bytes, (int)pid,
		  (int)peer->pid, (unsigned)peer->uid, seals);
}

void tell_not_sealed(pid_t pid, const char *policy, bool again, const struct failure *failure)
{
	struct log_fields fields = {};

	log_field(&fields, "OBJECT_PID=%d", (int)pid);
	log_field(&fields, "MSEALD_POLICY=%s", policy);
	log_entry(LOG_LEVEL_ERROR, LOG_ABOUT_NOT_SEALED, &fields, "policy %s: %s%s", policy, failure->message,
		  again ? "; trying again every few seconds" : "; it stays unsealed");
}

void tell_overdue(pid_t pid, const char *policy, uint64_t seconds, const char *why)
{
	struct log_fields fields = {};

	log_field(&fields, "OBJECT_PID=%d", (int)pid);
	log_field(&fields, "MSEALD_POLICY=%s", policy);
	log_entry(LOG_LEVEL_WARNING, LOG_ABOUT_NOT_SEALED, &fields,
		  "policy %s: pid %d is not sealed, or not all of it, after %" PRIu64 " s: %s; trying again", policy, (int)pid, seconds,
		  why);
}

void tell_ended(pid_t pid, const struct failure *failure)
{
	struct log_fields fields = {};

	log_field(&fields, "OBJECT_PID=%d", (int)pid);
	log_entry(LOG_LEVEL_WARNING, LOG_ABOUT_NOT_SEALED, &fields, "pid %d is ended, for it cannot be sealed: %s", (int)pid,
		  failure->message);
}

void tell_policy_fault(const struct diagnostic *fault)
{
	struct log_fields fields = {};
	char line[16] = "";

	log_field(&fields, "MSEALD_POLICY_FILE=%s", fault->path);
	if (fault->line) {
		log_field(&fields, "MSEALD_POLICY_LINE=%u", fault->line);
		(void)snprintf(line, sizeof(line), ":%u", fault->line);
	}
	log_entry(LOG_LEVEL_ERROR, LOG_ABOUT_POLICY_FAULT, &fields, "%s%s: %s", fault->path, line, fault->message);
}

/* --- the timer --- */

int telling_open(struct daemon *daemon, struct telling **ret)
{
	struct telling *telling = calloc(1, sizeof(*telling));
	int r;

	if (!telling)
		return -ENOMEM;
	telling->daemon = daemon;
	r = sd_event_add_time(daemon->loop, &telling->timer, CLOCK_MONOTONIC, 0, FLOOD_WINDOW_US / 60, on_timer, telling);
	if (r >= 0)
		r = sd_event_source_set_enabled(telling->timer, SD_EVENT_OFF);
	if (r < 0) {
		(void)telling_close(telling);
		return r;
	}
	*ret = telling;
	return 0;
}

struct telling *telling_close(struct telling *telling)
{
	if (!telling)
		return NULL;
	end_window(telling);
	(void)sd_event_source_disable_unref(telling->timer);
	free(telling);
	return NULL;
}
