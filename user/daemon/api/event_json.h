/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The events of Monitor: new references, NULL without memory. */
#pragma once

#include <jansson.h>

#include "mseald/lock.h"
#include "policy/containers.h"

/* An attempt on a seal. */
json_t *event_json(const struct containers *containers, const struct mseald_event *event);
/* A denial by the lock. */
json_t *event_json_denial(const struct containers *containers, const struct mseald_lock_denial *denial);
