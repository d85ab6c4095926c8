/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The end of a locked daemon that no signal ends (LockSignals=yes): when the
 * machine is shut down, and there is no other process any more. Until it has
 * ended, its mount namespace and the files of an upgrade that it still runs keep
 * file systems from being unmounted clean.
 *
 * pid 1 may say that the machine is shut down when it is not, since root tells
 * it what to do. So that is only when to look: as long as anybody lives whom
 * seals could be for, nothing comes of it.
 */
#ifndef MSEALD_SHUTDOWN_H
#define MSEALD_SHUTDOWN_H

#include <systemd/sd-event.h>

#include "bpf/programs.h"

/* systemd-shutdown has sent SIGTERM. Once more does nothing more. Always 0. */
int shutdown_begin(sd_event *loop, struct programs *programs);
/* Does the daemon end as the last process of the machine? */
bool shutdown_begun(void);

#endif
