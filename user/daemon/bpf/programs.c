// SPDX-License-Identifier: LGPL-2.1-or-later
/* See programs.h. */
#include "bpf/programs.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "base/log.h"
#include "bpf/adopt.h"
#include "bpf/bpffs.h"
#include "bpf/lock.h"
#include "bpf/map.h"
#include "bpf/probe.h"
#include "bpf/skeleton.h"

#define ATTACH_TRIES 300
#define ATTACH_PAUSE_US 10000

struct programs {
	struct kernel_btf kernel;
	struct skeleton skeleton;
	int links[PROG_COUNT];	  /* -1: not attached */
	struct coverage coverage; /* programs that this kernel accepts */
	struct lock *lock;	  /* borrowed; NULL: not locked */
	unsigned generation;	  /* of this daemon's links; 0: not attached */
	unsigned needs;		  /* NEED_* that programs are attached for */
	unsigned needed;	  /* NEED_* of others than seal sets */
};

#define LOG_LINES 20

/* The last lines of a text: there the verifier says why it refuses a program. */
static char *last_lines(char *text)
{
	char *line = text + strlen(text);

	for (int lines = 0; line > text && lines <= LOG_LINES; line--)
		lines += line[-1] == '\n';
	return line > text ? line + 1 : text;
}

static int print_libbpf(enum libbpf_print_level level, const char *format, va_list arguments)
{
	char *text, *line, *rest;

	if (level == LIBBPF_DEBUG || vasprintf(&text, format, arguments) < 0)
		return 0;
	for (line = strtok_r(last_lines(text), "\n", &rest); line; line = strtok_r(NULL, "\n", &rest))
		log_debug("%s", line);
	free(text);
	return 0;
}

int programs_possible(void)
{
	int r;

	(void)libbpf_set_strict_mode(LIBBPF_STRICT_ALL);
	(void)libbpf_set_print(print_libbpf);
	if (!probe_kernel() || !probe_page_size())
		return -EOPNOTSUPP;
	r = probe_bpf_lsm();
	if (r > 0)
		return 0;
	log_error(
		"BPF LSM is not active: \"bpf\" is not in /sys/kernel/security/lsm%s%s; run `msealctl check`",
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
	for (size_t i = 0; i < PROG_COUNT; i++)
		programs->links[i] = -1;
	r = skeleton_add_names(&programs->kernel);
	if (r >= 0)
		r = coverage_make(mode, &programs->kernel, &programs->coverage);
	if (r >= 0)
		r = skeleton_open(&programs->skeleton, &programs->coverage, &programs->kernel);
	if (r < 0)
		programs_free(programs);
	else
		*ret = programs;
	return r;
}

/* Closes the descriptor; with a generation, also removes the pin there. */
static void drop_link(struct programs *programs, size_t i, unsigned generation)
{
	char path[BPFFS_PATH_MAX];

	if (programs->links[i] < 0)
		return;
	if (generation) {
		(void)unlink(bpffs_link_path(generation, prog_table[i].program, path));
		lock_forget_link(programs->lock, programs->links[i]);
	}
	(void)close(TAKE_FD(programs->links[i]));
}

static void drop_links(struct programs *programs, unsigned generation)
{
	for (size_t i = PROG_COUNT; i-- > 0;)
		drop_link(programs, i, generation);
}

void programs_free(struct programs *programs)
{
	if (!programs)
		return;
	drop_links(programs, 0); /* the pins hold the links */
	skeleton_close(&programs->skeleton);
	kernel_btf_close(&programs->kernel);
	free(programs);
}

static int attach_prog(struct programs *programs, size_t i, unsigned generation)
{
	char path[BPFFS_PATH_MAX];
	int link, r;

	/* The kernel frees a link with a delay after its last descriptor is closed. */
	for (unsigned try = 0; (link = bpf_raw_tracepoint_open(NULL, programs->skeleton.progs[i])) < 0;
	     try++) {
		if (errno != EBUSY || try == ATTACH_TRIES)
			return -errno;
		(void)usleep(ATTACH_PAUSE_US);
	}
	programs->links[i] = link;
	r = lock_guard_link(programs->lock, link);
	if (r >= 0 && bpf_obj_pin(link, bpffs_link_path(generation, prog_table[i].program, path)) < 0)
		r = -errno;
	if (r < 0)
		drop_link(programs, i, generation);
	return r;
}

/* Do these needs require the program? */
static bool prog_needed(size_t i, unsigned needs)
{
	return !prog_table[i].need || prog_table[i].need & needs;
}

/* Detaches every program that these needs do not require, last first; the others stay. */
static void detach_unneeded(struct programs *programs, unsigned needs)
{
	for (size_t i = PROG_COUNT; i-- > 0;)
		if (!prog_needed(i, needs))
			drop_link(programs, i, programs->generation);
}

/* Do these needs require a program that is not attached yet? */
static bool prog_missing(const struct programs *programs, size_t i, unsigned needs)
{
	return programs->coverage.wanted[i] && programs->links[i] < 0 && prog_needed(i, needs);
}

/* Programs are loaded when they are first attached: the verifier takes longer than the rest of the start. */
static int load_progs(struct programs *programs, unsigned needs)
{
	bool wanted[PROG_COUNT], any = false;

	for (size_t i = 0; i < PROG_COUNT; i++) {
		wanted[i] = programs->skeleton.progs[i] < 0 && prog_missing(programs, i, needs);
		any |= wanted[i];
	}
	return any ? skeleton_load(&programs->skeleton, wanted) : 0;
}

static int attach_progs(struct programs *programs, unsigned generation, unsigned needs)
{
	for (size_t i = 0; i < PROG_COUNT; i++) {
		int r;

		if (!prog_missing(programs, i, needs))
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
	r = load_progs(programs, needs);
	if (r < 0)
		return r;
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
		drop_links(programs, generation);
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

void programs_detach_unused(struct programs *programs, unsigned needs)
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
	drop_links(programs, programs->generation);
	bpffs_remove_generations_before(bpffs_last_generation() + 1);
	programs->generation = 0;
	programs->needs = 0;
}

bool programs_attached(const struct programs *programs)
{
	return programs->generation > 0;
}

int programs_check(const struct programs *programs, unsigned needs)
{
	for (size_t i = 0; i < PROG_COUNT; i++) {
		struct bpf_link_info info = {};
		uint32_t size = sizeof(info);

		if (!programs->coverage.wanted[i] || !(prog_table[i].need & needs))
			continue;
		if (programs->links[i] < 0 || bpf_obj_get_info_by_fd(programs->links[i], &info, &size) < 0 ||
		    !info.prog_id || info.prog_id != map_object_id(programs->skeleton.progs[i]))
			return -ENOLINK;
	}
	return 0;
}

unsigned programs_generation(const struct programs *programs)
{
	return programs->generation;
}

const struct coverage *programs_coverage(const struct programs *programs)
{
	return &programs->coverage;
}

uint64_t programs_misses(const struct programs *programs, uint64_t *ret_lifecycle)
{
	uint64_t all = 0, lifecycle = 0;

	for (size_t i = 0; i < PROG_COUNT; i++) {
		struct bpf_prog_info info = {};
		__u32 size = sizeof(info);
		int fd = programs->skeleton.progs[i];

		if (fd < 0 || bpf_obj_get_info_by_fd(fd, &info, &size) < 0)
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
	return skeleton_state(&programs->skeleton);
}

const struct mseald_state *programs_map_state(const struct programs *programs)
{
	return skeleton_map_state(&programs->skeleton);
}

void programs_unmap_state(const struct programs *programs, const struct mseald_state *state)
{
	skeleton_unmap_state(&programs->skeleton, state);
}

int programs_map_fd(const struct programs *programs, const char *name)
{
	return skeleton_map_fd(&programs->skeleton, name);
}

static int run_with(const struct programs *programs, enum tool tool, void *argument, size_t size,
		    uint32_t *ret)
{
	/* The result comes back in place (net/bpf/test_run.c, bpf_prog_test_run_syscall). */
	LIBBPF_OPTS(bpf_test_run_opts, opts, .ctx_in = argument, .ctx_size_in = (__u32)size);
	int r = bpf_prog_test_run_opts(programs->skeleton.tools[tool], &opts);

	if (ret)
		*ret = opts.retval;
	/* Not of the kernel: a program that overrides bpf(2) for mseald (error injection). */
	return r > 0 ? -EIO : r;
}

static int run(const struct programs *programs, enum tool tool, struct mseald_commit *commit)
{
	return run_with(programs, tool, commit, sizeof(*commit), NULL);
}

int programs_commit(struct programs *programs, struct mseald_commit *commit)
{
	return run(programs, TOOL_COMMIT, commit);
}

int programs_forget(struct programs *programs, struct mseald_commit *commit)
{
	return run(programs, TOOL_FORGET, commit);
}

int programs_run(struct programs *programs, enum tool tool, uint64_t key, uint64_t born)
{
	struct mseald_commit commit = { .key = key, .born = born };

	return run(programs, tool, &commit);
}

int programs_forget_account(struct programs *programs, uint32_t account)
{
	struct mseald_commit commit = { .account = account };

	return run(programs, TOOL_FORGET_ACCOUNT, &commit);
}

int programs_watch(struct programs *programs, uint64_t key, const struct mseald_watched *facts)
{
	struct mseald_watch request = { .key = key, .watched = *facts };
	uint32_t watched = 0;
	int r = run_with(programs, TOOL_WATCH, &request, sizeof(request), &watched);

	return r < 0 ? r : watched ? 0 : -ENOSPC;
}

static int iterate(const struct programs *programs, enum tool tool, union bpf_iter_link_info *info)
{
	LIBBPF_OPTS(bpf_link_create_opts, opts, .iter_info = info, .iter_info_len = sizeof(*info));
	_cleanup_close_ int link = -1;
	int fd;

	link = bpf_link_create(programs->skeleton.tools[tool], 0, BPF_TRACE_ITER, &opts);
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

void programs_iterators(const struct programs *programs, int ret[2])
{
	ret[0] = programs->skeleton.tools[TOOL_TASKS];
	ret[1] = programs->skeleton.tools[TOOL_VMAS];
}
