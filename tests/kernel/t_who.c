/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Access rights: users on their own processes, root on all, root of a container on processes inside. Nothing
 * is sealed here against the rules; t_share.c tests the limits.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "asking.h"
#include "attack.h"
#include "daemon.h"
#include "running.h"
#include "tap.h"
#include "victims.h"

#define USER 1000
#define OTHER 1001
#define ALL_BUT_ADMIN (~(UINT64_C(1) << 21))
#define SOME 0xa80425fbULL /* capabilities that docker leaves to a container's root */

static struct puppet *roots; /* a process of root */
static uint64_t roots_pages;

static bool is_sealed(struct puppet *puppet, uint64_t page)
{
	return puppet_call(puppet, SYS_mprotect, page, PAGE, PROT_READ) == -EPERM;
}

/* Two pages of its own: the second is the control. */
static uint64_t pages_of(struct puppet *puppet)
{
	return puppet_pages(puppet, 2, PROT_READ);
}

/* The client's request is refused with this error, and nothing is sealed. */
static void refused(struct puppet *client, struct puppet *victim, const char *error, const char *why,
		    const char *name)
{
	uint64_t page = pages_of(victim);
	const struct asked *asked = ask_dry_run(client, "Seal", victim->pid, page, PAGE);
	bool dry_run = !strcmp(asked->error, error) && strstr(asked->message, why);

	asked = ask(client, "Seal", victim->pid, page, PAGE);
	ok(dry_run && !strcmp(asked->error, error) && strstr(asked->message, why) && !is_sealed(victim, page),
	   "%s: %s, also in a dry run (%s: %s)", name, error, asked->error, asked->message);
}

static void sealed(struct puppet *client, struct puppet *victim, pid_t named, const char *name)
{
	uint64_t page = pages_of(victim);
	const struct asked *asked = ask_dry_run(client, "Seal", named, page, PAGE);

	ok(!*asked->error && !is_sealed(victim, page), "%s: a dry run seals nothing (%s: %s)", name,
	   asked->error, asked->message);
	asked = ask(client, "Seal", named, page, PAGE);
	ok(!*asked->error && is_sealed(victim, page) && !is_sealed(victim, page + PAGE),
	   "%s: sealed (%s: %s)", name, asked->error, asked->message);
}

/* --- users --- */

static void users(void)
{
	struct puppet *client = puppet_of(USER, USER), *own = puppet_of(USER, USER), *victim;

	sealed(client, own, own->pid, "a user: an own process");
	sealed(client, client, client->pid, "a user: itself");
	refused(client, roots, "PermissionDenied", "only root", "a user: a process of root");
	victim = puppet_of(OTHER, OTHER);
	refused(client, victim, "PermissionDenied", "only root", "a user: a process of another user");
	puppet_end(victim);
	victim = puppet_of(USER, OTHER);
	refused(client, victim, "PermissionDenied", "ids", "a user: a process of another group");
	puppet_end(victim);

	/* It has privileges that it could regain, or is not dumpable. */
	victim = puppet_new();
	puppet_call(victim, SYS_setgroups, 0, 0);
	puppet_call(victim, SYS_setresgid, USER, USER, USER);
	puppet_call(victim, SYS_setresuid, USER, USER, 0);
	puppet_call(victim, SYS_prctl, PR_SET_DUMPABLE, 1, 0, 0, 0);
	refused(client, victim, "PermissionDenied", "ids", "a user: one that can be root again");
	puppet_end(victim);
	victim = puppet_new();
	puppet_call(victim, SYS_prctl, PR_SET_KEEPCAPS, 1, 0, 0, 0);
	puppet_become(victim, USER, USER);
	refused(client, victim, "PermissionDenied", "capabilities", "a user: one that has capabilities");
	puppet_end(victim);
	victim = puppet_of(USER, USER);
	puppet_call(victim, SYS_prctl, PR_SET_DUMPABLE, 0, 0, 0, 0);
	refused(client, victim, "PermissionDenied", "PR_SET_DUMPABLE", "a user: one that cannot be traced");
	refused(victim, victim, "PermissionDenied", "PR_SET_DUMPABLE", "nor by itself");
	puppet_end(victim);
	victim = puppet_of(USER, USER);
	puppet_user_namespace(victim, USER, 1);
	refused(client, victim, "PermissionDenied", "user namespace",
		"a user: one in another user namespace");
	puppet_end(victim);
	/* A child by vfork that has become another user: the memory is root's. */
	victim = puppet_child(roots, CLONE_VM);
	puppet_call(victim, SYS_setresgid, USER, USER, USER);
	puppet_call(victim, SYS_setresuid, USER, USER, USER);
	refused(client, victim, "PermissionDenied", "PR_SET_DUMPABLE",
		"a user: an own process that shares root's memory");
	puppet_end(victim);
	/* The client has another user by now than when it connected: the same as seteuid(). */
	puppet_end(client);
	client = puppet_new();
	puppet_call(client, SYS_setresgid, -1, USER, -1);
	puppet_call(client, SYS_setresuid, -1, USER, -1);
	refused(client, own, "PermissionDenied", "the client", "a client that can be root again, as a user");
	puppet_end(client);
	puppet_end(own);
}

static void takes_back(void)
{
	struct puppet *client = puppet_of(USER, USER), *own = puppet_of(USER, USER), *child;
	const struct asked *asked;
	uint64_t page = pages_of(own);

	asked = ask_revocably(client, own->pid, page, PAGE);
	ok(!*asked->error && is_sealed(own, page), "a user: revocably (%s)", asked->message);
	asked = ask(client, "Unseal", own->pid, 0, 0);
	ok(!strcmp(asked->error, "PermissionDenied") && is_sealed(own, page),
	   "a user: takes nothing back (%s)", asked->message);
	asked = ask(own, "Unseal", own->pid, page, PAGE);
	ok(!strcmp(asked->error, "PermissionDenied") && is_sealed(own, page), "nor from inside (%s)",
	   asked->message);
	ok(!daemon_unseal(own->pid, NULL, 0) && !is_sealed(own, page), "root does");
	puppet_end(client);
	puppet_end(own);

	own = puppet_new();
	page = pages_of(own);
	must_seal_revocably(own->pid, page, PAGE);
	asked = ask(own, "Unseal", own->pid, 0, 0);
	ok(!strcmp(asked->error, "PermissionDenied") && strstr(asked->message, "itself") &&
		   is_sealed(own, page),
	   "root, from inside: does not (%s)", asked->message);
	child = puppet_child(own, 0);
	asked = ask(child, "Unseal", own->pid, 0, 0);
	ok(!strcmp(asked->error, "PermissionDenied") && is_sealed(own, page),
	   "nor a child that has the same seals (%s)", asked->message);
	asked = ask(own, "Unseal", child->pid, 0, 0);
	ok(!strcmp(asked->error, "PermissionDenied") && is_sealed(child, page), "nor for the child (%s)",
	   asked->message);
	puppet_end(child);
	ok(!daemon_unseal(own->pid, NULL, 0) && !is_sealed(own, page), "another process of root does");
	puppet_end(own);
}

/* --- reading --- */

static void looks(void)
{
	static const char *const roots_only[] = { "Report", "Metrics", "ReloadPolicy", "ListMatches" };
	struct puppet *client = puppet_of(USER, USER), *own = puppet_of(USER, USER),
		      *others = puppet_of(OTHER, OTHER);
	const struct asked *asked;
	json_t *spaces;

	must_seal(others->pid, pages_of(others), PAGE);
	asked = ask(client, "List", 0, 0, 0);
	ok(!*asked->error && asked->spaces == 0, "a user: is shown nothing of others (%s, %d)", asked->error,
	   (int)asked->spaces);
	asked = ask(client, "Status", 0, 0, 0);
	ok(!*asked->error && asked->spaces == 0, "a user: nothing of others is counted (%s, %d)",
	   asked->error, (int)asked->spaces);
	asked = ask(client, "List", roots->pid, 0, 0);
	ok(!strcmp(asked->error, "PermissionDenied"), "a user: nor by its pid (%s)", asked->message);
	must_seal(own->pid, pages_of(own), PAGE);
	asked = ask(client, "List", 0, 0, 0);
	ok(!*asked->error && asked->spaces == 1 && asked->pid == own->pid, "a user: sees their own (%s, %d)",
	   asked->error, (int)asked->spaces);
	asked = ask(client, "List", own->pid, 0, 0);
	ok(!*asked->error && asked->spaces == 1, "a user: and by its pid (%s)", asked->error);
	asked = ask(client, "Status", 0, 0, 0);
	ok(!*asked->error && asked->spaces == 1, "a user: their own is counted (%s, %d)", asked->error,
	   (int)asked->spaces);
	spaces = daemon_list(0);
	ok(status_number("spaces") == 3 && json_array_size(spaces) == 3, "root: sees all");
	json_decref(spaces);
	for (size_t i = 0; i < sizeof(roots_only) / sizeof(*roots_only); i++) {
		asked = ask(client, roots_only[i], 0, 0, 0);
		ok(!strcmp(asked->error, "PermissionDenied") && strstr(asked->message, "only root may"),
		   "a user: %s: %s", roots_only[i], asked->message);
	}
	puppet_end(client);
	puppet_end(own);
	puppet_end(others);
}

static void monitors(void)
{
	struct puppet *own = puppet_of(USER, USER), *others = puppet_of(OTHER, OTHER),
		      *privileged = puppet_new();
	uint64_t pages = pages_of(own), others_pages = pages_of(others),
		 privileged_pages = pages_of(privileged);
	struct monitor all, users;
	json_t *event;

	/* A setuid program: its real user is the user. */
	puppet_call(privileged, SYS_setresuid, USER, 0, 0);
	puppet_call(privileged, SYS_setresgid, USER, USER, USER);
	must_seal(own->pid, pages, PAGE);
	must_seal(others->pid, others_pages, PAGE);
	must_seal(privileged->pid, privileged_pages, PAGE);
	monitor_open(&all, 0);
	if (setegid(USER) || seteuid(USER))
		bail("seteuid");
	monitor_open(&users, 0);
	if (seteuid(0) || setegid(0))
		bail("seteuid");
	nap(200);
	is_sealed(others, others_pages);
	is_sealed(privileged, privileged_pages);
	is_sealed(roots, roots_pages);
	is_sealed(own, pages);
	event = monitor_next(&users, 20000);
	ok(event && json_number(event, "pid") == own->pid, "a user: monitors their own first (%d)",
	   (int)json_number(event, "pid"));
	json_decref(event);
	event = monitor_next(&users, 1000);
	ok(!event, "and nothing else");
	for (int i = 0; i < 4; i++) {
		event = monitor_next(&all, 20000);
		ok(event, "root: monitors all (%d)", (int)json_number(event, "pid"));
		json_decref(event);
	}
	monitor_close(&all);
	monitor_close(&users);
	puppet_end(own);
	puppet_end(others);
	puppet_end(privileged);
}

/* --- containers --- */

/*
 * Are all calls of root refused to the client? host: except for those that user 0 may make without
 * capabilities.
 */
static void no_root(struct puppet *client, bool host, const char *name, const char *why)
{
	static const char *const methods[] = { "ListMatches", "Report", "ReloadPolicy", "Metrics" };
	const struct asked *asked = ask(client, "Unseal", client->pid, 0, 0);

	ok(!strcmp(asked->error, "PermissionDenied") && strstr(asked->message, why),
	   "%s: takes nothing back (%s)", name, asked->message);
	for (size_t i = 0; i < sizeof(methods) / sizeof(*methods); i++) {
		asked = ask(client, methods[i], 0, 0, 0);
		ok(!strcmp(asked->error, host && i >= 2 ? "" : "PermissionDenied"), "%s: %s (%s)", name,
		   methods[i], asked->message);
	}
	asked = ask(client, "Status", 0, 0, 0);
	ok(!*asked->error && asked->spaces <= 1, "%s: nothing of others is counted (%d)", name,
	   (int)asked->spaces);
}

static void pid_namespace(void)
{
	struct puppet *outside = puppet_new(), *inside, *second;
	const struct asked *asked;
	json_t *spaces;
	uint64_t page;

	puppet_pid_namespace(outside);
	inside = puppet_child(outside, 0);
	second = puppet_child(outside, 0);
	page = pages_of(inside);
	asked = ask_revocably(inside, 1, page, PAGE);
	ok(!*asked->error && is_sealed(inside, page),
	   "root in a pid namespace: seals itself by its own number (%s)", asked->message);
	asked = ask(inside, "List", 0, 0, 0);
	ok(!*asked->error && asked->spaces == 1 && asked->pid == 1,
	   "sees itself, by its own number, and nobody else (%d, pid %d)", (int)asked->spaces,
	   (int)asked->pid);
	asked = ask(inside, "List", 1, 0, 0);
	ok(!*asked->error && asked->spaces == 1 && asked->pid == 1, "and when it is named");
	no_root(inside, false, "root in a pid namespace", "another pid namespace");
	asked = ask(inside, "Metrics", 0, 0, 0);
	ok(!strcmp(asked->error, "PermissionDenied"), "root in a pid namespace: Metrics (%s)",
	   asked->message);
	ok(is_sealed(inside, page), "and is sealed still");
	asked = ask(inside, "Seal", roots->pid, roots_pages + PAGE, PAGE);
	ok(!strcmp(asked->error, "NoSuchProcess") && !is_sealed(roots, roots_pages + PAGE),
	   "numbers of outside are nobody's (%s)", asked->message);
	asked = ask(inside, "List", roots->pid, 0, 0);
	ok(!strcmp(asked->error, "NoSuchProcess"), "to look at either (%s)", asked->message);

	sealed(inside, second, 2, "another process in there, by its number there");
	sealed(second, second, 2, "itself, not being the first there");
	asked = ask(second, "Seal", 2, 0x1000, PAGE);
	ok(!strcmp(asked->error, "NotMapped") && strstr(asked->message, "in the client's pid namespace"),
	   "an error has both numbers (%s)", asked->message);
	spaces = daemon_list(0);
	ok(json_array_size(spaces) == 3, "root outside sees them all");
	json_decref(spaces);
	puppet_call(second, SYS_setresgid, USER, USER, USER);
	puppet_call(second, SYS_setresuid, USER, USER, USER);
	puppet_call(second, SYS_prctl, PR_SET_DUMPABLE, 1, 0, 0, 0);
	asked = ask(second, "Seal", 1, page, PAGE);
	ok(!strcmp(asked->error, "PermissionDenied"), "a user in there: not root's (%s)", asked->message);
	puppet_end(second);
	puppet_end(inside);
	puppet_end(outside);
}

static void no_capabilities(void)
{
	struct puppet *client = puppet_new(), *same = puppet_new(), *more = puppet_new();
	const struct asked *asked;

	puppet_keep_capabilities(client, SOME);
	puppet_keep_capabilities(same, SOME);
	puppet_keep_capabilities(more, ALL_BUT_ADMIN);
	no_root(client, true, "root without CAP_SYS_ADMIN", "lacks CAP_SYS_ADMIN");
	refused(client, roots, "PermissionDenied", "capabilities",
		"root without CAP_SYS_ADMIN: one that has it");
	refused(client, more, "PermissionDenied", "capabilities",
		"root without CAP_SYS_ADMIN: one that has more");
	sealed(client, same, same->pid, "root without CAP_SYS_ADMIN: one that has no more");
	asked = ask(client, "List", 0, 0, 0);
	ok(!*asked->error && asked->spaces == 1, "sees this one only (%d)", (int)asked->spaces);
	asked = ask(client, "Metrics", 0, 0, 0);
	ok(!*asked->error, "and reads the metrics, as mseald-metrics.service does (%s)", asked->message);
	puppet_end(client);
	puppet_end(same);
	puppet_end(more);
}

static void user_namespaces(void)
{
	struct puppet *client = puppet_of(USER, USER), *own, *users = puppet_of(USER, USER);
	uint64_t page;

	puppet_user_namespace(client, USER, 1);
	ok(puppet_call(client, SYS_getuid) == 0, "root in a user namespace: is user 0 there");
	no_root(client, false, "root in a user namespace", "only root may");
	refused(client, roots, "PermissionDenied", "only root",
		"root in a user namespace: a process of root");
	refused(client, users, "PermissionDenied", "user namespace",
		"root in a user namespace: a process of its user outside");
	own = puppet_child(client, 0);
	sealed(client, own, own->pid, "root in a user namespace: an own process there");
	puppet_end(own);
	puppet_end(client);

	/* Made by root, so that 0 maps to 0: still another user namespace. */
	client = puppet_new();
	puppet_user_namespace(client, 0, 65536);
	no_root(client, false, "user 0, in a user namespace", "another user namespace");
	page = pages_of(client);
	ok(!*ask(client, "Seal", client->pid, page, PAGE)->error && is_sealed(client, page),
	   "but seals itself");
	refused(client, roots, "PermissionDenied", "only root", "and not root's");
	puppet_end(client);
	puppet_end(users);
}

static void write_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		bail("%s: %s", path, strerror(errno));
	close(fd);
}

/* With all rights of root, but in the cgroup of a watched container. */
static void in_container(void)
{
	struct puppet *client = puppet_new();
	const struct asked *asked;
	char text[16];

	mkdir("/sys/fs/cgroup/t_who", 0755);
	snprintf(text, sizeof(text), "%d", (int)client->pid);
	write_text("/sys/fs/cgroup/t_who/cgroup.procs", text);
	asked = ask(client, "ListMatches", 0, 0, 0);
	ok(!*asked->error, "before the container is watched it is root (%s)", asked->message);
	if (daemon_call("WatchContainer", json_pack("{s:s,s:i}", "id", "who", "pid", (int)client->pid), NULL))
		bail("WatchContainer: %s", daemon_error_message());
	no_root(client, false, "root in a watched container", "in a container that mseald seals");
	refused(client, roots, "PermissionDenied", "not in the container",
		"root in a watched container: one of root outside");
	sealed(client, client, client->pid, "root in a watched container: itself");
	daemon_call("UnwatchContainer", json_pack("{s:s}", "id", "who"), NULL);
	puppet_end(client);
	rmdir("/sys/fs/cgroup/t_who");
}

/* --- changes during a call --- */

/* The client calls, and is a setuid program by the time the call is handled. */
static void becomes_another(void)
{
	static const char
		program[] = "/usr/bin/runme-setuid",
		call[] = "{\"method\":\"io.mseald.Seal\",\"parameters\":{\"pid\":%d,\"action\":\"kill\"}}";
	int out[2], in[2], status = 0;
	struct connection connection;
	char byte = 0, text[128];
	json_t *reply;
	pid_t pid;

	snprintf(text, sizeof(text), "cp /tests/runme %s && chmod 4755 %s", program, program);
	if (system(text) || pipe(out) || pipe(in))
		bail("cannot prepare");
	if (!connection_open(&connection))
		bail("cannot connect");
	connection_close(&connection);
	daemon_pause(true);
	fflush(NULL);
	pid = fork();
	if (pid == 0) {
		if (setgroups(0, NULL) || setresgid(USER, USER, USER) || setresuid(USER, USER, USER) ||
		    !connection_open(&connection))
			_exit(90);
		snprintf(text, sizeof(text), call, (int)getpid());
		if (!connection_send(&connection, text, strlen(text) + 1))
			_exit(91);
		fcntl(connection.fd, F_SETFD, 0);
		dup2(in[0], 0);
		dup2(out[1], 1);
		execl(program, program, "wait", (char *)NULL);
		_exit(92);
	}
	if (read(out[0], &byte, 1) != 1 || byte != 'r')
		bail("the setuid program does not run");
	daemon_pause(false);
	nap(2000);
	reply = daemon_list(pid);
	ok(json_array_size(reply) == 0 && waitpid(pid, &status, WNOHANG) == 0,
	   "a client that becomes a setuid program is not sealed");
	json_decref(reply);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	unlink(program);
	for (int i = 0; i < 2; i++) {
		close(in[i]);
		close(out[i]);
	}
}

/* Sets the pid of the next process. */
static void next_pid(pid_t pid)
{
	char text[16];

	snprintf(text, sizeof(text), "%d", (int)pid - 1);
	write_text("/proc/sys/kernel/ns_last_pid", text);
}

/* The named process is gone when the daemon reads the request, and a process of root has its pid. */
static void named_is_gone(void)
{
	struct puppet *client = puppet_of(USER, USER), *own = puppet_of(USER, USER), *heir = NULL;
	static const char call[] = "{\"method\":\"io.mseald.Seal\",\"parameters\":{\"pid\":%d}}";
	struct connection connection;
	pid_t pid = own->pid;
	json_t *reply;
	char text[128];

	daemon_pause(true);
	if (setegid(USER) || seteuid(USER) || !connection_open(&connection) || seteuid(0) || setegid(0))
		bail("cannot connect as a user");
	snprintf(text, sizeof(text), call, (int)pid);
	(void)connection_send(&connection, text, strlen(text) + 1);
	puppet_end(own);
	for (int i = 0; i < 100 && (!heir || heir->pid != pid); i++) {
		puppet_end(heir);
		next_pid(pid);
		heir = puppet_new();
	}
	daemon_pause(false);
	reply = connection_receive(&connection, 60000, NULL);
	ok(heir->pid == pid && strstr(json_text(reply, "error"), "PermissionDenied"),
	   "the pid that was named is root's by now: refused (%s)", json_text(reply, "error"));
	json_decref(reply);
	connection_close(&connection);
	puppet_end(heir);
	puppet_end(client);
}

#ifndef SO_PEERPIDFD
#define SO_PEERPIDFD 77
#endif

static bool has_peerpidfd(void)
{
	socklen_t size = sizeof(int);
	int pair[2], pidfd = -1;
	bool has;

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair))
		bail("socketpair: %s", strerror(errno));
	has = getsockopt(pair[0], SOL_SOCKET, SO_PEERPIDFD, &pidfd, &size) == 0;
	if (has)
		close(pidfd);
	close(pair[0]);
	close(pair[1]);
	return has;
}

static long connect_and_ask(const long arguments[6])
{
	static const char call[] = "{\"method\":\"io.mseald.ListMatches\"}";
	struct connection connection;

	(void)arguments;
	return connection_open(&connection) && connection_send(&connection, call, sizeof(call)) ?
		       connection.fd :
		       -1;
}

/* Has the client received this by now? */
static bool finds(struct puppet *puppet, long fd, const char *word)
{
	char *text = puppet_data(puppet);
	long got = puppet_call(puppet, SYS_recvfrom, fd, (long)text, 1000, MSG_DONTWAIT, 0, 0);

	text[got > 0 ? got : 0] = '\0';
	return strstr(text, word);
}

/*
 * Root of a container makes a request, ends, and leaves its connection to another process; then a process of
 * the machine's root has its pid.
 */
static void client_is_gone(void)
{
	struct puppet *outside = puppet_new(), *first, *client, *heir = NULL;
	pid_t pid;
	long fd;

	puppet_pid_namespace(outside);
	first = puppet_child(outside, 0);
	client = puppet_child(outside, CLONE_FILES);
	daemon_pause(true);
	fd = puppet_run(client, connect_and_ask, 0);
	if (fd < 0)
		bail("cannot ask: %s", puppet_text(client, fd));
	pid = client->pid;
	puppet_end(client);
	for (int i = 0; i < 100 && (!heir || heir->pid != pid); i++) {
		puppet_end(heir);
		next_pid(pid);
		heir = puppet_new();
	}
	ok(heir->pid == pid, "who has asked is gone, and root has its pid (%d)", (int)pid);
	daemon_pause(false);
	nap(2000);
	if (!has_peerpidfd())
		skip("this kernel has no SO_PEERPIDFD", "what it has left behind is refused");
	else
		ok(finds(outside, fd, "PermissionDenied"), "what it has left behind is refused (%s)",
		   (char *)puppet_data(outside));
	puppet_end(heir);
	puppet_end(first);
	puppet_end(outside);
}

/* --- msealctl --- */

static void as_user(void)
{
	if (setgroups(0, NULL) || setresgid(USER, USER, USER) || setresuid(USER, USER, USER))
		_exit(97);
}

static void without_admin(void)
{
	struct {
		unsigned version;
		int pid;
	} header = { .version = 0x20080522 };
	struct {
		unsigned effective, permitted, inheritable;
	} data[2];

	if (prctl(PR_CAPBSET_DROP, 21, 0, 0, 0) || syscall(SYS_capget, &header, data))
		_exit(97);
	for (int i = 0; i < 2; i++)
		data[i].permitted = data[i].effective = data[i].permitted & ~(i ? 0 : 1u << 21);
	if (syscall(SYS_capset, &header, data))
		_exit(97);
}

static void says(const char *line, void (*set_up)(void), const char *first, const char *second,
		 const char *third)
{
	struct run run = { .argv = { "msealctl", first, second, third }, .set_up = set_up };
	struct ran ran = run_whole(&run, false);

	ok(EXITED(ran.status, 3) && strstr(ran.err, line) && !strchr(ran.err, '\n'), "msealctl %s: %s", first,
	   ran.err);
}

static void lines(void)
{
	struct ran ran;
	char pid[16];

	snprintf(pid, sizeof(pid), "%d", (int)roots->pid);
	says("only root", as_user, "seal", pid, NULL);
	says("only root may remove seals", as_user, "unseal", pid, NULL);
	says("only root", as_user, "list", pid, NULL);
	says("only root may read the metrics", as_user, "metrics", NULL, NULL);
	says("only root may read the report", as_user, "policy", "report", NULL);
	says("only root may reload the policies", as_user, "policy", "reload", NULL);
	says("has uid 0, but lacks CAP_SYS_ADMIN", without_admin, "unseal", pid, NULL);
	ran = run_whole(&(struct run){ .argv = { "msealctl", "list" }, .set_up = as_user }, false);
	ok(EXITED(ran.status, 0) && !strcmp(ran.out, "Nothing is sealed."), "msealctl list, as a user (%s%s)",
	   ran.out, ran.err);
	ran = run_whole(&(struct run){ .argv = { "msealctl", "status" }, .set_up = as_user }, false);
	ok(EXITED(ran.status, 0) && strstr(ran.out, "0 address spaces"), "msealctl status, as a user (%s)",
	   ran.err);
}

int main(int argc, char **argv)
{
	puppet_main(argc, argv);
	signal(SIGPIPE, SIG_IGN);
	daemon_start();
	roots = puppet_new();
	roots_pages = pages_of(roots);
	must_seal(roots->pid, roots_pages, PAGE);
	users();
	takes_back();
	looks();
	monitors();
	pid_namespace();
	no_capabilities();
	user_namespaces();
	in_container();
	becomes_another();
	named_is_gone();
	client_is_gone();
	lines();
	puppet_end(roots);
	daemon_stop(SIGTERM);
	return tap_end();
}
