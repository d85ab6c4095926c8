/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A fork of a sealed process, from lsm/task_alloc to the end of the child: marks in `pending_forks`, entries
 * in `spaces`, the counts of slots and of `state`.
 *
 * Proved:
 * - A child is sealed from its first step on, in each look-up by itself or by a process that shares its
 *   memory, whether or not tp_btf/task_newtask runs.
 * - What a child has from its parent stays in each set that it gets from the daemon or from the kernel.
 * - When all have ended, each reference, charge, count, mark and entry has been given back, once.
 *
 * Left out:
 * - Which set a fork in flight gives the child: if the daemon changes the parent's set meanwhile, it may be
 *   the older one, without the seals of a dlopen(3). Case 3 has this, and requires only the older seals.
 * - Between exec_mmap() and lsm/bprm_committing_creds of a child with a mark, the iterator may finish
 *   its fork. Then the new program has the parent's seals, too many and not too few.
 * - A kill that is pending; the quota; maps that are full; hand-over, when each program runs twice; a
 *   task_struct that is used again while a program has its address (the kernel frees them by RCU).
 * - forget_stale() reads tasks one after the other. A process that shares memory, gets a lower pid than all
 *   that were read, and is left alone by those that were not, is not in the list. Here the list is whole:
 *   MSEALD_SPACE_CLONE keeps the entry of a process that has begun to share memory meanwhile.
 *
 * Each __sync_ operation and each operation of a hash map is one step, as it is in the code; a loop around
 * a compare-and-swap is the step that succeeds. All else goes step by step, each memory access a step of its
 * own where others can see it. The order of memory is that of the program: __sync_ operations and the locks
 * of the maps are full barriers; two plain loads or stores keep their order on x86, and on arm64 loads where
 * the code says so (bpf/arch.h, after).
 *
 * What stands for what:
 *   set_get               set_get()                bpf/space.h
 *   set_put               set_put()                bpf/space.h
 *   space_insert          space_insert()           bpf/space.h
 *   space_remove          space_remove()           bpf/space.bpf.c
 *   fork_read             fork_mark()              bpf/space.bpf.c
 *   fork_take             fork_take()              bpf/space.bpf.c
 *   fork_forget           fork_forget()            bpf/space.bpf.c
 *   space_fork_abandon    space_fork_abandon()     bpf/space.bpf.c
 *   space_fork_finish     space_fork_finish()      bpf/space.bpf.c
 *   space_set_seen        space_set_seen()         bpf/space.bpf.c
 *   judged                space_unsealed()         bpf/space.h
 *   judged                space_current_set_of()   bpf/space.bpf.c
 *   exit_mmap             mseald_exit_mmap()       bpf/lifecycle.bpf.c
 *   give_set              give_set()               bpf/set_pool.bpf.c
 *   give_set              mseald_commit()          bpf/commit.bpf.c
 *   give_set              replace()                bpf/commit.bpf.c
 *   give_set              enter()                  bpf/commit.bpf.c
 *   set_pool_seal_pieces  set_pool_seal_pieces()   bpf/set_pool.bpf.c
 *   set_pool_seal_pieces  space_fork_is_pending()  bpf/space.bpf.c
 *   mark_child            mark_child()             bpf/lifecycle.bpf.c
 *   one_fork              mseald_task_alloc()      bpf/lifecycle.bpf.c
 *   one_fork              mseald_task_newtask()    bpf/lifecycle.bpf.c
 *   child                 mseald_task_alloc()      bpf/lifecycle.bpf.c
 *   child                 current_set_finished()   bpf/space.h
 *   child                 mseald_exec()            bpf/lifecycle.bpf.c
 *   child                 mseald_task_free()       bpf/lifecycle.bpf.c
 *   daemon                mseald_tasks()           bpf/iter_task.bpf.c
 *   daemon                forget_stale()           user/daemon/seal/gc.c
 *   daemon                attempt_seal()           user/daemon/seal/attempt.c
 *   entry_set             space_map_read_space()   user/daemon/seal/space_map.c
 *   leave parent sharer judge: the kernel, the processes, and the end
 *
 * Cases:
 *   case 1  the child shares its memory and ends, while the daemon looks at it and seals it
 *   case 2  two children, whose marks have the same element, one after the other; the first execs
 *   case 3  the child loads an object, and the parent gets another set
 * Faults, each found in its case:
 *   fault 1 of case 2   a mark is read without a second look: it may be another's
 *   fault 2 of case 1   the iterator finishes the fork of a task that has ended, for key 0
 *   fault 3 of case 1   lsm/task_alloc takes no reference
 *   fault 4 of case 2   the slot counts the entry after the mark is gone
 *   fault 5 of case 1   a child shares its memory while another program is finishing its fork
 *   fault 6 of case 1   the daemon seals a child while another program is finishing its fork
 *   fault 7 of case 1   the mark goes before it is known that the child is still in its memory
 *   fault 8 of case 3   a look-up reads the entry, and then whether forks are pending
 *   fault 9 of case 3   the kernel seals an object of a child while another program is finishing its fork
 *   fault 10 of case 1  the iterator shows no key though there is an entry: the daemon forgets it
 */
#ifndef CASE
#define CASE 1
#endif
#ifndef FAULT
#define FAULT 0
#endif

#define NONE 255
#define GONE 128

/* Address spaces by key. 0: a task without memory. */
#define NO_MM 0
#define PARENT 1
#define CHILD 2		/* of child 0; of child 1: 3 */
#define IMAGE 4		/* what child 0 execs */
#define KEYS 5

/* Seal sets: each bit is a seal. */
#define INHERITED 1
#define ADDED 2
#define SETS 4

#if CASE == 2
#define CHILDREN 2
#else
#define CHILDREN 1
#endif

byte refs[SETS];
byte pending, sealed, entries;
byte count[KEYS];			/* of the slot of each key */
bool has[KEYS];				/* in the map `spaces` */
byte word[KEYS];
byte users[KEYS];			/* tasks in an address space */

/* Names of tasks are 0 and 1: the children. */
byte mark_of[2] = NONE;			/* the map `pending_forks` */
bool used[2], taken[2];
byte number[2], mark_set[2];		/* its elements */
bool listed[2], born[2], over[2], execed;
byte mm[2];
bool failed;				/* the fork */
bool parent_done, daemon_done, sharer_done = 1;

inline set_get(s, ok)
{
	d_step {
		ok = refs[s] > 0;
		refs[s] = refs[s] + (ok -> 1 : 0)
	}
}

inline set_put(s)
{
	d_step {
		assert(refs[s] > 0);
		refs[s]--
	}
}

inline space_insert(k, s)
{
#if FAULT != 4
	count[k]++;
#endif
	d_step {
		err = has[k];
		if
		:: !err -> has[k] = 1; word[k] = s
		:: else
		fi
	};
	if
#if FAULT == 4
	:: err
#else
	:: err -> count[k]--
#endif
	:: else -> sealed++
	fi
}

/* Clobbers old. */
inline space_remove(k)
{
	if
	:: has[k] ->
		d_step {
			old = GONE;
			if
			:: has[k] && word[k] != GONE -> old = word[k]; word[k] = GONE
			:: else
			fi
		};
		if
		:: old != GONE ->
			has[k] = 0;
			count[k]--;
			entries--;
			if
			:: old != 0 ->
				set_put(old);
				sealed--
			:: else
			fi
		:: else
		fi
	:: else
	fi
}

/* n is 0 when there is none. Clobbers again. */
inline fork_read(name)
{
	n = 0;
	e = mark_of[name];
	if
	:: e != NONE ->
		d_step {
			n = number[e];
			t = taken[e]
		};
		s = mark_set[e];
#if FAULT != 1
		again = mark_of[name];
		if
		:: again == NONE -> n = 0
		:: else ->
			if
			:: number[again] != n -> n = 0
			:: else
			fi
		fi
#endif
	:: else
	fi
}

inline fork_take()
{
	d_step {
		got = n != 0 && !t && number[e] == n && !taken[e];
		if
		:: got -> taken[e] = 1
		:: else
		fi
	}
}

inline fork_forget(name)
{
	d_step {
		if
		:: mark_of[name] != NONE -> used[mark_of[name]] = 0; mark_of[name] = NONE
		:: else
		fi
	};
	d_step {
		assert(pending > 0);
		pending--
	}
}

inline space_fork_abandon(name)
{
	fork_read(name);
	fork_take();
	if
	:: got ->
		fork_forget(name);
		entries--;
		set_put(s)
	:: else
	fi
}

inline space_fork_finish(name, k)
{
#if FAULT != 2
	if
	:: k == NO_MM -> n = 0
	:: else ->
#endif
		fork_read(name);
#if FAULT != 2
	fi;
#endif
	fork_take();
	if
	:: got ->
		space_insert(k, s);
		if
		:: err ->
			d_step {
				if
				:: number[e] == n && taken[e] -> taken[e] = 0
				:: else
				fi
			};
			if
			:: k != mm[name] -> space_fork_abandon(name)
			:: else
			fi
		:: else ->
#if FAULT == 7
			fork_forget(name);
#endif
			if
			:: k != mm[name] -> space_remove(k)
			:: else
			fi
#if FAULT != 7
			;
			fork_forget(name)
#endif
#if FAULT == 4
			;
			count[k]++
#endif
		fi
	:: else
	fi
}

/* s: the set of an address space. */
inline space_set_seen(k, name)
{
#if FAULT == 8
	h = has[k];
	p = pending;
#else
	p = pending;
	h = has[k];
#endif
	s = 0;
	if
	:: !h && p && name != NONE ->
		fork_read(name);
		if
		:: n == 0 -> s = 0; h = has[k]
		:: else
		fi
	:: !h && p && name == NONE -> h = has[k]
	:: else
	fi;
	if
	:: h -> s = word[k] & 127
	:: else
	fi
}

/* A hook judges a call in an address space that must be sealed. */
inline judged(k, name)
{
	p = pending;
	if
	:: p == 0 ->
		assert(count[k] > 0)
	:: else
	fi;
	space_set_seen(k, name);
	assert(s & INHERITED)
}

inline exit_mmap(k)
{
	if
	:: count[k] -> space_remove(k)
	:: else
	fi
}

/* A task leaves its memory: mm of its task_struct changes first. */
inline leave(k)
{
	d_step {
		users[k]--;
		last = users[k] == 0
	};
	if
	:: last -> exit_mmap(k)
	:: else
	fi
}

/* Gives the address space more seals, where it has those in have still. Clobbers old, err. */
inline give_set(k, have)
{
	refs[have | ADDED]++;
	err = 0;
	if
	:: has[k] ->
		d_step {
			old = GONE;
			if
			:: has[k] && word[k] == have -> old = have; word[k] = have | ADDED
			:: else
			fi
		};
		if
		:: old == GONE -> err = 1
		:: old == 0 -> sealed++
		:: else -> sealed++; set_put(old); sealed--
		fi
	:: else ->
		entries++;
		space_insert(k, have | ADDED);
		if
		:: err -> entries--
		:: else
		fi
	fi;
	if
	:: err -> set_put(have | ADDED)
	:: else
	fi
}

inline entry_set(k, have)
{
	have = 0;
	if
	:: has[k] -> have = word[k] & 127
	:: else
	fi
}

inline set_pool_seal_pieces(k, name)
{
#if FAULT == 9
	if
	:: skip ->
#else
	if
	:: mark_of[name] != NONE
	:: else ->
#endif
		entry_set(k, s);
		give_set(k, s)
	fi
}

/* fork(): the parent's side. */
inline mark_child(name)
{
	s = word[PARENT];
	entries++;
#if FAULT == 3
	got = 1;
#else
	set_get(s, got);
#endif
	if
	:: !got ->
		s = word[PARENT];
		set_get(s, got)
	:: else
	fi;
	if
	:: !got -> entries--; failed = 1
	:: else ->
		pending++;
		d_step {
			if
			:: !used[0] -> e = 0
			:: else -> e = 1
			fi;
			assert(!used[e]);
			used[e] = 1;
			number[e] = name + 1;
			taken[e] = 0
		};
		mark_set[e] = s;
		mark_of[name] = e
	fi
}

inline one_fork(name)
{
	mark_child(name);
	if
	:: failed -> over[name] = 1
	:: else ->
		if
		/* copy_process() fails after all: the task is never listed. */
		:: name == 0 ->
			space_fork_abandon(name);
			over[name] = 1
		:: skip ->
			d_step {
				mm[name] = CHILD + name;
				users[CHILD + name] = 1;
				listed[name] = 1
			};
			if
			/* tp_btf/task_newtask, unless it is skipped */
			:: pending ->
				space_fork_finish(name, CHILD + name)
			:: skip
			fi;
			born[name] = 1
		fi
	fi
}

proctype parent()
{
	byte e, n, s, again, old;
	bool t, got, err, last;

	one_fork(0);
#if CASE == 2
	one_fork(1);
#endif
	parent_done = 1
}

/* Another process that shares the memory of the child. */
proctype sharer()
{
	byte e, n, s, again, old, p;
	bool t, got, err, h, last;

	judged(CHILD, NONE);
	leave(CHILD);
	sharer_done = 1
}

proctype child(byte self)
{
	byte e, n, s, again, old, p;
	bool t, got, err, h, last;

	(born[self] || over[self]);
	if
	:: over[self]
	:: else ->
		judged(CHILD + self, self);
#if CASE == 3
		/* The loader in the child has an object sealed. */
		set_pool_seal_pieces(CHILD, self);
		judged(CHILD, self);
#endif
#if CASE == 1
		if
		/* clone(CLONE_VM) */
		:: skip ->
			if
			:: pending -> space_fork_finish(self, CHILD)
			:: else
			fi;
			judged(CHILD, self);
#if FAULT != 5
			if
			:: mark_of[self] != NONE	/* EAGAIN */
			:: else ->
#endif
				d_step {
					users[CHILD]++;
					sharer_done = 0
				};
				run sharer();
#if FAULT != 5
			fi
#endif
		:: skip
		fi;
#endif
		if
#if CASE == 2
		/* exec: exec_mmap() first, then lsm/bprm_committing_creds */
		:: self == 0 ->
			d_step {
				mm[self] = IMAGE;
				users[IMAGE]++
			};
			leave(CHILD + self);
			if
			:: pending -> space_fork_abandon(self)
			:: else
			fi;
			execed = 1;
			d_step {
				mm[self] = NO_MM
			};
			leave(IMAGE)
		:: self == 1 ->
#else
		:: skip ->
#endif
			mm[self] = NO_MM;
			leave(CHILD + self)
		fi;
		/* lsm/task_free: when nobody looks at the task any more. */
		listed[self] = 0;
		daemon_done;
		if
		:: pending -> space_fork_abandon(self)
		:: else
		fi;
		over[self] = 1
	fi
}

/* The daemon: looks at all tasks, seals what they run in, and forgets what is gone. */
proctype daemon()
{
	byte e, n, s, again, old, key, have;
	bool t, got, err, last, known;

	known = has[CHILD];
	/* iter/task */
	if
	:: listed[0] ->
		key = mm[0];
		if
		:: pending ->
			space_fork_finish(0, key)
		:: else
		fi;
#if FAULT != 6
		if
		:: mark_of[0] != NONE ->
#if FAULT == 10
			key = NO_MM
#else
			if
			:: !has[key] -> key = NO_MM
			:: else
			fi
#endif
		:: else
		fi;
#endif
#if CASE == 1
		/* attempt_seal(), mseald_commit() */
		if
		:: known && key != CHILD && sharer_done -> space_remove(CHILD)
		:: key == CHILD && mm[0] == CHILD ->
			entry_set(key, have);
			give_set(key, have)
		:: else
		fi
#endif
	:: else
	fi;
#if CASE == 3
	/* The parent gets one more seal. */
	entry_set(PARENT, have);
	give_set(PARENT, have);
#endif
	daemon_done = 1
}

/* Everything is over, and the daemon has looked for stale entries: nothing is held any more. */
proctype judge()
{
	byte old, i;

	parent_done && daemon_done && sharer_done && over[0];
#if CASE == 2
	over[1];
#endif
	/* forget_stale() */
	for (i : 2 .. 3) {
		space_remove(i)
	};
	assert(pending == 0);
	assert(mark_of[0] == NONE && mark_of[1] == NONE);
	assert(entries == 1 && sealed == 1);
#if CASE == 3
	assert(refs[1] == 0 && refs[2] == 0 && refs[3] == 1);
#else
	assert(refs[1] == 1 && refs[2] == 0 && refs[3] == 0);
#endif
	for (i : 2 .. 4) {
		assert(!has[i] && count[i] == 0)
	};
	assert(!has[0] && count[0] == 0)
}

init {
	d_step {
		has[PARENT] = 1;
		word[PARENT] = INHERITED;
		count[PARENT] = 1;
		refs[INHERITED] = 1;
		entries = 1;
		sealed = 1
	};
	atomic {
		run parent();
		run child(0);
#if CASE == 2
		run child(1);
#endif
		run daemon();
		run judge()
	}
}
