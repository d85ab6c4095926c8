// SPDX-License-Identifier: LGPL-2.1-or-later
/* See arming.h. */
#include "arming.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "cgroup.h"
#include "containers.h"
#include "failure.h"
#include "inforce.h"
#include "log.h"
#include "lib/base/names.h"
#include "parameters.h"

struct order {
	const char *id, *policy;	/* policy: NULL for none */
	struct policy seal;		/* of this classes, stops, action, dlopen and gate */
	pid_t pid;
	char *cgroup;
	uint64_t cgroup_id;
};

static void order_free(struct order *order)
{
	free(order->cgroup);
}

/* An open /proc/PID: it never becomes that of another process. */
static int open_proc(pid_t pid)
{
	char path[32];
	int fd;

	(void)snprintf(path, sizeof(path), "/proc/%d", (int)pid);
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

/* --- what is asked for --- */

static int read_string(json_t *parameters, const char *name, const char **ret, const char **ret_bad)
{
	json_t *value = json_object_get(parameters, name);

	*ret_bad = name;
	if (!parameter_given(parameters, name))
		return 0;
	if (!json_is_string(value) || !*json_string_value(value))
		return -EINVAL;
	/* It is told of in the log. */
	for (const char *at = json_string_value(value); *at; at++)
		if ((unsigned char)*at < 0x20 || *at == 0x7f)
			return -EINVAL;
	*ret = json_string_value(value);
	return 0;
}

static int read_id(json_t *parameters, const char **ret, const char **ret_bad)
{
	int r = read_string(parameters, "id", ret, ret_bad);

	return r < 0 ? r : *ret && container_id_valid(*ret) ? 0 : -EINVAL;
}

static int read_order(json_t *parameters, struct order *order, const char **ret_bad)
{
	struct seal_request options = { .stops = MSEALD_STOP_DEFAULT, .action = MSEALD_ACTION_DENY };
	int r;

	r = read_id(parameters, &order->id, ret_bad);
	if (r >= 0)
		r = parameter_pid(parameters, true, &order->pid, ret_bad);
	if (r >= 0)
		r = read_string(parameters, "policy", &order->policy, ret_bad);
	if (r >= 0)
		r = parameter_seal_options(parameters, &options, ret_bad);
	if (r >= 0)
		r = parameter_bool(parameters, "dlopen", &order->seal.dlopen, ret_bad);
	order->seal.classes = options.classes ?: MSEALD_CLASSES_ALL;
	order->seal.stops = options.stops;
	order->seal.action = options.action;
	return r;
}

/* How it is sealed, where a policy says it. */
static int find_policy(struct daemon *daemon, struct order *order, json_t *parameters, struct failure *failure)
{
	static const char *const others[] = { "segments", "deny", "action", "dlopen" };
	int r;

	for (size_t i = 0; order->policy && i < ELEMENTS(others); i++)
		if (parameter_given(parameters, others[i]))
			return fail(failure, "Failed", 0, "%s beside a policy, which says it; leave one of them out", others[i]);
	if (!order->policy)
		return 0;
	r = inforce_find_seal(daemon->inforce, order->policy, &order->seal);
	if (r == -ENOENT)
		return fail(failure, "NoSuchPolicy", 0,
			    "there is no policy %.128s, or it has a fault; msealctl policy list-files and policy check tell",
			    order->policy);
	if (r < 0)
		return fail(failure, "Failed", 0, "cannot read the policies: %s", strerror(-r));
	if (!order->seal.classes)
		return fail(failure, "NoSuchPolicy", 0, "the policy %.128s exempts (Segments=none), so it seals no container",
			    order->policy);
	return 0;
}

/* --- whose cgroup it is --- */

/* A number means the same process to both. */
static bool sees_same_pids(int peer_proc)
{
	struct stat ours, theirs;

	return stat("/proc/self/ns/pid", &ours) == 0 && fstatat(peer_proc, "ns/pid", &theirs, 0) == 0 &&
	       ours.st_ino == theirs.st_ino && ours.st_dev == theirs.st_dev;
}

/* Would a policy about this cgroup be one about that process? */
static bool holds(const char *cgroup, int proc_fd)
{
	_cleanup_free_ char *other = proc_fd < 0 ? NULL : cgroup_read(proc_fd);

	return !other || cgroup_within(other, cgroup);
}

/* A cgroup of the container's own: nobody else is in it who can be known not to belong there. */
static int judge_cgroup(const struct order *order, int peer_proc, struct failure *failure)
{
	static const char advice[] = "a container needs a cgroup of its own (cgroups v2) to be sealed";
	_cleanup_close_ int self = open_proc(getpid()), init = open_proc(1);

	if (strcmp(order->cgroup, "/") == 0)
		return fail(failure, "NoCgroup", order->pid, "pid %d is in the root cgroup; %s", (int)order->pid, advice);
	if (strncmp(order->cgroup, "/..", 3) == 0)
		return fail(failure, "NoCgroup", order->pid,
			    "pid %d is in a cgroup that mseald does not see from its own cgroup namespace; run mseald in the "
			    "host's", (int)order->pid);
	if (strlen(order->cgroup) >= POLICY_PATH_MAX)
		return fail(failure, "NoCgroup", order->pid, "pid %d: the path of its cgroup has %zu bytes; it can have %d",
			    (int)order->pid, strlen(order->cgroup), POLICY_PATH_MAX - 1);
	if (holds(order->cgroup, self) || holds(order->cgroup, init) || holds(order->cgroup, peer_proc))
		return fail(failure, "NoCgroup", order->pid, "pid %d is in the cgroup %.200s, which is not the container's alone; %s",
			    (int)order->pid, order->cgroup, advice);
	return 0;
}

/* Its cgroup, by path and id, both of the same one, while the process was there. */
static int read_cgroup(struct order *order, int proc_fd, struct failure *failure)
{
	_cleanup_free_ char *again = NULL;
	int r;

	order->cgroup = cgroup_read(proc_fd);
	if (!order->cgroup)
		return fail(failure, "NoCgroup", order->pid, "pid %d has no cgroup (v2), or is gone", (int)order->pid);
	r = cgroup_id(order->cgroup, &order->cgroup_id);
	again = cgroup_read(proc_fd);
	if (!again || syscall(SYS_pidfd_send_signal, proc_fd, 0, NULL, 0) < 0)
		return fail_errno(failure, order->pid, -ESRCH, "");
	if (r >= 0 && strcmp(again, order->cgroup) != 0)
		return fail(failure, "Changing", order->pid, "pid %d is just changing its cgroup", (int)order->pid);
	if (r < 0)
		return fail(failure, "NoCgroup", order->pid, "pid %d: cannot look at its cgroup %.200s: %s", (int)order->pid,
			    order->cgroup, strerror(-r));
	return 0;
}

static int find_cgroup(struct connection *connection, struct order *order, struct failure *failure)
{
	_cleanup_close_ int proc_fd = open_proc(order->pid), peer = open_proc(connection_peer(connection)->pid);
	int r;

	if (proc_fd < 0)
		return fail_errno(failure, order->pid, proc_fd, "cannot open it");
	if (peer < 0 || !sees_same_pids(peer))
		return fail(failure, "Unsupported", order->pid,
			    "the caller is in another pid namespace than mseald, where pid %d is another process",
			    (int)order->pid);
	r = read_cgroup(order, proc_fd, failure);
	return r < 0 ? r : judge_cgroup(order, peer, failure);
}

/* --- the methods --- */

static int put_in_force(struct daemon *daemon, const struct order *order, struct failure *failure)
{
	int r = containers_add(daemon->containers, order->id, order->cgroup, order->cgroup_id, &order->seal);

	if (r == -ENOSPC)
		return fail(failure, "NoRoom", order->pid, "there are too many container policies (at most %d) or triggers",
			    CONTAINERS_MAX);
	if (r == -EINVAL)
		return fail(failure, "NoCgroup", order->pid, "pid %d: its cgroup has a name that no policy can hold",
			    (int)order->pid);
	if (r < 0)
		return fail(failure, "Failed", order->pid, "cannot put a policy in force for the container: %s", strerror(-r));
	return 0;
}

int arming_call_arm(struct connection *connection, json_t *parameters, bool more)
{
	struct daemon *daemon = connection_daemon(connection);
	_cleanup_(order_free) struct order order = {};
	struct failure failure = {};
	const char *bad;
	int r;

	(void)more;
	r = read_order(parameters, &order, &bad);
	if (r < 0)
		return reply_bad(connection, r, bad);
	r = find_policy(daemon, &order, parameters, &failure);
	if (r >= 0)
		r = find_cgroup(connection, &order, &failure);
	if (r >= 0)
		r = put_in_force(daemon, &order, &failure);
	if (r < 0) {
		log_warning("container %s is not armed: %s", order.id, failure.message);
		return reply_failure(connection, &failure);
	}
	log_info("container %s: what starts in %s from now on is to be sealed%s%s", order.id, order.cgroup, order.policy ? " by policy " : "",
		 order.policy ?: "");
	return connection_reply(connection, json_pack("{s:s}", "cgroup", order.cgroup), false);
}

int arming_call_disarm(struct connection *connection, json_t *parameters, bool more)
{
	struct daemon *daemon = connection_daemon(connection);
	struct failure failure = {};
	const char *id = NULL, *bad;
	int r;

	(void)more;
	r = read_id(parameters, &id, &bad);
	if (r < 0)
		return reply_bad(connection, r, bad);
	r = containers_remove(daemon->containers, id);
	if (r == -ENOENT)
		(void)fail(&failure, "NoSuchContainer", 0, "there is no policy of a container %s; msealctl policy list has all", id);
	else if (r < 0)
		(void)fail(&failure, "Failed", 0, "cannot take the policy of container %s out of force: %s", id, strerror(-r));
	return r < 0 ? reply_failure(connection, &failure) : connection_reply(connection, NULL, false);
}
