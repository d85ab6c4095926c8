// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * See arguments.h. runc parses with Go's flag package, crun with argp. Both accept "--name value" and
 * "--name=value", runc also "-name value", crun also "-bDIR".
 */
#include "arguments.h"

#include "lib/base/util.h"

/* Options with a value in runc 1.3 and crun 1.21, before the command and of create and run. */
static const char *const with_value[] = {
	"root", "log",	  "log-format", "criu",		  "rootless", "cgroup-manager", "bundle",
	"b",	"config", "f",		"console-socket", "pid-file", "preserve-fds",
};
static const char *const commands[] = {
	"checkpoint", "create", "delete", "events",  "exec",   "features", "help", "init",  "kill",  "list",
	"mounts",     "pause",	"ps",	  "restore", "resume", "run",	   "spec", "start", "state", "update",
};

static bool is_one_of(const char *word, size_t length, const char *const *list, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (strlen(list[i]) == length && strncmp(list[i], word, length) == 0)
			return true;
	return false;
}

static bool is_named(const char *name, size_t length, const char *other)
{
	return is_one_of(name, length, &other, 1);
}

/* Stores an option that is needed here; value may be NULL. */
static void take(struct arguments *arguments, const char *name, size_t length, const char *value)
{
	if (is_named(name, length, "bundle") || is_named(name, length, "b"))
		arguments->bundle = value;
	else if (is_named(name, length, "config") || is_named(name, length, "f"))
		arguments->config = value;
	else if (is_named(name, length, "log"))
		arguments->log = value;
	else if (is_named(name, length, "log-format"))
		arguments->log_json = value && strcmp(value, "json") == 0;
}

/*
 * Parses the option word; next: the word after it, NULL at the end; of_command: it follows the command.
 * Returns the number of words that it takes; 0: unknown, one or two.
 */
static int option(struct arguments *arguments, const char *word, const char *next, bool of_command)
{
	bool dashes = word[1] == '-';
	const char *name = word + (dashes ? 2 : 1), *equals = strchr(name, '=');
	size_t length = equals ? (size_t)(equals - name) : strlen(name);

	if (is_one_of(name, length, with_value, ELEMENTS(with_value))) {
		take(arguments, name, length, equals ? equals + 1 : next);
		return equals || !next ? 1 : 2;
	}
	if (of_command && !dashes && (*name == 'b' || *name == 'f') && name[1]) {
		take(arguments, name, 1, name + 1);
		return 1;
	}
	return equals ? 1 : 0;
}

void arguments_parse(char *const *argv, struct arguments *ret)
{
	struct arguments arguments = {};
	const char *command = NULL;
	bool doubtful = false, only_words = false;

	for (char *const *at = argv[0] ? argv + 1 : argv; *at;) {
		const char *word = *at;

		if (!only_words && strcmp(word, "--") == 0) {
			only_words = true;
			doubtful = false;
			at++;
		} else if (!only_words && word[0] == '-' && word[1]) {
			int words = option(&arguments, word, at[1], command != NULL);

			doubtful = words == 0;
			at += words ?: 1;
		} else {
			/* After an unknown option, this word is its value or the next argument. */
			bool known = is_one_of(word, strlen(word), commands, ELEMENTS(commands));

			if (!command && (!doubtful || known))
				command = word;
			else if (command && !arguments.id)
				arguments.id = word;
			doubtful = false;
			at++;
		}
	}
	arguments.creates = command && (strcmp(command, "create") == 0 || strcmp(command, "run") == 0);
	*ret = arguments;
}
