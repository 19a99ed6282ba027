/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Addresses by number: each is in the table once, as long as something uses it. So an
 * address of 16 bytes takes four where it is used, and two are the same if their
 * numbers are. Pure.
 */

struct addr_slot {
	struct in6_addr addr;
	uint32_t users; /* 0: free */
	uint32_t next;  /* in its bucket, or of the free ones; 0: none */
};

struct addr_table {
	struct addr_slot *slots; /* that of number i is slots[i - 1] */
	uint32_t *buckets;       /* numbers; the first of each */
	size_t n;                /* slots, free ones included */
	size_t n_free;
	size_t n_buckets; /* a power of two, or 0 */
	uint32_t free;
};

/* The number of an address, from 1, which is one more use of it. Returns 0 if there is
 * no memory. A table begins with zeros alone. */
uint32_t addr_table_take(struct addr_table *table, const struct in6_addr *addr);

/* One use less. */
void addr_table_drop(struct addr_table *table, uint32_t number);

/* Makes room for n more addresses. Returns 0 or -ENOMEM. */
int addr_table_reserve(struct addr_table *table, size_t n);

void addr_table_clear(struct addr_table *table);

/* Valid until the next address is taken. */
static inline const struct in6_addr *addr_table_get(const struct addr_table *table,
						    uint32_t number)
{
	return &table->slots[number - 1].addr;
}
