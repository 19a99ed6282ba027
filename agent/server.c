/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "config.h"

#include "server.h"

#include <errno.h>
#include <string.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include <net-snmp/net-snmp-config.h>
#include <net-snmp/net-snmp-includes.h>
#include <net-snmp/agent/net-snmp-agent-includes.h>

#ifdef HAVE_LIBSYSTEMD
#include <systemd/sd-daemon.h>
#endif

#include "collector.h"
#include "xfrm_netlink.h"

#define NS_PER_MS UINT64_C(1000000)

enum {
	/* Of the time, one part in so many may go into polls. */
	POLL_BUDGET = 10,
	/* What messages left open is settled after this long at the earliest. */
	SETTLE_NS = 20 * 1000 * 1000,
};

/* The longest absence that counts as a restart. */
#define RESTART_NS UINT64_C(10000000000)

static struct {
	struct settings settings;
	const char *sysfs_root;
	const char *state_dir;
	struct state_id id;
	struct xfrm_netlink *netlink;
	struct collector *collector;
	struct snapshot snapshot;
	int timer;
	uint64_t last_attempt; /* end of the last poll, good or not */
	uint64_t last_cost;    /* processor time that it took */
	uint64_t last_save;
	bool failing;
	bool save_failing;
	bool deaf; /* events are read at polls only, until one is good */
} server = {.timer = -1};

static uint64_t now(void)
{
	return xfrm_netlink_ops.now(server.netlink);
}

static int open_collector(void)
{
	const struct collector_options options = {
	    .netns = "",
	    .sysfs_root = server.sysfs_root,
	    .stale_after = server.settings.stale_after_ms * NS_PER_MS,
	};

	server.collector = collector_new(&xfrm_netlink_ops, server.netlink, &options,
					 &server.settings.instances);
	return server.collector ? 0 : -ENOMEM;
}

static void log_state(int err)
{
	switch (err) {
	case -ESTALE:
		snmp_log(LOG_INFO, "the saved state is of another boot or namespace: "
				   "counters start anew\n");
		break;
	case -EBADMSG:
		snmp_log(LOG_WARNING,
			 "%s/qmipsecd.state is damaged or of another version: "
			 "not used, counters start anew\n",
			 server.state_dir);
		break;
	case 0:
	case -ENOENT:
		break;
	default:
		snmp_log(LOG_WARNING, "%s/qmipsecd.state: %s: counters start anew\n",
			 server.state_dir, strerror(-err));
	}
}

/* A state that cannot be read to its end leaves nothing of itself behind. */
static int load_state(void)
{
	uint64_t last_at = 0;
	int err = state_id_read(&server.id);

	if (err) {
		snmp_log(LOG_WARNING,
			 "no state is kept: cannot tell the boot and the "
			 "namespace: %s\n",
			 strerror(-err));
		server.state_dir = NULL;
		return 0;
	}
	err = state_load(server.state_dir, &server.id, server.collector, &last_at);
	log_state(err);
	/* A restart is too short for SAs to come and go in it; more may have hidden
	 * some. */
	if (!err && (!last_at || now() - last_at > RESTART_NS))
		collector_note_gap(server.collector);
	if (!err || err == -ENOENT || err == -ESTALE)
		return 0;
	collector_free(server.collector);
	return open_collector();
}

void server_log_open_error(int err)
{
	if (err == -EPERM)
		snmp_log(LOG_ERR,
			 "the kernel's SAs may only be read with the capability "
			 "CAP_NET_ADMIN: run as root, or see \"man 7 capabilities\"\n");
	else if (err == -EPROTONOSUPPORT)
		snmp_log(LOG_ERR, "this kernel has no IPsec (CONFIG_XFRM_USER): %s\n",
			 strerror(-err));
	else
		snmp_log(LOG_ERR, "cannot open the kernel's XFRM: %s\n",
			 strerror(-err));
}

int server_open(struct settings *settings, const char *sysfs_root,
		const char *state_dir)
{
	int err;

	server.settings = *settings;
	server.sysfs_root = sysfs_root;
	server.state_dir = state_dir;
	err = xfrm_netlink_open(settings->receive_buffer, &server.netlink);
	if (err) {
		server_log_open_error(err);
		return err;
	}
	err = open_collector();
	if (!err && state_dir)
		err = load_state();
	if (err)
		snmp_log(LOG_ERR, "out of memory\n");
	return err;
}

void server_close(void)
{
	if (server.timer >= 0) {
		unregister_readfd(server.timer);
		unregister_readfd(xfrm_netlink_event_fd(server.netlink));
		close(server.timer);
		server.timer = -1;
	}
	snapshot_free(&server.snapshot);
	collector_free(server.collector);
	server.collector = NULL;
	xfrm_netlink_close(server.netlink);
	server.netlink = NULL;
	settings_free(&server.settings);
}

/* After a failed poll the old numbers stand; only how the collecting does is new. */
static void keep_numbers(struct snapshot *fresh)
{
	for (size_t i = 0; i < fresh->n_rows && i < server.snapshot.n_rows; i++) {
		const struct snapshot_row *old = &server.snapshot.rows[i];

		if (strcmp(fresh->rows[i].name, old->name) != 0)
			return; /* there are new rows: all is new */
		fresh->rows[i].stats = old->stats;
		fresh->rows[i].replay_failures = old->replay_failures;
	}
}

/* The old snapshot stands if there is no memory for a new one. */
static void publish(bool good)
{
	struct snapshot fresh = {0};

	if (collector_snapshot(server.collector, &fresh) < 0) {
		snapshot_free(&fresh);
		return;
	}
	snapshot_sort(&fresh);
	if (!good)
		keep_numbers(&fresh);
	snapshot_free(&server.snapshot);
	server.snapshot = fresh;
}

static void log_poll(int err)
{
	if (err == -EPERM && !server.failing)
		server_log_open_error(err);
	else if (err && !server.failing)
		snmp_log(LOG_ERR,
			 "cannot read the kernel's SAs: %s; old numbers stand\n",
			 strerror(-err));
	else if (!err && server.failing)
		snmp_log(LOG_NOTICE, "the kernel's SAs can be read again\n");
	server.failing = err != 0;
}

static void notify_watchdog(int err)
{
#ifdef HAVE_LIBSYSTEMD
	if (!err)
		sd_notify(0, "WATCHDOG=1");
#else
	(void)err;
#endif
}

/* Of this thread: time spent waiting for the kernel's locks is nobody's work. */
static uint64_t processor_time(void)
{
	struct timespec time;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
	return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

int server_poll(void)
{
	uint64_t start = processor_time();
	int err = collector_poll(server.collector);

	server.last_attempt = now();
	server.last_cost = processor_time() - start;
	log_poll(err);
	notify_watchdog(err);
	publish(err == 0);
	return err;
}

const struct snapshot *server_last_snapshot(void)
{
	return &server.snapshot;
}

/* When the next poll may begin. */
static uint64_t budget_allows_at(void)
{
	return server.last_attempt + server.last_cost * (POLL_BUDGET - 1);
}

/* Timer and events. */

static void set_timer(uint64_t when)
{
	struct itimerspec spec = {.it_value = {.tv_sec = (time_t)(when / 1000000000),
					       .tv_nsec = (long)(when % 1000000000)}};

	timerfd_settime(server.timer, TFD_TIMER_ABSTIME, &spec, NULL);
}

/* At the interval; soon if messages left something open; never over the budget. */
static void schedule(void)
{
	uint64_t when =
	    server.last_attempt + server.settings.poll_interval_ms * NS_PER_MS;
	uint64_t budget = budget_allows_at();

	if (!server.failing && collector_wants_poll(server.collector))
		when = server.last_attempt + SETTLE_NS;
	set_timer(when > budget ? when : budget);
}

void server_settle(void)
{
	const struct timespec wait = {.tv_nsec = SETTLE_NS};

	if (server_poll() == 0 && collector_wants_poll(server.collector)) {
		nanosleep(&wait, NULL);
		server_poll();
	}
}

void server_save(bool last)
{
	int err;

	if (!server.state_dir || !server.last_attempt)
		return;
	err = state_save(server.state_dir, &server.id, server.collector,
			 last ? now() : 0);
	server.last_save = now();
	if (err && !server.save_failing)
		snmp_log(LOG_ERR, "cannot save the state in %s: %s\n", server.state_dir,
			 strerror(-err));
	else if (!err && server.save_failing)
		snmp_log(LOG_NOTICE, "the state can be saved again\n");
	server.save_failing = err != 0;
}

static void save_if_due(void)
{
	if (now() - server.last_save >= server.settings.save_interval_ms * NS_PER_MS)
		server_save(false);
}

static void on_events(int fd, void *data);

/* Events that could not be read are listened for again once a poll was good. */
static void listen_again(void)
{
	if (server.deaf && register_readfd(xfrm_netlink_event_fd(server.netlink),
					   on_events, NULL) == FD_REGISTERED_OK)
		server.deaf = false;
}

/* Every poll of the running daemon, and what follows from it. */
static void poll_in_service(void)
{
	if (server_poll() == 0)
		listen_again();
	save_if_due();
	schedule();
}

const struct snapshot *server_fresh_snapshot(void)
{
	uint64_t time = now();
	uint64_t age = time - server.last_attempt;

	if (age > server.settings.max_age_ms * NS_PER_MS && time >= budget_allows_at())
		poll_in_service();
	return &server.snapshot;
}

static void on_timer(int fd, void *data)
{
	uint64_t expirations;

	(void)data;
	if (read(fd, &expirations, sizeof(expirations)) >= 0)
		poll_in_service();
}

/* What cannot be read would stay readable for ever: then the polls must do it. */
static void on_events(int fd, void *data)
{
	int err = collector_read_events(server.collector);

	(void)data;
	if (err && !server.deaf) {
		snmp_log(LOG_ERR, "cannot read the kernel's events: %s\n",
			 strerror(-err));
		unregister_readfd(fd);
		server.deaf = true;
	}
	if (collector_wants_poll(server.collector))
		schedule();
}

int server_start(void)
{
	server.timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	if (server.timer < 0)
		return -errno;
	if (register_readfd(server.timer, on_timer, NULL) != FD_REGISTERED_OK ||
	    register_readfd(xfrm_netlink_event_fd(server.netlink), on_events, NULL) !=
		FD_REGISTERED_OK)
		return -EMFILE;
	server_save(false); /* what was loaded as the last state is so no more */
	schedule();
	return 0;
}

int server_reconfigure(struct settings *settings)
{
	int err = collector_reconfigure(server.collector, &settings->instances,
					settings->stale_after_ms * NS_PER_MS);

	if (err)
		return err;
	if (settings->receive_buffer != server.settings.receive_buffer)
		snmp_log(LOG_WARNING, "receiveBuffer changes at the next start\n");
	settings_free(&server.settings);
	server.settings = *settings;
	poll_in_service();
	return 0;
}

unsigned long server_poll_interval_ms(void)
{
	return server.settings.poll_interval_ms;
}
