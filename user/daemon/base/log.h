/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Messages of the daemon:
 *
 *   stderr is the journal       entries with fields (sd_journal_sendv(3))
 *   systemd reads it otherwise  lines with their priority
 *   elsewhere                   plain lines with the program's name
 */
#pragma once

#include "lib/base/util.h"

enum log_level {
	LOG_LEVEL_ERROR = 3,
	LOG_LEVEL_WARNING = 4,
	LOG_LEVEL_NOTICE = 5,
	LOG_LEVEL_INFO = 6,
	LOG_LEVEL_DEBUG = 7
};

/* The subject of a message: its MESSAGE_ID=, which systemd/mseald.catalog explains. */
enum log_about {
	LOG_ABOUT_OTHER, /* no MESSAGE_ID */
	LOG_ABOUT_DENIED,
	LOG_ABOUT_KILLED,
	LOG_ABOUT_AUDITED,
	LOG_ABOUT_SUPPRESSED, /* attempts without a line of their own */
	LOG_ABOUT_LOST,	      /* attempts known by their number only */
	LOG_ABOUT_SLIPPED,    /* attempts that slipped past a gate */
	LOG_ABOUT_SEALED,
	LOG_ABOUT_NOT_SEALED,
	LOG_ABOUT_UNSEALED,
	LOG_ABOUT_POLICY_FAULT,
	LOG_ABOUT_LOCK_DENIED,	    /* denied by the lock */
	LOG_ABOUT_LOCK_DENIED_MORE, /* denied by the lock, without a line of their own */
	LOG_ABOUT_STARTED,
	LOG_ABOUT_STOPPED,
	LOG_ABOUT_COUNT,
};

#define LOG_FIELDS_MAX 20

/* Fields "NAME=value", for the journal only. Zeroed it has none; fields that do not fit are left out. */
struct log_fields {
	char text[2048];
	size_t used, count;
	const char *list[LOG_FIELDS_MAX];
};

void log_set_level(enum log_level level); /* default: INFO */
void log_field(struct log_fields *fields, const char *format, ...) _printf_(2, 3);
/* fields: NULL: none. */
void log_entry(enum log_level level, enum log_about about, const struct log_fields *fields,
	       const char *format, ...) _printf_(4, 5);
/* 32 hexadecimal digits; NULL: none. */
const char *log_message_id(enum log_about about);

#define log_message(level, ...) log_entry(level, LOG_ABOUT_OTHER, NULL, __VA_ARGS__)
#define log_error(...) log_message(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warning(...) log_message(LOG_LEVEL_WARNING, __VA_ARGS__)
#define log_notice(...) log_message(LOG_LEVEL_NOTICE, __VA_ARGS__)
#define log_info(...) log_message(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...) log_message(LOG_LEVEL_DEBUG, __VA_ARGS__)
