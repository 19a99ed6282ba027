/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kernel/sa.h"
#include "ledger/ledger.h"

/*
 * The memory of the ledger: entries by what the kernel knows an SA by, {daddr, SPI,
 * protocol, family, mark}, and groups of entries that belong
 * together by a key of 64 bits. Knows nothing of what the numbers mean.
 *
 * Entries are named by their place, which stays theirs until they are removed;
 * pointers are good until the next sa_table_insert().
 */

#define SA_NONE UINT32_MAX

/*
 *   NEWSA, dump              NEWSA, UPDSA          dump: no event has named it, or it
 *        |                         |               does not go on from KEYED's sample
 *        v                         v                              |
 *     LARVAL -- NEWSA, UPDSA --> KEYED                            v
 *                                 | ^ ^--- NEWSA, dump's end --- OBSERVED
 *                                 | |
 *      hard EXPIRE: dropped <-----+ +--- NEWSA, dump: moved ---+
 *                                 |                            |
 *                                 +------ DELSA ----------> DEPARTING
 *                                 |                            |
 *      missing from two dumps,    |             dump's end, LEDGER_MOVE_NS later
 *      or from one after FLUSHSA; |                            v
 *      another SA has its key     v                         DEPARTED
 *                               LOST                           |
 *                                 |             dump's end, 5 s after the DELSA
 *                             next dump                        v
 *                                 v                         dropped
 *                              dropped
 *
 * OTHER and LARVAL are dropped at their end, or when a dump does not show them. An
 * addition is counted on the way into KEYED; a deletion on the way out of it, but for
 * DEPARTING, which counts it when it becomes DEPARTED.
 */
enum entry_state {
	ENTRY_FREE,
	ENTRY_OTHER,     /* IPComp, proto-4 helper: counted in no column */
	ENTRY_LARVAL,    /* has an SPI or a sequence number, no keys yet */
	ENTRY_OBSERVED,  /* keyed, seen in the dump under way, not yet counted */
	ENTRY_KEYED,     /* keyed, alive, counted */
	ENTRY_DEPARTING, /* DELSA came; a NEWSA may yet continue it (MOBIKE) */
	ENTRY_DEPARTED,  /* counted as deleted; a late NEWSA may still show its bytes */
	ENTRY_LOST,      /* counted as deleted; its DELSA may be late */
};

struct sa_entry {
	struct in6_addr saddr;
	struct in6_addr daddr;
	uint64_t add_time;       /* as last shown: XFRM_MSG_NEWAE sets it */
	uint64_t born;           /* as first shown: its age among others */
	struct sa_sample sample; /* the last one, as far as it has been counted */
	struct sa_sample before; /* the same before the dump under way */
	uint64_t left_at;        /* time of the DELSA, in ns; 0: before a restart */
	uint64_t sibling; /* hash of what a rekeyed SA has in common with the old */
	uint32_t spi;
	uint32_t reqid;
	uint32_t if_id;
	uint32_t mark;
	uint32_t mark_mask;
	uint32_t next;  /* in the hash chain, or the free list */
	uint32_t older; /* in the group, oldest first */
	uint32_t younger;
	uint32_t seen; /* number of the last dump that showed it */
	uint32_t
	    counted_in; /* period in which it was added from nothing, 0: it was not */
	uint16_t row;
	uint8_t state;
	uint8_t family;
	uint8_t proto;
	uint8_t mode;
	uint8_t direction;
	uint8_t acquire : 1;
	uint8_t replay_protected : 1;
	uint8_t suspect : 1; /* missing from one dump */
	uint8_t rekeyed : 1; /* a younger sibling lived when its DELSA came */
	uint8_t grouped : 1;
	uint8_t waiting : 1;  /* has bytes that wait for its direction */
	uint8_t flushed : 1;  /* known when a FLUSHSA came */
	uint8_t unsure : 1;   /* but perhaps made after it: no event has named it yet */
	uint8_t doubtful : 1; /* observed, but an SA of its key has ended since */
	uint8_t displaced : 1;    /* migrated away, and another SA has its key */
	uint8_t born_at_most : 1; /* born is the time of an UPDSA after a gap */
};

/* Members of a group in order of age, and two counts for whoever needs them. */
struct sa_group {
	uint64_t key; /* 0: the place is free */
	uint32_t oldest;
	uint32_t youngest;
	uint32_t count[2];
};

struct sa_table {
	struct sa_entry *entries;
	uint32_t n_entries; /* places in use or on the free list */
	uint32_t n_allocated;
	uint32_t n_used;
	uint32_t free;
	uint32_t *buckets;
	uint32_t n_buckets; /* a power of two, or 0 */
	struct sa_group *groups;
	uint32_t n_groups;
	uint32_t n_group_places; /* a power of two, or 0 */
};

void sa_table_init(struct sa_table *table);
void sa_table_clear(struct sa_table *table);

/* An entry with the identity of an SA, the rest of it zero, in no group. */
struct sa_entry sa_entry_of(const struct sa *sa);

/* What an entry knows of its SA's identity. */
struct sa sa_of_entry(const struct sa_entry *entry);

/* True if the entry and the SA have the same {daddr, SPI, protocol, family, mark}. */
bool sa_entry_same_key(const struct sa_entry *entry, const struct sa *sa);

/* The first entry of the SA's hash chain, and the next; SA_NONE at the end. The
 * chain holds every entry of the SA's key, and others. */
uint32_t sa_table_first(const struct sa_table *table, const struct sa *sa);

/*
 * Makes room for SA_TABLE_RESERVE groups more, so that as many calls of
 * sa_table_group() or sa_table_join() cannot fail. Returns 0 or -ENOMEM.
 */
#define SA_TABLE_RESERVE 4
int sa_table_reserve(struct sa_table *table);

/*
 * Adds an entry with the identity of the SA, the rest of it zero, in no group.
 * Returns 0 and its place, or -ENOMEM with the table unchanged.
 */
int sa_table_insert(struct sa_table *table, const struct sa *sa, uint32_t *ret_place);

/* Removes an entry, which must be in no group. */
void sa_table_remove(struct sa_table *table, uint32_t place);

/* The group of a key (not 0), or NULL. Good until groups are made or
 * trimmed. */
struct sa_group *sa_table_find_group(struct sa_table *table, uint64_t key);

/* The same, made where there is none: see sa_table_reserve(). */
struct sa_group *sa_table_group(struct sa_table *table, uint64_t key);

/* Drops the group if it is empty: no members, both counts 0. */
void sa_table_trim_group(struct sa_table *table, struct sa_group *group);

/* Where an entry belongs among the members of its group. */
enum sa_table_order {
	SA_TABLE_YOUNGEST, /* it has just been made, whatever the wall clock says */
	SA_TABLE_BY_TIME,  /* by birth; the youngest of its second */
	SA_TABLE_DUMPED,   /* the same, the oldest: a dump shows the youngest first */
};

/* Lists an entry in a group. */
void sa_table_join(struct sa_table *table, uint64_t key, uint32_t place,
		   enum sa_table_order order);

/* Takes an entry out of the list of the group of that key. */
void sa_table_leave(struct sa_table *table, uint64_t key, uint32_t place);
