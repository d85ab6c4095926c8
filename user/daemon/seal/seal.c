// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * See seal.h. The order makes sealing sound: read the maps, attach, commit, then check that the memory is
 * still the same. If not, the commit is undone, and sealing starts over.
 */
#include "seal/seal.h"

#include "base/log.h"
#include "process/target.h"
#include "seal/labels.h"
#include "trace/launch.h"
#include "trace/native.h"
#include "trace/tracer.h"

#define TRIES 8 /* while the process changes its mappings */

static int check_killable(struct programs *programs, const struct seal_request *request, struct error *error)
{
	unsigned deny = request->seal.deny & ~request->spared;

	if (request->pid != 1 || request->seal.action == MSEALD_ACTION_AUDIT)
		return 0;
	if (request->seal.action == MSEALD_ACTION_KILL || !deny ||
	    coverage_kill_only(programs_coverage(programs), deny))
		return error_set(
			error, "Unsupported", request->pid,
			"pid 1 cannot be killed, and this kernel would need to; use --deny=mprotect, or "
			"--action=audit");
	return 0;
}

/* A starting process is looked at again anyway, and other processes wait. */
static enum space_map_when when(const struct seal_request *request)
{
	return request->readiness ? SPACE_MAP_SOON : SPACE_MAP_NOW;
}

/*
 * Undoes a try, which is to be repeated. If the commit replaced another set than expected, it was not made,
 * and undoing it would remove seals.
 */
static void undo(struct space_map *space_map, const struct target *target, uint32_t expected,
		 const struct space_map_old *before)
{
	if (before && MSEALD_WORD_SET(before->bits) == expected)
		(void)space_map_restore_space(space_map, target->key, before);
}

/* Unites the plan's seals with the existing ones. *ret_changed: whether they add anything. */
static int unite(const struct plan *plan, const struct sealset *old, struct sealset *ret, bool *ret_changed)
{
	int r = sealset_copy(old, ret);

	if (r >= 0)
		r = sealset_add_all(ret, plan->seals, plan->count);
	*ret_changed = r >= 0 && !sealset_equal(old, ret);
	return r;
}

/* Sets the label of the set: policy and program. */
static void label(struct programs *programs, struct space_map *space_map, const struct target *target,
		  const struct seal_request *request, struct sealset *set, bool *changed)
{
	uint64_t old = set->label;

	/*
	 * Labels and lines of the report are limited: requests of users get none, because they could use up
	 * all.
	 */
	if (request->limited)
		return;

	set->label = labels_of_process(programs, space_map, target->proc_fd, request->policy, old);
	*changed |= set->label != old;
}

struct planned {
	const struct plan *plan;
	struct programs *programs;
	const struct target *target;
};

static bool still_holds(void *context)
{
	const struct planned *planned = context;

	return plan_holds(planned->plan, planned->programs, planned->target) > 0;
}

/*
 * Seals the same ranges by mseal(2), and marks the seals as native. held: seals hold the memory in its place
 * already. 1; 0: the memory has changed since the plan; or -EOPNOTSUPP: not possible, or only for part of it.
 */
static int make_native(struct programs *programs, const struct target *target,
		       const struct seal_request *request, struct plan *plan, const struct sealset *have,
		       bool held, struct seal_result *result)
{
	_cleanup_free_ struct range *ranges = NULL;
	size_t count;
	int r;

	if (!programs_coverage(programs)->native || request->no_native ||
	    !plan_native_ranges(plan, request, have, &ranges, &count))
		return -EOPNOTSUPP;
	if (count && !request->launch && plan_traces_itself(plan, target)) {
		result->why_not_native = "has LeakSanitizer, which must trace it at its exit";
		return -EOPNOTSUPP;
	}
	if (count) {
		r = request->launch ?
			    launch_mseal(request->launch, ranges, count, &result->why_not_native) :
			    native_seal(programs, target,
					&(struct native_ranges){
						.list = ranges,
						.count = count,
						.maps = &plan->maps,
						.still = request->native_or_nothing ? still_holds : NULL,
						.context = &(struct planned){ plan, programs, target } },
					&result->why_not_native);
		if (r <= 0)
			return r == -EAGAIN ? 0 : -EOPNOTSUPP;
		r = held ? 1 : plan_holds(plan, programs, target);
		if (r <= 0)
			return r;
	}
	for (size_t i = 0; i < plan->count; i++)
		plan->seals[i].flags |= MSEALD_SEAL_NATIVE;
	return 1;
}

/* Makes older seals native as well, if possible; otherwise the next gate protects them. */
static int seal_natively(struct programs *programs, struct space_map *space_map, const struct target *target,
			 const struct seal_request *request, struct plan *plan, const struct sealset *have,
			 uint64_t born, struct seal_result *result)
{
	/* No other process changes a set outside of the pool. */
	const struct space_map_owner owner = { .account = target->account,
					       .expected = MSEALD_ANY_SET,
					       .born = born };
	_cleanup_(sealset_free) struct sealset new = {};
	bool changed;
	int r;

	r = make_native(programs, target, request, plan, have, false, result);
	if (r <= 0)
		return r == -EOPNOTSUPP ? 1 : r;
	/* If this fails, the memory is still sealed natively, but not marked so. */
	if (unite(plan, have, &new, &changed) >= 0 &&
	    (!changed || space_map_set_space(space_map, target->key, &owner, &new, when(request), NULL) >= 0))
		result->native = true;
	return 1;
}

/*
 * For memory that may be unmapped until it is native: a seal must not outlive it, so mseal(2) comes first.
 * Returns as make_native(); also 1 if nothing is new.
 */
static int native_first(struct programs *programs, const struct target *target,
			const struct seal_request *request, struct plan *plan, const struct sealset *old,
			struct seal_result *result, struct error *error)
{
	_cleanup_(sealset_free) struct sealset new = {};
	bool changed;
	int r = unite(plan, old, &new, &changed);

	if (r < 0 || !changed)
		return r < 0 ? r : 1;
	r = make_native(programs, target, request, plan, old, false, result);
	if (r == -EOPNOTSUPP)
		return error_about(error, "NotNative", request->pid, " %s", result->why_not_native ?: "");
	return r;
}

/* Do these seals hold all memory of the plan in its place? */
static bool is_held(const struct plan *plan, const struct sealset *set)
{
	for (size_t i = 0; i < plan->count; i++)
		if (!sealset_all_flagged(set, plan->seals[i].start, plan->seals[i].end, 0))
			return false;
	return true;
}

/* Would a user exceed the limit? Seals by policies count, but are never refused. */
static int check_limits(struct space_map *space_map, const struct target *target,
			const struct seal_request *request, const struct sealset *old,
			const struct sealset *new, struct error *error)
{
	size_t spaces, sets, seals = 0;
	int r;

	if (!request->limited)
		return 0;
	if (new->count > SEAL_USER_SEALS)
		return error_about(error, "TooMany", request->pid,
				   " would have %zu seals; for a user one address space can have %u",
				   new->count, SEAL_USER_SEALS);
	r = space_map_count_account(space_map, target->account, &spaces, &sets, &seals, NULL);
	if (r < 0)
		return error_set_errno(error, request->pid, r, "cannot read the seals");
	if (seals + new->count - MIN_OF(old->count, seals) > SEAL_USER_SEALS_ALL)
		return error_set(error, "TooMany", request->pid,
				 "user %u has %zu of at most %u seals; seals end with their processes",
				 target->account, seals, SEAL_USER_SEALS_ALL);
	return 0;
}

static int not_stored(const struct target *target, const struct seal_request *request, int r,
		      struct error *error)
{
	if (r == -EDQUOT)
		return error_about(
			error, "NoRoom", request->pid,
			": too many sealed address spaces of user %u, or of all users (see `msealctl "
			"status`)",
			target->account);
	return error_set_errno(error, request->pid, r, "cannot store its seal set");
}

/* No hook sees stores to an existing shared writable mapping. */
static void warn_shared(const struct plan *plan, const struct seal_request *request, bool changed)
{
	const struct mapping *mapping = changed ? plan_shared_elsewhere(plan) : NULL;

	if (mapping && !request->limited)
		log_warning("pid %d: %s is sealed, but a shared writable mapping of it can change the "
			    "sealed memory",
			    request->pid, mapping->path);
}

/* Holds the previous set of an address space: undo() may need it again. */
struct held {
	struct space_map *space_map; /* NULL: not held */
	struct mseald_space space;
};

/* -EAGAIN: the address space has another set by now. */
static int hold(struct held *held, struct space_map *space_map, uint64_t key)
{
	int r = space_map_read_space(space_map, key, &held->space);

	if (r < 0 && r != -ENOENT)
		return r;
	if (!set_map_hold(space_map->sets, MSEALD_WORD_SET(held->space.word)))
		return -EAGAIN;
	held->space_map = space_map;
	return 0;
}

static void let_go(struct held *held)
{
	if (held->space_map)
		set_map_let_go(held->space_map->sets, MSEALD_WORD_SET(held->space.word));
}

/* Counts what the request names. */
static void count_plan(const struct plan *plan, struct seal_result *result)
{
	result->ranges = plan->count;
	for (size_t i = 0; i < plan->count; i++)
		result->bytes += plan->seals[i].end - plan->seals[i].start;
}

/* Dry run: in place of storing and attaching; returns as seal_once(). */
static int only_plan(struct programs *programs, const struct target *target,
		     const struct seal_request *request, const struct plan *plan, size_t seals,
		     struct seal_result *ret, struct error *error)
{
	struct seal_result result = { .space = target->key, .seals = seals };
	int r = plan_holds(plan, programs, target);

	if (r > 0 && request->seal.deny & MSEALD_DENY_FOREIGN_WRITE) {
		r = tracer_check_foreign(programs, target->key, request->pid, error);
		if (r == -EBADR)
			return r;
		r = r == 0 ? 1 : r == -EAGAIN ? 0 : r;
	}
	if (r > 0)
		r = target_unchanged(programs, target);
	if (r > 0 && request->planned && request->planned(request->context, plan) < 0)
		r = -ENOMEM;
	if (r < 0)
		return error_set_errno(error, request->pid, r, "cannot list the planned ranges");
	count_plan(plan, &result);
	*ret = result;
	return r;
}

/* One try. 1: done; 0: the process changed meanwhile, and the try is undone; or an error. */
static int seal_once(struct programs *programs, struct space_map *space_map, const struct target *target,
		     const struct seal_request *request, struct seal_result *ret, struct error *error)
{
	_cleanup_(sealset_free) struct sealset old = {}, new = {};
	_cleanup_(plan_free) struct plan plan = {};
	_cleanup_(let_go) struct held held = {};
	struct space_map_owner owner = { .account = target->account, .limited = request->limited };
	struct seal_result result = { .space = target->key };
	struct mseald_space space = {};
	struct space_map_old before;
	bool changed, by_kernel, tried = false;
	int r;

	r = plan_make(&plan, programs, target, request, error);
	if (r == -EAGAIN)
		return 0;
	if (r < 0)
		return r;
	owner.flags = plan.hugetlb ? MSEALD_SPACE_HUGETLB : 0;
	r = hold(&held, space_map, target->key);
	if (r >= 0)
		r = space_map_read_seals(space_map, target->key, &space, &old);
	if (r >= 0 && space.word != held.space.word)
		r = -EAGAIN;
	if (r == -EAGAIN)
		return 0;
	owner.expected = MSEALD_WORD_SET(space.word);
	owner.born = MSEALD_SPACE_BORN(&space);
	by_kernel = owner.expected >= MSEALD_POOL_FIRST;
	if (r >= 0 && request->native_or_nothing) {
		r = native_first(programs, target, request, &plan, &old, &result, error);
		if (r == 0 || r == -EINVAL || r == -EBADR)
			return r == -EBADR ? r : 0;
	} else if (r >= 0 && by_kernel && !request->no_native && is_held(&plan, &old)) {
		/* One set, with native seals, replaces that of the kernel. */
		tried = true;
		r = make_native(programs, target, request, &plan, &old, true, &result);
		if (r == 0 || r == -EINVAL)
			return 0;
		result.native = r > 0;
		r = r == -EOPNOTSUPP ? 0 : r;
	}
	if (r >= 0)
		r = unite(&plan, &old, &new, &changed);
	if (r < 0)
		return error_set_errno(error, request->pid, r, "cannot make its seal set");
	if (new.count > MSEALD_MAX_SEALS)
		return error_about(error, "TooMany", request->pid,
				   " would have %zu seals; one address space can have %d", new.count,
				   MSEALD_MAX_SEALS);
	if (request->dry_run) {
		r = changed ? check_limits(space_map, target, request, &old, &new, error) : 0;
		return r < 0 ? r : only_plan(programs, target, request, &plan, new.count, ret, error);
	}
	label(programs, space_map, target, request, &new, &changed);
	/* A set of the pool is replaced, whether or not there is a seal to add, and goes back to the pool. */
	changed |= by_kernel;
	r = changed ? check_limits(space_map, target, request, &old, &new, error) : 0;
	if (r < 0)
		return r;
	if (changed) {
		if (programs_attach(programs, set_map_needs_of(&new)) < 0)
			return error_set(error, "Failed", request->pid,
					 "cannot attach the BPF programs; see mseald's log");
		r = space_map_set_space(space_map, target->key, &owner, &new, when(request), &before);
		if (r == -EEXIST)
			return 0; /* a fork has just been finished */
		if (r < 0)
			return not_stored(target, request, r, error);
		if (when(request) == SPACE_MAP_NOW)
			target_let_calls_end(programs, target);
	}
	r = plan_holds(&plan, programs, target);
	/*
	 * From here on no process can begin to trace it. mseal(2) cannot be undone, so this check comes
	 * before.
	 */
	if (r > 0 && changed && request->seal.deny & MSEALD_DENY_FOREIGN_WRITE) {
		r = tracer_check_foreign(programs, target->key, request->pid, error);
		r = r == 0 ? 1 : r == -EAGAIN ? 0 : r;
	}
	if (r > 0 && !tried)
		r = seal_natively(programs, space_map, target, request, &plan, &new,
				  changed ? before.born : owner.born, &result);
	if (r == -EINVAL)
		r = 0;
	if (r > 0)
		r = target_unchanged(programs, target);
	if (r <= 0) {
		undo(space_map, target, owner.expected, changed ? &before : NULL);
		if (r == -EBADR)
			return r;
		return r == 0 ? 0 :
				error_set_errno(error, request->pid, r,
						"the memory changed during the sealing");
	}
	warn_shared(&plan, request, changed);
	count_plan(&plan, &result);
	result.seals = new.count;
	*ret = result;
	return 1;
}

int seal_process(struct programs *programs, struct space_map *space_map, const struct seal_request *request,
		 struct seal_result *ret, struct error *error)
{
	_cleanup_free_ struct range *ranges = NULL;
	struct seal_request sorted = *request;
	int r;

	r = check_killable(programs, request, error);
	if (r >= 0)
		r = plan_check_ranges(request, error);
	if (r < 0)
		return r;
	if (request->count) {
		ranges = calloc(request->count, sizeof(*ranges));
		if (!ranges)
			return error_set_errno(error, request->pid, -ENOMEM, "cannot sort the ranges");
		memcpy(ranges, request->ranges, request->count * sizeof(*ranges));
		sorted.count = ranges_normalize(ranges, request->count);
		sorted.ranges = ranges;
	}
	for (int i = 0; i < TRIES; i++) {
		_cleanup_(target_close) struct target target = TARGET_EMPTY;

		r = target_open(programs, request->pid, &target, error);
		/* If it lives after that, the opened process is the right one. */
		if (r >= 0 && request->launch && !launch_lives(request->launch))
			r = error_set_errno(error, request->pid, -ESRCH, "");
		if (r >= 0 && request->space && target.key != request->space)
			return error_about(error, "NoSuchProcess", request->pid,
					   " has started another program");
		/* If it has started another program since, target_unchanged() will detect that. */
		if (r >= 0 && request->authorize)
			r = request->authorize(request->context, &target, error);
		if (r >= 0)
			r = seal_once(programs, space_map, &target, &sorted, ret, error);
		if (r != 0)
			break;
	}
	if (r == 0)
		return error_about(error, "Changing", request->pid,
				   " keeps changing the named memory; nothing is sealed, try again");
	return r < 0 ? r : 0;
}

/* Removes the ranges of the request, or everything, from the set. */
static int revoke_ranges(struct sealset *set, const struct seal_request *request, uint64_t *ret_bytes,
			 struct error *error)
{
	static const struct range everything = { 0, MSEALD_NO_START };
	size_t count = request->count;
	pid_t pid = request->pid;
	char text[RANGE_TEXT_MAX];

	*ret_bytes = 0;
	for (size_t i = 0; i < (count ? count : 1); i++) {
		const struct range *range = count ? &request->ranges[i] : &everything;
		uint64_t bytes, permanent;
		int r;

		r = sealset_revoke(set, range->start, range->end, &bytes, &permanent);
		if (r < 0)
			return error_set_errno(error, pid, r, "cannot make its seal set");
		if (!bytes && !permanent)
			return error_about(error, "NotSealed", pid, ": %s%s is not sealed",
					   count ? "range " : "",
					   count ? range_format(range, text) : "the process");
		if (permanent && (count || !bytes))
			return error_about(
				error, "NotRevocable", pid,
				": %s%s is permanently sealed; only seals made with --revocable can be "
				"removed",
				count ? "range " : "", count ? range_format(range, text) : "the process");
		*ret_bytes += bytes;
	}
	return 0;
}

int seal_revoke(struct programs *programs, struct space_map *space_map, const struct seal_request *request,
		uint64_t *ret_bytes, size_t *ret_seals, struct error *error)
{
	_cleanup_(target_close) struct target target = TARGET_EMPTY;
	_cleanup_(sealset_free) struct sealset set = {};
	_cleanup_(let_go) struct held held = {};
	struct space_map_owner owner = {};
	struct mseald_space space = {};
	struct space_map_old old;
	int r;

	r = plan_check_ranges(request, error);
	if (r >= 0)
		r = target_open(programs, request->pid, &target, error);
	if (r >= 0 && request->authorize)
		r = request->authorize(request->context, &target, error);
	if (r < 0)
		return r;
	/* Without a hold the kernel could refill a set of the pool and give it the same id again. */
	r = hold(&held, space_map, target.key);
	if (r >= 0)
		r = space_map_read_seals(space_map, target.key, &space, &set);
	if (r == -EAGAIN || (r >= 0 && space.word != held.space.word))
		return error_about(error, "Changing", request->pid,
				   " is being sealed at its start; nothing is unsealed, try again");
	if (r < 0)
		return error_set_errno(error, request->pid, r, "cannot read its seal set");
	r = revoke_ranges(&set, request, ret_bytes, error);
	if (r < 0)
		return r;
	*ret_seals = set.count;
	if (request->dry_run)
		return 0;
	owner.account = target.account;
	owner.expected = MSEALD_WORD_SET(space.word);
	owner.born = MSEALD_SPACE_BORN(&space);
	/* The entry that was read is its own only if it lives. */
	if (owner.born && target_unchanged(programs, &target) <= 0)
		return error_about(error, "NoSuchProcess", request->pid,
				   " has ended, or started another program");
	r = space_map_set_space(space_map, target.key, &owner, &set, SPACE_MAP_NOW, &old);
	if (r == -EEXIST)
		return error_about(error, "Changing", request->pid,
				   " is being sealed at its start; nothing is unsealed, try again");
	if (r < 0)
		return error_set_errno(error, request->pid, r, "cannot store its seal set");
	return 0;
}
