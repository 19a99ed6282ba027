/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ledger/ledger_find.h"

#include <string.h>

enum {
	/* Searches of the whole table from one dump to the next. */
	MAX_SCANS = 256,
};

/*
 * The kernel's key, which no two live SAs share (__xfrm_state_locate(), EEXIST), and
 * what no message changes while the SA lives: one that moved keeps the key if only its
 * source changed. Not add_time, which XFRM_MSG_NEWAE may set to anything, and tells
 * only a group that is not joined (xfrm_update_ae_params()).
 */
static bool same_sa(const struct sa_entry *entry, const struct sa *sa)
{
	return sa_entry_same_key(entry, sa) && entry->reqid == sa->reqid &&
	       entry->mode == sa->mode &&
	       !memcmp(&entry->saddr, &sa->saddr, sizeof(sa->saddr));
}

bool find_is_incarnation(const struct sa_entry *entry, const struct sa *sa)
{
	return same_sa(entry, sa) && entry->add_time == sa->add_time;
}

bool find_is_flushed(const struct sa_entry *entry)
{
	return entry->state == ENTRY_KEYED && entry->flushed && !entry->unsure;
}

typedef bool fits_fn(const struct sa_entry *entry, const struct sa *sa);

static uint32_t find(struct ledger *ledger, const struct sa *sa, fits_fn *fits)
{
	uint32_t place = sa_table_first(&ledger->table, sa);

	while (place != SA_NONE && !fits(book_entry_at(ledger, place), sa))
		place = book_entry_at(ledger, place)->next;
	return place;
}

static bool is_counted(const struct sa_entry *entry, const struct sa *sa)
{
	return entry->state == ENTRY_KEYED && !find_is_flushed(entry) &&
	       !entry->displaced && sa_entry_same_key(entry, sa);
}

uint32_t find_counted(struct ledger *ledger, const struct sa *sa)
{
	return find(ledger, sa, is_counted);
}

static bool is_live(const struct sa_entry *entry, const struct sa *sa)
{
	return is_counted(entry, sa) && same_sa(entry, sa);
}

uint32_t find_live(struct ledger *ledger, const struct sa *sa)
{
	return find(ledger, sa, is_live);
}

static bool is_flushed(const struct sa_entry *entry, const struct sa *sa)
{
	return find_is_flushed(entry) && find_is_incarnation(entry, sa);
}

uint32_t find_flushed(struct ledger *ledger, const struct sa *sa)
{
	return find(ledger, sa, is_flushed);
}

static bool is_observed(const struct sa_entry *entry, const struct sa *sa)
{
	return entry->state == ENTRY_OBSERVED && same_sa(entry, sa);
}

uint32_t find_observed(struct ledger *ledger, const struct sa *sa)
{
	return find(ledger, sa, is_observed);
}

static bool is_unkeyed(const struct sa_entry *entry, const struct sa *sa)
{
	return (entry->state == ENTRY_LARVAL || entry->state == ENTRY_OTHER) &&
	       sa_entry_same_key(entry, sa);
}

uint32_t find_unkeyed(struct ledger *ledger, const struct sa *sa)
{
	return find(ledger, sa, is_unkeyed);
}

static bool is_lost(const struct sa_entry *entry, const struct sa *sa)
{
	return entry->state == ENTRY_LOST && same_sa(entry, sa) &&
	       (entry->add_time == sa->add_time ||
		!book_recedes(entry, sa->bytes, sa->packets));
}

uint32_t find_lost(struct ledger *ledger, const struct sa *sa)
{
	return find(ledger, sa, is_lost);
}

/* Flushed when the observed SA was. */
static bool was_flushed(const struct sa_entry *entry, const struct sa *sa)
{
	return find_is_flushed(entry) && same_sa(entry, sa);
}

uint32_t find_flushed_as(struct ledger *ledger, const struct sa *sa)
{
	return find(ledger, sa, was_flushed);
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
 * What was preloaded is close to what the old one had carried: its count was read a
 * moment before. The first packets of another SA are few. Between other ends an SPI and
 * a second in common are proof enough, but the counters may have been published between
 * that reading and the end, and another time with them.
 */
static bool born_of(const struct sa_entry *from, const struct sa_entry *to,
		    uint64_t born_bytes)
{
	if (same_ends(from, to) || from->add_time != to->add_time)
		return born_bytes > 0 && born_bytes >= from->sample.bytes / 2;
	return born_bytes > 0 || from->sample.bytes == 0;
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
		    (state == ENTRY_DEPARTING || from->add_time == entry->add_time) &&
		    born_of(from, entry, born_bytes))
			return place;
	}
	return SA_NONE;
}

uint32_t find_departing(struct ledger *ledger, uint32_t to, uint64_t born_bytes)
{
	return find_movable(ledger, to, ENTRY_DEPARTING, born_bytes);
}

bool find_departed(struct ledger *ledger, uint32_t to, uint64_t born_bytes)
{
	return find_movable(ledger, to, ENTRY_DEPARTED, born_bytes) != SA_NONE;
}

bool find_expects_clones(const struct ledger *ledger)
{
	return !ledger->gap && (ledger->migrated || ledger->migrated_during);
}

bool find_may_continue(const struct ledger *ledger, const struct sa_entry *from,
		       const struct sa_entry *to)
{
	if (!may_move(from, to))
		return false;
	return (!same_ends(from, to) &&
		(find_expects_clones(ledger) || from->add_time == to->add_time)) ||
	       !book_recedes(from, to->sample.bytes, to->sample.packets);
}

uint32_t find_departing_of_observed(struct ledger *ledger, uint32_t to)
{
	const struct sa_entry *entry = book_entry_at(ledger, to);
	struct sa_group *group =
	    sa_table_find_group(&ledger->table, book_movable_key(entry));
	uint32_t place = group ? group->youngest : SA_NONE;

	for (; place != SA_NONE; place = book_entry_at(ledger, place)->older)
		if (book_entry_at(ledger, place)->state == ENTRY_DEPARTING &&
		    find_may_continue(ledger, book_entry_at(ledger, place), entry))
			return place;
	return SA_NONE;
}

/* The end of a larval SA may look like that of a keyed one that has carried nothing:
 * there add_time must tell. */
static bool may_have_been(const struct sa_entry *from, const struct sa_entry *to)
{
	return from->add_time == to->add_time ||
	       (to->sample.packets > 0 &&
		!book_recedes(from, to->sample.bytes, to->sample.packets));
}

uint32_t find_migrated(struct ledger *ledger, const struct sa *to)
{
	struct sa_entry entry = sa_entry_of(to);
	uint64_t key = book_movable_key(&entry);
	uint32_t match = SA_NONE;

	if ((!ledger->migrated && !ledger->migrated_during) ||
	    ledger->migrated_scans == MAX_SCANS)
		return SA_NONE;
	ledger->migrated_scans++;
	entry.direction = (uint8_t)ledger->env.direction(ledger->env.ctx, to);
	entry.sample = book_sample_of(to);
	for (uint32_t place = 0; place < ledger->table.n_entries; place++) {
		const struct sa_entry *from = book_entry_at(ledger, place);

		if (from->state != ENTRY_KEYED || find_is_flushed(from) ||
		    book_movable_key(from) != key || same_ends(from, &entry) ||
		    !may_move(from, &entry) || !may_have_been(from, &entry))
			continue;
		match = place;
		if (from->add_time == entry.add_time)
			break;
	}
	return match;
}
