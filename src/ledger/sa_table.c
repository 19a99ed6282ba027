/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ledger/sa_table.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "util/array.h"
#include "util/hash.h"

enum {
	CACHE_LINE = 64,
	MIN_BUCKETS = 64,
	LOAD = 2, /* entries for each bucket, at most */
};

_Static_assert(sizeof(struct sa_entry) <= (size_t)2 * CACHE_LINE, "an entry has grown");

void sa_table_clear(struct sa_table *table)
{
	uint32_t dump = table->dump;

	for (size_t i = 0; i < table->n_chunks; i++)
		free(table->chunks[i]);
	free(table->chunks);
	free(table->by_key);
	free(table->by_move);
	free(table->by_siblings);
	addr_table_clear(&table->addrs);
	*table = (struct sa_table){.dump = dump};
}

struct sa_entry *sa_table_next(const struct sa_table *table,
			       const struct sa_entry *entry)
{
	entry_ref end = (entry_ref)(table->n_chunks * SA_CHUNK_SIZE);

	for (entry_ref i = entry ? entry->self + 1 : 1; i <= end; i++) {
		struct sa_entry *next = sa_table_get(table, i);

		if (next->state != ENTRY_FREE)
			return next;
	}
	return NULL;
}

/* Addresses. */

/* The number of an address. Returns false if there is no memory. */
static bool take_addr(struct sa_table *table, const struct sa *sa,
		      const struct in6_addr *addr, uint32_t *ret)
{
	if (sa->family == AF_INET)
		memcpy(ret, addr, sizeof(*ret));
	else
		*ret = addr_table_take(&table->addrs, addr);
	return sa->family == AF_INET || *ret;
}

static void drop_addr(struct sa_table *table, const struct sa_entry *entry,
		      uint32_t addr)
{
	if (!entry->is_inet)
		addr_table_drop(&table->addrs, addr);
}

static struct in6_addr get_addr(const struct sa_table *table,
				const struct sa_entry *entry, uint32_t addr)
{
	struct in6_addr ret = {0};

	if (!entry->is_inet)
		return *addr_table_get(&table->addrs, addr);
	memcpy(&ret, &addr, sizeof(addr));
	return ret;
}

bool sa_table_same_ends(const struct sa_table *table, const struct sa_entry *entry,
			const struct sa *sa)
{
	return sa_table_same_source(table, entry, sa) &&
	       sa_table_is_addr(table, entry, entry->daddr, &sa->daddr);
}

bool sa_table_opposite_ends(const struct sa_table *table, const struct sa_entry *entry,
			    const struct sa *sa)
{
	return entry->family == sa->family &&
	       sa_table_is_addr(table, entry, entry->saddr, &sa->daddr) &&
	       sa_table_is_addr(table, entry, entry->daddr, &sa->saddr);
}

bool sa_entry_same_move(const struct sa_entry *entry, const struct sa *sa)
{
	return entry->spi == sa->spi && entry->reqid == sa->reqid &&
	       entry->mark == sa->mark && entry->if_id == sa->if_id &&
	       entry->proto == sa->proto && entry->mode == sa->mode;
}

struct sa sa_table_sa(const struct sa_table *table, const struct sa_entry *entry)
{
	return (struct sa){
	    .spi = entry->spi,
	    .reqid = entry->reqid,
	    .if_id = entry->if_id,
	    .mark = entry->mark,
	    .mark_mask = entry->mark_mask,
	    .pcpu = entry->pcpu,
	    .family = entry->family,
	    .proto = entry->proto,
	    .mode = entry->mode,
	    .acquire = entry->acquire,
	    .keyed = entry->keyed,
	    .replay_protected = entry->replay_protected,
	    .saddr = get_addr(table, entry, entry->saddr),
	    .daddr = get_addr(table, entry, entry->daddr),
	    .sample = sa_entry_sample(entry),
	    .add_time = entry->add_time,
	    .selector = entry->selector,
	    .declared = entry->declared,
	    .sequence = entry->sequence,
	};
}

/* Buckets. */

static const size_t BY_KEY = offsetof(struct sa_entry, next_by_key);
static const size_t BY_MOVE = offsetof(struct sa_entry, next_by_move);

static entry_ref *link_of(struct sa_entry *entry, size_t link)
{
	void *at = (char *)entry + link;

	return at;
}

void sa_table_unlink(const struct sa_table *table, entry_ref *bucket,
		     struct sa_entry *entry, size_t link)
{
	entry_ref *at = bucket;

	while (*at != entry->self)
		at = link_of(sa_table_get(table, *at), link);
	*at = *link_of(entry, link);
}

static entry_ref *bucket_of(const struct sa_table *table, entry_ref *buckets,
			    uint64_t hash)
{
	return &buckets[(size_t)hash & (table->n_buckets - 1)];
}

static entry_ref *key_bucket(const struct sa_table *table, uint32_t spi, uint8_t proto,
			     const struct in6_addr *daddr)
{
	uint64_t hash =
	    hash_mix(hash_mix_addr(HASH_START, daddr), (uint64_t)spi << 8 | proto);

	return bucket_of(table, table->by_key, hash);
}

static entry_ref *move_bucket(const struct sa_table *table, uint32_t spi, uint8_t proto,
			      uint32_t reqid)
{
	uint64_t hash =
	    hash_mix(hash_mix(HASH_START, reqid), (uint64_t)spi << 8 | proto);

	return bucket_of(table, table->by_move, hash);
}

struct sa_entry *sa_table_by_key(const struct sa_table *table, const struct sa *sa)
{
	return table->n ? sa_table_find(
			      table, *key_bucket(table, sa->spi, sa->proto, &sa->daddr))
			: NULL;
}

struct sa_entry *sa_table_by_move(const struct sa_table *table, const struct sa *sa)
{
	return table->n ? sa_table_find(
			      table, *move_bucket(table, sa->spi, sa->proto, sa->reqid))
			: NULL;
}

static entry_ref *own_key_bucket(const struct sa_table *table,
				 const struct sa_entry *entry)
{
	const struct in6_addr daddr = get_addr(table, entry, entry->daddr);

	return key_bucket(table, entry->spi, entry->proto, &daddr);
}

static entry_ref *own_move_bucket(const struct sa_table *table,
				  const struct sa_entry *entry)
{
	return move_bucket(table, entry->spi, entry->proto, entry->reqid);
}

/* To the end of its bucket, which is short. */
static void join_move(struct sa_table *table, struct sa_entry *entry)
{
	entry_ref *at = own_move_bucket(table, entry);

	while (*at)
		at = &sa_table_get(table, *at)->next_by_move;
	*at = entry->self;
	entry->next_by_move = 0;
}

void sa_table_move_front(struct sa_table *table, struct sa_entry *entry)
{
	entry_ref *bucket = own_move_bucket(table, entry);

	sa_table_unlink(table, bucket, entry, BY_MOVE);
	entry->next_by_move = *bucket;
	*bucket = entry->self;
}

static void join_key(struct sa_table *table, struct sa_entry *entry)
{
	entry_ref *bucket = own_key_bucket(table, entry);

	entry->next_by_key = *bucket;
	*bucket = entry->self;
}

/* Puts the entries of an old bucket into new ones, from its end on, so that they keep
 * their order. */
static void move_keys(struct sa_table *table, entry_ref number)
{
	entry_ref last = 0;

	while (number) { /* reverses the bucket */
		struct sa_entry *entry = sa_table_get(table, number);
		entry_ref next = entry->next_by_key;

		entry->next_by_key = last;
		last = number;
		number = next;
	}
	while (last) {
		struct sa_entry *entry = sa_table_get(table, last);

		last = entry->next_by_key;
		join_key(table, entry);
	}
}

static void move_moves(struct sa_table *table, entry_ref number)
{
	while (number) {
		struct sa_entry *entry = sa_table_get(table, number);

		number = entry->next_by_move;
		join_move(table, entry);
	}
}

static void move_siblings(struct sa_table *table, entry_ref number)
{
	while (number) {
		struct sa_entry *entry = sa_table_get(table, number);
		entry_ref *bucket = sa_table_siblings_bucket(table, entry);

		number = entry->younger;
		entry->younger = *bucket;
		*bucket = entry->self;
	}
}

static int grow(struct sa_table *table)
{
	const struct sa_table old = *table;
	size_t n = table->n_buckets ? table->n_buckets * 2 : MIN_BUCKETS;
	entry_ref *by_key = calloc(n, sizeof(*by_key));
	entry_ref *by_move = calloc(n, sizeof(*by_move));
	entry_ref *by_siblings = calloc(n, sizeof(*by_siblings));

	if (!by_key || !by_move || !by_siblings) {
		free(by_key);
		free(by_move);
		free(by_siblings);
		return -ENOMEM;
	}
	table->by_key = by_key;
	table->by_move = by_move;
	table->by_siblings = by_siblings;
	table->n_buckets = n;
	for (size_t i = 0; i < old.n_buckets; i++) {
		move_keys(table, old.by_key[i]);
		move_moves(table, old.by_move[i]);
		move_siblings(table, old.by_siblings[i]);
	}
	free(old.by_key);
	free(old.by_move);
	free(old.by_siblings);
	return 0;
}

/* Memory. */

static int add_chunk(struct sa_table *table)
{
	entry_ref number = (entry_ref)((table->n_chunks + 1) * SA_CHUNK_SIZE);
	struct sa_entry *chunk;

	if (table->n_chunks >= UINT32_MAX / SA_CHUNK_SIZE - 1 ||
	    array_reserve(&table->chunks, table->n_chunks, 1) < 0)
		return -ENOMEM;
	chunk = aligned_alloc(CACHE_LINE, SA_CHUNK_SIZE * sizeof(*chunk));
	if (!chunk)
		return -ENOMEM;
	table->chunks[table->n_chunks++] = chunk;
	for (size_t i = SA_CHUNK_SIZE; i > 0;
	     i--, number--) { /* the first comes first */
		chunk[i - 1] =
		    (struct sa_entry){.next_by_key = table->free, .self = number};
		table->free = number;
	}
	table->n_free += SA_CHUNK_SIZE;
	return 0;
}

/* Room for n more entries in chunks and buckets. */
static int reserve_entries(struct sa_table *table, size_t n)
{
	int err = 0;

	while (table->n_free < n && !err)
		err = add_chunk(table);
	while (table->n + n > table->n_buckets * LOAD && !err)
		err = grow(table);
	return err;
}

int sa_table_reserve(struct sa_table *table, size_t n)
{
	int err = reserve_entries(table, n);

	return err ? err : addr_table_reserve(&table->addrs, 2 * n);
}

/* Entries. */

static struct sa_entry make_entry(const struct sa_table *table, const struct sa *sa,
				  entry_ref self)
{
	return (struct sa_entry){
	    .bytes = sa->sample.bytes,
	    .packets = sa->sample.packets,
	    .integrity_failed = sa->sample.integrity_failed,
	    .replay = sa->sample.replay,
	    .replay_window = sa->sample.replay_window,
	    .seen = table->dump,
	    .add_time = sa->add_time,
	    .spi = sa->spi,
	    .reqid = sa->reqid,
	    .is_inet = sa->family == AF_INET,
	    .acquire = sa->acquire,
	    .keyed = sa->keyed,
	    .replay_protected = sa->replay_protected,
	    .proto = sa->proto,
	    .mode = sa->mode,
	    .born = sa->add_time,
	    .if_id = sa->if_id,
	    .mark = sa->mark,
	    .mark_mask = sa->mark_mask,
	    .pcpu = sa->pcpu,
	    .selector = (uint32_t)sa->selector,
	    .self = self,
	    .family = sa->family,
	    .declared = sa->declared,
	    .sequence = sa->sequence,
	};
}

/* Writes the numbers of both addresses. Returns 0 or -ENOMEM. */
static int take_addrs(struct sa_table *table, struct sa_entry *entry,
		      const struct sa *sa)
{
	if (!take_addr(table, sa, &sa->saddr, &entry->saddr))
		return -ENOMEM;
	if (take_addr(table, sa, &sa->daddr, &entry->daddr))
		return 0;
	drop_addr(table, entry, entry->saddr);
	return -ENOMEM;
}

struct sa_entry *sa_table_add(struct sa_table *table, const struct sa *sa,
			      enum entry_state state)
{
	struct sa_entry *entry;
	struct sa_entry made;

	if (reserve_entries(table, 1) < 0)
		return NULL;
	made = make_entry(table, sa, table->free);
	if (take_addrs(table, &made, sa) < 0)
		return NULL;
	entry = sa_table_get(table, table->free);
	table->free = entry->next_by_key;
	table->n_free--;
	table->n++;
	*entry = made;
	join_key(table, entry);
	join_move(table, entry);
	sa_table_join_state(table, entry, state);
	return entry;
}

void sa_table_remove(struct sa_table *table, struct sa_entry *entry)
{
	sa_table_leave_siblings(table, entry);
	sa_table_leave_state(table, entry);
	sa_table_unlink(table, own_key_bucket(table, entry), entry, BY_KEY);
	sa_table_unlink(table, own_move_bucket(table, entry), entry, BY_MOVE);
	drop_addr(table, entry, entry->saddr);
	drop_addr(table, entry, entry->daddr);
	entry->state = ENTRY_FREE;
	entry->next_by_key = table->free;
	table->free = entry->self;
	table->n_free++;
	table->n--;
}
