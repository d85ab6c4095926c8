/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Runs msealctl itself (MSEALCTL, else build/msealctl) against a forked server with a script: its requests,
 * output, and exit status. Include cmocka.h first.
 */
#pragma once

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <jansson.h>

#include "fake_daemon.h"
#include "lib/base/util.h"

#define OUTPUT_MAX FAKE_DAEMON_REQUEST_MAX

/* --- the daemon's replies --- */

#define SEALED "{\"parameters\":{\"space\":7,\"ranges\":2,\"bytes\":8192,\"seals\":3}}"

#define SEAL_1 \
	"{\"start\":4096,\"end\":8192,\"segment\":\"none\",\"deny\":[\"mprotect\",\"unmap\",\"discard\"]," \
	"\"kill\":[],\"audit\":[],\"revocable\":false,\"gate\":\"override\",\"attempts\":3}"
#define SEAL_2 \
	"{\"start\":139637976727552,\"end\":139637976731648,\"segment\":\"relro\",\"deny\":[\"mprotect\"]," \
	"\"kill\":[\"unmap\"],\"audit\":[],\"revocable\":true,\"gate\":\"kill\",\"attempts\":0}"
#define SPACES \
	"{\"parameters\":{\"spaces\":[{\"id\":7,\"pids\":[812,813],\"comm\":\"ng\\u001binx\"," \
	"\"set\":1,\"denied\":3," \
	"\"killed\":0,\"audited\":0,\"seals\":[" SEAL_1 "]}]},\"continues\":true}\n" \
	"{\"parameters\":{\"spaces\":[{\"id\":8,\"pids\":[900],\"comm\":\"x\",\"set\":2,\"denied\":0," \
	"\"killed\":0,\"audited\":0,\"seals\":[" SEAL_2 "]}]}}"
#define ROW_DENY(row, name, deny, outcome, by, raced, native) \
	"{\"row\":" #row ",\"operation\":\"" name "\",\"description\":\"" name "\",\"deny\":[\"" deny "\"]," \
	"\"outcome\":\"" outcome "\",\"by\":\"" by "\",\"raced\":" #raced ",\"native\":\"" native "\"}"
#define ROW(row, name, ...) ROW_DENY(row, name, name, __VA_ARGS__)
/* clang-format off */
#define STATUS \
	"{\"parameters\":{\"version\":\"0.1\",\"kernel\":\"6.12.1\",\"attached\":true," \
	"\"preemption\":\"voluntary\"," \
	"\"rows\":[" ROW(1, "mprotect", "EPERM", "lsm", false, "none") "," \
	ROW_DENY(3, "munmap", "unmap", "SIGKILL", "kill", true, "all") "," \
	ROW_DENY(6, "madvise", "discard", "SIGKILL", "kill", true, "anonymous") "," \
	ROW_DENY(12, "userfaultfd", "unmap", "not covered", "none", false, "none") "]," \
	"\"spaces\":1,\"sets\":1,\"spaces_max\":65536,\"sets_max\":65536,\"lost\":1,\"misses\":0," \
	"\"denied\":3,\"killed\":0,\"audited\":0,\"unsealed\":2}}"
/* clang-format on */
#define EVENTS \
	"{\"parameters\":{\"event\":{\"time\":1000,\"space\":7,\"pid\":812,\"tid\":812,\"uid\":33," \
	"\"gid\":33," \
	"\"comm\":\"nginx\",\"cgroup\":1,\"operation\":\"munmap\",\"address\":4096,\"length\":4096," \
	"\"seal\":{\"start\":4096,\"end\":8192},\"segment\":\"none\",\"verdict\":\"denied\",\"ip\":16}}," \
	"\"continues\":true}\n{\"parameters\":{\"lost\":2}}"

static struct {
	struct fake_daemon daemon;
	char *out, *error;
	int status;
} test;

static inline int setup(void)
{
	test.out = malloc(OUTPUT_MAX);
	test.error = malloc(OUTPUT_MAX);
	return fake_daemon_open(&test.daemon);
}

static inline int teardown(void **state)
{
	(void)state;
	fake_daemon_close(&test.daemon);
	free(test.out);
	free(test.error);
	return 0;
}

/* --- running --- */

static inline void read_file(int fd, char *text)
{
	ssize_t length = pread(fd, text, OUTPUT_MAX - 1, 0);

	assert_true(length >= 0);
	text[length] = '\0';
}

/* Runs msealctl with these words (up to NULL) and this text on its standard input. */
static inline void run_with(const char *input, const struct reply *replies, const char *const *words)
{
	const char *program = getenv("MSEALCTL");
	_cleanup_close_ int in = memfd_create("in", MFD_CLOEXEC), out = memfd_create("out", MFD_CLOEXEC),
			    error = memfd_create("error", MFD_CLOEXEC);
	pid_t server = 0, client;

	test.daemon.request[0] = test.daemon.requests[0] = '\0';
	assert_int_equal(write(in, input, strlen(input)), strlen(input));
	assert_int_equal(lseek(in, 0, SEEK_SET), 0);
	if (replies)
		server = fake_daemon_serve(&test.daemon, replies);
	client = fork();
	if (client == 0) {
		const char *argv[32] = { "msealctl" };

		for (size_t i = 0; words[i]; i++)
			argv[i + 1] = words[i];
		(void)dup2(in, 0);
		(void)dup2(out, 1);
		(void)dup2(error, 2);
		(void)execv(program ? program : "build/msealctl", (char *const *)argv);
		perror(program ? program : "build/msealctl");
		_exit(127);
	}
	assert_int_equal(waitpid(client, &test.status, 0), client);
	if (server) {
		(void)kill(server, SIGKILL);
		(void)waitpid(server, NULL, 0);
	}
	assert_true(WIFEXITED(test.status));
	test.status = WEXITSTATUS(test.status);
	read_file(out, test.out);
	read_file(error, test.error);
}

#define RUN(replies, ...) run_with("", replies, (const char *const[]){ __VA_ARGS__, NULL })

static inline void assert_result(int status, const char *out, const char *error)
{
	assert_string_equal(test.error, error);
	assert_string_equal(test.out, out);
	assert_int_equal(test.status, status);
}

/* A usage error: this line, and the reference to the help. */
static inline void assert_usage(const char *complaint, const char *command)
{
	char expected[512];

	(void)snprintf(expected, sizeof(expected), "msealctl: %s; see msealctl %s--help\n", complaint,
		       command);
	assert_result(2, "", expected);
}

static inline json_t *output_json(void)
{
	json_t *document = json_loads(test.out, 0, NULL);

	assert_non_null(document);
	assert_int_equal(test.status, 0);
	return document;
}

/* The exit status of main. */
#define RUN_COMMANDS(tests) \
	({ \
		alarm(120); \
		if (setup() < 0) { \
			perror("setup"); \
			exit(1); \
		} \
		(void)setenv("LC_ALL", "C", 1); \
		(void)setenv("MSEALD_SOCKET", test.daemon.address.sun_path, 1); \
		(void)unsetenv("COLUMNS"); \
		cmocka_run_group_tests(tests, NULL, teardown); \
	})
