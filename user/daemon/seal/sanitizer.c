// SPDX-License-Identifier: LGPL-2.1-or-later
/* See sanitizer.h. */
#include "seal/sanitizer.h"

#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/util.h"
#include "seal/inspection.h"

#define FILES 1024
#define COUNTS_US (60 * UINT64_C(1000000))

/* What is known about a file. An inode's number is used again, but with another generation, or later. */
struct file {
	struct mseald_inode inode;
	uint32_t generation;
	uint64_t time; /* monotonic_us(); 0: nothing is known */
	bool has;
};

/* In the daemon, which has one thread. Each file has one place. */
static struct file files[FILES];

/* A weak symbol in every form of LeakSanitizer, also the static one. */
static bool reads_as_sanitized(const struct target *target, const struct object *object)
{
	return inspection_has_symbol(target, object, "__lsan_default_suppressions");
}

bool sanitizer_is_in(const struct target *target, const struct object *object, const struct mseald_vma *vma)
{
	const struct mseald_inode *inode = &vma->inode;
	struct file *file = &files[(inode->address >> 6) % FILES];
	uint64_t now = monotonic_us();

	if (!inode->address)
		return reads_as_sanitized(target, object);
	if (!file->time || now - file->time > COUNTS_US || file->inode.address != inode->address ||
	    file->inode.number != inode->number || file->generation != vma->generation)
		*file = (struct file){ .inode = *inode,
				       .generation = vma->generation,
				       .time = now,
				       .has = reads_as_sanitized(target, object) };
	return file->has;
}
