/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "instance/instance.h"
#include "kernel/local_addr.h"
#include "kernel/local_route.h"
#include "kernel/policy.h"
#include "kernel/sa.h"

/*
 * What an SA's message tells and the namespace's addresses and policies tell about
 * whose it is and which way it goes. Pure.
 */

/* What the kernel takes an SA's addresses for. */
struct sa_ends {
	enum local_kind src;
	enum local_kind dst;
};

/*
 * The ends of an SA. Addresses on interfaces come first; where neither end is on one,
 * routes tell: such SAs are rare, and remote ends are looked up for nothing. Not looked
 * at, and both LOCAL_UNKNOWN, if the kernel itself declares the SA's direction.
 */
struct sa_ends attribute_ends(const struct sa *sa, const struct local_addrs *addrs,
			      struct local_routes *routes);

/* What the direction of an SA is known by. */
enum direction_reason {
	DIRECTION_BY_NOTHING,
	DIRECTION_DECLARED,
	DIRECTION_BY_ENDS,
	DIRECTION_BY_POLICIES,
	DIRECTION_BY_SEQUENCE,
	DIRECTION_BY_GROUP,
};

/*
 * The direction of an SA, by the first of these that knows:
 * - the kernel's word (XFRMA_SA_DIR, the offload's flag);
 * - one end that is the host's own while the other is not;
 * - the policies that use it, and its sequence numbers, in this order if both ends are
 *   local; where neither is, sequence numbers in use come first: they cost nothing;
 * - a group as destination: out if the source is the host's own, else in.
 * SA_DIR_UNKNOWN if none knows, or an address has not been looked up yet. A replay
 * window alone says nothing: strongSwan sets one on outbound SAs too. *ret_reason is
 * the one that knew.
 */
enum sa_direction attribute_direction(const struct sa *sa, const struct sa_ends *ends,
				      const struct policy *policies, size_t n_policies,
				      enum direction_reason *ret_reason);

/* For people: "its addresses". */
const char *direction_reason_text(enum direction_reason reason);

/* True if the policies could change the answer of attribute_direction(). */
bool attribute_needs_policies(const struct sa *sa, const struct sa_ends *ends);

/* The number of the instance that owns the SA: of those with a matching rule the first
 * by name, else 0. */
unsigned attribute_instance(const struct instance_set *set,
			    const struct local_addrs *addrs, const struct sa *sa,
			    enum sa_direction direction);

/* True if a connection between these two addresses is the instance's: by its address
 * and device conditions, which a rule must have to match any. */
bool attribute_connection(const struct instance *instance,
			  const struct local_addrs *addrs, uint16_t family,
			  const struct in6_addr *local, const struct in6_addr *remote);
