/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What users have in use of the daemon: connections, and its time. Who has all of his waits or is
 * refused; nobody else does. Root is not counted. No clock of its own: times are given, in microseconds.
 */
#ifndef MSEALD_API_QUOTA_H
#define MSEALD_API_QUOTA_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define USERS_CONNECTIONS_EACH 72u	/* of one user at a time: 64 that wait in Run (method_run.c), and 8 */
#define USERS_CONNECTIONS_ALL 960u	/* of all of them; CONNECTIONS_MAX has room for root besides */
/* One user may take a quarter of the daemon's time, all users half of it, and some at once. */
#define USERS_SHARE_EACH 4u
#define USERS_SHARE_ALL 2u
#define USERS_AT_ONCE_US 500000

struct user;
struct users;

struct users *users_new(void);			/* NULL: no memory */
struct users *users_free(struct users *users);	/* takes NULL, returns NULL */

/* Counts a connection; given back by users_leave(). -EDQUOT: he has all that he may; -EUSERS: all users together; -ENOMEM. */
int users_enter(struct users *users, uid_t uid, uint64_t now, struct user **ret);
void users_leave(struct users *users, struct user *user);

uid_t users_uid(const struct user *user);

/* Counts time that was spent for him, which may bring him into debt. */
void users_spend(struct users *users, struct user *user, uint64_t now, uint64_t spent);
/* The same by his uid, connected or not. Nothing where there is no memory. */
void users_spend_for(struct users *users, uid_t uid, uint64_t now, uint64_t spent);
/* How long he has to wait until he is out of it; 0: not at all. */
uint64_t users_wait(struct users *users, struct user *user, uint64_t now);

#endif
