/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The folders of policies: which files exist, which of several with one name is used, and their contents. As
 * in systemd, the earlier folder wins, and an empty file or a link to /dev/null masks.
 */
#include <limits.h>

#include "lib/base/list.h"
#include "lib/base/util.h"
#include "lib/policy/path.h"
#include "lib/policy/policy.h"

#define NAMES_MAX (4 * POLICIES_MAX) /* files examined in one folder */

static void file_free(struct policy_file *file)
{
	free(file->name);
	free(file->path);
	free(file->link);
	policy_free(&file->policy);
	*file = (struct policy_file){};
}

void policy_files_free(struct policy_files *files)
{
	if (!files)
		return;
	for (size_t i = 0; i < files->count; i++)
		file_free(&files->list[i]);
	free(files->list);
	*files = (struct policy_files){};
}

struct reading {
	const char *root;
	struct policy_files *files;
	struct diagnostics *faults;
	size_t allocated;
};

static int add_file(struct reading *reading, const char *folder, size_t index, const char *name)
{
	struct policy_files *files = reading->files;
	struct policy_file file = { .folder = index };
	char target[PATH_MAX];
	ssize_t length;

	if (list_grow(&files->list, files->count, 1, &reading->allocated, sizeof(*files->list)) < 0)
		return -ENOMEM;
	file.name = strndup(name, load_name_length(name));
	file.path = FORMAT_NEW("%s/%s", folder, name);
	length = file.path ? readlink(file.path, target, sizeof(target)) : -1;
	if (length > 0)
		file.link = strndup(target, (size_t)length);
	if (!file.name || !file.path || (length > 0 && !file.link)) {
		file_free(&file);
		return -ENOMEM;
	}
	files->list[files->count++] = file;
	return 0;
}

/* Opens a folder that no other user may write to. 0 and NULL: no folder that can be read. */
static int open_folder(struct reading *reading, const char *path, DIR **ret)
{
	const char *unguarded;
	struct stat st;
	DIR *folder;

	*ret = NULL;
	folder = opendir(path);
	if (!folder && errno == ENOENT)
		return 0;
	if (!folder)
		return diagnostics_add(reading->faults, path, 0,
				       "cannot be read: %s; none of its policies is used", strerror(errno));
	unguarded = fstat(dirfd(folder), &st) < 0 ? strerror(errno) : load_unguarded(&st);
	if (unguarded) {
		(void)closedir(folder);
		return diagnostics_add(reading->faults, path, 0,
				       "%s; until then none of its policies is used", unguarded);
	}
	*ret = folder;
	return 0;
}

static int list_folder(struct reading *reading, const char *path, size_t index)
{
	_cleanup_closedir_ DIR *folder = NULL;
	_cleanup_free_ char *followed = NULL, *whole = NULL;
	const struct dirent *entry;
	size_t names = 0;
	int r;

	r = policy_path_follow(reading->root, path, &followed);
	if (r == -ENOMEM)
		return r;
	whole = FORMAT_NEW("%s%s", reading->root, r < 0 || !*reading->root ? path : followed);
	if (!whole)
		return -ENOMEM;
	r = open_folder(reading, whole, &folder);
	while (r == 0 && folder && (entry = readdir(folder))) {
		if (!load_is_file_name(entry->d_name))
			continue;
		if (++names > NAMES_MAX)
			return diagnostics_add(reading->faults, whole, 0,
					       "the folder has more than %d policies; the rest is not used",
					       NAMES_MAX);
		r = add_file(reading, whole, index, entry->d_name);
	}
	return r;
}

static int compare_files(const void *a, const void *b)
{
	const struct policy_file *x = a, *y = b;
	int order = x->last != y->last ? x->last - y->last : strcmp(x->name, y->name);

	return order ? order : (x->folder > y->folder) - (x->folder < y->folder);
}

/* The real path of a file, including the root; NULL: it cannot be found (-ENOMEM: *error). */
static char *real_path(const struct reading *reading, const struct policy_file *file, int *error)
{
	_cleanup_free_ char *followed = NULL;
	int r;

	if (!*reading->root || !file->link)
		return strdup(file->path);
	r = policy_path_follow(reading->root, file->path + strlen(reading->root), &followed);
	if (r < 0) {
		*error = r;
		return NULL;
	}
	return FORMAT_NEW("%s%s", reading->root, followed);
}

/* Is it a link to /dev/null? Compared by name: below a root there may be no such device. */
static bool leads_to_null(const struct reading *reading, const struct policy_file *file)
{
	_cleanup_free_ char *followed = NULL;

	return file->link &&
	       policy_path_follow(reading->root, file->path + strlen(reading->root), &followed) == 0 &&
	       strcmp(followed, "/dev/null") == 0;
}

/* Reads the file that is used for its name, and sets its state. */
static int read_first(const struct reading *reading, struct policy_file *file)
{
	_cleanup_free_ char *real = NULL, *text = NULL;
	size_t size = 0;
	int r = -ENOMEM;

	file->state = POLICY_FILE_MASK;
	if (leads_to_null(reading, file))
		return 0;
	real = real_path(reading, file, &r);
	if (real) {
		r = load_file(real, file->path, true, &text, &size, reading->faults);
		if (r == 0 && size == 0)
			return 0;
		if (r == 0)
			r = policy_parse_for(reading->root, file->path, text, size, &file->policy,
					     reading->faults);
	} else if (r != -ENOMEM) {
		r = diagnostics_add(reading->faults, file->path, 0,
				    "the symbolic links form a loop; remove one");
		r = r < 0 ? r : -EINVAL;
	}
	if (r == -EINVAL) {
		file->state = POLICY_FILE_FAULT;
		return 0;
	}
	file->state = file->folder == 0 || file->policy.enabled ? POLICY_FILE_ON : POLICY_FILE_OFF;
	file->last = file->policy.last;
	return r;
}

static int read_all(const struct reading *reading)
{
	struct policy_files *files = reading->files;
	size_t names = 0;
	int r = 0;

	for (size_t i = 0; i < files->count && r == 0; i++) {
		if (i > 0 && strcmp(files->list[i].name, files->list[i - 1].name) == 0) {
			files->list[i].state = POLICY_FILE_REPLACED;
			files->list[i].last = files->list[i - 1].last;
			continue;
		}
		if (++names <= POLICIES_MAX) {
			r = read_first(reading, &files->list[i]);
			continue;
		}
		if (names == POLICIES_MAX + 1)
			r = diagnostics_add(
				reading->faults, files->list[i].path, 0,
				"there are more than %d policies; this and all later ones are not used",
				POLICIES_MAX);
		files->list[i].state = POLICY_FILE_FAULT;
	}
	return r;
}

int policy_files_read(const char *root, const char *const *folders, struct policy_files *ret,
		      struct diagnostics *faults)
{
	_cleanup_(policy_files_free) struct policy_files files = {};
	struct reading reading = { .root = root ? root : "", .files = &files, .faults = faults };
	int r = 0;

	for (size_t i = 0; folders[i] && r == 0; i++)
		r = list_folder(&reading, folders[i], i);
	if (r < 0)
		return r;
	if (files.count > 0)
		qsort(files.list, files.count, sizeof(*files.list), compare_files);
	r = read_all(&reading);
	if (r < 0)
		return r;
	/* The order depends on Last=, which is known only now. */
	if (files.count > 0)
		qsort(files.list, files.count, sizeof(*files.list), compare_files);
	*ret = files;
	files = (struct policy_files){};
	return 0;
}

int policies_read(const char *const *folders, struct policies *ret, struct diagnostics *faults)
{
	_cleanup_(policy_files_free) struct policy_files files = {};
	struct policies policies = {};
	int r;

	r = policy_files_read("", folders, &files, faults);
	if (r < 0)
		return r;
	policies.list = calloc(MAX_OF(files.count, (size_t)1), sizeof(*policies.list));
	if (!policies.list)
		return -ENOMEM;
	for (size_t i = 0; i < files.count; i++) {
		if (files.list[i].state != POLICY_FILE_ON)
			continue;
		policies.list[policies.count++] = files.list[i].policy;
		files.list[i].policy = (struct policy){};
	}
	*ret = policies;
	return 0;
}

void policies_free(struct policies *policies)
{
	if (!policies)
		return;
	for (size_t i = 0; i < policies->count; i++)
		policy_free(&policies->list[i]);
	free(policies->list);
	*policies = (struct policies){};
}
