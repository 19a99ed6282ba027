/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "config.h"

#include "mib_table.h"
#include "timestamp.h"

/* qmIpsecInstanceTable: who an instance is, and its levels as Gauge32. */

static void get_active(const void *row, const void *arg, struct mib_value *ret)
{
	(void)arg;
	mib_value_set_truth(ret, ((const struct snapshot_row *)row)->active);
}

static void get_if_index(const void *row, const void *arg, struct mib_value *ret)
{
	(void)arg;
	mib_value_set_long(ret, ASN_INTEGER,
			   ((const struct snapshot_row *)row)->if_index);
}

static void get_sessions(const void *row, const void *arg, struct mib_value *ret)
{
	(void)arg;
	mib_value_set_long(ret, ASN_GAUGE,
			   ((const struct snapshot_row *)row)->sessions);
}

/* A Gauge32 stays at its highest value. */
static void get_level(const void *row, const void *arg, struct mib_value *ret)
{
	uint64_t level = stats_get(&((const struct snapshot_row *)row)->stats, arg);

	mib_value_set_long(ret, ASN_GAUGE, level < UINT32_MAX ? level : UINT32_MAX);
}

static void get_error_scope(const void *row, const void *arg, struct mib_value *ret)
{
	(void)arg;
	mib_value_set_long(ret, ASN_INTEGER,
			   ((const struct snapshot_row *)row)->error_scope);
}

static void get_discontinuity(const void *row, const void *arg, struct mib_value *ret)
{
	(void)arg;
	mib_value_set_long(
	    ret, ASN_TIMETICKS,
	    timestamp_ticks(((const struct snapshot_row *)row)->discontinuity));
}

static const size_t replay_failures = offsetof(struct snapshot_row, replay_failures);
static const size_t name = offsetof(struct snapshot_row, name);
static const size_t descr = offsetof(struct snapshot_row, descr);
static const size_t transport = offsetof(struct snapshot_row, transport);
static const size_t netns = offsetof(struct snapshot_row, netns);
static const size_t initiator_name = offsetof(struct snapshot_row, initiator_name);

static const struct mib_column columns[] = {
    {2, get_active, NULL},
    {3, mib_get_text, &descr},
    {4, mib_get_text, &transport},
    {5, mib_get_text, &netns},
    {6, mib_get_text, &initiator_name},
    {7, get_if_index, NULL},
    {8, get_sessions, NULL},
    {9, get_level, &stat_columns[STAT_ID_active_sa - 1]},
    {10, get_level, &stat_columns[STAT_ID_pending_key_operations - 1]},
    {11, get_level, &stat_columns[STAT_ID_active_tunnels - 1]},
    {12, get_error_scope, NULL},
    {13, mib_get_counter64, &replay_failures},
    {14, get_discontinuity, NULL},
    {15, mib_get_text, &name}, /* readable, as the index is not */
};

const struct mib_table instance_table = {
    .name = "qmIpsecInstanceTable",
    .suffix = {1, 1, 1},
    .suffix_len = 3,
    .columns = columns,
    .n_columns = sizeof(columns) / sizeof(columns[0]),
    .count = mib_instance_count,
    .row = mib_instance_row,
    .index = mib_instance_index,
};
