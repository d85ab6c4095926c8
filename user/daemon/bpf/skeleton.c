// SPDX-License-Identifier: LGPL-2.1-or-later
/* See skeleton.h. */
#include "bpf/skeleton.h"

#include <bpf/libbpf.h>
#include <malloc.h>
#include <sys/mman.h>

#include "base/log.h"
#include "bpf/bpffs.h"
#include "mseald.skel.h"

/* Offset of the state in the global data. */
#define STATE_OFFSET offsetof(typeof(*((struct mseald *)NULL)->bss), state)

/* The first load uses pinned maps, and pins those it makes. Later loads use the same, whatever is pinned. */
static int choose_maps(const struct skeleton *skeleton, struct mseald *libbpf)
{
	struct bpf_map *map;
	char path[BPFFS_PATH_MAX];

	bpf_object__for_each_map(map, libbpf->obj) {
		const char *name = bpffs_map_name(bpf_map__name(map));
		int r;

		if (!name)
			continue;
		r = skeleton->maps_count ? bpf_map__reuse_fd(map, skeleton_map_fd(skeleton, name)) :
					   bpf_map__set_pin_path(map, bpffs_map_path(name, path));
		if (r < 0)
			return r;
	}
	return 0;
}

/* Duplicates the descriptor, so that it outlives the skeleton. */
static int keep(int fd, int *ret)
{
	*ret = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	return *ret < 0 ? -errno : 0;
}

static int keep_maps(struct skeleton *skeleton, struct mseald *libbpf)
{
	struct bpf_map *map;

	bpf_object__for_each_map(map, libbpf->obj) {
		const char *name = bpffs_map_name(bpf_map__name(map));
		int r;

		if (!name)
			continue;
		if (skeleton->maps_count == ELEMENTS(skeleton->maps) ||
		    strlen(name) >= sizeof(skeleton->maps->name))
			return -E2BIG;
		r = keep(bpf_map__fd(map), &skeleton->maps[skeleton->maps_count].fd);
		if (r < 0)
			return r;
		strcpy(skeleton->maps[skeleton->maps_count++].name, name);
	}
	skeleton->globals_size = bpf_map__value_size(libbpf->maps.bss);
	skeleton->globals = mmap(NULL, skeleton->globals_size, PROT_READ | PROT_WRITE, MAP_SHARED,
				 skeleton_map_fd(skeleton, "state"), 0);
	if (skeleton->globals == MAP_FAILED) {
		skeleton->globals = NULL;
		return -errno;
	}
	skeleton_state(skeleton)->layout = MSEALD_LAYOUT;
	return 0;
}

/* Where the descriptor of a program is stored; NULL: unknown program. */
static int *descriptor_of(struct skeleton *skeleton, const char *name)
{
	for (size_t i = 0; i < TOOL_COUNT; i++)
		if (strcmp(prog_tools[i], name) == 0)
			return &skeleton->tools[i];
	for (size_t i = 0; i < PROG_COUNT; i++)
		if (strcmp(prog_table[i].program, name) == 0)
			return &skeleton->progs[i];
	return NULL;
}

/* The tools are loaded together with the maps, without other programs. */
static int choose_programs(struct skeleton *skeleton, struct mseald *libbpf, const bool *wanted)
{
	struct bpf_program *program;

	bpf_object__for_each_program(program, libbpf->obj) {
		const int *descriptor = descriptor_of(skeleton, bpf_program__name(program));
		bool is_prog = descriptor >= skeleton->progs && descriptor < skeleton->progs + PROG_COUNT;

		if (!descriptor)
			return -ENOENT;
		(void)bpf_program__set_autoload(
			program, is_prog ? wanted && wanted[descriptor - skeleton->progs] : !wanted);
	}
	return 0;
}

static int load(struct skeleton *skeleton, struct mseald *libbpf, const bool *wanted)
{
	struct bpf_program *program;
	int r;

	libbpf->rodata->possible_cpus = libbpf_num_possible_cpus();
	libbpf->rodata->madvise_overridden = coverage_wants(skeleton->coverage, "override_madvise");
	libbpf->rodata->madvise_32_overridden = coverage_wants(skeleton->coverage,
							       PROG_32("override_madvise"));
	libbpf->rodata->page_shift = (__u32)__builtin_ctzll(page_size());
	libbpf->rodata->setattr_has_idmap = skeleton->coverage->setattr_has_idmap;
	r = choose_programs(skeleton, libbpf, wanted);
	if (r >= 0)
		r = choose_maps(skeleton, libbpf);
	if (r >= 0)
		r = mseald__load(libbpf);
	if (r >= 0 && !skeleton->maps_count)
		r = keep_maps(skeleton, libbpf);
	bpf_object__for_each_program(program, libbpf->obj)
		if (r >= 0 && bpf_program__autoload(program))
			r = keep(bpf_program__fd(program),
				 descriptor_of(skeleton, bpf_program__name(program)));
	return r;
}

int skeleton_load(struct skeleton *skeleton, const bool *wanted)
{
	LIBBPF_OPTS(bpf_object_open_opts, opts);
	struct mseald *libbpf;
	char types[32];
	int r;

	FORMAT(types, "/proc/self/fd/%d", skeleton->kernel->types);
	opts.btf_custom_path = types;
	libbpf = mseald__open_opts(&opts);
	r = libbpf ? load(skeleton, libbpf, wanted) : -errno;

	mseald__destroy(libbpf);
	/* Megabytes, which each fork would copy page tables for (trace/tracer.h). */
	(void)malloc_trim(0);
	if (r < 0)
		log_error("cannot load the BPF programs or maps: %s%s", strerror(-r),
			  r == -EINVAL ? " (foreign maps pinned in " BPFFS_ROOT "?)" : "");
	return r;
}

int skeleton_add_names(struct kernel_btf *kernel)
{
	struct mseald *libbpf = mseald__open();
	int r = libbpf ? kernel_btf_add(kernel, libbpf->obj) : -errno;

	mseald__destroy(libbpf);
	return r;
}

int skeleton_open(struct skeleton *skeleton, const struct coverage *coverage, const struct kernel_btf *kernel)
{
	*skeleton = (struct skeleton){ .coverage = coverage, .kernel = kernel };
	for (size_t i = 0; i < TOOL_COUNT; i++)
		skeleton->tools[i] = -1;
	for (size_t i = 0; i < PROG_COUNT; i++)
		skeleton->progs[i] = -1;
	return skeleton_load(skeleton, NULL);
}

void skeleton_close(struct skeleton *skeleton)
{
	if (!skeleton->coverage)
		return;
	for (size_t i = 0; i < TOOL_COUNT; i++)
		cleanup_close(&skeleton->tools[i]);
	for (size_t i = 0; i < PROG_COUNT; i++)
		cleanup_close(&skeleton->progs[i]);
	for (size_t i = 0; i < skeleton->maps_count; i++)
		cleanup_close(&skeleton->maps[i].fd);
	if (skeleton->globals)
		(void)munmap(skeleton->globals, skeleton->globals_size);
}

int skeleton_map_fd(const struct skeleton *skeleton, const char *name)
{
	for (size_t i = 0; i < skeleton->maps_count; i++)
		if (strcmp(skeleton->maps[i].name, name) == 0)
			return skeleton->maps[i].fd;
	return -ENOENT;
}

volatile struct mseald_state *skeleton_state(const struct skeleton *skeleton)
{
	return (void *)((char *)skeleton->globals + STATE_OFFSET);
}

const struct mseald_state *skeleton_map_state(const struct skeleton *skeleton)
{
	void *globals = mmap(NULL, skeleton->globals_size, PROT_READ, MAP_SHARED,
			     skeleton_map_fd(skeleton, "state"), 0);

	return globals == MAP_FAILED ? NULL : (const void *)((char *)globals + STATE_OFFSET);
}

void skeleton_unmap_state(const struct skeleton *skeleton, const struct mseald_state *state)
{
	(void)munmap((char *)state - STATE_OFFSET, skeleton->globals_size);
}
