/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Tricks: calls with a misleading range (beyond all memory, wrapping around its end), and calls that the
 * kernel itself refuses, for which no process may be killed. Run by t_tricks.c.
 */
#pragma once

#include "attack.h"

struct trick {
	/* mechanism ALLOWED: the same result, sealed or not. invisible: it changes nothing. */
	struct attack attack;

	/* For the strike plain(), which is the default: number(at + offset, length, third, fourth, fifth). */
	long number, offset;
	unsigned long length;
	bool from_end; /* length is counted from the last byte of the 64-bit address space */
	long third, fourth, fifth;
};

/* Runs all: unsealed with the kernel's result, denied on the seal, beside the seal as if unsealed. */
void tricks_run(void);
