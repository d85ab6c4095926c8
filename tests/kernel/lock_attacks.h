/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What root can do to mseald and its maps, programs, links and pins, and what Lock=yes is to
 * refuse: for t_lock.c alone.
 */
#ifndef MSEALD_TESTS_LOCK_ATTACKS_H
#define MSEALD_TESTS_LOCK_ATTACKS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define BPFFS "/sys/fs/bpf"
#define PINS BPFFS "/mseald"

struct lock_attack {
	const char *name;
	/*
	 * On the daemon with that pid. 0: it had its way, and has undone it, as far as it
	 * can be; else a negative errno.
	 */
	long (*strike)(pid_t daemon);
	long when_locked; /* 0: -EPERM */
	bool by_kernel;	  /* the kernel itself refuses it at all times */
	long not_here;	  /* what a kernel says that has closed this way itself; 0: none has */
	bool ends_pins;	  /* the pins are gone after it */
	bool lasts;	  /* needs no mseald that runs, and is refused without it too */
};

extern const struct lock_attack lock_attacks[];
extern const size_t lock_attacks_count;

/* A descriptor of a map that the daemon has open, of this name; got by its id. Negative errno. */
int lock_map_by_id(pid_t daemon, const char *name);
/* Of a seal set, whichever. */
int lock_set_by_id(void);
/* The same as the daemon's own descriptor. */
int lock_map_stolen(pid_t daemon, const char *name);
/*
 * Loads and attaches a program that makes security_bpf_map() say 1; a descriptor of its link, or a
 * negative errno.
 */
int lock_override_check(void);

/* Maps of others, whatever they are called, and processes of others are left alone. */
bool lock_leaves_others(void);
bool lock_leaves_tracing(pid_t pid);

/* Mounts bpffs, sysfs and securityfs where they are not there. */
void lock_mount_all(void);

#endif
