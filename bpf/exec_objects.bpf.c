// SPDX-License-Identifier: GPL-2.0-only
/*
 * Where the objects of a starting program begin, and what their pieces are. Of a library: where the loader
 * mapped its file (lsm/mmap_addr; glibc elf/dl-map-segments.h, musl ldso/dynlink.c: one mapping of all of it,
 * then its segments into that). Of the program and its loader, which the kernel maps (fs/binfmt_elf.c), the
 * auxiliary vector says it, and their program headers in memory what belongs to them: nobody has had the time
 * to change these.
 *
 * No hooks: global functions, for lsm_mm.bpf.c, exec_seal.bpf.c and verdict.bpf.c.
 */
#include "exec_objects.h"
#include "seal_tree.h"
#include "verdict.h"

/* --- what is mapped where --- */

__noinline int mapping_at(struct mseald_loading *loading, u64 address)
{
	u32 next;

	if (!loading)
		return 0;
	next = loading->next;
#pragma clang loop unroll(disable)
	for (u32 back = 1; back <= MSEALD_LOADING_MAPPINGS; back++) {
		u32 at = (next - back) % MSEALD_LOADING_MAPPINGS;

		if (back > next)
			break;
		if (address - loading->start[at] < loading->length[at])
			return at + 1;
	}
	return 0;
}

/* An executable segment goes into a mapping. */
static __always_inline void add_text(struct mseald_loading *loading, u32 at, u64 address, u64 length)
{
	u32 first = (address - loading->start[at]) >> PAGE_SHIFT, end = first + (length >> PAGE_SHIFT);

	if (loading->end_page[at] && loading->first_page[at] < first)
		first = loading->first_page[at];
	loading->first_page[at] = first;
	if (end > loading->end_page[at])
		loading->end_page[at] = end;
}

__noinline int watch_mapping(u64 key, u64 address)
{
	struct mseald_loading *entry = bpf_map_lookup_elem(&loading, &key);
	struct call_site site;
	u64 length, flags;
	bool executable;
	u32 at;

	if (!entry || is_over(entry))
		return 0;
	site = call_site_of(bpf_get_current_task_btf());
	flags = call_arg(&site, 3);
	if (site.call != CALL_MMAP || flags & MAP_ANONYMOUS || (flags & MAP_TYPE) != MAP_PRIVATE)
		return 0;
	length = (call_arg(&site, 1) + MSEALD_PAGE - 1) & ~(MSEALD_PAGE - 1);
	executable = call_arg(&site, 2) & PROT_EXEC;
	if (flags & (MAP_FIXED | MAP_FIXED_NOREPLACE)) {
		at = mapping_at(entry, address);
		if (at) {
			at = (at - 1) % MSEALD_LOADING_MAPPINGS;
			if (executable)
				add_text(entry, at, address, length);
			if (call_arg(&site, 2) & PROT_WRITE && !entry->data_page[at])
				entry->data_page[at] = (address - entry->start[at]) >> PAGE_SHIFT;
			return 0;
		}
		/* Aligned to more than a page (there is room already), or not relocatable: its first byte. */
		if (call_arg(&site, 5))
			return 0;
	}
	at = entry->next++ % MSEALD_LOADING_MAPPINGS;
	entry->start[at] = address;
	entry->length[at] = length;
	entry->first_page[at] = entry->end_page[at] = entry->data_page[at] = 0;
	if (executable)
		add_text(entry, at, address, length);
	return 0;
}

/* The address space gets huge pages, before it has an entry to say so in. */
__noinline int watch_hugetlb(u64 key)
{
	struct mseald_loading *entry = bpf_map_lookup_elem(&loading, &key);

	if (entry)
		__sync_fetch_and_or(&entry->flags, MSEALD_LOADING_HUGETLB);
	return 0;
}

/* --- the pieces of an object --- */

__noinline int add_piece(struct mseald_loading *loading, u64 start, u64 end, u32 segment)
{
	u64 rule, last_rule, at, last;

	if (!loading || start >= end || !(loading->segments >> (segment & 31) & 1))
		return 0;
	rule = segment == MSEALD_SEGMENT_DATA ? loading->data_rule : loading->rule;
	if (!rule)
		return 0;
	at = loading->pieces;
	if (at >= MSEALD_LOADING_PIECES) {
		loading->pieces = MSEALD_LOADING_PIECES + 1;
		return 0;
	}
	last = at - 1;
	/* Or the verifier of 6.1 does not know the bounds of both. */
	asm volatile("%0 &= 7; %1 &= 7" : "+r"(at), "+r"(last));
	if (at && start < loading->piece_end[last]) {
		loading->pieces = MSEALD_LOADING_PIECES + 1;
		return 0;
	}
	if (at && segment != MSEALD_SEGMENT_DATA) {
		last_rule = loading->piece_rule[last];
		/* What is one to the rule is one seal; then it is of no segment. */
		if (loading->piece_end[last] == start &&
		    (last_rule >> MSEALD_RULE_SEGMENT_SHIFT & 0xff) != MSEALD_SEGMENT_DATA) {
			loading->piece_end[last] = end;
			loading->piece_rule[last] &= ~(0xffULL << MSEALD_RULE_SEGMENT_SHIFT);
			return 0;
		}
	}
	loading->piece[at] = start;
	loading->piece_end[at] = end;
	loading->piece_rule[at] = rule | (u64)segment << MSEALD_RULE_SEGMENT_SHIFT;
	loading->pieces = at + 1;
	return 0;
}

__noinline int add_library(struct mseald_loading *loading, u32 at)
{
	u64 start, text, text_end;

	if (!loading)
		return 0;
	at %= MSEALD_LOADING_MAPPINGS;
	start = loading->start[at];
	text = start + ((u64)loading->first_page[at] << PAGE_SHIFT);
	text_end = start + ((u64)loading->end_page[at] << PAGE_SHIFT);
	/*
	 * A data file that is mapped and made read-only has no executable segment.
	 * And a loader makes others than the data writable for a while, to relocate them (DT_TEXTREL).
	 */
	if (!loading->end_page[at] || !loading->data_page[at] ||
	    loading->relro < start + ((u64)loading->data_page[at] << PAGE_SHIFT))
		return 0;
	loading->text = text;
	loading->text_end = text_end;
	add_piece(loading, start, text, MSEALD_SEGMENT_RODATA);
	add_piece(loading, text, text_end, MSEALD_SEGMENT_TEXT);
	add_piece(loading, text_end, loading->relro, MSEALD_SEGMENT_RODATA);
	add_piece(loading, loading->relro, loading->relro_end, MSEALD_SEGMENT_RELRO);
	add_piece(loading, loading->relro_end, start + loading->length[at], MSEALD_SEGMENT_DATA);
	return 0;
}

/* elf(5) */
#define ELF_MAGIC 0x464c457fu
#define ELF_CLASS_64 2
#define ELF_HEADERS_MAX 20
#define PT_LOAD 1
#define PF_X 1
#define PF_W 2
#define AT_PHDR 3
#define AT_BASE 7

struct elf_header_32 {
	u32 magic;
	u8 class, ident[11];
	u16 type, machine;
	u32 version, entry, phoff, shoff, flags;
	u16 ehsize, phentsize, phnum;
};

struct elf_header_64 {
	u32 magic;
	u8 class, ident[11];
	u16 type, machine;
	u32 version;
	u64 entry, phoff, shoff;
	u32 flags;
	u16 ehsize, phentsize, phnum;
};

struct elf_segment_32 {
	u32 type, offset, vaddr, paddr, filesz, memsz, flags, align;
};

struct elf_segment_64 {
	u32 type, flags;
	u64 offset, vaddr, paddr, filesz, memsz, align;
};

/* One program header. 1: it holds the RELRO in hand. */
__noinline int add_segment(u32 index, struct mseald_loading *loading)
{
	struct elf_segment_64 segment = {};
	struct elf_segment_32 narrow;
	u64 start, end;

	if (!loading)
		return 0;
	if (loading->width == 64) {
		if (bpf_probe_read_user(&segment, sizeof(segment),
					(void *)(loading->headers + index * sizeof(segment))))
			return 0;
	} else {
		if (bpf_probe_read_user(&narrow, sizeof(narrow),
					(void *)(loading->headers + index * sizeof(narrow))))
			return 0;
		segment.type = narrow.type;
		segment.flags = narrow.flags;
		segment.vaddr = narrow.vaddr;
		segment.memsz = narrow.memsz;
	}
	if (segment.type != PT_LOAD || segment.memsz >= MSEALD_ADDRESS_LIMIT)
		return 0;
	start = segment.vaddr & ~(MSEALD_PAGE - 1);
	/* The object begins with the first one. */
	if (!loading->biased)
		loading->bias -= start;
	loading->biased = 1;
	end = (loading->bias + segment.vaddr + segment.memsz + MSEALD_PAGE - 1) & ~(MSEALD_PAGE - 1);
	start += loading->bias;
	if (start >= end || end > MSEALD_ADDRESS_LIMIT)
		return 0;
	if (segment.flags & PF_X) {
		loading->text = loading->text_end ? loading->text : start;
		loading->text_end = end;
	}
	if (!(segment.flags & PF_W)) {
		add_piece(loading, start, end,
			  segment.flags & PF_X ? MSEALD_SEGMENT_TEXT : MSEALD_SEGMENT_RODATA);
		return 0;
	}
	if (loading->relro < start || loading->relro_end > end) {
		add_piece(loading, start, end, MSEALD_SEGMENT_DATA);
		return 0;
	}
	add_piece(loading, loading->relro, loading->relro_end, MSEALD_SEGMENT_RELRO);
	add_piece(loading, loading->relro_end, end, MSEALD_SEGMENT_DATA);
	return 1;
}

__noinline int add_elf(struct mseald_loading *loading, u64 start)
{
	struct elf_header_64 header;
	struct elf_header_32 narrow;
	u32 count, is_own = 0;

	if (!loading || !start || start > loading->relro)
		return 0;
	if (bpf_probe_read_user(&header, sizeof(header), (void *)start) || header.magic != ELF_MAGIC)
		return 0;
	count = header.phnum;
	loading->width = header.class == ELF_CLASS_64 ? 64 : 32;
	loading->headers = start + header.phoff;
	if (loading->width == 32) {
		if (bpf_probe_read_user(&narrow, sizeof(narrow), (void *)start))
			return 0;
		count = narrow.phnum;
		loading->headers = start + narrow.phoff;
	}
	loading->bias = start;
	loading->biased = 0;
	loading->text_end = 0;
	loading->pieces = 0;
	for (u32 i = 0; i < ELF_HEADERS_MAX; i++) {
		if (i >= count)
			break;
		is_own |= add_segment(i, loading);
	}
	return is_own;
}

#define AUXV_PAIRS 12	/* AT_PHDR and AT_BASE are among the first (fs/binfmt_elf.c, create_elf_tables) */

struct mm_struct___auxv {
	unsigned long saved_auxv[2 * AUXV_PAIRS];
} __attribute__((preserve_access_index));

/* value where two numbers below 2^63 are the same, else 0: without a branch, for the verifier. */
#define WHERE_SAME(a, b, value) ((value) & (u64)((s64)(((u64)(a) ^ (b)) - 1) >> 63))

/* Where the kernel has mapped the program and its loader: getauxval(3). */
static __always_inline void find_kernels(struct mseald_loading *loading, struct mm_struct *mm)
{
	struct mm_struct___auxv *auxv = (void *)mm;
	u64 words[2 * AUXV_PAIRS], headers = 0, base = 0, narrow;

	if (bpf_core_read(words, sizeof(words), &auxv->saved_auxv))
		return;
	/* Of a 32-bit program a pair of words is one of these. */
	narrow = words[0] >> 32;
#pragma clang loop unroll(full)
	for (u32 i = 0; i < AUXV_PAIRS; i++) {
		u64 type = narrow ? (u32)words[i] : words[2 * i];
		u64 value = narrow ? words[i] >> 32 : words[2 * i + 1];

		headers |= WHERE_SAME(type, AT_PHDR, value);
		base |= WHERE_SAME(type, AT_BASE, value);
		/* One after the other: there is no room for all of it at once. */
		asm volatile("" : "+r"(headers), "+r"(base));
	}
	loading->program = headers & ~(MSEALD_PAGE - 1);
	loading->loader = base;
}

__noinline int know_kernels(struct mseald_loading *loading)
{
	if (!loading)
		return 0;
	if (!(loading->flags & MSEALD_LOADING_KNOWN))
		find_kernels(loading, bpf_get_current_task_btf()->mm);
	loading->flags |= MSEALD_LOADING_KNOWN;
	return 0;
}

/* --- which segment an attempt is on --- */

__noinline int note_object(struct mseald_loading *loading)
{
	struct mseald_object *object;
	struct dentry *dentry;
	u64 start, end;
	u32 at, last;

	if (!loading)
		return 0;
	at = loading->objects;
	last = loading->pieces - 1;
	if (at >= MSEALD_LOADING_OBJECTS || last >= MSEALD_LOADING_PIECES)
		return 0;
	asm volatile("%0 &= 15" : "+r"(at));
	object = &loading->object[at];
	start = loading->piece[0];
	end = loading->piece_end[last & MSEALD_LOADING_PIECES];
	object->start = start;
	object->pages = (end - start) >> PAGE_SHIFT;
	object->text = (loading->text - start) >> PAGE_SHIFT;
	object->text_end = (loading->text_end - start) >> PAGE_SHIFT;
	object->relro = (loading->relro - start) >> PAGE_SHIFT;
	object->relro_end = (loading->relro_end - start) >> PAGE_SHIFT;
	dentry = (struct dentry *)loading->dentry;
	object->dentry = (u64)dentry;
	object->inode = (u64)BPF_CORE_READ(dentry, d_inode);
	loading->objects = at + 1;
	return 0;
}

/*
 * The process may be gone when the daemon reads the event. The name is pinned while the object is mapped; of
 * one that has been unmapped it may be another file's by now.
 */
static __always_inline void read_name(const struct mseald_object *object, struct mseald_event *event)
{
	struct dentry *dentry = (struct dentry *)object->dentry;

	if (!object->inode || (u64)BPF_CORE_READ(dentry, d_inode) != object->inode)
		return;
	event->object = object->start;
	bpf_probe_read_kernel_str(event->file, sizeof(event->file), BPF_CORE_READ(dentry, d_name.name));
}

__noinline int name_object(u64 key, u64 address, struct mseald_event *event)
{
	struct mseald_loading *entry = bpf_map_lookup_elem(&loading, &key);
	struct mseald_object *object;
	u32 segment = MSEALD_SEGMENT_RODATA;
	u64 page;

	if (!event)
		return 0;
	event->object = 0;
	__builtin_memset(event->file, 0, sizeof(event->file));
	if (!entry)
		return 0;
#pragma clang loop unroll(disable)
	for (u32 i = 0; i < MSEALD_LOADING_OBJECTS; i++) {
		object = &entry->object[i];
		page = (address - object->start) >> PAGE_SHIFT;
		if (page < object->pages)
			goto found;
	}
	return 0;
found:
	if (page >= object->relro_end)
		segment = MSEALD_SEGMENT_DATA;
	else if (page >= object->relro)
		segment = MSEALD_SEGMENT_RELRO;
	if (page >= object->text && page < object->text_end)
		segment = MSEALD_SEGMENT_TEXT;
	if (event->segment == MSEALD_SEGMENT_NONE)
		event->segment = segment;
	read_name(object, event);
	return 0;
}
