/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Whether what starts in a container is seen starting. Registering one only says what is to be sealed;
 * this looks, until the first process was, and tells of one that was not.
 */
#ifndef MSEALD_POLICY_CONTAINER_WATCH_H
#define MSEALD_POLICY_CONTAINER_WATCH_H

#include "policy/containers.h"
#include "policy/reconcile.h"
#include "seal/space_map.h"

/* Every few seconds: all containers. */
void container_watch_look(struct containers *containers, struct reconcile *reconcile,
			  struct programs *programs, struct space_map *space_map);

#endif
