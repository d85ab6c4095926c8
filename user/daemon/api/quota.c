// SPDX-License-Identifier: LGPL-2.1-or-later
/* See quota.h. */
#include "api/quota.h"

struct quota_user {
	LIST_ENTRY(quota_user) link;
	uid_t uid;
	unsigned connections;
	struct bucket bucket;
};

static void refill(struct bucket *bucket, uint64_t now, unsigned share)
{
	uint64_t room = (uint64_t)(QUOTA_AT_ONCE_US - bucket->left);

	if (now <= bucket->counted)
		return;
	bucket->left += (int64_t)MIN_OF((now - bucket->counted) / share, room);
	bucket->counted = now;
}

static uint64_t wait_of(const struct bucket *bucket, unsigned share)
{
	return bucket->left >= 0 ? 0 : (uint64_t)-bucket->left * share;
}

static void remove_user(struct quota_user *user)
{
	LIST_REMOVE(user, link);
	free(user);
}

void quota_free(struct quota *quota)
{
	while (!LIST_EMPTY(&quota->list))
		remove_user(LIST_FIRST(&quota->list));
}

static struct quota_user *find(struct quota *quota, uid_t uid)
{
	struct quota_user *user;

	LIST_FOREACH(user, &quota->list, link)
	if (user->uid == uid)
		break;
	return user;
}

static struct quota_user *add(struct quota *quota, uid_t uid)
{
	struct quota_user *user = calloc(1, sizeof(*user));

	if (!user)
		return NULL;
	*user = (struct quota_user){ .uid = uid, .bucket.left = QUOTA_AT_ONCE_US };
	LIST_INSERT_HEAD(&quota->list, user, link);
	return user;
}

/* A user who leaves in debt is kept until the debt is paid: else they would come back without debt. */
static void forget_paid(struct quota *quota, uint64_t now)
{
	struct quota_user *next;

	for (struct quota_user *user = LIST_FIRST(&quota->list); user; user = next) {
		next = LIST_NEXT(user, link);
		refill(&user->bucket, now, QUOTA_SHARE_EACH);
		if (!user->connections && user->bucket.left >= QUOTA_AT_ONCE_US)
			remove_user(user);
	}
}

int quota_enter(struct quota *quota, uid_t uid, uint64_t now, struct quota_user **ret)
{
	struct quota_user *user;

	forget_paid(quota, now);
	user = find(quota, uid);
	if (user && user->connections >= QUOTA_CONNECTIONS_EACH)
		return -EDQUOT;
	if (quota->connections >= QUOTA_CONNECTIONS_ALL)
		return -EUSERS;
	if (!user)
		user = add(quota, uid);
	if (!user)
		return -ENOMEM;
	user->connections++;
	quota->connections++;
	*ret = user;
	return 0;
}

void quota_leave(struct quota *quota, struct quota_user *user)
{
	if (!user)
		return;
	user->connections--;
	quota->connections--;
}

uid_t quota_uid(const struct quota_user *user)
{
	return user->uid;
}

static void take(struct bucket *bucket, uint64_t spent)
{
	bucket->left = MAX_OF(bucket->left - (int64_t)spent, -(int64_t)QUOTA_DEBT_US);
}

void quota_spend(struct quota *quota, struct quota_user *user, uint64_t now, uint64_t spent)
{
	refill(&quota->bucket, now, QUOTA_SHARE_ALL);
	refill(&user->bucket, now, QUOTA_SHARE_EACH);
	take(&quota->bucket, spent);
	take(&user->bucket, spent);
}

void quota_spend_for(struct quota *quota, uid_t uid, uint64_t now, uint64_t spent)
{
	struct quota_user *user = find(quota, uid) ?: add(quota, uid);

	if (user)
		quota_spend(quota, user, now, spent);
}

uint64_t quota_wait(struct quota *quota, struct quota_user *user, uint64_t now)
{
	refill(&quota->bucket, now, QUOTA_SHARE_ALL);
	refill(&user->bucket, now, QUOTA_SHARE_EACH);
	return MAX_OF(wait_of(&user->bucket, QUOTA_SHARE_EACH), wait_of(&quota->bucket, QUOTA_SHARE_ALL));
}
