/* SPDX-License-Identifier: LGPL-2.1-or-later */
#define _GNU_SOURCE
#include "daemon.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/perf_event.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "puppet.h"
#include "tap.h"

#define PATIENCE 180000 /* milliseconds for a call: an emulated processor is slow */

static pid_t running;

static int64_t now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * 1000LL + time.tv_nsec / 1000000;
}

/* --- connections --- */

bool connection_open(struct connection *connection)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX, .sun_path = DAEMON_SOCKET };

	*connection = (struct connection){ .fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0) };
	if (connection->fd < 0)
		bail("socket: %s", strerror(errno));
	if (connect(connection->fd, (struct sockaddr *)&address, sizeof(address)) == 0)
		return true;
	close(connection->fd);
	connection->fd = 0;
	return false;
}

void connection_close(struct connection *connection)
{
	if (connection->fd > 0)
		close(connection->fd);
	varlink_framer_free(&connection->framer);
	*connection = (struct connection){ 0 };
}

bool connection_send(struct connection *connection, const void *data, size_t length)
{
	const char *rest = data;
	struct pollfd wait = { .fd = connection->fd, .events = POLLOUT };

	while (length > 0) {
		ssize_t sent = send(connection->fd, rest, length, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (sent < 0 && errno == EAGAIN) {
			if (poll(&wait, 1, 20000) <= 0)
				return false;
			continue;
		}
		if (sent < 0)
			return false;
		rest += sent;
		length -= (size_t)sent;
	}
	return true;
}

json_t *connection_receive(struct connection *connection, int milliseconds, bool *ret_gone)
{
	struct pollfd wait = { .fd = connection->fd, .events = POLLIN };
	int64_t end = now() + milliseconds;
	static char buffer[65536];
	bool ignored;

	if (!ret_gone)
		ret_gone = &ignored;
	*ret_gone = false;
	for (;;) {
		json_t *message;
		int64_t left = end - now();
		ssize_t got;
		int r = varlink_framer_next(&connection->framer, &message);

		if (r == 1)
			return message;
		*ret_gone = r < 0;
		if (r < 0)
			return NULL;
		if (poll(&wait, 1, left > 0 ? (int)left : 0) <= 0)
			return NULL;
		got = recv(connection->fd, buffer, sizeof(buffer), MSG_DONTWAIT);
		if (got < 0 && errno == EAGAIN)
			continue;
		if (got <= 0 || varlink_framer_feed(&connection->framer, buffer, (size_t)got) < 0) {
			*ret_gone = true;
			return NULL;
		}
	}
}

/* --- calls --- */

static json_t *error_parameters;

const json_t *daemon_error_parameters(void)
{
	return error_parameters;
}

const char *daemon_error_message(void)
{
	return json_text(error_parameters, "message");
}

static json_t *request(const char *method, json_t *parameters)
{
	json_t *message = json_object();
	char *name;

	if (asprintf(&name, "%s%s", strchr(method, '.') ? "" : "io.mseald.", method) < 0 || !message)
		bail("no memory");
	json_object_set_new(message, "method", json_string(name));
	if (parameters)
		json_object_set_new(message, "parameters", parameters);
	free(name);
	return message;
}

static bool send_message(struct connection *connection, json_t *message)
{
	size_t length = 0;
	char *bytes = varlink_encode(message, &length);
	bool sent;

	if (!bytes)
		bail("cannot encode a request");
	sent = connection_send(connection, bytes, length);
	free(bytes);
	json_decref(message);
	return sent;
}

const char *daemon_call(const char *method, json_t *parameters, json_t **ret)
{
	static char error[128];
	struct connection connection;
	json_t *reply, *member;
	bool gone;

	json_decref(error_parameters);
	error_parameters = NULL;
	if (!connection_open(&connection)) {
		json_decref(parameters);
		return "(refused)";
	}
	(void)send_message(&connection, request(method, parameters));
	reply = connection_receive(&connection, PATIENCE, &gone);
	connection_close(&connection);
	if (!reply)
		return gone ? "(closed)" : "(timeout)";
	member = json_object_get(reply, "error");
	if (member) {
		const char *name = json_string_value(member) ?: "(an error that is no string)";

		snprintf(error, sizeof(error), "%s", strncmp(name, "io.mseald.", 10) ? name : name + 10);
		error_parameters = json_incref(json_object_get(reply, "parameters"));
	} else if (ret) {
		*ret = json_incref(json_object_get(reply, "parameters"));
	}
	json_decref(reply);
	return member ? error : NULL;
}

static json_t *words(const char *text)
{
	json_t *list = json_array();
	char *copy = strdup(text), *rest = copy, *word;

	while ((word = strsep(&rest, ",")))
		if (*word)
			json_array_append_new(list, json_string(word));
	free(copy);
	return list;
}

static json_t *range_list(const struct range *ranges, size_t count)
{
	json_t *list = json_array();

	for (size_t i = 0; i < count; i++)
		json_array_append_new(list, json_pack("{s:I, s:I}", "start", (json_int_t)ranges[i].start,
						      "end", (json_int_t)ranges[i].end));
	return list;
}

const char *daemon_seal(const struct seal_order *order, json_t **ret)
{
	json_t *parameters = json_pack("{s:i}", "pid", (int)order->pid);

	if (order->ranges)
		json_object_set_new(parameters, "ranges", range_list(order->ranges, order->count));
	if (order->segments)
		json_object_set_new(parameters, "segments", words(order->segments));
	if (order->deny)
		json_object_set_new(parameters, "deny", words(order->deny));
	if (order->action)
		json_object_set_new(parameters, "action", json_string(order->action));
	if (order->revocable)
		json_object_set_new(parameters, "revocable", json_true());
	return daemon_call("Seal", parameters, ret);
}

const char *seal_range(pid_t pid, uint64_t start, uint64_t length)
{
	struct range range = { start, start + length };

	return daemon_seal(&(struct seal_order){ .pid = pid, .ranges = &range, .count = 1 }, NULL);
}

void must_seal(pid_t pid, uint64_t start, uint64_t length)
{
	const char *error = seal_range(pid, start, length);

	if (error)
		bail("sealing %#lx+%#lx of %d: %s %s", start, length, pid, error, daemon_error_message());
}

void must_seal_revocably(pid_t pid, uint64_t start, uint64_t length)
{
	const struct range range = { start, start + length };
	const char *error = daemon_seal(
		&(struct seal_order){ .pid = pid, .ranges = &range, .count = 1, .revocable = true }, NULL);

	if (error)
		bail("sealing %#lx+%#lx of %d: %s %s", start, length, pid, error, daemon_error_message());
}

const char *daemon_unseal(pid_t pid, const struct range *ranges, size_t count)
{
	json_t *parameters = json_pack("{s:i}", "pid", (int)pid);

	if (count > 0)
		json_object_set_new(parameters, "ranges", range_list(ranges, count));
	return daemon_call("Unseal", parameters, NULL);
}

json_t *daemon_list(pid_t pid)
{
	json_t *reply = NULL, *spaces;
	const char *error = daemon_call("List", pid ? json_pack("{s:i}", "pid", (int)pid) : NULL, &reply);

	if (error && strcmp(error, "NotSealed") && strcmp(error, "NoSuchProcess") &&
	    strcmp(error, "NotAProcess"))
		bail("List of pid %d: %s %s", pid, error, daemon_error_message());
	spaces = error ? json_array() : json_incref(json_object_get(reply, "spaces"));
	json_decref(reply);
	if (!json_is_array(spaces))
		bail("List gives no array of spaces");
	return spaces;
}

json_t *daemon_seals(pid_t pid)
{
	json_t *spaces = daemon_list(pid), *seals;

	if (json_array_size(spaces) > 1)
		bail("List of pid %d gives %zu spaces", pid, json_array_size(spaces));
	seals = json_incref(json_object_get(json_array_get(spaces, 0), "seals"));
	json_decref(spaces);
	return seals ?: json_array();
}

bool daemon_says_sealed(pid_t pid, uint64_t start, uint64_t length)
{
	json_t *seals = daemon_seals(pid), *seal;
	uint64_t reached = start;
	size_t i;

	json_array_foreach(seals, i, seal)
		if ((uint64_t)json_number(seal, "start") <= reached &&
		    (uint64_t)json_number(seal, "end") > reached)
			reached = (uint64_t)json_number(seal, "end");
	json_decref(seals);
	return reached >= start + length;
}

json_t *daemon_status(void)
{
	json_t *status = NULL;
	const char *error = daemon_call("Status", NULL, &status);

	if (error)
		bail("Status: %s %s", error, daemon_error_message());
	return status;
}

int64_t status_number(const char *member)
{
	json_t *status = daemon_status();
	int64_t number = json_number(status, member);

	json_decref(status);
	return number;
}

int child_end(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) != pid)
		if (errno != EINTR)
			bail("waitpid: %s", strerror(errno));
	return WIFEXITED(status) ? WEXITSTATUS(status) : 256 + WTERMSIG(status);
}

bool status_becomes(const char *member, int64_t value, int seconds)
{
	int64_t end = now() + seconds * 1000;

	while (status_number(member) != value) {
		if (now() > end) {
			diag("%s is still %" PRId64 ", not %" PRId64, member, status_number(member), value);
			return false;
		}
		nap(100);
	}
	return true;
}

int64_t json_number(const json_t *object, const char *member)
{
	const json_t *value = json_object_get(object, member);

	if (json_is_boolean(value))
		return json_is_true(value);
	return json_is_integer(value) ? json_integer_value(value) : -1;
}

const char *json_text(const json_t *object, const char *member)
{
	return json_string_value(json_object_get(object, member)) ?: "";
}

/* --- the process --- */

static void kill_daemon(void)
{
	if (running)
		kill(running, SIGKILL);
}

void daemon_show_log(void)
{
	char text[6000];
	int fd = open(DAEMON_LOG, O_RDONLY | O_CLOEXEC);
	off_t size = fd < 0 ? 0 : lseek(fd, 0, SEEK_END);
	ssize_t got = 0;

	if (fd >= 0) {
		got = pread(fd, text, sizeof(text) - 1, size > 5999 ? size - 5999 : 0);
		close(fd);
	}
	text[got > 0 ? got : 0] = '\0';
	diag("mseald said last:\n%s", text);
}

static void on_failure(void)
{
	daemon_show_log();
	kill_daemon();
}

bool daemon_alive(void)
{
	pid_t ended = running ? waitpid(running, NULL, WNOHANG) : running;

	/* A daemon started by another test is no child: kill() finds it. */
	return running && (ended == 0 || (ended < 0 && kill(running, 0) == 0)) &&
	       !daemon_call("Status", NULL, NULL);
}

static const char *daemon_path(void)
{
	return getenv("MSEALD") ?: "/usr/sbin/mseald";
}

/*
 * The scheduler's text is patched when the first perf event of a task starts and when the last one ends
 * (kernel/events/core.c, perf_sched_events): here with each program that a policy seals as it starts. QEMU
 * without KVM sometimes loses such a patch ("Oops: int3"), so one event stays for the whole test.
 */
static void keep_scheduler_patched(void)
{
	static int event = -1;
	struct perf_event_attr attributes = { .type = PERF_TYPE_SOFTWARE,
					      .size = sizeof(attributes),
					      .config = PERF_COUNT_SW_DUMMY };

	if (event < 0)
		event = (int)syscall(SYS_perf_event_open, &attributes, 0, -1, -1, PERF_FLAG_FD_CLOEXEC);
}

pid_t daemon_spawn(void)
{
	const char *path = daemon_path();

	on_bail(on_failure);
	keep_scheduler_patched();
	fflush(NULL);
	running = fork();
	if (running < 0)
		bail("fork: %s", strerror(errno));
	if (running == 0) {
		int log = open(DAEMON_LOG, O_WRONLY | O_CREAT | O_APPEND, 0644);
		sigset_t none;

		sigemptyset(&none);
		sigprocmask(SIG_SETMASK, &none, NULL);
		if (!getenv("MSEALD_SHARED"))
			prctl(PR_SET_PDEATHSIG, SIGKILL);
		dup2(log, STDOUT_FILENO);
		dup2(log, STDERR_FILENO);
		execl(path, path, getenv("MSEALD_OPTION"), NULL);
		dprintf(STDERR_FILENO, "starting %s: %s\n", path, strerror(errno));
		_exit(127);
	}
	return running;
}

long daemon_ticks(void)
{
	char path[64];
	long user = 0, kernel = 0;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)running);
	file = fopen(path, "re");
	if (!file ||
	    fscanf(file, "%*d %*s %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %ld %ld", &user, &kernel) != 2)
		bail("%s: %s", path, strerror(errno));
	fclose(file);
	return user + kernel;
}

long daemon_process_number(const char *field)
{
	char path[64], line[256];
	long number = -1;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)running);
	file = fopen(path, "re");
	while (file && fgets(line, sizeof(line), file))
		if (strncmp(line, field, strlen(field)) == 0)
			number = atol(line + strlen(field));
	if (file)
		fclose(file);
	return number;
}

const char *daemon_under(void)
{
	const char *under = getenv("MSEALD_UNDER");

	return under && *under ? under : NULL;
}

void daemon_memory_ok(bool good, const char *name, ...)
{
	char text[256], why[128];
	va_list list;

	va_start(list, name);
	vsnprintf(text, sizeof(text), name, list);
	va_end(list);
	snprintf(why, sizeof(why), "the daemon runs under %s, which keeps memory of its own", daemon_under());
	if (daemon_under())
		skip(why, "%s", text);
	else
		ok(good, "%s", text);
}

/* --- one daemon for several tests --- */

/* $MSEALD_SHARED is a file with the pid of the daemon left by an earlier test. */
static bool find_shared(void)
{
	const char *path = getenv("MSEALD_SHARED");
	FILE *file = path ? fopen(path, "re") : NULL;
	int pid = 0;

	if (file && fscanf(file, "%d", &pid) != 1)
		pid = 0;
	if (file)
		fclose(file);
	if (pid <= 0 || daemon_call("Status", NULL, NULL))
		return false;
	running = pid;
	on_bail(on_failure);
	keep_scheduler_patched();
	return true;
}

/* Resets the daemon, so that to the next test it looks newly started. */
static void leave_shared(const char *path)
{
	FILE *file;

	if (!daemon_alive() || !status_becomes("spaces", 0, 15) || !status_becomes("sets", 0, 15))
		bail("the daemon that tests share has ended, or has something sealed still");
	file = fopen(path, "we");
	if (!file || fprintf(file, "%d\n", (int)running) < 0 || fclose(file))
		bail("%s: %s", path, strerror(errno));
	running = 0;
}

void daemon_start(void)
{
	int64_t end = now() + PATIENCE;

	if (find_shared())
		return;
	(void)daemon_spawn();
	while (daemon_call("Status", NULL, NULL)) {
		int status;

		if (waitpid(running, &status, WNOHANG) == running) {
			running = 0;
			bail("%s ended with wait status %#x before it answered", daemon_path(), status);
		}
		if (now() > end)
			bail("%s does not answer on %s", daemon_path(), DAEMON_SOCKET);
		nap(20);
	}
}

int daemon_stop(int signal)
{
	const char *shared = getenv("MSEALD_SHARED");

	if (!running)
		bail("the daemon is not running");
	if (shared) {
		leave_shared(shared);
		return 0;
	}
	kill(running, signal);
	return daemon_end();
}

int daemon_end(void)
{
	int64_t end = now() + PATIENCE;
	int status;

	while (waitpid(running, &status, WNOHANG) == 0) {
		if (now() > end)
			bail("mseald does not end");
		nap(5);
	}
	running = 0;
	return status;
}

pid_t daemon_pid(void)
{
	return running;
}

static char daemon_state(void)
{
	char path[64], state = '\0';
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)running);
	file = fopen(path, "re");
	if (!file || fscanf(file, "%*d %*s %c", &state) != 1)
		bail("%s: %s", path, strerror(errno));
	fclose(file);
	return state;
}

void daemon_pause(bool pause)
{
	int status;

	kill(running, pause ? SIGSTOP : SIGCONT);
	if (pause && waitpid(running, &status, WUNTRACED) < 0)
		for (int i = 0; i < 2000 && daemon_state() != 'T'; i++)
			nap(5);
}

/* --- events --- */

void monitor_open(struct monitor *monitor, pid_t pid)
{
	json_t *message = request("Monitor", pid ? json_pack("{s:i}", "pid", (int)pid) : NULL);

	*monitor = (struct monitor){ 0 };
	json_object_set_new(message, "more", json_true());
	if (!connection_open(&monitor->connection) || !send_message(&monitor->connection, message))
		bail("cannot ask the daemon for events");
	/* Its answer to another request shows that it has read this one. */
	json_decref(daemon_status());
}

void monitor_close(struct monitor *monitor)
{
	connection_close(&monitor->connection);
}

json_t *monitor_next(struct monitor *monitor, int milliseconds)
{
	int64_t end = now() + milliseconds, left = milliseconds, lost;

	do {
		json_t *message = connection_receive(&monitor->connection, (int)left, &monitor->gone);
		json_t *parameters, *event;

		if (!message)
			return NULL;
		if (json_object_get(message, "error"))
			bail("Monitor: %s", json_text(message, "error"));
		parameters = json_object_get(message, "parameters");
		lost = json_number(parameters, "lost");
		monitor->lost += lost > 0 ? lost : 0;
		event = json_object_get(parameters, "event");
		event = json_is_object(event) ? json_incref(event) : NULL;
		json_decref(message);
		if (event)
			return event;
		left = end - now();
	} while (left > 0);
	return NULL;
}
