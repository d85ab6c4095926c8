/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Any bytes on the socket, whole and in pieces: the same messages must come out, each an object that encodes
 * to itself.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/util.h"
#include "lib/varlink/varlink.h"

#define CHECK(condition) ((condition) ? (void)0 : abort())

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Takes the available messages; collects them in all. False: the connection is to be closed. */
static bool take_messages(struct varlink_framer *framer, json_t *all)
{
	json_t *message = NULL;
	int r;

	while ((r = varlink_framer_next(framer, &message)) > 0) {
		CHECK(json_is_object(message));
		CHECK(json_array_append_new(all, message) == 0);
		message = NULL;
	}
	CHECK((r == 0 || r == -EBADMSG) && !message);
	return r == 0;
}

/* Feeds pieces of step bytes; returns whether the connection is still open. */
static bool feed(const uint8_t *data, size_t size, size_t step, json_t *all)
{
	_cleanup_(varlink_framer_free) struct varlink_framer framer = { 0 };

	for (size_t done = 0; done < size; done += step) {
		CHECK(varlink_framer_feed(&framer, data + done, MIN_OF(step, size - done)) == 0);
		if (!take_messages(&framer, all))
			return false;
	}
	return true;
}

static void encodes_to_itself(const json_t *message)
{
	_cleanup_(varlink_framer_free) struct varlink_framer framer = { 0 };
	_cleanup_free_ char *wire = NULL;
	json_t *back = NULL;
	size_t length = 0;

	wire = varlink_encode(message, &length);
	CHECK(wire && length > 0 && memchr(wire, '\0', length) == wire + length - 1);
	CHECK(varlink_framer_feed(&framer, wire, length) == 0);
	CHECK(varlink_framer_next(&framer, &back) == 1 && json_equal(message, back));
	json_decref(back);
	back = NULL;
	CHECK(varlink_framer_next(&framer, &back) == 0 && !back);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	json_t *whole = json_array(), *pieces = json_array(), *message;
	size_t step = size > 0 ? 1 + data[0] % 16 : 1, i;

	CHECK(whole && pieces);
	CHECK(feed(data, size, size ? size : 1, whole) == feed(data, size, step, pieces));
	CHECK(json_equal(whole, pieces));
	json_array_foreach(whole, i, message)
		encodes_to_itself(message);
	json_decref(whole);
	json_decref(pieces);
	return 0;
}
