/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Sealed address spaces from io.mseald.List. */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "ctl/base/command.h"
#include "ctl/base/targets.h"
#include "mseald/shared.h"

struct space_seal {
	uint64_t start, end;
	unsigned deny[MSEALD_ACTION_COUNT]; /* MSEALD_DENY_* by action */
	enum mseald_segment segment;
	bool revocable;
	const char *gate; /* points into the reply */
	uint64_t attempts;
};

struct space_seals {
	struct space_seal *list; /* sorted by start */
	size_t count;
};

void spaces_free_seals(struct space_seals *seals); /* for _cleanup_ */

/*
 * Gets all address spaces (pid 0), or that of one process, as {"spaces": [...]}, sorted by the first pid of
 * each. A process that is not sealed gives an empty list. Prints its own complaint. 0, or the exit status.
 */
int spaces_fetch(const struct ctl *ctl, pid_t pid, json_t **ret_document);
/*
 * The same for several processes, each space once. If some are unavailable, the document has the others, and
 * the status is CTL_PARTLY.
 */
int spaces_fetch_targets(const struct ctl *ctl, const struct targets *targets, json_t **ret_document);

/*
 * The same, one space at a time, without keeping them. each: returns 0 to continue, otherwise the exit
 * status, which is returned.
 */
int spaces_each(const struct ctl *ctl, pid_t pid, int (*each)(const json_t *space, void *context),
		void *context);

/* Converts an element of "seals" of a space; unknown values are left out. */
struct space_seal spaces_seal_from_json(const json_t *seal);
/* The seals of all spaces of a document, sorted. 0 or -ENOMEM. */
int spaces_seals_from_document(const json_t *document, struct space_seals *ret);

/*
 * "mprotect,unmap"; other actions are marked: "mprotect kill:unmap". short_form has a letter for each
 * instead: "m", a capital if it kills, "~" before letters that are only logged.
 */
#define SPACES_DENY_TEXT_MAX 160
const char *spaces_deny_text(const unsigned deny[MSEALD_ACTION_COUNT], bool short_form,
			     char buf[SPACES_DENY_TEXT_MAX]);
