// SPDX-License-Identifier: LGPL-2.1-or-later
/* See inforce.h. */
#include "inforce.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "log.h"
#include "telling.h"
#include "triggers.h"

struct inforce {
	struct programs *programs;
	struct policies policies;
	size_t faults;			/* in the files, as they were last read */
	size_t first;			/* of these, which are somebody else's; the others are of files */
	bool read;			/* the files have been */
};

static const char *const folders[] = { POLICY_FOLDER_ETC, POLICY_FOLDER_VENDOR, NULL };

struct inforce *inforce_new(struct programs *programs)
{
	struct inforce *inforce = calloc(1, sizeof(*inforce));

	if (inforce)
		inforce->programs = programs;
	return inforce;
}

static void free_all(struct policies *policies, size_t borrowed)
{
	for (size_t i = borrowed; i < policies->count; i++)
		policy_free(&policies->list[i]);
	free(policies->list);
	*policies = (struct policies){};
}

struct inforce *inforce_free(struct inforce *inforce)
{
	if (!inforce)
		return NULL;
	free_all(&inforce->policies, inforce->first);
	free(inforce);
	return NULL;
}

/* --- last good versions --- */

static bool has_policy(const struct policies *policies, const char *name)
{
	for (size_t i = 0; i < policies->count; i++)
		if (strcmp(policies->list[i].name, name) == 0)
			return true;
	return false;
}

/* NAME of a path .../NAME.conf; malloc'ed, NULL when it is none. */
static char *policy_name(const char *path)
{
	const char *slash = strrchr(path, '/'), *base = slash ? slash + 1 : path;
	size_t length = strlen(base), suffix = strlen(LOAD_SUFFIX);

	return length > suffix && strcmp(base + length - suffix, LOAD_SUFFIX) == 0 ? strndup(base, length - suffix) : NULL;
}

static void kept_path(const char *name, char path[512])
{
	(void)snprintf(path, 512, "%s/%s%s", INFORCE_KEPT, name, LOAD_SUFFIX);
}

static int insert(struct policies *policies, struct policy *policy)
{
	struct policy *larger = reallocarray(policies->list, policies->count + 1, sizeof(*larger));
	size_t at = 0;

	if (!larger)
		return -ENOMEM;
	policies->list = larger;
	while (at < policies->count && strcmp(larger[at].name, policy->name) < 0)
		at++;
	memmove(larger + at + 1, larger + at, (policies->count - at) * sizeof(*larger));
	larger[at] = *policy;
	*policy = (struct policy){};
	policies->count++;
	return 0;
}

/* Of each file that is there and cannot be read. */
static int add_last_good(struct policies *policies, const struct diagnostics *faults)
{
	for (size_t i = 0; i < faults->count; i++) {
		_cleanup_free_ char *name = policy_name(faults->list[i].path);
		_cleanup_(diagnostics_free) struct diagnostics ignored = {};
		_cleanup_(policy_free) struct policy policy = {};
		char path[512];
		int r;

		if (!name || has_policy(policies, name))
			continue;
		kept_path(name, path);
		r = access(path, F_OK) < 0 ? -ENOENT : policy_read_file(path, &policy, &ignored);
		if (r >= 0)
			r = insert(policies, &policy);
		if (r == -ENOMEM)
			return r;
		if (r >= 0)
			log_warning("policy %s: its last good version stays in force", name);
	}
	return 0;
}

static int copy_file(const char *from, const char *to)
{
	_cleanup_free_ char *text = malloc(LOAD_FILE_MAX);
	_cleanup_close_ int in = open(from, O_RDONLY | O_CLOEXEC | O_NONBLOCK), out = -1;
	char aside[520];
	ssize_t n;

	if (!text || in < 0)
		return -errno;
	n = read(in, text, LOAD_FILE_MAX);
	(void)snprintf(aside, sizeof(aside), "%s.new", to);
	out = open(aside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (n < 0 || out < 0 || write(out, text, (size_t)n) != n || rename(aside, to) < 0)
		return -errno;
	return 0;
}

static void remove_kept_but(const struct policies *policies)
{
	DIR *folder = opendir(INFORCE_KEPT);
	struct dirent *entry;

	while (folder && (entry = readdir(folder))) {
		_cleanup_free_ char *name = policy_name(entry->d_name);

		if (name && !has_policy(policies, name))
			(void)unlinkat(dirfd(folder), entry->d_name, 0);
	}
	if (folder)
		(void)closedir(folder);
}

static void keep(const struct policies *policies)
{
	(void)mkdir("/run/mseald", 0755);
	if (mkdir(INFORCE_KEPT, 0755) < 0 && errno != EEXIST)
		log_warning("cannot keep the policies in " INFORCE_KEPT ": %s, ignoring", strerror(errno));
	for (size_t i = 0; i < policies->count; i++) {
		char path[512];
		int r;

		kept_path(policies->list[i].name, path);
		if (strcmp(policies->list[i].path, path) == 0)
			continue;
		r = copy_file(policies->list[i].path, path);
		if (r < 0)
			log_warning("cannot keep a copy of %s: %s, ignoring", policies->list[i].path, strerror(-r));
	}
	remove_kept_but(policies);
}

/* --- putting in force --- */

/* Those of first, then those of files, in place of what is in force: the list, not what is in it. Nothing is freed. */
static int change_over(struct inforce *inforce, const struct policy *first, size_t first_count, const struct policy *files,
		       size_t files_count)
{
	struct policies policies = { calloc(first_count + files_count + 1, sizeof(*policies.list)), first_count + files_count };
	int r = 0;

	if (!policies.list)
		return -ENOMEM;
	if (first_count)
		memcpy(policies.list, first, first_count * sizeof(*first));
	if (files_count)
		memcpy(policies.list + first_count, files, files_count * sizeof(*files));
	/* In this order: what a trigger hits is to be sealed at once. */
	if (inforce->read && policies.count)
		r = programs_attach(inforce->programs, NEED_POLICY);
	if (r >= 0 && inforce->read && policies.count)
		r = programs_check(inforce->programs, NEED_POLICY);
	if (r >= 0 && inforce->read)
		r = triggers_set(inforce->programs, &policies);
	if (r < 0) {
		free(policies.list);
		return r;
	}
	inforce->policies = policies;
	inforce->first = first_count;
	return 0;
}

int inforce_put_first(struct inforce *inforce, const struct policy *first, size_t count)
{
	struct policies old = inforce->policies;
	int r;

	r = change_over(inforce, first, count, old.list + inforce->first, old.count - inforce->first);
	if (r >= 0)
		free(old.list);
	return r;
}

int inforce_reload(struct inforce *inforce, struct diagnostics *faults)
{
	_cleanup_(policies_free) struct policies files = {};
	struct policies old = inforce->policies;
	bool was_read = inforce->read;
	int r;

	r = policies_read(folders, &files, faults);
	for (size_t i = 0; r >= 0 && i < faults->count; i++)
		tell_policy_fault(&faults->list[i]);
	if (r >= 0)
		r = add_last_good(&files, faults);
	inforce->read = true;
	if (r >= 0)
		r = change_over(inforce, old.list, inforce->first, files.list, files.count);
	if (r < 0) {
		inforce->read = was_read;
		log_error("cannot put the policies in force: %s; those of before stay", strerror(-r));
		return r;
	}
	keep(&files);
	free_all(&old, inforce->first);
	free(files.list);	/* what was in it is in force */
	files = (struct policies){};
	inforce->faults = faults->count;
	log_info("%zu policies in force", inforce->policies.count);
	return 0;
}

static struct policy seal_of(const struct policy *policy)
{
	return (struct policy){ .classes = policy->classes, .stops = policy->stops, .action = policy->action,
				.dlopen = policy->dlopen, .gate = policy->gate };
}

int inforce_find_seal(const struct inforce *inforce, const char *name, struct policy *ret)
{
	_cleanup_(policy_files_free) struct policy_files files = {};
	int r;

	for (size_t i = inforce->first; i < inforce->policies.count; i++)
		if (strcmp(inforce->policies.list[i].name, name) == 0) {
			*ret = seal_of(&inforce->policies.list[i]);
			return 0;
		}
	r = policy_files_read(NULL, folders, &files, NULL);
	if (r < 0)
		return r;
	for (size_t i = 0; i < files.count; i++)
		if (strcmp(files.list[i].name, name) == 0 &&
		    (files.list[i].state == POLICY_FILE_ON || files.list[i].state == POLICY_FILE_OFF)) {
			*ret = seal_of(&files.list[i].policy);
			return 0;
		}
	return -ENOENT;
}

const struct policies *inforce_policies(const struct inforce *inforce)
{
	return &inforce->policies;
}

size_t inforce_faults(const struct inforce *inforce)
{
	return inforce->faults;
}

bool inforce_wants_marked(const struct inforce *inforce)
{
	for (size_t i = 0; i < inforce->policies.count; i++)
		if (inforce->policies.list[i].marked)
			return true;
	return false;
}

unsigned inforce_needs(const struct inforce *inforce)
{
	return inforce && inforce->policies.count ? NEED_POLICY : 0;
}
