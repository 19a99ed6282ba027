/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "instance/attribute.h"

#include <linux/rtnetlink.h>
#include <linux/xfrm.h>
#include <string.h>

#include "fake_kernel.h"
#include "messages.h"
#include "runner.h"

/* A host with two interfaces, in both families. */
static struct local_addrs addrs;
static struct local_routes routes;
static struct fake_kernel kernel;
static struct instance_set set;

static void add_addr(const char *text, uint32_t if_index)
{
	struct nlmsghdr *nlh = message_newaddr(text, text, if_index);

	ck_assert_int_eq(local_addrs_add(&addrs, nlh), 0);
	free(nlh);
}

static void setup(void)
{
	addrs = (struct local_addrs){0};
	kernel = (struct fake_kernel){.now = 0};
	local_routes_init(&routes, fake_kernel_ops.route_type, &kernel);
	add_addr("127.0.0.1", 1);
	add_addr("10.0.0.1", 2);
	add_addr("10.0.1.1", 3);
	add_addr("2001:db8::1", 2);
	local_addrs_sort(&addrs);
	ck_assert_int_eq(instance_set_init(&set), 0);
}

static void teardown(void)
{
	local_addrs_free(&addrs);
	local_routes_free(&routes);
	instance_set_free(&set);
}

static struct sa sa_between(const char *saddr, const char *daddr)
{
	return sa_of(saddr, daddr, 0x100);
}

static enum direction_reason reason; /* of the last direction */

static enum sa_direction direction_by(const struct sa *sa,
				      const struct policy *policies, size_t n_policies)
{
	struct sa_ends ends = attribute_ends(sa, &addrs, &routes);

	return attribute_direction(sa, &ends, policies, n_policies, &reason);
}

static enum sa_direction direction_of(const struct sa *sa)
{
	return direction_by(sa, NULL, 0);
}

static bool needs_policies(const struct sa *sa)
{
	struct sa_ends ends = attribute_ends(sa, &addrs, &routes);

	return attribute_needs_policies(sa, &ends);
}

static unsigned row_of(const struct sa *sa, enum sa_direction direction)
{
	return attribute_instance(&set, &addrs, sa, direction);
}

static void configure(const char *line)
{
	char error[200];

	ck_assert_int_eq(instance_set_add_line(&set, line, error, sizeof(error)), 0);
}

CHAPTER(setup, teardown);

TEST(directions_by_the_first_that_knows)
{
	static const struct {
		const char *src, *dst;
		enum sa_direction declared, sequence;
		bool replay_protected;
		enum sa_direction want;
		enum direction_reason reason;
	} cases[] = {
#define IN SA_DIR_IN
#define OUT SA_DIR_OUT
#define NO SA_DIR_UNKNOWN
	    /* declared by the kernel */
	    {"10.0.0.1", "192.0.2.1", IN, NO, 0, IN, DIRECTION_DECLARED},
	    {"192.0.2.1", "10.0.0.1", OUT, IN, 0, OUT, DIRECTION_DECLARED},
	    /* a local end */
	    {"192.0.2.1", "10.0.0.1", NO, OUT, 0, IN, DIRECTION_BY_ENDS},
	    {"10.0.1.1", "192.0.2.1", NO, IN, 0, OUT, DIRECTION_BY_ENDS},
	    {"2001:db8::2", "2001:db8::1", NO, NO, 0, IN, DIRECTION_BY_ENDS},
	    {"2001:db8::1", "2001:db8::2", NO, NO, 0, OUT, DIRECTION_BY_ENDS},
	    /* both local: policies; with one local end they do not matter */
	    {"10.0.0.1", "10.0.1.1", NO, IN, 0, OUT, DIRECTION_BY_POLICIES},
	    {"10.0.1.1", "10.0.0.1", NO, NO, 0, IN, DIRECTION_BY_POLICIES},
	    {"192.0.2.1", "10.0.1.1", NO, NO, 0, IN, DIRECTION_BY_ENDS},
	    /* sequence numbers in use */
	    {"192.0.2.1", "192.0.2.2", NO, OUT, 0, OUT, DIRECTION_BY_SEQUENCE},
	    {"192.0.2.1", "192.0.2.2", NO, IN, 0, IN, DIRECTION_BY_SEQUENCE},
	    {"10.0.0.1", "10.0.0.1", NO, OUT, 0, OUT, DIRECTION_BY_SEQUENCE},
	    /* nothing; a replay window is not enough */
	    {"192.0.2.1", "192.0.2.2", NO, NO, 0, NO, DIRECTION_BY_NOTHING},
	    {"192.0.2.1", "192.0.2.2", NO, NO, 1, NO, DIRECTION_BY_NOTHING},
	    /* a group as destination, and nothing else */
	    {"192.0.2.1", "239.0.0.1", NO, NO, 0, IN, DIRECTION_BY_GROUP},
	    {"10.0.0.1", "239.0.0.1", NO, NO, 0, OUT, DIRECTION_BY_GROUP},
#undef IN
#undef OUT
#undef NO
	};
	struct policy policies[2] = {{.dir = POLICY_OUT, .n_templates = 1},
				     {.dir = POLICY_IN, .n_templates = 1}};

	policies[0].templates[0] = (struct policy_template){
	    .mode = XFRM_MODE_TUNNEL, .daddr = addr_of("10.0.1.1")};
	policies[1].templates[0] = (struct policy_template){
	    .mode = XFRM_MODE_TUNNEL, .daddr = addr_of("10.0.0.1")};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct sa sa = sa_between(cases[i].src, cases[i].dst);
		bool same = !strcmp(cases[i].src, cases[i].dst);

		sa.declared = cases[i].declared;
		sa.sequence = cases[i].sequence;
		sa.replay_protected = cases[i].replay_protected;
		ck_assert_int_eq(direction_by(&sa, policies, same ? 0 : 2),
				 cases[i].want);
		ck_assert_int_eq(reason, cases[i].reason);
		ck_assert_ptr_nonnull(direction_reason_texts[reason]);
	}
}

/* With both ends local and no policy: sequence numbers, or nothing. */
TEST(both_ends_local_and_no_policy)
{
	struct sa sa = sa_between("10.0.0.1", "10.0.1.1");

	ck_assert_int_eq(direction_of(&sa), SA_DIR_UNKNOWN);
	sa.sequence = SA_DIR_OUT;
	ck_assert_int_eq(direction_of(&sa), SA_DIR_OUT);
}

TEST(families_are_separate)
{
	struct sa sa = sa_between("2001:db8::9",
				  "a00:1::"); /* begins with the bytes of 10.0.0.1 */

	ck_assert_int_eq(direction_of(&sa), SA_DIR_UNKNOWN);
}

TEST(when_policies_are_needed)
{
	struct sa sa = sa_between("10.0.0.1", "10.0.1.1");

	ck_assert(needs_policies(&sa));
	sa.declared = SA_DIR_IN;
	ck_assert(!needs_policies(&sa));
	sa = sa_between("10.0.0.1", "192.0.2.1");
	ck_assert(!needs_policies(&sa));
	/* with no local end they matter, unless sequence numbers show the direction */
	sa = sa_between("192.0.2.1", "192.0.2.2");
	ck_assert(needs_policies(&sa));
	sa.sequence = SA_DIR_IN;
	ck_assert(!needs_policies(&sa));
}

/* A policy of this direction, with a template for an SA to this address. */
static struct policy policy_to(enum policy_dir dir, const char *daddr)
{
	struct policy policy = {.dir = dir, .n_templates = 1};

	policy.templates[0] = (struct policy_template){
	    .mode = XFRM_MODE_TUNNEL, .daddr = addr_of(daddr), .reqid = 1};
	return policy;
}

/* Addresses that are local by a route, not on an interface (AnyIP). */

TEST(a_local_route_is_as_good_as_an_interface)
{
	struct sa sa = sa_between("192.0.2.1", "10.9.0.1");

	ck_assert_int_eq(direction_of(&sa), SA_DIR_UNKNOWN);
	local_routes_begin(&routes, LOCAL_ROUTES_GOOD_NS);
	fake_kernel_route(&kernel, "10.9.0.0", 16, RTN_LOCAL);
	fake_kernel_route(&kernel, "2001:db8:9::", 48, RTN_LOCAL);
	fake_kernel_route(&kernel, "2001:db8:a::", 128, RTN_ANYCAST);
	ck_assert_int_eq(direction_of(&sa), SA_DIR_IN);
	sa = sa_between("10.9.0.2", "192.0.2.1");
	ck_assert_int_eq(direction_of(&sa), SA_DIR_OUT);
	sa = sa_between("2001:db8::2", "2001:db8:9::1");
	ck_assert_int_eq(direction_of(&sa), SA_DIR_IN);
	sa = sa_between("2001:db8:9::1", "2001:db8::2");
	ck_assert_int_eq(direction_of(&sa), SA_DIR_OUT);
	sa = sa_between("2001:db8::2", "2001:db8:a::");
	ck_assert_int_eq(direction_of(&sa), SA_DIR_IN);
}

TEST(both_ends_local_by_route)
{
	const struct policy policies[] = {policy_to(POLICY_OUT, "10.9.0.2")};
	struct sa sa = sa_between("10.9.0.1", "10.9.0.2");

	fake_kernel_route(&kernel, "10.9.0.0", 16, RTN_LOCAL);
	ck_assert_int_eq(direction_of(&sa), SA_DIR_UNKNOWN);
	ck_assert_int_eq(direction_by(&sa, policies, 1), SA_DIR_OUT);
	sa.sequence = SA_DIR_IN;
	ck_assert_int_eq(direction_of(&sa), SA_DIR_IN);
}

/* The rule for TPROXY: "fwmark 1 lookup 100", and "local default dev lo" in that
 * table. */
TEST(everything_is_local_to_marked_traffic)
{
	const struct policy policies[] = {policy_to(POLICY_IN, "198.51.100.1")};
	struct sa sa = sa_between("192.0.2.1", "198.51.100.1");

	kernel.local_routes[kernel.n_local_routes++] = (struct fake_route){
	    .family = AF_INET, .len = 0, .type = RTN_LOCAL, .mark = 1};
	/* with this mark, addresses do not show the direction */
	for (sa.mark = 0; sa.mark <= 1; sa.mark++) {
		sa.mark_mask = sa.mark;
		ck_assert_int_eq(direction_of(&sa), SA_DIR_UNKNOWN);
		ck_assert_int_eq(direction_by(&sa, policies, 1), SA_DIR_IN);
	}
	sa.sequence = SA_DIR_IN;
	ck_assert_int_eq(direction_of(&sa), SA_DIR_IN);
	/* one address is local for a mark */
	kernel.local_routes[0].addr = addr_of("198.51.100.1");
	kernel.local_routes[0].len = 32;
	local_routes_begin(&routes, LOCAL_ROUTES_GOOD_NS);
	sa.sequence = SA_DIR_UNKNOWN;
	sa.mark = 0x31;
	sa.mark_mask = 0xf;
	ck_assert_int_eq(direction_of(&sa), SA_DIR_IN);
	sa.mark = 2;
	ck_assert_int_eq(direction_of(&sa), SA_DIR_UNKNOWN);
}

TEST(groups)
{
	static const char *const to[] = {"239.1.2.3", "224.0.0.5", "255.255.255.255",
					 "10.0.0.255"};
	struct policy policies[] = {policy_to(POLICY_OUT, "239.1.2.3")};
	struct sa sa;

	fake_kernel_route(&kernel, "10.0.0.255", 32, RTN_BROADCAST);
	for (size_t i = 0; i < sizeof(to) / sizeof(*to); i++) {
		sa = sa_between("192.0.2.1", to[i]);
		ck_assert_int_eq(direction_of(&sa), SA_DIR_IN);
	}
	for (size_t i = 0; i < 3; i++) {
		sa = sa_between("10.0.0.1", to[i]);
		ck_assert_int_eq(direction_of(&sa), SA_DIR_OUT);
	}
	sa = sa_between("2001:db8::9", "ff02::5");
	ck_assert_int_eq(direction_of(&sa), SA_DIR_IN);
	sa = sa_between("2001:db8::1", "ff02::5");
	ck_assert_int_eq(direction_of(&sa), SA_DIR_OUT);
	/* from any source: by the policy that uses it, or by sequence numbers */
	sa = sa_between("0.0.0.0", "239.1.2.3");
	ck_assert_int_eq(direction_of(&sa), SA_DIR_UNKNOWN);
	ck_assert_int_eq(direction_by(&sa, policies, 1), SA_DIR_OUT);
	policies[0].dir = POLICY_IN;
	ck_assert_int_eq(direction_by(&sa, policies, 1), SA_DIR_IN);
	sa.sequence = SA_DIR_OUT;
	ck_assert_int_eq(direction_of(&sa), SA_DIR_OUT);
	/* and the host's own traffic, looped back */
	sa = sa_between("10.0.0.1", "239.1.2.3");
	ck_assert_int_eq(direction_by(&sa, policies, 1), SA_DIR_IN);
}

TEST(no_lookup_where_an_end_is_known)
{
	struct sa sa = sa_between("192.0.2.1", "10.0.0.1");

	direction_of(&sa);
	sa = sa_between("10.0.0.1", "192.0.2.1");
	direction_of(&sa);
	sa = sa_between("0.0.0.0", "239.1.2.3");
	direction_of(&sa);
	sa = sa_between("192.0.2.1", "192.0.2.2");
	sa.declared = SA_DIR_IN;
	direction_of(&sa);
	ck_assert_uint_eq(kernel.n_lookups, 0);
}

TEST(rows_by_the_rules_that_match)
{
#define IN SA_DIR_IN
#define OUT SA_DIR_OUT
#define EITHER SA_DIR_UNKNOWN
	static const struct {
		const char *lines[3];
		const char *saddr, *daddr;
		uint32_t reqid, if_id, mark;
		enum sa_direction direction;
		unsigned row;
	} cases[] = {
	    {{NULL}, "10.0.0.1", "192.0.2.1", 1, 0, 0, OUT, 0},
	    {{"a local 10.0.9.9"}, "10.0.0.1", "192.0.2.1", 1, 0, 0, OUT, 0},
	    /* local is this host's end, in both directions */
	    {{"a local 10.0.0.1"}, "10.0.0.1", "192.0.2.1", 1, 0, 0, OUT, 1},
	    {{"a local 10.0.0.1"}, "192.0.2.1", "10.0.0.1", 1, 0, 0, IN, 1},
	    {{"a local 10.0.0.1"}, "10.0.0.1", "192.0.2.1", 1, 0, 0, IN, 0},
	    {{"a local 10.0.0.1"}, "192.0.2.1", "10.0.0.1", 1, 0, 0, OUT, 0},
	    /* remote is the peer's end */
	    {{"a remote 192.0.2.0/24"}, "10.0.0.1", "192.0.2.1", 1, 0, 0, OUT, 1},
	    {{"a remote 192.0.2.0/24"}, "192.0.2.1", "10.0.0.1", 1, 0, 0, IN, 1},
	    {{"a remote 192.0.2.0/24"}, "10.0.0.1", "192.0.2.1", 1, 0, 0, IN, 0},
	    {{"a remote 2001:db8:1::/48"},
	     "2001:db8::1",
	     "2001:db8:1::2",
	     1,
	     0,
	     0,
	     OUT,
	     1},
	    {{"a remote 2001:db8:1::/48"},
	     "2001:db8::1",
	     "2001:db8:1::2",
	     1,
	     0,
	     0,
	     IN,
	     0},
	    /* an unknown direction matches both ways */
	    {{"a local 10.0.0.1 remote 192.0.2.1"},
	     "10.0.0.1",
	     "192.0.2.1",
	     1,
	     0,
	     0,
	     EITHER,
	     1},
	    {{"a local 10.0.0.1 remote 192.0.2.1"},
	     "192.0.2.1",
	     "10.0.0.1",
	     1,
	     0,
	     0,
	     EITHER,
	     1},
	    {{"a local 10.0.0.1 remote 192.0.2.1"},
	     "192.0.2.1",
	     "10.0.1.1",
	     1,
	     0,
	     0,
	     EITHER,
	     0},
	    /* reqid, 0 included; if_id; mark under its mask */
	    {{"a reqid 0", "b reqid 7"}, "192.0.2.1", "192.0.2.2", 1, 0, 0, EITHER, 0},
	    {{"a reqid 0", "b reqid 7"}, "192.0.2.1", "192.0.2.2", 7, 0, 0, EITHER, 2},
	    {{"a reqid 0", "b reqid 7"}, "192.0.2.1", "192.0.2.2", 0, 0, 0, EITHER, 1},
	    {{"a ifid 7"}, "192.0.2.1", "192.0.2.2", 1, 0, 0, OUT, 0},
	    {{"a ifid 7"}, "192.0.2.1", "192.0.2.2", 1, 7, 0, OUT, 1},
	    {{"a mark 0x12/0xf0"}, "192.0.2.1", "192.0.2.2", 1, 0, 0, OUT, 0},
	    {{"a mark 0x12/0xf0"}, "192.0.2.1", "192.0.2.2", 1, 0, 0x1f, OUT, 1},
	    {{"a mark 0x12/0xf0"}, "192.0.2.1", "192.0.2.2", 1, 0, 0x2f, OUT, 0},
	    /* all conditions of a line, any line of a name */
	    {{"a local 10.0.0.1 reqid 5"}, "10.0.0.1", "192.0.2.1", 1, 0, 0, OUT, 0},
	    {{"a local 10.0.0.1 reqid 5"}, "10.0.0.1", "192.0.2.1", 5, 0, 0, OUT, 1},
	    {{"a local 10.0.0.1 reqid 5", "a ifid 9"},
	     "10.0.0.1",
	     "192.0.2.1",
	     6,
	     0,
	     0,
	     OUT,
	     0},
	    {{"a local 10.0.0.1 reqid 5", "a ifid 9"},
	     "10.0.0.1",
	     "192.0.2.1",
	     6,
	     9,
	     0,
	     OUT,
	     1},
	    /* the first name, not the first number */
	    {{"zebra local 10.0.0.1", "ant local 10.0.0.0/24", "bee local 10.0.0.0/8"},
	     "10.0.0.1",
	     "192.0.2.1",
	     1,
	     0,
	     0,
	     OUT,
	     2},
	    {{"zebra local 10.0.0.1", "ant local 10.0.0.0/24", "bee local 10.0.0.0/8"},
	     "10.0.9.1",
	     "192.0.2.1",
	     1,
	     0,
	     0,
	     OUT,
	     3},
	};
#undef IN
#undef OUT
#undef EITHER

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct sa sa = sa_between(cases[i].saddr, cases[i].daddr);

		sa.reqid = cases[i].reqid;
		sa.if_id = cases[i].if_id;
		sa.mark = cases[i].mark;
		instance_set_free(&set);
		ck_assert_int_eq(instance_set_init(&set), 0);
		for (size_t j = 0; j < 3 && cases[i].lines[j]; j++)
			configure(cases[i].lines[j]);
		ck_assert_msg(row_of(&sa, cases[i].direction) == cases[i].row,
			      "case %zu: %s", i, cases[i].lines[0]);
	}
}

TEST(device)
{
	const struct sa out = sa_between("10.0.0.1", "192.0.2.1");
	const struct sa in = sa_between("192.0.2.1", "10.0.0.1");
	const struct sa other = sa_between("10.0.1.1", "192.0.2.1");
	const struct sa foreign = sa_between("192.0.2.2", "192.0.2.1");

	configure("a device eth0");
	ck_assert_uint_eq(row_of(&out, SA_DIR_OUT), 0); /* eth0 does not exist */
	set.instances[1].rules[0].device_index = 2;
	ck_assert_uint_eq(row_of(&out, SA_DIR_OUT), 1);
	ck_assert_uint_eq(row_of(&in, SA_DIR_IN), 1);
	ck_assert_uint_eq(row_of(&other, SA_DIR_OUT), 0);
	ck_assert_uint_eq(row_of(&foreign, SA_DIR_OUT), 0);
}

static bool connection(const char *local, const char *remote)
{
	const struct iscsi_connection ends = {.family = family_of(local),
					      .local = addr_of(local),
					      .remote = addr_of(remote)};

	return attribute_connection(&set, &addrs, &ends) == 1;
}

TEST(connections_go_by_address_and_device)
{
	configure("a local 10.0.0.1 remote 192.0.2.0/24");
	ck_assert(connection("10.0.0.1", "192.0.2.1"));
	ck_assert(!connection("10.0.0.2", "192.0.2.1"));
	ck_assert(!connection("192.0.2.1", "10.0.0.1"));
	ck_assert(!connection("10.0.0.1", "192.0.3.1"));
}

TEST(connections_need_such_a_condition)
{
	configure("a reqid 5");
	ck_assert(!connection("10.0.0.1", "192.0.2.1"));
	configure("a device eth1");
	ck_assert(!connection("10.0.1.1", "192.0.2.1"));
	set.instances[1].rules[1].device_index = 3;
	ck_assert(connection("10.0.1.1", "192.0.2.1"));
	ck_assert(!connection("10.0.0.1", "192.0.2.1"));
}
