/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Draws an address space: each mapping a row, its bar filled where it is sealed. */
#pragma once

#include <stdio.h>

#include "ctl/base/terminal.h"
#include "ctl/view/address_space.h"

/* Prints to out, at most terminal->width columns wide (80 if that is 0). 0 or -ENOMEM. */
int map_drawing_print(const struct address_space *space, const struct terminal *terminal, FILE *out);
