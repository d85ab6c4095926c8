// SPDX-License-Identifier: LGPL-2.1-or-later
/* See programs.h. */
#include "programs.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <string.h>
#include <sys/sysinfo.h>

#include "log.h"
#include "mseald.skel.h"
#include "pins.h"
#include "probe.h"

#define ATTACH_TRIES 300
#define ATTACH_PAUSE_US 10000

enum part_kind {
	PART_LIFECYCLE,		/* attached first, detached last: no child may slip by */
	PART_LSM,
	PART_OVERRIDE,
	PART_KILL,
};

/* Every program that is attached, in the order in which that happens. */
static const struct part {
	const char *program;
	enum part_kind kind;
	const char *target;		/* kernel function or LSM hook, for the probe */
	const char *instead_of;		/* KILL: not needed where this program can be had */
} parts[] = {
	{ "mseald_exit_mmap", PART_LIFECYCLE, "exit_mmap", NULL },
	{ "mseald_task_free", PART_LIFECYCLE, NULL, NULL },
	{ "mseald_exec", PART_LIFECYCLE, NULL, NULL },
	{ "mseald_task_newtask", PART_LIFECYCLE, NULL, NULL },
	{ "mseald_task_alloc", PART_LIFECYCLE, NULL, NULL },
	{ "mseald_file_mprotect", PART_LSM, NULL, NULL },
	{ "mseald_mmap_file", PART_LSM, NULL, NULL },
	{ "mseald_mmap_addr", PART_LSM, NULL, NULL },
	{ "mseald_shm_shmat", PART_LSM, NULL, NULL },
	{ "mseald_task_prctl", PART_LSM, NULL, NULL },
	{ "override_munmap", PART_OVERRIDE, "__x64_sys_munmap", NULL },
	{ "override_mremap", PART_OVERRIDE, "__x64_sys_mremap", NULL },
	{ "override_madvise", PART_OVERRIDE, "__x64_sys_madvise", NULL },
	{ "override_process_madvise", PART_OVERRIDE, "__x64_sys_process_madvise", NULL },
	{ "override_brk", PART_OVERRIDE, "__x64_sys_brk", NULL },
	{ "override_shmdt", PART_OVERRIDE, "__x64_sys_shmdt", NULL },
	{ "kill_munmap", PART_KILL, "__x64_sys_munmap", "override_munmap" },
	{ "kill_mremap", PART_KILL, "__x64_sys_mremap", "override_mremap" },
	{ "kill_process_madvise", PART_KILL, "__x64_sys_process_madvise", "override_process_madvise" },
	{ "kill_brk", PART_KILL, "__x64_sys_brk", "override_brk" },
	{ "kill_shmdt", PART_KILL, "__x64_sys_shmdt", "override_shmdt" },
	{ "kill_do_madvise", PART_KILL, "do_madvise", NULL },
	{ "kill_expand_downwards", PART_KILL, "expand_downwards", NULL },
	{ "kill_vm_munmap", PART_KILL, "vm_munmap", NULL },
};

/* Which programs decide which row: the first that is there does. */
static const struct rule {
	unsigned row;
	const char *operation;
	const char *programs[2];
	unsigned stop;
	const char *note;
	bool only_kill;		/* on every kernel, and by no program that means no harm */
} rules[] = {
	{ 1, "mprotect, pkey_mprotect", { "mseald_file_mprotect" }, MSEALD_STOP_MPROTECT, NULL },
	{ 2, "mmap over it", { "mseald_mmap_file" }, MSEALD_STOP_UNMAP, NULL },
	{ 3, "munmap", { "override_munmap", "kill_munmap" }, MSEALD_STOP_UNMAP, NULL },
	{ 4, "mremap of it", { "override_mremap", "kill_mremap" }, MSEALD_STOP_UNMAP, NULL },
	{ 5, "mremap onto it", { "override_mremap", "kill_mremap" }, MSEALD_STOP_UNMAP, NULL },
	{ 6, "madvise that discards", { "override_madvise", "kill_do_madvise" }, MSEALD_STOP_DISCARD,
	  "if not writable when sealed" },
	{ 7, "process_madvise that discards", { "override_process_madvise", "kill_process_madvise" },
	  MSEALD_STOP_DISCARD, "if not writable when sealed" },
	{ 7, "io_uring madvise that discards", { "kill_do_madvise" }, MSEALD_STOP_DISCARD,
	  "if not writable when sealed", true },
	{ 8, "brk into it", { "override_brk", "kill_brk" }, MSEALD_STOP_UNMAP, NULL },
	{ 8, "prctl(PR_SET_MM) of the break", { "mseald_task_prctl" }, MSEALD_STOP_UNMAP, NULL },
	{ 8, "shmdt of it", { "override_shmdt", "kill_shmdt" }, MSEALD_STOP_UNMAP, NULL },
	{ 8, "io_destroy of a ring that was there", { "kill_vm_munmap" }, MSEALD_STOP_UNMAP, NULL, true },
	{ 9, "shmat over it", { "mseald_shm_shmat" }, MSEALD_STOP_UNMAP, NULL },
	{ 10, "remap_file_pages on it", { "mseald_mmap_addr" }, MSEALD_STOP_UNMAP, NULL },
	{ 11, "writes by /proc/PID/mem, ptrace, process_vm_writev", { NULL }, MSEALD_STOP_FOREIGN_WRITE, NULL },
	{ 12, "UFFDIO_MOVE out of it", { NULL }, MSEALD_STOP_DISCARD, NULL },
	{ 13, "mapping anything where it was", { "mseald_mmap_addr" }, MSEALD_STOP_UNMAP,
	  "and the process dies" },
	{ 13, "a stack growing where it was", { "kill_expand_downwards" }, MSEALD_STOP_UNMAP, NULL, true },
};

struct programs {
	struct mseald *skeleton;
	struct bpf_link *links[ELEMENTS(parts)];
	bool wanted[ELEMENTS(parts)];
	struct decision decisions[ELEMENTS(rules)];
	bool no_process_madvise;	/* this kernel's takes no advice that discards */
	unsigned generation;		/* of our links; 0: not attached */
};

const char *means_name(enum means means)
{
	static const char *const names[] = { "none", "kernel", "lsm", "override", "kill" };

	return means < ELEMENTS(names) ? names[means] : "unknown";
}

static int part_index(const char *program)
{
	for (size_t i = 0; program && i < ELEMENTS(parts); i++)
		if (strcmp(parts[i].program, program) == 0)
			return (int)i;
	return -1;
}

static bool part_wanted(const struct programs *programs, const char *program)
{
	int index = part_index(program);

	return index >= 0 && programs->wanted[index];
}

/* Asks the kernel about every attach point that not all kernels have. */
static int choose_parts(struct programs *programs, enum gate_mode mode)
{
	struct btf *vmlinux = btf__load_vmlinux_btf();
	int r = 0;

	if (!vmlinux) {
		r = -errno;
		log_error("this kernel has no BTF (/sys/kernel/btf/vmlinux: %s); CONFIG_DEBUG_INFO_BTF is needed",
			  strerror(-r));
		return r;
	}
	for (size_t i = 0; i < ELEMENTS(parts) && r >= 0; i++) {
		const struct part *part = &parts[i];

		if (part->instead_of && part_wanted(programs, part->instead_of))
			continue;
		if (part->kind == PART_OVERRIDE && mode == GATE_KILL)
			continue;
		r = !part->target ? 1 :
		    part->kind == PART_OVERRIDE ? probe_override(vmlinux, part->target) :
						  probe_fentry(vmlinux, part->target);
		programs->wanted[i] = r > 0;
		if (r == -ENOENT)
			r = 0;	/* no such call in this kernel */
		else if (r < 0)
			log_error("cannot ask the kernel about %s: %s", part->target, strerror(-r));
	}
	btf__free(vmlinux);
	return r < 0 ? r : 0;
}

/* Without what a call refuses by itself, nobody pays for it, nor dies of an EINVAL. */
static void leave_out_impossible(struct programs *programs)
{
	if (probe_process_madvise_discards())
		return;
	programs->wanted[part_index("override_process_madvise")] = false;
	programs->wanted[part_index("kill_process_madvise")] = false;
	programs->no_process_madvise = true;
}

static void choose_decisions(struct programs *programs)
{
	for (size_t i = 0; i < ELEMENTS(rules); i++) {
		struct decision *decision = &programs->decisions[i];

		*decision = (struct decision){ .row = rules[i].row, .operation = rules[i].operation,
					       .note = rules[i].note };
		for (size_t j = 0; j < ELEMENTS(rules[i].programs) && !decision->means; j++) {
			int index = part_index(rules[i].programs[j]);

			if (index < 0 || !programs->wanted[index])
				continue;
			decision->means = parts[index].kind == PART_OVERRIDE ? MEANS_OVERRIDE :
					  parts[index].kind == PART_KILL ? MEANS_KILL : MEANS_LSM;
		}
		if (!decision->means && rules[i].programs[0] && programs->no_process_madvise &&
		    strcmp(rules[i].programs[0], "override_process_madvise") == 0) {
			decision->means = MEANS_KERNEL;
			decision->note = "this kernel takes no such advice";
		}
	}
}

static int check_gates(const struct programs *programs, enum gate_mode mode)
{
	for (size_t i = 0; i < ELEMENTS(programs->decisions); i++) {
		const struct decision *decision = &programs->decisions[i];

		if (mode == GATE_DENY && decision->means == MEANS_KILL && !rules[i].only_kill) {
			log_error("--gate=deny: on this kernel \"%s\" could only be answered with SIGKILL; "
				  "use --gate=auto, or a kernel with CONFIG_FUNCTION_ERROR_INJECTION, or 7.2 and later",
				  decision->operation);
			return -EOPNOTSUPP;
		}
	}
	return 0;
}

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
	char path[PIN_PATH_MAX];

	bpf_object__for_each_map(map, skeleton->obj) {
		const char *name = bpf_map__name(map);
		int r;

		if (strstr(name, ".rodata"))
			continue;	/* settings of one load */
		r = bpf_map__set_pin_path(map, pin_map_path(strstr(name, ".bss") ? "state" : name, path));
		if (r < 0)
			return r;
	}
	return 0;
}

static int load(struct programs *programs)
{
	struct mseald *skeleton = programs->skeleton;
	struct mseald_state *state;
	int r;

	for (size_t i = 0; i < ELEMENTS(parts); i++) {
		struct bpf_program *program =
			bpf_object__find_program_by_name(skeleton->obj, parts[i].program);

		if (!program)
			return -ENOENT;
		(void)bpf_program__set_autoload(program, programs->wanted[i]);
	}
	skeleton->rodata->possible_cpus = libbpf_num_possible_cpus();
	skeleton->rodata->madvise_overridden = programs->wanted[part_index("override_madvise")];
	r = set_pins(skeleton);
	if (r < 0)
		return r;
	r = mseald__load(skeleton);
	if (r < 0) {
		log_error("the kernel did not take the BPF programs or maps: %s%s", strerror(-r),
			  r == -EINVAL ? " (pinned maps of another version in " PIN_ROOT "?)" : "");
		return r;
	}
	state = &skeleton->bss->state;
	if (state->layout != 0 && state->layout != MSEALD_LAYOUT) {
		log_error("the maps in " PIN_ROOT " have layout %llu, this mseald knows %u; "
			  "use the mseald that made them, or reboot",
			  (unsigned long long)state->layout, MSEALD_LAYOUT);
		return -EPROTO;
	}
	state->layout = MSEALD_LAYOUT;
	return 0;
}

int programs_load(enum gate_mode mode, struct programs **ret)
{
	struct programs *programs;
	int r;

	(void)libbpf_set_strict_mode(LIBBPF_STRICT_ALL);
	(void)libbpf_set_print(print_libbpf);
	r = probe_bpf_lsm();
	if (r <= 0) {
		log_error("BPF LSM is not active: \"bpf\" is not in /sys/kernel/security/lsm%s%s; run `msealctl check`",
			  r < 0 ? ": " : "", r < 0 ? strerror(-r) : "");
		return r < 0 ? r : -EOPNOTSUPP;
	}
	r = pins_prepare();
	if (r < 0)
		return r;
	programs = calloc(1, sizeof(*programs));
	if (!programs)
		return -ENOMEM;
	r = choose_parts(programs, mode);
	if (r >= 0) {
		leave_out_impossible(programs);
		choose_decisions(programs);
		r = check_gates(programs, mode);
	}
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

static void drop_links(struct programs *programs)
{
	for (size_t i = ELEMENTS(parts); i-- > 0;) {
		(void)bpf_link__destroy(programs->links[i]);
		programs->links[i] = NULL;
	}
}

struct programs *programs_free(struct programs *programs)
{
	if (!programs)
		return NULL;
	drop_links(programs);	/* closes our descriptors; the pins hold the links */
	mseald__destroy(programs->skeleton);
	free(programs);
	return NULL;
}

static int attach_part(struct programs *programs, size_t i, unsigned generation)
{
	struct bpf_program *program = bpf_object__find_program_by_name(programs->skeleton->obj, parts[i].program);
	char path[PIN_PATH_MAX];
	struct bpf_link *link;
	int r;

	/* A link of ours that was just given up goes a moment later, in the kernel's own time. */
	for (unsigned try = 0; !(link = bpf_program__attach(program)); try++) {
		if (errno != EBUSY || try == ATTACH_TRIES)
			return -errno;
		(void)usleep(ATTACH_PAUSE_US);
	}
	r = bpf_link__pin(link, pin_link_path(generation, parts[i].program, path));
	if (r < 0) {
		(void)bpf_link__destroy(link);
		return r;
	}
	programs->links[i] = link;
	return 0;
}

int programs_attach(struct programs *programs)
{
	unsigned generation = pins_last_generation() + 1;
	int r;

	if (programs->generation)
		return 0;
	r = pins_make_generation(generation);
	for (size_t i = 0; i < ELEMENTS(parts) && r >= 0; i++) {
		if (!programs->wanted[i])
			continue;
		r = attach_part(programs, i, generation);
		if (r < 0)
			log_error("cannot attach %s: %s", parts[i].program, strerror(-r));
	}
	if (r < 0) {
		drop_links(programs);
		pins_remove_generation(generation);
		return r;
	}
	programs->generation = generation;
	pins_remove_generations_before(generation);
	return 0;
}

void programs_detach(struct programs *programs)
{
	drop_links(programs);
	pins_remove_generations_before(pins_last_generation() + 1);
	programs->generation = 0;
}

bool programs_attached(const struct programs *programs)
{
	return programs->generation > 0;
}

bool programs_inherited(const struct programs *programs)
{
	(void)programs;
	return pins_last_generation() > 0;
}

const struct decision *programs_decisions(const struct programs *programs, size_t *ret_count)
{
	*ret_count = ELEMENTS(programs->decisions);
	return programs->decisions;
}

bool programs_kill_only(const struct programs *programs, unsigned stops)
{
	for (size_t i = 0; i < ELEMENTS(rules); i++)
		if (rules[i].stop & stops && programs->decisions[i].means == MEANS_KILL)
			return true;
	return false;
}

uint64_t programs_misses(const struct programs *programs, uint64_t *ret_lifecycle)
{
	uint64_t all = 0, lifecycle = 0;

	for (size_t i = 0; i < ELEMENTS(parts); i++) {
		struct bpf_program *program;
		struct bpf_prog_info info = {};
		__u32 size = sizeof(info);

		if (!programs->wanted[i])
			continue;
		program = bpf_object__find_program_by_name(programs->skeleton->obj, parts[i].program);
		if (bpf_obj_get_info_by_fd(bpf_program__fd(program), &info, &size) < 0)
			continue;
		all += info.recursion_misses;
		if (parts[i].kind == PART_LIFECYCLE)
			lifecycle += info.recursion_misses;
	}
	if (ret_lifecycle)
		*ret_lifecycle = lifecycle;
	return all;
}

struct mseald_state *programs_state(struct programs *programs)
{
	return &programs->skeleton->bss->state;
}

int programs_map_fd(const struct programs *programs, const char *name)
{
	return bpf_object__find_map_fd_by_name(programs->skeleton->obj, name);
}

static int run(struct bpf_program *program, struct mseald_commit *commit)
{
	/* The result comes back in place (net/bpf/test_run.c, bpf_prog_test_run_syscall). */
	LIBBPF_OPTS(bpf_test_run_opts, opts, .ctx_in = commit, .ctx_size_in = sizeof(*commit));

	return bpf_prog_test_run_opts(bpf_program__fd(program), &opts);
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

int programs_forget(struct programs *programs, uint64_t key)
{
	struct mseald_commit commit = { .key = key };

	return run(programs->skeleton->progs.mseald_forget, &commit);
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
