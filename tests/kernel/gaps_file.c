/* SPDX-License-Identifier: LGPL-2.1-or-later */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/loop.h>
#include <linux/userfaultfd.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "asking.h"
#include "daemon.h"
#include "attack.h"
#include "fuse_file.h"
#include "gaps.h"
#include "ring.h"
#include "tap.h"

#define THREAD (CLONE_VM | CLONE_THREAD | CLONE_SIGHAND | CLONE_FS | CLONE_FILES)
#define PATH "/run/t_gaps"
#define SIZE (4 * PAGE)
#define HOLE (3 * PAGE_) /* in the file */

struct scene {
	struct puppet *victim, *other;
	long at; /* of the victim's private mapping */
};

static long open_in(struct puppet *puppet, int flags)
{
	strcpy(puppet_data(puppet), PATH);
	return puppet_call(puppet, SYS_openat, AT_FDCWD, (long)puppet_data(puppet), flags);
}

/* The victim takes part in these (CLONE_*) of the other process. */
static struct scene scene_open(unsigned long flags)
{
	struct scene scene = { .other = puppet_new() };
	int fd = open(PATH, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	char bytes[HOLE];
	long mapped;

	memset(bytes, 'a', sizeof(bytes));
	if (write(fd, bytes, sizeof(bytes)) != sizeof(bytes) || ftruncate(fd, SIZE))
		bail(PATH ": %s", strerror(errno));
	close(fd);
	scene.victim = puppet_child(scene.other, flags);
	mapped = open_in(scene.victim, O_RDONLY);
	scene.at = puppet_call(scene.victim, SYS_mmap, 0, SIZE, PROT_READ, MAP_PRIVATE, mapped, 0);
	if (scene.at < 0)
		bail(PATH ": %s", puppet_text(scene.victim, scene.at));
	return scene;
}

static void scene_close(struct scene *scene)
{
	puppet_end(scene->victim);
	puppet_end(scene->other);
	unlink(PATH);
}

static void seal_file(const struct scene *scene, const char *deny)
{
	long result;

	must_seal_against(scene->victim, scene->at, SIZE, deny, NULL);
	result = open_in(scene->victim, O_RDWR);
	if (result != -EPERM || (strstr(deny, "file-write") && open_in(scene->other, O_RDWR) != -EPERM))
		bail("%s: the file is not sealed (%s)", gap, puppet_text(scene->victim, result));
}

/* Does the victim read X there? */
static bool changed(const struct scene *scene, long offset)
{
	return puppet_run(scene->victim, puppet_peek, scene->at + offset) == 'X';
}

void gap_without_file_write(void)
{
	struct scene scene = scene_open(0);
	const int punch = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;
	long fd = open_in(scene.victim, O_RDWR), result;
	struct puppet *child;

	seal_file(&scene, "mprotect,unmap,discard");
	result = puppet_run(scene.other, write_x, open_in(scene.other, O_RDWR), 0);
	gap_ok(result == 1 && changed(&scene, 0), "another process writes it (%s)",
	       puppet_text(scene.other, result));
	child = puppet_child(scene.victim, 0);
	result = puppet_call(child, SYS_fallocate, fd, punch, PAGE, PAGE);
	ok(result == -EPERM && !puppet_exec(child), "%s: a child may not (%s)", gap,
	   puppet_text(child, result));
	result = puppet_call(child, SYS_fallocate, fd, punch, PAGE, PAGE);
	gap_ok(result == 0 && puppet_run(scene.victim, puppet_peek, scene.at + PAGE_) == 0,
	       "a program that the child executes does (%s)", puppet_text(child, result));
	puppet_end(child);
	scene_close(&scene);
}

/* Nobody has the file open when it is sealed: no program looks at writes. */
void gap_lent(void)
{
	struct scene scene;
	long fd, result;

	if (!status_becomes("attached", 0, 30))
		bail("%s: programs of an earlier test stay", gap);
	scene = scene_open(CLONE_FILES);
	seal_file(&scene, "mprotect,unmap,discard");
	fd = open_in(scene.other, O_RDWR);
	result = puppet_run(scene.victim, write_x, fd, 0);
	gap_ok(result == 1 && changed(&scene, 0),
	       "the sealed process writes by one shared by CLONE_FILES (%s)",
	       puppet_text(scene.victim, result));
	scene_close(&scene);
}

/* The other process has the file mapped shared, from before. */
static long map_shared(const struct scene *scene, int protection)
{
	long fd = open_in(scene->other, O_RDWR);
	long at = puppet_call(scene->other, SYS_mmap, 0, SIZE, protection, MAP_SHARED, fd, 0);

	puppet_call(scene->other, SYS_close, fd);
	if (at < 0)
		bail(PATH ": %s", puppet_text(scene->other, at));
	return at;
}

static bool log_has(const char *text)
{
	FILE *log = fopen(DAEMON_LOG, "re");
	char line[1024];
	bool found = false;

	while (log && !found && fgets(line, sizeof(line), log))
		found = strstr(line, text);
	if (log)
		fclose(log);
	return found;
}

static void stored(void)
{
	struct scene scene = scene_open(0);
	long shared = map_shared(&scene, READ_WRITE), result;

	seal_file(&scene, "file-write");
	result = puppet_run(scene.other, fill_pages, shared, PAGE_, 'X');
	gap_ok(result == 0 && changed(&scene, 0), "stores through an earlier shared mapping (%s)",
	       puppet_text(scene.other, result));
	ok(log_has("a shared writable mapping of it can change"), "%s: the log says so", gap);
	scene_close(&scene);
}

static void stored_pinned(void)
{
	struct scene scene = scene_open(0);
	long shared = map_shared(&scene, READ_WRITE), result;

	result = puppet_run(scene.other, ring_setup) ?: puppet_run(scene.other, ring_pin, shared, PAGE_);
	if (result) {
		gap_skip(puppet_text(scene.other, result), "pages pinned by io_uring");
	} else {
		puppet_call(scene.other, SYS_munmap, shared, SIZE);
		seal_file(&scene, "file-write");
		result = write_pinned(scene.other, shared);
		gap_ok(result == 1 && changed(&scene, 0), "pages of such a mapping, pinned by io_uring (%s)",
		       puppet_text(scene.other, result));
	}
	scene_close(&scene);
}

/* address, length: a descriptor by which missing pages there are put. */
static long await_missing(const long arguments[6])
{
	long fd = RAW(SYS_userfaultfd, O_CLOEXEC), result;
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register range = { .mode = UFFDIO_REGISTER_MODE_MISSING,
					 .range = { (uint64_t)arguments[0], (uint64_t)arguments[1] } };

	result = fd < 0 ? fd : RAW(SYS_ioctl, fd, UFFDIO_API, &api);
	result = result ?: RAW(SYS_ioctl, fd, UFFDIO_REGISTER, &range);
	return result ?: fd;
}

/* descriptor, address: puts a page of X there. */
static long put_missing(const long arguments[6])
{
	static char page[PAGE] __attribute__((aligned(PAGE)));
	struct uffdio_copy copy = { .dst = (uint64_t)arguments[1], .src = (uintptr_t)page, .len = PAGE };

	memset(page, 'X', sizeof(page));
	return RAW(SYS_ioctl, arguments[0], UFFDIO_COPY, &copy);
}

static void put_by_userfaultfd(void)
{
	struct scene scene = scene_open(0);
	long shared = map_shared(&scene, PROT_READ), fd, result;

	seal_file(&scene, "file-write");
	fd = puppet_run(scene.other, await_missing, shared + HOLE, PAGE_);
	result = fd < 0 ? fd : puppet_run(scene.other, put_missing, fd, shared + HOLE);
	gap_ok(result == 0 && changed(&scene, HOLE),
	       "userfaultfd, by an earlier shared read-only mapping (%s)", puppet_text(scene.other, result));
	scene_close(&scene);
}

/* descriptor, address */
static long write_pages(const long arguments[6])
{
	return RAW(SYS_pwrite64, arguments[0], arguments[1], 2 * PAGE, 0);
}

static void write_under_way(void)
{
	struct scene scene = scene_open(0);
	struct puppet *helper = puppet_clone(scene.other, THREAD, NULL);
	long from = new_pages(scene.other, 2, ANONYMOUS), fd = open_in(scene.other, O_RDWR), missing, result;

	puppet_call(scene.other, SYS_madvise, from + PAGE_, PAGE, MADV_DONTNEED);
	missing = puppet_run(scene.other, await_missing, from + PAGE_, PAGE_);
	puppet_start(scene.other, write_pages, fd, from);
	nap(300);
	must_seal_against(scene.victim, scene.at, SIZE, "file-write", NULL);
	result = missing < 0 ? missing : puppet_run(helper, put_missing, missing, from + PAGE_);
	if (result)
		bail("%s: no userfaultfd (%s)", gap, puppet_text(helper, result));
	result = puppet_result(scene.other);
	gap_ok(result == 2 * PAGE_ && changed(&scene, PAGE_), "a write that began before the seal (%s)",
	       puppet_text(scene.other, result));
	result = puppet_run(helper, write_x, fd, 2 * PAGE_);
	ok(result == -EPERM, "%s: a write that begins after the seal is denied (%s)", gap,
	   puppet_text(helper, result));
	puppet_end(helper);
	scene_close(&scene);
}

static void changed_below(void)
{
	struct puppet *puppet = puppet_new();
	struct fuse_file file;
	long fd, at, before;

	if (!fuse_file_open(&file)) {
		gap_skip(strerror(errno), "the server of a FUSE file system");
		puppet_end(puppet);
		return;
	}
	*file.contents = 'a';
	strcpy(puppet_data(puppet), FUSE_PATH);
	fd = puppet_call(puppet, SYS_openat, AT_FDCWD, (long)puppet_data(puppet), O_RDONLY);
	at = puppet_call(puppet, SYS_mmap, 0, PAGE, PROT_READ, MAP_PRIVATE, fd, 0);
	must_seal_against(puppet, at, PAGE, "file-write", NULL);
	before = puppet_run(puppet, puppet_peek, at);
	*file.contents = 'X';
	close(open(FUSE_PATH, O_RDONLY | O_CLOEXEC)); /* drops what the kernel has of it (fs/fuse/file.c) */
	gap_ok(before == 'a' && puppet_run(puppet, puppet_peek, at) == 'X',
	       "the server of a FUSE file system has other contents");
	puppet_end(puppet);
	fuse_file_close(&file);
}

static void loop_device(void)
{
	static const char device[] = "/tmp/t_gaps-loop";
	static char page[PAGE] __attribute__((aligned(PAGE)));
	struct scene scene = scene_open(0);
	int fd = open(PATH, O_RDWR | O_CLOEXEC), module = open("/tests/loop.ko", O_RDONLY | O_CLOEXEC), loop;
	struct utsname kernel;
	bool written;

	if (module >= 0)
		(void)syscall(SYS_finit_module, module, "", 0);
	(void)mknod(device, S_IFBLK | 0600, makedev(7, 0));
	loop = open(device, O_RDWR | O_CLOEXEC);
	if (loop < 0 || ioctl(loop, LOOP_SET_FD, fd)) {
		gap_skip(strerror(errno), "a loop device");
	} else {
		seal_file(&scene, "file-write");
		memset(page, 'X', sizeof(page));
		written = pwrite(loop, page, sizeof(page), PAGE) == sizeof(page) && fsync(loop) == 0;
		/* Other kernels call write_iter() of the file, without the hook (drivers/block/loop.c). */
		if (!written && errno == EIO && uname(&kernel) == 0 && !strncmp(kernel.release, "6.1.", 4))
			gap_skip("6.1 asks the hook, except for direct I/O, which tmpfs lacks there",
				 "a loop device that was set up before");
		else
			gap_ok(written && changed(&scene, PAGE_), "a loop device that was set up before (%s)",
			       written ? "written" : strerror(errno));
		(void)ioctl(loop, LOOP_CLR_FD, 0);
	}
	close(loop);
	close(module);
	close(fd);
	unlink(device);
	scene_close(&scene);
}

void gap_with_file_write(void)
{
	stored();
	stored_pinned();
	put_by_userfaultfd();
	write_under_way();
	changed_below();
	loop_device();
}
