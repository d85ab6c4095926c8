/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Container policies: for each watched container (method_container.c) a policy about its cgroup, active
 * before those of files. Each is kept in a file for the next daemon, and ends with the cgroup.
 */
#pragma once

#include "bpf/programs.h"
#include "lib/base/names.h"
#include "lib/policy/policy.h"
#include "policy/active.h"

#define CONTAINERS_KEPT "/run/mseald/containers"
#define CONTAINERS_MAX 4096

struct containers {
	struct programs *programs;
	struct active *active;
	struct container *list;
	size_t count;
};

/* Loads the containers of an earlier daemon that still exist; active_reload() then activates them. */
void containers_open(struct containers *containers, struct programs *programs, struct active *active);
void containers_close(struct containers *containers); /* takes zeroed; active policies stay */

/*
 * Activates a policy for the container: programs that start in the cgroup of this id are sealed by it.
 * Replaces an earlier policy of this container. Negative errno: nothing has changed, but the next daemon may
 * find the new policy in place of an earlier; -EINVAL: a policy cannot have the cgroup's path; -ENOSPC: too
 * many.
 */
int containers_add(struct containers *containers, const char *id, const char *cgroup, uint64_t cgroup_id,
		   const struct seal_spec *seal);
/* -ENOENT: no container of this id. */
int containers_remove(struct containers *containers, const char *id);
/* Called every few seconds: removes containers whose cgroup is gone. Cheap. */
void containers_tick(struct containers *containers);

/* The kernel has reported a program that this policy matches. Ignores policies of no container. */
void containers_seen(struct containers *containers, const char *policy);

/* The container of a cgroup, by the short form of its id; NULL: none. Valid until the next change. */
const char *containers_find(const struct containers *containers, uint64_t cgroup_id);

/* Whether programs that start in it are seen: container_watch.h. */
struct container_watch {
	uint64_t newest;  /* largest key of address spaces that existed before */
	uint64_t suspect; /* key of an address space that should have been seen, and was not; 0: none */
	uint64_t since;	  /* microseconds, CLOCK_MONOTONIC: when the suspect was found */
	bool done;	  /* the first process was seen */
};

/* processes checked; a container with more had them before it was watched */
#define CONTAINER_WATCH_PROCESSES_MAX 64

/* The watch of the i-th container, and its policy; NULL: no more. */
struct container_watch *containers_watch(struct containers *containers, size_t i,
					 const struct policy **ret_policy);
