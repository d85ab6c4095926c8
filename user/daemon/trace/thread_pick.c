// SPDX-License-Identifier: LGPL-2.1-or-later
/* See thread_pick.h: /proc/PID/task, see proc(5). */
#include "trace/thread_pick.h"

#include "bpf/task_iter.h"
#include "process/procfs.h"

int thread_read_file(const struct target *target, pid_t tid, const char *name, char *text, size_t size)
{
	char path[48];

	FORMAT(path, "task/%d/%s", tid, name);
	return file_read(target->proc_fd, path, text, size);
}

enum doing thread_look_at(const struct target *target, pid_t tid, struct blocked_call *ret_call)
{
	char text[256];
	char state = target_thread_state(target, tid);

	*ret_call = (struct blocked_call){ .number = -1 };
	if (state == 'R')
		return DOING_RUN;
	if (state == 'T')
		return DOING_SLEEP; /* job control already holds it in get_signal() */
	if (state != 'S' || thread_read_file(target, tid, "syscall", text, sizeof(text)) < 0 ||
	    restartable_parse(text, ret_call) <= 0 || !restartable_call(ret_call))
		return DOING_OTHER;
	return DOING_SLEEP;
}

bool thread_still_in(const struct target *target, pid_t tid, const struct blocked_call *call)
{
	struct blocked_call now;

	return thread_look_at(target, tid, &now) == DOING_SLEEP && memcmp(&now, call, sizeof(now)) == 0 &&
	       target_thread_state(target, tid) == 'S';
}

pid_t thread_tracer(const struct target *target, pid_t tid)
{
	char path[48], value[PROCFS_VALUE_MAX];

	FORMAT(path, "task/%d/status", tid);
	return procfs_read_status(target->proc_fd, path, "TracerPid", value) < 0 ? 0 :
										   strtol(value, NULL, 10);
}

pid_t thread_pick(const struct target *target, const struct mseald_task *tasks, size_t count, unsigned try,
		  bool *ret_traced)
{
	pid_t runner = 0, sleeper = 0;
	unsigned sleepers = 0;

	for (size_t i = 0; i < count && sleepers <= try; i++) {
		struct blocked_call call;
		pid_t tid = tasks[i].pid;
		/* Leave an ending thread alone: its parent would hear of it only after the tracer's exit. */
		enum doing doing = tasks[i].key == target->key && !(tasks[i].flags & TASK_EXITING) ?
					   thread_look_at(target, tid, &call) :
					   DOING_OTHER;

		if ((doing != DOING_OTHER || target_thread_state(target, tid) == 't') &&
		    thread_tracer(target, tid)) {
			*ret_traced = true;
			continue;
		}
		if (doing == DOING_SLEEP) {
			sleepers++;
			sleeper = tid;
		} else if (doing == DOING_RUN && !runner) {
			runner = tid;
		}
	}
	return sleeper && (sleepers > try || !runner) ? sleeper : runner;
}
