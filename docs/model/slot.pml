/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The slot, which answers most calls: its tag, its gap, and the set that the tag says.
 *
 * Proved:
 * - An answer by the gap is that of one set, which the address space has had since the call began.
 * - No program goes by a set that has been collected.
 * - Once the first mapping of huge pages is there, no call is answered by the gap.
 * - In the end the slot is empty or says the set of its address space; it is never left claimed.
 *
 * Known, and shown by fault 8: a hook that is stopped twice between its four loads (in_gap), while
 * the slot goes from its key to another key and back to its key with the same set, takes half of
 * the other's gap. That needs a preemptible kernel, both address spaces in one attacker's hand, and
 * two interruptions that hit single instructions. A generation in the tag would cure it.
 *
 * Left out: more than 8 changes of the tag within one space_slot_drop(). Sets of the pool, whose id
 * may come back with another gap (sets.pml): there the gap only narrows (narrow_gap() in
 * bpf/set_pool.bpf.c), so a mixture lies within the gap as it was when the call began.
 *
 * Each __sync_ operation and each operation of a hash map is one step, as it is in the code; a loop
 * around a compare-and-swap is the step that succeeds. All else goes step by step, each memory
 * access a step of its own where others can see it. The order of memory is that of the program:
 * __sync_ operations and the locks of the maps are full barriers; two plain loads or stores keep
 * their order on x86, and on arm64 loads where the code says so (bpf/arch.h, after).
 *
 * What stands for what:
 *   space_slot_drop           space_slot_drop()            bpf/space.bpf.c
 *   slot_fill                 slot_fill()                  bpf/space.bpf.c
 *   space_current_set_kept    space_current_set_kept()     bpf/space.bpf.c
 *   space_current_set_kept_2  space_current_set_kept()     bpf/space.bpf.c
 *   space_current_set_kept_2  space_remove()               bpf/space.bpf.c
 *   in_gap                    in_gap()                     bpf/verdict.h
 *   in_gap                    verdict_beyond_gap_by()      bpf/verdict.h
 *   commit                    space_swap()                 bpf/space.h
 *   commit                    space_replaced()             bpf/space.h
 *   set_map_wait              set_map_wait()               user/daemon/seal/set_map.c
 *   daemon                    space_map_restore_space()    user/daemon/seal/space_map.c
 *   daemon                    set_map_collect()            user/daemon/seal/set_map.c
 *   space_mark_hugetlb        space_mark_hugetlb()         bpf/space.h
 *
 * Cases:
 *   case 1  the daemon gives the address space another set, and takes that back
 *   case 2  another address space fills the slot and ends
 *   case 3  the address space gets its first mapping of huge pages
 * Faults, each found in its case:
 *   fault 1 of case 1  a slot that is being filled is not spoiled
 *   fault 2 of case 1  a program fills it without a look at the entry after its claim
 *   fault 3 of case 1  the slot is emptied before the swap
 *   fault 4 of case 1  the tag is written before the gap
 *   fault 5 of case 1  the tag is not read again
 *   fault 6 of case 1  a set is given back to an address space without a grace period
 *   fault 7 of case 3  the slot is emptied before the flag is set
 *   fault 8 of case 2  another key fills the slot between the loads of a hook
 */
#ifndef CASE
#define CASE 1
#endif
#ifndef FAULT
#define FAULT 0
#endif

/* Two keys share the slot: 1, which is read, and 2. */
#define OTHER_SET 3
#define TAG(key, set) (key * 16 + set)
#define TAG_KEY(tag) (tag / 16)
#define TAG_SET(tag) (tag % 16)
#define BUSY 1
#define SPOILED 2
#define NO_START 100

#define A 1
#define B 2

byte tag, gap_start, gap_end;		/* the slot */
byte word = A;				/* the set of key 1 */
bool huge;				/* MSEALD_SPACE_HUGETLB of key 1 */
/* Of each set: where its gap begins and ends. The sets of key 1 have disjoint gaps. */
byte starts[4], ends[4];
bool gone[4];				/* collected */
/* What a call may be judged by: the sets since it began, and the one that a commit is replacing. */
byte live = 1 << A, allowed;
bool huge_due;				/* the call began when the mapping of huge pages was there */
bool reader_over;
byte odd[3];
byte running;

#define begin(p) odd[p] = (odd[p] + 1) % 4
#define end(p) odd[p] = (odd[p] + 1) % 4

inline space_slot_drop(key)
{
	i = 0;
	do
	:: i < 8 ->
		seen = tag;
		if
#if FAULT == 1
		:: TAG_KEY(seen) != key -> break
#else
		:: seen != BUSY && TAG_KEY(seen) != key -> break
#endif
		:: else ->
			d_step {
				done = tag == seen;
				if
				:: done -> tag = (seen == BUSY -> SPOILED : 0)
				:: else
				fi
			};
			if
			:: done -> break
			:: else -> i++
			fi
		fi
	:: else -> break
	od;
	i = 0;
	seen = 0
}

/* For key 1 or 2; the entry of 2 never changes. */
inline slot_fill(key, set)
{
	if
	:: tag == 0 ->
		d_step {
			done = tag == 0;
			if
			:: done -> tag = BUSY
			:: else
			fi
		};
		if
		:: done ->
			fresh = 0;
			if
#if FAULT == 2
			:: 1 ->
#else
			:: key == 2 || word == set ->
#endif
				large = (key == 1 -> huge : 0);
#if FAULT != 4
				gap_start = (large -> NO_START : starts[set]);
				gap_end = (large -> 0 : ends[set]);
#endif
				fresh = TAG(key, set)
			:: else
			fi;
			d_step {
				done = tag == BUSY;
				if
				:: done -> tag = fresh
				:: else
				fi
			};
#if FAULT == 4
			if
			:: fresh ->
				gap_start = (large -> NO_START : starts[set]);
				gap_end = (large -> 0 : ends[set])
			:: else
			fi;
#endif
			if
			:: !done ->
				d_step {
					if
					:: tag == SPOILED -> tag = 0
					:: else
					fi
				}
			:: else
			fi
		:: else
		fi
	:: else
	fi
}

/* A hook that has found the set of key 1 and keeps it in the slot. */
proctype space_current_set_kept()
{
	byte set, fresh;
	bool done, large;

	begin(1);
	set = word;
	slot_fill(1, set);
	end(1);
#if FAULT == 8
	begin(1);
	set = word;
	slot_fill(1, set);
	end(1);
#endif
	running--
}

proctype space_current_set_kept_2()
{
	byte set, fresh, seen, i;
	bool done, large;

	begin(2);
#if CASE == 2
	slot_fill(2, OTHER_SET);
	/* and the end of its address space */
	space_slot_drop(2);
#else
	set = word;
	slot_fill(1, set);
#endif
	end(2);
	running--
}

/* A hook judges a call by the slot. */
proctype in_gap()
{
	byte first, start, stop, second;

	begin(0);
	d_step {
		allowed = live;
		huge_due = huge_due == 1
	};
	bool due = huge_due;
	first = tag;
	if
	:: TAG_KEY(first) == 1 ->
		start = gap_start;
		stop = gap_end;
#if FAULT == 5
		second = first;
#else
		second = tag;
#endif
		if
		:: second == first && start < stop ->
			/* Of one set, which the address space has had since the call began. */
			assert((allowed & (1 << A) && start >= starts[A] && stop <= ends[A]) ||
			       (allowed & (1 << B) && start >= starts[B] && stop <= ends[B]));
			assert(!due)
		:: else
		fi;
		/* verdict_beyond_gap_by(): by the tag's set itself */
		first = tag;
		if
		:: TAG_KEY(first) == 1 ->
			assert(allowed & (1 << TAG_SET(first)));
			assert(!gone[TAG_SET(first)])
		:: else
		fi
	:: else
	fi;
	end(0);
	running--
}

inline set_map_wait()
{
	d_step {
		ran[0] = odd[0];
		ran[1] = odd[1];
		ran[2] = odd[2]
	};
	(ran[0] % 2 == 0 || odd[0] != ran[0]);
	(ran[1] % 2 == 0 || odd[1] != ran[1]);
	(ran[2] % 2 == 0 || odd[2] != ran[2])
}

/* mseald_commit() */
inline commit(new)
{
#if FAULT == 3
	space_slot_drop(1);
#endif
	d_step {
		word = new;
		live = live | (1 << new);
		allowed = allowed | (1 << new)
	};
#if FAULT != 3
	space_slot_drop(1);
#endif
	live = 1 << new
}

proctype daemon()
{
	byte seen, i, ran[3];
	bool done;

	commit(B);
	if
	/* space_map_restore_space() */
	:: CASE == 1 ->
#if FAULT != 6
		set_map_wait();
#endif
		commit(A);
		set_map_wait();
		gone[B] = 1
	:: else ->
		set_map_wait();
		gone[A] = 1
	fi;
	running--
}

/* A thread is about to map huge pages for the first time. */
proctype space_mark_hugetlb()
{
	byte seen, i;
	bool done;

#if FAULT == 7
	space_slot_drop(1);
#endif
	huge = 1;
#if FAULT != 7
	space_slot_drop(1);
#endif
	huge_due = 1;
	running--
}

init {
	d_step {
		starts[A] = 10;
		ends[A] = 20;
		starts[B] = 30;
		ends[B] = 40;
		starts[OTHER_SET] = 0;
		ends[OTHER_SET] = 90
	};
	atomic {
		/* The slot is empty, or filled. */
		if
		:: skip
		:: tag = TAG(1, A); gap_start = starts[A]; gap_end = ends[A]
		fi;
		running = 3;
		run space_current_set_kept();
		run space_current_set_kept_2();
#if CASE != 2 || FAULT == 8
		running++;
		run in_gap();
#endif
#if CASE == 3
		run space_mark_hugetlb()
#else
		run daemon()
#endif
	}
	running == 0;
	/* The slot is nobody's, or says what is right. */
	assert(tag != BUSY && tag != SPOILED);
	assert(TAG_KEY(tag) != 1 || TAG_SET(tag) == word);
	assert(TAG_KEY(tag) != 2)
}
