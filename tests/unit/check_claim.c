/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "claim_world.h"

/* The owner of an SA in transport mode between the ends of the first connection. */
#define OUT_IS(reqid, owner) \
	ck_assert_uint_eq(out_owner("10.0.0.1", "192.0.2.1", TRANSPORT, reqid), owner)
#define IN_IS(reqid, owner) \
	ck_assert_uint_eq(in_owner("192.0.2.1", "10.0.0.1", TRANSPORT, reqid), owner)

CHAPTER(claim_setup, claim_teardown);

TEST(no_connection_no_claim)
{
	n_flows = 0;
	transport_policies(5);
	OUT_IS(5, 0);
}

TEST(transport_mode)
{
	transport_policies(5);
	OUT_IS(5, 1);
	ck_assert(!guess);
	IN_IS(5, 1);
	/* another reqid, mode, peer, local end or direction */
	OUT_IS(6, 0);
	OUT_IS(0, 0);
	ck_assert_uint_eq(out_owner("10.0.0.1", "192.0.2.1", TUNNEL, 5), 0);
	ck_assert_uint_eq(out_owner("10.0.0.1", "192.0.2.2", TRANSPORT, 5), 0);
	ck_assert_uint_eq(out_owner("10.0.0.2", "192.0.2.1", TRANSPORT, 5), 0);
	ck_assert_uint_eq(in_owner("10.0.0.1", "192.0.2.1", TRANSPORT, 5), 0);
}

/* xfrm_tmpl_resolve_one and xfrm_state_ok ignore them. */
TEST(addresses_of_a_transport_template)
{
	transport_policies(5);
	ends(&policies[0].templates[0], "203.0.113.1", "203.0.113.2");
	OUT_IS(5, 1);
	ck_assert_uint_eq(out_owner("203.0.113.1", "203.0.113.2", TRANSPORT, 5), 0);
}

TEST(tunnel_mode)
{
	tunnel_policies(5, "203.0.113.1");
	ck_assert_uint_eq(out_owner("10.0.0.1", "203.0.113.1", TUNNEL, 5), 1);
	ck_assert_uint_eq(in_owner("203.0.113.1", "10.0.0.1", TUNNEL, 5), 1);
	ck_assert_uint_eq(out_owner("10.0.0.1", "192.0.2.1", TUNNEL, 5), 0);
	ck_assert_uint_eq(out_owner("10.0.0.1", "203.0.113.1", TUNNEL, 6), 0);
	ck_assert_uint_eq(out_owner("10.0.0.1", "203.0.113.1", TRANSPORT, 5), 0);
}

/* The route chooses the local end, which is not in the template. */
TEST(tunnel_from_any_address)
{
	tunnel_policies(5, "203.0.113.1");
	policies[0].templates[0].saddr = in6addr_any;
	ck_assert_uint_eq(out_owner("10.0.0.9", "203.0.113.1", TUNNEL, 5), 1);
}

TEST(ipv6)
{
	flows[0] = flow_between(1, "2001:db8::1", "2001:db8:1::1");
	add_template(add_policy(POLICY_OUT, "2001:db8::", 64, "2001:db8:1::", 64), ESP,
		     TRANSPORT, 5);
	ck_assert_uint_eq(out_owner("2001:db8::1", "2001:db8:1::1", TRANSPORT, 5), 1);
	ck_assert_uint_eq(out_owner("2001:db8::2", "2001:db8:1::1", TRANSPORT, 5), 0);
}

TEST(ipv4_in_ipv6)
{
	tunnel_policies(5, "203.0.113.1");
	ends(&policies[0].templates[0], "2001:db8::1", "2001:db8::2");
	ck_assert_uint_eq(out_owner("2001:db8::1", "2001:db8::2", TUNNEL, 5), 1);
	ck_assert_uint_eq(out_owner("10.0.0.1", "203.0.113.1", TUNNEL, 5), 0);
}

TEST(selectors)
{
	struct policy *policy = add_policy(POLICY_OUT, "10.0.0.0", 24, "192.0.2.0", 30);

	add_template(policy, ESP, TRANSPORT, 5);
	OUT_IS(5, 1);
	flows[0].remote = addr_of("192.0.2.4");
	ck_assert_uint_eq(out_owner("10.0.0.1", "192.0.2.4", TRANSPORT, 5), 0);
	flows[0].remote = addr_of("192.0.2.1");
	flows[0].remote_port = 3261;
	OUT_IS(5, 0);
	policy->dport_mask = 0xfffe;
	OUT_IS(5, 1);
	policy->sport = 40000;
	policy->sport_mask = 0xffff;
	OUT_IS(5, 1);
	policy->sport = 40001;
	OUT_IS(5, 0);
	flows[0].local_port = 0; /* unknown: any port */
	OUT_IS(5, 1);
	policy->proto = IPPROTO_UDP;
	OUT_IS(5, 0);
	policy->proto = 0;
	OUT_IS(5, 1);
	policy->family = AF_INET6;
	OUT_IS(5, 0);
}

TEST(the_lowest_priority_value_is_used)
{
	transport_policies(5);
	tunnel_policies(6, "203.0.113.1");
	policies[2].priority = policies[3].priority = 999;
	OUT_IS(5, 0);
	IN_IS(5, 0);
	ck_assert_uint_eq(out_owner("10.0.0.1", "203.0.113.1", TUNNEL, 6), 1);
	ck_assert_uint_eq(in_owner("203.0.113.1", "10.0.0.1", TUNNEL, 6), 1);
	policies[2].priority = policies[3].priority = 1001;
	OUT_IS(5, 1);
	ck_assert_uint_eq(out_owner("10.0.0.1", "203.0.113.1", TUNNEL, 6), 0);
}

TEST(of_equal_priorities_the_oldest_policy)
{
	transport_policies(5);
	transport_policies(6);
	OUT_IS(5, 0);
	OUT_IS(6, 1);
}

/* Blocked or in plain: no SA belongs to the connection, not even one between its
 * ends. */
TEST(block_and_bypass)
{
	struct policy *policy = add_policy(POLICY_OUT, "0.0.0.0", 0, "0.0.0.0", 0);

	OUT_IS(5, 0);
	add_template(policy, ESP, TRANSPORT, 5);
	policy->allow = false;
	OUT_IS(5, 0);
	policy->allow = true;
	OUT_IS(5, 1);
}

/* The SPI is that of the SA at the time when the policy was added. */
TEST(spi_of_a_template)
{
	struct sa sa = sa_between("10.0.0.1", "192.0.2.1", TRANSPORT, 5);

	transport_policies(5);
	policies[0].templates[0].spi = 1;
	ck_assert_uint_eq(owner_of(sa, SA_DIR_OUT), 1);
	policies[0].templates[0].reqid = sa.reqid = 0;
	ck_assert_uint_eq(owner_of(sa, SA_DIR_OUT), 0);
	sa.spi = 1;
	ck_assert_uint_eq(owner_of(sa, SA_DIR_OUT), 1);
}

/* Outbound it must be equal, inbound 0 matches any reqid. */
TEST(reqid_0)
{
	transport_policies(0);
	OUT_IS(0, 1);
	OUT_IS(5, 0);
	IN_IS(5, 1);
}

TEST(protocols)
{
	struct sa sa = sa_between("10.0.0.1", "192.0.2.1", TRANSPORT, 5);

	transport_policies(5);
	sa.proto = AH;
	ck_assert_uint_eq(owner_of(sa, SA_DIR_OUT), 0);
	policies[0].templates[0].proto = 0;
	ck_assert_uint_eq(owner_of(sa, SA_DIR_OUT), 1);
	sa.proto = IPPROTO_COMP;
	ck_assert_uint_eq(owner_of(sa, SA_DIR_OUT), 0);
	sa.proto = IPPROTO_IPIP;
	ck_assert_uint_eq(owner_of(sa, SA_DIR_OUT), 0);
}

/* IPComp in tunnel mode, then ESP and AH between the tunnel's ends. */
TEST(nested_templates)
{
	struct policy *policy = add_policy(POLICY_OUT, "10.0.0.1", 32, "192.0.2.1", 32);
	struct sa sa = sa_between("10.0.0.1", "203.0.113.1", TRANSPORT, 5);

	ends(add_template(policy, IPPROTO_COMP, TUNNEL, 5), "10.0.0.1", "203.0.113.1");
	add_template(policy, ESP, TRANSPORT, 5);
	add_template(policy, AH, TRANSPORT, 5);
	ck_assert_uint_eq(owner_of(sa, SA_DIR_OUT), 1);
	sa.proto = AH;
	ck_assert_uint_eq(owner_of(sa, SA_DIR_OUT), 1);
	OUT_IS(5, 0);
}

TEST(tunnel_in_tunnel)
{
	tunnel_policies(5, "203.0.113.1");
	ends(add_template(&policies[0], ESP, TUNNEL, 6), "10.0.0.1", "198.51.100.1");
	ck_assert_uint_eq(out_owner("10.0.0.1", "203.0.113.1", TUNNEL, 5), 1);
	ck_assert_uint_eq(out_owner("10.0.0.1", "198.51.100.1", TUNNEL, 6), 1);
	ck_assert_uint_eq(out_owner("10.0.0.1", "198.51.100.1", TUNNEL, 5), 0);
}

TEST(marks_of_sas)
{
	struct sa sa = sa_between("10.0.0.1", "192.0.2.1", TRANSPORT, 5);

	transport_policies(5);
	sa.mark = 7;
	sa.mark_mask = 0xff;
	ck_assert_uint_eq(owner_of(sa, SA_DIR_OUT), 0); /* the lookup has mark 0 */
	flows[0].path.out_mark = policies[0].mark = 0x107;
	policies[0].mark_mask = UINT32_MAX;
	ck_assert_uint_eq(owner_of(sa, SA_DIR_OUT), 1);
	sa.mark = 8;
	ck_assert_uint_eq(owner_of(sa, SA_DIR_OUT), 0);
	sa.mark = sa.mark_mask = 0; /* any mark matches */
	ck_assert_uint_eq(owner_of(sa, SA_DIR_OUT), 1);
}

TEST(marks_of_policies)
{
	transport_policies(5);
	policies[0].mark = 7;
	policies[0].mark_mask = 0xff;
	OUT_IS(5, 0);
	flows[0].path.out_mark = 0x207;
	OUT_IS(5, 1);
	flows[0].path.out_mark = 8;
	flows[0].path.in_mark = 7;
	OUT_IS(5, 0);
	IN_IS(5, 1);
}

TEST(xfrm_interfaces)
{
	struct sa sa = sa_between("10.0.0.1", "203.0.113.1", TUNNEL, 5);

	tunnel_policies(5, "203.0.113.1");
	policies[0].if_id = policies[1].if_id = sa.if_id = 9;
	ck_assert_uint_eq(owner_of(sa, SA_DIR_OUT), 0);
	flows[0].path.if_id = 9;
	ck_assert_uint_eq(owner_of(sa, SA_DIR_OUT), 1);
	sa.if_id = 8;
	ck_assert_uint_eq(owner_of(sa, SA_DIR_OUT), 0);
	/* a policy without if_id precedes the interface */
	transport_policies(6);
	sa.if_id = 9;
	ck_assert_uint_eq(owner_of(sa, SA_DIR_OUT), 0);
	OUT_IS(6, 1);
	sa = sa_between("203.0.113.1", "10.0.0.1", TUNNEL, 5);
	sa.if_id = 9;
	ck_assert_uint_eq(owner_of(sa, SA_DIR_IN), 1);
}

TEST(interface_of_a_policy)
{
	transport_policies(5);
	policies[0].if_index = 3;
	OUT_IS(5, 1);
	flows[0].path.if_index = 3;
	OUT_IS(5, 1);
	flows[0].path.if_index = 4;
	OUT_IS(5, 0);
}

static void swap_flows(void)
{
	const struct claim_flow first = flows[0];

	flows[0] = flows[1];
	flows[1] = first;
}

/* Two records over one path: the first flow takes precedence. */
TEST(ties)
{
	flows[1] = flow_between(2, "10.0.0.1", "192.0.2.1");
	flows[1].local_port = 40001;
	n_flows = 2;
	transport_policies(5);
	OUT_IS(5, 1);
	swap_flows();
	OUT_IS(5, 2);
	/* also with two different claims, of which this has no source */
	policies[0].sport = 40000;
	policies[0].sport_mask = 0xffff;
	add_template(add_policy(POLICY_OUT, "10.0.0.1", 32, "192.0.2.1", 32), 0,
		     TRANSPORT, 5);
	OUT_IS(5, 2);
	policies[2].priority = 1001;
	OUT_IS(5, 2);
	swap_flows();
	OUT_IS(5, 1);
}

/* Policies by port distinguish two sessions between the same addresses. */
TEST(ports_distinguish_sessions)
{
	flows[1] = flow_between(2, "10.0.0.1", "192.0.2.1");
	flows[1].local_port = 40001;
	n_flows = 2;
	transport_policies(5);
	transport_policies(6);
	for (size_t i = 0; i < 4; i++) {
		uint16_t port = i < 2 ? 40000 : 40001;

		*(i % 2 ? &policies[i].dport : &policies[i].sport) = port;
		*(i % 2 ? &policies[i].dport_mask : &policies[i].sport_mask) = 0xffff;
	}
	OUT_IS(5, 1);
	OUT_IS(6, 2);
	IN_IS(5, 1);
	IN_IS(6, 2);
}

/* With several paths of one record, the SAs of all belong to it. */
TEST(multipath)
{
	flows[1] = flow_between(1, "10.0.1.1", "192.0.2.9");
	n_flows = 2;
	transport_policies(5);
	add_template(add_policy(POLICY_OUT, "10.0.1.1", 32, "192.0.2.9", 32), ESP,
		     TRANSPORT, 6);
	OUT_IS(5, 1);
	ck_assert_uint_eq(out_owner("10.0.1.1", "192.0.2.9", TRANSPORT, 6), 1);
}

TEST(local_address_not_known)
{
	flows[0].local = in6addr_any;
	transport_policies(5);
	OUT_IS(5, 1);
	IN_IS(5, 1);
	ck_assert_uint_eq(in_owner("192.0.2.9", "10.0.0.1", TRANSPORT, 5), 0);
}

TEST(without_a_policy)
{
	OUT_IS(5, 1);
	ck_assert(guess);
	IN_IS(6, 1);
	ck_assert_uint_eq(out_owner("10.0.0.1", "192.0.2.1", TUNNEL, 5), 0);
	ck_assert_uint_eq(out_owner("10.0.0.1", "192.0.2.2", TRANSPORT, 5), 0);
}

/* An SA that a policy for other traffic uses does not belong to the connection. */
TEST(without_a_policy_but_for_others)
{
	struct policy *policy = add_policy(POLICY_OUT, "10.0.0.1", 32, "192.0.2.1", 32);

	policy->proto = IPPROTO_UDP;
	add_template(policy, ESP, TRANSPORT, 5);
	OUT_IS(5, 0);
	OUT_IS(6, 1);
}

/* Without reqid and addresses, a policy for another peer only matches that peer's
 * SAs. */
TEST(without_a_policy_but_for_another_peer)
{
	struct policy *policy = add_policy(POLICY_OUT, "10.0.0.1", 32, "192.0.2.9", 32);

	add_template(policy, ESP, TRANSPORT, 0);
	OUT_IS(5, 1);
	policy->daddr = addr_of("192.0.2.1");
	policy->proto = IPPROTO_UDP;
	OUT_IS(5, 0);
}

/* The SPI in a template is outdated between a rekey and the update of the policy. */
TEST(an_sa_after_a_rekey_that_another_policy_claims)
{
	struct policy *policy = add_policy(POLICY_OUT, "10.0.0.1", 32, "192.0.2.1", 32);

	policy->proto = IPPROTO_UDP;
	add_template(policy, ESP, TRANSPORT, 5)->spi = 0x77;
	OUT_IS(5, 0);
}

TEST(an_sa_from_any_address)
{
	transport_policies(5);
	ck_assert_uint_eq(out_owner("0.0.0.0", "192.0.2.1", TRANSPORT, 5), 1);
	ck_assert_uint_eq(out_owner("0.0.0.0", "192.0.2.2", TRANSPORT, 5), 0);
}

/* With NAT the template has the ends of the tunnel. The connection's addresses are
 * inside; UDP ports do not matter. */
TEST(nat_traversal)
{
	flows[0] =
	    flow_between(1, "10.11.0.5", "192.0.2.1"); /* from the pool of the tunnel */
	add_template(add_policy(POLICY_OUT, "10.11.0.5", 32, "192.0.2.0", 24), ESP,
		     TUNNEL, 5);
	ends(&policies[0].templates[0], "192.168.1.7", "203.0.113.1");
	ck_assert_uint_eq(out_owner("192.168.1.7", "203.0.113.1", TUNNEL, 5), 1);
	ck_assert_uint_eq(out_owner("10.11.0.5", "192.0.2.1", TUNNEL, 5), 0);
}

/* In BEET mode the template has the ends, as in tunnel mode. */
TEST(beet_mode)
{
	struct policy *policy = add_policy(POLICY_OUT, "10.0.0.1", 32, "192.0.2.1", 32);

	ends(add_template(policy, ESP, XFRM_MODE_BEET, 5), "10.9.0.1", "10.9.0.2");
	ck_assert_uint_eq(out_owner("10.9.0.1", "10.9.0.2", XFRM_MODE_BEET, 5), 1);
	ck_assert_uint_eq(out_owner("10.9.0.1", "10.9.0.2", TUNNEL, 5), 0);
	ck_assert_uint_eq(out_owner("10.0.0.1", "192.0.2.1", XFRM_MODE_BEET, 5), 0);
}

/* A connection whose policy claims the SA takes precedence over one with the same
 * ends. */
TEST(fallback_comes_last)
{
	flows[0].remote_port = 3261;
	flows[1] = flow_between(2, "10.0.0.1", "192.0.2.1");
	n_flows = 2;
	transport_policies(5);
	OUT_IS(5, 2);
	OUT_IS(6, 1);
}

TEST(direction_not_known)
{
	struct sa sa = sa_between("192.0.2.1", "10.0.0.1", TRANSPORT, 5);

	transport_policies(5);
	ck_assert_uint_eq(owner_of(sa, SA_DIR_UNKNOWN), 1);
	sa.reqid = 6;
	ck_assert_uint_eq(owner_of(sa, SA_DIR_UNKNOWN), 0);
}

/* A larval SA has everything that a claim compares. */
TEST(larval_sas)
{
	struct sa sa = sa_between("192.0.2.1", "10.0.0.1", TRANSPORT, 5);

	transport_policies(5);
	sa.keyed = false;
	ck_assert_uint_eq(owner_of(sa, SA_DIR_IN), 1);
}

TEST(equal_or_not)
{
	struct claims other;

	transport_policies(5);
	owner_of(sa_between("10.0.0.1", "192.0.2.1", TRANSPORT, 5), SA_DIR_OUT);
	ck_assert_int_eq(claims_make(flows, 1, policies, n_policies, &other), 0);
	ck_assert(claims_equal(&claims, &other));
	claims_free(&other);
	policies[1].templates[0].reqid = 6;
	ck_assert_int_eq(claims_make(flows, 1, policies, n_policies, &other), 0);
	ck_assert(!claims_equal(&claims, &other));
	claims_free(&other);
	ck_assert_int_eq(claims_make(NULL, 0, NULL, 0, &other), 0);
	ck_assert(!claims_equal(&claims, &other));
	claims_free(&other);
}

TEST(claims_of_an_owner_are_forgotten)
{
	const struct sa mine = sa_between("10.0.0.1", "192.0.2.1", TRANSPORT, 0);
	const struct sa other = sa_between("10.0.0.1", "192.0.2.2", TRANSPORT, 0);

	flows[1] = flow_between(2, "10.0.0.1", "192.0.2.2");
	n_flows = 2;
	ck_assert_uint_eq(owner_of(mine, SA_DIR_OUT), 1);
	ck_assert_uint_eq(owner_of(other, SA_DIR_OUT), 2);
	claims_forget(&claims, 2);
	ck_assert_uint_eq(claims_find(&claims, NULL, 0, &mine, SA_DIR_OUT, &guess), 1);
	ck_assert_uint_eq(claims_find(&claims, NULL, 0, &other, SA_DIR_OUT, &guess), 0);
	claims_forget(&claims, 1);
	ck_assert_uint_eq(claims_find(&claims, NULL, 0, &mine, SA_DIR_OUT, &guess), 0);
}
