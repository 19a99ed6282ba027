/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collector/parked.h"

#include <errno.h>
#include <stdlib.h>

static int count_record(void *ctx, const struct ledger_record *record)
{
	size_t *n = ctx;

	(void)record;
	++*n;
	return 0;
}

static int keep_record(void *ctx, const struct ledger_record *record)
{
	struct parked *parked = ctx;

	if (!record->departing)
		parked->records[parked->n++] = *record;
	return 0;
}

void parked_keep(struct parked *parked, const struct ledger *ledger)
{
	size_t n = 0;

	parked_clear(parked);
	ledger_save(ledger, count_record, &n);
	parked->records = malloc((n ? n : 1) * sizeof(*parked->records));
	if (parked->records)
		ledger_save(ledger, keep_record, parked);
}

int parked_readmit(const struct parked *parked, struct rows *rows)
{
	struct ledger_row *before = malloc(rows->n * sizeof(*before));
	int err = 0;

	if (!before)
		return -ENOMEM;
	for (size_t i = 0; i < rows->n; i++)
		before[i] = *rows_totals(rows, i);
	for (size_t i = 0; i < parked->n && !err; i++)
		err = ledger_readmit_sa(rows->ledger, &parked->records[i]);
	if (err)
		ledger_end(rows->ledger);
	for (size_t i = 0; err && i < rows->n; i++)
		ledger_restore_row(rows->ledger, (unsigned)i, &before[i]);
	free(before);
	return err;
}

void parked_find_busy(const struct parked *parked, bool *busy)
{
	for (size_t i = 0; i < parked->n; i++)
		busy[parked->records[i].row] = true;
}

void parked_clear(struct parked *parked)
{
	free(parked->records);
	*parked = (struct parked){0};
}
