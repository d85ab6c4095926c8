/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tests of the native gate: sealing, the reply, and the actual state. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "daemon.h"
#include "puppet.h"

#ifndef SYS_mseal
#define SYS_mseal 462
#endif

struct sealed {
	const char *error; /* NULL: sealed */
	bool native;	   /* in the reply */
	char why[128];	   /* why_not_native */
};

struct sealed seal_as(const struct seal_order *order);
struct sealed seal_page(pid_t pid, uint64_t page);

/* The gate of the seal at that address in the reply of List: "native", "override", ...; static buffer. */
const char *listed_gate(pid_t pid, uint64_t address);
/* The gate of memory that is not sealed natively here. */
const char *next_gate(void);

/* Does /proc/PID/smaps show it as sealed by mseal(2)? */
bool shown_sealed(pid_t pid, uint64_t address);
/* Does this kernel's smaps show this at all? (Not before 6.13.) */
bool sealing_is_shown(void);

/* One check of this name: List, reply and smaps agree that the page is, or is not, sealed natively. */
bool check_gate(pid_t pid, uint64_t page, const struct sealed *sealed, bool native, const char *name);
