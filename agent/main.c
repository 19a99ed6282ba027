/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "config.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <net-snmp/net-snmp-config.h>
#include <net-snmp/net-snmp-includes.h>
#include <net-snmp/agent/net-snmp-agent-includes.h>

#include "agentx_objects.h"
#include "agentx_session.h"
#include "directives.h"
#include "exclusive.h"
#include "log_sink.h"
#include "mib_table.h"
#include "options.h"
#include "collector/report.h"
#include "server.h"
#include "systemd.h"
#include "kernel/xfrm_netlink.h"

static const char *const default_state_dir = "/run/qmipsecd";

static bool stopping;
static bool reloading;
static bool terminal_log; /* until the daemon leaves the terminal, that is told too */

/* Keys pass through this process: no core of it, and nobody else reads its memory. */
static void guard_memory(void)
{
	const struct rlimit none = {0, 0};

	prctl(PR_SET_DUMPABLE, 0);
	setrlimit(RLIMIT_CORE, &none);
}

/* Whoever starts a daemon in the background sees on the terminal why it does not start,
 * wherever it logs. */
static void set_up_logging(const struct options *options)
{
	bool background = !options->foreground && !options->once &&
			  !options->check_config && !options->list_directives;

	if (!options->logging && background)
		snmp_enable_syslog_ident("qmipsecd", LOG_DAEMON);
	terminal_log = background && !snmp_stderrlog_status();
	if (terminal_log || (!options->logging && !background))
		snmp_enable_stderrlog();
}

static unsigned terminal_width(void)
{
	struct winsize size;

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) < 0 || size.ws_col == 0)
		return 100;
	return size.ws_col;
}

static struct namespaces_paths paths_of(const struct options *options,
					const char *state_dir)
{
	return (struct namespaces_paths){.sysfs_root = options->sysfs_root,
					 .netns_dir = options->netns_dir,
					 .state_dir = state_dir};
}

/* One collection needs no state: what it prints is what the kernel has now. */
static int run_once(const struct options *options, struct settings *settings)
{
	struct utsname name;
	const struct namespaces_paths paths = paths_of(options, NULL);
	int err = server_open(settings, &paths);

	if (!err)
		err = server_poll();
	if (!err && options->json) {
		uname(&name);
		report_json(stdout, server_last_snapshot(), PACKAGE_VERSION,
			    name.release);
	} else if (!err) {
		report_table(stdout, server_last_snapshot(), terminal_width());
	}
	server_close();
	if (!err && (fflush(stdout) || ferror(stdout))) {
		fprintf(stderr, "qmipsecd: cannot write: %s\n", strerror(errno));
		return EXIT_FAILURE;
	}
	return err ? EXIT_FAILURE : EXIT_SUCCESS;
}

static void on_signal(int fd, void *data)
{
	struct signalfd_siginfo info;

	(void)data;
	if (read(fd, &info, sizeof(info)) != sizeof(info))
		return;
	if (info.ssi_signo == SIGHUP)
		reloading = true;
	else
		stopping = true;
}

/* The same signals, taken in the agent's select loop. */
static int open_signals(void)
{
	sigset_t set;
	int fd;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
	fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	if (fd < 0)
		return -errno;
	return register_readfd(fd, on_signal, NULL) == FD_REGISTERED_OK ? fd : -EMFILE;
}

/* The unit's watchdog is fed by polls: it must wait for the next, and for two that may
 * fail, however long the interval is. */
static void set_watchdog(void)
{
	uint64_t wanted = (uint64_t)server_poll_interval_ms() * 1000 * 3;
	uint64_t configured = systemd_watchdog_usec();
	char state[64];

	if (!configured)
		return;
	snprintf(state, sizeof(state), "WATCHDOG_USEC=%llu",
		 (unsigned long long)(wanted > configured ? wanted : configured));
	systemd_notify(state);
}

/* The command line takes precedence over the configuration. */
static void override(const struct options *options, struct settings *settings)
{
	if (options->socket.family != AF_UNSPEC)
		settings->agentx.address = options->socket;
}

static void reload(const struct options *options)
{
	struct settings settings;
	struct agentx_settings agentx;

	reloading = false;
	if (directives_read(options->config, &settings) < 0) {
		snmp_log(LOG_ERR, "the configuration has errors; the old one stands\n");
		return;
	}
	override(options, &settings);
	agentx = settings.agentx;
	if (server_reconfigure(&settings) < 0) {
		snmp_log(LOG_ERR, "out of memory; the old configuration stands\n");
		settings_free(&settings);
		return;
	}
	agentx_session_configure(&agentx.address, agentx.interval_ms);
	set_watchdog();
	snmp_log(LOG_NOTICE, "configuration read again\n");
}

static int register_tables(void)
{
	static const struct mib_table *const tables[] = {&instance_table, &stats_table,
							 &xfrm_table, &agent_scalars};
	static const oid module[] = {MIB_ROOT_SUBIDS};

	for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++) {
		int err = mib_table_register(tables[i], server_fresh_snapshot);

		if (err)
			return err;
	}
	agentx_objects_add_module("The MIB module for the quick-mode IPsec statistics "
				  "of iSCSI HBAs",
				  module, OID_LENGTH(module));
	return 0;
}

static void loop(const struct options *options)
{
	set_watchdog();
	systemd_notify("READY=1");
	while (!stopping) {
		agent_check_and_process(1);
		agentx_session_check();
		if (reloading && !stopping)
			reload(options);
	}
	systemd_notify("STOPPING=1");
	snmp_log(LOG_INFO, "stopping\n");
}

/* A daemon looks before it leaves the terminal, so that the caller sees an error. */
static int check_kernel(void)
{
	struct xfrm_netlink *probe;
	int err = xfrm_netlink_open(65536, &probe);

	if (err) {
		namespaces_log_open_error(err);
		return err;
	}
	xfrm_netlink_close(probe);
	return 0;
}

/* To the background, unless in the foreground, as the only daemon of its kind. */
static int settle_down(const struct options *options)
{
	int err = options->foreground ? 0 : check_kernel();

	if (!err)
		err = exclusive_claim(options->state_dir, options->pid_file);
	if (err)
		return err;
	if (terminal_log)
		snmp_disable_stderrlog();
	if (!options->foreground && netsnmp_daemonize(1, snmp_stderrlog_status()))
		err = -EAGAIN;
	return err ? err : exclusive_settle();
}

static int serve(const struct options *options, struct settings *settings)
{
	const struct namespaces_paths paths = paths_of(options, options->state_dir);
	const struct agentx_settings agentx = settings->agentx;
	int signals = -1;
	int err = settle_down(options);

	if (err) {
		exclusive_release();
		settings_free(settings);
		return err;
	}
	err = server_open(settings, &paths);
	/* any other error may pass: the timer will try again */
	if (!err && server_poll() == -EPERM)
		err = -EPERM;
	if (err)
		goto out;
	signals = open_signals();
	err = signals < 0 ? signals : register_tables();
	if (!err)
		err = server_start();
	if (!err)
		err = agentx_session_start(&agentx.address, agentx.interval_ms);
	if (err) {
		snmp_log(LOG_ERR, "cannot start: %s\n", strerror(-err));
		goto out;
	}
	snmp_log(LOG_INFO, "qmipsecd %s started\n", PACKAGE_VERSION);
	loop(options);
	server_settle();
	server_save(true);
	agentx_session_stop();
out:
	if (signals >= 0)
		close(signals);
	server_close();
	exclusive_release();
	return err;
}

/* A daemon works in the root directory: paths must not depend on where it started. The
 * result lives as long as the process. Returns 0, or -errno, logged. */
static int make_absolute(const char **path)
{
	char *absolute;
	char *here;
	int err = 0;

	if (!*path || **path == '/')
		return 0;
	here = getcwd(NULL, 0);
	if (!here)
		err = -errno;
	else if (asprintf(&absolute, "%s/%s", here, *path) < 0)
		err = -ENOMEM;
	else
		*path = absolute;
	free(here);
	if (err)
		snmp_log(LOG_ERR, "%s: cannot tell the directory that it is in: %s\n",
			 *path, strerror(-err));
	return err;
}

static int make_paths_absolute(struct options *options)
{
	const char **const paths[] = {&options->config, &options->state_dir,
				      &options->pid_file, &options->sysfs_root,
				      &options->netns_dir};
	const size_t n = sizeof(paths) / sizeof(paths[0]);
	int err = 0;

	for (size_t i = 0; i < n && !err; i++)
		err = make_absolute(paths[i]);
	return err;
}

/* Without --state-dir the runtime directory is used; root makes it. */
static void choose_state_dir(struct options *options)
{
	if (options->state_dir || options->once || options->check_config ||
	    options->list_directives)
		return;
	if (geteuid() == 0)
		mkdir(default_state_dir, 0700);
	if (!access(default_state_dir, W_OK | X_OK))
		options->state_dir = default_state_dir;
	else
		snmp_log(LOG_WARNING,
			 "counters will start anew after a restart: there is no "
			 "%s to keep them in; see --state-dir\n",
			 default_state_dir);
}

int main(int argc, char **argv)
{
	struct options options;
	struct settings settings;

	guard_memory();
	log_sink_install();
	switch (options_parse(argc, argv, &options)) {
	case OPTIONS_EXIT_GOOD:
		return EXIT_SUCCESS;
	case OPTIONS_EXIT_BAD:
		return EXIT_FAILURE;
	case OPTIONS_RUN:
		break;
	}
	set_up_logging(&options);
	choose_state_dir(&options);
	if (make_paths_absolute(&options) < 0)
		return EXIT_FAILURE;
	agentx_session_init();
	directives_register();
	if (options.list_directives) {
		directives_list(stdout);
		return EXIT_SUCCESS;
	}
	if (directives_read(options.config, &settings) < 0)
		return EXIT_FAILURE;
	if (options.check_config) {
		settings_free(&settings);
		puts("the configuration is good");
		return EXIT_SUCCESS;
	}
	if (options.once)
		return run_once(&options, &settings);
	override(&options, &settings);
	return serve(&options, &settings) ? EXIT_FAILURE : EXIT_SUCCESS;
}
