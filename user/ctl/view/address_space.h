/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The mappings of a process together with their seals. */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "ctl/view/spaces.h"
#include "lib/base/range.h"
#include "lib/proc/maps.h"
#include "lib/proc/segments.h"

/* The facts about one mapping. */
struct row {
	const struct mapping *mapping;
	const char *name;		    /* of the file, or "[anon]", "[heap]"; unescaped */
	uint64_t sealed;		    /* bytes with any seal */
	unsigned deny[MSEALD_ACTION_COUNT]; /* of all its seals */
	unsigned segments;		    /* 1 << segment */
	bool joined;			    /* same object as the row before */
};

struct address_space {
	pid_t pid;
	char comm[16]; /* as in /proc/PID/comm; unescaped */
	struct proc_maps maps;
	struct segments segments;
	struct space_seals seals;
	struct range *covered; /* ranges that the seals cover, disjoint and sorted */
	size_t covered_count;
	struct row *rows; /* one for each mapping */
};

/*
 * Reads /proc/PID and joins it with the document of spaces_fetch(). Prints its own complaint. 0, or the exit
 * status.
 */
int address_space_read(pid_t pid, const json_t *document, struct address_space *ret);
/*
 * Without segments, for callers that need only the mappings and their seals; space: as io.mseald.Space, or
 * NULL. Negative errno; prints nothing.
 */
int address_space_read_brief(pid_t pid, const json_t *space, struct address_space *ret);
/* Complains about the error r of a read. Returns the exit status. */
int address_space_complain(pid_t pid, int r);
/* Joins maps, segments and seals that space already has. 0 or -ENOMEM. */
int address_space_join(struct address_space *space);
void address_space_free(struct address_space *space); /* for _cleanup_ */

/* The number of sealed bytes in [start, end). */
uint64_t address_space_sealed(const struct address_space *space, uint64_t start, uint64_t end);
/* The segment at an address: of its seal, otherwise of the mapping. */
enum mseald_segment address_space_segment(const struct address_space *space, uint64_t address);

struct share {
	uint64_t sealed, all; /* bytes */
};

enum share_kind {
	SHARE_ALL,	       /* memory that can be accessed and sealed */
	SHARE_EXECUTABLE,      /* the executable part of it */
	SHARE_FILE_EXECUTABLE, /* the executable part with a file */
	SHARE_COUNT,
};

struct share address_space_share(const struct address_space *space, enum share_kind kind);
/* Rounded down, so that an incomplete share is never shown as whole; 0 for nothing. */
unsigned address_space_percent(struct share share);
