/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ledger/accounts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "util/array.h"
#include "util/clock.h"
#include "util/text.h"

void accounts_init(struct accounts *accounts, const struct peer_config *config)
{
	*accounts = (struct accounts){.config = config};
	TAILQ_INIT(&accounts->idle);
	TAILQ_INIT(&accounts->merged);
}

void accounts_free(struct accounts *accounts)
{
	for (size_t i = 0; i < accounts->n_peers; i++)
		free(accounts->peers[i]);
	for (unsigned i = 0; i < accounts->n_rows; i++)
		free(accounts->rows[i]);
	free(accounts->peers);
	free(accounts->rows);
	accounts_init(accounts, accounts->config);
}

int accounts_grow_rows(struct accounts *accounts, unsigned n_rows)
{
	while (accounts->n_rows < n_rows) {
		struct account_row *row;

		if (array_reserve(&accounts->rows, accounts->n_rows, 1) < 0)
			return -ENOMEM;
		row = calloc(1, sizeof(*row));
		if (!row)
			return -ENOMEM;
		row->other.row = accounts->n_rows;
		peer_name(&row->other.peer, row->other.name);
		row->other.label = row->other.name;
		accounts->rows[accounts->n_rows++] = row;
	}
	return 0;
}

/* The sorted list of peers. */

static bool is_before(const struct account *account, unsigned row, const char *name)
{
	if (account->row != row)
		return account->row < row;
	return text_compare_index(account->name, name) < 0;
}

/* The place of the first peer that is not before this one. */
static size_t find_place(const struct accounts *accounts, unsigned row,
			 const char *name)
{
	size_t low = 0;
	size_t high = accounts->n_peers;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (is_before(accounts->peers[middle], row, name))
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static bool is_at(const struct accounts *accounts, size_t place, unsigned row,
		  const char *name)
{
	return place < accounts->n_peers && accounts->peers[place]->row == row &&
	       !strcmp(accounts->peers[place]->name, name);
}

static void insert(struct accounts *accounts, struct account *account, size_t place)
{
	struct account **at = accounts->peers + place;

	memmove(at + 1, at, (accounts->n_peers - place) * sizeof(*at));
	*at = account;
	accounts->n_peers++;
	accounts->rows[account->row]->n_peers++;
	accounts->sums_stale = true;
}

static void take_out(struct accounts *accounts, const struct account *account)
{
	size_t place = find_place(accounts, account->row, account->name);
	struct account **at = accounts->peers + place;

	accounts->n_peers--;
	memmove(at, at + 1, (accounts->n_peers - place) * sizeof(*at));
	accounts->rows[account->row]->n_peers--;
	accounts->sums_stale = true;
}

/* A new idle peer, or NULL. */
static struct account *add_peer(struct accounts *accounts, unsigned row,
				const struct prefix *peer, size_t place)
{
	struct account *account;

	if (array_reserve(&accounts->peers, accounts->n_peers, 1) < 0)
		return NULL;
	account = calloc(1, sizeof(*account));
	if (!account)
		return NULL;
	account->row = row;
	account->peer = *peer;
	peer_name(peer, account->name);
	account->label = peer_label(accounts->config, peer, account->name);
	insert(accounts, account, place);
	TAILQ_INSERT_TAIL(&accounts->idle, account, in_idle);
	return account;
}

/* Folding and merging. */

/* The counters of the one that remains jump. */
static void merge(struct account *to, const struct account *from)
{
	totals_merge(&to->totals, &from->totals);
	to->losses += from->losses;
	to->n_entries += from->n_entries;
	to->discontinuity = 0;
}

/* The peer is idle. */
static void forget(struct accounts *accounts, struct account *account)
{
	TAILQ_REMOVE(&accounts->idle, account, in_idle);
	take_out(accounts, account);
	free(account);
}

static void fold(struct accounts *accounts, struct account *account)
{
	merge(&accounts->rows[account->row]->other, account);
	forget(accounts, account);
}

/* Folds peers until there are at most so many, if that is possible. */
static void fold_down_to(struct accounts *accounts, size_t n)
{
	while (accounts->n_peers > n && !TAILQ_EMPTY(&accounts->idle))
		fold(accounts, TAILQ_FIRST(&accounts->idle));
}

struct account *accounts_find(struct accounts *accounts, unsigned row,
			      const struct prefix *remote, bool make_room)
{
	struct account *other = &accounts->rows[row]->other;
	struct account *account;
	struct prefix peer;
	char name[PEER_NAME_MAX + 1];
	size_t place;

	if (!remote->family || !accounts->config->enabled)
		return other;
	peer = peer_group(accounts->config, remote);
	peer_name(&peer, name);
	place = find_place(accounts, row, name);
	if (is_at(accounts, place, row, name))
		return accounts->peers[place];
	if (make_room)
		fold_down_to(accounts, accounts->config->max_peers - 1);
	if (accounts->n_peers >= accounts->config->max_peers)
		return other;
	place = find_place(accounts, row, name);
	account = add_peer(accounts, row, &peer, place);
	return account ? account : other;
}

bool accounts_has(const struct accounts *accounts, unsigned row,
		  const struct prefix *peer)
{
	char name[PEER_NAME_MAX + 1];

	peer_name(peer, name);
	return is_at(accounts, find_place(accounts, row, name), row, name);
}

struct account *accounts_restore(struct accounts *accounts, unsigned row,
				 const struct prefix *peer)
{
	char name[PEER_NAME_MAX + 1];

	peer_name(peer, name);
	return add_peer(accounts, row, peer, find_place(accounts, row, name));
}

void accounts_reset_row(struct accounts *accounts, unsigned row)
{
	struct account *other = &accounts->rows[row]->other;
	struct account *account, *next;

	for (account = TAILQ_FIRST(&accounts->idle); account; account = next) {
		next = TAILQ_NEXT(account, in_idle);
		if (account->row == row)
			forget(accounts, account);
	}
	other->totals = (struct totals){.losses = 0};
	other->losses = other->last_change = other->empty_since = 0;
	other->active = false;
	other->discontinuity = 0;
}

/* SAs. */

void accounts_join(struct accounts *accounts, struct account *account)
{
	if (account->n_entries++ == 0 && account->peer.family)
		TAILQ_REMOVE(&accounts->idle, account, in_idle);
}

/* The levels are those of the last dump. */
static bool has_past(const struct account *account)
{
	struct totals totals = account->totals;

	totals.stats.pending_key_operations = totals.stats.active_tunnels = 0;
	return totals_have_counted(&totals);
}

void accounts_leave(struct accounts *accounts, struct account *account)
{
	if (--account->n_entries > 0 || !account->peer.family)
		return;
	TAILQ_INSERT_TAIL(&accounts->idle, account, in_idle);
	if (!has_past(account))
		forget(accounts, account);
	else
		fold_down_to(accounts, accounts->config->max_peers);
}

static void leave_all(struct accounts *accounts)
{
	for (unsigned i = 0; i < accounts->n_rows; i++)
		accounts->rows[i]->other.n_entries = 0;
	for (size_t i = 0; i < accounts->n_peers; i++) {
		struct account *account = accounts->peers[i];

		if (account->n_entries)
			TAILQ_INSERT_TAIL(&accounts->idle, account, in_idle);
		account->n_entries = 0;
	}
}

/* Rows. */

static void add_up(struct accounts *accounts)
{
	for (unsigned i = 0; i < accounts->n_rows; i++)
		if (accounts->rows[i]->n_peers)
			accounts->rows[i]->sum = accounts->rows[i]->other.totals;
	for (size_t i = 0; i < accounts->n_peers; i++) {
		const struct account *account = accounts->peers[i];

		totals_merge(&accounts->rows[account->row]->sum, &account->totals);
	}
	accounts->sums_stale = false;
}

const struct totals *accounts_row(struct accounts *accounts, unsigned row)
{
	const struct account_row *of = accounts->rows[row];

	if (!of->n_peers)
		return &of->other.totals;
	if (accounts->sums_stale)
		add_up(accounts);
	return &of->sum;
}

struct account *const *accounts_peers(const struct accounts *accounts, unsigned row,
				      size_t *ret_n)
{
	*ret_n = accounts->rows[row]->n_peers;
	return *ret_n ? accounts->peers + find_place(accounts, row, "") : NULL;
}

/* Time. */

static void settle(struct account *account, uint64_t hold_down, uint64_t now)
{
	bool was_active = account->active;

	if (!account->discontinuity)
		account->discontinuity = now;
	if (account->totals.stats.active_sa) {
		account->active = true;
		account->empty_since = 0;
	} else if (account->active) {
		if (!account->empty_since)
			account->empty_since = now;
		account->active = now - account->empty_since < hold_down;
	}
	if (account->active != was_active)
		account->last_change = now;
}

void accounts_settle(struct accounts *accounts, uint64_t now)
{
	uint64_t hold_down = accounts->config->hold_down_ms * NS_PER_MS;

	for (unsigned i = 0; i < accounts->n_rows; i++)
		settle(&accounts->rows[i]->other, hold_down, now);
	for (size_t i = 0; i < accounts->n_peers; i++)
		settle(accounts->peers[i], hold_down, now);
}

void accounts_end(struct accounts *accounts, uint64_t now)
{
	leave_all(accounts);
	for (unsigned i = 0; i < accounts->n_rows; i++)
		settle(&accounts->rows[i]->other, 0, now);
	for (size_t i = 0; i < accounts->n_peers; i++)
		settle(accounts->peers[i], 0, now);
	fold_down_to(accounts, accounts->config->max_peers);
}

static void note_losses(struct account *account, bool everywhere, uint64_t now)
{
	if (everywhere || account->losses != account->totals.losses)
		account->discontinuity = now;
	account->losses = account->totals.losses;
}

void accounts_note_losses(struct accounts *accounts, bool everywhere, uint64_t now)
{
	for (unsigned i = 0; i < accounts->n_rows; i++)
		note_losses(&accounts->rows[i]->other, everywhere, now);
	for (size_t i = 0; i < accounts->n_peers; i++)
		note_losses(accounts->peers[i], everywhere, now);
}

/* After a change of the configuration. */

static bool remains(const struct accounts *accounts, const struct account *account)
{
	struct prefix group;

	if (!accounts->config->enabled)
		return false;
	group = peer_group(accounts->config, &account->peer);
	return peer_equals(&group, &account->peer);
}

/* The account that gets what a peer has counted. */
static struct account *find_heir(struct accounts *accounts,
				 const struct account *account)
{
	struct prefix group = peer_group(accounts->config, &account->peer);
	char name[PEER_NAME_MAX + 1];
	size_t place;
	struct account *heir = NULL;

	peer_name(&group, name);
	place = find_place(accounts, account->row, name);
	if (is_at(accounts, place, account->row, name))
		heir = accounts->peers[place];
	else if (accounts->config->enabled)
		heir = add_peer(accounts, account->row, &group, place);
	return heir ? heir : &accounts->rows[account->row]->other;
}

static void give_to_heir(struct accounts *accounts, struct account *account)
{
	struct account *heir = find_heir(accounts, account);

	if (heir->peer.family && !heir->n_entries && account->n_entries)
		TAILQ_REMOVE(&accounts->idle, heir, in_idle);
	merge(heir, account);
	heir->active |= account->active;
	if (heir->last_change < account->last_change)
		heir->last_change = account->last_change;
	account->merged_into = heir;
	TAILQ_INSERT_TAIL(&accounts->merged, account, in_idle);
}

void accounts_regroup(struct accounts *accounts)
{
	struct account *first = NULL;
	size_t n = 0;

	accounts->sums_stale = true;
	for (size_t i = 0; i < accounts->n_peers; i++) {
		struct account *account = accounts->peers[i];

		if (remains(accounts, account)) {
			account->label =
			    peer_label(accounts->config, &account->peer, account->name);
			accounts->peers[n++] = account;
			continue;
		}
		accounts->rows[account->row]->n_peers--;
		if (!account->n_entries)
			TAILQ_REMOVE(&accounts->idle, account, in_idle);
		account->merged_into = first;
		first = account;
	}
	accounts->n_peers = n;
	for (struct account *account = first; account; account = first) {
		first = account->merged_into;
		give_to_heir(accounts, account);
	}
	fold_down_to(accounts, accounts->config->max_peers);
}

void accounts_drop_merged(struct accounts *accounts)
{
	struct account *account;

	while ((account = TAILQ_FIRST(&accounts->merged))) {
		TAILQ_REMOVE(&accounts->merged, account, in_idle);
		free(account);
	}
}
