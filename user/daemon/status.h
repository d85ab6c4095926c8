/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The method Status: what happens on this kernel, and what is going on, of all or of the user who asks. */
#ifndef MSEALD_STATUS_H
#define MSEALD_STATUS_H

#include "server.h"

int status_call(struct connection *connection, json_t *parameters, bool more);

#endif
