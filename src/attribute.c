/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "attribute.h"

#include <string.h>

static bool both_local(const struct sa *sa, const struct local_addrs *addrs)
{
	return local_addrs_find(addrs, sa->family, &sa->daddr) &&
	       local_addrs_find(addrs, sa->family, &sa->saddr);
}

bool attribute_needs_policies(const struct sa *sa, const struct local_addrs *addrs)
{
	return sa->declared == SA_DIR_UNKNOWN && both_local(sa, addrs);
}

enum sa_direction attribute_direction(const struct sa *sa,
				      const struct local_addrs *addrs,
				      const struct policy *policies, size_t n_policies)
{
	if (sa->declared != SA_DIR_UNKNOWN)
		return sa->declared;
	if (both_local(sa, addrs)) {
		enum sa_direction direction =
		    policy_direction(policies, n_policies, sa);

		if (direction != SA_DIR_UNKNOWN)
			return direction;
	} else if (local_addrs_find(addrs, sa->family, &sa->daddr)) {
		return SA_DIR_IN;
	} else if (local_addrs_find(addrs, sa->family, &sa->saddr)) {
		return SA_DIR_OUT;
	}
	return sa->sequence;
}

static bool device_has(const struct instance_rule *rule,
		       const struct local_addrs *addrs, uint16_t family,
		       const struct in6_addr *local)
{
	if (!rule->device[0])
		return true;
	return rule->device_index &&
	       local_addrs_on(addrs, family, local, rule->device_index);
}

static bool ends_match(const struct instance_rule *rule,
		       const struct local_addrs *addrs, uint16_t family,
		       const struct in6_addr *local, const struct in6_addr *remote)
{
	return instance_prefix_holds(&rule->local, family, local) &&
	       instance_prefix_holds(&rule->remote, family, remote) &&
	       device_has(rule, addrs, family, local);
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

static bool owns(const struct instance *instance, const struct local_addrs *addrs,
		 const struct sa *sa, enum sa_direction direction)
{
	for (size_t i = 0; i < instance->n_rules; i++)
		if (rule_matches(&instance->rules[i], addrs, sa, direction))
			return true;
	return false;
}

unsigned attribute_instance(const struct instance_set *set,
			    const struct local_addrs *addrs, const struct sa *sa,
			    enum sa_direction direction)
{
	unsigned best = 0;

	for (size_t i = 1; i < set->n; i++) {
		const struct instance *instance = &set->instances[i];

		if (owns(instance, addrs, sa, direction) &&
		    (best == 0 ||
		     strcmp(instance->name, set->instances[best].name) < 0))
			best = (unsigned)i;
	}
	return best;
}

bool attribute_connection(const struct instance *instance,
			  const struct local_addrs *addrs, uint16_t family,
			  const struct in6_addr *local, const struct in6_addr *remote)
{
	for (size_t i = 0; i < instance->n_rules; i++) {
		const struct instance_rule *rule = &instance->rules[i];

		if ((rule->local.family || rule->remote.family || rule->device[0]) &&
		    ends_match(rule, addrs, family, local, remote))
			return true;
	}
	return false;
}
