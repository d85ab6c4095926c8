// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * See set_map.h. A set's map is put into the map of maps before it is written. Putting it there makes the
 * kernel wait for all programs (kernel/bpf/syscall.c, maybe_wait_bpf_programs); writing its elements does
 * not. So some maps are kept ready, put there many at a time.
 */
#include "seal/set_map.h"

#include <bpf/bpf.h>
#include <sys/mman.h>

#include "base/log.h"
#include "bpf/coverage.h"
#include "bpf/map.h"
#include "seal/file_map.h"

#define REFS_SIZE (MSEALD_MAX_SETS * sizeof(uint64_t))
#define READY_AT_ONCE 16u /* maps made when none is ready */
#define READY_KEPT 256u	  /* more are removed over time */
#define TRIM_AT_ONCE 4u

/* Sizes of the maps kept ready, in nodes: 32, 128 and 1,024 seals, with 32 different files. */
static const uint32_t sizes[] = { 2, 6, 34 };

enum set_state {
	SET_FREE,  /* no such set */
	SET_READY, /* its map exists, and may be written */
	SET_USED,  /* has references, or had some */
};

struct set {
	uint32_t map;	  /* id of its map; 0: unknown yet */
	uint32_t nodes;	  /* nodes that fit; 0: unknown yet */
	uint8_t state;	  /* enum set_state */
	bool guards;	  /* some of its files are in the map `files` */
	bool known;	  /* whether seals and label are known */
	uint32_t holders; /* number of set_map_hold() */
	uint32_t seals;
	uint64_t label;
};

struct set_map {
	int fd;
	struct programs *programs;
	/* the map `refs`, shared with the programs; [0] is the daemon's: see set_map_end() */
	volatile uint64_t *refs;
	uint32_t lowest_free; /* no lower id is free */
	uint32_t ready;	      /* number of sets in SET_READY */
	uint64_t written;
	struct set list[MSEALD_MAX_SETS];
};

/*
 * All existing sets have ids below this. No set has the id 0, so its element of `refs` stores this number. So
 * the next daemon knows it, however this one ends. It saves look-ups: in 6.1 each one in a map of maps waits
 * for a grace period (kernel/bpf/syscall.c, bpf_map_copy_value).
 */
static uint32_t set_map_end(const struct set_map *sets)
{
	return (uint32_t)MIN_OF(sets->refs[0], (uint64_t)MSEALD_POOL_FIRST);
}

static void lower_sets_end(struct set_map *sets)
{
	uint32_t end = set_map_end(sets);

	while (end > 0 && sets->list[end - 1].state == SET_FREE)
		end--;
	sets->refs[0] = end;
}

static void restore_files(struct set_map *sets);
static void unguard_files(struct set_map *sets, uint32_t id);

int set_map_open(struct programs *programs, struct set_map **ret)
{
	struct set_map *sets = calloc(1, sizeof(*sets));
	void *refs;

	if (!sets)
		return -ENOMEM;
	sets->fd = programs_map_fd(programs, "sets");
	sets->programs = programs;
	refs = mmap(NULL, REFS_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, programs_map_fd(programs, "refs"),
		    0);
	if (refs == MAP_FAILED) {
		int r = -errno;

		free(sets);
		return r;
	}
	sets->refs = refs;
	sets->lowest_free = 1;
	/* Takes over all sets of an earlier daemon, referred to, ready or neither. */
	for (uint32_t id = 1; id < MSEALD_POOL_FIRST; id++)
		if (sets->refs[id] ||
		    (id < set_map_end(sets) && bpf_map_lookup_elem(sets->fd, &id, &sets->list[id].map) == 0))
			sets->list[id].state = SET_USED;
	lower_sets_end(sets);
	restore_files(sets);
	*ret = sets;
	return 0;
}

void set_map_close(struct set_map *sets)
{
	if (!sets)
		return;
	(void)munmap((void *)sets->refs, REFS_SIZE);
	free(sets);
}

/* --- maps --- */

static int open_map(struct set_map *sets, uint32_t id)
{
	struct set *set = &sets->list[id];
	int fd;

	if (!set->map && bpf_map_lookup_elem(sets->fd, &id, &set->map) < 0)
		return -errno;
	fd = bpf_map_get_fd_by_id(set->map);
	return fd < 0 ? -errno : fd;
}

/* --- sets of the pool --- */

static bool in_pool(uint32_t id)
{
	return id >= MSEALD_POOL_FIRST;
}

bool set_map_is_referred(const struct set_map *sets, uint32_t id)
{
	return sets->refs[id];
}

bool set_map_hold(struct set_map *sets, uint32_t id)
{
	uint64_t seen = sets->refs[id];

	if (!in_pool(id)) {
		sets->list[id].holders++;
		return true;
	}
	while (seen)
		if (__atomic_compare_exchange_n(&sets->refs[id], &seen, seen + 1, false, __ATOMIC_SEQ_CST,
						__ATOMIC_SEQ_CST))
			return true;
	return false;
}

void set_map_offer(struct programs *programs, uint32_t id)
{
	uint32_t at = id - MSEALD_POOL_FIRST;

	(void)__atomic_or_fetch(&programs_state(programs)->pool_free[at / 64], UINT64_C(1) << at % 64,
				__ATOMIC_SEQ_CST);
}

void set_map_let_go(struct set_map *sets, uint32_t id)
{
	if (!in_pool(id)) {
		sets->list[id].holders--;
		return;
	}
	/* See bpf/space.h, pool_give. */
	if (__atomic_sub_fetch(&sets->refs[id], 1, __ATOMIC_SEQ_CST) == 0)
		set_map_offer(sets->programs, id);
}

/* The next set in use after this id (first 0): of the pool, with references; 0: no more. */
static uint32_t next_used(const struct set_map *sets, uint32_t id)
{
	while (++id < MSEALD_MAX_SETS) {
		if (id >= set_map_end(sets) && !in_pool(id))
			id = MSEALD_POOL_FIRST;
		if (in_pool(id) ? set_map_is_referred(sets, id) : sets->list[id].state == SET_USED)
			return id;
	}
	return 0;
}

/* Reads the root's fields about the whole set. */
static int read_root(struct set_map *sets, uint32_t id, struct mseald_node *ret)
{
	_cleanup_close_ int fd = open_map(sets, id);
	__u32 zero = 0;

	return fd < 0 ? fd : bpf_map_lookup_elem(fd, &zero, ret);
}

int set_map_create(uint32_t nodes, uint32_t *ret_id)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = BPF_F_INNER_MAP);
	_cleanup_close_ int fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "mseald_set", sizeof(__u32),
						sizeof(struct mseald_node), nodes, &opts);

	*ret_id = fd < 0 ? 0 : map_object_id(fd);
	return *ret_id ? TAKE_FD(fd) : -errno;
}

/* Finds the size of a map made by an earlier daemon. */
static uint32_t room_of(struct set_map *sets, uint32_t id)
{
	struct bpf_map_info info;

	if (!sets->list[id].nodes) {
		_cleanup_close_ int fd = open_map(sets, id);

		if (fd >= 0 && map_info(fd, &info) >= 0)
			sets->list[id].nodes = info.max_entries;
	}
	return sets->list[id].nodes;
}

int set_map_enter(int sets_fd, uint32_t *ids, int *fds, uint32_t *count)
{
	LIBBPF_OPTS(bpf_map_batch_opts, opts);

	if (bpf_map_update_batch(sets_fd, ids, fds, count, &opts) == 0)
		return 0;
	*count = bpf_map_update_elem(sets_fd, &ids[0], &fds[0], BPF_ANY) == 0;
	return *count ? 0 : -errno;
}

static int find_free(struct set_map *sets, uint32_t from, uint32_t *ret)
{
	for (uint32_t id = from; id < MSEALD_POOL_FIRST; id++)
		if (sets->list[id].state == SET_FREE) {
			*ret = id;
			return 0;
		}
	return -ENOSPC;
}

/* The size of the map to make for this number of nodes. */
static uint32_t size_for(uint32_t nodes)
{
	for (size_t i = 0; i < ELEMENTS(sizes); i++)
		if (nodes <= sizes[i])
			return sizes[i];
	return nodes;
}

static bool is_kept_size(uint32_t nodes)
{
	return nodes && nodes <= sizes[ELEMENTS(sizes) - 1] && size_for(nodes) == nodes;
}

/* Enters new maps of this size; of sizes that are kept ready, many with one wait. *ret: the lowest id. */
static int make_ready(struct set_map *sets, uint32_t nodes, uint32_t *ret)
{
	uint32_t ids[READY_AT_ONCE], wanted = is_kept_size(nodes) ? READY_AT_ONCE : 1, count = 0, done,
				     from = sets->lowest_free;
	int fds[READY_AT_ONCE], r = 0;

	while (count < wanted && r >= 0) {
		r = find_free(sets, from, &ids[count]);
		if (r < 0)
			break;
		fds[count] = set_map_create(nodes, &sets->list[ids[count]].map);
		r = fds[count] < 0 ? fds[count] : 0;
		if (r >= 0)
			from = ids[count++] + 1;
	}
	done = count;
	if (count) {
		sets->refs[0] = MAX_OF(sets->refs[0], (uint64_t)ids[count - 1] + 1);
		r = set_map_enter(sets->fd, ids, fds, &done);
	}
	for (uint32_t i = 0; i < count; i++) {
		(void)close(fds[i]);
		if (i >= done)
			continue;
		sets->list[ids[i]].nodes = nodes;
		sets->list[ids[i]].state = SET_READY;
		sets->ready++;
	}
	if (r >= 0)
		*ret = ids[0];
	return r;
}

static int find_ready(struct set_map *sets, uint32_t nodes, uint32_t *ret)
{
	for (uint32_t id = 1; sets->ready && id < set_map_end(sets); id++)
		if (sets->list[id].state == SET_READY && sets->list[id].nodes == nodes) {
			*ret = id;
			return 0;
		}
	return make_ready(sets, nodes, ret);
}

static void remove_set(struct set_map *sets, uint32_t id)
{
	(void)bpf_map_delete_elem(sets->fd, &id);
	sets->list[id] = (struct set){};
	sets->lowest_free = MIN_OF(sets->lowest_free, id);
}

void set_map_release(struct set_map *sets, uint32_t id)
{
	struct set *set = &sets->list[id];

	unguard_files(sets, id);
	if (!is_kept_size(room_of(sets, id))) {
		remove_set(sets, id);
		return;
	}
	set->state = SET_READY;
	set->known = false;
	sets->ready++;
}

void set_map_wait(struct set_map *sets)
{
	_cleanup_close_ int fd = -1;
	__u32 unused = 0, id;

	fd = set_map_create(1, &id);
	if (fd >= 0)
		(void)bpf_map_update_elem(sets->fd, &unused, &fd, BPF_ANY);
}

/* --- sets --- */

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

int set_map_read(struct set_map *sets, uint32_t id, struct sealset *ret)
{
	_cleanup_free_ struct mseald_node *nodes = NULL;
	_cleanup_close_ int fd = open_map(sets, id);
	struct mseald_node root;
	__u32 zero = 0;
	int count, r;

	if (fd < 0)
		return fd;
	if (bpf_map_lookup_elem(fd, &zero, &root) < 0)
		return -errno;
	/* The map may be larger. */
	count = sealset_nodes_needed(root.count, root.files);
	if (count <= 0)
		return -EBADMSG;
	r = read_nodes(fd, (uint32_t)count, &nodes);
	return r < 0 ? r : sealset_decode(nodes, (size_t)count, ret);
}

/* --- files that no process may write --- */

static void unguard_files(struct set_map *sets, uint32_t id)
{
	_cleanup_(sealset_free) struct sealset set = {};
	int r;

	if (!sets->list[id].guards)
		return;
	sets->list[id].guards = false;
	r = set_map_read(sets, id, &set);
	if (r < 0)
		log_warning(
			"cannot read seal set %u: %s; its files stay write-sealed until a restart, ignoring",
			id, strerror(-r));
	else
		file_map_remove(sets->programs, &set);
}

/* 1 and the whole set, if some seal denies any process writes to its file; 0; or a negative errno. */
static int read_guarding(struct set_map *sets, uint32_t id, struct sealset *ret)
{
	struct mseald_node root;
	int r = read_root(sets, id, &root);

	if (r < 0)
		return r;
	if (!(root.deny & MSEALD_DENY_FILE_WRITE))
		return 0;
	r = set_map_read(sets, id, ret);
	return r < 0 ? r : 1;
}

/* Rebuilds the map `files` from the sets: an earlier daemon may have died while it changed the map. */
static void restore_files(struct set_map *sets)
{
	struct file_map_table table = {};
	int r = 0;

	for (uint32_t id = 1; id < set_map_end(sets) && r >= 0; id++) {
		_cleanup_(sealset_free) struct sealset set = {};

		if (!sets->refs[id])
			continue; /* no reference can be taken any more */
		r = read_guarding(sets, id, &set);
		if (r <= 0)
			continue;
		sets->list[id].guards = true;
		r = file_map_table_add(&table, &set);
	}
	if (r >= 0)
		r = file_map_restore(sets->programs, &table);
	if (r < 0)
		log_warning("cannot restore the list of write-sealed files: %s; these files stay sealed, "
			    "ignoring",
			    strerror(-r));
	file_map_table_free(&table);
}

/* Writes an end marker: what follows the last seal, of an earlier set or zeros, must not count as seals. */
static int write_end(int fd, uint32_t at)
{
	struct mseald_node node = {};

	for (size_t slot = 0; slot < MSEALD_FANOUT; slot++)
		node.start[slot] = MSEALD_NO_START;
	return bpf_map_update_elem(fd, &at, &node, BPF_ANY);
}

/* Writes to a map with room for count nodes. */
static int write_nodes(int fd, const struct sealset *set, uint32_t count, uint32_t room)
{
	_cleanup_free_ struct mseald_node *nodes = calloc(count, sizeof(*nodes));
	int r;

	if (!nodes)
		return -ENOMEM;
	r = sealset_encode(set, nodes, count);
	for (__u32 i = 0; i < count && r >= 0; i++)
		r = bpf_map_update_elem(fd, &i, &nodes[i], BPF_ANY);
	return r < 0 || count == room ? r : write_end(fd, count);
}

static int nodes_of(const struct sealset *set)
{
	_cleanup_free_ struct sealset_file *files = NULL;
	size_t count;
	int r = sealset_files(set, MSEALD_DENY_FILE, &files, &count);

	return r < 0 ? r : sealset_nodes_needed(set->count, count);
}

int set_map_write(struct set_map *sets, const struct sealset *set, uint64_t space, uint32_t *ret)
{
	_cleanup_close_ int fd = -1;
	int count = nodes_of(set), r;
	uint32_t id;

	if (count <= 0)
		return count < 0 ? count : -EINVAL;
	r = find_ready(sets, size_for((uint32_t)count), &id);
	if (r == -ENOSPC && set_map_collect(sets) > 0)
		r = find_ready(sets, size_for((uint32_t)count), &id);
	if (r < 0)
		return r;
	fd = open_map(sets, id);
	r = fd < 0 ? fd : write_nodes(fd, set, (uint32_t)count, room_of(sets, id));
	/* Before any program uses the set: if the daemon dies in between, the next one counts again. */
	if (r >= 0)
		r = file_map_add(sets->programs, set, space);
	if (r < 0)
		return r;
	sets->list[id].guards = r > 0;
	sets->list[id].state = SET_USED;
	sets->ready--;
	sets->list[id].known = true;
	sets->list[id].seals = (uint32_t)set->count;
	sets->list[id].label = set->label;
	sets->written++;
	*ret = id;
	return 0;
}

uint64_t set_map_written(const struct set_map *sets)
{
	return sets->written;
}

static bool is_garbage(const struct set_map *sets, uint32_t id)
{
	return sets->list[id].state == SET_USED && !sets->refs[id] && !sets->list[id].holders;
}

size_t set_map_collect(struct set_map *sets)
{
	size_t found = 0;

	for (uint32_t id = 1; id < set_map_end(sets); id++)
		found += is_garbage(sets, id);
	if (!found)
		return 0;
	set_map_wait(sets);
	/* A count of 0 stays 0: only referenced sets are ever passed on. */
	for (uint32_t id = 1; id < set_map_end(sets); id++)
		if (is_garbage(sets, id))
			set_map_release(sets, id);
	lower_sets_end(sets);
	return found;
}

void set_map_trim(struct set_map *sets)
{
	uint32_t removed = 0;

	for (uint32_t id = set_map_end(sets); id-- > 1 && sets->ready > READY_KEPT && removed < TRIM_AT_ONCE;)
		if (sets->list[id].state == SET_READY) {
			remove_set(sets, id);
			sets->ready--;
			removed++;
		}
	if (removed)
		lower_sets_end(sets);
}

/* --- properties of sets --- */

static unsigned needs_of(unsigned deny, unsigned flags, bool files)
{
	unsigned needs = coverage_needs(deny);

	if (!files)
		needs &= ~NEED_FILES;
	if (!(flags & MSEALD_SEAL_UFFD))
		needs &= ~NEED_USERFAULT;
	return flags & MSEALD_SEAL_WRITTEN ? needs | NEED_WRITERS : needs;
}

unsigned set_map_needs_of(const struct sealset *set)
{
	unsigned deny = 0, flags = 0;
	bool files = false;

	for (size_t i = 0; i < set->count; i++) {
		deny |= seal_deny_all(&set->list[i]);
		flags |= set->list[i].flags;
		files = files || set->list[i].file.address;
	}
	return needs_of(deny, flags, files);
}

unsigned set_map_needs(struct set_map *sets)
{
	struct mseald_node root;
	unsigned needs = 0;

	for (uint32_t id = 0; needs != NEED_SEALS && (id = next_used(sets, id));) {
		if (read_root(sets, id, &root) < 0)
			return NEED_SEALS;
		needs |= needs_of(root.deny, root.flags, root.files);
	}
	return needs;
}

/* Reads the root's fields about the whole set, once. */
static int know(struct set_map *sets, uint32_t id)
{
	struct set *set = &sets->list[id];
	struct mseald_node root;
	int r = set->known ? 0 : read_root(sets, id, &root);

	if (r >= 0 && !set->known) {
		set->label = root.label;
		set->seals = root.count;
		set->known = !in_pool(id);
	}
	return r;
}

int set_map_read_count(struct set_map *sets, uint32_t id, size_t *ret)
{
	int r = know(sets, id);

	if (r >= 0)
		*ret = sets->list[id].seals;
	return r;
}

int set_map_read_label(struct set_map *sets, uint32_t id, uint64_t *ret)
{
	int r = know(sets, id);

	if (r >= 0)
		*ret = sets->list[id].label;
	return r;
}

static int compare_labels(const void *a, const void *b)
{
	const struct set_map_label *x = a, *y = b;

	return x->label < y->label ? -1 : x->label > y->label;
}

int set_map_read_labels(struct set_map *sets, struct set_map_label **ret, size_t *ret_count)
{
	_cleanup_free_ struct set_map_label *list = calloc(set_map_end(sets) + MSEALD_POOL_SETS + 1,
							   sizeof(*list));
	size_t count = 0, kept = 0;

	if (!list)
		return -ENOMEM;
	for (uint32_t id = 0; (id = next_used(sets, id));) {
		int r = know(sets, id);

		if (r < 0 && !in_pool(id))
			return r;
		if (r >= 0)
			list[count++] = (struct set_map_label){ sets->list[id].label, sets->refs[id] };
	}
	qsort(list, count, sizeof(*list), compare_labels);
	for (size_t i = 0; i < count; i++)
		if (kept && list[kept - 1].label == list[i].label)
			list[kept - 1].spaces += list[i].spaces;
		else
			list[kept++] = list[i];
	*ret = TAKE_PTR(list);
	*ret_count = kept;
	return 0;
}

size_t set_map_count_pooled(const struct set_map *sets)
{
	size_t count = 0;

	for (uint32_t id = MSEALD_POOL_FIRST; id < MSEALD_MAX_SETS; id++)
		count += set_map_is_referred(sets, id);
	return count;
}

size_t set_map_count(const struct set_map *sets)
{
	size_t count = 0;

	for (uint32_t id = 0; (id = next_used(sets, id));)
		count += set_map_is_referred(sets, id);
	return count;
}
