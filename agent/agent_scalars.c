/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "config.h"

#include <sys/utsname.h>

#include "mib_table.h"
#include "poller.h"
#include "timestamp.h"

/* qmIpsecAgent: the daemon's own health, as a table of one row. */

static size_t count(const struct snapshot *snapshot)
{
	(void)snapshot;
	return 1;
}

static const void *get_row(const struct snapshot *snapshot, size_t number)
{
	(void)number;
	return &snapshot->health;
}

static size_t get_index(const void *row, oid *index)
{
	(void)row;
	index[0] = 0;
	return 1;
}

static void get_version(const void *row, const void *arg, struct mib_value *ret)
{
	(void)row, (void)arg;
	mib_value_set_string(ret, PACKAGE_VERSION);
}

static void get_kernel_release(const void *row, const void *arg, struct mib_value *ret)
{
	static struct utsname name;

	(void)row, (void)arg;
	if (!name.release[0])
		uname(&name);
	mib_value_set_string(ret, name.release);
}

static void get_poll_interval(const void *row, const void *arg, struct mib_value *ret)
{
	(void)row, (void)arg;
	mib_value_set_long(ret, ASN_UNSIGNED, poller_interval_ms());
}

static void get_last_poll(const void *row, const void *arg, struct mib_value *ret)
{
	(void)arg;
	mib_value_set_long(ret, ASN_TIMETICKS,
			   timestamp_ticks(((const struct health *)row)->last_poll));
}

static void get_last_poll_duration(const void *row, const void *arg,
				   struct mib_value *ret)
{
	uint64_t us = ((const struct health *)row)->last_poll_duration / 1000;

	(void)arg;
	mib_value_set_long(ret, ASN_GAUGE, us < UINT32_MAX ? us : UINT32_MAX);
}

static void get_tracked_sas(const void *row, const void *arg, struct mib_value *ret)
{
	(void)arg;
	mib_value_set_long(ret, ASN_GAUGE, ((const struct health *)row)->tracked_sas);
}

static void get_xfrm_stat_available(const void *row, const void *arg,
				    struct mib_value *ret)
{
	(void)arg;
	mib_value_set_truth(ret, !((const struct health *)row)->xfrm_stat_missing);
}

static const size_t events = offsetof(struct health, events);
static const size_t event_losses = offsetof(struct health, event_losses);
static const size_t resyncs = offsetof(struct health, resyncs);
static const size_t failed_polls = offsetof(struct health, failed_polls);
static const size_t last_error = offsetof(struct health, last_error);

static const struct mib_column columns[] = {
    {1, get_version, NULL},
    {2, get_kernel_release, NULL},
    {3, get_poll_interval, NULL},
    {4, get_last_poll, NULL},
    {5, get_last_poll_duration, NULL},
    {6, get_tracked_sas, NULL},
    {7, mib_get_counter64, &events},
    {8, mib_get_counter64, &event_losses},
    {9, mib_get_counter64, &resyncs},
    {10, mib_get_counter64, &failed_polls},
    {11, mib_get_text, &last_error},
    {12, get_xfrm_stat_available, NULL},
};

const struct mib_table agent_scalars = {
    .name = "qmIpsecAgent",
    .suffix = {1, 4},
    .suffix_len = 2,
    .columns = columns,
    .n_columns = sizeof(columns) / sizeof(columns[0]),
    .count = count,
    .row = get_row,
    .index = get_index,
};
