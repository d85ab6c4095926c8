// SPDX-License-Identifier: LGPL-2.1-or-later
/* See creds.h. proc_pid_status(5) describes the lines. */
#include "process/creds.h"

#include <inttypes.h>

/* The text after the name of a line; NULL: no such line. In the process name line feeds are escaped. */
static const char *find_line(const char *text, const char *name)
{
	const char *at = strstr(text, name);

	return at ? at + strlen(name) : NULL;
}

static bool read_ids(const char *text, const char *name, uint32_t ret[4])
{
	const char *line = find_line(text, name);

	return line && sscanf(line, "%" SCNu32 "%" SCNu32 "%" SCNu32 "%" SCNu32, &ret[0], &ret[1], &ret[2],
			      &ret[3]) == 4;
}

static bool read_capabilities(const char *text, const char *name, uint64_t *ret)
{
	const char *line = find_line(text, name);

	return line && sscanf(line, "%" SCNx64, ret) == 1;
}

static bool read_pids(const char *text, struct creds *creds)
{
	const char *line = find_line(text, "\nNSpid:");

	while (line && (*line == '\t' || *line == ' ') && creds->levels < CREDS_LEVELS) {
		char *end;
		long pid = strtol(line, &end, 10);

		if (end == line || pid <= 0 || pid > INT32_MAX)
			return false;
		creds->pids[creds->levels++] = pid;
		line = end;
	}
	return creds->levels > 0;
}

int creds_parse(const char *text, struct creds *ret)
{
	struct creds creds = {};

	if (!read_ids(text, "\nUid:", creds.uids) || !read_ids(text, "\nGid:", creds.gids) ||
	    !read_capabilities(text, "\nCapPrm:", &creds.permitted) ||
	    !read_capabilities(text, "\nCapEff:", &creds.effective) || !read_pids(text, &creds))
		return -EBADMSG;
	*ret = creds;
	return 0;
}

bool creds_is_all(const struct creds *creds, uid_t uid, gid_t gid)
{
	for (int i = 0; i < 4; i++)
		if (creds->uids[i] != uid || creds->gids[i] != gid)
			return false;
	return true;
}

bool creds_covers(const struct creds *creds, const struct creds *other)
{
	return !(other->permitted & ~creds->permitted);
}

pid_t creds_own_pid(const struct creds *creds)
{
	return creds->levels ? creds->pids[creds->levels - 1] : 0;
}
