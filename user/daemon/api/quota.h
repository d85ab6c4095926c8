/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The users' shares of the daemon: connections, and its time. A user at the limit waits or is
 * refused; no other user is. Root is not counted. No clock of its own: times are given, in microseconds.
 */
#ifndef MSEALD_API_QUOTA_H
#define MSEALD_API_QUOTA_H

#include "lib/base/util.h"

#define QUOTA_CONNECTIONS_EACH 72u /* of one user at a time: 64 that wait in Run (method_run.c), and 8 */
#define QUOTA_CONNECTIONS_ALL 960u /* of all of them; CONNECTIONS_MAX has room for root besides */
/* One user may take a quarter of the daemon's time, all users half of it, and some at once. */
#define QUOTA_SHARE_EACH 4u
#define QUOTA_SHARE_ALL 2u
#define QUOTA_AT_ONCE_US 500000

struct quota_user;
struct quota;

struct quota *quota_new(void);	      /* NULL: no memory */
void quota_free(struct quota *quota); /* takes NULL */

/*
 * Counts a connection; given back by quota_leave(). -EDQUOT: the user is at the limit; -EUSERS: all
 * users together; -ENOMEM.
 */
int quota_enter(struct quota *quota, uid_t uid, uint64_t now, struct quota_user **ret);
void quota_leave(struct quota *quota, struct quota_user *user);

uid_t quota_uid(const struct quota_user *user);

/* Counts time that was spent for the user, which may bring the user into debt. */
void quota_spend(struct quota *quota, struct quota_user *user, uint64_t now, uint64_t spent);
/* The same by uid, connected or not. Nothing where there is no memory. */
void quota_spend_for(struct quota *quota, uid_t uid, uint64_t now, uint64_t spent);
/* How long the user has to wait until the debt is paid; 0: not at all. */
uint64_t quota_wait(struct quota *quota, struct quota_user *user, uint64_t now);

#endif
