/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A storm of short processes beside 50 sealed ones. Where the kernel gives the key of an address space that
 * is gone to the next (MSEALD_KEYS_RETURN of mseald/syscall_entry.h), no process may meet the seals of an
 * earlier one, or lack its own for that. Seals are revocable, so that the programs alone enforce them.
 * Two of their makers interrupt the programs of fork and exit, which the kernel then skips if it can preempt
 * them (arm64-7.3-rt of tests/vm/kernels.list).
 * $MSEALD_STORM: the number of short processes (default 5,000, 600 in the short form; `make storm` has
 * 100,000, also where the programs of fork and exit can be raced).
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <linux/perf_event.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "attack.h"
#include "daemon.h"
#include "pins.h"
#include "tap.h"

#define KEPT 50
/* Of the sealed ones, and as many unsealed ones: they make the storm. */
#define WORKERS 3
#define OVER (MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED)
/* The page that is sealed, in each at the same address, and one on each side. */
#define AT 0x200000000ul
#define IMAGE "/tests/image", "image", "200000000"

struct storm {
	_Atomic unsigned lives, failed, refused, wrong, through, unmapped, denied, killed;
	_Atomic bool tried[2 * WORKERS], stop;
};

/* Shared by all. */
static struct storm *storm;

/* --- one process of the storm: no errno here, which those with shared memory share too --- */

static void judge(bool sealed, long result)
{
	if (!sealed)
		storm->wrong += result < 0;
	else if (result == -EPERM)
		storm->denied++;
	else
		storm->through++;
}

static void try(bool sealed)
{
	judge(sealed, RAW(SYS_mprotect, AT, PAGE, PROT_READ | PROT_WRITE));
	judge(sealed, RAW(SYS_mmap, AT, PAGE, PROT_READ, OVER, -1, 0));
	if (sealed)
		return;
	judge(sealed, RAW(SYS_munmap, AT, PAGE));
	judge(sealed, RAW(SYS_mmap, AT, PAGE, PROT_READ, OVER, -1, 0));
}

static int share(void *sealed)
{
	try(sealed != NULL);
	RAW(SYS_exit, 0);
	return 0;
}

static char stack[16384] __attribute__((aligned(16)));

static pid_t sharer(bool sealed, int flags)
{
	return clone(share, stack + sizeof(stack), CLONE_VM | SIGCHLD | flags, sealed ? stack : NULL);
}

enum kind {
	AT_ONCE,  /* ends without a call */
	PLAIN,	  /* tries */
	EXEC,	  /* tries, and executes another program, which may do everything */
	VFORK,	  /* executes that at once */
	SHARER,	  /* has the memory of its maker */
	OUTLIVED, /* its memory is that of another by now, which its maker waits for, too */
	UNMAP,	  /* a call that only a gate can deny */
	STRUCK,	  /* is killed as it ends or executes another program */
	KINDS
};

static void live(enum kind kind, bool sealed, unsigned worker)
{
	switch (kind) {
	case AT_ONCE: break;
	case OUTLIVED: storm->refused += sharer(sealed, CLONE_PARENT) < 0; break;
	case UNMAP:
		if (!sealed)
			try(false);
		else if (RAW(SYS_munmap, AT, PAGE) == -EPERM)
			storm->denied++;
		else
			storm->unmapped++;
		break;
	default:
		try(sealed);
		storm->tried[worker] = true;
		if (kind == EXEC || (kind == STRUCK && storm->lives % 2))
			execl(IMAGE, NULL);
	}
	_exit(kind == EXEC);
}

/* Makes one, and waits for its end. */
static void one_process(enum kind kind, bool sealed, unsigned worker)
{
	pid_t pid;
	int status;

	storm->tried[worker] = false;
	pid = kind == SHARER ? sharer(sealed, 0) : kind == VFORK ? vfork() : fork();
	if (pid == 0 && kind == VFORK) {
		execl(IMAGE, NULL);
		_exit(1);
	}
	if (pid == 0)
		live(kind, sealed, worker);
	storm->refused += pid < 0;
	for (int i = 0; kind == STRUCK && !storm->tried[worker] && i < 1000000; i++)
		sched_yield();
	if (kind == STRUCK && pid > 0)
		kill(pid, SIGKILL);
	while (waitpid(-1, &status, 0) > 0) {
		if (kind == UNMAP && sealed && WIFSIGNALED(status))
			storm->killed++;
		else if (kind != STRUCK || !WIFSIGNALED(status))
			storm->failed += status != 0;
		storm->lives++;
	}
}

/* --- two of the makers interrupt the programs of fork and exit --- */

#define TRACING "/sys/kernel/tracing/"
#define PROCESSORS 2

static void write_to(const char *path, const char *text)
{
	int file = open(path, O_WRONLY);

	if (write(file, text, strlen(text)) < 0)
		diag("%s: %s", path, strerror(errno));
	close(file);
}

/* The event of a removal from a map, which programs make as a sealed process forks or ends. */
static int removals;

static void open_removals(void)
{
	FILE *file;

	write_to(TRACING "kprobe_events", "p:removal htab_map_delete_elem");
	file = fopen(TRACING "events/kprobes/removal/id", "re");
	if (!file || fscanf(file, "%d", &removals) != 1)
		diag("no program is interrupted on purpose");
	if (file)
		fclose(file);
}

static struct {
	int fd;
	volatile struct perf_event_mmap_page *page;
} removals_on[PROCESSORS];

static void watch_removals(void)
{
	struct perf_event_attr attributes = { .type = PERF_TYPE_TRACEPOINT,
					      .size = sizeof(attributes),
					      .config = (uint64_t)removals,
					      .sample_period = 1,
					      .wakeup_events = 1 };

	for (int i = 0; i < PROCESSORS; i++) {
		int fd = (int)RAW(SYS_perf_event_open, &attributes, -1, i, -1, 0);
		long page = RAW(SYS_mmap, 0, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

		removals_on[i].fd = page < 0 ? -1 : fd;
		removals_on[i].page = (void *)page;
	}
}

/* Waits until a program removes something on one processor, and runs before it goes on; or for 20 ms. */
static void interrupt(unsigned i)
{
	unsigned long processor = i / KINDS % PROCESSORS, mask = 1ul << processor;
	struct pollfd wanted = { .fd = removals_on[processor].fd, .events = POLLIN };
	struct timespec none = { 0 }, some = { .tv_nsec = 20 * 1000 * 1000 };

	RAW(SYS_sched_setaffinity, 0, sizeof(mask), &mask);
	if (wanted.fd >= 0) {
		RAW(SYS_ppoll, &wanted, 1, &none, NULL, 0);
		removals_on[processor].page->data_tail = removals_on[processor].page->data_head;
	}
	RAW(SYS_ppoll, &wanted, 1, &some, NULL, 0);
}

/* Runs in a puppet: its number, is it sealed. */
static long make_processes(const long arguments[6])
{
	bool interrupts = arguments[0] % WORKERS == 0;

	/* The test, which makes others, and the daemon must make progress, too. */
	if (interrupts) {
		RAW(SYS_sched_setscheduler, 0, SCHED_FIFO, &(struct sched_param){ .sched_priority = 1 });
		watch_removals();
	} else {
		RAW(SYS_setpriority, 0 /* PRIO_PROCESS */, 0, 15);
	}
	for (unsigned i = 0; !storm->stop; i++) {
		if (interrupts)
			interrupt(i);
		one_process(i % KINDS, arguments[1], (unsigned)arguments[0]);
	}
	return 0;
}

/* --- beside it --- */

static void judge_mprotect(struct puppet *puppet, bool sealed)
{
	judge(sealed, puppet_call(puppet, SYS_mprotect, AT, PAGE, PROT_READ | PROT_WRITE));
}

/* A new image lacks the page. False: it is denied, by the seal of an earlier process. */
static bool map_page(struct puppet *puppet)
{
	long page = puppet_call(puppet, SYS_mmap, AT - PAGE, 3 * PAGE, PROT_READ, OVER, -1, 0);

	judge(false, page);
	if (page >= 0)
		judge_mprotect(puppet, false);
	return page >= 0;
}

static void seal(struct puppet *puppet)
{
	/* For its events it and its children get the name in that page, an empty one; no other has it. */
	puppet_call(puppet, SYS_prctl, PR_SET_NAME, AT - PAGE);
	must_seal_revocably(puppet->pid, AT, PAGE);
	judge_mprotect(puppet, true);
}

/* A process that is made by fork or exec, sealed or not, with a child or not. */
static void one_life(unsigned round)
{
	struct puppet *puppet = puppet_new(), *child;

	if (round % 3 == 0 && puppet_exec(puppet) != 0)
		bail("a puppet cannot execute itself");
	if (!map_page(puppet)) {
		puppet_end(puppet);
		return;
	}
	if (round % 2 == 0)
		seal(puppet);
	if (round % 4 < 2) {
		child = puppet_clone(puppet, 0, NULL);
		judge_mprotect(child, round % 2 == 0);
		puppet_end(child);
	}
	puppet_end(puppet);
}

static struct {
	struct puppet *puppet;
	char *memory;
} kept[KEPT];

static void keep(unsigned i)
{
	struct puppet *puppet = kept[i].puppet = puppet_new();

	map_page(puppet);
	puppet_call(puppet, SYS_mprotect, AT, PAGE, PROT_READ | PROT_WRITE);
	puppet_run(puppet, fill_pages, AT, PAGE, i);
	puppet_call(puppet, SYS_mprotect, AT, PAGE, PROT_READ);
	seal(puppet);
	kept[i].memory = snapshot(puppet->pid, AT - PAGE, 3 * PAGE);
}

static void attack(unsigned i)
{
	struct puppet *puppet = kept[i].puppet;

	judge_mprotect(puppet, true);
	judge(true, puppet_call(puppet, SYS_mmap, AT, PAGE, PROT_READ, OVER, -1, 0));
}

static unsigned count_changed(void)
{
	unsigned changed = 0;

	for (unsigned i = 0; i < KEPT; i++) {
		char *memory = snapshot(kept[i].puppet->pid, AT - PAGE, 3 * PAGE);

		changed += strcmp(memory, kept[i].memory) != 0;
		free(memory);
	}
	return changed;
}

struct events {
	struct monitor monitor;
	unsigned seen, of_others;
};

static void read_events(struct events *events, int milliseconds)
{
	json_t *event;

	while ((event = monitor_next(&events->monitor, milliseconds))) {
		events->seen++;
		if (json_text(event, "comm")[0] && !events->of_others++)
			diag("an event of %s[%" PRId64 "]", json_text(event, "comm"),
			     json_number(event, "pid"));
		json_decref(event);
	}
}

static void check_list(void)
{
	json_t *list = NULL, *pids;
	unsigned listed = 0;

	for (int tries = 0; tries < 100 && (!list || json_array_size(list) != KEPT); tries++) {
		json_decref(list);
		nap(tries ? 100 : 0);
		list = daemon_list(0);
	}
	for (size_t at = 0; at < json_array_size(list); at++) {
		pids = json_object_get(json_array_get(list, at), "pids");
		for (size_t i = 0; i < KEPT && json_array_size(pids) == 1; i++)
			listed += kept[i].puppet->pid == json_integer_value(json_array_get(pids, 0));
	}
	ok(listed == KEPT && json_array_size(list) == KEPT, "they are listed (%u), and nothing else is (%zu)",
	   listed, json_array_size(list));
	json_decref(list);
}

static void check_maps(void)
{
	unsigned spaces = count_entries(PINS "/maps/spaces"), counted = 0, watched = 0,
		 forks = count_entries(PINS "/maps/pending_forks");
	struct mseald_state *state = state_map();

	for (size_t i = 0; i < MSEALD_SLOTS; i++) {
		counted += state->slots[i].count;
		watched += state->slots[i].watched;
	}
	ok(spaces == KEPT && counted == KEPT && state->entries == KEPT && state->sealed == KEPT,
	   "no entry is left of any other (%u, in the slots %u; %" PRIu64 ", sealed %" PRIu64 ")", spaces,
	   counted, (uint64_t)state->entries, (uint64_t)state->sealed);
	ok(!forks && !state->pending_forks && !state->kill_pending && !watched,
	   "nor a mark of a fork (%u, %" PRIu64 "), a kill (%" PRIu64 "), a watch (%u)", forks,
	   (uint64_t)state->pending_forks, (uint64_t)state->kill_pending, watched);
	ok(status_number("sets") == KEPT, "nor a seal set (%" PRId64 ")", status_number("sets"));
	state_unmap(state);
}

int main(int argc, char **argv)
{
	const char *text = getenv("MSEALD_STORM"), *preemption;
	unsigned wanted = text ? (unsigned)atol(text) : brief(5000, 600), rounds = 0, changed = 0, dead = 0,
		 denied;
	struct puppet *workers[2 * WORKERS];
	struct events events = { 0 };
	uint64_t newtask, exit_mmap;
	json_t *status;

	puppet_main(argc, argv);
	storm = mmap(NULL, sizeof(*storm), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (storm == MAP_FAILED)
		bail("no memory for the counts");
	open_removals();
	daemon_start();
	monitor_open(&events.monitor, 0);
	for (unsigned i = 0; i < KEPT; i++)
		keep(i);
	for (unsigned i = 0; i < 2 * WORKERS; i++) {
		workers[i] = i < WORKERS ? kept[i].puppet : puppet_new();
		if (i >= WORKERS)
			map_page(workers[i]);
		puppet_start(workers[i], make_processes, i, i < WORKERS);
	}
	for (; storm->lives < wanted && !dead; rounds++) {
		one_life(rounds);
		attack(WORKERS + rounds % (KEPT - WORKERS));
		read_events(&events, 0);
		if (rounds % 100 == 0)
			changed += count_changed();
		for (unsigned i = 0; i < 2 * WORKERS; i++)
			dead += puppet_died(workers[i], 0);
	}
	storm->stop = true;
	for (unsigned i = 0; i < 2 * WORKERS; i++)
		dead += puppet_result(workers[i]) == PUPPET_DEAD;
	for (unsigned i = 0; i < KEPT; i++)
		attack(i);
	status = daemon_status();
	preemption = json_text(status, "preemption");
	diag("%u short processes, and %u that the daemon seals or that lack a seal; preemption %s, %u killed",
	     storm->lives, rounds, preemption, storm->killed);
	newtask = count_skipped("mseald_task_newtask");
	exit_mmap = count_skipped("mseald_exit_mmap");
	diag("%" PRId64 " programs were skipped: task_newtask %" PRIu64 " times, exit_mmap %" PRIu64,
	     json_number(status, "misses"), newtask, exit_mmap);
	ok(!storm->failed && !dead, "%u lives end as they should (%u do not, nor %u makers)", storm->lives,
	   storm->failed, dead);
	/* While another program makes up for that, the child cannot share its memory. */
	ok(!storm->refused || newtask, "no fork is refused, unless task_newtask is skipped (%u)",
	   storm->refused);
	ok(!storm->wrong || (newtask && exit_mmap),
	   "no process is denied by the seal of an earlier one, unless exit_mmap is, too (%u)", storm->wrong);
	ok(!storm->through, "of %u attempts in sealed processes and their children none is let through (%u)",
	   storm->denied + storm->killed + storm->through, storm->through);
	ok(!storm->unmapped || (strcmp(preemption, "none") && strcmp(preemption, "voluntary")),
	   "nor where only a gate can deny it, unless that can be raced (%u)", storm->unmapped);
	json_decref(status);
	ok(!(changed + count_changed()), "no sealed byte has changed, and no mapping");
	read_events(&events, 2000);
	denied = storm->denied + storm->killed + storm->wrong;
	ok(events.seen == denied && events.of_others == storm->wrong && !events.monitor.lost,
	   "each is an event (%u of %u), of no other process (%u), and none is lost (%" PRId64 ")",
	   events.seen, denied, events.of_others, events.monitor.lost);
	monitor_close(&events.monitor);
	check_list();
	check_maps();
	for (unsigned i = 0; i < 2 * WORKERS; i++)
		if (i >= WORKERS)
			puppet_end(workers[i]);
	for (unsigned i = 0; i < KEPT; i++)
		puppet_end(kept[i].puppet);
	daemon_stop(SIGTERM);
	return tap_end();
}
