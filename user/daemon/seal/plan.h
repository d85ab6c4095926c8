/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The seals of a request: its ranges or segments, resolved against the current mappings of the process, with
 * all facts about the memory under each seal.
 */
#pragma once

#include "base/error.h"
#include "lib/base/range.h"
#include "lib/policy/seal_spec.h"
#include "lib/proc/maps.h"
#include "lib/proc/segments.h"
#include "process/target.h"
#include "seal/readiness.h"
#include "seal/sealset.h"

struct launch;
struct plan;

struct seal_request {
	pid_t pid;
	/* May the request act on this process? -EBADR and the reason. NULL: always, for root and policies. */
	int (*authorize)(void *context, const struct target *target, struct error *error);
	void *context;
	bool limited; /* a request of a user: limits per user apply */
	bool dry_run; /* checks everything, changes nothing */
	/* For a dry run: called with context and the plan. 0 or -ENOMEM. NULL: no call. */
	int (*planned)(void *context, const struct plan *plan);
	struct launch *launch; /* a tracer holds it at its entry point (launch.h); NULL: it is as it is */
	const struct range *ranges; /* with count 0: the segments of seal */
	size_t count;
	struct seal_spec seal;
	/* Fields for a policy: */
	uint64_t space;		     /* key of the address space; 0: the current one of the pid */
	const char *policy;	     /* its name; NULL: a request */
	struct readiness *readiness; /* only ready objects, and by segments; NULL: all mappings */
	unsigned spared; /* bits of seal.deny left out, to avoid a kill; mseal(2) may still deny them */
	bool no_native;	 /* do not call mseal(2), or not now */
	bool native_or_nothing; /* mseal(2) first: memory that it cannot seal is not sealed at all */
};

struct plan {
	struct seal *seals; /* one for each mapping, segment, or part of it */
	size_t count, allocated;
	struct inspection inspection; /* what they were made from; its objects are in the segments */
	struct segments segments;
	bool hugetlb;	  /* some mapping of the process has huge pages */
	uint32_t account; /* account of the target */
};

void plan_free(struct plan *plan); /* takes zeroed; leaves it zeroed */

/* -EBADR and the reason: an invalid range. */
int plan_check_ranges(const struct seal_request *request, struct error *error);

/* Ranges must be sorted. -EBADR and why; -EAGAIN: the mappings change faster than they can be read. */
int plan_make(struct plan *plan, struct programs *programs, const struct target *target,
	      const struct seal_request *request, struct error *error);

/*
 * 1: every byte of the plan is still mapped as before, and there are no new huge pages; 0: changed; or an
 * error. Neighbouring mappings may have changed.
 */
int plan_holds(const struct plan *plan, struct programs *programs, const struct target *target);

/*
 * Does the process trace itself as it ends? LeakSanitizer does, also as part of AddressSanitizer, and fails
 * if another tracer has the process at that moment.
 */
bool plan_traces_itself(const struct plan *plan, const struct target *target);

/* A mapping whose file is mapped for writing elsewhere: such writes continue to change it. NULL: none. */
const struct mapping *plan_shared_elsewhere(const struct plan *plan);

/* Does mseal(2) deny what this does? */
bool plan_can_be_native(const struct seal_spec *seal);

/*
 * Could mseal(2) answer the request as well? Then *ret has the ranges to call it for, sorted and joined,
 * except those that are already native (in have). The caller frees *ret.
 */
bool plan_native_ranges(const struct plan *plan, const struct seal_request *request,
			const struct sealset *have, struct range **ret, size_t *ret_count);
