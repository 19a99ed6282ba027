/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ledger/totals.h"

#include <string.h>

void totals_count_keys(struct totals *totals, int additions, int deletions)
{
	struct stats *stats = &totals->stats;

	stats->key_additions += (uint64_t)additions;
	stats->key_deletions += (uint64_t)deletions;
	stats->active_sa = stats->key_additions - stats->key_deletions;
}

static void add_bytes(struct stats *stats, const struct totals_kind *kind,
		      uint64_t bytes)
{
	bool tunnel = sa_mode_is_tunnel(kind->mode);
	bool esp = kind->proto == IPPROTO_ESP;

	if (kind->direction == SA_DIR_OUT) {
		*(esp ? &stats->confidential_bytes_sent
		      : &stats->authenticated_bytes_sent) += bytes;
		*(tunnel ? &stats->tunnel_bytes_sent : &stats->transport_bytes_sent) +=
		    bytes;
	} else {
		*(esp ? &stats->confidential_bytes_received
		      : &stats->authenticated_bytes_received) += bytes;
		*(tunnel ? &stats->tunnel_bytes_received
			 : &stats->transport_bytes_received) += bytes;
	}
}

static void add_packets(struct totals *totals, const struct totals_kind *kind,
			uint64_t packets)
{
	if (kind->direction == SA_DIR_OUT) {
		totals->packets_sent += packets;
		return;
	}
	totals->packets_received += packets;
	if (kind->replay_protected)
		totals->stats.packets_with_replay_detection += packets;
}

/*
 * The members of struct xfrm_stats are u32 and wrap. MIGRATE sets them to 0 instead.
 * Half the range tells the two apart.
 */
static uint32_t wrapped_delta(uint32_t from, uint32_t to)
{
	uint32_t delta = to - from;

	return delta <= UINT32_MAX / 2 ? delta : to;
}

/* sign is 1 or UINT64_MAX, which is -1: unsigned sums that wrap, wrap back. */
static void count(struct totals *totals, const struct totals_kind *kind,
		  const struct sa_sample *from, const struct sa_sample *to,
		  uint64_t sign)
{
	struct stats *stats = &totals->stats;

	stats->packets_not_authenticated +=
	    sign * wrapped_delta(from->integrity_failed, to->integrity_failed);
	totals->replay_failures += sign * wrapped_delta(from->replay, to->replay);
	totals->replay_failures +=
	    sign * wrapped_delta(from->replay_window, to->replay_window);
	if (kind->direction == SA_DIR_UNKNOWN)
		return;
	if (to->bytes > from->bytes)
		add_bytes(stats, kind, sign * (to->bytes - from->bytes));
	if (to->packets > from->packets)
		add_packets(totals, kind, sign * (to->packets - from->packets));
}

void totals_add(struct totals *totals, const struct totals_kind *kind,
		const struct sa_sample *from, const struct sa_sample *to)
{
	count(totals, kind, from, to, 1);
}

void totals_subtract(struct totals *totals, const struct totals_kind *kind,
		     const struct sa_sample *from, const struct sa_sample *to)
{
	count(totals, kind, from, to, UINT64_MAX);
}

void totals_merge(struct totals *to, const struct totals *from)
{
	stats_add(&to->stats, &from->stats);
	to->replay_failures += from->replay_failures;
	to->packets_sent += from->packets_sent;
	to->packets_received += from->packets_received;
	to->losses += from->losses;
}

bool totals_have_counted(const struct totals *totals)
{
	static const struct totals none;

	return memcmp(totals, &none, sizeof(none)) != 0;
}
