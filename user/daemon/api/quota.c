// SPDX-License-Identifier: LGPL-2.1-or-later
/* See quota.h. */
#include "api/quota.h"

#include <errno.h>
#include <stdlib.h>

#include "lib/base/util.h"

/* Time that may be spent: it grows as time goes by, up to USERS_AT_ONCE_US, and may be overdrawn. */
struct purse {
	int64_t left;		/* us */
	uint64_t counted;	/* when */
};

struct user {
	struct user *next, **previous;
	uid_t uid;
	unsigned connections;
	struct purse purse;
};

struct users {
	struct user *list;	/* those that are connected, or in debt */
	unsigned connections;
	struct purse purse;	/* of all of them */
};

static void refill(struct purse *purse, uint64_t now, unsigned share)
{
	uint64_t room = (uint64_t)(USERS_AT_ONCE_US - purse->left);

	if (now <= purse->counted)
		return;
	purse->left += (int64_t)MIN_OF((now - purse->counted) / share, room);
	purse->counted = now;
}

static uint64_t wait_of(const struct purse *purse, unsigned share)
{
	return purse->left >= 0 ? 0 : (uint64_t)-purse->left * share;
}

struct users *users_new(void)
{
	struct users *users = calloc(1, sizeof(*users));

	if (users)
		users->purse.left = USERS_AT_ONCE_US;
	return users;
}

static void remove_user(struct user *user)
{
	*user->previous = user->next;
	if (user->next)
		user->next->previous = user->previous;
	free(user);
}

struct users *users_free(struct users *users)
{
	while (users && users->list)
		remove_user(users->list);
	free(users);
	return NULL;
}

static struct user *find(struct users *users, uid_t uid)
{
	for (struct user *user = users->list; user; user = user->next)
		if (user->uid == uid)
			return user;
	return NULL;
}

static struct user *add(struct users *users, uid_t uid)
{
	struct user *user = calloc(1, sizeof(*user));

	if (!user)
		return NULL;
	*user = (struct user){ .next = users->list, .previous = &users->list, .uid = uid, .purse.left = USERS_AT_ONCE_US };
	if (user->next)
		user->next->previous = &user->next;
	users->list = user;
	return user;
}

/* Who has left in debt is not forgotten before it is paid: he would come back without. */
static void forget_paid(struct users *users, uint64_t now)
{
	struct user *next;

	for (struct user *user = users->list; user; user = next) {
		next = user->next;
		refill(&user->purse, now, USERS_SHARE_EACH);
		if (!user->connections && user->purse.left >= USERS_AT_ONCE_US)
			remove_user(user);
	}
}

int users_enter(struct users *users, uid_t uid, uint64_t now, struct user **ret)
{
	struct user *user;

	forget_paid(users, now);
	user = find(users, uid);
	if (user && user->connections >= USERS_CONNECTIONS_EACH)
		return -EDQUOT;
	if (users->connections >= USERS_CONNECTIONS_ALL)
		return -EUSERS;
	if (!user)
		user = add(users, uid);
	if (!user)
		return -ENOMEM;
	user->connections++;
	users->connections++;
	*ret = user;
	return 0;
}

void users_leave(struct users *users, struct user *user)
{
	if (!user)
		return;
	user->connections--;
	users->connections--;
}

uid_t users_uid(const struct user *user)
{
	return user->uid;
}

void users_spend(struct users *users, struct user *user, uint64_t now, uint64_t spent)
{
	refill(&users->purse, now, USERS_SHARE_ALL);
	refill(&user->purse, now, USERS_SHARE_EACH);
	users->purse.left -= (int64_t)spent;
	user->purse.left -= (int64_t)spent;
}

void users_spend_for(struct users *users, uid_t uid, uint64_t now, uint64_t spent)
{
	struct user *user = find(users, uid) ?: add(users, uid);

	if (user)
		users_spend(users, user, now, spent);
}

uint64_t users_wait(struct users *users, struct user *user, uint64_t now)
{
	refill(&users->purse, now, USERS_SHARE_ALL);
	refill(&user->purse, now, USERS_SHARE_EACH);
	return MAX_OF(wait_of(&user->purse, USERS_SHARE_EACH), wait_of(&users->purse, USERS_SHARE_ALL));
}
