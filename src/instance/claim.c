/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "instance/claim.h"

#include <errno.h>
#include <linux/xfrm.h>
#include <stdlib.h>
#include <string.h>

#include "util/array.h"

/* Which SAs are claimed. Zero and the unspecified address match any SA, except in
 * reqid, if_id and mark. */
struct claim {
	struct in6_addr daddr; /* first, since memcmp() sorts */
	struct in6_addr saddr;
	uint32_t spi;
	uint32_t reqid;
	uint32_t if_id;
	uint32_t mark; /* that the SA is looked up with */
	uint16_t family;
	uint8_t proto;
	uint8_t mode;
	uint8_t direction; /* enum sa_direction */
	uint8_t any_reqid;
	uint8_t fallback; /* only SAs that no policy asks for */
	uint8_t reserved; /* 0, in place of padding */
	uint32_t rank;    /* of the flow; the lower one takes precedence */
	uint32_t owner;
};

_Static_assert(sizeof(struct claim) == 64, "no padding between the members");

static int compare(const void *left, const void *right)
{
	const struct claim *a = left;
	const struct claim *b = right;
	int order = memcmp(a, b, offsetof(struct claim, rank));

	return order ? order : (a->rank > b->rank) - (a->rank < b->rank);
}

/* Source and destination of a packet, as the templates have wrapped it so far. */
struct ends {
	struct in6_addr from;
	struct in6_addr to;
	uint16_t family;
};

static struct ends ends_of(const struct claim_flow *flow, enum policy_dir dir)
{
	bool out = dir == POLICY_OUT;

	return (struct ends){
	    .from = out ? flow->local : flow->remote,
	    .to = out ? flow->remote : flow->local,
	    .family = flow->family,
	};
}

static const struct policy *find_policy(const struct policy *policies, size_t n,
					enum policy_dir dir,
					const struct policy_traffic *traffic)
{
	const struct policy *best = NULL;

	for (size_t i = 0; i < n; i++) {
		const struct policy *policy = &policies[i];

		if (policy->dir == dir &&
		    (!best || policy->priority <= best->priority) &&
		    policy_selects(policy, traffic))
			best = policy;
	}
	return best;
}

/*
 * A packet that is sent meets the policies without if_id and mark first, and then, in
 * the interface, those with the interface's if_id and mark (xfrmi_xmit, vti_xmit). A
 * packet that the interface receives is checked against the latter.
 */
static const struct policy *choose_policy(const struct policy *policies, size_t n,
					  const struct claim_flow *flow,
					  enum policy_dir dir)
{
	const struct ends ends = ends_of(flow, dir);
	bool out = dir == POLICY_OUT;
	const struct policy_traffic plain = {
	    .family = flow->family,
	    .saddr = &ends.from,
	    .daddr = &ends.to,
	    .proto = IPPROTO_TCP,
	    .sport = out ? flow->local_port : flow->remote_port,
	    .dport = out ? flow->remote_port : flow->local_port,
	    .if_index = flow->path.if_index,
	};
	struct policy_traffic own = plain;
	const struct policy *policy;

	own.if_id = flow->path.if_id;
	own.mark = out ? flow->path.out_mark : flow->path.in_mark;
	policy = find_policy(policies, n, dir, out ? &plain : &own);
	if (!policy && (own.if_id || own.mark))
		policy = find_policy(policies, n, dir, out ? &own : &plain);
	return policy;
}

static bool has_addr(const struct in6_addr *addr)
{
	return !IN6_IS_ADDR_UNSPECIFIED(addr);
}

/* Tunnel and BEET modes give the packet new ends, which the next template sees. In
 * transport mode the kernel ignores the template's addresses (xfrm_tmpl_resolve_one,
 * xfrm_state_ok). */
static void wrap(struct ends *ends, const struct policy_template *template)
{
	if (template->mode == XFRM_MODE_TRANSPORT)
		return;
	ends->family = template->family;
	ends->from = template->saddr;
	ends->to = template->daddr;
}

/*
 * A template's SPI is that of the SA that existed when the policy was made or updated,
 * and does not select the next SA. Therefore it counts only if there is no reqid.
 * Outbound, the reqid must be the same even if it is 0; inbound, 0 matches any
 * (xfrm_state_look_at, xfrm_state_ok).
 */
static int claim_template(struct claims *claims, const struct claim_flow *flow,
			  const struct policy *policy, struct ends *ends,
			  const struct policy_template *template, bool fallback)
{
	bool out = policy->dir == POLICY_OUT;

	wrap(ends, template);
	if (template->proto == IPPROTO_COMP)
		return 0; /* its bytes are not counted */
	if (array_reserve(&claims->claims, claims->n, 1) < 0)
		return -ENOMEM;
	claims->claims[claims->n++] = (struct claim){
	    .daddr = ends->to,
	    .saddr = ends->from,
	    .spi = template->reqid ? 0 : template->spi,
	    .reqid = template->reqid,
	    .if_id = policy->if_id,
	    .mark = policy->mark & policy->mark_mask,
	    .family = ends->family,
	    .proto = template->proto,
	    .mode = template->mode,
	    .direction = out ? SA_DIR_OUT : SA_DIR_IN,
	    .any_reqid = fallback || (!template->reqid && !out),
	    .fallback = fallback,
	    .owner = flow->owner,
	};
	return 0;
}

static int claim_direction(struct claims *claims, const struct claim_flow *flow,
			   enum policy_dir dir, const struct policy *policies, size_t n)
{
	const struct policy fallback = {
	    .dir = dir,
	    .if_id = flow->path.if_id,
	    .mark = dir == POLICY_OUT ? flow->path.out_mark : flow->path.in_mark,
	    .mark_mask = UINT32_MAX,
	    .allow = true,
	    .n_templates = 1,
	    .templates = {{.mode = XFRM_MODE_TRANSPORT}},
	};
	const struct policy *chosen = choose_policy(policies, n, flow, dir);
	const struct policy *policy = chosen ? chosen : &fallback;
	struct ends ends = ends_of(flow, dir);
	int err = 0;

	for (size_t i = 0; policy->allow && i < policy->n_templates && !err; i++)
		err = claim_template(claims, flow, policy, &ends, &policy->templates[i],
				     !chosen);
	return err;
}

/* Keeps equal claims once, for the owner with the lowest rank, which comes first. */
static void unite(struct claims *claims)
{
	size_t same = offsetof(struct claim, rank);
	size_t n = 0;

	if (claims->n)
		qsort(claims->claims, claims->n, sizeof(*claims->claims), compare);
	for (size_t i = 0; i < claims->n; i++)
		if (n == 0 ||
		    memcmp(&claims->claims[n - 1], &claims->claims[i], same) != 0)
			claims->claims[n++] = claims->claims[i];
	claims->n = n;
}

int claims_make(const struct claim_flow *flows, size_t n_flows,
		const struct policy *policies, size_t n_policies, struct claims *ret)
{
	struct claims claims = {0};
	int err = 0;

	for (size_t i = 0; i < n_flows && !err; i++) {
		size_t first = claims.n;

		err = claim_direction(&claims, &flows[i], POLICY_OUT, policies,
				      n_policies);
		if (!err)
			err = claim_direction(&claims, &flows[i], POLICY_IN, policies,
					      n_policies);
		for (size_t k = first; k < claims.n; k++)
			claims.claims[k].rank = (uint32_t)i;
	}
	if (err) {
		claims_free(&claims);
		return err;
	}
	unite(&claims);
	*ret = claims;
	return 0;
}

void claims_free(struct claims *claims)
{
	free(claims->claims);
	*claims = (struct claims){0};
}

void claims_forget(struct claims *claims, unsigned owner)
{
	size_t n = 0;

	for (size_t i = 0; i < claims->n; i++)
		if (claims->claims[i].owner != owner)
			claims->claims[n++] = claims->claims[i];
	claims->n = n;
}

bool claims_equal(const struct claims *a, const struct claims *b)
{
	return a->n == b->n &&
	       (!a->n || !memcmp(a->claims, b->claims, a->n * sizeof(*a->claims)));
}

/* An SA without a source address serves any source (xfrm_state_addr_check). */
static bool matches(const struct claim *claim, const struct sa *sa,
		    enum sa_direction direction)
{
	return claim->family == sa->family &&
	       (direction == SA_DIR_UNKNOWN || claim->direction == direction) &&
	       (!claim->proto || claim->proto == sa->proto) &&
	       claim->mode == sa->mode &&
	       (claim->any_reqid || claim->reqid == sa->reqid) &&
	       (!claim->spi || claim->spi == sa->spi) && claim->if_id == sa->if_id &&
	       (claim->mark & sa->mark_mask) == sa->mark &&
	       (!has_addr(&claim->saddr) || !has_addr(&sa->saddr) ||
		!memcmp(&claim->saddr, &sa->saddr, sizeof(sa->saddr)));
}

/* The first claim on a destination address. */
static size_t first_of(const struct claims *claims, const struct in6_addr *daddr)
{
	size_t low = 0;
	size_t high = claims->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (memcmp(&claims->claims[middle].daddr, daddr, sizeof(*daddr)) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* The best of the matching claims on one destination and of best, which may be NULL. */
static const struct claim *best_of(const struct claims *claims,
				   const struct in6_addr *daddr, const struct sa *sa,
				   enum sa_direction direction,
				   const struct claim *best)
{
	for (size_t i = first_of(claims, daddr); i < claims->n; i++) {
		const struct claim *claim = &claims->claims[i];

		if (memcmp(&claim->daddr, daddr, sizeof(*daddr)) != 0)
			break;
		if (matches(claim, sa, direction) &&
		    (!best || claim->fallback < best->fallback ||
		     (claim->fallback == best->fallback && claim->rank < best->rank)))
			best = claim;
	}
	return best;
}

unsigned claims_find(const struct claims *claims, const struct policy *policies,
		     size_t n_policies, const struct sa *sa,
		     enum sa_direction direction, bool *ret_guess)
{
	const struct claim *best;

	*ret_guess = false;
	if (!claims->n || !sa_is_ipsec(sa))
		return 0;
	best = best_of(claims, &sa->daddr, sa, direction, NULL);
	best = best_of(claims, &in6addr_any, sa, direction, best);
	if (!best || (best->fallback && policies_ask_for(policies, n_policies, sa)))
		return 0;
	*ret_guess = best->fallback;
	return best->owner;
}
