// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * See attempt.h. The order makes sealing sound: read the maps, attach, commit, then check that the memory is
 * still the same. If not, the commit is undone.
 */
#include "seal/attempt.h"

#include "base/log.h"
#include "base/text.h"
#include "seal/labels.h"
#include "trace/launch.h"
#include "trace/native.h"
#include "trace/tracer.h"

/*
 * What a try has read, and done. Its steps return 1: go on; 0: the process has changed; -EBADR: *error says
 * why nothing is sealed.
 */
struct attempt {
	struct programs *programs;
	struct space_map *space_map;
	const struct target *target;
	const struct seal_request *request;
	struct error *error;

	struct plan plan;
	struct space_hold hold;	      /* undo() may need the previous set again */
	struct sealset old, new;      /* all seals of the process: before, and after */
	struct space_map_owner owner; /* of the old ones */
	struct space_map_old before;  /* the state that the commit has replaced */
	bool by_kernel;		      /* the old set is of the pool */
	bool changed;		      /* there is something to commit */
	bool native_done;	      /* mseal(2) was called before the commit, or is not possible */
	struct seal_result result;
};

static void attempt_end(struct attempt *attempt)
{
	space_map_let_go(&attempt->hold);
	plan_free(&attempt->plan);
	sealset_free(&attempt->new);
	sealset_free(&attempt->old);
}

static int fail(const struct attempt *attempt, int r, const char *what)
{
	return error_set_errno(attempt->error, attempt->request->pid, r, what);
}

/* A starting process is looked at again anyway, and other processes wait. */
static enum space_map_when when(const struct attempt *attempt)
{
	return attempt->request->readiness ? SPACE_MAP_SOON : SPACE_MAP_NOW;
}

/* --- the seals before and after --- */

static int read_memory(struct attempt *attempt)
{
	int r = plan_make(&attempt->plan, attempt->programs, attempt->target, attempt->request,
			  attempt->error);

	return r == -EAGAIN ? 0 : r < 0 ? r : 1;
}

static int read_seals(struct attempt *attempt)
{
	uint64_t key = attempt->target->key;
	struct mseald_space space = {};
	int r = space_map_hold(attempt->space_map, key, &attempt->hold);

	if (r >= 0)
		r = space_map_read_seals(attempt->space_map, key, &space, &attempt->old);
	if (r == -EAGAIN || (r >= 0 && space.word != attempt->hold.space.word))
		return 0;
	if (r < 0)
		return fail(attempt, r, "cannot read its seal set");
	attempt->owner = (struct space_map_owner){
		.account = attempt->target->account,
		.limited = attempt->request->limited,
		.flags = attempt->plan.hugetlb ? MSEALD_SPACE_HUGETLB : 0,
		.expected = MSEALD_WORD_SET(space.word),
		.born = MSEALD_SPACE_BORN(&space),
	};
	attempt->by_kernel = attempt->owner.expected >= MSEALD_POOL_FIRST;
	return 1;
}

/* Adds the plan's seals to these. *ret_changed: whether they add anything. */
static int unite(const struct plan *plan, const struct sealset *have, struct sealset *ret, bool *ret_changed)
{
	int r = sealset_copy(have, ret);

	if (r >= 0)
		r = sealset_add_all(ret, plan->seals, plan->count);
	*ret_changed = r >= 0 && !sealset_equal(have, ret);
	return r;
}

static int make_set(struct attempt *attempt)
{
	int r = unite(&attempt->plan, &attempt->old, &attempt->new, &attempt->changed);

	if (r < 0)
		return fail(attempt, r, "cannot make its seal set");
	if (attempt->new.count > MSEALD_MAX_SEALS)
		return error_about(attempt->error, "TooMany", attempt->request->pid,
				   " would have %zu seals; one address space can have %d", attempt->new.count,
				   MSEALD_MAX_SEALS);
	return 1;
}

/* Sets the label of the set: policy and program. */
static void set_label(struct attempt *attempt)
{
	struct sealset *set = &attempt->new;
	uint64_t old = set->label;

	/*
	 * Labels and lines of the report are limited: requests of users get none, because they could use up
	 * all.
	 */
	if (attempt->request->limited)
		return;
	set->label = labels_of_process(attempt->programs, attempt->space_map, attempt->target->proc_fd,
				       attempt->request->policy, old);
	attempt->changed |= set->label != old;
}

/* Would a user exceed the limit? Seals by policies count, but are never refused. */
static int check_limits(const struct attempt *attempt)
{
	const struct sealset *old = &attempt->old, *new = &attempt->new;
	pid_t pid = attempt->request->pid;
	uint32_t account = attempt->target->account;
	size_t spaces, sets, seals = 0;
	int r;

	if (!attempt->changed || !attempt->request->limited)
		return 1;
	if (new->count > SEAL_USER_SEALS)
		return error_about(attempt->error, "TooMany", pid,
				   " would have %zu seals; for a user one address space can have %u",
				   new->count, SEAL_USER_SEALS);
	r = space_map_count_account(attempt->space_map, account, &spaces, &sets, &seals, NULL);
	if (r < 0)
		return fail(attempt, r, "cannot read the seals");
	if (seals + new->count - MIN_OF(old->count, seals) > SEAL_USER_SEALS_ALL)
		return error_set(attempt->error, "TooMany", pid,
				 "user %u has %zu of at most %u seals; seals end with their processes",
				 account, seals, SEAL_USER_SEALS_ALL);
	return 1;
}

/* --- by mseal(2), too --- */

static bool still_holds(void *context)
{
	const struct attempt *attempt = context;

	return plan_holds(&attempt->plan, attempt->programs, attempt->target) > 0;
}

/* Calls mseal(2) for the ranges inside the process. As make_native(). */
static int call_mseal(struct attempt *attempt, const struct range *ranges, size_t count)
{
	const struct seal_request *request = attempt->request;
	const char **why = &attempt->result.why_not_native;
	const struct native_ranges native = {
		.list = ranges,
		.count = count,
		.maps = &attempt->plan.inspection.maps,
		.still = request->native_or_nothing ? still_holds : NULL,
		.context = attempt,
	};
	int r;

	if (!request->launch && plan_traces_itself(&attempt->plan, attempt->target)) {
		*why = "has LeakSanitizer, which must trace it at its exit";
		return -EOPNOTSUPP;
	}
	r = request->launch ? launch_mseal(request->launch, ranges, count, why) :
			      native_seal(attempt->programs, attempt->target, &native, why);
	return r > 0 ? 1 : r == -EAGAIN ? 0 : -EOPNOTSUPP;
}

/*
 * Seals the same ranges by mseal(2), and marks the plan's seals as native. have: the seals there are; held:
 * they hold the memory in its place already. 1; 0: the memory has changed since the plan; or -EOPNOTSUPP: not
 * possible, or only for part of it.
 */
static int make_native(struct attempt *attempt, const struct sealset *have, bool held)
{
	struct plan *plan = &attempt->plan;
	_cleanup_free_ struct range *ranges = NULL;
	size_t count;
	int r = 1;

	if (!programs_coverage(attempt->programs)->native || attempt->request->no_native ||
	    !plan_native_ranges(plan, attempt->request, have, &ranges, &count))
		return -EOPNOTSUPP;
	if (count)
		r = call_mseal(attempt, ranges, count);
	if (r > 0 && count && !held)
		r = plan_holds(plan, attempt->programs, attempt->target);
	if (r <= 0)
		return r;
	for (size_t i = 0; i < plan->count; i++)
		plan->seals[i].flags |= MSEALD_SEAL_NATIVE;
	return 1;
}

/*
 * For memory that may be unmapped until it is native: a seal must not outlive it, so mseal(2) comes first.
 * Returns as make_native(); also 1 if nothing is new.
 */
static int native_or_nothing(struct attempt *attempt)
{
	_cleanup_(sealset_free) struct sealset new = {};
	bool changed;
	int r = unite(&attempt->plan, &attempt->old, &new, &changed);

	if (r < 0 || !changed)
		return r < 0 ? r : 1;
	r = make_native(attempt, &attempt->old, false);
	if (r == -EOPNOTSUPP)
		return error_about(attempt->error, "NotNative", attempt->request->pid, " %s",
				   attempt->result.why_not_native ?: "");
	return r;
}

/* Do the old seals hold all memory of the plan in its place? */
static bool is_held(const struct attempt *attempt)
{
	const struct plan *plan = &attempt->plan;

	for (size_t i = 0; i < plan->count; i++)
		if (!sealset_all_flagged(&attempt->old, plan->seals[i].start, plan->seals[i].end, 0))
			return false;
	return true;
}

/* Before the seals are committed. */
static int native_first(struct attempt *attempt)
{
	int r = 1;

	if (attempt->request->native_or_nothing) {
		r = native_or_nothing(attempt);
	} else if (attempt->by_kernel && !attempt->request->no_native && is_held(attempt)) {
		/* One set, with native seals, replaces that of the kernel. */
		attempt->native_done = true;
		r = make_native(attempt, &attempt->old, true);
		attempt->result.native = r > 0;
		r = r == -EOPNOTSUPP ? 1 : r;
	}
	if (r == -EINVAL)
		return 0;
	return r < 0 && r != -EBADR ? fail(attempt, r, "cannot make its seal set") : r;
}

/*
 * Makes older seals native as well, if possible; otherwise the next gate protects them. Returns as
 * make_native(), 1 also if it is not possible.
 */
static int native_last(struct attempt *attempt)
{
	/* No other process changes a set outside of the pool. */
	const struct space_map_owner owner = {
		.account = attempt->target->account,
		.expected = MSEALD_ANY_SET,
		.born = attempt->changed ? attempt->before.born : attempt->owner.born,
	};
	_cleanup_(sealset_free) struct sealset new = {};
	bool changed;
	int r;

	if (attempt->native_done)
		return 1;
	r = make_native(attempt, &attempt->new, false);
	if (r <= 0)
		return r == -EOPNOTSUPP ? 1 : r;
	/* If this fails, the memory is still sealed natively, but not marked so. */
	if (unite(&attempt->plan, &attempt->new, &new, &changed) >= 0 &&
	    (!changed || space_map_set_space(attempt->space_map, attempt->target->key, &owner, &new,
					     when(attempt), NULL) >= 0))
		attempt->result.native = true;
	return 1;
}

/* --- commit and check --- */

static int not_stored(const struct attempt *attempt, int r)
{
	if (r == -EDQUOT)
		return error_about(
			attempt->error, "NoRoom", attempt->request->pid,
			": too many sealed address spaces of user %u, or of all users (see `msealctl "
			"status`)",
			attempt->target->account);
	return fail(attempt, r, "cannot store its seal set");
}

static int commit(struct attempt *attempt)
{
	int r;

	if (!attempt->changed)
		return 1;
	if (programs_attach(attempt->programs, set_map_needs_of(&attempt->new)) < 0)
		return error_set(attempt->error, "Failed", attempt->request->pid,
				 "cannot attach the BPF programs; see mseald's log");
	r = space_map_set_space(attempt->space_map, attempt->target->key, &attempt->owner, &attempt->new,
				when(attempt), &attempt->before);
	if (r == -EEXIST)
		return 0; /* a fork has just been finished */
	if (r < 0)
		return not_stored(attempt, r);
	if (when(attempt) == SPACE_MAP_NOW)
		target_let_calls_end(attempt->programs, attempt->target);
	return 1;
}

/*
 * Undoes the commit. If it replaced another set than expected, it was not made, and undoing it would remove
 * seals.
 */
static void undo(struct attempt *attempt)
{
	if (attempt->changed && MSEALD_WORD_SET(attempt->before.bits) == attempt->owner.expected)
		(void)space_map_restore_space(attempt->space_map, attempt->target->key, &attempt->before);
}

/* Does another program trace it, whose writes the seals are to deny? 1: no; 0: perhaps. */
static int check_tracer(struct attempt *attempt)
{
	int r;

	if (!(attempt->request->seal.deny & MSEALD_DENY_FOREIGN_WRITE))
		return 1;
	r = tracer_check_foreign(attempt->programs, attempt->target->key, attempt->request->pid,
				 attempt->error);
	return r == 0 ? 1 : r == -EAGAIN ? 0 : r;
}

static int confirm(struct attempt *attempt)
{
	int r = plan_holds(&attempt->plan, attempt->programs, attempt->target);

	/*
	 * From here on no process can begin to trace it. mseal(2) cannot be undone, so this check comes
	 * before.
	 */
	if (r > 0 && attempt->changed)
		r = check_tracer(attempt);
	if (r > 0)
		r = native_last(attempt);
	if (r == -EINVAL)
		r = 0;
	if (r > 0)
		r = target_unchanged(attempt->programs, attempt->target);
	if (r <= 0)
		undo(attempt);
	return r < 0 && r != -EBADR ? fail(attempt, r, "the memory changed during the sealing") : r;
}

/* Instead of a commit. */
static int only_plan(struct attempt *attempt)
{
	const struct seal_request *request = attempt->request;
	int r = plan_holds(&attempt->plan, attempt->programs, attempt->target);

	if (r > 0)
		r = check_tracer(attempt);
	if (r > 0)
		r = target_unchanged(attempt->programs, attempt->target);
	if (r > 0 && request->planned && request->planned(request->context, &attempt->plan) < 0)
		r = -ENOMEM;
	return r < 0 && r != -EBADR ? fail(attempt, r, "cannot list the planned ranges") : r;
}

/* No hook sees stores to an existing shared writable mapping. */
static void warn_shared(const struct attempt *attempt)
{
	const struct mapping *mapping = attempt->changed ? plan_shared_elsewhere(&attempt->plan) : NULL;

	if (!mapping || attempt->request->limited)
		return;
	text_make_printable(mapping->path);
	log_warning("pid %d: %s is sealed, but a shared writable mapping of it can change the sealed memory",
		    attempt->request->pid, mapping->path);
}

static int make(struct attempt *attempt)
{
	int r = native_first(attempt);

	if (r > 0)
		r = make_set(attempt);
	if (r <= 0)
		return r;
	set_label(attempt);
	/* A set of the pool is replaced, whether or not there is a seal to add, and goes back to the pool. */
	attempt->changed |= attempt->by_kernel;
	r = check_limits(attempt);
	if (r > 0)
		r = commit(attempt);
	if (r > 0)
		r = confirm(attempt);
	if (r > 0)
		warn_shared(attempt);
	return r;
}

/* A dry run. */
static int pretend(struct attempt *attempt)
{
	int r = make_set(attempt);

	if (r > 0)
		r = check_limits(attempt);
	return r > 0 ? only_plan(attempt) : r;
}

int attempt_seal(struct programs *programs, struct space_map *space_map, const struct target *target,
		 const struct seal_request *request, struct seal_result *ret, struct error *error)
{
	_cleanup_(attempt_end) struct attempt attempt = {
		.programs = programs,
		.space_map = space_map,
		.target = target,
		.request = request,
		.error = error,
		.result = { .space = target->key },
	};
	const struct plan *plan = &attempt.plan;
	int r = read_memory(&attempt);

	if (r > 0)
		r = read_seals(&attempt);
	if (r > 0)
		r = request->dry_run ? pretend(&attempt) : make(&attempt);
	if (r <= 0)
		return r;
	attempt.result.seals = attempt.new.count;
	attempt.result.ranges = plan->count;
	for (size_t i = 0; i < plan->count; i++)
		attempt.result.bytes += plan->seals[i].end - plan->seals[i].start;
	*ret = attempt.result;
	return 1;
}
