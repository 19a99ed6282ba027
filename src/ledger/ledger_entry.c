/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdlib.h>

#include "ledger/ledger_private.h"
#include "util/array.h"

static void set_state(struct ledger *ledger, struct sa_entry *entry,
		      enum entry_state state)
{
	levels_note(ledger, entry);
	sa_table_set_state(&ledger->table, entry, state);
	levels_note(ledger, entry);
}

/* Accounts. */

/* The remote endpoint; family 0 as long as the direction is unknown. */
static struct prefix remote_of(const struct ledger *ledger,
			       const struct sa_entry *entry)
{
	const struct sa sa = sa_table_sa(&ledger->table, entry);

	return peer_of_sa(&sa, entry->direction);
}

/* A negotiation takes no peer's room: many of them end without an SA. */
struct account *entry_find_account(struct ledger *ledger, const struct sa_entry *entry,
				   unsigned row)
{
	struct prefix remote = {.family = 0};

	if (sa_proto_is_ipsec(entry->proto))
		remote = remote_of(ledger, entry);
	if (row >= ledger->accounts.n_rows)
		row = 0;
	return accounts_find(&ledger->accounts, row, &remote,
			     entry->state != ENTRY_UNKEYED);
}

/* A keyed SA is one of another account from now on. Within a row its addition moves
 * with it: the first account has shown it, so that is a discontinuity. A change of row
 * is a deletion and an addition. */
static void move_key(struct account *from, struct account *to)
{
	bool same_row = from->row == to->row;

	if (from == to)
		return;
	totals_count_keys(&from->totals, same_row ? -1 : 0, same_row ? 0 : 1);
	totals_count_keys(&to->totals, 1, 0);
	if (same_row)
		from->discontinuity = 0;
}

/*
 * No one has read a total that contains an SA added since the last complete dump, so
 * all that it has counted goes to the other account with it. What any other SA has
 * counted stays.
 */
static void count_change(struct ledger *ledger, const struct sa_entry *entry,
			 struct account *from, struct account *to)
{
	static const struct sa_sample none;
	const struct totals_kind kind = kind_of(entry);
	const struct sa_sample sample = sa_entry_sample(entry);

	if (entry->state != ENTRY_KEYED)
		return;
	ledger->accounts.sums_stale = true;
	if (entry->counted_in != ledger->period) {
		move_key(from, to);
		return;
	}
	totals_count_keys(&from->totals, -1, 0);
	totals_count_keys(&to->totals, 1, 0);
	totals_subtract(&from->totals, &kind, &none, &sample);
	totals_add(&to->totals, &kind, &none, &sample);
}

static void change_account(struct ledger *ledger, struct sa_entry *entry,
			   struct account *to)
{
	struct account *from = entry->account;

	if (to == from)
		return;
	accounts_join(&ledger->accounts, to);
	count_change(ledger, entry, from, to);
	entry->account = to;
	levels_note(ledger, entry);
	accounts_leave(&ledger->accounts, from);
}

struct sa_entry *entry_new(struct ledger *ledger, const struct sa *sa,
			   enum entry_state state)
{
	const struct ledger_env *env = &ledger->env;
	struct sa_entry *entry = sa_table_add(&ledger->table, sa, state);

	if (!entry)
		return NULL;
	entry->direction = env->direction(env->ctx, sa);
	entry->account =
	    entry_find_account(ledger, entry, env->row(env->ctx, sa, entry->direction));
	accounts_join(&ledger->accounts, entry->account);
	levels_note(ledger, entry);
	return entry;
}

void entry_remove(struct ledger *ledger, struct sa_entry *entry)
{
	levels_note(ledger, entry);
	if (entry->state != ENTRY_DEPARTED)
		accounts_leave(&ledger->accounts, entry->account);
	sa_table_remove(&ledger->table, entry);
}

/* Counting. */

void entry_note_earlier(struct ledger *ledger, struct sa_entry *entry)
{
	if (!ledger->dumping)
		return;
	if (array_reserve(&ledger->earlier, ledger->n_earlier, 1) < 0) {
		/* then it might count twice, or too little */
		account_of(ledger, entry)->losses++;
		return;
	}
	ledger->earlier[ledger->n_earlier++] =
	    (struct earlier){.sample = sa_entry_sample(entry), .entry = entry->self};
	entry->has_earlier = true;
}

/* The last that was noted for an entry during this dump, or NULL. */
static struct earlier *find_earlier(const struct ledger *ledger,
				    const struct sa_entry *entry)
{
	for (size_t i = entry->has_earlier ? ledger->n_earlier : 0; i > 0; i--)
		if (ledger->earlier[i - 1].entry == entry->self)
			return &ledger->earlier[i - 1];
	return NULL;
}

void entry_forget_earlier(struct ledger *ledger)
{
	free(ledger->earlier);
	ledger->earlier = NULL;
	ledger->n_earlier = 0;
}

/* While the direction is unknown, bytes and packets of the last sample stay as they
 * are, so that a later sample adds them all. */
void entry_count(struct ledger *ledger, struct sa_entry *entry,
		 const struct sa_sample *sample)
{
	struct totals *totals = account_of(ledger, entry);
	const struct sa_sample last = sa_entry_sample(entry);
	const struct totals_kind kind = kind_of(entry);
	struct sa_sample counted = *sample;

	totals_add(totals, &kind, &last, sample);
	totals->losses += sample_recedes(&last, sample);
	entry->waiting =
	    entry->direction == SA_DIR_UNKNOWN && sample->bytes > last.bytes;
	if (entry->direction == SA_DIR_UNKNOWN) {
		counted.bytes = last.bytes;
		counted.packets = last.packets;
	}
	sa_entry_set_sample(entry, &counted);
}

void entry_uncount(struct ledger *ledger, struct sa_entry *entry)
{
	const struct earlier *earlier = find_earlier(ledger, entry);
	const struct sa_sample sample = sa_entry_sample(entry);
	const struct totals_kind kind = kind_of(entry);

	if (!ledger->dumping || entry->seen != ledger->table.dump || !earlier)
		return;
	totals_subtract(account_of(ledger, entry), &kind, &earlier->sample, &sample);
	sa_entry_set_sample(entry, &earlier->sample);
	entry->has_earlier = false;
}

/* Counts what the entry shows above the base. Only bytes and packets are preloaded:
 * errors begin at 0. */
static void count_from(struct ledger *ledger, struct sa_entry *entry,
		       const struct sa_sample *base, bool observed)
{
	const struct sa_sample shown = sa_entry_sample(entry);
	const struct sa_sample from = {.bytes = base->bytes, .packets = base->packets};

	sa_entry_set_sample(entry, &from);
	if (base->bytes || base->packets)
		entry->counted_in = 0; /* other accounts have some of its bytes */
	if (observed)
		entry_note_earlier(ledger, entry);
	entry_count(ledger, entry, &shown);
}

void entry_begin(struct ledger *ledger, struct sa_entry *entry,
		 const struct sa_sample *base, bool newest)
{
	bool observed = entry->state == ENTRY_OBSERVED;

	set_state(ledger, entry, ENTRY_KEYED);
	entry->counted_in = ledger->period;
	entry->from_dump = !newest;
	totals_count_keys(account_of(ledger, entry), 1, 0);
	sa_table_join_siblings(&ledger->table, entry, newest);
	count_from(ledger, entry, base, observed);
}

/* An SA keeps its row, unless that is 0, and its account, unless its remote endpoint
 * changes. What it has counted stays where it is. */
static void continue_account(struct ledger *ledger, const struct sa_entry *from,
			     struct sa_entry *entry)
{
	struct account *account = from->account;
	struct prefix was = remote_of(ledger, from);
	struct prefix is = remote_of(ledger, entry);
	unsigned row = account->row ? account->row : entry->account->row;

	if (row != account->row || !peer_equals(&was, &is))
		account = entry_find_account(ledger, entry, row);
	ledger->accounts.sums_stale = true;
	move_key(from->account, account);
	accounts_join(&ledger->accounts, account);
	accounts_leave(&ledger->accounts, entry->account);
	entry->account = account;
	entry->inherited = from->account->row != 0;
}

void entry_continue(struct ledger *ledger, struct sa_entry *from,
		    struct sa_entry *entry, const struct sa_sample *base)
{
	const struct sa_sample begins = *base; /* which may be from's */
	bool observed = entry->state == ENTRY_OBSERVED;

	if (!from->born_at_most || from->born < entry->born)
		entry->born = from->born;
	entry->before_gap = from->before_gap;
	if (entry->direction == SA_DIR_UNKNOWN)
		entry->direction = from->direction;
	if (!entry->keyed) /* an EXPIRE shows no ESN window */
		entry->replay_protected |= from->replay_protected;
	if (from->state == ENTRY_KEYED && from->flushed)
		entry->unsure = false; /* it moved before the flush */
	ledger->flushed |= entry->flushed;
	continue_account(ledger, from, entry);
	entry_remove(ledger, from);
	set_state(ledger, entry, ENTRY_KEYED);
	sa_table_join_siblings(&ledger->table, entry, false);
	count_from(ledger, entry, &begins, observed);
}

/* What an SA has carried until it was seen between its new ends. */
static void count_until_seen(struct ledger *ledger, struct sa_entry *from,
			     const struct sa_sample *seen)
{
	struct sa_sample sample = sa_entry_sample(from);

	if (sample_recedes(&sample, seen))
		return;
	sample.bytes = seen->bytes;
	sample.packets = seen->packets;
	entry_count(ledger, from, &sample);
}

void entry_follow(struct ledger *ledger, struct sa_entry *from, struct sa_entry *entry)
{
	const struct sa_sample seen = sa_entry_sample(entry);
	struct sa_sample base;

	if (from->state == ENTRY_KEYED)
		count_until_seen(ledger, from, &seen);
	base = sa_entry_sample(from);
	entry_continue(ledger, from, entry, &base);
}

/* Direction and row. */

static void set_direction(struct ledger *ledger, struct sa_entry *entry,
			  enum sa_direction direction, unsigned row)
{
	unsigned of = entry->account->row ? entry->account->row : row;

	if (entry->direction != SA_DIR_UNKNOWN || direction == SA_DIR_UNKNOWN)
		return;
	/* until now nothing of it has counted for a peer, nor any byte for its row */
	entry->direction = direction;
	entry->inherited &= entry->account->row != 0;
	levels_note(ledger, entry);
	if (entry->state == ENTRY_KEYED)
		sa_table_join_siblings(&ledger->table, entry, false);
	change_account(ledger, entry, entry_find_account(ledger, entry, of));
}

void entry_learn_direction(struct ledger *ledger, struct sa_entry *entry,
			   const struct sa *sa)
{
	const struct ledger_env *env = &ledger->env;
	enum sa_direction direction;

	if (entry->direction != SA_DIR_UNKNOWN)
		return;
	direction = env->direction(env->ctx, sa);
	if (direction != SA_DIR_UNKNOWN)
		set_direction(ledger, entry, direction,
			      env->row(env->ctx, sa, direction));
}

void entry_set_row(struct ledger *ledger, struct sa_entry *entry, unsigned row)
{
	if (row == 0 || row >= ledger->accounts.n_rows || entry->account->row != 0)
		return;
	entry->inherited = false;
	change_account(ledger, entry, entry_find_account(ledger, entry, row));
}

/* The SA is older than the UPDSA that first showed it. */
static void correct_birth(struct ledger *ledger, struct sa_entry *entry, uint64_t born)
{
	entry->born_at_most = false;
	if (born >= entry->born)
		return;
	sa_table_leave_siblings(&ledger->table, entry);
	entry->born = born;
	entry->from_dump = true;
	sa_table_join_siblings(&ledger->table, entry, false);
}

static void join(struct ledger *ledger, struct sa_entry *entry,
		 struct sa_entry *observed)
{
	const struct sa_entry shown = *observed;
	const struct sa_sample sample = sa_entry_sample(observed);
	unsigned row = observed->account->row;

	entry_remove(ledger, observed);
	entry->add_time = shown.add_time;
	entry->replay_protected = shown.replay_protected;
	entry->suspect = false;
	if (entry->born_at_most)
		correct_birth(ledger, entry, shown.add_time);
	if (shown.seen == ledger->table.dump)
		sa_table_mark_seen(&ledger->table, entry);
	if (!shown.flushed)
		entry->flushed = entry->unsure = false;
	set_direction(ledger, entry, shown.direction, row);
	entry_note_earlier(ledger, entry);
	entry_count(ledger, entry, &sample);
}

struct sa_entry *entry_settle(struct ledger *ledger, struct sa_entry *entry,
			      struct sa_entry *observed)
{
	if (ledger->gap && entry->add_time != observed->add_time) {
		const struct sa_sample shown = sa_entry_sample(observed);

		if (entry_recedes(entry, &shown)) {
			entry_lose(ledger, entry);
			return observed;
		}
		account_of(ledger, entry)->losses++;
	}
	join(ledger, entry, observed);
	return entry;
}

/* The end. */

void entry_count_deletion(struct ledger *ledger, const struct sa_entry *entry)
{
	struct totals *totals = account_of(ledger, entry);

	totals_count_keys(totals, 0, 1);
	totals->stats.rekeys += entry->rekeyed;
}

/* A younger sibling has replaced the SA: that is a rekey. */
static void retire(struct ledger *ledger, struct sa_entry *entry)
{
	/* nothing will show the direction of its bytes any more */
	account_of(ledger, entry)->losses +=
	    entry->direction == SA_DIR_UNKNOWN && entry->waiting;
	entry->rekeyed = sa_table_younger(&ledger->table, entry) != NULL;
	sa_table_leave_siblings(&ledger->table, entry);
}

void entry_depart(struct ledger *ledger, struct sa_entry *entry)
{
	retire(ledger, entry);
	set_state(ledger, entry, ENTRY_DEPARTING);
	entry->seen = ledger->table.dump;
	entry->left_at = ledger->now;
	sa_table_move_front(&ledger->table, entry);
}

/* After a flush, which removes all siblings, those that exist are new: that is no
 * rekey.
 */
void entry_leave_siblings(struct ledger *ledger, struct sa_entry *entry)
{
	if (!entry->is_sibling)
		return;
	entry->rekeyed = !entry->flushed && sa_table_younger(&ledger->table, entry);
	sa_table_leave_siblings(&ledger->table, entry);
}

/* The last sample stands, and a late DELSA can add to it. */
void entry_lose(struct ledger *ledger, struct sa_entry *entry)
{
	entry_leave_siblings(ledger, entry);
	entry_count_deletion(ledger, entry);
	account_of(ledger, entry)->losses++;
	set_state(ledger, entry, ENTRY_LOST);
	entry->seen = ledger->table.dump;
}

void entry_retire(struct ledger *ledger, struct sa_entry *entry)
{
	unsigned row = entry->account->row;

	accounts_leave(&ledger->accounts, entry->account);
	entry->account = &ledger->accounts.rows[row]->other;
	sa_table_set_state(&ledger->table, entry, ENTRY_DEPARTED);
	entry->seen = ledger->table.dump;
}
