/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the log says of attempts and of sealing, with the fields of an entry in
 * the journal. Attempts have so many lines a minute (flood.h), then only their number.
 */
#ifndef MSEALD_TELLING_H
#define MSEALD_TELLING_H

#include "daemon.h"
#include "lib/policy/policy.h"
#include "sealing.h"
#include "server.h"

struct telling;

/* Negative errno. */
int telling_open(struct daemon *daemon, struct telling **ret);
struct telling *telling_close(struct telling *telling);	/* says what is not said yet; takes NULL, returns NULL */

void tell_attempt(struct telling *telling, const struct mseald_event *event);
void tell_lost(uint64_t count);
/* At the request of a client. */
void tell_sealed(const struct connection *connection, pid_t pid, const struct seal_result *result);
void tell_unsealed(const struct connection *connection, pid_t pid, uint64_t bytes, size_t seals);
/* By this policy: it is tried again, or not. */
void tell_not_sealed(pid_t pid, const char *policy, bool again, const struct failure *failure);
/* By this policy, so many seconds after it was to be sealed; why: a phrase. */
void tell_overdue(pid_t pid, const char *policy, uint64_t seconds, const char *why);
/* What `msealctl run` was to start. */
void tell_ended(pid_t pid, const struct failure *failure);
void tell_policy_fault(const struct diagnostic *fault);

#endif
