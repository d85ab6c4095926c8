// SPDX-License-Identifier: LGPL-2.1-or-later
/* See report_file.h. */
#include "audit/report_file.h"

#include <sys/stat.h>

#include "base/file.h"
#include "base/text.h"
#include "lib/base/names_json.h"

#define VERSION 1

static json_t *symbol_json(const char *symbol)
{
	return *symbol ? json_string(symbol) : NULL;
}

static json_t *example_json(const struct mseald_tally *value)
{
	char comm[TEXT_COMM_MAX];

	return json_pack("{s:I,s:I,s:s,s:I,s:I,s:o*,s:I,s:o*,s:o}", "pid", (json_int_t)value->pid, "uid",
			 (json_int_t)value->uid, "comm", text_comm(value->comm, comm), "address",
			 (json_int_t)value->address, "length", (json_int_t)value->length, "symbol",
			 symbol_json(value->symbol), "ip", (json_int_t)value->ip, "caller",
			 symbol_json(value->caller), "kinds",
			 names_json_bits(value->example_kinds, names_kind));
}

json_t *report_file_row(const struct report_row *row, const struct mseald_label *label)
{
	const struct mseald_tally *value = &row->value;

	return json_pack("{s:s,s:s,s:s,s:s,s:s,s:I,s:I,s:I,s:I,s:o,s:o,s:o,s:o}", "policy",
			 *label->policy ? label->policy : "-", "program",
			 *label->program ? label->program : "-", "operation", names_op(row->key.op),
			 "segment", names_segment(row->key.segment), "verdict",
			 names_verdict(row->key.verdict), "attempts", (json_int_t)value->attempts,
			 "processes", (json_int_t)value->processes, "first", (json_int_t)value->first, "last",
			 (json_int_t)value->last, "deny", names_json_deny(value->deny), "segments",
			 names_json_segments(value->segments), "kinds",
			 names_json_bits(value->kinds, names_kind), "example", example_json(value));
}

/* --- writing --- */

static json_t *encode(const struct report_table *table, const struct report_head *head,
		      const struct report_names *names)
{
	json_t *rows = json_array();

	for (size_t i = 0; i < table->count; i++) {
		struct mseald_label label = {};

		(void)names->read(names->context, table->rows[i].key.label, &label);
		if (json_array_append_new(rows, report_file_row(&table->rows[i], &label)) < 0) {
			json_decref(rows);
			return NULL;
		}
	}
	return json_pack("{s:i,s:I,s:I,s:I,s:o}", "version", VERSION, "since", (json_int_t)head->since,
			 "missing", (json_int_t)head->missing, "full", (json_int_t)head->full, "rows", rows);
}

static int dump(FILE *file, const void *document)
{
	return json_dumpf(document, file, JSON_INDENT(1));
}

int report_file_write(const char *path, const struct report_table *table, const struct report_head *head,
		      const struct report_names *names)
{
	json_t *document = encode(table, head, names);
	int r = document ? file_replace(path, 0644, dump, document) : -ENOMEM;

	json_decref(document);
	return r;
}

/* --- reading --- */

/* "" if missing. */
static const char *text_of(const json_t *object, const char *key)
{
	return json_string_value(json_object_get(object, key)) ?: "";
}

static void read_text(const json_t *object, const char *key, char *to, size_t size)
{
	(void)snprintf(to, size, "%s", text_of(object, key));
}

static bool read_example(json_t *example, struct mseald_tally *ret)
{
	char comm[MSEALD_COMM_LEN + 1] = "";
	json_int_t pid, uid, address, length, ip;

	if (json_unpack(example, "{s:I,s:I,s:I,s:I,s:I}", "pid", &pid, "uid", &uid, "address", &address,
			"length", &length, "ip", &ip) < 0)
		return false;
	ret->pid = (uint32_t)pid;
	ret->uid = (uint32_t)uid;
	ret->address = (uint64_t)address;
	ret->length = (uint64_t)length;
	ret->ip = (uint64_t)ip;
	read_text(example, "comm", comm, sizeof(comm));
	memcpy(ret->comm, comm, sizeof(ret->comm));
	ret->example_kinds = names_json_read(example, "kinds", names_find_kind);
	read_text(example, "symbol", ret->symbol, sizeof(ret->symbol));
	read_text(example, "caller", ret->caller, sizeof(ret->caller));
	return true;
}

static int read_row(json_t *object, struct report_row *ret)
{
	int op = names_find_op(text_of(object, "operation"));
	int segment = names_find_segment(text_of(object, "segment"));
	int verdict = names_find_verdict(text_of(object, "verdict"));
	json_int_t attempts, first, last, processes;
	const char *policy, *program;
	struct report_row row = {};

	if (op < 0 || segment < 0 || verdict < 0 ||
	    json_unpack(object, "{s:I,s:I,s:I,s:I,s:s,s:s}", "attempts", &attempts, "first", &first, "last",
			&last, "processes", &processes, "policy", &policy, "program", &program) < 0 ||
	    !attempts || !read_example(json_object_get(object, "example"), &row.value))
		return -EBADMSG;
	row.key.op = (uint32_t)op;
	row.key.segment = (uint16_t)segment;
	row.key.verdict = (uint16_t)verdict;
	/* A file of an earlier version lacks this field. */
	row.value.deny = names_json_read(object, "deny", names_find_deny) ?:
				 (uint8_t)names_deny_of_op((enum mseald_op)op);
	row.value.segments = names_json_read(object, "segments", names_json_segment_bit) ?:
				     (uint8_t)(1u << segment);
	row.value.kinds = names_json_read(object, "kinds", names_find_kind);
	row.value.attempts = (uint64_t)attempts;
	row.value.first = (uint64_t)first;
	row.value.last = (uint64_t)last;
	row.value.processes = (uint32_t)MIN_OF((uint64_t)processes, (uint64_t)MSEALD_TALLY_PROCESSES);
	*ret = row;
	return 0;
}

/* "-" means no name. */
static const char *name_of(const json_t *object, const char *key)
{
	const char *text = text_of(object, key);

	return strcmp(text, "-") != 0 ? text : "";
}

static bool is_ours(json_t *document, struct report_head *head)
{
	json_t *rows = json_object_get(document, "rows"), *object;
	json_int_t version, since, missing, full;
	struct report_row row;
	size_t i;

	if (json_unpack(document, "{s:I,s:I,s:I,s:I}", "version", &version, "since", &since, "missing",
			&missing, "full", &full) < 0 ||
	    version != VERSION || !json_is_array(rows) || !since)
		return false;
	*head = (struct report_head){ (uint64_t)since, (uint64_t)missing, (uint64_t)full };
	json_array_foreach(rows, i, object)
		if (read_row(object, &row) < 0)
			return false;
	return true;
}

/* Rows that are not adopted count as missing: the same policy and program twice, or no room. */
static void take_over(json_t *rows, struct report_table *table, struct report_head *head,
		      const struct report_names *names)
{
	json_t *object;
	size_t i;

	json_array_foreach(rows, i, object) {
		struct report_row row, *known = NULL;

		if (read_row(object, &row) < 0)
			continue;
		row.key.label = names->make(names->context, name_of(object, "policy"),
					    name_of(object, "program"));
		if (!report_table_find(table, &row.key))
			known = report_table_get(table, &row.key);
		if (known) {
			known->value = row.value;
		} else {
			head->missing += row.value.attempts;
			head->full += row.value.attempts;
		}
	}
}

static int move_aside(const char *path)
{
	_cleanup_free_ char *aside = FORMAT_NEW("%s.broken", path);

	if (!aside)
		return -ENOMEM;
	return rename(path, aside) < 0 ? -errno : -EBADMSG;
}

int report_file_read(const char *path, struct report_table *table, struct report_head *ret,
		     const struct report_names *names)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	struct report_head head = {};
	json_t *document;
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	document = S_ISREG(st.st_mode) ? json_loadfd(fd, 0, NULL) : NULL;
	if (!document || !is_ours(document, &head)) {
		json_decref(document);
		return move_aside(path);
	}
	take_over(json_object_get(document, "rows"), table, &head, names);
	json_decref(document);
	*ret = head;
	return 0;
}
