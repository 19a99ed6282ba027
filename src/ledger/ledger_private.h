/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "ledger/accounts.h"
#include "ledger/ledger.h"
#include "ledger/sa_table.h"

/*
 * For the files of the ledger only: its data, the search for the entry that a message
 * means (ledger_match.c), and the transitions of an entry with what they count
 * (ledger_entry.c). ledger.c and ledger_dump.c decide which transition a message
 * causes.
 */

/* A sample as it was before a change. */
struct earlier {
	struct sa_sample sample;
	entry_ref entry;
};

struct ledger {
	struct ledger_env env;
	struct sa_table table;
	struct peer_config peers;
	struct accounts accounts;
	uint64_t now;    /* as last given, in ns */
	uint32_t period; /* from the end of one complete dump to the next, from 1 */
	bool dumping;
	bool gap;        /* events were lost, or nothing has been dumped yet */
	bool gap_during; /* events were lost since the dump in progress began */
	/* A MIGRATE, which names no SA: since the last complete dump began, and of
	 * these since the dump in progress began. */
	bool migrated, migrated_during;
	bool wants_dump;
	bool
	    flushed; /* a FLUSHSA came since the dump in progress, or the last, began */
	bool levels_stale; /* entries that count for them have changed */
	/* Samples as they were before the dump in progress, or before an event during
	 * it, changed them. */
	struct earlier *earlier;
	size_t n_earlier;
	bool guessing; /* ledger_dump_expected() may guess during this dump */
};

static inline struct totals_kind kind_of(const struct sa_entry *entry)
{
	return (struct totals_kind){
	    .direction = entry->direction,
	    .proto = entry->proto,
	    .mode = entry->mode,
	    .replay_protected = entry->replay_protected,
	};
}

/* True if bytes or packets are lower in the sample than in the entry. */
static inline bool entry_recedes(const struct sa_entry *entry,
				 const struct sa_sample *sample)
{
	const struct sa_sample last = sa_entry_sample(entry);

	return sample_recedes(&last, sample);
}

/* The totals that the entry counts in, to be changed. */
static inline struct totals *account_of(struct ledger *ledger,
					const struct sa_entry *entry)
{
	ledger->accounts.sums_stale = true;
	return &entry->account->totals;
}

/* ledger_match.c. All give an entry or NULL. */

/* Kinds of entries with the key of an SA. Except where noted, source, reqid and mode
 * must be those of the SA too, and add_time may differ. */
enum match {
	MATCH_COUNTED, /* KEYED, and nothing has told of its end; any source, reqid and
			* mode. At most one. */
	MATCH_LIVE,    /* the same, with source, reqid and mode */
	MATCH_FLUSHED, /* KEYED, and a FLUSHSA has told of its end; same add_time */
	MATCH_ANY_FLUSHED, /* the same, with any add_time */
	MATCH_OBSERVED,
	MATCH_UNKEYED, /* any source, reqid and mode */
	MATCH_LOST,    /* with the same add_time, or counters not above the SA's */
};
struct sa_entry *match_find(struct ledger *ledger, const struct sa *sa,
			    enum match match);

/*
 * The entry of this SA before it moved, in state DEPARTING or DEPARTED, by the bytes
 * that its NEWSA shows. strongSwan moves an SA by DELSA and NEWSA, with byte count and
 * add_time preloaded.
 */
struct sa_entry *match_departed(struct ledger *ledger, const struct sa_entry *entry,
				enum entry_state state, uint64_t born_bytes);

/* The same for an observed SA without a NEWSA: the likeliest entry that is DEPARTING,
 * or, at the end of a dump, that the dump has not shown. */
struct sa_entry *match_moved(struct ledger *ledger, const struct sa_entry *observed,
			     bool or_missing);

/* The entry that an observed SA had before the dump: it has moved, or events were lost.
 * live is the MATCH_LIVE entry of the SA, or NULL. */
struct sa_entry *match_observed(struct ledger *ledger, const struct sa_entry *observed,
				struct sa_entry *live);

/* The KEYED entry of this SA before a MIGRATE, which is a message that names no SA. */
struct sa_entry *match_migrated(struct ledger *ledger, const struct sa *sa);

/*
 * True if the entry has the key of the SA in the kernel, which no two live SAs share
 * (__xfrm_state_locate(), EEXIST), and what no message changes while the SA lives. The
 * source tells a moved SA from the old one if only the source has changed. add_time is
 * not compared: XFRM_MSG_NEWAE can set it, and sends an event only to a multicast group
 * that qmipsecd does not join (xfrm_update_ae_params()).
 */
static inline bool match_same_sa(const struct sa_table *table,
				 const struct sa_entry *entry, const struct sa *sa)
{
	return sa_table_same_key(table, entry, sa) && entry->reqid == sa->reqid &&
	       entry->mode == sa->mode && sa_table_same_source(table, entry, sa);
}

/* ledger_entry.c. */

/* A new entry with its direction and account, which has counted nothing. NULL: no
 * memory. */
struct sa_entry *entry_new(struct ledger *ledger, const struct sa *sa,
			   enum entry_state state);

/*
 * To KEYED, either as a new SA or as the continuation of another entry, which is
 * removed. Both count what the entry shows above the base sample: bytes and packets
 * that the SA began with. newest: as for sa_table_join_siblings().
 */
void entry_begin(struct ledger *ledger, struct sa_entry *entry,
		 const struct sa_sample *base, bool newest);
void entry_continue(struct ledger *ledger, struct sa_entry *from,
		    struct sa_entry *entry, const struct sa_sample *base);

/*
 * Continues an SA that a message or a dump shows between other ends, but not with what
 * it began there. One that MIGRATE moved, without showing its counters, has carried
 * what it shows now between the old ends: it is asked for at once, so nearly all of it
 * came before the move.
 */
void entry_follow(struct ledger *ledger, struct sa_entry *from, struct sa_entry *entry);

/*
 * Joins a KEYED entry and an observed SA with its key; returns the KEYED entry. After a
 * gap, an SA with another add_time may be another SA. If it shows less than the last
 * sample, it is: the entry is lost, and the observed one is returned, still to be
 * counted. If it shows more, it counts from the last sample, so that nothing counts
 * twice, and the losses grow by 1.
 */
struct sa_entry *entry_settle(struct ledger *ledger, struct sa_entry *entry,
			      struct sa_entry *observed);

/* Adds the difference to the last sample. A counter that was set back counts from its
 * new value, and the losses grow by 1. */
void entry_count(struct ledger *ledger, struct sa_entry *entry,
		 const struct sa_sample *sample);

/* Before a change of the entry's sample: keeps it for entry_uncount(), if a dump is in
 * progress. */
void entry_note_earlier(struct ledger *ledger, struct sa_entry *entry);
void entry_forget_earlier(struct ledger *ledger);

/* Subtracts what the dump in progress has added, if it has shown the entry. */
void entry_uncount(struct ledger *ledger, struct sa_entry *entry);

/* Asks for the direction again, if it is not known yet. */
void entry_learn_direction(struct ledger *ledger, struct sa_entry *entry,
			   const struct sa *sa);

/* The account of the entry's remote endpoint in a row. */
struct account *entry_find_account(struct ledger *ledger, const struct sa_entry *entry,
				   unsigned row);

/* Takes the entry out of the ledger. */
void entry_remove(struct ledger *ledger, struct sa_entry *entry);

/* From row 0 to this row. Does nothing if the entry has another row, or this is 0. */
void entry_set_row(struct ledger *ledger, struct sa_entry *entry, unsigned row);

/*
 * From KEYED, with final counters or without. The deletion of a departing entry is
 * counted later. Entries that are lost together must all have left their siblings
 * before the first is lost, the youngest first, because a younger sibling that is left
 * has replaced it.
 */
void entry_leave_siblings(struct ledger *ledger, struct sa_entry *entry);
void entry_depart(struct ledger *ledger, struct sa_entry *entry);
void entry_count_deletion(struct ledger *ledger, const struct sa_entry *entry);
void entry_lose(struct ledger *ledger, struct sa_entry *entry);

/* From DEPARTING to DEPARTED: its deletion has been counted, and it adds nothing any
 * more. */
void entry_retire(struct ledger *ledger, struct sa_entry *entry);

/* ledger_levels.c. */

/* Notes that the levels must be derived again if the entry counts for one. To be called
 * before and after a change of its state, direction or account. */
void levels_note(struct ledger *ledger, const struct sa_entry *entry);

/* Derives both levels from the entries, if those have changed. Returns 0, or -ENOMEM
 * with the levels as they were. */
int levels_derive(struct ledger *ledger);
