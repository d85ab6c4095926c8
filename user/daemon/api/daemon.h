/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Shared by the parts of the daemon: one event loop, one thread. */
#ifndef MSEALD_API_DAEMON_H
#define MSEALD_API_DAEMON_H

#include "audit/report.h"
#include "base/config.h"
#include "bpf/events.h"
#include "policy/containers.h"
#include "seal/gc.h"

struct attempt_log;
struct server;
struct reconcile;
struct lock;
struct lock_log;

struct daemon {
	sd_event *loop;
	struct lock *lock;	   /* NULL: not locked */
	struct lock_log *lock_log; /* NULL: not locked */
	struct programs *programs;
	struct space_map space_map;
	struct server *server;
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

#endif
