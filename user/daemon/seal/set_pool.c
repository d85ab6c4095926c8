// SPDX-License-Identifier: LGPL-2.1-or-later
/* See set_pool.h. */
#include "seal/set_pool.h"

#include <bpf/bpf.h>

#include "lib/base/clock.h"

#define NODES 2 /* one for seals, one for their files */
#define AT_ONCE 16u
#define NO_TIME_US 20000

/* Writes an empty set; slot i of the second node is about seal i. */
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
	return bpf_map_update_elem(fd, &first, &seals, BPF_ANY) ?:
		       bpf_map_update_elem(fd, &second, &files, BPF_ANY);
}

/* Offers a set to the kernel, except the first, which serves as the empty set. */
static void give(struct programs *programs, uint32_t id)
{
	if (id != MSEALD_POOL_FIRST)
		set_map_offer(programs, id);
}

static int make_some(struct programs *programs)
{
	volatile struct mseald_state *state = programs_state(programs);
	uint32_t wanted = MIN_OF(MSEALD_POOL_SETS - state->pool_made, AT_ONCE);
	uint32_t ids[AT_ONCE], map, made = 0, entered;
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
		r = set_map_enter(programs_map_fd(programs, "sets"), ids, fds, &entered);
	for (uint32_t i = 0; i < made; i++)
		(void)close(fds[i]);
	for (uint32_t i = 0; i < entered && r >= 0; i++) {
		state->pool_made++;
		give(programs, ids[i]);
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

/* Lists sets that have no references and are not free: a program is using them, or they are lost. */
static void list_lost(struct programs *programs, struct set_map *sets, uint64_t ret[MSEALD_POOL_SETS / 64])
{
	volatile const struct mseald_state *state = programs_state(programs);

	for (uint32_t at = 1; at < MIN_OF(state->pool_made, MSEALD_POOL_SETS); at++)
		if (!set_map_is_referred(sets, MSEALD_POOL_FIRST + at) &&
		    !(state->pool_free[at / 64] >> at % 64 & 1))
			ret[at / 64] |= UINT64_C(1) << at % 64;
}

void set_pool_recover(struct programs *programs, struct set_map *sets)
{
	uint64_t lost[MSEALD_POOL_SETS / 64] = {}, still[MSEALD_POOL_SETS / 64] = {};

	list_lost(programs, sets, lost);
	/* A program uses a set only until it ends. */
	set_map_wait(sets);
	list_lost(programs, sets, still);
	for (uint32_t at = 0; at < MSEALD_POOL_SETS; at++)
		if ((lost[at / 64] & still[at / 64]) >> at % 64 & 1)
			give(programs, MSEALD_POOL_FIRST + at);
}
