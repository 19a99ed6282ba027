/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ledger/ledger.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ledger/ledger_private.h"

static const struct sa_sample nothing;

struct ledger *ledger_new(const struct ledger_env *env, unsigned n_rows)
{
	struct ledger *ledger = calloc(1, sizeof(*ledger));

	if (!ledger)
		return NULL;
	ledger->env = *env;
	ledger->peers = (struct peer_config){.enabled = false};
	accounts_init(&ledger->accounts, &ledger->peers);
	ledger->gap = true;
	ledger->period = 1;
	if (ledger_grow_rows(ledger, n_rows) < 0) {
		ledger_free(ledger);
		return NULL;
	}
	return ledger;
}

void ledger_free(struct ledger *ledger)
{
	if (!ledger)
		return;
	sa_table_clear(&ledger->table);
	entry_forget_earlier(ledger);
	accounts_free(&ledger->accounts);
	peer_config_free(&ledger->peers);
	free(ledger);
}

int ledger_grow_rows(struct ledger *ledger, unsigned n_rows)
{
	return n_rows > LEDGER_MAX_ROWS ? -ERANGE
					: accounts_grow_rows(&ledger->accounts, n_rows);
}

void ledger_configure_peers(struct ledger *ledger, struct peer_config *config)
{
	peer_config_free(&ledger->peers);
	ledger->peers = *config;
	*config = (struct peer_config){.enabled = false};
	ledger_regroup_peers(ledger);
}

const struct peer_config *ledger_peer_config(const struct ledger *ledger)
{
	return &ledger->peers;
}

void ledger_regroup_peers(struct ledger *ledger)
{
	struct sa_entry *entry;

	accounts_regroup(&ledger->accounts);
	FOREACH_ENTRY(entry, &ledger->table)
		if (entry->account->merged_into)
			entry->account = entry->account->merged_into;
	accounts_drop_merged(&ledger->accounts);
	ledger->levels_stale = true;
}

/* NEWSA and UPDSA. */

/* An SA has ended. What the dump in progress has observed with its key may be the next
 * SA with that key, whose NEWSA is not read yet. */
static void doubt_observed(struct ledger *ledger, const struct sa *sa)
{
	struct sa_entry *observed = match_find(ledger, sa, MATCH_OBSERVED);

	if (observed)
		observed->doubtful = true;
}

/*
 * The sample with which a new SA begins. The counters in its NEWSA are preloaded if an
 * SA that has departed carried them. Otherwise they show its first packets, which can
 * pass between the insertion of the SA and the message.
 */
static struct sa_sample find_base(struct ledger *ledger, const struct sa_entry *entry,
				  const struct sa *born)
{
	bool preloaded = born->sample.packets > 0 &&
			 (ledger->gap || match_departed(ledger, entry, ENTRY_DEPARTED,
							born->sample.bytes));

	return preloaded ? born->sample : nothing;
}

/* The entry, new or observed, of an SA whose NEWSA has been read. */
static void begin_born(struct ledger *ledger, struct sa_entry *entry,
		       const struct sa *born)
{
	struct sa_entry *from =
	    match_departed(ledger, entry, ENTRY_DEPARTING, born->sample.bytes);
	struct sa_sample base = find_base(ledger, entry, born);

	entry->flushed = false;
	if (from)
		entry_continue(ledger, from, entry, &born->sample);
	else
		entry_begin(ledger, entry, &base, true);
}

/* A larval SA that became this one or has ended, or one that is not IPsec. */
static void drop_unkeyed(struct ledger *ledger, const struct sa *sa)
{
	struct sa_entry *entry = match_find(ledger, sa, MATCH_UNKEYED);

	if (entry)
		entry_remove(ledger, entry);
}

/*
 * Another SA has the key and the add_time of one that was flushed. What the dump in
 * progress has shown may be of either, so it is subtracted; the next dump shows the new
 * SA again. Counts of the old one may be missing, but nothing counts twice.
 */
static void lose_flushed(struct ledger *ledger, struct sa_entry *entry)
{
	entry_uncount(ledger, entry);
	entry_lose(ledger, entry);
}

static int event_new_unkeyed(struct ledger *ledger, const struct sa *sa)
{
	if (match_find(ledger, sa, MATCH_UNKEYED) || match_find(ledger, sa, MATCH_LIVE))
		return 0;
	return entry_new(ledger, sa, ENTRY_UNKEYED) ? 0 : -ENOMEM;
}

/* True if keyed SAs may exist that no event has named: after lost events, and after a
 * MIGRATE, which names none. */
static bool may_be_unnamed(const struct ledger *ledger)
{
	return ledger->gap || ledger->migrated || ledger->migrated_during;
}

/* The kernel rejects a second SA with the same key (xfrm_state_add()). So the SA that
 * had the key has been migrated, and the next dump shows where it is; or the event of
 * its end was lost. */
static void displace(struct ledger *ledger, struct sa_entry *entry)
{
	if (ledger->gap || !may_be_unnamed(ledger)) {
		entry_lose(ledger, entry);
		return;
	}
	entry->displaced = true;
	entry->settled = false;
}

static int event_new(struct ledger *ledger, const struct sa *sa)
{
	struct sa_entry *entry = match_find(ledger, sa, MATCH_LIVE);

	if (!sa->keyed)
		return event_new_unkeyed(ledger, sa);
	if (entry && entry->add_time == sa->add_time)
		return 0;
	entry = match_find(ledger, sa, MATCH_COUNTED);
	if (entry)
		displace(ledger, entry);
	entry = match_find(ledger, sa, MATCH_OBSERVED);
	if (entry && entry->add_time == sa->add_time) {
		begin_born(ledger, entry, sa);
		return 0;
	}
	entry = match_find(ledger, sa, MATCH_FLUSHED);
	if (entry)
		lose_flushed(ledger, entry);
	drop_unkeyed(ledger, sa);
	entry = entry_new(ledger, sa, ENTRY_KEYED);
	if (!entry)
		return -ENOMEM;
	begin_born(ledger, entry, sa);
	return 0;
}

/*
 * True if the observed SA is older than the UPDSA, which is then not its beginning. If
 * its add_time is later, the wall clock was set back in between, or another SA had the
 * key and has ended. After MIGRATE the former counts, since otherwise all that a moved
 * SA has carried would count again.
 */
static bool precedes(const struct ledger *ledger, const struct sa_entry *observed,
		     const struct sa *update)
{
	bool cloned = ledger->migrated || ledger->migrated_during;

	return observed->add_time < update->add_time ||
	       (cloned && observed->add_time > update->add_time);
}

/*
 * UPDSA gives keys to a larval SA, which the ledger need not know. The UPDSA of a keyed
 * SA shows only the requested change, with zero counters and an add_time of its own, so
 * it is ignored. If nothing has named the SA, it was larval, with two exceptions. A
 * dump in progress may have shown an SA that is older than its UPDSA; but not after a
 * flush, because an event would have named it by now. And after a gap the SA may have
 * been keyed, and older than its UPDSA says: the next dump shows its age.
 */
static int event_update(struct ledger *ledger, const struct sa *sa)
{
	struct sa_entry *entry = match_find(ledger, sa, MATCH_OBSERVED);
	int err;

	if (match_find(ledger, sa, MATCH_COUNTED))
		return 0;
	if (entry && may_be_unnamed(ledger) && precedes(ledger, entry, sa) &&
	    !entry->flushed)
		return 0;
	err = event_new(ledger, sa);
	entry = match_find(ledger, sa, MATCH_LIVE);
	if (entry)
		entry->born_at_most = ledger->gap;
	return err;
}

/* DELSA and EXPIRE. */

/*
 * The first end of an SA with this key is the end of the one that counts. The observed
 * SA is the same one if it shows the message's add_time, which has changed, or the
 * message's counters, which were set back.
 */
static bool ends_as_observed(const struct sa_entry *entry,
			     const struct sa_entry *observed, const struct sa *sa)
{
	if (observed->add_time != sa->add_time)
		return false;
	return entry->add_time != observed->add_time ||
	       (entry_recedes(entry, &sa->sample) &&
		!entry_recedes(observed, &sa->sample));
}

/* The entry, KEYED or OBSERVED, of an SA that has ended, or NULL. */
static struct sa_entry *find_ending(struct ledger *ledger, const struct sa *sa)
{
	struct sa_entry *entry = match_find(ledger, sa, MATCH_LIVE);
	struct sa_entry *observed = match_find(ledger, sa, MATCH_OBSERVED);

	if (observed && !entry && observed->add_time == sa->add_time)
		return observed;
	if (observed && entry && ends_as_observed(entry, observed, sa))
		return entry_settle(ledger, entry, observed);
	if (observed)
		observed->doubtful = true;
	return entry ? entry : match_find(ledger, sa, MATCH_FLUSHED);
}

/* The same for what has the key of an entry. */
static void doubt_observed_at(struct ledger *ledger, const struct sa_entry *entry)
{
	const struct sa sa = sa_table_sa(&ledger->table, entry);

	doubt_observed(ledger, &sa);
}

/* The entry, new or observed, of an SA that ends before any event has shown what it
 * began with. */
static void begin_ending(struct ledger *ledger, struct sa_entry *entry,
			 const struct sa *sa)
{
	bool observed = entry->state == ENTRY_OBSERVED;
	struct sa_entry *from = observed ? match_moved(ledger, entry, false) : NULL;

	if (!from) {
		from = match_migrated(ledger, sa);
		if (from)
			doubt_observed_at(ledger, from);
	}
	if (from)
		entry_follow(ledger, from, entry);
	else
		entry_begin(ledger, entry, &nothing, !observed);
}

/* If the dump in progress has shown more, it has shown another SA with the same key,
 * made in the same second. Then that sample is subtracted. */
static void count_final(struct ledger *ledger, struct sa_entry *entry,
			const struct sa *sa)
{
	entry->add_time = sa->add_time;
	entry_learn_direction(ledger, entry, sa);
	if (entry_recedes(entry, &sa->sample))
		entry_uncount(ledger, entry);
	entry_count(ledger, entry, &sa->sample);
}

/*
 * An SA without an entry has ended. Returns true if that adds nothing to the counts of
 * SAs: it is not IPsec; or larval, whose end differs only in that it has carried
 * nothing; or lost before, and then its final counters are added.
 */
static bool end_without_entry(struct ledger *ledger, const struct sa *sa, bool keyed)
{
	struct sa_entry *lost;

	drop_unkeyed(ledger, sa);
	if (!sa_is_ipsec(sa))
		return true;
	if (match_migrated(ledger, sa))
		return false;
	if (!keyed)
		return true;
	lost = match_find(ledger, sa, MATCH_LOST);
	if (lost)
		entry_count(ledger, lost, &sa->sample);
	return lost;
}

/* A keyed SA has ended. entry is KEYED or OBSERVED, or NULL if the SA is unknown. *ret
 * is its entry, departing, with the final counters. Returns 0 or -ENOMEM. */
static int depart(struct ledger *ledger, struct sa_entry *entry, const struct sa *sa,
		  struct sa_entry **ret)
{
	bool begins = !entry || entry->state == ENTRY_OBSERVED;

	if (!entry)
		entry = entry_new(ledger, sa, ENTRY_KEYED);
	if (!entry)
		return -ENOMEM;
	if (begins)
		begin_ending(ledger, entry, sa);
	count_final(ledger, entry, sa);
	entry_depart(ledger, entry);
	*ret = entry;
	return 0;
}

static int event_delete(struct ledger *ledger, const struct sa *sa)
{
	struct sa_entry *entry = find_ending(ledger, sa);

	if (!entry && end_without_entry(ledger, sa, sa->keyed))
		return 0;
	return depart(ledger, entry, sa, &entry);
}

/* An EXPIRE has no algorithms, but an SA that has carried packets had keys. It never
 * begins a move. */
static int event_expire(struct ledger *ledger, const struct sa *sa)
{
	struct sa_entry *entry = find_ending(ledger, sa);
	int err;

	if (!entry && end_without_entry(ledger, sa, sa->sample.packets > 0))
		return 0;
	err = depart(ledger, entry, sa, &entry);
	if (err)
		return err;
	entry_count_deletion(ledger, entry);
	entry_remove(ledger, entry);
	return 0;
}

/*
 * No IPsec SA survives a flush of its protocol: xfrm_state_flush() spares only those of
 * IPComp, and xfrm_cfg_mutex keeps NEWSA out until it ends. So an SA that an event has
 * named before FLUSHSA is gone, and what shows its key afterwards is another SA, even
 * in the same second. An SA that only a dump has shown may be newer than the flush.
 */
static void event_flush(struct ledger *ledger, uint8_t proto)
{
	struct sa_entry *entry;

	FOREACH_ENTRY(entry, &ledger->table) {
		if (proto != 0 && entry->proto != proto)
			continue;
		entry->flushed = true;
		entry->settled = false;
		entry->unsure = entry->state == ENTRY_OBSERVED;
	}
	ledger->flushed = ledger->wants_dump = true;
}

int ledger_event(struct ledger *ledger, const struct sa_event *event, uint64_t now)
{
	const struct sa *sa = &event->sa;

	ledger->now = now;
	switch (event->type) {
	case SA_EVENT_NEW:
		return event_new(ledger, sa);
	case SA_EVENT_UPDATE:
		return event_update(ledger, sa);
	case SA_EVENT_DELETE:
		return event_delete(ledger, sa);
	case SA_EVENT_EXPIRE_HARD:
		return event_expire(ledger, sa);
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
	struct sa_entry *entry;

	/* within a gap, SAs may be unknown that are older than known ones */
	if (!ledger->gap)
		FOREACH_ENTRY(entry, &ledger->table)
			entry->before_gap |= entry->state != ENTRY_UNKEYED;
	ledger->gap = true;
	ledger->gap_during = ledger->dumping;
}

bool ledger_wants_dump(const struct ledger *ledger)
{
	return ledger->wants_dump;
}

/* Rows. */

void ledger_reattribute(struct ledger *ledger)
{
	const struct ledger_env *env = &ledger->env;
	struct sa_entry *entry;
	struct sa sa;

	FOREACH_ENTRY(entry, &ledger->table) {
		if (sa_entry_has_ended(entry))
			continue;
		if (entry->direction != SA_DIR_UNKNOWN && entry->account->row != 0)
			continue;
		sa = sa_table_sa(&ledger->table, entry);
		entry_learn_direction(ledger, entry, &sa);
		if (entry->account->row == 0)
			entry_set_row(ledger, entry,
				      env->row(env->ctx, &sa, entry->direction));
	}
}

/* A DEPARTED SA adds nothing any more. A LOST one may. */
void ledger_find_busy(const struct ledger *ledger, bool *busy)
{
	struct sa_entry *entry;

	FOREACH_ENTRY(entry, &ledger->table)
		if (entry->state != ENTRY_DEPARTED)
			busy[entry->account->row] = true;
}

void ledger_reset_row(struct ledger *ledger, unsigned row)
{
	accounts_reset_row(&ledger->accounts, row);
}

const struct totals *ledger_row(struct ledger *ledger, unsigned row)
{
	return accounts_row(&ledger->accounts, row);
}

const struct account *ledger_other(const struct ledger *ledger, unsigned row)
{
	return &ledger->accounts.rows[row]->other;
}

struct account *const *ledger_peers(const struct ledger *ledger, unsigned row,
				    size_t *ret_n)
{
	return accounts_peers(&ledger->accounts, row, ret_n);
}

void ledger_note_losses(struct ledger *ledger, bool everywhere, uint64_t now)
{
	accounts_note_losses(&ledger->accounts, everywhere, now);
}

struct ledger_counts ledger_counts(const struct ledger *ledger)
{
	const struct sa_table *table = &ledger->table;
	const size_t *in_state = table->in_state;

	return (struct ledger_counts){
	    .keyed = (uint32_t)(in_state[ENTRY_KEYED] + in_state[ENTRY_OBSERVED]),
	    .larval = (uint32_t)table->n_larval,
	    .other = (uint32_t)(in_state[ENTRY_UNKEYED] - table->n_larval),
	};
}
