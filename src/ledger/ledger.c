/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ledger/ledger.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ledger/ledger_find.h"

struct ledger *ledger_new(const struct ledger_env *env, unsigned n_rows)
{
	struct ledger *ledger = calloc(1, sizeof(*ledger));

	if (!ledger)
		return NULL;
	ledger->env = *env;
	sa_table_init(&ledger->table);
	ledger->first_observed = ledger->last_observed = SA_NONE;
	ledger->gap = true;
	ledger->period = 1;
	if (ledger_grow_rows(ledger, n_rows) < 0) {
		free(ledger);
		return NULL;
	}
	return ledger;
}

void ledger_free(struct ledger *ledger)
{
	if (!ledger)
		return;
	sa_table_clear(&ledger->table);
	free(ledger->rows);
	free(ledger);
}

int ledger_grow_rows(struct ledger *ledger, unsigned n_rows)
{
	struct ledger_row *rows;

	if (n_rows > LEDGER_MAX_ROWS)
		return -ERANGE;
	if (n_rows <= ledger->n_rows)
		return 0;
	rows = realloc(ledger->rows, n_rows * sizeof(*rows));
	if (!rows)
		return -ENOMEM;
	memset(rows + ledger->n_rows, 0, (n_rows - ledger->n_rows) * sizeof(*rows));
	ledger->rows = rows;
	ledger->n_rows = n_rows;
	return 0;
}

/* Events. */

/* What the dump under way has observed under the key of an SA that has ended may be the
 * next one of that key: then its NEWSA is on its way. */
static void doubt_observed(struct ledger *ledger, const struct sa *sa)
{
	uint32_t observed = find_observed(ledger, sa);

	if (observed != SA_NONE)
		book_entry_at(ledger, observed)->doubtful = 1;
}

/* The SA that a MIGRATE made this one of is no more. */
static uint32_t take_migrated(struct ledger *ledger, const struct sa *sa)
{
	uint32_t from = find_migrated(ledger, sa);

	if (from != SA_NONE) {
		const struct sa old = sa_of_entry(book_entry_at(ledger, from));

		doubt_observed(ledger, &old);
	}
	return from;
}

/* An observed SA before its end: it is counted as what it must have been. */
static void resolve_observed(struct ledger *ledger, uint32_t place, const struct sa *sa)
{
	uint32_t from = find_departing_of_observed(ledger, place);

	if (from == SA_NONE)
		from = take_migrated(ledger, sa);
	if (from == SA_NONE)
		book_count_observed(ledger, place, 0, 0, SA_TABLE_DUMPED);
	else
		book_carry_on_observed(ledger, from, place,
				       book_entry_at(ledger, from)->sample.bytes,
				       book_entry_at(ledger, from)->sample.packets);
}

/*
 * Where a new SA's own count begins. What its NEWSA shows is preloaded if another SA
 * that has left carried it; else it is the first packets, which may pass between the
 * moment the kernel inserts the SA and the moment it makes the message.
 */
static bool is_preloaded(struct ledger *ledger, uint32_t place, const struct sa *born)
{
	return born->packets > 0 &&
	       (ledger->gap || find_departed(ledger, place, born->bytes));
}

/* An observed SA whose NEWSA is here now, and says what it began with. */
static void settle_observed(struct ledger *ledger, uint32_t place,
			    const struct sa *born)
{
	uint32_t from = find_departing(ledger, place, born->bytes);
	bool preloaded = is_preloaded(ledger, place, born);

	book_entry_at(ledger, place)->flushed = 0;
	if (from != SA_NONE)
		book_carry_on_observed(ledger, from, place, born->bytes, born->packets);
	else
		book_count_observed(ledger, place, preloaded ? born->bytes : 0,
				    preloaded ? born->packets : 0, SA_TABLE_YOUNGEST);
}

static void begin_keyed(struct ledger *ledger, uint32_t place, const struct sa *born)
{
	uint32_t from = find_departing(ledger, place, born->bytes);

	if (from != SA_NONE) {
		book_carry_on(ledger, from, place, born->bytes, born->packets);
		return;
	}
	book_add_keyed(ledger, place, SA_TABLE_YOUNGEST);
	if (is_preloaded(ledger, place, born))
		book_preload(ledger, place, born->bytes, born->packets);
	book_count_sample(ledger, book_entry_at(ledger, place), born);
	book_remember(book_entry_at(ledger, place));
}

/* The larval SA that became this one or that has ended, or one that is no IPsec. */
static void drop_unkeyed(struct ledger *ledger, const struct sa *sa)
{
	uint32_t place = find_unkeyed(ledger, sa);

	if (place != SA_NONE)
		book_drop(ledger, place);
}

/*
 * Another SA has the key and the second of one that was flushed. If the dump under way
 * has shown them, nobody can tell which of the two: what it added is taken back, and
 * the next dump shows the new one again. Of the old one it may be missing, but nothing
 * is counted twice.
 */
static void replace_flushed(struct ledger *ledger, uint32_t place)
{
	book_forget_sample(ledger, book_entry_at(ledger, place));
	book_lose_alone(ledger, place);
}

static int event_new_unkeyed(struct ledger *ledger, const struct sa *sa)
{
	uint32_t place = find_unkeyed(ledger, sa);
	int err;

	if (place != SA_NONE || find_live(ledger, sa) != SA_NONE)
		return 0;
	err = book_new_entry(ledger, sa, &place);
	if (!err)
		book_add_unkeyed(ledger, place, book_initial_state(sa));
	return err;
}

/* The kernel rejects a second SA of a key (xfrm_state_add()). One that still counts
 * under the key of a new SA has been migrated away, if a MIGRATE came: the next dump
 * shows where to. Otherwise it has ended, and the event of its end was lost. */
static int event_new(struct ledger *ledger, const struct sa *sa)
{
	uint32_t place = find_counted(ledger, sa);
	int err;

	if (book_initial_state(sa) != ENTRY_KEYED)
		return event_new_unkeyed(ledger, sa);
	if (place != SA_NONE) {
		if (find_is_incarnation(book_entry_at(ledger, place), sa))
			return 0;
		if (find_expects_clones(ledger))
			book_entry_at(ledger, place)->displaced = 1;
		else
			book_lose_alone(ledger, place);
	}
	place = find_observed(ledger, sa);
	if (place != SA_NONE &&
	    book_entry_at(ledger, place)->add_time == sa->add_time) {
		settle_observed(ledger, place, sa);
		return 0;
	}
	place = find_flushed(ledger, sa);
	if (place != SA_NONE)
		replace_flushed(ledger, place);
	drop_unkeyed(ledger, sa);
	err = book_new_entry(ledger, sa, &place);
	if (!err)
		begin_keyed(ledger, place, sa);
	return err;
}

/* True if there may be keyed SAs that no event has named: after lost events, and after
 * MIGRATE, which names none. */
static bool may_be_unnamed(const struct ledger *ledger)
{
	return ledger->gap || ledger->migrated || ledger->migrated_during;
}

/*
 * UPDSA over a larval SA, which the ledger need not know, makes it a keyed one. UPDSA
 * of a keyed SA shows the kernel's template of the change, with zero bytes and an
 * add_time of its own, while the SA goes on counting: it says nothing. An SA that
 * nothing has named can only be of the first kind, but for two cases. A dump under way
 * may have shown an SA that is older than its UPDSA; after a flush that cannot be, or
 * it would have been named by now. And a gap may have swallowed the NEWSA of a keyed
 * SA: then that is older than its UPDSA says, which the next dump shows.
 */
static int event_update(struct ledger *ledger, const struct sa *sa)
{
	uint32_t place = find_observed(ledger, sa);
	int err;

	if (find_counted(ledger, sa) != SA_NONE)
		return 0;
	if (place != SA_NONE && may_be_unnamed(ledger) &&
	    book_entry_at(ledger, place)->add_time < sa->add_time &&
	    !book_entry_at(ledger, place)->flushed)
		return 0;
	err = event_new(ledger, sa);
	place = find_live(ledger, sa);
	if (place != SA_NONE)
		book_entry_at(ledger, place)->born_at_most = ledger->gap;
	return err;
}

/*
 * The first end of a key that is heard of is that of the SA that is counted under it.
 * What the dump under way has observed under the key is that SA too if the message
 * shows its add_time, which had changed, or its counters, which had been set back.
 */
static bool ends_as_observed(const struct sa_entry *entry,
			     const struct sa_entry *observed, const struct sa *sa)
{
	if (observed->add_time != sa->add_time)
		return false;
	return entry->add_time != observed->add_time ||
	       (book_recedes(entry, sa->bytes, sa->packets) &&
		!book_recedes(observed, sa->bytes, sa->packets));
}

/* The entry that the end of an SA is of, observed or keyed, or SA_NONE. */
static uint32_t find_ending(struct ledger *ledger, const struct sa *sa)
{
	uint32_t place = find_live(ledger, sa);
	uint32_t observed = find_observed(ledger, sa);

	if (observed == SA_NONE)
		return place != SA_NONE ? place : find_flushed(ledger, sa);
	if (place == SA_NONE &&
	    find_is_incarnation(book_entry_at(ledger, observed), sa))
		return observed;
	if (place != SA_NONE && ends_as_observed(book_entry_at(ledger, place),
						 book_entry_at(ledger, observed), sa))
		return book_settle_known(ledger, place, observed);
	doubt_observed(ledger, sa);
	return place != SA_NONE ? place : find_flushed(ledger, sa);
}

/* The keyed entry of an SA that has ended, with its final counters counted. Makes one
 * if all that is known of the SA is its end. Returns 0 or -ENOMEM. */
static int count_end(struct ledger *ledger, const struct sa *sa, uint32_t place,
		     uint32_t *ret_place)
{
	int err;

	if (place == SA_NONE) {
		uint32_t from = take_migrated(ledger, sa);

		err = book_new_entry(ledger, sa, &place);
		if (err)
			return err;
		if (from == SA_NONE)
			book_add_keyed(ledger, place, SA_TABLE_YOUNGEST);
		else
			book_carry_on(ledger, from, place,
				      book_entry_at(ledger, from)->sample.bytes,
				      book_entry_at(ledger, from)->sample.packets);
	} else if (book_entry_at(ledger, place)->state == ENTRY_OBSERVED) {
		resolve_observed(ledger, place, sa);
	}
	book_entry_at(ledger, place)->add_time = sa->add_time;
	book_learn_direction(ledger, place, sa);
	book_count_final(ledger, book_entry_at(ledger, place), sa);
	*ret_place = place;
	return 0;
}

/*
 * True if the end of an SA that no entry is of is settled without one: of one that is
 * no IPsec; of a larval one, whose end looks like that of a keyed one but for having
 * carried nothing; or of one given up as lost, to which this adds what was missing.
 */
static bool end_without_entry(struct ledger *ledger, const struct sa *sa, bool keyed)
{
	uint32_t place;

	drop_unkeyed(ledger, sa);
	if (sa_is_ipsec(sa) && find_migrated(ledger, sa) != SA_NONE)
		return false;
	if (!keyed || !sa_is_ipsec(sa))
		return true;
	place = find_lost(ledger, sa);
	if (place != SA_NONE)
		book_count_sample(ledger, book_entry_at(ledger, place), sa);
	return place != SA_NONE;
}

static int event_delete(struct ledger *ledger, const struct sa *sa)
{
	uint32_t place = find_ending(ledger, sa);
	int err;

	if (place == SA_NONE && end_without_entry(ledger, sa, sa->keyed))
		return 0;
	err = count_end(ledger, sa, place, &place);
	if (!err)
		book_depart(ledger, place);
	return err;
}

/* An EXPIRE has no algorithms: what carried packets had keys. */
static int event_expire(struct ledger *ledger, const struct sa *sa)
{
	uint32_t place = find_ending(ledger, sa);
	int err;

	if (place == SA_NONE && end_without_entry(ledger, sa, sa->packets > 0))
		return 0;
	err = count_end(ledger, sa, place, &place);
	if (!err)
		book_finish(ledger, place);
	return err;
}

/*
 * No IPsec SA outlives a flush of its protocol: xfrm_state_flush() spares only what
 * IPComp uses, and xfrm_cfg_mutex keeps NEWSA out until it is over. So what an event
 * has named before FLUSHSA is gone, and whatever shows its key afterwards is another
 * SA, be it of the same second. What only a dump has observed may have been made after
 * the flush, with its NEWSA still on the way.
 */
static void event_flush(struct ledger *ledger, uint8_t proto)
{
	for (uint32_t i = 0; i < ledger->table.n_entries; i++) {
		struct sa_entry *entry = book_entry_at(ledger, i);

		if (proto != 0 && entry->proto != proto)
			continue;
		entry->flushed = 1;
		entry->unsure = entry->state == ENTRY_OBSERVED;
	}
	ledger->flushed_during = ledger->dumping;
	ledger->wants_dump = true;
}

int ledger_event(struct ledger *ledger, const struct sa_event *event, uint64_t now)
{
	ledger->now = now;
	if (sa_table_reserve(&ledger->table) < 0)
		return -ENOMEM;
	switch (event->type) {
	case SA_EVENT_NEW:
		return event_new(ledger, &event->sa);
	case SA_EVENT_UPDATE:
		return event_update(ledger, &event->sa);
	case SA_EVENT_DELETE:
		return event_delete(ledger, &event->sa);
	case SA_EVENT_EXPIRE_HARD:
		return event_expire(ledger, &event->sa);
	case SA_EVENT_FLUSH:
		event_flush(ledger, event->proto);
		break;
	case SA_EVENT_MIGRATE:
		*(ledger->dumping ? &ledger->migrated_during : &ledger->migrated) =
		    true;
		ledger->wants_dump = true;
		break;
	case SA_EVENT_EXPIRE_SOFT:
	case SA_EVENT_POLICY:
	case SA_EVENT_OTHER:
		break;
	}
	return 0;
}

void ledger_note_gap(struct ledger *ledger)
{
	ledger->gap = true;
	ledger->gap_during = ledger->dumping;
}

bool ledger_wants_dump(const struct ledger *ledger)
{
	return ledger->wants_dump;
}

/* Rows. */

int ledger_reattribute(struct ledger *ledger)
{
	const struct ledger_env *env = &ledger->env;

	for (uint32_t i = 0; i < ledger->table.n_entries; i++) {
		const struct sa_entry *entry = book_entry_at(ledger, i);
		struct sa sa;

		if (entry->row != 0 || entry->state == ENTRY_FREE ||
		    entry->state == ENTRY_DEPARTING || entry->state == ENTRY_LOST)
			continue;
		if (sa_table_reserve(&ledger->table) < 0)
			return -ENOMEM;
		sa = sa_of_entry(entry);
		book_move_to_row(
		    ledger, i,
		    env->row(env->ctx, &sa, (enum sa_direction)entry->direction));
	}
	return 0;
}

/* A departed SA is only known by its bytes any more; one that was lost may yet add some
 * to its row. */
void ledger_find_busy(const struct ledger *ledger, bool *busy)
{
	for (uint32_t i = 0; i < ledger->table.n_entries; i++) {
		const struct sa_entry *entry = &ledger->table.entries[i];

		if (entry->state != ENTRY_FREE && entry->state != ENTRY_DEPARTED)
			busy[entry->row] = true;
	}
}

void ledger_reset_row(struct ledger *ledger, unsigned row)
{
	ledger->rows[row] = (struct ledger_row){.losses = 0};
}

const struct ledger_row *ledger_row(const struct ledger *ledger, unsigned row)
{
	return &ledger->rows[row];
}

struct ledger_counts ledger_counts(const struct ledger *ledger)
{
	return ledger->counts;
}
