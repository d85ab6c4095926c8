/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Attempts from io.mseald.Monitor, as text. */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

/* Nanoseconds to add to CLOCK_BOOTTIME to get the time of day; changes when the clock is set. */
int64_t event_clock_offset(void);

#define EVENT_TIME_MAX 40
/* Formats "2026-11-22T12:00:01.123" in local time; realtime: ns since 1970. Returns buf. */
const char *event_time(int64_t realtime, char buf[EVENT_TIME_MAX]);

/*
 * One line without its new line, escaped: "TIME nginx[812] uid 33 denied munmap 0x7f12a000+4096 (relro
 * 0x7f12a000-0x7f12b000) at ip 0x7f001234". The caller frees; NULL: out of memory.
 */
char *event_line(const json_t *event, int64_t clock_offset, bool utf8);
/* The same for a denial by the lock: "TIME rm[812] uid 0 denied pin (lock)". */
char *event_denial_line(const json_t *denial, int64_t clock_offset, bool utf8);
