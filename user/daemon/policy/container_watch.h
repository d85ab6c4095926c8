/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Checks that programs that start in a container are seen starting. Registering a container only says what to
 * seal. This looks until the first process was seen, and reports a process that was not.
 */
#pragma once

#include "policy/containers.h"
#include "policy/reconcile.h"
#include "seal/space_map.h"

/* Called every few seconds, for all containers. */
void container_watch_look(struct containers *containers, struct reconcile *reconcile,
			  struct programs *programs, struct space_map *space_map);
