// SPDX-License-Identifier: LGPL-2.1-or-later
/* msealctl list, status, monitor, map and explain: requests, output and exit status. */
#include <inttypes.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>

#include "ctl_run.h"
#include "lib/base/util.h"
#include "mseald/shared.h"

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_list),
		cmocka_unit_test(test_list_once),
		cmocka_unit_test(test_status),
		cmocka_unit_test(test_status_unlocked),
		cmocka_unit_test(test_status_locked),
		cmocka_unit_test(test_monitor),
		cmocka_unit_test(test_monitor_filter),
		cmocka_unit_test(test_monitor_denials),
		cmocka_unit_test(test_monitor_interrupted),
		cmocka_unit_test(test_map_and_explain),
	};

	return RUN_COMMANDS(tests);
}
