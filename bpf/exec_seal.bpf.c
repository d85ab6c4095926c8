// SPDX-License-Identifier: GPL-2.0-only
/*
 * Seals a program as it starts: each object in the moment in which its loader makes its RELRO read-only,
 * before any code of it runs (docs/design.md, Sealing at the start). What the policy wants is known since the
 * exec (exec_match.bpf.c).
 *
 * Where an object begins: of a library, where the loader mapped its file (lsm/mmap_addr; glibc
 * elf/dl-map-segments.h, musl ldso/dynlink.c: one mapping of all of it, then its segments into that). Of the
 * program and its loader, which the kernel maps (fs/binfmt_elf.c), the auxiliary vector says it, and their
 * program headers in memory what belongs to them: nobody has had the time to change these.
 *
 * No hooks: global functions, which lsm_mm.bpf.c calls.
 */
#include "bits.h"
#include "exec_seal.h"
#include "seal_tree.h"

/* Nothing more of it is to be sealed as it is loaded. */
static __always_inline bool is_over(const struct mseald_loading *loading)
{
	return loading->flags & MSEALD_LOADING_DONE &&
	       !(loading->wanted & (MSEALD_POLICY_LATE | MSEALD_POLICY_REPORT));
}

/* --- what is mapped where --- */

/* The newest mapping that holds this address: its place + 1; 0: none. */
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

/* One more piece of the object in hand; those before lie below. */
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

/* Those of a library, whose segments lie close. */
static __always_inline void add_library(struct mseald_loading *loading, u32 at)
{
	u64 start = loading->start[at], text = start + ((u64)loading->first_page[at] << PAGE_SHIFT);
	u64 text_end = start + ((u64)loading->end_page[at] << PAGE_SHIFT);

	loading->text = text;
	loading->text_end = text_end;
	add_piece(loading, start, text, MSEALD_SEGMENT_RODATA);
	add_piece(loading, text, text_end, MSEALD_SEGMENT_TEXT);
	add_piece(loading, text_end, loading->relro, MSEALD_SEGMENT_RODATA);
	add_piece(loading, loading->relro, loading->relro_end, MSEALD_SEGMENT_RELRO);
	add_piece(loading, loading->relro_end, start + loading->length[at], MSEALD_SEGMENT_DATA);
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

/* The pieces of an ELF object that begins at this page. 1: the RELRO in hand is its own. */
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

/* --- where the seals go --- */

static __always_inline struct mseald_node *node_of(u32 set, u32 at)
{
	void *seals = bpf_map_lookup_elem(&sets, &set);

	return seals ? bpf_map_lookup_elem(seals, &at) : NULL;
}

/* A set that nobody has, of 64 of them; 0: there is none. */
__noinline u32 pool_take_one(u32 at)
{
	u64 seen, bit;

	at %= MSEALD_POOL_SETS / 64;
	seen = *(volatile u64 *)&state.pool_free[at];
	if (!seen)
		return 0;
	bit = 1ULL << lowest_bit(seen);
	return __sync_fetch_and_and(&state.pool_free[at], ~bit) & bit ?
		       MSEALD_POOL_FIRST + at * 64 + lowest_bit(seen) :
		       0;
}

static __always_inline u32 pool_take(void)
{
	u32 first = bpf_get_smp_processor_id(), set = 0;

	for (u32 i = 0; !set && i < 2 * MSEALD_POOL_SETS / 64; i++)
		set = pool_take_one(first + i);
	return set;
}

/* Puts one array of a node together: what the old one has below and above the new slots. */
#define OPEN_UP(new, old, array, place, more, rest) \
	do { \
		bpf_probe_read_kernel((new)->array, (place) * sizeof((new)->array[0]), (old)->array); \
		bpf_probe_read_kernel(&(new)->array[(place) + (more)], (rest) * sizeof((new)->array[0]), \
				      &(old)->array[place]); \
	} while (0)

/*
 * Narrows the gap by what is new at [start, end). Most new mappings go below the libraries, so the gap above
 * the program is kept, and of the libraries that below.
 */
static __always_inline void narrow_gap(struct mseald_node *new, bool first, u64 start, u64 end)
{
	u64 above;

	if (first) {
		new->gap_start = start >= MSEALD_WIDE_GAP ? 0 : end;
		new->gap_end = start >= MSEALD_WIDE_GAP ? start : MSEALD_NO_START;
		return;
	}
	if (end <= new->gap_start || start >= new->gap_end)
		return;
	above = new->gap_end > end ? new->gap_end - end : 0;
	if (above >= MSEALD_WIDE_GAP)
		new->gap_start = end;
	else
		new->gap_end = start;
}

/*
 * The set new gets what old has and the pieces in hand, which nothing of old lies between. 0, or an
 * enum mseald_left + 1. Without branches on data: the verifier of 6.12 gives up after a million steps.
 */
__noinline int fill_set(u32 new_set, u32 old_set, struct mseald_loading *loading)
{
	struct mseald_node *new = node_of(new_set, 0), *old = node_of(old_set, 0);
	struct mseald_file_node *files = (void *)node_of(new_set, 1);
	struct mseald_file_node *old_files = (void *)node_of(old_set, 1);
	u64 start, end, place = 0, more, rest, above;

	if (!loading || !new || !old || !files || !old_files)
		return MSEALD_LEFT_CHANGED + 1;
	more = loading->pieces;
	if (!more || more > MSEALD_LOADING_PIECES || old->count + more > MSEALD_FANOUT)
		return MSEALD_LEFT_FULL + 1;
	start = loading->piece[0];
	end = loading->piece_end[(more - 1) & MSEALD_LOADING_PIECES];
#pragma clang loop unroll(disable)
	for (u32 i = 0; i < MSEALD_FANOUT; i++)
		place += (old->start[i] - start - 1) >> 63;
	if (place >= MSEALD_FANOUT)
		return MSEALD_LEFT_FULL + 1;
	if (old->start[place] < end || (place && old->end[place - 1] > start))
		return MSEALD_LEFT_CHANGED + 1;
	rest = MSEALD_FANOUT - place - more;
	above = old->count - place;
	if (rest > MSEALD_FANOUT || above > MSEALD_FANOUT)
		return MSEALD_LEFT_FULL + 1;
	/* What is known by now; or the verifier of 6.1 does not know it. */
	asm volatile("%0 &= 31; %1 &= 7; %2 &= 31; %3 &= 31"
		     : "+r"(place), "+r"(more), "+r"(rest), "+r"(above));
	/* These two are searched as a whole, so unused slots must say so. */
	OPEN_UP(new, old, start, place, more, rest);
	OPEN_UP(files, old_files, order, place, more, rest);
	OPEN_UP(new, old, end, place, more, above);
	OPEN_UP(new, old, rule, place, more, above);
	OPEN_UP(new, old, hits, place, more, above);
	OPEN_UP(files, old_files, number, place, more, above);
	OPEN_UP(files, old_files, generation, place, more, above);
	new->deny = old->deny;
	new->gap_start = old->gap_start;
	new->gap_end = old->gap_end;
	for (u32 i = 0; i < MSEALD_LOADING_PIECES; i++) {
		u64 at = place + i, rule = loading->piece_rule[i];
		u64 deny = rule | rule >> MSEALD_RULE_REVOCABLE_SHIFT;
		u64 segment = rule >> MSEALD_RULE_SEGMENT_SHIFT & 0xff;
		bool has_file = loading->file.address && segment != MSEALD_SEGMENT_DATA &&
				segment != MSEALD_SEGMENT_VDSO;

		if (i >= more)
			break;
		deny |= deny >> 8 | deny >> 16;
		new->deny |= deny & MSEALD_DENY_ALL;
		has_file &= (deny & MSEALD_DENY_FILE) != 0;
		new->start[at] = loading->piece[i];
		new->end[at] = loading->piece_end[i];
		new->rule[at] = rule;
		new->hits[at] = 0;
		files->order[at] = has_file ? MSEALD_INODE_ORDER(loading->file.address) : MSEALD_NO_START;
		files->number[at] = loading->file.number;
		files->generation[at] = loading->file.generation;
	}
	narrow_gap(new, !old->count, start, end);
	new->count = old->count + more;
	new->files = new->count;
	new->label = loading->label;
	return 0;
}

/* The address space gets the set, which is referred to once. 0, or an enum mseald_left + 1. */
static __always_inline int give_set(u64 key, struct mseald_space *space, u32 old_set, u32 set, u32 flags)
{
	struct task_struct *task = bpf_get_current_task_btf();
	u64 old;
	u32 account;

	if (space) {
		old = space_swap(space, key, set, old_set);
		if (!old)
			return MSEALD_LEFT_CHANGED + 1;
		space_replaced(key, old, set);
		return 0;
	}
	account = account_of(task);
	if (!space_reserve(&account, false))
		return MSEALD_LEFT_FULL + 1;
	if (!space_insert(key, set, account, flags & MSEALD_LOADING_HUGETLB ? MSEALD_SPACE_HUGETLB : 0))
		return 0;
	space_unreserve(account);
	return MSEALD_LEFT_CHANGED + 1;
}

/* Seals the pieces in hand. 0, or an enum mseald_left + 1. */
__noinline int seal_pieces(u64 key, struct mseald_loading *loading)
{
	struct mseald_space *space = bpf_map_lookup_elem(&spaces, &key);
	u32 old_set = space ? MSEALD_WORD_SET(*(volatile u64 *)&space->word) : 0, set;
	u64 *count;
	int left;

	if (!loading)
		return 0;
	if (old_set && !is_pooled(old_set))
		return MSEALD_LEFT_CHANGED + 1;
	set = pool_take();
	count = set ? bpf_map_lookup_elem(&refs, &set) : NULL;
	if (!count)
		return MSEALD_LEFT_POOL + 1;
	/* No entry says that set yet, so nobody reads it. The first of the pool is never given, and empty. */
	__sync_fetch_and_add(count, 1);
	left = fill_set(set, old_set ? old_set : MSEALD_POOL_FIRST, loading);
	if (!left)
		left = give_set(key, space, old_set, set, loading->flags);
	if (left)
		(void)set_put_called(set);
	return left;
}

/* Sealed (0) or left (enum mseald_left + 1), it is counted; what is left is for the daemon. */
__noinline int count_object(u64 key, struct mseald_loading *loading, u64 left)
{
	if (!loading)
		return 0;
	if (!left) {
		__sync_fetch_and_add(&state.objects, 1);
		return 0;
	}
	left--;
	asm volatile("" : "+r"(left));
	if (left < MSEALD_LEFT_COUNT)
		__sync_fetch_and_add(&state.left[left], 1);
	__sync_fetch_and_or(&loading->flags, MSEALD_LOADING_LEFT);
	return send_relro_event(key, bpf_get_current_pid_tgid() >> 32, 0);
}

/*
 * Seals the last object of the start, and the kernel's own code in the program (vdso(7)) with it: it lies
 * above, and most often nothing that is sealed between.
 */
static __always_inline int seal_last(u64 key, struct mseald_loading *loading)
{
	u64 start = 0, end = 0;
	u32 pieces = loading->pieces;
	int left;

	mm_vdso(bpf_get_current_task_btf()->mm, &start, &end);
	if (start > loading->relro)
		add_piece(loading, start, end, MSEALD_SEGMENT_VDSO);
	left = seal_pieces(key, loading);
	if (left != MSEALD_LEFT_CHANGED + 1 || loading->pieces == pieces)
		return left;
	loading->pieces = pieces;
	return seal_pieces(key, loading);
}

/* --- which segment an attempt is on --- */

/* The object in hand is sealed. */
static __always_inline void note_object(struct mseald_loading *loading)
{
	u32 at = loading->objects, last = loading->pieces - 1;
	struct mseald_object *object;
	u64 start, end;

	if (at >= MSEALD_LOADING_OBJECTS || last >= MSEALD_LOADING_PIECES)
		return;
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
	loading->objects = at + 1;
}

__noinline u32 segment_at(u64 key, u64 address)
{
	struct mseald_loading *entry = bpf_map_lookup_elem(&loading, &key);
	struct mseald_object *object;
	u64 page;

	if (!entry)
		return MSEALD_SEGMENT_NONE;
#pragma clang loop unroll(disable)
	for (u32 i = 0; i < MSEALD_LOADING_OBJECTS; i++) {
		object = &entry->object[i];
		page = (address - object->start) >> PAGE_SHIFT;
		if (page >= object->pages)
			continue;
		return page >= object->text && page < object->text_end	 ? MSEALD_SEGMENT_TEXT :
		       page >= object->relro && page < object->relro_end ? MSEALD_SEGMENT_RELRO :
		       page >= object->relro_end			 ? MSEALD_SEGMENT_DATA :
									   MSEALD_SEGMENT_RODATA;
	}
	return MSEALD_SEGMENT_NONE;
}

/* --- the moment --- */

/* The RELRO of an object is made read-only: relro to relro_end, of this file. */
__noinline int seal_object(u64 key, struct mseald_loading *loading)
{
	struct task_struct *task = bpf_get_current_task_btf();
	u32 at, flags;
	bool program = false, loader = false, late;
	int left;

	if (!loading)
		return 0;
	(void)know_kernels(loading);
	flags = loading->flags;
	loading->pieces = 0;
	at = mapping_at(loading, loading->relro);
	if (!at) {
		loader = add_elf(loading, loading->loader);
		program = !loader && add_elf(loading, loading->program);
		if (!program && !loader) {
			loading->pieces = 0;
			count_object(key, loading, MSEALD_LEFT_OBJECT + 1);
			return 0;
		}
	}
	/* glibc (elf/rtld.c): libraries, program, loader; musl (ldso/dynlink.c): libraries, program. */
	late = flags & MSEALD_LOADING_DONE || (flags & MSEALD_LOADING_PROGRAM && !loader);
	if (loader || (program && !loading->loader))
		loading->flags |= MSEALD_LOADING_DONE;
	if (program)
		loading->flags |= MSEALD_LOADING_PROGRAM;
	if (late && !(loading->wanted & MSEALD_POLICY_LATE)) {
		if (loading->wanted & MSEALD_POLICY_REPORT) {
			__sync_fetch_and_or(&loading->flags, MSEALD_LOADING_LEFT);
			(void)send_relro_event(key, task->tgid, loading->relro);
		}
		return 0;
	}
	if (loading->wanted & MSEALD_POLICY_NOT_32 && task_in_compat(task)) {
		(void)send_relro_event(key, task->tgid, 0);
		return 0;
	}
	if (loading->written) {
		count_object(key, loading, MSEALD_LEFT_WRITTEN + 1);
		return 0;
	}
	if (at) {
		at = (at - 1) % MSEALD_LOADING_MAPPINGS;
		/*
		 * A data file that is mapped and made read-only has no executable segment. And a loader makes
		 * others than the data writable for a while, to relocate them (DT_TEXTREL).
		 */
		if (!loading->end_page[at] || !loading->data_page[at] ||
		    loading->relro < loading->start[at] + ((u64)loading->data_page[at] << PAGE_SHIFT))
			return 0;
		add_library(loading, at);
	}
	if (!loading->pieces)
		return 0;
	left = !late && loading->flags & MSEALD_LOADING_DONE ? seal_last(key, loading) :
							      seal_pieces(key, loading);
	if (!left)
		note_object(loading);
	return count_object(key, loading, left);
}

/* The range of the mprotect() in hand; false: the task is in another call. */
static __always_inline bool call_range(u64 *ret_start, u64 *ret_end)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct call_site site = call_site_of(task);

	if (site.call != CALL_MPROTECT)
		return false;
	*ret_start = untagged(task->mm, call_arg(&site, 0));
	*ret_end = (*ret_start + call_arg(&site, 1) + MSEALD_PAGE - 1) & ~(MSEALD_PAGE - 1);
	return true;
}

__noinline bool is_relro_again(u64 key, u64 prot)
{
	struct mseald_loading *entry = bpf_map_lookup_elem(&loading, &key);
	u64 start, end;

	return entry && prot == PROT_READ && call_range(&start, &end) && start == entry->relro &&
	       end == entry->relro_end;
}

/*
 * An mprotect() that takes the right to write from part of a mapped file: that may be the loader, which is
 * done with an object (PT_GNU_RELRO). Called for each mapping of the call (mm/mprotect.c); it counts at the
 * last of them, and only if the first is a private file that was writable.
 */
__noinline int watch_relro(u64 key, const struct relro *relro)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct mseald_loading *entry = bpf_map_lookup_elem(&loading, &key);
	const u64 writable = VM_WRITE | VM_ACCOUNT;
	u64 start, end;

	if (!relro)
		return 0;
	if (!entry) {
		if (relro->file.address)
			(void)send_relro_event(key, task->tgid, relro->start);
		return 0;
	}
	if (is_over(entry) || !call_range(&start, &end))
		return 0;
	if (entry->spans != start) {
		if (!relro->file.address || (relro->flags & (writable | VM_SHARED)) != writable)
			return 0;
		entry->file = relro->file;
		entry->written = relro->written;
	}
	entry->spans = relro->end < end ? start : 0;
	if (entry->spans)
		return 0;
	entry->relro = start;
	entry->relro_end = end;
	return seal_object(key, entry);
}
