// SPDX-License-Identifier: LGPL-2.1-or-later
/* See mseal.h. */
#include "libmseal/mseal.h"

#include <errno.h>
#include <unistd.h>

#include "libmseal/mseal_ask.h"

#define PUBLIC __attribute__((visibility("default")))

static int result(int r)
{
	if (r == 0)
		return 0;
	errno = -r;
	return -1;
}

PUBLIC int mseal(void *addr, size_t len, unsigned long flags)
{
	if (syscall(SYS_mseal, addr, len, flags) == 0)
		return 0;
	return errno == ENOSYS ? result(mseal_ask_range(addr, len, flags)) : -1;
}

PUBLIC int mseal_after_start(unsigned long flags)
{
	return result(flags ? -EINVAL : mseal_ask_all());
}
