// SPDX-License-Identifier: LGPL-2.1-or-later
/* See programs.h. */
#include "bpf/programs.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sysinfo.h>

#include "base/log.h"
#include "bpf/adopt.h"
#include "bpf/bpffs.h"
#include "bpf/coverage.h"
#include "bpf/lock.h"
#include "bpf/probe.h"
#include "mseald.skel.h"

#define ATTACH_TRIES 300
#define ATTACH_PAUSE_US 10000

struct programs {
	struct mseald *skeleton;
	struct bpf_link *links[PROG_COUNT];
	struct coverage coverage;		/* what this kernel takes */
	struct lock *lock;		/* not ours; NULL: not locked */
	unsigned generation;		/* of our links; 0: not attached */
	unsigned needs;			/* NEED_* that are attached for */
	unsigned needed;		/* by others than seal sets */
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

static int set_pins(struct mseald *skeleton)
{
	struct bpf_map *map;
	char path[BPFFS_PATH_MAX];

	bpf_object__for_each_map(map, skeleton->obj) {
		const char *name = bpf_map__name(map);
		int r;

		if (strstr(name, ".rodata"))
			continue;	/* settings of one load */
		r = bpf_map__set_pin_path(map, bpffs_map_path(strstr(name, ".bss") ? "state" : name, path));
		if (r < 0)
			return r;
	}
	return 0;
}

static size_t globals_size(const struct programs *programs)
{
	return bpf_map__value_size(programs->skeleton->maps.bss);
}

/*
 * Puts what the programs see where the skeleton points to, which libbpf has mapped and will unmap. Before
 * 1.5 it does so itself. Since then it does only for a map that it has made (libbpf.c,
 * bpf_object__populate_internal_map), and of one that an earlier daemon has pinned there is a copy, which
 * no program reads.
 */
static int map_globals(struct programs *programs)
{
	struct mseald *skeleton = programs->skeleton;

	return mmap(skeleton->bss, globals_size(programs), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED,
		    bpf_map__fd(skeleton->maps.bss), 0) == MAP_FAILED ? -errno : 0;
}

static int load(struct programs *programs)
{
	struct mseald *skeleton = programs->skeleton;
	int r;

	for (size_t i = 0; i < PROG_COUNT; i++) {
		struct bpf_program *program =
			bpf_object__find_program_by_name(skeleton->obj, prog_table[i].program);

		if (!program)
			return -ENOENT;
		(void)bpf_program__set_autoload(program, programs->coverage.wanted[i]);
	}
	skeleton->rodata->possible_cpus = libbpf_num_possible_cpus();
	skeleton->rodata->madvise_overridden = coverage_wants(&programs->coverage, "override_madvise");
	skeleton->rodata->madvise_32_overridden = coverage_wants(&programs->coverage, "override_madvise_32");
	skeleton->rodata->setattr_has_idmap = programs->coverage.setattr_has_idmap;
	r = set_pins(skeleton);
	if (r < 0)
		return r;
	r = mseald__load(skeleton);
	if (r < 0) {
		log_error("the kernel did not take the BPF programs or maps: %s%s", strerror(-r),
			  r == -EINVAL ? " (is something else pinned in " BPFFS_ROOT "/maps?)" : "");
		return r;
	}
	r = map_globals(programs);
	if (r < 0) {
		log_error("cannot map the state of the BPF programs: %s", strerror(-r));
		return r;
	}
	skeleton->bss->state.layout = MSEALD_LAYOUT;
	return 0;
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
	struct programs *programs;
	int r;

	r = bpffs_prepare();
	if (r >= 0)
		r = adopt_check();
	if (r < 0)
		return r;
	programs = calloc(1, sizeof(*programs));
	if (!programs)
		return -ENOMEM;
	programs->lock = lock;
	r = coverage_make(mode, &programs->coverage);
	if (r >= 0) {
		programs->skeleton = mseald__open();
		r = programs->skeleton ? load(programs) : -errno;
	}
	if (r < 0) {
		programs_free(programs);
		return r;
	}
	*ret = programs;
	return 0;
}

/* Closes our descriptor. */
static void drop_link(struct programs *programs, size_t i, bool unpin)
{
	struct bpf_link *link = TAKE_PTR(programs->links[i]);

	if (!link)
		return;
	if (unpin) {
		(void)bpf_link__unpin(link);
		lock_forget_link(programs->lock, bpf_link__fd(link));
	}
	(void)bpf_link__destroy(link);
}

static void drop_links(struct programs *programs, bool unpin)
{
	for (size_t i = PROG_COUNT; i-- > 0;)
		drop_link(programs, i, unpin);
}

struct programs *programs_free(struct programs *programs)
{
	if (!programs)
		return NULL;
	drop_links(programs, false);	/* the pins hold the links */
	mseald__destroy(programs->skeleton);
	free(programs);
	return NULL;
}

static int attach_prog(struct programs *programs, size_t i, unsigned generation)
{
	struct bpf_program *program = bpf_object__find_program_by_name(programs->skeleton->obj, prog_table[i].program);
	char path[BPFFS_PATH_MAX];
	struct bpf_link *link;
	int r;

	/* A link of ours that was just given up goes a moment later, in the kernel's own time. */
	for (unsigned try = 0; !(link = bpf_program__attach(program)); try++) {
		if (errno != EBUSY || try == ATTACH_TRIES)
			return -errno;
		(void)usleep(ATTACH_PAUSE_US);
	}
	programs->links[i] = link;
	r = lock_guard_link(programs->lock, bpf_link__fd(link));
	if (r >= 0)
		r = bpf_link__pin(link, bpffs_link_path(generation, prog_table[i].program, path));
	if (r < 0)
		drop_link(programs, i, true);
	return r;
}

/* Is the program called for by these needs? */
static bool prog_needed(size_t i, unsigned needs)
{
	return !prog_table[i].need || prog_table[i].need & needs;
}

/* Detaches every program that these needs do not call for, last first; the others stay. */
static void detach_unneeded(struct programs *programs, unsigned needs)
{
	for (size_t i = PROG_COUNT; i-- > 0;)
		if (!prog_needed(i, needs))
			drop_link(programs, i, true);
}

static int attach_progs(struct programs *programs, unsigned generation, unsigned needs)
{
	for (size_t i = 0; i < PROG_COUNT; i++) {
		int r;

		if (!programs->coverage.wanted[i] || programs->links[i] || !prog_needed(i, needs))
			continue;
		r = attach_prog(programs, i, generation);
		if (r < 0) {
			log_error("cannot attach %s: %s", prog_table[i].program, strerror(-r));
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
	if (!generation) {
		generation = bpffs_last_generation() + 1;
		r = bpffs_make_generation(generation);
	}
	if (r >= 0)
		r = attach_progs(programs, generation, needs);
	if (r < 0 && programs->generation) {
		detach_unneeded(programs, programs->needs);
		return r;
	}
	if (r < 0) {
		drop_links(programs, true);
		bpffs_remove_generation(generation);
		return r;
	}
	programs->generation = generation;
	programs->needs = needs;
	bpffs_remove_generations_before(generation);
	return 0;
}

void programs_need(struct programs *programs, unsigned needs, bool on)
{
	programs->needed = on ? programs->needed | needs : programs->needed & ~needs;
}

bool programs_needed(const struct programs *programs)
{
	return programs->needed;
}

void programs_narrow(struct programs *programs, unsigned needs)
{
	needs |= programs->needed;
	detach_unneeded(programs, needs);
	programs->needs &= needs;
}

unsigned programs_needs(const struct programs *programs)
{
	return programs->needs;
}

void programs_detach(struct programs *programs)
{
	drop_links(programs, true);
	bpffs_remove_generations_before(bpffs_last_generation() + 1);
	programs->generation = 0;
	programs->needs = 0;
}

bool programs_attached(const struct programs *programs)
{
	return programs->generation > 0;
}

static uint32_t program_id(const struct programs *programs, size_t i)
{
	struct bpf_program *program = bpf_object__find_program_by_name(programs->skeleton->obj, prog_table[i].program);
	struct bpf_prog_info info = {};
	uint32_t size = sizeof(info);

	return bpf_obj_get_info_by_fd(bpf_program__fd(program), &info, &size) < 0 ? 0 : info.id;
}

int programs_check(const struct programs *programs, unsigned needs)
{
	for (size_t i = 0; i < PROG_COUNT; i++) {
		struct bpf_link_info info = {};
		uint32_t size = sizeof(info);

		if (!programs->coverage.wanted[i] || !(prog_table[i].need & needs))
			continue;
		if (!programs->links[i] || bpf_obj_get_info_by_fd(bpf_link__fd(programs->links[i]), &info, &size) < 0 ||
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
	return bpffs_last_generation() > 0;
}

const struct coverage *programs_coverage(const struct programs *programs)
{
	return &programs->coverage;
}

uint64_t programs_misses(const struct programs *programs, uint64_t *ret_lifecycle)
{
	uint64_t all = 0, lifecycle = 0;

	for (size_t i = 0; i < PROG_COUNT; i++) {
		struct bpf_program *program;
		struct bpf_prog_info info = {};
		__u32 size = sizeof(info);

		if (!programs->coverage.wanted[i])
			continue;
		program = bpf_object__find_program_by_name(programs->skeleton->obj, prog_table[i].program);
		if (bpf_obj_get_info_by_fd(bpf_program__fd(program), &info, &size) < 0)
			continue;
		all += info.recursion_misses;
		if (prog_table[i].kind == PROG_LIFECYCLE)
			lifecycle += info.recursion_misses;
	}
	if (ret_lifecycle)
		*ret_lifecycle = lifecycle;
	return all;
}

volatile struct mseald_state *programs_state(struct programs *programs)
{
	return &programs->skeleton->bss->state;
}

const struct mseald_state *programs_map_state(const struct programs *programs)
{
	void *globals = mmap(NULL, globals_size(programs), PROT_READ, MAP_SHARED, bpf_map__fd(programs->skeleton->maps.bss), 0);

	if (globals == MAP_FAILED)
		return NULL;
	return (const void *)((char *)globals + offsetof(typeof(*programs->skeleton->bss), state));
}

void programs_unmap_state(const struct programs *programs, const struct mseald_state *state)
{
	(void)munmap((char *)state - offsetof(typeof(*programs->skeleton->bss), state), globals_size(programs));
}

int programs_map_fd(const struct programs *programs, const char *name)
{
	return bpf_object__find_map_fd_by_name(programs->skeleton->obj, name);
}

static int run_with(struct bpf_program *program, void *argument, size_t size, uint32_t *ret)
{
	/* The result comes back in place (net/bpf/test_run.c, bpf_prog_test_run_syscall). */
	LIBBPF_OPTS(bpf_test_run_opts, opts, .ctx_in = argument, .ctx_size_in = (__u32)size);
	int r = bpf_prog_test_run_opts(bpf_program__fd(program), &opts);

	if (ret)
		*ret = opts.retval;
	return r;
}

static int run(struct bpf_program *program, struct mseald_commit *commit)
{
	return run_with(program, commit, sizeof(*commit), NULL);
}

int programs_commit(struct programs *programs, struct mseald_commit *commit)
{
	return run(programs->skeleton->progs.mseald_commit, commit);
}

int programs_uncache(struct programs *programs, uint64_t key)
{
	struct mseald_commit commit = { .key = key };

	return run(programs->skeleton->progs.mseald_uncache, &commit);
}

int programs_forget_account(struct programs *programs, uint32_t account)
{
	struct mseald_commit commit = { .account = account };

	return run(programs->skeleton->progs.mseald_forget_account, &commit);
}

int programs_doom(struct programs *programs, uint64_t key)
{
	struct mseald_commit commit = { .key = key };

	return run(programs->skeleton->progs.mseald_doom, &commit);
}

int programs_forget(struct programs *programs, uint64_t key)
{
	struct mseald_commit commit = { .key = key };

	return run(programs->skeleton->progs.mseald_forget, &commit);
}

int programs_arm(struct programs *programs, uint64_t key, const struct mseald_armed *facts)
{
	struct mseald_arm request = { .key = key, .armed = *facts };
	uint32_t armed = 0;
	int r = run_with(programs->skeleton->progs.mseald_arm, &request, sizeof(request), &armed);

	return r < 0 ? r : armed ? 0 : -ENOSPC;
}

int programs_disarm(struct programs *programs, uint64_t key)
{
	struct mseald_commit request = { .key = key };

	return run(programs->skeleton->progs.mseald_disarm, &request);
}

static int iterate(struct bpf_program *program, union bpf_iter_link_info *info)
{
	LIBBPF_OPTS(bpf_link_create_opts, opts, .iter_info = info, .iter_info_len = sizeof(*info));
	_cleanup_close_ int link = -1;
	int fd;

	link = bpf_link_create(bpf_program__fd(program), 0, BPF_TRACE_ITER, &opts);
	if (link < 0)
		return link;
	fd = bpf_iter_create(link);
	return fd < 0 ? -errno : fd;
}

int programs_tasks_fd(struct programs *programs, uint32_t pid)
{
	union bpf_iter_link_info info = { .task = { .pid = pid } };

	return iterate(programs->skeleton->progs.mseald_tasks, &info);
}

int programs_vmas_fd(struct programs *programs, uint32_t tid)
{
	union bpf_iter_link_info info = { .task = { .tid = tid } };

	return iterate(programs->skeleton->progs.mseald_vmas, &info);
}
