/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "config.h"

#include "server.h"

#include <errno.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include <net-snmp/net-snmp-config.h>
#include <net-snmp/net-snmp-includes.h>
#include <net-snmp/agent/net-snmp-agent-includes.h>

#include "namespaces.h"
#include "systemd.h"

#define NS_PER_MS UINT64_C(1000000)

enum {
	/* Of the time, one part in so many may go into polls. */
	POLL_BUDGET = 10,
	/* What messages left open is settled after this long at the earliest. */
	SETTLE_NS = 20 * 1000 * 1000,
};

static struct {
	struct settings settings;
	struct snapshot snapshot;
	int timer;
	uint64_t last_attempt; /* end of the last poll, good or not */
	uint64_t last_cost;    /* processor time that it took */
	uint64_t last_save;
	bool changed;     /* a namespace has come or gone since the last poll */
	bool unpublished; /* for lack of memory */
} server = {.timer = -1};

int server_open(struct settings *settings, const struct namespaces_paths *paths)
{
	server.settings = *settings;
	return namespaces_open(&server.settings, paths);
}

void server_close(void)
{
	if (server.timer >= 0) {
		unregister_readfd(server.timer);
		close(server.timer);
		server.timer = -1;
	}
	snapshot_free(&server.snapshot);
	namespaces_close();
	settings_free(&server.settings);
}

static void log_publish(int err)
{
	if (err && !server.unpublished)
		snmp_log(LOG_ERR, "out of memory: old numbers are served\n");
	else if (!err && server.unpublished)
		snmp_log(LOG_NOTICE, "new numbers are served again\n");
	server.unpublished = err != 0;
}

/* The old snapshot stands if there is no memory for a new one. */
static int publish(void)
{
	struct snapshot fresh = {0};
	int err = namespaces_snapshot(&fresh, &server.snapshot);

	log_publish(err);
	if (err) {
		snapshot_free(&fresh);
		return err;
	}
	snapshot_free(&server.snapshot);
	server.snapshot = fresh;
	return 0;
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
	int published;
	int err;

	namespaces_look();
	server.changed = false;
	err = namespaces_poll();
	server.last_attempt = namespaces_now();
	server.last_cost = processor_time() - start;
	published = publish();
	if (!err)
		err = published;
	if (!err)
		systemd_notify("WATCHDOG=1");
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

	if (namespaces_want_poll())
		when = server.last_attempt + SETTLE_NS;
	if (server.changed)
		when = namespaces_now();
	set_timer(when > budget ? when : budget);
}

void server_settle(void)
{
	const struct timespec wait = {.tv_nsec = SETTLE_NS};

	if (server_poll() == 0 && namespaces_want_poll()) {
		nanosleep(&wait, NULL);
		server_poll();
	}
}

void server_save(bool last)
{
	if (!server.last_attempt)
		return;
	namespaces_save(last ? namespaces_now() : 0);
	server.last_save = namespaces_now();
}

static void save_if_due(void)
{
	if (namespaces_now() - server.last_save >=
	    server.settings.save_interval_ms * NS_PER_MS)
		server_save(false);
}

/* Every poll of the running daemon, and what follows from it. */
static void poll_in_service(void)
{
	server_poll();
	save_if_due();
	schedule();
}

const struct snapshot *server_fresh_snapshot(void)
{
	uint64_t time = namespaces_now();
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

/* Between polls totals are not whole: what has changed is shown by a poll, soon. */
static void on_change(bool came_or_went)
{
	server.changed |= came_or_went;
	if (server.changed || namespaces_want_poll())
		schedule();
}

int server_start(void)
{
	int err;

	server.timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	if (server.timer < 0)
		return -errno;
	if (register_readfd(server.timer, on_timer, NULL) != FD_REGISTERED_OK)
		return -EMFILE;
	err = namespaces_start(on_change);
	if (err)
		return err;
	server_save(false); /* what was loaded as the last state is so no more */
	schedule();
	return 0;
}

int server_reconfigure(struct settings *settings)
{
	struct settings old = server.settings;
	int err;

	server.settings = *settings;
	err = namespaces_configure();
	if (err) {
		server.settings = old;
		return err;
	}
	if (settings->receive_buffer != old.receive_buffer)
		snmp_log(LOG_WARNING, "receiveBuffer changes at the next start\n");
	settings_free(&old);
	poll_in_service();
	return 0;
}

unsigned long server_poll_interval_ms(void)
{
	return server.settings.poll_interval_ms;
}
