/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Internals of the fuzzer's calls: the table (fuzz_draw.c), and the drawing of a call. */
#pragma once

#include "abi.h"
#include "fuzz_ops.h"

#define FUZZ_OPS 40

/* A call being drawn, with the numbers of the 64-bit ABI. */
struct fuzz_draw {
	const struct fuzz_scene *scene;
	struct fuzz_random *random;
	enum fuzz_by by;
	long call[7];
	bool only_64; /* 32 bits lack this call, or it has other arguments there */
	bool only_32;
};

#define IN_ALL 0x100u /* only where foreign writes are denied */
#define IN_LOW 0x200u
#define IN_FILE 0x400u
#define IN_32 0x800u
#define ONLY_64 0x1000u /* there is no such call in 32 bits */
#define ONLY_32 0x2000u
#define PROCESS 0x4000u /* makes processes */
#define I386 0x8000u	/* i386 alone has that call */

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
/* Does the scene have this call, and is it wanted? Does the ABI have it? */
bool op_is_here(const struct fuzz_scene *scene, unsigned op);
bool op_has_abi(unsigned op, bool is_32);
/* Memory and seal that an argument aims at, as counted by ops_count(). */
unsigned kind_aimed_at(const struct fuzz_scene *scene, unsigned op, const struct fuzz_call *call);
