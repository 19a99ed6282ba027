/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "kernel/sa.h"
#include "ledger/stats.h"

/* The totals of one account, and what a sample of an SA adds to them. Pure. */

struct totals {
	/* bad_spi_packets and packets_not_decrypted are 0: only the namespace has them.
	 * pending_key_operations and active_tunnels are those at the end of the last
	 * complete dump. */
	struct stats stats;
	uint64_t replay_failures; /* packets replayed or older than the window */
	uint64_t packets_sent;
	uint64_t packets_received;
	/* keyed SAs that ended without final counters, or with bytes of no known
	 * direction; whose counters were set back; or that may be another SA than
	 * before a gap */
	uint64_t losses;
};

/* What decides where an SA counts. */
struct totals_kind {
	enum sa_direction direction;
	uint8_t proto;
	uint8_t mode;
	bool replay_protected;
};

/*
 * Adds what an SA has counted from one sample to a later one, or subtracts it again. A
 * counter that is lower in the later sample adds nothing. Bytes and packets of an SA of
 * unknown direction add nothing either.
 */
void totals_add(struct totals *totals, const struct totals_kind *kind,
		const struct sa_sample *from, const struct sa_sample *to);
void totals_subtract(struct totals *totals, const struct totals_kind *kind,
		     const struct sa_sample *from, const struct sa_sample *to);

/* Adds all that one account has counted, levels included, to another. */
void totals_merge(struct totals *to, const struct totals *from);

/* True unless all of them are 0. */
bool totals_have_counted(const struct totals *totals);

/* Adds to KeyAdditions and KeyDeletions. ActiveSA is the difference of the two. */
void totals_count_keys(struct totals *totals, int additions, int deletions);

/* True if bytes or packets are lower in the later sample. */
static inline bool sample_recedes(const struct sa_sample *from,
				  const struct sa_sample *to)
{
	return to->bytes < from->bytes || to->packets < from->packets;
}
