// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * See container_watch.h. Without MSEALD_KEYS_RETURN keys of address spaces only grow: an address space made
 * later has a larger key. With it a missed start whose key is lower than an earlier one's is not noticed.
 */
#include "policy/container_watch.h"

#include "base/cgroup.h"
#include "bpf/task_iter.h"
#include "lib/base/clock.h"
#include "policy/watched.h"

#define PATIENCE_US (5u * 1000 * 1000)

static bool is_seen(struct reconcile *reconcile, struct programs *programs, struct space_map *space_map,
		    uint64_t key)
{
	struct mseald_watched watched;
	struct mseald_space space;

	return reconcile_known(reconcile, key) || watched_find(programs, key, &watched) ||
	       (space_map_read_space(space_map, key, &space) >= 0 && MSEALD_WORD_SET(space.word));
}

static void look_at(const struct policy *policy, struct container_watch *watch, struct reconcile *reconcile,
		    struct programs *programs, struct space_map *space_map)
{
	_cleanup_free_ pid_t *pids = NULL;
	uint64_t suspect = 0, newest = 0, now = monotonic_us();
	pid_t pid = 0;
	size_t count;

	if (watch->done || cgroup_processes(policy->cgroup[0], &pids, &count) < 0)
		return;
	for (size_t i = 0; i < MIN_OF(count, (size_t)CONTAINER_WATCH_PROCESSES_MAX); i++) {
		uint64_t key = task_iter_key_of(programs, pids[i]);

		if (key <= watch->newest)
			continue;
		if (is_seen(reconcile, programs, space_map, key)) {
			watch->done = true;
			return;
		}
		newest = MAX_OF(newest, key);
		if (!suspect || key == watch->suspect) {
			suspect = key;
			pid = pids[i];
		}
	}
	if (suspect != watch->suspect) {
		watch->suspect = suspect;
		watch->since = now;
	} else if (suspect && now - watch->since >= PATIENCE_US) {
		reconcile_missed(reconcile, suspect, pid, policy->name, (now - watch->since) / 1000000);
		*watch = (struct container_watch){ .newest = newest };
	}
}

void container_watch_look(struct containers *containers, struct reconcile *reconcile,
			  struct programs *programs, struct space_map *space_map)
{
	struct container_watch *watch;
	const struct policy *policy;

	for (size_t i = 0; (watch = containers_watch(containers, i, &policy)); i++)
		look_at(policy, watch, reconcile, programs, space_map);
}
