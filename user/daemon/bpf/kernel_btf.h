/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the programs need of the kernel's BTF, found in one pass over it: the ids of the functions that they
 * attach to, and the types that they are relocated against. libbpf itself makes a pass for each program and
 * for each type: docs/design/cost.md, "Start".
 */
#pragma once

#include <stddef.h>

#include "bpf/prog_table.h"

struct bpf_object;
struct btf;

#define KERNEL_BTF_NAMES 512

struct kernel_btf {
	struct kernel_name {
		char text[56];
		unsigned kind; /* BTF_KIND_* of a hook; 0: a type, whatever its kind */
		int id;	       /* of a hook; 0: the kernel has none */
		unsigned next; /* 1 + index of the next in its bucket; 0: none */
	} names[KERNEL_BTF_NAMES];
	unsigned count, buckets[KERNEL_BTF_NAMES];
	int types; /* descriptor of a file: BTF of these types only */
};

/* Notes the names of all hooks and types of an open object. Negative errno. */
int kernel_btf_add(struct kernel_btf *kernel, const struct bpf_object *object);

/*
 * Finds them. From then on libbpf gives these ids to the programs of each object that it opens. kernel must
 * live as long. Logs; negative errno.
 */
int kernel_btf_find(struct kernel_btf *kernel, const struct btf *vmlinux);

/* The id of a function, or for PROG_LSM of a hook; -ENOENT: the kernel has none, or no program names it. */
int kernel_btf_hook(const struct kernel_btf *kernel, enum prog_kind kind, const char *name);

void kernel_btf_close(struct kernel_btf *kernel); /* takes zeroed */
