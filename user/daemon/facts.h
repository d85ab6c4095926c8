/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What policies are matched with: what was true of a program at its exec, as the
 * kernel noted it (struct mseald_armed), or, where it did not, what is true now.
 */
#ifndef MSEALD_FACTS_H
#define MSEALD_FACTS_H

#include "lib/policy/policy.h"
#include "programs.h"

struct facts {
	struct policy_facts policy;	/* points into this */
	char *exe, *cgroup;
};

/* The program of an open /proc/PID, as it sees the path itself: malloc'ed; NULL: not there, or not known. */
char *facts_exe(int proc_fd);

/*
 * armed: NULL when it is not. want_marked: look into the program's file, and let the
 * kernel know. -ESRCH: the process is gone; -ENOMEM.
 */
int facts_read(struct programs *programs, pid_t pid, const struct mseald_armed *armed, bool want_marked, struct facts *ret);
void facts_free(struct facts *facts);	/* takes zeroed; leaves it zeroed */

#endif
