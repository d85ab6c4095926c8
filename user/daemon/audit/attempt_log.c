// SPDX-License-Identifier: LGPL-2.1-or-later
/* See attempt_log.h. */
#include "audit/attempt_log.h"

#include <inttypes.h>

#include "audit/ratelimit.h"
#include "base/cgroup.h"
#include "base/log.h"
#include "base/text.h"
#include "base/timer.h"
#include "lib/base/names.h"
#include "seal/labels.h"

struct attempt_log {
	struct programs *programs;
	const struct containers *containers;
	struct timer timer; /* fires at the end of the window */
	struct ratelimit ratelimit;
};

_Static_assert(TEXT_COMM_MAX == MSEALD_COMM_LEN + 1, "room for a name");

/* --- attempts --- */

static void whose_fields(const struct attempt_log *attempt_log, const struct mseald_event *event,
			 const char *container, struct log_fields *fields)
{
	_cleanup_free_ char *cgroup = cgroup_path(event->cgroup);
	struct mseald_label label = {};

	if (labels_read(attempt_log->programs, event->label, &label) && *label.policy)
		log_field(fields, "MSEALD_POLICY=%s", label.policy);
	if (*label.program)
		log_field(fields, "MSEALD_PROGRAM=%s", label.program);
	if (cgroup)
		log_field(fields, "MSEALD_CGROUP=%s", cgroup);
	if (container)
		log_field(fields, "MSEALD_CONTAINER=%s", container);
}

static void attempt_fields(const struct attempt_log *attempt_log, const struct mseald_event *event,
			   const char *comm, const char *container, struct log_fields *fields)
{
	log_field(fields, "MSEALD_OPERATION=%s", names_op(event->op));
	log_field(fields, "MSEALD_VERDICT=%s", names_verdict(event->verdict));
	log_field(fields, "MSEALD_SEGMENT=%s", names_segment(event->segment));
	log_field(fields, "MSEALD_ADDRESS=0x%llx", event->address);
	log_field(fields, "MSEALD_LENGTH=%llu", event->length);
	log_field(fields, "MSEALD_SEAL=0x%llx-0x%llx", event->seal_start, event->seal_end);
	log_field(fields, "MSEALD_IP=0x%llx", event->ip);
	log_field(fields, "MSEALD_SPACE=%llu", event->space);
	log_field(fields, "OBJECT_PID=%u", event->tgid);
	log_field(fields, "MSEALD_TID=%u", event->pid);
	log_field(fields, "MSEALD_UID=%u", event->uid);
	log_field(fields, "MSEALD_GID=%u", event->gid);
	log_field(fields, "MSEALD_COMM=%s", comm);
	whose_fields(attempt_log, event, container, fields);
}

static enum log_about about_verdict(uint32_t verdict)
{
	return verdict == MSEALD_VERDICT_KILLED	 ? LOG_ABOUT_KILLED :
	       verdict == MSEALD_VERDICT_AUDITED ? LOG_ABOUT_AUDITED :
						   LOG_ABOUT_DENIED;
}

void attempt_log_add(struct attempt_log *attempt_log, const struct mseald_event *event)
{
	const char *container;
	struct log_fields fields = {};
	char comm[TEXT_COMM_MAX], range[64];

	if (!attempt_log->ratelimit.lines)
		(void)timer_set(&attempt_log->timer, RATELIMIT_WINDOW_US);
	if (!ratelimit_allow(&attempt_log->ratelimit, event))
		return;
	container = containers_find(attempt_log->containers, event->cgroup);
	attempt_fields(attempt_log, event, text_comm_line(event->comm, comm), container, &fields);
	if (event->flags & MSEALD_EVENT_GROWS)
		FORMAT(range, "a mapping that grows down (MAP_GROWSDOWN)");
	else
		FORMAT(range, "0x%llx+0x%llx", event->address, event->length);
	log_entry(LOG_LEVEL_NOTICE, about_verdict(event->verdict), &fields,
		  "%s %s of %s by %s[%u] uid %u at ip 0x%llx: "
		  "%s sealed 0x%llx-0x%llx%s%s",
		  names_verdict(event->verdict), names_op(event->op), range, comm, event->tgid, event->uid,
		  event->ip, names_segment(event->segment), event->seal_start, event->seal_end,
		  container ? ", container " : "", container ?: "");
}

/* --- suppressed messages --- */

static void log_suppressed(const struct ratelimit_process *process)
{
	struct log_fields fields = {};
	char comm[TEXT_COMM_MAX];

	(void)text_comm_line(process->comm, comm);
	log_field(&fields, "MSEALD_SUPPRESSED=%" PRIu64, process->suppressed);
	log_field(&fields, "OBJECT_PID=%u", process->tgid);
	log_field(&fields, "MSEALD_COMM=%s", comm);
	log_entry(LOG_LEVEL_WARNING, LOG_ABOUT_SUPPRESSED, &fields,
		  "suppressed %" PRIu64 " messages about attempts by %s[%u]: more than %u within a minute",
		  process->suppressed, comm, process->tgid, RATELIMIT_LINES_PROCESS);
}

static void end_window(void *context)
{
	struct attempt_log *attempt_log = context;
	const struct ratelimit_process *process;
	struct log_fields fields = {};
	size_t position = 0;

	while ((process = ratelimit_next(&attempt_log->ratelimit, &position)))
		log_suppressed(process);
	if (attempt_log->ratelimit.suppressed) {
		log_field(&fields, "MSEALD_SUPPRESSED=%" PRIu64, attempt_log->ratelimit.suppressed);
		log_entry(LOG_LEVEL_WARNING, LOG_ABOUT_SUPPRESSED, &fields,
			  "suppressed %" PRIu64
			  " messages about attempts: more than %u within a minute, or %u of one user",
			  attempt_log->ratelimit.suppressed, RATELIMIT_LINES_ALL, RATELIMIT_LINES_USER);
	}
	memset(&attempt_log->ratelimit, 0, sizeof(attempt_log->ratelimit));
}

void attempt_log_lost(uint64_t count)
{
	struct log_fields fields = {};

	log_field(&fields, "MSEALD_LOST=%" PRIu64, count);
	log_entry(LOG_LEVEL_WARNING, LOG_ABOUT_LOST, &fields,
		  "%" PRIu64 " attempts were answered but not logged: the event buffer was full", count);
}

/* --- the timer --- */

int attempt_log_open(sd_event *loop, struct programs *programs, const struct containers *containers,
		     struct attempt_log **ret)
{
	struct attempt_log *attempt_log = calloc(1, sizeof(*attempt_log));
	int r;

	if (!attempt_log)
		return -ENOMEM;
	*attempt_log = (struct attempt_log){ .programs = programs, .containers = containers };
	r = timer_open(&attempt_log->timer, loop, RATELIMIT_WINDOW_US / 60, end_window, attempt_log);
	if (r < 0)
		attempt_log_close(attempt_log);
	else
		*ret = attempt_log;
	return r;
}

void attempt_log_close(struct attempt_log *attempt_log)
{
	if (!attempt_log)
		return;
	end_window(attempt_log);
	timer_close(&attempt_log->timer);
	free(attempt_log);
}
