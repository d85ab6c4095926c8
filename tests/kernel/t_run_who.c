/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * msealctl run: who may use it, job control, and the fate of the program if another process dies, or if it
 * cannot be sealed: it never runs unsealed.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "attack.h"
#include "native.h"
#include "running.h"
#include "tap.h"
#include "victims.h"

#define USER 1000
#define OPEN "text 0 rodata 0 relro 0 data 0"
#define SEALED "text 1 rodata 1 relro 1 data 1" /* EPERM */

static const struct run hangs = { .argv = { RUNME, "attack" }, .preload = "hang" };

/* Started, and still in its loader. */
static struct running hanging(const struct run *run, bool sealed)
{
	struct running running = run_start(run, sealed);
	char line[64];

	read_line(running.err, line, sizeof(line));
	if (strcmp(line, "hangs\n"))
		bail("it does not hang: %s", line);
	return running;
}

/* --- users --- */

static void as_user(void)
{
	if (setgroups(0, NULL) || setresgid(USER, USER, USER) || setresuid(USER, USER, USER))
		_exit(97);
}

static void traced_itself(void)
{
	/* The test is its tracer, and must continue it after stops. */
	ptrace(PTRACE_TRACEME, 0, 0, 0);
	/* LeakSanitizer traces the ending process, which is impossible here. */
	sanitizer_options("detect_leaks=0");
}

static void copy(const char *from, const char *to, mode_t mode)
{
	char buffer[65536];
	int in = open(from, O_RDONLY | O_CLOEXEC),
	    out = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0755);
	ssize_t got;

	while ((got = read(in, buffer, sizeof(buffer))) > 0)
		if (write(out, buffer, (size_t)got) != got)
			bail("copying %s", from);
	if (in < 0 || out < 0 || got < 0 || fchmod(out, mode))
		bail("copying %s to %s: %s", from, to, strerror(errno));
	close(in);
	close(out);
}

static void users(void)
{
	static const char program[] = "/usr/bin/runme-setuid";
	struct ran ran = run_whole(&(struct run){ .argv = { RUNME, "attack" }, .set_up = as_user }, true);

	ok(EXITED(ran.status, 0) && !strcmp(ran.out, SEALED) && !ran.stops, "a user (%#x, %s%s)", ran.status,
	   ran.out, ran.err);
	copy(RUNME, program, 04755);
	ran = run_whole(&(struct run){ .argv = { program, "euid" }, .set_up = as_user }, false);
	ok(!strcmp(ran.out, "uid 1000 euid 0"), "setuid: has its privileges (%s)", ran.out);
	ran = run_whole(&(struct run){ .argv = { program, "euid" }, .set_up = as_user }, true);
	ok(EXITED(ran.status, 0) && !strcmp(ran.out, "uid 1000 euid 0"),
	   "setuid: has them sealed as well (%#x, %s%s)", ran.status, ran.out, ran.err);
	ran = run_whole(&(struct run){ .argv = { program, "attack" }, .set_up = as_user }, true);
	ok(EXITED(ran.status, 0) && !strcmp(ran.out, SEALED), "setuid: is sealed (%s%s)", ran.out, ran.err);
	ran = run_whole(&(struct run){ .options = { "--action=kill" },
				       .argv = { program, "attack" },
				       .set_up = as_user },
			true);
	ok(EXITED(ran.status, 1) && !*ran.out && strstr(ran.err, "only root may give options"),
	   "setuid: not as a user chooses (%#x, %s%s)", ran.status, ran.out, ran.err);
	ran = run_whole(&(struct run){ .options = { "--action=audit" }, .argv = { program, "attack" } },
			true);
	ok(EXITED(ran.status, 0) && !strcmp(ran.out, OPEN), "setuid: as root chooses (%#x, %s%s)", ran.status,
	   ran.out, ran.err);
	unlink(program);
}

/* A client that is a setuid program by the time it is examined. */
static void becomes_another(void)
{
	static const char program[] = "/usr/bin/runme-setuid",
			  call[] = "{\"method\":\"io.mseald.Run\",\"parameters\":{\"action\":\"audit\"}}";
	int out[2], in[2], status = 0;
	char byte = 0;
	pid_t pid;

	copy(RUNME, program, 04755);
	if (pipe(out) || pipe(in))
		bail("pipe");
	daemon_pause(true);
	fflush(NULL);
	pid = fork();
	if (pid == 0) {
		struct connection connection;

		as_user();
		if (!connection_open(&connection) || !connection_send(&connection, call, sizeof(call)))
			_exit(90);
		fcntl(connection.fd, F_SETFD, 0);
		dup2(in[0], 0);
		dup2(out[1], 1);
		execl(program, program, "wait", (char *)NULL);
		_exit(91);
	}
	if (read(out[0], &byte, 1) != 1 || byte != 'r')
		bail("the setuid program does not run");
	daemon_pause(false);
	nap(2000);
	ok(daemon_alive() && !tracer_of(pid) && waitpid(pid, &status, WNOHANG) == 0,
	   "a client that becomes a setuid program before it is seized is left alone (%#x)", status);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	unlink(program);
	for (int i = 0; i < 2; i++) {
		close(in[i]);
		close(out[i]);
	}
}

static void traced(void)
{
	struct running running = run_start(
		&(struct run){ .argv = { RUNME, "attack" }, .set_up = traced_itself }, true);
	char text[512] = "";
	int status;

	while (waitpid(running.pid, &status, 0) == running.pid && WIFSTOPPED(status))
		ptrace(PTRACE_CONT, running.pid, 0, WSTOPSIG(status) == SIGTRAP ? 0 : WSTOPSIG(status));
	if (read(running.err, text, sizeof(text) - 1) < 0)
		diag("its stderr: %s", strerror(errno));
	ok(EXITED(status, 1) && strstr(text, "is traced (strace, gdb)"),
	   "a client that is traced: refused (%#x, %s)", status, text);
	close(running.in);
	close(running.out);
	close(running.err);
}

static void foreign(void)
{
	const struct run run = { .options = { "--deny=all" }, .argv = { RUNME, "wait" } };
	struct running running = run_start(&run, true);
	char line[64];
	struct ran ran;

	read_line(running.out, line, sizeof(line));
	ok(ptrace(PTRACE_SEIZE, running.pid, 0, 0) < 0 && errno == EPERM,
	   "foreign-write: it cannot be traced (%s)", strerror(errno));
	if (native_expected()) {
		json_t *spaces = daemon_list(running.pid);

		ok(!strcmp(next_gate(), "native") || json_array_size(spaces) > 0, "foreign-write: sealed");
		json_decref(spaces);
	}
	ran = run_end((close(running.in), running.in = -1, &running));
	ok(EXITED(ran.status, 5), "foreign-write: ends as it would (%#x)", ran.status);
	/* A program sealed by `msealctl run` may run another. */
	ran = run_whole(
		&(struct run){ .options = { "--deny=all" },
			       .argv = { "sh", "-c", "exec msealctl run --deny=all -- " RUNME " attack" } },
		true);
	ok(EXITED(ran.status, 0) && !strcmp(ran.out, SEALED),
	   "foreign-write: and runs another so (%#x, %s%s)", ran.status, ran.out, ran.err);
}

/* --- it cannot be sealed --- */

static void fails(void)
{
	static const char *const programs[] = { RUNME, RUNME "-static", RUNME "-static-norelro" };
	char expected[64];
	struct ran ran;

	/* Discarding writable memory is no more than a write: no such seal is made. */
	for (int i = 0; i < 3; i++) {
		ran = run_whole(&(struct run){ .options = { "--segments=data", "--deny=discard" },
					       .argv = { programs[i], "attack" } },
				true);
		snprintf(expected, sizeof(expected), "msealctl: cannot seal %s: pid ", programs[i]);
		ok(EXITED(ran.status, 1) && !*ran.out && !strncmp(ran.err, expected, strlen(expected)) &&
			   !strchr(ran.err, '\n'),
		   "%s: cannot be sealed: does not run, and says why (%#x, %s%s)", programs[i], ran.status,
		   ran.out, ran.err);
	}
	if (access("/tests/runme32", X_OK) < 0) {
		skip("no 32-bit program is built for this architecture",
		     "32-bit: nothing to seal: does not run");
		return;
	}
	ran = run_whole(&(struct run){ .options = { "--segments=relro" }, .argv = { "/tests/runme32" } },
			true);
	ok(WIFSIGNALED(ran.status) && WTERMSIG(ran.status) == SIGKILL,
	   "32-bit: nothing to seal: does not run (%#x)", ran.status);
}

/* --- a process dies --- */

static void deaths(void)
{
	struct running running = hanging(&hangs, true);
	pid_t tracer = tracer_of(running.pid);
	struct ran ran;

	ok(tracer > 0, "in its loader: it is traced");
	hang_on();
	ran = run_end(&running);
	ok(EXITED(ran.status, 0) && !strcmp(ran.out, SEALED) && !ran.stops,
	   "in its loader for a while: sealed (%#x, %s%s)", ran.status, ran.out, ran.err);
	ok(gone_within(tracer, 20), "and the tracer is gone");

	running = hanging(&hangs, true);
	tracer = tracer_of(running.pid);
	kill(tracer, SIGKILL);
	ran = run_end(&running);
	ok(WIFSIGNALED(ran.status) && WTERMSIG(ran.status) == SIGKILL && !*ran.out,
	   "the tracer is killed: so is the program (%#x, %s)", ran.status, ran.out);

	running = hanging(&hangs, true);
	tracer = tracer_of(running.pid);
	daemon_stop(SIGKILL);
	ran = run_end(&running);
	ok(EXITED(ran.status, 1) && !*ran.out &&
		   !strcmp(ran.err, "msealctl: cannot seal /tests/runme: mseald has exited"),
	   "the daemon is killed: the program ends, and says why (%#x, %s%s)", ran.status, ran.out, ran.err);
	ok(gone_within(tracer, 20), "and the tracer is gone");
	daemon_start();

	running = hanging(&hangs, true);
	tracer = tracer_of(running.pid);
	kill(running.pid, SIGTERM);
	ran = run_end(&running);
	ok(WIFSIGNALED(ran.status) && WTERMSIG(ran.status) == SIGTERM && gone_within(tracer, 20),
	   "killed in its loader (%#x)", ran.status);

	ran = run_whole(&(struct run){ .argv = { RUNME, "attack" }, .preload = "threadexec" }, true);
	ok(WIFSIGNALED(ran.status) && WTERMSIG(ran.status) == SIGKILL,
	   "another thread of its loader execs: it is killed (%#x, %s)", ran.status, ran.out);

	daemon_pause(true);
	running = run_start(&(struct run){ .argv = { RUNME, "attack" } }, true);
	nap(500);
	kill(running.pid, SIGKILL);
	ran = run_end(&running);
	daemon_pause(false);
	ok(daemon_alive(), "msealctl killed before it has its answer: the daemon goes on");
}

/* Last, because the daemon is gone afterwards. */
static void the_daemon_ends(void)
{
	struct running running = hanging(&hangs, true);
	struct ran ran;

	daemon_stop(SIGTERM);
	ran = run_end(&running);
	ok(EXITED(ran.status, 1) && !*ran.out, "the daemon ends: the program too (%#x, %s%s)", ran.status,
	   ran.out, ran.err);
}

/* --- a client that does not exec --- */

static void ask(struct connection *connection)
{
	static const char call[] = "{\"method\":\"io.mseald.Run\"}";

	if (!connection_open(connection) || !connection_send(connection, call, sizeof(call)))
		_exit(90);
}

/*
 * A user's process that makes a request, and stays; writes 'g' or 'e' to fd for its answer. Closes the
 * connection when a byte comes.
 */
static pid_t client(int answers, int orders, bool user)
{
	struct connection connection;
	pid_t pid;

	fflush(NULL);
	pid = fork();
	if (pid == 0) {
		json_t *reply;
		char byte;

		if (user)
			as_user();
		prctl(PR_SET_DUMPABLE, 1, 0, 0, 0); /* as after exec */
		ask(&connection);
		reply = connection_receive(&connection, 120000, NULL);
		byte = !reply ? 'n' : json_object_get(reply, "error") ? 'e' : 'g';
		if (byte == 'e' && strstr(json_text(reply, "error"), "TooMany"))
			byte = 'm';
		if (write(answers, &byte, 1) != 1 || read(orders, &byte, 1) < 0)
			_exit(91);
		connection_close(&connection);
		for (;;)
			pause();
	}
	return pid;
}

static void stays(void)
{
	int answers[2], orders[2];
	pid_t pid, tracer;
	char byte = 0;
	int status;

	if (pipe2(answers, O_CLOEXEC) || pipe2(orders, O_CLOEXEC))
		bail("pipe");
	pid = client(answers[1], orders[0], true);
	if (read(answers[0], &byte, 1) != 1)
		bail("no answer");
	ok(byte == 'g' && tracer_of(pid), "a client of its own is answered, and traced (%c)", byte);
	tracer = tracer_of(pid);
	if (write(orders[1], "x", 1) != 1)
		bail("pipe");
	ok(traced_within(pid, false, 20) && gone_within(tracer, 20), "it closes its connection: is let go");
	ok(waitpid(pid, &status, WNOHANG | WUNTRACED | WCONTINUED) == 0,
	   "and lives, wait(2) of its parent has reported nothing");
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	pid = client(answers[1], orders[0], true);
	if (read(answers[0], &byte, 1) != 1 || byte != 'g')
		bail("no answer");
	tracer = tracer_of(pid);
	kill(pid, SIGKILL);
	ok(waitpid(pid, &status, 0) == pid && WTERMSIG(status) == SIGKILL && gone_within(tracer, 20),
	   "it is killed: the tracer ends");
	for (int i = 0; i < 2; i++) {
		close(answers[i]);
		close(orders[i]);
	}
}

/* A client that is refused only after the daemon has begun, and that has sent its next call already. */
static void refused_and_served(void)
{
	static const char calls[] = "{\"method\":\"io.mseald.Run\"}\0{\"method\":\"io.mseald.Status\"}";
	int status;
	pid_t pid;

	fflush(NULL);
	pid = fork();
	if (pid == 0) {
		struct connection connection;
		json_t *refused, *served;

		ptrace(PTRACE_TRACEME, 0, 0, 0);
		if (!connection_open(&connection) || !connection_send(&connection, calls, sizeof(calls)))
			_exit(90);
		refused = connection_receive(&connection, 20000, NULL);
		served = connection_receive(&connection, 20000, NULL);
		_exit(!json_object_get(refused, "error")     ? 91 :
		      !json_object_get(served, "parameters") ? 92 :
							       0);
	}
	ok(waitpid(pid, &status, 0) == pid && EXITED(status, 0),
	   "a client that is refused is served its next call (%#x)", status);
}

static void limits(void)
{
	enum { MOST = 64 };
	int answers[2], orders[2];
	unsigned good = 0;
	pid_t pids[MOST + 1];
	struct ran ran;
	char byte;

	if (pipe2(answers, O_CLOEXEC) || pipe2(orders, O_CLOEXEC))
		bail("pipe");
	for (int i = 0; i < MOST; i++) {
		pids[i] = client(answers[1], orders[0], true);
		good += read(answers[0], &byte, 1) == 1 && byte == 'g';
	}
	ok(good == MOST, "a user may have %u waiting", good);
	pids[MOST] = client(answers[1], orders[0], true);
	if (read(answers[0], &byte, 1) != 1)
		bail("no answer");
	ok(byte == 'm', "and no more: TooMany (%c)", byte);
	ran = run_whole(&(struct run){ .argv = { RUNME, "attack" } }, true);
	ok(!strcmp(ran.out, SEALED), "others may (%s%s)", ran.out, ran.err);
	for (int i = 0; i <= MOST; i++) {
		kill(pids[i], SIGKILL);
		waitpid(pids[i], NULL, 0);
	}
	for (int i = 0; i < 100; i++, nap(100)) {
		ran = run_whole(&(struct run){ .argv = { RUNME, "attack" }, .set_up = as_user }, true);
		if (!strcmp(ran.out, SEALED))
			break;
	}
	ok(!strcmp(ran.out, SEALED), "when they have ended, the user may again (%s%s)", ran.out, ran.err);
	for (int i = 0; i < 2; i++) {
		close(answers[i]);
		close(orders[i]);
	}
}

/* --- job control --- */

/*
 * Appends the statuses of a job by wait(2), one letter each: s(topped) c(ontinued) e(xited) k(illed), with a
 * number.
 */
static void append_status(pid_t pid, char *statuses, size_t size)
{
	size_t length = strlen(statuses);
	int status;

	for (int i = 0; i < 3000; i++, nap(10))
		if (waitpid(pid, &status, WUNTRACED | WCONTINUED | WNOHANG) == pid)
			break;
	snprintf(statuses + length, size - length, "%s", WIFCONTINUED(status) ? "c " : "");
	if (WIFSTOPPED(status))
		snprintf(statuses + length, size - length, "s%d ", WSTOPSIG(status));
	else if (WIFSIGNALED(status))
		snprintf(statuses + length, size - length, "k%d ", WTERMSIG(status));
	else if (WIFEXITED(status))
		snprintf(statuses + length, size - length, "e%d ", WEXITSTATUS(status));
}

/* A shell on a terminal: it starts a job in the foreground, and the keyboard stops, continues and ends it. */
static void shell(int terminal, int out, bool sealed, bool in_loader)
{
	const char *const argv[] = { "msealctl", "run", "--", RUNME, "wait", NULL };
	char statuses[256] = "", byte;
	int ready[2];
	pid_t pid;

	setsid();
	ioctl(terminal, TIOCSCTTY, 0);
	signal(SIGTTOU, SIG_IGN);
	if (pipe(ready))
		_exit(95);
	pid = fork();
	if (pid == 0) {
		setpgid(0, 0);
		tcsetpgrp(terminal, getpid());
		signal(SIGTTOU, SIG_DFL);
		dup2(terminal, 0);
		dup2(ready[1], 1);
		dup2(ready[1], 2);
		if (in_loader) {
			setenv("LD_PRELOAD", "/tests/librunpre.so", 1);
			setenv("RUNPRE", "hang", 1);
			setenv("RUNPRE_FIFO", FIFO, 1);
			sanitizer_options("verify_asan_link_order=0");
		}
		execvp(argv[sealed ? 0 : 3], (char *const *)(uintptr_t)(argv + (sealed ? 0 : 3)));
		_exit(96);
	}
	setpgid(pid, pid);
	if (read(ready[0], &byte, 1) != 1)
		_exit(94);
	byte = 'Z' - '@';
	for (int i = 0; i < 2; i++) {
		if (write(out, &byte, 1) != 1)
			_exit(93);
		append_status(pid, statuses, sizeof(statuses));
		snprintf(statuses + strlen(statuses), sizeof(statuses) - strlen(statuses), "%s ",
			 tcgetpgrp(terminal) == pid ? "in front" : "behind");
		kill(-pid, SIGCONT);
		append_status(pid, statuses, sizeof(statuses));
	}
	/* In the background it may not read from the terminal. */
	if (!in_loader) {
		tcsetpgrp(terminal, getpgrp());
		if (write(out, &(char){ 'l' }, 1) != 1)
			_exit(93);
		append_status(pid, statuses, sizeof(statuses));
		tcsetpgrp(terminal, pid);
		kill(-pid, SIGCONT);
		append_status(pid, statuses, sizeof(statuses));
	}
	if (write(out, &(char){ 'C' - '@' }, 1) != 1)
		_exit(93);
	append_status(pid, statuses, sizeof(statuses));
	if (write(out, "\n", 1) != 1 || write(out, statuses, strlen(statuses)) < 0)
		_exit(92);
	_exit(0);
}

/* Keys go to the terminal's master. The shell writes keys to `out` up to a new line, then its report. */
static void report(bool sealed, bool in_loader, char *text, size_t size)
{
	int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC), terminal, keys[2];
	char name[64], key;
	ssize_t got;
	pid_t pid;

	if (master < 0 || grantpt(master) || unlockpt(master) || ptsname_r(master, name, sizeof(name)) ||
	    pipe2(keys, O_CLOEXEC))
		bail("no terminal: %s", strerror(errno));
	terminal = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC);
	fflush(NULL);
	pid = fork();
	if (pid == 0)
		shell(terminal, keys[1], sealed, in_loader);
	close(keys[1]);
	while (read(keys[0], &key, 1) == 1 && key != '\n') {
		if (key == 'l')
			got = write(master, "line\n", 5);
		else
			got = write(master, &key, 1);
		if (got < 0)
			bail("terminal: %s", strerror(errno));
	}
	got = read(keys[0], text, size - 1);
	text[got > 0 ? got : 0] = '\0';
	waitpid(pid, NULL, 0);
	close(keys[0]);
	close(terminal);
	close(master);
}

static void jobs(void)
{
	for (int in_loader = 0; in_loader < 2; in_loader++) {
		char plain[256], sealed[256];

		report(false, in_loader, plain, sizeof(plain));
		report(true, in_loader, sealed, sizeof(sealed));
		ok(!strcmp(plain, sealed) && strstr(plain, "s20 in front c s20 in front c") &&
			   strstr(plain, "k2"),
		   "job control%s: wait(2) reports the same to the shell (%s; without: %s)",
		   in_loader ? " while its loader runs" : "", sealed, plain);
	}
}

/* Stopped and continued again and again during loading: it is still sealed. */
static void stopped_in_loader(void)
{
	struct running running = hanging(&hangs, true);
	struct ran ran;
	int status = 0;

	kill(running.pid, SIGSTOP);
	ok(waitpid(running.pid, &status, WUNTRACED) == running.pid && WIFSTOPPED(status) &&
		   WSTOPSIG(status) == SIGSTOP,
	   "stopped in its loader: wait(2) reports it to its parent (%#x)", status);
	hang_on();
	nap(300);
	ok(waitpid(running.pid, &status, WUNTRACED | WNOHANG) == 0, "and it stays so");
	kill(running.pid, SIGCONT);
	ok(waitpid(running.pid, &status, WCONTINUED) == running.pid && WIFCONTINUED(status),
	   "continued: wait(2) reports it to its parent (%#x)", status);
	hang_on();
	ran = run_end(&running);
	ok(EXITED(ran.status, 0) && !strcmp(ran.out, SEALED) && !ran.stops, "then sealed (%#x, %s%s)",
	   ran.status, ran.out, ran.err);
	for (int i = 0; i < 10; i += (int)brief(1, 4)) {
		running = run_start(&(struct run){ .argv = { RUNME, "attack" } }, true);
		for (int j = 0; j < 60 + 7 * i; j++) {
			kill(running.pid, SIGSTOP);
			usleep(500);
			kill(running.pid, SIGCONT);
			usleep(1500);
		}
		ran = run_end(&running);
		if (strcmp(ran.out, SEALED))
			break;
	}
	ok(!strcmp(ran.out, SEALED), "stopped and continued all the time: sealed (%#x, %s%s)", ran.status,
	   ran.out, ran.err);
}

int main(int argc, char **argv)
{
	struct puppet *other;

	puppet_main(argc, argv);
	signal(SIGPIPE, SIG_IGN);
	if (mkfifo(FIFO, 0666) || chmod(FIFO, 0666))
		bail("mkfifo: %s", strerror(errno));
	daemon_start();
	other = puppet_new();
	must_seal(other->pid, puppet_pages(other, 1, PROT_READ), PAGE);
	users();
	becomes_another();
	traced();
	foreign();
	fails();
	jobs();
	stopped_in_loader();
	deaths();
	stays();
	refused_and_served();
	limits();
	puppet_end(other);
	the_daemon_ends();
	return tap_end();
}
