/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What policies are matched with: what was true of a program at its exec, as the
 * kernel noted it (struct mseald_watched), or, where it did not, the facts of now.
 */
#ifndef MSEALD_POLICY_EXEC_FACTS_H
#define MSEALD_POLICY_EXEC_FACTS_H

#include "bpf/programs.h"
#include "lib/policy/policy.h"

struct exec_facts {
	struct policy_facts policy; /* points into this */
	char *exe, *cgroup;
};

/*
 * watched: NULL when it is not. want_marked: look into the program's file, and let the
 * kernel know. -ESRCH: the process is gone; -ENOMEM.
 */
int exec_facts_read(struct programs *programs, pid_t pid, const struct mseald_watched *watched,
		    bool want_marked, struct exec_facts *ret);
void exec_facts_free(struct exec_facts *facts); /* takes zeroed; leaves it zeroed */

#endif
