// SPDX-License-Identifier: LGPL-2.1-or-later
/* See labels.h. */
#include "seal/labels.h"

#include <bpf/bpf.h>

#include "lib/base/list.h"
#include "base/log.h"
#include "base/text.h"
#include "bpf/map.h"
#include "process/procfs.h"

#define PROBES 8

/* Keep the tail of an over-long path. */
static void copy_text(char to[MSEALD_LABEL_TEXT], const char *from)
{
	size_t length = strlen(from);

	if (length < MSEALD_LABEL_TEXT)
		memcpy(to, from, length);
	else
		(void)snprintf(to, MSEALD_LABEL_TEXT, "...%s", from + length - (MSEALD_LABEL_TEXT - 4));
	text_clean(to);
}

uint64_t labels_hash(const char *text, size_t length)
{
	uint64_t hash = MSEALD_HASH_START;

	for (size_t i = 0; i < length; i++)
		hash = MSEALD_HASH_STEP(hash, text[i]);
	return hash;
}

static bool in_list(uint64_t label, const struct set_map_label *list, size_t count)
{
	size_t at = LIST_SEARCH(count, i, list[i].label < label);

	return at < count && list[at].label == label;
}

/* Is the label in the report? Then its names are still needed. */
static bool in_report(const struct mseald_tally_key *keys, size_t count, uint64_t label)
{
	for (size_t i = 0; i < count; i++)
		if (keys[i].label == label)
			return true;
	return false;
}

/* Removes labels that neither a seal set nor the report refers to. Rarely needed, so it may be slow. */
static void forget_unused(struct programs *programs, struct space_map *space_map)
{
	int fd = programs_map_fd(programs, "labels"), report = programs_map_fd(programs, "report");
	_cleanup_free_ struct set_map_label *list = NULL;
	_cleanup_free_ struct mseald_tally_key *reported = NULL;
	_cleanup_free_ uint64_t *labels = NULL;
	size_t count, reported_count, labels_count;

	if (set_map_read_labels(space_map->sets, &list, &count) < 0 ||
	    map_keys(report, sizeof(*reported), MSEALD_MAX_TALLIES, &reported, &reported_count) < 0 ||
	    map_keys(fd, sizeof(*labels), MSEALD_MAX_LABELS, &labels, &labels_count) < 0)
		return;
	for (size_t i = 0; i < labels_count; i++)
		if (!in_list(labels[i], list, count) && !in_report(reported, reported_count, labels[i]))
			(void)bpf_map_delete_elem(fd, &labels[i]);
}

/* 1: entered; 0: another label has the number; or a negative errno. */
static int insert(int fd, uint64_t number, const struct mseald_label *label)
{
	struct mseald_label there;

	if (bpf_map_update_elem(fd, &number, label, BPF_NOEXIST) == 0)
		return 1;
	if (errno != EEXIST)
		return -errno;
	if (bpf_map_lookup_elem(fd, &number, &there) < 0)
		return -errno;
	return memcmp(&there, label, sizeof(there)) == 0;
}

static int find_number(int fd, const struct mseald_label *label, uint64_t *ret)
{
	/* As the kernel does it when it seals a program (bpf/exec_match.bpf.c, exec_label). */
	uint64_t number = MSEALD_LABEL_NUMBER(labels_hash(label->policy, strlen(label->policy)),
					      labels_hash(label->program, strlen(label->program)));

	for (int i = 0; i < PROBES; i++, number++) {
		int r = number ? insert(fd, number, label) : 0;

		if (r < 0)
			return r;
		*ret = number;
		if (r > 0)
			return 0;
	}
	return -ENOSPC;
}

uint64_t labels_make(struct programs *programs, struct space_map *space_map, const char *policy,
		     const char *program)
{
	int fd = programs_map_fd(programs, "labels"), r;
	struct mseald_label label = {};
	static bool complained;
	uint64_t number;

	copy_text(label.policy, policy);
	copy_text(label.program, program);
	r = find_number(fd, &label, &number);
	if (r == -E2BIG) {
		forget_unused(programs, space_map);
		r = find_number(fd, &label, &number);
	}
	if (r >= 0)
		return number;
	if (!complained)
		log_warning("attempts on %s cannot be counted by policy: %s, ignoring", label.program,
			    r == -E2BIG ? "there are too many programs" : strerror(-r));
	complained = true;
	return 0;
}

uint64_t labels_of_process(struct programs *programs, struct space_map *space_map, int proc_fd,
			   const char *policy, uint64_t old)
{
	_cleanup_free_ char *exe = NULL;

	if (!policy && old)
		return old;
	exe = procfs_exe(proc_fd);
	return labels_make(programs, space_map, policy ?: "", exe ?: "");
}

bool labels_read(const struct programs *programs, uint64_t label, struct mseald_label *ret)
{
	if (!label || bpf_map_lookup_elem(programs_map_fd(programs, "labels"), &label, ret) < 0)
		return false;
	/* The kernel stores paths as they are (bpf/exec_match.bpf.c, exec_label). */
	text_clean(ret->policy);
	text_clean(ret->program);
	return true;
}
