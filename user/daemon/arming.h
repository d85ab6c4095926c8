/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* ArmContainer and DisarmContainer: from a process that a container begins with to a policy about its cgroup. */
#ifndef MSEALD_ARMING_H
#define MSEALD_ARMING_H

#include "server.h"

int arming_call_arm(struct connection *connection, json_t *parameters, bool more);
int arming_call_disarm(struct connection *connection, json_t *parameters, bool more);

#endif
