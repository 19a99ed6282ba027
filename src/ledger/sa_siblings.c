/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The siblings of an entry, by age. Declared in sa_table.h. */
#include "ledger/sa_table.h"
#include "util/hash.h"

/* Siblings have these in common. */
static bool are_siblings(const struct sa_entry *a, const struct sa_entry *b)
{
	return a->saddr == b->saddr && a->daddr == b->daddr && a->family == b->family &&
	       a->reqid == b->reqid && a->if_id == b->if_id && a->mark == b->mark &&
	       a->mark_mask == b->mark_mask && a->pcpu == b->pcpu &&
	       a->proto == b->proto && a->mode == b->mode && a->selector == b->selector;
}

entry_ref *sa_table_siblings_bucket(const struct sa_table *table,
				    const struct sa_entry *entry)
{
	uint64_t hash =
	    hash_mix(HASH_START, (uint64_t)entry->saddr << 32 | entry->daddr);

	hash = hash_mix(hash, (uint64_t)entry->reqid << 32 | entry->if_id);
	hash = hash_mix(hash, (uint64_t)entry->mark << 32 | entry->pcpu);
	hash = hash_mix(hash, (uint64_t)entry->selector << 16 |
				  (uint64_t)entry->proto << 8 | entry->mode);
	return &table->by_siblings[(size_t)hash & (table->n_buckets - 1)];
}

struct sa_entry *sa_table_youngest(const struct sa_table *table,
				   const struct sa_entry *entry)
{
	struct sa_entry *youngest =
	    sa_table_find(table, *sa_table_siblings_bucket(table, entry));

	while (youngest && !are_siblings(youngest, entry))
		youngest = sa_table_find(table, youngest->younger);
	return youngest;
}

struct sa_entry *sa_table_older(const struct sa_table *table,
				const struct sa_entry *entry)
{
	return entry->is_sibling ? sa_table_find(table, entry->older) : NULL;
}

struct sa_entry *sa_table_younger(const struct sa_table *table,
				  const struct sa_entry *entry)
{
	return entry->is_sibling && !entry->is_youngest
		   ? sa_table_find(table, entry->younger)
		   : NULL;
}

static void enter_bucket(const struct sa_table *table, struct sa_entry *entry)
{
	entry_ref *bucket = sa_table_siblings_bucket(table, entry);

	entry->is_youngest = true;
	entry->younger = *bucket;
	*bucket = entry->self;
}

static void leave_bucket(const struct sa_table *table, struct sa_entry *entry)
{
	sa_table_unlink(table, sa_table_siblings_bucket(table, entry), entry,
			offsetof(struct sa_entry, younger));
	entry->is_youngest = false;
	entry->younger = 0;
}

static bool is_before(const struct sa_entry *entry, const struct sa_entry *there)
{
	if (entry->before_gap != there->before_gap)
		return entry->before_gap; /* whatever the wall clock says */
	if (entry->born != there->born)
		return entry->born < there->born;
	return entry->from_dump && !there->from_dump;
}

void sa_table_join_siblings(struct sa_table *table, struct sa_entry *entry, bool newest)
{
	struct sa_entry *younger = NULL;
	struct sa_entry *older;

	if (entry->direction != SA_DIR_OUT || !entry->reqid)
		return;
	older = sa_table_youngest(table, entry);
	while (!newest && older && is_before(entry, older)) {
		younger = older;
		older = sa_table_older(table, older);
	}
	entry->is_sibling = true;
	entry->older = older ? older->self : 0;
	if (older && !younger)
		leave_bucket(table, older);
	if (older)
		older->younger = entry->self;
	if (younger) {
		entry->younger = younger->self;
		younger->older = entry->self;
	} else {
		enter_bucket(table, entry);
	}
}

void sa_table_leave_siblings(struct sa_table *table, struct sa_entry *entry)
{
	struct sa_entry *older = sa_table_older(table, entry);
	struct sa_entry *younger = sa_table_younger(table, entry);

	if (!entry->is_sibling)
		return;
	if (!younger)
		leave_bucket(table, entry);
	if (younger)
		younger->older = entry->older;
	if (older && younger)
		older->younger = younger->self;
	else if (older)
		enter_bucket(table, older);
	entry->is_sibling = false;
	entry->older = entry->younger = 0;
}
