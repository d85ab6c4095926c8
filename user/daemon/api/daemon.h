/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Shared by the parts of the daemon: one event loop, one thread. */
#pragma once

#include <jansson.h>

#include "api/throttle.h"
#include "audit/report.h"
#include "base/config.h"
#include "bpf/events.h"
#include "policy/containers.h"
#include "seal/gc.h"

struct attempt_log;
struct connection;
struct reconcile;
struct lock;
struct lock_log;

/* See methods_call() of method.h. */
typedef int (*connection_handler)(struct connection *connection, const char *method, json_t *parameters);

struct server {
	struct daemon *daemon;
	connection_handler call;
	struct quota quota;
	struct throttle throttle;
	sd_event_source *source;
	struct timer pause; /* until the next attempt to accept */
	int fd;
	char *path; /* socket to unlink; NULL: systemd owns it */
	LIST_HEAD(, connection) connections;
	unsigned count;
};

struct daemon {
	sd_event *loop;
	struct lock *lock;	   /* NULL: not locked */
	struct lock_log *lock_log; /* NULL: not locked */
	struct programs *programs;
	struct space_map space_map;
	struct server server;
	struct events events;
	struct integrity integrity;
	struct gc gc;
	struct attempt_log *attempt_log; /* large */
	struct active active;		 /* policies */
	struct containers containers;
	struct reconcile *reconcile;
	struct report report;
	struct config config;
	uint64_t started; /* ns since 1970 */
};
