// SPDX-License-Identifier: LGPL-2.1-or-later
/* See space_map.h. */
#include "seal/space_map.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <string.h>

#include "lib/base/util.h"

#define STALE_MAX 1024	/* address spaces that wait for programs to end, before they are waited for at once */

struct store {
	struct programs *programs;
	int spaces_fd;
	struct sets *sets;
	uint64_t stale[STALE_MAX];	/* keys whose slot may still be filled from an older set */
	size_t stale_count;
};

int store_open(struct programs *programs, struct store **ret)
{
	struct store *store = calloc(1, sizeof(*store));
	int r;

	if (!store)
		return -ENOMEM;
	store->programs = programs;
	store->spaces_fd = programs_map_fd(programs, "spaces");
	r = sets_open(programs, &store->sets);
	if (r < 0) {
		free(store);
		return r;
	}
	*ret = store;
	return 0;
}

struct store *store_close(struct store *store)
{
	if (!store)
		return NULL;
	store_settle(store);
	store->sets = sets_close(store->sets);
	free(store);
	return NULL;
}

struct sets *store_sets(struct store *store)
{
	return store->sets;
}

int store_read_space(struct store *store, uint64_t key, struct mseald_space *ret)
{
	return bpf_map_lookup_elem(store->spaces_fd, &key, ret) < 0 ? -errno : 0;
}

int store_read_spaces(struct store *store, uint64_t **ret_keys, struct mseald_space **ret_spaces, size_t *ret_count)
{
	_cleanup_free_ uint64_t *keys = malloc(MSEALD_MAX_SPACES * sizeof(*keys));
	_cleanup_free_ struct mseald_space *values = malloc(MSEALD_MAX_SPACES * sizeof(*values));
	__u32 count = MSEALD_MAX_SPACES;
	uint64_t next;

	if (!keys || !values)
		return -ENOMEM;
	/* One call for all of them; ENOENT says that it reached the end. */
	if (bpf_map_lookup_batch(store->spaces_fd, NULL, &next, keys, values, &count, NULL) < 0 && errno != ENOENT)
		return -errno;
	*ret_keys = TAKE_PTR(keys);
	*ret_spaces = TAKE_PTR(values);
	*ret_count = count;
	return 0;
}

int store_read_keys(struct store *store, uint64_t **ret, size_t *ret_count)
{
	_cleanup_free_ struct mseald_space *values = NULL;

	return store_read_spaces(store, ret, &values, ret_count);
}

bool store_any_sealed(struct store *store)
{
	_cleanup_free_ struct mseald_space *values = NULL;
	_cleanup_free_ uint64_t *keys = NULL;
	size_t count = 0;

	if (store_read_spaces(store, &keys, &values, &count) < 0)
		return true;
	for (size_t i = 0; i < count; i++)
		if (MSEALD_WORD_SET(values[i].word))
			return true;
	return false;
}

int store_read_seals(struct store *store, uint64_t key, struct mseald_space *ret_space, struct sealset *ret)
{
	struct mseald_space space = {};
	int r;

	r = store_read_space(store, key, &space);
	if (r == -ENOENT)
		r = 0;
	if (r >= 0 && MSEALD_WORD_SET(space.word))
		r = sets_read(store->sets, MSEALD_WORD_SET(space.word), ret);
	if (r < 0)
		return r;
	/* Made by fork, it never had the memory that its parent kept to itself. */
	if (space.word & MSEALD_WORD_FORKED)
		(void)sealset_drop_flagged(ret, MSEALD_SEAL_DONTFORK);
	if (ret_space)
		*ret_space = space;
	return 0;
}

/* Programs that began before may have filled the slot from the old set: it is emptied when they have ended. */
void store_settle(struct store *store)
{
	if (!store->stale_count)
		return;
	sets_wait(store->sets);
	for (size_t i = 0; i < store->stale_count; i++)
		(void)programs_uncache(store->programs, store->stale[i]);
	store->stale_count = 0;
}

void store_settle_all(struct store *store)
{
	_cleanup_free_ uint64_t *keys = NULL;
	size_t count;

	if (store_read_keys(store, &keys, &count) < 0)
		return;
	for (size_t i = 0; i < count; i++) {
		if (store->stale_count == STALE_MAX)
			store_settle(store);
		store->stale[store->stale_count++] = keys[i];
	}
	store_settle(store);
}

static int commit(struct store *store, uint64_t key, const struct store_place *place, uint32_t bits, enum store_when when,
		  struct store_old *ret_old)
{
	struct mseald_commit request = { .key = key, .bits = bits, .account = place->account, .limited = place->limited,
				       .flags = place->flags };
	int r = programs_commit(store->programs, &request);

	if (r < 0)
		return r;
	if (request.error < 0)
		return request.error;
	/* Room is made before it is needed. Without a set before there is nothing to be filled from. */
	if (MSEALD_WORD_SET(request.old_bits) || when == STORE_NOW)
		store->stale[store->stale_count++] = key;
	if (when == STORE_NOW || store->stale_count == STALE_MAX)
		store_settle(store);
	if (ret_old)
		*ret_old = (struct store_old){ .bits = request.old_bits };
	return 0;
}

int store_set_space(struct store *store, uint64_t key, const struct store_place *place, const struct sealset *set,
		    enum store_when when, struct store_old *ret_old)
{
	uint32_t id = 0;
	int r;

	if (set->count) {
		r = sets_write(store->sets, set, key, &id);
		if (r < 0)
			return r;
	}
	r = commit(store, key, place, id, when, ret_old);
	if (r < 0 && id)
		sets_unwrite(store->sets, id);
	return r;
}

int store_restore_space(struct store *store, uint64_t key, const struct store_old *old)
{
	/* It has its place: nothing is entered anew. */
	return commit(store, key, &(struct store_place){ .account = MSEALD_ACCOUNT_NONE }, old->bits, STORE_NOW, NULL);
}

int store_forget_space(struct store *store, uint64_t key)
{
	return programs_forget(store->programs, key);
}

/* --- accounts --- */

int store_count_account(struct store *store, uint32_t account, size_t *ret_spaces, size_t *ret_sets, size_t *ret_seals,
			uint64_t ret_verdicts[MSEALD_VERDICT_COUNT])
{
	_cleanup_free_ struct mseald_space *values = NULL;
	_cleanup_free_ uint64_t *keys = NULL;
	_cleanup_free_ bool *seen = calloc(MSEALD_MAX_SETS, sizeof(*seen));
	size_t count, spaces = 0, sets = 0, seals = 0;
	int r = seen ? store_read_spaces(store, &keys, &values, &count) : -ENOMEM;

	for (size_t i = 0; r >= 0 && i < count; i++) {
		uint32_t id = MSEALD_WORD_SET(values[i].word);
		size_t more = 0;

		if (values[i].account != account || !id)
			continue;
		spaces++;
		for (unsigned verdict = 0; ret_verdicts && verdict < MSEALD_VERDICT_COUNT; verdict++)
			ret_verdicts[verdict] += values[i].verdicts[verdict];
		if (seen[id])
			continue;
		seen[id] = true;
		sets++;
		/* One that is gone by now has none. */
		if (sets_read_count(store->sets, id, &more) >= 0)
			seals += more;
	}
	if (r < 0)
		return r;
	*ret_spaces = spaces;
	*ret_sets = sets;
	*ret_seals = seals;
	return 0;
}

void store_forget_accounts(struct store *store)
{
	int fd = programs_map_fd(store->programs, "accounts");
	uint32_t account, next;
	int r = bpf_map_get_next_key(fd, NULL, &next);

	/* One that is removed meanwhile sends us back to the first: not for ever, there are only so many. */
	for (unsigned i = 0; r == 0 && i < MSEALD_MAX_ACCOUNTS; i++) {
		uint64_t purse;

		account = next;
		r = bpf_map_get_next_key(fd, &account, &next);
		if (bpf_map_lookup_elem(fd, &account, &purse) == 0 && !MSEALD_PURSE_PLACES(purse))
			(void)programs_forget_account(store->programs, account);
	}
}
