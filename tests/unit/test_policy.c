/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One policy: the contents of a file (user/lib/policy/parse.c and its keys), and the programs it matches
 * (policy/match.c).
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "lib/base/names.h"
#include "lib/policy/internal.h"

#define USUAL_DENY (MSEALD_DENY_MPROTECT | MSEALD_DENY_UNMAP | MSEALD_DENY_DISCARD)

static struct {
	char root[64]; /* a small file system of its own */
	struct policy policy;
	struct diagnostics faults;
} test;

static int clean(void **state)
{
	(void)state;
	policy_free(&test.policy);
	diagnostics_free(&test.faults);
	return 0;
}

/* Parses exactly these bytes, so that the sanitizers see reads beyond them. */
static int parse_bytes(const char *text, size_t size)
{
	_cleanup_free_ char *copy = malloc(MAX_OF(size, (size_t)1));

	(void)clean(NULL);
	assert_non_null(copy);
	memcpy(copy, text, size);
	return policy_parse_for(test.root, "/some/where/name.conf", copy, size, &test.policy, &test.faults);
}

static int parse(const char *text)
{
	return parse_bytes(text, strlen(text));
}

static void assert_good(const char *text)
{
	int r = parse(text);

	if (test.faults.count)
		print_error("%u: %s\n", test.faults.list[0].line, test.faults.list[0].message);
	assert_int_equal(r, 0);
	assert_int_equal(test.faults.count, 0);
}

/* Exactly one fault, on this line, with these words. */
static void assert_fault(const char *text, unsigned line, const char *words)
{
	assert_int_equal(parse(text), -EINVAL);
	if (test.faults.count != 1 || !strstr(test.faults.list[0].message, words))
		for (size_t i = 0; i < test.faults.count; i++)
			print_error("%u: %s\n", test.faults.list[i].line, test.faults.list[i].message);
	assert_int_equal(test.faults.count, 1);
	assert_string_equal(test.faults.list[0].path, "/some/where/name.conf");
	assert_non_null(strstr(test.faults.list[0].message, words));
	assert_int_equal(test.faults.list[0].line, line);
	assert_null(test.policy.name);
}

static void defaults(void **state)
{
	(void)state;
	assert_good("[Match]\nExe=/opt/x\n");
	assert_string_equal(test.policy.name, "name");
	assert_string_equal(test.policy.path, "/some/where/name.conf");
	assert_null(test.policy.description);
	assert_true(test.policy.enabled);
	assert_false(test.policy.last);
	assert_int_equal(test.policy.exe_count, 1);
	assert_int_equal(test.policy.exe[0].line, 2);
	assert_int_equal(test.policy.unit_count + test.policy.cgroup_count + test.policy.user_count, 0);
	assert_false(test.policy.marked);
	assert_int_equal(test.policy.seal.segments, MSEALD_SEGMENTS_ALL);
	assert_int_equal(test.policy.seal.deny, USUAL_DENY);
	assert_int_equal(test.policy.seal.action, MSEALD_ACTION_DENY);
	assert_false(test.policy.seal.dlopen);
	assert_int_equal(test.policy.seal.gate, POLICY_GATE_AUTO);
}

static void all_keys(void **state)
{
	(void)state;
	assert_good(
		"# a comment\n; another\n\n  [Policy]  \nDescription=What it is, # and all\nEnabled=NO\n"
		"Last=yes\n"
		"[Match]\n  Exe = /opt/x /opt/y/\t\"/opt/a b/*\"\nUnit=x.service y@*.service\nUnit=z.slice\n"
		"Cgroup=/a//b/ /\nUser=0 named 4294967294\nMarked=on\n"
		"[Seal]\nSegments=text, rodata\nSegments=relro\nDeny=mprotect\nForeignWrite=deny\n"
		"Action=audit\nDlopen=1\n"
		"Gate=bpf\n");
	assert_string_equal(test.policy.description, "What it is, # and all");
	assert_false(test.policy.enabled);
	assert_true(test.policy.last);
	assert_int_equal(test.policy.exe_count, 3);
	assert_int_equal(test.policy.exe[0].kind, POLICY_EXE_FILE);
	assert_int_equal(test.policy.exe[1].kind, POLICY_EXE_FOLDER);
	assert_string_equal(test.policy.exe[1].path, "/opt/y/");
	assert_int_equal(test.policy.exe[2].kind, POLICY_EXE_GLOB);
	assert_string_equal(test.policy.exe[2].path, "/opt/a b/*");
	assert_int_equal(test.policy.unit_count, 3);
	assert_string_equal(test.policy.unit[1], "y@*.service");
	assert_int_equal(test.policy.unit_line[1], 10);
	assert_int_equal(test.policy.unit_line[2], 11);
	assert_int_equal(test.policy.cgroup_count, 2);
	assert_string_equal(test.policy.cgroup[0], "/a/b");
	assert_string_equal(test.policy.cgroup[1], "/");
	assert_int_equal(test.policy.user_count, 3);
	assert_int_equal(test.policy.user[0], 0);
	assert_int_equal(test.policy.user[1], 4711);
	assert_int_equal(test.policy.user[2], 4294967294u);
	assert_true(test.policy.marked);
	assert_int_equal(test.policy.seal.segments, 1u << MSEALD_SEGMENT_TEXT | 1u << MSEALD_SEGMENT_RODATA |
							    1u << MSEALD_SEGMENT_RELRO);
	assert_int_equal(test.policy.seal.deny, MSEALD_DENY_MPROTECT | MSEALD_DENY_FOREIGN_WRITE);
	assert_int_equal(test.policy.seal.action, MSEALD_ACTION_AUDIT);
	assert_true(test.policy.seal.dlopen);
	assert_int_equal(test.policy.seal.gate, POLICY_GATE_BPF);
}

#define M "[Match]\nExe=/opt/x\n"

static void adding_and_resetting(void **state)
{
	(void)state;
	assert_good("[Match]\nExe=/opt/x\nExe=/opt/y\nExe=\nExe=/opt/z\nUnit=a.service\nUnit=\n"
		    "Cgroup=/a\nCgroup=\nUser=1\nUser=\n");
	assert_int_equal(test.policy.exe_count, 1);
	assert_string_equal(test.policy.exe[0].given, "/opt/z");
	assert_int_equal(test.policy.unit_count + test.policy.cgroup_count + test.policy.user_count, 0);

	assert_good(M "[Seal]\nSegments=none\nSegments=\nSegments=text\nDeny=unmap\nDeny=\nAction=kill\n"
		      "Action=\nGate=deny\nGate=\n"
		      "Dlopen=yes\nDlopen=\nForeignWrite=deny\nForeignWrite=\n");
	assert_int_equal(test.policy.seal.segments, 1u << MSEALD_SEGMENT_TEXT);
	assert_int_equal(test.policy.seal.deny, USUAL_DENY);
	assert_int_equal(test.policy.seal.action, MSEALD_ACTION_DENY);
	assert_int_equal(test.policy.seal.gate, POLICY_GATE_AUTO);
	assert_false(test.policy.seal.dlopen);

	assert_good(M "[Seal]\nSegments=none\n");
	assert_int_equal(test.policy.seal.segments, 0);
	assert_good(M "[Seal]\nSegments=all\nDeny=all\nForeignWrite=allow\nFileWrite=allow\nGate=deny\n"
		      "Action=kill\n");
	assert_int_equal(test.policy.seal.segments, MSEALD_SEGMENTS_ALL);
	assert_int_equal(test.policy.seal.deny, USUAL_DENY);
	assert_int_equal(test.policy.seal.gate, POLICY_GATE_DENY);
	assert_int_equal(test.policy.seal.action, MSEALD_ACTION_KILL);
	/* In any order. */
	assert_good(M "[Seal]\nForeignWrite=allow\nDeny=all\n");
	assert_int_equal(test.policy.seal.deny, USUAL_DENY | MSEALD_DENY_FILE_WRITE);
	assert_good(M "[Seal]\nFileWrite=deny\n");
	assert_int_equal(test.policy.seal.deny, USUAL_DENY | MSEALD_DENY_FILE_WRITE);
	/* A section may come twice. */
	assert_good("[Seal]\nDlopen=yes\n" M "[Seal]\nGate=bpf\n[Match]\nExe=/opt/y\n");
	assert_true(test.policy.seal.dlopen);
	assert_int_equal(test.policy.exe_count, 2);
}

static void quoting(void **state)
{
	(void)state;
	assert_good("[Match]\nExe=\"/opt/a b\" \"/opt/c\\\"d\\\\e\"\t/opt/f\\g \"/opt/#h\"\n");
	assert_int_equal(test.policy.exe_count, 4);
	assert_string_equal(test.policy.exe[0].path, "/opt/a b");
	assert_string_equal(test.policy.exe[1].path, "/opt/c\"d\\e");
	assert_string_equal(test.policy.exe[2].path, "/opt/f\\g");
	assert_string_equal(test.policy.exe[3].path, "/opt/#h");
	assert_good("[Match]\nExe=/opt/a;b#c=d:e\n");
	assert_string_equal(test.policy.exe[0].path, "/opt/a;b#c=d:e");
}

static void single_faults(void **state)
{
	static const struct {
		const char *text;
		unsigned line;
		const char *words;
	} faults[] = {
		{ "", 0, "matches nothing" },
		{ "[Seal]\n", 0, "matches nothing" },
		{ "[Match]\nMarked=no\n", 2, "omit it, or write Marked=yes" },
		/* Misleading spellings of "all programs": only one is valid. */
		{ "[Match]\n", 0, "all programs: Exe=/" },
		{ "[Match]\nExe=/*\n", 2, "does not match all programs: * stands for a part of one name" },
		{ "[Match]\nExe=/**\n", 2, "write Exe=/" },
		{ "[Match]\nExe=/*/\n", 2, "write Exe=/" },
		{ "[Match]\nExe=*\n", 2, "write Exe=/" },
		{ M "Exe=/**/*\n", 3, "write Exe=/" },
		{ "[Match]\nUnit=*\n", 2, "some run in no unit; write Exe=/" },
		{ "[Match]\nCgroup=/*\n", 2, "write Exe=/" },
		{ "[Match]\nUser=*\n", 2,
		  "User=* does not match all programs: it takes no patterns; write Exe=/" },
		{ "[Match]\nExe=/opt/x\nExe=\n", 0, "matches nothing" },
		{ M "[Mach]\nUnit=x\n", 3, "unknown section [Mach]; did you mean [Match]?" },
		{ M "[match]\n", 3, "did you mean [Match]?" },
		{ M "[Install]\nFoo=1\n", 3, "there are [Policy], [Match] and [Seal]" },
		{ M "[Seal\n", 3, "a section is written [Name]" },
		{ M "[]\n", 3, "a section is written [Name]" },
		{ M "[Seal] # x\n", 3, "a section is written [Name]" },
		{ "Exe=/opt/x\n", 1, "Exe= belongs in [Match]; write the section above it" },
		{ "Foo=/opt/x\n", 1, "a key before the first section" },
		{ M "Segments=text\n", 3, "Segments= belongs in [Seal]" },
		{ M "exe=/opt/y\n", 3, "unknown key exe=; did you mean Exe=?" },
		{ M "Units=/opt/y\n", 3, "did you mean Unit=?" },
		{ M "[Seal]\nSegmetns=text\n", 4, "did you mean Segments=?" },
		{ M "[Seal]\nForeignWrites=deny\n", 4, "did you mean ForeignWrite=?" },
		{ M "Program=/opt/y\n", 3, "[Match] has Exe, Unit, Cgroup, User, Marked" },
		{ M "Exe\n", 3, "not understood; write Key=value" },
		{ M "=x\n", 3, "not understood" },
		{ M "Exe:/opt/y\n", 3, "not understood" },
		{ M "Exe=/opt/y \\\n", 3, "a line cannot continue on the next" },
		{ M "Exe=/opt/y # why\n", 3, "a comment stands on a line of its own" },
		{ M "Exe=\"/opt/y\n", 3, "is not closed" },
		{ M "Exe=\"/opt/y\"z\n", 3, "after a quoted value there must be a space" },
		{ M "Exe=/opt/\"y\"\n", 3, "stands inside a value" },
		{ M "Exe=\"\"\n", 3, "Exe= has an empty value" },
		{ M "Exe=nginx\n", 3, "not an absolute path" },
		{ M "Exe=/opt/../x\n", 3, "has ..;" },
		{ M "Exe=/opt/**/x\n", 3, "has **" },
		{ M "Exe=/opt/*/\n", 3, "is a glob and ends in /" },
		{ M "Exe=/opt/[ab\n", 3, "has a [ without its ]" },
		{ M "Exe=/opt/[a/b]\n", 3, "has a [ without its ]" },
		{ M "Exe=/circle/x\n", 3, "form a loop" },
		{ M "Unit=/system.slice\n", 3, "use Cgroup= for a path" },
		{ M "Cgroup=system.slice\n", 3, "does not begin with /" },
		{ M "Cgroup=/a/../b\n", 3, "has .." },
		{ M "Cgroup=/sys/fs/cgroup/system.slice\n", 3, "leave /sys/fs/cgroup out" },
		{ M "User=nosuch\n", 3, "/etc/passwd has no such user" },
		{ M "User=4294967295\n", 3, "neither a name nor a number" },
		{ M "User=12x\n", 3, "neither a name nor a number" },
		{ M "User=99999999999999999999\n", 3, "neither a name nor a number" },
		{ M "Marked=perhaps\n", 3, "it takes yes or no" },
		{ M "Marked=yes no\n", 3, "takes one value; unexpected 'no'" },
		{ M "[Seal]\nSegments=txt\n", 4, "Segments= does not know 'txt'; did you mean text?" },
		{ M "[Seal]\nSegments=text heap\n", 4,
		  "it takes text rodata relro data vdso stack, or all, or none" },
		{ M "[Seal]\nSegments=text # x\n", 4, "a comment stands on a line of its own" },
		{ M "[Seal]\nSegments=none text\n", 4, "Segments=none stands alone" },
		{ M "[Seal]\nSegments=none\nSegments=text\n", 4, "Segments=none stands alone" },
		{ M "[Seal]\nDeny=mprotct\n", 4, "did you mean mprotect?" },
		{ M "[Seal]\nDeny=everything\n", 4,
		  "it takes mprotect unmap discard foreign-write file-write, or all" },
		{ M "[Seal]\nDeny=foreign-write\nForeignWrite=allow\n", 0, "denies nothing" },
		{ M "[Seal]\nDeny=file-write\nFileWrite=allow\n", 0, "denies nothing: FileWrite=allow" },
		{ M "[Seal]\nFileWrite=no\n", 4, "FileWrite=no is ambiguous; write deny or allow" },
		{ M "[Seal]\nForeignWrite=yes\n", 4, "ForeignWrite=yes is ambiguous; write deny or allow" },
		{ M "[Seal]\nForeignWrite=alow\n", 4, "did you mean allow?" },
		{ M "[Seal]\nAction=log\n", 4, "Action= does not know 'log'; it takes deny, kill or audit" },
		{ M "[Seal]\nAction=Kill\n", 4, "did you mean kill?" },
		{ M "[Seal]\nAction=deny kill\n", 4, "takes one value" },
		{ M "[Seal]\nDlopen=maybe\n", 4, "it takes yes or no" },
		{ M "[Seal]\nGate=native\n", 4, "it takes auto, bpf or deny" },
		{ M "[Policy]\nEnabled=later\n", 4, "it takes yes or no" },
		{ M "[Policy]\nLast=later\n", 4, "it takes yes or no" },
		{ M "[Policy]\nPriority=9\n", 4, "[Policy] has Description, Enabled, Last" },
		{ M "Un\x01it=x\n", 3, "control character \\x01" },
		{ M "Unit=x\ry\n", 3, "control character \\x0d" },
	};

	(void)state;
	for (size_t i = 0; i < ELEMENTS(faults); i++)
		assert_fault(faults[i].text, faults[i].line, faults[i].words);
}

static void all_faults_are_reported(void **state)
{
	char text[8192] = "[Match]\n";
	size_t i;

	(void)state;
	assert_int_equal(parse("[Match]\nExe=x y\n[Seal]\nFoo=1\n[Foo]\nBar=1\n"), -EINVAL);
	assert_int_equal(test.faults.count, 4);
	assert_int_equal(test.faults.list[0].line, 2);
	assert_int_equal(test.faults.list[1].line, 2);
	assert_int_equal(test.faults.list[2].line, 4);
	assert_int_equal(test.faults.list[3].line, 5);

	/* Up to a limit, then the number of the others. */
	for (i = 0; i < 100; i++)
		(void)strcat(text, "bad\n");
	assert_int_equal(parse(text), -EINVAL);
	assert_int_equal(test.faults.count, 21);
	assert_non_null(strstr(test.faults.list[20].message, "80 more faults"));
	/* Without a list they are only counted. */
	assert_int_equal(policy_parse("x", text, strlen(text), &test.policy, NULL), -EINVAL);
}

static void odd_texts(void **state)
{
	_cleanup_free_ char *big = malloc(LOAD_FILE_MAX + 2);
	char *fault;

	(void)state;
	assert_good("[Match]\r\nExe=/opt/x\r\nMarked=yes\r\n");
	assert_string_equal(test.policy.exe[0].path, "/opt/x");
	assert_good("\xef\xbb\xbf[Match]\nExe=/opt/x");
	assert_string_equal(test.policy.exe[0].path, "/opt/x");
	assert_good("[Match]\nExe=/opt/\xff\xfe\xc3\xa4\n");

	assert_int_equal(parse_bytes("[Match]\nExe=/opt/x\nUnit=a\0b\n", 29), -EINVAL);
	assert_int_equal(test.faults.count, 1);
	assert_int_equal(test.faults.list[0].line, 3);
	assert_non_null(strstr(test.faults.list[0].message, "NUL"));

	/* A long line is read as a whole; a comment may be of any length. */
	memset(big, '#', LOAD_FILE_MAX + 2);
	memcpy(big + LOAD_FILE_MAX - 21, "\n[Match]\nExe=/opt/x y", 21);
	assert_int_equal(parse_bytes(big, LOAD_FILE_MAX), -EINVAL);
	assert_int_equal(test.faults.list[0].line, 3);
	assert_int_equal(parse_bytes(big, LOAD_FILE_MAX - 2), 0);
	assert_int_equal(parse_bytes(big, LOAD_FILE_MAX + 1), -EINVAL);
	assert_non_null(strstr(test.faults.list[0].message, "at most 65536"));

	/* Messages have no control characters. */
	assert_int_equal(policy_parse("a\nb", "\x1b[2J\n", 5, &test.policy, &test.faults), -EINVAL);
	fault = diagnostic_text(&test.faults.list[test.faults.count - 1]);
	assert_ptr_equal(strstr(fault, "a\\x0ab:1: "), fault);
	free(fault);
}

static void long_values(void **state)
{
	char text[8192];
	size_t length;

	(void)state;
	(void)strcpy(text, "[Match]\nExe=/");
	length = strlen(text);
	memset(text + length, 'a', POLICY_PATH_MAX - 2);
	text[length + POLICY_PATH_MAX - 2] = '\0';
	assert_good(text);
	assert_int_equal(strlen(test.policy.exe[0].path), POLICY_PATH_MAX - 1);
	(void)strcat(text, "a");
	assert_fault(text, 2, "at most 255 bytes");

	(void)strcpy(text, "[Match]\n");
	for (int i = 0; i < PARSER_VALUES_MAX; i++)
		(void)strcat(text, "User=1\n");
	assert_good(text);
	assert_int_equal(test.policy.user_count, PARSER_VALUES_MAX);
	(void)strcat(text, "User=1\nUser=2\n");
	assert_fault(text, PARSER_VALUES_MAX + 2, "User= has more than 256 values");
}

static const char *exe_path(const char *exe)
{
	char text[512];

	(void)snprintf(text, sizeof(text), "[Match]\nExe=\"%s\"\n", exe);
	assert_good(text);
	return test.policy.exe[0].path;
}

static void links_are_followed(void **state)
{
	(void)state;
	assert_string_equal(exe_path("/bin/bash"), "/usr/bin/bash");
	assert_string_equal(exe_path("/bin/sh"), "/usr/bin/dash");
	assert_string_equal(exe_path("/bin//./not/there"), "/usr/bin/not/there");
	assert_string_equal(exe_path("/bin/"), "/usr/bin/");
	assert_string_equal(exe_path("/bin/py*"), "/usr/bin/py*");
	assert_string_equal(exe_path("/b*/bash"), "/b*/bash");
	assert_string_equal(exe_path("/dangling"), "/usr/gone/x");
	assert_string_equal(exe_path("/up/bash"), "/usr/bin/bash");
	assert_string_equal(exe_path("/above"), "/usr"); /* a root has nothing above it */
	assert_string_equal(exe_path("/"), "/");
	assert_int_equal(test.policy.exe[0].kind, POLICY_EXE_FOLDER);
	assert_string_equal(exe_path("/*/x"), "/*/x");
	assert_fault("[Match]\nExe=/tostar/x*\n", 2, "has a glob in its name");
	assert_string_equal(exe_path("/tostar/x"), "/opt/a*/x");
	assert_int_equal(test.policy.exe[0].kind, POLICY_EXE_FILE);
	/* Without a root: this machine's own. */
	(void)clean(NULL);
	assert_int_equal(policy_parse("x", "[Match]\nExe=/proc/self/exe\n", 27, &test.policy, NULL), 0);
}

/* --- matching --- */

static void matching(void **state)
{
	static const struct {
		const char *match;
		struct policy_facts facts;
		bool matches;
	} cases[] = {
		{ "Exe=/opt/x", { "/opt/x", "/", 0, false }, true },
		{ "Exe=/opt/x", { "/opt/xx", "/", 0, false }, false },
		{ "Exe=/opt/x", { NULL, "/", 0, false }, false },
		{ "Exe=/bin/bash", { "/usr/bin/bash", "/", 0, false }, true },
		{ "Exe=/opt/y /opt/x", { "/opt/x", "/", 0, false }, true },
		{ "Exe=/opt/", { "/opt/x", "/", 0, false }, true },
		{ "Exe=/opt/", { "/opt/a/b/c", "/", 0, false }, true },
		{ "Exe=/opt/", { "/opt", "/", 0, false }, false },
		{ "Exe=/opt/", { "/opt/", "/", 0, false }, false },
		{ "Exe=/opt/", { "/optional/x", "/", 0, false }, false },
		{ "Exe=/", { "/x", "/", 0, false }, true },
		{ "Exe=/opt/*", { "/opt/x", "/", 0, false }, true },
		{ "Exe=/opt/*", { "/opt/x/y", "/", 0, false }, false },
		{ "Exe=/opt/*/bin/p?", { "/opt/15/bin/pg", "/", 0, false }, true },
		{ "Exe=/opt/*/bin/p?", { "/opt/15/bin/p", "/", 0, false }, false },
		{ "Exe=/opt/[a-c]x", { "/opt/bx", "/", 0, false }, true },
		{ "Exe=/opt/[!a-c]x", { "/opt/bx", "/", 0, false }, false },
		{ "Exe=/opt/[[]x", { "/opt/[x", "/", 0, false }, true },
		{ "Exe=/opt/a\\*", { "/opt/a\\b", "/", 0, false }, true },
		{ "Exe=/opt/a\\*", { "/opt/a*", "/", 0, false }, false },
		{ "Unit=x.service", { "/a", "/system.slice/x.service", 0, false }, true },
		{ "Unit=x.service", { "/a", "/system.slice/x.service/sub", 0, false }, true },
		{ "Unit=x.service", { "/a", "/system.slice/xx.service", 0, false }, false },
		{ "Unit=system.slice", { "/a", "/system.slice/x.service", 0, false }, true },
		{ "Unit=x.service", { "/a", NULL, 0, false }, false },
		{ "Unit=x@*.service", { "/a", "/s/x@1.service", 0, false }, true },
		{ "Unit=?*", { "/a", "/", 0, false }, false },
		{ "Unit=dev-\\x2d.swap", { "/a", "/s/dev-\\x2d.swap", 0, false }, true },
		{ "Unit=dev-\\x2d.*", { "/a", "/s/dev-\\x2d.swap", 0, false }, true },
		{ "Cgroup=/a/b", { "/a", "/a/b", 0, false }, true },
		{ "Cgroup=/a/b", { "/a", "/a/b/c", 0, false }, true },
		{ "Cgroup=/a/b", { "/a", "/a/bc", 0, false }, false },
		{ "Cgroup=/a/b", { "/a", "/a", 0, false }, false },
		{ "Cgroup=/", { "/a", "/", 0, false }, true },
		{ "Cgroup=/", { "/a", NULL, 0, false }, false },
		{ "User=7 8", { NULL, NULL, 8, false }, true },
		{ "User=7 8", { NULL, NULL, 9, false }, false },
		{ "Marked=yes", { NULL, NULL, 0, true }, true },
		{ "Marked=yes", { NULL, NULL, 0, false }, false },
		/* Every key must match. */
		{ "Exe=/opt/x\nUnit=x.service\nUser=7", { "/opt/x", "/x.service", 7, false }, true },
		{ "Exe=/opt/x\nUnit=x.service\nUser=7", { "/opt/y", "/x.service", 7, false }, false },
		{ "Exe=/opt/x\nUnit=x.service\nUser=7", { "/opt/x", "/y.service", 7, false }, false },
		{ "Exe=/opt/x\nUnit=x.service\nUser=7", { "/opt/x", "/x.service", 8, false }, false },
	};

	(void)state;
	for (size_t i = 0; i < ELEMENTS(cases); i++) {
		char text[256];

		(void)snprintf(text, sizeof(text), "[Match]\n%s\n", cases[i].match);
		assert_good(text);
		if (policy_matches(&test.policy, &cases[i].facts) != cases[i].matches)
			fail_msg("%s and %s", cases[i].match, cases[i].facts.exe ? cases[i].facts.exe : "-");
	}
}

static void read_into(struct policy *policy, const char *match)
{
	char text[256];

	(void)snprintf(text, sizeof(text), "[Match]\n%s\n", match);
	assert_int_equal(policy_parse_for(test.root, "x.conf", text, strlen(text), policy, NULL), 0);
}

static void the_first_decides(void **state)
{
	struct policy list[3];
	const struct policies policies = { list, 3 };
	const struct policy_facts facts = { "/usr/bin/dash", "/system.slice/b.service", 33, true };
	char *why = NULL;

	(void)state;
	read_into(&list[0], "Exe=/opt/x");
	read_into(&list[1],
		  "Exe=/opt/x /bin/sh\nUser=32 33\nUnit=a.* b.*\nCgroup=/x /system.slice\nMarked=yes");
	read_into(&list[2], "Exe=/");
	assert_ptr_equal(policies_match(&policies, &facts, &why), &list[1]);
	assert_string_equal(why, "Exe=/bin/sh, Unit=b.*, Cgroup=/system.slice, User=33, Marked=yes");
	free(why);
	assert_ptr_equal(policies_match(&policies, &(struct policy_facts){ .exe = "/x" }, NULL), &list[2]);
	why = (char *)"";
	assert_null(policies_match(&policies, &(struct policy_facts){ .exe = NULL }, &why));
	assert_null(why);
	for (size_t i = 0; i < ELEMENTS(list); i++)
		policy_free(&list[i]);
}

static void covering(void **state)
{
	static const struct {
		const char *earlier, *later;
		bool covers;
	} cases[] = {
		{ "Exe=/opt/x", "Exe=/opt/x", true },
		{ "Exe=/opt/x", "Exe=/opt/y", false },
		{ "Exe=/opt/x", "Exe=/opt/x /opt/y", false },
		{ "Exe=/opt/x /opt/y", "Exe=/opt/y", true },
		{ "Exe=/opt/x", "Exe=/opt/x\nUser=7", true },
		{ "Exe=/opt/x\nUser=7", "Exe=/opt/x", false },
		{ "Exe=/opt/", "Exe=/opt/x /opt/a/* /opt/b/", true },
		{ "Exe=/opt/a/", "Exe=/opt/", false },
		{ "Exe=/opt/*", "Exe=/opt/x", true },
		{ "Exe=/opt/*", "Exe=/opt/*", true },
		{ "Exe=/opt/*", "Exe=/opt/x*", false }, /* true, but not simple */
		{ "Exe=/opt/*", "Exe=/opt/", false },
		{ "Unit=*.service", "Unit=x.service", true },
		{ "Unit=*.service", "Unit=x.*", false },
		{ "Unit=x.service", "Exe=/opt/x", false },
		{ "Cgroup=/a", "Cgroup=/a/b /a", true },
		{ "Cgroup=/a/b", "Cgroup=/a", false },
		{ "User=1 2", "User=2", true },
		{ "User=1", "User=1 2", false },
		{ "Marked=yes", "Exe=/opt/x", false },
		{ "Marked=yes", "Exe=/opt/x\nMarked=yes", true },
		{ "Exe=/opt/x", "Marked=yes", false },
	};

	(void)state;
	for (size_t i = 0; i < ELEMENTS(cases); i++) {
		struct policy earlier, later;

		read_into(&earlier, cases[i].earlier);
		read_into(&later, cases[i].later);
		if (policy_covers(&earlier, &later) != cases[i].covers)
			fail_msg("'%s' and '%s'", cases[i].earlier, cases[i].later);
		policy_free(&earlier);
		policy_free(&later);
	}
}

static void make_file(const char *path, const char *text)
{
	char whole[256];
	FILE *file;

	(void)snprintf(whole, sizeof(whole), "%s%s", test.root, path);
	file = fopen(whole, "w");
	assert_non_null(file);
	(void)fputs(text, file);
	(void)fclose(file);
}

static void make_link(const char *target, const char *path)
{
	char whole[256];

	(void)snprintf(whole, sizeof(whole), "%s%s", test.root, path);
	assert_int_equal(symlink(target, whole), 0);
}

static void make_folder(const char *path)
{
	char whole[256];

	(void)snprintf(whole, sizeof(whole), "%s%s", test.root, path);
	assert_int_equal(mkdir(whole, 0755), 0);
}

static int setup(void **state)
{
	(void)state;
	(void)strcpy(test.root, "/tmp/test_policy.XXXXXX");
	if (!mkdtemp(test.root))
		return -1;
	make_folder("/usr");
	make_folder("/usr/bin");
	make_folder("/etc");
	make_folder("/opt");
	make_folder("/opt/a*");
	make_file("/etc/passwd", "root:x:0:0::/:/bin/sh\nnamed:x:4711:0::/:/bin/sh\n");
	make_file("/usr/bin/bash", "");
	make_file("/usr/bin/dash", "");
	make_link("usr/bin", "/bin");
	make_link("/etc/sh", "/usr/bin/sh");
	make_link("/bin/dash", "/etc/sh");
	make_link("/usr/gone/x", "/dangling");
	make_link("circle", "/circle");
	make_link("usr/../usr/bin", "/up");
	make_link("../../../usr", "/above");
	make_link("/opt/a*", "/tostar");
	return 0;
}

static int teardown(void **state)
{
	char command[128];

	(void)state;
	(void)clean(NULL);
	(void)snprintf(command, sizeof(command), "rm -rf %s", test.root);
	return system(command);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(defaults),
		cmocka_unit_test(all_keys),
		cmocka_unit_test(adding_and_resetting),
		cmocka_unit_test(quoting),
		cmocka_unit_test(single_faults),
		cmocka_unit_test(all_faults_are_reported),
		cmocka_unit_test(odd_texts),
		cmocka_unit_test(long_values),
		cmocka_unit_test(links_are_followed),
		cmocka_unit_test(matching),
		cmocka_unit_test(the_first_decides),
		cmocka_unit_test(covering),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
