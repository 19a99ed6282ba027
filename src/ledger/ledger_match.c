/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ledger/ledger_private.h"

static bool is_counted(const struct sa_entry *entry)
{
	return entry->state == ENTRY_KEYED && !sa_entry_is_flushed(entry) &&
	       !entry->displaced;
}

static bool fits(const struct sa_table *table, const struct sa_entry *entry,
		 const struct sa *sa, enum match match)
{
	switch (match) {
	case MATCH_COUNTED:
		return is_counted(entry) && sa_table_same_key(table, entry, sa);
	case MATCH_LIVE:
		return is_counted(entry) && match_same_sa(table, entry, sa);
	case MATCH_FLUSHED:
		return sa_entry_is_flushed(entry) && match_same_sa(table, entry, sa) &&
		       entry->add_time == sa->add_time;
	case MATCH_ANY_FLUSHED:
		return sa_entry_is_flushed(entry) && match_same_sa(table, entry, sa);
	case MATCH_OBSERVED:
		return entry->state == ENTRY_OBSERVED &&
		       match_same_sa(table, entry, sa);
	case MATCH_UNKEYED:
		return entry->state == ENTRY_UNKEYED &&
		       sa_table_same_key(table, entry, sa);
	case MATCH_LOST:
		return entry->state == ENTRY_LOST && match_same_sa(table, entry, sa) &&
		       (entry->add_time == sa->add_time ||
			!entry_recedes(entry, &sa->sample));
	}
	return false;
}

struct sa_entry *match_find(struct ledger *ledger, const struct sa *sa,
			    enum match match)
{
	const struct sa_table *table = &ledger->table;
	struct sa_entry *entry = sa_table_by_key(table, sa);

	while (entry && !fits(table, entry, sa, match))
		entry = sa_table_find(table, entry->next_by_key);
	return entry;
}

/* Moves. */

/* The two SAs of a connection may share SPI and add_time, but their ends are exchanged.
 */
static bool may_move(const struct sa_table *table, const struct sa_entry *from,
		     const struct sa *to, enum sa_direction direction)
{
	if (from->direction != SA_DIR_UNKNOWN && direction != SA_DIR_UNKNOWN)
		return from->direction == direction;
	return !sa_table_opposite_ends(table, from, to);
}

/* This entry or the first after it in the bucket that may have moved to the SA. */
static struct sa_entry *next_movable(const struct sa_table *table,
				     struct sa_entry *from, const struct sa *to,
				     enum sa_direction direction)
{
	while (from &&
	       (!sa_entry_same_move(from, to) || !may_move(table, from, to, direction)))
		from = sa_table_find(table, from->next_by_move);
	return from;
}

#define FOREACH_MOVABLE(from, table, to, direction)                                   \
	for ((from) = next_movable((table), sa_table_by_move((table), (to)), (to),    \
				   (direction));                                      \
	     (from); (from) = next_movable(                                           \
			 (table), sa_table_find((table), (from)->next_by_move), (to), \
			 (direction)))

/*
 * A moved SA begins with almost the last count of the old one, which the keying daemon
 * has read a moment before. The first packets of another SA are few. Between other
 * ends, a common SPI and add_time are proof enough, unless XFRM_MSG_NEWAE has set the
 * counters or the time between that reading and the DELSA.
 */
static bool is_born_of(const struct sa_table *table, const struct sa_entry *from,
		       const struct sa *to, uint64_t bytes)
{
	if (sa_table_same_ends(table, from, to) || from->add_time != to->add_time)
		return bytes > 0 && bytes >= from->bytes / 2;
	return bytes > 0 || from->bytes == 0;
}

/* Between other ends, the SA may show less, if its count was preloaded with an earlier
 * sample. Between the same ends, or with another add_time and no MIGRATE, it must not.
 */
static bool may_continue(const struct ledger *ledger, const struct sa_entry *from,
			 const struct sa *to)
{
	bool cloned = !ledger->gap && (ledger->migrated || ledger->migrated_during);

	return (!sa_table_same_ends(&ledger->table, from, to) &&
		(cloned || from->add_time == to->add_time)) ||
	       !entry_recedes(from, &to->sample);
}

struct sa_entry *match_departed(struct ledger *ledger, const struct sa_entry *entry,
				enum entry_state state, uint64_t born_bytes)
{
	const struct sa_table *table = &ledger->table;
	const struct sa to = sa_table_sa(table, entry);
	struct sa_entry *from;

	FOREACH_MOVABLE(from, table, &to, entry->direction) {
		if (from->state == state &&
		    (state == ENTRY_DEPARTING || from->add_time == to.add_time) &&
		    is_born_of(table, from, &to, born_bytes))
			return from;
	}
	return NULL;
}

/* Prefers an entry with this add_time, then the one that has carried most, so that
 * nothing counts twice. */
static bool is_likelier(const struct sa_entry *a, const struct sa_entry *b,
			uint64_t add_time)
{
	if ((a->add_time == add_time) != (b->add_time == add_time))
		return a->add_time == add_time;
	return a->bytes > b->bytes;
}

/* True if the dump has shown the SA in its place, perhaps with another add_time. */
static bool stays(struct ledger *ledger, const struct sa_entry *entry)
{
	const struct sa sa = sa_table_sa(&ledger->table, entry);
	const struct sa_entry *observed = match_find(ledger, &sa, MATCH_OBSERVED);

	struct sa_sample shown;

	if (!observed)
		return false;
	shown = sa_entry_sample(observed);
	return !entry_recedes(entry, &shown);
}

static bool is_missing(struct ledger *ledger, const struct sa_entry *entry,
		       const struct sa *shown)
{
	return entry->state == ENTRY_KEYED && entry->seen != ledger->table.dump &&
	       !(entry_recedes(entry, &shown->sample) && stays(ledger, entry));
}

struct sa_entry *match_moved(struct ledger *ledger, const struct sa_entry *observed,
			     bool or_missing)
{
	const struct sa to = sa_table_sa(&ledger->table, observed);
	struct sa_entry *best = NULL;
	struct sa_entry *from;

	FOREACH_MOVABLE(from, &ledger->table, &to, observed->direction) {
		if (from->state != ENTRY_DEPARTING &&
		    !(or_missing && is_missing(ledger, from, &to)))
			continue;
		if (may_continue(ledger, from, &to) &&
		    (!best || is_likelier(from, best, to.add_time)))
			best = from;
	}
	return best;
}

/* True if the observed SA may have been the entry with its key all the time. That may
 * be made by the UPDSA of one that has moved there, though. */
static bool is_itself(const struct sa_entry *live, const struct sa_entry *from,
		      const struct sa_entry *observed)
{
	const struct sa_sample shown = sa_entry_sample(observed);

	if (entry_recedes(live, &shown))
		return false;
	return live->born_at_most ? !is_likelier(from, live, observed->add_time)
				  : live->add_time == observed->add_time ||
					from->add_time != observed->add_time;
}

struct sa_entry *match_observed(struct ledger *ledger, const struct sa_entry *observed,
				struct sa_entry *live)
{
	struct sa_entry *from = match_moved(ledger, observed, true);

	if (!from || (live && is_itself(live, from, observed)))
		return live;
	return from;
}

/* The end of a larval SA looks like that of a keyed one that has carried nothing. Only
 * add_time tells those apart. */
static bool may_have_been(const struct sa_entry *from, const struct sa *to)
{
	return from->add_time == to->add_time ||
	       (to->sample.packets > 0 && !entry_recedes(from, &to->sample));
}

struct sa_entry *match_migrated(struct ledger *ledger, const struct sa *sa)
{
	struct sa_entry *match = NULL;
	struct sa_entry *from;
	enum sa_direction direction;

	if ((!ledger->migrated && !ledger->migrated_during) || !ledger->table.n)
		return NULL;
	direction = ledger->env.direction(ledger->env.ctx, sa);
	FOREACH_MOVABLE(from, &ledger->table, sa, direction) {
		if (from->state != ENTRY_KEYED || sa_entry_is_flushed(from) ||
		    sa_table_same_ends(&ledger->table, from, sa) ||
		    !may_have_been(from, sa))
			continue;
		match = from;
		if (from->add_time == sa->add_time)
			break;
	}
	return match;
}
