// SPDX-License-Identifier: LGPL-2.1-or-later
/* The sums of attempts, the file that stores them, and the symbols of addresses. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "audit/report_file.h"
#include "audit/symbolize.h"
#include "lib/base/util.h"

static struct {
	char folder[64], path[96], broken[112], aside[112];
} test;

static int setup(void **state)
{
	(void)state;
	(void)strcpy(test.folder, "/tmp/test_report.XXXXXX");
	if (!mkdtemp(test.folder))
		return -1;
	(void)snprintf(test.path, sizeof(test.path), "%s/report.json", test.folder);
	(void)snprintf(test.broken, sizeof(test.broken), "%s.broken", test.path);
	(void)snprintf(test.aside, sizeof(test.aside), "%s.new", test.path);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	(void)unlink(test.path);
	(void)unlink(test.broken);
	return rmdir(test.folder);
}

/* --- labels of the test: the policy is a letter, the program a number --- */

static bool read_label(void *context, uint64_t label, struct mseald_label *ret)
{
	(void)context;
	if (!label)
		return false;
	*ret = (struct mseald_label){};
	(void)snprintf(ret->policy, sizeof(ret->policy), "p%u", (unsigned)(label & 0xff));
	(void)snprintf(ret->program, sizeof(ret->program), "/usr/bin/%u", (unsigned)(label >> 8));
	return true;
}

static uint64_t make_label(void *context, const char *policy, const char *program)
{
	unsigned p = 0, n = 0;

	(void)context;
	if (!*policy && !*program)
		return 0;
	assert_int_equal(sscanf(policy, "p%u", &p), 1);
	assert_int_equal(sscanf(program, "/usr/bin/%u", &n), 1);
	return (uint64_t)n << 8 | p;
}

static const struct report_names names = { .read = read_label, .make = make_label };

static struct mseald_event event(uint64_t label, unsigned op, unsigned verdict, unsigned tgid)
{
	struct mseald_event one = {
		.op = op,
		.verdict = verdict,
		.segment = MSEALD_SEGMENT_TEXT,
		.label = label,
		.tgid = tgid,
		.start_time = 1000ull * tgid,
		.uid = 33,
		.address = 0x7f0000001000,
		.length = 4096,
		.ip = 0x7f0000002345,
		.comm = "nginx",
	};

	return one;
}

static struct report_row *count(struct report_table *tally, const struct mseald_event *one, uint64_t when)
{
	struct mseald_tally_key key = report_table_key(one);
	struct report_row *row = report_table_get(tally, &key);

	if (row)
		report_table_count(row, one, when);
	return row;
}

/* --- summing up --- */

static void test_count(void **state)
{
	_cleanup_(report_table_close) struct report_table tally = {};
	struct mseald_event a = event(0x101, MSEALD_OP_MUNMAP, MSEALD_VERDICT_AUDITED, 5), b = a;
	struct report_row *row;

	(void)state;
	assert_int_equal(report_table_open(&tally), 0);
	row = count(&tally, &a, 100);
	assert_ptr_equal(count(&tally, &a, 300), row);
	b.tgid = 6;
	b.address = 0x1000;
	assert_ptr_equal(count(&tally, &b, 200), row);
	assert_int_equal(row->value.attempts, 3);
	assert_int_equal(row->value.processes, 2);
	assert_int_equal(row->value.first, 100);
	assert_int_equal(row->value.last, 300);
	/* The example is the first. */
	assert_int_equal(row->value.pid, 5);
	assert_int_equal(row->value.address, 0x7f0000001000);
	/* A process with a reused pid is another process. */
	b.start_time++;
	(void)count(&tally, &b, 400);
	assert_int_equal(row->value.processes, 3);
	/* Every field of the key makes a row of its own. */
	for (unsigned i = 0; i < 4; i++) {
		b = a;
		b.label += i == 0;
		b.op += i == 1;
		b.verdict -= i == 2;
		b.segment += i == 3;
		assert_ptr_not_equal(count(&tally, &b, 100), row);
	}
	assert_int_equal(tally.count, 5);
	assert_int_equal(report_table_sum(&tally), 8);
	report_table_clear(&tally);
	assert_int_equal(report_table_sum(&tally), 0);
	assert_null(
		report_table_find(&tally, &(struct mseald_tally_key){ .label = 0x101,
								      .op = MSEALD_OP_MUNMAP,
								      .segment = MSEALD_SEGMENT_TEXT,
								      .verdict = MSEALD_VERDICT_AUDITED }));
}

static void assert_kind(unsigned op, unsigned segment, uint64_t address, uint64_t length, unsigned flags,
			unsigned kind)
{
	_cleanup_(report_table_close) struct report_table tally = {};
	struct mseald_event one = event(1, op, MSEALD_VERDICT_AUDITED, 5);
	struct report_row *row;

	assert_int_equal(report_table_open(&tally), 0);
	one.segment = segment;
	one.address = address;
	one.length = length;
	one.flags = flags;
	row = count(&tally, &one, 1);
	assert_int_equal(row->value.kinds, kind);
	assert_int_equal(row->value.example_kinds, kind);
	/* Kinds of later attempts are added to the row, not to the example. */
	one.flags = MSEALD_EVENT_GROWS;
	(void)count(&tally, &one, 2);
	assert_int_equal(row->value.kinds, kind | MSEALD_KIND_GROWS);
	assert_int_equal(row->value.example_kinds, kind);
}

static void test_kinds(void **state)
{
	const uint64_t huge = 2 << 20, all = UINT64_C(0x7ffffffff000);

	(void)state;
	assert_kind(MSEALD_OP_MMAP, MSEALD_SEGMENT_TEXT, 0x1000, 0x1000, 0, 0);
	assert_kind(MSEALD_OP_MMAP, MSEALD_SEGMENT_TEXT, 0, UINT64_C(1) << 62, MSEALD_EVENT_GROWS,
		    MSEALD_KIND_GROWS);
	assert_kind(MSEALD_OP_MUNMAP, MSEALD_SEGMENT_TEXT, 0, all, 0, MSEALD_KIND_ALL);
	/* It is on any address because the range is unknown. */
	assert_kind(MSEALD_OP_PTRACE, MSEALD_SEGMENT_TEXT, 0, all, 0, 0);
	assert_kind(MSEALD_OP_MPROTECT, MSEALD_SEGMENT_STACK, 0x1000, 0x1000, MSEALD_EVENT_EXEC,
		    MSEALD_KIND_EXEC_STACK);
	assert_kind(MSEALD_OP_MPROTECT, MSEALD_SEGMENT_STACK, 0x1000, 0x1000, 0, 0);
	assert_kind(MSEALD_OP_MPROTECT, MSEALD_SEGMENT_TEXT, 0x1000, 0x1000, MSEALD_EVENT_EXEC, 0);
	assert_kind(MSEALD_OP_MMAP, MSEALD_SEGMENT_TEXT, huge, 3 * huge, 0, MSEALD_KIND_HUGE_TEXT);
	assert_kind(MSEALD_OP_MREMAP, MSEALD_SEGMENT_TEXT, huge, huge, 0, MSEALD_KIND_HUGE_TEXT);
	assert_kind(MSEALD_OP_MREMAP, MSEALD_SEGMENT_DATA, huge, huge, 0, 0);
	assert_kind(MSEALD_OP_MUNMAP, MSEALD_SEGMENT_TEXT, huge, huge, 0, 0);
	assert_kind(MSEALD_OP_MMAP, MSEALD_SEGMENT_TEXT, huge + 0x1000, huge, 0, 0);
}

/* Deny bits and segments of all attempts together. */
static void test_meets(void **state)
{
	_cleanup_(report_table_close) struct report_table tally = {};
	struct mseald_event one = event(1, MSEALD_OP_MADVISE, MSEALD_VERDICT_AUDITED, 5);
	struct report_row *row;

	(void)state;
	assert_int_equal(report_table_open(&tally), 0);
	/* From an older program without these fields: derived from the operation and the first seal. */
	row = count(&tally, &one, 1);
	assert_int_equal(row->value.deny, MSEALD_DENY_DISCARD);
	assert_int_equal(row->value.segments, 1 << MSEALD_SEGMENT_TEXT);
	one.deny = MSEALD_DENY_UNMAP | MSEALD_DENY_DISCARD;
	one.segments = 1 << MSEALD_SEGMENT_DATA;
	(void)count(&tally, &one, 2);
	assert_int_equal(row->value.deny, MSEALD_DENY_UNMAP | MSEALD_DENY_DISCARD);
	assert_int_equal(row->value.segments, 1 << MSEALD_SEGMENT_TEXT | 1 << MSEALD_SEGMENT_DATA);
	/* All seals on a file deny writing to it. */
	one.op = MSEALD_OP_FILE_WRITE;
	one.segments = 1 << MSEALD_SEGMENT_RELRO;
	row = count(&tally, &one, 1);
	assert_int_equal(row->value.segments,
			 1 << MSEALD_SEGMENT_TEXT | 1 << MSEALD_SEGMENT_RODATA | 1 << MSEALD_SEGMENT_RELRO);
}

static void test_processes(void **state)
{
	_cleanup_(report_table_close) struct report_table tally = {};
	struct report_row *row = NULL;

	(void)state;
	assert_int_equal(report_table_open(&tally), 0);
	for (unsigned round = 0; round < 3; round++)
		for (unsigned tgid = 1; tgid <= 2 * MSEALD_TALLY_PROCESSES; tgid++) {
			struct mseald_event one = event(0x101, MSEALD_OP_MPROTECT, MSEALD_VERDICT_DENIED,
							tgid);

			row = count(&tally, &one, 1);
			if (round == 0)
				assert_int_equal(row->value.processes,
						 MIN_OF(tgid, (unsigned)MSEALD_TALLY_PROCESSES));
		}
	assert_int_equal(row->value.processes, MSEALD_TALLY_PROCESSES);
	assert_int_equal(row->value.attempts, 6 * MSEALD_TALLY_PROCESSES);
}

static void test_overflow(void **state)
{
	_cleanup_(report_table_close) struct report_table tally = {};
	struct mseald_event one;

	(void)state;
	assert_int_equal(report_table_open(&tally), 0);
	for (unsigned i = 1; i <= MSEALD_MAX_TALLIES; i++) {
		one = event((uint64_t)i << 8 | 1, MSEALD_OP_MPROTECT, MSEALD_VERDICT_DENIED, 1);
		assert_non_null(count(&tally, &one, i));
	}
	one = event(2, MSEALD_OP_MPROTECT, MSEALD_VERDICT_DENIED, 1);
	assert_null(count(&tally, &one, 1));
	/* Attempts with an existing row are still counted. */
	for (unsigned i = 1; i <= MSEALD_MAX_TALLIES; i++) {
		one = event((uint64_t)i << 8 | 1, MSEALD_OP_MPROTECT, MSEALD_VERDICT_DENIED, 1);
		assert_int_equal(count(&tally, &one, i)->value.attempts, 2);
	}
	assert_int_equal(report_table_sum(&tally), 2 * MSEALD_MAX_TALLIES);
}

/* --- the file --- */

static void assert_same(const struct report_table *a, const struct report_table *b)
{
	assert_int_equal(a->count, b->count);
	for (size_t i = 0; i < a->count; i++) {
		const struct mseald_tally *x = &a->rows[i].value, *y;
		const struct report_row *row = report_table_find(b, &a->rows[i].key);

		assert_non_null(row);
		y = &row->value;
		assert_int_equal(x->attempts, y->attempts);
		assert_int_equal(x->processes, y->processes);
		assert_int_equal(x->first, y->first);
		assert_int_equal(x->last, y->last);
		assert_int_equal(x->address, y->address);
		assert_int_equal(x->length, y->length);
		assert_int_equal(x->ip, y->ip);
		assert_int_equal(x->deny, y->deny);
		assert_int_equal(x->segments, y->segments);
		assert_int_equal(x->kinds, y->kinds);
		assert_int_equal(x->example_kinds, y->example_kinds);
		assert_int_equal(x->pid, y->pid);
		assert_int_equal(x->uid, y->uid);
		assert_memory_equal(x->comm, y->comm, sizeof(x->comm));
		assert_string_equal(x->symbol, y->symbol);
		assert_string_equal(x->caller, y->caller);
	}
}

static void fill(struct report_table *tally)
{
	for (unsigned op = 0; op < MSEALD_OP_COUNT; op++)
		for (unsigned verdict = 0; verdict < MSEALD_VERDICT_COUNT; verdict++) {
			struct mseald_event one = event(0x100u * op + verdict + 1, op, verdict, op + 7);
			struct report_row *row;

			one.deny = MSEALD_DENY_UNMAP | MSEALD_DENY_FILE_WRITE;
			one.segments = 1 << MSEALD_SEGMENT_NONE | 1 << MSEALD_SEGMENT_STACK;
			one.flags = op % 2 ? MSEALD_EVENT_GROWS : 0;
			row = count(tally, &one, 1795348799000000000 + op);
			(void)count(tally, &one, 1795348799000000000 + 2 * op);
			(void)snprintf(row->value.symbol, MSEALD_SYMBOL_MAX, "/usr/lib/\"q\"+0x%x", op);
		}
}

static void test_file(void **state)
{
	_cleanup_(report_table_close) struct report_table tally = {}, back = {};
	const struct report_head head = { .since = 1795348799000000001, .missing = 12, .full = 5 };
	struct report_head head_back = {};

	(void)state;
	assert_int_equal(report_table_open(&tally), 0);
	assert_int_equal(report_table_open(&back), 0);
	fill(&tally);
	/* A row with an unknown label is kept, without a name. */
	tally.rows[0].key.label = 0;
	assert_int_equal(report_file_write(test.path, &tally, &head, &names), 0);
	assert_int_equal(access(test.aside, F_OK), -1);
	assert_int_equal(report_file_read(test.path, &back, &head_back, &names), 0);
	assert_int_equal(head_back.since, head.since);
	assert_int_equal(head_back.missing, head.missing);
	assert_int_equal(head_back.full, head.full);
	assert_int_equal(back.count, tally.count);
	assert_int_equal(report_table_sum(&back), report_table_sum(&tally));
	tally.rows[0].key.label = 0x1;
	report_table_clear(&tally);
	fill(&tally);
	report_table_clear(&back);
	assert_int_equal(report_file_write(test.path, &tally, &head, &names), 0);
	assert_int_equal(report_file_read(test.path, &back, &head_back, &names), 0);
	assert_same(&tally, &back);
	/* Read again on top of it: nothing is counted twice, it counts as missing. */
	assert_int_equal(report_file_read(test.path, &back, &head_back, &names), 0);
	assert_same(&tally, &back);
	assert_int_equal(head_back.missing, head.missing + report_table_sum(&tally));
}

static void test_no_file(void **state)
{
	_cleanup_(report_table_close) struct report_table tally = {};
	struct report_head head = { .since = 7 };

	(void)state;
	(void)unlink(test.path);
	assert_int_equal(report_table_open(&tally), 0);
	assert_int_equal(report_file_read(test.path, &tally, &head, &names), -ENOENT);
	assert_int_equal(head.since, 7);
	assert_int_equal(report_file_write("/nonexistent/report.json", &tally, &head, &names), -ENOENT);
}

#define ROW(policy, operation, attempts, example) \
	"{\"policy\":" policy ",\"program\":\"/usr/bin/1\",\"operation\":\"" operation \
	"\",\"segment\":\"text\"," \
	"\"verdict\":\"audited\",\"attempts\":" attempts \
	",\"processes\":1,\"first\":1,\"last\":2,\"example\":" example "}"
#define EXAMPLE "{\"pid\":1,\"uid\":0,\"comm\":\"a\",\"address\":4096,\"length\":4096,\"ip\":1}"
#define DOCUMENT(row) "{\"version\":1,\"since\":5,\"missing\":0,\"full\":0,\"rows\":[" row "]}"

static void write_text(const char *text, size_t length)
{
	FILE *file = fopen(test.path, "we");

	assert_non_null(file);
	assert_int_equal(fwrite(text, 1, length, file), length);
	assert_int_equal(fclose(file), 0);
}

static void test_broken(void **state)
{
	static const char *const texts[] = {
		"",
		"{",
		"[]",
		"null",
		"\"text\"",
		"{\"version\":2,\"since\":5,\"missing\":0,\"full\":0,\"rows\":[]}",
		"{\"version\":1,\"since\":0,\"missing\":0,\"full\":0,\"rows\":[]}",
		"{\"version\":1,\"since\":5,\"rows\":{}}",
		DOCUMENT("7"),
		DOCUMENT(ROW("\"p1\"", "frob", "1", EXAMPLE)),
		DOCUMENT(ROW("1", "mmap", "1", EXAMPLE)),
		DOCUMENT(ROW("\"p1\"", "mmap", "0", EXAMPLE)),
		DOCUMENT(ROW("\"p1\"", "mmap", "1.5", EXAMPLE)),
		DOCUMENT(ROW("\"p1\"", "mmap", "1", "{}")),
		/* A valid row before it is not taken either. */
		DOCUMENT(ROW("\"p1\"", "mmap", "1", EXAMPLE) "," ROW("\"p1\"", "frob", "1", EXAMPLE)),
	};
	static const char good[] = DOCUMENT(ROW("\"p1\"", "mmap", "1", EXAMPLE));
	_cleanup_(report_table_close) struct report_table tally = {};
	struct report_head head = {};
	struct stat st;

	(void)state;
	assert_int_equal(report_table_open(&tally), 0);
	for (size_t i = 0; i < ELEMENTS(texts); i++) {
		write_text(texts[i], strlen(texts[i]));
		(void)unlink(test.broken);
		assert_int_equal(report_file_read(test.path, &tally, &head, &names), -EBADMSG);
		assert_int_equal(tally.count, 0);
		assert_int_equal(access(test.path, F_OK), -1);
		assert_int_equal(stat(test.broken, &st), 0);
		assert_int_equal(st.st_size, strlen(texts[i]));
	}
	/* Truncated at any point. */
	for (size_t length = 0; length + 1 < sizeof(good); length++) {
		write_text(good, length);
		assert_int_equal(report_file_read(test.path, &tally, &head, &names), -EBADMSG);
		assert_int_equal(tally.count, 0);
	}
	write_text(good, sizeof(good) - 1);
	assert_int_equal(report_file_read(test.path, &tally, &head, &names), 0);
	assert_int_equal(report_table_sum(&tally), 1);
	assert_int_equal(head.since, 5);
	/* A file of the earlier version has neither field; the values are the defaults. */
	assert_int_equal(tally.rows[0].value.deny, MSEALD_DENY_UNMAP);
	assert_int_equal(tally.rows[0].value.segments, 1 << MSEALD_SEGMENT_TEXT);
}

static void test_file_too_large(void **state)
{
	_cleanup_(report_table_close) struct report_table tally = {}, back = {};
	struct report_head head = { .since = 1 };
	struct mseald_event one;

	(void)state;
	assert_int_equal(report_table_open(&tally), 0);
	assert_int_equal(report_table_open(&back), 0);
	for (unsigned i = 1; i <= MSEALD_MAX_TALLIES; i++) {
		one = event((uint64_t)i << 8 | 1, MSEALD_OP_MPROTECT, MSEALD_VERDICT_DENIED, 1);
		(void)count(&tally, &one, i);
	}
	assert_int_equal(report_file_write(test.path, &tally, &head, &names), 0);
	one = event(2, MSEALD_OP_MPROTECT, MSEALD_VERDICT_DENIED, 1);
	(void)count(&back, &one, 1);
	/* One of them has no room, and counts as missing. */
	assert_int_equal(report_file_read(test.path, &back, &head, &names), 0);
	assert_int_equal(back.count, MSEALD_MAX_TALLIES);
	assert_int_equal(head.missing, 1);
	assert_int_equal(head.full, 1);
}

/* --- symbols --- */

static void test_place(void **state)
{
	static char path[200] = "/";
	struct mapping maps[] = {
		{ .start = 0x1000, .end = 0x2000, .inode = 1, .path = "/bin/a" },
		{ .start = 0x2000,
		  .end = 0x4000,
		  .inode = 1,
		  .path = "/bin/a",
		  .exec = true,
		  .offset = 0x1000 },
		{ .start = 0x4000, .end = 0x5000, .path = "" },
		{ .start = 0x5000, .end = 0x6000, .inode = 1, .path = "/bin/a" },
		{ .start = 0x6000, .end = 0x7000, .inode = 2, .path = path },
		{ .start = 0x8000, .end = 0x9000, .inode = 3, .path = "/\xff\033\u00e4" },
		{ .start = 0x9000, .end = 0xa000, .path = "[stack]" },
	};
	const struct proc_maps all = { maps, ELEMENTS(maps) };
	char symbol[MSEALD_SYMBOL_MAX];

	(void)state;
	symbolize_address(&all, 0x1000, symbol);
	assert_string_equal(symbol, "/bin/a+0x0");
	symbolize_address(&all, 0x2345, symbol);
	assert_string_equal(symbol, "/bin/a+0x1345");
	symbolize_address(&all, 0x5001, symbol);
	assert_string_equal(symbol, "/bin/a+0x1");
	symbolize_address(&all, 0x4000, symbol);
	assert_string_equal(symbol, "");
	symbolize_address(&all, 0x7000, symbol);
	assert_string_equal(symbol, "");
	symbolize_address(&all, 0x9000, symbol);
	assert_string_equal(symbol, "");
	symbolize_address(&all, 0x8010, symbol);
	assert_string_equal(symbol, "/????+0x10");
	for (size_t length = 90; length < sizeof(path) - 1; length++) {
		memset(path + 1, 'x', length);
		path[length] = 'y';
		symbolize_address(&all, 0x6fff, symbol);
		assert_true(strlen(symbol) < MSEALD_SYMBOL_MAX);
		assert_string_equal(symbol + strlen(symbol) - 8, "xy+0xfff");
	}
	assert_memory_equal(symbol, "...x", 4);
	assert_int_equal(strlen(symbol), MSEALD_SYMBOL_MAX - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_count),
		cmocka_unit_test(test_kinds),
		cmocka_unit_test(test_meets),
		cmocka_unit_test(test_processes),
		cmocka_unit_test(test_overflow),
		cmocka_unit_test_setup_teardown(test_file, setup, teardown),
		cmocka_unit_test_setup_teardown(test_no_file, setup, teardown),
		cmocka_unit_test_setup_teardown(test_broken, setup, teardown),
		cmocka_unit_test_setup_teardown(test_file_too_large, setup, teardown),
		cmocka_unit_test(test_place),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
