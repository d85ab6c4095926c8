/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Passes denials by the lock to the log and to monitors, as they happen. */
#pragma once

#include <systemd/sd-event.h>

#include "bpf/lock.h"
#include "mseald/lock.h"
#include "policy/containers.h"

struct lock_log;

/* The lock must be complete. publish() gets each denial that has a line in the log. Negative errno. */
int lock_log_open(sd_event *loop, struct lock *lock, const struct containers *containers,
		  void (*publish)(void *context, const struct mseald_lock_denial *denial), void *context,
		  struct lock_log **ret);
void lock_log_close(struct lock_log *lock_log); /* logs pending summaries; takes NULL */
