/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Seal sets: references, the pool, and the entries that say which set an address space has.
 *
 * Proved:
 * - Nothing sealed becomes unsealed: a set that is swapped in has all seals that the address space had, but
 *   for those that the daemon itself takes back.
 * - A program that reads a set reads the set of its address space, with all seals that were there as the call
 *   began. No set is filled anew while a program reads it.
 * - When all have ended, each reference has been given back once, and each set of the pool is free.
 * - A daemon that dies at any step loses at most the two sets of the pool that it has in hand (attempt_seal()
 *   has one, hold_set() one). Such a set stays unused until the next boot; all else goes on.
 *
 * Left out: the slot (slot.pml), forks (fork.pml), the tree in a set, space_set_of() beyond its first
 * try, sets that are removed rather than written anew, commits that enter an address space (fork.pml).
 *
 * Taken for granted: lsm/file_mprotect runs under mmap_lock (mm/mprotect.c, do_mprotect_pkey), so an address
 * space has one loader at a time. There is one daemon, in one thread.
 *
 * Each __sync_ operation and each operation of a hash map is one step, as it is in the code; a loop around
 * a compare-and-swap is the step that succeeds. All else goes step by step, each memory access a step of its
 * own where others can see it. The order of memory is that of the program: __sync_ operations and the locks
 * of the maps are full barriers; two plain loads or stores keep their order on x86, and on arm64 loads where
 * the code says so (bpf/arch.h, after).
 *
 * What stands for what:
 *   set_get               set_get()               bpf/space.h
 *   set_put               set_put()               bpf/space.h
 *   set_put               pool_give()             bpf/space.h
 *   pool_take             set_pool_take_one()     bpf/set_pool.bpf.c
 *   pool_take             pool_take()             bpf/set_pool.bpf.c
 *   space_swap            space_swap()            bpf/space.h
 *   space_remove          space_remove()          bpf/space.bpf.c
 *   set_pool_seal_pieces  set_pool_seal_pieces()  bpf/set_pool.bpf.c
 *   set_pool_seal_pieces  set_pool_fill()         bpf/set_pool.bpf.c
 *   set_pool_seal_pieces  give_set()              bpf/set_pool.bpf.c
 *   loader                exec_watch_relro()      bpf/exec_seal.bpf.c
 *   space_set_seen        space_set_seen()        bpf/space.bpf.c
 *   reader                space_set_of()          bpf/space.bpf.c
 *   reader                set_let_go()            bpf/space.h
 *   set_map_hold          set_map_hold()          user/daemon/seal/set_map.c
 *   set_map_let_go        set_map_let_go()        user/daemon/seal/set_map.c
 *   set_map_wait          set_map_wait()          user/daemon/seal/set_map.c
 *   collect_one           is_garbage()            user/daemon/seal/set_map.c
 *   collect_one           set_map_release()       user/daemon/seal/set_map.c
 *   set_map_collect       set_map_collect()       user/daemon/seal/set_map.c
 *   set_map_write         set_map_write()         user/daemon/seal/set_map.c
 *   commit                mseald_commit()         bpf/commit.bpf.c
 *   commit                replace()               bpf/commit.bpf.c
 *   daemon                space_map_hold()        user/daemon/seal/space_map.c
 *   daemon                hold_set()              user/daemon/seal/space_map.c
 *   daemon                attempt_seal()          user/daemon/seal/attempt.c
 *   daemon                seal_revoke()           user/daemon/seal/seal.c
 *   daemon                native_last()           user/daemon/seal/attempt.c
 *   daemon                undo()                  user/daemon/seal/attempt.c
 *   set_pool_recover      set_pool_recover()      user/daemon/seal/set_pool.c
 *   set_pool_recover      list_lost()             user/daemon/seal/set_pool.c
 *   forker                mark_child()            bpf/lifecycle.bpf.c
 *   exit_mmap             mseald_exit_mmap()      bpf/lifecycle.bpf.c
 *   exit_mmap             mseald_forget()         bpf/commit.bpf.c
 *   enterer               space_insert()          bpf/space.h
 *   judge: the end
 *
 * Cases:
 *   case 1  a hook reads the seals of a program that starts, beside another that starts
 *   case 2  the daemon seals it at the same time, takes that back, or dies
 *   case 3  sets that the daemon has made, a fork, and no free set until the unused sets are collected
 *   case 4  a new daemon looks for sets of the pool that are lost
 *   case 5  an address space ends, twice, as the daemon seals it, and another gets its element of `spaces`
 * Faults, each found in its case:
 *   fault 1 of case 4  a program takes a set of the pool by its bit alone, without its count
 *   fault 2 of case 5  a swap does not look at the key
 *   fault 3 of case 1  a set of the pool is read without a second look at the entry
 *   fault 4 of case 3  the daemon collects a set that it may go back to
 *   fault 5 of case 3  a set is written anew without a grace period
 *   fault 6 of case 2  the daemon reads a set of the pool, and does not hold it until its commit
 *   fault 7 of case 1  the reference to the old set is given back before the swap
 *   fault 8 of case 2  the daemon's commit does not look at the set that the entry has by now
 */
#ifndef CASE
#define CASE 1
#endif
#ifndef FAULT
#define FAULT 0
#endif

#define NONE 255
#define GONE 128

/* Seal sets. 0: none; 1 to 3 are of the pool, 4 to 6 are made by the daemon. */
#define POOL 3
#define FIRST 4
#define SETS 7
#define is_pooled(s) (s >= 1 && s <= POOL)

/* Seals: a loader's objects are bits 1, 2 and 4; what the daemon adds is bit 8, and can be undone. */
#define DAEMONS 8
#define LASTING 7

byte refs[SETS];
bool free[SETS];			/* state.pool_free */
byte owner[SETS], seals[SETS];		/* what is in a set: whose seals, and which */
bool ready[SETS];			/* the daemon may write it; else it is used, or was */
byte kept[SETS];			/* the daemon itself may come back to it */

/* Elements of the map `spaces`. A word has key and set, and changes in one step. */
byte at[3];				/* key -> element, or NONE */
bool used[2];
byte word_key[2], word_set[2];
byte true_seals[3];			/* what must be sealed, by key */
byte odd[3];				/* beginnings and ends of programs */
byte loaders, others;			/* that run */
bool dead;				/* the daemon died with a set in hand */

#define begin(p) odd[p] = (odd[p] + 1) % 4
#define end(p) odd[p] = (odd[p] + 1) % 4

inline set_get(s, ok)
{
	d_step {
		ok = refs[s] > 0;
		refs[s] = refs[s] + (ok -> 1 : 0)
	}
}

/* Clobbers zero. */
inline set_put(s)
{
	d_step {
		assert(refs[s] > 0);
		refs[s]--;
		zero = refs[s] == 0
	};
	if
	:: zero && is_pooled(s) -> free[s] = 1
	:: else
	fi
}

/* s is 0 when there is none. Clobbers got. */
inline pool_take(s)
{
	if
	:: free[1] -> s = 1
	:: free[2] -> s = 2
	:: free[3] -> s = 3
	:: !free[1] && !free[2] && !free[3] -> s = 0
	fi;
	if
	:: s != 0 ->
		d_step {
			got = free[s];
			free[s] = 0
		};
		if
		:: got ->
#if FAULT == 1
			d_step {
				refs[s]++;
				assert(refs[s] == 1)
			}
#else
			d_step {
				got = refs[s] == 0;
				refs[s] = refs[s] + (got -> 1 : 0)
			}
#endif
		:: else
		fi;
		if
		:: !got -> s = 0
		:: else
		fi
	:: else
	fi
}

/* element: where a look-up found the entry. old is GONE when nothing was swapped. */
inline space_swap(element, key, new, expected)
{
	d_step {
		old = GONE;
		if
#if FAULT == 2
		:: word_set[element] != GONE && (expected == NONE || word_set[element] == expected) ->
#else
		:: word_key[element] == key && word_set[element] != GONE &&
		   (expected == NONE || word_set[element] == expected) ->
#endif
			old = word_set[element];
			word_set[element] = new;
			if
			:: new != GONE && new != 0 ->
				/* Nothing sealed becomes unsealed, whoever makes the new set. */
				assert(owner[new] == key || owner[new] == 0);
				assert((true_seals[key] & ~seals[new]) == 0);
				true_seals[key] = true_seals[key] | (seals[new] & LASTING)
			:: else
			fi
		:: else
		fi
	}
}

inline space_remove(key)
{
	element = at[key];
	if
	:: element != NONE ->
		space_swap(element, key, GONE, NONE);
		if
		:: old != GONE ->
			d_step {
				if
				:: at[key] != NONE -> used[at[key]] = 0; at[key] = NONE
				:: else
				fi
			};
			if
			:: old != 0 -> set_put(old)
			:: else
			fi
		:: else
		fi
	:: else
	fi
}

/* The loader of an address space has one more object sealed: its mmap_lock lets only one thread do so. */
inline set_pool_seal_pieces(key, seal)
{
	element = at[key];
	have = word_set[element];
	if
	:: have == 0 || is_pooled(have) ->
		pool_take(set);
		if
		:: set != 0 ->
			/* set_pool_fill() */
			owner[set] = key;
			seals[set] = (have -> seals[have] : 0);
			seals[set] = seals[set] | seal;
			/* give_set() */
#if FAULT == 7
			if
			:: have -> set_put(have)
			:: else
			fi;
			space_swap(element, key, set, have);
			if
			:: old != GONE && old != 0
#else
			space_swap(element, key, set, have);
			if
			:: old != GONE && old != 0 -> set_put(old)
#endif
			:: old == GONE -> set_put(set)
			:: else
			fi
		:: else
		fi
	:: else
	fi
}

proctype loader(byte key; byte objects)
{
	byte element, set, have, old, i;
	bool got, zero;

	i = 1;
	do
	:: i < (1 << objects) ->
		begin(key);
		set_pool_seal_pieces(key, i);
		end(key);
		i = i << 1
	:: else -> break
	od;
	loaders--
}

inline space_set_seen(key, s)
{
	s = 0;
	element = at[key];
	if
	:: element != NONE -> s = word_set[element] & 127
	:: else
	fi
}

/* A hook reads the seals of address space 0: space_set_of(), set_let_go(). */
proctype reader()
{
	byte element, set, again, due;
	bool got, zero, sure;

	begin(2);
	due = true_seals[0];
	space_set_seen(0, set);
	if
	:: is_pooled(set) ->
		set_get(set, got);
		if
		:: got ->
#if FAULT == 3
			sure = 1;
#else
			space_set_seen(0, again);
			sure = again == set;
#endif
			if
			:: !sure -> set_put(set)
			:: else
			fi
		:: else
		fi
	:: else -> sure = 1
	fi;
	if
	:: sure && set != 0 ->
		assert(owner[set] == 0);
		assert((due & ~seals[set]) == 0);
		if
		:: is_pooled(set) -> set_put(set)
		:: else
		fi
	:: sure && set == 0 -> assert(due == 0)
	/* It tries again, and refuses the call in the end. */
	:: else
	fi;
	end(2);
	others--
}

/* --- the daemon --- */

#define may_die(held) if :: skip :: dead = held; goto over fi

inline set_map_hold(s, ok)
{
	if
	:: is_pooled(s) -> set_get(s, ok)
	:: else ->
		ok = 1;
#if FAULT != 4
		kept[s]++
#endif
	fi
}

inline set_map_let_go(s)
{
	if
	:: is_pooled(s) -> set_put(s)
	:: else ->
#if FAULT != 4
		kept[s]--
#else
		skip
#endif
	fi
}

/* Returns when each program that ran has ended. */
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

inline collect_one(s)
{
	if
	:: !ready[s] && refs[s] == 0 && !kept[s] ->
#if FAULT != 5
		set_map_wait();
#endif
		if
		:: refs[s] == 0 -> ready[s] = 1
		:: else
		fi
	:: else
	fi
}

inline set_map_collect()
{
	collect_one(4);
	collect_one(5);
	collect_one(6)
}

/* Writes a set for this address space into one that is ready. */
inline set_map_write(key, what, s)
{
	atomic {
		if
		:: ready[4] -> s = 4
#if CASE == 3
		:: ready[5] -> s = 5
		:: ready[6] -> s = 6
#else
		:: !ready[4] -> s = 6
#endif
		fi
	};
	owner[s] = key;
	seals[s] = what;
	ready[s] = 0
}

/* mseald_commit(): err when nothing has changed. It is a program: it ends even if the daemon dies. */
inline commit(key, new, expected)
{
	refs[new]++;
	element = at[key];
	if
	:: element == NONE -> err = 1
	:: else ->
		space_swap(element, key, new, expected);
		err = old == GONE
	fi;
	if
	:: err -> set_put(new)
	:: !err && old != 0 -> set_put(old)
	:: else
	fi
}

/* attempt_seal(): adds a seal, and may take it back (undo()). Or seal_revoke(), which takes nothing back. */
proctype daemon()
{
	byte element, old, set, again, held, have, new, newer;
	bool got, zero, err;
	byte ran[3];

	/* hold() */
	space_set_seen(0, held);
#if FAULT == 6
	got = 1;
#else
	set_map_hold(held, got);
#endif
	if
	:: !got -> goto over
	:: else
	fi;
	may_die(1);
	/* space_map_read_seals(), hold_set() */
	space_set_seen(0, set);
	if
	:: set != 0 ->
		set_map_hold(set, got);
		space_set_seen(0, again);
		if
		:: !got || again != set ->
			if
			:: got -> set_map_let_go(set)
			:: else
			fi;
			goto let_go
		:: else
		fi;
		may_die(1);
		have = seals[set];
		set_map_let_go(set)
	:: else -> have = 0
	fi;
	may_die(1);
	if
	:: set != held -> goto let_go
	:: else
	fi;
	set_map_write(0, have | DAEMONS, new);
	may_die(1);
#if FAULT == 8
	commit(0, new, NONE);
#else
	commit(0, new, held);
#endif
	may_die(1);
	if
	:: err -> ready[new] = 1; goto let_go
	:: else
	fi;
#if CASE == 3
	/* native_last(), when there is no free set until those that nobody has are collected */
	set_map_collect();
	set_map_write(0, have | DAEMONS, newer);
	commit(0, newer, NONE);
	may_die(1);
#endif
	if
	:: held != 0 ->
		/* undo() */
		commit(0, held, NONE);
		may_die(1)
	:: skip
	fi;
let_go:
#if FAULT != 6
	set_map_let_go(held);
#endif
#if CASE == 3
	/* Other requests follow. */
	set_map_collect();
	set_map_write(1, DAEMONS, new);
#endif
over:
	others--
}

/* A set that an earlier daemon had in hand when it died, between the two steps of set_map_let_go(). */
proctype set_pool_recover()
{
	byte i;
	bool lost[SETS];
	byte ran[3];

	for (i : 1 .. POOL) {
		lost[i] = refs[i] == 0 && !free[i]
	};
	set_map_wait();
	for (i : 1 .. POOL) {
		if
		:: lost[i] && refs[i] == 0 && !free[i] -> free[i] = 1
		:: else
		fi
	};
	others--
}

/*
 * A fork of address space 0: the child, 1, gets its set. mark_child() and space_fork_finish() are
 * fork.pml's.
 */
proctype forker()
{
	byte element, set;
	bool got, zero;

	begin(1);
	space_set_seen(0, set);
	set_get(set, got);
	if
	:: !got -> space_set_seen(0, set); set_get(set, got)
	:: else
	fi;
	end(1);
	if
	:: got ->
		begin(1);
		assert(owner[set] == 0 && (seals[set] & 1));
		end(1);
		set_put(set)
	:: else
	fi;
	others--
}

/* Address space 0 ends, while the daemon forgets it as well, and 2 may get its element. */
proctype exit_mmap()
{
	byte element, old;
	bool zero;

	space_remove(0);
	others--
}

proctype enterer()
{
	byte new;

	d_step {
		!used[0];
		used[0] = 1;
		refs[5] = 1;
		word_key[0] = 2;
		word_set[0] = 5;
		at[2] = 0
	};
	others--
}

proctype judge()
{
	byte i, old, element, lost;
	bool zero;

	loaders == 0 && others == 0;
#if CASE == 5
	/* The end of 0 has changed nothing of 2. */
	assert(at[2] == 0 && word_key[0] == 2 && word_set[0] == 5);
#endif
	for (i : 0 .. 2) {
		space_remove(i)
	};
	for (i : 1 .. 6) {
		if
		:: dead && is_pooled(i) && !free[i] -> lost++
		:: else ->
			assert(refs[i] == 0);
			assert(!is_pooled(i) || free[i])
		fi
	};
	/* A daemon that dies loses the sets that it has in hand: attempt_seal() one, hold_set() one. */
	assert(lost <= 2)
}

init {
	d_step {
		at[0] = 0;
		at[1] = 1;
		at[2] = NONE;
		used[0] = 1;
		used[1] = 1;
		word_key[1] = 1;
		ready[4] = 1;
		ready[5] = 1;
		ready[6] = 1;
		owner[4] = NONE;
		owner[5] = NONE;
		owner[6] = NONE;
		free[1] = 1;
		free[2] = 1;
		free[3] = 1
	};
	atomic {
#if CASE == 1	/* readers of what loaders change */
		loaders = 2;
		others = 1;
		run loader(0, 3);
		run loader(1, 1);
		run reader();
#elif CASE == 2	/* the daemon changes it as well */
		loaders = 2;
		others = 1;
		run loader(0, 3);
		run loader(1, 1);
		run daemon();
#elif CASE == 3	/* sets that the daemon has made: they are collected */
		refs[4] = 1;
		ready[4] = 0;
		owner[4] = 0;
		seals[4] = 1;
		word_set[0] = 4;
		true_seals[0] = 1;
		others = 3;
		run daemon();
		run reader();
		run forker();
#elif CASE == 4	/* a new daemon looks for sets that are lost */
		free[1] = 0;
		loaders = 2;
		others = 1;
		run loader(0, 2);
		run loader(1, 2);
		run set_pool_recover();
#else		/* the end of an address space */
		refs[4] = 1;
		ready[4] = 0;
		owner[4] = 0;
		owner[5] = 2;
		seals[4] = 1;
		ready[5] = 0;
		seals[5] = 1;
		word_set[0] = 4;
		others = 4;
		run exit_mmap();
		run exit_mmap();
		run enterer();
		run daemon();
#endif
		run judge()
	}
}
