// SPDX-License-Identifier: LGPL-2.1-or-later
/* See symbolize.h. */
#include "audit/symbolize.h"

#include <inttypes.h>

#include "base/text.h"
#include "seal/inspection.h"

/* The start of the run of mappings of one file that this mapping is in. */
static uint64_t file_start(const struct proc_maps *maps, const struct mapping *mapping)
{
	while (mapping > maps->list && proc_mapping_compare_files(mapping - 1, mapping) == 0)
		mapping--;
	return mapping->start;
}

void symbolize_address(const struct proc_maps *maps, uint64_t address, char ret[MSEALD_SYMBOL_MAX])
{
	const struct mapping *mapping = proc_maps_find(maps, address);
	const char *path;
	char offset[24];
	size_t room;

	ret[0] = '\0';
	if (!mapping || !proc_mapping_is_file(mapping))
		return;
	FORMAT(offset, "+0x%" PRIx64, address - file_start(maps, mapping));
	room = MSEALD_SYMBOL_MAX - 1 - strlen(offset);
	path = mapping->path;
	if (strlen(path) > room) {
		(void)strcpy(ret, "...");
		path += strlen(path) - (room - 3);
	}
	(void)strcat(strcat(ret, path), offset);
	text_clean(ret);
}

void symbolize_event(const struct mseald_event *event, char ret[MSEALD_SYMBOL_MAX])
{
	ret[0] = '\0';
	if (!event->object || !*event->file || event->address < event->object)
		return;
	(void)snprintf(ret, MSEALD_SYMBOL_MAX, "%.*s+0x%" PRIx64, MSEALD_EVENT_FILE - 1, event->file,
		       (uint64_t)(event->address - event->object));
	text_clean(ret);
}

void symbolize_attempt(struct programs *programs, const struct mseald_event *event,
		       struct mseald_tally *tally)
{
	_cleanup_(proc_maps_free) struct proc_maps maps = {};
	_cleanup_free_ struct mseald_task *tasks = NULL;
	const struct mseald_task *same = NULL;
	bool own = false;
	size_t count;

	if (task_iter_read(programs, event->tgid, &tasks, &count) < 0)
		return;
	for (size_t i = 0; i < count; i++) {
		if (tasks[i].tgid == event->tgid && tasks[i].start_time == event->start_time)
			same = &tasks[i];
		own |= tasks[i].key == event->space;
	}
	if (!same || inspection_read_pid((pid_t)event->tgid, same->account, &maps) < 0)
		return;
	if (own)
		symbolize_address(&maps, event->address, tally->symbol);
	symbolize_address(&maps, event->ip, tally->caller);
}
