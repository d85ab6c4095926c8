/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One attack on one sealed range, made by a fresh process, and what came of it.
 * The tables in strike_*.c hold the attacks; ways.h makes them all.
 */
#ifndef MSEALD_TESTS_ATTACK_H
#define MSEALD_TESTS_ATTACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "abi.h"
#include "puppet.h"

/* What the stage is made of: pages with a pattern, the target in the middle. */
enum layout {
	ANON_READ, /* private anonymous, written, then read-only */
	ANON_WRITE,
	FILE_READ,   /* private file, every page written to (as RELRO is), then read-only */
	SHARED_READ, /* shared file */
	SHARED_WRITE,
	PREPARED, /* all made by prepare() */
};

/* By which mechanism it must be denied. */
enum mechanism {
	BY_LSM,	 /* EPERM everywhere */
	BY_GATE, /* EPERM with an override gate, SIGKILL with a kill gate */
	BY_KILL, /* SIGKILL everywhere, by a gate */
	ALLOWED, /* it is no attack: it must succeed on sealed memory as well */
};

#define TARGET_PAGES 4ul

struct stage {
	struct puppet *victim;
	enum abi abi; /* by which the attack is made; all its addresses fit in */
	const struct attack *attack;
	uint64_t target, length; /* to be sealed, bytes */
	/* where the same call must succeed: after and before the seal; 0: nowhere */
	uint64_t control[2];
	int fd;		   /* of the file mapped, in the victim */
	long own[4];	   /* of the attack: from prepare() to strike() */
	char trouble[160]; /* why it cannot be tried; "" while all is well */
};

#define ABIS_64 (1u << ABI_64 | 1u << ABI_X32)
#define ABIS_32 (1u << ABI_INT80 | 1u << ABI_32)
#define ABIS_FUNCTIONS (ABIS_64 | 1u << ABI_INT80) /* those whose puppets run functions */

struct attack {
	int row; /* of docs/design/model.md, "What is denied" */
	/* up to the first ':' the operation: a line of docs/threat-model.md */
	const char *name;
	enum layout layout;
	enum mechanism mechanism;
	/* Makes the call on the pages at this address; its result, as of puppet_call. */
	long (*strike)(struct stage *stage, uint64_t at);
	/* Whatever else is needed first, on top of the layout; may move target and controls. */
	void (*prepare)(struct stage *stage);
	/* pages before and behind the target's four that the call touches too */
	unsigned below, above;
	bool invisible; /* success leaves no trace in the target */
	bool either;	/* whether it leaves a trace differs from kernel to kernel */
	/* no control before the seal: the call would undo the target itself */
	bool no_before;
	bool coarse;	 /* any seal of the process denies it, wherever it goes */
	bool not_native; /* mseal(2) does not refuse it, though the row is one that it does */
	/* prepare() makes anonymous memory that is not writable: mseal(2) keeps its contents */
	bool anonymous;
	/*
	 * What the call says where mseal(2) alone refuses, if not EPERM: another
	 * errno, or "kept": it succeeds, and has left the memory as it was.
	 */
	const char *natively;
	unsigned abis; /* bits of the ABIs that have it; 0: all */
	/* what the kernel itself says, though it may have changed memory; 0: success */
	int error;
};

extern const struct attack lsm_attacks[], gate_attacks[], length_attacks[],
	discard_attacks[]; /* end with a name of NULL */

enum outcome_kind { SUCCEEDED, DENIED, KILLED, NOT_TRIED };

struct outcome {
	enum outcome_kind kind;
	int value;	/* errno, or signal */
	char text[200]; /* all of it in words */
};

/* The stage for an attack with a new victim, all controls and the target alike. */
void stage_open(struct stage *stage, const struct attack *attack, enum abi abi);
void stage_close(struct stage *stage);
/* Notes why the attack cannot be tried, unless there is a reason already. */
void stage_trouble(struct stage *stage, const char *why, ...) __attribute__((format(printf, 2, 3)));
/* A call in the victim that has to work; what fails is noted as trouble. */
#define stage_call(stage, ...) stage_call_((stage), #__VA_ARGS__, (const long[7]){ __VA_ARGS__ })
long stage_call_(struct stage *stage, const char *text, const long call[7]);

/* A 64-bit call made by another ABI; -ENOSYS where that has none such. */
#define puppet_call_by(puppet, abi, ...) puppet_call_by_((puppet), (abi), (const long[7]){ __VA_ARGS__ })
long puppet_call_by_(struct puppet *puppet, enum abi abi, const long call[7]);

/* The call that is the attack, in the stage's ABI; given as a 64-bit one. */
#define stage_attack(stage, ...) stage_attack_((stage), (const long[7]){ __VA_ARGS__ })
long stage_attack_(struct stage *stage, const long call[7]);
/* New memory of the victim that the ABI can name; may fail like stage_call. */
uint64_t stage_map(struct stage *stage, unsigned long length, int protection, int flags);
/* From outside, before anything is sealed: a pattern into every page; bytes of it. */
void stage_fill(struct stage *stage, uint64_t start, uint64_t length, unsigned seed);
void stage_peek(struct stage *stage, uint64_t at, void *bytes, size_t length);
void stage_poke(struct stage *stage, uint64_t at, const void *bytes, size_t length);

struct outcome stage_strike(struct stage *stage, uint64_t at);

/*
 * What [start, start + length) of a process looks like from outside: its
 * mappings, their protection, flags and file, and the bytes. Malloc'ed text.
 */
char *snapshot(pid_t pid, uint64_t start, uint64_t length);

/*
 * $MSEALD_EXPECT_GATE is "override" (true) or "kill"; bails out when it is neither. The same of
 * 32-bit calls.
 */
bool gate_is_override(void);
bool gate_32_is_override(void); /* $MSEALD_EXPECT_GATE_32 */
/* Is $MSEALD_EXPECT_NATIVE set: are permanent seals made by mseal(2) too on this kernel? */
bool native_expected(void);
/* Does a call that changes permanently sealed mappings fail here, rather than kill? */
bool gate_denies(void);
/* Was such a call, which only a gate can deny, denied as it must be on this kernel? */
bool stopped_by_gate(struct puppet *puppet, long result);
/* The errno or signal that is meant there, in words. */
const char *gate_text(void);
/* The same for calls that mseal(2) does not deny: revocable seals, contents of files. */
bool stopped_by_program(struct puppet *puppet, long result);
const char *program_text(void);

/* Functions to run inside a puppet. */
long fill_pages(const long arguments[6]);  /* address, length, seed: a pattern into every page */
long touch_pages(const long arguments[6]); /* address, length: reads a byte of each */

/* prepare(): lets the victim's pointers have tags (LAM); trouble where there are none. */
void with_tags(struct stage *stage);
/* prepare(): SIGBUS does not end the victim. */
void with_handler(struct stage *stage);
#define TAGGED(at) ((at) | 5ul << 57)

/* Pages for a test of its own: anonymous, filled, of this protection; bails out when there are none. */
uint64_t puppet_pages(struct puppet *puppet, unsigned long pages, int protection);
/* "r-xp" of the mapping at that address, "" when there is none; static buffer. */
const char *protection_of(pid_t pid, uint64_t address);

#endif
