/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which segments of a starting program can already be sealed. The dynamic loader must be able to finish: it
 * maps objects, relocates them, then makes PT_GNU_RELRO read-only (glibc elf/dl-reloc.c, musl
 * ldso/dynlink.c). Order in glibc: libraries, the program, the loader itself; in musl: libraries, the
 * program, and its own RELRO never.
 */
#pragma once

#include "bpf/events.h"
#include "lib/proc/segments.h"
#include "seal/inspection.h"

#define READINESS_RELRO_MAX 128

struct readiness {
	/* Input. */
	bool settled; /* the time allowed for a loader is over */
	bool rested;  /* also since a look found it finishing */
	/* only objects that ask for sealing (GNU_PROPERTY_MEMORY_SEAL) are wanted */
	bool marked;
	bool dlopen; /* also objects that were loaded after the start */
	enum {
		/* like the others: dlclose(3) gets EPERM, and the object stays mapped */
		LATE_AS_ALL,
		/* the gate would kill for dlclose: only once mseal(2) refuses the unmapping */
		LATE_NATIVE,
		/* not at all: without mseal(2); or it may be unmapped, and a seal must not outlive it */
		LATE_NOT,
	} late;		       /* how dlopen'ed objects are sealed */
	bool kills_32;	       /* the gate would kill a 32-bit program for dlclose: LATE_NOT for these */
	bool native_now;       /* mseal(2) is about to be called */
	struct events *events; /* to read the relro events received so far: each comes before its mprotect */
	/* not all of its start was seen: its objects are found by its files, not by relro events */
	bool unseen;
	/* addresses where RELRO was applied since the exec, in order */
	uint64_t relro[READINESS_RELRO_MAX];
	size_t relro_count;
	/* Result. */
	/* the loader has finished: objects of the start do not change any more */
	bool through;
	bool loading;	  /* the RELRO of the program is writable, and its loader will make it read-only */
	bool finishing;	  /* it has done so: its own RELRO is next, or, in musl, stays writable */
	unsigned waiting; /* objects that will be ready later */
	/* One for each object; the array belongs to this struct. */
	struct readiness_object {
		bool program, loader; /* mapped by the kernel at the exec */
		bool late;	      /* dlopen'ed */
		bool constant, data;  /* ready: the part read-only by its headers, and the rest */
	} * objects;
};

/* What the judgement needs of the objects loaded by dlopen(3). */
enum inspection_late readiness_wants_late(const struct readiness *readiness);

/*
 * Judges the objects of segments, which are those of the inspection. Replaces the previous result. -ENOMEM.
 */
int readiness_judge(struct readiness *readiness, const struct segments *segments,
		    const struct inspection *inspection);
void readiness_free(struct readiness *readiness); /* takes zeroed; keeps the input */

/* May this segment be sealed now? */
bool readiness_allows(const struct readiness *readiness, const struct segment *segment);
