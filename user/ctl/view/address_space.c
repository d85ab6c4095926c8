// SPDX-License-Identifier: LGPL-2.1-or-later
/* Joins /proc/PID/maps, segments and seals: see address_space.h. */
#include "ctl/base/error.h"
#include "ctl/base/reply.h"
#include "ctl/view/address_space.h"
#include "lib/base/list.h"
#include "lib/base/range.h"
#include "lib/base/util.h"
#include "lib/proc/open.h"

void address_space_free(struct address_space *space)
{
	free(space->rows);
	free(space->covered);
	spaces_free_seals(&space->seals);
	segments_free(&space->segments);
	proc_maps_free(&space->maps);
	*space = (struct address_space){};
}

/* --- joining --- */

static int cover(struct address_space *space)
{
	space->covered = calloc(space->seals.count ? space->seals.count : 1, sizeof(*space->covered));
	if (!space->covered)
		return -ENOMEM;
	for (size_t i = 0; i < space->seals.count; i++)
		space->covered[i] = (struct range){ space->seals.list[i].start, space->seals.list[i].end };
	space->covered_count = ranges_normalize(space->covered, space->seals.count);
	return 0;
}

uint64_t address_space_sealed(const struct address_space *space, uint64_t start, uint64_t end)
{
	size_t first = LIST_SEARCH(space->covered_count, i, space->covered[i].end <= start);
	uint64_t sealed = 0;

	for (size_t i = first; i < space->covered_count; i++) {
		const struct range *range = &space->covered[i];

		if (range->start >= end)
			break;
		sealed += MIN_OF(range->end, end) - MAX_OF(range->start, start);
	}
	return sealed;
}

enum mseald_segment address_space_segment(const struct address_space *space, uint64_t address)
{
	/* The seals that start at or below the address; the last one of them. */
	size_t at = LIST_SEARCH(space->seals.count, i, space->seals.list[i].start <= address);

	if (at > 0 && space->seals.list[at - 1].end > address &&
	    space->seals.list[at - 1].segment != MSEALD_SEGMENT_NONE)
		return space->seals.list[at - 1].segment;
	at = LIST_SEARCH(space->segments.count, i, space->segments.list[i].end <= address);
	return at < space->segments.count && space->segments.list[at].start <= address ?
		       space->segments.list[at].kind :
		       MSEALD_SEGMENT_NONE;
}

static void name_row(struct row *row, const struct row *before)
{
	const struct mapping *mapping = row->mapping, *last = before ? before->mapping : NULL;
	bool adjacent = last && last->end == mapping->start;

	if (*mapping->path) {
		row->name = mapping->path;
		row->joined = last && mapping->path[0] == '/' && strcmp(before->name, mapping->path) == 0;
	} else if (adjacent && row->segments == 1u << MSEALD_SEGMENT_DATA && before->name[0] == '/') {
		row->name = before->name; /* .bss of the object */
		row->joined = true;
	} else {
		row->name = "[anon]";
	}
}

int address_space_join(struct address_space *space)
{
	size_t seal = 0, segment = 0;

	if (cover(space) < 0)
		return -ENOMEM;
	space->rows = calloc(space->maps.count ? space->maps.count : 1, sizeof(*space->rows));
	if (!space->rows)
		return -ENOMEM;
	for (size_t i = 0; i < space->maps.count; i++) {
		const struct mapping *mapping = &space->maps.list[i];
		struct row *row = &space->rows[i];

		row->mapping = mapping;
		row->sealed = address_space_sealed(space, mapping->start, mapping->end);
		while (segment < space->segments.count && space->segments.list[segment].end <= mapping->start)
			segment++;
		for (size_t j = segment; j < space->segments.count; j++) {
			if (space->segments.list[j].start >= mapping->end)
				break;
			row->segments |= 1u << space->segments.list[j].kind;
		}
		while (seal < space->seals.count && space->seals.list[seal].end <= mapping->start)
			seal++;
		for (size_t j = seal; j < space->seals.count; j++) {
			const struct space_seal *one = &space->seals.list[j];

			if (one->start >= mapping->end)
				break;
			if (one->end <= mapping->start)
				continue;
			row->segments |= 1u << one->segment;
			for (unsigned action = 0; action < MSEALD_ACTION_COUNT; action++)
				row->deny[action] |= one->deny[action];
		}
		row->segments &= ~(1u << MSEALD_SEGMENT_NONE);
		name_row(row, i ? row - 1 : NULL);
	}
	return 0;
}

static bool counts(const struct mapping *mapping, enum share_kind kind)
{
	if (mapping->end > INT64_MAX) /* mapping of the kernel, above user memory */
		return false;
	if (kind == SHARE_ALL)
		return mapping->read || mapping->write || mapping->exec;
	return kind == SHARE_EXECUTABLE ? mapping->exec : proc_mapping_is_code(mapping);
}

struct share address_space_share(const struct address_space *space, enum share_kind kind)
{
	struct share share = {};

	for (size_t i = 0; i < space->maps.count; i++) {
		const struct mapping *mapping = &space->maps.list[i];

		if (!counts(mapping, kind))
			continue;
		share.sealed += space->rows[i].sealed;
		share.all += mapping->end - mapping->start;
	}
	return share;
}

unsigned address_space_percent(struct share share)
{
	/* Address spaces are smaller than 2^57, and on any existing machine their sum is below 2^64 / 100. */
	return share.all ? (unsigned)(share.sealed * 100 / share.all) : 0;
}

/* --- reading --- */

int address_space_complain(pid_t pid, int r)
{
	switch (r) {
	case -ENOENT:
	case -ESRCH: return error_failure("pid %d: no such process", pid);
	case -ENOMEM: return error_out_of_memory();
	case -EACCES:
	case -EPERM:
		return error_failure("pid %d: cannot read its mappings: %s; ask as root", pid, strerror(-r));
	default: return error_failure("pid %d: cannot read its mappings: %s", pid, strerror(-r));
	}
}

/* The name is only displayed: without it "?" is shown. */
static void read_comm(int directory, char comm[16])
{
	_cleanup_close_ int fd = openat(directory, "comm", O_RDONLY | O_CLOEXEC);
	ssize_t length = fd < 0 ? -1 : read(fd, comm, 15);

	comm[length > 0 ? length : 0] = '\0';
	comm[strcspn(comm, "\n")] = '\0';
	if (!*comm)
		(void)strcpy(comm, "?");
}

static int read_proc(pid_t pid, struct address_space *space, bool segments)
{
	_cleanup_close_ int directory = proc_open(pid, "", O_RDONLY | O_DIRECTORY), maps = -1;
	int r;

	if (directory < 0)
		return directory;
	maps = openat(directory, "maps", O_RDONLY | O_CLOEXEC);
	if (maps < 0)
		return -errno;
	r = proc_maps_read_fd(maps, &space->maps);
	if (r < 0)
		return r;
	read_comm(directory, space->comm);
	return segments ? segments_resolve(&space->maps, directory, &space->segments) : 0;
}

int address_space_read(pid_t pid, const json_t *document, struct address_space *ret)
{
	_cleanup_(address_space_free) struct address_space space = { .pid = pid };
	int r;

	r = read_proc(pid, &space, true);
	if (r < 0)
		return address_space_complain(pid, r);
	if (space.maps.count == 0)
		return error_failure("pid %d is a kernel thread, or has exited: it has no memory of its own",
				     pid);
	if (spaces_seals_from_document(document, &space.seals) < 0 || address_space_join(&space) < 0)
		return error_out_of_memory();
	*ret = space;
	space = (struct address_space){};
	return 0;
}

int address_space_read_brief(pid_t pid, const json_t *space, struct address_space *ret)
{
	_cleanup_(address_space_free) struct address_space addresses = { .pid = pid };
	_cleanup_json_ json_t *document = space ? json_pack("{s:[O]}", "spaces", space) :
						  json_pack("{s:[]}", "spaces");
	int r = document ? read_proc(pid, &addresses, false) : -ENOMEM;

	if (r < 0)
		return r;
	if (spaces_seals_from_document(document, &addresses.seals) < 0 || address_space_join(&addresses) < 0)
		return -ENOMEM;
	*ret = addresses;
	addresses = (struct address_space){};
	return 0;
}
