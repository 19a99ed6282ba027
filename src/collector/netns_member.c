/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collector/netns_member.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "util/log.h"

/* The longest absence that counts as a restart: too short for SAs to come and go
 * unnoticed. */
#define RESTART_NS UINT64_C(10000000000)

struct netns_member *netns_member_new(const struct netns_env *env, const char *name)
{
	struct netns_member *member = calloc(1, sizeof(*member));

	if (!member)
		return NULL;
	member->env = env;
	snprintf(member->name, sizeof(member->name), "%s", name);
	netns_log_init(&member->log, name);
	return member;
}

static bool is_own(const struct netns_member *member)
{
	return !member->name[0];
}

static uint64_t now(const struct netns_member *member)
{
	return member->env->opener->ops->now(member->kernel);
}

static const struct collector_status *status_of(const struct netns_member *member)
{
	return collector_status(member->collector);
}

/* Event sockets. */

static void listen_to(struct netns_member *member)
{
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = member};
	int fd = member->env->opener->event_fd(member->kernel);

	member->listening = !epoll_ctl(member->env->epoll, EPOLL_CTL_ADD, fd, &event);
}

static void stop_listening(struct netns_member *member)
{
	if (member->listening)
		epoll_ctl(member->env->epoll, EPOLL_CTL_DEL,
			  member->env->opener->event_fd(member->kernel), NULL);
	member->listening = false;
}

/* If false, only polls at the interval read the events. */
static bool events_are_good(const struct netns_member *member)
{
	return !member->failing && !member->flood.on &&
	       !status_of(member)->faults.errors[SOURCE_EVENTS];
}

static void log_foreign(struct netns_member *member)
{
	netns_log_foreign(&member->log, &member->flood,
			  status_of(member)->health.foreign, now(member));
}

void netns_member_read_events(struct netns_member *member)
{
	int err = collector_read_events(member->collector);

	flood_note(&member->flood, status_of(member)->health.foreign);
	log_foreign(member);
	if (!err && !member->flood.on)
		return;
	netns_log_faults(&member->log, status_of(member));
	stop_listening(member);
}

/* Coming. */

/* sysfs shows the HBAs of the daemon's own namespace only. */
static int make_collector(struct netns_member *member)
{
	const struct netns_env *env = member->env;
	const struct collector_options options = {
	    .netns = member->name,
	    .sysfs_root = is_own(member) ? env->paths.sysfs_root : NULL,
	    .stale_after = env->config.stale_after,
	    .peers = env->config.peers,
	};
	struct instance_set set;
	int err = instance_set_select(env->config.instances, member->name, &set);

	if (err)
		return err;
	member->collector =
	    collector_new(env->opener->ops, member->kernel, &options, &set);
	instance_set_free(&set);
	return member->collector ? 0 : -ENOMEM;
}

static void log_state(const struct netns_member *member, int err)
{
	const struct netns_paths *paths = &member->env->paths;
	char file[STATE_NAME_MAX + 1];

	state_file_name(file, member->name);
	if (paths->read_only)
		netns_log_borrowed_state(&member->log, paths->state_dir, file, err);
	else
		netns_log_state(&member->log, paths->state_dir, file, err);
}

/* True if the counters may have missed SAs since the state was saved. If its owner
 * still counts (last_at 0), a reader misses nothing that the owner does not have: it
 * reports only the SAs that are missing from its dump. */
static bool has_gap(const struct netns_member *member, uint64_t last_at)
{
	if (!last_at)
		return !member->env->paths.read_only;
	return now(member) - last_at > RESTART_NS;
}

/* A collector that has read only a part of the state is replaced by a new one. */
static int load_state(struct netns_member *member)
{
	uint64_t last_at = 0;
	int err =
	    state_load(member->env->paths.state_dir, member->name, &member->state_id,
		       collector_rows(member->collector), now(member), &last_at);

	log_state(member, err);
	member->restored = !err;
	if (!err && has_gap(member, last_at))
		collector_note_gap(member->collector);
	if (!err || err == -ENOENT || err == -ESTALE)
		return 0;
	collector_free(member->collector);
	member->collector = NULL;
	return make_collector(member);
}

static int read_state_id(struct netns_member *member)
{
	int err = state_id_read_boot(&member->state_id);

	if (!err)
		err = member->env->opener->cookie(member->kernel,
						  &member->state_id.netns_cookie);
	member->has_state_id = !err;
	return err;
}

static void log_no_state_id(const struct netns_member *member, int err)
{
	const struct netns_paths *paths = &member->env->paths;

	if (err && is_own(member) && paths->state_dir && !paths->read_only)
		log_message(LOG_WARNING,
			    "cannot save the state, since boot id or network namespace "
			    "cannot be read: %s",
			    strerror(-err));
}

/* Continues with the remembered rows, or begins with the saved state. */
static int start_collecting(struct netns_member *member)
{
	uint64_t before = member->state_id.netns_cookie;
	int err;

	log_no_state_id(member, read_state_id(member));
	if (member->collector)
		return collector_attach(member->collector, member->kernel,
					member->has_state_id &&
					    before == member->state_id.netns_cookie);
	err = make_collector(member);
	if (!err && member->env->paths.state_dir && member->has_state_id)
		err = load_state(member);
	return err;
}

static void close_kernel(struct netns_member *member)
{
	if (!member->kernel)
		return;
	stop_listening(member);
	member->env->opener->close(member->kernel);
	member->kernel = NULL;
	member->failing = false;
}

int netns_member_open(struct netns_member *member, int netns)
{
	const struct netns_env *env = member->env;
	size_t rcvbuf = env->config.receive_buffer;
	int err = is_own(member) ? env->opener->open(rcvbuf, &member->kernel)
				 : env->opener->open_other(env->own->kernel, netns,
							   rcvbuf, &member->kernel);
	uint64_t foreign;

	if (err)
		return err;
	err = start_collecting(member);
	if (err) {
		close_kernel(member);
		return err;
	}
	member->polled = false;
	member->looked = false;
	foreign = status_of(member)->health.foreign;
	member->flood = (struct flood){.n = foreign, .logged = foreign};
	listen_to(member);
	return 0;
}

/* Going. */

void netns_member_forget(struct netns_member *member, struct health *past)
{
	if (member->collector)
		health_add(past, &status_of(member)->health);
	collector_free(member->collector);
	member->collector = NULL;
}

void netns_member_release(struct netns_member *member, const char *why)
{
	if (!member->failing)
		collector_poll(member->collector);
	collector_detach(member->collector);
	member->released_at = now(member);
	close_kernel(member);
	netns_log_released(&member->log, why);
}

void netns_member_free(struct netns_member *member)
{
	if (!member)
		return;
	collector_free(member->collector);
	close_kernel(member);
	free(member);
}

/* While it is watched. */

int netns_member_configure(struct netns_member *member)
{
	const struct netns_config *config = &member->env->config;
	struct instance_set set;
	int err = instance_set_select(config->instances, member->name, &set);

	if (err)
		return err;
	err = collector_reconfigure(member->collector, &set, config->peers,
				    config->stale_after);
	instance_set_free(&set);
	member->looked = false;
	return err;
}

/* Once after each start and each reload: a typing error shows, and an interface that
 * comes and goes does not fill the log. */
static void look_for_devices(struct netns_member *member)
{
	struct missing_devices missing;

	if (member->looked)
		return;
	member->looked = true;
	missing = collector_missing_devices(member->collector);
	netns_log_missing_devices(&member->log, &missing);
}

int netns_member_poll(struct netns_member *member)
{
	int err = collector_poll(member->collector);
	const struct collector_status *status = status_of(member);

	log_debug(LOG_TOPIC_POLL, "%spolled in %" PRIu64 " us: %s", member->log.prefix,
		  status->health.last_poll_duration / 1000, strerror(-err));
	member->failing = err != 0;
	member->polled = true;
	netns_log_poll(&member->log, status);
	look_for_devices(member);
	flood_note_poll(&member->flood, status->health.foreign);
	log_foreign(member);
	if (!member->listening && events_are_good(member))
		listen_to(member);
	return err;
}

bool netns_member_wants_poll(const struct netns_member *member)
{
	return member->kernel &&
	       (!member->polled ||
		(events_are_good(member) && collector_wants_poll(member->collector)));
}

static int keep_peers(struct snapshot *fresh, struct snapshot_row *row,
		      const struct snapshot *old, const struct snapshot_row *old_row)
{
	for (size_t i = 0; i < old_row->n_peers; i++) {
		struct snapshot_peer *peer = snapshot_add_peer(fresh, row);

		if (!peer)
			return -ENOMEM;
		*peer = old->peers[old_row->first_peer + i];
	}
	return 0;
}

/* A failed poll leaves the numbers of the rows from the first on, and their peers, but
 * the other columns are up to date. */
static int keep_numbers(struct snapshot *fresh, size_t first,
			const struct snapshot *old)
{
	int err = 0;

	if (first < fresh->n_rows)
		fresh->n_peers = fresh->rows[first].first_peer;
	for (size_t i = first; i < fresh->n_rows && !err; i++) {
		struct snapshot_row *row = &fresh->rows[i];
		const struct snapshot_row *old_row = snapshot_find(old, row->name);

		row->first_peer = fresh->n_peers;
		row->n_peers = 0;
		if (!old_row)
			continue;
		row->stats = old_row->stats;
		row->replay_failures = old_row->replay_failures;
		row->packets_sent = old_row->packets_sent;
		row->packets_received = old_row->packets_received;
		err = keep_peers(fresh, row, old, old_row);
	}
	return err;
}

int netns_member_snapshot(const struct netns_member *member, struct snapshot *fresh,
			  const struct snapshot *old)
{
	size_t first = fresh->n_rows;
	int err;

	/* before the first poll the rows have nothing but zeros */
	if (!member->collector ||
	    (!member->polled && !status_of(member)->health.last_poll))
		return 0;
	err = collector_snapshot(member->collector, fresh);
	if (!err && member->failing)
		err = keep_numbers(fresh, first, old);
	return err;
}

/* At its start the member had perhaps no descriptor for its ID. */
int netns_member_make_state(struct netns_member *member, uint64_t last_at,
			    struct state_image *ret)
{
	if (member->kernel && (member->has_state_id || read_state_id(member) == 0))
		return state_image_make(ret, member->name, &member->state_id,
					collector_rows(member->collector), last_at);
	*ret = (struct state_image){.body = NULL};
	state_file_name(ret->file, member->name);
	return 0;
}
