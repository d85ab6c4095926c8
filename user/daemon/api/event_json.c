// SPDX-License-Identifier: LGPL-2.1-or-later
/* See event_json.h. */
#include "api/event_json.h"

#include "base/cgroup.h"
#include "base/text.h"
#include "bpf/lock_ops.h"
#include "lib/base/names.h"

json_t *event_json(const struct containers *containers, const struct mseald_event *event)
{
	_cleanup_free_ char *cgroup = cgroup_path(event->cgroup);
	char comm[TEXT_COMM_MAX];

	return json_pack("{s:I,s:I,s:I,s:I,s:I,s:I,s:s,s:I,s:o*,s:s,s:I,s:I,s:{s:I,s:I},s:s,s:s,s:I,s:s*}",
			 "time", (json_int_t)event->time, "space", (json_int_t)event->space, "pid",
			 (json_int_t)event->tgid, "tid", (json_int_t)event->pid, "uid",
			 (json_int_t)event->uid, "gid", (json_int_t)event->gid, "comm",
			 text_comm(event->comm, comm), "cgroup", (json_int_t)event->cgroup, "cgroup_path",
			 text_json(cgroup), "operation", names_op(event->op), "address",
			 (json_int_t)event->address, "length", (json_int_t)event->length, "seal", "start",
			 (json_int_t)event->seal_start, "end", (json_int_t)event->seal_end, "segment",
			 names_segment(event->segment), "verdict", names_verdict(event->verdict), "ip",
			 (json_int_t)event->ip, "container", containers_find(containers, event->cgroup));
}

json_t *event_json_denial(const struct containers *containers, const struct mseald_lock_denial *denial)
{
	_cleanup_free_ char *cgroup = cgroup_path(denial->cgroup);
	char comm[TEXT_COMM_MAX];

	return json_pack("{s:I,s:s,s:I,s:I,s:I,s:I,s:s,s:I,s:o*,s:s*}", "time", (json_int_t)denial->time,
			 "operation", lock_ops[denial->op].name, "pid", (json_int_t)denial->tgid, "tid",
			 (json_int_t)denial->pid, "uid", (json_int_t)denial->uid, "gid",
			 (json_int_t)denial->gid, "comm", text_comm(denial->comm, comm), "cgroup",
			 (json_int_t)denial->cgroup, "cgroup_path", text_json(cgroup), "container",
			 containers_find(containers, denial->cgroup));
}
