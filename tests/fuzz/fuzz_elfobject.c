/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Any bytes as an ELF file are refused without any change, or give headers that are safe to calculate with.
 */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/elf/object.h"
#include "lib/base/util.h"

#define CHECK(condition) ((condition) ? (void)0 : abort())

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct elf_object object, before;
	uint64_t sum;
	int r;

	memset(&before, 0x5a, sizeof(before));
	memcpy(&object, &before, sizeof(object));
	r = elf_object_parse(data, size, &object);
	if (r < 0) {
		CHECK(r == -ENOEXEC || r == -EBADMSG);
		CHECK(memcmp(&object, &before, sizeof(object)) == 0);
		return 0;
	}
	CHECK(object.loads <= ELF_OBJECT_MAX_LOADS);
	CHECK(!__builtin_add_overflow(object.relro_vaddr, object.relro_memsz, &sum));
	for (size_t i = 0; i < object.loads; i++) {
		CHECK(object.load[i].memsz > 0 && object.load[i].filesz <= object.load[i].memsz);
		CHECK(!__builtin_add_overflow(object.load[i].vaddr, object.load[i].memsz, &sum));
		CHECK(!__builtin_add_overflow(object.load[i].offset, object.load[i].filesz, &sum));
		if (object.load[i].filesz > 0)
			CHECK(sum <= size && (object.load[i].vaddr - object.load[i].offset) % 4096 == 0);
		if (i > 0)
			CHECK(object.load[i - 1].vaddr + object.load[i - 1].memsz <= object.load[i].vaddr);
	}
	return 0;
}
