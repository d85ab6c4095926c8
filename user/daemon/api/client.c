// SPDX-License-Identifier: LGPL-2.1-or-later
/* See client.h. */
#include "api/client.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/nsfs.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include "api/params.h"
#include "base/cgroup.h"
#include "base/namespaces.h"
#include "process/peer.h"
#include "process/procfs.h"

#define SYS_ADMIN 21		/* CAP_SYS_ADMIN, linux/capability.h */
#define USER_LEVELS 32		/* user namespaces in one another (kernel/user_namespace.c, create_user_ns) */
#define STATUS_MAX 8192

/* --- what /proc says --- */

static int read_standing(int proc_fd, const char *path, struct creds *ret)
{
	char text[STATUS_MAX];
	int r = procfs_read(proc_fd, path, text, sizeof(text));

	return r < 0 ? r : creds_parse(text, ret);
}

static bool same_file(const struct stat *a, const struct stat *b)
{
	return a->st_ino == b->st_ino && a->st_dev == b->st_dev;
}

/* --- who it is --- */

/* Its /proc/PID, surely its own: the pid is still its while the pidfd says that it lives. */
static int open_peer(int socket, pid_t pid, uint64_t begun)
{
	_cleanup_close_ int pidfd = peer_open(socket, pid, begun), fd = -1;

	if (pidfd < 0)
		return -1;
	fd = procfs_open(pid);
	if (fd < 0 || !procfs_lives(pidfd))
		return -1;
	return TAKE_FD(fd);
}

/*
 * Who made the outermost user namespace that it is in, if not root: all users of that namespace
 * are him. (Its uids are as many as /etc/subuid gives him.) bpf/places.h has the same rule.
 */
static uid_t find_account(int proc_fd, int self_fd, uid_t uid)
{
	_cleanup_close_ int fd = openat(proc_fd, "ns/user", O_RDONLY | O_CLOEXEC);
	struct stat ours, theirs;
	uid_t owner = 0;

	if (fd < 0 || fstatat(self_fd, "ns/user", &ours, 0) < 0)
		return ASKER_UNKNOWN;
	for (int i = 0; i <= USER_LEVELS; i++) {
		int parent;

		if (fstat(fd, &theirs) < 0)
			break;
		if (same_file(&ours, &theirs))
			return owner ?: uid;
		parent = ioctl(fd, NS_GET_OWNER_UID, &owner) < 0 ? -1 : ioctl(fd, NS_GET_PARENT);
		if (parent < 0)
			break;
		(void)close(fd);
		fd = parent;
	}
	return ASKER_UNKNOWN;
}

/* The armed container that it is in; "": none. */
static const char *container_of(const struct containers *containers, int proc_fd)
{
	_cleanup_free_ char *cgroup = containers ? cgroup_read(proc_fd) : NULL;
	const char *name = NULL;
	uint64_t id;

	if (cgroup && cgroup_id(cgroup, &id) >= 0)
		name = containers_find(containers, id);
	return name ?: "";
}

/* Sets rank, or the reason why it has none. */
static void rank(struct asker *asker, int self_fd)
{
	if (asker->uid != 0)
		return;
	if (asker->proc_fd < 0)
		asker->not_root = "the process that has connected is gone, or in a pid namespace that mseald does not see";
	else if (namespaces_same(asker->proc_fd, self_fd, "user") <= 0)
		asker->not_root = "it is in another user namespace than mseald";
	else if (!asker->same_pids)
		asker->not_root = "it is in another pid namespace than mseald, as in a container";
	else if (*asker->container)
		asker->not_root = "it is in a container that mseald seals";
	else if (!(asker->creds.effective & UINT64_C(1) << SYS_ADMIN)) {
		asker->not_root = "it does not have CAP_SYS_ADMIN";
		asker->rank = ASKER_HOST;
	} else {
		asker->rank = ASKER_ROOT;
	}
}

void asker_open(int socket, const struct ucred *peer, uint64_t begun, const struct containers *containers,
		struct asker *ret)
{
	struct asker asker = { .uid = peer->uid, .gid = peer->gid, .account = ASKER_UNKNOWN, .pid = peer->pid,
			       .containers = containers };
	_cleanup_close_ int self_fd = open("/proc/self", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	asker.proc_fd = open_peer(socket, peer->pid, begun);
	if (asker.proc_fd >= 0 && (self_fd < 0 || read_standing(asker.proc_fd, "status", &asker.creds) < 0)) {
		(void)close(asker.proc_fd);
		asker.proc_fd = -1;
	}
	if (asker.proc_fd >= 0) {
		asker.same_pids = namespaces_same(asker.proc_fd, self_fd, "pid") > 0;
		asker.account = find_account(asker.proc_fd, self_fd, asker.uid);
		(void)snprintf(asker.container, sizeof(asker.container), "%s", container_of(containers, asker.proc_fd));
	}
	rank(&asker, self_fd);
	*ret = asker;
}

void asker_close(struct asker *asker)
{
	cleanup_close(&asker->proc_fd);
}

bool asker_lives(const struct asker *asker)
{
	return asker->proc_fd >= 0 && procfs_lives(asker->proc_fd);
}

/* --- pids --- */

/* The process that has this pid in the asker's pid namespace, and is in it itself. 0: none. */
static pid_t search_namespace(const struct asker *asker, pid_t named)
{
	DIR *folder = opendir("/proc");
	struct dirent *entry;
	pid_t found = 0;

	while (folder && !found && (entry = readdir(folder))) {
		_cleanup_close_ int fd = -1;
		struct creds creds;

		if (!isdigit((unsigned char)entry->d_name[0]))
			continue;
		fd = openat(dirfd(folder), entry->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (fd >= 0 && namespaces_same(fd, asker->proc_fd, "pid") > 0 && read_standing(fd, "status", &creds) >= 0 &&
		    creds_own_pid(&creds) == named)
			found = (pid_t)strtol(entry->d_name, NULL, 10);
	}
	if (folder)
		(void)closedir(folder);
	return found;
}

int asker_find_pid(const struct asker *asker, pid_t named, pid_t *ret, struct error *error)
{
	pid_t pid = asker->rank == ASKER_ROOT || asker->same_pids ? named : 0;

	if (!pid && asker->proc_fd >= 0)
		pid = creds_own_pid(&asker->creds) == named ? asker->pid : search_namespace(asker, named);
	if (!pid)
		return error_set(error, "NoSuchProcess", named,
			    "pid %d: no such process in the pid namespace of the caller, which is not mseald's", (int)named);
	*ret = pid;
	return 0;
}

int asker_read_pid(const struct asker *asker, json_t *parameters, bool needed, pid_t *ret, const char **ret_bad,
		   struct error *error)
{
	pid_t named = 0;
	int r = parameter_pid(parameters, needed, &named, ret_bad);

	return r < 0 || !named ? r : asker_find_pid(asker, named, ret, error);
}

pid_t asker_pid_for(const struct asker *asker, pid_t pid)
{
	_cleanup_close_ int fd = -1;
	struct creds creds;

	if (asker->rank == ASKER_ROOT || asker->same_pids)
		return pid;
	fd = procfs_open(pid);
	if (fd < 0 || asker->proc_fd < 0 || namespaces_same(fd, asker->proc_fd, "pid") <= 0 ||
	    read_standing(fd, "status", &creds) < 0)
		return 0;
	return creds_own_pid(&creds);
}

/* --- what it may --- */

/*
 * Can be traced by its user: files of others belong to root (fs/proc/base.c, task_dump_owner). Of a
 * process that is just having its exec, what it was: so this waits until that is over, by opening its maps (mm_access takes
 * exec_update_lock, which exec holds from the new memory to the new privileges; fs/exec.c, kernel/fork.c).
 */
static bool is_dumpable(const struct target *target, uid_t uid)
{
	_cleanup_close_ int maps = -1;
	struct stat file;
	char path[48];

	(void)snprintf(path, sizeof(path), "task/%d/maps", (int)target->tid);
	maps = openat(target->proc_fd, path, O_RDONLY | O_CLOEXEC);
	(void)snprintf(path, sizeof(path), "task/%d/auxv", (int)target->tid);
	return maps >= 0 && fstatat(target->proc_fd, path, &file, 0) == 0 && file.st_uid == uid;
}

static int refuse(const struct target *target, struct error *error, const char *why)
{
	return error_set(error, "PermissionDenied", target->pid, "pid %d %s", (int)target->pid, why);
}

int asker_may(const struct asker *asker, const struct target *target, struct error *error)
{
	bool dumpable = is_dumpable(target, asker->uid);
	struct creds creds;
	char path[48];

	if (asker->rank == ASKER_ROOT)
		return 0;
	if (asker->proc_fd < 0)
		return refuse(target, error, "can be sealed by the processes of its user only, and the caller is gone, or in a pid "
			      "namespace that mseald does not see");
	if (!creds_is_all(&asker->creds, asker->uid, asker->gid))
		return refuse(target, error, "is not the caller's to seal, which has other user or group ids by now than when it connected");
	(void)snprintf(path, sizeof(path), "task/%d/status", (int)target->tid);
	if (read_standing(target->proc_fd, path, &creds) < 0)
		return error_set_errno(error, target->pid, -ESRCH, "");
	if (!creds_is_all(&creds, asker->uid, asker->gid))
		return refuse(target, error, "has other user or group ids than the caller; only root may ask about it");
	if (!dumpable)
		return refuse(target, error, "has privileges that its user has not, or cannot be traced by him for another reason "
			      "(PR_SET_DUMPABLE); only root may ask about it");
	if (!asker->same_pids && namespaces_same(target->proc_fd, asker->proc_fd, "pid") <= 0)
		return refuse(target, error, "is in another pid namespace than the caller");
	if (target->pid != asker->pid && namespaces_same(target->proc_fd, asker->proc_fd, "user") <= 0)
		return refuse(target, error, "is in another user namespace than the caller; only root may ask about it");
	if (*asker->container && strcmp(asker->container, container_of(asker->containers, target->proc_fd)) != 0)
		return refuse(target, error, "is not in the container that the caller is in");
	if (!creds_covers(&asker->creds, &creds))
		return refuse(target, error, "has capabilities that the caller has not; only root may ask about it");
	return 0;
}
