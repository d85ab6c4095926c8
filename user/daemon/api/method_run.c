// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Run: the client is traced through its next exec to the entry point of the new program (launch_tracer.h),
 * sealed there, and released. Any client may call it: the process is always the client itself, as the kernel
 * knows it. Only the tracer waits for the client, until it stops at its entry point; never the daemon.
 */
#include <sys/epoll.h>
#include <sys/socket.h>

#include "api/method.h"
#include "api/server.h"
#include "base/error.h"
#include "base/log.h"
#include "lib/base/clock.h"
#include "seal/gc.h"
#include "seal/seal.h"
#include "trace/launch.h"
#include "trace/launch_tracer.h"
#include "trace/tracer.h"

#define RUNS_MAX 1024	      /* at a time, not yet sealed */
#define RUNS_OF_USERS_MAX 960 /* for all users but root */
#define RUNS_PER_USER_MAX 64

/* Segments that are complete at the entry point of a program without a loader. */
#define SEGMENTS_FIRST (1u << MSEALD_SEGMENT_TEXT | 1u << MSEALD_SEGMENT_RODATA | 1u << MSEALD_SEGMENT_VDSO)

struct run {
	LIST_ENTRY(run) link;
	struct daemon *daemon;
	struct connection *connection; /* NULL: the client has closed it, as exec does */
	bool answered;
	sd_event_source *source;
	struct launch launch;
	struct seal_request request;
	bool chosen; /* an option was given */
	bool root;   /* the client is root (client.h) */
	uid_t uid, account;
};

static LIST_HEAD(, run) runs;

static void run_free(struct run *run)
{
	if (run->connection)
		connection_resume(run->connection, true);
	LIST_REMOVE(run, link);
	(void)sd_event_source_disable_unref(run->source);
	(void)close(run->launch.fd);
	(void)close(run->launch.pidfd);
	free(run);
}

static void log_terminated(pid_t pid, const struct error *error)
{
	struct log_fields fields = {};

	log_field(&fields, "OBJECT_PID=%d", pid);
	log_entry(LOG_LEVEL_WARNING, LOG_ABOUT_NOT_SEALED, &fields,
		  "pid %d terminated: could not be sealed: %s", pid, error->message);
}

void method_run_end_all(void)
{
	/* Connections close next, which must not be taken for clients that will not exec. */
	while (!LIST_EMPTY(&runs))
		run_free(LIST_FIRST(&runs));
}

/* The client's connection has ended. */
static void on_gone(void *context)
{
	struct run *run = context;

	run->connection = NULL;
	(void)launch_say(run->launch.fd, LAUNCH_LEFT, 0);
}

static void refuse(struct run *run, const struct error *error)
{
	if (run->connection && !run->answered)
		(void)reply_failure(run->connection, error);
	run->answered = true;
}

static void not_seized(struct run *run, int code)
{
	struct error error = {};
	pid_t pid = run->request.pid;

	if (code == EALREADY)
		(void)error_about(
			&error, "Traced", pid,
			" is traced (strace, gdb) and cannot be sealed at its start; run it untraced, "
			"or attach later");
	else if (code == EACCES)
		(void)error_about(&error, "PermissionDenied", pid,
				  " has more privileges than its user, or is no longer the client");
	else
		(void)error_set_errno(&error, pid, -code, "cannot trace the process");
	refuse(run, &error);
}

/* Seals the mappings that exist; if the program is incomplete, the rest follows later. */
static int seal(struct run *run, const struct launch_message *message, struct error *error)
{
	struct seal_request request = run->request;
	struct seal_result result;
	int r;

	/* A program that gains privileges was not written for seals chosen by its caller. */
	if (message->secure && run->chosen && !run->root)
		return error_set(
			error, "PermissionDenied", request.pid,
			"the program has more privileges than its user; only root may give options for it");
	request.launch = &run->launch;
	if (message->word == LAUNCH_FIRST)
		request.seal.segments &= SEGMENTS_FIRST;
	if (!request.seal.segments)
		return 0;
	r = seal_process(run->daemon->programs, &run->daemon->space_map, &request, &result, error);
	if (message->word == LAUNCH_FIRST && r < 0 && strcmp(error->name, "NothingToSeal") == 0)
		return 0;
	if (r < 0)
		gc_after_failure(&run->daemon->gc);
	else if (result.why_not_native)
		log_debug("pid %d %s: sealed at its entry point, but not by mseal(2)", request.pid,
			  result.why_not_native);
	gc_collect(&run->daemon->gc);
	return r;
}

/* The same, charged to the user's CPU time. */
static int seal_for(struct run *run, const struct launch_message *message, struct error *error)
{
	uint64_t begun = clock_ns(CLOCK_BOOTTIME);
	int r = seal(run, message, error);

	if (!run->root) {
		gc_extend_grace(&run->daemon->gc);
		server_spend(&run->daemon->server, run->account, (clock_ns(CLOCK_BOOTTIME) - begun) / 1000);
	}
	return r;
}

static int on_tracer(sd_event_source *source, int fd, uint32_t revents, void *context)
{
	struct run *run = context;
	struct error error = {};
	struct launch_message message;
	ssize_t size = recv(fd, &message, sizeof(message), MSG_DONTWAIT);

	if (size < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (size != (ssize_t)sizeof(message)) {
		/* The tracer has finished; or it was killed before it began. */
		(void)error_set(&error, "Failed", run->request.pid, "the tracer of pid %d has exited",
				run->request.pid);
		refuse(run, &error);
		run_free(run);
		return 0;
	}
	switch (message.word) {
	case LAUNCH_SEIZED:
		if (run->connection && connection_reply(run->connection, NULL, false) >= 0)
			connection_resume(run->connection, false);
		run->answered = true;
		break;
	case LAUNCH_NOT_SEIZED: not_seized(run, (int)message.value); break;
	case LAUNCH_FIRST:
	case LAUNCH_ENTRY:
		if (seal_for(run, &message, &error) >= 0) {
			(void)launch_say(fd, LAUNCH_GO, 0);
			break;
		}
		log_terminated(run->request.pid, &error);
		(void)launch_send(fd, &(struct launch_message){ .word = LAUNCH_END }, error.message,
				  strlen(error.message));
		break;
	}
	return 0;
}

/* Can another run begin? */
static int check_limits(const struct run *run, struct error *error)
{
	unsigned all = 0, users = 0, user = 0;

	for (const struct run *other = LIST_FIRST(&runs); other; other = LIST_NEXT(other, link)) {
		all++;
		users += !other->root;
		user += !other->root && other->account == run->account;
	}
	if (all >= RUNS_MAX)
		return error_set(error, "TooMany", run->request.pid,
				 "%u programs are waiting to be sealed, the limit; try again later", all);
	if (!run->root && users >= RUNS_OF_USERS_MAX)
		return error_set(error, "TooMany", run->request.pid,
				 "%u programs of users are waiting to be sealed, the limit; try again later",
				 users);
	if (!run->root && user >= RUNS_PER_USER_MAX)
		return error_set(error, "TooMany", run->request.pid,
				 "%u programs of user %u are waiting to be sealed, the limit of a user; try "
				 "again later",
				 user, run->account);
	return 0;
}

/* Starts the tracer. */
static int begin(struct run *run, struct connection *connection, struct error *error)
{
	pid_t client = run->request.pid, pid;
	int pair[2], r;

	run->launch.pidfd = connection_open_peer(connection);
	if (run->launch.pidfd < 0)
		return client <= 0 ? error_set(error, "Unsupported", 0,
					       "the client is in a pid namespace that mseald does not see") :
				     error_set_errno(error, client, run->launch.pidfd,
						     "cannot open the pidfd of the client");
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0) {
		r = error_set_errno(error, client, -errno, "cannot create a socket");
		(void)close(run->launch.pidfd);
		return r;
	}
	pid = tracer_fork();
	if (pid == 0)
		launch_trace(&(struct launch_order){
			.pid = client, .pidfd = run->launch.pidfd, .uid = run->uid, .fd = pair[1] });
	(void)close(pair[1]);
	run->launch.fd = pair[0];
	r = pid < 0 ? pid :
		      sd_event_add_io(run->daemon->loop, &run->source, pair[0], EPOLLIN, on_tracer, run);
	if (r < 0) {
		/* The tracer then kills the client, which has no answer yet. */
		(void)close(pair[0]);
		(void)close(run->launch.pidfd);
		return error_set_errno(error, client, r, "cannot create the tracer");
	}
	return 0;
}

int method_run(struct connection *connection, json_t *parameters)
{
	struct seal_request request = { .seal = SEAL_SPEC_DEFAULT };
	const struct ucred *peer = &connection->peer;
	struct error error = {};
	const char *bad;
	struct run *run;
	int r;

	r = params_seal_spec(parameters, &request.seal, &bad);
	if (r < 0)
		return reply_bad(connection, r, bad);
	request.pid = peer->pid;
	run = calloc(1, sizeof(*run));
	if (!run)
		return -ENOMEM;
	*run = (struct run){ .daemon = connection->server->daemon,
			     .connection = connection,
			     .request = request,
			     .chosen = parameters && json_object_size(parameters) > 0,
			     .uid = peer->uid,
			     .root = connection->root,
			     .account = connection_account(connection) };
	run->request.limited = !run->root;
	r = check_limits(run, &error);
	if (r >= 0)
		r = begin(run, connection, &error);
	if (r < 0) {
		free(run);
		return reply_failure(connection, &error);
	}
	LIST_INSERT_HEAD(&runs, run, link);
	connection_defer(connection, on_gone, run);
	return 0;
}
