/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The fuzzer's calls as C. See fuzz_ops.h. */
#define _GNU_SOURCE
#include "fuzz_table.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *ops_name(const struct fuzz_call *call)
{
	return fuzz_ops[call->op].name;
}

static int print_address(const struct fuzz_scene *scene, uint64_t at, char *text, size_t size)
{
	const struct fuzz_place *best = NULL;
	uint64_t least = 4 * FUZZ_HUGE, tag = at & ABI_TAG(0xff);
	int length;

	if (tag) {
		length = snprintf(text, size, "%#lx | ", tag);
		return length + print_address(scene, at - tag, text + length, size - (size_t)length);
	}

	for (unsigned i = 0; i < scene->places_count; i++) {
		uint64_t distance = at > scene->places[i].address ? at - scene->places[i].address :
								    scene->places[i].address - at;

		if (distance < least) {
			least = distance;
			best = &scene->places[i];
		}
	}
	if (!best)
		return snprintf(text, size, "%#lx", at);
	if (!least)
		return snprintf(text, size, "%s%s", best->area, best->what);
	return snprintf(text, size, "%s%s %c %#lx", best->area, best->what, at > best->address ? '+' : '-',
			least);
}

static int print_bits(uint64_t value, const char *const names[][2], char *text, size_t size)
{
	int length = 0;

	for (unsigned i = 0; names[i][0]; i++) {
		uint64_t bit = strtoull(names[i][1], NULL, 16);

		if (value & bit)
			length += snprintf(text + length, size - (size_t)length, "%s%s", length ? "|" : "",
					   names[i][0]);
		value &= ~bit;
	}
	if (value || !length)
		length += snprintf(text + length, size - (size_t)length, "%s%#lx", length ? "|" : "", value);
	return length;
}

static int print_argument(const struct fuzz_scene *scene, char kind, uint64_t value, char *text, size_t size)
{
	static const char *const protections[][2] = { { "PROT_READ", "1" }, { "PROT_WRITE", "2" },
						      { "PROT_EXEC", "4" }, { "PROT_BTI", "10" },
						      { "PROT_MTE", "20" }, { NULL, NULL } };
	static const char *const maps[][2] = { { "MAP_SHARED", "1" },
					       { "MAP_PRIVATE", "2" },
					       { "MAP_FIXED", "10" },
					       { "MAP_ANONYMOUS", "20" },
					       { "MAP_GROWSDOWN", "100" },
					       { "MAP_HUGETLB", "40000" },
					       { "MAP_FIXED_NOREPLACE", "100000" },
					       { NULL, NULL } };
	static const char *const remaps[][2] = { { "MREMAP_MAYMOVE", "1" },
						 { "MREMAP_FIXED", "2" },
						 { "MREMAP_DONTUNMAP", "4" },
						 { NULL, NULL } };
	static const struct {
		unsigned number;
		const char *name;
	} advices[] = { { 4, "MADV_DONTNEED" },		{ 8, "MADV_FREE" },
			{ 9, "MADV_REMOVE" },		{ 10, "MADV_DONTFORK" },
			{ 11, "MADV_DOFORK" },		{ 18, "MADV_WIPEONFORK" },
			{ 24, "MADV_DONTNEED_LOCKED" }, { 25, "MADV_COLLAPSE" },
			{ 100, "MADV_HWPOISON" },	{ 101, "MADV_SOFT_OFFLINE" },
			{ 102, "MADV_GUARD_INSTALL" },	{ 103, "MADV_GUARD_REMOVE" } };

	switch (kind) {
	case 'a': return print_address(scene, value, text, size);
	case 'p': return print_bits(value, protections, text, size);
	case 'm': return print_bits(value, maps, text, size);
	case 'r': return print_bits(value, remaps, text, size);
	case 'v':
		for (unsigned i = 0; i < sizeof(advices) / sizeof(*advices); i++)
			if (advices[i].number == value)
				return snprintf(text, size, "%s", advices[i].name);
		return snprintf(text, size, "%lu", value);
	case 'd': return snprintf(text, size, "%d", (int)value);
	default: return snprintf(text, size, "%#lx", value);
	}
}

void ops_print(const struct fuzz_scene *scene, const struct fuzz_call *call, char *text, size_t size)
{
	const char *name = call->by == FUZZ_OLDMMAP ? "old_mmap" : fuzz_ops[call->op].name;
	int length = snprintf(text, size, "%s(", name);

	for (unsigned i = 0; fuzz_ops[call->op].arguments[i]; i++) {
		length += snprintf(text + length, size - (size_t)length, "%s", i ? ", " : "");
		length += print_argument(scene, fuzz_ops[call->op].arguments[i], call->argument[i],
					 text + length, size - (size_t)length);
	}
	length += snprintf(text + length, size - (size_t)length, ")");
	if (call->abi == ABI_INT80)
		length += snprintf(text + length, size - (size_t)length, " by int 0x80");
	if (call->number && call->by == FUZZ_CALL && call->op < fuzz_ops_count &&
	    strcmp(name, "filewrite") == 0)
		snprintf(text + length, size - (size_t)length, " [call %ld]", (long)call->number);
}
