// SPDX-License-Identifier: LGPL-2.1-or-later
/* See peer.h. */
#include "peer.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>

#include "lib/base/util.h"

#ifndef SO_PEERPIDFD
#define SO_PEERPIDFD 77		/* include/uapi/asm-generic/socket.h, 6.5 */
#endif

uint64_t peer_now(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_BOOTTIME, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/* When a process began, in boot-time ns; 0: that cannot be told. */
static uint64_t start_of(pid_t pid)
{
	_cleanup_fclose_ FILE *file = NULL;
	char path[32], text[1024], *at;
	unsigned long long ticks;
	int field = 2;

	(void)snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	file = fopen(path, "re");
	if (!file || !fgets(text, sizeof(text), file))
		return 0;
	/* proc_pid_stat(5): it is field 22, the name ends field 2. */
	for (at = strrchr(text, ')'); at && field < 22; field++)
		at = strchr(at + 1, ' ');
	if (!at || sscanf(at, "%llu", &ticks) != 1)
		return 0;
	return ticks * (UINT64_C(1000000000) / (uint64_t)sysconf(_SC_CLK_TCK));
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
	/* Before 6.5: another one that has the pid by now has begun after the connection. */
	fd = (int)syscall(SYS_pidfd_open, pid, 0);
	if (fd < 0)
		return -errno;
	start = start_of(pid);
	if (!start || start > begun) {
		(void)close(fd);
		return -ESRCH;
	}
	return fd;
}
