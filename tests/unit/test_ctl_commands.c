// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Runs msealctl itself (MSEALCTL, else build/msealctl) against a forked server with a script: its requests,
 * output, and exit status.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#include <cmocka.h>
#include <jansson.h>

#include "fake_daemon.h"
#include "lib/base/util.h"
#include "mseald/shared.h"

#define OUTPUT_MAX FAKE_DAEMON_REQUEST_MAX

/* --- the daemon's replies --- */

static const char pid_line[] = "{\"parameters\":{\"space\":7,\"ranges\":2,\"bytes\":8192,\"seals\":3}}";

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

static int setup(void)
{
	test.out = malloc(OUTPUT_MAX);
	test.error = malloc(OUTPUT_MAX);
	return fake_daemon_open(&test.daemon);
}

static int teardown(void **state)
{
	(void)state;
	fake_daemon_close(&test.daemon);
	free(test.out);
	free(test.error);
	return 0;
}

/* --- running --- */

static void read_file(int fd, char *text)
{
	ssize_t length = pread(fd, text, OUTPUT_MAX - 1, 0);

	assert_true(length >= 0);
	text[length] = '\0';
}

/* Runs msealctl with these words (up to NULL) and this text on its standard input. */
static void run_with(const char *input, const struct reply *replies, const char *const *words)
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

static void assert_result(int status, const char *out, const char *error)
{
	assert_string_equal(test.error, error);
	assert_string_equal(test.out, out);
	assert_int_equal(test.status, status);
}

/* A usage error: this line, and the reference to the help. */
static void assert_usage(const char *complaint, const char *command)
{
	char expected[512];

	(void)snprintf(expected, sizeof(expected), "msealctl: %s; see msealctl %s--help\n", complaint,
		       command);
	assert_result(2, "", expected);
}

static json_t *output_json(void)
{
	json_t *document = json_loads(test.out, 0, NULL);

	assert_non_null(document);
	assert_int_equal(test.status, 0);
	return document;
}

/* --- tests --- */

static void test_usage(void **state)
{
	(void)state;
	RUN(NULL, "frob\033");
	assert_usage("there is no command 'frob\\x1b'", "");
	RUN(NULL, "--frob");
	assert_usage("there is no option --frob", "");
	RUN(NULL, "--json=1", "list");
	assert_usage("option --json takes no value", "");
	RUN(NULL, "list", "--frob=1");
	assert_usage("there is no option --frob", "list ");
	RUN(NULL, "list", "-x");
	assert_usage("there is no option -x", "list ");
	RUN(NULL, "list", "--socket");
	assert_usage("option --socket needs a value", "list ");
	RUN(NULL, "list", "1", "x");
	assert_usage("'x' is not a PID; a PID is a whole number from 1 to 2147483647", "list ");
	RUN(NULL, "monitor", "1", "-1");
	assert_usage("there is no option -1", "monitor ");
	RUN(NULL, "unseal", "--unit");
	assert_usage("option --unit needs a value", "unseal ");
	RUN(NULL, "seal", "1", "2", "0x1000+4K");
	assert_usage("ranges apply to one process, but 2 are given", "seal ");
	RUN(NULL, "map");
	assert_usage("no PID given", "map ");
	RUN(NULL, "explain", "1");
	assert_usage("no ADDRESS given", "explain ");
	RUN(NULL, "explain", "1", "4096");
	assert_usage("'4096' is not an address: write it in hexadecimal, as 0x7f12a000", "explain ");
	RUN(NULL, "run", "--revocable");
	assert_usage("no PROGRAM given", "run ");
	RUN(NULL, "run", "--frob", "true");
	assert_usage("there is no option --frob", "run ");
	RUN(NULL, "seal");
	assert_usage("no PID given", "seal ");
	RUN(NULL, "seal", "0");
	assert_usage("'0' is not a PID; a PID is a whole number from 1 to 2147483647", "seal ");
	RUN(NULL, "seal", "2147483648");
	assert_usage("'2147483648' is not a PID; a PID is a whole number from 1 to 2147483647", "seal ");
	RUN(NULL, "seal", "--", "-1");
	assert_usage("'-1' is not a PID; a PID is a whole number from 1 to 2147483647", "seal ");
	RUN(NULL, "seal", "1", "0x1000-0x2001");
	assert_usage("range 0x1000-0x2001 is not aligned: both ends must be multiples of 4096", "seal ");
	RUN(NULL, "seal", "1", "0x7ffffffffffff000+4K", "0x2000-0x1000");
	assert_usage("range 0x7ffffffffffff000+4K is not in user memory", "seal ");
	RUN(NULL, "seal", "1", "0x2000-0x1000");
	assert_usage("range 0x2000-0x1000 is reversed: its end comes before its start", "seal ");
	RUN(NULL, "seal", "1", "0x2000-0x2000");
	assert_usage("range 0x2000-0x2000 is empty", "seal ");
	RUN(NULL, "seal", "1", "4096-8192");
	assert_usage("range 4096-8192 is malformed: write 0xSTART-0xEND or 0xSTART+LENGTH", "seal ");
	RUN(NULL, "seal", "--deny=mprotect,frob", "1");
	assert_usage("--deny does not know 'frob'; it takes mprotect, unmap, discard, foreign-write, "
		     "file-write, all",
		     "seal ");
	RUN(NULL, "seal", "--segments=heap", "1");
	assert_usage("--segments does not know 'heap'; it takes text, rodata, relro, data, vdso, stack, all",
		     "seal ");
	RUN(NULL, "seal", "--action=log", "1");
	assert_usage("--action does not know 'log'; it takes deny, kill or audit", "seal ");
	RUN(NULL, "seal", "--segments=text", "1", "0x1000+4K");
	assert_usage("give ranges or --segments, not both", "seal ");
	RUN(NULL, "status", "1");
	assert_usage("unexpected argument '1'", "status ");
}

static void test_help(void **state)
{
	static const char *const commands[] = {
		"seal",	  "unseal", "list",   "map",	 "explain", "monitor",
		"status", "check",  "policy", "version", "help",
	};
	char usage[64], *overview;

	(void)state;
	RUN(NULL, "--help");
	assert_int_equal(test.status, 0);
	assert_string_equal(test.error, "");
	overview = strdup(test.out);
	RUN(NULL, NULL);
	assert_result(0, overview, "");
	free(overview);
	for (size_t i = 0; i < ELEMENTS(commands); i++) {
		(void)snprintf(usage, sizeof(usage), "\n  %s ", commands[i]);
		assert_non_null(strstr(test.out, usage));
	}
	for (size_t i = 0; i < ELEMENTS(commands); i++) {
		(void)snprintf(usage, sizeof(usage), "Usage: msealctl %s", commands[i]);
		RUN(NULL, commands[i], "--help");
		assert_int_equal(test.status, 0);
		assert_string_equal(test.error, "");
		assert_ptr_equal(strstr(test.out, usage), test.out);
		for (const char *line = test.out; *line; line += strcspn(line, "\n") + 1)
			assert_true(strcspn(line, "\n") <= 80);
	}
	RUN(NULL, "--version");
	assert_ptr_equal(strstr(test.out, "msealctl "), test.out);
	assert_int_equal(test.status, 0);
}

static void test_unreachable(void **state)
{
	static const char *const commands[] = { "list", "status", "monitor" };

	(void)state;
	for (size_t i = 0; i < ELEMENTS(commands); i++) {
		RUN(NULL, "--socket=/nonexistent", commands[i]);
		assert_result(
			4, "",
			"msealctl: cannot reach mseald on /nonexistent: No such file or directory; is it "
			"running? (systemctl start mseald)\n");
	}
}

static void test_seal(void **state)
{
	static const struct reply replies[] = { { "io.mseald.Seal\"", pid_line }, {} };

	(void)state;
	RUN(replies, "seal", "812", "0x1000-0x2000", "0x5000+4K");
	assert_result(0, "pid 812: sealed 8K in 2 ranges; its address space has 3 seals\n", "");
	assert_string_equal(test.daemon.request,
			    "{\"method\":\"io.mseald.Seal\",\"parameters\":{\"ranges\":["
			    "{\"start\":4096,\"end\":8192},{\"start\":20480,\"end\":24576}],\"pid\":812}}");

	RUN(replies, "seal", "812", "--deny=unmap,mprotect", "--action=kill", "--revocable",
	    "--segments=relro,text");
	assert_int_equal(test.status, 0);
	assert_string_equal(test.daemon.request,
			    "{\"method\":\"io.mseald.Seal\",\"parameters\":{\"segments\":["
			    "\"text\",\"relro\"],\"deny\":[\"mprotect\",\"unmap\"],\"action\":\"kill\","
			    "\"revocable\":true,\"pid\":812}}");

	RUN(replies, "seal", "812", "--json");
	assert_string_equal(test.daemon.request,
			    "{\"method\":\"io.mseald.Seal\",\"parameters\":{\"pid\":812}}");
	json_decref(output_json());
}

#define PLANNED \
	"{\"parameters\":{\"space\":7,\"ranges\":2,\"bytes\":8192,\"seals\":3,\"native\":false," \
	"\"planned\":[" \
	"{\"start\":4096,\"end\":8192,\"segment\":\"text\",\"deny\":[\"mprotect\"],\"kill\":[]," \
	"\"audit\":[],\"path\":\"/usr/bin/x\\u001b\"}," \
	"{\"start\":16384,\"end\":20480,\"segment\":\"none\",\"deny\":[],\"kill\":[\"unmap\"]," \
	"\"audit\":[]}]}}"

static void test_dry_run(void **state)
{
	static const struct reply replies[] = {
		{ "io.mseald.Seal\"", PLANNED },
		{ "io.mseald.Unseal\"", "{\"parameters\":{\"bytes\":4096,\"seals\":1}}" },
		{},
	};
	json_t *document;

	(void)state;
	RUN(replies, "seal", "--dry-run", "--segments=text", "812");
	assert_result(0,
		      "pid 812: would seal 8K in 2 ranges; its address space would have 3 seals\n"
		      "RANGE          SIZE  SEGMENT  DENIES      FILE\n"
		      "0x1000-0x2000    4K  text     mprotect    /usr/bin/x\\x1b\n"
		      "0x4000-0x5000    4K  -        kill:unmap  -\n",
		      "");
	assert_string_equal(
		test.daemon.requests,
		"{\"method\":\"io.mseald.Seal\",\"parameters\":{\"segments\":[\"text\"],\"pid\":812,"
		"\"dry_run\":true}}\n");
	RUN(replies, "seal", "--dry-run", "--json", "812");
	document = output_json();
	assert_int_equal(json_array_size(json_object_get(document, "planned")), 2);
	json_decref(document);
	RUN(replies, "unseal", "--dry-run", "812");
	assert_result(0, "pid 812: would unseal 4K; its address space would have 1 seal\n", "");
}

#define SEAL_OF(pid, more) "{\"method\":\"io.mseald.Seal\",\"parameters\":{\"pid\":" #pid more "}}\n"
#define GONE(pid) \
	"{\"error\":\"io.mseald.NoSuchProcess\",\"parameters\":{\"message\":\"pid " #pid " is gone\"}}"

/* All or nothing, if possible: each process is tried before the first is sealed. */
static void test_several(void **state)
{
	static const struct reply replies[] = { { "io.mseald.Seal\"", pid_line }, {} };
	static const struct reply refused[] = { { "\"pid\":813", GONE(813) },
						{ "io.mseald.Seal\"", pid_line },
						{} };
	static const struct reply late[] = { { "\"pid\":813}", GONE(813) },
					     { "io.mseald.Seal\"", pid_line },
					     {} };
	static const struct reply late_all[] = { { "\"dry_run\":true", pid_line },
						 { "io.mseald.Seal\"", GONE(1) },
						 {} };
	static const struct reply list[] = { { "\"pid\":813", GONE(813) },
					     { "io.mseald.List\"", SPACES },
					     {} };
	json_t *document;

	(void)state;
	RUN(replies, "seal", "812", "813", "812");
	assert_result(0,
		      "pid 812: sealed 8K in 2 ranges; its address space has 3 seals\n"
		      "pid 813: sealed 8K in 2 ranges; its address space has 3 seals\n",
		      "");
	assert_string_equal(test.daemon.requests,
			    SEAL_OF(812, ",\"dry_run\":true") SEAL_OF(813, ",\"dry_run\":true")
				    SEAL_OF(812, "") SEAL_OF(813, ""));
	RUN(replies, "seal", "812", "813", "--json");
	document = output_json();
	assert_int_equal(json_integer_value(json_object_get(
				 json_array_get(json_object_get(document, "processes"), 1), "pid")),
			 813);
	json_decref(document);

	RUN(refused, "seal", "812", "813", "814");
	assert_result(3, "",
		      "msealctl: pid 813 is gone\n"
		      "msealctl: no process was changed: 1 of 3 processes cannot be\n");
	assert_null(strstr(test.daemon.requests, SEAL_OF(812, "")));
	RUN(late, "seal", "812", "813", "814");
	assert_result(5,
		      "pid 812: sealed 8K in 2 ranges; its address space has 3 seals\n"
		      "pid 814: sealed 8K in 2 ranges; its address space has 3 seals\n",
		      "msealctl: pid 813 is gone\nmsealctl: done for 2 of 3 processes only\n");
	RUN(late_all, "seal", "812", "813");
	assert_result(3, "", "msealctl: pid 1 is gone\nmsealctl: pid 1 is gone\n");

	/* The same space, named by two of its processes, is listed once. */
	RUN(list, "list", "--json", "900", "812");
	document = output_json();
	assert_int_equal(json_array_size(json_object_get(document, "spaces")), 2);
	json_decref(document);
	RUN(list, "list", "813", "812");
	assert_int_equal(test.status, 5);
	assert_string_equal(test.error, "msealctl: pid 813 is gone\n");
	assert_non_null(strstr(test.out, "\n900 "));
	RUN(list, "list", "813");
	assert_result(3, "", "msealctl: pid 813 is gone\n");
}

/* This test itself: it has a unique name, and a unit, if units exist. */
static void test_by_name(void **state)
{
	static const struct reply replies[] = { { "io.mseald.Seal\"", pid_line },
						{ "io.mseald.Monitor\"", EVENTS },
						{} };
	char expected[128], name[16];

	(void)state;
	(void)snprintf(name, sizeof(name), "by-name-%d", getpid());
	assert_int_equal(prctl(PR_SET_NAME, name), 0);
	RUN(replies, "seal", "--comm", name);
	(void)snprintf(expected, sizeof(expected),
		       "pid %d: sealed 8K in 2 ranges; its address space has 3 seals\n", getpid());
	/* The forked server has the same name: it is the second. */
	assert_memory_equal(test.out, expected, strlen(expected));
	assert_int_equal(test.status, 0);
	RUN(replies, "seal", "--comm=no-such-name");
	assert_result(1, "", "msealctl: no process of the name 'no-such-name' is running\n");
	RUN(replies, "list", "--unit=no-such-unit");
	assert_result(1, "", "msealctl: no process of the unit 'no-such-unit' is running\n");
	/* The attempt is that of pid 812. */
	RUN(replies, "monitor", "812", "813");
	assert_string_equal(test.daemon.request,
			    "{\"method\":\"io.mseald.Monitor\",\"parameters\":{},\"more\":true}");
	assert_non_null(strstr(test.out, "nginx[812]"));
	RUN(replies, "monitor", "813", "814");
	assert_null(strstr(test.out, "nginx[812]"));
	RUN(replies, "monitor", "--comm=no-such-name");
	assert_int_equal(test.status, 0);
	assert_null(strstr(test.out, "nginx[812]"));
}

/* It becomes the program, with all following arguments. */
static void test_run(void **state)
{
	static const struct reply replies[] = { { "io.mseald.Run\"", "{\"parameters\":{}}" }, {} };
	static const struct reply denied[] = {
		{ "io.mseald.Run\"",
		  "{\"error\":\"io.mseald.Traced\",\"parameters\":{\"message\":\"pid 7 is traced\"}}" },
		{}
	};

	(void)state;
	RUN(replies, "run", "echo", "--revocable", "-n", "--");
	assert_result(0, "--revocable -n --\n", "");
	assert_string_equal(test.daemon.request, "{\"method\":\"io.mseald.Run\",\"parameters\":{}}");
	RUN(replies, "run", "--segments=text", "--deny=all", "--action=audit", "--revocable", "--", "sh",
	    "-c", "exit 9");
	assert_result(9, "", "");
	assert_string_equal(test.daemon.request,
			    "{\"method\":\"io.mseald.Run\",\"parameters\":{\"segments\":[\"text\"],\"deny\":["
			    "\"mprotect\",\"unmap\",\"discard\",\"foreign-write\",\"file-write\"],"
			    "\"action\":\"audit\",\"revocable\":true}}");
	RUN(replies, "run", "/nonexistent");
	assert_result(127, "", "msealctl: cannot run /nonexistent: No such file or directory\n");
	RUN(replies, "run", "/etc");
	assert_result(126, "", "msealctl: cannot run /etc: Permission denied\n");
	RUN(denied, "run", "echo", "never");
	assert_result(1, "", "msealctl: pid 7 is traced\n");
}

static void test_ranges_from(void **state)
{
	static const struct reply replies[] = { { "io.mseald.Seal\"", pid_line }, {} };
	_cleanup_free_ char *many = malloc(OUTPUT_MAX);
	size_t length = 0;
	json_t *request;

	(void)state;
	run_with("# two\n0x1000-0x2000\n\n  0x5000+4K # tail\n", replies,
		 (const char *const[]){ "seal", "--ranges-from=-", "812", NULL });
	assert_int_equal(test.status, 0);
	assert_non_null(strstr(test.daemon.request, "{\"start\":20480,\"end\":24576}]"));

	for (int i = 0; i < 10000; i++)
		length += (size_t)sprintf(many + length, "0x%x+4096\n", 0x10000 + i * 8192);
	run_with(many, replies, (const char *const[]){ "seal", "--ranges-from=-", "812", NULL });
	assert_int_equal(test.status, 0);
	request = json_loads(test.daemon.request, 0, NULL);
	assert_int_equal(json_array_size(json_object_get(json_object_get(request, "parameters"), "ranges")),
			 10000);
	json_decref(request);

	run_with("0x1000-0x2000\n0x3000\n", NULL,
		 (const char *const[]){ "seal", "--ranges-from=-", "812", NULL });
	assert_result(1, "",
		      "msealctl: standard input, line 2: range 0x3000 is malformed: write 0xSTART-0xEND "
		      "or 0xSTART+LENGTH\n");
	/* More than a request can hold: reported here, not by a broken connection. */
	length = 0;
	for (int i = 0; i < 32769; i++)
		length += (size_t)sprintf(many + length, "0x%x+4096\n", 0x10000 + i * 8192);
	run_with(many, NULL, (const char *const[]){ "seal", "--ranges-from=-", "812", NULL });
	assert_result(1, "", "msealctl: too many ranges: one request can name 32768\n");
	/* Without ranges the request must not mean everything. */
	run_with("\n# none\n", NULL, (const char *const[]){ "seal", "--ranges-from=-", "812", NULL });
	assert_result(1, "",
		      "msealctl: standard input holds no range; write one on each line, as 0xSTART-0xEND\n");
	RUN(NULL, "unseal", "--ranges-from=/nonexistent", "812");
	assert_result(1, "", "msealctl: cannot open /nonexistent: No such file or directory\n");
}

static void test_errors(void **state)
{
	static const struct reply refuse[] = {
		{ "io.mseald.Unseal\"",
		  "{\"error\":\"io.mseald.NotRevocable\",\"parameters\":{\"pid\":812,"
		  "\"message\":\"PID 812: \\u001b0x1000-0x2000 is permanently sealed\"}}" },
		{}
	};
	static const struct reply unknown[] = {
		{ "io.mseald.Unseal\"",
		  "{\"error\":\"org.varlink.service.MethodNotFound\",\"parameters\":{}}" },
		{}
	};
	static const struct reply garbage[] = { { "io.mseald.Unseal\"", "hello" }, {} };
	static const struct reply silent[] = { {} };
	char expected[512];

	(void)state;
	RUN(refuse, "unseal", "812", "0x1000-0x2000");
	assert_result(3, "", "msealctl: PID 812: \\x1b0x1000-0x2000 is permanently sealed\n");
	RUN(unknown, "unseal", "812");
	assert_result(3, "",
		      "msealctl: mseald returned the error MethodNotFound; compare the versions: "
		      "msealctl status\n");
	RUN(garbage, "unseal", "812");
	(void)snprintf(expected, sizeof(expected),
		       "msealctl: the server on %s does not speak the varlink protocol of mseald\n",
		       test.daemon.address.sun_path);
	assert_result(1, "", expected);
	RUN(silent, "unseal", "812");
	(void)snprintf(expected, sizeof(expected),
		       "msealctl: mseald on %s closed the connection; see its log "
		       "(journalctl -u mseald)\n",
		       test.daemon.address.sun_path);
	assert_result(4, "", expected);
}

static void test_unseal(void **state)
{
	static const struct reply replies[] = {
		{ "io.mseald.Unseal\"", "{\"parameters\":{\"bytes\":4096,\"seals\":1}}" }, {}
	};

	(void)state;
	RUN(replies, "unseal", "812");
	assert_result(0, "pid 812: unsealed 4K; its address space has 1 seal\n", "");
	assert_string_equal(test.daemon.request,
			    "{\"method\":\"io.mseald.Unseal\",\"parameters\":{\"pid\":812}}");
}

static void test_list(void **state)
{
	static const struct reply replies[] = { { "io.mseald.List\"", SPACES }, {} };
	static const struct reply none[] = { { "io.mseald.List\"", "{\"parameters\":{\"spaces\":[]}}" }, {} };
	static const struct reply not_sealed[] = {
		{ "io.mseald.List\"", "{\"error\":\"io.mseald.NotSealed\",\"parameters\":{\"pid\":1}}" }, {}
	};
	json_t *document;

	(void)state;
	RUN(replies, "list");
	assert_result(0,
		      "PID      COMM       RANGE                          SIZE  SEGMENT  DENIES            "
		      "      ACTION  GATE      "
		      "KIND       ATTEMPTS\n"
		      "812,813  ng\\x1binx  0x1000-0x2000                    4K  -        mprotect,unmap,"
		      "discard  deny    override  "
		      "permanent         3\n"
		      "900      x          0x7f0000000000-0x7f0000001000    4K  relro    mprotect          "
		      "      deny    kill      "
		      "revocable         0\n"
		      "900      x          0x7f0000000000-0x7f0000001000    4K  relro    unmap             "
		      "      kill    kill      "
		      "revocable         0\n",
		      "");
	assert_string_equal(test.daemon.request,
			    "{\"method\":\"io.mseald.List\",\"parameters\":{\"once\":true},\"more\":true}");

	RUN(replies, "list", "--json", "812");
	assert_string_equal(
		test.daemon.request,
		"{\"method\":\"io.mseald.List\",\"parameters\":{\"pid\":812,\"once\":true},\"more\":true}");
	document = output_json();
	assert_int_equal(json_array_size(json_object_get(document, "spaces")), 2);
	json_decref(document);

	RUN(none, "list");
	assert_result(0, "Nothing is sealed.\n", "");
	RUN(not_sealed, "list", "1");
	assert_result(0, "No memory of pid 1 is sealed.\n", "");
}

/*
 * Members that are left out (seals, policy, program) are those of the space before, also from another reply;
 * rows are sorted by pid.
 */
static void test_list_once(void **state)
{
#define SENT(pid, start) \
	"{\"id\":-1,\"pids\":[" pid \
	"],\"comm\":\"a\",\"set\":1,\"denied\":0,\"killed\":0,\"audited\":0,\"seals\":[{\"start\":" start \
	",\"end\":8192,\"segment\":\"text\",\"deny\":[\"unmap\"],\"kill\":[],\"audit\":[]," \
	"\"revocable\":false,\"gate\":\"kill\"," \
	"\"attempts\":0}],\"policy\":\"p" start "\"}"
#define NOT_SENT(pid) \
	"{\"id\":-1,\"pids\":[" pid "],\"comm\":\"a\",\"set\":1,\"denied\":0,\"killed\":0,\"audited\":0}"
	static const struct reply replies[] = {
		{ "io.mseald.List\"",
		  "{\"parameters\":{\"spaces\":[" SENT("30", "4096") "," NOT_SENT(
			  "9") "]},\"continues\":true}\n"
			       "{\"parameters\":{\"spaces\":[" NOT_SENT("31") "," SENT(
				       "10", "0") "]},\"continues\":true}\n"
						  "{\"parameters\":{\"spaces\":[" NOT_SENT("40") "]}}" },
		{}
	};
	static const struct {
		int pid;
		const char *policy;
	} wanted[] = { { 9, "p4096" }, { 10, "p0" }, { 30, "p4096" }, { 31, "p4096" }, { 40, "p0" } };
	json_t *document, *spaces;

	(void)state;
	RUN(replies, "list", "--json");
	document = output_json();
	spaces = json_object_get(document, "spaces");
	assert_int_equal(json_array_size(spaces), ELEMENTS(wanted));
	for (size_t i = 0; i < ELEMENTS(wanted); i++) {
		json_t *space = json_array_get(spaces, i), *seals = json_object_get(space, "seals");

		assert_int_equal(json_integer_value(json_array_get(json_object_get(space, "pids"), 0)),
				 wanted[i].pid);
		assert_string_equal(json_string_value(json_object_get(space, "policy")), wanted[i].policy);
		assert_int_equal(json_integer_value(json_object_get(json_array_get(seals, 0), "start")),
				 atoi(wanted[i].policy + 1));
	}
	json_decref(document);
}

static void test_status(void **state)
{
	static const struct reply replies[] = { { "io.mseald.Status\"", STATUS }, {} };

	(void)state;
	RUN(replies, "status");
	assert_result(
		0,
		"mseald     0.1 on Linux 6.12.1, preemption voluntary\n"
		"programs   attached\n"
		"sealed     1 address space (room for 65536), 1 seal set (room for 65536)\n"
		"attempts   3 denied, 0 killed, 0 audited\n"
		"lock       shown to root only\n"
		"\n"
		"ROW  OPERATION    PERMANENT     REVOCABLE     RACED      NOTE\n"
		"  1  mprotect     EPERM lsm     EPERM lsm     no\n"
		"  3  munmap       EPERM native  SIGKILL kill  revocable\n"
		"  6  madvise      EPERM native  SIGKILL kill  yes        of a file: SIGKILL kill\n"
		" 12  userfaultfd  not covered   not covered   no\n"
		"\n"
		"warning: 1 event was lost because a buffer was full; the attempts were denied all the same\n"
		"warning: 2 processes of policies or containers could not be sealed, or not in time, "
		"since start (see log)\n"
		"warning: 2 rows can be raced on this kernel: a call may slip past while a program is "
		"preempted\n"
		"warning: 1 row is not covered on this kernel; see msealctl check\n",
		"");
	RUN(replies, "--json", "status");
	json_decref(output_json());
}

/* A daemon sends `starts` to root only, as it does the lock. */
static void test_status_unlocked(void **state)
{
	static const struct reply replies[] = {
		{ "io.mseald.Status\"",
		  "{\"parameters\":{\"rows\":[],\"starts\":{\"programs\":0,\"late\":0,\"ended\":0,"
		  "\"pool_empty\":0}}}" },
		{}
	};

	(void)state;
	RUN(replies, "status");
	assert_int_equal(test.status, 0);
	assert_non_null(strstr(test.out, "\nlock       off\n"));
}

static void test_status_locked(void **state)
{
	static const struct reply replies[] = {
		{ "io.mseald.Status\"",
		  "{\"parameters\":{\"rows\":[],\"lock\":{\"signals\":true,\"maps\":20,\"programs\":60,"
		  "\"links\":50,\"denials\":[{\"operation\":\"map\",\"attempts\":3},"
		  "{\"operation\":\"pin\",\"attempts\":1}]}}}" },
		{}
	};

	(void)state;
	RUN(replies, "status");
	assert_int_equal(test.status, 0);
	assert_non_null(strstr(test.out, "lock       on until reboot: 20 maps, 60 programs, 50 links, pins, "
					 "mseald, signals; 4 denied (map 3, pin 1)\n"));
}

static void test_monitor(void **state)
{
	static const struct reply replies[] = { { "io.mseald.Monitor\"", EVENTS }, {} };
	static const char event[] =
		" nginx[812] uid 33 denied munmap 0x1000+4096 (seal 0x1000-0x2000) at ip 0x10\n";
	static const char lost[] =
		" 2 events lost: a buffer was full (the attempts were denied all the same)\n";

	(void)state;
	RUN(replies, "monitor", "812");
	assert_int_equal(test.status, 0);
	assert_string_equal(test.error, "");
	assert_string_equal(test.daemon.request,
			    "{\"method\":\"io.mseald.Monitor\",\"parameters\":{\"pid\":812},\"more\":true}");
	assert_memory_equal(test.out + strlen("2026-11-22T12:00:01.123"), event, strlen(event));
	assert_string_equal(test.out + 2 * strlen("2026-11-22T12:00:01.123") + strlen(event), lost);

	RUN(replies, "monitor", "--json");
	assert_ptr_equal(strstr(test.out, "{\"event\":{\"time\":1000,"), test.out);
	assert_non_null(strstr(test.out, "\n{\"lost\":2}\n"));
}

static void test_monitor_filter(void **state)
{
	static const struct reply replies[] = { { "io.mseald.Monitor\"", EVENTS }, {} };

	(void)state;
	RUN(replies, "monitor", "--operation=munmap,mmap", "--verdict=denied");
	assert_int_equal(test.status, 0);
	assert_non_null(strstr(test.out, "denied munmap"));
	RUN(replies, "monitor", "--operation=mprotect");
	assert_int_equal(test.status, 0);
	assert_null(strstr(test.out, "denied munmap"));
	assert_non_null(strstr(test.out, "2 events lost"));
	RUN(replies, "monitor", "--verdict=killed", "--verdict=audited", "--json");
	assert_null(strstr(test.out, "event\""));
	assert_non_null(strstr(test.out, "{\"lost\":2}\n"));
	RUN(replies, "monitor", "--operation=unmapp");
	assert_int_equal(test.status, 2);
	assert_non_null(strstr(test.error, "there is no operation 'unmapp'; there are mprotect, "));
	RUN(replies, "monitor", "--verdict=denied,");
	assert_int_equal(test.status, 2);
	assert_non_null(strstr(test.error, "there is no verdict ''"));
}

/* Denials by the lock: shown unless operations or verdicts are selected, which they lack. */
static void test_monitor_denials(void **state)
{
	static const struct reply replies[] = {
		{ "io.mseald.Monitor\"",
		  "{\"parameters\":{\"denial\":{\"time\":1000,\"operation\":\"pin\",\"pid\":812,"
		  "\"tid\":813,\"uid\":0,"
		  "\"gid\":0,\"comm\":\"r\\u001bm\",\"cgroup\":1,\"container\":\"web\"}},\"continues\":true}"
		  "\n{\"parameters\":{\"denial\":{\"time\":1000,\"operation\":\"signal\",\"pid\":0,"
		  "\"tid\":0,\"uid\":0,\"gid\":0,"
		  "\"comm\":\"\",\"cgroup\":0}}}" },
		{}
	};

	(void)state;
	RUN(replies, "monitor");
	assert_int_equal(test.status, 0);
	assert_non_null(strstr(test.out, " r\\x1bm[812/813] uid 0 denied pin (lock) container web\n"));
	assert_non_null(strstr(test.out, " unknown process denied signal (lock)\n"));
	RUN(replies, "monitor", "--json");
	assert_non_null(strstr(test.out, "{\"denial\":{\"time\":1000,\"operation\":\"pin\""));
	assert_non_null(strstr(test.out, "\"local_time\":\"20"));
	RUN(replies, "monitor", "--verdict=denied,killed,audited");
	assert_int_equal(test.status, 0);
	assert_string_equal(test.out, "");
	RUN(replies, "monitor", "--operation=munmap", "--json");
	assert_string_equal(test.out, "");
}

/* SIGINT is the normal end, not a failure; earlier output has been written by then. */
static void test_monitor_interrupted(void **state)
{
	const char *program = getenv("MSEALCTL");
	int pipes[2], status, fd;
	char line[256] = "";
	pid_t client;

	(void)state;
	assert_int_equal(pipe2(pipes, O_CLOEXEC), 0);
	client = fork();
	if (client == 0) {
		(void)dup2(pipes[1], 1);
		(void)execl(program ? program : "build/msealctl", "msealctl", "monitor", NULL);
		_exit(127);
	}
	fd = accept(test.daemon.listener, NULL, NULL);
	assert_true(read(fd, line, sizeof(line)) > 0);
	fake_daemon_answer(fd, "{\"parameters\":{\"lost\":2},\"continues\":true}");
	assert_true(read(pipes[0], line, sizeof(line)) > 0);
	assert_int_equal(kill(client, SIGINT), 0);
	assert_int_equal(waitpid(client, &status, 0), client);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	(void)close(fd);
	(void)close(pipes[0]);
	(void)close(pipes[1]);
}

/* This test's own memory: one page sealed, one unsealed. */
static void test_map_and_explain(void **state)
{
	char *pages = mmap(NULL, 3 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char list[1024], pid[16], address[32], after[32], expected[256];
	const struct reply replies[] = { { "io.mseald.List\"", list }, { "io.mseald.Status\"", STATUS }, {} };
	json_t *document, *operations, *mapping = NULL;
	size_t i;

	(void)state;
	assert_int_equal(mprotect(pages, 4096, PROT_READ), 0);
	assert_int_equal(munmap(pages + 8192, 4096), 0);
	(void)snprintf(pid, sizeof(pid), "%d", getpid());
	(void)snprintf(address, sizeof(address), "%p", (void *)(pages + 17));
	(void)snprintf(after, sizeof(after), "%p", (void *)(pages + 4096));
	(void)snprintf(
		list, sizeof(list),
		"{\"parameters\":{\"spaces\":[{\"id\":7,\"pids\":[%s],\"comm\":\"x\","
		"\"seals\":[{\"start\":%jd,\"end\":%jd,\"segment\":\"none\",\"deny\":[\"mprotect\",\"unmap\","
		"\"discard\"],\"kill\":[],\"audit\":[],\"revocable\":true,\"gate\":\"kill\","
		"\"attempts\":0}]}]}}",
		pid, (intmax_t)pages, (intmax_t)pages + 4096);

	RUN(replies, "explain", "--json", pid, address);
	document = output_json();
	assert_true(json_is_true(json_object_get(document, "sealed")));
	assert_int_equal(json_integer_value(json_object_get(document, "address")), (intmax_t)pages);
	assert_int_equal(json_array_size(json_object_get(document, "seals")), 1);
	operations = json_object_get(document, "operations");
	assert_int_equal(json_array_size(operations), MSEALD_OP_COUNT);
#define OUTCOME(i) json_string_value(json_object_get(json_array_get(operations, (i)-1), "outcome"))
#define WHY(i) json_string_value(json_object_get(json_array_get(operations, (i)-1), "why"))
	assert_string_equal(OUTCOME(1), "EPERM");
	assert_string_equal(WHY(1), "the seal denies mprotect");
	assert_string_equal(OUTCOME(2), "SIGKILL");
	assert_string_equal(WHY(2), "the seal denies unmap, on this kernel by SIGKILL; a race can bypass it");
	assert_string_equal(OUTCOME(3), "SIGKILL");
	assert_string_equal(OUTCOME(4), "allowed");
	assert_string_equal(WHY(4), "not covered on this kernel");
	/* Then the operations without a row, in the order of enum mseald_op. */
	assert_string_equal(OUTCOME(5), "allowed");
	assert_string_equal(WHY(5), "not known to this version of mseald");
	assert_string_equal(WHY(15), "the seal does not deny foreign-write");
	assert_string_equal(WHY(18), "not a private mapping of a file");
	json_decref(document);

	RUN(replies, "explain", pid, after);
	assert_int_equal(test.status, 0);
	assert_non_null(strstr(test.out, "\nseal     none\n"));
	assert_null(strstr(test.out, "EPERM"));

	(void)snprintf(expected, sizeof(expected),
		       "msealctl: pid %s: nothing is mapped at 0x1000 (see msealctl map %s)\n", pid, pid);
	RUN(replies, "explain", pid, "0x1000");
	assert_result(1, "", expected);

	RUN(replies, "map", "--json", pid);
	document = output_json();
	assert_int_equal(json_integer_value(json_object_get(document, "sealed")), 4096);
	json_array_foreach(json_object_get(document, "mappings"), i, mapping)
		if (json_integer_value(json_object_get(mapping, "sealed")) > 0)
			break;
	assert_int_equal(json_integer_value(json_object_get(mapping, "start")), (intmax_t)pages);
	assert_int_equal(json_array_size(json_object_get(mapping, "deny")), 3);
	json_decref(document);

	RUN(replies, "map", pid);
	assert_int_equal(test.status, 0);
	assert_non_null(strstr(test.out, "\nall memory "));
	assert_null(strchr(test.out, '\033'));

	RUN(replies, "map", "2147483647");
	assert_result(1, "", "msealctl: pid 2147483647: no such process\n");
}

#define REPORT_ROW(policy, program, operation, segment, verdict, attempts, outcome, by) \
	"{\"policy\":\"" policy "\",\"program\":\"" program "\",\"operation\":\"" operation \
	"\",\"segment\":\"" segment "\",\"verdict\":\"" verdict "\",\"attempts\":" #attempts \
	",\"processes\":32,\"first\":1795348799000000000," \
	"\"last\":1795348800000000000,\"example\":{\"pid\":812,\"uid\":33,\"comm\":\"ng\\u001binx\"," \
	"\"address\":4096," \
	"\"length\":4096,\"symbol\":\"/usr/lib/x.so+0x0\",\"ip\":8192},\"outcome\":\"" outcome \
	"\",\"by\":\"" by "\"}"
#define REPORT_POLICY(name, action, sealed) \
	"{\"name\":\"" name "\",\"path\":\"/etc/mseald/policy.d/" name ".conf\",\"action\":\"" action \
	"\",\"deny\":[" \
	"\"mprotect\",\"unmap\"],\"segments\":[\"text\",\"relro\"],\"dlopen\":false," \
	"\"since\":1795348800000000000," \
	"\"sealed\":" #sealed "}"
#define REPORT(rows, policies, lost, full) \
	"{\"parameters\":{\"rows\":[" rows "],\"policies\":[" policies "],\"lost\":" #lost \
	",\"full\":" #full ",\"since\":1795348800000000000}}"

static void test_report(void **state)
{
	/* clang-format off */
	static const struct reply replies[] = {
		{ "io.mseald.Report\"",
		  REPORT(REPORT_ROW("web", "/usr/sbin/nginx", "munmap", "text", "audited", 2, "SIGKILL",
				    "kill") ","
			 REPORT_ROW("-", "/bin/x", "mprotect", "none", "denied", 1, "EPERM", "lsm") ","
			 "{\"policy\":\"web\",\"program\":\"/usr/sbin/nginx\",\"operation\":\"mmap\","
			 "\"segment\":\"text\",\"verdict\":\"denied\",\"attempts\":1,\"processes\":1,"
			 "\"first\":1,\"last\":1,\"outcome\":\"EPERM\",\"by\":\"lsm\","
			 "\"example\":{\"pid\":5,\"uid\":0,\"comm\":\"y\",\"address\":0,"
			 "\"length\":4611686018427387904,\"ip\":4096,\"kinds\":[\"grows-down\"]}},"
			 REPORT_ROW("old", "/bin/y", "munmap", "text", "killed", 1, "EPERM", "native") ","
			 REPORT_ROW("web", "/usr/sbin/nginx", "mmap", "text", "audited", 5, "EPERM", "lsm"),
			 REPORT_POLICY("web", "audit", 3) "," REPORT_POLICY("still", "audit", 1), 4, 1) },
		{},
	};
	/* clang-format on */
	static const struct reply nothing[] = { { "io.mseald.Report\"", REPORT("", "", 0, 0) }, {} };
	const char *first, *second;
	json_t *document;

	(void)state;
	RUN(replies, "policy", "report");
	assert_int_equal(test.status, 0);
	assert_string_equal(test.error, "");
	assert_string_equal(test.daemon.request,
			    "{\"method\":\"io.mseald.Report\",\"parameters\":{\"reset\":false}}");
	assert_non_null(strstr(test.out, "web: Action=audit, 3 address spaces sealed\n"));
	/* The most frequent first. */
	first = strstr(test.out, "/usr/sbin/nginx  mmap ");
	second = strstr(test.out, "/usr/sbin/nginx  munmap ");
	assert_non_null(first);
	assert_true(second > first);
	assert_non_null(strstr(test.out, "32+"));
	assert_non_null(strstr(test.out, "4K of /usr/lib/x.so+0x0 by ng\\x1binx[812] at 0x2000\n"));
	assert_non_null(strstr(test.out, "a mapping that grows down (MAP_GROWSDOWN) by y[5] at 0x1000\n"));
	assert_non_null(strstr(
		test.out, "=> 7 attempts would not have succeeded with Action=deny, 2 of them by SIGKILL; "
			  "to allow them: Deny=mprotect; Segments=relro\n"));
	assert_non_null(
		strstr(test.out, "still: Action=audit, 1 address space sealed\n=> no attempt listed"));
	assert_non_null(strstr(test.out, "no policy: sealed by hand, or by msealctl run\n"));
	assert_non_null(strstr(test.out, "old: no longer active\n"));
	assert_non_null(strstr(test.out, "EPERM (native)"));
	assert_non_null(strstr(test.out, "4 attempts are missing: the event buffer, or the table, was full"));

	RUN(replies, "--json", "policy", "report", "web.conf");
	assert_string_equal(
		test.daemon.request,
		"{\"method\":\"io.mseald.Report\",\"parameters\":{\"policy\":\"web\",\"reset\":false}}");
	document = output_json();
	assert_non_null(json_object_get(json_array_get(json_object_get(document, "policies"), 0), "advice"));
	assert_int_equal(json_array_size(json_object_get(
				 json_array_get(json_object_get(document, "policies"), 0), "ways")),
			 1);
	json_decref(document);

	RUN(nothing, "policy", "report");
	assert_non_null(strstr(test.out, "No policy is active, and nothing was attempted.\nsince "));
	RUN(nothing, "policy", "report", "web");
	assert_int_equal(test.status, 1);
	assert_non_null(strstr(test.error, "policy 'web' is not active or seals nothing"));
	RUN(nothing, "policy", "report", "--reset");
	assert_result(0, "The report is empty now.\n", "");
	assert_string_equal(test.daemon.request,
			    "{\"method\":\"io.mseald.Report\",\"parameters\":{\"reset\":true}}");
	RUN(NULL, "policy", "report", "--reset", "web");
	assert_usage("--reset empties the whole report, and takes no NAME", "policy report ");
	RUN(NULL, "policy", "report", "web", "x");
	assert_usage("unexpected argument 'x' after NAME", "policy report ");
}

static void test_policy_list(void **state)
{
	static const struct reply replies[] = {
		{ "io.mseald.ListMatches\"",
		  "{\"parameters\":{\"matches\":["
		  "{\"pid\":1,\"policy\":\"system\",\"exe\":\"/init\",\"why\":\"Exe=/\","
		  "\"state\":\"weaker\",\"reason\":\"pid1\",\"missing\":[\"unmap\",\"discard\"]},"
		  "{\"pid\":7,\"policy\":\"system\",\"exe\":\"/b\",\"why\":\"Exe=/\","
		  "\"state\":\"sealed\"}]}}" },
		{},
	};

	(void)state;
	RUN(replies, "policy", "list");
	assert_int_equal(test.status, 0);
	assert_non_null(strstr(test.out,
			       "  1  /init    system  weaker  Exe=/  not denied: unmap,discard; pid 1 "
			       "cannot be killed\n"));
	assert_non_null(strstr(test.out, "  7  /b       system  sealed  Exe=/  -\n"));
}

static void test_summary(void **state)
{
	static char list[1024];
	const struct reply replies[] = { { "io.mseald.List\"", list }, {} };
	static const struct reply nothing[] = { { "io.mseald.List\"", "{\"parameters\":{\"spaces\":[]}}" },
						{} };
	char pid[16];
	json_t *document, *spaces;

	(void)state;
	(void)snprintf(pid, sizeof(pid), "%d", getpid());
	/* Two spaces; the second has no process left. */
	(void)snprintf(list, sizeof(list),
		       "{\"parameters\":{\"spaces\":[{\"id\":7,\"pids\":[%s],\"comm\":\"x\",\"denied\":1,"
		       "\"policy\":\"web\",\"seals\":[]}]},\"continues\":true}\n"
		       "{\"parameters\":{\"spaces\":[{\"id\":8,\"pids\":["
		       "2147483647],\"comm\":\"y\",\"seals\":[" SEAL_1 "]}]}}",
		       pid);
	RUN(replies, "list", "--summary", "--json");
	document = output_json();
	spaces = json_object_get(document, "spaces");
	assert_int_equal(json_array_size(spaces), 1);
	assert_string_equal(json_string_value(json_object_get(json_array_get(spaces, 0), "policy")), "web");
	assert_true(json_integer_value(json_object_get(json_array_get(spaces, 0), "executable_bytes")) > 0);
	assert_int_equal(json_integer_value(json_object_get(json_object_get(document, "total"), "attempts")),
			 1);
	json_decref(document);
	RUN(replies, "list", "--summary");
	assert_int_equal(test.status, 0);
	assert_non_null(strstr(test.out, "\ntotal  1 "));
	RUN(nothing, "list", "--summary");
	assert_result(0, "Nothing is sealed.\n", "");
	/* With its pid, unsealed memory is listed as well. */
	RUN(nothing, "list", "--summary", pid);
	assert_int_equal(test.status, 0);
	assert_non_null(strstr(test.out, "\ntotal  1 "));
}

/* The coverage is that of this process, which a policy matches. */
static void test_coverage(void **state)
{
	static char unsealed[512], sealed[512], whole[512];
	const struct reply failed[] = { { "io.mseald.ListMatches\"", unsealed },
					{ "io.mseald.List\"", "{\"parameters\":{\"spaces\":[]}}" },
					{} };
	const struct reply good[] = { { "io.mseald.ListMatches\"", sealed },
				      { "io.mseald.List\"", whole },
				      {} };
	static const char match[] =
		"{\"parameters\":{\"matches\":[{\"pid\":%d,\"policy\":\"web\",\"path\":\"/p\","
		"\"why\":\"Exe=/\",%s}]}}";
	json_t *document, *process, *total;
	char pid[16], line[80];

	(void)state;
	(void)snprintf(pid, sizeof(pid), "%d", getpid());
	(void)snprintf(unsealed, sizeof(unsealed), match, getpid(),
		       "\"state\":\"unsealed\",\"reason\":\"failed\"");
	(void)snprintf(sealed, sizeof(sealed), match, getpid(), "\"state\":\"sealed\"");
	(void)snprintf(
		whole, sizeof(whole),
		"{\"parameters\":{\"spaces\":[{\"id\":7,\"pids\":[%d],\"comm\":\"x\",\"seals\":["
		"{\"start\":4096,"
		"\"end\":140737488351232,\"segment\":\"none\",\"deny\":[\"unmap\"],\"kill\":[],\"audit\":[],"
		"\"revocable\":false,\"gate\":\"kill\",\"attempts\":0}]}]}}",
		getpid());
	RUN(failed, "coverage", pid);
	assert_int_equal(test.status, 1);
	(void)snprintf(line, sizeof(line),
		       "msealctl: 1 process should be sealed by a policy and is not: %d (", getpid());
	assert_memory_equal(test.error, line, strlen(line));
	assert_non_null(strstr(test.out, " could not be sealed; see the log\n"));
	RUN(failed, "coverage", "--json", pid);
	assert_int_equal(test.status, 1);
	document = json_loads(test.out, 0, NULL);
	process = json_array_get(json_object_get(document, "processes"), 0);
	assert_true(json_is_true(json_object_get(process, "unexpected")));
	assert_string_equal(json_string_value(json_object_get(process, "reason")), "failed");
	assert_true(json_array_size(json_object_get(process, "files")) > 1);
	json_decref(document);
	RUN(good, "coverage", "--require=100", "--json", pid);
	assert_int_equal(test.status, 0);
	document = output_json();
	total = json_object_get(document, "total");
	assert_int_equal(json_integer_value(json_object_get(json_object_get(total, "states"), "sealed")), 1);
	assert_int_equal(json_integer_value(json_object_get(total, "unexpected")), 0);
	assert_int_equal(json_integer_value(json_object_get(total, "file_executable_sealed")),
			 json_integer_value(json_object_get(total, "file_executable_bytes")));
	json_decref(document);
	RUN(good, "coverage", "--state=unsealed,partly", pid);
	assert_int_equal(test.status, 0);
	assert_null(strstr(test.out, "PID"));
	assert_non_null(
		strstr(test.out, "1 process: 1 sealed, 0 partly, 0 weaker, 0 unsealed; 0 kernel threads\n"));
	/* Pid 1 also has libraries that were loaded later. */
	(void)snprintf(sealed, sizeof(sealed), match, getpid(),
		       "\"state\":\"weaker\",\"reason\":\"pid1\",\"missing\":[\"discard\"]");
	(void)snprintf(whole, sizeof(whole),
		       "{\"parameters\":{\"spaces\":[{\"id\":7,\"pids\":[%d],\"comm\":\"x\",\"seals\":[{"
		       "\"start\":%" PRIu64 ",\"end\":%" PRIu64
		       ",\"segment\":\"text\",\"deny\":[\"unmap\"],\"kill\":[],"
		       "\"audit\":[],\"revocable\":false,\"gate\":\"kill\",\"attempts\":0}]}]}}",
		       getpid(), page_down((uintptr_t)test_coverage),
		       page_down((uintptr_t)test_coverage) + page_size());
	RUN(good, "coverage", pid);
	assert_int_equal(test.status, 0);
	assert_non_null(strstr(test.out, " partly "));
	assert_non_null(strstr(test.out, "not denied: discard; pid 1 cannot be killed\n"));
	RUN(NULL, "coverage", "--state=half");
	assert_usage("there is no state 'half'; there are sealed, partly, weaker and unsealed", "coverage ");
	RUN(NULL, "coverage", "--require=101");
	assert_usage("--require=101: must be 0 to 100", "coverage ");
}

static void test_full_disk(void **state)
{
	_cleanup_close_ int full = open("/dev/full", O_WRONLY | O_CLOEXEC);
	const char *program = getenv("MSEALCTL");
	int status;
	pid_t client;

	(void)state;
	client = fork();
	if (client == 0) {
		(void)dup2(full, 1);
		(void)dup2(full, 2);
		(void)execl(program ? program : "build/msealctl", "msealctl", "help", NULL);
		_exit(127);
	}
	assert_int_equal(waitpid(client, &status, 0), client);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 1);
}

/* As "msealctl help | true": no message, also if SIGPIPE is ignored. */
static void test_broken_pipe(void **state)
{
	const char *program = getenv("MSEALCTL") ?: "build/msealctl";

	(void)state;
	for (int ignored = false; ignored <= true; ignored++) {
		_cleanup_close_ int error = memfd_create("error", MFD_CLOEXEC);
		int pipes[2], status;
		pid_t client;

		assert_int_equal(pipe2(pipes, O_CLOEXEC), 0);
		client = fork();
		if (client == 0) {
			(void)signal(SIGPIPE, ignored ? SIG_IGN : SIG_DFL);
			(void)dup2(pipes[1], 1);
			(void)dup2(error, 2);
			(void)close(pipes[0]);
			(void)close(pipes[1]);
			(void)poll(NULL, 0, 100);
			(void)execl(program, "msealctl", "help", NULL);
			_exit(127);
		}
		(void)close(pipes[0]);
		(void)close(pipes[1]);
		assert_int_equal(waitpid(client, &status, 0), client);
		read_file(error, test.error);
		assert_string_equal(test.error, "");
		if (ignored)
			assert_int_equal(WEXITSTATUS(status), 128 + SIGPIPE);
		else
			assert_int_equal(WTERMSIG(status), SIGPIPE);
	}
}

static void test_check(void **state)
{
	json_t *document, *findings;

	(void)state;
	/* The findings depend on the machine, their number does not. */
	RUN(NULL, "check", "--json", "--socket=/nonexistent");
	document = json_loads(test.out, 0, NULL);
	findings = json_object_get(document, "findings");
	assert_int_equal(json_array_size(findings), 9);
	assert_int_equal(test.status, json_is_true(json_object_get(document, "can_run")) ? 0 : 1);
	json_decref(document);
	RUN(NULL, "check");
	assert_string_equal(test.error, "");
	assert_non_null(strstr(test.out, "kernel      Linux "));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_usage),		cmocka_unit_test(test_help),
		cmocka_unit_test(test_unreachable),	cmocka_unit_test(test_seal),
		cmocka_unit_test(test_dry_run),		cmocka_unit_test(test_several),
		cmocka_unit_test(test_by_name),		cmocka_unit_test(test_run),
		cmocka_unit_test(test_ranges_from),	cmocka_unit_test(test_errors),
		cmocka_unit_test(test_unseal),		cmocka_unit_test(test_list),
		cmocka_unit_test(test_list_once),	cmocka_unit_test(test_status),
		cmocka_unit_test(test_status_unlocked), cmocka_unit_test(test_status_locked),
		cmocka_unit_test(test_monitor),		cmocka_unit_test(test_monitor_filter),
		cmocka_unit_test(test_monitor_denials), cmocka_unit_test(test_monitor_interrupted),
		cmocka_unit_test(test_map_and_explain), cmocka_unit_test(test_report),
		cmocka_unit_test(test_policy_list),	cmocka_unit_test(test_summary),
		cmocka_unit_test(test_coverage),	cmocka_unit_test(test_full_disk),
		cmocka_unit_test(test_broken_pipe),	cmocka_unit_test(test_check),
	};

	alarm(120);
	if (setup() < 0) {
		perror("setup");
		return 1;
	}
	(void)setenv("LC_ALL", "C", 1);
	(void)setenv("MSEALD_SOCKET", test.daemon.address.sun_path, 1);
	(void)unsetenv("COLUMNS");
	return cmocka_run_group_tests(tests, NULL, teardown);
}
