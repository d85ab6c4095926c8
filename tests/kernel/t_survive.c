/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Faults around the daemon while something is sealed: it is killed and restarted all the time, finds pins
 * missing, foreign pins, pins of another layout, no BTF, no room, no memory. Sealed memory stays sealed; a
 * daemon that cannot continue gives the reason and changes nothing. $MSEALD_SURVIVE is the number of kills:
 * by default 200 on 6.12, 20 elsewhere and in the short form. In the short form one daemon has to continue
 * after several faults, or without several pins.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "attack.h"
#include "daemon.h"
#include "pins.h"
#include "tap.h"

#define ANONYMOUS (MAP_PRIVATE | MAP_ANONYMOUS)
#define ATTACKERS 4

static bool denied(struct puppet *puppet, uint64_t at)
{
	return puppet_call(puppet, SYS_mprotect, at, PAGE, PROT_READ | PROT_WRITE) == -EPERM;
}

static bool allowed(struct puppet *puppet, uint64_t at)
{
	return puppet_call(puppet, SYS_mprotect, at, PAGE, PROT_READ | PROT_WRITE) == 0 &&
	       puppet_call(puppet, SYS_mprotect, at, PAGE, PROT_READ) == 0;
}

/* --- sealed at every moment --- */

/* In puppet_data(). */
struct score {
	volatile uint64_t tries, successes, forks;
	volatile bool stop;
	volatile long call; /* of the first success */
};

static long count(struct score *score, long call, long result)
{
	score->tries++;
	if (result != -EPERM && !score->successes++)
		score->call = call;
	return result;
}

/* Runs in a puppet: page, score, whether calls that only a gate can deny fail with EPERM. */
static long try_all_the_time(const long arguments[6])
{
	struct score *score = (struct score *)arguments[1];
	long page = arguments[0], child;
	unsigned round = 0;

	/* The daemon must make progress, too. */
	RAW(SYS_setpriority, 0 /* PRIO_PROCESS */, 0, 15);
	while (!score->stop) {
		(void)count(score, SYS_mprotect, RAW(SYS_mprotect, page, PAGE, PROT_READ | PROT_WRITE));
		(void)count(score, SYS_mprotect, RAW(SYS_mprotect, page - PAGE, 3 * PAGE, PROT_READ));
		(void)count(score, SYS_mmap,
			    RAW(SYS_mmap, page, PAGE, PROT_READ, ANONYMOUS | MAP_FIXED, -1, 0));
		(void)count(score, SYS_pkey_mprotect,
			    RAW(SYS_pkey_mprotect, page, PAGE, PROT_READ | PROT_EXEC, -1));
		if (arguments[2]) {
			(void)count(score, SYS_munmap, RAW(SYS_munmap, page, PAGE));
			(void)count(score, SYS_mremap,
				    RAW(SYS_mremap, page, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED,
					page - PAGE));
		}
		if (++round % 16)
			continue;
		/* A newborn is as sealed as its parent. */
		child = RAW(SYS_clone, SIGCHLD);
		if (child == 0) {
			(void)count(score, SYS_mprotect,
				    RAW(SYS_mprotect, page, PAGE, PROT_READ | PROT_WRITE));
			RAW(SYS_exit_group, 0);
		}
		if (child > 0) {
			score->forks++;
			RAW(SYS_wait4, child, 0, 0, 0);
		}
	}
	return 0;
}

static bool is_short(void)
{
	const char *kernel = getenv("MSEALD_EXPECT_KERNEL");

	return brief(0, 1) || (kernel && strcmp(kernel, "6.12") != 0);
}

static unsigned wanted_kills(void)
{
	const char *text = getenv("MSEALD_SURVIVE");

	return text ? (unsigned)atoi(text) : is_short() ? 20 : 200;
}

/* Kills it at any moment of its start; each sixteenth lives until it answers. */
static void one_life(unsigned i)
{
	if (i % 16 != 15) {
		(void)daemon_spawn();
		nap((int)((i * 997) % 2000));
		(void)daemon_stop(SIGKILL);
		return;
	}
	daemon_start();
	(void)daemon_stop(i % 32 == 31 ? SIGTERM : SIGKILL);
}

static void never_a_moment(void)
{
	struct puppet *attackers[ATTACKERS];
	/* They use all processor time: two match the number of processors. */
	const int count = (int)brief(ATTACKERS, 2);
	uint64_t tries = 0, successes = 0, forks = 0, page;
	unsigned kills = wanted_kills();
	bool listed = true;

	for (int i = 0; i < count; i++) {
		attackers[i] = puppet_new();
		page = puppet_pages(attackers[i], 3, PROT_READ) + PAGE;
		must_seal(attackers[i]->pid, page, PAGE);
		puppet_start(attackers[i], try_all_the_time, (long)page, (long)puppet_data(attackers[i]),
			     gate_denies());
	}
	(void)daemon_stop(SIGKILL);
	for (unsigned i = 0; i < kills; i++)
		one_life(i);
	daemon_start();
	for (int i = 0; i < count; i++) {
		struct score *score = puppet_data(attackers[i]);
		json_t *seals = daemon_seals(attackers[i]->pid);

		score->stop = true;
		(void)puppet_result(attackers[i]);
		tries += score->tries;
		forks += score->forks;
		if (score->successes && !successes)
			diag("attacker %d: the first success was by system call %ld", i, score->call);
		successes += score->successes;
		listed &= json_array_size(seals) == 1;
		json_decref(seals);
		(void)puppet_end(attackers[i]);
	}
	ok(successes == 0 && tries > kills * 100,
	   "killed and started again %u times: of %" PRIu64 " attempts, %" PRIu64
	   " of them by newborns, none succeeds (%" PRIu64 ")",
	   kills, tries, forks, successes);
	ok(listed, "and the last one lists every seal");
	ok(status_becomes("spaces", 0, 15) && status_becomes("sets", 0, 15),
	   "and nothing is left when all have ended");
}

/* --- a daemon that cannot continue --- */

struct victim {
	struct puppet *puppet;
	uint64_t page;
};

static void victim_open(struct victim *victim)
{
	victim->puppet = puppet_new();
	victim->page = puppet_pages(victim->puppet, 3, PROT_READ) + PAGE;
	must_seal(victim->puppet->pid, victim->page, PAGE);
}

static bool victim_holds(struct victim *victim)
{
	return denied(victim->puppet, victim->page) && allowed(victim->puppet, victim->page + PAGE);
}

static void victim_close(struct victim *victim)
{
	victim->puppet = puppet_end(victim->puppet);
}

/* The log of mseald since that offset. */
static char *said_since(off_t from)
{
	int log = open(DAEMON_LOG, O_RDONLY | O_CLOEXEC);
	char *text = calloc(1, 65536);

	if (log >= 0 && pread(log, text, 65535, from) < 0)
		text[0] = '\0';
	close(log);
	return text;
}

static off_t log_size(void)
{
	struct stat st;

	return stat(DAEMON_LOG, &st) < 0 ? 0 : st.st_size;
}

/* Counts names below PINS, to see that none has come or gone. */
static unsigned long count_below(const char *path)
{
	DIR *dir = opendir(path);
	struct dirent *entry;
	unsigned long count = 0;
	char below[512];

	while (dir && (entry = readdir(dir))) {
		if (entry->d_name[0] == '.')
			continue;
		snprintf(below, sizeof(below), "%s/%s", path, entry->d_name);
		count += 1 + (entry->d_type == DT_DIR ? count_below(below) : 0);
	}
	if (dir)
		closedir(dir);
	return count;
}

/* A daemon started now must exit with one line that contains this word, and change nothing. */
static void is_refused(struct victim *victim, const char *word, const char *name)
{
	unsigned long pins = count_below(PINS);
	off_t from = log_size();
	char *said, *newline;
	int status;

	(void)daemon_spawn();
	status = daemon_end();
	said = said_since(from);
	newline = strchr(said, '\n');
	ok(WIFEXITED(status) && WEXITSTATUS(status) == 1 && strstr(said, word) && newline && !newline[1],
	   "%s: refused, and one line says why", name);
	diag("%s", said);
	ok(count_below(PINS) == pins, "%s: nothing is pinned or unpinned (%lu, %lu)", name, pins,
	   count_below(PINS));
	ok(victim_holds(victim), "%s: sealed memory stays sealed", name);
	free(said);
}

static void is_taken_over(struct victim *victim, const char *name)
{
	daemon_start();
	ok(victim_holds(victim) && daemon_says_sealed(victim->puppet->pid, victim->page, PAGE),
	   "%s: the next one goes on", name);
}

/* Each case finds the daemon stopped, and repairs what it breaks. */
static void another_layout(struct victim *victim)
{
	struct mseald_state *state = state_map();

	state->layout = MSEALD_LAYOUT + 1;
	is_refused(victim, "layout", "maps of another layout");
	state->layout = MSEALD_LAYOUT;
	state_unmap(state);
}

static void hidden_behind(struct victim *victim, const char *path, const char *content, const char *word,
			  const char *name)
{
	static const char file[] = "/tmp/t_survive-file";
	int fd = open(file, O_WRONLY | O_CREAT | O_TRUNC, 0644);

	if (fd < 0 || write(fd, content, strlen(content)) < 0 || mount(file, path, NULL, MS_BIND, NULL) < 0)
		bail("hiding %s: %s", path, strerror(errno));
	close(fd);
	is_refused(victim, word, name);
	if (umount(path) < 0)
		bail("umount %s: %s", path, strerror(errno));
}

static void no_btf(struct victim *victim)
{
	hidden_behind(victim, "/sys/kernel/btf/vmlinux", "", "BTF", "no BTF of the kernel");
}

static void no_bpf_lsm(struct victim *victim)
{
	hidden_behind(victim, "/sys/kernel/security/lsm", "lockdown,capability,yama", "BPF LSM is not active",
		      "bpf is not in lsm=");
}

static int foreign_map(const char *path)
{
	union bpf_attr attributes = {
		.map_type = BPF_MAP_TYPE_ARRAY, .key_size = 4, .value_size = 12, .max_entries = 3
	};
	int fd = (int)bpf(BPF_MAP_CREATE, &attributes);

	attributes = (union bpf_attr){ .pathname = (uint64_t)(uintptr_t)path, .bpf_fd = (uint32_t)fd };
	return fd < 0 || bpf(BPF_OBJ_PIN, &attributes) < 0 ? -errno : fd;
}

/* In place of a map that no attached program holds, so that it is not found and pinned again. */
static void foreign_pins(struct victim *victim)
{
	static const char path[] = PINS "/maps/report", state[] = PINS "/maps/state",
			  aside[] = PINS "/state-aside";
	int fd;

	if (unlink(path) < 0 || (fd = foreign_map(path)) < 0)
		bail("%s: %s", path, strerror(errno));
	is_refused(victim, "pinned", "a map of others in the place of ours");
	close(fd);
	unlink(path);
	if (rename(state, aside) < 0 || mkdir(state, 0700) < 0)
		bail("%s: %s", state, strerror(errno));
	is_refused(victim, "not a map of mseald", "a folder in the place of the state");
	rmdir(state);
	if (rename(aside, state) < 0)
		bail("%s: %s", aside, strerror(errno));
	mkdir(PINS "/links/0815", 0700);
	mkdir(PINS "/links/strange", 0700);
}

static void refused_starts(void)
{
	static const struct {
		void (*scene)(struct victim *victim);
		const char *then;
	} scenes[] = {
		{ another_layout, "maps of another layout" },
		{ no_btf, "no BTF of the kernel" },
		{ no_bpf_lsm, "bpf is not in lsm=" },
		{ foreign_pins, "folders of others among the links" },
	};
	const size_t count = sizeof(scenes) / sizeof(*scenes);
	struct victim victim;

	victim_open(&victim);
	(void)daemon_stop(SIGTERM);
	for (size_t i = 0; i < count; i++) {
		scenes[i].scene(&victim);
		/* In the short form, a daemon that continues does so once, after all of them. */
		if (i < count - 1 && brief(0, 1))
			continue;
		is_taken_over(&victim, scenes[i].then);
		if (i < count - 1)
			(void)daemon_stop(SIGTERM);
	}
	rmdir(PINS "/links/strange");
	victim_close(&victim);
}

/* --- incomplete state --- */

/* Removes the pins of those maps; names: of all of them, for the check. */
static void missing_pins(struct victim *victim, char *const *maps, size_t count, const char *names)
{
	unsigned long pins = count_below(PINS "/maps");
	char path[512];

	(void)daemon_stop(SIGKILL);
	for (size_t i = 0; i < count; i++) {
		snprintf(path, sizeof(path), PINS "/maps/%s", maps[i]);
		if (unlink(path) < 0)
			bail("%s: %s", path, strerror(errno));
	}
	if (!victim_holds(victim))
		ok(false, "without the pin of %s it holds", names);
	daemon_start();
	ok(victim_holds(victim) && daemon_says_sealed(victim->puppet->pid, victim->page, PAGE) &&
		   count_below(PINS "/maps") == pins,
	   "the pin of the map %s is gone: made anew, and all is as before", names);
}

static void missing_maps(void)
{
	char *few[] = { "spaces", "sets", "state" };
	DIR *dir = opendir(PINS "/maps");
	struct dirent *entry;
	struct victim victim;
	char *names[64];
	size_t count = 0;

	while (dir && (entry = readdir(dir)))
		if (entry->d_name[0] != '.' && count < 64)
			names[count++] = strdup(entry->d_name);
	if (dir)
		closedir(dir);
	ok(count > 8, "there are pins of maps (%zu)", count);
	victim_open(&victim);
	if (is_short())
		missing_pins(&victim, few, 3, "spaces, of sets and of state");
	for (size_t i = 0; i < count; i++) {
		if (!is_short())
			missing_pins(&victim, &names[i], 1, names[i]);
		free(names[i]);
	}
	victim_close(&victim);
}

/* Removes the pins of all links of the attached generation whose names begin so. */
static unsigned unpin_links(const char *beginning)
{
	unsigned removed = 0;
	DIR *links = opendir(PINS "/links"), *dir;
	struct dirent *generation, *entry;
	char path[600];

	while (links && (generation = readdir(links))) {
		if (generation->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), PINS "/links/%s", generation->d_name);
		dir = opendir(path);
		while (dir && (entry = readdir(dir))) {
			snprintf(path, sizeof(path), PINS "/links/%s/%s", generation->d_name, entry->d_name);
			removed += strncmp(entry->d_name, beginning, strlen(beginning)) == 0 &&
				   unlink(path) == 0;
		}
		if (dir)
			closedir(dir);
	}
	if (links)
		closedir(links);
	return removed;
}

static void missing_links(void)
{
	struct victim victim;
	unsigned removed;

	victim_open(&victim);
	(void)daemon_stop(SIGTERM);
	removed = unpin_links("mseald_file_mprotect") + unpin_links("mseald_exit");
	is_taken_over(&victim, "the pins of some links are gone");
	ok(removed > 0, "and they were there (%u)", removed);
	(void)daemon_stop(SIGTERM);
	removed = unpin_links("");
	is_taken_over(&victim, "the pins of all links are gone");
	ok(removed > 5, "and they were there (%u)", removed);
	victim_close(&victim);
	ok(status_becomes("spaces", 0, 15) && status_becomes("attached", 0, 15), "and nothing is left");
}

static void bpffs_is_not_mounted(void)
{
	struct victim victim;

	(void)daemon_stop(SIGTERM);
	if (umount2("/sys/fs/bpf", MNT_DETACH) < 0)
		bail("umount of the BPF file system: %s", strerror(errno));
	daemon_start();
	victim_open(&victim);
	ok(victim_holds(&victim) && count_below(PINS) > 8,
	   "no BPF file system: it is mounted, and the seals are pinned there");
	victim_close(&victim);
}

/* --- no room, no memory --- */

static void maps_are_full(void)
{
	struct puppet *other = puppet_new(), *child;
	uint64_t page = puppet_pages(other, 1, PROT_READ);
	struct mseald_state *state = state_map();
	struct victim victim;
	uint64_t entries;
	const char *error;
	long result = 0;

	victim_open(&victim);
	entries = state->entries;
	state->entries = MSEALD_MAX_SPACES;
	error = seal_range(other->pid, page, PAGE);
	ok(error && strcmp(error, "NoRoom") == 0, "no room for another address space: NoRoom (%s)",
	   error ?: "sealed");
	diag("%s", daemon_error_message());
	ok(allowed(other, page), "and nothing of it is sealed");
	child = puppet_clone(victim.puppet, 0, &result);
	ok(!child && result == -EAGAIN, "a fork of a sealed process: EAGAIN, not an unsealed child (%ld)",
	   result);
	child = puppet_clone(other, 0, &result);
	ok(child, "a fork of an unsealed process works");
	puppet_end(child);
	ok(victim_holds(&victim), "the seals hold");
	state->entries = entries;
	state_unmap(state);
	child = puppet_clone(victim.puppet, 0, &result);
	ok(child && denied(child, victim.page), "with room again a fork is made, and sealed");
	puppet_end(child);
	puppet_end(other);
	victim_close(&victim);
}

/* Other users' forks are in progress: as many as their quotas allow, then more than the map can have. */
static void forks_in_progress(void)
{
	const struct mseald_pending_fork fork = { .number = MSEALD_FORK_TAKEN };
	union bpf_attr mark = { .map_fd = (uint32_t)pin_open(PINS "/maps/pending_forks") };
	struct mseald_state *state = state_map();
	struct puppet *child;
	struct victim victim;
	uint64_t key = 1, refused;
	long result = 0;

	victim_open(&victim);
	mark.key = (uint64_t)(uintptr_t)&key;
	mark.value = (uint64_t)(uintptr_t)&fork;
	while (key < MSEALD_QUOTA_USERS && bpf(BPF_MAP_UPDATE_ELEM, &mark) == 0)
		key++;
	child = puppet_clone(victim.puppet, 0, &result);
	ok(child && denied(child, victim.page),
	   "users have %" PRIu64 " forks in progress: another is made (%ld)", key - 1, result);
	puppet_end(child);
	while (bpf(BPF_MAP_UPDATE_ELEM, &mark) == 0)
		key++;
	refused = state->forks_refused;
	child = puppet_clone(victim.puppet, 0, &result);
	ok(!child && result == -EAGAIN && state->forks_refused == refused + 1,
	   "the map of forks is full (%" PRIu64 "): EAGAIN, and it is counted (%ld)", key - 1, result);
	while (--key)
		(void)bpf(BPF_MAP_DELETE_ELEM, &mark);
	close((int)mark.map_fd);
	state_unmap(state);
	victim_close(&victim);
}

static bool write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	bool good = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);

	if (fd >= 0)
		close(fd);
	return good;
}

static long read_number(const char *path)
{
	char text[64] = "";
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	long number = fd >= 0 && read(fd, text, sizeof(text) - 1) > 0 ? atol(text) : -1;

	if (fd >= 0)
		close(fd);
	return number;
}

#define GROUP "/sys/fs/cgroup/no-memory"
#define CROWD 24
#define EACH 40

static void memory_runs_out(void)
{
	struct puppet *crowd[CROWD];
	uint64_t start[CROWD];
	unsigned confirmed[CROWD] = { 0 }, all = 0, broken = 0, failed = 0;
	const char *error = NULL;
	char text[64];

	(void)write_file("/sys/fs/cgroup/cgroup.subtree_control", "+memory");
	if ((mkdir(GROUP, 0755) < 0 && errno != EEXIST) || access(GROUP "/memory.max", W_OK) < 0) {
		skip("there is no memory controller", "memory runs out");
		return;
	}
	for (int i = 0; i < CROWD; i++) {
		crowd[i] = puppet_new();
		start[i] = puppet_pages(crowd[i], 2 * EACH, PROT_READ);
	}
	snprintf(text, sizeof(text), "%d", (int)daemon_pid());
	if (!write_file(GROUP "/cgroup.procs", text))
		bail("moving the daemon: %s", strerror(errno));
	must_seal(crowd[0]->pid, start[0], PAGE);
	confirmed[0] = 1;
	snprintf(text, sizeof(text), "%ld", read_number(GROUP "/memory.current") + 512 * 1024);
	(void)write_file(GROUP "/memory.max", text);
	for (int i = 0; i < CROWD && !failed; i++)
		for (unsigned k = confirmed[i]; k < EACH && !failed; k++) {
			error = seal_range(crowd[i]->pid, start[i] + 2 * k * PAGE, PAGE);
			confirmed[i] += !error;
			failed += !!error;
		}
	diag("memory has run out: %s", failed ? error : "it has not");
	(void)daemon_stop(SIGKILL);
	daemon_start();
	for (int i = 0; i < CROWD; i++)
		for (unsigned k = 0; k < confirmed[i]; k++) {
			all++;
			broken += !denied(crowd[i], start[i] + 2 * k * PAGE) ||
				  !daemon_says_sealed(crowd[i]->pid, start[i] + 2 * k * PAGE, PAGE);
		}
	ok(broken == 0, "memory runs out: every seal it has confirmed (%u) holds, and the next one knows it",
	   all);
	for (int i = 0; i < CROWD; i++)
		(void)puppet_end(crowd[i]);
	(void)rmdir(GROUP);
	ok(status_becomes("spaces", 0, 15) && status_becomes("sets", 0, 15),
	   "memory runs out: nothing is left in the end");
}

/* A second mseald must not touch what the first has set in the kernel: limits, and its tracer. */
static void second_daemon(void)
{
	struct mseald_state *state = state_map();
	uint32_t quota = state->quota_each, injector = state->injector_tgid;
	int status = system("mseald --user-spaces=7 2>/tmp/second.log");
	int refused = system("grep -q 'another mseald is running' /tmp/second.log");

	ok(WIFEXITED(status) && WEXITSTATUS(status) && !refused, "a second mseald is refused");
	ok(quota != 7 && state->quota_each == quota && state->injector_tgid == injector,
	   "and the limits and the tracer are still those of the first");
	state_unmap(state);
}

int main(int argc, char **argv)
{
	puppet_main(argc, argv);
	(void)gate_is_override();
	daemon_start();
	second_daemon();
	never_a_moment();
	refused_starts();
	missing_maps();
	missing_links();
	bpffs_is_not_mounted();
	maps_are_full();
	forks_in_progress();
	memory_runs_out();
	daemon_stop(SIGTERM);
	return tap_end();
}
