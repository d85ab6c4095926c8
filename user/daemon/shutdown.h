/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The end of a locked daemon that no signal kills (LockSignals=yes): at the shutdown of the machine, when no
 * other process is left. Until it exits, its mount namespace, and files of an upgrade that it still runs,
 * keep file systems from being cleanly unmounted.
 *
 * Root controls pid 1, which may claim a shutdown that does not happen. So the claim only starts the check:
 * the daemon does not exit while any process lives that seals could protect.
 */
#pragma once

#include <systemd/sd-event.h>

#include "bpf/programs.h"

/* systemd-shutdown has sent SIGTERM. Further calls have no effect. Always 0. */
int shutdown_begin(sd_event *loop, struct programs *programs);
/* Will the daemon exit as the last process of the machine? */
bool shutdown_begun(void);
