/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is sealed, read back from the maps and told as io.mseald.Space. */
#ifndef MSEALD_LISTING_H
#define MSEALD_LISTING_H

#include <jansson.h>

#include "failure.h"
#include "server.h"

struct listing;

/*
 * Every sealed address space, those of one seal set after each other, or (pid not 0) that of one process. once: as
 * io.mseald.List has it. -EBADR and why.
 */
int listing_open(struct daemon *daemon, struct asker *asker, pid_t pid, bool once, struct listing **ret,
		 struct failure *failure);
void listing_free(void *listing);

/* All at once, a new reference. -E2BIG: more than a user is told at once; one by one he is. */
int listing_all(struct listing *listing, json_t **ret);
/* One reply a space, for connection_stream(). */
int listing_next_reply(struct connection *connection, void *listing);

#endif
