// SPDX-License-Identifier: LGPL-2.1-or-later
/* See config.h. Syntax and permissions of the files are those of policies (user/lib/conf/ini.c). */
#include "base/config.h"

#include <inttypes.h>
#include <limits.h>
#include <sys/stat.h>

#include "lib/conf/folders.h"
#include "lib/conf/load.h"
#include "lib/conf/parser.h"

#define DROPINS_MAX 256
#define TIME_MAX_US (UINT64_C(24) * 3600 * 1000000)

static const char *const folders[] = { "/etc/mseald", "/run/mseald", CONFIG_FOLDER_VENDOR };
static const char *const gate_words[] = {
	[GATE_AUTO] = "auto",
	[GATE_BPF] = "bpf",
	[GATE_KILL] = "kill",
	[GATE_DENY] = "deny",
};

int config_parse_gate(const char *word, enum gate_mode *ret)
{
	for (size_t i = 0; i < ELEMENTS(gate_words); i++)
		if (strcmp(gate_words[i], word) == 0) {
			*ret = (enum gate_mode)i;
			return 0;
		}
	return -EINVAL;
}

int config_parse_user_spaces(const char *word, uint32_t *ret)
{
	unsigned long number;
	char *end;

	errno = 0;
	number = strtoul(word, &end, 10);
	if (*word < '0' || *word > '9' || *end || errno || number == 0 || number > MSEALD_MAX_SPACES)
		return -EINVAL;
	*ret = (uint32_t)number;
	return 0;
}

/* --- keys --- */

/* ret: the member of struct config, which an empty value resets to the default. */

static void set_gate(struct parser *p, const char *key, char *value, void *ret)
{
	int r = parser_choice(p, key, value, gate_words, ELEMENTS(gate_words), "auto, bpf, deny or kill");

	if (r >= 0)
		*(enum gate_mode *)ret = (enum gate_mode)r;
}

static void set_no(struct parser *p, const char *key, char *value, void *ret)
{
	parser_set_boolean(p, key, value, ret, false);
}

static void set_yes(struct parser *p, const char *key, char *value, void *ret)
{
	parser_set_boolean(p, key, value, ret, true);
}

static void set_user_spaces(struct parser *p, const char *key, char *value, void *ret)
{
	const char *word = parser_single(p, key, value);

	if (!word)
		return;
	if (!*word)
		*(uint32_t *)ret = MSEALD_QUOTA_EACH;
	else if (config_parse_user_spaces(word, ret) < 0)
		parser_complain(p, p->line, "%s=" SHOWN ": must be 1 to %u", key, word, MSEALD_MAX_SPACES);
}

/* Reads "1500ms", "2s", "2", "1min", "1h" as microseconds. -EINVAL, also for more than 9 digits. */
static int parse_time(const char *word, uint64_t *ret)
{
	static const struct {
		const char *name;
		uint64_t us;
	} units[] = {
		{ "", 1000000 }, { "ms", 1000 }, { "s", 1000000 }, { "min", 60000000 }, { "h", 3600000000 },
	};
	size_t digits = strspn(word, "0123456789");

	for (size_t i = 0; i < ELEMENTS(units) && digits > 0 && digits < 10; i++)
		if (strcmp(word + digits, units[i].name) == 0) {
			*ret = strtoull(word, NULL, 10) * units[i].us;
			return 0;
		}
	return -EINVAL;
}

static void set_time(struct parser *p, const char *key, char *value, uint64_t otherwise, uint64_t least,
		     bool never, uint64_t *ret)
{
	const char *word = parser_single(p, key, value);
	uint64_t time = otherwise;

	if (!word)
		return;
	if (never && strcmp(word, "infinity") == 0)
		*ret = CONFIG_NEVER;
	else if (*word && (parse_time(word, &time) < 0 || time < least || time > TIME_MAX_US))
		parser_complain(p, p->line,
				"%s=" SHOWN ": must be %" PRIu64
				"s to 24h%s; units are ms, s (default), min and h",
				key, word, least / 1000000, never ? ", or infinity" : "");
	else
		*ret = time;
}

static void set_native_after(struct parser *p, const char *key, char *value, void *ret)
{
	set_time(p, key, value, CONFIG_NATIVE_AFTER, 0, true, ret);
}

/* At least a second: a program sealed while its loader is at work cannot start. */
static void set_settle(struct parser *p, const char *key, char *value, void *ret)
{
	set_time(p, key, value, CONFIG_SETTLE, 1000000, false, ret);
}

static const struct parser_key keys[] = {
	{ "Debug", offsetof(struct config, debug), set_no },
	{ "Gate", offsetof(struct config, gate), set_gate },
	{ "Lock", offsetof(struct config, lock), set_no },
	{ "LockSignals", offsetof(struct config, lock_signals), set_yes },
	{ "NativeAfter", offsetof(struct config, native_after), set_native_after },
	{ "Settle", offsetof(struct config, settle), set_settle },
	{ "UserSpaces", offsetof(struct config, user_spaces), set_user_spaces },
};

int config_parse(const char *path, const char *text, size_t size, struct config *ret,
		 struct diagnostics *faults)
{
	struct parser p = { .path = path, .faults = faults };
	struct config config = *ret;
	int r = parser_read(&p, text, size, "Mseald", keys, ELEMENTS(keys), &config);

	if (r == 0)
		*ret = config;
	return r;
}

/* --- files --- */

static bool is_mask(const char *path)
{
	char target[16];
	ssize_t length = readlink(path, target, sizeof(target));

	return length == 9 && memcmp(target, "/dev/null", 9) == 0;
}

/* 0, -EINVAL after a complaint, or -ENOMEM. */
static int read_file(const char *path, struct config *config, struct diagnostics *faults)
{
	_cleanup_free_ char *text = NULL;
	size_t size = 0;
	int r;

	if (is_mask(path))
		return 0;
	r = load_file(path, path, true, &text, &size, faults);
	if (r < 0)
		return r;
	return config_parse(path, text, size, config, faults);
}

struct dropin {
	char *name, *path;
};

struct dropins {
	struct dropin list[DROPINS_MAX];
	size_t count;
};

static void dropins_free(struct dropins *dropins)
{
	for (size_t i = 0; i < dropins->count; i++) {
		free(dropins->list[i].name);
		free(dropins->list[i].path);
	}
}

static int add_dropin(struct dropins *dropins, const char *folder, const char *name,
		      struct diagnostics *faults)
{
	struct dropin new = {};

	for (size_t i = 0; i < dropins->count; i++)
		if (strcmp(dropins->list[i].name, name) == 0)
			return 0; /* an earlier folder has a file of this name */
	if (dropins->count == DROPINS_MAX)
		return diagnostics_add(faults, folder, 0,
				       "with the other folders there are more than %d files; remove some",
				       DROPINS_MAX) < 0 ?
			       -ENOMEM :
			       -EINVAL;
	new = (struct dropin){ strdup(name), FORMAT_NEW("%s/%s", folder, name) };
	if (!new.name || !new.path) {
		free(new.name);
		free(new.path);
		return -ENOMEM;
	}
	dropins->list[dropins->count++] = new;
	return 0;
}

static int list_folder(struct dropins *dropins, const char *path, struct diagnostics *faults)
{
	_cleanup_closedir_ DIR *folder = opendir(path);
	const struct dirent *entry;
	const char *unguarded;
	struct stat st;
	int r = 0;

	if (!folder && (errno == ENOENT || errno == ENOTDIR))
		return 0;
	unguarded = !folder || fstat(dirfd(folder), &st) < 0 ? strerror(errno) : load_unguarded(&st);
	if (unguarded)
		r = diagnostics_add(faults, path, 0, "%s", unguarded) < 0 ? -ENOMEM : -EINVAL;
	while (r == 0 && (entry = readdir(folder)))
		if (load_is_file_name(entry->d_name))
			r = add_dropin(dropins, path, entry->d_name, faults);
	return r;
}

static int compare(const void *a, const void *b)
{
	return strcmp(((const struct dropin *)a)->name, ((const struct dropin *)b)->name);
}

/* Reads the main file: the first that exists. */
static int read_main(const char *root, struct config *config, struct diagnostics *faults)
{
	for (size_t i = 0; i < ELEMENTS(folders); i++) {
		char path[PATH_MAX];
		struct stat st;

		FORMAT(path, "%s%s/mseald.conf", root, folders[i]);
		if (lstat(path, &st) == 0 || (errno != ENOENT && errno != ENOTDIR))
			return read_file(path, config, faults);
	}
	return 0;
}

int config_read(const char *root, struct config *ret, struct diagnostics *faults)
{
	_cleanup_(dropins_free) struct dropins dropins = {};
	struct config config = *ret;
	int r, worst;

	worst = read_main(root, &config, faults);
	for (size_t i = 0; i < ELEMENTS(folders) && worst != -ENOMEM; i++) {
		char path[PATH_MAX];

		FORMAT(path, "%s%s/mseald.conf.d", root, folders[i]);
		r = list_folder(&dropins, path, faults);
		worst = r < 0 ? r : worst;
	}
	qsort(dropins.list, dropins.count, sizeof(*dropins.list), compare);
	/* Reads all of them, so that all faults are reported at once. */
	for (size_t i = 0; i < dropins.count && worst != -ENOMEM; i++) {
		r = read_file(dropins.list[i].path, &config, faults);
		worst = r < 0 ? r : worst;
	}
	if (worst >= 0)
		*ret = config;
	return worst;
}
