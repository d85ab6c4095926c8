/* SPDX-License-Identifier: GPL-2.0-only */
/* The verdict on an attempt on a sealed range: the interface of bpf/verdict.bpf.c. */
#pragma once

#include "maps.h"
#include "seal_tree.h"
#include "space.h"

/* How the calling program can deny the operation. */
enum reaction {
	REACTION_DENY, /* its return value makes the call fail */
	REACTION_KILL, /* it cannot fail the call: a denial becomes SIGKILL */
	REACTION_DIE,  /* the call fails, and a process that is not watched must be killed, too */
};

#define ATTEMPT(op, deny_mask, reaction) ((u32)(op) | (u32)(deny_mask) << 8 | (u32)(reaction) << 16)
#define ATTEMPT_AGAIN (1u << 24) /* judged before in this call; reported then if only audited */
/*
 * For a program that can only kill. If all seals that the call meets are native (MSEALD_SEAL_NATIVE), the
 * kernel changes none of that memory, and no process need be killed. One seal that is not native decides for
 * all: the kernel may reach it before the first that it refuses.
 */
#define ATTEMPT_NATIVE (1u << 25)
#define ATTEMPT_UFFD (1u << 26)	 /* only seals within reach of userfaultfd count (MSEALD_SEAL_UFFD) */
#define ATTEMPT_SHM (1u << 27)	 /* only seals on the System V segment attached at start count */
#define ATTEMPT_GROWS (1u << 28) /* the mapping grows down */
#define ATTEMPT_EXEC (1u << 29)	 /* the call asks for PROT_EXEC */
/* ATTEMPT_GROWS and ATTEMPT_EXEC as MSEALD_EVENT_*. */
#define ATTEMPT_FLAGS(attempt) ((attempt) >> 27 & (MSEALD_EVENT_GROWS | MSEALD_EVENT_EXEC))
_Static_assert(ATTEMPT_FLAGS(ATTEMPT_GROWS) == MSEALD_EVENT_GROWS &&
		       ATTEMPT_FLAGS(ATTEMPT_EXEC) == MSEALD_EVENT_EXEC,
	       "flags of an attempt are those of its event");
#define ATTEMPT_OP(attempt) ((attempt)&0xff)
#define ATTEMPT_DENY(attempt) ((attempt) >> 8 & 0xff)
#define ATTEMPT_REACTION(attempt) ((attempt) >> 16 & 0xff)

/*
 * Judges a call on the address space with this key and seal set, against all seals that it meets together:
 * carries out the strongest action, and reports it. Nonzero: the call must fail. If the caller is in another
 * address space, a kill becomes a denial: the sealed process has done nothing wrong.
 */
int verdict_in(u64 key, u64 start, u64 end, u32 set, u32 attempt);

/* Both ranges that mremap would touch, in whole pages. */
struct touched {
	u64 start, end;
	u64 target_start, target_end; /* of MREMAP_FIXED; both 0: no target */
};

/* The same for both ranges together. */
int verdict_on_both(u64 key, u32 set, u32 attempt, const struct touched *touched);

/* seals_meet() as a called function, which the verifier checks once in each program. */
bool verdict_seals_meet_called(u32 set, u64 start, u64 end, u32 deny_mask);

/*
 * For an object that the kernel has sealed as the program started, adds its name to the event; also the
 * segment, if the seal has several (bpf/exec_objects.bpf.c). place: pgoff of the seal.
 */
int exec_name_object(u64 key, u32 place, struct mseald_event *event);

/* The same for an attempt on a file that no process may write. */
int verdict_on_file(const struct mseald_file_seals *seals, u32 attempt);

/* As long as a fork is pending, a slot may be of an earlier address space whose key is used again. */
static __always_inline u64 slot_tag(const struct mseald_slot *slot)
{
#ifdef MSEALD_KEYS_RETURN
	if (unlikely(*(volatile u64 *)&state.pending_forks))
		return 0;
#endif
	return *(volatile u64 *)&slot->tag;
}

/*
 * Does the range lie wholly in the gap of the address space's seals? The gap ends at page borders, so neither
 * end need be rounded. The kernel refuses a range that wraps.
 */
static __always_inline bool in_gap(u64 key, u64 start, u64 length)
{
	struct mseald_slot *slot = space_slot(key);
	u64 tag = slot_tag(slot), gap_start, gap_end;

	slot = (void *)slot + after(tag);
	gap_start = *(volatile u64 *)&slot->gap_start;
	gap_end = *(volatile u64 *)&slot->gap_end;
	slot = (void *)slot + after(gap_start | gap_end);
	return MSEALD_TAG_KEY(tag) == key && start >= gap_start && start + length <= gap_end &&
	       *(volatile u64 *)&slot->tag == tag;
}

/* The verdict on whole pages, by the set of the entry. */
int verdict_beyond_slot(u64 key, u64 start, u64 end, u32 attempt);

/*
 * The verdict on a call's start and length, in whole pages, in this address space. It is not surely unsealed
 * and need not be the caller's. A length beyond all user memory still covers the mapped part: mprotect and
 * madvise change the mappings that they meet before they return ENOMEM. Only if the rounded sum wraps does
 * the kernel refuse the call before any change.
 */
static __always_inline int verdict_beyond_gap_by(u64 key, u64 start, u64 length, u32 attempt,
						 bool (*meet)(u32 set, u64 start, u64 end, u32 deny_mask))
{
	u64 end = (start + length + MSEALD_PAGE - 1) & ~(MSEALD_PAGE - 1), tag;
	u32 set;

	if (!length || end <= start || start >= MSEALD_ADDRESS_LIMIT)
		return 0;
	if (end > MSEALD_ADDRESS_LIMIT)
		end = MSEALD_ADDRESS_LIMIT;
	start &= ~(MSEALD_PAGE - 1);
	tag = slot_tag(space_slot(key));
	set = MSEALD_TAG_SET(tag);
	if (unlikely(MSEALD_TAG_KEY(tag) != key || is_pooled(set)))
		return verdict_beyond_slot(key, start, end, attempt);
	if (likely(!meet(set, start, end, ATTEMPT_DENY(attempt))))
		return 0;
	return verdict_in(key, start, end, set, attempt);
}

/* The same out of line: the verifier checks it once for all calls of a program. */
int verdict_beyond_gap(u64 key, u64 start, u64 length, u32 attempt);

/* The fast path, a range in the gap, is inline. */
static __always_inline int verdict_on(u64 key, u64 start, u64 length, u32 attempt)
{
	return likely(in_gap(key, start, length)) ? 0 : verdict_beyond_gap(key, start, length, attempt);
}

/* All of it inline saves 40 instructions, for calls that programs make between their seals all the time. */
static __always_inline int verdict_on_inline(u64 key, u64 start, u64 length, u32 attempt)
{
	return likely(in_gap(key, start, length)) ?
		       0 :
		       verdict_beyond_gap_by(key, start, length, attempt, seals_meet);
}
