/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which segments of a starting program can be sealed already. The dynamic
 * loader must be able to finish: what it maps, it relocates, then it makes
 * PT_GNU_RELRO read-only (glibc elf/dl-reloc.c, musl ldso/dynlink.c). Order in
 * glibc: libraries, the program, the loader itself; in musl: libraries, the
 * program, and its own RELRO never.
 */
#ifndef MSEALD_SEAL_READINESS_H
#define MSEALD_SEAL_READINESS_H

#include "bpf/events.h"
#include "bpf/task_iter.h"
#include "lib/proc/segments.h"

#define READINESS_RELRO_MAX 128

struct readiness {
	/* Known before. */
	bool settled; /* it has had all the time that a loader may take */
	/* only objects that ask for it (GNU_PROPERTY_MEMORY_SEAL) are wanted */
	bool marked;
	bool dlopen; /* objects that came after the loader was through are wanted, too */
	enum {
		/* like the others: dlclose(3) gets EPERM, and leaves it where it is */
		LATE_AS_ALL,
		/* the gate would kill for dlclose: not before mseal(2) refuses that */
		LATE_NATIVE,
		/* and there is none; or it may be unmapped, and a seal must not outlive it */
		LATE_NOT,
	} late;		 /* how objects that were dlopen'ed are sealed */
	bool native_now; /* it is about to be sealed by mseal(2) */
	struct events *
		/* to take in the relro events that have come until now; each comes before its mprotect */
		events;
	/* its start was not seen: its start-up objects are found by its files, not by relro events */
	bool unseen;
	/* where RELRO was applied since the exec, in this order */
	uint64_t relro[READINESS_RELRO_MAX];
	size_t relro_count;
	/* What was found. */
	/* the loader is: nothing of what it loaded at the start will change */
	bool through;
	unsigned waiting; /* objects that will be ready later */
	/* Of each object; belongs to this. */
	struct readiness_object {
		bool program, loader; /* what the kernel itself has loaded at the exec */
		bool late;	      /* dlopen'ed */
		bool constant, data;  /* ready: the part not writable by its headers, and the rest */
	} * objects;
};

/*
 * Judges the objects of segments; vmas are the same mappings with their flags, proc_dirfd is an open
 * /proc/PID. Replaces what was found before. -ENOMEM.
 */
int readiness_judge(struct readiness *readiness, const struct segments *segments,
		    const struct task_vmas *vmas, int proc_dirfd);
void readiness_free(struct readiness *readiness); /* takes zeroed; keeps what is known */

/*
 * Marks late[i] of each object that was dlopen'ed, as far as the files say; late has room for all. None where
 * the program is not found. -ENOMEM.
 */
int readiness_find_dlopened(const struct objects *objects, int proc_dirfd, bool *late);

/* May this segment be sealed now? */
bool readiness_allows(const struct readiness *readiness, const struct segment *segment);

#endif
