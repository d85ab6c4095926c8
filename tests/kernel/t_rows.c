/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Rows 1 to 10 and 13 of docs/design/model.md, by 64-bit calls: the attacks of strike_*.c, and
 * filling a hole; and the reply of Status. Rows 11 and 12 are in t_foreign.c.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <string.h>

#include "attack.h"
#include "daemon.h"
#include "hole.h"
#include "tap.h"
#include "ways.h"

static bool is_lsm_row(int row)
{
	return row == 1 || row == 2 || row == 9 || row == 10 || row == 12 || row == 13;
}

/* --- Status must agree with the known behaviour of the kernel --- */

static void check_status(void)
{
	json_t *status = daemon_status(), *rows = json_object_get(status, "rows"), *row;
	bool seen[14] = { false };
	size_t i;

	diag("kernel %s, preemption %s", json_text(status, "kernel"), json_text(status, "preemption"));
	json_array_foreach(rows, i, row) {
		const char *operation = json_text(row, "description"), *outcome = json_text(row, "outcome");
		const char *by = json_text(row, "by");
		int number = (int)json_number(row, "row");
		bool lsm = !strcmp(by, "lsm");
		bool either = strstr(operation, "io_uring") || strstr(operation, "io_destroy");

		diag("row %2d %s: %s by %s%s %s", number, operation, outcome, by,
		     json_number(row, "raced") > 0 ? ", can be raced" : "", json_text(row, "note"));
		if (number < 1 || number > 13)
			continue;
		seen[number] = true;
		if (number == 13)
			/* Stacks grow by page faults, without an LSM hook. */
			ok(!strcmp(outcome, lsm ? "EPERM" : "SIGKILL") && (lsm || strstr(operation, "stack")),
			   "Status, row 13: %s: %s", operation, outcome);
		else if (!strcmp(by, "kernel"))
			/* Verified below. */
			ok((strstr(operation, "process_madvise") || strstr(operation, "guard pages")) &&
				   !strcmp(outcome, "EINVAL"),
			   "Status, row %d: %s: the kernel itself says EINVAL", number, operation);
		else if (lsm)
			ok((is_lsm_row(number) || number == 8 || number == 11) && !strcmp(outcome, "EPERM"),
			   "Status, row %d: %s: EPERM", number, operation);
		else if (strstr(operation, "32-bit call"))
			/* 32-bit calls have a row of their own only if they differ from 64-bit calls. */
			ok(gate_is_override() && !strcmp(outcome, "SIGKILL"), "Status, row %d: %s: SIGKILL",
			   number, operation);
		else if (either)
			ok(!strcmp(outcome, "EPERM") || !strcmp(outcome, "SIGKILL"), "Status, row %d: %s: %s",
			   number, operation, outcome);
		else
			ok(!is_lsm_row(number) && !strcmp(outcome, program_text()), "Status, row %d: %s: %s",
			   number, operation, program_text());
	}
	for (int number = 1; number <= 13; number++)
		ok(seen[number], "Status has row %d", number);
	json_decref(status);
}

int main(int argc, char **argv)
{
	puppet_main(argc, argv);
	(void)gate_is_override();
	ways_begin();
	check_status();
	make_attacks(lsm_attacks, ABIS_64);
	make_attacks(gate_attacks, ABIS_64);
	make_attacks(length_attacks, ABIS_64);
	make_attacks(discard_attacks, ABIS_64);
	holes(ABI_64);
	ways_end();
	daemon_stop(SIGTERM);
	return tap_end();
}
