/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "collector/snapshot.h"

/* What instances and peers carry per second, from two snapshots. Pure. */

struct rate {
	const struct snapshot_row *row;   /* of the later snapshot */
	const struct snapshot_peer *peer; /* a peer of the row; NULL: the row itself */
	bool known; /* both snapshots have it, and no counter has decreased */
	double bytes_sent, bytes_received;
	double packets_sent, packets_received;
	/* packets rejected: bad SPIs, not decrypted, not authenticated, replayed; of a
	 * peer only the last two */
	double errors;
};

struct rates {
	struct rate *rows;
	size_t n_rows;
	struct rate *peers;
	size_t n_peers;
};

/* Both snapshots are sorted, and the later one must outlive the rates. Those with the
 * most bytes per second come first, and equal ones in the order of their index.
 * Returns 0 or -ENOMEM. */
int rates_make(const struct snapshot *earlier, const struct snapshot *later,
	       struct rates *ret);
void rates_free(struct rates *rates);
