/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "config.h"

#include "poller.h"

#include <errno.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "agent_fd.h"
#include "kernel/xfrm_netlink.h"
#include "util/log.h"
#include "util/systemd.h"

#define NS_PER_MS UINT64_C(1000000)
#define NS_PER_S UINT64_C(1000000000)

enum {
	/* One part in so many of the time may go into polls. */
	POLL_BUDGET = 10,
	/* What messages left open is settled after this long at the earliest. */
	SETTLE_NS = 20 * 1000 * 1000,
};

static struct {
	struct settings settings;
	struct netns_set *set;
	struct snapshot snapshot;
	int timer;
	int mounts;            /* of the set, as registered; -1: none */
	uint64_t last_attempt; /* end of the last poll, good or not */
	uint64_t last_cost;    /* processor time that it took, ns */
	uint64_t last_save;
	bool changed;     /* a namespace has come or gone since the last poll */
	bool unpublished; /* for lack of memory */
} self = {.timer = -1, .mounts = -1};

static uint64_t now(void)
{
	return xfrm_netlink_opener.ops->now(NULL);
}

struct netns_config poller_config(const struct settings *settings)
{
	return (struct netns_config){.instances = &settings->instances,
				     .namespaces = &settings->namespaces,
				     .stale_after =
					 settings->stale_after_ms * NS_PER_MS,
				     .receive_buffer = settings->receive_buffer};
}

/* Polls and the snapshot. */

static void log_publish(int err)
{
	if (err && !self.unpublished)
		log_message(LOG_ERR, "out of memory: old numbers are served");
	else if (!err && self.unpublished)
		log_message(LOG_NOTICE, "new numbers are served again");
	self.unpublished = err != 0;
}

/* The old snapshot stays if there is no memory for a new one. */
static int publish(void)
{
	struct snapshot fresh = {0};
	int err = netns_set_snapshot(self.set, &fresh, &self.snapshot);

	log_publish(err);
	if (err) {
		snapshot_free(&fresh);
		return err;
	}
	snapshot_free(&self.snapshot);
	self.snapshot = fresh;
	return 0;
}

/* Of this thread: the time that it waits for the kernel's locks does not count. */
static uint64_t processor_time(void)
{
	struct timespec time;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
	return (uint64_t)time.tv_sec * NS_PER_S + (uint64_t)time.tv_nsec;
}

/* Returns 0; -errno of the daemon's own namespace; or -ENOMEM: the old snapshot
 * stays. */
static int poll_all(void)
{
	uint64_t start = processor_time();
	int published;
	int err;

	netns_set_look(self.set);
	self.changed = false;
	err = netns_set_poll(self.set);
	self.last_attempt = now();
	self.last_cost = processor_time() - start;
	published = publish();
	if (!err)
		err = published;
	if (!err)
		systemd_notify("WATCHDOG=1");
	return err;
}

static void save(uint64_t last_at)
{
	netns_set_save(self.set, last_at);
	self.last_save = now();
}

/* When the next poll may begin. */
static uint64_t budget_allows_at(void)
{
	return self.last_attempt + self.last_cost * (POLL_BUDGET - 1);
}

/* The timer and the descriptors of the set. */

static void set_timer(uint64_t when)
{
	struct itimerspec spec = {.it_value = {.tv_sec = (time_t)(when / NS_PER_S),
					       .tv_nsec = (long)(when % NS_PER_S)}};

	timerfd_settime(self.timer, TFD_TIMER_ABSTIME, &spec, NULL);
}

/* At the interval; soon if messages left something open; never over the budget. */
static void schedule(void)
{
	uint64_t when = self.last_attempt + self.settings.poll_interval_ms * NS_PER_MS;
	uint64_t budget = budget_allows_at();

	if (netns_set_wants_poll(self.set))
		when = self.last_attempt + SETTLE_NS;
	if (self.changed)
		when = now();
	set_timer(when > budget ? when : budget);
}

/* Between polls, totals are incomplete: what has changed is shown by a poll, soon. */
static void note_change(bool came_or_went)
{
	self.changed |= came_or_went;
	if (self.changed || netns_set_wants_poll(self.set))
		schedule();
}

static void on_events(int fd, void *data)
{
	(void)fd, (void)data;
	note_change(netns_set_read_events(self.set));
}

static void on_mounts(int fd, void *data)
{
	(void)fd, (void)data;
	note_change(netns_set_look(self.set));
}

/* The set has another such descriptor whenever it begins or ends to watch a directory.
 * Without a place in the library's table, polls find what mounts have changed. */
static void register_mounts(void)
{
	int fd = netns_set_mounts_fd(self.set);

	if (fd == self.mounts)
		return;
	if (self.mounts >= 0)
		unregister_exceptfd(self.mounts);
	if (fd >= 0)
		register_exceptfd(fd, on_mounts, NULL);
	self.mounts = fd;
}

/* Every poll of the running daemon, and what follows from it. */
static void poll_in_service(void)
{
	poll_all();
	register_mounts();
	if (now() - self.last_save >= self.settings.save_interval_ms * NS_PER_MS)
		save(0);
	schedule();
}

static void on_timer(int fd, void *data)
{
	uint64_t expirations;

	(void)data;
	if (read(fd, &expirations, sizeof(expirations)) >= 0)
		poll_in_service();
}

const struct snapshot *poller_snapshot(void)
{
	uint64_t time = now();
	uint64_t age = time - self.last_attempt;

	if (age > self.settings.max_age_ms * NS_PER_MS && time >= budget_allows_at())
		poll_in_service();
	return &self.snapshot;
}

/* The whole. */

int poller_open(struct settings *settings, const struct netns_paths *paths)
{
	struct netns_config config;
	int err;

	self.settings = *settings;
	config = poller_config(&self.settings);
	err = netns_set_open(&xfrm_netlink_opener, paths, &config, &self.set);
	if (!err && poll_all() == -EPERM)
		err = -EPERM;
	return err;
}

void poller_close(void)
{
	if (self.timer >= 0) {
		unregister_readfd(self.timer);
		unregister_readfd(netns_set_event_fd(self.set));
		close(self.timer);
		self.timer = -1;
	}
	if (self.mounts >= 0)
		unregister_exceptfd(self.mounts);
	self.mounts = -1;
	snapshot_free(&self.snapshot);
	netns_set_free(self.set);
	self.set = NULL;
	settings_free(&self.settings);
}

int poller_start(void)
{
	int err;

	self.timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	if (self.timer < 0)
		return -errno;
	err = agent_fd_watch(self.timer, on_timer, NULL);
	if (!err)
		err = agent_fd_watch(netns_set_event_fd(self.set), on_events, NULL);
	if (err)
		return err;
	register_mounts();
	save(0); /* the file says that its daemon has ended */
	schedule();
	return 0;
}

void poller_finish(void)
{
	const struct timespec wait = {.tv_nsec = SETTLE_NS};

	if (poll_all() == 0 && netns_set_wants_poll(self.set)) {
		nanosleep(&wait, NULL);
		poll_all();
	}
	save(now());
}

int poller_reconfigure(struct settings *settings)
{
	struct settings old = self.settings;
	struct netns_config config = poller_config(&self.settings);
	int err;

	self.settings = *settings;
	config = poller_config(&self.settings);
	err = netns_set_configure(self.set, &config);
	if (err) {
		self.settings = old;
		return err;
	}
	if (settings->receive_buffer != old.receive_buffer)
		log_message(LOG_WARNING, "receiveBuffer changes at the next start");
	settings_free(&old);
	poll_in_service();
	return 0;
}

unsigned long poller_interval_ms(void)
{
	return self.settings.poll_interval_ms;
}
