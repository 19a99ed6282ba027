/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include <net-snmp/net-snmp-config.h>
#include <net-snmp/net-snmp-includes.h>
#include <net-snmp/agent/net-snmp-agent-includes.h>

#include "agentx_objects.h"
#include "agentx_session.h"
#include "collector/once.h"
#include "directives.h"
#include "kernel/xfrm_netlink.h"
#include "log_sink.h"
#include "mib_table.h"
#include "options.h"
#include "poller.h"
#include "signals.h"
#include "util/exclusive.h"
#include "util/log.h"
#include "util/systemd.h"

/* Keys pass through this process: no core of it, and nobody else reads its memory. */
static void guard_memory(void)
{
	const struct rlimit none = {0, 0};

	prctl(PR_SET_DUMPABLE, 0);
	setrlimit(RLIMIT_CORE, &none);
}

static struct netns_paths paths_of(const struct options *options)
{
	return (struct netns_paths){.sysfs_root = options->sysfs_root,
				    .netns_dir = options->netns_dir,
				    .state_dir = options->state_dir};
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

static int register_tables(void)
{
	static const struct mib_table *const tables[] = {&instance_table, &stats_table,
							 &xfrm_table, &agent_scalars};
	static const oid module[] = {MIB_ROOT_SUBIDS};

	for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++) {
		int err = mib_table_register(tables[i], poller_snapshot);

		if (err)
			return err;
	}
	agentx_objects_add_module("The MIB module for the quick-mode IPsec statistics "
				  "of iSCSI HBAs",
				  module, OID_LENGTH(module));
	return 0;
}

/* Good polls feed the unit's watchdog: it must wait for the next, and for two that may
 * fail, however long the interval is. */
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
	struct settings settings;
	struct agentx_settings agentx;

	if (read_settings(options, &settings) < 0) {
		log_message(LOG_ERR, "the configuration has errors; the old one stays");
		return;
	}
	agentx = settings.agentx;
	if (poller_reconfigure(&settings) < 0) {
		log_message(LOG_ERR, "out of memory; the old configuration stays");
		settings_free(&settings);
		return;
	}
	agentx_session_configure(&agentx.address, agentx.interval_ms);
	set_watchdog();
	log_message(LOG_NOTICE, "configuration read again");
}

static void loop(const struct options *options, struct signals *signals)
{
	set_watchdog();
	systemd_notify("READY=1");
	while (!signals->stop) {
		agent_check_and_process(1);
		agentx_session_check();
		if (signals->reload && !signals->stop)
			reload(options);
		signals->reload = false;
	}
	systemd_notify("STOPPING=1");
	log_message(LOG_INFO, "stopping");
}

/* All that runs in the agent's select loop. */
static int start(const struct agentx_settings *agentx, struct signals *signals)
{
	int err = signals_open(signals);

	if (!err)
		err = register_tables();
	if (!err)
		err = poller_start();
	if (!err)
		err = agentx_session_start(&agentx->address, agentx->interval_ms);
	if (err)
		log_message(LOG_ERR, "cannot start: %s", strerror(-err));
	else
		log_message(LOG_INFO, "qmipsecd %s started", PACKAGE_VERSION);
	return err;
}

static int serve(const struct options *options, struct settings *settings)
{
	const struct netns_paths paths = paths_of(options);
	const struct agentx_settings agentx = settings->agentx;
	struct signals signals = {.fd = -1};
	int err = poller_open(settings, &paths);

	if (!err)
		err = start(&agentx, &signals);
	if (!err) {
		loop(options, &signals);
		poller_finish();
		agentx_session_stop();
	}
	signals_close(&signals);
	poller_close();
	return err;
}

/* To the background, unless in the foreground, as the only daemon of its kind. What can
 * be wrong shows before, while the caller still sees it. */
static int settle_down(const struct options *options)
{
	int err = options->foreground ? 0 : netns_set_probe(&xfrm_netlink_opener);

	if (!err)
		err = exclusive_claim(options->state_dir, options->pid_file);
	if (err)
		return err;
	log_sink_leave_terminal();
	if (!options->foreground && netsnmp_daemonize(1, snmp_stderrlog_status()))
		err = -EAGAIN;
	return err ? err : exclusive_settle();
}

/* The modes. */

static int run_daemon(const struct options *options, struct settings *settings)
{
	int err = settle_down(options);

	if (err)
		settings_free(settings);
	else
		err = serve(options, settings);
	exclusive_release();
	return err;
}

/* It needs no state: what it prints is what the kernel has now. */
static int run_once(const struct options *options, struct settings *settings)
{
	const struct netns_paths paths = paths_of(options);
	const struct netns_config config = poller_config(settings);
	int err = once_print(&xfrm_netlink_opener, &paths, &config, options->json,
			     PACKAGE_VERSION);

	settings_free(settings);
	return err;
}

static int run(struct options *options)
{
	struct settings settings;
	int err;

	agentx_session_init();
	directives_register();
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
	settings_free(&settings);
	puts("the configuration is good");
	return 0;
}

int main(int argc, char **argv)
{
	struct options options;
	bool background;

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
	background = options.mode == OPTIONS_DAEMON && !options.foreground;
	log_sink_open(background, options.logging);
	if (options_settle_paths(&options) < 0)
		return EXIT_FAILURE;
	return run(&options) ? EXIT_FAILURE : EXIT_SUCCESS;
}
