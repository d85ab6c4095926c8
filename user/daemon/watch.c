// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * See watch.h. Keys of address spaces (mm_struct's context.ctx_id) only grow, so that one
 * made later has a larger key.
 */
#include "watch.h"

#include "armed.h"
#include "cgroup.h"
#include "starts.h"
#include "store.h"
#include "tasks.h"
#include "telling.h"

#define PATIENCE_US (5u * 1000 * 1000)
#define PROCESSES_MAX 64	/* that are looked at; who has more had them before it was armed */

/* 0: it is gone. */
static uint64_t key_of(struct daemon *daemon, pid_t pid)
{
	_cleanup_free_ struct mseald_task *tasks = NULL;
	size_t count;

	return tasks_read(daemon->programs, pid, &tasks, &count) < 0 ? 0 : tasks[0].key;
}

static bool is_seen(struct daemon *daemon, uint64_t key)
{
	struct mseald_armed armed;
	struct mseald_space space;

	return starts_known(daemon->starts, key) || armed_find(daemon->programs, key, &armed) ||
	       (store_read_space(daemon->store, key, &space) >= 0 && MSEALD_WORD_SET(space.word));
}

void watch_begin(struct daemon *daemon, const char *cgroup, struct watch *ret)
{
	_cleanup_free_ pid_t *pids = NULL;
	size_t count = 0;

	*ret = (struct watch){};
	if (cgroup_processes(cgroup, &pids, &count) < 0)
		return;
	ret->done = count > PROCESSES_MAX;
	for (size_t i = 0; i < count && !ret->done; i++) {
		uint64_t key = key_of(daemon, pids[i]);

		ret->newest = MAX_OF(ret->newest, key);
	}
}

void watch_look(struct daemon *daemon, const char *policy, const char *cgroup, struct watch *watch)
{
	_cleanup_free_ pid_t *pids = NULL;
	uint64_t suspect = 0, newest = 0, now = 0;
	pid_t pid = 0;
	size_t count;

	if (watch->done || cgroup_processes(cgroup, &pids, &count) < 0)
		return;
	for (size_t i = 0; i < MIN_OF(count, (size_t)PROCESSES_MAX); i++) {
		uint64_t key = key_of(daemon, pids[i]);

		if (key <= watch->newest)
			continue;
		if (is_seen(daemon, key)) {
			watch->done = true;
			return;
		}
		newest = MAX_OF(newest, key);
		if (!suspect || key == watch->suspect) {
			suspect = key;
			pid = pids[i];
		}
	}
	(void)sd_event_now(daemon->loop, CLOCK_MONOTONIC, &now);
	if (suspect != watch->suspect) {
		watch->suspect = suspect;
		watch->since = now;
	} else if (suspect && now - watch->since >= PATIENCE_US) {
		tell_overdue(pid, policy, (now - watch->since) / 1000000, "it was not seen starting");
		starts_missed(daemon->starts, suspect, pid);
		*watch = (struct watch){ .newest = newest };
	}
}
