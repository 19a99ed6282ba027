/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "kernel/sa.h"
#include "ledger/addr_table.h"

/*
 * The entries of the ledger, one for each SA that it knows, and the lists that find
 * them. An entry keeps its address until it is removed. Nothing is counted here.
 *
 * Entries are small: a gateway has 100,000 of them. They name each other, and IPv6
 * addresses, by numbers, and what only one state needs shares its place with what only
 * others need.
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
	ENTRY_FREE,      /* no entry */
	ENTRY_UNKEYED,   /* larval, or not IPsec: IPComp, proto-4 helper */
	ENTRY_OBSERVED,  /* keyed, shown by the dump in progress, not yet counted */
	ENTRY_KEYED,     /* keyed, alive, counted */
	ENTRY_DEPARTING, /* DELSA has come; a NEWSA may show that the SA has moved */
	ENTRY_DEPARTED,  /* counted as deleted; a late NEWSA may still show its bytes */
	ENTRY_LOST,      /* counted as deleted; its DELSA may be late */
};

/* The number of an entry, from 1; 0: none. */
typedef uint32_t entry_ref;

struct account;

struct sa_entry {
	/* The first cache line: what a dump compares and changes, but for family, mark
	 * and if_id. The sample is as far as it has been counted. Nothing of an
	 * OBSERVED entry has been counted. */
	uint64_t bytes;
	uint64_t packets;
	uint32_t integrity_failed;
	uint32_t replay;
	uint32_t replay_window;
	uint32_t seen; /* number of the last dump that showed it */
	uint64_t add_time;
	uint32_t daddr; /* as in memory if the family is AF_INET, or else a number */
	uint32_t saddr;
	uint32_t spi;
	uint32_t reqid;
	union {
		entry_ref ahead; /* shown SA_TABLE_AHEAD later by the last dump */
		entry_ref next;  /* in the list of those that have ended */
	};
	enum entry_state state : 3;
	enum sa_direction direction : 2;
	bool is_inet : 1; /* the family is AF_INET */
	bool acquire : 1;
	bool keyed : 1; /* according to its last message; an EXPIRE never says so */
	bool replay_protected : 1;
	bool settled : 1;  /* a dump has shown it, and nothing has changed since */
	bool suspect : 1;  /* KEYED: missing from one dump */
	bool waiting : 1;  /* KEYED: its bytes wait for its direction */
	bool flushed : 1;  /* KEYED, OBSERVED: it existed when a FLUSHSA was read */
	bool unsure : 1;   /* flushed, but it may be newer: no event has named it */
	bool doubtful : 1; /* OBSERVED: an SA with its key has ended since */
	uint8_t proto : 8;
	uint8_t mode : 8;

	struct account
	    *account;  /* where it counts; of a DEPARTED one its row's `other` */
	uint64_t born; /* add_time as first shown */
	union {
		/* Siblings are KEYED outbound SAs that can replace each other at a
		 * rekey. The youngest of them is in a bucket. */
		struct {
			entry_ref older;
			entry_ref younger; /* of the youngest: the next in the bucket */
		};
		/* OBSERVED, in the dump's order */
		struct {
			entry_ref after;
			entry_ref before;
		};
		/* DEPARTING, DEPARTED: time of the DELSA, in ns; 0: before a restart */
		uint64_t left_at;
	};
	uint32_t if_id;
	uint32_t mark;
	uint32_t mark_mask;
	uint32_t pcpu;
	uint32_t selector;
	union {
		/* period of its addition, if it began at 0; else 0 */
		uint32_t counted_in;
		entry_ref previous; /* in the list of those that have ended */
	};
	entry_ref next_by_key; /* in the bucket; or among the free ones */
	entry_ref next_by_move;
	entry_ref self;
	uint16_t family;
	enum sa_direction declared : 2;
	enum sa_direction sequence : 2;
	bool displaced : 1;    /* KEYED: migrated away, and another SA has its key */
	bool born_at_most : 1; /* KEYED: born is the time of an UPDSA after a gap */
	bool from_dump : 1;    /* KEYED: a dump has shown it, and no NEWSA */
	/* DEPARTING, LOST: it had a younger sibling that went on */
	bool rekeyed : 1;
	bool before_gap : 1; /* it was known before events were lost */
	bool is_sibling : 1;
	bool is_youngest : 1; /* of its siblings */
	bool inherited : 1; /* its row was not asked for: it was restored, or has moved
			     */
	bool has_earlier : 1; /* the dump in progress may have changed its sample */
};

/* A FLUSHSA has told of the end of a KEYED entry, and no dump has followed. */
static inline bool sa_entry_is_flushed(const struct sa_entry *entry)
{
	return entry->state == ENTRY_KEYED && entry->flushed && !entry->unsure;
}

static inline bool sa_entry_has_ended(const struct sa_entry *entry)
{
	return entry->state >= ENTRY_DEPARTING;
}

static inline struct sa_sample sa_entry_sample(const struct sa_entry *entry)
{
	return (struct sa_sample){
	    .bytes = entry->bytes,
	    .packets = entry->packets,
	    .integrity_failed = entry->integrity_failed,
	    .replay = entry->replay,
	    .replay_window = entry->replay_window,
	};
}

static inline bool sa_entry_has_sample(const struct sa_entry *entry,
				       const struct sa_sample *sample)
{
	return entry->bytes == sample->bytes && entry->packets == sample->packets &&
	       entry->integrity_failed == sample->integrity_failed &&
	       entry->replay == sample->replay &&
	       entry->replay_window == sample->replay_window;
}

static inline void sa_entry_set_sample(struct sa_entry *entry,
				       const struct sa_sample *sample)
{
	entry->bytes = sample->bytes;
	entry->packets = sample->packets;
	entry->integrity_failed = sample->integrity_failed;
	entry->replay = sample->replay;
	entry->replay_window = sample->replay_window;
}

/* Entries are allocated by so many. */
#define SA_CHUNK_SIZE 64

/* Entries in an order, by the members that the list uses. */
struct entry_list {
	entry_ref first;
	entry_ref last;
};

/*
 * The order of a dump hardly changes. Each entry knows the one that was shown so many
 * later, which is fetched into the cache when it is shown: entries that have replaced
 * others lie anywhere in memory, and waiting for each of them would take longer than
 * all that is done with it.
 */
#define SA_TABLE_AHEAD 8

struct dump_order {
	entry_ref first[SA_TABLE_AHEAD]; /* those that the last dump has shown first */
	/* of the dump in progress: by the number of the place, modulo SA_TABLE_AHEAD */
	struct sa_entry *expected[SA_TABLE_AHEAD];
	struct sa_entry *shown[SA_TABLE_AHEAD];
	size_t n_shown;
};

struct sa_table {
	struct sa_entry **chunks; /* SA_CHUNK_SIZE entries each */
	size_t n_chunks;
	entry_ref free;
	size_t n_free;
	size_t n;                        /* entries that are not free */
	size_t in_state[ENTRY_LOST + 1]; /* how many */
	size_t n_larval;                 /* UNKEYED, but IPsec */
	struct entry_list observed;      /* OBSERVED, in the dump's order */
	entry_ref ended;                 /* DEPARTING, DEPARTED, LOST, in no order */
	uint32_t dump; /* number of the dump in progress, or of the last */
	struct dump_order order;
	size_t n_seen; /* UNKEYED, OBSERVED and KEYED that it has shown, or that have
			* begun since it began */
	struct addr_table addrs;
	/* Buckets, n_buckets of each kind: a power of two, or 0. */
	entry_ref *by_key;
	entry_ref *by_move;
	entry_ref *by_siblings;
	size_t n_buckets;
};

/* A table of zeros is an empty one, and so is a cleared one; but this keeps the number
 * of the dump. */
void sa_table_clear(struct sa_table *table);

/* The entry of a number, which is not 0. */
static inline struct sa_entry *sa_table_get(const struct sa_table *table,
					    entry_ref number)
{
	size_t at = number - 1;

	return &table->chunks[at / SA_CHUNK_SIZE][at % SA_CHUNK_SIZE];
}

/* The same, or NULL for 0. */
static inline struct sa_entry *sa_table_find(const struct sa_table *table,
					     entry_ref number)
{
	return number ? sa_table_get(table, number) : NULL;
}

/* Adds an entry for the SA, which has been seen, and with everything else 0. An
 * OBSERVED one is added to the end of the observed list. Returns NULL if there is no
 * memory. */
struct sa_entry *sa_table_add(struct sa_table *table, const struct sa *sa,
			      enum entry_state state);

/* Makes room for n more entries, so that sa_table_add() does not fail for them. Returns
 * 0 or -ENOMEM. */
int sa_table_reserve(struct sa_table *table, size_t n);

/* Takes the entry out of every list. */
void sa_table_remove(struct sa_table *table, struct sa_entry *entry);

/* The next entry in no particular order, or the first one after NULL. Entries may be
 * removed meanwhile. Returns NULL at the end. */
struct sa_entry *sa_table_next(const struct sa_table *table,
			       const struct sa_entry *entry);

#define FOREACH_ENTRY(entry, table)                                   \
	for ((entry) = sa_table_next((table), NULL); (entry) != NULL; \
	     (entry) = sa_table_next((table), (entry)))

/* States (sa_states.c). */

/* Changes the state, and puts the entry into the lists of that state, or takes it out
 * of them. It is then not settled. */
void sa_table_set_state(struct sa_table *table, struct sa_entry *entry,
			enum entry_state state);

/* A dump begins: it has shown none of the entries. */
void sa_table_begin_dump(struct sa_table *table);

/* The dump in progress has shown the entry, which has not ended. */
static inline void sa_table_mark_seen(struct sa_table *table, struct sa_entry *entry)
{
	table->n_seen += entry->seen != table->dump;
	entry->seen = table->dump;
}

/* The entry that the dump in progress should show next, if it has the order of the one
 * before; NULL or any other entry otherwise. */
static inline struct sa_entry *sa_table_expected(const struct sa_table *table)
{
	const struct dump_order *order = &table->order;

	return order->expected[order->n_shown % SA_TABLE_AHEAD];
}

/* The dump in progress shows the entry, which has not ended, after those shown before.
 */
void sa_table_show(struct sa_table *table, struct sa_entry *entry);

/* The same for the entry that was expected: the one before it knows it already. */
static inline void sa_table_show_expected(struct sa_table *table,
					  struct sa_entry *entry)
{
	struct dump_order *order = &table->order;
	size_t place = order->n_shown % SA_TABLE_AHEAD;

	if (order->n_shown < SA_TABLE_AHEAD)
		order->first[place] = entry->self;
	order->expected[place] = sa_table_find(table, entry->ahead);
	__builtin_prefetch(order->expected[place], 1); /* of NULL it does nothing */
	order->shown[place] = entry;
	order->n_shown++;
	sa_table_mark_seen(table, entry);
}

/* True if the last dump has shown every UNKEYED, OBSERVED and KEYED entry, except for
 * those that have begun since it began. */
static inline bool sa_table_all_seen(const struct sa_table *table)
{
	return table->n_seen == table->in_state[ENTRY_UNKEYED] +
				    table->in_state[ENTRY_OBSERVED] +
				    table->in_state[ENTRY_KEYED];
}

/* The SA as last shown, with the sample as far as it has been counted. */
struct sa sa_table_sa(const struct sa_table *table, const struct sa_entry *entry);

/* True if the daddr or saddr of the entry is this address of its family. Compilers call
 * memcmp() for 16 bytes. */
static inline bool sa_table_is_addr(const struct sa_table *table,
				    const struct sa_entry *entry, uint32_t number,
				    const struct in6_addr *addr)
{
	return entry->is_inet
		   ? !memcmp(&number, addr, sizeof(number))
		   : IN6_ARE_ADDR_EQUAL(addr_table_get(&table->addrs, number), addr);
}

/* True if both have the same key in the kernel: daddr, SPI, protocol, family, mark. */
static inline bool sa_table_same_key(const struct sa_table *table,
				     const struct sa_entry *entry, const struct sa *sa)
{
	return entry->spi == sa->spi && entry->acquire == sa->acquire &&
	       entry->proto == sa->proto && entry->family == sa->family &&
	       entry->mark == sa->mark && entry->mark_mask == sa->mark_mask &&
	       sa_table_is_addr(table, entry, entry->daddr, &sa->daddr);
}

/* True if both have the same source; the same source and destination. */
static inline bool sa_table_same_source(const struct sa_table *table,
					const struct sa_entry *entry,
					const struct sa *sa)
{
	return entry->family == sa->family &&
	       sa_table_is_addr(table, entry, entry->saddr, &sa->saddr);
}

bool sa_table_same_ends(const struct sa_table *table, const struct sa_entry *entry,
			const struct sa *sa);

/* True if the SA lies in the opposite direction between the ends of the entry. */
bool sa_table_opposite_ends(const struct sa_table *table, const struct sa_entry *entry,
			    const struct sa *sa);

/* True if both have in common what a change of addresses keeps (strongSwan's MOBIKE,
 * MIGRATE). */
bool sa_entry_same_move(const struct sa_entry *entry, const struct sa *sa);

/* The first entry of the bucket that contains every entry with the SA's key, and other
 * entries, the youngest first; of the one that contains every entry for which
 * sa_entry_same_move() is true. NULL if there is none. */
struct sa_entry *sa_table_by_key(const struct sa_table *table, const struct sa *sa);
struct sa_entry *sa_table_by_move(const struct sa_table *table, const struct sa *sa);

/* Moves the entry to the front of its by_move bucket. */
void sa_table_move_front(struct sa_table *table, struct sa_entry *entry);

/* Siblings (sa_siblings.c). */

/*
 * Adds a KEYED outbound entry with a reqid to the list of its siblings; ignores other
 * entries. newest: the SA is new, whatever the wall clock says. Otherwise an SA that
 * was known before a gap is older than one that was not. If that decides nothing, born
 * does; within a second, an SA that only a dump has shown is older, and then the order
 * of calls decides.
 */
void sa_table_join_siblings(struct sa_table *table, struct sa_entry *entry,
			    bool newest);
void sa_table_leave_siblings(struct sa_table *table, struct sa_entry *entry);

/* The youngest that is listed of the entry's siblings, or NULL. */
struct sa_entry *sa_table_youngest(const struct sa_table *table,
				   const struct sa_entry *entry);

/* The next older or younger sibling of a listed entry, or NULL. */
struct sa_entry *sa_table_older(const struct sa_table *table,
				const struct sa_entry *entry);
struct sa_entry *sa_table_younger(const struct sa_table *table,
				  const struct sa_entry *entry);

/* Takes an entry out of a bucket that it is in; link: the offset of the member that has
 * the next one. For sa_table.c and sa_siblings.c. */
void sa_table_unlink(const struct sa_table *table, entry_ref *bucket,
		     struct sa_entry *entry, size_t link);

/* The bucket of an entry's siblings; for sa_table.c. */
entry_ref *sa_table_siblings_bucket(const struct sa_table *table,
				    const struct sa_entry *entry);

/* The parts of sa_table_set_state(); for sa_table.c. */
void sa_table_leave_state(struct sa_table *table, struct sa_entry *entry);
void sa_table_join_state(struct sa_table *table, struct sa_entry *entry,
			 enum entry_state state);
