/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One attack on one sealed range, made by a new process, and its result. The tables in strike_*.c hold the
 * attacks; ways.h runs them all.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "abi.h"
#include "puppet.h"

/* The kinds of memory of the stage: pages with a pattern, the target in the middle. */
enum layout {
	ANON_READ, /* private anonymous, written, then read-only */
	ANON_WRITE,
	FILE_READ,   /* private file, every page written (like RELRO), then read-only */
	SHARED_READ, /* shared file */
	SHARED_WRITE,
	PREPARED, /* made by prepare() */
};

/* The mechanism that must deny the attack. */
enum mechanism {
	BY_LSM,	 /* EPERM everywhere */
	BY_GATE, /* EPERM with an override gate, SIGKILL with a kill gate */
	BY_KILL, /* SIGKILL everywhere, by a gate */
	ALLOWED, /* not an attack: must also succeed on sealed memory */
};

#define TARGET_PAGES 4ul

struct stage {
	struct puppet *victim;
	enum abi abi; /* ABI of the attack, which can address the whole stage */
	const struct attack *attack;
	uint64_t target, length; /* range to be sealed, bytes */
	/* where the same call must succeed: after and before the seal; 0: not tried */
	uint64_t control[2];
	int fd;		   /* descriptor of the mapped file, in the victim */
	long own[4];	   /* private to the attack: from prepare() to strike() */
	char trouble[160]; /* why it cannot be tried; "": it can */
};

struct attack {
	int row; /* row of docs/design/model.md, "What is denied" */
	/* up to the first ':' the operation: a line of docs/denials.md */
	const char *name;
	enum layout layout;
	enum mechanism mechanism;
	/* Makes the call on the pages at this address; returns the result of puppet_call. */
	long (*strike)(struct stage *stage, uint64_t at);
	/* Further preparation, after the layout; may move target and controls. */
	void (*prepare)(struct stage *stage);
	/* pages before and after the target's four that the call touches too */
	unsigned below, above;
	bool invisible; /* success leaves no trace in the target */
	bool either;	/* whether it leaves a trace depends on the kernel */
	/* no control before the seal: the call would also change the target */
	bool no_before;
	bool coarse;	 /* any seal of the process denies it, at any address */
	bool not_native; /* mseal(2) does not refuse it, unlike others of its row */
	/* prepare() makes anonymous memory that is not writable: mseal(2) protects its contents */
	bool anonymous;
	/*
	 * The result where mseal(2) alone refuses, if not EPERM: another errno, or "kept": it succeeds
	 * without changing memory.
	 */
	const char *natively;
	unsigned abis; /* bits of the ABIs with this call; 0: all */
	/* errno of the kernel itself, though memory may have changed; 0: success */
	int error;
};

extern const struct attack lsm_attacks[], gate_attacks[], length_attacks[],
	discard_attacks[]; /* end with a name of NULL */

enum outcome_kind { SUCCEEDED, DENIED, KILLED, NOT_TRIED };

struct outcome {
	enum outcome_kind kind;
	int value;	/* errno, or signal */
	char text[200]; /* the whole result in words */
};

/* Makes the stage of an attack with a new victim; controls and target have the same contents. */
void stage_open(struct stage *stage, const struct attack *attack, enum abi abi);
void stage_close(struct stage *stage);
/* Records why the attack cannot be tried, unless a reason is already recorded. */
void stage_trouble(struct stage *stage, const char *why, ...) __attribute__((format(printf, 2, 3)));
/* A call in the victim that has to succeed; a failure is recorded as trouble. */
#define stage_call(stage, ...) stage_call_((stage), #__VA_ARGS__, (const long[7]){ __VA_ARGS__ })
long stage_call_(struct stage *stage, const char *text, const long call[7]);

/* A 64-bit call made by another ABI; -ENOSYS if that ABI lacks it. */
#define puppet_call_by(puppet, abi, ...) puppet_call_by_((puppet), (abi), (const long[7]){ __VA_ARGS__ })
long puppet_call_by_(struct puppet *puppet, enum abi abi, const long call[7]);

/* The attack itself: the equivalent of this 64-bit call in the stage's ABI. */
#define stage_attack(stage, ...) stage_attack_((stage), (const long[7]){ __VA_ARGS__ })
long stage_attack_(struct stage *stage, const long call[7]);
/* Makes new memory of the victim that the ABI can address; may fail like stage_call. */
uint64_t stage_map(struct stage *stage, unsigned long length, int protection, int flags);
/* These work from outside. stage_fill(), before anything is sealed, writes a pattern to every page. */
void stage_fill(struct stage *stage, uint64_t start, uint64_t length, unsigned seed);
void stage_peek(struct stage *stage, uint64_t at, void *bytes, size_t length);
void stage_poke(struct stage *stage, uint64_t at, const void *bytes, size_t length);

struct outcome stage_strike(struct stage *stage, uint64_t at);

/*
 * The state of [start, start + length) of a process, from outside: its mappings, their protection, flags and
 * file, and the bytes. Malloc'ed text.
 */
char *snapshot(pid_t pid, uint64_t start, uint64_t length);

/*
 * $MSEALD_EXPECT_GATE: "override" (true) or "kill"; bails out for other values. The second: for 32-bit calls.
 */
bool gate_is_override(void);
bool gate_32_is_override(void); /* $MSEALD_EXPECT_GATE_32 */
/* Is $MSEALD_EXPECT_NATIVE set: does this kernel make permanent seals native? */
bool native_expected(void);
/* Does a call that changes permanently sealed mappings fail here, instead of killing? */
bool gate_denies(void);
/* Was such a call, which only a gate can deny, denied as expected on this kernel? */
bool stopped_by_gate(struct puppet *puppet, long result);
/* The expected errno or signal in words. */
const char *gate_text(void);
/* The same for calls that mseal(2) does not deny: on revocable seals, or on contents of files. */
bool stopped_by_program(struct puppet *puppet, long result);
const char *program_text(void);

/* Functions to run inside a puppet. */
long fill_pages(const long arguments[6]);  /* address, length, seed: writes a pattern to every page */
long touch_pages(const long arguments[6]); /* address, length: reads a byte of each page */

/* prepare(): enables tagged pointers (LAM) in the victim; trouble if unavailable. */
void with_tags(struct stage *stage);
/* prepare(): SIGBUS does not kill the victim. */
void with_handler(struct stage *stage);
#define TAGGED(at) ((at) | 5ul << 57)

/* Pages for a test of its own: anonymous, filled, with this protection; bails out on failure. */
uint64_t puppet_pages(struct puppet *puppet, unsigned long pages, int protection);
/* Protection of the mapping at that address, such as "r-xp"; "" for none; static buffer. */
const char *protection_of(pid_t pid, uint64_t address);
