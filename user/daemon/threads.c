// SPDX-License-Identifier: LGPL-2.1-or-later
/* See threads.h: /proc/PID/task, see proc(5). */
#include "threads.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "lib/base/util.h"

int thread_read_file(const struct target *target, pid_t tid, const char *name, char *text, size_t size)
{
	_cleanup_close_ int fd = -1;
	char path[48];
	ssize_t n;

	(void)snprintf(path, sizeof(path), "task/%d/%s", (int)tid, name);
	fd = openat(target->proc_fd, path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : read(fd, text, size - 1);
	if (n < 0)
		return -errno;
	text[n] = '\0';
	return 0;
}

/* The state letter of proc_pid_stat(5); '\0': gone. */
static char thread_state(const struct target *target, pid_t tid)
{
	char text[256];
	const char *name_end;

	if (thread_read_file(target, tid, "stat", text, sizeof(text)) < 0)
		return '\0';
	name_end = strrchr(text, ')');
	return name_end && name_end[1] == ' ' ? name_end[2] : '\0';
}

enum doing thread_look_at(const struct target *target, pid_t tid, struct blocked_call *ret_call)
{
	char text[256];
	char state = thread_state(target, tid);

	*ret_call = (struct blocked_call){ .number = -1 };
	if (state == 'R')
		return DOING_RUN;
	if (state == 'T')
		return DOING_SLEEP;	/* job control holds it in get_signal() already */
	if (state != 'S' || thread_read_file(target, tid, "syscall", text, sizeof(text)) < 0 ||
	    calls_parse(text, ret_call) <= 0 || !calls_restartable(ret_call))
		return DOING_OTHER;
	return DOING_SLEEP;
}

bool thread_still_in(const struct target *target, pid_t tid, const struct blocked_call *call)
{
	struct blocked_call now;

	return thread_look_at(target, tid, &now) == DOING_SLEEP && memcmp(&now, call, sizeof(now)) == 0 &&
	       thread_state(target, tid) == 'S';
}

unsigned long thread_status_number(const struct target *target, pid_t tid, const char *name)
{
	char text[4096], *at;

	if (thread_read_file(target, tid, "status", text, sizeof(text)) < 0)
		return 0;
	at = strstr(text, name);
	return at ? strtoul(at + strlen(name), NULL, 10) : 0;
}

pid_t thread_choose(const struct target *target, const struct mseald_task *tasks, size_t count, unsigned try,
		    bool *ret_traced)
{
	pid_t runner = 0, sleeper = 0;
	unsigned sleepers = 0;

	for (size_t i = 0; i < count && sleepers <= try; i++) {
		struct blocked_call call;
		pid_t tid = (pid_t)tasks[i].pid;
		enum doing doing = tasks[i].key == target->key ? thread_look_at(target, tid, &call) : DOING_OTHER;

		if ((doing != DOING_OTHER || thread_state(target, tid) == 't') &&
		    thread_status_number(target, tid, "\nTracerPid:")) {
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
