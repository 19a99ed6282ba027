/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ledger/sa_table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "util/hash.h"

enum {
	MIN_BUCKETS = 64,
	CHUNK_SIZE = 64,
};

struct sa_chunk {
	struct sa_chunk *next;
	struct sa_entry entries[CHUNK_SIZE];
};

void sa_table_init(struct sa_table *table)
{
	*table = (struct sa_table){.n = 0};
	TAILQ_INIT(&table->all);
	TAILQ_INIT(&table->observed);
	TAILQ_INIT(&table->free);
}

void sa_table_clear(struct sa_table *table)
{
	struct sa_chunk *next;

	for (struct sa_chunk *chunk = table->chunks; chunk; chunk = next) {
		next = chunk->next;
		free(chunk);
	}
	free(table->by_key);
	free(table->by_move);
	free(table->by_siblings);
	sa_table_init(table);
}

bool sa_same_key(const struct sa *a, const struct sa *b)
{
	return a->spi == b->spi && a->acquire == b->acquire && a->proto == b->proto &&
	       a->family == b->family && a->mark == b->mark &&
	       a->mark_mask == b->mark_mask &&
	       !memcmp(&a->daddr, &b->daddr, sizeof(a->daddr));
}

bool sa_same_move(const struct sa *a, const struct sa *b)
{
	return a->spi == b->spi && a->reqid == b->reqid && a->mark == b->mark &&
	       a->if_id == b->if_id && a->proto == b->proto && a->mode == b->mode;
}

/* The number of buckets is a power of two. */
static size_t bucket_of(const struct sa_table *table, uint64_t hash)
{
	return (size_t)hash & (table->n_buckets - 1);
}

static size_t key_bucket(const struct sa_table *table, const struct sa *sa)
{
	uint64_t hash = hash_mix(hash_mix_addr(HASH_START, &sa->daddr),
				 (uint64_t)sa->spi << 8 | sa->proto);

	return bucket_of(table, hash);
}

static size_t move_bucket(const struct sa_table *table, const struct sa *sa)
{
	uint64_t hash = hash_mix(hash_mix(HASH_START, sa->reqid),
				 (uint64_t)sa->spi << 8 | sa->proto);

	return bucket_of(table, hash);
}

static struct sa_list *siblings_bucket(const struct sa_table *table,
				       const struct sa_entry *entry)
{
	return &table->by_siblings[bucket_of(table, entry->siblings_hash)];
}

struct sa_bucket *sa_table_by_key(const struct sa_table *table, const struct sa *sa)
{
	return table->n ? &table->by_key[key_bucket(table, sa)] : NULL;
}

struct sa_list *sa_table_by_move(const struct sa_table *table, const struct sa *sa)
{
	return table->n ? &table->by_move[move_bucket(table, sa)] : NULL;
}

static uint64_t siblings_hash(const struct sa *sa)
{
	uint64_t hash =
	    hash_mix_addr(hash_mix_addr(HASH_START, &sa->saddr), &sa->daddr);

	hash = hash_mix(hash, (uint64_t)sa->reqid << 32 | sa->if_id);
	hash = hash_mix(hash, (uint64_t)sa->mark << 32 | sa->mark_mask);
	hash = hash_mix(hash,
			(uint64_t)sa->pcpu << 32 | (uint64_t)sa->proto << 8 | sa->mode);
	return hash_mix(hash, sa->selector);
}

/* Entries. */

static void list_entry(struct sa_table *table, struct sa_entry *entry)
{
	LIST_INSERT_HEAD(&table->by_key[key_bucket(table, &entry->sa)], entry, by_key);
	TAILQ_INSERT_TAIL(&table->by_move[move_bucket(table, &entry->sa)], entry,
			  by_move);
	if (entry->is_sibling && !entry->younger)
		TAILQ_INSERT_TAIL(siblings_bucket(table, entry), entry, by_siblings);
}

/* Keeps the order of each by_move bucket. */
static int grow(struct sa_table *table)
{
	size_t n = table->n_buckets ? table->n_buckets * 2 : MIN_BUCKETS;
	struct sa_table old = *table;
	struct sa_entry *entry;

	table->by_key = calloc(n, sizeof(*table->by_key));
	table->by_move = malloc(n * sizeof(*table->by_move));
	table->by_siblings = malloc(n * sizeof(*table->by_siblings));
	if (!table->by_key || !table->by_move || !table->by_siblings) {
		free(table->by_key);
		free(table->by_move);
		free(table->by_siblings);
		*table = old;
		return -ENOMEM;
	}
	table->n_buckets = n;
	for (size_t i = 0; i < n; i++) {
		TAILQ_INIT(&table->by_move[i]);
		TAILQ_INIT(&table->by_siblings[i]);
	}
	for (size_t i = 0; i < old.n_buckets; i++)
		while ((entry = TAILQ_FIRST(&old.by_move[i]))) {
			TAILQ_REMOVE(&old.by_move[i], entry, by_move);
			list_entry(table, entry);
		}
	free(old.by_key);
	free(old.by_move);
	free(old.by_siblings);
	return 0;
}

static int add_chunk(struct sa_table *table)
{
	struct sa_chunk *chunk = malloc(sizeof(*chunk));

	if (!chunk)
		return -ENOMEM;
	chunk->next = table->chunks;
	table->chunks = chunk;
	for (size_t i = 0; i < CHUNK_SIZE; i++)
		TAILQ_INSERT_TAIL(&table->free, &chunk->entries[i], all);
	return 0;
}

int sa_table_reserve(struct sa_table *table, size_t n)
{
	const struct sa_entry *entry;
	size_t n_free = 0;
	int err = 0;

	TAILQ_FOREACH(entry, &table->free, all)
		n_free++;
	for (; n_free < n && !err; n_free += CHUNK_SIZE)
		err = add_chunk(table);
	while (table->n + n > table->n_buckets && !err)
		err = grow(table);
	return err;
}

static struct sa_entry *take_free(struct sa_table *table)
{
	struct sa_entry *entry;

	if (TAILQ_EMPTY(&table->free) && add_chunk(table) < 0)
		return NULL;
	entry = TAILQ_FIRST(&table->free);
	TAILQ_REMOVE(&table->free, entry, all);
	return entry;
}

struct sa_entry *sa_table_add(struct sa_table *table, const struct sa *sa,
			      enum entry_state state)
{
	struct sa_entry *entry;

	if (table->n == table->n_buckets && grow(table) < 0)
		return NULL;
	entry = take_free(table);
	if (!entry)
		return NULL;
	*entry = (struct sa_entry){
	    .sa = *sa,
	    .born = sa->add_time,
	    .state = state,
	    .siblings_hash = siblings_hash(sa),
	};
	TAILQ_INSERT_TAIL(&table->all, entry, all);
	if (state == ENTRY_OBSERVED)
		TAILQ_INSERT_TAIL(&table->observed, entry, in_observed);
	list_entry(table, entry);
	table->n++;
	return entry;
}

void sa_table_remove(struct sa_table *table, struct sa_entry *entry)
{
	sa_table_leave_siblings(table, entry);
	if (entry->state == ENTRY_OBSERVED)
		TAILQ_REMOVE(&table->observed, entry, in_observed);
	LIST_REMOVE(entry, by_key);
	TAILQ_REMOVE(&table->by_move[move_bucket(table, &entry->sa)], entry, by_move);
	TAILQ_REMOVE(&table->all, entry, all);
	TAILQ_INSERT_HEAD(&table->free, entry, all);
	table->n--;
}

void sa_table_move_front(struct sa_table *table, struct sa_entry *entry)
{
	struct sa_list *list = &table->by_move[move_bucket(table, &entry->sa)];

	TAILQ_REMOVE(list, entry, by_move);
	TAILQ_INSERT_HEAD(list, entry, by_move);
}

/* Siblings. */

struct sa_entry *sa_table_youngest(const struct sa_table *table,
				   const struct sa_entry *entry)
{
	struct sa_entry *youngest;

	TAILQ_FOREACH(youngest, siblings_bucket(table, entry), by_siblings)
		if (youngest->siblings_hash == entry->siblings_hash)
			break;
	return youngest;
}

static bool is_before(const struct sa_entry *entry, const struct sa_entry *there)
{
	return entry->born < there->born ||
	       (entry->born == there->born && entry->from_dump && !there->from_dump);
}

void sa_table_join_siblings(struct sa_table *table, struct sa_entry *entry, bool newest)
{
	struct sa_list *list = siblings_bucket(table, entry);
	struct sa_entry *younger = NULL;
	struct sa_entry *older;

	if (entry->direction != SA_DIR_OUT || !entry->sa.reqid)
		return;
	older = sa_table_youngest(table, entry);
	while (!newest && older && is_before(entry, older)) {
		younger = older;
		older = older->older;
	}
	entry->is_sibling = true;
	entry->older = older;
	entry->younger = younger;
	if (older)
		older->younger = entry;
	if (younger) {
		younger->older = entry;
		return;
	}
	if (older)
		TAILQ_REMOVE(list, older, by_siblings);
	TAILQ_INSERT_TAIL(list, entry, by_siblings);
}

void sa_table_leave_siblings(struct sa_table *table, struct sa_entry *entry)
{
	struct sa_list *list = siblings_bucket(table, entry);

	if (!entry->is_sibling)
		return;
	if (entry->older)
		entry->older->younger = entry->younger;
	if (entry->younger) {
		entry->younger->older = entry->older;
	} else {
		TAILQ_REMOVE(list, entry, by_siblings);
		if (entry->older)
			TAILQ_INSERT_TAIL(list, entry->older, by_siblings);
	}
	entry->is_sibling = false;
	entry->older = entry->younger = NULL;
}
