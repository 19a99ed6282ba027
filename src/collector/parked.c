/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collector/parked.h"

#include <errno.h>
#include <stdlib.h>

void parked_keep(struct parked *parked, const struct ledger *ledger)
{
	size_t n = ledger_count_sas(ledger);

	parked_clear(parked);
	parked->sas = malloc((n ? n : 1) * sizeof(*parked->sas));
	if (!parked->sas)
		return;
	n = ledger_copy_sas(ledger, parked->sas);
	for (size_t i = 0; i < n; i++)
		if (!parked->sas[i].departing)
			parked->sas[parked->n++] = parked->sas[i];
}

int parked_readmit(const struct parked *parked, struct rows *rows)
{
	struct totals *before = malloc(rows->n * sizeof(*before));
	int err = 0;

	if (!before)
		return -ENOMEM;
	for (size_t i = 0; i < rows->n; i++)
		before[i] = *rows_totals(rows, i);
	for (size_t i = 0; i < parked->n && !err; i++)
		err = ledger_readmit_sa(rows->ledger, &parked->sas[i]);
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
		busy[parked->sas[i].row] = true;
}

void parked_clear(struct parked *parked)
{
	free(parked->sas);
	*parked = (struct parked){0};
}
