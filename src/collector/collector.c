/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collector/collector.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/sa_answer.h"

enum {
	/* Reads of events in a row, each of at most 100 ms (xfrm_netlink.c): before a
	 * dump, which must not wait for ever; and after it, when unread events are
	 * lost. 10,000 events take over 1 s in a slow virtual machine. Messages that
	 * the kernel did not send may arrive endlessly, and get no more time after a
	 * dump.
	 */
	MAX_READS = 4,
	MAX_READS_AFTER_DUMP = 100,
};

struct collector {
	struct collector_options options;
	struct surroundings around;
	struct inventory inventory;
	struct rows rows;
	struct collector_status status;
	bool lost_events;   /* since the last complete dump began */
	uint64_t n_foreign; /* as last returned by count_foreign() */
	bool stale;
};

static uint64_t now(const struct collector *collector)
{
	return surroundings_now(&collector->around);
}

static void note(struct collector *collector, enum source source, int err)
{
	faults_note(&collector->status.faults, source, err);
}

struct collector *collector_new(const struct kernel_ops *ops, void *kernel,
				const struct collector_options *options,
				struct instance_set *instances)
{
	struct collector *collector = calloc(1, sizeof(*collector));
	struct peer_config peers = {.enabled = false};
	struct ledger_env env;

	if (!collector)
		return NULL;
	collector->options = *options;
	collector->around = (struct surroundings){
	    .ops = ops,
	    .faults = &collector->status.faults,
	    .inventory = &collector->inventory,
	    .rows = &collector->rows,
	};
	surroundings_init(&collector->around, kernel);
	env = attribution_env(&collector->around);
	if (peer_config_copy(options->peers, &peers) < 0 ||
	    inventory_init(&collector->inventory, instances) < 0 ||
	    rows_init(&collector->rows, &collector->inventory.set, ledger_new(&env, 1),
		      now(collector)) < 0) {
		peer_config_free(&peers);
		collector_free(collector);
		return NULL;
	}
	collector->options.peers = NULL;
	ledger_configure_peers(collector->rows.ledger, &peers);
	return collector;
}

void collector_free(struct collector *collector)
{
	if (!collector)
		return;
	rows_free(&collector->rows);
	inventory_free(&collector->inventory);
	surroundings_free(&collector->around);
	free(collector);
}

/* Events. */

void collector_note_gap(struct collector *collector)
{
	collector->lost_events = true;
	ledger_note_gap(collector->rows.ledger);
}

static int handle_event(void *ctx, const struct nlmsghdr *nlh)
{
	struct collector *collector = ctx;
	struct sa_event event;
	int err = sa_event_parse(nlh, &event);

	collector->status.health.events++;
	if (!err && event.type == SA_EVENT_POLICY)
		collector->around.policies_stale = true;
	if (!err)
		err = ledger_event(collector->rows.ledger, &event, now(collector));
	if (err)
		collector_note_gap(collector); /* the dump resynchronises */
	return 0;
}

/* Reads until no event waits. Returns 0; 1 if max_reads were not enough; or -errno. */
static int read_waiting(struct collector *collector, int max_reads)
{
	const struct surroundings *around = &collector->around;
	int ret = 1;

	for (int i = 0; i < max_reads && ret; i++) {
		if (i >= MAX_READS && collector->lost_events)
			break; /* the next poll resynchronises anyway */
		ret = around->ops->read_events(around->kernel, handle_event, collector);
		if (ret == -ENOBUFS || ret == -ENOSPC) {
			collector_note_gap(collector);
			collector->status.health.event_losses++;
		} else if (ret < 0) {
			return ret;
		}
	}
	return ret != 0;
}

/* Events that are left unread before a dump are read after it, like those that come
 * meanwhile. Events that are left after it count as lost. */
static void drain(struct collector *collector, bool dumped)
{
	const struct surroundings *around = &collector->around;
	bool foreign =
	    around->ops->count_foreign(around->kernel) != collector->n_foreign;
	int ret = read_waiting(collector,
			       dumped && !foreign ? MAX_READS_AFTER_DUMP : MAX_READS);

	if (ret < 0 || (ret && dumped))
		collector_note_gap(collector);
	note(collector, SOURCE_EVENTS, ret < 0 ? ret : 0);
}

static void count_foreign(struct collector *collector)
{
	const struct surroundings *around = &collector->around;
	uint64_t n = around->ops->count_foreign(around->kernel);

	if (n == collector->n_foreign)
		return;
	collector->status.health.foreign += n - collector->n_foreign;
	collector->n_foreign = n;
	faults_say(&collector->status.faults,
		   "dropped %" PRIu64 " netlink messages that the kernel did not send",
		   collector->status.health.foreign);
}

static void read_addrs(struct collector *collector)
{
	if (!surroundings_read_addrs(&collector->around))
		return;
	collector->inventory.read_at = 0;
	collector->around.reattribute = true;
}

/* Events are read even if the addresses cannot be, since their sockets stay readable.
 */
int collector_read_events(struct collector *collector)
{
	int ret;

	read_addrs(collector);
	ret = read_waiting(collector, MAX_READS);
	count_foreign(collector);
	if (ret < 0)
		note(collector, SOURCE_EVENTS, ret);
	return ret < 0 ? ret : 0;
}

bool collector_wants_poll(const struct collector *collector)
{
	return collector->lost_events || collector->around.routes.starved ||
	       ledger_wants_dump(collector->rows.ledger);
}

/* Polls. */

static int make_room(struct collector *collector)
{
	return row_room_make(&collector->status.room, &collector->rows,
			     &collector->inventory, &collector->around.addrs,
			     now(collector));
}

static int refresh_instances(struct collector *collector)
{
	struct inventory *inventory = &collector->inventory;
	int rows;
	int err;

	if (presence_find_devices(&collector->around)) {
		collector->around.reattribute = true;
		inventory->read_at = 0;
	}
	err = inventory_refresh(inventory, collector->options.sysfs_root,
				&collector->around.addrs, now(collector));
	rows = rows_begin(&collector->rows, now(collector));
	if (!err && !rows)
		rows = make_room(collector);
	presence_find_interfaces(&collector->around);
	return err ? err : rows;
}

/* A kernel may lack these counters, and a later one may write them differently. The SAs
 * are counted nevertheless, and the last counters are kept. */
static void read_counters(struct collector *collector)
{
	struct surroundings *around = &collector->around;
	struct xfrm_stat fresh;
	int err;

	fresh.n = fresh.n_skipped = 0;
	err = around->ops->read_xfrm_stat(around->kernel, &fresh);

	if (!err)
		collector->rows.xfrm_reset |=
		    xfrm_totals_follow(&collector->rows.xfrm, &fresh);
	if (!err && !error_columns_have_source(&fresh))
		err = -EBADMSG;
	collector->status.xfrm_stat =
	    (struct xfrm_stat_status){.err = err, .n_skipped = fresh.n_skipped};
	collector->status.health.xfrm_stat_missing = err != 0;
	if (err && err != -ENOENT)
		faults_say(&collector->status.faults, "reading xfrm_stat: %s",
			   strerror(-err));
}

/* A dump of the SAD in progress. */
struct sad_reader {
	struct ledger *ledger;
	struct sa_layouts layouts;
};

static int dump_other(struct ledger *ledger, const struct sa_answer *answer)
{
	struct sa sa;
	int err = sa_answer_parse(answer, &sa);

	return err ? err : ledger_dump_sa(ledger, &sa);
}

static int dump_one(void *ctx, const struct nlmsghdr *nlh)
{
	struct sad_reader *reader = ctx;
	struct sa_answer answer;
	int err = sa_answer_find(nlh, &reader->layouts, &answer);

	if (err)
		return err == -ENOENT ? 0 : err;
	return ledger_dump_expected(reader->ledger, &answer)
		   ? 0
		   : dump_other(reader->ledger, &answer);
}

static int read_sad(const struct surroundings *around, struct ledger *ledger)
{
	struct sad_reader reader = {.ledger = ledger};
	unsigned attempt = 0;
	int err;

	do {
		ledger_dump_begin(ledger);
		err = around->ops->dump(around->kernel, KERNEL_DUMP_SAD, dump_one,
					&reader);
		if (err)
			ledger_dump_abort(ledger, surroundings_now(around));
	} while (retry_is_due(err, &attempt));
	return err;
}

static int dump_sad(struct collector *collector)
{
	int err = read_sad(&collector->around, collector->rows.ledger);

	if (err)
		return err;
	drain(collector, true);
	attribution_settle(&collector->around);
	return ledger_dump_end(collector->rows.ledger, now(collector));
}

static int poll_steps(struct collector *collector)
{
	bool resync;
	int err;

	surroundings_begin(&collector->around);
	read_addrs(collector);
	drain(collector, false);
	note(collector, SOURCE_INSTANCES, refresh_instances(collector));
	attribution_begin(&collector->around, !collector->status.health.last_poll);
	read_counters(collector);
	resync = collector->lost_events;
	collector->lost_events = false;
	err = dump_sad(collector);
	if (err) {
		collector->lost_events |= resync;
		return err;
	}
	rows_count_errors(&collector->rows, now(collector));
	rows_note_losses(&collector->rows, resync || collector->lost_events,
			 now(collector));
	collector->status.health.resyncs += resync;
	return 0;
}

int collector_poll(struct collector *collector)
{
	struct health *health = &collector->status.health;
	uint64_t start = now(collector);
	int err = poll_steps(collector);
	uint64_t end = now(collector);

	presence_refresh(&collector->around);
	collector->around.guessing = false;
	count_foreign(collector);
	note(collector, SOURCE_SAS, err);
	if (err) {
		health->failed_polls++;
	} else {
		struct ledger_counts counts = ledger_counts(collector->rows.ledger);

		health->polls++;
		health->last_poll = end;
		health->last_poll_duration = end - start;
		health->tracked_sas = counts.keyed + counts.larval + counts.other;
	}
	collector->stale = health->last_poll == 0 ||
			   end - health->last_poll > collector->options.stale_after;
	return err;
}

/* Coming and going. */

void collector_detach(struct collector *collector)
{
	struct health *health = &collector->status.health;

	if (!collector->around.kernel)
		return;
	surroundings_detach(&collector->around);
	rows_park(&collector->rows, now(collector));
	rows_note_losses(&collector->rows, false, now(collector));
	presence_clear(&collector->around);
	collector->lost_events = false;
	health->tracked_sas = 0;
	health->last_poll_duration = 0;
	health->xfrm_stat_missing = false;
}

int collector_attach(struct collector *collector, void *kernel, bool same)
{
	int err = same ? rows_readmit(&collector->rows) : 0;

	if (err)
		return err;
	rows_forget_parked(&collector->rows);
	surroundings_attach(&collector->around, kernel, same);
	collector->n_foreign = 0;
	if (same)
		collector_note_gap(collector);
	else
		rows_begin_errors(&collector->rows);
	return 0;
}

int collector_reconfigure(struct collector *collector, struct instance_set *instances,
			  const struct peer_config *peers, uint64_t stale_after)
{
	struct peer_config copy = {.enabled = false};
	size_t most = collector->inventory.set.n + instances->n;
	int err = rows_reserve(&collector->rows,
			       most < LEDGER_MAX_ROWS ? most : LEDGER_MAX_ROWS);

	if (!err)
		err = peer_config_copy(peers, &copy);
	if (!err)
		err = inventory_configure(&collector->inventory, instances);
	if (err) {
		peer_config_free(&copy);
		return err;
	}
	ledger_configure_peers(collector->rows.ledger, &copy);
	collector->options.stale_after = stale_after;
	collector->around.reattribute = true;
	err = rows_begin(&collector->rows, now(collector));
	if (err)
		return err;
	make_room(collector); /* or at the next poll */
	return 0;
}

/* Results. */

struct rows *collector_rows(struct collector *collector)
{
	return &collector->rows;
}

struct missing_devices collector_missing_devices(const struct collector *collector)
{
	return presence_missing_devices(&collector->around);
}

const struct collector_status *collector_status(const struct collector *collector)
{
	return &collector->status;
}

int collector_snapshot(const struct collector *collector, struct snapshot *snapshot)
{
	const char *netns = collector->options.netns;
	const char *last_error = collector->status.faults.last;
	bool first = snapshot->n_rows == 0;
	struct health *health = &snapshot->health;
	char name[SNAPSHOT_NETNS_MAX + 1];
	int err = rows_snapshot(&collector->rows, netns, collector->stale, snapshot);

	if (err)
		return err;
	health_add(health, &collector->status.health);
	if (last_error[0])
		snprintf(health->last_error, sizeof(health->last_error), "%s",
			 last_error);
	if (!collector->around.kernel)
		return 0;
	/* the earliest of all attached namespaces */
	if (first || health->last_poll > collector->status.health.last_poll)
		health->last_poll = collector->status.health.last_poll;
	instance_name_fit(name, sizeof(name), netns);
	return snapshot_add_xfrm(snapshot, name, &collector->rows.xfrm.totals);
}

int collector_list_sas(struct collector *collector, struct sa_list *list)
{
	surroundings_begin(&collector->around);
	return sa_list_fill(list, &collector->around, collector->options.netns);
}
