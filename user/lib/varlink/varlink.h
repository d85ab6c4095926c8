/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The varlink wire format (https://varlink.org): JSON objects, each ended by one NUL, on a stream socket.
 * Used by the daemon and its clients.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#define VARLINK_MESSAGE_MAX (8u << 20) /* bytes; a longer message ends the connection */

/* --- framing: bytes in, messages out; uses no sockets, so it can be fuzzed --- */

struct varlink_framer {
	char *buffer;
	size_t length, allocated, scanned, consumed;
};

void varlink_framer_free(struct varlink_framer *framer); /* a zeroed struct is a new framer */
/* Feeds bytes that were read. -EMSGSIZE: VARLINK_MESSAGE_MAX exceeded without an end; -ENOMEM. */
int varlink_framer_feed(struct varlink_framer *framer, const void *data, size_t length);
/*
 * The next whole message, parsed. 1 and a new reference in *ret; 0: none yet; -EBADMSG: not a JSON object (or
 * not UTF-8, or nested too deep), after which the connection must be closed.
 */
int varlink_framer_next(struct varlink_framer *framer, json_t **ret);

/* Encodes a message for the wire, NUL included in *ret_length; malloc'ed, or NULL. */
char *varlink_encode(const json_t *message, size_t *ret_length);

/* --- a blocking client --- */

struct varlink_client;

/* Connects to the unix socket; negative errno of connect. */
int varlink_connect(const char *path, struct varlink_client **ret);
void varlink_client_free(struct varlink_client *client); /* takes NULL */

/*
 * One call, one reply. parameters: borrowed, may be NULL. Returns:
 *
 *   0               *ret_parameters has the reply's parameters (new reference)
 *   1               the reply is an error: *ret_error is its name (malloc'ed), *ret_parameters its parameters
 *   negative errno  -ECONNRESET: the peer closed the connection; -EBADMSG
 */
int varlink_call(struct varlink_client *client, const char *method, json_t *parameters,
		 json_t **ret_parameters, char **ret_error);

/* The same with "more": send once, then receive until *ret_continues is false. */
int varlink_send_more(struct varlink_client *client, const char *method, json_t *parameters);
int varlink_receive(struct varlink_client *client, json_t **ret_parameters, char **ret_error,
		    bool *ret_continues);
