/* SPDX-License-Identifier: LGPL-2.1-or-later */
#define _GNU_SOURCE
#include "strike_uffd.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "attack.h"
#include "daemon.h"
#include "tap.h"

/* Missing in some libc's headers. */
struct move {
	uint64_t to, from, length, mode;
	int64_t moved;
};
struct poison {
	uint64_t start, length, mode;
	int64_t poisoned;
};
#define COMMAND_MOVE _IOWR(UFFDIO, 5, struct move)
#define COMMAND_POISON _IOWR(UFFDIO, 8, struct poison)

#define VALUE 0x5ea1edL

enum command { COPY, ZEROPAGE, CONTINUE, POISON, MOVE, MOVE_INTO };
enum memory { UNTOUCHED, WRITABLE, FILE_PRIVATE, FILE_SHARED, SHARED_WRITABLE };

static const struct trick {
	const char *name;
	enum command command;
	enum memory memory;
	bool allowed; /* also on sealed memory */
	bool invisible;
} tricks[] = {
	{ "UFFDIO_COPY into memory never touched", COPY, UNTOUCHED },
	{ "UFFDIO_COPY over a private page of a file", COPY, FILE_PRIVATE },
	{ "UFFDIO_ZEROPAGE", ZEROPAGE, UNTOUCHED, .invisible = true },
	{ "UFFDIO_CONTINUE", CONTINUE, FILE_SHARED, .invisible = true },
	{ "UFFDIO_POISON", POISON, UNTOUCHED, .invisible = true },
	{ "UFFDIO_MOVE out of writable memory", MOVE, WRITABLE },
	/* The process may write there anyway. */
	{ "UFFDIO_COPY into writable memory", COPY, WRITABLE, .allowed = true },
	{ .name = NULL },
};

/* --- inside the puppet --- */

/* features: makes a userfaultfd, ready for use. */
static long uffd_new(const long arguments[6])
{
	struct uffdio_api api = { .api = UFFD_API, .features = (uint64_t)arguments[0] };
	long fd = RAW(SYS_userfaultfd, O_CLOEXEC), result;

	if (fd < 0)
		return fd;
	result = RAW(SYS_ioctl, fd, UFFDIO_API, &api);
	return result < 0 ? result : fd;
}

/* fd, address, mode */
static long uffd_register(const long arguments[6])
{
	struct uffdio_register area = { .range = { (uint64_t)arguments[1], PAGE },
					.mode = (uint64_t)arguments[2] };

	return RAW(SYS_ioctl, arguments[0], UFFDIO_REGISTER, &area);
}

/* fd, command, address, page to move to */
static long uffd_command(const long arguments[6])
{
	static long page[PAGE / sizeof(long)] __attribute__((aligned(PAGE)));
	uint64_t at = (uint64_t)arguments[2];
	struct uffdio_copy copy = { .dst = at, .src = (uint64_t)page, .len = PAGE };
	struct uffdio_zeropage zero = { .range = { at, PAGE } };
	struct uffdio_continue go_on = { .range = { at, PAGE } };
	struct poison poison = { .start = at, .length = PAGE };
	struct move move = { .to = (uint64_t)arguments[3], .from = at, .length = PAGE };

	page[0] = VALUE;
	switch (arguments[1]) {
	case COPY: return RAW(SYS_ioctl, arguments[0], UFFDIO_COPY, &copy);
	case ZEROPAGE: return RAW(SYS_ioctl, arguments[0], UFFDIO_ZEROPAGE, &zero);
	case CONTINUE: return RAW(SYS_ioctl, arguments[0], UFFDIO_CONTINUE, &go_on);
	case POISON: return RAW(SYS_ioctl, arguments[0], COMMAND_POISON, &poison);
	case MOVE_INTO:
		move.to = at;
		move.from = (uint64_t)arguments[3];
		return RAW(SYS_ioctl, arguments[0], COMMAND_MOVE, &move);
	default: return RAW(SYS_ioctl, arguments[0], COMMAND_MOVE, &move);
	}
}

/* --- the stage --- */

struct uffd_stage {
	struct puppet *puppet;
	uint64_t at, target; /* attacked and sealed; target of MOVE */
	long fd;	     /* the userfaultfd, or a negative errno */
	int eyes;
};

static long map_pages(struct puppet *puppet, int protection, int flags, int fd)
{
	/* With an untouched page on both sides. */
	long base = puppet_call(puppet, SYS_mmap, 0, 3 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return puppet_call(puppet, SYS_mmap, base + (long)PAGE, PAGE, protection, flags | MAP_FIXED, fd, 0);
}

static long memory_file(struct puppet *puppet)
{
	char *name = puppet_data(puppet);
	long fd;

	strcpy(name, "page");
	fd = puppet_call(puppet, SYS_memfd_create, (long)name, 0);
	puppet_call(puppet, SYS_pwrite64, fd, (long)name, 8, 0);
	puppet_call(puppet, SYS_ftruncate, fd, PAGE);
	return fd;
}

static struct uffd_stage stage_for(const struct trick *trick)
{
	struct uffd_stage stage = { .puppet = puppet_new() };
	const int anonymous = MAP_PRIVATE | MAP_ANONYMOUS;
	long mode = UFFDIO_REGISTER_MODE_MISSING, registered;
	char path[48];

	switch (trick->memory) {
	case UNTOUCHED: stage.at = (uint64_t)map_pages(stage.puppet, PROT_READ, anonymous, -1); break;
	case WRITABLE:
		stage.at = (uint64_t)map_pages(stage.puppet, PROT_READ | PROT_WRITE, anonymous, -1);
		break;
	case FILE_PRIVATE:
		stage.at = (uint64_t)map_pages(stage.puppet, PROT_READ, MAP_PRIVATE,
					       (int)memory_file(stage.puppet));
		break;
	case FILE_SHARED:
		stage.at = (uint64_t)map_pages(stage.puppet, PROT_READ, MAP_SHARED,
					       (int)memory_file(stage.puppet));
		mode = UFFDIO_REGISTER_MODE_MINOR;
		break;
	case SHARED_WRITABLE:
		stage.at = (uint64_t)map_pages(stage.puppet, PROT_READ | PROT_WRITE, MAP_SHARED,
					       (int)memory_file(stage.puppet));
		mode = UFFDIO_REGISTER_MODE_MINOR;
		break;
	}
	stage.target = (uint64_t)map_pages(stage.puppet, PROT_READ | PROT_WRITE, anonymous, -1);
	if (trick->command == MOVE)
		puppet_run(stage.puppet, fill_pages, (long)stage.at, PAGE, 1);
	if (trick->command == MOVE_INTO)
		puppet_run(stage.puppet, fill_pages, (long)stage.target, PAGE, 1);
	stage.fd = puppet_run(stage.puppet, uffd_new,
			      trick->command == CONTINUE ? UFFD_FEATURE_MINOR_SHMEM : 0);
	registered = puppet_run(stage.puppet, uffd_register, stage.fd,
				(long)(trick->command == MOVE ? stage.target : stage.at), mode);
	if (stage.fd >= 0 && registered < 0)
		stage.fd = registered;
	snprintf(path, sizeof(path), "/proc/%d/mem", stage.puppet->pid);
	stage.eyes = open(path, O_RDONLY | O_CLOEXEC);
	return stage;
}

static void stage_done(struct uffd_stage *stage)
{
	puppet_end(stage->puppet);
	close(stage->eyes);
}

static long look(const struct uffd_stage *stage)
{
	long value = -1;

	/* A missing page is not read: that would wait for the handler of the userfaultfd. */
	return pread(stage->eyes, &value, sizeof(value), (off_t)stage->at) == sizeof(value) ? value : -1;
}

static long attempt(const struct uffd_stage *stage, const struct trick *trick, struct puppet *who)
{
	return puppet_run(who, uffd_command, stage->fd, trick->command, (long)stage->at, (long)stage->target);
}

static bool has_worked(const struct uffd_stage *stage, const struct trick *trick)
{
	return trick->invisible || (trick->command == MOVE ? look(stage) == 0 : look(stage) == VALUE);
}

static bool works(const struct trick *trick)
{
	struct uffd_stage stage = stage_for(trick);
	long result = stage.fd < 0 ? stage.fd : attempt(&stage, trick, stage.puppet);
	bool worked = result == 0 && has_worked(&stage, trick);

	if (result == -EINVAL || stage.fd < 0)
		skip(puppet_text(stage.puppet, result),
		     "row 12: %s: not sealed, this kernel does not have it", trick->name);
	else if (!ok(worked, "row 12: %s: not sealed, it succeeds", trick->name))
		diag("it ended: %s", puppet_text(stage.puppet, result));
	stage_done(&stage);
	return worked;
}

static void fails(const struct trick *trick)
{
	struct uffd_stage stage = stage_for(trick);
	struct monitor monitor;
	json_t *event;
	long result;

	must_seal(stage.puppet->pid, stage.at, PAGE);
	monitor_open(&monitor, stage.puppet->pid);
	result = attempt(&stage, trick, stage.puppet);
	if (trick->allowed) {
		ok(result == 0, "row 12: %s: sealed, success", trick->name);
	} else if (ok(result == -EPERM, "row 12: %s: sealed, EPERM", trick->name)) {
		event = monitor_next(&monitor, 10000);
		ok(event && !strcmp(json_text(event, "operation"), "userfaultfd"),
		   "row 12: %s: it is reported", trick->name);
		json_decref(event);
		if (trick->command == MOVE)
			ok(look(&stage) != 0, "row 12: %s: sealed, nothing has changed", trick->name);
	} else {
		diag("it ended: %s", puppet_text(stage.puppet, result));
	}
	monitor_close(&monitor);
	stage_done(&stage);
}

static void audit(const struct trick *trick)
{
	struct uffd_stage stage = stage_for(trick);
	struct range range = { stage.at, stage.at + PAGE };
	struct monitor monitor;
	json_t *event;

	if (daemon_seal(
		    &(struct seal_order){
			    .pid = stage.puppet->pid, .ranges = &range, .count = 1, .action = "audit" },
		    NULL))
		bail("cannot seal");
	monitor_open(&monitor, stage.puppet->pid);
	ok(attempt(&stage, trick, stage.puppet) == 0 && has_worked(&stage, trick),
	   "row 12: audit: %s succeeds", trick->name);
	event = monitor_next(&monitor, 10000);
	ok(event && !strcmp(json_text(event, "verdict"), "audited"), "row 12: audit: it is reported");
	json_decref(event);
	monitor_close(&monitor);
	stage_done(&stage);
}

/* A seal out of reach of userfaultfd does not affect memory in its reach. */
static void beside_text(const struct trick *trick)
{
	struct uffd_stage stage = stage_for(trick);
	struct range range = { stage.at, stage.at + PAGE };
	uint64_t text = uffd_file_page(stage.puppet);

	must_seal(stage.puppet->pid, text, PAGE);
	if (daemon_seal(
		    &(struct seal_order){
			    .pid = stage.puppet->pid, .ranges = &range, .count = 1, .action = "audit" },
		    NULL))
		bail("cannot seal");
	ok(attempt(&stage, trick, stage.puppet) == 0,
	   "row 12: a seal on a file that it cannot reach does not deny %s", trick->name);
	stage_done(&stage);
}

/*
 * With foreign-write denied, another process may not put into memory what the process itself may write:
 * memory that was writable when sealed.
 */
static const struct trick foreign_tricks[] = {
	{ "UFFDIO_COPY into writable memory", COPY, WRITABLE },
	{ "UFFDIO_ZEROPAGE into writable memory", ZEROPAGE, WRITABLE, .invisible = true },
	{ "UFFDIO_POISON of writable memory", POISON, WRITABLE, .invisible = true },
	{ "UFFDIO_CONTINUE of writable memory", CONTINUE, SHARED_WRITABLE, .invisible = true },
	{ "UFFDIO_MOVE out of writable memory", MOVE, WRITABLE },
	{ "UFFDIO_MOVE into writable memory", MOVE_INTO, WRITABLE, .invisible = true },
	{ .name = NULL },
};

static void seal_deny(const struct uffd_stage *stage, const char *deny, bool revocable)
{
	const struct range range = { stage->at, stage->at + PAGE };
	const char *error = daemon_seal(&(struct seal_order){ .pid = stage->puppet->pid,
							      .ranges = &range,
							      .count = 1,
							      .deny = deny,
							      .revocable = revocable },
					NULL);

	if (error)
		bail("cannot seal with deny %s: %s %s", deny, error, daemon_error_message());
}

static void by_foreign_monitor(const struct trick *trick)
{
	static const struct {
		const char *deny;
		bool revocable;
	} seals[] = { { NULL, false }, { "all", false }, { "all", true }, { "foreign-write", true } };

	for (size_t i = 0; i < sizeof(seals) / sizeof(*seals); i++) {
		struct uffd_stage stage = stage_for(trick);
		struct puppet *other = puppet_clone(stage.puppet, CLONE_FILES, NULL);
		long before = look(&stage), result;
		char what[96];
		bool good;

		if (seals[i].deny && strcmp(seals[i].deny, "foreign-write"))
			snprintf(what, sizeof(what), "sealed with --deny=%s%s", seals[i].deny,
				 seals[i].revocable ? ", revocably" : "");
		else
			snprintf(what, sizeof(what),
				 seals[i].deny ? "sealed with --deny=foreign-write" : "not sealed");
		if (seals[i].deny)
			seal_deny(&stage, seals[i].deny, seals[i].revocable);
		result = stage.fd < 0 ? stage.fd : attempt(&stage, trick, other);
		if (!seals[i].deny && (result == -EINVAL || stage.fd < 0)) {
			skip(puppet_text(other, result),
			     "row 12: %s by another process: this kernel does not have it", trick->name);
			i = sizeof(seals) / sizeof(*seals);
		} else if (!seals[i].deny) {
			ok(result == 0 && has_worked(&stage, trick),
			   "row 12: %s by another process: %s, it succeeds (%s)", trick->name, what,
			   puppet_text(other, result));
		} else {
			good = result == -EPERM && look(&stage) == before;
			ok(good, "row 12: %s by another process: %s, EPERM, nothing has changed (%s)",
			   trick->name, what, puppet_text(other, result));
		}
		puppet_end(other);
		stage_done(&stage);
	}
}

/* The process itself may write there, also by userfaultfd. */
static void by_itself(const struct trick *trick)
{
	struct uffd_stage stage = stage_for(trick);
	long result;

	seal_deny(&stage, "foreign-write", true);
	result = attempt(&stage, trick, stage.puppet);
	ok(result == 0,
	   "row 12: %s by the process itself: sealed with --deny=foreign-write, it succeeds (%s)",
	   trick->name, puppet_text(stage.puppet, result));
	stage_done(&stage);
}

/* Another process has the descriptor: the owner of the memory decides. */
static void by_monitor(const struct trick *trick)
{
	for (int sealed = 0; sealed < 2; sealed++) {
		struct uffd_stage stage = stage_for(trick);
		struct puppet *other = puppet_clone(stage.puppet, CLONE_FILES, NULL);
		long result;

		if (sealed)
			must_seal(stage.puppet->pid, stage.at, PAGE);
		result = attempt(&stage, trick, other);
		if (!ok(result == (sealed ? -EPERM : 0), "row 12: %s by another process: %s", trick->name,
			sealed ? "sealed, EPERM" : "not sealed, it succeeds"))
			diag("it ended: %s", puppet_text(other, result));
		puppet_end(other);
		stage_done(&stage);
	}
}

uint64_t uffd_file_page(struct puppet *puppet)
{
	static const char folder[] = "/run/ramfs", name[] = "/run/ramfs/page";
	char *path = puppet_data(puppet);
	long fd, at;
	int out;

	if (mkdir(folder, 0755) == 0 && mount("ramfs", folder, "ramfs", 0, NULL))
		bail("ramfs: %s", strerror(errno));
	out = open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
	if (out < 0 || ftruncate(out, PAGE))
		bail("%s: %s", name, strerror(errno));
	close(out);
	strcpy(path, name);
	fd = puppet_call(puppet, SYS_openat, AT_FDCWD, (long)path, O_RDONLY);
	at = puppet_call(puppet, SYS_mmap, 0, PAGE, PROT_READ, MAP_PRIVATE, fd, 0);
	if (at < 0)
		bail("mapping %s: %s", name, puppet_text(puppet, at));
	return (uint64_t)at;
}

void uffd_all(bool (*pinned)(const char *program))
{
	struct puppet *keeper = puppet_new();
	uint64_t kept = puppet_pages(keeper, 1, PROT_READ);

	must_seal(keeper->pid, kept, PAGE);
	ok(pinned("mseald_file_ioctl"),
	   "row 12: the first seal that userfaultfd can reach attaches its program");
	for (const struct trick *trick = tricks; trick->name; trick++)
		if (works(trick))
			fails(trick);
	audit(&tricks[0]);
	beside_text(&tricks[0]);
	by_monitor(&tricks[0]);
	for (const struct trick *trick = foreign_tricks; trick->name; trick++)
		by_foreign_monitor(trick);
	by_itself(&foreign_tricks[0]);
	puppet_end(keeper);
}
