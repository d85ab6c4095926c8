/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* See fuzz_scene.h. */
#define _GNU_SOURCE
#include "fuzz_scene.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/mman.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/shm.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "abi.h"
#include "daemon.h"
#include "fuzz_oracle.h"
#include "tap.h"

#define READ_WRITE (PROT_READ | PROT_WRITE)
#define ANONYMOUS (MAP_PRIVATE | MAP_ANONYMOUS)
#define MADV_GUARD_INSTALL_ 102
#define GUARD_1 3 /* guard pages in a guarded area */
#define GUARD_2 5
#define MORE_MEMORY (256ul << 20) /* further memory that a victim may map */

#define HIGH 0x100000000000ul
#define LOW 0x20000000ul

const char *const fuzz_memory_names[] = { "anon",	 "data",    "relro",  "text",	  "shared",
					  "shared-data", "segment", "guards", "keyed",	  "huge-data",
					  "huge",	 "heap",    "stack",  "dontfork", "room" };
const char *const fuzz_strength_names[] = { "unsealed", "permanent", "revocable", "audit",
					    "weak",	"kill",	     "all" };

struct fuzz_scene fuzz_scenes[] = {
	{ "mixed", HIGH, .permanent = FUZZ_PERMANENT, .flags = SCENE_AUDIT },
	{ "revocable", HIGH, .permanent = FUZZ_REVOCABLE, .crowd = FUZZ_CROWD },
	{ "all", HIGH, .permanent = FUZZ_ALL, .flags = SCENE_HUGE_DATA | SCENE_TAGS },
	{ "low", LOW, .low = true, .permanent = FUZZ_PERMANENT, .flags = SCENE_AUDIT, .crowd = 20 },
	{ "huge", LOW, .low = true, .permanent = FUZZ_PERMANENT, .flags = SCENE_HUGE },
	{ "32", LOW, .is_32 = true, .low = true, .permanent = FUZZ_PERMANENT, .flags = SCENE_AUDIT },
	{ "32-huge", LOW, .is_32 = true, .low = true, .permanent = FUZZ_REVOCABLE, .flags = SCENE_HUGE },
	{ "file", HIGH, .permanent = FUZZ_PERMANENT, .flags = SCENE_FILE },
};
const unsigned fuzz_scenes_count = sizeof(fuzz_scenes) / sizeof(*fuzz_scenes);

_Static_assert(sizeof(fuzz_scenes) / sizeof(*fuzz_scenes) <= FUZZ_SCENES,
	       "each has its slot and list of probes");

/* Sealed pages have unsealed ones on both sides; areas lie apart. */
#define AT(n) ((n)*16 * FUZZ_PAGE)
#define MIDDLE(strength) \
	{ \
		{ \
			2, 4, strength \
		} \
	}

const struct fuzz_area fuzz_areas[] = {
	{ "anon", FUZZ_ANON, AT(0), 8, MIDDLE(FUZZ_PERMANENT) },
	{ "anon_rev", FUZZ_ANON, AT(1), 8, MIDDLE(FUZZ_REVOCABLE) },
	{ "data", FUZZ_DATA, AT(2), 8, MIDDLE(FUZZ_PERMANENT) },
	{ "data_rev", FUZZ_DATA, AT(3), 8, MIDDLE(FUZZ_REVOCABLE) },
	{ "audit", FUZZ_ANON, AT(4), 8, { { 1, 3, FUZZ_AUDIT }, { 4, 2, FUZZ_PERMANENT } }, SCENE_AUDIT },
	{ "relro", FUZZ_RELRO, AT(5), 8, MIDDLE(FUZZ_PERMANENT) },
	{ "text", FUZZ_TEXT, AT(6), 8, MIDDLE(FUZZ_PERMANENT) },
	{ "text_rev", FUZZ_TEXT, AT(7), 8, MIDDLE(FUZZ_REVOCABLE) },
	{ "shared", FUZZ_SHARED, AT(8), 8, MIDDLE(FUZZ_PERMANENT) },
	{ "shared_rev", FUZZ_SHARED, AT(9), 8, MIDDLE(FUZZ_REVOCABLE) },
	{ "shared_data", FUZZ_SHARED_DATA, AT(10), 8, MIDDLE(FUZZ_PERMANENT) },
	/* Several seals on one segment. */
	{ "shm_weak", FUZZ_SEGMENT, AT(11), 8, { { 0, 1, FUZZ_WEAK }, { 4, 1, FUZZ_PERMANENT } } },
	{ "shm_audit",
	  FUZZ_SEGMENT,
	  AT(12),
	  8,
	  { { 0, 1, FUZZ_AUDIT }, { 4, 1, FUZZ_PERMANENT } },
	  SCENE_AUDIT },
	{ "shm_permanent", FUZZ_SEGMENT, AT(13), 8, { { 0, 1, FUZZ_PERMANENT }, { 4, 1, FUZZ_REVOCABLE } } },
	{ "shm_whole", FUZZ_SEGMENT, AT(14), 4, { { 0, 4, FUZZ_PERMANENT } } },
	{ "guards", FUZZ_GUARDS, AT(15), 8, MIDDLE(FUZZ_PERMANENT) },
	{ "guards_rev", FUZZ_GUARDS, AT(16), 8, MIDDLE(FUZZ_REVOCABLE) },
	{ "keyed", FUZZ_KEYED, AT(17), 8, MIDDLE(FUZZ_PERMANENT) },
	{ "keyed_rev", FUZZ_KEYED, AT(18), 8, MIDDLE(FUZZ_REVOCABLE) },
	{ "deadly", FUZZ_ANON, AT(19), 8, MIDDLE(FUZZ_KILL), SCENE_AUDIT },
	{ "plain", FUZZ_DATA, AT(20), 8, {} },
	{ "plain_shared", FUZZ_SHARED_DATA, AT(21), 8, {} },
	/* A small one has several entries of a page table, on architectures that have such. */
	{ "huge_small", FUZZ_HUGE_DATA, AT(22), 32, { { 28, 4, FUZZ_REVOCABLE } }, SCENE_HUGE },
	/* An ordinary page, a huge page after it, then ordinary pages, some sealed. */
	{ "before", FUZZ_DATA, 2 * FUZZ_HUGE - FUZZ_PAGE, 1, {}, SCENE_HUGE | SCENE_HUGE_DATA },
	{ "huge", FUZZ_HUGE_DATA, 2 * FUZZ_HUGE, 512, {}, SCENE_HUGE | SCENE_HUGE_DATA },
	{ "behind", FUZZ_DATA, 3 * FUZZ_HUGE, 16, { { 8, 4, FUZZ_PERMANENT } } },
	/* Victims have a hole there, into which the mapping below can grow: that seal does not hold. */
	{ "dontfork", FUZZ_DONTFORK, 3 * FUZZ_HUGE + AT(1), 8, { { 0, 4, FUZZ_PERMANENT } } },
	/* Here a huge page would cover sealed memory. */
	{ "slot", FUZZ_DATA, 5 * FUZZ_HUGE - FUZZ_PAGE, 17, { { 9, 4, FUZZ_REVOCABLE } } },
	{ "slot_permanent", FUZZ_DATA, 7 * FUZZ_HUGE - FUZZ_PAGE, 17, { { 9, 4, FUZZ_PERMANENT } } },
	/* It has room to grow down into. Its first page may be unmapped; then that is a hole with a seal. */
	{ "stack",
	  FUZZ_STACK,
	  8 * FUZZ_HUGE,
	  8,
	  { { 0, 1, FUZZ_AUDIT }, { 4, 2, FUZZ_PERMANENT } },
	  SCENE_AUDIT },
	{ "room", FUZZ_ROOM, 9 * FUZZ_HUGE, 1024, {} },
	{ "before2", FUZZ_DATA, 12 * FUZZ_HUGE - FUZZ_PAGE, 1, {}, SCENE_HUGE },
	{ "huge_tail", FUZZ_HUGE_DATA, 12 * FUZZ_HUGE, 512, { { 508, 4, FUZZ_REVOCABLE } }, SCENE_HUGE },
	{ "huge_permanent", FUZZ_HUGE_ANON, 14 * FUZZ_HUGE, 512, { { 0, 512, FUZZ_PERMANENT } }, SCENE_HUGE },
	{ "heap", FUZZ_HEAP, 0, 16, { { 4, 4, FUZZ_PERMANENT } } },
};
const unsigned fuzz_areas_count = sizeof(fuzz_areas) / sizeof(*fuzz_areas);

_Static_assert(sizeof(fuzz_areas) / sizeof(*fuzz_areas) <= FUZZ_AREAS, "each has its place");

int fuzz_scrap_segment = -1;
static bool no_keys, no_guards, no_huge;

static unsigned long area_bytes(const struct fuzz_area *area)
{
	return area->pages * FUZZ_PAGE;
}

const struct fuzz_area *scene_area(const struct fuzz_scene *scene, uint64_t address)
{
	for (unsigned i = 0; i < fuzz_areas_count; i++)
		if (scene->starts[i] && address >= scene->starts[i] &&
		    address - scene->starts[i] < area_bytes(&fuzz_areas[i]))
			return &fuzz_areas[i];
	return NULL;
}

enum fuzz_strength scene_strength(const struct fuzz_scene *scene, const struct fuzz_area *area, unsigned page)
{
	for (unsigned i = 0; i < 3; i++) {
		const struct fuzz_seal *seal = &area->seals[i];

		if (page >= seal->from && page - seal->from < seal->pages)
			return seal->strength == FUZZ_PERMANENT ? scene->permanent : seal->strength;
	}
	return FUZZ_NONE;
}

/* --- making the memory --- */

static long in_template(struct fuzz_scene *scene, enum fuzz_by by, const long call[7])
{
	struct fuzz_slot *slot = victim_slot(&scene->template);
	struct fuzz_call *made = &slot->calls[0];
	long call_32[7];
	const char *why;

	if (scene->is_32 && by == FUZZ_CALL) {
		why = abi_to_32(call, call_32);
		if (why)
			bail("scene %s: system call %ld: %s", scene->name, call[0], why);
		call = call_32;
	}
	*made = (struct fuzz_call){ .by = by, .number = call[0] };
	for (int i = 0; i < 6; i++)
		made->argument[i] = (uint64_t)call[i + 1];
	slot->count = 1;
	slot->probes = scene->index;
	if (victim_step(&scene->template, 60000) != FUZZ_DONE)
		bail("scene %s: its template died, wait status %#x, or hangs, while it made system call %ld",
		     scene->name, (unsigned)scene->template.status, call[0]);
	return (long)made->result;
}

#define CALL(...) in_template(scene, FUZZ_CALL, (const long[7]){ __VA_ARGS__ })

static void fill(struct fuzz_scene *scene, uint64_t start, unsigned pages)
{
	(void)in_template(scene, FUZZ_FILL, (const long[7]){ 0, (long)start, pages });
}

static bool map(struct fuzz_scene *scene, const struct fuzz_area *area, uint64_t at, int protection,
		int flags, int fd)
{
	long got = CALL(SYS_mmap, (long)at, (long)area_bytes(area), protection, flags | MAP_FIXED_NOREPLACE,
			fd, 0);

	if (got != (long)at && !(flags & MAP_HUGETLB))
		bail("scene %s: %s cannot be mapped at %#lx: %ld", scene->name, area->name, at, got);
	return got == (long)at;
}

/* Makes a file filled with the pattern of that area. */
static int file_for(const struct fuzz_scene *scene, const struct fuzz_area *area, uint64_t at)
{
	/* A real file if it will be written to. */
	int fd = scene->flags & SCENE_FILE ? open("/run", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600) :
					     memfd_create(area->name, MFD_CLOEXEC);

	if (fd < 0)
		fd = memfd_create(area->name, MFD_CLOEXEC);
	if (fd < 0 || ftruncate(fd, (off_t)area_bytes(area)))
		bail("a file for %s: %s", area->name, strerror(errno));
	for (unsigned i = 0; i < area->pages; i++) {
		uint64_t word = fuzz_pattern(at + i * FUZZ_PAGE);

		if (pwrite(fd, &word, sizeof(word), (off_t)(i * FUZZ_PAGE)) != sizeof(word))
			bail("writing a file for %s: %s", area->name, strerror(errno));
	}
	return fd;
}

/* Number of the first descriptor of the areas' files in the template. */
#define FIRST_FILE 64

static bool from_file(struct fuzz_scene *scene, unsigned i, uint64_t at, int protection, int flags)
{
	return map(scene, &fuzz_areas[i], at, protection, flags, FIRST_FILE + (int)i);
}

static bool protect(struct fuzz_scene *scene, unsigned i, uint64_t at, int protection)
{
	long r = CALL(SYS_mprotect, (long)at, (long)area_bytes(&fuzz_areas[i]), protection);

	if (r)
		bail("scene %s: mprotect of %s: %ld", scene->name, fuzz_areas[i].name, r);
	return true;
}

static bool make_keyed(struct fuzz_scene *scene, unsigned i, uint64_t at)
{
	if (scene->key < 0 && !no_keys)
		scene->key = (int)CALL(SYS_pkey_alloc, 0, 2 /* PKEY_DISABLE_WRITE */);
	no_keys = scene->key < 0;
	if (no_keys)
		return false;
	(void)map(scene, &fuzz_areas[i], at, READ_WRITE, ANONYMOUS, -1);
	fill(scene, at, fuzz_areas[i].pages);
	return CALL(SYS_pkey_mprotect, (long)at, (long)area_bytes(&fuzz_areas[i]), READ_WRITE, scene->key) ==
	       0;
}

static bool make_guarded(struct fuzz_scene *scene, unsigned i, uint64_t at)
{
	long r;

	if (no_guards)
		return false;
	(void)map(scene, &fuzz_areas[i], at, READ_WRITE, ANONYMOUS, -1);
	fill(scene, at, fuzz_areas[i].pages);
	r = CALL(SYS_madvise, (long)(at + GUARD_1 * FUZZ_PAGE), FUZZ_PAGE, MADV_GUARD_INSTALL_);
	r = r ?: CALL(SYS_madvise, (long)(at + GUARD_2 * FUZZ_PAGE), FUZZ_PAGE, MADV_GUARD_INSTALL_);
	no_guards = r != 0;
	if (no_guards)
		(void)CALL(SYS_munmap, (long)at, (long)area_bytes(&fuzz_areas[i]));
	return !no_guards;
}

static bool make_huge(struct fuzz_scene *scene, unsigned i, uint64_t at, bool writable)
{
	int size = fuzz_areas[i].pages < FUZZ_HUGE / FUZZ_PAGE ? MAP_HUGE_64KB : MAP_HUGE_2MB;

	if (no_huge || !map(scene, &fuzz_areas[i], at, READ_WRITE, ANONYMOUS | MAP_HUGETLB | size, -1))
		return false;
	fill(scene, at, fuzz_areas[i].pages);
	return writable || protect(scene, i, at, PROT_READ);
}

static bool make_segment(struct fuzz_scene *scene, unsigned i, uint64_t at)
{
	int id = shmget(IPC_PRIVATE, area_bytes(&fuzz_areas[i]), IPC_CREAT | 0600);
	long got = id < 0 ? -errno : CALL(SYS_shmat, id, (long)at, 0);

	scene->segments[i] = id;
	(void)shmctl(id, IPC_RMID, NULL);
	if (got != (long)at)
		bail("scene %s: a System V segment at %#lx: %ld", scene->name, at, got);
	fill(scene, at, fuzz_areas[i].pages);
	return true;
}

static uint64_t make_heap(struct fuzz_scene *scene, unsigned i)
{
	uint64_t start = ((uint64_t)CALL(SYS_brk, 0) + FUZZ_PAGE - 1) & -FUZZ_PAGE;
	uint64_t end = start + area_bytes(&fuzz_areas[i]),
		 seal = start + fuzz_areas[i].seals[0].from * FUZZ_PAGE;

	if ((uint64_t)CALL(SYS_brk, (long)end) != end)
		return 0;
	fill(scene, start, fuzz_areas[i].pages);
	(void)CALL(SYS_mprotect, (long)seal, fuzz_areas[i].seals[0].pages * (long)FUZZ_PAGE, PROT_READ);
	return start;
}

static bool make_area(struct fuzz_scene *scene, unsigned i, uint64_t at)
{
	const struct fuzz_area *area = &fuzz_areas[i];

	switch (area->memory) {
	case FUZZ_ANON:
	case FUZZ_DATA:
	case FUZZ_STACK:
		(void)map(scene, area, at, READ_WRITE,
			  ANONYMOUS | (area->memory == FUZZ_STACK ? MAP_GROWSDOWN : 0), -1);
		fill(scene, at, area->pages);
		return area->memory != FUZZ_ANON || protect(scene, i, at, PROT_READ);
	case FUZZ_DONTFORK:
		(void)map(scene, area, at, READ_WRITE, ANONYMOUS, -1);
		return CALL(SYS_madvise, (long)at, (long)area_bytes(area), MADV_DONTFORK) == 0;
	case FUZZ_RELRO:
		(void)from_file(scene, i, at, READ_WRITE, MAP_PRIVATE);
		fill(scene, at, area->pages);
		return protect(scene, i, at, PROT_READ);
	case FUZZ_TEXT: return from_file(scene, i, at, PROT_READ | PROT_EXEC, MAP_PRIVATE);
	case FUZZ_SHARED: return from_file(scene, i, at, PROT_READ, MAP_SHARED);
	case FUZZ_SHARED_DATA: return from_file(scene, i, at, READ_WRITE, MAP_SHARED);
	case FUZZ_SEGMENT: return make_segment(scene, i, at);
	case FUZZ_GUARDS: return make_guarded(scene, i, at);
	case FUZZ_KEYED: return make_keyed(scene, i, at);
	case FUZZ_HUGE_DATA:
	case FUZZ_HUGE_ANON: return make_huge(scene, i, at, area->memory == FUZZ_HUGE_DATA);
	default: return true;
	}
}

/* --- the promises --- */

static bool is_writable(enum fuzz_memory memory)
{
	return memory == FUZZ_DATA || memory == FUZZ_SHARED_DATA || memory == FUZZ_SEGMENT ||
	       memory == FUZZ_GUARDS || memory == FUZZ_HUGE_DATA || memory == FUZZ_STACK;
}

static unsigned holds(const struct fuzz_scene *scene, const struct fuzz_area *area, unsigned page)
{
	if (area->memory == FUZZ_GUARDS && (page == GUARD_1 || page == GUARD_2))
		return HOLDS_NOTHING;
	/* A process that may not write, because of the key, may not discard either. */
	if (area->memory == FUZZ_KEYED)
		return HOLDS_PATTERN | (scene_strength(scene, area, page) == FUZZ_ALL ? 0 : HOLDS_X);
	if (!is_writable(area->memory))
		return HOLDS_PATTERN;
	return scene_strength(scene, area, page) == FUZZ_ALL ? HOLDS_PATTERN | HOLDS_ZERO : HOLDS_ANY;
}

static void promise(struct fuzz_scene *scene, unsigned i)
{
	const struct fuzz_area *area = &fuzz_areas[i];

	for (unsigned page = 0; page < area->pages; page++) {
		enum fuzz_strength strength = scene_strength(scene, area, page);

		if (strength == FUZZ_NONE || strength == FUZZ_AUDIT || strength == FUZZ_WEAK ||
		    area->memory == FUZZ_DONTFORK)
			continue;
		if (area->memory == FUZZ_HUGE_ANON && page % 128 && page != area->pages - 1)
			continue;
		if (scene->pages_count == FUZZ_PROBES)
			bail("scene %s has too many sealed pages", scene->name);
		scene->pages[scene->pages_count++] = (struct fuzz_page){ .address = scene->starts[i] +
										    page * FUZZ_PAGE,
									 .area = area,
									 .holds = holds(scene, area, page) };
	}
}

static int by_address(const void *a, const void *b)
{
	const struct fuzz_page *one = a, *other = b;

	return one->address < other->address ? -1 : one->address > other->address;
}

static void add_place(struct fuzz_scene *scene, unsigned area, const char *what, uint64_t address)
{
	scene->places[scene->places_count++] = (struct fuzz_place){ fuzz_areas[area].name, what, address,
								    area };
}

static void name_places(struct fuzz_scene *scene)
{
	for (unsigned i = 0; i < fuzz_areas_count; i++) {
		const struct fuzz_area *area = &fuzz_areas[i];
		uint64_t start = scene->starts[i];

		if (!start)
			continue;
		add_place(scene, i, "", start);
		for (unsigned j = 0; j < 3; j++)
			if (area->seals[j].pages) {
				static const char *const names[3][2] = { { ".seal", ".seal_end" },
									 { ".seal2", ".seal2_end" },
									 { ".seal3", ".seal3_end" } };

				add_place(scene, i, names[j][0], start + area->seals[j].from * FUZZ_PAGE);
				add_place(scene, i, names[j][1],
					  start + (area->seals[j].from + area->seals[j].pages) * FUZZ_PAGE);
			}
		add_place(scene, i, ".end", start + area_bytes(area));
	}
}

/* One page of memory that has no other use, and the one behind it unsealed. */
static struct range crowd_range(const struct fuzz_scene *scene, unsigned number)
{
	uint64_t start = scene->base - (AT(1) + 2 * (number + 1) * FUZZ_PAGE);

	return (struct range){ start, start + FUZZ_PAGE };
}

static void make_crowd(struct fuzz_scene *scene)
{
	uint64_t start = scene->crowd ? crowd_range(scene, scene->crowd - 1).start : 0;

	if (start && CALL(SYS_mmap, (long)start, (long)(scene->base - AT(1) - start), READ_WRITE,
			  ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0) != (long)start)
		bail("scene %s: no memory for a crowd of seals at %#lx", scene->name, start);
}

static void seal_all(struct fuzz_scene *scene)
{
	struct range ranges[FUZZ_AREAS * 3 + FUZZ_CROWD];

	for (unsigned strength = FUZZ_PERMANENT; strength < FUZZ_STRENGTHS; strength++) {
		struct seal_order order = { .pid = scene->template.pid, .ranges = ranges };
		const char *error;

		for (unsigned i = 0; i < fuzz_areas_count; i++)
			for (unsigned j = 0; j < 3 && scene->starts[i]; j++) {
				const struct fuzz_seal *seal = &fuzz_areas[i].seals[j];
				uint64_t start = scene->starts[i] + seal->from * FUZZ_PAGE;

				if (seal->pages &&
				    scene_strength(scene, &fuzz_areas[i], seal->from) == strength)
					ranges[order.count++] =
						(struct range){ start, start + seal->pages * FUZZ_PAGE };
			}
		for (unsigned i = 0; i < scene->crowd && strength == FUZZ_REVOCABLE; i++)
			ranges[order.count++] = crowd_range(scene, i);
		if (!order.count)
			continue;
		order.revocable = strength == FUZZ_REVOCABLE || strength == FUZZ_WEAK ||
				  strength == FUZZ_AUDIT;
		order.deny = strength == FUZZ_ALL  ? "mprotect,unmap,discard,foreign-write" :
			     strength == FUZZ_WEAK ? "mprotect" :
						     NULL;
		order.action = strength == FUZZ_AUDIT ? "audit" : strength == FUZZ_KILL ? "kill" : NULL;
		error = daemon_seal(&order, NULL);
		if (error)
			bail("scene %s, seals that are %s: %s %s", scene->name, fuzz_strength_names[strength],
			     error, daemon_error_message());
	}
}

/* --- the scene --- */

static void limit_memory(pid_t pid)
{
	char path[64];
	unsigned long pages = 0;
	struct rlimit limit;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/statm", pid);
	file = fopen(path, "re");
	if (!file || fscanf(file, "%lu", &pages) != 1)
		bail("%s: %s", path, strerror(errno));
	fclose(file);
	limit.rlim_cur = limit.rlim_max = pages * FUZZ_PAGE + MORE_MEMORY;
	(void)prlimit(pid, RLIMIT_AS, &limit, NULL);
}

static bool has_file(enum fuzz_memory memory)
{
	return memory == FUZZ_RELRO || memory == FUZZ_TEXT || memory == FUZZ_SHARED ||
	       memory == FUZZ_SHARED_DATA;
}

static bool is_here(const struct fuzz_scene *scene, unsigned i)
{
	return !fuzz_areas[i].only || fuzz_areas[i].only & scene->flags;
}

void scene_build(struct fuzz_scene *scene, bool sealed)
{
	if (scene->built)
		return;
	scene->index = (unsigned)(scene - fuzz_scenes);
	scene->places_count = scene->pages_count = 0;
	scene->key = -1;
	memset(scene->starts, 0, sizeof(scene->starts));
	BOARD->probes[scene->index].count = 0;
	for (unsigned i = 0; i < fuzz_areas_count; i++)
		if (is_here(scene, i) && has_file(fuzz_areas[i].memory)) {
			int fd = file_for(scene, &fuzz_areas[i], scene->base + fuzz_areas[i].offset);

			if (dup2(fd, FIRST_FILE + (int)i) < 0)
				bail("dup2: %s", strerror(errno));
			close(fd);
		}
	scene->template = victim_new(scene->index, scene->is_32);
	if (scene->flags & SCENE_TAGS)
		(void)CALL(SYS_prctl, PR_SET_TAGGED_ADDR_CTRL, PR_TAGGED_ADDR_ENABLE);
	for (unsigned i = 0; i < fuzz_areas_count; i++) {
		uint64_t at = scene->base + fuzz_areas[i].offset;

		if (!is_here(scene, i))
			continue;
		if (fuzz_areas[i].memory == FUZZ_HEAP)
			scene->starts[i] = make_heap(scene, i);
		else if (make_area(scene, i, at))
			scene->starts[i] = at;
		if (scene->starts[i])
			promise(scene, i);
		if (!has_file(fuzz_areas[i].memory))
			continue;
		close(FIRST_FILE + (int)i);
		if (scene->flags & SCENE_FILE &&
		    (fuzz_areas[i].memory == FUZZ_TEXT || fuzz_areas[i].memory == FUZZ_RELRO))
			(void)CALL(SYS_dup3, FIRST_FILE + (int)i,
				   fuzz_areas[i].memory == FUZZ_TEXT ? FUZZ_FD_TEXT : FUZZ_FD_RELRO, 0);
		(void)CALL(SYS_close, FIRST_FILE + (int)i);
	}
	qsort(scene->pages, scene->pages_count, sizeof(*scene->pages), by_address);
	for (unsigned i = 0; i < scene->pages_count; i++)
		BOARD->probes[scene->index].at[i] = scene->pages[i].address;
	BOARD->probes[scene->index].count = scene->pages_count;
	name_places(scene);
	make_crowd(scene);
	limit_memory(scene->template.pid);
	if (sealed)
		seal_all(scene);
	oracle_learn(scene);
	scene->built = true;
}

void scene_drop(struct fuzz_scene *scene)
{
	victim_end(&scene->template);
	scene->built = false;
}

bool scene_victim(struct fuzz_scene *scene, unsigned slot, struct fuzz_victim *ret)
{
	struct fuzz_slot *template = victim_slot(&scene->template);

	victim_expect(slot);
	BOARD->slots[slot].probes = scene->index;
	template->calls[0] = (struct fuzz_call){ .by = FUZZ_FORK, .argument = { slot - scene->index } };
	template->count = 1;
	return victim_step(&scene->template, 60000) == FUZZ_DONE && template->calls[0].result > 0 &&
	       victim_made(slot, 60000, ret);
}

static void reserve_huge(const char *path)
{
	FILE *file = fopen(path, "we");

	if (file) {
		fputs("64\n", file);
		fclose(file);
	}
}

void scenes_begin(void)
{
	int fd = memfd_create("scrap", MFD_CLOEXEC);
	void *try;

	for (unsigned i = 0; i < fuzz_scenes_count; i++)
		fuzz_scenes[i].off |= fuzz_scenes[i].is_32 && !abi_is_here(ABI_32);
	reserve_huge("/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages");
	reserve_huge("/sys/kernel/mm/hugepages/hugepages-64kB/nr_hugepages");
	try = mmap(NULL, FUZZ_HUGE, READ_WRITE, ANONYMOUS | MAP_HUGETLB, -1, 0);
	no_huge = try == MAP_FAILED;
	if (!no_huge)
		munmap(try, FUZZ_HUGE);
	if (fd < 0 || ftruncate(fd, 64 * FUZZ_PAGE) || dup2(fd, FUZZ_FD_SCRAP) < 0)
		bail("memfd_create: %s", strerror(errno));
	close(fd);
	fd = memfd_create("huge", MFD_CLOEXEC | MFD_HUGETLB);
	if (fd >= 0) {
		(void)!ftruncate(fd, 2 * FUZZ_HUGE);
		dup2(fd, FUZZ_FD_HUGE);
		close(fd);
	}
	fuzz_scrap_segment = shmget(IPC_PRIVATE, 4 * FUZZ_PAGE, IPC_CREAT | 0600);
	if (fuzz_scrap_segment < 0)
		bail("shmget: %s", strerror(errno));
}

void scenes_end(void)
{
	for (unsigned i = 0; i < fuzz_scenes_count; i++)
		if (fuzz_scenes[i].built)
			scene_drop(&fuzz_scenes[i]);
	(void)shmctl(fuzz_scrap_segment, IPC_RMID, NULL);
	if (no_keys)
		diag("no protection keys on this processor or kernel: none are sealed");
	if (no_guards)
		diag("no guard pages (MADV_GUARD_INSTALL) in this kernel: none are sealed");
	if (no_huge)
		diag("no huge pages: none are there");
}
