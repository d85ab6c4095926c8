/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What t_gaps.c and gaps_file.c share: memory is sealed, and has X in it when an attack has succeeded. */
#pragma once

#include <stdbool.h>

#include "puppet.h"

#define PAGE_ ((long)PAGE)
#define ANONYMOUS (MAP_PRIVATE | MAP_ANONYMOUS)
#define READ_WRITE (PROT_READ | PROT_WRITE)
#define ALL "mprotect,unmap,discard,"

extern const char *gap; /* the bold words of the bullet */
extern bool natively;	/* sealed not by mseald, but by mseal(2) alone */

/* The attack has succeeded. */
void gap_ok(bool good, const char *what, ...) __attribute__((format(printf, 2, 3)));
void gap_skip(const char *why, const char *what);

/* bail() unless it is sealed. action NULL: deny. */
void must_seal_against(const struct puppet *puppet, long at, unsigned long length, const char *deny,
		       const char *action);
/* Writable pages, filled; a negative errno. */
long new_pages(struct puppet *puppet, long pages, int flags);

/* A pipe that each puppet has. */
extern int pipes[2];
void put_into_pipe(void); /* X */
/* Has the kernel write X into pages that the puppet has pinned (ring_pin()). 1, or a negative errno. */
long write_pinned(struct puppet *puppet, long at);

/* For puppet_run(), descriptor and offset: writes X. */
long write_x(const long arguments[6]);

/* The gaps of the file behind a private mapping. */
void gap_without_file_write(void);
void gap_with_file_write(void);
/* Needs that no other seal has programs look at writes. */
void gap_lent(void);
