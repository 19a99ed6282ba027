/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ledger/sa_table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "util/hash.h"

enum {
	MIN_ENTRIES = 64,
	MIN_GROUPS = 64,
};

void sa_table_init(struct sa_table *table)
{
	*table = (struct sa_table){.free = SA_NONE};
}

void sa_table_clear(struct sa_table *table)
{
	free(table->entries);
	free(table->buckets);
	free(table->groups);
	sa_table_init(table);
}

static uint64_t key_hash(const struct in6_addr *daddr, uint32_t spi, uint8_t proto)
{
	return hash_mix(hash_mix_addr(HASH_START, daddr), (uint64_t)spi << 8 | proto);
}

static uint32_t *bucket_of(const struct sa_table *table, uint64_t hash)
{
	return &table->buckets[hash & (table->n_buckets - 1)];
}

bool sa_entry_same_key(const struct sa_entry *entry, const struct sa *sa)
{
	return entry->spi == sa->spi && entry->acquire == sa->acquire &&
	       entry->proto == sa->proto && entry->family == sa->family &&
	       entry->mark == sa->mark && entry->mark_mask == sa->mark_mask &&
	       !memcmp(&entry->daddr, &sa->daddr, sizeof(sa->daddr));
}

uint32_t sa_table_first(const struct sa_table *table, const struct sa *sa)
{
	if (!table->n_buckets)
		return SA_NONE;
	return *bucket_of(table, key_hash(&sa->daddr, sa->spi, sa->proto));
}

static uint32_t *entry_bucket(const struct sa_table *table,
			      const struct sa_entry *entry)
{
	return bucket_of(table, key_hash(&entry->daddr, entry->spi, entry->proto));
}

/* Twice the places; every chain is laid anew. */
static int grow_entries(struct sa_table *table)
{
	uint32_t n = table->n_allocated ? table->n_allocated * 2 : MIN_ENTRIES;
	struct sa_entry *entries;
	uint32_t *buckets;

	buckets = malloc(n * sizeof(*buckets));
	if (!buckets)
		return -ENOMEM;
	entries = realloc(table->entries, n * sizeof(*entries));
	if (!entries) {
		free(buckets);
		return -ENOMEM;
	}
	free(table->buckets);
	table->buckets = buckets;
	table->n_buckets = n;
	table->entries = entries;
	table->n_allocated = n;
	memset(buckets, 0xff, n * sizeof(*buckets)); /* SA_NONE */
	for (uint32_t i = 0; i < table->n_entries; i++) {
		uint32_t *bucket = entry_bucket(table, &entries[i]);

		/* only called with an empty free list: all entries are in use */
		entries[i].next = *bucket;
		*bucket = i;
	}
	return 0;
}

static uint32_t group_slot(const struct sa_table *table, uint64_t key)
{
	uint32_t mask = table->n_group_places - 1;
	uint32_t slot = (uint32_t)hash_mix(HASH_START, key) & mask;

	while (table->groups[slot].key && table->groups[slot].key != key)
		slot = (slot + 1) & mask;
	return slot;
}

static int resize_groups(struct sa_table *table, uint32_t n_places)
{
	struct sa_group *old = table->groups;
	uint32_t n_old = table->n_group_places;
	struct sa_group *groups = calloc(n_places, sizeof(*groups));

	if (!groups)
		return -ENOMEM;
	table->groups = groups;
	table->n_group_places = n_places;
	for (uint32_t i = 0; i < n_old; i++)
		if (old[i].key)
			groups[group_slot(table, old[i].key)] = old[i];
	free(old);
	return 0;
}

/* Linear probing stays short at a load of at most 3/4. */
int sa_table_reserve(struct sa_table *table)
{
	uint32_t n = table->n_group_places ? table->n_group_places : MIN_GROUPS;

	while (table->n_groups + SA_TABLE_RESERVE > n / 4 * 3)
		n *= 2;
	return n == table->n_group_places ? 0 : resize_groups(table, n);
}

struct sa_entry sa_entry_of(const struct sa *sa)
{
	return (struct sa_entry){
	    .saddr = sa->saddr,
	    .daddr = sa->daddr,
	    .add_time = sa->add_time,
	    .born = sa->add_time,
	    .spi = sa->spi,
	    .reqid = sa->reqid,
	    .if_id = sa->if_id,
	    .mark = sa->mark,
	    .mark_mask = sa->mark_mask,
	    .older = SA_NONE,
	    .younger = SA_NONE,
	    .family = (uint8_t)sa->family,
	    .proto = sa->proto,
	    .mode = sa->mode,
	    .acquire = sa->acquire,
	};
}

struct sa sa_of_entry(const struct sa_entry *entry)
{
	return (struct sa){
	    .saddr = entry->saddr,
	    .daddr = entry->daddr,
	    .family = entry->family,
	    .proto = entry->proto,
	    .mode = entry->mode,
	    .acquire = entry->acquire,
	    .keyed = entry->state == ENTRY_OBSERVED || entry->state == ENTRY_KEYED,
	    .spi = entry->spi,
	    .reqid = entry->reqid,
	    .if_id = entry->if_id,
	    .mark = entry->mark,
	    .mark_mask = entry->mark_mask,
	    .add_time = entry->add_time,
	};
}

int sa_table_insert(struct sa_table *table, const struct sa *sa, uint32_t *ret_place)
{
	uint32_t *bucket;
	uint32_t place;

	if (table->free == SA_NONE && table->n_entries == table->n_allocated &&
	    grow_entries(table) < 0)
		return -ENOMEM;
	if (table->free != SA_NONE) {
		place = table->free;
		table->free = table->entries[place].next;
	} else {
		place = table->n_entries++;
	}
	table->entries[place] = sa_entry_of(sa);
	bucket = entry_bucket(table, &table->entries[place]);
	table->entries[place].next = *bucket;
	*bucket = place;
	table->n_used++;
	*ret_place = place;
	return 0;
}

void sa_table_remove(struct sa_table *table, uint32_t place)
{
	struct sa_entry *entry = &table->entries[place];
	uint32_t *link = entry_bucket(table, entry);

	while (*link != place)
		link = &table->entries[*link].next;
	*link = entry->next;
	entry->state = ENTRY_FREE;
	entry->next = table->free;
	table->free = place;
	table->n_used--;
}

struct sa_group *sa_table_find_group(struct sa_table *table, uint64_t key)
{
	struct sa_group *group;

	if (!table->n_group_places)
		return NULL;
	group = &table->groups[group_slot(table, key)];
	return group->key ? group : NULL;
}

struct sa_group *sa_table_group(struct sa_table *table, uint64_t key)
{
	struct sa_group *group = &table->groups[group_slot(table, key)];

	if (!group->key) {
		*group = (struct sa_group){key, SA_NONE, SA_NONE, {0, 0}};
		table->n_groups++;
	}
	return group;
}

/* Closes the gap: every later group of the run moves up if its place allows. */
static void close_gap(struct sa_table *table, uint32_t hole)
{
	uint32_t mask = table->n_group_places - 1;
	uint32_t i = hole;

	for (;;) {
		uint32_t home;

		i = (i + 1) & mask;
		if (!table->groups[i].key)
			return;
		home = (uint32_t)hash_mix(HASH_START, table->groups[i].key) & mask;
		if (((i - home) & mask) < ((i - hole) & mask))
			continue;
		table->groups[hole] = table->groups[i];
		table->groups[i].key = 0;
		hole = i;
	}
}

void sa_table_trim_group(struct sa_table *table, struct sa_group *group)
{
	if (group->oldest != SA_NONE || group->count[0] || group->count[1])
		return;
	group->key = 0;
	table->n_groups--;
	close_gap(table, (uint32_t)(group - table->groups));
}

/* The member after which an entry belongs, SA_NONE for the front. */
static uint32_t place_in_group(const struct sa_table *table,
			       const struct sa_group *group, uint64_t born,
			       enum sa_table_order order)
{
	uint32_t after = group->youngest;

	if (order == SA_TABLE_YOUNGEST)
		return after;
	/* A dump runs from young to old: its entries mostly go to the front. */
	if (order == SA_TABLE_DUMPED && group->oldest != SA_NONE &&
	    born <= table->entries[group->oldest].born)
		return SA_NONE;
	while (after != SA_NONE) {
		uint64_t there = table->entries[after].born;

		if (there < born || (there == born && order == SA_TABLE_BY_TIME))
			break;
		after = table->entries[after].older;
	}
	return after;
}

void sa_table_join(struct sa_table *table, uint64_t key, uint32_t place,
		   enum sa_table_order order)
{
	struct sa_group *group = sa_table_group(table, key);
	struct sa_entry *entry = &table->entries[place];

	entry->older = place_in_group(table, group, entry->born, order);
	entry->younger = entry->older == SA_NONE ? group->oldest
						 : table->entries[entry->older].younger;
	if (entry->older == SA_NONE)
		group->oldest = place;
	else
		table->entries[entry->older].younger = place;
	if (entry->younger == SA_NONE)
		group->youngest = place;
	else
		table->entries[entry->younger].older = place;
	entry->grouped = 1;
}

void sa_table_leave(struct sa_table *table, uint64_t key, uint32_t place)
{
	struct sa_group *group = sa_table_find_group(table, key);
	struct sa_entry *entry = &table->entries[place];

	if (entry->older == SA_NONE)
		group->oldest = entry->younger;
	else
		table->entries[entry->older].younger = entry->younger;
	if (entry->younger == SA_NONE)
		group->youngest = entry->older;
	else
		table->entries[entry->younger].older = entry->older;
	entry->older = entry->younger = SA_NONE;
	entry->grouped = 0;
	sa_table_trim_group(table, group);
}
