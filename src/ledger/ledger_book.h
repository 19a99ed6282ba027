/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "ledger/ledger.h"
#include "ledger/sa_table.h"

/*
 * The ledger's book-keeping, for the ledger alone: what becomes of the totals when an
 * SA comes, carries, moves or goes. ledger.c decides which of these happened.
 *
 * Before any of them sa_table_reserve() must have succeeded; then only book_new_entry()
 * can fail. Entries are named by their place in the table.
 */

struct ledger {
	struct ledger_env env;
	struct sa_table table;
	struct ledger_row *rows;
	unsigned n_rows;
	struct ledger_counts counts;
	uint64_t now;    /* of the call under way, or the last that had one */
	uint32_t dump;   /* number of the dump under way, or of the last */
	uint32_t period; /* from the end of one whole dump to the next, from 1 */
	bool dumping;
	bool gap;        /* events were lost, or nothing has been dumped yet */
	bool gap_during; /* events were lost since the dump under way began */
	/* A MIGRATE, which names no SA: since the last whole dump began, and of these
	 * since the dump under way began. */
	bool migrated, migrated_during;
	unsigned migrated_scans;
	bool wants_dump;
	bool flushed_during; /* a FLUSHSA came since the dump under way began */
	/* What the dump observed, in its order: linked by older and younger. */
	uint32_t first_observed;
	uint32_t last_observed;
};

struct sa_entry *book_entry_at(struct ledger *ledger, uint32_t place);
struct ledger_row *book_row_of(struct ledger *ledger, const struct sa_entry *entry);

/* The key of the group in which an SA that leaves waits for the one that it may go on
 * as: what an address change leaves as it was (strongSwan's MOBIKE, MIGRATE). */
uint64_t book_movable_key(const struct sa_entry *entry);

/* What kind of SA a message shows. */
enum entry_state book_initial_state(const struct sa *sa);

/* An entry that nothing is counted for yet, in no state. Returns 0 or -ENOMEM. */
int book_new_entry(struct ledger *ledger, const struct sa *sa, uint32_t *ret_place);

/* Counts the entry under another state, and nothing else. */
void book_set_state(struct ledger *ledger, struct sa_entry *entry,
		    enum entry_state state);

/* Found by the dump under way: held, not counted, until it is known what it began with.
 */
void book_add_observed(struct ledger *ledger, uint32_t place, const struct sa *sa);

/* An observed SA is counted: as a new one, or as what another goes on as. base is what
 * was preloaded, or what the other had counted when it moved. */
void book_count_observed(struct ledger *ledger, uint32_t place, uint64_t base_bytes,
			 uint64_t base_packets, enum sa_table_order order);
void book_carry_on_observed(struct ledger *ledger, uint32_t from, uint32_t to,
			    uint64_t base_bytes, uint64_t base_packets);

/* An observed SA is a keyed one: the two become one, counted on from the last sample.
 */
void book_join_observed(struct ledger *ledger, uint32_t place, uint32_t observed);

/*
 * An observed SA is what another has to be, whose key it has and whose end no event has
 * told. After a gap, that event may have been lost, and the key may be another's: one
 * that shows another time and less than the last sample is taken for another, of which
 * nothing has been counted yet; one that shows more is counted on from the last sample,
 * so that nothing counts twice, and that is noted as a loss. Returns the place of the
 * observed SA from then on.
 */
uint32_t book_settle_known(struct ledger *ledger, uint32_t place, uint32_t observed);

/* Coming: a larval SA or one that is no IPsec; a keyed one, whose traffic is still to
 * be counted. */
void book_add_unkeyed(struct ledger *ledger, uint32_t place, enum entry_state state);
void book_add_keyed(struct ledger *ledger, uint32_t place, enum sa_table_order order);

/* What it was born with has been counted elsewhere. */
void book_preload(struct ledger *ledger, uint32_t place, uint64_t bytes,
		  uint64_t packets);

/* A keyed SA takes its place among its like, once its direction is known. */
void book_join_siblings(struct ledger *ledger, uint32_t place,
			enum sa_table_order order);

/* Asks again for the direction of a keyed SA, if nothing has told it yet. */
void book_learn_direction(struct ledger *ledger, uint32_t place, const struct sa *sa);

/* What a message shows of an SA's counters. */
struct sa_sample book_sample_of(const struct sa *sa);

/* True if a sample is below the last one. */
bool book_recedes(const struct sa_entry *entry, uint64_t bytes, uint64_t packets);

/* Carrying: what lies between the last sample and this one. A counter that was set
 * back goes on from there: what it had carried by then nobody knows, so that is a loss.
 */
void book_count_sample(struct ledger *ledger, struct sa_entry *entry,
		       const struct sa *sample);

/* What is counted until now does not come from the dump under way. */
void book_remember(struct sa_entry *entry);

/* Takes back what the dump under way has added, if it has shown the entry. */
void book_forget_sample(struct ledger *ledger, struct sa_entry *entry);

/* The last sample of all. If the dump under way has shown more it was another SA's,
 * which has the same key and was made in the same second: that is taken back. */
void book_count_final(struct ledger *ledger, struct sa_entry *entry,
		      const struct sa *sample);

/* Moving: the SA goes on as another entry; or to another row, if it had none. */
void book_carry_on(struct ledger *ledger, uint32_t from, uint32_t to,
		   uint64_t base_bytes, uint64_t base_packets);
void book_move_to_row(struct ledger *ledger, uint32_t place, unsigned row);

/* Out of its like, as the first step of going: whoever is left there is alive. */
void book_leave_siblings(struct ledger *ledger, uint32_t place);

/* Going: for good; without a word, from the siblings it has left; the same alone, from
 * among its siblings; by a DELSA, which a NEWSA may yet turn into a move. The last
 * leaves the deletion to book_count_deletion(). */
void book_finish(struct ledger *ledger, uint32_t place);
void book_lose(struct ledger *ledger, uint32_t place);
void book_lose_alone(struct ledger *ledger, uint32_t place);
void book_depart(struct ledger *ledger, uint32_t place);
void book_count_deletion(struct ledger *ledger, const struct sa_entry *entry);

/* Takes an entry out of the table, whatever it is. Nothing is counted. */
void book_drop(struct ledger *ledger, uint32_t place);
