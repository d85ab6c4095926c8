/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Any bytes as an ELF file are refused without any change, or give a dynamic section with names within
 * bounds.
 */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/elf/dynamic.h"

#define CHECK(condition) ((condition) ? (void)0 : abort())

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct elf_dynamic dynamic, before;
	int r, names = elf_dynamic_parse_names(data, size, "libc.so.6");

	memset(&before, 0x5a, sizeof(before));
	memcpy(&dynamic, &before, sizeof(dynamic));
	r = elf_dynamic_parse(data, size, &dynamic);
	if (r < 0) {
		CHECK(r == -ENOEXEC || r == -EBADMSG);
		CHECK(memcmp(&dynamic, &before, sizeof(dynamic)) == 0);
		/* It reads less: it may not look at an invalid name. */
		CHECK(names >= 0 || names == r || names == -EBADMSG);
		return 0;
	}
	CHECK(names == 0 || names == 1 || names == -EBADMSG);
	CHECK(dynamic.needed_count <= ELF_DYNAMIC_NEEDED_MAX);
	CHECK(!dynamic.soname || strlen(dynamic.soname) < ELF_DYNAMIC_NAME_MAX);
	for (size_t i = 0; i < dynamic.needed_count; i++)
		CHECK(strlen(dynamic.needed[i]) < ELF_DYNAMIC_NAME_MAX);
	elf_dynamic_free(&dynamic);
	return 0;
}
