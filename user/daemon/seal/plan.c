// SPDX-License-Identifier: LGPL-2.1-or-later
/* See plan.h. */
#include "seal/plan.h"

#include <inttypes.h>

#include "base/arch.h"
#include "lib/base/list.h"
#include "lib/base/names.h"
#include "seal/sanitizer.h"

#define VM_DONTCOPY 0x00020000 /* include/linux/mm.h: MADV_DONTFORK */
#define VM_HUGETLB 0x00400000

void plan_free(struct plan *plan)
{
	free(plan->seals);
	segments_free(&plan->segments);
	inspection_free(&plan->inspection);
	*plan = (struct plan){};
}

static int plan_add(struct plan *plan, const struct seal *seal)
{
	if (list_grow(&plan->seals, plan->count, 1, &plan->allocated, sizeof(*plan->seals)) < 0)
		return -ENOMEM;
	plan->seals[plan->count++] = *seal;
	return 0;
}

static bool any_hugetlb(const struct task_vmas *vmas)
{
	for (size_t i = 0; i < vmas->count; i++)
		if (vmas->list[i].flags & VM_HUGETLB)
			return true;
	return false;
}

/*
 * Sets the file of a seal, if the process may not write the pages itself. Returns the remaining deny mask:
 * without a file, file-write denies nothing, and a user can protect only their own files from root. Huge
 * pages without a file have an internal file of the kernel.
 */
static unsigned plan_file(const struct plan *plan, const struct seal_request *request,
			  const struct mapping *mapping, unsigned deny, struct seal *seal)
{
	const struct mseald_vma *vma = task_iter_vma_at(&plan->inspection.vmas, seal->start);
	bool has = vma->inode.address && !mapping->shared && !mapping->write &&
		   strncmp(mapping->path, "/anon_hugepage", 14) != 0;

	if (!has || (request->limited && vma->owner != plan->account))
		deny &= ~(unsigned)MSEALD_DENY_FILE_WRITE;
	if (has && deny & MSEALD_DENY_FILE) {
		seal->file = vma->inode;
		seal->flags |= vma->written ? MSEALD_SEAL_WRITTEN : 0;
	}
	return deny;
}

/*
 * Plans one piece of one mapping. Contents that the process may write are not protected from being discarded.
 * Memory with a protection key counts as not writable: a thread can change that for itself at any moment.
 */
static int plan_piece(struct plan *plan, const struct seal_request *request, const struct mapping *mapping,
		      uint64_t start, uint64_t end, enum mseald_segment segment)
{
	struct seal seal = { .start = start, .end = end, .segment = segment };
	unsigned deny = request->seal.deny & ~request->spared;
	const struct mseald_vma *vma = task_iter_vma_at(&plan->inspection.vmas, start);

	if (mapping->write && !(vma->flags & ARCH_VM_PKEY))
		deny &= ~(unsigned)MSEALD_DENY_DISCARD;
	deny = plan_file(plan, request, mapping, deny, &seal);
	if (!deny)
		return 0;
	if (request->seal.revocable)
		seal.revocable[request->seal.action] = (uint8_t)deny;
	else
		seal.permanent[request->seal.action] = (uint8_t)deny;
	if (mapping->shared && strncmp(mapping->path, "/SYSV", 5) == 0) {
		seal.flags |= MSEALD_SEAL_SHM;
		seal.pgoff = (uint32_t)((mapping->offset + (start - mapping->start)) / page_size());
	}
	/*
	 * With a protection key mseal(2) refuses to discard only while the caller may not write. The vdso is
	 * no anonymous memory to newer kernels (mm/madvise.c of 7.3, can_madvise_modify).
	 */
	if (!mapping->shared && !mapping->inode && segment != MSEALD_SEGMENT_VDSO &&
	    !(mapping->write && vma->flags & ARCH_VM_PKEY))
		seal.flags |= MSEALD_SEAL_ANON;
	if (vma->flags & VM_DONTCOPY)
		seal.flags |= MSEALD_SEAL_DONTFORK;
	if (vma->userfault)
		seal.flags |= MSEALD_SEAL_UFFD;
	return plan_add(plan, &seal);
}

/* Splits [start, end) of a mapping at segment borders, so that each seal has one segment. */
static int plan_split(struct plan *plan, const struct seal_request *request, const struct mapping *mapping,
		      uint64_t start, uint64_t end)
{
	int r = 0;

	for (size_t i = 0; i < plan->segments.count && start < end && r >= 0; i++) {
		const struct segment *segment = &plan->segments.list[i];

		if (segment->end <= start)
			continue;
		if (segment->start >= end)
			break;
		if (segment->start > start)
			r = plan_piece(plan, request, mapping, start, segment->start, MSEALD_SEGMENT_NONE);
		start = MAX_OF(start, segment->start);
		if (r >= 0)
			r = plan_piece(plan, request, mapping, start, MIN_OF(end, segment->end),
				       segment->kind);
		start = MIN_OF(end, segment->end);
	}
	return r >= 0 && start < end ? plan_piece(plan, request, mapping, start, end, MSEALD_SEGMENT_NONE) :
				       r;
}

static int check_range(const struct seal_request *request, const struct range *range, struct error *error)
{
	char text[RANGE_TEXT_MAX];

	(void)range_format(range, text);
	if (range->start >= range->end)
		return error_set(error, "InvalidRange", request->pid, "range %s is %s", text,
				 range->start == range->end ? "empty" :
							      "reversed: its end comes before its start");
	if (range->start % page_size() || range->end % page_size())
		return error_set(error, "InvalidRange", request->pid,
				 "range %s is not aligned: both ends must be multiples of "
				 "%d",
				 text, (int)page_size());
	if (range->end >= MSEALD_NO_START)
		return error_set(error, "InvalidRange", request->pid, "range %s is not in user memory", text);
	return 0;
}

int plan_check_ranges(const struct seal_request *request, struct error *error)
{
	int r = 0;

	for (size_t i = 0; i < request->count && r >= 0; i++)
		r = check_range(request, &request->ranges[i], error);
	return r;
}

static int plan_ranges(struct plan *plan, const struct seal_request *request, struct error *error)
{
	size_t next = 0;
	int r;

	for (size_t i = 0; i < request->count; i++) {
		const struct range *range = &request->ranges[i];
		uint64_t hole;

		if (!proc_maps_covers(&plan->inspection.maps, range->start, range->end, &hole)) {
			char text[RANGE_TEXT_MAX];

			error->address = hole;
			return error_about(error, "NotMapped", request->pid,
					   ": range %s is not mapped at 0x%" PRIx64 " (see msealctl map %d)",
					   range_format(range, text), hole, request->pid);
		}
		/* Both are sorted: continue where the last range ended. */
		while (next < plan->inspection.maps.count &&
		       plan->inspection.maps.list[next].end <= range->start)
			next++;
		for (size_t j = next;
		     j < plan->inspection.maps.count && plan->inspection.maps.list[j].start < range->end;
		     j++) {
			const struct mapping *mapping = &plan->inspection.maps.list[j];

			r = plan_split(plan, request, mapping, MAX_OF(range->start, mapping->start),
				       MIN_OF(range->end, mapping->end));
			if (r < 0)
				return r;
		}
	}
	return 0;
}

/*
 * Plans what a loader has left inaccessible between two segments of a library: alignment that is larger than
 * a page. The programs in the kernel seal it with the constants.
 */
static int plan_between(struct plan *plan, const struct seal_request *request, const struct segment *before,
			const struct segment *after)
{
	const struct mapping *mapping;

	if (!request->policy || !(request->seal.segments & 1u << MSEALD_SEGMENT_RODATA) ||
	    before->object < 0 || before->object != after->object || before->end >= after->start)
		return 0;
	mapping = proc_maps_find(&plan->inspection.maps, before->end);
	if (!mapping || mapping->end < after->start || mapping->read || mapping->write || mapping->exec ||
	    proc_mapping_compare_files(mapping, after->mapping) != 0)
		return 0;
	return plan_piece(plan, request, mapping, before->end, after->start, MSEALD_SEGMENT_NONE);
}

static int plan_segments(struct plan *plan, const struct seal_request *request)
{
	int r = 0;

	for (size_t i = 0; i < plan->segments.count && r >= 0; i++) {
		const struct segment *segment = &plan->segments.list[i];

		if (segment->end >= MSEALD_NO_START ||
		    (request->readiness && !readiness_allows(request->readiness, segment)) ||
		    (request->launch && segment->object >= 0 && plan->inspection.late[segment->object]))
			continue;
		if (request->seal.segments & 1u << segment->kind)
			r = plan_piece(plan, request, segment->mapping, segment->start, segment->end,
				       segment->kind);
		if (r >= 0 && i + 1 < plan->segments.count)
			r = plan_between(plan, request, segment, segment + 1);
	}
	return r;
}

int plan_make(struct plan *plan, struct programs *programs, const struct target *target,
	      const struct seal_request *request, struct error *error)
{
	char words[128];
	int r;

	plan->account = target->account;
	r = inspection_read(programs, target,
			    request->launch    ? INSPECTION_ALWAYS :
			    request->readiness ? readiness_wants_late(request->readiness) :
						 INSPECTION_NEVER,
			    &plan->inspection);
	if (r >= 0) {
		plan->hugetlb = any_hugetlb(&plan->inspection.vmas);
		r = segments_split(&plan->inspection.maps, &plan->inspection.objects, &plan->segments);
	}
	if (r >= 0 && request->readiness)
		r = readiness_judge(request->readiness, &plan->segments, &plan->inspection);
	if (r >= 0)
		r = request->count ? plan_ranges(plan, request, error) : plan_segments(plan, request);
	if (r == -EBADR)
		return r;
	if (r == -EINVAL)
		return -EAGAIN; /* the mappings change faster than they can be read */
	if (r < 0)
		return error_set_errno(error, request->pid, r, "cannot read its mappings");
	if (proc_maps_is_32bit(&plan->inspection.maps) && request->seal.action == MSEALD_ACTION_DENY &&
	    coverage_spares_32bit(programs_coverage(programs), request->seal.deny))
		return error_about(error, "Unsupported", request->pid,
				   " is 32-bit and can only be killed (--gate=deny); use --deny=mprotect, "
				   "--action=kill or audit");
	if (plan->inspection.maps.count == 0)
		return error_about(error, "NoSuchProcess", request->pid, " has exited");
	if (plan->count == 0 && request->seal.deny == MSEALD_DENY_DISCARD)
		return error_about(error, "NothingToSeal", request->pid,
				   ": the named memory is writable; to deny discard alone protects nothing");
	if (plan->count == 0 && request->seal.deny == MSEALD_DENY_FILE_WRITE)
		return error_about(
			error, "NothingToSeal", request->pid,
			": the named memory is writable, shared, or not of a file that file-write can cover");
	if (plan->count == 0)
		return error_about(error, "NothingToSeal", request->pid, ": no memory of segment %s",
				   names_format_segments(request->seal.segments, words, sizeof(words)));
	return 0;
}

static bool same_mapping(const struct mapping *a, const struct mapping *b, uint64_t at)
{
	return a && b && a->read == b->read && a->write == b->write && a->exec == b->exec &&
	       a->shared == b->shared && a->inode == b->inode && a->dev_major == b->dev_major &&
	       a->dev_minor == b->dev_minor &&
	       (!a->inode || a->offset + (at - a->start) == b->offset + (at - b->start));
}

int plan_holds(const struct plan *plan, struct programs *programs, const struct target *target)
{
	_cleanup_(inspection_free) struct inspection now = {};
	int r = inspection_read_again(programs, target, plan->seals[0].start, &now);

	if (r < 0)
		return r;
	/* After the commit, mmap_file sees the first mapping of huge pages (bpf/lsm_mm.bpf.c). */
	if (!plan->hugetlb && any_hugetlb(&now.vmas))
		return 0;
	for (size_t i = 0; i < plan->count; i++) {
		uint64_t at = plan->seals[i].start;

		while (at < plan->seals[i].end) {
			const struct mapping *old = proc_maps_find(&plan->inspection.maps, at);
			const struct mapping *new = proc_maps_find(&now.maps, at);
			const struct mseald_vma *vma = task_iter_vma_at(&now.vmas, at);

			/* Its file may have been opened for writing before the seal was active. */
			if (plan->seals[i].file.address &&
			    (vma->inode.address != plan->seals[i].file.address ||
			     (vma->written && !(plan->seals[i].flags & MSEALD_SEAL_WRITTEN))))
				return 0;
			if (!same_mapping(old, new, at) ||
			    (task_iter_vma_at(&plan->inspection.vmas, at)->flags ^ vma->flags) & VM_DONTCOPY)
				return 0;
			at = MIN_OF(old->end, new->end);
		}
	}
	return 1;
}

bool plan_traces_itself(const struct plan *plan, const struct target *target)
{
	const struct objects *objects = &plan->segments.objects;

	for (size_t i = 0; i < objects->count; i++)
		if (sanitizer_is_in(target, &objects->list[i],
				    task_iter_vma_at(&plan->inspection.vmas, objects->list[i].start)))
			return true;
	return false;
}

const struct mapping *plan_shared_elsewhere(const struct plan *plan)
{
	for (size_t i = 0; i < plan->count; i++)
		if (plan->seals[i].file.address &&
		    task_iter_vma_at(&plan->inspection.vmas, plan->seals[i].start)->shared)
			return proc_maps_find(&plan->inspection.maps, plan->seals[i].start);
	return NULL;
}

bool plan_can_be_native(const struct seal_spec *seal)
{
	/* mseal(2) is permanent, cannot audit, and denies all of these at once. */
	return !seal->revocable && seal->action != MSEALD_ACTION_AUDIT &&
	       (seal->deny & MSEALD_DENY_DEFAULT) == MSEALD_DENY_DEFAULT;
}

bool plan_native_ranges(const struct plan *plan, const struct seal_request *request,
			const struct sealset *have, struct range **ret, size_t *ret_count)
{
	struct range *ranges;
	size_t count = 0;

	if (!plan_can_be_native(&request->seal))
		return false;
	ranges = calloc(plan->count, sizeof(*ranges));
	if (!ranges)
		return false;
	for (size_t i = 0; i < plan->count; i++)
		if (!sealset_all_flagged(have, plan->seals[i].start, plan->seals[i].end, MSEALD_SEAL_NATIVE))
			ranges[count++] = (struct range){ plan->seals[i].start, plan->seals[i].end };
	*ret_count = ranges_normalize(ranges, count);
	*ret = ranges;
	return true;
}
