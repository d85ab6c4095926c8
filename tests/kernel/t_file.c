/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The file behind a sealed private mapping (row 14). It is written, truncated and punched in every possible
 * way, by descriptors from before and after the seal, by the sealed process, its child and others. Also:
 * operations that still work.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <linux/userfaultfd.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "asking.h"
#include "attack.h"
#include "daemon.h"
#include "puppet.h"
#include "ring.h"
#include "tap.h"
#include "lib/base/util.h"

#define PAGES 4
#define SIZE (PAGES * PAGE)
#define USER 1000
#define ANYBODY "mprotect,unmap,discard,file-write"

static const char *folder = "/run/t_file";

/* --- in the puppets: path, and a descriptor to write by, or -1 to open one; 0 or a negative errno --- */

static const char text[] = "overwritten";

/* A descriptor to write by. */
static long opened(const long a[6], long flags)
{
	return a[1] >= 0 ? a[1] : RAW(SYS_openat, AT_FDCWD, a[0], flags);
}

static long done(const long a[6], long fd, long result)
{
	if (a[1] < 0 && fd >= 0)
		(void)RAW(SYS_close, fd);
	return result < 0 ? result : 0;
}

static long by_write(const long a[6])
{
	long fd = opened(a, O_WRONLY);

	if (fd < 0)
		return fd;
	(void)RAW(SYS_lseek, fd, 0, SEEK_SET);
	return done(a, fd, RAW(SYS_write, fd, text, sizeof(text)));
}

static long by_pwrite(const long a[6])
{
	long fd = opened(a, O_RDWR);

	return fd < 0 ? fd : done(a, fd, RAW(SYS_pwrite64, fd, text, sizeof(text), PAGE));
}

static long by_ftruncate(const long a[6])
{
	long fd = opened(a, O_RDWR);

	return fd < 0 ? fd : done(a, fd, RAW(SYS_ftruncate, fd, 0));
}

static long by_truncate(const long a[6])
{
	return RAW(SYS_truncate, a[0], PAGE);
}

static long by_open_trunc(const long a[6])
{
	long fd = RAW(SYS_openat, AT_FDCWD, a[0], O_WRONLY | O_TRUNC);

	return fd < 0 ? fd : RAW(SYS_close, fd);
}

static long by_open_trunc_to_read(const long a[6])
{
	long fd = RAW(SYS_openat, AT_FDCWD, a[0], O_RDONLY | O_TRUNC);

	return fd < 0 ? fd : RAW(SYS_close, fd);
}

static long by_punch(const long a[6])
{
	long fd = opened(a, O_RDWR);

	return fd < 0 ? fd :
			done(a, fd,
			     RAW(SYS_fallocate, fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, PAGE));
}

static long store(long at)
{
	volatile char *byte = (volatile char *)at;

	*byte = 'x';
	return RAW(SYS_munmap, at, SIZE);
}

static long by_shared_mapping(const long a[6])
{
	long fd = opened(a, O_RDWR), at;

	if (fd < 0)
		return fd;
	at = RAW(SYS_mmap, 0, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	return done(a, fd, at < 0 ? at : store(at));
}

/* The mapping exists, not writable; third argument: its address. */
static long by_mprotect(const long a[6])
{
	long r = RAW(SYS_mprotect, a[2], SIZE, PROT_READ | PROT_WRITE);

	if (r < 0)
		return r;
	*(volatile char *)a[2] = 'x';
	return RAW(SYS_mprotect, a[2], SIZE, PROT_READ);
}

static long by_remove(const long a[6])
{
	return RAW(SYS_madvise, a[2], PAGE, MADV_REMOVE);
}

static long by_copy_range(const long a[6])
{
	long fd = opened(a, O_RDWR), offset = PAGE, to = 0;

	return fd < 0 ? fd : done(a, fd, RAW(SYS_copy_file_range, fd, &offset, fd, &to, sizeof(text), 0));
}

static long by_splice(const long a[6])
{
	long fd = opened(a, O_RDWR), offset = 0, r;
	int pipes[2];

	if (fd < 0)
		return fd;
	r = RAW(SYS_pipe2, pipes, 0);
	if (r == 0)
		r = RAW(SYS_write, pipes[1], text, sizeof(text));
	if (r > 0)
		r = RAW(SYS_splice, pipes[0], 0, fd, &offset, sizeof(text), 0);
	(void)RAW(SYS_close, pipes[0]);
	(void)RAW(SYS_close, pipes[1]);
	return done(a, fd, r);
}

static long by_sendfile(const long a[6])
{
	long fd = opened(a, O_RDWR), from, offset = PAGE, r;

	if (fd < 0)
		return fd;
	from = RAW(SYS_openat, AT_FDCWD, a[0], O_RDONLY);
	(void)RAW(SYS_lseek, fd, 0, SEEK_SET);
	r = from < 0 ? from : RAW(SYS_sendfile, fd, from, &offset, sizeof(text));
	(void)RAW(SYS_close, from);
	return done(a, fd, r);
}

static long by_ring(const long a[6])
{
	const long none[6] = { 0 };
	long fd = opened(a, O_RDWR), r;
	struct io_uring_sqe request = {
		.opcode = IORING_OP_WRITE, .fd = (int)fd, .addr = (uintptr_t)text, .len = sizeof(text)
	};

	if (fd < 0)
		return fd;
	r = ring_setup(none);
	return done(a, fd, r < 0 ? r : ring_submit(&request));
}

static const struct way {
	const char *name;
	puppet_function strike;
	bool by_path; /* an earlier descriptor makes no difference */
	int mapped;   /* through an earlier shared mapping, of this protection */
} ways[] = {
	{ "write", by_write },
	{ "pwrite", by_pwrite },
	{ "ftruncate", by_ftruncate },
	{ "truncate", by_truncate, .by_path = true },
	{ "open with O_TRUNC", by_open_trunc, .by_path = true },
	{ "open to read with O_TRUNC", by_open_trunc_to_read, .by_path = true },
	{ "fallocate punching a hole", by_punch },
	{ "a shared mapping", by_shared_mapping },
	{ "mprotect of a shared mapping", by_mprotect, .mapped = PROT_READ },
	{ "MADV_REMOVE of a shared mapping", by_remove, .mapped = PROT_READ | PROT_WRITE },
	{ "copy_file_range", by_copy_range },
	{ "splice", by_splice },
	{ "sendfile", by_sendfile },
	{ "io_uring", by_ring },
};

/* --- scenes --- */

struct scene {
	char path[128];
	struct puppet *victim, *other;
	uint64_t at;		   /* the private mapping of the victim */
	long fd, other_fd;	   /* writable, from before; -1: none */
	long shared, other_shared; /* shared mappings from before; 0: none */
	char before[SIZE];
};

/* Restores the file, as root, who is no party to the seal. */
static void fill(const char *path)
{
	char page[PAGE];
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);

	if (fd < 0)
		bail("%s: %s", path, strerror(errno));
	for (int i = 0; i < PAGES; i++) {
		memset(page, 'a' + i, sizeof(page));
		if (write(fd, page, sizeof(page)) != sizeof(page))
			bail("%s: %s", path, strerror(errno));
	}
	(void)close(fd);
}

/* The contents that the process would read there; false: none any more (truncated). */
static bool peek(const struct scene *scene, char contents[SIZE])
{
	char path[64];
	ssize_t n;
	int fd;

	(void)snprintf(path, sizeof(path), "/proc/%d/mem", (int)scene->victim->pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : pread(fd, contents, SIZE, (off_t)scene->at);
	(void)close(fd);
	return n == SIZE;
}

static bool unchanged(const struct scene *scene)
{
	char now[SIZE];
	struct stat st;

	return peek(scene, now) && memcmp(now, scene->before, SIZE) == 0 && stat(scene->path, &st) == 0 &&
	       st.st_size == SIZE;
}

static uint64_t map_file(struct puppet *puppet, const char *path, int protection, int flags)
{
	long fd, at;

	(void)strcpy(puppet_data(puppet), path);
	fd = puppet_call(puppet, SYS_openat, AT_FDCWD, (long)puppet_data(puppet),
			 flags == MAP_SHARED ? O_RDWR : O_RDONLY);
	at = fd < 0 ? fd : puppet_call(puppet, SYS_mmap, 0, SIZE, protection, flags, fd, 0);
	if (at < 0)
		bail("cannot map %s: %s", path, puppet_text(puppet, at));
	(void)puppet_call(puppet, SYS_close, fd);
	return (uint64_t)at;
}

static long open_in(struct puppet *puppet, const char *path, long flags)
{
	(void)strcpy(puppet_data(puppet), path);
	return puppet_call(puppet, SYS_openat, AT_FDCWD, (long)puppet_data(puppet), flags);
}

static void scene_open(struct scene *scene, const char *name, bool before, int mapped)
{
	*scene = (struct scene){ .fd = -1, .other_fd = -1 };
	(void)snprintf(scene->path, sizeof(scene->path), "%s/%s", folder, name);
	fill(scene->path);
	scene->victim = puppet_new();
	scene->other = puppet_new();
	scene->at = map_file(scene->victim, scene->path, PROT_READ, MAP_PRIVATE);
	if (before) {
		scene->fd = open_in(scene->victim, scene->path, O_RDWR);
		scene->other_fd = open_in(scene->other, scene->path, O_RDWR);
	}
	if (mapped) {
		scene->shared = (long)map_file(scene->victim, scene->path, mapped, MAP_SHARED);
		scene->other_shared = (long)map_file(scene->other, scene->path, mapped, MAP_SHARED);
	}
	if (!peek(scene, scene->before))
		bail("%s: its mapping cannot be read", scene->path);
}

static void scene_close(struct scene *scene)
{
	scene->victim = puppet_end(scene->victim);
	scene->other = puppet_end(scene->other);
	(void)unlink(scene->path);
}

static long strike(const struct scene *scene, struct puppet *puppet, puppet_function function)
{
	bool other = puppet == scene->other;

	(void)strcpy(puppet_data(puppet), scene->path);
	return puppet_run(puppet, function, (long)puppet_data(puppet), other ? scene->other_fd : scene->fd,
			  other ? scene->other_shared : scene->shared);
}

static const char *seal(const struct scene *scene, const char *deny, const char *action)
{
	const struct range range = { scene->at, scene->at + SIZE };

	return daemon_seal(&(struct seal_order){ .pid = scene->victim->pid,
						 .ranges = &range,
						 .count = 1,
						 .deny = deny,
						 .action = action,
						 .revocable = true },
			   NULL);
}

static void must_seal_file(const struct scene *scene, const char *deny)
{
	const char *error = seal(scene, deny, NULL);

	if (error)
		bail("sealing: %s %s", error, daemon_error_message());
}

/* Is the program attached, by any daemon so far? */
static bool pinned(const char *program)
{
	char path[128];

	for (unsigned generation = 1; generation < 64; generation++) {
		(void)snprintf(path, sizeof(path), "/sys/fs/bpf/mseald/links/%u/%s", generation, program);
		if (access(path, F_OK) == 0)
			return true;
	}
	return false;
}

static bool unpinned_within(const char *program, int seconds)
{
	for (int i = 0; i < seconds * 20 && pinned(program); i++)
		nap(50);
	return !pinned(program);
}

/* --- every way --- */

static void one_way(const struct way *way, bool before)
{
	const char *when = way->by_path ? "" : way->mapped || before ? ", opened before" : ", opened after";
	struct puppet *child;
	struct scene scene;
	long r;

	scene_open(&scene, "target", before, way->mapped);
	r = strike(&scene, scene.victim, way->strike);
	if (r == -EOPNOTSUPP || r == -ENOSYS || r == -EINVAL) {
		skip("this kernel or file system does not do it", "%s%s", way->name, when);
		scene_close(&scene);
		return;
	}
	ok(r == 0 && !unchanged(&scene), "%s%s: changes the memory as long as it is not sealed (%s)",
	   way->name, when, puppet_text(scene.victim, r));
	fill(scene.path);
	ok(unchanged(&scene), "%s%s: and back", way->name, when);
	must_seal_file(&scene, NULL);
	r = strike(&scene, scene.victim, way->strike);
	ok(r == -EPERM && unchanged(&scene), "%s%s: denied to the sealed process (%s)", way->name, when,
	   puppet_text(scene.victim, r));
	child = puppet_child(scene.victim, 0);
	r = strike(&scene, child, way->strike);
	ok(r == -EPERM && unchanged(&scene), "%s%s: denied to its child (%s)", way->name, when,
	   puppet_text(child, r));
	puppet_end(child);
	r = strike(&scene, scene.other, way->strike);
	ok(r == 0 && !unchanged(&scene), "%s%s: another process may (%s)", way->name, when,
	   puppet_text(scene.other, r));
	fill(scene.path);
	must_seal_file(&scene, "file-write");
	r = strike(&scene, scene.other, way->strike);
	ok(r == -EPERM && unchanged(&scene), "%s%s: with file-write it may not (%s)", way->name, when,
	   puppet_text(scene.other, r));
	scene_close(&scene);
}

/* In the short form, each way in one of its states on this file system, and in the other on the next. */
static void all_ways(unsigned which)
{
	for (size_t i = 0; i < ELEMENTS(ways); i++) {
		bool one_state = ways[i].by_path || ways[i].mapped, first = (i + which + turn()) % 2 == 0;

		if (one_state || brief(1, first))
			one_way(&ways[i], false);
		if (!one_state && brief(1, !first))
			one_way(&ways[i], true);
	}
}

/* --- operations that still work --- */

static bool copy_over(const char *path)
{
	int fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
	bool good = fd >= 0 && write(fd, text, sizeof(text)) == (ssize_t)sizeof(text);

	if (fd >= 0)
		(void)close(fd);
	return good;
}

static bool writable_within(const char *path, int seconds)
{
	for (int i = 0; i < seconds * 20; i++) {
		if (copy_over(path))
			return true;
		nap(50);
	}
	return false;
}

static void goes_on(void)
{
	char beside[128], hold[128];
	struct scene scene;
	char contents[SIZE];
	int fd;

	scene_open(&scene, "library", false, 0);
	(void)snprintf(beside, sizeof(beside), "%s/beside", folder);
	(void)snprintf(hold, sizeof(hold), "%s/hold", folder);
	fill(beside);
	must_seal_file(&scene, ANYBODY);
	ok(!copy_over(scene.path) && errno == EPERM, "file-write: root cannot write over it (%s)",
	   strerror(errno));
	ok(!pinned("mseald_file_write"), "nobody had it open: no program is in the way of writes");
	ok(open_in(scene.victim, beside, O_RDWR | O_TRUNC) >= 0 && copy_over(beside),
	   "other files can be written");
	fd = open(scene.path, O_RDONLY | O_CLOEXEC);
	ok(fd >= 0 && read(fd, contents, SIZE) == SIZE && memcmp(contents, scene.before, SIZE) == 0,
	   "it can be read");
	ok(fchmod(fd, 0644) == 0 && futimens(fd, NULL) == 0, "its mode and times can be changed");
	(void)close(fd);
	ok(link(scene.path, hold) == 0, "it can be linked");
	ok(rename(beside, scene.path) == 0, "a new version can be renamed over it, as packages are upgraded");
	ok(copy_over(scene.path), "the new version can be written");
	ok(!copy_over(hold) && errno == EPERM, "the old one, by another name, cannot (%s)", strerror(errno));
	ok(peek(&scene, contents) && memcmp(contents, scene.before, SIZE) == 0,
	   "the old version is still mapped");
	ok(truncate(hold, 0) < 0 && errno == EPERM, "nor truncated (%s)", strerror(errno));
	puppet_end(scene.victim);
	ok(writable_within(hold, 20), "when the sealed process has ended it can be written");
	ok(unlink(hold) == 0, "and removed");
	scene.victim = puppet_new();
	scene_close(&scene);
}

static void unlinked(void)
{
	struct scene scene;

	scene_open(&scene, "library", false, 0);
	must_seal_file(&scene, ANYBODY);
	ok(unlink(scene.path) == 0, "it can be unlinked");
	fill(scene.path);
	ok(copy_over(scene.path), "and a new one made in its place, and written");
	scene_close(&scene);
}

static void data_stays_writable(void)
{
	struct scene scene;

	scene_open(&scene, "data", false, 0);
	(void)puppet_call(scene.victim, SYS_mprotect, (long)scene.at, SIZE, PROT_READ | PROT_WRITE);
	must_seal_file(&scene, ANYBODY);
	ok(strike(&scene, scene.victim, by_pwrite) == 0,
	   "a mapping that was writable as it was sealed: its file can be written");
	ok(copy_over(scene.path), "and by others");
	scene_close(&scene);
	scene_open(&scene, "data", false, 0);
	scene.at = map_file(scene.victim, scene.path, PROT_READ, MAP_SHARED);
	must_seal_file(&scene, ANYBODY);
	ok(strike(&scene, scene.victim, by_pwrite) == 0, "a shared mapping: its file can be written");
	scene_close(&scene);
	scene_open(&scene, "data", false, 0);
	must_seal_file(&scene, "mprotect,unmap");
	ok(strike(&scene, scene.victim, by_pwrite) == 0, "a seal without discard: its file can be written");
	scene_close(&scene);
}

static void exec_and_unseal(void)
{
	struct scene scene;
	long r;

	scene_open(&scene, "library", true, 0);
	must_seal_file(&scene, NULL);
	ok(strike(&scene, scene.victim, by_pwrite) == -EPERM, "sealed: denied");
	ok(!daemon_unseal(scene.victim->pid, NULL, 0), "taken back");
	ok(strike(&scene, scene.victim, by_pwrite) == 0, "and it can be written again");
	fill(scene.path);
	must_seal_file(&scene, "file-write");
	ok(!copy_over(scene.path), "file-write alone: denied to root");
	ok(strike(&scene, scene.victim, by_pwrite) == -EPERM, "and to the process itself");
	ok(!daemon_unseal(scene.victim->pid, NULL, 0), "taken back");
	ok(writable_within(scene.path, 20), "root can write it again");
	fill(scene.path);
	must_seal_file(&scene, NULL);
	ok(puppet_exec(scene.victim) == 0, "it runs another program");
	r = puppet_call(scene.victim, SYS_ftruncate, scene.fd, 0);
	ok(r == 0, "which can write to the file: it has nothing sealed (%s)", puppet_text(scene.victim, r));
	scene_close(&scene);
}

static void actions(void)
{
	struct scene scene;
	struct monitor monitor;
	json_t *event;

	scene_open(&scene, "library", true, 0);
	monitor_open(&monitor, 0);
	ok(!seal(&scene, ANYBODY, "audit"), "audit: sealed");
	ok(strike(&scene, scene.victim, by_pwrite) == 0, "audit: the process may write");
	event = monitor_next(&monitor, 5000);
	ok(event && !strcmp(json_text(event, "operation"), "file-write") &&
		   !strcmp(json_text(event, "verdict"), "audited") &&
		   json_number(event, "pid") == scene.victim->pid &&
		   json_number(event, "address") == (int64_t)scene.at,
	   "audit: and it is reported (%s %s)", json_text(event, "operation"), json_text(event, "verdict"));
	json_decref(event);
	ok(copy_over(scene.path), "audit: others may write");
	event = monitor_next(&monitor, 5000);
	ok(event && !strcmp(json_text(event, "operation"), "file-write") &&
		   json_number(event, "pid") == getpid(),
	   "audit: and that is reported");
	json_decref(event);
	fill(scene.path);
	must_seal_file(&scene, ANYBODY);
	ok(!copy_over(scene.path) && errno == EPERM, "deny beside audit: denied");
	monitor_close(&monitor);
	scene_close(&scene);

	scene_open(&scene, "library", true, 0);
	ok(!seal(&scene, ANYBODY, "kill"), "kill: sealed");
	ok(strike(&scene, scene.other, by_pwrite) == -EPERM && !scene.other->dead,
	   "kill: another process is only refused");
	ok(strike(&scene, scene.victim, by_pwrite) == PUPPET_DEAD && WIFSIGNALED(scene.victim->status) &&
		   WTERMSIG(scene.victim->status) == SIGKILL,
	   "kill: the process itself is killed");
	scene_close(&scene);
}

static void as_needed(void)
{
	struct scene scene;

	scene_open(&scene, "library", false, 0);
	must_seal_file(&scene, NULL);
	ok(pinned("mseald_file_open") && !pinned("mseald_file_write") && !pinned("mseald_file_map"),
	   "a file that nobody has open: only opens are looked at");
	scene_close(&scene);
	scene_open(&scene, "library", true, 0);
	must_seal_file(&scene, NULL);
	ok(pinned("mseald_file_write") && pinned("mseald_file_map") && pinned("mseald_file_unprotect"),
	   "one that is open for writing: writes are");
	scene_close(&scene);
	ok(unpinned_within("mseald_file_write", 20), "until nobody has it sealed");
}

/* A memfd is not counted as a writer of its inode. */
static void memory_file(void)
{
	struct scene scene;
	long fd, at;

	scene_open(&scene, "library", false, 0);
	(void)strcpy(puppet_data(scene.victim), "memory");
	fd = puppet_call(scene.victim, SYS_memfd_create, (long)puppet_data(scene.victim), 0);
	(void)puppet_call(scene.victim, SYS_ftruncate, fd, SIZE);
	at = puppet_call(scene.victim, SYS_mmap, 0, SIZE, PROT_READ, MAP_PRIVATE, fd, 0);
	scene.fd = fd;
	scene.at = (uint64_t)at;
	ok(fd >= 0 && at > 0 && strike(&scene, scene.victim, by_pwrite) == 0,
	   "memfd: written before the seal");
	must_seal_file(&scene, NULL);
	ok(strike(&scene, scene.victim, by_pwrite) == -EPERM, "memfd: not by the same descriptor after it");
	ok(strike(&scene, scene.victim, by_shared_mapping) == -EPERM, "memfd: nor mapped");
	ok(strike(&scene, scene.victim, by_ftruncate) == -EPERM, "memfd: nor truncated");
	scene_close(&scene);
}

/* In the puppet: puts a page into a hole of the file, through a shared mapping that only reads. */
static long by_userfaultfd(const long a[6])
{
	static char page[PAGE] __attribute__((aligned(PAGE)));
	long fd = RAW(SYS_userfaultfd, O_CLOEXEC), at;
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register range = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	struct uffdio_copy copy = { .src = (uintptr_t)page, .len = PAGE };

	at = fd < 0 ? fd : RAW(SYS_mmap, 0, SIZE, PROT_READ, MAP_SHARED, a[1], 0);
	if (at < 0)
		return at;
	page[0] = 'x';
	range.range = (struct uffdio_range){ (uint64_t)at, SIZE };
	copy.dst = (uint64_t)at;
	at = RAW(SYS_ioctl, fd, UFFDIO_API, &api);
	at = at ?: RAW(SYS_ioctl, fd, UFFDIO_REGISTER, &range);
	return at ?: RAW(SYS_ioctl, fd, UFFDIO_COPY, &copy);
}

static void hole_in_memory(void)
{
	struct scene scene;
	int fd;
	long r;

	for (int sealed = 0; sealed < 2; sealed++) {
		scene_open(&scene, "library", true, 0);
		fd = open(scene.path, O_RDWR | O_CLOEXEC);
		if (fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, PAGE))
			bail("%s: %s", scene.path, strerror(errno));
		(void)close(fd);
		memset(scene.before, 0, PAGE); /* a look would fill it */
		if (sealed)
			must_seal_file(&scene, "file-write");
		r = strike(&scene, scene.other, by_userfaultfd);
		ok(sealed ? r == -EPERM && unchanged(&scene) : r == 0 && !unchanged(&scene),
		   "a hole filled by userfaultfd: %s (%s)",
		   sealed ? "with file-write it may not" : "not sealed", puppet_text(scene.other, r));
		scene_close(&scene);
	}
}

/* In the puppet: receives a descriptor over its socket. Returns it, or a negative errno. */
static long receive(const long a[6])
{
	char byte, control[CMSG_SPACE(sizeof(int))] = { 0 };
	struct iovec data = { &byte, 1 };
	struct msghdr message = {
		.msg_iov = &data, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control)
	};
	long n = RAW(SYS_recvmsg, a[0], &message, 0);
	int fd;

	if (n < 0)
		return n;
	if (message.msg_controllen < CMSG_LEN(sizeof(int)))
		return -ENOENT;
	memcpy(&fd, CMSG_DATA((struct cmsghdr *)control), sizeof(fd));
	return fd;
}

static void send_fd(int to, int fd)
{
	char byte = 0, control[CMSG_SPACE(sizeof(int))] = { 0 };
	struct iovec data = { &byte, 1 };
	struct msghdr message = {
		.msg_iov = &data, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control)
	};
	struct cmsghdr *header = (struct cmsghdr *)control;

	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(header), &fd, sizeof(fd));
	if (sendmsg(to, &message, 0) < 0)
		bail("cannot send a descriptor: %s", strerror(errno));
}

static void received(void)
{
	struct scene scene;
	int ends[2], fd;

	if (socketpair(AF_UNIX, SOCK_DGRAM, 0, ends) < 0)
		bail("no sockets");
	scene_open(&scene, "library", false, 0);
	fd = open(scene.path, O_RDWR | O_CLOEXEC);
	send_fd(ends[0], fd);
	ok(puppet_run(scene.victim, receive, ends[1]) >= 0, "a descriptor to write by is received, before");
	(void)close(fd);
	puppet_end(scene.victim);
	scene.victim = puppet_new();
	scene.at = map_file(scene.victim, scene.path, PROT_READ, MAP_PRIVATE);
	must_seal_file(&scene, NULL);
	fd = open(scene.path, O_RDWR | O_CLOEXEC);
	send_fd(ends[0], fd);
	ok(puppet_run(scene.victim, receive, ends[1]) == -ENOENT, "and not when its file is sealed");
	(void)close(fd);
	fd = open(scene.path, O_RDONLY | O_CLOEXEC);
	send_fd(ends[0], fd);
	ok(puppet_run(scene.victim, receive, ends[1]) >= 0, "one to read by is");
	(void)close(fd);
	(void)close(ends[0]);
	(void)close(ends[1]);
	scene_close(&scene);
}

static void daemon_gone(void)
{
	struct scene scene, ended;

	scene_open(&scene, "library", true, 0);
	must_seal_file(&scene, ANYBODY);
	scene_open(&ended, "of-the-ended", true, 0);
	must_seal_file(&ended, ANYBODY);
	daemon_stop(SIGKILL);
	ok(!copy_over(scene.path) && strike(&scene, scene.victim, by_pwrite) == -EPERM &&
		   strike(&scene, scene.other, by_pwrite) == -EPERM,
	   "the daemon killed: denied to all");
	puppet_end(ended.victim);
	ended.victim = puppet_new();
	daemon_start();
	nap(1000);
	ok(!copy_over(scene.path) && strike(&scene, scene.victim, by_pwrite) == -EPERM &&
		   strike(&scene, scene.other, by_pwrite) == -EPERM,
	   "a new one: denied to all");
	ok(writable_within(ended.path, 20),
	   "the process ended while there was none: the next lets its file be written");
	scene_close(&ended);
	scene_close(&scene);
}

static long seal_self(const long a[6])
{
	const struct range range = { (uint64_t)a[0], (uint64_t)a[0] + SIZE };

	return daemon_seal(
		       &(struct seal_order){ .pid = getpid(), .ranges = &range, .count = 1, .deny = ANYBODY },
		       NULL) ?
		       -1 :
		       0;
}

/* A user must not deny root access to files of others. */
static void users(void)
{
	struct scene scene;

	scene_open(&scene, "library", false, 0);
	(void)chmod(folder, 0777);
	puppet_become(scene.victim, USER, USER);
	ok(puppet_run(scene.victim, seal_self, (long)scene.at) == 0, "a user seals with file-write");
	ok(copy_over(scene.path), "a file of another user: root can write it");
	fill(scene.path);
	(void)chmod(scene.path, 0666);
	ok(strike(&scene, scene.victim, by_pwrite) == -EPERM, "the process itself cannot");
	scene_close(&scene);

	scene_open(&scene, "library", false, 0);
	(void)chown(scene.path, USER, USER);
	puppet_become(scene.victim, USER, USER);
	ok(puppet_run(scene.victim, seal_self, (long)scene.at) == 0, "a user seals with file-write");
	ok(!copy_over(scene.path) && errno == EPERM, "the user's own file: root cannot");
	scene_close(&scene);
}

/* --- ext2, where the owner can give a file another generation --- */

#define EXT2 "/run/t_file/ext2"

/* If tests/kernel/run has found it. */
static void load_module(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return;
	if (syscall(SYS_finit_module, fd, "", 0) < 0 && errno != EEXIST)
		diag("%s: %s", path, strerror(errno));
	(void)close(fd);
}

/* In the puppet. The descriptor that does it cannot write. */
static long set_generation(const long a[6])
{
	const int generation = 0x12345678;
	int now = 0;
	long fd = RAW(SYS_openat, AT_FDCWD, a[0], O_RDONLY), r;

	if (fd < 0)
		return fd;
	r = RAW(SYS_ioctl, fd, FS_IOC_SETVERSION, &generation);
	r = r ?: RAW(SYS_ioctl, fd, FS_IOC_GETVERSION, &now);
	(void)RAW(SYS_close, fd);
	return r ?: now == generation ? 0 : -EIO;
}

static void generation_of_files(void)
{
	static const puppet_function strikes[] = { by_pwrite, by_truncate, by_open_trunc_to_read,
						   by_shared_mapping };
	struct scene scene;
	long r;

	for (size_t i = 0; i < 2 * ELEMENTS(strikes); i++) {
		bool anybody = i % 2;
		puppet_function function = strikes[i / 2];
		const char *who = anybody ? "another process" : "the sealed process";
		struct puppet *puppet;

		scene_open(&scene, "library", false, 0);
		(void)chown(scene.path, USER, USER);
		puppet_become(scene.victim, USER, USER);
		puppet_become(scene.other, USER, USER);
		puppet = anybody ? scene.other : scene.victim;
		r = strike(&scene, puppet, function);
		ok(r == 0 && !unchanged(&scene), "%s writes to its file, not sealed (%s)", who,
		   puppet_text(puppet, r));
		fill(scene.path);
		must_seal_file(&scene, anybody ? ANYBODY : NULL);
		r = strike(&scene, puppet, set_generation);
		ok(r == 0, "%s gives the sealed file another generation (%s)", who, puppet_text(puppet, r));
		r = strike(&scene, puppet, function);
		ok(r == -EPERM && unchanged(&scene), "and still may not write to it (%s)",
		   puppet_text(puppet, r));
		scene_close(&scene);
	}
}

static void ext2(void)
{
	load_module("/tests/loop.ko");
	(void)mkdir(EXT2, 0755);
	if (access("/dev/loop-control", F_OK)) {
		skip("this kernel has no loop devices here", "the generation of a file");
		return;
	}
	if (system("truncate -s 2M " EXT2 ".image && mke2fs -F " EXT2 ".image >/dev/null && "
		   "mount -t ext4 -o loop " EXT2 ".image " EXT2)) {
		skip("this kernel does not mount ext2", "the generation of a file");
		return;
	}
	folder = EXT2;
	generation_of_files();
	folder = "/run/t_file";
	if (umount(EXT2))
		diag("umount: %s", strerror(errno));
}

/* --- overlayfs --- */

static bool mount_overlay(void)
{
	load_module("/tests/overlay.ko");
	(void)mkdir("/run/t_file/lower", 0755);
	(void)mkdir("/run/t_file/upper", 0755);
	(void)mkdir("/run/t_file/work", 0755);
	(void)mkdir("/run/t_file/merged", 0755);
	return mount("overlay", "/run/t_file/merged", "overlay", 0,
		     "lowerdir=/run/t_file/lower,upperdir=/run/t_file/upper,workdir=/run/t_file/work") == 0;
}

/* Writes go into an upper copy, and the sealed file is unchanged. */
static void lower_file(void)
{
	struct scene scene;
	char contents[SIZE];

	fill("/run/t_file/lower/below");
	scene_open(&scene, "above", false, 0);
	scene.at = map_file(scene.victim, "/run/t_file/merged/below", PROT_READ, MAP_PRIVATE);
	must_seal_file(&scene, ANYBODY);
	ok(copy_over("/run/t_file/merged/below"),
	   "overlayfs: a file of the lower layer is copied up, and the copy written");
	ok(peek(&scene, contents) && memcmp(contents, scene.before, SIZE) == 0,
	   "overlayfs: the sealed memory has not changed");
	ok(!copy_over("/run/t_file/lower/below") && errno == EPERM,
	   "overlayfs: the file of the lower layer itself cannot be written");
	scene_close(&scene);
}

static void overlay(void)
{
	if (!mount_overlay()) {
		skip(strerror(errno), "overlayfs");
		return;
	}
	folder = "/run/t_file/merged";
	diag("the same on overlayfs");
	all_ways(1);
	received();
	lower_file();
	folder = "/run/t_file";
}

int main(int argc, char **argv)
{
	struct puppet *keeper;

	puppet_main(argc, argv);
	(void)mkdir(folder, 0755);
	daemon_start();
	as_needed();
	/* One process stays sealed, so that the programs of all seals stay attached. */
	keeper = puppet_new();
	must_seal(keeper->pid, puppet_pages(keeper, 1, PROT_READ), PAGE);
	all_ways(0);
	goes_on();
	unlinked();
	data_stays_writable();
	exec_and_unseal();
	actions();
	memory_file();
	hole_in_memory();
	received();
	users();
	ext2();
	overlay();
	puppet_end(keeper);
	/* Last, because the next daemon would have to load all its programs. */
	daemon_gone();
	daemon_stop(SIGTERM);
	return tap_end();
}
