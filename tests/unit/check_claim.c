/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "instance/claim.h"

#include <linux/xfrm.h>
#include <stdlib.h>
#include <string.h>

#include "messages.h"
#include "runner.h"

/*
 * One connection from 10.0.0.1:40000 to 192.0.2.1:3260 unless a test says otherwise;
 * policies in the order of the kernel's dump, the youngest first.
 */

#define ESP IPPROTO_ESP
#define AH IPPROTO_AH
#define TRANSPORT XFRM_MODE_TRANSPORT
#define TUNNEL XFRM_MODE_TUNNEL

static struct claim_flow flows[4];
static size_t n_flows;
static struct policy policies[32];
static size_t n_policies;
static struct claims claims;

static struct claim_flow flow_between(unsigned owner, const char *local,
				      const char *remote)
{
	return (struct claim_flow){
	    .owner = owner,
	    .rank = owner,
	    .family = family_of(remote),
	    .local = addr_of(local),
	    .remote = addr_of(remote),
	    .local_port = 40000,
	    .remote_port = 3260,
	};
}

static void setup(void)
{
	flows[0] = flow_between(1, "10.0.0.1", "192.0.2.1");
	n_flows = 1;
	n_policies = 0;
	claims = (struct claims){0};
}

static void teardown(void)
{
	claims_free(&claims);
}

/* A policy for TCP between two prefixes, to or from port 3260 by its direction. */
static struct policy *add_policy(enum policy_dir dir, const char *from,
				 uint8_t from_len, const char *to, uint8_t to_len)
{
	struct policy *policy = &policies[n_policies++];

	*policy = (struct policy){
	    .dir = dir,
	    .priority = 1000,
	    .family = family_of(from),
	    .saddr = addr_of(from),
	    .daddr = addr_of(to),
	    .saddr_prefix = from_len,
	    .daddr_prefix = to_len,
	    .proto = IPPROTO_TCP,
	    .sport = dir == POLICY_OUT ? 0 : 3260,
	    .sport_mask = dir == POLICY_OUT ? 0 : 0xffff,
	    .dport = dir == POLICY_OUT ? 3260 : 0,
	    .dport_mask = dir == POLICY_OUT ? 0xffff : 0,
	    .allow = true,
	};
	return policy;
}

static struct policy_template *add_template(struct policy *policy, uint8_t proto,
					    uint8_t mode, uint32_t reqid)
{
	struct policy_template *template = &policy->templates[policy->n_templates++];

	*template = (struct policy_template){
	    .family = policy->family, .proto = proto, .mode = mode, .reqid = reqid};
	return template;
}

static void ends(struct policy_template *template, const char *from, const char *to)
{
	template->family = family_of(from);
	template->saddr = addr_of(from);
	template->daddr = addr_of(to);
}

/* The connection's own policies, in transport mode. */
static void transport_policies(uint32_t reqid)
{
	add_template(add_policy(POLICY_OUT, "10.0.0.1", 32, "192.0.2.1", 32), ESP,
		     TRANSPORT, reqid);
	add_template(add_policy(POLICY_IN, "192.0.2.1", 32, "10.0.0.1", 32), ESP,
		     TRANSPORT, reqid);
}

/* And in tunnel mode between 10.0.0.1 and a gateway. */
static void tunnel_policies(uint32_t reqid, const char *gateway)
{
	ends(add_template(add_policy(POLICY_OUT, "10.0.0.1", 32, "192.0.2.0", 24), ESP,
			  TUNNEL, reqid),
	     "10.0.0.1", gateway);
	ends(add_template(add_policy(POLICY_IN, "192.0.2.0", 24, "10.0.0.1", 32), ESP,
			  TUNNEL, reqid),
	     gateway, "10.0.0.1");
}

static struct sa sa_between(const char *from, const char *to, uint8_t mode,
			    uint32_t reqid)
{
	return (struct sa){
	    .saddr = addr_of(from),
	    .daddr = addr_of(to),
	    .family = family_of(from),
	    .proto = ESP,
	    .mode = mode,
	    .keyed = true,
	    .spi = 0x1234,
	    .reqid = reqid,
	};
}

static bool guess;

static unsigned owner_of(struct sa sa, enum sa_direction direction)
{
	claims_free(&claims);
	ck_assert_int_eq(claims_make(flows, n_flows, policies, n_policies, &claims), 0);
	return claims_find(&claims, policies, n_policies, &sa, direction, &guess);
}

static unsigned out_owner(const char *from, const char *to, uint8_t mode,
			  uint32_t reqid)
{
	return owner_of(sa_between(from, to, mode, reqid), SA_DIR_OUT);
}

static unsigned in_owner(const char *from, const char *to, uint8_t mode, uint32_t reqid)
{
	return owner_of(sa_between(from, to, mode, reqid), SA_DIR_IN);
}

CHAPTER(setup, teardown);

TEST(no_connection_no_claim)
{
	n_flows = 0;
	transport_policies(5);
	ck_assert_uint_eq(out_owner("10.0.0.1", "192.0.2.1", TRANSPORT, 5), 0);
}

TEST(transport_mode)
{
	transport_policies(5);
	ck_assert_uint_eq(out_owner("10.0.0.1", "192.0.2.1", TRANSPORT, 5), 1);
	ck_assert(!guess);
	ck_assert_uint_eq(in_owner("192.0.2.1", "10.0.0.1", TRANSPORT, 5), 1);
	/* another reqid, mode, peer, end or way */
	ck_assert_uint_eq(out_owner("10.0.0.1", "192.0.2.1", TRANSPORT, 6), 0);
	ck_assert_uint_eq(out_owner("10.0.0.1", "192.0.2.1", TRANSPORT, 0), 0);
	ck_assert_uint_eq(out_owner("10.0.0.1", "192.0.2.1", TUNNEL, 5), 0);
	ck_assert_uint_eq(out_owner("10.0.0.1", "192.0.2.2", TRANSPORT, 5), 0);
	ck_assert_uint_eq(out_owner("10.0.0.2", "192.0.2.1", TRANSPORT, 5), 0);
	ck_assert_uint_eq(in_owner("10.0.0.1", "192.0.2.1", TRANSPORT, 5), 0);
}

/* What xfrm_tmpl_resolve_one and xfrm_state_ok do not look at. */
TEST(addresses_of_a_transport_template)
{
	transport_policies(5);
	ends(&policies[0].templates[0], "203.0.113.1", "203.0.113.2");
	ck_assert_uint_eq(out_owner("10.0.0.1", "192.0.2.1", TRANSPORT, 5), 1);
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

/* Its own end is not in the template: it follows from the route. */
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
	ck_assert_uint_eq(out_owner("10.0.0.1", "192.0.2.1", TRANSPORT, 5), 1);
	flows[0].remote = addr_of("192.0.2.4");
	ck_assert_uint_eq(out_owner("10.0.0.1", "192.0.2.4", TRANSPORT, 5), 0);
	flows[0].remote = addr_of("192.0.2.1");
	flows[0].remote_port = 3261;
	ck_assert_uint_eq(out_owner("10.0.0.1", "192.0.2.1", TRANSPORT, 5), 0);
	policy->dport_mask = 0xfffe;
	ck_assert_uint_eq(out_owner("10.0.0.1", "192.0.2.1", TRANSPORT, 5), 1);
	policy->sport = 40000;
	policy->sport_mask = 0xffff;
	ck_assert_uint_eq(out_owner("10.0.0.1", "192.0.2.1", TRANSPORT, 5), 1);
	policy->sport = 40001;
	ck_assert_uint_eq(out_owner("10.0.0.1", "192.0.2.1", TRANSPORT, 5), 0);
	flows[0].local_port = 0; /* not known: it may be */
	ck_assert_uint_eq(out_owner("10.0.0.1", "192.0.2.1", TRANSPORT, 5), 1);
	policy->proto = IPPROTO_UDP;
	ck_assert_uint_eq(out_owner("10.0.0.1", "192.0.2.1", TRANSPORT, 5), 0);
	policy->proto = 0;
	ck_assert_uint_eq(out_owner("10.0.0.1", "192.0.2.1", TRANSPORT, 5), 1);
	policy->family = AF_INET6;
	ck_assert_uint_eq(out_owner("10.0.0.1", "192.0.2.1", TRANSPORT, 5), 0);
}

TEST(the_lowest_priority_value_is_used)
{
	transport_policies(5);
	tunnel_policies(6, "203.0.113.1");
	policies[2].priority = policies[3].priority = 999;
	ck_assert_uint_eq(out_owner("10.0.0.1", "192.0.2.1", TRANSPORT, 5), 0);
	ck_assert_uint_eq(in_owner("192.0.2.1", "10.0.0.1", TRANSPORT, 5), 0);
	ck_assert_uint_eq(out_owner("10.0.0.1", "203.0.113.1", TUNNEL, 6), 1);
	ck_assert_uint_eq(in_owner("203.0.113.1", "10.0.0.1", TUNNEL, 6), 1);
	policies[2].priority = policies[3].priority = 1001;
	ck_assert_uint_eq(out_owner("10.0.0.1", "192.0.2.1", TRANSPORT, 5), 1);
	ck_assert_uint_eq(out_owner("10.0.0.1", "203.0.113.1", TUNNEL, 6), 0);
}

TEST(of_equal_ones_the_oldest)
{
	transport_policies(5);
	transport_policies(6);
	ck_assert_uint_eq(out_owner("10.0.0.1", "192.0.2.1", TRANSPORT, 5), 0);
	ck_assert_uint_eq(out_owner("10.0.0.1", "192.0.2.1", TRANSPORT, 6), 1);
}

/* Blocked, or let through as it is: no SA serves it, not even one between its ends. */
TEST(block_and_bypass)
{
	struct policy *policy = add_policy(POLICY_OUT, "0.0.0.0", 0, "0.0.0.0", 0);

	ck_assert_uint_eq(out_owner("10.0.0.1", "192.0.2.1", TRANSPORT, 5), 0);
	add_template(policy, ESP, TRANSPORT, 5);
	policy->allow = false;
	ck_assert_uint_eq(out_owner("10.0.0.1", "192.0.2.1", TRANSPORT, 5), 0);
	policy->allow = true;
	ck_assert_uint_eq(out_owner("10.0.0.1", "192.0.2.1", TRANSPORT, 5), 1);
}

/* It is that of the SA that lived when the policy was made. */
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

/* Out it must be equal, in it matches any. */
TEST(reqid_0)
{
	transport_policies(0);
	ck_assert_uint_eq(out_owner("10.0.0.1", "192.0.2.1", TRANSPORT, 0), 1);
	ck_assert_uint_eq(out_owner("10.0.0.1", "192.0.2.1", TRANSPORT, 5), 0);
	ck_assert_uint_eq(in_owner("192.0.2.1", "10.0.0.1", TRANSPORT, 5), 1);
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

/* Compressed into a tunnel, encrypted between its ends, authenticated around that. */
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
	ck_assert_uint_eq(out_owner("10.0.0.1", "192.0.2.1", TRANSPORT, 5), 0);
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
	ck_assert_uint_eq(owner_of(sa, SA_DIR_OUT), 0); /* looked up with 0 */
	flows[0].path.out_mark = policies[0].mark = 0x107;
	policies[0].mark_mask = UINT32_MAX;
	ck_assert_uint_eq(owner_of(sa, SA_DIR_OUT), 1);
	sa.mark = 8;
	ck_assert_uint_eq(owner_of(sa, SA_DIR_OUT), 0);
	sa.mark = sa.mark_mask = 0; /* an SA for any mark */
	ck_assert_uint_eq(owner_of(sa, SA_DIR_OUT), 1);
}

TEST(marks_of_policies)
{
	transport_policies(5);
	policies[0].mark = 7;
	policies[0].mark_mask = 0xff;
	ck_assert_uint_eq(out_owner("10.0.0.1", "192.0.2.1", TRANSPORT, 5), 0);
	flows[0].path.out_mark = 0x207;
	ck_assert_uint_eq(out_owner("10.0.0.1", "192.0.2.1", TRANSPORT, 5), 1);
	flows[0].path.out_mark = 8;
	flows[0].path.in_mark = 7;
	ck_assert_uint_eq(out_owner("10.0.0.1", "192.0.2.1", TRANSPORT, 5), 0);
	ck_assert_uint_eq(in_owner("192.0.2.1", "10.0.0.1", TRANSPORT, 5), 1);
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
	/* a policy without if_id is met before the interface is */
	transport_policies(6);
	sa.if_id = 9;
	ck_assert_uint_eq(owner_of(sa, SA_DIR_OUT), 0);
	ck_assert_uint_eq(out_owner("10.0.0.1", "192.0.2.1", TRANSPORT, 6), 1);
	sa = sa_between("203.0.113.1", "10.0.0.1", TUNNEL, 5);
	sa.if_id = 9;
	ck_assert_uint_eq(owner_of(sa, SA_DIR_IN), 1);
}

TEST(interface_of_a_policy)
{
	transport_policies(5);
	policies[0].if_index = 3;
	ck_assert_uint_eq(out_owner("10.0.0.1", "192.0.2.1", TRANSPORT, 5), 1);
	flows[0].path.if_index = 3;
	ck_assert_uint_eq(out_owner("10.0.0.1", "192.0.2.1", TRANSPORT, 5), 1);
	flows[0].path.if_index = 4;
	ck_assert_uint_eq(out_owner("10.0.0.1", "192.0.2.1", TRANSPORT, 5), 0);
}

/* Two records over one path: whoever is first in rank, however they are listed. */
TEST(ties)
{
	flows[1] = flow_between(2, "10.0.0.1", "192.0.2.1");
	flows[1].local_port = 40001;
	n_flows = 2;
	transport_policies(5);
	ck_assert_uint_eq(out_owner("10.0.0.1", "192.0.2.1", TRANSPORT, 5), 1);
	flows[0].rank = 300;
	flows[1].rank = 44; /* 300 is 44 in its lowest byte */
	ck_assert_uint_eq(out_owner("10.0.0.1", "192.0.2.1", TRANSPORT, 5), 2);
	/* of two different claims, too: this one names no source */
	policies[0].sport = 40000;
	policies[0].sport_mask = 0xffff;
	add_template(add_policy(POLICY_OUT, "10.0.0.1", 32, "192.0.2.1", 32), 0,
		     TRANSPORT, 5);
	ck_assert_uint_eq(out_owner("10.0.0.1", "192.0.2.1", TRANSPORT, 5), 2);
	policies[2].priority = 1001;
	ck_assert_uint_eq(out_owner("10.0.0.1", "192.0.2.1", TRANSPORT, 5), 2);
	flows[1].rank = 301;
	ck_assert_uint_eq(out_owner("10.0.0.1", "192.0.2.1", TRANSPORT, 5), 1);
}

/* Policies by port tell two sessions between the same addresses apart. */
TEST(ports_tell_sessions_apart)
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
	ck_assert_uint_eq(out_owner("10.0.0.1", "192.0.2.1", TRANSPORT, 5), 1);
	ck_assert_uint_eq(out_owner("10.0.0.1", "192.0.2.1", TRANSPORT, 6), 2);
	ck_assert_uint_eq(in_owner("192.0.2.1", "10.0.0.1", TRANSPORT, 5), 1);
	ck_assert_uint_eq(in_owner("192.0.2.1", "10.0.0.1", TRANSPORT, 6), 2);
}

/* Several paths of one record: all their SAs. */
TEST(multipath)
{
	flows[1] = flow_between(1, "10.0.1.1", "192.0.2.9");
	n_flows = 2;
	transport_policies(5);
	add_template(add_policy(POLICY_OUT, "10.0.1.1", 32, "192.0.2.9", 32), ESP,
		     TRANSPORT, 6);
	ck_assert_uint_eq(out_owner("10.0.0.1", "192.0.2.1", TRANSPORT, 5), 1);
	ck_assert_uint_eq(out_owner("10.0.1.1", "192.0.2.9", TRANSPORT, 6), 1);
}

TEST(local_address_not_known)
{
	flows[0].local = in6addr_any;
	transport_policies(5);
	ck_assert_uint_eq(out_owner("10.0.0.1", "192.0.2.1", TRANSPORT, 5), 1);
	ck_assert_uint_eq(in_owner("192.0.2.1", "10.0.0.1", TRANSPORT, 5), 1);
	ck_assert_uint_eq(in_owner("192.0.2.9", "10.0.0.1", TRANSPORT, 5), 0);
}

TEST(without_a_policy)
{
	ck_assert_uint_eq(out_owner("10.0.0.1", "192.0.2.1", TRANSPORT, 5), 1);
	ck_assert(guess);
	ck_assert_uint_eq(in_owner("192.0.2.1", "10.0.0.1", TRANSPORT, 6), 1);
	ck_assert_uint_eq(out_owner("10.0.0.1", "192.0.2.1", TUNNEL, 5), 0);
	ck_assert_uint_eq(out_owner("10.0.0.1", "192.0.2.2", TRANSPORT, 5), 0);
}

/* An SA that other traffic between the same ends has a policy for is not it. */
TEST(without_a_policy_but_for_others)
{
	struct policy *policy = add_policy(POLICY_OUT, "10.0.0.1", 32, "192.0.2.1", 32);

	policy->proto = IPPROTO_UDP;
	add_template(policy, ESP, TRANSPORT, 5);
	ck_assert_uint_eq(out_owner("10.0.0.1", "192.0.2.1", TRANSPORT, 5), 0);
	ck_assert_uint_eq(out_owner("10.0.0.1", "192.0.2.1", TRANSPORT, 6), 1);
}

/* A policy without reqid or addresses for another peer asks for that one's alone. */
TEST(without_a_policy_but_for_another_peer)
{
	struct policy *policy = add_policy(POLICY_OUT, "10.0.0.1", 32, "192.0.2.9", 32);

	add_template(policy, ESP, TRANSPORT, 0);
	ck_assert_uint_eq(out_owner("10.0.0.1", "192.0.2.1", TRANSPORT, 5), 1);
	policy->daddr = addr_of("192.0.2.1");
	policy->proto = IPPROTO_UDP;
	ck_assert_uint_eq(out_owner("10.0.0.1", "192.0.2.1", TRANSPORT, 5), 0);
}

/* The SPI in a template is out of date between a rekey and the policy's update. */
TEST(an_sa_after_a_rekey_that_another_policy_asks_for)
{
	struct policy *policy = add_policy(POLICY_OUT, "10.0.0.1", 32, "192.0.2.1", 32);

	policy->proto = IPPROTO_UDP;
	add_template(policy, ESP, TRANSPORT, 5)->spi = 0x77;
	ck_assert_uint_eq(out_owner("10.0.0.1", "192.0.2.1", TRANSPORT, 5), 0);
}

TEST(an_sa_from_any_address)
{
	transport_policies(5);
	ck_assert_uint_eq(out_owner("0.0.0.0", "192.0.2.1", TRANSPORT, 5), 1);
	ck_assert_uint_eq(out_owner("0.0.0.0", "192.0.2.2", TRANSPORT, 5), 0);
}

/* With NAT the ports of UDP are the SA's own affair; the tunnel's ends are what the
 * template says, and inside it travel the addresses of the connection. */
TEST(nat_traversal)
{
	flows[0] = flow_between(1, "10.11.0.5", "192.0.2.1"); /* of the tunnel's pool */
	add_template(add_policy(POLICY_OUT, "10.11.0.5", 32, "192.0.2.0", 24), ESP,
		     TUNNEL, 5);
	ends(&policies[0].templates[0], "192.168.1.7", "203.0.113.1");
	ck_assert_uint_eq(out_owner("192.168.1.7", "203.0.113.1", TUNNEL, 5), 1);
	ck_assert_uint_eq(out_owner("10.11.0.5", "192.0.2.1", TUNNEL, 5), 0);
}

/* BEET mode has ends of its own, as a tunnel has. */
TEST(beet_mode)
{
	struct policy *policy = add_policy(POLICY_OUT, "10.0.0.1", 32, "192.0.2.1", 32);

	ends(add_template(policy, ESP, XFRM_MODE_BEET, 5), "10.9.0.1", "10.9.0.2");
	ck_assert_uint_eq(out_owner("10.9.0.1", "10.9.0.2", XFRM_MODE_BEET, 5), 1);
	ck_assert_uint_eq(out_owner("10.9.0.1", "10.9.0.2", TUNNEL, 5), 0);
	ck_assert_uint_eq(out_owner("10.0.0.1", "192.0.2.1", XFRM_MODE_BEET, 5), 0);
}

/* Who has a policy for an SA comes before who merely sits between its ends. */
TEST(fallback_comes_last)
{
	flows[0].remote_port = 3261;
	flows[1] = flow_between(2, "10.0.0.1", "192.0.2.1");
	n_flows = 2;
	transport_policies(5);
	ck_assert_uint_eq(out_owner("10.0.0.1", "192.0.2.1", TRANSPORT, 5), 2);
	ck_assert_uint_eq(out_owner("10.0.0.1", "192.0.2.1", TRANSPORT, 6), 1);
}

TEST(direction_not_known)
{
	struct sa sa = sa_between("192.0.2.1", "10.0.0.1", TRANSPORT, 5);

	transport_policies(5);
	ck_assert_uint_eq(owner_of(sa, SA_DIR_UNKNOWN), 1);
	sa.reqid = 6;
	ck_assert_uint_eq(owner_of(sa, SA_DIR_UNKNOWN), 0);
}

/* One that is being negotiated has all that counts but keys. */
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

TEST(an_owner_that_is_forgotten)
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

/* Random policies, connections and SAs against the rules written down plainly. */

static uint32_t seed = 1;

static uint32_t roll(uint32_t n)
{
	seed = seed * 1103515245 + 12345;
	return (seed >> 16) % n;
}

static struct in6_addr some_addr(void)
{
	static const char *const addrs[] = {"10.0.0.1", "10.0.0.2", "192.0.2.1",
					    "192.0.2.2"};

	return addr_of(addrs[roll(4)]);
}

static void random_policy(void)
{
	struct policy *policy =
	    add_policy(roll(2) ? POLICY_OUT : POLICY_IN, "10.0.0.1", 0, "10.0.0.1", 0);

	policy->saddr = some_addr();
	policy->daddr = some_addr();
	policy->saddr_prefix = roll(2) ? 32 : 8;
	policy->daddr_prefix = roll(2) ? 32 : 8;
	policy->priority = roll(3);
	policy->proto = roll(3) ? IPPROTO_TCP : roll(2) ? 0 : IPPROTO_UDP;
	policy->if_id = roll(4) == 0;
	policy->allow = roll(8) > 0;
	for (uint32_t n = roll(3); n > 0; n--) {
		struct policy_template *template = add_template(
		    policy, roll(4) ? ESP : 0, roll(2) ? TUNNEL : TRANSPORT, roll(4));

		template->saddr = some_addr();
		template->daddr = some_addr();
		template->spi = roll(3);
	}
}

static bool in_prefix(const struct in6_addr *addr, const struct in6_addr *prefix,
		      uint8_t len)
{
	return len == 8 ? addr->s6_addr[0] == prefix->s6_addr[0]
			: !memcmp(addr, prefix, sizeof(*addr));
}

static const struct policy *plain_choice(const struct claim_flow *flow,
					 enum policy_dir dir, uint32_t if_id)
{
	bool out = dir == POLICY_OUT;
	const struct in6_addr *from = out ? &flow->local : &flow->remote;
	const struct in6_addr *to = out ? &flow->remote : &flow->local;
	const struct policy *best = NULL;

	for (size_t i = n_policies; i > 0; i--) { /* the oldest first */
		const struct policy *policy = &policies[i - 1];

		if (policy->dir != dir || policy->if_id != if_id ||
		    (policy->proto && policy->proto != IPPROTO_TCP) ||
		    !in_prefix(from, &policy->saddr, policy->saddr_prefix) ||
		    !in_prefix(to, &policy->daddr, policy->daddr_prefix))
			continue;
		if (!best || policy->priority < best->priority)
			best = policy;
	}
	return best;
}

static bool plain_match(const struct claim_flow *flow, enum policy_dir dir,
			const struct policy *policy, const struct sa *sa)
{
	bool out = dir == POLICY_OUT;
	struct in6_addr from = out ? flow->local : flow->remote;
	struct in6_addr to = out ? flow->remote : flow->local;

	for (size_t i = 0; policy->allow && i < policy->n_templates; i++) {
		const struct policy_template *template = &policy->templates[i];

		if (template->mode == TUNNEL) {
			from = template->saddr;
			to = template->daddr;
		}
		if ((!template->proto || template->proto == sa->proto) &&
		    template->mode == sa->mode && policy->if_id == sa->if_id &&
		    (template->reqid == sa->reqid || (!template->reqid && !out)) &&
		    (template->reqid || !template->spi || template->spi == sa->spi) &&
		    (!memcmp(&from, &sa->saddr, sizeof(from)) ||
		     IN6_IS_ADDR_UNSPECIFIED(&sa->saddr)) &&
		    !memcmp(&to, &sa->daddr, sizeof(to)))
			return true;
	}
	return false;
}

/* Whether some policy asks for the SA, for whatever traffic. */
static bool plain_asked(const struct sa *sa)
{
	for (size_t i = 0; i < n_policies; i++) {
		const struct policy *policy = &policies[i];
		const struct policy_template *tunnel = NULL;

		for (size_t j = 0; j < policy->n_templates; j++) {
			const struct policy_template *template = &policy->templates[j];
			bool from_any = IN6_IS_ADDR_UNSPECIFIED(&sa->saddr);
			bool good;

			if (template->mode == TUNNEL)
				tunnel = template;
			if (template->mode == TRANSPORT && template->reqid)
				good = true;
			else if (tunnel)
				good = (from_any || !memcmp(&tunnel->saddr, &sa->saddr,
							    sizeof(sa->saddr))) &&
				       !memcmp(&tunnel->daddr, &sa->daddr,
					       sizeof(sa->daddr));
			else
				good =
				    (from_any || in_prefix(&sa->saddr, &policy->saddr,
							   policy->saddr_prefix)) &&
				    in_prefix(&sa->daddr, &policy->daddr,
					      policy->daddr_prefix);
			if (template->reqid)
				good = good && template->reqid == sa->reqid;
			else if (template->spi)
				good = good && template->spi == sa->spi;
			if (good &&
			    (!template->proto || template->proto == sa->proto) &&
			    template->mode == sa->mode && policy->if_id == sa->if_id)
				return true;
		}
	}
	return false;
}

/* Whether the connection has the SA: 0 no, 1 as the fallback, 2 by a policy. */
static int plain_claim(const struct claim_flow *flow, enum policy_dir dir,
		       const struct sa *sa)
{
	bool out = dir == POLICY_OUT;
	uint32_t own = flow->path.if_id;
	const struct policy *policy = plain_choice(flow, dir, out ? 0 : own);

	if (!policy && own)
		policy = plain_choice(flow, dir, out ? own : 0);
	if (policy)
		return plain_match(flow, dir, policy, sa) ? 2 : 0;
	return sa->mode == TRANSPORT && sa->if_id == own &&
		       (!memcmp(out ? &flow->local : &flow->remote, &sa->saddr,
				sizeof(sa->saddr)) ||
			IN6_IS_ADDR_UNSPECIFIED(&sa->saddr)) &&
		       !memcmp(out ? &flow->remote : &flow->local, &sa->daddr,
			       sizeof(sa->daddr)) &&
		       !plain_asked(sa)
		   ? 1
		   : 0;
}

static unsigned plain_owner(const struct sa *sa, enum policy_dir dir)
{
	unsigned owner = 0;
	int best = 0;

	for (size_t i = 0; i < n_flows; i++) { /* in the order of their ranks */
		int claim = plain_claim(&flows[i], dir, sa);

		if (claim > best) {
			best = claim;
			owner = flows[i].owner;
		}
	}
	return owner;
}

TEST(random_against_the_rules)
{
	unsigned hits = 0;

	for (int round = 0; round < 3000; round++) {
		n_policies = 0;
		n_flows = 1 + roll(4);
		for (uint32_t n = roll(8); n > 0; n--)
			random_policy();
		for (unsigned i = 0; i < n_flows; i++) {
			flows[i] = flow_between(i + 1, "10.0.0.1", "192.0.2.1");
			flows[i].local = some_addr();
			flows[i].remote = some_addr();
			flows[i].path.if_id = roll(3) == 0;
		}
		for (unsigned i = 0; i < n_policies; i++) /* ports are not the point */
			policies[i].sport_mask = policies[i].dport_mask = 0;
		for (int i = 0; i < 20; i++) {
			struct sa sa =
			    sa_between("10.0.0.1", "192.0.2.1",
				       roll(2) ? TUNNEL : TRANSPORT, roll(4));
			enum policy_dir dir = roll(2) ? POLICY_OUT : POLICY_IN;
			unsigned want;

			sa.saddr = roll(8) ? some_addr() : in6addr_any;
			sa.daddr = some_addr();
			sa.spi = 1 + roll(2);
			sa.if_id = roll(3) == 0;
			sa.proto = roll(4) ? ESP : AH;
			want = plain_owner(&sa, dir);
			hits += want > 0;
			ck_assert_uint_eq(
			    owner_of(sa, dir == POLICY_OUT ? SA_DIR_OUT : SA_DIR_IN),
			    want);
		}
	}
	ck_assert_uint_gt(hits, 1000);
}
