/* SPDX-License-Identifier: LGPL-2.1-or-later */
#define _GNU_SOURCE
#include "attack.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/proc/maps.h"
#include "tap.h"

#define STAGE_PAGES 32ul /* the target is in the middle */
#define GUARD_PAGES 8ul	 /* inaccessible, on both sides */
#define HUGE_PAGE (PAGE / 8 * PAGE)
#ifndef MAP_HUGETLB
#define MAP_HUGETLB 0x40000
#endif

/* --- in the puppet --- */

long fill_pages(const long arguments[6])
{
	for (long at = arguments[0]; at < arguments[0] + arguments[1]; at += (long)PAGE)
		for (size_t i = 0; i < PAGE / sizeof(long); i += 8)
			((volatile long *)at)[i] = at + arguments[2] + (long)i;
	return 0;
}

long touch_pages(const long arguments[6])
{
	long sum = 0;

	for (long at = arguments[0]; at < arguments[0] + arguments[1]; at += (long)PAGE)
		sum += *(volatile char *)at & 1;
	return sum;
}

/* --- the stage --- */

void stage_trouble(struct stage *stage, const char *why, ...)
{
	va_list arguments;

	if (stage->trouble[0])
		return;
	va_start(arguments, why);
	vsnprintf(stage->trouble, sizeof(stage->trouble), why, arguments);
	va_end(arguments);
}

long stage_call_(struct stage *stage, const char *text, const long call[7])
{
	long result = puppet_call_(stage->victim, call);

	if (result < 0 && result > -4096)
		stage_trouble(stage, "%s: %s", text, puppet_text(stage->victim, result));
	else if (result == PUPPET_DEAD)
		stage_trouble(stage, "%s: %s", text, puppet_text(stage->victim, result));
	return result;
}

long puppet_call_by_(struct puppet *puppet, enum abi abi, const long call[7])
{
	long other[7];

	switch (abi) {
	case ABI_INT80: return abi_to_32(call, other) ? -ENOSYS : puppet_call_32_(puppet, other);
	case ABI_X32: abi_to_x32(call, other); return puppet_call_(puppet, other);
	default: return puppet_call_(puppet, call);
	}
}

long stage_attack_(struct stage *stage, const long call[7])
{
	const char *why;
	long other[7];

	why = ABIS_32 & 1u << stage->abi ? abi_to_32(call, other) : NULL;
	if (!why)
		return puppet_call_by_(stage->victim, stage->abi, call);
	stage_trouble(stage, "%s", why);
	return 0;
}

uint64_t stage_map(struct stage *stage, unsigned long length, int protection, int flags)
{
	uint64_t room;

	if (stage->abi != ABI_INT80)
		return (uint64_t)stage_call(stage, SYS_mmap, 0, (long)length, protection, flags, -1, 0);
	if (!(flags & MAP_HUGETLB))
		return (uint64_t)stage_call(stage, SYS_mmap, 0, (long)length, protection, flags | MAP_32BIT,
					    -1, 0);
	/* For huge pages 6.1 and 6.12 ignore MAP_32BIT (fs/hugetlbfs/inode.c). */
	room = (uint64_t)stage_call(stage, SYS_mmap, 0, (long)(length + HUGE_PAGE), PROT_NONE,
				    MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
	room = (room + HUGE_PAGE - 1) & -HUGE_PAGE;
	return (uint64_t)stage_call(stage, SYS_mmap, (long)room, (long)length, protection, flags | MAP_FIXED,
				    -1, 0);
}

static int open_memory(pid_t pid, int mode)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/mem", pid);
	return open(path, mode | O_CLOEXEC);
}

void stage_peek(struct stage *stage, uint64_t at, void *bytes, size_t length)
{
	int fd = stage->trouble[0] ? -1 : open_memory(stage->victim->pid, O_RDONLY);

	if (!stage->trouble[0] && (fd < 0 || pread(fd, bytes, length, (off_t)at) != (ssize_t)length))
		stage_trouble(stage, "memory at %#lx cannot be read: %s", (unsigned long)at, strerror(errno));
	if (fd >= 0)
		close(fd);
}

void stage_poke(struct stage *stage, uint64_t at, const void *bytes, size_t length)
{
	int fd = stage->trouble[0] ? -1 : open_memory(stage->victim->pid, O_RDWR);

	if (!stage->trouble[0] && (fd < 0 || pwrite(fd, bytes, length, (off_t)at) != (ssize_t)length))
		stage_trouble(stage, "memory at %#lx cannot be written: %s", (unsigned long)at,
			      strerror(errno));
	if (fd >= 0)
		close(fd);
}

void stage_fill(struct stage *stage, uint64_t start, uint64_t length, unsigned seed)
{
	uint64_t *bytes = stage->trouble[0] ? NULL : calloc(1, length);

	for (size_t i = 0; bytes && i < length / sizeof(*bytes); i += 8)
		bytes[i] = start + seed + i;
	if (bytes)
		stage_poke(stage, start, bytes, length);
	free(bytes);
}

void with_tags(struct stage *stage)
{
#ifdef SYS_arch_prctl
	/* ARCH_ENABLE_TAGGED_ADDR: six bits (arch/x86/include/uapi/asm/prctl.h, since 6.4). */
	if (stage_attack(stage, SYS_arch_prctl, 0x4002, 6))
		stage_trouble(stage, "there is no linear address masking");
#else
	(void)stage; /* arm64 strips the tags of these calls for every process */
#endif
}

/* From 6.11 on a process that poisons its own page gets SIGBUS immediately. */
static void on_sigbus(int signal)
{
	(void)signal;
}

static long handle_sigbus(const long arguments[6])
{
	(void)arguments;
	return signal(SIGBUS, on_sigbus) == SIG_ERR ? -EINVAL : 0;
}

void with_handler(struct stage *stage)
{
	if (puppet_run(stage->victim, handle_sigbus))
		stage_trouble(stage, "SIGBUS cannot be handled");
}

static void lay_out(struct stage *stage, uint64_t start, uint64_t length)
{
	enum layout layout = stage->attack->layout;
	bool shared = layout == SHARED_READ || layout == SHARED_WRITE, file = shared || layout == FILE_READ;

	if (file) {
		strcpy(puppet_data(stage->victim), "stage");
		stage->fd = (int)stage_call(stage, SYS_memfd_create, (long)puppet_data(stage->victim), 0);
		stage_call(stage, SYS_ftruncate, stage->fd, (long)(length * 2));
	}
	stage_call(stage, SYS_mmap, (long)start, (long)length, PROT_READ | PROT_WRITE,
		   MAP_FIXED | (shared ? MAP_SHARED : MAP_PRIVATE) | (file ? 0 : MAP_ANONYMOUS), stage->fd,
		   0);
	stage_fill(stage, start, length, 7);
	if (layout != ANON_WRITE && layout != SHARED_WRITE)
		stage_call(stage, SYS_mprotect, (long)start, (long)length, PROT_READ);
}

void stage_open(struct stage *stage, const struct attack *attack, enum abi abi)
{
	uint64_t base, start;

	*stage = (struct stage){ .victim = abi == ABI_32 ? puppet_new_32() : puppet_new(),
				 .abi = abi,
				 .attack = attack,
				 .fd = -1 };
	base = stage_map(stage, (STAGE_PAGES + 2 * GUARD_PAGES) * PAGE, PROT_NONE,
			 MAP_PRIVATE | MAP_ANONYMOUS);
	start = base + GUARD_PAGES * PAGE;
	stage->length = TARGET_PAGES * PAGE;
	stage->target = start + (STAGE_PAGES - TARGET_PAGES) / 2 * PAGE;
	/* The controls are as close to the seal as the call allows. */
	stage->control[0] = stage->target + stage->length + attack->below * PAGE;
	stage->control[1] = stage->target - stage->length - attack->above * PAGE;
	if (attack->layout != PREPARED && !stage->trouble[0])
		lay_out(stage, start, STAGE_PAGES * PAGE);
	if (attack->prepare && !stage->trouble[0])
		attack->prepare(stage);
	if (attack->no_before)
		stage->control[1] = 0;
}

void stage_close(struct stage *stage)
{
	stage->victim = puppet_end(stage->victim);
}

struct outcome stage_strike(struct stage *stage, uint64_t at)
{
	struct outcome outcome = { .kind = NOT_TRIED };
	long result;

	result = stage->trouble[0] ? 0 : stage->attack->strike(stage, at);
	if (stage->trouble[0]) {
		snprintf(outcome.text, sizeof(outcome.text), "not tried: %s", stage->trouble);
		return outcome;
	}
	if (result == PUPPET_DEAD && WIFSIGNALED(stage->victim->status)) {
		outcome.kind = KILLED;
		outcome.value = WTERMSIG(stage->victim->status);
	} else if (result == PUPPET_DEAD) {
		outcome.kind = KILLED;
	} else if (result < 0 && result > -4096) {
		outcome.kind = DENIED;
		outcome.value = (int)-result;
	} else {
		outcome.kind = SUCCEEDED;
	}
	snprintf(outcome.text, sizeof(outcome.text), "%s", puppet_text(stage->victim, result));
	return outcome;
}

/* --- observations from outside --- */

static void describe_bytes(FILE *out, pid_t pid, uint64_t start, uint64_t end)
{
	uint64_t page[PAGE / sizeof(uint64_t)];
	int fd = open_memory(pid, O_RDONLY);

	for (uint64_t at = start; at < end; at += PAGE) {
		uint64_t hash = 0xcbf29ce484222325u;

		if (fd < 0 || pread(fd, page, PAGE, (off_t)at) != (ssize_t)PAGE) {
			fprintf(out, "%" PRIx64 " cannot be read: %s\n", at, strerror(errno));
			continue;
		}
		for (size_t i = 0; i < PAGE / sizeof(*page); i++)
			hash = (hash ^ page[i]) * 0x100000001b3u;
		fprintf(out, "%" PRIx64 " bytes %016" PRIx64 "\n", at, hash);
	}
	if (fd >= 0)
		close(fd);
}

char *snapshot(pid_t pid, uint64_t start, uint64_t length)
{
	char path[64], *line = NULL, *text = NULL;
	size_t size = 0, allocated = 0;
	uint64_t from, to, offset, inode, end = start + length;
	char permissions[8], device[16];
	bool inside = false;
	FILE *smaps, *out = open_memstream(&text, &size);

	snprintf(path, sizeof(path), "/proc/%d/smaps", pid);
	smaps = fopen(path, "re");
	if (!out || !smaps)
		bail("%s: %s", path, strerror(errno));
	while (getline(&line, &allocated, smaps) > 0) {
		if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %7s %" SCNx64 " %15s %" SCNu64, &from, &to,
			   permissions, &offset, device, &inode) == 6) {
			inside = from < end && to > start;
			if (!inside)
				continue;
			offset += from < start && inode ? start - from : 0;
			from = from > start ? from : start;
			to = to < end ? to : end;
			fprintf(out, "%" PRIx64 "-%" PRIx64 " %s %" PRIx64 " %s %" PRIu64 "\n", from, to,
				permissions, inode ? offset : 0, device, inode);
		} else if (inside && (!strncmp(line, "VmFlags:", 8) || !strncmp(line, "LazyFree:", 9) ||
				      !strncmp(line, "ProtectionKey:", 14))) {
			fputs(line, out);
		}
	}
	free(line);
	fclose(smaps);
	describe_bytes(out, pid, start, end);
	fclose(out);
	return text;
}

const char *protection_of(pid_t pid, uint64_t address)
{
	static char text[5];
	struct proc_maps maps;
	const struct mapping *mapping;

	text[0] = '\0';
	if (proc_maps_read(pid, &maps) < 0)
		return text;
	mapping = proc_maps_find(&maps, address);
	if (mapping)
		snprintf(text, sizeof(text), "%c%c%c%c", mapping->read ? 'r' : '-',
			 mapping->write ? 'w' : '-', mapping->exec ? 'x' : '-', mapping->shared ? 's' : 'p');
	proc_maps_free(&maps);
	return text;
}

uint64_t puppet_pages(struct puppet *puppet, unsigned long pages, int protection)
{
	/* A page is left out on both sides, so that no neighbour is merged. */
	long base = puppet_call(puppet, SYS_mmap, 0, (long)((pages + 2) * PAGE), PROT_NONE,
				MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	long start = base + (long)PAGE, length = (long)(pages * PAGE);

	if (base < 0 || puppet_call(puppet, SYS_mprotect, start, length, PROT_READ | PROT_WRITE))
		bail("no memory for a puppet: %s", puppet_text(puppet, base));
	if (pages <= 4096 && puppet_run(puppet, fill_pages, start, length, 3))
		bail("a puppet died when it filled its memory");
	if (protection != (PROT_READ | PROT_WRITE) &&
	    puppet_call(puppet, SYS_mprotect, start, length, protection))
		bail("cannot set the protection of a puppet's memory");
	return (uint64_t)start;
}

/* --- expected results --- */

static bool is_override(const char *name)
{
	const char *gate = getenv(name) ?: "";

	if (strcmp(gate, "override") && strcmp(gate, "kill"))
		bail("%s is \"%s\"; set it to override or kill, as this kernel is known to do", name, gate);
	return !strcmp(gate, "override");
}

bool gate_is_override(void)
{
	return is_override("MSEALD_EXPECT_GATE");
}

bool gate_32_is_override(void)
{
	return gate_is_override() && is_override("MSEALD_EXPECT_GATE_32");
}

bool native_expected(void)
{
	return getenv("MSEALD_EXPECT_NATIVE");
}

bool gate_denies(void)
{
	return gate_is_override() || native_expected();
}

static bool stopped(struct puppet *puppet, long result, bool denied)
{
	if (denied)
		return result == -EPERM;
	return result == PUPPET_DEAD && WIFSIGNALED(puppet->status) && WTERMSIG(puppet->status) == SIGKILL;
}

bool stopped_by_gate(struct puppet *puppet, long result)
{
	return stopped(puppet, result, gate_denies());
}

const char *gate_text(void)
{
	return gate_denies() ? "EPERM" : "SIGKILL";
}

bool stopped_by_program(struct puppet *puppet, long result)
{
	return stopped(puppet, result, gate_is_override());
}

const char *program_text(void)
{
	return gate_is_override() ? "EPERM" : "SIGKILL";
}
