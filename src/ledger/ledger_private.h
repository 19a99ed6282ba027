/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "ledger/ledger.h"
#include "ledger/sa_table.h"

/*
 * What the files of the ledger share, and no one else: its data, the search for the
 * entry that a message means (ledger_match.c), and the transitions of an entry with
 * what they count (ledger_entry.c). ledger.c and ledger_dump.c decide which transition
 * a message causes.
 */

struct ledger {
	struct ledger_env env;
	struct sa_table table;
	/* Each row has one account, with the row's number. An entry counts for an
	 * account, and nothing but account_of() looks one up. */
	struct totals *accounts;
	unsigned n_rows;
	uint64_t now;    /* of the present call, or the last that had one */
	uint32_t dump;   /* number of the dump under way, or of the last */
	uint32_t period; /* from the end of one complete dump to the next, from 1 */
	bool dumping;
	bool gap;        /* events were lost, or nothing has been dumped yet */
	bool gap_during; /* events were lost since the dump under way began */
	/* A MIGRATE, which names no SA: since the last complete dump began, and of
	 * these since the dump under way began. */
	bool migrated, migrated_during;
	bool wants_dump;
	bool flushed; /* a FLUSHSA came since the dump under way, or the last, began */
	bool levels_stale; /* the levels of stats do not follow from the entries yet */
};

static inline struct totals *account_of(struct ledger *ledger,
					const struct sa_entry *entry)
{
	return &ledger->accounts[entry->account];
}

/* ledger_match.c. All give an entry or NULL. */

/* Which entry with an SA's key is meant. Unless it says otherwise, source, reqid and
 * mode must be the SA's too, and add_time may differ. */
enum match {
	MATCH_COUNTED,     /* KEYED, not known to have ended; source, reqid, mode may
			    * differ. There is one at most. */
	MATCH_LIVE,        /* the same, if it is the SA */
	MATCH_FLUSHED,     /* KEYED and flushed, with the SA's add_time */
	MATCH_ANY_FLUSHED, /* KEYED and flushed */
	MATCH_OBSERVED,
	MATCH_UNKEYED, /* source, reqid, mode may differ */
	MATCH_LOST,    /* LOST, with the SA's add_time or no more than its counters */
};
struct sa_entry *match_find(struct ledger *ledger, const struct sa *sa,
			    enum match match);

/*
 * The entry that the SA of this one was before it moved: a DEPARTING one, or a DEPARTED
 * one, which can only tell where the count of this one began. strongSwan moves an SA by
 * DELSA and NEWSA, with its byte count and add_time preloaded. born is what the NEWSA
 * shows. If it is NULL there was no NEWSA, and what a dump shows decides.
 */
struct sa_entry *match_departed(struct ledger *ledger, const struct sa_entry *entry,
				enum entry_state state, const struct sa_sample *born);

/* At the end of a dump: the entry that an observed SA was before, because it has moved
 * or because events were lost. live is the KEYED entry with its key, or NULL. */
struct sa_entry *match_observed(struct ledger *ledger, const struct sa_entry *observed,
				struct sa_entry *live);

/* The KEYED entry that a MIGRATE has made this SA of. The message names no SA. */
struct sa_entry *match_migrated(struct ledger *ledger, const struct sa *sa);

/* ledger_entry.c. */

/* A new entry in that state, with its direction and account, counted nowhere. NULL: no
 * memory. */
struct sa_entry *entry_new(struct ledger *ledger, const struct sa *sa,
			   enum entry_state state);

/* Into KEYED: as a new SA that began with the base sample, which it counted elsewhere
 * or nowhere; or as what another entry goes on as, which is removed. Either counts what
 * the entry shows above the base. newest: as for sa_table_join_siblings(). */
void entry_begin(struct ledger *ledger, struct sa_entry *entry,
		 const struct sa_sample *base, bool newest);
void entry_continue(struct ledger *ledger, struct sa_entry *from,
		    struct sa_entry *entry, const struct sa_sample *base);

/*
 * A KEYED entry and an observed SA with its key, whose end no event has told, become
 * one. After a gap that event may have been lost. An SA that then shows another
 * add_time and less than the last sample is taken for another: the entry is lost, and
 * the observed one is returned, still to be counted. One that shows more counts on from
 * the last sample, so that nothing is counted twice, and that is a loss.
 */
struct sa_entry *entry_settle(struct ledger *ledger, struct sa_entry *entry,
			      struct sa_entry *observed);

/* Counts what lies between the last sample and this one. A counter that was set back
 * counts on from there; what it had carried until then is unknown, which is a loss. */
void entry_count(struct ledger *ledger, struct sa_entry *entry,
		 const struct sa_sample *sample);

/* Subtracts what the dump under way has added, if it has shown the entry. */
void entry_uncount(struct ledger *ledger, struct sa_entry *entry);

/* Asks for the direction again, if it is not known yet. */
void entry_learn_direction(struct ledger *ledger, struct sa_entry *entry,
			   const struct sa *sa);

/* From row 0 to that row; does nothing otherwise. */
void entry_set_row(struct ledger *ledger, struct sa_entry *entry, unsigned row);

/* Out of KEYED: with final counters; or without, where all that are lost together must
 * have left their siblings before. A departing entry still counts until
 * entry_count_deletion(). */
void entry_depart(struct ledger *ledger, struct sa_entry *entry);
void entry_count_deletion(struct ledger *ledger, const struct sa_entry *entry);
void entry_lose(struct ledger *ledger, struct sa_entry *entry);
