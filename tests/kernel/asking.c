/* SPDX-License-Identifier: LGPL-2.1-or-later */
#define _GNU_SOURCE
#include "asking.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "daemon.h"
#include "tap.h"

static void must(struct puppet *puppet, const char *what, long result)
{
	if (result < 0)
		bail("%s: %s", what, puppet_text(puppet, result));
}

void puppet_become(struct puppet *puppet, uid_t uid, gid_t gid)
{
	must(puppet, "setgroups", puppet_call(puppet, SYS_setgroups, 0, 0));
	must(puppet, "setresgid", puppet_call(puppet, SYS_setresgid, gid, gid, gid));
	must(puppet, "setresuid", puppet_call(puppet, SYS_setresuid, uid, uid, uid));
	must(puppet, "prctl", puppet_call(puppet, SYS_prctl, PR_SET_DUMPABLE, 1, 0, 0, 0));
}

struct puppet *puppet_of(uid_t uid, gid_t gid)
{
	struct puppet *puppet = puppet_new();

	puppet_become(puppet, uid, gid);
	return puppet;
}

void puppet_keep_capabilities(struct puppet *puppet, uint64_t mask)
{
	struct {
		struct __user_cap_header_struct header;
		struct __user_cap_data_struct data[2];
	} *caps = puppet_data(puppet);

	caps->header = (struct __user_cap_header_struct){ .version = _LINUX_CAPABILITY_VERSION_3 };
	must(puppet, "capget", puppet_call(puppet, SYS_capget, (long)&caps->header, (long)caps->data));
	for (int i = 0; i < 2; i++) {
		caps->data[i].permitted &= (uint32_t)(mask >> 32 * i);
		caps->data[i].effective = caps->data[i].permitted;
		caps->data[i].inheritable = 0;
	}
	must(puppet, "capset", puppet_call(puppet, SYS_capset, (long)&caps->header, (long)caps->data));
	must(puppet, "prctl", puppet_call(puppet, SYS_prctl, PR_SET_DUMPABLE, 1, 0, 0, 0));
}

static void write_map(pid_t pid, const char *name, uid_t outside, unsigned count)
{
	char path[64], text[64];
	int fd, length;

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
	length = snprintf(text, sizeof(text), "0 %u %u\n", outside, count);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, text, (size_t)length) != length)
		bail("%s: %m", path);
	close(fd);
}

void puppet_user_namespace(struct puppet *puppet, uid_t outside, unsigned count)
{
	must(puppet, "unshare", puppet_call(puppet, SYS_unshare, CLONE_NEWUSER));
	write_map(puppet->pid, "uid_map", outside, count);
	write_map(puppet->pid, "gid_map", outside, count);
	must(puppet, "prctl", puppet_call(puppet, SYS_prctl, PR_SET_DUMPABLE, 1, 0, 0, 0));
}

void puppet_pid_namespace(struct puppet *puppet)
{
	must(puppet, "unshare", puppet_call(puppet, SYS_unshare, CLONE_NEWPID));
}

struct puppet *puppet_child(struct puppet *of, unsigned long flags)
{
	long error = 0;
	struct puppet *puppet = puppet_clone(of, flags, &error);

	if (!puppet)
		bail("clone: %s", strerror((int)-error));
	return puppet;
}

/* --- inside --- */

static void note(struct asked *asked, const char *error, const json_t *reply)
{
	const json_t *spaces = json_object_get(reply, "spaces");

	*asked = (struct asked){};
	snprintf(asked->error, sizeof(asked->error), "%s", error ?: "");
	snprintf(asked->message, sizeof(asked->message), "%s", error ? daemon_error_message() : "");
	asked->spaces = json_is_array(spaces) ? (int64_t)json_array_size(spaces) : json_integer_value(spaces);
	asked->pid = json_integer_value(
		json_array_get(json_object_get(json_array_get(spaces, 0), "pids"), 0));
}

enum { AS_IT_IS, REVOCABLY, DRY_RUN };

/* Arguments: address of the answer, method, pid, start, length, one of the values above. */
static long inside(const long arguments[6])
{
	json_t *parameters = json_object(), *reply = NULL;
	const char *error;

	if (arguments[2])
		json_object_set_new(parameters, "pid", json_integer(arguments[2]));
	if (arguments[4])
		json_object_set_new(parameters, "ranges",
				    json_pack("[{s:I,s:I}]", "start", (json_int_t)arguments[3], "end",
					      (json_int_t)(arguments[3] + arguments[4])));
	if (arguments[5] != AS_IT_IS)
		json_object_set_new(parameters, arguments[5] == DRY_RUN ? "dry_run" : "revocable",
				    json_true());
	error = daemon_call((const char *)arguments[1], parameters, &reply);
	note((struct asked *)arguments[0], error, reply);
	json_decref(reply);
	return 0;
}

static const struct asked *ask_it(struct puppet *puppet, const char *method, pid_t pid, uint64_t start,
				  uint64_t length, long how)
{
	struct asked *asked = puppet_data(puppet);
	long r = puppet_run(puppet, inside, (long)asked, (long)method, pid, (long)start, (long)length, how);

	if (r)
		bail("asking %s: %s", method, puppet_text(puppet, r));
	return asked;
}

const struct asked *ask(struct puppet *puppet, const char *method, pid_t pid, uint64_t start, uint64_t length)
{
	return ask_it(puppet, method, pid, start, length, AS_IT_IS);
}

const struct asked *ask_revocably(struct puppet *puppet, pid_t pid, uint64_t start, uint64_t length)
{
	return ask_it(puppet, "Seal", pid, start, length, REVOCABLY);
}

const struct asked *ask_dry_run(struct puppet *puppet, const char *method, pid_t pid, uint64_t start,
				uint64_t length)
{
	return ask_it(puppet, method, pid, start, length, DRY_RUN);
}
