/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which address space each task has, as the kernel says (bpf/iter_task.bpf.c). */
#ifndef MSEALD_TASKS_H
#define MSEALD_TASKS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "mseald/shared.h"
#include "programs.h"

/* The threads of one process, or of all (pid 0). The caller frees *ret. -ESRCH: none. */
int tasks_read(struct programs *programs, pid_t pid, struct mseald_task **ret, size_t *ret_count);

/* The mappings of one thread with their flags (VM_*), sorted by address. The caller frees *ret. */
int tasks_read_vmas(struct programs *programs, pid_t tid, struct mseald_vma **ret, size_t *ret_count);

/* The first of those that have this key; NULL: none has. Tasks must be sorted by key. */
const struct mseald_task *tasks_find(const struct mseald_task *tasks, size_t count, uint64_t key);

/*
 * The processes (thread group ids, ascending, each once) that have this key.
 * Tasks must be sorted by key. The caller frees *ret, which is NULL for none.
 */
int tasks_sharing(const struct mseald_task *tasks, size_t count, uint64_t key, pid_t **ret, size_t *ret_count);

/* Orders by key, then process. */
void tasks_sort_by_key(struct mseald_task *tasks, size_t count);

#endif
