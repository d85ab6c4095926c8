/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Makes an attack in every possible way: by each ABI, on memory sealed permanently and revocably. By each ABI
 * it first succeeds on unsealed memory (in an unsealed process, while another is sealed). On sealed memory it
 * ends exactly as expected of this kernel, and changes nothing; directly beside the seal it still succeeds.
 * Each way is also a remark "cell ROW|OPERATION|BY|ABI|SEAL|RESULT|ATTACK", from which tests/matrix makes the
 * tables of docs/denials.md.
 */
#pragma once

#include "attack.h"

/*
 * Starts the daemon and seals a process, so that the programs stay attached while others act unsealed.
 * ways_end() checks that it is still sealed.
 */
void ways_begin(void);
void ways_end(void);

/*
 * In the short form, one of these ABIs: another for the next attack or call (which), and for the next turn().
 */
unsigned abis_of_turn(unsigned abis, unsigned which);

/* Makes all checks of one attack, by those of its ABIs that are among these (bits). */
void make_attack(const struct attack *attack, unsigned abis);
void make_attacks(const struct attack *list, unsigned abis); /* ends with a name of NULL */

/*
 * Prints the remark. by: "lsm" or "gate"; result: "EPERM", "SIGKILL", "let through", "no: " and why it cannot
 * be made.
 */
void report_cell(int row, const char *operation, const char *by, enum abi abi, bool permanent,
		 const char *result, const char *attack);
