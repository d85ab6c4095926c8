// SPDX-License-Identifier: LGPL-2.1-or-later
/* See integrity.h. */
#include "seal/integrity.h"

#include <inttypes.h>
#include <signal.h>
#include <sys/syscall.h>

#include "base/log.h"
#include "bpf/task_iter.h"
#include "seal/inspection.h"

#define AGAIN_US (10u * 1000) /* until it checks again whether all killed processes have ended */

/* Does the seal keep its range mapped? Seals that only audit permit unmapping. */
static bool keeps_mapped(const struct seal *seal)
{
	return (seal_deny(seal, MSEALD_ACTION_DENY) | seal_deny(seal, MSEALD_ACTION_KILL)) &
	       MSEALD_DENY_UNMAP;
}

/* 1 and the seal whose memory is gone; 0: none; or an error: another process by now, or unreadable. */
static int find_gone(struct integrity *integrity, uint64_t key, pid_t pid, struct seal *ret)
{
	_cleanup_(target_close) struct target target = TARGET_EMPTY;
	_cleanup_(proc_maps_free) struct proc_maps maps = {};
	_cleanup_(sealset_free) struct sealset set = {};
	struct error error;
	int r;

	r = target_open(integrity->programs, pid, &target, &error);
	if (r < 0)
		return r;
	if (target.key != key)
		return -ESRCH;
	r = space_map_read_seals(integrity->space_map, key, NULL, &set);
	if (r >= 0)
		r = inspection_read_maps(&target, &maps);
	if (r < 0)
		return r;
	if (maps.count == 0)
		return -ESRCH; /* exiting: its maps read as empty */
	for (size_t i = 0; i < set.count; i++)
		if (keeps_mapped(&set.list[i]) &&
		    !proc_maps_covers(&maps, set.list[i].start, set.list[i].end, NULL)) {
			r = target_unchanged(integrity->programs, &target);
			*ret = set.list[i];
			return r;
		}
	return 0;
}

/* Is the entry of the key still the one that was read, and not that of a later address space? */
static bool is_still(struct integrity *integrity, uint64_t key, uint64_t born)
{
	struct mseald_space space;

	return !born || (space_map_read_space(integrity->space_map, key, &space) >= 0 &&
			 MSEALD_SPACE_BORN(&space) == born);
}

/*
 * Kills the process if it still shares the address space: since it was listed, its pid may have been reused,
 * or it may have started another program. False: no process to kill.
 */
static bool kill_sharer(struct integrity *integrity, uint64_t key, uint64_t born, pid_t pid)
{
	_cleanup_close_ int pidfd = syscall(SYS_pidfd_open, pid, 0);
	_cleanup_free_ struct mseald_task *threads = NULL;
	size_t count = 0;
	bool shares = false;

	if (pidfd < 0 && errno != ESRCH && errno != EINVAL)
		log_error("cannot open pid %d, which shares memory with a killed process: %s", pid,
			  strerror(errno));
	if (pidfd < 0 || task_iter_read(integrity->programs, pid, &threads, &count) < 0)
		return false;
	for (size_t i = 0; i < count; i++)
		shares |= threads[i].key == key && !(threads[i].flags & TASK_EXITING);
	if (!shares || !is_still(integrity, key, born))
		return false;
	if (syscall(SYS_pidfd_send_signal, pidfd, SIGKILL, NULL, 0) == 0)
		return true;
	if (errno != ESRCH)
		log_error("cannot kill pid %d, which shares memory with a killed process: %s", pid,
			  strerror(errno));
	return errno != ESRCH;
}

/* Kills the processes among the listed tasks. Must any be checked again? */
static bool end_space(struct integrity *integrity, uint64_t key, uint64_t born,
		      const struct mseald_task *tasks, size_t tasks_count)
{
	_cleanup_free_ pid_t *pids = NULL;
	bool living = false;
	size_t count;

	if (task_iter_sharing(tasks, tasks_count, key, &pids, &count) < 0)
		return true;
	for (size_t i = 0; i < count; i++)
		living |= kill_sharer(integrity, key, born, pids[i]);
	/* The entry may have been kept for a pending fork (bpf/space.h, space_remove). */
	if (!count)
		(void)space_map_forget_space(integrity->space_map, key, born, NULL);
	return living;
}

/*
 * Kills every process that shares an address space with a kill pending: the programs' signal does not reach
 * processes made by clone(CLONE_VM). True: some process was alive.
 */
static bool end_kill_pending(struct integrity *integrity)
{
	_cleanup_free_ struct mseald_space *spaces = NULL;
	_cleanup_free_ struct mseald_task *tasks = NULL;
	_cleanup_free_ uint64_t *keys = NULL;
	size_t count, tasks_count = 0;
	bool living = false;

	if (!programs_state(integrity->programs)->kill_pending)
		return false;
	/* Keys are read first: a child that such a process forks later is listed the next time. */
	if (space_map_read_spaces(integrity->space_map, &keys, &spaces, &count) < 0 ||
	    task_iter_read_by_key(integrity->programs, &tasks, &tasks_count) < 0)
		return true;
	for (size_t i = 0; i < count; i++)
		if (spaces[i].flags & MSEALD_SPACE_KILL_PENDING)
			living |= end_space(integrity, keys[i], MSEALD_SPACE_BORN(&spaces[i]), tasks,
					    tasks_count);
	return living;
}

void integrity_end_kill_pending(struct integrity *integrity)
{
	if (end_kill_pending(integrity))
		(void)timer_set(&integrity->again, AGAIN_US);
}

static void on_again(void *context)
{
	integrity_end_kill_pending(context);
}

/* Has all processes of the address space killed if the memory of one of its seals is gone. */
static void check_space(struct integrity *integrity, uint64_t key, uint64_t born, const pid_t *pids,
			size_t count)
{
	struct log_fields fields = {};
	struct seal gone = {};
	int r = -ESRCH;

	for (size_t i = 0; i < count && r < 0; i++)
		r = find_gone(integrity, key, pids[i], &gone);
	if (r <= 0)
		return;
	log_field(&fields, "OBJECT_PID=%d", pids[0]);
	log_field(&fields, "MSEALD_SEAL=0x%" PRIx64 "-0x%" PRIx64, gone.start, gone.end);
	log_entry(LOG_LEVEL_WARNING, LOG_ABOUT_SLIPPED, &fields,
		  "pid %d removed sealed memory 0x%" PRIx64 "-0x%" PRIx64
		  " past a gate: killing all that share it",
		  pids[0], gone.start, gone.end);
	(void)programs_run(integrity->programs, TOOL_KILL_PENDING, key, born);
}

void integrity_check(struct integrity *integrity)
{
	_cleanup_free_ struct mseald_space *spaces = NULL;
	_cleanup_free_ struct mseald_task *tasks = NULL;
	_cleanup_free_ uint64_t *keys = NULL;
	size_t keys_count, tasks_count;

	if (space_map_read_spaces(integrity->space_map, &keys, &spaces, &keys_count) < 0 ||
	    task_iter_read_by_key(integrity->programs, &tasks, &tasks_count) < 0)
		return;
	for (size_t i = 0; i < keys_count; i++) {
		_cleanup_free_ pid_t *pids = NULL;
		size_t count;

		if (task_iter_sharing(tasks, tasks_count, keys[i], &pids, &count) >= 0)
			check_space(integrity, keys[i], MSEALD_SPACE_BORN(&spaces[i]), pids, count);
	}
}

int integrity_open(struct integrity *integrity, sd_event *loop, struct programs *programs,
		   struct space_map *space_map)
{
	*integrity = (struct integrity){ .programs = programs, .space_map = space_map };
	return timer_open(&integrity->again, loop, 0, on_again, integrity);
}

void integrity_close(struct integrity *integrity)
{
	timer_close(&integrity->again);
}
