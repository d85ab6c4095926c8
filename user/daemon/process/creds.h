/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The credentials of a process, from /proc/PID/status, and the rule of ptrace(2) on who may act on
 * whom (kernel/ptrace.c, __ptrace_may_access; security/commoncap.c, cap_ptrace_access_check).
 */
#ifndef MSEALD_PROCESS_CREDS_H
#define MSEALD_PROCESS_CREDS_H

#include "lib/base/util.h"

/* pid namespaces in one another: MAX_PID_NS_LEVEL and the first (include/linux/pid_namespace.h) */
#define CREDS_LEVELS 33

struct creds {
	uid_t uids[4]; /* real, effective, saved, of files: as mseald sees them */
	gid_t gids[4];
	uint64_t permitted, effective; /* capabilities, bits by number */
	/* NSpid: here, and in each pid namespace further in; the last is its own */
	pid_t pids[CREDS_LEVELS];
	unsigned levels;
};

/* From the text of the file. -EBADMSG: something of it is missing. */
int creds_parse(const char *text, struct creds *ret);

/* All of its user and group ids are these: it has, and can get back, no others. */
bool creds_is_all(const struct creds *creds, uid_t uid, gid_t gid);

/* Has it nothing that the other has not? */
bool creds_covers(const struct creds *creds, const struct creds *other);

/* The pid in its own namespace. */
pid_t creds_own_pid(const struct creds *creds);

#endif
