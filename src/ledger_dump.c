/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stdlib.h>

#include "ledger.h"
#include "ledger_find.h"

/* How long after a DELSA a NEWSA may come that shows its bytes. */
#define KEEP_DEPARTED_NS UINT64_C(5000000000)

void ledger_dump_begin(struct ledger *ledger)
{
	ledger->dump++;
	ledger->dumping = true;
	ledger->wants_dump = false;
	ledger->flushed_during = false;
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
	entry->suspect = 0;
	if (!find_is_flushed(entry))
		entry->flushed = entry->unsure = 0;
	entry->replay_protected = sa->replay_protected;
	if (entry->state == ENTRY_FOUND)
		book_hold_sample(ledger, place, sa);
	if (entry->state != ENTRY_KEYED)
		return;
	book_learn_direction(ledger, place, sa);
	book_count_live_sample(ledger, entry, sa);
}

/*
 * An SA that no event has told of. If its NEWSA is still on its way it will be
 * here before the dump's end and say what the SA began with.
 */
static int dump_unknown(struct ledger *ledger, const struct sa *sa)
{
	uint32_t place;
	int err = book_new_entry(ledger, sa, &place);

	if (err)
		return err;
	if (book_initial_state(sa) == ENTRY_KEYED)
		book_add_found(ledger, place, sa);
	else
		book_add_unkeyed(ledger, place, book_initial_state(sa));
	return 0;
}

int ledger_dump_sa(struct ledger *ledger, const struct sa *sa)
{
	uint32_t place;

	if (sa_table_reserve(&ledger->table) < 0)
		return -ENOMEM;
	place = find_incarnation(ledger, sa);
	if (place != SA_NONE && flushed_before(ledger, book_entry_at(ledger, place))) {
		book_lose_flushed(ledger, place);
		place = SA_NONE;
	}
	if (place != SA_NONE &&
	    (book_entry_at(ledger, place)->state != ENTRY_LARVAL || !sa->keyed)) {
		dump_known(ledger, place, sa);
		return 0;
	}
	if (sa->keyed) {
		place = find_live(ledger, sa);
		if (place != SA_NONE &&
		    book_entry_at(ledger, place)->state == ENTRY_LARVAL)
			book_drop(ledger, place);
	}
	return dump_unknown(ledger, sa);
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

/* Collects them, sorted. Returns 0 or -ENOMEM. */
static int find_missing(struct ledger *ledger, struct missing **ret, size_t *ret_n)
{
	struct missing *missing = NULL;
	size_t n_allocated = 0;
	size_t n = 0;

	for (uint32_t i = 0; i < ledger->table.n_entries; i++) {
		const struct sa_entry *entry = book_entry_at(ledger, i);

		if (entry->state != ENTRY_KEYED || entry->seen == ledger->dump)
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

/* The missing SA that the found one has become; it is then missing no more. */
static uint32_t take_missing(struct ledger *ledger, uint32_t found,
			     struct missing *missing, size_t n)
{
	uint64_t key = book_movable_key(book_entry_at(ledger, found));
	size_t low = 0;
	size_t high = n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (missing[middle].key < key)
			low = middle + 1;
		else
			high = middle;
	}
	for (; low < n && missing[low].key == key; low++) {
		uint32_t place = missing[low].place;

		if (place != SA_NONE &&
		    !flushed_before(ledger, book_entry_at(ledger, place)) &&
		    find_may_continue(book_entry_at(ledger, place),
				      book_entry_at(ledger, found))) {
			missing[low].place = SA_NONE;
			return place;
		}
	}
	return SA_NONE;
}

/* Each found SA either is one that went elsewhere, or waits to be counted as new.
 * Returns 0, or -ENOMEM: then the rest waits for the next dump. */
static int follow_moves(struct ledger *ledger, struct missing *missing, size_t n)
{
	uint32_t found = ledger->first_found;

	while (found != SA_NONE) {
		uint32_t next = book_entry_at(ledger, found)->younger;
		uint32_t from = find_leaving_of_found(ledger, found);

		if (sa_table_reserve(&ledger->table) < 0)
			return -ENOMEM;
		if (from == SA_NONE)
			from = take_missing(ledger, found, missing, n);
		if (from != SA_NONE)
			book_carry_on_found(ledger, from, found,
					    book_entry_at(ledger, from)->bytes,
					    book_entry_at(ledger, from)->packets);
		found = next;
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

static uint64_t age_of_departure(const struct ledger *ledger,
				 const struct sa_entry *entry)
{
	return ledger->now && entry->left_at ? ledger->now - entry->left_at
					     : UINT64_MAX;
}

/* Deletions that can be moves no more are counted; what may show up again as preloaded
 * bytes is kept for a while. */
static void sweep_departures(struct ledger *ledger)
{
	for (uint32_t i = 0; i < ledger->table.n_entries; i++) {
		struct sa_entry *entry = book_entry_at(ledger, i);
		uint64_t age;

		if (entry->state != ENTRY_LEAVING && entry->state != ENTRY_DEPARTED)
			continue;
		age = age_of_departure(ledger, entry);
		if (entry->state == ENTRY_LEAVING && age >= LEDGER_MOVE_NS &&
		    (entry->seen != ledger->dump || ledger->now)) {
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
		     entry->state == ENTRY_BURIED))
			book_drop(ledger, i);
	}
	sweep_departures(ledger);
}

/* One that only an earlier dump found, which was cut short, is already missing. */
static void count_found(struct ledger *ledger, uint32_t place)
{
	struct missing missing = {.place = place};
	bool shown = book_entry_at(ledger, place)->seen == ledger->dump;

	book_count_found(ledger, place, 0, 0, SA_TABLE_DUMPED);
	if (!shown)
		give_up(ledger, &missing, 1);
}

/* Returns 0, or -ENOMEM: then the rest waits for the next dump. */
static int count_all_found(struct ledger *ledger)
{
	while (ledger->first_found != SA_NONE) {
		if (sa_table_reserve(&ledger->table) < 0)
			return -ENOMEM;
		count_found(ledger, ledger->first_found);
	}
	return 0;
}

static int settle(struct ledger *ledger)
{
	struct missing *missing;
	size_t n;
	int err = find_missing(ledger, &missing, &n);

	if (err)
		return err;
	err = follow_moves(ledger, missing, n);
	if (!err) {
		give_up(ledger, missing, n);
		sweep(ledger);
		err = count_all_found(ledger);
	}
	free(missing);
	return err;
}

int ledger_dump_end(struct ledger *ledger)
{
	int err = settle(ledger);

	if (err) {
		ledger_dump_abort(ledger);
		return err;
	}
	ledger->migrated = ledger->migrated_during;
	ledger->migrated_scans = 0;
	ledger->gap = false;
	ledger->migrated_during = false;
	ledger->wants_dump |= ledger->migrated;
	ledger->dumping = false;
	ledger->period++;
	if (ledger->table.n_used == 0)
		sa_table_clear(&ledger->table);
	return 0;
}

/* What was seen stays seen, what was found waits for the next dump. */
void ledger_dump_abort(struct ledger *ledger)
{
	ledger->migrated |= ledger->migrated_during;
	ledger->migrated_during = false;
	ledger->dumping = false;
	if (ledger->now)
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
		book_lose_flushed(ledger, place);
		break;
	case ENTRY_LEAVING:
		book_count_deletion(ledger, entry);
		break;
	case ENTRY_FREE:
		return;
	case ENTRY_OTHER:
	case ENTRY_LARVAL:
	case ENTRY_FOUND:
	case ENTRY_DEPARTED:
	case ENTRY_BURIED:
		break;
	}
	book_drop(ledger, place);
}

/* What a dump that failed has found is counted while there is memory for it. */
void ledger_end(struct ledger *ledger)
{
	count_all_found(ledger);
	for (uint32_t i = 0; i < ledger->table.n_entries; i++)
		end_entry(ledger, i);
	sa_table_clear(&ledger->table);
	ledger->gap = true;
	ledger->wants_dump = false;
	ledger->migrated = ledger->migrated_during = false;
	ledger->migrated_scans = 0;
	ledger->dumping = false;
	ledger->flushed_during = false;
	ledger->period++;
}
