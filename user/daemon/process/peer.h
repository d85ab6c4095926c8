/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The process at the other end of a connection, and no other that has its pid by now. */
#ifndef MSEALD_PROCESS_PEER_H
#define MSEALD_PROCESS_PEER_H

#include "lib/base/util.h"

/*
 * A pidfd of the peer, whose pid is that of SO_PEERCRED; begun: boot-time ns, when it had
 * connected. -ESRCH: it has gone, or is in a pid namespace that is not seen
 * from here (pid 0); other negative errnos.
 */
int peer_open(int socket, pid_t pid, uint64_t begun);

#endif
