/* SPDX-License-Identifier: LGPL-2.1-or-later */
#define _GNU_SOURCE
#include "pins.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tap.h"

long bpf(int command, union bpf_attr *attributes)
{
	return syscall(SYS_bpf, command, attributes, sizeof(*attributes));
}

int pin_open(const char *path)
{
	return (int)bpf(BPF_OBJ_GET, &(union bpf_attr){ .pathname = (uint64_t)(uintptr_t)path });
}

struct mseald_state *state_map(void)
{
	int fd = pin_open(PINS "/maps/state");
	void *state = mmap(NULL, sizeof(struct mseald_state), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	if (state == MAP_FAILED)
		bail("the map of the state: %s", strerror(errno));
	close(fd);
	return state;
}

void state_unmap(struct mseald_state *state)
{
	munmap(state, sizeof(*state));
}

/*
 * Entries come and go. In an array of maps each look-up takes a grace period (kernel/bpf/syscall.c,
 * maybe_wait_bpf_programs).
 */
static bool is_hash(int map)
{
	struct bpf_map_info info = { 0 };
	union bpf_attr attributes = { .info = { .bpf_fd = (uint32_t)map,
						.info_len = sizeof(info),
						.info = (uint64_t)(uintptr_t)&info } };

	return bpf(BPF_OBJ_GET_INFO_BY_FD, &attributes) == 0 && info.type == BPF_MAP_TYPE_HASH;
}

unsigned count_entries(const char *path)
{
	int map = pin_open(path);
	char key[256];
	unsigned count = 0;
	union bpf_attr attributes = { .map_fd = (uint32_t)map, .next_key = (uint64_t)(uintptr_t)key };

	if (map < 0 || !is_hash(map)) {
		close(map);
		return 0;
	}
	while (bpf(BPF_MAP_GET_NEXT_KEY, &attributes) == 0 && count < 1u << 20) {
		attributes.key = (uint64_t)(uintptr_t)key;
		count++;
	}
	close(map);
	return count;
}

uint64_t count_skipped(const char *program)
{
	union bpf_attr programs = { 0 };
	uint64_t skipped = 0;

	while (bpf(BPF_PROG_GET_NEXT_ID, &programs) == 0) {
		struct bpf_prog_info info = { 0 };
		int fd = (int)bpf(BPF_PROG_GET_FD_BY_ID, &(union bpf_attr){ .prog_id = programs.next_id });

		if (bpf(BPF_OBJ_GET_INFO_BY_FD,
			&(union bpf_attr){ .info = { .bpf_fd = (uint32_t)fd,
						     .info_len = sizeof(info),
						     .info = (uint64_t)(uintptr_t)&info } }) == 0 &&
		    strncmp(info.name, program, sizeof(info.name) - 1) == 0)
			skipped += info.recursion_misses;
		close(fd);
		programs.start_id = programs.next_id;
	}
	return skipped;
}
