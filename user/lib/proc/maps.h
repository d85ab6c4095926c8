/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* /proc/PID/maps, parsed: proc_pid_maps(5). */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct mapping {
	uint64_t start, end;
	uint64_t offset; /* bytes into the file */
	uint64_t inode;
	unsigned dev_major, dev_minor;
	bool read, write, exec, shared;
	char *path; /* "" when anonymous; "[stack]"...; never NULL */
};

struct proc_maps {
	struct mapping *list; /* sorted by address, as the kernel gives it */
	size_t count;
};

/*
 * Parses the text (need not end in NUL). -EINVAL: not the format of the kernel (then *ret is untouched);
 * -ENOMEM. The caller frees with proc_maps_free. Paths keep the kernel's escapes (\012 for a new line).
 */
int proc_maps_parse(const char *text, size_t length, struct proc_maps *ret);

/* Bytes of text: some 500,000 mappings. Without a limit, long paths could use up all memory. */
#define PROC_MAPS_TEXT_MAX (64u << 20)

/*
 * Reads all of an open /proc/PID/maps from its start (lseek, so the descriptor can be read again) and parses
 * it. Reads again if the mappings have changed meanwhile; -EINVAL if they keep changing; -EFBIG: too long.
 * Else the negative errno of open, read or parse.
 */
int proc_maps_read_fd(int fd, struct proc_maps *ret);
int proc_maps_read(pid_t pid, struct proc_maps *ret);

/* Bytes that a copy of the mappings takes, with their paths; makes the copy in such memory. */
size_t proc_maps_size(const struct proc_maps *maps);
void proc_maps_copy(const struct proc_maps *maps, void *memory, struct proc_maps *ret);

void proc_maps_free(struct proc_maps *maps); /* takes NULL and zeroed */

/* The mapping that holds address, or NULL. */
const struct mapping *proc_maps_find(const struct proc_maps *maps, uint64_t address);
/* Is every byte of [start, end) mapped? If not, *ret_hole is the first unmapped byte (may be NULL). */
bool proc_maps_covers(const struct proc_maps *maps, uint64_t start, uint64_t end, uint64_t *ret_hole);
/* Are these maps of a 32-bit process? A 64-bit one has its stack, or mappings of the kernel, above 4 GiB. */
bool proc_maps_is_32bit(const struct proc_maps *maps);

/* Is it a mapping of a file; and the order of two mappings, 0: the same file. */
bool proc_mapping_is_file(const struct mapping *mapping);
/*
 * Is it code of a file? Not code that a JIT compiler has written to shared memory, which also has a file
 * name.
 */
bool proc_mapping_is_code(const struct mapping *mapping);
int proc_mapping_compare_files(const struct mapping *a, const struct mapping *b);
