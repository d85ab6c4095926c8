/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The active policies: read at the start and at each reload, and put
 * into the kernel (match_tables.h). A file that cannot be read any more leaves its
 * last good version active, a copy of which is kept for the next daemon.
 */
#ifndef MSEALD_POLICY_ACTIVE_H
#define MSEALD_POLICY_ACTIVE_H

#include "bpf/programs.h"
#include "lib/policy/policy.h"
#include "mseald/shared.h"

#define ACTIVE_KEPT "/run/mseald/policy.d"

struct active;

/* With no active policy. NULL without memory. */
struct active *active_new(struct programs *programs);
void active_free(struct active *active); /* takes NULL; the kernel keeps its policies */

/*
 * Reads all files, attaches what policies need, then changes over. Logs. A negative errno: nothing
 * has changed. faults: also of files whose last good version goes on.
 */
int active_reload(struct active *active, struct diagnostics *faults);

/*
 * Activates these before those of files, in place of those of the previous call. The list is copied,
 * its policies are borrowed until the next call has succeeded. Before the first active_reload() they
 * become active with that. A negative errno: nothing has changed.
 */
int active_put_first(struct active *active, const struct policy *first, size_t count);

/*
 * [Seal] of the policy file of this name, active or turned off (Enabled=no). -ENOENT: there is
 * none, or it has a fault; -ENOMEM.
 */
int active_find_seal(const struct active *active, const char *name, struct seal_spec *ret);

const struct policies *active_policies(const struct active *active);
/* The one of this name; NULL: none. */
const struct policy *active_find(const struct active *active, const char *name);
/* The kernel's decision at the exec of a program. NULL: it was not watched, or is not decided. */
const struct policy *active_decided(const struct active *active, const struct mseald_watched *watched);
/* The policy that applies to a program: as active_decided(), or else what its facts say. NULL: none. */
const struct policy *active_match(const struct active *active, const struct mseald_watched *watched,
				  const struct policy_facts *facts);
/* Faults that the last reading found. */
size_t active_faults(const struct active *active);
/* Does any of them ask whether a program is marked? */
bool active_wants_marked(const struct active *active);

#endif
