/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "notify/notifier.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/array.h"
#include "util/clock.h"
#include "util/text.h"

/* For which what appears counts as known after the start. */
#define GRACE_NS (2 * NS_PER_S)

/* What a topic looks at: rows, or peers. */
struct topic {
	bool of_peers;
	enum notification_kind rises;
	enum notification_kind falls; /* 0: nobody is notified */
};

static const struct topic topics[N_NOTIFY_TOPICS] = {
    [NOTIFY_INSTANCES] = {false, NOTIFICATION_INSTANCE_UP, NOTIFICATION_INSTANCE_DOWN},
    [NOTIFY_PEERS] = {true, NOTIFICATION_PEER_UP, NOTIFICATION_PEER_DOWN},
    [NOTIFY_ERRORS] = {false, NOTIFICATION_ERRORS_RISING, 0},
    [NOTIFY_UNPROTECTED] = {false, NOTIFICATION_INSTANCE_UNPROTECTED, 0},
};

/* What is due. */

static enum notification_kind kind_of(enum notify_topic topic,
				      const struct notify_subject *subject)
{
	return subject->settled || !topics[topic].falls ? topics[topic].rises
							: topics[topic].falls;
}

/* Changes what decides whether a notification is due, and of which kind. */
static void set_due(struct notifier *notifier, enum notify_topic topic,
		    struct notify_subject *subject, bool settled, bool due)
{
	notifier->n_due[kind_of(topic, subject)] -= subject->due;
	subject->settled = settled;
	subject->due = due;
	notifier->n_due[kind_of(topic, subject)] += due;
}

/* When another one of that kind may be sent. */
static uint64_t cap_allows_at(const struct notifier *notifier,
			      enum notification_kind kind)
{
	uint64_t oldest = notifier->sent[kind][NOTIFIER_CAP - 1];

	return oldest ? oldest + NOTIFIER_CAP_S * NS_PER_S : 0;
}

/* Returns whether one of that kind, which may be 0, can be sent now. */
static bool can_send(const struct notifier *notifier, enum notification_kind kind,
		     uint64_t time)
{
	return kind && notifier->n_due[kind] && time >= cap_allows_at(notifier, kind);
}

/* Configuration. */

static void clear(struct notifier *notifier, enum notify_topic topic)
{
	struct notify_list *list = &notifier->lists[topic];

	for (size_t i = 0; i < list->n; i++)
		set_due(notifier, topic, &list->subjects[i], false, false);
	free(list->subjects);
	*list = (struct notify_list){0};
}

void notifier_configure(struct notifier *notifier, const struct notify_config *config)
{
	bool was_on = notify_config_is_on(&notifier->config);

	for (enum notify_topic i = 0; i < N_NOTIFY_TOPICS; i++)
		if (!config->topics[i] || !notifier->config.topics[i])
			clear(notifier, i);
	if (!was_on || memcmp(config->topics, notifier->config.topics,
			      sizeof(config->topics)) != 0)
		notifier->began = 0;
	notifier->config = *config;
	notifier->settles = UINT64_MAX;
}

void notifier_free(struct notifier *notifier)
{
	for (enum notify_topic i = 0; i < N_NOTIFY_TOPICS; i++)
		clear(notifier, i);
}

/* States. */

/* The errors of a row. What the kernel counts for a namespace as a whole appears in
 * each of its rows, and counts for `unattributed` here. */
static void get_errors(const struct snapshot_row *row, uint64_t *ret)
{
	bool own = row->error_scope == ERROR_SCOPE_INSTANCE || row->unattributed;

	ret[NOTIFY_ERROR_BAD_SPI] = own ? row->stats.bad_spi_packets : 0;
	ret[NOTIFY_ERROR_NOT_DECRYPTED] = own ? row->stats.packets_not_decrypted : 0;
	ret[NOTIFY_ERROR_NOT_AUTHENTICATED] = row->stats.packets_not_authenticated;
	ret[NOTIFY_ERROR_REPLAY] = row->replay_failures;
}

static void begin_interval(struct notify_subject *subject, const uint64_t *errors,
			   uint64_t time)
{
	memcpy(subject->errors, errors, sizeof(subject->errors));
	subject->began = time;
	subject->risen = false;
}

/* Returns the increase since the interval began, of all together. */
static uint64_t measure(struct notify_subject *subject, const uint64_t *errors,
			uint32_t *ret)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < N_NOTIFY_ERRORS; i++) {
		uint64_t increase = errors[i] - subject->errors[i];

		if (errors[i] < subject->errors[i]) { /* begun again */
			subject->errors[i] = errors[i];
			increase = 0;
		}
		ret[i] = increase < UINT32_MAX ? (uint32_t)increase : UINT32_MAX;
		sum += increase;
	}
	return sum;
}

/* Returns whether the errors have risen, in this interval or the one before. */
static bool watch_errors(const struct notify_config *config,
			 struct notify_subject *subject, const struct snapshot_row *row,
			 uint64_t time)
{
	uint64_t errors[N_NOTIFY_ERRORS];
	uint32_t increase[N_NOTIFY_ERRORS];
	bool rising = subject->now;

	get_errors(row, errors);
	if (row->error_scope != subject->scope) {
		subject->scope = row->error_scope;
		begin_interval(subject, errors, time);
	}
	if (measure(subject, errors, increase) >= config->errors_threshold) {
		if (!rising)
			memcpy(subject->increase, increase, sizeof(increase));
		subject->risen = rising = true;
	}
	if (time - subject->began >= config->errors_interval_ms * NS_PER_MS) {
		rising = subject->risen;
		begin_interval(subject, errors, time);
	}
	return rising;
}

static bool state_of(const struct notifier *notifier, enum notify_topic topic,
		     struct notify_subject *subject, const void *of, uint64_t time)
{
	const struct snapshot_row *row = of;

	switch (topic) {
	case NOTIFY_PEERS:
		return ((const struct snapshot_peer *)of)->active;
	case NOTIFY_INSTANCES:
		return row->active;
	case NOTIFY_ERRORS:
		return watch_errors(&notifier->config, subject, row, time);
	case NOTIFY_UNPROTECTED:
		return row->active && row->software && row->sessions &&
		       !row->stats.active_sa;
	case N_NOTIFY_TOPICS:
		break;
	}
	return false;
}

static uint64_t hold_down(const struct notifier *notifier, enum notify_topic topic)
{
	return topic == NOTIFY_ERRORS ? 0 : notifier->config.hold_down_ms * NS_PER_MS;
}

/* A state that lasts is due. One whose end is not notified stays due until it is sent.
 */
static void settle(struct notifier *notifier, enum notify_topic topic,
		   struct notify_subject *subject, uint64_t time)
{
	uint64_t when = subject->since + hold_down(notifier, topic);

	if (subject->now == subject->settled)
		return;
	if (time < when) {
		if (when < notifier->settles)
			notifier->settles = when;
		return;
	}
	set_due(notifier, topic, subject, subject->now,
		subject->due || subject->now || topics[topic].falls);
}

static void update(struct notifier *notifier, enum notify_topic topic,
		   struct notify_subject *subject, bool state, uint64_t time)
{
	if (state != subject->now) {
		subject->now = state;
		subject->since = time;
	}
	settle(notifier, topic, subject, time);
}

static void settle_all(struct notifier *notifier, uint64_t time)
{
	notifier->settles = UINT64_MAX;
	for (enum notify_topic i = 0; i < N_NOTIFY_TOPICS; i++)
		for (size_t j = 0; j < notifier->lists[i].n; j++)
			settle(notifier, i, &notifier->lists[i].subjects[j], time);
}

/* Snapshots. */

static const char *instance_of(const struct topic *topic, const void *of)
{
	return topic->of_peers ? ((const struct snapshot_peer *)of)->instance
			       : ((const struct snapshot_row *)of)->name;
}

static const char *peer_of(const struct topic *topic, const void *of)
{
	return topic->of_peers ? ((const struct snapshot_peer *)of)->name : "";
}

static int compare(const struct notify_subject *subject, const char *instance,
		   const char *peer)
{
	int order = text_compare_index(subject->instance, instance);

	return order ? order : text_compare_index(subject->peer, peer);
}

static struct notify_subject make_subject(const struct topic *topic, const void *of)
{
	struct notify_subject subject = {.due = false};

	snprintf(subject.instance, sizeof(subject.instance), "%s",
		 instance_of(topic, of));
	snprintf(subject.peer, sizeof(subject.peer), "%s", peer_of(topic, of));
	return subject;
}

/* `other` is no endpoint that can go. */
static bool is_watched(const struct topic *topic, const void *of)
{
	return strcmp(peer_of(topic, of), PEER_OTHER) != 0;
}

/* Keeps a subject that the snapshot no longer has until its end has been sent. */
static void take_gone(struct notifier *notifier, enum notify_topic topic,
		      struct notify_list *fresh, const struct notify_subject *old,
		      uint64_t time)
{
	struct notify_subject *subject = &fresh->subjects[fresh->n];

	*subject = *old;
	update(notifier, topic, subject, false, time);
	if (subject->settled || subject->due || subject->unanswered)
		fresh->n++;
}

static void take(struct notifier *notifier, enum notify_topic topic,
		 struct notify_list *fresh, const struct notify_subject *old,
		 const void *of, uint64_t time)
{
	struct notify_subject *subject = &fresh->subjects[fresh->n++];
	bool known = old || time - notifier->began <= GRACE_NS;
	bool state;

	*subject = old ? *old : make_subject(&topics[topic], of);
	state = state_of(notifier, topic, subject, of, time);
	if (!old) {
		subject->now = state;
		subject->settled = known && state;
		subject->since = time;
	}
	update(notifier, topic, subject, state, time);
}

/* Merges what was known with the snapshot: both are in the order of the index. */
static int observe(struct notifier *notifier, enum notify_topic topic,
		   const char *elements, size_t n, size_t size, uint64_t time)
{
	struct notify_list *list = &notifier->lists[topic];
	struct notify_list fresh = {.turn = list->turn};
	const struct topic *of = &topics[topic];
	size_t i = 0;
	size_t j = 0;

	if (array_reserve(&fresh.subjects, 0, list->n + n) < 0)
		return -ENOMEM;
	while (i < list->n || j < n) {
		const void *element = j < n ? elements + j * size : NULL;
		int order = !element ? -1
			    : i == list->n
				? 1
				: compare(&list->subjects[i], instance_of(of, element),
					  peer_of(of, element));

		if (order < 0)
			take_gone(notifier, topic, &fresh, &list->subjects[i], time);
		else if (is_watched(of, element))
			take(notifier, topic, &fresh, order ? NULL : &list->subjects[i],
			     element, time);
		i += order <= 0;
		j += order >= 0;
	}
	free(list->subjects);
	*list = fresh;
	return 0;
}

int notifier_observe(struct notifier *notifier, const struct snapshot *snapshot,
		     uint64_t time)
{
	int err = 0;

	if (!notify_config_is_on(&notifier->config))
		return 0;
	if (!notifier->began)
		notifier->began = time;
	notifier->settles = UINT64_MAX;
	for (enum notify_topic i = 0; i < N_NOTIFY_TOPICS && !err; i++) {
		if (!notifier->config.topics[i])
			continue;
		err = topics[i].of_peers
			  ? observe(notifier, i, (const char *)snapshot->peers,
				    snapshot->n_peers, sizeof(*snapshot->peers), time)
			  : observe(notifier, i, (const char *)snapshot->rows,
				    snapshot->n_rows, sizeof(*snapshot->rows), time);
	}
	return err;
}

/* Sending. */

static void note_sent(struct notifier *notifier, enum notification_kind kind,
		      uint64_t time)
{
	uint64_t *sent = notifier->sent[kind];

	memmove(sent + 1, sent, (NOTIFIER_CAP - 1) * sizeof(*sent));
	sent[0] = time;
}

static bool send_from(struct notifier *notifier, enum notify_topic topic, uint64_t time,
		      struct notification *ret)
{
	struct notify_list *list = &notifier->lists[topic];

	if (!can_send(notifier, topics[topic].rises, time) &&
	    !can_send(notifier, topics[topic].falls, time))
		return false;
	for (size_t i = 0; i < list->n; i++) {
		size_t at = (list->turn + i) % list->n;
		struct notify_subject *subject = &list->subjects[at];
		enum notification_kind kind = kind_of(topic, subject);

		if (!subject->due || !can_send(notifier, kind, time))
			continue;
		*ret = (struct notification){.kind = kind};
		memcpy(ret->instance, subject->instance, sizeof(ret->instance));
		memcpy(ret->peer, subject->peer, sizeof(ret->peer));
		if (topic == NOTIFY_ERRORS) {
			memcpy(ret->errors, subject->increase, sizeof(ret->errors));
			ret->interval_s = notifier->config.errors_interval_ms / 1000;
		}
		set_due(notifier, topic, subject, subject->settled, false);
		subject->unanswered = true;
		list->turn = at + 1;
		note_sent(notifier, kind, time);
		return true;
	}
	return false;
}

bool notifier_next(struct notifier *notifier, uint64_t time, struct notification *ret)
{
	if (time >= notifier->settles)
		settle_all(notifier, time);
	for (enum notify_topic i = 0; i < N_NOTIFY_TOPICS; i++)
		if (send_from(notifier, i, time, ret))
			return true;
	return false;
}

static bool is_of(enum notify_topic topic, enum notification_kind kind)
{
	return kind == topics[topic].rises || kind == topics[topic].falls;
}

/* The master has answered, or it has not: then the state is due again. */
static void answer(struct notifier *notifier, const struct notification *sent,
		   bool lost)
{
	for (enum notify_topic i = 0; i < N_NOTIFY_TOPICS; i++) {
		struct notify_list *list = &notifier->lists[i];

		for (size_t j = 0; is_of(i, sent->kind) && j < list->n; j++) {
			struct notify_subject *subject = &list->subjects[j];

			if (compare(subject, sent->instance, sent->peer) != 0)
				continue;
			subject->unanswered = false;
			set_due(notifier, i, subject, subject->settled,
				subject->due || lost);
		}
	}
}

void notifier_return(struct notifier *notifier, const struct notification *lost)
{
	answer(notifier, lost, true);
}

void notifier_confirm(struct notifier *notifier, const struct notification *sent)
{
	answer(notifier, sent, false);
}

uint64_t notifier_due(const struct notifier *notifier)
{
	uint64_t due = UINT64_MAX;

	if (!notify_config_is_on(&notifier->config))
		return due;
	for (enum notification_kind kind = 1; kind < N_NOTIFICATION_KINDS; kind++) {
		uint64_t allowed = cap_allows_at(notifier, kind);

		if (notifier->n_due[kind] && allowed < due)
			due = allowed;
	}
	return notifier->settles < due ? notifier->settles : due;
}
