// SPDX-License-Identifier: LGPL-2.1-or-later
/* See match_tables.h. */
#include "policy/match_tables.h"

#include <bpf/bpf.h>

#include "lib/base/list.h"
#include "bpf/map.h"
#include "lib/base/util.h"
#include "policy/globs.h"
#include "policy/policy_seal.h"
#include "seal/labels.h"

struct entry {
	struct mseald_trigger trigger;
	struct mseald_policy_set policies;
};

struct tables {
	struct mseald_match_table table;
	struct entry *entries;
	size_t count, allocated;
	struct mseald_glob globs[MSEALD_MAX_GLOBS];
	struct mseald_policy_seal seals[MSEALD_POLICY_BITS];
	uint32_t globs_count;
	uint32_t generation;
};

static void add_policy_to(struct mseald_policy_set *set, uint32_t policy)
{
	set->bits[policy / 64] |= UINT64_C(1) << policy % 64;
}

static bool has_policy(const struct mseald_policy_set *set, uint32_t policy)
{
	return set->bits[policy / 64] >> policy % 64 & 1;
}

/* --- building --- */

static int add(struct tables *tables, enum mseald_trigger_kind kind, uint64_t value, uint32_t policy)
{
	struct entry *entry;

	if (list_grow(&tables->entries, tables->count, 1, &tables->allocated, sizeof(*entry)) < 0)
		return -ENOMEM;
	entry = &tables->entries[tables->count++];
	*entry = (struct entry){
		.trigger = { .hash = value, .kind = kind, .generation = tables->generation },
	};
	add_policy_to(&entry->policies, policy);
	return 0;
}

static int add_text(struct tables *tables, enum mseald_trigger_kind kind, const char *text, uint32_t policy)
{
	return add(tables, kind, labels_hash(text, strlen(text)), policy);
}

/* False: the policy must stay open. */
static bool add_glob(struct tables *tables, enum mseald_match_key key, const char *pattern, uint32_t policy)
{
	struct mseald_glob glob = { .key = key };
	uint32_t i = 0;

	if (!glob_compile(pattern, &glob))
		return false;
	while (i < tables->globs_count &&
	       (tables->globs[i].key != key ||
		memcmp(tables->globs[i].element, glob.element, sizeof(glob.element)) != 0 ||
		memcmp(tables->globs[i].set, glob.set, sizeof(glob.set)) != 0))
		i++;
	if (i == tables->globs_count) {
		if (i == MSEALD_MAX_GLOBS)
			return false;
		tables->globs[tables->globs_count++] = glob;
	}
	add_policy_to(&tables->globs[i].policies, policy);
	return true;
}

static int add_exe(struct tables *tables, const struct policy_exe *exe, uint32_t policy)
{
	size_t fixed = strcspn(exe->path, "*?[");

	switch (exe->kind) {
	case POLICY_EXE_FILE: return add_text(tables, MSEALD_TRIGGER_FILE, exe->path, policy);
	case POLICY_EXE_FOLDER: return add_text(tables, MSEALD_TRIGGER_FOLDER, exe->path, policy);
	case POLICY_EXE_GLOB: break;
	}
	if (policy < MSEALD_POLICY_EXACT && add_glob(tables, MSEALD_MATCH_EXE, exe->path, policy))
		return 0;
	/* All matches are below this folder. */
	add_policy_to(&tables->table.open, policy);
	while (fixed > 1 && exe->path[fixed - 1] != '/')
		fixed--;
	return add(tables, MSEALD_TRIGGER_FOLDER, labels_hash(exe->path, fixed), policy);
}

static int add_unit(struct tables *tables, const char *unit, uint32_t policy)
{
	if (!policy_is_glob(unit))
		return add_text(tables, MSEALD_TRIGGER_UNIT, unit, policy);
	if (policy < MSEALD_POLICY_EXACT && add_glob(tables, MSEALD_MATCH_UNIT, unit, policy))
		return 0;
	add_policy_to(&tables->table.open, policy);
	add_policy_to(&tables->table.without[MSEALD_MATCH_UNIT], policy);
	return 0;
}

static bool has_root(const struct policy *policy)
{
	for (size_t i = 0; i < policy->cgroup_count; i++)
		if (strcmp(policy->cgroup[i], "/") == 0)
			return true;
	return false;
}

static bool has_key(const struct policy *policy, enum mseald_match_key key)
{
	switch (key) {
	case MSEALD_MATCH_EXE: return policy->exe_count;
	case MSEALD_MATCH_UNIT: return policy->unit_count;
	case MSEALD_MATCH_CGROUP: return policy->cgroup_count && !has_root(policy); /* all are below "/" */
	case MSEALD_MATCH_USER: return policy->user_count;
	case MSEALD_MATCH_MARKED: return policy->marked;
	case MSEALD_MATCH_KEYS: break;
	}
	return false;
}

static int add_key(struct tables *tables, const struct policy *policy, enum mseald_match_key key,
		   uint32_t bit)
{
	int r = 0;

	if (key == MSEALD_MATCH_EXE)
		for (size_t i = 0; i < policy->exe_count && r >= 0; i++)
			r = add_exe(tables, &policy->exe[i], bit);
	if (key == MSEALD_MATCH_UNIT)
		for (size_t i = 0; i < policy->unit_count && r >= 0; i++)
			r = add_unit(tables, policy->unit[i], bit);
	if (key == MSEALD_MATCH_CGROUP)
		for (size_t i = 0; i < policy->cgroup_count && r >= 0; i++)
			r = add_text(tables, MSEALD_TRIGGER_CGROUP, policy->cgroup[i], bit);
	if (key == MSEALD_MATCH_USER)
		for (size_t i = 0; i < policy->user_count && r >= 0; i++)
			r = add(tables, MSEALD_TRIGGER_USER, policy->user[i], bit);
	return r;
}

/* A policy with a bit of its own: all its keys are compared. */
static int add_exact(struct tables *tables, const struct policy *policy, uint32_t bit)
{
	struct mseald_match_table *table = &tables->table;
	int r = 0;

	add_policy_to(&table->all, bit);
	if (policy->seal.segments)
		add_policy_to(&table->sealing, bit);
	for (enum mseald_match_key key = 0; key < MSEALD_MATCH_KEYS && r >= 0; key++)
		if (has_key(policy, key))
			r = add_key(tables, policy, key, bit);
		else
			add_policy_to(&table->without[key], bit);
	return r;
}

/* A policy that shares a bit: only its first key is compared, the most selective one, and the bit is open. */
static int add_further(struct tables *tables, const struct policy *policy)
{
	struct mseald_match_table *table = &tables->table;
	enum mseald_match_key first = MSEALD_MATCH_EXE;
	uint32_t bit;

	while (first < MSEALD_MATCH_MARKED && !has_key(policy, first))
		first++;
	bit = MSEALD_POLICY_EXACT + first;
	add_policy_to(&table->all, bit);
	add_policy_to(&table->sealing, bit);
	add_policy_to(&table->open, bit);
	for (enum mseald_match_key key = 0; key < MSEALD_MATCH_KEYS; key++)
		if (key != first || first == MSEALD_MATCH_MARKED)
			add_policy_to(&table->without[key], bit);
	return add_key(tables, policy, first, bit);
}

static int by_trigger(const void *a, const void *b)
{
	return memcmp(&((const struct entry *)a)->trigger, &((const struct entry *)b)->trigger,
		      sizeof(struct mseald_trigger));
}

/* Leaves one entry for each trigger. */
static void merge(struct tables *tables)
{
	size_t kept = 0;

	if (tables->count)
		qsort(tables->entries, tables->count, sizeof(*tables->entries), by_trigger);
	for (size_t i = 0; i < tables->count; i++) {
		struct entry *last = kept ? &tables->entries[kept - 1] : NULL;

		if (!last || by_trigger(last, &tables->entries[i]) != 0)
			tables->entries[kept++] = tables->entries[i];
		else
			for (size_t word = 0; word < ELEMENTS(last->policies.bits); word++)
				last->policies.bits[word] |= tables->entries[i].policies.bits[word];
	}
	tables->count = kept;
}

static int build(struct tables *tables, const struct policies *policies)
{
	struct mseald_match_table *table = &tables->table;
	int r = 0;

	for (uint32_t i = 0; i < policies->count && r >= 0; i++)
		r = i < MSEALD_POLICY_EXACT ? add_exact(tables, &policies->list[i], i) :
					      add_further(tables, &policies->list[i]);
	if (r < 0)
		return r;
	merge(tables);
	if (tables->count > MSEALD_MAX_TRIGGERS)
		return -ENOSPC;
	for (size_t i = 0; i < tables->count; i++) {
		uint64_t bit = MSEALD_TRIGGER_BIT(tables->entries[i].trigger.hash,
						  tables->entries[i].trigger.kind);

		table->trigger_bits[bit / 64] |= UINT64_C(1) << bit % 64;
	}
	table->globs = tables->globs_count;
	for (uint32_t i = 0; i < tables->globs_count; i++)
		if (tables->globs[i].key == MSEALD_MATCH_EXE)
			table->exe_globs++;
		else
			table->unit_globs++;
	for (enum mseald_match_key key = 0; key < MSEALD_MATCH_KEYS; key++)
		for (uint32_t bit = 0; bit < MSEALD_POLICY_BITS; bit++)
			if (has_policy(&table->all, bit) && !has_policy(&table->without[key], bit))
				table->keys |= 1u << key;
	return 0;
}

/* --- the kernel's maps --- */

static uint32_t glob_index(uint32_t generation, uint32_t glob)
{
	return (generation & 1) * MSEALD_MAX_GLOBS + glob;
}

static int write_maps(struct programs *programs, const struct tables *tables)
{
	int triggers_fd = programs_map_fd(programs, "triggers"),
	    globs_fd = programs_map_fd(programs, "globs"),
	    seals_fd = programs_map_fd(programs, "policy_seals");

	for (size_t i = 0; i < tables->count; i++)
		if (bpf_map_update_elem(triggers_fd, &tables->entries[i].trigger,
					&tables->entries[i].policies, BPF_ANY) < 0)
			return errno == E2BIG ? -ENOSPC : -errno;
	for (uint32_t i = 0; i < tables->globs_count; i++) {
		uint32_t index = glob_index(tables->generation, i);

		if (bpf_map_update_elem(globs_fd, &index, &tables->globs[i], BPF_ANY) < 0)
			return -errno;
	}
	for (uint32_t i = 0; i < MSEALD_POLICY_EXACT; i++) {
		uint32_t index = MSEALD_POLICY_SEAL(tables->generation, i);

		if (has_policy(&tables->table.all, i) &&
		    bpf_map_update_elem(seals_fd, &index, &tables->seals[i], BPF_ANY) < 0)
			return -errno;
	}
	return 0;
}

/* Does the kernel's copy equal the tables? */
static int read_back(struct programs *programs, const struct tables *tables)
{
	const struct mseald_state *state = programs_map_state(programs);
	bool same;

	if (!state)
		return -errno;
	same = memcmp(&state->match[tables->generation & 1], &tables->table, sizeof(tables->table)) == 0;
	programs_unmap_state(programs, state);
	for (size_t i = 0; i < tables->count && same; i++) {
		struct mseald_policy_set policies;

		if (bpf_map_lookup_elem(programs_map_fd(programs, "triggers"), &tables->entries[i].trigger,
					&policies) < 0)
			return -errno;
		same = memcmp(&policies, &tables->entries[i].policies, sizeof(policies)) == 0;
	}
	for (uint32_t i = 0; i < tables->globs_count && same; i++) {
		uint32_t index = glob_index(tables->generation, i);
		struct mseald_glob glob;

		if (bpf_map_lookup_elem(programs_map_fd(programs, "globs"), &index, &glob) < 0)
			return -errno;
		same = memcmp(&glob, &tables->globs[i], sizeof(glob)) == 0;
	}
	return same ? 0 : -EBADE;
}

/* Removes the entries of all other generations. If some remain, they are removed the next time. */
static void remove_others(struct programs *programs, uint32_t generation)
{
	int map_fd = programs_map_fd(programs, "triggers");
	_cleanup_free_ struct mseald_trigger *keys = NULL;
	size_t count;

	if (map_keys(map_fd, sizeof(*keys), 2 * MSEALD_MAX_TRIGGERS, &keys, &count) < 0)
		return;
	for (size_t i = 0; i < count; i++)
		if (keys[i].generation != generation)
			(void)bpf_map_delete_elem(map_fd, &keys[i]);
}

static void write_table(volatile struct mseald_match_table *to, const struct mseald_match_table *from)
{
	volatile uint64_t *words = (volatile uint64_t *)to;
	uint64_t word;

	_Static_assert(sizeof(*from) % sizeof(word) == 0, "it is copied word by word");
	for (size_t i = 0; i < sizeof(*from) / sizeof(word); i++) {
		memcpy(&word, (const char *)from + i * sizeof(word), sizeof(word));
		words[i] = word;
	}
}

int match_tables_set(struct programs *programs, const struct policies *policies, uint32_t *ret_generation)
{
	volatile struct mseald_state *state = programs_state(programs);
	_cleanup_free_ struct tables *tables = calloc(1, sizeof(*tables));
	_cleanup_free_ struct entry *entries = NULL;
	uint32_t before = state->policies;
	int r;

	if (!tables)
		return -ENOMEM;
	/* The other table, with a number that no running program has read; 0 means none. */
	tables->generation = state->last_policies + 1 ?: 2;
	state->last_policies = tables->generation;
	remove_others(programs, before);
	r = build(tables, policies);
	for (uint32_t i = 0; i < MIN_OF(policies->count, (size_t)MSEALD_POLICY_EXACT); i++)
		policy_seal_make(programs_coverage(programs), &policies->list[i], &tables->seals[i]);
	entries = tables->entries;
	if (r >= 0)
		r = write_maps(programs, tables);
	if (r >= 0) {
		write_table(&state->match[tables->generation & 1], &tables->table);
		r = read_back(programs, tables);
	}
	if (r >= 0) {
		__sync_synchronize();
		state->policies = policies->count ? tables->generation : 0;
		*ret_generation = tables->generation;
	}
	remove_others(programs, r < 0 ? before : tables->generation);
	return r;
}
