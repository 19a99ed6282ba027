/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The states of entries, the lists of some states, and what a dump has shown. Declared
 * in sa_table.h. */
#include <string.h>

#include "ledger/sa_table.h"

static void join_observed(struct sa_table *table, struct sa_entry *entry)
{
	struct sa_entry *last = sa_table_find(table, table->observed.last);

	entry->before = table->observed.last;
	entry->after = 0;
	*(last ? &last->after : &table->observed.first) = entry->self;
	table->observed.last = entry->self;
}

static void leave_observed(struct sa_table *table, struct sa_entry *entry)
{
	struct sa_entry *before = sa_table_find(table, entry->before);
	struct sa_entry *after = sa_table_find(table, entry->after);

	*(before ? &before->after : &table->observed.first) = entry->after;
	*(after ? &after->before : &table->observed.last) = entry->before;
	entry->before = entry->after = 0;
}

static void join_ended(struct sa_table *table, struct sa_entry *entry)
{
	struct sa_entry *next = sa_table_find(table, table->ended);

	entry->previous = 0;
	entry->next = table->ended;
	if (next)
		next->previous = entry->self;
	table->ended = entry->self;
}

static void leave_ended(struct sa_table *table, struct sa_entry *entry)
{
	struct sa_entry *previous = sa_table_find(table, entry->previous);
	struct sa_entry *next = sa_table_find(table, entry->next);

	*(previous ? &previous->next : &table->ended) = entry->next;
	if (next)
		next->previous = entry->previous;
	entry->next = entry->previous = 0;
}

static bool is_larval(const struct sa_entry *entry)
{
	return entry->state == ENTRY_UNKEYED && sa_proto_is_ipsec(entry->proto);
}

void sa_table_leave_state(struct sa_table *table, struct sa_entry *entry)
{
	table->in_state[entry->state]--;
	table->n_larval -= is_larval(entry);
	if (sa_entry_has_ended(entry))
		leave_ended(table, entry);
	else if (entry->seen == table->dump)
		table->n_seen--;
	if (entry->state == ENTRY_OBSERVED)
		leave_observed(table, entry);
	entry->settled = false;
}

void sa_table_join_state(struct sa_table *table, struct sa_entry *entry,
			 enum entry_state state)
{
	entry->state = state;
	table->in_state[state]++;
	table->n_larval += is_larval(entry);
	if (sa_entry_has_ended(entry))
		join_ended(table, entry);
	else if (entry->seen == table->dump)
		table->n_seen++;
	if (state == ENTRY_OBSERVED)
		join_observed(table, entry);
}

void sa_table_set_state(struct sa_table *table, struct sa_entry *entry,
			enum entry_state state)
{
	sa_table_leave_state(table, entry);
	sa_table_join_state(table, entry, state);
}

void sa_table_begin_dump(struct sa_table *table)
{
	struct dump_order *order = &table->order;

	table->dump++;
	table->n_seen = 0;
	order->n_shown = 0;
	for (size_t i = 0; i < SA_TABLE_AHEAD; i++)
		order->expected[i] = sa_table_find(table, order->first[i]);
	memset(order->first, 0, sizeof(order->first));
}

/* The entry that was shown SA_TABLE_AHEAD before, unless it has ended since. */
static struct sa_entry *find_behind(const struct sa_table *table)
{
	const struct dump_order *order = &table->order;
	struct sa_entry *entry = order->shown[order->n_shown % SA_TABLE_AHEAD];

	return sa_entry_has_ended(entry) ? NULL : entry;
}

void sa_table_show(struct sa_table *table, struct sa_entry *entry)
{
	if (table->order.n_shown >= SA_TABLE_AHEAD) {
		struct sa_entry *behind = find_behind(table);

		if (behind && behind->ahead != entry->self)
			behind->ahead = entry->self;
	}
	sa_table_show_expected(table, entry);
}
