/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The lock (Lock=yes of mseald.conf(5), bpf/lock.bpf.c): once it is taken, only this process and its children
 * reach the maps, programs, links and pins of mseald. It is taken before the maps are made, then either
 * verified to be complete or given up. Once complete it holds until the next boot, even if this process ends.
 */
#pragma once

#include <jansson.h>

#include "lib/base/util.h"

struct lock;

/* Has this or an earlier mseald locked this machine? Checks the pins. */
bool lock_is_taken(void);

/*
 * Takes the lock for the calling process, which must have one thread. Maps and programs that it gets a
 * descriptor of from here on are refused to others. The working directory becomes the folder of pins. Logs;
 * negative errno: nothing is locked.
 */
int lock_take(bool signals, struct lock **ret);
/*
 * To be called when all maps, programs and links exist. Has an outsider try each operation, looks for other
 * holders of locked objects, makes the lock permanent. Logs. Negative errno: incomplete; free it and exit.
 */
int lock_complete(struct lock *lock);
/* Closes. A completed lock stays, an incomplete one is undone. Takes NULL. */
void lock_free(struct lock *lock);

/* Guards a link of mseald until lock_forget_link(). lock may be NULL. Negative errno: it is not guarded. */
int lock_guard_link(struct lock *lock, int link_fd);
void lock_forget_link(struct lock *lock, int link_fd);

bool lock_is_complete(const struct lock *lock);
/* LockSignals=yes: SIGTERM arrives from systemd-shutdown only (shutdown.h). lock may be NULL. */
bool lock_keeps_signals(const struct lock *lock);

/* After lock_complete(): the buffer of struct mseald_lock_denial, and the number that found it full. */
int lock_denials_fd(const struct lock *lock);
uint64_t lock_lost(const struct lock *lock);
/* Denials of each operation (all), or of those with any. A new reference; lock may be NULL: no denials. */
json_t *lock_denials_json(const struct lock *lock, bool all);
/* The lock's part of Status, a new reference; lock may be NULL: NULL. */
json_t *lock_json(const struct lock *lock);
