/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The tables of names, one per shared enum, and the lists that options and policies are written in. A table
 * is indexed by the enum's value; the table of deny bits by the number of the bit.
 */
#define _GNU_SOURCE
#include <assert.h>

#include "lib/base/names.h"
#include "lib/base/util.h"

static const char *const segment_names[] = {
	[MSEALD_SEGMENT_NONE] = "none",	  [MSEALD_SEGMENT_TEXT] = "text", [MSEALD_SEGMENT_RODATA] = "rodata",
	[MSEALD_SEGMENT_RELRO] = "relro", [MSEALD_SEGMENT_DATA] = "data", [MSEALD_SEGMENT_VDSO] = "vdso",
	[MSEALD_SEGMENT_STACK] = "stack",
};
static_assert(ELEMENTS(segment_names) == MSEALD_SEGMENT_COUNT, "a segment without a name");
static_assert(MSEALD_SEGMENTS_ALL == (1u << MSEALD_SEGMENT_COUNT) - 1 - (1u << MSEALD_SEGMENT_NONE),
	      "a segment that \"all\" leaves out");

static const char *const action_names[] = {
	[MSEALD_ACTION_DENY] = "deny",
	[MSEALD_ACTION_KILL] = "kill",
	[MSEALD_ACTION_AUDIT] = "audit",
};
static_assert(ELEMENTS(action_names) == MSEALD_ACTION_COUNT, "an action without a name");

static const char *const op_names[] = {
	[MSEALD_OP_MPROTECT] = "mprotect",
	[MSEALD_OP_MMAP] = "mmap",
	[MSEALD_OP_MUNMAP] = "munmap",
	[MSEALD_OP_MREMAP] = "mremap",
	[MSEALD_OP_MADVISE] = "madvise",
	[MSEALD_OP_PROCESS_MADVISE] = "process_madvise",
	[MSEALD_OP_BRK] = "brk",
	[MSEALD_OP_SHMDT] = "shmdt",
	[MSEALD_OP_SHMAT] = "shmat",
	[MSEALD_OP_REMAP_FILE_PAGES] = "remap_file_pages",
	[MSEALD_OP_IO_DESTROY] = "io_destroy",
	[MSEALD_OP_PRCTL] = "prctl",
	[MSEALD_OP_MAP_HOLE] = "map-hole",
	[MSEALD_OP_PTRACE] = "ptrace",
	[MSEALD_OP_PROC_MEM] = "proc-mem",
	[MSEALD_OP_PROCESS_VM_WRITEV] = "process_vm_writev",
	[MSEALD_OP_USERFAULTFD] = "userfaultfd",
	[MSEALD_OP_FILE_WRITE] = "file-write",
};
static_assert(ELEMENTS(op_names) == MSEALD_OP_COUNT, "an operation without a name");

static const char *const verdict_names[] = {
	[MSEALD_VERDICT_DENIED] = "denied",
	[MSEALD_VERDICT_KILLED] = "killed",
	[MSEALD_VERDICT_AUDITED] = "audited",
};
static_assert(ELEMENTS(verdict_names) == MSEALD_VERDICT_COUNT, "a verdict without a name");

static const char *const deny_names[] = {
	[0] = "mprotect", [1] = "unmap", [2] = "discard", [3] = "foreign-write", [4] = "file-write",
};
static_assert((1u << ELEMENTS(deny_names)) - 1 == MSEALD_DENY_ALL, "a deny bit without a name");
static_assert(MSEALD_DENY_MPROTECT == 1 << 0 && MSEALD_DENY_UNMAP == 1 << 1 &&
		      MSEALD_DENY_DISCARD == 1 << 2 && MSEALD_DENY_FOREIGN_WRITE == 1 << 3 &&
		      MSEALD_DENY_FILE_WRITE == 1 << 4,
	      "deny bits in another order than their names");

static const char *const kind_names[] = {
	[0] = "grows-down",
	[1] = "exec-stack",
	[2] = "huge-text",
	[3] = "all-memory",
};
static_assert(ELEMENTS(kind_names) == MSEALD_KIND_COUNT, "a kind without a name");
static_assert(MSEALD_KIND_GROWS == 1 << 0 && MSEALD_KIND_EXEC_STACK == 1 << 1 &&
		      MSEALD_KIND_HUGE_TEXT == 1 << 2 && MSEALD_KIND_ALL == 1 << 3,
	      "kinds in another order than their names");

static const char *name_of(const char *const *names, size_t count, size_t value)
{
	return value < count && names[value] ? names[value] : "unknown";
}

static int value_of(const char *const *names, size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++) {
		if (strcmp(names[i], name) == 0)
			return (int)i;
	}
	return -EINVAL;
}

unsigned names_deny_of_op(enum mseald_op op)
{
	switch (op) {
	case MSEALD_OP_MPROTECT: return MSEALD_DENY_MPROTECT;
	case MSEALD_OP_MADVISE:
	case MSEALD_OP_PROCESS_MADVISE: return MSEALD_DENY_DISCARD;
	case MSEALD_OP_PTRACE:
	case MSEALD_OP_PROC_MEM:
	case MSEALD_OP_PROCESS_VM_WRITEV: return MSEALD_DENY_FOREIGN_WRITE;
	case MSEALD_OP_FILE_WRITE: return MSEALD_DENY_FILE;
	default: return MSEALD_DENY_UNMAP;
	}
}

int names_find_op(const char *name)
{
	return value_of(op_names, ELEMENTS(op_names), name);
}

int names_find_verdict(const char *name)
{
	return value_of(verdict_names, ELEMENTS(verdict_names), name);
}

const char *names_kind(unsigned number)
{
	return name_of(kind_names, ELEMENTS(kind_names), number);
}

int names_find_kind(const char *name)
{
	int number = value_of(kind_names, ELEMENTS(kind_names), name);

	return number < 0 ? number : 1 << number;
}

const char *names_segment(enum mseald_segment segment)
{
	return name_of(segment_names, ELEMENTS(segment_names), segment);
}

const char *names_action(enum mseald_action action)
{
	return name_of(action_names, ELEMENTS(action_names), action);
}

const char *names_op(enum mseald_op op)
{
	return name_of(op_names, ELEMENTS(op_names), op);
}

const char *names_verdict(enum mseald_verdict verdict)
{
	return name_of(verdict_names, ELEMENTS(verdict_names), verdict);
}

const char *names_deny(unsigned bit)
{
	for (size_t i = 0; i < ELEMENTS(deny_names); i++) {
		if (bit == 1u << i)
			return deny_names[i];
	}
	return "unknown";
}

int names_find_segment(const char *name)
{
	return value_of(segment_names, ELEMENTS(segment_names), name);
}

int names_find_action(const char *name)
{
	return value_of(action_names, ELEMENTS(action_names), name);
}

int names_find_deny(const char *name)
{
	int bit = value_of(deny_names, ELEMENTS(deny_names), name);

	return bit < 0 ? bit : 1 << bit;
}

/* --- lists --- */

static const char white_space[] = " \t\n\r\v\f";

/*
 * Cuts the next word off *rest. Words are separated by white space, or by one comma with or without white
 * space around it. Returns true, with *ret_length 0 for a missing word; false at the end of the list.
 */
static bool next_word(const char **rest, bool *after_comma, const char **ret_word, size_t *ret_length)
{
	const char *word = *rest + strspn(*rest, white_space);
	size_t length = strcspn(word, ",") < strcspn(word, white_space) ? strcspn(word, ",") :
									  strcspn(word, white_space);
	const char *end;

	if (*word == '\0' && !*after_comma)
		return false;
	end = word + length;
	end += strspn(end, white_space);
	*after_comma = *end == ',';
	*rest = *after_comma ? end + 1 : end;
	*ret_word = word;
	*ret_length = length;
	return true;
}

/* Reads a list into bits, one per name, beginning with the first one allowed. */
static int list_parse(const char *list, const char *const *names, size_t first, size_t count,
		      unsigned *ret_mask, char **ret_bad)
{
	unsigned mask = 0, words = 0;
	bool after_comma = false;
	const char *word = "";
	size_t length = 0;

	while (next_word(&list, &after_comma, &word, &length)) {
		_cleanup_free_ char *name = strndup(word, length);
		int value;

		if (!name)
			return -ENOMEM;
		words++;
		if (strcmp(name, "all") == 0) {
			for (size_t i = first; i < count; i++)
				mask |= 1u << i;
			continue;
		}
		value = value_of(names + first, count - first, name);
		if (value < 0) {
			if (ret_bad)
				*ret_bad = TAKE_PTR(name);
			return -EINVAL;
		}
		mask |= 1u << (first + (size_t)value);
	}
	if (words == 0) {
		_cleanup_free_ char *name = strdup("");

		if (!name)
			return -ENOMEM;
		if (ret_bad)
			*ret_bad = TAKE_PTR(name);
		return -EINVAL;
	}
	*ret_mask = mask;
	return 0;
}

int names_parse_segments(const char *list, unsigned *ret_segments, char **ret_bad)
{
	return list_parse(list, segment_names, MSEALD_SEGMENT_NONE + 1, ELEMENTS(segment_names), ret_segments,
			  ret_bad);
}

int names_parse_deny(const char *list, unsigned *ret_deny, char **ret_bad)
{
	return list_parse(list, deny_names, 0, ELEMENTS(deny_names), ret_deny, ret_bad);
}

/* Whole names only: the list ends before a name that does not fit. */
static const char *list_format(unsigned mask, const char *const *names, size_t first, size_t count, char *buf,
			       size_t size)
{
	size_t used = 0;

	if (size == 0)
		return buf;
	buf[0] = '\0';
	for (size_t i = first; i < count; i++) {
		int length;

		if (!(mask & 1u << i))
			continue;
		length = snprintf(buf + used, size - used, "%s%s", used ? "," : "", names[i]);
		if (length < 0 || (size_t)length >= size - used) {
			buf[used] = '\0';
			return buf;
		}
		used += (size_t)length;
	}
	if (used == 0)
		(void)snprintf(buf, size, "-");
	return buf;
}

const char *names_format_deny(unsigned deny, char *buf, size_t size)
{
	return list_format(deny, deny_names, 0, ELEMENTS(deny_names), buf, size);
}

const char *names_format_segments(unsigned segments, char *buf, size_t size)
{
	return list_format(segments, segment_names, MSEALD_SEGMENT_NONE + 1, ELEMENTS(segment_names), buf,
			   size);
}

bool names_is_container_id(const char *id)
{
	size_t length = id ? strlen(id) : 0;

	return length > 0 && length <= NAMES_CONTAINER_ID_MAX && id[0] != '.' &&
	       strspn(id, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.+:-") == length;
}
