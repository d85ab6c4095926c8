// SPDX-License-Identifier: LGPL-2.1-or-later
/* See lock_attacks.h. */
#define _GNU_SOURCE
#include "lock_attacks.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <glob.h>
#include <limits.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

long lock_result(long result)
{
	return result < 0 ? -errno : 0;
}

long lock_got(int fd)
{
	long r = lock_result(fd);

	if (fd >= 0)
		close(fd);
	return r;
}

bool lock_find_pin(const char *place, char path[PATH_MAX])
{
	glob_t pins = { 0 };
	bool found = glob(place, GLOB_BRACE, NULL, &pins) == 0;

	if (found)
		snprintf(path, PATH_MAX, "%s", pins.gl_pathv[0]);
	globfree(&pins);
	return found;
}

int lock_steal(pid_t daemon, int fd)
{
	int process = (int)syscall(SYS_pidfd_open, daemon, 0), r;

	if (process < 0)
		return -errno;
	r = (int)syscall(SYS_pidfd_getfd, process, fd, 0);
	r = r < 0 ? -errno : r;
	close(process);
	return r;
}

const struct lock_attack *lock_attack(size_t i)
{
	static const struct lock_attack *const lists[] = { lock_attacks_bpf, lock_attacks_pins,
							   lock_attacks_process };

	for (size_t list = 0; list < sizeof(lists) / sizeof(lists[0]); list++)
		for (const struct lock_attack *attack = lists[list]; attack->name; attack++)
			if (!i--)
				return attack;
	return NULL;
}

bool lock_leaves_others(void)
{
	int fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "spaces", 4, 4, 1, NULL), other = -1;
	struct bpf_map_info info = { 0 };
	__u32 size = sizeof(info);
	bool good;

	if (fd >= 0 && bpf_obj_get_info_by_fd(fd, &info, &size) == 0)
		other = bpf_map_get_fd_by_id(info.id);
	good = other >= 0;
	close(other);
	close(fd);
	return good;
}
