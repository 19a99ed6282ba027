/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kernel/policy.h"
#include "kernel/sa.h"

/*
 * Which SAs the policies would use for known TCP connections. Pure.
 *
 * For each connection and direction the kernel uses one policy, and its templates say
 * what an SA must be like: that is a claim. A connection that meets no policy claims
 * the transport-mode SAs between its own addresses that no policy asks for either
 * (what a policy of the socket itself, which no dump shows, would use).
 */

/* The interface that a connection is routed to, as far as policies care. */
struct claim_path {
	uint32_t if_index; /* 0: not known, any */
	uint32_t if_id;    /* of an XFRM interface, else 0 */
	uint32_t out_mark; /* a VTI's keys, else 0 */
	uint32_t in_mark;
};

/* One end's view of a connection. */
struct claim_flow {
	unsigned owner; /* what claims_find() returns; not 0 */
	unsigned rank;  /* of two owners the lower wins */
	uint16_t family;
	struct in6_addr local; /* unspecified: not known, any */
	struct in6_addr remote;
	uint16_t local_port; /* 0: not known, any */
	uint16_t remote_port;
	struct claim_path path;
};

struct claim;

struct claims {
	struct claim *claims; /* by destination address */
	size_t n;
};

/*
 * Returns 0 and the claims, which the caller frees with claims_free(), or -ENOMEM.
 * policies must be in the order of the kernel's dump, which lists the youngest
 * first (net/xfrm/xfrm_policy.c, __xfrm_policy_link and xfrm_policy_walk); of those
 * with one priority the kernel uses the oldest (xfrm_policy_insert_list puts it first,
 * xfrm_policy_lookup_bytype takes the first). One that has been updated is listed as
 * the youngest, but may have kept its place: no dump tells, so of two policies of one
 * priority that select the same connection the wrong one may be chosen then.
 */
int claims_make(const struct claim_flow *flows, size_t n_flows,
		const struct policy *policies, size_t n_policies, struct claims *ret);
void claims_free(struct claims *claims);

/* Drops those of one owner, which is there no more. */
void claims_forget(struct claims *claims, unsigned owner);

bool claims_equal(const struct claims *a, const struct claims *b);

/*
 * The owner of an SA, 0 if nobody claims it. direction may be SA_DIR_UNKNOWN. The
 * policies are those that the claims were made from. *ret_guess: no policy says so; the
 * SA only lies between a connection's ends. Of one whose policy is still to come that
 * is not to be believed.
 */
unsigned claims_find(const struct claims *claims, const struct policy *policies,
		     size_t n_policies, const struct sa *sa,
		     enum sa_direction direction, bool *ret_guess);
