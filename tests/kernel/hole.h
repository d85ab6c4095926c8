/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Row 13 of docs/design/model.md: sealed memory is gone, and no new mapping may take its place. */
#pragma once

#include "abi.h"

/*
 * Makes a hole where memory is sealed, by a gate that kills or by a race, and tries to fill it with calls of
 * this ABI. Reports the cells (ways.h).
 */
void holes(enum abi abi);
/* Puts a huge page over a hole, at an address before it. Needs a gate that kills, and huge pages. */
void huge_into_holes(void);
