/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whether each instance is present, and on which interface. Declared in surroundings.h.
 */
#include "collector/surroundings.h"

static uint32_t ask_if_index(const struct surroundings *around, const char *name)
{
	return name[0] ? around->ops->if_index(around->kernel, name) : 0;
}

bool presence_find_devices(const struct surroundings *around)
{
	struct instance_set *set = &around->inventory->set;
	bool changed = false;

	for (size_t i = 1; i < set->n; i++)
		for (size_t k = 0; k < set->instances[i].n_rules; k++) {
			struct instance_rule *rule = &set->instances[i].rules[k];
			uint32_t index = ask_if_index(around, rule->device);

			changed |= index != rule->device_index;
			rule->device_index = index;
		}
	return changed;
}

struct missing_devices presence_missing_devices(const struct surroundings *around)
{
	const struct instance_set *set = &around->inventory->set;
	struct missing_devices missing = {.n = 0};

	for (size_t i = 1; i < set->n; i++)
		for (size_t k = 0; k < set->instances[i].n_rules; k++) {
			const struct instance_rule *rule = &set->instances[i].rules[k];

			if (!rule->device[0] || rule->device_index)
				continue;
			if (!missing.n++) {
				missing.instance = set->instances[i].name;
				missing.device = rule->device;
			}
		}
	return missing;
}

static uint32_t find_interface(const struct instance *instance,
			       const struct surroundings *around)
{
	uint32_t index = 0;

	for (size_t i = 0; i < instance->n_rules && !index; i++)
		index = instance->rules[i].device_index;
	if (!index && instance->present)
		index = ask_if_index(around, instance->netdev);
	return index ? index : instance->local_if_index;
}

void presence_find_interfaces(const struct surroundings *around)
{
	struct instance_set *set = &around->inventory->set;

	for (size_t i = 1; i < set->n; i++)
		set->instances[i].if_index = find_interface(&set->instances[i], around);
}

static bool is_on_interface(const struct prefix *local, const struct local_addrs *addrs)
{
	for (size_t i = 0; i < addrs->n; i++)
		if (prefix_matches(local, addrs->addrs[i].family,
				   &addrs->addrs[i].addr))
			return true;
	return false;
}

static bool has_local_addr(const struct instance_rule *rule,
			   struct surroundings *around, uint64_t active_sa)
{
	const struct prefix *local = &rule->local;
	uint32_t mark = rule->has_mark ? rule->mark & rule->mark_mask : 0;
	enum local_kind kind;

	if (!local->family || is_on_interface(local, &around->addrs))
		return true;
	kind = local_routes_find(&around->routes, local->family, &local->addr, mark);
	if (kind == LOCAL_OWN || kind == LOCAL_GROUP)
		return true;
	return local->len < (local->family == AF_INET ? 32 : 128) && active_sa > 0;
}

static bool is_present(const struct instance *instance, struct surroundings *around,
		       uint64_t active_sa)
{
	if (instance->present)
		return true;
	for (size_t i = 0; i < instance->n_rules; i++) {
		const struct instance_rule *rule = &instance->rules[i];

		if ((!rule->device[0] || rule->device_index) &&
		    has_local_addr(rule, around, active_sa))
			return true;
	}
	return false;
}

void presence_refresh(struct surroundings *around)
{
	const struct rows *rows = around->rows;
	struct instance *instances = rows->set->instances;

	instances[0].active = true;
	for (size_t i = 1; i < rows->n; i++)
		instances[i].active = is_present(&instances[i], around,
						 rows_totals(rows, i)->stats.active_sa);
}

void presence_clear(const struct surroundings *around)
{
	struct instance_set *set = &around->inventory->set;

	for (size_t i = 0; i < set->n; i++) {
		set->instances[i].active = false;
		set->instances[i].if_index = 0;
		set->instances[i].sessions = 0;
	}
}
