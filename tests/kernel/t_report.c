/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The report of attempts. A program under a policy with Action=audit does what its seals would deny; it
 * succeeds, and the attempts are summed up. Whatever happens to the program and the daemon, missing attempts
 * are always reported as missing. Then the policy denies.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "attack.h"
#include "daemon.h"
#include "tap.h"

#define FOLDER "/etc/mseald/policy.d"
#define PROGRAM "/tests/audited"
#define QUIET "/tests/quiet"
#define FILE_JSON "/var/lib/mseald/report.json"
#define PINS "/sys/fs/bpf/mseald"
#define SEGMENTS "Segments=text,rodata\n"

/* --- the program under the policy --- */

static const char constants[4 * PAGE] __attribute__((aligned(4096))) = { 1 };

static long attempt(char what)
{
	uint64_t text = (uint64_t)&attempt & -PAGE;

	/* Neither changes anything: the page is unchanged, or is read again from the file. */
	return what == 'p' ? mprotect((void *)text, PAGE, PROT_READ | PROT_EXEC) :
			     madvise((void *)(constants + PAGE), PAGE, MADV_DONTNEED);
}

static long attempts(char what, long count)
{
	long succeeded = 0;

	for (long i = 0; i < count; i++)
		succeeded += attempt(what) == 0;
	return succeeded;
}

/* "p 5": this many attempts; "f 5": by a child, which then ends. Answers with the number that succeeded. */
static int act(void)
{
	char what;
	long count, result = 0;

	while (scanf(" %c %ld", &what, &count) == 2) {
		if (what == 'f') {
			pid_t child = fork();
			int status = 0;

			if (child == 0)
				_exit((int)attempts('p', count));
			waitpid(child, &status, 0);
			result = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
		} else {
			result = attempts(what, count);
		}
		printf("%ld\n", result);
		fflush(stdout);
	}
	return 0;
}

struct actor {
	pid_t pid;
	FILE *to, *from;
};

static struct actor start(const char *program)
{
	int to[2], from[2];
	struct actor actor;

	if (pipe2(to, O_CLOEXEC) || pipe2(from, O_CLOEXEC))
		bail("pipe: %s", strerror(errno));
	fflush(NULL);
	actor.pid = fork();
	if (actor.pid == 0) {
		dup2(to[0], 0);
		dup2(from[1], 1);
		execl(program, program, "--act", NULL);
		_exit(127);
	}
	close(to[0]);
	close(from[1]);
	actor.to = fdopen(to[1], "w");
	actor.from = fdopen(from[0], "r");
	return actor;
}

static void ask(struct actor *actor, char what, long count)
{
	fprintf(actor->to, "%c %ld\n", what, count);
	fflush(actor->to);
}

/* The number that succeeded; -1: it has died. */
static long answer(struct actor *actor)
{
	long result;

	return fscanf(actor->from, "%ld", &result) == 1 ? result : -1;
}

static long act_so(struct actor *actor, char what, long count)
{
	ask(actor, what, count);
	return answer(actor);
}

static int finish(struct actor *actor)
{
	int status = 0;

	fclose(actor->to);
	fclose(actor->from);
	waitpid(actor->pid, &status, 0);
	return status;
}

static void copy_self(const char *to)
{
	int in = open("/proc/self/exe", O_RDONLY | O_CLOEXEC),
	    out = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0755);
	char buffer[65536];
	ssize_t n;

	while ((n = read(in, buffer, sizeof(buffer))) > 0)
		if (write(out, buffer, (size_t)n) != n)
			bail("writing %s: %s", to, strerror(errno));
	close(in);
	if (close(out))
		bail("writing %s: %s", to, strerror(errno));
}

/* --- policies --- */

static void write_policy(const char *name, const char *program, const char *action)
{
	char path[256];
	FILE *file;

	mkdir("/etc/mseald", 0755);
	mkdir(FOLDER, 0755);
	snprintf(path, sizeof(path), FOLDER "/%s.conf", name);
	file = fopen(path, "we");
	if (!file)
		bail("%s: %s", path, strerror(errno));
	fprintf(file, "[Policy]\n[Match]\nExe=%s\n[Seal]\n" SEGMENTS "Action=%s\n", program, action);
	fclose(file);
	chmod(path, 0644);
}

/* Does every seal of its text and rodata have this action, by this policy? */
static bool is_sealed(pid_t pid, const char *policy, const char *action)
{
	json_t *spaces = daemon_list(pid), *space = json_array_get(spaces, 0), *seal;
	unsigned text = 0, rodata = 0, other = 0;
	size_t i;

	json_array_foreach(json_object_get(space, "seals"), i, seal) {
		bool has = json_array_size(json_object_get(seal, action)) > 0;

		text += has && !strcmp(json_text(seal, "segment"), "text");
		rodata += has && !strcmp(json_text(seal, "segment"), "rodata");
		other += !has;
	}
	other += strcmp(json_text(space, "policy"), policy) != 0;
	json_decref(spaces);
	/* The program, libc and the loader have text each; only the first surely has constants apart. */
	return text >= 3 && rodata >= 1 && !other;
}

static void wait_sealed(pid_t pid, const char *policy, const char *action)
{
	for (int i = 0; i < 600; i++) {
		if (is_sealed(pid, policy, action))
			return;
		nap(100);
	}
	daemon_show_log();
	bail("pid %d is not sealed with %s by policy %s", (int)pid, action, policy);
}

/* --- the report --- */

static json_t *report(const char *policy, bool reset)
{
	json_t *parameters = json_object(), *reply = NULL;
	const char *error;

	if (policy)
		json_object_set_new(parameters, "policy", json_string(policy));
	if (reset)
		json_object_set_new(parameters, "reset", json_true());
	error = daemon_call("Report", parameters, &reply);
	if (error)
		bail("Report: %s %s", error, daemon_error_message());
	return reply;
}

static json_t *find_row(const json_t *reply, const char *policy, const char *operation, const char *verdict)
{
	json_t *row;
	size_t i;

	json_array_foreach(json_object_get(reply, "rows"), i, row)
		if (!strcmp(json_text(row, "policy"), policy) &&
		    !strcmp(json_text(row, "operation"), operation) &&
		    !strcmp(json_text(row, "verdict"), verdict))
			return row;
	return NULL;
}

static bool is_row(const json_t *reply, const char *policy, const char *operation, const char *verdict,
		   int64_t count, int64_t processes)
{
	json_t *row = find_row(reply, policy, operation, verdict);

	if (row && json_number(row, "attempts") == count && json_number(row, "processes") == processes)
		return true;
	diag("%s %s %s: %" PRId64 " attempts by %" PRId64 " processes, not %" PRId64 " by %" PRId64, policy,
	     operation, verdict, json_number(row, "attempts"), json_number(row, "processes"), count,
	     processes);
	return false;
}

static int64_t sum_rows(const json_t *reply)
{
	int64_t sum = 0;
	json_t *row;
	size_t i;

	json_array_foreach(json_object_get(reply, "rows"), i, row)
		sum += json_number(row, "attempts");
	return sum;
}

/* The attempts that are currently reported, and those reported as lost. */
static void totals(int64_t *ret_reported, int64_t *ret_lost)
{
	json_t *reply = report(NULL, false);

	*ret_reported = sum_rows(reply);
	*ret_lost = json_number(reply, "lost");
	json_decref(reply);
}

static char *output(const char *command)
{
	char *text = calloc(1, 65536);
	FILE *pipe = popen(command, "re");
	size_t length = pipe ? fread(text, 1, 65535, pipe) : 0;

	text[length] = '\0';
	if (pipe && pclose(pipe) != 0)
		diag("%s: has failed", command);
	return text;
}

static void says(const char *command, const char *wanted, const char *what)
{
	char *text = output(command);

	if (!ok(strstr(text, wanted) != NULL, "%s", what))
		diag("%s says, without \"%s\":\n%s", command, wanted, text);
	free(text);
}

/* --- the checks --- */

static const char *madvise_ends(void)
{
	return gate_is_override() ? "EPERM" : "SIGKILL";
}

static void counts(struct actor *first, struct actor *second)
{
	json_t *reply, *row;

	ok(act_so(first, 'p', 5) == 5 && act_so(first, 'd', 2) == 2 && act_so(second, 'p', 3) == 3,
	   "audit: all attempts succeed");
	ok(act_so(second, 'f', 4) == 4, "audit: those of a child as well, which is gone then");
	ok(finish(first) == 0, "the first one ends");
	reply = report(NULL, false);
	ok(is_row(reply, "audited", "mprotect", "audited", 12, 3), "mprotect: 12 attempts by 3 processes");
	ok(is_row(reply, "audited", "madvise", "audited", 2, 1), "madvise: 2 attempts by one");
	ok(sum_rows(reply) == 14 && json_number(reply, "lost") == 0, "nothing else, and nothing is lost");
	row = find_row(reply, "audited", "mprotect", "audited");
	ok(!strcmp(json_text(row, "program"), PROGRAM) && !strcmp(json_text(row, "segment"), "text") &&
		   !strcmp(json_text(row, "outcome"), "EPERM") && !strcmp(json_text(row, "by"), "lsm"),
	   "the program, its segment, and what deny would be (%s %s %s %s)", json_text(row, "program"),
	   json_text(row, "segment"), json_text(row, "outcome"), json_text(row, "by"));
	ok(json_number(row, "first") > 0 && json_number(row, "last") >= json_number(row, "first"),
	   "first and last time");
	row = json_object_get(row, "example");
	ok(!strncmp(json_text(row, "symbol"), PROGRAM "+0x", sizeof(PROGRAM "+0x") - 1) &&
		   strstr(json_text(row, "caller"), "+0x"),
	   "an example: %s, from %s", json_text(row, "symbol"), json_text(row, "caller"));
	row = find_row(reply, "audited", "madvise", "audited");
	ok(!strcmp(json_text(row, "segment"), "rodata") && !strcmp(json_text(row, "outcome"), madvise_ends()),
	   "madvise of rodata: %s with deny here (%s)", madvise_ends(), json_text(row, "outcome"));
	json_decref(reply);
}

static void by_hand(void)
{
	struct puppet *puppet = puppet_new();
	struct range range = { puppet_pages(puppet, 1, PROT_READ), 0 };
	json_t *reply;

	range.end = range.start + PAGE;
	if (daemon_seal(
		    &(struct seal_order){
			    .pid = puppet->pid, .ranges = &range, .count = 1, .action = "audit" },
		    NULL))
		bail("sealing with action audit: %s", daemon_error_message());
	puppet_call(puppet, SYS_mprotect, range.start, PAGE, PROT_READ);
	puppet_end(puppet);
	reply = report("-", false);
	ok(is_row(reply, "-", "mprotect", "audited", 1, 1) && sum_rows(reply) == 1,
	   "sealed by hand: reported under no policy");
	ok(strstr(json_text(find_row(reply, "-", "mprotect", "audited"), "program"), "t_report") != NULL,
	   "with its program, though that is gone (%s)",
	   json_text(find_row(reply, "-", "mprotect", "audited"), "program"));
	json_decref(reply);
}

static void said(void)
{
	says("msealctl policy report audited", "attempts would not have succeeded with Action=deny",
	     "msealctl says what deny would stop");
	says("msealctl policy report audited", "Deny=unmap", "and what would let it be");
	says("msealctl policy report quiet", "no call would have been denied in",
	     "of a policy without attempts it says so");
	says("msealctl policy report quiet", "change Action=audit to deny in " FOLDER "/quiet.conf",
	     "and what to change");
	says("msealctl --json policy report", "\"advice\"", "and as JSON");
	says("msealctl list --summary", "quiet", "list --summary has a line for it");
	says("msealctl list --summary", "total", "and a total");
	says("msealctl --json list --summary", "\"file_executable_sealed\"", "and as JSON");
}

static void overflow(struct actor *actor)
{
	const long count = brief(20000, 6000);
	int64_t reported, lost, reported_after, lost_after;

	totals(&reported, &lost);
	daemon_pause(true);
	ok(act_so(actor, 'p', count) == count, "%ld attempts while the daemon stands still", count);
	daemon_pause(false);
	totals(&reported_after, &lost_after);
	ok(lost_after > lost, "some are lost, and that is said (%" PRId64 ")", lost_after - lost);
	ok(reported_after - reported + lost_after - lost == count,
	   "reported and lost attempts make %ld (%" PRId64 " + %" PRId64 ")", count,
	   reported_after - reported, lost_after - lost);
	says("msealctl policy report", "missing: the event buffer was full", "msealctl says so, too");
}

static void reset(void)
{
	json_t *reply;
	int64_t reported, lost;

	reply = report(NULL, true);
	ok(sum_rows(reply) > 0, "reset: returns the earlier rows");
	json_decref(reply);
	totals(&reported, &lost);
	ok(reported == 0 && lost == 0, "reset: then it is empty (%" PRId64 ", %" PRId64 ")", reported, lost);
	ok(daemon_call("Report", json_pack("{s:s,s:b}", "policy", "audited", "reset", 1), NULL) != NULL,
	   "reset of one policy is refused");
}

static void crash(struct actor *actor)
{
	const long many = brief(30000, 15000);
	int64_t reported, lost, audited;

	ok(act_so(actor, 'p', 6) == 6, "6 attempts");
	totals(&reported, &lost);
	daemon_stop(SIGKILL);
	ok(act_so(actor, 'p', 7) == 7, "7 more while no daemon runs: it was killed");
	daemon_start();
	totals(&reported, &lost);
	ok(reported == 13 && lost == 0, "kill -9: nothing is missing (%" PRId64 ", lost %" PRId64 ")",
	   reported, lost);

	/*
	 * In the middle of the attempts. While programs of two daemons are attached, attempts are counted
	 * twice.
	 */
	audited = status_number("audited");
	ask(actor, 'p', many);
	nap(300);
	daemon_stop(SIGKILL);
	daemon_start();
	ok(answer(actor) == many, "%ld attempts, and the daemon is killed and started again meanwhile", many);
	audited = status_number("audited") - audited;
	totals(&reported, &lost);
	ok(audited >= many && reported - 13 > 0 && reported - 13 + lost == audited,
	   "kill -9 in the middle: reported and lost attempts are what the kernel has counted (%" PRId64
	   " + %" PRId64 " = %" PRId64 ")",
	   reported - 13, lost, audited);
}

static void remove_pins(void)
{
	if (system("rm -r " PINS) != 0)
		bail("cannot remove " PINS);
}

static void reboot(void)
{
	int64_t reported, lost, reported_after, lost_after;
	json_t *reply;
	struct stat st;
	FILE *file;

	totals(&reported, &lost);
	daemon_stop(SIGTERM);
	ok(stat(FILE_JSON, &st) == 0 && st.st_size > 0, "the end of the daemon leaves " FILE_JSON);
	/* As after a reboot: the maps are new. */
	remove_pins();
	daemon_start();
	totals(&reported_after, &lost_after);
	ok(reported_after == reported && lost_after == lost,
	   "with new maps all of it is read from there (%" PRId64 ", %" PRId64 ")", reported_after,
	   lost_after);
	reply = report(NULL, false);
	ok(!strcmp(json_text(find_row(reply, "audited", "mprotect", "audited"), "program"), PROGRAM),
	   "by policy and program");
	json_decref(reply);

	daemon_stop(SIGTERM);
	remove_pins();
	file = fopen(FILE_JSON, "we");
	fputs("{ \"version\": 1, \"rows\": [ garbage", file);
	fclose(file);
	daemon_start();
	totals(&reported, &lost);
	ok(reported == 0 && lost == 0, "a broken file: it begins anew");
	ok(stat(FILE_JSON ".broken", &st) == 0, "and the file is kept beside it");
}

static void to_deny(void)
{
	struct actor actor = start(PROGRAM);
	int64_t reported, lost;
	json_t *reply;
	bool dies = !strcmp(madvise_ends(), "SIGKILL");
	int status;

	wait_sealed(actor.pid, "audited", "audit");
	ok(act_so(&actor, 'p', 3) == 3 && act_so(&actor, 'd', 1) == 1,
	   "before: what runs under Action=audit succeeds");
	write_policy("audited", PROGRAM, "deny");
	if (daemon_call("ReloadPolicy", NULL, NULL))
		bail("ReloadPolicy: %s", daemon_error_message());
	wait_sealed(actor.pid, "audited", "deny");
	totals(&reported, &lost);
	ok(act_so(&actor, 'p', 4) == 0, "Action=deny: the same is denied");
	ask(&actor, 'd', 1);
	ok(answer(&actor) == (dies ? -1 : 0), "and madvise ends as the report said: %s", madvise_ends());
	status = finish(&actor);
	ok(dies ? WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL : status == 0, "by %s", madvise_ends());
	reply = report("audited", false);
	ok(json_number(find_row(reply, "audited", "mprotect", "denied"), "attempts") == 4,
	   "the report has it as denied");
	ok(json_number(find_row(reply, "audited", "madvise", dies ? "killed" : "denied"), "attempts") == 1,
	   "and %s", dies ? "killed" : "denied");
	ok(sum_rows(reply) == reported + 5 && json_number(reply, "lost") == lost, "and nothing else is new");
	json_decref(reply);
	says("msealctl policy report audited", "if the calls are legitimate", "msealctl says what to do");

	actor = start(PROGRAM);
	wait_sealed(actor.pid, "audited", "deny");
	ok(act_so(&actor, 'p', 2) == 0, "what starts now is denied, too");
	finish(&actor);
}

int main(int argc, char **argv)
{
	struct actor first, second, quiet;

	if (argc == 2 && !strcmp(argv[1], "--act"))
		return act();
	puppet_main(argc, argv);
	(void)gate_is_override();
	copy_self(PROGRAM);
	copy_self(QUIET);
	write_policy("audited", PROGRAM, "audit");
	write_policy("quiet", QUIET, "audit");
	daemon_start();
	/* Rows left by an earlier test. */
	json_decref(report(NULL, true));
	first = start(PROGRAM);
	second = start(PROGRAM);
	quiet = start(QUIET);
	wait_sealed(first.pid, "audited", "audit");
	wait_sealed(second.pid, "audited", "audit");
	wait_sealed(quiet.pid, "quiet", "audit");
	counts(&first, &second);
	by_hand();
	said();
	overflow(&second);
	reset();
	crash(&second);
	reboot();
	to_deny();
	finish(&second);
	finish(&quiet);
	daemon_stop(SIGTERM);
	if (system("rm -rf " FOLDER " /var/lib/mseald") != 0)
		diag("cannot remove " FOLDER);
	return tap_end();
}
