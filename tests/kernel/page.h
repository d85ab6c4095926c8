/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* `make PAGE=16384` builds the tests for kernels with such pages. */
#pragma once

#ifndef PAGE
#define PAGE 4096ul
#endif
