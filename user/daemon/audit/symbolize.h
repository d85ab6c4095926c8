/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Translates an address to file and offset: "/usr/lib/libc.so.6+0x2a000", counted from the file's start in
 * memory.
 */
#pragma once

#include "bpf/programs.h"
#include "lib/proc/maps.h"

/* "" if no file is mapped there. Of a long path the end is kept. */
void symbolize_address(const struct proc_maps *maps, uint64_t address, char ret[MSEALD_SYMBOL_MAX]);

/* Fills symbol and caller of an attempt, unless the process is gone, or has been replaced meanwhile. */
void symbolize_attempt(struct programs *programs, const struct mseald_event *event,
		       struct mseald_tally *tally);

/* Without the process: uses the object in the event. Leaves ret empty if it is unknown. */
void symbolize_event(const struct mseald_event *event, char ret[MSEALD_SYMBOL_MAX]);
