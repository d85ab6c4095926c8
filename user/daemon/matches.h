/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Policies as io.mseald tells of them: reading them again, and which of them is about which process. */
#ifndef MSEALD_MATCHES_H
#define MSEALD_MATCHES_H

#include <jansson.h>

#include "daemon.h"
#include "failure.h"

/* Reads all policies again and looks at every process: the reply of ReloadPolicy, or NULL and why. */
json_t *matches_reload(struct daemon *daemon, struct failure *failure);

/* Every process that a policy is about: the reply of ListMatches, or NULL and why. */
json_t *matches_list(struct daemon *daemon, struct failure *failure);

#endif
