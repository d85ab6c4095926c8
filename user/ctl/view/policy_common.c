// SPDX-License-Identifier: LGPL-2.1-or-later
/* See policy_common.h. */
#include <sys/stat.h>

#include "ctl/base/client.h"
#include "ctl/base/error.h"
#include "ctl/base/options.h"
#include "ctl/base/reply.h"
#include "ctl/view/policy_common.h"
#include "lib/base/util.h"
#include "lib/conf/folders.h"
#include "lib/policy/path.h"
#include "lib/policy/policy.h"

const char *const policy_common_folders[] = { POLICY_FOLDER_ETC, POLICY_FOLDER_VENDOR, NULL };
const char policy_common_daemon_absent[] = "mseald is not running; it reads the policies when it starts";

/* Handles --root=ROOT, and strips slashes at its end. 0, or the exit status after a complaint. */
static int set_root(struct ctl *ctl, char *root)
{
	size_t length = strlen(root);
	struct stat st;

	while (length > 0 && root[length - 1] == '/')
		root[--length] = '\0';
	if (length > 0 && (stat(root, &st) < 0 || !S_ISDIR(st.st_mode)))
		return error_failure("--root=%s is not a folder", root);
	ctl->root = root;
	return 0;
}

int policy_common_option(struct ctl *ctl, int argc, char **argv, const struct option *options)
{
	static const struct option own[] = { POLICY_OPTIONS };

	for (;;) {
		int option = options_next(ctl, argc, argv, options ? options : own);

		if (option != POLICY_OPTION_ROOT)
			return option;
		ctl->status = set_root(ctl, optarg);
		if (ctl->status)
			return CTL_STOP;
	}
}

int policy_common_read(const struct ctl *ctl, struct policy_files *ret, struct diagnostics *faults)
{
	return policy_files_read(ctl->root, policy_common_folders, ret, faults) < 0 ? error_out_of_memory() :
										      0;
}

const struct policy_file *policy_common_find(const struct policy_files *files, const char *name)
{
	size_t length = load_name_length(name);

	for (size_t i = 0; i < files->count; i++)
		if (strlen(files->list[i].name) == length && memcmp(files->list[i].name, name, length) == 0)
			return &files->list[i];
	return NULL;
}

char *policy_common_real_path(const struct ctl *ctl, const char *path)
{
	_cleanup_free_ char *followed = NULL;

	if (!*ctl->root || policy_path_follow(ctl->root, path + strlen(ctl->root), &followed) < 0)
		return strdup(path);
	return FORMAT_NEW("%s%s", ctl->root, followed);
}

int policy_common_complain_name(const struct policy_files *files, const char *name)
{
	_cleanup_free_ const char **names = calloc(files->count + 1, sizeof(*names));
	const char *nearest;

	if (!names)
		return error_out_of_memory();
	for (size_t i = 0; i < files->count; i++)
		names[i] = files->list[i].name;
	nearest = diagnostics_nearest(name, names, files->count);
	if (nearest)
		return error_failure("there is no policy '%s'; did you mean %s?", name, nearest);
	return error_failure("there is no policy '%s' (see msealctl policy list-files)", name);
}

const char *policy_common_state_name(enum policy_file_state state)
{
	static const char *const names[] = {
		[POLICY_FILE_ON] = "on",
		[POLICY_FILE_OFF] = "off",
		[POLICY_FILE_FAULT] = "fault",
		[POLICY_FILE_MASK] = "masked",
		[POLICY_FILE_REPLACED] = "replaced",
	};

	return (size_t)state < ELEMENTS(names) ? names[state] : "unknown";
}

int policy_common_reload(const struct ctl *ctl, const char **ret_said)
{
	_cleanup_client_ struct varlink_client *client = NULL;
	_cleanup_json_ json_t *reply = NULL;
	_cleanup_free_ char *error = NULL;
	int r = varlink_connect(ctl->socket, &client);

	if (r == -ENOENT || r == -ECONNREFUSED) {
		*ret_said = policy_common_daemon_absent;
		return 0;
	}
	if (r >= 0)
		r = varlink_call(client, "io.mseald.ReloadPolicy", NULL, &reply, &error);
	if (r < 0)
		return client_complain_connection(ctl, r);
	if (r == 0) {
		*ret_said = "mseald has read its policies again";
		return 0;
	}
	if (strcmp(error, "org.varlink.service.MethodNotFound") == 0) {
		*ret_said = "mseald was not asked to read its policies again; run: msealctl policy reload";
		return 0;
	}
	return client_complain_reply(error, reply);
}
