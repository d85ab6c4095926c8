/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The methods of io.mseald and org.varlink.service: JSON in, JSON out. */
#ifndef MSEALD_METHODS_H
#define MSEALD_METHODS_H

#include "server.h"

/* Answers one call. more: the client takes several replies. Negative errno closes the connection. */
int methods_call(struct connection *connection, const char *method, json_t *parameters, bool more);

/* An attempt as Monitor gives it, or NULL without memory. */
json_t *methods_event(struct daemon *daemon, const struct mseald_event *event);

#endif
