// SPDX-License-Identifier: GPL-2.0-only
/*
 * LSM hooks of the calls that change mappings. Their denials cannot be bypassed: LSM programs have no
 * recursion guard that a preempted program could leave open, and the hooks run before the kernel changes
 * anything.
 *
 *   lsm/file_mprotect  mprotect, pkey_mprotect: once per VMA, under mmap_lock. The first run judges the
 *                      whole range of the call. Also: a loader makes RELRO read-only
 *   lsm/mmap_file      mmap(MAP_FIXED) before mmap_lock is taken; the 32-bit calls whose range is in
 *                      user memory; mappings that grow by themselves; mappings of huge pages
 *   lsm/mmap_addr      every address that a new or grown mapping gets, under mmap_lock: MAP_FIXED
 *                      again, remap_file_pages, shmat, brk and mremap growing. Also addresses that the
 *                      kernel chooses, so that no mapping is put where a sealed range was
 *   lsm/shm_shmat      shmat: the only hook that knows the length
 *   lsm/task_prctl     PR_SET_MM, which moves the break that brk() shrinks from
 *
 * Order in the kernel (mm/util.c, mm/mmap.c, mm/mprotect.c, ipc/shm.c of 6.1, 6.12, 7.3): mmap_file,
 * mmap_lock, mmap_addr, then the unmapping of the old mapping. mremap(MREMAP_FIXED) is the exception: it
 * unmaps before the hook.
 */
#include "syscall.h"
#include "file.h"
#include "hugetlb.h"
#include "exec_seal.h"
#include "verdict.h"

static __always_inline u64 round_up_to(u64 length, u32 shift)
{
	u64 mask = (1ULL << (shift & 63)) - 1;

	return length > MSEALD_ADDRESS_LIMIT ? length : (length + mask) & ~mask;
}

/* Ordinary anonymous memory has no file; anonymous memory by MAP_HUGETLB has one. */
static __always_inline bool has_file(u64 flags)
{
	return (flags & (MAP_HUGETLB | MAP_ANONYMOUS)) != MAP_ANONYMOUS;
}

struct file___operations {
	const void *f_op;
} __attribute__((preserve_access_index));

/*
 * A hugetlb file is known by its operations, as in the kernel (include/linux/hugetlb.h, is_file_hugepages).
 * The operations of the last other file are remembered. NULL, as for memory that has no file, reads as 0. The
 * verifier of 7.0 and later requires the test; older ones drop it.
 */
static __always_inline bool is_hugetlb(const struct file *file)
{
	const struct file___operations *ops = (const void *)file;
	u64 operations = file ? (u64)ops->f_op : 0;

	if (!operations || operations == *(volatile u64 *)&state.other_files)
		return false;
	if (BPF_CORE_READ(file, f_inode, i_sb, s_magic) == HUGETLBFS_MAGIC)
		return true;
	*(volatile u64 *)&state.other_files = operations;
	return false;
}

/*
 * The length that mmap maps. A mapping of huge pages, even an anonymous one, has a file by now, and the block
 * of that file is the huge page (mm/mmap.c, ksys_mmap_pgoff).
 */
static __always_inline u64 mmap_length(const struct file *file, bool huge, u64 length)
{
	return huge ? round_up_to(length, BPF_CORE_READ(file, f_inode, i_blkbits)) : length;
}

/*
 * Every mapping of huge pages begins here, before mmap_lock is taken. From the first one on, other programs
 * round lengths up in this address space. The length of this call is noted for mmap_addr, which does not get
 * the file. False: this cannot be noted, so the call must fail.
 */
static __always_inline bool note_hugetlb(u64 key, const struct file *file, bool huge,
					 const struct call_site *site)
{
	u64 self, length;
	u32 set;

	if (huge) {
		/* Gives a child whose fork is still pending its entry. */
		set = current_set_finished(key);
		set_let_go(set);
		if (set && !space_mark_hugetlb(key))
			return false;
	} else if (!(space_flags(key) & MSEALD_SPACE_HUGETLB)) {
		return true;
	}
	if (site->call != CALL_MMAP)
		return true; /* shmat makes its own note; the other calls do not tell their length */
	self = bpf_get_current_task();
	length = mmap_length(file, huge, call_arg(site, 1));
	return bpf_map_update_elem(&notes, &self, &length, BPF_ANY) == 0;
}

/* Nonzero: the mprotect must fail. */
static __always_inline int judge_mprotect(struct task_struct *task, const struct mm_struct *mm, u64 key,
					  const struct vm_area_struct *vma, u64 prot)
{
	const u32 attempt = ATTEMPT(MSEALD_OP_MPROTECT, MSEALD_DENY_MPROTECT, REACTION_DENY);
	struct call_site site = call_site_of(task);
	u64 start, length;

	if (likely(site.call == CALL_MPROTECT)) {
		start = untagged(mm, call_arg(&site, 0));
		length = call_arg(&site, 1);
		if (unlikely(call_arg(&site, 2) & PROT_GROWSDOWN) && vma->vm_start < start) {
			length += start - vma->vm_start;
			start = vma->vm_start;
		}
	} else {
		start = vma->vm_start;
		length = vma->vm_end - start;
	}
	return verdict_on_inline(key, start, length, prot & PROT_EXEC ? attempt | ATTEMPT_EXEC : attempt);
}

SEC("lsm/file_mprotect")
int BPF_PROG(mseald_file_mprotect, struct vm_area_struct *vma, unsigned long reqprot, unsigned long prot)
{
	struct task_struct *task = bpf_get_current_task_btf();
	const struct mm_struct *mm = task->mm;
	u64 key = space_key(mm), use = space_use(key);

	if (likely(!use))
		return 0;
	if (unlikely(SPACE_MAY_BE_WATCHED(use)) && watch_mprotect(key, vma, reqprot, prot))
		return 0;
	return SPACE_MAY_BE_SEALED(use) && judge_mprotect(task, mm, key, vma, prot) ? -EPERM : 0;
}

/* A program that starts is about to map this file. */
static __always_inline void watch_file(u64 key, const struct file *file, bool huge, u64 prot)
{
	/* No object begins with its data. */
	struct mseald_loading *loading = prot & PROT_WRITE ? NULL : loading_of(key);

	if (loading)
		loading->inode = (u64)file->f_inode;
	/* The first seal copies this flag into the new entry. */
	if (space_unsealed(key) && huge)
		(void)exec_watch_hugetlb(key);
}

SEC("lsm/mmap_file")
int BPF_PROG(mseald_mmap_file, struct file *file, unsigned long reqprot, unsigned long prot,
	     unsigned long flags)
{
	const u32 attempt = ATTEMPT(MSEALD_OP_MMAP, MSEALD_DENY_UNMAP, REACTION_DENY);
	struct task_struct *task;
	struct call_site site;
	u64 key, use;
	bool huge;

	if (likely(!(flags & (MAP_FIXED | MAP_FIXED_NOREPLACE | MAP_GROWSDOWN)) && !has_file(flags)))
		return 0;
	task = bpf_get_current_task_btf();
	key = space_key(task->mm);
	use = space_use(key);
	if (likely(!use))
		return 0;
	huge = is_hugetlb(file);
	if (unlikely(SPACE_MAY_BE_WATCHED(use)) && file)
		watch_file(key, file, huge, prot);
	if (!SPACE_MAY_BE_SEALED(use))
		return 0;
	/* Such a mapping grows by page faults, without a hook, into any free memory below it. */
	if (unlikely(flags & MAP_GROWSDOWN))
		return verdict_on(key, 0, MSEALD_ADDRESS_LIMIT, attempt | ATTEMPT_GROWS) ? -EPERM : 0;
	site = call_site_of(task);
	if (has_file(flags) && unlikely(!note_hugetlb(key, file, huge, &site)))
		return -EPERM;
	/* mmap_addr judges the other calls, when the address is known. */
	if (!(flags & (MAP_FIXED | MAP_FIXED_NOREPLACE)))
		return 0;
	switch (site.call) {
	case CALL_MMAP:
		if (!(flags & MAP_FIXED))
			return 0;
		return verdict_on(key, call_arg(&site, 0), mmap_length(file, huge, call_arg(&site, 1)),
				  attempt) ?
			       -EPERM :
			       0;
	case CALL_OLD_MMAP:
		/* The address is in user memory and may change until the kernel reads it: any seal denies. */
	case CALL_OTHER:
		/* 32-bit uselib(2), where a kernel has it, maps at addresses read from a file. */
		return verdict_on(key, 0, MSEALD_ADDRESS_LIMIT, attempt) ? -EPERM : 0;
	default:
		/* shm_shmat has judged shmat; mmap_addr will judge remap_file_pages. */
		return 0;
	}
}

/* The number of bytes that io_setup maps: fs/aio.c, aio_setup_ring and ioctx_alloc. */
static __always_inline u64 aio_ring_length(u64 events)
{
	u64 least = (u64)possible_cpus * 4;

	events = (u32)events;
	if (events < least)
		events = least;
	return 32 + 32 * (events * 2 + 2);
}

#define GROWTH_LOOKS 64 /* pages */

/* Is something mapped at the beginning of this range? Pages that are not in memory count as not mapped. */
static __always_inline bool is_used(u64 start, u64 end)
{
	u8 byte;

#pragma clang loop unroll(disable)
	for (u32 i = 0; i < GROWTH_LOOKS && start < end; i++) {
		if (bpf_probe_read_user(&byte, sizeof(byte), (const void *)start) == 0)
			return true;
		start += MSEALD_PAGE;
	}
	return false;
}

/*
 * mremap calls the hook with the target address, or with the VMA's own start when it grows in place. Growing
 * in place, the new part must be judged, too. The address distinguishes the cases, or else memory that is
 * mapped there: the kernel checks first, and never grows into used memory. When growing is denied, the kernel
 * moves the mapping or returns ENOMEM.
 */
static __always_inline int grows_into_hole(const struct mm_struct *mm, const struct call_site *site, u64 key,
					   u64 addr)
{
	u64 start = untagged(mm, call_arg(site, 0)), old = call_arg(site, 1), new = call_arg(site, 2);
	u64 seal;
	u32 set;

	if (addr > start || new <= old || new > MSEALD_ADDRESS_LIMIT)
		return 0;
	if (addr + new <= start) {
		set = current_set(key);
		seal = set ? seals_first(set, start + old, start + new) : 0;
		set_let_go(set);
		if (seal && is_used(seal, start + new))
			return 0;
	}
	return verdict_on(key, start + old, new - old,
			  ATTEMPT(MSEALD_OP_MAP_HOLE, MSEALD_DENY_UNMAP, REACTION_DENY));
}

/* Judges what the current call would map at addr. Nonzero: the call must fail. */
static __noinline int judge_address(const struct mm_struct *mm, u64 key, u64 addr)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct call_site site = call_site_of(task);
	/* Unless the caller named the address, a sealed range there means that its memory is gone. */
	u32 attempt = ATTEMPT(MSEALD_OP_MAP_HOLE, MSEALD_DENY_UNMAP, REACTION_DIE);
	const u32 refuse = ATTEMPT(MSEALD_OP_MAP_HOLE, MSEALD_DENY_UNMAP, REACTION_DENY);
	u64 length, flags, self = bpf_get_current_task(), *note;

	switch (site.call) {
	case CALL_MMAP:
		flags = call_arg(&site, 3);
		length = call_arg(&site, 1);
		if (has_file(flags) && unlikely(space_flags(key) & MSEALD_SPACE_HUGETLB)) {
			note = bpf_map_lookup_elem(&notes, &self);
			/* An earlier call's, if another thread's was the first with huge pages meanwhile. */
			length = !note		? round_up_to(length, HUGE_SHIFT_MAX) :
				 *note > length ? *note :
						  length;
		}
		if (flags & (MAP_FIXED | MAP_FIXED_NOREPLACE))
			attempt = ATTEMPT(MSEALD_OP_MMAP, MSEALD_DENY_UNMAP, REACTION_DENY) |
				  (flags & MAP_FIXED ? ATTEMPT_AGAIN : 0);
		break;
	case CALL_MREMAP:
		length = range_end(addr, call_arg(&site, 2)) - addr;
		if (call_arg(&site, 3) & MREMAP_FIXED) {
			/* All mappings that it moves go equally far. */
			u64 far = untagged(mm, call_arg(&site, 0)) ^ call_arg(&site, 4);

			if (unlikely(space_flags(key) & MSEALD_SPACE_HUGETLB))
				length = huge_end(addr, addr + length, addr | far) - addr;
			/* The gate let this call pass, and the target is unmapped by now. */
			attempt |= ATTEMPT_AGAIN;
			break;
		}
		if (verdict_on(key, addr, length, refuse))
			return 1;
		return grows_into_hole(mm, &site, key, addr);
	case CALL_BRK:
		length = call_arg(&site, 0) > addr ? call_arg(&site, 0) - addr : 0;
		attempt = refuse;
		break;
	case CALL_SHMAT:
	case CALL_IPC:
		note = bpf_map_lookup_elem(&notes, &self);
		length = note ? *note : MSEALD_ADDRESS_LIMIT - addr - 1;
		attempt = ATTEMPT(MSEALD_OP_SHMAT, MSEALD_DENY_UNMAP, REACTION_DENY) | ATTEMPT_AGAIN;
		break;
	case CALL_REMAP_FILE_PAGES:
		length = call_arg(&site, 1) & ~(MSEALD_PAGE - 1);
		attempt = ATTEMPT(MSEALD_OP_REMAP_FILE_PAGES, MSEALD_DENY_UNMAP, REACTION_DENY);
		break;
	case CALL_MAP_SHADOW_STACK: length = call_arg(&site, 1); break;
	case CALL_IO_SETUP: length = aio_ring_length(call_arg(&site, 0)); break;
	default: length = MSEALD_PAGE; break;
	}
	return verdict_on(key, addr, length, attempt);
}

static __always_inline void watch_mmap(const struct call_site *site, u64 key, u64 addr)
{
	if (site->call == CALL_MMAP && !(call_arg(site, 3) & MAP_ANONYMOUS))
		(void)exec_watch_mapping(key, addr);
}

SEC("lsm/mmap_addr")
int BPF_PROG(mseald_mmap_addr, unsigned long addr)
{
	struct task_struct *task = bpf_get_current_task_btf();
	const struct mm_struct *mm = task->mm;
	u64 key = space_key(mm), use = space_use(key);
	struct call_site site;

	if (likely(!SPACE_MAY_BE_SEALED(use))) {
		if (unlikely(use)) {
			site = call_site_of(task);
			watch_mmap(&site, key, addr);
		}
		return 0;
	}
	site = call_site_of(task);
	if (unlikely(SPACE_MAY_BE_WATCHED(use)))
		watch_mmap(&site, key, addr);
	/* Nearly every call is a 64-bit mmap far from any seal. */
	if (likely(site.call == CALL_MMAP && !site.compat) &&
	    likely(in_gap(key, addr, regs_arg(site.regs, false, 1))))
		return 0;
	return judge_address(mm, key, addr) ? -EPERM : 0;
}

SEC("lsm/shm_shmat")
int BPF_PROG(mseald_shm_shmat, struct kern_ipc_perm *perm, char *address, int flags)
{
	struct task_struct *task = bpf_get_current_task_btf();
	u64 key = own_key();
	struct shmid_kernel *segment;
	struct inode *inode;
	u64 self, length, boundary = flags & SHM_RND ? shm_boundary(task) : MSEALD_PAGE;

	segment = container_of(perm, struct shmid_kernel, shm_perm);
	inode = BPF_CORE_READ(segment, shm_file, f_inode);
	/* The file may have another size than the segment: on huge pages, or after ftruncate. */
	length = BPF_CORE_READ(inode, i_size);
	/* Descriptors of /proc/PID/map_files could change the size until the kernel reads it. */
	if (flags & SHM_REMAP && BPF_CORE_READ((struct inode___file *)inode, i_writecount.counter) > 0)
		length = MSEALD_ADDRESS_LIMIT;
	self = bpf_get_current_task();
	/* Else the note of an earlier call would count, even if nothing is sealed before mmap_addr. */
	if (bpf_map_update_elem(&notes, &self, &length, BPF_ANY))
		return space_unsealed(key) ? 0 : -EPERM;
	/* Without SHM_REMAP the kernel refuses a mapped range, and mmap_addr judges the rest. */
	if (!(flags & SHM_REMAP) || space_unsealed(key))
		return 0;
	return verdict_on(key, (u64)address & ~(boundary - 1), length,
			  ATTEMPT(MSEALD_OP_SHMAT, MSEALD_DENY_UNMAP, REACTION_DENY)) ?
		       -EPERM :
		       0;
}

SEC("lsm/task_prctl")
int BPF_PROG(mseald_task_prctl, int option, unsigned long what)
{
	u64 key;

	if (likely(option != PR_SET_MM))
		return 0;
	/* With CONFIG_COMPAT_BRK the break begins at the end of data (mm/mmap.c, brk). */
	if (what != PR_SET_MM_BRK && what != PR_SET_MM_START_BRK && what != PR_SET_MM_END_DATA &&
	    what != PR_SET_MM_MAP)
		return 0;
	key = own_key();
	if (likely(space_unsealed(key)))
		return 0;
	return verdict_on(key, 0, MSEALD_ADDRESS_LIMIT,
			  ATTEMPT(MSEALD_OP_PRCTL, MSEALD_DENY_UNMAP, REACTION_DENY)) ?
		       -EPERM :
		       0;
}
