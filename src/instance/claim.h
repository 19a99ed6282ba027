/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kernel/interface.h"
#include "kernel/policy.h"
#include "kernel/sa.h"

/*
 * Which SAs the policies would use for known TCP connections. Pure.
 *
 * For each connection and direction the kernel uses one policy. The policy's templates
 * say which SAs it may use: that is a claim. A connection that no policy selects claims
 * the transport-mode SAs between its own addresses that no policy asks for either: a
 * policy of the socket itself, which no dump shows, would use those.
 */

/* One end's view of a connection. */
struct claim_flow {
	unsigned owner; /* what claims_find() returns; not 0 */
	uint16_t family;
	struct in6_addr local; /* unspecified: not known, any */
	struct in6_addr remote;
	uint16_t local_port; /* 0: not known, any */
	uint16_t remote_port;
	struct link
	    path; /* the interface by which it goes; if_index 0: not known, any */
};

struct claim;

struct claims {
	struct claim *claims; /* by destination address */
	size_t n;
};

/*
 * Makes the claims of flows in order of precedence: if two claim one SA, the first owns
 * it. Returns 0 and the claims, which the caller frees with claims_free(), or -ENOMEM.
 *
 * The policies must be in the order of the kernel's dump, which lists the youngest
 * first (net/xfrm/xfrm_policy.c, __xfrm_policy_link and xfrm_policy_walk). Of policies
 * with one priority the kernel uses the oldest (xfrm_policy_insert_list puts it first,
 * xfrm_policy_lookup_bytype takes the first). An updated policy is listed as the
 * youngest, but may have kept its place, which no dump shows. So if two policies of one
 * priority select the same connection, the wrong one may be chosen after an update.
 */
int claims_make(const struct claim_flow *flows, size_t n_flows,
		const struct policy *policies, size_t n_policies, struct claims *ret);
void claims_free(struct claims *claims);

/* Drops the claims of an owner that no longer exists. */
void claims_forget(struct claims *claims, unsigned owner);

bool claims_equal(const struct claims *a, const struct claims *b);

/*
 * The owner of an SA, 0 if no flow claims it. direction may be SA_DIR_UNKNOWN. The
 * policies are those that the claims were made from. *ret_guess: no policy selects the
 * SA; it only lies between the ends of a connection. While a policy may be on its way,
 * such an owner may be wrong.
 */
unsigned claims_find(const struct claims *claims, const struct policy *policies,
		     size_t n_policies, const struct sa *sa,
		     enum sa_direction direction, bool *ret_guess);
