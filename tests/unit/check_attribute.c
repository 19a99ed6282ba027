/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "attribute.h"

#include <linux/xfrm.h>
#include <string.h>

#include "messages.h"
#include "runner.h"

/* A host with two interfaces, in both families. */
static struct local_addrs addrs;
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
	instance_set_free(&set);
}

static struct sa sa_between(const char *saddr, const char *daddr)
{
	return (struct sa){
	    .saddr = addr_of(saddr),
	    .daddr = addr_of(daddr),
	    .family = family_of(saddr),
	    .proto = IPPROTO_ESP,
	    .mode = XFRM_MODE_TUNNEL,
	    .keyed = true,
	    .spi = 0x100,
	    .reqid = 1,
	};
}

static enum sa_direction direction_of(const struct sa *sa)
{
	return attribute_direction(sa, &addrs, NULL, 0);
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

/* Directions: DESIGN 4.3, rule by rule. */

START_TEST(rule_1_and_2_the_kernels_word)
{
	struct sa sa = sa_between("10.0.0.1", "192.0.2.1");

	sa.declared = SA_DIR_IN;
	ck_assert_int_eq(direction_of(&sa), SA_DIR_IN);
	sa = sa_between("192.0.2.1", "10.0.0.1");
	sa.declared = SA_DIR_OUT;
	sa.sequence = SA_DIR_IN;
	ck_assert_int_eq(direction_of(&sa), SA_DIR_OUT);
}
END_TEST

START_TEST(rule_3_a_local_end)
{
	struct sa sa = sa_between("192.0.2.1", "10.0.0.1");

	sa.sequence = SA_DIR_OUT;
	ck_assert_int_eq(direction_of(&sa), SA_DIR_IN);
	sa = sa_between("10.0.1.1", "192.0.2.1");
	sa.sequence = SA_DIR_IN;
	ck_assert_int_eq(direction_of(&sa), SA_DIR_OUT);
	sa = sa_between("2001:db8::2", "2001:db8::1");
	ck_assert_int_eq(direction_of(&sa), SA_DIR_IN);
	sa = sa_between("2001:db8::1", "2001:db8::2");
	ck_assert_int_eq(direction_of(&sa), SA_DIR_OUT);
}
END_TEST

START_TEST(rule_4_both_ends_local)
{
	struct policy policies[2] = {{.dir = POLICY_OUT, .n_templates = 1},
				     {.dir = POLICY_IN, .n_templates = 1}};
	struct sa sa = sa_between("10.0.0.1", "10.0.1.1");

	policies[0].templates[0] = (struct policy_template){
	    .mode = XFRM_MODE_TUNNEL, .daddr = addr_of("10.0.1.1")};
	policies[1].templates[0] = (struct policy_template){
	    .mode = XFRM_MODE_TUNNEL, .daddr = addr_of("10.0.0.1")};
	sa.sequence = SA_DIR_IN;
	ck_assert_int_eq(attribute_direction(&sa, &addrs, policies, 2), SA_DIR_OUT);
	sa = sa_between("10.0.1.1", "10.0.0.1");
	ck_assert_int_eq(attribute_direction(&sa, &addrs, policies, 2), SA_DIR_IN);
	/* a policy has no say where one end alone is local */
	sa = sa_between("192.0.2.1", "10.0.1.1");
	ck_assert_int_eq(attribute_direction(&sa, &addrs, policies, 2), SA_DIR_IN);
}
END_TEST

START_TEST(rule_5_sequence_numbers)
{
	struct sa sa = sa_between("192.0.2.1", "192.0.2.2");

	sa.sequence = SA_DIR_OUT;
	ck_assert_int_eq(direction_of(&sa), SA_DIR_OUT);
	sa.sequence = SA_DIR_IN;
	ck_assert_int_eq(direction_of(&sa), SA_DIR_IN);
	sa = sa_between("10.0.0.1", "10.0.1.1");
	sa.sequence = SA_DIR_OUT;
	ck_assert_int_eq(direction_of(&sa), SA_DIR_OUT);
}
END_TEST

START_TEST(rule_6_unknown)
{
	struct sa sa = sa_between("192.0.2.1", "192.0.2.2");

	ck_assert_int_eq(direction_of(&sa), SA_DIR_UNKNOWN);
	sa.replay_protected = true; /* never by the replay window alone */
	ck_assert_int_eq(direction_of(&sa), SA_DIR_UNKNOWN);
	sa = sa_between("10.0.0.1", "10.0.1.1");
	ck_assert_int_eq(direction_of(&sa), SA_DIR_UNKNOWN);
}
END_TEST

START_TEST(families_are_kept_apart)
{
	struct sa sa = sa_between("2001:db8::9", "a00:1::"); /* the bytes of 10.0.0.1 */

	ck_assert_int_eq(direction_of(&sa), SA_DIR_UNKNOWN);
}
END_TEST

START_TEST(when_policies_are_needed)
{
	struct sa sa = sa_between("10.0.0.1", "10.0.1.1");

	ck_assert(attribute_needs_policies(&sa, &addrs));
	sa.declared = SA_DIR_IN;
	ck_assert(!attribute_needs_policies(&sa, &addrs));
	sa = sa_between("10.0.0.1", "192.0.2.1");
	ck_assert(!attribute_needs_policies(&sa, &addrs));
	sa = sa_between("192.0.2.1", "192.0.2.2");
	ck_assert(!attribute_needs_policies(&sa, &addrs));
}
END_TEST

/* Instances. */

START_TEST(nobodys)
{
	struct sa sa = sa_between("10.0.0.1", "192.0.2.1");

	ck_assert_uint_eq(row_of(&sa, SA_DIR_OUT), 0);
	configure("a local 10.0.9.9");
	ck_assert_uint_eq(row_of(&sa, SA_DIR_OUT), 0);
}
END_TEST

START_TEST(local_is_our_end_in_both_directions)
{
	const struct sa out = sa_between("10.0.0.1", "192.0.2.1");
	const struct sa in = sa_between("192.0.2.1", "10.0.0.1");

	configure("a local 10.0.0.1");
	ck_assert_uint_eq(row_of(&out, SA_DIR_OUT), 1);
	ck_assert_uint_eq(row_of(&in, SA_DIR_IN), 1);
	ck_assert_uint_eq(row_of(&out, SA_DIR_IN), 0);
	ck_assert_uint_eq(row_of(&in, SA_DIR_OUT), 0);
}
END_TEST

START_TEST(remote_is_the_peers_end)
{
	const struct sa out = sa_between("10.0.0.1", "192.0.2.1");
	const struct sa in = sa_between("192.0.2.1", "10.0.0.1");

	configure("a remote 192.0.2.0/24");
	ck_assert_uint_eq(row_of(&out, SA_DIR_OUT), 1);
	ck_assert_uint_eq(row_of(&in, SA_DIR_IN), 1);
	ck_assert_uint_eq(row_of(&out, SA_DIR_IN), 0);
}
END_TEST

START_TEST(unknown_direction_matches_either_way)
{
	const struct sa out = sa_between("10.0.0.1", "192.0.2.1");
	const struct sa in = sa_between("192.0.2.1", "10.0.0.1");
	const struct sa other = sa_between("192.0.2.1", "10.0.1.1");

	configure("a local 10.0.0.1 remote 192.0.2.1");
	ck_assert_uint_eq(row_of(&out, SA_DIR_UNKNOWN), 1);
	ck_assert_uint_eq(row_of(&in, SA_DIR_UNKNOWN), 1);
	ck_assert_uint_eq(row_of(&other, SA_DIR_UNKNOWN), 0);
}
END_TEST

START_TEST(ipv6_prefix)
{
	const struct sa sa = sa_between("2001:db8::1", "2001:db8:1::2");

	configure("a remote 2001:db8:1::/48");
	ck_assert_uint_eq(row_of(&sa, SA_DIR_OUT), 1);
	ck_assert_uint_eq(row_of(&sa, SA_DIR_IN), 0);
}
END_TEST

START_TEST(reqid)
{
	struct sa sa = sa_between("192.0.2.1", "192.0.2.2");

	configure("a reqid 0");
	configure("b reqid 7");
	ck_assert_uint_eq(row_of(&sa, SA_DIR_UNKNOWN), 0);
	sa.reqid = 7;
	ck_assert_uint_eq(row_of(&sa, SA_DIR_UNKNOWN), 2);
	sa.reqid = 0;
	ck_assert_uint_eq(row_of(&sa, SA_DIR_UNKNOWN), 1);
}
END_TEST

START_TEST(if_id)
{
	struct sa sa = sa_between("192.0.2.1", "192.0.2.2");

	configure("a ifid 7");
	ck_assert_uint_eq(row_of(&sa, SA_DIR_OUT), 0);
	sa.if_id = 7;
	ck_assert_uint_eq(row_of(&sa, SA_DIR_OUT), 1);
}
END_TEST

START_TEST(mark)
{
	struct sa sa = sa_between("192.0.2.1", "192.0.2.2");

	configure("a mark 0x12/0xf0");
	ck_assert_uint_eq(row_of(&sa, SA_DIR_OUT), 0);
	sa.mark = 0x1f;
	ck_assert_uint_eq(row_of(&sa, SA_DIR_OUT), 1);
	sa.mark = 0x2f;
	ck_assert_uint_eq(row_of(&sa, SA_DIR_OUT), 0);
}
END_TEST

START_TEST(device)
{
	const struct sa out = sa_between("10.0.0.1", "192.0.2.1");
	const struct sa in = sa_between("192.0.2.1", "10.0.0.1");
	const struct sa other = sa_between("10.0.1.1", "192.0.2.1");
	const struct sa foreign = sa_between("192.0.2.2", "192.0.2.1");

	configure("a device eth0");
	ck_assert_uint_eq(row_of(&out, SA_DIR_OUT), 0); /* there is no eth0 now */
	set.instances[1].rules[0].device_index = 2;
	ck_assert_uint_eq(row_of(&out, SA_DIR_OUT), 1);
	ck_assert_uint_eq(row_of(&in, SA_DIR_IN), 1);
	ck_assert_uint_eq(row_of(&other, SA_DIR_OUT), 0);
	ck_assert_uint_eq(row_of(&foreign, SA_DIR_OUT), 0);
}
END_TEST

START_TEST(all_conditions_of_a_line_any_line_of_a_name)
{
	struct sa sa = sa_between("10.0.0.1", "192.0.2.1");

	configure("a local 10.0.0.1 reqid 5");
	ck_assert_uint_eq(row_of(&sa, SA_DIR_OUT), 0);
	sa.reqid = 5;
	ck_assert_uint_eq(row_of(&sa, SA_DIR_OUT), 1);
	sa.reqid = 6;
	configure("a ifid 9");
	ck_assert_uint_eq(row_of(&sa, SA_DIR_OUT), 0);
	sa.if_id = 9;
	ck_assert_uint_eq(row_of(&sa, SA_DIR_OUT), 1);
}
END_TEST

START_TEST(first_by_name_not_by_number)
{
	struct sa sa = sa_between("10.0.0.1", "192.0.2.1");

	configure("zebra local 10.0.0.1");
	configure("ant local 10.0.0.0/24");
	configure("bee local 10.0.0.0/8");
	ck_assert_uint_eq(row_of(&sa, SA_DIR_OUT), 2);
	sa = sa_between("10.0.9.1", "192.0.2.1");
	ck_assert_uint_eq(row_of(&sa, SA_DIR_OUT), 3);
}
END_TEST

/* Connections. */

static bool connection(const char *local, const char *remote)
{
	const struct in6_addr l = addr_of(local);
	const struct in6_addr r = addr_of(remote);

	return attribute_connection(&set.instances[1], &addrs, family_of(local), &l,
				    &r);
}

START_TEST(connections_go_by_address_and_device)
{
	configure("a local 10.0.0.1 remote 192.0.2.0/24");
	ck_assert(connection("10.0.0.1", "192.0.2.1"));
	ck_assert(!connection("10.0.0.2", "192.0.2.1"));
	ck_assert(!connection("192.0.2.1", "10.0.0.1"));
	ck_assert(!connection("10.0.0.1", "192.0.3.1"));
}
END_TEST

START_TEST(connections_need_such_a_condition)
{
	configure("a reqid 5");
	ck_assert(!connection("10.0.0.1", "192.0.2.1"));
	configure("a device eth1");
	ck_assert(!connection("10.0.1.1", "192.0.2.1"));
	set.instances[1].rules[1].device_index = 3;
	ck_assert(connection("10.0.1.1", "192.0.2.1"));
	ck_assert(!connection("10.0.0.1", "192.0.2.1"));
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
	    rule_1_and_2_the_kernels_word,
	    rule_3_a_local_end,
	    rule_4_both_ends_local,
	    rule_5_sequence_numbers,
	    rule_6_unknown,
	    families_are_kept_apart,
	    when_policies_are_needed,
	    nobodys,
	    local_is_our_end_in_both_directions,
	    remote_is_the_peers_end,
	    unknown_direction_matches_either_way,
	    ipv6_prefix,
	    reqid,
	    if_id,
	    mark,
	    device,
	    all_conditions_of_a_line_any_line_of_a_name,
	    first_by_name_not_by_number,
	    connections_go_by_address_and_device,
	    connections_need_such_a_condition,
	};

	return RUN_TESTS_WITH("attribute", tests, setup, teardown);
}
