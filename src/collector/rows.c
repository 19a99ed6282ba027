/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collector/rows.h"

#include <errno.h>
#include <stdlib.h>

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

int rows_begin(struct rows *rows, uint64_t now)
{
	struct instance_set *set = rows->set;
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
		instance->added = instance->renamed = false;
	}
	return 0;
}

const struct ledger_row *rows_totals(const struct rows *rows, size_t number)
{
	return ledger_row(rows->ledger, (unsigned)number);
}

bool rows_has(const struct rows *rows, size_t number)
{
	return number < rows->n && rows->set->instances[number].name[0];
}

/* Integrity failures are in the namespace's count of what was not decrypted, too, which
 * is made from their sum over all rows: it must not move. The base may wrap, and the
 * difference is right all the same. */
void rows_drop(struct rows *rows, unsigned number)
{
	rows->errors.base_integrity -=
	    rows_totals(rows, number)->stats.packets_not_authenticated;
	ledger_reset_row(rows->ledger, number);
}

static bool row_has_counted(const struct ledger_row *totals, const struct row *row)
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
	for (size_t i = 0; i < rows->n; i++) {
		uint64_t losses = rows_totals(rows, i)->losses;

		if (everywhere || losses != rows->rows[i].losses)
			rows->rows[i].discontinuity = now;
		rows->rows[i].losses = losses;
	}
}

void rows_follow_xfrm(struct rows *rows, const struct xfrm_stat *fresh)
{
	rows->xfrm_reset |= xfrm_totals_follow(&rows->xfrm, fresh);
}

static uint64_t integrity_failures(const struct rows *rows)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < rows->n; i++)
		sum += rows_totals(rows, i)->stats.packets_not_authenticated;
	return sum;
}

void rows_count_errors(struct rows *rows, uint64_t now)
{
	const struct error_owners owners = error_owners_find(rows->set);
	const struct error_counts fresh = error_columns_update(
	    &rows->errors, &rows->xfrm.totals, integrity_failures(rows));

	for (size_t i = 0; i < rows->n; i++) {
		struct row *row = &rows->rows[i];
		bool jumps = error_columns_add(&rows->errors, &owners, rows->set, i,
					       &fresh, &row->errors);

		if (jumps || rows->xfrm_reset)
			row->discontinuity = now;
	}
	rows->xfrm_reset = false;
}

void rows_begin_errors(struct rows *rows)
{
	rows->xfrm.totals.n = 0;
	error_columns_begin(&rows->errors, integrity_failures(rows));
}
