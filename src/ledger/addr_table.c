/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ledger/addr_table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "util/array.h"
#include "util/hash.h"

enum { MIN_BUCKETS = 16 };

static uint32_t *bucket_of(const struct addr_table *table, const struct in6_addr *addr)
{
	uint64_t hash = hash_mix_addr(HASH_START, addr);

	return &table->buckets[(size_t)hash & (table->n_buckets - 1)];
}

static void list_slot(struct addr_table *table, uint32_t number)
{
	struct addr_slot *slot = &table->slots[number - 1];
	uint32_t *bucket = bucket_of(table, &slot->addr);

	slot->next = *bucket;
	*bucket = number;
}

static int grow_buckets(struct addr_table *table, size_t n)
{
	uint32_t *buckets = calloc(n, sizeof(*buckets));

	if (!buckets)
		return -ENOMEM;
	free(table->buckets);
	table->buckets = buckets;
	table->n_buckets = n;
	for (uint32_t number = 1; number <= table->n; number++)
		if (table->slots[number - 1].users)
			list_slot(table, number);
	return 0;
}

/* The new slots are free, the first of them first. */
static int add_slots(struct addr_table *table, size_t n)
{
	if (array_reserve(&table->slots, table->n, n) < 0)
		return -ENOMEM;
	table->n += n;
	table->n_free += n;
	for (size_t number = table->n; n > 0; n--, number--) {
		table->slots[number - 1] = (struct addr_slot){.next = table->free};
		table->free = (uint32_t)number;
	}
	return 0;
}

int addr_table_reserve(struct addr_table *table, size_t n)
{
	size_t more = n > table->n_free ? n - table->n_free : 0;
	size_t n_buckets = table->n_buckets ? table->n_buckets : MIN_BUCKETS;

	if (table->n + more > UINT32_MAX)
		return -ENOMEM;
	while (n_buckets < table->n + more)
		n_buckets *= 2;
	if (n_buckets > table->n_buckets && grow_buckets(table, n_buckets) < 0)
		return -ENOMEM;
	return more ? add_slots(table, more) : 0;
}

static uint32_t take_free(struct addr_table *table)
{
	uint32_t number = table->free;

	table->free = table->slots[number - 1].next;
	table->n_free--;
	return number;
}

uint32_t addr_table_take(struct addr_table *table, const struct in6_addr *addr)
{
	uint32_t number = table->n_buckets ? *bucket_of(table, addr) : 0;

	while (number &&
	       memcmp(addr_table_get(table, number), addr, sizeof(*addr)) != 0)
		number = table->slots[number - 1].next;
	if (!number) {
		if (addr_table_reserve(table, 1) < 0)
			return 0;
		number = take_free(table);
		table->slots[number - 1] = (struct addr_slot){.addr = *addr};
		list_slot(table, number);
	}
	table->slots[number - 1].users++;
	return number;
}

void addr_table_drop(struct addr_table *table, uint32_t number)
{
	struct addr_slot *slot = &table->slots[number - 1];
	uint32_t *at = bucket_of(table, &slot->addr);

	if (--slot->users > 0)
		return;
	while (*at != number)
		at = &table->slots[*at - 1].next;
	*at = slot->next;
	slot->next = table->free;
	table->free = number;
	table->n_free++;
}

void addr_table_clear(struct addr_table *table)
{
	free(table->slots);
	free(table->buckets);
	*table = (struct addr_table){.n = 0};
}
