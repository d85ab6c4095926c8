/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The processes that the daemon has not finished with, each with a timer that says when to look at it again.
 * reconcile.h adds them, look.h looks at them.
 */
#pragma once

#include <systemd/sd-event.h>

#include "base/config.h"
#include "base/timer.h"
#include "bpf/events.h"
#include "bpf/programs.h"
#include "policy/active.h"
#include "policy/containers.h"
#include "policy/late.h"
#include "seal/readiness.h"
#include "seal/space_map.h"

/* What a look needs; it outlives the list. */
struct policy_context {
	sd_event *loop;
	struct programs *programs;
	struct space_map *space_map;
	struct events *events;
	struct active *active;
	struct containers *containers;
	const struct config *config; /* NativeAfter=, Settle= */
};

#define PENDING_BUCKETS 1024
#define PENDING_FIRST_PAUSE_US 1000u

enum phase {
	PHASE_LOOK,   /* part of it is not sealed yet */
	PHASE_NATIVE, /* all is sealed; next by mseal(2), too */
	PHASE_WATCH,  /* also seal objects loaded from now on */
};

struct pending {
	struct pending *next;
	struct pending_list *list;
	struct timer timer;
	uint64_t key;
	pid_t pid;
	uint64_t looking;   /* microseconds, CLOCK_MONOTONIC: something to be sealed since then */
	uint64_t began;	    /* nanoseconds, CLOCK_BOOTTIME: its exec, or when it was found */
	uint64_t sealed;    /* microseconds from then until everything ready was sealed */
	uint64_t finishing; /* nanoseconds, CLOCK_BOOTTIME: a look found it so (readiness.h) */
	uint64_t pause;
	enum phase phase;
	bool matched; /* has been looked at */
	bool complained;
	bool counted;	/* counted as not sealed in time */
	unsigned start; /* enum left: why the kernel left part of its start */
	unsigned left;	/* the same at the last look, for parts not sealed yet */
	bool watched;	/* the kernel removes its key when it is gone */
	bool held;	/* pending_hold() */
	bool dropped;	/* meanwhile */
	struct readiness readiness;
};

struct pending_list {
	struct policy_context on;
	struct pending *buckets[PENDING_BUCKETS];
	void (*due)(void *pending); /* their timers call it */
	uint64_t unsealed;	    /* processes not sealed in time */
	struct late late;
};

/* The time of the event loop: microseconds, CLOCK_MONOTONIC. */
uint64_t pending_now_us(const struct pending_list *list);

/* The one with this key, perhaps of an earlier process; NULL: none. */
struct pending *pending_find(const struct pending_list *list, uint64_t key);

/*
 * Does its process still have the key? Where keys return, that may be another process by now, or a later
 * program of the same one.
 */
bool pending_is_current(const struct pending *pending);

/* The same, if pending_is_current(); otherwise it is dropped. NULL: none. */
struct pending *pending_find_current(struct pending_list *list, uint64_t key);

/* Adds what pending_find_current() does not find. NULL: no memory. */
struct pending *pending_add(struct pending_list *list, uint64_t key, pid_t pid);
void pending_drop(struct pending *pending);

/* While held it is not freed: events are handled meanwhile, and one may show that it is no longer current. */
void pending_hold(struct pending *pending);
/* False: it was dropped meanwhile, and is freed now. */
bool pending_unhold(struct pending *pending);

/* Its next look, in so many microseconds. */
void pending_look_after(struct pending *pending, uint64_t pause);

/* Counts it as not sealed in time, once; false: not for the first time. */
bool pending_count_unsealed(struct pending *pending);
