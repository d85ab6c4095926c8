// SPDX-License-Identifier: LGPL-2.1-or-later
/* The varlink framer against torn, joined and hostile input, and the client against a forked server. */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "lib/base/util.h"
#include "lib/varlink/varlink.h"

/* --- framing --- */

static json_int_t next_number(struct varlink_framer *framer)
{
	json_t *message = NULL;
	json_int_t number;

	assert_int_equal(varlink_framer_next(framer, &message), 1);
	number = json_integer_value(json_object_get(message, "n"));
	json_decref(message);
	return number;
}

static void test_joined(void **state)
{
	static const char bytes[] = "{\"n\":1}\0{\"n\":2}\0{\"n\":3}";
	struct varlink_framer framer = {};
	json_t *message = NULL;

	(void)state;
	assert_int_equal(varlink_framer_feed(&framer, bytes, sizeof(bytes) - 1), 0);
	assert_int_equal(next_number(&framer), 1);
	assert_int_equal(next_number(&framer), 2);
	assert_int_equal(varlink_framer_next(&framer, &message), 0);
	assert_int_equal(varlink_framer_feed(&framer, "", 1), 0);
	assert_int_equal(next_number(&framer), 3);
	assert_int_equal(varlink_framer_next(&framer, &message), 0);
	assert_null(message);
	varlink_framer_free(&framer);
}

static void test_torn(void **state)
{
	static const char bytes[] = "{\"n\":7,\"text\":\"a b\"}\0{\"n\":8}";
	struct varlink_framer framer = {};
	json_t *message = NULL;
	int found = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(bytes); i++) {
		assert_int_equal(varlink_framer_feed(&framer, bytes + i, 1), 0);
		while (varlink_framer_next(&framer, &message) == 1) {
			assert_int_equal(json_integer_value(json_object_get(message, "n")), 7 + found++);
			json_decref(message);
		}
	}
	assert_int_equal(found, 2);
	varlink_framer_free(&framer);
}

/* Many messages through one framer: consumed memory is freed. */
static void test_many(void **state)
{
	struct varlink_framer framer = {};

	(void)state;
	for (int i = 0; i < 20000; i++) {
		char bytes[64];
		int length = snprintf(bytes, sizeof(bytes), "{\"n\":%d}", i) + 1;

		/* The end of this message arrives with the next one. */
		assert_int_equal(varlink_framer_feed(&framer, bytes, (size_t)length - 3), 0);
		assert_int_equal(varlink_framer_feed(&framer, bytes + length - 3, 3), 0);
		assert_int_equal(next_number(&framer), i);
	}
	assert_true(framer.allocated <= 4096);
	varlink_framer_free(&framer);
}

static void assert_bad(const char *bytes, size_t length)
{
	struct varlink_framer framer = {};
	json_t *message = NULL;

	assert_int_equal(varlink_framer_feed(&framer, bytes, length), 0);
	assert_int_equal(varlink_framer_next(&framer, &message), -EBADMSG);
	/* The error is permanent. */
	assert_int_equal(varlink_framer_next(&framer, &message), -EBADMSG);
	assert_null(message);
	varlink_framer_free(&framer);
}

static void test_not_a_message(void **state)
{
	static const char *const bad[] = { "",
					   " ",
					   "[]",
					   "1",
					   "\"x\"",
					   "null",
					   "{",
					   "{\"a\":1}}",
					   "{\"a\":1} {}",
					   "{\"a\":\"\xff\"}",
					   "{\"a\":1,\"a\":2}",
					   "{\"a\":\"\\u0000\"}",
					   "{\"a\":99999999999999999999}",
					   "{a:1}" };
	_cleanup_free_ char *deep = malloc(10001);

	(void)state;
	for (size_t i = 0; i < ELEMENTS(bad); i++)
		assert_bad(bad[i], strlen(bad[i]) + 1);
	memset(deep, '[', 10000);
	deep[10000] = '\0';
	memcpy(deep, "{\"a\":", 5);
	assert_bad(deep, 10001);
}

/* A message of this many bytes (without its NUL). */
static char *long_message(size_t length)
{
	char *bytes = malloc(length + 1);

	assert_non_null(bytes);
	memset(bytes, 'x', length);
	memcpy(bytes, "{\"n\":5,\"x\":\"", 12);
	memcpy(bytes + length - 2, "\"}", 3);
	return bytes;
}

static void test_too_long(void **state)
{
	struct varlink_framer framer = {};
	_cleanup_free_ char *most = long_message(VARLINK_MESSAGE_MAX);
	_cleanup_free_ char *over = long_message(VARLINK_MESSAGE_MAX + 1);

	(void)state;
	/* Exactly the allowed length. */
	assert_int_equal(varlink_framer_feed(&framer, most, VARLINK_MESSAGE_MAX), 0);
	assert_int_equal(varlink_framer_feed(&framer, "", 1), 0);
	assert_int_equal(next_number(&framer), 5);
	/* A large buffer is not kept. */
	assert_null(framer.buffer);

	assert_int_equal(varlink_framer_feed(&framer, most, VARLINK_MESSAGE_MAX), 0);
	assert_int_equal(varlink_framer_feed(&framer, "x", 1), -EMSGSIZE);
	varlink_framer_free(&framer);

	assert_int_equal(varlink_framer_feed(&framer, over, VARLINK_MESSAGE_MAX + 2), -EMSGSIZE);
	varlink_framer_free(&framer);
}

static void test_encode(void **state)
{
	struct varlink_framer framer = {};
	json_t *message = json_pack("{s:I, s:s}", "n", (json_int_t)INT64_MAX, "s", "\u00e4\n"), *back = NULL;
	_cleanup_free_ char *bytes = NULL;
	size_t length = 0;

	(void)state;
	bytes = varlink_encode(message, &length);
	assert_non_null(bytes);
	assert_int_equal(strlen(bytes) + 1, length);
	assert_null(strchr(bytes, '\n'));
	assert_int_equal(varlink_framer_feed(&framer, bytes, length), 0);
	assert_int_equal(varlink_framer_next(&framer, &back), 1);
	assert_true(json_equal(message, back));
	json_decref(message);
	json_decref(back);
	varlink_framer_free(&framer);
}

/* --- client --- */

struct server {
	struct sockaddr_un address;
	char folder[64];
	int listener;
	pid_t pid;
};

static int setup(void **state)
{
	static struct server server;

	server = (struct server){ .address.sun_family = AF_UNIX };
	(void)strcpy(server.folder, "/tmp/test_varlink.XXXXXX");
	if (!mkdtemp(server.folder))
		return -1;
	(void)snprintf(server.address.sun_path, sizeof(server.address.sun_path), "%s/socket", server.folder);
	server.listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (bind(server.listener, (struct sockaddr *)&server.address, sizeof(server.address)) < 0 ||
	    listen(server.listener, 5) < 0)
		return -1;
	*state = &server;
	return 0;
}

static int teardown(void **state)
{
	struct server *server = *state;
	int status = 0;

	if (server->pid)
		(void)waitpid(server->pid, &status, 0);
	(void)close(server->listener);
	(void)unlink(server->address.sun_path);
	(void)rmdir(server->folder);
	return status;
}

/* A child that takes one connection, reads one message, and writes these bytes. */
static void serve(struct server *server, const char *expected, const char *bytes, size_t length)
{
	char request[512] = "";
	size_t got = 0;
	int fd;

	server->pid = fork();
	assert_true(server->pid >= 0);
	if (server->pid > 0)
		return;
	alarm(20);
	fd = accept(server->listener, NULL, NULL);
	while (got < sizeof(request) && !memchr(request, '\0', got)) {
		ssize_t r = read(fd, request + got, sizeof(request) - got);

		if (r <= 0)
			_exit(1);
		got += (size_t)r;
	}
	if (strcmp(request, expected) != 0)
		_exit(2);
	/* In two pieces, so that the client has to wait for the second. */
	if (write(fd, bytes, length / 2) < 0)
		_exit(3);
	(void)usleep(2000);
	if (write(fd, bytes + length / 2, length - length / 2) < 0)
		_exit(3);
	_exit(0);
}

#define SERVE(server, expected, bytes) serve(server, expected, bytes, sizeof(bytes) - 1)

static struct varlink_client *connect_to(const struct server *server)
{
	struct varlink_client *client = NULL;

	assert_int_equal(varlink_connect(server->address.sun_path, &client), 0);
	return client;
}

static void test_call(void **state)
{
	struct varlink_client *client;
	json_t *parameters = json_pack("{s:i}", "pid", 812), *reply = NULL;
	char *error = NULL;

	SERVE(*state, "{\"method\":\"io.mseald.Unseal\",\"parameters\":{\"pid\":812}}",
	      "{\"parameters\":{\"bytes\":4096}}\0");
	client = connect_to(*state);
	assert_int_equal(varlink_call(client, "io.mseald.Unseal", parameters, &reply, &error), 0);
	assert_int_equal(json_integer_value(json_object_get(reply, "bytes")), 4096);
	assert_null(error);
	assert_int_equal(parameters->refcount, 1);
	json_decref(reply);
	json_decref(parameters);
	varlink_client_free(client);
}

static void test_call_without_parameters(void **state)
{
	struct varlink_client *client;
	json_t *reply = NULL;
	char *error = NULL;

	SERVE(*state, "{\"method\":\"io.mseald.Status\"}", "{}\0");
	client = connect_to(*state);
	assert_int_equal(varlink_call(client, "io.mseald.Status", NULL, &reply, &error), 0);
	assert_true(json_is_object(reply));
	assert_int_equal(json_object_size(reply), 0);
	json_decref(reply);
	varlink_client_free(client);
}

static void test_error_reply(void **state)
{
	struct varlink_client *client;
	json_t *reply = NULL;
	char *error = NULL;

	SERVE(*state, "{\"method\":\"io.mseald.Status\"}",
	      "{\"error\":\"io.mseald.Failed\",\"parameters\":{\"message\":\"no\"}}\0");
	client = connect_to(*state);
	assert_int_equal(varlink_call(client, "io.mseald.Status", NULL, &reply, &error), 1);
	assert_string_equal(error, "io.mseald.Failed");
	assert_string_equal(json_string_value(json_object_get(reply, "message")), "no");
	json_decref(reply);
	free(error);
	varlink_client_free(client);
}

static void test_more(void **state)
{
	struct varlink_client *client;
	bool continues = true;
	int n = 0;

	SERVE(*state, "{\"method\":\"io.mseald.List\",\"more\":true}",
	      "{\"parameters\":{\"n\":0},\"continues\":true}\0{\"parameters\":{\"n\":1},\"continues\":true}\0"
	      "{\"parameters\":{\"n\":2}}\0");
	client = connect_to(*state);
	assert_int_equal(varlink_send_more(client, "io.mseald.List", NULL), 0);
	while (continues) {
		json_t *reply = NULL;
		char *error = NULL;

		assert_int_equal(varlink_receive(client, &reply, &error, &continues), 0);
		assert_int_equal(json_integer_value(json_object_get(reply, "n")), n++);
		json_decref(reply);
	}
	assert_int_equal(n, 3);
	varlink_client_free(client);
}

static void call_expect(struct server *server, int expected)
{
	struct varlink_client *client = connect_to(server);
	json_t *reply = NULL;
	char *error = NULL;

	assert_int_equal(varlink_call(client, "a.b", NULL, &reply, &error), expected);
	assert_null(reply);
	assert_null(error);
	varlink_client_free(client);
}

static void test_gone(void **state)
{
	SERVE(*state, "{\"method\":\"a.b\"}", "{\"parameters\":{}");
	call_expect(*state, -ECONNRESET);
}

static void test_nonsense(void **state)
{
	SERVE(*state, "{\"method\":\"a.b\"}", "HTTP/1.1 400\r\n\0");
	call_expect(*state, -EBADMSG);
}

static void test_wrong_types(void **state)
{
	SERVE(*state, "{\"method\":\"a.b\"}", "{\"parameters\":[]}\0");
	call_expect(*state, -EBADMSG);
}

static void test_unasked_more(void **state)
{
	SERVE(*state, "{\"method\":\"a.b\"}", "{\"parameters\":{},\"continues\":true}\0");
	call_expect(*state, -EBADMSG);
}

/* A peer that is gone before the write gives an error and no SIGPIPE. */
static void test_no_sigpipe(void **state)
{
	struct server *server = *state;
	struct varlink_client *client = connect_to(server);
	int fd = accept(server->listener, NULL, NULL);
	json_t *reply = NULL;
	char *error = NULL;

	(void)close(fd);
	assert_ptr_equal(signal(SIGPIPE, SIG_DFL), SIG_DFL);
	assert_int_equal(varlink_call(client, "a.b", NULL, &reply, &error), -ECONNRESET);
	varlink_client_free(client);
}

static void test_connect_fails(void **state)
{
	struct varlink_client *client = NULL;
	char name[200];

	(void)state;
	assert_int_equal(varlink_connect("/nonexistent/socket", &client), -ENOENT);
	assert_int_equal(varlink_connect("", &client), -ENOENT);
	memset(name, 'x', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	assert_int_equal(varlink_connect(name, &client), -ENAMETOOLONG);
	assert_null(client);
	varlink_client_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_joined),
		cmocka_unit_test(test_torn),
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_not_a_message),
		cmocka_unit_test(test_too_long),
		cmocka_unit_test(test_encode),
		cmocka_unit_test_setup_teardown(test_call, setup, teardown),
		cmocka_unit_test_setup_teardown(test_call_without_parameters, setup, teardown),
		cmocka_unit_test_setup_teardown(test_error_reply, setup, teardown),
		cmocka_unit_test_setup_teardown(test_more, setup, teardown),
		cmocka_unit_test_setup_teardown(test_gone, setup, teardown),
		cmocka_unit_test_setup_teardown(test_nonsense, setup, teardown),
		cmocka_unit_test_setup_teardown(test_wrong_types, setup, teardown),
		cmocka_unit_test_setup_teardown(test_unasked_more, setup, teardown),
		cmocka_unit_test_setup_teardown(test_no_sigpipe, setup, teardown),
		cmocka_unit_test(test_connect_fails),
	};

	alarm(60);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
