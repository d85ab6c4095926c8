/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Puppets that ask the daemon: as another user, in other namespaces, without capabilities. */
#ifndef MSEALD_TESTS_ASKING_H
#define MSEALD_TESTS_ASKING_H

#include "puppet.h"

struct asked {
	char error[80]; /* without "io.mseald."; "": none */
	char message[400];
	int64_t spaces; /* of List and Status: how many there are */
	int64_t pid;	/* of List: the first pid of the first */
};

/* A process of that user and group, which can be traced as any. */
struct puppet *puppet_of(uid_t uid, gid_t gid);
/* It is another user from now on, still dumpable. */
void puppet_become(struct puppet *puppet, uid_t uid, gid_t gid);
/* Takes capabilities from it: all but those in this mask. */
void puppet_keep_capabilities(struct puppet *puppet, uint64_t mask);
/*
 * It is in a user namespace of its own from now on, of `count` ids from `outside` on, which are 0
 * and on inside.
 */
void puppet_user_namespace(struct puppet *puppet, uid_t outside, unsigned count);
/* Its children are in a pid namespace of their own from now on: the first is pid 1 there, and must live. */
void puppet_pid_namespace(struct puppet *puppet);
/* puppet_clone(), which must not fail. */
struct puppet *puppet_child(struct puppet *of, unsigned long flags);

/*
 * It calls a method. pid 0: not given; length 0: no ranges, else one. The answer is the puppet's
 * until the next one.
 */
const struct asked *ask(struct puppet *puppet, const char *method, pid_t pid, uint64_t start,
			uint64_t length);
const struct asked *ask_revocably(struct puppet *puppet, pid_t pid, uint64_t start, uint64_t length);
const struct asked *ask_dry_run(struct puppet *puppet, const char *method, pid_t pid, uint64_t start,
				uint64_t length);

#endif
