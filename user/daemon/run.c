// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * See run.h. Open to everybody: the process meant is always the caller itself,
 * as the kernel knows it. Nothing here waits for anything that the
 * caller does before it is at its entry point; there, it stands.
 */
#include "run.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "entry.h"
#include "failure.h"
#include "held.h"
#include "log.h"
#include "lib/base/names.h"
#include "parameters.h"
#include "peer.h"
#include "sealing.h"
#include "sweep.h"
#include "telling.h"
#include "tracer.h"

#define RUNS_MAX 1024		/* at a time, until they are sealed */
#define RUNS_OF_USERS_MAX 960	/* of all but root */
#define RUNS_PER_USER_MAX 64

/* What is complete when a program without a loader begins. */
#define CLASSES_FIRST (1u << MSEALD_CLASS_TEXT | 1u << MSEALD_CLASS_RODATA | 1u << MSEALD_CLASS_VDSO)

struct run {
	struct run *next, **previous;
	struct daemon *daemon;
	struct connection *connection;	/* NULL: it has gone, as it does by exec */
	bool answered;
	sd_event_source *source;
	struct held held;
	struct seal_request request;
	bool chosen;			/* any option was given */
	bool root;			/* who asks is (asker.h) */
	uid_t uid, account;
};

static struct run *runs;

static void run_free(struct run *run)
{
	if (run->connection)
		connection_resume(run->connection, true);
	*run->previous = run->next;
	if (run->next)
		run->next->previous = run->previous;
	(void)sd_event_source_disable_unref(run->source);
	(void)close(run->held.fd);
	(void)close(run->held.pidfd);
	free(run);
}

void runs_end(void)
{
	/* The connections end next, which must not be taken for callers that will not exec. */
	while (runs)
		run_free(runs);
}

/* The caller's connection has ended. */
static void on_gone(void *context)
{
	struct run *run = context;

	run->connection = NULL;
	(void)held_say(run->held.fd, HELD_LEFT, 0);
}

static void refuse(struct run *run, const struct failure *failure)
{
	if (run->connection && !run->answered)
		(void)reply_failure(run->connection, failure);
	run->answered = true;
}

static void not_seized(struct run *run, int error)
{
	struct failure failure = {};
	pid_t pid = run->request.pid;

	if (error == EALREADY)
		(void)fail(&failure, "Traced", pid,
			   "pid %d is traced by another process (strace, gdb), and cannot be held until it is sealed; "
			   "run it without, or trace it later", (int)pid);
	else if (error == EACCES)
		(void)fail(&failure, "PermissionDenied", pid,
			   "pid %d has privileges that its user has not, or is no longer the process that asked",
			   (int)pid);
	else
		(void)fail_errno(&failure, pid, -error, "cannot trace it");
	refuse(run, &failure);
}

/* Seals what is there; what is to come, where the program is not complete, follows. */
static int seal(struct run *run, const struct held_message *message, struct failure *failure)
{
	struct seal_request request = run->request;
	struct seal_result result;
	int r;

	/* Seals in place of rights: who gives a program rights that its caller has not, has not reckoned with them. */
	if (message->secure && run->chosen && !run->root)
		return fail(failure, "PermissionDenied", request.pid,
			    "it has privileges that its user has not, so only root may choose how it is sealed; "
			    "run it without options");
	request.held = &run->held;
	if (message->word == HELD_FIRST)
		request.classes &= CLASSES_FIRST;
	if (!request.classes)
		return 0;
	r = sealing_seal(run->daemon->programs, run->daemon->store, &request, &result, failure);
	if (message->word == HELD_FIRST && r < 0 && strcmp(failure->error, "NothingToSeal") == 0)
		return 0;
	if (r < 0)
		sweep_after_failure(run->daemon);
	else if (result.why_not_native)
		log_debug("pid %d %s: sealed at its entry point, but not by mseal(2)", (int)request.pid,
			  result.why_not_native);
	daemon_tidy(run->daemon);
	return r;
}

/* The same, and it counts as time of the user. */
static int seal_for(struct run *run, const struct held_message *message, struct failure *failure)
{
	uint64_t begun = peer_now();
	int r = seal(run, message, failure);

	if (!run->root) {
		sweep_linger();
		server_spend(run->daemon->server, run->account, (peer_now() - begun) / 1000);
	}
	return r;
}

static int on_tracer(sd_event_source *source, int fd, uint32_t revents, void *context)
{
	struct run *run = context;
	struct failure failure = {};
	struct held_message message;
	ssize_t size = recv(fd, &message, sizeof(message), MSG_DONTWAIT);

	(void)source;
	(void)revents;
	if (size < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (size != (ssize_t)sizeof(message)) {
		/* It is done; or, before it had begun, it was killed. */
		(void)fail(&failure, "Failed", run->request.pid, "the process that was to trace pid %d has ended",
			   (int)run->request.pid);
		refuse(run, &failure);
		run_free(run);
		return 0;
	}
	switch (message.word) {
	case HELD_SEIZED:
		if (run->connection && connection_reply(run->connection, NULL, false) >= 0)
			connection_resume(run->connection, false);
		run->answered = true;
		break;
	case HELD_NOT_SEIZED:
		not_seized(run, (int)message.value);
		break;
	case HELD_FIRST:
	case HELD_ENTRY:
		if (seal_for(run, &message, &failure) >= 0) {
			(void)held_say(fd, HELD_GO, 0);
			break;
		}
		tell_ended(run->request.pid, &failure);
		(void)held_send(fd, &(struct held_message){ .word = HELD_END }, failure.message,
				strlen(failure.message));
		break;
	}
	return 0;
}

/* Is there room for one more? */
static int check_limits(const struct run *run, struct failure *failure)
{
	unsigned all = 0, users = 0, user = 0;

	for (const struct run *other = runs; other; other = other->next) {
		all++;
		users += !other->root;
		user += !other->root && other->account == run->account;
	}
	if (all >= RUNS_MAX)
		return fail(failure, "TooMany", run->request.pid,
			    "%u programs are waiting to be sealed, and there can be no more", all);
	if (!run->root && users >= RUNS_OF_USERS_MAX)
		return fail(failure, "TooMany", run->request.pid,
			    "%u programs of users are waiting to be sealed, and there can be no more", users);
	if (!run->root && user >= RUNS_PER_USER_MAX)
		return fail(failure, "TooMany", run->request.pid,
			    "%u programs of user %u are waiting to be sealed, and one user can have no more", user,
			    (unsigned)run->account);
	return 0;
}

/* Makes the tracer. */
static int begin(struct run *run, struct connection *connection, struct failure *failure)
{
	pid_t caller = run->request.pid, pid;
	int pair[2], r;

	run->held.pidfd = connection_open_peer(connection);
	if (run->held.pidfd < 0)
		return caller <= 0 ? fail(failure, "Unsupported", 0,
					  "the caller is in a pid namespace that mseald does not see") :
				     fail_errno(failure, caller, run->held.pidfd, "cannot open it");
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0) {
		r = fail_errno(failure, caller, -errno, "cannot make a socket");
		(void)close(run->held.pidfd);
		return r;
	}
	pid = tracer_fork();
	if (pid == 0)
		entry_hold(&(struct entry_order){ .pid = caller, .pidfd = run->held.pidfd, .uid = run->uid,
						  .fd = pair[1] });
	(void)close(pair[1]);
	run->held.fd = pair[0];
	r = pid < 0 ? pid : sd_event_add_io(run->daemon->loop, &run->source, pair[0], EPOLLIN, on_tracer, run);
	if (r < 0) {
		(void)close(pair[0]);	/* it then lets go of the caller, which has not been answered, by ending it */
		(void)close(run->held.pidfd);
		return fail_errno(failure, caller, r, "cannot make a process to trace it");
	}
	return 0;
}

int run_call(struct connection *connection, json_t *parameters, bool more)
{
	struct seal_request request = { .stops = MSEALD_STOP_DEFAULT, .action = MSEALD_ACTION_DENY };
	const struct ucred *peer = connection_peer(connection);
	struct failure failure = {};
	const char *bad;
	struct run *run;
	int r;

	(void)more;
	r = parameter_seal_options(parameters, &request, &bad);
	if (r < 0)
		return reply_bad(connection, r, bad);
	if (!request.classes)
		request.classes = MSEALD_CLASSES_ALL;
	request.pid = peer->pid;
	run = calloc(1, sizeof(*run));
	if (!run)
		return -ENOMEM;
	*run = (struct run){ .daemon = connection_daemon(connection), .connection = connection, .request = request,
			     .chosen = parameters && json_object_size(parameters) > 0, .uid = peer->uid,
			     .root = connection_is_root(connection), .account = connection_account(connection) };
	run->request.limited = !run->root;
	r = check_limits(run, &failure);
	if (r >= 0)
		r = begin(run, connection, &failure);
	if (r < 0) {
		free(run);
		return reply_failure(connection, &failure);
	}
	run->next = runs;
	run->previous = &runs;
	if (run->next)
		run->next->previous = &run->next;
	runs = run;
	connection_defer(connection, on_gone, run);
	return 0;
}
