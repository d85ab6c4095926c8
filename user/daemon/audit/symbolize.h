/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Where in which file an address lies: "/usr/lib/libc.so.6+0x2a000", from where the file begins in memory. */
#ifndef MSEALD_AUDIT_SYMBOLIZE_H
#define MSEALD_AUDIT_SYMBOLIZE_H

#include "bpf/programs.h"
#include "lib/proc/maps.h"

/* "" where no file is mapped. Of a long path the end is kept. */
void symbolize_address(const struct proc_maps *maps, uint64_t address, char ret[MSEALD_SYMBOL_MAX]);

/*
 * Fills symbol and caller of an attempt, as far as they can be found: the process
 * is still there, and what it is was not replaced meanwhile.
 */
void symbolize_attempt(struct programs *programs, const struct mseald_event *event,
		       struct mseald_tally *tally);

/* Without the process: what the kernel has said of the object. Nothing where it is not known. */
void symbolize_event(const struct mseald_event *event, char ret[MSEALD_SYMBOL_MAX]);

#endif
