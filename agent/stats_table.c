/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "config.h"

#include "mib_table.h"

/* qmIpsecStatsTable: the 18 columns, from their descriptors in stats.def. */

static void get_stat(const void *row, const void *arg, struct mib_value *ret)
{
	const struct snapshot_row *instance = row;

	mib_value_set_counter64(ret, stats_get(&instance->stats, arg));
}

static const struct mib_column columns[STAT_COUNT] = {
#define STAT(id, member, field, kind, unit) \
	[(id)-1] = {id, get_stat, &stat_columns[(id)-1]},
#include "ledger/stats.def"
#undef STAT
};

const struct mib_table stats_table = {
    .name = "qmIpsecStatsTable",
    .suffix = {1, 2, 1},
    .suffix_len = 3,
    .columns = columns,
    .n_columns = STAT_COUNT,
    .count = mib_instance_count,
    .row = mib_instance_row,
    .index = mib_instance_index,
};
