// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * See file_map.h. A file is entered before a set that needs it becomes active, and removed when the set has
 * no references. The programs read the map only while state.files says that it has entries.
 */
#include "seal/file_map.h"

#include <bpf/bpf.h>

#include "lib/base/list.h"
#include "base/log.h"

static struct mseald_file_seals seals_of(const struct sealset *set, const struct sealset_file *file,
					 uint64_t space)
{
	const struct seal *seal = &set->list[file->seal];

	return (struct mseald_file_seals){
		.denying = file->action != MSEALD_ACTION_AUDIT,
		.auditing = file->action == MSEALD_ACTION_AUDIT,
		.space = space,
		.label = set->label,
		.start = seal->start,
		.end = seal->end,
		.segment = seal->segment,
	};
}

static volatile uint32_t *entries(struct programs *programs)
{
	return &programs_state(programs)->files;
}

static int add(struct programs *programs, const struct mseald_inode *inode,
	       const struct mseald_file_seals *seals)
{
	int fd = programs_map_fd(programs, "files");
	struct mseald_file_seals old = {}, new = *seals;
	bool first;

	first = bpf_map_lookup_elem(fd, inode, &old) < 0;
	if (first && errno != ENOENT)
		return -errno;
	/* Events must name a seal that denies. */
	if (old.denying && !new.denying)
		new = old;
	new.denying = old.denying + seals->denying;
	new.auditing = old.auditing + seals->auditing;
	*entries(programs) += first;
	if (bpf_map_update_elem(fd, inode, &new, BPF_ANY) < 0) {
		int r = errno == E2BIG ? -ENOSPC : -errno;

		*entries(programs) -= first;
		return r;
	}
	return 0;
}

static void take_out(struct programs *programs, const struct mseald_inode *inode, bool denies)
{
	int fd = programs_map_fd(programs, "files");
	struct mseald_file_seals seals;

	if (bpf_map_lookup_elem(fd, inode, &seals) < 0)
		return;
	if (denies && seals.denying)
		seals.denying--;
	if (!denies && seals.auditing)
		seals.auditing--;
	if (seals.denying || seals.auditing) {
		(void)bpf_map_update_elem(fd, inode, &seals, BPF_EXIST);
		return;
	}
	if (bpf_map_delete_elem(fd, inode) == 0)
		*entries(programs) -= 1;
}

int file_map_add(struct programs *programs, const struct sealset *set, uint64_t space)
{
	_cleanup_free_ struct sealset_file *list = NULL;
	size_t count;
	int r = sealset_files(set, MSEALD_DENY_FILE_WRITE, &list, &count);

	for (size_t i = 0; i < count && r >= 0; i++) {
		struct mseald_file_seals seals = seals_of(set, &list[i], space);

		r = add(programs, &list[i].inode, &seals);
		for (size_t j = i; r < 0 && j-- > 0;)
			take_out(programs, &list[j].inode, list[j].action != MSEALD_ACTION_AUDIT);
	}
	return r < 0 ? r : (int)count;
}

void file_map_remove(struct programs *programs, const struct sealset *set)
{
	_cleanup_free_ struct sealset_file *list = NULL;
	size_t count = 0;

	if (sealset_files(set, MSEALD_DENY_FILE_WRITE, &list, &count) < 0)
		log_warning(
			"no memory: files that were sealed stay closed to writes until mseald is restarted, "
			"ignoring");
	for (size_t i = 0; list && i < count; i++)
		take_out(programs, &list[i].inode, list[i].action != MSEALD_ACTION_AUDIT);
}

/* --- the whole map --- */

void file_map_table_free(struct file_map_table *table)
{
	free(table->list);
	*table = (struct file_map_table){};
}

int file_map_table_add(struct file_map_table *table, const struct sealset *set)
{
	_cleanup_free_ struct sealset_file *list = NULL;
	size_t count;
	int r = sealset_files(set, MSEALD_DENY_FILE_WRITE, &list, &count);

	if (r < 0)
		return r;
	if (list_grow(&table->list, table->count, count, &table->allocated, sizeof(*table->list)) < 0)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++)
		table->list[table->count++] = (struct file_map_entry){ .inode = list[i].inode,
								       .seals = seals_of(set, &list[i], 0) };
	return 0;
}

static int compare(const void *left, const void *right)
{
	return memcmp(left, right, sizeof(struct mseald_inode));
}

/* Adds up entries of the same file. */
static void sum_up(struct file_map_table *table)
{
	size_t count = 0;

	if (table->count)
		qsort(table->list, table->count, sizeof(*table->list), compare);
	for (size_t i = 0; i < table->count; i++) {
		struct mseald_file_seals *sum = count ? &table->list[count - 1].seals : NULL,
					 one = table->list[i].seals;

		if (!count || compare(&table->list[count - 1], &table->list[i]) != 0) {
			table->list[count++] = table->list[i];
			continue;
		}
		one.denying += sum->denying;
		one.auditing += sum->auditing;
		*sum = one;
	}
	table->count = count;
}

int file_map_restore(struct programs *programs, struct file_map_table *table)
{
	int fd = programs_map_fd(programs, "files"), r;
	struct mseald_inode inode, next;

	sum_up(table);
	if (table->count)
		*entries(programs) = MAX_OF(*entries(programs), (uint32_t)table->count);
	for (size_t i = 0; i < table->count; i++) {
		struct mseald_file_seals old;

		/* The map still has the key of the address space. */
		if (bpf_map_lookup_elem(fd, &table->list[i].inode, &old) == 0)
			table->list[i].seals.space = old.space;
		if (bpf_map_update_elem(fd, &table->list[i].inode, &table->list[i].seals, BPF_ANY) < 0)
			return -errno;
	}
	r = bpf_map_get_next_key(fd, NULL, &next);
	while (r == 0) {
		inode = next;
		r = bpf_map_get_next_key(fd, &inode, &next);
		if (!table->count ||
		    !bsearch(&inode, table->list, table->count, sizeof(*table->list), compare))
			(void)bpf_map_delete_elem(fd, &inode);
	}
	*entries(programs) = (uint32_t)table->count;
	return 0;
}
