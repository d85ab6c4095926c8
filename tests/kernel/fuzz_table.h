/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Inside of the fuzzer's calls: the table of them (fuzz_draw.c), and how one is drawn. */
#ifndef MSEALD_TESTS_FUZZ_TABLE_H
#define MSEALD_TESTS_FUZZ_TABLE_H

#include "fuzz_ops.h"

#define FUZZ_OPS 40
#define USER_LIMIT 0x7ffffffff000ul

/* A call that is being drawn, with the numbers of the 64-bit ABI. */
struct fuzz_draw {
	const struct fuzz_scene *scene;
	struct fuzz_random *random;
	enum fuzz_by by;
	long call[7];
	bool only_64; /* there is no such call in 32 bits, or it has other arguments there */
	bool only_32;
};

#define IN_ALL 0x100u /* only where foreign writes are denied */
#define IN_LOW 0x200u
#define IN_FILE 0x400u
#define IN_32 0x800u
#define ONLY_64 0x1000u /* there is no such call in 32 bits */
#define ONLY_32 0x2000u
#define PROCESS 0x4000u /* makes processes */

/*
 * Arguments: a address, l length, p protection, m flags of mmap, r of mremap, v advice, x hexadecimal,
 * d decimal.
 */
struct fuzz_op {
	const char *name;
	unsigned weight;
	void (*draw)(struct fuzz_draw *draw);
	const char *arguments;
	unsigned where;
};

extern const struct fuzz_op fuzz_ops[];
extern const unsigned fuzz_ops_count;
extern bool fuzz_only_sane; /* no addresses and lengths beyond memory */

bool fuzz_chance(struct fuzz_draw *draw, unsigned percent);
/* Is there that call in the scene, and is it wanted? By the ABI: is there one? */
bool op_is_here(const struct fuzz_scene *scene, unsigned op);
bool op_has_abi(unsigned op, bool is_32);
/* Which memory and seal an argument is aimed at, as ops_count() counts. */
unsigned kind_aimed_at(const struct fuzz_scene *scene, unsigned op, const struct fuzz_call *call);

#endif
