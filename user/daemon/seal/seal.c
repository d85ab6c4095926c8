// SPDX-License-Identifier: LGPL-2.1-or-later
/* See seal.h. */
#include "seal/seal.h"

#include "process/target.h"
#include "trace/launch.h"

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
			r = attempt_seal(programs, space_map, &target, &sorted, ret, error);
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
	_cleanup_(space_map_let_go) struct space_hold hold = {};
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
	r = space_map_hold(space_map, target.key, &hold);
	if (r >= 0)
		r = space_map_read_seals(space_map, target.key, &space, &set);
	if (r == -EAGAIN || (r >= 0 && space.word != hold.space.word))
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
