/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The report's advice is sufficient. Programs that do what seals deny (advised.c) do it under Action=audit,
 * and the report names the attempts and the keys that would allow them. With Action=deny and each of these
 * keys alone the program works, and nothing of it is denied; without them it fails.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "attack.h"
#include "daemon.h"
#include "lib/base/util.h"
#include "tap.h"

#define ETC "/etc/mseald/policy.d"
#define FOLDER "/srv/advised/"
#define WAYS_MAX 3

static struct program {
	const char *name;
	const char *kind;     /* its name in the report; NULL: none */
	const char *example;  /* words of the report in text */
	const char *argument; /* NULL: none */
	bool spared;	      /* works with deny where a gate could only kill */
	char ways[WAYS_MAX][160];
	size_t ways_count;
	pid_t pid;
	FILE *to, *from;
} programs[] = {
	{ "whole", "all-memory", "all of the memory by ", NULL },
	{ "grows", "grows-down", "a mapping that grows down (MAP_GROWSDOWN) by ", NULL },
	{ "stack", "exec-stack", "the stack made executable by ", NULL },
	{ "huge", "huge-text", "text on huge pages by ", NULL },
	{ "moved", "huge-text", "text on huge pages by ", NULL },
	{ "unload", NULL, "munmap", FOLDER "case-plugin.so", .spared = true },
};
#define END (programs + ELEMENTS(programs))

static void install(void)
{
	char command[256];
	FILE *file;

	mkdir("/srv", 0755);
	mkdir(FOLDER, 0755);
	mkdir("/etc/mseald", 0755);
	mkdir(ETC, 0755);
	/* With Dlopen=yes the daemon seals other memory, such as the stack, only after this time. */
	file = fopen("/etc/mseald/mseald.conf", "we");
	if (!file || fputs("[Mseald]\nSettle=2s\n", file) < 0 || fclose(file))
		bail("no configuration");
	for (struct program *program = programs; program < END; program++) {
		snprintf(command, sizeof(command), "cp case-advised " FOLDER "%s", program->name);
		if (system(command))
			bail("%s has failed", command);
	}
	if (system("cp case-plugin.so " FOLDER))
		bail("the library cannot be copied");
}

static void set_policy(const struct program *program, const char *seal)
{
	char path[128];
	FILE *file;

	snprintf(path, sizeof(path), ETC "/%s.conf", program->name);
	file = fopen(path, "we");
	if (!file ||
	    fprintf(file, "[Match]\nExe=" FOLDER "%s\n[Seal]\nDlopen=yes\n%s\n", program->name, seal) < 0 ||
	    fclose(file))
		bail("%s: %s", path, strerror(errno));
}

static void reload(void)
{
	if (daemon_call("ReloadPolicy", NULL, NULL))
		bail("ReloadPolicy: %s", daemon_error_message());
}

static void start(struct program *program)
{
	char path[128];
	int to[2], from[2];

	if (pipe2(to, O_CLOEXEC) || pipe2(from, O_CLOEXEC))
		bail("pipe: %s", strerror(errno));
	snprintf(path, sizeof(path), FOLDER "%s", program->name);
	fflush(NULL);
	program->pid = fork();
	if (program->pid == 0) {
		dup2(to[0], 0);
		dup2(from[1], 1);
		execl(path, path, program->name, program->argument, NULL);
		_exit(127);
	}
	close(to[0]);
	close(from[1]);
	program->to = fdopen(to[1], "w");
	program->from = fdopen(from[0], "r");
	if (fgetc(program->from) != '\n')
		bail("%s does not start", path);
}

/* Has its policy been applied to the process, as far as possible? */
static bool is_done(pid_t pid)
{
	json_t *reply = NULL, *match;
	bool done = false;
	size_t i;

	if (daemon_call("ListMatches", NULL, &reply))
		bail("ListMatches: %s", daemon_error_message());
	json_array_foreach(json_object_get(reply, "matches"), i, match)
		if (json_number(match, "pid") == pid)
			done = strcmp(json_text(match, "state"), "pending") != 0;
	json_decref(reply);
	return done;
}

/* Starts all, and has each act once it is sealed. Results as of child_end(). */
static void run_all(int statuses[])
{
	for (struct program *program = programs; program < END; program++)
		start(program);
	/* Only then the daemon has sealed the stack, and libraries loaded late. */
	nap(5000);
	for (struct program *program = programs; program < END; program++)
		for (int i = 0; i < 300 && !is_done(program->pid); i++)
			nap(100);
	for (struct program *program = programs; program < END; program++) {
		fputc('x', program->to);
		fclose(program->to);
		statuses[program - programs] = child_end(program->pid);
		fclose(program->from);
	}
}

static json_t *report_of(const struct program *program)
{
	static char command[128], text[1 << 17];
	json_t *reply;
	FILE *pipe;
	size_t length;

	snprintf(command, sizeof(command), "msealctl --json policy report %s", program->name);
	pipe = popen(command, "re");
	length = pipe ? fread(text, 1, sizeof(text) - 1, pipe) : 0;
	text[length] = '\0';
	reply = pipe && pclose(pipe) == 0 ? json_loads(text, 0, NULL) : NULL;
	if (!reply)
		bail("%s: %s", command, text);
	return reply;
}

static void reset_report(void)
{
	if (daemon_call("Report", json_pack("{s:b}", "reset", 1), NULL))
		bail("Report: %s", daemon_error_message());
}

static bool report_text_says(const struct program *program, const char *words)
{
	static char command[128], text[1 << 17];
	FILE *pipe;
	size_t length;

	snprintf(command, sizeof(command), "COLUMNS=1000 msealctl policy report %s", program->name);
	pipe = popen(command, "re");
	length = pipe ? fread(text, 1, sizeof(text) - 1, pipe) : 0;
	text[length] = '\0';
	if (pipe)
		pclose(pipe);
	if (strstr(text, words))
		return true;
	diag("%s says, without \"%s\":\n%s", command, words, text);
	return false;
}

static bool has_word(const json_t *list, const char *word)
{
	json_t *one;
	size_t i;

	json_array_foreach(list, i, one)
		if (json_is_string(one) && strcmp(json_string_value(one), word) == 0)
			return true;
	return false;
}

static void keep_ways(struct program *program, const json_t *ways)
{
	char *condition;
	json_t *way;
	size_t i;

	json_array_foreach(ways, i, way) {
		if (i == WAYS_MAX)
			bail("%s: more than %d ways", program->name, WAYS_MAX);
		snprintf(program->ways[i], sizeof(program->ways[i]), "%s", json_string_value(way));
		condition = strstr(program->ways[i], ", if ");
		if (condition)
			*condition = '\0';
		diag("%s: %s", program->name, program->ways[i]);
	}
	program->ways_count = json_array_size(ways);
}

static void audit(void)
{
	int statuses[ELEMENTS(programs)];

	for (struct program *program = programs; program < END; program++)
		set_policy(program, "Action=audit");
	reload();
	reset_report();
	run_all(statuses);
	for (struct program *program = programs; program < END; program++) {
		json_t *reply = report_of(program);
		json_t *policy = json_array_get(json_object_get(reply, "policies"), 0);
		json_t *ways = json_object_get(policy, "ways"), *first = json_array_get(ways, 0);

		ok(statuses[program - programs] == 0, "%s: Action=audit, it works (%d)", program->name,
		   statuses[program - programs]);
		ok(json_array_size(ways) == 1 && json_array_size(json_object_get(first, "ways")) >= 2,
		   "%s: the report has advice: %.*s", program->name,
		   (int)strcspn(json_text(policy, "advice"), "\n"), json_text(policy, "advice"));
		if (program->kind)
			ok(has_word(json_object_get(first, "kinds"), program->kind), "%s: it is called %s",
			   program->name, program->kind);
		ok(report_text_says(program, program->example), "%s: and described", program->name);
		keep_ways(program, json_object_get(first, "ways"));
		json_decref(reply);
	}
}

/* Without the advice they fail, otherwise the test proves nothing. */
static void deny(void)
{
	int statuses[ELEMENTS(programs)];

	for (struct program *program = programs; program < END; program++)
		set_policy(program, "Action=deny");
	reload();
	run_all(statuses);
	for (struct program *program = programs; program < END; program++) {
		bool spared = program->spared && !gate_is_override() && !native_expected();
		int status = statuses[program - programs];

		ok(spared ? status == 0 : status != 0, "%s: Action=deny, it %s (%d)", program->name,
		   spared ? "is left alone where a gate could only kill" : "does not work", status);
	}
}

/* Not by name any more: with Segments=none the report lacks the policy. */
static bool is_quiet(const struct program *program)
{
	json_t *reply = NULL, *row;
	size_t i, rows = 0;

	if (daemon_call("Report", json_pack("{s:s}", "policy", program->name), &reply))
		bail("Report: %s", daemon_error_message());
	json_array_foreach(json_object_get(reply, "rows"), i, row) {
		rows++;
		diag("%s: %s %s", program->name, json_text(row, "verdict"), json_text(row, "operation"));
	}
	json_decref(reply);
	return rows == 0;
}

static void follow(size_t way)
{
	int statuses[ELEMENTS(programs)];
	char seal[256];

	for (struct program *program = programs; program < END; program++) {
		snprintf(seal, sizeof(seal), "Action=deny\n%s",
			 way < program->ways_count ? program->ways[way] : "Segments=none");
		set_policy(program, seal);
	}
	reload();
	reset_report();
	run_all(statuses);
	for (struct program *program = programs; program < END; program++) {
		if (way >= program->ways_count)
			continue;
		ok(statuses[program - programs] == 0, "%s: Action=deny and %s, it works (%d)", program->name,
		   program->ways[way], statuses[program - programs]);
		ok(is_quiet(program), "%s: and nothing is denied", program->name);
	}
}

int main(void)
{
	(void)gate_is_override();
	install();
	daemon_start();
	audit();
	deny();
	for (size_t way = 0; way < WAYS_MAX; way++)
		follow(way);
	(void)unlink("/etc/mseald/mseald.conf");
	for (struct program *program = programs; program < END; program++) {
		char path[128];

		snprintf(path, sizeof(path), ETC "/%s.conf", program->name);
		(void)unlink(path);
	}
	reload();
	daemon_stop(SIGTERM);
	return tap_end();
}
