/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The policies that are in force: read at the start and at each reload, and put
 * into the kernel as triggers. A file that cannot be read any more leaves its
 * last good version in force, a copy of which is kept for the next daemon.
 */
#ifndef MSEALD_INFORCE_H
#define MSEALD_INFORCE_H

#include "lib/policy/policy.h"
#include "programs.h"

#define INFORCE_KEPT "/run/mseald/policy.d"

struct inforce;

/* With none in force. NULL without memory. */
struct inforce *inforce_new(struct programs *programs);
struct inforce *inforce_free(struct inforce *inforce);	/* takes NULL, returns NULL; the triggers stay */

/*
 * Reads all files, attaches what policies need, then changes over. Logs. A negative errno: nothing
 * has changed. faults: also of files whose last good version goes on.
 */
int inforce_reload(struct inforce *inforce, struct diagnostics *faults);

/*
 * Puts these in force before those of files, in place of those that were given before. The list is copied,
 * what is in it is borrowed until the next call has succeeded. Before the first inforce_reload(): with
 * that one. A negative errno: nothing has changed.
 */
int inforce_put_first(struct inforce *inforce, const struct policy *first, size_t count);

/*
 * [Seal] of the policy that a file of this name says, in force or turned off (Enabled=no): classes, stops, action,
 * dlopen and gate of ret are set, nothing else. -ENOENT: there is none, or it has a fault; -ENOMEM.
 */
int inforce_find_seal(const struct inforce *inforce, const char *name, struct policy *ret);

const struct policies *inforce_policies(const struct inforce *inforce);
/* Faults that the last reading found. */
size_t inforce_faults(const struct inforce *inforce);
/* Does any of them ask whether a program is marked? */
bool inforce_wants_marked(const struct inforce *inforce);
/* NEED_POLICY when there is any; takes NULL. */
unsigned inforce_needs(const struct inforce *inforce);

#endif
