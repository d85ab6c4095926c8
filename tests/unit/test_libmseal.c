// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * How libmseal asks mseald, against a server of the test: its requests, and the errno for each reply. A
 * missing, bad or slow server, signals, threads and fork do no harm.
 */
#define MSEAL_SOCKET "mseald.sock"
#define MSEAL_TIMEOUT_MS 400
#include <stdbool.h>
#include <sys/socket.h>

/* The call by which libmseal sends: the server may be gone by then. */
static bool broken;

static ssize_t send_or_break(int fd, const void *data, size_t size, int flags)
{
	if (broken)
		(void)shutdown(fd, SHUT_WR);
	return send(fd, data, size, flags);
}

#define send send_or_break
#include "libmseal/mseal_ask.c"
#undef send

#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <setjmp.h>
#include <cmocka.h>

#define PAGE ((void *)0x10000)
#define SUCCESS "{\"parameters\":{\"space\":1,\"ranges\":1,\"bytes\":4096,\"seals\":1,\"native\":false}}"

static char folder[] = "/tmp/test_libmseal.XXXXXX";

struct server {
	int fd;
	pthread_t thread;
	const char *reply;
	size_t length;
	int calls, delay_ms;
	bool byte_by_byte, hang_up, closed_by_exec;
	char request[512];
};

static void wait_ms(int ms)
{
	struct timespec left = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000 };

	while (nanosleep(&left, &left) < 0)
		;
}

/* Checks the connecting socket of this process, not the accepted one. */
static bool is_closed_by_exec(void)
{
	struct sockaddr_un peer;
	bool all = true, any = false;

	for (int fd = 3; fd < 64; fd++) {
		socklen_t length = sizeof(peer);

		if (getpeername(fd, (struct sockaddr *)&peer, &length) < 0 ||
		    length <= sizeof(peer.sun_family))
			continue;
		any = true;
		all &= (fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0;
	}
	return any && all;
}

static void serve_one(struct server *server, int fd)
{
	size_t got = 0;
	ssize_t n;

	if (server->hang_up)
		return;
	while ((n = read(fd, server->request + got, sizeof(server->request) - got)) > 0) {
		got += (size_t)n;
		if (!server->request[got - 1])
			break;
	}
	server->closed_by_exec = is_closed_by_exec();
	wait_ms(server->delay_ms);
	if (!server->byte_by_byte)
		(void)!send(fd, server->reply, server->length, MSG_NOSIGNAL);
	for (size_t i = 0; server->byte_by_byte && i < server->length; i++) {
		(void)!send(fd, server->reply + i, 1, MSG_NOSIGNAL);
		wait_ms(1);
	}
}

static void *serve(void *context)
{
	struct server *server = context;

	for (int i = 0; i < server->calls; i++) {
		int fd = accept4(server->fd, NULL, NULL, SOCK_CLOEXEC);

		serve_one(server, fd);
		(void)close(fd);
	}
	return NULL;
}

static void open_server(struct server *server, int backlog)
{
	static const struct sockaddr_un address = { .sun_family = AF_UNIX, .sun_path = MSEAL_SOCKET };

	(void)unlink(MSEAL_SOCKET);
	server->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(server->fd, (const struct sockaddr *)&address, sizeof(address)), 0);
	if (backlog >= 0)
		assert_int_equal(listen(server->fd, backlog), 0);
}

static void start(struct server *server)
{
	sigset_t all, old;

	open_server(server, 64);
	server->calls = server->calls ?: 1;
	if (server->reply && !server->length)
		server->length = strlen(server->reply) + 1;
	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, &old);
	assert_int_equal(pthread_create(&server->thread, NULL, serve, server), 0);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
}

static void stop(struct server *server)
{
	assert_int_equal(pthread_join(server->thread, NULL), 0);
	(void)close(server->fd);
}

static int count_descriptors(void)
{
	int count = 0;

	for (int fd = 0; fd < 256; fd++)
		count += fcntl(fd, F_GETFD) >= 0;
	return count;
}

static int ask_with(struct server *server)
{
	int before = count_descriptors(), r;

	start(server);
	r = mseal_ask_range(PAGE, 4096, 0);
	stop(server);
	assert_int_equal(count_descriptors(), before);
	return r;
}

/* --- requests, and valid replies --- */

static void test_request(void **state)
{
	struct server server = { .reply = SUCCESS };
	char wanted[256];

	(void)state;
	assert_int_equal(ask_with(&server), 0);
	FORMAT(wanted,
	       "{\"method\":\"io.mseald.Seal\",\"parameters\":{\"pid\":%d,\"ranges\":[{\"start\":65536,"
	       "\"end\":69632}]}}",
	       getpid());
	assert_string_equal(server.request, wanted);
	assert_true(server.closed_by_exec);

	start(&server);
	assert_int_equal(mseal_ask_all(), 0);
	stop(&server);
	FORMAT(wanted, "{\"method\":\"io.mseald.Seal\",\"parameters\":{\"pid\":%d}}", getpid());
	assert_string_equal(server.request, wanted);

	/* The longest request. */
	start(&server);
	assert_int_equal(mseal_ask_range((void *)(INT64_MAX - 8191), 4096, 0), 0);
	stop(&server);
	assert_non_null(
		strstr(server.request, "{\"start\":9223372036854767616,\"end\":9223372036854771712}"));
}

static void test_replies(void **state)
{
	static const struct {
		const char *reply;
		int result;
	} rows[] = {
		{ SUCCESS, 0 },
		{ "{}", 0 },
		{ "{\"error\":\"io.mseald.NotMapped\",\"parameters\":{\"address\":1}}", -ENOMEM },
		{ "{\"parameters\":{\"address\":1}, \"error\": \"io.mseald.NotMapped\"}", -ENOMEM },
		{ "{\"error\":\"io.mseald.InvalidRange\"}", -ENOMEM },
		{ "{\"error\":\"io.mseald.TooMany\"}", -ENOMEM },
		{ "{\"error\":\"io.mseald.NoRoom\"}", -ENOMEM },
		{ "{\"error\":\"io.mseald.PermissionDenied\"}", -EPERM },
		{ "{\"error\":\"io.mseald.Traced\"}", -EPERM },
		{ "{\"error\":\"io.mseald.Changing\"}", -EPERM },
		{ "{\"error\":\"org.varlink.service.InvalidParameter\"}", -EPERM },
		{ "{\"error\":\"odd\"}", -EPERM },
		{ "{\"error\":\"io.mseald.a-name-that-is-longer-than-any-that-mseald-has-had-so-far\"}",
		  -EPERM },
		/* Not an error of the reply itself. */
		{ "{\"parameters\":{\"error\":\"io.mseald.NotMapped\"}}", 0 },
		{ "{\"parameters\":{\"why_not_native\":\"\\\"error\\\":\\\"io.mseald.NotMapped\\\"\"}}", 0 },
		{ "{\"a\":\"error\",\"b\":\"io.mseald.NotMapped\"}", 0 },
		{ "{\"a\":\"\\\\\",\"error\":\"io.mseald.NotMapped\"}", -ENOMEM },
		{ "{\"error\":\"io.mseald.NotMapped\",\"a\":\"io.mseald.Traced\"}", -ENOMEM },
		{ "{\"error\":null}", 0 },
		/* Not a reply. */
		{ "", -ENOSYS },
		{ "{\"error\":\"io.mseald.NotMapped\"", -ENOSYS },
		{ "HTTP/1.1 400 Bad Request", -ENOSYS },
	};

	(void)state;
	for (size_t i = 0; i < ELEMENTS(rows); i++) {
		struct server server = { .reply = rows[i].reply };
		int r = ask_with(&server);

		if (r != rows[i].result)
			fail_msg("%s: %d", rows[i].reply, r);
	}
}

static void test_arguments(void **state)
{
	(void)state;
	/* Without a server: the library itself answers. */
	(void)unlink(MSEAL_SOCKET);
	assert_int_equal(mseal_ask_range(PAGE, 4096, 1), -EINVAL);
	assert_int_equal(mseal_ask_range((void *)0x10001, 4096, 0), -EINVAL);
	assert_int_equal(mseal_ask_range((void *)0x10001, 0, 0), -EINVAL);
	assert_int_equal(mseal_ask_range(PAGE, SIZE_MAX, 0), -EINVAL);
	assert_int_equal(mseal_ask_range(PAGE, SIZE_MAX - 4095, 0), -EINVAL);
	assert_int_equal(mseal_ask_range((void *)-4096, 8192, 0), -EINVAL);
	assert_int_equal(mseal_ask_range((void *)-8192, 4096, 0), -ENOMEM);
	assert_int_equal(mseal_ask_range(PAGE, 0, 0), 0);
	assert_int_equal(mseal_ask_range(PAGE, 1, 0), -ENOSYS);
}

/* --- servers that do not answer --- */

static void test_no_server(void **state)
{
	struct server server = {};

	(void)state;
	(void)unlink(MSEAL_SOCKET);
	assert_int_equal(mseal_ask_range(PAGE, 4096, 0), -ENOSYS);
	assert_int_equal(mseal_ask_all(), -ENOSYS);
	open_server(&server, -1);
	assert_int_equal(mseal_ask_range(PAGE, 4096, 0), -ENOSYS);
	(void)close(server.fd);
}

static void test_bad_server(void **state)
{
	struct server gone = { .hang_up = true }, cut = { .reply = SUCCESS, .length = 20 };

	(void)state;
	for (int i = 0; i < 50; i++)
		assert_int_equal(ask_with(&gone), -ENOSYS);
	assert_int_equal(ask_with(&cut), -ENOSYS);
}

/* No SIGPIPE, which would end this test. */
static void test_server_gone(void **state)
{
	struct server server = { .reply = SUCCESS };

	(void)state;
	start(&server);
	broken = true;
	assert_int_equal(mseal_ask_all(), -ENOSYS);
	broken = false;
	stop(&server);
}

static void test_slow_server(void **state)
{
	struct server never = { .reply = SUCCESS, .delay_ms = 1000 }, late = never, full = {};
	int64_t began;
	int fds[8];

	(void)state;
	late.delay_ms = 100;
	assert_int_equal(ask_with(&late), 0);
	late.delay_ms = 0;
	late.byte_by_byte = true;
	assert_int_equal(ask_with(&late), 0);

	start(&never);
	began = now_ms();
	assert_int_equal(mseal_ask_range(PAGE, 4096, 0), -ENOSYS);
	assert_in_range(now_ms() - began, MSEAL_TIMEOUT_MS, MSEAL_TIMEOUT_MS + 20000);
	stop(&never);

	/* Its backlog is full: connect(2) would wait forever. */
	open_server(&full, 0);
	for (size_t i = 0; i < ELEMENTS(fds); i++) {
		static const struct sockaddr_un address = { .sun_family = AF_UNIX, .sun_path = MSEAL_SOCKET };

		fds[i] = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
		(void)connect(fds[i], (const struct sockaddr *)&address, sizeof(address));
	}
	began = now_ms();
	assert_int_equal(mseal_ask_range(PAGE, 4096, 0), -ENOSYS);
	assert_in_range(now_ms() - began, MSEAL_TIMEOUT_MS - 20, MSEAL_TIMEOUT_MS + 20000);
	for (size_t i = 0; i < ELEMENTS(fds); i++)
		(void)close(fds[i]);
	(void)close(full.fd);
}

static void test_no_descriptor(void **state)
{
	struct rlimit old, none;

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
	none = old;
	none.rlim_cur = 3;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	assert_int_equal(mseal_ask_range(PAGE, 4096, 0), -ENOMEM);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
}

/* --- signals, threads, fork --- */

static volatile sig_atomic_t ticks, from_handler;

static void tick(int number)
{
	(void)number;
	ticks++;
}

static void test_interrupted(void **state)
{
	struct server server = { .reply = SUCCESS, .delay_ms = 100, .byte_by_byte = true };
	struct sigaction action = { .sa_handler = tick };
	timer_t timer;
	struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGALRM };
	struct itimerspec often = { { 0, 1000000 }, { 0, 1000000 } };

	(void)state;
	assert_int_equal(sigaction(SIGALRM, &action, NULL), 0);
	assert_int_equal(timer_create(CLOCK_MONOTONIC, &event, &timer), 0);
	assert_int_equal(timer_settime(timer, 0, &often, NULL), 0);
	assert_int_equal(ask_with(&server), 0);
	assert_int_equal(timer_delete(timer), 0);
	assert_true(ticks > 20);
}

static void ask_in_handler(int number)
{
	(void)number;
	from_handler = mseal_ask_range(PAGE, 4096, 0);
}

/* On a stack as small as those of handlers. */
static void test_in_signal_handler(void **state)
{
	struct server server = { .reply = "{\"error\":\"io.mseald.NotMapped\"}" };
	struct sigaction action = { .sa_handler = ask_in_handler, .sa_flags = SA_ONSTACK };
	stack_t stack = { .ss_size = 8192 };

	(void)state;
	stack.ss_sp = malloc(stack.ss_size);
	assert_int_equal(sigaltstack(&stack, NULL), 0);
	assert_int_equal(sigaction(SIGUSR1, &action, NULL), 0);
	start(&server);
	(void)raise(SIGUSR1);
	stop(&server);
	assert_int_equal(from_handler, -ENOMEM);
	stack.ss_flags = SS_DISABLE;
	assert_int_equal(sigaltstack(&stack, NULL), 0);
	free(stack.ss_sp);
}

#define THREADS 8
#define EACH 50

static void *ask_often(void *context)
{
	intptr_t wrong = 0;

	(void)context;
	for (int i = 0; i < EACH; i++)
		wrong += mseal_ask_range(PAGE, 4096, 0) != 0;
	return (void *)wrong;
}

static void test_threads(void **state)
{
	struct server server = { .reply = SUCCESS, .calls = THREADS * EACH };
	int before = count_descriptors();
	pthread_t threads[THREADS];

	(void)state;
	start(&server);
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, ask_often, NULL), 0);
	for (int i = 0; i < THREADS; i++) {
		void *wrong = NULL;

		assert_int_equal(pthread_join(threads[i], &wrong), 0);
		assert_null(wrong);
	}
	stop(&server);
	assert_int_equal(count_descriptors(), before);
}

static void *ask_cancelled(void *context)
{
	*(int *)context = mseal_ask_range(PAGE, 4096, 0);
	return NULL;
}

static void test_cancel(void **state)
{
	struct server server = { .reply = SUCCESS, .delay_ms = 100 };
	int before = count_descriptors(), result = 1;
	pthread_t thread;

	(void)state;
	start(&server);
	assert_int_equal(pthread_create(&thread, NULL, ask_cancelled, &result), 0);
	wait_ms(30);
	assert_int_equal(pthread_cancel(thread), 0);
	assert_int_equal(pthread_join(thread, NULL), 0);
	stop(&server);
	assert_int_equal(result, 0);
	assert_int_equal(count_descriptors(), before);
}

static void test_fork(void **state)
{
	struct server server = { .reply = SUCCESS };
	int status;
	char pid[32];
	pid_t child;

	(void)state;
	start(&server);
	child = fork();
	if (child == 0)
		_exit(mseal_ask_range(PAGE, 4096, 0) != 0);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	stop(&server);
	FORMAT(pid, "\"pid\":%d,", child);
	assert_non_null(strstr(server.request, pid));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_request),	    cmocka_unit_test(test_replies),
		cmocka_unit_test(test_arguments),   cmocka_unit_test(test_no_server),
		cmocka_unit_test(test_bad_server),  cmocka_unit_test(test_server_gone),
		cmocka_unit_test(test_slow_server), cmocka_unit_test(test_no_descriptor),
		cmocka_unit_test(test_interrupted), cmocka_unit_test(test_in_signal_handler),
		cmocka_unit_test(test_threads),	    cmocka_unit_test(test_cancel),
		cmocka_unit_test(test_fork),
	};
	int r;

	if (!mkdtemp(folder) || chdir(folder) < 0)
		return 1;
	r = cmocka_run_group_tests(tests, NULL, NULL);
	(void)unlink(MSEAL_SOCKET);
	(void)rmdir(folder);
	return r;
}
