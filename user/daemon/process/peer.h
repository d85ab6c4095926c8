/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The process at the other end of a connection, never another one that has its pid by now. */
#pragma once

#include "lib/base/util.h"

/*
 * A pidfd of the peer, whose pid is that of SO_PEERCRED. begun: boot-time ns; the peer had connected by then.
 * -ESRCH: it is gone, or in a pid namespace that mseald does not see (pid 0); other negative errnos.
 */
int peer_open(int socket, pid_t pid, uint64_t begun);
