/* SPDX-License-Identifier: GPL-2.0-or-later */
/* PendingKeyOperations and ActiveTunnels. */
#include <errno.h>
#include <stdlib.h>

#include "ledger/ledger_private.h"
#include "util/hash.h"

/* Entries that count together: one tunnel, or one negotiation. */
struct group {
	uint64_t key; /* 0: no group */
	struct account *account;
	uint32_t n;
	uint32_t n_acquires;
};

/* A hash table without deletion, with one free place at least. */
struct groups {
	struct group *groups;
	size_t n; /* a power of two */
};

#define KEY_TUNNEL UINT64_C(1) /* of a group's key; otherwise a negotiation */
#define KEY_USED UINT64_C(2)

/*
 * All outbound tunnel SAs between two ends are one tunnel. A negotiation has an ACQ
 * entry, which is outbound, and then a larval SA of the keying daemon, which is
 * inbound, with the ends exchanged. So its key contains the sum of the hashes of both
 * ends.
 */
static uint64_t key_of(const struct sa_entry *entry)
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
	return (key & ~KEY_TUNNEL) | KEY_USED | (tunnel ? KEY_TUNNEL : 0);
}

static bool counts(const struct sa_entry *entry)
{
	if (entry->state == ENTRY_UNKEYED)
		return sa_proto_is_ipsec(entry->proto);
	return entry->state == ENTRY_KEYED && entry->direction == SA_DIR_OUT &&
	       sa_mode_is_tunnel(entry->mode);
}

void levels_note(struct ledger *ledger, const struct sa_entry *entry)
{
	ledger->levels_stale |= counts(entry);
}

static struct group *find_group(const struct groups *groups, uint64_t key)
{
	size_t i = (size_t)(key >> 2) & (groups->n - 1);

	while (groups->groups[i].key && groups->groups[i].key != key)
		i = (i + 1) & (groups->n - 1);
	return &groups->groups[i];
}

/* A group counts once for its row. So if an account was folded or had no room for some
 * of its entries, it counts for the peer. */
static void add_entry(const struct groups *groups, const struct sa_entry *entry)
{
	uint64_t key = key_of(entry);
	struct group *group = find_group(groups, key);

	group->key = key;
	group->n++;
	group->n_acquires += entry->acquire;
	if (!group->account || !group->account->peer.family)
		group->account = entry->account;
}

static void count_group(const struct group *group)
{
	struct stats *stats = &group->account->totals.stats;
	uint32_t others = group->n - group->n_acquires;

	if (group->key & KEY_TUNNEL)
		stats->active_tunnels++;
	else
		stats->pending_key_operations +=
		    group->n_acquires > others ? group->n_acquires : others;
}

/* Room for n groups. Returns 0 or -ENOMEM. */
static int open_groups(struct groups *groups, size_t n)
{
	groups->n = 1;
	while (groups->n < n + n / 4 + 1)
		groups->n *= 2;
	groups->groups = calloc(groups->n, sizeof(*groups->groups));
	return groups->groups ? 0 : -ENOMEM;
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
	const struct sa_table *table = &ledger->table;
	struct groups groups;
	struct sa_entry *entry;

	if (!ledger->levels_stale)
		return 0;
	if (open_groups(&groups, table->in_state[ENTRY_KEYED] + table->n_larval) < 0)
		return -ENOMEM;
	FOREACH_ENTRY(entry, table)
		if (counts(entry))
			add_entry(&groups, entry);
	clear_all_levels(&ledger->accounts);
	for (size_t i = 0; i < groups.n; i++)
		if (groups.groups[i].key)
			count_group(&groups.groups[i]);
	free(groups.groups);
	ledger->levels_stale = false;
	return 0;
}
