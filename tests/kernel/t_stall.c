/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A user without any privilege has the daemon and its tracers read a file that never answers: of FUSE,
 * without allow_other, in a user namespace. (For a file below an overlay the daemon waits:
 * docs/threat-model.md, "The daemon as a target".)
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/rseq.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon.h"
#include "page.h"
#include "tap.h"

#define TOP "/tmp/t_stall"
#define FILE_SIZE (1 << 16)

static struct {
	volatile int stall, ready, withheld, direct;
	pid_t server;
	char why[200];
} * shared;

static void serve(int fd)
{
	static char in[1 << 18];
	static struct {
		struct fuse_out_header header;
		union {
			struct fuse_init_out init;
			struct fuse_entry_out entry;
			struct fuse_attr_out attr;
			struct fuse_open_out open;
			struct fuse_statfs_out statfs;
			char bytes[1 << 17];
		};
	} out;

	while (read(fd, in, sizeof(in)) > 0) {
		struct fuse_in_header *header = (void *)in;
		struct fuse_read_in *reading = (void *)(header + 1);
		bool folder = header->nodeid == FUSE_ROOT_ID && header->opcode != FUSE_LOOKUP;
		struct fuse_attr attr = { .ino = folder ? FUSE_ROOT_ID : 2,
					  .mode = folder ? S_IFDIR | 0755 : S_IFREG | 0755,
					  .uid = 1000,
					  .gid = 1000,
					  .nlink = 1,
					  .size = folder ? 0 : FILE_SIZE };
		size_t length = 0;

		if (header->opcode == FUSE_FORGET || header->opcode == FUSE_BATCH_FORGET)
			continue;
		if (shared->stall) {
			shared->withheld = (int)header->opcode;
			continue; /* no answer, ever */
		}
		memset(&out, 0, sizeof(out));
		switch (header->opcode) {
		case FUSE_INIT:
			out.init = (struct fuse_init_out){ .major = 7, .minor = 31, .max_write = 4096 };
			length = sizeof(out.init);
			break;
		case FUSE_LOOKUP:
			out.entry = (struct fuse_entry_out){ .nodeid = 2, .attr = attr };
			length = sizeof(out.entry);
			if (strcmp((char *)(header + 1), "file")) {
				out.header.error = -ENOENT;
				length = 0;
			}
			break;
		case FUSE_GETATTR:
			out.attr = (struct fuse_attr_out){ .attr = attr };
			length = sizeof(out.attr);
			break;
		case FUSE_STATFS:
			out.statfs.st =
				(struct fuse_kstatfs){ .bsize = 4096, .namelen = 255, .frsize = 4096 };
			length = sizeof(out.statfs);
			break;
		case FUSE_OPEN:
		case FUSE_OPENDIR: length = sizeof(out.open); break;
		case FUSE_READ:
			length = reading->size < FILE_SIZE ? reading->size : FILE_SIZE;
			memset(out.bytes, 'a', length);
			break;
		case FUSE_RELEASE:
		case FUSE_RELEASEDIR:
		case FUSE_FLUSH: break;
		default: out.header.error = -ENOSYS;
		}
		out.header.unique = header->unique;
		out.header.len = (uint32_t)(sizeof(out.header) + length);
		(void)!write(fd, &out, out.header.len);
	}
	_exit(0);
}

static void fail(const char *what)
{
	snprintf(shared->why, sizeof(shared->why), "%s: %s", what, strerror(errno));
	shared->ready = -1;
	_exit(1);
}

static void write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text))
		fail(path);
	close(fd);
}

/* The thread sleeps with a restartable sequence whose description is in the file. */
static void await_tracers(char *at, int rounds)
{
	struct connection connection;
	char request[300];
	void *page = (char *)mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
				  0) +
		     3 * PAGE;
	struct rseq *area = (void *)((char *)__builtin_thread_pointer() + __rseq_offset);
	pid_t target = getpid();

	*(volatile char *)page = 1;
	shared->stall = 1;
	if (fork() == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		sleep(1);
		for (int i = 0; i < rounds; i++) {
			json_t *reply;
			char *text;

			if (!connection_open(&connection))
				fail("connect");
			snprintf(request, sizeof(request),
				 "{\"method\":\"io.mseald.Seal\",\"parameters\":{\"pid\":%d,"
				 "\"ranges\":[{\"start\":%lu,\"end\":%lu}],\"dry_run\":false}}",
				 target, (unsigned long)page, (unsigned long)page + PAGE);
			connection_send(&connection, request, strlen(request) + 1);
			reply = connection_receive(&connection, 60000, NULL);
			text = reply ? json_dumps(reply, JSON_COMPACT) : NULL;
			snprintf(shared->why, sizeof(shared->why), "%.190s", text ?: "none");
			connection_close(&connection);
			shared->ready = i + 1;
			page = (char *)page - PAGE;
			if (i + 1 < rounds)
				sleep(63);
		}
		_exit(0);
	}
	for (;;) {
		*(volatile __u64 *)&area->rseq_cs = (unsigned long)(at + FILE_SIZE / 2);
		pause();
	}
}

/* The attacker: an ordinary user. */
static void attack(int rounds)
{
	int fuse, fd;
	pid_t server;
	struct connection connection;
	char options[128], request[300];
	void *at;

	if (setresgid(1000, 1000, 1000) || setresuid(1000, 1000, 1000))
		fail("setresuid");
	prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
	if (unshare(CLONE_NEWUSER | CLONE_NEWNS))
		fail("unshare");
	write_file("/proc/self/setgroups", "deny");
	write_file("/proc/self/uid_map", "1000 1000 1");
	write_file("/proc/self/gid_map", "1000 1000 1");
	fuse = open(TOP "/device", O_RDWR);
	if (fuse < 0)
		fail("fuse device");
	snprintf(options, sizeof(options), "fd=%d,rootmode=40755,user_id=1000,group_id=1000", fuse);
	if (mount("none", TOP "/fuse", "fuse", MS_NOSUID | MS_NODEV, options))
		fail("mount fuse");
	server = fork();
	if (server == 0)
		serve(fuse);
	shared->server = server;
	close(fuse);
	fd = open(TOP "/fuse/file", O_RDONLY);
	if (fd < 0)
		fail("open file");
	at = mmap(NULL, FILE_SIZE, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0);
	if (at == MAP_FAILED)
		fail("mmap");
	if (rounds)
		await_tracers(at, rounds);
	(void)*(volatile char *)at;
	if (!connection_open(&connection))
		fail("connect");
	shared->stall = 1;
	snprintf(request, sizeof(request),
		 "{\"method\":\"io.mseald.Seal\",\"parameters\":{\"pid\":%d,\"dry_run\":true}}", getpid());
	connection_send(&connection, request, strlen(request) + 1);
	shared->ready = 1;
	json_t *reply = connection_receive(&connection, 600000, NULL);
	char *text = reply ? json_dumps(reply, JSON_COMPACT) : NULL;
	snprintf(shared->why, sizeof(shared->why), "%.150s", text ?: "none");
	shared->direct = 1;
	for (;;)
		pause();
}

/* Asks the daemon by a connection of its own. */
static bool answers(int milliseconds)
{
	static const char request[] = "{\"method\":\"io.mseald.Status\",\"parameters\":{}}";
	struct connection connection;
	json_t *reply;

	if (!connection_open(&connection))
		return false;
	connection_send(&connection, request, sizeof(request));
	reply = connection_receive(&connection, milliseconds, NULL);
	connection_close(&connection);
	json_decref(reply);
	return reply != NULL;
}

static char state_of(pid_t pid)
{
	char path[64], text[512] = "", *end;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	file = fopen(path, "re");
	if (!file)
		return '-';
	(void)!fread(text, 1, sizeof(text) - 1, file);
	fclose(file);
	end = strrchr(text, ')');
	return end ? end[2] : '?';
}

static void strike_daemon(void)
{
	bool answered;
	pid_t client;

	memset(shared, 0, sizeof(*shared));
	client = fork();
	if (client == 0)
		attack(0);
	for (int i = 0; i < 600 && !shared->ready; i++)
		usleep(100000);
	if (shared->ready != 1) {
		ok(false, "the attack could not be made: %s", shared->why);
		return;
	}
	sleep(5);
	answered = answers(20000);
	diag("state %c, withheld request %d, reply to the attacker: %s", state_of(daemon_pid()),
	     shared->withheld, shared->why);
	ok(answered, "FUSE without allow_other: the daemon answers others");
	(void)kill(shared->server, SIGKILL);
	(void)kill(client, SIGKILL);
	(void)waitpid(client, NULL, 0);
}

/* Tracers of the daemon that are left; the states of at most seven. */
static int tracers(char states[8], bool end)
{
	DIR *folder = opendir("/proc");
	struct dirent *entry;
	int count = 0;

	memset(states, 0, 8);
	while (folder && (entry = readdir(folder))) {
		char path[300], comm[32] = "";
		FILE *file;

		snprintf(path, sizeof(path), "/proc/%.20s/comm", entry->d_name);
		file = fopen(path, "re");
		if (!file)
			continue;
		(void)!fgets(comm, sizeof(comm), file);
		fclose(file);
		if (strcmp(comm, "mseald-tracer\n"))
			continue;
		if (end)
			kill(atoi(entry->d_name), SIGKILL);
		if (count < 7)
			states[count] = state_of(atoi(entry->d_name));
		count++;
	}
	closedir(folder);
	return count;
}

static void strike_tracers(int rounds)
{
	pid_t servers[8], clients[8];
	char states[8];
	int count;

	/* A process each: the thread itself waits for the file later. */
	for (int round = 0; round < rounds; round++) {
		if (round)
			sleep(63);
		memset(shared, 0, sizeof(*shared));
		clients[round] = fork();
		if (clients[round] == 0)
			attack(1);
		for (int i = 0; i < 600 && !shared->ready; i++)
			usleep(100000);
		servers[round] = shared->server;
		count = tracers(states, false);
		diag("withheld request %d, reply %s; %d tracers: %s", shared->withheld, shared->why, count,
		     states);
	}
	sleep(3);
	count = tracers(states, false);
	ok(count < rounds, "FUSE behind a restartable sequence: tracers do not add up (%d, %s)", count,
	   states);
	(void)tracers(states, true);
	sleep(2);
	count = tracers(states, false);
	diag("after SIGKILL: %d tracers: %s", count, states);
	for (int round = 0; round < rounds; round++) {
		kill(servers[round], SIGKILL);
		kill(clients[round], SIGKILL);
		waitpid(clients[round], NULL, 0);
	}
}

int main(void)
{
	int device;

	shared = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	(void)mkdir(TOP, 0755);
	(void)mkdir(TOP "/fuse", 0755);
	(void)mknod(TOP "/device", S_IFCHR | 0666, makedev(10, 229));
	(void)chmod(TOP "/device", 0666);
	(void)chown(TOP "/fuse", 1000, 1000);
	device = open(TOP "/device", O_RDWR | O_CLOEXEC);
	if (device < 0) {
		skip("this kernel has no FUSE, or as a module", "files that never answer");
		return tap_end();
	}
	(void)close(device);
	daemon_start();
	ok(answers(20000), "the daemon answers");
	strike_daemon();
	/* Before 6.10 there is no mseal(2), and no tracer. */
	if (getenv("MSEALD_EXPECT_NATIVE"))
		strike_tracers(2);
	return tap_end();
}
