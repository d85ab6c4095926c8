/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Paths in policies. The kernel reports the real path of a program, so symbolic links in a policy's path are
 * followed as far as it exists: a file installed later matches too.
 */
#include <limits.h>

#include "lib/base/util.h"
#include "lib/policy/path.h"

#define LINKS_MAX 40 /* as in the kernel: include/linux/namei.h, MAXSYMLINKS */

int policy_path_normalize(char *path)
{
	char *out = path;

	if (*path != '/')
		return -EINVAL;
	while (*path) {
		size_t length;

		path += strspn(path, "/");
		length = strcspn(path, "/");
		if (length == 0)
			break;
		if (length == 2 && memcmp(path, "..", 2) == 0)
			return -EINVAL;
		if (length == 1 && *path == '.') {
			path++;
			continue;
		}
		*out++ = '/';
		memmove(out, path, length);
		out += length;
		path += length;
	}
	*out = '\0';
	return 0;
}

/* Removes the last name. The path so far has no links, so this is the same as "..". */
static void to_parent(char *path)
{
	char *last = strrchr(path, '/');

	if (last)
		*last = '\0';
}

/* Returns the target of a link, malloc'ed; NULL and 0: no link, or none that can be read. */
static int read_link(const char *root, const char *path, char **ret)
{
	_cleanup_free_ char *whole = FORMAT_NEW("%s%s", root, path);
	char target[PATH_MAX];
	ssize_t length;

	if (!whole)
		return -ENOMEM;
	length = readlink(whole, target, sizeof(target));
	if (length <= 0) {
		*ret = NULL;
		return 0;
	}
	*ret = strndup(target, (size_t)length);
	return *ret ? 0 : -ENOMEM;
}

/*
 * Follows the link that path ends in, if it is one. Cuts path to the part before the target; *rest is the
 * part to read next.
 */
static int follow_last(const char *root, char *path, char **rest, const char *after, unsigned *links)
{
	_cleanup_free_ char *target = NULL;
	char *joined;
	int r;

	r = read_link(root, path, &target);
	if (r < 0)
		return r;
	if (!target) {
		joined = strdup(after);
	} else {
		if (++*links > LINKS_MAX)
			return -ELOOP;
		if (strlen(target) + strlen(after) >= 2 * PATH_MAX)
			return -ENAMETOOLONG;
		if (*target == '/')
			*path = '\0';
		else
			to_parent(path);
		joined = FORMAT_NEW("%s/%s", target, after);
	}
	if (!joined)
		return -ENOMEM;
	free(*rest);
	*rest = joined;
	return 0;
}

int policy_path_follow(const char *root, const char *path, char **ret)
{
	_cleanup_free_ char *rest = strdup(path), *done = calloc(1, PATH_MAX);
	unsigned links = 0;

	if (!rest || !done)
		return -ENOMEM;
	for (;;) {
		const char *name = rest + strspn(rest, "/");
		size_t length = strcspn(name, "/"), before = strlen(done);
		int r;

		if (length == 0)
			break;
		if (before + length + 2 > PATH_MAX)
			return -ENAMETOOLONG;
		if (length <= 2 && strncmp(name, "..", length) == 0) {
			if (length == 2)
				to_parent(done);
			memmove(rest, name + length, strlen(name + length) + 1);
			continue;
		}
		done[before] = '/';
		memcpy(done + before + 1, name, length);
		done[before + 1 + length] = '\0';
		r = follow_last(root, done, &rest, name + length, &links);
		if (r < 0)
			return r;
	}
	if (!*done)
		(void)strcpy(done, "/");
	*ret = TAKE_PTR(done);
	return 0;
}
