// SPDX-License-Identifier: LGPL-2.1-or-later
/* See task_iter.h. */
#include "bpf/task_iter.h"

#include "lib/base/list.h"

/* The most bytes that one read returns, with pages of 4 KiB (kernel/bpf/bpf_iter.c, bpf_seq_read). */
#define READ_MAX 32768

/* Has the iterator restarted with this record? */
typedef bool (*begins_anew)(const void *first, const void *previous, const void *record);

/*
 * Reads all records of an iterator, of this size; malloc'ed, into the pointer at ret. Closes the iterator; a
 * negative iterator is returned as the errno. If it takes more than one read, an iterator over one process
 * does not end but restarts (kernel/bpf/task_iter.c; seen on 6.12 with 2,000 mappings).
 */
static int read_records(int iterator, size_t size, begins_anew anew, void *ret, size_t *ret_count)
{
	_cleanup_close_ int fd = iterator;
	_cleanup_free_ char *buffer = NULL;
	size_t length = 0, allocated = 0, checked = size;

	if (fd < 0)
		return fd;
	for (;;) {
		ssize_t n;

		if (list_grow(&buffer, length, READ_MAX, &allocated, 1) < 0)
			return -ENOMEM;
		n = read(fd, buffer + length, allocated - length);
		if (n < 0 && (errno == EINTR || errno == EAGAIN))
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		length += (size_t)n;
		while (checked + size <= length && !anew(buffer, buffer + checked - size, buffer + checked))
			checked += size;
		if (checked + size <= length) {
			length = checked;
			break;
		}
	}
	if (length < size)
		return -ESRCH;
	*ret_count = length / size;
	*(void **)ret = TAKE_PTR(buffer);
	return 0;
}

static bool task_anew(const void *first, const void *previous, const void *record)
{
	return ((const struct mseald_task *)record)->pid == ((const struct mseald_task *)first)->pid;
}

static bool vma_anew(const void *first, const void *previous, const void *record)
{
	return ((const struct mseald_vma *)record)->start < ((const struct mseald_vma *)previous)->end;
}

int task_iter_read(struct programs *programs, pid_t pid, struct mseald_task **ret, size_t *ret_count)
{
	return read_records(programs_tasks_fd(programs, pid), sizeof(**ret), task_anew, ret, ret_count);
}

static int compare_keys(const void *left, const void *right)
{
	const struct mseald_task *a = left, *b = right;

	if (a->key != b->key)
		return a->key < b->key ? -1 : 1;
	return a->tgid < b->tgid ? -1 : a->tgid > b->tgid;
}

void task_iter_sort_by_key(struct mseald_task *tasks, size_t count)
{
	qsort(tasks, count, sizeof(*tasks), compare_keys);
}

int task_iter_read_by_key(struct programs *programs, struct mseald_task **ret, size_t *ret_count)
{
	int r = task_iter_read(programs, 0, ret, ret_count);

	if (r >= 0)
		task_iter_sort_by_key(*ret, *ret_count);
	return r;
}

uint64_t task_iter_key_of(struct programs *programs, pid_t pid)
{
	_cleanup_free_ struct mseald_task *tasks = NULL;
	size_t count, i = 0;

	if (task_iter_read(programs, pid, &tasks, &count) < 0)
		return 0;
	/* The first thread may have ended, and has no memory then. */
	while (i + 1 < count && !tasks[i].key)
		i++;
	return tasks[i].key;
}

int task_iter_read_vmas(struct programs *programs, pid_t tid, struct task_vmas *ret)
{
	return read_records(programs_vmas_fd(programs, tid), sizeof(*ret->list), vma_anew, &ret->list,
			    &ret->count);
}

const struct mseald_vma *task_iter_vma_at(const struct task_vmas *vmas, uint64_t address)
{
	static const struct mseald_vma none;
	size_t at = LIST_SEARCH(vmas->count, i, vmas->list[i].end <= address);

	return at < vmas->count && vmas->list[at].start <= address ? &vmas->list[at] : &none;
}

const struct mseald_task *task_iter_find(const struct mseald_task *tasks, size_t count, uint64_t key)
{
	size_t at = LIST_SEARCH(count, i, tasks[i].key < key);

	return at < count && tasks[at].key == key ? &tasks[at] : NULL;
}

int task_iter_sharing(const struct mseald_task *tasks, size_t count, uint64_t key, pid_t **ret,
		      size_t *ret_count)
{
	const struct mseald_task *first = task_iter_find(tasks, count, key);
	_cleanup_free_ pid_t *pids = NULL;
	size_t all = 0, found = 0;

	while (first && first + all < tasks + count && first[all].key == key)
		all++;
	if (all) {
		pids = malloc(all * sizeof(*pids));
		if (!pids)
			return -ENOMEM;
	}
	for (size_t i = 0; i < all; i++)
		if (!found || pids[found - 1] != (pid_t)first[i].tgid)
			pids[found++] = first[i].tgid;
	*ret = TAKE_PTR(pids);
	*ret_count = found;
	return 0;
}
