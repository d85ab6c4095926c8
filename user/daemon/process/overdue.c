// SPDX-License-Identifier: LGPL-2.1-or-later
/* See overdue.h. */
#include "process/overdue.h"

#include <poll.h>

#include "lib/base/clock.h"
#include "lib/base/util.h"

/* Does the entry still count? */
static bool counts(struct overdue_entry *entry)
{
	struct pollfd end = { .fd = entry->end, .events = POLLIN };

	if (!entry->used)
		return false;
	if (monotonic_us() < entry->until || poll(&end, 1, 0) == 0)
		return true;
	(void)close(entry->end);
	entry->used = false;
	return false;
}

bool overdue_is(struct overdue *overdue, uint32_t account, pid_t pid)
{
	size_t all = 0;
	bool found = false;

	for (size_t i = 0; i < OVERDUE_MAX; i++) {
		const struct overdue_entry *entry = &overdue->entries[i];

		if (!counts(&overdue->entries[i]))
			continue;
		found = found || (entry->account == account && (account || entry->pid == pid));
		all++;
	}
	/* What users use up is not root's. */
	return found || (account && all == OVERDUE_MAX);
}

void overdue_note(struct overdue *overdue, uint32_t account, pid_t pid, int end)
{
	for (size_t i = 0; i < OVERDUE_MAX; i++) {
		if (counts(&overdue->entries[i]))
			continue;
		overdue->entries[i] = (struct overdue_entry){ account, pid,
							      monotonic_us() + overdue->pause_us, end, true };
		return;
	}
	(void)close(end);
}
