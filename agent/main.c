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
#include <sys/timerfd.h>
#include <unistd.h>

#include <net-snmp/net-snmp-config.h>
#include <net-snmp/net-snmp-includes.h>
#include <net-snmp/agent/net-snmp-agent-includes.h>

#include "agentx/agentx_socket.h"
#include "agentx_engine.h"
#include "agentx_objects.h"
#include "agentx_session.h"
#include "directives.h"
#include "kernel/xfrm_netlink.h"
#include "mib_table.h"
#include "notifications.h"
#include "options.h"
#include "poller.h"
#include "report/report.h"
#include "report/watch.h"
#include "util/array.h"
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
	int epoll; /* of the next three, and of the poller's events */
	int signals;
	int timer;  /* expires when something is due, or earlier */
	int socket; /* of agentx_socket.h, negative: there is none */
	uint64_t expiry;
	bool stop;   /* SIGTERM or SIGINT has come */
	bool reload; /* SIGHUP has come */
};

static void read_signal(struct service *service)
{
	struct signalfd_siginfo info;

	if (read(service->signals, &info, sizeof(info)) != sizeof(info))
		return;
	if (info.ssi_signo == SIGHUP)
		service->reload = true;
	else
		service->stop = true;
}

/* The timer only ends the round of the loop. run_due() sets it again. */
static void on_ready(int fd, void *data)
{
	struct service *service = data;
	struct epoll_event ready[4];
	int n = epoll_wait(fd, ready, ARRAY_SIZE(ready), 0);

	for (int i = 0; i < n; i++) {
		if (ready[i].data.fd == service->signals)
			read_signal(service);
		else if (ready[i].data.fd == poller_event_fd())
			poller_read_events();
		else if (ready[i].data.fd == service->socket)
			agentx_socket_read(clock_now_ms());
	}
}

static void run_due(struct service *service)
{
	uint64_t now = clock_now_ns();
	uint64_t poll = poller_run(now);
	uint64_t step = agentx_session_run(now);
	uint64_t notification = notifications_run(now);
	uint64_t due = poll < step ? poll : step;
	struct itimerspec spec = {0};

	if (notification < due)
		due = notification;
	due++; /* 0 would stop the timer */
	/* Most requests postpone what is due. They need not set the timer. */
	if (due >= service->expiry && service->expiry > now)
		return;
	service->expiry = due;
	spec.it_value = (struct timespec){.tv_sec = (time_t)(due / NS_PER_S),
					  .tv_nsec = (long)(due % NS_PER_S)};
	timerfd_settime(service->timer, TFD_TIMER_ABSTIME, &spec, NULL);
}

/* fd: as a system call returned it */
static int watch_descriptor(const struct service *service, int fd)
{
	struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};

	if (fd < 0 || epoll_ctl(service->epoll, EPOLL_CTL_ADD, fd, &event) < 0)
		return -errno;
	return 0;
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
	return watch_descriptor(service, service->signals);
}

static int watch_timer(struct service *service)
{
	service->timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	return watch_descriptor(service, service->timer);
}

/* Without it, the path is looked at from time to time. */
static void watch_socket(struct service *service)
{
	service->socket = agentx_socket_open();
	if (watch_descriptor(service, service->socket) < 0)
		agentx_socket_close();
}

/* The library asks the kernel about each of its descriptors several times for each
 * request, so it has one for all of these. */
static int watch_descriptors(struct service *service)
{
	int err;

	service->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (service->epoll < 0)
		return -errno;
	err = watch_signals(service);
	if (!err)
		err = watch_timer(service);
	if (!err)
		err = watch_descriptor(service, poller_event_fd());
	if (!err)
		watch_socket(service);
	if (!err && register_readfd(service->epoll, on_ready, service))
		err = -ENOSPC; /* of NUM_EXTERNAL_FDS */
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
	notifications_configure(&notify);
	set_watchdog();
	log_message(LOG_NOTICE, "configuration read again");
}

/* Returns 0 after a signal to stop, or -EBUSY if another daemon serves the objects. */
static int loop(struct service *service)
{
	bool busy = false;

	run_due(service);
	set_watchdog();
	systemd_notify("READY=1");
	while (!service->stop && !busy) {
		agent_check_and_process(1);
		if (service->reload && !service->stop)
			reload(service->options);
		service->reload = false;
		run_due(service);
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
	int err = poller_open(settings, &options->paths);

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
