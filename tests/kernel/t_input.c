/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Wrong input: each request gets the right error and a message, and nothing is sealed. (Malformed requests:
 * t_socket.c.)
 */
#define _GNU_SOURCE
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "attack.h"
#include "daemon.h"
#include "tap.h"

#define INVALID "org.varlink.service.InvalidParameter"

static struct puppet *puppet; /* a process that could be sealed */
static uint64_t pages;	      /* sixteen of its pages; page 8 is not mapped */

/* --- requests --- */

static bool one_of(const char *error, const char *wanted)
{
	char *copy = strdup(wanted), *rest = copy, *word;
	bool found = false;

	while ((word = strsep(&rest, "|")))
		found |= error && !strcmp(error, word);
	free(copy);
	return found;
}

/* The puppet has no seal and every page can be changed. */
static bool nothing_sealed(void)
{
	json_t *seals = daemon_seals(puppet->pid);
	bool none = json_array_size(seals) == 0;

	json_decref(seals);
	return none && puppet_call(puppet, SYS_mprotect, pages, 8 * PAGE, PROT_READ) == 0 &&
	       status_number("spaces") == 0;
}

/* parameters: JSON text. wanted: errors, with | between. */
static void refused(const char *what, const char *method, const char *parameters, const char *wanted)
{
	json_t *object = json_loads(parameters, 0, NULL);
	const char *error;

	if (!object)
		bail("the test's own JSON: %s", parameters);
	error = daemon_call(method, object, NULL);
	ok(one_of(error, wanted), "%s: %s (%s)", what, wanted, error ?: "no error");
	if (error && !strchr(error, '.'))
		ok(daemon_error_message()[0] && !strchr(daemon_error_message(), '\n'),
		   "%s: a line for people: %s", what, daemon_error_message());
	else if (error && !strcmp(error, INVALID))
		ok(json_text(daemon_error_parameters(), "parameter")[0], "%s: names the parameter: %s", what,
		   json_text(daemon_error_parameters(), "parameter"));
	ok(nothing_sealed(), "%s: nothing is sealed", what);
}

__attribute__((format(printf, 3, 4))) static void seal_refused(const char *what, const char *wanted,
							       const char *parameters, ...)
{
	va_list arguments;
	char *text;

	va_start(arguments, parameters);
	if (vasprintf(&text, parameters, arguments) < 0)
		bail("no memory");
	va_end(arguments);
	refused(what, "Seal", text, wanted);
	free(text);
}

#define RANGE "{\"pid\": %d, \"ranges\": [{\"start\": %" PRIu64 ", \"end\": %" PRIu64 "}]}"

static void wrong_pids(void)
{
	struct puppet *gone = puppet_new();
	pid_t pid = gone->pid;

	seal_refused("no such pid", "NoSuchProcess", "{\"pid\": 4194000}");
	seal_refused("pid 0", "NoSuchProcess|" INVALID, "{\"pid\": 0}");
	seal_refused("pid -1", "NoSuchProcess|" INVALID, "{\"pid\": -1}");
	seal_refused("pid 2^31", "NoSuchProcess|" INVALID, "{\"pid\": 2147483648}");
	seal_refused("pid 2^32 + a real one", "NoSuchProcess|" INVALID, "{\"pid\": %" PRIu64 "}",
		     ((uint64_t)1 << 32) + (uint64_t)puppet->pid);
	seal_refused("a kernel thread", "NotAProcess", "{\"pid\": 2}");
	seal_refused("a kernel thread with a range", "NotAProcess", RANGE, 2, pages, pages + PAGE);
	kill(pid, SIGKILL);
	nap(200);
	seal_refused("a zombie", "NoSuchProcess|NotAProcess", "{\"pid\": %d}", pid);
	seal_refused("a zombie with a range", "NoSuchProcess|NotAProcess", RANGE, pid, pages, pages + PAGE);
	puppet_end(gone);
	seal_refused("a process that has exited", "NoSuchProcess", "{\"pid\": %d}", pid);
	refused("unseal, no such pid", "Unseal", "{\"pid\": 4194000}", "NoSuchProcess");
	refused("unseal of a kernel thread", "Unseal", "{\"pid\": 2}", "NotAProcess");
	refused("list, no such pid", "List", "{\"pid\": 4194000}", "NoSuchProcess");
}

static void wrong_ranges(void)
{
	int pid = puppet->pid;
	json_t *parameters;

	seal_refused("start not aligned", "InvalidRange", RANGE, pid, pages + 1, pages + PAGE);
	seal_refused("end not aligned", "InvalidRange", RANGE, pid, pages, pages + PAGE + 4095);
	seal_refused("reversed", "InvalidRange", RANGE, pid, pages + PAGE, pages);
	seal_refused("empty", "InvalidRange", RANGE, pid, pages, pages);
	seal_refused("not mapped", "NotMapped", RANGE, pid, pages + 8 * PAGE, pages + 9 * PAGE);
	seal_refused("partly not mapped", "NotMapped", RANGE, pid, pages + 6 * PAGE, pages + 10 * PAGE);
	parameters = json_pack("{s:i, s:[{s:I, s:I}]}", "pid", pid, "ranges", "start",
			       (json_int_t)(pages + 6 * PAGE), "end", (json_int_t)(pages + 10 * PAGE));
	(void)daemon_call("Seal", parameters, NULL);
	ok((uint64_t)json_number(daemon_error_parameters(), "address") == pages + 8 * PAGE,
	   "partly not mapped: names the first address that is not");
	seal_refused("page 0", "NotMapped|InvalidRange", RANGE, pid, (uint64_t)0, (uint64_t)PAGE);
	seal_refused("everything", "NotMapped|InvalidRange", RANGE, pid, (uint64_t)0, (uint64_t)1 << 47);
	seal_refused("the last pages of 63 bits", "NotMapped|InvalidRange", RANGE, pid,
		     (uint64_t)0x7ffffffffffff000 - PAGE, (uint64_t)0x7ffffffffffff000);
	seal_refused("above the user's half", "NotMapped|InvalidRange", RANGE, pid, (uint64_t)1 << 47,
		     ((uint64_t)1 << 47) + PAGE);
	seal_refused("vsyscall and beyond, as a negative number", "NotMapped|InvalidRange|" INVALID,
		     "{\"pid\": %d, \"ranges\": [{\"start\": -10485760, \"end\": -10481664}]}", pid);
	seal_refused("negative", "InvalidRange|NotMapped|" INVALID,
		     "{\"pid\": %d, \"ranges\": [{\"start\": -4096, \"end\": 4096}]}", pid);
	seal_refused("one good range, then one that is not mapped", "NotMapped",
		     "{\"pid\": %d, \"ranges\": [{\"start\": %" PRIu64 ", \"end\": %" PRIu64 "}, "
		     "{\"start\": %" PRIu64 ", \"end\": %" PRIu64 "}]}",
		     pid, pages, pages + PAGE, pages + 8 * PAGE, pages + 9 * PAGE);
	seal_refused("one good range, then one that is reversed", "InvalidRange",
		     "{\"pid\": %d, \"ranges\": [{\"start\": %" PRIu64 ", \"end\": %" PRIu64 "}, "
		     "{\"start\": %" PRIu64 ", \"end\": %" PRIu64 "}]}",
		     pid, pages, pages + PAGE, pages + 3 * PAGE, pages + 2 * PAGE);
	seal_refused("ranges and segments", INVALID "|InvalidRange",
		     "{\"pid\": %d, \"ranges\": [{\"start\": %" PRIu64 ", \"end\": %" PRIu64 "}], "
		     "\"segments\": [\"text\"]}",
		     pid, pages, pages + PAGE);
}

static void wrong_words(void)
{
	int pid = puppet->pid;

	seal_refused("no pid", INVALID, "{}");
	seal_refused("pid is null", INVALID, "{\"pid\": null}");
	seal_refused("pid is a string", INVALID, "{\"pid\": \"%d\"}", pid);
	seal_refused("pid is a real number", INVALID, "{\"pid\": %d.5}", pid);
	seal_refused("pid is an object", INVALID, "{\"pid\": {\"pid\": %d}}", pid);
	seal_refused("ranges is a string", INVALID, "{\"pid\": %d, \"ranges\": \"all\"}", pid);
	seal_refused("ranges is an object", INVALID, "{\"pid\": %d, \"ranges\": {}}", pid);
	seal_refused("a range is a number", INVALID, "{\"pid\": %d, \"ranges\": [4096]}", pid);
	seal_refused("a range is an array", INVALID, "{\"pid\": %d, \"ranges\": [[4096, 8192]]}", pid);
	seal_refused("a range without end", INVALID, "{\"pid\": %d, \"ranges\": [{\"start\": %" PRIu64 "}]}",
		     pid, pages);
	seal_refused("a range in strings", INVALID,
		     "{\"pid\": %d, \"ranges\": [{\"start\": \"0x1000\", \"end\": \"0x2000\"}]}", pid);
	seal_refused("a range in real numbers", INVALID,
		     "{\"pid\": %d, \"ranges\": [{\"start\": %" PRIu64 ".0, \"end\": %" PRIu64 ".0}]}", pid,
		     pages, pages + PAGE);
	seal_refused("a segment that is not there", INVALID,
		     "{\"pid\": %d, \"segments\": [\"text\", \"txet\"]}", pid);
	seal_refused("a segment with garbage", INVALID,
		     "{\"pid\": %d, \"segments\": [\"\\u0001\\u00ff %%s%%n\"]}", pid);
	seal_refused("an empty segment", INVALID, "{\"pid\": %d, \"segments\": [\"\"]}", pid);
	seal_refused("segments is a string", INVALID, "{\"pid\": %d, \"segments\": \"text\"}", pid);
	seal_refused("a segment is a number", INVALID, "{\"pid\": %d, \"segments\": [1]}", pid);
	seal_refused("an unknown deny", INVALID, "{\"pid\": %d, \"deny\": [\"mprotect\", \"everything\"]}",
		     pid);
	seal_refused("nothing to deny", INVALID, "{\"pid\": %d, \"deny\": []}", pid);
	seal_refused("deny is a number", INVALID, "{\"pid\": %d, \"deny\": 7}", pid);
	seal_refused("an unknown action", INVALID, "{\"pid\": %d, \"action\": \"forgive\"}", pid);
	seal_refused("action is null in an array", INVALID, "{\"pid\": %d, \"action\": [null]}", pid);
	seal_refused("action of 100,000 bytes", INVALID, "{\"pid\": %d, \"action\": \"%0100000d\"}", pid, 0);
	seal_refused("revocable is a string", INVALID, "{\"pid\": %d, \"revocable\": \"yes\"}", pid);
	seal_refused("revocable is a number", INVALID, "{\"pid\": %d, \"revocable\": 1}", pid);
	seal_refused("dry_run is a number", INVALID, "{\"pid\": %d, \"dry_run\": 1}", pid);
	seal_refused("dry_run of what is not mapped", "NotMapped",
		     "{\"pid\": %d, \"dry_run\": true, \"ranges\": [{\"start\": 65536, \"end\": 131072}]}",
		     pid);
	refused("an unknown parameter", "Seal", "{\"pid\": 1, \"segmenst\": [\"text\"]}", INVALID);
	refused("unseal without pid", "Unseal", "{}", INVALID);
	refused("list of a string", "List", "{\"pid\": \"1\"}", INVALID);
	refused("a method that is not there", "Unsealed", "{}", "org.varlink.service.MethodNotFound");
	refused("an empty method", "io.mseald.", "{}", "org.varlink.service.MethodNotFound");
	refused("an interface that is not there", "org.example.Seal", "{}",
		"org.varlink.service.InterfaceNotFound|org.varlink.service.MethodNotFound");
	refused("monitor without more", "Monitor", "{}", "org.varlink.service.ExpectedMore");
	refused("description of an interface that is not there",
		"org.varlink.service.GetInterfaceDescription", "{\"interface\": \"org.example\"}",
		"org.varlink.service.InterfaceNotFound|" INVALID);
}

static void good_introspection(void)
{
	json_t *reply = NULL;
	const char *error = daemon_call("org.varlink.service.GetInfo", NULL, &reply);

	ok(!error && json_is_array(json_object_get(reply, "interfaces")),
	   "org.varlink.service.GetInfo works");
	json_decref(reply);
	reply = NULL;
	error = daemon_call("org.varlink.service.GetInterfaceDescription",
			    json_pack("{s:s}", "interface", "io.mseald"), &reply);
	ok(!error && strstr(json_text(reply, "description"), "method Seal("),
	   "org.varlink.service.GetInterfaceDescription gives the interface");
	json_decref(reply);
}

/* --- too much --- */

static void too_many(void)
{
	static const size_t counts[] = { 32769, 100000 };
	/* More than a message may hold: 8 MB. */
	const size_t million = brief(1000000, 170000);
	struct range *ranges = calloc(million, sizeof(*ranges));
	struct puppet *large = puppet_new();
	uint64_t start = puppet_pages(large, 2 * 32769, PROT_READ);
	const char *error;

	for (size_t i = 0; i < million; i++) {
		uint64_t page = start + 2 * (i % 32769) * PAGE;

		ranges[i] = (struct range){ page, page + PAGE };
	}
	for (size_t i = 0; i < 2; i++) {
		error = daemon_seal(
			&(struct seal_order){ .pid = large->pid, .ranges = ranges, .count = counts[i] },
			NULL);
		ok(one_of(error, "TooMany|NoRoom"), "%zu ranges: TooMany (%s)", counts[i],
		   error ?: "no error");
		ok(daemon_error_message()[0], "%zu ranges: %s", counts[i], daemon_error_message());
		ok(puppet_call(large, SYS_mprotect, start, PAGE, PROT_READ) == 0 && nothing_sealed(),
		   "%zu ranges: nothing is sealed", counts[i]);
	}
	error = daemon_seal(&(struct seal_order){ .pid = large->pid, .ranges = ranges, .count = million },
			    NULL);
	ok(one_of(error, "TooMany|NoRoom|(closed)"), "%zu ranges: refused, or the connection is closed (%s)",
	   million, error ?: "no error");
	ok(puppet_call(large, SYS_mprotect, start, PAGE, PROT_READ) == 0 && nothing_sealed(),
	   "%zu ranges: nothing is sealed", million);
	/* Step by step it reaches the same end: a request that does not fit is refused whole. */
	error = daemon_seal(&(struct seal_order){ .pid = large->pid, .ranges = ranges, .count = 32000 },
			    NULL);
	if (!error) {
		error = daemon_seal(
			&(struct seal_order){ .pid = large->pid, .ranges = ranges + 32000, .count = 769 },
			NULL);
		ok(one_of(error, "TooMany|NoRoom"), "32,000 seals and 769 more: TooMany (%s)",
		   error ?: "no error");
		ok(puppet_call(large, SYS_mprotect, ranges[0].start, PAGE, PROT_READ) == -EPERM &&
			   puppet_call(large, SYS_mprotect, ranges[32000].start, PAGE, PROT_READ) == 0,
		   "32,000 seals and 769 more: the first stay, of the others none is made");
	} else {
		ok(one_of(error, "TooMany|NoRoom"), "32,000 seals: made, or TooMany (%s)", error);
	}
	free(ranges);
	puppet_end(large);
	ok(status_becomes("spaces", 0, 20), "and they go with their process");
}

/* --- processes that end while they are sealed --- */

static void exits_while_sealed(void)
{
	unsigned sealed = 0, rejected = 0, wrong = 0, times = brief(300, 30);

	/* One process stays sealed, so that the programs are not detached each time. */
	must_seal(puppet->pid, pages + 4 * PAGE, PAGE);
	for (unsigned i = 0; i < times; i++) {
		pid_t pid = fork();
		const char *error;

		if (pid == 0) {
			if (i % 3 == 2)
				execl("/bin/true", "true", NULL);
			usleep((useconds_t)(i % 50) * 100);
			_exit(0);
		}
		error = daemon_seal(&(struct seal_order){ .pid = pid, .segments = "text,rodata" }, NULL);
		if (!error) {
			sealed++;
		} else if (one_of(error, "NoSuchProcess|NotAProcess|Changing|NothingToSeal|NotMapped")) {
			rejected++;
		} else if (wrong++ == 0) {
			diag("%s: %s", error, daemon_error_message());
		}
		waitpid(pid, NULL, 0);
	}
	ok(wrong == 0, "%u processes that end or exec meanwhile: sealed or refused, nothing else", times);
	diag("%u were sealed, %u refused, %u ended in other errors", sealed, rejected, wrong);
	ok(status_becomes("spaces", 1, 20) && status_becomes("sets", 1, 20), "and nothing of them is left");
}

/* Only root may do this. */
static void other_users(void)
{
	pid_t pid = fork();
	int status = -1;

	if (pid == 0) {
		const char *error;

		if (setgid(1000) || setuid(1000))
			_exit(9);
		error = seal_range(puppet->pid, pages, PAGE);
		_exit(one_of(error, "PermissionDenied|org.varlink.service.PermissionDenied") ? 0 : 1);
	}
	waitpid(pid, &status, 0);
	ok(WIFEXITED(status) && WEXITSTATUS(status) == 0, "another user may not seal: PermissionDenied (%#x)",
	   status);
	ok(nothing_sealed(), "another user: nothing is sealed");
}

int main(int argc, char **argv)
{
	const char *error;

	puppet_main(argc, argv);
	(void)gate_is_override();
	daemon_start();
	puppet = puppet_new();
	pages = puppet_pages(puppet, 16, PROT_READ);
	puppet_call(puppet, SYS_munmap, pages + 8 * PAGE, PAGE);
	wrong_pids();
	wrong_ranges();
	wrong_words();
	good_introspection();
	other_users();
	too_many();
	exits_while_sealed();
	/* Afterwards it still works. */
	error = seal_range(puppet->pid, pages, PAGE);
	ok(!error && puppet_call(puppet, SYS_mprotect, pages, PAGE, PROT_READ) == -EPERM,
	   "after all that, sealing works (%s)", error ?: "fine");
	puppet_end(puppet);
	ok(WIFEXITED(daemon_stop(SIGTERM)), "and the daemon ends as it should");
	return tap_end();
}
