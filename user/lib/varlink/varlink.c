// SPDX-License-Identifier: LGPL-2.1-or-later
/* The varlink wire format, and a blocking client: see varlink.h. */
#include <sys/socket.h>
#include <sys/un.h>

#include "lib/base/util.h"
#include "lib/varlink/varlink.h"

#define FRAMER_KEEP (64u << 10) /* an empty buffer larger than this is freed */
#define RECEIVE_SIZE (64u << 10)

/* --- framing --- */

/*
 * The buffer holds [consumed, length): whole messages, and perhaps the start of another. [consumed, scanned)
 * has no NUL, so that no byte is searched twice.
 */
void varlink_framer_free(struct varlink_framer *framer)
{
	if (!framer)
		return;
	free(framer->buffer);
	*framer = (struct varlink_framer){};
}

static void framer_compact(struct varlink_framer *framer)
{
	if (framer->consumed == 0)
		return;
	memmove(framer->buffer, framer->buffer + framer->consumed, framer->length - framer->consumed);
	framer->length -= framer->consumed;
	framer->scanned -= framer->consumed;
	framer->consumed = 0;
}

static int framer_reserve(struct varlink_framer *framer, size_t more)
{
	size_t size = framer->allocated ? framer->allocated : 4096;
	char *buffer;

	if (more <= framer->allocated - framer->length)
		return 0;
	framer_compact(framer);
	if (more > SIZE_MAX / 2 - framer->length)
		return -ENOMEM;
	while (size < framer->length + more)
		size *= 2;
	if (size == framer->allocated)
		return 0;
	buffer = realloc(framer->buffer, size);
	if (!buffer)
		return -ENOMEM;
	framer->buffer = buffer;
	framer->allocated = size;
	return 0;
}

int varlink_framer_feed(struct varlink_framer *framer, const void *data, size_t length)
{
	const char *end;
	size_t first;
	int r;

	if (length == 0)
		return 0;
	r = framer_reserve(framer, length);
	if (r < 0)
		return r;
	memcpy(framer->buffer + framer->length, data, length);
	framer->length += length;

	end = memchr(framer->buffer + framer->scanned, '\0', framer->length - framer->scanned);
	framer->scanned = end ? (size_t)(end - framer->buffer) : framer->length;
	first = framer->scanned - framer->consumed;
	return first > VARLINK_MESSAGE_MAX ? -EMSGSIZE : 0;
}

int varlink_framer_next(struct varlink_framer *framer, json_t **ret)
{
	const char *start, *end;
	json_error_t error;
	size_t size;
	json_t *message;

	if (framer->consumed == framer->length)
		return 0;
	end = memchr(framer->buffer + framer->scanned, '\0', framer->length - framer->scanned);
	if (!end) {
		framer->scanned = framer->length;
		return 0;
	}
	framer->scanned = (size_t)(end - framer->buffer);
	start = framer->buffer + framer->consumed;
	size = (size_t)(end - start);
	if (size > VARLINK_MESSAGE_MAX)
		return -EBADMSG;

	message = json_loadb(start, size, JSON_REJECT_DUPLICATES, &error);
	if (!message)
		return json_error_code(&error) == json_error_out_of_memory ? -ENOMEM : -EBADMSG;
	if (!json_is_object(message)) {
		json_decref(message);
		return -EBADMSG;
	}

	framer->consumed += size + 1;
	framer->scanned = framer->consumed;
	if (framer->consumed == framer->length) {
		framer->consumed = framer->scanned = framer->length = 0;
		if (framer->allocated > FRAMER_KEEP)
			varlink_framer_free(framer);
	}
	*ret = message;
	return 1;
}

char *varlink_encode(const json_t *message, size_t *ret_length)
{
	char *text = json_dumps(message, JSON_COMPACT);

	if (text)
		*ret_length = strlen(text) + 1;
	return text;
}

/* --- client --- */

struct varlink_client {
	int fd;
	struct varlink_framer framer;
	char buffer[RECEIVE_SIZE];
};

static int connect_socket(int fd, const struct sockaddr_un *address)
{
	int r;

	do
		r = connect(fd, (const struct sockaddr *)address, sizeof(*address));
	while (r < 0 && errno == EINTR);
	return r < 0 ? -errno : 0;
}

int varlink_connect(const char *path, struct varlink_client **ret)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	_cleanup_close_ int fd = -1;
	struct varlink_client *client;
	size_t length = strlen(path);
	int r;

	if (length == 0)
		return -ENOENT;
	if (length >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	memcpy(address.sun_path, path, length + 1);

	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	r = connect_socket(fd, &address);
	if (r < 0)
		return r;

	client = malloc(sizeof(*client));
	if (!client)
		return -ENOMEM;
	client->framer = (struct varlink_framer){};
	client->fd = TAKE_FD(fd);
	*ret = client;
	return 0;
}

void varlink_client_free(struct varlink_client *client)
{
	if (!client)
		return;
	(void)close(client->fd);
	varlink_framer_free(&client->framer);
	free(client);
}

/* Sends everything, despite signals. If the peer is gone, it returns an error and raises no SIGPIPE. */
static int send_all(int fd, const char *data, size_t length)
{
	while (length > 0) {
		ssize_t sent = send(fd, data, length, MSG_NOSIGNAL);

		if (sent < 0) {
			if (errno == EINTR)
				continue;
			return errno == EPIPE ? -ECONNRESET : -errno;
		}
		data += sent;
		length -= (size_t)sent;
	}
	return 0;
}

static int client_send(struct varlink_client *client, const char *method, json_t *parameters, bool more)
{
	_cleanup_free_ char *text = NULL;
	size_t length = 0;
	json_t *message;
	int r;

	message = json_pack("{s:s}", "method", method);
	if (!message)
		return -ENOMEM;
	if ((parameters && json_object_set(message, "parameters", parameters) < 0) ||
	    (more && json_object_set_new(message, "more", json_true()) < 0)) {
		json_decref(message);
		return -ENOMEM;
	}
	text = varlink_encode(message, &length);
	json_decref(message);
	if (!text)
		return -ENOMEM;
	if (length - 1 > VARLINK_MESSAGE_MAX)
		return -EMSGSIZE;
	r = send_all(client->fd, text, length);
	/*
	 * The peer may have sent a reason before it closed the connection: varlink_receive() finds it, or the
	 * same error.
	 */
	return r == -ECONNRESET ? 0 : r;
}

int varlink_send_more(struct varlink_client *client, const char *method, json_t *parameters)
{
	return client_send(client, method, parameters, true);
}

/* Splits a reply into its parts; the message still belongs to the caller. */
static int reply_parse(const json_t *message, json_t **ret_parameters, char **ret_error, bool *ret_continues)
{
	json_t *parameters = json_object_get(message, "parameters");
	const json_t *error = json_object_get(message, "error");
	const json_t *continues = json_object_get(message, "continues");
	char *name = NULL;

	if ((parameters && !json_is_object(parameters)) || (error && !json_is_string(error)) ||
	    (continues && !json_is_boolean(continues)))
		return -EBADMSG;
	parameters = parameters ? json_incref(parameters) : json_object();
	if (!parameters)
		return -ENOMEM;
	if (error) {
		name = strdup(json_string_value(error));
		if (!name) {
			json_decref(parameters);
			return -ENOMEM;
		}
		*ret_error = name;
	}
	*ret_parameters = parameters;
	*ret_continues = json_is_true(continues) && !error;
	return name ? 1 : 0;
}

int varlink_receive(struct varlink_client *client, json_t **ret_parameters, char **ret_error,
		    bool *ret_continues)
{
	for (;;) {
		json_t *message;
		ssize_t got;
		int r;

		r = varlink_framer_next(&client->framer, &message);
		if (r < 0)
			return r;
		if (r > 0) {
			r = reply_parse(message, ret_parameters, ret_error, ret_continues);
			json_decref(message);
			return r;
		}

		do
			got = recv(client->fd, client->buffer, sizeof(client->buffer), 0);
		while (got < 0 && errno == EINTR);
		if (got < 0)
			return -errno;
		if (got == 0)
			return -ECONNRESET;
		r = varlink_framer_feed(&client->framer, client->buffer, (size_t)got);
		if (r < 0)
			return r;
	}
}

int varlink_call(struct varlink_client *client, const char *method, json_t *parameters,
		 json_t **ret_parameters, char **ret_error)
{
	bool continues;
	int r;

	r = client_send(client, method, parameters, false);
	if (r < 0)
		return r;
	r = varlink_receive(client, ret_parameters, ret_error, &continues);
	if (r == 0 && continues) {
		json_decref(*ret_parameters);
		*ret_parameters = NULL;
		return -EBADMSG;
	}
	return r;
}
