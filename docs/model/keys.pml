/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A key that is used again (MSEALD_KEYS_RETURN, arm64): an address space ends, whether or not
 * exit_mmap is seen, and the next one gets its key, its slot and the element of its entry.
 *
 * Proved:
 * - A child of a sealed process has its seals in each look-up, whatever an earlier address space
 *   has left.
 * - What the daemon means for the first address space never reaches the second, nor does its end.
 * - The second one, of an unsealed process, is judged by no entry once the hook of its fork has
 *   run, or of its exec, which is always run. An entry that is just being made for the first is the
 *   exception, until it is removed.
 *
 * Left out: the rest of a fork (fork.pml); a new entry that the daemon makes for an address space
 * that has just ended, and takes back; `watched`. Steps are as in fork.pml.
 *
 * What stands for what:
 *   space_insert          space_insert()           bpf/space.h
 *   swap_out              space_swap()             bpf/space.h
 *   remove_entry          remove_entry()           bpf/space.bpf.c
 *   space_remove          space_remove()           bpf/space.bpf.c
 *   space_remove          mseald_forget()          bpf/commit.bpf.c
 *   space_remove_older    space_remove_older()     bpf/space.bpf.c
 *   space_remove_older    forget_earlier()         bpf/lifecycle.bpf.c
 *   space_remove_older    mseald_exec_begin()      bpf/lifecycle.bpf.c
 *   fork_take             fork_take()              bpf/space.bpf.c
 *   fork_forget           fork_forget()            bpf/space.bpf.c
 *   space_fork_finish     space_fork_finish()      bpf/space.bpf.c
 *   space_set_seen        space_set_seen()         bpf/space.bpf.c
 *   replace               replace()                bpf/commit.bpf.c
 *   first                 mseald_exit_mmap()       bpf/lifecycle.bpf.c
 *   first                 mseald_task_free()       bpf/lifecycle.bpf.c
 *   parent                mseald_task_newtask()    bpf/lifecycle.bpf.c
 *   look_at_task          mseald_tasks()           bpf/iter_task.bpf.c
 *   forget_stale          forget_stale()           user/daemon/seal/gc.c
 *   second mark judged daemon: the processes
 *
 * Cases:
 *   case 1  the second address space is that of a child of a sealed process
 *   case 2  that of a child of an unsealed process
 *   case 3  that of a program which an unsealed process executes
 * Faults, each found in its case:
 *   fault 1 of case 1  who finishes the fork of a task that has ended removes the entry of any
 *   fault 2 of case 1  the daemon's programs look at an entry's birth, and then change any entry
 *   fault 3 of case 1  a look-up reads the entry though forks are pending
 *   fault 4 of case 1  a fork is finished by the entry of an earlier address space
 *   fault 5 of case 2  the hook of a fork removes nothing
 *   fault 6 of case 3  the hook of an exec removes nothing
 *   fault 7 of case 1  the daemon sees no key of a task with a mark, and so none of its entry
 */
#ifndef CASE
#define CASE 1
#endif
#ifndef FAULT
#define FAULT 0
#endif

/* Seals: what the first has, what the second has, what the daemon means for the first. */
#define OLD 1
#define BOTH 3
#define MEANT 4

/* The entry of the key; its element keeps the word when the entry is gone. */
bool has, gone;
byte owner, set, birth;

byte now = 1, pending;
bool marked[2], taken[2];		/* of the first tasks of both */
byte mark_set[2], start[2];
bool in_memory[2];			/* mm of the task_struct has the key */
bool born[2], listed, freed, hooked, daemon_done;

inline space_insert(s)
{
	d_step {
		mine = now;
		now++;
		err = has;
		if
		:: !err -> has = 1; gone = 0; owner = mine; birth = mine; set = s
		:: else
		fi
	}
}

inline swap_out(who)
{
	d_step {
		won = owner == who && !gone;
		if
		:: won -> gone = 1
		:: else
		fi
	}
}

inline remove_entry(who)
{
	swap_out(who);
	if
	:: won -> has = 0
	:: else
	fi
}

/* when: the birth that it must have, 0: any. */
inline space_remove(when)
{
	if
	:: has ->
		b = birth;
		if
		:: when && b != when
#if FAULT == 2
		:: else -> remove_entry(birth)
#else
		:: else -> remove_entry(b)
#endif
		fi
	:: else
	fi
}

inline space_remove_older(time)
{
	if
	:: has ->
		b = birth;
		if
		:: b < time -> remove_entry(b)
		:: else
		fi
	:: else
	fi
}

inline mark(name, s)
{
	pending++;
	d_step {
		mark_set[name] = s;
		taken[name] = 0;
		marked[name] = 1
	}
}

inline fork_take(name)
{
	d_step {
		got = marked[name] && !taken[name];
		if
		:: got -> taken[name] = 1
		:: else
		fi
	}
}

inline fork_forget(name)
{
	marked[name] = 0;
	pending--
}

inline space_fork_finish(name)
{
	fork_take(name);
	if
	:: got ->
#if FAULT == 4
		err = has;
		if
		:: err
		:: else -> space_insert(mark_set[name])
		fi;
		err = 0;
#else
		space_remove_older(start[name]);
		space_insert(mark_set[name]);
#endif
		if
		:: err ->
			taken[name] = 0;
			if
			:: !in_memory[name] ->
				fork_take(name);
				if
				:: got -> fork_forget(name)
				:: else
				fi
			:: else
			fi
		:: else ->
			if
			:: !in_memory[name] ->
#if FAULT == 1
				space_remove(0)
#else
				space_remove(mine)
#endif
			:: else
			fi;
			fork_forget(name)
		fi
	:: else
	fi
}

/* s: the set by which the task is judged. */
inline space_set_seen(name)
{
	p = pending;
	h = has;
	s = 0;
	if
#if FAULT == 3
	:: !h && p ->
#else
	:: p ->
#endif
		h = 0;
		if
		:: marked[name] -> s = mark_set[name]
		:: else -> h = has
		fi
	:: else
	fi;
	if
	:: h ->
		d_step {
			s = (gone -> 0 : set)
		}
	:: else
	fi
}

inline judged(name, least)
{
	space_set_seen(name);
	assert((s & least) == least);
	assert(name == 0 || !(s & MEANT))
}

/* Adds a seal to the entry that was born then. */
inline replace(when)
{
	if
	:: has ->
#if FAULT == 2
		b = birth;
		if
		:: b == when ->
			d_step {
				if
				:: !gone -> set = set | MEANT
				:: else
				fi
			}
		:: else
		fi
#else
		d_step {
			if
			:: owner == when && !gone -> set = set | MEANT
			:: else
			fi
		}
#endif
	:: else
	fi
}

/* Makes both address spaces. */
proctype parent()
{
	byte mine, b;
	bool err, won, got;

	mark(0, OLD);
	d_step {
		start[0] = now;
		now++;
		in_memory[0] = 1;
		listed = 1
	};
	if
	:: space_fork_finish(0)
	/* tp_btf/task_newtask is skipped */
	:: skip
	fi;
	born[0] = 1;
#if CASE == 1
	mark(1, BOTH);
#endif
	freed;
	in_memory[1] = 1;
	d_step {
		start[1] = now;
		now++
	};
	if
	:: skip ->
#if CASE != 1 && FAULT != 5 && FAULT != 6
		space_remove_older(start[1]);
#endif
#if CASE == 1
		space_remove_older(start[1]);
		space_fork_finish(1);
#endif
		hooked = 1
#if CASE != 3
	:: skip
#endif
	fi;
	born[1] = 1
}

proctype first()
{
	byte mine, b, s, p;
	bool err, won, got, h;

	born[0];
	judged(0, OLD);
	if
	:: pending -> space_fork_finish(0)
	:: else
	fi;
	in_memory[0] = 0;
	if
	:: space_remove(0)
	/* fentry/exit_mmap is skipped */
	:: skip
	fi;
	freed = 1;
	/* lsm/task_free: when nobody looks at the task any more. */
	listed = 0;
	daemon_done;
	fork_take(0);
	if
	:: got -> fork_forget(0)
	:: else
	fi
}

proctype second()
{
	byte mine, b, s, p;
	bool err, won, got, h;

	born[1];
#if CASE == 1
	judged(1, BOTH);
	if
	:: pending -> space_fork_finish(1)
	:: else
	fi;
	judged(1, BOTH)
#else
	/* Who finishes the fork of the first may just have made an entry, and removes it. */
	daemon_done;
	space_set_seen(1);
	assert(!hooked || s == 0)
#endif
}

/* h: the daemon sees the key of the task. */
inline look_at_task(name)
{
	h = 0;
	if
	:: start[name] && in_memory[name] ->
		if
		:: pending -> space_fork_finish(name)
		:: else
		fi;
		h = in_memory[name];
		if
#if FAULT == 7
		:: marked[name] -> h = 0
#else
		:: marked[name] -> h = h && has && birth >= start[name]
#endif
		:: else
		fi
	:: else
	fi
}

/* Entries are read before the tasks. */
inline forget_stale()
{
	meant = (has -> birth : 0);
	look_at_task(0);
	if
	:: !h && meant ->
		look_at_task(1);
		if
		:: !h -> space_remove(meant)
		:: else
		fi
	:: else
	fi
}

proctype daemon()
{
	byte mine, b, meant;
	bool err, won, got, h;

	if
	:: forget_stale()
	:: listed && in_memory[0] ->
		look_at_task(0);
		/* The entry that it sees is of the first, if that is still there afterwards. */
		meant = (has -> birth : 0);
		if
		:: in_memory[0] && meant ->
			replace(meant);
			if
			:: !in_memory[0] -> space_remove(meant)
			:: skip
			fi
		:: else
		fi
	:: else
	fi;
	daemon_done = 1
}

init {
	atomic {
		run parent();
		run first();
		run second();
		run daemon()
	}
}
