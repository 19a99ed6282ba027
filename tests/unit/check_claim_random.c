/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "claim_world.h"

#include <string.h>

/* Random policies, connections and SAs, against the rules written plainly. */

CHAPTER(claim_setup, claim_teardown);

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

/* True if any policy uses the SA, for any traffic. */
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

/* 0: the SA does not belong to the connection, 1: only as the fallback, 2: by a
 * policy. */
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

	for (size_t i = 0; i < n_flows; i++) {
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
		for (unsigned i = 0; i < n_policies; i++) /* no ports */
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
