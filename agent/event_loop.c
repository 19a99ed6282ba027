/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "config.h"

#include "event_loop.h"

#include <errno.h>
#include <stdbool.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>

#include <net-snmp/net-snmp-config.h>
#include <net-snmp/net-snmp-includes.h>
#include <net-snmp/agent/net-snmp-agent-includes.h>
#include <net-snmp/library/large_fd_set.h>

#include "poller.h"
#include "util/array.h"
#include "util/clock.h"
#include "util/load_limit.h"

#define CHARGE_NS NS_PER_MS

struct watched {
	int fd;
	void (*ready)(void *ctx); /* NULL: free */
	void *ctx;
};

static struct {
	int epoll;
	int timer;
	uint64_t expiry;           /* of the timer */
	struct watched watched[8]; /* what is not among them is the library's: */
	netsnmp_large_fd_set open;
	netsnmp_large_fd_set ready; /* of these in this round */
	uint64_t paused_until;      /* they are not read; 0: they are */
	struct load_limit requests;
	bool served;         /* the library, since the last charge */
	uint64_t charged_at; /* time of the last charge */
	uint64_t charged;    /* processor time of the library until then */
} self;

static int control(int operation, int fd, uint32_t events)
{
	struct epoll_event event = {.events = events, .data.fd = fd};

	return epoll_ctl(self.epoll, operation, fd, &event) < 0 ? -errno : 0;
}

static struct watched *find_watched(int fd)
{
	for (size_t i = 0; i < ARRAY_SIZE(self.watched); i++)
		if (self.watched[i].ready && self.watched[i].fd == fd)
			return &self.watched[i];
	return NULL;
}

static struct watched *find_room(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(self.watched); i++)
		if (!self.watched[i].ready)
			return &self.watched[i];
	return NULL;
}

int event_loop_watch(int fd, uint32_t events, void (*ready)(void *ctx), void *ctx)
{
	struct watched *watched = find_room();
	int err = watched ? control(EPOLL_CTL_ADD, fd, events) : -ENOSPC;

	if (!err)
		*watched = (struct watched){fd, ready, ctx};
	return err;
}

void event_loop_forget(int fd)
{
	struct watched *watched = find_watched(fd);

	if (!watched)
		return;
	control(EPOLL_CTL_DEL, fd, 0);
	watched->ready = NULL;
}

/* The timer. */

static void on_timer(void *ctx)
{
	(void)ctx; /* to end the round is all that it is for */
}

/* Most requests postpone what is due. The timer is not set again for that, and may
 * expire too early. */
static void set_timer(uint64_t now, uint64_t until)
{
	struct itimerspec spec = {0};

	if (until >= self.expiry && self.expiry > now)
		return;
	self.expiry = until;
	until++; /* 0 would stop it */
	spec.it_value = (struct timespec){.tv_sec = (time_t)(until / NS_PER_S),
					  .tv_nsec = (long)(until % NS_PER_S)};
	timerfd_settime(self.timer, TFD_TIMER_ABSTIME, &spec, NULL);
}

/* The library. */

static int follow(int fd)
{
	uint32_t events = self.paused_until ? 0 : EPOLLIN;
	int err = control(EPOLL_CTL_MOD, fd, events);

	return err == -ENOENT ? control(EPOLL_CTL_ADD, fd, events) : err;
}

int event_loop_follow_library(void)
{
	struct timeval timeout = {0};
	int n = 0, block = 1;
	int err = 0;

	NETSNMP_LARGE_FD_ZERO(&self.open);
	snmp_select_info2(&n, &self.open, &timeout, &block);
	for (int fd = 0; fd < n && !err; fd++)
		if (NETSNMP_LARGE_FD_ISSET(fd, &self.open))
			err = follow(fd);
	return err;
}

void event_loop_limit_requests(uint32_t percent)
{
	self.requests.percent = percent;
}

/* 0: it is read again. */
static void pause_library(uint64_t until)
{
	self.paused_until = until;
	event_loop_follow_library();
}

static void serve_library(void)
{
	snmp_read2(&self.ready);
	netsnmp_check_outstanding_agent_requests();
	self.served = true;
}

/* What the kernel causes is not charged. The system call for the processor time would
 * show in the cost of a request, so several requests that follow each other at once are
 * charged together. */
static void charge_requests(uint64_t now)
{
	uint64_t used, pause;

	if (!self.served || now - self.charged_at < CHARGE_NS)
		return;
	self.served = false;
	self.charged_at = now;
	used = clock_processor_ns() - poller_processor_time();
	pause = load_limit_charge(&self.requests, used - self.charged, now);
	self.charged = used;
	if (pause)
		pause_library(pause);
}

/* A round. */

/* Does what is to be done for own descriptors. Returns how many of the library's are
 * ready. */
static unsigned serve_own(const struct epoll_event *events, int n)
{
	unsigned n_ready = 0;

	for (int i = 0; i < n; i++) {
		const struct watched *watched = find_watched(events[i].data.fd);

		if (watched) {
			watched->ready(watched->ctx);
			continue;
		}
		if (n_ready++ == 0)
			NETSNMP_LARGE_FD_ZERO(&self.ready);
		NETSNMP_LARGE_FD_SET(events[i].data.fd, &self.ready);
	}
	return n_ready;
}

/* What has waited too long for an answer is ended only if no answer is there: after the
 * process was stopped, both may be so. */
void event_loop_run(uint64_t until)
{
	struct epoll_event events[ARRAY_SIZE(self.watched)];
	uint64_t now = clock_now_ns();
	int n;

	charge_requests(now);
	if (self.paused_until && now >= self.paused_until)
		pause_library(0);
	if (self.paused_until && self.paused_until < until)
		until = self.paused_until;
	set_timer(now, until);
	n = epoll_wait(self.epoll, events, ARRAY_SIZE(events), -1);
	if (serve_own(events, n) > 0)
		serve_library();
	else
		snmp_timeout();
}

int event_loop_open(void)
{
	netsnmp_large_fd_set_init(&self.open, FD_SETSIZE);
	netsnmp_large_fd_set_init(&self.ready, FD_SETSIZE);
	self.epoll = epoll_create1(EPOLL_CLOEXEC);
	if (self.epoll < 0)
		return -errno;
	self.timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	if (self.timer < 0)
		return -errno;
	return event_loop_watch(self.timer, EPOLLIN, on_timer, NULL);
}
