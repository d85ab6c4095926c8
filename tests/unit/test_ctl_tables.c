// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Every table of msealctl, on terminals of 80, 120 and 200 columns with and without colour, and in a pipe,
 * compared with tests/unit/golden/TABLE.WIDTH. The daemon's replies are in TABLE.json there, one per line.
 * MSEALD_GOLDEN=write in the environment writes the golden files anew: check them then.
 *
 * In a golden file {red} begins a colour and {} ends it. Blanks have no colour, and lines do not end in
 * blanks: neither is visible.
 */
#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <pty.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include <cmocka.h>
#include <jansson.h>

#include "ctl/view/coverage_table.h"
#include "ctl/view/summary.h"
#include "fake_daemon.h"

#define GOLDEN "tests/unit/golden/"
#define TEXT_MAX (1 << 16)

static struct {
	struct fake_daemon daemon;
	pid_t server;
	char root[80]; /* for policy --root; the client runs in its parent folder */
} test;

/* --- files --- */

/* Reads a whole file; NULL: no such file. The caller frees. */
static char *read_file(const char *name, const char *suffix)
{
	_cleanup_free_ char *path = FORMAT_NEW(GOLDEN "%s.%s", name, suffix);
	_cleanup_fclose_ FILE *file = fopen(path, "re");
	char *text = calloc(1, TEXT_MAX);

	if (!file) {
		free(text);
		return NULL;
	}
	(void)!fread(text, 1, TEXT_MAX - 1, file);
	return text;
}

static void compare(const char *name, const char *suffix, const char *text)
{
	const char *mode = getenv("MSEALD_GOLDEN");

	if (mode && strcmp(mode, "write") == 0) {
		_cleanup_free_ char *path = FORMAT_NEW(GOLDEN "%s.%s", name, suffix);
		_cleanup_fclose_ FILE *file = fopen(path, "we");

		assert_non_null(file);
		assert_true(fputs(text, file) >= 0);
	} else {
		_cleanup_free_ char *golden = read_file(name, suffix);

		if (!golden)
			fail_msg("there is no " GOLDEN "%s.%s", name, suffix);
		if (strcmp(text, golden) != 0)
			print_message("differs from " GOLDEN "%s.%s: it is\n%s", name, suffix, text);
		assert_string_equal(text, golden);
	}
}

/* --- colours --- */

static const char *colour_name(const char *sequence, size_t length)
{
	static const char *const names[][2] = {
		{ "1", "bold" },    { "2", "dim" },	 { "31", "red" },  { "32", "green" },
		{ "33", "yellow" }, { "35", "magenta" }, { "36", "cyan" }, { "94", "blue" },
	};

	for (size_t i = 0; i < ELEMENTS(names); i++)
		if (strlen(names[i][0]) == length && memcmp(names[i][0], sequence, length) == 0)
			return names[i][1];
	assert_true(length == 0 || (length == 1 && *sequence == '0'));
	return "";
}

/* Are there only blanks and sequences up to the end of the line? */
static bool is_end(const char *text)
{
	while (*text == ' ' || *text == '\033')
		text += *text == ' ' ? 1 : strcspn(text, "m") + 1;
	return *text == '\n' || *text == '\r';
}

/* Marks colours as in golden files; colours false: removes them. Ends of lines become those of a file. */
static char *mark_colours(const char *text, bool colours)
{
	char *marked = calloc(1, TEXT_MAX), *out = marked;
	const char *wanted = "", *active = "";

	for (; *text; text++) {
		if (*text == '\033') {
			size_t length = strcspn(text + 2, "m");

			assert_int_equal(text[1], '[');
			wanted = colour_name(text + 2, length);
			text += 2 + length;
			continue;
		}
		if (*text == '\r' || (*text == ' ' && is_end(text)))
			continue;
		if (colours &&
		    (*text != ' ' && *text != '\n' ? wanted != active : *text == '\n' && *active)) {
			if (*active)
				out += sprintf(out, "{}");
			active = *text == '\n' ? "" : wanted;
			if (*active)
				out += sprintf(out, "{%s}", active);
		}
		*out++ = *text;
	}
	return marked;
}

/* --- running --- */

/*
 * Reads up to the NUL that run_client() writes behind the output. The end of a terminal is none to wait for:
 * once its last writer has closed it, a read can give EIO before the last output (drivers/tty/n_tty.c,
 * n_tty_read).
 */
static void read_all(int fd, char *text)
{
	size_t got = 0;
	ssize_t r;

	do {
		assert_true(got < TEXT_MAX - 1);
		r = read(fd, text + got, TEXT_MAX - 1 - got);
		assert_true(r > 0);
		got += (size_t)r;
	} while (text[got - 1] != '\0');
}

/* Runs msealctl, which writes into fd, and writes a NUL after it. Returns its exit status. */
static int run_client(const char *program, const char *const *argv, int fd)
{
	pid_t client = fork();
	int status;

	if (client == 0) {
		(void)dup2(fd, STDOUT_FILENO);
		(void)dup2(open("/dev/null", O_WRONLY | O_CLOEXEC), STDERR_FILENO);
		(void)close(fd);
		(void)!chdir(test.daemon.folder);
		(void)execv(program, (char *const *)argv);
		_exit(127);
	}
	return waitpid(client, &status, 0) == client && write(fd, "", 1) == 1 && WIFEXITED(status) ?
		       WEXITSTATUS(status) :
		       126;
}

/* The output of msealctl on a terminal of this width; 0: in a pipe. The caller frees. */
static char *run(const char *const *words, unsigned short width, bool colour)
{
	_cleanup_free_ char *program = realpath(getenv("MSEALCTL") ?: "build/msealctl", NULL);
	struct winsize size = { .ws_col = width, .ws_row = 24 };
	char *text = calloc(1, TEXT_MAX);
	int fds[2], status;
	pid_t client;

	assert_non_null(program);
	assert_int_equal(width ? openpty(&fds[0], &fds[1], NULL, NULL, &size) : pipe(fds), 0);
	client = fork();
	if (client == 0) {
		const char *argv[8] = { "msealctl" };

		for (size_t i = 0; words[i]; i++)
			argv[i + 1] = words[i];
		(void)setenv("TERM", "xterm", 1);
		(void)setenv("LC_ALL", width ? "C.UTF-8" : "C", 1);
		(void)(colour ? unsetenv("NO_COLOR") : setenv("NO_COLOR", "1", 1));
		(void)close(fds[0]);
		_exit(run_client(program, argv, fds[1]));
	}
	read_all(fds[0], text);
	(void)close(fds[0]);
	(void)close(fds[1]);
	assert_int_equal(waitpid(client, &status, 0), client);
	assert_int_equal(status, 0);
	return text;
}

static const unsigned short widths[] = { 80, 120, 200 };

/* The part below the first empty line, if a head is above it. */
static const char *table_of(const char *text, bool below)
{
	const char *end = below ? strstr(text, "\n\n") : NULL;

	return end ? end + 2 : text;
}

/* Checks the rows, not the sentences below them. */
static void assert_fits(const char *text, size_t width)
{
	for (const char *line = text; *line && *line != '\n' && *line != '=';
	     line += strcspn(line, "\n") + 1) {
		size_t columns = 0;

		for (size_t i = 0; line[i] && line[i] != '\n'; i++)
			columns += ((unsigned char)line[i] & 0xc0) != 0x80;
		if (columns > width)
			fail_msg("longer than %zu columns: %.*s", width, (int)strcspn(line, "\n"), line);
	}
}

static void check(const char *name, bool below, const char *const *words)
{
	_cleanup_free_ char *json = read_file(name, "json");
	const struct reply replies[] = { { "\"io.mseald.", json ?: "" }, {} };
	_cleanup_free_ char *pipe = NULL;

	test.server = fake_daemon_serve(&test.daemon, replies);
	pipe = run(words, 0, true);
	compare(name, "pipe", table_of(pipe, below));
	for (size_t i = 0; i < ELEMENTS(widths); i++) {
		_cleanup_free_ char *suffix = FORMAT_NEW("%u", widths[i]);
		_cleanup_free_ char *coloured = run(words, widths[i], true),
				    *plain = run(words, widths[i], false);
		_cleanup_free_ char *marked = mark_colours(coloured, true),
				    *bare = mark_colours(coloured, false), *never = mark_colours(plain, true);

		compare(name, suffix, table_of(marked, below));
		assert_string_equal(bare, never);
		assert_fits(table_of(bare, below), widths[i]);
	}
}

static int stop_server(void **state)
{
	(void)state;
	if (test.server) {
		(void)kill(test.server, SIGKILL);
		(void)waitpid(test.server, NULL, 0);
	}
	test.server = 0;
	return 0;
}

/* The same for a printing function whose data msealctl would read from /proc. */
static void check_printer(const char *name,
			  int (*print)(const json_t *document, const struct terminal *terminal, FILE *out))
{
	_cleanup_free_ char *json = read_file(name, "json");
	json_t *document = json_loads(json ?: "", 0, NULL);

	assert_non_null(document);
	for (size_t i = 0; i <= ELEMENTS(widths); i++) {
		bool tty = i < ELEMENTS(widths);
		struct terminal terminal = { .width = tty ? widths[i] : 0, .colour = tty, .utf8 = tty };
		_cleanup_free_ char *suffix = tty ? FORMAT_NEW("%u", widths[i]) : strdup("pipe");
		_cleanup_free_ char *text = NULL, *marked = NULL, *bare = NULL;
		size_t size;
		FILE *out = open_memstream(&text, &size);

		(void)setlocale(LC_ALL, tty ? "C.UTF-8" : "C");
		assert_int_equal(print(document, &terminal, out), 0);
		assert_int_equal(fclose(out), 0);
		marked = mark_colours(text, true);
		bare = mark_colours(text, false);
		compare(name, suffix, marked);
		if (tty)
			assert_fits(bare, terminal.width);
	}
	json_decref(document);
}

/* --- tables --- */

#define CHECK(name, below, ...) check(name, below, (const char *const[]){ __VA_ARGS__, NULL })

static void test_status(void **state)
{
	(void)state;
	CHECK("status", true, "status");
}

static void test_list(void **state)
{
	(void)state;
	CHECK("list", false, "list");
}

static void test_policy_list(void **state)
{
	(void)state;
	CHECK("policy-list", false, "policy", "list");
}

static void test_policy_report(void **state)
{
	(void)state;
	CHECK("policy-report", false, "policy", "report");
}

static void test_policy_list_files(void **state)
{
	static const char *const files[][2] = {
		{ "nginx", "[Policy]\nDescription=The web server nginx, its workers and its cache manager\n"
			   "[Match]\nExe=/usr/sbin/nginx\n" },
		{ "a-policy-of-our-own", "[Match]\nExe=/opt/one\n" },
		{ "broken", "[Match]\nexe=/opt/two\n" },
		{ "masked", NULL },
	};
	char path[256];

	(void)state;
	FORMAT(path, "mkdir -p %s/etc/mseald/policy.d", test.root);
	assert_int_equal(system(path), 0);
	for (size_t i = 0; i < ELEMENTS(files); i++) {
		FILE *file;

		FORMAT(path, "%s/etc/mseald/policy.d/%s.conf", test.root, files[i][0]);
		if (!files[i][1]) {
			assert_int_equal(symlink("/dev/null", path), 0);
			continue;
		}
		file = fopen(path, "we");
		assert_non_null(file);
		assert_true(fputs(files[i][1], file) >= 0);
		assert_int_equal(fclose(file), 0);
	}
	CHECK("policy-list-files", false, "policy", "--root=root", "list-files");
	FORMAT(path, "rm -r %s/etc", test.root);
	assert_int_equal(system(path), 0);
}

/* A page of this process, at an otherwise unused address. */
static void test_explain(void **state)
{
	char *page = mmap((void *)0x10000000, 4096, PROT_READ,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
	char pid[16];

	(void)state;
	assert_ptr_equal(page, (void *)0x10000000);
	FORMAT(pid, "%d", getpid());
	CHECK("explain", true, "explain", pid, "0x10000000");
	assert_int_equal(munmap(page, 4096), 0);
}

static void sum_shares(const json_t *list, struct share shares[SHARE_COUNT])
{
	const json_t *one;
	size_t i;

	json_array_foreach(list, i, one)
		for (enum share_kind kind = 0; kind < SHARE_COUNT; kind++) {
			struct share share = summary_get_share(one, kind);

			shares[kind].sealed += share.sealed;
			shares[kind].all += share.all;
		}
}

static int print_summary(const json_t *document, const struct terminal *terminal, FILE *out)
{
	struct summary summary = { .spaces = json_array_size(document), .list = (json_t *)document };

	sum_shares(document, summary.shares);
	return summary_print(&summary, terminal, out);
}

static void test_summary(void **state)
{
	(void)state;
	check_printer("list-summary", print_summary);
}

static int print_coverage(const json_t *document, const struct terminal *terminal, FILE *out)
{
	struct coverage coverage = {
		.processes = { 1, 2, 1, 2 }, .kernel_threads = 70, .audited = 1, .list = (json_t *)document
	};

	sum_shares(document, coverage.shares);
	return coverage_table_print(&coverage, ~0u, terminal, out);
}

static void test_coverage(void **state)
{
	(void)state;
	check_printer("coverage", print_coverage);
}

int main(void)
{
#define each(function) cmocka_unit_test_teardown(function, stop_server)
	const struct CMUnitTest tests[] = {
		each(test_status),	  each(test_list),
		each(test_summary),	  each(test_coverage),
		each(test_explain),	  each(test_policy_list),
		each(test_policy_report), each(test_policy_list_files),
	};
	int failed;

	alarm(120);
	if (fake_daemon_open(&test.daemon) < 0) {
		perror("a socket");
		return 1;
	}
	FORMAT(test.root, "%s/root", test.daemon.folder);
	if (mkdir(test.root, 0755) < 0) {
		perror(test.root);
		return 1;
	}
	(void)setenv("MSEALD_SOCKET", test.daemon.address.sun_path, 1);
	(void)setenv("TZ", "UTC0", 1);
	(void)unsetenv("COLUMNS");
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	(void)rmdir(test.root);
	fake_daemon_close(&test.daemon);
	return failed;
}
