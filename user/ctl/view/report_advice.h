/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Advice on a report. */
#pragma once

#include <jansson.h>
#include <stdint.h>

/*
 * Lines, separated by '\n': how much would have been denied, and the keys to change, for each program if
 * there are several. With Action=audit also the limits of deny on this kernel. Any of the keys is enough for
 * all attempts of the program. policy, rows, lost: of io.mseald.Report; now: ns since 1970. Malloc'ed,
 * unescaped; NULL: out of memory.
 */
char *report_advice(const json_t *policy, const json_t *rows, uint64_t lost, uint64_t now);
/* The keys: [{program, attempts, kinds, ways: ["Deny=discard", "Segments=none"]}...]. */
json_t *report_advice_ways(const json_t *policy, const json_t *rows);
#define REPORT_ADVICE_DURATION_MAX 32
/* Formats "26 hours". Returns buf. */
const char *report_advice_duration(uint64_t ns, char buf[REPORT_ADVICE_DURATION_MAX]);
