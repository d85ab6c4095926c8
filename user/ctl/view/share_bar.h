/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A line with a bar that shows a sealed share. */
#pragma once

#include <stdio.h>

#include "ctl/base/terminal.h"
#include "ctl/view/address_space.h"

/* A cell of a bar: not sealed, partly, sealed. */
enum share_fill { FILL_NONE, FILL_PART, FILL_FULL, FILL_COUNT };

/* ASCII where the terminal has no UTF-8. */
const char *share_bar_cell(const struct terminal *terminal, enum share_fill fill);
#define SHARE_TEXT_MAX 32
/* "4K of 8K sealed". Returns buf. */
const char *share_bar_text(struct share share, char buf[SHARE_TEXT_MAX]);
/* "executable  ######......  50 %  4K of 8K sealed" and a new line. */
void share_bar_print(const struct terminal *terminal, const char *what, struct share share, FILE *out);
