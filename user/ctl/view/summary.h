/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How much of each sealed address space can no longer change: msealctl list --summary. */
#pragma once

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include "ctl/base/command.h"
#include "ctl/base/targets.h"
#include "ctl/view/address_space.h"
#include "ctl/view/table.h"

struct summary {
	size_t spaces;
	struct share shares[SHARE_COUNT]; /* of all spaces together */
	uint64_t attempts;
	json_t *list; /* one object per space, as for --json */
};

void summary_free(struct summary *summary); /* for _cleanup_ */

/* Adds a space, as io.mseald.Space. 0 or -ENOMEM. */
int summary_add(struct summary *summary, const struct address_space *addresses, const json_t *space);
/* Adds members for bytes and sealed bytes of each kind to an object, as for --json. 0 or -1. */
int summary_put_shares(json_t *object, const struct share shares[SHARE_COUNT]);
struct share summary_get_share(const json_t *object, enum share_kind kind);
/* "native", "kill", "native+kill"; "-": no seal has a gate. */
const char *summary_gate(const struct space_seals *seals, char buf[32]);
int summary_print(const struct summary *summary, const struct terminal *terminal, FILE *out);

/* The command, for all sealed spaces, or for these processes, sealed or not. An exit status. */
int summary_command(const struct ctl *ctl, const struct targets *targets);
