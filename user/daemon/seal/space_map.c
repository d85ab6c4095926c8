// SPDX-License-Identifier: LGPL-2.1-or-later
/* See space_map.h. */
#include "seal/space_map.h"

#include <bpf/bpf.h>

#include "bpf/map.h"

#define HOLD_TRIES 1000 /* each fails only if the kernel has sealed more of it meanwhile */

int space_map_open(struct space_map *space_map, struct programs *programs)
{
	*space_map = (struct space_map){ .programs = programs,
					 .spaces_fd = programs_map_fd(programs, "spaces") };
	return set_map_open(programs, &space_map->sets);
}

int space_map_read_space(struct space_map *space_map, uint64_t key, struct mseald_space *ret)
{
	return bpf_map_lookup_elem(space_map->spaces_fd, &key, ret);
}

int space_map_read_spaces(struct space_map *space_map, uint64_t **ret_keys, struct mseald_space **ret_spaces,
			  size_t *ret_count)
{
	_cleanup_free_ uint64_t *keys = malloc(MSEALD_MAX_SPACES * sizeof(*keys));
	_cleanup_free_ struct mseald_space *values = malloc(MSEALD_MAX_SPACES * sizeof(*values));
	__u32 count = MSEALD_MAX_SPACES;
	uint64_t next;

	if (!keys || !values)
		return -ENOMEM;
	/* One call for all entries; ENOENT means the end was reached. */
	if (bpf_map_lookup_batch(space_map->spaces_fd, NULL, &next, keys, values, &count, NULL) < 0 &&
	    errno != ENOENT)
		return -errno;
	*ret_keys = TAKE_PTR(keys);
	*ret_spaces = TAKE_PTR(values);
	*ret_count = count;
	return 0;
}

int space_map_read_keys(struct space_map *space_map, uint64_t **ret, size_t *ret_count)
{
	_cleanup_free_ struct mseald_space *values = NULL;

	return space_map_read_spaces(space_map, ret, &values, ret_count);
}

bool space_map_any_sealed(struct space_map *space_map)
{
	_cleanup_free_ struct mseald_space *values = NULL;
	_cleanup_free_ uint64_t *keys = NULL;
	size_t count = 0;

	if (space_map_read_spaces(space_map, &keys, &values, &count) < 0)
		return true;
	for (size_t i = 0; i < count; i++)
		if (MSEALD_WORD_SET(values[i].word))
			return true;
	return false;
}

/* Reads the entry, zeros if there is none, and holds its set. -EAGAIN: they keep changing. */
static int hold_set(struct space_map *space_map, uint64_t key, struct mseald_space *ret)
{
	struct mseald_space now = {};

	for (unsigned i = 0; i < HOLD_TRIES; i++) {
		uint32_t set;
		int r = space_map_read_space(space_map, key, ret);

		if (r == -ENOENT)
			*ret = now = (struct mseald_space){};
		else if (r < 0)
			return r;
		set = MSEALD_WORD_SET(ret->word);
		if (!set)
			return 0;
		if (!set_map_hold(space_map->sets, set))
			continue;
		if (space_map_read_space(space_map, key, &now) >= 0 && now.word == ret->word)
			return 0;
		set_map_let_go(space_map->sets, set);
	}
	return -EAGAIN;
}

int space_map_read_seals(struct space_map *space_map, uint64_t key, struct mseald_space *ret_space,
			 struct sealset *ret)
{
	struct mseald_space space = {};
	uint32_t set = 0;
	int r;

	r = hold_set(space_map, key, &space);
	if (r >= 0) {
		set = MSEALD_WORD_SET(space.word);
		r = set ? set_map_read(space_map->sets, set, ret) : 0;
		if (set)
			set_map_let_go(space_map->sets, set);
	}
	if (r < 0)
		return r;
	/* A process made by fork never had the memory that its parent excluded. */
	if (space.word & MSEALD_WORD_FORKED)
		(void)sealset_drop_flagged(ret, MSEALD_SEAL_DONTFORK);
	if (ret_space)
		*ret_space = space;
	return 0;
}

static int commit(struct space_map *space_map, uint64_t key, const struct space_map_owner *owner,
		  uint32_t bits, enum space_map_when when, struct space_map_old *ret_old)
{
	struct mseald_commit request = { .key = key,
					 .bits = bits,
					 .account = owner->account,
					 .limited = owner->limited,
					 .flags = owner->flags,
					 .expected = owner->expected,
					 .born = owner->born };
	int r = programs_commit(space_map->programs, &request);

	if (r < 0)
		return r;
	if (request.error < 0)
		return request.error;
	if (when == SPACE_MAP_NOW)
		set_map_wait(space_map->sets);
	if (ret_old)
		*ret_old = (struct space_map_old){ .bits = request.old_bits, .born = request.born };
	return 0;
}

int space_map_set_space(struct space_map *space_map, uint64_t key, const struct space_map_owner *owner,
			const struct sealset *set, enum space_map_when when, struct space_map_old *ret_old)
{
	uint32_t id = 0;
	int r;

	if (set->count) {
		r = set_map_write(space_map->sets, set, key, &id);
		if (r < 0)
			return r;
	}
	r = commit(space_map, key, owner, id, when, ret_old);
	if (r < 0 && id)
		set_map_release(space_map->sets, id);
	return r;
}

int space_map_restore_space(struct space_map *space_map, uint64_t key, const struct space_map_old *old)
{
	/*
	 * Otherwise a program could combine halves of the slot from before and after, when the slot has this
	 * set again (in_gap).
	 */
	set_map_wait(space_map->sets);
	/* The entry exists, so no account is charged. */
	return commit(space_map, key,
		      &(struct space_map_owner){
			      .account = MSEALD_ACCOUNT_NONE, .expected = MSEALD_ANY_SET, .born = old->born },
		      old->bits, SPACE_MAP_NOW, NULL);
}

int space_map_forget_space(struct space_map *space_map, uint64_t key, uint64_t born,
			   const struct mseald_space *seen)
{
	struct mseald_commit request = { .key = key,
					 .born = born,
					 .flags = seen ? seen->flags : 0,
					 .expected = seen ? 0 : MSEALD_ANY_SET };

	return programs_forget(space_map->programs, &request);
}

/* --- accounts --- */

int space_map_count_account(struct space_map *space_map, uint32_t account, size_t *ret_spaces,
			    size_t *ret_sets, size_t *ret_seals, uint64_t ret_verdicts[MSEALD_VERDICT_COUNT])
{
	_cleanup_free_ struct mseald_space *values = NULL;
	_cleanup_free_ uint64_t *keys = NULL;
	_cleanup_free_ bool *seen = calloc(MSEALD_MAX_SETS, sizeof(*seen));
	size_t count, spaces = 0, sets = 0, seals = 0;
	int r = seen ? space_map_read_spaces(space_map, &keys, &values, &count) : -ENOMEM;

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
		/* A set that is gone by now has no seals. */
		if (set_map_read_count(space_map->sets, id, &more) >= 0)
			seals += more;
	}
	if (r < 0)
		return r;
	*ret_spaces = spaces;
	*ret_sets = sets;
	*ret_seals = seals;
	return 0;
}

void space_map_forget_accounts(struct space_map *space_map)
{
	int fd = programs_map_fd(space_map->programs, "accounts");
	_cleanup_free_ uint32_t *accounts = NULL;
	size_t count;

	if (map_keys(fd, sizeof(*accounts), MSEALD_MAX_ACCOUNTS, &accounts, &count) < 0)
		return;
	for (size_t i = 0; i < count; i++) {
		uint64_t usage;

		if (bpf_map_lookup_elem(fd, &accounts[i], &usage) == 0 && !MSEALD_USAGE_SPACES(usage))
			(void)programs_forget_account(space_map->programs, accounts[i]);
	}
}

int space_map_hold(struct space_map *space_map, uint64_t key, struct space_hold *ret)
{
	int r = space_map_read_space(space_map, key, &ret->space);

	if (r < 0 && r != -ENOENT)
		return r;
	if (!set_map_hold(space_map->sets, MSEALD_WORD_SET(ret->space.word)))
		return -EAGAIN;
	ret->space_map = space_map;
	return 0;
}

void space_map_let_go(struct space_hold *hold)
{
	if (hold->space_map)
		set_map_let_go(hold->space_map->sets, MSEALD_WORD_SET(hold->space.word));
}
