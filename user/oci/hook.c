// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * mseald-oci-hook(8): an OCI runtime starts it as it creates a container (createRuntime). It reads the
 * container's state. If the annotations ask for it, it has mseald seal every process that starts in the
 * container's cgroup. Exit status 0: done, or not asked for; 1: the runtime is to abandon the container.
 */
#include <getopt.h>
#include <signal.h>
#include <stdarg.h>
#include <syslog.h>

#include "state.h"
#include "lib/base/util.h"
#include "lib/conf/load.h"
#include "lib/varlink/varlink.h"

#define SOCKET "/run/mseald/io.mseald"
#define TIMEOUT_S 8 /* packaging/oci/mseald.json.in gives it 10 */

static enum on_failure on_failure = ON_FAILURE_STOP;

static const char *verdict(void)
{
	return on_failure == ON_FAILURE_RUN ? "; the container runs unsealed\n" :
					      "; the container is not started\n";
}

static int status(void)
{
	return on_failure == ON_FAILURE_RUN ? 0 : 1;
}

/* Prints one line: the error, and the consequence. Returns the exit status. */
static int give_up(const char *id, const char *format, ...) _printf_(2, 3);

static int give_up(const char *id, const char *format, ...)
{
	char text[1024];
	va_list arguments;

	va_start(arguments, format);
	(void)vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	(void)fprintf(stderr, "mseald-oci-hook: container %.128s: %s%s", id, state_clean(text), verdict());
	/* crun gives hooks no standard error (crun(1), run.oci.hooks.stderr). */
	openlog("mseald-oci-hook", 0, LOG_DAEMON);
	syslog(LOG_ERR, "container %.128s: %s%s", id, text, verdict());
	return status();
}

/* The runtime must not wait forever, neither for the writer of the state nor for mseald. */
static void on_alarm(int signal)
{
	static const char text[] = "mseald-oci-hook: neither the runtime nor mseald has answered in time";

	if (write(STDERR_FILENO, text, sizeof(text) - 1) < 0 ||
	    write(STDERR_FILENO, verdict(), strlen(verdict())) < 0)
		_exit(status());
	_exit(status());
}

static int refused(const char *id, const char *error, const json_t *parameters)
{
	const char *message = json_string_value(json_object_get(parameters, "message"));

	if (message)
		return give_up(id, "%.600s", message);
	return give_up(id,
		       "mseald returned the error %.100s; compare the versions of mseald and mseald-oci-hook",
		       error);
}

static int watch(const char *socket, const char *id, json_t *request)
{
	_cleanup_free_ char *error = NULL;
	struct varlink_client *client;
	json_t *reply = NULL;
	int r, result;

	r = varlink_connect(socket, &client);
	if (r < 0)
		return give_up(id, "cannot reach mseald on %s: %s (systemctl start mseald)", socket,
			       strerror(-r));
	r = varlink_call(client, "io.mseald.WatchContainer", request, &reply, &error);
	if (r < 0)
		result = give_up(id, "no reply from mseald on %s: %s; see its log (journalctl -u mseald)",
				 socket, strerror(-r));
	else
		result = r > 0 ? refused(id, error, reply) : 0;
	json_decref(reply);
	varlink_client_free(client);
	return result;
}

static int serve(const char *socket)
{
	_cleanup_free_ char *text = malloc(STATE_MAX + 1);
	_cleanup_(state_free) struct state state = {};
	struct fault fault;
	json_t *request;
	ssize_t size;
	int r;

	size = text ? load_bytes(STDIN_FILENO, text, STATE_MAX + 1) : -ENOMEM;
	if (size < 0)
		return give_up("?", "cannot read the state from standard input: %s", strerror((int)-size));
	r = state_parse(text, (size_t)size, &state, &fault);
	if (r < 0)
		return give_up("?", "%s", fault.text);
	if (!state.asked)
		return 0;
	if (state.on_failure != ON_FAILURE_UNSAID)
		on_failure = state.on_failure;
	r = state_request(&state, &request, &fault);
	if (r < 0)
		return give_up(state_id(&state), "%s", r == -EINVAL ? fault.text : strerror(-r));
	r = watch(socket, state_id(&state), request);
	json_decref(request);
	return r;
}

static const char usage[] =
	"usage: mseald-oci-hook [--socket=PATH] [--on-failure=stop|run] <STATE\n"
	"\n"
	"A hook of OCI runtimes (createRuntime): asks mseald(8) to seal the programs of a container\n"
	"that has an annotation io.mseald.policy, segments, deny, action, dlopen or on-failure.\n"
	"\n"
	"  --socket=PATH      the socket of mseald (default: " SOCKET ")\n"
	"  --on-failure=stop  a container that cannot be sealed is not started (the default)\n"
	"  --on-failure=run   such a container is started; io.mseald.on-failure overrides both\n"
	"  --version\n"
	"  --help\n";

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "socket", required_argument, NULL, 's' },
		{ "on-failure", required_argument, NULL, 'f' },
		{ "version", no_argument, NULL, 'V' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	const char *socket = SOCKET;
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) >= 0)
		switch (c) {
		case 's': socket = optarg; break;
		case 'f':
			on_failure = state_find_on_failure(optarg);
			if (on_failure == ON_FAILURE_UNSAID) {
				(void)fprintf(stderr,
					      "mseald-oci-hook: --on-failure=%s: must be stop or run\n",
					      optarg);
				return 2;
			}
			break;
		case 'V': (void)puts("mseald-oci-hook " MSEALD_VERSION); return 0;
		case 'h': (void)fputs(usage, stdout); return 0;
		default: (void)fputs("see mseald-oci-hook --help\n", stderr); return 2;
		}
	if (optind < argc) {
		(void)fprintf(stderr, "mseald-oci-hook: unexpected argument %s; see mseald-oci-hook --help\n",
			      argv[optind]);
		return 2;
	}
	(void)signal(SIGALRM, on_alarm);
	(void)alarm(TIMEOUT_S);
	return serve(socket);
}
