/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Attacks of root on mseald and its maps, programs, links and pins, which Lock=yes must deny: for t_lock.c
 * alone.
 */
#pragma once

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define BPFFS "/sys/fs/bpf"
#define PINS BPFFS "/mseald"

struct lock_attack {
	const char *name;
	/* Attacks the daemon with that pid. 0: success, undone as far as possible; else a negative errno. */
	long (*strike)(pid_t daemon);
	long when_locked; /* 0: -EPERM */
	bool by_kernel;	  /* the kernel itself always refuses it */
	long not_here;	  /* errno of kernels that have closed this way themselves; 0: none has */
	bool ends_pins;	  /* the pins are gone afterwards */
	bool lasts;	  /* needs no running mseald, and is denied without it too */
};

/* The attacks, in their order; NULL after the last one, which ends mseald. */
const struct lock_attack *lock_attack(size_t i);

/* Those of each file; one without a name ends the list. */
extern const struct lock_attack lock_attacks_bpf[], lock_attacks_pins[], lock_attacks_process[];

/* 0, or the negative errno of a call that has returned this. lock_got() also closes the descriptor. */
long lock_result(long result);
long lock_got(int fd);

/*
 * The first pin in this place, of the lock or of any generation: which one it is depends on how often mseald
 * has been started before.
 */
bool lock_find_pin(const char *place, char path[PATH_MAX]);

/* The daemon's descriptor of this number, by pidfd_getfd(2). Negative errno. */
int lock_steal(pid_t daemon, int fd);

/* A descriptor of a map of this name that the daemon has open, obtained by its id. Negative errno. */
int lock_map_by_id(pid_t daemon, const char *name);
/* A descriptor of any seal set. */
int lock_set_by_id(void);
/* The same, taken from the daemon's own descriptor. */
int lock_map_stolen(pid_t daemon, const char *name);
/*
 * Loads and attaches a program that makes security_bpf_map() return 1. A descriptor of its link, or a
 * negative errno.
 */
int lock_override_check(void);

/* Foreign maps, of whatever name, and foreign processes are not affected. */
bool lock_leaves_others(void);
bool lock_leaves_tracing(pid_t pid);

/* Mounts bpffs, sysfs and securityfs if missing. */
void lock_mount_all(void);
