// SPDX-License-Identifier: LGPL-2.1-or-later
/* See task_iter.h. */
#include "bpf/task_iter.h"

/* Has the iterator begun anew with this record? */
typedef bool (*begins_anew)(const void *first, const void *previous, const void *record);

/*
 * All that an iterator writes, in records of this size; malloc'ed. Where it
 * needed more than one read, an iterator over one process does not end but
 * begins anew (kernel/bpf/task_iter.c; seen on 6.12 with 2,000 mappings).
 */
static int read_records(int fd, size_t size, begins_anew anew, void **ret, size_t *ret_count)
{
	_cleanup_free_ char *buffer = NULL;
	size_t length = 0, allocated = 0, checked = size;

	for (;;) {
		ssize_t n;

		if (allocated - length < 16384) {
			size_t more = allocated ? allocated * 2 : 32768;
			char *larger = realloc(buffer, more);

			if (!larger)
				return -ENOMEM;
			buffer = larger;
			allocated = more;
		}
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
	*ret = TAKE_PTR(buffer);
	return 0;
}

static bool task_anew(const void *first, const void *previous, const void *record)
{
	(void)previous;
	return ((const struct mseald_task *)record)->pid == ((const struct mseald_task *)first)->pid;
}

static bool vma_anew(const void *first, const void *previous, const void *record)
{
	(void)first;
	return ((const struct mseald_vma *)record)->start < ((const struct mseald_vma *)previous)->end;
}

int task_iter_read(struct programs *programs, pid_t pid, struct mseald_task **ret, size_t *ret_count)
{
	_cleanup_close_ int fd = programs_tasks_fd(programs, pid);
	void *records;
	int r;

	if (fd < 0)
		return fd;
	r = read_records(fd, sizeof(struct mseald_task), task_anew, &records, ret_count);
	if (r >= 0)
		*ret = records;
	return r;
}

uint64_t task_iter_key_of(struct programs *programs, pid_t pid)
{
	_cleanup_free_ struct mseald_task *tasks = NULL;
	size_t count;

	return task_iter_read(programs, pid, &tasks, &count) < 0 ? 0 : tasks[0].key;
}

int task_iter_read_vmas(struct programs *programs, pid_t tid, struct mseald_vma **ret, size_t *ret_count)
{
	_cleanup_close_ int fd = programs_vmas_fd(programs, tid);
	void *records;
	int r;

	if (fd < 0)
		return fd;
	r = read_records(fd, sizeof(struct mseald_vma), vma_anew, &records, ret_count);
	if (r >= 0)
		*ret = records;
	return r;
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

const struct mseald_task *task_iter_find(const struct mseald_task *tasks, size_t count, uint64_t key)
{
	size_t low = 0, high = count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (tasks[middle].key < key)
			low = middle + 1;
		else
			high = middle;
	}
	return low < count && tasks[low].key == key ? &tasks[low] : NULL;
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
