/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The daemon under test: starting and ending it, and requests over its socket. Every wait here is limited, so
 * that a hanging daemon fails a test instead of stopping it.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "lib/base/range.h"
#include "lib/varlink/varlink.h"

#define DAEMON_SOCKET "/run/mseald/io.mseald"
#define DAEMON_LOG "/run/mseald-test.log"

/*
 * Starts the daemon ($MSEALD, or /usr/sbin/mseald, with $MSEALD_OPTION if set) and waits until it answers;
 * bails out if it does not. With $MSEALD_SHARED (tests/kernel/run) it may reuse the daemon of the test
 * before. daemon_stop() then leaves it to the next test, once nothing is sealed.
 */
void daemon_start(void);
/* The same without waiting, for daemons that will exit; returns the pid. */
pid_t daemon_spawn(void);
/* Waits for a daemon that exits by itself; returns the status of waitpid(). Bails out if it does not exit. */
int daemon_end(void);
/* Sends the signal and waits for the end; returns the status of waitpid(). Bails out if it lives on. */
int daemon_stop(int signal);
pid_t daemon_pid(void);	       /* 0: not running */
void daemon_pause(bool pause); /* SIGSTOP, and SIGCONT */
/* A field of its /proc/PID/status, such as "VmRSS:" (kB); -1: missing. */
long daemon_process_number(const char *field);
long daemon_ticks(void); /* processor time so far: sysconf(_SC_CLK_TCK) per second */
/*
 * The tool that it runs under, with memory of its own and slow ($MSEALD_UNDER: valgrind, AddressSanitizer);
 * NULL: none.
 */
const char *daemon_under(void);
/* Is its memory small enough? ok(); under a tool this cannot be measured: skip(). */
void daemon_memory_ok(bool good, const char *name, ...) __attribute__((format(printf, 2, 3)));
bool daemon_alive(void);    /* it runs and answers */
void daemon_show_log(void); /* the end of its log, as remarks */

/* --- one connection --- */

struct connection {
	int fd;
	struct varlink_framer framer;
};

bool connection_open(struct connection *connection);  /* false: cannot connect */
void connection_close(struct connection *connection); /* takes zeroed; leaves it zeroed */
/* Sends all bytes; false when the peer has gone or takes longer than 20 s. */
bool connection_send(struct connection *connection, const void *data, size_t length);
/*
 * The next message. NULL: none within that time (*ret_gone false), or the connection is closed (true; may be
 * NULL).
 */
json_t *connection_receive(struct connection *connection, int milliseconds, bool *ret_gone);

/* --- calls: method without "io.mseald."; parameters are stolen, may be NULL --- */

/*
 * Returns NULL and the reply's parameters (new reference; ret may be NULL), or the name of the error without
 * "io.mseald.", in a static buffer. "(closed)", "(timeout)" and "(refused)" are errors of the connection.
 */
const char *daemon_call(const char *method, json_t *parameters, json_t **ret);
/* The parameters of the last error reply (borrowed, may be NULL), and its message or "". */
const json_t *daemon_error_parameters(void);
const char *daemon_error_message(void);

struct seal_order {
	pid_t pid;
	const struct range *ranges;
	size_t count;
	const char *segments, *deny, *action; /* words with commas between; NULL: not given */
	bool revocable;
};
/* NULL: sealed; else the error. *ret: the reply's parameters (may be NULL). */
const char *daemon_seal(const struct seal_order *order, json_t **ret);
/* Seals one range with the defaults. */
const char *seal_range(pid_t pid, uint64_t start, uint64_t length);
/* count 0: unseals the whole process. */
const char *daemon_unseal(pid_t pid, const struct range *ranges, size_t count);
/* The same for seals that must succeed: bails out with the error. */
void must_seal(pid_t pid, uint64_t start, uint64_t length);
/* The same, but never by mseal(2), so that memory slipping past a gate is lost. */
void must_seal_revocably(pid_t pid, uint64_t start, uint64_t length);

/* Spaces (array, new reference; empty for none). pid 0: all. Bails out on other errors. */
json_t *daemon_list(pid_t pid);
/* The seals of that process, sorted by start (new reference). */
json_t *daemon_seals(pid_t pid);
/* Does the daemon report every byte of it as sealed? */
bool daemon_says_sealed(pid_t pid, uint64_t start, uint64_t length);

/* Waits until a child has ended: its exit status, or 256 plus the signal that killed it. */
int child_end(pid_t pid);

json_t *daemon_status(void);		   /* new reference; bails out on failure */
int64_t status_number(const char *member); /* booleans: 0 and 1 */
/* Waits until the member has that value; false: not after this many seconds. */
bool status_becomes(const char *member, int64_t value, int seconds);

int64_t json_number(const json_t *object, const char *member);	 /* -1 when absent */
const char *json_text(const json_t *object, const char *member); /* "" when absent */

/* --- events --- */

struct monitor {
	struct connection connection;
	int64_t lost; /* sum of the losses that the daemon reported */
	bool gone;
};

void monitor_open(struct monitor *monitor, pid_t pid); /* pid 0: of all; bails out on failure */
void monitor_close(struct monitor *monitor);
/* The next event (new reference); NULL: none within that time. */
json_t *monitor_next(struct monitor *monitor, int milliseconds);
