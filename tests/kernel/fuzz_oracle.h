/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Is everything that a process has sealed as it was? */
#ifndef MSEALD_TESTS_FUZZ_ORACLE_H
#define MSEALD_TESTS_FUZZ_ORACLE_H

#include <stdbool.h>
#include <stdint.h>

#include "fuzz_scene.h"

struct fuzz_change {
	const struct fuzz_page *page; /* NULL: all is as it was */
	char what[96];
};

/* Notes what the mappings of the template's sealed pages are. */
void oracle_learn(struct fuzz_scene *scene);
/* Looks at a process that is between two batches: its mappings from outside, and what it has seen. */
struct fuzz_change oracle_look(const struct fuzz_scene *scene, const struct fuzz_victim *victim);

#endif
