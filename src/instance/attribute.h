/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "instance/instance.h"
#include "kernel/iscsi_sysfs.h"
#include "kernel/interface.h"
#include "kernel/local_route.h"
#include "kernel/policy.h"
#include "kernel/sa.h"

/*
 * The direction and the instance of an SA, as far as its message, the namespace's
 * addresses and policies and the configured rules show them. Pure.
 */

/* What the kernel takes an SA's addresses for. */
struct sa_ends {
	enum local_kind src;
	enum local_kind dst;
};

/*
 * The ends of an SA. Addresses on interfaces are compared first. Routes are looked up
 * only if neither end is on an interface: such SAs are rare. If the kernel itself
 * declares the SA's direction, both ends are LOCAL_UNKNOWN, without any lookup.
 */
struct sa_ends attribute_ends(const struct sa *sa, const struct local_addrs *addrs,
			      struct local_routes *routes);

/* What shows the direction of an SA. */
enum direction_reason {
	DIRECTION_BY_NOTHING,
	DIRECTION_DECLARED,
	DIRECTION_BY_ENDS,
	DIRECTION_BY_POLICIES,
	DIRECTION_BY_SEQUENCE,
	DIRECTION_BY_GROUP,
};

/*
 * The direction of an SA, by the first of these that shows it:
 * - the kernel's declaration (XFRMA_SA_DIR, the offload's flag);
 * - its ends, if exactly one of them is local;
 * - the policies that use it, and then its sequence numbers, if both ends are local. If
 *   neither end is, sequence numbers come before policies, since they cost nothing;
 * - a group as destination: out if the source is local, else in.
 * SA_DIR_UNKNOWN if none does, or if an address has not been looked up yet. A replay
 * window alone shows nothing: strongSwan sets one on outbound SAs too.
 */
enum sa_direction attribute_direction(const struct sa *sa, const struct sa_ends *ends,
				      const struct policy *policies, size_t n_policies,
				      enum direction_reason *ret_reason);

extern const char *const direction_reason_texts[]; /* for people */

/* True if the policies could change the answer of attribute_direction(). */
bool attribute_needs_policies(const struct sa *sa, const struct sa_ends *ends);

/* The number of the instance that has a rule that matches the SA: of several instances
 * the first by name. 0: none. */
unsigned attribute_instance(const struct instance_set *set,
			    const struct local_addrs *addrs, const struct sa *sa,
			    enum sa_direction direction);

/* The same for a connection whose remote address is known. Of a rule, only its address
 * and device conditions count; a rule without any of them does not match. */
unsigned attribute_connection(const struct instance_set *set,
			      const struct local_addrs *addrs,
			      const struct iscsi_connection *connection);
