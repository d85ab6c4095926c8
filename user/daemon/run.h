/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The method Run: whoever calls it is traced through its next exec to the entry
 * point of the new program (entry.h), sealed there, and let go.
 */
#ifndef MSEALD_RUN_H
#define MSEALD_RUN_H

#include "server.h"

/* As methods.h wants it. */
int run_call(struct connection *connection, json_t *parameters, bool more);

/* The daemon ends: so do all programs that are not sealed yet. */
void runs_end(void);

#endif
