/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A user without any privilege has the daemon, its reader and its tracers wait for a server of FUSE that
 * never answers: for a file, in a user namespace without allow_other, or below an overlay, whose layers are
 * read with the rights of the user who mounted it; or for mmap_lock, which a page fault holds.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <pthread.h>
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
#define REQUESTS 3

enum way { WAY_FUSE, WAY_OVERLAY, WAY_LOCK, WAY_TRACER };

static const char *const names[] = {
	[WAY_FUSE] = "FUSE without allow_other",
	[WAY_OVERLAY] = "FUSE below an overlay",
	[WAY_LOCK] = "FUSE while mmap_lock is held",
};

static struct {
	/* stall: the server answers nothing more; fail_first: it fails one read before that */
	volatile int stall, fail_first, ready, withheld, replies;
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
			if (shared->fail_first) {
				shared->stall = 1;
				out.header.error = -EIO;
				break;
			}
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

static void *fault(void *at)
{
	(void)*(volatile char *)at;
	return NULL;
}

static void *map(void *context)
{
	return mmap(context, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

/*
 * A process of which one thread waits in a page fault and another for mmap_lock. The fault holds it: it has
 * been retried, as its first read has failed, and does not let go of the lock again (mm/filemap.c,
 * maybe_unlock_mmap_for_io).
 */
static pid_t lock_memory(char *at)
{
	pid_t pid;

	shared->fail_first = 1;
	pid = fork();
	if (pid == 0) {
		pthread_t thread;

		prctl(PR_SET_PDEATHSIG, SIGKILL);
		(void)pthread_create(&thread, NULL, fault, at);
		sleep(2);
		(void)pthread_create(&thread, NULL, map, NULL);
		for (;;)
			pause();
	}
	sleep(4);
	return pid;
}

/* The attacker: an ordinary user. */
static void attack(enum way way, uid_t uid)
{
	struct connection connection;
	char options[128], text[300];
	int fuse, fd;
	pid_t server, target = getpid();
	void *at;

	if (setresgid(uid, uid, uid) || setresuid(uid, uid, uid))
		fail("setresuid");
	prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
	if (unshare(CLONE_NEWUSER | CLONE_NEWNS))
		fail("unshare");
	write_file("/proc/self/setgroups", "deny");
	snprintf(text, sizeof(text), "%d %d 1", uid, uid);
	write_file("/proc/self/uid_map", text);
	write_file("/proc/self/gid_map", text);
	fuse = open(TOP "/device", O_RDWR);
	if (fuse < 0)
		fail("fuse device");
	snprintf(options, sizeof(options), "fd=%d,rootmode=40755,user_id=%d,group_id=%d", fuse, uid, uid);
	if (mount("none", TOP "/fuse", "fuse", MS_NOSUID | MS_NODEV, options))
		fail("mount fuse");
	server = fork();
	if (server == 0)
		serve(fuse);
	shared->server = server;
	close(fuse);
	if (way == WAY_OVERLAY &&
	    mount("overlay", TOP "/merged", "overlay", 0, "lowerdir=" TOP "/fuse:" TOP "/empty"))
		fail("mount overlay");
	fd = open(way == WAY_OVERLAY ? TOP "/merged/file" : TOP "/fuse/file", O_RDONLY);
	if (fd < 0)
		fail("open file");
	at = mmap(NULL, FILE_SIZE, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0);
	if (at == MAP_FAILED)
		fail("mmap");
	if (way == WAY_TRACER)
		await_tracers(at, 1);
	if (way == WAY_LOCK)
		target = lock_memory(at);
	else
		(void)*(volatile char *)at;
	if (!connection_open(&connection))
		fail("connect");
	shared->stall = 1;
	snprintf(text, sizeof(text),
		 "{\"method\":\"io.mseald.Seal\",\"parameters\":{\"pid\":%d,\"dry_run\":true}}", target);
	for (int i = 0; i < REQUESTS; i++) {
		json_t *reply;
		char *words;

		connection_send(&connection, text, strlen(text) + 1);
		shared->ready = 1;
		reply = connection_receive(&connection, 600000, NULL);
		words = reply ? json_dumps(reply, JSON_COMPACT) : NULL;
		snprintf(shared->why, sizeof(shared->why), "%.190s", words ?: "none");
		free(words);
		json_decref(reply);
		shared->replies = i + 1;
	}
	for (;;)
		pause();
}

/* Calls a method by a connection of its own. Is there an answer, without an error? */
static bool calls(const char *method, const char *parameters, int milliseconds)
{
	struct connection connection;
	char request[300];
	json_t *reply;
	bool good;

	if (!connection_open(&connection))
		return false;
	snprintf(request, sizeof(request), "{\"method\":\"io.mseald.%s\",\"parameters\":{%s}}", method,
		 parameters);
	connection_send(&connection, request, strlen(request) + 1);
	reply = connection_receive(&connection, milliseconds, NULL);
	good = reply && !json_object_get(reply, "error");
	connection_close(&connection);
	json_decref(reply);
	return good;
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

/* Helpers of the daemon that are left; the states of at most seven. */
static int helpers(const char *name, char states[8], bool end)
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
		if (strncmp(comm, name, strlen(name)))
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

static void strike_daemon(enum way way)
{
	char own[100], states[8];
	int count = 0;
	pid_t client;

	memset(shared, 0, sizeof(*shared));
	client = fork();
	if (client == 0)
		attack(way, 1000 + way);
	for (int i = 0; i < 600 && !shared->ready; i++)
		usleep(100000);
	if (shared->ready != 1) {
		ok(false, "%s: the attack could not be made: %s", names[way], shared->why);
		return;
	}
	sleep(2);
	diag("%s: state %c, withheld request %d", names[way], state_of(daemon_pid()), shared->withheld);
	ok(calls("Status", "", 60000), "%s: the daemon answers others", names[way]);
	snprintf(own, sizeof(own), "\"pid\":%d,\"dry_run\":true", getpid());
	ok(calls("Seal", own, 60000), "%s: it reads other processes", names[way]);
	for (int i = 0; i < 900 && shared->replies < REQUESTS; i++)
		usleep(100000);
	ok(shared->replies == REQUESTS, "%s: each request is answered: %s", names[way], shared->why);
	count = helpers("mseald-reader", states, false);
	ok(count <= 2, "%s: its readers do not add up (%d, %s)", names[way], count, states);
	(void)kill(shared->server, SIGKILL);
	(void)kill(client, SIGKILL);
	(void)waitpid(client, NULL, 0);
	for (int i = 0; i < 300 && count > 1; i++) {
		usleep(100000);
		count = helpers("mseald-reader", states, false);
	}
	ok(count == 1, "%s: a reader that waits no more ends (%d, %s)", names[way], count, states);
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
			attack(WAY_TRACER, 1000 + WAY_TRACER);
		for (int i = 0; i < 600 && !shared->ready; i++)
			usleep(100000);
		servers[round] = shared->server;
		count = helpers("mseald-tracer", states, false);
		diag("withheld request %d, reply %s; %d tracers: %s", shared->withheld, shared->why, count,
		     states);
	}
	sleep(3);
	count = helpers("mseald-tracer", states, false);
	ok(count < rounds, "FUSE behind a restartable sequence: tracers do not add up (%d, %s)", count,
	   states);
	(void)helpers("mseald-tracer", states, true);
	sleep(2);
	count = helpers("mseald-tracer", states, false);
	diag("after SIGKILL: %d tracers: %s", count, states);
	for (int round = 0; round < rounds; round++) {
		kill(servers[round], SIGKILL);
		kill(clients[round], SIGKILL);
		waitpid(clients[round], NULL, 0);
	}
}

int main(void)
{
	int module = open("/tests/overlay.ko", O_RDONLY | O_CLOEXEC), device;

	if (module >= 0)
		(void)syscall(SYS_finit_module, module, "", 0);
	shared = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	(void)mkdir(TOP, 0755);
	(void)mkdir(TOP "/fuse", 0755);
	(void)mkdir(TOP "/merged", 0755);
	(void)mkdir(TOP "/empty", 0755);
	(void)mknod(TOP "/device", S_IFCHR | 0666, makedev(10, 229));
	(void)chmod(TOP "/device", 0666);
	device = open(TOP "/device", O_RDWR | O_CLOEXEC);
	if (device < 0) {
		skip("this kernel has no FUSE, or as a module", "files that never answer");
		return tap_end();
	}
	(void)close(device);
	daemon_start();
	ok(calls("Status", "", 20000), "the daemon answers");
	strike_daemon(WAY_FUSE);
	strike_daemon(WAY_LOCK);
	if (module >= 0)
		strike_daemon(WAY_OVERLAY);
	else
		skip("this kernel has no overlay, or not as a module", "FUSE below an overlay");
	/* Before 6.10 there is no mseal(2), and no tracer. */
	if (getenv("MSEALD_EXPECT_NATIVE"))
		strike_tracers(2);
	return tap_end();
}
