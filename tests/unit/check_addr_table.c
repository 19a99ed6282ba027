/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ledger/addr_table.h"

#include <string.h>

#include "messages.h"
#include "runner.h"
#include "util/hash.h"

CHAPTER(NULL, NULL);

static struct in6_addr addr_number(unsigned i)
{
	struct in6_addr addr = addr_of("2001:db8::");

	memcpy(&addr.s6_addr[12], &i, sizeof(i));
	return addr;
}

TEST(an_address_has_one_number_while_it_is_used)
{
	struct addr_table table = {.n = 0};
	const struct in6_addr a = addr_number(1);
	const struct in6_addr b = addr_number(2);
	uint32_t first = addr_table_take(&table, &a);
	uint32_t other = addr_table_take(&table, &b);

	ck_assert_uint_ne(first, 0);
	ck_assert_uint_ne(other, 0);
	ck_assert_uint_ne(first, other);
	ck_assert_uint_eq(addr_table_take(&table, &a), first);
	addr_table_drop(&table, first);
	ck_assert_uint_eq(addr_table_take(&table, &a), first);
	ck_assert(!memcmp(addr_table_get(&table, other), &b, sizeof(b)));
	addr_table_clear(&table);
}

/* A gateway whose peers come and go needs no more room than there are at once. */
TEST(numbers_are_used_again)
{
	enum { AT_ONCE = 100, COME = 10000 };
	struct addr_table table = {.n = 0};
	uint32_t numbers[AT_ONCE] = {0};

	for (unsigned i = 0; i < COME; i++) {
		const struct in6_addr addr = addr_number(i);
		uint32_t *number = &numbers[i % AT_ONCE];

		if (*number)
			addr_table_drop(&table, *number);
		*number = addr_table_take(&table, &addr);
		if (memcmp(addr_table_get(&table, *number), &addr, sizeof(addr)) != 0)
			ck_abort_msg("number %u is of another address", *number);
	}
	for (unsigned i = COME - AT_ONCE; i < COME; i++) {
		const struct in6_addr addr = addr_number(i);

		ck_assert_uint_eq(addr_table_take(&table, &addr), numbers[i % AT_ONCE]);
	}
	ck_assert_uint_eq(table.n, AT_ONCE);
	addr_table_clear(&table);
	ck_assert_uint_eq(table.n, 0);
}

TEST(reserved_room_is_there)
{
	struct addr_table table = {.n = 0};

	ck_assert_int_eq(addr_table_reserve(&table, 1000), 0);
	ck_assert_uint_ge(table.n_buckets, 1000);
	for (unsigned i = 0; i < 1000; i++) {
		const struct in6_addr addr = addr_number(i);
		const struct addr_slot *slots = table.slots;

		addr_table_take(&table, &addr);
		ck_assert_ptr_eq(table.slots, slots);
	}
	addr_table_clear(&table);
}

/* A gateway's peers often differ in one byte, wherever that is. */
TEST(what_differs_in_any_byte_is_spread)
{
	enum { BUCKETS = 256 };

	for (unsigned byte = 0; byte < 16; byte++) {
		bool used[BUCKETS] = {false};
		unsigned n_used = 0;

		for (unsigned i = 0; i < BUCKETS; i++) {
			struct in6_addr addr = addr_of("2001:db8::1");
			size_t bucket;

			addr.s6_addr[byte] = (uint8_t)i;
			bucket = hash_mix_addr(HASH_START, &addr) % BUCKETS;
			n_used += !used[bucket];
			used[bucket] = true;
		}
		/* 162 at random */
		ck_assert_uint_gt(n_used, 120);
	}
}
