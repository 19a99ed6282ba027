/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ledger/ledger.h"

#include "ledger/ledger_private.h"

int ledger_view_sas(const struct ledger *ledger,
		    int (*view)(void *ctx, const struct ledger_view *sa), void *ctx)
{
	struct sa_entry *entry;
	int err = 0;

	FOREACH_ENTRY(entry, &ledger->table) {
		const struct sa shown = sa_table_sa(&ledger->table, entry);
		const struct ledger_view sa = {
		    .sa = &shown,
		    .direction = entry->direction,
		    .born = entry->born,
		    .account = entry->account,
		    .row_is_kept = entry->inherited && entry->account->row,
		};

		if (entry->state == ENTRY_KEYED || entry->state == ENTRY_UNKEYED)
			err = view(ctx, &sa);
		if (err)
			break;
	}
	return err;
}
