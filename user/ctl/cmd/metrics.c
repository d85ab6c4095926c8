// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * msealctl metrics: all counters, as OpenMetrics text. A file gets Prometheus' own text format, the only one
 * that node_exporter reads: it knows neither UNIT nor the type info, and requires _total in names of
 * families.
 */
#include <inttypes.h>
#include <sys/stat.h>

#include "ctl/base/client.h"
#include "ctl/base/error.h"
#include "ctl/base/options.h"
#include "ctl/base/reply.h"
#include "ctl/cmd/commands.h"
#include "lib/base/util.h"

struct metrics {
	FILE *file;
	bool textfile;
	const char *suffix; /* of samples of the current family */
};

/* The suffix of a family's samples. */
static const char *suffix_of(const char *type)
{
	return strcmp(type, "counter") == 0 ? "_total" : strcmp(type, "info") == 0 ? "_info" : "";
}

static void begin_family(struct metrics *metrics, const char *name, const char *type, const char *unit,
			 const char *help)
{
	const char *in_name = metrics->textfile ? suffix_of(type) : "";

	metrics->suffix = suffix_of(type);
	(void)fprintf(metrics->file, "# TYPE %s%s %s\n", name, in_name,
		      metrics->textfile && strcmp(type, "info") == 0 ? "gauge" : type);
	if (unit && !metrics->textfile)
		(void)fprintf(metrics->file, "# UNIT %s %s\n", name, unit);
	(void)fprintf(metrics->file, "# HELP %s%s %s\n", name, in_name, help);
}

static void print_label(FILE *file, const char *name, const char *value)
{
	(void)fprintf(file, "%s=\"", name);
	for (; *value; value++)
		if (*value == '\n')
			(void)fputs("\\n", file);
		else
			(void)fprintf(file, "%s%c", *value == '"' || *value == '\\' ? "\\" : "", *value);
	(void)fputc('"', file);
}

/* labels: alternating names and values, ended by NULL. */
static void print_sample(struct metrics *metrics, const char *name, const char *const *labels,
			 const char *value)
{
	(void)fprintf(metrics->file, "%s%s", name, metrics->suffix);
	for (size_t i = 0; labels && labels[i]; i += 2) {
		(void)fputc(i ? ',' : '{', metrics->file);
		print_label(metrics->file, labels[i], labels[i + 1]);
	}
	(void)fprintf(metrics->file, "%s %s\n", labels && labels[0] ? "}" : "", value);
}

static void print_number(struct metrics *metrics, const char *name, const char *const *labels,
			 uint64_t number)
{
	char text[32];

	(void)snprintf(text, sizeof(text), "%" PRIu64, number);
	print_sample(metrics, name, labels, text);
}

/* Prints a family with one sample. */
static void print_single(struct metrics *metrics, const char *name, const char *type, const char *help,
			 uint64_t number)
{
	begin_family(metrics, name, type, NULL, help);
	print_number(metrics, name, NULL, number);
}

static void print_up(struct metrics *metrics, bool up)
{
	print_single(metrics, "mseald_up", "gauge", "Whether mseald answers.", up);
}

static void print_daemon(struct metrics *metrics, const json_t *reply)
{
	const char *const labels[] = { "version", reply_string(reply, "version"), "kernel",
				       reply_string(reply, "kernel"), NULL };
	uint64_t started = reply_integer(reply, "started");
	char seconds[48];

	begin_family(metrics, "mseald_build", "info", NULL,
		     "Version of mseald, and of the kernel that it runs on.");
	print_sample(metrics, "mseald_build", labels, "1");
	begin_family(metrics, "mseald_start_time_seconds", "gauge", "seconds",
		     "Start time of mseald, since 1970; changes at each restart.");
	(void)snprintf(seconds, sizeof(seconds), "%" PRIu64 ".%03" PRIu64, started / 1000000000,
		       started / 1000000 % 1000);
	print_sample(metrics, "mseald_start_time_seconds", NULL, seconds);
	print_single(metrics, "mseald_attached", "gauge", "Whether BPF programs are attached to the kernel.",
		     reply_bool(reply, "attached"));
	print_single(metrics, "mseald_generation", "gauge",
		     "Generation of the attached BPF programs: plus 1 at each restart; 0: none attached.",
		     reply_integer(reply, "generation"));
}

static void print_attempts(struct metrics *metrics, const json_t *reply)
{
	const json_t *list = json_object_get(reply, "attempts"), *count;
	size_t i;

	begin_family(metrics, "mseald_attempts", "counter", NULL,
		     "Attempts on sealed memory, by operation and verdict.");
	json_array_foreach(list, i, count) {
		const char *const labels[] = { "operation", reply_string(count, "operation"), "verdict",
					       reply_string(count, "verdict"), NULL };

		print_number(metrics, "mseald_attempts", labels, reply_integer(count, "attempts"));
	}
}

/* Prints one sample for each list element, with one label; its value is member key. */
static void print_each(struct metrics *metrics, const char *name, const json_t *list, const char *label,
		       const char *key)
{
	const json_t *one;
	size_t i;

	json_array_foreach(list, i, one) {
		const char *const labels[] = { label, reply_string(one, label), NULL };

		print_number(metrics, name, labels, reply_integer(one, key));
	}
}

/* Prints one family, with member key of each map. */
static void print_maps(struct metrics *metrics, const json_t *reply, const char *name, const char *key,
		       const char *help)
{
	begin_family(metrics, name, "gauge", NULL, help);
	print_each(metrics, name, json_object_get(reply, "maps"), "map", key);
}

static void print_lost(struct metrics *metrics, const json_t *reply)
{
	static const char *const kinds[][2] = { { "attempt", "lost" },
						{ "exec", "lost_exec_events" },
						{ "unused", "lost_unused" } };

	begin_family(metrics, "mseald_events_lost", "counter", NULL,
		     "Events lost because the buffer was full; the attempts were denied all the same.");
	for (size_t i = 0; i < ELEMENTS(kinds); i++) {
		const char *const labels[] = { "kind", kinds[i][0], NULL };

		print_number(metrics, "mseald_events_lost", labels, reply_integer(reply, kinds[i][1]));
	}
}

/* A histogram has samples with suffixes of its own. */
static void print_delays(struct metrics *metrics, const json_t *reply)
{
	const json_t *list = json_object_get(reply, "delays"), *bucket;
	uint64_t us = reply_integer(reply, "delays_us"), count = 0;
	char seconds[48];
	size_t i;

	begin_family(metrics, "mseald_seal_delay_seconds", "histogram", "seconds",
		     "Time from exec until a program sealed late was fully sealed.");
	metrics->suffix = "_bucket";
	json_array_foreach(list, i, bucket)
		count = reply_integer(bucket, "processes");
	print_each(metrics, "mseald_seal_delay_seconds", list, "le", "processes");
	metrics->suffix = "_sum";
	(void)snprintf(seconds, sizeof(seconds), "%" PRIu64 ".%06" PRIu64, us / 1000000, us % 1000000);
	print_sample(metrics, "mseald_seal_delay_seconds", NULL, seconds);
	metrics->suffix = "_count";
	print_number(metrics, "mseald_seal_delay_seconds", NULL, count);
}

static void print_starts(struct metrics *metrics, const json_t *reply)
{
	print_single(metrics, "mseald_starts", "counter",
		     "Programs that the kernel sealed by a policy as they started.",
		     reply_integer(reply, "starts"));
	print_single(metrics, "mseald_objects_sealed", "counter",
		     "Objects of mseald_starts: programs and libraries.", reply_integer(reply, "objects"));
	begin_family(metrics, "mseald_objects_left", "counter", NULL,
		     "Objects of starting programs that the kernel left to the daemon, by reason.");
	print_each(metrics, "mseald_objects_left", json_object_get(reply, "objects_left"), "reason",
		   "objects");
	begin_family(metrics, "mseald_processes_late", "counter", NULL,
		     "Programs with a policy that the daemon sealed late, by reason.");
	print_each(metrics, "mseald_processes_late", json_object_get(reply, "late"), "reason", "processes");
	begin_family(metrics, "mseald_processes_ended_unsealed", "counter", NULL,
		     "Programs of mseald_starts that exited before they were fully sealed, by reason.");
	print_each(metrics, "mseald_processes_ended_unsealed", json_object_get(reply, "ended"), "reason",
		   "processes");
	print_delays(metrics, reply);
}

/* Prints every operation from the start, also with 0: so the first denial is an increase. */
static void print_lock(struct metrics *metrics, const json_t *reply)
{
	print_single(metrics, "mseald_locked", "gauge",
		     "Whether only this mseald reaches its maps and programs (Lock=yes).",
		     reply_bool(reply, "locked"));
	begin_family(metrics, "mseald_lock_denials", "counter", NULL,
		     "Operations on mseald itself that its lock denied to other processes.");
	print_each(metrics, "mseald_lock_denials", json_object_get(reply, "lock_denials"), "operation",
		   "attempts");
}

static void print_reply(struct metrics *metrics, const json_t *reply)
{
	print_up(metrics, true);
	print_daemon(metrics, reply);
	print_attempts(metrics, reply);
	print_single(metrics, "mseald_address_spaces", "gauge", "Sealed address spaces.",
		     reply_integer(reply, "spaces"));
	print_single(metrics, "mseald_seals", "gauge", "Seals of all address spaces.",
		     reply_integer(reply, "seals"));
	print_maps(metrics, reply, "mseald_map_entries", "entries", "Used entries of a map.");
	print_maps(metrics, reply, "mseald_map_limit", "limit", "Maximum number of entries of a map.");
	print_lost(metrics, reply);
	print_single(metrics, "mseald_gate_misses", "counter",
		     "Program runs that the kernel skipped since the BPF programs were loaded.",
		     reply_integer(reply, "misses"));
	print_single(metrics, "mseald_policies", "gauge", "Active policies.",
		     reply_integer(reply, "policies"));
	print_single(metrics, "mseald_policy_faults", "gauge",
		     "Number of faults in policy files when they were last read.",
		     reply_integer(reply, "policy_faults"));
	print_single(metrics, "mseald_processes_pending", "gauge",
		     "Processes that a policy may match and that are not sealed yet.",
		     reply_integer(reply, "pending"));
	print_single(metrics, "mseald_processes_unsealed", "counter",
		     "Processes matched by a policy or container that were not sealed, or not in time.",
		     reply_integer(reply, "unsealed"));
	print_starts(metrics, reply);
	print_lock(metrics, reply);
}

/* Writes a new file and renames it, so that it is never read half written. reply: NULL: no reply. */
static int write_textfile(const char *path, const json_t *reply)
{
	struct metrics metrics = { .textfile = true };
	_cleanup_free_ char *aside = FORMAT_NEW("%s.new", path);
	int fd, r;

	if (!aside)
		return error_out_of_memory();
	(void)unlink(aside);
	fd = open(aside, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
	metrics.file = fd < 0 ? NULL : fdopen(fd, "w");
	if (!metrics.file)
		return error_failure("cannot write %s: %s", aside, strerror(errno));
	if (reply)
		print_reply(&metrics, reply);
	else
		print_up(&metrics, false);
	/* The collector runs as another user, whatever the umask is. */
	r = fchmod(fd, 0644) < 0 || ferror(metrics.file) ? -1 : 0;
	if (fclose(metrics.file) != 0)
		r = -1;
	if (r == 0 && rename(aside, path) == 0)
		return CTL_OK;
	r = error_failure("cannot write %s: %s", path, strerror(errno));
	(void)unlink(aside);
	return r;
}

int command_metrics(struct ctl *ctl, int argc, char **argv)
{
	static const struct option options[] = {
		{ "textfile", required_argument, NULL, CTL_OPTION_OWN },
		CTL_GLOBAL_OPTIONS,
	};
	struct metrics metrics = { .file = stdout };
	_cleanup_json_ json_t *reply = NULL;
	const char *textfile = NULL;
	int option, r;

	while ((option = options_next(ctl, argc, argv, options)) >= 0)
		textfile = optarg;
	if (option == CTL_STOP)
		return ctl->status;
	if (optind < argc)
		return error_usage(ctl, "unexpected argument '%s'", argv[optind]);
	if (textfile && ctl->json)
		return error_usage(ctl, "--textfile and --json exclude each other");
	r = client_call(ctl, "Metrics", json_object(), &reply);
	if (textfile) {
		int written = write_textfile(textfile, reply);

		return r ? r : written;
	}
	if (r)
		return r;
	if (ctl->json)
		return client_print_json(reply);
	print_reply(&metrics, reply);
	(void)puts("# EOF");
	return CTL_OK;
}
