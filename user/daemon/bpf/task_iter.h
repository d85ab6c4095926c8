/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The address space of each task, as reported by the kernel (bpf/iter_task.bpf.c). */
#pragma once

#include "bpf/programs.h"

/* Bits of mseald_task.flags: include/linux/sched.h. */
#define TASK_EXITING 0x00000004u
#define TASK_KTHREAD 0x00200000u

/* Is it the first thread of a process with memory? */
static inline bool task_is_process(const struct mseald_task *task)
{
	return task->pid == task->tgid && task->key && !(task->flags & TASK_KTHREAD);
}

/* The threads of one process, or of all (pid 0). The caller frees *ret. -ESRCH: none. */
int task_iter_read(struct programs *programs, pid_t pid, struct mseald_task **ret, size_t *ret_count);

/* The threads of all processes, ordered by key, then process. The caller frees *ret. */
int task_iter_read_by_key(struct programs *programs, struct mseald_task **ret, size_t *ret_count);

/* The key of a process's address space; 0: it is gone. */
uint64_t task_iter_key_of(struct programs *programs, pid_t pid);

/* The mappings of one thread with their flags (VM_*), sorted by address. */
struct task_vmas {
	struct mseald_vma *list;
	size_t count;
};

/* -ESRCH: none. The caller frees ret->list. */
int task_iter_read_vmas(struct programs *programs, pid_t tid, struct task_vmas *ret);
/* The mapping at address; an empty one if there is none. */
const struct mseald_vma *task_iter_vma_at(const struct task_vmas *vmas, uint64_t address);

/* The first task with this key; NULL: none. Tasks must be sorted by key. */
const struct mseald_task *task_iter_find(const struct mseald_task *tasks, size_t count, uint64_t key);

/* The tgids with this key, ascending. Tasks must be sorted by key. The caller frees *ret; NULL: none. */
int task_iter_sharing(const struct mseald_task *tasks, size_t count, uint64_t key, pid_t **ret,
		      size_t *ret_count);

/* Orders by key, then process. */
void task_iter_sort_by_key(struct mseald_task *tasks, size_t count);
