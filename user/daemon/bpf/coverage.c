// SPDX-License-Identifier: LGPL-2.1-or-later
/* See coverage.h. */
#include "bpf/coverage.h"

#include <bpf/btf.h>
#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "bpf/probe.h"
#include "lib/base/util.h"
#include "mseald/shared.h"

const struct part parts[PARTS_COUNT] = {
	{ "mseald_exit_mmap", PART_LIFECYCLE, "exit_mmap", NULL },
	{ "mseald_task_free", PART_LIFECYCLE, NULL, NULL },
	{ "mseald_exec", PART_LIFECYCLE, NULL, NULL },
	{ "mseald_task_newtask", PART_LIFECYCLE, NULL, NULL },
	{ "mseald_fork_doomed", PART_LIFECYCLE, NULL, NULL },
	{ "mseald_forked_doomed", PART_LIFECYCLE, NULL, NULL },
	{ "mseald_task_alloc", PART_LIFECYCLE, NULL, NULL },
	{ "mseald_start_exec", PART_LIFECYCLE, NULL, NULL, .need = NEED_POLICY },
	{ "mseald_start_fork", PART_LIFECYCLE, NULL, NULL, .need = NEED_POLICY },
	{ "mseald_file_mprotect", PART_LSM, NULL, NULL },
	{ "mseald_mmap_file", PART_LSM, NULL, NULL },
	{ "mseald_mmap_addr", PART_LSM, NULL, NULL },
	{ "mseald_shm_shmat", PART_LSM, NULL, NULL },
	{ "mseald_task_prctl", PART_LSM, NULL, NULL },
	{ "mseald_file_open", PART_LSM, NULL, NULL, .need = NEED_FILES },
	{ "mseald_inode_setattr", PART_LSM, NULL, NULL, .need = NEED_FILES },
	{ "mseald_file_receive", PART_LSM, NULL, NULL, .need = NEED_FILES },
	{ "mseald_file_write", PART_LSM, NULL, NULL, .need = NEED_WRITERS },
	{ "mseald_file_map", PART_LSM, NULL, NULL, .need = NEED_WRITERS },
	{ "mseald_file_unprotect", PART_LSM, NULL, NULL, .need = NEED_WRITERS },
	{ "mseald_ptrace_access_check", PART_LSM, NULL, NULL, .need = NEED_FOREIGN },
	{ "mseald_ptrace_traceme", PART_LSM, NULL, NULL, .need = NEED_FOREIGN },
	{ "mseald_file_permission", PART_LSM, NULL, NULL, .need = NEED_FOREIGN },
	{ "mseald_file_ioctl", PART_LSM, NULL, NULL, .need = NEED_USERFAULT },
	{ "mseald_file_ioctl_compat", PART_LSM, "file_ioctl_compat", NULL, .need = NEED_USERFAULT },
	{ "override_munmap", PART_OVERRIDE, "__x64_sys_munmap", NULL },
	{ "override_mremap", PART_OVERRIDE, "__x64_sys_mremap", NULL },
	{ "override_madvise", PART_OVERRIDE, "__x64_sys_madvise", NULL },
	{ "override_process_madvise", PART_OVERRIDE, "__x64_sys_process_madvise", NULL },
	{ "override_brk", PART_OVERRIDE, "__x64_sys_brk", NULL },
	{ "override_shmdt", PART_OVERRIDE, "__x64_sys_shmdt", NULL },
	{ "override_process_vm_writev", PART_OVERRIDE, "__x64_sys_process_vm_writev", NULL, .need = NEED_FOREIGN },
	{ "override_munmap_32", PART_OVERRIDE, "__ia32_sys_munmap", NULL, true },
	{ "override_mremap_32", PART_OVERRIDE, "__ia32_sys_mremap", NULL, true },
	{ "override_madvise_32", PART_OVERRIDE, "__ia32_sys_madvise", NULL, true },
	{ "override_process_madvise_32", PART_OVERRIDE, "__ia32_sys_process_madvise", NULL, true },
	{ "override_brk_32", PART_OVERRIDE, "__ia32_sys_brk", NULL, true },
	{ "override_shmdt_32", PART_OVERRIDE, "__ia32_sys_shmdt", NULL, true },
	{ "override_ipc_32", PART_OVERRIDE, "__ia32_compat_sys_ipc", NULL, true },
	{ "kill_munmap", PART_KILL, "__x64_sys_munmap", "override_munmap" },
	{ "kill_mremap", PART_KILL, "__x64_sys_mremap", "override_mremap" },
	{ "kill_process_madvise", PART_KILL, "__x64_sys_process_madvise", "override_process_madvise" },
	{ "kill_brk", PART_KILL, "__x64_sys_brk", "override_brk" },
	{ "kill_shmdt", PART_KILL, "__x64_sys_shmdt", "override_shmdt" },
	{ "kill_munmap_32", PART_KILL, "__ia32_sys_munmap", "override_munmap_32", true },
	{ "kill_mremap_32", PART_KILL, "__ia32_sys_mremap", "override_mremap_32", true },
	{ "kill_process_madvise_32", PART_KILL, "__ia32_sys_process_madvise", "override_process_madvise_32", true },
	{ "kill_brk_32", PART_KILL, "__ia32_sys_brk", "override_brk_32", true },
	{ "kill_shmdt_32", PART_KILL, "__ia32_sys_shmdt", "override_shmdt_32", true },
	{ "kill_ipc_32", PART_KILL, "__ia32_compat_sys_ipc", "override_ipc_32", true },
	{ "kill_do_madvise", PART_KILL, "do_madvise", NULL },
	{ "kill_expand_downwards", PART_KILL, "expand_downwards", NULL },
	{ "kill_vm_munmap", PART_KILL, "vm_munmap", NULL },
	{ "kill_mm_access", PART_KILL, "mm_access", NULL, .need = NEED_FOREIGN },
};

/* Which programs decide which row: the first that is there does. */
static const struct rule {
	unsigned row;
	const char *operation;
	const char *programs[2];
	unsigned stop;
	const char *note;
	bool only_kill;		/* on every kernel, and by no program that means no harm */
	bool compat;		/* 32-bit calls: told of where they are not decided as the rule before */
	enum native_scope native;
} rules[] = {
	{ 1, "mprotect, pkey_mprotect", { "mseald_file_mprotect" }, MSEALD_STOP_MPROTECT, NULL },
	{ 2, "mmap over it", { "mseald_mmap_file" }, MSEALD_STOP_UNMAP, NULL },
	{ 3, "munmap", { "override_munmap", "kill_munmap" }, MSEALD_STOP_UNMAP, NULL, .native = NATIVE_ALL },
	{ 3, "munmap, 32-bit call", { "override_munmap_32", "kill_munmap_32" },
	  MSEALD_STOP_UNMAP, NULL, false, true, .native = NATIVE_ALL },
	{ 4, "mremap of it", { "override_mremap", "kill_mremap" }, MSEALD_STOP_UNMAP, NULL, .native = NATIVE_ALL },
	{ 4, "mremap of it, 32-bit call", { "override_mremap_32", "kill_mremap_32" },
	  MSEALD_STOP_UNMAP, NULL, false, true, .native = NATIVE_ALL },
	{ 5, "mremap onto it", { "override_mremap", "kill_mremap" }, MSEALD_STOP_UNMAP, NULL, .native = NATIVE_ALL },
	{ 5, "mremap onto it, 32-bit call", { "override_mremap_32", "kill_mremap_32" },
	  MSEALD_STOP_UNMAP, NULL, false, true, .native = NATIVE_ALL },
	{ 6, "madvise that discards", { "override_madvise", "kill_do_madvise" }, MSEALD_STOP_DISCARD,
	  "if not writable when sealed", .native = NATIVE_ANONYMOUS },
	{ 6, "madvise that discards, 32-bit call", { "override_madvise_32", "kill_do_madvise" },
	  MSEALD_STOP_DISCARD, "if not writable when sealed", false, true, .native = NATIVE_ANONYMOUS },
	/* Not counted among the mprotect stop's: no program that means no harm does this to what it has sealed. */
	{ 6, "madvise of guard pages", { "override_madvise", "kill_do_madvise" }, 0, NULL },
	{ 7, "process_madvise that discards", { "override_process_madvise", "kill_process_madvise" },
	  MSEALD_STOP_DISCARD, "if not writable when sealed", .native = NATIVE_ANONYMOUS },
	{ 7, "process_madvise that discards, 32-bit call",
	  { "override_process_madvise_32", "kill_process_madvise_32" },
	  MSEALD_STOP_DISCARD, "if not writable when sealed", false, true, .native = NATIVE_ANONYMOUS },
	{ 7, "io_uring madvise that discards", { "kill_do_madvise" }, MSEALD_STOP_DISCARD,
	  "if not writable when sealed", true, .native = NATIVE_ANONYMOUS },
	{ 8, "brk into it", { "override_brk", "kill_brk" }, MSEALD_STOP_UNMAP, NULL, .native = NATIVE_ALL },
	{ 8, "brk into it, 32-bit call", { "override_brk_32", "kill_brk_32" },
	  MSEALD_STOP_UNMAP, NULL, false, true, .native = NATIVE_ALL },
	{ 8, "prctl(PR_SET_MM) of the break", { "mseald_task_prctl" }, MSEALD_STOP_UNMAP, NULL },
	{ 8, "shmdt of it", { "override_shmdt", "kill_shmdt" }, MSEALD_STOP_UNMAP, NULL, .native = NATIVE_ALL },
	{ 8, "shmdt of it, 32-bit call", { "override_shmdt_32", "kill_shmdt_32" },
	  MSEALD_STOP_UNMAP, NULL, false, true, .native = NATIVE_ALL },
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
	{ 14, "write to its file by itself", { "mseald_file_open" }, MSEALD_STOP_DISCARD,
	  "a private mapping, if not writable when sealed" },
	{ 14, "write to its file by anybody", { "mseald_file_open" }, MSEALD_STOP_FILE_WRITE,
	  "a private mapping, if not writable when sealed" },
};

_Static_assert(ELEMENTS(rules) == DECISIONS_MAX, "room for a decision for each rule");

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
static int choose_parts(struct choice *choice, bool compat)
{
	struct btf *vmlinux = btf__load_vmlinux_btf();
	int r = 0;

	if (!vmlinux) {
		r = -errno;
		log_error("this kernel has no BTF (/sys/kernel/btf/vmlinux: %s); CONFIG_DEBUG_INFO_BTF is needed",
			  strerror(-r));
		return r;
	}
	choice->setattr_has_idmap = probe_lsm_arguments(vmlinux, "inode_setattr") > 2;
	for (size_t i = 0; i < ELEMENTS(parts) && r >= 0; i++) {
		const struct part *part = &parts[i];

		if (part->instead_of && choice_wants(choice, part->instead_of))
			continue;
		if (part->kind == PART_OVERRIDE && choice->mode == GATE_KILL)
			continue;
		if (part->compat && !compat)
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
	for (size_t i = 0; i < ELEMENTS(parts); i++)
		if (strstr(parts[i].program, "process_madvise"))
			choice->wanted[i] = false;
	return true;
}

/* By the first of its programs that is there. */
static enum means rule_means(const struct choice *choice, const struct rule *rule)
{
	for (size_t i = 0; i < ELEMENTS(rule->programs); i++) {
		int index = part_index(rule->programs[i]);

		if (index >= 0 && choice->wanted[index])
			return parts[index].kind == PART_OVERRIDE ? MEANS_OVERRIDE :
			       parts[index].kind == PART_KILL ? MEANS_KILL : MEANS_LSM;
	}
	return MEANS_NONE;
}

static void choose_decisions(struct choice *choice, bool compat, bool no_process_madvise)
{
	enum means before = MEANS_NONE;
	bool guard_pages = probe_guard_pages();

	for (size_t i = 0; i < ELEMENTS(rules); i++) {
		struct decision decision = { .row = rules[i].row, .operation = rules[i].operation,
					     .means = rule_means(choice, &rules[i]), .note = rules[i].note,
					     .native = choice->native ? rules[i].native : NATIVE_NONE };

		if (!decision.means && no_process_madvise && strncmp(rules[i].operation, "process_madvise", 15) == 0) {
			decision.means = MEANS_KERNEL;
			decision.native = NATIVE_NONE;
			decision.note = "this kernel takes no such advice";
		}
		if (!guard_pages && strcmp(rules[i].operation, "madvise of guard pages") == 0) {
			decision.means = MEANS_KERNEL;
			decision.note = "this kernel has none";
		}
		if (rules[i].compat && compat && decision.means == MEANS_KILL)
			choice->compat_kills |= rules[i].stop;
		if (!rules[i].compat || (compat && decision.means != before))
			choice->decisions[choice->decisions_count++] = decision;
		before = decision.means;
	}
}

static int check_gates(const struct choice *choice)
{
	for (size_t i = 0; choice->mode == GATE_DENY && i < ELEMENTS(rules); i++)
		if (!rules[i].only_kill && !rules[i].compat && rule_means(choice, &rules[i]) == MEANS_KILL) {
			log_error("--gate=deny: on this kernel \"%s\" could only be answered with SIGKILL; "
				  "use --gate=auto, or a kernel with CONFIG_FUNCTION_ERROR_INJECTION, or 7.1 and later",
				  rules[i].operation);
			return -EOPNOTSUPP;
		}
	if (choice->mode == GATE_DENY && choice->compat_kills)
		log_info("--gate=deny: on this kernel 32-bit system calls could only be answered with SIGKILL; "
			 "32-bit processes will not be sealed against them");
	return 0;
}

int choice_make(enum gate_mode mode, struct choice *ret)
{
	struct choice choice = { .mode = mode, .native = (mode == GATE_AUTO || mode == GATE_DENY) && probe_mseal() };
	bool compat = probe_32bit_calls();
	int r;

	r = choose_parts(&choice, compat);
	if (r < 0)
		return r;
	choose_decisions(&choice, compat, leave_out_impossible(&choice));
	r = check_gates(&choice);
	if (r >= 0)
		*ret = choice;
	return r;
}

bool choice_kill_only(const struct choice *choice, unsigned stops)
{
	for (size_t i = 0; i < ELEMENTS(rules); i++)
		if (rules[i].stop & stops && rule_means(choice, &rules[i]) == MEANS_KILL)
			return true;
	return false;
}

unsigned choice_kills(const struct choice *choice, unsigned stops)
{
	unsigned kills = 0;

	for (size_t i = 0; i < ELEMENTS(rules); i++)
		if (!rules[i].only_kill && !rules[i].compat && rule_means(choice, &rules[i]) == MEANS_KILL)
			kills |= rules[i].stop;
	return kills & stops;
}

const struct decision *choice_decision(const struct choice *choice, enum mseald_op op)
{
	/* How each begins in the rules. */
	static const char *const operations[] = {
		[MSEALD_OP_MPROTECT] = "mprotect", [MSEALD_OP_MMAP] = "mmap over", [MSEALD_OP_MUNMAP] = "munmap",
		[MSEALD_OP_MREMAP] = "mremap of", [MSEALD_OP_MADVISE] = "madvise",
		[MSEALD_OP_PROCESS_MADVISE] = "process_madvise", [MSEALD_OP_BRK] = "brk", [MSEALD_OP_SHMDT] = "shmdt",
		[MSEALD_OP_SHMAT] = "shmat", [MSEALD_OP_REMAP_FILE_PAGES] = "remap_file_pages",
		[MSEALD_OP_IO_DESTROY] = "io_destroy", [MSEALD_OP_PRCTL] = "prctl",
		[MSEALD_OP_MAP_HOLE] = "mapping anything", [MSEALD_OP_PTRACE] = "ptrace",
		[MSEALD_OP_PROC_MEM] = "write to /proc", [MSEALD_OP_PROCESS_VM_WRITEV] = "process_vm_writev to itself",
		[MSEALD_OP_USERFAULTFD] = "UFFDIO_MOVE", [MSEALD_OP_FILE_WRITE] = "write to its file",
	};

	_Static_assert(ELEMENTS(operations) == MSEALD_OP_COUNT, "an operation that no rule is known of");
	for (size_t i = 0; (size_t)op < ELEMENTS(operations) && i < choice->decisions_count; i++)
		if (strncmp(choice->decisions[i].operation, operations[op], strlen(operations[op])) == 0)
			return &choice->decisions[i];
	return NULL;
}

bool choice_spares_32bit(const struct choice *choice, unsigned stops)
{
	return choice->mode == GATE_DENY && choice->compat_kills & stops;
}
