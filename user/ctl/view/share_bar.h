/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A line with a bar that shows a sealed share. */
#ifndef MSEALCTL_SHARE_BAR_H
#define MSEALCTL_SHARE_BAR_H

#include <stdio.h>

#include "ctl/base/terminal.h"
#include "ctl/view/address_space.h"

/* The cells of a bar: sealed, partly sealed, not sealed. */
struct share_cells {
	const char *full, *part, *none;
};

/* Static; ASCII if the terminal has no UTF-8. */
const struct share_cells *share_bar_cells(const struct terminal *terminal);
/* Prints "executable ######...... 50 % 4K of 8K sealed" and a new line. */
void share_bar_print(const struct terminal *terminal, const char *what, struct share share, FILE *out);

#endif
