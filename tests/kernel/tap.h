/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The Test Anything Protocol, as prove(1) reads it: one line a check. */
#ifndef MSEALD_TESTS_TAP_H
#define MSEALD_TESTS_TAP_H

#include <stdbool.h>

/* One check; returns good. A failed one ends up in the exit status. */
bool ok(bool good, const char *name, ...) __attribute__((format(printf, 2, 3)));

/* A check that could not be made here, and why. */
void skip(const char *why, const char *name, ...) __attribute__((format(printf, 2, 3)));

/* A remark, any number of lines. */
void diag(const char *text, ...) __attribute__((format(printf, 1, 2)));

/* Nothing further can be tested: says why, removes what on_bail named, ends with status 1. */
void bail(const char *why, ...) __attribute__((format(printf, 1, 2), noreturn));
void on_bail(void (*cleanup)(void));

/*
 * How often something is tried: full times, or a few where tests are to be short ($MSEALD_BRIEF, as
 * make check has it).
 */
unsigned brief(unsigned full, unsigned few);
/*
 * Another number on the next kernel and on the next day ($MSEALD_TURN, or 0): where the short form takes a
 * few of many, it says which.
 */
unsigned turn(void);

/* Prints the plan; returns the exit status: 0 when all checks were good, else 1. */
int tap_end(void);

#endif
