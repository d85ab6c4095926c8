// SPDX-License-Identifier: LGPL-2.1-or-later
/* WatchContainer and UnwatchContainer: turn a container's first process into a policy about its cgroup. */

#include "api/method.h"
#include "base/cgroup.h"
#include "base/error.h"
#include "base/log.h"
#include "base/namespaces.h"
#include "policy/active.h"
#include "policy/containers.h"
#include "process/procfs.h"

struct order {
	const char *id, *policy; /* policy: NULL: none */
	struct seal_spec seal;
	pid_t pid;
	char *cgroup;
	uint64_t cgroup_id;
};

static void order_free(struct order *order)
{
	free(order->cgroup);
}

/* --- parameters --- */

static int read_string(json_t *parameters, const char *name, const char **ret, const char **ret_bad)
{
	json_t *value = json_object_get(parameters, name);

	*ret_bad = name;
	if (!params_given(parameters, name))
		return 0;
	if (!json_is_string(value) || !*json_string_value(value))
		return -EINVAL;
	/* The id is written to the log, so control characters are rejected. */
	for (const char *at = json_string_value(value); *at; at++)
		if ((unsigned char)*at < 0x20 || *at == 0x7f)
			return -EINVAL;
	*ret = json_string_value(value);
	return 0;
}

static int read_id(json_t *parameters, const char **ret, const char **ret_bad)
{
	int r = read_string(parameters, "id", ret, ret_bad);

	return r < 0 ? r : names_is_container_id(*ret) ? 0 : -EINVAL;
}

static int read_order(json_t *parameters, struct order *order, const char **ret_bad)
{
	int r;

	r = read_id(parameters, &order->id, ret_bad);
	if (r >= 0)
		r = params_pid(parameters, true, &order->pid, ret_bad);
	if (r >= 0)
		r = read_string(parameters, "policy", &order->policy, ret_bad);
	if (r >= 0)
		r = params_seal_spec(parameters, &order->seal, ret_bad);
	return r;
}

/* Takes the seals of the policy that the request names. */
static int find_policy(struct daemon *daemon, struct order *order, json_t *parameters, struct error *error)
{
	static const char *const others[] = { "segments", "deny", "action", "dlopen" };
	int r;

	for (size_t i = 0; order->policy && i < ELEMENTS(others); i++)
		if (params_given(parameters, others[i]))
			return error_set(error, "Failed", 0,
					 "%s and policy exclude each other; leave one out", others[i]);
	if (!order->policy)
		return 0;
	r = active_find_seal(&daemon->active, order->policy, &order->seal);
	if (r == -ENOENT)
		return error_set(
			error, "NoSuchPolicy", 0,
			"there is no valid policy %.128s; see msealctl policy list-files and policy check",
			order->policy);
	if (r < 0)
		return error_set(error, "Failed", 0, "cannot read the policies: %s", strerror(-r));
	if (!order->seal.segments)
		return error_set(error, "NoSuchPolicy", 0,
				 "the policy %.128s exempts (Segments=none) and seals no container",
				 order->policy);
	return 0;
}

/* --- the cgroup --- */

/* Would a policy about this cgroup match that process? */
static bool holds(const char *cgroup, int proc_fd)
{
	_cleanup_free_ char *other = proc_fd < 0 ? NULL : cgroup_read(proc_fd);

	return !other || cgroup_within(other, cgroup);
}

/* Checks that the cgroup is the container's own: mseald, pid 1 and the client must not be in it. */
static int judge_cgroup(const struct order *order, int peer_proc, struct error *error)
{
	static const char advice[] = "a container needs its own cgroup (v2)";
	_cleanup_close_ int self = procfs_open(getpid()), init = procfs_open(1);

	if (strcmp(order->cgroup, "/") == 0)
		return error_about(error, "NoCgroup", order->pid, " is in the root cgroup; %s", advice);
	if (strncmp(order->cgroup, "/..", 3) == 0)
		return error_about(
			error, "NoCgroup", order->pid,
			" is in a cgroup outside mseald's cgroup namespace; run mseald in the host's");
	if (strlen(order->cgroup) >= POLICY_PATH_MAX)
		return error_about(error, "NoCgroup", order->pid,
				   ": the path of the cgroup has %zu bytes; at most %d are possible",
				   strlen(order->cgroup), POLICY_PATH_MAX - 1);
	if (holds(order->cgroup, self) || holds(order->cgroup, init) || holds(order->cgroup, peer_proc))
		return error_about(error, "NoCgroup", order->pid,
				   " is in the cgroup %.200s, which other processes use; %s", order->cgroup,
				   advice);
	return 0;
}

/* Reads the path and id of the cgroup. Both belong to the same cgroup, and the process was in it. */
static int read_cgroup(struct order *order, int proc_fd, struct error *error)
{
	_cleanup_free_ char *again = NULL;
	int r;

	order->cgroup = cgroup_read(proc_fd);
	if (!order->cgroup)
		return error_about(error, "NoCgroup", order->pid, " has no cgroup (v2), or has exited");
	r = cgroup_id(order->cgroup, &order->cgroup_id);
	again = cgroup_read(proc_fd);
	if (!again || !procfs_lives(proc_fd))
		return error_set_errno(error, order->pid, -ESRCH, "");
	if (r >= 0 && strcmp(again, order->cgroup) != 0)
		return error_about(error, "Changing", order->pid, " is changing its cgroup; try again");
	if (r < 0)
		return error_about(error, "NoCgroup", order->pid, ": cannot read the cgroup %.200s: %s",
				   order->cgroup, strerror(-r));
	return 0;
}

static int find_cgroup(struct connection *connection, struct order *order, struct error *error)
{
	_cleanup_close_ int proc_fd = procfs_open(order->pid), peer = procfs_open(connection->peer.pid);
	_cleanup_close_ int self = procfs_open(getpid());
	int r;

	if (proc_fd < 0)
		return error_set_errno(error, order->pid, proc_fd, "cannot open /proc/PID");
	/* Client and daemon must mean the same process by a pid. */
	if (self < 0 || peer < 0 || namespaces_same(self, peer, "pid") <= 0)
		return error_set(error, "Unsupported", order->pid,
				 "the client is in another pid namespace, where pid %d is another process",
				 order->pid);
	r = read_cgroup(order, proc_fd, error);
	return r < 0 ? r : judge_cgroup(order, peer, error);
}

/* --- the methods --- */

static int put_in_force(struct daemon *daemon, const struct order *order, struct error *error)
{
	int r = containers_add(&daemon->containers, order->id, order->cgroup, order->cgroup_id, &order->seal);

	if (r == -ENOSPC)
		return error_set(error, "NoRoom", order->pid,
				 "there is no room for another container policy (at most %d) or its triggers",
				 CONTAINERS_MAX);
	if (r == -EINVAL)
		return error_about(error, "NoCgroup", order->pid,
				   ": the name of the cgroup cannot be written in a policy");
	if (r < 0)
		return error_set(error, "Failed", order->pid,
				 "cannot activate a policy for the container: %s", strerror(-r));
	return 0;
}

int method_watch_container(struct connection *connection, json_t *parameters)
{
	struct daemon *daemon = connection->server->daemon;
	_cleanup_(order_free) struct order order = { .seal = SEAL_SPEC_DEFAULT };
	struct error error = {};
	const char *bad;
	int r;

	r = read_order(parameters, &order, &bad);
	if (r < 0)
		return reply_bad(connection, r, bad);
	r = find_policy(daemon, &order, parameters, &error);
	if (r >= 0)
		r = find_cgroup(connection, &order, &error);
	if (r >= 0)
		r = put_in_force(daemon, &order, &error);
	if (r < 0) {
		log_warning("container %s is not watched: %s", order.id, error.message);
		return reply_failure(connection, &error);
	}
	log_info("container %s: programs that start in %s will be sealed%s%s", order.id, order.cgroup,
		 order.policy ? " by policy " : "", order.policy ?: "");
	return connection_reply(connection, json_pack("{s:s}", "cgroup", order.cgroup), false);
}

int method_unwatch_container(struct connection *connection, json_t *parameters)
{
	struct daemon *daemon = connection->server->daemon;
	struct error error = {};
	const char *id = NULL, *bad;
	int r;

	r = read_id(parameters, &id, &bad);
	if (r < 0)
		return reply_bad(connection, r, bad);
	r = containers_remove(&daemon->containers, id);
	if (r == -ENOENT)
		(void)error_set(&error, "NoSuchContainer", 0,
				"there is no policy for container %s; see msealctl policy list", id);
	else if (r < 0)
		(void)error_set(&error, "Failed", 0, "cannot deactivate the policy of container %s: %s", id,
				strerror(-r));
	return r < 0 ? reply_failure(connection, &error) : connection_reply(connection, NULL, false);
}
