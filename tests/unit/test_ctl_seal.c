// SPDX-License-Identifier: LGPL-2.1-or-later
/* msealctl seal, unseal and run, of one process or several: requests, output and exit status. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>

#include "ctl_run.h"
#include "lib/base/util.h"

static void test_seal(void **state)
{
	static const struct reply replies[] = { { "io.mseald.Seal\"", SEALED }, {} };

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
	static const struct reply replies[] = { { "io.mseald.Seal\"", SEALED }, {} };
	static const struct reply refused[] = { { "\"pid\":813", GONE(813) },
						{ "io.mseald.Seal\"", SEALED },
						{} };
	static const struct reply late[] = { { "\"pid\":813}", GONE(813) },
					     { "io.mseald.Seal\"", SEALED },
					     {} };
	static const struct reply late_all[] = { { "\"dry_run\":true", SEALED },
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
	static const struct reply replies[] = { { "io.mseald.Seal\"", SEALED },
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
	static const struct reply replies[] = { { "io.mseald.Seal\"", SEALED }, {} };
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_seal),	cmocka_unit_test(test_dry_run),
		cmocka_unit_test(test_several), cmocka_unit_test(test_by_name),
		cmocka_unit_test(test_run),	cmocka_unit_test(test_ranges_from),
		cmocka_unit_test(test_errors),	cmocka_unit_test(test_unseal),
	};

	return RUN_COMMANDS(tests);
}
