/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Draws an address space as an SVG file for a browser, with the rows of map_drawing. */
#pragma once

#include <stdio.h>

#include "ctl/view/address_space.h"

/* 0 or -ENOMEM. */
int map_svg_print(const struct address_space *space, FILE *out);
