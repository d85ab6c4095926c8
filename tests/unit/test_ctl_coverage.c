// SPDX-License-Identifier: LGPL-2.1-or-later
/* msealctl coverage, list --summary, policy list and policy report: what policies seal, and their advice. */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>

#include "ctl_run.h"
#include "lib/base/util.h"

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_report),
		cmocka_unit_test(test_policy_list),
		cmocka_unit_test(test_summary),
		cmocka_unit_test(test_coverage),
	};

	return RUN_COMMANDS(tests);
}
