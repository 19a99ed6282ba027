/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "kernel/local_route.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <string.h>

#include "fake_kernel.h"
#include "messages.h"
#include "runner.h"

static struct fake_kernel kernel;
static struct local_routes routes;

static void setup(void)
{
	kernel = (struct fake_kernel){.now = 0};
	local_routes_init(&routes, fake_kernel_ops.route_type, &kernel);
}

static void teardown(void)
{
	local_routes_free(&routes);
	fake_kernel_free(&kernel);
}

static enum local_kind find(const char *text)
{
	const struct in6_addr addr = addr_of(text);

	return local_routes_find(&routes, family_of(text), &addr, 0);
}

static enum local_kind find_number(unsigned number)
{
	const struct in6_addr addr = {.s6_addr = {10, (uint8_t)(number >> 16),
						  (uint8_t)(number >> 8),
						  (uint8_t)number}};

	return local_routes_find(&routes, AF_INET, &addr, 0);
}

CHAPTER(setup, teardown);

TEST(what_each_type_of_route_says)
{
	static const struct {
		uint8_t type;
		enum local_kind want;
	} cases[] = {
	    {RTN_UNICAST, LOCAL_NO},      {RTN_LOCAL, LOCAL_OWN},
	    {RTN_BROADCAST, LOCAL_GROUP}, {RTN_ANYCAST, LOCAL_OWN},
	    {RTN_MULTICAST, LOCAL_GROUP}, {RTN_BLACKHOLE, LOCAL_NO},
	    {RTN_UNREACHABLE, LOCAL_NO},  {RTN_PROHIBIT, LOCAL_NO},
	    {RTN_NAT, LOCAL_NO},          {255, LOCAL_NO},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		kernel.n_local_routes = 0;
		fake_kernel_route(&kernel, "10.9.0.0", 16, cases[i].type);
		local_routes_free(&routes);
		ck_assert_int_eq(find("10.9.0.1"), cases[i].want);
	}
}

TEST(what_needs_no_route)
{
	ck_assert_int_eq(find("0.0.0.0"), LOCAL_NO);
	ck_assert_int_eq(find("::"), LOCAL_NO);
	ck_assert_int_eq(find("224.0.0.1"), LOCAL_GROUP);
	ck_assert_int_eq(find("239.255.255.255"), LOCAL_GROUP);
	ck_assert_int_eq(find("255.255.255.255"), LOCAL_GROUP);
	ck_assert_int_eq(find("ff02::1"), LOCAL_GROUP);
	ck_assert_uint_eq(kernel.n_lookups, 0);
	ck_assert_int_eq(find("240.0.0.1"), LOCAL_NO);
	ck_assert_int_eq(find("fe80::1"), LOCAL_NO);
	ck_assert_uint_eq(kernel.n_lookups, 2);
}

TEST(an_answer_is_good_for_a_while)
{
	ck_assert_int_eq(find("10.9.0.1"), LOCAL_NO);
	fake_kernel_route(&kernel, "10.9.0.1", 32, RTN_LOCAL);
	local_routes_begin(&routes, LOCAL_ROUTES_GOOD_NS - 1);
	ck_assert_int_eq(find("10.9.0.1"), LOCAL_NO);
	ck_assert_uint_eq(kernel.n_lookups, 1);
	local_routes_begin(&routes, LOCAL_ROUTES_GOOD_NS);
	ck_assert_int_eq(find("10.9.0.1"), LOCAL_OWN);
	ck_assert_int_eq(find("10.9.0.1"), LOCAL_OWN);
	ck_assert_uint_eq(kernel.n_lookups, 2);
	kernel.n_local_routes = 0;
	local_routes_begin(&routes, 2 * LOCAL_ROUTES_GOOD_NS);
	ck_assert_int_eq(find("10.9.0.1"), LOCAL_NO);
}

TEST(family_and_mark_are_part_of_the_question)
{
	const struct in6_addr addr = addr_of("10.9.0.1");

	kernel.local_routes[kernel.n_local_routes++] = (struct fake_route){
	    .addr = addr, .family = AF_INET, .len = 32, .type = RTN_LOCAL, .mark = 7};
	ck_assert_int_eq(local_routes_find(&routes, AF_INET, &addr, 0), LOCAL_NO);
	ck_assert_int_eq(local_routes_find(&routes, AF_INET, &addr, 7), LOCAL_OWN);
	ck_assert_int_eq(local_routes_find(&routes, AF_INET6, &addr, 7), LOCAL_NO);
}

/* A gateway with more unknown addresses than the budget of one poll: all are looked
 * up in turn, within the budget. */
TEST(more_addresses_than_the_budget)
{
	const unsigned n = 5 * LOCAL_ROUTES_BUDGET / 2;
	uint64_t now = LOCAL_ROUTES_GOOD_NS;

	fake_kernel_route(&kernel, "10.0.0.0", 8, RTN_LOCAL);
	for (unsigned poll = 0; poll < 3; poll++) {
		unsigned unknown = 0;

		kernel.n_lookups = 0;
		local_routes_begin(&routes, now + poll);
		for (unsigned i = 0; i < n; i++)
			unknown += find_number(i) == LOCAL_UNKNOWN;
		ck_assert_uint_le(kernel.n_lookups, LOCAL_ROUTES_BUDGET);
		ck_assert_int_eq(routes.starved, poll < 2);
		ck_assert_uint_eq(unknown,
				  poll < 2 ? n - (poll + 1) * LOCAL_ROUTES_BUDGET : 0);
	}
	/* then the answers hold, longer than with few addresses */
	kernel.n_lookups = 0;
	local_routes_begin(&routes, now + 2 * LOCAL_ROUTES_GOOD_NS);
	for (unsigned i = 0; i < n; i++)
		ck_assert_int_eq(find_number(i), LOCAL_OWN);
	ck_assert_uint_eq(kernel.n_lookups, 0);
	/* and are renewed in turn */
	kernel.n_local_routes = 0;
	for (unsigned poll = 0; poll < 3; poll++) {
		unsigned own = 0;

		kernel.n_lookups = 0;
		local_routes_begin(&routes, now + 3 * LOCAL_ROUTES_GOOD_NS + poll);
		for (unsigned i = 0; i < n; i++)
			own += find_number(i) == LOCAL_OWN;
		ck_assert_uint_le(kernel.n_lookups, LOCAL_ROUTES_BUDGET);
		ck_assert(!routes.starved);
		ck_assert_uint_eq(own,
				  poll < 2 ? n - (poll + 1) * LOCAL_ROUTES_BUDGET : 0);
	}
}

TEST(answers_that_nobody_needs_are_dropped)
{
	for (unsigned i = 0; i < 1000; i++)
		find_number(i);
	ck_assert_uint_eq(routes.n, 1000);
	local_routes_begin(&routes, LOCAL_ROUTES_GOOD_NS);
	find_number(7);
	local_routes_begin(&routes, 2 * LOCAL_ROUTES_GOOD_NS);
	ck_assert_uint_eq(routes.n, 1);
	local_routes_begin(&routes, 3 * LOCAL_ROUTES_GOOD_NS);
	ck_assert_uint_eq(routes.n, 0);
	ck_assert_uint_eq(routes.n_slots, 0);
}

/* Directions are decided without it, and the next poll asks again, once. */
TEST(a_kernel_that_does_not_answer)
{
	fake_kernel_route(&kernel, "10.9.0.1", 32, RTN_LOCAL);
	ck_assert_int_eq(find("10.9.0.1"), LOCAL_OWN);
	kernel.route_type_error = -ETIMEDOUT;
	for (unsigned poll = 1; poll <= 3; poll++) {
		kernel.n_lookups = 0;
		local_routes_begin(&routes, poll * LOCAL_ROUTES_GOOD_NS / 2);
		ck_assert_int_eq(find("10.9.0.2"), LOCAL_UNKNOWN);
		ck_assert_int_eq(find("10.9.0.1"), LOCAL_OWN);
		ck_assert_uint_eq(kernel.n_lookups, 1);
		ck_assert(!routes.starved);
	}
	kernel.route_type_error = 0;
	local_routes_begin(&routes, 2 * LOCAL_ROUTES_GOOD_NS);
	ck_assert_int_eq(find("10.9.0.1"), LOCAL_OWN);
	ck_assert_int_eq(find("10.9.0.2"), LOCAL_NO);
}
