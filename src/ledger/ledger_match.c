/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>

#include "ledger/ledger_private.h"

static bool same_addr(const struct in6_addr *a, const struct in6_addr *b)
{
	return !memcmp(a, b, sizeof(*a));
}

static bool same_ends(const struct sa *a, const struct sa *b)
{
	return same_addr(&a->saddr, &b->saddr) && same_addr(&a->daddr, &b->daddr);
}

/*
 * The kernel's key, which no two live SAs share (__xfrm_state_locate(), EEXIST), and
 * what no message changes while the SA lives. The source tells a moved SA from the old
 * one if only the source has changed. add_time is not compared: XFRM_MSG_NEWAE can set
 * it, and sends an event only to a multicast group that qmipsecd does not join
 * (xfrm_update_ae_params()).
 */
static bool same_sa(const struct sa *a, const struct sa *b)
{
	return sa_same_key(a, b) && a->reqid == b->reqid && a->mode == b->mode &&
	       same_addr(&a->saddr, &b->saddr);
}

static bool is_counted(const struct sa_entry *entry)
{
	return entry->state == ENTRY_KEYED && !sa_entry_is_flushed(entry) &&
	       !entry->displaced;
}

static bool fits(const struct sa_entry *entry, const struct sa *sa, enum match match)
{
	switch (match) {
	case MATCH_COUNTED:
		return is_counted(entry) && sa_same_key(&entry->sa, sa);
	case MATCH_LIVE:
		return is_counted(entry) && same_sa(&entry->sa, sa);
	case MATCH_FLUSHED:
		return sa_entry_is_flushed(entry) && same_sa(&entry->sa, sa) &&
		       entry->sa.add_time == sa->add_time;
	case MATCH_ANY_FLUSHED:
		return sa_entry_is_flushed(entry) && same_sa(&entry->sa, sa);
	case MATCH_OBSERVED:
		return entry->state == ENTRY_OBSERVED && same_sa(&entry->sa, sa);
	case MATCH_UNKEYED:
		return entry->state == ENTRY_UNKEYED && sa_same_key(&entry->sa, sa);
	case MATCH_LOST:
		return entry->state == ENTRY_LOST && same_sa(&entry->sa, sa) &&
		       (entry->sa.add_time == sa->add_time ||
			!sample_recedes(&entry->sa.sample, &sa->sample));
	}
	return false;
}

struct sa_entry *match_find(struct ledger *ledger, const struct sa *sa,
			    enum match match)
{
	struct sa_bucket *bucket = sa_table_by_key(&ledger->table, sa);
	struct sa_entry *entry = bucket ? LIST_FIRST(bucket) : NULL;

	while (entry && !fits(entry, sa, match))
		entry = LIST_NEXT(entry, by_key);
	return entry;
}

/* Moves. */

/* The two SAs of a connection may share SPI and add_time, but their ends are exchanged.
 */
static bool may_move(const struct sa_entry *from, const struct sa *to,
		     enum sa_direction direction)
{
	if (from->direction != SA_DIR_UNKNOWN && direction != SA_DIR_UNKNOWN)
		return from->direction == direction;
	return !same_addr(&from->sa.saddr, &to->daddr) ||
	       !same_addr(&from->sa.daddr, &to->saddr);
}

/* This entry or the first after it that may have moved to the SA. */
static struct sa_entry *next_movable(struct sa_entry *from, const struct sa *to,
				     enum sa_direction direction)
{
	while (from && (!sa_same_move(&from->sa, to) || !may_move(from, to, direction)))
		from = TAILQ_NEXT(from, by_move);
	return from;
}

#define FOREACH_MOVABLE(from, ledger, to, direction)                                  \
	for ((from) = next_movable(                                                   \
		 TAILQ_FIRST(sa_table_by_move(&(ledger)->table, to)), to, direction); \
	     (from); (from) = next_movable(TAILQ_NEXT(from, by_move), to, direction))

/*
 * A moved SA begins with almost the last count of the old one, which the keying daemon
 * has read a moment before. The first packets of another SA are few. Between other
 * ends, a common SPI and add_time are proof enough, unless XFRM_MSG_NEWAE has set the
 * counters or the time between that reading and the DELSA.
 */
static bool is_born_of(const struct sa_entry *from, const struct sa *to, uint64_t bytes)
{
	if (same_ends(&from->sa, to) || from->sa.add_time != to->add_time)
		return bytes > 0 && bytes >= from->sa.sample.bytes / 2;
	return bytes > 0 || from->sa.sample.bytes == 0;
}

/* Between other ends, the SA may show less, if its count was preloaded with an earlier
 * sample. Between the same ends, or with another add_time and no MIGRATE, it must not.
 */
static bool may_continue(const struct ledger *ledger, const struct sa_entry *from,
			 const struct sa *to)
{
	bool cloned = !ledger->gap && (ledger->migrated || ledger->migrated_during);

	return (!same_ends(&from->sa, to) &&
		(cloned || from->sa.add_time == to->add_time)) ||
	       !sample_recedes(&from->sa.sample, &to->sample);
}

struct sa_entry *match_departed(struct ledger *ledger, const struct sa_entry *entry,
				enum entry_state state, uint64_t born_bytes)
{
	const struct sa *to = &entry->sa;
	struct sa_entry *from;

	FOREACH_MOVABLE(from, ledger, to, entry->direction) {
		if (from->state == state &&
		    (state == ENTRY_DEPARTING || from->sa.add_time == to->add_time) &&
		    is_born_of(from, to, born_bytes))
			return from;
	}
	return NULL;
}

/* Prefers an entry with this add_time, then the one that has carried most, so that
 * nothing counts twice. */
static bool is_likelier(const struct sa_entry *a, const struct sa_entry *b,
			uint64_t add_time)
{
	if ((a->sa.add_time == add_time) != (b->sa.add_time == add_time))
		return a->sa.add_time == add_time;
	return a->sa.sample.bytes > b->sa.sample.bytes;
}

/* True if the dump has shown the SA in its place, perhaps with another add_time. */
static bool stays(struct ledger *ledger, const struct sa_entry *entry)
{
	const struct sa_entry *observed =
	    match_find(ledger, &entry->sa, MATCH_OBSERVED);

	return observed && !sample_recedes(&entry->sa.sample, &observed->sa.sample);
}

static bool is_missing(struct ledger *ledger, const struct sa_entry *entry,
		       const struct sa *shown)
{
	return entry->state == ENTRY_KEYED && entry->seen != ledger->dump &&
	       !(sample_recedes(&entry->sa.sample, &shown->sample) &&
		 stays(ledger, entry));
}

struct sa_entry *match_moved(struct ledger *ledger, const struct sa_entry *observed,
			     bool or_missing)
{
	const struct sa *to = &observed->sa;
	struct sa_entry *best = NULL;
	struct sa_entry *from;

	FOREACH_MOVABLE(from, ledger, to, observed->direction) {
		if (from->state != ENTRY_DEPARTING &&
		    !(or_missing && is_missing(ledger, from, to)))
			continue;
		if (may_continue(ledger, from, to) &&
		    (!best || is_likelier(from, best, to->add_time)))
			best = from;
	}
	return best;
}

/* Prefers the entry with the key of the observed SA, unless that is less likely. */
struct sa_entry *match_observed(struct ledger *ledger, const struct sa_entry *observed,
				struct sa_entry *live)
{
	const struct sa *shown = &observed->sa;
	struct sa_entry *from = match_moved(ledger, observed, true);

	if (!from || !live)
		return from ? from : live;
	return sample_recedes(&live->sa.sample, &shown->sample) ||
		       is_likelier(from, live, shown->add_time)
		   ? from
		   : live;
}

/* The end of a larval SA looks like that of a keyed one that has carried nothing. Only
 * add_time tells those apart. */
static bool may_have_been(const struct sa_entry *from, const struct sa *to)
{
	return from->sa.add_time == to->add_time ||
	       (to->sample.packets > 0 &&
		!sample_recedes(&from->sa.sample, &to->sample));
}

struct sa_entry *match_migrated(struct ledger *ledger, const struct sa *sa)
{
	struct sa_entry *match = NULL;
	struct sa_entry *from;
	enum sa_direction direction;

	if ((!ledger->migrated && !ledger->migrated_during) || !ledger->table.n)
		return NULL;
	direction = ledger->env.direction(ledger->env.ctx, sa);
	FOREACH_MOVABLE(from, ledger, sa, direction) {
		if (from->state != ENTRY_KEYED || sa_entry_is_flushed(from) ||
		    same_ends(&from->sa, sa) || !may_have_been(from, sa))
			continue;
		match = from;
		if (from->sa.add_time == sa->add_time)
			break;
	}
	return match;
}
