/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Clients that monitor: they receive events as they happen. A client that does not read loses events, and
 * gets their number.
 */
#pragma once

#include <stdint.h>

#include "mseald/lock.h"
#include "mseald/shared.h"

struct server;

/* Sends an attempt to every client that monitors and may see it. */
void subscribers_publish(struct server *server, const struct mseald_event *event);
void subscribers_publish_lost(struct server *server, uint64_t count);
/* Sends a denial by the lock to every client of root that monitors. */
void subscribers_publish_denial(struct server *server, const struct mseald_lock_denial *denial);
