// SPDX-License-Identifier: LGPL-2.1-or-later
/* See triggers.h. */
#include "policy/triggers.h"

#include <bpf/bpf.h>

#include "base/list.h"
#include "bpf/map_keys.h"

struct list {
	struct mseald_trigger *list;
	size_t count, allocated;
	unsigned kinds;
};

static uint64_t hash(const char *text, size_t length)
{
	uint64_t result = MSEALD_HASH_START;

	for (size_t i = 0; i < length; i++)
		result = MSEALD_HASH_STEP(result, text[i]);
	return result;
}

static int add(struct list *list, enum mseald_trigger_kind kind, uint64_t value)
{
	list->kinds |= 1u << kind;
	if (kind == MSEALD_TRIGGER_ALL || kind == MSEALD_TRIGGER_MARKED)
		return 0;	/* the kind says it all */
	if (list_grow(&list->list, list->count, 1, &list->allocated, sizeof(*list->list)) < 0)
		return -ENOMEM;
	list->list[list->count++] = (struct mseald_trigger){ .hash = value, .kind = kind };
	return 0;
}

static int add_text(struct list *list, enum mseald_trigger_kind kind, const char *text)
{
	return add(list, kind, hash(text, strlen(text)));
}

static int add_exe(struct list *list, const struct policy_exe *exe)
{
	size_t fixed = strcspn(exe->path, "*?[\\");

	if (exe->kind == POLICY_EXE_FILE)
		return add_text(list, MSEALD_TRIGGER_FILE, exe->path);
	if (exe->kind == POLICY_EXE_FOLDER)
		return add_text(list, MSEALD_TRIGGER_FOLDER, exe->path);
	/* The folder that any match is below. */
	while (fixed > 1 && exe->path[fixed - 1] != '/')
		fixed--;
	return add(list, MSEALD_TRIGGER_FOLDER, hash(exe->path, fixed));
}

static int add_unit(struct list *list, const char *unit)
{
	size_t fixed = strcspn(unit, "*?[\\");
	const char *at = strchr(unit, '@');

	if (!unit[fixed])
		return add_text(list, MSEALD_TRIGGER_UNIT, unit);
	if (at && (size_t)(at - unit) < fixed)
		return add(list, MSEALD_TRIGGER_TEMPLATE, hash(unit, (size_t)(at - unit) + 1));
	return add(list, MSEALD_TRIGGER_ALL, 0);
}

static int add_policy(struct list *list, const struct policy *policy)
{
	int r = 0;

	if (policy->exe_count) {
		for (size_t i = 0; i < policy->exe_count && r >= 0; i++)
			r = add_exe(list, &policy->exe[i]);
	} else if (policy->unit_count) {
		for (size_t i = 0; i < policy->unit_count && r >= 0; i++)
			r = add_unit(list, policy->unit[i]);
	} else if (policy->cgroup_count) {
		for (size_t i = 0; i < policy->cgroup_count && r >= 0; i++)
			r = strcmp(policy->cgroup[i], "/") == 0 ?
				    add(list, MSEALD_TRIGGER_ALL, 0) :
				    add_text(list, MSEALD_TRIGGER_CGROUP, policy->cgroup[i]);
	} else if (policy->user_count) {
		for (size_t i = 0; i < policy->user_count && r >= 0; i++)
			r = add(list, MSEALD_TRIGGER_USER, policy->user[i]);
	} else {
		r = add(list, policy->marked ? MSEALD_TRIGGER_MARKED : MSEALD_TRIGGER_ALL, 0);
	}
	return r;
}

static bool has(const struct list *list, const struct mseald_trigger *trigger)
{
	for (size_t i = 0; i < list->count; i++)
		if (memcmp(&list->list[i], trigger, sizeof(*trigger)) == 0)
			return true;
	return false;
}

/* Those that are in the map and not in the list. */
static int remove_others(int map_fd, const struct list *keep)
{
	_cleanup_free_ struct mseald_trigger *keys = NULL;
	size_t count;
	int r = map_keys(map_fd, sizeof(*keys), MSEALD_MAX_TRIGGERS, &keys, &count);

	for (size_t i = 0; r >= 0 && i < count; i++)
		if (!has(keep, &keys[i]))
			(void)bpf_map_delete_elem(map_fd, &keys[i]);
	return r;
}

static void set_bit(uint64_t *bits, const struct mseald_trigger *trigger)
{
	uint64_t bit = MSEALD_TRIGGER_BIT(trigger->hash, trigger->kind);

	bits[bit / 64] |= UINT64_C(1) << bit % 64;
}

/* Does the kernel have what was written? */
static int read_back(struct programs *programs, const struct list *list, const uint64_t *bits)
{
	const struct mseald_state *state = programs_map_state(programs);
	int map_fd = programs_map_fd(programs, "triggers");
	uint32_t value;
	bool same;

	if (!state)
		return -errno;
	same = state->triggers == list->kinds &&
	       memcmp(state->trigger_bits, bits, sizeof(state->trigger_bits)) == 0;
	programs_unmap_state(programs, state);
	if (!same)
		return -EBADE;
	for (size_t i = 0; i < list->count; i++)
		if (bpf_map_lookup_elem(map_fd, &list->list[i], &value) < 0)
			return -errno;
	return 0;
}

int triggers_set(struct programs *programs, const struct policies *policies)
{
	volatile struct mseald_state *state = programs_state(programs);
	int map_fd = programs_map_fd(programs, "triggers"), r = 0;
	_cleanup_free_ struct mseald_trigger *owned = NULL;
	uint64_t bits[MSEALD_TRIGGER_BITS / 64] = {};
	struct list list = {};
	uint32_t value = 1;

	for (size_t i = 0; i < policies->count && r >= 0; i++)
		r = add_policy(&list, &policies->list[i]);
	owned = list.list;
	for (size_t i = 0; i < list.count && r >= 0; i++)
		if (bpf_map_update_elem(map_fd, &list.list[i], &value, BPF_ANY) < 0)
			r = errno == E2BIG ? -ENOSPC : -errno;
	if (r < 0)
		return r;
	for (size_t i = 0; i < list.count; i++)
		set_bit(bits, &list.list[i]);
	for (size_t i = 0; i < ELEMENTS(bits); i++)
		state->trigger_bits[i] |= bits[i];
	state->triggers |= list.kinds;
	r = remove_others(map_fd, &list);
	if (r < 0)
		return r;
	state->triggers = list.kinds;
	for (size_t i = 0; i < ELEMENTS(bits); i++)
		state->trigger_bits[i] = bits[i];
	return read_back(programs, &list, bits);
}
