/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the lock has refused to others, as it happens: told to the log and to who monitors. */
#ifndef MSEALD_REFUSALS_H
#define MSEALD_REFUSALS_H

#include <jansson.h>

#include "daemon.h"
#include "mseald/lock.h"

struct refusals;

/* With a lock that is complete; without one *ret is NULL. Negative errno. */
int refusals_open(struct daemon *daemon, struct refusals **ret);
struct refusals *refusals_close(struct refusals *refusals);	/* says what is not said yet; takes NULL, returns NULL */

/* As Monitor has it, a new reference. */
json_t *refusals_json(struct daemon *daemon, const struct mseald_refusal *refusal);

#endif
