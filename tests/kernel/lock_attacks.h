/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Attacks of root on mseald and its maps, programs, links and pins, which Lock=yes must deny: for t_lock.c
 * alone.
 */
#pragma once

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

extern const struct lock_attack lock_attacks[];
extern const size_t lock_attacks_count;

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
