/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "claim_world.h"

struct claim_flow flows[4];
size_t n_flows;
struct policy policies[32];
size_t n_policies;
struct claims claims;
bool guess;

struct claim_flow flow_between(unsigned owner, const char *local, const char *remote)
{
	return (struct claim_flow){
	    .owner = owner,
	    .family = family_of(remote),
	    .local = addr_of(local),
	    .remote = addr_of(remote),
	    .local_port = 40000,
	    .remote_port = 3260,
	};
}

void claim_setup(void)
{
	flows[0] = flow_between(1, "10.0.0.1", "192.0.2.1");
	n_flows = 1;
	n_policies = 0;
	claims = (struct claims){0};
}

void claim_teardown(void)
{
	claims_free(&claims);
}

struct policy *add_policy(enum policy_dir dir, const char *from, uint8_t from_len,
			  const char *to, uint8_t to_len)
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

struct policy_template *add_template(struct policy *policy, uint8_t proto, uint8_t mode,
				     uint32_t reqid)
{
	struct policy_template *template = &policy->templates[policy->n_templates++];

	*template = (struct policy_template){
	    .family = policy->family, .proto = proto, .mode = mode, .reqid = reqid};
	return template;
}

void ends(struct policy_template *template, const char *from, const char *to)
{
	template->family = family_of(from);
	template->saddr = addr_of(from);
	template->daddr = addr_of(to);
}

void transport_policies(uint32_t reqid)
{
	add_template(add_policy(POLICY_OUT, "10.0.0.1", 32, "192.0.2.1", 32), ESP,
		     TRANSPORT, reqid);
	add_template(add_policy(POLICY_IN, "192.0.2.1", 32, "10.0.0.1", 32), ESP,
		     TRANSPORT, reqid);
}

void tunnel_policies(uint32_t reqid, const char *gateway)
{
	ends(add_template(add_policy(POLICY_OUT, "10.0.0.1", 32, "192.0.2.0", 24), ESP,
			  TUNNEL, reqid),
	     "10.0.0.1", gateway);
	ends(add_template(add_policy(POLICY_IN, "192.0.2.0", 24, "10.0.0.1", 32), ESP,
			  TUNNEL, reqid),
	     gateway, "10.0.0.1");
}

struct sa sa_between(const char *from, const char *to, uint8_t mode, uint32_t reqid)
{
	struct sa sa = sa_of(from, to, 0x1234);

	sa.mode = mode;
	sa.reqid = reqid;
	return sa;
}

unsigned owner_of(struct sa sa, enum sa_direction direction)
{
	claims_free(&claims);
	ck_assert_int_eq(claims_make(flows, n_flows, policies, n_policies, &claims), 0);
	return claims_find(&claims, policies, n_policies, &sa, direction, &guess);
}

unsigned out_owner(const char *from, const char *to, uint8_t mode, uint32_t reqid)
{
	return owner_of(sa_between(from, to, mode, reqid), SA_DIR_OUT);
}

unsigned in_owner(const char *from, const char *to, uint8_t mode, uint32_t reqid)
{
	return owner_of(sa_between(from, to, mode, reqid), SA_DIR_IN);
}
