// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * See report.h. Attempts missing in the table are computed from the kernel's own counts: an attempt counted
 * there but in no row is reported as lost, whatever the reason.
 */
#include "audit/report.h"

#include <bpf/bpf.h>
#include <sys/stat.h>

#include "audit/report_file.h"
#include "audit/symbolize.h"
#include "base/log.h"
#include "base/text.h"
#include "bpf/task_iter.h"
#include "lib/base/clock.h"
#include "lib/base/names_json.h"
#include "lib/conf/folders.h"
#include "policy/exec_facts.h"
#include "policy/policy_seal.h"
#include "policy/watched.h"
#include "seal/labels.h"

#define WRITE_US (5u * 1000 * 1000) /* from the first change until the file is written */

/* --- times and counts --- */

static uint64_t kernel_count(const struct report *report)
{
	uint64_t sum = 0;

	for (unsigned op = 0; op < MSEALD_OP_COUNT; op++)
		for (unsigned verdict = 0; verdict < MSEALD_VERDICT_COUNT; verdict++)
			sum += report->state->attempts[op][verdict];
	return sum;
}

/* Event and count of an attempt are two steps: an attempt between the two must not count as -1. */
static uint64_t missing(const struct report *report)
{
	int64_t count = (int64_t)(kernel_count(report) - report->state->report_base -
				  report_table_sum(&report->table));

	return count > 0 ? (uint64_t)count : 0;
}

static struct report_head head_of(const struct report *report)
{
	return (struct report_head){ .since = report->state->report_since,
				     .missing = missing(report),
				     .full = report->state->report_full };
}

/* --- the file --- */

static bool read_names(void *context, uint64_t label, struct mseald_label *ret)
{
	const struct report *report = context;

	return labels_read(report->programs, label, ret);
}

static uint64_t make_label(void *context, const char *policy, const char *program)
{
	const struct report *report = context;

	return labels_make(report->programs, report->space_map, policy, program);
}

static struct report_names names_of(struct report *report)
{
	return (struct report_names){ .read = read_names, .make = make_label, .context = report };
}

static void write_file(void *context)
{
	struct report *report = context;
	struct report_names names = names_of(report);
	struct report_head head = head_of(report);
	int r;

	if (!report->changed)
		return;
	r = mkdir(REPORT_FOLDER, 0700) < 0 && errno != EEXIST ?
		    -errno :
		    report_file_write(REPORT_FILE, &report->table, &head, &names);
	if (r < 0 && !report->logged_file)
		log_warning("cannot write " REPORT_FILE ": %s; a reboot loses the report, ignoring",
			    strerror(-r));
	report->logged_file = r < 0;
	report->changed = r < 0;
	if (r < 0)
		(void)timer_set(&report->timer, WRITE_US);
}

static void note_change(struct report *report)
{
	if (report->changed)
		return;
	report->changed = true;
	(void)timer_set(&report->timer, WRITE_US);
}

/* Rows of an earlier boot, or from before the pins were removed, are in no count of this kernel. */
static void read_file(struct report *report)
{
	struct report_head head = { .since = clock_ns(CLOCK_REALTIME) };
	struct report_names names = names_of(report);
	int r = report_file_read(REPORT_FILE, &report->table, &head, &names);

	if (r == -EBADMSG)
		log_warning(REPORT_FILE " is damaged: renamed to .broken; the report starts empty");
	else if (r < 0 && r != -ENOENT)
		log_warning("cannot read " REPORT_FILE ": %s; the report starts empty", strerror(-r));
	for (size_t i = 0; i < report->table.count; i++)
		(void)bpf_map_update_elem(report->map, &report->table.rows[i].key,
					  &report->table.rows[i].value, BPF_ANY);
	report->state->report_base = 0 - report_table_sum(&report->table) - head.missing;
	report->state->report_full = head.full;
	report->state->report_since = head.since;
}

/* --- the map --- */

static int read_map(struct report *report)
{
	struct mseald_tally_key key, *last = NULL;

	while (bpf_map_get_next_key(report->map, last, &key) == 0) {
		struct mseald_tally value;
		struct report_row *row;

		last = &key;
		if (bpf_map_lookup_elem(report->map, &key, &value) < 0)
			return -errno;
		row = report_table_get(&report->table, &key);
		if (row)
			row->value = value;
	}
	return 0;
}

static void empty_map(struct report *report)
{
	struct mseald_tally_key key;

	while (bpf_map_get_next_key(report->map, NULL, &key) == 0)
		if (bpf_map_delete_elem(report->map, &key) < 0)
			return;
}

int report_open(struct report *report, sd_event *loop, struct programs *programs, struct space_map *space_map,
		const struct active *active)
{
	int r;

	*report = (struct report){ .programs = programs,
				   .space_map = space_map,
				   .active = active,
				   .state = programs_state(programs),
				   .map = programs_map_fd(programs, "report") };
	r = report_table_open(&report->table);
	if (r >= 0)
		r = timer_open(&report->timer, loop, WRITE_US / 10, write_file, report);
	if (r < 0)
		return r;
	if (!report->state->report_since) {
		empty_map(report); /* the last daemon was killed while it read the file */
		read_file(report);
		return 0;
	}
	note_change(report); /* the file may be older */
	return read_map(report);
}

void report_close(struct report *report)
{
	if (report->table.rows)
		write_file(report);
	timer_close(&report->timer);
	report_table_close(&report->table);
}

static void no_room(struct report *report)
{
	report->state->report_full++;
	if (!report->logged_full)
		log_warning("the report is full: new rows are only counted; run `msealctl policy report "
			    "--reset`");
	report->logged_full = true;
}

void report_attempt(struct report *report, const struct mseald_event *event)
{
	struct mseald_tally_key key = report_table_key(event);
	struct report_row *row;
	uint64_t attempts;

	if (!report->table.rows || event->op >= MSEALD_OP_COUNT || event->segment >= MSEALD_SEGMENT_COUNT ||
	    event->verdict >= MSEALD_VERDICT_COUNT)
		return;
	note_change(report);
	row = report_table_get(&report->table, &key);
	if (!row) {
		no_room(report);
		return;
	}
	report_table_count(row, event, event->time + clock_ns(CLOCK_REALTIME) - clock_ns(CLOCK_BOOTTIME));
	attempts = row->value.attempts;
	/* The process may be gone by now: then a later attempt may give the symbol. */
	if (!*row->value.caller && (attempts & (attempts - 1)) == 0) {
		symbolize_attempt(report->programs, event, &row->value);
		if (*row->value.caller)
			report_table_example(row, event);
	}
	if (!*row->value.symbol) {
		symbolize_event(event, row->value.symbol);
		if (*row->value.symbol)
			report_table_example(row, event);
	}
	/* Written before the event leaves the buffer, so that no attempt is lost with the daemon. */
	(void)bpf_map_update_elem(report->map, &row->key, &row->value, BPF_ANY);
}

/* --- the reply --- */

/* Does mseald call mseal(2) for its seals, after some time? policy: NULL: none. */
static bool is_native(const struct coverage *coverage, const struct policy *policy)
{
	bool all = !policy || (policy->seal.deny & MSEALD_DENY_DEFAULT) ==
				      MSEALD_DENY_DEFAULT; /* all that mseal(2) denies */

	return coverage->native && all && (!policy || policy->seal.gate != POLICY_GATE_BPF);
}

/* The outcome under Action=deny here, with the gate of this policy (NULL: none, or not active any more). */
static void add_outcome(json_t *json, const struct coverage *coverage, const struct policy *policy,
			enum mseald_op op)
{
	const struct decision *decision = coverage_decision(coverage, op);
	bool native = is_native(coverage, policy);
	bool spared = policy && policy->seal.gate == POLICY_GATE_DENY &&
		      coverage_kills(coverage, names_deny_of_op(op));
	const char *by = coverage_mechanism(decision ? decision->mechanism : MECHANISM_NONE);
	const char *outcome = "EPERM";

	if (decision && decision->native == NATIVE_ALL && native)
		by = "native";
	else if (!decision || decision->mechanism == MECHANISM_NONE ||
		 decision->mechanism == MECHANISM_KERNEL || spared)
		outcome = "allowed";
	else if (decision->mechanism == MECHANISM_KILL)
		outcome = "SIGKILL";
	if (strcmp(outcome, "allowed") == 0)
		by = "none";
	(void)json_object_set_new(json, "outcome", json_string(outcome));
	(void)json_object_set_new(json, "by", json_string(by));
}

static bool is_meant(const char *wanted, const char *policy)
{
	return !wanted || strcmp(wanted, *policy ? policy : "-") == 0;
}

static json_t *rows_json(const struct report *report, const char *policy)
{
	const struct coverage *coverage = programs_coverage(report->programs);
	json_t *list = json_array();

	for (size_t i = 0; i < report->table.count; i++) {
		const struct report_row *row = &report->table.rows[i];
		struct mseald_label label = {};
		json_t *json;

		(void)labels_read(report->programs, row->key.label, &label);
		if (!is_meant(policy, label.policy))
			continue;
		json = report_file_row(row, &label);
		if (!json)
			continue;
		add_outcome(json, coverage, active_find(report->active, label.policy), row->key.op);
		(void)json_array_append_new(list, json);
	}
	return list;
}

/* The time of the last change of the file, or of the link to it. */
static uint64_t changed_at(const char *path)
{
	struct stat st[2] = {};

	if (stat(path, &st[0]) < 0 || lstat(path, &st[1]) < 0)
		return 0;
	return MAX_OF((uint64_t)st[0].st_ctim.tv_sec, (uint64_t)st[1].st_ctim.tv_sec) * NS_PER_SECOND;
}

/* The policy that applies to pid 1; NULL: none. */
static const struct policy *find_policy_of_pid1(const struct report *report)
{
	_cleanup_(exec_facts_free) struct exec_facts facts = {};
	struct mseald_watched watched;
	uint64_t key = task_iter_key_of(report->programs, 1);
	bool is_watched = key && watched_find(report->programs, key, &watched);

	if (exec_facts_read(report->programs, 1, is_watched ? &watched : NULL,
			    active_wants_marked(report->active), &facts) < 0)
		return NULL;
	return active_match(report->active, is_watched ? &watched : NULL, &facts.policy);
}

/* The deny bits that pid 1's seals will lack once its policy denies. NULL: not its policy, or none. */
static json_t *pid1_json(const struct report *report, const struct policy *policy,
			 const struct policy *of_pid1)
{
	struct policy denying = *policy;
	unsigned spared;

	if (policy != of_pid1)
		return NULL;
	denying.seal.action = MSEALD_ACTION_DENY;
	spared = policy_seal_spared(programs_coverage(report->programs), &denying, 1);
	return spared ? names_json_deny(spared) : NULL;
}

static const char *op_name(unsigned number)
{
	return names_op((enum mseald_op)number);
}

/*
 * The operations for which Action=deny means SIGKILL here: always, or until mseal(2) has been called. Only
 * operations that programs use in normal work.
 */
static void add_kills(const struct report *report, const struct policy *policy, json_t *json)
{
	const struct coverage *coverage = programs_coverage(report->programs);
	bool native = is_native(coverage, policy);
	unsigned always = 0, at_first = 0, ops;

	ops = policy->seal.gate == POLICY_GATE_DENY ? 0 : coverage_kills_ops(coverage, policy->seal.deny);
	for (unsigned op = 0; op < MSEALD_OP_COUNT; op++) {
		const struct decision *decision = coverage_decision(coverage, (enum mseald_op)op);

		if (!(ops & 1u << op))
			continue;
		if (native && decision && decision->native == NATIVE_ALL)
			at_first |= 1u << op;
		else
			always |= 1u << op;
	}
	(void)json_object_set_new(json, "kills", names_json_bits(always, op_name));
	(void)json_object_set_new(json, "kills_at_first", names_json_bits(at_first, op_name));
}

/* Is it a link to a ready policy, as `policy enable` makes? Then the file is never edited. */
static bool is_ready(const char *path)
{
	static const char folder[] = POLICY_FOLDER_VENDOR "/";
	char target[512];
	ssize_t length = readlink(path, target, sizeof(target));

	return length >= (ssize_t)strlen(folder) && memcmp(target, folder, strlen(folder)) == 0;
}

/* The number of address spaces sealed by it. */
static uint64_t count_sealed(const struct report *report, const char *name,
			     const struct set_map_label *labels, size_t count)
{
	uint64_t sealed = 0;

	for (size_t i = 0; i < count; i++) {
		struct mseald_label label;

		if (labels_read(report->programs, labels[i].label, &label) && strcmp(label.policy, name) == 0)
			sealed += labels[i].spaces;
	}
	return sealed;
}

static json_t *policies_json(const struct report *report, const char *wanted)
{
	const struct policies *policies = active_policies(report->active);
	_cleanup_free_ struct set_map_label *labels = NULL;
	const struct policy *of_pid1 = find_policy_of_pid1(report);
	json_t *list = json_array(), *json;
	size_t count = 0;

	(void)set_map_read_labels(report->space_map->sets, &labels, &count);
	for (size_t i = 0; i < policies->count; i++) {
		const struct policy *policy = &policies->list[i];
		uint64_t since = MAX_OF(changed_at(policy->path), (uint64_t)report->state->report_since);

		if (!policy->seal.segments || !is_meant(wanted, policy->name))
			continue;
		json = json_pack("{s:s,s:s,s:b,s:s,s:o,s:o,s:b,s:I,s:I,s:o*}", "name", policy->name, "path",
				 policy->path, "ready", is_ready(policy->path), "action",
				 names_action(policy->seal.action), "deny",
				 names_json_deny(policy->seal.deny), "segments",
				 names_json_segments(policy->seal.segments), "dlopen", policy->seal.dlopen,
				 "since", (json_int_t)since, "sealed",
				 (json_int_t)count_sealed(report, policy->name, labels, count), "pid1",
				 pid1_json(report, policy, of_pid1));
		if (!json)
			continue;
		add_kills(report, policy, json);
		(void)json_array_append_new(list, json);
	}
	return list;
}

static void empty(struct report *report)
{
	empty_map(report);
	report->state->report_base = kernel_count(report);
	report->state->report_full = 0;
	report->state->report_since = clock_ns(CLOCK_REALTIME);
	report_table_clear(&report->table);
	report->logged_full = false;
	note_change(report);
	write_file(report);
}

json_t *report_json(struct report *report, const char *policy, bool reset, struct error *error)
{
	struct report_head head;
	json_t *reply;

	head = head_of(report);
	reply = json_pack("{s:o,s:o,s:I,s:I,s:I}", "rows", rows_json(report, policy), "policies",
			  policies_json(report, policy), "lost", (json_int_t)head.missing, "full",
			  (json_int_t)head.full, "since", (json_int_t)head.since);
	if (!reply)
		(void)error_set_errno(error, 0, -ENOMEM, "cannot make the report");
	else if (reset)
		empty(report);
	return reply;
}
