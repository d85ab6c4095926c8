// SPDX-License-Identifier: LGPL-2.1-or-later
/* See choice.h. */
#include "choice.h"

#include <bpf/btf.h>
#include <errno.h>
#include <string.h>

#include "log.h"
#include "mseald/shared.h"
#include "native.h"
#include "probe.h"
#include "util.h"

const struct part parts[PARTS_COUNT] = {
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
	{ "mseald_ptrace_access_check", PART_LSM, NULL, NULL, NEED_FOREIGN },
	{ "mseald_ptrace_traceme", PART_LSM, NULL, NULL, NEED_FOREIGN },
	{ "mseald_file_permission", PART_LSM, NULL, NULL, NEED_FOREIGN },
	{ "mseald_file_ioctl", PART_LSM, NULL, NULL, NEED_USERFAULT },
	{ "mseald_file_ioctl_compat", PART_LSM, "file_ioctl_compat", NULL, NEED_USERFAULT },
	{ "override_munmap", PART_OVERRIDE, "__x64_sys_munmap", NULL },
	{ "override_mremap", PART_OVERRIDE, "__x64_sys_mremap", NULL },
	{ "override_madvise", PART_OVERRIDE, "__x64_sys_madvise", NULL },
	{ "override_process_madvise", PART_OVERRIDE, "__x64_sys_process_madvise", NULL },
	{ "override_brk", PART_OVERRIDE, "__x64_sys_brk", NULL },
	{ "override_shmdt", PART_OVERRIDE, "__x64_sys_shmdt", NULL },
	{ "override_process_vm_writev", PART_OVERRIDE, "__x64_sys_process_vm_writev", NULL, NEED_FOREIGN },
	{ "kill_munmap", PART_KILL, "__x64_sys_munmap", "override_munmap" },
	{ "kill_mremap", PART_KILL, "__x64_sys_mremap", "override_mremap" },
	{ "kill_process_madvise", PART_KILL, "__x64_sys_process_madvise", "override_process_madvise" },
	{ "kill_brk", PART_KILL, "__x64_sys_brk", "override_brk" },
	{ "kill_shmdt", PART_KILL, "__x64_sys_shmdt", "override_shmdt" },
	{ "kill_do_madvise", PART_KILL, "do_madvise", NULL },
	{ "kill_expand_downwards", PART_KILL, "expand_downwards", NULL },
	{ "kill_vm_munmap", PART_KILL, "vm_munmap", NULL },
	{ "kill_mm_access", PART_KILL, "mm_access", NULL, NEED_FOREIGN },
};

/* Which programs decide which row: the first that is there does. */
static const struct rule {
	unsigned row;
	const char *operation;
	const char *programs[2];
	unsigned stop;
	const char *note;
	bool only_kill;		/* on every kernel, and by no program that means no harm */
	enum native_scope native;
} rules[] = {
	{ 1, "mprotect, pkey_mprotect", { "mseald_file_mprotect" }, MSEALD_STOP_MPROTECT, NULL },
	{ 2, "mmap over it", { "mseald_mmap_file" }, MSEALD_STOP_UNMAP, NULL },
	{ 3, "munmap", { "override_munmap", "kill_munmap" }, MSEALD_STOP_UNMAP, NULL, .native = NATIVE_ALL },
	{ 4, "mremap of it", { "override_mremap", "kill_mremap" }, MSEALD_STOP_UNMAP, NULL, .native = NATIVE_ALL },
	{ 5, "mremap onto it", { "override_mremap", "kill_mremap" }, MSEALD_STOP_UNMAP, NULL, .native = NATIVE_ALL },
	{ 6, "madvise that discards", { "override_madvise", "kill_do_madvise" }, MSEALD_STOP_DISCARD,
	  "if not writable when sealed", .native = NATIVE_ANONYMOUS },
	{ 7, "process_madvise that discards", { "override_process_madvise", "kill_process_madvise" },
	  MSEALD_STOP_DISCARD, "if not writable when sealed", .native = NATIVE_ANONYMOUS },
	{ 7, "io_uring madvise that discards", { "kill_do_madvise" }, MSEALD_STOP_DISCARD,
	  "if not writable when sealed", true, .native = NATIVE_ANONYMOUS },
	{ 8, "brk into it", { "override_brk", "kill_brk" }, MSEALD_STOP_UNMAP, NULL, .native = NATIVE_ALL },
	{ 8, "prctl(PR_SET_MM) of the break", { "mseald_task_prctl" }, MSEALD_STOP_UNMAP, NULL },
	{ 8, "shmdt of it", { "override_shmdt", "kill_shmdt" }, MSEALD_STOP_UNMAP, NULL, .native = NATIVE_ALL },
	{ 8, "io_destroy of a ring that was there", { "kill_vm_munmap" }, MSEALD_STOP_UNMAP, NULL, true, .native = NATIVE_ALL },
	{ 9, "shmat over it", { "mseald_shm_shmat" }, MSEALD_STOP_UNMAP, NULL },
	{ 10, "remap_file_pages on it", { "mseald_mmap_addr" }, MSEALD_STOP_UNMAP, NULL },
	{ 11, "write to /proc/PID/mem", { "mseald_file_permission" }, MSEALD_STOP_FOREIGN_WRITE, NULL },
	{ 11, "ptrace, process_vm_writev by another", { "mseald_ptrace_access_check" }, MSEALD_STOP_FOREIGN_WRITE,
	  NULL },
	{ 11, "process_vm_writev to itself", { "override_process_vm_writev", "kill_mm_access" },
	  MSEALD_STOP_FOREIGN_WRITE, NULL },
	{ 12, "UFFDIO_MOVE out of it", { "mseald_file_ioctl" }, MSEALD_STOP_UNMAP, NULL },
	{ 12, "UFFDIO_COPY, ZEROPAGE, CONTINUE, POISON into it", { "mseald_file_ioctl" }, MSEALD_STOP_DISCARD,
	  "if not writable when sealed" },
	{ 13, "mapping anything where it was", { "mseald_mmap_addr" }, MSEALD_STOP_UNMAP,
	  "and the process dies" },
	{ 13, "a stack growing where it was", { "kill_expand_downwards" }, MSEALD_STOP_UNMAP, NULL, true },
};

_Static_assert(ELEMENTS(rules) == DECISIONS_COUNT, "a decision for each rule");

const char *means_name(enum means means)
{
	static const char *const names[] = { "none", "kernel", "lsm", "override", "kill" };

	return means < ELEMENTS(names) ? names[means] : "unknown";
}

const char *native_scope_name(enum native_scope scope)
{
	static const char *const names[] = { "none", "all", "anonymous" };

	return scope < ELEMENTS(names) ? names[scope] : "unknown";
}

static int part_index(const char *program)
{
	for (size_t i = 0; program && i < ELEMENTS(parts); i++)
		if (strcmp(parts[i].program, program) == 0)
			return (int)i;
	return -1;
}

bool choice_wants(const struct choice *choice, const char *program)
{
	int index = part_index(program);

	return index >= 0 && choice->wanted[index];
}

/* Asks the kernel about every attach point that not all kernels have. */
static int choose_parts(struct choice *choice, enum gate_mode mode)
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

		if (part->instead_of && choice_wants(choice, part->instead_of))
			continue;
		if (part->kind == PART_OVERRIDE && mode == GATE_KILL)
			continue;
		r = !part->target ? 1 :
		    part->kind == PART_OVERRIDE ? probe_override(vmlinux, part->target) :
		    part->kind == PART_LSM ? probe_lsm(vmlinux, part->target) :
						  probe_fentry(vmlinux, part->target);
		choice->wanted[i] = r > 0;
		if (r == -ENOENT)
			r = 0;	/* no such call in this kernel */
		else if (r < 0)
			log_error("cannot ask the kernel about %s: %s", part->target, strerror(-r));
	}
	btf__free(vmlinux);
	return r < 0 ? r : 0;
}

/* What process_madvise refuses by itself needs no program: nobody pays for it, nor dies of an EINVAL. */
static bool leave_out_impossible(struct choice *choice)
{
	if (probe_process_madvise_discards())
		return false;
	choice->wanted[part_index("override_process_madvise")] = false;
	choice->wanted[part_index("kill_process_madvise")] = false;
	return true;
}

static void choose_decisions(struct choice *choice, bool no_process_madvise)
{
	for (size_t i = 0; i < ELEMENTS(rules); i++) {
		struct decision *decision = &choice->decisions[i];

		*decision = (struct decision){ .row = rules[i].row, .operation = rules[i].operation,
					       .native = choice->native ? rules[i].native : NATIVE_NONE,
					       .note = rules[i].note };
		for (size_t j = 0; j < ELEMENTS(rules[i].programs) && !decision->means; j++) {
			int index = part_index(rules[i].programs[j]);

			if (index < 0 || !choice->wanted[index])
				continue;
			decision->means = parts[index].kind == PART_OVERRIDE ? MEANS_OVERRIDE :
					  parts[index].kind == PART_KILL ? MEANS_KILL : MEANS_LSM;
		}
		if (!decision->means && rules[i].programs[0] && no_process_madvise &&
		    strcmp(rules[i].programs[0], "override_process_madvise") == 0) {
			decision->means = MEANS_KERNEL;
			decision->native = NATIVE_NONE;
			decision->note = "this kernel takes no such advice";
		}
	}
}

static int check_gates(const struct choice *choice, enum gate_mode mode)
{
	for (size_t i = 0; i < ELEMENTS(choice->decisions); i++) {
		const struct decision *decision = &choice->decisions[i];

		if (mode == GATE_DENY && decision->means == MEANS_KILL && !rules[i].only_kill) {
			log_error("--gate=deny: on this kernel \"%s\" could only be answered with SIGKILL; "
				  "use --gate=auto, or a kernel with CONFIG_FUNCTION_ERROR_INJECTION, or 7.2 and later",
				  decision->operation);
			return -EOPNOTSUPP;
		}
	}
	return 0;
}

int choice_make(enum gate_mode mode, struct choice *ret)
{
	struct choice choice = {};
	int r;

	choice.native = (mode == GATE_AUTO || mode == GATE_DENY) && native_here();
	r = choose_parts(&choice, mode);
	if (r < 0)
		return r;
	choose_decisions(&choice, leave_out_impossible(&choice));
	r = check_gates(&choice, mode);
	if (r >= 0)
		*ret = choice;
	return r;
}

bool choice_kill_only(const struct choice *choice, unsigned stops)
{
	for (size_t i = 0; i < ELEMENTS(rules); i++)
		if (rules[i].stop & stops && choice->decisions[i].means == MEANS_KILL)
			return true;
	return false;
}
