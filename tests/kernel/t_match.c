/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The kernel decides which policy applies to a program as user/lib does. The test makes folders of random
 * policies, and starts a program under random paths, in random cgroups, by several users, marked or not.
 * 10,000 starts ($MSEALD_BRIEF: 400) are each compared with policies_match(), and with how the kernel would
 * seal by the policy. The kernel may leave a decision to the daemon only where
 * docs/design/policies.md says so. $MSEALD_SEED: repeats a run.
 */
#define _GNU_SOURCE
#include <bpf/bpf.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "daemon.h"
#include "lib/conf/folders.h"
#include "lib/policy/policy.h"
#include "mseald/shared.h"
#include "tap.h"

#define MAPS "/sys/fs/bpf/mseald/maps"
#define CGROUPS "/sys/fs/cgroup"
#define FILE_MAX 65536
#define ETC POLICY_FOLDER_ETC
#define VENDOR POLICY_FOLDER_VENDOR
#define STARTS 50   /* for each folder of policies */
#define SETS 8	    /* bracket expressions in a pattern, and ... */
#define PATTERNS 64 /* patterns that the kernel can compare */
#define COUNT(list) (sizeof(list) / sizeof((list)[0]))

/* Includes names that patterns are likely to confuse. */
static const char *const programs[] = {
	"/srv/m/a",
	"/srv/m/ab",
	"/srv/m/abc",
	"/srv/m/bin/a",
	"/srv/m/bin/ab",
	"/srv/m/bin/nginx",
	"/srv/m/bin/nginx2",
	"/srv/m/bin/nginx-1.22",
	"/srv/m/sbin/nginx",
	"/srv/m/sbin/Nginx",
	"/srv/m/lib/x/y/z",
	"/srv/m/lib/x/y/zz",
	"/srv/m/lib/x y/z",
	"/srv/m/lib/[x]/z",
	"/srv/m/lib/-/z",
	"/srv/m/opt/java/bin/java",
	"/srv/m/opt/java/bin/javac",
	"/srv/m/opt/java-17/bin/java",
	"/srv/m/\xc3\xa4/b",
	"/srv/m/w*",
	"/srv/m/o.service/o",
	"/srv/m/a-name-that-is-long/and-one-that-is-longer-still/and-so-on-until-there-is-more-of-it-than-"
	"usual/because-policies-may-name-paths-of-up-to-255-bytes/which-is-what-the-kernel-keeps-of-them/p",
};

static const char *const cgroups[] = {
	"/",
	"/system.slice",
	"/system.slice/nginx.service",
	"/system.slice/nginx@one.service",
	"/system.slice/nginx@two.service/sub",
	"/system.slice/system-getty.slice/getty@tty1.service",
	"/user.slice",
	"/user.slice/user-1000.slice/app.scope",
	"/user.slice/nginx.service",
	"/nginx",
	"/nginx/nginx",
	"/kubepods/pod\\x2d1/c",
};

static const uid_t users[] = { 0, 33, 1000, 1001, 65534 };

static uint64_t random_state;

static unsigned draw(unsigned below)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return (unsigned)(random_state >> 20) % below;
}

static bool chance(unsigned percent)
{
	return draw(100) < percent;
}

#define ANY(list) ((list)[draw(COUNT(list))])

/* Most paths are one of a few, so that policies for one program apply often. */
static const char *favourites[3];

static const char *any_program(void)
{
	return chance(75) ? ANY(favourites) : ANY(programs);
}

/* --- policies --- */

/* A pattern that is likely to match this text and some others. */
static void pattern_of(const char *text, bool path, char out[1024])
{
	size_t at = 0, length = strlen(text);

	for (size_t i = 0; i < length; i++) {
		unsigned kind = (path && i < 2) || text[i] == '/' ? 99 : draw(28);

		if (kind == 0) {
			out[at++] = '?';
		} else if (kind == 1) {
			out[at++] = '*';
			i += draw(4);
			/* Mostly within a name. */
			for (size_t k = 0; path && k < 4 && i > k && text[i - k] == '/'; k++)
				i--;
		} else if (kind == 2) {
			at += (size_t)sprintf(out + at, "[%s%c-%c]",
					      chance(20) ? (chance(50) ? "!" : "^") : "",
					      text[i] == ']' || text[i] == '-' ? 'a' : text[i] - (int)draw(2),
					      'z');
		} else if (kind == 3 && chance(8)) {
			at += (size_t)sprintf(out + at, "[[:alpha:]]");
		} else if (kind == 3) {
			at += (size_t)sprintf(out + at, "[abnx.%c]", text[i] == ']' ? 'c' : text[i]);
		} else {
			out[at++] = text[i];
		}
	}
	out[at] = '\0';
}

static void write_exe(FILE *file)
{
	char text[1024], *slash;

	(void)snprintf(text, sizeof(text), "%s", any_program());
	if (chance(40)) {
		for (unsigned up = draw(3); up > 0 && (slash = strrchr(text, '/')) && slash > text + 4; up--)
			*slash = '\0';
		slash = strrchr(text, '/');
		slash[1] = '\0';
	} else if (chance(50)) {
		char pattern[1024];

		pattern_of(text, true, pattern);
		(void)snprintf(text, sizeof(text), "%.1000s", pattern);
	}
	if (strlen(text) < POLICY_PATH_MAX)
		fprintf(file, "Exe=%s\n", text);
}

static void write_unit(FILE *file)
{
	const char *cgroup = ANY(cgroups), *name = strrchr(cgroup, '/') + 1;
	char text[1024];

	if (!*name)
		name = "nginx.service";
	if (chance(50))
		pattern_of(name, false, text);
	else
		(void)snprintf(text, sizeof(text), "%s", name);
	fprintf(file, "Unit=%s\n", text);
}

static void write_match(FILE *file)
{
	for (;;) {
		long before = ftell(file);

		for (unsigned i = chance(50) ? 1 + draw(3) : 0; i > 0; i--)
			write_exe(file);
		for (unsigned i = chance(30) ? 1 + draw(2) : 0; i > 0; i--)
			write_unit(file);
		for (unsigned i = chance(25) ? 1 + draw(2) : 0; i > 0; i--)
			fprintf(file, "Cgroup=%s\n", ANY(cgroups));
		for (unsigned i = chance(25) ? 1 + draw(2) : 0; i > 0; i--)
			fprintf(file, "User=%u\n", ANY(users));
		if (chance(10))
			fprintf(file, "Marked=yes\n");
		if (ftell(file) != before)
			break;
	}
}

/* Keys that match no program of this test. */
static void write_far_match(FILE *file, unsigned number)
{
	switch (draw(10)) {
	case 0: fprintf(file, "Exe=/srv/n/%u*\n", number); break;
	case 1: fprintf(file, "Unit=far-%u.service\n", number); break;
	case 2: fprintf(file, "Cgroup=/far/%u\n", number); break;
	case 3: fprintf(file, "User=%u\nExe=/srv/m/\n", 20000 + number); break;
	default: fprintf(file, "Exe=/srv/n/%u\n", number);
	}
}

static void write_seal(FILE *file)
{
	static const char *const segments[] = { "text", "relro data", "text rodata vdso", "all", "stack" };
	static const char *const denied[] = { "mprotect", "unmap", "discard", "mprotect unmap", "all" };
	static const char *const actions[] = { "deny", "kill", "audit" };

	fprintf(file, "[Seal]\nSegments=%s\n", chance(25) ? "none" : ANY(segments));
	/* The programs for foreign writes would be loaded anew each time. */
	if (chance(40))
		fprintf(file, "Deny=%s\nForeignWrite=allow\n", ANY(denied));
	if (chance(30))
		fprintf(file, "FileWrite=%s\n", chance(50) ? "deny" : "allow");
	if (chance(40))
		fprintf(file, "Action=%s\n", ANY(actions));
	if (chance(30))
		fprintf(file, "Dlopen=%s\n", chance(70) ? "yes" : "no");
}

static void write_file(const char *folder, unsigned number, bool far)
{
	char path[512];
	FILE *file;

	(void)snprintf(path, sizeof(path), "%s/%06u.conf", folder, number);
	if (chance(2)) {
		if (symlink("/dev/null", path) < 0)
			bail("%s: %s", path, strerror(errno));
		return;
	}
	file = fopen(path, "w");
	if (!file)
		bail("%s: %s", path, strerror(errno));
	if (!chance(3)) {
		if (chance(10))
			fprintf(file, "[Policy]\nEnabled=%s\n", chance(50) ? "no" : "yes");
		if (chance(15))
			fprintf(file, "[Policy]\nLast=yes\n");
		fprintf(file, "[Match]\n");
		if (far)
			write_far_match(file, number);
		else
			write_match(file);
		write_seal(file);
	}
	fclose(file);
}

/* Never a name from an earlier folder: if it has a fault, its last good version would stay active. */
static void write_policy(bool far)
{
	static unsigned number;
	unsigned where = draw(20);

	if (where < 14)
		write_file(ETC, number, far);
	/* The last two: replaced, or masked. */
	if (where >= 12)
		write_file(VENDOR, number, far);
	if (where >= 18)
		write_file(ETC, number, far);
	number++;
}

static void empty(const char *folder)
{
	char command[256];

	(void)snprintf(command, sizeof(command), "mkdir -p %s; rm -f %s/*", folder, folder);
	if (system(command) != 0)
		bail("%s", command);
}

/* The programs that run already, the VM's own, are not to be sealed: later tests expect no seal. */
static void exempt_running(void)
{
	char program[256] = "";
	FILE *file = fopen(ETC "/0.conf", "w");

	if (readlink("/proc/1/exe", program, sizeof(program) - 1) < 0)
		bail("/proc/1/exe: %s", strerror(errno));
	if (!file || fprintf(file, "[Match]\nExe=%s\n[Seal]\nSegments=none\n", program) < 0 ||
	    fclose(file) != 0)
		bail("no policy can be written");
}

/* --- starts --- */

/* Marked: the type of its note becomes NT_GNU_PROPERTY_TYPE_0 (briefly.c). */
static void copy_program(const char *from, const char *to, bool marked)
{
	static const char note[] = "\4\0\0\0\10\0\0\0\x6d\0\0\0GNU";
	static char text[FILE_MAX];
	int in = open(from, O_RDONLY), out = open(to, O_WRONLY | O_CREAT | O_TRUNC, 0755);
	ssize_t size = in < 0 || out < 0 ? -1 : read(in, text, sizeof(text));
	char *at = size > 0 ? memmem(text, (size_t)size, note, sizeof(note)) : NULL;

	if (!at)
		bail("%s cannot be copied to %s", from, to);
	if (marked)
		at[8] = 5;
	if (write(out, text, (size_t)size) != size)
		bail("%s: %s", to, strerror(errno));
	close(in);
	close(out);
}

static void make_programs(const char *from)
{
	for (int marked = 0; marked < 2; marked++) {
		(void)mkdir(marked ? "/marked" : "/plain", 0755);
		copy_program(from, marked ? "/marked/program" : "/plain/program", marked);
		for (size_t i = 0; i < COUNT(programs); i++) {
			char path[1024], command[4096];

			/* One file of each kind: the daemon inspects a file only once. */
			(void)snprintf(path, sizeof(path), "%s%s", marked ? "/marked" : "/plain",
				       programs[i]);
			(void)snprintf(command, sizeof(command),
				       "mkdir -p \"$(dirname '%s')\" && ln /%s/program '%s'", path,
				       marked ? "marked" : "plain", path);
			if (system(command) != 0)
				bail("%s", command);
		}
	}
}

struct start {
	const char *program, *cgroup;
	uid_t user;
	bool marked;
};

/* Returns its pid once the program runs. */
static pid_t begin(const struct start *start)
{
	char path[512], root[16], byte = 0;
	int fds[2], procs;
	pid_t pid;

	(void)snprintf(path, sizeof(path), CGROUPS "%s/cgroup.procs", start->cgroup);
	procs = open(path, O_WRONLY | O_CLOEXEC);
	if (procs < 0 || pipe2(fds, O_CLOEXEC) < 0)
		bail("%s: %s", path, strerror(errno));
	(void)snprintf(root, sizeof(root), "/%s", start->marked ? "marked" : "plain");
	pid = fork();
	if (pid == 0) {
		/* Both kinds of file have the same path, in the process's own root. */
		if (dprintf(procs, "0") < 0 || chroot(root) < 0 || chdir("/") < 0 || dup2(fds[1], 1) < 0 ||
		    setresuid(start->user, start->user, start->user) < 0)
			_exit(1);
		execl(start->program, start->program, (char *)NULL);
		_exit(2);
	}
	close(procs);
	close(fds[1]);
	if (pid < 0 || read(fds[0], &byte, 1) != 1)
		bail("%s does not start", start->program);
	close(fds[0]);
	return pid;
}

struct maps {
	int watched, starts, seals;
	struct mseald_state *state;
};

/* The kernel's facts about this program; false: none. Older programs may be watched, too. */
static bool watched_now(const struct maps *maps, pid_t pid, struct mseald_watched *ret)
{
	uint64_t key, *last = NULL;

	for (uint32_t i = 0; i < MSEALD_STARTS; i++) {
		struct mseald_start start;

		if (maps->state->start_keys[i] && bpf_map_lookup_elem(maps->starts, &i, &start) == 0 &&
		    start.facts.pid == (uint32_t)pid) {
			*ret = start.facts;
			return true;
		}
	}
	for (; bpf_map_get_next_key(maps->watched, last, &key) == 0; last = &key)
		if (bpf_map_lookup_elem(maps->watched, &key, ret) == 0 && ret->pid == (uint32_t)pid)
			return true;
	return false;
}

/* --- */

static struct {
	unsigned starts, matched, none, open, wrong;
} seen;

/* Cases that the comparison must include, with counts of starts or files. */
enum {
	BY_FILE,
	BY_FOLDER,
	BY_GLOB,
	BY_UNIT,
	BY_UNIT_GLOB,
	BY_CGROUP,
	BY_USER,
	BY_MARK,
	EXEMPT_BEFORE_ANOTHER,
	BEYOND,
	FILES_OFF,
	FILES_MASK,
	FILES_REPLACED,
	KINDS
};

static const char *const kind_names[KINDS] = {
	[BY_FILE] = "starts by Exe= of a file",
	[BY_FOLDER] = "by Exe= of a folder",
	[BY_GLOB] = "by Exe= with a pattern",
	[BY_UNIT] = "by Unit=",
	[BY_UNIT_GLOB] = "by Unit= with a pattern",
	[BY_CGROUP] = "by Cgroup=",
	[BY_USER] = "by User=",
	[BY_MARK] = "by Marked=",
	[EXEMPT_BEFORE_ANOTHER] = "exempt, though a later policy matches",
	[BEYOND] = "by a policy after the 251st",
	[FILES_OFF] = "files with Enabled=no",
	[FILES_MASK] = "masks",
	[FILES_REPLACED] = "replaced files",
};
static unsigned kinds[KINDS];

static void count_kinds(const struct policies *policies, const struct policy *expected,
			const struct policy_facts *facts)
{
	size_t index = (size_t)(expected - policies->list);

	/* With more than one it is unknown which has matched. */
	if (expected->exe_count == 1)
		kinds[BY_FILE + (int)expected->exe[0].kind]++;
	if (expected->unit_count == 1)
		kinds[policy_is_glob(expected->unit[0]) ? BY_UNIT_GLOB : BY_UNIT]++;
	kinds[BY_CGROUP] += expected->cgroup_count > 0;
	kinds[BY_USER] += expected->user_count > 0;
	kinds[BY_MARK] += expected->marked;
	kinds[BEYOND] += index >= MSEALD_POLICY_EXACT;
	for (size_t i = index + 1; i < policies->count && !expected->seal.segments; i++)
		if (policies->list[i].seal.segments && policy_matches(&policies->list[i], facts)) {
			kinds[EXEMPT_BEFORE_ANOTHER]++;
			break;
		}
}

static void count_files(const char *const *folders)
{
	struct diagnostics faults = {};
	struct policy_files files;

	if (policy_files_read(NULL, folders, &files, &faults) < 0)
		bail("policies cannot be read");
	for (size_t i = 0; i < files.count; i++) {
		enum policy_file_state state = files.list[i].state;

		kinds[FILES_OFF] += state == POLICY_FILE_OFF;
		kinds[FILES_MASK] += state == POLICY_FILE_MASK;
		kinds[FILES_REPLACED] += state == POLICY_FILE_REPLACED;
	}
	policy_files_free(&files);
	diagnostics_free(&faults);
}

/* Are all its bracket expressions comparable in the kernel? */
static bool is_plain(const char *pattern)
{
	unsigned sets = 0;

	while ((pattern = strchr(pattern, '['))) {
		size_t begin = pattern[1] == '!' || pattern[1] == '^' ? 2 : 1,
		       length = strcspn(pattern + begin, "[]/");

		if (!length || pattern[begin + length] != ']' || ++sets > SETS)
			return false;
		pattern += begin + length;
	}
	return true;
}

/* The first policy that the kernel may have to leave open; the number of policies: none. */
static size_t first_open(const struct policies *policies)
{
	unsigned patterns = 0;

	for (size_t i = 0; i < policies->count; i++) {
		const struct policy *policy = &policies->list[i];
		bool open = i >= MSEALD_POLICY_EXACT;

		for (size_t j = 0; j < policy->exe_count; j++)
			if (policy->exe[j].kind == POLICY_EXE_GLOB)
				open |= !is_plain(policy->exe[j].path) || ++patterns > PATTERNS;
		for (size_t j = 0; j < policy->unit_count; j++)
			if (policy_is_glob(policy->unit[j]))
				open |= !is_plain(policy->unit[j]) || ++patterns > PATTERNS;
		if (open)
			return i;
	}
	return policies->count;
}

/* Would the kernel seal by that policy? It leaves the stack and FileWrite= to the daemon. */
static bool seals_so(int seals, const struct mseald_watched *watched, const struct policy *policy)
{
	uint32_t index = MSEALD_POLICY_SEAL(watched->generation, watched->policy);
	unsigned deny = policy->seal.deny & ~(unsigned)MSEALD_DENY_FILE_WRITE;
	unsigned shift = MSEALD_RULE_SHIFT(policy->seal.action), late;
	uint64_t data = (uint64_t)(deny & ~(unsigned)MSEALD_DENY_DISCARD) << shift;
	struct mseald_policy_seal seal;

	if (bpf_map_lookup_elem(seals, &index, &seal) < 0 || strcmp(seal.name, policy->name) != 0 ||
	    seal.segments != (policy->seal.segments & ~(1u << MSEALD_SEGMENT_STACK)))
		return false;
	/* Only the daemon can see which objects are marked. */
	if (policy->marked || !seal.segments)
		return !seal.rule && !seal.data_rule;
	if (data && seal.segments & 1u << MSEALD_SEGMENT_DATA)
		data |= MSEALD_RULE_UFFD;
	late = seal.flags & (MSEALD_POLICY_LATE | MSEALD_POLICY_REPORT);
	return seal.rule == (uint64_t)deny << shift && seal.data_rule == data &&
	       policy->seal.dlopen == (late != 0) &&
	       !(policy->seal.deny & MSEALD_DENY_FILE_WRITE) == !(seal.flags & MSEALD_POLICY_MORE);
}

/* open: the first policy that the kernel may leave open. */
static void try(const struct maps *maps, const struct policies *policies, size_t open)
{
	struct start start = { any_program(), ANY(cgroups), ANY(users), chance(30) };
	struct policy_facts facts = {
		.exe = start.program,
		.cgroup = start.cgroup,
		.user = start.user,
		.marked = start.marked,
	};
	const struct policy *expected = policies_match(policies, &facts, NULL);
	size_t index = expected ? (size_t)(expected - policies->list) : policies->count;
	struct mseald_watched watched = {};
	pid_t pid = begin(&start);
	bool is = watched_now(maps, pid, &watched), right;

	kill(pid, SIGKILL);
	(void)waitpid(pid, NULL, 0);
	seen.starts++;
	if (expected)
		count_kinds(policies, expected, &facts);
	if (is && watched.policy == MSEALD_POLICY_OPEN) {
		seen.open++;
		right = open < policies->count && open <= index;
	} else if (!expected || !expected->seal.segments) {
		seen.none++;
		right = !is;
	} else {
		seen.matched++;
		right = is && watched.policy == index && seals_so(maps->seals, &watched, expected);
	}
	if (right || seen.wrong++ >= 20)
		return;
	if (seen.wrong == 1)
		(void)system("head -n 20 " ETC "/* " VENDOR "/* | sed 's/^/# /' | tail -n 200");
	diag("%s in %s by %u%s: the kernel: %s %u, user/lib: %s (%zu; may be open from %zu)", start.program,
	     start.cgroup, start.user, start.marked ? ", marked" : "", is ? "policy" : "none",
	     is ? watched.policy : 0, expected ? expected->name : "none", index, open);
}

/* far: the first so many match nothing. */
static void play(const struct maps *maps, unsigned policies_wanted, unsigned far)
{
	static const char *const folders[] = { ETC, VENDOR, NULL };
	struct diagnostics faults = {};
	struct policies policies;

	empty(ETC);
	empty(VENDOR);
	exempt_running();
	for (size_t i = 0; i < COUNT(favourites); i++)
		favourites[i] = ANY(programs);
	for (unsigned i = 0; i < policies_wanted; i++)
		write_policy(i < far);
	if (policies_read(folders, &policies, &faults) < 0)
		bail("policies cannot be read");
	count_files(folders);
	if (daemon_call("ReloadPolicy", NULL, NULL))
		bail("ReloadPolicy: %s", daemon_error_message());
	daemon_pause(true);
	for (unsigned i = 0; i < STARTS; i++)
		try(maps, &policies, first_open(&policies));
	daemon_pause(false);
	if (!daemon_alive())
		bail("the daemon does not answer");
	policies_free(&policies);
	diagnostics_free(&faults);
}

/*
 * A few policies; or more than the kernel has bits for, of which alternately any, or only the last, can
 * match.
 */
static void play_round(const struct maps *maps, unsigned round)
{
	if (round % 8 == 3)
		play(maps, 380, 240 + draw(100));
	else if (round % 8 == 7)
		play(maps, 300, 0);
	else
		play(maps, 1 + draw(14), 0);
}

static void all_kinds(void)
{
	unsigned least = kinds[0];

	for (int i = 0; i < KINDS; i++) {
		diag("%u %s", kinds[i], kind_names[i]);
		least = kinds[i] < least ? kinds[i] : least;
	}
	ok(least >= brief(20, 0), "each kind of policy has decided %u times, or more often", least);
}

/* While the tables change all the time, no start is missed. */
static void reloads(const struct maps *maps)
{
	const struct start start = { programs[0], "/", 0, false };
	unsigned starts = brief(3000, 100), missed = 0, sealed = 0;
	FILE *file;
	pid_t child;

	empty(ETC);
	empty(VENDOR);
	file = fopen(ETC "/one.conf", "w");
	if (!file || fprintf(file, "[Match]\nExe=%s\n", programs[0]) < 0 || fclose(file) != 0)
		bail("no policy can be written");
	if (daemon_call("ReloadPolicy", NULL, NULL))
		bail("ReloadPolicy: %s", daemon_error_message());
	child = fork();
	while (child == 0)
		(void)daemon_call("ReloadPolicy", NULL, NULL);
	for (unsigned i = 0; i < starts; i++) {
		struct mseald_watched watched;
		pid_t pid = begin(&start);

		/* Without RELRO it is watched for ten seconds, unless a reload has found and sealed it. */
		if (!watched_now(maps, pid, &watched)) {
			json_t *seals = daemon_seals(pid);

			sealed += json_array_size(seals) > 0;
			missed += json_array_size(seals) == 0;
			json_decref(seals);
		}
		kill(pid, SIGKILL);
		(void)waitpid(pid, NULL, 0);
	}
	kill(child, SIGKILL);
	(void)waitpid(child, NULL, 0);
	ok(missed == 0,
	   "%u starts while policies are reloaded: each is watched, or sealed (%u), and none neither (%u)",
	   starts, sealed, missed);
}

/* With the policy of reloads(): does the kernel seal a start? False: it is watched, for the daemon. */
static bool is_kernels(const struct maps *maps)
{
	const struct start start = { programs[0], "/", 0, false };
	struct mseald_watched watched = {};
	pid_t pid = begin(&start);

	ok(watched_now(maps, pid, &watched), "a matched start is watched");
	kill(pid, SIGKILL);
	(void)waitpid(pid, NULL, 0);
	return watched.flags & MSEALD_WATCHED_KERNEL;
}

/* Of the map `starts`: what finds it full is left to the daemon. */
static void no_room(const struct maps *maps)
{
	const uint64_t nobody = UINT64_C(1) << 61;
	/* kthreadd lives, and has no memory: a start does not take its place. */
	static const struct mseald_start living = { .facts.pid = 2 };

	ok(is_kernels(maps), "with room for it the kernel seals it");
	for (uint32_t i = 0; i < MSEALD_STARTS; i++)
		if (__sync_bool_compare_and_swap(&maps->state->start_keys[i], 0, nobody) &&
		    bpf_map_update_elem(maps->starts, &i, &living, BPF_ANY))
			bail("the map of starts: %s", strerror(errno));
	ok(!is_kernels(maps), "without room the daemon does");
	for (size_t i = 0; i < MSEALD_STARTS; i++)
		(void)__sync_val_compare_and_swap(&maps->state->start_keys[i], nobody, 0);
	ok(is_kernels(maps), "and with room again the kernel");
}

/* Opens the maps, once the daemon knows which file is marked. */
static struct maps learn_marks(void)
{
	struct maps maps;
	FILE *file;
	int marks, state;

	empty(ETC);
	empty(VENDOR);
	file = fopen(ETC "/marked.conf", "w");
	if (!file || fputs("[Match]\nMarked=yes\n", file) < 0 || fclose(file) != 0)
		bail("no policy can be written");
	if (daemon_call("ReloadPolicy", NULL, NULL))
		bail("ReloadPolicy: %s", daemon_error_message());
	maps.watched = bpf_obj_get(MAPS "/watched");
	maps.starts = bpf_obj_get(MAPS "/starts");
	maps.seals = bpf_obj_get(MAPS "/policy_seals");
	state = bpf_obj_get(MAPS "/state");
	marks = bpf_obj_get(MAPS "/marks");
	if (maps.watched < 0 || maps.starts < 0 || maps.seals < 0 || marks < 0 || state < 0)
		bail("the maps cannot be opened: %s", strerror(errno));
	maps.state = mmap(NULL, sizeof(*maps.state), PROT_READ | PROT_WRITE, MAP_SHARED, state, 0);
	if (maps.state == MAP_FAILED)
		bail("the state cannot be mapped: %s", strerror(errno));
	close(state);
	for (int marked = 0; marked < 2; marked++) {
		const struct start start = { programs[0], "/", 0, marked };
		pid_t pid = begin(&start);
		struct mseald_file key;
		bool learnt = false;

		for (int i = 0; i < 200 && !learnt; i++) {
			int count = 0;

			while (bpf_map_get_next_key(marks, count ? &key : NULL, &key) == 0)
				count++;
			learnt = count > marked;
			usleep(50000);
		}
		kill(pid, SIGKILL);
		(void)waitpid(pid, NULL, 0);
		if (!learnt)
			bail("the daemon does not look whether a file is marked");
	}
	close(marks);
	return maps;
}

int main(void)
{
	const char *seed = getenv("MSEALD_SEED");
	unsigned rounds = brief(200, 8);
	struct maps maps;

	random_state = seed ? strtoull(seed, NULL, 10) : (uint64_t)time(NULL);
	diag("MSEALD_SEED=%llu", (unsigned long long)random_state);
	random_state = random_state * 0x9e3779b97f4a7c15ull | 1;
	for (size_t i = 1; i < COUNT(cgroups); i++) {
		char path[512];

		(void)snprintf(path, sizeof(path), CGROUPS "%s", cgroups[i]);
		for (char *at = path + sizeof(CGROUPS); (at = strchr(at, '/')); *at++ = '/') {
			*at = '\0';
			(void)mkdir(path, 0755);
		}
		if (mkdir(path, 0755) < 0 && errno != EEXIST)
			bail("%s: %s", path, strerror(errno));
	}
	make_programs("/tests/briefly");
	daemon_start();
	maps = learn_marks();
	for (unsigned i = 0; i < rounds; i++)
		play_round(&maps, i);
	ok(seen.wrong == 0, "%u starts: the kernel decides as user/lib does", seen.starts);
	ok(seen.matched > 0, "a policy applies to some (%u)", seen.matched);
	ok(seen.none > 0, "none to some (%u)", seen.none);
	ok(seen.open < seen.starts / 2, "not most are left to the daemon (%u)", seen.open);
	all_kinds();
	reloads(&maps);
	no_room(&maps);
	daemon_stop(SIGTERM);
	/* The next test has its own policies. */
	empty(ETC);
	empty(VENDOR);
	return tap_end();
}
