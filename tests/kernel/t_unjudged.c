/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Calls that the gates let pass unjudged because the kernel refuses them at once. The kernel must return the
 * same error as to an unsealed process, and nothing may change in the whole address space, mapping by
 * mapping, page by page.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "attack.h"
#include "daemon.h"
#include "lib/proc/maps.h"
#include "tap.h"
#include "ways.h"

#define LENGTH (TARGET_PAGES * PAGE)
#define READ_WRITE (PROT_READ | PROT_WRITE)
#define MOVE (MREMAP_MAYMOVE | MREMAP_FIXED)
#define MOST_BYTES (64ul << 20) /* limit of a mapping whose bytes are compared */
#define WITHOUT_WRAP (ABIS_FUNCTIONS | 1u << ABI_32)
#define WRAPPING (1u << ABI_64)

#ifdef __x86_64__
#define BEYOND_USER (1l << 47)
#define HIGH_BITS (1l << 62)
#define NEGATIVE (1l << 63)
#else /* user memory may have 2^52 bytes; the top byte of an address is its tag, unless bit 55 is set */
#define BEYOND_USER (1l << 53)
#define HIGH_BITS (1l << 54)
#define NEGATIVE (1l << 63 | 1l << 55)
#endif

/* Too long for user memory, except for a 64-bit process that calls by int 0x80. */
#define TOO_LONG (1u << ABI_64 | 1u << ABI_32)

static const struct call {
	const char *name;
	unsigned abis;
	long number, offset, length, third, fourth, fifth;
	bool from_end; /* length is counted from the end of the address space */
	bool either;   /* a gate may deny it anyway */
} calls[] = {
#define UNALIGNED(name, number, third) \
	{ name ": unaligned", WITHOUT_WRAP, number, 8, PAGE, third }, \
		{ name ": unaligned by one", WITHOUT_WRAP, number, 1, LENGTH, third }, \
	{ \
		name ": the last byte of a page", WITHOUT_WRAP, number, PAGE - 1, 1, third \
	}
#define WRAPS(name, number, third) \
	{ name ": length 2^64 - 1", WRAPPING, number, 0, -1, third }, \
		{ name ": ends at 2^64", WRAPPING, number, 0, 0, third, .from_end = true }, \
		{ name ": ends in the last page", WRAPPING, number, 0, -100, third, .from_end = true }, \
		{ name ": ends beyond 2^64", WRAPPING, number, 0, PAGE, third, .from_end = true }, \
	{ \
		name ": ends in itself, once round", WRAPPING, number, 0, -(long)PAGE + 1, third \
	}
	UNALIGNED("munmap", SYS_munmap, 0),
	WRAPS("munmap", SYS_munmap, 0),
	{ "munmap: length 0", WITHOUT_WRAP, SYS_munmap },
	{ "munmap: unaligned, length 0", WITHOUT_WRAP, SYS_munmap, 8 },
	{ "munmap: length 2^62", TOO_LONG, SYS_munmap, 0, 1l << 62 },
	{ "munmap: length 2^63", TOO_LONG, SYS_munmap, 0, 1l << 63 },
	{ "munmap: longer than user memory", WRAPPING, SYS_munmap, 0, BEYOND_USER },
	{ "munmap: an address with high bits", WRAPPING, SYS_munmap, HIGH_BITS, PAGE },
	{ "munmap: the address, negative", WRAPPING, SYS_munmap, NEGATIVE, PAGE },

	UNALIGNED("MADV_DONTNEED", SYS_madvise, MADV_DONTNEED),
	UNALIGNED("MADV_DONTFORK", SYS_madvise, MADV_DONTFORK),
	UNALIGNED("MADV_HWPOISON", SYS_madvise, 100),
	UNALIGNED("MADV_GUARD_INSTALL", SYS_madvise, 102),
	UNALIGNED("MADV_GUARD_REMOVE", SYS_madvise, 103),
	WRAPS("MADV_DONTNEED", SYS_madvise, MADV_DONTNEED),
	WRAPS("MADV_FREE", SYS_madvise, MADV_FREE),
	WRAPS("MADV_REMOVE", SYS_madvise, MADV_REMOVE),
	WRAPS("MADV_DONTFORK", SYS_madvise, MADV_DONTFORK),
	WRAPS("MADV_WIPEONFORK", SYS_madvise, MADV_WIPEONFORK),
	WRAPS("MADV_HWPOISON", SYS_madvise, 100),
	WRAPS("MADV_GUARD_INSTALL", SYS_madvise, 102),
	WRAPS("MADV_GUARD_REMOVE", SYS_madvise, 103),
	{ "MADV_DONTNEED: length 0", WITHOUT_WRAP, SYS_madvise, 0, 0, MADV_DONTNEED },
	{ "MADV_DONTFORK: length 0", WITHOUT_WRAP, SYS_madvise, 0, 0, MADV_DONTFORK },
	{ "madvise: no such advice", WITHOUT_WRAP, SYS_madvise, 0, LENGTH, 77 },
	{ "madvise: advice of more than 32 bits", WRAPPING, SYS_madvise, 8, LENGTH,
	  1l << 32 | MADV_DONTNEED },

	UNALIGNED("mprotect", SYS_mprotect, READ_WRITE),
	WRAPS("mprotect", SYS_mprotect, READ_WRITE),
	{ "mprotect: length 0", WITHOUT_WRAP, SYS_mprotect, 0, 0, READ_WRITE },
	{ "mprotect: no such protection", WITHOUT_WRAP, SYS_mprotect, 0, LENGTH, 0xff00 },
	{ "mprotect: PROT_GROWSDOWN and PROT_GROWSUP", WITHOUT_WRAP, SYS_mprotect, 0, LENGTH,
	  READ_WRITE | PROT_GROWSDOWN | PROT_GROWSUP },
	{ "mprotect: PROT_GROWSDOWN of what does not grow", WITHOUT_WRAP, SYS_mprotect, 0, LENGTH,
	  READ_WRITE | PROT_GROWSDOWN, .either = true },

	UNALIGNED("mremap", SYS_mremap, PAGE),
	{ "mremap: unaligned, MREMAP_MAYMOVE", WITHOUT_WRAP, SYS_mremap, 8, PAGE, 2 * PAGE, MREMAP_MAYMOVE },
	{ "mremap: unaligned, length 2^62", TOO_LONG, SYS_mremap, 8, 1l << 62, PAGE, MREMAP_MAYMOVE },
	{ "mremap: unaligned, old length 0", WITHOUT_WRAP, SYS_mremap, 8, 0, PAGE, MREMAP_MAYMOVE },
	{ "mremap: unaligned, MREMAP_FIXED onto 4096", WITHOUT_WRAP, SYS_mremap, 8, PAGE, PAGE, MOVE, PAGE },
	/* These are judged, which is no fault. */
	{ "mremap: no such flag", WITHOUT_WRAP, SYS_mremap, 0, LENGTH, PAGE, 8, .either = true },
	{ "mremap: no such flag among others", WITHOUT_WRAP, SYS_mremap, 0, LENGTH, PAGE, MREMAP_MAYMOVE | 16,
	  .either = true },
	{ "mremap: MREMAP_FIXED alone", WITHOUT_WRAP, SYS_mremap, 0, LENGTH, PAGE, MREMAP_FIXED, PAGE,
	  .either = true },
	{ "mremap: MREMAP_DONTUNMAP alone", WITHOUT_WRAP, SYS_mremap, 0, LENGTH, LENGTH, 4, .either = true },
	{ "mremap: MREMAP_DONTUNMAP, other length", WITHOUT_WRAP, SYS_mremap, 0, LENGTH, PAGE,
	  MREMAP_MAYMOVE | 4, .either = true },
	{ "mremap: new length 0", WITHOUT_WRAP, SYS_mremap, 0, LENGTH, 0, MREMAP_MAYMOVE, .either = true },
	{ "mremap: new length 2^64 - 1", WRAPPING, SYS_mremap, 0, LENGTH, -1, MREMAP_MAYMOVE,
	  .either = true },
	{ "mremap: MREMAP_FIXED onto itself", WITHOUT_WRAP, SYS_mremap, 0, LENGTH, LENGTH, MOVE, -2,
	  .either = true },

	{ "shmdt: no segment", WITHOUT_WRAP, SYS_shmdt },
	{ "shmdt: unaligned", WITHOUT_WRAP, SYS_shmdt, 8 },
	{ NULL },
};

/* --- the whole address space --- */

static uint64_t hash_bytes(int fd, uint64_t start, uint64_t end)
{
	static uint64_t bytes[16 * PAGE / sizeof(uint64_t)];
	uint64_t hash = 0xcbf29ce484222325u;

	for (uint64_t at = start; at < end;) {
		size_t length = end - at < sizeof(bytes) ? end - at : sizeof(bytes);
		ssize_t got = pread(fd, bytes, length, (off_t)at);

		/* Unreadable memory stays unreadable. */
		if (got <= 0) {
			hash = (hash ^ 1) * 0x100000001b3u;
			at += PAGE;
			continue;
		}
		for (size_t i = 0; i < (size_t)got / sizeof(*bytes); i++)
			hash = (hash ^ bytes[i]) * 0x100000001b3u;
		at += (uint64_t)got;
	}
	return hash;
}

/*
 * A line for each mapping: its line in maps, its flags, the number of its own pages, and a hash of the bytes,
 * if it has any. Excludes shared memory and the current stack.
 */
static char *everything(pid_t pid)
{
	char path[64], line[512], *text = NULL, shared = 0;
	unsigned long own = 0;
	uint64_t start = 0, end = 0, from, to;
	size_t size = 0;
	FILE *smaps, *out = open_memstream(&text, &size);
	bool stack = false;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/mem", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	snprintf(path, sizeof(path), "/proc/%d/smaps", pid);
	smaps = fopen(path, "re");
	if (!out || !smaps || fd < 0)
		bail("%s: %s", path, strerror(errno));
	while (fgets(line, sizeof(line), smaps)) {
		if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %*3c%c", &from, &to, &shared) == 3) {
			start = from;
			end = to;
			stack = strstr(line, "[stack]");
			fputs(line, out);
		} else if (sscanf(line, "Anonymous: %lu", &own) == 1) {
			if (!stack)
				fputs(line, out);
		} else if (!strncmp(line, "VmFlags:", 8)) {
			fputs(line, out);
			if (shared == 'p' && !stack && own && end - start <= MOST_BYTES)
				fprintf(out, "bytes %016" PRIx64 "\n", hash_bytes(fd, start, end));
		}
	}
	fclose(smaps);
	fclose(out);
	close(fd);
	return text;
}

/* Shows where they begin to differ. */
static void show_difference(const char *before, const char *after)
{
	size_t at = 0, line = 0;

	while (before[at] && before[at] == after[at]) {
		at++;
		if (before[at - 1] == '\n')
			line = at;
	}
	diag("before: %.300s\nafter: %.300s", before + line, after + line);
}

/* --- the calls --- */

/* The pages in the middle are the target; the others are like it. */
static uint64_t lay_out(struct stage *stage)
{
	uint64_t start = stage_map(stage, 12 * PAGE, READ_WRITE, MAP_PRIVATE | MAP_ANONYMOUS);

	stage_fill(stage, start, 12 * PAGE, 41);
	stage_call(stage, SYS_mprotect, (long)start, 12 * PAGE, PROT_READ);
	if (stage->trouble[0])
		bail("no memory for a puppet: %s", stage->trouble);
	return start + 4 * PAGE;
}

static long make_call(struct stage *stage, const struct call *call, uint64_t at)
{
	long start = (long)at + call->offset, length = call->length - (call->from_end ? start : 0);

	/* A 32-bit process makes the same call, with the length cut to 32 bits. */
	if (ABIS_32 & 1u << stage->abi)
		length = length > 0 && length < 1l << 31 ? length : length ? 0xfff00000l : 0;
	return stage_attack(stage, call->number, start, length, call->third, call->fourth,
			    call->fifth == -2 ? (long)at : call->fifth);
}

/* On one processor: the kernel writes its number into the process's memory (rseq). */
static struct stage new_stage(enum abi abi)
{
	struct stage stage = { .victim = abi == ABI_32 ? puppet_new_32() : puppet_new(), .abi = abi };
	cpu_set_t cpu;

	CPU_ZERO(&cpu);
	CPU_SET(0, &cpu);
	if (sched_setaffinity(stage.victim->pid, sizeof(cpu), &cpu))
		bail("sched_setaffinity: %s", strerror(errno));
	return stage;
}

/* A process, and its state after its last call. */
struct subject {
	struct stage stage;
	uint64_t at; /* the target */
	char *before;
};

/* Has the last call changed nothing? */
static bool is_unchanged(struct subject *subject)
{
	char *after = everything(subject->stage.victim->pid);
	bool same = !strcmp(subject->before, after);

	if (!same)
		show_difference(subject->before, after);
	free(subject->before);
	subject->before = after;
	return same;
}

enum seal { UNSEALED, PERMANENT, REVOCABLY };
static const char *const seal_names[] = { "not sealed", "permanent", "revocable" };

static struct subject subject_new(enum abi abi, enum seal seal)
{
	struct subject subject = { .stage = new_stage(abi) };

	subject.at = lay_out(&subject.stage);
	if (seal == PERMANENT)
		must_seal(subject.stage.victim->pid, subject.at, LENGTH);
	if (seal == REVOCABLY)
		must_seal_revocably(subject.stage.victim->pid, subject.at, LENGTH);
	subject.before = everything(subject.stage.victim->pid);
	return subject;
}

static void subject_end(struct subject *subject)
{
	free(subject->before);
	stage_close(&subject->stage);
}

static const struct {
	const char *name;
	long offset;
} places[] = { { "over it", 0 }, { "into it from below", -2 * (long)PAGE }, { "behind it", LENGTH } };
#define PLACES (sizeof(places) / sizeof(*places))
#define CALLS (sizeof(calls) / sizeof(*calls) - 1)

static long wants[CALLS][PLACES]; /* the kernel's result for an unsealed process */

static bool check_call(struct subject *subject, size_t call, size_t place, enum seal seal)
{
	struct puppet *victim = subject->stage.victim;
	long result = make_call(&subject->stage, &calls[call], subject->at + (uint64_t)places[place].offset);
	/* The kernel may check the native seal first. */
	bool may_be_stopped = place < 2 && (calls[call].either ||
					    (seal == PERMANENT && native_expected() && !victim->is_32));

	if (seal == UNSEALED) {
		wants[call][place] = result;
		if (result == PUPPET_DEAD)
			bail("%s: it is the end of a process that is not sealed", calls[call].name);
		return is_unchanged(subject);
	}
	if (may_be_stopped && result == PUPPET_DEAD && WTERMSIG(victim->status) == SIGKILL)
		return true;
	if (result != wants[call][place] && !(may_be_stopped && result == -EPERM)) {
		diag("not sealed: %s; sealed: ", puppet_text(victim, wants[call][place]));
		diag("%s", puppet_text(victim, result));
		return false;
	}
	return is_unchanged(subject);
}

static void all_calls(enum abi abi, enum seal seal)
{
	struct subject subject = subject_new(abi, seal);
	bool good;

	for (size_t call = 0; call < CALLS; call++) {
		if (!(abis_of_turn(calls[call].abis & (1u << ABI_64 | ABIS_32), (unsigned)call) & 1u << abi))
			continue;
		good = true;
		for (size_t place = 0; place < PLACES; place++) {
			if (!check_call(&subject, call, place, seal)) {
				diag("that was %s", places[place].name);
				good = false;
			}
			if (!puppet_died(subject.stage.victim, 0))
				continue;
			subject_end(&subject);
			subject = subject_new(abi, seal);
		}
		ok(good, "%s, %s, %s: %s, and nothing has changed anywhere", calls[call].name, abi_name(abi),
		   seal_names[seal],
		   seal == UNSEALED ? puppet_text(subject.stage.victim, wants[call][0]) : "as not sealed");
	}
	ok(seal == UNSEALED ||
		   (daemon_says_sealed(subject.stage.victim->pid, subject.at, LENGTH) &&
		    puppet_call(subject.stage.victim, SYS_mprotect, subject.at, PAGE, READ_WRITE) == -EPERM),
	   "%s, %s: in the end it is as sealed as before", abi_name(abi), seal_names[seal]);
	subject_end(&subject);
}

/* Control: the comparison does detect changes. */
static void comparison_sees(void)
{
	struct stage stage = new_stage(ABI_64);
	uint64_t at = lay_out(&stage);
	char *texts[4] = { everything(stage.victim->pid) };

	/* In Debian's 7.1 and 7.3 only a tracer can write to read-only memory. */
	stage_call(&stage, SYS_mprotect, (long)at, PAGE, READ_WRITE);
	stage_poke(&stage, at + 100, "x", 1);
	stage_call(&stage, SYS_mprotect, (long)at, PAGE, PROT_READ);
	texts[1] = everything(stage.victim->pid);
	puppet_call(stage.victim, SYS_madvise, at, PAGE, MADV_DONTFORK);
	texts[2] = everything(stage.victim->pid);
	puppet_call(stage.victim, SYS_munmap, at + PAGE, PAGE);
	texts[3] = everything(stage.victim->pid);
	for (int i = 0; i < 3; i++)
		ok(strcmp(texts[i], texts[i + 1]), "a byte, a flag, a hole: seen (%d)", i);
	for (int i = 0; i < 4; i++)
		free(texts[i]);
	stage_close(&stage);
}

int main(int argc, char **argv)
{
	puppet_main(argc, argv);
	(void)gate_is_override();
	ways_begin();
	comparison_sees();
	for (enum abi abi = ABI_64; abi <= ABI_32; abi++)
		for (enum seal seal = UNSEALED; ABIS_HERE & 1u << abi && seal <= REVOCABLY; seal++)
			all_calls(abi, seal);
	ways_end();
	daemon_stop(SIGTERM);
	return tap_end();
}
