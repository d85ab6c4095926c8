/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Tricks: calls whose range is not what it seems (beyond all memory, around
 * the end of it), and calls that the kernel itself refuses, for which nobody
 * may be killed. Run by t_tricks.c.
 */
#ifndef MSEALD_TESTS_STRIKE_TRICKS_H
#define MSEALD_TESTS_STRIKE_TRICKS_H

#include "attack.h"

struct trick {
	/* mechanism ALLOWED: the outcome is the same whether sealed or not. invisible: it changes nothing. */
	struct attack attack;

	/* For the strike plain(), which is the default: number(at + offset, length, third, fourth, fifth). */
	long number, offset;
	unsigned long length;
	bool from_end; /* length is counted from the last byte of the 64-bit numbers */
	long third, fourth, fifth;
};

/* All of them: not sealed as the kernel does it, sealed stopped, beside the seal as if not sealed. */
void tricks_run(void);

#endif
