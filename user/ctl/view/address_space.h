/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The mappings of a process together with their seals. */
#ifndef MSEALCTL_ADDRESS_SPACE_H
#define MSEALCTL_ADDRESS_SPACE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "ctl/view/spaces.h"
#include "lib/base/range.h"
#include "lib/proc/maps.h"
#include "lib/proc/segments.h"

/* What there is about one mapping. */
struct row {
	const struct mapping *mapping;
	const char *name;		    /* of the file, or "[anon]", "[heap]"; not escaped */
	uint64_t sealed;		    /* bytes of it with any seal */
	unsigned deny[MSEALD_ACTION_COUNT]; /* of all its seals */
	unsigned segments;		    /* 1 << segment */
	bool joined;			    /* belongs to the same object as the row before */
};

struct address_space {
	pid_t pid;
	char comm[16]; /* as in /proc/PID/comm; not escaped */
	struct proc_maps maps;
	struct segments segments;
	struct space_seals seals;
	struct range *covered; /* what the seals cover, disjoint and sorted */
	size_t covered_count;
	struct row *rows; /* one for each mapping */
};

/*
 * Reads /proc/PID and joins it with the document of spaces_fetch(). Complains itself: 0, or the
 * exit status.
 */
int address_space_read(pid_t pid, const json_t *document, struct address_space *ret);
/*
 * Without segments, for all that needs only the mappings and their seals; space: as
 * io.mseald.Space, or NULL. Negative errno; says nothing.
 */
int address_space_read_brief(pid_t pid, const json_t *space, struct address_space *ret);
/* Complains about its error r. The exit status. */
int address_space_complain(pid_t pid, int r);
/* The same from maps, segments and seals that are already in place. 0 or -ENOMEM. */
int address_space_join(struct address_space *space);
void address_space_free(struct address_space *space); /* for _cleanup_ */

/* Bytes of [start, end) that are sealed. */
uint64_t address_space_sealed(const struct address_space *space, uint64_t start, uint64_t end);
/* The segment of an address: its seal's, else its segment's. */
enum mseald_segment address_space_segment(const struct address_space *space, uint64_t address);

struct share {
	uint64_t sealed, all; /* bytes */
};

enum share_kind {
	SHARE_ALL,	       /* what can be accessed at all, and sealed at all */
	SHARE_EXECUTABLE,      /* of that, what can be executed, */
	SHARE_FILE_EXECUTABLE, /* and of that, what a file stands behind */
	SHARE_COUNT,
};

struct share address_space_share(const struct address_space *space, enum share_kind kind);
/* Rounded down, so that nothing is called whole that is not; 0 of nothing. */
unsigned address_space_percent(struct share share);

#endif
