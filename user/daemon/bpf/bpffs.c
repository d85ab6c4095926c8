// SPDX-License-Identifier: LGPL-2.1-or-later
/* See bpffs.h. */
#include "bpf/bpffs.h"

#include <linux/magic.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "base/log.h"
#include "base/namespaces.h"

/* Prefix of "maps" and "links"; "" when the folder of pins is the working directory. */
static const char *prefix = BPFFS_ROOT "/";

static int make_folder(const char *path)
{
	if (mkdir(path, 0700) < 0 && errno != EEXIST) {
		int r = -errno;

		log_error("cannot make %s: %s", path, strerror(-r));
		return r;
	}
	return 0;
}

int bpffs_prepare(void)
{
	struct statfs fs;
	int r;

	if (!*prefix)
		return 0; /* done before it was entered */
	if (statfs(BPFFS, &fs) < 0 || fs.f_type != BPF_FS_MAGIC) {
		/* A mount that ends with this mount namespace would take the seals along. */
		if (!namespaces_share_mounts()) {
			log_error("there is no BPF file system on " BPFFS
				  " in this mount namespace; mount the host's there");
			return -ENODEV;
		}
		if (mount("bpf", BPFFS, "bpf", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=0700") < 0) {
			r = -errno;
			log_error("cannot mount the BPF file system on " BPFFS ": %s", strerror(-r));
			return r;
		}
	}
	r = make_folder(BPFFS_ROOT);
	if (r >= 0)
		r = make_folder(BPFFS_ROOT "/maps");
	if (r >= 0)
		r = make_folder(BPFFS_ROOT "/links");
	return r;
}

int bpffs_enter(void)
{
	_cleanup_close_ int ours = open(BPFFS_ROOT, O_PATH | O_DIRECTORY | O_CLOEXEC);
	_cleanup_close_ int first = open("/proc/1/root" BPFFS_ROOT, O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct stat a, b;

	if (ours < 0 || first < 0 || fstat(ours, &a) < 0 || fstat(first, &b) < 0) {
		int r = -errno;

		log_error("cannot open " BPFFS_ROOT " as pid 1 sees it: %s", strerror(-r));
		return r;
	}
	if (a.st_dev != b.st_dev || a.st_ino != b.st_ino) {
		log_error(BPFFS_ROOT " is not that of pid 1; mount the BPF file system of pid 1 on " BPFFS);
		return -EXDEV;
	}
	if (fchdir(first) < 0)
		return -errno;
	prefix = "";
	return 0;
}

const char *bpffs_map_name(const char *map)
{
	const char *section = strchr(map, '.');

	if (!section)
		return map;
	return strcmp(section, ".bss") == 0 ? "state" : NULL;
}

const char *bpffs_map_path(const char *map, char path[BPFFS_PATH_MAX])
{
	(void)snprintf(path, BPFFS_PATH_MAX, "%smaps/%s", prefix, map);
	return path;
}

const char *bpffs_link_path(unsigned generation, const char *program, char path[BPFFS_PATH_MAX])
{
	(void)snprintf(path, BPFFS_PATH_MAX, "%slinks/%u/%s", prefix, generation, program);
	return path;
}

static DIR *open_links(void)
{
	return opendir(*prefix ? BPFFS_ROOT "/links" : "links");
}

/* The next folder of links named by a generation; 0 at the end. */
static unsigned next_generation(DIR *dir)
{
	struct dirent *entry;

	while ((entry = readdir(dir))) {
		char *end;
		unsigned long number = strtoul(entry->d_name, &end, 10);

		if (entry->d_name[0] >= '1' && entry->d_name[0] <= '9' && *end == '\0' && number < 1u << 31)
			return (unsigned)number;
	}
	return 0;
}

unsigned bpffs_last_generation(void)
{
	_cleanup_closedir_ DIR *dir = open_links();
	unsigned last = 0, generation;

	while (dir && (generation = next_generation(dir)))
		last = MAX_OF(last, generation);
	return last;
}

int bpffs_make_generation(unsigned generation)
{
	char path[BPFFS_PATH_MAX];

	FORMAT(path, "%slinks/%u", prefix, generation);
	return make_folder(path);
}

/* Removes a folder with the pins in it. */
static void remove_folder(const char *path)
{
	_cleanup_closedir_ DIR *dir = opendir(path);
	struct dirent *entry;

	while (dir && (entry = readdir(dir)))
		if (entry->d_name[0] != '.' && unlinkat(dirfd(dir), entry->d_name, 0) < 0)
			log_warning("cannot remove %s/%s: %s, ignoring", path, entry->d_name,
				    strerror(errno));
	if (rmdir(path) < 0 && errno != ENOENT)
		log_warning("cannot remove %s: %s, ignoring", path, strerror(errno));
}

void bpffs_remove_generation(unsigned generation)
{
	char path[64];

	FORMAT(path, "%slinks/%u", prefix, generation);
	remove_folder(path);
}

void bpffs_remove_generations_before(unsigned generation)
{
	_cleanup_closedir_ DIR *dir = open_links();
	unsigned other;

	while (dir && (other = next_generation(dir)))
		if (other < generation)
			bpffs_remove_generation(other);
}

const char *bpffs_lock_path(const char *program, char path[BPFFS_PATH_MAX])
{
	(void)snprintf(path, BPFFS_PATH_MAX, "%slock/%s", prefix, program);
	return path;
}

int bpffs_make_lock(void)
{
	return make_folder(*prefix ? BPFFS_LOCK : "lock");
}

void bpffs_remove_lock(void)
{
	remove_folder(*prefix ? BPFFS_LOCK : "lock");
}
