/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "world.h"

#include <arpa/inet.h>
#include <check.h>
#include <stdio.h>
#include <string.h>

#include "collector/sa_list.h"
#include "runner.h"

/* The list of SAs, each with its row and its peer, and why. */

static struct sa_list list;

static void setup(void)
{
	world_setup();
	list = (struct sa_list){.n = 0};
}

static void teardown(void)
{
	sa_list_free(&list);
	world_teardown();
}

CHAPTER(setup, teardown);

static void add_sa(const char *saddr, const char *daddr, uint32_t spi)
{
	struct sa_values sa = sa_values_of(saddr, daddr, spi);

	sa.bytes = 1000 * spi;
	fake_kernel_sa(&kernel, &sa);
}

static const struct listed_sa *find(uint32_t spi)
{
	for (size_t i = 0; i < list.n; i++)
		if (list.sas[i].sa.spi == spi)
			return &list.sas[i];
	ck_abort_msg("no SA %#x", spi);
}

static void poll_and_list(void)
{
	poll_well();
	sa_list_free(&list);
	ck_assert_int_eq(collector_list_sas(collector, &list), 0);
	sa_list_sort(&list);
}

TEST(an_sa_with_row_peer_and_reasons)
{
	OPEN("mine local 10.0.0.1");
	add_sa("10.0.0.1", "192.0.2.1", 1);
	add_sa("192.0.2.1", "10.0.1.1", 2);
	poll_and_list();
	ck_assert_uint_eq(list.n, 2);
	ck_assert_str_eq(find(1)->instance, "mine");
	ck_assert_str_eq(find(1)->peer, "192.0.2.1");
	ck_assert_str_eq(find(1)->label, "192.0.2.1");
	ck_assert_int_eq(find(1)->direction, SA_DIR_OUT);
	ck_assert_int_eq(find(1)->direction_reason, DIRECTION_BY_ENDS);
	ck_assert_int_eq(find(1)->row_reason, ROW_BY_RULE);
	ck_assert(find(1)->row_holds && find(1)->direction_holds);
	ck_assert(!find(1)->row_is_kept);
	ck_assert_uint_eq(find(1)->sa.sample.bytes, 1000);
	ck_assert_str_eq(find(2)->instance, "unattributed");
	ck_assert_int_eq(find(2)->direction, SA_DIR_IN);
	ck_assert_int_eq(find(2)->row_reason, ROW_UNCLAIMED);
}

/* Between two remote ends. */
TEST(an_sa_of_unknown_direction)
{
	add_sa("198.51.100.1", "192.0.2.1", 1);
	poll_and_list();
	ck_assert_int_eq(find(1)->direction, SA_DIR_UNKNOWN);
	ck_assert_int_eq(find(1)->direction_reason, DIRECTION_BY_NOTHING);
	ck_assert_str_eq(find(1)->peer, PEER_OTHER);
	ck_assert_uint_eq(find(1)->sa.sample.bytes, 0);
}

TEST(a_row_that_no_rule_gives_any_more)
{
	OPEN("mine local 10.0.0.1");
	add_sa("10.0.0.1", "192.0.2.1", 1);
	poll_well();
	RECONFIGURE("mine local 10.0.9.9", "yours local 10.0.0.1");
	poll_and_list();
	ck_assert_str_eq(find(1)->instance, "mine");
	ck_assert(!find(1)->row_holds);
	ck_assert(find(1)->row_is_fixed);
	ck_assert(!find(1)->row_is_kept);
}

/* The order of the SNMP index: shorter names first; then direction, age and SPI. */
TEST(order)
{
	add_sa("10.0.0.1", "192.0.2.10", 1);
	add_sa("192.0.2.1", "10.0.0.1", 5);
	add_sa("10.0.0.1", "192.0.2.1", 4);
	add_sa("10.0.0.1", "192.0.2.1", 3);
	poll_and_list();
	ck_assert_uint_eq(list.n, 4);
	ck_assert_uint_eq(list.sas[0].sa.spi, 5);
	ck_assert_uint_eq(list.sas[1].sa.spi, 3);
	ck_assert_uint_eq(list.sas[2].sa.spi, 4);
	ck_assert_uint_eq(list.sas[3].sa.spi, 1);
}

TEST(names_of_another_namespace)
{
	collector_free(collector);
	collector = make_collector(&kernel, "blue", NULL);
	add_sa("10.0.0.1", "192.0.2.1", 1);
	poll_and_list();
	ck_assert_str_eq(find(1)->instance, "blue/unattributed");
}
