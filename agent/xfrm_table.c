/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "config.h"

#include "mib_table.h"

/* qmIpsecXfrmTable: the kernel's own error counters, by namespace and name. */

static size_t count(const struct snapshot *snapshot)
{
	return snapshot->n_xfrm;
}

static const void *get_row(const struct snapshot *snapshot, size_t number)
{
	return &snapshot->xfrm[number];
}

static size_t get_index(const void *row, oid *index)
{
	const struct snapshot_xfrm *xfrm = row;
	size_t len = mib_index_add_string(index, 0, xfrm->netns);

	return mib_index_add_string(index, len, xfrm->counter.name);
}

static const size_t value = offsetof(struct snapshot_xfrm, counter.value);
static const size_t netns = offsetof(struct snapshot_xfrm, netns);
static const size_t name = offsetof(struct snapshot_xfrm, counter.name);

static const struct mib_column columns[] = {
    {3, mib_get_counter64, &value},
    {4, mib_get_text, &netns}, /* readable, as the index is not */
    {5, mib_get_text, &name},
};

const struct mib_table xfrm_table = {
    .name = "qmIpsecXfrmTable",
    .suffix = {1, 3, 1},
    .suffix_len = 3,
    .columns = columns,
    .n_columns = sizeof(columns) / sizeof(columns[0]),
    .count = count,
    .row = get_row,
    .index = get_index,
};
