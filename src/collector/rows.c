/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collector/rows.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/text.h"

int rows_init(struct rows *rows, struct instance_set *set, struct ledger *ledger,
	      uint64_t now)
{
	*rows = (struct rows){.set = set, .ledger = ledger};
	return ledger ? rows_begin(rows, now) : -ENOMEM;
}

void rows_free(struct rows *rows)
{
	ledger_free(rows->ledger);
	free(rows->rows);
	free(rows->order);
	free(rows->parked);
}

int rows_reserve(struct rows *rows, size_t n)
{
	struct row *grown;
	int err = ledger_grow_rows(rows->ledger, (unsigned)n);

	if (err || n <= rows->n_allocated)
		return err;
	grown = realloc(rows->rows, n * sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	rows->rows = grown;
	rows->n_allocated = n;
	return 0;
}

static int compare_names(const void *left, const void *right, void *ctx)
{
	const struct instance *instances = ctx;

	return text_compare_index(instances[*(const unsigned *)left].name,
				  instances[*(const unsigned *)right].name);
}

/* Without memory there is no order, and each snapshot is sorted instead. */
static void find_order(struct rows *rows)
{
	unsigned *order = realloc(rows->order, rows->n * sizeof(*order));

	rows->n_order = 0;
	if (!order)
		return;
	rows->order = order;
	for (size_t i = 0; i < rows->n; i++)
		if (rows_has(rows, i))
			order[rows->n_order++] = (unsigned)i;
	qsort_r(order, rows->n_order, sizeof(*order), compare_names,
		rows->set->instances);
}

int rows_begin(struct rows *rows, uint64_t now)
{
	struct instance_set *set = rows->set;
	bool changed = rows->n_order != set->n_used;
	int err = rows_reserve(rows, set->n);

	if (err)
		return err;
	rows->n = set->n;
	for (size_t i = 0; i < set->n; i++) {
		struct instance *instance = &set->instances[i];

		if (instance->added)
			rows->rows[i] = (struct row){.losses = 0};
		if (instance->added || instance->renamed)
			rows->rows[i].discontinuity = now;
		changed |= instance->added || instance->renamed;
		instance->added = instance->renamed = false;
	}
	if (changed)
		find_order(rows);
	return 0;
}

const struct totals *rows_totals(const struct rows *rows, size_t number)
{
	return ledger_row(rows->ledger, (unsigned)number);
}

bool rows_has(const struct rows *rows, size_t number)
{
	return number < rows->n && rows->set->instances[number].name[0];
}

/* Column 8 is computed from the sum of the integrity failures of all rows, less the
 * base, which must not change here. The base may wrap; the difference is right all the
 * same.
 */
void rows_drop(struct rows *rows, unsigned number)
{
	rows->errors.base_integrity -=
	    rows_totals(rows, number)->stats.packets_not_authenticated;
	ledger_reset_row(rows->ledger, number);
	rows->n_order = 0;
}

static bool row_has_counted(const struct totals *totals, const struct row *row)
{
	for (size_t i = 0; i < STAT_COUNT; i++)
		if (stat_columns[i].kind != STAT_LEVEL &&
		    stats_get(&totals->stats, &stat_columns[i]))
			return true;
	return totals->replay_failures || row->errors.bad_spi ||
	       row->errors.not_decrypted;
}

bool rows_have_counted(const struct rows *rows)
{
	for (size_t i = 0; i < rows->n; i++)
		if (rows_has(rows, i) &&
		    row_has_counted(rows_totals(rows, i), &rows->rows[i]))
			return true;
	return false;
}

void rows_note_losses(struct rows *rows, bool everywhere, uint64_t now)
{
	ledger_note_losses(rows->ledger, everywhere, now);
	for (size_t i = 0; i < rows->n; i++) {
		uint64_t losses = rows_totals(rows, i)->losses;

		if (everywhere || losses != rows->rows[i].losses)
			rows->rows[i].discontinuity = now;
		rows->rows[i].losses = losses;
	}
}

void rows_forget_parked(struct rows *rows)
{
	free(rows->parked);
	rows->parked = NULL;
	rows->n_parked = 0;
}

void rows_park(struct rows *rows, uint64_t now)
{
	size_t n = ledger_count_sas(rows->ledger);

	rows_forget_parked(rows);
	rows->parked = malloc((n ? n : 1) * sizeof(*rows->parked));
	n = rows->parked ? ledger_copy_sas(rows->ledger, rows->parked) : 0;
	for (size_t i = 0; i < n; i++)
		if (!rows->parked[i].departing)
			rows->parked[rows->n_parked++] = rows->parked[i];
	ledger_end(rows->ledger, now);
}

int rows_readmit(struct rows *rows)
{
	return ledger_readmit_sas(rows->ledger, rows->parked, rows->n_parked);
}

void rows_find_busy(const struct rows *rows, bool *busy)
{
	ledger_find_busy(rows->ledger, busy);
	for (size_t i = 0; i < rows->n_parked; i++)
		busy[rows->parked[i].row] = true;
}

/* As snprintf() with "%s", which takes most of the time of a snapshot. */
static void copy_text(char *to, size_t size, const char *from)
{
	size_t len = strnlen(from, size - 1);

	memcpy(to, from, len);
	to[len] = '\0';
}

void rows_name(const struct rows *rows, size_t number, const char *netns,
	       char name[INSTANCE_NAME_MAX + 1])
{
	const char *own = rows->set->instances[number].name;
	char whole[NETNS_NAME_MAX + 1 + INSTANCE_NAME_MAX + 1];

	if (!*netns) { /* must not be made to fit again */
		copy_text(name, INSTANCE_NAME_MAX + 1, own);
		return;
	}
	snprintf(whole, sizeof(whole), "%s/%s", netns, own);
	instance_name_fit(name, INSTANCE_NAME_MAX + 1, whole);
}

/* Into a row of zeros. */
static void set_row(const struct rows *rows, size_t number,
		    const struct error_owners *owners, const char *netns, bool stale,
		    struct snapshot_row *ret)
{
	const struct instance *instance = &rows->set->instances[number];
	const struct totals *totals = rows_totals(rows, number);
	const struct row *row = &rows->rows[number];

	rows_name(rows, number, netns, ret->name);
	ret->active = instance->active && !stale;
	ret->unattributed = number == 0;
	ret->software = instance->software;
	copy_text(ret->descr, sizeof(ret->descr), instance_descr(instance));
	copy_text(ret->transport, sizeof(ret->transport), instance->transport);
	if (*netns)
		instance_name_fit(ret->netns, sizeof(ret->netns), netns);
	copy_text(ret->initiator_name, sizeof(ret->initiator_name),
		  instance->initiator_name);
	ret->if_index = instance->if_index;
	ret->sessions = instance->sessions;
	ret->error_scope = error_scope_of(owners, instance);
	ret->replay_failures = totals->replay_failures;
	ret->packets_sent = totals->packets_sent;
	ret->packets_received = totals->packets_received;
	ret->discontinuity = row->discontinuity;
	ret->stats = totals->stats;
	ret->stats.bad_spi_packets = row->errors.bad_spi;
	ret->stats.packets_not_decrypted = row->errors.not_decrypted;
}

static int snapshot_peer_of(struct snapshot *snapshot, const struct account *account)
{
	struct snapshot_peer *peer =
	    snapshot_add_peer(snapshot, &snapshot->rows[snapshot->n_rows - 1]);

	if (!peer)
		return -ENOMEM;
	memcpy(peer->name, account->name, sizeof(peer->name));
	copy_text(peer->label, sizeof(peer->label), account->label);
	peer->active = account->active;
	peer->last_change = account->last_change;
	peer->discontinuity = account->discontinuity;
	peer->bytes_sent = stats_bytes_sent(&account->totals.stats);
	peer->bytes_received = stats_bytes_received(&account->totals.stats);
	peer->totals = account->totals;
	return 0;
}

/* The peers of the row that was added last. `other` is left out as long as it has
 * nothing. */
static int snapshot_peers(const struct rows *rows, size_t number,
			  struct snapshot *snapshot)
{
	const struct account *other = ledger_other(rows->ledger, (unsigned)number);
	struct account *const *peers;
	size_t n;
	int err = 0;

	if (!ledger_peer_config(rows->ledger)->enabled)
		return 0;
	peers = ledger_peers(rows->ledger, (unsigned)number, &n);
	if (!totals_have_counted(&other->totals))
		other = NULL;
	for (size_t i = 0; i < n && !err; i++) {
		if (other && text_compare_index(other->name, peers[i]->name) < 0) {
			err = snapshot_peer_of(snapshot, other);
			other = NULL;
		}
		if (!err)
			err = snapshot_peer_of(snapshot, peers[i]);
	}
	return !err && other ? snapshot_peer_of(snapshot, other) : err;
}

static int snapshot_row_of(const struct rows *rows, size_t number,
			   const struct error_owners *owners, const char *netns,
			   bool stale, struct snapshot *snapshot)
{
	struct snapshot_row *row = snapshot_add_row(snapshot);

	if (!row)
		return -ENOMEM;
	set_row(rows, number, owners, netns, stale, row);
	return snapshot_peers(rows, number, snapshot);
}

int rows_snapshot(const struct rows *rows, const char *netns, bool stale,
		  struct snapshot *snapshot)
{
	const struct error_owners owners = error_owners_find(rows->set);
	size_t n = rows->n_order ? rows->n_order : rows->n;
	int err = 0;

	for (size_t i = 0; i < n && !err; i++) {
		size_t number = rows->n_order ? rows->order[i] : i;

		if (rows_has(rows, number))
			err = snapshot_row_of(rows, number, &owners, netns, stale,
					      snapshot);
	}
	return err;
}
