/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Logs attempts, with the fields of a journal entry. Lines a minute are limited (ratelimit.h); beyond, only
 * the number of attempts is logged.
 */
#pragma once

#include <systemd/sd-event.h>

#include "bpf/programs.h"
#include "policy/containers.h"

struct attempt_log;

/* Negative errno. */
int attempt_log_open(sd_event *loop, struct programs *programs, const struct containers *containers,
		     struct attempt_log **ret);
void attempt_log_close(struct attempt_log *attempt_log); /* logs pending summaries; takes NULL */

void attempt_log_add(struct attempt_log *attempt_log, const struct mseald_event *event);
void attempt_log_lost(uint64_t count);
