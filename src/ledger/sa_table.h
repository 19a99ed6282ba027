/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "kernel/sa.h"

/*
 * The entries of the ledger, one for each SA that it knows, and the lists that find
 * them. An entry keeps its address until it is removed. Nothing is counted here.
 */

/*
 *               NEWSA, UPDSA with a key
 *   (unknown) ------------------------------.
 *     |   |                                 |
 *     |   | a dump shows no key             |
 *     |   v                                 v
 *     | UNKEYED -- NEWSA, UPDSA, dump ---> KEYED -- DELSA ---> DEPARTING
 *     |   |                                ^ | |                 |   |
 *     |   '-- EXPIRE, or missing: removed  | | |  NEWSA, dump:   |   | end of a dump,
 *     |                                    | | |  it has moved   |   | LEDGER_MOVE_NS
 *     | a dump shows a key                 | | |  (its new entry |   | or more later
 *     v                                    | | |  is KEYED)   <--'   v
 *   OBSERVED -- end of the dump, NEWSA, ---' | |                  DEPARTED
 *               DELSA or EXPIRE              | |                     |
 *                                            | '-- hard EXPIRE:      | 5 s after the
 *                                            |     removed           | DELSA: removed
 *            missing from two dumps, or from |
 *            one after FLUSHSA; or another   |
 *            SA has its key                  '------> LOST -- end of the next dump:
 *                                                             removed
 *
 * The way into KEYED counts an addition, except for a move. The way out of KEYED counts
 * a deletion; for a DEPARTING entry that is when it becomes DEPARTED.
 */
enum entry_state {
	ENTRY_UNKEYED,   /* larval, or not IPsec: IPComp, proto-4 helper */
	ENTRY_OBSERVED,  /* keyed, shown by the dump in progress, not yet counted */
	ENTRY_KEYED,     /* keyed, alive, counted */
	ENTRY_DEPARTING, /* DELSA has come; a NEWSA may show that the SA has moved */
	ENTRY_DEPARTED,  /* counted as deleted; a late NEWSA may still show its bytes */
	ENTRY_LOST,      /* counted as deleted; its DELSA may be late */
};

struct account;

struct sa_entry {
	LIST_ENTRY(sa_entry) by_key; /* in a bucket */
	TAILQ_ENTRY(sa_entry) all;   /* or among the free ones */
	enum entry_state state;
	enum sa_direction direction;
	struct account
	    *account;        /* where it counts; of a DEPARTED one its row's `other` */
	uint32_t seen;       /* number of the last dump that showed it */
	uint32_t counted_in; /* period of its addition, if it began at 0; else 0 */
	bool suspect;        /* KEYED: missing from one dump */
	bool waiting;        /* KEYED: its bytes wait for its direction */
	bool flushed;        /* KEYED, OBSERVED: it existed when a FLUSHSA was read */
	bool unsure;         /* flushed, but it may be newer: no event has named it */
	bool doubtful;       /* OBSERVED: an SA with its key has ended since */
	bool displaced;      /* KEYED: migrated away, and another SA has its key */
	bool born_at_most;   /* KEYED: born is the time of an UPDSA after a gap */
	bool from_dump;      /* KEYED: a dump has shown it, and no NEWSA */
	bool rekeyed;        /* DEPARTING: it had a younger sibling at its DELSA */
	bool is_sibling;
	bool
	    inherited; /* its row was not asked for: it was restored, or it has moved */

	/* As last shown; its sample as far as it has been counted. Nothing of an
	 * OBSERVED entry has been counted. */
	struct sa sa;
	struct sa_sample before; /* the sample before the dump in progress */
	uint64_t born;           /* add_time as first shown */
	uint64_t left_at;        /* time of the DELSA, in ns; 0: before a restart */

	TAILQ_ENTRY(sa_entry) by_move;     /* in a bucket */
	TAILQ_ENTRY(sa_entry) in_observed; /* OBSERVED alone, in the dump's order */
	/* Siblings are KEYED outbound SAs that can replace each other at a rekey. The
	 * youngest of them is in a bucket. */
	TAILQ_ENTRY(sa_entry) by_siblings;
	struct sa_entry *older;
	struct sa_entry *younger;
	uint64_t siblings_hash;
};

/* A FLUSHSA has told of the end of a KEYED entry, and no dump has followed. */
static inline bool sa_entry_is_flushed(const struct sa_entry *entry)
{
	return entry->state == ENTRY_KEYED && entry->flushed && !entry->unsure;
}

TAILQ_HEAD(sa_list, sa_entry);
LIST_HEAD(sa_bucket, sa_entry);

/* Entries are allocated by the chunk, so that most events need no memory. */
struct sa_chunk;

struct sa_table {
	struct sa_list all;
	struct sa_list observed;
	struct sa_list free;
	struct sa_chunk *chunks;
	size_t n; /* of all */
	/* Buckets, n_buckets of each kind: a power of two, or 0. */
	struct sa_bucket *by_key;
	struct sa_list *by_move;
	struct sa_list *by_siblings;
	size_t n_buckets;
};

void sa_table_init(struct sa_table *table);
void sa_table_clear(struct sa_table *table);

/* Adds an entry for the SA, with everything else 0. An OBSERVED one is added to the end
 * of the observed list. Returns NULL if there is no memory. */
struct sa_entry *sa_table_add(struct sa_table *table, const struct sa *sa,
			      enum entry_state state);

/* Makes room for n more entries, so that sa_table_add() does not fail for them. Returns
 * 0 or -ENOMEM. */
int sa_table_reserve(struct sa_table *table, size_t n);

/* Takes the entry out of every list. */
void sa_table_remove(struct sa_table *table, struct sa_entry *entry);

/* The bucket that contains every entry with the SA's key, and other entries; the one
 * that contains every entry for which sa_same_move() is true. NULL if the table is
 * empty. */
struct sa_bucket *sa_table_by_key(const struct sa_table *table, const struct sa *sa);
struct sa_list *sa_table_by_move(const struct sa_table *table, const struct sa *sa);

/* True if both have the same key in the kernel: daddr, SPI, protocol, family, mark. */
bool sa_same_key(const struct sa *a, const struct sa *b);

/* True if both have in common what a change of addresses keeps (strongSwan's MOBIKE,
 * MIGRATE). */
bool sa_same_move(const struct sa *a, const struct sa *b);

/* Moves the entry to the front of its by_move bucket. */
void sa_table_move_front(struct sa_table *table, struct sa_entry *entry);

/*
 * Adds a KEYED outbound entry with a reqid to the list of its siblings; ignores other
 * entries. newest: the SA is new, whatever the wall clock says. Otherwise born decides;
 * within a second, entries that only a dump has shown are older, and the order of calls
 * decides.
 */
void sa_table_join_siblings(struct sa_table *table, struct sa_entry *entry,
			    bool newest);
void sa_table_leave_siblings(struct sa_table *table, struct sa_entry *entry);

/* The youngest that is listed of the entry's siblings, or NULL. */
struct sa_entry *sa_table_youngest(const struct sa_table *table,
				   const struct sa_entry *entry);
