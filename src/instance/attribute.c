/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "instance/attribute.h"

#include <string.h>

static enum local_kind kind_by_interface(const struct local_addrs *addrs,
					 uint16_t family, const struct in6_addr *addr)
{
	return local_addrs_find(addrs, family, addr) ? LOCAL_OWN
						     : local_kind_of_addr(family, addr);
}

struct sa_ends attribute_ends(const struct sa *sa, const struct local_addrs *addrs,
			      struct local_routes *routes)
{
	struct sa_ends ends = {LOCAL_UNKNOWN, LOCAL_UNKNOWN};
	uint32_t mark = sa->mark & sa->mark_mask;

	if (sa->declared != SA_DIR_UNKNOWN)
		return ends;
	ends.src = kind_by_interface(addrs, sa->family, &sa->saddr);
	ends.dst = kind_by_interface(addrs, sa->family, &sa->daddr);
	if (ends.src == LOCAL_OWN || ends.dst == LOCAL_OWN) {
		if (ends.src == LOCAL_UNKNOWN)
			ends.src = LOCAL_NO;
		if (ends.dst == LOCAL_UNKNOWN)
			ends.dst = LOCAL_NO;
		return ends;
	}
	ends.dst = local_routes_find(routes, sa->family, &sa->daddr, mark);
	ends.src = local_routes_find(routes, sa->family, &sa->saddr, mark);
	return ends;
}

static bool are_known(const struct sa_ends *ends)
{
	return ends->src != LOCAL_UNKNOWN && ends->dst != LOCAL_UNKNOWN;
}

/* A group as source counts as remote: it has no route either. */
static enum sa_direction direction_by_ends(const struct sa_ends *ends)
{
	if (!are_known(ends))
		return SA_DIR_UNKNOWN;
	if (ends->dst == LOCAL_OWN && ends->src != LOCAL_OWN)
		return SA_DIR_IN;
	if (ends->src == LOCAL_OWN && ends->dst == LOCAL_NO)
		return SA_DIR_OUT;
	return SA_DIR_UNKNOWN;
}

bool attribute_needs_policies(const struct sa *sa, const struct sa_ends *ends)
{
	bool both_local = ends->src == LOCAL_OWN && ends->dst == LOCAL_OWN;

	return sa->declared == SA_DIR_UNKNOWN && are_known(ends) &&
	       direction_by_ends(ends) == SA_DIR_UNKNOWN &&
	       (both_local || sa->sequence == SA_DIR_UNKNOWN);
}

/* A host may both send to a group and receive from it. An SA whose source is
 * unspecified may serve either purpose, so it has no direction before it has carried
 * packets. */
static enum sa_direction direction_of_group(const struct sa *sa,
					    const struct sa_ends *ends)
{
	if (!are_known(ends) || ends->dst != LOCAL_GROUP)
		return SA_DIR_UNKNOWN;
	if (ends->src == LOCAL_OWN)
		return SA_DIR_OUT;
	return IN6_IS_ADDR_UNSPECIFIED(&sa->saddr) ? SA_DIR_UNKNOWN : SA_DIR_IN;
}

enum sa_direction attribute_direction(const struct sa *sa, const struct sa_ends *ends,
				      const struct policy *policies, size_t n_policies,
				      enum direction_reason *ret_reason)
{
	enum direction_reason reason = DIRECTION_DECLARED;
	enum sa_direction direction = sa->declared;

	while (direction == SA_DIR_UNKNOWN && reason < DIRECTION_BY_GROUP)
		switch (++reason) {
		case DIRECTION_BY_ENDS:
			direction = direction_by_ends(ends);
			break;
		case DIRECTION_BY_POLICIES:
			if (attribute_needs_policies(sa, ends))
				direction = policy_direction(policies, n_policies, sa);
			break;
		case DIRECTION_BY_SEQUENCE:
			direction = sa->sequence;
			break;
		default:
			direction = direction_of_group(sa, ends);
		}
	*ret_reason = direction == SA_DIR_UNKNOWN ? DIRECTION_BY_NOTHING : reason;
	return direction;
}

const char *const direction_reason_texts[] = {
    [DIRECTION_BY_NOTHING] = "nothing known yet",
    [DIRECTION_DECLARED] = "the kernel's XFRMA_SA_DIR or offload flag",
    [DIRECTION_BY_ENDS] = "which end is local",
    [DIRECTION_BY_POLICIES] = "the policies that use it",
    [DIRECTION_BY_SEQUENCE] = "the sequence numbers in use",
    [DIRECTION_BY_GROUP] = "its multicast destination",
};

static bool ends_match(const struct instance_rule *rule,
		       const struct local_addrs *addrs, uint16_t family,
		       const struct in6_addr *local, const struct in6_addr *remote)
{
	return prefix_matches(&rule->local, family, local) &&
	       prefix_matches(&rule->remote, family, remote) &&
	       (!rule->device[0] ||
		(rule->device_index &&
		 local_addrs_on(addrs, family, local, rule->device_index)));
}

static bool rule_matches(const struct instance_rule *rule,
			 const struct local_addrs *addrs, const struct sa *sa,
			 enum sa_direction direction)
{
	if (rule->has_reqid && rule->reqid != sa->reqid)
		return false;
	if (rule->has_if_id && rule->if_id != sa->if_id)
		return false;
	if (rule->has_mark &&
	    (sa->mark & rule->mark_mask) != (rule->mark & rule->mark_mask))
		return false;
	if (direction != SA_DIR_IN &&
	    ends_match(rule, addrs, sa->family, &sa->saddr, &sa->daddr))
		return true;
	return direction != SA_DIR_OUT &&
	       ends_match(rule, addrs, sa->family, &sa->daddr, &sa->saddr);
}

/* A rule of the SA's marks alone says nothing about connections. */
static bool connects(const struct instance_rule *rule, const struct local_addrs *addrs,
		     const struct sa *ends)
{
	return (rule->local.family || rule->remote.family || rule->device[0]) &&
	       ends_match(rule, addrs, ends->family, &ends->saddr, &ends->daddr);
}

/* is_connection: sa has the ends of an outgoing connection, and nothing else. */
static bool owns(const struct instance *instance, const struct local_addrs *addrs,
		 const struct sa *sa, enum sa_direction direction, bool is_connection)
{
	for (size_t i = 0; i < instance->n_rules; i++) {
		const struct instance_rule *rule = &instance->rules[i];

		if (is_connection ? connects(rule, addrs, sa)
				  : rule_matches(rule, addrs, sa, direction))
			return true;
	}
	return false;
}

static unsigned find_owner(const struct instance_set *set,
			   const struct local_addrs *addrs, const struct sa *sa,
			   enum sa_direction direction, bool is_connection)
{
	unsigned best = 0;

	for (unsigned i = 1; i < set->n; i++) {
		const struct instance *instance = &set->instances[i];

		if (owns(instance, addrs, sa, direction, is_connection) &&
		    (!best || strcmp(instance->name, set->instances[best].name) < 0))
			best = i;
	}
	return best;
}

unsigned attribute_instance(const struct instance_set *set,
			    const struct local_addrs *addrs, const struct sa *sa,
			    enum sa_direction direction)
{
	return find_owner(set, addrs, sa, direction, false);
}

unsigned attribute_connection(const struct instance_set *set,
			      const struct local_addrs *addrs,
			      const struct iscsi_connection *connection)
{
	const struct sa ends = {.family = connection->family,
				.saddr = connection->local,
				.daddr = connection->remote};

	return find_owner(set, addrs, &ends, SA_DIR_OUT, true);
}
