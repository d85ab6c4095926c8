/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The ready policy system, enabled by msealctl policy enable: it applies to every process, reports that in a
 * line, and leaves programs with a policy of their own to that policy, whatever its name. With audit nothing
 * is denied, and the report gives the limits of deny; with deny all processes are sealed, and pid 1 with the
 * deny bits that need no SIGKILL.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "attack.h"
#include "daemon.h"
#include "tap.h"

#define ETC "/etc/mseald/policy.d"
#define OWN "/srv/zzz" /* has a policy of its own */
#define PLAIN "/srv/plain"
#define PINS "/sys/fs/bpf/mseald"

static char said[1 << 16];

/* Captures both streams; returns the status. */
static int run(const char *command)
{
	FILE *pipe = popen(command, "re");
	size_t length = pipe ? fread(said, 1, sizeof(said) - 1, pipe) : 0;
	int status = pipe ? pclose(pipe) : -1;

	said[length] = '\0';
	return status;
}

static bool says(const char *words)
{
	if (strstr(said, words))
		return true;
	diag("without \"%s\": %s", words, said);
	return false;
}

static void install(void)
{
	char command[1024], vendor[512];
	json_t *document;

	if (run("msealctl --json policy list-files"))
		bail("msealctl: %s", said);
	document = json_loads(said, 0, NULL);
	snprintf(vendor, sizeof(vendor), "%s",
		 json_string_value(json_array_get(json_object_get(document, "folders"), 1)));
	json_decref(document);
	snprintf(command, sizeof(command),
		 "v=%s; mkdir -p /srv " ETC " $v/deny && cp system.conf $v/ && "
		 "cp system-deny.conf $v/deny/system.conf && cp case-advised " OWN " && "
		 "cp case-advised " PLAIN " && chmod -R go-w $v",
		 vendor);
	if (system(command))
		bail("%s has failed", command);
	if (system("printf '[Match]\\nExe=" OWN "\\n[Seal]\\nSegments=text\\n' >" ETC "/zzz.conf"))
		bail("no policy");
}

struct started {
	pid_t pid;
	FILE *to;
};

/* Starts a program that makes its stack executable when told to. */
static struct started start(const char *program)
{
	struct started started;
	int to[2];

	if (pipe2(to, O_CLOEXEC))
		bail("pipe: %s", strerror(errno));
	fflush(NULL);
	started.pid = fork();
	if (started.pid == 0) {
		dup2(to[0], 0);
		if (!freopen("/dev/null", "w", stdout))
			_exit(126);
		execl(program, program, "stack", NULL);
		_exit(127);
	}
	close(to[0]);
	started.to = fdopen(to[1], "w");
	return started;
}

static int finish(struct started *started)
{
	fputc('x', started->to);
	fclose(started->to);
	return child_end(started->pid);
}

static json_t *matches(void)
{
	json_t *reply = NULL;

	if (daemon_call("ListMatches", NULL, &reply))
		bail("ListMatches: %s", daemon_error_message());
	return reply;
}

static const json_t *find(const json_t *reply, pid_t pid)
{
	json_t *match;
	size_t i;

	json_array_foreach(json_object_get(reply, "matches"), i, match)
		if (json_number(match, "pid") == pid)
			return match;
	return NULL;
}

/* The number of processes under the policy in this state. */
static unsigned count(const json_t *reply, const char *state)
{
	unsigned count = 0;
	json_t *match;
	size_t i;

	json_array_foreach(json_object_get(reply, "matches"), i, match)
		count += !strcmp(json_text(match, "policy"), "system") &&
			 !strcmp(json_text(match, "state"), state);
	return count;
}

static json_t *wait_sealed(void)
{
	json_t *reply = matches();

	for (int i = 0; i < 600 && count(reply, "pending"); i++) {
		json_decref(reply);
		nap(100);
		reply = matches();
	}
	return reply;
}

/* The deny masks of all seals of a process, by action. */
static bool has_seals(pid_t pid, const char *action, const char *bit)
{
	json_t *seals = daemon_seals(pid), *seal, *word;
	bool has = false;
	size_t i, j;

	json_array_foreach(seals, i, seal)
		json_array_foreach(json_object_get(seal, action), j, word)
			has |= !strcmp(json_string_value(word), bit);
	json_decref(seals);
	return has;
}

static bool is_of(const json_t *reply, const struct started *started, const char *policy)
{
	const json_t *match = find(reply, started->pid);

	if (match && !strcmp(json_text(match, "policy"), policy))
		return true;
	diag("pid %d: policy %s, state %s", (int)started->pid, match ? json_text(match, "policy") : "none",
	     match ? json_text(match, "state") : "none");
	return false;
}

static void audit(void)
{
	struct started own, plain;
	json_t *reply;

	ok(run("msealctl policy enable system 2>&1") == 0 && says("Action=audit: it denies nothing yet"),
	   "enable: audit");
	ok(says("system covers ") && says(" processes: "), "and a line says how many processes it covers");
	own = start(OWN);
	plain = start(PLAIN);
	nap(5000);
	reply = wait_sealed();
	ok(count(reply, "sealed") > 2 && count(reply, "pending") == 0, "%u processes are sealed",
	   count(reply, "sealed"));
	ok(is_of(reply, &plain, "system"), "a program without a policy is sealed by it");
	ok(is_of(reply, &own, "zzz"), "one with a policy of a later name by that");
	ok(has_seals(1, "audit", "unmap") && !has_seals(1, "deny", "mprotect"), "pid 1 is audited");
	ok(finish(&plain) == 0, "audit: an executable stack is let be");
	ok(finish(&own) == 0, "and where the policy of its own does not seal it");
	json_decref(reply);
	(void)run("COLUMNS=1000 msealctl policy report system 2>&1");
	ok(says("give each program a policy of its own with one of these:") &&
		   says(PLAIN ": 1 attempt (an executable stack): Deny=unmap,discard; "
			      "Segments=text,rodata,relro,vdso\n"),
	   "the report says what deny would deny, of each program");
	ok(says("pid 1 would not be sealed against unmap, discard: "), "and what it would not of pid 1");
	if (gate_is_override())
		ok(!strstr(said, "this kernel kills the program"), "and nothing of SIGKILL here");
	else
		ok(says("with Action=deny this kernel kills the program"),
		   "and what it would answer by SIGKILL");
}

static void deny(void)
{
	const json_t *match, *unsealed;
	struct started own, plain;
	json_t *reply;
	size_t i;

	ok(run("msealctl policy enable --action=deny system 2>&1") == 0 && says("/deny/system.conf"),
	   "enable --action=deny");
	ok(says("pid 1 without unmap, discard"), "a line says what of pid 1 it does not cover");
	own = start(OWN);
	plain = start(PLAIN);
	nap(5000);
	reply = wait_sealed();
	json_array_foreach(json_object_get(reply, "matches"), i, unsealed)
		if (!strcmp(json_text(unsealed, "state"), "unsealed"))
			diag("not sealed: pid %" PRId64 " %s: %s", json_number(unsealed, "pid"),
			     json_text(unsealed, "exe"), json_text(unsealed, "reason"));
	ok(count(reply, "unsealed") == 0 && count(reply, "pending") == 0,
	   "%u processes are sealed, %u are not", count(reply, "sealed"), count(reply, "unsealed"));
	match = find(reply, 1);
	ok(match && !strcmp(json_text(match, "state"), "weaker") &&
		   !strcmp(json_text(match, "reason"), "pid1") &&
		   json_array_size(json_object_get(match, "missing")) >= 1,
	   "pid 1 is weaker than the policy (%s, %s)", match ? json_text(match, "state") : "none",
	   match ? json_text(match, "reason") : "none");
	ok(has_seals(1, "deny", "mprotect") && !has_seals(1, "deny", "unmap") &&
		   !has_seals(1, "deny", "discard"),
	   "by what needs no SIGKILL");
	ok(is_of(reply, &own, "zzz"), "a program with a policy of its own keeps it");
	ok(finish(&own) == 0, "and may do what that does not deny");
	ok(finish(&plain) == 1, "the others may not");
	json_decref(reply);
	/* The machine lives on: pid 1 and the test can fork. */
	ok(system("true") == 0 && kill(1, 0) == 0, "programs start as before");
	ok(run("msealctl policy disable system 2>&1") == 0 && says("system is off: removed the link"),
	   "disable");
}

int main(void)
{
	(void)gate_is_override();
	install();
	daemon_start();
	json_decref(daemon_status());
	audit();
	deny();
	daemon_stop(SIGTERM);
	/* Otherwise everything, including the shell that runs the tests, would stay sealed. */
	if (system("rm -r " PINS " " ETC "/zzz.conf /var/lib/mseald") != 0)
		diag("cannot remove " PINS);
	return tap_end();
}
