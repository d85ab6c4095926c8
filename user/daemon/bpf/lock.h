/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The lock (Lock=yes of mseald.conf(5), bpf/lock.bpf.c): from the moment it is
 * taken only this process and its children reach the maps, programs, links and
 * pins of mseald. It is taken before the maps are made, and then either seen
 * to be complete or given up; once complete it holds until the machine is
 * booted again, whatever becomes of this process.
 */
#ifndef MSEALD_BPF_LOCK_H
#define MSEALD_BPF_LOCK_H

#include <jansson.h>

#include "lib/base/util.h"

struct lock;

/* Has some mseald, this or an earlier one, locked this machine? Asked of the pins. */
bool lock_is_taken(void);

/*
 * Takes it for the calling process, which must have one thread: whatever maps
 * and programs it gets a descriptor of from here on are refused to others. The
 * working directory becomes the folder of pins. Logs; negative errno: nothing is locked.
 */
int lock_take(bool signals, struct lock **ret);
/*
 * When all maps, programs and links are there: has an outsider try each operation, looks who else
 * has locked objects, and makes the lock last. Logs. Negative errno: it is incomplete; free it and end.
 */
int lock_complete(struct lock *lock);
/* Closes. What was completed holds, all else is undone. Takes NULL. */
void lock_free(struct lock *lock);

/* A link of ours, from its making to its end. lock may be NULL. Negative errno: it could not be guarded. */
int lock_guard_link(struct lock *lock, int link_fd);
void lock_forget_link(struct lock *lock, int link_fd);

bool lock_is_complete(const struct lock *lock);
/* LockSignals=yes: only systemd-shutdown has SIGTERM arrive (shutdown.h). lock may be NULL. */
bool lock_keeps_signals(const struct lock *lock);

/*
 * The buffer of denials (struct mseald_lock_denial), and how many found it full. Once
 * it is complete.
 */
int lock_denials_fd(const struct lock *lock);
uint64_t lock_lost(const struct lock *lock);
/* Denials of each operation, or of those with any, a new reference; lock may be NULL: none. */
json_t *lock_denials_json(const struct lock *lock, bool all);
/* What Status says of it, a new reference; lock may be NULL: NULL. */
json_t *lock_json(const struct lock *lock);

#endif
