// SPDX-License-Identifier: LGPL-2.1-or-later
/* See tracer.h. */
#include "tracer.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "log.h"
#include "procfs.h"
#include "tasks.h"

#define FILES 4096

void tracers_allow(struct programs *programs)
{
	volatile struct mseald_state *state = programs_state(programs);
	_cleanup_free_ struct mseald_task *tasks = NULL;
	struct rlimit files;
	size_t count;

	(void)signal(SIGCHLD, SIG_IGN);
	/* Each has two descriptors here, and there can be a thousand (run.c). */
	if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur < FILES) {
		files.rlim_cur = MIN_OF(files.rlim_max, (rlim_t)FILES);
		(void)setrlimit(RLIMIT_NOFILE, &files);
	}
	if (tasks_read(programs, getpid(), &tasks, &count) < 0) {
		log_warning("cannot find out when mseald was started: what is sealed against foreign writes will not be "
			    "sealed by mseal(2) as well, ignoring");
		return;
	}
	state->injector_tgid = 0;
	state->injector_start = tasks[0].start_time;
	state->injector_tgid = tasks[0].tgid;
}

pid_t tracer_fork(void)
{
	pid_t pid = fork();
	sigset_t all;

	if (pid != 0)
		return pid < 0 ? -errno : pid;
	(void)sigfillset(&all);
	(void)sigprocmask(SIG_SETMASK, &all, NULL);
	/* Tells of stops, where it is waited for. */
	(void)signal(SIGCHLD, SIG_DFL);
	(void)prctl(PR_SET_NAME, "mseald-tracer");
	return 0;
}

bool tracer_is_ours(pid_t pid)
{
	return (pid_t)procfs_status_number(pid, "PPid", 10, 0) == getpid();
}
