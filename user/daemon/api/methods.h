/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The table of all methods of io.mseald and org.varlink.service. */
#ifndef MSEALD_API_METHODS_H
#define MSEALD_API_METHODS_H

#include "api/connection.h"

/* Answers one call. Negative errno closes the connection. */
int methods_call(struct connection *connection, const char *method, json_t *parameters);

#endif
