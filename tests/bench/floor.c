// SPDX-License-Identifier: GPL-2.0-only
/*
 * The cost of hooks that do nothing: attaches empty BPF programs to exactly the hooks of mseald's programs,
 * on this kernel and with this build. So no list of hooks needs to be kept up to date here.
 *
 * usage: floor list            prints the attached programs, one on each line
 *        floor attach [NAME]...  reads such a list from standard input, attaches
 *                              an empty program for each (only for those of
 *                              these names, if any), says "ready", and waits
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static _Noreturn void fail(const char *what, int error)
{
	fprintf(stderr, "floor: %s: %s\n", what, strerror(error));
	exit(1);
}

static void list_one(__u32 id)
{
	struct bpf_link_info link = {};
	struct bpf_prog_info program = {};
	__u32 length = sizeof(link);
	int fd = bpf_link_get_fd_by_id(id);
	enum bpf_attach_type type;

	if (fd < 0)
		return; /* gone meanwhile */
	if (bpf_obj_get_info_by_fd(fd, &link, &length) < 0)
		fail("a link cannot be read", errno);
	close(fd);
	if (link.type == BPF_LINK_TYPE_TRACING)
		type = link.tracing.attach_type;
	else if (link.type == BPF_LINK_TYPE_RAW_TRACEPOINT)
		type = BPF_TRACE_RAW_TP;
	else
		return;
	fd = bpf_prog_get_fd_by_id(link.prog_id);
	length = sizeof(program);
	if (fd < 0 || bpf_obj_get_info_by_fd(fd, &program, &length) < 0)
		fail("a program cannot be read", errno);
	close(fd);
	printf("%u %u %u %s\n", program.type, type, program.attach_btf_id, program.name);
}

static void list(void)
{
	__u32 id = 0;

	while (bpf_link_get_next_id(id, &id) == 0)
		list_one(id);
}

/* The program and its link exist as long as this process. */
static void attach(__u32 type, __u32 attach_type, __u32 hook, const char *name)
{
	static const struct bpf_insn empty[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	static char log[4096];
	LIBBPF_OPTS(bpf_prog_load_opts, options, .expected_attach_type = attach_type, .attach_btf_id = hook,
		    .log_buf = log, .log_size = sizeof(log), .log_level = 1);
	int fd = bpf_prog_load(type, "floor", "GPL", empty, sizeof(empty) / sizeof(empty[0]), &options);

	if (fd < 0) {
		fputs(log, stderr);
		fail(name, -fd);
	}
	if (bpf_raw_tracepoint_open(NULL, fd) < 0)
		fail(name, errno);
}

int main(int argc, char *argv[])
{
	__u32 type, attach_type, hook;
	char name[64];
	int count = 0;

	if (argc == 2 && strcmp(argv[1], "list") == 0) {
		list();
		return 0;
	}
	if (argc < 2 || strcmp(argv[1], "attach") != 0) {
		fputs("usage: floor list | floor attach [NAME]...\n", stderr);
		return 2;
	}
	while (scanf("%u %u %u %63s", &type, &attach_type, &hook, name) == 4) {
		bool wanted = argc == 2;

		for (int i = 2; i < argc; i++)
			wanted = wanted || strcmp(argv[i], name) == 0;
		if (!wanted)
			continue;
		attach(type, attach_type, hook, name);
		count++;
	}
	if (!count) {
		fputs("floor: nothing on standard input that is to be attached\n", stderr);
		return 1;
	}
	puts("ready");
	fflush(stdout);
	for (;;)
		pause();
}
