/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "config.h"

#include "poller.h"

#include <errno.h>
#include <sys/epoll.h>
#include <time.h>

#include "event_loop.h"
#include "kernel/xfrm_netlink.h"
#include "util/clock.h"
#include "util/log.h"
#include "util/systemd.h"

/* Work may use one part in this many of the time of a processor. */
enum {
	POLL_BUDGET = 10,
	DEMAND_BUDGET = 25, /* for polls that requests ask for */
	LOOK_BUDGET = 50,   /* for namespaces, between polls */
};

/* The last piece of some work. */
struct work {
	uint64_t end;
	uint64_t cost; /* processor time, ns */
};

/* For each of two saves at the end. systemd waits for 90 s. */
#define SAVE_PATIENCE_NS (10 * NS_PER_S)

static struct {
	struct settings settings;
	struct netns_set *set;
	struct snapshot snapshot;
	uint64_t number;       /* of snapshots until now */
	int mounts;            /* the set's descriptor, as registered; -1: none */
	uint64_t last_attempt; /* end of the last poll of all namespaces, good or not */
	struct work poll;      /* of all or some */
	uint64_t cost;         /* as poller_processor_time() returns it */
	struct work look;      /* between polls */
	uint64_t last_save;
	bool files_changed; /* since the last look */
	bool changed;       /* a namespace has come or gone since the last poll */
	bool wants_poll;    /* the set, as of the last work on it */
	bool unpublished;   /* for lack of memory */
} self = {.mounts = -1};

struct netns_config poller_config(const struct settings *settings)
{
	return (struct netns_config){.instances = &settings->instances,
				     .namespaces = &settings->namespaces,
				     .peers = &settings->peers,
				     .stale_after =
					 settings->stale_after_ms * NS_PER_MS,
				     .receive_buffer = settings->receive_buffer};
}

/* Polls and the snapshot. */

/* The old snapshot stays if there is no memory for a new one. */
static int publish(void)
{
	struct snapshot fresh = {0};
	int err = netns_set_snapshot(self.set, &fresh, &self.snapshot);

	if (err && !self.unpublished)
		log_message(LOG_ERR, "out of memory: old numbers are served");
	else if (!err && self.unpublished)
		log_message(LOG_NOTICE, "new numbers are served again");
	self.unpublished = err != 0;
	snapshot_free(err ? &fresh : &self.snapshot);
	if (!err) {
		self.snapshot = fresh;
		self.number++;
	}
	return err;
}

static struct work note_work(uint64_t start)
{
	uint64_t cost = clock_processor_ns() - start;

	self.cost += cost;
	return (struct work){.end = clock_now_ns(), .cost = cost};
}

/* When more of it may begin. */
static uint64_t work_allowed_at(const struct work *last, unsigned budget)
{
	return last->end + last->cost * (budget - 1);
}

static void look(void)
{
	self.files_changed = false;
	self.changed |= netns_set_look(self.set);
}

static void look_between_polls(void)
{
	uint64_t start = clock_processor_ns();

	look();
	self.wants_poll = netns_set_wants_poll(self.set);
	self.look = note_work(start);
}

static int do_poll(int (*poll)(void))
{
	uint64_t start = clock_processor_ns();
	int published;
	int err;

	err = poll();
	self.wants_poll = netns_set_wants_poll(self.set);
	published = publish();
	self.poll = note_work(start);
	return err ? err : published;
}

static int poll_each(void)
{
	int err;

	look();
	self.changed = false;
	err = netns_set_poll(self.set);
	self.last_attempt = clock_now_ns();
	return err;
}

static int settle(void)
{
	self.changed = false;
	netns_set_settle(self.set);
	return 0;
}

/* Returns 0, -errno of the daemon's own namespace, or -ENOMEM with the old snapshot in
 * place. */
static int poll_all(void)
{
	int err = do_poll(poll_each);

	if (!err)
		systemd_notify("WATCHDOG=1");
	return err;
}

static void save(uint64_t last_at)
{
	netns_set_save(self.set, last_at);
	self.last_save = clock_now_ns();
}

/* An earlier save that still runs, in a directory that is slow, is not waited for. */
static void save_if_due(void)
{
	uint64_t age = clock_now_ns() - self.last_save;

	if (netns_set_finish_save(self.set, 0) &&
	    age >= self.settings.save_interval_ms * NS_PER_MS)
		save(0);
}

/* When a poll of all namespaces is due. */
static uint64_t next_of_all(void)
{
	return self.last_attempt + self.settings.poll_interval_ms * NS_PER_MS;
}

/* When any poll is due. Between polls the totals are incomplete, so a change is
 * followed by a poll soon. */
static uint64_t next_poll(void)
{
	uint64_t when = next_of_all();
	uint64_t budget = work_allowed_at(&self.poll, POLL_BUDGET);

	if (self.changed)
		return budget;
	if (self.wants_poll && self.poll.end + NETNS_SETTLE_NS < when)
		when = self.poll.end + NETNS_SETTLE_NS;
	return when > budget ? when : budget;
}

int poller_event_fd(void)
{
	return netns_set_event_fd(self.set);
}

void poller_read_events(void)
{
	uint64_t start = clock_processor_ns();

	self.files_changed |= netns_set_read_events(self.set);
	self.wants_poll = netns_set_wants_poll(self.set);
	note_work(start);
}

static void on_mounts(void *ctx)
{
	(void)ctx;
	self.files_changed = true;
}

/* The set's descriptor changes when the set begins or ends to watch a directory. If it
 * cannot be watched, polls alone find what mounts have changed. */
static void watch_mounts(void)
{
	int fd = netns_set_mounts_fd(self.set);

	if (fd == self.mounts)
		return;
	if (self.mounts >= 0)
		event_loop_forget(self.mounts);
	if (fd >= 0)
		event_loop_watch(fd, EPOLLPRI, on_mounts, NULL);
	self.mounts = fd;
}

static void poll_in_service(void)
{
	poll_all();
	save_if_due();
}

/* When the files must be looked at. */
static uint64_t next_look(void)
{
	return self.files_changed ? work_allowed_at(&self.look, LOOK_BUDGET)
				  : UINT64_MAX;
}

static uint64_t next_work(void)
{
	uint64_t poll = next_poll();
	uint64_t look_at = next_look();

	return poll < look_at ? poll : look_at;
}

static void do_work(uint64_t now)
{
	if (now >= next_look())
		look_between_polls();
	if (now < next_poll())
		return;
	if (now >= next_of_all())
		poll_in_service();
	else
		do_poll(settle);
}

uint64_t poller_run(uint64_t now)
{
	uint64_t due = next_work();

	if (now < due)
		return due;
	do_work(now);
	watch_mounts();
	return next_work();
}

const struct snapshot *poller_snapshot(void)
{
	uint64_t time = clock_now_ns();
	uint64_t age = time - self.last_attempt;

	if (age > self.settings.max_age_ms * NS_PER_MS &&
	    time >= work_allowed_at(&self.poll, DEMAND_BUDGET))
		poll_in_service();
	return &self.snapshot;
}

uint64_t poller_processor_time(void)
{
	return self.cost;
}

const struct snapshot *poller_last_snapshot(void)
{
	return &self.snapshot;
}

uint64_t poller_snapshot_number(void)
{
	return self.number;
}

/* Start and end. */

int poller_open(struct settings *settings, const struct netns_paths *paths)
{
	struct netns_config config;
	int err;

	self.settings = *settings;
	config = poller_config(&self.settings);
	err = netns_set_open(&xfrm_netlink_opener, paths, &config, &self.set);
	if (err)
		return err;
	err = poll_all();
	if (err == -EPERM || err == -EOPNOTSUPP) /* and so will the next poll */
		return err;
	watch_mounts();
	save(0); /* the saved file says that its daemon has ended */
	netns_set_finish_save(self.set, NS_PER_S); /* an error shows at once */
	return 0;
}

void poller_close(void)
{
	if (self.mounts >= 0)
		event_loop_forget(self.mounts);
	self.mounts = -1;
	snapshot_free(&self.snapshot);
	netns_set_free(self.set);
	self.set = NULL;
	settings_free(&self.settings);
}

void poller_finish(void)
{
	const struct timespec wait = {.tv_nsec = NETNS_SETTLE_NS};
	bool saved = false;

	if (poll_all() == 0 && self.wants_poll) {
		nanosleep(&wait, NULL);
		poll_all();
	}
	if (netns_set_finish_save(self.set, SAVE_PATIENCE_NS)) {
		save(clock_now_ns());
		saved = netns_set_finish_save(self.set, SAVE_PATIENCE_NS);
	}
	if (!saved)
		log_message(LOG_ERR, "the state directory does not answer: what was "
				     "counted last is not saved");
}

int poller_reconfigure(struct settings *settings)
{
	struct settings old = self.settings;
	struct netns_config config;
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
	watch_mounts();
	return 0;
}

uint32_t poller_interval_ms(void)
{
	return self.settings.poll_interval_ms;
}
