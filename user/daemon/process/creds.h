/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The credentials of a process, from /proc/PID/status, and the rule of ptrace(2) about which process may act
 * on which (kernel/ptrace.c, __ptrace_may_access; security/commoncap.c, cap_ptrace_access_check).
 */
#pragma once

#include "lib/base/util.h"

/* nested pid namespaces: MAX_PID_NS_LEVEL and the first (include/linux/pid_namespace.h) */
#define CREDS_LEVELS 33

struct creds {
	uid_t uids[4]; /* real, effective, saved, filesystem; in mseald's user namespace */
	gid_t gids[4];
	uint64_t permitted, effective; /* capabilities, bits by number */
	/* NSpid: in mseald's pid namespace, and in each further in; the last is its own */
	pid_t pids[CREDS_LEVELS];
	unsigned levels;
};

/* Parses the text of the file. -EBADMSG: a line is missing. */
int creds_parse(const char *text, struct creds *ret);

/* Are all of its user and group ids these? Then it has no others, and cannot regain any. */
bool creds_is_all(const struct creds *creds, uid_t uid, gid_t gid);

/* Has creds all permitted capabilities of `other`? */
bool creds_covers(const struct creds *creds, const struct creds *other);

/* The pid in the process's own namespace. */
pid_t creds_own_pid(const struct creds *creds);
