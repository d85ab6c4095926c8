// SPDX-License-Identifier: LGPL-2.1-or-later
/* See client.h. */
#include "api/client.h"

#include <ctype.h>
#include <linux/nsfs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include "api/params.h"
#include "base/cgroup.h"
#include "base/namespaces.h"
#include "process/peer.h"
#include "process/procfs.h"
#include "process/reader.h"

#define SYS_ADMIN 21   /* CAP_SYS_ADMIN, linux/capability.h */
#define USER_LEVELS 32 /* nested user namespaces (kernel/user_namespace.c, create_user_ns) */
#define STATUS_MAX 8192

/* --- facts from /proc --- */

static int read_creds(int proc_fd, const char *path, struct creds *ret)
{
	char text[STATUS_MAX];
	int r = file_read(proc_fd, path, text, sizeof(text));

	return r < 0 ? r : creds_parse(text, ret);
}

/* --- identity --- */

/* Opens the client's own /proc/PID: the pid cannot have been reused while the pidfd reports it alive. */
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
 * The user who made the client's outermost user namespace, unless root. All users of that namespace are
 * charged to this user, who may have many uids by /etc/subuid. bpf/quota.h has the same rule.
 */
static uid_t find_account(int proc_fd, int self_fd, uid_t uid)
{
	_cleanup_close_ int fd = openat(proc_fd, "ns/user", O_RDONLY | O_CLOEXEC);
	struct stat ours, theirs;
	uid_t owner = 0;

	if (fd < 0 || fstatat(self_fd, "ns/user", &ours, 0) < 0)
		return CLIENT_UNKNOWN;
	for (int i = 0; i <= USER_LEVELS; i++) {
		int parent;

		if (fstat(fd, &theirs) < 0)
			break;
		if (ours.st_ino == theirs.st_ino && ours.st_dev == theirs.st_dev)
			return owner ?: uid;
		parent = ioctl(fd, NS_GET_OWNER_UID, &owner) < 0 ? -1 : ioctl(fd, NS_GET_PARENT);
		if (parent < 0)
			break;
		(void)close(fd);
		fd = parent;
	}
	return CLIENT_UNKNOWN;
}

/* Id of the watched container that the process is in; "": none. */
static const char *container_of(const struct containers *containers, int proc_fd)
{
	_cleanup_free_ char *cgroup = containers ? cgroup_read(proc_fd) : NULL;
	const char *name = NULL;
	uint64_t id;

	if (cgroup && cgroup_id(cgroup, &id) >= 0)
		name = containers_find(containers, id);
	return name ?: "";
}

/* Sets the rank, or the reason for having none. */
static void rank(struct client *client, int self_fd)
{
	if (client->uid != 0)
		return;
	if (client->proc_fd < 0)
		client->not_root = "has exited, or is in a hidden pid namespace";
	else if (namespaces_same(client->proc_fd, self_fd, "user") <= 0)
		client->not_root = "is in another user namespace";
	else if (!client->same_pids)
		client->not_root = "is in another pid namespace";
	else if (*client->container)
		client->not_root = "is in a container that mseald seals";
	else if (!(client->creds.effective & UINT64_C(1) << SYS_ADMIN)) {
		client->not_root = "lacks CAP_SYS_ADMIN";
		client->rank = CLIENT_HOST;
	} else {
		client->rank = CLIENT_ROOT;
	}
}

void client_open(int socket, const struct ucred *peer, uint64_t begun, const struct containers *containers,
		 struct client *ret)
{
	struct client client = { .uid = peer->uid,
				 .gid = peer->gid,
				 .account = CLIENT_UNKNOWN,
				 .pid = peer->pid,
				 .containers = containers };
	_cleanup_close_ int self_fd = open("/proc/self", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	client.proc_fd = open_peer(socket, peer->pid, begun);
	if (client.proc_fd >= 0 && (self_fd < 0 || read_creds(client.proc_fd, "status", &client.creds) < 0)) {
		(void)close(client.proc_fd);
		client.proc_fd = -1;
	}
	if (client.proc_fd >= 0) {
		client.same_pids = namespaces_same(client.proc_fd, self_fd, "pid") > 0;
		client.account = find_account(client.proc_fd, self_fd, client.uid);
		FORMAT(client.container, "%s", container_of(containers, client.proc_fd));
	}
	rank(&client, self_fd);
	*ret = client;
}

void client_close(struct client *client)
{
	cleanup_close(&client->proc_fd);
}

bool client_lives(const struct client *client)
{
	return client->proc_fd >= 0 && procfs_lives(client->proc_fd);
}

/* --- pids --- */

/* The process with this pid in the client's pid namespace, which must be its own namespace too. 0: none. */
static pid_t search_namespace(const struct client *client, pid_t named)
{
	_cleanup_closedir_ DIR *folder = opendir("/proc");
	struct dirent *entry;
	pid_t found = 0;

	while (folder && !found && (entry = readdir(folder))) {
		_cleanup_close_ int fd = -1;
		struct creds creds;

		if (!isdigit((unsigned char)entry->d_name[0]))
			continue;
		fd = openat(dirfd(folder), entry->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (fd >= 0 && namespaces_same(fd, client->proc_fd, "pid") > 0 &&
		    read_creds(fd, "status", &creds) >= 0 && creds_own_pid(&creds) == named)
			found = strtol(entry->d_name, NULL, 10);
	}
	return found;
}

static int find_pid(const struct client *client, pid_t named, pid_t *ret, struct error *error)
{
	pid_t pid = client->rank == CLIENT_ROOT || client->same_pids ? named : 0;

	if (!pid && client->proc_fd >= 0)
		pid = creds_own_pid(&client->creds) == named ? client->pid : search_namespace(client, named);
	if (!pid)
		return error_about(error, "NoSuchProcess", named,
				   ": no such process in the pid namespace of the client");
	*ret = pid;
	return 0;
}

int client_read_pid(const struct client *client, json_t *parameters, bool needed, pid_t *ret,
		    const char **ret_bad, struct error *error)
{
	pid_t named = 0;
	int r = params_pid(parameters, needed, &named, ret_bad);

	return r < 0 || !named ? r : find_pid(client, named, ret, error);
}

pid_t client_pid_for(const struct client *client, pid_t pid)
{
	_cleanup_close_ int fd = -1;
	struct creds creds;

	if (client->rank == CLIENT_ROOT || client->same_pids)
		return pid;
	fd = procfs_open(pid);
	if (fd < 0 || client->proc_fd < 0 || namespaces_same(fd, client->proc_fd, "pid") <= 0 ||
	    read_creds(fd, "status", &creds) < 0)
		return 0;
	return creds_own_pid(&creds);
}

/* --- permissions --- */

struct question {
	pid_t tid;
	uid_t uid;
};

/*
 * A job: can this user trace the process? If not, its files in /proc belong to root (fs/proc/base.c,
 * task_dump_owner). During an exec they show the old state. Opening maps waits for the end of the exec:
 * mm_access takes exec_update_lock, which exec holds from the new memory to the new privileges (fs/exec.c,
 * kernel/fork.c).
 */
static int is_dumpable(const void *argument, const int *fds, struct reader_reply *reply)
{
	const struct question *question = argument;
	_cleanup_close_ int maps = -1;
	struct stat file;
	char path[48];

	(void)reply;
	FORMAT(path, "task/%d/maps", question->tid);
	maps = openat(fds[0], path, O_RDONLY | O_CLOEXEC);
	FORMAT(path, "task/%d/auxv", question->tid);
	return maps >= 0 && fstatat(fds[0], path, &file, 0) == 0 && file.st_uid == question->uid;
}

static int refuse(const struct target *target, struct error *error, const char *why)
{
	return error_about(error, "PermissionDenied", target->pid, " %s", why);
}

int client_may(const struct client *client, const struct target *target, struct error *error)
{
	const struct question question = { .tid = target->tid, .uid = client->uid };
	struct reader_reply reply;
	struct creds creds;
	char path[48];
	int dumpable;

	if (client->rank == CLIENT_ROOT)
		return 0;
	/* Its privileges are read after this. */
	dumpable = reader_run(target->account, target->pid, is_dumpable, &question, sizeof(question),
			      &target->proc_fd, 1, &reply);
	if (dumpable < 0)
		return error_set_errno(error, target->pid, dumpable, "cannot open /proc/PID/maps");
	if (client->proc_fd < 0)
		return refuse(
			target, error,
			"can only be sealed by its user, and the client has exited or is not visible to "
			"mseald");
	if (!creds_is_all(&client->creds, client->uid, client->gid))
		return refuse(target, error,
			      "cannot be sealed by the client, which has changed its user or group ids");
	FORMAT(path, "task/%d/status", target->tid);
	if (read_creds(target->proc_fd, path, &creds) < 0)
		return error_set_errno(error, target->pid, -ESRCH, "");
	if (!creds_is_all(&creds, client->uid, client->gid))
		return refuse(target, error,
			      "has other user or group ids than the client; only root may ask about it");
	if (!dumpable)
		return refuse(target, error,
			      "has more privileges than its user, or is not dumpable (PR_SET_DUMPABLE); only "
			      "root may ask");
	if (!client->same_pids && namespaces_same(target->proc_fd, client->proc_fd, "pid") <= 0)
		return refuse(target, error, "is in another pid namespace than the client");
	if (target->pid != client->pid && namespaces_same(target->proc_fd, client->proc_fd, "user") <= 0)
		return refuse(target, error,
			      "is in another user namespace than the client; only root may ask about it");
	if (*client->container &&
	    strcmp(client->container, container_of(client->containers, target->proc_fd)) != 0)
		return refuse(target, error, "is not in the container of the client");
	if (!creds_covers(&client->creds, &creds))
		return refuse(target, error,
			      "has capabilities that the client lacks; only root may ask about it");
	return 0;
}
