/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Prints where each BPF program that the kernel has loaded, and each that it loads from now on, lies as
 * machine code, until it is killed. For tests/kernel/coverage; text:
 *
 *   program ID NAME
 *   function ADDRESS CODE         of that program, subprograms too; CODE: its bytes
 *   line ADDRESS FILE:LINE:COLUMN of that program: code from there on belongs to this line
 */
#define _GNU_SOURCE
#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <inttypes.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FUNCTIONS 256
#define LINES 32768
#define CODE (1u << 20)
#define EVERY_US 20000 /* A program that is unloaded sooner is missed. */

static uint64_t functions[FUNCTIONS], line_addresses[LINES];
static uint32_t lengths[FUNCTIONS];
static struct bpf_line_info lines[LINES];
static unsigned char code[CODE];

static void print_program(int fd)
{
	struct bpf_prog_info info = {
		.jited_ksyms = (uintptr_t)functions,
		.nr_jited_ksyms = FUNCTIONS,
		.jited_func_lens = (uintptr_t)lengths,
		.nr_jited_func_lens = FUNCTIONS,
		.jited_prog_insns = (uintptr_t)code,
		.jited_prog_len = CODE,
		.line_info = (uintptr_t)lines,
		.nr_line_info = LINES,
		.line_info_rec_size = sizeof(*lines),
		.jited_line_info = (uintptr_t)line_addresses,
		.nr_jited_line_info = LINES,
		.jited_line_info_rec_size = sizeof(*line_addresses),
	};
	uint32_t size = sizeof(info), at = 0;
	struct btf *btf;

	if (bpf_obj_get_info_by_fd(fd, &info, &size) || !info.btf_id)
		return;
	btf = btf__load_from_kernel_by_id(info.btf_id);
	if (!btf)
		return;
	printf("program %u %s\n", info.id, info.name);
	for (uint32_t i = 0; i < info.nr_jited_ksyms && i < FUNCTIONS; i++) {
		printf("function %" PRIx64 " ", functions[i]);
		for (uint32_t end = at + lengths[i]; at < end && at < CODE; at++)
			printf("%02x", code[at]);
		printf("\n");
	}
	for (uint32_t i = 0; i < info.nr_jited_line_info && i < LINES; i++)
		printf("line %" PRIx64 " %s:%u:%u\n", line_addresses[i],
		       btf__name_by_offset(btf, lines[i].file_name_off),
		       BPF_LINE_INFO_LINE_NUM(lines[i].line_col), BPF_LINE_INFO_LINE_COL(lines[i].line_col));
	btf__free(btf);
}

int main(void)
{
	uint32_t id = 0;

	/* The kernel never uses a number again, so programs behind the last one are new. */
	for (;; usleep(EVERY_US)) {
		while (bpf_prog_get_next_id(id, &id) == 0) {
			int fd = bpf_prog_get_fd_by_id(id);

			if (fd < 0)
				continue;
			print_program(fd);
			close(fd);
		}
		fflush(stdout);
	}
}
