/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Reads a configuration file into memory, once. It must be a small regular file that does not change while
 * it is read. This never blocks: a FIFO is not opened, and a file that is being written is tried a few times.
 */
#include "lib/conf/load.h"

#define TRIES 5

size_t load_name_length(const char *name)
{
	size_t length = strlen(name), suffix = strlen(LOAD_SUFFIX);

	return length > suffix && strcmp(name + length - suffix, LOAD_SUFFIX) == 0 ? length - suffix : length;
}

/*
 * Skips hidden files and leftovers of editors and packages (x.conf~, .x.conf.swp, #x.conf#, x.conf.dpkg-old).
 */
bool load_is_file_name(const char *name)
{
	return *name != '.' && *name != '#' && name[load_name_length(name)];
}

char *load_name(const char *path)
{
	const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
	size_t length = load_name_length(name);

	return name[length] ? strndup(name, length) : NULL;
}

const char *load_unguarded(const struct stat *st)
{
	if (st->st_uid != 0 && st->st_uid != geteuid())
		return "the owner is not root and could change it; chown root";
	if (st->st_mode & (S_IWGRP | S_IWOTH))
		return "write permission for group or others; chmod go-w";
	return NULL;
}

static const char *kind_of(mode_t mode)
{
	return S_ISDIR(mode)  ? "a folder" :
	       S_ISFIFO(mode) ? "a FIFO" :
	       S_ISSOCK(mode) ? "a socket" :
				"a device";
}

static int complain(struct diagnostics *faults, const char *shown, int error)
{
	int r;

	if (error == ELOOP)
		r = diagnostics_add(faults, shown, 0, "the symbolic links form a loop; remove one");
	else if (error == ENOENT)
		r = diagnostics_add(faults, shown, 0,
				    "the file does not exist, or is a symbolic link to a missing file");
	else
		r = diagnostics_add(faults, shown, 0, "cannot be read: %s", strerror(error));
	return r < 0 ? r : -EINVAL;
}

/* Checks that the file may be read. 0, -EINVAL or -ENOMEM. */
static int judge(const struct stat *st, const char *shown, bool guarded, struct diagnostics *faults)
{
	const char *unguarded = guarded ? load_unguarded(st) : NULL;
	int r = 0;

	if (!S_ISREG(st->st_mode))
		r = diagnostics_add(faults, shown, 0, "a plain file is expected, not %s",
				    kind_of(st->st_mode));
	else if (unguarded)
		r = diagnostics_add(faults, shown, 0, "%s", unguarded);
	else if (st->st_size > LOAD_FILE_MAX)
		r = diagnostics_add(faults, shown, 0, "the file has %jd bytes; at most %u are read",
				    (intmax_t)st->st_size, LOAD_FILE_MAX);
	else
		return 0;
	return r < 0 ? r : -EINVAL;
}

static bool same(const struct stat *a, const struct stat *b)
{
	return a->st_size == b->st_size && a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
	       a->st_mtim.tv_nsec == b->st_mtim.tv_nsec && a->st_ctim.tv_sec == b->st_ctim.tv_sec &&
	       a->st_ctim.tv_nsec == b->st_ctim.tv_nsec;
}

ssize_t load_bytes(int fd, char *text, size_t size)
{
	size_t done = 0;

	while (done < size) {
		ssize_t got = read(fd, text + done, size - done);

		if (got == 0)
			break;
		if (got < 0 && errno != EINTR)
			return -errno;
		if (got > 0)
			done += (size_t)got;
	}
	return (ssize_t)done;
}

/* One try. 0; -EAGAIN: the file changed meanwhile; -EINVAL (in faults); -ENOMEM. */
static int try_load(const char *path, const char *shown, bool guarded, char *text, size_t *ret_size,
		    struct diagnostics *faults)
{
	_cleanup_close_ int fd = -1;
	struct stat before, after;
	ssize_t size;
	int r;

	/* Merely opening a device can do harm. */
	if (stat(path, &before) < 0)
		return complain(faults, shown, errno);
	r = judge(&before, shown, guarded, faults);
	if (r < 0)
		return r;
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return complain(faults, shown, errno);
	if (fstat(fd, &before) < 0)
		return complain(faults, shown, errno);
	r = judge(&before, shown, guarded, faults);
	if (r < 0)
		return r;
	size = load_bytes(fd, text, LOAD_FILE_MAX + 1);
	if (size < 0)
		return complain(faults, shown, (int)-size);
	if (fstat(fd, &after) < 0)
		return complain(faults, shown, errno);
	if (size != before.st_size || !same(&before, &after))
		return -EAGAIN;
	*ret_size = (size_t)size;
	return 0;
}

int load_file(const char *path, const char *shown, bool guarded, char **ret_text, size_t *ret_size,
	      struct diagnostics *faults)
{
	_cleanup_free_ char *text = malloc(LOAD_FILE_MAX + 1);
	int r;

	if (!text)
		return -ENOMEM;
	for (unsigned i = 0; i < TRIES; i++) {
		struct timespec pause = { .tv_nsec = 2000000l << i };

		r = try_load(path, shown, guarded, text, ret_size, faults);
		if (r < 0 && r != -EAGAIN)
			return r;
		if (r == 0) {
			*ret_text = TAKE_PTR(text);
			return 0;
		}
		(void)nanosleep(&pause, NULL);
	}
	r = diagnostics_add(faults, shown, 0,
			    "the file keeps changing while it is read; try again when it is written");
	return r < 0 ? r : -EINVAL;
}
