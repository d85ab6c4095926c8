// SPDX-License-Identifier: LGPL-2.1-or-later
/* See containers.h. */
#include "policy/containers.h"

#include <inttypes.h>
#include <sys/stat.h>

#include "base/cgroup.h"
#include "base/file.h"
#include "base/log.h"
#include "bpf/task_iter.h"

#define SHORT_ID 12 /* of 64 hexadecimal digits, the usual short form */
#define NAME_PREFIX "container "

struct container {
	char id[NAMES_CONTAINER_ID_MAX + 1];
	char name[NAMES_CONTAINER_ID_MAX + 1]; /* short form of the id */
	uint64_t cgroup;
	bool gone;
	char *text; /* of its file */
	struct policy policy;
	struct container_watch watch;
};

static void set_names(struct container *container, const char *id)
{
	FORMAT(container->id, "%s", id);
	FORMAT(container->name, "%s", id);
	if (strlen(id) == 64 && strspn(id, "0123456789abcdef") == 64)
		container->name[SHORT_ID] = '\0';
}

static void container_free(struct container *container)
{
	policy_free(&container->policy);
	free(container->text);
	*container = (struct container){};
}

static struct container *find(const struct containers *containers, const char *id)
{
	for (size_t i = 0; i < containers->count; i++)
		if (strcmp(containers->list[i].id, id) == 0)
			return &containers->list[i];
	return NULL;
}

/* --- the file of a container: a policy, whose description is the id of the cgroup --- */

static void kept_path(const char *id, char path[512])
{
	(void)snprintf(path, 512, "%s/%s%s", CONTAINERS_KEPT, id, LOAD_SUFFIX);
}

static void write_quoted(FILE *out, const char *text)
{
	(void)fputc('"', out);
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			(void)fputc('\\', out);
		(void)fputc(*text, out);
	}
	(void)fputc('"', out);
}

/* Malloc'ed; NULL: no memory. */
static char *write_policy(const char *cgroup, uint64_t cgroup_id, const struct seal_spec *seal)
{
	char segments[128], deny[128];
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return NULL;
	(void)fprintf(out, "[Policy]\nDescription=cgroup %" PRIu64 "\n[Match]\nCgroup=", cgroup_id);
	write_quoted(out, cgroup);
	(void)fprintf(out, "\n[Seal]\nSegments=%s\nDeny=%s\nAction=%s\nDlopen=%s\nGate=%s\n",
		      names_format_segments(seal->segments, segments, sizeof(segments)),
		      names_format_deny(seal->deny, deny, sizeof(deny)), names_action(seal->action),
		      seal->dlopen ? "yes" : "no", policy_gate_name(seal->gate));
	if (fclose(out) != 0) {
		free(text);
		return NULL;
	}
	return text;
}

/* Reads container->text. -EINVAL: not such a policy. */
static int read_policy(const char *path, size_t size, struct container *container)
{
	char *name;
	int r;

	r = policy_parse(path, container->text, size, &container->policy, NULL);
	if (r < 0)
		return r;
	if (container->policy.cgroup_count != 1 || !container->policy.description ||
	    sscanf(container->policy.description, "cgroup %" SCNu64, &container->cgroup) != 1)
		return -EINVAL;
	name = FORMAT_NEW(NAME_PREFIX "%s", container->name);
	if (!name)
		return -ENOMEM;
	free(container->policy.name);
	container->policy.name = name;
	return 0;
}

static int write_file(const char *path, const char *text)
{
	(void)mkdir("/run/mseald", 0755);
	if (mkdir(CONTAINERS_KEPT, 0700) < 0 && errno != EEXIST)
		return -errno;
	return file_replace(path, 0600, file_write_text, text);
}

static void remove_file(const char *id)
{
	char path[512];

	kept_path(id, path);
	if (unlink(path) < 0 && errno != ENOENT)
		log_warning("cannot remove %s: %s, ignoring", path, strerror(errno));
}

/* --- activation --- */

static int put_in_force(struct containers *containers)
{
	_cleanup_free_ struct policy *list = calloc(containers->count + 1, sizeof(*list));
	size_t count = 0;

	if (!list)
		return -ENOMEM;
	for (size_t i = 0; i < containers->count; i++)
		if (!containers->list[i].gone)
			list[count++] = containers->list[i].policy;
	return active_put_first(containers->active, list, count);
}

/* Takes over the container, in place of one with its id; on error nothing has changed. */
static int insert(struct containers *containers, struct container *container)
{
	struct container *old = find(containers, container->id), before, *larger;
	int r;

	if (!old) {
		if (containers->count == CONTAINERS_MAX)
			return -ENOSPC;
		larger = reallocarray(containers->list, containers->count + 1, sizeof(*larger));
		if (!larger)
			return -ENOMEM;
		containers->list = larger;
		old = &larger[containers->count++];
		*old = (struct container){};
	}
	before = *old;
	*old = *container;
	r = put_in_force(containers);
	if (r < 0) {
		*old = before;
		containers->count -= !before.id[0];
		return r;
	}
	*container = (struct container){};
	container_free(&before);
	return 0;
}

/* Processes that are in this cgroup now may have started unseen. */
static void begin_watch(struct programs *programs, const char *cgroup, struct container_watch *ret)
{
	_cleanup_free_ pid_t *pids = NULL;
	size_t count = 0;

	*ret = (struct container_watch){};
	if (cgroup_processes(cgroup, &pids, &count) < 0)
		return;
	ret->done = count > CONTAINER_WATCH_PROCESSES_MAX;
	for (size_t i = 0; i < count && !ret->done; i++) {
		uint64_t key = task_iter_key_of(programs, pids[i]);

		ret->newest = MAX_OF(ret->newest, key);
	}
}

int containers_add(struct containers *containers, const char *id, const char *cgroup, uint64_t cgroup_id,
		   const struct seal_spec *seal)
{
	_cleanup_(container_free) struct container container = { .text = write_policy(cgroup, cgroup_id,
										      seal) };
	const struct container *old = find(containers, id);
	char path[512];
	int r;

	if (!container.text)
		return -ENOMEM;
	set_names(&container, id);
	kept_path(id, path);
	r = read_policy(path, strlen(container.text), &container);
	/* The path must read back as written. */
	if (r >= 0 && strcmp(container.policy.cgroup[0], cgroup) != 0)
		r = -EINVAL;
	begin_watch(containers->programs, cgroup, &container.watch);
	/* First the file, which outlives this daemon. */
	if (r >= 0)
		r = write_file(path, container.text);
	if (r < 0)
		return r;
	r = insert(containers, &container);
	if (r < 0 && old)
		(void)write_file(path, old->text);
	else if (r < 0)
		remove_file(id);
	return r;
}

/* Deactivates the marked policies, then removes them from the list. On error all of them stay. */
static int take_out(struct containers *containers)
{
	size_t kept = 0, all = containers->count;
	int r = put_in_force(containers);

	for (size_t i = 0; i < all; i++) {
		struct container container = containers->list[i];

		if (r < 0 || !container.gone) {
			container.gone = false;
			containers->list[kept++] = container;
			continue;
		}
		log_info("container %s has ended; its policy is removed", container.name);
		remove_file(container.id);
		container_free(&container);
	}
	containers->count = kept;
	return r;
}

int containers_remove(struct containers *containers, const char *id)
{
	struct container *container = find(containers, id);

	if (!container)
		return -ENOENT;
	container->gone = true;
	return take_out(containers);
}

static bool has_no_cgroup(const struct container *container)
{
	uint64_t id = 0;
	int r = cgroup_id(container->policy.cgroup[0], &id);

	/* Another cgroup may have its path by now. */
	return r == -ENOENT || (r >= 0 && id != container->cgroup);
}

void containers_tick(struct containers *containers)
{
	bool any = false;

	for (size_t i = 0; i < containers->count; i++)
		any |= containers->list[i].gone = has_no_cgroup(&containers->list[i]);
	if (any && take_out(containers) < 0)
		log_warning("cannot deactivate the policies of ended containers, ignoring");
}

void containers_seen(struct containers *containers, const char *policy)
{
	if (strncmp(policy, NAME_PREFIX, strlen(NAME_PREFIX)) != 0)
		return;
	for (size_t i = 0; i < containers->count; i++)
		if (strcmp(containers->list[i].policy.name, policy) == 0)
			containers->list[i].watch.done = true;
}

struct container_watch *containers_watch(struct containers *containers, size_t i,
					 const struct policy **ret_policy)
{
	if (i >= containers->count)
		return NULL;
	*ret_policy = &containers->list[i].policy;
	return &containers->list[i].watch;
}

const char *containers_find(const struct containers *containers, uint64_t cgroup)
{
	_cleanup_free_ char *path = NULL;

	if (!containers || !containers->count)
		return NULL;
	for (size_t i = 0; i < containers->count; i++)
		if (containers->list[i].cgroup == cgroup)
			return containers->list[i].name;
	path = cgroup_path(cgroup);
	for (size_t i = 0; path && i < containers->count; i++)
		if (cgroup_within(path, containers->list[i].policy.cgroup[0]))
			return containers->list[i].name;
	return NULL;
}

/* --- containers of an earlier daemon --- */

static int take_over(struct containers *containers, const char *id)
{
	_cleanup_(container_free) struct container container = {};
	_cleanup_free_ char *text = malloc(LOAD_FILE_MAX + 1);
	char path[512];
	ssize_t size;
	int r;

	kept_path(id, path);
	size = text ? file_read(AT_FDCWD, path, text, LOAD_FILE_MAX + 1) : -ENOMEM;
	if (size < 0)
		return (int)size;
	container.text = strdup(text);
	if (!container.text)
		return -ENOMEM;
	set_names(&container, id);
	r = read_policy(path, (size_t)size, &container);
	if (r >= 0 && has_no_cgroup(&container))
		remove_file(id);
	else if (r >= 0)
		r = insert(containers, &container);
	return r;
}

static int take_over_all(struct containers *containers)
{
	_cleanup_closedir_ DIR *folder = opendir(CONTAINERS_KEPT);
	struct dirent *entry;

	if (!folder)
		return errno == ENOENT ? 0 : -errno;
	while ((entry = readdir(folder))) {
		_cleanup_free_ char *id = load_name(entry->d_name);
		int r;

		if (!id)
			continue;
		r = names_is_container_id(id) ? take_over(containers, id) : -EINVAL;
		if (r < 0)
			log_warning("cannot read %s/%s: %s, ignoring", CONTAINERS_KEPT, entry->d_name,
				    strerror(-r));
	}
	return 0;
}

void containers_open(struct containers *containers, struct programs *programs, struct active *active)
{
	int r;

	*containers = (struct containers){ .programs = programs, .active = active };
	r = take_over_all(containers);
	if (r < 0)
		log_warning("cannot read %s: %s, ignoring", CONTAINERS_KEPT, strerror(-r));
}

void containers_close(struct containers *containers)
{
	for (size_t i = 0; i < containers->count; i++)
		container_free(&containers->list[i]);
	free(containers->list);
}
