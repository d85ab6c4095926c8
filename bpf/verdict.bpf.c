// SPDX-License-Identifier: GPL-2.0-only
/*
 * The slow path, taken only when an attempt meets a seal. It walks all seals that the call meets, carries out
 * the strongest action (kill, deny, audit), counts it and reports it. An event that finds the buffer full is
 * counted as lost; the verdict is decided before the event is written.
 *
 * No hooks: global functions, which the programs of the other files call.
 */
#include "verdict.h"

struct walk {
	u64 start, end; /* the range of the call being walked */
	u64 hit_start, hit_end, hit_rule;
	u64 tried_start, tried_end; /* the range that met the hit seal */
	u64 segment;		    /* with MSEALD_SEAL_SHM: the attach address of the segment */
	u64 label;		    /* label of the set */
	u32 set, at, slot;
	u32 attempt; /* for the event: in 6.1 the stacks of all calls (512 bytes) have no more room for it */
	u32 deny_mask;
	u32 flags;    /* MSEALD_SEAL_* that a seal must have to count; 0: all count */
	u32 rank;     /* rank of the strongest action so far */
	u32 segments; /* of all seals that deny the call, 1 << enum mseald_segment */
	u32 hit_at, hit_slot;
	bool unreadable;
	bool forked;
	bool native;	 /* some seal that denies the call is native */
	bool not_native; /* some is not native, or mseal(2) does not deny this operation */
};

/*
 * The strength of an action: 0 kill, 1 deny, 2 audit, 3 none; and back. Computed without branches: the
 * verifier would follow each outcome through the whole walk, ten times the work, in every program with it.
 */
#define RANK_KILL 0
#define RANK_DENY 1
#define RANK_AUDIT 2
#define RANK_NONE 3

_Static_assert(MSEALD_ACTION_COUNT == 3, "an action and none fit in two bits");
_Static_assert(MSEALD_DENY_ALL == (1 << 5) - 1, "any of the deny bits carries into the sixth bit");

/* 1 if the masks have one of the deny bits for this action, else 0. */
static __always_inline u32 has_action(u64 masks, u32 action, u32 deny_mask)
{
	return ((masks >> MSEALD_RULE_SHIFT(action) & deny_mask & MSEALD_DENY_ALL) + MSEALD_DENY_ALL) >> 5;
}

static __always_inline u32 rank_action(u32 rank)
{
	u32 actions = MSEALD_ACTION_KILL | MSEALD_ACTION_DENY << 4 | MSEALD_ACTION_AUDIT << 8 |
		      MSEALD_ACTION_COUNT << 12;

	return actions >> (rank & 3) * 4 & 3;
}

static __always_inline u32 rule_rank(u64 rule, u32 deny_mask)
{
	u64 masks = rule | rule >> MSEALD_RULE_REVOCABLE_SHIFT;
	/* One bit for each action, kill is the highest. */
	u32 kill = has_action(masks, MSEALD_ACTION_KILL, deny_mask);
	u32 deny = has_action(masks, MSEALD_ACTION_DENY, deny_mask);
	u32 audit = has_action(masks, MSEALD_ACTION_AUDIT, deny_mask);

	return 0x00001123u >> ((kill << 2 | deny << 1 | audit) & 7) * 4 & 3;
}

/*
 * Does mseal(2) deny the operation here? It refuses to discard only anonymous memory that is not writable
 * (mm/madvise.c, mm/mseal.c of 6.12 and 7.3).
 */
static __always_inline bool denied_natively(u64 rule, u32 deny_mask)
{
	u64 native = rule >> MSEALD_RULE_FLAGS_SHIFT & MSEALD_SEAL_NATIVE;
	u64 anonymous = rule >> MSEALD_RULE_FLAGS_SHIFT & MSEALD_SEAL_ANON;
	u64 kept = rule >> MSEALD_RULE_SHIFT(MSEALD_ACTION_DENY) & MSEALD_DENY_DISCARD;

	return (native != 0) & (((deny_mask & MSEALD_DENY_DISCARD) == 0) | ((anonymous != 0) & (kept != 0)));
}

/* A set that cannot be read counts as a seal that denies. */
static __always_inline void walk_fail(struct walk *walk)
{
	walk->unreadable = true;
	walk->tried_start = walk->start;
	walk->tried_end = walk->end;
}

/*
 * Takes one seal into account; returns 1 to end the walk. Global, as other functions here: the verifier
 * checks a global function once, but a static one once for each state in which it can be called. Weak: clang
 * must not rely on its returning 0 or 1, which the verifier does not know.
 */
__weak __noinline int verdict_walk_seal(u32 index, struct walk *walk)
{
	struct mseald_node *node;
	u32 position, at, slot, rank, set;
	bool native;
	void *seals;

	if (!walk)
		return 1;
	set = walk->set; /* 6.1 takes map keys from the stack only */
	position = walk->slot + index;
	at = walk->at + position / MSEALD_FANOUT;
	slot = position % MSEALD_FANOUT;
	seals = bpf_map_lookup_elem(&sets, &set);
	if (!seals) {
		walk_fail(walk);
		return 1;
	}
	node = bpf_map_lookup_elem(seals, &at);
	if (!node || node->start[slot] >= walk->end)
		return 1;
	if (node->end[slot] <= walk->start)
		return 0;
	if (walk->flags && !(node->rule[slot] >> MSEALD_RULE_FLAGS_SHIFT & walk->flags))
		return 0;
	if (walk->flags == MSEALD_SEAL_SHM &&
	    node->start[slot] - (u64)node->pgoff[slot] * MSEALD_PAGE != walk->segment)
		return 0;
	if (walk->forked && node->rule[slot] >> MSEALD_RULE_FLAGS_SHIFT & MSEALD_SEAL_DONTFORK)
		return 0;
	rank = rule_rank(node->rule[slot], walk->deny_mask);
	native = denied_natively(node->rule[slot], walk->deny_mask);
	walk->native |= (rank == RANK_DENY) & native;
	walk->not_native |= (rank == RANK_DENY) & !native;
	/* Also without a branch: 0 if the seal has no action for the operation, else 1. */
	walk->segments |= ((rank + 1) >> 2 ^ 1) << (node->rule[slot] >> MSEALD_RULE_SEGMENT_SHIFT & 7);
	if (rank < walk->rank) {
		walk->rank = rank;
		walk->hit_start = node->start[slot];
		walk->hit_end = node->end[slot];
		walk->hit_rule = node->rule[slot];
		walk->hit_at = at;
		walk->hit_slot = slot;
		walk->tried_start = walk->start;
		walk->tried_end = walk->end;
	}
	return rank == RANK_KILL;
}

static long walk_step(u32 index, struct walk *walk)
{
	return verdict_walk_seal(index, walk) != 0;
}

/* Walks all seals that meet [start, end). */
static __always_inline void walk_range(struct walk *walk, u64 start, u64 end)
{
	struct mseald_node *root, *node;
	u32 at = 0;
	void *seals;

	if (start >= end)
		return;
	walk->start = start;
	walk->end = end;
	seals = bpf_map_lookup_elem(&sets, &walk->set);
	root = seals ? bpf_map_lookup_elem(seals, &at) : NULL;
	node = root ? seals_leaf(seals, root, start, &at) : NULL;
	if (!node) {
		walk_fail(walk);
		return;
	}
	walk->label = root->label;
	walk->at = at;
	walk->slot = 0;
	bpf_loop(MSEALD_MAX_SEALS, walk_step, walk, 0);
}

/* Counts a hit of the seal. Returns its pgoff: in a set of the pool, the position of the object. */
static __always_inline u32 count_hit(const struct walk *walk)
{
	u32 set = walk->set, at = walk->hit_at; /* 6.1 takes map keys from the stack only */
	void *seals = bpf_map_lookup_elem(&sets, &set);
	struct mseald_node *node;

	if (!seals)
		return 0;
	node = bpf_map_lookup_elem(seals, &at);
	if (!node)
		return 0;
	__sync_fetch_and_add(&node->hits[walk->hit_slot & (MSEALD_FANOUT - 1)], 1);
	return node->pgoff[walk->hit_slot & (MSEALD_FANOUT - 1)];
}

/*
 * Has the buffer room for an event of this address space (NULL: unknown)? Always for a kill: the daemon must
 * act.
 */
static __always_inline bool has_room(struct mseald_space *space, u32 outcome)
{
	u64 used = bpf_ringbuf_query(&events, BPF_RB_AVAIL_DATA), period;

	if (used < MSEALD_EVENTS_BUSY || outcome == MSEALD_VERDICT_KILLED)
		return true;
	if (used >= MSEALD_EVENTS_FULL || !space)
		return false;
	period = MSEALD_EVENTS_PERIOD(bpf_ktime_get_boot_ns());
	if (space->reported == period)
		return false;
	space->reported = period;
	return true;
}

/* Has the task rights beyond its real user's, or can it regain them? Then that user may not see the event. */
static __always_inline bool is_privileged(struct task_struct *task)
{
	const struct cred *cred = BPF_CORE_READ(task, cred);
	u32 uid = BPF_CORE_READ(cred, uid.val), gid = BPF_CORE_READ(cred, gid.val);

	return BPF_CORE_READ(cred, euid.val) != uid || BPF_CORE_READ(cred, suid.val) != uid ||
	       BPF_CORE_READ(cred, egid.val) != gid || BPF_CORE_READ(cred, sgid.val) != gid ||
	       capabilities(&cred->cap_permitted);
}

static __always_inline void send_attempt_event(const struct walk *walk, struct mseald_space *space, u64 key,
					       u32 op, u32 outcome, u32 place)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct mseald_event *event;
	struct pt_regs *regs;
	u64 id;

	event = has_room(space, outcome) ? bpf_ringbuf_reserve(&events, sizeof(*event), 0) : NULL;
	if (!event) {
		__sync_fetch_and_add(&state.lost, 1);
		return;
	}
	event->type = MSEALD_EVENT_ATTEMPT;
	event->op = op;
	event->verdict = outcome;
	event->deny = ATTEMPT_DENY(walk->attempt);
	event->segments = walk->segments;
	event->flags = ATTEMPT_FLAGS(walk->attempt);
	event->segment = walk->hit_rule >> MSEALD_RULE_SEGMENT_SHIFT & 0xff;
	event->time = bpf_ktime_get_boot_ns();
	event->space = key;
	event->label = walk->label;
	event->cgroup = bpf_get_current_cgroup_id();
	event->address = walk->tried_start;
	event->length = walk->tried_end - walk->tried_start;
	event->seal_start = walk->hit_start;
	event->seal_end = walk->hit_end;
	exec_name_object(is_pooled(walk->set) ? key : 0, place, event);
	regs = (struct pt_regs *)bpf_task_pt_regs(task);
	event->ip = regs_ip(regs);
	event->start_time = BPF_CORE_READ(task, group_leader, start_boottime);
	id = bpf_get_current_pid_tgid();
	event->pid = (u32)id;
	event->tgid = id >> 32;
	id = bpf_get_current_uid_gid();
	event->uid = (u32)id;
	event->gid = id >> 32;
	event->flags |= is_privileged(task) ? MSEALD_EVENT_PRIVILEGED : 0;
	event->pad = 0;
	bpf_get_current_comm(event->comm, sizeof(event->comm));
	bpf_ringbuf_submit(event, 0);
}

/* Does a denial kill? */
static __always_inline bool reaction_kills(const struct walk *walk, u64 key, u32 attempt)
{
	if (ATTEMPT_REACTION(attempt) == REACTION_DENY)
		return false;
	/*
	 * While it is watched, the memory may be gone by right: a call that unmaps a library may have passed
	 * its gate before the seal. The daemon looks at it again.
	 */
	if (ATTEMPT_REACTION(attempt) == REACTION_DIE && space_watched(key))
		return false;
	return !(attempt & ATTEMPT_NATIVE && walk->native && !walk->not_native);
}

/*
 * Carries out the strongest action found, on the current task, in the address space of this key. Nonzero: the
 * call must fail.
 */
__noinline int verdict_carry_out(const struct walk *walk, u64 key, u32 attempt)
{
	u32 action, outcome, place, op = ATTEMPT_OP(attempt);
	struct task_struct *task;
	struct mseald_space *space;
	bool reported, own;

	if (!walk)
		return 1;
	action = rank_action(walk->unreadable ? RANK_DENY : walk->rank);
	if (action == MSEALD_ACTION_COUNT)
		return 0;
	task = bpf_get_current_task_btf();
	/* For each pointer that the verifier itself follows, 6.12 reads all of the kernel's BTF. */
	own = key == mm_key_read(BPF_CORE_READ(task, mm));
	if (action == MSEALD_ACTION_AUDIT)
		outcome = MSEALD_VERDICT_AUDITED;
	else if ((action == MSEALD_ACTION_KILL && own) || reaction_kills(walk, key, attempt))
		outcome = MSEALD_VERDICT_KILLED;
	else
		outcome = MSEALD_VERDICT_DENIED;

	space = bpf_map_lookup_elem(&spaces, &key);
	/* After a kill, the gate has already reported what the call still does. */
	reported = (op == MSEALD_OP_MAP_HOLE && space && space->flags & MSEALD_SPACE_KILL_PENDING) ||
		   (outcome == MSEALD_VERDICT_AUDITED && attempt & ATTEMPT_AGAIN);
	if (outcome == MSEALD_VERDICT_KILLED) {
		/*
		 * Set before the call goes on: from here on no fork leaves this address space
		 * (lifecycle.bpf.c).
		 */
		if (space)
			space_set_kill_pending(space);
		/* Kills the thread group; the daemon kills other processes that share the memory. */
		bpf_send_signal(SIGKILL);
	}
	if (reported)
		return outcome != MSEALD_VERDICT_AUDITED;
	if (space)
		__sync_fetch_and_add(&space->verdicts[outcome], 1);
	if (op < MSEALD_OP_COUNT)
		__sync_fetch_and_add(&state.attempts[op][outcome], 1);
	place = !walk->unreadable && walk->set ? count_hit(walk) : 0;
	send_attempt_event(walk, space, key, op, outcome, place);
	return outcome != MSEALD_VERDICT_AUDITED;
}

static __always_inline struct walk walk_for(u64 key, u32 set, u32 attempt)
{
	struct mseald_space *space = bpf_map_lookup_elem(&spaces, &key);

	return (struct walk){ .set = set,
			      .attempt = attempt,
			      .deny_mask = ATTEMPT_DENY(attempt),
			      .rank = RANK_NONE,
			      .flags = attempt & ATTEMPT_UFFD ? MSEALD_SEAL_UFFD :
				       attempt & ATTEMPT_SHM  ? MSEALD_SEAL_SHM :
								0,
			      .forked = space && space->word & MSEALD_WORD_FORKED };
}

__noinline int verdict_in(u64 key, u64 start, u64 end, u32 set, u32 attempt)
{
	struct walk walk = walk_for(key, set, attempt);

	if (attempt & ATTEMPT_SHM) {
		walk.segment = start;
		start = 0;
	}
	walk_range(&walk, start, end);
	return verdict_carry_out(&walk, key, attempt);
}

__noinline int verdict_on_both(u64 key, u32 set, u32 attempt, const struct touched *touched)
{
	struct walk walk = walk_for(key, set, attempt);

	if (!touched)
		return 1;
	walk_range(&walk, touched->start, touched->end);
	walk_range(&walk, touched->target_start, touched->target_end);
	return verdict_carry_out(&walk, key, attempt);
}

__noinline int verdict_on_file(const struct mseald_file_seals *seals, u32 attempt)
{
	struct walk walk = { .attempt = attempt };

	if (!seals)
		return 1;
	walk.tried_start = walk.hit_start = seals->start;
	walk.tried_end = walk.hit_end = seals->end;
	walk.hit_rule = (u64)seals->segment << MSEALD_RULE_SEGMENT_SHIFT;
	walk.label = seals->label;
	walk.segments = 1u << (seals->segment & 7);
	walk.rank = seals->denying ? RANK_DENY : RANK_AUDIT;
	return verdict_carry_out(&walk, seals->space, attempt);
}

__noinline bool verdict_seals_meet_called(u32 set, u64 start, u64 end, u32 deny_mask)
{
	return seals_meet(set, start, end, deny_mask);
}

__noinline int verdict_beyond_slot(u64 key, u64 start, u64 end, u32 attempt)
{
	u32 set = space_current_set_kept(key);
	int r = 0;

	if (set && verdict_seals_meet_called(set, start, end, ATTEMPT_DENY(attempt)))
		r = verdict_in(key, start, end, set, attempt);
	set_let_go(set);
	return r;
}

__noinline int verdict_beyond_gap(u64 key, u64 start, u64 length, u32 attempt)
{
	return verdict_beyond_gap_by(key, start, length, attempt, verdict_seals_meet_called);
}
