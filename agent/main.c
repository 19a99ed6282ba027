/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "config.h"

#include <errno.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <net-snmp/net-snmp-config.h>
#include <net-snmp/net-snmp-includes.h>
#include <net-snmp/agent/net-snmp-agent-includes.h>

#include "agentx/agentx_socket.h"
#include "agentx_engine.h"
#include "agentx_objects.h"
#include "agentx_session.h"
#include "directives.h"
#include "event_loop.h"
#include "kernel/xfrm_netlink.h"
#include "mib_table.h"
#include "notifications.h"
#include "options.h"
#include "poller.h"
#include "report/report.h"
#include "report/watch.h"
#include "util/clock.h"
#include "util/exclusive.h"
#include "util/log.h"
#include "util/systemd.h"

/* Keys pass through this process: it dumps no core, and no other user reads its
 * memory. */
static void guard_memory(void)
{
	const struct rlimit none = {0, 0};

	prctl(PR_SET_DUMPABLE, 0);
	setrlimit(RLIMIT_CORE, &none);
}

/* Logging. */

static void write_log(int level, const char *text)
{
	snmp_log(level, "%s\n", text);
}

/* As the option -L does. snmp_enable_stderrlog() and snmp_enable_syslog_ident() make
 * handlers that let Net-SNMP 5.9.5 write emergencies only (docs/netsnmp.md). */
static void log_to(const char *option)
{
	char copy[8];

	snprintf(copy, sizeof(copy), "%s", option);
	snmp_log_options(copy, 0, NULL);
}

static bool stderr_until_started;

/* Without -L, a daemon in the background logs to syslog, and any other to stderr. A
 * daemon that cannot start in the background reports that to stderr, too, wherever it
 * logs. */
static void open_log(const struct options *options)
{
	bool background = options->mode == OPTIONS_DAEMON && !options->foreground;

	if (!options->logging && background)
		log_to("sd");
	stderr_until_started = background && !snmp_stderrlog_status();
	if (stderr_until_started || (!options->logging && !background))
		log_to("e");
}

/* The command line takes precedence over the configuration. */
static int read_settings(const struct options *options, struct settings *ret)
{
	int err = directives_read(options->config, ret);

	if (!err && options->socket.family != AF_UNSPEC)
		ret->agentx.address = options->socket;
	return err;
}

/* The service. */

struct service {
	const struct options *options;
	int signals;
	bool stop;   /* SIGTERM or SIGINT has come */
	bool reload; /* SIGHUP has come */
};

static void on_signal(void *ctx)
{
	struct service *service = ctx;
	struct signalfd_siginfo info;

	if (read(service->signals, &info, sizeof(info)) != sizeof(info))
		return;
	if (info.ssi_signo == SIGHUP)
		service->reload = true;
	else
		service->stop = true;
}

static void on_kernel(void *ctx)
{
	(void)ctx;
	poller_read_events();
}

static void on_socket(void *ctx)
{
	(void)ctx;
	agentx_socket_read(clock_now_ms());
}

/* Returns when more is due. */
static uint64_t run_due(void)
{
	uint64_t now = clock_now_ns();
	uint64_t due = poller_run(now);
	uint64_t step = agentx_session_run(now);
	uint64_t notification = notifications_run(now);

	if (step < due)
		due = step;
	return notification < due ? notification : due;
}

static int watch_signals(struct service *service)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
	service->signals = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	if (service->signals < 0)
		return -errno;
	return event_loop_watch(service->signals, EPOLLIN, on_signal, service);
}

/* Without it, the path is looked at from time to time. */
static void watch_socket(void)
{
	int fd = agentx_socket_open();

	if (fd >= 0 && event_loop_watch(fd, EPOLLIN, on_socket, NULL) < 0)
		agentx_socket_close();
}

static int watch_descriptors(struct service *service)
{
	int err = watch_signals(service);

	if (!err)
		err = event_loop_watch(poller_event_fd(), EPOLLIN, on_kernel, NULL);
	if (!err)
		watch_socket();
	return err;
}

static int register_tables(void)
{
	static const oid module[] = {MIB_ROOT_SUBIDS};

	for (size_t i = 0; i < mib_tables_n; i++) {
		int err = mib_table_register(&mib_tables[i]);

		if (err)
			return err;
	}
	agentx_objects_add("The MIB module for the quick-mode IPsec statistics "
			   "of iSCSI HBAs",
			   module, OID_LENGTH(module), AGENTX_ADD_AGENT_CAPS);
	return 0;
}

/* Each good poll feeds the unit's watchdog. The watchdog must wait for the next poll,
 * and for two that may fail, however long the interval is. */
static void set_watchdog(void)
{
	uint64_t wanted = (uint64_t)poller_interval_ms() * 1000 * 3;
	uint64_t configured = systemd_watchdog_usec();
	char state[64];

	if (!configured)
		return;
	snprintf(state, sizeof(state), "WATCHDOG_USEC=%llu",
		 (unsigned long long)(wanted > configured ? wanted : configured));
	systemd_notify(state);
}

static void reload(const struct options *options)
{
	struct notify_config notify;
	struct settings settings;
	struct agentx_settings agentx;

	if (read_settings(options, &settings) < 0) {
		log_message(LOG_ERR, "the configuration has errors; the old one stays");
		return;
	}
	agentx = settings.agentx;
	notify = settings.notify;
	if (poller_reconfigure(&settings) < 0) {
		log_message(LOG_ERR, "out of memory; the old configuration stays");
		settings_free(&settings);
		return;
	}
	agentx_session_configure(&agentx.address, agentx.interval_ms, agentx.timeout_s);
	event_loop_limit_requests(agentx.load_percent);
	notifications_configure(&notify);
	set_watchdog();
	log_message(LOG_NOTICE, "configuration read again");
}

/* Returns 0 after a signal to stop, or -EBUSY if another daemon serves the objects. */
static int loop(struct service *service)
{
	uint64_t due = run_due();
	bool busy = false;

	set_watchdog();
	systemd_notify("READY=1");
	while (!service->stop && !busy) {
		event_loop_run(due);
		if (service->reload && !service->stop)
			reload(service->options);
		service->reload = false;
		due = run_due();
		busy = agentx_session_is_superfluous();
	}
	systemd_notify("STOPPING=1");
	log_message(LOG_INFO, "stopping");
	poller_finish();
	agentx_session_stop();
	return busy ? -EBUSY : 0;
}

static int serve(const struct options *options, struct settings *settings)
{
	struct service service = {.options = options};
	const struct agentx_settings agentx = settings->agentx;
	const struct notify_config notify = settings->notify;
	int err = event_loop_open();

	if (err) {
		log_message(LOG_ERR, "cannot start: %s", strerror(-err));
		settings_free(settings);
		return err;
	}
	err = poller_open(settings, &options->paths);
	if (!err) {
		err = watch_descriptors(&service);
		if (!err)
			err = register_tables();
		if (err)
			log_message(LOG_ERR, "cannot start: %s", strerror(-err));
	}
	if (!err) {
		init_snmp("qmipsecd");
		agentx_session_configure(&agentx.address, agentx.interval_ms,
					 agentx.timeout_s);
		event_loop_limit_requests(agentx.load_percent);
		notifications_configure(&notify);
		log_message(LOG_INFO, "qmipsecd %s started", PACKAGE_VERSION);
		err = loop(&service);
	}
	notifications_close();
	poller_close();
	return err;
}

/* Goes to the background unless options say otherwise. Checks first that the kernel and
 * the files can be used, while the caller still sees an error. */
static int become_daemon(const struct options *options)
{
	int err = options->foreground ? 0 : netns_set_probe(&xfrm_netlink_opener);

	if (!err)
		err = exclusive_claim(options->paths.state_dir, options->pid_file);
	if (err)
		return err;
	if (stderr_until_started)
		snmp_disable_stderrlog();
	if (!options->foreground && netsnmp_daemonize(1, snmp_stderrlog_status()))
		err = -EAGAIN;
	return err ? err : exclusive_settle();
}

/* The modes. */

static int run_daemon(const struct options *options, struct settings *settings)
{
	int err = become_daemon(options);

	if (err)
		settings_free(settings);
	else
		err = serve(options, settings);
	exclusive_release();
	return err;
}

static int run_once(const struct options *options, struct settings *settings)
{
	const struct netns_config config = poller_config(settings);
	const struct report_options report = {
	    .view = options->view,
	    .json = options->format && !strcmp(options->format, "json"),
	    .names = options->instances,
	    .n_names = options->n_instances,
	    .version = PACKAGE_VERSION,
	};
	int err = report_once(&xfrm_netlink_opener, &options->paths, &config, &report);

	settings_free(settings);
	return err;
}

static int run_watch(const struct options *options, struct settings *settings)
{
	const struct netns_config config = poller_config(settings);
	const struct watch_options watch = {
	    .names = options->instances,
	    .n_names = options->n_instances,
	    .version = PACKAGE_VERSION,
	    .interval_ms = options->watch_ms,
	    .sink = snmp_stderrlog_status() && isatty(STDERR_FILENO) ? write_log : NULL,
	};
	int err = watch_run(&xfrm_netlink_opener, &options->paths, &config, &watch);

	settings_free(settings);
	return err;
}

static int run(struct options *options)
{
	struct settings settings;
	int err;

	agentx_engine_init();
	if (options->mode == OPTIONS_LIST_DIRECTIVES) {
		directives_list(stdout);
		return 0;
	}
	err = read_settings(options, &settings);
	if (err)
		return err;
	if (options->mode == OPTIONS_DAEMON)
		return run_daemon(options, &settings);
	if (options->mode == OPTIONS_ONCE)
		return run_once(options, &settings);
	if (options->mode == OPTIONS_WATCH)
		return run_watch(options, &settings);
	settings_free(&settings);
	puts("the configuration is valid");
	return 0;
}

/* Large arrays live for one poll. Without a limit of its own, malloc() would keep their
 * memory in the heap after it has seen the first of them: 3 MB with 100,000 SAs. The
 * threads that save and look up names need no heap of their own. */
static void limit_heap(void)
{
#ifdef M_MMAP_THRESHOLD
	mallopt(M_MMAP_THRESHOLD, 256 * 1024);
	mallopt(M_ARENA_MAX, 1);
#endif
}

int main(int argc, char **argv)
{
	struct options options;

	guard_memory();
	limit_heap();
	log_set_sink(write_log);
	snmp_log_syslogname("qmipsecd");
	options_parse(argc, argv, &options);
	open_log(&options);
	if (options_settle_paths(&options) < 0)
		return EXIT_FAILURE;
	return run(&options) ? EXIT_FAILURE : EXIT_SUCCESS;
}
