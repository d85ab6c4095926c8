/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tests of the native gate: sealing, what the reply says, and the real state. */
#ifndef MSEALD_TESTS_NATIVE_H
#define MSEALD_TESTS_NATIVE_H

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
	bool native;	   /* says the reply */
	char why[128];	   /* why_not_native */
};

struct sealed seal_as(const struct seal_order *order);
struct sealed seal_page(pid_t pid, uint64_t page);

/* "native", "override", ...: what List says of the seal at that address; static buffer. */
const char *listed_gate(pid_t pid, uint64_t address);
/* The gate of memory that is not sealed natively here. */
const char *next_gate(void);

/* Does /proc/PID/smaps show it sealed by mseal(2)? */
bool shown_sealed(pid_t pid, uint64_t address);
/* Does this kernel's smaps show that at all? (Not before 6.13.) */
bool sealing_is_shown(void);

/* List, reply and smaps all say that the page is sealed natively, or is not. One check, named so. */
bool check_gate(pid_t pid, uint64_t page, const struct sealed *sealed, bool native, const char *name);

#endif
