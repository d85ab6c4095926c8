// SPDX-License-Identifier: GPL-2.0-only
/*
 * Finds where the objects of a starting program begin, and their pieces.
 *
 *   library             where the loader mapped its file (lsm/mmap_addr). glibc (elf/dl-map-segments.h) and
 *                       musl (ldso/dynlink.c) map the whole file once, then its segments into that mapping
 *   program and loader  the kernel maps them (fs/binfmt_elf.c). Their addresses are in the auxiliary vector,
 *                       their pieces in their program headers in memory: no code has run that could change
 *                       either
 *
 * No hooks: global functions, for lsm_mm.bpf.c, exec_seal.bpf.c and verdict.bpf.c.
 */
#include "exec_objects.h"
#include "seal_tree.h"
#include "verdict.h"

/* --- mappings of files --- */

/* The mapping at a position of the ring buffer, which wraps. */
static __always_inline struct mseald_mapping *mapping_of(struct mseald_loading *loading, u32 at)
{
	return &loading->mapping[at & (MSEALD_LOADING_MAPPINGS - 1)];
}

__noinline int exec_mapping_at(struct mseald_loading *loading, u64 address)
{
	u32 next;

	if (!loading)
		return 0;
	next = loading->next;
#pragma clang loop unroll(disable)
	for (u32 back = 1; back <= MSEALD_LOADING_MAPPINGS; back++) {
		struct mseald_mapping *mapping = mapping_of(loading, next - back);

		if (back > next)
			break;
		if ((address - mapping->start) >> PAGE_SHIFT < mapping->pages)
			return ((next - back) & (MSEALD_LOADING_MAPPINGS - 1)) + 1;
	}
	return 0;
}

/* Adds a segment to the mapping that it is mapped into. */
static __always_inline void add_mapped(struct mseald_mapping *mapping, u64 address, u64 pages, u64 prot)
{
	u32 first = (address - mapping->start) >> PAGE_SHIFT;

	if (prot & PROT_WRITE && !mapping->data) {
		mapping->data = first;
		/* The whole object was mapped as its first segment is. */
		if (TEXT_FIRST && mapping->text_end > first)
			mapping->text_end = first;
	}
	if (!(prot & PROT_EXEC))
		return;
	if (!mapping->text_end || first < mapping->text)
		mapping->text = first;
	if (first + pages > mapping->text_end)
		mapping->text_end = first + pages;
}

__noinline int exec_watch_mapping(u64 key, u64 address)
{
	struct call_site site = call_site_of(bpf_get_current_task_btf());
	struct mseald_loading *entry;
	struct mseald_mapping *mapping;
	u64 pages, flags;
	u32 at;

	flags = call_arg(&site, 3);
	if ((flags & MAP_TYPE) != MAP_PRIVATE)
		return 0;
	entry = loading_of(key);
	if (!entry || is_over(entry))
		return 0;
	pages = (call_arg(&site, 1) + MSEALD_PAGE - 1) >> PAGE_SHIFT;
	if (flags & (MAP_FIXED | MAP_FIXED_NOREPLACE)) {
		at = exec_mapping_at(entry, address);
		mapping = mapping_of(entry, at - 1);
		/* Another file, which was mapped there once, is not the object that begins here. */
		if (at && (mapping->inode == (u32)entry->inode || call_arg(&site, 5))) {
			add_mapped(mapping, address, pages, call_arg(&site, 2));
			return 0;
		}
		/*
		 * First mapping of a file that is not relocatable, or aligned to more than a page in reserved
		 * memory.
		 */
		if (call_arg(&site, 5))
			return 0;
	}
	mapping = mapping_of(entry, entry->next++);
	*mapping = (struct mseald_mapping){ .start = address, .pages = pages, .inode = entry->inode };
	add_mapped(mapping, address, pages, call_arg(&site, 2) & PROT_EXEC);
	return 0;
}

/* Notes that the address space maps huge pages before it has an entry that can hold the flag. */
__noinline int exec_watch_hugetlb(u64 key)
{
	struct mseald_loading *entry = loading_of(key);

	if (entry)
		__sync_fetch_and_or(&entry->flags, MSEALD_LOADING_HUGETLB);
	return 0;
}

/* --- the pieces of an object --- */

__noinline int exec_add_piece(struct mseald_loading *loading, u64 start, u64 end, u32 segment)
{
	u64 rule, last_rule, at, last;

	if (!loading || start >= end || (segment && !(loading->segments >> (segment & 31) & 1)))
		return 0;
	rule = segment == MSEALD_SEGMENT_DATA ? loading->data_rule : loading->rule;
	if (!(rule & MSEALD_RULE_DENY_MASK))
		return 0;
	at = loading->pieces;
	if (at >= MSEALD_LOADING_PIECES) {
		loading->pieces = MSEALD_LOADING_PIECES + 1;
		return 0;
	}
	last = at - 1;
	/* Without this the verifier of 6.1 does not know the bounds of both. */
	asm volatile("%0 &= 7; %1 &= 7" : "+r"(at), "+r"(last));
	if (at && start < loading->piece_end[last]) {
		loading->pieces = MSEALD_LOADING_PIECES + 1;
		return 0;
	}
	if (at && segment != MSEALD_SEGMENT_DATA) {
		last_rule = loading->piece_rule[last];
		/* Adjacent pieces with the same rule become one seal, without a segment. */
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

#define READ_ONLY (1u << MSEALD_SEGMENT_RODATA | 1u << MSEALD_SEGMENT_TEXT | 1u << MSEALD_SEGMENT_RELRO)

__noinline int exec_add_library(struct mseald_loading *loading, u32 at, bool exact)
{
	struct mseald_mapping *mapping;
	bool named;
	u64 start;

	if (!loading)
		return 0;
	mapping = mapping_of(loading, at);
	start = mapping->start;
	/*
	 * A data file that is mapped and made read-only has no executable segment. And a loader makes
	 * segments other than data writable for a while, to relocate them (DT_TEXTREL).
	 */
	if (!mapping->text_end || !mapping->data ||
	    loading->relro < start + ((u64)mapping->data << PAGE_SHIFT))
		return 0;
	named = !exact || exec_add_elf(loading, start, true);
	loading->pieces = 0;
	if (!named)
		return 0;
	loading->text = start + ((u64)mapping->text << PAGE_SHIFT);
	loading->text_end = start + ((u64)mapping->text_end << PAGE_SHIFT);
	if (likely((loading->segments & READ_ONLY) == READ_ONLY && loading->text_end <= loading->relro)) {
		exec_add_piece(loading, start, loading->relro_end, MSEALD_SEGMENT_NONE);
	} else {
		exec_add_piece(loading, start, loading->text, MSEALD_SEGMENT_RODATA);
		exec_add_piece(loading, loading->text, loading->text_end, MSEALD_SEGMENT_TEXT);
		exec_add_piece(loading, loading->text_end, loading->relro, MSEALD_SEGMENT_RODATA);
		exec_add_piece(loading, loading->relro, loading->relro_end, MSEALD_SEGMENT_RELRO);
	}
	exec_add_piece(loading, loading->relro_end, start + ((u64)mapping->pages << PAGE_SHIFT),
		       MSEALD_SEGMENT_DATA);
	return 0;
}

/* elf(5) */
#define ELF_MAGIC 0x464c457fu
#define ELF_CLASS_64 2
#define PT_LOAD 1
#define PT_GNU_RELRO 0x6474e552
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

/* Adds the segment of one program header. Returns 1 if it contains the current RELRO. */
__noinline int exec_add_segment(struct mseald_loading *loading, u32 flags, u64 address, u64 length)
{
	u64 start = address & ~(MSEALD_PAGE - 1), end;

	if (!loading || length >= MSEALD_ADDRESS_LIMIT)
		return 0;
	/* The object begins with its first segment. */
	if (!loading->biased)
		loading->bias -= start;
	loading->biased = 1;
	end = (loading->bias + address + length + MSEALD_PAGE - 1) & ~(MSEALD_PAGE - 1);
	start += loading->bias;
	if (start >= end || end > MSEALD_ADDRESS_LIMIT)
		return 0;
	if (flags & PF_X) {
		loading->text = loading->text_end ? loading->text : start;
		loading->text_end = end;
	}
	if (!(flags & PF_W)) {
		exec_add_piece(loading, start, end,
			       flags & PF_X ? MSEALD_SEGMENT_TEXT : MSEALD_SEGMENT_RODATA);
		return 0;
	}
	if (loading->relro < start || loading->relro_end > end) {
		exec_add_piece(loading, start, end, MSEALD_SEGMENT_DATA);
		return 0;
	}
	exec_add_piece(loading, loading->relro, loading->relro_end, MSEALD_SEGMENT_RELRO);
	exec_add_piece(loading, loading->relro_end, end, MSEALD_SEGMENT_DATA);
	return 1;
}

/*
 * One read takes the ELF header and seven program headers, which is enough for most objects. Each 8 bytes
 * cost as much as ten instructions.
 */
#define ELF_READ (sizeof(struct elf_header_64) + 7 * sizeof(struct elf_segment_64))
#define ELF_HEADERS (ELF_READ / sizeof(struct elf_segment_64)) /* without the ELF header */
#define ELF_READS 3
_Static_assert(ELF_READ <= MSEALD_LOADING_ELF && sizeof(((struct mseald_loading *)0)->elf) ==
							 MSEALD_LOADING_ELF + sizeof(struct elf_segment_64),
	       "a header at any place below MSEALD_LOADING_ELF is there whole");

#define SEGMENTS_OWN 1	 /* a segment contains the current RELRO */
#define SEGMENTS_END 2	 /* the last header is not PT_LOAD */
#define SEGMENTS_RELRO 4 /* PT_GNU_RELRO begins where the current RELRO does */

/* Has the object the current RELRO? */
static __always_inline bool owns_relro(const struct mseald_loading *loading)
{
	return loading->found & SEGMENTS_OWN && (!loading->exact || loading->found & SEGMENTS_RELRO);
}

/* Notes whether the header at this byte of loading->elf is the PT_GNU_RELRO of the current RELRO. */
__noinline int exec_note_relro(struct mseald_loading *loading, u64 at)
{
	const struct elf_segment_64 *wide;
	const struct elf_segment_32 *narrow;
	u64 vaddr;

	if (!loading)
		return 0;
	wide = (const void *)loading->elf + (at & (MSEALD_LOADING_ELF - 1));
	narrow = (const void *)wide;
	vaddr = loading->width == sizeof(*wide) ? wide->vaddr : narrow->vaddr;
	if (wide->type == PT_GNU_RELRO && ((loading->bias + vaddr) & ~(MSEALD_PAGE - 1)) == loading->relro)
		loading->found |= SEGMENTS_RELRO;
	return 0;
}

/*
 * Adds the segments of `count` program headers, which begin at this byte of loading->elf. loading->found is
 * in memory, so that the verifier does not follow its values through the loop.
 */
__noinline int exec_add_segments(struct mseald_loading *loading, u64 at, u32 count)
{
	if (!loading)
		return 0;
#pragma clang loop unroll(disable)
	for (u32 i = 0; i < ELF_HEADERS; i++) {
		const void *header = (const void *)loading->elf + (at & (MSEALD_LOADING_ELF - 1));
		const struct elf_segment_64 *wide = header;
		const struct elf_segment_32 *narrow = header;

		if (i >= count)
			break;
		at += loading->width;
		if (wide->type != PT_LOAD) {
			loading->found |= SEGMENTS_END;
			if (loading->exact)
				exec_note_relro(loading, at - loading->width);
			/* PT_LOAD stand together, with only data behind the segment with the RELRO. */
			if (owns_relro(loading))
				break;
			continue;
		}
		loading->found &= SEGMENTS_OWN | SEGMENTS_RELRO;
		loading->found |= loading->width == sizeof(*wide) ?
					  exec_add_segment(loading, wide->flags, wide->vaddr, wide->memsz) :
					  exec_add_segment(loading, narrow->flags, narrow->vaddr,
							   narrow->memsz);
	}
	return 0;
}

__noinline int exec_add_elf(struct mseald_loading *loading, u64 start, bool exact)
{
	const struct elf_header_64 *header;
	const struct elf_header_32 *narrow;
	u64 headers, at, width;
	u32 count, fit;

	if (!loading || !start || start > loading->relro)
		return 0;
	header = (const void *)loading->elf;
	narrow = (const void *)loading->elf;
	if (bpf_probe_read_user(loading->elf, ELF_READ, (void *)start) || header->magic != ELF_MAGIC)
		return 0;
	if (likely(header->class == ELF_CLASS_64)) {
		count = header->phnum;
		headers = header->phoff;
		at = sizeof(*header);
		width = sizeof(struct elf_segment_64);
	} else {
		count = narrow->phnum;
		headers = narrow->phoff;
		at = sizeof(*narrow);
		width = sizeof(struct elf_segment_32);
	}
	/* Linkers put them right behind the ELF header. */
	fit = likely(headers == at) ? ELF_HEADERS - 1 : 0;
	headers += start;
	loading->width = width;
	loading->bias = start;
	loading->biased = 0;
	loading->text_end = 0;
	loading->pieces = 0;
	loading->found = 0;
	loading->exact = exact;
#pragma clang loop unroll(disable)
	for (u32 i = 0; i < ELF_READS; i++) {
		if (fit > count)
			fit = count;
		exec_add_segments(loading, at, fit);
		headers += fit * width;
		count -= fit;
		if (!count || (loading->found & SEGMENTS_END && owns_relro(loading)) ||
		    bpf_probe_read_user(loading->elf, ELF_READ, (void *)headers))
			break;
		at = 0;
		fit = ELF_HEADERS;
	}
	return owns_relro(loading);
}

/*
 * AT_PHDR is among the first pairs, and AT_BASE the third one after it, since 2.6 (fs/binfmt_elf.c,
 * create_elf_tables).
 */
#define AUXV_LOOKS 9
#define AUXV_BASE 3

struct mm_struct___auxv {
	unsigned long saved_auxv[2 * (AUXV_LOOKS + AUXV_BASE)];
} __attribute__((preserve_access_index));

/* In a 32-bit program each word holds a type and its value. */
static __always_inline void find_kernels_32(struct mseald_loading *loading, const unsigned long *words)
{
#pragma clang loop unroll(full)
	for (u32 i = 0; i < AUXV_LOOKS; i++) {
		if ((u32)words[i] != AT_PHDR)
			continue;
		loading->program = words[i] >> 32 & ~(MSEALD_PAGE - 1);
		loading->loader = words[i + AUXV_BASE] >> 32;
		return;
	}
}

/* Reads from the auxiliary vector where the kernel has mapped the program and its loader: getauxval(3). */
static __always_inline void find_kernels(struct mseald_loading *loading, struct mm_struct *mm)
{
	const unsigned long *words = ((const struct mm_struct___auxv *)mm)->saved_auxv;

	/* libbpf relocates the address, and not each load. */
	asm volatile("" : "+r"(words));
	if (unlikely(words[0] >> 32)) {
		find_kernels_32(loading, words);
		return;
	}
#pragma clang loop unroll(full)
	for (u32 i = 0; i < AUXV_LOOKS; i++) {
		if (words[2 * i] != AT_PHDR)
			continue;
		loading->program = words[2 * i + 1] & ~(MSEALD_PAGE - 1);
		loading->loader = words[2 * (i + AUXV_BASE) + 1];
		return;
	}
}

__noinline int exec_know_kernels(struct mseald_loading *loading)
{
	if (!loading)
		return 0;
	find_kernels(loading, bpf_get_current_task_btf()->mm);
	loading->flags |= MSEALD_LOADING_KNOWN;
	return 0;
}

/* --- object and segment of an attempt --- */

__noinline int exec_begin_object(struct mseald_loading *loading, u32 at)
{
	struct mseald_mapping *mapping;
	u64 end;
	u32 last;

	if (!loading)
		return 0;
	last = loading->pieces - 1;
	/* The kernel has mapped this object, so it has no position in the ring yet. */
	if (!at && last < MSEALD_LOADING_PIECES) {
		at = ++loading->next;
		mapping = mapping_of(loading, at - 1);
		*mapping = (struct mseald_mapping){ .start = loading->piece[0] };
		end = loading->piece_end[last & MSEALD_LOADING_PIECES];
		mapping->pages = (end - mapping->start) >> PAGE_SHIFT;
	}
	loading->place = (at - 1) & (MSEALD_LOADING_MAPPINGS - 1);
	return 0;
}

__noinline int exec_end_object(struct mseald_loading *loading)
{
	struct mseald_mapping *mapping;
	u64 start;

	if (!loading)
		return 0;
	mapping = mapping_of(loading, loading->place);
	start = mapping->start;
	mapping->text = (loading->text - start) >> PAGE_SHIFT;
	mapping->text_end = (loading->text_end - start) >> PAGE_SHIFT;
	mapping->data = (loading->relro - start) >> PAGE_SHIFT;
	mapping->relro_end = (loading->relro_end - start) >> PAGE_SHIFT;
	mapping->file = loading->mapped;
	mapping->inode = loading->file.address;
	return 0;
}

/*
 * The segments of an object that the pages from first to last are in. Used when the attempt is on one seal
 * only: then the event need not say "several".
 */
static __always_inline u32 segments_of(const struct mseald_mapping *mapping, u64 first, u64 last)
{
	u32 segments = 0;

	if (first < mapping->text_end && last >= mapping->text)
		segments |= 1u << MSEALD_SEGMENT_TEXT;
	if (first < mapping->text || (last >= mapping->text_end && first < mapping->data))
		segments |= 1u << MSEALD_SEGMENT_RODATA;
	if (last >= mapping->data && first < mapping->relro_end)
		segments |= 1u << MSEALD_SEGMENT_RELRO;
	return segments;
}

__noinline int exec_name_object(u64 key, u32 place, struct mseald_event *event)
{
	struct mseald_start *start = start_at(start_find_inline(key));
	struct mseald_mapping *mapping;
	u32 segment = MSEALD_SEGMENT_RODATA;
	struct file *file;
	u64 page;

	if (!event)
		return 0;
	event->object = 0;
	__builtin_memset(event->file, 0, sizeof(event->file));
	if (!start)
		return 0;
	/* The ring position may have been reused. */
	mapping = mapping_of(&start->loading, place);
	page = ((event->address > event->seal_start ? event->address : event->seal_start) - mapping->start) >>
	       PAGE_SHIFT;
	if (page >= mapping->pages || !mapping->relro_end)
		return 0;
	if (page >= mapping->relro_end)
		segment = MSEALD_SEGMENT_DATA;
	else if (page >= mapping->data)
		segment = MSEALD_SEGMENT_RELRO;
	if (page >= mapping->text && page < mapping->text_end)
		segment = MSEALD_SEGMENT_TEXT;
	if (event->segment == MSEALD_SEGMENT_NONE) {
		u64 last = page + ((event->length - 1) >> PAGE_SHIFT);

		event->segment = segment;
		/* mremap has a second range. */
		if (event->address >= event->seal_start &&
		    event->address + event->length <= event->seal_end && segment != MSEALD_SEGMENT_DATA &&
		    event->op != MSEALD_OP_MREMAP)
			event->segments = segments_of(mapping, page, last);
	}
	/*
	 * The process may be gone when the daemon reads the event. The file exists while the object is
	 * mapped; after an unmap its address may belong to another file.
	 */
	file = (struct file *)mapping->file;
	if ((u32)(u64)BPF_CORE_READ(file, f_inode) != mapping->inode)
		return 0;
	event->object = mapping->start;
	bpf_probe_read_kernel_str(event->file, sizeof(event->file),
				  BPF_CORE_READ(file, f_path.dentry, d_name.name));
	return 0;
}
