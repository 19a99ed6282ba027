/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <linux/netlink.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kernel/sa.h"

/* One policy as a message of the kernel's XFRM shows it: which traffic, and what
 * must be done to it. */

enum policy_dir {
	POLICY_IN,
	POLICY_OUT,
	POLICY_FWD,
};

/* One step of the transformation. Zero and the unspecified address match any SA. */
struct policy_template {
	struct in6_addr saddr;
	struct in6_addr daddr;
	uint32_t spi; /* host order */
	uint32_t reqid;
	uint16_t family;
	uint8_t proto; /* 0: any IPsec protocol */
	uint8_t mode;
};

#define POLICY_MAX_TEMPLATES 6 /* XFRM_MAX_DEPTH */

struct policy {
	enum policy_dir dir;
	uint32_t priority; /* the lowest value that matches is used */
	uint32_t if_id;
	uint32_t mark;
	uint32_t mark_mask;
	uint16_t family;
	struct in6_addr saddr;
	struct in6_addr daddr;
	uint8_t saddr_prefix;
	uint8_t daddr_prefix;
	uint8_t proto;              /* of the traffic, 0: any */
	uint16_t sport, sport_mask; /* host order */
	uint16_t dport, dport_mask;
	uint32_t if_index; /* that the traffic leaves or comes by, 0: any */
	bool allow;
	size_t n_templates;
	struct policy_template templates[POLICY_MAX_TEMPLATES];
};

/*
 * Reads one NEWPOLICY message, such as a dump of the SPD brings. Returns 0;
 * -ENOENT for any other message and for the policies of sockets, which no dump
 * explains; -EBADMSG if it is too short. On an error *ret_policy is untouched.
 */
int policy_parse(const struct nlmsghdr *nlh, struct policy *ret_policy);

/* What is looked up among the policies. */
struct policy_traffic {
	uint16_t family;
	const struct in6_addr *saddr; /* unspecified: not known, any */
	const struct in6_addr *daddr;
	uint8_t proto;
	uint16_t sport, dport; /* host order, 0: not known, any */
	uint32_t if_id;
	uint32_t mark;
	uint32_t if_index; /* 0: not known, any */
};

/* True if the policy is for this traffic (xfrm_policy_match, xfrm_selector_match). */
bool policy_selects(const struct policy *policy, const struct policy_traffic *traffic);

/* True if a policy looks at if_id, mark or interface: then the route matters. */
bool policies_ask_for_path(const struct policy *policies, size_t n_policies);

/* True if a policy has a template that asks for this SA, whoever its traffic is. */
bool policies_ask_for(const struct policy *policies, size_t n_policies,
		      const struct sa *sa);

/*
 * The direction of an SA both of whose addresses are local: that of the policies
 * whose templates ask for it, SA_DIR_UNKNOWN if none does or both kinds do.
 */
enum sa_direction policy_direction(const struct policy *policies, size_t n_policies,
				   const struct sa *sa);
