// SPDX-License-Identifier: LGPL-2.1-or-later
/* See settings.h. Syntax and permission checks are those of mseald.conf (user/daemon/base/config.c). */
#include "settings.h"

#include <limits.h>
#include <sys/stat.h>

#include "lib/base/util.h"
#include "lib/conf/folders.h"
#include "lib/conf/load.h"
#include "lib/conf/parser.h"

#define FILE_NAME "oci-runtime.conf"

static const char *const folders[] = { "/etc/mseald", "/run/mseald", CONFIG_FOLDER_VENDOR };

void settings_free(struct settings *settings)
{
	free(settings->runtime);
	free(settings->hook);
	*settings = (struct settings){};
}

/* An empty value resets to the default. */
static void set(struct parser *p, char **setting, const char *word, const char *otherwise)
{
	char *copy = parser_copy(p, *word ? word : otherwise);

	if (!copy)
		return;
	free(*setting);
	*setting = copy;
}

static void set_runtime(struct parser *p, const char *key, char *value, void *ret)
{
	const char *word = parser_single(p, key, value);

	if (!word)
		return;
	if (*word != '/' && strchr(word, '/'))
		parser_complain(p, p->line, "%s=" SHOWN ": must be an absolute path, or a name without /",
				key, word);
	else
		set(p, ret, word, SETTINGS_RUNTIME);
}

static void set_hook(struct parser *p, const char *key, char *value, void *ret)
{
	const char *word = parser_single(p, key, value);

	if (!word)
		return;
	if (*word && *word != '/')
		parser_complain(p, p->line, "%s=" SHOWN ": must be an absolute path", key, word);
	else
		set(p, ret, word, OCI_HOOK_PATH);
}

static const struct parser_key keys[] = {
	{ "Hook", offsetof(struct settings, hook), set_hook },
	{ "Path", offsetof(struct settings, runtime), set_runtime },
};

int settings_parse(const char *path, const char *text, size_t size, struct settings *ret,
		   struct diagnostics *faults)
{
	struct parser p = { .path = path, .faults = faults };
	_cleanup_(settings_free) struct settings settings = {};
	int r = parser_read(&p, text, size, "Runtime", keys, ELEMENTS(keys), &settings);

	if (r < 0)
		return r;
	if (settings.runtime) {
		free(ret->runtime);
		ret->runtime = TAKE_PTR(settings.runtime);
	}
	if (settings.hook) {
		free(ret->hook);
		ret->hook = TAKE_PTR(settings.hook);
	}
	return 0;
}

/* 1: the file exists and was read; 0: no file. */
static int try_file(const char *path, struct settings *settings, struct diagnostics *faults)
{
	_cleanup_free_ char *text = NULL;
	size_t size = 0;
	struct stat st;
	int r;

	if (lstat(path, &st) < 0 && (errno == ENOENT || errno == ENOTDIR))
		return 0;
	r = load_file(path, path, true, &text, &size, faults);
	if (r >= 0)
		r = settings_parse(path, text, size, settings, faults);
	return r < 0 ? r : 1;
}

int settings_load(const char *root, struct settings *ret, struct diagnostics *faults)
{
	_cleanup_(settings_free) struct settings settings = {
		.runtime = strdup(SETTINGS_RUNTIME),
		.hook = strdup(OCI_HOOK_PATH),
	};
	int r = settings.runtime && settings.hook ? 0 : -ENOMEM;

	for (size_t i = 0; i < ELEMENTS(folders) && r == 0; i++) {
		char path[PATH_MAX];

		FORMAT(path, "%s%s/" FILE_NAME, root, folders[i]);
		r = try_file(path, &settings, faults);
	}
	if (r < 0)
		return r;
	*ret = settings;
	settings = (struct settings){};
	return 0;
}
