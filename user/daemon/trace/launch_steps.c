// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * See launch_steps.h. Signals are passed on as they come, and a stopped group stays stopped until SIGCONT
 * (PTRACE_LISTEN). The kernel itself reports stops of the group, and its end, to its real parent only
 * (kernel/signal.c, kernel/exit.c).
 */
#include "trace/launch_steps.h"

#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "lib/base/clock.h"
#include "trace/ptrace_ops.h"

#define STOP_MILLISECONDS 2000

void launch_ended(const struct launch_tracer *tracer)
{
	(void)syscall(SYS_pidfd_send_signal, tracer->order->pidfd, SIGKILL, NULL, 0);
	_exit(0);
}

enum launch_happening launch_next(struct launch_tracer *tracer, int milliseconds, int *ret_status)
{
	uint64_t deadline = clock_ns(CLOCK_MONOTONIC) +
			    (uint64_t)(milliseconds < 0 ? 0 : milliseconds) * 1000000;

	for (bool dying = false;;) {
		struct pollfd waits[] = { { .fd = tracer->changes, .events = POLLIN },
					  { .fd = tracer->order->fd, .events = POLLIN },
					  { .fd = tracer->tracee.trap.fd } };
		struct iovec parts[] = { { &tracer->message, sizeof(tracer->message) },
					 { tracer->more, sizeof(tracer->more) } };
		struct msghdr header = { .msg_iov = parts, .msg_iovlen = 2 };
		struct signalfd_siginfo change;
		pid_t got = waitpid(-1, ret_status, __WALL | (dying ? 0 : WNOHANG));
		int left = milliseconds < 0 ?
				   -1 :
				   (int)((int64_t)(deadline - clock_ns(CLOCK_MONOTONIC)) / 1000000);
		ssize_t size;

		if (got > 0 && WIFSTOPPED(*ret_status))
			return LAUNCH_STOPPED;
		if (got != 0)
			launch_ended(tracer);
		if (milliseconds >= 0 && left <= 0)
			return LAUNCH_NOTHING;
		if (poll(waits, ELEMENTS(waits), left) < 0 && errno != EINTR)
			launch_end_unsealed(tracer, "the tracer of mseald failed");
		/*
		 * The trap is gone, because the thread execs or ends, or because another thread execs. Only
		 * wait(2) for any child reports the latter, since the two threads have exchanged their ids by
		 * then (fs/exec.c, de_thread; seen on 6.12). It must be stopped soon.
		 */
		dying = waits[2].revents & (POLLHUP | POLLERR);
		if (waits[0].revents)
			(void)!read(tracer->changes, &change, sizeof(change));
		if (dying || !waits[1].revents)
			continue;
		size = recvmsg(tracer->order->fd, &header, 0);
		if (size < (ssize_t)sizeof(tracer->message))
			launch_end_unsealed(tracer, "mseald has exited");
		tracer->more_size = (size_t)size - sizeof(tracer->message);
		return LAUNCH_MESSAGE;
	}
}

void launch_must(const struct launch_tracer *tracer, int r)
{
	if (r < 0)
		launch_ended(tracer);
}

bool launch_is_group_stop(int status)
{
	int signal = WSTOPSIG(status);

	return PTRACE_STOPPED(status) &&
	       (signal == SIGSTOP || signal == SIGTSTP || signal == SIGTTIN || signal == SIGTTOU);
}

int launch_pass_on(struct launch_tracer *tracer, int status, int how)
{
	struct tracee *tracee = &tracer->tracee;

	if (PTRACE_STOPPED(status) && tracee->trapped)
		return 1;
	if (launch_is_group_stop(status))
		return ptrace_request(PTRACE_LISTEN, tracee->tid, 0, NULL);
	if (PTRACE_STOPPED(status))
		return tracee_continue(tracee, how, 0);
	if (tracer->hidden && status >> 16 == 0 && WSTOPSIG(status) == SIGTRAP &&
	    !ptrace_is_trap(tracee->tid, status)) {
		tracer->owed = true;
		return tracee_continue(tracee, how, 0);
	}
	return tracee_on_stop(tracee, status, how);
}

/* --- ending it --- */

/* PTRACE_INTERRUPT is cancelled by any other stop (kernel/signal.c, ptrace_stop). */
bool launch_stop(struct launch_tracer *tracer, int milliseconds)
{
	struct tracee *tracee = &tracer->tracee;
	int status;

	(void)tracee_interrupt(tracee);
	/* In case it is in another stop. */
	if (tracee_continue(tracee, PTRACE_CONT, 0) == 0)
		(void)tracee_interrupt(tracee);
	while (ptrace_wait(tracee->tid, milliseconds, &status) == 0) {
		if (PTRACE_STOPPED(status))
			return true;
		if (status >> 16 == PTRACE_EVENT_EXEC || tracee_interrupt(tracee) < 0 ||
		    tracee_on_stop(tracee, status, PTRACE_CONT) < 0)
			break;
	}
	return false;
}

void launch_end_unsealed(struct launch_tracer *tracer, const char *why)
{
	struct tracee *tracee = &tracer->tracee;
	_cleanup_(proc_maps_free) struct proc_maps maps = {};
	char text[1024], name[256];

	exec_image_name(tracee->tid, name, sizeof(name));
	FORMAT(text, "msealctl: cannot seal %s: %s\n", name, why);
	if (!tracee->changed && launch_stop(tracer, STOP_MILLISECONDS) &&
	    proc_maps_read(tracee->tid, &maps) >= 0)
		tracer->unable = remote_syscall_prepare(tracee, &(struct blocked_call){ .number = -1 },
							&maps);
	if (tracee->changed && tracer->unable == ANSWER_SEALED)
		(void)remote_syscall_exit(tracee, text);
	launch_ended(tracer);
}
