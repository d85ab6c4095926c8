/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A line with a bar that says how much of something is sealed. */
#ifndef MSEALCTL_SHARE_BAR_H
#define MSEALCTL_SHARE_BAR_H

#include <stdio.h>

#include "ctl/base/terminal.h"
#include "ctl/view/address_space.h"

/* The cells of a bar: sealed, partly sealed, not sealed. */
struct share_cells {
	const char *full, *part, *none;
};

/* Static; ASCII where the terminal has no UTF-8. */
const struct share_cells *share_bar_cells(const struct terminal *terminal);
/* "executable  ######......  50 %  4K of 8K sealed" and a new line. */
void share_bar_print(const struct terminal *terminal, const char *what, struct share share, FILE *out);

#endif
