// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * See restartable.h. A stop interrupts a sleep as a signal without a handler does (signal(7)). Most calls
 * then return ERESTARTSYS and the like inside the kernel; some return EINTR, which regs_restart() corrects.
 * Calls that may have transferred data when they go to sleep are not listed: write, send, connect, splice.
 */
#include "trace/restartable.h"

#include <linux/futex.h>
#include <sys/fcntl.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "lib/base/util.h"

#ifndef SYS_epoll_pwait2
#define SYS_epoll_pwait2 441
#endif
#ifndef SYS_futex_waitv
#define SYS_futex_waitv 449
#endif

int restartable_parse(const char *text, struct blocked_call *ret)
{
	struct blocked_call call = { .number = -1 };
	unsigned long long a[8];
	int n;

	*ret = (struct blocked_call){ .number = -1 };
	/* "running", "-1 SP PC" when asleep in no call, or "NUMBER A1 ... A6 SP PC" (fs/proc/base.c). */
	if (strncmp(text, "running", 7) == 0)
		return 0;
	n = sscanf(text, "%ld 0x%llx 0x%llx 0x%llx 0x%llx 0x%llx 0x%llx 0x%llx 0x%llx", &call.number, &a[0],
		   &a[1], &a[2], &a[3], &a[4], &a[5], &a[6], &a[7]);
	if (n >= 1 && call.number == -1)
		return 0;
	if (n != 9 || call.number < 0)
		return -EINVAL;
	for (size_t i = 0; i < ELEMENTS(call.arguments); i++)
		call.arguments[i] = a[i];
	call.sp = a[6];
	call.pc = a[7];
	*ret = call;
	return 1;
}

/* Waits for a word to change; excludes operations that requeue, which may return early. */
static bool restartable_futex(uint64_t operation)
{
	operation &= (uint64_t)FUTEX_CMD_MASK;
	return operation == FUTEX_WAIT || operation == FUTEX_WAIT_BITSET || operation == FUTEX_LOCK_PI;
}

bool restartable_call(const struct blocked_call *call)
{
	switch (call->number) {
#ifdef SYS_pause
	case SYS_pause:
	case SYS_poll:
	case SYS_select:
	case SYS_epoll_wait:
#endif
	case SYS_read:
	case SYS_readv:
	case SYS_ppoll:
	case SYS_pselect6:
	case SYS_epoll_pwait:
	case SYS_epoll_pwait2:
	case SYS_nanosleep:
	case SYS_clock_nanosleep:
	case SYS_restart_syscall:
	case SYS_futex_waitv:
	case SYS_wait4:
	case SYS_waitid:
	case SYS_rt_sigsuspend:
	case SYS_rt_sigtimedwait:
	case SYS_accept:
	case SYS_accept4:
	case SYS_flock:
	case SYS_semop:
	case SYS_semtimedop:
	case SYS_msgrcv:
	case SYS_msgsnd:
	case SYS_mq_timedreceive:
	case SYS_mq_timedsend:
	case SYS_io_getevents:
	case SYS_io_pgetevents: return true;
	case SYS_futex: return restartable_futex(call->arguments[1]);
	case SYS_fcntl: return call->arguments[1] == F_SETLKW || call->arguments[1] == F_OFD_SETLKW;
	case SYS_recvfrom: return !(call->arguments[3] & MSG_WAITALL);
	case SYS_recvmsg: return !(call->arguments[2] & MSG_WAITALL);
	case SYS_io_uring_enter: return call->arguments[1] == 0; /* nothing submitted that it would report */
	default: return false;
	}
}

bool restartable_replaces_mask(const struct blocked_call *call)
{
	switch (call->number) {
	case SYS_rt_sigsuspend: return true;
	case SYS_ppoll: return call->arguments[3];
	case SYS_epoll_pwait:
	case SYS_epoll_pwait2: return call->arguments[4];
	case SYS_pselect6:
	case SYS_io_pgetevents: return call->arguments[5];
	default: return false;
	}
}
