/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The table of BPF programs agrees with the BPF object: the daemon probes for what libbpf attaches. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <bpf/libbpf.h>

#include "bpf/bpffs.h"
#include "bpf/prog_table.h"
#include "mseald/shared.h"
#include "mseald/syscall_entry.h"
#include "mseald.skel.h"

#include <cmocka.h>

static const struct prog *prog_named(const char *program)
{
	for (size_t i = 0; i < PROG_COUNT; i++)
		if (strcmp(prog_table[i].program, program) == 0)
			return &prog_table[i];
	return NULL;
}

static bool same(const char *a, const char *b)
{
	return a && b && strcmp(a, b) == 0;
}

/* "fmod_ret/FUNCTION", "lsm/HOOK": the probed target is the attach target. */
static void each_is_attached_to_its_target(void **state)
{
	static const char *const kinds[] = { [PROG_LIFECYCLE] = "fentry/",
					     [PROG_LSM] = "lsm/",
					     [PROG_OVERRIDE] = "fmod_ret/",
					     [PROG_KILL] = "fentry/" };
	struct mseald *object = mseald__open();

	(void)state;
	assert_non_null(object);
	for (size_t i = 0; i < PROG_COUNT; i++) {
		const struct prog *prog = &prog_table[i];
		const struct bpf_program *program = bpf_object__find_program_by_name(object->obj,
										     prog->program);
		char section[128];

		if (!program)
			fail_msg("there is no program %s", prog->program);
		if (prog_named(prog->program) != prog)
			fail_msg("%s stands there twice", prog->program);
		if (!prog->target)
			continue;
		(void)snprintf(section, sizeof(section), "%s%s", kinds[prog->kind], prog->target);
		assert_string_equal(bpf_program__section_name(program), section);
	}
	mseald__destroy(object);
}

/* Each alternative judges the same calls, under the same conditions. */
static void each_stands_for_its_like(void **state)
{
	(void)state;
	for (size_t i = 0; i < PROG_COUNT; i++) {
		const struct prog *prog = &prog_table[i], *other;

		if (!prog->instead_of)
			continue;
		other = prog_named(prog->instead_of);
		if (!other || prog->kind != PROG_KILL || other->kind != PROG_OVERRIDE ||
		    !same(prog->target, other->target) || prog->compat != other->compat ||
		    prog->process_madvise != other->process_madvise || prog->need != other->need)
			fail_msg("%s stands for %s, which is another kind of program", prog->program,
				 prog->instead_of);
	}
}

/* The programs that coverage.c leaves out if process_madvise takes no advice that discards. */
static void those_of_process_madvise_are_marked(void **state)
{
	unsigned marked = 0;

	(void)state;
	for (size_t i = 0; i < PROG_COUNT; i++) {
		const struct prog *prog = &prog_table[i];
		bool wanted = same(prog->target, SYSCALL_ENTRY(process_madvise)) ||
			      same(prog->target, SYSCALL_ENTRY_32(sys_process_madvise));

		if (prog->process_madvise != wanted)
			fail_msg("%s: process_madvise is %d", prog->program, prog->process_madvise);
		marked += wanted;
	}
	assert_int_equal(marked, 4);
}

/* libbpf's names of maps, whole and truncated, and the kernel's. */
static void maps_have_the_names_of_their_pins(void **state)
{
	(void)state;
	assert_string_equal(bpffs_map_name("spaces"), "spaces");
	assert_string_equal(bpffs_map_name("mseald.bss"), "state");
	assert_null(bpffs_map_name("mseald.rodata"));
	assert_null(bpffs_map_name(".rodata.str1.1"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_is_attached_to_its_target),
		cmocka_unit_test(each_stands_for_its_like),
		cmocka_unit_test(those_of_process_madvise_are_marked),
		cmocka_unit_test(maps_have_the_names_of_their_pins),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
