// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * See holding.h. Signals are passed on as they come, and a group that is stopped
 * stays so until SIGCONT (PTRACE_LISTEN); its real parent is told of stops of the group and
 * of its end only, by the kernel itself (kernel/signal.c, kernel/exit.c).
 */
#include "holding.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "ptracing.h"
#include "lib/base/util.h"

#define STAND_MILLISECONDS 2000

void ended(const struct entry *entry)
{
	(void)syscall(SYS_pidfd_send_signal, entry->order->pidfd, SIGKILL, NULL, 0);
	_exit(0);
}

enum happening next(struct entry *entry, int milliseconds, int *ret_status)
{
	uint64_t deadline = now_ns() + (uint64_t)(milliseconds < 0 ? 0 : milliseconds) * 1000000;

	for (bool dying = false;;) {
		struct pollfd waits[] = { { .fd = entry->changes, .events = POLLIN },
					  { .fd = entry->order->fd, .events = POLLIN },
					  { .fd = entry->tracee.trap.fd } };
		struct iovec parts[] = { { &entry->message, sizeof(entry->message) },
					 { entry->more, sizeof(entry->more) } };
		struct msghdr header = { .msg_iov = parts, .msg_iovlen = 2 };
		struct signalfd_siginfo change;
		pid_t got = waitpid(-1, ret_status, __WALL | (dying ? 0 : WNOHANG));
		int left = milliseconds < 0 ? -1 : (int)((int64_t)(deadline - now_ns()) / 1000000);
		ssize_t size;

		if (got > 0 && WIFSTOPPED(*ret_status))
			return STOPPED;
		if (got != 0)
			ended(entry);
		if (milliseconds >= 0 && left <= 0)
			return NOTHING;
		if (poll(waits, ELEMENTS(waits), left) < 0 && errno != EINTR)
			end_unsealed(entry, "mseald's tracer failed");
		/*
		 * Its trap has been taken away: it execs, or ends - or another thread execs, of which nothing
		 * tells us but wait(2) itself, and only who waits for any child, because the two threads
		 * have exchanged their ids by then (fs/exec.c, de_thread; seen on 6.12). It must not get far.
		 */
		dying = waits[2].revents & (POLLHUP | POLLERR);
		if (waits[0].revents)
			(void)!read(entry->changes, &change, sizeof(change));
		if (dying || !waits[1].revents)
			continue;
		size = recvmsg(entry->order->fd, &header, 0);
		if (size < (ssize_t)sizeof(entry->message))
			end_unsealed(entry, "mseald has ended");
		entry->more_size = (size_t)size - sizeof(entry->message);
		return TOLD;
	}
}

void must(const struct entry *entry, int r)
{
	if (r < 0)
		ended(entry);
}

bool is_group_stop(int status)
{
	int signal = WSTOPSIG(status);

	return PTRACE_STOPPED(status) &&
	       (signal == SIGSTOP || signal == SIGTSTP || signal == SIGTTIN || signal == SIGTTOU);
}

int pass_on(struct entry *entry, int status, int how)
{
	struct tracee *tracee = &entry->tracee;

	if (PTRACE_STOPPED(status) && tracee->trapped)
		return 1;
	if (is_group_stop(status))
		return request(PTRACE_LISTEN, tracee->tid, 0, NULL) < 0 ? -errno : 0;
	if (PTRACE_STOPPED(status))
		return go_on(tracee, how, 0);
	if (entry->hidden && status >> 16 == 0 && WSTOPSIG(status) == SIGTRAP && !is_trap(tracee->tid, status)) {
		entry->owed = true;
		return go_on(tracee, how, 0);
	}
	return on_stop(tracee, status, how);
}

/* --- ending it --- */

/* Any other stop takes back what PTRACE_INTERRUPT asked for (kernel/signal.c, ptrace_stop). */
bool stand_somewhere(struct entry *entry, int milliseconds)
{
	struct tracee *tracee = &entry->tracee;
	int status;

	(void)interrupt(tracee);
	/* Does it stand in anything else? */
	if (go_on(tracee, PTRACE_CONT, 0) == 0)
		(void)interrupt(tracee);
	while (wait_stop(tracee->tid, milliseconds, &status) == 0) {
		if (PTRACE_STOPPED(status))
			return true;
		if (status >> 16 == PTRACE_EVENT_EXEC || interrupt(tracee) < 0 ||
		    on_stop(tracee, status, PTRACE_CONT) < 0)
			break;
	}
	return false;
}

void end_unsealed(struct entry *entry, const char *why)
{
	struct tracee *tracee = &entry->tracee;
	_cleanup_(proc_maps_free) struct proc_maps maps = {};
	char text[1024], name[256];

	image_name(tracee->tid, name, sizeof(name));
	(void)snprintf(text, sizeof(text), "msealctl: cannot seal %s: %s\n", name, why);
	if (!tracee->changed && stand_somewhere(entry, STAND_MILLISECONDS) && proc_maps_read(tracee->tid, &maps) >= 0)
		entry->unable = calling_prepare(tracee, &(struct blocked_call){ .number = -1 }, &maps);
	if (tracee->changed && entry->unable == ANSWER_SEALED)
		(void)calling_end(tracee, text);
	ended(entry);
}
