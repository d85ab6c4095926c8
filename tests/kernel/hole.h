/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Row 13 of docs/design/model.md: what was sealed is gone, and nothing must come there. */
#ifndef MSEALD_TESTS_HOLE_H
#define MSEALD_TESTS_HOLE_H

#include "abi.h"

/*
 * Makes a hole where something is sealed, by a gate that kills or by a race,
 * and tries to fill it with calls of this ABI. Tells of the cells (ways.h).
 */
void holes(enum abi abi);
/* With a gate that kills and huge pages: one of them is put over a hole, at an address before it. */
void huge_into_holes(void);

#endif
