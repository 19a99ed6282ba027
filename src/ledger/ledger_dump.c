/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <string.h>

#include "kernel/sa_answer.h"
#include "ledger/ledger_private.h"

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
	const struct sa sa = sa_table_sa(&ledger->table, observed);
	struct sa_entry *live = match_find(ledger, &sa, MATCH_LIVE);
	struct sa_entry *flushed =
	    observed->flushed ? match_find(ledger, &sa, MATCH_ANY_FLUSHED) : NULL;

	if (observed->doubtful || (flushed && (live || ledger->gap))) {
		entry_remove(ledger, observed);
		ledger->wants_dump = true;
	} else if (flushed) {
		entry_settle(ledger, flushed, observed);
	} else if (live && (!ledger->gap || live->add_time == sa.add_time)) {
		entry_settle(ledger, live, observed);
	}
}

/* Call it when all events that came during the dump have been read. */
static void join_all_known(struct ledger *ledger)
{
	const struct sa_table *table = &ledger->table;
	struct sa_entry *observed, *next;

	for (observed = sa_table_find(table, table->observed.first); observed;
	     observed = next) {
		next = sa_table_find(table, observed->after);
		join_known(ledger, observed);
	}
}

typedef bool entry_test(const struct ledger *ledger, const struct sa_entry *entry);

/* Those of the entry and its siblings that are over leave the others. */
static void leave_siblings(struct ledger *ledger, const struct sa_entry *entry,
			   entry_test *is_over)
{
	const struct sa_table *table = &ledger->table;
	struct sa_entry *sibling, *older;

	for (sibling = sa_table_youngest(table, entry); sibling; sibling = older) {
		older = sa_table_older(table, sibling);
		if (is_over(ledger, sibling))
			entry_leave_siblings(ledger, sibling);
	}
}

/* All leave their siblings first, because none of them has replaced another. */
static void lose_all(struct ledger *ledger, entry_test *is_over)
{
	struct sa_entry *entry;

	FOREACH_ENTRY(entry, &ledger->table)
		if (entry->is_sibling && is_over(ledger, entry))
			leave_siblings(ledger, entry, is_over);
	FOREACH_ENTRY(entry, &ledger->table)
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
	sa_table_begin_dump(&ledger->table);
	ledger->guessing = !ledger->table.observed.first;
	ledger->dumping = true;
	ledger->wants_dump = false;
	ledger->gap_during = false;
	if (ledger->flushed)
		lose_all(ledger, is_flushed);
	ledger->flushed = false;
}

/* Counts what a KEYED entry shows now, which differs from its last sample. */
static void count_change(struct ledger *ledger, struct sa_entry *entry,
			 const struct sa_sample *sample)
{
	entry_note_earlier(ledger, entry);
	entry_count(ledger, entry, sample);
}

/* True if the ledger has no question about the entry, so that the next dump needs only
 * show it again. */
static bool is_settled(const struct sa_entry *entry)
{
	return entry->state == ENTRY_UNKEYED ||
	       (entry->state == ENTRY_KEYED && entry->direction != SA_DIR_UNKNOWN &&
		!entry->flushed && !entry->displaced);
}

static void dump_known(struct ledger *ledger, struct sa_entry *entry,
		       const struct sa *sa)
{
	sa_table_show(&ledger->table, entry);
	entry->suspect = entry->doubtful = false;
	if (entry->unsure)
		entry->flushed = entry->unsure = false;
	entry->replay_protected = sa->replay_protected;
	if (entry->state == ENTRY_OBSERVED) {
		entry->add_time = sa->add_time;
		sa_entry_set_sample(entry, &sa->sample);
		return;
	}
	entry_learn_direction(ledger, entry, sa);
	if (!sa_entry_has_sample(entry, &sa->sample))
		count_change(ledger, entry, &sa->sample);
	entry->settled = is_settled(entry);
}

static int dump_unkeyed(struct ledger *ledger, const struct sa *sa)
{
	struct sa_entry *entry = match_find(ledger, sa, MATCH_UNKEYED);

	if (entry && !sa_entry_same_move(entry, sa)) { /* another, with its SPI */
		entry_remove(ledger, entry);
		entry = NULL;
	}
	if (!entry)
		entry = entry_new(ledger, sa, ENTRY_UNKEYED);
	if (!entry)
		return -ENOMEM;
	sa_table_show(&ledger->table, entry);
	entry->settled = true;
	return 0;
}

static bool shows_what_is_expected(const struct sa_entry *entry, const struct sa *sa)
{
	return entry->add_time == sa->add_time && !entry_recedes(entry, &sa->sample);
}

/*
 * The entry that certainly is of this SA: it was observed by a dump that was cut short,
 * or it is known and shows what was expected. If a known SA shows another add_time or
 * lower counters, it may be the next SA with its key: then it is observed until the
 * events have been read.
 */
static struct sa_entry *find_shown(struct ledger *ledger, const struct sa *sa)
{
	struct sa_entry *entry = ledger->table.observed.first
				     ? match_find(ledger, sa, MATCH_OBSERVED)
				     : NULL;

	if (entry && (!entry->flushed || entry->add_time == sa->add_time))
		return entry;
	entry = match_find(ledger, sa, MATCH_LIVE);
	if (!entry)
		entry = match_find(ledger, sa, MATCH_FLUSHED);
	return entry && shows_what_is_expected(entry, sa) ? entry : NULL;
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
	entry = entry_new(ledger, sa, ENTRY_OBSERVED);
	if (!entry)
		return -ENOMEM;
	sa_table_show(&ledger->table, entry);
	return 0;
}

/* As match_same_sa(), and the interface. */
static bool is_shown(const struct sa_table *table, const struct sa_entry *entry,
		     const struct sa_answer *answer)
{
	return entry->spi == sa_answer_spi(answer) &&
	       entry->acquire == sa_answer_is_acquire(answer) &&
	       entry->proto == sa_answer_proto(answer) &&
	       entry->family == sa_answer_family(answer) &&
	       entry->reqid == sa_answer_reqid(answer) &&
	       entry->mode == sa_answer_mode(answer) &&
	       entry->if_id == sa_answer_if_id(answer) &&
	       entry->mark == sa_answer_mark(answer) &&
	       entry->mark_mask == sa_answer_mark_mask(answer) &&
	       sa_table_is_addr(table, entry, entry->daddr, sa_answer_daddr(answer)) &&
	       sa_table_is_addr(table, entry, entry->saddr, sa_answer_saddr(answer));
}

/* Not inlined, so that the usual way needs no room for a sample. */
static __attribute__((noinline)) void count_answer(struct ledger *ledger,
						   struct sa_entry *entry,
						   const struct sa_answer *answer)
{
	const struct sa_sample sample = sa_answer_sample(answer);

	count_change(ledger, entry, &sample);
}

/* What a KEYED entry that was expected shows now. */
static bool count_expected(struct ledger *ledger, struct sa_entry *entry,
			   const struct sa_answer *answer)
{
	const struct sa_sample sample = sa_answer_sample(answer);

	if (entry->add_time != sa_answer_add_time(answer) ||
	    entry_recedes(entry, &sample))
		return false;
	sa_table_show_expected(&ledger->table, entry);
	entry->replay_protected = sa_answer_is_replay_protected(answer);
	if (!sa_entry_has_sample(entry, &sample))
		count_answer(ledger, entry, answer);
	return true;
}

/* If the entry that comes next in the order of the last dump is of this SA, and the
 * ledger has no question about either, nothing needs to be looked up. */
bool ledger_dump_expected(struct ledger *ledger, const struct sa_answer *answer)
{
	struct sa_table *table = &ledger->table;
	struct sa_entry *entry = ledger->guessing ? sa_table_expected(table) : NULL;
	bool keyed = sa_answer_is_keyed(answer);

	if (!entry || !entry->settled || keyed != (entry->state == ENTRY_KEYED) ||
	    !is_shown(table, entry, answer))
		return false;
	if (keyed)
		return count_expected(ledger, entry, answer);
	sa_table_show_expected(table, entry);
	return true;
}

/* The end of a dump. */

/* What `observed` was before the dump is `from`. live is the entry with its key, or
 * NULL. */
static void follow(struct ledger *ledger, struct sa_entry *from, struct sa_entry *live,
		   struct sa_entry *observed)
{
	if (from == live) {
		entry_settle(ledger, live, observed);
		return;
	}
	if (live)
		entry_lose(ledger, live);
	if (ledger->gap && from->add_time != observed->add_time)
		account_of(ledger, from)->losses++; /* likely, not certain */
	entry_follow(ledger, from, observed);
}

/* True if the observed SA was elsewhere, and shows what was expected of it there. */
static bool has_surely_moved(const struct sa_entry *from, const struct sa_entry *live,
			     const struct sa_entry *observed)
{
	const struct sa_sample shown = sa_entry_sample(observed);

	return from != live && from->add_time == observed->add_time &&
	       !entry_recedes(from, &shown);
}

/* Observed SAs that were known, at their own key after a gap or elsewhere before a
 * move. The others remain observed. sure: only those that have surely moved. */
static void follow_some(struct ledger *ledger, bool sure)
{
	const struct sa_table *table = &ledger->table;
	struct sa_entry *observed, *next;

	for (observed = sa_table_find(table, table->observed.first); observed;
	     observed = next) {
		const struct sa sa = sa_table_sa(table, observed);
		struct sa_entry *live = match_find(ledger, &sa, MATCH_LIVE);
		struct sa_entry *from = match_observed(ledger, observed, live);

		next = sa_table_find(table, observed->after);
		if (from && (!sure || has_surely_moved(from, live, observed)))
			follow(ledger, from, live, observed);
	}
}

/* The sure ones first: after a gap, another SA may have the key of one that has moved,
 * and the one that has moved would be lost, and then counted again. */
static void follow_moves(struct ledger *ledger)
{
	if (ledger->gap && ledger->table.in_state[ENTRY_KEYED])
		follow_some(ledger, true);
	follow_some(ledger, false);
}

/* From the oldest: a dump shows the youngest first. */
static void count_observed(struct ledger *ledger)
{
	const struct sa_table *table = &ledger->table;
	struct sa_entry *entry;

	while ((entry = sa_table_find(table, table->observed.last)))
		entry_begin(ledger, entry, &nothing, false);
}

static bool is_missing(const struct ledger *ledger, const struct sa_entry *entry)
{
	return entry->state == ENTRY_KEYED && entry->seen != ledger->table.dump;
}

/* The kernel removes an SA from its list a moment before it sends DELSA, so one absence
 * proves nothing, except after a flush. */
static bool is_over(const struct ledger *ledger, const struct sa_entry *entry)
{
	return is_missing(ledger, entry) && (entry->flushed || entry->suspect);
}

/* An SA that the dump has not shown does not exist, if it is not keyed. */
static void remove_unkeyed(struct ledger *ledger)
{
	struct sa_entry *entry;

	FOREACH_ENTRY(entry, &ledger->table)
		if (entry->state == ENTRY_UNKEYED &&
		    entry->seen != ledger->table.dump) {
			entry_remove(ledger, entry);
		}
}

static void give_up_missing(struct ledger *ledger)
{
	struct sa_entry *entry;

	if (sa_table_all_seen(&ledger->table))
		return;
	lose_all(ledger, is_over);
	FOREACH_ENTRY(entry, &ledger->table)
		if (is_missing(ledger, entry)) {
			entry->suspect = ledger->wants_dump = true;
			entry->settled = false;
		}
	remove_unkeyed(ledger);
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
	return entry->state == ENTRY_DEPARTED && entry->seen != ledger->table.dump &&
	       age > KEEP_DEPARTED_NS;
}

/* Settles the entries of SAs that have ended. complete: of one that was lost before
 * this dump, no final counters come any more. */
static void sweep(struct ledger *ledger, bool complete)
{
	const struct sa_table *table = &ledger->table;
	struct sa_entry *entry, *next;

	for (entry = sa_table_find(table, table->ended); entry; entry = next) {
		bool over;

		next = sa_table_find(table, entry->next);
		over = entry->state == ENTRY_LOST
			   ? complete && entry->seen != table->dump
			   : sweep_departure(ledger, entry);
		if (over)
			entry_remove(ledger, entry);
	}
}

int ledger_dump_end(struct ledger *ledger, uint64_t now)
{
	ledger->now = now;
	ledger->dumping = false; /* no event comes any more that takes back a sample */
	entry_forget_earlier(ledger);
	join_all_known(ledger);
	follow_moves(ledger);
	count_observed(ledger);
	give_up_missing(ledger);
	sweep(ledger, true);
	ledger->migrated = ledger->migrated_during;
	ledger->gap = ledger->gap_during;
	ledger->migrated_during = false;
	ledger->wants_dump |= ledger->migrated;
	ledger->period++;
	if (!ledger->table.n)
		sa_table_clear(&ledger->table);
	accounts_settle(&ledger->accounts, now);
	return levels_derive(ledger);
}

/* Samples stay counted, and observed SAs wait for the next dump. */
void ledger_dump_abort(struct ledger *ledger, uint64_t now)
{
	ledger->now = now;
	ledger->migrated |= ledger->migrated_during;
	ledger->migrated_during = false;
	ledger->dumping = false;
	entry_forget_earlier(ledger);
	sweep(ledger, false);
	ledger->wants_dump = true;
}

/* As by a flush: none of the SAs has replaced another. */
void ledger_end(struct ledger *ledger, uint64_t now)
{
	struct sa_entry *entry;

	join_all_known(ledger);
	count_observed(ledger);
	FOREACH_ENTRY(entry, &ledger->table) {
		entry->flushed = true;
		if (entry->state == ENTRY_KEYED)
			entry_lose(ledger, entry);
		else if (entry->state == ENTRY_DEPARTING)
			entry_count_deletion(ledger, entry);
	}
	sa_table_clear(&ledger->table);
	accounts_end(&ledger->accounts, now);
	ledger->gap = true;
	entry_forget_earlier(ledger);
	ledger->gap_during = ledger->wants_dump = ledger->dumping = false;
	ledger->migrated = ledger->migrated_during = false;
	ledger->period++;
	levels_derive(ledger);
}
