/* SPDX-License-Identifier: GPL-2.0-or-later */
/* PendingKeyOperations and ActiveTunnels. */
#include <errno.h>
#include <stdlib.h>

#include "ledger/ledger_private.h"
#include "util/hash.h"

/* One entry that counts for a level together with those of the same key. */
struct mark {
	uint64_t key;
	struct account *account;
	bool tunnel;  /* false: a negotiation */
	bool acquire; /* of a negotiation */
};

/*
 * All outbound tunnel SAs between two ends are one tunnel. A negotiation has an ACQ
 * entry, which is outbound, and then a larval SA of the keying daemon, which is
 * inbound, with the ends exchanged. So its key contains the sum of the hashes of both
 * ends.
 */
static struct mark mark_of(const struct sa_entry *entry)
{
	bool tunnel = entry->state == ENTRY_KEYED;
	uint64_t ends = hash_mix(HASH_START, entry->saddr);
	uint64_t key = tunnel ? hash_mix(ends, entry->daddr)
			      : ends + hash_mix(HASH_START, entry->daddr);

	key = hash_mix(key, (uint64_t)entry->reqid << 32 | entry->if_id);
	key = hash_mix(key, (uint64_t)entry->mark << 32 | entry->mark_mask);
	key = hash_mix(key, (uint64_t)entry->account->row << 32 |
				(uint64_t)entry->family << 8 |
				(tunnel ? 0 : entry->proto));
	return (struct mark){key, entry->account, tunnel, entry->acquire};
}

static bool is_marked(const struct sa_entry *entry)
{
	if (entry->state == ENTRY_UNKEYED)
		return sa_proto_is_ipsec(entry->proto);
	return entry->state == ENTRY_KEYED && entry->direction == SA_DIR_OUT &&
	       sa_mode_is_tunnel(entry->mode);
}

static int compare_marks(const void *left, const void *right)
{
	const struct mark *a = left;
	const struct mark *b = right;

	if (a->tunnel != b->tunnel)
		return a->tunnel ? -1 : 1;
	return a->key < b->key ? -1 : a->key > b->key;
}

/*
 * Counts the marks with the key of the first one. Returns their number. They count once
 * for the row, so if an account was folded or had no room for some of them, they count
 * for the peer.
 */
static size_t count_marks(const struct mark *marks, size_t n)
{
	struct account *account = marks->account;
	struct stats *stats;
	size_t n_acquires = 0;
	size_t i;

	for (i = 0; i < n && !compare_marks(marks, &marks[i]); i++) {
		n_acquires += marks[i].acquire;
		if (!account->peer.family)
			account = marks[i].account;
	}
	stats = &account->totals.stats;
	if (marks->tunnel)
		stats->active_tunnels++;
	else
		stats->pending_key_operations +=
		    n_acquires > i - n_acquires ? n_acquires : i - n_acquires;
	return i;
}

static void clear_levels(struct account *account)
{
	account->totals.stats.active_tunnels = 0;
	account->totals.stats.pending_key_operations = 0;
}

static void clear_all_levels(struct accounts *accounts)
{
	for (unsigned row = 0; row < accounts->n_rows; row++)
		clear_levels(&accounts->rows[row]->other);
	for (size_t i = 0; i < accounts->n_peers; i++)
		clear_levels(accounts->peers[i]);
	accounts->sums_stale = true;
}

int levels_derive(struct ledger *ledger)
{
	struct sa_entry *entry;
	struct mark *marks;
	size_t n = 0;

	if (!ledger->levels_stale)
		return 0;
	marks = ledger->table.n ? malloc(ledger->table.n * sizeof(*marks)) : NULL;
	if (ledger->table.n && !marks)
		return -ENOMEM;
	FOREACH_ENTRY(entry, &ledger->table)
	if (is_marked(entry))
		marks[n++] = mark_of(entry);
	if (n)
		qsort(marks, n, sizeof(*marks), compare_marks);
	clear_all_levels(&ledger->accounts);
	for (size_t i = 0; i < n;)
		i += count_marks(&marks[i], n - i);
	free(marks);
	ledger->levels_stale = false;
	return 0;
}
