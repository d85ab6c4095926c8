/* SPDX-License-Identifier: LGPL-2.1-or-later */
#define _GNU_SOURCE
#include "native.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "attack.h"
#include "tap.h"

struct sealed seal_as(const struct seal_order *order)
{
	struct sealed sealed = { 0 };
	json_t *reply = NULL;

	sealed.error = daemon_seal(order, &reply);
	sealed.native = json_is_true(json_object_get(reply, "native"));
	snprintf(sealed.why, sizeof(sealed.why), "%s", json_text(reply, "why_not_native"));
	json_decref(reply);
	return sealed;
}

struct sealed seal_page(pid_t pid, uint64_t page)
{
	return seal_as(&(struct seal_order){
		.pid = pid, .ranges = &(struct range){ page, page + PAGE }, .count = 1 });
}

static uint64_t address_in(const json_t *seal, const char *member)
{
	const json_t *value = json_object_get(seal, member);

	return json_is_string(value) ? strtoull(json_string_value(value), NULL, 0) :
				       (uint64_t)json_integer_value(value);
}

const char *listed_gate(pid_t pid, uint64_t address)
{
	static char gate[32];
	json_t *seals = daemon_seals(pid), *seal;
	size_t i;

	gate[0] = '\0';
	json_array_foreach(seals, i, seal)
		if (address_in(seal, "start") <= address && address < address_in(seal, "end"))
			snprintf(gate, sizeof(gate), "%s", json_text(seal, "gate"));
	json_decref(seals);
	return gate;
}

const char *next_gate(void)
{
	return gate_is_override() ? "override" : "kill";
}

bool shown_sealed(pid_t pid, uint64_t address)
{
	char path[48], line[1024];
	unsigned long start, end;
	bool inside = false, sealed = false;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/smaps", (int)pid);
	file = fopen(path, "re");
	if (!file)
		return false;
	while (fgets(line, sizeof(line), file))
		if (sscanf(line, "%lx-%lx ", &start, &end) == 2)
			inside = start <= address && address < end;
		else if (inside && !strncmp(line, "VmFlags:", 8))
			sealed = strstr(line, " sl");
	fclose(file);
	return sealed;
}

bool sealing_is_shown(void)
{
	static int known = -1;

	if (known < 0) {
		void *page = mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		known = page != MAP_FAILED && syscall(SYS_mseal, page, PAGE, 0) == 0 &&
			shown_sealed(getpid(), (uint64_t)page);
	}
	return known;
}

bool check_gate(pid_t pid, uint64_t page, const struct sealed *sealed, bool native, const char *name)
{
	const char *gate = listed_gate(pid, page);
	bool shown = shown_sealed(pid, page);

	return ok(!sealed->error && !strcmp(gate, native ? "native" : next_gate()) &&
			  sealed->native == native && (!sealing_is_shown() || shown == native),
		  "%s: %s (%s; List says %s%s%s%s)", name, native ? "native" : next_gate(),
		  sealed->error ?: "sealed", gate,
		  sealing_is_shown() ? shown ? ", smaps sl" : ", smaps not sl" : "",
		  *sealed->why ? "; it " : "", sealed->why);
}
