/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Is all sealed memory of a process unchanged? */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "fuzz_scene.h"

struct fuzz_change {
	const struct fuzz_page *page; /* NULL: unchanged */
	char what[96];
};

/* Records the mappings of the template's sealed pages. */
void oracle_learn(struct fuzz_scene *scene);
/* Examines a process between two batches: its mappings from outside, and the bytes that it has read. */
struct fuzz_change oracle_look(const struct fuzz_scene *scene, const struct fuzz_victim *victim);
