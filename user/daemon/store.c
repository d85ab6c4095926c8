// SPDX-License-Identifier: LGPL-2.1-or-later
/* See store.h. */
#include "store.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "util.h"

#define REFS_SIZE (MSEALD_MAX_SETS * sizeof(uint64_t))

struct store {
	struct programs *programs;
	int spaces_fd, sets_fd;
	volatile uint64_t *refs;		/* the map `refs`, as the programs see it; ours is [0]: see sets_end() */
	uint32_t maps[MSEALD_MAX_SETS];		/* the id of a set's map; 0: not known yet */
	bool used[MSEALD_MAX_SETS];		/* has a seal set, referred to or not yet collected */
	uint32_t lowest_free;			/* no lower id is free */
};

/*
 * Every set there is has a lower id than this. No set has the id 0, so its place
 * in `refs` is free for it: it is known to the next daemon, however this one
 * ends. (In 6.1 each look-up in a map of maps waits for a grace period:
 * kernel/bpf/syscall.c, bpf_map_copy_value. So none is made that need not be.)
 */
static uint32_t sets_end(const struct store *store)
{
	return (uint32_t)MIN_OF(store->refs[0], (uint64_t)MSEALD_MAX_SETS);
}

static void lower_sets_end(struct store *store)
{
	uint32_t end = sets_end(store);

	while (end > 0 && !store->used[end - 1])
		end--;
	store->refs[0] = end;
}

static int open_set(struct store *store, uint32_t id, uint32_t *ret_nodes)
{
	struct bpf_map_info info = {};
	__u32 size = sizeof(info);
	int fd;

	if (!store->maps[id] && bpf_map_lookup_elem(store->sets_fd, &id, &store->maps[id]) < 0)
		return -errno;
	fd = bpf_map_get_fd_by_id(store->maps[id]);
	if (fd < 0)
		return -errno;
	if (bpf_obj_get_info_by_fd(fd, &info, &size) < 0) {
		int r = -errno;

		(void)close(fd);
		return r;
	}
	*ret_nodes = info.max_entries;
	return fd;
}

int store_open(struct programs *programs, struct store **ret)
{
	struct store *store = calloc(1, sizeof(*store));
	void *refs;

	if (!store)
		return -ENOMEM;
	store->programs = programs;
	store->spaces_fd = programs_map_fd(programs, "spaces");
	store->sets_fd = programs_map_fd(programs, "sets");
	refs = mmap(NULL, REFS_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, programs_map_fd(programs, "refs"), 0);
	if (refs == MAP_FAILED) {
		int r = -errno;

		free(store);
		return r;
	}
	store->refs = refs;
	store->lowest_free = 1;
	/* Whatever an earlier daemon left, referred to or not. */
	for (uint32_t id = 1; id < MSEALD_MAX_SETS; id++)
		store->used[id] = store->refs[id] || (id < sets_end(store) &&
				  bpf_map_lookup_elem(store->sets_fd, &id, &store->maps[id]) == 0);
	lower_sets_end(store);
	*ret = store;
	return 0;
}

struct store *store_close(struct store *store)
{
	if (!store)
		return NULL;
	(void)munmap((void *)store->refs, REFS_SIZE);
	free(store);
	return NULL;
}

int store_read_space(struct store *store, uint64_t key, struct mseald_space *ret)
{
	return bpf_map_lookup_elem(store->spaces_fd, &key, ret) < 0 ? -errno : 0;
}

/* Keys and values of all entries; the caller frees both. */
static int read_spaces(struct store *store, uint64_t **ret_keys, struct mseald_space **ret_values, size_t *ret_count)
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
	*ret_values = TAKE_PTR(values);
	*ret_count = count;
	return 0;
}

int store_read_keys(struct store *store, uint64_t **ret, size_t *ret_count)
{
	_cleanup_free_ struct mseald_space *values = NULL;

	return read_spaces(store, ret, &values, ret_count);
}

bool store_any_sealed(struct store *store)
{
	_cleanup_free_ struct mseald_space *values = NULL;
	_cleanup_free_ uint64_t *keys = NULL;
	size_t count = 0;

	if (read_spaces(store, &keys, &values, &count) < 0)
		return true;
	for (size_t i = 0; i < count; i++)
		if (MSEALD_WORD_SET(values[i].word))
			return true;
	return false;
}

static int read_nodes(int fd, uint32_t count, struct mseald_node **ret)
{
	_cleanup_free_ struct mseald_node *nodes = calloc(count, sizeof(*nodes));

	if (!nodes)
		return -ENOMEM;
	for (__u32 i = 0; i < count; i++)
		if (bpf_map_lookup_elem(fd, &i, &nodes[i]) < 0)
			return -errno;
	*ret = TAKE_PTR(nodes);
	return 0;
}

int store_read_set(struct store *store, uint32_t id, struct sealset *ret)
{
	_cleanup_free_ struct mseald_node *nodes = NULL;
	_cleanup_close_ int fd = -1;
	uint32_t count = 0;
	int r;

	fd = open_set(store, id, &count);
	if (fd < 0)
		return fd;
	r = read_nodes(fd, count, &nodes);
	if (r < 0)
		return r;
	return sealset_decode(nodes, count, ret);
}

int store_read_seals(struct store *store, uint64_t key, struct mseald_space *ret_space, struct sealset *ret)
{
	struct mseald_space space = {};
	int r;

	r = store_read_space(store, key, &space);
	if (r == -ENOENT)
		r = 0;
	if (r >= 0 && MSEALD_WORD_SET(space.word))
		r = store_read_set(store, MSEALD_WORD_SET(space.word), ret);
	if (r < 0)
		return r;
	/* Made by fork, it never had the memory that its parent kept to itself. */
	if (space.word & MSEALD_WORD_FORKED)
		(void)sealset_drop_flagged(ret, MSEALD_SEAL_DONTFORK);
	if (ret_space)
		*ret_space = space;
	return 0;
}

static int create_set_map(const struct sealset *set)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = BPF_F_INNER_MAP);
	_cleanup_free_ struct mseald_node *nodes = NULL;
	_cleanup_close_ int fd = -1;
	int count = sealset_nodes_needed(set->count), r;

	if (count < 0)
		return count;
	nodes = calloc((size_t)count, sizeof(*nodes));
	if (!nodes)
		return -ENOMEM;
	r = sealset_encode(set, nodes, (size_t)count);
	if (r < 0)
		return r;
	fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "mseald_set", sizeof(__u32), sizeof(struct mseald_node),
			    (__u32)count, &opts);
	if (fd < 0)
		return -errno;
	for (__u32 i = 0; i < (__u32)count; i++)
		if (bpf_map_update_elem(fd, &i, &nodes[i], BPF_ANY) < 0)
			return -errno;
	return TAKE_FD(fd);
}

static int find_free_set(struct store *store, uint32_t *ret)
{
	for (uint32_t id = store->lowest_free; id < MSEALD_MAX_SETS; id++)
		if (!store->used[id]) {
			store->lowest_free = id;
			*ret = id;
			return 0;
		}
	return -ENOSPC;
}

static void release_set(struct store *store, uint32_t id)
{
	(void)bpf_map_delete_elem(store->sets_fd, &id);
	store->used[id] = false;
	store->maps[id] = 0;
	store->lowest_free = MIN_OF(store->lowest_free, id);
}

static int write_set(struct store *store, const struct sealset *set, uint32_t *ret)
{
	_cleanup_close_ int fd = -1;
	uint32_t id;
	int r;

	fd = create_set_map(set);
	if (fd < 0)
		return fd;
	r = find_free_set(store, &id);
	if (r == -ENOSPC && store_collect(store) > 0)
		r = find_free_set(store, &id);
	if (r < 0)
		return r;
	store->refs[0] = MAX_OF(store->refs[0], (uint64_t)id + 1);
	if (bpf_map_update_elem(store->sets_fd, &id, &fd, BPF_ANY) < 0)
		return -errno;
	store->used[id] = true;
	*ret = id;
	return 0;
}

/* Returns when every program that ran when it was called has ended: the kernel waits after a change of map in map. */
static void wait_for_programs(struct store *store)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = BPF_F_INNER_MAP);
	_cleanup_close_ int fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "mseald_grace", sizeof(__u32),
						sizeof(struct mseald_node), 1, &opts);
	__u32 unused = 0;

	if (fd >= 0)
		(void)bpf_map_update_elem(store->sets_fd, &unused, &fd, BPF_ANY);
}

static int commit(struct store *store, uint64_t key, uint32_t bits, struct store_old *ret_old)
{
	struct mseald_commit request = { .key = key, .bits = bits };
	int r = programs_commit(store->programs, &request);

	if (r < 0)
		return r;
	if (request.error < 0)
		return request.error;
	/* Programs that began before may have filled the slot from the old set. */
	wait_for_programs(store);
	(void)programs_uncache(store->programs, key);
	if (ret_old)
		*ret_old = (struct store_old){ .bits = request.old_bits };
	return 0;
}

int store_set_space(struct store *store, uint64_t key, const struct sealset *set, struct store_old *ret_old)
{
	uint32_t id = 0;
	int r;

	if (set->count) {
		r = write_set(store, set, &id);
		if (r < 0)
			return r;
	}
	r = commit(store, key, id, ret_old);
	if (r < 0 && id)
		release_set(store, id);
	return r;
}

int store_restore_space(struct store *store, uint64_t key, const struct store_old *old)
{
	return commit(store, key, old->bits, NULL);
}

int store_forget_space(struct store *store, uint64_t key)
{
	return programs_forget(store->programs, key);
}

size_t store_collect(struct store *store)
{
	size_t found = 0;

	for (uint32_t id = 1; id < MSEALD_MAX_SETS; id++)
		found += store->used[id] && !store->refs[id];
	if (!found)
		return 0;
	wait_for_programs(store);
	/* A count that is 0 stays 0: only what is referred to is ever passed on. */
	for (uint32_t id = 1; id < MSEALD_MAX_SETS; id++)
		if (store->used[id] && !store->refs[id])
			release_set(store, id);
	lower_sets_end(store);
	return found;
}

static unsigned needs_of(unsigned stops, unsigned flags)
{
	unsigned needs = 0;

	if (stops & MSEALD_STOP_FOREIGN_WRITE)
		needs |= NEED_FOREIGN;
	if (flags & MSEALD_SEAL_UFFD && stops & (MSEALD_STOP_UNMAP | MSEALD_STOP_DISCARD))
		needs |= NEED_USERFAULT;
	return needs;
}

unsigned sealset_needs(const struct sealset *set)
{
	unsigned stops = 0, flags = 0;

	for (size_t i = 0; i < set->count; i++) {
		for (int action = 0; action < MSEALD_ACTION_COUNT; action++)
			stops |= seal_stops(&set->list[i], action);
		flags |= set->list[i].flags;
	}
	return needs_of(stops, flags);
}

unsigned store_needs(struct store *store)
{
	struct mseald_node root;
	unsigned needs = 0;
	__u32 zero = 0;

	for (uint32_t id = 1; id < MSEALD_MAX_SETS && needs != NEED_SEALS; id++) {
		_cleanup_close_ int fd = -1;
		uint32_t nodes;

		if (!store->used[id])
			continue;
		fd = open_set(store, id, &nodes);
		if (fd < 0 || bpf_map_lookup_elem(fd, &zero, &root) < 0)
			return NEED_SEALS;
		needs |= needs_of(root.stops, root.flags);
	}
	return needs;
}

size_t store_count_sets(const struct store *store)
{
	size_t count = 0;

	for (uint32_t id = 1; id < MSEALD_MAX_SETS; id++)
		count += store->used[id] && store->refs[id];
	return count;
}
