// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * mseald-oci-runtime(8): engines without hooks start it in place of runc or crun. If a container to be
 * created has an annotation of mseald, it adds mseald-oci-hook to config.json. Then it executes the runtime,
 * with the same arguments. All other commands and containers are passed on unchanged.
 */
#include <stdarg.h>
#include <sys/stat.h>

#include "arguments.h"
#include "bundle.h"
#include "settings.h"
#include "lib/base/names.h"
#include "lib/base/util.h"

#define PATH_OF_SYSTEM "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

/* --- messages --- */

/* In the format of runc and crun for --log: engines show the last line of level error. */
static void write_log(const struct arguments *arguments, const char *level, const char *text)
{
	_cleanup_fclose_ FILE *log = NULL;
	char when[32];
	time_t now = time(NULL);
	struct tm tm;
	json_t *entry;
	int fd;

	fd = arguments->log ? open(arguments->log,
				   O_WRONLY | O_CREAT | O_APPEND | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0644) :
			      -1;
	log = fd < 0 ? NULL : fdopen(fd, "a");
	if (!log || !gmtime_r(&now, &tm) || strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
		return;
	entry = json_pack("{s:s, s:s, s:s}", "level", level, "msg", text, "time", when);
	if (!arguments->log_json)
		(void)fprintf(log, "time=\"%s\" level=%s msg=\"%s\"\n", when, level, text);
	else if (entry && json_dumpf(entry, log, JSON_COMPACT) == 0)
		(void)fputc('\n', log);
	json_decref(entry);
}

/* Prints one line on standard error, and to the log of the engine. Returns the exit status. */
static int complain(const struct arguments *arguments, const char *level, const char *format, ...)
	_printf_(3, 4);

static int complain(const struct arguments *arguments, const char *level, const char *format, ...)
{
	char text[1024], line[1280];
	va_list list;

	va_start(list, format);
	(void)vsnprintf(text, sizeof(text), format, list);
	va_end(list);
	if (names_is_container_id(arguments->id))
		FORMAT(line, "mseald-oci-runtime: container %s: %s", arguments->id, text);
	else
		FORMAT(line, "mseald-oci-runtime: %s", text);
	(void)fprintf(stderr, "%s\n", state_clean(line));
	write_log(arguments, level, line);
	return 1;
}

/* The container cannot be sealed: its annotation decides whether it starts anyway. */
static int give_up(const struct arguments *arguments, const struct bundle *bundle, const char *what)
{
	if (bundle->on_failure != ON_FAILURE_RUN)
		return complain(arguments, "error", "%s; the container is not started", what);
	(void)complain(arguments, "warning", "%s; the container runs unsealed", what);
	return 0;
}

/* --- the container --- */

/*
 * Does this runtime run without the rights of the machine's root? A rootless engine has a user namespace that
 * does not map all ids, even if it is root inside.
 */
static bool is_rootless(void)
{
	_cleanup_fclose_ FILE *map = fopen("/proc/self/uid_map", "re");
	unsigned long inside, outside, count;

	if (geteuid() != 0)
		return true;
	return map && fscanf(map, "%lu %lu %lu", &inside, &outside, &count) == 3 &&
	       (inside != 0 || outside != 0 || count != 4294967295ul);
}

/* As in crun, --config is a file of the bundle only under the usual name. */
static char *config_path(const struct arguments *arguments)
{
	if (arguments->config && strcmp(arguments->config, "config.json") != 0)
		return strdup(arguments->config);
	return FORMAT_NEW("%s/config.json",
			  arguments->bundle && *arguments->bundle ? arguments->bundle : ".");
}

/* Status 0: continue with the runtime. */
static int prepare(const struct arguments *arguments, const struct settings *settings)
{
	_cleanup_free_ char *path = config_path(arguments), *text = NULL;
	_cleanup_(bundle_free) struct bundle bundle = {};
	struct fault fault = {};
	char what[600];
	struct stat st;
	size_t size;
	int r;

	if (!path)
		return complain(arguments, "error", "no memory");
	r = bundle_read(path, &text, &size, &st, &fault);
	/* The runtime reports this error itself, and knows its options better. */
	if (r == -ENOENT || r == -ENOTDIR)
		return 0;
	if (r >= 0)
		r = bundle_edit(text, size, settings->hook, &bundle, &fault);
	if (r >= 0 && bundle.asked && is_rootless())
		return give_up(
			arguments, &bundle,
			"a rootless container cannot be sealed from outside (mseald-oci-hook(8), Caveats)");
	if (r >= 0 && bundle.text)
		r = bundle_write(path, bundle.text, bundle.size, &st, &fault);
	if (r >= 0)
		return 0;
	FORMAT(what, "%.250s: %s", path, r == -ENOMEM ? "no memory" : fault.text);
	return give_up(arguments, &bundle, what);
}

/* --- the runtime --- */

/* The path of the runtime; -ENOENT, -ENOMEM. */
static int find_runtime(const char *name, char **ret)
{
	const char *folders = getenv("PATH");

	if (strchr(name, '/')) {
		*ret = strdup(name);
		return *ret ? 0 : -ENOMEM;
	}
	for (const char *at = folders && *folders ? folders : PATH_OF_SYSTEM; *at;) {
		size_t length = strcspn(at, ":");
		char *path = FORMAT_NEW("%.*s/%s", (int)length, at, name);

		if (!path)
			return -ENOMEM;
		if (*at == '/' && access(path, X_OK) == 0) {
			*ret = path;
			return 0;
		}
		free(path);
		at += length + (at[length] == ':');
	}
	return -ENOENT;
}

/* Is it this program? It would start itself endlessly. */
static bool is_self(const char *path)
{
	struct stat self, other;

	return stat("/proc/self/exe", &self) == 0 && stat(path, &other) == 0 && self.st_dev == other.st_dev &&
	       self.st_ino == other.st_ino;
}

static int become(const struct arguments *arguments, const struct settings *settings, char **argv)
{
	char *path = NULL;
	int r = find_runtime(settings->runtime, &path);

	if (r < 0)
		return complain(arguments, "error",
				"cannot find the runtime %.200s: %s; Path= in oci-runtime.conf names it",
				settings->runtime, r == -ENOENT ? "not in $PATH" : strerror(-r));
	if (is_self(path)) {
		r = complain(arguments, "error",
			     "Path=%.200s in oci-runtime.conf is mseald-oci-runtime itself; name runc, crun "
			     "or the like",
			     path);
		free(path);
		return r;
	}
	argv[0] = path;
	(void)execv(path, argv);
	r = complain(arguments, "error", "cannot start the runtime %.200s: %s", path, strerror(errno));
	free(path);
	return r;
}

int main(int argc, char **argv)
{
	_cleanup_(settings_free) struct settings settings = {};
	_cleanup_(diagnostics_free) struct diagnostics faults = {};
	struct arguments arguments;
	int r;

	if (argc < 1)
		return 1;
	arguments_parse(argv, &arguments);
	r = settings_load("", &settings, &faults);
	if (r < 0) {
		_cleanup_free_ char *first = faults.count ? diagnostic_text(&faults.list[0]) : NULL;

		return complain(&arguments, "error", "%s", first ?: strerror(-r));
	}
	if (arguments.creates && prepare(&arguments, &settings) != 0)
		return 1;
	return become(&arguments, &settings, argv);
}
