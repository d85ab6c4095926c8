// SPDX-License-Identifier: LGPL-2.1-or-later
/* See probe.h. */
#include "bpf/probe.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <linux/bpf.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>

#include "base/arch.h"
#include "base/log.h"
#include "lib/base/util.h"
#include "mseald/syscall_entry.h"

int probe_bpf_lsm(void)
{
	_cleanup_fclose_ FILE *file = fopen("/sys/kernel/security/lsm", "re");
	char line[512];
	char *word, *rest;

	if (!file)
		return -errno;
	if (!fgets(line, sizeof(line), file))
		return 0;
	for (word = strtok_r(line, ",\n", &rest); word; word = strtok_r(NULL, ",\n", &rest))
		if (strcmp(word, "bpf") == 0)
			return 1;
	return 0;
}

bool probe_kernel(void)
{
	unsigned major, minor;
	struct utsname name;

	if (!*MSEALD_OLDER_LACKS || uname(&name) < 0 || sscanf(name.release, "%u.%u", &major, &minor) != 2 ||
	    major > MSEALD_LEAST_MAJOR || (major == MSEALD_LEAST_MAJOR && minor >= MSEALD_LEAST_MINOR))
		return true;
	log_error("Linux %s" MSEALD_OLDER_LACKS "; boot Linux %d.%d or newer", name.release,
		  MSEALD_LEAST_MAJOR, MSEALD_LEAST_MINOR);
	return false;
}

bool probe_page_size(void)
{
	if (page_size() <= 16384)
		return true;
	log_error("the kernel has pages of %d bytes; mseald knows pages of at most 16384", (int)page_size());
	return false;
}

/* Loads "return 0" for this attach point. */
int probe_attach(enum prog_kind kind, int id)
{
	const struct bpf_insn program[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	LIBBPF_OPTS(bpf_prog_load_opts, opts,
		    .expected_attach_type = kind == PROG_LSM	  ? BPF_LSM_MAC :
					    kind == PROG_OVERRIDE ? BPF_MODIFY_RETURN :
								    BPF_TRACE_FENTRY);
	int fd;

	if (id < 0)
		return -ENOENT;
	opts.attach_btf_id = (__u32)id;
	fd = bpf_prog_load(kind == PROG_LSM ? BPF_PROG_TYPE_LSM : BPF_PROG_TYPE_TRACING, "mseald_probe",
			   "GPL", program, ELEMENTS(program), &opts);
	if (fd < 0)
		return fd == -EINVAL || fd == -ENOTSUP || fd == -EBUSY ? 0 : fd;
	(void)close(fd);
	return 1;
}

int probe_arguments(const struct btf *vmlinux, int id)
{
	const struct btf_type *type = id < 0 ? NULL : btf__type_by_id(vmlinux, (__u32)id);

	type = type ? btf__type_by_id(vmlinux, type->type) : NULL;
	return type ? btf_vlen(type) : -ENOENT;
}

bool probe_process_madvise_discards(void)
{
	_cleanup_close_ int self = (int)syscall(SYS_pidfd_open, getpid(), 0);

	/*
	 * Without a range, accepted advice changes nothing, and no gate of another mseald denies it. Only the
	 * kernel's own EINVAL means no: on any other error, assume that it could discard.
	 */
	return self < 0 || syscall(SYS_process_madvise, self, NULL, 0ul, MADV_DONTNEED, 0u) >= 0 ||
	       errno != EINVAL;
}

bool probe_guard_pages(void)
{
	/* Without memory, known advice succeeds and changes nothing (mm/madvise.c, do_madvise). */
	return madvise(NULL, 0, 102 /* MADV_GUARD_INSTALL */) == 0;
}

static void on_fault(int signal)
{
	_exit(1);
}

bool probe_32bit_calls(void)
{
	int status = 0;
	pid_t child = fork();

	if (child == 0) {
		/* Only this fault counts: a filter of mseald's own, say, may end the child otherwise. */
		(void)signal(SIGSEGV, on_fault);
		arch_call_32();
		_exit(0);
	}
	if (child < 0 || waitpid(child, &status, 0) != child)
		return true;
	return !(WIFEXITED(status) && WEXITSTATUS(status) == 1);
}

#ifndef SYS_mseal
#define SYS_mseal 462
#endif

bool probe_mseal(void)
{
	return syscall(SYS_mseal, 0ul, 0ul, 0ul) == 0;
}

const char *probe_preemption(void)
{
	static const char *const known[] = { "none", "voluntary", "full", "lazy" };
	_cleanup_fclose_ FILE *file = fopen("/sys/kernel/debug/sched/preempt", "re");
	char line[128], wanted[16];
	struct utsname name;

	if (file && fgets(line, sizeof(line), file))
		for (size_t i = 0; i < ELEMENTS(known); i++) {
			FORMAT(wanted, "(%s)", known[i]);
			if (strstr(line, wanted))
				return known[i];
		}
	/* Without dynamic preemption the version string says how the kernel was built. */
	if (uname(&name) == 0 && !strstr(name.version, "PREEMPT_DYNAMIC")) {
		if (strstr(name.version, "PREEMPT_RT") || strstr(name.version, " PREEMPT "))
			return "full";
		if (strstr(name.version, "PREEMPT_LAZY"))
			return "lazy";
		if (!strstr(name.version, "PREEMPT"))
			return "none"; /* or voluntary: equivalent here */
	}
	return "unknown";
}
