/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The facts that policies are matched with: those at a program's exec, as the kernel recorded them (struct
 * mseald_watched), or else the current ones.
 */
#pragma once

#include "bpf/programs.h"
#include "lib/policy/policy.h"

struct exec_facts {
	struct policy_facts policy; /* points into this */
	char *exe, *cgroup;
};

/*
 * watched: NULL: not watched. want_marked: check the program's file, and tell the kernel the result. -ESRCH:
 * the process is gone; -ENOMEM: not now.
 */
int exec_facts_read(struct programs *programs, pid_t pid, const struct mseald_watched *watched,
		    bool want_marked, struct exec_facts *ret);
void exec_facts_free(struct exec_facts *facts); /* takes zeroed; leaves it zeroed */
