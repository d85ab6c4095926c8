/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the log says of attempts, with the fields of an entry in the journal. They have so many lines a minute (ratelimit.h), then only their number.
 */
#ifndef MSEALD_AUDIT_ATTEMPT_LOG_H
#define MSEALD_AUDIT_ATTEMPT_LOG_H

#include <stdint.h>
#include <systemd/sd-event.h>

#include "bpf/programs.h"
#include "mseald/shared.h"
#include "policy/containers.h"

struct telling;

/* Negative errno. */
int telling_open(sd_event *loop, struct programs *programs, const struct containers *containers, struct telling **ret);
struct telling *telling_close(struct telling *telling);	/* says what is not said yet; takes NULL, returns NULL */

void tell_attempt(struct telling *telling, const struct mseald_event *event);
void tell_lost(uint64_t count);

#endif
