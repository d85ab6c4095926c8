/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * msealctl run: the program is sealed before the first instruction of main, and otherwise unaffected; so is
 * its parent. Every program is first run plainly, where its attack must succeed.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "attack.h"
#include "native.h"
#include "running.h"
#include "tap.h"
#include "victims.h"

#define OPEN "text 0 rodata 0 relro 0 data 0"
#define SEALED "text 1 rodata 1 relro 1 data 1" /* EPERM */

/* --- sealed --- */

static void early(void)
{
	setenv("RUNME_EARLY", "1", 1);
}

/* In the short form, the first program makes all attacks, each other only one besides that of its main. */
static void attacks(const char *program)
{
	const struct run in_main = { .argv = { program, "attack" } };
	const struct run in_constructor = { .argv = { program, "attack" }, .set_up = early };
	const struct run unmap = { .argv = { program, "unmap" } };
	bool whole = brief(1, !strcmp(program, RUNME));
	struct ran ran = run_whole(&in_main, false);

	ok(EXITED(ran.status, 0) && !strcmp(ran.out, OPEN), "%s: not sealed: all can be changed (%s)",
	   program, ran.out);
	ran = run_whole(&in_main, true);
	ok(EXITED(ran.status, 0) && !strcmp(ran.out, SEALED) && !*ran.err, "%s: sealed in main (%#x, %s%s)",
	   program, ran.status, ran.out, ran.err);
	if (whole || turn() % 2) {
		ran = run_whole(&in_constructor, false);
		ok(EXITED(ran.status, 0) && !strcmp(ran.out, OPEN),
		   "%s: not sealed: its constructor can change all (%s)", program, ran.out);
		ran = run_whole(&in_constructor, true);
		ok(EXITED(ran.status, 0) && !strcmp(ran.out, SEALED),
		   "%s: sealed before its constructors (%#x, %s%s)", program, ran.status, ran.out, ran.err);
	}
	if (whole || !(turn() % 2)) {
		ran = run_whole(&unmap, false);
		ok(EXITED(ran.status, 0) && !strcmp(ran.out, "unmap 0"), "%s: not sealed: unmaps (%s)",
		   program, ran.out);
		ran = run_whole(&unmap, true);
		ok(gate_denies() ? EXITED(ran.status, 0) && !strcmp(ran.out, "unmap 1") :
				   WIFSIGNALED(ran.status) && WTERMSIG(ran.status) == SIGKILL,
		   "%s: sealed: unmap: %s (%#x, %s%s)", program, gate_text(), ran.status, ran.out, ran.err);
	}
}

/* It has no RELRO: the memory is data. */
static void attacks_32(void)
{
	struct ran ran = run_whole(&(struct run){ .argv = { "/tests/runme32" } }, false);

	if (!EXITED(ran.status, 0)) {
		skip("this kernel runs no 32-bit programs", "32-bit program");
		return;
	}
	ran = run_whole(&(struct run){ .argv = { "/tests/runme32" } }, true);
	ok(EXITED(ran.status, 1), "32-bit program: sealed (%#x, %s)", ran.status, ran.err);
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/*
 * The seals, one per line: "text mprotect,unmap,discard native". Not in order of their addresses: the kernel
 * may place a program above or below its libraries and the vDSO.
 */
static char *seals_of(pid_t pid)
{
	json_t *seals = daemon_seals(pid), *seal, *stop;
	char *text = NULL, *lines[64];
	size_t size, i, j, count = 0;
	FILE *file;

	json_array_foreach(seals, i, seal) {
		if (count == sizeof(lines) / sizeof(*lines))
			bail("too many seals");
		file = open_memstream(&lines[count++], &size);
		fprintf(file, "%s %ld", json_text(seal, "segment"),
			(long)((json_number(seal, "end") - json_number(seal, "start")) >> 12));
		json_array_foreach(json_object_get(seal, "deny"), j, stop)
			fprintf(file, " %s", json_string_value(stop));
		fprintf(file, " %s%s\n", json_text(seal, "gate"),
			json_is_true(json_object_get(seal, "revocable")) ? " revocable" : "");
		fclose(file);
	}
	qsort(lines, count, sizeof(*lines), by_text);
	file = open_memstream(&text, &size);
	for (i = 0; i < count; i++) {
		fputs(lines[i], file);
		free(lines[i]);
	}
	fclose(file);
	json_decref(seals);
	return text;
}

/* The sizes of the heap's neighbours differ; the seals must not. */
static void as_seal_does(const char *program)
{
	const struct run run = { .argv = { program, "wait" } };
	struct running plain = run_start(&run, false), sealed = run_start(&run, true);
	const char *gate = native_expected() && !strstr(program, "32") ? "native" : next_gate();
	char line[64], *expected, *found;
	json_t *seals, *seal;
	bool same = true;
	size_t i;

	if (!strstr(program, "32")) {
		read_line(plain.out, line, sizeof(line));
		read_line(sealed.out, line, sizeof(line));
	} else {
		ok(traced_within(sealed.pid, true, 20) && traced_within(sealed.pid, false, 20),
		   "%s: is let go", program);
		nap(300);
	}
	ok(!daemon_seal(&(struct seal_order){ .pid = plain.pid }, NULL), "%s: msealctl seal", program);
	expected = seals_of(plain.pid);
	found = seals_of(sealed.pid);
	ok(*expected && !strcmp(expected, found), "%s: has the same seals as by `seal`", program);
	if (strcmp(expected, found))
		diag("seal:\n%srun:\n%s", expected, found);
	seals = daemon_seals(sealed.pid);
	json_array_foreach(seals, i, seal)
		same &= !strcmp(json_text(seal, "gate"), gate);
	ok(same && i, "%s: gate %s", program, gate);
	json_decref(seals);
	ok(!tracer_of(sealed.pid), "%s: nobody traces it", program);
	for (int j = 0; j < 2; j++) {
		struct ran ran;

		if (write(j ? sealed.in : plain.in, "x", 1) != 1)
			diag("its stdin is closed");
		ran = run_end(j ? &sealed : &plain);
		(void)ran;
	}
	free(expected);
	free(found);
}

static void options(void)
{
	const struct run run = { .options = { "--revocable", "--segments=text,relro", "--deny=mprotect" },
				 .argv = { RUNME, "wait" } };
	struct running running = run_start(&run, true);
	char line[64], *found;
	struct ran ran;

	read_line(running.out, line, sizeof(line));
	found = seals_of(running.pid);
	ok(strstr(found, "text") && strstr(found, "relro") && !strstr(found, "data") &&
		   !strstr(found, "stack") && !strstr(found, "unmap") && strstr(found, "mprotect") &&
		   strstr(found, "revocable"),
	   "options are as of seal");
	diag("%s", found);
	free(found);
	ok(!daemon_unseal(running.pid, NULL, 0), "revocable: root takes it back");
	ran = run_end((close(running.in), running.in = -1, &running));
	ok(EXITED(ran.status, 5), "and it ends as it would (%#x)", ran.status);
	ran = run_whole(&(struct run){ .options = { "--action=audit" }, .argv = { RUNME, "attack" } }, true);
	ok(EXITED(ran.status, 0) && !strcmp(ran.out, OPEN), "--action=audit: lets it (%s)", ran.out);
	ran = run_whole(&(struct run){ .options = { "--action=kill" }, .argv = { RUNME, "attack" } }, true);
	ok(WIFSIGNALED(ran.status) && WTERMSIG(ran.status) == SIGKILL, "--action=kill: it is killed (%#x)",
	   ran.status);
}

/* --- the same as without --- */

static void compare(const char *name, void (*set_up)(void), const char *preload)
{
	const struct run run = { .argv = { RUNME, "self", "an argument", "" },
				 .set_up = set_up,
				 .preload = preload };
	struct ran plain = run_whole(&run, false), sealed = run_whole(&run, true);
	char *left = plain.out, *right = sealed.out, *a, *b;

	ok(EXITED(plain.status, 0) && EXITED(sealed.status, 0) && !strcmp(plain.out, sealed.out) &&
		   *plain.out && sealed.stops == 0,
	   "%s: finds all as without (%#x, stops %u)%s", name, sealed.status, sealed.stops, sealed.err);
	while ((a = strsep(&left, "\n")) && (b = strsep(&right, "\n")))
		if (strcmp(a, b))
			diag("without: %s; with: %s", a, b);
}

static void odd_signals(void)
{
	sigset_t all;

	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	for (int i = 1; i < 65; i++)
		signal(i, i % 2 ? SIG_IGN : SIG_DFL);
	alarm(100);
}

static void ignored_trap(void)
{
	signal(SIGTRAP, SIG_IGN);
}

static void odd_rest(void)
{
	if (chdir("/tmp") || setpgid(0, 0) || dup2(1, 77) < 0 || setpriority(PRIO_PROCESS, 0, 3))
		_exit(97);
	umask(027);
	setrlimit(RLIMIT_NOFILE, &(struct rlimit){ 100, 200 });
	setrlimit(RLIMIT_STACK, &(struct rlimit){ 1 << 20, 1 << 21 });
	setenv("NAME", "a value", 1);
}

static void closed_stdin(void)
{
	close(0);
}

static void no_privileges(void)
{
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
}

/* mseal, ptrace and process_vm_readv fail for it. */
static void filtered(void)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_mseal, 2, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_ptrace, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
	};

	no_privileges();
	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &(struct sock_fprog){ 5, filter }))
		_exit(97);
}

static void own_pids(void)
{
	int status;
	pid_t pid;

	if (unshare(CLONE_NEWPID))
		_exit(97);
	pid = fork();
	if (pid == 0)
		return;
	waitpid(pid, &status, 0);
	_exit(WIFEXITED(status) ? WEXITSTATUS(status) : 96);
}

static void ends(void)
{
	const int signals[] = { SIGTERM, SIGSEGV, SIGKILL, SIGTRAP, SIGPIPE, SIGRTMIN };
	char number[16];
	struct ran ran;

	for (int code = 0; code < 256; code += (int)brief(51, 255)) {
		snprintf(number, sizeof(number), "%d", code);
		ran = run_whole(&(struct run){ .argv = { RUNME, "exit", number } }, true);
		ok(EXITED(ran.status, code) && !*ran.err && !ran.stops, "exit status %d (%#x)", code,
		   ran.status);
	}
	for (size_t i = turn() % brief(1, 2); i < sizeof(signals) / sizeof(*signals); i += brief(1, 2)) {
		snprintf(number, sizeof(number), "%d", signals[i]);
		ran = run_whole(&(struct run){ .argv = { RUNME, "signal", number } }, true);
		ok(WIFSIGNALED(ran.status) && WTERMSIG(ran.status) == signals[i] && !ran.stops,
		   "killed by signal %d (%#x)", signals[i], ran.status);
	}
	ran = run_whole(&(struct run){ .argv = { RUNME, "wait" }, .input = "some input\nx" }, true);
	ok(EXITED(ran.status, 5) && strstr(ran.out, "some input"), "standard input and output");
	ran = run_whole(&(struct run){ .argv = { "/none/such" } }, true);
	ok(EXITED(ran.status, 127) &&
		   !strcmp(ran.err, "msealctl: cannot run /none/such: No such file or directory"),
	   "no such program: 127 (%#x, %s)", ran.status, ran.err);
	ran = run_whole(&(struct run){ .argv = { "nosuchprogram" } }, true);
	ok(EXITED(ran.status, 127) && strstr(ran.err, "nosuchprogram"), "not in the path: 127 (%#x, %s)",
	   ran.status, ran.err);
	ran = run_whole(&(struct run){ .argv = { "/etc/passwd" } }, true);
	ok(EXITED(ran.status, 126) && strstr(ran.err, "Permission denied"), "not executable: 126 (%#x, %s)",
	   ran.status, ran.err);
	ran = run_whole(&(struct run){ .argv = { "sh", "-c", "echo $0; exit 3", "name" } }, true);
	ok(EXITED(ran.status, 3) && !strcmp(ran.out, "name"), "a program of the path (%#x, %s%s)", ran.status,
	   ran.out, ran.err);
}

/* --- kinds of programs --- */

static void kinds(void)
{
	static const char script[] = "#!" RUNME " attack\n";
	int fd = open("/tmp/script", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0755);
	struct ran ran;

	if (fd < 0 || write(fd, script, sizeof(script) - 1) < 0)
		bail("script");
	close(fd);
	ran = run_whole(&(struct run){ .argv = { "/tmp/script" } }, false);
	ok(!strcmp(ran.out, OPEN), "script: not sealed");
	ran = run_whole(&(struct run){ .argv = { "/tmp/script" } }, true);
	ok(EXITED(ran.status, 0) && !strcmp(ran.out, SEALED), "script: its interpreter is sealed (%s%s)",
	   ran.out, ran.err);
	ran = run_whole(&(struct run){ .argv = { RUNME, "again" } }, true);
	ok(EXITED(ran.status, 0) && !strcmp(ran.out, OPEN), "what it execs itself is not sealed (%s%s)",
	   ran.out, ran.err);
	ran = run_whole(&(struct run){ .argv = { RUNME, "attack" }, .preload = "exec" }, true);
	ok(EXITED(ran.status, 0) && !strcmp(ran.out, SEALED),
	   "an exec before the entry point: that program is (%s%s)", ran.out, ran.err);
	for (int i = 0; i < 5; i++) {
		static const char *const preloads[] = { "thread", "fork", "vfork", "block", "handler" };

		ran = run_whole(&(struct run){ .argv = { RUNME, "attack" }, .preload = preloads[i] }, true);
		ok(EXITED(ran.status, 0) && !strcmp(ran.out, SEALED) && !ran.stops,
		   "%s before the entry point (%#x, %s%s)", preloads[i], ran.status, ran.out, ran.err);
	}
	ran = run_whole(&(struct run){ .argv = { RUNME, "attack" }, .preload = "exit" }, true);
	ok(EXITED(ran.status, 64), "an end before the entry point (%#x)", ran.status);
}

/* --- many --- */

static void many(void)
{
	const struct run run = { .argv = { RUNME, "attack" } };
	struct running running[20];
	const unsigned count = brief(20, 8);
	unsigned sealed = 0;

	for (unsigned i = 0; i < count; i++)
		running[i] = run_start(&run, true);
	for (unsigned i = 0; i < count; i++) {
		struct ran ran = run_end(&running[i]);

		sealed += EXITED(ran.status, 0) && !strcmp(ran.out, SEALED);
		if (*ran.err)
			diag("%s", ran.err);
	}
	ok(sealed == count, "%u at once: %u sealed", count, sealed);
}

int main(int argc, char **argv)
{
	static const char *const programs[] = {
		RUNME,		 RUNME "-now",	      RUNME "-norelro",
		RUNME "-static", RUNME "-static-pie", RUNME "-static-norelro"
	};
	struct puppet *other;
	struct ran ran;

	puppet_main(argc, argv);
	ran = run_whole(&(struct run){ .argv = { RUNME, "exit", "7" } }, true);
	ok(EXITED(ran.status, 1) && strstr(ran.err, "cannot reach mseald"),
	   "no daemon: does not run (%#x, %s)", ran.status, ran.err);
	daemon_start();
	other = puppet_new();
	must_seal(other->pid, puppet_pages(other, 1, PROT_READ), PAGE);
	for (size_t i = 0; i < sizeof(programs) / sizeof(*programs); i++) {
		attacks(programs[i]);
		as_seal_does(programs[i]);
	}
	if (access("/tests/runme32", X_OK) == 0) {
		attacks_32();
		as_seal_does("/tests/runme32");
	} else {
		skip("no 32-bit program is built for this architecture", "32-bit program");
	}
	options();
	compare("plainly", NULL, NULL);
	compare("all signals blocked, half of them ignored", odd_signals, NULL);
	compare("SIGTRAP ignored", ignored_trap, NULL);
	compare("all signals blocked by its loader", NULL, "block");
	compare("a handler for SIGTRAP", NULL, "handler");
	compare("SIGTRAP pending", NULL, "pending");
	compare("other limits, group, directory", odd_rest, NULL);
	compare("stdin closed", closed_stdin, NULL);
	compare("no_new_privs", no_privileges, NULL);
	compare("a seccomp filter", filtered, NULL);
	compare("another pid namespace", own_pids, NULL);
	ran = run_whole(&(struct run){ .argv = { RUNME, "attack" }, .set_up = filtered }, true);
	ok(!strcmp(ran.out, SEALED), "a seccomp filter: is sealed (%#x, %s%s)", ran.status, ran.out, ran.err);
	ends();
	kinds();
	many();
	ok(status_becomes("spaces", 1, 20), "nothing else is sealed in the end");
	puppet_end(other);
	daemon_stop(SIGTERM);
	return tap_end();
}
