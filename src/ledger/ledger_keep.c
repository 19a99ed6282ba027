/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>

#include "ledger/ledger.h"
#include "ledger/ledger_book.h"

static struct ledger_record record_of_entry(const struct sa_entry *entry)
{
	return (struct ledger_record){
	    .saddr = entry->saddr,
	    .daddr = entry->daddr,
	    .add_time = entry->add_time,
	    .born = entry->born,
	    .sample = entry->sample,
	    .sibling = entry->sibling,
	    .spi = entry->spi,
	    .reqid = entry->reqid,
	    .if_id = entry->if_id,
	    .mark = entry->mark,
	    .mark_mask = entry->mark_mask,
	    .row = entry->row,
	    .family = entry->family,
	    .proto = entry->proto,
	    .mode = entry->mode,
	    .direction = entry->direction,
	    .replay_protected = entry->replay_protected,
	    .departing = entry->state == ENTRY_DEPARTING ? (uint8_t)(1 + entry->rekeyed)
							 : (uint8_t)0,
	};
}

/* A departing one too: its deletion is not counted yet. */
static bool is_kept(const struct sa_entry *entry)
{
	return entry->state == ENTRY_KEYED || entry->state == ENTRY_DEPARTING;
}

typedef int save_fn(void *ctx, const struct ledger_record *record);

/* Siblings in order of age, which add_time alone, in seconds, does not keep. */
static int save_group(const struct ledger *ledger, uint32_t place, save_fn *save,
		      void *ctx)
{
	int ret = 0;

	for (; place != SA_NONE && !ret; place = ledger->table.entries[place].younger) {
		const struct sa_entry *entry = &ledger->table.entries[place];
		struct ledger_record record = record_of_entry(entry);

		if (is_kept(entry))
			ret = save(ctx, &record);
	}
	return ret;
}

int ledger_save(const struct ledger *ledger,
		int (*save)(void *ctx, const struct ledger_record *record), void *ctx)
{
	int ret = 0;

	for (uint32_t i = 0; i < ledger->table.n_entries && !ret; i++) {
		const struct sa_entry *entry = &ledger->table.entries[i];

		/* a departed one may be the first of a departing one's group */
		if ((is_kept(entry) || entry->state == ENTRY_DEPARTED) &&
		    entry->older == SA_NONE)
			ret = save_group(ledger, i, save, ctx);
	}
	return ret;
}

int ledger_restore_row(struct ledger *ledger, unsigned row,
		       const struct ledger_row *totals)
{
	struct stats *stats;

	if (row >= ledger->n_rows)
		return -EINVAL;
	ledger->rows[row] = *totals;
	stats = &ledger->rows[row].stats;
	stats->active_sa = 0;
	stats->pending_key_operations = 0;
	stats->active_tunnels = 0;
	return 0;
}

static bool record_is_sane(const struct ledger *ledger,
			   const struct ledger_record *record)
{
	return record->row < ledger->n_rows &&
	       (record->family == AF_INET || record->family == AF_INET6) &&
	       (record->proto == IPPROTO_ESP || record->proto == IPPROTO_AH) &&
	       record->direction <= SA_DIR_OUT && record->replay_protected <= 1 &&
	       record->departing <= 2;
}

int ledger_restore_sa(struct ledger *ledger, const struct ledger_record *record)
{
	struct sa sa = {
	    .saddr = record->saddr,
	    .daddr = record->daddr,
	    .family = record->family,
	    .proto = record->proto,
	    .mode = record->mode,
	    .keyed = true,
	    .spi = record->spi,
	    .reqid = record->reqid,
	    .if_id = record->if_id,
	    .mark = record->mark,
	    .mark_mask = record->mark_mask,
	    .add_time = record->add_time,
	};
	struct sa_entry *entry;
	uint32_t place;
	int err;

	if (!record_is_sane(ledger, record))
		return -EINVAL;
	err = sa_table_reserve(&ledger->table);
	if (!err)
		err = sa_table_insert(&ledger->table, &sa, &place);
	if (err)
		return err;
	entry = book_entry_at(ledger, place);
	entry->sibling = record->sibling;
	entry->born = record->born;
	entry->sample = record->sample;
	entry->row = (uint16_t)record->row;
	entry->direction = record->direction;
	entry->replay_protected = record->replay_protected != 0;
	entry->seen = ledger->dump;
	book_set_state(ledger, entry, ENTRY_KEYED);
	book_row_of(ledger, entry)->stats.active_sa++;
	book_join_siblings(ledger, place, SA_TABLE_YOUNGEST);
	if (record->departing) {
		book_depart(ledger, place);
		entry->rekeyed = record->departing == 2;
	}
	return 0;
}

int ledger_readmit_sa(struct ledger *ledger, const struct ledger_record *record)
{
	int err = ledger_restore_sa(ledger, record);

	if (!err)
		ledger->rows[record->row].stats.key_additions++;
	return err;
}
