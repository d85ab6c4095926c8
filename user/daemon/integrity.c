// SPDX-License-Identifier: LGPL-2.1-or-later
/* See integrity.h. */
#include "integrity.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <string.h>

#include "log.h"
#include "target.h"
#include "tasks.h"

/* Was this to be kept from being unmapped? Seals that only audit let it go. */
static bool keeps_mapped(const struct seal *seal)
{
	return (seal_stops(seal, MSEALD_ACTION_DENY) | seal_stops(seal, MSEALD_ACTION_KILL)) & MSEALD_STOP_UNMAP;
}

/* 1 and the seal that is gone, 0: all there, or an error: the process is another by now, or cannot be read. */
static int find_gone(struct daemon *daemon, uint64_t key, pid_t pid, struct seal *ret)
{
	_cleanup_(target_close) struct target target = TARGET_EMPTY;
	_cleanup_(procmaps_free) struct procmaps maps = {};
	_cleanup_(sealset_free) struct sealset set = {};
	struct failure failure;
	int r;

	r = target_open(daemon->programs, pid, &target, &failure);
	if (r < 0)
		return r;
	if (target.key != key)
		return -ESRCH;
	r = store_read_seals(daemon->store, key, NULL, &set);
	if (r >= 0)
		r = procmaps_read_fd(target.maps_fd, &maps);
	if (r < 0)
		return r;
	if (maps.count == 0)
		return -ESRCH;	/* exiting: its maps read as empty */
	for (size_t i = 0; i < set.count; i++)
		if (keeps_mapped(&set.list[i]) &&
		    !procmaps_covers(&maps, set.list[i].start, set.list[i].end, NULL)) {
			r = target_unchanged(daemon->programs, &target);
			*ret = set.list[i];
			return r;
		}
	return 0;
}

static void check_space(struct daemon *daemon, uint64_t key, const pid_t *pids, size_t count)
{
	struct log_fields fields = {};
	struct seal gone = {};
	int r = -ESRCH;

	for (size_t i = 0; i < count && r < 0; i++)
		r = find_gone(daemon, key, pids[i], &gone);
	if (r <= 0)
		return;
	log_field(&fields, "OBJECT_PID=%d", (int)pids[0]);
	log_field(&fields, "MSEALD_SEAL=0x%" PRIx64 "-0x%" PRIx64, gone.start, gone.end);
	log_entry(LOG_LEVEL_WARNING, LOG_ABOUT_SLIPPED, &fields, "pid %d got rid of sealed memory 0x%" PRIx64 "-0x%" PRIx64
		    " past a gate: killing it and what shares its memory", (int)pids[0], gone.start, gone.end);
	for (size_t i = 0; i < count; i++)
		if (kill(pids[i], SIGKILL) < 0 && errno != ESRCH)
			log_error("cannot kill pid %d: %s", (int)pids[i], strerror(errno));
}

void integrity_check(struct daemon *daemon)
{
	_cleanup_free_ struct mseald_task *tasks = NULL;
	_cleanup_free_ uint64_t *keys = NULL;
	size_t keys_count, tasks_count;

	if (store_read_keys(daemon->store, &keys, &keys_count) < 0 ||
	    tasks_read(daemon->programs, 0, &tasks, &tasks_count) < 0)
		return;
	tasks_sort_by_key(tasks, tasks_count);
	for (size_t i = 0; i < keys_count; i++) {
		_cleanup_free_ pid_t *pids = NULL;
		size_t count;

		if (tasks_sharing(tasks, tasks_count, keys[i], &pids, &count) >= 0)
			check_space(daemon, keys[i], pids, count);
	}
}
