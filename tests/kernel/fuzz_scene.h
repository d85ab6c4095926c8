/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The fuzzer's scenes: a process with memory and seals of every kind at fixed, named places, which makes no
 * calls itself. Its forks, which inherit the seals, are the victims.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "fuzz_victim.h"

#define FUZZ_HUGE (512 * FUZZ_PAGE)

/* Files open in a victim. */
#define FUZZ_FD_SCRAP 62 /* a memfd that no process has sealed */
#define FUZZ_FD_HUGE 63	 /* the same on huge pages */
#define FUZZ_FD_TEXT 60	 /* the files of sealed memory, in the scene "file" only */
#define FUZZ_FD_RELRO 61

enum fuzz_memory {
	FUZZ_ANON,
	FUZZ_DATA,
	FUZZ_RELRO,
	FUZZ_TEXT,
	FUZZ_SHARED,
	FUZZ_SHARED_DATA,
	FUZZ_SEGMENT,
	FUZZ_GUARDS,
	FUZZ_KEYED,
	FUZZ_HUGE_DATA,
	FUZZ_HUGE_ANON,
	FUZZ_HEAP,
	FUZZ_STACK,
	FUZZ_DONTFORK,
	FUZZ_ROOM,
	FUZZ_MEMORIES,
};

/* FUZZ_ALL: with foreign-write. FUZZ_WEAK: mprotect only. */
enum fuzz_strength {
	FUZZ_NONE,
	FUZZ_PERMANENT,
	FUZZ_REVOCABLE,
	FUZZ_AUDIT,
	FUZZ_WEAK,
	FUZZ_KILL,
	FUZZ_ALL,
	FUZZ_STRENGTHS,
};

extern const char *const fuzz_memory_names[FUZZ_MEMORIES], *const fuzz_strength_names[FUZZ_STRENGTHS];

struct fuzz_seal {
	unsigned from, pages; /* of the area */
	enum fuzz_strength strength;
};

struct fuzz_area {
	const char *name;
	enum fuzz_memory memory;
	uint64_t offset; /* of the scene's base */
	unsigned pages;
	struct fuzz_seal seals[3];
	unsigned only; /* SCENE_*: only in scenes with one of these; 0: in all */
};

#define SCENE_HUGE 1u	   /* huge pages, some sealed */
#define SCENE_FILE 2u	   /* victims may write to the files of their sealed memory */
#define SCENE_AUDIT 4u	   /* seals that only log beside those that deny */
#define SCENE_HUGE_DATA 8u /* huge pages, none sealed */
#define SCENE_TAGS 16u	   /* victims may pass tagged pointers to all calls, if addresses can have tags */

/* Permitted contents of a sealed page, by: */
#define HOLDS_PATTERN 1u
#define HOLDS_X 2u
#define HOLDS_ZERO 4u
#define HOLDS_ANY 8u	  /* if readable */
#define HOLDS_NOTHING 16u /* a guard page: unreadable */

struct fuzz_page {
	uint64_t address;
	const struct fuzz_area *area;
	uint64_t inode, device, offset; /* of the mapping, at this page */
	char permissions[5];
	unsigned holds;
};

struct fuzz_place {
	const char *area, *what; /* "", "seal", "end"... */
	uint64_t address;
	unsigned index; /* of the area */
};

#define FUZZ_AREAS 35 /* with files: the first 33 only, as these are open below FUZZ_BOARD_FD */
#define FUZZ_PLACES (FUZZ_AREAS * 8)
#define FUZZ_CROWD 1010

struct fuzz_scene {
	const char *name;
	uint64_t base;
	bool is_32, low;	      /* low: below 4 GiB, so that int 0x80 reaches it */
	enum fuzz_strength permanent; /* strength of permanent seals in this scene */
	unsigned flags;
	unsigned crowd; /* number of further seals below base, so that the tree of seals is deeper */

	unsigned index;
	bool built, off;
	struct fuzz_victim template;
	struct fuzz_place places[FUZZ_PLACES];
	unsigned places_count;
	uint64_t starts[FUZZ_AREAS]; /* of each area; 0: not on this kernel */
	struct fuzz_page pages[FUZZ_PROBES];
	unsigned pages_count;
	int key; /* protection key; negative: none */
	int segments[FUZZ_AREAS];
};

extern struct fuzz_scene fuzz_scenes[];
extern const unsigned fuzz_scenes_count;
extern const struct fuzz_area fuzz_areas[];
extern const unsigned fuzz_areas_count;
extern int fuzz_scrap_segment;

/* Unsealed files and segments, huge pages. */
void scenes_begin(void);
void scenes_end(void);
/* Makes the template and has it sealed, unless it exists. Bails out if it cannot be sealed. */
void scene_build(struct fuzz_scene *scene, bool sealed);
void scene_drop(struct fuzz_scene *scene);
/* A fork of the template; false: it could not fork, and must be rebuilt. */
bool scene_victim(struct fuzz_scene *scene, unsigned slot, struct fuzz_victim *ret);

/* The strength of the seal on that page of an area in the scene. */
enum fuzz_strength scene_strength(const struct fuzz_scene *scene, const struct fuzz_area *area,
				  unsigned page);
/* The area at an address, or NULL. */
const struct fuzz_area *scene_area(const struct fuzz_scene *scene, uint64_t address);
