/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Lock=yes: each attack of lock_attacks.h is made on an unlocked daemon, where it succeeds, and on a locked
 * one. Then: conditions that prevent the lock, work that a locked daemon still does, and the state after it
 * is gone. It must be the last test in its VM: the lock holds until the next boot.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "attack.h"
#include "daemon.h"
#include "inject.h"
#include "lock_attacks.h"
#include "tap.h"

#define ELEMENTS(array) (sizeof(array) / sizeof((array)[0]))

#define CONFIG "/etc/mseald/mseald.conf"
#define DROPIN "/run/mseald/mseald.conf.d/lock.conf"
#define POLICY "/etc/mseald/policy.d/itself.conf"
#define OUTPUT "/tmp/lock-output"
#define GROUP "/tmp/cgroup/lock"

static void write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);

	if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text))
		bail("%s: %s", path, strerror(errno));
	close(fd);
}

static void configure(const char *text)
{
	umask(022);
	(void)mkdir("/etc/mseald", 0755);
	(void)mkdir("/run/mseald", 0755);
	write_file(CONFIG, text);
}

static bool denied(struct puppet *puppet, uint64_t at)
{
	return puppet_call(puppet, SYS_mprotect, at, PAGE, PROT_READ | PROT_WRITE) == -EPERM;
}

/* Runs a daemon that should exit by itself: returns its status, and its output. */
static int daemon_fails(char said[4096])
{
	pid_t pid;
	int status, fd;
	ssize_t length;

	fflush(NULL);
	pid = fork();
	if (pid == 0) {
		fd = open(OUTPUT, O_WRONLY | O_CREAT | O_TRUNC, 0600);
		dup2(fd, STDOUT_FILENO);
		dup2(fd, STDERR_FILENO);
		execl("/usr/sbin/mseald", "mseald", NULL);
		_exit(127);
	}
	for (int i = 0; i < 1800 && waitpid(pid, &status, WNOHANG) == 0; i++)
		nap(100);
	if (kill(pid, 0) == 0) {
		char command[128];

		diag("it does not end");
		(void)snprintf(command, sizeof(command),
			       "grep -E 'State|Sig|Shd' /proc/%d/status; cat /proc/%d/stack /proc/%d/syscall",
			       pid, pid, pid);
		(void)system(command);
		(void)kill(pid, SIGKILL);
		(void)waitpid(pid, &status, 0);
		status = 0;
	}
	fd = open(OUTPUT, O_RDONLY);
	length = read(fd, said, 4095);
	said[length < 0 ? 0 : length] = '\0';
	close(fd);
	diag("%s", said);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static json_t *lock_status(void)
{
	json_t *status = daemon_status(), *lock = json_incref(json_object_get(status, "lock"));

	json_decref(status);
	return lock;
}

static void show_memory(void)
{
	diag("memory of mseald: %ld kB, %ld of its own", daemon_process_number("VmRSS:"),
	     daemon_process_number("RssAnon:"));
}

/* --- unlocked: all attacks succeed --- */

static void attack_unlocked(void)
{
	const struct lock_attack *attack;
	struct puppet *puppet;
	json_t *lock;
	uint64_t page;

	configure("# nothing\n[Mseald]\nLock=no\n");
	daemon_start();
	lock = lock_status();
	ok(!lock, "Lock=no: status has no lock");
	ok(access(PINS "/lock", F_OK) < 0, "Lock=no: no program of it is there");
	puppet = puppet_new();
	page = puppet_pages(puppet, 1, PROT_READ);
	must_seal(puppet->pid, page, PAGE);
	show_memory();
	for (size_t i = 0; (attack = lock_attack(i)); i++) {
		long result = attack->strike(daemon_pid());

		if (attack->not_here && result == attack->not_here) {
			skip("this kernel refuses it itself", "not locked: %s", attack->name);
			continue;
		}
		ok(attack->by_kernel ? result == attack->when_locked : result == 0, "not locked: %s %s (%ld)",
		   attack->name, attack->by_kernel ? "is refused by the kernel itself" : "succeeds", result);
		if (attack->ends_pins && result == 0)
			lock_mount_all();
	}
	puppet_end(puppet);
	ok(!daemon_alive(), "not locked: the last attack has ended mseald");
	(void)daemon_end();
	(void)umount2(BPFFS, MNT_DETACH);
	lock_mount_all();
}

/* --- an incomplete lock is refused --- */

static void refused(const char *config, int status, const char *words, const char *name)
{
	char said[4096];
	int r;

	configure(config);
	r = daemon_fails(said);
	ok(r == status, "%s: it ends with status %d (%d)", name, status, r);
	ok(strstr(said, words), "%s: and says \"%s\"", name, words);
	ok(access(PINS "/lock", F_OK) < 0 && lock_leaves_others(), "%s: nothing is locked", name);
}

/*
 * A sealed process, an unlocked daemon that is gone, and a process that kept a descriptor; then without it.
 */
static void taken_over(void)
{
	struct puppet *puppet = puppet_new();
	uint64_t page = puppet_pages(puppet, 2, PROT_READ);
	int stolen;

	configure("");
	daemon_start();
	must_seal(puppet->pid, page, PAGE);
	stolen = lock_map_by_id(daemon_pid(), "spaces");
	daemon_stop(SIGTERM);
	refused("[Mseald]\nLock=yes\n", 3, "has the map spaces", "a map is open elsewhere");
	ok(denied(puppet, page), "a map is open elsewhere: sealed memory stays sealed");
	close(stolen);
	stolen = lock_set_by_id();
	if (ok(stolen >= 0, "there is a seal set (%d)", stolen))
		refused("[Mseald]\nLock=yes\n", 3, "has the map mseald_set", "a seal set is open elsewhere");
	close(stolen);
	stolen = lock_override_check();
	if (ok(stolen >= 0, "a program overrides security_bpf_map (%d)", stolen))
		refused("[Mseald]\nLock=yes\n", 3, "was not denied to the test process",
			"a check is overridden");
	close(stolen);
	nap(500);
	puppet_end(puppet);
}

/* A policy of an unlocked daemon, which is gone, has mseald itself sealed. */
static void sealed_itself(void)
{
	configure("");
	(void)mkdir("/etc/mseald/policy.d", 0755);
	write_file(POLICY, "[Match]\nExe=/usr/sbin/mseald\n");
	daemon_start();
	daemon_stop(SIGTERM);
	refused("[Mseald]\nLock=yes\n", 3, "a policy or filter keeps mseald from copying its code",
		"mseald is sealed");
	(void)unlink(POLICY);
	configure("");
	daemon_start();
	daemon_stop(SIGTERM);
}

static void mistakes(void)
{
	refused("[Mseald]\nLock=yess\n", 78, CONFIG ":2: Lock= does not know 'yess'",
		"a mistake in the configuration");
	refused("[Mseald]\nLocked=yes\n", 78, ":2: unknown key Locked=; keys: ", "a key that is not there");
	configure("[Mseald]\nLock=no\n");
	(void)mkdir("/run/mseald/mseald.conf.d", 0755);
	write_file(DROPIN, "[Mseald]\nGate=kil\n");
	refused("[Mseald]\nLock=no\n", 78, DROPIN ":2:", "a mistake in a drop-in");
	(void)unlink(DROPIN);
}

/* --- locked --- */

static void attack_locked(struct puppet *puppet, uint64_t page)
{
	const struct lock_attack *attack;

	for (size_t i = 0; (attack = lock_attack(i)); i++) {
		long wanted = attack->when_locked ? attack->when_locked : -EPERM,
		     result = attack->strike(daemon_pid());

		ok(result == wanted || (attack->not_here && result == attack->not_here),
		   "locked: %s is refused (%ld)", attack->name, result);
	}
	ok(kill(daemon_pid(), SIGKILL) < 0 && errno == EPERM && kill(daemon_pid(), SIGTERM) < 0 &&
		   errno == EPERM,
	   "locked: SIGKILL and SIGTERM are refused");
	ok(kill(daemon_pid(), 0) == 0 && kill(daemon_pid(), SIGCONT) == 0 && kill(daemon_pid(), SIGHUP) == 0,
	   "locked: SIGHUP, SIGCONT and 0 are not");
	ok(daemon_alive() && denied(puppet, page),
	   "locked: after all of that it answers, and sealed memory is sealed");
}

/* --- denials are counted and reported --- */

/* Denials of one lock operation, by Metrics; -1: not listed. */
static int64_t denied_at(const char *op)
{
	json_t *reply = NULL, *one;
	int64_t count = -1;
	size_t i;

	(void)daemon_call("Metrics", NULL, &reply);
	json_array_foreach(json_object_get(reply, "lock_denials"), i, one)
		if (strcmp(json_text(one, "operation"), op) == 0)
			count = json_number(one, "attempts");
	json_decref(reply);
	return count;
}

/* The next denial of this operation that a monitor of all processes receives (new reference). */
static json_t *next_denial(struct monitor *monitor, const char *op)
{
	for (;;) {
		json_t *message = connection_receive(&monitor->connection, 10000, &monitor->gone);
		json_t *denial = json_incref(
			json_object_get(json_object_get(message, "parameters"), "denial"));

		json_decref(message);
		if (!message || (denial && strcmp(json_text(denial, "operation"), op) == 0))
			return denial;
		json_decref(denial);
	}
}

/* Searches the end of the log: earlier tests may have left much in it. */
static bool log_says(const char *words)
{
	static char log[1 << 18];
	int fd = open(DAEMON_LOG, O_RDONLY | O_CLOEXEC);
	off_t whole = lseek(fd, 0, SEEK_END);
	ssize_t length = pread(fd, log, sizeof(log) - 1,
			       whole < (off_t)sizeof(log) ? 0 : whole - (off_t)sizeof(log) + 1);

	close(fd);
	log[length < 0 ? 0 : length] = '\0';
	return strstr(log, words);
}

/* In a process of its own, so that it has a line in the log. Exits with the errno of unlink, 0 for EPERM. */
static pid_t try_pin(unsigned times)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		bool good = true;

		for (unsigned i = 0; i < times; i++)
			good &= unlink(PINS "/lock/lock_bpf") < 0 && errno == EPERM;
		_exit(good ? 0 : 1);
	}
	waitpid(pid, &status, 0);
	ok(status == 0, "denials: removing a pin is refused, %u times", times);
	return pid;
}

static void denials_reported(void)
{
	static const char *const ops[] = { "map", "program", "link",  "load",  "switch",
					   "pin", "mount",   "trace", "limit", "signal" };
	struct monitor monitor = { 0 };
	json_t *denial, *reply = NULL;
	unsigned counted = 0;
	int64_t before;
	char words[128];
	pid_t pid;

	ok(!daemon_call("Metrics", NULL, &reply) && json_number(reply, "locked") == 1 &&
		   json_array_size(json_object_get(reply, "lock_denials")) == ELEMENTS(ops),
	   "denials: metrics say that it is locked, and have all operations");
	json_decref(reply);
	for (size_t i = 0; i < ELEMENTS(ops); i++) {
		int64_t count = denied_at(ops[i]);

		counted += count > 0;
		diag("%s: %lld", ops[i], (long long)count);
	}
	/* A kernel without ftrace has no switch to deny. */
	ok(counted == ELEMENTS(ops) ||
		   (counted == ELEMENTS(ops) - 1 && access("/proc/sys/kernel/ftrace_enabled", F_OK) < 0),
	   "denials: the attacks are counted for %u operations", counted);
	before = denied_at("pin");
	monitor_open(&monitor, 0);
	pid = try_pin(50);
	ok(denied_at("pin") == before + 50, "denials: each one is counted");
	denial = next_denial(&monitor, "pin");
	ok(json_number(denial, "pid") == pid && json_number(denial, "tid") == pid &&
		   json_number(denial, "uid") == 0 && json_number(denial, "time") > 0 &&
		   json_number(denial, "cgroup") > 0 && strcmp(json_text(denial, "comm"), "t_lock") == 0,
	   "denials: a monitor has the process (%s[%lld])", json_text(denial, "comm"),
	   (long long)json_number(denial, "pid"));
	json_decref(denial);
	snprintf(words, sizeof(words), "mseald: locked: denied changing the pins to t_lock[%d] uid 0\n", pid);
	ok(log_says(words), "denials: and so has the log");
	pid = try_pin(1);
	denial = next_denial(&monitor, "pin");
	ok(json_number(denial, "pid") == pid,
	   "denials: the next one reported is of the next process: a process has one line");
	json_decref(denial);
	monitor_close(&monitor);
}

/* A hundred thousand denied lock operations displace no event about seals. */
static void many_denials(struct puppet *puppet, uint64_t page)
{
	const unsigned many = brief(100000, 20000);
	struct monitor monitor = { 0 };
	int64_t before = denied_at("pin");
	json_t *event;
	pid_t pid;

	monitor_open(&monitor, 0);
	(void)try_pin(many);
	ok(denied(puppet, page), "denials: after %u of them a seal holds", many);
	do {
		event = monitor_next(&monitor, 10000);
		pid = (pid_t)json_number(event, "pid");
		json_decref(event);
	} while (event && pid != puppet->pid);
	ok(event && monitor.lost == 0 && status_number("lost") == 0,
	   "denials: and no attempt on a seal is lost");
	ok(denied_at("pin") == before + many, "denials: while all of them are counted");
	monitor_close(&monitor);
}

/* --- shutdown --- */

/* Sets the name of a task; only the task itself can do that. */
static void call_itself(pid_t pid, long memory, const char *name)
{
	struct iovec local = { (void *)name, strlen(name) + 1 },
		     remote = { (void *)memory, strlen(name) + 1 };
	struct injection done = { 0 };

	if (process_vm_writev(pid, &local, 1, &remote, 1, 0) != (ssize_t)strlen(name) + 1 ||
	    inject_call(pid, SYS_prctl, (long[6]){ PR_SET_NAME, memory }, &done) < 0 || done.result != 0)
		bail("cannot rename pid %d", pid);
}

static long kill_from(pid_t pid, int signal)
{
	struct injection done = { 0 };

	return inject_call(pid, SYS_kill, (long[6]){ daemon_pid(), signal }, &done) < 0 ? -ENOSYS :
											  done.result;
}

/* pid 1 as systemd-shutdown: SIGTERM arrives, and has no effect while another process lives. */
static void pretended_shutdown(struct puppet *puppet, uint64_t page)
{
	struct injection done = { 0 };
	char was[16] = "";
	int fd = open("/proc/1/comm", O_RDONLY), r;
	ssize_t length = read(fd, was, sizeof(was) - 1);
	pid_t other;

	close(fd);
	was[length > 0 ? length - 1 : 0] = '\0';
	other = fork();
	if (other == 0) {
		(void)prctl(PR_SET_NAME, "systemd-shutdow");
		_exit(kill(daemon_pid(), SIGTERM) < 0 && errno == EPERM ? 0 : 1);
	}
	waitpid(other, &r, 0);
	ok(r == 0, "shutdown: SIGTERM is denied to a process named systemd-shutdown");
	r = inject_call(1, SYS_mmap,
			(long[6]){ 0, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0 },
			&done);
	if (r < 0 || done.result < 0)
		bail("no call can be made in pid 1");
	ok(kill_from(1, SIGTERM) == -EPERM, "shutdown: also to pid 1, as long as it is what it was (%s)",
	   was);
	call_itself(1, done.result, "systemd-shutdow");
	ok(kill_from(1, SIGKILL) == -EPERM && kill_from(1, SIGINT) == -EPERM &&
		   kill_from(1, SIGSTOP) == -EPERM,
	   "shutdown: as systemd-shutdown it cannot kill or stop it");
	ok(kill_from(1, SIGTERM) == 0, "shutdown: but send SIGTERM");
	for (int i = 0; i < 100 && !log_says("the machine is shutting down"); i++)
		nap(100);
	ok(log_says("the machine is shutting down: mseald exits after all other processes have exited"),
	   "shutdown: which it says in the log");
	nap(500);
	ok(daemon_alive() && denied(puppet, page), "shutdown: while others live it goes on");
	ok(kill_from(1, SIGKILL) == -EPERM, "shutdown: and still cannot be killed");
	call_itself(1, done.result, was);
}

/* The lock does not affect foreign objects. */
static void others_go_on(void)
{
	pid_t pid;
	int status;

	ok(mkdir(BPFFS "/others", 0700) == 0 && rmdir(BPFFS "/others") == 0, "locked: others pin beside it");
	ok(lock_leaves_others(), "locked: others make maps, and get them by id");
	ok(mkdir("/tmp/mnt", 0700) == 0 && mount("tmpfs", "/tmp/mnt", "tmpfs", 0, NULL) == 0 &&
		   umount("/tmp/mnt") == 0,
	   "locked: others mount and unmount");
	pid = fork();
	if (pid == 0) {
		/* Services and containers make these calls. */
		bool good = unshare(CLONE_NEWNS) == 0 &&
			    mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) == 0 &&
			    mount("tmpfs", "/sys", "tmpfs", 0, NULL) == 0 && umount("/sys") == 0 &&
			    umount2("/sys", MNT_DETACH) == 0;

		_exit(good ? 0 : errno);
	}
	waitpid(pid, &status, 0);
	ok(status == 0 && access(PINS "/lock", F_OK) == 0,
	   "locked: a mount namespace of one's own is one's own (%#x)", status);
	pid = fork();
	if (pid == 0) {
		pause();
		_exit(0);
	}
	ok(lock_leaves_tracing(pid) && kill(pid, SIGKILL) == 0, "locked: others are traced and killed");
	waitpid(pid, &status, 0);
}

/* Root could write to a mapped file. Also after all that the daemon has done by now. */
static void maps_no_file(void)
{
	char path[64], line[512], kind;
	unsigned count = 0;
	FILE *maps;

	snprintf(path, sizeof(path), "/proc/%d/maps", daemon_pid());
	maps = fopen(path, "re");
	while (maps && fgets(line, sizeof(line), maps))
		if (sscanf(line, "%*s %*3c%c", &kind) == 1 && kind == 'p' && strchr(line, '/')) {
			diag("%s", line);
			count++;
		}
	ok(maps && count == 0, "locked: no private mapping of mseald has a file (%u)", count);
	if (maps)
		fclose(maps);
	show_memory();
}

static void goes_on_itself(struct puppet *puppet, uint64_t page)
{
	struct puppet *other = puppet_new();
	uint64_t target = puppet_pages(other, 2, PROT_READ);
	json_t *lock;

	must_seal(other->pid, target, PAGE);
	ok(denied(other, target) && !denied(other, target + PAGE), "locked: it seals another process");
	ok(!daemon_seal(&(struct seal_order){ .pid = other->pid,
					      .ranges = &(struct range){ target, target + PAGE },
					      .count = 1,
					      .deny = "foreign-write" },
			NULL),
	   "locked: it attaches more programs when they are needed");
	lock = lock_status();
	ok(json_number(lock, "signals") == 1 && json_number(lock, "maps") > 12 &&
		   json_number(lock, "programs") > 30 && json_number(lock, "links") > 30,
	   "locked: status lists the locked objects");
	if (lock) {
		char *text = json_dumps(lock, 0);

		diag("%s", text);
		free(text);
	}
	json_decref(lock);
	puppet_end(other);
	ok(denied(puppet, page), "locked: a seal of before holds");
	maps_no_file();
}

/* --- on a terminal --- */

#define TERMINAL "MSEALD_TERMINAL"

/* In place of mseald: takes this terminal as its own, then becomes mseald. */
static void start_on_terminal(void)
{
	const char *path = getenv(TERMINAL);
	int fd;

	if (!path)
		return;
	setsid();
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0 || ioctl(fd, TIOCSCTTY, 0) < 0)
		_exit(126);
	dup2(fd, STDIN_FILENO);
	unsetenv(TERMINAL);
	execl("/usr/sbin/mseald", "mseald", NULL);
	_exit(127);
}

/* Gives the next daemon a terminal; returns its other side. */
static int give_terminal(void)
{
	int fd = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);

	if (fd < 0 || grantpt(fd) < 0 || unlockpt(fd) < 0 || setenv(TERMINAL, ptsname(fd), 1) < 0)
		bail("no terminal: %s", strerror(errno));
	setenv("MSEALD", "/proc/self/exe", 1);
	return fd;
}

/* No hook sees signals from a terminal. */
static void interrupted(int terminal, struct puppet *puppet, uint64_t page)
{
	ok(write(terminal, "\003\034", 2) == 2, "terminal: ^C and ^\\ are typed");
	nap(1000);
	ok(daemon_alive() && denied(puppet, page), "terminal: the locked daemon goes on");
	close(terminal);
	nap(1000);
	ok(daemon_alive() && denied(puppet, page), "terminal: also when it has gone");
}

/* --- a lock that cannot be complete, and the state after that --- */

static bool write_to(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	bool good = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);

	if (fd >= 0)
		close(fd);
	return good;
}

/* Kills the daemon by its cgroup, for which the kernel calls no hook (kernel/cgroup/cgroup.c). */
static void end_daemon(void)
{
	char pid[16];
	int status = 0;

	(void)mkdir("/tmp/cgroup", 0755);
	(void)mount("cgroup2", "/tmp/cgroup", "cgroup2", 0, NULL);
	(void)mkdir(GROUP, 0755);
	snprintf(pid, sizeof(pid), "%d", daemon_pid());
	ok(write_to(GROUP "/cgroup.procs", pid) && write_to(GROUP "/cgroup.kill", "1"),
	   "known: cgroup.kill is not refused");
	for (int i = 0; i < 600 && waitpid(daemon_pid(), &status, WNOHANG) == 0; i++)
		nap(100);
	ok(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL, "known: it ends a locked daemon");
}

static void after_its_end(struct puppet *puppet, uint64_t page)
{
	const struct lock_attack *attack;
	char said[4096];
	int r;

	ok(denied(puppet, page), "locked and gone: sealed memory stays sealed");
	for (size_t i = 0; (attack = lock_attack(i)); i++) {
		long wanted = attack->when_locked ? attack->when_locked : -EPERM,
		     result = attack->lasts ? attack->strike(0) : wanted;

		if (attack->lasts)
			ok(result == wanted || (attack->not_here && result == attack->not_here),
			   "locked and gone: %s is refused (%ld)", attack->name, result);
	}
	r = daemon_fails(said);
	ok(r == 3 && strstr(said, "reboot to seal more"),
	   "locked and gone: a new one says so and ends with status 3 (%d)", r);
	configure("");
	r = daemon_fails(said);
	ok(r == 3 && strstr(said, "reboot to seal more"), "locked and gone: with Lock=no as well (%d)", r);
	ok(denied(puppet, page) && access(PINS "/lock", F_OK) == 0, "locked and gone: and changes nothing");
}

int main(int argc, char **argv)
{
	struct puppet *puppet;
	int terminal;
	uint64_t page;

	start_on_terminal();
	puppet_main(argc, argv);
	attack_unlocked();
	mistakes();
	taken_over();
	sealed_itself();
	puppet = puppet_new();
	page = puppet_pages(puppet, 2, PROT_READ);
	configure("");
	daemon_start();
	must_seal(puppet->pid, page, PAGE);
	daemon_stop(SIGTERM);
	/* The main file says no, a drop-in yes. */
	configure("[Mseald]\nLock=no\n");
	(void)mkdir("/run/mseald/mseald.conf.d", 0755);
	write_file(DROPIN, "[Mseald]\nLock=yes\n");
	terminal = give_terminal();
	daemon_start();
	unsetenv(TERMINAL);
	unsetenv("MSEALD");
	ok(denied(puppet, page), "locked: what an unlocked daemon had sealed is taken over");
	attack_locked(puppet, page);
	denials_reported();
	many_denials(puppet, page);
	others_go_on();
	interrupted(terminal, puppet, page);
	pretended_shutdown(puppet, page);
	goes_on_itself(puppet, page);
	end_daemon();
	after_its_end(puppet, page);
	puppet_end(puppet);
	return tap_end();
}
