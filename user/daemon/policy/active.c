// SPDX-License-Identifier: LGPL-2.1-or-later
/* See active.h. */
#include "policy/active.h"

#include <sys/stat.h>

#include "base/file.h"
#include "base/log.h"
#include "lib/conf/folders.h"
#include "policy/match_tables.h"
#include "policy/policy_seal.h"
#include "seal/set_pool.h"

#define POOL_LEAST 128 /* the rest are made over time (seal/gc.c) */

static void log_fault(const struct diagnostic *fault)
{
	struct log_fields fields = {};
	char line[16] = "";

	log_field(&fields, "MSEALD_POLICY_FILE=%s", fault->path);
	if (fault->line) {
		log_field(&fields, "MSEALD_POLICY_LINE=%u", fault->line);
		FORMAT(line, ":%u", fault->line);
	}
	log_entry(LOG_LEVEL_ERROR, LOG_ABOUT_POLICY_FAULT, &fields, "%s%s: %s", fault->path, line,
		  fault->message);
}

static const char *const folders[] = { POLICY_FOLDER_ETC, POLICY_FOLDER_VENDOR, NULL };

static void free_all(struct policies *policies, size_t borrowed)
{
	for (size_t i = borrowed; i < policies->count; i++)
		policy_free(&policies->list[i]);
	free(policies->list);
	*policies = (struct policies){};
}

void active_free(struct active *active)
{
	free_all(&active->policies, active->first);
}

/* --- last good versions --- */

static const struct policy *find(const struct policies *policies, size_t first, const char *name)
{
	for (size_t i = first; i < policies->count; i++)
		if (strcmp(policies->list[i].name, name) == 0)
			return &policies->list[i];
	return NULL;
}

static void kept_path(const char *name, char path[512])
{
	(void)snprintf(path, 512, "%s/%s%s", ACTIVE_KEPT, name, LOAD_SUFFIX);
}

static int insert(struct policies *policies, struct policy *policy)
{
	struct policy *larger = reallocarray(policies->list, policies->count + 1, sizeof(*larger));
	size_t at = 0;

	if (!larger)
		return -ENOMEM;
	policies->list = larger;
	while (at < policies->count && policy_compare(&larger[at], policy) < 0)
		at++;
	memmove(larger + at + 1, larger + at, (policies->count - at) * sizeof(*larger));
	larger[at] = *policy;
	*policy = (struct policy){};
	policies->count++;
	return 0;
}

/* Adds the last good version of each file that exists and cannot be read. */
static int add_last_good(struct policies *policies, const struct diagnostics *faults)
{
	for (size_t i = 0; i < faults->count; i++) {
		_cleanup_free_ char *name = load_name(faults->list[i].path);
		_cleanup_(diagnostics_free) struct diagnostics ignored = {};
		_cleanup_(policy_free) struct policy policy = {};
		char path[512];
		int r;

		if (!name || find(policies, 0, name))
			continue;
		kept_path(name, path);
		r = access(path, F_OK) < 0 ? -ENOENT : policy_read_file(path, &policy, &ignored);
		if (r >= 0)
			r = insert(policies, &policy);
		if (r == -ENOMEM)
			return r;
		if (r >= 0)
			log_warning("policy %s: its last good version stays active", name);
	}
	return 0;
}

static int copy_file(const char *from, const char *to)
{
	_cleanup_free_ char *text = malloc(LOAD_FILE_MAX + 1);
	ssize_t n = text ? file_read(AT_FDCWD, from, text, LOAD_FILE_MAX + 1) : -ENOMEM;

	return n < 0 ? (int)n : file_replace(to, 0644, file_write_text, text);
}

static void remove_kept_but(const struct policies *policies)
{
	_cleanup_closedir_ DIR *folder = opendir(ACTIVE_KEPT);
	struct dirent *entry;

	while (folder && (entry = readdir(folder))) {
		_cleanup_free_ char *name = load_name(entry->d_name);

		if (name && !find(policies, 0, name))
			(void)unlinkat(dirfd(folder), entry->d_name, 0);
	}
}

static void keep(const struct policies *policies)
{
	(void)mkdir("/run/mseald", 0755);
	if (mkdir(ACTIVE_KEPT, 0755) < 0 && errno != EEXIST)
		log_warning("cannot keep the policies in " ACTIVE_KEPT ": %s, ignoring", strerror(errno));
	for (size_t i = 0; i < policies->count; i++) {
		char path[512];
		int r;

		kept_path(policies->list[i].name, path);
		if (strcmp(policies->list[i].path, path) == 0)
			continue;
		r = copy_file(policies->list[i].path, path);
		if (r < 0)
			log_warning("cannot keep a copy of %s: %s, ignoring", policies->list[i].path,
				    strerror(-r));
	}
	remove_kept_but(policies);
}

/* --- activation --- */

/* The kernel seals by them at any moment, without waiting for a program to be attached. */
static unsigned needs_of(const struct policies *policies)
{
	unsigned needs = policies->count ? NEED_POLICY : 0;

	for (size_t i = 0; i < policies->count; i++)
		needs |= policy_seal_needs(&policies->list[i]);
	return needs;
}

/* Activates first, then files, in place of the active ones. Only the list is new: policies are borrowed. */
static int change_over(struct active *active, const struct policy *first, size_t first_count,
		       const struct policy *files, size_t files_count)
{
	struct policies policies = { calloc(first_count + files_count + 1, sizeof(*policies.list)),
				     first_count + files_count };
	unsigned needs;
	int r = 0;

	if (!policies.list)
		return -ENOMEM;
	if (first_count)
		memcpy(policies.list, first, first_count * sizeof(*first));
	if (files_count)
		memcpy(policies.list + first_count, files, files_count * sizeof(*files));
	needs = needs_of(&policies);
	/* In this order, because a matched program is sealed at once. */
	if (active->read && needs)
		r = programs_attach(active->programs, needs);
	if (r >= 0 && active->read && needs)
		r = programs_check(active->programs, needs);
	if (r >= 0 && active->read && needs)
		r = set_pool_fill(active->programs, POOL_LEAST);
	if (r >= 0 && active->read)
		r = match_tables_set(active->programs, &policies, &active->generation);
	if (r < 0) {
		free(policies.list);
		return r;
	}
	programs_need(active->programs, NEED_POLICY | NEED_SEALS, false);
	programs_need(active->programs, needs, true);
	active->policies = policies;
	active->first = first_count;
	return 0;
}

int active_put_first(struct active *active, const struct policy *first, size_t count)
{
	struct policies old = active->policies;
	int r;

	r = change_over(active, first, count, old.list + active->first, old.count - active->first);
	if (r >= 0)
		free(old.list);
	return r;
}

int active_reload(struct active *active, struct diagnostics *faults)
{
	_cleanup_(policies_free) struct policies files = {};
	struct policies old = active->policies;
	bool was_read = active->read;
	int r;

	r = policies_read(folders, &files, faults);
	for (size_t i = 0; r >= 0 && i < faults->count; i++)
		log_fault(&faults->list[i]);
	if (r >= 0)
		r = add_last_good(&files, faults);
	active->read = true;
	if (r >= 0)
		r = change_over(active, old.list, active->first, files.list, files.count);
	if (r < 0) {
		active->read = was_read;
		log_error("cannot activate the policies: %s; the previous ones stay active", strerror(-r));
		return r;
	}
	keep(&files);
	free_all(&old, active->first);
	free(files.list); /* its policies stay: they are active */
	files = (struct policies){};
	active->faults = faults->count;
	log_info("%zu active policies", active->policies.count);
	return 0;
}

int active_find_seal(const struct active *active, const char *name, struct seal_spec *ret)
{
	_cleanup_(policy_files_free) struct policy_files files = {};
	const struct policy *policy;
	int r;

	policy = find(&active->policies, active->first, name);
	if (policy) {
		*ret = policy->seal;
		return 0;
	}
	r = policy_files_read(NULL, folders, &files, NULL);
	if (r < 0)
		return r;
	for (size_t i = 0; i < files.count; i++)
		if (strcmp(files.list[i].name, name) == 0 &&
		    (files.list[i].state == POLICY_FILE_ON || files.list[i].state == POLICY_FILE_OFF)) {
			*ret = files.list[i].policy.seal;
			return 0;
		}
	return -ENOENT;
}

const struct policy *active_find(const struct active *active, const char *name)
{
	return find(&active->policies, 0, name);
}

const struct policies *active_policies(const struct active *active)
{
	return &active->policies;
}

const struct policy *active_decided(const struct active *active, const struct mseald_watched *watched)
{
	return watched && watched->generation && watched->generation == active->generation &&
			       watched->policy < active->policies.count ?
		       &active->policies.list[watched->policy] :
		       NULL;
}

const struct policy *active_match(const struct active *active, const struct mseald_watched *watched,
				  const struct policy_facts *facts)
{
	return active_decided(active, watched) ?: policies_match(&active->policies, facts, NULL);
}

bool active_wants_marked(const struct active *active)
{
	for (size_t i = 0; i < active->policies.count; i++)
		if (active->policies.list[i].marked)
			return true;
	return false;
}
