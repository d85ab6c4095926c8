/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Targets and results of the fuzzer's calls. See fuzz_ops.h. */
#define _GNU_SOURCE
#include "fuzz_table.h"

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "tap.h"

/* --- coverage --- */

#define KINDS (FUZZ_MEMORIES * FUZZ_STRENGTHS)

static struct {
	bool possible;
	unsigned long count[FUZZ_OUTCOMES];
} cells[FUZZ_OPS][ABI_COUNT][KINDS];

static unsigned kind_at(const struct fuzz_scene *scene, uint64_t where)
{
	const struct fuzz_area *area = scene_area(scene, where);
	unsigned page;

	if (!area)
		return FUZZ_ROOM * FUZZ_STRENGTHS;
	page = (unsigned)((where - scene->starts[area - fuzz_areas]) / FUZZ_PAGE);
	return area->memory * FUZZ_STRENGTHS + scene_strength(scene, area, page);
}

/* The address that the call acts on: the target of mremap, if any. */
static uint64_t about(const struct fuzz_op *op, const struct fuzz_call *call)
{
	const char *first = strchr(op->arguments, 'a');

	if (strcmp(op->name, "mremap") == 0 && call->argument[3] & MREMAP_FIXED)
		return call->argument[4];
	return first ? call->argument[first - op->arguments] : 0;
}

unsigned kind_aimed_at(const struct fuzz_scene *scene, unsigned op, const struct fuzz_call *call)
{
	return kind_at(scene, about(&fuzz_ops[op], call));
}

void ops_expect(const struct fuzz_scene *scene)
{
	bool kinds[KINDS] = { [FUZZ_ROOM * FUZZ_STRENGTHS] = true };

	for (unsigned i = 0; i < scene->places_count; i++)
		kinds[kind_at(scene, scene->places[i].address)] = true;
	for (unsigned op = 0; op < fuzz_ops_count; op++)
		for (unsigned kind = 0; kind < KINDS; kind++) {
			if (!kinds[kind] || !op_is_here(scene, op) || fuzz_ops[op].where & PROCESS ||
			    !strchr(fuzz_ops[op].arguments, 'a'))
				continue;
			if (scene->is_32)
				cells[op][ABI_32][kind].possible |= op_has_abi(op, true);
			else
				cells[op][ABI_64][kind].possible |= op_has_abi(op, false);
			if (abi_is_here(ABI_INT80) && !scene->is_32 && scene->low &&
			    strcmp(fuzz_ops[op].name, "userfaultfd") != 0)
				cells[op][ABI_INT80][kind].possible |= op_has_abi(op, true);
		}
}

void ops_count(const struct fuzz_call *call, enum fuzz_outcome outcome)
{
	cells[call->op][call->abi][call->cell].count[outcome]++;
}

static void report_missing(unsigned op, unsigned abi, unsigned *missing)
{
	char text[220] = "";
	size_t length = 0;
	unsigned before = *missing;

	for (unsigned kind = 0; kind < KINDS; kind++) {
		const unsigned long *count = cells[op][abi][kind].count;

		if (!cells[op][abi][kind].possible || count[0] + count[1] + count[2] + count[3])
			continue;
		if (length < sizeof(text) - 60)
			length += (size_t)snprintf(text + length, sizeof(text) - length, " %s/%s",
						   fuzz_memory_names[kind / FUZZ_STRENGTHS],
						   fuzz_strength_names[kind % FUZZ_STRENGTHS]);
		(*missing)++;
	}
	if (length)
		diag("not seen: %s, %s: %u:%s%s", fuzz_ops[op].name, abi_name((enum abi)abi),
		     *missing - before, text, length < sizeof(text) - 60 ? "" : " ...");
}

void ops_report(void)
{
	unsigned possible = 0, missing = 0;

	diag("%-18s %-14s %9s %9s %9s %9s   (calls by what came of them)", "call", "ABI", "denied", "killed",
	     "made", "refused");
	for (unsigned op = 0; op < fuzz_ops_count; op++)
		for (unsigned abi = 0; abi < ABI_COUNT; abi++) {
			unsigned long sums[FUZZ_OUTCOMES] = { 0 };

			for (unsigned kind = 0; kind < KINDS; kind++) {
				possible += cells[op][abi][kind].possible;
				for (unsigned i = 0; i < FUZZ_OUTCOMES; i++)
					sums[i] += cells[op][abi][kind].count[i];
			}
			if (sums[0] + sums[1] + sums[2] + sums[3])
				diag("%-18s %-14s %9lu %9lu %9lu %9lu", fuzz_ops[op].name,
				     abi_name((enum abi)abi), sums[0], sums[1], sums[2], sums[3]);
		}
	for (unsigned op = 0; op < fuzz_ops_count; op++)
		for (unsigned abi = 0; abi < ABI_COUNT; abi++)
			report_missing(op, abi, &missing);
	diag("%u of %u cells seen (call, ABI, kind of memory and seal that it is aimed at)",
	     possible - missing, possible);
}
