/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Ideas of clever attackers: lengths beyond memory, huge pages, the break below the heap, memory kept from
 * children, stacks that grow into holes, processes left after a kill by a gate, forks while one daemon
 * follows another. Also a daemon that refuses to start instead of killing.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "attack.h"
#include "daemon.h"
#include "fuse_file.h"
#include "hole.h"
#include "lib/proc/maps.h"
#include "strike_huge.h"
#include "strike_tricks.h"
#include "tap.h"
#include "ways.h"

#define ANONYMOUS (MAP_PRIVATE | MAP_ANONYMOUS)
#define READ_WRITE (PROT_READ | PROT_WRITE)
#define LINKS "/sys/fs/bpf/mseald/links"

static bool denied(struct puppet *puppet, uint64_t at)
{
	return puppet_call(puppet, SYS_mprotect, at, PAGE, READ_WRITE) == -EPERM;
}

static bool killed(const struct puppet *puppet, long result)
{
	return result == PUPPET_DEAD && WIFSIGNALED(puppet->status) && WTERMSIG(puppet->status) == SIGKILL;
}

static bool has_flag(pid_t pid, uint64_t page, const char *flag)
{
	char *text = snapshot(pid, page, PAGE), *flags = strstr(text, "VmFlags:"), word[8];
	bool has;

	snprintf(word, sizeof(word), " %s ", flag);
	has = flags && strstr(flags, word);
	free(text);
	return has;
}

/* --- the daemon with an option: daemon_start() takes none --- */

#define SCRIPT "/tmp/mseald-with-option"

static void daemon_start_with(const char *option)
{
	const char *usual = getenv("MSEALD");
	FILE *script = fopen(SCRIPT, "we");

	if (!script)
		bail(SCRIPT ": %s", strerror(errno));
	fprintf(script, "#!/bin/sh\nexec %s %s\n", usual ?: "/usr/sbin/mseald", option);
	fclose(script);
	chmod(SCRIPT, 0700);
	usual = usual ? strdup(usual) : NULL;
	setenv("MSEALD", SCRIPT, 1);
	daemon_start();
	if (usual)
		setenv("MSEALD", usual, 1);
	else
		unsetenv("MSEALD");
	free((char *)usual);
	unlink(SCRIPT);
}

/* --- row 8: brk below the heap only reads the break --- */

static uint64_t heap_start(pid_t pid)
{
	char path[64], text[2048] = "", *rest;
	uint64_t start = 0;
	FILE *file;
	int field;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	file = fopen(path, "re");
	if (!file || !fgets(text, sizeof(text), file))
		bail("%s: %s", path, strerror(errno));
	fclose(file);
	rest = strrchr(text, ')');
	/* Field 47; the third follows the name. */
	for (field = 2; rest && field < 47; field++)
		rest = strchr(rest + 1, ' ');
	if (!rest || sscanf(rest, "%" SCNu64, &start) != 1 || !start)
		bail("%s does not tell where the heap starts", path);
	return start;
}

/* A puppet with memory between the start of its heap and its break. */
static struct puppet *puppet_with_heap(uint64_t *ret_start, uint64_t *ret_break)
{
	struct puppet *puppet = puppet_new();

	*ret_start = (heap_start(puppet->pid) + PAGE - 1) & -PAGE;
	*ret_break = *ret_start + 8 * PAGE;
	if (puppet_call(puppet, SYS_brk, *ret_break) != (long)*ret_break)
		bail("the break of a puppet cannot be moved");
	return puppet;
}

static void breaks(void)
{
	const char *const names[] = { "brk(0)", "brk(1)", "brk(4096)", "brk one page below the heap",
				      "brk of the last page below the heap" };
	uint64_t start, end;
	struct puppet *puppet = puppet_with_heap(&start, &end);
	uint64_t places[5] = { 0, 1, PAGE, 0, 0 };
	struct proc_maps maps;
	const char *error = NULL;
	unsigned sealed = 0;
	long result;

	places[3] = (heap_start(puppet->pid) & -PAGE) - PAGE;
	places[4] = heap_start(puppet->pid) - 1;
	for (int i = 0; i < 5; i++) {
		result = puppet_call(puppet, SYS_brk, places[i]);
		ok(result == (long)end, "row 8: %s: not sealed, it returns the break (%s)", names[i],
		   puppet_text(puppet, result));
	}
	if (proc_maps_read(puppet->pid, &maps) < 0)
		bail("the maps of a puppet cannot be read");
	for (size_t i = 0; i < maps.count && !error; i++)
		if (maps.list[i].end <= start) {
			error = seal_range(puppet->pid, maps.list[i].start,
					   maps.list[i].end - maps.list[i].start);
			sealed += !error;
		}
	proc_maps_free(&maps);
	ok(!error && sealed > 2, "row 8: all %u mappings below the heap are sealed (%s)", sealed,
	   error ?: "fine");
	for (int i = 0; i < 5; i++) {
		result = puppet_call(puppet, SYS_brk, places[i]);
		ok(result == (long)end,
		   "row 8: %s: everything below the heap sealed, it returns the break (%s)", names[i],
		   puppet_text(puppet, result));
	}
	result = puppet_call(puppet, SYS_brk, end + PAGE);
	ok(result == (long)(end + PAGE), "row 8: the break can be moved up");
	result = puppet_call(puppet, SYS_brk, start);
	ok(result == (long)start && !protection_of(puppet->pid, start)[0],
	   "row 8: and down to the start of the heap (%s)", puppet_text(puppet, result));
	puppet_end(puppet);

	puppet = puppet_with_heap(&start, &end);
	must_seal(puppet->pid, start, PAGE);
	result = puppet_call(puppet, SYS_brk, 0);
	ok(result == (long)end, "row 8: brk(0), the heap sealed: it returns the break (%s)",
	   puppet_text(puppet, result));
	result = puppet_call(puppet, SYS_brk, start + PAGE);
	ok(result == (long)(start + PAGE), "row 8: the break can be moved down to the seal (%s)",
	   puppet_text(puppet, result));
	result = puppet_call(puppet, SYS_brk, start);
	/* The kernel itself refuses by returning the unchanged break. */
	ok(native_expected() && !gate_is_override() ? result == (long)(start + PAGE) :
						      stopped_by_gate(puppet, result),
	   "row 8: and no further: %s (%s)", gate_text(), puppet_text(puppet, result));
	if (!puppet_died(puppet, 0))
		ok(protection_of(puppet->pid, start)[0] == 'r', "row 8: the heap is still there");
	puppet_end(puppet);
}

/* --- row 6: MADV_DONTFORK and MADV_DOFORK --- */

static void kept_from_children(int protection, const char *what)
{
	struct puppet *puppet = puppet_new();
	uint64_t page = puppet_pages(puppet, 4, protection) + PAGE;
	long result;

	/* The page before it is sealed, the next one is unsealed. */
	ok(!puppet_call(puppet, SYS_madvise, page, 2 * PAGE, MADV_DONTFORK) &&
		   has_flag(puppet->pid, page, "dc"),
	   "MADV_DONTFORK before the seal, %s: it works", what);
	must_seal(puppet->pid, page, PAGE);
	ok(denied(puppet, page), "%s: it is sealed, but not in children (t_gaps.c)", what);
	result = puppet_call(puppet, SYS_madvise, page + PAGE, PAGE, MADV_DOFORK);
	ok(result == 0 && !has_flag(puppet->pid, page + PAGE, "dc"), "%s: MADV_DOFORK beside the seal (%s)",
	   what, puppet_text(puppet, result));
	result = puppet_call(puppet, SYS_madvise, page, PAGE, MADV_DOFORK);
	ok(stopped_by_program(puppet, result), "%s: MADV_DOFORK of it: %s (%s)", what, program_text(),
	   puppet_text(puppet, result));
	if (!puppet_died(puppet, 0))
		ok(has_flag(puppet->pid, page, "dc"), "%s: its children still go without it", what);
	puppet_end(puppet);
}

static void then_kept_from_children(int protection, const char *what)
{
	struct puppet *puppet = puppet_new();
	uint64_t page = puppet_pages(puppet, 3, protection) + PAGE;
	/* mseal(2) permits it on writable memory. */
	bool (*stopped)(struct puppet * puppet, long result) = protection & PROT_WRITE ? stopped_by_program :
											 stopped_by_gate;
	const char *text = protection & PROT_WRITE ? program_text() : gate_text();
	struct puppet *child;
	long result;

	result = puppet_call(puppet, SYS_madvise, page, PAGE, MADV_DONTFORK);
	ok(result == 0 && has_flag(puppet->pid, page, "dc"), "MADV_DONTFORK, %s: not sealed, it works", what);
	result = puppet_call(puppet, SYS_madvise, page, PAGE, MADV_DOFORK);
	ok(result == 0 && !has_flag(puppet->pid, page, "dc"), "MADV_DOFORK, %s: not sealed, it works", what);
	must_seal(puppet->pid, page, PAGE);
	ok(puppet_call(puppet, SYS_madvise, page - PAGE, PAGE, MADV_DONTFORK) == 0 &&
		   puppet_call(puppet, SYS_madvise, page + PAGE, PAGE, MADV_DONTFORK) == 0,
	   "MADV_DONTFORK, %s: beside the seal it works", what);
	child = puppet_clone(puppet, 0, NULL);
	ok(denied(child, page) && !protection_of(child->pid, page + PAGE)[0],
	   "%s: the child has the seal, and not the memory beside it", what);
	result = puppet_call(child, SYS_madvise, page, PAGE, MADV_DONTFORK);
	ok(stopped(child, result), "MADV_DONTFORK, %s: in a child: %s (%s)", what, text,
	   puppet_text(child, result));
	puppet_end(child);
	result = puppet_call(puppet, SYS_madvise, page, PAGE, MADV_DONTFORK);
	ok(stopped(puppet, result), "MADV_DONTFORK, %s: sealed, %s (%s)", what, text,
	   puppet_text(puppet, result));
	if (!puppet_died(puppet, 0))
		ok(!has_flag(puppet->pid, page, "dc"), "MADV_DONTFORK, %s: sealed, nothing has changed",
		   what);
	puppet_end(puppet);
}

/* --- row 6: RELRO of a real library --- */

/* A page of the first library's RELRO in a process sealed with --segments=relro; 0: none. */
static uint64_t find_relro(pid_t pid, const char *library, uint64_t *ret_length)
{
	json_t *seals = daemon_seals(pid), *seal;
	uint64_t found = 0;
	struct proc_maps maps;
	size_t i;

	if (proc_maps_read(pid, &maps) < 0)
		bail("the maps of a puppet cannot be read");
	json_array_foreach(seals, i, seal) {
		uint64_t start = (uint64_t)json_number(seal, "start");
		const struct mapping *mapping = proc_maps_find(&maps, start);

		if (found || !mapping || !strstr(mapping->path, library))
			continue;
		found = start;
		*ret_length = (uint64_t)json_number(seal, "end") - start;
	}
	proc_maps_free(&maps);
	json_decref(seals);
	return found;
}

static void relro(void)
{
	struct puppet *puppet = puppet_new(), *unsealed = puppet_new();
	uint64_t beside = puppet_pages(puppet, 1, PROT_READ), at, length = 0;
	const char *error = daemon_seal(&(struct seal_order){ .pid = puppet->pid, .segments = "relro" },
					NULL);
	char *before, *after;
	long result;

	at = error ? 0 : find_relro(puppet->pid, "jansson", &length);
	if (!at && PAGE > 4096) {
		skip("libjansson's is less than a page here", "RELRO, MADV_DONTNEED");
		goto end;
	}
	if (!ok(at, "RELRO of libjansson is sealed (%s)", error ?: "fine"))
		goto end;
	/* Both are forks of the test: their mappings are the same. */
	before = snapshot(unsealed->pid, at, length);
	result = puppet_call(unsealed, SYS_madvise, at, length, MADV_DONTNEED);
	after = snapshot(unsealed->pid, at, length);
	ok(result == 0 && strcmp(before, after),
	   "RELRO, MADV_DONTNEED: not sealed, relocation is undone (%s)", puppet_text(unsealed, result));
	free(before);
	free(after);
	ok(puppet_call(puppet, SYS_madvise, beside, PAGE, MADV_DONTNEED) == 0,
	   "RELRO: other memory can be discarded");
	before = snapshot(puppet->pid, at, length);
	result = puppet_call(puppet, SYS_madvise, at, length, MADV_DONTNEED);
	ok(stopped_by_program(puppet, result), "RELRO, MADV_DONTNEED: sealed, %s (%s)", program_text(),
	   puppet_text(puppet, result));
	if (!puppet_died(puppet, 0)) {
		after = snapshot(puppet->pid, at, length);
		ok(!strcmp(before, after), "RELRO, MADV_DONTNEED: sealed, nothing has changed");
		free(after);
	}
	free(before);
end:
	puppet_end(unsealed);
	puppet_end(puppet);
}

/* --- row 13: stacks that grow --- */

#define ROOM 2048ul /* pages: more than any guard gap, less than the limit of a stack */

static long use_stack(const long arguments[6])
{
	volatile char big[512 * 1024];

	for (size_t i = 0; i < sizeof(big); i += PAGE)
		big[i] = (char)arguments[0];
	return big[0] + big[256 * 1024];
}

static void growing_mappings(void)
{
	const long flags = ANONYMOUS | MAP_GROWSDOWN;
	struct puppet *puppet = puppet_new(), *other = puppet_new();
	uint64_t page = puppet_pages(puppet, 1, PROT_READ);
	uint64_t old = (uint64_t)puppet_call(puppet, SYS_mmap, 0, ROOM * PAGE, PROT_NONE, ANONYMOUS, -1, 0);
	struct range range;
	const char *error;
	long result;

	puppet_call(puppet, SYS_munmap, old, ROOM * PAGE);
	old = (uint64_t)puppet_call(puppet, SYS_mmap, old + (ROOM - 4) * PAGE, 2 * PAGE, READ_WRITE,
				    flags | MAP_FIXED, -1, 0);
	result = puppet_call(puppet, SYS_mmap, 0, PAGE, READ_WRITE, flags, -1, 0);
	ok(result > 0, "MAP_GROWSDOWN: not sealed, it works (%s)", puppet_text(puppet, result));
	puppet_call(puppet, SYS_munmap, result, PAGE);
	must_seal(puppet->pid, page, PAGE);
	result = puppet_call(puppet, SYS_mmap, 0, PAGE, READ_WRITE, flags, -1, 0);
	ok(result == -EPERM, "MAP_GROWSDOWN: sealed, EPERM (%s)", puppet_text(puppet, result));
	result = puppet_call(puppet, SYS_mmap, old - 600 * PAGE, PAGE, READ_WRITE, flags | MAP_FIXED, -1, 0);
	ok(result == -EPERM, "MAP_GROWSDOWN|MAP_FIXED where nothing is: sealed, EPERM (%s)",
	   puppet_text(puppet, result));
	result = puppet_call(puppet, SYS_mmap, 0, PAGE, READ_WRITE, ANONYMOUS, -1, 0);
	ok(result > 0, "a mapping that does not grow: sealed, it works (%s)", puppet_text(puppet, result));
	result = puppet_call(other, SYS_mmap, 0, PAGE, READ_WRITE, flags, -1, 0);
	ok(result > 0, "MAP_GROWSDOWN: while another is sealed, it works (%s)", puppet_text(other, result));
	ok(puppet_run(puppet, touch_pages, (long)(old - 64 * PAGE), (long)PAGE) == 0 &&
		   !strcmp(protection_of(puppet->pid, old - 64 * PAGE), "rw-p"),
	   "an older MAP_GROWSDOWN mapping grows in a sealed process");
	result = puppet_run(puppet, use_stack, 3);
	ok(result == 6, "the stack grows in a sealed process (%s)", puppet_text(puppet, result));
	page = puppet_pages(other, 1, PROT_READ);
	range = (struct range){ page, page + PAGE };
	error = daemon_seal(
		&(struct seal_order){ .pid = other->pid, .ranges = &range, .count = 1, .deny = "mprotect" },
		NULL);
	result = puppet_call(other, SYS_mmap, 0, PAGE, READ_WRITE, flags, -1, 0);
	ok(!error && result > 0, "MAP_GROWSDOWN: sealed against mprotect only, it works (%s, %s)",
	   error ?: "fine", puppet_text(other, result));
	puppet_end(other);
	puppet_end(puppet);
}

struct grower {
	struct puppet *one, *sibling, *third; /* all in one address space */
	/* four pages to be sealed, and a growing mapping above them */
	uint64_t page, stack;
};

static struct grower grower_new(void)
{
	struct grower grower = { .one = puppet_new() };
	uint64_t room;

	grower.sibling = puppet_clone(grower.one, CLONE_VM, NULL);
	grower.third = puppet_clone(grower.one, CLONE_VM, NULL);
	room = (uint64_t)puppet_call(grower.one, SYS_mmap, 0, ROOM * PAGE, PROT_NONE, ANONYMOUS, -1, 0);
	puppet_call(grower.one, SYS_munmap, room, ROOM * PAGE);
	grower.page = room + 500 * PAGE;
	grower.stack = room + 900 * PAGE;
	if (puppet_call(grower.one, SYS_mmap, grower.page, 4 * PAGE, READ_WRITE, ANONYMOUS | MAP_FIXED, -1,
			0) < 0 ||
	    puppet_call(grower.one, SYS_mmap, grower.stack, 4 * PAGE, READ_WRITE,
			ANONYMOUS | MAP_GROWSDOWN | MAP_FIXED, -1, 0) < 0 ||
	    puppet_run(grower.one, fill_pages, (long)grower.page, 4 * PAGE, 5) ||
	    puppet_call(grower.one, SYS_mprotect, grower.page, 4 * PAGE, PROT_READ))
		bail("a stack to grow cannot be made");
	return grower;
}

static void grower_end(struct grower *grower)
{
	puppet_end(grower->third);
	puppet_end(grower->sibling);
	puppet_end(grower->one);
}

/* address, address of the result: grows a stack there by a store; returns the value read back. */
static long grow_by_store(const long arguments[6])
{
	volatile char *at = (char *)arguments[0];

	*at = 'X';
	*(volatile char *)arguments[1] = *at;
	return *at;
}

/* The same by a system call that writes to memory. */
static long grow_by_call(const long arguments[6])
{
	int pipe[2];
	long result = RAW(SYS_pipe2, pipe, 0);

	result = result ?: RAW(SYS_write, pipe[1], "X", 1);
	result = result == 1 ? RAW(SYS_read, pipe[0], arguments[0], 1) : result;
	if (result != 1)
		return result;
	*(volatile char *)arguments[1] = *(volatile char *)arguments[0];
	return *(volatile char *)arguments[0];
}

static void stack_into_hole(puppet_function grow, const char *what)
{
	struct grower grower = grower_new();
	char *read_back = puppet_data(grower.one);
	long result;

	result = puppet_call(grower.sibling, SYS_munmap, grower.page, 4 * PAGE);
	ok(result == 0, "stack into a hole by %s: not sealed, memory is unmapped", what);
	result = puppet_run(grower.one, grow, (long)grower.page + (long)PAGE, (long)read_back);
	ok(result == 'X' && read_back[0] == 'X' &&
		   !strcmp(protection_of(grower.one->pid, grower.page + PAGE), "rw-p"),
	   "stack into a hole by %s: not sealed, it grows (%s)", what, puppet_text(grower.one, result));
	grower_end(&grower);

	/* A call that dies does not wait for mmap_lock (mmap_write_lock_killable): then it unmaps nothing. */
	for (int i = 0; i < 5; i++) {
		grower = grower_new();
		read_back = puppet_data(grower.one);
		must_seal(grower.one->pid, grower.page, 4 * PAGE);
		daemon_pause(true);
		result = puppet_call(grower.sibling, SYS_munmap, grower.page, 4 * PAGE);
		if (i == 4 || !killed(grower.sibling, result) ||
		    !protection_of(grower.one->pid, grower.page)[0])
			break;
		daemon_pause(false);
		grower_end(&grower);
	}
	ok(killed(grower.sibling, result), "stack into a hole by %s: the process that unmaps dies (%s)", what,
	   puppet_text(grower.sibling, result));
	ok(!puppet_died(grower.one, 100) && !protection_of(grower.one->pid, grower.page)[0],
	   "stack into a hole by %s: a sharer lives, the daemon stopped, and has a hole", what);
	result = puppet_run(grower.one, touch_pages, (long)(grower.stack - 64 * PAGE), (long)PAGE);
	ok(result == 0, "stack into a hole by %s: outside of the hole it grows (%s)", what,
	   puppet_text(grower.one, result));
	result = puppet_run(grower.one, grow, (long)grower.page + (long)PAGE, (long)read_back);
	ok(killed(grower.one, result), "stack into a hole by %s: the process that grows it dies (%s)", what,
	   puppet_text(grower.one, result));
	ok(read_back[0] == 0, "stack into a hole by %s: it could not read back what it wrote", what);
	result = puppet_run(grower.third, puppet_peek, (long)grower.page + (long)PAGE);
	if (result == PUPPET_DEAD)
		ok(killed(grower.third, result),
		   "stack into a hole by %s: a third process that reads it dies", what);
	else if (result == 'X' && read_back[0] == 0 && strstr(what, "system call"))
		skip("the kill gate lets the call end: t_gaps.c",
		     "stack into a hole by %s: a third cannot read it either", what);
	else
		ok(result != 'X', "stack into a hole by %s: a third cannot read it either (%s)", what,
		   puppet_text(grower.third, result));
	daemon_pause(false);
	ok(puppet_died(grower.third, 15000), "stack into a hole by %s: the daemon kills the others", what);
	grower_end(&grower);
}

/* The kernel moves it, and asks the hook for the new place only; realloc(3) does that. */
static void grows_beside(void)
{
	struct puppet *puppet = puppet_new();
	long at = puppet_call(puppet, SYS_mmap, 0, 4 * PAGE, READ_WRITE, ANONYMOUS, -1, 0), result;

	/* Only its last page is in memory. */
	if (at < 0 || puppet_call(puppet, SYS_mprotect, at + (long)PAGE, 3 * PAGE, PROT_READ) ||
	    puppet_run(puppet, touch_pages, at + 3 * (long)PAGE, (long)PAGE))
		bail("no memory that grows");
	must_seal(puppet->pid, (uint64_t)at + PAGE, 3 * PAGE);
	result = puppet_call(puppet, SYS_mremap, at, PAGE, 4 * PAGE, MREMAP_MAYMOVE);
	ok(result > 0 && result != at, "a mapping below sealed memory grows, elsewhere (%s)",
	   puppet_text(puppet, result));
	puppet_end(puppet);
}

/* --- row 2: a file whose blocks are larger than a page --- */

/* A loader maps a page of it below the seal; the kernel rounds lengths to blocks on hugetlbfs only. */
static void large_blocks(void)
{
	struct puppet *puppet = puppet_new();
	uint64_t page = puppet_pages(puppet, 8, PROT_READ);
	struct fuse_file served;
	long file, result;

	if (!fuse_file_open(&served)) {
		skip(strerror(errno), "a file whose blocks are larger than a page");
		puppet_end(puppet);
		return;
	}
	strcpy(puppet_data(puppet), FUSE_PATH);
	file = puppet_call(puppet, SYS_openat, AT_FDCWD, (long)puppet_data(puppet), O_RDONLY);
	must_seal(puppet->pid, page + 4 * PAGE, 4 * PAGE);
	result = puppet_call(puppet, SYS_mmap, page, PAGE, PROT_READ, MAP_PRIVATE | MAP_FIXED, file, 0);
	ok(result == (long)page, "a page of a file of large blocks is mapped below the seal (%s)",
	   puppet_text(puppet, result));
	puppet_call(puppet, SYS_mmap, 0, 1 << 21, READ_WRITE, ANONYMOUS | MAP_HUGETLB, -1, 0);
	puppet_call(puppet, SYS_munmap, page, PAGE);
	result = puppet_call(puppet, SYS_mmap, page, PAGE, PROT_READ, MAP_PRIVATE, file, 0);
	ok(result == (long)page, "the same without MAP_FIXED, with a huge page elsewhere (%s)",
	   puppet_text(puppet, result));
	fuse_file_close(&served);
	puppet_end(puppet);
}

/* --- processes left after a kill by a gate --- */

static void survivor_of(const char *what, const long call[7], uint64_t at, struct puppet *one)
{
	struct puppet *sibling = puppet_clone(one, CLONE_VM, NULL), *child;
	long result;

	must_seal(one->pid, at, 2 * PAGE);
	child = puppet_clone(one, 0, NULL);
	result = puppet_call_(sibling, call);
	ok(killed(sibling, result), "shared memory: %s: SIGKILL (%s)", what, puppet_text(sibling, result));
	ok(puppet_died(one, 10000) && killed(one, PUPPET_DEAD),
	   "shared memory: %s: the other one is killed by the daemon", what);
	ok(!puppet_died(child, 300) && denied(child, at) && protection_of(child->pid, at)[0] == 'r',
	   "shared memory: %s: a child, with memory of its own, lives on, sealed", what);
	puppet_end(child);
	puppet_end(sibling);
	puppet_end(one);
}

static void survivors(void)
{
	struct puppet *one;
	uint64_t at, to;

	one = puppet_new();
	at = puppet_pages(one, 2, PROT_READ);
	survivor_of("munmap", (const long[7]){ SYS_munmap, (long)at, PAGE }, at, one);
	one = puppet_new();
	at = puppet_pages(one, 2, PROT_READ);
	to = puppet_pages(one, 2, PROT_READ);
	survivor_of("mremap",
		    (const long[7]){ SYS_mremap, (long)at, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED,
				     (long)to },
		    at, one);
	one = puppet_new();
	at = puppet_pages(one, 2, PROT_READ);
	survivor_of("MADV_DONTNEED", (const long[7]){ SYS_madvise, (long)at, PAGE, MADV_DONTNEED }, at, one);
}

/* --- forks while one daemon follows another --- */

struct fork_load {
	_Atomic int stop;
	_Atomic long forks, wrong;
};

/* page, struct fork_load: makes children one after the other; each tries to change the page. */
static long fork_on(const long arguments[6])
{
	struct fork_load *load = (struct fork_load *)arguments[1];

	while (!atomic_load(&load->stop)) {
		int status = -1;
		long pid = RAW(SYS_clone, SIGCHLD, 0, 0, 0, 0);

		if (pid == 0)
			RAW(SYS_exit_group,
			    RAW(SYS_mprotect, arguments[0], PAGE, PROT_READ) == -EPERM ? 0 : 1);
		if (pid < 0 || RAW(SYS_wait4, pid, &status, 0, 0) != pid || status)
			atomic_fetch_add(&load->wrong, 1);
		atomic_fetch_add(&load->forks, 1);
	}
	return 0;
}

static int count_links(void)
{
	DIR *folder = opendir(LINKS);
	struct dirent *entry;
	int count = 0;

	while (folder && (entry = readdir(folder)))
		count += entry->d_name[0] != '.';
	if (folder)
		closedir(folder);
	return count;
}

/* The last daemon has --gate=kill, which the following tests need. */
static void forks_during_hand_over(void)
{
	static const int signals[] = { SIGTERM, SIGKILL, SIGKILL };
	const size_t count = brief(sizeof(signals) / sizeof(*signals), 1), first = brief(0, 2);
	struct puppet *forkers[2];
	struct fork_load *loads[2];
	long forks = 0, wrong = 0;
	bool alive = true;

	for (int i = 0; i < 2; i++) {
		uint64_t page;

		forkers[i] = puppet_new();
		loads[i] = puppet_data(forkers[i]);
		*loads[i] = (struct fork_load){ 0 };
		page = puppet_pages(forkers[i], 1, PROT_READ);
		must_seal(forkers[i]->pid, page, PAGE);
		puppet_start(forkers[i], fork_on, (long)page, (long)loads[i]);
	}
	for (size_t i = 0; i < count; i++) {
		daemon_stop(signals[first + i]);
		nap(300);
		if (i < count - 1)
			daemon_start();
		else
			daemon_start_with("--gate=kill");
		for (int k = 0; k < 2; k++)
			alive = alive && !puppet_died(forkers[k], 0);
	}
	nap(1000);
	ok(status_number("attached") == 1 && status_number("sets") == 2,
	   "forks during hand-over: attached, two sets (%" PRId64 ")", status_number("sets"));
	for (int i = 0; i < 2; i++) {
		atomic_store(&loads[i]->stop, 1);
		/* One ends by itself, one during the call. */
		if (i == 0)
			puppet_result(forkers[i]);
		forks += loads[i]->forks;
		wrong += loads[i]->wrong;
		puppet_end(forkers[i]);
	}
	ok(alive && forks > 50, "forks during hand-over: %ld forks", forks);
	ok(wrong == 0, "forks during hand-over: every child was sealed, by either daemon (%ld were not)",
	   wrong);
	ok(status_becomes("spaces", 0, 20), "forks during hand-over: no space is left (%" PRId64 ")",
	   status_number("spaces"));
	ok(status_becomes("sets", 0, 20), "forks during hand-over: no set is left (%" PRId64 ")",
	   status_number("sets"));
	ok(status_becomes("attached", 0, 20), "forks during hand-over: nothing is attached");
	ok(count_links() == 0, "forks during hand-over: no link is pinned (%d)", count_links());
}

/* --- --gate=deny --- */

/* Runs it to its end, with its output in said. Returns the wait status; -1: it ran for over a minute. */
static int run_daemon(const char *option, char *said, size_t size)
{
	const char *path = getenv("MSEALD") ?: "/usr/sbin/mseald";
	int output[2], status = -1;
	size_t length = 0;
	ssize_t got = 0;
	pid_t pid;

	if (pipe(output))
		bail("pipe: %s", strerror(errno));
	fflush(NULL);
	pid = fork();
	if (pid == 0) {
		dup2(output[1], STDOUT_FILENO);
		dup2(output[1], STDERR_FILENO);
		close(output[0]);
		close(output[1]);
		execl(path, path, option, NULL);
		_exit(127);
	}
	close(output[1]);
	while (length < size - 1 &&
	       poll(&(struct pollfd){ .fd = output[0], .events = POLLIN }, 1, 60000) > 0) {
		got = read(output[0], said + length, size - 1 - length);
		if (got <= 0)
			break;
		length += (size_t)got;
	}
	said[length] = '\0';
	close(output[0]);
	for (int i = 0; i < 100 && waitpid(pid, &status, WNOHANG) == 0; i++)
		nap(20);
	if (waitpid(pid, NULL, WNOHANG) == 0) {
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		return -1;
	}
	return status;
}

/* With --gate=deny a 32-bit program is not sealed against calls for which it could only be killed. */
static void deny_32(void)
{
	struct puppet *puppet = puppet_new_32();
	long page = puppet_call(puppet, SYS_mmap, 0, 2 * PAGE, PROT_READ, ANONYMOUS, -1, 0);
	const struct range range = { (uint64_t)page, (uint64_t)page + PAGE };
	const char *error = seal_range(puppet->pid, (uint64_t)page, PAGE);
	long result;

	if (gate_32_is_override()) {
		result = puppet_call(puppet, SYS_munmap, page, PAGE);
		ok(!error && result == -EPERM, "--gate=deny: a 32-bit program: munmap: EPERM (%s, %s)",
		   error ?: "sealed", puppet_text(puppet, result));
	} else {
		ok(error && !strcmp(error, "Unsupported") && strstr(daemon_error_message(), "32-bit"),
		   "--gate=deny: a 32-bit program is not sealed (%s: %s)", error ?: "no error",
		   daemon_error_message());
		error = daemon_seal(
			&(struct seal_order){
				.pid = puppet->pid, .ranges = &range, .count = 1, .deny = "mprotect" },
			NULL);
		result = puppet_call(puppet, SYS_mprotect, page, PAGE, READ_WRITE);
		ok(!error && result == -EPERM,
		   "--gate=deny: a 32-bit program, --deny=mprotect: EPERM (%s, %s)", error ?: "sealed",
		   puppet_text(puppet, result));
	}
	puppet_end(puppet);
}

/* Without a running daemon. */
static void rather_not_start(void)
{
	struct puppet *puppet;
	uint64_t page;
	char said[4096];
	int status;
	long result;

	if (!gate_is_override()) {
		/* An earlier test may have left links. */
		int links = count_links();

		status = run_daemon("--gate=deny", said, sizeof(said));
		ok(WIFEXITED(status) && WEXITSTATUS(status) == 1,
		   "--gate=deny: exits with status 1 (wait status %#x)", status);
		ok(!strncmp(said, "mseald: ", 8) && strstr(said, "--gate=deny") && strchr(said, '\n') &&
			   !strchr(said, '\n')[1],
		   "--gate=deny: says one line why");
		diag("%s", said);
		ok(access(DAEMON_SOCKET, F_OK), "--gate=deny: leaves no socket");
		ok(count_links() == links, "--gate=deny: attaches nothing");
		return;
	}
	daemon_start_with("--gate=deny");
	ok(daemon_alive(), "--gate=deny: starts");
	puppet = puppet_new();
	page = puppet_pages(puppet, 2, PROT_READ);
	must_seal(puppet->pid, page, PAGE);
	result = puppet_call(puppet, SYS_munmap, page, PAGE);
	ok(result == -EPERM, "--gate=deny: munmap: EPERM (%s)", puppet_text(puppet, result));
	ok(puppet_call(puppet, SYS_munmap, page + PAGE, PAGE) == 0, "--gate=deny: beside the seal it works");
	puppet_end(puppet);
	deny_32();
	ok(status_becomes("attached", 0, 15), "--gate=deny: detached in the end");
	daemon_stop(SIGTERM);
}

int main(int argc, char **argv)
{
	puppet_main(argc, argv);
	(void)gate_is_override();
	rather_not_start();
	huge_begin();
	ways_begin();
	tricks_run();
	huge_run();
	ways_end();
	breaks();
	kept_from_children(PROT_READ, "read-only memory");
	kept_from_children(READ_WRITE, "writable memory");
	then_kept_from_children(PROT_READ, "read-only memory");
	then_kept_from_children(READ_WRITE, "writable memory");
	relro();
	growing_mappings();
	grows_beside();
	large_blocks();
	ok(status_becomes("spaces", 0, 10), "nothing is left of the tricks");
	forks_during_hand_over();

	/* Tests that need a gate that kills: every kernel has one. */
	diag("from here on with --gate=kill");
	setenv("MSEALD_EXPECT_GATE", "kill", 1);
	unsetenv("MSEALD_EXPECT_NATIVE");
	survivors();
	stack_into_hole(grow_by_store, "a store");
	stack_into_hole(grow_by_call, "a system call");
	huge_into_holes();
	ok(status_becomes("spaces", 0, 10) && status_becomes("attached", 0, 10),
	   "nothing is left in the end");
	daemon_stop(SIGTERM);
	huge_end();
	return tap_end();
}
