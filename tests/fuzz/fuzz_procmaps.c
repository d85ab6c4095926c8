/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Any bytes as /proc/PID/maps are refused without any change, or give a list that keeps its promises. */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/proc/maps.h"
#include "lib/base/util.h"

#define CHECK(condition) ((condition) ? (void)0 : abort())

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_(proc_maps_free) struct proc_maps maps = { 0 };
	size_t lines = 0, paths = 0;
	uint64_t hole = 0;
	int r = proc_maps_parse((const char *)data, size, &maps);

	if (r < 0) {
		CHECK(r == -EINVAL && !maps.list && maps.count == 0);
		return 0;
	}
	for (size_t i = 0; i < size; i++)
		lines += data[i] == '\n';
	CHECK(maps.count == lines);
	for (size_t i = 0; i < maps.count; i++) {
		const struct mapping *m = &maps.list[i];

		CHECK(m->start < m->end && (i == 0 || m[-1].end <= m->start));
		CHECK(!strchr(m->path, '\n') && m->path[0] != ' ');
		paths += strlen(m->path);
		CHECK(proc_maps_find(&maps, m->start) == m && proc_maps_find(&maps, m->end - 1) == m);
		CHECK(proc_maps_covers(&maps, m->start, m->end, &hole));
		if (i > 0 && m[-1].end < m->start) {
			CHECK(!proc_maps_find(&maps, m[-1].end));
			CHECK(!proc_maps_covers(&maps, m[-1].start, m->end, &hole) && hole == m[-1].end);
		}
	}
	CHECK(paths <= size);
	return 0;
}
