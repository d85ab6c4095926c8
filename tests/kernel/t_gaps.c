/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * docs/threat-model.md, "Known gaps": every gap is shown to be there. "ok ... gap:" says that an attack has
 * succeeded on sealed memory; a gap that is closed fails. Each test has the bold words of its bullet
 * (tests/tree). Ways that need a device, another machine or a module are not tried, but for a loop device.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/perf_event.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "asking.h"
#include "attack.h"
#include "daemon.h"
#include "gaps.h"
#include "lib/base/util.h"
#include "lib/proc/maps.h"
#include "ring.h"
#include "tap.h"

#define MAP_DROPPABLE_ 0x08
#define MADV_GUARD_INSTALL_ 102
#define SYS_mseal_ 462
#define I386_OLD_MMAP 90

static bool killed(const struct puppet *puppet, long result)
{
	return result == PUPPET_DEAD && WIFSIGNALED(puppet->status) && WTERMSIG(puppet->status) == SIGKILL;
}

static void must_be_sealed(struct puppet *puppet, long at, unsigned long length)
{
	long result = puppet_call(puppet, SYS_mprotect, at, length, PROT_NONE);

	if (result != -EPERM)
		bail("%s: not sealed (%s)", gap, puppet_text(puppet, result));
}

static void seal_natively(struct puppet *puppet, long at, unsigned long length)
{
	puppet_call(puppet, SYS_mseal_, at, length, 0);
	must_be_sealed(puppet, at, length);
}

static void seal(struct puppet *puppet, long at, unsigned long length)
{
	if (natively) {
		seal_natively(puppet, at, length);
		return;
	}
	must_seal(puppet->pid, (uint64_t)at, length);
	must_be_sealed(puppet, at, length);
}

/* --- holes --- */

/*
 * Three processes share memory. The first has unmapped four pages of it that were sealed, and died. The
 * others have a hole there until the daemon, which is stopped, kills them.
 */
struct hole {
	struct puppet *one, *second, *third;
	long at;
};

static bool hole_open(struct hole *hole, bool below_stack)
{
	const enum abi abi = gate_is_override() ? ABI_INT80 : ABI_64;
	struct puppet *one;
	long room, result;

	if (gate_32_is_override()) {
		gap_skip("here only a race makes a hole", "a hole");
		return false;
	}
	one = hole->one = puppet_new();
	hole->second = puppet_clone(one, CLONE_VM, NULL);
	hole->third = puppet_clone(one, CLONE_VM, NULL);
	room = puppet_call(one, SYS_mmap, 0, 1024 * PAGE, PROT_NONE, ANONYMOUS | MAP_32BIT, -1, 0);
	puppet_call(one, SYS_munmap, room, 1024 * PAGE);
	hole->at = room + 600 * PAGE_;
	if (room < 0 ||
	    puppet_call(one, SYS_mmap, hole->at, 4 * PAGE, PROT_READ, ANONYMOUS | MAP_FIXED, -1, 0) < 0 ||
	    (below_stack && puppet_call(one, SYS_mmap, hole->at + 4 * PAGE_, PAGE, READ_WRITE,
					ANONYMOUS | MAP_GROWSDOWN | MAP_FIXED, -1, 0) < 0))
		bail("%s: no memory to make a hole in", gap);
	must_seal_revocably(one->pid, (uint64_t)hole->at, 4 * PAGE);
	daemon_pause(true);
	result = puppet_call_by(one, abi, SYS_munmap, hole->at, 4 * PAGE);
	if (!killed(one, result) || protection_of(hole->second->pid, (uint64_t)hole->at)[0])
		bail("%s: no hole (%s)", gap, puppet_text(one, result));
	return true;
}

static void hole_close(struct hole *hole)
{
	daemon_pause(false);
	ok(puppet_died(hole->third, 15000), "%s: the daemon kills the last one", gap);
	puppet_end(hole->third);
	puppet_end(hole->second);
	puppet_end(hole->one);
}

/* The second one has the kernel write X into the hole. */
static long write_into(struct hole *hole)
{
	put_into_pipe();
	return puppet_call(hole->second, SYS_read, pipes[0], hole->at + PAGE_, 1);
}

static void stack_growth(void)
{
	char byte, now[8];
	struct hole hole;
	long result;

	if (!hole_open(&hole, true))
		return;
	result = write_into(&hole);
	strcpy(now, protection_of(hole.third->pid, (uint64_t)hole.at + PAGE));
	gap_ok(killed(hole.second, result) && !strcmp(now, "rw-p") && read(pipes[0], &byte, 1) < 0,
	       "read(2) that grows one into a hole ends, before the process does (%s, \"%s\")",
	       puppet_text(hole.second, result), now);
	hole_close(&hole);
}

static void stack_growth_by_several(void)
{
	struct puppet *child;
	struct hole hole;
	long result, error = 0;

	if (!hole_open(&hole, true))
		return;
	result = write_into(&hole);
	ok(killed(hole.second, result), "%s: the second one dies", gap);
	result = puppet_run(hole.third, puppet_peek, hole.at + PAGE_);
	gap_ok(result == 'X', "a third process sees the bytes (%s)", puppet_text(hole.third, result));
	child = puppet_clone(hole.third, 0, &error);
	ok(!child, "%s: it cannot fork (%s)", gap, puppet_text(hole.third, error));
	puppet_end(child);
	hole_close(&hole);
}

static void unknown_length(void)
{
	struct hole hole;
	uint32_t *arguments;
	long page, result;

	if (!(ABIS_HERE & 1u << ABI_INT80)) {
		gap_skip("there are no 32-bit calls here", "the old mmap");
		return;
	}
	if (!hole_open(&hole, false))
		return;
	page = hole.at - PAGE_;
	result = puppet_call_by(hole.second, ABI_INT80, SYS_mmap, page, 5 * PAGE, READ_WRITE,
				ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
	ok(result == -EPERM, "%s: mmap2, whose length is known, is denied (%s)", gap,
	   puppet_text(hole.second, result));
	arguments = puppet_data(hole.second);
	memcpy(arguments, (uint32_t[6]){ (uint32_t)page, 5 * PAGE, READ_WRITE, ANONYMOUS, -1u, 0 }, 24);
	result = puppet_call_32(hole.second, I386_OLD_MMAP, (long)arguments);
	gap_ok(result == page && !strcmp(protection_of(hole.second->pid, (uint64_t)hole.at), "rw-p"),
	       "the old mmap fills a hole from the page before it (%s)", puppet_text(hole.second, result));
	hole_close(&hole);
}

/* --- shmat of a segment that grows --- */

/* path, address of a byte that ends it: makes the file large and small again. */
static long change_size(const long arguments[6])
{
	while (!*(volatile char *)arguments[1]) {
		(void)RAW(SYS_truncate, arguments[0], 4 * PAGE);
		(void)RAW(SYS_truncate, arguments[0], PAGE);
	}
	return 0;
}

/* segment, address, sealed page, seconds. The number of tries until the page is gone, else 0. */
static long attach_often(const long arguments[6])
{
	const long page[6] = { arguments[2] }, before = puppet_peek(page), end = time(NULL) + arguments[3];

	for (long i = 1; time(NULL) < end; i++) {
		RAW(SYS_shmat, arguments[0], arguments[1], SHM_REMAP);
		if (puppet_peek(page) != before)
			return i;
	}
	return 0;
}

static void growing_segment(void)
{
	struct puppet *puppet = puppet_new(), *other, *weak;
	int id = shmget(IPC_PRIVATE, PAGE, 0600);
	long at = puppet_call(puppet, SYS_shmat, id, 0, 0), pages = new_pages(puppet, 4, ANONYMOUS), result;
	char path[64], *stop;

	snprintf(path, sizeof(path), "/proc/self/map_files/%lx-%lx", at, at + PAGE_);
	weak = puppet_child(puppet, 0);
	puppet_keep_capabilities(weak, ~(1ull << CAP_SYS_ADMIN | 1ull << CAP_CHECKPOINT_RESTORE));
	strcpy(puppet_data(weak), path);
	result = puppet_call(weak, SYS_truncate, (long)puppet_data(weak), 4 * PAGE);
	ok(result == -EPERM, "%s: its file cannot be enlarged without capabilities (%s)", gap,
	   puppet_text(weak, result));
	puppet_end(weak);
	other = puppet_child(puppet, 0);
	stop = (char *)puppet_data(other) + sizeof(path);
	strcpy(puppet_data(other), path);
	*stop = 0;
	if (native_expected()) {
		seal_natively(puppet, pages + 2 * PAGE_, PAGE);
		result = puppet_call(other, SYS_truncate, (long)puppet_data(other), 4 * PAGE);
		ok(result == 0, "%s: its file is enlarged with them (%s)", gap, puppet_text(other, result));
		result = puppet_call(puppet, SYS_shmat, id, pages, SHM_REMAP);
		ok(result == -EPERM, "%s: mseal(2) refuses it all the same (%s)", gap,
		   puppet_text(puppet, result));
		pages = new_pages(puppet, 4, ANONYMOUS);
	}
	must_seal_revocably(puppet->pid, (uint64_t)pages + 2 * PAGE, PAGE);
	puppet_start(other, change_size, (long)puppet_data(other), (long)stop);
	result = puppet_run(puppet, attach_often, id, pages, pages + 2 * PAGE_, brief(20, 3));
	*stop = 1;
	puppet_result(other);
	if (result == 0)
		gap_skip("the race was not won", "the segment grows after the hook has judged it");
	else
		gap_ok(result > 0 && !strcmp(protection_of(puppet->pid, (uint64_t)pages + 2 * PAGE), "rw-s"),
		       "the segment grows after the hook has judged it, in one of %ld tries", result);
	shmctl(id, IPC_RMID, NULL);
	puppet_end(other);
	puppet_end(puppet);
}

/* --- contents --- */

/* The kernel finds pages of this processor only: others may have them in lists that it does not see. */
static void stay_on_one_processor(struct puppet *puppet)
{
	cpu_set_t *processors = puppet_data(puppet);

	CPU_ZERO(processors);
	CPU_SET(0, processors);
	if (puppet_call(puppet, SYS_sched_setaffinity, 0, sizeof(*processors), (long)processors))
		bail("%s: no processor", gap);
}

static void dropped(int flags, int advice, const char *what)
{
	struct puppet *puppet = puppet_new();
	long at, result;

	stay_on_one_processor(puppet);
	at = new_pages(puppet, 4, MAP_ANONYMOUS | flags);
	if (at < 0) {
		gap_skip("this kernel has no MAP_DROPPABLE", what);
		puppet_end(puppet);
		return;
	}
	if ((advice && puppet_call(puppet, SYS_madvise, at, 4 * PAGE, advice)) ||
	    puppet_call(puppet, SYS_mprotect, at, 4 * PAGE, PROT_READ))
		bail("no %s", what);
	seal(puppet, at, 4 * PAGE);
	result = puppet_call(puppet, SYS_madvise, at, 4 * PAGE, MADV_PAGEOUT);
	gap_ok(result == 0 && puppet_run(puppet, puppet_peek, at) == 0, "MADV_PAGEOUT drops %s (%s)", what,
	       puppet_text(puppet, result));
	puppet_end(puppet);
}

/* A connection with itself, whose pages are received whole; *ret_receiver: the other end. */
static int connect_here(int *ret_receiver)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct ifreq loopback = { .ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING };
	int listener = socket(AF_INET, SOCK_STREAM, 0), sender = socket(AF_INET, SOCK_STREAM, 0);
	int setting = open("/proc/sys/net/core/high_order_alloc_disable", O_WRONLY | O_CLOEXEC);
	socklen_t length = sizeof(address);

	if (write(setting, "1", 1) != 1 || ioctl(sender, SIOCSIFFLAGS, &loopback) ||
	    bind(listener, (struct sockaddr *)&address, length) || listen(listener, 1) ||
	    getsockname(listener, (struct sockaddr *)&address, &length) ||
	    connect(sender, (struct sockaddr *)&address, length))
		bail("%s: no connection: %s", gap, strerror(errno));
	*ret_receiver = accept(listener, NULL, NULL);
	close(setting);
	close(listener);
	return sender;
}

/* Sends a page of this byte, and has the puppet receive it in place. */
static long receive_page(int sender, struct puppet *puppet, int receiver, long at, char byte)
{
	static char page[PAGE] __attribute__((aligned(PAGE)));
	struct tcp_zerocopy_receive *receive = puppet_data(puppet);
	socklen_t *length = (socklen_t *)(receive + 1);

	memset(page, byte, sizeof(page));
	*receive = (struct tcp_zerocopy_receive){ .address = (uint64_t)at, .length = PAGE };
	*length = sizeof(*receive);
	if (send(sender, page, sizeof(page), 0) != sizeof(page))
		bail("%s: cannot send: %s", gap, strerror(errno));
	poll(&(struct pollfd){ .fd = receiver, .events = POLLIN }, 1, 1000);
	return puppet_call(puppet, SYS_getsockopt, receiver, IPPROTO_TCP, TCP_ZEROCOPY_RECEIVE, (long)receive,
			   (long)length);
}

static void received_in_place(void)
{
	int receiver, sender = connect_here(&receiver);
	struct puppet *puppet = puppet_new();
	long at = puppet_call(puppet, SYS_mmap, 0, PAGE, PROT_READ, MAP_SHARED, receiver, 0), result;

	result = receive_page(sender, puppet, receiver, at, 'A');
	if (puppet_run(puppet, puppet_peek, at) != 'A') {
		gap_skip(puppet_text(puppet, result), "getsockopt(TCP_ZEROCOPY_RECEIVE)");
	} else {
		seal(puppet, at, PAGE);
		result = receive_page(sender, puppet, receiver, at, 'X');
		gap_ok(result == 0 && puppet_run(puppet, puppet_peek, at) == 'X',
		       "getsockopt(TCP_ZEROCOPY_RECEIVE) exchanges the page (%s)",
		       puppet_text(puppet, result));
	}
	puppet_end(puppet);
	close(receiver);
	close(sender);
}

static void contents(void)
{
	dropped(MAP_PRIVATE, MADV_FREE, "pages that were MADV_FREE before");
	dropped(MAP_DROPPABLE_, 0, "MAP_DROPPABLE memory");
	received_in_place();
}

static void guard_pages(void)
{
	struct puppet *puppet = puppet_new(), *children[2];
	long at = new_pages(puppet, 3, ANONYMOUS), result;

	result = puppet_call(puppet, SYS_madvise, at + PAGE_, PAGE, MADV_GUARD_INSTALL_);
	if (result == -EINVAL) {
		gap_skip("this kernel has no guard pages", "a child without them");
		puppet_end(puppet);
		return;
	}
	seal(puppet, at, 3 * PAGE);
	children[0] = puppet_child(puppet, 0);
	result = puppet_call(puppet, SYS_madvise, at, 3 * PAGE, MADV_WIPEONFORK);
	children[1] = puppet_child(puppet, 0);
	ok(puppet_run(puppet, puppet_peek, at + PAGE_) == -EFAULT &&
		   puppet_run(children[0], puppet_peek, at + PAGE_) == -EFAULT,
	   "%s: without MADV_WIPEONFORK a child has them", gap);
	gap_ok(result == 0 && puppet_run(children[1], puppet_peek, at + PAGE_) == 0 &&
		       puppet_run(children[1], puppet_peek, at + 2 * PAGE_) == 0,
	       "MADV_WIPEONFORK: a child has zeros for them, and for the rest (%s)",
	       puppet_text(puppet, result));
	puppet_end(children[0]);
	puppet_end(children[1]);
	puppet_end(puppet);
}

/* The second page of this shared memory by another mapping: its address, or a negative errno. */
static long map_again(struct puppet *puppet, int how, long fd, long at)
{
	long other;

	if (how == 2)
		return puppet_call(puppet, SYS_remap_file_pages, at, PAGE, 0, 1, 0) ?: at;
	other = how ? puppet_call(puppet, SYS_mremap, at, PAGE, 2 * PAGE, MREMAP_MAYMOVE) :
		      puppet_call(puppet, SYS_mmap, 0, 2 * PAGE, READ_WRITE, MAP_SHARED, fd, 0);
	return other < 0 ? other : other + PAGE_;
}

static void shared_elsewhere(void)
{
	static const char *const ways[] = { "mapped again", "the page before it grows by mremap",
					    "the page before it by remap_file_pages" };

	for (int how = 0; how < (int)ELEMENTS(ways); how++) {
		struct puppet *puppet = puppet_new();
		long fd, at, other, result;

		strcpy(puppet_data(puppet), "shared");
		fd = puppet_call(puppet, SYS_memfd_create, (long)puppet_data(puppet), 0);
		puppet_call(puppet, SYS_ftruncate, fd, 2 * PAGE);
		at = puppet_call(puppet, SYS_mmap, 0, 2 * PAGE, READ_WRITE, MAP_SHARED, fd, 0);
		/* Pages that are not in memory could be a hole: there mremap is denied. */
		puppet_run(puppet, fill_pages, at, 2 * PAGE_, 5);
		puppet_call(puppet, SYS_mprotect, at + PAGE_, PAGE, PROT_READ);
		seal(puppet, at + PAGE_, PAGE);
		other = map_again(puppet, how, fd, at);
		result = other < 0 ? other : puppet_run(puppet, fill_pages, other, PAGE_, 'X');
		gap_ok(result == 0 && puppet_run(puppet, puppet_peek, at + PAGE_) == 'X',
		       "%s, and written (%s)", ways[how], puppet_text(puppet, result));
		puppet_end(puppet);
	}
}

/* --- foreign writes --- */

static void foreign_pinned(void)
{
	struct puppet *puppet = puppet_new();
	long at = new_pages(puppet, 1, ANONYMOUS), result;

	result = puppet_run(puppet, ring_setup) ?: puppet_run(puppet, ring_pin, at, PAGE_);
	if (result) {
		gap_skip(puppet_text(puppet, result), "pages pinned by io_uring");
	} else {
		puppet_call(puppet, SYS_mprotect, at, PAGE, PROT_READ);
		must_seal_against(puppet, at, PAGE, ALL "foreign-write", NULL);
		result = write_pinned(puppet, at);
		gap_ok(result == 1 && puppet_run(puppet, puppet_peek, at) == 'X',
		       "pages pinned by io_uring, and read-only now, are written (%s)",
		       puppet_text(puppet, result));
	}
	puppet_end(puppet);
}

static void foreign_shared(void)
{
	struct puppet *puppet = puppet_new(), *other;
	long at = new_pages(puppet, 1, MAP_SHARED | MAP_ANONYMOUS), result;

	other = puppet_child(puppet, 0);
	must_seal_against(puppet, at, PAGE, ALL "foreign-write", NULL);
	result = puppet_run(other, fill_pages, at, PAGE_, 'X');
	gap_ok(result == 0 && puppet_run(puppet, puppet_peek, at) == 'X',
	       "another process that has it mapped writes (%s)", puppet_text(other, result));
	puppet_end(other);
	puppet_end(puppet);
}

/* Code that is not executed. */
static __attribute__((noinline)) long probed(const long arguments[6])
{
	return arguments[0] + arguments[1];
}

static void foreign_uprobe(void)
{
	FILE *file = fopen("/sys/bus/event_source/devices/uprobe/type", "re");
	struct perf_event_attr attr = { .size = sizeof(attr) };
	puppet_function volatile function = probed;
	long at = (long)function, page = at & -PAGE_, before, after;
	struct puppet *puppet = puppet_new();
	const struct mapping *code;
	struct proc_maps maps;
	int fd;

	if (!file || fscanf(file, "%u", &attr.type) != 1 || proc_maps_read(puppet->pid, &maps) < 0)
		bail("%s: no uprobes", gap);
	fclose(file);
	code = proc_maps_find(&maps, (uint64_t)at);
	attr.config1 = (uintptr_t)code->path;
	attr.config2 = (uint64_t)at - code->start + code->offset;
	must_seal_against(puppet, page, PAGE, ALL "foreign-write", NULL);
	before = puppet_run(puppet, puppet_peek, at);
	fd = (int)syscall(SYS_perf_event_open, &attr, puppet->pid, -1, -1, PERF_FLAG_FD_CLOEXEC);
	after = puppet_run(puppet, puppet_peek, at);
	gap_ok(fd >= 0 && before >= 0 && after >= 0 && before != after,
	       "a uprobe of root changes code (%#lx, %#lx)", before, after);
	close(fd);
	proc_maps_free(&maps);
	puppet_end(puppet);
}

static void foreign_writes(void)
{
	foreign_pinned();
	foreign_shared();
	foreign_uprobe();
}

static bool is_logged(struct monitor *monitor, const char *operation)
{
	json_t *event;
	bool found = false;

	while (!found && (event = monitor_next(monitor, 1000))) {
		found = !strcmp(json_text(event, "operation"), operation);
		json_decref(event);
	}
	return found;
}

static void audited_tracer(void)
{
	struct puppet *puppet = puppet_new(), *tracer = puppet_new();
	long at = new_pages(puppet, 1, ANONYMOUS), fd, result;
	struct monitor monitor;
	json_t *event;

	must_seal_against(puppet, at, PAGE, "foreign-write", "audit");
	monitor_open(&monitor, 0);
	result = puppet_call(tracer, SYS_ptrace, PTRACE_SEIZE, puppet->pid, 0, 0);
	ok(result == 0 && is_logged(&monitor, "ptrace"), "%s: the attach is logged (%s)", gap,
	   puppet_text(tracer, result));
	puppet_call(tracer, SYS_ptrace, PTRACE_INTERRUPT, puppet->pid, 0, 0);
	puppet_call(tracer, SYS_wait4, puppet->pid, 0, __WALL, 0);
	result = puppet_call(tracer, SYS_ptrace, PTRACE_POKEDATA, puppet->pid, at, 'X');
	event = monitor_next(&monitor, 1000);
	snprintf(puppet_data(tracer), 64, "/proc/%d/mem", puppet->pid);
	fd = puppet_call(tracer, SYS_openat, AT_FDCWD, (long)puppet_data(tracer), O_RDWR);
	ok(puppet_run(tracer, write_x, fd, at + 1) == 1 && is_logged(&monitor, "proc-mem"),
	   "%s: a write to /proc/PID/mem is logged", gap);
	puppet_call(tracer, SYS_ptrace, PTRACE_DETACH, puppet->pid, 0, 0);
	gap_ok(result == 0 && !event && puppet_run(puppet, puppet_peek, at) == 'X',
	       "PTRACE_POKEDATA is not (%s, %s)", puppet_text(tracer, result),
	       event ? json_text(event, "operation") : "no event");
	json_decref(event);
	monitor_close(&monitor);
	puppet_end(tracer);
	puppet_end(puppet);
}

/* --- memory kept from children --- */

/* address: the life of a child without that page. 0: no fault. */
static long live_with_hole(const long arguments[6])
{
	long at;

	for (int i = 0; i < 200; i++) {
		at = RAW(SYS_mmap, 0, PAGE, READ_WRITE, ANONYMOUS, -1, 0);
		if (at < 0 && at > -4096)
			return at;
		*(volatile char *)at = 1;
	}
	at = arguments[0];
	if (RAW(SYS_mmap, at, PAGE, READ_WRITE, ANONYMOUS | MAP_FIXED, -1, 0) != at)
		return -EADDRNOTAVAIL;
	*(volatile char *)at = 2;
	return RAW(SYS_mprotect, at, PAGE, PROT_READ) ?: RAW(SYS_munmap, at, PAGE);
}

static void kept_from_children(void)
{
	struct puppet *puppet = puppet_new(), *child, *grandchild;
	long at = new_pages(puppet, 1, ANONYMOUS), result;

	if (puppet_call(puppet, SYS_madvise, at, PAGE, MADV_DONTFORK))
		bail("%s: no MADV_DONTFORK", gap);
	must_seal(puppet->pid, (uint64_t)at, PAGE);
	child = puppet_child(puppet, 0);
	gap_ok(!protection_of(child->pid, (uint64_t)at)[0], "a child does not have the page");
	grandchild = puppet_child(child, 0);
	result = puppet_run(child, live_with_hole, at);
	gap_ok(result == 0, "it maps there what it likes (%s)", puppet_text(child, result));
	result = puppet_run(grandchild, live_with_hole, at);
	gap_ok(result == 0, "so does its own child (%s)", puppet_text(grandchild, result));
	puppet_end(grandchild);
	puppet_end(child);
	puppet_end(puppet);
}

int main(int argc, char **argv)
{
	static const struct {
		const char *words;
		void (*show)(void);
		bool natively; /* mseal(2) has it, too */
	} gaps[] = {
		{ "Lent descriptors", gap_lent }, /* first: it needs that nothing else is sealed */
		{ "Stack growth", stack_growth },
		{ "Stack growth by several processes", stack_growth_by_several },
		{ "Unknown length", unknown_length },
		{ "shmat(SHM_REMAP) of a segment that grows meanwhile", growing_segment },
		{ "Contents that the kernel may drop or exchange", contents, true },
		{ "Guard pages in writable sealed memory", guard_pages, true },
		{ "The contents of shared memory through another mapping", shared_elsewhere, true },
		{ "Foreign writes that no hook sees", foreign_writes },
		{ "The file behind a sealed private mapping, without file-write", gap_without_file_write },
		{ "The same with file-write", gap_with_file_write },
		{ "Writes of an audited tracer", audited_tracer },
		{ "MADV_DONTFORK before sealing", kept_from_children },
	};

	puppet_main(argc, argv);
	if (pipe2(pipes, O_NONBLOCK | O_CLOEXEC))
		bail("no pipe: %s", strerror(errno));
	daemon_start();
	for (size_t i = 0; i < ELEMENTS(gaps); i++) {
		gap = gaps[i].words;
		gaps[i].show();
		natively = gaps[i].natively && native_expected();
		if (natively)
			gaps[i].show();
		natively = false;
	}
	ok(status_becomes("spaces", 0, 20), "nothing is left sealed");
	daemon_stop(SIGTERM);
	return tap_end();
}
