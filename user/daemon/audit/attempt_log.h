/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the log says of attempts, with the fields of an entry in the journal. They have so many
 * lines a minute (ratelimit.h), then only their number.
 */
#ifndef MSEALD_AUDIT_ATTEMPT_LOG_H
#define MSEALD_AUDIT_ATTEMPT_LOG_H

#include <stdint.h>
#include <systemd/sd-event.h>

#include "bpf/programs.h"
#include "mseald/shared.h"
#include "policy/containers.h"

struct attempt_log;

/* Negative errno. */
int attempt_log_open(sd_event *loop, struct programs *programs, const struct containers *containers,
		     struct attempt_log **ret);
struct attempt_log *attempt_log_close(
	struct attempt_log *attempt_log); /* logs pending counts; takes NULL, returns NULL */

void attempt_log_add(struct attempt_log *attempt_log, const struct mseald_event *event);
void attempt_log_lost(uint64_t count);

#endif
