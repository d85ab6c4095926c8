/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * An attack in every way there is to make it: by each ABI, on memory sealed
 * permanently and revocably. By each ABI it first succeeds on memory that is not
 * sealed (in a process that is not, while another is); sealed, it ends exactly
 * as this kernel is known to end it, and has changed nothing; right beside the
 * seal it still succeeds.
 *
 * Each way is also a remark "cell ROW|OPERATION|BY|ABI|SEAL|RESULT|ATTACK", from
 * which tests/matrix makes the tables of docs/denials.md.
 */
#ifndef MSEALD_TESTS_WAYS_H
#define MSEALD_TESTS_WAYS_H

#include "attack.h"

/*
 * Starts the daemon and seals a process, so that the programs stay attached
 * while others act unsealed. And back: checks that it still is sealed.
 */
void ways_begin(void);
void ways_end(void);

/* In short, one of these ABIs: another for the next attack or call (which), and for the next turn(). */
unsigned abis_of_turn(unsigned abis, unsigned which);

/* All checks of one attack, by those of its ABIs that are among these (bits). */
void make_attack(const struct attack *attack, unsigned abis);
void make_attacks(const struct attack *list, unsigned abis); /* ends with a name of NULL */

/*
 * The remark; by: "lsm" or "gate"; result: "EPERM", "SIGKILL", "let through", "no: " and why it
 * cannot be made.
 */
void report_cell(int row, const char *operation, const char *by, enum abi abi, bool permanent,
		 const char *result, const char *attack);

#endif
