/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Puppets that send requests to the daemon: as another user, in other namespaces, without capabilities. */
#pragma once

#include "puppet.h"

struct asked {
	char error[80]; /* without "io.mseald."; "": none */
	char message[400];
	int64_t spaces; /* of List and Status: number of spaces */
	int64_t pid;	/* of List: first pid of the first space */
};

/* A process of this user and group, which is dumpable. */
struct puppet *puppet_of(uid_t uid, gid_t gid);
/* Makes it another user, still dumpable. */
void puppet_become(struct puppet *puppet, uid_t uid, gid_t gid);
/* Removes all its capabilities outside of this mask. */
void puppet_keep_capabilities(struct puppet *puppet, uint64_t mask);
/* Moves it to a new user namespace with `count` ids from `outside` on, which are 0 and on inside. */
void puppet_user_namespace(struct puppet *puppet, uid_t outside, unsigned count);
/* Puts its children in a new pid namespace: the first is pid 1 there, and must live. */
void puppet_pid_namespace(struct puppet *puppet);
/* puppet_clone() that must succeed. */
struct puppet *puppet_child(struct puppet *of, unsigned long flags);

/*
 * Makes it call a method. pid 0: none; length 0: no ranges, else one. The answer is valid until the puppet's
 * next one.
 */
const struct asked *ask(struct puppet *puppet, const char *method, pid_t pid, uint64_t start,
			uint64_t length);
const struct asked *ask_revocably(struct puppet *puppet, pid_t pid, uint64_t start, uint64_t length);
const struct asked *ask_dry_run(struct puppet *puppet, const char *method, pid_t pid, uint64_t start,
				uint64_t length);
