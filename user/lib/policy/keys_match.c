/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The keys of [Match], which select programs. */
#include <pwd.h>

#include "lib/policy/internal.h"
#include "lib/policy/path.h"

/*
 * Rejects a value of stars only: it looks like "all programs", but does not match all. Only Exe=/ does, so
 * that no policy matches less than its author thinks. why: the fault of the word.
 */
static bool complain_all(struct policy_parser *p, const char *key, const char *word, const char *why)
{
	if (word[strspn(word, "/*")] || !strchr(word, '*'))
		return false;
	parser_complain(&p->base, p->base.line, "%s=" SHOWN " does not match all programs: %s; write Exe=/",
			key, word, why);
	return true;
}

/* --- Exe= --- */

/* Returns the fault of a glob; NULL: none. */
static const char *judge_glob(const char *path)
{
	if (strstr(path, "**"))
		return "has **, which is not supported; end a path in / to match everything below";
	if (path[strlen(path) - 1] == '/')
		return "is a glob and ends in /; name the programs, as in /opt/*/bin/*";
	for (const char *open = strchr(path, '['); open; open = strchr(open, '[')) {
		const char *name_end = strchrnul(open, '/');
		const char *inside = open + 1 + (open[1] == '!' || open[1] == '^');

		/* The first character in the brackets may be "]" itself. */
		inside += *inside == ']';
		open = strchr(inside, ']');
		if (!open || open > name_end)
			return "has a [ without its ]; write [[] for the character itself";
	}
	return NULL;
}

/* Where to cut a glob: the part before is a path whose links can be followed. */
static size_t plain_length(const char *path)
{
	size_t length = strcspn(path, "*?[");

	while (length > 0 && path[length] != '/')
		length--;
	return length;
}

/* Returns the path to match, normalized. NULL after a complaint. */
static char *follow(struct policy_parser *p, const char *path, int kind)
{
	_cleanup_free_ char *plain = NULL, *followed = NULL;
	char *whole;
	size_t length = kind == POLICY_EXE_GLOB ? plain_length(path) : strlen(path);
	const char *rest = kind == POLICY_EXE_GLOB ? path + length : kind == POLICY_EXE_FOLDER ? "/" : "";
	int r;

	plain = strndup(path, length);
	r = plain ? policy_path_follow(p->root, plain, &followed) : -ENOMEM;
	if (r == -ENOMEM) {
		p->base.error = r;
		return NULL;
	}
	if (r < 0) {
		parser_complain(&p->base, p->base.line, "Exe=" SHOWN ": %s", path,
				r == -ELOOP ? "its symbolic links form a loop" :
					      "its symbolic links lead to a path that is too long");
		return NULL;
	}
	if (kind == POLICY_EXE_GLOB && policy_is_glob(followed)) {
		parser_complain(&p->base, p->base.line,
				"Exe=" SHOWN ": its folder " SHOWN " has a glob in its name", path, followed);
		return NULL;
	}
	whole = FORMAT_NEW("%s%s", *rest == '/' && !followed[1] ? "" : followed, rest);
	if (!whole) {
		p->base.error = -ENOMEM;
		return NULL;
	}
	if (strlen(whole) < POLICY_PATH_MAX)
		return whole;
	parser_complain(&p->base, p->base.line, "Exe=" SHOWN " is too long; a path has at most %d bytes",
			path, POLICY_PATH_MAX - 1);
	free(whole);
	return NULL;
}

static void add_exe(struct policy_parser *p, const char *word)
{
	_cleanup_free_ char *given = parser_copy(&p->base, word), *path = parser_copy(&p->base, word),
			    *followed = NULL;
	bool glob = policy_is_glob(word), folder = word[strlen(word) - 1] == '/';
	int kind = glob ? POLICY_EXE_GLOB : folder ? POLICY_EXE_FOLDER : POLICY_EXE_FILE;
	const char *wrong = NULL;

	if (!given || !path)
		return;
	if (complain_all(p, "Exe", word, "* stands for a part of one name"))
		return;
	if (*word != '/') {
		parser_complain(&p->base, p->base.line,
				"Exe=" SHOWN " is not an absolute path; write it as /usr/sbin/nginx", word);
		return;
	}
	if (policy_path_normalize(path) < 0)
		wrong = "has ..; write the path without it";
	else if (glob)
		wrong = judge_glob(word);
	if (wrong) {
		parser_complain(&p->base, p->base.line, "Exe=" SHOWN " %s", word, wrong);
		return;
	}
	followed = follow(p, path, kind);
	if (!followed ||
	    !parser_grow(&p->base, "Exe", &p->policy->exe, p->policy->exe_count, sizeof(*p->policy->exe)))
		return;
	p->policy->exe[p->policy->exe_count++] = (struct policy_exe){
		.given = TAKE_PTR(given),
		.path = TAKE_PTR(followed),
		.line = p->base.line,
		.kind = kind,
	};
}

/* --- the other keys of [Match] --- */

static void add_unit(struct policy_parser *p, const char *word)
{
	struct policy *policy = p->policy;
	char *unit;

	if (complain_all(p, "Unit", word, "some run in no unit"))
		return;
	if (strchr(word, '/')) {
		parser_complain(&p->base, p->base.line,
				"Unit=" SHOWN
				" has a /; name a unit, as nginx.service, or use Cgroup= for a path",
				word);
		return;
	}
	if (strlen(word) >= POLICY_PATH_MAX) {
		parser_complain(&p->base, p->base.line,
				"Unit=" SHOWN " is too long; a unit has at most %d bytes", word,
				POLICY_PATH_MAX - 1);
		return;
	}
	if (!parser_grow(&p->base, "Unit", &policy->unit, policy->unit_count, sizeof(*policy->unit)) ||
	    !parser_grow(&p->base, "Unit", &policy->unit_line, policy->unit_count,
			 sizeof(*policy->unit_line)))
		return;
	unit = parser_copy(&p->base, word);
	if (!unit)
		return;
	policy->unit_line[policy->unit_count] = p->base.line;
	policy->unit[policy->unit_count++] = unit;
}

static void add_cgroup(struct policy_parser *p, const char *word)
{
	static const char mount[] = "/sys/fs/cgroup/";
	_cleanup_free_ char *path = parser_copy(&p->base, word);
	const char *wrong = NULL;

	if (!path || complain_all(p, "Cgroup", word, "it takes no patterns"))
		return;
	if (*word != '/')
		wrong = "does not begin with /; write it as in /proc/PID/cgroup: /system.slice/nginx.service";
	else if (strncmp(word, mount, strlen(mount)) == 0)
		wrong = "begins with the mount point; leave /sys/fs/cgroup out";
	else if (policy_path_normalize(path) < 0)
		wrong = "has ..; write the path without it";
	else if (strlen(path) >= POLICY_PATH_MAX)
		wrong = "is too long";
	if (wrong) {
		parser_complain(&p->base, p->base.line, "Cgroup=" SHOWN " %s", word, wrong);
		return;
	}
	if (!*path)
		(void)strcpy(path, "/");
	if (parser_grow(&p->base, "Cgroup", &p->policy->cgroup, p->policy->cgroup_count,
			sizeof(*p->policy->cgroup)))
		p->policy->cgroup[p->policy->cgroup_count++] = TAKE_PTR(path);
}

/*
 * 1 and the number; 0: no such user; -ENOMEM. Not by getpwnam(3): that loads the modules that
 * nsswitch.conf(5) names into the daemon, and they may wait for a server.
 */
static int find_user(const char *root, const char *name, uid_t *ret)
{
	_cleanup_free_ char *path = NULL, *buffer = malloc(1 << 16);
	_cleanup_fclose_ FILE *file = NULL;
	struct passwd entry, *found = NULL;

	if (!buffer)
		return -ENOMEM;
	path = FORMAT_NEW("%s/etc/passwd", root);
	if (!path)
		return -ENOMEM;
	file = fopen(path, "re");
	while (file && fgetpwent_r(file, &entry, buffer, 1 << 16, &found) == 0) {
		if (strcmp(entry.pw_name, name) != 0)
			continue;
		*ret = entry.pw_uid;
		return 1;
	}
	return 0;
}

static void add_user(struct policy_parser *p, const char *word)
{
	uid_t user = 0;
	int r = 1;

	if (complain_all(p, "User", word, "it takes no patterns"))
		return;
	if (*word >= '0' && *word <= '9') {
		unsigned long long value;
		char *end;

		errno = 0;
		value = strtoull(word, &end, 10);
		/* To the kernel the highest number means "no user". */
		if (*end || errno || value >= UINT32_MAX) {
			parser_complain(&p->base, p->base.line,
					"User=" SHOWN " is neither a name nor a number of a user", word);
			return;
		}
		user = (uid_t)value;
	} else {
		r = find_user(p->root, word, &user);
	}
	if (r < 0)
		p->base.error = r;
	else if (r == 0)
		parser_complain(&p->base, p->base.line,
				"User=" SHOWN
				": /etc/passwd has no such user; give the number, or create the user first",
				word);
	else if (parser_grow(&p->base, "User", &p->policy->user, p->policy->user_count,
			     sizeof(*p->policy->user)))
		p->policy->user[p->policy->user_count++] = user;
}

static void each_word(struct policy_parser *p, const char *key, char *value,
		      void (*add)(struct policy_parser *p, const char *word),
		      void (*clear)(struct policy *policy))
{
	const char *word;
	unsigned words = 0;
	int r;

	while ((r = ini_word(&value, &word)) > 0) {
		words++;
		if (*word == '#' || *word == ';') {
			parser_complain(&p->base, p->base.line,
					"%s=: a comment stands on a line of its own; quote a value "
					"that begins with %c",
					key, *word);
			return;
		}
		if (*word)
			add(p, word);
		else
			parser_complain(&p->base, p->base.line, "%s= has an empty value", key);
	}
	if (r < 0)
		parser_complain(&p->base, p->base.line, "%s", word);
	else if (words == 0)
		clear(p->policy);
}

void policy_set_exe(struct policy_parser *p, const char *key, char *value)
{
	each_word(p, key, value, add_exe, policy_clear_exe);
}

void policy_set_unit(struct policy_parser *p, const char *key, char *value)
{
	each_word(p, key, value, add_unit, policy_clear_unit);
}

void policy_set_cgroup(struct policy_parser *p, const char *key, char *value)
{
	each_word(p, key, value, add_cgroup, policy_clear_cgroup);
}

void policy_set_user(struct policy_parser *p, const char *key, char *value)
{
	each_word(p, key, value, add_user, policy_clear_user);
}

void policy_set_marked(struct policy_parser *p, const char *key, char *value)
{
	unsigned faults = p->base.fault_count;
	bool given = *value;

	parser_set_boolean(&p->base, key, value, &p->policy->marked, false);
	if (given && !p->policy->marked && p->base.fault_count == faults)
		parser_complain(&p->base, p->base.line,
				"%s=no does not select programs that do not ask; omit it, or write %s=yes",
				key, key);
}
