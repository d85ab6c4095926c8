/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The state that an OCI runtime passes to a hook on its standard input (runtime-spec, State), and the
 * requests of its annotations. The author of the container wrote them: nothing in it is trusted, and nothing
 * is guessed.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#define STATE_MAX (1u << 20) /* bytes of a state */
#define STATE_PREFIX "io.mseald."

enum on_failure { ON_FAILURE_UNSAID, ON_FAILURE_STOP, ON_FAILURE_RUN };

struct state {
	json_t *document;
	json_t *annotations;	    /* borrowed from document; NULL: none */
	bool asked;		    /* an annotation begins with io.mseald. */
	enum on_failure on_failure; /* value of the annotation, if valid */
};

/* The fault, for a message: one line without control characters. */
struct fault {
	char text[320];
};

/* -EINVAL and the reason: invalid state. */
int state_parse(const char *text, size_t size, struct state *ret, struct fault *fault);
void state_free(struct state *state); /* takes zeroed, leaves it zeroed */

/* The id, safe for messages; "?": none. Lives as long as the state. */
const char *state_id(const struct state *state);

/*
 * The parameters of io.mseald.WatchContainer, of a state that asks for it. A new reference. -EINVAL and the
 * reason; -ENOMEM.
 */
int state_request(const struct state *state, json_t **ret, struct fault *fault);

/* "stop" or "run"; ON_FAILURE_UNSAID: neither. */
enum on_failure state_find_on_failure(const char *name);

/* Turns text into one line that is safe for terminals. Returns it. */
char *state_clean(char *text);
