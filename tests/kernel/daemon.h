/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The daemon under test: starting and ending it, and asking it things over its
 * socket. Every wait here has an end, so that a daemon that hangs fails a test
 * instead of stopping it.
 */
#ifndef MSEALD_TESTS_DAEMON_H
#define MSEALD_TESTS_DAEMON_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "lib/base/range.h"
#include "lib/varlink/varlink.h"

#define DAEMON_SOCKET "/run/mseald/io.mseald"
#define DAEMON_LOG "/run/mseald-test.log"

/*
 * Starts it ($MSEALD, or /usr/sbin/mseald, with $MSEALD_OPTION if there is one) and waits until it
 * answers; bails out when it does not. With $MSEALD_SHARED (tests/kernel/run) it may be the one of
 * the test before, and daemon_stop() leaves it to the next, once nothing is sealed any more.
 */
void daemon_start(void);
/* The same without waiting, for daemons that are not to live; its pid. */
pid_t daemon_spawn(void);
/* Waits for the end of one that ends by itself; the status of waitpid(). Bails out when it lives on. */
int daemon_end(void);
/* Sends the signal and waits for the end; the status of waitpid(). Bails out when it lives on. */
int daemon_stop(int signal);
pid_t daemon_pid(void);	       /* 0: not running */
void daemon_pause(bool pause); /* SIGSTOP, and back */
/* A field of its /proc/PID/status, such as "VmRSS:" (kB); -1: not there. */
long daemon_process_number(const char *field);
long daemon_ticks(void); /* of a processor until now: sysconf(_SC_CLK_TCK) in a second */
/*
 * What it runs under that keeps memory of its own and is slow ($MSEALD_UNDER: valgrind,
 * AddressSanitizer); NULL: nothing.
 */
const char *daemon_under(void);
/* Its memory is as small as it must be (ok()), which cannot be seen when it runs under something (skip()). */
void daemon_memory_ok(bool good, const char *name, ...) __attribute__((format(printf, 2, 3)));
bool daemon_alive(void);    /* it runs and answers */
void daemon_show_log(void); /* the end of what it said, as remarks */

/* --- one connection --- */

struct connection {
	int fd;
	struct varlink_framer framer;
};

bool connection_open(struct connection *connection);  /* false: cannot connect */
void connection_close(struct connection *connection); /* zeroed is fine, and is left so */
/* Sends all bytes; false when the peer has gone or takes longer than 20 s. */
bool connection_send(struct connection *connection, const void *data, size_t length);
/*
 * The next message. NULL when there is none within that time (*ret_gone
 * false) or the connection is over (true; may be NULL).
 */
json_t *connection_receive(struct connection *connection, int milliseconds, bool *ret_gone);

/* --- calls: method without "io.mseald."; parameters are stolen, may be NULL --- */

/*
 * Returns NULL and the reply's parameters (new reference; ret may be NULL), or
 * the name of the error without "io.mseald.", in a static buffer. "(closed)",
 * "(timeout)" and "(refused)" are what befell the connection.
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
/* NULL when sealed, else the error; parameters of the reply in *ret (may be NULL). */
const char *daemon_seal(const struct seal_order *order, json_t **ret);
/* One range with the defaults. */
const char *seal_range(pid_t pid, uint64_t start, uint64_t length);
/* Everything of a pid for count 0. */
const char *daemon_unseal(pid_t pid, const struct range *ranges, size_t count);
/* The same for what has to work here: bails out with the error. */
void must_seal(pid_t pid, uint64_t start, uint64_t length);
/* The same, but never by mseal(2): what a gate lets by is gone. */
void must_seal_revocably(pid_t pid, uint64_t start, uint64_t length);

/* Spaces (array, new reference; empty when there are none). pid 0: all. Bails out on any other error. */
json_t *daemon_list(pid_t pid);
/* Seals of that process, sorted by start (new reference). */
json_t *daemon_seals(pid_t pid);
/* Is every byte of it sealed, says the daemon? */
bool daemon_says_sealed(pid_t pid, uint64_t start, uint64_t length);

/* Waits until a child has ended: its exit status, or 256 and the signal that has killed it. */
int child_end(pid_t pid);

json_t *daemon_status(void);		   /* new reference; bails out when there is none */
int64_t status_number(const char *member); /* booleans: 0 and 1 */
/* Waits until the member has that value; false when it has not after so many seconds. */
bool status_becomes(const char *member, int64_t value, int seconds);

int64_t json_number(const json_t *object, const char *member);	 /* -1 when absent */
const char *json_text(const json_t *object, const char *member); /* "" when absent */

/* --- events --- */

struct monitor {
	struct connection connection;
	int64_t lost; /* what the daemon said was lost, added up */
	bool gone;
};

void monitor_open(struct monitor *monitor, pid_t pid); /* pid 0: of all; bails out when it cannot */
void monitor_close(struct monitor *monitor);
/* The next event (new reference), or NULL when there is none in that time. */
json_t *monitor_next(struct monitor *monitor, int milliseconds);

#endif
