/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* CFLAGS_EXTRA=-DPAGE=16384ul builds the tests for kernels with such pages. */
#pragma once

#ifndef PAGE
#define PAGE 4096ul
#endif
