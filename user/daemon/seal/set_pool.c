// SPDX-License-Identifier: LGPL-2.1-or-later
/* See set_pool.h. */
#include "seal/set_pool.h"

#include <bpf/bpf.h>

#include "lib/base/clock.h"

#define NODES 2		/* one of seals, one of their files */
#define AT_ONCE 16u
#define NO_TIME_US 20000

/* Empty, as a set stays that nobody fills; slot i of the second node is about seal i. */
static int write_empty(int fd)
{
	struct mseald_node seals = { .pooled = 1 };
	struct mseald_file_node files = {};
	__u32 first = 0, second = 1;

	for (unsigned slot = 0; slot < MSEALD_FANOUT; slot++) {
		seals.start[slot] = files.none[slot] = files.order[slot] = MSEALD_NO_START;
		seals.file[slot] = (uint16_t)(slot + 1);
		files.seal[slot] = slot;
	}
	return bpf_map_update_elem(fd, &first, &seals, BPF_ANY) < 0 ||
			       bpf_map_update_elem(fd, &second, &files, BPF_ANY) < 0 ?
		       -errno :
		       0;
}

/* Into the queue, for the kernel to take. */
static int put(struct programs *programs, uint32_t id)
{
	uint64_t pooled = MSEALD_REFS_POOLED;

	/* The first is never taken: it is what is empty. */
	if (id == MSEALD_POOL_FIRST)
		return 0;
	return bpf_map_update_elem(programs_map_fd(programs, "refs"), &id, &pooled, BPF_ANY) < 0 ||
			       bpf_map_update_elem(programs_map_fd(programs, "pool"), NULL, &id, BPF_ANY) <
				       0 ?
		       -errno :
		       0;
}

/* Into the map of sets: all at once, or only the first where that cannot be done. */
static int enter(struct programs *programs, uint32_t *ids, int *fds, uint32_t *count)
{
	LIBBPF_OPTS(bpf_map_batch_opts, opts);
	int sets = programs_map_fd(programs, "sets");

	if (bpf_map_update_batch(sets, ids, fds, count, &opts) == 0)
		return 0;
	*count = 1;
	return bpf_map_update_elem(sets, &ids[0], &fds[0], BPF_ANY) < 0 ? -errno : 0;
}

static int make_some(struct programs *programs)
{
	volatile struct mseald_state *state = programs_state(programs);
	uint32_t ids[AT_ONCE], map, made = 0, entered, wanted = MIN_OF(MSEALD_POOL_SETS - state->pool_made, AT_ONCE);
	int fds[AT_ONCE], r = 0;

	while (made < wanted && r >= 0) {
		fds[made] = set_map_create(NODES, &map);
		if (fds[made] < 0) {
			r = fds[made];
			break;
		}
		ids[made] = MSEALD_POOL_FIRST + state->pool_made + made;
		r = write_empty(fds[made++]);
	}
	entered = made;
	if (r >= 0)
		r = enter(programs, ids, fds, &entered);
	for (uint32_t i = 0; i < made; i++)
		(void)close(fds[i]);
	for (uint32_t i = 0; i < entered && r >= 0; i++) {
		state->pool_made++;
		r = put(programs, ids[i]);
	}
	return r;
}

int set_pool_fill(struct programs *programs, uint32_t least)
{
	volatile const struct mseald_state *state = programs_state(programs);
	uint64_t began = monotonic_us();
	uint32_t before = state->pool_made;
	int r = 0;

	while (r >= 0 && state->pool_made < MSEALD_POOL_SETS &&
	       (state->pool_made - before < least || monotonic_us() - began < NO_TIME_US))
		r = make_some(programs);
	return r;
}

static uint32_t list_idle(struct programs *programs, uint32_t *ids)
{
	uint32_t count = 0, end = MSEALD_POOL_FIRST + MIN_OF(programs_state(programs)->pool_made, MSEALD_POOL_SETS);

	for (uint32_t id = MSEALD_POOL_FIRST + 1; id < end; id++) {
		uint64_t refs;

		if (bpf_map_lookup_elem(programs_map_fd(programs, "refs"), &id, &refs) == 0 && !refs)
			ids[count++] = id;
	}
	return count;
}

void set_pool_recover(struct programs *programs, struct set_map *sets)
{
	uint32_t ids[MSEALD_POOL_SETS], again[MSEALD_POOL_SETS], count = list_idle(programs, ids), rest;

	if (!count)
		return;
	/* A program has it in hand only until it ends. */
	set_map_wait(sets);
	rest = list_idle(programs, again);
	for (uint32_t i = 0, j = 0; i < count; i++) {
		while (j < rest && again[j] < ids[i])
			j++;
		if (j < rest && again[j] == ids[i])
			(void)put(programs, ids[i]);
	}
}
