/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Denials by the lock, as they happen: to the log and to monitors. */
#ifndef MSEALD_AUDIT_LOCK_LOG_H
#define MSEALD_AUDIT_LOCK_LOG_H

#include <systemd/sd-event.h>

#include "bpf/lock.h"
#include "mseald/lock.h"
#include "policy/containers.h"

struct lock_log;

/* With a lock that is complete; publish() is called for each that has a line in the log. Negative errno. */
int lock_log_open(sd_event *loop, struct lock *lock, const struct containers *containers,
		  void (*publish)(void *context, const struct mseald_lock_denial *denial), void *context,
		  struct lock_log **ret);
struct lock_log *lock_log_close(
	struct lock_log *lock_log); /* logs pending counts; takes NULL, returns NULL */

#endif
