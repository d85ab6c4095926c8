// SPDX-License-Identifier: LGPL-2.1-or-later
/* See kernel_btf.h. */
#include "bpf/kernel_btf.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <sys/mman.h>

#include "base/log.h"
#include "lib/base/util.h"

/* The sections of programs with a hook, which is named after the slash. */
static const struct section {
	const char *section;
	enum bpf_prog_type type;
	enum bpf_attach_type attach;
	const char *prefix; /* of the hook's name in BTF */
	unsigned kind;
} sections[] = {
	{ "fentry/", BPF_PROG_TYPE_TRACING, BPF_TRACE_FENTRY, "", BTF_KIND_FUNC },
	{ "fexit/", BPF_PROG_TYPE_TRACING, BPF_TRACE_FEXIT, "", BTF_KIND_FUNC },
	{ "fmod_ret/", BPF_PROG_TYPE_TRACING, BPF_MODIFY_RETURN, "", BTF_KIND_FUNC },
	{ "lsm/", BPF_PROG_TYPE_LSM, BPF_LSM_MAC, "bpf_lsm_", BTF_KIND_FUNC },
	{ "tp_btf/", BPF_PROG_TYPE_TRACING, BPF_TRACE_RAW_TP, "btf_trace_", BTF_KIND_TYPEDEF },
	{ "iter/", BPF_PROG_TYPE_TRACING, BPF_TRACE_ITER, "bpf_iter_", BTF_KIND_FUNC },
};

static const struct section *section_of(const char *name)
{
	for (const struct section *section = sections; section < sections + ELEMENTS(sections); section++)
		if (strncmp(name, section->section, strlen(section->section)) == 0)
			return section;
	return NULL;
}

static unsigned bucket_of(const char *text)
{
	unsigned sum = 0;

	for (; *text; text++)
		sum = sum * 31 + (unsigned char)*text;
	return sum % KERNEL_BTF_NAMES;
}

static struct kernel_name *find(const struct kernel_btf *kernel, const char *text, unsigned kind)
{
	for (unsigned at = kernel->buckets[bucket_of(text)]; at; at = kernel->names[at - 1].next) {
		const struct kernel_name *name = &kernel->names[at - 1];

		if (name->kind == kind && strcmp(name->text, text) == 0)
			return (struct kernel_name *)name;
	}
	return NULL;
}

static int add(struct kernel_btf *kernel, const char *text, unsigned kind)
{
	struct kernel_name *name = &kernel->names[kernel->count];
	unsigned *bucket = &kernel->buckets[bucket_of(text)];

	if (find(kernel, text, kind))
		return 0;
	if (kernel->count == KERNEL_BTF_NAMES || strlen(text) >= sizeof(name->text))
		return -E2BIG;
	*name = (struct kernel_name){ .kind = kind, .next = *bucket };
	strcpy(name->text, text);
	*bucket = ++kernel->count;
	return 0;
}

/* Not a function, variable, section or mark: the others name what programs can be relocated against. */
static bool is_type(const struct btf_type *type)
{
	return !btf_is_func(type) && !btf_is_var(type) && !btf_is_datasec(type) && !btf_is_decl_tag(type);
}

/* A type of the programs stands for those of the kernel with its name up to "___". */
static int add_type(struct kernel_btf *kernel, const char *text)
{
	char name[sizeof(kernel->names->text)];
	const char *flavor = strstr(text, "___");

	FORMAT(name, "%.*s", (int)(flavor ? flavor - text : (ptrdiff_t)strlen(text)), text);
	return *name ? add(kernel, name, 0) : 0;
}

static int add_hook(struct kernel_btf *kernel, const char *text)
{
	const struct section *section = section_of(text);
	char name[sizeof(kernel->names->text)];

	if (!section)
		return 0;
	FORMAT(name, "%s%s", section->prefix, text + strlen(section->section));
	return add(kernel, name, section->kind);
}

/* The id of a hook; -ENOENT: the kernel has none, or no program names it. */
static int id_of(const struct kernel_btf *kernel, const char *prefix, const char *hook, unsigned kind)
{
	char text[sizeof(kernel->names->text)];
	const struct kernel_name *name;

	FORMAT(text, "%s%s", prefix, hook);
	name = find(kernel, text, kind);
	return name && name->id ? name->id : -ENOENT;
}

int kernel_btf_add(struct kernel_btf *kernel, const struct bpf_object *object)
{
	const struct btf *btf = bpf_object__btf(object);
	const struct bpf_program *program = NULL;
	int r = 0;

	while (r >= 0 && (program = bpf_object__next_program(object, (struct bpf_program *)program)))
		r = add_hook(kernel, bpf_program__section_name(program));
	for (__u32 id = 1; r >= 0 && id < btf__type_cnt(btf); id++) {
		const struct btf_type *type = btf__type_by_id(btf, id);

		if (is_type(type))
			r = add_type(kernel, btf__name_by_offset(btf, type->name_off));
	}
	return r;
}

/* The i-th type that this type consists of; NULL: there are no more. */
static __u32 *part_of(const struct btf *btf, __u32 id, unsigned i)
{
	struct btf_type *type = (struct btf_type *)btf__type_by_id(btf, id);

	if (btf_is_composite(type))
		return i < btf_vlen(type) ? &btf_members(type)[i].type : NULL;
	if (btf_is_array(type))
		return i == 0 ? &btf_array(type)->type : i == 1 ? &btf_array(type)->index_type : NULL;
	return i == 0 && (btf_is_mod(type) || btf_is_typedef(type)) ? &type->type : NULL;
}

/* Types of the kernel that are copied; ids: of the copy of each, 0: there is none yet. */
struct copy {
	const struct btf *from;
	struct btf *to;
	int *ids;
};

/* Returns the id of the copy, whose parts are still those of the original; negative errno. */
static int copy_type(const struct copy *copy, __u32 id)
{
	const struct btf_type *type = btf__type_by_id(copy->from, id);

	/* Nothing is relocated against what a pointer points to. */
	if (id && !copy->ids[id])
		copy->ids[id] = btf_is_ptr(type) ? btf__add_ptr(copy->to, 0) :
						   btf__add_type(copy->to, copy->from, type);
	return copy->ids[id];
}

/* Copies the parts of all copies, and theirs. */
static int copy_parts(const struct copy *copy)
{
	for (__u32 id = 1; id < btf__type_cnt(copy->to); id++)
		for (unsigned i = 0; part_of(copy->to, id, i); i++) {
			int part = copy_type(copy, *part_of(copy->to, id, i));

			if (part < 0)
				return part;
			*part_of(copy->to, id, i) = (__u32)part;
		}
	return 0;
}

static int find_all(struct kernel_btf *kernel, const struct copy *copy)
{
	for (__u32 id = 1; id < btf__type_cnt(copy->from); id++) {
		const struct btf_type *type = btf__type_by_id(copy->from, id);
		const char *text = btf__name_by_offset(copy->from, type->name_off);
		struct kernel_name *hook = NULL;
		int r;

		if (btf_is_func(type) || btf_is_typedef(type))
			hook = find(kernel, text, btf_kind(type));
		/* Of several with the same name the first, as libbpf does. */
		if (hook && !hook->id)
			hook->id = (int)id;
		if (!is_type(type) || !find(kernel, text, 0))
			continue;
		r = copy_type(copy, id);
		if (r < 0)
			return r;
	}
	return copy_parts(copy);
}

static int save(const struct btf *btf)
{
	int fd = memfd_create("mseald_types", MFD_CLOEXEC);
	const void *data;
	__u32 size;

	if (fd < 0)
		return -errno;
	data = btf__raw_data(btf, &size);
	if (!data || write(fd, data, size) != (ssize_t)size) {
		(void)close(fd);
		return -EIO;
	}
	return fd;
}

static int find_and_save(struct kernel_btf *kernel, const struct btf *vmlinux)
{
	_cleanup_free_ int *ids = calloc(btf__type_cnt(vmlinux), sizeof(*ids));
	struct copy copy = { .from = vmlinux, .to = btf__new_empty(), .ids = ids };
	int r = ids && copy.to ? find_all(kernel, &copy) : -ENOMEM;

	if (r >= 0)
		r = save(copy.to);
	btf__free(copy.to);
	return r;
}

int kernel_btf_hook(const struct kernel_btf *kernel, enum prog_kind kind, const char *name)
{
	return id_of(kernel, kind == PROG_LSM ? "bpf_lsm_" : "", name, BTF_KIND_FUNC);
}

/* Called by libbpf; cookie: the kernel's BTF. */
static int prepare_load(struct bpf_program *program, struct bpf_prog_load_opts *opts, long cookie)
{
	const char *name = bpf_program__section_name(program);
	const struct section *section = section_of(name);
	int id = id_of((const void *)cookie, section->prefix, name + strlen(section->section), section->kind);

	if (id < 0)
		return id;
	opts->attach_btf_id = (__u32)id;
	return 0;
}

/* The handlers stay: libbpf 1.1 frees their list twice when the last one goes. */
static int register_handlers(const struct kernel_btf *kernel)
{
	LIBBPF_OPTS(libbpf_prog_handler_opts, opts, .cookie = (long)kernel,
		    .prog_prepare_load_fn = prepare_load);
	int r = 0;

	for (size_t i = 0; i < ELEMENTS(sections) && r >= 0; i++)
		r = libbpf_register_prog_handler(sections[i].section, sections[i].type, sections[i].attach,
						 &opts);
	return r < 0 ? r : 0;
}

int kernel_btf_find(struct kernel_btf *kernel, const struct btf *vmlinux)
{
	int r = find_and_save(kernel, vmlinux);

	if (r >= 0) {
		kernel->types = r;
		r = register_handlers(kernel);
	}
	if (r < 0)
		log_error("cannot search the kernel's BTF: %s", strerror(-r));
	return r;
}

void kernel_btf_close(struct kernel_btf *kernel)
{
	if (kernel->types > 0)
		(void)close(TAKE_FD(kernel->types));
}
