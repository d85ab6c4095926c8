/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Limits of one user: connections, time and memory of the daemon, seals, and the quota of address spaces,
 * which their forks use up. A user at the limit is refused; other users are not affected.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "asking.h"
#include "attack.h"
#include "daemon.h"
#include "tap.h"

#define USER 1000
#define OTHER 1001
#define EACH 72	 /* connections of one user */
#define ALL 960	 /* of all */
#define QUOTA 20 /* MSEALD_OPTION */
/* AddressSanitizer keeps freed memory for a while, and is slow. */
#define TIMES (daemon_under() ? 8 : 1)
#define SEALS 4096 /* of one address space */
#define SEALS_ALL 65536

static double seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static bool open_as(uid_t uid, struct connection *connection)
{
	bool open;

	if (seteuid(uid))
		bail("seteuid: %s", strerror(errno));
	open = connection_open(connection);
	if (seteuid(0))
		bail("seteuid: %s", strerror(errno));
	return open;
}

/* The next message of the daemon on this connection; NULL: none. */
static json_t *next_message(struct connection *connection, int milliseconds)
{
	return connection_receive(connection, milliseconds, NULL);
}

/* --- connections --- */

static void connections(void)
{
	static struct connection all[ALL + EACH];
	struct puppet *other = puppet_of(OTHER, OTHER);
	struct connection more;
	unsigned count = 0;
	json_t *reply;
	bool gone;

	for (; count < EACH; count++)
		if (!open_as(USER, &all[count]))
			bail("cannot connect");
	reply = next_message(&all[EACH - 1], 300);
	ok(!reply, "a user may have %d connections", EACH);
	json_decref(reply);
	(void)open_as(USER, &more);
	reply = connection_receive(&more, 20000, &gone);
	ok(reply && strstr(json_text(reply, "error"), "TooMany"), "and no more: %s",
	   json_text(json_object_get(reply, "parameters"), "message"));
	json_decref(reply);
	(void)connection_receive(&more, 20000, &gone);
	ok(gone, "it is closed");
	connection_close(&more);
	ok(!*ask(other, "List", 0, 0, 0)->error && daemon_alive(), "another user, and root, are served");
	for (uid_t uid = 2000; count < ALL; count++, uid += count % EACH == 0)
		if (!open_as(uid, &all[count]))
			bail("cannot connect");
	nap(500);
	ok(!strcmp(ask(other, "List", 0, 0, 0)->error, "TooMany"), "all users together may have %d: %s", ALL,
	   ((const struct asked *)puppet_data(other))->message);
	ok(daemon_alive(), "there is room for root");
	for (unsigned i = 0; i < brief(10000, 1000); i++) {
		(void)open_as(USER, &more);
		connection_close(&more);
		if (i % brief(2500, 250) == 0)
			ok(daemon_alive(), "thousands that come and go: root is served (%u)", i);
	}
	while (count > 0)
		connection_close(&all[--count]);
	for (int i = 0; i < 100 && *ask(other, "List", 0, 0, 0)->error; i++)
		nap(50);
	ok(!*((const struct asked *)puppet_data(other))->error,
	   "when they have gone, users are served again");
	puppet_end(other);
}

/* --- memory --- */

/* Half messages on all connections, and one without an end. */
static void stallers(void)
{
	static const char half[] = "{\"method\": \"io.mseald.Seal\", \"parameters\": {\"ranges\": [";
	const size_t chunk = 64 << 10;
	char *spaces = malloc(chunk);
	struct connection all[EACH];
	long before = daemon_process_number("VmRSS:"), after;
	size_t sent = 0;
	json_t *reply;

	memset(spaces, ' ', chunk);
	if (!open_as(USER, &all[0]))
		bail("cannot connect");
	while (sent < (100u << 20) && connection_send(&all[0], spaces, chunk))
		sent += chunk;
	reply = next_message(&all[0], 20000);
	ok(sent < (2u << 20) && reply && strstr(json_text(reply, "error"), "TooMany"),
	   "a message without an end: after %zu KiB: %s", sent >> 10,
	   json_text(json_object_get(reply, "parameters"), "message"));
	json_decref(reply);
	connection_close(&all[0]);
	for (int i = 0; i < EACH; i++) {
		if (!open_as(USER, &all[i]))
			bail("cannot connect");
		(void)connection_send(&all[i], half, sizeof(half) - 1);
		for (int k = 0; k < 3; k++)
			(void)connection_send(&all[i], spaces, chunk);
	}
	ok(daemon_alive(), "half messages on all connections of a user: root is served");
	after = daemon_process_number("VmRSS:");
	ok(after - before < TIMES * (32 << 10), "and the daemon has not grown by much (%ld KiB)",
	   after - before);
	for (int i = 0; i < EACH; i++)
		connection_close(&all[i]);
	free(spaces);
}

/* One message with the maximal number of empty lists: parsed, they are many times as large. */
static void swollen(void)
{
	const size_t length = 255 << 10;
	char *text = malloc(length);
	struct connection connection;
	long before = daemon_process_number("VmRSS:");
	size_t at = 0;
	json_t *reply = NULL;

	at += (size_t)sprintf(text, "{\"method\":\"io.mseald.List\",\"parameters\":{\"pid\":[{}");
	while (at < length - 8)
		at += (size_t)sprintf(text + at, ",{}");
	at += (size_t)sprintf(text + at, "]}}") + 1;
	/* Earlier connections are closed, which the daemon may not have noticed yet. */
	for (int i = 0; i < 100; i++) {
		if (!open_as(USER, &connection))
			bail("cannot connect");
		(void)connection_send(&connection, text, at);
		reply = next_message(&connection, 60000);
		if (!reply || !strstr(json_text(reply, "error"), "TooMany"))
			break;
		json_decref(reply);
		reply = NULL;
		connection_close(&connection);
		nap(50);
	}
	ok(reply && strstr(json_text(reply, "error"), "InvalidParameter") &&
		   daemon_process_number("VmRSS:") - before < TIMES * (64 << 10),
	   "a message that swells when it is parsed: %s (%ld KiB more)", json_text(reply, "error"),
	   daemon_process_number("VmRSS:") - before);
	json_decref(reply);
	connection_close(&connection);
	free(text);
}

static void slow_readers(void)
{
	struct puppet *own = puppet_of(USER, USER);
	uint64_t page = puppet_pages(own, 1, PROT_READ);
	/* If all these events were kept, they would exceed twice the allowed memory. */
	const int monitors = (int)brief(EACH - 1, 24), events = (int)brief(5000, 2000);
	const long allowed = TIMES * (long)brief(64 << 10, 12 << 10);
	struct monitor slow[EACH - 1], all;
	long before, after, seen = 0;
	json_t *event;

	must_seal(own->pid, page, PAGE);
	if (setegid(USER))
		bail("setegid");
	for (int i = 0; i < monitors; i++) {
		if (seteuid(USER))
			bail("seteuid");
		monitor_open(&slow[i], 0);
		if (seteuid(0))
			bail("seteuid");
	}
	if (setegid(0))
		bail("setegid");
	monitor_open(&all, 0);
	nap(500);
	before = daemon_process_number("VmRSS:");
	for (int i = 0; i < events; i++) {
		puppet_call(own, SYS_mprotect, page, PAGE, PROT_READ);
		while ((event = monitor_next(&all, i % 500 ? 0 : 200))) {
			json_decref(event);
			seen++;
		}
	}
	after = daemon_process_number("VmRSS:");
	ok(daemon_alive() && after - before < allowed,
	   "%d monitors that do not read: the daemon has not grown by much (%ld KiB)", monitors,
	   after - before);
	ok(seen > events / 5, "and root's monitor has got its events (%ld)", seen);
	monitor_close(&all);
	for (int i = 0; i < monitors; i++)
		monitor_close(&slow[i]);
	puppet_end(own);
}

/* --- time --- */

/* On all connections: calls as fast as they are answered, and beyond. Returns the number answered. */
static long call_often(const long arguments[6])
{
	static const char call[] = "{\"method\":\"io.mseald.Status\"}";
	struct connection all[EACH] = {};
	char calls[64 * sizeof(call)], answers[65536];
	double end = seconds() + (double)arguments[0];

	for (int i = 0; i < 64; i++)
		memcpy(calls + (size_t)i * sizeof(call), call, sizeof(call));
	for (int i = 0; i < EACH; i++)
		(void)connection_open(&all[i]);
	while (seconds() < end)
		for (int i = 0; i < EACH; i++) {
			(void)send(all[i].fd, calls, sizeof(calls), MSG_DONTWAIT | MSG_NOSIGNAL);
			while (recv(all[i].fd, answers, sizeof(answers), MSG_DONTWAIT) > 0)
				;
		}
	for (int i = 0; i < EACH; i++)
		connection_close(&all[i]);
	return 0;
}

static void busy_user(void)
{
	struct puppet *client = puppet_of(USER, USER), *other = puppet_of(OTHER, OTHER);
	double begun, roots = 0, others = 0;
	unsigned calls = 0;
	long ticks;

	/* Otherwise the programs are just being detached, which takes seconds on a busy machine. */
	must_seal(other->pid, puppet_pages(other, 1, PROT_READ), PAGE);
	puppet_start(client, call_often, 10);
	nap(1500);
	begun = seconds();
	ticks = daemon_ticks();
	while (seconds() - begun < 7) {
		double at = seconds();

		if (!daemon_alive())
			bail("root is not served");
		if (seconds() - at > roots)
			roots = seconds() - at;
		at = seconds();
		if (*ask(other, "List", 0, 0, 0)->error)
			bail("another user is not served");
		if (seconds() - at > others)
			others = seconds() - at;
		calls++;
		nap(50);
	}
	diag("%ld ticks of a processor in %.0f s, root's calls included", daemon_ticks() - ticks,
	     seconds() - begun);
	ok(roots < 2 * TIMES && calls > 20 / TIMES,
	   "a user calls without pause: root waits for %.3f s at the most, in %u calls", roots, calls);
	ok(others < 4 * TIMES, "and another user for %.3f s", others);
	puppet_result(client);
	nap(3000);
	ok(!*ask(client, "List", 0, 0, 0)->error, "and they are served again once the budget is refilled");
	puppet_end(client);
	puppet_end(other);
}

/* --- seals --- */

/* By root: the maximum that a user could request in one address space, on alternating pages. */
static uint64_t seal_many(struct puppet *puppet)
{
	static struct range ranges[SEALS];
	uint64_t pages = puppet_pages(puppet, 2 * (SEALS + 1), PROT_READ);
	const char *error;

	for (unsigned i = 0; i < SEALS; i++)
		ranges[i] = (struct range){ pages + 2 * i * PAGE, pages + (2 * i + 1) * PAGE };
	error = daemon_seal(
		&(struct seal_order){
			.pid = puppet->pid, .ranges = ranges, .count = SEALS, .revocable = true },
		NULL);
	if (error)
		bail("sealing %d ranges: %s %s", SEALS, error, daemon_error_message());
	return pages + 2 * SEALS * PAGE;
}

static void many_seals(void)
{
	struct puppet *clients[SEALS_ALL / SEALS], *last = puppet_of(USER, USER),
						   *other = puppet_of(OTHER, OTHER);
	const struct asked *asked;
	uint64_t page = 0;

	for (int i = 0; i < SEALS_ALL / SEALS; i++) {
		clients[i] = puppet_of(USER, USER);
		page = seal_many(clients[i]);
		if (i)
			continue;
		asked = ask(clients[0], "Seal", clients[0]->pid, page, PAGE);
		ok(!strcmp(asked->error, "TooMany"), "a user: %d seals in one address space, and no more: %s",
		   SEALS, asked->message);
		asked = ask(clients[0], "List", 0, 0, 0);
		ok(!*asked->error && asked->spaces == 1, "they can be listed (%s)", asked->message);
		ok(!seal_range(clients[0]->pid, page, PAGE), "root: more");
	}
	page = puppet_pages(last, 1, PROT_READ);
	asked = ask(last, "Seal", last->pid, page, PAGE);
	ok(!strcmp(asked->error, "TooMany"), "a user: %d in all, and no more: %s", SEALS_ALL, asked->message);
	asked = ask(clients[0], "List", 0, 0, 0);
	ok(!strcmp(asked->error, "TooMany"), "nor are they listed in one reply: %s", asked->message);
	page = puppet_pages(other, 1, PROT_READ);
	asked = ask(other, "Seal", other->pid, page, PAGE);
	ok(!*asked->error, "another user seals (%s)", asked->message);
	for (int i = 0; i < SEALS_ALL / SEALS; i++)
		puppet_end(clients[i]);
	page = puppet_pages(last, 1, PROT_READ);
	ok(status_becomes("spaces", 1, 20) && !*ask(last, "Seal", last->pid, page, PAGE)->error,
	   "and so may the user, when they have ended");
	puppet_end(last);
	puppet_end(other);
}

/* --- quota of address spaces --- */

/* Forks until it fails, or count times; returns the number. The children sleep until they are killed. */
static long fork_many(const long arguments[6])
{
	long made = 0;

	for (; made < arguments[0]; made++) {
		long pid = raw_call(SYS_clone, SIGCHLD, 0, 0, 0, 0, 0);

		if (pid < 0)
			return pid == -EAGAIN ? made : pid;
		if (pid == 0) {
			/* It is sealed, or its exit status says that it is not. */
			if (arguments[1] &&
			    raw_call(SYS_mprotect, arguments[1], PAGE, PROT_READ, 0, 0, 0) != -EPERM)
				_exit(99);
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			for (;;)
				pause();
		}
	}
	return made;
}

/* Ends all children; returns whether one was unsealed from the start. */
static long end_children(const long arguments[6])
{
	long unsealed = 0;
	int status;

	(void)arguments;
	nap(300);
	while (waitpid(-1, &status, WNOHANG) > 0)
		unsealed += WIFEXITED(status) && WEXITSTATUS(status) == 99;
	signal(SIGTERM, SIG_IGN);
	kill(0, SIGTERM);
	while (waitpid(-1, &status, 0) > 0)
		unsealed += WIFEXITED(status) && WEXITSTATUS(status) == 99;
	signal(SIGTERM, SIG_DFL);
	return unsealed;
}

/* In a process group of its own, sealed. */
static struct puppet *sealed_of(uid_t uid, uint64_t *ret_page)
{
	struct puppet *puppet = puppet_new();

	puppet_call(puppet, SYS_setpgid, 0, 0);
	if (uid)
		puppet_become(puppet, uid, uid);
	*ret_page = puppet_pages(puppet, 1, PROT_READ);
	must_seal(puppet->pid, *ret_page, PAGE);
	return puppet;
}

static void quota(void)
{
	uint64_t page, others_page, roots_page, users_page;
	struct puppet *own = sealed_of(USER, &page), *other = sealed_of(OTHER, &others_page),
		      *root = sealed_of(0, &roots_page), *client, *inside;
	const struct asked *asked;
	long made, again;
	int64_t before = status_number("spaces");

	made = puppet_run(own, fork_many, QUOTA + 10, (long)page);
	ok(made == QUOTA - 1,
	   "a user may have %d sealed address spaces: %ld forks of the first are made, then EAGAIN", QUOTA,
	   made);
	ok(status_becomes("spaces", before + made, 10), "all of them sealed");
	again = puppet_run(own, fork_many, 1, (long)page);
	ok(again == 0, "no further one (%ld)", again);
	client = puppet_of(USER, USER);
	users_page = puppet_pages(client, 1, PROT_READ);
	asked = ask(client, "Seal", client->pid, users_page, PAGE);
	ok(!strcmp(asked->error, "NoRoom"), "nor another by Seal: %s", asked->message);
	asked = ask(client, "Status", 0, 0, 0);
	ok(asked->spaces == QUOTA, "the user sees how many they have (%d)", (int)asked->spaces);
	made = puppet_run(other, fork_many, 5, (long)others_page);
	ok(made == 5, "another user's forks are made (%ld)", made);
	made = puppet_run(root, fork_many, 2 * QUOTA, (long)roots_page);
	ok(made == 2 * QUOTA, "root's are made, and more of them (%ld)", made);
	ok(puppet_call(own, SYS_mprotect, page, PAGE, PROT_READ) == -EPERM,
	   "the user's first is sealed still");
	must_seal(client->pid, users_page, PAGE);
	ok(puppet_call(client, SYS_mprotect, users_page, PAGE, PROT_READ) == -EPERM,
	   "what root asks for is sealed, full or not");
	made = puppet_run(client, fork_many, 1, (long)users_page);
	ok(made == 0, "but does not fork (%ld)", made);
	puppet_end(client);

	ok(puppet_run(own, end_children, 0) == 0, "none of the children was ever unsealed");
	ok(puppet_run(other, end_children, 0) == 0 && puppet_run(root, end_children, 0) == 0,
	   "nor of the others'");
	ok(status_becomes("spaces", before, 20), "when they have ended all entries are free");
	made = puppet_run(own, fork_many, QUOTA + 10, (long)page);
	ok(made == QUOTA - 1, "and can be taken again (%ld)", made);
	ok(puppet_run(own, end_children, 0) == 0 && status_becomes("spaces", before, 20),
	   "and are free again");

	/* Users of a user namespace are charged to the user who made it. */
	inside = puppet_of(USER, USER);
	puppet_call(inside, SYS_setpgid, 0, 0);
	puppet_user_namespace(inside, 100000, 1000);
	puppet_call(inside, SYS_setresgid, 7, 7, 7);
	puppet_call(inside, SYS_setresuid, 7, 7, 7);
	users_page = puppet_pages(inside, 1, PROT_READ);
	must_seal(inside->pid, users_page, PAGE);
	made = puppet_run(inside, fork_many, QUOTA + 10, (long)users_page);
	ok(made == QUOTA - 2, "another uid in a user namespace of the user is on their account (%ld)", made);
	ok(puppet_run(own, fork_many, 1, (long)page) == 0, "which is full now");
	ok(puppet_run(inside, end_children, 0) == 0, "none of them was ever unsealed");
	puppet_end(inside);

	/* Exec and a failed fork also give an entry back. */
	for (int i = 0; i < 3 * QUOTA; i++) {
		struct puppet *child = puppet_child(own, 0);

		if (puppet_exec(child) < 0)
			bail("exec");
		puppet_end(child);
	}
	made = puppet_run(own, fork_many, QUOTA + 10, (long)page);
	ok(made == QUOTA - 1, "exec gives entries back (%ld)", made);
	daemon_stop(SIGKILL);
	daemon_start();
	again = puppet_run(own, fork_many, 1, (long)page);
	ok(again == 0, "the next daemon, and the kernel before, know of them (%ld)", again);
	ok(puppet_run(own, end_children, 0) == 0, "none of them was ever unsealed");
	made = puppet_run(own, fork_many, 1, (long)page);
	ok(made == 1, "and that they are free (%ld)", made);
	ok(puppet_run(own, end_children, 0) == 0, "nor this one");
	puppet_end(own);
	puppet_end(other);
	puppet_end(root);
	ok(status_becomes("spaces", 0, 20), "nothing is left");
}

int main(int argc, char **argv)
{
	puppet_main(argc, argv);
	signal(SIGPIPE, SIG_IGN);
	if (setrlimit(RLIMIT_NOFILE, &(struct rlimit){ 4096, 4096 }))
		bail("setrlimit: %s", strerror(errno));
	setenv("MSEALD_OPTION", "--user-spaces=20", 1);
	daemon_start();
	connections();
	stallers();
	swollen();
	slow_readers();
	busy_user();
	many_seals();
	quota();
	ok(WIFEXITED(daemon_stop(SIGTERM)), "after all that, the daemon ends as it should");
	return tap_end();
}
