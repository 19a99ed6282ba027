/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stdlib.h>

#include "ledger/ledger.h"
#include "ledger/ledger_find.h"

/* How long after a DELSA a NEWSA may come that shows its bytes. */
#define KEEP_DEPARTED_NS UINT64_C(5000000000)

/* What was observed under the key of an SA whose end was heard of meanwhile, or that
 * was flushed and made again, may be of either. The next dump shows the one that lives.
 */
static void drop_doubtful(struct ledger *ledger, uint32_t observed)
{
	book_drop(ledger, observed);
	ledger->wants_dump = true;
}

static void join_known(struct ledger *ledger, uint32_t observed)
{
	const struct sa_entry *entry = book_entry_at(ledger, observed);
	const struct sa sa = sa_of_entry(entry);
	uint32_t live = find_live(ledger, &sa);
	uint32_t flushed = entry->flushed ? find_flushed_as(ledger, &sa) : SA_NONE;

	if (entry->doubtful || (flushed != SA_NONE && (live != SA_NONE || ledger->gap)))
		drop_doubtful(ledger, observed);
	else if (flushed != SA_NONE)
		book_join_observed(ledger, flushed, observed);
	else if (live != SA_NONE &&
		 (!ledger->gap ||
		  find_is_incarnation(book_entry_at(ledger, live), &sa)))
		book_join_observed(ledger, live, observed);
}

/* Every event that came during the dump is read: an observed SA whose key another has,
 * which no event has ended, is that one, unless the event was lost. Returns 0, or
 * -ENOMEM: then the rest waits for the next dump. */
static int join_all_known(struct ledger *ledger)
{
	uint32_t observed = ledger->first_observed;

	while (observed != SA_NONE) {
		uint32_t next = book_entry_at(ledger, observed)->younger;

		if (sa_table_reserve(&ledger->table) < 0)
			return -ENOMEM;
		join_known(ledger, observed);
		observed = next;
	}
	return 0;
}

/* All that was sent before is read: what an earlier dump observed, which was cut short,
 * is joined, as far as there is memory, to what no event has ended since. */
void ledger_dump_begin(struct ledger *ledger)
{
	join_all_known(ledger);
	ledger->dump++;
	ledger->dumping = true;
	ledger->wants_dump = false;
	ledger->flushed_during = false;
	ledger->gap_during = false;
}

/* A flush that was over before the dump under way began has taken the SA: what the dump
 * shows is another. */
static bool flushed_before(const struct ledger *ledger, const struct sa_entry *entry)
{
	return find_is_flushed(entry) && !ledger->flushed_during;
}

/* The SA shows itself alive again. */
static void dump_known(struct ledger *ledger, uint32_t place, const struct sa *sa)
{
	struct sa_entry *entry = book_entry_at(ledger, place);

	entry->seen = ledger->dump;
	entry->suspect = entry->doubtful = 0;
	if (!find_is_flushed(entry))
		entry->flushed = entry->unsure = 0;
	entry->replay_protected = sa->replay_protected;
	if (entry->state == ENTRY_OBSERVED) {
		entry->add_time = sa->add_time;
		entry->sample = book_sample_of(sa);
		return;
	}
	book_learn_direction(ledger, place, sa);
	book_remember(entry);
	book_count_sample(ledger, entry, sa);
}

/*
 * An SA that no event has told of. If its NEWSA is still on its way it will be
 * here before the dump's end and say what the SA began with.
 */
static int dump_unknown(struct ledger *ledger, const struct sa *sa)
{
	uint32_t place;
	int err = book_new_entry(ledger, sa, &place);

	if (!err)
		book_add_observed(ledger, place, sa);
	return err;
}

static int dump_unkeyed(struct ledger *ledger, const struct sa *sa)
{
	uint32_t place = find_unkeyed(ledger, sa);
	int err = 0;

	if (place == SA_NONE) {
		err = book_new_entry(ledger, sa, &place);
		if (!err)
			book_add_unkeyed(ledger, place, book_initial_state(sa));
	}
	if (!err)
		book_entry_at(ledger, place)->seen = ledger->dump;
	return err;
}

/* What an earlier dump, which was cut short, has observed of the same SA. What a flush
 * may have taken since is another if it shows another time. */
static uint32_t find_observed_before(struct ledger *ledger, const struct sa *sa)
{
	uint32_t place = find_observed(ledger, sa);

	if (place != SA_NONE && book_entry_at(ledger, place)->flushed &&
	    book_entry_at(ledger, place)->add_time != sa->add_time)
		return SA_NONE;
	return place;
}

/*
 * What shows itself as expected is counted at once. With another add_time, or a counter
 * that is lower than before, it may be the next SA of its key, whose events are on
 * their way: it is held until they are read.
 */
static int dump_keyed(struct ledger *ledger, const struct sa *sa)
{
	uint32_t place = find_observed_before(ledger, sa);

	if (place != SA_NONE) {
		dump_known(ledger, place, sa);
		return 0;
	}
	place = find_flushed(ledger, sa);
	if (place != SA_NONE && flushed_before(ledger, book_entry_at(ledger, place))) {
		book_lose_alone(ledger, place);
		place = SA_NONE;
	}
	if (find_live(ledger, sa) != SA_NONE)
		place = find_live(ledger, sa);
	if (place != SA_NONE && find_is_incarnation(book_entry_at(ledger, place), sa) &&
	    !book_recedes(book_entry_at(ledger, place), sa->bytes, sa->packets)) {
		dump_known(ledger, place, sa);
		return 0;
	}
	place = find_unkeyed(ledger, sa);
	if (place != SA_NONE)
		book_drop(ledger, place);
	return dump_unknown(ledger, sa);
}

int ledger_dump_sa(struct ledger *ledger, const struct sa *sa)
{
	if (sa_table_reserve(&ledger->table) < 0)
		return -ENOMEM;
	return book_initial_state(sa) == ENTRY_KEYED ? dump_keyed(ledger, sa)
						     : dump_unkeyed(ledger, sa);
}

/* A keyed SA that the dump did not show. */
struct missing {
	uint64_t key; /* what a move would leave as it was */
	uint32_t place;
};

static int compare_missing(const void *left, const void *right)
{
	const struct missing *a = left;
	const struct missing *b = right;

	if (a->key != b->key)
		return a->key < b->key ? -1 : 1;
	return a->place < b->place ? -1 : a->place > b->place;
}

static bool is_missing(const struct ledger *ledger, const struct sa_entry *entry)
{
	return entry->state == ENTRY_KEYED && entry->seen != ledger->dump;
}

/* Collects them, sorted. Returns 0 or -ENOMEM. */
static int find_missing(struct ledger *ledger, struct missing **ret, size_t *ret_n)
{
	struct missing *missing = NULL;
	size_t n_allocated = 0;
	size_t n = 0;

	for (uint32_t i = 0; i < ledger->table.n_entries; i++) {
		const struct sa_entry *entry = book_entry_at(ledger, i);

		if (!is_missing(ledger, entry))
			continue;
		if (n == n_allocated) {
			struct missing *grown;

			n_allocated = n ? n * 2 : 16;
			grown = realloc(missing, n_allocated * sizeof(*grown));
			if (!grown) {
				free(missing);
				return -ENOMEM;
			}
			missing = grown;
		}
		missing[n++] = (struct missing){book_movable_key(entry), i};
	}
	if (n)
		qsort(missing, n, sizeof(*missing), compare_missing);
	*ret = missing;
	*ret_n = n;
	return 0;
}

static bool may_be_missing(struct ledger *ledger, uint32_t place, uint32_t observed)
{
	return place != SA_NONE && is_missing(ledger, book_entry_at(ledger, place)) &&
	       !flushed_before(ledger, book_entry_at(ledger, place)) &&
	       find_may_continue(ledger, book_entry_at(ledger, place),
				 book_entry_at(ledger, observed));
}

/* Rather one that has shown the same add_time; else the one that has carried the most,
 * so that nothing counts twice. */
static bool is_likelier(const struct sa_entry *a, const struct sa_entry *b,
			uint64_t add_time)
{
	if ((a->add_time == add_time) != (b->add_time == add_time))
		return a->add_time == add_time;
	return a->sample.bytes > b->sample.bytes;
}

/* Of those with the first one's key. */
static uint32_t take_likeliest(struct ledger *ledger, uint32_t observed,
			       struct missing *missing, size_t n)
{
	const uint64_t key = missing->key;
	const uint64_t add_time = book_entry_at(ledger, observed)->add_time;
	struct missing *taken = NULL;
	uint32_t place = SA_NONE;

	for (size_t i = 0; i < n && missing[i].key == key; i++)
		if (may_be_missing(ledger, missing[i].place, observed) &&
		    (!taken ||
		     is_likelier(book_entry_at(ledger, missing[i].place),
				 book_entry_at(ledger, taken->place), add_time)))
			taken = &missing[i];
	if (taken) {
		place = taken->place;
		taken->place = SA_NONE;
	}
	return place;
}

/* The missing SA that the observed one has become; it is then missing no more. */
static uint32_t take_missing(struct ledger *ledger, uint32_t observed,
			     struct missing *missing, size_t n)
{
	uint64_t key = book_movable_key(book_entry_at(ledger, observed));
	size_t low = 0;
	size_t high = n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (missing[middle].key < key)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == n || missing[low].key != key)
		return SA_NONE;
	return take_likeliest(ledger, observed, &missing[low], n - low);
}

static void follow_move(struct ledger *ledger, uint32_t from, uint32_t observed)
{
	const struct sa_entry *entry = book_entry_at(ledger, from);

	if (ledger->gap && entry->add_time != book_entry_at(ledger, observed)->add_time)
		book_row_of(ledger, entry)->losses++; /* more likely, but not sure */
	book_carry_on_observed(ledger, from, observed, entry->sample.bytes,
			       entry->sample.packets);
}

/*
 * True if an observed SA is the live one of its key rather than another that moved
 * there. What has carried the most is preferred here too.
 */
static bool stays_known(struct ledger *ledger, uint32_t live, uint32_t from,
			uint32_t observed)
{
	const struct sa_entry *known, *shown;

	if (live == SA_NONE || from == SA_NONE || from == live)
		return live != SA_NONE;
	known = book_entry_at(ledger, live);
	shown = book_entry_at(ledger, observed);
	return !book_recedes(known, shown->sample.bytes, shown->sample.packets) &&
	       !is_likelier(book_entry_at(ledger, from), known, shown->add_time);
}

/* Each observed SA either is one that went elsewhere, or waits to be counted as new.
 * What is live under its key still is so because events were lost. Returns 0, or
 * -ENOMEM: then the rest waits for the next dump. */
static int follow_moves(struct ledger *ledger, struct missing *missing, size_t n)
{
	uint32_t observed = ledger->first_observed;

	while (observed != SA_NONE) {
		const struct sa sa = sa_of_entry(book_entry_at(ledger, observed));
		uint32_t next = book_entry_at(ledger, observed)->younger;
		uint32_t from = find_departing_of_observed(ledger, observed);
		uint32_t live = find_live(ledger, &sa);

		if (sa_table_reserve(&ledger->table) < 0)
			return -ENOMEM;
		if (from == SA_NONE)
			from = take_missing(ledger, observed, missing, n);
		if (stays_known(ledger, live, from, observed)) {
			book_settle_known(ledger, live, observed);
		} else if (from != SA_NONE) {
			if (live != SA_NONE)
				book_lose_alone(ledger, live);
			follow_move(ledger, from, observed);
		}
		observed = next;
	}
	return 0;
}

/*
 * The kernel unlinks an SA a moment before it sends DELSA, so one absence proves
 * nothing, unless all were flushed. What is given up leaves its siblings first, all
 * together: none of them has replaced another.
 */
static void give_up(struct ledger *ledger, struct missing *missing, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct sa_entry *entry;

		if (missing[i].place == SA_NONE)
			continue;
		entry = book_entry_at(ledger, missing[i].place);
		if (!is_missing(ledger, entry)) { /* lost or known by now */
			missing[i].place = SA_NONE;
			continue;
		}
		if (entry->flushed || entry->suspect) {
			book_leave_siblings(ledger, missing[i].place);
		} else {
			entry->suspect = 1;
			ledger->wants_dump = true;
			missing[i].place = SA_NONE;
		}
	}
	for (size_t i = 0; i < n; i++)
		if (missing[i].place != SA_NONE)
			book_lose(ledger, missing[i].place);
}

/* Deletions that can be moves no more are counted; what may show up again as preloaded
 * bytes is kept for a while. */
static void sweep_departures(struct ledger *ledger)
{
	for (uint32_t i = 0; i < ledger->table.n_entries; i++) {
		struct sa_entry *entry = book_entry_at(ledger, i);
		uint64_t age;

		if (entry->state != ENTRY_DEPARTING && entry->state != ENTRY_DEPARTED)
			continue;
		age = ledger->now - entry->left_at;
		if (entry->state == ENTRY_DEPARTING && age >= LEDGER_MOVE_NS) {
			book_count_deletion(ledger, entry);
			book_set_state(ledger, entry, ENTRY_DEPARTED);
			entry->seen = ledger->dump;
		}
		if (entry->state == ENTRY_DEPARTED && entry->seen != ledger->dump &&
		    age > KEEP_DEPARTED_NS)
			book_drop(ledger, i);
	}
}

/* The rest of what the dump did not show. */
static void sweep(struct ledger *ledger)
{
	for (uint32_t i = 0; i < ledger->table.n_entries; i++) {
		const struct sa_entry *entry = book_entry_at(ledger, i);

		if (entry->seen != ledger->dump &&
		    (entry->state == ENTRY_LARVAL || entry->state == ENTRY_OTHER ||
		     entry->state == ENTRY_LOST))
			book_drop(ledger, i);
	}
	sweep_departures(ledger);
}

/* One that only an earlier dump observed, which was cut short, is already missing. */
static void count_observed(struct ledger *ledger, uint32_t place)
{
	struct missing missing = {.place = place};
	bool shown = book_entry_at(ledger, place)->seen == ledger->dump;

	book_count_observed(ledger, place, 0, 0, SA_TABLE_DUMPED);
	if (!shown)
		give_up(ledger, &missing, 1);
}

/* Returns 0, or -ENOMEM: then the rest waits for the next dump. */
static int count_all_observed(struct ledger *ledger)
{
	while (ledger->first_observed != SA_NONE) {
		if (sa_table_reserve(&ledger->table) < 0)
			return -ENOMEM;
		count_observed(ledger, ledger->first_observed);
	}
	return 0;
}

static int settle(struct ledger *ledger)
{
	struct missing *missing;
	size_t n;
	int err = join_all_known(ledger);

	if (!err)
		err = find_missing(ledger, &missing, &n);
	if (err)
		return err;
	err = follow_moves(ledger, missing, n);
	if (!err) {
		give_up(ledger, missing, n);
		sweep(ledger);
		err = count_all_observed(ledger);
	}
	free(missing);
	return err;
}

int ledger_dump_end(struct ledger *ledger, uint64_t now)
{
	int err;

	ledger->now = now;
	err = settle(ledger);

	if (err) {
		ledger_dump_abort(ledger, now);
		return err;
	}
	ledger->migrated = ledger->migrated_during;
	ledger->migrated_scans = 0;
	ledger->gap = ledger->gap_during;
	ledger->migrated_during = false;
	ledger->wants_dump |= ledger->migrated;
	ledger->dumping = false;
	ledger->period++;
	if (ledger->table.n_used == 0)
		sa_table_clear(&ledger->table);
	return 0;
}

/* What was seen stays seen, what was observed waits for the next dump. */
void ledger_dump_abort(struct ledger *ledger, uint64_t now)
{
	ledger->now = now;
	ledger->migrated |= ledger->migrated_during;
	ledger->migrated_during = false;
	ledger->dumping = false;
	sweep_departures(ledger);
	ledger->wants_dump = true;
}

/* None of them has replaced another: they went together. */
static void end_entry(struct ledger *ledger, uint32_t place)
{
	struct sa_entry *entry = book_entry_at(ledger, place);

	switch ((enum entry_state)entry->state) {
	case ENTRY_KEYED:
		entry->flushed = 1;
		book_lose_alone(ledger, place);
		break;
	case ENTRY_DEPARTING:
		book_count_deletion(ledger, entry);
		break;
	case ENTRY_FREE:
		return;
	case ENTRY_OTHER:
	case ENTRY_LARVAL:
	case ENTRY_OBSERVED:
	case ENTRY_DEPARTED:
	case ENTRY_LOST:
		break;
	}
	book_drop(ledger, place);
}

/* What a dump that failed has observed is counted while there is memory for it. */
void ledger_end(struct ledger *ledger)
{
	join_all_known(ledger);
	count_all_observed(ledger);
	for (uint32_t i = 0; i < ledger->table.n_entries; i++)
		end_entry(ledger, i);
	sa_table_clear(&ledger->table);
	ledger->gap = true;
	ledger->gap_during = false;
	ledger->wants_dump = false;
	ledger->migrated = ledger->migrated_during = false;
	ledger->migrated_scans = 0;
	ledger->dumping = false;
	ledger->flushed_during = false;
	ledger->period++;
}
