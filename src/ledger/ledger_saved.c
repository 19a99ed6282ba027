/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ledger/ledger.h"

#include <errno.h>
#include <string.h>

#include "ledger/ledger_private.h"

/* Saving. */

size_t ledger_count_peers(const struct ledger *ledger)
{
	return ledger->accounts.n_peers;
}

static struct ledger_account account_from(const struct account *account)
{
	return (struct ledger_account){
	    .addr = account->peer.addr,
	    .family = account->peer.family,
	    .len = account->peer.len,
	    .active = account->active,
	    .row = account->row,
	    .last_change = account->last_change,
	    .empty_since = account->empty_since,
	    .discontinuity = account->discontinuity,
	    .losses = account->losses,
	    .totals = account->totals,
	};
}

struct ledger_account ledger_copy_other(const struct ledger *ledger, unsigned row)
{
	return account_from(&ledger->accounts.rows[row]->other);
}

static void save_peer(struct account *account, struct ledger_account *peers, size_t *n)
{
	account->saved_as = (uint32_t)*n;
	peers[(*n)++] = account_from(account);
}

size_t ledger_copy_peers(struct ledger *ledger, struct ledger_account *peers)
{
	struct accounts *accounts = &ledger->accounts;
	struct account *account;
	size_t n = 0;

	TAILQ_FOREACH(account, &accounts->idle, in_idle)
		save_peer(account, peers, &n);
	for (size_t i = 0; i < accounts->n_peers; i++)
		if (accounts->peers[i]->n_entries)
			save_peer(accounts->peers[i], peers, &n);
	return n;
}

static struct ledger_sa saved_from(const struct ledger *ledger,
				   const struct sa_entry *entry)
{
	const struct account *account = entry->account;

	return (struct ledger_sa){
	    .sa = sa_table_sa(&ledger->table, entry),
	    .born = entry->born,
	    .row = account->row,
	    .peer = account->peer.family ? account->saved_as : LEDGER_NO_PEER,
	    .direction = (uint8_t)entry->direction,
	    .departing = entry->state == ENTRY_DEPARTING,
	    .rekeyed = entry->rekeyed,
	};
}

size_t ledger_copy_sas(const struct ledger *ledger, struct ledger_sa *sas)
{
	const struct sa_table *table = &ledger->table;
	struct sa_entry *entry, *next;
	size_t n = 0;

	FOREACH_ENTRY(entry, table) {
		if (entry->state == ENTRY_DEPARTING)
			sas[n++] = saved_from(ledger, entry);
		if (entry->state != ENTRY_KEYED || sa_table_older(table, entry))
			continue;
		/* siblings in order of age, which born, in seconds, does not show */
		for (next = entry; next; next = sa_table_younger(table, next))
			sas[n++] = saved_from(ledger, next);
	}
	return n;
}

size_t ledger_count_sas(const struct ledger *ledger)
{
	return ledger->table.in_state[ENTRY_KEYED] +
	       ledger->table.in_state[ENTRY_DEPARTING];
}

/* Restoring. */

/* ledger_restore_sa() counts the active SAs. */
static void restore(struct ledger *ledger, struct account *account,
		    const struct ledger_account *saved)
{
	account->totals = saved->totals;
	account->totals.stats.active_sa = 0;
	account->active = saved->active;
	account->last_change = saved->last_change;
	account->empty_since = saved->empty_since;
	account->discontinuity = saved->discontinuity;
	account->losses = saved->losses;
	ledger->accounts.sums_stale = true;
	ledger->levels_stale = true;
}

/* Each byte counts once by protocol and once by mode (totals_add). */
static bool bytes_are_sane(const struct stats *stats)
{
	return stats->confidential_bytes_sent + stats->authenticated_bytes_sent ==
		   stats->transport_bytes_sent + stats->tunnel_bytes_sent &&
	       stats->confidential_bytes_received +
		       stats->authenticated_bytes_received ==
		   stats->transport_bytes_received + stats->tunnel_bytes_received;
}

static bool account_is_sane(const struct ledger *ledger,
			    const struct ledger_account *saved)
{
	const struct stats *stats = &saved->totals.stats;

	return saved->row < ledger->accounts.n_rows && saved->active <= 1 &&
	       stats->key_deletions <= stats->key_additions && bytes_are_sane(stats) &&
	       saved->losses <= saved->totals.losses;
}

int ledger_restore_other(struct ledger *ledger, const struct ledger_account *saved)
{
	if (!account_is_sane(ledger, saved) || saved->family)
		return -EINVAL;
	restore(ledger, &ledger->accounts.rows[saved->row]->other, saved);
	return 0;
}

int ledger_restore_peer(struct ledger *ledger, const struct ledger_account *saved,
			struct account **ret)
{
	const struct prefix peer = {
	    .family = saved->family, .len = saved->len, .addr = saved->addr};
	struct account *account;

	if (!account_is_sane(ledger, saved) || !peer_is_valid(&peer) ||
	    accounts_has(&ledger->accounts, saved->row, &peer))
		return -EINVAL;
	account = accounts_restore(&ledger->accounts, saved->row, &peer);
	if (!account)
		return -ENOMEM;
	restore(ledger, account, saved);
	*ret = account;
	return 0;
}

/* Any byte can be where a file has a bool, but C knows only 0 and 1. */
static bool is_bool(const bool *value)
{
	uint8_t byte;

	memcpy(&byte, value, sizeof(byte));
	return byte <= 1;
}

static bool sa_is_sane(const struct ledger *ledger, const struct ledger_sa *saved)
{
	const struct sa *sa = &saved->sa;

	return saved->row < ledger->accounts.n_rows && saved->direction <= SA_DIR_OUT &&
	       saved->departing <= 1 && saved->rekeyed <= 1 && sa_is_ipsec(sa) &&
	       (sa->family == AF_INET || sa->family == AF_INET6) &&
	       sa->declared <= SA_DIR_OUT && sa->sequence <= SA_DIR_OUT &&
	       is_bool(&sa->keyed) && is_bool(&sa->replay_protected) &&
	       is_bool(&sa->acquire);
}

/* account: NULL for that of its remote endpoint. Returns NULL if there is no memory. */
static struct sa_entry *add_saved(struct ledger *ledger, const struct ledger_sa *saved,
				  struct account *account)
{
	struct sa_entry *entry = sa_table_add(&ledger->table, &saved->sa, ENTRY_KEYED);

	if (!entry)
		return NULL;
	entry->born = saved->born;
	entry->direction = (enum sa_direction)saved->direction;
	entry->inherited = entry->before_gap = true;
	entry->account =
	    account ? account : entry_find_account(ledger, entry, saved->row);
	accounts_join(&ledger->accounts, entry->account);
	ledger->levels_stale = true;
	sa_table_join_siblings(&ledger->table, entry, true);
	if (saved->departing) {
		entry_depart(ledger, entry);
		entry->rekeyed = saved->rekeyed;
	}
	return entry;
}

int ledger_restore_sa(struct ledger *ledger, const struct ledger_sa *saved,
		      struct account *peer)
{
	struct sa_entry *entry;

	if (!sa_is_sane(ledger, saved) || (peer && peer->row != saved->row))
		return -EINVAL;
	entry = add_saved(ledger, saved,
			  peer ? peer : &ledger->accounts.rows[saved->row]->other);
	if (!entry)
		return -ENOMEM;
	account_of(ledger, entry)->stats.active_sa++;
	return 0;
}

int ledger_readmit_sas(struct ledger *ledger, const struct ledger_sa *saved, size_t n)
{
	if (sa_table_reserve(&ledger->table, n) < 0)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		totals_count_keys(
		    account_of(ledger, add_saved(ledger, &saved[i], NULL)), 1, 0);
	return 0;
}

static bool is_complete(const struct account *account)
{
	const struct stats *stats = &account->totals.stats;

	return stats->active_sa == stats->key_additions - stats->key_deletions;
}

bool ledger_is_complete(const struct ledger *ledger)
{
	const struct accounts *accounts = &ledger->accounts;
	bool complete = true;

	for (unsigned i = 0; i < accounts->n_rows; i++)
		complete &= is_complete(&accounts->rows[i]->other);
	for (size_t i = 0; i < accounts->n_peers; i++)
		complete &= is_complete(accounts->peers[i]);
	return complete;
}
