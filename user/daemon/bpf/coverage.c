// SPDX-License-Identifier: LGPL-2.1-or-later
/* See coverage.h. */
#include "bpf/coverage.h"

#include <bpf/btf.h>

#include "base/log.h"
#include "bpf/probe.h"

#define UNLESS_WRITABLE "if not writable when sealed"

/* The programs that decide each row: the first one available does. */
static const struct rule {
	unsigned row;
	enum mseald_op op;
	const char *description;
	const char *programs[2];
	unsigned deny;
	/* the same for 32-bit calls, unless the programs of their hooks decide them */
	const char *description_32, *programs_32[2];
	enum native_scope native;
	const char *note;
	bool only_kill;	    /* on every kernel; well-behaved programs do not use it */
	bool guard_pages;   /* only on kernels that have them */
	unsigned uncounted; /* deny bits that also deny it, but are no reason not to seal */
} rules[] = {
	/* clang-format off */
	{ 1, MSEALD_OP_MPROTECT, "mprotect, pkey_mprotect", { "mseald_file_mprotect" },
	  MSEALD_DENY_MPROTECT },
	{ 2, MSEALD_OP_MMAP, "mmap over it", { "mseald_mmap_file" }, MSEALD_DENY_UNMAP },
	{ 3, MSEALD_OP_MUNMAP, "munmap", { "override_munmap", "kill_munmap" }, MSEALD_DENY_UNMAP,
	  "munmap, 32-bit call", { PROG_32("override_munmap"), PROG_32("kill_munmap") }, NATIVE_ALL },
	{ 4, MSEALD_OP_MREMAP, "mremap of it", { "override_mremap", "kill_mremap" }, MSEALD_DENY_UNMAP,
	  "mremap of it, 32-bit call", { PROG_32("override_mremap"), PROG_32("kill_mremap") }, NATIVE_ALL },
	{ 5, MSEALD_OP_MREMAP, "mremap onto it", { "override_mremap", "kill_mremap" }, MSEALD_DENY_UNMAP,
	  "mremap onto it, 32-bit call", { PROG_32("override_mremap"), PROG_32("kill_mremap") }, NATIVE_ALL },
	{ 6, MSEALD_OP_MADVISE, "madvise that discards", { "override_madvise", "kill_do_madvise" },
	  MSEALD_DENY_DISCARD, "madvise that discards, 32-bit call",
	  { PROG_32("override_madvise"), "kill_do_madvise" }, NATIVE_ANONYMOUS, UNLESS_WRITABLE },
	/* A well-behaved program never does this to its sealed memory. */
	{ 6, MSEALD_OP_MADVISE, "madvise of guard pages", { "override_madvise", "kill_do_madvise" }, 0,
	  .guard_pages = true, .uncounted = MSEALD_DENY_MPROTECT },
	{ 7, MSEALD_OP_PROCESS_MADVISE, "process_madvise that discards",
	  { "override_process_madvise", "kill_process_madvise" }, MSEALD_DENY_DISCARD,
	  "process_madvise that discards, 32-bit call",
	  { PROG_32("override_process_madvise"), PROG_32("kill_process_madvise") }, NATIVE_ANONYMOUS,
	  UNLESS_WRITABLE },
	{ 7, MSEALD_OP_MADVISE, "io_uring madvise that discards", { "kill_do_madvise" }, MSEALD_DENY_DISCARD,
	  .native = NATIVE_ANONYMOUS, .note = UNLESS_WRITABLE, .only_kill = true },
	{ 8, MSEALD_OP_BRK, "brk into it", { "override_brk", "kill_brk" }, MSEALD_DENY_UNMAP,
	  "brk into it, 32-bit call", { PROG_32("override_brk"), PROG_32("kill_brk") }, NATIVE_ALL },
	{ 8, MSEALD_OP_PRCTL, "prctl(PR_SET_MM) of the break", { "mseald_task_prctl" }, MSEALD_DENY_UNMAP },
	{ 8, MSEALD_OP_SHMDT, "shmdt of it", { "override_shmdt", "kill_shmdt" }, MSEALD_DENY_UNMAP,
	  "shmdt of it, 32-bit call", { PROG_32("override_shmdt"), PROG_32("kill_shmdt") }, NATIVE_ALL },
	{ 8, MSEALD_OP_IO_DESTROY, "io_destroy of a ring that was there", { "kill_vm_munmap" },
	  MSEALD_DENY_UNMAP, .native = NATIVE_ALL, .only_kill = true },
	{ 9, MSEALD_OP_SHMAT, "shmat over it", { "mseald_shm_shmat" }, MSEALD_DENY_UNMAP },
	{ 10, MSEALD_OP_REMAP_FILE_PAGES, "remap_file_pages on it", { "mseald_mmap_addr" },
	  MSEALD_DENY_UNMAP },
	{ 11, MSEALD_OP_PROC_MEM, "write to /proc/PID/mem", { "mseald_file_permission" },
	  MSEALD_DENY_FOREIGN_WRITE },
	{ 11, MSEALD_OP_PTRACE, "ptrace, process_vm_writev by another", { "mseald_ptrace_access_check" },
	  MSEALD_DENY_FOREIGN_WRITE },
	{ 11, MSEALD_OP_PROCESS_VM_WRITEV, "process_vm_writev to itself",
	  { "override_process_vm_writev", "kill_mm_access" }, MSEALD_DENY_FOREIGN_WRITE },
	{ 12, MSEALD_OP_USERFAULTFD, "UFFDIO_MOVE out of it", { "mseald_file_ioctl" }, MSEALD_DENY_UNMAP },
	{ 12, MSEALD_OP_USERFAULTFD, "UFFDIO_COPY, ZEROPAGE, CONTINUE, POISON into it",
	  { "mseald_file_ioctl" }, MSEALD_DENY_DISCARD, .note = UNLESS_WRITABLE },
	{ 13, MSEALD_OP_MAP_HOLE, "mapping anything where it was", { "mseald_mmap_addr" },
	  MSEALD_DENY_UNMAP, .note = "and the process dies" },
	{ 13, MSEALD_OP_MAP_HOLE, "a stack growing where it was", { "kill_expand_downwards" },
	  MSEALD_DENY_UNMAP, .only_kill = true },
	{ 14, MSEALD_OP_FILE_WRITE, "write to its file by itself", { "mseald_file_open" },
	  MSEALD_DENY_DISCARD, .note = "a private mapping, " UNLESS_WRITABLE,
	  .uncounted = MSEALD_DENY_FILE_WRITE },
	{ 14, MSEALD_OP_FILE_WRITE, "write to its file by any process", { "mseald_file_open" },
	  MSEALD_DENY_FILE_WRITE, .note = "a private mapping, " UNLESS_WRITABLE },
	/* clang-format on */
};

_Static_assert(2 * ELEMENTS(rules) <= DECISIONS_MAX, "room for two decisions for each rule");

const char *coverage_mechanism(enum mechanism mechanism)
{
	static const char *const names[] = { "none", "kernel", "lsm", "override", "kill" };

	return mechanism < ELEMENTS(names) ? names[mechanism] : "unknown";
}

const char *coverage_native_scope(enum native_scope scope)
{
	static const char *const names[] = { "none", "all", "anonymous" };

	return scope < ELEMENTS(names) ? names[scope] : "unknown";
}

static int prog_index(const char *program)
{
	for (size_t i = 0; program && i < ELEMENTS(prog_table); i++)
		if (strcmp(prog_table[i].program, program) == 0)
			return (int)i;
	return -1;
}

bool coverage_wants(const struct coverage *coverage, const char *program)
{
	int index = prog_index(program);

	return index >= 0 && coverage->wanted[index];
}

/* Asks the kernel about every attach point that some kernels lack. */
static int choose_progs(struct coverage *coverage, struct kernel_btf *kernel, bool compat)
{
	struct btf *vmlinux = btf__load_vmlinux_btf();
	int r = 0;

	if (!vmlinux) {
		r = -errno;
		log_error("the kernel has no BTF (/sys/kernel/btf/vmlinux: %s); CONFIG_DEBUG_INFO_BTF is "
			  "needed",
			  strerror(-r));
		return r;
	}
	r = kernel_btf_find(kernel, vmlinux);
	coverage->setattr_has_idmap = probe_arguments(vmlinux,
						      kernel_btf_hook(kernel, PROG_LSM, "inode_setattr")) > 2;
	btf__free(vmlinux);
	for (size_t i = 0; i < ELEMENTS(prog_table) && r >= 0; i++) {
		const struct prog *prog = &prog_table[i];

		if ((prog->instead_of && coverage_wants(coverage, prog->instead_of)) ||
		    (prog->kind == PROG_OVERRIDE && coverage->mode == GATE_KILL) || (prog->compat && !compat))
			continue;
		r = prog->target ?
			    probe_attach(prog->kind, kernel_btf_hook(kernel, prog->kind, prog->target)) :
			    1;
		coverage->wanted[i] = r > 0;
		if (r == -ENOENT)
			r = 0; /* this kernel has no such call */
		else if (r < 0)
			log_error("cannot probe the kernel for %s: %s", prog->target, strerror(-r));
	}
	return r < 0 ? r : 0;
}

/* Where the kernel refuses these uses itself, the programs would cost time, and kill for an EINVAL. */
static bool leave_out_impossible(struct coverage *coverage)
{
	if (probe_process_madvise_discards())
		return false;
	for (size_t i = 0; i < ELEMENTS(prog_table); i++)
		if (prog_table[i].process_madvise)
			coverage->wanted[i] = false;
	return true;
}

/* The mechanism of the first of these programs that is available. */
static enum mechanism mechanism_of(const struct coverage *coverage, const char *const programs[2])
{
	for (size_t i = 0; i < 2; i++) {
		int index = prog_index(programs[i]);

		if (index >= 0 && coverage->wanted[index])
			return prog_table[index].kind == PROG_OVERRIDE ? MECHANISM_OVERRIDE :
			       prog_table[index].kind == PROG_KILL     ? MECHANISM_KILL :
									 MECHANISM_LSM;
	}
	return MECHANISM_NONE;
}

/* Could a well-behaved 64-bit program only be killed for it? */
static bool only_kills(const struct coverage *coverage, const struct rule *rule)
{
	return !rule->only_kill && mechanism_of(coverage, rule->programs) == MECHANISM_KILL;
}

static struct decision *decide(struct coverage *coverage, const struct rule *rule, const char *description,
			       const char *const programs[2], bool no_process_madvise)
{
	struct decision *decision = &coverage->decisions[coverage->decisions_count++];

	*decision = (struct decision){ .row = rule->row,
				       .op = rule->op,
				       .description = description,
				       .deny = rule->deny | rule->uncounted,
				       .mechanism = mechanism_of(coverage, programs),
				       .note = rule->note,
				       .native = coverage->native ? rule->native : NATIVE_NONE };
	if (!decision->mechanism && no_process_madvise && rule->op == MSEALD_OP_PROCESS_MADVISE) {
		decision->mechanism = MECHANISM_KERNEL;
		decision->native = NATIVE_NONE;
		decision->note = "this kernel does not take this advice";
	}
	return decision;
}

static void choose_decisions(struct coverage *coverage, bool compat, bool no_process_madvise)
{
	bool guard_pages = probe_guard_pages();

	for (const struct rule *rule = rules; rule < rules + ELEMENTS(rules); rule++) {
		struct decision *decision = decide(coverage, rule, rule->description, rule->programs,
						   no_process_madvise),
				*decision_32;

		if (!guard_pages && rule->guard_pages) {
			decision->mechanism = MECHANISM_KERNEL;
			decision->note = "this kernel has no guard pages";
		}
		if (!compat || !rule->description_32)
			continue;
		decision_32 = decide(coverage, rule, rule->description_32, rule->programs_32,
				     no_process_madvise);
		if (decision_32->mechanism == MECHANISM_KILL)
			coverage->compat_kills |= rule->deny;
		/* 32-bit calls have a row of their own only if they differ. */
		coverage->decisions_count -= decision_32->mechanism == decision->mechanism;
	}
}

static int check_gates(const struct coverage *coverage)
{
	for (size_t i = 0; coverage->mode == GATE_DENY && i < ELEMENTS(rules); i++)
		if (only_kills(coverage, &rules[i])) {
			log_error("--gate=deny: this kernel can deny \"%s\" only by SIGKILL; use "
				  "--gate=auto (msealctl check)",
				  rules[i].description);
			return -EOPNOTSUPP;
		}
	if (coverage->mode == GATE_DENY && coverage->compat_kills)
		log_info("--gate=deny: this kernel can only kill for 32-bit calls; 32-bit processes stay "
			 "open to them");
	return 0;
}

int coverage_make(enum gate_mode mode, struct kernel_btf *kernel, struct coverage *ret)
{
	struct coverage coverage = { .mode = mode,
				     .native = (mode == GATE_AUTO || mode == GATE_DENY) && probe_mseal() };
	bool compat = probe_32bit_calls();
	int r;

	r = choose_progs(&coverage, kernel, compat);
	if (r < 0)
		return r;
	choose_decisions(&coverage, compat, leave_out_impossible(&coverage));
	r = check_gates(&coverage);
	if (r >= 0)
		*ret = coverage;
	return r;
}

unsigned coverage_kill_only(const struct coverage *coverage, unsigned deny_mask)
{
	unsigned bits = 0;

	for (size_t i = 0; i < ELEMENTS(rules); i++)
		if (mechanism_of(coverage, rules[i].programs) == MECHANISM_KILL ||
		    mechanism_of(coverage, rules[i].programs_32) == MECHANISM_KILL)
			bits |= rules[i].deny;
	return bits & deny_mask;
}

unsigned coverage_kills_ops(const struct coverage *coverage, unsigned deny_mask)
{
	unsigned ops = 0;

	for (size_t i = 0; i < ELEMENTS(rules); i++)
		if (rules[i].deny & deny_mask && only_kills(coverage, &rules[i]))
			ops |= 1u << rules[i].op;
	return ops;
}

unsigned coverage_kills(const struct coverage *coverage, unsigned deny_mask)
{
	unsigned kills = 0;

	for (size_t i = 0; i < ELEMENTS(rules); i++)
		if (only_kills(coverage, &rules[i]))
			kills |= rules[i].deny;
	return kills & deny_mask;
}

unsigned coverage_needs(unsigned deny_mask)
{
	const unsigned userfault = MSEALD_DENY_UNMAP | MSEALD_DENY_DISCARD | MSEALD_DENY_FOREIGN_WRITE;

	return (deny_mask & MSEALD_DENY_FOREIGN_WRITE ? NEED_FOREIGN : 0) |
	       (deny_mask & MSEALD_DENY_FILE ? NEED_FILES : 0) | (deny_mask & userfault ? NEED_USERFAULT : 0);
}

const struct decision *coverage_decision(const struct coverage *coverage, enum mseald_op op)
{
	for (size_t i = 0; i < coverage->decisions_count; i++)
		if (coverage->decisions[i].op == op)
			return &coverage->decisions[i];
	return NULL;
}

bool coverage_spares_32bit(const struct coverage *coverage, unsigned deny_mask)
{
	return coverage->mode == GATE_DENY && coverage->compat_kills & deny_mask;
}
