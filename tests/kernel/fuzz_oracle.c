/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * See fuzz_oracle.h. Compares page by page: the mapping (permissions, shared or private, file and offset) by
 * /proc/PID/maps; the contents by the victim's process_vm_readv of itself, which fails at guard pages and
 * missing pages. From outside, a foreign-write seal would deny reading.
 */
#define _GNU_SOURCE
#include "fuzz_oracle.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tap.h"

static char text[128 * 1024];

/* Reads all of /proc/PID/maps; false: the process is gone. */
static bool read_maps(pid_t pid)
{
	char path[32];
	size_t length = 0;
	ssize_t got = -1;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/maps", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	while (length < sizeof(text) - 1 && (got = read(fd, text + length, sizeof(text) - 1 - length)) > 0)
		length += (size_t)got;
	close(fd);
	text[length] = '\0';
	return got == 0 && length > 0;
}

struct line {
	uint64_t start, end, offset, device, inode;
	char permissions[5];
};

static uint64_t number(const char **rest, unsigned base)
{
	uint64_t value = 0;

	for (;; (*rest)++) {
		unsigned digit = **rest >= '0' && **rest <= '9' ? (unsigned)(**rest - '0') :
				 **rest >= 'a' && **rest <= 'f' ? (unsigned)(**rest - 'a') + 10 :
								  base;

		if (digit >= base)
			return value;
		value = value * base + digit;
	}
}

/* "start-end rwxp offset major:minor inode path" */
static bool next_line(const char **rest, struct line *line)
{
	if (!**rest)
		return false;
	line->start = number(rest, 16);
	(*rest)++;
	line->end = number(rest, 16);
	(*rest)++;
	memcpy(line->permissions, *rest, 4);
	line->permissions[4] = '\0';
	*rest += 5;
	line->offset = number(rest, 16);
	(*rest)++;
	line->device = number(rest, 16) << 32;
	(*rest)++;
	line->device |= number(rest, 16);
	(*rest)++;
	line->inode = number(rest, 10);
	*rest = strchrnul(*rest, '\n');
	*rest += **rest == '\n';
	return true;
}

static struct fuzz_change change(const struct fuzz_page *page, const char *what)
{
	struct fuzz_change made = { .page = page };

	snprintf(made.what, sizeof(made.what), "%s", what);
	return made;
}

static struct fuzz_change look_at_mapping(const struct fuzz_page *page, const struct line *line)
{
	char what[96];

	if (strcmp(line->permissions, page->permissions) != 0) {
		snprintf(what, sizeof(what), "is %s, was %s", line->permissions, page->permissions);
		return change(page, what);
	}
	if (line->inode != page->inode || line->device != page->device ||
	    (line->inode && line->offset + (page->address - line->start) != page->offset))
		return change(page, "is another mapping");
	return (struct fuzz_change){ 0 };
}

static struct fuzz_change look_at_contents(const struct fuzz_page *page, uint64_t seen, bool failed)
{
	char what[96];

	if (failed)
		return page->holds == HOLDS_NOTHING ? (struct fuzz_change){ 0 } :
						      change(page, "cannot be read any more");
	if (page->holds == HOLDS_NOTHING)
		return change(page, "is no guard page any more");
	if (page->holds & HOLDS_ANY || (page->holds & HOLDS_PATTERN && seen == fuzz_pattern(page->address)) ||
	    (page->holds & HOLDS_X && seen == FUZZ_X) || (page->holds & HOLDS_ZERO && seen == 0))
		return (struct fuzz_change){ 0 };
	snprintf(what, sizeof(what), "holds %s",
		 seen == 0	? "zeros" :
		 seen == FUZZ_X ? "what was written" :
				  "something else");
	return change(page, what);
}

void oracle_learn(struct fuzz_scene *scene)
{
	const char *rest = text;
	struct line line = { 0 };

	if (!read_maps(scene->template.pid))
		bail("scene %s: its mappings cannot be read: %s", scene->name, strerror(errno));
	for (unsigned i = 0; i < scene->pages_count; i++) {
		struct fuzz_page *page = &scene->pages[i];

		while (line.end <= page->address)
			if (!next_line(&rest, &line))
				bail("scene %s: %s+%#lx is not mapped", scene->name, page->area->name,
				     page->address - scene->starts[page->area - fuzz_areas]);
		memcpy(page->permissions, line.permissions, sizeof(page->permissions));
		page->inode = line.inode;
		page->device = line.device;
		page->offset = line.offset + (page->address - line.start);
	}
}

struct fuzz_change oracle_look(const struct fuzz_scene *scene, const struct fuzz_victim *victim)
{
	const struct fuzz_slot *slot = victim_slot(victim);
	struct fuzz_change made = { 0 };
	const char *rest = text;
	struct line line = { 0 };

	for (unsigned i = 0; i < scene->pages_count && !made.page; i++)
		made = look_at_contents(&scene->pages[i], slot->seen[i], slot->failed[i]);
	if (!read_maps(victim->pid))
		return (struct fuzz_change){ 0 }; /* it has died meanwhile */
	/* A change of the mapping tells more. */
	for (unsigned i = 0; i < scene->pages_count; i++) {
		const struct fuzz_page *page = &scene->pages[i];
		struct fuzz_change other;

		while (line.end <= page->address)
			if (!next_line(&rest, &line))
				return change(page, "is gone");
		if (line.start > page->address)
			return change(page, "is gone");
		other = look_at_mapping(page, &line);
		if (other.page)
			return other;
	}
	return made;
}
