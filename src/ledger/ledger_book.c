/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ledger/ledger_book.h"

#include <string.h>

#include "util/hash.h"

/* Which groups an entry can be in; the first value mixed into the group's key. */
enum group_kind {
	GROUP_SIBLINGS, /* keyed outbound SAs that can replace each other */
	GROUP_TUNNEL,   /* counted: keyed outbound tunnel SAs between two ends */
	GROUP_MOVABLE,  /* departing or observed: one may be where the other went */
	GROUP_PENDING,  /* counted: ACQ entries and larval SAs of a negotiation */
};

struct sa_entry *book_entry_at(struct ledger *ledger, uint32_t place)
{
	return &ledger->table.entries[place];
}

struct ledger_row *book_row_of(struct ledger *ledger, const struct sa_entry *entry)
{
	return &ledger->rows[entry->row];
}

/* Group keys. 0 marks a free place, so no key is 0. */

static uint64_t group_key(uint64_t hash, enum group_kind kind)
{
	hash = hash_mix(hash, (uint64_t)kind);
	return hash ? hash : 1;
}

static uint64_t sibling_hash(const struct sa *sa)
{
	uint64_t hash =
	    hash_mix_addr(hash_mix_addr(HASH_START, &sa->saddr), &sa->daddr);

	hash = hash_mix(hash, (uint64_t)sa->reqid << 32 | sa->if_id);
	hash = hash_mix(hash, (uint64_t)sa->mark << 32 | sa->mark_mask);
	hash = hash_mix(hash,
			(uint64_t)sa->pcpu << 32 | (uint64_t)sa->proto << 8 | sa->mode);
	return hash_mix(hash, sa->selector);
}

static uint64_t siblings_key(const struct sa_entry *entry)
{
	return group_key(entry->sibling, GROUP_SIBLINGS);
}

static uint64_t tunnel_key(const struct sa_entry *entry)
{
	uint64_t hash = hash_mix_addr(HASH_START, &entry->saddr);

	hash = hash_mix_addr(hash, &entry->daddr);
	hash = hash_mix(hash, (uint64_t)entry->reqid << 32 | entry->if_id);
	hash = hash_mix(hash, (uint64_t)entry->mark << 32 | entry->mark_mask);
	return group_key(hash_mix(hash, entry->row), GROUP_TUNNEL);
}

uint64_t book_movable_key(const struct sa_entry *entry)
{
	uint64_t hash = hash_mix(HASH_START, (uint64_t)entry->spi << 32 | entry->reqid);

	hash = hash_mix(hash, (uint64_t)entry->mark << 32 | entry->if_id);
	hash = hash_mix(hash, (uint64_t)entry->proto << 8 | entry->mode);
	return group_key(hash, GROUP_MOVABLE);
}

/*
 * An ACQ entry is outbound, the larval SA that the keying daemon then allocates
 * is inbound: the same two ends the other way round. So the sum of the two
 * addresses' hashes, which has no order.
 */
static uint64_t pending_key(const struct sa_entry *entry)
{
	uint64_t ends = hash_mix_addr(HASH_START, &entry->saddr) +
			hash_mix_addr(HASH_START, &entry->daddr);
	uint64_t hash = hash_mix(ends, (uint64_t)entry->reqid << 32 | entry->if_id);

	hash = hash_mix(hash, (uint64_t)entry->mark << 32 | entry->mark_mask);
	return group_key(hash_mix(hash, (uint64_t)entry->row << 8 | entry->proto),
			 GROUP_PENDING);
}

/* Adds to one of a group's two counts and drops the group when it is empty. */
static struct sa_group count_in_group(struct ledger *ledger, uint64_t key, int which,
				      int step)
{
	struct sa_group *group = sa_table_group(&ledger->table, key);
	struct sa_group now;

	group->count[which] += (uint32_t)step;
	now = *group;
	sa_table_trim_group(&ledger->table, group);
	return now;
}

/* Levels: who is there now. */

static void count_tunnel(struct ledger *ledger, const struct sa_entry *entry, int step)
{
	struct sa_group group;

	if (entry->direction != SA_DIR_OUT || !sa_mode_is_tunnel(entry->mode))
		return;
	group = count_in_group(ledger, tunnel_key(entry), 0, step);
	if (step > 0 && group.count[0] == 1)
		book_row_of(ledger, entry)->stats.active_tunnels++;
	if (step < 0 && group.count[0] == 0)
		book_row_of(ledger, entry)->stats.active_tunnels--;
}

static uint32_t negotiations(const struct sa_group *group)
{
	return group->count[0] > group->count[1] ? group->count[0] : group->count[1];
}

static void count_pending(struct ledger *ledger, const struct sa_entry *entry, int step)
{
	struct sa_group after =
	    count_in_group(ledger, pending_key(entry), entry->acquire, step);
	struct sa_group before = after;

	before.count[entry->acquire] -= (uint32_t)step;
	book_row_of(ledger, entry)->stats.pending_key_operations +=
	    (uint64_t)negotiations(&after) - negotiations(&before);
}

/* A keyed SA takes its place among its like, or gives it up. */
void book_join_siblings(struct ledger *ledger, uint32_t place,
			enum sa_table_order order)
{
	struct sa_entry *entry = book_entry_at(ledger, place);

	count_tunnel(ledger, entry, 1);
	if (entry->direction == SA_DIR_OUT && entry->reqid)
		sa_table_join(&ledger->table, siblings_key(entry), place, order);
}

void book_leave_siblings(struct ledger *ledger, uint32_t place)
{
	struct sa_entry *entry = book_entry_at(ledger, place);

	count_tunnel(ledger, entry, -1);
	if (entry->grouped)
		sa_table_leave(&ledger->table, siblings_key(entry), place);
}

/* Samples: what has been carried since the last one. */

/*
 * The members of struct xfrm_stats are u32 and wrap. MIGRATE sets them to zero
 * instead; half the range tells the two apart.
 */
static uint32_t wrapped_delta(uint32_t now, uint32_t before)
{
	uint32_t delta = now - before;

	return delta <= UINT32_MAX / 2 ? delta : now;
}

/* Adds what lies between two samples, or takes it back. */
static void count_errors(struct ledger_row *row, const struct sa_sample *from,
			 const struct sa_sample *to, bool add)
{
	uint64_t sign = add ? 1 : UINT64_MAX; /* unsigned: what wraps, wraps back */

	row->stats.packets_not_authenticated +=
	    sign * wrapped_delta(to->integrity_failed, from->integrity_failed);
	row->replay_failures += sign * wrapped_delta(to->replay, from->replay);
	row->replay_failures +=
	    sign * wrapped_delta(to->replay_window, from->replay_window);
}

static void add_bytes(struct stats *stats, const struct sa_entry *entry, uint64_t bytes)
{
	bool tunnel = sa_mode_is_tunnel(entry->mode);
	bool esp = entry->proto == IPPROTO_ESP;

	if (entry->direction == SA_DIR_OUT) {
		*(esp ? &stats->confidential_bytes_sent
		      : &stats->authenticated_bytes_sent) += bytes;
		*(tunnel ? &stats->tunnel_bytes_sent : &stats->transport_bytes_sent) +=
		    bytes;
	} else {
		*(esp ? &stats->confidential_bytes_received
		      : &stats->authenticated_bytes_received) += bytes;
		*(tunnel ? &stats->tunnel_bytes_received
			 : &stats->transport_bytes_received) += bytes;
	}
}

static bool counts_replay(const struct sa_entry *entry)
{
	return entry->direction == SA_DIR_IN && entry->replay_protected;
}

/* With no known direction the sample stays where it is and is counted later. */
static void count_traffic(struct ledger *ledger, struct sa_entry *entry,
			  const struct sa_sample *now)
{
	struct stats *stats = &book_row_of(ledger, entry)->stats;

	if (entry->direction == SA_DIR_UNKNOWN) {
		entry->waiting = now->bytes > entry->sample.bytes;
		return;
	}
	if (now->bytes > entry->sample.bytes)
		add_bytes(stats, entry, now->bytes - entry->sample.bytes);
	if (now->packets > entry->sample.packets && counts_replay(entry))
		stats->packets_with_replay_detection +=
		    now->packets - entry->sample.packets;
	entry->sample.bytes = now->bytes;
	entry->sample.packets = now->packets;
}

struct sa_sample book_sample_of(const struct sa *sa)
{
	return (struct sa_sample){
	    .bytes = sa->bytes,
	    .packets = sa->packets,
	    .integrity_failed = sa->integrity_failed,
	    .replay = sa->replay,
	    .replay_window = sa->replay_window,
	};
}

bool book_recedes(const struct sa_entry *entry, uint64_t bytes, uint64_t packets)
{
	return bytes < entry->sample.bytes || packets < entry->sample.packets;
}

static void count_sample(struct ledger *ledger, struct sa_entry *entry,
			 const struct sa_sample *now)
{
	struct ledger_row *row = book_row_of(ledger, entry);
	struct sa_sample counted = *now;

	count_errors(row, &entry->sample, now, true);
	if (book_recedes(entry, now->bytes, now->packets))
		row->losses++;
	count_traffic(ledger, entry, now);
	counted.bytes = entry->sample.bytes;
	counted.packets = entry->sample.packets;
	entry->sample = counted;
}

void book_count_sample(struct ledger *ledger, struct sa_entry *entry,
		       const struct sa *sa)
{
	struct sa_sample now = book_sample_of(sa);

	count_sample(ledger, entry, &now);
}

void book_remember(struct sa_entry *entry)
{
	entry->before = entry->sample;
}

void book_forget_sample(struct ledger *ledger, struct sa_entry *entry)
{
	struct ledger_row *row = book_row_of(ledger, entry);
	const struct sa_sample *before = &entry->before;
	const struct sa_sample *sample = &entry->sample;

	if (!ledger->dumping || entry->seen != ledger->dump)
		return;
	if (sample->bytes > before->bytes)
		add_bytes(&row->stats, entry, before->bytes - sample->bytes);
	if (sample->packets > before->packets && counts_replay(entry))
		row->stats.packets_with_replay_detection -=
		    sample->packets - before->packets;
	count_errors(row, before, sample, false);
	entry->sample = entry->before;
}

void book_count_final(struct ledger *ledger, struct sa_entry *entry,
		      const struct sa *sample)
{
	if (book_recedes(entry, sample->bytes, sample->packets))
		book_forget_sample(ledger, entry);
	book_count_sample(ledger, entry, sample);
}

/* Life: who comes and who goes. */

static void classify(struct ledger *ledger, struct sa_entry *entry, const struct sa *sa)
{
	const struct ledger_env *env = &ledger->env;
	unsigned row;

	entry->direction = (uint8_t)env->direction(env->ctx, sa);
	row = env->row(env->ctx, sa, (enum sa_direction)entry->direction);
	entry->row = row < ledger->n_rows ? (uint16_t)row : 0;
}

enum entry_state book_initial_state(const struct sa *sa)
{
	if (!sa_is_ipsec(sa))
		return ENTRY_OTHER;
	return sa->keyed ? ENTRY_KEYED : ENTRY_LARVAL;
}

/* An entry that nothing is counted for yet. */
int book_new_entry(struct ledger *ledger, const struct sa *sa, uint32_t *ret_place)
{
	struct sa_entry *entry;
	int err = sa_table_insert(&ledger->table, sa, ret_place);

	if (err)
		return err;
	entry = book_entry_at(ledger, *ret_place);
	entry->sibling = sibling_hash(sa);
	entry->replay_protected = sa->replay_protected;
	entry->seen = ledger->dump;
	classify(ledger, entry, sa);
	return 0;
}

static void count_state(struct ledger *ledger, enum entry_state state, int step)
{
	switch (state) {
	case ENTRY_OTHER:
		ledger->counts.other += (uint32_t)step;
		break;
	case ENTRY_LARVAL:
		ledger->counts.larval += (uint32_t)step;
		break;
	case ENTRY_OBSERVED:
	case ENTRY_KEYED:
		ledger->counts.keyed += (uint32_t)step;
		break;
	case ENTRY_FREE:
	case ENTRY_DEPARTING:
	case ENTRY_DEPARTED:
	case ENTRY_LOST:
		break;
	}
}

void book_set_state(struct ledger *ledger, struct sa_entry *entry,
		    enum entry_state state)
{
	count_state(ledger, (enum entry_state)entry->state, -1);
	count_state(ledger, state, 1);
	entry->state = (uint8_t)state;
}

void book_add_unkeyed(struct ledger *ledger, uint32_t place, enum entry_state state)
{
	struct sa_entry *entry = book_entry_at(ledger, place);

	book_set_state(ledger, entry, state);
	if (state == ENTRY_LARVAL)
		count_pending(ledger, entry, 1);
}

void book_add_observed(struct ledger *ledger, uint32_t place, const struct sa *sa)
{
	struct sa_entry *entry = book_entry_at(ledger, place);

	book_set_state(ledger, entry, ENTRY_OBSERVED);
	entry->sample = book_sample_of(sa);
	entry->older = ledger->last_observed;
	entry->younger = SA_NONE;
	if (ledger->last_observed == SA_NONE)
		ledger->first_observed = place;
	else
		book_entry_at(ledger, ledger->last_observed)->younger = place;
	ledger->last_observed = place;
}

static void leave_observed(struct ledger *ledger, uint32_t place)
{
	struct sa_entry *entry = book_entry_at(ledger, place);

	if (entry->older == SA_NONE)
		ledger->first_observed = entry->younger;
	else
		book_entry_at(ledger, entry->older)->younger = entry->younger;
	if (entry->younger == SA_NONE)
		ledger->last_observed = entry->older;
	else
		book_entry_at(ledger, entry->younger)->older = entry->older;
	entry->older = entry->younger = SA_NONE;
}

/* What an SA held while it was observed, now that it is known what it began with.
 * Errors begin with 0 always: what is preloaded is bytes and packets. */
static void count_held(struct ledger *ledger, uint32_t place,
		       const struct sa_sample *held, uint64_t base_bytes,
		       uint64_t base_packets)
{
	struct sa_entry *entry = book_entry_at(ledger, place);

	entry->sample =
	    (struct sa_sample){.bytes = base_bytes, .packets = base_packets};
	if (base_bytes || base_packets)
		entry->counted_in = 0;
	book_remember(entry);
	count_sample(ledger, entry, held);
}

static struct sa_sample take_held(struct ledger *ledger, uint32_t place)
{
	leave_observed(ledger, place);
	return book_entry_at(ledger, place)->sample;
}

void book_count_observed(struct ledger *ledger, uint32_t place, uint64_t base_bytes,
			 uint64_t base_packets, enum sa_table_order order)
{
	struct sa_sample held = take_held(ledger, place);

	book_add_keyed(ledger, place, order);
	count_held(ledger, place, &held, base_bytes, base_packets);
}

void book_carry_on_observed(struct ledger *ledger, uint32_t from, uint32_t to,
			    uint64_t base_bytes, uint64_t base_packets)
{
	struct sa_sample held = take_held(ledger, to);

	book_carry_on(ledger, from, to, base_bytes, base_packets);
	count_held(ledger, to, &held, base_bytes, base_packets);
}

/* An SA is older than the first message that told of it. */
static void correct_birth(struct ledger *ledger, uint32_t place, uint64_t born)
{
	struct sa_entry *entry = book_entry_at(ledger, place);

	entry->born_at_most = 0;
	if (born >= entry->born)
		return;
	book_leave_siblings(ledger, place);
	entry->born = born;
	book_join_siblings(ledger, place, SA_TABLE_DUMPED);
}

static void set_direction(struct ledger *ledger, uint32_t place,
			  enum sa_direction direction, unsigned row)
{
	struct sa_entry *entry = book_entry_at(ledger, place);

	if (entry->direction != SA_DIR_UNKNOWN || direction == SA_DIR_UNKNOWN)
		return;
	entry->direction = (uint8_t)direction;
	book_join_siblings(ledger, place, SA_TABLE_BY_TIME);
	book_move_to_row(ledger, place, row);
}

void book_join_observed(struct ledger *ledger, uint32_t place, uint32_t observed)
{
	struct sa_entry *entry = book_entry_at(ledger, place);
	const struct sa_entry shown = *book_entry_at(ledger, observed);

	book_drop(ledger, observed);
	entry->add_time = shown.add_time;
	entry->replay_protected = shown.replay_protected;
	entry->suspect = 0;
	if (entry->born_at_most)
		correct_birth(ledger, place, shown.add_time);
	if (shown.seen == ledger->dump)
		entry->seen = ledger->dump;
	if (!shown.flushed)
		entry->flushed = entry->unsure = 0;
	set_direction(ledger, place, (enum sa_direction)shown.direction, shown.row);
	book_remember(entry);
	count_sample(ledger, entry, &shown.sample);
}

/* A new keyed SA, alive and counted. Its traffic is the caller's to count. */
void book_add_keyed(struct ledger *ledger, uint32_t place, enum sa_table_order order)
{
	struct sa_entry *entry = book_entry_at(ledger, place);
	struct stats *stats = &book_row_of(ledger, entry)->stats;

	book_set_state(ledger, entry, ENTRY_KEYED);
	entry->counted_in = ledger->period;
	stats->key_additions++;
	stats->active_sa++;
	book_join_siblings(ledger, place, order);
}

void book_preload(struct ledger *ledger, uint32_t place, uint64_t bytes,
		  uint64_t packets)
{
	struct sa_entry *entry = book_entry_at(ledger, place);

	entry->sample.bytes = bytes;
	entry->sample.packets = packets;
	entry->counted_in = 0; /* its bytes are not all its row's */
}

/* Takes an entry out of the table, whatever it is. Nothing is counted. */
void book_drop(struct ledger *ledger, uint32_t place)
{
	struct sa_entry *entry = book_entry_at(ledger, place);

	switch ((enum entry_state)entry->state) {
	case ENTRY_LARVAL:
		count_pending(ledger, entry, -1);
		break;
	case ENTRY_OBSERVED:
		leave_observed(ledger, place);
		break;
	case ENTRY_DEPARTING:
	case ENTRY_DEPARTED:
		sa_table_leave(&ledger->table, book_movable_key(entry), place);
		break;
	case ENTRY_KEYED:
		book_leave_siblings(ledger, place);
		break;
	case ENTRY_OTHER:
	case ENTRY_LOST:
	case ENTRY_FREE:
		break;
	}
	book_set_state(ledger, entry, ENTRY_FREE);
	sa_table_remove(&ledger->table, place);
}

void book_count_deletion(struct ledger *ledger, const struct sa_entry *entry)
{
	struct stats *stats = &book_row_of(ledger, entry)->stats;

	stats->key_deletions++;
	stats->active_sa--;
	if (entry->rekeyed)
		stats->rekeys++;
}

/* The keyed SA is no longer among its like; was it replaced by a younger one? */
static void retire(struct ledger *ledger, uint32_t place)
{
	struct sa_entry *entry = book_entry_at(ledger, place);

	/* what it carried, nobody knows which way */
	if (entry->direction == SA_DIR_UNKNOWN && entry->waiting)
		book_row_of(ledger, entry)->losses++;
	entry->rekeyed = entry->grouped && entry->younger != SA_NONE;
	book_leave_siblings(ledger, place);
}

/* Gone for good, with its final counters counted. */
void book_finish(struct ledger *ledger, uint32_t place)
{
	retire(ledger, place);
	book_count_deletion(ledger, book_entry_at(ledger, place));
	book_set_state(ledger, book_entry_at(ledger, place), ENTRY_LOST);
	book_drop(ledger, place);
}

/*
 * Gone without a word: the last sample stands. A late DELSA may still correct it. All
 * that are lost together have left their siblings before, so that who is left there now
 * has outlived this one; a younger one has replaced it. Not after a flush, which took
 * all siblings that there were.
 */
void book_lose(struct ledger *ledger, uint32_t place)
{
	struct sa_entry *entry = book_entry_at(ledger, place);
	struct sa_group *group =
	    entry->direction == SA_DIR_OUT && entry->reqid
		? sa_table_find_group(&ledger->table, siblings_key(entry))
		: NULL;

	entry->rekeyed = group && !entry->flushed &&
			 book_entry_at(ledger, group->youngest)->born >= entry->born;
	book_count_deletion(ledger, entry);
	book_row_of(ledger, entry)->losses++;
	book_set_state(ledger, entry, ENTRY_LOST);
	entry->seen = ledger->dump;
}

void book_lose_alone(struct ledger *ledger, uint32_t place)
{
	book_leave_siblings(ledger, place);
	book_lose(ledger, place);
}

/* DELSA came: no longer alive, but a NEWSA may yet say that it only moved. */
void book_depart(struct ledger *ledger, uint32_t place)
{
	struct sa_entry *entry = book_entry_at(ledger, place);

	retire(ledger, place);
	book_set_state(ledger, entry, ENTRY_DEPARTING);
	entry->seen = ledger->dump;
	entry->left_at = ledger->now;
	sa_table_join(&ledger->table, book_movable_key(entry), place,
		      SA_TABLE_YOUNGEST);
}

/*
 * An SA that moved goes on under new addresses: the new entry takes over the old
 * one's row and place in the counts. base is what the old one had counted when the
 * new one began.
 */
void book_carry_on(struct ledger *ledger, uint32_t from, uint32_t to,
		   uint64_t base_bytes, uint64_t base_packets)
{
	struct sa_entry *old = book_entry_at(ledger, from);
	struct sa_entry *entry = book_entry_at(ledger, to);

	unsigned claimed = entry->row;

	entry->row = old->row;
	if (!old->born_at_most || old->born < entry->born)
		entry->born = old->born;
	if (entry->direction == SA_DIR_UNKNOWN)
		entry->direction = old->direction;
	/* an EXPIRE does not tell an ESN window */
	entry->replay_protected |= old->replay_protected;
	entry->sample.bytes = base_bytes;
	entry->sample.packets = base_packets;
	book_remember(entry);
	if (old->state == ENTRY_KEYED && old->flushed)
		entry->unsure = 0; /* it moved before the flush */
	book_drop(ledger, from);
	book_set_state(ledger, entry, ENTRY_KEYED);
	book_join_siblings(ledger, to, SA_TABLE_BY_TIME);
	book_move_to_row(ledger, to, claimed); /* if it had none before */
}

uint32_t book_settle_known(struct ledger *ledger, uint32_t place, uint32_t observed)
{
	const struct sa_entry *entry = book_entry_at(ledger, place);
	const struct sa_entry *shown = book_entry_at(ledger, observed);

	if (ledger->gap && entry->add_time != shown->add_time) {
		if (book_recedes(entry, shown->sample.bytes, shown->sample.packets)) {
			book_lose_alone(ledger, place);
			return observed;
		}
		book_row_of(ledger, entry)->losses++;
	}
	book_join_observed(ledger, place, observed);
	return place;
}

/* Moving between rows. */

/* All that an SA has counted since it was added from nothing. */
static void count_all(struct ledger *ledger, const struct sa_entry *entry, bool add)
{
	struct ledger_row *row = book_row_of(ledger, entry);
	uint64_t sign = add ? 1 : UINT64_MAX;

	row->stats.key_additions += sign;
	row->stats.active_sa += sign;
	row->stats.packets_not_authenticated += sign * entry->sample.integrity_failed;
	row->replay_failures += sign * entry->sample.replay;
	row->replay_failures += sign * entry->sample.replay_window;
	if (entry->direction == SA_DIR_UNKNOWN)
		return;
	add_bytes(&row->stats, entry, sign * entry->sample.bytes);
	if (counts_replay(entry))
		row->stats.packets_with_replay_detection +=
		    sign * entry->sample.packets;
}

static void count_move(struct ledger *ledger, const struct sa_entry *entry, bool in)
{
	struct stats *stats = &book_row_of(ledger, entry)->stats;

	(*(in ? &stats->key_additions : &stats->key_deletions))++;
	stats->active_sa += in ? 1 : UINT64_MAX;
}

/*
 * One that was added since the last whole dump has been in no total that anybody has
 * seen: it takes all it has counted along, as if it had never been in row 0. Of any
 * other what it has counted stays, and its move is a deletion and an addition.
 */
void book_move_to_row(struct ledger *ledger, uint32_t place, unsigned row)
{
	struct sa_entry *entry = book_entry_at(ledger, place);
	bool keyed = entry->state == ENTRY_KEYED;
	bool fresh = keyed && entry->counted_in == ledger->period;

	if (row == 0 || row >= ledger->n_rows || entry->row != 0)
		return;
	for (int in = 0; in <= 1; in++) {
		if (in)
			entry->row = (uint16_t)row;
		if (entry->state == ENTRY_LARVAL)
			count_pending(ledger, entry, in ? 1 : -1);
		if (keyed)
			count_tunnel(ledger, entry, in ? 1 : -1);
		if (fresh)
			count_all(ledger, entry, in);
		else if (keyed)
			count_move(ledger, entry, in);
	}
}

void book_learn_direction(struct ledger *ledger, uint32_t place, const struct sa *sa)
{
	const struct ledger_env *env = &ledger->env;
	enum sa_direction direction;

	if (book_entry_at(ledger, place)->direction != SA_DIR_UNKNOWN)
		return;
	direction = env->direction(env->ctx, sa);
	if (direction != SA_DIR_UNKNOWN)
		set_direction(ledger, place, direction,
			      env->row(env->ctx, sa, direction));
}
