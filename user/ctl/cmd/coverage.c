// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * msealctl coverage: every process of the machine, and how much of it is sealed. The pids are read first, so
 * processes that start later are left out, and so are those that exit meanwhile.
 */
#include <ctype.h>
#include <inttypes.h>

#include "ctl/base/client.h"
#include "ctl/base/error.h"
#include "ctl/base/options.h"
#include "ctl/base/reply.h"
#include "ctl/base/targets.h"
#include "ctl/cmd/commands.h"
#include "ctl/view/coverage.h"
#include "ctl/view/coverage_svg.h"
#include "ctl/view/coverage_table.h"
#include "ctl/view/spaces.h"
#include "lib/proc/open.h"

#define PF_KTHREAD 0x00200000ul /* include/linux/sched.h */
#define NAMED 8			/* processes named in a complaint */

struct pids {
	pid_t *list;
	size_t count;
};

static void free_pids(struct pids *pids)
{
	free(pids->list);
}

static int compare_pids(const void *a, const void *b)
{
	const pid_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

/* Negative errno. */
static int read_pids(struct pids *ret)
{
	_cleanup_closedir_ DIR *proc = opendir("/proc");
	const struct dirent *entry;

	if (!proc)
		return -errno;
	while ((entry = readdir(proc))) {
		pid_t *list;

		if (!isdigit((unsigned char)entry->d_name[0]))
			continue;
		list = reallocarray(ret->list, ret->count + 1, sizeof(*list));
		if (!list)
			return -ENOMEM;
		ret->list = list;
		ret->list[ret->count++] = (pid_t)strtol(entry->d_name, NULL, 10);
	}
	qsort(ret->list, ret->count, sizeof(*ret->list), compare_pids);
	return 0;
}

/* Field 9 of /proc/PID/stat: proc_pid_stat(5). */
static bool is_kernel_thread(pid_t pid)
{
	_cleanup_close_ int fd = proc_open(pid, "stat", O_RDONLY);
	char text[512], *end;
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	unsigned long flags;

	text[n > 0 ? n : 0] = '\0';
	/* The process name may contain anything, also ")". */
	end = strrchr(text, ')');
	return end && sscanf(end + 1, " %*c %*d %*d %*d %*d %*d %lu", &flags) == 1 && flags & PF_KTHREAD;
}

/* --- the daemon's facts, by pid --- */

static int index_by_pid(json_t *index, json_int_t pid, json_t *value)
{
	char key[24];

	(void)snprintf(key, sizeof(key), "%" JSON_INTEGER_FORMAT, pid);
	return json_object_set(index, key, value) < 0 ? error_out_of_memory() : 0;
}

static const json_t *find_by_pid(const json_t *index, pid_t pid)
{
	char key[24];

	(void)snprintf(key, sizeof(key), "%d", (int)pid);
	return json_object_get(index, key);
}

static int read_matches(const struct ctl *ctl, json_t *index)
{
	_cleanup_json_ json_t *reply = NULL;
	json_t *match;
	size_t i;
	int r = client_call(ctl, "ListMatches", json_object(), &reply);

	json_array_foreach(json_object_get(reply, "matches"), i, match)
		if (!r)
			r = index_by_pid(index, (json_int_t)reply_integer(match, "pid"), match);
	return r;
}

static int index_space(const json_t *space, void *context)
{
	const json_t *pid;
	size_t i;
	int r = 0;

	json_array_foreach(json_object_get(space, "pids"), i, pid)
		if (!r)
			r = index_by_pid(context, json_integer_value(pid), (json_t *)space);
	return r;
}

/* --- the command --- */

/* 0, or an exit status. Counts it if it may not be read, and names the first one. */
static int add_process(struct coverage *coverage, pid_t pid, const json_t *space, const json_t *match,
		       size_t *unread)
{
	_cleanup_(address_space_free) struct address_space addresses = {};
	int r = address_space_read_brief(pid, space, &addresses);

	if ((r == -EACCES || r == -EPERM) && !(*unread)++)
		(void)address_space_complain(pid, r);
	if (r >= 0 && addresses.maps.count)
		r = coverage_add(coverage, &addresses, match);
	else if (r >= 0 && is_kernel_thread(pid))
		r = coverage_add_kernel_thread(coverage, pid, addresses.comm);
	return r == -ENOMEM ? error_out_of_memory() : 0;
}

/* Complains about targets that do not exist. 0, or an exit status. */
static int check_targets(const struct targets *targets, const struct pids *pids)
{
	size_t missing = 0;

	for (size_t i = 0; i < targets->count; i++)
		if (!bsearch(&targets->list[i], pids->list, pids->count, sizeof(*pids->list), compare_pids)) {
			(void)error_failure("pid %d: no such process", (int)targets->list[i]);
			missing++;
		}
	return !missing ? 0 : missing < targets->count ? CTL_PARTLY : CTL_FAILURE;
}

/* coverage is complete if the result is 0 or CTL_PARTLY. */
static int read_all(const struct ctl *ctl, const struct targets *targets, struct coverage *coverage)
{
	_cleanup_json_ json_t *matches = json_object(), *spaces = json_object();
	_cleanup_(free_pids) struct pids pids = {};
	size_t unread = 0;
	int r = read_pids(&pids), missing;

	if (r < 0)
		return error_failure("cannot read /proc: %s", strerror(-r));
	if (!matches || !spaces)
		return error_out_of_memory();
	r = read_matches(ctl, matches);
	if (!r)
		r = spaces_each(ctl, targets->count == 1 ? targets->list[0] : 0, index_space, spaces);
	missing = r ? 0 : check_targets(targets, &pids);
	if (missing == CTL_FAILURE)
		return missing;
	for (size_t i = 0; i < pids.count && !r; i++)
		if (!targets_given(targets) || targets_have(targets, pids.list[i]))
			r = add_process(coverage, pids.list[i], find_by_pid(spaces, pids.list[i]),
					find_by_pid(matches, pids.list[i]), &unread);
	if (unread > 1)
		(void)error_failure("%zu more cannot be read", unread - 1);
	if (r || !unread)
		return r ?: missing;
	return json_array_size(coverage->list) ? CTL_PARTLY : CTL_FAILURE;
}

/* Parses hundredths of a percent. 0, or the status of a usage error, which is printed. */
static int parse_percent(const struct ctl *ctl, const char *text, unsigned *ret)
{
	char *end;
	double percent = strtod(text, &end);

	if (!isdigit((unsigned char)*text) || *end || !(percent >= 0 && percent <= 100))
		return error_usage(ctl, "--require=%s: must be 0 to 100", text);
	*ret = (unsigned)(percent * 100 + 0.5);
	return 0;
}

/* Returns the exit status. */
static int judge(const struct coverage *coverage, unsigned require)
{
	struct share share = coverage->shares[SHARE_FILE_EXECUTABLE];
	char names[256] = "";
	const json_t *process;
	size_t i, named = 0;

	json_array_foreach(coverage->list, i, process) {
		size_t length = strlen(names);

		if (reply_bool(process, "unexpected") && named++ < NAMED)
			(void)snprintf(names + length, sizeof(names) - length, "%s%" PRIu64 " (%s)",
				       length ? ", " : "", reply_integer(process, "pid"),
				       reply_string(process, "comm"));
	}
	if (named)
		(void)error_failure("%zu process%s should be sealed by a policy and %s not: %s%s", named,
				    named == 1 ? "" : "es", named == 1 ? "is" : "are", names,
				    named > NAMED ? " ..." : "");
	if (share.sealed * 10000.0 < share.all * (double)require)
		return error_failure(
			"%.2f %% of the executable memory of files is sealed, and %.2f %% are required",
			share.all ? 100.0 * (double)share.sealed / (double)share.all : 0.0, require / 100.0);
	return named ? CTL_FAILURE : CTL_OK;
}

static int print_svg(const struct coverage *coverage, unsigned shown)
{
	char host[HOST_NAME_MAX + 1] = "";

	(void)gethostname(host, sizeof(host) - 1);
	return coverage_svg_print(coverage, shown, host, stdout);
}

int command_coverage(struct ctl *ctl, int argc, char **argv)
{
	enum { OPTION_REQUIRE = CTL_OPTION_OWN, OPTION_STATE, OPTION_SVG };
	static const struct option options[] = {
		{ "require", required_argument, NULL, OPTION_REQUIRE },
		{ "state", required_argument, NULL, OPTION_STATE },
		{ "svg", no_argument, NULL, OPTION_SVG },
		TARGETS_OPTIONS_LONG,
		CTL_GLOBAL_OPTIONS,
	};
	_cleanup_(coverage_free) struct coverage coverage = {};
	_cleanup_(targets_free) struct targets targets = {};
	struct terminal terminal = terminal_detect();
	unsigned require = 0, shown = 0;
	int option, r = 0, partly;
	bool svg = false;

	while ((option = options_next(ctl, argc, argv, options)) != CTL_END) {
		if (option == CTL_STOP)
			return ctl->status;
		if (option == OPTION_SVG)
			svg = true;
		else if (!targets_take(&targets, option, optarg, &r))
			r = option == OPTION_REQUIRE ?
				    parse_percent(ctl, optarg, &require) :
				    options_add_words(ctl, &shown, optarg, "state", coverage_state_name,
						      COVERAGE_STATE_COUNT);
		if (r)
			return r;
	}
	if (svg && ctl->json)
		return error_usage(ctl, "--svg and --json exclude each other");
	r = targets_parse_all(ctl, &targets, argc, argv);
	if (!r)
		r = targets_find(&targets);
	partly = r ?: read_all(ctl, &targets, &coverage);
	if (partly && partly != CTL_PARTLY)
		return partly;
	if (ctl->json) {
		_cleanup_json_ json_t *document = coverage_to_json(&coverage);

		r = document ? client_print_json(document) : error_out_of_memory();
	} else {
		r = svg ? print_svg(&coverage, shown ?: ~0u) :
			  coverage_table_print(&coverage, shown ?: ~0u, &terminal, stdout);
		r = r < 0 ? error_out_of_memory() : 0;
	}
	if (!r)
		r = judge(&coverage, require);
	return r ?: partly;
}
