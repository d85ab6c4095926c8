/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * WatchContainer and UnwatchContainer without a container runtime: which cgroups are accepted, what is kept,
 * the order of policies, and the takeover by the next daemon. tests/oci has containers.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon.h"
#include "tap.h"

#define CGROUPS "/sys/fs/cgroup"
#define OWN "/t_container"
#define ODD "/t_container/odd \"name\" \\x2d@#;"
#define KEPT "/run/mseald/containers"
#define POLICIES "/etc/mseald/policy.d"

static bool write_text(const char *path, const char *text)
{
	FILE *file = fopen(path, "w");

	return file && fputs(text, file) >= 0 && fclose(file) == 0;
}

/* A waiting process in that cgroup. */
static pid_t process_in(const char *cgroup)
{
	char path[512], pid_text[16];
	pid_t pid = fork();

	if (pid == 0)
		for (;;)
			pause();
	(void)snprintf(path, sizeof(path), CGROUPS "%s", cgroup);
	(void)mkdir(path, 0755);
	(void)snprintf(path, sizeof(path), CGROUPS "%s/cgroup.procs", cgroup);
	(void)snprintf(pid_text, sizeof(pid_text), "%d", (int)pid);
	if (!write_text(path, pid_text))
		bail("cannot move a process to %s", cgroup);
	return pid;
}

/* Becomes a program that can be sealed. */
static pid_t program_in(const char *cgroup)
{
	char path[512], pid_text[16];
	pid_t pid = fork();

	if (pid == 0) {
		(void)snprintf(path, sizeof(path), CGROUPS "%s/cgroup.procs", cgroup);
		(void)snprintf(pid_text, sizeof(pid_text), "%d", (int)getpid());
		if (write_text(path, pid_text))
			execl("/tests/started", "/tests/started", "--sleep", NULL);
		_exit(127);
	}
	return pid;
}

static void end(pid_t pid)
{
	(void)kill(pid, SIGKILL);
	(void)waitpid(pid, NULL, 0);
}

static json_t *order(const char *id, pid_t pid)
{
	return json_pack("{s:s,s:i}", "id", id, "pid", (int)pid);
}

static const char *watch(const char *id, pid_t pid)
{
	return daemon_call("WatchContainer", order(id, pid), NULL);
}

static void is_error(const char *got, const char *expected, const char *name)
{
	ok(got && strcmp(got, expected) == 0, "%s: %s", name, got ?: "no error");
}

static bool is_kept(const char *id)
{
	char path[512];

	(void)snprintf(path, sizeof(path), KEPT "/%s.conf", id);
	return access(path, F_OK) == 0;
}

/* The policy that seals the process, or will: borrowed until the next call, "" for none. */
static const char *policy_of(pid_t pid, bool sealed)
{
	static char policy[256];
	json_t *reply = NULL, *match;
	size_t i;

	policy[0] = '\0';
	if (daemon_call("ListMatches", NULL, &reply))
		bail("ListMatches fails");
	json_array_foreach(json_object_get(reply, "matches"), i, match)
		if (json_number(match, "pid") == pid &&
		    (!sealed || strcmp(json_text(match, "state"), "sealed") == 0))
			(void)snprintf(policy, sizeof(policy), "%s", json_text(match, "policy"));
	json_decref(reply);
	return policy;
}

static bool is_sealed_by(pid_t pid, const char *policy)
{
	for (int i = 0; i < 300; i++) {
		if (strcmp(policy_of(pid, true), policy) == 0)
			return true;
		(void)usleep(100000);
	}
	return false;
}

static bool is_gone(const char *id)
{
	for (int i = 0; i < 150 && is_kept(id); i++)
		(void)usleep(100000);
	return !is_kept(id);
}

/* --- */

static void test_parameters(pid_t pid)
{
	static const char *const ids[] = { "",	  ".",	 "..",	    "a/b", "../../etc/mseald/policy.d/x",
					   "a b", "a\n", "\xc3\xa4" };
	char longest[130];

	for (size_t i = 0; i < sizeof(ids) / sizeof(*ids); i++) {
		is_error(watch(ids[i], pid), "org.varlink.service.InvalidParameter", "an id that is none");
		is_error(daemon_call("UnwatchContainer", json_pack("{s:s}", "id", ids[i]), NULL),
			 "org.varlink.service.InvalidParameter", "disarming it");
	}
	memset(longest, 'x', sizeof(longest));
	longest[129] = '\0';
	is_error(watch(longest, pid), "org.varlink.service.InvalidParameter", "an id that is too long");
	is_error(daemon_call("WatchContainer", json_pack("{s:s}", "id", "a"), NULL),
		 "org.varlink.service.InvalidParameter", "no pid");
	is_error(daemon_call("WatchContainer",
			     json_pack("{s:s,s:i,s:b}", "id", "a", "pid", (int)pid, "revocable", 1), NULL),
		 "org.varlink.service.InvalidParameter", "a parameter that it has not");
	is_error(daemon_call("WatchContainer",
			     json_pack("{s:s,s:i,s:s}", "id", "a", "pid", (int)pid, "policy", "none-such"),
			     NULL),
		 "NoSuchPolicy", "a policy that is not there");
	is_error(daemon_call("WatchContainer",
			     json_pack("{s:s,s:i,s:s,s:b}", "id", "a", "pid", (int)pid, "policy", "x",
				       "dlopen", 1),
			     NULL),
		 "Failed", "a policy and what it says");
	is_error(daemon_call("UnwatchContainer", json_pack("{s:s}", "id", "none"), NULL), "NoSuchContainer",
		 "UnwatchContainer of an unknown id");
}

static void test_cgroups(void)
{
	pid_t beside = fork(), ended;

	if (beside == 0)
		for (;;)
			pause();
	is_error(watch("a", 1), "NoCgroup", "pid 1");
	is_error(watch("a", 2), "NoCgroup", "a kernel thread");
	is_error(watch("a", beside), "NoCgroup", "a process in the root cgroup");
	ended = fork();
	if (ended == 0)
		_exit(0);
	(void)waitpid(ended, NULL, 0);
	is_error(watch("a", ended), "NoSuchProcess", "a process that has ended");
	end(beside);
	ok(rmdir(KEPT) == 0 || access(KEPT, F_OK) < 0, "nothing of it is kept");
}

/* A cgroup with the client in a cgroup below it. */
static void test_above_caller(pid_t pid)
{
	char text[16];

	(void)mkdir(CGROUPS OWN "/below", 0755);
	(void)snprintf(text, sizeof(text), "%d", (int)getpid());
	if (!write_text(CGROUPS OWN "/below/cgroup.procs", text))
		bail("cannot move to another cgroup");
	is_error(watch("a", pid), "NoCgroup", "a cgroup above the client's");
	if (!write_text(CGROUPS "/cgroup.procs", text))
		bail("cannot move back");
	(void)rmdir(CGROUPS OWN "/below");
}

static void test_life(pid_t first, pid_t odd)
{
	pid_t program, second;

	ok(!watch("one", first) && is_kept("one"), "a cgroup of its own is taken, and kept");
	ok(!strcmp(policy_of(first, false), "container one"), "before what a file says of it");
	program = program_in(OWN);
	ok(is_sealed_by(program, "container one"), "what starts there is sealed");
	ok(!watch("two.x_y+z:-", odd), "a cgroup with an odd name is taken");
	second = program_in(ODD);
	/* It is below, so both apply. */
	ok(is_sealed_by(second, "container one"),
	   "what starts there is sealed: by the first that is about it");
	end(second);

	ok(!daemon_call("UnwatchContainer", json_pack("{s:s}", "id", "one"), NULL) && !is_kept("one"),
	   "no longer watched, and its file is gone");
	ok(!strcmp(policy_of(program, false), "90-file"), "then what a file says decides again");
	second = program_in(ODD);
	ok(is_sealed_by(second, "container two.x_y+z:-"), "what starts in the odd one is sealed by its own");

	(void)daemon_stop(SIGKILL);
	(void)write_text(KEPT "/broken.conf", "[Match]\nCgroup=/\n");
	(void)write_text(KEPT "/.x.conf", "");
	daemon_start();
	ok(is_sealed_by(second, "container two.x_y+z:-"), "the next daemon goes on with it");
	ok(strcmp(policy_of(program, false), "90-file") == 0, "and not with a broken file");
	end(second);
	end(odd);
	ok(rmdir(CGROUPS ODD) == 0 && is_gone("two.x_y+z:-"), "it goes with its cgroup");

	/* The same path, another cgroup. */
	end(program);
	ok(!watch("one", first), "watched again");
	(void)daemon_stop(SIGTERM);
	end(first);
	ok(rmdir(CGROUPS OWN) == 0 && mkdir(CGROUPS OWN, 0755) == 0,
	   "another cgroup has its path, while no daemon is there");
	daemon_start();
	ok(!is_kept("one"), "which is not taken for it");
	(void)rmdir(CGROUPS OWN);
}

int main(void)
{
	pid_t first, odd;

	(void)system("rm -rf " POLICIES "/* " KEPT);
	(void)mkdir(POLICIES, 0755);
	(void)write_text(POLICIES "/90-file.conf", "[Match]\nCgroup=/t_container\n[Seal]\nSegments=text\n");
	daemon_start();
	first = process_in(OWN);
	odd = process_in(ODD);
	test_parameters(first);
	test_cgroups();
	test_above_caller(first);
	test_life(first, odd);
	(void)daemon_stop(SIGTERM);
	(void)system("rm -rf " POLICIES "/* " KEPT);
	return tap_end();
}
