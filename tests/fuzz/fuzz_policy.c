/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The input is a datagram of NETLINK_XFRM with policies. What each selects and asks for
 * is then looked up, for traffic and an SA that match it.
 */
#include "fuzz.h"

#include <errno.h>
#include <linux/xfrm.h>
#include <string.h>

#include "kernel/policy.h"

enum {
	POLICIES = 16,
};

struct policies {
	struct policy policies[POLICIES];
	size_t n;
};

/* Traffic between the addresses of the selector itself. */
static void check_selection(const struct policy *policy)
{
	const struct policy_traffic traffic = {
	    .family = policy->family,
	    .saddr = &policy->saddr,
	    .daddr = &policy->daddr,
	    .proto = policy->proto,
	    .sport = policy->sport,
	    .dport = policy->dport,
	    .if_id = policy->if_id,
	    .mark = policy->mark,
	    .if_index = policy->if_index,
	};
	bool possible = policy->saddr_prefix <= 128 && policy->daddr_prefix <= 128 &&
			!(policy->mark & ~policy->mark_mask);

	HOLDS(policy_selects(policy, &traffic) || !possible ||
	      (policy->family != AF_INET && policy->family != AF_INET6));
}

static struct sa sa_for(const struct policy *policy,
			const struct policy_template *template)
{
	return (struct sa){
	    .saddr = template->saddr,
	    .daddr = template->daddr,
	    .family = template->family,
	    .proto = template->proto ? template->proto : IPPROTO_ESP,
	    .mode = template->mode,
	    .spi = template->spi,
	    .reqid = template->reqid,
	    .if_id = policy->if_id,
	    .keyed = true,
	};
}

static void check_policy(const struct policy *policy)
{
	HOLDS(policy->dir <= POLICY_FWD);
	HOLDS(policy->n_templates <= POLICY_MAX_TEMPLATES);
	check_selection(policy);
	policies_ask_for_path(policy, 1);
	for (size_t i = 0; i < policy->n_templates; i++) {
		const struct sa sa = sa_for(policy, &policy->templates[i]);
		enum sa_direction direction = policy_direction(policy, 1, &sa);

		HOLDS(!direction || policies_ask_for(policy, 1, &sa));
		HOLDS(direction != SA_DIR_OUT || policy->dir == POLICY_OUT);
		HOLDS(direction != SA_DIR_IN || policy->dir != POLICY_OUT);
	}
}

static void read_message(void *ctx, const struct nlmsghdr *nlh)
{
	struct policies *policies = ctx;
	struct policy policy, before;
	int err;

	memset(&before, 0xa5, sizeof(before));
	memcpy(&policy, &before, sizeof(policy));
	err = policy_parse(nlh, &policy);
	HOLDS(err == 0 || err == -EBADMSG || err == -ENOENT);
	HOLDS(!err || !memcmp(&policy, &before, sizeof(policy)));
	if (err)
		return;
	check_policy(&policy);
	if (policies->n < POLICIES)
		policies->policies[policies->n++] = policy;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct policies all = {.n = 0};

	each_message(data, size, read_message, &all);
	policies_ask_for_path(all.policies, all.n);
	for (size_t i = 0; i < all.n; i++) {
		const struct policy *policy = &all.policies[i];

		for (size_t k = 0; k < policy->n_templates; k++) {
			const struct sa sa = sa_for(policy, &policy->templates[k]);

			HOLDS(!policies_ask_for(policy, 1, &sa) ||
			      policies_ask_for(all.policies, all.n, &sa));
			policy_direction(all.policies, all.n, &sa);
		}
	}
	return 0;
}
