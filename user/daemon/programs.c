// SPDX-License-Identifier: LGPL-2.1-or-later
/* See programs.h. */
#include "programs.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "choice.h"
#include "inherit.h"
#include "lock.h"
#include "log.h"
#include "mseald.skel.h"
#include "pins.h"
#include "probe.h"

#define ATTACH_TRIES 300
#define ATTACH_PAUSE_US 10000

/* Programs that are not attached to anything: the daemon runs or reads them. */
enum tool {
	TOOL_COMMIT,
	TOOL_UNCACHE,
	TOOL_DOOM,
	TOOL_FORGET,
	TOOL_FORGET_ACCOUNT,
	TOOL_ARM,
	TOOL_DISARM,
	TOOL_TASKS,
	TOOL_VMAS,
	TOOLS_COUNT,
};

static const char *const tools[TOOLS_COUNT] = {
	"mseald_commit", "mseald_uncache", "mseald_set_kill_pending",  "mseald_forget", "mseald_forget_account",
	"mseald_arm",	 "mseald_disarm",  "mseald_tasks", "mseald_vmas",
};

#define MAPS_MAX 20

/*
 * Nothing of libbpf is kept, only descriptors: the instructions and debug information of all programs
 * would take megabytes. Parts are loaded when they are first attached: the verifier takes longer than
 * all the rest of the start.
 */
struct programs {
	struct choice choice;		/* what this kernel takes */
	struct lock *lock;		/* not ours; NULL: not locked */
	int tools[TOOLS_COUNT];
	int parts[PARTS_COUNT];		/* -1: not loaded */
	int links[PARTS_COUNT];		/* -1: not attached */
	struct {
		char name[BPF_OBJ_NAME_LEN];
		int fd;
	} maps[MAPS_MAX];
	size_t maps_count;
	void *globals;			/* the map of them, mapped */
	size_t globals_size;
	unsigned generation;		/* of our links; 0: not attached */
	unsigned needs;			/* NEED_* that are attached for */
};

static int print_libbpf(enum libbpf_print_level level, const char *format, va_list arguments)
{
	char line[1024];

	if (level == LIBBPF_DEBUG)
		return 0;
	(void)vsnprintf(line, sizeof(line), format, arguments);
	line[strcspn(line, "\n")] = '\0';
	log_debug("%s", line);
	return 0;
}

static bool is_settings(const struct bpf_map *map)
{
	return strstr(bpf_map__name(map), ".rodata");	/* of one load */
}

static const char *map_name(const struct bpf_map *map)
{
	return strstr(bpf_map__name(map), ".bss") ? "state" : bpf_map__name(map);
}

/*
 * The first load takes the maps that are pinned, and pins what it makes; later ones take those of the
 * first, whatever has become of the pins.
 */
static int choose_maps(const struct programs *programs, struct mseald *skeleton)
{
	struct bpf_map *map;
	char path[PIN_PATH_MAX];

	bpf_object__for_each_map(map, skeleton->obj) {
		int r;

		if (is_settings(map))
			continue;
		r = programs->maps_count ? bpf_map__reuse_fd(map, programs_map_fd(programs, map_name(map))) :
					   bpf_map__set_pin_path(map, pin_map_path(map_name(map), path));
		if (r < 0)
			return r;
	}
	return 0;
}

/* A descriptor that outlives the object. */
static int keep(int fd, int *ret)
{
	*ret = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	return *ret < 0 ? -errno : 0;
}

static int keep_maps(struct programs *programs, struct mseald *skeleton)
{
	struct bpf_map *map;

	bpf_object__for_each_map(map, skeleton->obj) {
		int r;

		if (is_settings(map))
			continue;
		if (programs->maps_count == MAPS_MAX || strlen(map_name(map)) >= sizeof(programs->maps->name))
			return -E2BIG;
		r = keep(bpf_map__fd(map), &programs->maps[programs->maps_count].fd);
		if (r < 0)
			return r;
		strcpy(programs->maps[programs->maps_count++].name, map_name(map));
	}
	programs->globals_size = bpf_map__value_size(skeleton->maps.bss);
	programs->globals = mmap(NULL, programs->globals_size, PROT_READ | PROT_WRITE, MAP_SHARED,
				 programs_map_fd(programs, "state"), 0);
	if (programs->globals == MAP_FAILED) {
		programs->globals = NULL;
		return -errno;
	}
	programs_state(programs)->layout = MSEALD_LAYOUT;
	return 0;
}

/* One load takes the tools, and nothing else. */
static bool is_first(const struct programs *programs)
{
	return !programs->maps_count;
}

/* By name, those of the programs that are loaded. */
static int *descriptor_of(struct programs *programs, const char *name)
{
	for (size_t i = 0; i < TOOLS_COUNT; i++)
		if (strcmp(tools[i], name) == 0)
			return &programs->tools[i];
	for (size_t i = 0; i < PARTS_COUNT; i++)
		if (strcmp(parts[i].program, name) == 0)
			return &programs->parts[i];
	return NULL;
}

static int load_into(struct programs *programs, struct mseald *skeleton, const bool wanted[PARTS_COUNT])
{
	struct bpf_program *program;
	int r;

	bpf_object__for_each_program(program, skeleton->obj) {
		const int *descriptor = descriptor_of(programs, bpf_program__name(program));

		if (!descriptor)
			return -ENOENT;
		(void)bpf_program__set_autoload(program,
						descriptor >= programs->parts && descriptor < programs->parts + PARTS_COUNT ?
							wanted[descriptor - programs->parts] :
							is_first(programs));
	}
	skeleton->rodata->possible_cpus = libbpf_num_possible_cpus();
	skeleton->rodata->madvise_overridden = choice_wants(&programs->choice, "override_madvise");
	skeleton->rodata->madvise_32_overridden = choice_wants(&programs->choice, "override_madvise_32");
	skeleton->rodata->setattr_has_idmap = programs->choice.setattr_has_idmap;
	r = choose_maps(programs, skeleton);
	if (r >= 0)
		r = mseald__load(skeleton);
	if (r >= 0 && is_first(programs))
		r = keep_maps(programs, skeleton);
	bpf_object__for_each_program(program, skeleton->obj)
		if (r >= 0 && bpf_program__autoload(program))
			r = keep(bpf_program__fd(program), descriptor_of(programs, bpf_program__name(program)));
	return r;
}

/* Loads these parts, and with the first load what does not depend on the kernel. Logs. */
static int load(struct programs *programs, const bool wanted[PARTS_COUNT])
{
	struct mseald *skeleton = mseald__open();
	int r = skeleton ? load_into(programs, skeleton, wanted) : -errno;

	mseald__destroy(skeleton);
	if (r < 0)
		log_error("the kernel did not take the BPF programs or maps: %s%s", strerror(-r),
			  r == -EINVAL ? " (is something else pinned in " PIN_ROOT "/maps?)" : "");
	return r;
}

int programs_possible(void)
{
	int r;

	(void)libbpf_set_strict_mode(LIBBPF_STRICT_ALL);
	(void)libbpf_set_print(print_libbpf);
	r = probe_bpf_lsm();
	if (r > 0)
		return 0;
	log_error("BPF LSM is not active: \"bpf\" is not in /sys/kernel/security/lsm%s%s; run `msealctl check`",
		  r < 0 ? ": " : "", r < 0 ? strerror(-r) : "");
	return r < 0 ? r : -EOPNOTSUPP;
}

int programs_load(enum gate_mode mode, struct lock *lock, struct programs **ret)
{
	static const bool nothing_yet[PARTS_COUNT];
	struct programs *programs;
	int r;

	r = pins_prepare();
	if (r >= 0)
		r = inherit_check();
	if (r < 0)
		return r;
	programs = calloc(1, sizeof(*programs));
	if (!programs)
		return -ENOMEM;
	programs->lock = lock;
	for (size_t i = 0; i < TOOLS_COUNT; i++)
		programs->tools[i] = -1;
	for (size_t i = 0; i < PARTS_COUNT; i++)
		programs->parts[i] = programs->links[i] = -1;
	r = choice_make(mode, &programs->choice);
	if (r >= 0)
		r = load(programs, nothing_yet);
	if (r < 0) {
		programs_free(programs);
		return r;
	}
	*ret = programs;
	return 0;
}

/* Gives our descriptor up, and with a generation the pin there. */
static void drop_link(struct programs *programs, size_t i, unsigned generation)
{
	char path[PIN_PATH_MAX];

	if (programs->links[i] < 0)
		return;
	if (generation) {
		(void)unlink(pin_link_path(generation, parts[i].program, path));
		lock_forget_link(programs->lock, programs->links[i]);
	}
	(void)close(programs->links[i]);
	programs->links[i] = -1;
}

static void drop_links(struct programs *programs, unsigned generation)
{
	for (size_t i = PARTS_COUNT; i-- > 0;)
		drop_link(programs, i, generation);
}

struct programs *programs_free(struct programs *programs)
{
	if (!programs)
		return NULL;
	drop_links(programs, 0);	/* the pins hold the links */
	for (size_t i = 0; i < TOOLS_COUNT; i++)
		cleanup_close(&programs->tools[i]);
	for (size_t i = 0; i < PARTS_COUNT; i++)
		cleanup_close(&programs->parts[i]);
	for (size_t i = 0; i < programs->maps_count; i++)
		cleanup_close(&programs->maps[i].fd);
	if (programs->globals)
		(void)munmap(programs->globals, programs->globals_size);
	free(programs);
	return NULL;
}

static int attach_part(struct programs *programs, size_t i, unsigned generation)
{
	char path[PIN_PATH_MAX];
	int link, r;

	/* A link of ours that was just given up goes a moment later, in the kernel's own time. */
	for (unsigned try = 0; (link = bpf_raw_tracepoint_open(NULL, programs->parts[i])) < 0; try++) {
		if (errno != EBUSY || try == ATTACH_TRIES)
			return -errno;
		(void)usleep(ATTACH_PAUSE_US);
	}
	programs->links[i] = link;
	r = lock_guard_link(programs->lock, link);
	if (r >= 0 && bpf_obj_pin(link, pin_link_path(generation, parts[i].program, path)) < 0)
		r = -errno;
	if (r < 0)
		drop_link(programs, i, generation);
	return r;
}

/* Is the part called for by these needs? */
static bool part_needed(size_t i, unsigned needs)
{
	return !parts[i].need || parts[i].need & needs;
}

/* Detaches every part that these needs do not call for, last first; the others stay. */
static void detach_unneeded(struct programs *programs, unsigned needs)
{
	for (size_t i = PARTS_COUNT; i-- > 0;)
		if (!part_needed(i, needs))
			drop_link(programs, i, programs->generation);
}

/* Is it to be attached, for these needs, and is not yet? */
static bool part_missing(const struct programs *programs, size_t i, unsigned needs)
{
	return programs->choice.wanted[i] && programs->links[i] < 0 && part_needed(i, needs);
}

static int load_parts(struct programs *programs, unsigned needs)
{
	bool wanted[PARTS_COUNT], any = false;

	for (size_t i = 0; i < PARTS_COUNT; i++) {
		wanted[i] = programs->parts[i] < 0 && part_missing(programs, i, needs);
		any |= wanted[i];
	}
	return any ? load(programs, wanted) : 0;
}

static int attach_parts(struct programs *programs, unsigned generation, unsigned needs)
{
	for (size_t i = 0; i < PARTS_COUNT; i++) {
		int r;

		if (!part_missing(programs, i, needs))
			continue;
		r = attach_part(programs, i, generation);
		if (r < 0) {
			log_error("cannot attach %s: %s", parts[i].program, strerror(-r));
			return r;
		}
	}
	return 0;
}

int programs_attach(struct programs *programs, unsigned needs)
{
	unsigned generation = programs->generation;
	int r = 0;

	needs |= programs->needs;
	if (generation && needs == programs->needs)
		return 0;
	r = load_parts(programs, needs);
	if (r < 0)
		return r;
	if (!generation) {
		generation = pins_last_generation() + 1;
		r = pins_make_generation(generation);
	}
	if (r >= 0)
		r = attach_parts(programs, generation, needs);
	if (r < 0 && programs->generation) {
		detach_unneeded(programs, programs->needs);
		return r;
	}
	if (r < 0) {
		drop_links(programs, generation);
		pins_remove_generation(generation);
		return r;
	}
	programs->generation = generation;
	programs->needs = needs;
	pins_remove_generations_before(generation);
	return 0;
}

void programs_narrow(struct programs *programs, unsigned needs)
{
	detach_unneeded(programs, needs);
	programs->needs &= needs;
}

unsigned programs_needs(const struct programs *programs)
{
	return programs->needs;
}

void programs_detach(struct programs *programs)
{
	drop_links(programs, programs->generation);
	pins_remove_generations_before(pins_last_generation() + 1);
	programs->generation = 0;
	programs->needs = 0;
}

bool programs_attached(const struct programs *programs)
{
	return programs->generation > 0;
}

static uint32_t program_id(const struct programs *programs, size_t i)
{
	struct bpf_prog_info info = {};
	uint32_t size = sizeof(info);

	return bpf_obj_get_info_by_fd(programs->parts[i], &info, &size) < 0 ? 0 : info.id;
}

int programs_check(const struct programs *programs, unsigned needs)
{
	for (size_t i = 0; i < PARTS_COUNT; i++) {
		struct bpf_link_info info = {};
		uint32_t size = sizeof(info);

		if (!programs->choice.wanted[i] || !(parts[i].need & needs))
			continue;
		if (programs->links[i] < 0 || bpf_obj_get_info_by_fd(programs->links[i], &info, &size) < 0 ||
		    !info.prog_id || info.prog_id != program_id(programs, i))
			return -ENOLINK;
	}
	return 0;
}

unsigned programs_generation(const struct programs *programs)
{
	return programs->generation;
}

bool programs_inherited(const struct programs *programs)
{
	(void)programs;
	return pins_last_generation() > 0;
}

const struct choice *programs_choice(const struct programs *programs)
{
	return &programs->choice;
}

uint64_t programs_misses(const struct programs *programs, uint64_t *ret_lifecycle)
{
	uint64_t all = 0, lifecycle = 0;

	for (size_t i = 0; i < PARTS_COUNT; i++) {
		struct bpf_prog_info info = {};
		__u32 size = sizeof(info);

		if (programs->parts[i] < 0 || bpf_obj_get_info_by_fd(programs->parts[i], &info, &size) < 0)
			continue;
		all += info.recursion_misses;
		if (parts[i].kind == PART_LIFECYCLE)
			lifecycle += info.recursion_misses;
	}
	if (ret_lifecycle)
		*ret_lifecycle = lifecycle;
	return all;
}

/* Where it stands among the globals. */
#define STATE_OFFSET offsetof(typeof(*((struct mseald *)NULL)->bss), state)

struct mseald_state *programs_state(struct programs *programs)
{
	return (void *)((char *)programs->globals + STATE_OFFSET);
}

const struct mseald_state *programs_map_state(const struct programs *programs)
{
	void *globals = mmap(NULL, programs->globals_size, PROT_READ, MAP_SHARED, programs_map_fd(programs, "state"), 0);

	return globals == MAP_FAILED ? NULL : (const void *)((char *)globals + STATE_OFFSET);
}

void programs_unmap_state(const struct programs *programs, const struct mseald_state *state)
{
	(void)munmap((char *)state - STATE_OFFSET, programs->globals_size);
}

int programs_map_fd(const struct programs *programs, const char *name)
{
	for (size_t i = 0; i < programs->maps_count; i++)
		if (strcmp(programs->maps[i].name, name) == 0)
			return programs->maps[i].fd;
	return -ENOENT;
}

static int run_with(const struct programs *programs, enum tool tool, void *argument, size_t size, uint32_t *ret)
{
	/* The result comes back in place (net/bpf/test_run.c, bpf_prog_test_run_syscall). */
	LIBBPF_OPTS(bpf_test_run_opts, opts, .ctx_in = argument, .ctx_size_in = (__u32)size);
	int r = bpf_prog_test_run_opts(programs->tools[tool], &opts);

	if (ret)
		*ret = opts.retval;
	return r;
}

static int run(const struct programs *programs, enum tool tool, struct mseald_commit *commit)
{
	return run_with(programs, tool, commit, sizeof(*commit), NULL);
}

int programs_commit(struct programs *programs, struct mseald_commit *commit)
{
	return run(programs, TOOL_COMMIT, commit);
}

int programs_uncache(struct programs *programs, uint64_t key)
{
	struct mseald_commit commit = { .key = key };

	return run(programs, TOOL_UNCACHE, &commit);
}

int programs_forget_account(struct programs *programs, uint32_t account)
{
	struct mseald_commit commit = { .account = account };

	return run(programs, TOOL_FORGET_ACCOUNT, &commit);
}

int programs_doom(struct programs *programs, uint64_t key)
{
	struct mseald_commit commit = { .key = key };

	return run(programs, TOOL_DOOM, &commit);
}

int programs_forget(struct programs *programs, uint64_t key)
{
	struct mseald_commit commit = { .key = key };

	return run(programs, TOOL_FORGET, &commit);
}

int programs_arm(struct programs *programs, uint64_t key, const struct mseald_armed *facts)
{
	struct mseald_arm request = { .key = key, .armed = *facts };
	uint32_t armed = 0;
	int r = run_with(programs, TOOL_ARM, &request, sizeof(request), &armed);

	return r < 0 ? r : armed ? 0 : -ENOSPC;
}

int programs_disarm(struct programs *programs, uint64_t key)
{
	struct mseald_commit request = { .key = key };

	return run(programs, TOOL_DISARM, &request);
}

static int iterate(const struct programs *programs, enum tool tool, union bpf_iter_link_info *info)
{
	LIBBPF_OPTS(bpf_link_create_opts, opts, .iter_info = info, .iter_info_len = sizeof(*info));
	_cleanup_close_ int link = -1;
	int fd;

	link = bpf_link_create(programs->tools[tool], 0, BPF_TRACE_ITER, &opts);
	if (link < 0)
		return link;
	fd = bpf_iter_create(link);
	return fd < 0 ? -errno : fd;
}

int programs_tasks_fd(struct programs *programs, uint32_t pid)
{
	union bpf_iter_link_info info = { .task = { .pid = pid } };

	return iterate(programs, TOOL_TASKS, &info);
}

int programs_vmas_fd(struct programs *programs, uint32_t tid)
{
	union bpf_iter_link_info info = { .task = { .tid = tid } };

	return iterate(programs, TOOL_VMAS, &info);
}
