// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * mseald(8): one event loop. Loads the BPF programs, takes over the state of an earlier daemon, serves the
 * socket. All seals stay active when it exits.
 */
#include <getopt.h>
#include <inttypes.h>
#include <signal.h>
#include <sys/resource.h>
#include <systemd/sd-daemon.h>

#include "api/daemon.h"
#include "api/method.h"
#include "api/server.h"
#include "api/subscribers.h"
#include "audit/attempt_log.h"
#include "audit/lock_log.h"
#include "audit/report.h"
#include "base/log.h"
#include "base/namespaces.h"
#include "bpf/events.h"
#include "bpf/lock.h"
#include "lib/base/clock.h"
#include "policy/active.h"
#include "policy/container_watch.h"
#include "policy/containers.h"
#include "policy/reconcile.h"
#include "process/reader.h"
#include "seal/gc.h"
#include "shutdown.h"
#include "trace/tracer.h"

#define TICK_US (2u * 1000 * 1000)
#define DESCRIPTORS 8192 /* 1,024 clients, as many runs with two each, and room */
/* Exit statuses for which a restart does not help: RestartPreventExitStatus= of mseald.service. */
#define STATUS_CONFIG 78 /* systemd.exec(5) calls it CONFIG */
#define STATUS_LOCK 3

static void daemon_close(struct daemon *daemon)
{
	method_run_end_all();
	server_close(&daemon->server); /* denials by the lock so far are only logged */
	events_close(&daemon->events);
	attempt_log_close(daemon->attempt_log);
	lock_log_close(daemon->lock_log);
	report_close(&daemon->report);
	reconcile_close(daemon->reconcile);
	active_free(&daemon->active);
	containers_close(&daemon->containers);
	gc_close(&daemon->gc);
	integrity_close(&daemon->integrity);
	reader_close();
	set_map_close(daemon->space_map.sets);
	programs_free(daemon->programs);
	lock_free(daemon->lock);
	(void)sd_event_unref(daemon->loop);
}

/* sd_event_signal_handler_t: the daemon has been asked to exit. */
static int on_end(sd_event_source *source, const struct signalfd_siginfo *info, void *context)
{
	struct daemon *daemon = context;

	if (!lock_keeps_signals(daemon->lock))
		return sd_event_exit(daemon->loop, 0);
	return info->ssi_signo == SIGTERM && info->ssi_pid == 1 ?
		       shutdown_begin(daemon->loop, daemon->programs) :
		       0;
}

static int block_signals(struct daemon *daemon)
{
	static const int signals[] = { SIGTERM, SIGINT, SIGHUP };
	sigset_t set;
	int r = 0;

	(void)sigemptyset(&set);
	for (size_t i = 0; i < ELEMENTS(signals); i++)
		(void)sigaddset(&set, signals[i]);
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
		return -errno;
	for (size_t i = 0; i < ELEMENTS(signals) && r >= 0; i++)
		if (signals[i] != SIGHUP)
			r = sd_event_add_signal(daemon->loop, NULL, signals[i], on_end, daemon);
	return r;
}

/*
 * The kernel calls no hook for signals from a terminal, nor for SIGTRAP from a perf event
 * (kernel/events/core.c, perf_sigtrap). So a locked daemon blocks all signals except its own faults, and
 * ignores SIGTRAP. A breakpoint of its own still ends it (force_sig).
 */
static void keep_signals_out(void)
{
	static const int faults[] = { SIGABRT, SIGBUS, SIGFPE, SIGILL, SIGSEGV, SIGSYS };
	sigset_t set;

	(void)sigfillset(&set);
	for (size_t i = 0; i < ELEMENTS(faults); i++)
		(void)sigdelset(&set, faults[i]);
	(void)sigprocmask(SIG_BLOCK, &set, NULL);
	(void)signal(SIGTRAP, SIG_IGN);
}

/* Called once the earlier policies are active again; programs that start from here on are reported. */
static int open_policies(struct daemon *daemon)
{
	_cleanup_(diagnostics_free) struct diagnostics faults = {};
	int r;

	daemon->active.programs = daemon->programs;
	containers_open(&daemon->containers, daemon->programs, &daemon->active);
	r = reconcile_open(&(struct policy_context){ .loop = daemon->loop,
						     .programs = daemon->programs,
						     .space_map = &daemon->space_map,
						     .events = &daemon->events,
						     .active = &daemon->active,
						     .containers = &daemon->containers,
						     .config = &daemon->config },
			   &daemon->reconcile);
	if (r >= 0)
		r = active_reload(&daemon->active, &faults);
	if (r < 0)
		log_error("cannot start the policies: %s", strerror(-r));
	return r;
}

/* sd_event_signal_handler_t: SIGHUP reads the policies again. */
static int on_reload(sd_event_source *source, const struct signalfd_siginfo *info, void *context)
{
	struct error error = {};
	json_t *reply;

	/* systemd.service(5), Type=notify-reload: before and after, one message with both fields. */
	(void)sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%" PRIu64, monotonic_us());
	reply = method_policy_reload(context, &error);
	if (!reply)
		log_error("%s", error.message);
	json_decref(reply);
	(void)sd_notify(0, "READY=1");
	return 0;
}

/* --- handlers of events --- */

static void on_attempt(void *context, const struct mseald_event *event)
{
	struct daemon *daemon = context;

	attempt_log_add(daemon->attempt_log, event);
	report_attempt(&daemon->report, event);
	subscribers_publish(&daemon->server, event);
}

static void on_exec_event(void *context, const struct mseald_exec_event *event)
{
	struct daemon *daemon = context;

	reconcile_exec_event(daemon->reconcile, event);
}

static void on_lost(void *context, uint64_t count)
{
	struct daemon *daemon = context;

	attempt_log_lost(count);
	subscribers_publish_lost(&daemon->server, count);
}

static void on_killed(void *context)
{
	struct daemon *daemon = context;

	integrity_end_kill_pending(&daemon->integrity);
}

static void on_unused(void *context)
{
	struct daemon *daemon = context;

	gc_collect_soon(&daemon->gc);
}

static const struct event_handlers event_handlers = {
	.attempt = on_attempt,
	.exec_event = on_exec_event,
	.lost = on_lost,
	.killed = on_killed,
	.unused = on_unused,
};

static void on_denial(void *context, const struct mseald_lock_denial *denial)
{
	struct daemon *daemon = context;

	subscribers_publish_denial(&daemon->server, denial);
}

/* Checks for changes that events may have missed (seal/gc.c). */
static int on_tick(sd_event_source *source, uint64_t now, void *context)
{
	struct daemon *daemon = context;
	bool attached = programs_attached(daemon->programs), missed;

	containers_tick(&daemon->containers);
	container_watch_look(&daemon->containers, daemon->reconcile, daemon->programs, &daemon->space_map);
	missed = gc_tick(&daemon->gc);
	if (attached)
		reconcile_tick(daemon->reconcile, missed);
	(void)sd_event_source_set_time(source, now + TICK_US);
	return sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
}

/* --- startup --- */

/*
 * Loads the programs; with Lock=yes it first takes the lock. -ENOLCK: the lock failed, or another mseald has
 * locked the machine.
 */
static int open_programs(struct daemon *daemon, const char *socket)
{
	int r;

	r = programs_possible();
	if (r < 0)
		return r;
	if (lock_is_taken()) {
		log_error("another mseald has locked this machine; if it has exited, reboot to seal more");
		return -ENOLCK;
	}
	r = server_check_alone(socket);
	if (r < 0)
		return r;
	if (daemon->config.lock && lock_take(daemon->config.lock_signals, &daemon->lock) < 0)
		return -ENOLCK;
	if (lock_keeps_signals(daemon->lock))
		keep_signals_out();
	return programs_load(daemon->config.gate, daemon->lock, &daemon->programs);
}

static int daemon_open(struct daemon *daemon, const char *socket)
{
	int r;

	daemon->started = clock_ns(CLOCK_REALTIME);
	r = sd_event_default(&daemon->loop);
	if (r >= 0)
		r = block_signals(daemon);
	if (r < 0) {
		log_error("cannot create the event loop: %s", strerror(-r));
		return r;
	}
	if (!namespaces_see_all_pids()) {
		log_error("mseald does not see all processes; run it in the first pid namespace (hostPID)");
		return -EPERM;
	}
	namespaces_join_cgroups();
	r = open_programs(daemon, socket);
	if (r < 0)
		return r;
	programs_state(daemon->programs)->quota_each = daemon->config.user_spaces;
	tracer_allow(daemon->programs);
	reader_allow(daemon->programs);
	r = space_map_open(&daemon->space_map, daemon->programs);
	if (r < 0) {
		log_error("cannot read the maps: %s", strerror(-r));
		return r;
	}
	r = integrity_open(&daemon->integrity, daemon->loop, daemon->programs, &daemon->space_map);
	if (r >= 0)
		r = gc_open(&daemon->gc, daemon->loop, daemon->programs, &daemon->space_map,
			    &daemon->integrity);
	if (r >= 0)
		r = events_open(&daemon->events, daemon->loop, daemon->programs, &event_handlers, daemon);
	if (r < 0) {
		log_error("cannot watch for events: %s", strerror(-r));
		return r;
	}
	r = gc_take_over(&daemon->gc);
	if (r >= 0)
		r = open_policies(daemon);
	if (r < 0)
		return r;
	r = server_open(&daemon->server, daemon, socket, methods_call);
	if (r < 0)
		return r;
	r = report_open(&daemon->report, daemon->loop, daemon->programs, &daemon->space_map, &daemon->active);
	if (r >= 0)
		r = attempt_log_open(daemon->loop, daemon->programs, &daemon->containers,
				     &daemon->attempt_log);
	if (r >= 0)
		r = sd_event_add_time_relative(daemon->loop, NULL, CLOCK_MONOTONIC, TICK_US, TICK_US / 5,
					       on_tick, daemon);
	if (r >= 0)
		r = sd_event_add_signal(daemon->loop, NULL, SIGHUP, on_reload, daemon);
	if (r < 0)
		log_error("cannot watch for events: %s", strerror(-r));
	/* Last, because a complete lock stays even if this process ends immediately. */
	if (r >= 0 && daemon->lock && lock_complete(daemon->lock) < 0)
		r = -ENOLCK;
	if (r >= 0 && daemon->lock &&
	    lock_log_open(daemon->loop, daemon->lock, &daemon->containers, on_denial, daemon,
			  &daemon->lock_log) < 0)
		log_warning("cannot read the denials of the lock; denials are counted, but not logged");
	if (r >= 0)
		reconcile_look_at_all(daemon->reconcile);
	return r;
}

static const char usage[] =
	"usage: mseald [--socket=PATH] [--gate=auto|bpf|deny|kill] [--user-spaces=NUMBER] [--debug]\n"
	"\n"
	"Seals memory of processes for msealctl(1) and for policies. mseald.conf(5): the configuration.\n"
	"\n"
	"  --socket=PATH  listen on PATH instead of " SERVER_SOCKET "\n"
	"  --gate=auto    deny calls without an LSM hook by EPERM where this kernel can, else by SIGKILL;\n"
	"                 call mseal(2) as well for permanent seals, if the kernel has it\n"
	"  --gate=bpf     the same without mseal(2), so that no process is ever traced\n"
	"  --gate=deny    do not start where a call could only be denied by SIGKILL\n"
	"  --gate=kill    deny all calls without an LSM hook by SIGKILL\n"
	"  --user-spaces=NUMBER\n"
	"                 limit of sealed address spaces for each user (default: 8192)\n"
	"  --debug        log debug messages\n"
	"  --version\n"
	"  --help\n";

/* Reads the configuration files. Returns the exit status, or -1 to continue. */
static int configure(struct config *config)
{
	_cleanup_(diagnostics_free) struct diagnostics faults = {};
	int r = config_read("", config, &faults);

	if (r >= 0)
		return -1;
	for (size_t i = 0; i < faults.count; i++) {
		_cleanup_free_ char *text = diagnostic_text(&faults.list[i]);

		log_error("%s", text ? text : "no memory");
	}
	log_error("cannot start: the configuration has %s; see mseald.conf(5)",
		  r == -EINVAL ? "mistakes" : "no memory");
	return STATUS_CONFIG;
}

/* Raises the limit of descriptors for all clients, and files opened for them: 1,024 is too few. */
static void raise_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur >= DESCRIPTORS)
		return;
	limit.rlim_cur = MIN_OF(limit.rlim_max, (rlim_t)DESCRIPTORS);
	if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
		log_warning("cannot raise the limit of descriptors: %s, ignoring", strerror(errno));
}

struct arguments {
	const char *socket, *gate; /* gate: valid; NULL: not given */
	uint32_t user_spaces;	   /* 0: not given */
	bool debug;
};

/* Returns the exit status, or -1 to continue. */
static int read_arguments(int argc, char **argv, struct arguments *arguments)
{
	static const struct option options[] = {
		{ "socket", required_argument, NULL, 's' },
		{ "gate", required_argument, NULL, 'g' },
		{ "debug", no_argument, NULL, 'd' },
		{ "version", no_argument, NULL, 'V' },
		{ "help", no_argument, NULL, 'h' },
		{ "user-spaces", required_argument, NULL, 'u' },
		{ NULL, 0, NULL, 0 },
	};
	enum gate_mode unused;
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) >= 0)
		switch (c) {
		case 's': arguments->socket = optarg; break;
		case 'g':
			arguments->gate = optarg;
			if (config_parse_gate(optarg, &unused) < 0) {
				(void)fprintf(stderr, "mseald: --gate=%s: must be auto, bpf, deny or kill\n",
					      optarg);
				return 2;
			}
			break;
		case 'u':
			if (config_parse_user_spaces(optarg, &arguments->user_spaces) < 0) {
				(void)fprintf(stderr, "mseald: --user-spaces=%s: must be 1 to %u\n", optarg,
					      MSEALD_MAX_SPACES);
				return 2;
			}
			break;
		case 'd': arguments->debug = true; break;
		case 'V': (void)puts("mseald " MSEALD_VERSION); return 0;
		case 'h': (void)fputs(usage, stdout); return 0;
		default: (void)fputs("see mseald --help\n", stderr); return 2;
		}
	if (optind < argc) {
		(void)fprintf(stderr, "mseald: unexpected argument %s; see mseald --help\n", argv[optind]);
		return 2;
	}
	return -1;
}

int main(int argc, char **argv)
{
	_cleanup_(daemon_close) struct daemon daemon = { .config = CONFIG_DEFAULT };
	struct arguments arguments = { .socket = SERVER_SOCKET };
	int r = read_arguments(argc, argv, &arguments);

	if (r >= 0)
		return r;
	if (geteuid() != 0) {
		log_error("mseald must be run as root: it loads BPF programs");
		return 1;
	}
	raise_limit();
	r = configure(&daemon.config);
	if (r >= 0)
		return r;
	/* The command line overrides the files. */
	if (arguments.gate)
		(void)config_parse_gate(arguments.gate, &daemon.config.gate);
	if (arguments.user_spaces)
		daemon.config.user_spaces = arguments.user_spaces;
	if (daemon.config.lock && *arguments.socket != '/') {
		log_error("--socket=%s: Lock=yes needs an absolute path", arguments.socket);
		return 2;
	}
	if (arguments.debug || daemon.config.debug)
		log_set_level(LOG_LEVEL_DEBUG);
	r = daemon_open(&daemon, arguments.socket);
	if (r < 0)
		return r == -ENOLCK ? STATUS_LOCK : 1;
	log_entry(LOG_LEVEL_INFO, LOG_ABOUT_STARTED, NULL, "mseald " MSEALD_VERSION " is ready on %s",
		  arguments.socket);
	(void)sd_notify(0, "READY=1");
	/* Only if WatchdogSec= is set. */
	r = sd_event_set_watchdog(daemon.loop, true);
	if (r < 0)
		log_warning("cannot notify the watchdog of systemd: %s, ignoring", strerror(-r));
	r = sd_event_loop(daemon.loop);
	(void)sd_notify(0, "STOPPING=1");
	if (r < 0)
		log_error("the event loop failed: %s", strerror(-r));
	else if (!shutdown_begun())
		gc_finish(&daemon.gc);
	log_entry(LOG_LEVEL_INFO, LOG_ABOUT_STOPPED, NULL, "mseald has stopped");
	return r < 0 ? 1 : 0;
}
