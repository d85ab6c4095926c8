/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Seal sets. Adding merges two sorted lists (unite); all other operations go through one list.
 * sealset_codec.c turns a set into the static tree of mseald/shared.h and back.
 */
#include "lib/base/list.h"
#include "seal/sealset.h"

/* May two seals be joined? */
static bool same_rule(const struct seal *a, const struct seal *b)
{
	return memcmp(a->permanent, b->permanent, sizeof(a->permanent)) == 0 &&
	       memcmp(a->revocable, b->revocable, sizeof(a->revocable)) == 0 && a->segment == b->segment &&
	       a->flags == b->flags && memcmp(&a->file, &b->file, sizeof(a->file)) == 0;
}

/* The deny bits of all actions. */
static unsigned any_action(const uint8_t deny[MSEALD_ACTION_COUNT])
{
	unsigned all = 0;

	for (size_t i = 0; i < MSEALD_ACTION_COUNT; i++)
		all |= deny[i];
	return all;
}

unsigned seal_deny_all(const struct seal *seal)
{
	return any_action(seal->permanent) | any_action(seal->revocable);
}

bool seal_valid(const struct seal *seal)
{
	unsigned deny = seal_deny_all(seal);

	return seal->start < seal->end && seal->start % page_size() == 0 && seal->end % page_size() == 0 &&
	       seal->end <= MSEALD_NO_START && deny != 0 && (deny & ~(unsigned)MSEALD_DENY_ALL) == 0 &&
	       seal->segment < MSEALD_SEGMENT_COUNT && (seal->flags & ~MSEALD_SEAL_FLAGS) == 0 &&
	       (!seal->file.address || deny & MSEALD_DENY_FILE);
}

static uint32_t add_hits(uint32_t a, uint32_t b)
{
	uint32_t sum;

	return __builtin_add_overflow(a, b, &sum) ? UINT32_MAX : sum;
}

/* Cuts [seal->start, at) off, and returns it. It takes the hits. */
static struct seal cut(struct seal *seal, uint64_t at)
{
	struct seal head = *seal;

	head.end = at;
	if (seal->flags & MSEALD_SEAL_SHM)
		seal->pgoff += (uint32_t)((at - seal->start) / page_size());
	seal->start = at;
	seal->hits = 0;
	return head;
}

/* Appends a piece to a list that has room, joined with the last piece if possible. */
static void append(struct seal *list, size_t *count, const struct seal *piece)
{
	struct seal *last = *count > 0 ? &list[*count - 1] : NULL;

	if (last && last->end == piece->start && same_rule(last, piece) &&
	    (!(last->flags & MSEALD_SEAL_SHM) ||
	     piece->pgoff == last->pgoff + (uint32_t)((last->end - last->start) / page_size()))) {
		last->end = piece->end;
		last->hits = add_hits(last->hits, piece->hits);
		return;
	}
	list[(*count)++] = *piece;
}

/* Unites the rules of two seals on the same range. */
static struct seal both(const struct seal *older, const struct seal *newer)
{
	struct seal seal = *older;

	for (size_t i = 0; i < MSEALD_ACTION_COUNT; i++) {
		seal.permanent[i] |= newer->permanent[i];
		seal.revocable[i] |= newer->revocable[i];
	}
	if (newer->segment != MSEALD_SEGMENT_NONE)
		seal.segment = newer->segment;
	if (newer->flags & MSEALD_SEAL_SHM)
		seal.pgoff = newer->pgoff;
	/* The memory may have changed since the older seal: these flags come from the newer. */
	seal.flags = (uint8_t)((older->flags & ~(MSEALD_SEAL_DONTFORK | MSEALD_SEAL_ANON)) | newer->flags);
	if (newer->file.address)
		seal.file = newer->file;
	seal.hits = add_hits(older->hits, newer->hits);
	return seal;
}

/* A list with room for all pieces that a union can have: each border of either list begins or ends one. */
static struct seal *united_list(size_t older, size_t newer)
{
	size_t max;

	if (__builtin_add_overflow(older, newer, &max) || __builtin_mul_overflow(max, 2u, &max))
		return NULL;
	return reallocarray(NULL, max, sizeof(struct seal));
}

/* Merges two sorted, disjoint lists into out, made by united_list(). Returns the count. */
static size_t unite(const struct seal *older, size_t older_count, const struct seal *newer,
		    size_t newer_count, struct seal *out)
{
	size_t i = 0, j = 0, count = 0;
	struct seal a = older_count > 0 ? older[0] : (struct seal){ 0 };
	struct seal b = newer_count > 0 ? newer[0] : (struct seal){ 0 };

	while (i < older_count || j < newer_count) {
		bool from_a = j == newer_count || (i < older_count && a.start < b.start);
		bool from_b = i == older_count || (j < newer_count && b.start < a.start);
		struct seal piece;

		if (from_a) {
			piece = cut(&a, j < newer_count ? MIN_OF(a.end, b.start) : a.end);
		} else if (from_b) {
			piece = cut(&b, i < older_count ? MIN_OF(b.end, a.start) : b.end);
		} else {
			uint64_t end = MIN_OF(a.end, b.end);
			struct seal head_a = cut(&a, end), head_b = cut(&b, end);

			piece = both(&head_a, &head_b);
		}
		append(out, &count, &piece);
		if (i < older_count && a.start == a.end && ++i < older_count)
			a = older[i];
		if (j < newer_count && b.start == b.end && ++j < newer_count)
			b = newer[j];
	}
	return count;
}

void sealset_free(struct sealset *set)
{
	if (!set)
		return;
	free(set->list);
	*set = (struct sealset){ 0 };
}

int sealset_copy(const struct sealset *from, struct sealset *ret)
{
	struct seal *list = from->count ? reallocarray(NULL, from->count, sizeof(*list)) : NULL;

	if (from->count && !list)
		return -ENOMEM;
	if (list)
		memcpy(list, from->list, from->count * sizeof(*list));
	*ret = (struct sealset){ .list = list, .count = from->count, .label = from->label };
	return 0;
}

/* A seal in its stored form: only System V segments keep pgoff. */
static struct seal normal(const struct seal *seal)
{
	struct seal copy = *seal;

	if (!(copy.flags & MSEALD_SEAL_SHM))
		copy.pgoff = 0;
	return copy;
}

/*
 * Sorts and unites seals[0..count): halves, quarters... in their order, so that of two overlapping seals the
 * later in the list is the newer. *ret_list is malloc'ed.
 */
static int unite_all(const struct seal *seals, size_t count, struct seal **ret_list, size_t *ret_count)
{
	_cleanup_free_ struct seal *older = NULL, *newer = NULL, *list = NULL;
	size_t older_count, newer_count;
	int r;

	if (count == 1) {
		list = malloc(sizeof(*list));
		if (!list)
			return -ENOMEM;
		*list = normal(seals);
		*ret_list = TAKE_PTR(list);
		*ret_count = 1;
		return 0;
	}
	r = unite_all(seals, count / 2, &older, &older_count);
	if (r == 0)
		r = unite_all(seals + count / 2, count - count / 2, &newer, &newer_count);
	if (r < 0)
		return r;
	list = united_list(older_count, newer_count);
	if (!list)
		return -ENOMEM;
	*ret_count = unite(older, older_count, newer, newer_count, list);
	*ret_list = TAKE_PTR(list);
	return 0;
}

int sealset_add_all(struct sealset *set, const struct seal *seals, size_t count)
{
	_cleanup_free_ struct seal *newer = NULL, *list = NULL;
	size_t newer_count;
	int r;

	for (size_t i = 0; i < count; i++) {
		if (!seal_valid(&seals[i]))
			return -EINVAL;
	}
	if (count == 0)
		return 0;
	r = unite_all(seals, count, &newer, &newer_count);
	if (r < 0)
		return r;
	list = united_list(set->count, newer_count);
	if (!list)
		return -ENOMEM;
	set->count = unite(set->list, set->count, newer, newer_count, list);
	free(set->list);
	set->list = TAKE_PTR(list);
	return 0;
}

int sealset_revoke(struct sealset *set, uint64_t start, uint64_t end, uint64_t *ret_bytes,
		   uint64_t *ret_permanent)
{
	uint64_t bytes = 0, permanent = 0;
	struct seal *pieces;
	size_t count = 0;
	unsigned deny;

	if (start >= end || start % page_size() != 0 || end % page_size() != 0)
		return -EINVAL;
	/* Two seals can be split, one at each border, or one at both. */
	pieces = reallocarray(NULL, set->count + 2, sizeof(*pieces));
	if (!pieces)
		return -ENOMEM;
	for (size_t i = 0; i < set->count; i++) {
		struct seal rest = set->list[i], piece;

		if (rest.start < start) {
			piece = cut(&rest, MIN_OF(start, rest.end));
			append(pieces, &count, &piece);
		}
		if (rest.start < rest.end && rest.start < end) {
			piece = cut(&rest, MIN_OF(end, rest.end));
			if (any_action(piece.revocable))
				bytes += piece.end - piece.start;
			memset(piece.revocable, 0, sizeof(piece.revocable));
			deny = any_action(piece.permanent);
			if (!(deny & MSEALD_DENY_FILE))
				piece.file = (struct mseald_inode){};
			if (deny) {
				permanent += piece.end - piece.start;
				append(pieces, &count, &piece);
			}
		}
		if (rest.start < rest.end)
			append(pieces, &count, &rest);
	}
	free(set->list);
	set->list = pieces;
	set->count = count;
	if (ret_bytes)
		*ret_bytes = bytes;
	if (ret_permanent)
		*ret_permanent = permanent;
	return 0;
}

size_t sealset_drop_flagged(struct sealset *set, unsigned flags)
{
	size_t kept = 0, before = set->count;

	for (size_t i = 0; i < set->count; i++)
		if (!(set->list[i].flags & flags))
			set->list[kept++] = set->list[i];
	set->count = kept;
	return before - kept;
}

bool sealset_all_flagged(const struct sealset *set, uint64_t start, uint64_t end, unsigned flags)
{
	for (size_t i = LIST_SEARCH(set->count, k, set->list[k].end <= start); i < set->count && start < end;
	     i++) {
		if (set->list[i].start > start || (flags && !(set->list[i].flags & flags)))
			return false;
		start = set->list[i].end;
	}
	return start >= end;
}

bool sealset_equal(const struct sealset *a, const struct sealset *b)
{
	if (a->count != b->count || a->label != b->label)
		return false;
	for (size_t i = 0; i < a->count; i++) {
		const struct seal *x = &a->list[i], *y = &b->list[i];

		if (x->start != y->start || x->end != y->end || !same_rule(x, y) || x->pgoff != y->pgoff)
			return false;
	}
	return true;
}

unsigned seal_deny(const struct seal *seal, enum mseald_action action)
{
	return (unsigned)seal->permanent[action] | seal->revocable[action];
}

/* --- files --- */

static int compare_files(const void *left, const void *right)
{
	const struct sealset_file *a = left, *b = right;
	uint64_t x = MSEALD_INODE_ORDER(a->inode.address), y = MSEALD_INODE_ORDER(b->inode.address);

	if (x != y)
		return x < y ? -1 : 1;
	return a->seal < b->seal ? -1 : a->seal > b->seal;
}

/* Kill, deny, audit: lower is stronger. */
static unsigned strength(enum mseald_action action)
{
	return action == MSEALD_ACTION_KILL ? 0 : action == MSEALD_ACTION_DENY ? 1 : 2;
}

static enum mseald_action strongest(const struct seal *seal, unsigned deny)
{
	return seal_deny(seal, MSEALD_ACTION_KILL) & deny ? MSEALD_ACTION_KILL :
	       seal_deny(seal, MSEALD_ACTION_DENY) & deny ? MSEALD_ACTION_DENY :
							    MSEALD_ACTION_AUDIT;
}

/*
 * Should the seal of a judge a write, rather than that of b? A child of a fork lacks some of the seals. If
 * two files had the same address one after the other, the first one was mapped where a seal only audits.
 */
static bool judges_better(const struct sealset *set, const struct sealset_file *a,
			  const struct sealset_file *b)
{
	bool gone_a = set->list[a->seal].flags & MSEALD_SEAL_DONTFORK,
	     gone_b = set->list[b->seal].flags & MSEALD_SEAL_DONTFORK;

	if (memcmp(&a->inode, &b->inode, sizeof(a->inode)) != 0)
		return strength(a->action) < strength(b->action);
	return gone_a != gone_b ? gone_b : strength(a->action) < strength(b->action);
}

int sealset_files(const struct sealset *set, unsigned deny, struct sealset_file **ret, size_t *ret_count)
{
	_cleanup_free_ struct sealset_file *list = NULL;
	size_t all = 0, count = 0;

	list = calloc(set->count + 1, sizeof(*list));
	if (!list)
		return -ENOMEM;
	for (size_t i = 0; i < set->count; i++) {
		const struct seal *seal = &set->list[i];

		if (seal->file.address && seal_deny_all(seal) & deny)
			list[all++] = (struct sealset_file){ .inode = seal->file,
							     .seal = i,
							     .action = strongest(seal, deny) };
	}
	qsort(list, all, sizeof(*list), compare_files);
	for (size_t i = 0; i < all; i++) {
		if (!count || list[count - 1].inode.address != list[i].inode.address)
			list[count++] = list[i];
		else if (judges_better(set, &list[i], &list[count - 1]))
			list[count - 1] = list[i];
	}
	*ret = TAKE_PTR(list);
	*ret_count = count;
	return 0;
}
