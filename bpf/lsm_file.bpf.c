// SPDX-License-Identifier: GPL-2.0-only
/*
 * Row 14: writes to the file behind a sealed private mapping, which change the memory without touching the
 * mapping. Denied to the process that has the file sealed; with a file-write seal (map `files`), to every
 * process. All hooks are in 6.1, 6.12 and 7.3.
 *
 * Attached while any seal is on a file (NEED_FILES in user/daemon/bpf/coverage.h):
 *
 *   lsm/file_open        every open for writing or with O_TRUNC. The kernel counts the writer before it
 *                        calls the hook (fs/open.c, do_dentry_open), so i_writecount shows a writer that
 *                        was allowed before the seal
 *   lsm/inode_setattr    truncate, ftruncate, O_TRUNC: all call notify_change (fs/attr.c), and so does
 *                        overlayfs for the file below
 *   lsm/file_receive     a writable descriptor, received from a process that may have it
 *
 * Attached only while some sealed file may have been open for writing before the seal (MSEALD_SEAL_WRITTEN,
 * NEED_WRITERS), because these hooks run on all writes:
 *
 *   lsm/file_permission  write, splice, copy_file_range, io_uring, aio: rw_verify_area
 *                        (fs/read_write.c); fallocate, and so MADV_REMOVE (fs/open.c); reflinks
 *                        (fs/remap_range.c)
 *   lsm/mmap_file        mapping it shared and writable; by a writable descriptor, also shared and read-only
 *                        where userfaultfd can put pages into such a mapping
 *   lsm/file_mprotect    making such a mapping writable
 */
#include "file.h"
#include "syscall.h"
#include "verdict.h"

#define ATTEMPT_WRITE(deny_mask) ATTEMPT(MSEALD_OP_FILE_WRITE, deny_mask, REACTION_DENY)

struct file_search {
	struct mseald_inode inode;
	u32 set, first; /* the set's first node of files */
	u32 seal;	/* found: index of the seal in the set */
	bool found, unreadable;
};

/* Index of the last slot with this file. Global and free of branches: the verifier checks it once. */
__noinline u32 lsm_find_unsorted(const struct mseald_file_node *node, u64 order)
{
	u64 slot = 0;

	if (!node)
		return 0;
#pragma clang loop unroll(disable)
	for (u64 i = 0; i < MSEALD_FANOUT; i++)
		slot += (i - slot) & (s64)((node->order[i] ^ order) - 1) >> 63;
	return slot;
}

/*
 * May anybody hold the lock of the tree of mappings? With PREEMPT_RT the lock has no count. A function of its
 * own: else clang reads the offset of the count before it is known to exist.
 */
__noinline bool lsm_mappings_locked(u64 address)
{
	struct address_space___writable *mapping = (void *)address;

	if (!bpf_core_field_exists(mapping->i_mmap_rwsem.count))
		return true;
	return BPF_CORE_READ(mapping, i_mmap_rwsem.count.counter);
}

/*
 * A seal is on a mapping. Without one, this is a later inode: the daemon has not removed the seal yet. The
 * kernel takes mappings out of the tree while it moves their ends, with the lock held (mm/vma.c,
 * vma_prepare). So an empty tree counts only if the lock was free after that, each of several times.
 */
__noinline bool lsm_is_mapped(u64 address)
{
	struct address_space___writable *mapping = BPF_CORE_READ((struct inode___file *)address, i_mapping);

#pragma clang loop unroll(disable)
	for (int i = 0; i < 16; i++)
		if (BPF_CORE_READ(mapping, i_mmap.rb_root.rb_node) || lsm_mappings_locked((u64)mapping))
			return true;
	return false;
}

static long search_node(u32 index, struct file_search *search)
{
	struct mseald_file_node *node;
	u32 set = search->set, at = search->first + index, slot;
	u64 order = MSEALD_INODE_ORDER(search->inode.address);
	void *seals = bpf_map_lookup_elem(&sets, &set);

	node = seals ? bpf_map_lookup_elem(seals, &at) : NULL;
	if (!node) {
		search->unreadable = true;
		return 1;
	}
	slot = is_pooled(set) ? lsm_find_unsorted(node, order) :
				(find_start(node->order, order) - node->order);
	slot &= MSEALD_FANOUT - 1;
	if (node->order[slot] != order)
		return node->order[slot] > order;
	search->found = node->number[slot] == search->inode.number && lsm_is_mapped(search->inode.address);
	search->seal = node->seal[slot];
	return 1;
}

enum own { OWN_NOT, OWN_LET, OWN_REFUSED };

/* Has this address space sealed the file, and may it write? */
static __noinline int judge_own(u64 key, u32 set, const struct mseald_inode *inode)
{
	struct file_search search = { .set = set };
	struct mseald_node *node;
	u32 at = 0, level;
	void *seals;

	seals = bpf_map_lookup_elem(&sets, &set);
	node = seals ? bpf_map_lookup_elem(seals, &at) : NULL;
	if (!node)
		return OWN_REFUSED;
	if (!node->files)
		return OWN_NOT;
	level = node->depth == 0 ? MSEALD_LEVEL_0 : node->depth == 1 ? MSEALD_LEVEL_1 : MSEALD_LEVEL_2;
	search.inode = *inode;
	search.first = level + (node->count + MSEALD_FANOUT - 1) / MSEALD_FANOUT;
	bpf_loop((node->files + MSEALD_FANOUT - 1) / MSEALD_FANOUT, search_node, &search, 0);
	if (search.unreadable)
		return OWN_REFUSED;
	if (!search.found)
		return OWN_NOT;
	at = level + search.seal / MSEALD_FANOUT;
	node = bpf_map_lookup_elem(seals, &at);
	if (!node)
		return OWN_REFUSED;
	level = search.seal & (MSEALD_FANOUT - 1);
	return verdict_in(key, node->start[level], node->end[level], set, ATTEMPT_WRITE(MSEALD_DENY_FILE)) ?
		       OWN_REFUSED :
		       OWN_LET;
}

/* judge_write(), global: the verifier checks it once for all calls of a program. */
__noinline int lsm_judge_write(u64 address, bool anybody)
{
	u64 key = space_key(bpf_get_current_task_btf()->mm);
	bool for_all = anybody && *(volatile u32 *)&state.files;
	struct mseald_inode inode = { .address = address };
	struct mseald_file_seals *seals;
	int own = OWN_NOT;
	u32 set;

	if (likely(space_unsealed(key) && !for_all))
		return 0;
	inode.number = BPF_CORE_READ((struct inode *)address, i_ino);
	set = current_set(key);
	if (set)
		own = judge_own(key, set, &inode);
	set_let_go(set);
	if (own == OWN_REFUSED)
		return -EPERM;
	seals = for_all ? bpf_map_lookup_elem(&files, &inode) : NULL;
	/* The caller's own seal has already reported an audited write. */
	if (!seals || (own == OWN_LET && !seals->denying) || !lsm_is_mapped(address))
		return 0;
	return verdict_on_file(seals, ATTEMPT_WRITE(MSEALD_DENY_FILE_WRITE)) ? -EPERM : 0;
}

/*
 * Returns -EPERM if a seal keeps the current task from writing the file. address: of the file's inode.
 * anybody: also apply seals that keep every process from writing it (map `files`).
 */
static __always_inline int judge_write(u64 address, bool anybody)
{
	return lsm_judge_write(address, anybody) ? -EPERM : 0;
}

SEC("lsm/file_open")
int BPF_PROG(mseald_file_open, struct file *file)
{
	if (likely(!(file->f_mode & FMODE_WRITE)) && likely(!(file->f_flags & O_TRUNC)))
		return 0;
	return judge_write((u64)BPF_CORE_READ(file, f_inode), true);
}

/*
 * The hook has two arguments in 6.1, three in 6.12 and 7.3 (include/linux/lsm_hook_defs.h); the daemon finds
 * out by BTF. They are read from the context, so that the verifier knows each of them by its type.
 */
SEC("lsm/inode_setattr")
int mseald_inode_setattr(unsigned long long *ctx)
{
	struct dentry *dentry;
	struct iattr *attr;

	/* In C, the compiler merges both loads into one, at an offset that the verifier does not know. */
	if (setattr_has_idmap) {
		asm volatile("%0 = *(u64 *)(%2 + 8); %1 = *(u64 *)(%2 + 16)"
			     : "=&r"(dentry), "=&r"(attr)
			     : "r"(ctx));
	} else {
		asm volatile("%0 = *(u64 *)(%2 + 0); %1 = *(u64 *)(%2 + 8)"
			     : "=&r"(dentry), "=&r"(attr)
			     : "r"(ctx));
	}
	if (likely(!(BPF_CORE_READ(attr, ia_valid) & ATTR_SIZE)))
		return 0;
	return judge_write((u64)BPF_CORE_READ(dentry, d_inode), true);
}

/*
 * Judges the inode that holds a file's contents. On overlayfs it belongs to the file below, which is the
 * private data of the file (6.1 to 6.12) or the first member of the private data (7.3: fs/overlayfs/file.c,
 * struct ovl_file). Both are tried: read as the wrong kind, the pointer leads to no sealed inode.
 */
static __noinline int judge_contents(struct file *file, bool anybody)
{
	struct file *below;
	int r = judge_write((u64)BPF_CORE_READ(file, f_inode), anybody);

	if (r || likely(BPF_CORE_READ(file, f_inode, i_sb, s_magic) != OVERLAYFS_SUPER_MAGIC))
		return r;
	below = BPF_CORE_READ(file, private_data);
	r = judge_write((u64)BPF_CORE_READ(below, f_inode), anybody);
	if (r)
		return r;
	bpf_probe_read_kernel(&below, sizeof(below), below);
	return judge_write((u64)BPF_CORE_READ(below, f_inode), anybody);
}

SEC("lsm/file_receive")
int BPF_PROG(mseald_file_receive, struct file *file)
{
	if (likely(!(file->f_mode & FMODE_WRITE)))
		return 0;
	return judge_contents(file, false);
}

/* --- while some sealed file may be open for writing --- */

SEC("lsm/file_permission")
int BPF_PROG(mseald_file_write, struct file *file, int mask)
{
	if (likely(!(mask & MAY_WRITE)))
		return 0;
	/* overlayfs also calls the hook for the file below, but not when it splices (fs/overlayfs/file.c). */
	return judge_contents(file, true);
}

SEC("lsm/mmap_file")
int BPF_PROG(mseald_file_map, struct file *file, unsigned long reqprot, unsigned long prot,
	     unsigned long flags)
{
	u32 type = flags & MAP_TYPE;

	if (likely(type != MAP_SHARED && type != MAP_SHARED_VALIDATE))
		return 0;
	/* The verifier of 7.0 and later requires this test; older ones drop it, and reading NULL gives 0. */
	if (!file)
		return 0;
	if (!(prot & PROT_WRITE) &&
	    (likely(!(file->f_mode & FMODE_WRITE)) || !file_is_memory((struct inode___file *)file->f_inode)))
		return 0;
	return judge_contents(file, true);
}

SEC("lsm/file_mprotect")
int BPF_PROG(mseald_file_unprotect, struct vm_area_struct *vma, unsigned long reqprot, unsigned long prot)
{
	if (likely(!(prot & PROT_WRITE)) || likely(!(vma->vm_flags & VM_SHARED)))
		return 0;
	return judge_write((u64)BPF_CORE_READ(vma, vm_file, f_inode), true);
}
