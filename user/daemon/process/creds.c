// SPDX-License-Identifier: LGPL-2.1-or-later
/* See creds.h. proc_pid_status(5) has the lines. */
#include "process/creds.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What follows the name of a line; the name of the process, in the first, has its line feeds escaped. NULL: no such line. */
static const char *find_line(const char *text, const char *name)
{
	const char *at = strstr(text, name);

	return at ? at + strlen(name) : NULL;
}

static bool read_ids(const char *text, const char *name, uint32_t ret[4])
{
	const char *line = find_line(text, name);

	return line && sscanf(line, "%" SCNu32 "%" SCNu32 "%" SCNu32 "%" SCNu32, &ret[0], &ret[1], &ret[2], &ret[3]) == 4;
}

static bool read_capabilities(const char *text, const char *name, uint64_t *ret)
{
	const char *line = find_line(text, name);

	return line && sscanf(line, "%" SCNx64, ret) == 1;
}

static bool read_pids(const char *text, struct standing *standing)
{
	const char *line = find_line(text, "\nNSpid:");

	while (line && (*line == '\t' || *line == ' ') && standing->levels < STANDING_LEVELS) {
		char *end;
		long pid = strtol(line, &end, 10);

		if (end == line || pid <= 0 || pid > INT32_MAX)
			return false;
		standing->pids[standing->levels++] = (pid_t)pid;
		line = end;
	}
	return standing->levels > 0;
}

int standing_parse(const char *text, struct standing *ret)
{
	struct standing standing = {};

	if (!read_ids(text, "\nUid:", standing.uids) || !read_ids(text, "\nGid:", standing.gids) ||
	    !read_capabilities(text, "\nCapPrm:", &standing.permitted) ||
	    !read_capabilities(text, "\nCapEff:", &standing.effective) || !read_pids(text, &standing))
		return -EBADMSG;
	*ret = standing;
	return 0;
}

bool standing_is_all(const struct standing *standing, uid_t uid, gid_t gid)
{
	for (int i = 0; i < 4; i++)
		if (standing->uids[i] != uid || standing->gids[i] != gid)
			return false;
	return true;
}

bool standing_covers(const struct standing *standing, const struct standing *other)
{
	return !(other->permitted & ~standing->permitted);
}

pid_t standing_own_pid(const struct standing *standing)
{
	return standing->levels ? standing->pids[standing->levels - 1] : 0;
}
