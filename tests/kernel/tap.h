/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The Test Anything Protocol, for prove(1): one line per check. */
#pragma once

#include <stdbool.h>

/* One check; returns good. A failure is reflected in the exit status. */
bool ok(bool good, const char *name, ...) __attribute__((format(printf, 2, 3)));

/* A check that could not be made here, and the reason. */
void skip(const char *why, const char *name, ...) __attribute__((format(printf, 2, 3)));

/* A remark, any number of lines. */
void diag(const char *text, ...) __attribute__((format(printf, 1, 2)));

/* Nothing further can be tested: prints the reason, runs the cleanup of on_bail(), exits with status 1. */
void bail(const char *why, ...) __attribute__((format(printf, 1, 2), noreturn));
void on_bail(void (*cleanup)(void));

/* Number of tries: full, or few for the short form ($MSEALD_BRIEF, as in make check). */
unsigned brief(unsigned full, unsigned few);
/*
 * A number that changes with the kernel and the day ($MSEALD_TURN, or 0): it selects the few of many cases in
 * the short form.
 */
unsigned turn(void);

/* Prints the plan; returns the exit status: 0 when all checks were good, else 1. */
int tap_end(void);
