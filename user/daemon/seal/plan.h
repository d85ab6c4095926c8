/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a request would seal: its ranges or segments, resolved against the
 * mappings of the process as they are now into seals, with all that has to be
 * known of the memory under each.
 */
#ifndef MSEALD_SEAL_PLAN_H
#define MSEALD_SEAL_PLAN_H

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
	/* May it be done to this process? -EBADR and why not. NULL: it may, as root and policies may all. */
	int (*authorize)(void *context, const struct target *target, struct error *error);
	void *context;
	bool limited; /* a user asks: within what one user may have */
	bool dry_run; /* all is looked at, and nothing changes */
	/* Of a dry run of seal_process(): what would be sealed. With context; 0 or -ENOMEM. NULL: none. */
	int (*planned)(void *context, const struct plan *plan);
	struct launch
		*launch; /* a tracer of ours holds it at its entry point (launch.h); NULL: it is as it is */
	const struct range *ranges; /* with count 0: the segments of seal */
	size_t count;
	struct seal_spec seal;
	/* Of a policy: */
	uint64_t space;		     /* key of the address space that is meant; 0: whichever the pid has */
	const char *policy;	     /* its name; NULL: by hand */
	struct readiness *readiness; /* only ready objects, and by segments; NULL: all mappings */
	unsigned
		/*
		 * of seal.deny: those that are left out, for fear of a kill (mseal(2) may still
		 * refuse them)
		 */
		spared;
	bool no_native;		/* not by mseal(2), or not now */
	bool native_or_nothing; /* by it first: what cannot be is not sealed at all */
};

struct plan {
	struct seal *seals; /* one for each mapping, or segment, or part of it */
	size_t count, allocated;
	struct proc_maps maps; /* what they were made from */
	struct segments segments;
	struct task_vmas vmas; /* that of one that came meanwhile is empty: it will not hold */
	bool hugetlb;	       /* some mapping of the process is of huge pages */
	uint32_t account;      /* of the target */
	bool *dlopened;	       /* of each object: it is left alone; NULL: none is */
};

void plan_free(struct plan *plan); /* takes zeroed; leaves it zeroed */

/* -EBADR and why: one of its ranges is none. */
int plan_check_ranges(const struct seal_request *request, struct error *error);

/* Ranges must be sorted. -EBADR and why; -EAGAIN: the mappings change faster than they can be read. */
int plan_make(struct plan *plan, struct programs *programs, const struct target *target,
	      const struct seal_request *request, struct error *error);

/*
 * 1: every byte of it is still mapped as it was when the plan was made, and there are no first huge pages;
 * 0: not so, or an error. The mappings round it may have changed.
 */
int plan_holds(const struct plan *plan, struct programs *programs, const struct target *target);

/*
 * Does the process trace itself as it ends? LeakSanitizer does, also as part of AddressSanitizer, and fails
 * where another tracer has the process at that moment.
 */
bool plan_traces_itself(const struct plan *plan, const struct target *target);

/*
 * A mapping of the plan whose file somebody has mapped to write to: such a write goes on changing
 * it. NULL: none.
 */
const struct mapping *plan_shared_elsewhere(const struct plan *plan);

/*
 * Is the request one that mseal(2) could answer as well? Then *ret are the
 * ranges to call it for, sorted and joined, but for those that already were
 * (in have). The caller frees *ret.
 */
bool plan_native_ranges(const struct plan *plan, const struct seal_request *request,
			const struct sealset *have, struct range **ret, size_t *ret_count);

#endif
