/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Misbehaving clients: no request at all, half a request, one without an end, too many at once. The daemon
 * continues to serve the others.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "daemon.h"
#include "puppet.h"
#include "tap.h"

#define BYTES(text) (text), sizeof(text) - 1

static void send_raw(const char *what, const void *data, size_t length, const char *wanted)
{
	struct connection connection;
	json_t *reply;
	bool gone;

	if (!connection_open(&connection))
		bail("cannot connect");
	(void)connection_send(&connection, data, length);
	reply = connection_receive(&connection, 10000, &gone);
	/* The connection is closed, or the error is the answer. */
	ok(gone || (reply && strstr(json_text(reply, "error"), wanted)), "%s: %s (%s)", what,
	   *wanted ? wanted : "the connection is closed",
	   gone	 ? "closed" :
	   reply ? json_text(reply, "error") :
		   "no answer");
	json_decref(reply);
	connection_close(&connection);
	ok(daemon_alive() && status_number("spaces") == 0, "%s: the daemon goes on", what);
}

static void malformed(void)
{
	char deep[20001];

	send_raw("garbage", BYTES("\x01\x02garbage\xff\0"), "");
	send_raw("an empty message", BYTES("\0"), "");
	send_raw("a hundred empty messages", (const char[100]){ 0 }, 100, "");
	send_raw("an array", BYTES("[]\0"), "");
	send_raw("a number", BYTES("5\0"), "");
	send_raw("an object that does not end", BYTES("{\"method\": \"io.mseald.Status\"\0"), "");
	send_raw("two objects in one message", BYTES("{\"method\": \"io.mseald.Status\"}{}\0"), "");
	send_raw("no method", BYTES("{}\0"), "");
	send_raw("method is a number", BYTES("{\"method\": 5}\0"), "");
	send_raw("method is null", BYTES("{\"method\": null}\0"), "");
	send_raw("parameters is an array", BYTES("{\"method\": \"io.mseald.Seal\", \"parameters\": []}\0"),
		 "");
	send_raw("parameters is a string", BYTES("{\"method\": \"io.mseald.Seal\", \"parameters\": \"\"}\0"),
		 "");
	send_raw("more is a string", BYTES("{\"method\": \"io.mseald.Sael\", \"more\": \"x\"}\0"),
		 "MethodNotFound");
	send_raw("not UTF-8", BYTES("{\"method\": \"io.mseald.\xc3\x28\"}\0"), "");
	send_raw("a NUL in a string", BYTES("{\"method\": \"io.mseald.Status\\u0000x\"}\0"), "");
	send_raw("a number beyond 64 bits",
		 BYTES("{\"method\": \"io.mseald.Seal\", \"parameters\": {\"pid\": 99999999999999999999}}\0"),
		 "Invalid");
	send_raw("twice the same member",
		 BYTES("{\"method\": \"io.mseald.Seal\", \"method\": \"io.mseald.Status\"}\0"), "");
	send_raw("HTTP", BYTES("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n\0"), "");
	memset(deep, '[', 20000);
	deep[20000] = '\0';
	memcpy(deep, "{\"a\":", 5);
	send_raw("nested 20,000 deep", deep, sizeof(deep), "");
}

static void huge_and_endless(void)
{
	const size_t chunk = 1 << 20;
	char *spaces = malloc(chunk);
	struct connection connection, several[8];
	size_t sent = 0;
	bool gone;

	memset(spaces, ' ', chunk);
	if (!connection_open(&connection))
		bail("cannot connect");
	/* Without an end: at some point the daemon gives up. */
	while (sent < (256u << 20) && connection_send(&connection, spaces, chunk))
		sent += chunk;
	json_decref(connection_receive(&connection, 5000, &gone)); /* the reason may arrive */
	if (!gone)
		(void)connection_receive(&connection, 5000, &gone);
	ok(sent < (256u << 20) && gone, "an endless message: the connection is closed (after %zu MB)",
	   sent >> 20);
	connection_close(&connection);
	ok(daemon_alive(), "an endless message: the daemon goes on");

	/* Eight clients that each leave a long message unfinished. */
	for (int i = 0; i < 8; i++)
		if (connection_open(&several[i]))
			for (int k = 0; k < 7; k++)
				(void)connection_send(&several[i], spaces, chunk);
	ok(daemon_alive(), "eight messages of 7 MB without an end: the daemon goes on");
	for (int i = 0; i < 8; i++)
		connection_close(&several[i]);
	free(spaces);
}

static void half_closed_and_slow(void)
{
	static const char call[] = "{\"method\": \"io.mseald.Status\"}"; /* and its NUL */
	struct connection connection, slow[10];
	json_t *reply;
	bool gone;

	if (!connection_open(&connection))
		bail("cannot connect");
	(void)connection_send(&connection, call, sizeof(call));
	shutdown(connection.fd, SHUT_WR);
	reply = connection_receive(&connection, 20000, &gone);
	ok(json_is_object(json_object_get(reply, "parameters")),
	   "a call, then the writing half closed: still answered");
	json_decref(reply);
	reply = connection_receive(&connection, 5000, &gone);
	ok(!reply && gone, "and then the connection ends");
	connection_close(&connection);

	if (!connection_open(&connection))
		bail("cannot connect");
	(void)connection_send(&connection, call, 10);
	shutdown(connection.fd, SHUT_WR);
	(void)connection_receive(&connection, 5000, &gone);
	ok(gone, "half a call, then the writing half closed: the connection ends");
	connection_close(&connection);

	for (int i = 0; i < 10; i++)
		if (!connection_open(&slow[i]))
			bail("cannot connect");
	for (size_t at = 0; at < sizeof(call); at++) {
		for (int i = 0; i < 10; i++)
			(void)connection_send(&slow[i], call + at, 1);
		if (at == sizeof(call) / 2)
			ok(daemon_alive(),
			   "ten clients that send a byte at a time: others are served meanwhile");
		nap(5);
	}
	for (int i = 0; i < 10; i++) {
		reply = connection_receive(&slow[i], 20000, &gone);
		if (!reply)
			break;
		json_decref(reply);
		connection_close(&slow[i]);
	}
	ok(!gone && reply, "ten clients that send a byte at a time: all are answered in the end");

	/* A client that leaves before the answer. */
	for (int i = 0; i < 100; i++)
		if (connection_open(&connection)) {
			(void)connection_send(&connection, call, sizeof(call));
			connection_close(&connection);
		}
	ok(daemon_alive(), "a hundred clients that leave before the answer: the daemon goes on");
}

static void pipelined(void)
{
	struct connection connection;
	char calls[200 * 64];
	size_t length = 0;
	unsigned right = 0;

	for (int i = 0; i < 200; i++)
		length += (size_t)sprintf(calls + length, "{\"method\": \"io.mseald.%s\"}",
					  i % 2 ? "Status" : "Nothing") +
			  1;
	if (!connection_open(&connection))
		bail("cannot connect");
	(void)connection_send(&connection, calls, length);
	for (int i = 0; i < 200; i++) {
		json_t *reply = connection_receive(&connection, 20000, NULL);

		right += !!json_object_get(reply, "error") == !(i % 2);
		json_decref(reply);
	}
	ok(right == 200, "200 calls in one go are answered in their order (%u)", right);
	connection_close(&connection);

	/* A client that sends requests, and never reads an answer. */
	if (!connection_open(&connection))
		bail("cannot connect");
	for (int i = 0; i < 20000; i++)
		if (send(connection.fd, "{\"method\": \"io.mseald.Status\"}", 31,
			 MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
			break;
	ok(daemon_alive(), "a client that asks and never reads: others are served");
	connection_close(&connection);
	ok(daemon_alive(), "a client that asks and never reads: and when it has gone");
}

static void two_hundred(void)
{
	static const char call[] = "{\"method\": \"io.mseald.Status\"}";
	static struct connection all[200], many[900];
	unsigned open = 0, answered = 0;

	for (int i = 0; i < 200; i++)
		open += connection_open(&all[i]);
	ok(open == 200, "200 connections at once (%u)", open);
	ok(daemon_alive(), "200 connections at once: another one is served");
	for (int i = 199; i >= 0; i--)
		(void)connection_send(&all[i], call, sizeof(call));
	for (int i = 0; i < 200; i++) {
		json_t *reply = connection_receive(&all[i], 20000, NULL);

		answered += json_is_object(json_object_get(reply, "parameters"));
		json_decref(reply);
	}
	ok(answered == 200, "200 connections at once: all are served (%u)", answered);
	for (int i = 0; i < 200; i++)
		connection_close(&all[i]);
	/* More than it serves at a time: the others wait or are refused, and then all leave. */
	open = 0;
	while (open < 900 && connection_open(&many[open]))
		open++;
	while (open > 0)
		connection_close(&many[--open]);
	ok(daemon_alive(), "900 connections that come and go: the daemon goes on");
}

int main(void)
{
	daemon_start();
	malformed();
	huge_and_endless();
	half_closed_and_slow();
	pipelined();
	two_hundred();
	ok(WIFEXITED(daemon_stop(SIGTERM)), "after all that, the daemon ends as it should");
	return tap_end();
}
