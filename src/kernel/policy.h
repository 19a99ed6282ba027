/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <linux/netlink.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kernel/sa.h"

/* A policy as read from a message of XFRM: which traffic it selects, and how that must
 * be transformed. */

enum policy_dir { /* the numbers of XFRM_POLICY_* */
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
	uint32_t if_index; /* by which the traffic leaves or arrives, 0: any */
	bool allow;
	size_t n_templates;
	struct policy_template templates[POLICY_MAX_TEMPLATES];
};

/* Reads one NEWPOLICY message, as in a dump of the SPD. Returns 0; -ENOENT for any
 * other message and for a policy of a socket; or -EBADMSG if the message is malformed.
 * On an error *ret_policy is untouched. */
int policy_parse(const struct nlmsghdr *nlh, struct policy *ret_policy);

/* The traffic that is looked up among the policies. */
struct policy_traffic {
	uint16_t family;
	const struct in6_addr *saddr; /* unspecified: unknown, any */
	const struct in6_addr *daddr;
	uint8_t proto;
	uint16_t sport, dport; /* host order, 0: unknown, any */
	uint32_t if_id;
	uint32_t mark;
	uint32_t if_index; /* 0: unknown, any */
};

/* Returns true if the policy selects this traffic (xfrm_policy_match,
 * xfrm_selector_match). */
bool policy_selects(const struct policy *policy, const struct policy_traffic *traffic);

/* Returns true if a policy has an if_id, a mark or an interface: then the route
 * decides which policy the kernel uses. */
bool policies_ask_for_path(const struct policy *policies, size_t n_policies);

/* Returns true if a template of a policy matches this SA, for any traffic. */
bool policies_ask_for(const struct policy *policies, size_t n_policies,
		      const struct sa *sa);

/* Returns the direction of an SA between two local addresses: that of the policies with
 * a matching template, or SA_DIR_UNKNOWN if there are none or both kinds. */
enum sa_direction policy_direction(const struct policy *policies, size_t n_policies,
				   const struct sa *sa);
