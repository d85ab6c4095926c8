/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Draws the coverage of a machine as an SVG file for a browser, with the rows of coverage_table. */
#pragma once

#include <stdio.h>

#include "ctl/view/coverage.h"

/* host: name of the machine, for the heading. states: see coverage_table_print(). 0 or -ENOMEM. */
int coverage_svg_print(const struct coverage *coverage, unsigned states, const char *host, FILE *out);
