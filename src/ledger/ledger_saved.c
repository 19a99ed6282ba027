/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ledger/ledger.h"

#include <errno.h>
#include <string.h>

#include "ledger/ledger_private.h"

static struct ledger_sa saved_from(const struct sa_entry *entry)
{
	return (struct ledger_sa){
	    .sa = entry->sa,
	    .born = entry->born,
	    .row = entry->account,
	    .direction = (uint8_t)entry->direction,
	    .departing = entry->state == ENTRY_DEPARTING,
	    .rekeyed = entry->rekeyed,
	};
}

size_t ledger_copy_sas(const struct ledger *ledger, struct ledger_sa *sas)
{
	const struct sa_entry *entry, *next;
	size_t n = 0;

	TAILQ_FOREACH(entry, &ledger->table.all, all) {
		if (entry->state == ENTRY_DEPARTING)
			sas[n++] = saved_from(entry);
		if (entry->state != ENTRY_KEYED || entry->older)
			continue;
		/* siblings in order of age, which born, in seconds, does not show */
		for (next = entry; next; next = next->younger)
			sas[n++] = saved_from(next);
	}
	return n;
}

size_t ledger_count_sas(const struct ledger *ledger)
{
	const struct sa_entry *entry;
	size_t n = 0;

	TAILQ_FOREACH(entry, &ledger->table.all, all)
		n += entry->state == ENTRY_KEYED || entry->state == ENTRY_DEPARTING;
	return n;
}

int ledger_restore_row(struct ledger *ledger, unsigned row, const struct totals *totals)
{
	if (row >= ledger->n_rows)
		return -EINVAL;
	ledger->accounts[row] = *totals;
	ledger->accounts[row].stats.active_sa = 0; /* ledger_restore_sa() counts them */
	ledger->levels_stale = true;
	return 0;
}

/* Any byte can be where a file has a bool, but C knows only 0 and 1. */
static bool is_bool(const bool *value)
{
	uint8_t byte;

	memcpy(&byte, value, sizeof(byte));
	return byte <= 1;
}

static bool is_sane(const struct ledger *ledger, const struct ledger_sa *saved)
{
	const struct sa *sa = &saved->sa;

	return saved->row < ledger->n_rows && saved->direction <= SA_DIR_OUT &&
	       saved->departing <= 1 && saved->rekeyed <= 1 && sa_is_ipsec(sa) &&
	       (sa->family == AF_INET || sa->family == AF_INET6) &&
	       sa->declared <= SA_DIR_OUT && sa->sequence <= SA_DIR_OUT &&
	       is_bool(&sa->keyed) && is_bool(&sa->replay_protected) &&
	       is_bool(&sa->acquire) && !sa->acquire;
}

int ledger_restore_sa(struct ledger *ledger, const struct ledger_sa *saved)
{
	struct sa_entry *entry;

	if (!is_sane(ledger, saved))
		return -EINVAL;
	entry = sa_table_add(&ledger->table, &saved->sa, ENTRY_KEYED);
	if (!entry)
		return -ENOMEM;
	entry->born = saved->born;
	entry->account = saved->row;
	entry->direction = (enum sa_direction)saved->direction;
	entry->seen = ledger->dump;
	ledger->levels_stale = true;
	account_of(ledger, entry)->stats.active_sa++;
	sa_table_join_siblings(&ledger->table, entry, true);
	if (saved->departing) {
		entry_depart(ledger, entry);
		entry->rekeyed = saved->rekeyed;
	}
	return 0;
}

int ledger_readmit_sa(struct ledger *ledger, const struct ledger_sa *saved)
{
	int err = ledger_restore_sa(ledger, saved);

	if (!err)
		totals_count_keys(&ledger->accounts[saved->row], 1, 0);
	return err;
}
