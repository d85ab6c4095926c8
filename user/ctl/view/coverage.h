/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How much of each process of the machine is sealed, and the reasons for the rest. */
#pragma once

#include <jansson.h>
#include <stdbool.h>

#include "ctl/base/terminal.h"
#include "ctl/base/text.h"
#include "ctl/view/address_space.h"

enum coverage_state {
	COVERAGE_SEALED,   /* all executable memory with a file */
	COVERAGE_PARTLY,   /* some of it */
	COVERAGE_WEAKER,   /* all of it, but the seals deny less than the policy */
	COVERAGE_UNSEALED, /* none of it */
	COVERAGE_STATE_COUNT,
};

const char *coverage_state_name(int state);

struct coverage {
	size_t processes[COVERAGE_STATE_COUNT];
	size_t kernel_threads;		  /* without memory of their own; in no other count */
	size_t audited;			  /* processes whose seals only log */
	size_t unexpected;		  /* processes that a policy should have sealed by now */
	struct share shares[SHARE_COUNT]; /* of all processes */
	json_t *list; /* one object per process, including kernel threads, as for --json */
};

void coverage_free(struct coverage *coverage); /* for _cleanup_ */

/* Adds a process. match: as io.mseald.Match; NULL: no policy applies. 0 or -ENOMEM. */
int coverage_add(struct coverage *coverage, const struct address_space *addresses, const json_t *match);
int coverage_add_kernel_thread(struct coverage *coverage, pid_t pid, const char *comm);

/* A new document about all processes; NULL: out of memory. */
json_t *coverage_to_json(const struct coverage *coverage);

/* --- rows and totals, for coverage_table and coverage_svg --- */

struct coverage_row {
	uint64_t pid;
	const char *comm, *policy, *state, *action; /* belong to the coverage; "-": none */
	enum colour colour;			    /* of the state */
	struct share share;			    /* SHARE_FILE_EXECUTABLE */
	char percent[8], sealed[TEXT_SIZE_MAX], all[TEXT_SIZE_MAX];
	char *why; /* the caller's */
};

/*
 * The row of object i of the list, if its state is in shown (bits 1 << enum coverage_state). Returns 1;
 * 0: no row, as for a kernel thread; -ENOMEM. The caller frees ret->why.
 */
int coverage_row(const struct coverage *coverage, size_t i, unsigned shown, struct coverage_row *ret);

/* "file code", "executable", "all memory" */
const char *coverage_share_name(enum share_kind kind);

#define COVERAGE_TEXT_MAX 64
struct coverage_totals {
	char processes[COVERAGE_TEXT_MAX], kernel_threads[COVERAGE_TEXT_MAX];
	char audited[COVERAGE_TEXT_MAX]; /* "": none */
	struct {
		char text[COVERAGE_TEXT_MAX];
		enum colour colour;
	} states[COVERAGE_STATE_COUNT];
};

void coverage_totals(const struct coverage *coverage, struct coverage_totals *ret);
