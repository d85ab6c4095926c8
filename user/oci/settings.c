// SPDX-License-Identifier: LGPL-2.1-or-later
/* See settings.h. Syntax and permission checks are those of mseald.conf (user/daemon/base/config.c). */
#include "settings.h"

#include <limits.h>
#include <sys/stat.h>

#include "lib/base/util.h"
#include "lib/conf/folders.h"
#include "lib/conf/ini.h"
#include "lib/conf/load.h"
#include "lib/conf/parser.h"

#define SECTION "Runtime"
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

static void set_runtime(struct parser *p, struct settings *settings, char *value)
{
	const char *word = parser_single(p, "Path", value);

	if (!word)
		return;
	if (*word != '/' && strchr(word, '/'))
		parser_complain(p, p->line, "Path=" SHOWN ": must be an absolute path, or a name without /",
				word);
	else
		set(p, &settings->runtime, word, SETTINGS_RUNTIME);
}

static void set_hook(struct parser *p, struct settings *settings, char *value)
{
	const char *word = parser_single(p, "Hook", value);

	if (!word)
		return;
	if (*word && *word != '/')
		parser_complain(p, p->line, "Hook=" SHOWN ": must be an absolute path", word);
	else
		set(p, &settings->hook, word, OCI_HOOK_PATH);
}

static void assign(struct parser *p, struct settings *settings, const char *name, char *value)
{
	static const char *const names[] = { "Hook", "Path" };
	const char *nearest;

	if (p->section == SECTION_UNKNOWN)
		return;
	if (p->section == SECTION_NONE) {
		parser_complain(p, p->line, "a key before the first section; write [" SECTION "] above it");
		return;
	}
	if (strcmp(name, "Path") == 0) {
		set_runtime(p, settings, value);
		return;
	}
	if (strcmp(name, "Hook") == 0) {
		set_hook(p, settings, value);
		return;
	}
	nearest = diagnostics_nearest(name, names, ELEMENTS(names));
	if (nearest)
		parser_complain(p, p->line, "unknown key " SHOWN "=; did you mean %s=?", name, nearest);
	else
		parser_complain(p, p->line, "unknown key " SHOWN "=; keys: Hook, Path", name);
}

static void begin_section(struct parser *p, const char *name)
{
	p->section = strcmp(name, SECTION) == 0 ? SECTION_FIRST : SECTION_UNKNOWN;
	if (p->section == SECTION_UNKNOWN)
		parser_complain(p, p->line, "unknown section [" SHOWN "]; there is [" SECTION "]", name);
}

int settings_parse(const char *path, const char *text, size_t size, struct settings *ret,
		   struct diagnostics *faults)
{
	struct parser p = { .path = path, .faults = faults };
	_cleanup_(settings_free) struct settings settings = {};
	_cleanup_free_ char *copy = strndup(text, size);
	struct ini ini = { .rest = copy };
	enum ini_kind kind;

	if (!copy)
		return -ENOMEM;
	if (strlen(copy) < size) {
		parser_complain(&p, 0, "the file has a NUL byte; write plain text");
		*copy = '\0';
	}
	while (p.error == 0 && (kind = ini_next(&ini)) != INI_END) {
		p.line = ini.line;
		if (kind == INI_SECTION)
			begin_section(&p, ini.key);
		else if (kind == INI_ASSIGNMENT)
			assign(&p, &settings, ini.key, ini.value);
		else
			parser_complain(&p, p.line, "%s", ini.key);
	}
	parser_complain_rest(&p);
	if (p.error < 0 || p.fault_count > 0)
		return p.error < 0 ? p.error : -EINVAL;
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
