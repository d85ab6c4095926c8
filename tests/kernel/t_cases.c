/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Programs that seals can make fail (cases.c): their end does not depend on whether the program or the daemon
 * is faster. Each is started 200 times ($MSEALD_BRIEF: 20), and ends the same way each time.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "attack.h"
#include "daemon.h"
#include "lib/base/util.h"
#include "puppet.h"
#include "tap.h"

#define FOLDER "/srv/cases/"
#define ETC "/etc/mseald/policy.d"
#define CONFIG "/etc/mseald/mseald.conf"
#define AT_ONCE 20
#define ABORTED (256 + SIGABRT)

static unsigned times;

static void install(void)
{
	mkdir("/srv", 0755);
	mkdir(FOLDER, 0755);
	mkdir("/etc/mseald", 0755);
	mkdir(ETC, 0755);
	if (system("cp case-* " FOLDER))
		bail("the programs cannot be copied");
}

/* Sets a policy for all of them, with these lines in [Seal]. */
static void set_policy(const char *seal)
{
	FILE *file = fopen(ETC "/cases.conf", "we");

	if (!file || fprintf(file, "[Match]\nExe=" FOLDER "\n[Seal]\n%s\n", seal) < 0 || fclose(file))
		bail("no policy");
	if (daemon_call("ReloadPolicy", NULL, NULL))
		bail("ReloadPolicy: %s", daemon_error_message());
}

static pid_t start(bool by_run, const char *program, const char *argument)
{
	char path[128];
	pid_t pid = fork();

	snprintf(path, sizeof(path), FOLDER "%s", program);
	if (pid == 0) {
		/* Their output is not part of the test. */
		if (!freopen("/dev/null", "w", stdout) || !freopen("/dev/null", "w", stderr))
			_exit(126);
		if (by_run)
			execlp("msealctl", "msealctl", "run", "--", path, argument, NULL);
		else
			execl(path, path, argument, NULL);
		_exit(127);
	}
	if (pid < 0)
		bail("fork: %s", strerror(errno));
	return pid;
}

/* Number of program runs that the kernel has skipped. */
static int64_t skipped(void)
{
	return daemon_pid() ? status_number("misses") : 0;
}

/* To explain a failure: the parts that the kernel left to the daemon. */
static void say_why(void)
{
	static const char *const counts[][2] = { { "objects_left", "objects" }, { "late", "processes" } };
	json_t *metrics = NULL, *one;

	if (!daemon_pid() || daemon_call("Metrics", NULL, &metrics))
		return;
	for (size_t i = 0; i < sizeof(counts) / sizeof(*counts); i++) {
		size_t j;

		json_array_foreach(json_object_get(metrics, counts[i][0]), j, one)
			if (json_number(one, counts[i][1]))
				diag("%s, %s: %" PRId64, counts[i][0], json_text(one, "reason"),
				     json_number(one, counts[i][1]));
	}
	json_decref(metrics);
	daemon_show_log();
}

/*
 * Starts the program this often, some at a time, each with another number of milliseconds up to most. All
 * must end with that status. While a gate is preempted, the kernel skips it for others on that processor
 * (docs/design/gates.md, "Races"): as many may end in another way.
 */
static void all_end(unsigned count, bool by_run, const char *program, unsigned most, int expected,
		    const char *what)
{
	int64_t before = skipped(), raced;
	unsigned wrong = 0;

	for (unsigned done = 0; done < count; done += AT_ONCE) {
		pid_t pids[AT_ONCE];
		unsigned now = count - done < AT_ONCE ? count - done : AT_ONCE;

		for (unsigned i = 0; i < now; i++) {
			char milliseconds[16];

			snprintf(milliseconds, sizeof(milliseconds), "%u", most * i / AT_ONCE + done);
			pids[i] = start(by_run, program, milliseconds);
		}
		for (unsigned i = 0; i < now; i++) {
			int status = child_end(pids[i]);

			if (status != expected && !wrong++)
				diag("%s[%d] ended with %d, not %d", program, (int)pids[i], status, expected);
		}
	}
	raced = skipped() - before;
	ok(wrong <= raced, "%s, %u times: %s (%u not; %" PRId64 " gates were skipped)", program, count, what,
	   wrong, raced);
	if (wrong > raced)
		say_why();
}

static char *report(void)
{
	static char text[65536];
	FILE *pipe = popen("msealctl policy report cases", "re");
	size_t length = pipe ? fread(text, 1, sizeof(text) - 1, pipe) : 0;

	text[length] = '\0';
	if (!pipe || pclose(pipe) != 0)
		diag("msealctl policy report has failed");
	return text;
}

static void reset_report(void)
{
	if (daemon_call("Report", json_pack("{s:b}", "reset", 1), NULL))
		bail("Report: %s", daemon_error_message());
}

static bool says(const char *report_text, const char *words)
{
	if (strstr(report_text, words))
		return true;
	diag("without \"%s\":\n%s", words, report_text);
	return false;
}

/*
 * LeakSanitizer fails if another tracer has the process as it ends. On arm64 it looks at each of 2^28 places
 * where its memory could be, several times: half a minute of an emulated processor.
 */
static void leak(void)
{
#ifdef __x86_64__
	const unsigned starts = times;
#else
	const unsigned starts = 2;
#endif

	all_end(starts, false, "case-leak", 0, 0, "LeakSanitizer does its work");
}

static void packed(void)
{
	all_end(times, false, "case-packed", 4000, 0, "it unpacks itself, up to 4 s after its start");
	all_end(AT_ONCE / 2, false, "case-packed", 0, 0, "at once");
	all_end(times, false, "case-packed-relro", 200, 1, "with RELRO it is complete, and denied that");
}

/* After 10 seconds it is sealed in its current state. */
static void packed_late(void)
{
	pid_t pids[AT_ONCE];
	unsigned wrong = 0;

	for (unsigned i = 0; i < AT_ONCE; i++)
		pids[i] = start(false, "case-packed", "20000");
	for (unsigned i = 0; i < AT_ONCE; i++)
		wrong += child_end(pids[i]) != 1;
	ok(wrong == 0, "case-packed, %u times: after 20 s it is sealed, and denied that (%u not)", AT_ONCE,
	   wrong);
}

static void reopen(void)
{
	char *text;

	reset_report();
	all_end(times, false, "case-reopen", 0, ABORTED, "its library may not write to its RELRO again");
	text = report();
	ok(says(text, "case-reopen.so"), "the report names the library");
	ok(says(text, "Segments=text,rodata,data,vdso,stack"), "and what lets it be");
	set_policy("Segments=text rodata data vdso stack");
	all_end(times, false, "case-reopen", 0, 0, "without relro among the segments it works");
	set_policy("Segments=all");
}

static void small(void)
{
	all_end(times, false, "case-small", 0, 2, "text that begins in the first page of its file is sealed");
}

static void unload(void)
{
	bool denies = gate_is_override();

	all_end(times, false, "case-unload", 0, 0, "Dlopen=no: what a constructor has loaded it can unload");
	set_policy("Segments=all\nDlopen=yes");
	all_end(times, false, "case-unload", 0, denies ? 3 : 0,
		denies ? "Dlopen=yes: it stays" : "Dlopen=yes: in the first seconds it can be unloaded");
	if (denies)
		all_end(times, false, "case-unload", 4000, 3,
			"Dlopen=yes: it stays, also 4 s after the start");
	set_policy("Segments=none");
	all_end(times, true, "case-unload", 0, 0,
		"msealctl run: what a constructor has loaded it can unload");
}

/*
 * Starts case-slow some times, and sets the policy anew after a second. Counts those that do not start, and
 * those whose constructor opens something, which it may only where the daemon has taken over.
 */
static unsigned slow_not(bool may_open)
{
	pid_t pids[AT_ONCE / 2];
	unsigned wrong = 0;

	set_policy("Segments=all");
	for (size_t i = 0; i < sizeof(pids) / sizeof(*pids); i++)
		pids[i] = start(false, "case-slow", NULL);
	(void)usleep(1000000);
	set_policy("Segments=all");
	for (size_t i = 0; i < sizeof(pids) / sizeof(*pids); i++) {
		int status = child_end(pids[i]);

		if (status != 0 && !(status == 1 && may_open) && !wrong++)
			diag("case-slow[%d] ended with %d", (int)pids[i], status);
	}
	return wrong;
}

/*
 * The kernel seals a start however long it takes, also while policies are read again and the daemon looks at
 * other processes. After Settle= the daemon takes it over, and seals RELRO only when it finds it read-only.
 */
static void slow(void)
{
	FILE *file;
	unsigned wrong = slow_not(false);
	int status;

	ok(wrong == 0, "case-slow: its constructor opens nothing, 5 s after its start (%u not)", wrong);
	(void)daemon_stop(SIGTERM);
	file = fopen(CONFIG, "we");
	if (!file || fputs("[Mseald]\nSettle=1s\n", file) < 0 || fclose(file))
		bail("no configuration");
	daemon_start();
	wrong = slow_not(true);
	ok(wrong == 0, "Settle=1s: it starts (%u not)", wrong);
	set_policy("Segments=none");
	status = child_end(start(false, "case-slow-loader", NULL));
	set_policy("Segments=all");
	if (status == 0)
		all_end(AT_ONCE / 2, false, "case-slow-loader", 0, 0,
			"Settle=1s: its loader takes 3 s over itself");
	else
		skip("this C library's loader calls no function of the program", "a slow loader");
	ok(child_end(start(false, "case-slow", "stay")) == 0, "then its RELRO is sealed");
	(void)daemon_stop(SIGTERM);
	(void)unlink(CONFIG);
	daemon_start();
	set_policy("Segments=all");
}

/* A tracer that comes after the exec, and before any RELRO, could write to the memory: it is not sealed. */
static void traced(void)
{
	json_t *seals;
	pid_t pid;

	set_policy("Segments=all\nDeny=all");
	pid = start(false, "case-slow-static", "stay");
	(void)usleep(1000000);
	if (ptrace(PTRACE_SEIZE, pid, 0, 0))
		bail("PTRACE_SEIZE: %s", strerror(errno));
	(void)usleep(9000000);
	seals = daemon_seals(pid);
	ok(json_array_size(seals) == 0,
	   "foreign-write: with a tracer that came after the exec nothing is sealed");
	json_decref(seals);
	(void)kill(pid, SIGKILL);
	(void)child_end(pid);
	set_policy("Segments=all");
}

/*
 * Another user tries to attach without pause, in vain. For a moment it looks as if a tracer came: that must
 * not keep the kernel from sealing a start, also while the daemon is stopped.
 */
static void attached_in_vain(void)
{
	unsigned wrong = 0;

	set_policy("Segments=all\nDeny=mprotect unmap discard foreign-write");
	(void)kill(daemon_pid(), SIGSTOP);
	for (unsigned i = 0; i < AT_ONCE; i++) {
		pid_t pid = fork(), others[3];

		if (pid == 0) {
			(void)raise(SIGSTOP);
			execl(FOLDER "case-reopen", "case-reopen", NULL);
		}
		(void)waitpid(pid, NULL, WUNTRACED);
		for (size_t j = 0; j < ELEMENTS(others); j++) {
			others[j] = fork();
			if (others[j] == 0 && setresuid(65534, 65534, 65534) == 0)
				while (ptrace(PTRACE_ATTACH, pid, 0, 0) < 0 && errno == EPERM)
					continue;
			if (others[j] == 0)
				_exit(0);
		}
		(void)kill(pid, SIGCONT);
		wrong += child_end(pid) != ABORTED;
		for (size_t j = 0; j < ELEMENTS(others); j++) {
			(void)kill(others[j], SIGKILL);
			(void)child_end(others[j]);
		}
	}
	(void)kill(daemon_pid(), SIGCONT);
	ok(wrong == 0, "foreign-write: attempts of another user to attach keep nothing unsealed (%u not)",
	   wrong);
	set_policy("Segments=all");
}

/* Memory in the place of a library that was unloaded before its seal is not sealed instead. */
static void replaced(void)
{
	set_policy("Segments=all\nDlopen=yes");
	all_end(AT_ONCE / 2, false, "case-replace", 0, 0, "Dlopen=yes: only the library is sealed");
	set_policy("Segments=all");
}

/* Starts a program with a tracer, which leaves it after the exec: the daemon seals it, not the kernel. */
static pid_t start_for_daemon(const char *program)
{
	char path[128];
	pid_t pid = fork();

	snprintf(path, sizeof(path), FOLDER "%s", program);
	if (pid == 0) {
		(void)ptrace(PTRACE_TRACEME, 0, 0, 0);
		execl(path, path, NULL);
		_exit(127);
	}
	if (pid < 0 || waitpid(pid, NULL, 0) != pid || ptrace(PTRACE_DETACH, pid, 0, 0))
		bail("%s: %s", program, strerror(errno));
	return pid;
}

/*
 * Dlopen=yes: what the daemon takes for loaded at the start it seals at once, and to unload it can be death.
 * It knows that by what the kernel tells it of this start, which need not be all, and not of an earlier one.
 */
static void loads(const char *seal, const char *about)
{
	unsigned wrong = 0;

	set_policy(seal);
	for (unsigned i = 0; i < AT_ONCE / 2; i++)
		wrong += child_end(start(false, "case-again", "3")) != 0;
	ok(wrong == 0, "%s: case-again, one after another: it can unload what it loaded (%u not)", about,
	   wrong);
	wrong = 0;
	for (unsigned i = 0; i < AT_ONCE / 4; i++)
		wrong += child_end(start_for_daemon("case-many")) != 0;
	ok(wrong == 0, "%s: case-many, sealed by the daemon: likewise (%u not)", about, wrong);
}

static void own_data(void)
{
	all_end(times, false, "case-readonly", 0, 0, "a static program may change its own data");
	all_end(times, false, "case-static", 0, 0, "Dlopen=no: a static program can unload what it loaded");
	set_policy("Segments=text rodata relro\nDlopen=yes");
	all_end(times, false, "case-readonly-library", 0, 0, "Dlopen=yes: a library may change its own data");
	set_policy("Segments=all\nDlopen=yes");
	all_end(times, false, "case-stale", 0, 0, "Dlopen=yes: where a file was, a library is sealed alone");
	all_end(times, false, "case-stale-closed", 0, 0, "also by the same descriptor number");
	set_policy("Segments=all");
}

static void whole(void)
{
	char *text;

	set_policy("Segments=all\nAction=audit");
	reset_report();
	all_end(times, false, "case-whole", 0, 0, "Action=audit: it unmaps all of its memory");
	text = report();
	ok(says(text, "allow them: Deny=mprotect,discard; Segments=none\n"),
	   "the report says what lets it be");
	set_policy("Segments=all\nDeny=mprotect discard");
	all_end(times, false, "case-whole", 0, 0, "which is so");
	set_policy("Segments=all");
	all_end(times, false, "case-whole", 0, 1, "denied, or the child is killed");
}

int main(void)
{
	static const char *const programs[] = {
		"case-packed",	 "case-packed-relro",	  "case-reopen", "case-small", "case-unload",
		"case-readonly", "case-readonly-library", "case-static", "case-stale", "case-stale-closed",
		"case-whole",
	};

	times = brief(200, 20);
	install();
	for (size_t i = 0; i < sizeof(programs) / sizeof(*programs); i++)
		all_end(1, false, programs[i], 0, 0, "not sealed it works");
	ok(child_end(start(false, "case-slow", NULL)) == 1,
	   "case-slow: not sealed its constructor opens constants and RELRO");
	daemon_start();
	set_policy("Segments=all");
	leak();
	packed();
	packed_late();
	reopen();
	small();
	unload();
	set_policy("Segments=all");
	slow();
	traced();
	attached_in_vain();
	own_data();
	replaced();
	loads("Segments=all\nDlopen=yes", "Dlopen=yes");
	loads("Segments=all\nDlopen=yes\nFileWrite=deny", "FileWrite=deny");
	set_policy("Segments=all");
	whole();
	ok(daemon_stop(SIGTERM) == 0, "and it ends well");
	(void)unlink(ETC "/cases.conf");
	return tap_end();
}
