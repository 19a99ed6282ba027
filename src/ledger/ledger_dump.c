/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stdlib.h>

#include "ledger/ledger_private.h"
#include "util/hash.h"

/* For so long after a DELSA, a NEWSA may show its bytes as preloaded. */
#define KEEP_DEPARTED_NS UINT64_C(5000000000)

static const struct sa_sample nothing;

/*
 * An observed SA with the key of a live entry is that SA, unless an event was lost. If
 * an SA with this key has ended meanwhile, or was flushed and made again, the dump may
 * have shown either: the observed entry is dropped, and the next dump shows the SA that
 * lives.
 */
static void join_known(struct ledger *ledger, struct sa_entry *observed)
{
	const struct sa *sa = &observed->sa;
	struct sa_entry *live = match_find(ledger, sa, MATCH_LIVE);
	struct sa_entry *flushed =
	    observed->flushed ? match_find(ledger, sa, MATCH_ANY_FLUSHED) : NULL;

	if (observed->doubtful || (flushed && (live || ledger->gap))) {
		entry_remove(ledger, observed);
		ledger->wants_dump = true;
	} else if (flushed) {
		entry_settle(ledger, flushed, observed);
	} else if (live && (!ledger->gap || live->sa.add_time == sa->add_time)) {
		entry_settle(ledger, live, observed);
	}
}

/* Call it when all events that came during the dump have been read. */
static void join_all_known(struct ledger *ledger)
{
	struct sa_entry *observed, *next;

	for (observed = TAILQ_FIRST(&ledger->table.observed); observed;
	     observed = next) {
		next = TAILQ_NEXT(observed, in_observed);
		join_known(ledger, observed);
	}
}

typedef bool entry_test(const struct ledger *ledger, const struct sa_entry *entry);

/* All leave their siblings first, because none of them has replaced another. */
static void lose_all(struct ledger *ledger, entry_test *is_over)
{
	struct sa_entry *entry;

	TAILQ_FOREACH(entry, &ledger->table.all, all)
		if (is_over(ledger, entry))
			sa_table_leave_siblings(&ledger->table, entry);
	TAILQ_FOREACH(entry, &ledger->table.all, all)
		if (is_over(ledger, entry))
			entry_lose(ledger, entry);
}

static bool is_flushed(const struct ledger *ledger, const struct sa_entry *entry)
{
	(void)ledger;
	return sa_entry_is_flushed(entry);
}

/* All earlier events have been read. So SAs that a dump has observed which was cut
 * short join their entries, and flushed SAs are lost: what the dump shows with their
 * keys are other SAs. */
void ledger_dump_begin(struct ledger *ledger)
{
	join_all_known(ledger);
	ledger->dump++;
	ledger->dumping = true;
	ledger->wants_dump = false;
	ledger->gap_during = false;
	if (ledger->flushed)
		lose_all(ledger, is_flushed);
	ledger->flushed = false;
}

static void dump_known(struct ledger *ledger, struct sa_entry *entry,
		       const struct sa *sa)
{
	entry->seen = ledger->dump;
	entry->suspect = entry->doubtful = false;
	if (entry->unsure)
		entry->flushed = entry->unsure = false;
	entry->sa.replay_protected = sa->replay_protected;
	if (entry->state == ENTRY_OBSERVED) {
		entry->sa.add_time = sa->add_time;
		entry->sa.sample = sa->sample;
		return;
	}
	entry_learn_direction(ledger, entry, sa);
	entry->before = entry->sa.sample;
	entry_count(ledger, entry, &sa->sample);
}

static int dump_unkeyed(struct ledger *ledger, const struct sa *sa)
{
	struct sa_entry *entry = match_find(ledger, sa, MATCH_UNKEYED);

	if (entry && !sa_same_move(&entry->sa, sa)) { /* another, with its SPI */
		entry_remove(ledger, entry);
		entry = NULL;
	}
	if (!entry)
		entry = entry_new(ledger, sa, ENTRY_UNKEYED);
	if (!entry)
		return -ENOMEM;
	entry->seen = ledger->dump;
	return 0;
}

/*
 * The entry that certainly is of this SA: it was observed by a dump that was cut short,
 * or it is known and shows what was expected. If a known SA shows another add_time or
 * lower counters, it may be the next SA with its key: then it is observed until the
 * events have been read.
 */
static struct sa_entry *find_shown(struct ledger *ledger, const struct sa *sa)
{
	struct sa_entry *entry = TAILQ_EMPTY(&ledger->table.observed)
				     ? NULL
				     : match_find(ledger, sa, MATCH_OBSERVED);

	if (entry && (!entry->flushed || entry->sa.add_time == sa->add_time))
		return entry;
	entry = match_find(ledger, sa, MATCH_LIVE);
	if (!entry)
		entry = match_find(ledger, sa, MATCH_FLUSHED);
	return entry && entry->sa.add_time == sa->add_time &&
		       !sample_recedes(&entry->sa.sample, &sa->sample)
		   ? entry
		   : NULL;
}

/* The NEWSA of an unknown SA may not have been read yet. It will have been at the end
 * of the dump, and shows what the SA began with. */
int ledger_dump_sa(struct ledger *ledger, const struct sa *sa)
{
	struct sa_entry *entry;

	if (!sa->keyed)
		return dump_unkeyed(ledger, sa);
	entry = find_shown(ledger, sa);
	if (entry) {
		dump_known(ledger, entry, sa);
		return 0;
	}
	entry = match_find(ledger, sa, MATCH_UNKEYED);
	if (entry)
		entry_remove(ledger, entry);
	return entry_new(ledger, sa, ENTRY_OBSERVED) ? 0 : -ENOMEM;
}

/* The end of a dump. */

/* An observed SA that was known, at its own key after a gap or elsewhere before a move.
 * The others remain observed. */
static void follow_moves(struct ledger *ledger)
{
	struct sa_entry *observed, *next;

	for (observed = TAILQ_FIRST(&ledger->table.observed); observed;
	     observed = next) {
		struct sa_entry *live = match_find(ledger, &observed->sa, MATCH_LIVE);
		struct sa_entry *from = match_observed(ledger, observed, live);

		next = TAILQ_NEXT(observed, in_observed);
		if (from && from == live) {
			entry_settle(ledger, live, observed);
			continue;
		}
		if (!from)
			continue;
		if (live)
			entry_lose(ledger, live);
		if (ledger->gap && from->sa.add_time != observed->sa.add_time)
			account_of(ledger, from)->losses++; /* likely, not certain */
		entry_follow(ledger, from, observed);
	}
}

/* From the oldest: a dump shows the youngest first. */
static void count_observed(struct ledger *ledger)
{
	struct sa_entry *entry;

	while ((entry = TAILQ_LAST(&ledger->table.observed, sa_list)))
		entry_begin(ledger, entry, &nothing, false);
}

static bool is_missing(const struct ledger *ledger, const struct sa_entry *entry)
{
	return entry->state == ENTRY_KEYED && entry->seen != ledger->dump;
}

/* The kernel removes an SA from its list a moment before it sends DELSA, so one absence
 * proves nothing, except after a flush. */
static bool is_over(const struct ledger *ledger, const struct sa_entry *entry)
{
	return is_missing(ledger, entry) && (entry->flushed || entry->suspect);
}

static void give_up_missing(struct ledger *ledger)
{
	struct sa_entry *entry = TAILQ_FIRST(&ledger->table.all);

	while (entry && !is_missing(ledger, entry))
		entry = TAILQ_NEXT(entry, all);
	if (entry)
		lose_all(ledger, is_over);
	for (; entry; entry = TAILQ_NEXT(entry, all))
		if (is_missing(ledger, entry))
			entry->suspect = ledger->wants_dump = true;
}

/* Counts a deletion that can no longer be a move. Returns true if the entry is no
 * longer needed for preloaded bytes. */
static bool sweep_departure(struct ledger *ledger, struct sa_entry *entry)
{
	uint64_t age = ledger->now - entry->left_at;

	if (entry->state == ENTRY_DEPARTING && age >= LEDGER_MOVE_NS) {
		entry_count_deletion(ledger, entry);
		entry_retire(ledger, entry);
	}
	return entry->state == ENTRY_DEPARTED && entry->seen != ledger->dump &&
	       age > KEEP_DEPARTED_NS;
}

/* complete: SAs that the dump has not shown do not exist. */
static void sweep(struct ledger *ledger, bool complete)
{
	struct sa_entry *entry, *next;

	for (entry = TAILQ_FIRST(&ledger->table.all); entry; entry = next) {
		bool unseen = complete && entry->seen != ledger->dump;
		bool remove = unseen && (entry->state == ENTRY_UNKEYED ||
					 entry->state == ENTRY_LOST);

		next = TAILQ_NEXT(entry, all);
		if (entry->state == ENTRY_DEPARTING || entry->state == ENTRY_DEPARTED)
			remove = sweep_departure(ledger, entry);
		if (!remove)
			continue;
		ledger->levels_stale = true;
		entry_remove(ledger, entry);
	}
}

/* Levels. */

/* One entry that counts for a level together with those of the same key. */
struct mark {
	uint64_t key;
	struct account *account;
	bool tunnel;  /* false: a negotiation */
	bool acquire; /* of a negotiation */
};

/*
 * All outbound tunnel SAs between two ends are one tunnel. A negotiation has an ACQ
 * entry, which is outbound, and then a larval SA of the keying daemon, which is
 * inbound, with the ends exchanged. So its key contains the sum of the hashes of both
 * ends.
 */
static struct mark mark_of(const struct sa_entry *entry)
{
	const struct sa *sa = &entry->sa;
	bool tunnel = entry->state == ENTRY_KEYED;
	uint64_t ends = hash_mix_addr(HASH_START, &sa->saddr);
	uint64_t key = tunnel ? hash_mix_addr(ends, &sa->daddr)
			      : ends + hash_mix_addr(HASH_START, &sa->daddr);

	key = hash_mix(key, (uint64_t)sa->reqid << 32 | sa->if_id);
	key = hash_mix(key, (uint64_t)sa->mark << 32 | sa->mark_mask);
	key = hash_mix(key,
		       (uint64_t)entry->account->row << 8 | (tunnel ? 0 : sa->proto));
	return (struct mark){key, entry->account, tunnel, sa->acquire};
}

static bool is_marked(const struct sa_entry *entry)
{
	if (entry->state == ENTRY_UNKEYED)
		return sa_is_ipsec(&entry->sa);
	return entry->state == ENTRY_KEYED && entry->direction == SA_DIR_OUT &&
	       sa_mode_is_tunnel(entry->sa.mode);
}

static int compare_marks(const void *left, const void *right)
{
	const struct mark *a = left;
	const struct mark *b = right;

	if (a->tunnel != b->tunnel)
		return a->tunnel ? -1 : 1;
	return a->key < b->key ? -1 : a->key > b->key;
}

/*
 * Counts the marks with the key of the first one. Returns their number. They count once
 * for the row, so if an account was folded or had no room for some of them, they count
 * for the peer.
 */
static size_t count_marks(const struct mark *marks, size_t n)
{
	struct account *account = marks->account;
	struct stats *stats;
	size_t n_acquires = 0;
	size_t i;

	for (i = 0; i < n && !compare_marks(marks, &marks[i]); i++) {
		n_acquires += marks[i].acquire;
		if (!account->peer.family)
			account = marks[i].account;
	}
	stats = &account->totals.stats;
	if (marks->tunnel)
		stats->active_tunnels++;
	else
		stats->pending_key_operations +=
		    n_acquires > i - n_acquires ? n_acquires : i - n_acquires;
	return i;
}

static void clear_levels(struct account *account)
{
	account->totals.stats.active_tunnels = 0;
	account->totals.stats.pending_key_operations = 0;
}

static void clear_all_levels(struct accounts *accounts)
{
	for (unsigned row = 0; row < accounts->n_rows; row++)
		clear_levels(&accounts->rows[row]->other);
	for (size_t i = 0; i < accounts->n_peers; i++)
		clear_levels(accounts->peers[i]);
	accounts->sums_stale = true;
}

/* Returns 0, or -ENOMEM with the levels as they were. */
static int derive_levels(struct ledger *ledger)
{
	const struct sa_entry *entry;
	struct mark *marks;
	size_t n = 0;

	if (!ledger->levels_stale)
		return 0;
	marks = ledger->table.n ? malloc(ledger->table.n * sizeof(*marks)) : NULL;
	if (ledger->table.n && !marks)
		return -ENOMEM;
	TAILQ_FOREACH(entry, &ledger->table.all, all)
		if (is_marked(entry))
			marks[n++] = mark_of(entry);
	if (n)
		qsort(marks, n, sizeof(*marks), compare_marks);
	clear_all_levels(&ledger->accounts);
	for (size_t i = 0; i < n;)
		i += count_marks(&marks[i], n - i);
	free(marks);
	ledger->levels_stale = false;
	return 0;
}

int ledger_dump_end(struct ledger *ledger, uint64_t now)
{
	ledger->now = now;
	join_all_known(ledger);
	follow_moves(ledger);
	count_observed(ledger);
	give_up_missing(ledger);
	sweep(ledger, true);
	ledger->migrated = ledger->migrated_during;
	ledger->gap = ledger->gap_during;
	ledger->migrated_during = false;
	ledger->wants_dump |= ledger->migrated;
	ledger->dumping = false;
	ledger->period++;
	if (!ledger->table.n)
		sa_table_clear(&ledger->table);
	accounts_settle(&ledger->accounts, now);
	return derive_levels(ledger);
}

/* Samples stay counted, and observed SAs wait for the next dump. */
void ledger_dump_abort(struct ledger *ledger, uint64_t now)
{
	ledger->now = now;
	ledger->migrated |= ledger->migrated_during;
	ledger->migrated_during = false;
	ledger->dumping = false;
	sweep(ledger, false);
	ledger->wants_dump = true;
}

/* As by a flush: none of the SAs has replaced another. */
void ledger_end(struct ledger *ledger, uint64_t now)
{
	struct sa_entry *entry;

	join_all_known(ledger);
	count_observed(ledger);
	TAILQ_FOREACH(entry, &ledger->table.all, all) {
		entry->flushed = true;
		if (entry->state == ENTRY_KEYED)
			entry_lose(ledger, entry);
		else if (entry->state == ENTRY_DEPARTING)
			entry_count_deletion(ledger, entry);
	}
	sa_table_clear(&ledger->table);
	accounts_end(&ledger->accounts, now);
	ledger->gap = true;
	ledger->gap_during = ledger->wants_dump = ledger->dumping = false;
	ledger->migrated = ledger->migrated_during = false;
	ledger->period++;
	derive_levels(ledger);
}
