/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "config.h"

#include "mib_table.h"

#include <sys/utsname.h>

#include "poller.h"
#include "util/array.h"
#include "util/clock.h"

/* The tables of the MIB, as data. */

#define COLUMN(id, type, row, member) \
	{id, type, offsetof(row, member), sizeof(((row *)NULL)->member)}
#define COLUMNS(list) .columns = (list), .n_columns = ARRAY_SIZE(list)
#define ROOT(...)                               \
	.root = {MIB_ROOT_SUBIDS, __VA_ARGS__}, \
	.root_len = sizeof((oid[]){MIB_ROOT_SUBIDS, __VA_ARGS__}) / sizeof(oid)

/* Appends a string to an index of len subidentifiers: its length, then its characters.
 * Returns the new length of the index. */
static size_t add_string(oid *index, size_t len, const char *text)
{
	index[len++] = strlen(text);
	while (*text)
		index[len++] = (unsigned char)*text++;
	return len;
}

/* The instances, with their statistics. */

static const void *instance_rows(const struct snapshot *snapshot, size_t *ret_n)
{
	*ret_n = snapshot->n_rows;
	return snapshot->rows;
}

static size_t instance_index(const void *row, oid *index)
{
	return add_string(index, 0, ((const struct snapshot_row *)row)->name);
}

#define INSTANCE(id, type, member) COLUMN(id, type, struct snapshot_row, member)

static const struct mib_column instance_columns[] = {
    INSTANCE(2, MIB_TRUTH, active),
    INSTANCE(3, MIB_TEXT, descr),
    INSTANCE(4, MIB_TEXT, transport),
    INSTANCE(5, MIB_TEXT, netns),
    INSTANCE(6, MIB_TEXT, initiator_name),
    INSTANCE(7, MIB_INTEGER, if_index),
    INSTANCE(8, MIB_GAUGE32, sessions),
    INSTANCE(9, MIB_GAUGE32, stats.active_sa),
    INSTANCE(10, MIB_GAUGE32, stats.pending_key_operations),
    INSTANCE(11, MIB_GAUGE32, stats.active_tunnels),
    INSTANCE(12, MIB_INTEGER, error_scope),
    INSTANCE(13, MIB_COUNTER64, replay_failures),
    INSTANCE(14, MIB_TIMESTAMP, discontinuity),
    INSTANCE(15, MIB_TEXT, name), /* readable, unlike the index */
    INSTANCE(16, MIB_COUNTER64, packets_sent),
    INSTANCE(17, MIB_COUNTER64, packets_received),
};

static const struct mib_column stats_columns[STAT_COUNT] = {
#define STAT(id, member, field, kind, unit) \
	[(id) - 1] = INSTANCE(id, MIB_COUNTER64, stats.member),
#include "ledger/stats.def"
#undef STAT
};

/* The kernel's error counters, by namespace and name. */

static const void *xfrm_rows(const struct snapshot *snapshot, size_t *ret_n)
{
	*ret_n = snapshot->n_xfrm;
	return snapshot->xfrm;
}

static size_t xfrm_index(const void *row, oid *index)
{
	const struct snapshot_xfrm *xfrm = row;
	size_t len = add_string(index, 0, xfrm->netns);

	return add_string(index, len, xfrm->counter.name);
}

static const struct mib_column xfrm_columns[] = {
    COLUMN(3, MIB_COUNTER64, struct snapshot_xfrm, counter.value),
    COLUMN(4, MIB_TEXT, struct snapshot_xfrm, netns), /* readable, unlike the index */
    COLUMN(5, MIB_TEXT, struct snapshot_xfrm, counter.name),
};

_Static_assert(SNAPSHOT_NETNS_MAX <= INSTANCE_NAME_MAX &&
		   XFRM_STAT_NAME_MAX <= PEER_NAME_MAX,
	       "its index is not the longest");

/* The peers of each instance. */

static const void *peer_rows(const struct snapshot *snapshot, size_t *ret_n)
{
	*ret_n = snapshot->n_peers;
	return snapshot->peers;
}

static size_t peer_index(const void *row, oid *index)
{
	const struct snapshot_peer *peer = row;
	size_t len = add_string(index, 0, peer->instance);

	return add_string(index, len, peer->name);
}

#define PEER(id, type, member) COLUMN(id, type, struct snapshot_peer, member)

static const struct mib_column peer_columns[] = {
    PEER(2, MIB_TEXT, label),
    PEER(3, MIB_TRUTH, active),
    PEER(4, MIB_GAUGE32, totals.stats.active_sa),
    PEER(5, MIB_GAUGE32, totals.stats.active_tunnels),
    PEER(6, MIB_GAUGE32, totals.stats.pending_key_operations),
    PEER(7, MIB_COUNTER64, totals.stats.key_additions),
    PEER(8, MIB_COUNTER64, totals.stats.key_deletions),
    PEER(9, MIB_COUNTER64, totals.stats.rekeys),
    PEER(10, MIB_COUNTER64, totals.stats.packets_not_authenticated),
    PEER(11, MIB_COUNTER64, totals.replay_failures),
    PEER(12, MIB_COUNTER64, totals.packets_sent),
    PEER(13, MIB_COUNTER64, totals.packets_received),
    PEER(14, MIB_COUNTER64, bytes_sent),
    PEER(15, MIB_COUNTER64, bytes_received),
    PEER(16, MIB_TIMESTAMP, last_change),
    PEER(17, MIB_TIMESTAMP, discontinuity),
};

/* The daemon's own health. */

struct agent_row {
	char version[32];
	struct utsname kernel;
	uint32_t poll_interval_ms;
	uint64_t last_poll_us;
	bool has_xfrm_stat;
	uint64_t data_age_ms;
	struct health health;
};

static uint64_t data_age_ms(const struct health *health)
{
	if (!health->last_poll)
		return UINT32_MAX;
	return (clock_now_ns() - health->last_poll) / NS_PER_MS;
}

static const void *agent_rows(const struct snapshot *snapshot, size_t *ret_n)
{
	static struct agent_row row = {.version = PACKAGE_VERSION};

	if (!row.kernel.release[0])
		uname(&row.kernel);
	row.poll_interval_ms = poller_interval_ms();
	row.last_poll_us = snapshot->health.last_poll_duration / 1000;
	row.has_xfrm_stat = !snapshot->health.xfrm_stat_missing;
	row.data_age_ms = data_age_ms(&snapshot->health);
	row.health = snapshot->health;
	*ret_n = 1;
	return &row;
}

static size_t agent_index(const void *row, oid *index)
{
	(void)row;
	index[0] = 0;
	return 1;
}

#define AGENT(id, type, member) COLUMN(id, type, struct agent_row, member)

static const struct mib_column agent_columns[] = {
    AGENT(1, MIB_TEXT, version),
    AGENT(2, MIB_TEXT, kernel.release),
    AGENT(3, MIB_GAUGE32, poll_interval_ms),
    AGENT(4, MIB_TIMESTAMP, health.last_poll),
    AGENT(5, MIB_GAUGE32, last_poll_us),
    AGENT(6, MIB_GAUGE32, health.tracked_sas),
    AGENT(7, MIB_COUNTER64, health.events),
    AGENT(8, MIB_COUNTER64, health.event_losses),
    AGENT(9, MIB_COUNTER64, health.resyncs),
    AGENT(10, MIB_COUNTER64, health.failed_polls),
    AGENT(11, MIB_TEXT, health.last_error),
    AGENT(12, MIB_TRUTH, has_xfrm_stat),
    AGENT(13, MIB_COUNTER64, health.polls),
    AGENT(14, MIB_GAUGE32, data_age_ms),
};

const struct mib_table mib_tables[] = {
    [MIB_INSTANCES] = {.name = "qmIpsecInstanceTable",
		       ROOT(1, 1, 1),
		       COLUMNS(instance_columns),
		       .row_size = sizeof(struct snapshot_row),
		       .rows = instance_rows,
		       .index = instance_index},
    [MIB_STATS] = {.name = "qmIpsecStatsTable",
		   ROOT(1, 2, 1),
		   COLUMNS(stats_columns),
		   .row_size = sizeof(struct snapshot_row),
		   .rows = instance_rows,
		   .index = instance_index},
    [MIB_XFRM] = {.name = "qmIpsecXfrmTable",
		  ROOT(1, 3, 1),
		  COLUMNS(xfrm_columns),
		  .row_size = sizeof(struct snapshot_xfrm),
		  .rows = xfrm_rows,
		  .index = xfrm_index},
    [MIB_PEERS] = {.name = "qmIpsecPeerTable",
		   ROOT(1, 5, 1),
		   COLUMNS(peer_columns),
		   .row_size = sizeof(struct snapshot_peer),
		   .rows = peer_rows,
		   .index = peer_index},
    [MIB_AGENT] = {.name = "qmIpsecAgent",
		   ROOT(1, 4),
		   COLUMNS(agent_columns),
		   .row_size = sizeof(struct agent_row),
		   .rows = agent_rows,
		   .index = agent_index},
};
const size_t mib_tables_n = ARRAY_SIZE(mib_tables);
