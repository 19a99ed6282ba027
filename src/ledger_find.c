/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ledger_find.h"

#include <string.h>

enum {
	/* Searches of the whole table from one dump to the next. */
	MAX_SCANS = 256,
};

/* The kernel's key, and what no message changes: an SA that moved keeps key and
 * add_time if only its source changed. */
static bool same_incarnation(const struct sa_entry *entry, const struct sa *sa)
{
	return sa_entry_same_key(entry, sa) && entry->add_time == sa->add_time &&
	       entry->reqid == sa->reqid && entry->mode == sa->mode &&
	       !memcmp(&entry->saddr, &sa->saddr, sizeof(sa->saddr));
}

static bool is_live(const struct sa_entry *entry)
{
	return entry->state != ENTRY_LEAVING && entry->state != ENTRY_DEPARTED &&
	       entry->state != ENTRY_BURIED;
}

bool find_is_flushed(const struct sa_entry *entry)
{
	return entry->state == ENTRY_KEYED && entry->flushed && !entry->unsure;
}

uint32_t find_live(struct ledger *ledger, const struct sa *sa)
{
	uint32_t found = SA_NONE;
	uint32_t place = sa_table_first(&ledger->table, sa);

	for (; place != SA_NONE; place = book_entry_at(ledger, place)->next) {
		const struct sa_entry *entry = book_entry_at(ledger, place);

		if (!is_live(entry) || !sa_entry_same_key(entry, sa))
			continue;
		if (same_incarnation(entry, sa))
			return place;
		if (found == SA_NONE || !find_is_flushed(entry))
			found = place;
	}
	return found;
}

uint32_t find_counted(struct ledger *ledger, const struct sa *sa)
{
	uint32_t place = sa_table_first(&ledger->table, sa);

	for (; place != SA_NONE; place = book_entry_at(ledger, place)->next) {
		const struct sa_entry *entry = book_entry_at(ledger, place);

		if (entry->state == ENTRY_KEYED && !find_is_flushed(entry) &&
		    sa_entry_same_key(entry, sa))
			return place;
	}
	return SA_NONE;
}

uint32_t find_incarnation(struct ledger *ledger, const struct sa *sa)
{
	uint32_t place = find_live(ledger, sa);

	if (place != SA_NONE && same_incarnation(book_entry_at(ledger, place), sa))
		return place;
	return SA_NONE;
}

uint32_t find_buried(struct ledger *ledger, const struct sa *sa)
{
	uint32_t place = sa_table_first(&ledger->table, sa);

	for (; place != SA_NONE; place = book_entry_at(ledger, place)->next) {
		const struct sa_entry *entry = book_entry_at(ledger, place);

		if (entry->state == ENTRY_BURIED && same_incarnation(entry, sa))
			return place;
	}
	return SA_NONE;
}

static bool same_addr(const struct in6_addr *a, const struct in6_addr *b)
{
	return !memcmp(a, b, sizeof(*a));
}

static bool same_ends(const struct sa_entry *a, const struct sa_entry *b)
{
	return same_addr(&a->saddr, &b->saddr) && same_addr(&a->daddr, &b->daddr);
}

/*
 * Whether one SA can be another after a move. The two SAs of one connection may have
 * the same SPI and age, but go opposite ways.
 */
static bool may_move(const struct sa_entry *from, const struct sa_entry *to)
{
	if (from->direction != SA_DIR_UNKNOWN && to->direction != SA_DIR_UNKNOWN)
		return from->direction == to->direction;
	return !same_addr(&from->saddr, &to->daddr) ||
	       !same_addr(&from->daddr, &to->saddr);
}

/*
 * Between the same ends what was preloaded is close to what the old one had carried:
 * its count was read a moment before. The first packets of another SA are few.
 */
static bool born_of(const struct sa_entry *from, const struct sa_entry *to,
		    uint64_t born_bytes)
{
	if (same_ends(from, to))
		return born_bytes > 0 && born_bytes >= from->bytes / 2;
	return born_bytes > 0 || from->bytes == 0;
}

static uint32_t find_movable(struct ledger *ledger, uint32_t to, enum entry_state state,
			     uint64_t born_bytes)
{
	const struct sa_entry *entry = book_entry_at(ledger, to);
	struct sa_group *group =
	    sa_table_find_group(&ledger->table, book_movable_key(entry));
	uint32_t place = group ? group->youngest : SA_NONE;

	for (; place != SA_NONE; place = book_entry_at(ledger, place)->older) {
		const struct sa_entry *from = book_entry_at(ledger, place);

		if (from->state == state && may_move(from, entry) &&
		    born_of(from, entry, born_bytes))
			return place;
	}
	return SA_NONE;
}

uint32_t find_leaving(struct ledger *ledger, uint32_t to, uint64_t born_bytes)
{
	return find_movable(ledger, to, ENTRY_LEAVING, born_bytes);
}

bool find_departed(struct ledger *ledger, uint32_t to, uint64_t born_bytes)
{
	return find_movable(ledger, to, ENTRY_DEPARTED, born_bytes) != SA_NONE;
}

bool find_may_continue(const struct sa_entry *from, const struct sa_entry *to)
{
	if (!may_move(from, to))
		return false;
	return !same_ends(from, to) ||
	       (to->bytes >= from->bytes && to->packets >= from->packets);
}

uint32_t find_leaving_of_found(struct ledger *ledger, uint32_t to)
{
	const struct sa_entry *entry = book_entry_at(ledger, to);
	struct sa_group *group =
	    sa_table_find_group(&ledger->table, book_movable_key(entry));
	uint32_t place = group ? group->youngest : SA_NONE;

	for (; place != SA_NONE; place = book_entry_at(ledger, place)->older)
		if (book_entry_at(ledger, place)->state == ENTRY_LEAVING &&
		    find_may_continue(book_entry_at(ledger, place), entry))
			return place;
	return SA_NONE;
}

uint32_t find_migrated(struct ledger *ledger, const struct sa *to)
{
	struct sa_entry entry = sa_entry_of(to);
	uint64_t key = book_movable_key(&entry);

	if ((!ledger->migrated && !ledger->migrated_during) ||
	    ledger->migrated_scans == MAX_SCANS)
		return SA_NONE;
	ledger->migrated_scans++;
	entry.direction = (uint8_t)ledger->env.direction(ledger->env.ctx, to);
	for (uint32_t place = 0; place < ledger->table.n_entries; place++) {
		const struct sa_entry *from = book_entry_at(ledger, place);

		if (from->state == ENTRY_KEYED && !find_is_flushed(from) &&
		    book_movable_key(from) == key && !same_ends(from, &entry) &&
		    may_move(from, &entry))
			return place;
	}
	return SA_NONE;
}
