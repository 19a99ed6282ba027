/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collector/collector.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <string.h>

#include "fake_kernel.h"
#include "kernel/local_route.h"
#include "runner.h"

/*
 * Addresses that are local but not on an interface: bytes count in the right direction,
 * and configured instances are active. The host has 10.0.0.1 on an interface. The SAs
 * have no replay window, so only the addresses show their direction.
 */

#define SECOND UINT64_C(1000000000)

static struct fake_kernel kernel;
static struct collector *collector;
static struct snapshot snapshot;

static void open_collector(const char *line)
{
	const struct collector_options options = {.netns = "",
						  .sysfs_root = NULL,
						  .stale_after = 60 * SECOND,
						  .peers = &peer_config_default};
	struct instance_set set;
	char error[200];

	ck_assert_int_eq(instance_set_init(&set), 0);
	if (line)
		ck_assert_int_eq(
		    instance_set_add_line(&set, line, error, sizeof(error)), 0);
	collector_free(collector);
	collector = collector_new(&fake_kernel_ops, &kernel, &options, &set);
	ck_assert_ptr_nonnull(collector);
	instance_set_free(&set);
}

static void setup(void)
{
	kernel = (struct fake_kernel){.now = 1000 * SECOND,
				      .xfrm_stat = "XfrmInNoStates\t0\n"};
	fake_kernel_addr(&kernel, "10.0.0.1", 2);
	collector = NULL;
	snapshot = (struct snapshot){0};
	open_collector(NULL);
}

static void teardown(void)
{
	snapshot_free(&snapshot);
	collector_free(collector);
	fake_kernel_free(&kernel);
}

static void poll_after(uint64_t ns)
{
	kernel.now += ns;
	ck_assert_int_eq(collector_poll(collector), 0);
}

static const struct snapshot_row *row(const char *name)
{
	snapshot_free(&snapshot);
	ck_assert_int_eq(collector_snapshot(collector, &snapshot), 0);
	snapshot_sort(&snapshot);
	return snapshot_find(&snapshot, name);
}

static uint64_t received(const char *name)
{
	return row(name)->stats.confidential_bytes_received;
}

static uint64_t sent(const char *name)
{
	return row(name)->stats.confidential_bytes_sent;
}

#define ALL INSTANCE_UNATTRIBUTED

static struct sa_values sa_between(const char *saddr, const char *daddr)
{
	static uint32_t spi;
	struct sa_values sa = sa_values_of(saddr, daddr, ++spi);

	sa.bytes = 300;
	sa.packets = 3;
	return sa;
}

static void sad_has(const struct sa_values *sa)
{
	fake_kernel_clear(&kernel.dumps[KERNEL_DUMP_SAD]);
	if (sa)
		fake_kernel_sa(&kernel, sa);
}

CHAPTER(setup, teardown);

TEST(bytes_to_an_address_that_is_local_by_route)
{
	static const struct {
		const char *route;
		uint8_t len;
		const char *local, *remote;
	} cases[] = {
	    {"10.9.0.0", 16, "10.9.0.1", "192.0.2.1"},
	    {"2001:db8:9::", 48, "2001:db8:9::1", "2001:db8::2"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct sa_values in = sa_between(cases[i].remote, cases[i].local);
		struct sa_values out = sa_between(cases[i].local, cases[i].remote);

		fake_kernel_route(&kernel, cases[i].route, cases[i].len, RTN_LOCAL);
		out.bytes = 200;
		sad_has(&in);
		fake_kernel_sa(&kernel, &out);
		open_collector(NULL);
		poll_after(0);
		ck_assert_uint_eq(received(ALL), 300);
		ck_assert_uint_eq(sent(ALL), 200);
		ck_assert_uint_eq(row(ALL)->stats.active_tunnels, 1);
	}
}

TEST(bytes_to_a_group)
{
	const struct sa_values in = sa_between("192.0.2.1", "239.1.2.3");

	sad_has(&in);
	poll_after(0);
	ck_assert_uint_eq(received(ALL), 300);
}

/* Both messages are read at once, after the SA has ended. */
TEST(an_sa_that_lives_between_two_polls)
{
	struct sa_values sa = sa_between("192.0.2.1", "10.9.0.1");
	uint64_t discontinuity;

	fake_kernel_route(&kernel, "10.9.0.0", 16, RTN_LOCAL);
	poll_after(0);
	discontinuity = row(ALL)->discontinuity;
	sa.bytes = sa.packets = 0;
	fake_kernel_event(&kernel, message_newsa(XFRM_MSG_NEWSA, &sa));
	sa.bytes = 300;
	sa.packets = 3;
	fake_kernel_event(&kernel, message_delsa(&sa));
	poll_after(5 * SECOND);
	poll_after(5 * SECOND);
	ck_assert_uint_eq(received(ALL), 300);
	ck_assert_uint_eq(row(ALL)->discontinuity, discontinuity);
}

/* No byte is lost if the route is added after the SA. */
TEST(the_route_comes_after_the_sa)
{
	struct sa_values sa = sa_between("192.0.2.1", "10.9.0.1");

	sad_has(&sa);
	poll_after(0);
	ck_assert_uint_eq(received(ALL), 0);
	fake_kernel_route(&kernel, "10.9.0.1", 32, RTN_LOCAL);
	sa.bytes = 500;
	sa.packets = 5;
	sad_has(&sa);
	poll_after(LOCAL_ROUTES_GOOD_NS);
	ck_assert_uint_eq(received(ALL), 500);
	ck_assert_uint_eq(sent(ALL), 0);
}

/* With TPROXY, no address shows the direction. */
TEST(the_policy_shows_the_direction_where_no_address_does)
{
	const struct sa_values sa = sa_between("192.0.2.1", "198.51.100.1");
	const struct policy_values policy = {
	    .saddr = "0.0.0.0",
	    .daddr = "0.0.0.0",
	    .dir = XFRM_POLICY_IN,
	    .n_templates = 1,
	    .templates = {{.family = AF_INET, .mode = XFRM_MODE_TUNNEL, .reqid = 1}},
	};

	sad_has(&sa);
	fake_kernel_policy(&kernel, &policy);
	poll_after(0);
	ck_assert_uint_eq(received(ALL), 300);
}

/* A poll compares only so many policies with SAs. The next one goes on with those SAs
 * whose direction it still does not know. */
TEST(more_policies_than_a_poll_compares)
{
	enum { POLICIES = 3000, SAS = 3000 };
	struct policy_values policy = {
	    .saddr = "0.0.0.0",
	    .daddr = "0.0.0.0",
	    .dir = XFRM_POLICY_IN,
	    .n_templates = 1,
	    .templates = {{.family = AF_INET, .mode = XFRM_MODE_TUNNEL, .reqid = 1}},
	};
	uint64_t first;
	unsigned polls = 1;

	for (unsigned i = 0; i < POLICIES; i++) {
		policy.priority = i;
		fake_kernel_policy(&kernel, &policy);
	}
	for (unsigned i = 0; i < SAS; i++) {
		const struct sa_values sa = sa_between("192.0.2.1", "198.51.100.1");

		fake_kernel_sa(&kernel, &sa);
	}
	poll_after(0);
	first = received(ALL);
	ck_assert_uint_gt(first, 0);
	ck_assert_uint_lt(first, 300 * SAS);
	for (; received(ALL) < 300 * SAS && polls < 10; polls++)
		poll_after(SECOND);
	ck_assert_uint_eq(received(ALL), 300 * SAS);
	ck_assert_uint_gt(polls, 1);
}

TEST(no_lookups_on_an_ordinary_host)
{
	struct sa_values in = sa_between("192.0.2.1", "10.0.0.1");
	struct sa_values out = sa_between("10.0.0.1", "192.0.2.1");

	open_collector("a local 10.0.0.1");
	sad_has(&in);
	fake_kernel_sa(&kernel, &out);
	poll_after(0);
	fake_kernel_event(&kernel, message_delsa(&in));
	sad_has(NULL);
	poll_after(5 * SECOND);
	ck_assert_uint_eq(received("a"), 300);
	ck_assert_uint_eq(kernel.n_lookups, 0);
}

/* 20,000 SAs without a local end: each address is looked up once, within the budget
 * of each poll, and another poll is wanted until all are known. */
TEST(a_gateway_with_many_unknown_ends)
{
	enum { N = 20000 };
	unsigned polls = 0;
	unsigned all = 0;

	for (unsigned i = 0; i < N; i++) {
		char text[INET_ADDRSTRLEN];
		struct sa_values sa = sa_between("192.0.2.1", text);

		snprintf(text, sizeof(text), "172.16.%u.%u", i >> 8, i & 255);
		sa.packets = 0;
		sa.bytes = 0;
		fake_kernel_sa(&kernel, &sa);
	}
	do {
		kernel.n_lookups = 0;
		poll_after(SECOND / 50);
		ck_assert_uint_le(kernel.n_lookups, LOCAL_ROUTES_BUDGET);
		all += kernel.n_lookups;
		polls++;
	} while (collector_wants_poll(collector) && polls < 100);
	ck_assert_uint_eq(all, N + 1);
	ck_assert_uint_eq(polls, (N + 1) / LOCAL_ROUTES_BUDGET + 1);
	kernel.n_lookups = 0;
	poll_after(SECOND);
	ck_assert_uint_eq(kernel.n_lookups, 0);
}

TEST(lookups_that_fail_stop_nothing)
{
	struct sa_values sa = sa_between("192.0.2.1", "10.9.0.1");

	fake_kernel_route(&kernel, "10.9.0.0", 16, RTN_LOCAL);
	kernel.route_type_error = -ETIMEDOUT;
	sad_has(&sa);
	poll_after(0);
	ck_assert_uint_eq(row(ALL)->stats.active_sa, 1);
	ck_assert_uint_eq(kernel.n_lookups, 1);
	kernel.route_type_error = 0;
	poll_after(SECOND);
	ck_assert_uint_eq(received(ALL), 300);
}

/* Configured instances. */

TEST(an_instance_whose_address_is_local_by_route)
{
	static const struct {
		const char *line;
		const char *route;
		uint8_t len;
	} cases[] = {
	    {"vip local 10.9.0.1", "10.9.0.1", 32},
	    {"vip local 10.9.0.1", "10.9.0.0", 16},
	    {"vip local 10.9.0.0/24", "10.0.0.0", 8},
	    {"vip local 2001:db8:9::1", "2001:db8:9::", 48},
	    {"vip local 2001:db8:9::/64", "2001:db8:9::", 48},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		kernel.n_local_routes = 0;
		open_collector(cases[i].line);
		poll_after(0);
		ck_assert(!row("vip")->active);
		fake_kernel_route(&kernel, cases[i].route, cases[i].len, RTN_LOCAL);
		poll_after(LOCAL_ROUTES_GOOD_NS);
		ck_assert(row("vip")->active);
		kernel.n_local_routes = 0;
		poll_after(LOCAL_ROUTES_GOOD_NS);
		ck_assert(!row("vip")->active);
	}
}

TEST(an_instance_for_a_group)
{
	const struct sa_values in = sa_between("192.0.2.1", "239.1.2.3");

	open_collector("group local 239.1.2.3");
	sad_has(&in);
	poll_after(0);
	ck_assert(row("group")->active);
	ck_assert_uint_eq(received("group"), 300);
	ck_assert_uint_eq(row(ALL)->stats.active_sa, 0);
}

/* A route to a part of the prefix: only the SAs show that it exists. */
TEST(an_instance_for_a_prefix_of_which_a_part_is_local)
{
	const struct sa_values in = sa_between("192.0.2.1", "10.9.0.7");

	open_collector("vip local 10.9.0.0/24");
	fake_kernel_route(&kernel, "10.9.0.7", 32, RTN_LOCAL);
	poll_after(0);
	ck_assert(!row("vip")->active);
	sad_has(&in);
	poll_after(SECOND);
	ck_assert(row("vip")->active);
	ck_assert_uint_eq(received("vip"), 300);
	fake_kernel_event(&kernel, message_delsa(&in));
	sad_has(NULL);
	poll_after(SECOND);
	poll_after(SECOND);
	ck_assert(!row("vip")->active);
}

TEST(an_instance_for_marked_traffic)
{
	kernel.local_routes[kernel.n_local_routes++] =
	    (struct fake_route){.addr = addr_of("10.9.0.1"),
				.family = AF_INET,
				.len = 32,
				.type = RTN_LOCAL,
				.mark = 7};
	open_collector("vip local 10.9.0.1");
	poll_after(0);
	ck_assert(!row("vip")->active);
	open_collector("vip local 10.9.0.1 mark 7");
	poll_after(0);
	ck_assert(row("vip")->active);
}
