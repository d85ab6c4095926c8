/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Reads what others can withhold: files in file systems of users (FUSE, also below an overlay) or over a
 * network, and what needs the mmap_lock or exec_update_lock of a process, which a page fault can hold while
 * it waits for such a file. That may take for ever, and SIGKILL does not end it once the server has the
 * request (fs/fuse/dev.c, request_wait_answer). So a child of the daemon reads. If it does not answer in
 * time, the daemon goes on without it.
 */
#pragma once

#include "bpf/programs.h"

#define READER_DESCRIPTORS 3

/* What a job returns beside its result: memory that the daemon sees at the same address, and descriptors. */
struct reader_reply {
	char *data;
	size_t size, room;
	int fds[READER_DESCRIPTORS]; /* the first ones are used; -1: none */
};

/*
 * A job runs in the reader, a copy of the daemon as it was. fds are those that the daemon has given, and are
 * closed after the job, as are those of the reply. It may use the task iterators of bpf/task_iter.h, but no
 * other descriptors; it must not log. Returns a negative errno or a result of its own.
 */
typedef int (*reader_job)(const void *argument, const int *fds, struct reader_reply *reply);

/* Room for size bytes in the reply, aligned for any type. NULL: there is no more. */
void *reader_reply_room(struct reader_reply *reply, size_t size);

/* Once the iterators are loaded; without it, jobs cannot use them. */
void reader_allow(struct programs *programs);

/*
 * Has the job done for this process, whose account is charged for the wait. argument is copied; count
 * descriptors are lent. *ret stays valid until the next call; its descriptors belong to the caller. Returns
 * what the job does, or
 *
 *   -ETIMEDOUT  it does not answer, or has not lately, or other processes of its account have not
 *   -EIO        the reader has ended by a fault of its own
 *   -ENOMEM, -EAGAIN, ...  there is no reader
 */
int reader_run(uint32_t account, pid_t pid, reader_job job, const void *argument, size_t size, const int *fds,
	       size_t count, struct reader_reply *ret);

/*
 * From now on jobs run in the calling process, a child of the daemon that may wait itself: the reader is not
 * its own, and may be what it has stopped.
 */
void reader_is_here(void);
/* Is it the process that jobs run in? Not one that the daemon has given up. */
bool reader_is(pid_t pid);
/* Gives back memory that a large reply has used. */
void reader_trim(void);
/* Ends it; the next call starts another. */
void reader_close(void);
