// SPDX-License-Identifier: LGPL-2.1-or-later
/* See peer.h. */
#include "process/peer.h"

#include <sys/socket.h>
#include <sys/syscall.h>

#include "lib/base/clock.h"
#include "process/procfs.h"

#ifndef SO_PEERPIDFD
#define SO_PEERPIDFD 77 /* include/uapi/asm-generic/socket.h, 6.5 */
#endif

/* The start time of a process, in boot-time ns; 0: unknown. */
static uint64_t start_of(pid_t pid)
{
	char path[32], text[1024];
	const char *field;
	unsigned long long ticks;

	FORMAT(path, "/proc/%d/stat", pid);
	if (file_read(AT_FDCWD, path, text, sizeof(text)) < 0)
		return 0;
	field = procfs_stat_field(text, 22);
	if (!field || sscanf(field, "%llu", &ticks) != 1)
		return 0;
	return ticks * (NS_PER_SECOND / (uint64_t)sysconf(_SC_CLK_TCK));
}

int peer_open(int socket, pid_t pid, uint64_t begun)
{
	socklen_t size = sizeof(int);
	uint64_t start;
	int fd;

	if (pid <= 0)
		return -ESRCH;
	if (getsockopt(socket, SOL_SOCKET, SO_PEERPIDFD, &fd, &size) == 0)
		return fd;
	if (errno != ENOPROTOOPT)
		return errno == EINVAL ? -ESRCH : -errno;
	/* Before 6.5: if another process has the pid by now, it started after the connection. */
	fd = syscall(SYS_pidfd_open, pid, 0);
	if (fd < 0)
		return -errno;
	start = start_of(pid);
	if (!start || start > begun) {
		(void)close(fd);
		return -ESRCH;
	}
	return fd;
}
