/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is counted, for those who watch many machines: the reply of io.mseald.Metrics. */
#ifndef MSEALD_METRICS_H
#define MSEALD_METRICS_H

#include <jansson.h>

#include "daemon.h"

/* A new reference; NULL without memory. */
json_t *metrics_tell(struct daemon *daemon);

#endif
