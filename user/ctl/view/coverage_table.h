/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Prints the coverage of a machine as a table. */
#pragma once

#include <stdio.h>

#include "ctl/base/terminal.h"
#include "ctl/view/coverage.h"

/* Prints the processes in these states (bits 1 << enum coverage_state) and all totals. 0 or -ENOMEM. */
int coverage_table_print(const struct coverage *coverage, unsigned states, const struct terminal *terminal,
			 FILE *out);
